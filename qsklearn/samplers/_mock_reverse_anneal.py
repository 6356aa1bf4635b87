"""What a mock device makes of a reverse anneal. A model, made to have the right limits.

A forward anneal of the mock is a list of sweeps, at inverse temperatures that rise to the device's.
Here it is read as a function of the anneal fraction s: nothing moves above s = 0.8, and below that
the sweeps are spread evenly over s. A schedule that goes back makes the sweeps of the fractions
that it visits, as many in a microsecond as an anneal of the default time makes, on its way back, in
its pauses and on its way forward again. Where exactly a real processor freezes, and how fast it
moves, depends on the problem; no published figure went into this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsklearn.samplers._mock_calls import refuse_program

#: The anneal fraction above which nothing moves.
FROZEN = 0.8


@dataclass(frozen=True, eq=False)
class Stretch:
    """Sweeps of one kind, one after the other.

    Attributes
    ----------
    parts : ndarray of shape (num_sweeps,)
        Their inverse temperatures, in parts of the device's.
    moves_chains : bool
        Whether chains still move as wholes.
    """

    parts: np.ndarray
    moves_chains: bool


def follow_schedule(
    schedule: Sequence[Sequence[float]], num_sweeps: int, freeze_out: float, default_time: float
) -> list[Stretch]:
    """Sweeps of a schedule that begins and ends at the anneal fraction 1.

    Parameters
    ----------
    schedule : sequence of (time, anneal fraction)
    num_sweeps : int
        Of a forward anneal of the default time; twice as many where chains freeze before single
        qubits, as there.
    freeze_out : float
        The part of the inverse temperature at which chains stop moving as wholes.
    default_time : float
        Of an anneal, in the schedule's unit.

    Returns
    -------
    stretches : list of Stretch
        Empty if nothing moves.
    """
    times, fractions = _with_crossings(np.asarray(schedule, float))
    moves = np.minimum(fractions[1:], fractions[:-1]) < FROZEN
    elapsed = np.append(0.0, np.cumsum(np.diff(times) * moves))
    forward = num_sweeps * (2 if freeze_out < 1 else 1)
    count = round(forward * elapsed[-1] / (FROZEN * default_time))
    middles = (np.arange(count) + 0.5) * elapsed[-1] / max(count, 1)
    # Where the schedule is above, time stands still here, at the same fraction.
    visited = np.interp(middles, elapsed, np.minimum(fractions, FROZEN))
    parts, moves_chains = _forward_anneal(visited / FROZEN, freeze_out)
    starts = np.append(0, np.flatnonzero(np.diff(moves_chains)) + 1)
    ends = np.append(starts[1:], count)
    return [
        Stretch(parts[first:last], bool(moves_chains[first]))
        for first, last in zip(starts, ends, strict=True)
        if last > first
    ]


def _with_crossings(schedule: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and fractions, with points where the schedule crosses the frozen one."""
    times, fractions = schedule.T
    above = fractions - FROZEN
    at = np.flatnonzero(above[1:] * above[:-1] < 0)
    share = above[at] / (above[at] - above[at + 1])
    crossings = times[at] + share * (times[at + 1] - times[at])
    return np.insert(times, at + 1, crossings), np.insert(fractions, at + 1, FROZEN)


def _forward_anneal(progress: np.ndarray, freeze_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Parts of the inverse temperature at parts of a forward anneal, and whether chains move."""
    if freeze_out == 1:
        return np.minimum(2 * progress, 1.0), np.ones(len(progress), bool)
    moves_chains = progress < 0.5
    within = np.minimum(4 * np.where(moves_chains, progress, progress - 0.5), 1.0)
    return np.where(
        moves_chains, freeze_out * within, freeze_out + (1 - freeze_out) * within
    ), moves_chains


def read_initial_state(state: Mapping[int, Any], qubits: list[int]) -> np.ndarray:
    """Spins (n_qubits,) that a reverse anneal starts from, as D-Wave's client reads them.

    Raises
    ------
    dwave.cloud.exceptions.InvalidProblemError
        If a qubit of the program has none.
    """
    values = [state.get(qubit, 3) for qubit in qubits]
    missing = [
        qubit for qubit, value in zip(qubits, values, strict=True) if value not in (-1, 0, 1)
    ]
    if missing:
        refuse_program(
            "The 'initial_state' parameter of a call must give each qubit of the program a state, "
            f"-1 or 1, or 0 or 1 of a binary one. Got {state.get(missing[0])!r} for qubit "
            f"{missing[0]}."
        )
    return np.where(np.array(values, int) > 0, 1, -1).astype(np.int8)
