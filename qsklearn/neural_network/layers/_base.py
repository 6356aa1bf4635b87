"""What all layers share: immutable parameter objects without state, and their checks."""

import operator
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from qsklearn._checks import check_integers, check_reals


class Layer(ABC):
    """Base of the layers: frozen dataclasses that can be hashed, compared and cloned.

    A layer holds parameters alone. Its weights are given to its methods and live in the elements
    of an estimator's ``layers_``, each a `FittedLayer`.
    """

    is_trainable: ClassVar[bool] = False

    @abstractmethod
    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of the inputs of one sample.

        Returns
        -------
        tuple of int
        """

    @abstractmethod
    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, *input_shape)
        weights : ndarray of shape (n_weights, n_outputs), default=None
            Of a trainable layer.
        intercepts : ndarray of shape (n_outputs,), default=None
            Of a trainable layer.

        Returns
        -------
        outputs : ndarray of shape (n_samples, *output_shape)
        """

    @abstractmethod
    def inverse(self, targets, input_shape):
        """Inputs that give the targets, as far as there are any.

        Layers take more arguments: trainable ones their weights, activations their slopes.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, *output_shape)
        input_shape : tuple of int

        Returns
        -------
        inputs : ndarray of shape (n_samples, *input_shape)
        """

    def _checked(self, inputs):
        """Inputs as float64, of a shape that the layer takes, and the shape of its outputs."""
        inputs = check_reals(inputs, "inputs", type(self).__name__, ..., "length of the last axis")
        return inputs, self.output_shape(inputs.shape[1:])

    def _checked_targets(self, targets, input_shape):
        targets = check_reals(targets, "targets", type(self).__name__)
        expected = self.output_shape(input_shape)
        if targets.ndim == 0 or targets.shape[1:] != expected:
            raise ValueError(
                f"{self!r} gives outputs of shape {expected} for inputs of shape "
                f"{tuple(input_shape)}. Got targets of shape {targets.shape[1:]} instead."
            )
        return targets

    def _checked_weights(self, weights, n_weights):
        """Weights as float64 of shape (n_weights, n_outputs)."""
        shape = (n_weights, self.n_outputs)
        return check_reals(weights, "weights", type(self).__name__, *shape)

    def _checked_intercepts(self, intercepts):
        """Intercepts as float64 of shape (n_outputs,)."""
        return check_reals(intercepts, "intercepts", type(self).__name__, self.n_outputs)

    def _reject_shape(self, input_shape, expected):
        raise ValueError(
            f"{self!r} takes inputs of shape {expected}. Got the input shape "
            f"{tuple(input_shape)} instead."
        )


def check_input_shape(input_shape, caller):
    """The shape of one sample's inputs as a tuple of ints."""
    return tuple(check_integers(input_shape, "input_shape", caller, "n_axes", low=0).tolist())


def check_int(value, name, caller, low=1):
    """An int of at least low, or an error that names the parameter and its class."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < low:
        raise ValueError(
            f"The '{name}' parameter of {caller} must be an int in the range [{low}, inf). "
            f"Got {value!r} instead."
        )
    return number


def check_pair(value, name, caller):
    """Two ints of at least 1; one int stands for both."""
    n_axes = np.ndim(value) if not isinstance(value, list | tuple) else 1  # it may be ragged
    is_pair = n_axes == 1 and len(value) == 2
    if n_axes != 0 and not is_pair:
        raise ValueError(
            f"The '{name}' parameter of {caller} must be an int or a pair (height, width) in the "
            f"range [1, inf). Got {value!r} instead."
        )
    height, width = value if is_pair else (value, value)
    return check_int(height, name, caller), check_int(width, name, caller)


def check_ridge(ridge, caller):
    """A finite number of at least 0."""
    if not (np.isscalar(ridge) and np.isreal(ridge) and 0 <= ridge < np.inf):
        raise ValueError(
            f"The 'ridge' parameter of {caller} must be a finite number >= 0. Got {ridge!r} "
            "instead."
        )
    return float(ridge)
