"""The imaginary time circuit as a sampler: its law, backends, families, units, what is refused."""

import importlib
import pickle
import sys
import threading
import unittest

import dimod
import dimod.testing
import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import SamplerV2
from sklearn.base import clone

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.circuits import ImaginaryTimeCircuit
from qsklearn.datasets import make_bars_and_stripes
from qsklearn.samplers import ImaginaryTimeCircuitSampler, check_sampler

PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])
H = np.array([[0.3, -0.2]])
SIGNIFICANCE = 1e-4  # of chi-square tests; else another seed, as in test_law.py


def noisy_aer():
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    return AerSimulator(noise_model=noise)


BACKENDS = {
    "statevector": lambda: {"method": "statevector"},
    "none": dict,
    "aer": lambda: {"backend": AerSimulator()},
    "aer primitive": lambda: {"backend": SamplerV2(seed=5)},
    "reference primitive": lambda: {"backend": StatevectorSampler(seed=5)},
    "backend primitive": lambda: {
        "backend": BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": 5})
    },
    "device": lambda: {"backend": GenericBackendV2(5, noise_info=False, seed=5)},
}  # fmt: skip


@dimod.testing.load_sampler_bqm_tests(ImaginaryTimeCircuitSampler)
@dimod.testing.load_sampler_bqm_tests(ImaginaryTimeCircuitSampler(method="statevector"))
class TestGeneratedByDimod(unittest.TestCase):
    """Empty, one-variable and path models, all vartypes and BQM classes."""


def make_family(ising, n_spins=5, n_models=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_models, n_spins)) * 0.5, ising.symmetric(n_spins, rng) * 0.5


def circuit_law(h, J, tau, ising):
    law = ising.enumerate(h, J, 1.0)
    law.probabilities = ImaginaryTimeCircuit.from_ising(h, J, tau).amplitudes()[0] ** 2
    return law


# --- the law ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties")
@pytest.mark.parametrize("beta", [None, 0.8])
@pytest.mark.parametrize("kind", BACKENDS)
def test_draws_follow_the_circuits_law(kind, beta, ising):
    h, J = make_family(ising)
    sampler = ImaginaryTimeCircuitSampler(4000, seed=2, **BACKENDS[kind]())
    states, energies, info = sampler.sample_arrays(h, J, beta=beta)
    for model, fields in enumerate(h):
        largest = max(np.abs(fields).max(), np.abs(J).max())
        tau = 0.6 / largest if beta is None else beta / 2
        law = circuit_law(fields, J, tau, ising)
        assert ising.p_value(states[model], law) > SIGNIFICANCE
        np.testing.assert_allclose(energies[model], ising.energies(fields, J, states[model]))
        assert info["energy_scale"][model] == pytest.approx(largest)
        assert info["imaginary_time"][model] == pytest.approx(tau * largest)
    assert info["num_qubits"] == 5
    # The transpiler may find gates to share.
    assert (info["num_two_qubit_gates"] >= 20).all() or kind == "device"


def test_hot_draws_are_boltzmanns(ising):
    h, J = make_family(ising, n_models=1)
    sampler = ImaginaryTimeCircuitSampler(3000, method="statevector", seed=3)
    states, _, info = sampler.sample_arrays(h, J, beta=0.05)
    assert ising.p_value(states[0], ising.enumerate(h[0], J, 0.05)) > SIGNIFICANCE
    assert ising.p_value(states[0], ising.enumerate(h[0], J, -0.5)) < SIGNIFICANCE
    assert abs(info["beta_eff"] - 1) < 4 * info["beta_eff_stderr"]


def test_without_couplings_any_temperature_is_hit(ising):
    h = np.array([[0.5, -1.0, 0.2, 0.0]])
    sampler = ImaginaryTimeCircuitSampler(4000, method="statevector", seed=3)
    states, _, info = sampler.sample_arrays(h, np.zeros((4, 4)), beta=2.0)
    assert ising.p_value(states[0], ising.enumerate(h[0], np.zeros((4, 4)), 2.0)) > SIGNIFICANCE
    assert abs(info["beta_eff"] - 1) < 4 * info["beta_eff_stderr"] < 0.2
    assert "beta" not in info


def test_noise_heats(ising):
    h, J = make_family(ising, n_models=1)
    quiet = ImaginaryTimeCircuitSampler(4000, seed=1)
    loud = ImaginaryTimeCircuitSampler(4000, seed=1, backend=noisy_aer())
    beta_effs = [s.sample_arrays(h, J, beta=1.0)[2]["beta_eff"] for s in (quiet, loud)]
    assert beta_effs[1] < 0.8 * beta_effs[0]


