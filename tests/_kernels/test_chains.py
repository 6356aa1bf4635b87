"""What both chain kernels owe: laws left invariant, flip statistics, far tails, exact energies.

The intervals are k = 4 standard deviations, so that a test fails once in 16 000 choices of its
seed. Should one fail after a change of the streams, take another seed; should it fail again, the
kernel is wrong.
"""

import numpy as np
import pytest

from qsklearn._kernels import _dense_annealing, _sparse_annealing

K = 4
SIGNIFICANCE = 6e-5  # of a chi-square: 4 standard deviations, two-sided
RULES = ("metropolis", "heat_bath")


def cube():
    """The ferromagnet on the corners of a cube, in a weak field; it orders near beta = 0.5."""
    corner = np.arange(8)
    distance = [[bin(a ^ b).count("1") for b in corner] for a in corner]
    return np.full(8, 0.05), -1.0 * (np.array(distance) == 1)


def glass(ising):
    rng = np.random.default_rng(3)
    return rng.normal(size=8) * 0.3, ising.symmetric(8, rng)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.5])
@pytest.mark.parametrize("model", ["cube", "glass"])
@pytest.mark.parametrize("rule", RULES)
def test_exact_starts_stay_exactly_distributed(run_chain, rule, model, beta, ising):
    """10^7 spin draws: 600 000 reads, 8 spins, 2 sweeps, hot, critical and cold."""
    h, J = cube() if model == "cube" else glass(ising)
    law = ising.enumerate(h, J, beta)
    rng = np.random.default_rng(1)
    starts = law.states[rng.choice(len(law.states), size=600_000, p=law.probabilities)]
    states, energies = run_chain(rule, h, J, [beta] * 2, starts, seed=12)
    assert ising.p_value(states, law) > SIGNIFICANCE
    mean = law.probabilities @ law.energies
    deviation = np.sqrt(law.probabilities @ (law.energies - mean) ** 2 / len(energies))
    assert abs(energies.mean() - mean) < K * deviation
    assert (states != starts).any()


@pytest.mark.parametrize("rule", RULES)
def test_energies_are_those_of_the_states(run_chain, rule, ising):
    h, J = glass(ising)
    starts = ising.all_states(8)
    states, energies = run_chain(rule, h, J, [0.3] * 70, starts, seed=2)
    np.testing.assert_allclose(energies, ising.energies(h, J, states), atol=1e-12)


def test_metropolis_flips_every_spin_of_a_flat_landscape(run_chain):
    starts = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(300_000, 16))
    states, _ = run_chain("metropolis", np.zeros(16), np.zeros((16, 16)), [1.0], starts, seed=3)
    np.testing.assert_array_equal(states, -starts)


def test_heat_bath_flips_half_the_spins_of_a_flat_landscape(run_chain):
    starts = np.ones((600_000, 16), np.int8)
    states, _ = run_chain("heat_bath", np.zeros(16), np.zeros((16, 16)), [1.0], starts, seed=4)
    n_draws = states.size
    assert abs((states == -1).sum() - n_draws / 2) < K * np.sqrt(n_draws) / 2
    # Neither spins of a read nor reads are correlated.
    means = states.mean(axis=0)
    assert (np.abs(means) < (K + 1) / np.sqrt(len(states))).all()
    pairs = (states[:-1].astype(float) * states[1:]).mean()
    assert abs(pairs) < K / np.sqrt(n_draws)


@pytest.mark.parametrize("field", [1.0, -1.0])
@pytest.mark.parametrize("probability", [0.3, 1e-2, 1e-4, 1e-5, 1e-6])
def test_metropolis_far_tail(run_chain, probability, field):
    """A spin against its field: the acceptance is exp(-beta dE) however small, dE = 2."""
    beta = -np.log(probability) / 2
    n_reads = 1_000_000 if probability < 1e-3 else 20_000
    starts = np.full((n_reads, 32), -np.sign(field), np.int8)
    h, J = np.full(32, field), np.zeros((32, 32))
    states, _ = run_chain("metropolis", h, J, [beta], starts, seed=5)
    check_count((states != starts).sum(), starts.size, probability)
    down, _ = run_chain("metropolis", h, J, [beta], -starts[:1000], seed=6)
    np.testing.assert_array_equal(down, starts[:1000])  # with its field: always


