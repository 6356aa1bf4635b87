"""Simulated annealing on the package's own kernels."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from qsklearn._private_api import StrOptions
from qsklearn.samplers._base import (
    BETA,
    COUNT,
    SECONDS,
    SEED_CONSTRAINTS,
    THREADS,
    ArraySampler,
)
from qsklearn.samplers._chains import run_chains
from qsklearn.samplers._levels import (
    LevelModels,
    check_level_memory,
    check_level_models,
    check_start,
    default_level_range,
    run_levels,
)
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._schedules import default_beta_range, interpolate
from qsklearn.samplers._seeds import check_seed
from qsklearn.samplers._streams import Stream

_GROUND_SWEEPS = 1000
_THERMAL_SWEEPS = 100
_GROUND_SWEEPS_OF_LEVELS = 30
# The coldest sweeps, at which a search that is stopped goes downhill from where it is.
_LAST_SWEEPS = 10


class SimulatedAnnealingSampler(ArraySampler):
    r"""Simulated annealing, for low energies or for draws at a temperature.

    With ``beta=None`` a Metropolis chain is cooled over ``beta_range`` and its last state
    returned. With ``beta`` given, the chain is cooled into it during the first half of the sweeps
    and stays there, under the heat bath, during the second, so that the draws follow

    .. math:: P(s) \propto \exp(-\beta E(s))

    as far as the chain mixes. :meth:`sample_levels` does both for weights of n bits.

    Parameters
    ----------
    num_reads : int, default=1
        Independent chains, and so states.
    num_sweeps : int, default=None
        Updates of each spin in a chain. None: 1000 for low energies (30 for those of
        :meth:`sample_levels`), 100 for draws at ``beta``.
    beta : float, default=None
        Inverse temperature of the draws, multiplying E. None searches for low energies.
    beta_range : tuple of (hot, cold), default=None
        Ends of the schedule of a search. None derives them from the model's energy scales; where
        chains come by ``initial_states``, which the hot end would forget, it begins at the
        geometric mean of both.
    beta_schedule_type : {"geometric", "linear", "custom"}, default="geometric"
        The way through ``beta_range``.
    beta_schedule : array-like of shape (num_sweeps,), default=None
        Inverse temperature of each sweep of a search, for ``beta_schedule_type="custom"``;
        ``num_sweeps`` stays at None, and ``beta_range`` too.
    level_moves : {"level", "bit"}, default="level"
        Moves of :meth:`sample_levels`, and of nothing else: a weight's level is drawn anew from
        all that its n bits can say, or its bits are flipped one after the other.
    seed : int, default=None
        Draws are the same for any ``num_threads`` and any order of the variables, and the first
        reads stay the same when ``num_reads`` grows. None: fresh entropy.
    num_threads : int, default=None
        Threads over blocks of reads; None means 1, -1 all cores.
    max_seconds : float, default=None
        The chains end at the next sweep when this time is over, or at Ctrl-C, and are returned,
        with a warning and a ``stop_reason`` in ``info``; those of a search after the last and
        coldest ten sweeps of their schedule.

    References
    ----------
    Kirkpatrick, S., Gelatt, C. D., Vecchi, M. P. (1983). Optimization by Simulated Annealing.
    Science 220, 671-680.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import SimulatedAnnealingSampler
    >>> triangle = dimod.BinaryQuadraticModel.from_ising({}, {"ab": 1, "bc": 1, "ca": 1})
    >>> float(SimulatedAnnealingSampler(num_reads=10, seed=0).sample(triangle).first.energy)
    -1.0
    """

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT, None],
        "beta": [BETA, None],
        "beta_range": ["array-like", None],
        "beta_schedule_type": [StrOptions({"geometric", "linear", "custom"})],
        "beta_schedule": ["array-like", None],
        "level_moves": [StrOptions({"level", "bit"})],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
        "max_seconds": SECONDS,
    }

    def __init__(
        self,
        num_reads=1,
        num_sweeps=None,
        *,
        beta=None,
        beta_range=None,
        beta_schedule_type="geometric",
        beta_schedule=None,
        level_moves="level",
        seed=None,
        num_threads=None,
        max_seconds=None,
    ):
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.beta = beta
        self.beta_range = beta_range
        self.beta_schedule_type = beta_schedule_type
        self.beta_schedule = beta_schedule
        self.level_moves = level_moves
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _call_parameters(self) -> list[str]:
        return ["initial_states"]

    def sample_levels(
        self, h, J, base, scale, n_bits, *, factors=None, groups=None, start=None, **parameters
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        r"""Draw weights of n bits from a family of quadratic models.

        The energy of weights S is that of a layer's squared error, a double sum with diagonal,

        .. math:: E(S) = S^T J S + h \cdot S, \qquad S_j = base_j + scale_j \, l_j,

        with odd levels :math:`l_j = \sum_a 2^a \sigma_{ja}` from :math:`-(2^n - 1)` to
        :math:`2^n - 1` in steps of 2. The spins :math:`\sigma` and their couplings are never
        built: proposals cost O(1), and a weight that changes O(n_weights).

        Parameters
        ----------
        h : array-like of shape (n_models, n_weights)
            Linear terms, one row a model.
        J : array-like of shape (n_weights, n_weights), or (n_groups, n_weights, n_weights)
            Symmetric, with diagonal; shared by all models, or by group. With ``factors`` of shape
            (n_weights,): the diagonal that is added to what the factors make.
        base, scale : array-like of shape (n_weights,) or (n_models, n_weights)
            A weight whose scale is 0 stays at its base.
        n_bits : int
            Bits a weight, from 1 to 16.
        factors : tuple of (rows, row_weights), optional
            Arrays (n_rows, n_weights) and (n_groups, n_rows) for :math:`J^g = rows^T diag(w^g)
            rows + diag(J)`. No matrix of the size of J is built; a weight costs O(n_rows).
        groups : array-like of int of shape (n_models,), optional
            The matrix in ``J``, or the row of ``row_weights``, that each model takes.
        start : {"base", "random"}, optional
            Where chains start: at the base, on either of the levels next to it, or anywhere on the
            grid. None: searches at the base, which often are weights found before, and draws
            anywhere.
        **parameters
            Any of :attr:`parameters` but ``initial_states``. ``seed`` may also be an array with one
            seed a model.

        Returns
        -------
        weights : ndarray of shape (n_models, num_reads, n_weights), float64
        energies : ndarray of shape (n_models, num_reads), float64
            Of the weights, exact.
        info : dict
            ``beta``, ``beta_range``, ``num_sweeps``, ``stop_reason``, and ``timing`` in
            nanoseconds.

        Raises
        ------
        ValueError
            If an array or a parameter does not fit.
        MemoryError
            If the machine cannot hold the result.

        Notes
        -----
        Without ``beta_range`` a search cools each model from
        :math:`\min(1000 / (4^n \max(c) N), \beta_1 / 100)` to
        :math:`\beta_1 = 10 / (4 \, median(c))`, with :math:`c_j = scale_j^2 J_{jj}` of the N
        weights for which it is not 0. That forgets the start. One that only refines the base, by
        a warmest temperature of ``beta_range`` near the coldest, comes far lower in few sweeps
        where the energy is a valley rather than a glass.

        Examples
        --------
        The weights of 3 bits within [-1, 1] that fit a line best:

        >>> import numpy as np
        >>> from qsklearn.samplers import SimulatedAnnealingSampler
        >>> rows = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> targets = np.array([-0.4, 0.0, 0.5])
        >>> sampler = SimulatedAnnealingSampler(num_reads=5, seed=0)
        >>> weights, energies, _ = sampler.sample_levels(
        ...     -2 * rows.T @ targets, rows.T @ rows, base=[0, 0], scale=[1 / 7, 1 / 7], n_bits=3
        ... )
        >>> (7 * weights[0, energies[0].argmin()]).round().tolist()
        [-3.0, 3.0]
        """
        started = time.perf_counter_ns()
        caller = type(self).__name__
        if parameters.get("initial_states") is not None:
            raise ValueError(f"The 'sample_levels' of {caller} takes no 'initial_states'.")
        settings = self._open(parameters)
        models = check_level_models(h, J, base, scale, n_bits, factors, groups, caller)
        settings.seed = check_seed(settings.seed, models.n_models, caller)
        thermal = settings.beta is not None
        prepared = time.perf_counter_ns()
        with settings.watch.catch_interrupts():
            betas = _schedule_of_levels(models, settings, caller)
            weights, energies = run_levels(
                models,
                betas,
                level_moves=settings.level_moves,
                start=check_start(start, thermal, caller),
                is_thermal=thermal,
                num_reads=settings.num_reads,
                seed=settings.seed,
                num_threads=settings.num_threads,
                watch=settings.watch,
                num_last_sweeps=0 if thermal else _LAST_SWEEPS,
            )
        info = _describe(betas, settings)
        self._report_stop(info, settings)
        info["timing"] = {
            "preprocessing_ns": prepared - started,
            "sampling_ns": time.perf_counter_ns() - prepared,
            "postprocessing_ns": 0,
        }
        return weights, energies, info

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        initial_states = settings.initial_states
        thermal = settings.beta is not None
        default_range = partial(default_beta_range, models)
        if thermal:
            _refuse_schedule(settings)
            # Chains that are handed in stay at beta: heating them would forget where they were.
            hot_range = default_range if initial_states is None else None
            betas = _cool_and_stay(models.n_models, settings, hot_range)
        else:
            if initial_states is not None:
                default_range = partial(_restart_range, models)
            betas = _search(models.n_models, settings, default_range, _GROUND_SWEEPS)
        states, energies = run_chains(
            models,
            betas,
            rule="heat_bath" if thermal or models.one_hot else "metropolis",
            num_reads=settings.num_reads,
            seed=settings.seed,
            stream=Stream.ANNEALING,
            initial_states=initial_states,
            watch=settings.watch,
            num_last_sweeps=0 if thermal else _LAST_SWEEPS,
            keep=keep,
            num_threads=settings.num_threads,
        )
        return states, energies, _describe(betas, settings)


#: Hot and cold ends of each model's schedule, of shape (n_models,), when they are asked for.
_DefaultRange = Callable[[], tuple[np.ndarray, np.ndarray]]


def _restart_range(models: SpinModels) -> tuple[np.ndarray, np.ndarray]:
    """Warm enough to leave a local minimum, and not so hot that the start is forgotten."""
    hot, cold = default_beta_range(models)
    return np.sqrt(hot * cold), cold


def _describe(betas: np.ndarray, settings: SimpleNamespace) -> dict[str, Any]:
    hot, cold = betas[:, 0].min(initial=np.inf), betas[:, -1].max(initial=0.0)
    ends = (float(hot), float(cold)) if len(betas) else None
    return {"beta": settings.beta, "beta_range": ends, "num_sweeps": betas.shape[1]}


def _search(
    n_models: int, settings: SimpleNamespace, default_range: _DefaultRange, default_sweeps: int
) -> np.ndarray:
    if settings.beta_schedule_type == "custom" or settings.beta_schedule is not None:
        return np.repeat(check_beta_schedule(settings)[np.newaxis], n_models, axis=0)
    num_sweeps = settings.num_sweeps or default_sweeps
    if settings.beta_range is None:
        hot, cold = default_range()
    else:
        hot, cold = (np.full(n_models, end) for end in check_beta_range(settings.beta_range))
    return interpolate(hot, cold, num_sweeps, settings.beta_schedule_type)


def _schedule_of_levels(models: LevelModels, settings: SimpleNamespace, caller: str) -> np.ndarray:
    """Inverse temperatures of a call of ``sample_levels``, once it is known to fit in memory."""
    num_sweeps = settings.num_sweeps or max(_THERMAL_SWEEPS, np.size(settings.beta_schedule))
    check_level_memory(models, settings.num_reads, num_sweeps, caller)
    default_range = partial(default_level_range, models)
    if settings.beta is None:
        return _search(models.n_models, settings, default_range, _GROUND_SWEEPS_OF_LEVELS)
    _refuse_schedule(settings)
    return _cool_and_stay(models.n_models, settings, default_range)


def _refuse_schedule(settings: SimpleNamespace) -> None:
    if settings.beta_schedule is not None or settings.beta_schedule_type == "custom":
        raise ValueError(
            "The 'beta_schedule' parameter of SimulatedAnnealingSampler is for searches. Draws, as "
            f"here at beta={settings.beta!r}, cool into beta on their own: leave it at None, and "
            "beta_schedule_type at 'geometric' or 'linear'."
        )


def _cool_and_stay(
    n_models: int, settings: SimpleNamespace, default_range: _DefaultRange | None
) -> np.ndarray:
    """From the hot end of a range into ``beta``, or all sweeps there if none is given."""
    num_sweeps = settings.num_sweeps or _THERMAL_SWEEPS
    target = np.full(n_models, float(settings.beta))
    betas = np.repeat(target[:, np.newaxis], num_sweeps, axis=1)
    falling = num_sweeps // 2
    if default_range is not None and falling and settings.beta > 0:
        hot, _ = default_range()
        kind = settings.beta_schedule_type
        betas[:, :falling] = interpolate(np.minimum(hot, target), target, falling, kind)
    return betas


def check_beta_range(beta_range) -> tuple[float, float]:
    """Ends of a schedule.

    Raises
    ------
    ValueError
        If they are not two finite positive numbers.
    """
    try:
        ends = np.asarray(beta_range, dtype=float)
    except (TypeError, ValueError):  # words, or ragged
        ends = np.empty(0)
    if ends.shape != (2,) or not np.isfinite(ends).all() or (ends <= 0).any():
        raise ValueError(
            "The 'beta_range' parameter must be two finite numbers > 0, hot and cold. "
            f"Got {beta_range!r} instead."
        )
    return float(ends[0]), float(ends[1])


def check_beta_schedule(settings: SimpleNamespace) -> np.ndarray:
    """Inverse temperatures of a custom schedule.

    Raises
    ------
    ValueError
        If they are not a list of finite numbers >= 0, or other parameters speak against them.
    """
    if settings.beta_schedule_type != "custom" or settings.beta_schedule is None:
        raise ValueError(
            "The 'beta_schedule' parameter is given together with beta_schedule_type='custom', and "
            f"only then. Got beta_schedule={settings.beta_schedule!r} with "
            f"beta_schedule_type={settings.beta_schedule_type!r}."
        )
    if settings.beta_range is not None:
        raise ValueError("The 'beta_range' parameter must be None with a custom 'beta_schedule'.")
    try:
        betas = np.asarray(settings.beta_schedule, dtype=float)
    except (TypeError, ValueError):  # words, or ragged
        betas = np.empty(0)
    if betas.ndim != 1 or not betas.size or not np.isfinite(betas).all() or (betas < 0).any():
        raise ValueError(
            "The 'beta_schedule' parameter must be a list of finite numbers >= 0, one a sweep. "
            f"Got {settings.beta_schedule!r} instead."
        )
    if settings.num_sweeps not in (None, len(betas)):
        raise ValueError(
            f"The 'num_sweeps' parameter must be None or {len(betas)}, as the 'beta_schedule' has "
            f"{len(betas)} sweeps. Got {settings.num_sweeps} instead."
        )
    return betas
