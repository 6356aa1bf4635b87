"""Steps of a trained network, and the layers of binary units that they are.

A step is what one layer of scikit-learn or PyTorch does to values of one data point, flat and in
C order. Affine steps fold into each other; logistic and tanh ones are units; all else stays
classical.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from qsklearn._memory import check_memory
from qsklearn.hamiltonians import convolution_matrix, or_pooling, pooling_membership

# kind of activation -> (slope, offset, gain): its values are slope * q + offset of binary units q
# with mean sigmoid(gain * z). tanh(z) = 2 sigmoid(2z) - 1.
_UNITS = {"logistic": (1.0, 0.0, 1.0), "tanh": (2.0, -1.0, 2.0)}

_READINGS = {"logistic": "probability", "tanh": "spin"}


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class Step:
    """What a layer does.

    Parameters
    ----------
    name : str
        Where it stands and what it is, for errors.
    """

    name: str


@dataclass(frozen=True, eq=False)
class Reshape(Step):
    """Values stay as they are, in C order."""


@dataclass(frozen=True, eq=False)
class Opaque(Step):
    """No reading in binary units.

    Parameters
    ----------
    reason : str
        Goes on after "which".
    """

    reason: str = "has no reading in binary units"


@dataclass(frozen=True, eq=False)
class Activation(Step):
    """A function of each value by itself.

    Parameters
    ----------
    kind : str
        ``"logistic"``, ``"tanh"``, ``"relu"``, or the name of another one.
    """

    kind: str = "relu"

    @property
    def reading(self):
        """How its values are read as units: ``"probability"``, ``"spin"`` or ``"none"``."""
        return _READINGS.get(self.kind, "none")


@dataclass(frozen=True, eq=False)
class Linear(Step):
    """values @ weights + bias.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_outputs)
    bias : ndarray of shape (n_outputs,)
    """

    weights: np.ndarray
    bias: np.ndarray

    def affine(self):
        return self.weights, self.bias


@dataclass(frozen=True, eq=False)
class Scaling(Step):
    """values * factors + offsets: a batch normalisation that is not trained any more.

    Parameters
    ----------
    factors, offsets : ndarray of shape (n_values,)
    """

    factors: np.ndarray
    offsets: np.ndarray

    def affine(self):
        return sparse.diags_array(self.factors, format="csr"), self.offsets


@dataclass(frozen=True, eq=False)
class Convolution(Step):
    """A cross-correlation, as ``torch.nn.Conv2d``; its matrix is made when it is asked for.

    Parameters
    ----------
    kernels : ndarray of shape (n_out, n_in, height, width)
    bias : ndarray of shape (n_out,)
    image_shape : tuple of int
        Of what comes in: (n_in, height, width).
    stride, padding : tuple of int
    """

    kernels: np.ndarray
    bias: np.ndarray
    image_shape: tuple
    stride: tuple
    padding: tuple

    def affine(self):
        matrix = convolution_matrix(
            self.kernels, self.image_shape, stride=self.stride, padding=self.padding
        )
        return matrix, np.repeat(self.bias, matrix.shape[1] // len(self.bias))


@dataclass(frozen=True, eq=False)
class Pool(Step):
    """The values of each window become one, channel by channel.

    Parameters
    ----------
    image_shape : tuple of int
        Of what comes in: (channels, height, width).
    size, stride, padding : tuple of int
        Of the windows, as of ``torch.nn.MaxPool2d``.
    """

    image_shape: tuple
    size: tuple
    stride: tuple
    padding: tuple

    def membership(self):
        """Which value is in which window: (n_inputs, n_windows) of zeros and ones."""
        return pooling_membership(self.image_shape, self.size, self.stride, self.padding)


@dataclass(frozen=True, eq=False)
class MaxPool(Pool):
    """The maximum of each window."""


@dataclass(frozen=True, eq=False)
class AveragePool(Pool):
    """The sum of each window over a divisor.

    Parameters
    ----------
    divisor : float or None
        None: the number of values in the window, padding not counted.
    """

    divisor: float | None = None

    def affine(self):
        membership = sparse.csr_array(self.membership(), dtype=float)
        sums = np.asarray(membership.sum(axis=0)).ravel()
        divisors = sums if self.divisor is None else np.full(len(sums), float(self.divisor))
        return membership @ sparse.diags_array(1.0 / divisors), np.zeros(len(sums))


AFFINE = (Linear, Scaling, Convolution, AveragePool)


def composed(steps):
    """Several affine steps, and reshapes between them, as one.

    Parameters
    ----------
    steps : iterable of Step
        At least one of them affine.

    Returns
    -------
    weights : ndarray or csr_array of shape (n_inputs, n_outputs)
    bias : ndarray of shape (n_outputs,)
    """
    chain = None
    for step in steps:
        if not isinstance(step, Reshape):
            chain = _followed_by(chain, step.affine())
    return chain


def _followed_by(chain, following):
    if chain is None:
        return following
    (weights, bias), (next_weights, next_bias) = chain, following
    if not (sparse.issparse(weights) and sparse.issparse(next_weights)):
        _check_size(weights.shape[0], next_weights.shape[1])
    return weights @ next_weights, bias @ next_weights + next_bias


def _check_size(n_inputs, n_outputs):
    check_memory(
        8 * n_inputs * n_outputs,
        f"The {n_inputs} x {n_outputs} weights between two layers of units",
        "Use a smaller network, or mode='clamped', which reads the class scores alone.",
    )


def halved(step):
    """One score l between two classes as the scores (-l/2, l/2), whose softmax is the same law.

    Parameters
    ----------
    step : Linear
        With one output.

    Returns
    -------
    step : Linear
        With two.
    """
    halves = np.array([[-0.5, 0.5]])
    return Linear(step.name, step.weights @ halves, (step.bias[:, np.newaxis] @ halves)[0])


def layer_stack(steps, *, pool_strength, pool_cost, caller):
    """The layers of binary units that a network is, from its inputs to its classes.

    Parameters
    ----------
    steps : sequence of Step
        The last one that is not a reshape is affine.
    pool_strength, pool_cost : float
        A and eps of :func:`~qsklearn.hamiltonians.or_pooling`, with 0 < eps < A.
    caller : str
        The estimator's name, for errors.

    Returns
    -------
    weights : list of ndarray or csr_array, of shapes (n_l, n_{l+1})
        The first from the inputs to the first layer of units, the last to the classes.
    biases : list of ndarray, of shapes (n_{l+1},)
        Of the units that the weights lead to. Where a layer of pools follows, they hold what
        compensates for its weights.

    Raises
    ------
    ValueError
        If a step has no reading in binary units; the text names it.
    """
    stack = _Stack(pool_strength, pool_cost, caller)
    for step in _with_pools_last(steps):
        stack.add(step)
    return stack.close()


def _with_pools_last(steps):
    """The steps less the reshapes, and with each maximum behind a monotone activation.

    sigmoid(max z) = max sigmoid(z), which is the OR of units.
    """
    ordered = [step for step in steps if not isinstance(step, Reshape)]
    for position in range(len(ordered) - 2, -1, -1):
        step, following = ordered[position : position + 2]
        is_unit = isinstance(following, Activation) and following.kind in _UNITS
        if isinstance(step, MaxPool) and is_unit:
            ordered[position : position + 2] = following, step
    return ordered


class _Stack:
    """Layers of units, built from below; `pending` is the affine map since the last of them."""

    def __init__(self, pool_strength, pool_cost, caller):
        self.weights, self.biases = [], []
        self.pending = None
        self.slope, self.offset = 1.0, 0.0  # values are slope * q + offset of the last units q
        self.pool_strength, self.pool_cost = pool_strength, pool_cost
        self.caller = caller

    def add(self, step):
        if isinstance(step, AFFINE):
            self.pending = _followed_by(self.pending, step.affine())
        elif isinstance(step, MaxPool):
            self._add_pools(step)
        elif isinstance(step, Activation) and step.kind in _UNITS:
            self._add_units(step)
        else:
            reason = getattr(step, "reason", "has no reading in binary units")
            raise self._refusal(step, reason)

    def close(self):
        """The layers, with the classes as the last one."""
        self._add_layer(1.0)
        return self.weights, self.biases

    def _add_units(self, step):
        if self.pending is None:
            raise self._refusal(step, "has no weights between it and the layer before it")
        slope, offset, gain = _UNITS[step.kind]
        self._add_layer(gain)
        self.slope, self.offset = slope, offset

    def _add_layer(self, gain):
        weights, bias = self.pending
        sums = np.asarray(weights.sum(axis=0)).ravel()
        self.weights.append(weights * (gain * self.slope))
        self.biases.append(gain * (bias + self.offset * sums))
        self.pending = None

    def _add_pools(self, step):
        if self.pending is not None or not self.weights:
            raise self._refusal(
                step, "takes maxima of other values than those of logistic or tanh units"
            )
        weights, change, biases = or_pooling(step.membership(), self.pool_strength, self.pool_cost)
        self.biases[-1] = self.biases[-1] + change
        self.weights.append(weights)
        self.biases.append(biases)

    def _refusal(self, step, reason):
        return ValueError(
            f"The 'estimator' parameter of {self.caller} must be a network of logistic or tanh "
            "units (with convolutions, pools and linear layers between them) for all its layers "
            f"to become binary units. Got {step.name}, which {reason}. Train such a network, or "
            "use mode='clamped', which reads the class scores alone."
        )
