"""The posterior of a discrete VAE: bits in two groups, and their relaxation, in PyTorch.

Bits are z in {0, 1}, spins s = 2z - 1. Logits l belong to z = 1.
"""

from dataclasses import dataclass

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


class Posterior(nn.Module):
    """q(z | x) of one group of bits given x, and of another given x and the first.

    Parameters
    ----------
    first : torch.nn.Module
        From x to the logits of group 0.
    second : torch.nn.Module or None
        From x and the bits of group 0, side by side, to the logits of group 1. None: the first one
        gives the logits of all bits, which are independent given x.
    groups : array-like of int of shape (n_latent,)
        0 or 1.
    """

    def __init__(self, first, second, groups):
        super().__init__()
        self.first, self.second = first, second
        groups = torch.as_tensor(groups, dtype=torch.int64)
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
        x : torch.Tensor of shape (n_draws, n_features)
        uniforms : torch.Tensor of shape (n_draws, n_latent)
            Independent and uniform in (0, 1).
        tau : float
            Temperature of ζ = σ((logit(ρ) + l) / τ); of 0 the bits themselves.

        Returns
        -------
        draw : Draw
        """
        noise = torch.logit(uniforms)[:, self.order]
        logits = self.first(x)
        relaxed = _relax(noise[:, : self.n_first] + logits, tau)
        if self.second is not None:
            rest = self.second(torch.cat([x, relaxed], 1))
            more = _relax(noise[:, self.n_first :] + rest, tau)
            logits, relaxed = torch.cat([logits, rest], 1), torch.cat([relaxed, more], 1)
        hard = (noise + logits > 0).to(logits.dtype)
        log_posterior = (relaxed * logits - softplus(logits)).sum(1)
        return Draw(relaxed[:, self.back], hard[:, self.back], log_posterior, logits[:, self.back])

    def log_probability(self, x, bits):
        """log q(z | x) of given bits.

        Parameters
        ----------
        x : torch.Tensor of shape (n_draws, n_features)
        bits : torch.Tensor of shape (n_draws, n_latent)

        Returns
        -------
        log_probability : torch.Tensor of shape (n_draws,)
        """
        ordered = bits[:, self.order]
        logits = self.first(x)
        if self.second is not None:
            rest = self.second(torch.cat([x, ordered[:, : self.n_first]], 1))
            logits = torch.cat([logits, rest], 1)
        return (ordered * logits - softplus(logits)).sum(1)


def _relax(shifted_logits, tau):
    if tau == 0:
        return (shifted_logits > 0).to(shifted_logits.dtype)
    return torch.sigmoid(shifted_logits / tau)
