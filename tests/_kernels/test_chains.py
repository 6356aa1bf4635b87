"""What both chain kernels owe: laws left invariant, flip statistics, far tails, exact energies.

The intervals are k = 4 standard deviations, so that a test fails once in 16 000 choices of its
seed. Should one fail after a change of the streams, take another seed; should it fail again, the
kernel is wrong.
"""

import numpy as np
import pytest
from numba import njit

from qsklearn._kernels import _dense_annealing, _streams
from qsklearn._kernels._vectors import LANES, load, store

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


def test_a_long_dense_chain_keeps_the_law(run_dense, ising):
    """500 sweeps of cached float32 fields, refreshed on the way: drift would bend the law."""
    rng = np.random.default_rng(4)
    h, J = rng.normal(size=10), ising.symmetric(10, rng) * 0.3
    law = ising.enumerate(h, J, 0.7)
    starts = law.states[rng.choice(len(law.states), size=20_000, p=law.probabilities)]
    states, _ = run_dense("heat_bath", h, J, np.full(500, 0.7), starts, seed=1)
    assert ising.p_value(states, law) > SIGNIFICANCE


def test_cached_fields_drift_less_than_a_ten_thousandth(ising):
    """Between two refreshes, 64 sweeps of many flips, against float64 from nothing."""
    rng = np.random.default_rng(11)
    n_spins, stride = 320, 320
    J = ising.symmetric(n_spins, rng)
    padded = np.zeros((n_spins + 1, stride), np.float32)
    padded[:n_spins] = J
    base = -J.sum(axis=1, dtype=np.float64)[np.newaxis].astype(np.float32)
    spins = rng.integers(0, 2**63, 5, dtype=np.uint64)
    free, generator = (
        np.full(5, 2**64 - 1, np.uint64),
        rng.integers(0, 2**32, 256).astype(np.uint32),
    )
    local, thresholds = np.empty(stride, np.float32), np.empty(LANES, np.float32)
    rows, ups = np.empty(LANES, np.int64), np.empty(LANES, np.uint64)
    _dense_annealing._refresh(0, 1, base, padded, stride, spins, local, rows, ups)
    n_flipped = 0
    for _ in range(_dense_annealing._REFRESH):
        for chunk in range(5):
            flipped = _dense_annealing._update_chunk(
                chunk, 0, padded, stride, np.float32(0.05), True, generator, spins, free, local,
                rows, ups, thresholds,
            )  # fmt: skip
            _dense_annealing._add_rows(rows, ups, flipped, padded, stride, chunk * LANES, local, 0)
            n_flipped += flipped
    assert n_flipped > 0.3 * _dense_annealing._REFRESH * n_spins
    bits = (spins[:, np.newaxis] >> np.arange(LANES, dtype=np.uint64)) & np.uint64(1)
    exact = J @ (2.0 * bits.ravel() - 1.0)
    assert np.abs(local - exact).max() < 1e-4 * np.sqrt((J**2).sum(axis=1)).min()


@pytest.mark.parametrize("rule", RULES)
def test_dense_blocks_do_not_change_the_draws(run_dense, rule, ising):
    rng = np.random.default_rng(6)
    h, J = rng.normal(size=150), ising.symmetric(150, rng)
    starts = rng.choice(np.array([-1, 1], np.int8), size=(21, 150))
    expected, _ = run_dense(rule, h, J, [0.1] * 70, starts, seed=3, reads_per_block=1)
    for reads_per_block in (2, 16, 21, 40):
        states, _ = run_dense(rule, h, J, [0.1] * 70, starts, 3, reads_per_block=reads_per_block)
        np.testing.assert_array_equal(states, expected)


def sequential_sweeps(h, J, betas, thresholds, state):
    """Spin by spin, in plain numpy and float64; ``thresholds`` (num_sweeps, n_spins)."""
    state = state.astype(float)
    for beta, row in zip(betas, thresholds, strict=True):
        for i, threshold in enumerate(row):
            if 2 * beta * state[i] * (h[i] + J[i] @ state) >= threshold:
                state[i] = -state[i]
    return state


