"""What may be said to a sampler's doors: checks of arguments that all samplers share."""

from __future__ import annotations

import dimod
import joblib
import numpy as np


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


def check_keep(keep, n_spins: int, caller: str) -> np.ndarray:
    if keep is None:
        return np.arange(n_spins)
    kept = np.asarray(keep)
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
    states = np.asarray(initial_states)
    expected = (shape[0], num_reads, shape[1])
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
            f"model. Got values for {len(given)} variables."
        )
    at = {label: column for column, label in enumerate(given)}
    spins = values[:, [at[label] for label in labels]]
    if bqm.vartype is dimod.BINARY and np.isin(spins, (0, 1)).all():
        spins = 2 * spins.astype(np.int8) - 1
    return np.asarray(spins)[np.newaxis]
