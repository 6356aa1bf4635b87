"""Training one binary network on one problem: this class or the others.

``circuits`` does the searching; here is what an estimator makes of it: thresholds from accuracies,
solutions that pass validation, and what to say when a target is out of reach.
"""

from dataclasses import dataclass

import numpy as np

# Settings that are equally accurate are drawn in so many times the number wanted, where connections
# are searched, to keep the sparsest.
_CANDIDATES = 4
# A solution has overfitted where validation is worse than training by so many standard errors.
_STANDARD_ERRORS = 2.0


@dataclass
class SearchSettings:
    """How an estimator searches; its parameters after they were resolved.

    Parameters
    ----------
    target : "max" or float
    schedule : str or int
    max_queries : int
    n_solutions : int
    by_blocks : bool
    n_threads : int
    sampler : "landscape", or a backend of circuits
        None is Aer.
    caller : str
    """

    target: object
    schedule: object
    max_queries: int
    n_solutions: int
    by_blocks: bool
    n_threads: int
    sampler: object
    caller: str


@dataclass
class TrainedNetworks:
    """What was found for one problem.

    Parameters
    ----------
    spins : ndarray of shape (n_solutions, n_qubits), int8
        The best first.
    accuracy : float
        Of the best on the training data.
    histogram : ndarray of shape (total + 1,), int64, or None
        Number of settings with each score, where all were enumerated.
    record : SearchRecord
        Of the search for the best accuracy.
    n_queries, n_measurements : int
        In all.
    n_circuits : int
    n_deselected : int
        Solutions that failed validation.
    is_reached : bool
        Whether the accuracy is what was asked for.
    stop_reason : str
    """

    spins: np.ndarray
    accuracy: float
    histogram: np.ndarray | None
    record: object
    n_queries: int
    n_measurements: int
    n_circuits: int
    n_deselected: int
    is_reached: bool
    stop_reason: str


def needed_score(total, target):
    """The score of a target accuracy; None for "max"."""
    if target == "max":
        return None
    # An accuracy of 0.9 of 10 is 9, whatever its rounding.
    return int(np.ceil(target * total - 1e-9))


def train(network, data, settings, rng, validation=None):
    """Search for weights.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
    settings : SearchSettings
    rng : numpy.random.Generator
    validation : (LabelledPatterns, int), default=None
        Held-out data, and how many points they are. Solutions that are worse there than chance
        explains are deselected.

    Returns
    -------
    TrainedNetworks
    """
    run = _train_by_blocks if settings.by_blocks else _train_at_once
    return run(network, data, settings, rng, _Validation(network, data, validation))


class _Validation:
    """Tells which settings generalise to held-out data."""

    def __init__(self, network, data, held):
        self.network, self.data = network, data
        self.held, self.n_held = held or (None, 0)

    def accepts(self, spins):
        """Whether each setting's accuracy falls by no more than chance explains, of (n, W)."""
        if self.held is None:
            return np.ones(len(spins), bool)
        return self.accuracies(spins) >= self._least(spins)

    def accuracies(self, spins):
        """Accuracies (n,) on the held-out data."""
        outputs = self.network.outputs(spins, self.held.patterns)
        return self.held.score(outputs) / self.held.total

    def _least(self, spins):
        outputs = self.network.outputs(spins, self.data.patterns)
        trained = self.data.score(outputs) / self.data.total
        # Two right and two wrong ones more: an accuracy of 1 has an error as well.
        n_held = self.n_held + 4
        smoothed = (trained * self.n_held + 2) / n_held
        return trained - _STANDARD_ERRORS * np.sqrt(smoothed * (1 - smoothed) / n_held)

    def choose(self, spins, n_solutions):
        """The settings to keep, in their order: those that pass, else the best on held-out data."""
        passing = np.flatnonzero(self.accepts(spins))
        if len(passing) == 0:
            accuracies = self.accuracies(spins)
            passing = np.flatnonzero(accuracies == accuracies.max())
        return spins[passing[:n_solutions]]


