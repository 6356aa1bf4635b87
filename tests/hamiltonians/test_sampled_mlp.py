"""The Boltzmann energy of the sampled MLP against brute-force enumeration."""

import pickle
from dataclasses import replace

import dimod
import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit, log_expit, logsumexp

from qsklearn.hamiltonians import SampledMLPHamiltonian

X = np.random.default_rng(5).normal(size=(3, 2))


def softplus(z):
    return np.logaddexp(0.0, z)


# --- energies ------------------------------------------------------------------------------------


def test_family_energies_are_the_papers(hamiltonian, brute):
    hidden, outputs = brute.states(hamiltonian)
    family = hamiltonian.build(X)
    spins = 2 * np.hstack([hidden, outputs]) - 1
    energies = family.energies(np.broadcast_to(spins, (len(X), *spins.shape)))
    for x, row in zip(X, energies, strict=True):
        expected = [brute.energy(hamiltonian, x, *s) for s in zip(hidden, outputs, strict=True)]
        np.testing.assert_allclose(row, expected, atol=1e-11)


def test_family_describes_its_spins(hamiltonian, kind):
    family = hamiltonian.build(X)
    labels = [("k", 0), ("k", 1), ("k", 2), ("k", 3)]
    labels += [("y", m) for m in range(hamiltonian.n_outputs)]
    assert family.labels == tuple(labels)
    assert family.one_hot == ((4, 7) if kind == "categorical" else None)
    np.testing.assert_array_equal(family.couplings, family.couplings.T)
    assert not family.couplings[:4, :4].any() and not family.couplings[4:, 4:].any()
    assert [labels[spin][0] for spin in hamiltonian.output_spins] == ["y"] * hamiltonian.n_outputs


def test_bqm_energies_are_the_papers(hamiltonian, brute):
    hidden, outputs = brute.states(hamiltonian)
    x = X[0]
    bqm = hamiltonian.to_bqm(x)
    assert bqm.vartype is dimod.BINARY
    valid = outputs.sum(axis=1) == 1 if hamiltonian.categorical else np.ones(len(outputs), bool)
    solved = dimod.ExactSolver().sample(bqm)
    energy_of = {}
    for sample, energy in solved.data(["sample", "energy"]):
        k = tuple(sample["k", j] for j in range(hamiltonian.n_hidden))
        y = tuple(sample["y", m] for m in range(hamiltonian.n_outputs))
        energy_of[k, y] = energy
    assert len(energy_of) == len(hidden)
    for k, y in zip(hidden[valid], outputs[valid], strict=True):
        expected = brute.energy(hamiltonian, x, k, y)
        assert energy_of[tuple(k), tuple(y)] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_all_ground_states_are_one_hot(brute, seed):
    hamiltonian = brute.make("categorical", seed=seed, n_hidden=3)
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(X[0])).lowest(atol=1e-9)
    assert (hamiltonian.decode(ground).sum(axis=1) == 1).all()


@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0])
def test_ground_states_are_one_hot_without_couplings(bias):
    # All outputs feel the same field: a penalty of just this size would tie with broken states.
    hamiltonian = SampledMLPHamiltonian(
        np.zeros((2, 2)), np.zeros((2, 3)), np.zeros(2), np.full(3, bias), True
    )
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(X[0])).lowest(atol=1e-9)
    outputs = hamiltonian.decode(ground)
    assert (outputs.sum(axis=1) == 1).all()
    assert len(np.unique(outputs, axis=0)) == 3


def test_given_penalty_is_taken(brute):
    hamiltonian = brute.make("categorical")
    weak, strong = (hamiltonian.to_bqm(X[0], penalty=size) for size in (1.0, 11.0))
    nothing = dict.fromkeys(weak.variables, 0)
    assert strong.energy(nothing) - weak.energy(nothing) == pytest.approx(10.0)


# --- decode --------------------------------------------------------------------------------------


