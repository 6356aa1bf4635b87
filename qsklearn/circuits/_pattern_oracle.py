"""Which settings of a binary network are searched for, as an oracle in gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsklearn.circuits._binary_network import BinaryNetwork
from qsklearn.circuits._labelled_patterns import LabelledPatterns
from qsklearn.circuits._network_gates import (
    Move,
    ThresholdCounter,
    evaluate_network,
    n_ancillas,
    n_low_bits,
)


@dataclass(frozen=True, eq=False)
class PatternOracle:
    """Settings with the right output on patterns of enough weight.

    Parameters
    ----------
    network : BinaryNetwork
    patterns : ndarray of shape (n_patterns, n_inputs)
        ±1.
    labels : ndarray of shape (n_patterns,), bool
    weights : ndarray of shape (n_patterns,), int64
        At least 1.
    least : int
        Weight of right patterns from which on a setting is marked; at most their sum. All are
        marked at 0 or below.
    is_counted : bool
        Whether right outputs are added up in a counter. Else each has a qubit, and all of them
        must be right.
    """

    network: BinaryNetwork
    patterns: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    least: int
    is_counted: bool

    @classmethod
    def of_scores(
        cls, network: BinaryNetwork, data: LabelledPatterns, least: int, is_counted: bool
    ):
        """Mark settings with a score no less than some score.

        Patterns with labels of equal weights tell no setting from another, and take no part.
        """
        net = data.up - data.down
        decided = net != 0
        weights = np.abs(net[decided])
        unit = int(np.gcd.reduce(weights, initial=0)) or 1
        # The counter is as short as the unit of the weights is large.
        least = -(-(least - data.base) // unit)
        patterns, labels = data.patterns[decided], net[decided] > 0
        return cls(network, patterns, labels, weights // unit, least, is_counted)

    @classmethod
    def of_batch(cls, network: BinaryNetwork, data: LabelledPatterns, batch, is_counted: bool):
        """Mark settings that are right on all slots of a batch."""
        rows = np.unique(data.slots[0][batch])
        patterns, labels = data.patterns[rows], data.up[rows] > data.down[rows]
        return cls(network, patterns, labels, np.ones_like(rows), len(rows), is_counted)

    @property
    def register_sizes(self) -> dict[str, int]:
        """Qubits beside those of the weights, by register."""
        if self.least <= 0:
            return {}
        if self.is_counted:
            n_bits = n_low_bits(int(self.weights.sum()), self.least) + 1
            results = {"output": 1, "counter": n_bits}
        else:
            results = {"outputs": len(self.patterns)}
        return {
            "hidden": self.network.n_hidden, **results, "ancilla": n_ancillas(self.network)
        }  # fmt: skip

    def is_marked(self, states) -> np.ndarray:
        """Whether settings, by their numbers, are marked; by arithmetic."""
        outputs = self.network.outputs(self.network.spins(states), self.patterns)
        return ((outputs > 0) == self.labels) @ self.weights >= self.least

    def moves(self, qubits: dict[str, range]) -> tuple[list[Move], tuple[int, ...]]:
        """Work out which settings are marked.

        Parameters
        ----------
        qubits : dict of str to range
            Registers, at least as large as ``register_sizes`` says, all at |0⟩ but the weights.

        Returns
        -------
        moves : list of (tuple of int, int)
        results : tuple of int
            Qubits that are all |1⟩ where the setting is marked.
        """
        if self.least <= 0:
            return [], ()
        if self.is_counted:
            return self._count(qubits)
        results = tuple(qubits["outputs"][: len(self.patterns)])
        return self._visit([self._right(qubits, *at) for at in enumerate(results)]), results

    def _count(self, qubits: dict[str, range]) -> tuple[list[Move], tuple[int, ...]]:
        bits = qubits["counter"][: self.register_sizes["counter"]]
        counter = ThresholdCounter(bits, self.least)
        (output,) = qubits["output"]
        steps = []
        for pattern, weight in enumerate(self.weights.tolist()):
            right = self._right(qubits, pattern, output)
            powers = [power for power in range(weight.bit_length()) if (weight >> power) & 1]
            added = counter.add_all([((output,), power) for power in powers])
            steps.append(right + added + right[::-1])
        return counter.start() + self._visit(steps), (counter.top,)

    def _right(self, qubits: dict[str, range], pattern: int, target: int) -> list[Move]:
        """Make a qubit |1⟩ where the output is right, once the inputs are folded in."""
        moves = evaluate_network(self.network, qubits["hidden"], target, qubits["ancilla"])
        return moves if self.labels[pattern] else [*moves, ((), target)]

    def _visit(self, steps: list[list[Move]]) -> list[Move]:
        """Turn the weights of inputs of -1 over for each pattern's step, and back in the end."""
        network, moves = self.network, []
        first_of_units = [unit * network.n_unit_qubits for unit in range(network.n_hidden)]
        folded = np.zeros(network.n_inputs, bool)
        for inputs, step in zip(self.patterns < 0, steps, strict=True):
            moves += _turn(first_of_units, folded ^ inputs) + step
            folded = inputs
        return moves + _turn(first_of_units, folded)


def _turn(first_of_units: list[int], inputs: np.ndarray) -> list[Move]:
    """Turn over the weights of some inputs in all units."""
    places = np.flatnonzero(inputs).tolist()
    return [((), first + place) for first in first_of_units for place in places]
