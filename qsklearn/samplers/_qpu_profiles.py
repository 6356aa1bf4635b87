"""What is published of D-Wave's processors, number by number with its source."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from scipy import constants

from qsklearn._checks import check_instance, is_number

Range = tuple[float, float]

_KELVIN_PER_GHZ = constants.h * 1e9 / constants.k

_TYPES: dict[str, Any] = {
    "name": str,
    "topology_type": str,
    "topology_shape": tuple,
    "problem_timing_data": Mapping,
    "sources": Mapping,
}


@dataclass(frozen=True)
class QPUProfile:
    """Structure, limits, errors, temperature and timing of a kind of processor.

    Biases and errors are in the device's units: those in which a program's h and J are given.
    ``dataclasses.replace`` makes variants.

    Parameters
    ----------
    name : str
    topology_type : {"chimera", "pegasus", "zephyr"}
    topology_shape : tuple of int
        ``(m, n, t)``, ``(m,)`` or ``(m, t)``, as D-Wave states it.
    n_qubits : int
        Qubits that work, of those of the whole graph.
    coupler_yield : float
        Fraction that works of the couplers between two working qubits.
    h_range, j_range, extended_j_range : (float, float)
        Of fields and couplings; couplings of the extended range are for chains.
    per_qubit_coupling_range, per_group_coupling_range : (float, float) or None
        Of the sum of the couplings of a qubit, or of each of the two halves that
        ``dwave.system.coupling_groups`` makes of them; None where the processor states none.
    num_reads_range : (int, int)
    annealing_time_range, fast_anneal_time_range : (float, float) or None
        Microseconds; None where there is no fast anneal.
    programming_thermalization_range, readout_thermalization_range : (float, float)
        Microseconds.
    problem_run_duration_range : (float, float)
        Microseconds of one call.
    h_quantisation, j_quantisation : float
        Step of the controls' values; 0 means none.
    h_noise, j_noise : float
        Standard deviation of the errors that each programming makes anew.
    h_offset, j_offset : float
        Standard deviation of those that stay, independent for each qubit and coupler.
    device_beta, device_beta_stderr : float
        Inverse temperature per unit of programmed energy, at the default annealing time, and how
        uncertain it is for a single specimen.
    freeze_out : float
        Part of the inverse temperature at which chains stop moving as wholes.
    drift : float
        Relative standard deviation of the inverse temperature over calls.
    drift_period : int
        Calls in which it comes and goes.
    readout_error : float
        Probability that a qubit is read wrongly.
    qpu_access_overhead_time, post_processing_time : float
        Microseconds a call, which are reported but not charged.
    problem_timing_data : mapping
        D-Wave's timing model; do not change it in place.
    sources : mapping of str to str
        Field to where its number comes from, or why it was chosen.

    Examples
    --------
    >>> from qsklearn.samplers import get_qpu_profile
    >>> profile = get_qpu_profile("advantage")
    >>> profile.n_qubits, round(profile.qubit_yield, 4)
    (5627, 0.9977)
    >>> profile.sources["h_range"]
    'dwave-system 1.36, MockDWaveSampler: properties of Advantage_system4.1, 2022-02'
    """

    name: str
    topology_type: str
    topology_shape: tuple[int, ...]
    n_qubits: int
    coupler_yield: float
    h_range: Range
    j_range: Range
    extended_j_range: Range
    per_qubit_coupling_range: Range | None
    per_group_coupling_range: Range | None
    num_reads_range: tuple[int, int]
    annealing_time_range: Range
    fast_anneal_time_range: Range | None
    programming_thermalization_range: Range
    readout_thermalization_range: Range
    problem_run_duration_range: Range
    h_quantisation: float
    j_quantisation: float
    h_noise: float
    j_noise: float
    h_offset: float
    j_offset: float
    device_beta: float
    device_beta_stderr: float
    freeze_out: float
    drift: float
    drift_period: int
    readout_error: float
    qpu_access_overhead_time: float
    post_processing_time: float
    problem_timing_data: Mapping[str, Any] = field(hash=False, repr=False)
    sources: Mapping[str, str] = field(hash=False, repr=False)

    def __post_init__(self) -> None:
        self._check_types()
        whole = _count_qubits(self.topology_type, self.topology_shape)
        if not 1 <= self.n_qubits <= whole:
            self._refuse("n_qubits", f"between 1 and {whole}, the qubits of the whole graph")
        for name in ("coupler_yield", "freeze_out"):
            if not 0 < getattr(self, name) <= 1:
                self._refuse(name, "in (0, 1]")
        if not self.device_beta > 0:
            self._refuse("device_beta", "positive")
        for name in (entry.name for entry in fields(self)):
            value = getattr(self, name)
            if name.endswith("_range"):
                if value is not None and not value[0] <= value[1]:
                    self._refuse(name, "a pair (lowest, highest)")
            elif isinstance(value, int | float) and not value >= 0:
                self._refuse(name, "a number, 0 or more")

    def _check_types(self) -> None:
        """Refuse what cannot be compared: ranges that are no pairs, numbers that are none."""
        for name, expected in _TYPES.items():
            check_instance(getattr(self, name), expected, name, "QPUProfile")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name.endswith("_range"):
                is_pair = isinstance(value, tuple | list) and len(value) == 2
                if value is not None and not (is_pair and all(map(is_number, value))):
                    self._refuse(entry.name, "a pair (lowest, highest)")
            elif entry.name == "topology_shape":
                are_counts = all(isinstance(size, int) and size > 0 for size in value)
                if not are_counts:
                    self._refuse(entry.name, "positive integers")
            elif entry.name not in _TYPES and not is_number(value):
                self._refuse(entry.name, "a number, 0 or more")

    def _refuse(self, name: str, expected: str) -> None:
        raise ValueError(
            f"The {name!r} parameter of QPUProfile must be {expected}. "
            f"Got {getattr(self, name)!r} instead."
        )

    @property
    def qubit_yield(self) -> float:
        """Fraction of the whole graph's qubits that works."""
        return self.n_qubits / _count_qubits(self.topology_type, self.topology_shape)

    @property
    def default_annealing_time(self) -> float:
        """Microseconds."""
        return float(self.problem_timing_data["default_annealing_time"])

    def solver_properties(self) -> dict[str, Any]:
        """Limits and timing under the names of a D-Wave solver's properties.

        Structure, which depends on the specimen, is not among them. Per-qubit and per-group ranges
        are absent where the processor states none, as in D-Wave's.

        Returns
        -------
        properties : dict
            A copy, free to be changed.
        """
        ranges = {
            entry.name: list(getattr(self, entry.name))
            for entry in fields(self)
            if entry.name.endswith("_range") and getattr(self, entry.name) is not None
        }
        timing = copy.deepcopy(dict(self.problem_timing_data))
        defaults = {name: value for name, value in timing.items() if name.startswith("default_")}
        return {
            "chip_id": f"mock-{self.name}",
            "category": "qpu",
            **ranges,
            **defaults,
            "problem_timing_data": timing,
        }


