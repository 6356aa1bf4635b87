"""Recipes of layers of networks."""

import numpy as np

from fuzzing.entries import Case, entry, methods_of, read_properties
from qsklearn.neural_network import layers


def _construct(source, kind):
    return {
        "Activation": {
            "name": source.choice("leaky_relu", "relu", "identity"),
            "negative_slope": source.choice(0.01, 0.5, 1.0),
        },
        "AveragePool": {"size": source.choice(1, 2, (1, 2))},
        "Convolution": {
            "n_channels": source.integer(1, 2),
            "kernel_size": source.integer(1, 2),
            "padding": source.choice("valid", "same"),
        },
        "Flatten": {},
        "Linear": {"n_outputs": source.integer(1, 3)},
        "SpectralPool": {"size": source.choice(1, 2, (1, 2))},
    }[kind]


def _shape(source, kind):
    return (3,) if kind == "Linear" else (source.integer(1, 2), 3, source.integer(2, 3))


def _weights(source, layer, shape):
    if not hasattr(layer, "n_weights"):
        return {}
    return {"weights": source.array(layer.n_weights(shape), layer.n_outputs)}


def _arguments(source, method, layer, shape):
    """Of a layer's method, for one of the shapes that it takes."""
    outputs = layer.output_shape(shape)
    inputs, targets = source.array(2, *shape), source.array(2, *outputs)
    weights = _weights(source, layer, shape)
    intercepts = {"intercepts": source.array(layer.n_outputs)} if weights else {}
    damping = (
        {"ridge": source.choice(0.0, 0.1), "method": source.choice("exact", "fourier")}
        if weights
        else {}
    )
    return {
        "forward": {"inputs": inputs, **weights, **intercepts},
        "inverse": {"targets": targets, "input_shape": shape, **weights, **damping},
        "output_shape": {"input_shape": shape},
        "n_weights": {"input_shape": shape},
        "slopes": {"inputs": inputs},
        "rows": {"inputs": inputs},
        "rows_of_outputs": {"outputs": targets},
        "transpose": {"values": targets, "input_shape": shape, **weights},
    }[method]


def _of_layer(source, name):
    kind = name.split(".")[2]
    words = _construct(source, kind)
    if name.endswith(kind):
        return Case(lambda **w: read_properties(getattr(layers, kind)(**w)), words)
    layer, method = getattr(layers, kind)(**words), name.split(".")[-1]
    shape = _shape(source, kind)
    arguments = _arguments(source, method, layer, shape)

    def check(answer):
        if method == "forward":
            assert answer.shape == (2, *layer.output_shape(shape))
        elif method in ("inverse", "transpose"):
            assert answer.shape == (2, *shape)

    return Case(getattr(layer, method), arguments, check)


_KINDS = ("Activation", "AveragePool", "Convolution", "Flatten", "Linear", "SpectralPool")
for _kind in _KINDS:
    _name = f"neural_network.layers.{_kind}"
    for _each in (_name, *(f"{_name}.{method}" for method in methods_of(getattr(layers, _kind)))):
        entry(_each)(lambda source, name=_each: _of_layer(source, name))


@entry(
    "neural_network.layers.FittedLayer",
    "neural_network.layers.FittedLayer.forward",
    "neural_network.layers.FittedLayer.hamiltonian",
    "neural_network.layers.FittedLayer.inverse",
    "neural_network.layers.FittedLayer.with_weights",
)
def _fitted_layer(source, name):
    kind = source.choice("Linear", "Convolution")
    layer, shape = getattr(layers, kind)(**_construct(source, kind)), _shape(source, kind)
    weights = source.rng.normal(size=(layer.n_weights(shape), layer.n_outputs))
    words = {
        "layer": layer,
        "input_shape": shape,
        "weights": weights,
        "intercepts": source.choice(None, source.rng.normal(size=layer.n_outputs)),
    }
    method = name.split(".")[-1]
    if method == "FittedLayer":
        return Case(lambda **w: read_properties(layers.FittedLayer(**w)), words)
    fitted = layers.FittedLayer(**words)
    inputs, targets = source.array(2, *shape), source.array(2, *fitted.output_shape)
    arguments = {
        "forward": {"inputs": inputs},
        "hamiltonian": {
            "inputs": inputs,
            "targets": targets,
            "gains": source.choice(None, abs(targets)),
            "sample_weight": source.choice(None, np.ones(2)),
            "fit_intercept": source.flag(),
            "outputs": source.choice(None, [0]),
            "keep_rows": source.choice(None, True, False),
        },
        "inverse": {
            "targets": targets,
            "ridge": source.choice(0.0, 0.1),
            "method": source.choice("exact", "fourier"),
            "slopes": None,
        },
        "with_weights": {"coefficients": source.choice(weights, np.vstack([weights, weights[:1]]))},
    }[method]
    return Case(getattr(fitted, method), arguments)
