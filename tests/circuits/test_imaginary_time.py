"""The imaginary time circuit: angles against an optimiser, amplitudes against expm."""

from itertools import combinations

import mpmath
import numpy as np
import pytest
from qiskit.quantum_info import Operator, Statevector
from scipy.linalg import expm
from scipy.optimize import minimize

from qsklearn.circuits import (
    ImaginaryTimeCircuit,
    evolve_imaginary_time,
    field_angles,
    pair_angles,
)

Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1.0, -1.0])
PLUS = np.full(2, np.sqrt(0.5))


def make_model(n_qubits, seed, ising, n_models=1, density=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_models, n_qubits)), ising.symmetric(n_qubits, rng, density)


def on(n_qubits, **places):
    """A product of one-qubit operators, qubit 0 the lowest bit: the last factor."""
    factors = [np.eye(2)] * n_qubits
    for name, operator in places.items():
        factors[int(name[1:])] = operator
    product = np.eye(1)
    for factor in factors:
        product = np.kron(factor, product)
    return product


def rotation_of_pair(n_qubits, first, second, theta_1, theta_0):
    zy = on(n_qubits, **{f"q{first}": Z, f"q{second}": Y})
    yz = on(n_qubits, **{f"q{first}": Y, f"q{second}": Z})
    return expm(-0.5j * (theta_1 * zy + theta_0 * yz))


def product_formula(circuit, model):
    """Eqs. 42-44 by dense matrices."""
    n_qubits = circuit.n_qubits
    state = np.full(2**n_qubits, 2 ** (-n_qubits / 2), complex)
    for qubit, angle in enumerate(circuit.angles[model]):
        state = expm(-0.5j * angle * on(n_qubits, **{f"q{qubit}": Y})) @ state
    for (first, second), angles in zip(circuit.pairs, circuit.angles_of_pairs[model], strict=True):
        state = rotation_of_pair(n_qubits, first, second, *angles) @ state
    return state


# --- angles -------------------------------------------------------------------------------------


def overlap(thetas, J, h_first, h_second, tau):
    """f of eq. 46, from its definition by matrices: <psi| U^+ exp(-tau J ZZ) |psi>; Z = -s."""
    state = np.ones(1)
    for h in (h_first, h_second):
        angle = 2 * np.arctan(np.tanh(-tau * h))
        state = np.kron(expm(-0.5j * angle * Y) @ PLUS, state)
    evolved = np.exp(-tau * J * np.diag(on(2, q0=Z, q1=Z))) * state
    return (rotation_of_pair(2, 0, 1, *thetas) @ state).conj() @ evolved


@pytest.mark.parametrize("seed", range(4))
def test_angles_are_those_of_a_numerical_optimiser(seed):
    rng = np.random.default_rng(seed)
    biases = (*rng.normal(size=3), rng.uniform(0.1, 1.0))
    angles = pair_angles(*biases)
    best = max(
        (
            minimize(lambda t: -overlap(t, *biases).real, start, tol=1e-14)
            for start in ([0.1, 0.2], [2.0, -2.0], [-1.5, 1.5])
        ),
        key=lambda result: -result.fun,
    )
    assert abs(overlap(angles, *biases).real + best.fun) < 1e-9
    # A flat maximum leaves an optimiser's angles to 1e-6; Newton's steps bring them home.
    polished = newton(best.x, biases)
    gates = [rotation_of_pair(2, 0, 1, *thetas) for thetas in (angles, polished)]
    assert np.abs(gates[0] - gates[1]).max() < 1e-9


def newton(thetas, biases):
    """Maximise f = u'Mv by Newton's method, with its bilinear form read off at four points."""
    matrix = np.array([[overlap((b, a), *biases).real for b in (0, np.pi)] for a in (0, np.pi)])
    for _ in range(5):
        beta, alpha = np.asarray(thetas) / 2
        u, v = (np.array([np.cos(x), np.sin(x)]) for x in (alpha, beta))
        du, dv = (np.array([-np.sin(x), np.cos(x)]) for x in (alpha, beta))
        f = u @ matrix @ v
        gradient = np.array([u @ matrix @ dv, du @ matrix @ v])
        mixed = du @ matrix @ dv
        thetas = thetas - 2 * np.linalg.solve([[-f, mixed], [mixed, -f]], gradient)
    return thetas


def test_angles_are_accurate_where_the_papers_terms_cancel():
    """Against 60 digits, for fields and couplings from 1e-6 to 30."""
    rng = np.random.default_rng(0)
    mpmath.mp.dps = 60
    worst = 0.0
    for _ in range(300):
        J, h_first, h_second = rng.normal(size=3) * rng.choice([1e-6, 1e-2, 1.0, 10.0], size=3)
        tau = rng.uniform(0.05, 1.0)
        x, y = (mpmath.mpf(2 * h) * mpmath.mpf(tau) for h in (h_first, h_second))
        t = mpmath.tanh(mpmath.mpf(tau) * mpmath.mpf(J))
        a = 1 - t * mpmath.tanh(x) * mpmath.tanh(y)
        b, c = t / mpmath.cosh(x), t / mpmath.cosh(y)
        d = 1 / mpmath.cosh(x) / mpmath.cosh(y)
        plus, minus = mpmath.atan2(b + c, a + d), mpmath.atan2(c - b, a - d)
        expected = [float(plus + minus), float(plus - minus)]
        worst = max(worst, np.abs(pair_angles(J, h_first, h_second, tau) - expected).max())
    assert worst < 1e-8