def get_qpu_profile(name: str) -> QPUProfile:
    """The profile of that name.

    Parameters
    ----------
    name : str
        A key of ``PROFILES``.

    Returns
    -------
    QPUProfile

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> from qsklearn.samplers import get_qpu_profile
    >>> get_qpu_profile("advantage2").topology_type
    'zephyr'
    """
    if name in PROFILES:
        return PROFILES[name]
    close = get_close_matches(str(name), PROFILES, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"The 'profile' parameter must be one of {sorted(PROFILES)}. Got {name!r} instead.{meant}"
    )


def typical_beta(properties: Mapping[str, Any]) -> tuple[float, float] | None:
    """What is published of a device's inverse temperature, before any draw from it.

    Parameters
    ----------
    properties : mapping
        Of a structured sampler, under D-Wave's names: of a ``DWaveSampler`` or of a mock whose
        ``chip_id`` is that of :meth:`QPUProfile.solver_properties`. Where D-Wave publishes the
        temperature of single qubits for that very system, it is taken; else its kind's.

    Returns
    -------
    (mean, stderr) : tuple of float, or None
        Per unit of programmed energy, unscaled (``auto_scale=False``) and at the default annealing
        time; None for unknown devices.

    Notes
    -----
    ``"mock-ideal"`` is told what is known of an Advantage, not its own temperature.

    Examples
    --------
    >>> from qsklearn.samplers._qpu_profiles import typical_beta
    >>> topology = {"type": "pegasus", "shape": [16]}
    >>> mean, stderr = typical_beta({"chip_id": "Advantage_system6.4", "topology": topology})
    >>> round(mean, 2), round(stderr, 2)
    (4.52, 0.9)
    >>> typical_beta({"chip_id": "another maker's"}) is None
    True
    """
    chip = str(properties.get("chip_id") or "")
    profile = _find_profile(chip)
    if profile is None:
        return None
    topology = properties.get("topology") or {}
    if topology.get("type", profile.topology_type) != profile.topology_type:
        return None
    temperature = _SINGLE_QUBIT_TEMPERATURES.get(chip.split(".")[0])
    mean = 1.0 / temperature if temperature else profile.device_beta
    return mean, mean * profile.device_beta_stderr / profile.device_beta


