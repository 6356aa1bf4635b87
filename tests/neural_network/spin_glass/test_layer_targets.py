"""Targets of hidden layers, against numpy's pseudo-inverse and finite differences."""

import numpy as np
import pytest

from qsklearn.neural_network._spin_glass._layer_targets import (
    TargetRule,
    end_of_block,
    propagate_targets,
    root_mean_square,
)
from qsklearn.neural_network._spin_glass._training import forward
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    FittedLayer,
    Flatten,
    Linear,
    SpectralPool,
)

N = 7


def make_layers(chain, shape, seed=0, fit_intercept=True):
    rng = np.random.default_rng(seed)
    layers = []
    for layer in chain:
        fitted = FittedLayer(layer, shape)
        if layer.is_trainable:
            n_rows = fitted.n_weights + fit_intercept
            fitted = fitted.with_weights(rng.normal(size=(n_rows, fitted.n_outputs)))
        layers.append(fitted)
        shape = fitted.output_shape
    return layers


def make_rule(name="pseudo_inverse", divide_by_slopes=False, scale=None, ridge=0.0):
    return TargetRule(name, divide_by_slopes, scale, "exact", ridge)


def make_problem(chain, shape, **settings):
    layers = make_layers(chain, shape, **settings)
    rng = np.random.default_rng(1)
    activity = forward(layers, rng.normal(size=(N, *shape)))
    return layers, activity, rng.normal(size=activity[-1].shape)


LINEAR = [Linear(4), Linear(3)]
LEAKY = [Linear(5), Activation(negative_slope=0.1), Linear(4), Activation(negative_slope=0.1)]
LEAKY += [Linear(3)]


def test_pseudo_inverse_is_numpys():
    layers, activity, outputs = make_problem(LINEAR, (5,))
    targets = propagate_targets(layers, activity, outputs, make_rule())
    assert set(targets) == {0, 1}
    assert targets[1].values is outputs and targets[0].factors is None
    expected = (outputs - layers[1].intercepts) @ np.linalg.pinv(layers[1].weights)
    np.testing.assert_allclose(targets[0].values, expected, rtol=1e-9, atol=1e-12)


def test_difference_is_the_least_change_that_reaches_the_target():
    layers, activity, outputs = make_problem(LINEAR, (5,))
    target = propagate_targets(layers, activity, outputs, make_rule("difference"))[0].values
    step = (outputs - activity[-1]) @ np.linalg.pinv(layers[1].weights)
    np.testing.assert_allclose(target, activity[1] + step, rtol=1e-9, atol=1e-12)
    # Four inputs of three outputs: the target is reached in full.
    np.testing.assert_allclose(layers[1].forward(target), outputs, atol=1e-9)


