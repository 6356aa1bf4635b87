"""A piecewise-linear activation."""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from qsklearn._checks import check_reals
from qsklearn.neural_network.layers._base import Layer, check_input_shape

NAMES = ("identity", "leaky_relu", "relu")


@dataclass(frozen=True)
class Activation(Layer):
    """An activation f(x) = γ(x) x, with γ = 1 for x ≥ 0 and a smaller slope α below.

    Parameters
    ----------
    name : {"leaky_relu", "relu", "identity"}, default="leaky_relu"
    negative_slope : float, default=0.01
        The slope α of "leaky_relu", in [0, 1]; "relu" has 0 and "identity" 1, whatever is given.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import Activation
    >>> layer = Activation("leaky_relu", 0.1)
    >>> layer.forward(np.array([[-2.0, 0.0, 2.0]]))
    array([[-0.2,  0. ,  2. ]])
    """

    name: str = "leaky_relu"
    negative_slope: float = 0.01

    def __post_init__(self):
        if not isinstance(self.name, str) or self.name not in NAMES:
            raise ValueError(
                f"The 'name' parameter of Activation must be a str among {{{str(NAMES)[1:-1]}}}. "
                f"Got {self.name!r} instead."
            )
        slope = self.negative_slope
        if not isinstance(slope, Real) or isinstance(slope, bool) or not 0 <= slope <= 1:
            raise ValueError(
                "The 'negative_slope' parameter of Activation must be a number in the range "
                f"[0, 1]. Got {slope!r} instead."
            )
        # Equal functions are equal parameters.
        slope = {"relu": 0.0, "identity": 1.0}.get(self.name, float(slope))
        object.__setattr__(self, "negative_slope", slope)

    def output_shape(self, input_shape):
        """Shape of the outputs of one sample.

        Parameters
        ----------
        input_shape : tuple of int

        Returns
        -------
        tuple of int
            The same shape.
        """
        return check_input_shape(input_shape, "Activation")

    def forward(self, inputs, weights=None, intercepts=None):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, ...)
        weights, intercepts : None
            Not used: there are none.

        Returns
        -------
        outputs : ndarray of the inputs' shape
        """
        inputs = check_reals(inputs, "inputs", "Activation")
        return (
            inputs
            if self.negative_slope == 1
            else np.where(inputs < 0, self.negative_slope * inputs, inputs)
        )

    def slopes(self, inputs):
        """The activation factors γ.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, ...)

        Returns
        -------
        slopes : ndarray of the inputs' shape
            1 where an input is at least 0, and the negative slope elsewhere.
        """
        inputs = check_reals(inputs, "inputs", "Activation.slopes")
        return np.where(inputs < 0, self.negative_slope, 1.0)

    def inverse(self, targets, input_shape, *, slopes=None):
        """Inputs that give the targets.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, ...)
        input_shape : tuple of int
        slopes : ndarray of the targets' shape, default=None
            Activation factors γ to divide by, as in eq. (24), which multiplies targets by 1/α a
            layer. None ignores them, which trains better.

        Returns
        -------
        inputs : ndarray of the targets' shape

        Raises
        ------
        ValueError
            If a slope to divide by is zero.
        """
        targets = self._checked_targets(targets, input_shape)
        if slopes is None:
            return targets
        slopes = check_reals(slopes, "slopes", "Activation.inverse", *targets.shape)
        if not np.all(slopes):
            raise ValueError(
                f"{self!r} cannot be inverted by a division by its slopes: some are zero. Take a "
                "negative_slope > 0, or ignore the activation in the target "
                "(activation_in_target=False)."
            )
        return targets / slopes
