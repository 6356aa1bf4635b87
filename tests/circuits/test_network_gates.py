"""Gates of a binary network: what moves do to every basis state, against plain arithmetic."""

from itertools import product

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from qsklearn.circuits import BinaryNetwork, LabelledPatterns, accuracy_landscape
from qsklearn.circuits._amplification_assembly import (
    apply_moves,
    empty_circuit,
    flip_sign,
    flip_sign_of_state,
)
from qsklearn.circuits._network_gates import (
    ThresholdCounter,
    _at_least,
    _majority_ancillas,
    evaluate_network,
    majority,
    n_ancillas,
    n_low_bits,
)
from qsklearn.circuits._pattern_oracle import PatternOracle

RULES = ("nothing", "nothing_or_off", "against")


def run_moves(moves, states):
    """Where moves take basis states, by their numbers."""
    states = np.array(states, dtype=np.int64)
    for controls, target in moves:
        assert target not in controls and len(set(controls)) == len(controls)
        mask = sum(1 << control for control in controls)
        states ^= ((states & mask) == mask).astype(np.int64) << target
    return states


def bits_of(states, n_bits):
    return (np.asarray(states)[:, np.newaxis] >> np.arange(n_bits)) & 1


def places(start, *sizes):
    ends = np.cumsum([start, *sizes])
    return [range(first, last) for first, last in zip(ends, ends[1:], strict=False)]


# --- majorities ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_inputs", range(1, 10))
def test_majority_turns_its_target_over_and_restores_all_else(n_inputs):
    n_free = _majority_ancillas(n_inputs)
    target, ancillas = n_inputs, range(n_inputs + 1, n_inputs + 1 + n_free)
    moves = majority(range(n_inputs), target, ancillas)
    states = np.arange(2 ** (n_inputs + 1))  # both values of the target, ancillas at 0
    is_up = 2 * bits_of(states, n_inputs).sum(axis=1) >= n_inputs
    np.testing.assert_array_equal(run_moves(moves, states), states ^ (is_up << target))
    everything = np.arange(2 ** (n_inputs + 1 + n_free))
    np.testing.assert_array_equal(np.sort(run_moves(moves, everything)), everything)
    np.testing.assert_array_equal(run_moves(moves[::-1], run_moves(moves, everything)), everything)


@pytest.mark.parametrize("n_inputs", range(1, 8))
def test_a_count_is_compared_with_any_threshold(n_inputs):
    for threshold in range(1, n_inputs + 1):
        n_free = n_low_bits(n_inputs, threshold)
        ancillas = range(n_inputs + 1, n_inputs + 1 + n_free)
        additions = [((qubit,), 0) for qubit in range(n_inputs)]
        moves = _at_least(additions, threshold, n_inputs, ancillas)
        states = np.arange(2 ** (n_inputs + 1))
        reached = bits_of(states, n_inputs).sum(axis=1) >= threshold
        np.testing.assert_array_equal(run_moves(moves, states), states ^ (reached << n_inputs))


@pytest.mark.parametrize("seed", range(5))
def test_a_counter_adds_powers_of_two(seed):
    """Of several controls, in any order, for all thresholds."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(0, 4, size=6).tolist()
    controls = [tuple(rng.choice(6, rng.integers(1, 3), replace=False).tolist()) for _ in exponents]
    states = np.arange(2**6)
    bits = bits_of(states, 6)
    sums = sum(
        2**power * bits[:, chosen].all(axis=1)
        for chosen, power in zip(controls, exponents, strict=True)
    )
    total = sum(2**power for power in exponents)
    for threshold in range(1, total + 1):
        size = n_low_bits(total, threshold) + 1
        counter = ThresholdCounter(range(6, 6 + size), threshold)
        moves = counter.start() + counter.add_all(zip(controls, exponents, strict=True))
        after = run_moves(moves, states)
        np.testing.assert_array_equal((after >> counter.top) & 1, sums >= threshold)
        np.testing.assert_array_equal(after >> 6, 2 ** (size - 1) - threshold + sums)
        np.testing.assert_array_equal(after & 63, states)


def test_gates_grow_as_the_inputs_and_ancillas_as_their_logarithm():
    """Not as the binomial coefficients of the paper's sums over subsets."""
    for n_inputs in (8, 16, 32, 64, 128):
        n_free = _majority_ancillas(n_inputs)
        assert n_free <= np.log2(n_inputs)
        moves = majority(range(n_inputs), n_inputs, range(n_inputs + 1, n_inputs + 1 + n_free))
        assert len(moves) <= 2 * (n_inputs * (n_free + 1) + n_free)


