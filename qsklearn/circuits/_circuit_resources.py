"""What circuits cost in the gates of a device."""

from __future__ import annotations

from qsklearn._optional import import_optional


def count_gates(circuit, caller: str) -> dict[str, int]:
    """Qubits, depth and gates in the basis of controlled-NOTs and rotations of single qubits.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
    caller : str

    Returns
    -------
    counts : dict of str to int
        ``qubits`` that it acts on; ``depth``, ``two_qubit_gates`` and ``gates`` when compiled for
        qubits that are all connected.
    """
    qiskit = import_optional("qiskit", caller)
    # Within a longer circuit no qubit is known to be |0>; gates borrow those that are idle.
    compiled = qiskit.transpile(
        circuit, basis_gates=["cx", "u"], optimization_level=1, seed_transpiler=0,
        qubits_initially_zero=False,
    )  # fmt: skip
    names = compiled.count_ops()
    return {
        "qubits": len({qubit for gate in circuit.data for qubit in gate.qubits}),
        "depth": compiled.depth(),
        "two_qubit_gates": names.get("cx", 0),
        "gates": sum(names.values()),
    }