def test_gate_order_changes_the_law_and_only_that(ising):
    h, J = make_family(ising, n_models=1)
    for order in ("descending", "ascending", "index"):
        sampler = ImaginaryTimeCircuitSampler(
            20_000, imaginary_time=1.0, method="statevector", gate_order=order, seed=1
        )
        states = sampler.sample_arrays(h, J)[0]
        tau = 1.0 / max(np.abs(h).max(), np.abs(J).max())
        for other in ("descending", "ascending", "index"):
            law = circuit_law(h[0], J, tau, ising)
            circuit = ImaginaryTimeCircuit.from_ising(h, J, tau, gate_order=other)
            law.probabilities = circuit.amplitudes()[0] ** 2
            assert (ising.p_value(states[0], law) > SIGNIFICANCE) == (order == other)


@pytest.mark.parametrize("method", ["statevector", "shots"])
def test_a_one_hot_unit_is_intact_and_its_law_the_circuits_given_that(method, ising):
    rng = np.random.default_rng(4)
    h, J = rng.normal(size=(2, 5)) * 0.4, np.zeros((5, 5))
    J[1:4, [0, 4]] = rng.normal(size=(3, 2)) * 0.4
    J += J.T
    sampler = ImaginaryTimeCircuitSampler(3000, method=method, seed=4)
    states, _, info = sampler.sample_arrays(h, J, beta=1.0, one_hot=(1, 4))
    for fields, drawn in zip(h, states, strict=True):
        assert ((drawn[:, 1:4] == 1).sum(axis=1) == 1).all()
        law = circuit_law(fields, J, 0.5, ising)
        law.probabilities *= (law.states[:, 1:4] == 1).sum(axis=1) == 1
        law.probabilities /= law.probabilities.sum()
        assert ising.p_value(drawn, law) > SIGNIFICANCE
    assert info["imaginary_time"].shape == info["random_baseline"].shape == (2,)


def test_a_unit_that_is_hardly_ever_intact_is_told(monkeypatch):
    monkeypatch.setattr("qsklearn.samplers._imaginary_time._MAX_ROUNDS", 3)
    h = np.full((1, 3), -50.0)  # all three up
    with pytest.raises(RuntimeError, match="fewer than 5 states with an intact one-hot unit in 45"):
        ImaginaryTimeCircuitSampler(5, method="statevector", seed=0).sample_arrays(
            h, np.zeros((3, 3)), beta=1.0, one_hot=(0, 3)
        )


def test_the_random_baseline_is_uniform(ising):
    h, J = make_family(ising, n_spins=4)
    for one_hot in (None, (1, 3)):
        J[1:3, 1:3] = 0
        info = ImaginaryTimeCircuitSampler(20_000, method="statevector", seed=1).sample_arrays(
            h, J, one_hot=one_hot
        )[2]
        for fields, baseline in zip(h, info["random_baseline"], strict=True):
            law = ising.enumerate(fields, J, 0.0, one_hot)
            error = law.energies.std() / np.sqrt(20_000)
            assert abs(baseline["mean"] - law.energies.mean()) < 4 * error
            assert baseline["best"] == pytest.approx(law.energies.min())


# --- seeds, families, clones --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["statevector", "none", "aer"])
def test_seeds_repeat_and_a_models_draws_do_not_depend_on_its_place(kind, ising):
    h, J = make_family(ising, n_models=3)
    sampler = ImaginaryTimeCircuitSampler(50, **BACKENDS[kind]())
    for one_hot in (None, (0, 2)):
        couplings = J.copy()
        couplings[:2, :2] = 0
        words = {"one_hot": one_hot, "beta": 1.0}
        seeds = np.array([7, 8, 9])
        whole = sampler.sample_arrays(h, couplings, seed=seeds, **words)[0]
        np.testing.assert_array_equal(
            whole, sampler.sample_arrays(h, couplings, seed=seeds, **words)[0]
        )
        turned = sampler.sample_arrays(h[[2, 0]], couplings, seed=seeds[[2, 0]], **words)[0]
        np.testing.assert_array_equal(turned, whole[[2, 0]])
        other = sampler.sample_arrays(h, couplings, seed=seeds + 1, **words)[0]
        assert (other != whole).any()


@pytest.mark.parametrize("method", ["statevector", "shots"])
def test_groups_have_circuits_of_their_own(method, ising):
    h, J = make_family(ising, n_models=3)
    sampler = ImaginaryTimeCircuitSampler(40, method=method)
    stack, seeds = np.stack([J, np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1)]), np.arange(3)
    states, energies, info = sampler.sample_arrays(h, stack, groups=[1, 0, 1], seed=seeds)
    alone = sampler.sample_arrays(h[[0, 2]], stack[1], seed=seeds[[0, 2]])
    np.testing.assert_array_equal(states[[0, 2]], alone[0])
    np.testing.assert_array_equal(energies[[0, 2]], alone[1])
    np.testing.assert_array_equal(info["num_two_qubit_gates"], [8, 20, 8])
    assert info["random_baseline"]["best"].shape == (3,)


