"""Beliefs about β_eff: Kalman's formulas to the digit, convergence, drift, garbage.

Seeds are fixed; intervals of 4 standard errors.
"""

import copy
import math
import pickle

import numpy as np
import pytest

from qsklearn.samplers import ExactSampler
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._temperature import estimate_beta
from qsklearn.samplers._temperature_belief import TemperatureBelief

GARBAGE = [
    (math.inf, math.nan),
    (-math.inf, math.nan),
    (math.nan, math.nan),
    (5.0, math.nan),  # a single read
    (5.0, math.inf),
    (-2.0, 0.6),  # below -3 standard errors
    (-3.0, 0.01),
    (0.0, 0.0),
]


def feed(belief, true_values, relative_error, seed=0):
    """Beliefs after estimates of a normal relative error."""
    rng = np.random.default_rng(seed)
    believed = []
    for true in true_values:
        belief.update(true * (1 + relative_error * rng.normal()), true * relative_error)
        believed.append(belief.beta_eff)
    return np.array(believed)


# --- what is known before any call ---------------------------------------------------------------


def test_nothing_is_known_at_first():
    belief = TemperatureBelief()
    assert not belief.is_calibrated
    assert belief.beta_eff == 1.0 and math.isnan(belief.stderr)
    assert belief.history == []


def test_the_first_estimate_is_taken_whole_without_a_prior():
    belief = TemperatureBelief()
    assert belief.update(300.0, 6.0)
    assert belief.is_calibrated
    assert belief.beta_eff == pytest.approx(300.0)
    assert belief.stderr == pytest.approx(6.0)


def test_a_prior_is_the_first_belief():
    belief = TemperatureBelief((4.0, 0.5))
    assert belief.is_calibrated
    assert (belief.beta_eff, belief.stderr) == (pytest.approx(4.0), pytest.approx(0.5))


@pytest.mark.parametrize(
    "prior", [4.0, (4.0,), (4.0, 0.0), (-1.0, 0.5), (np.nan, 1.0), (1.0, np.inf), "no", (1, 2, 3)]
)
def test_bad_priors_are_refused(prior):
    with pytest.raises(ValueError, match="must be a pair .mean, standard deviation."):
        TemperatureBelief(prior)


# --- the filter ----------------------------------------------------------------------------------


def test_the_update_is_kalmans():
    """Precisions add; the mean is weighted by them."""
    belief = TemperatureBelief((3.0, 0.3), drift=0.04)
    belief.update(3.1, 0.2)
    variance, noise = 0.3**2 + (0.04 * 3.0) ** 2, 0.2**2
    expected = (3.0 / variance + 3.1 / noise) / (1 / variance + 1 / noise)
    assert belief.beta_eff == pytest.approx(expected, rel=1e-12)
    assert belief.stderr == pytest.approx((1 / variance + 1 / noise) ** -0.5)


@pytest.mark.parametrize("estimate", [2.0, 0.1, -0.5])
def test_estimates_that_their_error_drowns_count_by_their_weight(estimate):
    belief = TemperatureBelief((3.0, 0.3), drift=0.0)
    assert belief.update(estimate, 0.7)
    gain = 0.3**2 / (0.3**2 + 0.7**2)
    assert belief.beta_eff == pytest.approx(3.0 + gain * (estimate - 3.0), rel=1e-12)
    assert belief.stderr == pytest.approx(0.3 * math.sqrt(1 - gain))


@pytest.mark.parametrize("relative_error", [0.5, 1.5])
def test_noisy_estimates_do_not_bias(relative_error):
    """True 6, errors of 3 and 9: 2000 beliefs after 50 calls, within 4 standard errors of 6.

    The prior is centred, so that what is left of it does no harm; the drift, which this device does
    not have, makes the belief doubt, but not to one side.
    """
    last = [
        feed(TemperatureBelief((6.0, 1.2)), np.full(50, 6.0), relative_error, seed)[-1]
        for seed in range(2000)
    ]
    assert abs(np.mean(last) - 6.0) < 4 * np.std(last) / math.sqrt(2000) < 0.1


def test_without_drift_n_estimates_average():
    belief = TemperatureBelief(drift=0.0)
    estimates = 2.0 + 0.04 * np.random.default_rng(0).normal(size=50)
    for estimate in estimates:
        belief.update(estimate, 0.1)
    assert belief.beta_eff == pytest.approx(estimates.mean(), rel=1e-12)
    assert belief.stderr == pytest.approx(0.1 / math.sqrt(50))


