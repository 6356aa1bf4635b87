"""Torch modules that are made to be transferred to an Ising machine, and their parts.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse
import torch
from torch import nn

# Channels, kernel and stride of the front end's two convolutions for images of at least this
# height and width, and for smaller ones. 16 and 32 channels lift MNIST from .974 (the paper's 8)
# to .987 and cost five seconds an epoch on one core; they are classical, so no qubit is spent.
_LARGE_IMAGE = 15
_LARGE_FRONT = ((16, 5, 2, 0), (32, 5, 1, 0))
_SMALL_FRONT = ((16, 3, 1, 1), (32, 3, 1, 1))
# Convolution whose outputs are sampled: the paper's 8 filters of 5x5, by the stride of 3 that its
# 128 units on 14x14 pixels need. Smaller images would leave one position to that kernel.
_SAMPLED_CHANNELS = 8
_SAMPLED_SMALL_IMAGE = 8

MODES = ("clamped", "float", "drbm", "network")
# What stands between two layers of units and has no weights.
ELEMENTWISE = (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus)
_NO_EFFECT = (nn.Identity, nn.Dropout)
_END = (nn.Softmax, nn.LogSoftmax)


class DRBMParts(NamedTuple):
    """A module read as a front end below a discriminative Boltzmann machine."""

    front: list  # of modules: everything below the hidden units
    hidden: nn.Linear
    classes: nn.Linear


class CoupledLayer(NamedTuple):
    """The couplings between two layers of units."""

    coupling: nn.Module  # Linear or Conv2d
    flattens: bool  # whether the units below are flattened before it


def build_network(n_features, image_shape, n_hidden, n_classes, mode, generator):
    """The network that QUBOTransferClassifier makes where it is given none, initialised.

    Parameters
    ----------
    n_features : int
    image_shape : tuple of (channels, height, width), or None
        With one, the network begins with convolutions: for ``mode="network"`` one whose outputs
        are units that will be sampled, else a classical front end of two.
    n_hidden : tuple of int
        Fully connected hidden layers, from below.
    n_classes : int
    mode : {"clamped", "float", "drbm", "network"}
    generator : torch.Generator or int
        Of the initial weights; an int is a seed.

    Returns
    -------
    module : torch.nn.Sequential
        In single precision.

    Raises
    ------
    ValueError
        If the image does not have n_features values, or the mode needs a hidden layer.
    """
    if mode not in MODES:
        raise ValueError(f"The 'mode' parameter must be one of {MODES}. Got {mode!r} instead.")
    if mode == "drbm" and not n_hidden:
        raise ValueError(
            "The 'n_hidden' parameter must name at least one hidden layer for mode='drbm', whose "
            "last one is summed out. Got () instead."
        )
    layers, width = [], n_features
    if image_shape is not None:
        if math.prod(image_shape) != n_features:
            raise ValueError(
                "The 'image_shape' parameter must hold as many values as X has features, "
                f"{n_features}. Got {tuple(image_shape)!r} instead, which holds "
                f"{math.prod(image_shape)}."
            )
        make = _sampled_convolution if mode == "network" else _front_end
        layers, width = make(tuple(image_shape))
    for size in n_hidden:
        layers += [_blank(nn.Linear, width, size), nn.Sigmoid()]
        width = size
    module = nn.Sequential(*layers, _blank(nn.Linear, width, n_classes))
    _initialise(module, generator)
    return module


def sequential_of_mlp(coefs, intercepts):
    """A multi-layer perceptron with logistic hidden units as a torch module.

    Parameters
    ----------
    coefs : list of ndarray or sparse matrix of shape (n_below, n_above)
        As a fitted ``MLPClassifier``'s ``coefs_``.
    intercepts : list of ndarray of shape (n_above,)
        As its ``intercepts_``.

    Returns
    -------
    module : torch.nn.Sequential
        Linear, Sigmoid, ..., Linear, of the arrays' precision, with copies of the weights. A single
        logistic output z becomes two classes with scores -z/2 and z/2, whose softmax is the same.
    """
    coefs = [c.toarray() if scipy.sparse.issparse(c) else np.array(c) for c in coefs]
    intercepts = [np.array(i) for i in intercepts]
    if coefs[-1].shape[1] == 1:
        coefs[-1] = coefs[-1] * np.array([[-0.5, 0.5]], dtype=coefs[-1].dtype)
        intercepts[-1] = intercepts[-1] * np.array([-0.5, 0.5], dtype=intercepts[-1].dtype)
    layers = []
    for weights, biases in zip(coefs, intercepts, strict=True):
        linear = _blank(nn.Linear, *weights.shape)
        linear.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(weights.T)))
        linear.bias = nn.Parameter(torch.from_numpy(biases))
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


def flat_layers(module):
    """The layers of a Sequential in order, also those of nested ones, without an end that maps
    class scores to probabilities.

    Parameters
    ----------
    module : torch.nn.Sequential

    Returns
    -------
    layers : list of torch.nn.Module
        The last one is a Linear: its outputs are the class scores.

    Raises
    ------
    ValueError
        If the last layer with an effect is not a Linear.
    """
    layers = []
    for layer in module:
        layers += flat_layers_of(layer)
    while layers and isinstance(layers[-1], _NO_EFFECT + _END):
        layers.pop()
    if not layers or not isinstance(layers[-1], nn.Linear):
        raise ValueError(
            "The network must end in a torch.nn.Linear whose outputs are the class scores. Got "
            f"{_names(layers)} instead."
        )
    return layers


def flat_layers_of(layer):
    """A layer as a list: that of its own layers if it is a Sequential."""
    if not isinstance(layer, nn.Sequential):
        return [layer]
    return [inner for child in layer for inner in flat_layers_of(child)]


def linear_layers(module):
    """All fully connected layers of a module, from below.

    Parameters
    ----------
    module : torch.nn.Sequential

    Returns
    -------
    layers : list of torch.nn.Linear
    """
    return [layer for layer in flat_layers_of(module) if isinstance(layer, nn.Linear)]


def drbm_parts(module):
    """A module as front end, hidden units and class unit.

    Parameters
    ----------
    module : torch.nn.Sequential
        Ends in Linear, activation, Linear. The activation is not used: the hidden units are binary.

    Returns
    -------
    DRBMParts

    Raises
    ------
    ValueError
        If it does not end so.
    """
    layers = flat_layers(module)
    last = max((i for i, a in enumerate(layers[:-1]) if isinstance(a, nn.Linear)), default=None)
    between = [] if last is None else layers[last + 1 : -1]
    odd = [layer for layer in between if not isinstance(layer, ELEMENTWISE + _NO_EFFECT)]
    if last is None or odd:
        raise ValueError(
            "A network with hidden units to sum out (mode='drbm') must end in Linear, an "
            f"activation by element such as Sigmoid, and Linear. Got {_names(layers)} instead."
        )
    return DRBMParts(layers[:last], layers[last], layers[-1])


def with_binary_units(module):
    """A module whose last hidden layer is of logistic units: a start for ``objective="drbm"``.

    Tanh units are converted exactly, tanh(z) = 2 sigmoid(2z) - 1; of others the weights are no
    more than a start.

    Parameters
    ----------
    module : torch.nn.Sequential
        As of :func:`drbm_parts`.

    Returns
    -------
    module : torch.nn.Sequential
        With the layers of the front end themselves, and new ones behind them.
    """
    layers = flat_layers(module)
    front, hidden, classes = drbm_parts(module)
    between = layers[len(front) + 1 : -1]
    weights, biases = zip(*map(_detached, (hidden, classes)), strict=True)
    if any(isinstance(layer, nn.Tanh) for layer in between):
        biases = 2 * biases[0], biases[1] - weights[1].sum(dim=1)
        weights = 2 * weights[0], 2 * weights[1]
    return nn.Sequential(
        *front, _linear(weights[0], biases[0]), nn.Sigmoid(), _linear(weights[1], biases[1])
    )


def with_an_output_per_class(module):
    """A module whose single output z, of two classes, is made the scores -z/2 and z/2.

    Parameters
    ----------
    module : torch.nn.Sequential

    Returns
    -------
    module : torch.nn.Sequential
        Itself where it has several outputs.
    """
    *layers, last = flat_layers(module)
    if last.out_features > 1:
        return module
    weight, bias = _detached(last)
    halves = torch.tensor([-0.5, 0.5], dtype=weight.dtype, device=weight.device)
    return nn.Sequential(*layers, _linear(halves[:, None] * weight, halves * bias))


def _detached(layer):
    """Copies of the weights and biases of a Linear; zeros where it has no biases."""
    weight = layer.weight.detach().clone()
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach().clone()
    return weight, bias


def _linear(weight, bias):
    layer = _blank(nn.Linear, weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


def coupled_layers(module):
    """A module of logistic units as couplings between layers of units.

    Parameters
    ----------
    module : torch.nn.Sequential
        Conv2d or Linear, Sigmoid, ..., Linear; Flatten, Identity and Dropout may stand anywhere
        between.

    Returns
    -------
    couplings : list of CoupledLayer
        The first one's inputs are the data.

    Raises
    ------
    ValueError
        If a layer has no reading as binary units; it names the layer.
    """
    couplings, flattens, is_open = [], False, True
    for layer in flat_layers(module):
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1):
            flattens = True
        elif isinstance(layer, nn.Linear | nn.Conv2d) and is_open:
            _check_convolution(layer)
            couplings.append(CoupledLayer(layer, flattens))
            flattens, is_open = False, False
        elif isinstance(layer, nn.Sigmoid) and not is_open:
            is_open = True
        elif not isinstance(layer, _NO_EFFECT):
            raise ValueError(
                "A network to be trained for sampling (mode='network') must consist of Conv2d or "
                "Linear layers with a Sigmoid after each but the last, so that all its units are "
                f"binary. Got {layer!r} instead where that does not fit. Use mode='clamped', which "
                "samples the class unit alone, or FrozenEstimator(module), which trains nothing."
            )
    return couplings


def _check_convolution(layer):
    if isinstance(layer, nn.Conv2d) and (layer.padding_mode != "zeros" or layer.padding == "same"):
        raise ValueError(
            "A convolution between units that are sampled must pad with zeros, by a number of "
            f"pixels. Got {layer!r} instead."
        )


def _front_end(image_shape):
    """Two convolutions and a maximum pool, and how many values come out."""
    channels, height, width = image_shape
    is_large = min(height, width) >= _LARGE_IMAGE
    layers = []
    for n_channels, size, stride, padding in _LARGE_FRONT if is_large else _SMALL_FRONT:
        layers += [_blank(nn.Conv2d, channels, n_channels, size, stride, padding), nn.ReLU()]
        channels = n_channels
        height, width = ((n + 2 * padding - size) // stride + 1 for n in (height, width))
    if min(height, width) >= 2:
        layers += [nn.MaxPool2d(2)]
        height, width = height // 2, width // 2
    return [*layers, nn.Flatten()], channels * height * width


def _sampled_convolution(image_shape):
    """One convolution with logistic units, and how many there are."""
    channels, height, width = image_shape
    is_large = min(height, width) >= _SAMPLED_SMALL_IMAGE
    stride = 3 if is_large else 1
    size = tuple(min(5 if is_large else 3, n) for n in (height, width))
    convolution = _blank(nn.Conv2d, channels, _SAMPLED_CHANNELS, size, stride)
    positions = [(n - k) // stride + 1 for n, k in zip((height, width), size, strict=True)]
    layers = [convolution, nn.Sigmoid(), nn.Flatten()]
    return layers, _SAMPLED_CHANNELS * math.prod(positions)


def _blank(kind, *arguments):
    """A layer without initial weights, which would be drawn from PyTorch's global generator."""
    return nn.utils.skip_init(kind, *arguments)


def _initialise(module, generator):
    """PyTorch's own law of initial weights, uniform within ±1/sqrt(inputs), from a generator."""
    if not isinstance(generator, torch.Generator):
        generator = torch.Generator().manual_seed(int(generator))
    with torch.no_grad():
        for layer in module:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                bound = 1 / math.sqrt(max(1, layer.weight[0].numel()))
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)


def _names(layers):
    return " > ".join(type(layer).__name__ for layer in layers) or "no layer"
