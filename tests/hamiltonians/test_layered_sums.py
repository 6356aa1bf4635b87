"""Exact sums of layered models against enumeration of all their states."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit, logsumexp, softmax

from qsklearn.hamiltonians import LayeredHamiltonian

# Layers from below; which of them are enumerated stands in the name.
SIZES = {
    "nothing": (4,),
    "the classes": (6, 3),
    "layer 1 of two": (5, 2, 3),
    "layer 0 of two": (2, 5, 3),
    "layer 1 of three": (4, 1, 4, 2),
    "layers 0 and 2 of three": (2, 5, 2, 2),
    "layers 0 and 2 of four": (1, 3, 2, 4, 2),
    "layers 1 and 3 of four": (3, 1, 3, 1, 2),
}


def make(sizes, seed=0, scale=1.5, sparse=False):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, scale, shape) for shape in zip(sizes[:-1], sizes[1:], strict=True)]
    if sparse:
        weights = [scipy.sparse.csr_array(matrix) for matrix in weights]
    return LayeredHamiltonian(tuple(weights), tuple(rng.normal(0, scale, size) for size in sizes))


def make_inputs(sizes, seed=1, n_samples=5, scale=3.0):
    return np.random.default_rng(seed).normal(0, scale, (n_samples, sizes[0]))


class Enumerated:
    """All states of a model, broken class units among them, and their energies."""

    def __init__(self, hamiltonian, inputs, penalty=None):
        n_units = hamiltonian.n_units
        self.bits = (np.arange(2**n_units)[:, np.newaxis] >> np.arange(n_units)) & 1
        self.classes = self.bits[:, hamiltonian.class_units]
        family = hamiltonian.with_penalty(penalty).build(inputs)
        states = np.broadcast_to(2 * self.bits - 1, (len(inputs), *self.bits.shape))
        self.energies = family.energies(states)

    def free_energies(self, pattern, beta):
        energies = self.energies[:, (self.classes == pattern).all(axis=1)]
        if beta is None:
            return energies.min(axis=1)
        return -logsumexp(-beta * energies, axis=1) / beta

    def class_free_energies(self, beta):
        n_classes = self.classes.shape[1]
        nothing = self.free_energies(np.zeros(n_classes), beta)
        classes = [self.free_energies(row, beta) for row in np.eye(n_classes)]
        return np.column_stack(classes) - nothing[:, np.newaxis]

    def one_hot_means(self, beta):
        is_one_hot = self.classes.sum(axis=1) == 1
        law = softmax(-beta * self.energies[:, is_one_hot], axis=1)
        return law @ self.bits[is_one_hot]


@pytest.fixture(params=SIZES)
def sizes(request):
    return SIZES[request.param]


@pytest.mark.parametrize("beta", [None, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_free_energies_by_enumeration(sizes, beta, sparse):
    hamiltonian, inputs = make(sizes, sparse=sparse), make_inputs(sizes)
    expected = Enumerated(hamiltonian, inputs).class_free_energies(beta)
    found = hamiltonian.class_free_energies(inputs, beta)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_unit_means_by_enumeration(sizes, beta):
    hamiltonian, inputs = make(sizes, seed=3), make_inputs(sizes)
    expected = Enumerated(hamiltonian, inputs).one_hot_means(beta)
    np.testing.assert_allclose(hamiltonian.unit_means(inputs, beta), expected, atol=1e-11)
    probabilities = hamiltonian.class_probabilities(inputs, beta)
    np.testing.assert_allclose(probabilities, expected[:, hamiltonian.class_units], atol=1e-11)


@pytest.mark.parametrize("penalty", [0.3, 1.0, 6.0])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_one_hot_part_of_the_penalised_law_is_softmax_of_the_free_energies(sizes, penalty, beta):
    """Whatever A is; it only fixes how much of the law is one-hot."""
    hamiltonian, inputs = make(sizes, seed=4).with_penalty(penalty), make_inputs(sizes)
    law = Enumerated(hamiltonian, inputs, penalty)
    weights = softmax(-beta * law.energies, axis=1)
    of_class = np.column_stack(
        [weights[:, (law.classes == row).all(axis=1)].sum(axis=1) for row in np.eye(sizes[-1])]
    )
    assert (of_class.sum(axis=1) < 1 - 1e-6).all()  # the rest is broken
    posterior = of_class / of_class.sum(axis=1, keepdims=True)
    free_energies = hamiltonian.class_free_energies(inputs, beta)
    np.testing.assert_allclose(posterior, softmax(-beta * free_energies, axis=1), atol=1e-9)
    np.testing.assert_allclose(hamiltonian.class_probabilities(inputs, beta), posterior, atol=1e-9)


def test_centring_keeps_the_law_of_one_hot_states(sizes):
    hamiltonian, inputs = make(sizes, seed=5), make_inputs(sizes)
    centred = hamiltonian.centred()
    for method in ("class_probabilities", "unit_means"):
        found, expected = (getattr(model, method)(inputs) for model in (centred, hamiltonian))
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_floating_features_give_the_score_of_the_corrected_formulas():
    # S_k = Σ_j log(1 + f_j (exp(W_jk) - 1)) for biases logit(f) and β = 1.
    rng = np.random.default_rng(0)
    features, weights = rng.uniform(0.01, 0.99, (20, 40)), rng.normal(0, 0.7, (40, 10))
    hamiltonian = LayeredHamiltonian((weights,), (np.zeros(40), np.zeros(10)))
    scores = np.log1p(features[:, :, np.newaxis] * np.expm1(weights)).sum(axis=1)
    logits = np.log(features / (1 - features))
    np.testing.assert_allclose(-hamiltonian.class_free_energies(logits), scores, atol=1e-11)


# --- extreme temperatures and inputs -------------------------------------------------------------


@pytest.mark.parametrize("size", [1e6, 1e12, 1e90, 1e308])
@pytest.mark.parametrize("name", ["the classes", "layer 1 of two", "layer 0 of two"])
def test_enormous_inputs_fix_their_units_and_leave_the_rest_exact(size, name):
    sizes = SIZES[name]
    hamiltonian = make(sizes, seed=6)
    signs = np.where(np.arange(sizes[0]) % 2, -1.0, 1.0)
    on = signs > 0
    # What is left with the first layer fixed is a model of the layers above.
    field = hamiltonian.weights[0][on].sum(axis=0)
    above = LayeredHamiltonian(hamiltonian.weights[1:], hamiltonian.biases[1:])
    expected = above.class_free_energies(field[np.newaxis])
    expected_means = above.unit_means(field[np.newaxis])
    inputs = size * signs[np.newaxis]
    found = hamiltonian.class_free_energies(inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    means = hamiltonian.unit_means(inputs)
    np.testing.assert_array_equal(means[0, : sizes[0]], on)
    np.testing.assert_allclose(means[:, sizes[0] :], expected_means, atol=1e-9)


@pytest.mark.parametrize("beta", [1e3, 1e8, 1e100, 1e300])
def test_cold_free_energies_are_the_lowest_energies(sizes, beta):
    hamiltonian, inputs = make(sizes, seed=7), make_inputs(sizes)
    lowest = hamiltonian.class_free_energies(inputs, None)
    np.testing.assert_allclose(
        hamiltonian.class_free_energies(inputs, beta), lowest, atol=20 / beta + 1e-12
    )
    probabilities = hamiltonian.class_probabilities(inputs, beta)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), lowest.argmin(axis=1))
    assert np.isfinite(hamiltonian.unit_means(inputs, beta)).all()


@pytest.mark.parametrize("beta", [1e-4, 1e-8, 1e-15, 1e-300])
def test_hot_free_energies_are_the_mean_energies(sizes, beta):
    # At β = 0 every hidden bit is on half of the time, so F_k = -b_k - mean of the last weights.
    hamiltonian, inputs = make(sizes, seed=8), make_inputs(sizes)
    expected = -hamiltonian.biases[-1] - (
        hamiltonian.weights[-1].sum(axis=0) / 2 if hamiltonian.weights else inputs
    )
    found = hamiltonian.class_free_energies(inputs, beta)
    expected = np.broadcast_to(expected, found.shape)
    np.testing.assert_allclose(found, expected, atol=300 * beta + 1e-11)
    means = hamiltonian.unit_means(inputs, beta)
    np.testing.assert_allclose(means[:, hamiltonian.hidden_units], 0.5, atol=30 * beta)
    np.testing.assert_allclose(means[:, hamiltonian.class_units], 1 / sizes[-1], atol=30 * beta)


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e30])
def test_temperature_and_scale_of_the_energy_are_one(sizes, scale):
    hamiltonian, inputs = make(sizes, seed=9), make_inputs(sizes)
    scaled = LayeredHamiltonian(
        tuple(scale * weights for weights in hamiltonian.weights),
        tuple(scale * bias for bias in hamiltonian.biases),
    )
    for factor in (1.0, 1e-3):
        np.testing.assert_allclose(
            scaled.class_free_energies(scale * inputs, factor / scale),
            scale * hamiltonian.class_free_energies(inputs, factor),
            rtol=1e-8,
        )


@pytest.mark.parametrize("n_hidden", [511, 512, 513, 3000])
@pytest.mark.parametrize("scale", [0.0, 1e-5, 1.0, 1e4])
def test_many_hidden_units_neither_overflow_nor_lose_digits(n_hidden, scale):
    rng = np.random.default_rng(4)
    weights, inputs = rng.normal(0, scale, (n_hidden, 3)), rng.normal(0, scale, (2, n_hidden))
    hamiltonian = LayeredHamiltonian((weights,), (np.zeros(n_hidden), np.zeros(3)))
    shifted = inputs[:, :, np.newaxis] + weights
    gains = np.logaddexp(0, shifted) - np.logaddexp(0, inputs)[:, :, np.newaxis]
    expected = gains.sum(axis=1)
    np.testing.assert_allclose(
        -hamiltonian.class_free_energies(inputs), expected, rtol=1e-12, atol=1e-11
    )


def test_small_and_large_steps_join_without_a_jump():
    # Where the calculation changes from log1p(σ expm1) to logarithms of factors.
    fields = np.random.default_rng(0).normal(0, 2, (3, 5))
    for size in (0.9e-3, 1.1e-3):
        hamiltonian = LayeredHamiltonian((np.full((5, 1), size),), (np.zeros(5), np.zeros(1)))
        expected = np.log1p(expit(fields) * np.expm1(size)).sum(axis=1)
        found = -hamiltonian.class_free_energies(fields)[:, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-11)


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((500,), True),
        ((500, 10), True),
        ((500, 16, 10), True),
        ((16, 500, 10), True),
        ((17, 17, 10), False),
        ((128, 24, 10), False),
        ((8, 100, 8, 10), True),
        ((9, 100, 8, 10), False),
        ((100, 16, 100, 10), True),
    ],
)
def test_is_summable(sizes, expected):
    biases = tuple(map(np.zeros, sizes))
    weights = tuple(map(np.zeros, zip(sizes[:-1], sizes[1:], strict=True)))
    assert LayeredHamiltonian(weights, biases).is_summable is expected


@pytest.mark.parametrize("method", ["class_free_energies", "class_probabilities", "unit_means"])
def test_more_units_are_refused_with_a_remedy(method):
    hamiltonian = make((18, 17, 3))
    with pytest.raises(ValueError, match=r"2\^17 terms.*up to 16 units.*mean_field and samplers"):
        getattr(hamiltonian, method)(np.zeros((1, 18)))


def test_many_patterns_and_samples_are_done_in_parts(monkeypatch):
    sizes = (3, 7, 6, 3)
    hamiltonian, inputs = make(sizes, seed=11), make_inputs(sizes, n_samples=23)
    expected = [
        getattr(hamiltonian, method)(inputs) for method in ("class_free_energies", "unit_means")
    ]
    from qsklearn.hamiltonians import _layered_sums

    monkeypatch.setattr(_layered_sums, "_BLOCK", 40)
    monkeypatch.setattr(_layered_sums, "_TABLE", 700)
    np.testing.assert_allclose(hamiltonian.class_free_energies(inputs), expected[0], atol=1e-12)
    np.testing.assert_allclose(hamiltonian.unit_means(inputs), expected[1], atol=1e-12)


def test_no_samples_have_no_results(sizes):
    hamiltonian, inputs = make(sizes), np.empty((0, sizes[0]))
    assert hamiltonian.class_free_energies(inputs).shape == (0, sizes[-1])
    assert hamiltonian.unit_means(inputs).shape == (0, hamiltonian.n_units)
    assert hamiltonian.class_probabilities(inputs).shape == (0, sizes[-1])


def test_sixteen_units_are_enumerated():
    # Without couplings to the first layer, layers of 16 and 3 are a model of one hidden layer.
    rng = np.random.default_rng(0)
    weights, biases = rng.normal(size=(16, 3)), (rng.normal(size=16), rng.normal(size=3))
    hamiltonian = LayeredHamiltonian((np.zeros((20, 16)), weights), (np.zeros(20), *biases))
    alone = LayeredHamiltonian((weights,), biases)
    inputs = rng.normal(size=(2, 20))
    np.testing.assert_allclose(
        hamiltonian.class_free_energies(inputs),
        np.repeat(alone.class_free_energies(np.zeros((1, 16))), 2, axis=0),
        atol=1e-11,
    )
