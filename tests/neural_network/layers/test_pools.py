"""Pools and flattening: linear maps, checked against definitions, torch and pseudo-inverses."""

import numpy as np
import pytest

from qsklearn.neural_network.layers import AveragePool, Flatten, SpectralPool
from qsklearn.neural_network.layers._spectral_pool import _pool_matrix

# (channels, height, width), size
SPECTRAL = [
    ((1, 8, 8), (4, 2)),
    ((2, 9, 7), (5, 3)),
    ((1, 8, 6), (5, 3)),
    ((2, 7, 9), (4, 4)),
    ((1, 6, 6), (6, 6)),
    ((1, 32, 32), (8, 8)),
]
AVERAGE = [((2, 6, 4), 2), ((1, 7, 5), 2), ((2, 7, 9), (3, 2)), ((1, 4, 4), 1)]


def images_of(shape, seed=0, n_samples=3):
    return np.random.default_rng(seed).normal(size=(n_samples, *shape))


def matrix_of(layer, input_shape):
    n_inputs = int(np.prod(input_shape))
    return layer.forward(np.eye(n_inputs).reshape(-1, *input_shape)).reshape(n_inputs, -1).T


def crop_by_fft(images, size):
    """The paper's pool by numpy's transforms: shift, crop around the centre, shift back."""
    height, width = images.shape[2:]
    spectrum = np.fft.fftshift(np.fft.fft2(images), axes=(2, 3))
    top, left = height // 2 - size[0] // 2, width // 2 - size[1] // 2
    crop = spectrum[:, :, top : top + size[0], left : left + size[1]]
    return np.fft.ifft2(np.fft.ifftshift(crop, axes=(2, 3))) * np.prod(size) / (height * width)


def pad_by_fft(targets, shape):
    height, width = targets.shape[2:]
    spectrum = np.fft.fftshift(np.fft.fft2(targets), axes=(2, 3))
    padded = np.zeros((*targets.shape[:2], *shape), complex)
    top, left = shape[0] // 2 - height // 2, shape[1] // 2 - width // 2
    padded[:, :, top : top + height, left : left + width] = spectrum
    images = np.fft.ifft2(np.fft.ifftshift(padded, axes=(2, 3))).real
    return images * np.prod(shape) / (height * width)


@pytest.mark.parametrize(("shape", "size"), SPECTRAL, ids=str)
def test_spectral_pool_is_the_real_part_of_the_cropped_transform(shape, size):
    layer, images = SpectralPool(size), images_of(shape)
    outputs = layer.forward(images)
    assert outputs.shape[1:] == layer.output_shape(shape) == (shape[0], *size)
    expected = crop_by_fft(images, size)
    np.testing.assert_allclose(outputs, expected.real, atol=1e-12)
    if size[0] % 2 and size[1] % 2:
        np.testing.assert_allclose(expected.imag, 0, atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), SPECTRAL, ids=str)
def test_spectral_pool_keeps_means(shape, size):
    images = images_of(shape)
    outputs = SpectralPool(size).forward(images)
    np.testing.assert_allclose(outputs.mean((2, 3)), images.mean((2, 3)), atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), SPECTRAL, ids=str)
def test_the_inverse_of_spectral_pool_is_its_pseudo_inverse(shape, size):
    layer = SpectralPool(size)
    targets = images_of((shape[0], *size), seed=1)
    inverse = layer.inverse(targets, shape)
    expected = targets.reshape(3, -1) @ np.linalg.pinv(matrix_of(layer, shape)).T
    np.testing.assert_allclose(inverse.reshape(3, -1), expected, atol=1e-10)
    np.testing.assert_allclose(layer.forward(inverse), targets, atol=1e-10)  # full rank


@pytest.mark.parametrize(("size", "is_inverse"), [((5, 3), True), ((7, 7), True), ((4, 2), False)])
def test_padding_with_zeros_inverts_odd_sizes_only(size, is_inverse):
    shape = (1, 32, 32)
    targets = images_of((1, *size), seed=2)
    inverse = SpectralPool(size).inverse(targets, shape)
    padded = pad_by_fft(targets, shape[1:])
    error = np.linalg.norm(padded - inverse) / np.linalg.norm(inverse)
    assert (error < 1e-9) if is_inverse else (error > 0.05)


def test_spectral_matrices_are_made_once_and_cannot_be_changed():
    assert _pool_matrix((8, 8), (4, 2)) is _pool_matrix((8, 8), (4, 2))
    with pytest.raises(ValueError, match="read-only"):
        _pool_matrix((8, 8), (4, 2))[0, 0] = 1.0


@pytest.mark.parametrize(("shape", "size"), AVERAGE, ids=str)
def test_average_pool_is_that_of_torch(shape, size):
    torch = pytest.importorskip("torch")
    images = images_of(shape)
    outputs = AveragePool(size).forward(images)
    expected = torch.nn.functional.avg_pool2d(torch.tensor(images), size).numpy()
    assert outputs.shape[1:] == AveragePool(size).output_shape(shape)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), AVERAGE, ids=str)
def test_the_inverse_of_average_pool_is_its_pseudo_inverse(shape, size):
    layer = AveragePool(size)
    targets = images_of(layer.output_shape(shape), seed=1)
    expected = targets.reshape(3, -1) @ np.linalg.pinv(matrix_of(layer, shape)).T
    inverse = layer.inverse(targets, shape)
    np.testing.assert_allclose(inverse.reshape(3, -1), expected, atol=1e-12)


def test_flatten_orders_by_channel_row_and_column():
    images = images_of((2, 3, 4))
    vectors = Flatten().forward(images)
    assert vectors.shape == (3, 24)
    assert vectors[1, 12 + 4 + 2] == images[1, 1, 1, 2]
    np.testing.assert_array_equal(Flatten().inverse(vectors, (2, 3, 4)), images)
    assert Flatten().output_shape((7,)) == (7,)


@pytest.mark.parametrize("pool", [SpectralPool, AveragePool])
def test_bad_sizes(pool):
    for size in (0, (2, 0), 1.5, (1, 2, 3), "ab", None, (2.0, 2)):
        with pytest.raises(ValueError, match=f"'size' parameter of {pool.__name__} must be"):
            pool(size)
    assert pool(3) == pool((3, 3)) == pool([3, 3])
    assert hash(pool(3)) == hash(pool((3, 3)))


@pytest.mark.parametrize("pool", [SpectralPool, AveragePool])
@pytest.mark.parametrize("shape", [(1, 3, 8), (1, 8, 1), (64,), (8, 8)])
def test_images_that_are_too_small(pool, shape):
    message = rf"{pool.__name__}\(size=\(4, 2\)\) takes .* height >= 4, width >= 2. Got the input"
    with pytest.raises(ValueError, match=message):
        pool((4, 2)).output_shape(shape)


@pytest.mark.parametrize("layer", [SpectralPool(2), AveragePool(2), Flatten()], ids=repr)
def test_targets_of_another_shape(layer):
    with pytest.raises(ValueError, match=r"Got targets of shape \(5,\) instead"):
        layer.inverse(np.ones((2, 5)), (1, 4, 4))


def test_a_spectral_pool_of_no_rows():
    assert SpectralPool((2, 2)).forward(np.empty((0, 1, 4, 5))).shape == (0, 1, 2, 2)