@pytest.mark.parametrize("n_spins", [1, 63, 64, 65, 130])
def test_dense_sweeps_are_sequential(run_dense, n_spins, ising):
    """At beta = 0+ all flip, at beta large each goes downhill: both known without randomness."""
    rng = np.random.default_rng(7)
    h, J = rng.normal(size=n_spins), ising.symmetric(n_spins, rng)
    starts = rng.choice(np.array([-1, 1], np.int8), size=(5, n_spins))
    flipped, _ = run_dense("metropolis", h, J, [0.0], starts, seed=1)
    np.testing.assert_array_equal(flipped, -starts)
    downhill, energies = run_dense("metropolis", h, J, [1e6], starts, seed=1)
    expected = [sequential_sweeps(h, J, [1e6], np.zeros((1, n_spins)), start) for start in starts]
    np.testing.assert_array_equal(downhill, expected)
    np.testing.assert_allclose(energies, ising.energies(h, J, downhill), atol=1e-10)


def integer_glass(rng, n_spins=40, largest=3):
    upper = np.triu(rng.integers(-largest, largest + 1, size=(n_spins, n_spins)), 1)
    upper *= rng.random((n_spins, n_spins)) < 0.2
    return rng.integers(-2, 3, size=n_spins).astype(float), (upper + upper.T).astype(float)


@pytest.mark.parametrize("beta", [0.0, 1e-9, 0.05, 0.3, 1.0, 4.0, 1e9])
@pytest.mark.parametrize("rule", RULES)
def test_integers_decide_as_floats_do(run_integers, run_floats, rule, beta):
    """Rounding a random threshold down to an integer does not change a comparison of integers."""
    rng = np.random.default_rng(8)
    h, J = integer_glass(rng)
    starts = rng.choice(np.array([-1, 1], np.int8), size=(200, len(h)))
    integers, energies = run_integers(rule, h, J, [beta] * 20, starts, seed=5)
    floats, other_energies = run_floats(rule, h, J, [beta] * 20, starts, seed=5)
    np.testing.assert_array_equal(integers, floats)
    np.testing.assert_array_equal(energies, other_energies)


@pytest.mark.parametrize("num_reads", [1, 31, 32, 33, 64, 150])
@pytest.mark.parametrize("rule", RULES)
def test_narrow_blocks_do_not_change_the_draws(run_integers, run_floats, rule, num_reads):
    h, J = integer_glass(np.random.default_rng(8))
    starts = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(num_reads, len(h)))
    for run in (run_integers, run_floats):
        wide, energies = run(rule, h, J, [0.2] * 20, starts, seed=5)
        narrow, other_energies = run(rule, h, J, [0.2] * 20, starts, seed=5, words=np.uint32)
        np.testing.assert_array_equal(wide, narrow)
        np.testing.assert_array_equal(energies, other_energies)


@pytest.mark.parametrize("beta", [0.0, 0.01, 0.1, 1.0, 1e9])
@pytest.mark.parametrize("rule", RULES)
def test_dense_integers_decide_as_floats_do(run_dense, rule, beta):
    """All 130 sweeps, so that the floats' refreshes are part of it; couplings up to 31."""
    rng = np.random.default_rng(10)
    upper = np.triu(rng.integers(-31, 32, size=(150, 150)), 1).astype(float)
    h, J = rng.integers(-50, 51, size=150).astype(float), upper + upper.T
    starts = rng.choice(np.array([-1, 1], np.int8), size=(20, 150))
    integers, energies = run_dense(rule, h, J, [beta] * 130, starts, seed=5, of_integers=True)
    floats, other_energies = run_dense(rule, h, J, [beta] * 130, starts, seed=5)
    np.testing.assert_array_equal(integers, floats)
    np.testing.assert_array_equal(energies, other_energies)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.5])
@pytest.mark.parametrize("rule", RULES)
def test_exact_starts_stay_exactly_distributed_on_integers(run_integers, rule, beta, ising):
    """10^7 spin draws, as above, on the kernel of bytes."""
    h, J = integer_glass(np.random.default_rng(9), n_spins=8)
    law = ising.enumerate(h, J, beta)
    rng = np.random.default_rng(1)
    starts = law.states[rng.choice(len(law.states), size=600_000, p=law.probabilities)]
    states, _ = run_integers(rule, h, J, [beta] * 2, starts, seed=12)
    assert ising.p_value(states, law) > SIGNIFICANCE


