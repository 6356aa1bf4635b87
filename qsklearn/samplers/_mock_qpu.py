"""A quantum annealer that is not there, but behaves like one."""

from __future__ import annotations

import copy
import threading
import time
import weakref
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

import dimod
import numpy as np
import scipy.sparse

from qsklearn._base_estimator import BaseEstimator
from qsklearn._optional import import_optional
from qsklearn._private_api import (
    Integral,
    Interval,
    Real,
    StrOptions,
    validate_parameter_constraints,
)
from qsklearn._warnings import warn
from qsklearn.samplers._arguments import count_threads
from qsklearn.samplers._base import COUNT, THREADS
from qsklearn.samplers._bias_doors import BiasDoors
from qsklearn.samplers._cluster_chains import draw_reversed, draw_thermal
from qsklearn.samplers._mock_calls import UNDERSTOOD, MockCall, read_call, refuse_program
from qsklearn.samplers._mock_chip import Chip, make_chip
from qsklearn.samplers._mock_errors import beta_at, couplers_of, misread, with_errors
from qsklearn.samplers._mock_faults import UNANSWERED, alter, check_faults, strike
from qsklearn.samplers._mock_reverse_anneal import Stretch, follow_schedule, read_initial_state
from qsklearn.samplers._models import SpinModels, models_from_bqm
from qsklearn.samplers._program_ranges import ProgramRanges
from qsklearn.samplers._qpu_profiles import PROFILES, QPUProfile, get_qpu_profile
from qsklearn.samplers._qpu_timing import qpu_timing
from qsklearn.samplers._reverse_annealing import is_reverse

_NAME = "MockQPUSampler"
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left"), None]
_LONGEST = threading.TIMEOUT_MAX  # seconds
_COUNTING = threading.Lock()
# Device -> what it was asked so far. Not an attribute: a call does not change a parameter object.
_METERS: weakref.WeakKeyDictionary[MockQPUSampler, _Meter] = weakref.WeakKeyDictionary()
# Device -> its parameters when they were last found right. Composites ask for the structure again
# and again, and a dict of faults may be long.
_FOUND_RIGHT: weakref.WeakKeyDictionary[MockQPUSampler, dict] = weakref.WeakKeyDictionary()
# What overrides the profile.
_OVERRIDES = (
    "device_beta",
    "drift",
    "h_noise",
    "j_noise",
    "h_offset",
    "j_offset",
    "readout_error",
    "freeze_out",
)
# A smaller program than this is not scaled up: the factor would overflow.
_NOTHING = 1e-300


