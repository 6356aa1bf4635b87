"""Bounds and likelihoods of single data points under a trained discrete VAE, in PyTorch.

Each row is evaluated by itself, with random numbers from its own content: results depend neither on
the other rows nor on their order, to the last bit.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax

from qsklearn._memory import check_memory
from qsklearn.neural_network._boltzmann_prior_vae._data import BINARIZATION_SEED
from qsklearn.neural_network._boltzmann_prior_vae._networks import to_tensor
from qsklearn.neural_network._boltzmann_prior_vae._posterior import draw_uniforms
from qsklearn.neural_network._family_draws import seeds_of_rows

# Draws of a row that go through the decoder together.
_DRAWS_AT_ONCE = 1000


@dataclass
class RowTerms:
    """What single data points' draws from the posterior say.

    Parameters
    ----------
    log_weights : ndarray of shape (n_rows, n_draws), float64
        log p(x | z) - E(s) - log q(z | x): log p(x, z) - log q(z | x) but for log Z.
    reconstruction : ndarray of shape (n_rows,), float64
        Means of log p(x | z).
    """

    log_weights: np.ndarray
    reconstruction: np.ndarray


class RowEvaluator:
    """Draws bits for single rows.

    Parameters
    ----------
    networks : VAENetworks
        In evaluation mode.
    prior : BoltzmannPrior
    binarize : {"dynamic", "threshold"} or None
    seed : int
        Of the posterior's draws.
    """

    def __init__(self, networks, prior, binarize, seed):
        self.networks, self.prior = networks, prior
        self.binarize, self.seed = binarize, seed

    def terms(self, X, n_draws):
        """Weights of draws from the posterior of each row.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
        n_draws : int

        Returns
        -------
        terms : RowTerms
            The first draws are the same for any number of them.
        """
        rows = self._rows(X, self.binarize)
        return weigh_draws(rows, (len(X), n_draws), self._terms_of_row)

    def class_probabilities(self, X, n_draws):
        """Means over draws from the posterior of each row, as it is, of P(y | z).

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
        n_draws : int

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
        """
        probabilities = np.empty((len(X), self.prior.n_classes))
        with torch.no_grad():
            for row, (x, rng) in enumerate(self._rows(X, None)):
                bits = self._draw(x, rng, n_draws).hard.cpu().numpy()
                probabilities[row] = softmax(self.prior.class_logits(bits), axis=1).mean(axis=0)
        return probabilities

    def _rows(self, X, binarize):
        device = self.networks.prior.biases.device
        return ((x.to(device), rng) for x, rng in rows_of(X, binarize, self.seed))

    def _terms_of_row(self, x, rng, n_draws):
        """log p(x | z) and E + log q of draws."""
        draw = self._draw(x, rng, n_draws)
        likelihood = self.networks.log_likelihood(draw.hard, x).double().cpu().numpy()
        energies = self.prior.energies(draw.hard.cpu().numpy())
        return likelihood, energies + draw.log_posterior.double().cpu().numpy()

    def _draw(self, x, rng, n_draws):
        uniforms = draw_uniforms(rng, n_draws, self.networks.posterior.n_latent)
        return self.networks.draw(x, uniforms.to(x.device), 0.0)


def weigh_draws(rows, shape, terms_of_row):
    """Weights of draws from the posterior of each row, of which some go together.

    Parameters
    ----------
    rows : iterable of (torch.Tensor, numpy.random.Generator)
        As of :func:`rows_of`.
    shape : tuple of (n_rows, n_draws)
    terms_of_row : callable
        From a row, its generator and a number of draws to log p(x | z) and the rest of the
        weights' logarithms, to be subtracted, float64.

    Returns
    -------
    terms : RowTerms
    """
    thing = f"The weights of {shape[1]:,} draws for each row"
    check_memory(8 * int(shape[0]) * int(shape[1]), thing, "Lower n_importance.")
    weights, reconstruction = np.empty(shape), np.empty(shape[0])
    n_draws = shape[1]
    with torch.no_grad():
        for row, (x, rng) in enumerate(rows):
            parts = [
                terms_of_row(x, rng, min(_DRAWS_AT_ONCE, n_draws - start))
                for start in range(0, n_draws, _DRAWS_AT_ONCE)
            ]
            likelihood, rest = (np.concatenate(part) for part in zip(*parts, strict=True))
            weights[row], reconstruction[row] = likelihood - rest, likelihood.mean()
    return RowTerms(weights, reconstruction)


def rows_of(X, binarize, seed):
    """Each row as the networks are to see it, and its own generator.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32
    binarize : {"dynamic", "threshold"} or None
    seed : int

    Yields
    ------
    x : torch.Tensor of shape (1, n_features)
    rng : numpy.random.Generator
    """
    for x, own_seed in zip(bits_of_rows(X, binarize), seeds_of_rows(X, seed), strict=True):
        yield to_tensor(x[np.newaxis]), _make_generator(own_seed)


def bits_of_rows(X, binarize):
    """Rows as the networks are to see them in evaluation.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32
    binarize : {"dynamic", "threshold"} or None

    Returns
    -------
    bits : ndarray of shape (n_samples, n_features), float32
    """
    if binarize == "threshold":
        return (X > 0.5).astype(np.float32)
    if binarize is None:
        return X
    bits = np.empty_like(X)
    for row, seed in enumerate(seeds_of_rows(X, BINARIZATION_SEED)):
        bits[row] = _make_generator(seed).random(X.shape[1], dtype=np.float32) < X[row]
    return bits


def _make_generator(seed):
    return np.random.Generator(np.random.SFC64(int(seed)))
