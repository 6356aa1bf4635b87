"""Simulated annealing on the package's own kernels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from qsklearn._sklearn import StrOptions
from qsklearn.samplers._base import (
    BETA,
    COUNT,
    SECONDS,
    SEED_CONSTRAINTS,
    THREADS,
    ArraySampler,
)
from qsklearn.samplers._chains import run_chains
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._schedules import default_beta_range, interpolate
from qsklearn.samplers._streams import Stream

_GROUND_SWEEPS = 1000
_THERMAL_SWEEPS = 100
# The coldest sweeps, at which a search that is stopped goes downhill from where it is.
_LAST_SWEEPS = 10


class SimulatedAnnealingSampler(ArraySampler):
    r"""Simulated annealing, for low energies or for draws at a temperature.

    With ``beta=None`` a Metropolis chain is cooled over ``beta_range`` and its last state
    returned. With ``beta`` given, the chain is cooled into it during the first half of the sweeps
    and stays there, under the heat bath, during the second, so that the draws follow

    .. math:: P(s) \propto \exp(-\beta E(s))

    as far as the chain mixes.

    Parameters
    ----------
    num_reads : int, default=1
        Independent chains, and so states.
    num_sweeps : int, default=None
        Updates of each spin in a chain. None: 1000 for low energies, 100 for draws at ``beta``.
    beta : float, default=None
        Inverse temperature of the draws, multiplying E. None searches for low energies.
    beta_range : tuple of (hot, cold), default=None
        Ends of the schedule of a search. None derives them from the model's energy scales.
    beta_schedule_type : {"geometric", "linear", "custom"}, default="geometric"
        The way through ``beta_range``.
    beta_schedule : array-like of shape (num_sweeps,), default=None
        Inverse temperature of each sweep of a search, for ``beta_schedule_type="custom"``;
        ``num_sweeps`` stays at None, and ``beta_range`` too.
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

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT, None],
        "beta": [BETA, None],
        "beta_range": ["array-like", None],
        "beta_schedule_type": [StrOptions({"geometric", "linear", "custom"})],
        "beta_schedule": ["array-like", None],
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
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _call_parameters(self) -> list[str]:
        return ["initial_states"]

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        initial_states = settings.initial_states
        thermal = settings.beta is not None
        if thermal:
            _refuse_schedule(settings)
            # Chains that are handed in stay at beta: heating them would forget where they were.
            betas = _cool_and_stay(models, settings, anneal=initial_states is None)
        else:
            betas = _search(models, settings)
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
        ends = (float(betas[:, 0].min()), float(betas[:, -1].max()))
        info = {"beta": settings.beta, "beta_range": ends, "num_sweeps": betas.shape[1]}
        return states, energies, info


def _search(models: SpinModels, settings: SimpleNamespace) -> np.ndarray:
    if settings.beta_schedule_type == "custom" or settings.beta_schedule is not None:
        return np.repeat(check_beta_schedule(settings)[np.newaxis], models.n_models, axis=0)
    num_sweeps = settings.num_sweeps or _GROUND_SWEEPS
    if settings.beta_range is None:
        hot, cold = default_beta_range(models)
    else:
        hot, cold = (np.full(models.n_models, end) for end in check_beta_range(settings.beta_range))
    return interpolate(hot, cold, num_sweeps, settings.beta_schedule_type)


def _refuse_schedule(settings: SimpleNamespace) -> None:
    if settings.beta_schedule is not None or settings.beta_schedule_type == "custom":
        raise ValueError(
            "The 'beta_schedule' parameter of SimulatedAnnealingSampler is for searches. Draws, as "
            f"here at beta={settings.beta!r}, cool into beta on their own: leave it at None, and "
            "beta_schedule_type at 'geometric' or 'linear'."
        )


def _cool_and_stay(models: SpinModels, settings: SimpleNamespace, anneal: bool) -> np.ndarray:
    num_sweeps = settings.num_sweeps or _THERMAL_SWEEPS
    target = np.full(models.n_models, float(settings.beta))
    betas = np.repeat(target[:, np.newaxis], num_sweeps, axis=1)
    falling = num_sweeps // 2
    if anneal and falling and settings.beta > 0:
        hot, _ = default_beta_range(models)
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