def test_smoothing_reduces_the_variance_as_the_gain_says():
    """A steady gain K makes an exponential mean, of variance r K / (2 - K) for independent calls.

    20 000 beliefs have the correlation (1 - K)^lag, so the relative standard error of their
    variance is sqrt(2 / n (1 + (1-K)²) / (1 - (1-K)²)).
    """
    drift, relative = 0.01, 0.03
    ratio = (drift / relative) ** 2
    # The steady state of v' = (1 - K) v' + drift².
    gain = (math.sqrt(ratio**2 + 4 * ratio) - ratio) / 2
    belief = TemperatureBelief((2.0, 0.1), drift=drift)
    n = 20_000
    believed = feed(belief, np.full(n + 500, 2.0), relative)[500:] / 2.0
    kept = (1 - gain) ** 2
    error = math.sqrt(2 / n * (1 + kept) / (1 - kept))
    expected = relative**2 * gain / (2 - gain)
    assert abs(believed.var() / expected - 1) < 4 * error < 0.1
    # The belief's own error knows of the drift, which this device does not have.
    own = gain * relative**2
    assert belief.stderr / belief.beta_eff == pytest.approx(math.sqrt(own), rel=0.02)


def test_a_drifting_device_is_followed_with_an_honest_error():
    """A random walk of the assumed step: z-scores of variance 1.

    The beliefs are correlated over 1 / K ~ 3.5 calls: 4 standard errors of a variance with
    4000 / 7 independent terms.
    """
    rng = np.random.default_rng(2)
    true = 3.0 * np.exp(np.cumsum(0.01 * rng.normal(size=4000)))
    belief, z = TemperatureBelief((3.0, 0.1)), []
    for value in true:
        belief.update(value * math.exp(0.03 * rng.normal()), 0.03 * value)
        z.append(math.log(belief.beta_eff / value) * belief.beta_eff / belief.stderr)
    assert abs(np.var(z) - 1.0) < 4 * math.sqrt(2 * 7 / 4000)


# --- convergence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [None, (1.0, 0.5), (1.0, 0.05), (1.0, 1e-3), (12.0, 1.0)])
def test_a_wrong_start_is_left_in_few_calls(prior):
    """True 3: within 3 % from the fourth call on, by calls of 1 % error."""
    believed = feed(TemperatureBelief(prior), np.full(20, 3.0), 0.01)
    assert np.abs(believed[3:] / 3.0 - 1).max() < 0.03


def test_a_device_drawn_from_for_real_converges():
    """The loop of an estimator: program E / beta_eff, draw, estimate, believe. True 3, init 1."""
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=8) * 0.4, np.triu(rng.normal(size=(8, 8)), 1) * 0.3
    models = SpinModels(h[np.newaxis], check_couplings(J + J.T, 8, "test"))
    belief = TemperatureBelief((1.0, 0.1))
    for seed in range(6):
        programmed = models.scaled(1.0 / belief.beta_eff)
        drawn, _, _ = ExactSampler(seed=seed).sample_arrays(
            programmed.fields, programmed.couplings, beta=3.0, num_reads=3000
        )
        belief.update(*estimate_beta(programmed, drawn))
    assert abs(belief.beta_eff / 3.0 - 1) < 0.03


def noisy_call(belief, strength, num_reads, seed):
    """A call of a device at 6, programmed by the belief, with a model of its own; 6 spins."""
    rng = np.random.default_rng(seed)
    h, J = strength * rng.normal(size=6), np.triu(strength * rng.normal(size=(6, 6)), 1) / 2
    models = SpinModels(h[np.newaxis], check_couplings(J + J.T, 6, "test"))
    programmed = models.scaled(1.0 / belief.beta_eff)
    drawn, _, _ = ExactSampler(seed=seed).sample_arrays(
        programmed.fields, programmed.couplings, beta=6.0, num_reads=num_reads
    )
    return estimate_beta(programmed, drawn)


@pytest.mark.parametrize(("strength", "num_reads"), [(0.1, 30), (0.1, 100), (0.3, 10)])
def test_noisy_draws_do_not_make_the_belief_drift(strength, num_reads):
    """Draws that tell β by 1.5 to 3 standard errors a call: the loop stays at 6.

    The mean of 60 beliefs after 20 calls within 4 standard errors.
    """
    last = []
    for sequence in range(60):
        belief = TemperatureBelief((6.0, 1.2))
        for call in range(20):
            belief.update(*noisy_call(belief, strength, num_reads, 1000 * sequence + call))
        last.append(belief.beta_eff)
    assert abs(np.mean(last) - 6.0) < 4 * np.std(last) / math.sqrt(60) < 0.4


