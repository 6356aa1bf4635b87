"""Searches by amplitude amplification: thresholds, schedules, budgets, and what they count."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qsklearn.circuits._amplification import iteration_ranges


class MeasurementFailure(RuntimeError):
    """A backend failed for a reason of its own."""


@dataclass
class SearchRecord:
    """What a search found, and what it asked for.

    Parameters
    ----------
    best : int, default=-1
        Highest score that was measured.
    n_queries : int, default=0
        Uses of the oracle: iterations over all attempts.
    n_measurements : int, default=0
        Attempts; each ends with a measured setting, which is verified classically.
    n_queries_to_best : int, default=0
        Uses until the best score was measured. The rest was spent in vain on a better one.
    path : list of (int, int)
        Uses and score, each time that a better one was measured.
    stop_reason : str, default=None
        Why it ended before its time: ``"interrupted"``, or ``"sampler: "`` and a failure.
    """

    best: int = -1
    n_queries: int = 0
    n_measurements: int = 0
    n_queries_to_best: int = 0
    path: list = field(default_factory=list)
    stop_reason: str | None = None

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the network, forward or back: two an iteration and one an attempt."""
        return 2 * self.n_queries + self.n_measurements

    def note(self, iterations: int, score: int) -> None:
        """Count an attempt."""
        self.n_queries += iterations
        self.n_measurements += 1
        if score > self.best:
            self.best, self.n_queries_to_best = score, self.n_queries
            self.path.append((self.n_queries, score))

    def add(self, later: SearchRecord) -> None:
        """Count a search that followed."""
        for queries, score in later.path:
            if score > self.best:
                self.best, self.n_queries_to_best = score, self.n_queries + queries
                self.path.append((self.n_queries_to_best, score))
        self.n_queries += later.n_queries
        self.n_measurements += later.n_measurements
        self.stop_reason = later.stop_reason or self.stop_reason

    def can_afford(self, iterations: int, max_queries: int) -> bool:
        """Whether another attempt stays within a budget.

        Of attempts without iterations there are twice as many, for as many evaluations.
        """
        return self.n_queries + iterations <= max_queries and self.n_measurements < 2 * max_queries


def default_max_queries(n_states: int) -> int:
    """The budget within which a maximum is found with probability one half at least.

    Parameters
    ----------
    n_states : int

    Returns
    -------
    max_queries : int
        22.5 times the root of the number of states. In practice far more than half of the searches
        succeed.

    References
    ----------
    Dürr, C. and Høyer, P. A quantum algorithm for finding the minimum (1996).
    """
    return int(22.5 * n_states**0.5)


def search(oracle, *, least, schedule, max_queries, rng, ceiling=None, start=None) -> SearchRecord:
    """Look for a setting of a high score.

    Parameters
    ----------
    oracle : object
        Has ``n_states`` and ``measure(iterations, least)``, which returns the score of a setting
        measured after amplifying those with at least this score.
    least : int or None
        The score to reach. None: the highest there is.
    schedule : {"maximum", "bbht", "linear"} or int
        How many iterations an attempt has, see ``iteration_ranges``. With ``"maximum"``, and
        with any schedule where no score is given, the oracle marks what is better than the best
        measurement so far, beginning with a random setting (Dürr and Høyer); else what reaches
        ``least``.
    max_queries : int
        Uses of the oracle, and half the attempts, not to be exceeded.
    rng : numpy.random.Generator
    ceiling : int, default=None
        A score that nothing can exceed, which ends the search for the highest one. Where it is not
        reached only the budget does: nobody can tell that there is nothing better.
    start : int, default=None
        The score of a setting at hand, which stands for a random one.

    Returns
    -------
    record : SearchRecord
    """
    record = SearchRecord()
    rises = least is None or schedule == "maximum"
    if start is not None:
        record.best = start
    elif rises:
        record.note(0, oracle.measure(0, 0))
    ranges = iteration_ranges(schedule, oracle.n_states)
    enough = (np.inf if ceiling is None else ceiling) if least is None else least
    while record.best < enough:
        iterations = _draw(ranges, rng)
        if not record.can_afford(iterations, max_queries):
            break
        best = record.best
        try:
            score = oracle.measure(iterations, best + 1 if rises else least)
        except (KeyboardInterrupt, MeasurementFailure) as error:
            if record.n_measurements == 0:
                raise
            record.stop_reason = reason_of(error)
            break
        record.note(iterations, score)
        if rises and record.best > best:
            ranges = iteration_ranges(schedule, oracle.n_states)
    if record.best < 0:  # not even one attempt was within the budget
        record.note(0, oracle.measure(0, 0))
    return record


def reason_of(error: BaseException) -> str:
    """What a fit that ended so says."""
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"sampler: {error}"


def collect(oracle, *, least, n_solutions, schedule, max_queries, rng, accept=None, record=None):
    """Measure distinct settings of a high score, each of which is then deselected.

    Parameters
    ----------
    oracle : object
        Has ``n_states`` and ``measure_new(iterations, least)``: a setting with at least this score
        that was not returned before, or None where the measurement gave another one.
    least : int
    n_solutions : int
    schedule : {"maximum", "bbht", "linear"} or int
    max_queries : int
        Uses of the oracle, and half the attempts, not to be exceeded. They are all spent if there
        are too few such settings.
    rng : numpy.random.Generator
    accept : callable, default=None
        ``accept(setting)`` tells whether a setting counts.
    record : SearchRecord, default=None
        Of what was collected before, within the same budget; it is added to.

    Returns
    -------
    settings : list
        All that were measured.
    accepted : list of bool
    record : SearchRecord
    """
    record = SearchRecord() if record is None else record
    settings, accepted = [], []
    ranges = iteration_ranges(schedule, oracle.n_states)
    while sum(accepted) < n_solutions:
        iterations = _draw(ranges, rng)
        if not record.can_afford(iterations, max_queries):
            break
        try:
            setting = oracle.measure_new(iterations, least)
        except (KeyboardInterrupt, MeasurementFailure) as error:
            record.stop_reason = reason_of(error)
            break
        record.note(iterations, least if setting is not None else -1)
        if setting is not None:
            settings.append(setting)
            accepted.append(accept is None or bool(accept(setting)))
            ranges = iteration_ranges(schedule, oracle.n_states)
    return settings, accepted, record


def _draw(ranges, rng) -> int:
    low, high = next(ranges)
    return int(rng.integers(low, high + 1))
