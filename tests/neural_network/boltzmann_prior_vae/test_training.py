"""Training a discrete VAE: chains, schedules, steps, and a small training watched exactly."""

import numpy as np
import pytest
import torch

from qsklearn.datasets import make_bars_and_stripes
from qsklearn.neural_network._boltzmann_prior_vae._architecture import VAEArchitecture
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.neural_network._boltzmann_prior_vae._negative_phase import (
    MomentMatching,
    NegativePhase,
)
from qsklearn.neural_network._boltzmann_prior_vae._training import (
    Diverged,
    Schedule,
    Training,
    batches,
)
from qsklearn.samplers import EmbeddedSampler, ExactSampler, GibbsSampler, MockQPUSampler

NO_CLASSES = np.empty(0), np.empty((0, 0))


class Recorder(GibbsSampler):
    """Remembers what chains were handed in."""

    def sample_arrays(self, h, J, **arguments):
        self.seen_ = [*getattr(self, "seen_", []), arguments]
        return super().sample_arrays(h, J, **arguments)


def architecture_for(n_features, graph, n_classes=0, likelihood="bernoulli"):
    return VAEArchitecture(n_features, graph, (32, 32), "mlp", None, True, likelihood, n_classes)


def make_training(X, topology="rbm", n_latent=8, n_epochs=1, seed=0, n_classes=0, **changes):
    graph = make_latent_graph(topology, n_latent)
    networks = architecture_for(X.shape[1], graph, n_classes).build(seed)
    chains = NegativePhase(GibbsSampler(), graph, 128, 4, n_classes=n_classes)
    settings = {
        "learning_rate": 5e-3, "prior_learning_rate": 1e-2, "tau": (1.0, 0.2), "kl_warmup": 0.3,
    }  # fmt: skip
    schedule = Schedule(n_steps=n_epochs * -(-len(X) // 20), **{**settings, **changes})
    rng = np.random.default_rng(seed)
    return Training(networks, chains, schedule, rng, binarize="dynamic")


@pytest.fixture(scope="module")
def stripes():
    """600 images of 4 x 4 pixels, of 28 kinds."""
    return make_bars_and_stripes(600, random_state=0).data.astype(np.float32)


def exact_bound(training, X):
    """Mean over rows of the bound, all states enumerated."""
    networks = training.networks.eval()
    numbers = torch.arange(2**networks.posterior.n_latent)[:, None]
    states = ((numbers >> torch.arange(networks.posterior.n_latent)) & 1).float()
    with torch.no_grad():
        energies = networks.prior(states)
        log_partition = torch.logsumexp(-energies, 0)
        bounds = []
        for row in torch.from_numpy(np.unique(X, axis=0)):
            log_q = networks.posterior.log_probability(row[None], states)
            inside = networks.log_likelihood(states, row[None]) - energies - log_q
            bounds.append((log_q.exp() * inside).sum() - log_partition)
    return float(torch.stack(bounds).mean())


# --- chains -------------------------------------------------------------------------------------


def test_chains_draw_the_prior(ising):
    graph = make_latent_graph("full", 5)
    rng = np.random.default_rng(0)
    biases, weights = rng.normal(size=5) * 0.5, rng.normal(size=10) * 0.4
    chains = NegativePhase(GibbsSampler(), graph, 2000, 50)
    J = np.zeros((5, 5))
    J[tuple(graph.edges.T)] = weights
    law = ising.enumerate(biases, J + J.T, 1.0)
    for seed in range(2):
        bits = chains.draw(biases, weights, *NO_CLASSES, seed)
        assert set(np.unique(bits)) == {0.0, 1.0}
        assert ising.p_value((2 * bits - 1).astype(np.int8), law) > 1e-3


def test_chains_go_on_from_where_they_were():
    graph = make_latent_graph("rbm", 6)
    sampler = Recorder()
    chains = NegativePhase(sampler, graph, 3, 2)
    first = chains.draw(np.zeros(6), np.zeros(9), *NO_CLASSES, 0)
    chains.draw(np.zeros(6), np.zeros(9), *NO_CLASSES, 1)
    before, after = sampler.seen_
    assert "initial_states" not in before
    assert np.array_equal(after["initial_states"][0] > 0, first > 0)
    assert before["num_sweeps"] == 100 and after["num_sweeps"] == 2
    assert after["num_reads"] == 3


def test_classes_are_drawn_with_the_bits(ising):
    """Marginal of the bits: that of the energy with classes summed out."""
    graph = make_latent_graph("rbm", 4)
    rng = np.random.default_rng(1)
    networks = architecture_for(3, graph, n_classes=3).build(0)
    parameters = list(networks.prior.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.from_numpy(0.6 * rng.normal(size=parameter.shape)))
    arrays = [parameter.detach().numpy() for parameter in parameters]
    chains = NegativePhase(GibbsSampler(), graph, 20_000, 1, n_classes=3)
    bits = chains.draw(*arrays, 0)
    states = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.float32)
    with torch.no_grad():
        expected = 20_000 * torch.softmax(-networks.prior(torch.from_numpy(states)), 0).numpy()
    counts = np.bincount((bits @ (1 << np.arange(4))).astype(int), minlength=16)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 1).all()


