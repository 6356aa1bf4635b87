"""What hidden layers should have put out: targets carried backward through a network's inverse.

Three rules (spin_glass_network.txt, sections 3-4, and difference target propagation): with the
pseudo-inverse W⁺ of a layer above,

- ``"pseudo_inverse"``: t' = W⁺ t, eq. (24);
- ``"difference"``: t' = x + W⁺ (t - W x), which asks for the smallest change of the activity x;
- ``"weighted"``: eq. (24) with the factors β of eqs. (26)-(29) on both sides of the squared error.
"""

from dataclasses import dataclass, replace

import numpy as np

from qsklearn.neural_network.layers import Activation, AveragePool, Convolution, Flatten, Linear

RULES = ("difference", "pseudo_inverse", "weighted")


@dataclass(frozen=True)
class TargetRule:
    """How targets go backward.

    Parameters
    ----------
    name : {"difference", "pseudo_inverse", "weighted"}
    divide_by_slopes : bool
        Whether an activation is inverted too, by a division by its slopes at the current activity.
    scale : "unit", float or None
        ``"unit"`` brings each hidden target to a root mean square of 1, a number amplifies what
        has come through each inverse of a layer with weights.
    inverse : {"exact", "fourier"}
        How convolutions are inverted.
    ridge : float
        Damping of the inverses.
    """

    name: str
    divide_by_slopes: bool
    scale: object
    inverse: str
    ridge: float


@dataclass(frozen=True, eq=False)
class Target:
    """What a layer with weights is fitted to.

    Parameters
    ----------
    values : ndarray of shape (n_samples, *output_shape)
        Compared with the activated output where an activation follows the layer at once.
    factors : ndarray of the same shape, or None
        Factors β that multiply output and target in the squared error.
    """

    values: np.ndarray
    factors: np.ndarray | None = None


def end_of_block(layers, index):
    """Index of the layer after whose output a layer with weights is judged."""
    followed = index + 1 < len(layers) and isinstance(layers[index + 1].layer, Activation)
    return index + 1 if followed else index


def propagate_targets(layers, activity, outputs, rule, sample_weight=None):
    """Targets of all layers with weights.

    Parameters
    ----------
    layers : list of FittedLayer
    activity : list of ndarray
        Input of each layer, and the network's output at the end.
    outputs : ndarray of shape (n_samples, *output_shape)
        What the network should put out.
    rule : TargetRule
    sample_weight : ndarray of shape (n_samples,), default=None
        Counts in the root mean squares of ``scale="unit"``.

    Returns
    -------
    targets : dict of int to Target
        By the index of the layer.
    """
    trainable = [index for index, layer in enumerate(layers) if layer.is_trainable]
    block_of = {end_of_block(layers, index): index for index in trainable}
    target, factors = outputs, None
    targets = {}
    for index in range(len(layers) - 1, trainable[0] - 1, -1):
        if index in block_of:
            targets[block_of[index]] = Target(target, factors)
        if index == trainable[0]:
            break
        layer = layers[index]
        target = _step_back(layer, activity[index], activity[index + 1], target, rule)
        if rule.name == "weighted":
            factors = _factors_below(layers, index, activity, factors)
        if layer.is_trainable:
            target = target * _amplification(target, rule, sample_weight)
    return targets


def _step_back(layer, inputs, outputs, target, rule):
    """The target of a layer's input."""
    slopes = None
    if rule.divide_by_slopes and isinstance(layer.layer, Activation):
        slopes = layer.layer.slopes(inputs)
    arguments = {"ridge": rule.ridge, "method": rule.inverse, "slopes": slopes}
    if rule.name == "difference":  # intercepts shift both sides alike
        return inputs + replace(layer, intercepts=None).inverse(target - outputs, **arguments)
    return layer.inverse(target, **arguments)


def _amplification(target, rule, sample_weight):
    if rule.scale is None:
        return 1.0
    if rule.scale != "unit":
        return rule.scale
    if rule.name == "difference":
        return 1.0  # the activity, of order 1 from the start, has its scale in the target
    size = root_mean_square(target, sample_weight)
    return 1.0 / size if 0 < size < np.inf else 1.0


def root_mean_square(values, sample_weight=None):
    """Root of the mean square, 0 for no values.

    Parameters
    ----------
    values : ndarray of shape (n_samples, ...)
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the samples, not all zero.

    Returns
    -------
    size : float
    """
    largest = np.abs(values).max(initial=0.0)
    if not 0 < largest < np.inf:
        return float(largest)
    squares = np.square(values.reshape(len(values), -1) / largest).mean(axis=1)
    return float(largest * np.sqrt(np.average(squares, weights=sample_weight)))


def _factors_below(layers, index, activity, factors):
    """β of eq. (29) at a layer's input: the sum of the weights above times their slopes."""
    layer = layers[index]
    if isinstance(layer.layer, Activation):
        return None  # the slopes enter at the layer with weights below it
    if not layer.is_trainable:
        return None if factors is None else _spread(layer, factors)
    end = end_of_block(layers, index)
    slopes = np.ones_like(activity[index + 1])
    if end > index:
        slopes = layers[end].layer.slopes(activity[end])
    return _spread(layer, slopes)


def _spread(layer, values):
    """The transpose of a layer as a linear map."""
    if isinstance(layer.layer, Linear | Convolution):
        return layer.layer.transpose(values, layer.input_shape, layer.weights)
    if isinstance(layer.layer, Flatten):
        return values.reshape(len(values), *layer.input_shape)
    if isinstance(layer.layer, AveragePool):
        height, width = layer.layer.size
        return layer.layer.inverse(values, layer.input_shape) / (height * width)
    raise ValueError(
        f"target='weighted' needs linear layers, convolutions, average pools and activations above "
        f"the first layer with weights. Got {layer.layer!r}; take target='difference'."
    )
