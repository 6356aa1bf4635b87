"""What a call to a D-Wave processor costs in time, by D-Wave's published timing model."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from qsklearn._optional import import_optional

_CALLER = "The QPU timing model"
#: Parameters of a call that count in the timing model.
TIMED = (
    "annealing_time",
    "anneal_schedule",
    "fast_anneal",
    "initial_state",
    "programming_thermalization",
    "readout_thermalization",
    "reduce_intersample_correlation",
    "reinitialize_state",
)
# Parts of the model; without one of them, the library's total is the rest.
_PROGRAMMING = (
    "typical_programming_time",
    "default_programming_thermalization",
    "reverse_annealing_with_reinit_prog_time_delta",
    "reverse_annealing_without_reinit_prog_time_delta",
)
_ANNEAL_AND_DELAY = ("default_annealing_time", "qpu_delay_time_per_sample")
_REST = (*_ANNEAL_AND_DELAY, "default_readout_thermalization")


def qpu_timing(
    problem_timing_data: Mapping[str, Any],
    n_qubits: int,
    num_reads: int = 1,
    *,
    annealing_time: float | None = None,
    anneal_schedule: Sequence[Sequence[float]] | None = None,
    initial_state: Any = None,
    reinitialize_state: bool = False,
    programming_thermalization: float | None = None,
    readout_thermalization: float | None = None,
    reduce_intersample_correlation: bool = False,
    fast_anneal: bool = False,
    qpu_access_overhead_time: float = 0.0,
    post_processing_time: float = 0.0,
) -> dict[str, float]:
    """Time of a call, and its parts, as D-Wave's answers state them.

    .. math::

       T_{access} = T_{programming} + T_{sampling}, \\qquad
       T_{sampling} = R \\, (T_{anneal} + T_{readout} + T_{delay})

    for R reads. The total is dwave-cloud-client's ``estimate_qpu_access_time``. Defaults of the
    arguments that are None are the device's own, from its timing data.

    Parameters
    ----------
    problem_timing_data : mapping
        The solver property of that name, version 1.0.x.
    n_qubits : int
        Qubits that the program uses: the time to read grows with them.
    num_reads : int, default=1
    annealing_time : float, optional
        Microseconds of one anneal; not together with ``anneal_schedule``.
    anneal_schedule : sequence of (time, anneal fraction), optional
        One that starts at the fraction 1 is a reverse anneal and needs ``initial_state``.
    initial_state : object, optional
    reinitialize_state : bool, default=False
        Whether each read of a reverse anneal starts from ``initial_state``. (D-Wave's own default
        is True; that of the estimate is False.)
    programming_thermalization, readout_thermalization : float, optional
        Microseconds of waiting after programming, and after each read.
    reduce_intersample_correlation : bool, default=False
        Pauses between reads; they grow with the annealing time.
    fast_anneal : bool, default=False
        The time of a fast anneal counts as any other's; its schedule has two points.
    qpu_access_overhead_time : float, default=0.0
        Microseconds that D-Wave reports, but neither counts as access time nor charges.
    post_processing_time : float, default=0.0
        Microseconds of the server's post-processing, reported alike.

    Returns
    -------
    timing : dict of str to float
        Microseconds, under the keys of ``info["timing"]``, not rounded: programming and sampling
        add up to ``qpu_access_time``.

    Raises
    ------
    ValueError
        If arguments contradict each other, a number is out of range, or the timing data is
        incomplete or of an unknown version.
    ImportError
        If dwave-cloud-client is missing.

    References
    ----------
    D-Wave documentation, "Operation and Timing", section "Estimating Access Time".

    Examples
    --------
    >>> from qsklearn.samplers import get_qpu_profile
    >>> from qsklearn.samplers._qpu_timing import qpu_timing
    >>> timing = qpu_timing(get_qpu_profile("advantage").problem_timing_data, 1, num_reads=100)
    >>> timing["qpu_programming_time"], round(timing["qpu_access_time"], 2)
    (15072.88, 22587.32)
    """
    _check(n_qubits, num_reads, annealing_time, anneal_schedule, fast_anneal)
    anneal = {
        "annealing_time": annealing_time,
        # The library asks for the truth of both, which arrays do not have.
        "anneal_schedule": None if anneal_schedule is None else [tuple(p) for p in anneal_schedule],
        "initial_state": initial_state is not None,
        "reinitialize_state": reinitialize_state,
        "reduce_intersample_correlation": reduce_intersample_correlation,
    }
    data = _with_waits(problem_timing_data, programming_thermalization, readout_thermalization)
    total = _access_time(data, n_qubits, num_reads, **anneal)
    programming = _access_time(data, n_qubits, 0, **anneal)
    per_read = _access_time(_without(data, _PROGRAMMING), n_qubits, 1, **anneal)
    anneal_time = _anneal_time(data, annealing_time, anneal_schedule)
    readout = readout_time(data, n_qubits)
    return {
        "qpu_sampling_time": num_reads * per_read,
        "qpu_anneal_time_per_sample": anneal_time,
        "qpu_readout_time_per_sample": readout,
        "qpu_access_time": total,
        "qpu_access_overhead_time": float(qpu_access_overhead_time),
        "qpu_programming_time": programming,
        "qpu_delay_time_per_sample": per_read - anneal_time - readout,
        "total_post_processing_time": float(post_processing_time),
        "post_processing_overhead_time": float(post_processing_time),
    }


def estimate_access_time(
    properties: Mapping[str, Any], n_qubits: int, num_reads: int, **parameters: Any
) -> float:
    """Microseconds that a call takes of what D-Wave charges.

    Parameters
    ----------
    properties : mapping
        Of a structured sampler, under D-Wave's names.
    n_qubits : int
        Qubits that the program uses.
    num_reads : int
    **parameters
        Of the call; those that do not count in the timing model, and None, are left out.

    Returns
    -------
    time : float
        0 for a device that states no timing data.

    Raises
    ------
    ValueError
        As :func:`qpu_timing`.
    """
    data = properties.get("problem_timing_data")
    if not data or not n_qubits:
        return 0.0
    # D-Wave's own default, which the library's estimate does not share.
    times: dict[str, Any] = {"reinitialize_state": True}
    times |= {name: parameters[name] for name in TIMED if parameters.get(name) is not None}
    return qpu_timing(data, n_qubits, num_reads, **times)["qpu_access_time"]


def readout_time(problem_timing_data: Mapping[str, Any], n_qubits: int) -> float:
    """Microseconds to read that many qubits once.

    Parameters
    ----------
    problem_timing_data : mapping
    n_qubits : int

    Returns
    -------
    time : float
    """
    return _access_time(_without(problem_timing_data, _PROGRAMMING + _REST), n_qubits, 1)


def largest_num_reads(
    properties: Mapping[str, Any],
    n_qubits: int,
    *,
    annealing_time: float | None = None,
    anneal_schedule: Sequence[Sequence[float]] | None = None,
    programming_thermalization: float | None = None,
    readout_thermalization: float | None = None,
    reduce_intersample_correlation: bool = False,
    **_other: Any,
) -> int:
    """Most reads that one call may ask for.

    D-Wave refuses a call whose

    .. math:: (T_{anneal} + T_{wait} + T_{readout}) \\, R + T_{programming\\ thermalization}

    exceeds the upper end of ``problem_run_duration_range``. D-Wave documents the readout time as
    part of it since 2025-09 (dwave-ocean-sdk, pull request 384); dwave-cloud-client's
    ``max_num_reads`` leaves it out, and so does this where the device states no timing data. The
    pauses of ``reduce_intersample_correlation`` count as waits.

    Parameters
    ----------
    properties : mapping
        Of a structured sampler, under D-Wave's names. Limits that it does not state do not bind.
    n_qubits : int
        Qubits that the program uses.
    annealing_time, anneal_schedule, programming_thermalization, readout_thermalization, \
