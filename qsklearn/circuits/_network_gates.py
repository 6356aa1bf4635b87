"""A binary network in gates: majorities, connections, counters.

A *move* is a pair (controls, target) of qubits and means: NOT the target where all controls are
|1⟩. It is a NOT without controls, a controlled-NOT with one, a Toffoli gate with two, and its own
inverse; a list of moves is undone by the list backwards. All of a network's arithmetic is moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qsklearn.circuits._binary_network import BinaryNetwork

Move = tuple[tuple[int, ...], int]

# Ancillas of majorities that take fewer gates than a counter, by the number of inputs.
_ANCILLAS_OF_SMALL = {1: 0, 2: 0, 3: 0, 4: 1, 5: 2}


def evaluate_network(
    network: BinaryNetwork, hidden: Sequence[int], target: int, ancillas: Sequence[int]
) -> list[Move]:
    """Add a network's output to a qubit (modulo 2), and leave all others as they were.

    Inputs take no qubits: at an input of -1 the qubit of its weight is to be turned over before,
    which makes it the product of weight and input.

    Parameters
    ----------
    network : BinaryNetwork
        On the first ``network.n_qubits`` qubits.
    hidden : sequence of int
        A qubit for each unit, at |0⟩.
    target : int
    ancillas : sequence of int
        As many as :func:`n_ancillas` says, at |0⟩.

    Returns
    -------
    moves : list of (tuple of int, int)

    References
    ----------
    Fawaz et al. (2019), section 4.3, with counters in place of sums over subsets, and the gates
    of connections that sections 4 and 5.1 leave open.
    """
    units: list[Move] = []
    for unit, result in enumerate(hidden):
        qubits = tuple(range(network.n_unit_qubits * unit, network.n_unit_qubits * (unit + 1)))
        products = qubits[: network.n_links]
        connections = qubits[network.n_links : network.n_links + network.n_maskable]
        units += _evaluate_unit(products, connections, network.absent, result, ancillas)
        if network.output_weights:
            units += _multiply(qubits[-1], result)
    return units + majority(hidden, target, ancillas) + units[::-1]


def n_ancillas(network: BinaryNetwork) -> int:
    """Ancillas that :func:`evaluate_network` needs: the logarithm of the widest majority."""
    for_output = _majority_ancillas(network.n_hidden)
    if not network.n_maskable:
        return max(for_output, _majority_ancillas(network.n_links))
    total, threshold = _counted(network.n_links, network.absent)
    return max(for_output, n_low_bits(total, threshold))


def majority(inputs: Sequence[int], target: int, ancillas: Sequence[int]) -> list[Move]:
    """Turn a qubit over where at least half of the inputs are |1⟩: sign(0) = +1.

    Parameters
    ----------
    inputs : sequence of int
    target : int
    ancillas : sequence of int
        At |0⟩ before and after.

    Returns
    -------
    moves : list of (tuple of int, int)
        With one, one and five Toffoli gates for 2, 3 and 5 inputs; else n steps of a counter.
    """
    if len(inputs) not in _ANCILLAS_OF_SMALL:
        additions = [((qubit,), 0) for qubit in inputs]
        return _at_least(additions, (len(inputs) + 1) // 2, target, ancillas)
    if len(inputs) == 1:
        return [(tuple(inputs), target)]
    first, second = inputs[:2]
    if len(inputs) == 2:
        return [((first,), target), ((second,), target), ((first, second), target)]
    if len(inputs) == 3:
        # The first input has the majority, unless both others differ from it.
        differ: list[Move] = [((first,), second), ((first,), inputs[2])]
        return [*differ, ((second, inputs[2]), target), *differ, ((first,), target)]
    carry = ancillas[0]
    added = _add_three(first, second, inputs[2], carry)
    if len(inputs) == 4:
        # Two of three, or one of three and the fourth.
        alone: list[Move] = [((), carry), ((carry, first, inputs[3]), target), ((), carry)]
        return [*added, ((carry,), target), *alone, *added[::-1]]
    added += _add_three(first, inputs[3], inputs[4], ancillas[1])
    # Three is more than one two, or a two and a one.
    return added + majority((carry, ancillas[1], first), target, ()) + added[::-1]


def _add_three(first: int, second: int, third: int, carry: int) -> list[Move]:
    """Make the first qubit the lower bit of a sum, and another one the higher bit."""
    both = [((first,), second), ((first,), third)]
    lower = [((second,), first), ((third,), first)]
    return [*both, ((second, third), carry), ((first,), carry), *lower]


def _majority_ancillas(n_inputs: int) -> int:
    counted = n_low_bits(n_inputs, (n_inputs + 1) // 2)
    return _ANCILLAS_OF_SMALL.get(n_inputs, counted)


def _multiply(weight: int, target: int) -> list[Move]:
    """The paper's anti-CNOT: the target keeps its value if the weight is +1."""
    return [((weight,), target), ((), target)]


