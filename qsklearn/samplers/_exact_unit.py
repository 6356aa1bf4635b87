"""A one-hot unit beside spins that couple among themselves, for independent draws of the exact law.

Given which spin of the unit is up the others follow an ordinary model, with other fields: the unit
is drawn first, by the share of the partition function that each of its states has, and then they.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys

# Ground states are those within this of the lowest energy, relative to it.
_TIE = 1e-9
# Sets the unit's random numbers apart from those of the other spins.
_UNIT = 1


def given_unit(models: SpinModels) -> tuple[SpinModels, np.ndarray]:
    """The other spins' models, given each state of the unit.

    Parameters
    ----------
    models : SpinModels
        With a one-hot unit of n_states spins.

    Returns
    -------
    given : SpinModels
        A model after the other with all its states, n_models * n_states.
    energies : ndarray of shape (n_models, n_states)
        What the unit's own fields add.
    """
    start, stop = models.one_hot or (0, 0)
    patterns = 2.0 * np.eye(stop - start) - 1
    rest = np.delete(np.arange(models.n_spins), slice(start, stop))
    shifts = (models.couplings[rest][:, start:stop] @ patterns).T
    fields = models.fields[:, np.newaxis, rest] + shifts
    given = SpinModels(fields.reshape(-1, len(rest)), models.couplings[rest][:, rest])
    return given, models.fields[:, start:stop] @ patterns


def seeds_given_unit(seed, n_models: int, n_states: int):
    """The seed of :func:`given_unit`'s models: of one model all states may share a stream."""
    return np.repeat(make_keys(seed, n_models), n_states, axis=0)


def weigh_states(own: np.ndarray, energies: np.ndarray, log_z: np.ndarray, beta) -> np.ndarray:
    """Logarithms of the unit's probabilities, but for a constant.

    Parameters
    ----------
    own : ndarray of shape (n_models, n_states)
        Energies of the unit's fields.
    energies : ndarray of shape (n_models, n_states)
        Of one draw each of the other spins, with ``beta`` None their lowest ones.
    log_z : ndarray of shape (n_models, n_states)
        Of the other spins; with ``beta`` None the logarithm of the number of their ground states.
    beta : float or None

    Returns
    -------
    log_weights : ndarray of shape (n_models, n_states)
    """
    if beta is not None:
        return log_z - beta * own
    lowest = own + energies
    least = lowest.min(axis=1, keepdims=True)
    return np.where(lowest <= least + _TIE * np.abs(least), log_z, -np.inf)


def draw_unit(log_weights: np.ndarray, num_reads: int, seed) -> np.ndarray:
    """States of the unit, (n_models, num_reads); the first ones are the same for any number."""
    shares = np.exp(log_weights - logsumexp(log_weights, axis=1, keepdims=True)).cumsum(axis=1)
    drawn = np.empty((len(shares), num_reads), np.int64)
    for model, key in enumerate(make_keys(seed, len(shares))):
        uniforms = np.random.default_rng([_UNIT, *key.tolist()]).random(num_reads)
        ends = shares[model, :-1]  # of the last state 1, but for rounding
        drawn[model] = np.searchsorted(ends, uniforms, side="right")
    return drawn
