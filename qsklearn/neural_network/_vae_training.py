"""Training a discrete VAE: schedules, one step, one pass over the data, in PyTorch."""

from dataclasses import dataclass, field

import numpy as np
import torch

from qsklearn.neural_network._vae_networks import bernoulli_log_likelihood
from qsklearn.neural_network._vae_objective import surrogate_loss

_DECAY = 0.1  # of learning rates from the first to the last step


@dataclass
class Schedule:
    """What changes in the course of a training.

    Parameters
    ----------
    n_steps : int
        Of the whole training.
    learning_rate, prior_learning_rate : float
        At the start; they fall geometrically to a tenth.
    tau : float or tuple of (first, last)
        Temperature of the relaxation; of two numbers from one to the other, geometrically.
    kl_warmup : float
        Share of the steps in which the weight of the divergence rises from 0 to 1.
    """

    n_steps: int
    learning_rate: float
    prior_learning_rate: float
    tau: object
    kl_warmup: float

    def progress(self, step):
        """From 0 at the first step to 1 at the last."""
        return step / max(1, self.n_steps - 1)

    def rate_factor(self, step):
        """Factor of both learning rates."""
        return _DECAY ** self.progress(step)

    def tau_at(self, step):
        """Temperature of the relaxation."""
        first, last = (self.tau, self.tau) if np.isscalar(self.tau) else self.tau
        return first * (last / first) ** self.progress(step)

    def kl_weight(self, step):
        """Weight of the divergence."""
        warm = self.kl_warmup * self.n_steps
        return 1.0 if step >= warm else (step + 1) / (warm + 1)


@dataclass
class Training:
    """A VAE in training.

    Parameters
    ----------
    posterior : Posterior
    decoder : torch.nn.Module
    prior : PriorEnergy
    chains : PersistentChains
    schedule : Schedule
    rng : numpy.random.Generator
        Of the order of the data, their binarisation, the posterior's draws and the chains' seeds.
    step : int, default=0
    """

    posterior: torch.nn.Module
    decoder: torch.nn.Module
    prior: torch.nn.Module
    chains: object
    schedule: Schedule
    rng: np.random.Generator
    step: int = 0
    optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self):
        networks = [*self.posterior.parameters(), *self.decoder.parameters()]
        self.optimiser = torch.optim.Adam(
            [
                {"params": networks, "base": self.schedule.learning_rate},
                {
                    "params": list(self.prior.parameters()),
                    "base": self.schedule.prior_learning_rate,
                },
            ]
        )

    def run_epoch(self, X, batch_size, *, binarize=True):
        """One pass over the data in random order.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
            In [0, 1].
        batch_size : int
            A last batch of one is joined to the one before it.
        binarize : bool, default=True
            Whether features are drawn anew as bits, with the probabilities that they are.

        Returns
        -------
        loss : float
            Mean of the surrogate over the steps.
        """
        order = self.rng.permutation(len(X))
        losses = []
        self.posterior.train()
        self.decoder.train()
        for rows in _batches(order, batch_size):
            x = X[rows]
            if binarize:
                x = (self.rng.random(x.shape, dtype=np.float32) < x).astype(np.float32)
            losses.append(self.take_step(torch.from_numpy(x)))
        return float(np.mean(losses))

    def take_step(self, x):
        """One step of Adam.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)

        Returns
        -------
        loss : float
        """
        schedule, step = self.schedule, self.step
        # Uniform numbers of 24 bits, away from 0 and 1, whose logits are infinite.
        uniforms = self.rng.random((len(x), self.posterior.n_latent), dtype=np.float32)
        uniforms = torch.from_numpy(np.clip(uniforms, 2.0**-25, 1 - 2.0**-24))
        draw = self.posterior.draw(x, uniforms, schedule.tau_at(step))
        likelihood = bernoulli_log_likelihood(self.decoder(draw.relaxed), x)
        loss = surrogate_loss(
            likelihood, draw, self.prior, self._draw_prior(), kl_weight=schedule.kl_weight(step)
        )
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * schedule.rate_factor(step)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _draw_prior(self):
        biases, weights = (parameter.detach().numpy() for parameter in self.prior.parameters())
        spins = self.chains.draw(biases, weights, int(self.rng.integers(2**31)))
        return torch.from_numpy((spins > 0).astype(np.float32))


def _batches(order, batch_size):
    edges = list(range(0, len(order), batch_size)) + [len(order)]
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]  # batch normalisation needs two
    return (order[first:last] for first, last in zip(edges[:-1], edges[1:], strict=True))
