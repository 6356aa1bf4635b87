"""Convolution and pooling matrices against PyTorch and loops; the OR gadget by brute force."""

import dimod
import numpy as np
import pytest
import scipy.sparse

from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    convolution_matrix,
    or_pooling,
    pooling_membership,
)

# (kernels, image, stride, padding)
CASES = {
    "plain": ((2, 1, 3, 3), (1, 6, 6), 1, 0),
    "paper": ((8, 1, 5, 5), (1, 14, 14), 3, 0),
    "stride that misses the last lines": ((8, 1, 5, 5), (1, 14, 14), 2, 0),
    "channels and padding": ((4, 3, 3, 3), (3, 5, 7), 1, 1),
    "pairs": ((3, 2, 2, 4), (2, 9, 8), (3, 2), (1, 2)),
    "one by one": ((5, 4, 1, 1), (4, 3, 2), 1, 0),
    "whole image": ((2, 3, 4, 5), (3, 4, 5), 1, 0),
    "padding wider than the image": ((1, 1, 3, 3), (1, 2, 2), 2, 4),
}


def pair(value):
    return (value, value) if np.isscalar(value) else value


def convolve_by_loops(images, kernels, stride, padding):
    (top, left), (down, right) = pair(padding), pair(stride)
    padded = np.pad(images, ((0, 0), (0, 0), (top, top), (left, left)))
    height, width = kernels.shape[2:]
    rows = range(0, padded.shape[2] - height + 1, down)
    columns = range(0, padded.shape[3] - width + 1, right)
    out = np.zeros((len(images), len(kernels), len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = padded[:, :, row : row + height, column : column + width]
            out[:, :, i, j] = np.einsum("nchw,mchw->nm", window, kernels)
    return out


@pytest.fixture(params=CASES)
def case(request):
    kernel_shape, image_shape, stride, padding = CASES[request.param]
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=kernel_shape)
    images = rng.normal(size=(3, *image_shape))
    return images, kernels, stride, padding


def test_matrix_convolves_as_loops_do(case):
    images, kernels, stride, padding = case
    matrix = convolution_matrix(kernels, images.shape[1:], stride, padding)
    expected = convolve_by_loops(images, kernels, stride, padding)
    assert isinstance(matrix, scipy.sparse.csr_array)
    assert matrix.shape == (images[0].size, expected[0].size)
    np.testing.assert_allclose(
        images.reshape(3, -1) @ matrix, expected.reshape(3, -1), rtol=1e-12, atol=1e-12
    )


def test_matrix_convolves_as_torch_does(case):
    torch = pytest.importorskip("torch")
    images, kernels, stride, padding = case
    matrix = convolution_matrix(kernels, images.shape[1:], stride, padding)
    expected = torch.nn.functional.conv2d(
        torch.tensor(images), torch.tensor(kernels), stride=stride, padding=padding
    )
    np.testing.assert_allclose(
        images.reshape(3, -1) @ matrix, expected.numpy().reshape(3, -1), rtol=1e-12, atol=1e-12
    )


def test_sizes_of_the_papers_four_layer_model():
    matrix = convolution_matrix(np.ones((8, 1, 5, 5)), (1, 14, 14), stride=3)
    assert matrix.shape == (196, 128)
    assert matrix.nnz == 128 * 25
    assert (np.diff(matrix.indptr) > 0).all()  # every pixel is seen; a stride of 2 misses 27
    assert (
        np.diff(convolution_matrix(np.ones((8, 1, 5, 5)), (1, 14, 14), 2).indptr) == 0
    ).sum() == 27


def test_zeros_of_a_kernel_keep_the_structure():
    # One structure for all weights, so that one embedding serves them.
    kernels = np.zeros((1, 1, 2, 2))
    assert convolution_matrix(kernels, (1, 3, 3)).nnz == 16


@pytest.mark.parametrize(
    ("image_shape", "size", "stride", "padding"),
    [
        ((1, 4, 4), 2, None, 0),
        ((3, 5, 7), 2, None, 0),
        ((2, 6, 5), (3, 2), (2, 1), 0),
        ((2, 5, 5), 3, 2, 1),
    ],
)
def test_pools_are_those_of_torch(image_shape, size, stride, padding):
    torch = pytest.importorskip("torch")
    membership = pooling_membership(image_shape, size, stride, padding)
    images = np.random.default_rng(1).random((4, *image_shape)) + 1.0  # above the padding's zero
    expected = torch.nn.functional.max_pool2d(torch.tensor(images), size, stride, padding).numpy()
    dense = membership.toarray()
    assert set(np.unique(dense)) == {0.0, 1.0}
    pooled = (images.reshape(4, -1, 1) * dense).max(axis=1)
    np.testing.assert_array_equal(pooled, expected.reshape(4, -1))


def test_pools_of_channels_are_apart():
    membership = pooling_membership((2, 2, 2), 2).toarray()
    np.testing.assert_array_equal(membership, np.kron(np.eye(2), np.ones((4, 1))))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: convolution_matrix(np.ones((2, 3, 2, 2)), (1, 4, 4)),
            "the 1 channels.*2, 3, 2, 2",
        ),
        (lambda: convolution_matrix(np.ones((2, 2)), (1, 4, 4)), r"n_maps.*shape \(2, 2\)"),
        (lambda: convolution_matrix(np.ones((1, 1, 5, 2)), (1, 4, 4)), "height 5 does not fit"),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 7)), (1, 4, 4), 1, 1), "width 7 .* padding"),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (4, 4)), "three positive ints"),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 0)), "three positive ints"),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 4), 0), "'stride'.*Got 0"),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 4), 1.5), "'stride'"),
        (
            lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 4), [[1], [2, 3]]),
            r"'stride' of a window must be .*Got \[\[1\], \[2, 3\]\]",
        ),
        (lambda: convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 4), 1, -1), "'padding'.*Got -1"),
        (lambda: pooling_membership((1, 4, 4), 0), "'size'.*Got 0"),
        (lambda: pooling_membership((1, 4, 4), (2, 2, 2)), "'size'"),
        (lambda: pooling_membership((1, 4, 4), 5), "height 5 does not fit"),
        (lambda: or_pooling(np.ones((2, 1)), 1.0, 1.0), "0 < cost < strength.*cost 1.0"),
        (lambda: or_pooling(np.ones((2, 1)), 1.0, 0.0), "0 < cost < strength"),
        (lambda: or_pooling(np.ones((2, 1)), np.nan, 0.5), "0 < cost < strength"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_enormous_matrices_are_refused_before_they_are_made():
    with pytest.raises(MemoryError, match="would take [0-9]+ bytes"):
        convolution_matrix(np.ones((512, 512, 5, 5)), (512, 100, 100))


# --- the OR gadget -------------------------------------------------------------------------------


def bits(n):
    return (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1


POOLS = {
    "one": pooling_membership((1, 2, 2), 2),
    "two": pooling_membership((1, 2, 4), 2),
    "overlapping": pooling_membership((1, 1, 6), (1, 3), (1, 1)),
    "overlapping in both directions": pooling_membership((1, 3, 3), 2, 1),
    "a unit in no pool": pooling_membership((1, 1, 5), (1, 2)),
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(("strength", "cost"), [(4.0, 1.0), (1.0, 0.999), (1.0, 0.001)])
def test_pools_are_the_or_of_their_units(name, strength, cost):
    membership = POOLS[name].toarray()
    weights, change, pool_biases = or_pooling(POOLS[name], strength, cost)
    units, pools = (bits(size) for size in membership.shape)
    energy = -(units @ change)[:, np.newaxis] - pools @ pool_biases - (units @ weights) @ pools.T
    expected = (units @ membership > 0).astype(int)
    lowest = energy.min(axis=1)
    # One ground state given the units, OR; and what is left is only the cost of the pools.
    assert (np.isclose(energy, lowest[:, np.newaxis], atol=1e-12).sum(axis=1) == 1).all()
    np.testing.assert_array_equal(pools[energy.argmin(axis=1)], expected)
    np.testing.assert_allclose(lowest, cost * expected.sum(axis=1), atol=1e-12)


def test_pools_are_the_or_in_every_global_ground_state():
    membership = POOLS["overlapping"]
    weights, change, pool_biases = or_pooling(membership, 5.0, 0.5)
    rng = np.random.default_rng(2)
    for _ in range(20):
        fields = rng.normal(0, 3, (1, membership.shape[0]))
        class_weights = np.zeros((membership.shape[1], 2))
        hamiltonian = LayeredHamiltonian(
            (weights, class_weights), (change, pool_biases, np.zeros(2)), names=("v", "z", "c")
        )
        ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(fields[0])).lowest(atol=1e-9)
        for sample in ground.samples(sorted_by=None):
            on = np.array([sample["v", i] for i in range(membership.shape[0])])
            pools = [sample["z", p] for p in range(membership.shape[1])]
            np.testing.assert_array_equal(pools, on @ membership > 0)


@pytest.mark.parametrize("image_shape", [(1, 4, [4, 4]), (1, 4, "a"), 4])
def test_ragged_image_shapes_are_refused_by_name(image_shape):
    with pytest.raises(ValueError, match="'image_shape' must be .* three positive ints"):
        convolution_matrix(np.ones((1, 1, 2, 2)), image_shape)


def test_a_padding_beyond_memory_is_refused():
    with pytest.raises(MemoryError, match="would take [0-9]+ bytes"):
        convolution_matrix(np.ones((1, 1, 2, 2)), (1, 4, 4), padding=2**63)
