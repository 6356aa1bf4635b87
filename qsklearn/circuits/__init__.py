"""Circuits: arithmetic in numpy; Qiskit is imported where a circuit is assembled or run."""

from qsklearn.circuits._amplification import (
    amplified_probabilities,
    best_iterations,
    classical_draws,
    search_law,
    success_probability,
)
from qsklearn.circuits._amplification_circuit import AmplificationCircuit, measure_settings
from qsklearn.circuits._backends import run_circuits
from qsklearn.circuits._batch_oracle import amplify_with_batches
from qsklearn.circuits._binary_network import BinaryNetwork
from qsklearn.circuits._bit_strings import bytes_of_indices, spins_of_bytes
from qsklearn.circuits._imaginary_time import ImaginaryTimeCircuit, field_angles, pair_angles
from qsklearn.circuits._labelled_patterns import LabelledPatterns
from qsklearn.circuits._landscape import Landscape, accuracy_landscape
from qsklearn.circuits._recorded_primitive import RecordedPrimitive
from qsklearn.circuits._search_costs import compare_search_costs, search_curves
from qsklearn.circuits._statevector import evolve_imaginary_time

__all__ = [
    "AmplificationCircuit",
    "BinaryNetwork",
    "ImaginaryTimeCircuit",
    "LabelledPatterns",
    "Landscape",
    "RecordedPrimitive",
    "accuracy_landscape",
    "amplified_probabilities",
    "amplify_with_batches",
    "best_iterations",
    "bytes_of_indices",
    "classical_draws",
    "compare_search_costs",
    "evolve_imaginary_time",
    "field_angles",
    "measure_settings",
    "pair_angles",
    "run_circuits",
    "search_curves",
    "search_law",
    "spins_of_bytes",
    "success_probability",
]
