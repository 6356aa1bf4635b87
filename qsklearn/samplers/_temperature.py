"""How hot a sampler's draws are: the effective inverse temperature and its error."""

from __future__ import annotations

import warnings

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._models import SpinModels

_RANGE = (1e-3, 1e3)  # of T: dwave.system's bracket


def estimate_beta(models: SpinModels, states: np.ndarray) -> tuple[float, float]:
    """Effective inverse temperature of draws, by maximum pseudo-likelihood.

    Maximises Σ log P(s_i | rest) over β, with dwave.system's estimator, for all models of a
    family together. The standard error is the sandwich over reads, which takes the dependence
    between the spins of a read into account. The spins of a one-hot unit, which cannot flip
    alone, do not count.

    Parameters
    ----------
    models : SpinModels
    states : ndarray of shape (n_models, num_reads, n_spins)

    Returns
    -------
    beta_eff, stderr : float
        ``(inf, nan)`` when every draw is a local minimum, as from an optimiser; ``(nan, nan)``
        when the models have no bias, so that all temperatures look alike.

    Raises
    ------
    ImportError
        If dwave-system is missing.

    References
    ----------
    Besag, J. (1975). Statistical analysis of non-lattice data. The Statistician 24, 179-195.
    """
    # Twice s f is the energy lost by flipping s; positive where the spin is excited.
    excess = np.concatenate(
        [
            2.0 * states[model] * models.local_fields(model, states[model])
            for model in range(models.n_models)
        ]
    )
    if models.one_hot is not None:  # a flip within a one-hot unit leaves the law's states
        excess = np.delete(excess, slice(*models.one_hot), axis=1)
    if not excess.any():
        return float("nan"), float("nan")
    if (excess <= 0).all():
        return float("inf"), float("nan")
    temperatures = import_optional("dwave.system.temperatures", "beta_eff='auto'")
    # The estimator's root finder needs biases of the order of the temperature.
    scale = np.abs(excess).mean()
    with warnings.catch_warnings():
        # Overflow, and draws outside the bracket: both show in what is returned.
        warnings.simplefilter("ignore")
        temperature, _ = temperatures.maximum_pseudolikelihood_temperature(
            en1=excess / scale, T_bracket=_RANGE, optimize_method="bisect"
        )
    beta = 1.0 / (temperature * scale)
    # log P(s_i | rest) = -log(1 + exp(beta excess)), whose derivative is -excess P(-s_i | rest).
    flipped = 1.0 / (1.0 + np.exp(np.clip(-beta * excess, -500, 500)))
    score = (excess * flipped).sum(axis=1)
    information = (excess**2 * flipped * (1.0 - flipped)).sum()
    if information <= 0:
        return float("inf"), float("nan")
    return float(beta), float(np.sqrt((score**2).sum()) / information)
