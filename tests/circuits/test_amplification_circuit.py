"""Amplitude amplification in gates against its law on the landscape, which is exact."""

import warnings
from itertools import product

import numpy as np
import pytest
import qiskit
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from scipy.stats import chisquare

from qsklearn.circuits import (
    AmplificationCircuit,
    BinaryNetwork,
    LabelledPatterns,
    accuracy_landscape,
    amplify_with_batches,
    measure_settings,
)
from qsklearn.circuits import _amplification_assembly as assembly

SIGNIFICANCE = 1e-4  # of chi-square tests
ROWS = np.array(list(product([-1, 1], repeat=3)))
SUMS = {1: ROWS[:, 2] * ROWS[:, 0] + ROWS[:, 1], 2: ROWS.sum(axis=1)}  # eqs. 1 and 2
PAPER = BinaryNetwork(3, 2)


def problem(number):
    return LabelledPatterns.from_rows(ROWS, np.where(SUMS[number] >= 0, 1, -1))


def amplified(marked, most):
    """Probabilities (most + 1, n_states) after 0 to ``most`` iterations, in closed form."""
    n_marked, n_states = marked.sum(), len(marked)
    angles = (2 * np.arange(most + 1) + 1) * np.arcsin(np.sqrt(n_marked / n_states))
    on_marked = np.sin(angles) ** 2 / max(1, n_marked)
    on_others = np.cos(angles) ** 2 / max(1, n_states - n_marked)
    return np.where(marked, on_marked[:, np.newaxis], on_others[:, np.newaxis])


def simulate(circuit, most):
    """Probabilities of the weights after 0 to ``most`` iterations, of one run of Aer."""
    whole = circuit.to_qiskit(most, measure=False)
    saved, done = whole.copy_empty_like(), 0
    for step in range(most + 1):
        end = len(circuit.to_qiskit(step, measure=False).data)
        for gate in whole.data[done:end]:
            saved.append(gate)
        done = end
        saved.save_probabilities(list(range(circuit.network.n_qubits)), label=f"after {step}")
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    results = simulator.run(saved).result().data(0)
    return np.array([results[f"after {step}"] for step in range(most + 1)])


def check_law(network, data, most=3, **words):
    """The circuit's probabilities against the landscape; returns how many settings are marked."""
    circuit = AmplificationCircuit(network, data, **words)
    marked = accuracy_landscape(network, data).scores >= circuit.least
    marked[list(circuit.excluded)] = False
    law = amplified(marked, most)
    np.testing.assert_allclose(simulate(circuit, most), law, rtol=0, atol=1e-10)
    return marked.sum()


def random_data(n_inputs, seed, n_rows=6, weighted=False):
    rng = np.random.default_rng(seed)
    rows = rng.choice([-1, 1], size=(n_rows, n_inputs))
    weights = rng.integers(1, 7, n_rows) if weighted else None
    return LabelledPatterns.from_rows(rows, rng.choice([-1, 1], n_rows), weights)


# --- the paper's problems -----------------------------------------------------------------------


@pytest.mark.parametrize(("number", "n_marked"), [(1, 8), (2, 4)])
def test_the_papers_circuit_has_its_law(number, n_marked):
    """18 qubits: 8 weights, 2 hidden units, 8 outputs."""
    assert check_law(PAPER, problem(number), 4, oracle="outputs") == n_marked


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("least", [8, 7, 6, 4, 2, 0, -3])
def test_the_counter_has_the_law_of_any_threshold(number, least):
    assert check_law(PAPER, problem(number), 2, least=least) > 0


def test_success_follows_equation_3():
    chances = [
        law[accuracy_landscape(PAPER, problem(1)).scores == 8].sum()
        for law in simulate(AmplificationCircuit(PAPER, problem(1)), 6)
    ]
    np.testing.assert_allclose(
        chances, [0.0312, 0.2583, 0.6024, 0.8969, 0.9992, 0.8596, 0.5459], atol=6e-5
    )