# --- networks -----------------------------------------------------------------------------------


def check_network(network):
    """All settings (or many) on all inputs, on a target of either value."""
    n = network.n_qubits
    hidden, (target,), ancillas = places(n, network.n_hidden, 1, n_ancillas(network))
    moves = evaluate_network(network, hidden, target, ancillas)
    used = {qubit for controls, at in moves for qubit in (*controls, at)}
    assert used <= set(range(n + network.n_hidden + 1 + len(ancillas)))
    assert set(ancillas) <= used
    rng = np.random.default_rng(0)
    settings = np.arange(2**n) if n <= 11 else rng.integers(0, 2**n, size=2000)
    patterns = np.array(list(product([-1, 1], repeat=network.n_inputs)))
    outputs = network.outputs(network.spins(settings), patterns)
    starts = np.concatenate([settings, settings | (1 << target)])
    for pattern, wanted in zip(patterns, outputs.T, strict=True):
        folded = sum(
            1 << (unit * network.n_unit_qubits + j)
            for unit in range(network.n_hidden)
            for j in np.flatnonzero(pattern < 0)
        )
        ends = run_moves(moves, starts ^ folded) ^ folded
        np.testing.assert_array_equal(ends, starts ^ (np.tile(wanted > 0, 2) << target))


@pytest.mark.parametrize("output_weights", [True, False])
@pytest.mark.parametrize("fit_bias", [True, False])
@pytest.mark.parametrize(
    ("n_inputs", "n_hidden"),
    [(1, 1), (2, 1), (3, 2), (4, 2), (5, 1), (6, 1), (2, 3), (1, 4), (1, 5)],
)
def test_the_output_is_the_networks(n_inputs, n_hidden, fit_bias, output_weights):
    check_network(
        BinaryNetwork(n_inputs, n_hidden, fit_bias=fit_bias, output_weights=output_weights)
    )


@pytest.mark.parametrize("fit_bias", [True, False])
@pytest.mark.parametrize("absent", RULES)
@pytest.mark.parametrize(("n_inputs", "n_hidden"), [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (1, 3)])
def test_absent_connections_follow_their_rule(n_inputs, n_hidden, absent, fit_bias):
    check_network(
        BinaryNetwork(n_inputs, n_hidden, fit_bias=fit_bias, search_connections=True, absent=absent)
    )


# --- oracles ------------------------------------------------------------------------------------


def marked_by_moves(oracle):
    """Settings that the gates mark; all qubits are left as they were once the gates are undone."""
    sizes = oracle.register_sizes
    n = oracle.network.n_qubits
    qubits = dict(zip(sizes, places(n, *sizes.values()), strict=True))
    moves, results = oracle.moves(qubits)
    settings = np.arange(2**n)
    after = run_moves(moves, settings)
    np.testing.assert_array_equal(after & (2**n - 1), settings)
    np.testing.assert_array_equal(run_moves(moves[::-1], after), settings)
    for name in ("hidden", "output", "ancilla"):
        assert not any(((after >> qubit) & 1).any() for qubit in qubits.get(name, ()))
    mask = sum(1 << result for result in results)
    return (after & mask) == mask


