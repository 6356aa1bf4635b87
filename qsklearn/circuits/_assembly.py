"""The circuit as Qiskit's, with its angles as parameters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from qsklearn._optional import import_optional

_CALLER = "ImaginaryTimeCircuit"


def assemble(n_qubits: int, pairs: np.ndarray, *, measure: bool):
    """A parametrised circuit; its parameters are named so that Qiskit keeps their order.

    Circuits of one structure are assembled once: in a training all calls share one. Those that are
    handed out are copies.
    """
    structure = np.ascontiguousarray(pairs, dtype=np.int64)
    return _assemble(n_qubits, structure.tobytes(), measure).copy()


@lru_cache(maxsize=16)
def _assemble(n_qubits: int, structure: bytes, measure: bool):
    qiskit = import_optional("qiskit", _CALLER)
    elements = import_optional("qiskit.circuit", _CALLER)
    pairs = np.frombuffer(structure, np.int64).reshape(-1, 2).tolist()
    # A vector keeps its order; single parameters are sorted by name, "t10" before "t2".
    angles = elements.ParameterVector("angle", n_qubits + 2 * len(pairs))
    circuit = qiskit.QuantumCircuit(qiskit.QuantumRegister(n_qubits, "q"))
    circuit.h(range(n_qubits))
    for qubit in range(n_qubits):
        circuit.ry(angles[qubit], qubit)
    for at, (first, second) in enumerate(pairs):
        _rotate(circuit, first, second, *angles[n_qubits + 2 * at : n_qubits + 2 * at + 2])
    if measure:
        circuit.add_register(qiskit.ClassicalRegister(n_qubits, "meas"))
        circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


def _rotate(circuit, first: int, second: int, theta_1, theta_0) -> None:
    """exp(-i/2 (θ¹ ZY + θ⁰ YZ)) by two controlled-NOTs, of which no fewer will do.

    Single-qubit gates turn ZY into XX and YZ into ZZ; between the two controlled-NOTs these are
    X on the first and Z on the second qubit.
    """
    circuit.h(first)
    circuit.sxdg(first)
    circuit.sdg(second)
    circuit.cx(first, second)
    circuit.rx(theta_1, first)
    circuit.rz(theta_0, second)
    circuit.cx(first, second)
    circuit.sx(first)
    circuit.h(first)
    circuit.s(second)
