"""Measurements after amplification, drawn from their exact law by the landscape."""

from __future__ import annotations

import numpy as np

from qsklearn.circuits._amplification import success_probability
from qsklearn.circuits._landscape import Landscape


class LandscapeOracle:
    """What a noiseless circuit would measure, without one.

    A measurement gives a marked setting with probability sin²((2k + 1)θ), and given that, any of
    the marked ones with the same probability; likewise those that are not marked.

    Parameters
    ----------
    landscape : Landscape
    rng : numpy.random.Generator

    Attributes
    ----------
    n_circuits : int
        None are run.
    """

    n_circuits = 0

    def __init__(self, landscape: Landscape, rng: np.random.Generator):
        self.landscape, self.rng = landscape, rng
        self.n_states = int(landscape.histogram.sum())
        self._below = np.concatenate([[0], np.cumsum(landscape.histogram)])
        self._best = -1
        self._taken: set[int] = set()

    def measure(self, iterations: int, least: int) -> int:
        """Score of a setting measured after amplifying those with at least some score."""
        below = int(self._below[min(max(0, least), len(self._below) - 1)])
        if self._succeeds(self.n_states - below, iterations):
            rank = self.rng.integers(below, self.n_states)
        else:
            rank = self.rng.integers(below)
        score = int(np.searchsorted(self._below, rank, side="right")) - 1
        self._best = max(score, self._best)
        return score

    @property
    def best_setting(self) -> int:
        """The best that was measured: any of those with its score."""
        return self.landscape.draw(self._best, self.rng)

    def take(self, setting: int) -> None:
        """Do not return a setting any more."""
        self._taken.add(setting)

    def measure_new(self, iterations: int, least: int) -> int | None:
        """A setting with at least some score that was not returned before.

        ``least`` stays the same, and all that were taken have that score.
        """
        n_marked = self.landscape.n_at_least(least)
        if not self._succeeds(n_marked - len(self._taken), iterations):
            return None
        while True:
            rank = self.rng.integers(n_marked)
            setting = int(self.landscape.locate(least, [rank])[0])
            if setting not in self._taken:
                self._taken.add(setting)
                return setting

    def _succeeds(self, n_marked: int, iterations: int) -> bool:
        # An empty set has probability 0, and all states have probability 1, exactly.
        if n_marked in (0, self.n_states):
            return n_marked > 0
        share = n_marked / self.n_states
        return bool(self.rng.random() < success_probability(share, iterations))
