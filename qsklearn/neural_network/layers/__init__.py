"""Layers of spin-glass networks: immutable parameter objects, whose weights live elsewhere."""

from qsklearn.neural_network.layers._activation import Activation
from qsklearn.neural_network.layers._average_pool import AveragePool
from qsklearn.neural_network.layers._convolution import Convolution
from qsklearn.neural_network.layers._fitted_layer import FittedLayer
from qsklearn.neural_network.layers._flatten import Flatten
from qsklearn.neural_network.layers._linear import Linear
from qsklearn.neural_network.layers._spectral_pool import SpectralPool

__all__ = [
    "Activation",
    "AveragePool",
    "Convolution",
    "FittedLayer",
    "Flatten",
    "Linear",
    "SpectralPool",
]
