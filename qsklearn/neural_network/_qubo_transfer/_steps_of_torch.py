"""PyTorch's sequential modules, read as steps and evaluated on the CPU.

The module is copied, and its copy stays in eval mode; nested Sequentials are flattened.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from torch import nn

from qsklearn.neural_network._qubo_transfer import _steps as steps_of
from qsklearn.neural_network._qubo_transfer._module_states import with_modules, without_modules
from qsklearn.neural_network._qubo_transfer._steps import halved

# Values that one batch may hold at a time: 64 MiB of float32.
_VALUES_AT_ONCE = 2**24

_SKIPPED = (
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)  # fmt: skip
_FLAT_FIRST = (nn.Linear, nn.Unflatten, nn.BatchNorm1d)
_IMAGES_FIRST = (
    nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d,
    nn.BatchNorm2d,
)  # fmt: skip
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_KINDS = {nn.Sigmoid: "logistic", nn.Tanh: "tanh", nn.ReLU: "relu"}
_OTHER_ACTIVATIONS = (
    nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh,
    nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU6, nn.RReLU, nn.SELU, nn.SiLU,
    nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanhshrink, nn.Threshold,
)  # fmt: skip
_ANY_SHAPE = (*_SKIPPED, *_KINDS, *_OTHER_ACTIVATIONS)


@dataclass(frozen=True, eq=False)
class ModuleEvaluator:
    """Values of a sequential module.

    Parameters
    ----------
    module : torch.nn.Sequential
        Flat, on the CPU, in eval mode.
    input_shape : tuple of int
        Of one data point.
    dtype : str
        Of the weights, ``"float32"`` say.
    n_rows : int
        Largest batch.
    caller : str
    """

    module: nn.Sequential
    input_shape: tuple
    dtype: str
    n_rows: int
    caller: str

    def __getstate__(self):
        return without_modules(vars(self))

    def __setstate__(self, state):
        vars(self).update(with_modules(state))

    def __call__(self, X, n_steps):
        """Values after the first steps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_steps : int

        Returns
        -------
        values : ndarray of shape (n_samples, n_values), float64
        """
        X = check_array(X, dtype=np.float64, input_name="X")
        n_features = int(np.prod(self.input_shape))
        if X.shape[1] != n_features:
            raise ValueError(
                f"X has {X.shape[1]} features, but the network that {self.caller} reads is "
                f"expecting {n_features} features as input, of shape {self.input_shape}."
            )
        if n_steps == 0:
            return X
        part = self.module[:n_steps]
        batches = [
            self._values(part, X[start : start + self.n_rows])
            for start in range(0, len(X), self.n_rows)
        ]
        return np.concatenate(batches)

    def _values(self, part, rows):
        with torch.no_grad():
            inputs = torch.tensor(rows, dtype=getattr(torch, self.dtype), device="cpu")
            values = part(inputs.reshape(len(rows), *self.input_shape))
        return values.reshape(len(rows), -1).to(torch.float64).numpy()


def read_module(module, X, image_shape, n_classes, caller):
    """Read a sequential module.

    Parameters
    ----------
    module : torch.nn.Sequential
        It stays as it is.
    X : array-like of shape (n_samples, n_features)
    image_shape : tuple of int or None
        (channels, height, width).
    n_classes : int
    caller : str
        The estimator that reads it, for errors.

    Returns
    -------
    evaluator : ModuleEvaluator
    steps : tuple of Step

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the module has parameters without values.
    ValueError
        If it is no Sequential, does not end in a linear layer with as many outputs as classes,
        does not take X, or has weights that are not finite.
    """
    layers = _copied_layers(module, caller)
    names = [f"layer {name!r} ({_text(layer)})" for name, layer in layers]
    modules = [layer for _, layer in layers]
    _check_weights(modules, names, caller)
    _remove_last_softmax(modules, caller)
    modules[-1] = _with_all_outputs(modules[-1], n_classes, caller)
    input_shape = _input_shape(modules, np.shape(X)[1], image_shape, caller)
    dtype = _dtype(modules)
    shapes = _shapes(modules, names, input_shape, dtype, caller)
    n_rows = max(1, _VALUES_AT_ONCE // max(int(np.prod(shape)) for shape in shapes))
    kind = str(dtype).removeprefix("torch.")
    evaluator = ModuleEvaluator(nn.Sequential(*modules), input_shape, kind, n_rows, caller)
    steps = tuple(
        _step(layer, name, shape)
        for layer, name, shape in zip(modules, names, shapes[:-1], strict=False)
    )
    _check_last(steps[-1], shapes[-1], caller)
    return evaluator, steps


def _copied_layers(module, caller):
    """Names and copies of the layers, on the CPU, in eval mode, without gradients."""
    if not _is(module, nn.Sequential):
        raise ValueError(
            f"The 'estimator' parameter of {caller} must be a torch.nn.Sequential to be read layer "
            f"by layer. Got {type(module).__name__} instead, whose forward can be anything. Put "
            "its layers into a torch.nn.Sequential."
        )
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if nn.parameter.is_lazy(tensor):
            raise NotFittedError(
                f"The 'estimator' parameter of {caller} must be a trained module. Got one whose "
                f"{name!r} has no values yet. Train it first."
            )
    layers = _flattened(deepcopy(module).cpu().eval().requires_grad_(False))
    if not layers:
        raise ValueError(
            f"The 'estimator' parameter of {caller} must be a torch.nn.Sequential that ends in a "
            "Linear layer. Got an empty one."
        )
    return layers


def _text(layer):
    text = str(layer)
    return type(layer).__name__ if "\n" in text else text


def _is(layer, kind):
    """Whether a layer is of a kind and computes as it does."""
    return isinstance(layer, kind) and type(layer).forward is kind.forward


def _is_any(layer, kinds):
    return any(_is(layer, kind) for kind in kinds)


def _flattened(module, prefix=""):
    layers = []
    for position, child in enumerate(module):
        name = f"{prefix}{position}"
        nested = _is(child, nn.Sequential)
        layers += _flattened(child, f"{name}.") if nested else [(name, child)]
    return layers


def _check_weights(modules, names, caller):
    for layer, name in zip(modules, names, strict=True):
        tensors = [*layer.parameters(), *layer.buffers()]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise ValueError(
                f"The 'estimator' parameter of {caller} must have finite weights. Got a module "
                f"with NaN or infinity in {name}. Train it again with a smaller learning rate."
            )
        norms = [part for part in layer.modules() if isinstance(part, _BATCH_NORMS)]
        if any(part.running_mean is None for part in norms):
            raise ValueError(
                f"The 'estimator' parameter of {caller} must give each data point scores of its "
                f"own. Got a module with {name}, which has no running statistics and so mixes the "
                "data points of a batch. Use track_running_stats=True."
            )


def _remove_last_softmax(modules, caller):
    """Take away what follows the last linear layer and does not change the classes' order."""
    ignored = (nn.Softmax, nn.LogSoftmax, nn.Flatten, *_SKIPPED)
    while len(modules) > 1:
        last = modules[-1]
        is_binary = _is(last, nn.Sigmoid) and getattr(modules[-2], "out_features", 0) == 1
        if not (is_binary or _is_any(last, ignored)):
            break
        modules.pop()
    if not _is(modules[-1], nn.Linear):
        raise ValueError(
            f"The 'estimator' parameter of {caller} must be a torch.nn.Sequential that ends in a "
            f"Linear layer (a Softmax or LogSoftmax behind it is ignored). Got {modules[-1]} as "
            "its last layer. End it with Linear(n_features, n_classes)."
        )


