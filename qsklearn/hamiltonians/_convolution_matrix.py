"""Convolution and pooling as sparse matrices between units, with shared weights written out."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse

from qsklearn._checks import check_reals, count_axes, is_number

# While a matrix is made, each of its entries is held as value, row and column, twice.
_BYTES_PER_ENTRY = 48
_MAX_BYTES = 2**33


def convolution_matrix(kernels, image_shape, stride=1, padding=0) -> scipy.sparse.csr_array:
    """Couplings of a convolutional layer: the units of a map share their kernel.

    The same cross-correlation as :class:`torch.nn.Conv2d` without bias: for flat images x,
    ``x @ matrix`` are its flat outputs, for the biases repeat each map's bias over its units.

    Parameters
    ----------
    kernels : array-like of shape (n_maps, n_channels, height, width)
    image_shape : tuple of (n_channels, height, width)
    stride : int or pair of int, default=1
        Step of the window over rows and columns.
    padding : int or pair of int, default=0
        Rows and columns of zeros around the image. They couple to nothing.

    Returns
    -------
    matrix : scipy.sparse.csr_array of shape (n_pixels, n_units)
        Pixels and units in C order of (channel, row, column).

    Raises
    ------
    ValueError
        If the shapes do not fit each other.
    MemoryError
        If making the matrix would take more than 8 GiB.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import convolution_matrix
    >>> matrix = convolution_matrix(np.ones((1, 1, 2, 2)), (1, 3, 3))
    >>> np.arange(9.0) @ matrix
    array([ 8., 12., 20., 24.])
    """
    kernels = check_reals(kernels, "kernels", "convolution_matrix")
    image_shape = _check_image_shape(image_shape)
    if kernels.ndim != 4 or kernels.shape[1] != image_shape[0] or kernels.size == 0:
        raise ValueError(
            "The 'kernels' of a convolution must be of shape (n_maps, n_channels, height, width) "
            f"with the {image_shape[0]} channels of the images. Got shape {kernels.shape} instead."
        )
    window = kernels.shape[2:]
    rows, row_ok = _window_lines(image_shape[1], window[0], *_axis(stride, padding, 0), "height")
    columns, column_ok = _window_lines(
        image_shape[2], window[1], *_axis(stride, padding, 1), "width"
    )
    n_maps, n_channels = kernels.shape[:2]
    # Axes: map, channel, row of outputs, column of outputs, row of the window, column of it.
    shape = (n_maps, n_channels, len(rows), len(columns), *window)
    _check_memory(shape)
    positions = rows[:, np.newaxis, :, np.newaxis] * image_shape[2] + columns[:, np.newaxis, :]
    channel = np.arange(n_channels).reshape(1, -1, 1, 1, 1, 1)
    pixels = channel * image_shape[1] * image_shape[2] + positions
    units = np.arange(n_maps * len(rows) * len(columns))
    units = units.reshape(n_maps, 1, len(rows), len(columns), 1, 1)
    inside = row_ok[:, np.newaxis, :, np.newaxis] & column_ok[:, np.newaxis, :]
    values = kernels[:, :, np.newaxis, np.newaxis]
    return _assemble(values, pixels, units, inside, shape, int(np.prod(image_shape)), units.size)


def pooling_membership(image_shape, size, stride=None, padding=0) -> scipy.sparse.csr_array:
    """Which pixels are in which pool, channel by channel, as :class:`torch.nn.MaxPool2d` has it.

    Parameters
    ----------
    image_shape : tuple of (n_channels, height, width)
    size : int or pair of int
        Height and width of a pool.
    stride : int or pair of int, optional
        Step between pools, by default their size; pools of a smaller step overlap.
    padding : int or pair of int, default=0
        Rows and columns around the image, which belong to no pool.

    Returns
    -------
    membership : scipy.sparse.csr_array of shape (n_pixels, n_pools)
        Ones and zeros; pixels and pools in C order of (channel, row, column). Pools that would
        reach beyond the image are left out, as with ``ceil_mode=False``.

    Raises
    ------
    ValueError
        If the shapes do not fit each other.

    Examples
    --------
    >>> from qsklearn.hamiltonians import pooling_membership
    >>> pooling_membership((1, 2, 4), 2).toarray().astype(int).T
    array([[1, 1, 0, 0, 1, 1, 0, 0],
           [0, 0, 1, 1, 0, 0, 1, 1]])
    """
    image_shape = _check_image_shape(image_shape)
    size = _check_pair(size, "size", 1)
    for axis, name in enumerate(("height", "width")):
        _check_window(image_shape[axis + 1], size[axis], _axis(1, padding, axis)[1], name)
    one = convolution_matrix(
        np.ones((1, 1, *size)), (1, *image_shape[1:]), size if stride is None else stride, padding
    )
    return scipy.sparse.csr_array(scipy.sparse.kron(np.eye(image_shape[0]), one, format="csr"))


def or_pooling(
    membership, strength: float, cost: float
) -> tuple[scipy.sparse.csr_array, np.ndarray, np.ndarray]:
    r"""Pools that are on if and only if one of their units is, as parts of a layered model.

    .. math::

        E = \sum_p \Big[ A \sum_{i \in p} v_i - A z_p \sum_{i \in p} v_i + \varepsilon z_p \Big],
        \qquad 0 < \varepsilon < A,

    is lowest at :math:`z_p = \mathrm{OR}(v_i : i \in p)`, where it is
    :math:`\varepsilon \sum_p z_p`: whatever the units are, it hardly moves them. The paper's
    eq. (5) lacks the compensation and the cost, and its pools are always on.

    Parameters
    ----------
    membership : sparse array or ndarray of shape (n_units, n_pools)
        From :func:`pooling_membership`. A unit in several pools pays for each.
    strength : float
        The strength A.
    cost : float
        The cost ε of a pool that is on.

    Returns
    -------
    weights : scipy.sparse.csr_array of shape (n_units, n_pools)
        Weights between the layer of the units and the layer of the pools.
    bias_change : ndarray of shape (n_units,)
        What is to be added to the biases of the units.
    pool_biases : ndarray of shape (n_pools,)
        Of the signs of :class:`LayeredHamiltonian`, whose energy is -b·q.

    Raises
    ------
    ValueError
        If not 0 < ε < A.

    Examples
    --------
    >>> from qsklearn.hamiltonians import or_pooling, pooling_membership
    >>> weights, bias_change, pool_biases = or_pooling(pooling_membership((1, 1, 2), (1, 2)), 4, 1)
    >>> weights.toarray().tolist(), bias_change.tolist(), pool_biases.tolist()
    ([[4.0], [4.0]], [-4.0, -4.0], [-1.0])
    """
    if not (is_number(cost) and is_number(strength)) or not 0 < cost < strength < np.inf:
        raise ValueError(
            "The 'cost' and 'strength' of pools must be 0 < cost < strength. Got cost "
            f"{cost!r} and strength {strength!r} instead."
        )
    if not scipy.sparse.issparse(membership):
        membership = check_reals(membership, "membership", "or_pooling", "n_units", "n_pools")
    weights = scipy.sparse.csr_array(membership, dtype=float) * float(strength)
    return weights, -weights.sum(axis=1), np.full(weights.shape[1], -float(cost))


def _check_window(length: int, window: int, padding: int, name: str) -> None:
    if length + 2 * padding < window:
        raise ValueError(
            f"A window of {name} {window} does not fit into images of {name} {length} with a "
            f"padding of {padding}."
        )


def _window_lines(
    length: int, window: int, stride: int, padding: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Lines of the image under each line of the window, shape (n_outputs, window), and if real."""
    _check_window(length, window, padding, name)
    n_outputs = (length + 2 * padding - window) // stride + 1
    if (n_bytes := _BYTES_PER_ENTRY * n_outputs * window) > _MAX_BYTES:
        raise MemoryError(
            f"A window of {name} {window} at {n_outputs} places would take {n_bytes} bytes to lay. "
            "Use smaller images, a larger stride or less padding."
        )
    lines = np.arange(n_outputs)[:, np.newaxis] * stride - padding + np.arange(window)
    return lines, (lines >= 0) & (lines < length)


