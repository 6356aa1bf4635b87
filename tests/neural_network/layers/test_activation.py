"""Activations: their values and slopes, and the two inverses."""

import numpy as np
import pytest

from qsklearn.neural_network.layers import Activation

INPUTS = np.array([[-2.0, -0.5, 0.0, 3.0]])


@pytest.mark.parametrize(
    ("layer", "slope"),
    [
        (Activation(), 0.01),
        (Activation("leaky_relu", 0.1), 0.1),
        (Activation("leaky_relu", 0), 0.0),
        (Activation("relu"), 0.0),
        (Activation("relu", 0.5), 0.0),
        (Activation("identity"), 1.0),
    ],
)
def test_outputs_are_slopes_times_inputs(layer, slope):
    assert layer.negative_slope == slope
    assert layer.slopes(INPUTS).tolist() == [[slope, slope, 1.0, 1.0]]
    np.testing.assert_array_equal(layer.forward(INPUTS), layer.slopes(INPUTS) * INPUTS)
    assert layer.output_shape((3, 2, 2)) == (3, 2, 2)


def test_outputs_are_those_of_torch():
    torch = pytest.importorskip("torch")
    inputs = np.random.default_rng(0).normal(size=(5, 4))
    functions = torch.nn.functional
    leaky = functions.leaky_relu(torch.tensor(inputs), 0.2).numpy()
    np.testing.assert_array_equal(Activation("leaky_relu", 0.2).forward(inputs), leaky)
    np.testing.assert_array_equal(
        Activation("relu").forward(inputs), functions.relu(torch.tensor(inputs)).numpy()
    )


def test_the_inverse_ignores_slopes_or_divides_by_them():
    layer = Activation("leaky_relu", 0.1)
    slopes = layer.slopes(INPUTS)
    np.testing.assert_array_equal(layer.inverse(INPUTS, (4,)), INPUTS)
    inverse = layer.inverse(layer.forward(INPUTS), (4,), slopes=slopes)
    np.testing.assert_allclose(inverse, INPUTS, atol=1e-15)


def test_division_by_a_slope_of_zero_is_refused():
    layer = Activation("relu")
    with pytest.raises(ValueError, match=r"Activation\(name='relu'.* cannot be inverted by a div"):
        layer.inverse(INPUTS, (4,), slopes=layer.slopes(INPUTS))


def test_bad_parameters():
    with pytest.raises(ValueError, match="among {'identity', 'leaky_relu', 'relu'}. Got 'tanh'"):
        Activation("tanh")
    for slope in (-0.1, np.nan, np.inf, "0.1", True):
        with pytest.raises(ValueError, match="'negative_slope' parameter of Activation"):
            Activation("leaky_relu", slope)
