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
import numpy as np

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import check_number
from qsklearn._kernels._threads import Watch
from qsklearn._private_api import Integral, Interval, Real, validate_parameter_constraints
from qsklearn._warnings import warn
from qsklearn.samplers._arguments import (
    broadcast_clamped,
    check_clamped,
    check_initial_states,
    check_keep,
    check_request,
    clamped_by_label,
    count_threads,
    initial_states_by_label,
)
from qsklearn.samplers._bias_doors import BiasDoors
from qsklearn.samplers._groups import (
    add_costs,
    join_groups,
    members_of_groups,
    settings_of_rows,
    split_matrices,
)
from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    check_one_hot,
    models_from_bqm,
)
from qsklearn.samplers._seeds import check_seed

SEED_CONSTRAINTS = [Interval(Integral, 0, None, closed="left"), np.ndarray, None]
COUNT = Interval(Integral, 1, None, closed="left")
BETA = Interval(Real, 0, None, closed="left")
THREADS = [Interval(Integral, None, None, closed="neither"), None]
SECONDS = [Interval(Real, 0, None, closed="right"), None]

# What a call may say beyond the constructor's parameters.
_CALL_CONSTRAINTS = {"initial_states": "no_validation", "clamped": "no_validation"}


class ArraySampler(BaseEstimator, BiasDoors):
    """Base of the package's samplers. Think twice before adding anything to this class.

    Subclasses declare ``_parameter_constraints`` and ``intents`` and implement ``_draw``.
    """

    _parameter_constraints: ClassVar[dict[str, Any]]

    #: What the sampler can do: ``"thermal"`` (draws at a given ``beta``), ``"ground"``.
    intents: ClassVar[frozenset[str]] = frozenset({"thermal", "ground"})

    #: Whether a one-hot unit is drawn as a whole; elsewhere a penalty has to hold it together.
    draws_one_hot: ClassVar[bool] = True

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
            search) or ``beta_eff`` with ``beta_eff_stderr``, ``timing`` in nanoseconds, and
            ``stop_reason``: None, or why the sampler returned before it was done, with a warning.

        Raises
        ------
        ValueError
            If a parameter or a bias is out of its range.
        """
        started = time.perf_counter_ns()
        settings = self._open(parameters)
        models, labels = models_from_bqm(bqm)
        settings.labels = labels
        settings.seed = check_seed(settings.seed, 1, type(self).__name__)
        if settings.initial_states is not None:
            given = initial_states_by_label(settings.initial_states, labels, bqm)
            if "num_reads" not in parameters:
                settings.num_reads = given.shape[1]
            settings.initial_states = check_initial_states(
                given, models.fields.shape, settings.num_reads, type(self).__name__
            )
        if settings.clamped is not None:
            held = clamped_by_label(settings.clamped, labels)
            settings.clamped = check_clamped(held, models, settings, type(self).__name__)
        prepared = time.perf_counter_ns()
        states, _, info = self._draw_checked(models, settings, np.arange(len(labels)))
        self._report_stop(info, settings)
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
        self,
        h,
        J,
        *,
        groups=None,
        initial_states=None,
        clamped=None,
        keep=None,
        one_hot=None,
        **parameters,
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
        """Draw states of a family of Ising models E(s) = h·s + ½ sᵀJs.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
            Fields, one row a model.
        J : array-like or sparse matrix of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
            Couplings, symmetric with a zero diagonal; shared by all models, or by group (also a
            list of sparse matrices).
        groups : array-like of int of shape (n_models,), optional
            The matrix in ``J`` that each model takes.
        initial_states : array-like of shape (n_models, num_reads, n_spins), optional
            Spins ±1 from which chains start; only for samplers that declare it.
        clamped : array-like of bool, optional
            Spins that keep the value that they have in ``initial_states``, in each chain; of shape
            (n_models, num_reads, n_spins), or one that broadcasts to it. As above.
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
        settings = self._open(parameters)
        fields = check_fields(h, caller)
        settings.seed = check_seed(settings.seed, fields.shape[0], caller)
        keep = check_keep(keep, fields.shape[1], caller)
        self._require("initial_states", initial_states)
        self._require("clamped", clamped)
        if initial_states is not None:
            settings.initial_states = check_initial_states(
                initial_states, fields.shape, settings.num_reads, caller
            )
        shape = (fields.shape[0], settings.num_reads, fields.shape[1])
        matrices = split_matrices(J)
        members = members_of_groups(groups, len(matrices), fields.shape[0], caller)
        parts = []
        for matrix, rows in zip(matrices, members, strict=True):
            couplings = check_couplings(matrix, fields.shape[1], caller)
            models = SpinModels(fields[rows], couplings, check_one_hot(one_hot, couplings, caller))
            part_settings = settings_of_rows(settings, rows, fields.shape[0])
            if clamped is not None:
                held = broadcast_clamped(clamped, shape, caller)[rows]
                part_settings.clamped = check_clamped(held, models, part_settings, caller)
            try:
                parts.append(self._draw_checked(models, part_settings, keep))
            except Exception as error:
                add_costs(error, parts)
                raise
        states, energies, info = join_groups(parts, members, fields.shape[0])
        self._report_stop(info, settings)
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
        # Not a warning, as for other unknown words: spins that are to stay would move.
        self._require("clamped", parameters.get("clamped"))
        return self.remove_unknown_kwargs(**parameters)

    def _report_stop(self, info, settings) -> None:
        """Say in ``info`` and by a warning that the sampler was stopped before it was done."""
        info["stop_reason"] = settings.watch.reason
        if settings.watch.reason is not None:
            warn(
                f"{type(self).__name__} was stopped by {settings.watch.reason} before it was done. "
                "Its states are those reached so far; draws at a temperature have not reached it.",
                RuntimeWarning,
            )

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        """Memory of the draw beyond the states and energies that it returns."""
        return 12 * models.n_models * (getattr(settings, "num_sweeps", None) or 1)

    def _draw_checked(self, models, settings, keep):
        n_bytes = models.n_models * settings.num_reads * (len(keep) + 8)
        check_request(n_bytes + self._working_bytes(models, settings), type(self).__name__)
        if models.n_spins == 0 or models.n_models == 0:
            shape = (models.n_models, settings.num_reads)
            return np.empty((*shape, len(keep)), np.int8), np.zeros(shape), {"beta": settings.beta}
        if "max_seconds" not in self._parameter_constraints:
            return self._draw(models, settings, keep)
        with settings.watch.catch_interrupts():
            return self._draw(models, settings, keep)

    def _open(self, parameters: dict[str, Any]) -> SimpleNamespace:
        """Settings of a call, and the watch over its time, which runs from now on."""
        settings = self._resolve(self._accept(parameters))
        for name, value in vars(settings).items():
            if isinstance(value, np.integer | bool):  # short ones overflow in products of counts
                setattr(settings, name, int(value))
        settings.watch = Watch(getattr(settings, "max_seconds", None))
        for name in _CALL_CONSTRAINTS:
            vars(settings).setdefault(name, None)
        return settings

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        """Constructor's values, overridden, validated; ``num_threads`` as a number."""
        values = {**self.get_params(deep=False), **overrides}
        caller = type(self).__name__
        constraints = {**_CALL_CONSTRAINTS, **self._parameter_constraints}
        validate_parameter_constraints(constraints, values, caller)
        if isinstance(values["beta"], int):  # of any length, which kernels do not take
            values["beta"] = check_number(values["beta"], "beta", caller)
        if "num_threads" in values:
            values["num_threads"] = count_threads(values["num_threads"], caller)
        return SimpleNamespace(**values)

    def _require(self, name: str, value) -> None:
        if value is not None and name not in self._call_parameters():
            raise ValueError(f"{type(self).__name__} takes no {name!r}.")