class MockQPUSampler(BaseEstimator, BiasDoors, dimod.Structured):
    """A D-Wave processor's behaviour, without the processor.

    D-Wave's own mock of a processor's structure, with what a user of a real one meets: programs out
    of range are refused, controls have finite precision and errors, the inverse temperature is
    unknown and drifts, chains freeze before single qubits, readout fails now and then, time is
    counted by D-Wave's timing model, and calls fail. dwave-system's composites work on it.

    With fields h and couplings J as programmed, in the device's units, the draws follow

    .. math:: P(s) \\propto \\exp(-\\beta E'(s)), \\qquad
              E'(s) = \\sum_i h'_i s_i + \\sum_{i<j} J'_{ij} s_i s_j,

    where h' and J', on the qubits and couplers that the program names, are h and J rounded to the
    controls' steps, plus errors that each call draws anew and offsets that stay, and β =
    ``device_beta`` times its drift. It is simulated by heat bath of spins and clusters of tied
    spins; annealing time and forward schedules change the timing, not the law. Where ``freeze_out``
    is below 1, chains take their directions at that part of β, and then single qubits cool on to β.
    A reverse anneal starts from its ``initial_state``, see the notes.

    Parameters
    ----------
    profile : str or QPUProfile, default="advantage"
        Which processor: a name that :func:`get_qpu_profile` takes. ``"ideal"`` has no errors but
        an unknown temperature. The parameters below override it where they are not None.
    topology_type : {"chimera", "pegasus", "zephyr"}, optional
    topology_shape : sequence of int, optional
        As dwave-system's: ``[m, n, t]`` for Chimera, ``[m]`` for Pegasus, ``[m]`` or ``[m, t]`` for
        Zephyr.
    broken_nodes, broken_edges : iterable, optional
        Qubits and couplers that do not work. By default as many are chosen at random as the profile
        says.
    device_beta : float, optional
        Inverse temperature, per unit of programmed energy. By default the specimen's own: the
        profile's within its uncertainty, and exactly the profile's for ``"ideal"``.
    drift : float, optional
        Relative standard deviation of the inverse temperature over the calls.
    h_noise, j_noise : float, optional
        Standard deviation of the errors of fields and couplings that each call draws anew.
    h_offset, j_offset : float, optional
        Standard deviation of those that stay.
    readout_error : float, optional
        Probability that a qubit is read wrongly.
    freeze_out : float, optional
        In (0, 1]: the part of the inverse temperature at which chains stop moving as wholes.
    chip : int, default=0
        Which specimen: what is broken, static offsets, the course of the drift.
    latency : float, default=0.0
        Seconds that a call waits, for network and queue.
    quota : float, optional
        Microseconds of QPU access time, beyond which calls are refused.
    faults : dict of int to str, optional
        What goes wrong in which call, counted from 0: ``"timeout"``, ``"connection"``,
        ``"offline"``, ``"wrong problem"`` (an answer to another problem) or ``"fewer reads"``.
    num_sweeps : int, default=100
        Sweeps of the simulation a read. More bring the draws nearer to the law where strong
        couplings contradict each other or strong fields.
    seed : int, optional
        Of the draws and the errors of a call.
    num_threads : int, optional
        As in joblib.

    See Also
    --------
    EmbeddedSampler : Makes a sampler for any model of it.

    Notes
    -----
    A sampler counts its calls, for drift, quota and faults. Clones and other copies begin at 0.
    Calls that are refused, by a range, a limit or the quota, are not counted, and neither they nor
    calls without an answer use the quota. Two calls with the same seed make the same errors and,
    but for the drift, the same draws, for any ``num_threads``.

    A reverse anneal, whose ``anneal_schedule`` begins at the anneal fraction 1, follows a model
    that was made to have the right limits, and not from any figure of a processor. Nothing moves
    above the fraction s = 0.8. Below it, the sweeps of a forward anneal are spread evenly over s,
    and the schedule makes those of the fractions that it visits, as many in a microsecond as a
    forward anneal of the default time. So a state that is never taken below 0.8 returns as it was,
    but for readout errors; between 0.4 and 0.8 it relaxes at β (or with a ``freeze_out`` below 1
    keeps its chains); further down it is heated, and a slow way to 0 and back forgets it and gives
    the law above. A long pause takes long to simulate. With ``reinitialize_state=False`` each read
    but the first goes on from the read before.

    Examples
    --------
    >>> from qsklearn.samplers import MockQPUSampler
    >>> device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4])
    >>> answer = device.sample_ising({0: 0.1}, {(0, 4): -0.2}, num_reads=100, auto_scale=False)
    >>> sorted(answer.variables)
    [0, 4]
    >>> device.sample_ising({0: 9.0}, {}, auto_scale=False)
    Traceback (most recent call last):
        ...
    dwave.cloud.exceptions.InvalidProblemError: The program does not fit the device: ...
    """

    #: What draws, for reports.
    drawn_by = "a simulation of a D-Wave device on this machine; no quantum device"

    _parameter_constraints = {
        "profile": [StrOptions(set(PROFILES)), QPUProfile],
        "topology_type": [StrOptions({"chimera", "pegasus", "zephyr"}), None],
        "topology_shape": ["array-like", None],
        "broken_nodes": "no_validation",
        "broken_edges": "no_validation",
        "device_beta": [Interval(Real, 0, None, closed="neither"), None],
        "drift": [Interval(Real, 0, 1, closed="both"), None],
        "h_noise": _NOT_NEGATIVE,
        "j_noise": _NOT_NEGATIVE,
        "h_offset": _NOT_NEGATIVE,
        "j_offset": _NOT_NEGATIVE,
        "readout_error": [Interval(Real, 0, 0.5, closed="both"), None],
        "freeze_out": [Interval(Real, 0, 1, closed="right"), None],
        "chip": [Interval(Integral, 0, None, closed="left")],
        "latency": [Interval(Real, 0, _LONGEST, closed="both")],
        "quota": _NOT_NEGATIVE,
        "faults": [dict, None],
        "num_sweeps": [COUNT],
        "seed": [Interval(Integral, 0, None, closed="left"), None],
        "num_threads": THREADS,
    }

    def __init__(
        self,
        profile="advantage",
        *,
        topology_type=None,
        topology_shape=None,
        broken_nodes=None,
        broken_edges=None,
        device_beta=None,
        drift=None,
        h_noise=None,
        j_noise=None,
        h_offset=None,
        j_offset=None,
        readout_error=None,
        freeze_out=None,
        chip=0,
        latency=0.0,
        quota=None,
        faults=None,
        num_sweeps=100,
        seed=None,
        num_threads=None,
    ):
        self.profile = profile
        self.topology_type = topology_type
        self.topology_shape = topology_shape
        self.broken_nodes = broken_nodes
        self.broken_edges = broken_edges
        self.device_beta = device_beta
        self.drift = drift
        self.h_noise = h_noise
        self.j_noise = j_noise
        self.h_offset = h_offset
        self.j_offset = j_offset
        self.readout_error = readout_error
        self.freeze_out = freeze_out
        self.chip = chip
        self.latency = latency
        self.quota = quota
        self.faults = faults
        self.num_sweeps = num_sweeps
        self.seed = seed
        self.num_threads = num_threads

    @property
    def nodelist(self) -> list[Any]:
        """Qubits that work."""
        return list(self._chip().device.nodelist)

    @property
    def edgelist(self) -> list[tuple[Any, Any]]:
        """Couplers that work."""
        return list(self._chip().device.edgelist)

    @property
    def adjacency(self) -> dict[Any, set[Any]]:
        """Qubits to those that they couple to; not to be changed."""
        return self._chip().device.adjacency

    def to_networkx_graph(self):
        """The working graph, with the attributes of its topology.

        Returns
        -------
        networkx.Graph
            Frozen.
        """
        return self._chip().graph

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords of ``sample``: those of a processor, and ``seed``."""
        return {name: [] for name in [*self._chip().device.parameters, "seed"]}

    @property
    def properties(self) -> dict[str, Any]:
        """What a processor says of itself, under D-Wave's names; not its temperature."""
        own = self._properties(self._chip())
        # deepcopy would take its time over tens of thousands of pairs of numbers.
        names = ("qubits", "couplers", "anneal_offset_ranges")
        lists = {name: list(own.pop(name)) for name in names}
        return {**copy.deepcopy(own), **lists}

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Program the device and read it.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            On qubits and couplers that work.
        **parameters
            Any of :attr:`parameters`, with D-Wave's defaults; those for times count in the timing
            model, and those without any effect here are taken with a warning. ``num_reads`` is 1.
            ``auto_scale=True`` scales the program to fill the device's ranges, up or down, which
            changes the temperature of the draws. ``answer_mode="histogram"`` returns different
            states by increasing energy, ``"raw"``, the default with an ``initial_state``, all in
            the order of the reads. ``seed`` is by default the constructor's; calls with the same
            one make the same errors.

        Returns
        -------
        dimod.SampleSet
            Energies are those of ``bqm``. ``info["timing"]`` is in microseconds, as D-Wave's.

        Raises
        ------
        ValueError
            If a parameter of the constructor is wrong, or one of the call unknown.
        dimod.exceptions.BinaryQuadraticModelStructureError
            If a variable or an interaction is not on the working graph.
        dwave.cloud.exceptions.InvalidProblemError
            If a bias, or a parameter of the call, is out of its range.
        dwave.cloud.api.exceptions.ResourceLimitsExceededError
            If the quota does not cover the call.
        dwave.cloud.exceptions.RequestTimeout, dwave.cloud.exceptions.SolverOfflineError, \
