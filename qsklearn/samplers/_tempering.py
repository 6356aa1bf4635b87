"""Parallel tempering on the package's own kernels."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from qsklearn.samplers._base import (
    BETA,
    COUNT,
    SECONDS,
    SEED_CONSTRAINTS,
    THREADS,
    ArraySampler,
)
from qsklearn.samplers._chains import sweep_at
from qsklearn.samplers._increasing_betas import check_increasing_betas
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._schedules import default_beta_range, interpolate
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._streams import Stream, stream_of
from qsklearn.samplers._uniforms import draw_uniforms, split_keys

_NUM_TEMPERATURES = 16
# The end of the temperatures that a replica was at last.
_HOT, _COLD = 1, 2


class ParallelTemperingSampler(ArraySampler):
    r"""Parallel tempering (replica exchange), for draws from rugged landscapes.

    Each read has replicas of its own at ``num_temperatures`` inverse temperatures from hot to
    ``beta``. They are updated by heat-bath sweeps, and after every ``num_sweeps_per_exchange`` of
    these, neighbours i and j (even and odd pairs in turn) exchange their states with probability

    .. math:: \min(1, e^{(\beta_i - \beta_j)(E_i - E_j)}),

    which leaves the law of each temperature as it is. A state that is stuck in a well at ``beta``
    so leaves it by way of the hot replicas, and the replica that is at ``beta`` at the end is the
    read. With ``beta=None`` the read is the lowest state of any of its replicas after any exchange.

    Parameters
    ----------
    num_reads : int, default=1
        Independent sets of replicas, and so states.
    num_sweeps : int, default=500
        Updates of each spin in a replica.
    num_sweeps_per_exchange : int, default=5
        Of these, how many are between two exchanges.
    beta : float, default=None
        Inverse temperature of the draws, multiplying E. None searches for low energies.
    num_temperatures : int, default=None
        Replicas a read, from the hot end of the model's default schedule to ``beta`` (or to its
        cold end) in geometric steps. None: 16, or as many as ``betas``. Larger models need more:
        where ``exchange_rates`` in ``info`` come near 0, states do not travel.
    betas : array-like, default=None
        Inverse temperatures of the replicas instead, increasing, the last of them ``beta`` where
        that is given.
    seed : int, default=None
        Draws are the same for any ``num_threads`` and any order of the variables, and the first
        reads stay the same when ``num_reads`` grows. None: fresh entropy.
    num_threads : int, default=None
        Threads over blocks of replicas; None means 1, -1 all cores.
    max_seconds : float, default=None
        The replicas end at the next sweep when this time is over, or at Ctrl-C, and are returned as
        they are, with a warning and a ``stop_reason`` in ``info``.

    Raises
    ------
    ValueError
        If ``betas`` is not increasing, does not end at ``beta``, or has not ``num_temperatures``.

    Notes
    -----
    ``info`` has arrays with one row a model: ``betas`` of shape (n_models, num_temperatures);
    ``exchange_rates`` of shape (n_models, num_temperatures - 1), the part of the exchanges that
    neighbours made, NaN where they had none; and ``round_trips`` of shape (n_models,), how often a
    state went from the hottest to the coldest replica and back, as a mean over reads.

    There are no ``initial_states``: states of the law at ``beta`` are not of the law at the other
    temperatures, and exchanges would carry that to ``beta``.

    References
    ----------
    Hukushima, K., Nemoto, K. (1996). Exchange Monte Carlo method and application to spin glass
    simulations. J. Phys. Soc. Jpn. 65, 1604-1608.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import ParallelTemperingSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -5.0})
    >>> states = ParallelTemperingSampler(num_reads=1000, beta=1.0, seed=0).sample(pair)
    >>> bool(abs(states.samples()[:, "a"].mean()) < 0.13)  # both wells, 4 standard errors
    True
    """

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT],
        "num_sweeps_per_exchange": [COUNT],
        "beta": [BETA, None],
        "num_temperatures": [COUNT, None],
        "betas": ["array-like", None],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
        "max_seconds": SECONDS,
    }

    def __init__(
        self,
        num_reads=1,
        num_sweeps=500,
        num_sweeps_per_exchange=5,
        *,
        beta=None,
        num_temperatures=None,
        betas=None,
        seed=None,
        num_threads=None,
        max_seconds=None,
    ):
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.num_sweeps_per_exchange = num_sweeps_per_exchange
        self.beta = beta
        self.num_temperatures = num_temperatures
        self.betas = betas
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        n_betas = _NUM_TEMPERATURES if settings.betas is None else np.size(settings.betas)
        n_betas = settings.num_temperatures or n_betas
        # States before and after a round, and those exchanged; energies and random numbers.
        n_bytes = models.n_models * settings.num_reads * n_betas * (3 * models.n_spins + 48)
        # One inverse temperature a sweep of a round, and one entry a round.
        in_a_round = min(settings.num_sweeps_per_exchange, settings.num_sweeps)
        n_bytes += 12 * models.n_models * n_betas * in_a_round
        return super()._working_bytes(models, settings) + n_bytes

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        betas = _choose_betas(models, settings)
        keys = make_keys(settings.seed, models.n_models)
        replicas, best = _temper(models, betas, keys, settings)
        info = {
            "beta": settings.beta,
            "betas": betas,
            "num_sweeps": settings.num_sweeps,
            "exchange_rates": replicas.exchange_rates(),
            "round_trips": replicas.round_trips.mean(axis=1),
        }
        states, energies = best
        if settings.beta is not None:
            states, energies = replicas.states[:, -1], replicas.energies[:, -1]
        return np.ascontiguousarray(states[..., keep]), energies, info


def _choose_betas(models: SpinModels, settings: SimpleNamespace) -> np.ndarray:
    """Inverse temperatures of each model's replicas, (n_models, num_temperatures)."""
    given = check_increasing_betas(settings.betas, "betas", settings.beta)
    if given is not None:
        if settings.num_temperatures not in (None, len(given)):
            raise ValueError(
                f"The 'num_temperatures' parameter must be None or {len(given)}, the number of "
                f"'betas'. Got {settings.num_temperatures} instead."
            )
        return np.tile(given, (models.n_models, 1))
    num_temperatures = settings.num_temperatures or _NUM_TEMPERATURES
    hot, cold = default_beta_range(models)
    if settings.beta is not None:
        cold = np.full(models.n_models, float(settings.beta))
    if settings.beta == 0:
        return np.zeros((models.n_models, num_temperatures))
    betas = interpolate(np.minimum(hot, cold), cold, num_temperatures, "geometric")
    betas[:, -1] = cold  # not rounded
    return betas