@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.parametrize(("problem", "absent", "n_marked"), [
    (1, "nothing", 24), (1, "nothing_or_off", 24), (1, "against", 24),
    (2, "nothing", 60), (2, "nothing_or_off", 60), (2, "against", 156),
])  # fmt: skip
def test_meta_training_marks_the_settings_of_the_notes(problem, absent, n_marked, is_counted):
    """Section 5.1: 8 weights and 6 connections, 2^14 settings; more than a statevector holds."""
    rows = np.array(list(product([-1, 1], repeat=3)))
    values = rows[:, 0] * rows[:, 2] + rows[:, 1] if problem == 1 else rows.sum(axis=1)
    data = LabelledPatterns.from_rows(rows, np.where(values >= 0, 1, -1))
    network = BinaryNetwork(3, 2, search_connections=True, absent=absent)
    oracle = PatternOracle.of_scores(network, data, 8, is_counted)
    marked = marked_by_moves(oracle)
    assert marked.sum() == n_marked
    np.testing.assert_array_equal(marked, accuracy_landscape(network, data).scores >= 8)
    np.testing.assert_array_equal(marked, oracle.is_marked(np.arange(network.n_states)))


@pytest.mark.parametrize("seed", range(4))
def test_weighted_and_conflicting_data_are_counted(seed):
    """For each score that is reached, and the ones about it."""
    rng = np.random.default_rng(seed)
    rows = rng.choice([-1, 1], size=(25, 3))
    labels, weights = rng.choice([-1, 1], size=25), rng.integers(1, 9, size=25)
    data = LabelledPatterns.from_rows(rows, labels, weights)
    network = BinaryNetwork(3, 2, fit_bias=seed % 2 == 1)
    scores = accuracy_landscape(network, data).scores
    reached = np.unique(scores)
    chosen = [*reached[:: max(1, len(reached) // 6)], reached[-1], reached[0] + 1]
    for least in chosen:
        oracle = PatternOracle.of_scores(network, data, int(least), True)
        np.testing.assert_array_equal(marked_by_moves(oracle), scores >= least)
        np.testing.assert_array_equal(oracle.is_marked(np.arange(len(scores))), scores >= least)


def test_a_common_unit_of_the_weights_shortens_the_counter():
    data = LabelledPatterns(np.array([[-1], [1]], np.int8), np.array([9, 1]), np.array([1, 9]))
    network = BinaryNetwork(1, 1)
    scores = accuracy_landscape(network, data).scores
    for least in range(2, 19):
        oracle = PatternOracle.of_scores(network, data, least, True)
        assert oracle.register_sizes.get("counter", 0) <= 2
        np.testing.assert_array_equal(marked_by_moves(oracle), scores >= least)


# --- in Qiskit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_inputs", [1, 2, 3, 4])
def test_moves_are_these_gates_in_qiskit(n_inputs):
    n_qubits = n_inputs + 1 + _majority_ancillas(n_inputs)
    moves = [*majority(range(n_inputs), n_inputs, range(n_inputs + 1, n_qubits)), ((), 0)]
    circuit = empty_circuit({"weights": n_qubits})
    apply_moves(circuit, moves)
    assert set(circuit.count_ops()) <= {"x", "cx", "ccx", "mcx"}
    expected = np.zeros((2**n_qubits, 2**n_qubits))
    expected[run_moves(moves, np.arange(2**n_qubits)), np.arange(2**n_qubits)] = 1
    np.testing.assert_allclose(Operator(circuit).data, expected, atol=1e-12)


@pytest.mark.parametrize("n_qubits", [0, 1, 2, 3, 5])
def test_signs_are_those_of_one_state(n_qubits):
    circuit = empty_circuit({"weights": max(1, n_qubits)})
    flip_sign(circuit, range(n_qubits))
    signs = np.ones(2 ** max(1, n_qubits))
    signs[2**n_qubits - 1 :: 2**n_qubits] = -1
    np.testing.assert_allclose(Operator(circuit).data, np.diag(signs), atol=1e-12)
    for state in range(2**n_qubits if n_qubits else 0):
        circuit = empty_circuit({"weights": n_qubits})
        flip_sign_of_state(circuit, range(n_qubits), state)
        signs = np.where(np.arange(2**n_qubits) == state, -1, 1)
        np.testing.assert_allclose(Operator(circuit).data, np.diag(signs), atol=1e-12)
