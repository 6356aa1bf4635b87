"""What `layers` means, and what is said of layers that do not fit."""

import numpy as np
import pytest

from qsklearn.neural_network._architecture import (
    _ROWS_AT_ONCE,
    hidden_activation,
    outputs_of,
    resolve_layers,
)
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    FittedLayer,
    Flatten,
    Linear,
    SpectralPool,
)

IMAGE = (1, 8, 8)


def resolve(layers, image_shape=None, n_features=64, n_outputs=10):
    return resolve_layers(layers, image_shape, n_features, n_outputs, "Network")


@pytest.mark.parametrize("nothing", [None, (), []])
def test_one_linear_layer(nothing):
    assert resolve(nothing) == ((Linear(10), (64,)),)
    assert resolve(nothing, IMAGE) == ((Flatten(), IMAGE), (Linear(10), (64,)))


@pytest.mark.parametrize("sizes", [(32, 16), [32, 16], np.array([32, 16])])
def test_sizes_make_a_multilayer_perceptron(sizes):
    expected = (
        (Linear(32), (64,)),
        (hidden_activation(), (32,)),
        (Linear(16), (32,)),
        (hidden_activation(), (16,)),
        (Linear(10), (16,)),
    )
    assert resolve(sizes) == expected
    assert resolve(sizes, IMAGE) == ((Flatten(), IMAGE), *expected)


def test_layer_objects_are_taken_as_they_are():
    layers = [
        SpectralPool((7, 7)),
        Convolution(3, 2),
        Activation("relu"),
        AveragePool(2),
        Linear(5),
        Linear(10),
        Activation("identity"),
    ]
    resolved = resolve(layers, IMAGE)
    assert [layer for layer, _ in resolved] == [*layers[:4], Flatten(), *layers[4:]]
    shapes = [IMAGE, (1, 7, 7), (3, 6, 6), (3, 6, 6), (3, 3, 3), (27,), (5,), (10,)]
    assert [shape for _, shape in resolved] == shapes
    own = [*layers[:4], Flatten(), *layers[4:]]
    assert resolve(own, IMAGE) == resolved  # a Flatten of one's own is not doubled
    assert resolve(tuple(layers), IMAGE) == resolved
    assert len(layers) == 7


def test_an_image_of_outputs_is_flattened():
    resolved = resolve([Convolution(10, 8)], IMAGE)
    assert resolved == ((Convolution(10, 8), IMAGE), (Flatten(), (10, 1, 1)))


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (64, TypeError, r"must be None, a list of .* Got 64 instead; a single entry stands in"),
        (Linear(10), TypeError, r"Got Linear\(n_outputs=10\) instead; a single"),
        ("relu", TypeError, "Got 'relu' instead"),
        (np.ones((2, 2), int), TypeError, "must be None, a list of"),
        ([Linear(5), 32], TypeError, r"Got 32 at position 1 and Linear.*0 instead; .*Linear\(32\)"),
        ([32, "relu"], TypeError, "Got 32 at position 0 and 'relu' at position 1"),
        ([Linear(5), "relu", Linear(10)], TypeError, "Got 'relu' at position 1 instead"),
        ([Linear(5), None], TypeError, "Got None at position 1"),
        ([True], TypeError, "Got True at position 0"),
        ([0.5], TypeError, "Got 0.5 at position 0"),
        ([Flatten, Linear(10)], TypeError, r"class Flatten at position 0.*as in Flatten\(\.\."),
        ((32, 0), ValueError, "sizes >= 1. Got 0 at position 1"),
        ((-3,), ValueError, "sizes >= 1. Got -3 at position 0"),
        ([Activation("relu")], ValueError, "must hold a layer with weights"),
        ([Linear(12)], ValueError, r"need, 10\. Layer 0, Linear.* the shape \(12,\) instead, 12"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(layers, error, message):
    with pytest.raises(error, match=message):
        resolve(layers)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Convolution(6, 5), AveragePool(5), Linear(10)], r"Layer 1, Avera.* of shape \(6, 4, 4\)"),
        (
            [Convolution(6, 9), Linear(10)],
            r"Layer 0, Convolution.*9.* of shape \(1, 8, 8\): .*>= 9",
        ),
        ([Linear(20), Convolution(6, 5)], r"Layer 1, Convolution.* of shape \(20,\)"),
        ([SpectralPool((9, 4)), Linear(10)], r"Layer 0, SpectralPool.* of shape \(1, 8, 8\)"),
        ([Convolution(5, 8)], r"need, 10\. Layer 0, .* shape \(5, 1, 1\) instead, 5 outputs"),
    ],
)
def test_shapes_that_do_not_fit_are_named(layers, message):
    with pytest.raises(ValueError, match=message) as caught:
        resolve(layers, IMAGE)
    assert "The 'layers' parameter of Network" in str(caught.value)
    assert "image_shape" not in str(caught.value)


@pytest.mark.parametrize("layer", [Convolution(6, 5), AveragePool(2), SpectralPool((4, 4))])
def test_images_need_their_shape(layer):
    # 64 is a square, which is no reason to guess that the images are.
    with pytest.raises(ValueError, match=r"image_shape=\(channels, height, width\)"):
        resolve([layer, Linear(10)])
    with pytest.raises(ValueError) as caught:
        resolve([Linear(64), layer, Linear(10)])
    assert "image_shape" not in str(caught.value)  # it would not help


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8.0), (1, -8, -8), 64, "abc", (True, 8, 8), None])
def test_shapes_of_images_are_three_ints(shape):
    if shape is None:
        assert resolve(None, shape)
        return
    with pytest.raises(ValueError, match=r"'image_shape' .* \(channels, height, width\), three"):
        resolve(None, shape)


def test_images_must_be_as_large_as_the_rows():
    with pytest.raises(ValueError, match=r"64\. Got \(1, 28, 28\) instead, which holds 784\."):
        resolve(None, (1, 28, 28))
    assert resolve(None, [1, 8, 8]) == resolve(None, np.array(IMAGE)) == resolve(None, IMAGE)


def test_outputs_are_those_of_all_rows_together():
    rng = np.random.default_rng(0)
    chain = resolve([Convolution(2, 3), Activation("relu"), Linear(3)], (1, 4, 5), 20, 3)
    layers = [
        FittedLayer(layer, shape, rng.normal(size=(layer.n_weights(shape), layer.n_outputs)))
        if layer.is_trainable
        else FittedLayer(layer, shape)
        for layer, shape in chain
    ]
    X = rng.normal(size=(2 * _ROWS_AT_ONCE + 3, 20))
    expected = X.reshape(-1, 1, 4, 5)
    for layer in layers:
        expected = layer.forward(expected)
    np.testing.assert_allclose(outputs_of(layers, X), expected, rtol=1e-12, atol=1e-12)
    assert outputs_of(layers, X[:1]).shape == (1, 3)
