"""Partition functions of Ising models: exact where that can be had, else estimated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import dimod
import numpy as np
from scipy.special import logsumexp

from qsklearn._kernels._threads import Watch
from qsklearn._optional import import_optional
from qsklearn._sklearn import Interval, Real, StrOptions, validate_parameter_constraints
from qsklearn.samplers._annealed_importance import (
    log_mean,
    make_path,
    weigh_forward,
    weigh_in_reverse,
)
from qsklearn.samplers._arguments import check_request, count_threads
from qsklearn.samplers._base import COUNT, SEED_CONSTRAINTS, THREADS
from qsklearn.samplers._elimination import order_by_degree
from qsklearn.samplers._exact import MAX_CORE, MAX_SPINS, ExactSampler, _is_small, _split
from qsklearn.samplers._groups import members_of_groups, split_matrices
from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    check_one_hot,
    models_from_bqm,
)
from qsklearn.samplers._population import PopulationAnnealingSampler, log_number_of_states
from qsklearn.samplers._seeds import check_seed, make_keys
from qsklearn.samplers._tempering import ParallelTemperingSampler
from qsklearn.samplers._tree import draw_by_tree

_CALLER = "log_partition_function"
_EXACT = ("enumeration", "bipartite", "tree-decomposition")
_METHODS = (*_EXACT, "population", "annealed-importance")
# "auto" leaves trees of a larger width, which cost memory and time, to the population.
_CHEAP_WIDTH = 16
# Long runs of tempering where reverse runs cannot start from exact draws.
_SWEEPS_TO_START = 1000
# Standard errors from an estimate to the ends of its interval, which holds 95 %.
_INTERVAL = 2.0

_CONSTRAINTS = {
    "beta": [Interval(Real, 0, None, closed="left")],
    "method": [StrOptions({"auto", *_METHODS})],
    "seed": SEED_CONSTRAINTS,
    "num_threads": THREADS,
    "population_size": [COUNT],
    "num_runs": [COUNT],
    "num_temperatures": [COUNT],
    "num_sweeps": [COUNT, None],
}
# Value, standard error, lower and upper end, each (n_models,).
_Estimate = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LogPartitionFunction:
    """Logarithms of partition functions, and how sure they are.

    Parameters
    ----------
    value : ndarray of shape (n_models,)
        log Z = log Σ_s exp(-βE(s)), or its estimate.
    standard_error : ndarray of shape (n_models,)
        Of the value; 0 where it is exact, NaN where there is too little to tell.
    lower, upper : ndarrays of shape (n_models,)
        Ends of an interval; both the value where it is exact.
    method : str
        How it was found, never "auto".

    Examples
    --------
    >>> from qsklearn.samplers import log_partition_function
    >>> result = log_partition_function([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]])
    >>> result.method, result.value.round(4).tolist(), result.standard_error.tolist()
    ('enumeration', [1.3863], [0.0])
    """

    value: np.ndarray
    standard_error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    method: str


def log_partition_function(
    h,
    J=None,
    *,
    beta=1.0,
    method="auto",
    groups=None,
    one_hot=None,
    seed=None,
    num_threads=None,
    population_size=1000,
    num_runs=1000,
    num_temperatures=200,
    num_sweeps=None,
) -> LogPartitionFunction:
    r"""Logarithm of the partition function of each model of a family, with its error.

    .. math:: \log Z(\beta) = \log \sum_s e^{-\beta E(s)}, \qquad
        E(s) = h \cdot s + \tfrac12 s^T J s.

    Parameters
    ----------
    h : array-like of shape (n_models, n_spins), or (n_spins,), or dimod.BinaryQuadraticModel
        Fields, one row a model; or one whole model, with its offset, and no J.
    J : array-like or sparse matrix of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
        Couplings, symmetric with a zero diagonal; shared by all models, or by group.
    beta : float, default=1.0
        Inverse temperature, multiplying E.
    method : str, default="auto"
        One of

        - ``"enumeration"`` of up to 24 spins: exact;
        - ``"bipartite"``: all patterns of a side of up to 16 spins are enumerated, and the other
          side, whose spins do not couple among themselves, is summed in closed form: exact;
        - ``"tree-decomposition"`` by dwave-samplers, for graphs of low treewidth: exact;
        - ``"population"``: :class:`PopulationAnnealingSampler`;
        - ``"annealed-importance"``: importance sampling along ``num_temperatures`` from β = 0 to
          ``beta``, and in reverse, which bracket log Z;
        - ``"auto"``: the first of the exact ones that applies to all models, trees as far as they
          are cheap; else ``"population"``.
    groups : array-like of int of shape (n_models,), optional
        The matrix in ``J`` that each model takes.
    one_hot : tuple of (start, stop), optional
        Spins of which exactly one is up in every state that counts.
    seed : int, default=None
        Estimates are the same for any ``num_threads``. An array of integers seeds each model for
        itself. None: fresh entropy.
    num_threads : int, default=None
        Threads; None means 1, -1 all cores.
    population_size : int, default=1000
        Replicas, for ``"population"``.
    num_runs : int, default=1000
        Runs a direction, for ``"annealed-importance"``.
    num_temperatures : int, default=200
        Temperatures of a run after β = 0.
    num_sweeps : int, default=None
        Updates of each spin at each temperature. None: 10 for ``"population"``, 1 for
        ``"annealed-importance"``.

    Returns
    -------
    result : LogPartitionFunction
        ``value``, ``standard_error``, ``lower`` and ``upper``, all of shape (n_models,), and the
        ``method``.

    Raises
    ------
    ValueError
        If an argument does not fit, or the method does not apply to the models.
    ImportError
        If a tree decomposition is asked for without dwave-samplers.

    Notes
    -----
    *Population*: the interval is the value and 2 standard errors to either side. No bound comes
    from above: an unseen well of low energy would raise log Z.

    *Annealed importance*: forward runs start uniform, and the mean weight e^{-Σ_k (β_k - β_{k-1})
    E(s_{k-1})} is Z / Z(0) in expectation, so that the logarithm of the mean is *below* log Z in
    expectation, however bad the runs. Reverse runs start from the law, and the mean of their
    inverse weights is Z(0) / Z in expectation, which gives an estimate that is *above*. ``lower``
    and ``upper`` are these two, moved outwards by 2 of their standard errors (delta method); the
    value is the middle between the two, and ``standard_error`` the larger of its statistical error
    and of half the distance between them. The starts are exact draws where
    :class:`ExactSampler` has them cheaply; else they are draws of
    :class:`ParallelTemperingSampler`, and the upper end is as good as these.

    References
    ----------
    Neal, R. M. (2001). Annealed importance sampling. Statistics and Computing 11, 125-139.

    Grosse, R. B., Ghahramani, Z., Adams, R. P. (2015). Sandwiching the marginal likelihood using
    bidirectional Monte Carlo. arXiv:1511.02543.

    Machta, J. (2010). Population annealing with weighted averages: A Monte Carlo method for rough
    free-energy landscapes. Phys. Rev. E 82, 026704.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.samplers import log_partition_function
    >>> J = np.ones((20, 20)) - np.eye(20)
    >>> exact = log_partition_function(np.zeros(20), J, beta=0.2)
    >>> exact.method, float(exact.value[0].round(3))
    ('enumeration', 15.05)
    >>> estimate = log_partition_function(
    ...     np.zeros(20), J, beta=0.2, method="annealed-importance", seed=0
    ... )
    >>> bool(estimate.lower[0] < exact.value[0] < estimate.upper[0])
    True
    """
    settings = SimpleNamespace(
        beta=beta,
        method=method,
        seed=seed,
        num_threads=num_threads,
        population_size=population_size,
        num_runs=num_runs,
        num_temperatures=num_temperatures,
        num_sweeps=num_sweeps,
    )
    _check(settings)
    h, J, offset = _unpack(h, J)
    fields = check_fields(h, _CALLER)
    keys = make_keys(check_seed(seed, len(fields), _CALLER), len(fields))
    parts, members = _split_groups(fields, J, groups, one_hot)
    method = _choose_method(parts) if method == "auto" else method
    results = np.empty((4, len(fields)))
    for models, rows in zip(parts, members, strict=True):
        settings.seed = keys[rows]
        results[:, rows] = _estimate(models, settings, method)
    results[[0, 2, 3]] -= settings.beta * offset
    value, error, lower, upper = results
    return LogPartitionFunction(value, error, lower, upper, method)


def _unpack(h, J):
    """Arrays and the offset of a binary quadratic model; arrays as they are."""
    if isinstance(h, dimod.BinaryQuadraticModel) and J is None:
        models, _ = models_from_bqm(h)
        offset = float(h.change_vartype(dimod.SPIN, inplace=False).offset)
        return models.fields, models.couplings, offset
    if J is None or isinstance(h, dict) or isinstance(J, dict):
        raise TypeError(
            f"{_CALLER} takes fields h and couplings J as arrays, or one "
            f"dimod.BinaryQuadraticModel. Got {type(h).__name__} and {type(J).__name__}."
        )
    return h, J, 0.0


def _check(settings: SimpleNamespace) -> None:
    """Validate all arguments but the models; ``num_threads`` becomes a number."""
    validate_parameter_constraints(_CONSTRAINTS, vars(settings), _CALLER)
    settings.beta = float(settings.beta)
    settings.num_threads = count_threads(settings.num_threads, _CALLER)


def _split_groups(fields, J, groups, one_hot) -> tuple[list[SpinModels], list[np.ndarray]]:
    """Models of each group that has any, and their rows."""
    matrices = split_matrices(J)
    members = members_of_groups(groups, len(matrices), len(fields), _CALLER)
    parts = []
    for matrix, rows in zip(matrices, members, strict=True):
        couplings = check_couplings(matrix, fields.shape[1], _CALLER)
        unit = check_one_hot(one_hot, couplings, _CALLER)
        parts.append(SpinModels(fields[rows], couplings, unit))
    filled = [at for at, rows in enumerate(members) if len(rows)]
    return [parts[at] for at in filled], [members[at] for at in filled]


def _choose_method(parts: list[SpinModels]) -> str:
    """The cheapest exact method for all of the models, else the population."""
    for method in _EXACT:
        if not any(_obstacle(models, method, cheaply=True) for models in parts):
            return method
    return "population"


def _estimate(models: SpinModels, settings: SimpleNamespace, method: str) -> _Estimate:
    if models.n_spins == 0:
        return _exactly(np.zeros(models.n_models))
    if method in _EXACT:
        obstacle = _obstacle(models, method)
        if obstacle:
            raise ValueError(
                f"The method {method!r} of {_CALLER} {obstacle}. Use method='auto', 'population' "
                "or 'annealed-importance'."
            )
        return _exactly(_condition(models, settings, _sum_exactly[method]))
    if method == "population":
        return _by_population(models, settings)
    return _by_annealed_importance(models, settings)


def _exactly(log_z: np.ndarray) -> _Estimate:
    return log_z, np.zeros_like(log_z), log_z, log_z


def _obstacle(models: SpinModels, method: str, cheaply: bool = False) -> str:
    """Why an exact method does not serve these models; empty if it does."""
    if models.n_spins == 0:
        return ""
    graph = _without_unit(models)[1] if models.one_hot else models
    if method == "enumeration" and graph.n_spins > MAX_SPINS:
        return f"takes up to {MAX_SPINS} spins, and got {graph.n_spins}"
    if method == "bipartite":
        core = len(_split(graph)[0]) if graph.n_spins else 0
        if core > MAX_CORE:
            return (
                f"takes models of which all spins but {MAX_CORE} do not couple among themselves, "
                f"and got one with {core} others"
            )
    if method == "tree-decomposition" and cheaply:
        return _obstacle_to_a_cheap_tree(graph)
    return ""


def _obstacle_to_a_cheap_tree(models: SpinModels) -> str:
    if order_by_degree(models.couplings, _CHEAP_WIDTH) is None:
        return "is not cheap for a graph of this treewidth"
    try:
        import_optional("dwave.samplers", _CALLER)
    except ImportError as error:
        return str(error)
    return ""


def _without_unit(models: SpinModels) -> tuple[np.ndarray, SpinModels]:
    """The spins beside the one-hot unit, and their models."""
    start, stop = models.one_hot or (0, 0)
    rest = np.delete(np.arange(models.n_spins), slice(start, stop))
    return rest, SpinModels(models.fields[:, rest], models.couplings[rest][:, rest])


def _condition(models: SpinModels, settings, sum_exactly: Callable) -> np.ndarray:
    """log Z, a one-hot unit summed over its spins that may be up."""
    if models.one_hot is None:
        return sum_exactly(models, settings)
    unit = np.arange(*models.one_hot)
    rest, inner = _without_unit(models)
    log_weights = np.empty((len(unit), models.n_models))
    for at in range(len(unit)):
        spins = np.where(np.arange(len(unit)) == at, 1.0, -1.0)
        fields = inner.fields + models.couplings[rest][:, unit] @ spins
        given = SpinModels(fields, inner.couplings)
        log_weights[at] = -settings.beta * models.fields[:, unit] @ spins
        if len(rest):
            log_weights[at] += sum_exactly(given, settings)
    return logsumexp(log_weights, axis=0)


def _sum_patterns(models: SpinModels, settings) -> np.ndarray:
    """By ExactSampler's core and rim."""
    core, _ = _split(models)
    check_request(8 * 2 ** len(core) * settings.num_threads, _CALLER)
    sampler = ExactSampler(beta=settings.beta, num_threads=settings.num_threads)
    return _draw(sampler, models, settings, keep=np.empty(0, np.int64))[2]["log_partition_function"]


