"""How hot a sampler's draws are: the effective inverse temperature and its error."""

from __future__ import annotations

from dataclasses import dataclass

import dimod
import numpy as np

from qsklearn._checks import check_integers, check_reals
from qsklearn._memory import check_memory
from qsklearn._private_api import Integral, Interval, StrOptions, validate_parameter_constraints
from qsklearn._warnings import warn
from qsklearn.samplers._base import SEED_CONSTRAINTS
from qsklearn.samplers._exact import ExactSampler, _is_small, _split
from qsklearn.samplers._gibbs import GibbsSampler
from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    check_one_hot,
    models_from_bqm,
)

_CALLER = "estimate_effective_beta"
# Excitations below this fraction of the largest are rounding errors of 32 bits.
_ROUNDING = 1e-6
# Models whose biases are all below this are without bias: others have a finite inverse.
_SMALLEST_BIAS = np.finfo(float).tiny
_MAX_NEWTON_STEPS = 100
# Reads of which one in _THINNING finds the start of Newton's method where there are many.
_THINNING, _MANY_READS = 16, 1024
# Reads that an auxiliary sampler draws at least.
_MIN_AUXILIARY_READS = 1000


@dataclass(frozen=True)
class EffectiveBeta:
    """An effective inverse temperature, and how sure it is.

    Parameters
    ----------
    beta_eff : float
        The states are draws of exp(-beta_eff E), as far as they are thermal; in units of 1 / E.
        ``inf`` where every state is a local minimum; NaN where the states tell nothing.
    stderr : float
        Its standard error; NaN where there is none.
    method : str
        How it was found.

    Examples
    --------
    >>> from qsklearn.samplers import EffectiveBeta
    >>> EffectiveBeta(2.5, 0.1, "pseudo-likelihood").beta_eff
    2.5
    """

    beta_eff: float
    stderr: float
    method: str


