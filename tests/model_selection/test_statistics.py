import math

import numpy as np
import pytest
from scipy import stats

from qsklearn.model_selection._statistics import (
    bayesian_correlated_test,
    corrected_interval,
    corrected_paired_test,
    effect_interval,
)

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
    assert test["note"] == "the same in every fold"


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


def test_infinite_scores_stay_in_and_have_no_test():
    lost = [0.5, -math.inf, np.nan]
    mean, error, half_width = corrected_interval(lost, np.full(3, 0.5))
    assert mean == -math.inf and math.isnan(error) and math.isnan(half_width)
    assert math.isnan(corrected_interval([math.inf, -math.inf], np.full(2, 0.5))[0])
    for values, baseline, difference in (
        (lost, [0.4, 0.3, 0.2], -math.inf),
        ([0.4, 0.3, 0.2], lost, math.inf),
        (lost, lost, math.nan),
    ):
        test = corrected_paired_test(values, baseline, np.full(3, 0.5))
        assert test["n_folds"] == 2 and test["note"] == "no test: a score is infinite on a fold"
        np.testing.assert_equal(test["difference"], difference)
        assert all(math.isnan(test[key]) for key in ("p_value", "ci_low", "effect_size"))
        belief = bayesian_correlated_test(values, baseline, np.full(3, 0.5), 0.01)
        assert math.isnan(belief["p_better"]) and "no posterior" in belief["note"]


def correlated_folds(rng, n_sets, k, rho, mean):
    """Differences of k folds with unit spread among them and the correlation of the correction."""
    common = rng.normal(size=(n_sets, 1)) * math.sqrt(rho / (1 - rho))
    return mean + common + rng.normal(size=(n_sets, k))


def test_effect_size_is_the_mean_over_the_spread():
    a = np.array([0.90, 0.92, 0.95, 0.91, 0.93])
    test = corrected_paired_test(a, [0.89, 0.90, 0.90, 0.92, 0.90], QUARTER)
    assert test["effect_size"] == pytest.approx(0.02 / math.sqrt(0.0005))
    assert test["effect_low"] < test["effect_size"] < test["effect_high"]
    mirrored = corrected_paired_test([0.89, 0.90, 0.90, 0.92, 0.90], a, QUARTER)
    assert mirrored["effect_low"] == pytest.approx(-test["effect_high"])
    assert mirrored["effect_high"] == pytest.approx(-test["effect_low"])


@pytest.mark.parametrize("t, n", [(0.0, 5), (1.3, 2), (-2.2, 10), (30.0, 5), (-80.0, 10)])
def test_the_bounds_of_the_effect_put_t_at_the_ends_of_its_law(t, n):
    low, high = effect_interval(t, 0.5, n, 0.9)
    assert stats.nct.cdf(t, n - 1, low / 0.5) == pytest.approx(0.95, abs=1e-6)
    assert stats.nct.cdf(t, n - 1, high / 0.5) == pytest.approx(0.05, abs=1e-6)


def test_the_effect_interval_excludes_zero_where_the_test_rejects():
    rng = np.random.default_rng(5)
    for d in correlated_folds(rng, 200, 6, 0.2, 1.0):
        test = corrected_paired_test(d, np.zeros(6), np.full(6, 0.25))
        assert (test["p_value"] < 0.05) == (test["effect_low"] * test["effect_high"] > 0)


@pytest.mark.parametrize("effect", [0.0, 1.0, 4.0])
def test_the_effect_interval_covers_as_often_as_it_says(effect):
    k, n_sets, rho = 5, 1000, 0.2
    rng = np.random.default_rng(6)
    ratio = np.full(k, rho / (1 - rho))
    covered = 0
    for d in correlated_folds(rng, n_sets, k, rho, effect):
        test = corrected_paired_test(d, np.zeros(k), ratio, 0.9)
        covered += test["effect_low"] <= effect <= test["effect_high"]
    # 4 standard errors of a frequency of 90 % over 1000 data sets.
    assert abs(covered / n_sets - 0.9) < 4 * math.sqrt(0.9 * 0.1 / n_sets)


@pytest.mark.parametrize("t", [1e4, -1e9])
def test_huge_statistics_have_finite_effects(t):
    low, high = effect_interval(t, 1.0, 5)
    assert math.isfinite(low) and math.isfinite(high) and low < t < high
    # The spread of 4 degrees of freedom is all that is unknown here.
    ends = np.sqrt(stats.chi2.ppf([0.025, 0.975], 4) / 4) * abs(t)
    assert sorted(map(abs, (low, high))) == pytest.approx(ends, rel=1e-3)