def test_decode_of_arrays_keeps_shape():
    hamiltonian = SampledMLPHamiltonian(
        np.zeros((2, 2)), np.zeros((2, 3)), np.zeros(2), np.zeros(3), False
    )
    states = np.array([[[1, -1, 1], [-1, -1, 1]]], np.int8)
    outputs = hamiltonian.decode(states)
    assert outputs.dtype == np.int8
    np.testing.assert_array_equal(outputs, [[[1, 0, 1], [0, 0, 1]]])


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_decode_of_samplesets_goes_by_label_and_unfolds(brute, vartype):
    hamiltonian = brute.make("multilabel")
    labels = [("y", 2), ("k", 3), ("y", 0), ("k", 0), ("y", 1), ("k", 2), ("k", 1)]
    low = -1 if vartype == "SPIN" else 0
    rows = np.array([[1, 1, low, 1, 1, 1, 1], [low, low, 1, low, low, low, low]])
    drawn = dimod.SampleSet.from_samples(
        (rows, labels), vartype, energy=[0.0, 1.0], num_occurrences=[2, 3]
    )
    np.testing.assert_array_equal(
        hamiltonian.decode(drawn), [[0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    )


# --- laws ----------------------------------------------------------------------------------------


def test_log_probabilities_by_enumeration_over_hidden_bits_and_outputs(hamiltonian, brute):
    hidden, outputs = brute.states(hamiltonian)
    for x, log_law in zip(X, hamiltonian.log_probabilities(X), strict=True):
        energies = np.array(
            [brute.energy(hamiltonian, x, *s) for s in zip(hidden, outputs, strict=True)]
        )
        marginals = [
            logsumexp(-energies[(outputs == pattern).all(axis=1)])
            for pattern in hamiltonian.patterns
        ]
        np.testing.assert_allclose(log_law, marginals - logsumexp(marginals), atol=1e-12)


def test_log_weights_are_relative_to_no_output(hamiltonian):
    free = np.column_stack(
        [
            hamiltonian.free_energies(X, np.broadcast_to(pattern, (len(X), len(pattern))))
            for pattern in hamiltonian.patterns
        ]
    )
    nothing = hamiltonian.free_energies(X, np.zeros((len(X), hamiltonian.n_outputs)))
    np.testing.assert_allclose(
        hamiltonian.log_weights(X), nothing[:, np.newaxis] - free, atol=1e-12
    )


def test_free_energies_by_enumeration(hamiltonian, brute):
    hidden, outputs = brute.states(hamiltonian)
    rng = np.random.default_rng(2)
    chosen = hamiltonian.patterns[rng.integers(len(hamiltonian.patterns), size=len(X))]
    for x, y, free in zip(X, chosen, hamiltonian.free_energies(X, chosen), strict=True):
        same = (outputs == y).all(axis=1)
        energies = [brute.energy(hamiltonian, x, k, y) for k in hidden[same]]
        assert free == pytest.approx(-logsumexp(-np.array(energies)), abs=1e-12)


def test_closed_form_of_one_output():
    rng = np.random.default_rng(3)
    W1, w, b = rng.normal(size=(2, 50)), rng.normal(size=(50, 1)), rng.normal(size=50)
    hamiltonian = SampledMLPHamiltonian(W1, w, b, np.array([0.3]), categorical=False)
    a = X @ W1 + b
    z = 0.3 + (softplus(a + w.ravel()) - softplus(a)).sum(axis=1)
    law = hamiltonian.log_probabilities(X)
    np.testing.assert_allclose(law[:, 1], log_expit(z), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(law[:, 0], log_expit(-z), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("n_hidden", [511, 512, 513, 1025, 3000])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 40.0, 1e4])
def test_products_of_factors_neither_overflow_nor_lose_digits(n_hidden, scale):
    # scale 0 makes every factor 2: more than 1024 of them at once would overflow.
    rng = np.random.default_rng(4)
    hamiltonian = SampledMLPHamiltonian(
        rng.normal(0, scale, (2, n_hidden)),
        rng.normal(0, scale, (n_hidden, 2)),
        np.zeros(n_hidden),
        np.zeros(2),
        categorical=False,
    )
    outputs = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    shifted = X @ hamiltonian.hidden_weights + outputs @ hamiltonian.output_weights.T
    np.testing.assert_allclose(
        hamiltonian.free_energies(X, outputs), -softplus(shifted).sum(axis=1), rtol=1e-13
    )


@pytest.mark.parametrize("size", [1e6, 1e20, 1e100, 1e308])
def test_enormous_inputs_keep_a_law(size):
    # Hidden bits are all on or all off: P(y = 1) is σ(c + the weights of those that are on).
    weights = np.array([[0.4], [-1.1], [0.5]])
    hamiltonian = SampledMLPHamiltonian(
        np.array([[1.0, -1.0, 1.0]]), weights, np.zeros(3), np.array([0.2]), False
    )
    law = np.exp(hamiltonian.log_probabilities(np.array([[size], [-size]])))
    np.testing.assert_allclose(law[:, 1], expit([0.2 + 0.9, 0.2 - 1.1]), rtol=1e-12)


def test_infinite_products_that_cancel_are_finite():
    hamiltonian = SampledMLPHamiltonian(
        np.array([[10.0], [-10.0]]), np.ones((1, 1)), np.zeros(1), np.zeros(1), False
    )
    assert np.isfinite(hamiltonian.log_probabilities(np.full((1, 2), 1e308))).all()


def test_sparse_inputs_are_the_same(hamiltonian):
    for container in (scipy.sparse.csr_matrix, scipy.sparse.csr_array):
        np.testing.assert_allclose(
            hamiltonian.log_probabilities(container(X)),
            hamiltonian.log_probabilities(X),
            rtol=1e-13,
        )
        np.testing.assert_allclose(
            hamiltonian.build(container(X)).fields, hamiltonian.build(X).fields, rtol=1e-13
        )


# --- patterns ------------------------------------------------------------------------------------


def test_patterns_are_numbered(hamiltonian, kind):
    patterns = hamiltonian.patterns
    assert len(np.unique(patterns, axis=0)) == len(patterns)
    assert len(patterns) == {"binary": 2, "categorical": 3, "multilabel": 8}[kind]
    np.testing.assert_array_equal(hamiltonian.pattern_of(patterns), np.arange(len(patterns)))
    drawn = patterns.astype(np.int8)[[[0, 1], [1, 1]]]
    np.testing.assert_array_equal(hamiltonian.pattern_of(drawn), [[0, 1], [1, 1]])


def wide(n_outputs, categorical):
    return SampledMLPHamiltonian(
        np.zeros((2, 1)), np.zeros((1, n_outputs)), np.zeros(1), np.zeros(n_outputs), categorical
    )


def test_sixteen_bits_are_enumerated():
    hamiltonian = wide(16, categorical=False)
    assert hamiltonian.is_enumerable
    law = hamiltonian.log_probabilities(X[:1])
    np.testing.assert_allclose(law, -16 * np.log(2.0), rtol=1e-12)


@pytest.mark.parametrize(
    "ask",
    [
        lambda hamiltonian: hamiltonian.patterns,
        lambda hamiltonian: hamiltonian.log_probabilities(X),
        lambda hamiltonian: hamiltonian.pattern_of(np.zeros((1, 17))),
    ],
)
def test_more_bits_are_refused_with_a_remedy(ask):
    hamiltonian = wide(17, categorical=False)
    assert not hamiltonian.is_enumerable
    with pytest.raises(ValueError, match=r"17 output bits has 2\^17 terms.*up to 16 bits.*trains"):
        ask(hamiltonian)


def test_models_beyond_memory_are_refused(monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 8 * 41 * 45)
    hamiltonian = wide(40, categorical=True)
    assert hamiltonian.build(np.zeros((4, 2))).n_spins == 41
    with pytest.raises(MemoryError, match="41 spins for 5 data points would need 15,088 bytes"):
        hamiltonian.build(np.zeros((5, 2)))
    with pytest.raises(MemoryError, match="1 hidden bits for 923 data points would need 14,768"):
        hamiltonian.activations(scipy.sparse.csr_matrix((923, 2)))


def test_data_and_draws_of_other_shapes_are_refused(hamiltonian):
    with pytest.raises(ValueError, match="'X' parameter .* must have 2 features. Got 3 instead"):
        hamiltonian.activations(scipy.sparse.csr_array((4, 3)))
    some = np.zeros((2, hamiltonian.n_outputs))
    with pytest.raises(ValueError, match=r"costs must be of shapes .*Got \(2, .\) and \(4, .\)"):
        hamiltonian.costs(some, np.zeros((4, hamiltonian.n_outputs)))
    assert hamiltonian.costs(some, some[:1]).tolist() == [0.0, 0.0]


def test_a_categorical_unit_of_any_size_is_enumerated():
    hamiltonian = wide(40, categorical=True)
    assert hamiltonian.is_enumerable
    np.testing.assert_allclose(np.exp(hamiltonian.log_probabilities(X)), 1 / 40, rtol=1e-12)


# --- the object ----------------------------------------------------------------------------------


def test_frozen_comparable_and_picklable(hamiltonian):
    with pytest.raises(AttributeError):
        hamiltonian.categorical = True
    assert hamiltonian == hamiltonian
    assert hamiltonian != replace(hamiltonian, output_bias=np.zeros(hamiltonian.n_outputs))
    copy = pickle.loads(pickle.dumps(hamiltonian))
    np.testing.assert_array_equal(copy.log_probabilities(X), hamiltonian.log_probabilities(X))
