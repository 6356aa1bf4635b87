"""Circuits: arithmetic in numpy; Qiskit is imported where a circuit is assembled or run."""

from qsklearn.circuits._backends import run_circuits
from qsklearn.circuits._bit_strings import bytes_of_indices, spins_of_bytes
from qsklearn.circuits._imaginary_time import ImaginaryTimeCircuit, field_angles, pair_angles
from qsklearn.circuits._statevector import evolve_imaginary_time

__all__ = [
    "ImaginaryTimeCircuit",
    "bytes_of_indices",
    "evolve_imaginary_time",
    "field_angles",
    "pair_angles",
    "run_circuits",
    "spins_of_bytes",
]