def test_the_chunks_of_a_family_change_nothing(ising, monkeypatch):
    h, J = make_family(ising, n_models=5)
    sampler = ImaginaryTimeCircuitSampler(20, method="statevector", seed=1)
    whole = sampler.sample_arrays(h, J)[0]
    monkeypatch.setattr("qsklearn.samplers._imaginary_time._CHUNK", 64)
    np.testing.assert_array_equal(sampler.sample_arrays(h, J)[0], whole)


def test_a_backend_is_shared_by_clones_and_survives_pickles(ising):
    h, J = make_family(ising)
    sampler = ImaginaryTimeCircuitSampler(20, backend=AerSimulator(), seed=1)
    assert clone(sampler).backend is sampler.backend
    copy = pickle.loads(pickle.dumps(sampler))
    np.testing.assert_array_equal(copy.sample_arrays(h, J)[0], sampler.sample_arrays(h, J)[0])
    sampler.backend = SamplerThatFails(threading.Lock())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(sampler)


class SamplerThatFails(StatevectorSampler):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def run(self, pubs, *, shots=None):
        return self.answer(super().run(pubs, shots=max(shots // 2, 1)))


def test_a_pass_manager_is_used(ising):
    class Spy(PassManager):
        def run(self, circuit):
            seen.append(circuit)
            return super().run(circuit)

    seen = []
    h, J = make_family(ising, n_models=3)
    ImaginaryTimeCircuitSampler(5, backend=AerSimulator(), pass_manager=Spy()).sample_arrays(h, J)
    assert len(seen) == 1 and seen[0].num_parameters == 25  # once for the family
    device = GenericBackendV2(6, coupling_map=[[i, i + 1] for i in range(5)], seed=1)
    given = generate_preset_pass_manager(3, backend=device, seed_transpiler=1)
    words = {"backend": device, "seed": 1, "num_reads": 5}
    routed = ImaginaryTimeCircuitSampler(pass_manager=given, **words).sample_arrays(h, J)[2]
    assert (routed["num_two_qubit_gates"] > 20).all()  # a line of qubits needs swaps


# --- as a dimod sampler and by name -------------------------------------------------------------


def test_any_model_by_its_labels():
    sampler = ImaginaryTimeCircuitSampler(300, method="statevector", seed=0, imaginary_time=1.0)
    bqm = dimod.BinaryQuadraticModel({"z": 2.0, 5: -2.0}, {("z", (1, 2)): -3.0}, 7.5, "BINARY")
    answer = sampler.sample(bqm)
    assert answer.vartype is dimod.BINARY
    assert (
        answer.first.energy == 7.5 - 3.0
        or answer.first.energy == dimod.ExactSolver().sample(bqm).first.energy
    )
    np.testing.assert_allclose(answer.record.energy, bqm.energies(answer))
    assert answer.info["random_baseline"]["mean"].shape == (1,)
    assert answer.info["beta"] is None


def test_api_and_parameters():
    sampler = ImaginaryTimeCircuitSampler()
    dimod.testing.assert_sampler_api(sampler)
    assert "beta" not in sampler.parameters
    assert sampler.properties == {"intents": ["ground", "thermal"], "beta_eff_prior": (1.0, 0.1)}
    assert "beta_eff_prior" not in ImaginaryTimeCircuitSampler(backend=noisy_aer()).properties
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {}, 0.0, "SPIN")
    assert "beta_eff" in sampler.sample(bqm, beta=1.0).info


def test_the_name_and_its_missing_extra(monkeypatch):
    assert isinstance(check_sampler("aer"), ImaginaryTimeCircuitSampler)
    monkeypatch.setattr("qsklearn.samplers._check._is_installed", lambda package: False)
    with pytest.raises(ImportError, match=r"needs qiskit, qiskit_aer: pip install 'qsklearn\[aer"):
        check_sampler("aer", caller="Net")


def test_without_qiskit_the_statevector_works_and_shots_say_what_is_missing(monkeypatch):
    for name in ("qiskit", "qiskit_aer", "qiskit.primitives"):
        monkeypatch.setitem(sys.modules, name, None)
    assembly = importlib.import_module("qsklearn.circuits._assembly")
    monkeypatch.setattr(assembly, "_assemble", assembly._assemble.__wrapped__)  # without its cache
    drawn = ImaginaryTimeCircuitSampler(3, method="statevector").sample_arrays(H, PAIR)[0]
    assert drawn.shape == (1, 3, 2)
    with pytest.raises(ImportError, match=r"needs the package 'qiskit'.*qsklearn\[aer\]"):
        ImaginaryTimeCircuitSampler().sample_arrays(H, PAIR)


def test_models_without_a_bias_are_uniform(ising):
    for beta in (None, 1.0):
        sampler = ImaginaryTimeCircuitSampler(4000, method="statevector", seed=1)
        states, _, info = sampler.sample_arrays(np.zeros((1, 3)), np.zeros((3, 3)), beta=beta)
        law = ising.enumerate(np.zeros(3), np.zeros((3, 3)), 1.0)
        assert ising.p_value(states[0], law) > SIGNIFICANCE
        assert beta is None or np.isnan(info["beta_eff"])


@pytest.mark.parametrize("method", ["statevector", "shots"])
def test_a_classifier_learns_by_it(method):
    """Four bars and stripes; beta_eff stays near what the circuit really does."""
    X, y = make_bars_and_stripes(4, return_X_y=True, random_state=0)
    network = QuantumSampledMLPClassifier(
        n_hidden=6,
        sampler=ImaginaryTimeCircuitSampler(method=method),
        num_reads=100,
        max_iter=15,
        learning_rate_init=0.1,
        random_state=0,
    )
    with pytest.warns(match="max_iter"):
        network.fit(X, y)
    assert network.score(X, y) == 1.0
    assert 0.8 < network.beta_eff_[-1] < 1.1
    assert network.loss_curve_[-1] < 0.7 * network.loss_curve_[0]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"backend": "aer_simulator"}, "'backend' parameter of .* BackendV2.*Got 'aer_simulator'"),
        ({"backend": AerSimulator}, "'backend' parameter of .* must be a Qiskit BackendV2"),
        ({"backend": AerSimulator(), "method": "statevector"}, "must be None with method='state"),
        ({"pass_manager": 3}, "'pass_manager' parameter of .* Got 3 instead"),
        ({"method": "mps"}, "'method' parameter of ImaginaryTimeCircuitSampler"),
        ({"gate_order": "random"}, "'gate_order' parameter of ImaginaryTimeCircuitSampler"),
        ({"num_reads": 0}, "'num_reads' parameter of ImaginaryTimeCircuitSampler"),
        *(({"imaginary_time": bad}, "'imaginary_time'") for bad in (-1, np.nan, np.inf, "x")),
        *(({"beta": bad}, "'beta' parameter of Imag") for bad in (-1, np.nan, np.inf, "x")),
        ({"backend": SamplerThatFails(lambda job: job)}, r"outcomes of shape \(1, 100, 2\)"),
    ],
)
def test_bad_parameters_are_refused_by_name(words, message):
    with pytest.raises(ValueError, match=message):
        ImaginaryTimeCircuitSampler().sample_arrays(H, PAIR, **words)


