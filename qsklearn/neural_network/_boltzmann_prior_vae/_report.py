"""Likelihoods of a discrete VAE from the weights of draws, and what there is to doubt."""

import numpy as np
from scipy.special import logsumexp

from qsklearn._warnings import warn
from qsklearn.neural_network._boltzmann_prior_vae._data import BINARIZATION_SEED

_WIDEST_BRACKET = 0.1  # nats
# Of fewer, the logarithm of their mean is low by some 1 / (2 · 2) of a nat, and more.
_FEWEST_DRAWS = 2.0


def report_of(terms, prior, binarize, likelihood):
    """Log-likelihoods, and how they were found.

    Parameters
    ----------
    terms : RowTerms
    prior : BoltzmannPrior
    binarize : {"dynamic", "threshold"} or None
    likelihood : {"bernoulli", "gaussian"}

    Returns
    -------
    log_likelihood : ndarray of shape (n_rows,)
    report : dict
        See :meth:`QuantumBoltzmannPriorVAE.sampling_report`.
    """
    weights, partition = terms.log_weights, prior.log_partition
    n_rows, n_draws = weights.shape
    log_partition = float(partition.value[0])
    log_likelihood = logsumexp(weights, axis=1) - np.log(n_draws) - log_partition
    effective = np.exp(2 * logsumexp(weights, axis=1) - logsumexp(2 * weights, axis=1))
    error = log_likelihood.std(ddof=1) / np.sqrt(n_rows) if n_rows > 1 else np.nan
    is_dynamic = likelihood == "bernoulli" and binarize == "dynamic"
    return log_likelihood, {
        "log_likelihood": float(log_likelihood.mean()),
        "log_likelihood_stderr": float(error),
        "elbo": float(weights.mean() - log_partition),
        "bound": "quantum" if prior.transverse_field else "classical",
        "n_samples": n_rows,
        "n_importance": n_draws,
        "effective_sample_size": float(np.median(effective)),
        "log_partition": log_partition,
        "log_partition_lower": float(partition.lower[0]),
        "log_partition_upper": float(partition.upper[0]),
        "log_partition_method": partition.method,
        "binarize": binarize if likelihood == "bernoulli" else None,
        "binarization_seed": BINARIZATION_SEED if is_dynamic else None,
    }


def warn_of_doubts(report):
    """Warn where a likelihood is not to be relied on.

    Parameters
    ----------
    report : dict
        See :func:`report_of`.
    """
    width = report["log_partition_upper"] - report["log_partition_lower"]
    if width > _WIDEST_BRACKET:
        warn(
            f"log Z is only known to lie between {report['log_partition_lower']:.2f} and "
            f"{report['log_partition_upper']:.2f}, and so are likelihoods, relatively."
        )
    if report["effective_sample_size"] < min(_FEWEST_DRAWS, 0.5 * report["n_importance"]):
        warn(
            f"Of {report['n_importance']} draws a row some {report['effective_sample_size']:.1f} "
            "carry all the weight: likelihoods are too low, by how much nobody knows. Raise "
            "n_importance."
        )