def _find_profile(chip: str) -> QPUProfile | None:
    mocked = chip.removeprefix("mock-")
    if mocked != chip and mocked in PROFILES:
        return PROFILES["advantage" if mocked == "ideal" else mocked]
    for prefix, name in _CHIPS.items():
        if chip.startswith(prefix):
            return PROFILES[name]
    return None


def _count_qubits(topology_type: str, shape: tuple[int, ...]) -> int:
    """Qubits of a whole graph, of Pegasus those of its fabric."""
    if topology_type == "chimera" and len(shape) == 3:
        return 2 * math.prod(shape)
    if topology_type == "pegasus" and len(shape) == 1:
        return 8 * (shape[0] - 1) * (3 * shape[0] - 1)
    if topology_type == "zephyr" and len(shape) == 2:
        return 4 * shape[1] * shape[0] * (2 * shape[0] + 1)
    raise ValueError(
        "The 'topology_type' and 'topology_shape' parameters of QPUProfile must be 'chimera' and "
        "(m, n, t), 'pegasus' and (m,), or 'zephyr' and (m, t). "
        f"Got {topology_type!r} and {shape!r} instead."
    )


def _rest(total: float, part: float) -> float:
    """What adds to an independent error to make the total."""
    return math.sqrt(total**2 - part**2)


def _freeze_out_beta(gigahertz: float, millikelvin: float) -> float:
    """β = B(s*) / (2 k T), of a problem Hamiltonian B(s*)/2 that freezes at s*."""
    return _KELVIN_PER_GHZ * gigahertz / (2e-3 * millikelvin)


def _wrong_qubits(wrong_reads: float, n_qubits: int) -> float:
    """Errors of a qubit that make that many reads wrong somewhere."""
    return -math.expm1(math.log1p(-wrong_reads) / n_qubits)


# Timing data, in microseconds. Sources: under "problem_timing_data" of the profiles.
_DATA_2000Q = {
    "version": "1.0.0",
    "typical_programming_time": 10536.81,
    "reverse_annealing_with_reinit_prog_time_delta": 0.0,
    "reverse_annealing_without_reinit_prog_time_delta": 359.58,
    "default_programming_thermalization": 1000.0,
    "default_annealing_time": 20.0,
    "readout_time_model": "pwl_log_log",
    "readout_time_model_parameters": [
        *(0.0, 3.30984300471607),
        *(2.2975416678181597, 2.2975416678181597),
    ],
    "qpu_delay_time_per_sample": 20.54,
    "reverse_annealing_with_reinit_delay_time_delta": 586.38,
    "reverse_annealing_without_reinit_delay_time_delta": -5.0,
    "default_readout_thermalization": 0.0,
    "decorrelation_max_nominal_anneal_time": 2000.0,
    "decorrelation_time_range": [500.0, 10000.0],
}
_DATA_ADVANTAGE = {
    **_DATA_2000Q,
    "typical_programming_time": 14072.88,
    "reverse_annealing_without_reinit_prog_time_delta": 5.55,
    "readout_time_model_parameters": [
        *(0.0, 0.7699665876947938, 1.7242758696010096),
        *(2.711975459489206, 3.1639057672764026, 3.750276915153992),
        *(1.539131714800995, 1.8726623164229292, 2.125631787097315),
        *(2.332672340068556, 2.371606651233025, 2.3716219271760215),
    ],
    "reverse_annealing_with_reinit_delay_time_delta": -4.5,
    "reverse_annealing_without_reinit_delay_time_delta": -1.5,
}
_DATA_ADVANTAGE2 = {
    **_DATA_2000Q,
    "typical_programming_time": 33631.59,
    "reverse_annealing_without_reinit_prog_time_delta": 31.33,
    "readout_time_model_parameters": [
        *(0.0, 0.7118156236873552, 1.622919864592155, 2.5460233863267376, 3.6610550848533783),
        *(1.3562242666114566, 1.6328679675785214, 1.7857781469507206),
        *(1.99055000334358, 1.9905608299940198),
    ],
    "qpu_delay_time_per_sample": 60.57,
    "reverse_annealing_with_reinit_delay_time_delta": -44.5,
    "reverse_annealing_without_reinit_delay_time_delta": -41.5,
    "decorrelation_time_range": [0.0, 0.0],
}

