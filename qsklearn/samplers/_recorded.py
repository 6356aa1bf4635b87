"""A sampler whose calls are kept in a file, and given back from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dimod
import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import is_among
from qsklearn._recordings import Answer, Recording, RecordingError, new_session
from qsklearn.samplers._bias_doors import BiasDoors
from qsklearn.samplers._pickling import make_picklable
from qsklearn.samplers._recorded_answers import (
    Packed,
    pack_levels,
    pack_sampleset,
    pack_states,
    unpack_levels,
    unpack_sampleset,
    unpack_states,
)
from qsklearn.samplers._recorded_calls import Call, call_of_arrays, call_of_levels, call_of_model
from qsklearn.samplers._recorded_identity import identity_of, name_of, tells_identity
from qsklearn.samplers._recorded_reasons import explain_missing
from qsklearn.samplers._recorded_sources import SourceFacts, facts_in_file, find_source

_NAME = "RecordedSampler"
__all__ = ["RecordedSampler", "RecordingError"]


@dataclass
class _Opened:
    """What was found out about a file and a sampler, for as long as both stay the same."""

    signature: tuple
    recording: Recording
    source: str
    facts: SourceFacts
    is_from_file: bool
    is_compared: bool = False


def _has_door(name: str) -> Callable[[RecordedSampler], bool]:
    return lambda recorded: name in recorded._facts.doors


def _can_ask(name: str) -> Callable[[RecordedSampler], bool]:
    return lambda recorded: (
        is_among(recorded.mode, ("auto", "record")) and hasattr(recorded.sampler, name)
    )


class RecordedSampler(BaseEstimator, BiasDoors):
    """Keeps what a sampler answers in a file, and gives it back when the same is asked again.

    A run that was recorded repeats bit for bit without the sampler: on another machine, without an
    account, or in a test. It has the doors of the sampler that it wraps, and the structure of a
    device, so that estimators and :class:`EmbeddedSampler` take it in its place.

    Parameters
    ----------
    sampler : dimod.Sampler or None
        A device, which is what is worth recording: :class:`DWaveQPUSampler`,
        :class:`MockQPUSampler`, dwave-system's ``DWaveSampler``; or any other, also one of this
        package. None to replay a file of one sampler.
    path : str or path-like
        The file. It is made with the first call, in a folder that is there. Any number of
        processes may share it; a relative one is of the folder in which they run.
    mode : {"auto", "record", "replay", "strict"}, default="auto"
        ``"auto"`` gives back what is recorded, and asks for and records the rest. ``"record"``
        takes only answers of this recording, of which clones and copies in other processes are
        part, and replaces those of others. ``"replay"`` never asks: a call that is not recorded
        raises. ``"strict"`` is the same, and refuses a file that was made with other versions of
        qsklearn, NumPy, scikit-learn, dimod, dwave-system or Qiskit.

    Raises
    ------
    RecordingError
        By calls, and by all else that needs the file: if it is damaged or none of recordings, if it
        cannot be written to, or lacks what is to be replayed. A ValueError.

    See Also
    --------
    qsklearn.circuits.RecordedPrimitive : The same for circuits.
    EmbeddedSampler : Goes around this one: ``EmbeddedSampler(RecordedSampler(device, path))``.

    Notes
    -----
    A call is found by what was asked: the door, who was asked (class and parameters, as far as they
    matter to the draws), the model in canonical order, and the arguments. Biases count in steps of
    2⁻¹⁶ of the largest of them, which is beyond a device's precision: another machine adds up in
    another order, and that must not decide. One call has one answer, and so the same call again,
    with the same ``seed``, is the same draws: ``seed`` is declared here also for samplers that know
    none. Estimators give each of their calls its own.

    ``info`` of what is given back has ``replayed``, and else what the sampler said when it was
    asked, times among it: a run's ``cost_`` is repeated, not what the repetition cost. What is not
    JSON or arrays of numbers is left out of ``info``, of recorded answers also at once; so is
    whatever is called a token, key to an interface, password or secret. Answers of other variables
    than were asked for, and interrupted draws, are handed on and not kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from qsklearn.samplers import EmbeddedSampler, MockQPUSampler, RecordedSampler
    >>> path = Path(tempfile.mkdtemp()) / "triangle.recording"
    >>> device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4])
    >>> triangle = {("a", "b"): -0.2, ("b", "c"): -0.2, ("a", "c"): -0.2}
    >>> live = EmbeddedSampler(RecordedSampler(device, path))
    >>> answer = live.sample_ising({}, triangle, beta=1.0, seed=0)
    >>> there = EmbeddedSampler(RecordedSampler(None, path, mode="replay"))
    >>> again = there.sample_ising({}, triangle, beta=1.0, seed=0)
    >>> bool((again.record == answer.record).all())
    True
    >>> there.sample_ising({}, triangle, beta=1.0, seed=1)
    Traceback (most recent call last):
        ...
    qsklearn._recordings._store.RecordingError: The recording ... has no answer to this call ...
    """

    def __init__(self, sampler, path, mode="auto"):
        self.sampler = sampler
        self.path = path
        self.mode = mode
        # No parameter: clones are to be part of the same recording.
        self._session = new_session()

    def __sklearn_clone__(self):
        is_ours = isinstance(self.sampler, BaseEstimator)
        return self.around(clone(self.sampler) if is_ours else self.sampler)

    def around(self, sampler: Any) -> RecordedSampler:
        """The same file and the same recording, for another sampler.

        Parameters
        ----------
        sampler : dimod.Sampler or None

        Returns
        -------
        recorded : RecordedSampler
        """
        other = type(self)(sampler, self.path, self.mode)
        other._session = self._session
        return other

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_opened", None)
        state["sampler"] = make_picklable(self.sampler, _NAME)
        return state

    @property
    def parameters(self) -> dict[str, Any]:
        """Keywords of ``sample``: those of the sampler, and ``seed``."""
        return {**self._facts.parameters, "seed": self._facts.parameters.get("seed", [])}

    @property
    def properties(self) -> dict[str, Any]:
        """The sampler's, as JSON."""
        return dict(self._facts.all_properties)

    @property
    def nodelist(self) -> list[int]:
        """Qubits that work; only of a device."""
        return self._of_device("nodelist", self._facts.nodelist)

    @property
    def edgelist(self) -> list[tuple[int, int]]:
        """Couplers that work; only of a device."""
        return self._of_device("edgelist", self._facts.edgelist)

    @property
    def adjacency(self) -> dict[int, set[int]]:
        """Qubits to those that they couple to, not to be changed; only of a device."""
        self._of_device("adjacency", self._facts.nodes)
        return self._facts.adjacency

    @available_if(lambda recorded: recorded._facts.graph is not None)
    def to_networkx_graph(self):
        """The working graph, with the attributes of its topology; only of a device that has it.

        Returns
        -------
        networkx.Graph
            Frozen.
        """
        return self._facts.networkx_graph

    @property
    def intents(self) -> frozenset[str]:
        """What the sampler can do; only of one that says so."""
        return frozenset(self._of_device("intents", self._facts.intents))

    @property
    def draws_one_hot(self) -> bool:
        """Whether the sampler draws a one-hot unit as a whole."""
        return bool(self._facts.draws_one_hot)

    def recording_identity(self) -> dict[str, Any]:
        """What a recording knows the sampler by.

        Returns
        -------
        identity : dict
            JSON.
        """
        return self._facts.identity

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """The recorded answer, or the sampler's.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
        **parameters
            Of the sampler. ``seed`` is part of the call, and handed on to a sampler that declares
            it.

        Returns
        -------
        dimod.SampleSet

        Raises
        ------
        RecordingError
            If there is none and none may be asked for, or the file cannot be used.
        TypeError
            If an argument has no fixed form.
        """
        call = call_of_model(bqm, parameters)

        def ask() -> dimod.SampleSet:
            samples = self.sampler.sample(bqm, **self._passed_on(parameters))
            if not isinstance(samples, dimod.SampleSet):
                raise ValueError(
                    f"{type(self.sampler).__name__} must return a dimod.SampleSet. Got "
                    f"{type(samples).__name__} instead."
                )
            samples.resolve()
            return samples

        return self._answer(call, ask, pack_sampleset, unpack_sampleset)

    @available_if(_has_door("sample_arrays"))
    def sample_arrays(self, h, J, **parameters):
        """The recorded answer, or the sampler's; only of one that has this door.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
        J : array-like or sparse matrix of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
        **parameters
            Of the sampler's ``sample_arrays``.

        Returns
        -------
        states : ndarray of shape (n_models, num_reads, n_kept), int8
        energies : ndarray of shape (n_models, num_reads), or None
        info : dict

        Raises
        ------
        RecordingError
            As in :meth:`sample`.
        """
        return self._answer(
            call_of_arrays(h, J, parameters, _NAME),
            lambda: self.sampler.sample_arrays(h, J, **self._passed_on(parameters)),
            lambda answer, call: pack_states(*answer, call),
            unpack_states,
        )

    @available_if(_has_door("sample_levels"))
    def sample_levels(self, h, J, base, scale, n_bits, **parameters):
        """The recorded answer, or the sampler's; only of one that has this door.

        Parameters
        ----------
        h : array-like of shape (n_models, n_weights)
        J : array-like of shape (n_weights, n_weights), or (n_groups, n_weights, n_weights)
        base, scale : array-like of shape (n_weights,) or (n_models, n_weights)
        n_bits : int
        **parameters
            Of the sampler's ``sample_levels``.

        Returns
        -------
        weights : ndarray of shape (n_models, num_reads, n_weights), float64
        energies : ndarray of shape (n_models, num_reads), float64
        info : dict

        Raises
        ------
        RecordingError
            As in :meth:`sample`.
        """
        passed_on = self._passed_on
        return self._answer(
            call_of_levels(h, J, base, scale, n_bits, parameters, _NAME),
            lambda: self.sampler.sample_levels(h, J, base, scale, n_bits, **passed_on(parameters)),
            lambda answer, call: pack_levels(*answer, call),
            unpack_levels,
        )

    @available_if(_can_ask("estimate_access_time"))
    def estimate_access_time(self, num_qubits: int, num_reads: int = 1, **parameters) -> float:
        """What a call that is asked for takes; only with a handle of a device.

        Parameters
        ----------
        num_qubits : int
        num_reads : int, default=1
        **parameters
            Of the call.

        Returns
        -------
        time : float
            Microseconds of QPU access time.
        """
        return self.sampler.estimate_access_time(num_qubits, num_reads, **parameters)

    @available_if(_can_ask("estimate_cost"))
    def estimate_cost(self, h, J, **parameters) -> dict[str, Any]:
        """What drawing a family that is not recorded asks of a device; as the sampler's own.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
        J : array-like or sparse matrix of shape (n_spins, n_spins)
        **parameters
            Of the call.

        Returns
        -------
        cost : dict
        """
        return self.sampler.estimate_cost(h, J, **parameters)

    def _answer(
        self,
        call: Call,
        ask: Callable[[], Any],
        pack: Callable[[Any, Call], Packed | None],
        unpack: Callable[[dict[str, Any], dict[str, np.ndarray], Call], Any],
    ) -> Any:
        """The recorded answer, or a new one, which is given back as it will be from now on."""
        opened = self._open()
        key = call.key(opened.source)
        answer = opened.recording.find(key)
        is_replayed = answer is not None
        if answer is None:
            if not opened.recording.may_ask:
                reason = explain_missing(opened.recording.store, opened.source, call)
                raise RecordingError(reason)
            self._prepare(opened, call)
            given = ask()
            packed = None if _is_interrupted(given) else pack(given, call)
            if packed is None:
                return given
            facts = {"asked": call.asked, **packed[0]}
            answer = Answer(call.kind, opened.source, facts, packed[1])
            answer = opened.recording.keep(key, answer)
        result = unpack(answer.facts, answer.arrays, call)
        if is_replayed:
            _info_of(result)["replayed"] = True
        return result

    def _prepare(self, opened: _Opened, call: Call) -> None:
        """Before the sampler is asked: is the file ready, and the sampler what the file says?"""
        if opened.is_from_file and not opened.is_compared:
            here = SourceFacts.of_sampler(self.sampler, opened.facts.identity)
            if not here.has_structure_of(opened.facts):
                raise RecordingError(
                    f"The working graph of {opened.source} is not what it was when "
                    f"{str(self.path)!r} was recorded, so that calls of both do not belong "
                    "together. Record in another file, or anew with mode='record'."
                )
        opened.is_compared = True
        source = {f"source:{opened.source}": opened.facts.to_part()}
        opened.recording.prepare({**source, **call.labels_part})

    def _passed_on(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        declares_seed = "seed" in self._facts.parameters
        return {n: value for n, value in parameters.items() if n != "seed" or declares_seed}

    @property
    def _facts(self) -> SourceFacts:
        return self._open().facts

    def _open(self) -> _Opened:
        recording = Recording.open(self.path, self.mode, self._session, _NAME)
        _check_wrapped(self.sampler, recording.may_ask)
        identity = None
        # In a replay a stranger is not touched: to tell its device it might have to connect.
        if recording.may_ask or tells_identity(self.sampler):
            identity = identity_of(self.sampler)
        source = None if identity is None else name_of(identity)
        signature = (str(self.path), self.mode, source, id(self.sampler))
        opened = getattr(self, "_opened", None)
        if opened is None or opened.signature != signature:
            opened = self._look_up(signature, recording, identity)
            self._opened = opened
        return opened

    def _look_up(self, signature: tuple, recording: Recording, identity: Any) -> _Opened:
        if not recording.may_ask:
            recording.check_there()
            recording.check_versions()
            source, facts = find_source(recording.store, self.sampler, identity)
            return _Opened(signature, recording, source, facts, True)
        source = name_of(identity)
        known = None if recording.begins_anew else facts_in_file(recording.store, source)
        if known is not None:
            return _Opened(signature, recording, source, known, True)
        facts = SourceFacts.of_sampler(self.sampler, identity)
        return _Opened(signature, recording, source, facts, False)

    def _of_device(self, name: str, value: Any) -> Any:
        if value is None:
            raise AttributeError(f"The sampler of this {_NAME} has no {name!r}.")
        return value


def _check_wrapped(sampler: Any, may_ask: bool) -> None:
    if sampler is None and not may_ask:
        return
    missing = [name for name in ("sample", "parameters") if not _has(sampler, name)]
    if missing or isinstance(sampler, str | type):
        allowed = "" if may_ask else " or None"
        remedy = "; None is for mode='replay' and 'strict'" if sampler is None else ""
        raise ValueError(
            f"The 'sampler' parameter of {_NAME} must be an object with `sample` and `parameters`, "
            f"such as MockQPUSampler(){allowed}. Got {sampler!r} instead{remedy}."
        )


def _has(sampler: Any, name: str) -> bool:
    """Whether an object has something, without looking at it: a handle would connect."""
    kind = type(sampler)
    is_proxy = hasattr(kind, "__getattr__")
    return is_proxy or hasattr(kind, name) or name in getattr(sampler, "__dict__", {})


def _info_of(result: Any) -> dict[str, Any]:
    return result.info if isinstance(result, dimod.SampleSet) else result[2]


def _is_interrupted(result: Any) -> bool:
    return _info_of(result).get("stop_reason") == "KeyboardInterrupt"
