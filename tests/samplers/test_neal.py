"""NealSampler: dwave-samplers' annealer, in a canonical order and driven to the law."""

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler

from qsklearn.samplers import NealSampler, check_sampler


def test_it_is_dwaves_annealer():
    """A model that is in canonical order gives dwave-samplers' own draws."""
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=5), np.triu(rng.normal(size=(5, 5)), 1)
    seeds = []
    annealer = SimulatedAnnealingSampler

    class Spy(annealer):
        def sample(self, bqm, **parameters):
            seeds.append((bqm.copy(), parameters))
            return super().sample(bqm, **parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dwave.samplers.SimulatedAnnealingSampler", Spy)
        states, _, _ = NealSampler(num_reads=6, num_sweeps=9, seed=3).sample_arrays(h, J + J.T)
    ((bqm, parameters),) = seeds
    assert (parameters["num_reads"], parameters["num_sweeps"]) == (6, 9)
    own = annealer().sample(bqm, **parameters)
    np.testing.assert_array_equal(own.record.sample[:, np.argsort(own.variables)], states[0])


def test_a_model_without_bias_does_not_warn():
    states, _, _ = NealSampler(num_reads=500, seed=1).sample_arrays(
        np.array([[0.0, 0.0], [1.0, 0.0]]), np.zeros((2, 2))
    )
    assert abs(states[0].mean()) < 5 / np.sqrt(1000)
    assert states[1, :, 0].mean() < -0.9


def test_the_annealer_itself_becomes_neal():
    assert isinstance(check_sampler(SimulatedAnnealingSampler()), NealSampler)


def test_beta_range_is_passed_on():
    pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})
    hot = NealSampler(num_reads=200, num_sweeps=10, beta_range=(1e-6, 2e-6), seed=1).sample(pair)
    # Metropolis at infinite temperature: half of the draws are excited, 5 standard deviations.
    assert abs(hot.record.energy.mean()) < 5 / np.sqrt(200)