reduce_intersample_correlation
        As in :func:`qpu_timing`.
    **_other
        Parameters of a call that do not matter here.

    Returns
    -------
    num_reads : int

    Raises
    ------
    ValueError
        If not even the fewest reads fit.

    Examples
    --------
    >>> from qsklearn.samplers import get_qpu_profile
    >>> from qsklearn.samplers._qpu_timing import largest_num_reads
    >>> properties = get_qpu_profile("advantage").solver_properties()
    >>> largest_num_reads(properties, 1), largest_num_reads(properties, 1, annealing_time=2000.0)
    (10000, 491)
    """
    _check(n_qubits, 1, annealing_time, anneal_schedule, False)
    fewest, most = (int(limit) for limit in properties.get("num_reads_range") or (1, sys.maxsize))
    if not properties.get("problem_run_duration_range"):
        return most
    timed = properties.get("problem_timing_data") or {}
    data = _with_waits({**properties, **timed}, programming_thermalization, readout_thermalization)
    anneal_time = _anneal_time(data, annealing_time, anneal_schedule)
    wait = data.get("default_readout_thermalization", 0.0)
    if reduce_intersample_correlation and timed:
        wait = max(wait, _decorrelation_time(data, anneal_time))
    per_read = anneal_time + wait + (readout_time(timed, n_qubits) if timed else 0.0)
    duration = properties["problem_run_duration_range"][1]
    once = data.get("default_programming_thermalization", 0.0)
    num_reads = min(most, int((duration - once) / per_read)) if per_read else most
    if num_reads < fewest:
        raise ValueError(
            f"A call takes too long: {once:g} microseconds to cool after programming and "
            f"{per_read:g} a read, where the device allows {duration:g} in all, for {fewest} "
            "read(s) at least. Shorten the anneal or the thermalisation times."
        )
    return num_reads


def _access_time(data: Mapping[str, Any], n_qubits: int, num_reads: int, **anneal: Any) -> float:
    solver = import_optional("dwave.cloud.solver", _CALLER)
    # The method needs no connection, only properties.
    device = SimpleNamespace(properties={"problem_timing_data": data})
    estimate = solver.StructuredSolver.estimate_qpu_access_time
    try:
        return float(estimate(device, n_qubits, num_reads, **anneal))
    except KeyError as error:
        raise ValueError(
            "The 'problem_timing_data' parameter of a call must be a solver's property of that "
            f"name, complete. {error.args[0]}"
        ) from error


def _without(data: Mapping[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    return {**data, **dict.fromkeys(parts, 0.0)}


def _with_waits(
    data: Mapping[str, Any] | None, programming: float | None, readout: float | None
) -> dict[str, Any]:
    """Timing data whose default waits are those asked for.

    Given as arguments, the library takes a wait of 0 for none given; D-Wave's model does not.
    """
    given = {
        "default_programming_thermalization": programming,
        "default_readout_thermalization": readout,
    }
    for name, wait in given.items():
        if wait is not None and not wait >= 0:
            raise ValueError(
                f"The {name.removeprefix('default_')!r} parameter of a call must be a number of "
                f"microseconds, 0 or more. Got {wait!r} instead."
            )
    return {**(data or {}), **{name: wait for name, wait in given.items() if wait is not None}}


def _anneal_time(
    data: Mapping[str, Any],
    annealing_time: float | None,
    anneal_schedule: Sequence[Sequence[float]] | None,
) -> float:
    if annealing_time is not None:
        return float(annealing_time)
    if anneal_schedule is not None:
        return float(anneal_schedule[-1][0])
    return float(data.get("default_annealing_time", 0.0))


def _decorrelation_time(data: Mapping[str, Any], anneal_time: float) -> float:
    shortest, longest = data["decorrelation_time_range"]
    fraction = anneal_time / data["decorrelation_max_nominal_anneal_time"]
    return shortest + fraction * (longest - shortest)


def are_points(schedule: Any) -> bool:
    """Whether a schedule is a list of two or more pairs of numbers.

    Examples
    --------
    >>> from qsklearn.samplers._qpu_timing import are_points
    >>> are_points([(0, 0), (20, 1)]), are_points([0, 1])
    (True, False)
    """
    try:
        points = np.asarray(schedule, dtype=float)
    except (TypeError, ValueError):  # words, or ragged
        return False
    return points.ndim == 2 and points.shape[1] == 2 and len(points) >= 2


def _check(
    n_qubits: int,
    num_reads: int,
    annealing_time: float | None,
    anneal_schedule: Sequence[Sequence[float]] | None,
    fast_anneal: bool,
) -> None:
    for name, count in (("n_qubits", n_qubits), ("num_reads", num_reads)):
        if not count >= 1:
            raise ValueError(
                f"The {name!r} parameter of a call must be a whole number, at least 1. Got "
                f"{count!r} instead."
            )
    if annealing_time is not None and not annealing_time > 0:
        raise ValueError(
            "The 'annealing_time' parameter of a call must be a positive number of microseconds. "
            f"Got {annealing_time!r} instead."
        )
    if anneal_schedule is None:
        return
    if annealing_time is not None:
        raise ValueError(
            "The 'annealing_time' and 'anneal_schedule' parameters of a call exclude each other: "
            "the schedule's last time is the annealing time. Give one of them."
        )
    if not are_points(anneal_schedule):
        raise ValueError(
            "The 'anneal_schedule' parameter of a call must be a list of two or more pairs (time, "
            f"anneal fraction). Got {anneal_schedule!r} instead."
        )
    if fast_anneal and len(anneal_schedule) != 2:
        raise ValueError(
            "The 'anneal_schedule' parameter of a call must have two points in a fast anneal. Got "
            f"{len(anneal_schedule)} instead."
        )
