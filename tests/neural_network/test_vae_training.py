"""Training a discrete VAE: chains, schedules, steps, and a small training watched exactly."""

import numpy as np
import pytest
import torch

from qsklearn.datasets import make_bars_and_stripes
from qsklearn.neural_network._latent_graph import make_latent_graph
from qsklearn.neural_network._vae_chains import PersistentChains
from qsklearn.neural_network._vae_networks import bernoulli_log_likelihood, make_networks
from qsklearn.neural_network._vae_objective import PriorEnergy
from qsklearn.neural_network._vae_training import Schedule, Training, _batches
from qsklearn.samplers import GibbsSampler


class Recorder(GibbsSampler):
    """Remembers what chains were handed in."""

    def sample_arrays(self, h, J, **arguments):
        self.seen_ = [*getattr(self, "seen_", []), arguments]
        return super().sample_arrays(h, J, **arguments)


def make_training(X, topology="rbm", n_latent=8, n_epochs=1, seed=0, **changes):
    graph = make_latent_graph(topology, n_latent)
    posterior, decoder = make_networks(
        X.shape[1], (32, 32), graph.groups, hierarchical=True, seed=seed
    )
    prior = PriorEnergy(n_latent, graph.edges)
    chains = PersistentChains(GibbsSampler(), graph, 128, {"num_sweeps": 4})
    settings = {"learning_rate": 3e-3, "prior_learning_rate": 1e-2, "tau": 0.5, "kl_warmup": 0.3}
    schedule = Schedule(n_steps=n_epochs * -(-len(X) // 20), **{**settings, **changes})
    return Training(posterior, decoder, prior, chains, schedule, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def stripes():
    """600 images of 4 x 4 pixels, of 28 kinds."""
    return make_bars_and_stripes(600, random_state=0).data.astype(np.float32)


def exact_bound(training, X):
    """Mean over rows of the bound, all states enumerated."""
    numbers = torch.arange(2**training.posterior.n_latent)[:, None]
    states = ((numbers >> torch.arange(training.posterior.n_latent)) & 1).float()
    training.posterior.eval()
    training.decoder.eval()
    with torch.no_grad():
        energies = training.prior(states)
        log_partition = torch.logsumexp(-energies, 0)
        logits = training.decoder(states)
        bounds = []
        for row in torch.from_numpy(np.unique(X, axis=0)):
            rows = row.expand(len(states), -1)
            log_q = training.posterior.log_probability(rows, states)
            inside = bernoulli_log_likelihood(logits, rows) - energies - log_q
            bounds.append((log_q.exp() * inside).sum() - log_partition)
    return float(torch.stack(bounds).mean())


# --- chains -------------------------------------------------------------------------------------


def test_chains_draw_the_prior(ising):
    graph = make_latent_graph("full", 5)
    rng = np.random.default_rng(0)
    biases, weights = rng.normal(size=5) * 0.5, rng.normal(size=10) * 0.4
    chains = PersistentChains(GibbsSampler(), graph, 2000, {"num_sweeps": 50})
    J = chains.couplings(weights).toarray()
    law = ising.enumerate(biases, J, 1.0)
    for seed in range(2):
        states = chains.draw(biases, weights, seed)
        assert ising.p_value(states, law) > 1e-3


@pytest.mark.parametrize("topology", ["chimera", "rbm", "bernoulli"])
def test_couplings_are_those_of_the_edges(topology):
    graph = make_latent_graph(topology, 12)
    weights = np.arange(1.0, graph.n_edges + 1)
    J = PersistentChains(GibbsSampler(), graph, 1).couplings(weights).toarray()
    expected = np.zeros((12, 12))
    for (a, b), weight in zip(graph.edges, weights, strict=True):
        expected[a, b] = expected[b, a] = weight
    assert np.array_equal(J, expected)


def test_chains_go_on_from_where_they_were():
    graph = make_latent_graph("rbm", 6)
    sampler = Recorder()
    chains = PersistentChains(sampler, graph, 3, {"num_sweeps": 2})
    first = chains.draw(np.zeros(6), np.zeros(9), 0)
    chains.draw(np.zeros(6), np.zeros(9), 1)
    before, after = sampler.seen_
    assert before["initial_states"] is None
    assert np.array_equal(after["initial_states"], first[np.newaxis])
    assert after["num_sweeps"] == 2 and after["num_reads"] == 3


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
    assert [len(rows) for rows in _batches(np.arange(n_rows), 20)] == sizes


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
    for one, two in zip(first.decoder.parameters(), again.decoder.parameters(), strict=True):
        assert torch.equal(one, two)
    assert np.array_equal(first.chains.states, again.chains.states)


def test_grey_values_are_drawn_anew(stripes):
    """As bits whose means they are, in every epoch."""
    training = make_training(stripes)
    seen = []
    training.take_step = lambda x: seen.append(x.numpy()) or 0.0
    grey = np.full((4000, 16), 0.3, np.float32)
    for _ in range(2):
        training.run_epoch(grey, 4000)
    assert set(np.unique(seen[0])) == {0.0, 1.0}
    assert abs(seen[0].mean() - 0.3) < 5 * np.sqrt(0.21 / 64_000)
    assert not np.array_equal(seen[0], seen[1])
    training.run_epoch(grey, 4000, binarize=False)
    assert (seen[2] == np.float32(0.3)).all()
