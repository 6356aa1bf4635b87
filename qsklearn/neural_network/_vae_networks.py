"""Networks of a discrete VAE that are made here, in PyTorch."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from qsklearn.neural_network._vae_posterior import Posterior


def make_mlp(n_inputs, hidden_layer_sizes, n_outputs):
    """A multilayer perceptron of ReLUs with batch normalisation.

    Parameters
    ----------
    n_inputs : int
    hidden_layer_sizes : sequence of int
    n_outputs : int

    Returns
    -------
    network : torch.nn.Sequential
    """
    steps = []
    for size in hidden_layer_sizes:
        steps += [nn.Linear(n_inputs, size), nn.BatchNorm1d(size), nn.ReLU()]
        n_inputs = size
    return nn.Sequential(*steps, nn.Linear(n_inputs, n_outputs))


def make_networks(n_features, hidden_layer_sizes, groups, *, hierarchical, seed):
    """Encoder and decoder by perceptrons.

    Parameters
    ----------
    n_features : int
    hidden_layer_sizes : sequence of int
        Of each of the two halves of the encoder; backwards of the decoder.
    groups : ndarray of int of shape (n_latent,)
        0 or 1.
    hierarchical : bool
        Whether group 1 of the latent units knows group 0.
    seed : int
        Of the weights; the global generator of PyTorch stays as it is.

    Returns
    -------
    posterior : Posterior
    decoder : torch.nn.Sequential
        From bits to logits of the features.
    """
    n_latent, n_second = len(groups), int((groups == 1).sum()) if hierarchical else 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        n_first = n_latent - n_second
        first = make_mlp(n_features, hidden_layer_sizes, n_first)
        second = None
        if n_second:
            second = make_mlp(n_features + n_first, hidden_layer_sizes, n_second)
        decoder = make_mlp(n_latent, hidden_layer_sizes[::-1], n_features)
    return Posterior(first, second, groups), decoder


def bernoulli_log_likelihood(logits, x):
    """log p(x | z) of features between 0 and 1.

    Parameters
    ----------
    logits, x : torch.Tensor of shape (n_samples, n_features)

    Returns
    -------
    log_likelihood : torch.Tensor of shape (n_samples,)
        In nats.
    """
    return -binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
