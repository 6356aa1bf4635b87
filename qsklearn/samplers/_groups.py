"""Families whose couplings differ by group: taken apart, and their results put back together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse

from qsklearn._checks import count_axes
from qsklearn.samplers._seeds import make_keys

# How what devices say of each group is put together.
_ADDED = {
    "num_calls",
    "num_faults",
    "num_queries",
    "qpu_access_time",
    "qpu_access_overhead_time",
    "qpu_programming_time",
    "qpu_sampling_time",
}
_AVERAGED = {"chain_break_fraction", "clipped_fraction"}
_LEAST = {"chain_strength", "scale"}
_BETAS = {"beta_eff", "beta_eff_device"}


def split_matrices(J) -> list:
    """The matrices of the groups; one that all models share is a group."""
    if isinstance(J, list | tuple) and len(J) and all(map(scipy.sparse.issparse, J)):
        return list(J)
    if scipy.sparse.issparse(J):
        return [J]
    return J if count_axes(J) == 3 else [J]


def add_costs(error: Exception, parts: list) -> None:
    """Note in a group's failed call what the groups before it had cost."""
    infos = [info for _, _, info in parts] + [getattr(error, "call_info", {})]
    names = _ADDED & set().union(*infos)
    error.call_info = {  # type: ignore[attr-defined]
        name: sum(info.get(name, 0) for info in infos) for name in sorted(names)
    }


def members_of_groups(groups, n_groups: int, n_models: int, caller: str) -> list[np.ndarray]:
    """Rows of each group."""
    if groups is None:
        if n_groups != 1:
            raise ValueError(
                f"The 'groups' parameter of {caller} must say which of the {n_groups} matrices of "
                "J each model takes. Got None instead."
            )
        return [np.arange(n_models)]
    given, groups = groups, np.asarray(groups) if count_axes(groups) == 1 else np.empty((0, 0))
    if groups.shape != (n_models,) or not (
        n_models == 0
        or (
            np.issubdtype(groups.dtype, np.integer)
            and 0 <= groups.min()
            and groups.max() < n_groups
        )
    ):
        raise ValueError(
            f"The 'groups' parameter of {caller} must be {n_models} integers in [0, {n_groups}). "
            f"Got {given!r} instead."
        )
    return [np.flatnonzero(groups == group) for group in range(n_groups)]


def settings_of_rows(settings: SimpleNamespace, rows: np.ndarray, n_models: int):
    """The settings with what is given per model restricted to some rows."""
    part = SimpleNamespace(**vars(settings))
    if len(rows) < n_models:
        # A model's stream depends on its place in the family, not in its group.
        part.seed = make_keys(settings.seed, n_models)[rows]
    if settings.initial_states is not None:
        part.initial_states = settings.initial_states[rows]
    return part


def join_groups(parts, members, n_models: int):
    """Results of the groups, back in the order of the models."""
    if len(parts) == 1:
        return parts[0]
    # A group without models says nothing about temperature or partition function.
    filled = [at for at, rows in enumerate(members) if len(rows)] or [0]
    parts, members = [parts[at] for at in filled], [members[at] for at in filled]
    order = np.argsort(np.concatenate(members), kind="stable")
    states = np.concatenate([part[0] for part in parts])[order]
    all_energies = [part[1] for part in parts]
    energies = None
    if all(some is not None for some in all_energies):
        energies = np.concatenate(all_energies)[order]
    return states, energies, _join_infos([part[2] for part in parts], members, order)


def _join_infos(infos, members, order) -> dict[str, Any]:
    """One info of the groups': per model in order, costs added, the rest averaged over models."""
    joined = dict(infos[0])
    weights = [len(rows) for rows in members]
    for key, first in infos[0].items():
        values = [info[key] for info in infos]
        if isinstance(first, np.ndarray):
            joined[key] = np.concatenate(values)[order]
        elif key == "beta_range":
            joined[key] = (min(hot for hot, _ in values), max(cold for _, cold in values))
        elif key == "transverse_field_range":
            joined[key] = (max(start for start, _ in values), min(end for _, end in values))
        elif key in _ADDED:
            joined[key] = sum(values)
        elif key in _AVERAGED:
            joined[key] = float(np.average(values, weights=weights))
        elif key in _LEAST:
            joined[key] = min(values)
        elif key in _BETAS:
            joined[key], joined[f"{key}_stderr"] = _combine_betas(infos, key, weights)
    return joined


def _combine_betas(infos, key: str, weights) -> tuple[float, float]:
    """Mean of the groups' effective temperatures, weighted by precision where all have one."""
    betas = np.array([info[key] for info in infos])
    errors = np.array([info[f"{key}_stderr"] for info in infos])
    told = ~np.isnan(betas)  # a group without a bias does not tell
    if not told.any():
        return float("nan"), float("nan")
    betas, errors, weights = betas[told], errors[told], np.asarray(weights)[told]
    if not (np.isfinite(betas).all() and (errors > 0).all()):
        return float(np.average(betas, weights=weights)), float("nan")
    precision = errors**-2.0
    return float(np.average(betas, weights=precision)), float(precision.sum() ** -0.5)
