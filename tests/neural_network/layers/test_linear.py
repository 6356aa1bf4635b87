"""The linear layer: forward, rows, and its damped pseudo-inverse."""

import numpy as np
import pytest

from qsklearn.neural_network.layers import Linear
from qsklearn.neural_network.layers._inverse import tikhonov_inverse


def test_forward_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    inputs, weights, intercepts = (
        rng.normal(size=(4, 3)),
        rng.normal(size=(3, 2)),
        rng.normal(size=2),
    )
    expected = torch.nn.functional.linear(
        *map(torch.tensor, (inputs, weights.T.copy(), intercepts))
    )
    outputs = Linear(2).forward(inputs, weights, intercepts)
    np.testing.assert_allclose(outputs, expected.numpy(), atol=1e-12)
    without = Linear(2).forward(inputs, weights)
    np.testing.assert_allclose(without, outputs - intercepts, atol=1e-12)


def test_rows_times_weights_are_outputs():
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    layer = Linear(2)
    outputs = layer.rows_of_outputs(layer.forward(inputs, weights))
    np.testing.assert_allclose(layer.rows(inputs) @ weights, outputs, atol=1e-12)
    out = np.zeros((4, 3))
    assert layer.rows(inputs, out) is out
    np.testing.assert_array_equal(out, inputs)


def test_the_transpose_is_that_of_the_weights():
    rng = np.random.default_rng(0)
    inputs, weights, values = (rng.normal(size=shape) for shape in [(4, 3), (3, 2), (4, 2)])
    back = Linear(2).transpose(values, (3,), weights)
    products = (Linear(2).forward(inputs, weights) * values).sum(axis=1)
    np.testing.assert_allclose((inputs * back).sum(axis=1), products, atol=1e-12)
    with pytest.raises(ValueError, match=r"Got targets of shape \(3,\)"):
        Linear(2).transpose(np.ones((1, 3)), (3,), weights)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5)])
@pytest.mark.parametrize("ridge", [0.0, 1e-9, 1e-7, 0.01, 1.0])
def test_the_inverse_is_that_of_the_singular_values(shape, ridge):
    rng = np.random.default_rng(1)
    weights, targets = rng.normal(size=shape), rng.normal(size=(6, shape[1]))
    inverse = Linear(shape[1]).inverse(targets, shape[:1], weights, ridge=ridge)
    damping = ridge * np.mean(np.diag(weights.T @ weights))
    left, values, right = np.linalg.svd(weights, full_matrices=False)
    expected = targets @ right.T @ np.diag(values / (values**2 + damping)) @ left.T
    np.testing.assert_allclose(inverse, expected, atol=1e-7)


def test_without_damping_it_is_the_pseudo_inverse_even_of_singular_weights():
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 5))
    targets = rng.normal(size=(3, 5))
    inverse = Linear(5).inverse(targets, (6,), weights)
    np.testing.assert_allclose(inverse, targets @ np.linalg.pinv(weights), atol=1e-10)


def test_weights_of_zero_tell_nothing():
    for ridge in (0.0, 0.1):
        inverse = Linear(2).inverse(np.ones((3, 2)), (4,), np.zeros((4, 2)), ridge=ridge)
        assert inverse.shape == (3, 4) and not inverse.any()


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_damping_is_relative(scale):
    operator = np.random.default_rng(3).normal(size=(3, 4))
    inverse = tikhonov_inverse(scale * operator, 0.1)
    np.testing.assert_allclose(inverse * scale, tikhonov_inverse(operator, 0.1), rtol=1e-10)


@pytest.mark.parametrize("n_outputs", [0, -1, 2.0, True, None])
def test_bad_numbers_of_outputs(n_outputs):
    message = rf"'n_outputs' parameter of Linear must be an int .* Got {n_outputs!r} instead"
    with pytest.raises(ValueError, match=message):
        Linear(n_outputs)


def test_images_and_other_shapes_are_refused():
    layer = Linear(2)
    with pytest.raises(
        ValueError, match=r"Linear\(n_outputs=2\) takes inputs of shape \(n_f.* \(1"
    ):
        layer.output_shape((1, 4, 4))
    with pytest.raises(ValueError, match=r"outputs of shape \(2,\) .* Got targets of shape \(3,\)"):
        layer.inverse(np.ones((1, 3)), (4,), np.ones((4, 2)))
    for ridge in (-1.0, np.nan, "big"):
        with pytest.raises(ValueError, match="'ridge' parameter of Linear.inverse"):
            layer.inverse(np.ones((1, 2)), (4,), np.ones((4, 2)), ridge=ridge)


@pytest.mark.parametrize("wrong", [np.inf, np.nan, 1e200])
def test_weights_without_finite_squares_have_no_inverse(wrong):
    """Found by fuzzing: LAPACK's search for the singular values of infinity did not end."""
    weights = np.ones((3, 3))
    weights[0, 0] = wrong
    with pytest.raises(ValueError, match="must be finite, and their squares too"):
        Linear(3).inverse(np.ones((2, 3)), (3,), weights, ridge=0.1)
