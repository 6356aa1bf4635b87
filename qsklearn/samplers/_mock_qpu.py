"""A quantum annealer that is not there, but behaves like one."""

from __future__ import annotations

import copy
import threading
import time
import warnings
from dataclasses import replace
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import dimod
import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator

from qsklearn._optional import import_optional
from qsklearn._sklearn import Integral, Interval, Real, StrOptions, validate_parameter_constraints
from qsklearn.samplers._arguments import count_threads
from qsklearn.samplers._base import COUNT, SEED_CONSTRAINTS, THREADS
from qsklearn.samplers._cluster_chains import draw_thermal
from qsklearn.samplers._mock_chip import Chip, make_chip
from qsklearn.samplers._mock_faults import alter, check_faults, strike
from qsklearn.samplers._models import SpinModels, models_from_bqm
from qsklearn.samplers._program_ranges import ProgramRanges
from qsklearn.samplers._qpu_profiles import PROFILES, QPUProfile, get_profile
from qsklearn.samplers._qpu_timing import largest_num_reads, qpu_timing

_NAME = "MockQPUSampler"
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left"), None]
_COUNTING = threading.Lock()
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
# Parameters of D-Wave's that change the answer's time, not its law.
_TIMED = {
    "annealing_time",
    "anneal_schedule",
    "initial_state",
    "programming_thermalization",
    "readout_thermalization",
    "reduce_intersample_correlation",
    "reinitialize_state",
}
_UNDERSTOOD = {"num_reads", "answer_mode", "auto_scale", "label", "seed", "warnings"} | _TIMED
# Periods of the parts of a drift, relative to the slowest: no two ever meet again.
_PERIODS = np.array([1.0, 0.5 * (np.sqrt(5.0) - 1.0), np.sqrt(2.0) - 1.0])


