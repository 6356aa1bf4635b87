"""What the samplers of this package share: parameters, the door for models and the door for arrays.

A sampler is a parameter object: the constructor stores defaults and nothing else. ``sample`` and
``sample_arrays`` resolve their keywords against them, put the models into canonical arrays, and
hand over to ``_draw``, which alone differs from class to class.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from types import SimpleNamespace
from typing import Any, ClassVar

import dimod
import joblib
import numpy as np
from sklearn.base import BaseEstimator

from qsklearn._sklearn import Integral, Interval, Real, validate_parameter_constraints
from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    check_one_hot,
    models_from_bqm,
)
from qsklearn.samplers._seeds import check_seed, make_keys

SEED_CONSTRAINTS = [Interval(Integral, 0, None, closed="left"), np.ndarray, None]
COUNT = Interval(Integral, 1, None, closed="left")
BETA = Interval(Real, 0, None, closed="left")
THREADS = [Integral, None]

# What a call may say beyond the constructor's parameters.
_CALL_CONSTRAINTS = {"initial_states": "no_validation"}


class ArraySampler(BaseEstimator, dimod.Sampler):
    """Base of the package's samplers. Think twice before adding anything to this class.

    Subclasses declare ``_parameter_constraints`` and ``intents`` and implement ``_draw``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]]

    #: What the sampler can do: ``"thermal"`` (draws at a given ``beta``), ``"ground"``.
    intents: ClassVar[frozenset[str]] = frozenset({"thermal", "ground"})

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords of ``sample``, as dimod declares them."""
        return {name: [] for name in [*self._parameter_constraints, *self._call_parameters()]}

    @property
    def properties(self) -> dict[str, Any]:
        """What the sampler can do: its ``intents``."""
        return {"intents": sorted(self.intents)}

    def _call_parameters(self) -> list[str]:
        return []

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Draw states of a binary quadratic model.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
        **parameters
            Any of :attr:`parameters`; one left out keeps the value given to the constructor.

        Returns
        -------
        dimod.SampleSet
            One row a read, of the model's vartype. ``info`` holds ``beta`` (None for a ground
            search) or ``beta_eff`` with ``beta_eff_stderr``, and ``timing`` in nanoseconds.

        Raises
        ------
        ValueError
            If a parameter or a bias is out of its range.
        """
        started = time.perf_counter_ns()
        settings = self._resolve(self._accept(parameters))
        models, labels = models_from_bqm(bqm)
        settings.seed = check_seed(settings.seed, 1, type(self).__name__)
        if getattr(settings, "initial_states", None) is not None:
            given = _initial_states_by_label(settings.initial_states, labels, bqm)
            if "num_reads" not in parameters:
                settings.num_reads = given.shape[1]
            settings.initial_states = _check_initial_states(
                given, models.fields.shape, settings.num_reads, type(self).__name__
            )
        prepared = time.perf_counter_ns()
        states, _, info = self._draw_checked(models, settings, np.arange(len(labels)))
        drawn = time.perf_counter_ns()
        samples = states[0] if bqm.vartype is dimod.SPIN else (states[0] + 1) // 2
        # dimod calculates the energies: exact, and in the model's own biases and offset.
        sampleset = dimod.SampleSet.from_samples_bqm((samples, labels), bqm)
        info["timing"] = {
            "preprocessing_ns": prepared - started,
            "sampling_ns": drawn - prepared,
            "postprocessing_ns": time.perf_counter_ns() - drawn,
        }
        sampleset.info.update(info)
        return sampleset

    def sample_arrays(
        self, h, J, *, groups=None, initial_states=None, keep=None, one_hot=None, **parameters
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
        """Draw states of a family of Ising models E(s) = h·s + ½ sᵀJs.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
            Fields, one row a model.
        J : array-like or sparse matrix of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
            Couplings, symmetric with a zero diagonal; shared by all models, or by group.
        groups : array-like of int of shape (n_models,), optional
            The matrix in ``J`` that each model takes.
        initial_states : array-like of shape (n_models, num_reads, n_spins), optional
            Spins ±1 from which chains start; only for samplers that declare it.
        keep : array-like of int, optional
            Spins to return, all by default.
        one_hot : tuple of (start, stop), optional
            Spins that form a categorical unit: exactly one of them is up in every state.
        **parameters
            Any of :attr:`parameters`. ``seed`` may also be an array with one seed a model.

        Returns
        -------
        states : ndarray of shape (n_models, num_reads, n_kept), int8
        energies : ndarray of shape (n_models, num_reads), or None
            Energies of the whole states; None where ``keep`` let spins be summed out.
        info : dict
            As in ``sample``.

        Raises
        ------
        ValueError
            If an array or a parameter does not fit.
        """
        started = time.perf_counter_ns()
        caller = type(self).__name__
        settings = self._resolve(self._accept(parameters))
        fields = check_fields(h, caller)
        settings.seed = check_seed(settings.seed, fields.shape[0], caller)
        keep = _check_keep(keep, fields.shape[1], caller)
        if initial_states is not None:
            self._require_initial_states()
            settings.initial_states = _check_initial_states(
                initial_states, fields.shape, settings.num_reads, caller
            )
        matrices = J if np.ndim(J) == 3 else [J]
        members = _members_of_groups(groups, len(matrices), fields.shape[0], caller)
        parts = []
        for matrix, rows in zip(matrices, members, strict=True):
            couplings = check_couplings(matrix, fields.shape[1], caller)
            models = SpinModels(fields[rows], couplings, check_one_hot(one_hot, couplings, caller))
            part_settings = _settings_of_rows(settings, rows, fields.shape[0])
            parts.append(self._draw_checked(models, part_settings, keep))
        states, energies, info = _join_groups(parts, members, fields.shape[0])
        info["timing"] = {
            "preprocessing_ns": 0,
            "sampling_ns": time.perf_counter_ns() - started,
            "postprocessing_ns": 0,
        }
        return states, energies, info

    @abstractmethod
    def _draw(
        self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
        """States (n_models, num_reads, n_kept) int8, energies, info of checked models."""

    def _accept(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self.remove_unknown_kwargs(**parameters)

    def _draw_checked(self, models, settings, keep):
        if models.n_spins == 0 or models.n_models == 0:
            shape = (models.n_models, settings.num_reads)
            return np.empty((*shape, len(keep)), np.int8), np.zeros(shape), {"beta": settings.beta}
        return self._draw(models, settings, keep)

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        """Constructor's values, overridden, validated; ``num_threads`` as a number."""
        values = {**self.get_params(deep=False), **overrides}
        caller = type(self).__name__
        constraints = {**_CALL_CONSTRAINTS, **self._parameter_constraints}
        validate_parameter_constraints(constraints, values, caller)
        if values["beta"] is not None and not np.isfinite(values["beta"]):
            raise ValueError(
                f"The 'beta' parameter of {caller} must be a finite float >= 0 or None. "
                f"Got {values['beta']!r} instead."
            )
        if "num_threads" in values:
            values["num_threads"] = _count_threads(values["num_threads"], caller)
        return SimpleNamespace(**values)

    def _require_initial_states(self) -> None:
        if "initial_states" not in self._call_parameters():
            raise ValueError(f"{type(self).__name__}.sample_arrays takes no 'initial_states'.")


def _count_threads(num_threads, caller: str) -> int:
    if num_threads == 0:
        raise ValueError(
            f"The 'num_threads' parameter of {caller} must be an integer >= 1, a negative one to "
            "count from all cores, or None. Got 0 instead."
        )
    # Not joblib.effective_n_jobs: it speaks of processes, and warns within a forked one.
    if num_threads is None:
        return 1
    return num_threads if num_threads > 0 else max(joblib.cpu_count() + 1 + num_threads, 1)


def _check_keep(keep, n_spins: int, caller: str) -> np.ndarray:
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


def _check_initial_states(initial_states, shape, num_reads: int, caller: str) -> np.ndarray:
    states = np.asarray(initial_states)
    expected = (shape[0], num_reads, shape[1])
    if states.shape != expected or not np.isin(states, (-1, 1)).all():
        raise ValueError(
            f"The 'initial_states' parameter of {caller} must be spins -1 or +1 of shape "
            f"{expected} (n_models, num_reads, n_spins). Got shape {states.shape} with values in "
            f"{sorted(set(np.unique(states)[:4].tolist()))} instead."
        )
    return np.ascontiguousarray(states, dtype=np.int8)


def _initial_states_by_label(initial_states, labels, bqm) -> np.ndarray:
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


def _members_of_groups(groups, n_groups: int, n_models: int, caller: str) -> list[np.ndarray]:
    """Rows of each group."""
    if groups is None:
        if n_groups != 1:
            raise ValueError(
                f"The 'groups' parameter of {caller} must say which of the {n_groups} matrices of "
                "J each model takes. Got None instead."
            )
        return [np.arange(n_models)]
    groups = np.asarray(groups)
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
            f"Got {groups!r} instead."
        )
    return [np.flatnonzero(groups == group) for group in range(n_groups)]


def _settings_of_rows(settings: SimpleNamespace, rows: np.ndarray, n_models: int):
    """The settings with what is given per model restricted to some rows."""
    part = SimpleNamespace(**vars(settings))
    if len(rows) < n_models:
        # A model's stream depends on its place in the family, not in its group.
        part.seed = make_keys(settings.seed, n_models)[rows]
    if getattr(settings, "initial_states", None) is not None:
        part.initial_states = settings.initial_states[rows]
    return part


def _join_groups(parts, members, n_models: int):
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
        elif key == "qpu_access_time":
            joined[key] = sum(values)
        elif key == "chain_break_fraction":
            joined[key] = float(np.average(values, weights=weights))
    if "beta_eff" in joined:
        joined["beta_eff"], joined["beta_eff_stderr"] = _combine_betas(infos, weights)
    return joined


def _combine_betas(infos, weights) -> tuple[float, float]:
    """Mean of the groups' effective temperatures, weighted by precision where all have one."""
    betas = np.array([info["beta_eff"] for info in infos])
    errors = np.array([info["beta_eff_stderr"] for info in infos])
    told = ~np.isnan(betas)  # a group without a bias does not tell
    if not told.any():
        return float("nan"), float("nan")
    betas, errors, weights = betas[told], errors[told], np.asarray(weights)[told]
    if not (np.isfinite(betas).all() and (errors > 0).all()):
        return float(np.average(betas, weights=weights)), float("nan")
    precision = errors**-2.0
    return float(np.average(betas, weights=precision)), float(precision.sum() ** -0.5)
