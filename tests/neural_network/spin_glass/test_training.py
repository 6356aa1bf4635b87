"""How layers are trained: what is reached, against exact optima and errors counted by hand."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import Ridge
from sklearn.preprocessing import scale

from qsklearn import SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor
from qsklearn.hamiltonians import CentredLayer
from qsklearn.neural_network._spin_glass._training import forward, initialise
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    FittedLayer,
    Flatten,
    Linear,
)
from qsklearn.samplers import DimodSampler, SimulatedAnnealingSampler

ALPHA = 0.001
LEAKY_NET = [Linear(32), Activation(negative_slope=ALPHA), Linear(16)]
LEAKY_NET += [Activation(negative_slope=ALPHA), Linear(10)]
LITERAL = {
    "target": "pseudo_inverse",
    "activation_in_target": True,
    "target_scale": None,
    "ridge": 0,
    "inverse_ridge": 0.0,
}


def make_network(layers=None, **changes):
    return SpinGlassAnnealedNetwork(layers, **{"random_state": 0, **changes})


def make_regression(n_samples=80, n_features=6, n_outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(2.0, 1.0, size=(n_samples, n_features))
    y = X @ rng.normal(size=(n_features, n_outputs)) + rng.normal(size=(n_samples, n_outputs))
    return X, y


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:800], y[:800], X[800:], y[800:]


# --- one layer with weights -----------------------------------------------------------------------


@pytest.mark.parametrize("moves", ["level", "bit"])
@pytest.mark.parametrize("n_bits", [1, 4, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_linear_layer_reaches_the_ridge_optimum(digits, n_bits, moves, weighted):
    X, y, _, _ = digits
    weights = np.random.default_rng(0).uniform(0, 3, len(X)) if weighted else None
    sampler = SimulatedAnnealingSampler(level_moves=moves)
    network = make_network(n_bits=n_bits, sampler=sampler).fit(X, y, weights)
    (layer,) = network.layers_
    hamiltonian = layer.hamiltonian(X, np.eye(10)[y], sample_weight=weights)
    variances = np.average(
        (X - np.average(X, axis=0, weights=weights)) ** 2, axis=0, weights=weights
    )
    penalty = np.append(np.full(64, 0.1 * variances[variances > 0].mean()), 0.0)
    hamiltonian = hamiltonian.with_penalty(penalty)
    live = np.append(variances > 0, True)
    optimum = hamiltonian.restricted(live)
    least = optimum.energies(optimum.minimise()).sum()
    reached = hamiltonian.energies(layer.coefficients.T).sum()
    assert least <= reached < 1.005 * least
    assert network.diagnostics_["optimum"][-1, 0] == pytest.approx(least, rel=1e-9)
    assert network.diagnostics_["energy"][-1, 0] == pytest.approx(reached, rel=1e-9)
    assert (layer.weights[~live[:-1]] == 0).all()


@pytest.mark.parametrize("n_bits", [2, 4, 8])
@pytest.mark.parametrize("moves", ["level", "bit"])
def test_so_does_a_layer_with_an_activation_behind_it(digits, n_bits, moves):
    """The optimum is that of the activation factors of the last epoch."""
    X, y, _, _ = digits
    sampler = SimulatedAnnealingSampler(level_moves=moves)
    layers = [Linear(10), Activation(negative_slope=0.1)]
    network = make_network(layers, n_bits=n_bits, sampler=sampler).fit(X, y)
    energy, least = (network.diagnostics_[name][-1, 0] for name in ("energy", "optimum"))
    assert least <= energy < 1.005 * least
    assert network.loss_curve_[-1] < 0.9 * make_network().fit(X, y).loss_curve_[-1]


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_least_squares_is_scikit_learns_ridge(n_outputs):
    X, y = make_regression(n_outputs=n_outputs)
    y = y[:, 0] if n_outputs == 1 else y
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    network = SpinGlassAnnealedRegressor(sampler="least-squares", ridge=0.3, max_iter=1)
    network.fit(X, y, weights)
    means = np.average(X, axis=0, weights=weights)
    mean_variance = np.average((X - means) ** 2, axis=0, weights=weights).mean()
    ridge = Ridge(alpha=0.3 * mean_variance * weights.sum()).fit(X, y, weights)
    np.testing.assert_allclose(network.predict(X), ridge.predict(X), rtol=1e-9)


@pytest.mark.parametrize("layers", [None, (4,), [Linear(3), Activation(negative_slope=0.1)]])
def test_a_weighted_sample_is_a_repeated_one(layers):
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    arguments = {"sampler": "least-squares", "max_iter": 5}
    one = make_network(layers, **arguments).fit(X, y, weights)
    other = make_network(layers, **arguments)
    other.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X), rtol=1e-8, atol=1e-8
    )
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-8)


@pytest.mark.parametrize("n_bits", [1, 8])
def test_no_epoch_raises_the_energy_of_a_single_layer(n_bits):
    X, y = load_iris(return_X_y=True)
    energies = make_network(n_bits=n_bits).fit(X, y).diagnostics_["energy"][:, 0]
    assert (np.diff(energies) <= 1e-12).all()


def test_inputs_far_from_zero_lose_no_digits():
    """As far that their sums of products hold nothing of their variance."""
    X, y = load_iris(return_X_y=True)
    near = np.column_stack([X - X.mean(axis=0), np.zeros(len(X))])
    far = near + 2.0**26
    for layers in (None, (4,)):
        one, other = make_network(layers).fit(near, y), make_network(layers).fit(far, y)
        assert other.score(far, y) >= one.score(near, y) - 0.02 > 0.75
        assert (other.layers_[0].weights[4] == 0).all()


# --- energies and losses by hand ------------------------------------------------------------------

CHAINS = {
    "linear": ([Linear(3)], (5,)),
    "valid": ([Convolution(2, 2)], (2, 4, 3)),
    "same": ([Convolution(3, 3, padding="same")], (1, 4, 3)),
}


@pytest.mark.parametrize("case", CHAINS)
@pytest.mark.parametrize("keep_rows", [False, True])
@pytest.mark.parametrize("slope", [None, 0.1])
def test_energies_are_squared_errors(case, keep_rows, slope):
    (layer,), shape = CHAINS[case]
    rng = np.random.default_rng(0)
    fitted = FittedLayer(layer, shape)
    fitted = fitted.with_weights(rng.normal(size=(fitted.n_weights + 1, fitted.n_outputs)))
    inputs = rng.normal(1.0, 1.0, size=(9, *shape))
    outputs = fitted.forward(inputs)
    targets, weights = rng.normal(size=outputs.shape), rng.uniform(0.5, 2.0, 9)
    gains = None
    if slope is not None:
        activation = Activation(negative_slope=slope)
        gains, outputs = activation.slopes(outputs), activation.forward(outputs)
        assert np.unique(gains).size == 2
    errors = (outputs - targets).reshape(9, fitted.n_outputs, -1) ** 2
    expected = np.average(errors.sum(axis=2), axis=0, weights=weights)
    hamiltonian = fitted.hamiltonian(
        inputs, targets, gains=gains, sample_weight=weights, keep_rows=keep_rows
    )
    coefficients = fitted.coefficients.T
    np.testing.assert_allclose(hamiltonian.energies(coefficients), expected, rtol=1e-9)
    centred = CentredLayer.from_hamiltonian(hamiltonian)
    inside = centred.from_layer(coefficients)
    np.testing.assert_allclose(centred.hamiltonian.energies(inside), expected, rtol=1e-9)
    np.testing.assert_allclose(centred.to_layer(inside), coefficients, rtol=1e-9, atol=1e-12)


def test_the_loss_curve_is_the_squared_error():
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    network = make_network((4,), max_iter=4, keep_best=False).fit(X, y, weights)
    errors = ((network.decision_function(X) - np.eye(3)[y]) ** 2).sum(axis=1)
    assert network.loss_curve_[-1] == pytest.approx(np.average(errors, weights=weights), rel=1e-10)
    assert network.best_iter_ == 4


def test_the_best_epoch_is_kept():
    X, y = load_iris(return_X_y=True)
    network = make_network((4,), max_iter=8, weight_range=0.6, n_bits=2).fit(X, y)
    errors = ((network.decision_function(X) - np.eye(3)[y]) ** 2).sum(axis=1)
    assert np.mean(errors) == pytest.approx(min(network.loss_curve_), rel=1e-10)
    assert network.best_iter_ == 1 + np.argmin(network.loss_curve_) < 8


def test_the_start_is_of_order_one_and_takes_weighted_samples():
    layers = [FittedLayer(Linear(4), (3,)), FittedLayer(Linear(2), (4,))]
    X = 1e6 * np.random.default_rng(0).normal(size=(30, 3))
    weights = np.arange(30) % 3
    arguments = {"fit_intercept": True}
    one = initialise(layers, X, weights, rng=np.random.default_rng(1), **arguments)
    repeated = np.repeat(X, weights, axis=0)
    other = initialise(layers, repeated, None, rng=np.random.default_rng(1), **arguments)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.weights, b.weights, rtol=1e-12)
        assert (a.intercepts == 0).all()
    for values in forward(one, repeated)[1:]:
        assert np.sqrt(np.mean(values**2)) == pytest.approx(1.0, rel=1e-12)


# --- what trains deep networks, and what does not -------------------------------------------------


def test_the_literal_recipe_fails_where_the_defaults_train(digits):
    X, y, X_test, y_test = digits
    assert make_network(LEAKY_NET).fit(X, y).score(X_test, y_test) > 0.88
    with pytest.warns() as caught:
        literal = make_network(LEAKY_NET, **LITERAL).fit(X, y)
    assert literal.score(X_test, y_test) < 0.4
    texts = [str(record.message) for record in caught]
    assert any("targets of layer 0, Linear(n_outputs=32), of Spin" in text for text in texts)
    assert any("explode" in text and "activation_in_target=False" in text for text in texts)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_divergence_stops_and_keeps_the_best(digits):
    X, y, _, _ = digits
    layers = [part if part.is_trainable else Activation(negative_slope=1e-12) for part in LEAKY_NET]
    network = make_network(layers, **LITERAL)
    with pytest.warns(UserWarning, match="stopped early .diverged: The targets or inputs of layer"):
        network.fit(X[:200], y[:200])
    assert network.stop_reason_.startswith("diverged")
    assert 1 <= network.n_iter_ < 20 and len(network.loss_curve_) == network.n_iter_
    assert np.isfinite(network.decision_function(X)).all()


@pytest.mark.parametrize(
    ("target", "sampler", "accuracy"),
    [
        ("difference", None, 0.9),
        ("difference", "least-squares", 0.9),
        ("pseudo_inverse", None, 0.87),
        ("weighted", None, 0.8),
    ],
)
def test_all_target_rules_train(digits, target, sampler, accuracy):
    X, y, X_test, y_test = digits
    network = make_network((24, 16), target=target, sampler=sampler).fit(X, y)
    assert network.score(X_test, y_test) > accuracy


@pytest.mark.parametrize("inverse", ["exact", "fourier"])
def test_convolutions_train(digits, inverse):
    X, y, X_test, y_test = digits
    layers = [Convolution(6, 3, padding="same"), Activation(negative_slope=0.1), AveragePool(2)]
    layers += [Convolution(16, 3), Activation(negative_slope=0.1), Flatten(), Linear(10)]
    network = make_network(layers, image_shape=(1, 8, 8), inverse=inverse, max_iter=10)
    assert network.fit(X, y).score(X_test, y_test) > 0.84


def test_the_last_convolution_may_be_the_output(digits):
    X, y, X_test, y_test = digits
    network = make_network([Convolution(10, 8)], image_shape=(1, 8, 8)).fit(X, y)
    flat = make_network().fit(X, y)
    assert abs(network.score(X_test, y_test) - flat.score(X_test, y_test)) < 0.01
    assert network.layers_[-1].layer == Flatten()


# --- going on, and stopping -----------------------------------------------------------------------


def test_warm_start_goes_on():
    X, y = load_iris(return_X_y=True)
    network = make_network(max_iter=4, ridge=2.0, warm_start=True).fit(X, y)
    first, energy = network.layers_[0].weights, network.diagnostics_["energy"][-1, 0]
    network.fit(X, y)
    assert network.n_iter_ == len(network.loss_curve_) == 8 and network.best_iter_ == 8
    assert network.diagnostics_["energy"].shape == (8, 1)
    # The start of the second fit is compared with its ridge, too: it is not kept for its loss.
    assert network.diagnostics_["energy"][-1, 0] < energy - 1e-3
    assert (network.layers_[0].weights != first).any()
    fresh = make_network(max_iter=4, ridge=2.0).fit(X, y)
    np.testing.assert_array_equal(fresh.layers_[0].weights, first)


@pytest.mark.filterwarnings("ignore:In 1 of 1 epochs the annealed weights")
def test_warm_start_does_not_lose_the_best():
    X, y = load_iris(return_X_y=True)
    network = make_network((4,), warm_start=True).fit(X, y)
    best = min(network.loss_curve_)
    network.set_params(max_iter=1, weight_range=5.0, n_bits=1).fit(X, y)
    assert network.loss_curve_[-1] > 1.1 * best and network.best_iter_ == 20
    errors = ((network.decision_function(X) - np.eye(3)[y]) ** 2).sum(axis=1)
    assert errors.mean() == pytest.approx(best, rel=1e-10)


@pytest.mark.parametrize("change", [{"layers": (5,)}, {"fit_intercept": False}])
def test_warm_start_refuses_other_layers(change):
    X, y = load_iris(return_X_y=True)
    network = make_network((4,), max_iter=2, warm_start=True).fit(X, y)
    before = network.decision_function(X)
    with pytest.raises(ValueError, match="must stay as they are where training goes on"):
        network.set_params(**change).fit(X, y)
    network.set_params(layers=(4,), fit_intercept=True)
    np.testing.assert_array_equal(network.decision_function(X), before)
    assert network.n_iter_ == 2


def make_device(helpers, fault, at):
    """An annealer that fails in its call number `at`."""
    annealer = SimulatedAnnealingSampler()

    def answer(device, bqm, num_reads, seed):
        if device.n_calls == at:
            raise fault
        return annealer.sample(bqm, num_reads=num_reads, seed=seed)

    # Kept by reference, so that the count of calls is that of the test.
    return DimodSampler(helpers.Device(answer))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(KeyboardInterrupt(), "interrupted"), (OSError("gone"), "sampler: OSError: gone")],
)
def test_a_later_epoch_that_fails_keeps_what_was_learnt(helpers, fault, reason):
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    # Of the two layers with 4 and 3 outputs an epoch calls the device 4 + 3 times.
    network = make_network((4,), sampler=make_device(helpers, fault, at=3 * 7 + 2))
    with pytest.warns(UserWarning, match="Training stopped early .* of 3 epochs are kept"):
        network.fit(X, y)
    assert network.stop_reason_ == reason and network.n_iter_ == 3
    errors = ((network.decision_function(X) - np.eye(3)[y]) ** 2).sum(axis=1)
    assert errors.mean() == pytest.approx(min(network.loss_curve_), rel=1e-10)
    assert network.cost_["calls"] >= 6 and network.diagnostics_["energy"].shape == (3, 2)


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("gone")])
def test_a_first_epoch_that_fails_raises_and_keeps_the_earlier_fit(helpers, fault):
    X, y = load_iris(return_X_y=True)
    network = make_network((4,), max_iter=2).fit(X, y)
    before, attributes = network.decision_function(X), dict(vars(network))
    network.set_params(sampler=make_device(helpers, fault, at=2))
    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        network.fit(X[:, :3], y % 2)
    np.testing.assert_array_equal(network.decision_function(X), before)
    fitted = {name: value for name, value in vars(network).items() if name != "sampler"}
    assert fitted == {name: value for name, value in attributes.items() if name != "sampler"}
