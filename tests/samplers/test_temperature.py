"""Effective temperatures by pseudo-likelihood: right, with an honest error, and honest limits.

Seeds are fixed. The intervals are k = 4 standard errors where not said otherwise; should a test
fail after a change of the streams, take another seed, and should it fail again, believe it.
"""

import numpy as np
import pytest
from dwave.samplers import SteepestDescentSampler

from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    SimulatedAnnealingSampler,
)
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._temperature import estimate_beta

K = 4


def make_models(h, J, one_hot=None):
    h = np.atleast_2d(h)
    return SpinModels(h, check_couplings(J, h.shape[1], "test"), one_hot)


def star():
    """The sampled MLP's graph: one output, 548 hidden units."""
    rng = np.random.default_rng(0)
    J = np.zeros((549, 549))
    J[0, 1:] = rng.normal(size=548) * 0.05
    return rng.normal(size=549) * 0.5, J + J.T


@pytest.mark.parametrize(
    "sampler", [GibbsSampler(), SimulatedAnnealingSampler(), NealSampler(), ExactSampler()],
    ids=lambda sampler: type(sampler).__name__,
)  # fmt: skip
def test_beta_of_draws_at_one_on_the_star_of_549_spins(sampler):
    h, J = star()
    states, _, _ = sampler.sample_arrays(h, J, beta=1.0, num_reads=1000, seed=1)
    beta, stderr = estimate_beta(make_models(h, J), states)
    assert abs(beta - 1.0) < 0.02
    assert 0.0005 < stderr < 0.005
    assert abs(beta - 1.0) < K * stderr


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_other_temperatures_and_scales(beta, scale, ising):
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=(4, 8)) * scale, ising.symmetric(8, rng) * 0.4 * scale
    states, _, _ = ExactSampler(seed=2).sample_arrays(h, J, beta=beta / scale, num_reads=2000)
    estimate, stderr = estimate_beta(make_models(h, J), states)
    assert abs(estimate * scale - beta) < K * stderr * scale
    assert stderr * scale < 0.1 * beta


def test_the_standard_error_is_the_spread_of_estimates(ising):
    """60 repeats: z has mean 0 and variance 1.

    The variance of 60 normal z-scores has the standard deviation sqrt(2 / 59) = 0.18; their mean
    sqrt(1 / 60) = 0.13. Intervals of 4 of these.
    """
    rng = np.random.default_rng(5)
    h, J = rng.normal(size=7) * 0.5, ising.symmetric(7, rng) * 0.4
    models = make_models(h, J)
    z = []
    for seed in range(60):
        states, _, _ = ExactSampler(seed=seed).sample_arrays(h, J, beta=1.0, num_reads=500)
        beta, stderr = estimate_beta(models, states)
        z.append((beta - 1.0) / stderr)
    assert abs(np.mean(z)) < 4 * 0.13
    assert abs(np.var(z, ddof=1) - 1.0) < 4 * 0.18


def test_the_spins_of_a_one_hot_unit_do_not_count(ising):
    rng = np.random.default_rng(6)
    h, J = rng.normal(size=9) * 0.5, np.zeros((9, 9))
    J[:3, 3:] = rng.normal(size=(3, 6))
    J += J.T
    states, _, _ = ExactSampler(seed=2).sample_arrays(
        h, J, beta=1.0, num_reads=4000, one_hot=(0, 3)
    )
    beta, stderr = estimate_beta(make_models(h, J, (0, 3)), states)
    assert abs(beta - 1.0) < K * stderr < 0.3


def test_an_optimisers_draws_are_infinitely_cold(ising):
    rng = np.random.default_rng(7)
    h, J = rng.normal(size=8), ising.symmetric(8, rng)
    _, _, info = DimodSampler(SteepestDescentSampler()).sample_arrays(
        h, J, beta=1.0, num_reads=100, seed=1
    )
    assert info["beta_eff"] == np.inf
    assert np.isnan(info["beta_eff_stderr"])


def test_a_model_without_bias_does_not_tell():
    states = np.ones((1, 10, 3), np.int8)
    beta, stderr = estimate_beta(make_models(np.zeros(3), np.zeros((3, 3))), states)
    assert np.isnan(beta) and np.isnan(stderr)


def test_draws_at_infinite_temperature_give_nearly_nothing(ising):
    rng = np.random.default_rng(8)
    h, J = rng.normal(size=8), ising.symmetric(8, rng)
    states = rng.choice(np.array([-1, 1], np.int8), size=(1, 2000, 8))
    beta, stderr = estimate_beta(make_models(h, J), states)
    assert 0 <= beta < K * stderr < 0.1
