"""The discrete VAE's posterior and objective on few latent units, against exact enumeration."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch import nn

from qsklearn.neural_network._boltzmann_prior_vae._objective import (
    PriorEnergy,
    bound_of,
    surrogate_loss,
)
from qsklearn.neural_network._boltzmann_prior_vae._posterior import Posterior, repeat_rows

N_LATENT, N_PIXELS = 8, 12
EDGES = [(0, 1), (0, 4), (1, 5), (2, 6), (3, 7), (4, 7), (1, 6), (2, 3)]
GROUPS = [0, 1, 0, 1, 0, 1, 0, 1]


def small_net(n_inputs, n_outputs, generator, scale=0.8):
    net = nn.Sequential(nn.Linear(n_inputs, 10), nn.Tanh(), nn.Linear(10, n_outputs)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return net


class Both(nn.Module):
    """A network on a row's values and its bits, side by side."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, values, bits):
        return self.net(torch.cat([repeat_rows(values, len(bits)), bits], 1))


class Model:
    """A whole VAE in double precision, whose sums over all states are exact."""

    def __init__(self, hierarchical=True, seed=0, scale=0.8):
        generator = torch.Generator().manual_seed(seed)
        n_first = N_LATENT // 2 if hierarchical else N_LATENT
        first = small_net(N_PIXELS, n_first, generator, scale)
        second = (
            small_net(N_PIXELS + n_first, N_LATENT - n_first, generator, scale)
            if hierarchical
            else None
        )
        self.posterior = Posterior(nn.Identity(), first, second and Both(second), GROUPS)
        self.decoder = small_net(N_LATENT, N_PIXELS, generator, scale)
        self.prior = PriorEnergy(N_LATENT, EDGES, dtype=torch.float64)
        with torch.no_grad():
            self.prior.biases.copy_(0.3 * torch.randn(N_LATENT, generator=generator))
            self.prior.weights.copy_(0.5 * torch.randn(len(EDGES), generator=generator))
        self.x = (torch.rand(3, N_PIXELS, generator=generator) < 0.5).double()
        self.generator = generator
        numbers = torch.arange(2**N_LATENT)[:, None]
        self.states = ((numbers >> torch.arange(N_LATENT)) & 1).double()

    def log_likelihood(self, x, bits):
        logits = self.decoder(bits)
        return (x * logits - nn.functional.softplus(logits)).sum(-1)

    def log_partition(self):
        return torch.logsumexp(-self.prior(self.states), 0)

    def posterior_of_all_states(self):
        """log q(z | x) of shape (n_samples, n_states)."""
        return torch.stack(
            [self.posterior.log_probability(row.expand(256, -1), self.states) for row in self.x]
        )

    def exact_bound(self):
        log_q = self.posterior_of_all_states()
        likelihood = torch.stack([self.log_likelihood(row, self.states) for row in self.x])
        inside = likelihood - self.prior(self.states) - log_q
        return (log_q.exp() * inside).sum(1).mean() - self.log_partition()

    def exact_log_likelihood(self):
        likelihood = torch.stack([self.log_likelihood(row, self.states) for row in self.x])
        joint = likelihood - self.prior(self.states)
        return torch.logsumexp(joint, 1) - self.log_partition()

    def draw(self, n_draws, tau):
        x = self.x.repeat_interleave(n_draws, 0)
        uniforms = torch.rand(len(x), N_LATENT, generator=self.generator, dtype=torch.float64)
        return x, self.posterior.draw(x, uniforms, tau)

    def draw_prior(self, n_draws):
        law = torch.softmax(-self.prior(self.states), 0).detach()
        chosen = torch.multinomial(law, n_draws, replacement=True, generator=self.generator)
        return self.states[chosen]


def flat(gradients):
    return torch.cat([gradient.reshape(-1) for gradient in gradients])


@pytest.mark.parametrize("hierarchical", [True, False])
def test_the_posterior_is_a_law(hierarchical):
    log_q = Model(hierarchical).posterior_of_all_states()
    assert torch.allclose(torch.logsumexp(log_q, 1), torch.zeros(3).double(), atol=1e-12)


