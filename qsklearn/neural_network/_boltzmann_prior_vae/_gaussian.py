"""The VAE with normal latent variables, in PyTorch: the control of the discrete one."""

from dataclasses import replace

import numpy as np
import torch

from qsklearn.neural_network._boltzmann_prior_vae._evaluation import rows_of, weigh_draws
from qsklearn.neural_network._boltzmann_prior_vae._fitted import FittedNetworks
from qsklearn.neural_network._boltzmann_prior_vae._networks import (
    ArrayModule,
    make_decoder,
    make_likelihood,
    make_mlp,
    make_trunk,
    to_tensor,
)
from qsklearn.neural_network._boltzmann_prior_vae._posterior import repeat_rows
from qsklearn.neural_network._boltzmann_prior_vae._training import (
    Schedule,
    as_bits,
    batches,
)
from qsklearn.neural_network._torch_state import torch_to_itself
from qsklearn.samplers._arguments import count_threads

_CALLER = "GaussianPriorVAE"
# Logarithms of variances beyond these overflow before they mean anything.
_LOG_VARIANCES = (-12.0, 6.0)


class GaussianNetworks(ArrayModule):
    """Encoder to means and log-variances, decoder, likelihood.

    Parameters
    ----------
    architecture : VAEArchitecture
    """

    def __init__(self, architecture):
        super().__init__()
        self.trunk, n_values, sizes = make_trunk(architecture)
        self.head = make_mlp(n_values, sizes, 2 * architecture.graph.n_latent)
        self.decoder = make_decoder(architecture)
        self.likelihood = make_likelihood(architecture)

    def encode(self, x):
        """Means and log-variances of the latent variables.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)

        Returns
        -------
        means, log_variances : torch.Tensor of shape (n_samples, n_latent)
        """
        values = self.head(self.trunk(self.likelihood.standardise(x)))
        means, log_variances = values.chunk(2, 1)
        return means, log_variances.clamp(*_LOG_VARIANCES)

    def draw(self, x, noise):
        """log p(x | z) and log q(z | x) - log p(z) of draws, and the divergence.

        Parameters
        ----------
        x : torch.Tensor of shape (n_samples, n_features)
        noise : torch.Tensor of shape (n_samples * n_draws, n_latent)
            Standard normal; that of a row side by side.

        Returns
        -------
        likelihood, log_ratio : torch.Tensor of shape (n_samples * n_draws,)
        kl : torch.Tensor of shape (n_samples,)
            The mean of the latter, in closed form.
        """
        encoded = self.encode(x)
        means, log_variances = (repeat_rows(part, len(noise)) for part in encoded)
        latent = means + torch.exp(0.5 * log_variances) * noise
        likelihood = self.likelihood(self.decoder(latent), repeat_rows(x, len(noise)))
        log_ratio = 0.5 * (latent**2 - noise**2 - log_variances).sum(1)
        means, log_variances = encoded
        kl = 0.5 * (means**2 + log_variances.exp() - 1 - log_variances).sum(1)
        return likelihood, log_ratio, kl


def train(vae, architecture, X, entropy):
    """Train the control of a discrete VAE.

    Parameters
    ----------
    vae : QuantumBoltzmannPriorVAE
        Its parameters.
    architecture : VAEArchitecture
        Of the discrete VAE.
    X : ndarray of shape (n_samples, n_features), float32
    entropy : int

    Returns
    -------
    networks : FittedNetworks
    history : dict of str to list of float
    """
    architecture = replace(architecture, latent="normal")
    rng = np.random.default_rng(entropy)
    networks = architecture.build(int(rng.integers(2**31)))
    networks.likelihood.adapt(X)
    n_steps = vae.max_iter * len(list(batches(np.arange(len(X)), vae.batch_size)))
    schedule = Schedule(n_steps, vae.learning_rate_init, 0.0, 1.0, vae.kl_warmup)
    optimiser = torch.optim.Adam(networks.parameters())
    binarize = vae.binarize if architecture.likelihood == "bernoulli" else None
    history = {"elbo": [], "reconstruction": [], "kl": []}
    step = 0
    networks.train()
    with torch_to_itself(count_threads(vae.n_jobs, _CALLER)):
        torch.default_generator.manual_seed(int(rng.integers(2**31)))
        for _ in range(vae.max_iter):
            sums = np.zeros(2)
            for rows in batches(rng.permutation(len(X)), vae.batch_size):
                x = torch.from_numpy(as_bits(X[rows], binarize, rng))
                likelihood, kl = _step(networks, optimiser, x, schedule, step, vae, rng)
                sums += np.array([likelihood, kl]) * len(rows) / len(X)
                step += 1
            for name, value in zip(history, (sums[0] - sums[1], *sums), strict=True):
                history[name].append(float(value))
    return FittedNetworks(architecture, networks.eval().to_arrays()), history


def _step(networks, optimiser, x, schedule, step, vae, rng):
    """One step of Adam; means of the log-likelihood and of the divergence."""
    noise = torch.from_numpy(rng.standard_normal((len(x), vae.n_latent), dtype=np.float32))
    likelihood, _, kl = networks.draw(x, noise)
    loss = (schedule.kl_weight(step) * kl - likelihood).mean()
    for group in optimiser.param_groups:
        group["lr"] = schedule.learning_rate * schedule.rate_factor(step)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(likelihood.detach().mean()), float(kl.detach().mean())


class GaussianInference:
    """What the trained control answers.

    Parameters
    ----------
    networks : FittedNetworks
    vae : QuantumBoltzmannPriorVAE
        Its parameters.
    entropy : int
    """

    def __init__(self, networks, vae, entropy):
        self._module = networks.module
        is_bernoulli = networks.architecture.likelihood == "bernoulli"
        self._binarize = vae.binarize if is_bernoulli else None
        self._n_latent, self._entropy = vae.n_latent, entropy

    def means(self, X):
        """Posterior means, float32."""
        with torch.no_grad():
            return self._module.encode(to_tensor(X))[0].numpy()

    def terms(self, X, n_draws):
        """See :meth:`RowEvaluator.terms`; here log Z is 0."""
        rows = rows_of(X, self._binarize, self._entropy)
        return weigh_draws(rows, (len(X), n_draws), self._terms_of_row)

    def _terms_of_row(self, x, rng, n_draws):
        noise = rng.standard_normal((n_draws, self._n_latent), dtype=np.float32)
        likelihood, log_ratio, _ = self._module.draw(x, torch.from_numpy(noise))
        return likelihood.double().numpy(), log_ratio.double().numpy()