def _with_all_outputs(layer, n_classes, caller):
    """The last layer with one output per class."""
    if layer.out_features == 1 and n_classes == 2:
        return _linear_module(halved(_linear(layer, "")), layer.weight.dtype)
    if layer.out_features != n_classes:
        alternative = " (or 1)" if n_classes == 2 else ""
        raise ValueError(
            f"The 'estimator' parameter of {caller} must have as many outputs as y has classes, "
            f"{n_classes}{alternative}. Got a module whose last layer is {layer}."
        )
    return layer


def _linear_module(step, dtype):
    # Without the random weights of a new layer, which would move the global random state.
    module = nn.utils.skip_init(nn.Linear, *step.weights.shape, device="cpu", dtype=dtype)
    module.requires_grad_(False)
    module.weight.copy_(torch.from_numpy(step.weights.T))
    module.bias.copy_(torch.from_numpy(step.bias))
    return module.eval()


def _dtype(modules):
    """The weights' precision; half precision is widened, as the CPU is slow at it."""
    tensors = [tensor for layer in modules for tensor in layer.parameters()]
    if any(tensor.dtype == torch.float64 for tensor in tensors):
        return torch.float64
    for layer in modules:
        layer.float()
    return torch.float32


def _input_shape(modules, n_features, image_shape, caller):
    """Shape of a data point as the module takes it."""
    first = next((layer for layer in modules if not _is_any(layer, _ANY_SHAPE)), modules[-1])
    if image_shape is None:
        if isinstance(first, _IMAGES_FIRST):
            raise ValueError(
                f"The 'image_shape' parameter of {caller} must be (channels, height, width) for a "
                f"module that begins with {first}. Got None instead."
            )
        return (n_features,)
    image_shape = tuple(int(size) for size in image_shape)
    if int(np.prod(image_shape)) != n_features:
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must have as many pixels as X has features, "
            f"{n_features}. Got {image_shape}, which has {int(np.prod(image_shape))}."
        )
    return (n_features,) if _is_any(first, _FLAT_FIRST) else image_shape


def _shapes(modules, names, input_shape, dtype, caller):
    """Shapes of one data point before each layer, and behind the last, by a trial run."""
    shapes = [input_shape]
    values = torch.zeros((2, *input_shape), dtype=dtype, device="cpu")
    for layer, name in zip(modules, names, strict=False):
        try:
            with torch.no_grad():
                values = layer(values)
            if not isinstance(values, torch.Tensor):
                raise TypeError(f"it makes a {type(values).__name__} instead of a tensor")
            if len(values) != 2:
                raise ValueError(f"it makes {len(values)} data points of 2")
            shapes.append(tuple(values.shape[1:]))
        except Exception as error:  # a layer may be anybody's, and raise anything
            raise ValueError(
                f"The 'estimator' parameter of {caller} must take data points of shape "
                f"{input_shape}. Its {name} does not take what comes there, of shape "
                f"{shapes[-1]}: {error}"
            ) from error
    return shapes


