import math

import numpy as np
import pytest
from scipy import stats

from qsklearn.model_selection._statistics import corrected_interval, corrected_paired_test

QUARTER = np.full(5, 0.25)


def test_against_the_formula_written_out():
    a = np.array([0.90, 0.92, 0.95, 0.91, 0.93])
    b = np.array([0.89, 0.90, 0.90, 0.92, 0.90])
    # d = 0.01, 0.02, 0.05, -0.01, 0.03: mean 0.02, sum of squares about it 0.002, variance 0.0005.
    t = 0.02 / math.sqrt((1 / 5 + 0.25) * 0.0005)
    test = corrected_paired_test(a, b, QUARTER)
    assert test["t"] == pytest.approx(t, rel=1e-12)
    assert test["p_value"] == pytest.approx(2 * (1 - stats.t.cdf(t, 4)), rel=1e-9)
    assert test["difference"] == pytest.approx(0.02)
    half = 2.7764451051977987 * math.sqrt(0.45 * 0.0005)  # Student's 97.5 % point, 4 d.o.f.
    assert test["ci_low"] == pytest.approx(0.02 - half)
    assert test["ci_high"] == pytest.approx(0.02 + half)
    assert test["n_folds"] == 5 and test["note"] == ""


def test_without_overlap_it_is_the_ordinary_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 8))
    ours = corrected_paired_test(a, b, np.zeros(8))
    theirs = stats.ttest_rel(a, b)
    assert ours["t"] == pytest.approx(theirs.statistic)
    assert ours["p_value"] == pytest.approx(theirs.pvalue)


def test_the_test_keeps_its_level_where_the_naive_one_does_not():
    # Scores of k folds with the correlation rho = n_test / n that the correction assumes.
    k, n_sets, rho = 5, 4000, 0.2
    rng = np.random.default_rng(1)
    common = rng.normal(size=(n_sets, 1)) * math.sqrt(rho)
    scores = common + rng.normal(size=(n_sets, k)) * math.sqrt(1 - rho)
    zeros, ratio = np.zeros(k), np.full(k, rho / (1 - rho))
    rejected = [corrected_paired_test(s, zeros, ratio)["p_value"] < 0.05 for s in scores]
    naive = stats.ttest_1samp(scores, 0, axis=1).pvalue < 0.05
    # 4 standard errors of a frequency of 5 % over 4000 data sets.
    assert abs(np.mean(rejected) - 0.05) < 4 * math.sqrt(0.05 * 0.95 / n_sets)
    assert np.mean(naive) > 0.1


def test_equal_scores_are_no_difference():
    a = np.array([0.1, 0.2, 0.3])
    test = corrected_paired_test(a, a, np.full(3, 0.5))
    assert (test["p_value"], test["t"], test["difference"]) == (1.0, 0.0, 0.0)
    assert "zero" in test["note"]


def test_a_constant_difference_gives_no_p_value():
    a = np.array([0.1, 0.2, 0.3])
    test = corrected_paired_test(a + 0.1, a, np.full(3, 0.5))
    assert math.isnan(test["p_value"]) and "spread is unknown" in test["note"]
    assert test["difference"] == pytest.approx(0.1)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_folds_give_nan_and_the_reason(n):
    a = np.where(np.arange(3) < n, 0.5, np.nan)
    test = corrected_paired_test(a, np.zeros(3), np.full(3, 0.5))
    assert math.isnan(test["p_value"]) and math.isnan(test["standard_error"])
    assert f"found {n}" in test["note"] and test["n_folds"] == n


def test_failed_folds_drop_pairwise():
    a = np.array([0.9, np.nan, 0.8, 0.7, 0.95])
    b = np.array([0.8, 0.9, np.nan, 0.7, 0.8])
    used = [0, 3, 4]
    test = corrected_paired_test(a, b, QUARTER)
    assert test == corrected_paired_test(a[used], b[used], QUARTER[used])
    assert test["n_folds"] == 3


def test_interval():
    mean, error, half_width = corrected_interval([0.8, 0.9, np.nan, 1.0], np.full(4, 0.5), 0.9)
    assert mean == pytest.approx(0.9)
    assert error == pytest.approx(math.sqrt((1 / 3 + 0.5) * 0.01))
    assert half_width == pytest.approx(error * stats.t.ppf(0.95, 2))
    assert all(map(math.isnan, corrected_interval([np.nan], [0.5])))
    assert corrected_interval([0.5], [0.5])[0] == 0.5
