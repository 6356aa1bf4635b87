"""Partition functions of Ising models: exact where that can be had, else estimated."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import dimod
import numpy as np
from scipy.special import logsumexp

from qsklearn._kernels._threads import Watch
from qsklearn._optional import import_optional
from qsklearn._private_api import Interval, Real, StrOptions, validate_parameter_constraints
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
from qsklearn.samplers._imaginary_slices import (
    MAX_DIAGONALIZED,
    diagonalize,
    log_of_free_spins,
    stretch,
    weigh_worldlines,
)
from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    check_one_hot,
    models_from_bqm,
)
from qsklearn.samplers._population import PopulationAnnealingSampler, log_number_of_states
from qsklearn.samplers._schedules import coldest_beta
from qsklearn.samplers._seeds import check_seed, make_keys
from qsklearn.samplers._tempering import ParallelTemperingSampler
from qsklearn.samplers._tree import draw_by_tree

_CALLER = "log_partition_function"
_EXACT = ("enumeration", "bipartite", "tree-decomposition")
_METHODS = (*_EXACT, "diagonalization", "population", "annealed-importance")
# The same in a transverse field, where the first has no error of the slices.
_EXACT_IN_A_FIELD = ("diagonalization", *_EXACT)
# "auto" leaves trees of a larger width, which cost memory and time, to the population.
_CHEAP_WIDTH = 16
# Long runs of tempering where reverse runs cannot start from exact draws.
_SWEEPS_TO_START = 1000
# Standard errors from an estimate to the ends of its interval, which holds 95 %.
_INTERVAL = 2.0
_MAX_PLACES = 2**32  # the kernel counts spins of all slices in 32 bits

_CONSTRAINTS = {
    "beta": [Interval(Real, 0, None, closed="left")],
    "method": [StrOptions({"auto", "bracket", *_METHODS})],
    "transverse_field": [Interval(Real, 0, None, closed="left")],
    "num_slices": [COUNT],
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
        log Z = log Σ_s exp(-βE(s)), or log Tr exp(-βH) in a transverse field, or its estimate.
    standard_error : ndarray of shape (n_models,)
        Of the value; 0 where it is exact, NaN where there is too little to tell.
    lower, upper : ndarrays of shape (n_models,)
        Ends of an interval; both the value where it is exact.
    method : str
        How it was found, never "auto" or "bracket".

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
    transverse_field=0.0,
    num_slices=16,
) -> LogPartitionFunction:
    r"""Logarithm of the partition function of each model of a family, with its error.

    .. math:: \log Z(\beta) = \log \sum_s e^{-\beta E(s)}, \qquad
        E(s) = h \cdot s + \tfrac12 s^T J s.

    In a transverse field :math:`\Gamma` it is that of the quantum model,

    .. math:: \log Z(\beta, \Gamma) = \log \operatorname{Tr} e^{-\beta H}, \qquad
        H = E(\sigma^z) - \Gamma \sum_i \sigma^x_i .

    Parameters
    ----------
    h : array-like of shape (n_models, n_spins), or (n_spins,), or dimod.BinaryQuadraticModel
        Fields, one row a model; or one whole model, with its offset, and no J.
    J : array-like or sparse matrix of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
        Couplings, symmetric with a zero diagonal; shared by all models, or by group.
    beta : float, default=1.0
        Inverse temperature, multiplying E, and H.
    method : str, default="auto"
        One of

        - ``"enumeration"`` of up to 24 spins: exact;
        - ``"bipartite"``: all patterns of a side of up to 16 spins are enumerated, and the other
          side, whose spins do not couple among themselves, is summed in closed form: exact;
        - ``"tree-decomposition"`` by dwave-samplers, for graphs of low treewidth: exact;
        - ``"diagonalization"`` of H for up to 10 spins: exact, without slices;
        - ``"population"``: :class:`PopulationAnnealingSampler`; not in a transverse field;
        - ``"annealed-importance"``: importance sampling along ``num_temperatures`` from β = 0 to
          ``beta``, and in reverse, which bracket log Z;
        - ``"auto"``: the first of the exact ones that applies to all models, trees as far as they
          are cheap; else ``"population"``. In a transverse field, ``"diagonalization"`` comes
          first and ``"annealed-importance"`` last;
        - ``"bracket"``: the same, but always ``"annealed-importance"`` where none of the exact ones
          applies, which takes longer than a population, and bounds log Z from both sides.
    groups : array-like of int of shape (n_models,), optional
        The matrix in ``J`` that each model takes.
    one_hot : tuple of (start, stop), optional
        Spins of which exactly one is up in every state that counts. They feel no transverse field,
        in which only the exact methods take them.
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
    transverse_field : float, default=0.0
        The field Γ, in the units of E.
    num_slices : int, default=16
        Slices P of imaginary time, at least 2 in a transverse field, for all methods but
        ``"diagonalization"``. They make log Z too large by a term of order :math:`(\beta / P)^2`,
        which grows with the number of spins and with the field, and is no part of the stated
        errors: compare two numbers of slices.

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

    *In a transverse field* Suzuki's formula makes a classical model of P slices of imaginary time,

    .. math:: Z_P = A^{nP} \sum_{s^1, \dots, s^P} \prod_{k=1}^P e^{-\beta E(s^k) / P}
        \prod_i e^{K s_i^k s_i^{k+1}}, \qquad
        K = -\tfrac12 \log \tanh \frac{\beta \Gamma}{P}, \quad
        A^2 = \tfrac12 \sinh \frac{2 \beta \Gamma}{P}, \quad s^{P+1} = s^1,

    which the exact methods sum, at n P spins. :math:`Z_P` is above Z; P = 2m and m together,
    :math:`\tfrac43 \log Z_{2m} - \tfrac13 \log Z_m`, leave an error of order
    :math:`(\beta / P)^4`. Annealed importance keeps K as it is, and takes E from nothing, where
    :math:`Z = (2 \cosh \beta \Gamma)^n` for any P, through ``num_temperatures`` steps to β E. A
    sweep draws each spin's P slices at once from their exact law given the other spins, as that of
    :class:`PathIntegralAnnealingSampler`, so that weak fields are no harder than others. Runs in
    reverse start from the ends of anneals that stay there for five times their own length; where
    even this is too short, ``upper`` comes out near ``lower``, or below it. Updates of single
    spins, as in a population of the stretched model, freeze in weak fields, unseen by their errors.

    References
    ----------
    Neal, R. M. (2001). Annealed importance sampling. Statistics and Computing 11, 125-139.

    Grosse, R. B., Ghahramani, Z., Adams, R. P. (2015). Sandwiching the marginal likelihood using
    bidirectional Monte Carlo. arXiv:1511.02543.

    Machta, J. (2010). Population annealing with weighted averages: A Monte Carlo method for rough
    free-energy landscapes. Phys. Rev. E 82, 026704.

    Suzuki, M. (1976). Relationship between d-dimensional quantal spin systems and (d+1)-dimensional
    Ising systems. Prog. Theor. Phys. 56, 1454-1469.

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

    One spin in a longitudinal and a transverse field, :math:`2 \cosh \beta \sqrt{h^2 + \Gamma^2}`:

    >>> spin = log_partition_function([0.6], [[0.0]], transverse_field=0.8)
    >>> spin.method, bool(np.isclose(spin.value[0], np.log(2 * np.cosh(1.0))))
    ('diagonalization', True)
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
        transverse_field=transverse_field,
        num_slices=num_slices,
    )
    _check(settings)
    h, J, offset = _unpack(h, J)
    fields = check_fields(h, _CALLER)
    _check_slices(fields.shape[1], settings)
    keys = make_keys(check_seed(seed, len(fields), _CALLER), len(fields))
    parts, members = _split_groups(fields, J, groups, one_hot)
    if method in ("auto", "bracket"):
        method = _choose_method(parts, settings)
    results = np.empty((4, len(fields)))
    for models, rows in zip(parts, members, strict=True):
        _check_size(models, settings)
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
    for name, constraints in _CONSTRAINTS.items():
        if constraints[0] is COUNT and (count := getattr(settings, name)) is not None:
            setattr(settings, name, int(count))  # short ones overflow
    settings.num_threads = count_threads(settings.num_threads, _CALLER)
    thickness = settings.beta * float(settings.transverse_field) / settings.num_slices
    if not np.isfinite(thickness):
        raise ValueError(
            f"The 'transverse_field' parameter of {_CALLER} must be finite, also times beta. Got "
            f"{settings.transverse_field!r} instead, and a beta of {settings.beta!r}."
        )
    # At beta = 0 there is none, either.
    settings.transverse_field = float(settings.transverse_field) if thickness else 0.0


