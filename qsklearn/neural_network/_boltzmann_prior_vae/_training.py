"""Training a discrete VAE: schedules, one step, one pass over the data, in PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from qsklearn.neural_network._boltzmann_prior_vae._objective import surrogate_loss
from qsklearn.neural_network._boltzmann_prior_vae._posterior import draw_uniforms
from qsklearn.neural_network._torch_state import optimiser_to_arrays, set_optimiser

_DECAY = 0.1  # of learning rates from the first to the last step
# Labelled rows that each step sees beside its batch, and the weight of their classes' cross-entropy
# against a row's bound: without it few labels are lost among the pixels (docs: measured).
_LABELLED_ROWS, _CLASS_WEIGHT = 50, 10.0
_MEANS = ("reconstruction", "divergence", "clipped_fraction")


class Diverged(FloatingPointError):
    """Training has left the finite numbers."""


@dataclass
class Schedule:
    """What changes in the course of a training. After the last step everything stays.

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
    importance : tuple of (K, D), default=((1, 1),)
        Draws for a sample whose importance weights are averaged, and how often that is done; one
        pair after the other for equal parts of the steps.
    """

    n_steps: int
    learning_rate: float
    prior_learning_rate: float
    tau: object
    kl_warmup: float
    importance: tuple = ((1, 1),)

    def progress(self, step):
        """From 0 at the first step to 1 at the last."""
        return min(1.0, step / max(1, self.n_steps - 1))

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

    def importance_at(self, step):
        """(K, D)."""
        part = step * len(self.importance) // max(1, self.n_steps)
        return self.importance[min(part, len(self.importance) - 1)]


class Training:
    """A VAE in training.

    Parameters
    ----------
    networks : VAENetworks
    negative_phase : NegativePhase
    schedule : Schedule
    rng : numpy.random.Generator
        Of the order of the data, their binarisation, the posterior's draws and the sampler's seeds.
    binarize : {"dynamic", "threshold"} or None
        Whether features are drawn as bits in each step, with the probabilities that they are; cut
        at 1/2; or taken as they are.
    device : str, default="cpu"
        Of the networks.
    limits : callable, default=None
        From the belief about β_eff to the largest |b| and |W| that the sampler can be programmed
        with: the prior stays within.
    """

    def __init__(
        self, networks, negative_phase, schedule, rng, *, binarize, device="cpu", limits=None
    ):
        self.networks = networks.to(device)
        self.negative_phase, self.schedule, self.rng = negative_phase, schedule, rng
        self.binarize, self.device, self.limits = binarize, device, limits
        self.step = 0
        self.optimiser = torch.optim.Adam(
            [
                {"params": networks.network_parameters(), "base": schedule.learning_rate},
                {
                    "params": list(networks.prior.parameters()),
                    "base": schedule.prior_learning_rate,
                },
            ]
        )

    def to_dict(self):
        """All that later steps depend on, and the costs; generators of PyTorch are elsewhere."""
        return {
            "networks": self.networks.to_arrays(),
            "optimiser": optimiser_to_arrays(self.optimiser),
            "negative_phase": self.negative_phase.to_dict(),
            "generator": self.rng.bit_generator.state,
            "step": self.step,
        }

    def go_on_from(self, saved):
        """Go on where another training was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        self.networks.take_arrays(saved["networks"])
        set_optimiser(self.optimiser, saved["optimiser"])
        self.negative_phase.go_on_from(saved["negative_phase"])
        self.rng.bit_generator.state = saved["generator"]
        self.step = saved["step"]

    def run_epoch(self, X, batch_size, labels=None):
        """One pass over the data in random order.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
        batch_size : int
            A last batch of one is joined to the one before it.
        labels : ndarray of int64 of shape (n_samples,), default=None
            Classes, -1 where unknown.

        Returns
        -------
        means : dict of str to float
            Of the steps: ``reconstruction`` log p(x | ζ), ``divergence`` E + log q (the Kullback-
            Leibler divergence less log Z), ``clipped_fraction`` of the prior's parameters.
        """
        order = self.rng.permutation(len(X))
        self.networks.train()
        sums = dict.fromkeys(_MEANS, 0.0)
        labelled = np.empty(0, int) if labels is None else np.flatnonzero(labels >= 0)
        for rows in batches(order, batch_size):
            n_rows = len(rows)
            if len(labelled):
                size = min(_LABELLED_ROWS, len(labelled))
                rows = np.r_[rows, self.rng.choice(labelled, size, replace=False)]
            x = torch.from_numpy(as_bits(X[rows], self.binarize, self.rng))
            classes = None if labels is None else torch.from_numpy(labels[rows])
            step = self.take_step(x, classes, n_rows)
            for name in _MEANS:
                sums[name] += step[name] * n_rows / len(X)
        return sums

    def take_step(self, x, labels=None, n_rows=None):
        """One step of Adam.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)
        labels : torch.Tensor of int64 of shape (n_samples,), default=None
            -1 where unknown.
        n_rows : int, default=None
            Rows whose bound is maximised, the first ones; those after them are labelled, and only
            their classes count. None: all.

        Returns
        -------
        values : dict of str to float
            As of :meth:`run_epoch`, and the ``loss``.

        Raises
        ------
        Diverged
            If the loss or the prior is not finite.
        """
        schedule, step, prior = self.schedule, self.step, self.networks.prior
        n_importance, n_repeats = schedule.importance_at(step)
        n_draws = n_importance * n_repeats
        n_rows = len(x) if n_rows is None else n_rows
        x = x.to(self.device)
        n_latent = self.networks.posterior.n_latent
        uniforms = draw_uniforms(self.rng, len(x) * n_draws, n_latent).to(self.device)
        all_draws = self.networks.draw(x, uniforms, schedule.tau_at(step))
        draw = all_draws.first(n_rows * n_draws)
        classes = None
        if labels is not None:
            labels = labels.to(self.device).repeat_interleave(n_draws)
            classes = labels[: n_rows * n_draws]
        likelihood = self.networks.log_likelihood(draw.relaxed, x[:n_rows])
        loss = surrogate_loss(
            likelihood,
            draw,
            prior,
            self._draw_prior(),
            kl_weight=schedule.kl_weight(step),
            n_importance=n_importance,
            labels=classes,
        )
        if n_rows < len(x):
            scores = prior.class_logits(all_draws.relaxed[n_rows * n_draws :])
            loss = loss + _CLASS_WEIGHT * cross_entropy(scores, labels[n_rows * n_draws :])
        self._descend(loss)
        with torch.no_grad():
            divergence = prior(draw.relaxed, classes) + draw.log_posterior
        return {
            "loss": float(loss.detach()),
            "reconstruction": float(likelihood.detach().mean()),
            "divergence": float(divergence.mean()),
            "clipped_fraction": self._clip(),
        }

    def _descend(self, loss):
        if not torch.isfinite(loss):
            raise Diverged
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * self.schedule.rate_factor(self.step)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1

    def _draw_prior(self):
        parameters = [
            parameter.detach().cpu().numpy() for parameter in self.networks.prior.parameters()
        ]
        if not all(np.isfinite(parameter).all() for parameter in parameters):
            raise Diverged
        bits = self.negative_phase.draw(*parameters, int(self.rng.integers(2**31)))
        return torch.from_numpy(bits).to(self.device)

    def _clip(self):
        """Keep the prior in the sampler's range; the share of its parameters that were out."""
        if self.limits is None:
            return 0.0
        prior = self.networks.prior
        n_out, n_all = 0, 0
        with torch.no_grad():
            for values, (low, high) in zip(
                (prior.biases, prior.weights),
                self.limits(self.negative_phase.draws.beta_eff),
                strict=True,
            ):
                n_out += int(((values < low) | (values > high)).sum())
                n_all += values.numel()
                values.clamp_(low, high)
        return n_out / max(1, n_all)


def as_bits(x, binarize, rng):
    """Features as a step sees them.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_features), float32
    binarize : {"dynamic", "threshold"} or None
    rng : numpy.random.Generator

    Returns
    -------
    bits : ndarray of shape (n_samples, n_features), float32
    """
    if binarize == "threshold":
        return (x > 0.5).astype(np.float32)
    if binarize == "dynamic":
        return (rng.random(x.shape, dtype=np.float32) < x).astype(np.float32)
    return x


def batches(order, batch_size):
    """Rows of each step; a last one alone joins the batch before.

    Parameters
    ----------
    order : ndarray of int of shape (n_samples,)
    batch_size : int

    Returns
    -------
    batches : iterator of ndarray
    """
    edges = list(range(0, len(order), batch_size)) + [len(order)]
    if len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]  # batch normalisation needs two
    return (order[first:last] for first, last in zip(edges[:-1], edges[1:], strict=True))
