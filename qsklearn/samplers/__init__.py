"""Samplers: from a binary quadratic model, or a family of Ising models as arrays, to states."""

from qsklearn.samplers._annealing import SimulatedAnnealingSampler
from qsklearn.samplers._budget import Budget, BudgetSpent
from qsklearn.samplers._check import check_sampler, get_sampler_names, get_sampler_status
from qsklearn.samplers._descent import steepest_descent
from qsklearn.samplers._device_attempts import DeviceCallFailed
from qsklearn.samplers._dimod import DimodSampler
from qsklearn.samplers._dwave_qpu import DWaveQPUSampler
from qsklearn.samplers._embedded import EmbeddedSampler
from qsklearn.samplers._embeddings import Embedding, find_embedding
from qsklearn.samplers._exact import ExactSampler
from qsklearn.samplers._gibbs import GibbsSampler
from qsklearn.samplers._imaginary_time import ImaginaryTimeCircuitSampler
from qsklearn.samplers._mock_qpu import MockQPUSampler
from qsklearn.samplers._neal import NealSampler
from qsklearn.samplers._partition_function import LogPartitionFunction, log_partition_function
from qsklearn.samplers._path_integral import PathIntegralAnnealingSampler
from qsklearn.samplers._population import PopulationAnnealingSampler
from qsklearn.samplers._qpu_profiles import QPUProfile, get_qpu_profile
from qsklearn.samplers._recorded import RecordedSampler, RecordingError
from qsklearn.samplers._static_offsets import StaticOffsets, estimate_static_offsets
from qsklearn.samplers._target_graph import EmbeddingError, working_graph
from qsklearn.samplers._temperature import EffectiveBeta, estimate_effective_beta
from qsklearn.samplers._tempering import ParallelTemperingSampler
from qsklearn.samplers._uncoupled import UncoupledComposite

__all__ = [
    "Budget",
    "BudgetSpent",
    "DWaveQPUSampler",
    "DeviceCallFailed",
    "DimodSampler",
    "EffectiveBeta",
    "EmbeddedSampler",
    "Embedding",
    "EmbeddingError",
    "ExactSampler",
    "GibbsSampler",
    "ImaginaryTimeCircuitSampler",
    "LogPartitionFunction",
    "MockQPUSampler",
    "NealSampler",
    "ParallelTemperingSampler",
    "PathIntegralAnnealingSampler",
    "PopulationAnnealingSampler",
    "QPUProfile",
    "RecordedSampler",
    "RecordingError",
    "SimulatedAnnealingSampler",
    "StaticOffsets",
    "UncoupledComposite",
    "check_sampler",
    "estimate_effective_beta",
    "estimate_static_offsets",
    "find_embedding",
    "get_qpu_profile",
    "get_sampler_names",
    "get_sampler_status",
    "log_partition_function",
    "steepest_descent",
    "working_graph",
]