def test_drift_from_5_to_2_5_is_tracked():
    """A steady drift of log 2 in 200 calls: the lag is drift / K, below 2 %."""
    true = 5.0 * 0.5 ** np.linspace(0, 1, 200)
    believed = feed(TemperatureBelief((5.0, 0.1)), true, 0.02)
    assert np.abs(believed / true - 1).max() < 0.06
    assert abs(np.mean(np.log(believed[50:] / true[50:]))) < 0.02


def test_a_jump_is_believed_when_it_is_seen_again():
    belief = TemperatureBelief()
    feed(belief, np.full(30, 5.0), 0.01)
    settled = belief.beta_eff
    belief.update(2.5, 0.025)
    assert belief.beta_eff == pytest.approx(settled * 0.9, rel=1e-6)  # alone it moves 10 %
    assert belief.stderr / belief.beta_eff > 0.3  # and tells of doubt
    belief.update(2.5, 0.025)
    assert belief.beta_eff == pytest.approx(2.5, rel=0.01)


def test_an_outlier_does_not_last():
    belief = TemperatureBelief()
    feed(belief, np.full(30, 5.0), 0.01)
    belief.update(50.0, 0.5)
    assert belief.beta_eff < 5.0 * 1.1 * 1.01
    belief.update(5.0, 0.05)
    assert belief.beta_eff == pytest.approx(5.0, rel=0.01)


# --- garbage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimate", GARBAGE)
@pytest.mark.parametrize("prior", [None, (2.0, 0.2)])
def test_garbage_is_noted_and_not_believed(prior, estimate):
    belief = TemperatureBelief(prior)
    before = belief.beta_eff
    assert belief.update(*estimate) is False
    assert belief.beta_eff == before
    assert belief.is_calibrated == (prior is not None)
    assert len(belief.history) == 1
    np.testing.assert_equal(belief.history[0], estimate)


def test_the_first_estimate_must_stand_out():
    belief = TemperatureBelief()
    assert not belief.update(2.0, 0.7)
    assert not belief.is_calibrated and belief.beta_eff == 1.0
    assert belief.update(2.2, 0.7)
    assert belief.beta_eff == 2.2


@pytest.mark.parametrize("relative_error", [0.1, 0.4, 1.0])
def test_draws_without_a_temperature_do_not_run_away_with_the_belief(relative_error):
    """Estimates of noise about 0, whose error shrinks with the belief as the program grows.

    The rare ones above 3 standard errors, once in 740, are left out.
    """
    noises = np.minimum(np.random.default_rng(0).normal(size=500), 2.9)
    belief, refused = TemperatureBelief((2.0, 0.4)), 0
    for noise in noises:
        error = relative_error * belief.beta_eff
        refused += not belief.update(error * noise, error)
        assert 1.0 <= belief.beta_eff < 4.0
    assert refused > 50


def test_doubt_grows_over_calls_that_tell_nothing():
    belief = TemperatureBelief((2.0, 0.2), drift=0.03)
    for _ in range(10):
        belief.update(math.nan, math.nan)
    assert belief.stderr == pytest.approx(2.0 * math.sqrt(0.1**2 + 10 * 0.03**2))


def test_an_estimate_without_error_is_no_division_by_zero():
    belief = TemperatureBelief(drift=0.0)
    for _ in range(3):
        assert belief.update(2.0, 0.0)
    assert belief.beta_eff == pytest.approx(2.0) and 0 < belief.stderr < 1e-5


# --- an object that travels ----------------------------------------------------------------------


def test_history_is_bounded():
    belief = TemperatureBelief()
    for i in range(1500):
        belief.update(i + 1.0, 0.1)
    assert len(belief.history) == 1000
    assert belief.history[-1] == (1500.0, 0.1) and belief.history[0] == (501.0, 0.1)


@pytest.mark.parametrize(
    "duplicate",
    [TemperatureBelief.copy, copy.copy, copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))],
    ids=["copy", "copy.copy", "deepcopy", "pickle"],
)
def test_copies_go_their_own_way(duplicate):
    belief = TemperatureBelief((2.0, 0.2), drift=0.05, max_change=0.2)
    belief.update(2.2, 0.1)
    other = duplicate(belief)
    assert vars(other) == vars(belief)
    before = (belief.beta_eff, belief.stderr, list(belief.history))
    other.update(1.5, 0.1)
    assert (belief.beta_eff, belief.stderr, belief.history) == before
    assert len(other.history) == 2


def test_it_is_tiny():
    assert len(pickle.dumps(TemperatureBelief((2.0, 0.2)))) < 300
