"""What may be said to a sampler's doors: checks of arguments that all samplers share."""

from __future__ import annotations

from collections.abc import Iterable

import dimod
import joblib
import numpy as np

from qsklearn._memory import check_memory


def count_threads(num_threads, caller: str) -> int:
    if num_threads == 0:
        raise ValueError(
            f"The 'num_threads' parameter of {caller} must be an integer >= 1, a negative one to "
            "count from all cores, or None. Got 0 instead."
        )
    # Not joblib.effective_n_jobs: it speaks of processes, and warns within a forked one.
    if num_threads is None:
        return 1
    return num_threads if num_threads > 0 else max(joblib.cpu_count() + 1 + num_threads, 1)


def check_request(n_bytes: int, caller: str) -> None:
    """Refuse a request before anything is allocated.

    Raises
    ------
    MemoryError
        If it needs more than the machine has.
    """
    remedy = "Ask for fewer reads, sweeps or models, or keep fewer spins."
    check_memory(n_bytes, f"This request to {caller}", remedy)


def check_keep(keep, n_spins: int, caller: str) -> np.ndarray:
    if keep is None:
        return np.arange(n_spins)
    try:
        kept = np.asarray(keep)
    except ValueError:  # ragged
        kept = np.array([np.nan])
    if not kept.size:
        return np.empty(0, np.int64)
    is_list = kept.ndim == 1 and np.issubdtype(kept.dtype, np.integer)
    if not is_list or len(np.unique(kept)) < len(kept) or kept.min() < 0 or kept.max() >= n_spins:
        raise ValueError(
            f"The 'keep' parameter of {caller} must be a list of different spins, integers in "
            f"[0, {n_spins}). Got {keep!r} instead."
        )
    return kept.astype(np.int64)


def check_initial_states(initial_states, shape, num_reads: int, caller: str) -> np.ndarray:
    expected = (shape[0], num_reads, shape[1])
    try:
        states = np.asarray(initial_states, dtype=float)
    except (TypeError, ValueError):  # None, words, or ragged
        states = np.full((), np.nan)
    if states.shape != expected or not np.isin(states, (-1, 1)).all():
        raise ValueError(
            f"The 'initial_states' parameter of {caller} must be spins -1 or +1 of shape "
            f"{expected} (n_models, num_reads, n_spins). Got shape {states.shape} with values in "
            f"{sorted(set(np.unique(states)[:4].tolist()))} instead."
        )
    return np.ascontiguousarray(states, dtype=np.int8)


def initial_states_by_label(initial_states, labels, bqm) -> np.ndarray:
    """dimod's samples-like as spins of shape (1, num_reads, n_spins), columns by label."""
    values, given = dimod.as_samples(initial_states, copy=True)
    if set(given) != set(labels):
        raise ValueError(
            f"The 'initial_states' must give a value to each of the {len(labels)} variables of the "
            f"model. Got values for {len(given)} variables" + _name_one_that_misses(labels, given)
        )
    at = {label: column for column, label in enumerate(given)}
    spins = values[:, [at[label] for label in labels]]
    if bqm.vartype is dimod.BINARY and np.isin(spins, (0, 1)).all():
        spins = 2 * spins.astype(np.int8) - 1
    return np.asarray(spins)[np.newaxis]


def _name_one_that_misses(labels, given) -> str:
    missing = [label for label in labels if label not in set(given)]
    if not missing:
        return ", some of which the model does not have."
    return f", and none for {missing[0]!r}; an array goes in as (array, labels)."


def broadcast_clamped(clamped, shape: tuple[int, int, int], caller: str) -> np.ndarray:
    """Which spins are held, for each model and read."""
    held = np.asarray(clamped)
    try:
        if held.dtype != bool:
            raise ValueError
        return np.broadcast_to(held, shape)
    except ValueError:
        raise ValueError(
            f"The 'clamped' parameter of {caller} must be an array of bool of shape {shape} "
            f"(n_models, num_reads, n_spins), or one that broadcasts to it. Got {held.dtype} of "
            f"shape {held.shape} instead."
        ) from None


def clamped_by_label(clamped, labels) -> np.ndarray:
    """Labels of the variables that are held, as an array of bool in the order of the labels."""
    if isinstance(clamped, str) or not isinstance(clamped, Iterable):
        raise ValueError(
            f"The 'clamped' parameter must be a list of variables of the model. Got {clamped!r}."
        )
    known = set(labels)
    unknown = [label for label in clamped if label not in known]
    if unknown:
        raise ValueError(
            "The 'clamped' parameter must be a list of variables of the model. Got "
            f"{unknown[0]!r}, which is none."
        )
    held = set(clamped)
    return np.array([label in held for label in labels], bool)


def check_clamped(held: np.ndarray, models, settings, caller: str) -> np.ndarray:
    """Held spins of shape (n_models, num_reads, n_spins), where chains know what to hold them at.

    Raises
    ------
    ValueError
        If there are no ``initial_states``, or a one-hot unit is held in part, or without a spin up.
    """
    if settings.initial_states is None:
        raise ValueError(
            f"The 'clamped' parameter of {caller} needs 'initial_states', whose values it holds."
        )
    shape = (models.n_models, settings.num_reads, models.n_spins)
    held = np.ascontiguousarray(np.broadcast_to(held, shape))
    if models.one_hot is not None:
        of_unit = held[..., slice(*models.one_hot)]
        ups = (settings.initial_states[..., slice(*models.one_hot)] > 0).sum(axis=-1)
        whole = of_unit.all(axis=-1)
        if (of_unit.any(axis=-1) & ~whole).any() or (whole & (ups != 1)).any():
            raise ValueError(
                f"The 'clamped' parameter of {caller} must hold all spins of a one-hot unit or "
                "none, and the unit must have one spin up."
            )
    return held