# Where numbers come from. "docs" is D-Wave's documentation: the repository
# dwavesystems/dwave-ocean-sdk, folder docs/quantum_research; docs/qpu_profiles.rst has the commits.
# "Vinci et al." is Machine Learning: Science and Technology 1 (2020) 045028, whose Fig. 11 compares
# the three 2000Q.
_MOCK = "dwave-system 1.36, MockDWaveSampler: properties of Advantage_system4.1, 2022-02"
_CLOUD = "dwave-cloud-client 0.14, dwave.cloud.testing.mocks: "
_SPECIFIC = "docs, solver_properties_specific.rst: "
_GENERAL = "docs, solver_properties_all.rst: "
_ERRORS = "docs, errors.rst: "
_STEPS = (
    "{}figure of the steps of a D-Wave 2X's controls: errors of up to {} at one end of the range, "
    "{} at the other; twice their mean"
)
_TOTAL_ERROR = (
    "chosen: so that all errors, added in quadrature, are {}: {} of the range published for the "
    "D-Wave 2X (docs, errors.rst: {}), as no figures of this processor are"
)
_COUPLER_NOISE = (
    "chosen: a tenth of all errors of couplings; docs, errors.rst: the couplers' own noise is "
    "insignificant beside them, without a number"
)
_SAME_AS_ADVANTAGE = "chosen: as Advantage, as no figures of this processor are in text"
_ONE_SECOND = "github.com/dwavesystems/dwave-system, issue 106, 2021-04: at most 1 s a call"
_COMMON = {
    "num_reads_range": _GENERAL + "example [1, 10000]",
    "programming_thermalization_range": _GENERAL + "example [0, 10000]",
    "readout_thermalization_range": _GENERAL + "example [0, 10000]",
    "problem_run_duration_range": _GENERAL + "example [0, 1000000]; " + _ONE_SECOND,
    "h_quantisation": _STEPS.format(_ERRORS, 0.0082, 0.0005),
    "j_quantisation": _STEPS.format(_ERRORS, 0.0045, 0.00025),
    "j_noise": _COUPLER_NOISE,
    "freeze_out": (
        "derived from docs, annealing.rst: the error of a fixed flux roughly doubles from chains "
        "of 1 to chains of 5 qubits (D-Wave 2X), so the persistent current halves, and B(s) goes "
        "as its square"
    ),
    "drift_period": "chosen: nothing is published by calls; flux drift is corrected once an hour",
    "post_processing_time": "docs, operation_timing.rst: example of info['timing']",
}