# --- temperature --------------------------------------------------------------------------------


@pytest.mark.parametrize("beta_eff", ["auto", "moment-matching"])
def test_the_temperature_of_a_device_is_found(beta_eff):
    """From β_eff 1 where the truth is 3: within 3 % in 60 steps (the notes: 200)."""
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[2, 2, 4], device_beta=3.0, num_sweeps=20
    )
    graph = make_latent_graph("chimera", 32)
    sampler = EmbeddedSampler(device, embedding={i: (int(q),) for i, q in enumerate(graph.nodes)})
    phase = NegativePhase(sampler, graph, 200, 4, beta_eff=beta_eff)
    rng = np.random.default_rng(0)
    biases, weights = 0.5 * rng.normal(size=32), 0.5 * rng.normal(size=graph.n_edges)
    for seed in range(60):
        phase.draw(biases, weights, *NO_CLASSES, seed)
    assert abs(phase.draws.beta_eff - 3.0) < 0.09


def test_moment_matching_is_newtons_step():
    """One estimate from exact draws at a temperature that was not believed in."""
    graph = make_latent_graph("full", 6)
    rng = np.random.default_rng(2)
    phase = NegativePhase(GibbsSampler(), graph, 1, 1)
    family = phase._layout.fill(0.3 * rng.normal(size=6), 0.3 * rng.normal(size=15))
    states, _, _ = ExactSampler().sample_arrays(
        family.fields, family.couplings, beta=1.1, num_reads=50_000, seed=0
    )
    estimate, error = MomentMatching(50_000, 50)(family, states, 2.0, None)
    assert abs(estimate - 2.2) < 4 * error + 0.02  # Newton's step ends beside the root
    assert 0 < error < 0.1


def test_a_model_without_energies_tells_no_temperature():
    graph = make_latent_graph("bernoulli", 3)
    phase = NegativePhase(GibbsSampler(), graph, 1, 1)
    family = phase._layout.fill(np.zeros(3), np.empty(0))
    states = np.ones((1, 10, 3), np.int8)
    assert np.isnan(MomentMatching(10, 1)(family, states, 1.0, None)).all()


# --- schedules ----------------------------------------------------------------------------------


def test_schedules():
    schedule = Schedule(101, 1.0, 1.0, tau=(1.0, 0.25), kl_warmup=0.5)
    assert schedule.rate_factor(0) == 1.0
    assert schedule.rate_factor(100) == pytest.approx(0.1)
    assert schedule.tau_at(0) == 1.0
    assert schedule.tau_at(50) == pytest.approx(0.5)
    assert schedule.tau_at(100) == pytest.approx(0.25)
    weights = [schedule.kl_weight(step) for step in range(101)]
    assert 0 < weights[0] < 0.05 and weights[51] == weights[-1] == 1.0
    assert (np.diff(weights) >= 0).all()


