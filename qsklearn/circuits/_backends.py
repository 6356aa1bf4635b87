"""Circuits on Qiskit's backends and V2 sampler primitives, measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from qsklearn._checks import check_instance, check_integer, check_integers, check_reals
from qsklearn._memory import check_memory
from qsklearn._optional import import_optional
from qsklearn.circuits._bit_strings import spins_of_bytes


def run_circuits(
    circuit, parameter_values, num_reads, *, seeds, backend=None, pass_manager=None, caller
):
    """Measure circuits that differ in their parameters alone.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
        With one classical register, which is read.
    parameter_values : array-like of shape (n_models, n_parameters)
        Of no columns for a circuit without parameters.
    num_reads : int
        Shots of each.
    seeds : array-like of int of shape (n_models,)
        For simulators of Aer, on which each circuit runs with its own seed, so that its outcomes
        do not depend on the others. Other backends get the first one where they know
        ``seed_simulator``; a primitive has a seed of its own.
    backend : qiskit BackendV2, V2 sampler primitive, or None
        None is Aer's statevector simulator on one thread. All else gets one job.
    pass_manager : qiskit PassManager, default=None
        Adapts the circuit to the backend, once for all. None: Qiskit's own of optimisation level
        1 for a backend; what a primitive says is its backend counts as one.
    caller : str
        Who asks, for errors.

    Returns
    -------
    spins : ndarray of shape (n_models, num_reads, n_bits), int8
        In the order of the register's bits.
    executed : qiskit.QuantumCircuit
        What ran, with its parameters free.

    Raises
    ------
    ImportError
        If Qiskit, or for None Aer, is not installed.
    ValueError
        If the backend is of no such kind, or returns other outcomes than asked for.

    Examples
    --------
    >>> from qsklearn.circuits import ImaginaryTimeCircuit, run_circuits
    >>> one = ImaginaryTimeCircuit.from_ising([[40.0, -40.0]], [[0.0, 0.0], [0.0, 0.0]], 1.0)
    >>> spins, _ = run_circuits(
    ...     one.to_qiskit(), one.parameter_values, 2, seeds=[0], caller="this example"
    ... )
    >>> spins.tolist()
    [[[-1, 1], [-1, 1]]]
    """
    is_primitive = _check_kind(backend, caller)
    quantum_circuit = import_optional("qiskit", caller).QuantumCircuit
    check_instance(circuit, quantum_circuit, "circuit", caller)
    shape = ("n_models", circuit.num_parameters)
    values = check_reals(parameter_values, "parameter_values", caller, *shape)
    num_reads = check_integer(num_reads, "num_reads", caller, 1)
    seeds = check_integers(seeds, "seeds", caller, len(values), low=0)
    check_memory(num_reads * len(values), f"The outcomes of {caller}", "Ask for fewer reads.")
    if not len(values):
        return np.empty((0, num_reads, circuit.num_clbits), np.int8), circuit
    n_bits = circuit.num_clbits
    executed = _adapt(circuit, backend, is_primitive, pass_manager, int(seeds[0]), caller)
    if backend is None:
        simulator = import_optional("qiskit_aer", caller).AerSimulator
        # Threads cost more than they gain on states this small, and on shared cores always.
        backend = simulator(method="statevector", max_parallel_threads=1)
    if is_primitive:
        spins = _sample(backend, executed, values, num_reads, n_bits, caller)
    elif _is_aer(backend):
        spins = _run_one_by_one(backend, executed, values, num_reads, seeds, n_bits)
    else:
        primitives = import_optional("qiskit.primitives", caller)
        options = {"seed_simulator": int(seeds[0])}
        sampler = primitives.BackendSamplerV2(backend=backend, options=options)
        spins = _sample(sampler, executed, values, num_reads, n_bits, caller)
    expected = (len(values), num_reads, n_bits)
    if spins.shape != expected:
        raise ValueError(
            f"The 'backend' of {caller} must return outcomes of shape {expected} (n_models, "
            f"num_reads, n_bits). {type(backend).__name__} returned {spins.shape} instead."
        )
    return spins, executed


def _check_kind(backend, caller: str) -> bool:
    """Whether it is a primitive."""
    if backend is None:
        return False
    primitives = import_optional("qiskit.primitives", caller)
    providers = import_optional("qiskit.providers", caller)
    is_primitive = isinstance(backend, primitives.BaseSamplerV2)
    if not is_primitive and not isinstance(backend, providers.BackendV2):
        raise ValueError(
            f"The 'backend' parameter of {caller} must be a Qiskit BackendV2 (such as "
            "qiskit_aer.AerSimulator()), a V2 sampler primitive (such as "
            f"qiskit.primitives.StatevectorSampler()) or None. Got {backend!r} instead."
        )
    return is_primitive


def _is_aer(backend) -> bool:
    return type(backend).__module__.startswith("qiskit_aer.")


def _adapt(circuit, backend, is_primitive: bool, pass_manager, seed: int, caller: str):
    """The circuit in a backend's gates and on its qubits."""
    if pass_manager is not None:
        if not hasattr(pass_manager, "run"):
            raise ValueError(
                f"The 'pass_manager' parameter of {caller} must be a Qiskit PassManager or None. "
                f"Got {pass_manager!r} instead."
            )
        return pass_manager.run(circuit)
    target: Any = backend
    if is_primitive:
        target = getattr(backend, "backend", None)
        target = target() if callable(target) else target
    # Aer runs the gates as they are, and much faster than they are transpiled.
    if target is None or not hasattr(target, "target"):
        return circuit
    transpiler = import_optional("qiskit.transpiler", caller)
    manager = transpiler.generate_preset_pass_manager(
        optimization_level=1, backend=target, seed_transpiler=seed
    )
    return manager.run(circuit)


def _sample(sampler, circuit, values, num_reads: int, n_bits: int, caller: str) -> np.ndarray:
    (result,) = sampler.run([(circuit, values)], shots=num_reads).result()
    registers = list(result.data.values())
    if len(registers) != 1 or not hasattr(registers[0], "array"):
        raise ValueError(
            f"The 'backend' of {caller} must return bits of one classical register. "
            f"{type(sampler).__name__} returned {list(result.data.keys())} instead."
        )
    return spins_of_bytes(registers[0].array, n_bits)


def _run_one_by_one(simulator, circuit, values, num_reads, seeds, n_bits: int) -> np.ndarray:
    n_bytes = -(-n_bits // 8)
    spins = np.empty((len(values), num_reads, n_bits), np.int8)
    for model, (angles, seed) in enumerate(zip(values, seeds, strict=True)):
        bound = circuit.assign_parameters(angles)
        job = simulator.run(bound, shots=num_reads, seed_simulator=int(seed), memory=True)
        result = job.result()
        if not result.success:
            raise RuntimeError(f"{type(simulator).__name__} failed: {result.status}")
        # Hexadecimal words in the order of the draws; get_memory would format each as bits.
        words = result.data(0)["memory"]
        packed = b"".join(int(word, 16).to_bytes(n_bytes, "big") for word in words)
        outcomes = np.frombuffer(packed, np.uint8).reshape(num_reads, n_bytes)
        spins[model] = spins_of_bytes(outcomes, n_bits)
    return spins
