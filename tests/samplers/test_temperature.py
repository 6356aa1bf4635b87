"""Effective temperatures by pseudo-likelihood: right, with an honest error, and honest limits.

Seeds are fixed. The intervals are k = 4 standard errors where not said otherwise; should a test
fail after a change of the streams, take another seed, and should it fail again, believe it.
"""

import dimod
import numpy as np
import pytest
from dwave.samplers import SteepestDescentSampler
from dwave.system.temperatures import maximum_pseudolikelihood_temperature

from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    SimulatedAnnealingSampler,
)
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._temperature import (
    _maximise,
    estimate_beta,
    estimate_effective_beta,
    match_moments,
)

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


@pytest.mark.parametrize("bias", [5e-324, 2e-308])
def test_a_bias_without_a_finite_inverse_is_none(bias):
    h, J = np.full((1, 3), bias), np.zeros((3, 3))
    states = np.random.default_rng(0).choice([-1, 1], (1, 40, 3))
    beta, stderr = estimate_beta(make_models(h, J), states)
    assert np.isnan(beta) and np.isnan(stderr)
    matched = estimate_effective_beta(states, h, J, method="moment-matching", seed=0)
    assert np.isnan(matched.beta_eff)


def test_draws_at_infinite_temperature_give_nearly_nothing(ising):
    rng = np.random.default_rng(8)
    h, J = rng.normal(size=8), ising.symmetric(8, rng)
    states = rng.choice(np.array([-1, 1], np.int8), size=(1, 2000, 8))
    beta, stderr = estimate_beta(make_models(h, J), states)
    assert abs(beta) < K * stderr < 0.1


def draws_that_prefer_high_energies(h, J, num_reads=2000):
    states, _, _ = ExactSampler(seed=1).sample_arrays(-h, -J, beta=1.0, num_reads=num_reads)
    return states


def test_a_sign_turned_round_shows_as_a_negative_temperature(ising):
    rng = np.random.default_rng(9)
    h, J = rng.normal(size=8) * 0.5, ising.symmetric(8, rng) * 0.3
    beta, stderr = estimate_beta(make_models(h, J), draws_that_prefer_high_energies(h, J))
    assert abs(beta + 1.0) < K * stderr < 0.4
    highest = ising.all_states(8)[ising.energies(h, J, ising.all_states(8)).argmax()]
    beta, stderr = estimate_beta(make_models(h, J), highest[np.newaxis, np.newaxis])
    assert beta == -np.inf and np.isnan(stderr)


# --- against other implementations, and laws -----------------------------------------------------


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_dwave_systems_estimate_is_the_same(ising, beta):
    rng = np.random.default_rng(10)
    h, J = rng.normal(size=10), ising.symmetric(10, rng, density=0.5) * 0.5
    models = make_models(h, J)
    states, _, _ = ExactSampler(seed=1).sample_arrays(h, J, beta=beta, num_reads=500)
    temperature, _ = maximum_pseudolikelihood_temperature(
        models.to_bqm(0), (states[0], list(range(10)))
    )
    assert estimate_beta(models, states)[0] == pytest.approx(1 / temperature, rel=1e-5)


def test_many_reads_give_what_few_do():
    """More than 1024 reads start from a part of them."""
    h, J = star()
    models = make_models(h, J)
    states, _, _ = ExactSampler(seed=2).sample_arrays(h, J, beta=2.0, num_reads=1100)
    temperature, _ = maximum_pseudolikelihood_temperature(
        en1=2.0 * states[0] * models.local_fields(0, states[0]), optimize_method="bisect"
    )
    assert estimate_beta(models, states)[0] == pytest.approx(1 / temperature, rel=1e-5)


