"""Convolutions: against torch, against explicit matrices, and their two inverses."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from qsklearn.neural_network.layers import Convolution, _convolution_inverse, _correlation
from qsklearn.neural_network.layers._convolution_inverse import ConvolutionOperator

# (channels, height, width), output channels, kernel
SHAPES = [((1, 6, 6), 2, 3), ((3, 7, 5), 4, 2), ((2, 4, 4), 3, 4), ((2, 5, 6), 1, 1)]


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=["valid", "same"])
def padding(request):
    return request.param


def make(shape, padding="valid", seed=0, n_samples=3):
    (channels, height, width), n_outputs, size = shape
    rng = np.random.default_rng(seed)
    layer = Convolution(n_outputs, size, padding=padding)
    inputs = rng.normal(size=(n_samples, channels, height, width))
    weights = rng.normal(size=(layer.n_weights(inputs.shape[1:]), n_outputs))
    targets = rng.normal(size=(n_samples, *layer.output_shape(inputs.shape[1:])))
    return layer, inputs, weights, targets


def operator_of(layer, input_shape, weights):
    """The convolution as a matrix (outputs, inputs), a unit image at a time, by loops."""
    channels, height, width = input_shape
    kernels = weights.T.reshape(-1, channels, layer.kernel_size, layer.kernel_size)
    before = (layer.kernel_size - 1) // 2 if layer.padding == "same" else 0
    shape = layer.output_shape(input_shape)
    matrix = np.zeros((*shape, *input_shape))
    for output, row, column in np.ndindex(*shape):
        for channel, i, j in np.ndindex(*kernels.shape[1:]):
            r, c = row + i - before, column + j - before
            if 0 <= r < height and 0 <= c < width:
                matrix[output, row, column, channel, r, c] = kernels[output, channel, i, j]
    return matrix.reshape(np.prod(shape), -1)


def damped_inverse(matrix, targets, ridge):
    damping = ridge * np.mean(np.diag(matrix @ matrix.T))
    flat = targets.reshape(len(targets), -1)
    left = np.vstack([matrix, np.sqrt(damping) * np.eye(matrix.shape[1])])
    right = np.vstack([flat.T, np.zeros((matrix.shape[1], len(flat)))])
    return np.linalg.lstsq(left, right, rcond=1e-12)[0].T


def test_forward_is_that_of_torch(shape, padding):
    torch = pytest.importorskip("torch")
    layer, inputs, weights, _ = make(shape, padding)
    intercepts = np.random.default_rng(1).normal(size=layer.n_channels)
    kernels = weights.T.reshape(layer.n_channels, -1, layer.kernel_size, layer.kernel_size).copy()
    pads = [0] * 4
    if padding == "same":  # as torch's own padding="same", whose uneven case warns
        lost = layer.kernel_size - 1
        pads = [lost // 2, lost - lost // 2] * 2
    padded = torch.nn.functional.pad(torch.tensor(inputs), pads)
    expected = torch.nn.functional.conv2d(padded, *map(torch.tensor, (kernels, intercepts)))
    outputs = layer.forward(inputs, weights, intercepts)
    assert outputs.shape[1:] == layer.output_shape(inputs.shape[1:])
    np.testing.assert_allclose(outputs, expected.numpy(), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_is_that_of_torch(shape):
    torch = pytest.importorskip("torch")
    layer, inputs, weights, _ = make(shape, "same")
    kernels = weights.T.reshape(layer.n_channels, -1, layer.kernel_size, layer.kernel_size).copy()
    expected = torch.nn.functional.conv2d(*map(torch.tensor, (inputs, kernels)), padding="same")
    np.testing.assert_allclose(layer.forward(inputs, weights), expected.numpy(), atol=1e-12)


def test_forward_and_its_transpose_are_those_of_the_matrix(shape, padding):
    layer, inputs, weights, targets = make(shape, padding)
    matrix = operator_of(layer, inputs.shape[1:], weights)
    outputs = layer.forward(inputs, weights).reshape(len(inputs), -1)
    np.testing.assert_allclose(outputs, inputs.reshape(len(inputs), -1) @ matrix.T, atol=1e-12)
    operator = ConvolutionOperator(layer._kernels(weights), inputs.shape[1:], layer._borders)
    np.testing.assert_allclose(operator.matrix(), matrix, atol=1e-12)
    images = layer.transpose(targets, inputs.shape[1:], weights).reshape(len(targets), -1)
    np.testing.assert_allclose(images, targets.reshape(len(targets), -1) @ matrix, atol=1e-12)
    assert operator.mean_square() == pytest.approx(np.mean(np.diag(matrix @ matrix.T)))


def test_blocks_of_images_do_not_mix(shape, monkeypatch):
    layer, inputs, weights, _ = make(shape, n_samples=7)
    whole = layer.forward(inputs, weights)
    monkeypatch.setattr(_correlation, "_BLOCK_BYTES", 1)
    np.testing.assert_allclose(layer.forward(inputs, weights), whole, atol=1e-12)


def test_rows_times_weights_are_outputs(shape, padding):
    layer, inputs, weights, _ = make(shape, padding)
    rows = layer.rows(inputs)
    outputs = layer.rows_of_outputs(layer.forward(inputs, weights))
    assert rows.shape == (len(outputs), layer.n_weights(inputs.shape[1:]))
    np.testing.assert_allclose(rows @ weights, outputs, atol=1e-12)
    wider = np.ones((len(rows), rows.shape[1] + 1))
    layer.rows(inputs, wider[:, :-1])
    np.testing.assert_array_equal(wider[:, :-1], rows)
    assert (wider[:, -1] == 1).all()


@pytest.mark.parametrize("ridge", [0.0, 0.01, 1.0])
def test_the_exact_inverse_is_the_damped_least_squares_solution(shape, padding, ridge):
    layer, inputs, weights, targets = make(shape, padding)
    input_shape = inputs.shape[1:]
    matrix = operator_of(layer, input_shape, weights)
    expected = damped_inverse(matrix, targets, ridge)
    inverse = layer.inverse(targets, input_shape, weights, ridge=ridge)
    assert inverse.shape == inputs.shape
    np.testing.assert_allclose(inverse.reshape(len(inputs), -1), expected, atol=1e-8)
    operator = ConvolutionOperator(layer._kernels(weights), input_shape, layer._borders)
    gradients = operator.conjugate_gradients(targets, ridge)
    tolerance = 1e-5 if ridge else 1e-3  # condition numbers multiply the residual's 1e-7
    np.testing.assert_allclose(gradients.reshape(len(inputs), -1), expected, atol=tolerance)


def test_the_pseudo_inverse_recovers_outputs():
    layer, inputs, weights, _ = make(((6, 14, 14), 16, 5), n_samples=4)
    outputs = layer.forward(inputs, weights)
    inverse = layer.inverse(outputs, inputs.shape[1:], weights)
    np.testing.assert_allclose(layer.forward(inverse, weights), outputs, atol=1e-8)
    assert (np.square(inverse).sum((1, 2, 3)) <= np.square(inputs).sum((1, 2, 3)) + 1e-8).all()


def test_conjugate_gradients_reach_their_tolerance():
    layer, inputs, weights, targets = make(((6, 14, 14), 16, 5), n_samples=4)
    operator = ConvolutionOperator(layer._kernels(weights), inputs.shape[1:], layer._borders)
    inverse = operator.conjugate_gradients(targets, 0.01)
    damping = 0.01 * operator.mean_square()
    gradient = operator.transposed(targets - operator.forward(inverse)) - damping * inverse
    first = operator.transposed(targets)
    ratios = np.linalg.norm(gradient.reshape(4, -1), axis=1)
    ratios /= np.linalg.norm(first.reshape(4, -1), axis=1)
    assert (ratios <= 1.1 * _convolution_inverse.TOLERANCE).all()


def test_conjugate_gradients_take_over_where_the_matrix_is_large(monkeypatch):
    layer, inputs, weights, targets = make(((2, 8, 8), 3, 3))
    by_matrix = layer.inverse(targets, inputs.shape[1:], weights, ridge=0.1)
    monkeypatch.setattr(_convolution_inverse, "_MAX_MATRIX_BYTES", 0)
    monkeypatch.setattr(ConvolutionOperator, "matrix", None)
    by_gradients = layer.inverse(targets, inputs.shape[1:], weights, ridge=0.1)
    np.testing.assert_allclose(by_gradients, by_matrix, atol=1e-6)


def test_the_cost_model_avoids_matrices_of_large_images_for_few_samples():
    kernels = np.zeros((8, 1, 3, 3))
    assert not ConvolutionOperator(kernels, (1, 40, 40), (0, 0))._prefers_matrix(2)
    assert ConvolutionOperator(np.zeros((16, 6, 5, 5)), (6, 14, 14), (0, 0))._prefers_matrix(1000)


def test_targets_and_kernels_of_zero_have_an_inverse_of_zero():
    layer, inputs, weights, targets = make(SHAPES[0])
    shape = inputs.shape[1:]
    for method in ("exact", "fourier"):
        for ridge in (0.0, 0.1):
            options = {"ridge": ridge, "method": method}
            assert not layer.inverse(0 * targets, shape, weights, **options).any()
            assert not layer.inverse(targets, shape, 0 * weights, **options).any()
    operator = ConvolutionOperator(layer._kernels(0 * weights), shape, (0, 0))
    assert not operator.conjugate_gradients(targets, 0.1).any()
    one_of_them = targets * np.array([1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    mixed = ConvolutionOperator(layer._kernels(weights), shape, (0, 0))
    inverse = mixed.conjugate_gradients(one_of_them, 0.1)
    assert inverse[0].any() and not inverse[1].any()


def test_no_convergence_is_told(monkeypatch):
    monkeypatch.setattr(_convolution_inverse, "MAX_ITERATIONS", 2)
    monkeypatch.setattr(_convolution_inverse, "_MAX_MATRIX_BYTES", 0)
    layer, inputs, weights, targets = make(SHAPES[0])
    with pytest.warns(ConvergenceWarning, match="converge in 2 iterations for 3 of 3 samples"):
        layer.inverse(targets, inputs.shape[1:], weights, ridge=1e-6)


# The paper's inverse also demands zeros where the kernel wraps around: residuals of the notes.
@pytest.mark.parametrize(
    ("shape", "expected", "tolerance"),
    [
        (((1, 8, 8), 10, 8), 0.91, 0.05),
        (((1, 8, 8), 10, 4), 0.94, 0.05),
        (((6, 8, 8), 16, 5), 0.69, 0.08),
        (((6, 8, 8), 4, 5), 0.0, 1e-8),
    ],
    ids=str,
)
def test_the_fourier_inverse_loses_amplitude_as_in_the_notes(shape, expected, tolerance):
    residuals = []
    for seed in range(8):
        layer, inputs, weights, targets = make(shape, seed=seed, n_samples=20)
        inverse = layer.inverse(targets, inputs.shape[1:], weights, method="fourier")
        error = layer.forward(inverse, weights) - targets
        residuals.append(np.linalg.norm(error) / np.linalg.norm(targets))
    assert np.mean(residuals) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_the_fourier_inverse_is_the_pseudo_inverse_of_the_cyclic_convolution(ridge):
    layer, inputs, weights, targets = make(((2, 5, 4), 3, 2), n_samples=2)
    kernels = layer._kernels(weights)
    cyclic = np.zeros((3, 5, 4, 2, 5, 4))
    for output, row, column, channel, i, j in np.ndindex(3, 5, 4, 2, 2, 2):
        site = channel, (row + i) % 5, (column + j) % 4
        cyclic[(output, row, column, *site)] += kernels[output, channel, i, j]
    padded = np.pad(targets, ((0, 0), (0, 0), (0, 1), (0, 1)))
    expected = damped_inverse(cyclic.reshape(60, -1), padded, ridge)
    inverse = layer.inverse(targets, (2, 5, 4), weights, ridge=ridge, method="fourier")
    np.testing.assert_allclose(inverse.reshape(2, -1), expected, atol=1e-8)


def test_the_fourier_inverse_of_same_padding_is_cropped():
    layer, inputs, weights, targets = make(((3, 6, 6), 2, 4), "same")
    inverse = layer.inverse(targets, inputs.shape[1:], weights, method="fourier")
    valid = Convolution(2, 4).inverse(targets, (3, 9, 9), weights, method="fourier")
    np.testing.assert_allclose(inverse, valid[:, :, 1:7, 1:7], atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3), r"'n_channels' parameter of Convolution must be an int in the range \[1, inf\)"),
        ((2, 1.5), "'kernel_size' parameter of Convolution must be an int"),
        ((2, (3, 3)), "'kernel_size' parameter of Convolution must be an int"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        Convolution(*arguments)


def test_bad_padding_methods_and_shapes():
    with pytest.raises(ValueError, match="'padding' .* among {'same', 'valid'}. Got 'full'"):
        Convolution(2, 3, padding="full")
    layer, inputs, weights, targets = make(SHAPES[0])
    with pytest.raises(ValueError, match="'method' .* one of .*'exact', 'fourier'.*Got 'cg'"):
        layer.inverse(targets, inputs.shape[1:], weights, method="cg")
    with pytest.raises(ValueError, match=r"height and width >= 3. Got the input shape \(1, 2, 8\)"):
        layer.output_shape((1, 2, 8))
    with pytest.raises(ValueError, match=r"Convolution\(n_channels=2.* Got the input shape \(36"):
        layer.forward(inputs.reshape(3, -1), weights)
    assert Convolution(2, 5, padding="same").output_shape((1, 2, 2)) == (2, 2, 2)