@pytest.mark.parametrize("oracle", ["outputs", "counter"])
def test_amplitudes_are_real_with_their_sign(oracle):
    """-U S_0 U^-1, with its minus: sin((2k + 1) theta) itself, and no qubit stays entangled."""
    data = LabelledPatterns.from_rows([[1, 1], [-1, 1]], [-1, 1])
    network = BinaryNetwork(2, 1)
    circuit = AmplificationCircuit(network, data, oracle=oracle)
    marked = accuracy_landscape(network, data).scores == 2
    theta = np.arcsin(np.sqrt(marked.mean()))
    for step in range(4):
        state = Statevector(circuit.to_qiskit(step, measure=False)).data.reshape(-1, 8)
        if oracle == "counter":
            assert np.abs(state[1:]).max() < 1e-12
        angle = (2 * step + 1) * theta
        expected = np.where(
            marked, np.sin(angle) / np.sqrt(marked.sum()), np.cos(angle) / np.sqrt((~marked).sum())
        )
        np.testing.assert_allclose(state.sum(axis=0), expected, atol=1e-12)


# --- other networks and data --------------------------------------------------------------------


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
@pytest.mark.parametrize("n_inputs", range(1, 7))
def test_units_of_one_to_six_inputs(n_inputs, oracle):
    data = random_data(n_inputs, seed=n_inputs, n_rows=4)
    check_law(BinaryNetwork(n_inputs, 1), data, oracle=oracle)


@pytest.mark.parametrize("output_weights", [True, False])
@pytest.mark.parametrize("fit_bias", [True, False])
@pytest.mark.parametrize(("n_inputs", "n_hidden"), [(2, 1), (2, 2), (1, 3), (1, 4)])
def test_units_with_bias_and_without_output_weights(n_inputs, n_hidden, fit_bias, output_weights):
    network = BinaryNetwork(n_inputs, n_hidden, fit_bias=fit_bias, output_weights=output_weights)
    data = random_data(n_inputs, seed=n_hidden)
    best = accuracy_landscape(network, data).best
    assert check_law(network, data, 2, least=best) > 0


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
@pytest.mark.parametrize("absent", ["nothing", "nothing_or_off", "against"])
@pytest.mark.parametrize(("n_inputs", "n_hidden", "fit_bias"), [
    (1, 2, False), (2, 1, False), (2, 1, True), (3, 1, False)
])  # fmt: skip
def test_connections_under_each_rule(n_inputs, n_hidden, fit_bias, absent, oracle):
    network = BinaryNetwork(
        n_inputs, n_hidden, fit_bias=fit_bias, search_connections=True, absent=absent
    )
    rows = list(product([-1, 1], repeat=n_inputs))[:3]
    data = LabelledPatterns.from_rows(rows, [row[0] for row in rows])
    assert check_law(network, data, 2, oracle=oracle) > 0