class MockQPUSampler(BaseEstimator, dimod.Sampler, dimod.Structured):
    """A D-Wave processor's behaviour, without the processor.

    D-Wave's own mock of a processor's structure, with what a user of a real one meets: programs out
    of range are refused, controls have finite precision and errors, the inverse temperature is
    unknown and drifts, chains freeze before single qubits, readout fails now and then, time is
    counted by D-Wave's timing model, and calls fail. dwave-system's composites work on it.

    With fields h and couplings J as programmed, in the device's units, the draws follow

    .. math:: P(s) \\propto \\exp(-\\beta E'(s)), \\qquad
              E'(s) = \\sum_i h'_i s_i + \\sum_{i<j} J'_{ij} s_i s_j,

    where h' and J' are h and J rounded to the controls' steps, plus errors that each call draws
    anew and offsets that stay, and β = ``device_beta`` times its drift. It is simulated by heat bath of
    spins and clusters of tied spins; the annealing time changes the timing, not the law.

    Parameters
    ----------
    profile : str or QPUProfile, default="advantage"
        Which processor: a name of ``qsklearn.samplers.QPU_PROFILES``. ``"ideal"`` has no errors but
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
        profile's within its uncertainty.
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
        Microseconds of QPU access time, after which calls are refused.
    faults : dict of int to str, optional
        What goes wrong in which call, counted from 0: ``"timeout"``, ``"connection"``,
        ``"offline"``, ``"wrong problem"`` (an answer to another problem) or ``"fewer reads"``.
    num_sweeps : int, default=100
        Sweeps of the simulation a read.
    seed : int, optional
        Of the draws and the errors of a call.
    num_threads : int, optional
        As in joblib.

    See Also
    --------
    EmbeddedSampler : Makes a sampler for any model of it.

    Notes
    -----
    A sampler counts its calls, for drift, quota and faults; a clone begins at 0.

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

    _parameter_constraints = {
        "profile": [StrOptions(set(PROFILES)), QPUProfile],
        "topology_type": [StrOptions({"chimera", "pegasus", "zephyr"}), None],
        "topology_shape": ["array-like", None],
        "broken_nodes": "no_validation",
        "broken_edges": "no_validation",
        "device_beta": [Interval(Real, 0, None, closed="neither"), None],
        "drift": _NOT_NEGATIVE,
        "h_noise": _NOT_NEGATIVE,
        "j_noise": _NOT_NEGATIVE,
        "h_offset": _NOT_NEGATIVE,
        "j_offset": _NOT_NEGATIVE,
        "readout_error": [Interval(Real, 0, 0.5, closed="both"), None],
        "freeze_out": [Interval(Real, 0, 1, closed="right"), None],
        "chip": [Interval(Integral, 0, None, closed="left")],
        "latency": [Interval(Real, 0, None, closed="left")],
        "quota": _NOT_NEGATIVE,
        "faults": [dict, None],
        "num_sweeps": [COUNT],
        "seed": SEED_CONSTRAINTS,
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
    def nodelist(self) -> list[int]:
        """Qubits that work."""
        return self._chip().device.nodelist

    @property
    def edgelist(self) -> list[tuple[int, int]]:
        """Couplers that work."""
        return self._chip().device.edgelist

    @property
    def adjacency(self):
        """Qubits to those that they couple to."""
        return self._chip().device.adjacency

    def to_networkx_graph(self):
        """The working graph, frozen, with the attributes of its topology."""
        return self._chip().graph

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords of ``sample``: those of a processor, and ``seed``."""
        return {**self._chip().device.parameters, "seed": []}

    @property
    def properties(self) -> dict[str, Any]:
        """What a processor says of itself, under D-Wave's names; not its temperature."""
        published = self._published_profile().solver_properties()
        structure = {
            name: value
            for name, value in self._chip().device.properties.items()
            if not name.endswith("_range") or name in published
        }
        return {**structure, **published}

    @dimod.bqm_structured
    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Program the device and read it.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            On qubits and couplers that work.
        num_reads : int, default=1
        auto_scale : bool, default=True
            Whether the program is scaled to fill the device's ranges, up or down, as D-Wave's
            processors do unless told not to. That changes the temperature of the draws.
        answer_mode : {"histogram", "raw"}, default="histogram"
        seed : int, optional
        **parameters
            Other words of a processor's, as in :attr:`parameters`.

        Returns
        -------
        dimod.SampleSet
            ``info["timing"]`` is in microseconds, as D-Wave's.

        Raises
        ------
        dimod.exceptions.BinaryQuadraticModelStructureError
            If a variable or an interaction is not on the working graph.
        dwave.cloud.exceptions.InvalidProblemError
            If a bias, the number of reads or a time is out of its range.
        dwave.cloud.exceptions.SolverError
            In calls that ``faults`` names, and beyond the quota.
        """
        settings = self._resolve(parameters)
        call, fault = self._count_call()
        time.sleep(self.latency)
        strike(fault)
        models, qubits = models_from_bqm(bqm)
        models = self._fit(models, qubits, settings)
        timing = self._account(settings, len(qubits))
        states = self._draw(models, qubits, settings, call)
        device = copy.copy(settings.chip.device)
        device.substitute_sampler = _Answer(states, qubits)
        answer = device.sample(
            bqm, num_reads=settings.num_reads, answer_mode=settings.answer_mode, **settings.label
        )
        answer.info["timing"] = timing
        return alter(fault, answer)

    def _resolve(self, parameters: dict[str, Any]) -> SimpleNamespace:
        """Settings of a call, checked against the device's ranges."""
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), _NAME
        )
        check_faults(self.faults or {}, _NAME)
        self._check_words(parameters)
        properties = self.properties
        timed = {name: parameters[name] for name in _TIMED if parameters.get(name) is not None}
        num_reads = parameters.get("num_reads")
        num_reads = 1 if num_reads is None else num_reads
        _check_reads_and_times(num_reads, timed, properties)
        auto_scale = parameters.get("auto_scale")
        label = parameters.get("label")
        seed = parameters.get("seed")
        return SimpleNamespace(
            profile=self._profile(),
            chip=self._chip(),
            properties=properties,
            ranges=ProgramRanges.from_properties(properties),
            num_reads=int(num_reads),
            timed=timed,
            auto_scale=True if auto_scale is None else bool(auto_scale),
            answer_mode=parameters.get("answer_mode") or "histogram",
            label={} if label is None else {"label": label},
            seed=self.seed if seed is None else seed,
            num_threads=count_threads(self.num_threads, _NAME),
        )

    def _check_words(self, parameters: dict[str, Any]) -> None:
        for name in parameters:
            if name not in self.parameters:
                close = get_close_matches(name, self.parameters, 1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{name!r} is not a parameter of this solver.{hint}")
            if name not in _UNDERSTOOD and parameters[name] is not None:
                warnings.warn(
                    f"{_NAME} does not model {name!r}, and draws as without it.",
                    UserWarning,
                    stacklevel=5,
                )

    def _published_profile(self) -> QPUProfile:
        return get_profile(self.profile) if isinstance(self.profile, str) else self.profile

    def _profile(self) -> QPUProfile:
        """The published one with what overrides it: what the device really is."""
        given = self._published_profile()
        changes = {name: value for name in _OVERRIDES if (value := getattr(self, name)) is not None}
        return replace(given, **changes) if changes else given

    def _own_beta(self) -> float:
        """The specimen's: as given, or the profile's within its uncertainty."""
        profile = self._profile()
        if self.device_beta is not None or profile.name == "ideal":
            return profile.device_beta
        spread = profile.device_beta_stderr / profile.device_beta
        return profile.device_beta * float(np.exp(spread * self._chip().temperature_error))

    def _chip(self) -> Chip:
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

    def _fit(self, models: SpinModels, qubits: list[int], settings) -> SpinModels:
        """A program within the ranges: refused, or scaled to fill them."""
        rows, columns, values = _couplings_of(models)
        groups = edges = np.column_stack([rows, columns])
        ranges = settings.ranges
        if ranges.by_halves:
            groups = 2 * edges + settings.chip.halves_of(qubits, edges)
        excess = ranges.excess(models.fields[0], values, groups)
        if settings.auto_scale:
            return models.scaled(1.0 / excess) if excess > 0 else models
        if excess > 1 + 1e-9:
            exceptions = import_optional("dwave.cloud.exceptions", _NAME)
            raise exceptions.InvalidProblemError(
                f"The program does not fit the device: biases must be within {ranges.describe()}. "
                f"Got ones {excess:.4g} times too large; scale them, set auto_scale=True, or use "
                "EmbeddedSampler, which does it by its 'scaling'."
            )
        return models

    def _count_call(self) -> tuple[int, str | None]:
        with _COUNTING:
            call = getattr(self, "_num_calls", 0)
            self._num_calls = call + 1
        return call, (self.faults or {}).get(call)

    def _account(self, settings: SimpleNamespace, n_qubits: int) -> dict[str, float]:
        """Time of the call, which the quota must cover."""
        if n_qubits == 0:
            return {}
        # D-Wave's own default, which the estimate does not share.
        timed = {"reinitialize_state": True, **settings.timed}
        timing = qpu_timing(
            settings.properties["problem_timing_data"],
            n_qubits,
            settings.num_reads,
            qpu_access_overhead_time=settings.profile.qpu_access_overhead_time,
            post_processing_time=settings.profile.post_processing_time,
            **timed,
        )
        with _COUNTING:
            used = getattr(self, "_access_time", 0.0) + timing["qpu_access_time"]
            if self.quota is not None and used > self.quota:
                exceptions = import_optional("dwave.cloud.api.exceptions", _NAME)
                raise exceptions.ResourceLimitsExceededError(
                    f"The quota of {self.quota:g} microseconds of QPU access time does not cover "
                    f"this call, after which {used:g} would have been used."
                )
            self._access_time = used
        return timing

    def _draw(self, models: SpinModels, qubits: list[int], settings, call: int) -> np.ndarray:
        """States (num_reads, n_qubits), as read."""
        profile = settings.profile
        seed = settings.seed
        rng = np.random.default_rng(None if seed is None else [int(seed), 2])
        models = _with_errors(models, qubits, profile, settings.chip, rng)
        states = draw_thermal(
            models,
            _beta_at(call, self._own_beta(), profile, settings.chip),
            freeze_out=profile.freeze_out,
            num_reads=settings.num_reads,
            num_sweeps=self.num_sweeps,
            seed=int(rng.integers(2**31)),
            num_threads=settings.num_threads,
        )[0]
        if profile.readout_error > 0:
            wrong = rng.random(states.shape) < profile.readout_error
            states = np.where(wrong, -states, states).astype(np.int8)
        return states


class _Answer:
    """States in the place where D-Wave's mock draws its own."""

    def __init__(self, states: np.ndarray, qubits: list[int]):
        self.states = states
        self.qubits = qubits

    def sample(self, bqm: dimod.BinaryQuadraticModel, **_ignored) -> dimod.SampleSet:
        samples = self.states if bqm.vartype is dimod.SPIN else (self.states + 1) // 2
        return dimod.SampleSet.from_samples_bqm((samples, self.qubits), bqm)


def _couplings_of(models: SpinModels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    upper = scipy.sparse.coo_array(scipy.sparse.triu(models.couplings))
    return upper.row, upper.col, upper.data


def _with_errors(models, qubits, profile: QPUProfile, chip: Chip, rng) -> SpinModels:
    """What the device does in place of a program: rounded, with errors of this call and its own."""
    rows, columns, values = _couplings_of(models)
    fields = _round(models.fields[0], profile.h_quantisation)
    values = _round(values, profile.j_quantisation)
    fields = fields + profile.h_noise * rng.standard_normal(len(fields))
    values = values + profile.j_noise * rng.standard_normal(len(values))
    if profile.h_offset > 0 or profile.j_offset > 0:
        of_qubits, of_couplers = chip.errors_of(qubits, np.column_stack([rows, columns]))
        fields = fields + profile.h_offset * of_qubits
        values = values + profile.j_offset * of_couplers
    upper = scipy.sparse.coo_array((values, (rows, columns)), shape=(len(qubits),) * 2)
    return SpinModels(fields[np.newaxis], scipy.sparse.csr_array(upper + upper.T))


def _round(values: np.ndarray, step: float) -> np.ndarray:
    return np.rint(values / step) * step if step > 0 else values


def _beta_at(call: int, beta: float, profile: QPUProfile, chip: Chip) -> float:
    """The device's inverse temperature in a call: three waves of incommensurate periods."""
    turns = call / (profile.drift_period * _PERIODS) + chip.phases
    # A sine has a variance of 1/2.
    course = np.sin(2 * np.pi * turns).sum() * np.sqrt(2 / len(_PERIODS))
    return beta * float(np.exp(profile.drift * course))


def _check_reads_and_times(num_reads, timed: dict[str, Any], properties: dict[str, Any]) -> None:
    """Refuse what a processor would: reads and times out of their ranges."""
    is_count = isinstance(num_reads, (int, np.integer)) and not isinstance(num_reads, bool)
    fewest, most = properties["num_reads_range"]
    if not is_count or not fewest <= num_reads <= most:
        _refuse("num_reads", f"an int in the range [{fewest}, {most}]", num_reads)
    ranges = {
        "annealing_time": "annealing_time_range",
        "programming_thermalization": "programming_thermalization_range",
        "readout_thermalization": "readout_thermalization_range",
    }
    for name, limits in ranges.items():
        if name in timed and properties.get(limits):
            lowest, highest = properties[limits]
            if not isinstance(timed[name], Real) or not lowest <= timed[name] <= highest:
                _refuse(
                    name,
                    f"a number of microseconds in the range [{lowest}, {highest}]",
                    timed[name],
                )
    allowed = largest_num_reads(properties, 1, **timed)
    if num_reads > allowed:
        _refuse("num_reads", f"at most {allowed} at these times of a read", num_reads)


def _refuse(name: str, expected: str, got) -> None:
    exceptions = import_optional("dwave.cloud.exceptions", _NAME)
    raise exceptions.InvalidProblemError(
        f"The {name!r} parameter of a call must be {expected}. Got {got!r} instead."
    )