def test_degenerate_differences_have_no_effect_interval():
    a = np.array([0.1, 0.2, 0.3])
    same = corrected_paired_test(a, a, np.full(3, 0.5))
    assert same["effect_size"] == 0.0 and math.isnan(same["effect_low"])
    constant = corrected_paired_test(a + 0.1, a, np.full(3, 0.5))
    assert math.isnan(constant["effect_size"]) and math.isnan(constant["effect_high"])


# What baycomp 1.0.3 gives: probabilities, location and scale of the posterior. It is not installed
# with the tests, as its wheel brings a top-level package "tests" that hides ours from processes.
BAYCOMP = [
    (
        2,
        0.0,
        (0.7659254904871498, 0.0, 0.23407450951285025),
        -0.025208358663445396,
        0.022804215850140207,
    ),
    (
        2,
        0.01,
        (0.6872206497850029, 0.1298301427740578, 0.18294920744093934),
        -0.025208358663445396,
        0.022804215850140207,
    ),
    (
        2,
        0.2,
        (0.041295101018175136, 0.9265828670346726, 0.03212203194715224),
        -0.025208358663445396,
        0.022804215850140207,
    ),
    (
        5,
        0.0,
        (0.17942331455885208, 0.0, 0.8205766854411479),
        0.007895871238224595,
        0.0076237108701682765,
    ),
    (
        5,
        0.01,
        (0.03936950872452888, 0.5625194097296151, 0.39811108154585595),
        0.007895871238224595,
        0.0076237108701682765,
    ),
    (
        5,
        0.2,
        (5.376752182471132e-06, 0.999987259583782, 7.363664035531237e-06),
        0.007895871238224595,
        0.0076237108701682765,
    ),
    (
        10,
        0.0,
        (0.8272453466580684, 0.0, 0.17275465334193163),
        -0.009258108397222953,
        0.009300081856929206,
    ),
    (
        10,
        0.01,
        (0.46908188312094934, 0.4967773904375654, 0.03414072644148525),
        -0.009258108397222953,
        0.009300081856929206,
    ),
    (
        10,
        0.2,
        (3.6357141344914584e-09, 0.9999999947618836, 1.6024022109206726e-09),
        -0.009258108397222953,
        0.009300081856929206,
    ),
]


@pytest.mark.parametrize(("k", "rope", "theirs", "location", "scale"), BAYCOMP)
def test_bayesian_test_against_baycomp(k, rope, theirs, location, scale):
    rng = np.random.default_rng(k)
    a, b = 0.9 + 0.02 * rng.normal(size=(2, k))
    # Cross-validation tests on 1/k and trains on the rest, which is what baycomp assumes.
    test = bayesian_correlated_test(b, a, np.full(k, 1 / (k - 1)), rope)
    ours = (test["p_worse"], test["p_equivalent"], test["p_better"])
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    law = stats.t(k - 1, location, scale)
    assert (test["ci_low"], test["ci_high"]) == pytest.approx(law.interval(0.95))


def test_bayesian_test_in_degenerate_cases():
    a, third = np.array([0.1, 0.2, 0.3]), np.full(3, 0.5)
    same = bayesian_correlated_test(a, a, third, 0.01)
    assert (same["p_worse"], same["p_equivalent"], same["p_better"]) == (0.0, 1.0, 0.0)
    constant = bayesian_correlated_test(a + 0.1, a, third, 0.01)
    assert math.isnan(constant["p_better"]) and "spread is unknown" in constant["note"]
    lost = bayesian_correlated_test([0.5, np.nan, np.nan], a, third, 0.01)
    assert math.isnan(lost["p_equivalent"]) and lost["note"].startswith("no posterior")


def test_the_posterior_is_calibrated_under_its_model():
    # Where it says 90 % for better, it is so in 90 % of worlds drawn from a wide prior.
    k, rho, rope = 5, 0.2, 0.3
    rng = np.random.default_rng(8)
    truth = rng.uniform(-6, 6, size=3000)
    d = correlated_folds(rng, 3000, k, rho, truth[:, np.newaxis])
    ratio = np.full(k, rho / (1 - rho))
    sure = np.array([bayesian_correlated_test(x, np.zeros(k), ratio, rope)["p_better"] for x in d])
    for low, high in ((0.05, 0.5), (0.5, 0.95)):
        chosen = (sure > low) & (sure < high)
        hits = (truth > rope)[chosen]
        # 4 standard errors of the frequency, with what the flat prior's cut at ±6 moves.
        error = math.sqrt(hits.mean() * (1 - hits.mean()) / chosen.sum())
        assert abs(hits.mean() - sure[chosen].mean()) < 4 * error
