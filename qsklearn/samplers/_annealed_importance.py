"""Annealed importance sampling, forward and in reverse."""

from __future__ import annotations

import numpy as np

from qsklearn.samplers._chains import sweep_at
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._resampling import log_mean_exp
from qsklearn.samplers._schedules import default_beta_range
from qsklearn.samplers._streams import Stream, stream_of

# Also of importance sampling in a transverse field: a model has one or the other, never both.
FORWARD, REVERSE = Stream.IMPORTANCE_FORWARD, Stream.IMPORTANCE_REVERSE


def make_path(models: SpinModels, beta: float, num_temperatures: int) -> np.ndarray:
    """Inverse temperatures from 0 to beta: even steps while hot, geometric ones when cold.

    Returns
    -------
    betas : ndarray of shape (n_models, num_temperatures + 1)
    """
    hot, _ = default_beta_range(models)
    at = np.linspace(0.0, 1.0, num_temperatures + 1)
    betas = hot[:, np.newaxis] * np.sinh(at * np.arcsinh(beta / hot)[:, np.newaxis])
    betas[:, -1] = beta  # not rounded
    return betas


def weigh_forward(models, betas, num_runs, num_sweeps, keys, num_threads, watch) -> np.ndarray:
    """Log weights of runs from a uniform start, whose mean weight estimates Z / Z(β = 0).

    A run adds -(β_k - β_{k-1}) E before its sweeps at β_k.

    Returns
    -------
    log_weights : ndarray of shape (n_models, num_runs)
    """
    log_weights = np.zeros((models.n_models, num_runs))
    states = None
    for step, gap in enumerate(np.diff(betas, axis=1).T):
        states, energies = sweep_at(
            models,
            betas[:, step],
            num_sweeps,
            num_reads=num_runs,
            seed=keys,
            stream=stream_of(FORWARD, step),
            num_threads=num_threads,
            initial_states=states,
            watch=watch,
        )
        log_weights -= gap[:, np.newaxis] * energies
    return log_weights


def weigh_in_reverse(models, betas, states, num_sweeps, keys, num_threads, watch) -> np.ndarray:
    """Log weights of runs from states of the law down to β = 0.

    The mean of their *inverse* weights estimates Z(β = 0) / Z, if the states are of the law.

    Parameters
    ----------
    models : SpinModels
    betas : ndarray of shape (n_models, num_temperatures + 1)
    states : ndarray of shape (n_models, num_runs, n_spins), int8
        Draws at the last of ``betas``.
    num_sweeps, keys, num_threads, watch
        As above.

    Returns
    -------
    log_weights : ndarray of shape (n_models, num_runs)
    """
    log_weights = np.zeros(states.shape[:2])
    gaps = np.diff(betas, axis=1)
    for step in range(betas.shape[1] - 1, 0, -1):
        states, energies = sweep_at(
            models,
            betas[:, step],
            num_sweeps,
            num_reads=states.shape[1],
            seed=keys,
            stream=stream_of(REVERSE, step),
            num_threads=num_threads,
            initial_states=states,
            watch=watch,
        )
        log_weights -= gaps[:, step - 1, np.newaxis] * energies
    return log_weights


def log_mean(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of each row's mean weight, and its standard error by the delta method."""
    value = log_mean_exp(log_weights)
    weights = np.exp(log_weights - value[:, np.newaxis])
    n_weights = weights.shape[1]
    if n_weights < 2:
        return value, np.full_like(value, np.nan)
    return value, weights.std(axis=1, ddof=1) / np.sqrt(n_weights)
