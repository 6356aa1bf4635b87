"""Layers with weights: their Hamiltonians against the squared error of their outputs."""

import copy
import pickle
from itertools import product

import numpy as np
import pytest
from numpydoc.validate import validate
from sklearn.base import clone

from qsklearn.hamiltonians import WeightEncoding
from qsklearn.neural_network import layers
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    FittedLayer,
    Flatten,
    Linear,
    SpectralPool,
    _fitted_layer,
)

N_SAMPLES = 5
TRAINABLE = {
    "linear": (Linear(3), (4,)),
    "valid": (Convolution(2, 2), (2, 3, 4)),
    "same": (Convolution(2, 3, padding="same"), (1, 3, 3)),
    "even same": (Convolution(3, 2, padding="same"), (1, 3, 2)),
    "one pixel": (Convolution(2, 3), (1, 3, 3)),
}
ALL = [
    Linear(3),
    Convolution(2, 3, padding="same"),
    Activation("leaky_relu", 0.1),
    SpectralPool((4, 2)),
    AveragePool(2),
    Flatten(),
]


class Problem:
    """A layer with random data, and its squared error from its own forward pass."""

    def __init__(self, name, gained=True, weighted=True, seed=0, n_samples=N_SAMPLES):
        layer, input_shape = TRAINABLE[name]
        rng = np.random.default_rng(seed)
        self.fitted = FittedLayer(layer, input_shape)
        shape = (n_samples, *self.fitted.output_shape)
        self.inputs = rng.normal(size=(n_samples, *input_shape))
        self.targets = rng.normal(size=shape)
        self.gains = rng.choice([0.1, 1.0], shape) if gained else None
        self.sample_weight = rng.uniform(0, 2, n_samples) if weighted else None

    def build(self, **options):
        return self.fitted.hamiltonian(
            self.inputs,
            self.targets,
            gains=self.gains,
            sample_weight=self.sample_weight,
            **options,
        )

    def errors(self, coefficients):
        """Squared error of each output: summed over sites, averaged over samples."""
        outputs = self.fitted.with_weights(coefficients).forward(self.inputs)
        errors = np.square((1 if self.gains is None else self.gains) * outputs - self.targets)
        per_sample = errors.reshape(*errors.shape[:2], -1).sum(axis=2)
        return np.average(per_sample, axis=0, weights=self.sample_weight)


@pytest.fixture(params=TRAINABLE)
def name(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["matrices", "rows"])
def keep_rows(request):
    return request.param