def _check_size(models: SpinModels, settings: SimpleNamespace) -> None:
    """Refuse a temperature at which log Z, about beta times the lowest energy, has no number."""
    coldest = coldest_beta(models)
    if settings.beta > coldest:
        raise ValueError(
            f"The 'beta' parameter of {_CALLER} must be at most {coldest:.3g} for energies of this "
            f"size. Got {settings.beta!r} instead."
        )


def _check_slices(n_spins: int, settings: SimpleNamespace) -> None:
    """Refuse a number of slices that knows no transverse field, or is beyond the kernel."""
    if not settings.transverse_field or settings.method == "diagonalization":
        return
    if settings.num_slices == 1:
        raise ValueError(
            f"The 'num_slices' parameter of {_CALLER} must be at least 2 with a transverse_field "
            f"of {settings.transverse_field!r}, and well above beta times it for a small error. "
            "Got 1 instead."
        )
    if n_spins * settings.num_slices >= _MAX_PLACES:
        raise ValueError(
            f"The 'num_slices' parameter of {_CALLER} must be such that all slices together have "
            f"fewer than 2^32 spins. Got {settings.num_slices} slices of {n_spins} spins instead."
        )


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


def _choose_method(parts: list[SpinModels], settings: SimpleNamespace) -> str:
    """The cheapest exact method for all of the models, else the best estimate."""
    for method in _EXACT_IN_A_FIELD if settings.transverse_field else _EXACT:
        if not any(_obstacle(models, method, settings, cheaply=True) for models in parts):
            return method
    has_population = settings.method == "auto" and not settings.transverse_field
    return "population" if has_population else "annealed-importance"