requests.ConnectionError
            In calls that ``faults`` names.
        """
        chip = self._chip()
        self._check_words(parameters, {*chip.device.parameters, "seed"})
        models, qubits = models_from_bqm(bqm)
        _check_structure(chip.device, bqm)
        properties = self._properties(chip)
        call = read_call({"seed": self.seed, **parameters}, properties, len(qubits))
        start = None
        if is_reverse(call.times.get("anneal_schedule")):
            start = read_initial_state(call.times["initial_state"], qubits)
        models = _fit(models, qubits, call, ProgramRanges.from_properties(properties), chip)
        timing = self._timing(call, len(qubits))
        number, fault = self._admit(timing.get("qpu_access_time", 0.0))
        time.sleep(float(self.latency))  # which takes no number of NumPy's but float64
        strike(fault)
        edges = couplers_of(bqm, qubits)
        states = self._draw(models, qubits, edges, call, start, number, chip)
        if fault == "fewer reads":
            states = states[: len(states) // 2]
        answer = _answer(bqm, states, qubits, call)
        answer.info["timing"] = timing
        return alter(fault, answer)

    def _validate(self) -> None:
        """Validate the parameters, if one is another object than when they were found right.

        A change inside one needs no watching: of all that can be changed, the chip's shape and its
        defects are read anew by each ``_chip``, and of the faults each call's own by ``_admit``.
        """
        known, now = _FOUND_RIGHT.get(self, {}), dict(vars(self))
        # Held by ``known``, so that no other object can have its identity.
        if known.keys() == now.keys() and all(known[name] is now[name] for name in now):
            return
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), _NAME
        )
        check_faults(self.faults or {}, _NAME)
        count_threads(self.num_threads, _NAME)
        _FOUND_RIGHT[self] = now

    def _check_words(self, parameters: dict[str, Any], known: set[str]) -> None:
        for name in parameters:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{name!r} is not a parameter of this solver.{hint}")
            if name not in UNDERSTOOD and parameters[name] is not None:
                warn(f"{_NAME} does not model {name!r}, and draws as without it.")

    def _properties(self, chip: Chip) -> dict[str, Any]:
        """Those with the chip's own lists in them."""
        published = self._published_profile().solver_properties()
        structure = {
            name: value
            for name, value in chip.device.properties.items()
            if not name.endswith("_range") or name in published
        }
        return {**structure, **published}

    def _published_profile(self) -> QPUProfile:
        return get_qpu_profile(self.profile) if isinstance(self.profile, str) else self.profile

    def _profile(self) -> QPUProfile:
        """The published one with what overrides it: what the device really is."""
        given = self._published_profile()
        changes = {name: value for name in _OVERRIDES if (value := getattr(self, name)) is not None}
        return replace(given, **changes) if changes else given

    def _own_beta(self, profile: QPUProfile, chip: Chip) -> float:
        """The specimen's: as given, or the profile's within its uncertainty."""
        if self.device_beta is not None or profile.name == "ideal":
            return profile.device_beta
        spread = profile.device_beta_stderr / profile.device_beta
        return profile.device_beta * float(np.exp(spread * chip.temperature_error))

    def _chip(self) -> Chip:
        self._validate()
        profile = self._published_profile()
        type_ = self.topology_type or profile.topology_type
        shape = self.topology_shape
        if shape is None:
            if type_ != profile.topology_type:
                raise ValueError(
                    f"The 'topology_shape' parameter of {_NAME} must be given with "
                    f"topology_type={type_!r}, because the profile's is {profile.topology_type!r}."
                )
            shape = profile.topology_shape
        return make_chip(
            type_,
            shape,
            profile.qubit_yield,
            profile.coupler_yield,
            self.broken_nodes,
            self.broken_edges,
            self.chip,
        )

    def _timing(self, call: MockCall, n_qubits: int) -> dict[str, float]:
        if n_qubits == 0:
            return {}
        profile = self._published_profile()
        # D-Wave's own default, which the estimate does not share.
        times = {"reinitialize_state": True, **call.times}
        return qpu_timing(
            profile.problem_timing_data,
            n_qubits,
            call.num_reads,
            qpu_access_overhead_time=profile.qpu_access_overhead_time,
            post_processing_time=profile.post_processing_time,
            **times,
        )

    def _admit(self, cost: float) -> tuple[int, str | None]:
        """Number of the call and what goes wrong in it; counts it, if the quota covers it."""
        with _COUNTING:
            meter = _METERS.setdefault(self, _Meter())
            number, used = meter.num_calls, meter.access_time
            fault = (self.faults or {}).get(number)
            if fault is not None:
                check_faults({number: fault}, _NAME)  # it may be newer than the dict
            if fault not in UNANSWERED:
                used += cost
                if self.quota is not None and used > self.quota:
                    exceptions = import_optional("dwave.cloud.api.exceptions", _NAME)
                    raise exceptions.ResourceLimitsExceededError(
                        f"The quota of {self.quota:g} microseconds of QPU access time does not "
                        f"cover this call, after which {used:g} would have been used."
                    )
            meter.num_calls, meter.access_time = number + 1, used
        return number, fault

    def _draw(
        self,
        models: SpinModels,
        qubits: list[int],
        edges: np.ndarray,
        call: MockCall,
        start: np.ndarray | None,
        number: int,
        chip: Chip,
    ) -> np.ndarray:
        """States (num_reads, n_qubits), as read."""
        profile = self._profile()
        rng = np.random.default_rng(None if call.seed is None else [call.seed, 2])
        programmed = with_errors(models, qubits, edges, profile, chip, rng)
        beta = beta_at(number, self._own_beta(profile, chip), profile, chip)
        words: dict[str, Any] = {
            "freeze_out": profile.freeze_out,
            "seed": int(rng.integers(2**31)),
            "num_threads": count_threads(self.num_threads, _NAME),
        }
        if start is None:
            words |= {"num_reads": call.num_reads, "num_sweeps": self.num_sweeps}
            states = draw_thermal(programmed, beta, **words)
        else:
            states = draw_reversed(
                programmed,
                beta,
                self._stretches(call, profile),
                np.tile(start, (1, call.num_reads, 1)),
                goes_on=not call.times.get("reinitialize_state", True),
                **words,
            )
        return misread(states[0], profile.readout_error, rng)

    def _stretches(self, call: MockCall, profile: QPUProfile) -> list[Stretch]:
        return follow_schedule(
            call.times["anneal_schedule"],
            self.num_sweeps,
            profile.freeze_out,
            profile.default_annealing_time,
        )


