"""PyTorch's modules in what is saved: as attributes and arrays, without a name of PyTorch's code.

A pickle of a module holds functions of PyTorch that rebuild it, which skops refuses for good
reasons. A module that is made of PyTorch's own layers alone is told by their names, plain
attributes and arrays.
"""

from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from qsklearn._private_api import has_hooks, tensors_of

_LAYER = "torch.nn layer"


def without_modules(state):
    """A state to be saved, whose modules are dicts of plain values and arrays.

    Parameters
    ----------
    state : dict
        Of attributes. Modules may be in a FrozenEstimator.

    Returns
    -------
    state : dict
        One that holds a layer of somebody's own keeps that module: nobody but pickle can tell what
        it is.
    """
    told: dict[int, Any] = {}  # what is one module before is one after
    return {name: _without(value, told) for name, value in state.items()}


def with_modules(state):
    """What :func:`without_modules` was given.

    Parameters
    ----------
    state : dict

    Returns
    -------
    state : dict
    """
    built: dict[int, Any] = {}
    return {name: _with(value, built) for name, value in state.items()}


def _without(value, told):
    if id(value) not in told:
        told[id(value)] = _tell(value, told)
    return told[id(value)]


def _tell(value, told):
    if isinstance(value, FrozenEstimator):
        inner = _without(value.estimator, told)
        return value if inner is value.estimator else FrozenEstimator(inner)
    if any(base.__module__.partition(".")[0] == "torch" for base in type(value).__mro__):
        from torch import nn

        if isinstance(value, nn.Module) and all(map(_is_plain, value.modules())):
            return _layer_to_dict(value)
    return value


def _with(value, built):
    if id(value) not in built:
        built[id(value)] = _rebuild(value, built)
    return built[id(value)]


def _rebuild(value, built):
    if isinstance(value, FrozenEstimator):
        inner = _with(value.estimator, built)
        return value if inner is value.estimator else FrozenEstimator(inner)
    return _layer_from_dict(value) if isinstance(value, dict) and _LAYER in value else value


def _is_plain(layer):
    """Whether a layer is PyTorch's, and its attributes and arrays tell all of it."""
    from torch import nn

    kind = type(layer)
    tensors = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    return (
        getattr(nn, kind.__name__, None) is kind
        and not has_hooks(layer)
        and not any(nn.parameter.is_lazy(tensor) for tensor in tensors)
        and all(_is_value(value) for value in _attributes(layer).values())
        and all(_has_type_of_numpy(tensor) for tensor in tensors)
    )


def _is_value(value):
    if isinstance(value, list | tuple):
        return all(map(_is_value, value))
    return value is None or isinstance(value, bool | int | float | str)


def _has_type_of_numpy(tensor):
    return str(tensor.dtype).removeprefix("torch.") in np.sctypeDict


def _attributes(layer):
    """What a layer has beyond the machinery that all modules have."""
    from torch import nn

    return {name: value for name, value in vars(layer).items() if name not in vars(nn.Module())}


def _layer_to_dict(layer):
    parameters, buffers = tensors_of(layer)
    return {
        _LAYER: type(layer).__name__,
        "training": layer.training,
        "attributes": _attributes(layer),
        "parameters": {name: _array(tensor) for name, tensor in parameters.items()},
        "needs_gradient": [
            name for name, tensor in parameters.items()
            if tensor is not None and tensor.requires_grad
        ],
        "buffers": {name: _array(tensor) for name, tensor in buffers.items()},
        "layers": {name: _layer_to_dict(child) for name, child in layer.named_children()},
    }  # fmt: skip


def _layer_from_dict(told):
    from torch import nn

    kind = getattr(nn, told[_LAYER])
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise TypeError(f"A saved network names {told[_LAYER]!r}, which is no layer of torch.nn.")
    layer = kind.__new__(kind)
    nn.Module.__init__(layer)
    vars(layer).update(told["attributes"], training=told["training"])
    for name, array in told["parameters"].items():
        needs_gradient = name in told["needs_gradient"]
        parameter = None if array is None else nn.Parameter(_tensor(array), needs_gradient)
        layer.register_parameter(name, parameter)
    for name, array in told["buffers"].items():
        layer.register_buffer(name, _tensor(array))
    for name, child in told["layers"].items():
        layer.add_module(name, _layer_from_dict(child))
    return layer


def _array(tensor):
    return None if tensor is None else tensor.detach().cpu().numpy()


def _tensor(array):
    import torch

    return None if array is None else torch.from_numpy(np.array(array))
