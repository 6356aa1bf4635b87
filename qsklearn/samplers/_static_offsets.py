"""Static offsets of a device's biases, from its draws of the empty program."""

from __future__ import annotations

from dataclasses import dataclass

import dimod
import numpy as np

from qsklearn._memory import check_memory
from qsklearn._private_api import Integral, Interval, Real, validate_parameter_constraints
from qsklearn.samplers._qpu_profiles import typical_beta

_CALLER = "estimate_static_offsets"
_MAX_NEWTON_STEPS = 20
_CONVERGED = 1e-3  # of the last step, whose square is Newton's error
_SINGULAR = 1e-6  # eigenvalues below this, relative to the largest, are rounding errors of 32 bits
# Reads that a coefficient of a regression needs to be far from separable and from bias.
_READS_PER_COEFFICIENT = 10
# Numbers that one block of regressions holds: some megabytes, within the caches.
_BLOCK = 500_000


@dataclass(frozen=True)
class StaticOffsets:
    """What a device adds to its biases in each call, in the units of its programs.

    Parameters
    ----------
    h, h_stderr : dict of qubit to float
        Offsets of the fields, and their standard errors.
    J, J_stderr : dict of edge to float
        Offsets of the couplings, by the edges as the sampler names them, and their errors.
    h_noise, J_noise : float
        Standard deviation of what fields and couplings change by from call to call, beyond the
        error of the draws; 0 where none is seen, NaN after a single call.

    Examples
    --------
    >>> from qsklearn.samplers import StaticOffsets
    >>> offsets = StaticOffsets({0: 0.01}, {0: 0.002}, {}, {}, 0.0, 0.0)
    >>> offsets.h[0]
    0.01
    """

    h: dict
    h_stderr: dict
    J: dict
    J_stderr: dict
    h_noise: float
    J_noise: float