@pytest.mark.parametrize("field", [1.0, -1.0])
@pytest.mark.parametrize("probability", [0.3, 1e-2, 1e-4, 1e-5, 1e-6])
def test_heat_bath_far_tail(run_chain, probability, field):
    """Excited states of either sign have probability 1 / (1 + exp(2 beta)), from any start."""
    beta = np.log(1 / probability - 1) / 2
    n_reads = 1_000_000 if probability < 1e-3 else 20_000
    starts = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(n_reads, 32))
    h, J = np.full(32, field), np.zeros((32, 32))
    states, _ = run_chain("heat_bath", h, J, [beta], starts, seed=7)
    check_count((states == np.sign(field)).sum(), starts.size, probability)


def check_count(count, n_draws, probability):
    expected = n_draws * probability
    assert abs(count - expected) < K * np.sqrt(expected * (1 - probability))


@pytest.mark.parametrize("rule", RULES)
def test_a_frozen_chain_never_climbs(run_chain, rule):
    """At beta dE = 200 nothing flips against its field; the clipped exp must not let it."""
    h, J = np.array([1.0, -1.0, 3.0]), np.zeros((3, 3))
    starts = np.tile(np.array([-1, 1, -1], np.int8), (50_000, 1))
    states, _ = run_chain(rule, h, J, [100.0] * 20, starts, seed=8)
    np.testing.assert_array_equal(states, starts)


@pytest.mark.parametrize("rule", RULES)
def test_reads_do_not_depend_on_their_number(run_chain, rule, ising):
    h, J = glass(ising)
    starts = np.ones((150, 8), np.int8)
    all_states, _ = run_chain(rule, h, J, [0.3] * 5, starts, seed=9)
    for num_reads in (1, 15, 16, 17, 63, 64, 65, 130):
        states, _ = run_chain(rule, h, J, [0.3] * 5, starts[:num_reads], seed=9)
        np.testing.assert_array_equal(states, all_states[:num_reads])


def test_a_long_dense_chain_keeps_the_law(ising):
    """500 sweeps of cached float32 fields, refreshed on the way: drift would bend the law."""
    rng = np.random.default_rng(4)
    h, J = rng.normal(size=10), ising.symmetric(10, rng) * 0.3
    law = ising.enumerate(h, J, 0.7)
    starts = law.states[rng.choice(len(law.states), size=20_000, p=law.probabilities)]
    states, energies = (np.empty((1, 20_000, 10), np.int8), np.empty((1, 20_000)))
    _dense_annealing.heat_bath(
        J.astype(np.float32), J, h[np.newaxis].astype(np.float32), h[np.newaxis],
        np.full((1, 500), 0.7, np.float32), np.array([[1, 2]], np.uint64), starts[np.newaxis],
        np.arange(10), states, energies, 0, 1250,
    )  # fmt: skip
    assert ising.p_value(states[0], law) > SIGNIFICANCE


def test_polynomial_exp():
    """5e-6 relative within the clip, exactly 1 at 0 (else flat landscapes would reject)."""
    points = np.linspace(-87.0, 87.0, 20_001, dtype=np.float32)
    values = np.array([_sparse_annealing._exp(x) for x in points], dtype=float)
    np.testing.assert_allclose(values, np.exp(points.astype(float)), rtol=5e-6)
    assert _sparse_annealing._exp(np.float32(0.0)) == 1.0
    assert _sparse_annealing._exp(np.float32(-1e30)) < 2e-38
    assert np.isfinite(_sparse_annealing._exp(np.float32(1e30)))