def _evaluate_unit(products, connections, absent: str, target: int, ancillas) -> list[Move]:
    if not connections:
        return majority(products, target, ancillas)
    n_links = len(products)
    controls = list(zip(products, connections, strict=False))
    constant = [(qubit,) for qubit in products[len(connections) :]]  # is always connected
    _, threshold = _counted(n_links, absent)
    if absent == "against":
        additions = [(both, 0) for both in controls + constant]
        return _at_least(additions, threshold, target, ancillas)
    # An absent input counts halfway between -1 and +1: of 0, 1 and 2.
    halves = [((qubit,), 0) for qubit in connections]
    wholes = [(both, 1) for both in controls + constant]
    moves = _at_least(wholes, threshold, target, ancillas, additions_to_turned=halves)
    if absent == "nothing_or_off" and not constant:
        moves += _with_turned(connections, [(tuple(connections), target)])
    return moves


def _counted(n_links: int, absent: str) -> tuple[int, int]:
    """Largest sum of a unit with connections, and the sum from which on it is +1."""
    return (n_links, (n_links + 1) // 2) if absent == "against" else (2 * n_links, n_links)


def _at_least(additions, threshold, target, ancillas, additions_to_turned=()) -> list[Move]:
    """Turn a qubit over where a sum reaches a threshold.

    Parameters
    ----------
    additions, additions_to_turned : sequence of (tuple of int, int)
        Controls and exponents: what is added where all of the controls are |1⟩, or all |0⟩.
    """
    total = sum(2**exponent for _, exponent in (*additions, *additions_to_turned))
    counter = ThresholdCounter((*ancillas[: n_low_bits(total, threshold)], target), threshold)
    turned = {qubit for controls, _ in additions_to_turned for qubit in controls}
    moves = counter.start()
    moves += _with_turned(sorted(turned), counter.add_all(additions_to_turned))
    moves += counter.add_all(additions)
    # Backwards, but for the result, which controls nothing.
    return moves + [move for move in reversed(moves) if move[1] != target]


def _with_turned(qubits: Iterable[int], moves: list[Move]) -> list[Move]:
    turn: list[Move] = [((), qubit) for qubit in qubits]
    return turn + moves + turn


def n_low_bits(total: int, threshold: int) -> int:
    """Bits below the top one of a counter of sums up to ``total``."""
    return max(threshold - 1, total - threshold).bit_length()


class ThresholdCounter:
    """A counter in qubits, whose top bit is |1⟩ where a sum has reached a threshold.

    It starts at the top bit's value less the threshold, so that the comparison takes no gate.

    Parameters
    ----------
    bits : sequence of int
        Qubits at |0⟩, the lowest bit first; one more than :func:`n_low_bits` says.
    threshold : int
        At least 1.
    """

    def __init__(self, bits: Sequence[int], threshold: int):
        self.bits = tuple(bits)
        self._least = self._most = 2 ** (len(self.bits) - 1) - threshold

    @property
    def top(self) -> int:
        """The qubit that says whether the threshold is reached."""
        return self.bits[-1]

    def start(self) -> list[Move]:
        """Set the start."""
        return [((), bit) for place, bit in enumerate(self.bits) if (self._least >> place) & 1]

    def add(self, controls: tuple[int, ...], exponent: int) -> list[Move]:
        """Add 2**exponent where all controls are |1⟩; to be called in the order of the gates."""
        self._most += 2**exponent
        moves = []
        for place in range(len(self.bits) - 1, exponent - 1, -1):
            # No carry comes here before the sums can be this large.
            if self._most >> place > self._least >> place:
                moves.append((controls + self.bits[exponent:place], self.bits[place]))
        return moves

    def add_all(self, additions) -> list[Move]:
        """Add to it once for each of pairs of controls and exponent."""
        return [move for addition in additions for move in self.add(*addition)]