def estimate_static_offsets(
    sampler, *, num_reads=1000, num_calls=10, beta_eff=None, seed=None, **parameters
) -> StaticOffsets:
    r"""Static offsets of fields and couplings of a structured device.

    The device is programmed with zeros on its whole working graph. What it draws then is the law
    of its offsets,

    .. math:: P(s_i = +1 \mid s) = 1 / (1 + e^{2 \beta (\delta h_i + \sum_j \delta J_{ij} s_j)}),

    so that a logistic regression of each spin on its neighbours has the intercept
    :math:`-2 \beta\, \delta h_i` and the slopes :math:`-2 \beta\, \delta J_{ij}`. Subtract the
    offsets from a program to undo them.

    Parameters
    ----------
    sampler : structured dimod sampler
        Any with ``nodelist`` and ``edgelist``.
    num_reads : int, default=1000
        Reads of a call; at least 10 for each neighbour of a qubit, and 10 more.
    num_calls : int, default=10
        Calls over which is averaged, so that what is not static averages out.
    beta_eff : float, default=None
        Inverse temperature of the device, in units of 1 / bias: the empty program does not tell
        it. None takes the mean of the sampler's property ``beta_eff_prior``, or else what is
        published of a device of its ``chip_id``. An error of it scales all offsets.
    seed : int, default=None
        Of the calls, where the sampler declares ``seed``.
    **parameters
        Of each call, for example ``annealing_time``; ``auto_scale=False`` and
        ``answer_mode="raw"`` are added where the sampler declares them.

    Returns
    -------
    StaticOffsets
        Fields, couplings, and the standard errors of both; NaN of a qubit that never turned, and of
        its couplers.

    Raises
    ------
    ValueError
        If the sampler has no graph, the temperature is not known, or an argument does not fit.

    Notes
    -----
    Each regression is maximum pseudo-likelihood, right at any size of the offsets. The linear
    response -atanh(m_i) / β is not, as it takes products of a coupling's and a field's offset for
    a field. On a Pegasus graph of 264 qubits, from 10 000 reads, offsets of fields of the size
    0.1 / β (0.2 / β) came out with errors of 0.011 (0.018) by regression, all of it the draws', and
    of 0.037 (0.157) by linear response.

    A coupling is the mean of its two ends' slopes, which are of nearly the same information, so
    that its error is their errors' mean. Errors count the draws, by the curvature of the
    likelihood, and what a call adds of its own (``h_noise``, ``J_noise``), whose variance is
    taken for the same on all qubits and on all couplers.

    No spin-reversal transform may act between: it would turn the offsets' signs.

    References
    ----------
    Ravikumar, P., Wainwright, M. J., Lafferty, J. D. (2010). High-dimensional Ising model
    selection using l1-regularized logistic regression. Ann. Statist. 38, 1287-1319.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import GibbsSampler, estimate_static_offsets
    >>> class Device(dimod.Sampler, dimod.Structured):
    ...     parameters, properties = {"num_reads": [], "seed": []}, {}
    ...     nodelist, edgelist = [0, 1], [(0, 1)]
    ...
    ...     def sample(self, bqm, **parameters):
    ...         return GibbsSampler(beta=4.0).sample(bqm + dimod.Spin(0) * 0.05, **parameters)
    >>> offsets = estimate_static_offsets(Device(), beta_eff=4.0, seed=0)
    >>> abs(offsets.h[0] - 0.05) < 4 * offsets.h_stderr[0] < 0.02
    True
    """
    constraints = {
        "num_reads": [Interval(Integral, 1, None, closed="left")],
        "num_calls": [Interval(Integral, 1, None, closed="left")],
        "beta_eff": [Interval(Real, 0, None, closed="neither"), None],
        "seed": [Interval(Integral, 0, None, closed="left"), None],
    }
    given = {"num_reads": num_reads, "num_calls": num_calls, "beta_eff": beta_eff, "seed": seed}
    validate_parameter_constraints(constraints, given, _CALLER)
    nodes, edges = _check_graph(sampler)
    beta_eff = _check_beta(sampler, beta_eff)
    pairs = _indices(nodes, edges)
    _check_reads(num_reads, len(nodes), pairs)
    n_bytes = 16 * num_calls * (len(nodes) + len(edges)) + num_reads * len(nodes)
    check_memory(n_bytes, f"What {_CALLER} keeps", "Ask for fewer calls or reads.")
    empty = dimod.BinaryQuadraticModel(dict.fromkeys(nodes, 0.0), dict.fromkeys(edges, 0.0), "SPIN")
    seeds = np.random.SeedSequence(seed).generate_state(num_calls)
    calls = [
        _regress(_draw(sampler, empty, nodes, num_reads, int(one >> 1), parameters), pairs)
        for one in seeds
    ]
    fields, field_variances, couplings, coupling_variances = map(np.stack, zip(*calls, strict=True))
    h, h_stderr, h_noise = _average(fields, field_variances)
    J, J_stderr, J_noise = _average(couplings, coupling_variances)
    return StaticOffsets(
        _by_label(nodes, -h / (2 * beta_eff)),
        _by_label(nodes, h_stderr / (2 * beta_eff)),
        _by_label(edges, -J / (2 * beta_eff)),
        _by_label(edges, J_stderr / (2 * beta_eff)),
        h_noise / (2 * beta_eff),
        J_noise / (2 * beta_eff),
    )


def _by_label(labels: list, values: np.ndarray) -> dict:
    return dict(zip(labels, values.tolist(), strict=True))


def _check_graph(sampler) -> tuple[list, list]:
    nodes, edges = getattr(sampler, "nodelist", None), getattr(sampler, "edgelist", None)
    if nodes is None or edges is None or not hasattr(sampler, "sample"):
        raise ValueError(
            f"The 'sampler' parameter of {_CALLER} must be a structured dimod sampler, with "
            f"`nodelist`, `edgelist` and `sample`. Got {type(sampler).__name__} instead."
        )
    if not len(nodes):
        raise ValueError(
            f"The 'sampler' parameter of {_CALLER} must have qubits. Got {type(sampler).__name__} "
            "with an empty `nodelist`."
        )
    return list(nodes), list(edges)


