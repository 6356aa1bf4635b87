"""Cross-correlation of images with kernels, and its parts.

Images have the layout (n_samples, channels, height, width), kernels (outputs, channels, size,
size). As in machine learning the kernel is not mirrored.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# What is in work at once stays in a core's cache.
_BLOCK_BYTES = 2**20


def pad(images, before, after):
    """Images with zeros around: rows and columns before and after."""
    if before == after == 0:
        return images
    return np.pad(images, ((0, 0), (0, 0), (before, after), (before, after)))


def write_patches(images, size, out):
    """Copy all patches of size by size pixels, the sites row by row, a patch a row.

    Parameters
    ----------
    images : ndarray of shape (n_samples, channels, height, width)
    size : int
    out : ndarray of shape (n_samples * n_sites, channels * size * size), changed in place
    """
    windows = sliding_window_view(images, (size, size), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)
    out.reshape(windows.shape)[...] = windows  # splits axes, so this is a view of any out


def correlate(images, kernels):
    """Cross-correlation at the sites where the kernel lies inside the image.

    Rows of kernel-wide shifts of whole blocks of images are multiplied, which copies `size` times
    less than patches do; what wraps around the images' edges is cut away.

    Parameters
    ----------
    images : ndarray of shape (n_samples, channels, height, width)
    kernels : ndarray of shape (n_outputs, channels, size, size)

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs, height - size + 1, width - size + 1)
    """
    n_samples, channels, height, width = images.shape
    n_outputs, _, size, _ = kernels.shape
    outputs = np.empty((n_samples, n_outputs, height - size + 1, width - size + 1))
    by_row = np.ascontiguousarray(kernels.transpose(2, 0, 1, 3)).reshape(size, n_outputs, -1)
    bytes_per_image = 8 * (channels * size + n_outputs) * height * width
    length = max(_BLOCK_BYTES // bytes_per_image, 1)
    for start in range(0, n_samples, length):
        block = slice(start, start + length)
        product = _multiply_shifts(images[block], by_row)
        product = product.reshape(n_outputs, -1, height, width)
        outputs[block] = product[:, :, : height - size + 1, : width - size + 1].swapaxes(0, 1)
    return outputs


def _multiply_shifts(images, by_row):
    size, channels, width = len(by_row), images.shape[1], images.shape[3]
    flat = images.swapaxes(0, 1).reshape(channels, -1)
    shifted = np.zeros((channels, size, flat.shape[1]))
    for column in range(size):
        shifted[:, column, : flat.shape[1] - column] = flat[:, column:]
    shifted = shifted.reshape(channels * size, -1)
    product = by_row[0] @ shifted
    for row in range(1, size):
        product[:, : flat.shape[1] - row * width] += by_row[row] @ shifted[:, row * width :]
    return product


def correlate_transposed(outputs, kernels):
    """The transpose of :func:`correlate` as a linear map of images.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs, height - size + 1, width - size + 1)
    kernels : ndarray of shape (n_outputs, channels, size, size)

    Returns
    -------
    images : ndarray of shape (n_samples, channels, height, width)
    """
    border = kernels.shape[2] - 1
    mirrored = kernels.swapaxes(0, 1)[:, :, ::-1, ::-1]
    return correlate(pad(outputs, border, border), mirrored)
