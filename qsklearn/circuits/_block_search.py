"""Search unit by unit: networks whose settings are too many to be searched at once."""

from __future__ import annotations

import numpy as np

from qsklearn.circuits._landscape import NetworkScorer
from qsklearn.circuits._landscape_oracle import LandscapeOracle
from qsklearn.circuits._search import SearchRecord, search

_PATIENCE = 2  # turns of all units that may bring nothing


class BlockSearch:
    """Searches from random starts, in which the units take turns.

    One unit's settings are searched by amplitude amplification while the others stay, and it takes
    one of the best at random, also one that is only as good: such steps lead off plateaus. A start
    ends after two turns of all units that brought nothing.

    Parameters
    ----------
    scorer : NetworkScorer
    least : int or None
        Score at which a start may end. None: go on as long as it gets better.
    schedule : {"maximum", "bbht", "linear"} or int
    max_queries : int
        Uses of the oracle, and half the attempts, for one turn of one unit: to find what is better,
        and if nothing is found, again for another setting that is as good.
    rng : numpy.random.Generator

    Attributes
    ----------
    record : SearchRecord
        Over all starts.
    """

    def __init__(self, scorer: NetworkScorer, *, least, schedule, max_queries: int, rng):
        self.scorer, self.least, self.rng = scorer, least, rng
        self.schedule, self.max_queries = schedule, max_queries
        self.record = SearchRecord()

    def run(self) -> tuple[np.ndarray, int]:
        """Search from one random start, until it ends or is interrupted.

        Returns
        -------
        units : ndarray of shape (n_hidden,), int64
            Settings of the units.
        score : int
        """
        n_hidden = self.scorer.network.n_hidden
        units = self.rng.integers(self.scorer.n_settings, size=n_hidden)
        score, turns_in_vain = -1, 0
        while turns_in_vain < _PATIENCE and not self._is_enough(score):
            before = score
            for unit in self.rng.permutation(n_hidden):
                score = self._turn(units, unit, score)
                if self.record.stop_reason is not None:
                    return units, score
            turns_in_vain = 0 if score > before else turns_in_vain + 1
        return units, score

    def _is_enough(self, score: int) -> bool:
        best = self.scorer.data.best_conceivable if self.least is None else self.least
        return score >= best

    def _turn(self, units: np.ndarray, unit: int, score: int) -> int:
        """Search the settings of one unit, which takes the best that was measured."""
        landscape = self.scorer.unit_settings(np.delete(units, unit))
        if score < 0:
            score = int(landscape.scores[units[unit]])
            self.record.note(0, score)
        oracle = LandscapeOracle(landscape, self.rng)
        found = search(
            oracle,
            least=None,
            schedule=self.schedule,
            max_queries=self.max_queries,
            rng=self.rng,
            ceiling=self.scorer.data.best_conceivable,
            start=score,
        )
        self.record.add(found)
        if found.best == score and found.stop_reason is None:
            found = self._move_sideways(oracle, score)
        if found.best < score:
            return score
        units[unit] = landscape.draw(found.best, self.rng)
        return found.best

    def _move_sideways(self, oracle: LandscapeOracle, score: int) -> SearchRecord:
        """Search for another setting that is as good."""
        found = search(
            oracle,
            least=score,
            schedule="bbht" if self.schedule == "maximum" else self.schedule,
            max_queries=self.max_queries,
            rng=self.rng,
        )
        self.record.add(found)
        return found