_BASELINE = QPUProfile(
    name="2000q-baseline",
    topology_type="chimera",
    topology_shape=(16, 16, 4),
    n_qubits=2038,
    coupler_yield=1.0,
    h_range=(-2.0, 2.0),
    j_range=(-1.0, 1.0),
    extended_j_range=(-2.0, 1.0),
    per_qubit_coupling_range=(-9.0, 6.0),
    per_group_coupling_range=None,
    num_reads_range=(1, 10_000),
    annealing_time_range=(1.0, 2000.0),
    fast_anneal_time_range=None,
    programming_thermalization_range=(0.0, 10_000.0),
    readout_thermalization_range=(0.0, 10_000.0),
    problem_run_duration_range=(0.0, 1_000_000.0),
    h_quantisation=0.0082 + 0.0005,
    j_quantisation=0.0045 + 0.00025,
    h_noise=0.009,
    j_noise=0.00155,
    h_offset=_rest(0.025, 0.009),
    j_offset=_rest(0.0155, 0.00155),
    device_beta=_freeze_out_beta(7.0, 14.5),
    device_beta_stderr=0.25 * _freeze_out_beta(7.0, 14.5),
    freeze_out=0.25,
    drift=1.0 / 14.5,
    drift_period=100,
    readout_error=_wrong_qubits(0.01, 2038),
    qpu_access_overhead_time=10426.82,
    post_processing_time=809.0,
    problem_timing_data=_DATA_2000Q,
    sources={
        **_COMMON,
        "topology_shape": "D-Wave 2000Q: 2048 qubits, 6016 couplers (support.dwavesys.com, "
        "'What is the QPU Working Graph?')",
        "n_qubits": "DW_2000Q_2_1, the processor on Leap that was not lower-noise; counted by "
        "several users in comments of public code (github.com)",
        "coupler_yield": "chosen: only couplers of broken qubits are missing",
        "h_range": _CLOUD + "structured_solver_data",
        "j_range": _CLOUD + "structured_solver_data",
        "extended_j_range": _CLOUD + "structured_solver_data",
        "per_qubit_coupling_range": _ERRORS + "'Virtual Graphs', example of six couplers a qubit",
        "annealing_time_range": "github.com/dwavesystems/dwave-cloud-client, issue 296, 2019-01",
        "h_noise": _ERRORS + "flux noise from 1 mHz to 1 MHz early in the anneal, measured on a "
        "D-Wave 2X, for lack of figures of this processor",
        "h_offset": _TOTAL_ERROR.format(0.025, "the upper end", "0.010 to 0.025"),
        "j_offset": _TOTAL_ERROR.format(0.0155, "the upper end", "0.0095 to 0.0155"),
        "device_beta": "B(s*) = 7 GHz at the freeze-out of single qubits (docs, errors.rst, "
        "'Temperature', D-Wave 2X), at 14.5 mK (Leap's dashboard, 2018-11, as a user's blog quotes "
        "it)",
        "device_beta_stderr": "chosen: 25 %, as estimates by other methods and problems differ "
        "(see advantage), and B(s*) is another processor's",
        "drift": "qubit temperature 14.5 +- 1 mK (source as device_beta); docs, errors.rst: it "
        "varies by a few millikelvin with use",
        "readout_error": _ERRORS + "'Readout Fidelity': 1 read in 100 is wrong, by one or more "
        "qubits; spread over all qubits",
        "qpu_access_overhead_time": "chosen: as Advantage",
        "problem_timing_data": _CLOUD + "qpu_problem_timing_data('2000q'), DW_2000Q_6, 2022-08",
    },
)

_LOWER_NOISE = replace(
    _BASELINE,
    name="2000q-lower-noise",
    n_qubits=2030,
    h_noise=0.009 / 2.5,
    j_noise=0.00095,
    h_offset=_rest(0.010, 0.009 / 2.5),
    j_offset=_rest(0.0095, 0.00095),
    device_beta=_freeze_out_beta(7.0, 13.5),
    device_beta_stderr=0.25 * _freeze_out_beta(7.0, 13.5),
    readout_error=_wrong_qubits(0.01, 2030),
    sources={
        **_BASELINE.sources,
        "n_qubits": "DW_2000Q_5, the lower-noise processor on Leap; counted by several users in "
        "comments of public code (github.com)",
        "h_noise": "Advantage's divided by 2.5: arXiv:2006.16421 finds the flux noise of "
        "Advantage_system1.1 2 to 3 times that of DW_2000Q_6",
        "h_offset": _TOTAL_ERROR.format(0.010, "the lower end", "0.010 to 0.025"),
        "j_offset": _TOTAL_ERROR.format(0.0095, "the lower end", "0.0095 to 0.0155"),
        "device_beta": "B(s*) = 7 GHz as 2000q-baseline, at 13.5 mK (DW_2000Q_6, nominal, in "
        "public code that analyses it; 'below 15 mK' in D-Wave's notebook 'Diverse Solutions')",
        "drift": "chosen: as 2000q-baseline",
    },
)

_INTERIM = replace(
    _BASELINE,
    name="2000q-interim-lower-noise",
    h_noise=0.009 / math.sqrt(2.5),
    j_noise=0.00125,
    h_offset=_rest(0.0175, 0.009 / math.sqrt(2.5)),
    j_offset=_rest(0.0125, 0.00125),
    device_beta=_freeze_out_beta(7.0, 14.0),
    device_beta_stderr=0.25 * _freeze_out_beta(7.0, 14.0),
    sources={
        **_BASELINE.sources,
        "n_qubits": "chosen: as 2000q-baseline; the processor was internal to D-Wave",
        "h_noise": "chosen: the geometric mean of 2000q-baseline and 2000q-lower-noise; only "
        "'intermediate' is published (Vinci et al. 2020, section IV C)",
        "h_offset": _TOTAL_ERROR.format(0.0175, "the middle", "0.010 to 0.025"),
        "j_offset": _TOTAL_ERROR.format(0.0125, "the middle", "0.0095 to 0.0155"),
        "device_beta": "B(s*) = 7 GHz as 2000q-baseline, at 14 mK, chosen between the two others",
        "drift": "chosen: as 2000q-baseline",
    },
)