@pytest.mark.parametrize("hierarchical", [True, False])
def test_draws_follow_the_posterior(hierarchical):
    model = Model(hierarchical)
    n_draws = 20_000
    x, draw = model.draw(n_draws, tau=0.0)
    assert torch.equal(draw.relaxed, draw.hard)
    numbers = (draw.hard @ (2.0 ** torch.arange(N_LATENT)).double()).long().reshape(3, n_draws)
    for row, log_q in zip(numbers, model.posterior_of_all_states(), strict=True):
        expected = n_draws * log_q.detach().exp().numpy()
        counts = np.bincount(row.numpy(), minlength=256)
        rare = expected < 10
        got = np.append(counts[~rare], counts[rare].sum())
        wanted = np.append(expected[~rare], expected[rare].sum())
        statistic = ((got - wanted) ** 2 / np.maximum(wanted, 1e-9)).sum()
        assert chi2.sf(statistic, len(wanted) - 1) > 1e-3


@pytest.mark.parametrize("hierarchical", [True, False])
def test_the_log_posterior_of_hard_draws_is_theirs(hierarchical):
    model = Model(hierarchical)
    x, draw = model.draw(50, tau=0.0)
    expected = model.posterior.log_probability(x, draw.hard)
    assert torch.allclose(draw.log_posterior, expected, atol=1e-12)


def test_relaxed_bits_round_to_the_hard_ones():
    model = Model(hierarchical=False)
    _, draw = model.draw(100, tau=0.5)
    assert torch.equal((draw.relaxed > 0.5).double(), draw.hard)
    assert ((draw.relaxed > 0) & (draw.relaxed < 1)).all()


def test_energies_are_those_of_the_ising_model():
    model = Model()
    spins = 2 * model.states - 1
    expected = spins @ model.prior.biases
    for (a, b), weight in zip(EDGES, model.prior.weights, strict=True):
        expected = expected + weight * spins[:, a] * spins[:, b]
    assert torch.allclose(model.prior(model.states), expected, atol=1e-12)


def test_the_energy_of_relaxed_bits_is_the_mean_over_independent_bits():
    model = Model()
    zeta = torch.rand(N_LATENT, generator=model.generator, dtype=torch.float64)
    chances = torch.where(model.states > 0, zeta, 1 - zeta).prod(1)
    mean = (chances * model.prior(model.states)).sum()
    assert torch.allclose(model.prior(zeta), mean, atol=1e-12)


def test_the_prior_gradient_is_the_difference_of_means():
    model = Model()
    parameters = [model.prior.biases, model.prior.weights]
    exact = flat(torch.autograd.grad(model.exact_bound(), parameters))
    spins = 2 * model.states - 1
    statistics = torch.cat(
        [spins, torch.stack([spins[:, a] * spins[:, b] for a, b in EDGES], 1)], 1
    )
    positive = model.posterior_of_all_states().exp().mean(0) @ statistics
    negative = torch.softmax(-model.prior(model.states), 0) @ statistics
    assert torch.allclose(exact, negative - positive, atol=1e-12)


@pytest.mark.parametrize("tau", [0.5, 1 / 7])
def test_the_surrogate_gives_the_prior_its_gradient_at_any_temperature(tau):
    """Hard bits do; the hierarchy alone sees relaxed ones, so that it is left out here."""
    model, n_draws = Model(hierarchical=False), 20_000
    parameters = [model.prior.biases, model.prior.weights]
    exact = -flat(torch.autograd.grad(model.exact_bound(), parameters))
    x, draw = model.draw(n_draws, tau)
    likelihood = model.log_likelihood(x, draw.relaxed)
    loss = surrogate_loss(likelihood, draw, model.prior, model.draw_prior(3 * n_draws))
    got = flat(torch.autograd.grad(loss, parameters))
    assert (got - exact).abs().max() < 5 / np.sqrt(n_draws)


def test_the_surrogate_gives_the_decoder_its_gradient_at_low_temperature():
    model, n_draws = Model(), 20_000
    exact = -flat(torch.autograd.grad(model.exact_bound(), model.decoder.parameters()))
    x, draw = model.draw(n_draws, 1 / 20)
    loss = surrogate_loss(
        model.log_likelihood(x, draw.relaxed), draw, model.prior, model.draw_prior(10)
    )
    got = flat(torch.autograd.grad(loss, model.decoder.parameters()))
    assert ((got - exact).norm() / exact.norm()) < 0.1