def estimate_effective_beta(
    states,
    h,
    J=None,
    *,
    method="pseudo-likelihood",
    one_hot=None,
    num_bootstrap=0,
    sampler=None,
    seed=None,
) -> EffectiveBeta:
    r"""Effective inverse temperature at which states of Ising models were drawn.

    A device that draws from :math:`P(s) \propto e^{-\beta E(s)}` at a β of its own is asked for it
    by its draws.

    Parameters
    ----------
    states : dimod.SampleSet, or array-like of shape (n_models, num_reads, n_spins)
        Draws: a SampleSet where ``h`` is a model, by label, each as often as its
        ``num_occurrences`` say; else spins ±1. One model may leave out the first axis.
    h : dimod.BinaryQuadraticModel, or array-like of shape (n_models, n_spins)
        What the device was programmed with: a whole model, or fields, one row a model.
    J : array-like or sparse matrix of shape (n_spins, n_spins), optional
        Couplings, symmetric with a zero diagonal, that all models share; None with a whole model.
    method : {"pseudo-likelihood", "moment-matching"}, default="pseudo-likelihood"
        See the notes.
    one_hot : tuple of (start, stop), optional
        Spins of which exactly one is up in every state; only with arrays.
    num_bootstrap : int, default=0
        Resamples of the reads (some 200) whose spread is the standard error of the
        pseudo-likelihood, for draws so cold that it hangs on a few excited reads: resamples
        without one are infinitely cold, and the error may be infinite. Elsewhere the asymptotic
        error of 0 is as good: its z-scores had the deviation 1.09 at 10 reads, 1.07 by bootstrap,
        1.28 and 1.36 at 5.
    sampler : sampler of this package, default=None
        Draws the model's moments at a given ``beta`` for the moment matching. None:
        :class:`ExactSampler` where it applies, else :class:`GibbsSampler`.
    seed : int, default=None
        Of the bootstrap, and of the auxiliary draws. None: fresh entropy.

    Returns
    -------
    EffectiveBeta
        ``beta_eff``, ``stderr`` and ``method``.

    Raises
    ------
    ValueError
        If the arguments do not fit each other.

    Notes
    -----
    *Pseudo-likelihood* maximises :math:`\sum_i \log P(s_i \mid s_{\setminus i})`, so that

    .. math:: \sum_{\text{reads}} \sum_i a_i / (1 + e^{-\beta a_i}) = 0, \qquad
        a_i = 2 s_i (h_i + \sum_j J_{ij} s_j).

    It looks at single flips alone: a sampler that is stuck in a few valleys still gets the
    temperature within them. *Moment matching* maximises the likelihood: the model's mean energy
    at β equals that of the states. It starts from the pseudo-likelihood's result and takes
    Newton's steps

    .. math:: \beta \leftarrow \beta + \frac{\langle E \rangle_\beta -
        \langle E \rangle_\text{states}}{\mathrm{Var}_\beta(E)}

    with moments of auxiliary draws. Both agree on thermal draws, and differ where control errors,
    offsets or slow mixing make draws that are not thermal.

    The standard errors take reads for independent. Those of a chain, one after the other, are not.

    References
    ----------
    Besag, J. (1975). Statistical analysis of non-lattice data. The Statistician 24, 179-195.

    Raymond, J., Yarkoni, S., Andriyash, E. (2016). Global warming: Temperature estimation in
    annealers. Frontiers in ICT 3, 23.

    Vinci, W. et al. (2020). A path towards quantum advantage in training deep generative models
    with quantum annealers. Mach. Learn.: Sci. Technol. 1, 045028. Appendix C.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import ExactSampler, estimate_effective_beta
    >>> model = dimod.BinaryQuadraticModel({"a": 0.2, "b": -0.1}, {"ab": -0.5}, 0.0, "SPIN")
    >>> drawn = ExactSampler().sample(model, beta=2.0, num_reads=10_000, seed=0)
    >>> estimate = estimate_effective_beta(drawn, model)
    >>> abs(estimate.beta_eff - 2.0) < 4 * estimate.stderr < 0.2
    True
    >>> other = estimate_effective_beta(drawn, model, method="moment-matching", seed=0)
    >>> abs(other.beta_eff - 2.0) < 4 * other.stderr < 0.3
    True
    """
    constraints = {
        "method": [StrOptions({"pseudo-likelihood", "moment-matching"})],
        "num_bootstrap": [Interval(Integral, 0, None, closed="left")],
        "seed": SEED_CONSTRAINTS,
    }
    given = {"method": method, "num_bootstrap": num_bootstrap, "seed": seed}
    validate_parameter_constraints(constraints, given, _CALLER)
    if sampler is not None and not hasattr(sampler, "sample_arrays"):
        raise ValueError(
            f"The 'sampler' parameter of {_CALLER} must be a sampler of this package, such as "
            f"GibbsSampler(), or None. Got {sampler!r} instead."
        )
    if isinstance(seed, np.ndarray):
        seed = check_integers(seed, "seed", _CALLER, "n_words", low=0)
    models, drawn = _check_draws(states, h, J, one_hot)
    bootstrap_seed, auxiliary_seed = np.random.SeedSequence(seed).spawn(2)
    beta, stderr = estimate_beta(models, drawn, num_bootstrap=num_bootstrap, seed=bootstrap_seed)
    if method == "moment-matching" and np.isfinite(beta):
        # Samplers take no negative temperatures, but the model upside down at a positive one.
        sign = -1.0 if beta < 0 else 1.0
        models, beta = models.scaled(sign), sign * beta
        beta, stderr = match_moments(models, drawn, beta, sampler=sampler, seed=auxiliary_seed)
        beta = sign * beta
    return EffectiveBeta(beta, stderr, method)