def _estimate(models: SpinModels, settings: SimpleNamespace, method: str) -> _Estimate:
    if models.n_spins == 0:
        return _exactly(np.zeros(models.n_models))
    obstacle = _obstacle(models, method, settings)
    if obstacle:
        estimates = "'annealed-importance'"
        if not settings.transverse_field:
            estimates = f"'population' or {estimates}"
        raise ValueError(
            f"The method {method!r} of {_CALLER} {obstacle}. Use method='auto', {estimates}."
        )
    if method in _EXACT_IN_A_FIELD:
        return _exactly(_condition(models, settings, method))
    if method == "population":
        return _by_population(models, settings)
    if settings.transverse_field:
        return _by_annealed_worldlines(models, settings)
    return _by_annealed_importance(models, settings)


def _exactly(log_z: np.ndarray) -> _Estimate:
    return log_z, np.zeros_like(log_z), log_z, log_z


def _obstacle(models: SpinModels, method: str, settings, cheaply: bool = False) -> str:
    """Why a method does not serve these models; empty if it does."""
    if models.n_spins == 0:
        return ""
    graph = _without_unit(models)[1] if models.one_hot else models
    if method == "diagonalization":
        if graph.n_spins > MAX_DIAGONALIZED:
            return f"takes up to {MAX_DIAGONALIZED} spins, and got {graph.n_spins}"
        return ""
    if method not in _EXACT:
        return _obstacle_to_an_estimate(models, method) if settings.transverse_field else ""
    n_spins = graph.n_spins * (settings.num_slices if settings.transverse_field else 1)
    if method == "enumeration":
        return f"takes up to {MAX_SPINS} spins, and got {n_spins}" if n_spins > MAX_SPINS else ""
    if settings.transverse_field:
        graph, _ = _stretch(graph, settings)
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