@pytest.mark.parametrize("seed", range(4))
def test_weighted_and_conflicting_data(seed):
    data = random_data(2, seed, n_rows=9, weighted=True)
    network = BinaryNetwork(2, 2)
    scores = np.unique(accuracy_landscape(network, data).scores)
    for least in scores[[0, len(scores) // 2, -1]]:
        check_law(network, data, 2, least=int(least))
    check_law(network, data, 2, oracle="outputs")


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
def test_data_that_tell_nothing_mark_all(oracle):
    data = LabelledPatterns.from_rows([[1, 1], [1, 1]], [-1, 1])
    circuit = AmplificationCircuit(BinaryNetwork(2, 1), data, oracle=oracle)
    assert circuit.registers == {"weights": 3}
    assert check_law(BinaryNetwork(2, 1), data, oracle=oracle) == 8


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
def test_problems_without_a_solution_stay_uniform(oracle):
    """Parity of two inputs, which one unit cannot represent."""
    data = LabelledPatterns.from_rows([[-1, -1], [-1, 1], [1, -1], [1, 1]], [1, -1, -1, 1])
    assert check_law(BinaryNetwork(2, 1), data, oracle=oracle) == 0


# --- deselection --------------------------------------------------------------------------------


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
def test_excluded_settings_are_no_longer_searched_for(oracle):
    data, network = random_data(2, 3, n_rows=3), BinaryNetwork(2, 2)
    landscape = accuracy_landscape(network, data)
    found = np.flatnonzero(landscape.scores == data.best_conceivable).tolist()
    assert check_law(network, data, oracle=oracle, excluded=found[:1]) == len(found) - 1
    assert check_law(network, data, oracle=oracle, excluded=np.array(found[1:])) == 1
    assert check_law(network, data, oracle=oracle, excluded=tuple(found)) == 0


def test_all_solutions_are_found_one_after_another():
    """Erratum 10, each by the iterations that suit what is left."""
    data, network = random_data(2, 3, n_rows=3), BinaryNetwork(2, 2)
    solves = accuracy_landscape(network, data).scores == data.best_conceivable
    found = []
    for left in range(solves.sum(), 0, -1):
        circuit = AmplificationCircuit(network, data, excluded=found)
        iterations = int(np.pi / 4 / np.arcsin(np.sqrt(left / 64)))
        drawn = measure_settings(circuit, iterations, 30, seed=left)
        found.append(next(state for state in drawn if solves[state] and state not in found))
    assert set(found) == set(np.flatnonzero(solves))


# --- mini-batches -------------------------------------------------------------------------------


@pytest.fixture
def correct():
    def make(number):
        outputs = PAPER.outputs(PAPER.spins(np.arange(256)), ROWS)
        return outputs == np.where(SUMS[number] >= 0, 1, -1)

    return make


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
def test_batches_mark_what_is_right_on_all_of_theirs(oracle, correct):
    batches = [[0, 3, 5, 6], [7], np.array([1, 2]), [4, 4, 0]]
    with pytest.warns(UserWarning, match="does not carry over") as caught:
        circuit = AmplificationCircuit(PAPER, problem(1), oracle=oracle, batches=batches)
    assert caught[0].filename == __file__
    largest = {"output": 1, "counter": 3} if oracle == "counter" else {"outputs": 4}
    assert circuit.registers == {"weights": 8, "hidden": 2, **largest}
    law = amplify_with_batches(correct(1), batches)
    np.testing.assert_allclose(simulate(circuit, 4), law, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Iterations with different mini-batches")
def test_excluded_settings_are_unmarked_where_a_batch_marks_them(correct):
    batches, rights = [[0, 3], [6, 1]], correct(2)
    excluded = [int(np.flatnonzero(rights[:, [0, 3]].all(axis=1))[-1]), 0, 17]
    assert rights[excluded][:, [0, 3]].all(axis=1).any()
    assert not rights[excluded].all(axis=1).all()
    circuit = AmplificationCircuit(PAPER, problem(2), batches=batches, excluded=excluded)
    rights[excluded] = False
    law = amplify_with_batches(rights, batches)
    np.testing.assert_allclose(simulate(circuit, 2), law, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Iterations with different mini-batches")
def test_slots_of_weighted_data_name_their_patterns():
    data = LabelledPatterns(
        np.array([[-1, -1], [-1, 1], [1, 1]], np.int8), np.array([5, 0, 1]), np.array([0, 2, 1])
    )
    network = BinaryNetwork(2, 1)
    rows, labels, _ = data.slots
    outputs = network.outputs(network.spins(np.arange(8)), data.patterns[rows]) > 0
    batches = [[slot] for slot in range(len(rows))]
    circuit = AmplificationCircuit(network, data, batches=batches)
    law = amplify_with_batches(outputs == labels, batches)
    np.testing.assert_allclose(simulate(circuit, len(rows)), law, atol=1e-10)


@pytest.mark.parametrize(("number", "size", "peak"), [
    (1, 8, 0.999), (1, 7, 0.999), (1, 6, 0.851), (1, 4, 0.41), (1, 2, 0.08), (1, 1, 0.03),
    (2, 8, 0.997), (2, 7, 0.997), (2, 6, 0.91), (2, 4, 0.52), (2, 2, 0.11), (2, 1, 0.03),
])  # fmt: skip
def test_accuracy_does_not_carry_over_between_batches(number, size, peak, correct):
    """Erratum 9's table: the largest mean probability of success, over 200 orders of batches."""
    rights = correct(number)
    solves = rights.all(axis=1)
    rng = np.random.default_rng(0)
    chances = [
        amplify_with_batches(rights, rng.permuted(np.tile(range(8), (9, 1)), axis=1)[:, :size])
        for _ in range(200)
    ]
    means = np.mean(chances, axis=0)[:, solves].sum(axis=1)
    errors = np.std(chances, axis=0)[:, solves].sum(axis=1) / np.sqrt(200)
    assert abs(means.max() - peak) < 4 * errors[means.argmax()] + 0.006


def test_the_same_batch_over_again_is_plain_amplification(correct):
    rights = correct(1)
    law = amplify_with_batches(rights, [range(8)] * 5)
    np.testing.assert_allclose(law, amplified(rights.all(axis=1), 5), atol=1e-12)


# --- the circuit itself -------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "registers"), [
    ({"oracle": "outputs"}, {"weights": 8, "hidden": 2, "outputs": 8}),
    ({"oracle": "counter"}, {"weights": 8, "hidden": 2, "output": 1, "counter": 4}),
    ({"least": 6}, {"weights": 8, "hidden": 2, "output": 1, "counter": 4}),
])  # fmt: skip
def test_registers_are_known_beforehand(words, registers, monkeypatch):
    circuit = AmplificationCircuit(PAPER, problem(1), **words)
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "empty_circuit", None)  # no circuit is built
        assert circuit.registers == registers
        assert circuit.n_qubits == sum(registers.values())
        circuit.check_size()
    built = circuit.to_qiskit(2)
    assert {register.name: register.size for register in built.qregs} == registers
    assert [(register.name, register.size) for register in built.cregs] == [("meas", 8)]
    assert not circuit.to_qiskit(1, measure=False).cregs


def test_wide_units_have_few_ancillas():
    network = BinaryNetwork(9, 5, fit_bias=True, search_connections=True)
    circuit = AmplificationCircuit(network, random_data(9, 0, n_rows=3))
    assert circuit.registers["ancilla"] == 4
    assert circuit.registers["hidden"] == 5
    assert circuit.n_qubits == circuit.to_qiskit(1, measure=False).num_qubits


def test_gates_run_on_aer_as_they_are():
    network = BinaryNetwork(4, 4, search_connections=True)
    built = AmplificationCircuit(network, random_data(4, 1)).to_qiskit(1)
    assert set(built.count_ops()) <= {"h", "x", "z", "cx", "ccx", "mcx", "measure"}


@pytest.mark.skipif(
    tuple(map(int, qiskit.__version__.split(".")[:2])) < (2, 6),
    reason="older Qiskit makes NOTs with many controls of more gates",
)
def test_resources_stay_below_the_notes():
    """Of the first problem; the notes' folded circuit, and their counter."""
    rows = AmplificationCircuit(PAPER, problem(1), oracle="outputs").resources()
    assert [row["operator"] for row in rows] == ["U", "S_chi", "S_0", "Q"]
    assert [row["qubits"] for row in rows] == [18, 8, 18, 18]
    assert rows[-1]["depth"] < 1557
    assert 2 * rows[0]["two_qubit_gates"] < rows[-1]["two_qubit_gates"] < 2478
    assert all(row["gates"] > row["two_qubit_gates"] for row in rows)
    rows = AmplificationCircuit(PAPER, problem(1)).resources()
    assert [row["operator"] for row in rows] == ["oracle", "diffusion", "Q"]
    assert [row["qubits"] for row in rows] == [15, 8, 15]
    assert rows[0]["depth"] < 3087
    assert rows[0]["two_qubit_gates"] < 2536
    assert rows == AmplificationCircuit(PAPER, problem(1)).resources()


# --- draws --------------------------------------------------------------------------------------


def check_draws(settings, marked, iterations):
    law = amplified(marked, iterations)[-1]
    counts = np.bincount(settings, minlength=len(law))
    assert counts[law < 1e-15].sum() == 0
    possible = law >= 1e-15
    assert chisquare(counts[possible], len(settings) * law[possible]).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("oracle", ["counter", "outputs"])
def test_draws_follow_the_law(oracle):
    marked = accuracy_landscape(PAPER, problem(2)).scores == 8
    circuit = AmplificationCircuit(PAPER, problem(2), oracle=oracle)
    settings = measure_settings(circuit, 1, 4000, seed=1)
    assert settings.shape == (4000,)
    assert settings.dtype == np.int64
    check_draws(settings, marked, 1)


BACKENDS = {
    "aer": AerSimulator,
    "reference primitive": lambda: StatevectorSampler(seed=5),
    "device": lambda: GenericBackendV2(8, noise_info=False, seed=5),
}


@pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties")
@pytest.mark.parametrize("oracle", ["counter", "outputs"])
@pytest.mark.parametrize("kind", BACKENDS)
def test_draws_of_other_backends_follow_the_law(kind, oracle):
    network = BinaryNetwork(2, 1)
    data = LabelledPatterns.from_rows([[1, 1], [-1, 1], [1, -1]], [-1, 1, -1])
    circuit = AmplificationCircuit(network, data, oracle=oracle)
    marked = accuracy_landscape(network, data).scores == data.best_conceivable
    assert 0 < marked.sum() < 4
    settings = measure_settings(circuit, 1, 2000, backend=BACKENDS[kind](), seed=3)
    check_draws(settings, marked, 1)


def test_draws_repeat_with_their_seed():
    circuit = AmplificationCircuit(BinaryNetwork(2, 1), random_data(2, 0))
    first, again, other = (measure_settings(circuit, 1, 50, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"data": LabelledPatterns.from_rows([[1, 1]], [1])}, "the 3 inputs of the network. Got 2"),
        (
            {"oracle": "phase"},
            r"'oracle' parameter .* one of \('counter', 'outputs'\). Got 'phase'",
        ),
        ({"least": 9}, "at most the best conceivable score, 8, .* Got 9 instead"),
        ({"least": 7.5}, "must be an int of at most .* Got 7.5 instead"),
        ({"least": 6, "oracle": "outputs"}, "Got 6 instead; use oracle='counter'"),
        ({"excluded": [256]}, "different settings from 0 to 255. Got"),
        ({"excluded": [-1]}, "different settings from 0 to 255"),
        ({"excluded": [127, 127]}, "different settings from 0 to 255"),
        ({"excluded": [[1], [2, 3]]}, r"to 255. Got \[\[1\], \[2, 3\]\] instead"),
        ({"excluded": [1.5]}, "different settings from 0 to 255"),
        ({"excluded": [0]}, r"must be settings that are searched for.* Got \[0\] among them"),
        ({"batches": []}, r"one sequence or more, .* from 0 to 7. Got \[\]"),
        ({"batches": [[]]}, "one slot number or more, from 0 to 7"),
        ({"batches": [[8]]}, r"from 0 to 7. Got \[\[8\]\]"),
        ({"batches": [0, 1]}, "one sequence or more"),
        ({"batches": [[[0], [1, 2]]]}, "one sequence or more"),
        ({"batches": [[0.5]]}, "one sequence or more"),
        ({"batches": [[0]], "least": 8}, "must be None with batches"),
    ],
)
def test_what_makes_no_search_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        AmplificationCircuit(**{"network": PAPER, "data": problem(1), **words})


