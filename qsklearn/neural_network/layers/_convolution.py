"""A convolution of images."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from qsklearn._checks import check_choice, check_reals
from qsklearn.neural_network.layers._base import Layer, check_input_shape, check_int, check_ridge
from qsklearn.neural_network.layers._convolution_inverse import ConvolutionOperator
from qsklearn.neural_network.layers._correlation import correlate, pad, write_patches


@dataclass(frozen=True)
class Convolution(Layer):
    """A convolution with stride 1: a cross-correlation, as usual in machine learning.

    Parameters
    ----------
    n_channels : int
        Number of output channels, at least 1.
    kernel_size : int
        Height and width of the kernel, at least 1.
    padding : {"valid", "same"}, default="valid"
        "valid" uses the sites where the kernel lies inside the image; "same" keeps the image's
        size with zeros around it, of which even kernels need one more to the right and below.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import Convolution
    >>> layer = Convolution(6, kernel_size=5)
    >>> layer.output_shape((1, 32, 32)), layer.n_weights((1, 32, 32))
    ((6, 28, 28), 25)
    """

    n_channels: int
    kernel_size: int
    _: KW_ONLY
    padding: str = "valid"

    is_trainable: ClassVar[bool] = True

    def __post_init__(self):
        for name in ("n_channels", "kernel_size"):
            object.__setattr__(self, name, check_int(getattr(self, name), name, "Convolution"))
        if not isinstance(self.padding, str) or self.padding not in ("valid", "same"):
            raise ValueError(
                "The 'padding' parameter of Convolution must be a str among {'same', 'valid'}. "
                f"Got {self.padding!r} instead."
            )

    @property
    def n_outputs(self):
        """Number of outputs that have weights of their own: the output channels."""
        return self.n_channels

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int
            (channels, height, width).

        Returns
        -------
        tuple of int
            (n_channels, height', width').

        Raises
        ------
        ValueError
            If the inputs are no images, or smaller than the kernel.
        """
        input_shape = check_input_shape(input_shape, "Convolution")
        lost = 0 if self.padding == "same" else self.kernel_size - 1
        if len(input_shape) != 3 or min(input_shape[1:]) <= lost:
            least = f" with height and width >= {lost + 1}" if lost else ""
            self._reject_shape(input_shape, f"(channels, height, width){least}")
        return (self.n_channels, int(input_shape[1] - lost), int(input_shape[2] - lost))

    def n_weights(self, input_shape):
        """Number of weights of an output channel, without its intercept.

        Parameters
        ----------
        input_shape : tuple of int

        Returns
        -------
        int
            channels * kernel_size²; weights are ordered by channel, row, column.
        """
        self.output_shape(input_shape)
        return int(input_shape[0]) * self.kernel_size**2

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, channels, height, width)
        weights : ndarray of shape (n_weights, n_channels)
        intercepts : ndarray of shape (n_channels,), default=None
            None means zero.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_channels, height', width')
        """
        inputs, _ = self._checked(inputs)
        weights = self._checked_weights(weights, self.n_weights(inputs.shape[1:]))
        outputs = correlate(self._padded(inputs), self._kernels(weights))
        if intercepts is not None:
            outputs += self._checked_intercepts(intercepts)[:, np.newaxis, np.newaxis]
        return outputs

    def rows(self, inputs, out=None):
        """Patches of the images: rows whose products with a channel's weights are its values.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, channels, height, width)
        out : ndarray of shape (n_samples * n_sites, n_weights), default=None
            Where to write them.

        Returns
        -------
        rows : ndarray of shape (n_samples * n_sites, n_weights)
            Sample by sample, and in it site by site along the rows of the image.
        """
        inputs, (_, height, width) = self._checked(inputs)
        if out is None:
            n_weights = self.n_weights(inputs.shape[1:])
            out = np.empty((len(inputs) * height * width, n_weights))
        write_patches(self._padded(inputs), self.kernel_size, out)
        return out

    def rows_of_outputs(self, outputs):
        """Outputs in the order of the rows.

        Parameters
        ----------
        outputs : ndarray of shape (n_samples, n_channels, height', width')

        Returns
        -------
        values : ndarray of shape (n_samples * n_sites, n_channels)
        """
        axes = ("n_samples", "n_channels", "height", "width")
        outputs = check_reals(outputs, "outputs", "Convolution.rows_of_outputs", *axes)
        return outputs.transpose(0, 2, 3, 1).reshape(-1, outputs.shape[1])

    def transpose(self, values, input_shape, weights):
        """The transpose of the layer as a linear map, as gradients are passed back.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_channels, height', width')
        input_shape : tuple of int
        weights : ndarray of shape (n_weights, n_channels)

        Returns
        -------
        values : ndarray of shape (n_samples, channels, height, width)
        """
        values = self._checked_targets(values, input_shape)
        return self._operator(input_shape, weights).transposed(values)

    def inverse(self, targets, input_shape, weights, *, ridge=0.0, method="exact"):
        """Images that give the targets.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_channels, height', width')
            Without the intercepts: the caller subtracts them.
        input_shape : tuple of int
        weights : ndarray of shape (n_weights, n_channels)
        ridge : float, default=0.0
            Damping relative to the mean squared row of the convolution as a matrix.
        method : {"exact", "fourier"}, default="exact"
            "exact" is the damped pseudo-inverse of the convolution as a linear map: by its matrix
            where that is the cheaper way, else by conjugate gradients to a relative residual of
            1e-7 of the normal equations. "fourier" is the paper's: pad the targets with zeros and
            divide by the kernel at each frequency. It also demands zeros where the kernel would
            wrap around the image, and so loses amplitude where channels grow in number.

        Returns
        -------
        inputs : ndarray of shape (n_samples, channels, height, width)

        Raises
        ------
        ValueError
            If the method is unknown, or the targets' shape does not fit.

        Warns
        -----
        ConvergenceWarning
            If the conjugate gradients did not converge.
        """
        targets = self._checked_targets(targets, input_shape)
        operator = self._operator(input_shape, weights)
        ridge = check_ridge(ridge, "Convolution.inverse")
        check_choice(method, ("exact", "fourier"), "method", "Convolution.inverse")
        if method == "exact":
            return operator.inverse(targets, ridge)
        return operator.fourier_inverse(targets, ridge)

    @property
    def _borders(self):
        """Zeros before and after an image's rows and columns."""
        lost = 0 if self.padding == "valid" else self.kernel_size - 1
        return lost // 2, lost - lost // 2

    def _operator(self, input_shape, weights):
        weights = self._checked_weights(weights, self.n_weights(input_shape))
        return ConvolutionOperator(self._kernels(weights), input_shape, self._borders)

    def _padded(self, images):
        return pad(images, *self._borders)

    def _kernels(self, weights):
        size = self.kernel_size
        return np.asarray(weights, dtype=float).T.reshape(self.n_channels, -1, size, size)
