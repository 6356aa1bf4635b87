r"""The objective of a discrete VAE with a Boltzmann prior, and its gradients, in PyTorch.

With the prior :math:`p(s) = e^{-E(s)} / Z`, spins s = 2z - 1,

.. math:: \mathrm{ELBO}(x) = E_q[\log p(x \mid z) - E(s) - \log q(z \mid x)] - \log Z,

of which networks get their gradient by relaxed bits ζ, with the prior held fixed; and the prior
gets its own, the difference of means of :math:`\partial E` over the posterior and over draws of
the prior, at hard bits: at relaxed ones it is badly biased, for τ >= 1/2 even reversed.
"""

import numpy as np
import torch
from torch import nn


class PriorEnergy(nn.Module):
    r"""E(s) = Σ b_i s_i + Σ_{i<j} W_ij s_i s_j on the edges of a graph, with or without classes.

    With classes the law is of bits and a class y,

    .. math:: p(s, y) \propto e^{-E(s) + a_y + \sum_i U_{iy} s_i},

    so that of the class given the bits is softmax(a + Uᵀs).

    Parameters
    ----------
    n_latent : int
    edges : array-like of int of shape (n_edges, 2)
    n_classes : int, default=0
    dtype : torch.dtype, default=torch.float32

    Attributes
    ----------
    biases : torch.nn.Parameter of shape (n_latent,)
    weights : torch.nn.Parameter of shape (n_edges,)
    class_biases : torch.nn.Parameter of shape (n_classes,)
    class_weights : torch.nn.Parameter of shape (n_latent, n_classes)
    """

    def __init__(self, n_latent, edges, n_classes=0, dtype=torch.float32):
        super().__init__()
        # A copy: loading weights writes into buffers, which must not be the caller's memory.
        edges = torch.tensor(np.asarray(edges), dtype=torch.int64).reshape(-1, 2)
        self.register_buffer("edges", edges)
        self.biases = nn.Parameter(torch.zeros(n_latent, dtype=dtype))
        self.weights = nn.Parameter(torch.zeros(len(edges), dtype=dtype))
        self.class_biases = nn.Parameter(torch.zeros(n_classes, dtype=dtype))
        self.class_weights = nn.Parameter(torch.zeros(n_latent, n_classes, dtype=dtype))

    @property
    def n_classes(self):
        """Number of classes; 0 without any."""
        return len(self.class_biases)

    def class_logits(self, bits):
        """a + Uᵀs, whose softmax is P(y | z).

        Parameters
        ----------
        bits : torch.Tensor of shape (..., n_latent)

        Returns
        -------
        logits : torch.Tensor of shape (..., n_classes)
        """
        return self.class_biases + (2 * bits - 1) @ self.class_weights

    def forward(self, bits, labels=None, *, fixed=False):
        """Energies of bits, or of relaxed ones, for which E is the mean over independent bits.

        Parameters
        ----------
        bits : torch.Tensor of shape (n_draws, n_latent)
        labels : torch.Tensor of int64 of shape (n_draws,), default=None
            Classes, -1 where unknown: then -log p(s) but for a constant. None: all unknown.
        fixed : bool, default=False
            Whether the prior gets no gradient.

        Returns
        -------
        energies : torch.Tensor of shape (n_draws,)
        """
        biases, weights, class_biases, class_weights = (
            parameter.detach() if fixed else parameter for parameter in self.parameters()
        )
        spins = 2 * bits - 1
        couplings = torch.zeros(len(biases), len(biases), dtype=biases.dtype, device=biases.device)
        couplings = couplings.index_put((self.edges[:, 0], self.edges[:, 1]), weights)
        energies = spins @ biases + ((spins @ couplings) * spins).sum(-1)
        if not self.n_classes:
            return energies
        logits = class_biases + spins @ class_weights
        free = torch.logsumexp(logits, 1)
        if labels is not None:
            known = logits.gather(1, labels.clamp(min=0)[:, None])[:, 0]
            free = torch.where(labels < 0, free, known)
        return energies - free


def surrogate_loss(
    log_likelihood,
    draw,
    prior,
    negative_bits,
    *,
    kl_weight=1.0,
    n_importance=1,
    labels=None,
):
    """What to minimise: its gradient is that of minus the bound, its value is not the bound.

    Parameters
    ----------
    log_likelihood : torch.Tensor of shape (n_samples * n_importance,)
        log p(x | ζ), with the draws of a sample in a row.
    draw : Draw
        Of as many rows.
    prior : PriorEnergy
    negative_bits : torch.Tensor of shape (n_chains, n_latent)
        Draws of the prior; no gradient goes through them. Classes are summed out, which is less
        noisy than classes that were drawn.
    kl_weight : float, default=1.0
        Factor of the divergence, in both phases alike.
    n_importance : int, default=1
        K, draws whose importance weights are averaged for a sample.
    labels : torch.Tensor of int64 of shape (n_samples * n_importance,), default=None
        Classes, -1 where unknown.

    Returns
    -------
    loss : torch.Tensor
        Scalar, a mean over samples.
    """
    divergence = prior(draw.relaxed, labels, fixed=True) + draw.log_posterior
    log_weights = (log_likelihood - kl_weight * divergence).reshape(-1, n_importance)
    bound = torch.logsumexp(log_weights, 1).mean()
    shares = torch.softmax(log_weights.detach(), 1).reshape(-1)
    n_samples = len(log_weights)
    positive = (shares * prior(draw.hard, labels)).sum() / n_samples
    negative = prior(negative_bits).mean()
    return -bound + kl_weight * (positive - negative)


def bound_of(log_likelihood, log_posterior, energies, log_partition, n_importance=1):
    """The evidence lower bound of each sample, of hard bits.

    Parameters
    ----------
    log_likelihood, log_posterior, energies : torch.Tensor of shape (n_samples * n_importance,)
        At the same draws, those of a sample in a row.
    log_partition : float
    n_importance : int, default=1
        K; the bound rises with it towards the log-likelihood.

    Returns
    -------
    bound : torch.Tensor of shape (n_samples,), float64
    """
    log_weights = (log_likelihood - energies - log_posterior).double().reshape(-1, n_importance)
    count = torch.log(torch.tensor(float(n_importance), dtype=torch.float64))
    return torch.logsumexp(log_weights, 1) - count - log_partition