def test_iterations_beyond_the_batches_are_refused():
    circuit = AmplificationCircuit(PAPER, problem(1))
    for iterations in (-1, 1.0):
        with pytest.raises(ValueError, match="must be an int >= 0"):
            circuit.to_qiskit(iterations)
    with warnings.catch_warnings(action="ignore"):
        circuit = AmplificationCircuit(PAPER, problem(1), batches=[[0], [1]])
    with pytest.raises(ValueError, match="from 0 to 2, one for each batch. Got 3"):
        circuit.to_qiskit(3)


def test_circuits_that_do_not_fit_are_refused():
    large = AmplificationCircuit(BinaryNetwork(20, 3), random_data(20, 0))
    message = rf"{large.n_qubits} qubits of a search \(63 weights, 3 hidden, .*oracle='counter'"
    with pytest.raises(MemoryError, match=message):
        large.check_size(caller="a search")
    with pytest.raises(MemoryError, match="qubits of a search"):
        measure_settings(large, 1, 10, seed=0, caller="a search")
    with pytest.raises(MemoryError):
        measure_settings(large, 1, 10, backend=StatevectorSampler(), seed=0)
    for network, data in (
        (PAPER, problem(1)),
        (BinaryNetwork(1, 1, fit_bias=False), LabelledPatterns.from_rows([[1], [1]], [1, -1])),
    ):
        circuit = AmplificationCircuit(network, data)
        with pytest.raises(MemoryError, match="9223372036854775808 iterations would need"):
            circuit.to_qiskit(2**63)
    circuit = AmplificationCircuit(PAPER, problem(1))
    circuit.check_size(15)
    with pytest.raises(ValueError, match="at most the 14 qubits of the backend. Got 15"):
        circuit.check_size(14)
    with pytest.raises(ValueError, match="at most the 5 qubits of the backend"):
        measure_settings(circuit, 1, 10, backend=GenericBackendV2(5), seed=0)