def test_bytes_hold_fields_up_to_127(run_integers, run_floats):
    """Partial sums wrap round; the sum does not."""
    n_spins = 128
    h, J = np.zeros(n_spins), np.zeros((n_spins, n_spins))
    J[0, 1:] = J[1:, 0] = -1.0
    starts = np.ones((64, n_spins), np.int8)
    starts[:, 0] = -1
    states, _ = run_integers("metropolis", h, J, [50.0], starts, seed=1)
    expected, _ = run_floats("metropolis", h, J, [50.0], starts, seed=1)
    np.testing.assert_array_equal(states, expected)
    assert (states == 1).all()


@pytest.mark.parametrize("rule", RULES)
def test_clamped_spins_stay_and_the_others_follow_their_law(run_chain, rule, ising):
    h, J = glass(ising)
    starts = np.random.default_rng(2).choice(np.array([-1, 1], np.int8), size=(40_000, 8))
    clamped = np.zeros(starts.shape, bool)
    clamped[:, [1, 6]] = True
    clamped[0] = True
    states, _ = run_chain(rule, h, J, [0.6] * 40, starts, 3, clamped=clamped[np.newaxis])
    np.testing.assert_array_equal(states[clamped], starts[clamped])
    rows = (starts[:, 1] == 1) & (starts[:, 6] == -1)
    rows[0] = False
    law = ising.enumerate(h, J, 0.6)
    law.probabilities = law.probabilities * (law.states[:, 1] == 1) * (law.states[:, 6] == -1)
    law.probabilities /= law.probabilities.sum()
    assert ising.p_value(states[rows], law) > SIGNIFICANCE


def test_a_watch_that_is_set_stops_before_the_first_sweep(run_chain, ising):
    h, J = glass(ising)
    starts = ising.all_states(8)
    states, energies = run_chain("metropolis", h, J, [0.1] * 9, starts, 1, watch=1)
    np.testing.assert_array_equal(states, starts)
    np.testing.assert_allclose(energies, ising.energies(h, J, starts), atol=1e-12)


def test_a_search_that_is_stopped_takes_its_last_sweeps(run_chain, ising):
    """As if the schedule were these alone, whenever it is told to stop."""
    h, J = glass(ising)
    starts = np.repeat(ising.all_states(8), 3, axis=0)
    betas = np.geomspace(0.01, 5.0, 90)
    stopped, energies = run_chain("metropolis", h, J, betas, starts, 1, watch=1, last_sweeps=10)
    short, _ = run_chain("metropolis", h, J, betas[-10:], starts, 1)
    np.testing.assert_array_equal(stopped, short)
    all_of_them, _ = run_chain("metropolis", h, J, betas[:5], starts, 1, watch=1, last_sweeps=5)
    whole, _ = run_chain("metropolis", h, J, betas[:5], starts, 1)
    np.testing.assert_array_equal(all_of_them, whole)
    assert energies.mean() < ising.energies(h, J, starts).mean()


def test_polynomial_exp():
    """5e-6 relative within the clip, exactly 1 at 0 (else flat landscapes would reject)."""
    points = np.linspace(-87.0, 87.0, 64 * 400, dtype=np.float32)
    np.testing.assert_allclose(
        apply_to(_streams.exponential, points), np.exp(points.astype(float)), rtol=5e-6
    )
    edges = np.resize(np.array([0.0, -1e30, 1e30], np.float32), 64)
    at_zero, low, high = apply_to(_streams.exponential, edges)[:3]
    assert at_zero == 1.0
    assert low < 2e-38
    assert np.isfinite(high)


def test_polynomial_log():
    """7e-6 absolute over all uniforms, never above 0, or flat landscapes would reject."""
    rng = np.random.default_rng(0)
    odd = np.concatenate([
        np.arange(1, 64_001, 2), 2**31 - np.arange(1, 64_001, 2),
        2 ** rng.uniform(0, 31, size=64_000),
    ]).astype(np.uint32) | np.uint32(1)  # fmt: skip
    logs = apply_to(_streams.log_uniform, odd)
    np.testing.assert_allclose(logs, np.log(odd / 2.0**31), rtol=0, atol=7e-6)
    assert (logs <= 0).all()


def apply_to(function, values):
    """A function of vectors on a whole array."""

    @njit
    def apply(values, results):
        for at in range(0, len(values), LANES):
            store(results, at, function(load(values, at)))

    results = np.empty(len(values), np.float32)
    apply(values, results)
    return results.astype(float)
