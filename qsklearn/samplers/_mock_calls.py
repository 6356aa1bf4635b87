"""What a call asks of a mock device, and what the device refuses, as D-Wave's processors do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from qsklearn._optional import import_optional
from qsklearn._private_api import Integral, Real
from qsklearn.samplers._qpu_timing import TIMED, largest_num_reads

_NAME = "MockQPUSampler"
_FLAGS = ("auto_scale", "fast_anneal", "reduce_intersample_correlation", "reinitialize_state")
_WAITS = ("programming_thermalization", "readout_thermalization")
#: Keywords that are modelled, or have nothing to do with the draws.
UNDERSTOOD = {"num_reads", "answer_mode", "auto_scale", "label", "seed", "warnings", *TIMED}
# Slopes of schedules come from differences of times, whose last digits are lost.
_SLACK = 1e-6


@dataclass(frozen=True)
class MockCall:
    """A call's keywords, checked, with the defaults of a processor.

    Attributes
    ----------
    num_reads : int
    auto_scale : bool
    answer_mode : {"histogram", "raw"}
    label : str or None
    seed : int or None
    times : dict
        Those of the timing model.
    """

    num_reads: int
    auto_scale: bool
    answer_mode: str
    label: str | None
    seed: int | None
    times: dict[str, Any]


def read_call(
    parameters: Mapping[str, Any], properties: Mapping[str, Any], n_qubits: int
) -> MockCall:
    """Check the keywords of a call; those that are None count as left out.

    Parameters
    ----------
    parameters : mapping
        Of ``sample``, all of them known.
    properties : mapping
        The device's, under D-Wave's names.
    n_qubits : int
        Of the program.

    Raises
    ------
    dwave.cloud.exceptions.InvalidProblemError
        A ValueError.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    for name in _FLAGS:
        if not isinstance(given.get(name, False), bool | np.bool_):
            _refuse(name, "True or False", given[name])
    num_reads, seed, label = given.get("num_reads", 1), given.get("seed"), given.get("label")
    fewest, most = properties["num_reads_range"]
    if not _is_whole(num_reads) or not fewest <= num_reads <= most:
        _refuse("num_reads", f"a whole number in the range [{fewest}, {most}]", num_reads)
    if seed is not None and (not _is_whole(seed) or seed < 0):
        _refuse("seed", "a whole number, 0 or more", seed)
    if label is not None and not isinstance(label, str):
        _refuse("label", "a str", label)
    times = {name: given[name] for name in TIMED if name in given}
    _check_times(times, properties)
    allowed = _largest_num_reads(properties, n_qubits, times)
    if num_reads > allowed:
        _refuse("num_reads", f"at most {allowed} at these times of a read", num_reads)
    return MockCall(
        num_reads=int(num_reads),
        auto_scale=bool(given.get("auto_scale", True)),
        answer_mode=_answer_mode(given),
        label=label,
        seed=None if seed is None else int(seed),
        times=times,
    )


def refuse_program(reason: str) -> NoReturn:
    """Raise what D-Wave's client raises of a program that does not fit."""
    exceptions = import_optional("dwave.cloud.exceptions", _NAME)
    raise exceptions.InvalidProblemError(reason)


def _refuse(name: str, expected: str, got: Any) -> NoReturn:
    refuse_program(f"The {name!r} parameter of a call must be {expected}. Got {got!r} instead.")


def _is_whole(number: Any) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _answer_mode(given: Mapping[str, Any]) -> str:
    # A reverse anneal is a chain of states, whose order counts.
    mode = given.get("answer_mode", "raw" if "initial_state" in given else "histogram")
    if mode not in ("histogram", "raw"):
        _refuse("answer_mode", "'histogram' or 'raw'", mode)
    return mode


def _largest_num_reads(properties, n_qubits: int, times: dict[str, Any]) -> int:
    try:
        return largest_num_reads(properties, max(n_qubits, 1), **times)
    except ValueError as error:  # times that exclude each other, or not even one read
        refuse_program(str(error))


def _check_times(times: dict[str, Any], properties: Mapping[str, Any]) -> None:
    is_fast = bool(times.get("fast_anneal", False))
    limits_name = "fast_anneal_time_range" if is_fast else "annealing_time_range"
    if limits_name not in properties:
        _refuse("fast_anneal", "False, as this device has no fast anneal", True)
    limits = properties[limits_name]
    if "annealing_time" in times:
        _check_time("annealing_time", times["annealing_time"], limits)
    for name in _WAITS:
        if name in times:
            _check_time(name, times[name], properties[f"{name}_range"])
    is_reverse = False
    if "anneal_schedule" in times:
        times["anneal_schedule"] = _check_schedule(
            times["anneal_schedule"], limits, 2 if is_fast else None, properties
        )
        is_reverse = times["anneal_schedule"][0][1] == 1
    _check_initial_state(times.get("initial_state"), is_reverse)


def _check_time(name: str, time: Any, limits: tuple[float, float]) -> None:
    is_number = isinstance(time, Real) and not isinstance(time, bool)
    if not is_number or not limits[0] <= time <= limits[1]:
        _refuse(name, f"a number of microseconds in the range {list(limits)}", time)


def _check_schedule(schedule, limits, most_points, properties) -> list[tuple[float, float]]:
    """Points (time, anneal fraction) by D-Wave's rules."""
    try:
        points = np.asarray(schedule, float)
    except (TypeError, ValueError):
        points = np.empty(0)
    is_curve = points.ndim == 2 and points.shape[1] == 2 and len(points) >= 2
    if not is_curve or not np.isfinite(points).all():
        _refuse("anneal_schedule", "a list of two or more pairs (time, anneal fraction)", schedule)
    times, fractions = points.T
    # One more for a reverse anneal, which begins elsewhere.
    most = most_points or properties["max_anneal_schedule_points"] + (fractions[0] == 1)
    if len(points) > most:
        _refuse("anneal_schedule", f"a list of at most {most} points", schedule)
    if times[0] != 0 or (np.diff(times) <= 0).any():
        _refuse("anneal_schedule", "at times that begin at 0 and increase", schedule)
    is_within = (fractions >= 0).all() and (fractions <= 1).all()
    if not is_within or fractions[0] not in (0, 1) or fractions[-1] != 1:
        expected = "at anneal fractions in [0, 1] that begin at 0, or in reverse at 1, and end at 1"
        _refuse("anneal_schedule", expected, schedule)
    _check_time("anneal_schedule", times[-1], limits)
    steepest = (np.abs(np.diff(fractions)) / np.diff(times)).max()
    if steepest > (1 + _SLACK) / limits[0]:
        _refuse("anneal_schedule", f"no steeper than {1 / limits[0]:g} a microsecond", schedule)
    return [tuple(point) for point in points.tolist()]


def _check_initial_state(state: Any, is_reverse: bool) -> None:
    if state is not None and not isinstance(state, Mapping):
        _refuse("initial_state", "a dict from qubits to their states", state)
    if is_reverse and not state:
        _refuse("initial_state", "given with an 'anneal_schedule' that begins at 1", state)
