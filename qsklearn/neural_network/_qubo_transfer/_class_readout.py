"""From draws of a class unit to counts of classes."""

from dataclasses import dataclass

import numpy as np

READOUTS = ("onehot", "lowest", "marginal", "lowest_fraction")


@dataclass
class ClassCounts:
    """What draws say of the classes, one row a data point.

    Attributes
    ----------
    counts : ndarray of shape (n_samples, n_classes)
        Reads for each class; a read with several class bits up counts for each of them in the
        readouts that take it.
    lowest : ndarray of shape (n_samples, n_classes)
        Lowest energy of the reads that count for a class; infinite where there are none.
    one_hot : ndarray of shape (n_samples,)
        Part of the reads with exactly one class bit up.
    class_bits_up : ndarray of shape (n_samples,)
        Mean number of class bits that are up: what the paper's tables show as row sums.
    """

    counts: np.ndarray
    lowest: np.ndarray
    one_hot: np.ndarray
    class_bits_up: np.ndarray

    @classmethod
    def concatenate(cls, parts):
        """The counts of several batches of data points as one."""
        names = ("counts", "lowest", "one_hot", "class_bits_up")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @property
    def is_empty(self):
        """Data points of which no read counts for any class."""
        return self.counts.sum(axis=1) == 0

    def winners(self):
        """Numbers of the classes with most reads; of those that tie, the one lowest in energy."""
        most = self.counts == self.counts.max(axis=1, keepdims=True)
        finite = np.minimum(self.lowest, np.finfo(float).max)  # expected ones have no reads
        return np.where(most, finite, np.inf).argmin(axis=1)

    def probabilities(self):
        """Frequencies of the classes, smoothed by one read shared among all of them."""
        n_classes = self.counts.shape[1]
        smoothed = self.counts + 1.0 / n_classes
        return smoothed / smoothed.sum(axis=1, keepdims=True)

    def replace(self, rows, other):
        """Take some rows from the counts of other draws.

        Parameters
        ----------
        rows : ndarray of int
        other : ClassCounts
            Of ``len(rows)`` data points.
        """
        self.counts[rows], self.lowest[rows] = other.counts, other.lowest


def count_classes(class_bits, energies, readout, lowest_fraction):
    """Count the reads for each class.

    Parameters
    ----------
    class_bits : ndarray of shape (n_samples, num_reads, n_classes), values 0 or 1
    energies : ndarray of shape (n_samples, num_reads)
    readout : {"onehot", "lowest", "marginal", "lowest_fraction"}
        Reads with exactly one class bit up; of these the lowest in energy, which then stands for
        all; all reads; or the part of them that is lowest in energy (that of the paper).
    lowest_fraction : float
        That part.

    Returns
    -------
    ClassCounts
    """
    bits = class_bits.astype(bool)
    ups = bits.sum(axis=2)
    one_hot = ups == 1
    energies = energies[..., np.newaxis]
    taken = bits
    if readout in ("onehot", "lowest"):
        taken = bits & one_hot[..., np.newaxis]
    elif readout == "lowest_fraction":
        taken = bits & _are_lowest(energies[..., 0], lowest_fraction)[..., np.newaxis]
    lowest = np.where(taken, energies, np.inf).min(axis=1)
    counts = taken.sum(axis=1).astype(float)
    if readout == "lowest":
        is_best = np.arange(counts.shape[1]) == lowest.argmin(axis=1)[:, np.newaxis]
        counts = np.where(is_best, counts.sum(axis=1, keepdims=True), 0.0)
    return ClassCounts(counts, lowest, one_hot.mean(axis=1), ups.mean(axis=1))


def _are_lowest(energies, fraction):
    """The reads, at least one, that are lowest in energy."""
    n_lowest = max(1, round(fraction * energies.shape[1]))
    ranks = energies.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return ranks < n_lowest
