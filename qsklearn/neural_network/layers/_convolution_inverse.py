"""Inverses of convolutions: by a matrix, by conjugate gradients, and in Fourier space."""

import math

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from qsklearn._warnings import warn
from qsklearn.neural_network.layers._correlation import correlate, correlate_transposed, pad
from qsklearn.neural_network.layers._inverse import tikhonov_inverse

TOLERANCE = 1e-7
MAX_ITERATIONS = 1000
# The cost model: iterations that conjugate gradients take at usual dampings, the speed of small
# products in `correlate` against that of large ones, and multiplications (a third of a second)
# below which the matrix is taken anyway.
_USUAL_ITERATIONS = 60
_SMALL_PRODUCTS = 4
_CHEAP = 4e9
_MAX_MATRIX_BYTES = 2**28
_UNIT_IMAGES = 256


class ConvolutionOperator:
    """A convolution as a linear map of images, for given kernels.

    Parameters
    ----------
    kernels : ndarray of shape (n_outputs, channels, size, size)
    input_shape : tuple of int
        (channels, height, width).
    borders : tuple of int
        Zeros before and after the rows and columns of an image.
    """

    def __init__(self, kernels, input_shape, borders):
        self.kernels = kernels
        self.input_shape = tuple(input_shape)
        self.borders = borders
        size = kernels.shape[2]
        sites = [side + sum(borders) - size + 1 for side in input_shape[1:]]
        self.output_shape = (len(kernels), *sites)

    def forward(self, images):
        return correlate(pad(images, *self.borders), self.kernels)

    def transposed(self, outputs):
        return self._without_borders(correlate_transposed(outputs, self.kernels))

    def _without_borders(self, images):
        before = self.borders[0]
        height, width = self.input_shape[1:]
        return images[:, :, before : before + height, before : before + width]

    def matrix(self):
        """The operator as a matrix of shape (outputs, inputs)."""
        n_inputs = int(np.prod(self.input_shape))
        matrix = np.empty((int(np.prod(self.output_shape)), n_inputs))
        for start in range(0, n_inputs, _UNIT_IMAGES):
            units = np.eye(min(_UNIT_IMAGES, n_inputs - start), n_inputs, start)
            outputs = self.forward(units.reshape(-1, *self.input_shape))
            matrix[:, start : start + _UNIT_IMAGES] = outputs.reshape(len(units), -1).T
        return matrix

    def mean_square(self):
        """The mean over outputs of the squared rows of the matrix: what ridge is relative to."""
        ones = pad(np.ones((1, *self.input_shape)), *self.borders)
        return correlate(ones, np.square(self.kernels)).mean()

    def inverse(self, targets, ridge):
        """The damped pseudo-inverse, in whichever way costs less."""
        if self._prefers_matrix(len(targets)):
            inverse = tikhonov_inverse(self.matrix(), ridge)
            flat = targets.reshape(len(targets), math.prod(targets.shape[1:]))
            return (flat @ inverse).reshape(len(targets), *self.input_shape)
        return self.conjugate_gradients(targets, ridge)

    def _prefers_matrix(self, n_samples):
        n_outputs, n_inputs = int(np.prod(self.output_shape)), int(np.prod(self.input_shape))
        if 8 * n_outputs * n_inputs > _MAX_MATRIX_BYTES:
            return False
        small, large = sorted((n_outputs, n_inputs))
        once = small**2 * (large + small)
        by_matrix = once + n_samples * n_outputs * n_inputs
        per_image = self.kernels.size * int(np.prod(self.output_shape[1:])) * _SMALL_PRODUCTS
        by_gradients = 2 * _USUAL_ITERATIONS * n_samples * per_image
        return once <= _CHEAP or by_matrix <= by_gradients

    def conjugate_gradients(self, targets, ridge):
        """Minimise |A x - t|² + λ|x|² from x = 0 for all samples at once (CGLS)."""
        damping = ridge * self.mean_square()
        images = np.zeros((len(targets), *self.input_shape))
        residual = targets.copy()
        gradient = self.transposed(residual)
        direction = gradient.copy()
        norms = _squares(gradient)
        goal = TOLERANCE**2 * norms
        for _ in range(MAX_ITERATIONS):
            live = norms > goal
            if not live.any():
                return images
            reached = self.forward(direction)
            curvature = _squares(reached) + damping * _squares(direction)
            step = _divide(norms, curvature, live)
            images += step * direction
            residual -= step * reached
            gradient = self.transposed(residual) - damping * images
            previous, norms = norms, _squares(gradient)
            direction *= _divide(norms, previous, live)
            direction += gradient
        self._warn(norms, goal)
        return images

    def _warn(self, norms, goal):
        warn(
            f"The inverse of a convolution of {self.input_shape} to {self.output_shape} did not "
            f"converge in {MAX_ITERATIONS} iterations for {np.count_nonzero(norms > goal)} of "
            f"{norms.size} samples. Increase its ridge.",
            ConvergenceWarning,
        )

    def fourier_inverse(self, targets, ridge):
        """Pseudo-inverse of the (n_outputs, channels) matrix at each frequency.

        The targets are padded with zeros to the size of the (padded) images, whose convolution is
        then taken to be cyclic.
        """
        height, width = (side + sum(self.borders) for side in self.input_shape[1:])
        shape = (height, width)
        # A cross-correlation multiplies by the conjugate of the kernel's transform.
        kernels = np.fft.rfft2(self.kernels, s=shape).conj().transpose(2, 3, 0, 1)
        inverse = _inverse_at_frequencies(kernels, ridge * self._cyclic_mean_square())
        spectra = np.fft.rfft2(targets, s=shape).transpose(2, 3, 1, 0)
        images = np.fft.irfft2((inverse @ spectra).transpose(3, 2, 0, 1), s=shape)
        return np.ascontiguousarray(self._without_borders(images))

    def _cyclic_mean_square(self):
        return np.square(self.kernels).sum() / len(self.kernels)


def _inverse_at_frequencies(matrices, damping):
    if damping == 0:
        return np.linalg.pinv(matrices)
    adjoint = matrices.conj().swapaxes(-1, -2)
    gram = matrices @ adjoint + damping * np.eye(matrices.shape[-2])
    return adjoint @ np.linalg.inv(gram)


def _squares(images):
    """Squared norms of samples, with axes to multiply images by."""
    return np.einsum("ncij,ncij->n", images, images)[:, np.newaxis, np.newaxis, np.newaxis]


def _divide(numbers, others, live):
    """Quotients of the samples that are not solved yet; solved ones stand still."""
    return np.divide(numbers, others, out=np.zeros_like(numbers), where=live & (others > 0))