def _obstacle_to_an_estimate(models: SpinModels, method: str) -> str:
    """What an estimate cannot do in a transverse field."""
    if method == "population":
        return "does not serve a transverse_field > 0, as its updates of single spins freeze there"
    return "takes no one_hot unit with a transverse_field > 0" if models.one_hot else ""


def _stretch(models: SpinModels, settings) -> tuple[SpinModels, float]:
    return stretch(models, settings.beta, settings.transverse_field, settings.num_slices)


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


def _condition(models: SpinModels, settings, method: str) -> np.ndarray:
    """log Z, a one-hot unit summed over its spins that may be up."""
    if models.one_hot is None:
        return _sum(models, settings, method)
    unit = np.arange(*models.one_hot)
    rest, inner = _without_unit(models)
    log_weights = np.empty((len(unit), models.n_models))
    for at in range(len(unit)):
        spins = np.where(np.arange(len(unit)) == at, 1.0, -1.0)
        fields = inner.fields + models.couplings[rest][:, unit] @ spins
        given = SpinModels(fields, inner.couplings)
        log_weights[at] = -settings.beta * models.fields[:, unit] @ spins
        if len(rest):
            log_weights[at] += _sum(given, settings, method)
    return logsumexp(log_weights, axis=0)


def _sum(models: SpinModels, settings, method: str) -> np.ndarray:
    """log Z by an exact method, of all slices in a transverse field."""
    if method == "diagonalization":
        return diagonalize(models, settings.beta, settings.transverse_field)
    if not settings.transverse_field:
        return _sum_exactly[method](models, settings)
    stretched, log_factor = _stretch(models, settings)
    classical = SimpleNamespace(**{**vars(settings), "beta": 1.0})
    return log_factor + _sum_exactly[method](stretched, classical)


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
    betas = _make_path(models, settings)
    starts = _draw_starts(models, settings)
    rest = (settings.num_sweeps or 1, settings.seed, settings.num_threads, watch)
    forward = weigh_forward(models, betas, settings.num_runs, *rest)
    _raise_if_stopped(watch)
    reverse = weigh_in_reverse(models, betas, starts, *rest)
    _raise_if_stopped(watch)
    return _between(forward, reverse, log_number_of_states(models))


def _make_path(models: SpinModels, settings) -> np.ndarray:
    """Inverse temperatures of annealed importance, if runs along them fit into memory."""
    # Four arrays of a path; schedules of sweeps; weights and states before and after.
    a_run = 16 + 2 * models.n_spins * (settings.num_slices if settings.transverse_field else 1)
    path = 32 * settings.num_temperatures + 12 * (settings.num_sweeps or 1)
    check_request(models.n_models * (path + a_run * settings.num_runs), _CALLER)
    return make_path(models, settings.beta, settings.num_temperatures)


def _by_annealed_worldlines(models: SpinModels, settings) -> _Estimate:
    watch = Watch()
    forward, reverse = weigh_worldlines(
        models,
        _make_path(models, settings),
        settings.transverse_field,
        num_slices=settings.num_slices,
        num_runs=settings.num_runs,
        num_sweeps=settings.num_sweeps or 1,
        keys=settings.seed,
        num_threads=settings.num_threads,
        watch=watch,
    )
    _raise_if_stopped(watch)
    start = log_of_free_spins(models.n_spins, settings.beta, settings.transverse_field)
    return _between(forward, reverse, start)


def _between(forward: np.ndarray, reverse: np.ndarray, log_start: float) -> _Estimate:
    """The middle of what log weights of runs forward and in reverse add to log Z at their start."""
    below, below_error = log_mean(forward)
    above, above_error = log_mean(-reverse)
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