def test_turning_all_spins_over_leaves_the_angles():
    """To the last bit, also for strong fields of either sign; and to swap spins swaps them."""
    rng = np.random.default_rng(1)
    J, first, second = rng.normal(size=(3, 500)) * 10
    angles = pair_angles(J, first, second, 1.0)
    np.testing.assert_array_equal(angles, pair_angles(J, -first, -second, 1.0))
    np.testing.assert_allclose(angles[:, ::-1], pair_angles(J, second, first, 1.0), atol=1e-12)


def test_angles_of_extreme_biases_are_finite():
    huge = [0.0, 1e-300, 1e-9, 1.0, 60.0, 1e100, -1e100, 1e300]
    J, first, second = np.meshgrid(huge, huge, huge)
    for tau in (0.0, 1e-9, 1.0, 1e300):
        angles = pair_angles(J, first, second, tau)
        assert np.isfinite(angles).all()
        assert (np.abs(angles) <= 2 * np.pi).all()
    assert np.isfinite(field_angles(huge, 1e300)).all()
    assert not pair_angles(0.0, 0.3, -0.2, 1.0).any()  # no coupling, no rotation


# --- amplitudes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("gate_order", ["descending", "ascending", "index"])
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 5])
def test_amplitudes_are_the_product_formula(n_qubits, gate_order, ising):
    h, J = make_model(n_qubits, 1, ising, n_models=2)
    circuit = ImaginaryTimeCircuit.from_ising(h, J, [0.4, 0.9], gate_order=gate_order)
    amplitudes = circuit.amplitudes()
    assert amplitudes.dtype == float
    for model in range(2):
        expected = product_formula(circuit, model)
        np.testing.assert_allclose(amplitudes[model], expected, atol=1e-12)


def test_pairs_may_name_the_higher_qubit_first(ising):
    h, J = make_model(4, 2, ising)
    pairs = [(b, a) if (a + b) % 2 else (a, b) for a, b in combinations(range(4), 2)]
    turned = ImaginaryTimeCircuit.from_ising(h, J, 0.7, gate_order=pairs)
    np.testing.assert_allclose(turned.amplitudes()[0], product_formula(turned, 0), atol=1e-12)
    plain = ImaginaryTimeCircuit.from_ising(h, J, 0.7, gate_order="index")
    np.testing.assert_allclose(turned.amplitudes(), plain.amplitudes(), atol=1e-12)


def test_qiskits_circuit_has_these_amplitudes(ising):
    h, J = make_model(6, 3, ising, n_models=2, density=0.6)
    circuit = ImaginaryTimeCircuit.from_ising(h, J, [0.3, 0.8])
    for model, amplitudes in enumerate(circuit.amplitudes()):
        state = Statevector(circuit.to_qiskit(model, measure=False)).data
        phase = np.vdot(amplitudes, state)
        assert abs(abs(phase) - 1) < 1e-12
        np.testing.assert_allclose(state, phase * amplitudes, atol=1e-12)


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (0, 2), (2, 1)])
def test_the_gates_of_a_pair_are_its_matrix_exponential(pair):
    J = np.zeros((3, 3))
    J[pair] = J[pair[::-1]] = 0.8
    circuit = ImaginaryTimeCircuit(np.zeros((1, 3)), np.array([pair]), np.array([[[0.7, -1.9]]]))
    assembled = circuit.to_qiskit(0, measure=False)
    hadamards = Operator(ImaginaryTimeCircuit(
        np.zeros((1, 3)), np.empty((0, 2), int), np.empty((1, 0, 2))
    ).to_qiskit(0, measure=False)).data  # fmt: skip
    unitary = Operator(assembled).data @ hadamards.conj().T
    expected = rotation_of_pair(3, *pair, 0.7, -1.9)
    phase = np.trace(expected.conj().T @ unitary) / 8
    assert abs(abs(phase) - 1) < 1e-12
    np.testing.assert_allclose(unitary, phase * expected, atol=1e-12)


def test_parameters_keep_their_order_beyond_ten(ising):
    h, J = make_model(7, 4, ising)
    circuit = ImaginaryTimeCircuit.from_ising(h, J, 0.5)
    free = circuit.to_qiskit()
    assert free.num_parameters == 7 + 2 * 21 == circuit.parameter_values.shape[1]
    bound = free.assign_parameters(circuit.parameter_values[0])
    assert bound == circuit.to_qiskit(0)
    assert [register.name for register in bound.cregs] == ["meas"]
    assert bound.count_ops()["cx"] == 2 * circuit.n_pairs