def _sum_over_tree(models: SpinModels, settings) -> np.ndarray:
    """By dwave-samplers, model by model."""
    try:
        return draw_by_tree(models, settings.beta, 1, settings.seed, _CALLER)[1]
    except ValueError as error:
        raise ValueError(
            f"The method 'tree-decomposition' of {_CALLER} does not serve this model of "
            f"{models.n_spins} spins: {error}"
        ) from error


_sum_exactly = {
    "enumeration": _sum_patterns,
    "bipartite": _sum_patterns,
    "tree-decomposition": _sum_over_tree,
}


def _draw(sampler, models: SpinModels, settings, keep=None) -> tuple[Any, Any, dict[str, Any]]:
    """What a sampler of ours draws with its parameters and the keys of the call."""
    own = sampler._open({})
    own.seed = settings.seed
    keep = np.arange(models.n_spins) if keep is None else keep
    drawn = sampler._draw_checked(models, own, keep)
    _raise_if_stopped(own.watch)
    return drawn


def _raise_if_stopped(watch: Watch) -> None:
    """A partition function that is half done is none, so that Ctrl-C is raised."""
    if watch.reason is not None:
        raise KeyboardInterrupt


def _by_population(models: SpinModels, settings) -> _Estimate:
    sampler = PopulationAnnealingSampler(
        population_size=settings.population_size,
        num_sweeps=settings.num_sweeps or 10,
        beta=settings.beta,
        num_threads=settings.num_threads,
    )
    info = _draw(sampler, models, settings, keep=np.empty(0, np.int64))[2]
    value, error = info["log_partition_function"], info["log_partition_function_stderr"]
    return value, error, value - _INTERVAL * error, value + _INTERVAL * error