def _check_draws(states, h, J, one_hot) -> tuple[SpinModels, np.ndarray]:
    if isinstance(h, dimod.BinaryQuadraticModel):
        if J is not None or one_hot is not None:
            raise ValueError(f"{_CALLER} takes neither 'J' nor 'one_hot' with a whole model.")
        models, labels = models_from_bqm(h)
        if isinstance(states, dimod.SampleSet):
            return models, _spins_by_label(states, labels)
    else:
        fields = check_fields(h, _CALLER)
        if J is None:
            raise ValueError(
                f"The 'J' parameter of {_CALLER} must be a matrix where 'h' is an array. Got None "
                "instead; give zeros for spins without couplings."
            )
        couplings = check_couplings(J, fields.shape[1], _CALLER)
        models = SpinModels(fields, couplings, check_one_hot(one_hot, couplings, _CALLER))
    if isinstance(states, dimod.SampleSet):
        raise ValueError(
            f"The 'states' parameter of {_CALLER} must be an array where 'h' is one. Got a "
            "SampleSet instead, whose order of variables 'h' does not know; give the model as 'h'."
        )
    return models, _check_states(states, models)


def _check_states(states, models: SpinModels) -> np.ndarray:
    drawn = check_reals(states, "states", _CALLER)
    if drawn.ndim == 2:
        drawn = drawn[np.newaxis]
    n_models, n_spins = models.fields.shape
    fits = drawn.ndim == 3 and (drawn.shape[0], drawn.shape[2]) == (n_models, n_spins)
    if not fits or not drawn.shape[1]:
        raise ValueError(
            f"The 'states' parameter of {_CALLER} must be of shape ({n_models}, num_reads, "
            f"{n_spins}), with one read at least. Got {np.shape(states)} instead."
        )
    if not np.isin(drawn, (-1, 1)).all():
        raise ValueError(f"The 'states' parameter of {_CALLER} must be spins -1 or +1.")
    return drawn.astype(np.int8, copy=False)


def _spins_by_label(states: dimod.SampleSet, labels: list) -> np.ndarray:
    at = {label: column for column, label in enumerate(states.variables)}
    missing = [label for label in labels if label not in at]
    if missing or not len(states):
        without = f"no value of {missing[0]!r}" if missing else "none"
        raise ValueError(
            f"The 'states' parameter of {_CALLER} must be a SampleSet with a value of each "
            f"variable of the model, and one row at least. Got {without}."
        )
    values = states.record.sample[:, [at[label] for label in labels]]
    if states.vartype is dimod.BINARY:
        values = 2 * values.astype(np.int8) - 1
    return np.repeat(values, states.record.num_occurrences, axis=0)[np.newaxis]


def estimate_beta(
    models: SpinModels, states: np.ndarray, *, num_bootstrap: int = 0, seed=None
) -> tuple[float, float]:
    """Effective inverse temperature of draws, by maximum pseudo-likelihood.

    Maximises Σ log P(s_i | rest) over β for all models of a family together. The standard error
    is the sandwich over reads, which takes the dependence between the spins of a read into
    account, or the spread over resampled reads. The spins of a one-hot unit, which cannot flip
    alone, do not count.

    Parameters
    ----------
    models : SpinModels
    states : ndarray of shape (n_models, num_reads, n_spins)
    num_bootstrap : int
        Resamples of the reads; 0 for the sandwich.
    seed : int, SeedSequence or None
        Of the resamples.

    Returns
    -------
    beta_eff, stderr : float
        ``(inf, nan)`` when every draw is a local minimum, as from an optimiser, and
        ``(-inf, nan)`` for maxima; ``(nan, nan)`` when the models have no bias, so that all
        temperatures look alike. The error of a single read is NaN.

    References
    ----------
    Besag, J. (1975). Statistical analysis of non-lattice data. The Statistician 24, 179-195.
    """
    # Not dwave.system's maximum_pseudolikelihood_temperature, by which this is tested: of a family
    # of 32 models of 549 spins and 100 reads each it took 245 ms of CPU, sorting 1.8 million
    # energies, where this takes 21; its bootstrap draws as many reads as there are resamples.
    scale = _largest_bias(models)
    if scale == 0:
        return float("nan"), float("nan")
    excess = _flip_energies(models.scaled(1.0 / scale), states)
    highest, lowest = float(excess.max(initial=0)), float(excess.min(initial=0))
    rounding = _ROUNDING * max(highest, -lowest)
    if rounding == 0:
        return float("nan"), float("nan")
    if highest <= rounding:
        return float("inf"), float("nan")
    if -lowest <= rounding:
        return float("-inf"), float("nan")
    start = 0.0
    if excess.shape[1] >= _MANY_READS:
        start = _maximise(excess[:, ::_THINNING], start)[0]
    beta, stderr = _maximise(excess, start if np.isfinite(start) else 0.0)
    if num_bootstrap:
        stderr = _spread_of_resamples(excess, beta, num_bootstrap, seed)
    return beta / scale, stderr / scale


