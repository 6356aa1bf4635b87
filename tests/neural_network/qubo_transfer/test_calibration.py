"""Calibrated temperatures against the one that made the labels."""

import numpy as np
import pytest
from scipy.special import softmax

from qsklearn.neural_network._qubo_transfer._calibration import (
    calibrate_by_draws,
    calibrate_exactly,
)


def problem(beta, n_samples=4000, seed=0):
    rng = np.random.default_rng(seed)
    logits = 2.0 * rng.normal(size=(n_samples, 4))
    probabilities = softmax(beta * logits, axis=1)
    codes = (probabilities.cumsum(axis=1) < rng.random((n_samples, 1))).sum(axis=1)
    return logits, codes


def deviation(logits, beta):
    """Standard deviation of a maximum-likelihood β: one over the root of the information."""
    probabilities = softmax(beta * logits, axis=1)
    mean = (probabilities * logits).sum(axis=1)
    return ((probabilities * logits**2).sum(axis=1) - mean**2).sum() ** -0.5


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_finds_the_temperature_of_the_labels(beta):
    logits, codes = problem(beta)
    found = calibrate_exactly(lambda b: b * logits, codes, np.ones(len(codes)))
    assert abs(found - beta) < 4 * deviation(logits, beta)


def test_weights_count_as_copies():
    logits, codes = problem(1.5, 300)
    weights = np.random.default_rng(1).integers(0, 3, len(codes))
    weighted = calibrate_exactly(lambda b: b * logits, codes, weights)
    rows = np.repeat(np.arange(len(codes)), weights)
    copied = calibrate_exactly(lambda b: b * logits[rows], codes[rows], np.ones(len(rows)))
    assert weighted == pytest.approx(copied, rel=1e-5)
    assert weighted != pytest.approx(
        calibrate_exactly(lambda b: b * logits, codes, np.ones(len(codes))), rel=1e-3
    )


def test_labels_that_are_always_right_speak_for_one_error_in_n_plus_2():
    # Of equal margins: the temperature at which the label has the probability (n + 1) / (n + 2).
    codes = np.arange(100) % 4
    logits = 3.0 * np.eye(4)[codes]
    beta = calibrate_exactly(lambda b: b * logits, codes, np.ones(100))
    assert softmax(beta * logits, axis=1)[0, 0] == pytest.approx(101 / 102, abs=1e-4)
    wrong = calibrate_exactly(lambda b: b * logits, (codes + 1) % 4, np.ones(100))
    assert wrong < 0.07


@pytest.mark.parametrize("beta", [0.5, 1.4])
def test_noisy_frequencies_tell_it_too(beta):
    logits, codes = problem(beta, 2000)
    rng = np.random.default_rng(2)

    def frequencies(b):
        counts = rng.multinomial(100, softmax(b * logits, axis=1))
        return (counts + 0.25) / 101

    found = calibrate_by_draws(frequencies, codes, np.ones(len(codes)))
    # The parabola over five points of a curve that is none adds to the labels' own deviation.
    assert abs(found - beta) < 4 * deviation(logits, beta) + 0.1 * beta


def test_noise_without_a_minimum_takes_the_best_seen():
    codes = np.zeros(10_000, int)
    found = calibrate_by_draws(
        lambda b: np.tile(softmax([[b, 0.0]], 1), (10_000, 1)), codes, np.ones(10_000)
    )
    assert found == pytest.approx(4.0)
    # A parabola that opens downwards has none either, wherever its top is.
    found = calibrate_by_draws(
        lambda b: np.tile([np.exp(b - 5), 1 - np.exp(b - 5)], (10_000, 1)), codes, np.ones(10_000)
    )
    assert found == pytest.approx(4.0)
