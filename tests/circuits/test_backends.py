"""Circuits on backends: what is refused, and what a backend may not return."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator

from qsklearn.circuits import run_circuits


def run(circuit, values=None, seeds=(0,), **words):
    values = np.empty((1, 0)) if values is None else values
    return run_circuits(circuit, values, 3, seeds=seeds, caller="the test", **words)


def measured(n_qubits):
    circuit = QuantumCircuit(n_qubits, n_qubits)
    circuit.h(range(n_qubits))
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


def test_no_models_have_no_outcomes():
    circuit = measured(2)
    spins, executed = run(circuit, np.empty((0, 0)), seeds=[])
    assert spins.shape == (0, 3, 2) and spins.dtype == np.int8 and executed is circuit


def test_what_is_no_pass_manager_is_refused():
    with pytest.raises(ValueError, match="must be a Qiskit PassManager or None. Got 'fast'"):
        run(measured(2), pass_manager="fast")


def test_outcomes_are_of_one_register():
    one, two = ClassicalRegister(1, "one"), ClassicalRegister(1, "two")
    circuit = QuantumCircuit(QuantumRegister(2), one, two)
    circuit.measure([0, 1], [0, 1])
    with pytest.raises(
        ValueError, match=r"of one classical register. .* returned \['one', 'two'\]"
    ):
        run(circuit, backend=StatevectorSampler())


def test_a_simulator_that_fails_says_why():
    with pytest.raises(RuntimeError, match="AerSimulator failed: .*[Ii]nsufficient memory"):
        run(measured(18), backend=AerSimulator(method="statevector", max_memory_mb=1))