def _by_annealed_importance(models: SpinModels, settings) -> _Estimate:
    watch = Watch()
    starts = _draw_starts(models, settings)
    betas = make_path(models, settings.beta, settings.num_temperatures)
    rest = (settings.num_sweeps or 1, settings.seed, settings.num_threads, watch)
    below, below_error = log_mean(weigh_forward(models, betas, settings.num_runs, *rest))
    _raise_if_stopped(watch)
    above, above_error = log_mean(-weigh_in_reverse(models, betas, starts, *rest))
    _raise_if_stopped(watch)
    log_start = log_number_of_states(models)
    below, above = log_start + below, log_start - above
    statistical = np.hypot(below_error, above_error) / 2
    return (
        (below + above) / 2,
        np.maximum(statistical, np.abs(above - below) / 2),
        below - _INTERVAL * below_error,
        above + _INTERVAL * above_error,
    )


def _draw_starts(models: SpinModels, settings) -> np.ndarray:
    """States of the law at beta, exact ones where they are cheap."""
    sampler: ExactSampler | ParallelTemperingSampler
    if _has_cheap_draws(models):
        sampler = ExactSampler(settings.num_runs)
    else:
        sampler = ParallelTemperingSampler(settings.num_runs, num_sweeps=_SWEEPS_TO_START)
    sampler.set_params(beta=settings.beta, num_threads=settings.num_threads)
    return _draw(sampler, models, settings)[0]


def _has_cheap_draws(models: SpinModels) -> bool:
    """Whether ExactSampler is quick."""
    if _is_small(models, _split(models)[0]):
        return True
    return models.one_hot is None and not _obstacle_to_a_cheap_tree(models)