_ADVANTAGE = replace(
    _BASELINE,
    name="advantage",
    topology_type="pegasus",
    topology_shape=(16,),
    n_qubits=5627,
    coupler_yield=0.99954,
    h_range=(-4.0, 4.0),
    per_qubit_coupling_range=(-18.0, 15.0),
    annealing_time_range=(0.5, 2000.0),
    fast_anneal_time_range=(0.005, 2000.0),
    h_noise=0.009,
    j_noise=0.00125,
    h_offset=_rest(0.0175, 0.009),
    j_offset=_rest(0.0125, 0.00125),
    device_beta=1.0 / 0.198,
    device_beta_stderr=0.2 / 0.198,
    drift=0.03,
    readout_error=_wrong_qubits(0.001, 5627),
    problem_timing_data=_DATA_ADVANTAGE,
    sources={
        **_COMMON,
        "topology_shape": _SPECIFIC + "Advantage_system4.1, P16",
        "n_qubits": _SPECIFIC + "Advantage_system4.1",
        "coupler_yield": _SPECIFIC + "Advantage_system4.1: 40279 couplers, of 40298 that 5627 "
        "qubits taken at random have on average",
        "h_range": _MOCK,
        "j_range": _MOCK,
        "extended_j_range": _MOCK,
        "per_qubit_coupling_range": _MOCK,
        "annealing_time_range": _MOCK,
        "fast_anneal_time_range": _MOCK,
        "h_quantisation": "chosen: as the D-Wave 2X (see 2000q-baseline), as Advantage's figures "
        "are pictures",
        "j_quantisation": "chosen: as the D-Wave 2X (see 2000q-baseline), as Advantage's figures "
        "are pictures",
        "h_noise": _ERRORS + "flux noise from 1 mHz to 1 MHz early in the anneal, measured on a "
        "D-Wave 2X; typical flux noise of 2 uPhi0/sqrt(Hz) at 1 Hz gives 0.01",
        "h_offset": _TOTAL_ERROR.format(0.0175, "the middle", "0.010 to 0.025"),
        "j_offset": _TOTAL_ERROR.format(0.0125, "the middle", "0.0095 to 0.0155"),
        "device_beta": _SPECIFIC + "Advantage_system4.1, average single-qubit temperature 0.198",
        "device_beta_stderr": "chosen: 20 %. Others: 4.5 (Advantage_system6.4, 0.221), 6.1 (4.1, "
        "from B(s*) = 3.91 GHz at 15.4 mK), 4.5 (full spin glass, 0.223), both in the docstrings "
        "of dwave.system.temperatures",
        "drift": "chosen: between +- 0.1 of 15.4 mK (docs, solver_properties_specific.rst) and the "
        "few millikelvin by which it varies with use (docs, errors.rst)",
        "readout_error": _SPECIFIC + "at most 0.001 when reading the full system, taken as the "
        "share of wrong reads, as in docs, errors.rst; spread over all qubits",
        "qpu_access_overhead_time": "docs, operation_timing.rst: example of info['timing']; "
        "'roughly 10-20 ms'",
        "problem_timing_data": _CLOUD
        + "qpu_problem_timing_data('advantage'), Advantage_system4.1, 2022-08",
    },
)

