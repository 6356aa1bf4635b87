"""Amplitude amplification of a binary network's best weights, as a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, cast

import numpy as np

from qsklearn._checks import check_flag, check_instance, check_integer
from qsklearn._memory import check_memory
from qsklearn._warnings import warn
from qsklearn.circuits import _amplification_assembly as assembly
from qsklearn.circuits._backends import run_circuits
from qsklearn.circuits._binary_network import BinaryNetwork
from qsklearn.circuits._circuit_resources import count_gates
from qsklearn.circuits._labelled_patterns import LabelledPatterns
from qsklearn.circuits._pattern_oracle import PatternOracle

ORACLES = ("counter", "outputs")

_CALLER = "AmplificationCircuit"
_GATE_BYTES = 50  # of Qiskit's, about
_REMEDY = (
    "Use fewer inputs, hidden units or data points, oracle='counter', whose counter grows with the "
    "logarithm of the data, or the landscape, which needs no circuit."
)


@dataclass(frozen=True, eq=False)
class AmplificationCircuit:
    r"""The search of a binary network's weights by amplitude amplification, in gates.

    All settings of the weights start in superposition. Each iteration flips the sign of those that
    are searched for, M of N, and reflects about the start. With :math:`\sin^2\theta = M / N` they
    are measured after k iterations with probability

    .. math:: P_k = \sin^2((2k + 1)\,\theta),

    each with the same. Data take no qubits: the inputs are NOT gates on the weights.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
        Of as many inputs.
    least : int, default=None
        Score from which on a setting is searched for, in the unit of ``data`` and with its base.
        None is the best conceivable one.
    oracle : {"counter", "outputs"}, default="counter"
        "counter" adds up the right outputs in a counter, compares it with ``least`` and undoes all
        of it, so that iterations reflect the weights alone. "outputs" is the paper's: each pattern
        has a qubit for its output, and all are reflected by :math:`Q = -U S_0 U^{-1} S_\chi`. It
        marks only settings without an error, so that ``least`` must be the best conceivable score.
        Patterns with both labels at equal weights count in neither.
    excluded : sequence of int, default=()
        Settings by number that are no longer searched for: their sign is flipped back. With
        ``batches``, in those iterations that mark them.
    batches : sequence of array-likes of int, default=None
        Slots (of ``data.slots``) of one mini-batch for each iteration, which marks what is right on
        all of it, and leaves no output behind. Instead of ``least``.

    Warns
    -----
    UserWarning
        If there are batches: iterations that mark different settings do not add up.

    Raises
    ------
    ValueError
        If the data have other inputs than the network, no setting could have the score, an
        excluded setting is not among those searched for, or a batch is empty or names other slots.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019), sections 4.3, 4.4 (eq. 3) and 5.

    Examples
    --------
    Two units on the eight data points of sign(x1 + x2 + x3). In Qiskit, ``circuit.to_qiskit(6)``
    draws one of the four settings that make no error with probability 0.997.

    >>> from itertools import product
    >>> from qsklearn.circuits import AmplificationCircuit, BinaryNetwork, LabelledPatterns
    >>> rows = list(product([-1, 1], repeat=3))
    >>> data = LabelledPatterns.from_rows(rows, [1 if sum(row) > 0 else -1 for row in rows])
    >>> circuit = AmplificationCircuit(BinaryNetwork(3, 2), data)
    >>> circuit.registers
    {'weights': 8, 'hidden': 2, 'output': 1, 'counter': 4}
    >>> AmplificationCircuit(BinaryNetwork(3, 2), data, oracle="outputs").registers
    {'weights': 8, 'hidden': 2, 'outputs': 8}
    """

    network: BinaryNetwork
    data: LabelledPatterns
    _: KW_ONLY
    least: int | None = None
    oracle: str = "counter"
    excluded: Sequence[int] = ()
    batches: Sequence | None = None

    def __post_init__(self) -> None:
        check_instance(self.network, BinaryNetwork, "network", _CALLER)
        check_instance(self.data, LabelledPatterns, "data", _CALLER)
        if self.data.n_inputs != self.network.n_inputs:
            raise ValueError(
                f"The 'data' parameter of {_CALLER} must have the {self.network.n_inputs} inputs "
                f"of the network. Got {self.data.n_inputs} instead."
            )
        if not isinstance(self.oracle, str) or self.oracle not in ORACLES:
            raise ValueError(
                f"The 'oracle' parameter of {_CALLER} must be one of {ORACLES}. Got "
                f"{self.oracle!r} instead."
            )
        if self.batches is None:
            self._check_least()
        else:
            self._check_batches()
        self._check_excluded()

    def _check_least(self) -> None:
        best = self.data.best_conceivable
        if self.least is None:
            object.__setattr__(self, "least", best)
        elif not isinstance(self.least, Integral) or self.least > best:
            raise ValueError(
                f"The 'least' parameter of {_CALLER} must be an int of at most the best "
                f"conceivable score, {best}, or no setting is searched for. Got {self.least} "
                "instead."
            )
        elif self.oracle == "outputs" and self.least != best:
            raise ValueError(
                f"The 'least' parameter of {_CALLER} must be the best conceivable score, {best}, "
                f"with oracle='outputs', which marks only settings without an error. Got "
                f"{self.least} instead; use oracle='counter'."
            )

    def _check_batches(self) -> None:
        if self.least is not None:
            raise ValueError(
                f"The 'least' parameter of {_CALLER} must be None with batches, which mark what is "
                f"right on all of a batch. Got {self.least} instead."
            )
        n_slots, given = len(self.data.slots[0]), cast(Sequence, self.batches)
        batches = tuple(map(_as_row, given)) if isinstance(given, Iterable) else ()
        if not batches or not all(_are_numbers(batch, n_slots) and len(batch) for batch in batches):
            raise ValueError(
                f"The 'batches' parameter of {_CALLER} must be one sequence or more, each of one "
                f"slot number or more, from 0 to {n_slots - 1}. Got {self.batches} instead."
            )
        object.__setattr__(self, "batches", batches)
        warn(
            "Iterations with different mini-batches mark different settings, and accuracy does not "
            "carry over from one to the next: with 4 of 8 data points each, the largest "
            "probability of success falls from 0.999 to 0.41 on the first problem of the paper. "
            "Without batches all data are seen at once."
        )

    def _check_excluded(self) -> None:
        states = _as_row(self.excluded)
        if not states.size:
            return
        if not _are_numbers(states, self.network.n_states) or len(set(states)) < len(states):
            raise ValueError(
                f"The 'excluded' parameter of {_CALLER} must be different settings from 0 to "
                f"{self.network.n_states - 1}. Got {self.excluded} instead."
            )
        object.__setattr__(self, "excluded", tuple(states.tolist()))
        if self.batches is not None:
            return
        others = states[~self._oracles[0].is_marked(states)].tolist()
        if others:
            raise ValueError(
                f"The 'excluded' parameter of {_CALLER} must be settings that are searched for: to "
                f"flip the sign of others would search for them. Got {others} among them instead."
            )

    @cached_property
    def _oracles(self) -> tuple[PatternOracle, ...]:
        """One for all iterations, or one for each batch."""
        is_counted = self.oracle == "counter"
        if self.batches is None:
            least = cast(int, self.least)
            return (PatternOracle.of_scores(self.network, self.data, least, is_counted),)
        return tuple(
            PatternOracle.of_batch(self.network, self.data, batch, is_counted)
            for batch in self.batches
        )

    @property
    def _reflects_outputs(self) -> bool:
        """Whether U is the whole network, as in the paper."""
        return self.oracle == "outputs" and self.batches is None

    @cached_property
    def registers(self) -> dict[str, int]:
        """Sizes of the registers, in order; of those that are needed."""
        sizes = {"weights": self.network.n_qubits}
        for oracle in self._oracles:
            for name, size in oracle.register_sizes.items():
                sizes[name] = max(size, sizes.get(name, 0))
        return {name: size for name, size in sizes.items() if size}

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return sum(self.registers.values())

    def check_size(self, limit: int | None = None, *, caller: str = _CALLER) -> None:
        """Refuse a circuit that does not fit, before it is built.

        Parameters
        ----------
        limit : int, default=None
            Qubits of a backend. None is a simulator of statevectors on this machine.
        caller : str, default="AmplificationCircuit"
            Who asks, for errors.

        Raises
        ------
        MemoryError
            If the machine has not enough for 16 bytes a state of all qubits.
        ValueError
            If the backend has fewer qubits.
        """
        listed = ", ".join(f"{size} {name}" for name, size in self.registers.items())
        limit = None if limit is None else check_integer(limit, "limit", caller, 0)
        if limit is None:
            thing = f"The statevector of the {self.n_qubits} qubits of {caller} ({listed})"
            check_memory(16 * 2**self.n_qubits, thing, _REMEDY)
        elif self.n_qubits > limit:
            raise ValueError(
                f"The circuit of {caller} must have at most the {limit} qubits of the backend. Got "
                f"{self.n_qubits} ({listed}) instead. {_REMEDY}"
            )

    def to_qiskit(self, iterations: int, *, measure: bool = True):
        """A circuit for Qiskit.

        Parameters
        ----------
        iterations : int
            k. With batches at most as many as these.
        measure : bool, default=True
            Measure the weights into the classical register ``meas``, whose number is then the
            setting.

        Returns
        -------
        qiskit.QuantumCircuit
            Of NOT, Hadamard, Z and multi-controlled NOT gates. Its registers are those of
            :attr:`registers`.

        Raises
        ------
        ImportError
            If Qiskit is not installed.
        ValueError
            If the number of iterations is negative, or of batches too small.
        """
        self._check_iterations(iterations)
        check_flag(measure, "measure", f"{_CALLER}.to_qiskit")
        thing = f"A circuit of {iterations} iterations"
        check_memory(_GATE_BYTES * int(iterations) * max(self.n_moves, 1), thing, "Take fewer.")
        if self.batches is None:
            steps = [self._iterate(self._oracles[0])] * iterations
        else:
            steps = [self._iterate(oracle) for oracle in self._oracles[:iterations]]
        circuit = self._prepare()
        for step in steps:
            circuit.compose(step, inplace=True)
        if measure:
            assembly.measure_first(circuit, self.network.n_qubits)
        return circuit

    def _check_iterations(self, iterations: int) -> None:
        most = np.inf if self.batches is None else len(self.batches)
        is_int = isinstance(iterations, Integral) and not isinstance(iterations, bool)
        if not is_int or not 0 <= iterations <= most:
            allowed = ">= 0" if self.batches is None else f"from 0 to {most}, one for each batch"
            raise ValueError(
                f"The 'iterations' parameter of {_CALLER} must be an int {allowed}. Got "
                f"{iterations!r} instead."
            )

    @property
    def n_moves(self) -> int:
        """Multi-controlled NOT gates of an iteration's oracle, before they are compiled."""
        moves, _ = self._oracles[0].moves(self._qubits)
        return 2 * len(moves)

    @property
    def _qubits(self) -> dict[str, range]:
        qubits, first = {"ancilla": range(0)}, 0
        for name, size in self.registers.items():
            qubits[name] = range(first, first + size)
            first += size
        return qubits

    def _empty(self):
        return assembly.empty_circuit(self.registers)

    def _prepare(self):
        """U: all settings, and with them their outputs where these are reflected, too."""
        circuit = self._empty()
        circuit.h(self._qubits["weights"])
        if self._reflects_outputs:
            assembly.apply_moves(circuit, self._oracles[0].moves(self._qubits)[0])
        return circuit

    def _mark(self, oracle: PatternOracle):
        """Flip the sign of what is searched for; S_chi, where the outputs are there already."""
        circuit = self._empty()
        moves, results = oracle.moves(self._qubits)
        if self._reflects_outputs:
            moves = []
        assembly.apply_moves(circuit, moves)
        assembly.flip_sign(circuit, results)
        assembly.apply_moves(circuit, moves[::-1])
        for state in self.excluded:
            if oracle.is_marked([state])[0]:
                assembly.flip_sign_of_state(circuit, self._qubits["weights"], state)
        return circuit

    def _flip_zero(self):
        """S_0: of all qubits of U, or of the weights where U is but Hadamard gates on them."""
        circuit = self._empty()
        every = range(self.n_qubits)  # the paper's, though all but the weights are at |0> here
        qubits = every if self._reflects_outputs else self._qubits["weights"]
        assembly.flip_sign_of_state(circuit, qubits, 0)
        return circuit

    def _reflect(self):
        """-U S_0 U^-1, the reflection about the start."""
        prepare = self._prepare()
        circuit = prepare.inverse()
        circuit.compose(self._flip_zero(), inplace=True)
        circuit.compose(prepare, inplace=True)
        circuit.global_phase += np.pi
        return circuit

    def _iterate(self, oracle: PatternOracle):
        """Q."""
        circuit = self._mark(oracle)
        circuit.compose(self._reflect(), inplace=True)
        return circuit

    def resources(self) -> list[dict[str, Any]]:
        r"""What the operators cost, compiled to controlled-NOTs and rotations of single qubits.

        Returns
        -------
        rows : list of dict
            With oracle="outputs" of U, S_chi, S_0 and Q; else of the oracle (of the first batch),
            the diffusion :math:`2 |\psi\rangle\langle\psi| - 1` and Q. Keys are ``operator``,
            ``qubits`` (that it acts on), ``depth``, ``two_qubit_gates`` and ``gates``, of compiled
            circuits on qubits that are all connected, at optimisation level 1. Gates may borrow
            qubits that they find idle, and so a part may cost more or less in the whole.

        Raises
        ------
        ImportError
            If Qiskit is not installed.
        """
        first = self._oracles[0]
        mark = self._mark(first)
        if self._reflects_outputs:
            parts = {"U": self._prepare(), "S_chi": mark, "S_0": self._flip_zero()}
        else:
            parts = {"oracle": mark, "diffusion": self._reflect()}
        parts["Q"] = self._iterate(first)
        return [{"operator": name, **count_gates(part, _CALLER)} for name, part in parts.items()]