@dataclass
class _Meter:
    """Calls that a device took, and microseconds of QPU access time that they used."""

    num_calls: int = 0
    access_time: float = 0.0


@dimod.bqm_structured
def _check_structure(device: dimod.Structured, bqm: dimod.BinaryQuadraticModel) -> None:
    """Refuse a model that is not on the device's graph."""


def _fit(models: SpinModels, qubits: list[int], call: MockCall, ranges, chip: Chip) -> SpinModels:
    """A program within the ranges: refused, or scaled to fill them."""
    if call.times.get("fast_anneal") and models.fields.any():
        refuse_program(
            "The program must have no fields (h), as D-Wave allows none with fast_anneal=True. Set "
            "them to 0, or fast_anneal to False."
        )
    rows, columns, values = _couplings_of(models)
    groups = edges = np.column_stack([rows, columns])
    if ranges.by_halves:
        groups = 2 * edges + chip.halves_of(qubits, edges)
    excess = ranges.excess(models.fields[0], values, groups)
    if call.auto_scale:
        return models.scaled(1.0 / excess) if excess > _NOTHING else models
    if not ranges.fits(models.fields[0], values, groups):
        refuse_program(
            f"The program does not fit the device: biases must be within {ranges.describe()}. "
            f"Got ones {excess:.4g} times too large; scale them, set auto_scale=True, or use "
            "EmbeddedSampler, which does it by its 'scaling'."
        )
    return models


def _answer(
    bqm: dimod.BinaryQuadraticModel, states: np.ndarray, qubits: list[int], call: MockCall
) -> dimod.SampleSet:
    """States as a processor's answer, with the energies of the submitted problem."""
    samples = states if bqm.vartype is dimod.SPIN else (states + 1) // 2
    answer = dimod.SampleSet.from_samples_bqm((samples, qubits), bqm)
    if call.answer_mode == "histogram":
        answer = answer.aggregate().slice(sorted_by="energy")
    answer.info["problem_id"] = str(uuid4())
    if call.label is not None:
        answer.info["problem_label"] = call.label
    return answer


def _couplings_of(models: SpinModels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    upper = scipy.sparse.coo_array(scipy.sparse.triu(models.couplings))
    return upper.row, upper.col, upper.data