@pytest.mark.parametrize("kind", ["dense", "star", "family", "cold"])
def test_beta_within_3_standard_errors_in_95_percent_of_calls(ising, kind):
    """60 calls. At a true rate of 99.7 % more than 3 misses happen in 0.003 % of trials."""
    rng = np.random.default_rng(11)
    h, J, beta = rng.normal(size=8) * 0.4, ising.symmetric(8, rng) * 0.3, 1.0
    if kind == "star":
        h, J = star()
    if kind == "family":
        h = rng.normal(size=(5, 8))
    if kind == "cold":
        beta = 4.0
    models, misses = make_models(h, J), 0
    for seed in range(60):
        states, _, _ = ExactSampler(seed=seed).sample_arrays(h, J, beta=beta, num_reads=300)
        estimate, stderr = estimate_beta(models, states)
        misses += abs(estimate - beta) > 3 * stderr
    assert misses <= 3


def test_rare_excitations_of_a_cold_sampler_are_counted_well(ising):
    """An excitation in 10^5 spins: 32 bits hold probabilities near 0, and not only near 1.

    Free spins in a field of 1 at beta: P(up) / P(down) = exp(-2 beta), solved in closed form.
    """
    states = np.full((1, 1000, 1000), -1, np.int8)
    states.ravel()[::100_003] = 1
    n_up = (states > 0).sum()
    models = make_models(np.ones(1000), np.zeros((1000, 1000)))
    beta, stderr = estimate_beta(models, states)
    assert beta == pytest.approx(0.5 * np.log((states.size - n_up) / n_up), rel=1e-5)
    assert stderr == pytest.approx(0.5 / np.sqrt(n_up), rel=0.01)  # Poisson, of the logarithm


# --- few reads -----------------------------------------------------------------------------------


def test_the_error_of_a_single_read_is_not_known():
    h, J = star()
    states, _, _ = ExactSampler(seed=2).sample_arrays(h, J, beta=1.0, num_reads=1)
    beta, stderr = estimate_beta(make_models(h, J), states)
    assert 0.5 < beta < 2.0 and np.isnan(stderr)


def test_bootstrap_agrees_with_the_sandwich_where_that_is_right(ising):
    """A spread from 400 resamples is right to 1 / sqrt(800) = 4 %, by quantiles to some 6 %."""
    rng = np.random.default_rng(12)
    h, J = rng.normal(size=7) * 0.5, ising.symmetric(7, rng) * 0.4
    models = make_models(h, J)
    states, _, _ = ExactSampler(seed=1).sample_arrays(h, J, beta=1.0, num_reads=1000)
    beta, sandwich = estimate_beta(models, states)
    again, bootstrap = estimate_beta(models, states, num_bootstrap=400, seed=0)
    assert again == beta
    assert bootstrap == pytest.approx(sandwich, rel=4 * 0.06)
    assert estimate_beta(models, states, num_bootstrap=400, seed=0) == (again, bootstrap)
    assert estimate_beta(models, states, num_bootstrap=400, seed=1)[1] != bootstrap


def test_bootstrap_doubts_an_estimate_that_hangs_on_one_read():
    """A single excited read is missing from a third of the resamples: these are infinitely cold."""
    states = np.full((1, 20, 4), -1, np.int8)
    states[0, 3, 0] = 1
    models = make_models(np.ones(4), np.zeros((4, 4)))
    beta, sandwich = estimate_beta(models, states)
    assert 0 < sandwich < beta  # which would be believed
    assert estimate_beta(models, states, num_bootstrap=200, seed=0) == (beta, np.inf)


# --- moments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0.2, 1.0, 9.0])
@pytest.mark.parametrize("scale", [1e-80, 1.0, 1e80])
def test_moments_give_the_temperature_from_any_start(ising, start, scale):
    rng = np.random.default_rng(13)
    h, J = rng.normal(size=(3, 8)) * 0.4 * scale, ising.symmetric(8, rng) * 0.3 * scale
    states, _, _ = ExactSampler(seed=1).sample_arrays(h, J, beta=2.0 / scale, num_reads=1000)
    beta, stderr = match_moments(make_models(h, J), states, start / scale, seed=2)
    assert abs(beta * scale - 2.0) < K * stderr * scale < 0.4