@dataclass
class _Replicas:
    """States of all reads at all temperatures of a family, and how they travel."""

    states: np.ndarray  # (n_models, num_temperatures, num_reads, n_spins) int8
    energies: np.ndarray  # (n_models, num_temperatures, num_reads)
    came_from: np.ndarray  # (n_models, num_temperatures, num_reads) int8
    round_trips: np.ndarray  # (n_models, num_reads) int64
    tried: np.ndarray  # (num_temperatures - 1,) int64, exchanges of a read
    made: np.ndarray  # (n_models, num_temperatures - 1) int64, of all reads

    def exchange_rates(self) -> np.ndarray:
        all_tried = np.broadcast_to(self.tried * self.energies.shape[2], self.made.shape)
        nothing = np.full(self.made.shape, np.nan)
        return np.divide(self.made, all_tried, out=nothing, where=all_tried > 0)


def _temper(models, betas, keys, settings):
    """Replicas after all rounds, and the lowest state of each read with its energy."""
    shape = (*betas.shape, settings.num_reads)
    replicas = _Replicas(
        np.empty((*shape, models.n_spins), np.int8),
        np.empty(shape),
        np.zeros(shape, np.int8),
        np.zeros((shape[0], shape[2]), np.int64),
        np.zeros(shape[1] - 1, np.int64),
        np.zeros((shape[0], shape[1] - 1), np.int64),
    )
    # Temperatures are models of a larger family, each with random numbers of its own.
    family = SpinModels(
        np.repeat(models.fields, shape[1], axis=0), models.couplings, models.one_hot
    )
    family_keys = split_keys(keys, shape[1]).reshape(-1, 2)
    best = (
        np.empty((shape[0], shape[2], models.n_spins), np.int8),
        np.full((shape[0], shape[2]), np.inf),
    )
    for step, num_sweeps in enumerate(_rounds(settings)):
        _sweep(replicas, family, betas, family_keys, num_sweeps, step, settings)
        _note_lowest(replicas, best)
        if settings.watch.is_over():
            break
        stream = stream_of(Stream.EXCHANGES, step)
        uniforms = draw_uniforms(keys, stream, shape[1] * shape[2])
        _exchange(replicas, betas, uniforms.reshape(shape[0], shape[2], shape[1]), step % 2)
        _note_travels(replicas)
    return replicas, best