def _check_beta(sampler, beta_eff) -> float:
    if beta_eff is not None:
        return float(beta_eff)
    properties = getattr(sampler, "properties", None) or {}
    # A bare device knows no prior; EmbeddedSampler has it from the same table.
    prior = properties.get("beta_eff_prior") or typical_beta(properties)
    if prior is None:
        raise ValueError(
            f"The 'beta_eff' parameter of {_CALLER} must be a float > 0, as "
            f"{type(sampler).__name__} has no property 'beta_eff_prior', and its 'chip_id' is that "
            "of no known device. Got None instead; find it with estimate_effective_beta from draws "
            "of a program that is not empty."
        )
    return float(prior[0])


def _indices(nodes: list, edges: list) -> np.ndarray:
    """Edges as positions in the list of nodes, shape (n_edges, 2)."""
    place = {node: position for position, node in enumerate(nodes)}
    return np.array([(place[u], place[v]) for u, v in edges], np.int64).reshape(-1, 2)


def _check_reads(num_reads: int, n_nodes: int, pairs: np.ndarray) -> None:
    largest = int(np.bincount(pairs.ravel(), minlength=n_nodes).max())
    needed = _READS_PER_COEFFICIENT * (largest + 1)
    if num_reads < needed:
        raise ValueError(
            f"The 'num_reads' parameter of {_CALLER} must be at least {needed} for qubits of up to "
            f"{largest} neighbours. Got {num_reads} instead."
        )


def _draw(sampler, empty, nodes: list, num_reads: int, seed: int, parameters) -> np.ndarray:
    """Spins of one call, of shape (n_nodes, num_reads)."""
    wished = {"num_reads": num_reads, "seed": seed, "auto_scale": False, "answer_mode": "raw"}
    declared = {name: value for name, value in wished.items() if name in sampler.parameters}
    drawn = sampler.sample(empty, **{**declared, **parameters})
    at = {label: column for column, label in enumerate(drawn.variables)}
    missing = [node for node in nodes if node not in at]
    if missing:
        raise ValueError(
            f"The sampler {type(sampler).__name__} must return a value of each qubit. Got none of "
            f"{missing[0]!r}."
        )
    values = drawn.record.sample[:, [at[node] for node in nodes]]
    spins = np.repeat(values, drawn.record.num_occurrences, axis=0).T
    if spins.shape[1] != num_reads or not (np.abs(spins) == 1).all():
        raise ValueError(
            f"The sampler {type(sampler).__name__} must return {num_reads} reads of spins -1 or "
            f"+1. Got {spins.shape[1]} reads with values in {np.unique(values)[:4].tolist()}."
        )
    return np.ascontiguousarray(spins, dtype=np.int8)


