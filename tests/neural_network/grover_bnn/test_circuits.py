"""GroverBNNClassifier with circuits for its measurements: Aer, backends, primitives, failures."""

import pickle

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from qsklearn import GroverBNNClassifier
from qsklearn.circuits import _circuit_oracle

# The smallest real problem: both inputs must be +1.
AND = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), np.array([0, 0, 0, 1])


def tiny_network(sampler, **changes):
    settings = {"n_bits": 2, "binary": True, "n_solutions": 2, "random_state": 0, **changes}
    return GroverBNNClassifier(1, sampler=sampler, **settings)


def paper_network(**changes):
    settings = {"n_bits": 3, "binary": True, "fit_bias": False, "random_state": 0, **changes}
    return GroverBNNClassifier(2, **settings)


@pytest.mark.parametrize(
    "sampler",
    ["aer", AerSimulator(), StatevectorSampler(seed=np.random.default_rng(0))],
    ids=["aer", "AerSimulator", "StatevectorSampler"],
)
def test_circuits_train(sampler):
    network = tiny_network(sampler).fit(*AND)
    assert network.score(*AND) == 1.0
    assert network.cost_["calls"] == network.cost_["reads"] == network.n_measurements_.sum()
    assert network.stop_reason_ == "perfect"
    assert len(network.weights_[0]) == 2
    # What was enumerated for comparison counts as nothing that was asked.
    assert network.histogram_.sum() == 2**network.network_.n_qubits


def test_the_papers_problem_on_aer(fawaz):
    network = paper_network(sampler="aer", n_solutions=3).fit(fawaz.rows, fawaz.labels[1])
    assert network.accuracy_.tolist() == [1.0]
    assert len(np.unique(network.weights_[0], axis=0)) == 3
    assert network.score(fawaz.rows, fawaz.labels[1]) == 1.0
    assert network.n_queries_[0] < 100  # of a budget of 360


def test_a_noisy_device_trains():
    """On its own qubits and gates; its draws are not seeded, but each is verified."""
    network = tiny_network(GenericBackendV2(8, seed=0), n_bits=1, n_solutions=1)
    X, y = np.array([[0], [1]]), np.array([1, 0])
    assert network.fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize(
    "sampler",
    [
        StatevectorSampler(seed=2),
        BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": 2}),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_a_primitive_that_draws_the_same_in_each_call_is_warned_of(sampler):
    with pytest.warns(UserWarning, match="same seed, so that the attempts .* not independent"):
        tiny_network(sampler, max_queries=4).fit(*AND)


def test_a_circuit_that_takes_long_is_warned_of(monkeypatch):
    monkeypatch.setattr(_circuit_oracle, "_MANY_QUBITS", 5)
    with pytest.warns(UserWarning, match=r"has 9 qubits \(4 weights, .* gates an iteration"):
        tiny_network("aer").fit(*AND)


def test_fits_on_aer_repeat():
    first, again = (tiny_network("aer", random_state=3).fit(*AND) for _ in range(2))
    assert np.array_equal(first.weights_[0], again.weights_[0])
    assert first.n_queries_.tolist() == again.n_queries_.tolist()


def test_circuits_of_a_fitted_network_have_its_law(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[1])
    circuit = network.circuit(2, measure=False)
    got = Statevector(circuit).probabilities(range(8))
    assert np.abs(got - network.weight_probabilities(2)).max() < 1e-10
    assert network.circuit(1).num_clbits == 8
    assert network.circuit(1, oracle="outputs").num_qubits == 18


def test_the_circuit_marks_the_target():
    X, y = np.vstack([AND[0], AND[0][:2]]), np.append(AND[1], [1, 0])  # one label is wrong
    network = tiny_network("landscape", target=0.8).fit(X, y)
    circuit = network.circuit(1, measure=False)
    got = Statevector(circuit).probabilities(range(network.network_.n_qubits))
    assert np.abs(got - network.weight_probabilities(1)).max() < 1e-10
    marked = network.landscape() >= 0.8
    assert marked.sum() == network.n_optimal_[0]
    assert got[marked].sum() == pytest.approx(network.success_probability(1), abs=1e-10)


def test_resources_before_running(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[1])
    rows = {row["operator"]: row for row in network.resources()}
    assert list(rows) == ["oracle", "diffusion", "Q"]
    assert rows["Q"]["qubits"] == 15
    assert rows["Q"]["two_qubit_gates"] > rows["oracle"]["two_qubit_gates"] > 500


def test_a_device_with_too_few_qubits_is_refused_with_the_numbers(fawaz):
    network = paper_network(sampler=GenericBackendV2(10, seed=0))
    with pytest.raises(ValueError, match="at most the 10 qubits of the backend. Got 15"):
        network.fit(fawaz.rows, fawaz.labels[1])


def test_a_state_that_does_not_fit_is_refused_with_the_numbers():
    X, y = load_iris(return_X_y=True)
    network = GroverBNNClassifier(3, n_bits=6, sampler="aer", max_queries=5)
    with pytest.raises(MemoryError, match="statevector of the .* qubits of GroverBNNClassifier"):
        network.fit(X, y)


def test_blocks_have_no_circuits():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="must be 'landscape' to search in blocks"):
        GroverBNNClassifier(5, n_bits=8, sampler="aer").fit(X, y)


def test_whole_circuits_are_not_made_of_what_was_searched_in_blocks():
    network = tiny_network("landscape", search="block").fit(*AND)
    for ask in (lambda: network.circuit(1), network.resources):
        with pytest.raises(ValueError, match="searched in blocks"):
            ask()


def test_a_circuit_for_a_target_that_labels_contradict():
    X, y = np.array([[0], [0], [1]]), np.array([0, 1, 1])
    with pytest.warns(ConvergenceWarning):
        network = tiny_network("landscape", target=1.0, n_bits=1).fit(X, y)
    with pytest.raises(ValueError, match="None can have the target accuracy of 1: rows of equal"):
        network.circuit(1)


def fail_after(monkeypatch, n_calls, error):
    measure, calls = _circuit_oracle.measure_settings, []

    def failing(*arguments, **more):
        calls.append(1)
        if len(calls) > n_calls:
            raise error
        return measure(*arguments, **more)

    monkeypatch.setattr(_circuit_oracle, "measure_settings", failing)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RuntimeError("queue lost"), "sampler: RuntimeError: queue lost"),
     (KeyboardInterrupt(), "interrupted")],
)  # fmt: skip
def test_what_was_measured_before_a_failure_is_kept(monkeypatch, error, reason):
    fail_after(monkeypatch, 1, error)
    with pytest.warns(ConvergenceWarning, match="ended early"):
        network = tiny_network("aer").fit(*AND)
    assert network.stop_reason_ == reason
    assert len(network.weights_[0]) == 1
    assert network.predict(AND[0]).shape == (4,)


def test_a_failure_at_the_first_measurement_is_raised(monkeypatch):
    fail_after(monkeypatch, 0, RuntimeError("queue lost"))
    with pytest.raises(RuntimeError, match="queue lost"):
        tiny_network("aer").fit(*AND)


def test_backends_clone_and_results_pickle():
    network = tiny_network(AerSimulator())
    copy = clone(network).fit(*AND)
    assert copy.score(*AND) == 1.0
    restored = pickle.loads(pickle.dumps(clone(copy).set_params(sampler="aer").fit(*AND)))
    assert np.array_equal(restored.predict(AND[0]), copy.predict(AND[0]))
