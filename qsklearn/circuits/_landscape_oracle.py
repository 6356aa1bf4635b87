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
    """

    def __init__(self, landscape: Landscape, rng: np.random.Generator):
        self.landscape, self.rng = landscape, rng
        self.n_states = int(landscape.histogram.sum())
        self._below = np.concatenate([[0], np.cumsum(landscape.histogram)])
        self._taken: set[int] = set()

    def measure(self, iterations: int, least: int) -> int:
        """Score of a setting measured after amplifying those with at least some score."""
        below = int(self._below[max(0, least)])
        if self._succeeds(self.n_states - below, iterations):
            rank = self.rng.integers(below, self.n_states)
        else:
            rank = self.rng.integers(below)
        return int(np.searchsorted(self._below, rank, side="right")) - 1

    def measure_new(self, iterations: int, least: int) -> int | None:
        """A setting with at least some score, always the same one, that was not measured before."""
        n_marked = self.landscape.n_at_least(least)
        if not self._succeeds(n_marked - len(self._taken), iterations):
            return None
        rank = int(self.rng.integers(n_marked))
        while rank in self._taken:
            rank = int(self.rng.integers(n_marked))
        self._taken.add(rank)
        return int(self.landscape.locate(least, [rank])[0])

    def _succeeds(self, n_marked: int, iterations: int) -> bool:
        # An empty set has probability 0, and all states have probability 1, exactly.
        if n_marked in (0, self.n_states):
            return n_marked > 0
        return self.rng.random() < success_probability(n_marked / self.n_states, iterations)