def _regress(spins: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Logistic regressions of all spins on their neighbours.

    Returns intercepts and their variances, one a spin; slopes and their variances, one an edge.
    NaN where a spin never turns.
    """
    n_spins, n_reads = spins.shape
    turns = spins.min(axis=1) < spins.max(axis=1)
    # What never turns explains nothing: as a feature it is left out.
    turning = spins * turns[:, np.newaxis]
    # Both directions of each edge, sorted by the spin that is explained.
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    order = np.argsort(ends[:, 0], kind="stable")
    neighbours = ends[order, 1]
    degrees = np.bincount(ends[:, 0], minlength=n_spins)
    starts = np.cumsum(degrees) - degrees
    intercepts, intercept_variances = np.full((2, n_spins), np.nan)
    slopes, slope_variances = np.full((2, len(ends)), np.nan)
    for degree in np.unique(degrees):
        members = np.flatnonzero((degrees == degree) & turns)
        size = max(_BLOCK // (n_reads * (degree + 1)), 1)
        for block in np.split(members, np.arange(size, len(members), size)):
            places = starts[block, np.newaxis] + np.arange(degree)
            coefficients, variances = _fit(spins[block], turning[neighbours[places]])
            intercepts[block], intercept_variances[block] = coefficients[:, 0], variances[:, 0]
            slopes[order[places]] = coefficients[:, 1:]
            slope_variances[order[places]] = variances[:, 1:]
    slopes[~turns[ends].all(axis=1)] = np.nan
    # The two ends see the same correlation: the error of their mean is the mean of their errors.
    slopes = slopes.reshape(2, -1).mean(axis=0)
    errors = np.sqrt(slope_variances).reshape(2, -1).mean(axis=0)
    return intercepts, intercept_variances, slopes, errors**2


def _fit(targets: np.ndarray, neighbours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood of P(target = +1) = 1 / (1 + exp(-(a + b·neighbours))), a block at once.

    Parameters
    ----------
    targets : ndarray of shape (n_spins, n_reads), ±1
    neighbours : ndarray of shape (n_spins, degree, n_reads), ±1, or 0 for one that is left out

    Returns
    -------
    coefficients, variances : ndarrays of shape (n_spins, degree + 1)
        NaN where there is no maximum, as in a regression that separates.
    """
    n_spins, degree, n_reads = neighbours.shape
    features = np.ones((n_spins, degree + 1, n_reads), np.float32)  # for speed; errors are larger
    features[:, 1:] = neighbours
    coefficients = np.zeros((n_spins, degree + 1, 1))
    n_directions = None
    for _ in range(_MAX_NEWTON_STEPS):
        # With t = tanh(z / 2) of the linear predictor z: gradient ½ (s - t), curvature ¼ (1 - t²).
        t = np.tanh(coefficients.swapaxes(1, 2).astype(np.float32) / 2 @ features)
        gradient = 0.5 * (features @ (targets[:, np.newaxis] - t).swapaxes(1, 2))
        curvature = (features * (0.25 * (1.0 - t * t))) @ features.swapaxes(1, 2)
        n_directions = _count_directions(curvature) if n_directions is None else n_directions
        inverse = np.linalg.pinv(curvature.astype(float), rcond=_SINGULAR, hermitian=True)
        step = inverse @ gradient
        coefficients += step
        missed = np.abs(step).max(axis=(1, 2)) > _CONVERGED
        if not missed.any():
            break
    # What separates the reads goes on rising until nothing is left to be seen of its curvature.
    missed |= _count_directions(curvature) < n_directions
    variances = np.diagonal(inverse, axis1=1, axis2=2).copy()
    coefficients[missed], variances[missed] = np.nan, np.nan
    return coefficients[:, :, 0], variances


def _count_directions(curvature: np.ndarray) -> np.ndarray:
    """Ranks of symmetric matrices, none of whose eigenvalues is negative."""
    values = np.linalg.eigvalsh(curvature.astype(float))
    return (values > _SINGULAR * values[:, -1:]).sum(axis=1)


def _average(values: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Means over calls, their standard errors, and the noise between calls, the same for all."""
    known = np.isfinite(values) & np.isfinite(variances)
    n_calls = known.sum(axis=0)
    whole = n_calls == len(values)
    noise = float("nan")  # its variance
    if len(values) > 1 and whole.any():
        between = values[:, whole].var(axis=0, ddof=1)
        noise = max(float((between - variances[:, whole].mean(axis=0)).mean()), 0.0)
    divisor = np.where(n_calls, n_calls, np.nan)
    means = np.where(known, values, 0.0).sum(axis=0) / divisor
    within = np.where(known, variances, 0.0).sum(axis=0) / divisor
    return means, np.sqrt((within + np.nan_to_num(noise)) / divisor), float(np.sqrt(noise))
