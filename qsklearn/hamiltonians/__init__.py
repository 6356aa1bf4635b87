"""Mathematics between networks and samplers: weights and data to h, J and offsets, and back.

Frozen objects that know no sampler and no randomness.
"""

from qsklearn.hamiltonians._centred_layer import CentredLayer
from qsklearn.hamiltonians._class_unit import (
    class_shifts,
    has_one_hot_ground_state,
    shift_logits,
    smallest_penalty,
)
from qsklearn.hamiltonians._convolution_matrix import (
    convolution_matrix,
    or_pooling,
    pooling_membership,
)
from qsklearn.hamiltonians._family import IsingFamily
from qsklearn.hamiltonians._layer import LayerHamiltonian
from qsklearn.hamiltonians._layered import LayeredHamiltonian
from qsklearn.hamiltonians._sampled_mlp import SampledMLPHamiltonian
from qsklearn.hamiltonians._weight_encoding import WeightEncoding

__all__ = [
    "CentredLayer",
    "IsingFamily",
    "LayerHamiltonian",
    "LayeredHamiltonian",
    "SampledMLPHamiltonian",
    "WeightEncoding",
    "class_shifts",
    "convolution_matrix",
    "has_one_hot_ground_state",
    "or_pooling",
    "pooling_membership",
    "shift_logits",
    "smallest_penalty",
]
