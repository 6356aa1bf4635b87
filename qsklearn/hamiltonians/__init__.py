"""Mathematics between networks and samplers: weights and data to h, J and offsets, and back.

Frozen objects that know no sampler and no randomness.
"""

from qsklearn.hamiltonians._centred_layer import CentredLayer
from qsklearn.hamiltonians._family import IsingFamily
from qsklearn.hamiltonians._layer import LayerHamiltonian
from qsklearn.hamiltonians._sampled_mlp import SampledMLPHamiltonian
from qsklearn.hamiltonians._weight_encoding import WeightEncoding

__all__ = [
    "CentredLayer",
    "IsingFamily",
    "LayerHamiltonian",
    "SampledMLPHamiltonian",
    "WeightEncoding",
]
