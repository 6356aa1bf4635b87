"""Batch normalisation after dropout: statistics of whole units and whole bits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.neural_network._boltzmann_prior_vae import _fitting
from qsklearn.neural_network._boltzmann_prior_vae._architecture import VAEArchitecture
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.neural_network._boltzmann_prior_vae._normalisation import settle_normalisations
from qsklearn.neural_network._boltzmann_prior_vae._posterior import draw_uniforms
from qsklearn.neural_network._boltzmann_prior_vae._training import as_bits, batches

N_LATENT, N_FEATURES = 8, 64


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data[:300] / 16).astype(np.float32)


def make_networks(dropout):
    graph = make_latent_graph("rbm", N_LATENT)
    architecture = VAEArchitecture(N_FEATURES, graph, (16,), "mlp", None, True, "bernoulli", 0)
    networks = architecture.build(0)
    networks.decoder = nn.Sequential(
        nn.Linear(N_LATENT, 16),
        nn.Dropout(dropout),
        nn.Linear(16, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Linear(16, N_FEATURES),
    )
    return networks


def test_statistics_are_those_of_whole_units_and_bits(digits):
    networks = make_networks(0.5)
    settle_normalisations(networks, digits, "dynamic", 100, 3)
    assert not any(part.training for part in networks.modules())
    # The same draws again, now that the posterior's own statistics have settled.
    rng = np.random.default_rng(3)
    means, variances = [], []
    with torch.no_grad():
        for rows in batches(rng.permutation(len(digits)), 100):
            x = torch.from_numpy(as_bits(digits[rows], "dynamic", rng))
            uniforms = draw_uniforms(rng, len(rows), N_LATENT)
            for part in networks.posterior.modules():  # by the batch, as when they were taken
                if isinstance(part, nn.BatchNorm1d):
                    part.train()
                    part.momentum = 0.0
            bits = networks.draw(x, uniforms, 0.0).hard
            assert set(bits.unique().tolist()) <= {0.0, 1.0}
            values = networks.decoder[:3](bits)
            means.append(values.mean(0))
            variances.append(values.var(0))
    norm = networks.decoder[3]
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(0))


def test_training_goes_on_as_before(digits):
    networks = make_networks(0.5)
    momenta = [p.momentum for p in networks.modules() if isinstance(p, nn.BatchNorm1d)]
    before = torch.random.get_rng_state()
    settle_normalisations(networks, digits, "dynamic", 100, 3)
    after = [p.momentum for p in networks.modules() if isinstance(p, nn.BatchNorm1d)]
    assert after == momenta and len(momenta) > 1
    assert torch.equal(before, torch.random.get_rng_state())
    once = networks.to_arrays()
    settle_normalisations(networks, digits, "dynamic", 100, 3)
    for name, array in networks.to_arrays().items():
        np.testing.assert_array_equal(array, once[name])


@pytest.mark.parametrize("kind", ["no dropout", "no normalisation"])
def test_nothing_changes_where_there_is_nothing_to_gain(digits, kind):
    networks = make_networks(0.0)
    if kind == "no normalisation":
        networks = make_networks(0.5)
        networks.decoder[3] = nn.Identity()
        networks.posterior = nn.Identity()
    before = networks.to_arrays()
    settle_normalisations(networks, digits, "dynamic", 100, 3)
    for name, array in networks.to_arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_convolutional_model_gains_by_it(digits, monkeypatch):
    vae = QuantumBoltzmannPriorVAE(
        16, topology="rbm", architecture="gated_conv", image_shape=(1, 8, 8), max_iter=8,
        hidden_layer_sizes=(32,), batch_size=50, random_state=0,
    )  # fmt: skip
    settled = vae.fit(digits).elbo(digits)["elbo"]
    monkeypatch.setattr(_fitting, "settle_normalisations", lambda *_: None)
    gains = settled - vae.fit(digits).elbo(digits)["elbo"]  # the same images and draws
    assert gains.mean() > 4 * gains.std(ddof=1) / np.sqrt(len(gains))
