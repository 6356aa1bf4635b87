"""Amplitude amplification as Qiskit's circuits: from moves to gates, and signs of states."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

from qsklearn._optional import import_optional
from qsklearn.circuits._network_gates import Move

_CALLER = "AmplificationCircuit"


def empty_circuit(registers: dict[str, int]):
    """A circuit with these registers, in order."""
    qiskit = import_optional("qiskit", _CALLER)
    sizes = registers.items()
    return qiskit.QuantumCircuit(*(qiskit.QuantumRegister(size, name) for name, size in sizes))


def apply_moves(circuit, moves: Sequence[Move]) -> None:
    """Moves as gates that simulators run as they are: NOT, CNOT, Toffoli and MCX gates."""
    for controls, target in moves:
        if controls:
            circuit.mcx(list(controls), target)  # of one and two controls: a CNOT, a Toffoli gate
        else:
            circuit.x(target)


def flip_sign(circuit, qubits: Sequence[int]) -> None:
    """Flip the sign where all of the qubits are |1⟩: everywhere, if there are none."""
    if not qubits:
        circuit.global_phase += pi
        return
    *controls, target = qubits
    if not controls:
        circuit.z(target)
        return
    # A Toffoli-like gate is compiled to fewer gates than a controlled phase: it borrows qubits.
    circuit.h(target)
    circuit.mcx(controls, target)
    circuit.h(target)


def flip_sign_of_state(circuit, qubits: Sequence[int], state: int) -> None:
    """Flip the sign of one state of the qubits, of which the first is the lowest bit."""
    turned: list[Move] = [((), bit) for at, bit in enumerate(qubits) if not (state >> at) & 1]
    apply_moves(circuit, turned)
    flip_sign(circuit, qubits)
    apply_moves(circuit, turned)


def measure_first(circuit, n_qubits: int) -> None:
    """Measure the first qubits into the classical register ``meas``."""
    qiskit = import_optional("qiskit", _CALLER)
    circuit.add_register(qiskit.ClassicalRegister(n_qubits, "meas"))
    circuit.measure(range(n_qubits), range(n_qubits))