def _largest_bias(models: SpinModels) -> float:
    largest = float(
        max(np.abs(models.fields).max(initial=0), np.abs(models.couplings.data).max(initial=0))
    )
    return largest if largest >= _SMALLEST_BIAS else 0.0


def _flip_energies(models: SpinModels, states: np.ndarray) -> np.ndarray:
    """Twice s f: the energy lost by flipping s, of shape (n_spins, n_models * num_reads).

    Positive where the spin is excited. In 32 bits, whose rounding is far below any
    standard error, and spins first, both for speed.
    """
    n_models, num_reads, n_spins = states.shape
    spins = np.ascontiguousarray(states.reshape(-1, n_spins).T).astype(np.float32)
    excess = (models.couplings.astype(np.float32) @ spins).reshape(n_spins, n_models, num_reads)
    excess += models.fields.T.astype(np.float32)[:, :, np.newaxis]
    excess *= spins.reshape(excess.shape)
    excess *= 2.0
    excess = excess.reshape(n_spins, -1)
    if models.one_hot is None:
        return excess
    # A flip within a one-hot unit leaves the law's states.
    return np.delete(excess, slice(*models.one_hot), axis=0)


def _derivatives(excess: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """First derivative and minus the second of each read's log pseudo-likelihood.

    log P(s_i | rest) = -log(1 + exp(beta a)), with -a P(-s_i | rest) for its derivative.
    """
    flipped = excess * np.float32(-beta)
    with np.errstate(over="ignore"):  # to infinity, whose inverse is a probability of 0
        np.exp(flipped, out=flipped)
    flipped += 1.0
    np.reciprocal(flipped, out=flipped)  # P(-s_i | rest)
    weighted = excess * flipped
    score = -weighted.sum(axis=0).astype(float)
    np.subtract(1.0, flipped, out=flipped)
    weighted *= flipped
    weighted *= excess
    return score, weighted.sum(axis=0).astype(float)


def _maximise(
    excess: np.ndarray, start: float, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Maximum of the concave log pseudo-likelihood by Newton's method within a bracket.

    Returns the place and its standard error, ``(±inf, nan)`` where there is no maximum.
    """
    if weights is not None:
        excess, weights = excess[:, weights > 0], weights[weights > 0]
    else:
        weights = np.ones(excess.shape[1])
    if excess.max() <= 0:
        return float("inf"), float("nan")
    if excess.min() >= 0:
        return float("-inf"), float("nan")
    beta, lower, upper = start, -np.inf, np.inf
    for _ in range(_MAX_NEWTON_STEPS):
        scores, curvatures = _derivatives(excess, beta)
        slope, information = weights @ scores, weights @ curvatures
        lower, upper = (beta, upper) if slope > 0 else (lower, beta)
        stderr = np.sqrt(weights @ scores**2) / information if information > 0 else np.inf
        longest = 4.0 * abs(beta) + 1.0  # where the curve is flat, Newton's steps have no bound
        newton = slope / information if information > 0 else np.copysign(np.inf, slope)
        step = np.clip(newton, -longest, longest)
        if not lower <= beta + step <= upper:
            step = (lower + upper) / 2.0 - beta
        beta = float(beta + step)
        # Newton's error is that of the step, squared; of another step it is unknown.
        if step == newton and abs(step) <= max(1e-3 * stderr, 1e-6 * abs(beta)):
            break
    n_reads = weights.sum()
    return beta, float(stderr * np.sqrt(n_reads / (n_reads - 1))) if n_reads > 1 else float("nan")


def _spread_of_resamples(excess: np.ndarray, beta: float, num_bootstrap: int, seed) -> float:
    """Half of the middle 68 % of estimates from resampled reads: also where some are infinite."""
    rng = np.random.default_rng(seed)
    n_reads = excess.shape[1]
    check_memory(8 * n_reads * num_bootstrap, "The resamples of a bootstrap", "Take fewer.")
    counts = rng.multinomial(n_reads, np.full(n_reads, 1.0 / n_reads), size=num_bootstrap)
    estimates = [_maximise(excess, beta, weights.astype(float))[0] for weights in counts]
    low, high = np.quantile(estimates, [0.1587, 0.8413], method="nearest")
    return float(high - low) / 2.0 if np.isfinite([low, high]).all() else float("inf")


def match_moments(
    models: SpinModels,
    states: np.ndarray,
    beta: float,
    *,
    sampler=None,
    num_reads: int | None = None,
    num_steps: int = 20,
    damping: float = 1.0,
    max_factor: float = 2.0,
    seed=None,
) -> tuple[float, float]:
    """Effective inverse temperature of draws, by matching the models' mean energy.

    Newton's form of the VAE paper's equation C3: beta += (<E>_beta - <E>_states) / Var_beta(E),
    sums over the models of a family, until a step is within two standard errors. One damped step
    a call (``num_steps=1, damping=0.05``) follows a device through a training.

    Parameters
    ----------
    models : SpinModels
    states : ndarray of shape (n_models, num_reads, n_spins)
    beta : float > 0
        To start from.
    sampler : sampler of this package, or None
        Draws the models' moments. None: exact where that applies, else Gibbs.
    num_reads : int or None
        Auxiliary reads of each model. None: as many as ``states`` has, and 1000 at least.
    num_steps : int
        Steps at most.
    damping : float in (0, 1]
        Fraction of Newton's step that is taken.
    max_factor : float > 1
        What a step may multiply or divide ``beta`` by at most.
    seed : int, SeedSequence or None

    Returns
    -------
    beta_eff, stderr : float
        The error counts both the states' reads and the auxiliary ones; ``(nan, nan)`` where the
        auxiliary energies do not vary, as in a model without bias, or frozen in its ground state.

    References
    ----------
    Vinci, W. et al. (2020). A path towards quantum advantage in training deep generative models
    with quantum annealers. Mach. Learn.: Sci. Technol. 1, 045028. Equation C3.
    """
    if sampler is None:
        sampler = ExactSampler() if _is_small(models, _split(models)[0]) else GibbsSampler()
    num_reads = num_reads or max(states.shape[1], _MIN_AUXILIARY_READS)
    scale = _largest_bias(models) or 1.0  # so that squares of energies stay in range
    models, beta = models.scaled(1.0 / scale), beta * scale
    given, given_variances = _moments(models, states)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    for call_seed in sequence.generate_state(num_steps).tolist():
        drawn, _, _ = sampler.sample_arrays(
            models.fields,
            models.couplings,
            beta=beta,
            num_reads=num_reads,
            seed=call_seed,
            one_hot=models.one_hot,
        )
        means, variances = _moments(models, drawn)
        variance = variances.sum()
        if not variance > 0:
            return float("nan"), float("nan")
        step = (means - given).sum() / variance
        noise = variances.sum() / num_reads + given_variances.sum() / states.shape[1]
        stderr = np.sqrt(noise) / variance
        beta = float(np.clip(beta + damping * step, beta / max_factor, beta * max_factor))
        if abs(step) <= 2.0 * stderr:
            break
    else:
        _warn_if_far(step, stderr, num_steps)
    return beta / scale, float(stderr / scale)


def _warn_if_far(step: float, stderr: float, num_steps: int) -> None:
    if num_steps > 1:  # a single step is not meant to arrive
        warn(
            f"The mean energy was not matched in {num_steps} steps: the last wanted to change beta "
            f"by {step / stderr:.1f} standard errors. The auxiliary draws or the states are not "
            "thermal; use method='pseudo-likelihood', or another sampler."
        )


def _moments(models: SpinModels, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over reads of each model's energy, each of shape (n_models,)."""
    energies = np.stack([models.energies(model, drawn) for model, drawn in enumerate(states)])
    return energies.mean(axis=1), energies.var(axis=1)