def _rounds(settings) -> list[int]:
    """Sweeps between exchanges."""
    whole, rest = divmod(settings.num_sweeps, settings.num_sweeps_per_exchange)
    return [settings.num_sweeps_per_exchange] * whole + [rest] * (rest > 0)


def _sweep(replicas, family, betas, keys, num_sweeps, step, settings) -> None:
    """Update all replicas of all reads, in one call."""
    shape = replicas.states.shape
    states, energies = sweep_at(
        family,
        betas.ravel(),
        num_sweeps,
        num_reads=settings.num_reads,
        seed=keys,
        stream=stream_of(Stream.TEMPERING, step),
        num_threads=settings.num_threads,
        initial_states=replicas.states.reshape(-1, *shape[2:]) if step else None,
        watch=settings.watch,
    )
    replicas.states, replicas.energies = states.reshape(shape), energies.reshape(shape[:3])


def _note_lowest(replicas, best) -> None:
    """Keep the lowest state of each read so far, in place."""
    states, energies = best
    lowest = replicas.energies.argmin(axis=1)
    model, read = np.ogrid[: lowest.shape[0], : lowest.shape[1]]
    found = replicas.energies[model, lowest, read]
    model, read = np.nonzero(found < energies)
    energies[model, read] = found[model, read]
    states[model, read] = replicas.states[model, lowest[model, read], read]


def _exchange(replicas, betas, uniforms, first: int) -> None:
    """Exchange states of neighbours, every second pair from the first on.

    Parameters
    ----------
    replicas : _Replicas
    betas : ndarray of shape (n_models, num_temperatures)
    uniforms : ndarray of shape (n_models, num_reads, num_temperatures)
        By read, so that more reads leave those of the first as they are.
    first : int
    """
    pairs = np.arange(first, betas.shape[1] - 1, 2)
    gaps = (betas[:, pairs] - betas[:, pairs + 1])[:, :, np.newaxis]
    drops = replicas.energies[:, pairs] - replicas.energies[:, pairs + 1]
    with np.errstate(over="ignore"):  # to infinity, whose exponential is right
        likely = np.exp(np.minimum(gaps * drops, 0.0))
    is_made = uniforms[:, :, pairs].swapaxes(1, 2) < likely
    replicas.tried[pairs] += 1
    replicas.made[:, pairs] += is_made.sum(axis=2)
    model, pair, read = np.nonzero(is_made)
    hotter = pairs[pair]
    for values in (replicas.states, replicas.energies, replicas.came_from):
        of_hotter = values[model, hotter, read]
        values[model, hotter, read] = values[model, hotter + 1, read]
        values[model, hotter + 1, read] = of_hotter


def _note_travels(replicas) -> None:
    """Count the states that are back at the hottest replica since they were at the coldest."""
    if replicas.came_from.shape[1] == 1:
        return
    hottest, coldest = replicas.came_from[:, 0], replicas.came_from[:, -1]
    replicas.round_trips += hottest == _COLD
    hottest[:] = _HOT
    coldest[coldest == _HOT] = _COLD