def _train_at_once(network, data, settings, rng, validation):
    """All settings of all weights in one superposition."""
    from qsklearn.circuits import accuracy_landscape
    from qsklearn.circuits._circuit_oracle import CircuitOracle
    from qsklearn.circuits._landscape_oracle import LandscapeOracle
    from qsklearn.circuits._search import collect, search

    landscape = accuracy_landscape(network, data, n_threads=settings.n_threads)
    if isinstance(settings.sampler, str):
        oracle = LandscapeOracle(landscape, rng)
    else:
        oracle = CircuitOracle(
            network, data, backend=settings.sampler, rng=rng, caller=settings.caller
        )
    least = needed_score(data.total, settings.target)
    if least is not None and least > data.best_conceivable:
        least = None  # labels contradict each other: nothing reaches it
    common = {"schedule": settings.schedule, "max_queries": settings.max_queries, "rng": rng}
    record = search(oracle, least=least, ceiling=data.best_conceivable, **common)
    least = record.best if least is None else min(least, record.best)
    first = oracle.best_setting
    oracle.take(first)

    def accepts(setting):
        return validation.accepts(network.spins([setting]))[0]

    found, more = [first], None
    wanted = settings.n_solutions * (_CANDIDATES if network.search_connections else 1)
    wanted -= int(accepts(first))
    if wanted > 0 and record.stop_reason is None:
        later, _, more = collect(oracle, least=least, n_solutions=wanted, accept=accepts, **common)
        found += later
    spins = network.spins(found)
    return _summarise(
        network, data, settings, validation, spins, [record, more],
        histogram=landscape.histogram, n_circuits=getattr(oracle, "n_circuits", 0),
    )  # fmt: skip


def _train_by_blocks(network, data, settings, rng, validation):
    """Unit by unit from random starts, each of which gives a solution."""
    from qsklearn.circuits._block_search import BlockSearch
    from qsklearn.circuits._landscape import NetworkScorer
    from qsklearn.circuits._search import reason_of

    scorer = NetworkScorer(network, data, settings.n_threads)
    least = needed_score(data.total, settings.target)
    blocks = BlockSearch(
        scorer, least=least, schedule=settings.schedule, max_queries=settings.max_queries, rng=rng
    )
    found = {}
    try:
        for _ in range(settings.n_solutions):
            units, score = blocks.run()
            found[tuple(units.tolist())] = score
            if blocks.record.stop_reason is not None:
                break
    except KeyboardInterrupt as error:
        if not found:
            raise
        blocks.record.stop_reason = reason_of(error)
    starts = list(found)
    if least is not None and max(found.values()) >= least:
        starts = [units for units in starts if found[units] >= least]
    columns = np.array(starts).T
    spins = np.concatenate([network.unit_spins(states) for states in columns], axis=1)
    return _summarise(network, data, settings, validation, spins, [blocks.record, None])


def _order(network, data, spins):
    """The most accurate settings first, and of equally accurate ones the sparsest."""
    scores = data.score(network.outputs(spins, data.patterns))
    n_links = (network.unpack(spins)[0] != 0).sum(axis=(1, 2))
    return spins[np.lexsort([n_links, -scores])]


def _summarise(network, data, settings, validation, spins, records, histogram=None, n_circuits=0):
    record, more = records
    done = [each for each in records if each is not None]
    least = needed_score(data.total, settings.target)
    is_reached = least is None or record.best >= least
    ended = next((each.stop_reason for each in done if each.stop_reason), None)
    if ended is None and least is None and record.best == data.best_conceivable:
        ended = "perfect"
    elif ended is None and least is not None and is_reached:
        ended = "target"
    elif ended is None:
        ended = "converged" if settings.by_blocks else "max_queries"
    kept = validation.choose(_order(network, data, spins), settings.n_solutions)
    return TrainedNetworks(
        spins=kept,
        accuracy=record.best / data.total,
        histogram=histogram,
        record=record,
        n_queries=sum(each.n_queries for each in done),
        n_measurements=sum(each.n_measurements for each in done),
        n_circuits=n_circuits,
        n_deselected=int((~validation.accepts(spins)).sum()),
        is_reached=is_reached,
        stop_reason=ended,
    )