def test_the_error_of_moments_is_the_spread_of_estimates(ising):
    """60 repeats, as for the pseudo-likelihood; both halves of the error matter here."""
    rng = np.random.default_rng(14)
    h, J = rng.normal(size=7) * 0.5, ising.symmetric(7, rng) * 0.4
    models, z = make_models(h, J), []
    for seed in range(60):
        states, _, _ = ExactSampler(seed=seed).sample_arrays(h, J, beta=1.0, num_reads=1500)
        beta, stderr = match_moments(models, states, 1.3, num_reads=1000, seed=1000 + seed)
        z.append((beta - 1.0) / stderr)
    assert abs(np.mean(z)) < 4 * 0.13
    assert abs(np.var(z, ddof=1) - 1.0) < 4 * 0.18


def test_a_damped_step_a_call_follows_a_device(ising):
    """The paper's loop: true 3, start 1, no step beyond 10 %; within 3 % after 40 calls."""
    rng = np.random.default_rng(15)
    h, J = rng.normal(size=8) * 0.2, ising.symmetric(8, rng) * 0.15
    models, beta, path = make_models(h, J), 1.0, []
    for seed in range(40):
        states, _, _ = ExactSampler(seed=seed).sample_arrays(h, J, beta=3.0, num_reads=3000)
        beta, _ = match_moments(
            models, states, beta, num_steps=1, damping=0.3, max_factor=1.1, seed=100 + seed
        )
        path.append(beta)
    assert abs(beta / 3.0 - 1) < 0.03
    steps = np.abs(np.diff(np.log([1.0, *path])))
    assert steps.max() <= np.log(1.1) + 1e-9
    assert steps[0] == pytest.approx(np.log(1.1))


def test_an_auxiliary_sampler_of_choice(ising):
    rng = np.random.default_rng(16)
    h, J = rng.normal(size=8) * 0.4, ising.symmetric(8, rng) * 0.3
    states, _, _ = ExactSampler(seed=1).sample_arrays(h, J, beta=1.0, num_reads=2000)
    for sampler in (GibbsSampler(), SimulatedAnnealingSampler(), None):
        beta, stderr = match_moments(make_models(h, J), states, 0.7, sampler=sampler, seed=2)
        assert abs(beta - 1.0) < K * stderr < 0.3


def test_moments_of_a_one_hot_unit(ising):
    rng = np.random.default_rng(17)
    h, J = rng.normal(size=7), np.zeros((7, 7))
    J[:3, 3:] = rng.normal(size=(3, 4))
    J += J.T
    states, _, _ = ExactSampler(seed=2).sample_arrays(
        h, J, beta=1.5, num_reads=3000, one_hot=(0, 3)
    )
    beta, stderr = match_moments(make_models(h, J, (0, 3)), states, 1.0, seed=1)
    assert abs(beta - 1.5) < K * stderr < 0.4


def test_moments_that_do_not_vary_tell_nothing(ising):
    models = make_models(np.zeros(3), np.zeros((3, 3)))
    assert np.isnan(match_moments(models, np.ones((1, 10, 3), np.int8), 1.0, seed=0)).all()
    frozen = make_models(np.ones(3), np.zeros((3, 3)))
    assert np.isnan(match_moments(frozen, -np.ones((1, 10, 3), np.int8), 50.0, seed=0)).all()


def test_moments_out_of_reach_warn(ising):
    """No β > 0 has a mean energy above 0: each step halves it."""
    rng = np.random.default_rng(18)
    h, J = rng.normal(size=6), ising.symmetric(6, rng)
    states = draws_that_prefer_high_energies(h, J)
    with pytest.warns(UserWarning, match="not matched in 5 steps"):
        beta, _ = match_moments(make_models(h, J), states, 1.0, num_steps=5, seed=0)
    assert beta == pytest.approx(1 / 32)