def test_the_surrogate_leads_the_encoder_the_right_way():
    model, n_draws = Model(), 50_000
    exact = -flat(torch.autograd.grad(model.exact_bound(), model.posterior.parameters()))
    x, draw = model.draw(n_draws, 1 / 7)
    loss = surrogate_loss(
        model.log_likelihood(x, draw.relaxed), draw, model.prior, model.draw_prior(10)
    )
    got = flat(torch.autograd.grad(loss, model.posterior.parameters()))
    assert torch.nn.functional.cosine_similarity(got, exact, dim=0) > 0.95


def test_without_the_divergence_the_prior_gets_no_gradient():
    model = Model()
    x, draw = model.draw(10, 0.5)
    likelihood = model.log_likelihood(x, draw.relaxed)
    loss = surrogate_loss(likelihood, draw, model.prior, model.draw_prior(10), kl_weight=0.0)
    assert not flat(torch.autograd.grad(loss, [model.prior.biases, model.prior.weights])).any()
    assert torch.allclose(loss, -likelihood.mean())


def test_importance_weights_are_those_of_the_draws():
    """With K draws the gradients are weighted means, here against a loop."""
    model, n_importance = Model(), 4
    x, draw = model.draw(n_importance, 0.5)
    likelihood = model.log_likelihood(x, draw.relaxed)
    loss = surrogate_loss(
        likelihood, draw, model.prior, model.states[:1], kl_weight=0.7, n_importance=n_importance
    )
    got = flat(
        torch.autograd.grad(loss, [model.prior.biases, model.prior.weights], retain_graph=True)
    )
    energies = model.prior(draw.relaxed)
    log_weights = (likelihood - 0.7 * (energies + draw.log_posterior)).reshape(3, n_importance)
    expected = -flat(
        torch.autograd.grad(model.prior(model.states[0]), [model.prior.biases, model.prior.weights])
    )
    for sample in range(3):
        shares = torch.softmax(log_weights[sample], 0)
        for k in range(n_importance):
            energy = model.prior(draw.hard[sample * n_importance + k])
            gradient = flat(torch.autograd.grad(energy, [model.prior.biases, model.prior.weights]))
            expected = expected + shares[k].detach() * gradient / 3
    assert torch.allclose(got, 0.7 * expected, atol=1e-12)


@pytest.mark.parametrize(("n_importance", "least", "most"), [(1, 0.05, 20), (10_000, -0.02, 0.02)])
def test_the_bound_rises_to_the_log_likelihood(n_importance, least, most):
    model = Model(seed=1, scale=0.4)  # else 10,000 draws of a posterior so far off are few
    exact = model.exact_log_likelihood().mean()
    x, draw = model.draw(10_000, 0.0)
    bound = bound_of(
        model.log_likelihood(x, draw.hard),
        draw.log_posterior,
        model.prior(draw.hard),
        model.log_partition(),
        n_importance,
    ).mean()
    assert least < exact - bound < most
    if n_importance == 1:
        assert torch.allclose(bound, model.exact_bound(), atol=0.1)


def test_learning_the_prior_alone_finds_the_law_of_the_data():
    """A sign the wrong way round would not fail loudly, but lead away."""
    target = PriorEnergy(3, [(0, 1), (1, 2)], dtype=torch.float64)
    with torch.no_grad():
        target.biases.copy_(torch.tensor([0.5, -0.4, 0.2]))
        target.weights.copy_(torch.tensor([-0.8, 0.6]))
    states = ((torch.arange(8)[:, None] >> torch.arange(3)) & 1).double()
    law = torch.softmax(-target(states), 0).detach()
    learner = PriorEnergy(3, [(0, 1), (1, 2)], dtype=torch.float64)
    optimiser = torch.optim.SGD(learner.parameters(), lr=0.5)
    for _ in range(400):
        optimiser.zero_grad()
        own = torch.softmax(-learner(states), 0).detach()
        ((law - own) * learner(states)).sum().backward()
        optimiser.step()
    assert torch.allclose(learner.biases, target.biases, atol=1e-3)
    assert torch.allclose(learner.weights, target.weights, atol=1e-3)