@pytest.mark.parametrize(
    ("words", "n_spins", "largest"),
    [
        ({}, 33, 30),
        ({"method": "statevector"}, 500, 30),
        ({"backend": StatevectorSampler()}, 40, 30),
        ({"backend": AerSimulator(method="density_matrix")}, 20, 15),
    ],
)
def test_states_that_do_not_fit_are_refused_with_bytes(words, n_spins, largest, monkeypatch):
    monkeypatch.setattr("qsklearn.samplers._imaginary_time.physical_memory", lambda: 2**34 + 7)
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(n_spins), 1.0), {}, 0.0, "SPIN")
    with pytest.raises(
        MemoryError, match=rf"would need [\d,]+.* bytes.*enough for {largest} spins"
    ):
        ImaginaryTimeCircuitSampler(**words).sample(bqm)


def test_a_simulator_without_a_whole_state_takes_more_spins():
    backend = AerSimulator(method="matrix_product_state")
    h = np.where(np.arange(60) % 2, 30.0, -30.0)
    states, _, _ = ImaginaryTimeCircuitSampler(2, backend=backend, seed=0).sample_arrays(
        h, np.zeros((60, 60)), beta=1.0
    )
    np.testing.assert_array_equal(states[0], np.tile(-np.sign(h), (2, 1)))


def test_extreme_biases_are_taken():
    h, J = np.array([[1e100, 5e-324, -1.0]]), np.zeros((3, 3))
    J[0, 2] = J[2, 0] = -1e100
    for beta in (None, 0.0, 1e308):
        sampler = ImaginaryTimeCircuitSampler(5, method="statevector", seed=0)
        states, energies, _ = sampler.sample_arrays(h, J, beta=beta)
        assert np.isin(states, (-1, 1)).all()
        assert np.isfinite(energies).all()
