"""Contenders against their own controls: rows, tables, page, ranks over data sets."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris, load_wine
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from qsklearn.model_selection import compare, signed_rank_tests, with_controls, write_report


class Careful(ClassifierMixin, BaseEstimator):
    """A tree, with a stump for its twin and Bayes for an ablation."""

    def fit(self, X, y):
        self.tree_ = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        return self.tree_.predict(X)

    def classical_twin(self):
        return DecisionTreeClassifier(max_depth=1, random_state=0)

    def ablations(self):
        return {"Bayes": GaussianNB()}


@pytest.fixture(scope="module")
def results():
    estimators = with_controls({"careful": Careful(), "plain": GaussianNB()})
    return {
        name: compare(estimators, *load(return_X_y=True), baseline="plain", random_state=0)
        for name, load in {"iris": load_iris, "wine": load_wine}.items()
    }


def test_rows(results):
    result = results["iris"]
    rows = result.control_tests()
    pairs = [(row["estimator"], row["baseline"]) for row in rows]
    assert pairs == [("careful", "careful: classical twin"), ("careful", "careful: Bayes")]
    scores = result.scores["score"]
    for row in rows:
        expected = scores["careful"] - scores[row["baseline"]]
        assert row["difference"] == pytest.approx(expected.mean())
        assert row["p_worse"] + row["p_equivalent"] + row["p_better"] == pytest.approx(1.0)
    # The contender's minus the control's: the other way round than tests against a baseline.
    (other,) = [
        row
        for row in result.paired_tests("careful")
        if row["estimator"] == "careful: classical twin"
    ]
    assert rows[0]["difference"] == pytest.approx(-other["difference"])
    assert rows[0]["p_value"] == pytest.approx(other["p_value"])
    assert rows[0]["effect_low"] == pytest.approx(-other["effect_high"])
    assert rows[0]["difference"] > 0.2 and rows[0]["p_better"] > 0.95


def test_the_region_of_equivalence_is_passed_on(results):
    assert results["iris"].control_tests(rope=1.0)[1]["p_equivalent"] > 0.99
    with pytest.raises(ValueError, match="'rope' parameter of ComparisonResult must be"):
        results["iris"].control_tests(rope=-1)
    with pytest.raises(ValueError, match="'scoring' parameter of ComparisonResult"):
        results["iris"].control_tests(scoring="f1")


def test_none_without_controls():
    result = compare({"a": GaussianNB(), "b": Careful()}, *load_iris(return_X_y=True))
    assert result.control_tests() == []
    assert "its control" not in result.to_text()


def test_the_table(results):
    text = results["iris"].to_text()
    assert "careful minus classical twin" in text and "careful minus Bayes" in text
    assert max(map(len, text.splitlines())) <= 120


def test_variants_are_each_tested_against_the_controls_that_they_share(tmp_path):
    X, y = load_iris(return_X_y=True)
    trees = {f"tree ({n})": DecisionTreeClassifier(max_depth=n, random_state=0) for n in (1, 2)}
    shared = {"tree: twin": DecisionTreeClassifier(max_depth=1, random_state=0)}
    result = compare(trees | shared | {"plain": GaussianNB()}, X, y, random_state=0)
    rows = result.control_tests()
    assert [row["estimator"] for row in rows] == list(trees)
    assert {row["baseline"] for row in rows} == {"tree: twin"}
    assert rows[0]["note"] == "the same in every fold" and rows[1]["difference"] > 0.1
    text = result.to_text()
    (same,) = [line for line in text.splitlines() if line.startswith("tree (1) minus twin")]
    assert same.endswith("the same in every fold") and "tree (2) minus twin" in text
    page = write_report({"iris": result, "again": result}, tmp_path / "page.html")
    page = page.read_text(encoding="utf-8")
    # Both data sets have it in their own tables, and in that over both.
    assert page.count("tree (1) minus twin") == 3
    assert page.count('minus that of its control">the same in every fold<') == 2
    assert page.count('data-label="again">the same in every fold<') == 1
    assert "<br>the same in every fold" in page  # the first one's twin has its scores


def test_over_data_sets_and_on_the_page(results, tmp_path):
    rows = signed_rank_tests(results, controls=True)
    assert [row["baseline"] for row in rows] == ["careful: classical twin", "careful: Bayes"]
    means = [r.control_tests()[0]["difference"] for r in results.values()]
    # The pseudo-median of two is their mean.
    assert rows[0]["median_difference"] == pytest.approx(np.mean(means))
    page = write_report(results, tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("careful minus classical twin") == 3
    assert page.count("Against their own controls") == 2
