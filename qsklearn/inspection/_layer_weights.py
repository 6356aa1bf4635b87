"""Reading the weights of a fitted network, whoever made it, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsklearn.inspection._fitted_estimator import look_inside

_INSIDE = ("module_", "estimator_")
_KINDS = "'coefs_', 'layers_', 'coef_' or 'components_'"


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class LayerWeights:
    """Weights of one layer.

    Parameters
    ----------
    weights : ndarray of shape (n_units, n_inputs) or (n_units, channels, height, width)
        Of each unit; the larger shape is that of kernels.
    image_shape : tuple of int or None
        Of the inputs, where the layer knows them for images.
    """

    weights: np.ndarray
    image_shape: tuple | None = None


def read_layers(estimator, caller):
    """The layers with weights of a fitted estimator, from the inputs on.

    Parameters
    ----------
    estimator : object
        With ``coefs_``, ``layers_``, ``coef_`` or ``components_``, or an estimator or a module that
        has weights inside.
    caller : str
        The public method, for the error.

    Returns
    -------
    owner : object
        The estimator that has them: the given one, or one in it.
    layers : list of LayerWeights
        Not empty.

    Raises
    ------
    ValueError
        If there is nothing to read.
    """
    for owner in look_inside(estimator):
        layers = _read(owner)
        if layers:
            return owner, layers
    raise ValueError(
        f"The 'estimator' parameter of {caller} must have weights of pixels: {_KINDS}, or an "
        "estimator or PyTorch module with weights inside. Got "
        f"{type(estimator).__name__} instead, which has none."
    )


def _read(thing):
    if hasattr(thing, "coefs_"):
        return [LayerWeights(np.asarray(weights, dtype=float).T) for weights in thing.coefs_]
    if hasattr(thing, "layers_"):
        trainable = [
            layer for layer in thing.layers_ if getattr(layer, "weights", None) is not None
        ]
        return [_read_layer(layer) for layer in trainable]
    for name in ("coef_", "components_"):
        weights = getattr(thing, name, None)
        if weights is not None:
            return [LayerWeights(np.atleast_2d(np.asarray(weights, dtype=float)))]
    if hasattr(thing, "named_modules"):
        return _read_modules(thing)
    return _read_inside(thing)


def _read_layer(layer):
    """Of a layer whose outputs are the columns of its weights."""
    weights = np.asarray(layer.weights, dtype=float)
    if weights.ndim == 4:
        return LayerWeights(weights)
    shape = tuple(getattr(layer, "input_shape", ()))
    side = getattr(getattr(layer, "layer", None), "kernel_size", None)
    if side is not None:
        return LayerWeights(weights.T.reshape(-1, shape[0], side, side))
    return LayerWeights(weights.T, shape if len(shape) == 3 else None)


def _read_modules(module):
    """Of PyTorch's layers in their order; vectors, as batch normalisation has, are no weights."""
    values = [getattr(part, "weight", None) for _, part in module.named_modules()]
    arrays = [value.detach().cpu().numpy() for value in values if hasattr(value, "detach")]
    return [LayerWeights(array.astype(float)) for array in arrays if array.ndim in (2, 4)]


def _read_inside(thing):
    inner = [getattr(thing, name) for name in _INSIDE if hasattr(thing, name)]
    for candidate in (one for given in inner for one in look_inside(given)):
        layers = _read(candidate)
        if layers:
            return layers
    return []
