import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from qsklearn.model_selection import compare, signed_rank_tests
from qsklearn.model_selection._signed_rank import signed_rank_law, signed_rank_test

X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def results():
    contenders = {"Bayes": GaussianNB(), "stump": DecisionTreeClassifier(max_depth=1)}
    rng = np.random.default_rng(0)
    return {
        f"data {i}": compare(
            contenders, X + scale * rng.normal(size=X.shape), Y, cv=3, random_state=i,
            scoring=["accuracy", "f1_macro"], baseline="stump",
        )
        for i, scale in enumerate((0.0, 0.3, 0.6, 1.0, 1.5, 2.0))
    }  # fmt: skip


def test_rows(results):
    (row,) = signed_rank_tests(results)
    means = [
        (r.scores["accuracy"]["Bayes"] - r.scores["accuracy"]["stump"]).mean()
        for r in results.values()
    ]
    assert (row["estimator"], row["baseline"], row["scoring"]) == ("Bayes", "stump", "accuracy")
    assert row["n_data_sets"] == 6
    assert row["p_value"] == pytest.approx(stats.wilcoxon(means).pvalue)
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(means, 2)]
    assert row["median_difference"] == pytest.approx(np.median(walsh))
    # Six data sets: the interval is all that there is, at 1 - 2 / 2**6.
    assert row["ci_low"] == pytest.approx(min(means)) and row["level"] == 0.96875
    assert row["ci_high"] == pytest.approx(max(means))
    (back,) = signed_rank_tests(results, "Bayes", scoring="f1_macro")
    assert back["estimator"] == "stump" and back["scoring"] == "f1_macro"


def test_law_against_enumeration():
    for n in range(7):
        sums = [
            sum(r for r, up in zip(range(1, n + 1), signs, strict=True) if up)
            for signs in itertools.product([0, 1], repeat=n)
        ]
        expected = np.bincount(sums, minlength=n * (n + 1) // 2 + 1) / 2**n
        np.testing.assert_allclose(signed_rank_law(n), expected, atol=1e-15)


@pytest.mark.parametrize("n", [6, 9, 25])
def test_interval_and_test_agree_and_cover(n):
    rng = np.random.default_rng(n)
    covered = []
    for d in 0.3 + rng.standard_t(5, size=(400, n)):
        test = signed_rank_test(d)
        excludes = test["ci_low"] > 0 or test["ci_high"] < 0
        assert excludes == (test["p_value"] <= 1 - test["level"] + 1e-12)
        covered.append(test["ci_low"] <= 0.3 <= test["ci_high"])
    level = test["level"]
    assert 0.95 <= level < 1
    # 4 standard errors of the frequency over 400 draws of a symmetric law about 0.3.
    assert abs(np.mean(covered) - level) < 4 * math.sqrt(level * (1 - level) / 400)


@pytest.mark.parametrize("n, smallest", [(1, "1"), (4, "0.12"), (5, "0.062")])
def test_too_few_data_sets_are_told(n, smallest):
    test = signed_rank_test(np.arange(1.0, n + 1))
    assert math.isnan(test["ci_low"]) and math.isnan(test["level"])
    assert test["p_value"] == 2.0 ** (1 - n)
    assert f"{n} differences can give is {smallest}, so none is below 0.05" in test["note"]
    assert "no interval of 95%: it takes 6 data sets" in test["note"]
    assert test["effect_size"] == 1.0


def test_the_level_decides_how_many_it_takes():
    assert signed_rank_test(np.arange(1.0, 5.0), 0.8)["level"] == 1 - 2 / 2**4
    assert "it takes 8 data sets" in signed_rank_test(np.arange(1.0, 8.0), 0.99)["note"]
    assert signed_rank_test(np.arange(1.0, 9.0), 0.99)["level"] == pytest.approx(1 - 2 / 2**8)


def test_effect_size_zeros_and_ties():
    # Ranks 1, 2, 3, 4 of which 2 speaks against: (1 + 3 + 4 - 2) / 10.
    assert signed_rank_test(np.array([0.1, -0.2, 0.3, 0.4]))["effect_size"] == pytest.approx(0.6)
    zeros = signed_rank_test(np.zeros(3))
    assert (zeros["p_value"], zeros["effect_size"]) == (1.0, 0.0)
    assert "all differences are zero" in zeros["note"] and zeros["median_difference"] == 0.0
    d = np.array([0.0, 0.0, 0.1, 0.1 + 1e-15, -0.1, 0.3, 0.4])
    test = signed_rank_test(d)
    assert test["p_value"] == stats.wilcoxon(np.round(d, 12), zero_method="zsplit").pvalue
    assert "5 differences can give is 0.062" in test["note"]


def test_data_sets_without_a_finished_fold_are_left_out():
    test = signed_rank_test(np.array([0.1, np.nan, 0.2]))
    assert test["n_data_sets"] == 2 and "1 data sets are left out" in test["note"]
    nothing = signed_rank_test(np.array([np.nan]))
    assert nothing["n_data_sets"] == 0 and math.isnan(nothing["p_value"])
    assert math.isnan(nothing["median_difference"]) and math.isnan(nothing["effect_size"])


def test_bad_parameters(results):
    def refused(text, results, *args, **kwargs):
        with pytest.raises(ValueError, match=text):
            signed_rank_tests(results, *args, **kwargs)

    refused("'results' parameter of signed_rank_tests must be a dict", {})
    refused("'results' parameter of signed_rank_tests must be a dict", [1])
    refused("'results' parameter of signed_rank_tests must be a dict", {"a": 1})
    refused(r"'baseline' parameter .* one of \['Bayes', 'stump'\]. Got 'x'", results, "x")
    refused("'scoring' parameter of signed_rank_tests must be one of", results, scoring="auc")
    refused("'confidence' parameter of signed_rank_tests", results, confidence=95)
    other = compare({"guess": DummyClassifier()}, X, Y, cv=2)
    refused("comparisons of the same contenders.* for 'o' instead", results | {"o": other})
    contenders = {"Bayes": GaussianNB(), "stump": DecisionTreeClassifier(max_depth=1)}
    turned = compare(contenders, X, Y, cv=2, scoring="accuracy")
    refused("'baseline' parameter .* must be given where", results | {"o": turned})
    assert signed_rank_tests(results | {"o": turned}, "Bayes")[0]["n_data_sets"] == 7
