"""A layer that connects all inputs with all outputs."""

from dataclasses import dataclass
from typing import ClassVar

from qsklearn._checks import check_reals
from qsklearn.neural_network.layers._base import Layer, check_input_shape, check_int, check_ridge
from qsklearn.neural_network.layers._inverse import tikhonov_inverse


@dataclass(frozen=True)
class Linear(Layer):
    """A linear layer, outputs = inputs · weights + intercepts.

    Parameters
    ----------
    n_outputs : int
        Number of outputs, at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import Linear
    >>> layer = Linear(2)
    >>> layer.forward(np.ones((1, 3)), np.full((3, 2), 0.5), np.array([0.0, 1.0]))
    array([[1.5, 2.5]])
    """

    n_outputs: int

    is_trainable: ClassVar[bool] = True

    def __post_init__(self):
        object.__setattr__(self, "n_outputs", check_int(self.n_outputs, "n_outputs", "Linear"))

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int
            (n_features,); images are flattened by a `Flatten` layer before.

        Returns
        -------
        tuple of int
            (n_outputs,).

        Raises
        ------
        ValueError
            If the inputs are images.
        """
        input_shape = check_input_shape(input_shape, "Linear")
        if len(input_shape) != 1:
            self._reject_shape(input_shape, "(n_features,); put a Flatten() before it")
        return (self.n_outputs,)

    def n_weights(self, input_shape):
        """Number of weights of an output, without its intercept.

        Parameters
        ----------
        input_shape : tuple of int

        Returns
        -------
        int
        """
        self.output_shape(input_shape)
        return int(input_shape[0])

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, n_features)
        weights : ndarray of shape (n_features, n_outputs)
        intercepts : ndarray of shape (n_outputs,), default=None
            None means zero.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_outputs)
        """
        inputs, _ = self._checked(inputs)
        outputs = inputs @ self._checked_weights(weights, inputs.shape[1])
        if intercepts is not None:
            outputs += self._checked_intercepts(intercepts)
        return outputs

    def rows(self, inputs, out=None):
        """Rows whose products with an output's weights are its values.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, n_features), default=None
            Where to write them.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            The inputs themselves, where there is no `out`.
        """
        inputs, _ = self._checked(inputs)
        if out is None:
            return inputs
        out[...] = inputs
        return out

    def rows_of_outputs(self, outputs):
        """Outputs in the order of the rows.

        Parameters
        ----------
        outputs : ndarray of shape (n_samples, n_outputs)

        Returns
        -------
        values : ndarray of shape (n_samples, n_outputs)
            The outputs themselves.
        """
        return check_reals(outputs, "outputs", "Linear.rows_of_outputs", "n_samples", "n_outputs")

    def transpose(self, values, input_shape, weights):
        """The transpose of the layer as a linear map, as gradients are passed back.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_outputs)
        input_shape : tuple of int
        weights : ndarray of shape (n_features, n_outputs)

        Returns
        -------
        values : ndarray of shape (n_samples, n_features)
        """
        weights = self._checked_weights(weights, self.n_weights(input_shape))
        return self._checked_targets(values, input_shape) @ weights.T

    def inverse(self, targets, input_shape, weights, *, ridge=0.0, method="exact"):
        r"""Inputs x that give the targets t, by a damped pseudo-inverse.

        .. math::

            x = t\,(W^\top W + \lambda)^{-1} W^\top,

        the smallest x of least squared error for λ = 0.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
            Without the intercepts: the caller subtracts them.
        input_shape : tuple of int
        weights : ndarray of shape (n_features, n_outputs)
        ridge : float, default=0.0
            λ relative to the mean of the diagonal of WᵀW.
        method : {"exact", "fourier"}, default="exact"
            Ignored: convolutions alone have two.

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_features)
        """
        targets = self._checked_targets(targets, input_shape)
        weights = self._checked_weights(weights, self.n_weights(input_shape))
        return targets @ tikhonov_inverse(weights.T, check_ridge(ridge, "Linear.inverse"))
