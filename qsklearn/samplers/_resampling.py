"""Weighted populations: the next temperature, who survives, and how sure their mean weight is."""

from __future__ import annotations

import numpy as np

_BISECTIONS = 16
# Energies over the temperature, a spin, that no population in equilibrium has by far: differences
# that sweeps, in single precision, do not see, and of which the ordinary step would never end.
_OUT_OF_EQUILIBRIUM = 100.0


def log_mean_exp(log_weights: np.ndarray) -> np.ndarray:
    """Logarithm of the mean weight of each row."""
    largest = log_weights.max(axis=1)
    return largest + np.log(np.exp(log_weights - largest[:, np.newaxis]).mean(axis=1))


def choose_betas(
    energies: np.ndarray, betas: np.ndarray, targets: np.ndarray, overlap: float, n_spins: int
) -> np.ndarray:
    """The next inverse temperature of each population, as far as its energies overlap.

    The overlap is mean_i min(1, w_i) for weights w of mean 1: the part of the population that
    stays if as few replicas as possible are replaced (Barash et al. 2017).

    Parameters
    ----------
    energies : ndarray of shape (n_models, population_size)
    betas, targets : ndarrays of shape (n_models,)
        Where the populations are, and where they go to, which is colder.
    overlap : float
        Least overlap of a step that does not go all the way, while a population can be in
        equilibrium; where it cannot, a step at least doubles the inverse temperature.
    n_spins : int

    Returns
    -------
    betas : ndarray of shape (n_models,)
    """
    high = targets - betas
    spread = energies.max(axis=1) - energies.min(axis=1)
    # A weight is no less than exp(-step * spread), which ensures the overlap for a small step.
    with np.errstate(over="ignore"):  # to infinity, which is as safe as no spread
        safe = np.divide(-np.log(overlap), spread, out=np.full_like(high, np.inf), where=spread > 0)
    arrived = (safe >= high) | (_overlaps(energies, high) >= overlap)
    # Bisection of the logarithm: energies may be of any size.
    low = np.where(arrived, high, safe)
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low) * np.sqrt(high)
        enough = _overlaps(energies, middle) >= overlap
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    with np.errstate(over="ignore"):
        is_off = betas * spread > _OUT_OF_EQUILIBRIUM * n_spins
    steps = np.where(is_off, np.maximum(low, betas), low)
    # A step that rounding swallows would never end.
    ended = arrived | (steps >= targets - betas) | (betas + steps <= betas)
    return np.where(ended, targets, betas + steps)


def _overlaps(energies: np.ndarray, steps: np.ndarray) -> np.ndarray:
    log_weights = -steps[:, np.newaxis] * energies
    log_weights -= log_mean_exp(log_weights)[:, np.newaxis]
    return np.exp(np.minimum(log_weights, 0.0)).mean(axis=1)


def choose_parents(log_weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Systematic resampling: each replica has its expected number of offspring, rounded.

    Offspring of neighbours stay neighbours, so that only one replica of a family is rounded.

    Parameters
    ----------
    log_weights : ndarray of shape (n_models, population_size)
    uniforms : ndarray of shape (n_models, 1)

    Returns
    -------
    parents : ndarray of shape (n_models, population_size), int64, increasing
    """
    size = log_weights.shape[1]
    edges = np.cumsum(np.exp(log_weights - log_weights.max(axis=1, keepdims=True)), axis=1)
    edges *= size / edges[:, -1:]
    ends = np.minimum(np.floor(edges + uniforms), size).astype(np.int64)
    ends[:, -1] = size
    counts = np.diff(ends, axis=1, prepend=0)
    everyone = np.broadcast_to(np.arange(size), counts.shape)
    return np.repeat(everyone.ravel(), counts.ravel()).reshape(counts.shape)


def count_families(families: np.ndarray) -> np.ndarray:
    """How many of the population descend from each of the first replicas.

    Parameters
    ----------
    families : ndarray of shape (n_models, population_size), int64
        The first ancestor of each replica.

    Returns
    -------
    sizes : ndarray of shape (n_models, population_size), int64
    """
    n_models, size = families.shape
    places = families + size * np.arange(n_models)[:, np.newaxis]
    return np.bincount(places.ravel(), minlength=n_models * size).reshape(n_models, size)


def count_blocks(size: int) -> int:
    """Blocks of a population whose growths tell the error of its log Z."""
    return int(np.sqrt(size))


def grow_blocks(growths: np.ndarray, families: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
    """Growths of blocks of families after one more reweighting, before it is resampled.

    Parameters
    ----------
    growths : ndarray of shape (n_models, n_blocks)
        Products of the mean weights of each block, relative to the population's.
    families : ndarray of shape (n_models, population_size), int64
        The first ancestor of each replica.
    log_weights : ndarray of shape (n_models, population_size)

    Returns
    -------
    growths : ndarray of shape (n_models, n_blocks)
        0 for blocks that have died out.
    """
    n_models, n_blocks = growths.shape
    weights = np.exp(log_weights - log_mean_exp(log_weights)[:, np.newaxis])
    blocks = (
        families * n_blocks // families.shape[1] + n_blocks * np.arange(n_models)[:, np.newaxis]
    )
    counts, sums = (
        np.bincount(blocks.ravel(), what, minlength=growths.size).reshape(growths.shape)
        for what in (None, weights.ravel())
    )
    return growths * np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def estimate_log_error(growths: np.ndarray) -> np.ndarray:
    r"""Standard error of a population's log Z, from how unevenly blocks of families have grown.

    Neighbours at the start are like a smaller population of their own. The one of block b
    estimates Z as the whole does, times its growth g_b, so that the error of the mean over B is

    .. math:: \sigma^2 = \frac{1}{B (B - 1)} \sum_b (g_b - 1)^2.

    Lee & Whiteley (2018) show that this holds though the blocks share what is resampled. Single
    families would do, too, were they not mostly of one replica.

    Parameters
    ----------
    growths : ndarray of shape (n_models, n_blocks)
        As :func:`grow_blocks` returns them.

    Returns
    -------
    errors : ndarray of shape (n_models,)
        NaN for a single block.
    """
    n_blocks = growths.shape[1]
    if n_blocks < 2:
        return np.full(len(growths), np.nan)
    return np.sqrt(((growths - 1.0) ** 2).sum(axis=1) / (n_blocks * (n_blocks - 1)))
