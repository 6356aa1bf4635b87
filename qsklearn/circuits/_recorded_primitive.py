"""A sampler primitive whose outcomes are kept in a file, and given back from it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from numbers import Integral
from typing import Any

from qsklearn._memory import check_memory
from qsklearn._optional import import_optional
from qsklearn._recordings import (
    Answer,
    Recording,
    RecordingError,
    RecordingStore,
    key_of,
    new_session,
    plain,
)
from qsklearn.circuits._recorded_circuits import describe_circuit, on_steps

_NAME = "RecordedPrimitive"
_ROOM = "circuits"
_COUNTING = threading.Lock()


class RecordedPrimitive:
    """Keeps what circuits gave on a backend in a file, and gives it back when they run again.

    It is a V2 sampler primitive itself: ``GroverBNNClassifier(sampler=...)``,
    :func:`measure_settings` and :func:`run_circuits` take it. A run that was recorded repeats bit
    for bit without the backend: on another machine, without an account, or in a test.

    Parameters
    ----------
    primitive : V2 sampler primitive, qiskit BackendV2 or None
        What runs the circuits. They are adapted to its backend here, and recorded as they were
        before. None to replay a file of one primitive.
    path : str or path-like
        The file. It is made with the first run, in a folder that is there. Any number of processes
        may share it, and :class:`~qsklearn.samplers.RecordedSampler`.
    mode : {"auto", "record", "replay", "strict"}, default="auto"
        As in :class:`~qsklearn.samplers.RecordedSampler`: asked only for what is missing, recorded
        anew, never asked, or that only with the versions of packages that made the file.

    Raises
    ------
    ImportError
        If Qiskit is not installed.

    See Also
    --------
    qsklearn.samplers.RecordedSampler : The same for samplers of energies.

    Notes
    -----
    A run is found by the circuit's gates, without names, labels and metadata; by the values of its
    parameters and other angles in steps of 2⁻²⁰; by the shots; by who runs it (the classes, the
    backend's name, options); and by how often this object has run the same before, since a
    primitive takes no seed and a search draws one circuit many times. The object counts that, and
    a clone begins at 0: ``cross_validate`` and searches clone the estimator for each fit, and so
    each fit is found again in whatever order and process it comes. It follows that fits which run
    the same circuits in the same order get the same outcomes, as if they shared a ``random_state``.
    To fit one estimator twice goes on counting.

    Runs wait for their outcomes: the job that :meth:`run` returns is done.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from qiskit import QuantumCircuit
    >>> from qiskit.primitives import StatevectorSampler
    >>> from qsklearn.circuits import RecordedPrimitive
    >>> path = Path(tempfile.mkdtemp()) / "coin.recording"
    >>> coin = QuantumCircuit(1)
    >>> _ = coin.h(0)
    >>> coin.measure_all()
    >>> live = RecordedPrimitive(StatevectorSampler(), path)
    >>> drawn = [live.run([coin], shots=20).result()[0].data.meas for _ in range(2)]
    >>> there = RecordedPrimitive(None, path, mode="replay")
    >>> [there.run([coin], shots=20).result()[0].data.meas for _ in range(2)] == drawn
    True
    """

    def __init__(self, primitive, path, mode="auto"):
        self.primitive = primitive
        self.path = path
        self.mode = mode
        self._session = new_session()
        self._counts = {}  # of runs, by their content
        _register(type(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        _register(type(self))

    def __repr__(self) -> str:
        return f"{_NAME}({self.primitive!r}, {str(self.path)!r}, mode={self.mode!r})"

    def __sklearn_clone__(self) -> RecordedPrimitive:
        copy = type(self)(self.primitive, self.path, self.mode)
        copy._session = self._session
        return copy

    @property
    def num_qubits(self) -> int | None:
        """Qubits of the backend, None where nothing says how many."""
        return self._open()[2]["num_qubits"]

    @property
    def seed(self) -> Any:
        """The primitive's, None if it has none."""
        return getattr(self.primitive, "seed", None)

    @property
    def options(self) -> Any:
        """The primitive's, None if it has none."""
        return getattr(self.primitive, "options", None)

    def run(self, pubs: Iterable, *, shots: int | None = None) -> Any:
        """Outcomes of circuits, recorded or new.

        Parameters
        ----------
        pubs : iterable of qiskit pub-like
            Circuits, with values of their parameters, and shots.
        shots : int, default=None
            Of pubs that do not say. None leaves it to the primitive.

        Returns
        -------
        job : object with ``result``
            Which returns a ``qiskit.primitives.PrimitiveResult``.

        Raises
        ------
        RecordingError
            If there are none and none may be asked for, or the file cannot be used.
        MemoryError
            If the machine cannot hold the outcomes.
        """
        containers = import_optional("qiskit.primitives.containers.sampler_pub", _NAME)
        errors = import_optional("qiskit.exceptions", _NAME)
        try:
            coerced = [containers.SamplerPub.coerce(pub, shots) for pub in pubs]
        except (TypeError, ValueError, AttributeError, errors.QiskitError) as error:
            raise ValueError(
                f"The 'pubs' and 'shots' parameters of {_NAME}.run must be circuits as Qiskit's V2 "
                f"sampler primitives take them, and an int >= 1 or None. Qiskit says: {error}"
            ) from error
        recording, source, facts = self._open()
        runs = [_Run.of_pub(pub) for pub in coerced]
        with _Counted(self._counts, runs):
            answers = [recording.find(run.key(source)) for run in runs]
            missing = [n for n, answer in enumerate(answers) if answer is None]
            if missing and not recording.may_ask:
                raise RecordingError(_explain_missing(recording.store, source, runs[missing[0]]))
            if missing:
                _check_outcomes([coerced[n] for n in missing])
                recording.prepare({f"source:{source}": (facts, {})})
                result = self._inner().run([self._adapted(coerced[n]) for n in missing]).result()
                for n, outcome in zip(missing, result, strict=True):
                    answer = _pack(outcome, result.metadata, source, runs[n])
                    answers[n] = recording.keep(runs[n].key(source), answer)
        return _DoneJob(_result(answers, coerced))

    def _open(self) -> tuple[Recording, str, dict[str, Any]]:
        recording = Recording.open(self.path, self.mode, self._session, _NAME)
        if self.primitive is not None or recording.may_ask:
            _check_primitive(self.primitive, recording.may_ask)
            facts = _facts_of(self.primitive)
            source = _name_of(facts["identity"])
        if recording.may_ask:
            return recording, source, facts
        recording.check_there()
        recording.check_versions()
        known = _sources(recording.store)
        if self.primitive is None:
            if len(known) != 1:
                raise RecordingError(
                    f"With primitive=None the recording {str(self.path)!r} must be of one "
                    f"primitive. It is of {', '.join(known) or 'none'}."
                )
            source = next(iter(known))
        if source not in known:
            raise RecordingError(
                f"The recording {str(self.path)!r} has no runs of {source}. It is of "
                f"{', '.join(known) or 'no primitive'}."
            )
        return recording, source, known[source]

    def _inner(self) -> Any:
        providers = import_optional("qiskit.providers", _NAME)
        if not isinstance(self.primitive, providers.BackendV2):
            return self.primitive
        return import_optional("qiskit.primitives", _NAME).BackendSamplerV2(backend=self.primitive)

    def _adapted(self, pub: Any) -> tuple:
        """A pub whose circuit is in the backend's gates and on its qubits."""
        circuit = pub.circuit
        backend = _backend_of(self.primitive)
        target = getattr(backend, "target", None)
        if target is not None and not _fits(circuit, target):
            transpiler = import_optional("qiskit.transpiler", _NAME)
            manager = transpiler.generate_preset_pass_manager(
                optimization_level=1, backend=backend, seed_transpiler=0
            )
            circuit = manager.run(circuit)
        return circuit, pub.parameter_values, pub.shots


@dataclass
class _Run:
    """One circuit with values of its parameters: what is asked."""

    content: bytes
    shots: int | None
    size: dict[str, int]
    occurrence: int = 0

    @classmethod
    def of_pub(cls, pub: Any) -> _Run:
        values = pub.parameter_values.as_array(pub.circuit.parameters)
        shots = None if pub.shots is None else int(pub.shots)  # JSON has no numbers of NumPy
        content = key_of([describe_circuit(pub.circuit), shots], {"values": on_steps(values)})
        size = {
            "qubits": pub.circuit.num_qubits,
            "instructions": len(pub.circuit.data),
            "circuits": pub.size,
        }
        return cls(content, shots, size)

    def key(self, source: str) -> bytes:
        return key_of(["circuit", source, self.content.hex(), self.occurrence], {})

    @property
    def asked(self) -> dict[str, Any]:
        arguments = {"shots": self.shots, "occurrence": self.occurrence}
        return {"model": self.content.hex()[:16], **self.size, "arguments": arguments}


class _Counted:
    """Numbers runs by how often each was asked for before; what fails does not count."""

    def __init__(self, counts: dict[bytes, int], runs: list[_Run]):
        self.counts, self.runs = counts, runs

    def __enter__(self) -> None:
        with _COUNTING:
            for run in self.runs:
                run.occurrence = self.counts.get(run.content, 0)
                self.counts[run.content] = run.occurrence + 1

    def __exit__(self, kind, *_) -> None:
        if kind is not None:
            with _COUNTING:
                for run in self.runs:
                    self.counts[run.content] -= 1


class _DoneJob:
    """A job whose result is there."""

    def __init__(self, result: Any):
        self._result = result

    def result(self) -> Any:
        """What came of it."""
        return self._result

    def done(self) -> bool:
        """Always."""
        return True


def _check_outcomes(pubs: Sequence[Any]) -> None:
    """Refuse shots that no memory holds; None is the primitive's own number."""
    n_bytes = sum(
        (pub.shots or 0) * math.prod(pub.shape) * -(-pub.circuit.num_clbits // 8) for pub in pubs
    )
    check_memory(n_bytes, f"The outcomes of {_NAME}.run", "Ask for fewer shots.")


def _register(kind: type) -> None:
    """Tell Qiskit that it is a primitive: as a base class it would be imported with this file."""
    import_optional("qiskit.primitives", _NAME).BaseSamplerV2.register(kind)


def _check_primitive(primitive: Any, may_ask: bool) -> None:
    primitives = import_optional("qiskit.primitives", _NAME)
    providers = import_optional("qiskit.providers", _NAME)
    if not isinstance(primitive, primitives.BaseSamplerV2 | providers.BackendV2):
        allowed = "" if may_ask else " or None"
        raise ValueError(
            f"The 'primitive' parameter of {_NAME} must be a V2 sampler primitive or a Qiskit "
            f"BackendV2{allowed}. Got {primitive!r} instead."
        )


def _backend_of(primitive: Any) -> Any:
    """The backend of a primitive, or what was given as one; None where nothing says."""
    if hasattr(primitive, "target"):
        return primitive
    backend = getattr(primitive, "backend", None)
    return backend() if callable(backend) else backend


def _fits(circuit: Any, target: Any) -> bool:
    """Whether a circuit is in a target's gates, on its qubits."""
    limit = target.num_qubits
    if limit is not None and circuit.num_qubits > limit:
        return False
    return all(
        instruction.operation.name == "barrier"
        or target.instruction_supported(
            instruction.operation.name,
            tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits),
        )
        for instruction in circuit.data
    )


def _facts_of(primitive: Any) -> dict[str, Any]:
    """What a recording keeps of who runs circuits."""
    backend = _backend_of(primitive)
    if hasattr(primitive, "recording_identity"):
        identity = plain(primitive.recording_identity())
    else:
        options = getattr(primitive, "options", None)
        seed = getattr(primitive, "seed", None)
        identity = {
            "backend": plain(getattr(backend, "name", None)),
            "options": _options(options),
            "seed": seed if isinstance(seed, Integral) else None,
        }
    name = {"class": type(primitive).__name__}
    num_qubits = getattr(backend, "num_qubits", None)
    return {"room": _ROOM, "identity": {**name, **identity}, "num_qubits": num_qubits}


def _options(options: Any) -> Any:
    """Options as JSON, as far as they are; nothing of a backend's own, which are of many kinds."""
    if not is_dataclass(options) or isinstance(options, type):
        return None
    return plain({field.name: getattr(options, field.name) for field in fields(options)})


def _name_of(identity: dict[str, Any]) -> str:
    return f"{identity['class']}-{key_of(identity, {}).hex()[:12]}"


def _sources(store: RecordingStore) -> dict[str, dict[str, Any]]:
    found = {source: store.source(source) for source in store.sources()}
    return {
        source: part[0]
        for source, part in found.items()
        if part is not None and part[0]["room"] == _ROOM
    }


def _pack(outcome: Any, metadata: Any, source: str, run: _Run) -> Answer:
    registers = list(outcome.data.values())
    if not all(hasattr(register, "num_bits") for register in registers):
        raise ValueError(
            f"The 'primitive' of {_NAME} must return bits. It returned "
            f"{[type(register).__name__ for register in registers]} instead."
        )
    facts = {
        "asked": run.asked,
        "info": plain(outcome.metadata),
        "metadata": plain(metadata),
        "bits": [int(register.num_bits) for register in registers],
    }
    arrays = {f"register{n}": register.array for n, register in enumerate(registers)}
    return Answer("circuit", source, facts, arrays)


def _result(answers: Sequence[Any], pubs: list[Any]) -> Any:
    """As a primitive returns it, under the names of the circuits that are here."""
    primitives = import_optional("qiskit.primitives", _NAME)
    results = []
    for answer, pub in zip(answers, pubs, strict=True):
        bits = answer.facts["bits"]
        arrays = [
            primitives.BitArray(answer.arrays[f"register{n}"], size) for n, size in enumerate(bits)
        ]
        names = [register.name for register in pub.circuit.cregs if len(register)]
        data = primitives.DataBin(**dict(zip(names, arrays, strict=True)), shape=pub.shape)
        results.append(primitives.SamplerPubResult(data, metadata=answer.facts["info"]))
    return primitives.PrimitiveResult(
        results, metadata=answers[0].facts["metadata"] if answers else {}
    )


def _explain_missing(store: RecordingStore, source: str, run: _Run) -> str:
    size = ", ".join(f"{count} {name}" for name, count in run.size.items())
    others = [answer.facts["asked"] for _, _, answer in store.answers() if answer.source == source]
    same = sum(other["model"] == run.asked["model"] for other in others)
    if same:
        change = f"{same} of the same: the search was a shorter one, or another object counts"
    elif any(all(other[name] == run.size[name] for name in run.size) for other in others):
        change = "some of that size with other gates or angles: data or random_state differ"
    else:
        change = "none of that size: the network, its data or versions of packages differ"
    return (
        f"The recording {str(store.path)!r} has no outcomes of this run of {source}: {size}; "
        f"shots={run.shots}, run {run.occurrence + 1} of the same. It has {len(others)} runs of "
        f"it, {change}. Record what is missing with mode='auto'."
    )
