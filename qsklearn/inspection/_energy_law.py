"""The exact law of a small model's energies: its levels, their probabilities and temperature."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom

_ROUNDING = 1e-9  # of the largest energy; levels that are closer are one
_STRANGE = 1e-6  # of the largest energy; draws further from every level are of another model
_BLOCK = 1 << 14  # states whose energies are calculated at once
_MAX_DOUBLINGS = 60


def enumerate_energies(bqm):
    """The energies of all states of a binary quadratic model.

    Parameters
    ----------
    bqm : dimod.BinaryQuadraticModel

    Returns
    -------
    energies : ndarray of shape (2 ** n_variables,)
    """
    labels = list(bqm.variables)
    energies = np.empty(1 << len(labels))
    for start in range(0, len(energies), _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, len(energies)))
        bits = ((numbers[:, np.newaxis] >> np.arange(len(labels))) & 1).astype(np.int8)
        states = bits if bqm.vartype.name == "BINARY" else 2 * bits - 1
        energies[numbers] = bqm.energies((states, labels))
    return energies


def find_levels(energies, counts):
    """Distinct energies, rising, and how often each occurs.

    Parameters
    ----------
    energies : ndarray of shape (n,)
        Those that differ by rounding alone are one level.
    counts : ndarray of shape (n,)
        Of each energy.

    Returns
    -------
    levels, totals : ndarray of shape (n_levels,)
    """
    order = np.argsort(energies, kind="stable")
    rising = energies[order]
    tolerance = _ROUNDING * np.abs(rising).max()
    first = np.flatnonzero(np.append(True, np.diff(rising) > tolerance))
    return rising[first], np.add.reduceat(counts[order], first)


def count_by_level(levels, energies, counts):
    """How often each level was drawn; None if an energy is that of no level."""
    at = np.searchsorted(0.5 * (levels[1:] + levels[:-1]), energies)
    strange = np.abs(levels[at] - energies) > _STRANGE * max(np.abs(levels).max(), 1e-300)
    if strange.any():
        return None
    return np.bincount(at, weights=counts, minlength=len(levels))


def level_probabilities(levels, degeneracies, beta):
    """Boltzmann's law of the energy, g exp(-beta E) / Z."""
    likeliest = levels[0] if beta > 0 else levels[-1]
    weights = degeneracies * np.exp(-beta * (levels - likeliest))
    return weights / weights.sum()


def estimate_beta(levels, degeneracies, mean_energy, n_draws):
    """The inverse temperature at which the exact mean energy is that of the draws.

    That is the maximum of the likelihood, whose standard error is 1 / sqrt(n_draws Var(E)).

    Parameters
    ----------
    levels, degeneracies : ndarray of shape (n_levels,)
    mean_energy : float
        Of the draws.
    n_draws : float

    Returns
    -------
    beta_eff, stderr : float
        Infinite and NaN where all draws are of the lowest or of the highest level; NaN where
        there is but one level.
    """
    tolerance = _ROUNDING * np.abs(levels).max()
    if len(levels) == 1:
        return np.nan, np.nan
    if mean_energy <= levels[0] + tolerance or mean_energy >= levels[-1] - tolerance:
        return (np.inf if mean_energy <= levels[0] + tolerance else -np.inf), np.nan

    def excess(beta):
        return level_probabilities(levels, degeneracies, beta) @ levels - mean_energy

    unit = 1.0 / (levels[-1] - levels[0])
    # Levels are so far apart that the last of these leaves but the lowest or the highest.
    ends = unit * 2.0 ** np.arange(_MAX_DOUBLINGS)
    end = next(end for end in ends if excess(-end) > 0 > excess(end))
    beta = brentq(excess, -end, end, xtol=1e-12 * unit)
    law = level_probabilities(levels, degeneracies, beta)
    variance = law @ levels**2 - (law @ levels) ** 2
    return float(beta), float(1.0 / np.sqrt(n_draws * variance))


def distance_by_chance(probabilities, n_draws):
    """Mean total variation distance between a law and the frequencies of independent draws.

    Half the sum of the mean absolute deviations of binomials, by De Moivre's formula.
    """
    p = np.clip(probabilities, 0.0, 1.0)
    deviations = 2.0 * p * (1.0 - p) * binom.pmf(np.floor(n_draws * p), n_draws - 1, p)
    return float(0.5 * deviations.sum())
