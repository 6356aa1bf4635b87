"""The `layers` parameter of the layered networks, made explicit, layer by layer with its shape.

The annealed networks and their classical twins resolve it here, so that both have the same layers.
"""

import inspect
from numbers import Integral

import numpy as np

from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    Flatten,
    Linear,
    SpectralPool,
)

_IMAGE_LAYERS = (AveragePool, Convolution, SpectralPool)
_METHODS = ("forward", "output_shape", "is_trainable")
_ROWS_AT_ONCE = 1000


def hidden_activation():
    """The activation that follows each hidden layer of a network given by sizes alone."""
    return Activation("leaky_relu", 0.01)


def resolve_layers(layers, image_shape, n_features, n_outputs, caller):
    """The layers of a network in full, each with the shape of its input.

    Parameters
    ----------
    layers : None, sequence of int, or sequence of layer objects
        None or an empty sequence: one linear layer. Sizes of hidden layers, each followed by
        :func:`hidden_activation`, and a linear layer at the end. Layer objects are taken as they
        are; an image is flattened where a linear layer or the network's output needs it.
    image_shape : tuple of int (channels, height, width), or None
        Of the rows of X, where these are images.
    n_features : int
        Of X.
    n_outputs : int
        That the task needs.
    caller : str
        The estimator's name, for errors.

    Returns
    -------
    resolved : tuple of (layer, input_shape)

    Raises
    ------
    TypeError
        If `layers` holds something that is no layer.
    ValueError
        If the layers do not fit each other, the data or the task.

    Examples
    --------
    >>> from qsklearn.neural_network._architecture import resolve_layers
    >>> [shape for _, shape in resolve_layers((5,), None, 8, 3, "this example")]
    [(8,), (5,), (5,)]
    """
    shape = check_image_shape(image_shape, n_features, caller)
    entries = _entries(layers, caller)
    sizes = _are_sizes(entries, caller)
    chain = _from_sizes(entries, n_outputs, caller) if sizes else _checked(entries, caller)
    resolved = []
    for position, layer in enumerate(chain):
        if isinstance(layer, Linear) and len(shape) == 3:
            shape = _append(resolved, Flatten(), shape)
        try:
            shape = _append(resolved, layer, shape)
        except ValueError as error:
            raise ValueError(
                _misfit(position, layer, shape, resolved, image_shape, caller, error)
            ) from error
    _check_end(chain, shape, n_outputs, caller)
    if len(shape) == 3:
        _append(resolved, Flatten(), shape)
    return tuple(resolved)


def _append(resolved, layer, shape):
    """Add a layer and return the shape of its output."""
    output_shape = tuple(layer.output_shape(shape))
    resolved.append((layer, shape))
    return output_shape


def check_image_shape(image_shape, n_features, caller):
    """Shape of the inputs of one data point: ``(n_features,)`` where there are no images.

    Raises
    ------
    ValueError
        If ``image_shape`` is no (channels, height, width) of as many values as X has features.
    """
    if image_shape is None:
        return (n_features,)
    shape = tuple(image_shape) if isinstance(image_shape, list | tuple | np.ndarray) else ()
    if len(shape) != 3 or not all(_is_int(size) and size >= 1 for size in shape):
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must be None or (channels, height, width), "
            f"three ints >= 1. Got {image_shape!r} instead."
        )
    shape = tuple(map(int, shape))
    if np.prod(shape) != n_features:
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must hold as many values as X has features, "
            f"{n_features}. Got {shape} instead, which holds {np.prod(shape)}."
        )
    return shape


def _is_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _entries(layers, caller):
    if layers is None:
        return []
    if isinstance(layers, list | tuple) or (isinstance(layers, np.ndarray) and layers.ndim == 1):
        return list(layers)
    raise TypeError(
        f"The 'layers' parameter of {caller} must be None, a list of the sizes of hidden layers "
        f"such as (64, 32), or a list of layer objects such as [Linear(10)]. Got {layers!r} "
        "instead; a single entry stands in a list as well."
    )


def _are_sizes(entries, caller):
    """Whether the entries are ints (as none at all are), and not layers; both may not be mixed."""
    are_ints = [_is_int(entry) for entry in entries]
    if any(are_ints) and not all(are_ints):
        size, other = are_ints.index(True), are_ints.index(False)
        raise TypeError(
            f"The 'layers' parameter of {caller} must hold either sizes or layer objects, not "
            f"both. Got {entries[size]!r} at position {size} and {entries[other]!r} at position "
            f"{other} instead; write Linear({entries[size]}) for a size among layers."
        )
    return all(are_ints)


def _from_sizes(sizes, n_outputs, caller):
    chain = []
    for position, size in enumerate(sizes):
        if size < 1:
            raise ValueError(
                f"The 'layers' parameter of {caller} must hold sizes >= 1. Got {size} at position "
                f"{position} instead."
            )
        chain += [Linear(int(size)), hidden_activation()]
    return [*chain, Linear(n_outputs)]


def _checked(chain, caller):
    for position, entry in enumerate(chain):
        if inspect.isclass(entry):
            raise TypeError(
                f"The 'layers' parameter of {caller} must hold layer objects. Got the class "
                f"{entry.__name__} at position {position} instead; call it, as in "
                f"{entry.__name__}(...)."
            )
        if not all(hasattr(entry, name) for name in _METHODS):
            raise TypeError(
                f"The 'layers' parameter of {caller} must hold layer objects, such as those of "
                f"qsklearn.neural_network.layers. Got {entry!r} at position {position} instead."
            )
    if not any(layer.is_trainable for layer in chain):
        raise ValueError(
            f"The 'layers' parameter of {caller} must hold a layer with weights, Linear or "
            f"Convolution. Got {chain!r} instead."
        )
    return chain


def _misfit(position, layer, shape, before, image_shape, caller, error):
    """Why a layer does not fit the shape that it gets, and what to do."""
    text = (
        f"The 'layers' parameter of {caller} must hold layers whose shapes fit. Layer {position}, "
        f"{layer!r}, does not fit its input of shape {shape}: {error}"
    )
    needs_images = isinstance(layer, _IMAGE_LAYERS) and len(shape) == 1
    if needs_images and image_shape is None and not any(isinstance(a, Linear) for a, _ in before):
        text += (
            " X holds flat rows: tell the shape of its images by image_shape=(channels, height, "
            "width)."
        )
    return text


def _check_end(chain, shape, n_outputs, caller):
    if np.prod(shape) == n_outputs:
        return
    raise ValueError(
        f"The 'layers' parameter of {caller} must end with as many outputs as the targets need, "
        f"{n_outputs}. Layer {len(chain) - 1}, {chain[-1]!r}, ends with the shape {shape} instead, "
        f"{np.prod(shape)} outputs."
    )


def outputs_of(layers, X):
    """Outputs of a fitted network, without holding all hidden values in memory at once.

    Parameters
    ----------
    layers : sequence of FittedLayer
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
    """
    outputs = []
    for start in range(0, len(X), _ROWS_AT_ONCE):
        values = X[start : start + _ROWS_AT_ONCE].reshape(-1, *layers[0].input_shape)
        for layer in layers:
            values = layer.forward(values)
        outputs.append(values)
    return np.concatenate(outputs)
