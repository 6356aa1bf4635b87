"""Inverse temperatures of an anneal: the default range of a model, and the ways through it."""

from __future__ import annotations

import math

import numpy as np

from qsklearn.samplers._models import SpinModels

# A spin at the hot end flips against its whole field with this probability, Metropolis.
_HOT_ACCEPTANCE = 0.5
# At the cold end, the chance that any spin of its kind is excited by the smallest step.
_COLD_EXCITATION = 0.01
# Steps below this fraction of a spin's field are noise to an annealer, not a gap to resolve.
_SMALLEST_STEP = 0.05
_SMALLEST_STEP_OF_ALL = 1e-3
# A bias below this fraction of its spin's field is rounding, as a change of vartype leaves it.
_ROUNDING = 1e-12
# Models whose biases are all below this are without bias.
_SMALLEST_BIAS = 1e-150
# Energies times β are kept below this, so that sums of them are finite.
_HUGE = 1e290


def default_beta_range(models: SpinModels) -> tuple[np.ndarray, np.ndarray]:
    """Hot and cold inverse temperatures of each model, from its energy scales.

    Hot is where the spin with the largest total bias flips against all of it every second time.
    Cold is where the smallest energy step that matters is hardly taken: the smallest bias at a
    spin, but no less than a twentieth of the typical field there, because continuous couplings
    come arbitrarily close to zero. Both scale as 1 / energy and do not depend on the vartype. The
    cost is one pass over the couplings.

    Parameters
    ----------
    models : SpinModels

    Returns
    -------
    hot, cold : ndarrays of shape (n_models,)
        A model without any bias gets (1, 1): it is the same at all temperatures.
    """
    couplings = models.couplings
    sizes = abs(couplings)
    fields = np.abs(models.fields)
    total = (fields + sizes.sum(axis=1)).max(axis=1)
    typical = np.sqrt(fields**2 + (couplings**2).sum(axis=1))
    smallest_coupling = np.full(models.n_spins, np.inf)
    degrees = np.diff(couplings.indptr)
    if couplings.nnz:
        largest = np.repeat(sizes.max(axis=1).toarray(), degrees)
        counted = np.where(sizes.data > _ROUNDING * largest, sizes.data, np.inf)
        starts = couplings.indptr[:-1][degrees > 0]
        smallest_coupling[degrees > 0] = np.minimum.reduceat(counted, starts)
    counted = np.where(fields > _ROUNDING * typical, fields, np.inf)
    smallest = np.minimum(counted, smallest_coupling)
    steps = np.where(typical > 0, np.maximum(smallest, _SMALLEST_STEP * typical), np.inf)
    step = np.maximum(steps.min(axis=1), _SMALLEST_STEP_OF_ALL * typical.max(axis=1))
    biased = total > _SMALLEST_BIAS
    hot = np.divide(-np.log(_HOT_ACCEPTANCE) / 2, total, out=np.ones_like(total), where=biased)
    cold = np.divide(
        np.log(models.n_spins / _COLD_EXCITATION) / 2, step, out=np.ones_like(total), where=biased
    )
    return hot, np.maximum(hot, cold)


def coldest_beta(models: SpinModels) -> float:
    """Where energies times β would overflow in sums of weights: long before, nothing moves."""
    largest = models.bound_energies()
    return _HUGE / largest if largest > _HUGE / np.finfo(float).max else math.inf


def interpolate(hot: np.ndarray, cold: np.ndarray, num_sweeps: int, kind: str) -> np.ndarray:
    """Schedule of each model from hot to cold.

    Parameters
    ----------
    hot, cold : ndarrays of shape (n_models,)
    num_sweeps : int
    kind : {"geometric", "linear"}

    Returns
    -------
    betas : ndarray of shape (n_models, num_sweeps)
        A single sweep is the cold one.
    """
    at = np.linspace(0.0, 1.0, num_sweeps) if num_sweeps > 1 else np.ones(1)
    if kind == "geometric":
        with np.errstate(over="ignore"):
            ratios = (cold / hot)[:, np.newaxis]
        way = hot[:, np.newaxis] * ratios**at
        if np.isfinite(ratios).all():
            return way
        powers = hot[:, np.newaxis] ** (1.0 - at) * cold[:, np.newaxis] ** at
        return np.where(np.isfinite(ratios), way, powers)
    return hot[:, np.newaxis] + (cold - hot)[:, np.newaxis] * at
