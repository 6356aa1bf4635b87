"""Losses of layered networks and their gradients, by PyTorch.

PyTorch only differentiates: parameters are numpy arrays whose memory its tensors share, so that
what trains them, and what is left after training, needs no PyTorch.
"""

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    Flatten,
    Linear,
    SpectralPool,
)


class TorchNetwork:
    """A network whose loss PyTorch differentiates.

    Parameters
    ----------
    layers : sequence of (layer, input_shape)
        As :func:`~qsklearn.neural_network._architecture.resolve_layers` returns them.
    parameters : list of ndarray
        For each layer with weights, in order: weights (n_weights, n_outputs), and with
        `fit_intercept` intercepts (n_outputs,). They may be changed in place between calls.
    fit_intercept : bool
    loss : {"squared_error", "cross_entropy"}
        Of a data point: the sum over the outputs of their squared errors, or the cross-entropy of
        their softmax.
    caller : str
        The estimator's name, for errors.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If a layer is not one of this package's.
    """

    def __init__(self, layers, parameters, *, fit_intercept, loss, caller):
        self._torch = import_optional("torch", caller)
        self._functions = import_optional("torch.nn.functional", caller)
        dtype = self._torch.from_numpy(parameters[0]).dtype
        self._layers = [
            (_step(layer, input_shape, self._functions, dtype, caller), layer.is_trainable)
            for layer, input_shape in layers
        ]
        self._input_shape = layers[0][1]
        self._tensors = [self._torch.from_numpy(array).requires_grad_() for array in parameters]
        self._fit_intercept = fit_intercept
        self._losses = getattr(self, f"_{loss}")

    def outputs(self, X):
        """Outputs of the network.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), of the parameters' dtype

        Returns
        -------
        outputs : torch.Tensor of shape (n_samples, n_outputs)
        """
        tensors = iter(self._tensors)
        values = self._torch.from_numpy(X).reshape(-1, *self._input_shape)
        for step, is_trainable in self._layers:
            if is_trainable:
                weights = next(tensors)
                values = step(values, weights, next(tensors) if self._fit_intercept else None)
            else:
                values = step(values)
        return values

    def loss_and_gradient(self, X, targets, weights):
        """The weighted loss of some data points and its gradient.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), of the parameters' dtype
        targets : ndarray of shape (n_samples, n_outputs), of the parameters' dtype
        weights : ndarray of shape (n_samples,), of the parameters' dtype

        Returns
        -------
        loss : float
            Mean over the data points of weight times loss.
        gradient : list of ndarray
            Of the loss, shaped as the parameters.
        """
        with self._torch.enable_grad():
            losses = self._losses(self.outputs(X), self._torch.from_numpy(targets))
            loss = (self._torch.from_numpy(weights) * losses).mean()
            gradient = self._torch.autograd.grad(loss, self._tensors)
        return float(loss.detach()), [part.numpy() for part in gradient]

    def _squared_error(self, outputs, targets):
        return ((outputs - targets) ** 2).sum(dim=1)

    def _cross_entropy(self, outputs, targets):
        return self._functions.cross_entropy(outputs, targets, reduction="none")


def _step(layer, input_shape, functions, dtype, caller):
    """A layer as a function of tensors: inputs, and for trainable ones weights and intercepts."""
    for kind, make in _STEPS.items():
        if isinstance(layer, kind):
            return make(layer, input_shape, functions, dtype)
    raise TypeError(
        f"The 'layers' parameter of {caller} must hold layers of qsklearn.neural_network.layers, "
        f"which it knows how to differentiate. Got {layer!r} instead."
    )


def _linear(layer, input_shape, functions, dtype):
    return lambda inputs, weights, intercepts: functions.linear(inputs, weights.T, intercepts)


def _convolution(layer, input_shape, functions, dtype):
    size = layer.kernel_size
    kernel_shape = (layer.n_channels, input_shape[0], size, size)
    before = (size - 1) // 2 if layer.padding == "same" else 0
    after = size - 1 - before if layer.padding == "same" else 0

    def convolve(inputs, weights, intercepts):
        # PyTorch's own padding="same" warns of even kernels, which it pads in the same way.
        padded = functions.pad(inputs, (before, after, before, after))
        return functions.conv2d(padded, weights.T.reshape(kernel_shape), intercepts)

    return convolve


def _activation(layer, input_shape, functions, dtype):
    slope = float(layer.slopes(np.array([[-1.0]]))[0, 0])
    return lambda inputs: functions.leaky_relu(inputs, slope)


def _spectral_pool(layer, input_shape, functions, dtype):
    torch = import_optional("torch", "SpectralPool")
    pixels = input_shape[1] * input_shape[2]
    # The layer is linear and the same for all channels: its images of the pixels are its matrix.
    images = layer.forward(np.eye(pixels).reshape(pixels, 1, *input_shape[1:]))
    matrix = torch.as_tensor(images.reshape(pixels, -1), dtype=dtype)
    return lambda inputs: (inputs.flatten(2) @ matrix).reshape(
        -1, input_shape[0], *images.shape[2:]
    )


def _average_pool(layer, input_shape, functions, dtype):
    return lambda inputs: functions.avg_pool2d(inputs, layer.size)


def _flatten(layer, input_shape, functions, dtype):
    return lambda inputs: inputs.flatten(1)


_STEPS = {
    Linear: _linear,
    Convolution: _convolution,
    Activation: _activation,
    SpectralPool: _spectral_pool,
    AveragePool: _average_pool,
    Flatten: _flatten,
}
