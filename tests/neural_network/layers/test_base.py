import pytest

from qsklearn.neural_network import layers
from qsklearn.neural_network.layers._base import Layer

METHODS = ("forward", "inverse", "output_shape")


@pytest.mark.parametrize("left_out", METHODS)
def test_a_layer_must_have_every_method(left_out):
    methods = {name: lambda self: None for name in METHODS}
    assert isinstance(type("Complete", (Layer,), methods)(), Layer)
    del methods[left_out]
    with pytest.raises(TypeError, match=f"abstract class Partial .*abstract method '?{left_out}"):
        type("Partial", (Layer,), methods)()


def test_ours_are_layers():
    names = set(layers.__all__) - {"FittedLayer"}
    assert len(names) == 6
    for name in names:
        assert issubclass(getattr(layers, name), Layer)
        assert not getattr(layers, name).__abstractmethods__