@pytest.mark.parametrize(("gained", "weighted"), [*product([False, True], repeat=2)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_hamiltonian_is_the_squared_error(name, gained, weighted, fit_intercept, keep_rows):
    problem = Problem(name, gained, weighted)
    hamiltonian = problem.build(fit_intercept=fit_intercept, keep_rows=keep_rows)
    n_weights = problem.fitted.n_weights + fit_intercept
    assert hamiltonian.linear.shape == (problem.fitted.n_outputs, n_weights)
    assert (hamiltonian.rows is not None) == keep_rows
    for seed in range(5):
        weights = np.random.default_rng(seed).normal(size=hamiltonian.linear.shape)
        expected = problem.errors(weights.T)
        np.testing.assert_allclose(hamiltonian.energies(weights), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_bits", [1, 2])
def test_all_states_of_a_small_net(name, n_bits):
    """The chain from spins to the squared error: decode, forward, compare with the BQM."""
    layer, input_shape = TRAINABLE[name]
    problem = Problem(name)
    hamiltonian = problem.build(fit_intercept=True)
    live = np.zeros(hamiltonian.n_weights, bool)
    live[[0, 1, -2, -1]] = True  # more weights would have too many states
    part = hamiltonian.restricted(live).with_penalty(0.2)
    rng = np.random.default_rng(3)
    encoding = WeightEncoding(rng.normal(size=part.linear.shape), rng.uniform(0.1, 1, 4), n_bits)
    states = np.array(list(product((-1, 1), repeat=4 * n_bits)), np.int8)
    bqms = [part.to_bqm(output, encoding) for output in range(part.n_outputs)]
    energies = [bqm.energies((states, encoding.labels)) for bqm in bqms]
    weights = encoding.decode(np.stack([states] * part.n_outputs))
    for read in range(len(states)):
        coefficients = np.zeros((hamiltonian.n_weights, part.n_outputs))
        coefficients[live] = weights[:, read].T
        expected = problem.errors(coefficients) + 0.2 * np.square(coefficients).sum(axis=0)
        got = [energy[read] for energy in energies]
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_batches_give_the_same(name, monkeypatch):
    problem = Problem(name)
    whole = problem.build(keep_rows=False)
    monkeypatch.setattr(_fitted_layer, "_BATCH_BYTES", 1)  # a sample at a time
    parts = problem.build(keep_rows=False)
    np.testing.assert_allclose(parts.quadratic, whole.quadratic, atol=1e-12)
    np.testing.assert_allclose(parts.linear, whole.linear, atol=1e-12)
    np.testing.assert_allclose(parts.constant, whole.constant, atol=1e-12)


def test_some_outputs(name, keep_rows):
    problem = Problem(name)
    whole = problem.build(keep_rows=keep_rows)
    part = problem.build(keep_rows=keep_rows, outputs=[1])
    weights = np.random.default_rng(0).normal(size=whole.linear.shape)
    np.testing.assert_allclose(
        part.energies(weights[[1]]), whole.energies(weights)[[1]], atol=1e-12
    )


def test_samples_of_weight_zero_do_not_count():
    problem = Problem("valid")
    problem.sample_weight = np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    thinned = Problem("valid", weighted=False)
    for key in ("inputs", "targets", "gains"):
        setattr(thinned, key, getattr(problem, key)[::2])
    np.testing.assert_allclose(problem.build().quadratic, thinned.build().quadratic, atol=1e-12)
    np.testing.assert_allclose(problem.build().constant, thinned.build().constant, atol=1e-12)


def test_the_cost_model_keeps_rows_where_they_are_far_fewer_than_weights():
    def form(n_features, n_samples, gained, n_outputs=2):
        fitted = FittedLayer(Linear(n_outputs), (n_features,))
        inputs, targets = np.ones((n_samples, n_features)), np.ones((n_samples, n_outputs))
        gains = np.ones_like(targets) if gained else None
        return _fitted_layer._Problem(fitted, inputs, targets, gains, None, True, None)

    assert not form(400, 1000, False).prefers_rows()
    assert not form(400, 1000, True).prefers_rows()
    assert form(4000, 20, False).prefers_rows()
    assert form(4000, 20, False, n_outputs=10).prefers_rows()
    # Products of 64 groups of 2000 weights need 2 GiB.
    assert form(2000, 50, True, n_outputs=64).prefers_rows()


def test_intercepts_are_the_last_row(name):
    problem = Problem(name)
    n_weights, n_outputs = problem.fitted.n_weights, problem.fitted.n_outputs
    coefficients = np.random.default_rng(0).normal(size=(n_weights + 1, n_outputs))
    fitted = problem.fitted.with_weights(coefficients)
    np.testing.assert_array_equal(fitted.intercepts, coefficients[-1])
    np.testing.assert_array_equal(fitted.coefficients, coefficients)
    bare = fitted.with_weights(coefficients[:-1])
    assert bare.intercepts is None
    np.testing.assert_array_equal(bare.coefficients, coefficients[:-1])
    difference = fitted.forward(problem.inputs) - bare.forward(problem.inputs)
    sites = (1,) * (difference.ndim - 2)
    expected = np.broadcast_to(coefficients[-1].reshape(-1, *sites), difference.shape)
    np.testing.assert_allclose(difference, expected, atol=1e-12)
    coefficients[:] = 0.0
    assert fitted.weights.any()


@pytest.mark.parametrize("method", ["exact", "fourier"])
def test_the_inverse_subtracts_intercepts(name, method):
    problem = Problem(name)
    n_weights, n_outputs = problem.fitted.n_weights, problem.fitted.n_outputs
    coefficients = np.random.default_rng(0).normal(size=(n_weights + 1, n_outputs))
    fitted = problem.fitted.with_weights(coefficients)
    bare = fitted.with_weights(coefficients[:-1])
    sites = (1,) * (problem.targets.ndim - 2)
    shifted = problem.targets - coefficients[-1].reshape(-1, *sites)
    options = {"ridge": 0.1, "method": method}
    inverse = fitted.inverse(problem.targets, **options)
    assert inverse.shape == problem.inputs.shape
    np.testing.assert_allclose(inverse, bare.inverse(shifted, **options), atol=1e-12)


def test_layers_without_weights_pass_through():
    images = np.random.default_rng(0).normal(size=(2, 1, 4, 4))
    for layer in (SpectralPool(2), AveragePool(2), Flatten(), Activation("leaky_relu", 0.5)):
        fitted = FittedLayer(layer, (1, 4, 4))
        outputs = fitted.forward(images)
        assert outputs.shape[1:] == fitted.output_shape
        assert (fitted.n_weights, fitted.n_outputs, fitted.coefficients) == (0, 0, None)
        np.testing.assert_allclose(fitted.forward(fitted.inverse(outputs)).shape, outputs.shape)
        with pytest.raises(ValueError, match="has no weights, and so no Hamiltonian"):
            fitted.hamiltonian(images, outputs)
    slopes = np.full(images.shape, 0.5)
    np.testing.assert_allclose(fitted.inverse(images, slopes=slopes), 2 * images)


def test_bad_requests():
    fitted = FittedLayer(Linear(2), (3,))
    inputs, targets = np.ones((4, 3)), np.ones((4, 2))
    with pytest.raises(ValueError, match=r"Linear\(n_outputs=2\) has no weights yet"):
        fitted.forward(inputs)
    with pytest.raises(ValueError, match="has no weights yet"):
        fitted.inverse(targets)
    with pytest.raises(ValueError, match=r"'weights' of Linear.* shape \(3, 2\). Got \(2, 3\)"):
        fitted.with_weights(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"'intercepts' of .* shape \(2,\). Got \(3,\)"):
        FittedLayer(Linear(2), (3,), np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="takes inputs of shape"):
        FittedLayer(Linear(2), (1, 3, 3))
    with pytest.raises(ValueError, match=r"'inputs' of .* shape \(4, 3\). Got \(4, 5\)"):
        fitted.hamiltonian(np.ones((4, 5)), targets)
    with pytest.raises(ValueError, match=r"'targets' of .* shape \(4, 2\). Got \(3, 2\)"):
        fitted.hamiltonian(inputs, targets[:3])
    with pytest.raises(ValueError, match=r"'gains' of .* shape \(4, 2\). Got \(4,\)"):
        fitted.hamiltonian(inputs, targets, gains=np.ones(4))
    with pytest.raises(ValueError, match=r"'sample_weight' of .* shape \(4,\). Got \(3,\)"):
        fitted.hamiltonian(inputs, targets, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="'normaliser' .* must be a number > 0"):
        fitted.hamiltonian(inputs, targets, sample_weight=np.zeros(4))


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_layers_are_immutable_parameter_objects(layer):
    assert copy.deepcopy(layer) == layer == pickle.loads(pickle.dumps(layer))
    assert hash(copy.deepcopy(layer)) == hash(layer)
    assert clone(layer, safe=False) == layer
    assert eval(repr(layer), vars(layers)) == layer
    field = next(iter(layer.__dataclass_fields__), "anything")
    with pytest.raises(AttributeError):
        setattr(layer, field, 1)
    assert len({*ALL, layer}) == len(ALL)


@pytest.mark.parametrize("thing", layers.__all__)
def test_documentation(thing):
    codes = {"GL01", "GL02", "GL03", "GL08", "SS01", "PR01", "PR02", "PR03", "PR04", "RT01"}
    path = f"qsklearn.neural_network.layers.{thing}"
    members = [
        f"{path}.{name}"
        for name, member in vars(getattr(layers, thing)).items()
        if callable(member) and not name.startswith("_")
    ]
    for name in (path, *members):
        found = [error for error in validate(name)["errors"] if error[0] in codes]
        assert found == [], name