_ADVANTAGE2 = replace(
    _ADVANTAGE,
    name="advantage2",
    topology_type="zephyr",
    topology_shape=(12, 4),
    n_qubits=4589,
    coupler_yield=0.99544,
    per_qubit_coupling_range=None,
    per_group_coupling_range=(-13.0, 10.0),
    h_noise=0.0045,
    j_noise=0.00095,
    h_offset=_rest(0.010, 0.0045),
    j_offset=_rest(0.0095, 0.00095),
    device_beta=1.0 / 0.112,
    device_beta_stderr=0.2 / 0.112,
    drift=1.0 / 20.0,
    readout_error=_wrong_qubits(0.001, 4589),
    problem_timing_data=_DATA_ADVANTAGE2,
    sources={
        **_ADVANTAGE.sources,
        "topology_shape": _SPECIFIC + "Advantage2_system1.10, Z12",
        "n_qubits": _SPECIFIC + "Advantage2_system1.10",
        "coupler_yield": _SPECIFIC + "Advantage2_system1.10: 41729 couplers, of 41920 that 4589 "
        "qubits taken at random have on average",
        "h_range": _GENERAL + "example [-4, 4], of all processors",
        "j_range": _GENERAL + "example [-1, 1], of all processors",
        "extended_j_range": _GENERAL + "example [-2, 1], of all processors",
        "per_group_coupling_range": _GENERAL + "example of a Zephyr processor",
        "annealing_time_range": _GENERAL + "example [0.5, 2000], of all processors",
        "fast_anneal_time_range": _GENERAL + "example [0.005, 2000], of all processors",
        "h_noise": "chosen: half of Advantage's; docs, errors.rst: its noise from spin baths is "
        "'vastly reduced', without a number",
        "h_offset": _TOTAL_ERROR.format(0.010, "the lower end", "0.010 to 0.025"),
        "j_offset": _TOTAL_ERROR.format(0.0095, "the lower end", "0.0095 to 0.0155"),
        "freeze_out": _SAME_AS_ADVANTAGE,
        "device_beta": _SPECIFIC + "Advantage2_system1.10, average single-qubit temperature 0.112",
        "device_beta_stderr": "chosen: 20 %. Others: 8.4 (Advantage2_system2.1 and 4.1, 0.119), "
        "9.8 (Advantage2_research1.5, 0.102), 6.35 (Advantage2_system1.3, an example of "
        "dwave-pytorch-plugin)",
        "drift": _SPECIFIC + "Advantage2_system1.10, qubit temperature 20 +- 1 mK",
        "qpu_access_overhead_time": _SAME_AS_ADVANTAGE,
        "problem_timing_data": "a solver's data in public code (a test fixture of "
        "github.com/QuipNetwork's quip-miner-dwave), confirmed by D-Wave's table of "
        "Advantage2_system1.10: programming ~ 33600, delay 60.6, readout 17 to 101; no "
        "decorrelation (docs, solver_parameters.rst)",
    },
)

_NONE = "chosen: none, that is what ideal means"
_IDEAL = replace(
    _ADVANTAGE,
    name="ideal",
    n_qubits=5640,
    coupler_yield=1.0,
    h_quantisation=0.0,
    j_quantisation=0.0,
    h_noise=0.0,
    j_noise=0.0,
    h_offset=0.0,
    j_offset=0.0,
    device_beta=6.1,
    device_beta_stderr=0.2 * 6.1,
    freeze_out=1.0,
    drift=0.0,
    readout_error=0.0,
    sources={
        **_ADVANTAGE.sources,
        "n_qubits": "chosen: the whole P16",
        "coupler_yield": "chosen: the whole P16",
        **dict.fromkeys(
            (
                *("h_quantisation", "j_quantisation", "h_noise", "j_noise", "h_offset", "j_offset"),
                *("freeze_out", "drift", "readout_error"),
            ),
            _NONE,
        ),
        "device_beta": "chosen: not 1; Advantage_system4.1's by B(s*) = 3.91 GHz at 15.4 mK, in "
        "the docstrings of dwave.system.temperatures",
    },
)

PROFILES: dict[str, QPUProfile] = {
    profile.name: profile
    for profile in (_IDEAL, _BASELINE, _INTERIM, _LOWER_NOISE, _ADVANTAGE, _ADVANTAGE2)
}

# Average single-qubit temperatures, per unit of programmed energy: docs,
# solver_properties_specific.rst. Minor versions are new calibrations of the same chip.
_SINGLE_QUBIT_TEMPERATURES = {
    "Advantage2_system1": 0.112,
    "Advantage2_system2": 0.119,
    "Advantage2_system4": 0.119,
    "Advantage2_research1": 0.102,
    "Advantage_system4": 0.198,
    "Advantage_system6": 0.221,
}

# Beginning of a chip's name -> profile; the first that fits counts.
_CHIPS = {
    "DW_2000Q_2": "2000q-baseline",
    "DW_2000Q": "2000q-lower-noise",
    "Advantage2": "advantage2",
    "Advantage": "advantage",
}
