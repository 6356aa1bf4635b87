"""Missing features of single rows under a discrete VAE, in PyTorch."""

import numpy as np
import torch

from qsklearn.neural_network._boltzmann_prior_vae._posterior import draw_uniforms
from qsklearn.neural_network._family_draws import seeds_of_rows


def draw_missing(networks, prior, X, n_iter, seed):
    r"""Draw missing features from their law given the others, by Metropolis steps within Gibbs.

    In turn bits z' proposed by q(z | x), accepted with the probability

    .. math:: \min\Big(1, \frac{p(x \mid z') e^{-E(z')} q(z \mid x)}
        {p(x \mid z) e^{-E(z)} q(z' \mid x)}\Big),

    and missing features from p(x | z). This leaves p(z, x_missing | x_observed) as it is, with
    no need of log Z, whatever the posterior's quality (Mattei, Frellsen 2018).

    Parameters
    ----------
    networks : VAENetworks
        In evaluation mode.
    prior : BoltzmannPrior
    X : ndarray of shape (n_samples, n_features), float32
        NaN where missing.
    n_iter : int
    seed : int

    Returns
    -------
    completed : ndarray of shape (n_samples, n_features), float32
    acceptance : float
        Share of the proposals that were taken, after the first one.
    """
    missing = np.isnan(X)
    # One generator for all rows, from their contents: the same rows give the same draws.
    rng = np.random.default_rng(seeds_of_rows(np.nan_to_num(X, nan=-1.0), seed))
    with torch.no_grad():
        x = torch.from_numpy(np.where(missing, _start(X, missing), X))
        hidden = torch.from_numpy(missing)
        bits = None
        accepted = []
        for _ in range(n_iter):
            uniforms = draw_uniforms(rng, len(x), prior.n_latent)
            proposed = networks.draw(x, uniforms, 0.0).hard
            if bits is None:
                bits = proposed
            else:
                gain = _log_weights(networks, prior, x, proposed) - _log_weights(
                    networks, prior, x, bits
                )
                taken = np.log(rng.random(len(x))) < gain
                accepted.append(taken.mean())
                bits = torch.where(torch.from_numpy(taken)[:, None], proposed, bits)
            drawn = networks.likelihood.draw(networks.decoder(bits), rng)
            x = torch.where(hidden, drawn, x)
    return x.numpy(), float(np.mean(accepted)) if accepted else np.nan


def _log_weights(networks, prior, x, bits):
    """log p(x, z) - log q(z | x) but for log Z, one a row."""
    standard = networks.likelihood.standardise(x)
    log_posterior = networks.posterior.log_probability(standard, bits).double().numpy()
    likelihood = networks.log_likelihood(bits, x).double().numpy()
    return likelihood - prior.energies(bits.numpy()) - log_posterior


def _start(X, missing):
    """Means of what is observed of each feature, 0 of one that no row has."""
    counts = (~missing).sum(axis=0)
    sums = np.where(missing, 0.0, X).sum(axis=0)
    return (sums / np.maximum(counts, 1)).astype(np.float32)
