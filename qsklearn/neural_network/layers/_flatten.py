"""Images as vectors."""

import math
from dataclasses import dataclass

from qsklearn.neural_network.layers._base import Layer, check_input_shape


@dataclass(frozen=True)
class Flatten(Layer):
    """Images as vectors of features, channel by channel and row by row.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import Flatten
    >>> Flatten().output_shape((16, 5, 5))
    (400,)
    """

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int

        Returns
        -------
        tuple of int
            (n_features,).
        """
        return (math.prod(check_input_shape(input_shape, "Flatten")),)

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, ...)
        weights, intercepts : None
            Not used: there are none.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_features)
        """
        inputs, shape = self._checked(inputs)
        return inputs.reshape(len(inputs), *shape)

    def inverse(self, targets, input_shape):
        """The images of vectors.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_features)
        input_shape : tuple of int

        Returns
        -------
        inputs : ndarray of shape (n_samples, *input_shape)
        """
        targets = self._checked_targets(targets, input_shape)
        return targets.reshape(len(targets), *input_shape)
