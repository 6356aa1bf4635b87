"""Reverse annealing: which calls of a device start from states, and how far they go back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qsklearn.samplers._device_calls import device_properties

#: Points (microseconds, anneal fraction) of dwave-system's ReverseAdvanceComposite, and where they
#: are steepest, in fractions a microsecond.
REVERSE_SCHEDULE = ((0.0, 1.0), (1.0, 0.35), (9.0, 0.35), (10.0, 1.0))
_STEEPEST = 0.65
_OF_FORWARD_ANNEALS = {"annealing_time"}
_OF_REVERSE_ANNEALS = {"anneal_schedule", "reinitialize_state"}


def is_reverse(schedule) -> bool:
    """Whether a schedule begins at the anneal fraction 1, where a state is."""
    try:
        return float(schedule[0][1]) == 1.0
    except (TypeError, ValueError, IndexError, KeyError):  # the device says what is wrong with it
        return False


def default_reverse_schedule(properties: Mapping[str, Any]) -> list[list[float]]:
    """The way back to the anneal fraction 0.35, a pause there, and forward again.

    Parameters
    ----------
    properties : mapping
        Of a device, under D-Wave's names.

    Returns
    -------
    schedule : list of [time, anneal fraction]
        That of dwave-system's ``ReverseAdvanceComposite``, 10 microseconds; slower where the device
        is, whose shortest annealing time limits slopes and the whole.

    Examples
    --------
    >>> from qsklearn.samplers._reverse_annealing import default_reverse_schedule
    >>> default_reverse_schedule({"annealing_time_range": [0.5, 2000.0]})
    [[0.0, 1.0], [1.0, 0.35], [9.0, 0.35], [10.0, 1.0]]
    >>> default_reverse_schedule({"annealing_time_range": [20.0, 2000.0]})[-1]
    [130.0, 1.0]
    """
    shortest = (properties.get("annealing_time_range") or (0.0,))[0]
    slower = max(1.0, _STEEPEST * shortest)
    return [[time * slower, fraction] for time, fraction in REVERSE_SCHEDULE]


def continues_chains(sampler) -> bool:
    """Whether a sampler's draws at a temperature may go on from the states of the call before.

    A device also starts from states, by a reverse anneal, but all reads of a call from one.
    """
    return _takes_states(sampler) and "anneal_schedule" not in sampler.parameters


def _takes_states(sampler) -> bool:
    # A wrapper declares the words of the sampler that it wraps, which its own array door may lack.
    own = getattr(sampler, "_call_parameters", None)
    return "initial_states" in (sampler.parameters if own is None else own())


def restart_arguments(sampler) -> dict[str, Any] | None:
    """What a search from states takes beside ``initial_states``; None if there is no such search.

    Parameters
    ----------
    sampler : object with ``sample_arrays`` and ``parameters``

    Returns
    -------
    arguments : dict or None
        Of a device :func:`default_reverse_schedule`, unless its own ``params`` have a reverse one.
    """
    if not _takes_states(sampler):
        return None
    if "anneal_schedule" not in sampler.parameters:
        return {}
    if is_reverse(_own_params(sampler).get("anneal_schedule")):
        return {}
    return {"anneal_schedule": default_reverse_schedule(device_properties(sampler))}


def _own_params(sampler) -> Mapping[str, Any]:
    """``params`` of a sampler, or of the one that composites hand its calls to."""
    while sampler is not None and not hasattr(sampler, "params"):
        sampler = getattr(sampler, "sampler", None)
    return getattr(sampler, "params", None) or {}


def anneal_arguments(
    params: Mapping[str, Any], of_call: set[str], has_states: bool, caller: str
) -> dict[str, Any]:
    """Arguments of a device's call, of which a reverse anneal takes others than a forward one.

    Parameters
    ----------
    params : mapping
        Of all calls, and of this one.
    of_call : set of str
        Those that are this call's.
    has_states : bool
        Whether it starts from states.
    caller : str

    Returns
    -------
    arguments : dict
        Without a reverse schedule in a call that has nothing to start from, and without the
        ``annealing_time`` of the others in one that has.

    Raises
    ------
    ValueError
        If states come without a reverse schedule, or the call's reverse schedule without states.
    """
    schedule = params.get("anneal_schedule")
    reverse = is_reverse(schedule)
    if has_states and not reverse:
        raise ValueError(
            f"The 'initial_states' parameter of {caller} needs a reverse anneal: an "
            "'anneal_schedule' that begins at the anneal fraction 1, such as "
            f"{[list(point) for point in REVERSE_SCHEDULE]}, in 'params' or in the call. Got "
            f"{schedule!r} instead."
        )
    if not has_states and reverse and "anneal_schedule" in of_call:
        raise ValueError(
            "An 'anneal_schedule' that begins at the anneal fraction 1 is a reverse anneal, for "
            f"which {caller} needs 'initial_states'. Give them, or a schedule that begins at 0."
        )
    if not reverse:
        return dict(params)
    left_out = (_OF_FORWARD_ANNEALS if has_states else _OF_REVERSE_ANNEALS) - of_call
    return {name: value for name, value in params.items() if name not in left_out}


def states_of_models(initial_states: np.ndarray, caller: str) -> np.ndarray:
    """The one state from which all reads of a model start.

    Parameters
    ----------
    initial_states : ndarray of shape (n_models, num_reads, n_spins)
    caller : str

    Returns
    -------
    states : ndarray of shape (n_models, n_spins)

    Raises
    ------
    ValueError
        If reads of a model start from different states.
    """
    states = initial_states[:, 0]
    differ = (initial_states != states[:, np.newaxis]).any(axis=(1, 2))
    if differ.any():
        model = int(differ.argmax())
        raise ValueError(
            f"The 'initial_states' parameter of {caller} must be the same for all reads of a "
            "model, because a device starts all reads of a call from one state. Got "
            f"{len(np.unique(initial_states[model], axis=0))} different ones for model {model}; "
            "make a model of each (repeat its row of h), or draw from each in a call of its own."
        )
    return states