def test_one_temperature_stays():
    schedule = Schedule(10, 1.0, 1.0, tau=0.3, kl_warmup=0.0)
    assert [schedule.tau_at(step) for step in (0, 9)] == [0.3, 0.3]
    assert schedule.kl_weight(0) == 1.0


@pytest.mark.parametrize(
    ("n_rows", "sizes"), [(40, [20, 20]), (41, [20, 21]), (42, [20, 20, 2]), (1, [1]), (21, [21])]
)
def test_a_last_row_alone_joins_the_batch_before(n_rows, sizes):
    assert [len(rows) for rows in batches(np.arange(n_rows), 20)] == sizes


# --- training -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_training_raises_the_exact_bound(stripes):
    training = make_training(stripes, "rbm", n_epochs=30)
    before = exact_bound(training, stripes)
    for _ in range(30):
        training.run_epoch(stripes, 20)
    after = exact_bound(training, stripes)
    assert before < -10.5  # 16 pixels
    assert after > before + 4
    assert after < -np.log(28)  # as many patterns, all equally likely


def test_trainings_repeat_and_leave_pytorchs_generator_alone(stripes):
    state = torch.random.get_rng_state()
    first, again, other = (make_training(stripes, seed=seed) for seed in (0, 0, 1))
    losses = [training.run_epoch(stripes, 20) for training in (first, again, other)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert losses[0] == losses[1] != losses[2]
    for one, two in zip(first.networks.parameters(), again.networks.parameters(), strict=True):
        assert torch.equal(one, two)
    assert np.array_equal(first.negative_phase.states, again.negative_phase.states)


def test_grey_values_are_drawn_anew(stripes):
    """As bits whose means they are, in every epoch."""
    training = make_training(stripes)
    seen = []

    def take_step(x, labels, n_rows):
        seen.append(x.numpy())
        return {"reconstruction": 0.0, "divergence": 0.0, "clipped_fraction": 0.0}

    training.take_step = take_step
    grey = np.full((4000, 16), 0.3, np.float32)
    for _ in range(2):
        training.run_epoch(grey, 4000)
    assert set(np.unique(seen[0])) == {0.0, 1.0}
    assert abs(seen[0].mean() - 0.3) < 5 * np.sqrt(0.21 / 64_000)
    assert not np.array_equal(seen[0], seen[1])
    for binarize, value in ((None, np.float32(0.3)), ("threshold", 0.0)):
        training.binarize = binarize
        training.run_epoch(grey, 4000)
        assert (seen[-1] == value).all()


def test_several_draws_a_row(stripes):
    """K = D = 1, and more: as many uniforms as draws, and the same mean of a step's terms."""
    training = make_training(stripes, importance=((1, 2), (3, 1)), n_epochs=2)
    assert training.schedule.importance_at(0) == (1, 2)
    assert training.schedule.importance_at(59) == (3, 1)
    for _ in range(2):
        means = training.run_epoch(stripes, 20)
    assert np.isfinite(list(means.values())).all()
    assert training.step == 60


def test_no_sampler_is_asked_to_draw_a_prior_that_is_not_finite(stripes):
    training = make_training(stripes)
    with torch.no_grad():
        training.networks.prior.biases[0] = np.nan
    with pytest.raises(Diverged):
        training.run_epoch(stripes, 20)


def test_the_prior_stays_in_the_devices_range(stripes):
    training = make_training(stripes, prior_learning_rate=1.0)
    training.limits = lambda beta_eff: ((-0.2 * beta_eff, 0.2), (-0.1, 0.05))
    means = training.run_epoch(stripes, 20)
    prior = training.networks.prior
    assert means["clipped_fraction"] > 0.1
    assert prior.biases.min() >= -0.2 and prior.biases.max() <= 0.2
    assert prior.weights.min() >= -0.1 and prior.weights.max() <= 0.05
