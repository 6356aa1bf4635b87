"""The accuracies of all settings of a binary network, by enumeration."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from qsklearn._checks import check_flag, check_instance, check_integer, check_integers
from qsklearn._kernels import _binary_network as kernels
from qsklearn._kernels._threads import run_blocks
from qsklearn._memory import check_memory
from qsklearn.circuits._binary_network import BinaryNetwork
from qsklearn.circuits._labelled_patterns import LabelledPatterns

_NAME = "Landscape"
# Outputs of a unit: what is kept of all its settings, and what is worked out at once beyond that.
_TABLE_BYTES, _SEGMENT_BYTES = 2**28, 2**24
_HISTOGRAM_BYTES = 2**26
_MOST_BLOCKS = 64
_SCAN_BLOCK = 2**16
_LOW_WEIGHTS = 8  # whose settings are worked out together
_SHORT = 2**12  # settings that are not worth a pool of threads


@dataclass(frozen=True, eq=False)
class Landscape:
    """Scores of all settings of a network on some data.

    Parameters
    ----------
    scores : ndarray of shape (n_states,), uint16 or uint32
        Weight of the data points that each setting classifies correctly.
    histogram : ndarray of shape (total + 1,), int64
        Number of settings with each score.
    n_threads : int, default=1
        For searching the scores.

    See Also
    --------
    accuracy_landscape : Makes one.

    Examples
    --------
    >>> from qsklearn.circuits import BinaryNetwork, LabelledPatterns, accuracy_landscape
    >>> data = LabelledPatterns.from_rows([[-1, -1], [-1, 1], [1, 1]], [-1, 1, 1])
    >>> landscape = accuracy_landscape(BinaryNetwork(2, 1), data)
    >>> landscape.total, landscape.best, landscape.n_at_least(3)
    (3, 3, 1)
    >>> int(landscape.locate(3, [0])[0])  # both weights and the output weight are up
    7
    """

    scores: np.ndarray
    histogram: np.ndarray
    n_threads: int = 1
    _counts: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, axis in (("scores", "n_states"), ("histogram", "n_levels")):
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "ui":
                raise ValueError(
                    f"The {name!r} parameter of {_NAME} must be an ndarray of integers of shape "
                    f"({axis},). Got {type(array).__name__} instead, or another array."
                )
        if not self.histogram.any():
            raise ValueError(f"The 'histogram' parameter of {_NAME} must count a setting.")
        check_integer(self.n_threads, "n_threads", _NAME, 1)

    @property
    def total(self) -> int:
        """Score of a network that is always right."""
        return len(self.histogram) - 1

    @property
    def best(self) -> int:
        """Largest score of any setting."""
        return int(np.flatnonzero(self.histogram)[-1])

    @property
    def accuracies(self) -> np.ndarray:
        """Accuracies (n_states,), float32."""
        return self.scores / np.float32(self.total)

    def n_at_least(self, least: int) -> int:
        """Count the settings that reach a score.

        Parameters
        ----------
        least : int

        Returns
        -------
        n_settings : int
        """
        least = check_integer(least, "least", _NAME)
        return int(self.histogram[max(0, least) :].sum())

    def locate(self, least: int, ranks, *, most: int | None = None) -> np.ndarray:
        """Settings among those with a score within some range.

        Parameters
        ----------
        least : int
        ranks : array-like of int of shape (n_ranks,)
            Which of them, in the order of their numbers; in any order.
        most : int, default=None
            Largest score, inclusive; None is no limit.

        Returns
        -------
        states : ndarray of shape (n_ranks,), int64
        """
        if not len(self.scores):
            raise ValueError(
                f"A {_NAME} without scores, as of keep_scores=False, cannot say which settings "
                "have one. Make it with keep_scores=True."
            )
        # Beyond all scores any number means the same.
        least = min(max(check_integer(least, "least", _NAME), -1), self.total + 1)
        most = self.total if most is None else check_integer(most, "most", _NAME)
        most = min(max(most, -1), self.total)
        n_found = int(self.histogram[max(0, least) : most + 1].sum())
        limits = {"low": 0, "high": n_found}
        ranks = check_integers(ranks, "ranks", f"{_NAME}.locate", "n_ranks", **limits)
        before, edges = self._counts_before(least, most)
        blocks = np.searchsorted(before, ranks, side="right") - 1
        states = np.empty(len(ranks), np.int64)
        for block in np.unique(blocks):
            chosen = np.flatnonzero(blocks == block)
            chosen = chosen[np.argsort(ranks[chosen], kind="stable")]
            places = np.empty(len(chosen), np.int64)
            within = ranks[chosen] - before[block]
            kernels.locate_ranks(self.scores, least, most, within, edges[block], places)
            states[chosen] = places
        return states

    def draw(self, score: int, rng: np.random.Generator) -> int:
        """A random setting of a score.

        Parameters
        ----------
        score : int
            That some setting has.
        rng : numpy.random.Generator

        Returns
        -------
        state : int
        """
        check_instance(rng, np.random.Generator, "rng", f"{_NAME}.draw")
        score = check_integer(score, "score", f"{_NAME}.draw", 0, len(self.histogram))
        if not self.histogram[score]:
            raise ValueError(
                f"The 'score' parameter of {_NAME}.draw must be one that some setting has. Got "
                f"{score} instead."
            )
        rank = rng.integers(self.histogram[score])
        return int(self.locate(score, [rank], most=score)[0])

    def _counts_before(self, least: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Settings of such scores before each block of numbers, and the blocks' edges."""
        if (least, most) not in self._counts:
            n_blocks = -(-len(self.scores) // _SCAN_BLOCK)
            edges = np.minimum(np.arange(n_blocks + 1) * _SCAN_BLOCK, len(self.scores))
            counts = np.empty(n_blocks, np.int64)
            run_blocks(
                kernels.count_between, n_blocks, self.n_threads, self.scores, least, most, counts,
                edges, is_short=n_blocks < _MOST_BLOCKS,
            )  # fmt: skip
            before = np.concatenate([[0], np.cumsum(counts)])
            self._counts[least, most] = before, edges
        return self._counts[least, most]


def accuracy_landscape(
    network: BinaryNetwork, data: LabelledPatterns, *, n_threads: int = 1, keep_scores: bool = True
) -> Landscape:
    """Score all settings of a network.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
        Of as many inputs.
    n_threads : int, default=1
        The result does not depend on it.
    keep_scores : bool, default=True
        Else only the histogram is made, which needs no memory that grows with the settings.

    Returns
    -------
    landscape : Landscape

    Raises
    ------
    MemoryError
        If the machine has not enough for two bytes a setting (four where scores exceed 65535).
    ValueError
        If the data have other inputs than the network.

    Examples
    --------
    Eight of 256 settings of two units represent sign(x3 x1 + x2) on all inputs, the first problem
    of Fawaz et al.:

    >>> from itertools import product
    >>> from qsklearn.circuits import BinaryNetwork, LabelledPatterns, accuracy_landscape
    >>> rows = list(product([-1, 1], repeat=3))
    >>> labels = [1 if x3 * x1 + x2 >= 0 else -1 for x1, x2, x3 in rows]
    >>> data = LabelledPatterns.from_rows(rows, labels)
    >>> accuracy_landscape(BinaryNetwork(3, 2), data).histogram.tolist()
    [0, 0, 8, 0, 120, 0, 120, 0, 8]
    """
    caller = "accuracy_landscape"
    check_instance(network, BinaryNetwork, "network", caller)
    check_instance(data, LabelledPatterns, "data", caller)
    n_threads = check_integer(n_threads, "n_threads", caller, 1)
    check_flag(keep_scores, "keep_scores", caller)
    return NetworkScorer(network, data, n_threads).all_settings(keep_scores=keep_scores)


class NetworkScorer:
    """Scores of a network's settings, all of them or those of one unit.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
    n_threads : int, default=1
    """

    def __init__(self, network: BinaryNetwork, data: LabelledPatterns, n_threads: int = 1):
        if data.n_inputs != network.n_inputs:
            raise ValueError(
                f"The 'data' of a landscape must have the {network.n_inputs} inputs of the "
                f"network. Got {data.n_inputs} instead."
            )
        self.network, self.data, self.n_threads = network, data, n_threads
        inputs, self._labels, self._is_slot, self._word_weights = data.packed()
        if network.fit_bias:
            inputs = np.concatenate([inputs, np.full((1, inputs.shape[1]), ~np.uint64(0))])
        self._inputs = inputs
        self.n_settings = 2**network.n_unit_qubits
        fits = self.n_settings * self._bytes_of_outputs <= _TABLE_BYTES
        self._table = self._outputs(0, self.n_settings) if fits else None

    @property
    def _bytes_of_outputs(self) -> int:
        """Of a unit in one setting on all data."""
        return 8 * len(self._labels)

    def _outputs(self, first_state: int, n_states: int) -> np.ndarray:
        """Outputs of a unit (n_words, n_states) for some of its settings."""
        network = self.network
        outputs = np.empty((self._inputs.shape[1], n_states), np.uint64)
        n_low = min(_LOW_WEIGHTS, network.n_inputs, n_states.bit_length() - 1)
        run_blocks(
            kernels.unit_outputs, n_states >> n_low, self.n_threads, self._inputs,
            network.n_maskable, network.absent_code, network.output_weights, first_state, n_low,
            outputs, is_short=n_states < _SHORT,
        )  # fmt: skip
        return outputs

    def _segments(self):
        """Outputs of a unit, for ranges of its settings that start at the first number."""
        if self._table is not None:
            yield 0, self._table
            return
        size = 2 ** max(_LOW_WEIGHTS, (_SEGMENT_BYTES // self._bytes_of_outputs).bit_length() - 1)
        for first in range(0, self.n_settings, size):
            yield first, self._outputs(first, size)

    def all_settings(self, *, keep_scores: bool = True) -> Landscape:
        """Score all settings of all units."""
        network = self.network
        if network.n_hidden == 1:
            return self.unit_settings(np.empty(0, np.int64), keep_scores=keep_scores)
        n_rows = self.n_settings ** (network.n_hidden - 1)
        table = self._table
        if table is None:
            check_memory(
                self.n_settings * self._bytes_of_outputs,
                f"The outputs of a unit's 2^{network.n_unit_qubits} settings",
                "Use fewer inputs, or search='block' of GroverBNNClassifier.",
            )
            table = self._outputs(0, self.n_settings)
        scores = self._empty_scores((n_rows, self.n_settings), keep_scores)
        histograms = self._empty_histograms(n_rows)
        n_blocks = len(histograms)
        edges = np.arange(n_blocks + 1) * n_rows // n_blocks
        run_blocks(
            kernels.score_networks, n_blocks, self.n_threads, table, network.n_hidden - 1,
            self._labels, self._is_slot, self._word_weights, self.data.base, scores, histograms,
            edges,
        )  # fmt: skip
        return Landscape(scores.ravel(), histograms.sum(axis=0), self.n_threads)

    def unit_settings(self, others, *, keep_scores: bool = True) -> Landscape:
        """Score all settings of one unit, whose number is the place in the landscape.

        Parameters
        ----------
        others : ndarray of int of shape (n_hidden - 1,)
            Settings of the other units, which stay.
        keep_scores : bool, default=True
        """
        agreement, decided = np.empty_like(self._labels), np.empty_like(self._labels)
        outer = np.empty((len(self._labels), 0), np.uint64)
        if len(others):
            outer = np.column_stack([self._output(state) for state in others])
        kernels.decide(outer, self._labels, self._is_slot, agreement, decided)
        scores = self._empty_scores((self.n_settings,), keep_scores)
        histogram = np.zeros(self.data.total + 1, np.int64)
        for first, table in self._segments():
            histograms = self._empty_histograms(table.shape[1])
            n_blocks = len(histograms)
            edges = np.arange(n_blocks + 1) * table.shape[1] // n_blocks
            run_blocks(
                kernels.score_unit, n_blocks, self.n_threads, table, agreement, decided,
                self._word_weights, self.data.base, scores[first : first + table.shape[1]],
                histograms, edges, is_short=table.shape[1] < _SHORT,
            )  # fmt: skip
            histogram += histograms.sum(axis=0)
        return Landscape(scores, histogram, self.n_threads)

    def _output(self, state: int) -> np.ndarray:
        return self._outputs(int(state), 1)[:, 0] if self._table is None else self._table[:, state]

    def _empty_scores(self, shape: tuple[int, ...], keep_scores: bool) -> np.ndarray:
        dtype = np.dtype(np.uint16 if self.data.total < 2**16 else np.uint32)
        if not keep_scores:
            return np.empty((0, *shape[1:]), dtype)
        check_memory(
            dtype.itemsize * prod(shape),
            f"The scores of all 2^{prod(shape).bit_length() - 1} settings of a binary network",
            "Use fewer inputs or hidden units, or search='block' of GroverBNNClassifier.",
        )
        return np.empty(shape, dtype)

    def _empty_histograms(self, n_rows: int) -> np.ndarray:
        """One a block, as many as there is work and memory for."""
        n_levels = self.data.total + 1
        n_blocks = min(_MOST_BLOCKS, n_rows, max(1, _HISTOGRAM_BYTES // (8 * n_levels)))
        return np.zeros((n_blocks, n_levels), np.int64)
