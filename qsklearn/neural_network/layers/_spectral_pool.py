"""Pooling by cutting away high frequencies."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qsklearn.neural_network.layers._base import Layer, check_input_shape, check_pair


@dataclass(frozen=True)
class SpectralPool(Layer):
    """Keep the lowest frequencies of images: Fourier transform, centred crop, transform back.

    The real part is kept, and a constant image keeps its value. An even size has one frequency
    without its partner of opposite sign, so that the crop is not the transform of a real image;
    it still is a linear map of full rank, and :meth:`inverse` is the pseudo-inverse of that map.
    For odd sizes this is padding with zeros in Fourier space.

    Parameters
    ----------
    size : int or pair of int
        Height and width of the outputs, at most those of the inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import SpectralPool
    >>> SpectralPool((4, 2)).forward(np.ones((1, 1, 32, 32))).round(6)[0, 0]
    array([[1., 1.],
           [1., 1.],
           [1., 1.],
           [1., 1.]])
    """

    size: tuple

    def __post_init__(self):
        object.__setattr__(self, "size", check_pair(self.size, "size", "SpectralPool"))

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int
            (channels, height, width).

        Returns
        -------
        tuple of int
            (channels, *size).

        Raises
        ------
        ValueError
            If the inputs are no images, or smaller than the outputs.
        """
        input_shape = check_input_shape(input_shape, "SpectralPool")
        if len(input_shape) != 3 or any(np.less(input_shape[1:], self.size)):
            height, width = self.size
            self._reject_shape(
                input_shape, f"(channels, height, width) with height >= {height}, width >= {width}"
            )
        return (int(input_shape[0]), *self.size)

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, channels, height, width)
        weights, intercepts : None
            Not used: there are none.

        Returns
        -------
        outputs : ndarray of shape (n_samples, channels, *size)
        """
        inputs, shape = self._checked(inputs)
        images = inputs.reshape(len(inputs), shape[0], math.prod(inputs.shape[2:]))
        return (images @ _pool_matrix(inputs.shape[2:], self.size).T).reshape(-1, *shape)

    def inverse(self, targets, input_shape):
        """The smallest images that give the targets, which they do exactly.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, channels, *size)
        input_shape : tuple of int

        Returns
        -------
        inputs : ndarray of shape (n_samples, channels, height, width)
        """
        targets = self._checked_targets(targets, input_shape)
        n_pixels = math.prod(self.size)  # -1 would leave it open for no rows
        pixels = targets.reshape(len(targets), input_shape[0], n_pixels)
        matrix = _inverse_matrix(tuple(input_shape[1:]), self.size)
        return (pixels @ matrix.T).reshape(len(targets), *input_shape)


@lru_cache(maxsize=16)
def _pool_matrix(image_size, size):
    """The map of images as a real matrix of shape (pixels out, pixels in); not to be changed."""
    rows, columns = (_crop_matrix(*sides) for sides in zip(image_size, size, strict=True))
    matrix = np.kron(rows.real, columns.real) - np.kron(rows.imag, columns.imag)
    matrix.flags.writeable = False
    return matrix


@lru_cache(maxsize=16)
def _inverse_matrix(image_size, size):
    matrix = np.linalg.pinv(_pool_matrix(image_size, size))
    matrix.flags.writeable = False
    return matrix


def _crop_matrix(n_in, n_out):
    """One axis: transform, the n_out centred frequencies, and back; rows sum to 1."""
    frequencies = np.arange(n_out) - n_out // 2
    forward = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(n_in)) / n_in) / n_in
    return np.exp(2j * np.pi * np.outer(np.arange(n_out), frequencies) / n_out) @ forward