# --- the public door -----------------------------------------------------------------------------


@pytest.fixture
def labelled():
    bqm = dimod.BinaryQuadraticModel(
        {"b": 0.5, "a": -0.3, 7: 0.1}, {("a", "b"): -0.6, (7, "a"): 0.4}, 1.5, "SPIN"
    )
    return bqm, ExactSampler(seed=3).sample(bqm, beta=2.0, num_reads=5000)


@pytest.mark.parametrize("method", ["pseudo-likelihood", "moment-matching"])
def test_labels_occurrences_and_vartypes_do_not_matter(labelled, method):
    bqm, drawn = labelled
    expected = estimate_effective_beta(drawn, bqm, method=method, seed=0)
    assert abs(expected.beta_eff - 2.0) < K * expected.stderr < 0.4
    assert expected.method == method
    shuffled = dimod.SampleSet.from_samples(
        (drawn.record.sample[:, [2, 0, 1]], [drawn.variables[i] for i in (2, 0, 1)]),
        "SPIN",
        energy=0,
    )
    variants = [
        (shuffled, bqm),
        (drawn.aggregate(), bqm),
        (drawn.change_vartype("BINARY", inplace=False), bqm),
        (drawn, bqm.change_vartype("BINARY", inplace=False)),
    ]
    for states, model in variants:
        got = estimate_effective_beta(states, model, method=method, seed=0)
        assert got.beta_eff == pytest.approx(expected.beta_eff, rel=1e-5)
        # The order of reads is another one after aggregation, whose sums round otherwise.
        assert got.stderr == pytest.approx(expected.stderr, rel=1e-3)


def test_arrays_of_one_model_or_more(ising):
    rng = np.random.default_rng(19)
    h, J = rng.normal(size=5), ising.symmetric(5, rng) * 0.3
    states, _, _ = ExactSampler(seed=1).sample_arrays(h, J, beta=1.0, num_reads=300)
    one = estimate_effective_beta(states, h[np.newaxis], J)
    assert estimate_effective_beta(states[0].tolist(), h.tolist(), J.tolist()) == one
    assert (one.beta_eff, one.stderr) == estimate_beta(make_models(h, J), states)
    boot = estimate_effective_beta(states, h, J, num_bootstrap=50, seed=1)
    assert boot.beta_eff == one.beta_eff and boot.stderr != one.stderr


def test_an_optimisers_draws_have_no_moments_to_match():
    result = estimate_effective_beta([[-1, -1]], [1.0, 1.0], np.zeros((2, 2)), seed=0)
    assert result.beta_eff == np.inf
    matched = estimate_effective_beta(
        [[-1, -1]], [1.0, 1.0], np.zeros((2, 2)), method="moment-matching"
    )
    assert matched.beta_eff == np.inf and np.isnan(matched.stderr)