def _check_last(step, shape, caller):
    if not isinstance(step, steps_of.Linear):
        raise ValueError(
            f"The 'estimator' parameter of {caller} must give each data point one row of scores. "
            f"Got a module whose outputs have the shape {shape}: put a Flatten before its last "
            "layer."
        )


def _step(layer, name, shape):
    """A layer that takes values of this shape as a step."""
    for kind, read in _READERS.items():
        if _is(layer, kind):
            step = read(layer, name, shape)
            return steps_of.Opaque(name, step) if isinstance(step, str) else step
    if _is_any(layer, _OTHER_ACTIVATIONS):
        return steps_of.Activation(name, str(layer))
    return steps_of.Opaque(name)


# Readers of layers. One that cannot read a layer says why.


def _reshape(layer, name, shape):
    return steps_of.Reshape(name)


def _activation(layer, name, shape):
    return steps_of.Activation(name, next(_KINDS[kind] for kind in _KINDS if _is(layer, kind)))


def _linear(layer, name, shape=(0,)):
    if len(shape) != 1:
        return f"acts on the last axis of values of shape {shape} (put a Flatten before it)"
    return steps_of.Linear(name, _array(layer.weight).T.copy(), _bias(layer, layer.out_features))


def _convolution(layer, name, shape):
    if tuple(layer.dilation) != (1, 1):
        return f"has dilation={layer.dilation}, and only dilation=1 is read"
    if layer.groups != 1:
        return f"has groups={layer.groups}, and only groups=1 is read"
    if layer.padding_mode != "zeros":
        return f"has padding_mode={layer.padding_mode!r}, and only 'zeros' is read"
    padding = layer.padding
    if padding == "valid":
        padding = (0, 0)
    if padding == "same":
        if any(size % 2 == 0 for size in layer.kernel_size):
            return "has padding='same' with a kernel of even size, which pads unequally"
        padding = tuple((size - 1) // 2 for size in layer.kernel_size)
    bias = _bias(layer, layer.out_channels)
    return steps_of.Convolution(
        name, _array(layer.weight), bias, shape, _pair(layer.stride), _pair(padding)
    )


def _max_pool(layer, name, shape):
    if _pair(layer.dilation) != (1, 1):
        return f"has dilation={layer.dilation}, and only dilation=1 is read"
    return _pool(layer, shape) or steps_of.MaxPool(name, shape, *_windows(layer))


def _average_pool(layer, name, shape):
    problem = _pool(layer, shape)
    if problem:
        return problem
    size, stride, padding = _windows(layer)
    divisor = float(np.prod(size)) if layer.count_include_pad else None
    divisor = layer.divisor_override or divisor
    return steps_of.AveragePool(name, shape, size, stride, padding, divisor)


def _pool(layer, shape):
    """What keeps a pool from being read, or None."""
    if layer.ceil_mode:
        return "has ceil_mode=True, and only floor mode is read"
    return None


def _windows(layer):
    stride = layer.kernel_size if layer.stride is None else layer.stride
    return _pair(layer.kernel_size), _pair(stride), _pair(layer.padding)


def _adaptive_pool(kind):
    def read(layer, name, shape):
        wanted = _pair(layer.output_size)
        sizes = [
            there if want is None else want for want, there in zip(wanted, shape[1:], strict=True)
        ]
        if any(there % want for want, there in zip(sizes, shape[1:], strict=True)):
            return f"makes bins of unequal size from values of shape {shape}"
        size = tuple(there // want for want, there in zip(sizes, shape[1:], strict=True))
        return kind(name, shape, size, size, (0, 0))

    return read


def _batch_norm(layer, name, shape):
    variance = _array(layer.running_var) + layer.eps
    factors = _bias(layer, len(variance), "weight", 1.0) / np.sqrt(variance)
    offsets = _bias(layer, len(variance)) - _array(layer.running_mean) * factors
    repeats = int(np.prod(shape[1:]))
    return steps_of.Scaling(name, np.repeat(factors, repeats), np.repeat(offsets, repeats))


def _array(tensor):
    return tensor.detach().to(torch.float64).numpy().copy()


def _bias(layer, size, name="bias", default=0.0):
    tensor = getattr(layer, name)
    return np.full(size, default) if tensor is None else _array(tensor)


def _pair(value):
    values = value if isinstance(value, tuple | list) else (value, value)
    return tuple(values)


_READERS = {
    **dict.fromkeys(_SKIPPED, _reshape),
    nn.Flatten: _reshape,
    nn.Unflatten: _reshape,
    **dict.fromkeys(_KINDS, _activation),
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool(steps_of.AveragePool),
    nn.AdaptiveMaxPool2d: _adaptive_pool(steps_of.MaxPool),
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
}
