"""Mathematics between networks and samplers: weights and data to h, J and offsets, and back.

Frozen objects that know no sampler and no randomness.
"""

from qsklearn.hamiltonians._family import IsingFamily
from qsklearn.hamiltonians._sampled_mlp import SampledMLPHamiltonian

__all__ = ["IsingFamily", "SampledMLPHamiltonian"]
