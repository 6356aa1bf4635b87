"""Several classes as problems of two, in a way that their names do not matter for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassProblems:
    """One class against the rest, for each class; two classes make one problem.

    The side that weighs more is +1. That side, the order in which ties between classes are
    decided, and the streams of random numbers depend on the data alone.

    Parameters
    ----------
    patterns : ndarray of shape (n_patterns, n_inputs), int8
        ±1.
    table : ndarray of shape (n_patterns, n_classes), int64
        What each class weighs at each pattern.
    """

    patterns: np.ndarray
    table: np.ndarray

    @classmethod
    def from_rows(cls, inputs, codes, n_classes, weights):
        """Merge rows of equal inputs."""
        from qsklearn.circuits._labelled_patterns import merge_rows

        return cls(*merge_rows(inputs, codes, n_classes, weights))

    @property
    def n_classes(self):
        """Number of classes."""
        return self.table.shape[1]

    @property
    def n_problems(self):
        """Number of problems."""
        return 1 if self.n_classes == 2 else self.n_classes

    @cached_property
    def ranks(self):
        """Rank of each class, the heaviest first; of equally heavy ones that with less of the
        first pattern that they differ at.
        """
        weights = self.table.sum(axis=0)
        order = sorted(range(self.n_classes), key=lambda k: (-weights[k], *self.table[:, k]))
        return np.argsort(order)

    @cached_property
    def signs(self):
        """For each problem 1 where +1 is the class, -1 where it is the rest; of two classes 1 where
        it is the second.
        """
        return np.array(
            [1 if self._plain(number).is_majority_up else -1 for number in range(self.n_problems)]
        )

    def data(self, number, signs=None):
        """The labelled patterns of a problem.

        Parameters
        ----------
        number : int
        signs : ndarray of shape (n_problems,), default=None
            Of other data, to be labelled alike.
        """
        plain = self._plain(number)
        return plain if (self.signs if signs is None else signs)[number] > 0 else plain.turned()

    def _plain(self, number):
        from qsklearn.circuits import LabelledPatterns

        up = self.table[:, 1 if self.n_classes == 2 else number]
        return LabelledPatterns(self.patterns, up, self.table.sum(axis=1) - up)
