"""Measurements of circuits, verified classically, for searches."""

from __future__ import annotations

from qsklearn._warnings import warn
from qsklearn.circuits._amplification_circuit import (
    AmplificationCircuit,
    measure_settings,
    qubits_of_backend,
)
from qsklearn.circuits._binary_network import BinaryNetwork
from qsklearn.circuits._labelled_patterns import LabelledPatterns
from qsklearn.circuits._search import MeasurementFailure

# From here on a simulator takes minutes for an attempt.
_MANY_QUBITS = 20


def _is_simulator(backend) -> bool:
    name = f"{type(backend).__module__}.{type(backend).__name__}"
    return backend is None or name.startswith("qiskit_aer.") or "Statevector" in name


def _warn_of_time(circuit: AmplificationCircuit, caller: str) -> None:
    listed = ", ".join(f"{size} {name}" for name, size in circuit.registers.items())
    warn(
        f"The circuit of {caller} has {circuit.n_qubits} qubits ({listed}) and some "
        f"{circuit.n_moves:,} gates an iteration. A simulator takes minutes for each attempt, "
        "during which Ctrl-C has no effect. Use sampler='landscape', which draws from the same "
        "law, or fewer 'n_bits', 'n_hidden' or data points."
    )


class CircuitOracle:
    """Runs a circuit for each measurement.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
    backend : qiskit BackendV2, V2 sampler primitive, or None
        None is Aer's statevector simulator.
    rng : numpy.random.Generator
        Seeds simulators.
    caller : str
        The estimator's name, for errors.

    Attributes
    ----------
    best_setting : int or None
        The best that was measured.
    n_circuits : int
        How many were run.
    """

    def __init__(self, network: BinaryNetwork, data: LabelledPatterns, *, backend, rng, caller):
        self.network, self.data = network, data
        self.backend, self.rng, self.caller = backend, rng, caller
        self.n_states = network.n_states
        self.best_setting: int | None = None
        self.n_circuits = 0
        self._best = -1
        self._taken: list[int] = []
        circuit = AmplificationCircuit(network, data)
        circuit.check_size(qubits_of_backend(backend), caller=caller)
        if circuit.n_qubits > _MANY_QUBITS and _is_simulator(backend):
            _warn_of_time(circuit, caller)

    def measure(self, iterations: int, least: int) -> int:
        """Score of a setting measured after amplifying those with at least some score."""
        return self._score(self._run(iterations, least))

    def measure_new(self, iterations: int, least: int) -> int | None:
        """A setting with at least some score that was not returned before."""
        setting = self._run(iterations, least)
        if self._score(setting) < least or setting in self._taken:
            return None
        self._taken.append(setting)
        return setting

    def take(self, setting: int) -> None:
        """Do not return a setting any more."""
        self._taken.append(setting)

    def _score(self, setting: int) -> int:
        outputs = self.network.outputs(self.network.spins([setting]), self.data.patterns)
        score = int(self.data.score(outputs)[0])
        if score > self._best:
            self._best, self.best_setting = score, setting
        return score

    def _run(self, iterations: int, least: int) -> int:
        circuit = AmplificationCircuit(self.network, self.data, least=least, excluded=self._taken)
        seed = int(self.rng.integers(2**31))
        self.n_circuits += 1
        try:
            (setting,) = measure_settings(
                circuit, iterations, 1, backend=self.backend, seed=seed, caller=self.caller
            )
        except (ImportError, MemoryError, TypeError, ValueError):
            raise  # mistakes of ours or the user's
        except Exception as error:  # a backend's own, of which there are many kinds
            raise MeasurementFailure(f"{type(error).__name__}: {error}") from error
        return int(setting)
