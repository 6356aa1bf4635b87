"""Circuits in a form that finds what was measured of them: without names, labels and metadata."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qsklearn._optional import import_optional
from qsklearn._recordings import canonical

_CALLER = "RecordedPrimitive"
# Angles count in such steps, of radians: below what any device can tell apart.
_STEP = 2.0**-20
_PHASE = 0.3719  # steps do not begin at round numbers
_LIBRARY = (
    "qiskit.circuit.library",
    "qiskit.circuit.measure",
    "qiskit.circuit.barrier",
    "qiskit.circuit.reset",
    "qiskit.circuit.delay",
)


def describe_circuit(circuit: Any) -> list[Any]:
    """A circuit as JSON, equal for circuits that do the same by the same gates.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit

    Raises
    ------
    TypeError
        If an operation in it has no fixed form.
    """
    if circuit.num_parameters:
        circuit = _with_numbered_parameters(circuit)
    return _circuit(circuit)


def on_steps(values: np.ndarray) -> np.ndarray:
    """Angles in whole steps."""
    return np.floor(np.asarray(values, float) / _STEP + _PHASE)


def _with_numbered_parameters(circuit: Any) -> Any:
    """Values are bound in the order of the parameters, whatever their names."""
    parameter = import_optional("qiskit.circuit", _CALLER).Parameter
    names = {old: parameter(f"p{n:06d}") for n, old in enumerate(circuit.parameters)}
    return circuit.assign_parameters(names)


def _circuit(circuit: Any) -> list[Any]:
    place = {
        bit: number for bits in (circuit.qubits, circuit.clbits) for number, bit in enumerate(bits)
    }
    registers = [[place[bit] for bit in register] for register in circuit.cregs]
    instructions = [
        [
            *_operation(instruction.operation),
            [place[bit] for bit in instruction.qubits],
            [place[bit] for bit in instruction.clbits],
        ]
        for instruction in circuit.data
    ]
    sizes = [len(circuit.qubits), len(circuit.clbits)]
    return [sizes, registers, _parameter(circuit.global_phase), instructions]


def _operation(operation: Any) -> list[Any]:
    """What is done, to whichever bits."""
    if getattr(operation, "blocks", None):
        blocks = [_circuit(block) for block in operation.blocks]
        how = [repr(getattr(operation, name, None)) for name in ("condition", "target")]
        return ["flow", operation.name, *how, blocks]
    base = getattr(operation, "base_gate", None)
    if base is not None:
        return ["controlled", operation.num_ctrl_qubits, operation.ctrl_state, _operation(base)]
    kind = getattr(operation, "base_class", type(operation))
    if not kind.__module__.startswith(_LIBRARY):
        definition = getattr(operation, "definition", None)
        if definition is None:
            raise TypeError(
                f"The operation {operation.name!r} of a circuit that is recorded must be one of "
                f"Qiskit's library, or have a definition. Got a {kind.__name__}."
            )
        return ["defined", _circuit(definition)]
    return [kind.__name__, [_parameter(value) for value in operation.params]]


def _parameter(value: Any) -> Any:
    """A gate's parameter: a number, several, or what stands for one that is bound later."""
    if hasattr(value, "parameters") and not hasattr(value, "data"):
        return str(value) if value.parameters else _parameter(complex(value))
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_parameter(entry) for entry in value]
    if isinstance(value, complex):
        return [_angle(value.real), _angle(value.imag)] if value.imag else _angle(value.real)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return canonical(value)
    return _angle(value)


def _angle(value: float) -> int:
    return math.floor(value / _STEP + _PHASE)