def test_a_circuit_handed_out_may_be_changed(ising):
    circuit = ImaginaryTimeCircuit.from_ising(*make_model(2, 0, ising), 0.5)
    circuit.to_qiskit().x(0)
    assert "x" not in circuit.to_qiskit().count_ops()


# --- the evolution that it mimics ---------------------------------------------------------------


def test_exact_evolution_is_boltzmanns_law_at_twice_the_time(ising):
    h, J = make_model(5, 5, ising, n_models=3)
    times = np.array([0.0, 0.3, 2.0])
    probabilities = evolve_imaginary_time(h, J, times) ** 2
    for fields, tau, drawn in zip(h, times, probabilities, strict=True):
        law = ising.enumerate(fields, J, 2 * tau)
        np.testing.assert_allclose(drawn, law.probabilities, atol=1e-12)


def test_without_couplings_the_circuit_is_exact(ising):
    h, _ = make_model(6, 6, ising)
    J = np.zeros((6, 6))
    circuit = ImaginaryTimeCircuit.from_ising(h, J, 0.9)
    np.testing.assert_allclose(circuit.amplitudes(), evolve_imaginary_time(h, J, 0.9), atol=1e-12)


def test_without_fields_a_tree_of_rising_depth_is_exact_for_one_pair():
    """Two spins without fields: e^{-tau J ZZ} of the uniform state is a rotation."""
    J = np.array([[0.0, 1.3], [1.3, 0.0]])
    circuit = ImaginaryTimeCircuit.from_ising([[0.0, 0.0]], J, 0.8)
    exact = evolve_imaginary_time([[0.0, 0.0]], J, 0.8)
    np.testing.assert_allclose(circuit.amplitudes(), exact, atol=1e-12)


def test_the_error_is_of_second_order_in_the_time(ising):
    h, J = make_model(5, 7, ising)
    errors = []
    for tau in (0.02, 0.01):
        circuit = ImaginaryTimeCircuit.from_ising(h, J, tau)
        errors.append(np.linalg.norm(circuit.amplitudes() - evolve_imaginary_time(h, J, tau)))
    assert errors[0] < 0.01
    assert 3.5 < errors[0] / errors[1] < 4.5


def test_ground_states_become_likely_and_less_so_beyond_the_best_time(ising):
    """The notes' random models of 8 spins: some .1 at tau .6 against .004 of uniform strings."""
    chances = []
    for seed in range(6):
        h, J = make_model(8, seed, ising)
        scale = max(np.abs(h).max(), np.abs(J).max())
        times = np.array([0.0, 0.3, 0.6, 3.0])
        circuit = ImaginaryTimeCircuit.from_ising(np.tile(h, (4, 1)) / scale, J / scale, times)
        ground = np.argmin(ising.enumerate(h[0], J, 1.0).energies)
        chances.append(circuit.amplitudes()[:, ground] ** 2)
    uniform, early, best, late = np.mean(chances, axis=0)
    assert uniform == pytest.approx(2**-8)
    assert 0.05 < best < 0.25
    assert uniform < early < best > 1.5 * late


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"J": np.zeros((3, 3))}, r"Got \(1, 2\) and \(3, 3\)"),
        ({"J": [[0, 1.0], [0, 0]]}, "symmetric with a zero diagonal"),
        ({"J": np.eye(2)}, "symmetric with a zero diagonal"),
        ({"h": [[np.inf, 0.2]]}, "The 'h' parameter of .* must be finite. Got NaN or infinity"),
        ({"imaginary_time": np.nan}, "The 'imaginary_time' parameter of .* must be finite"),
        ({"imaginary_time": [0.5, 1.0]}, r"one for each of the 1 models. Got shape \(2,\)"),
        ({"gate_order": "random"}, "'gate_order' parameter must be one of"),
        ({"gate_order": [(0, 1), (0, 1)]}, "each of the 1 coupled pairs once"),
        ({"gate_order": [(0.0, 1.0)]}, "each of the 1 coupled pairs once"),
        ({"gate_order": np.empty((0, 2), int)}, "each of the 1 coupled pairs once"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(words, message):
    given = {"h": [[0.1, 0.2]], "J": [[0, 1.0], [1.0, 0]], "imaginary_time": 0.5, **words}
    with pytest.raises(ValueError, match=message):
        ImaginaryTimeCircuit.from_ising(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.ones(2), np.ones(3), 0.0, 1.0), r"'h_second' parameters of pair_angles must .*\(3,\)"),
        ((np.ones(2), 0.0, 0.0, np.ones(3)), r"'imaginary_time' parameter and the biases of pair_"),
    ],
    ids=["biases", "times"],
)
def test_shapes_of_pairs_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        pair_angles(*given)
