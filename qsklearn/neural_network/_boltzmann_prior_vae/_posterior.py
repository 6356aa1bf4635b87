"""The posterior of a discrete VAE: bits in two groups, and their relaxation, in PyTorch.

Bits are z in {0, 1}, spins s = 2z - 1. Logits l belong to z = 1.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus


@dataclass
class Draw:
    """Latent units drawn for some data, and what the objective needs of them.

    Parameters
    ----------
    relaxed, hard : torch.Tensor of shape (n_draws, n_latent)
        ζ in (0, 1), and the bits that the same random numbers give without relaxation.
    log_posterior : torch.Tensor of shape (n_draws,)
        log q at ζ: Σ ζ l - log(1 + e^l), which is that of the bits where ζ is one.
    logits : torch.Tensor of shape (n_draws, n_latent)
    """

    relaxed: torch.Tensor
    hard: torch.Tensor
    log_posterior: torch.Tensor
    logits: torch.Tensor

    def first(self, n_rows):
        """The draws of the first rows."""
        return Draw(*(getattr(self, part.name)[:n_rows] for part in fields(self)))


class Posterior(nn.Module):
    """q(z | x) of one group of bits given x, and of another given x and the first.

    Parameters
    ----------
    trunk : torch.nn.Module
        From x to what both groups' logits are made of.
    first : torch.nn.Module
        From that to the logits of group 0.
    second : torch.nn.Module or None
        A function of the trunk's values, a row for each x, and the bits of group 0, several rows in
        a row for each x, to the logits of group 1. None: the first one gives the logits of all
        bits, which are independent given x.
    groups : array-like of int of shape (n_latent,)
        0 or 1.
    """

    def __init__(self, trunk, first, second, groups):
        super().__init__()
        self.trunk, self.first, self.second = trunk, first, second
        groups = torch.tensor(groups, dtype=torch.int64)
        if second is None:
            groups = torch.zeros_like(groups)
        # Units in the order of their groups, and back.
        self.register_buffer("order", torch.argsort(groups, stable=True))
        self.register_buffer("back", torch.argsort(self.order))
        self.n_first = int((groups == 0).sum())

    @property
    def n_latent(self):
        """Number of bits."""
        return len(self.back)

    def draw(self, x, uniforms, tau):
        """Draw bits and their relaxation.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)
        uniforms : torch.Tensor of shape (n_samples * n_draws, n_latent)
            Independent and uniform in (0, 1); the draws for an x in a row.
        tau : float
            Temperature of ζ = σ((logit(ρ) + l) / τ); of 0 the bits themselves.

        Returns
        -------
        draw : Draw
            Of n_samples * n_draws rows.
        """
        noise = torch.logit(uniforms)[:, self.order]
        values = self.trunk(x)
        logits = repeat_rows(self.first(values), len(noise))
        relaxed = _relax(noise[:, : self.n_first] + logits, tau)
        if self.second is not None:
            rest = self.second(values, relaxed)
            more = _relax(noise[:, self.n_first :] + rest, tau)
            logits, relaxed = torch.cat([logits, rest], 1), torch.cat([relaxed, more], 1)
        hard = (noise + logits > 0).to(logits.dtype)
        log_posterior = (relaxed * logits - softplus(logits)).sum(1)
        return Draw(relaxed[:, self.back], hard[:, self.back], log_posterior, logits[:, self.back])

    def probabilities(self, x):
        """Probabilities of the bits, those of group 1 given the probabilities of group 0.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)

        Returns
        -------
        probabilities : torch.Tensor of shape (n_samples, n_latent)
        """
        values = self.trunk(x)
        chances = torch.sigmoid(self.first(values))
        if self.second is not None:
            chances = torch.cat([chances, torch.sigmoid(self.second(values, chances))], 1)
        return chances[:, self.back]

    def log_probability(self, x, bits):
        """log q(z | x) of given bits.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)
        bits : torch.Tensor of shape (n_samples * n_draws, n_latent)
            Those for an x in a row.

        Returns
        -------
        log_probability : torch.Tensor of shape (n_samples * n_draws,)
        """
        ordered = bits[:, self.order]
        values = self.trunk(x)
        logits = repeat_rows(self.first(values), len(bits))
        if self.second is not None:
            rest = self.second(values, ordered[:, : self.n_first])
            logits = torch.cat([logits, rest], 1)
        return (ordered * logits - softplus(logits)).sum(1)


def draw_uniforms(rng, n_draws, n_latent):
    """Uniform numbers of 24 bits, away from 0 and 1, whose logits are infinite.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_draws, n_latent : int

    Returns
    -------
    uniforms : torch.Tensor of shape (n_draws, n_latent), float32
    """
    uniforms = rng.random((n_draws, n_latent), dtype=np.float32)
    return torch.from_numpy(np.clip(uniforms, 2.0**-25, 1 - 2.0**-24))


def repeat_rows(values, n_rows):
    """Each row as often, one after the other, as makes ``n_rows`` of them.

    Parameters
    ----------
    values : torch.Tensor of shape (n_samples, ...)
    n_rows : int

    Returns
    -------
    repeated : torch.Tensor of shape (n_rows, ...)
    """
    times = n_rows // len(values)
    return values if times == 1 else values.repeat_interleave(times, 0)


def _relax(shifted_logits, tau):
    if tau == 0:
        return (shifted_logits > 0).to(shifted_logits.dtype)
    return torch.sigmoid(shifted_logits / tau)