def _check_memory(shape: tuple[int, ...]) -> None:
    n_bytes = _BYTES_PER_ENTRY * math.prod(shape)
    if n_bytes > _MAX_BYTES:
        raise MemoryError(
            f"The matrix of a convolution with {shape[0]} maps of {shape[2]} x {shape[3]} units, "
            f"each coupled to {shape[1]} x {shape[4]} x {shape[5]} pixels, would take {n_bytes} "
            "bytes to make. Use fewer maps, a larger stride or smaller images."
        )


def _assemble(values, pixels, units, inside, shape, n_pixels, n_units) -> scipy.sparse.csr_array:
    inside = np.broadcast_to(inside, shape)
    entries = [np.broadcast_to(part, shape)[inside] for part in (values, pixels, units)]
    matrix = scipy.sparse.coo_array((entries[0], (entries[1], entries[2])), (n_pixels, n_units))
    return scipy.sparse.csr_array(matrix)


def _axis(stride, padding, axis: int) -> tuple[int, int]:
    return _check_pair(stride, "stride", 1)[axis], _check_pair(padding, "padding", 0)[axis]


def _check_pair(value, name: str, least: int) -> tuple[int, int]:
    try:
        pair = np.atleast_1d(np.asarray(value))
    except ValueError:  # ragged
        pair = np.empty(0)
    is_right = pair.shape in ((1,), (2,)) and np.issubdtype(pair.dtype, np.integer)
    if not is_right or (pair < least).any():
        raise ValueError(
            f"The '{name}' of a window must be an int or a pair of ints in the range "
            f"[{least}, inf). Got {value!r} instead."
        )
    return int(pair[0]), int(pair[-1])


def _check_image_shape(image_shape) -> tuple[int, int, int]:
    shape = np.asarray(image_shape) if count_axes(image_shape) == 1 else np.empty(0)
    if shape.shape != (3,) or not np.issubdtype(shape.dtype, np.integer) or (shape < 1).any():
        raise ValueError(
            "The 'image_shape' must be (n_channels, height, width), three positive ints. Got "
            f"{image_shape!r} instead."
        )
    return int(shape[0]), int(shape[1]), int(shape[2])
