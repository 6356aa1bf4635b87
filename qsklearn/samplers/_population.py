"""Population annealing on the package's own kernels."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from qsklearn._checks import count_axes
from qsklearn._private_api import Interval, Real
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
from qsklearn.samplers._resampling import (
    choose_betas,
    choose_parents,
    count_blocks,
    count_families,
    estimate_log_error,
    grow_blocks,
    log_mean_exp,
)
from qsklearn.samplers._schedules import coldest_beta, default_beta_range
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._streams import Stream, stream_of
from qsklearn.samplers._uniforms import draw_uniforms

_LAST_SWEEPS = 10


class PopulationAnnealingSampler(ArraySampler):
    r"""Population annealing: draws at a temperature, and the partition function with its error.

    A population of R replicas starts uniform at β = 0 and is cooled in steps. A step from β to β'
    weighs replica i by

    .. math:: w_i = e^{-(\beta' - \beta) E_i}, \qquad
        \log Z(\beta') \approx \log Z(\beta) + \log \frac{1}{R} \sum_i w_i,

    replaces the population by R replicas in proportion to the weights (systematic resampling), and
    updates each spin ``num_sweeps`` times under the heat bath at β'. The states returned are chosen
    from the last population without replacement. They follow the law as far as R is large against
    the sizes of the families in ``info``: replicas of one family descend from one at the start,
    and are alike where the sweeps do not mix.

    Parameters
    ----------
    num_reads : int, default=1
        States returned.
    population_size : int, default=1000
        Replicas R; ``num_reads`` where that is more.
    num_sweeps : int, default=10
        Updates of each spin at each temperature.
    beta : float, default=None
        Inverse temperature of the draws, multiplying E. None searches for low energies, down to
        where the model's smallest excitations freeze out.
    beta_schedule : array-like, default=None
        Inverse temperatures after β = 0, increasing, the last of them ``beta`` where that is given.
        None chooses them for each model by ``overlap``.
    overlap : float, default=0.85
        What a step leaves of a population if as few replicas as possible are replaced,
        mean min(1, w_i) for weights of mean 1. Closer to 1 is slower, and more precise.
    seed : int, default=None
        Draws are the same for any ``num_threads`` and any order of the variables; the first reads
        stay the same when ``num_reads`` grows, up to ``population_size``. None: fresh entropy.
    num_threads : int, default=None
        Threads over blocks of replicas; None means 1, -1 all cores.
    max_seconds : float, default=None
        Cooling ends when this time is over, or at Ctrl-C, and the population reached is returned,
        with a warning and a ``stop_reason`` in ``info``. It is one of a hotter law, whose partition
        function is not what was asked for, so that this is NaN.

    Raises
    ------
    ValueError
        If ``beta_schedule`` is not increasing, or does not end at ``beta``.

    See Also
    --------
    log_partition_function : The partition function alone, exactly where that can be had.

    Notes
    -----
    ``info`` has arrays of shape (n_models,): ``num_temperatures`` after β = 0;
    ``rho_t`` = R Σ n², the mean square family size, for the fractions n of the population that the
    families have; ``entropic_family_size`` = R exp(Σ n log n); ``num_families`` that survive; and
    where ``beta`` is given ``log_partition_function`` = log Σ_s exp(-βE(s)), with
    ``log_partition_function_stderr``.

    This error is the spread of blocks of families: √R blocks of the replicas at the start are like
    smaller populations, each with an estimate of Z of its own, the product of its mean weights. It
    is within some 1 / √(2√R) of the truth, and too small where fewer than a few dozen families
    survive, or some well was never found.

    References
    ----------
    Hukushima, K., Iba, Y. (2003). Population annealing and its application to a spin glass. AIP
    Conference Proceedings 690, 200-206.

    Machta, J. (2010). Population annealing with weighted averages: A Monte Carlo method for rough
    free-energy landscapes. Phys. Rev. E 82, 026704.

    Wang, W., Machta, J., Katzgraber, H. G. (2015). Population annealing: Theory and application in
    spin glasses. Phys. Rev. E 92, 063307.

    Barash, L. Yu., Weigel, M., Borovský, M., Janke, W., Shchur, L. N. (2017). GPU accelerated
    population annealing algorithm. Comput. Phys. Commun. 220, 341-350.

    Lee, A., Whiteley, N. (2018). Variance estimation in the particle filter. Biometrika 105,
    609-625.

    Examples
    --------
    >>> import dimod, math
    >>> from qsklearn.samplers import PopulationAnnealingSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})
    >>> info = PopulationAnnealingSampler(beta=0.5, seed=0).sample(pair).info
    >>> exact = math.log(4 * math.cosh(0.5))
    >>> error = info["log_partition_function_stderr"][0]
    >>> bool(abs(info["log_partition_function"][0] - exact) < 4 * error < 0.1)
    True
    """

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "population_size": [COUNT],
        "num_sweeps": [COUNT],
        "beta": [BETA, None],
        "beta_schedule": ["array-like", None],
        "overlap": [Interval(Real, 0, 1, closed="neither")],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
        "max_seconds": SECONDS,
    }

    def __init__(
        self,
        num_reads=1,
        population_size=1000,
        num_sweeps=10,
        *,
        beta=None,
        beta_schedule=None,
        overlap=0.85,
        seed=None,
        num_threads=None,
        max_seconds=None,
    ):
        self.num_reads = num_reads
        self.population_size = population_size
        self.num_sweeps = num_sweeps
        self.beta = beta
        self.beta_schedule = beta_schedule
        self.overlap = overlap
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        size = max(settings.population_size, settings.num_reads)
        # States before and after a step; energies, weights, families and what they are made of.
        n_bytes = models.n_models * size * (2 * models.n_spins + 64)
        return super()._working_bytes(models, settings) + n_bytes

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        settings.seed = make_keys(settings.seed, models.n_models)
        schedule = _check_schedule(settings)
        if schedule is not None:
            targets = np.full(models.n_models, schedule[-1])
        elif settings.beta is None:
            _, targets = default_beta_range(models)
        else:
            targets = np.full(models.n_models, float(settings.beta))
        coldest = coldest_beta(models)
        schedule = None if schedule is None else np.minimum(schedule, coldest)
        population = _start(models, settings)
        _anneal(population, np.minimum(targets, coldest), schedule, models, settings)
        if settings.beta is None and settings.watch.reason is not None:
            _descend(population, models, settings)
        # An order by random numbers, whose beginning is a choice without replacement.
        places = draw_uniforms(settings.seed, Stream.RESAMPLING, population.size)
        chosen = np.argsort(places, axis=1, kind="stable")[:, : settings.num_reads]
        rows = np.arange(models.n_models)[:, np.newaxis]
        states = population.states[rows[..., np.newaxis], chosen[..., np.newaxis], keep]
        info = {
            "beta": settings.beta,
            "beta_range": (0.0, float(population.betas.max())),
            "num_sweeps": settings.num_sweeps,
            **_describe(population, targets, thermal=settings.beta is not None),
        }
        return states, population.energies[rows, chosen], info


def _check_schedule(settings: SimpleNamespace) -> np.ndarray | None:
    """Inverse temperatures after the start at 0, which a list may name as well."""
    given = settings.beta_schedule
    if count_axes(given) == 1 and len(given) > 1 and given[0] == 0:
        given = given[1:]
    return check_increasing_betas(given, "beta_schedule", settings.beta)


@dataclass
class _Population:
    """Replicas of a family of models, and how they came to where they are."""

    states: np.ndarray  # (n_models, size, n_spins) int8
    energies: np.ndarray  # (n_models, size)
    families: np.ndarray  # (n_models, size) int64, the first ancestor
    growths: np.ndarray  # (n_models, n_blocks), of blocks of families
    betas: np.ndarray  # (n_models,)
    log_z: np.ndarray  # (n_models,)
    num_temperatures: np.ndarray  # (n_models,) int64, after beta = 0

    @property
    def size(self) -> int:
        return self.states.shape[1]


def _start(models: SpinModels, settings: SimpleNamespace) -> _Population:
    """A uniform population at β = 0."""
    n_models = models.n_models
    size = max(settings.population_size, settings.num_reads)
    betas = np.zeros(n_models)
    states, energies = sweep_at(
        models,
        betas,
        1,
        num_reads=size,
        seed=settings.seed,
        stream=Stream.POPULATION,
        num_threads=settings.num_threads,
        watch=settings.watch,
    )
    return _Population(
        states,
        energies,
        np.tile(np.arange(size), (n_models, 1)),
        np.ones((n_models, count_blocks(size))),
        betas,
        np.full(n_models, log_number_of_states(models)),
        np.zeros(n_models, np.int64),
    )


def log_number_of_states(models: SpinModels) -> float:
    """log Z at β = 0."""
    width = 0 if models.one_hot is None else models.one_hot[1] - models.one_hot[0]
    return (models.n_spins - width) * np.log(2.0) + np.log(max(width, 1))


def _anneal(population, targets, schedule, models, settings) -> None:
    """Cool each model's population to its target, those that are there waiting."""
    step = 0
    while not settings.watch.is_over():
        rows = np.flatnonzero(population.betas < targets)
        if not len(rows):
            break
        if schedule is None:
            betas = choose_betas(
                population.energies[rows],
                population.betas[rows],
                targets[rows],
                settings.overlap,
                models.n_spins,
            )
        else:
            betas = np.full(len(rows), schedule[step])
        step += 1
        _resample(population, rows, betas, settings.seed[rows], step)
        some = SpinModels(models.fields[rows], models.couplings, models.one_hot)
        population.states[rows], population.energies[rows] = sweep_at(
            some,
            betas,
            settings.num_sweeps,
            num_reads=population.size,
            seed=settings.seed[rows],
            stream=stream_of(Stream.POPULATION, step),
            num_threads=settings.num_threads,
            initial_states=population.states[rows],
            watch=settings.watch,
        )


def _descend(population, models, settings) -> None:
    """A few cold sweeps of a search that was stopped, which would else return hot states."""
    _, cold = default_beta_range(models)
    population.states, population.energies = sweep_at(
        models,
        cold,
        _LAST_SWEEPS,
        num_reads=population.size,
        seed=settings.seed,
        stream=Stream.POPULATION_DESCENT,
        num_threads=settings.num_threads,
        initial_states=population.states,
        watch=settings.watch,
        num_last_sweeps=_LAST_SWEEPS,
    )


def _resample(population, rows, betas, keys, step) -> None:
    """Take the populations of some models to the next temperature, but for the sweeps."""
    steps = betas - population.betas[rows]
    log_weights = -steps[:, np.newaxis] * population.energies[rows]
    population.growths[rows] = grow_blocks(
        population.growths[rows], population.families[rows], log_weights
    )
    uniforms = draw_uniforms(keys, stream_of(Stream.RESAMPLING, step), 1)
    parents = choose_parents(log_weights, uniforms)
    population.states[rows] = population.states[rows[:, np.newaxis], parents]
    population.families[rows] = population.families[rows[:, np.newaxis], parents]
    population.log_z[rows] += log_mean_exp(log_weights)
    population.num_temperatures[rows] += 1
    population.betas[rows] = betas


def _describe(population: _Population, targets: np.ndarray, thermal: bool):
    """Families of the population; its partition function where it has reached the temperature."""
    families = count_families(population.families)
    fractions = families / population.size
    logs = np.log(fractions, out=np.zeros_like(fractions), where=fractions > 0)
    info = {
        "num_temperatures": population.num_temperatures,
        "num_families": (families > 0).sum(axis=1),
        "rho_t": population.size * (fractions**2).sum(axis=1),
        "entropic_family_size": population.size * np.exp((fractions * logs).sum(axis=1)),
    }
    if thermal:
        arrived = population.betas >= targets
        info["log_partition_function"] = np.where(arrived, population.log_z, np.nan)
        errors = estimate_log_error(population.growths)
        info["log_partition_function_stderr"] = np.where(arrived, errors, np.nan)
    return info