NO_J = np.zeros((2, 2))
MODEL = dimod.BinaryQuadraticModel({"a": 1.0, "b": 1.0}, {}, 0.0, "SPIN")
SAMPLES = dimod.SampleSet.from_samples({"a": 1, "c": 1}, "SPIN", energy=0)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([[1, 1]], [1.0, 1.0]), {}, "'J' parameter .* must be a matrix"),
        (([[1, 1, 1]], [1.0, 1.0], NO_J), {}, r"of shape \(1, num_reads, 2\)"),
        ((np.ones((2, 5, 2)), [1.0, 1.0], NO_J), {}, "must be of shape"),
        ((np.ones((0, 2)), [1.0, 1.0], NO_J), {}, "one read at least"),
        (([[0, 1]], [1.0, 1.0], NO_J), {}, "spins -1 or .1"),
        ((SAMPLES, [1.0, 1.0], NO_J), {}, "must be an array"),
        ((SAMPLES, MODEL), {}, "no value of 'b'"),
        ((SAMPLES, MODEL, NO_J), {}, "neither 'J' nor 'one_hot'"),
        (([[1, 1]], [1.0, np.nan], NO_J), {}, "must be finite"),
        (([[1, 1]], [1.0, 1.0], NO_J), {"method": "best"}, "'method' parameter"),
        (([[1, 1]], [1.0, 1.0], NO_J), {"num_bootstrap": -1}, "'num_bootstrap' parameter"),
        (([[1, 1]], [1.0, 1.0], NO_J), {"seed": -1}, "'seed' parameter"),
        (([[1, 1]], [1.0, 1.0], NO_J), {"seed": np.array([-1, 2])}, "'seed' parameter"),
        (([[1, 1]], [1.0, 1.0], NO_J), {"sampler": "gibbs"}, "'sampler' parameter"),
    ],
)
def test_bad_arguments(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        estimate_effective_beta(*arguments, **keywords)


def test_a_seed_may_be_an_array_of_words():
    states = np.random.default_rng(0).choice([-1, 1], size=(50, 2))
    found, same, other = (
        estimate_effective_beta(states, [0.3, -0.2], NO_J, num_bootstrap=20, seed=seed).stderr
        for seed in (np.array([1, 2]), np.array([1, 2], np.uint32), np.array([1, 3]))
    )
    assert found == same != other


def test_draws_whose_fields_cancel_tell_nothing():
    J = np.array([[0.0, -1.0], [-1.0, 0.0]])
    beta, stderr = estimate_beta(make_models([1.0, 1.0], J), np.ones((1, 5, 2), np.int8))
    assert np.isnan(beta) and np.isnan(stderr)


def test_resamples_that_only_rise_or_only_fall_have_no_maximum():
    excess = np.array([[1.0, -2.0, 0.5]], np.float32)
    assert np.isfinite(_maximise(excess, 0.0)[0])
    for weights, expected in (([0, 2, 0], np.inf), ([1, 0, 1], -np.inf)):
        beta, stderr = _maximise(excess, 0.0, np.array(weights, float))
        assert beta == expected and np.isnan(stderr)


@pytest.mark.parametrize("start", [100.0, -100.0, 1e4, 1e10])
def test_the_maximum_is_found_from_where_the_likelihood_is_flat(start):
    excess = np.random.default_rng(0).normal(1.0, 2.0, size=(3, 50)).astype(np.float32)
    beta, stderr = _maximise(excess, 0.5)
    assert abs(_maximise(excess, start)[0] - beta) < 0.01 * stderr


def test_small_energies_beside_a_large_bias_take_more_than_one_step():
    excess = np.random.default_rng(0).normal(1e-4, 1e-4, size=(1, 12))
    beta, stderr = _maximise((1e4 * excess).astype(np.float32), 0.0)
    found = _maximise(excess.astype(np.float32), 0.0)
    np.testing.assert_allclose(found, (1e4 * beta, 1e4 * stderr), rtol=1e-3)


def test_an_array_of_a_whole_model_is_in_the_order_of_its_variables():
    bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.2}, {"ab": 0.3}, "SPIN")
    states = np.random.default_rng(0).choice([-1, 1], size=(100, 2))
    samples = dimod.SampleSet.from_samples((states, ["a", "b"]), "SPIN", energy=np.zeros(100))
    found, same = (estimate_effective_beta(drawn, bqm, seed=0) for drawn in (states, samples))
    assert np.isfinite(found.beta_eff) and found == same


def test_moments_are_matched_at_negative_temperatures():
    """Found by fuzzing: samplers take none, and the call was refused."""
    h, J = np.array([[0.5, -0.3, 0.2]]), np.zeros((3, 3))
    J[0, 1] = J[1, 0] = 0.4
    upside_down, _, _ = ExactSampler().sample_arrays(-h, -J, beta=0.8, num_reads=4000, seed=0)
    found = estimate_effective_beta(upside_down, h, J, method="moment-matching", seed=0)
    assert abs(found.beta_eff + 0.8) < 4 * found.stderr < 0.4