def measure_settings(
    circuit: AmplificationCircuit,
    iterations: int,
    num_reads: int,
    *,
    backend=None,
    seed: int,
    caller: str = "measure_settings",
) -> np.ndarray:
    """Settings that are measured after some iterations.

    Parameters
    ----------
    circuit : AmplificationCircuit
        Of networks of at most 62 qubits.
    iterations : int
    num_reads : int
        Shots.
    backend : qiskit BackendV2, V2 sampler primitive, or None
        None is Aer's statevector simulator on one thread. See :func:`run_circuits`.
    seed : int
        For simulators; a primitive has a seed of its own.
    caller : str, default="measure_settings"
        Who asks, for errors.

    Returns
    -------
    settings : ndarray of shape (num_reads,), int64
        Their numbers, whose lowest bit is qubit 0.

    Raises
    ------
    ImportError
        If Qiskit, or for None Aer, is not installed.
    MemoryError, ValueError
        If the circuit does not fit; see :meth:`AmplificationCircuit.check_size`.

    Examples
    --------
    One weight, of which -1 turns the input into the label:

    >>> from qsklearn.circuits import AmplificationCircuit, BinaryNetwork, LabelledPatterns
    >>> from qsklearn.circuits import measure_settings
    >>> data = LabelledPatterns.from_rows([[1, 1], [-1, 1]], [-1, -1])
    >>> circuit = AmplificationCircuit(BinaryNetwork(2, 1, output_weights=False), data)
    >>> measure_settings(circuit, 0, 5, seed=0).shape
    (5,)
    """
    if not isinstance(num_reads, Integral) or num_reads < 1:
        raise ValueError(
            f"The 'num_reads' parameter of {caller} must be an int >= 1. Got {num_reads!r} instead."
        )
    check_instance(circuit, AmplificationCircuit, "circuit", caller)
    circuit.check_size(qubits_of_backend(backend), caller=caller)
    assembled = circuit.to_qiskit(iterations)
    spins, _ = run_circuits(
        assembled, np.empty((1, 0)), num_reads, seeds=[seed], backend=backend, caller=caller
    )
    return (spins[0] > 0) @ (1 << np.arange(circuit.network.n_qubits, dtype=np.int64))


def _as_row(given) -> np.ndarray:
    """What may be a row of integers, as an array; of objects where NumPy makes none."""
    try:
        return np.asarray(given)
    except ValueError:  # ragged
        return np.empty(1, object)


def _are_numbers(given: np.ndarray, end: int) -> bool:
    """Whether an array is a row of integers from 0 to below an end."""
    is_integer = given.ndim == 1 and (np.issubdtype(given.dtype, np.integer) or not given.size)
    return is_integer and all(0 <= number < end for number in given.tolist())


def qubits_of_backend(backend) -> int | None:
    """Qubits of a backend, or of what a primitive says is its backend; None if nothing says."""
    backend = getattr(backend, "backend", backend)
    return getattr(backend() if callable(backend) else backend, "num_qubits", None)