@pytest.mark.parametrize("divides", [False, True])
@pytest.mark.parametrize("name", ["pseudo_inverse", "difference"])
def test_activations_on_the_way_back(name, divides):
    layers, activity, outputs = make_problem(LEAKY, (6,), fit_intercept=False)
    targets = propagate_targets(layers, activity, outputs, make_rule(name, divides))
    slopes = np.where(activity[3] >= 0, 1.0, 0.1) if divides else 1.0
    assert np.min(slopes) == (0.1 if divides else 1.0)
    target = outputs
    for index in (4, 3, 2):
        layer = layers[index]
        back = (
            (lambda t: t / slopes)
            if index == 3
            else (lambda t, layer=layer: t @ np.linalg.pinv(layer.weights))
        )
        before, after = activity[index], activity[index + 1]
        target = before + back(target - after) if name == "difference" else back(target)
        if index == 4:
            np.testing.assert_allclose(targets[2].values, target, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(targets[0].values, target, rtol=1e-8, atol=1e-10)


def test_a_slope_of_zero_cannot_be_divided_by():
    chain = [Linear(5), Activation("relu"), Linear(4), Activation("relu"), Linear(3)]
    layers, activity, outputs = make_problem(chain, (6,))
    with pytest.raises(ValueError, match="slopes"):
        propagate_targets(layers, activity, outputs, make_rule(divide_by_slopes=True))


def test_scales():
    layers, activity, outputs = make_problem(LINEAR, (5,))

    def target(name, scale, weights=None):
        rule = make_rule(name, scale=scale)
        return propagate_targets(layers, activity, outputs, rule, weights)[0].values

    plain = target("pseudo_inverse", None)
    np.testing.assert_allclose(target("pseudo_inverse", 3.0), 3 * plain, rtol=1e-12)
    unit = target("pseudo_inverse", "unit")
    assert np.sqrt(np.mean(unit**2)) == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(unit / plain, (unit / plain)[0, 0], rtol=1e-9)
    np.testing.assert_array_equal(target("difference", "unit"), target("difference", None))
    assert not np.allclose(target("difference", 3.0), target("difference", None))
    weights = np.arange(1.0, N + 1)
    weighted = target("pseudo_inverse", "unit", weights)
    size = np.average((weighted**2).mean(axis=1), weights=weights)
    assert size == pytest.approx(1.0, rel=1e-12)
    repeated = np.repeat(weighted, np.arange(1, N + 1), axis=0)
    assert root_mean_square(repeated) == pytest.approx(1.0, rel=1e-12)


def test_factors_with_slope_one_do_not_move_the_optimum():
    """β is then one constant a hidden unit: eq. (28) has the optimum of eq. (24)."""
    layers, activity, outputs = make_problem(LINEAR, (5,))
    plain = propagate_targets(layers, activity, outputs, make_rule())[0]
    weighted = propagate_targets(layers, activity, outputs, make_rule("weighted"))[0]
    np.testing.assert_allclose(weighted.factors, np.tile(layers[1].weights.sum(axis=1), (N, 1)))
    np.testing.assert_array_equal(weighted.values, plain.values)
    one = layers[0].hamiltonian(activity[0], plain.values)
    other = layers[0].hamiltonian(
        activity[0], weighted.values * weighted.factors, gains=weighted.factors
    )
    np.testing.assert_allclose(other.minimise(), one.minimise(), rtol=1e-6, atol=1e-9)


# Layers, the shape of the inputs, and where the block above the first layer ends.
WEIGHTED = {
    "linear": ([Linear(5), *LEAKY[2:]], (6,), 2),
    "pool": ([Convolution(2, 2), AveragePool(2), Flatten(), Linear(3)], (1, 6, 5), 3),
    "same": (
        [Convolution(2, 2), Convolution(2, 3, padding="same"), Activation(negative_slope=0.3)]
        + [Flatten(), Linear(3)],
        (1, 5, 5),
        2,
    ),
}


@pytest.mark.parametrize("case", WEIGHTED)
def test_factors_are_derivatives_of_the_sum_of_the_layer_above(case):
    chain, shape, end = WEIGHTED[case]
    layers, activity, outputs = make_problem(chain, shape)
    factors = propagate_targets(layers, activity, outputs, make_rule("weighted"))[0].factors
    above = layers[1 : end + 1]
    middle = activity[1]

    def total(values):
        return forward(above, values)[-1].reshape(N, -1).sum(axis=1)

    for place in np.random.default_rng(2).integers(factors[0].size, size=6):
        step = np.zeros(middle[0].size)
        step[place] = 1e-6
        step = step.reshape(middle.shape[1:])
        slope = (total(middle + step) - total(middle - step)) / 2e-6
        np.testing.assert_allclose(slope, factors.reshape(N, -1)[:, place], rtol=1e-5, atol=1e-7)


def test_factors_refuse_layers_without_a_transpose():
    chain = [Convolution(1, 2), SpectralPool((2, 2)), Flatten(), Linear(2)]
    layers, activity, outputs = make_problem(chain, (1, 5, 5))
    with pytest.raises(ValueError, match="target='weighted' needs .*SpectralPool.*difference"):
        propagate_targets(layers, activity, outputs, make_rule("weighted"))


def test_the_end_of_a_block():
    layers = make_layers(LEAKY, (6,))
    assert [end_of_block(layers, index) for index in (0, 2, 4)] == [1, 3, 4]


@pytest.mark.parametrize(
    ("values", "size"),
    [
        (np.zeros((3, 2)), 0.0),
        (np.empty((0, 2)), 0.0),
        (np.full((3, 2), -2e200), 2e200),
        (np.array([[3.0, 4.0]]), np.sqrt(12.5)),
        (np.array([[np.inf, 1.0]]), np.inf),
    ],
)
def test_root_mean_square(values, size):
    assert root_mean_square(values) == pytest.approx(size, rel=1e-14)


def test_root_mean_square_of_nan_is_not_finite():
    assert not np.isfinite(root_mean_square(np.array([[np.nan, 1.0]])))
