import dataclasses
import math
import pickle

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from qsklearn import QUBOTransferClassifier, SpinGlassAnnealedNetwork
from qsklearn.model_selection import compare, cost_curve
from qsklearn.samplers import GibbsSampler, SimulatedAnnealingSampler

X, Y = load_iris(return_X_y=True)
N_FOLDS = 5
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Reader(ClassifierMixin, BaseEstimator):
    """The nearest of class means that are the noisier the fewer reads there are."""

    def __init__(self, num_reads=1, fails=False):
        self.num_reads, self.fails = num_reads, fails

    def fit(self, X, y):
        if self.fails:
            raise RuntimeError("no reads today")
        self.n_features_in_ = X.shape[1]
        self.classes_ = np.unique(y)
        noise = np.random.default_rng(0).normal(size=(len(self.classes_), X.shape[1]))
        means = np.array([X[y == label].mean(axis=0) for label in self.classes_])
        self.means_ = means + 3 * noise / self.num_reads
        self.cost_ = {"reads": 10 * self.num_reads, "qpu_access_time": 2e6 * self.num_reads}
        return self

    def predict(self, X):
        distances = ((X[:, np.newaxis] - self.means_) ** 2).sum(axis=2)
        return self.classes_[distances.argmin(axis=1)]

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
        assert (n_features, method) == (4, "predict")
        return {"reads": n_samples * self.num_reads, "calls": 1, "qpu_access_time": 5e5}


class Table(BaseEstimator):
    """Scores that are given: `values` per fold, of two rows each, for a cost of `price`."""

    def __init__(self, values=(), price=None):
        self.values, self.price = values, price

    def fit(self, X, y):
        self.is_fitted_ = True
        if self.price is not None:
            self.cost_ = {"reads": self.price}
        return self

    def score(self, X, y):
        return self.values[int(X[0, 0]) // 2]


ROWS = np.arange(2 * N_FOLDS).reshape(-1, 1)


def tables(contenders):
    """The curve of contenders with given scores: name -> list of (price, scores per fold)."""
    points = {
        name: [Table(tuple(values), price) for price, values in given]
        for name, given in contenders.items()
    }
    estimators = {name: make_pipeline(own[0]) for name, own in points.items()}
    ranges = {name: {"table": own} for name, own in points.items()}
    return cost_curve(estimators, ROWS, ROWS[:, 0], param_ranges=ranges, cv=KFold(N_FOLDS))


@pytest.fixture(scope="module")
def curve():
    estimators = {
        "reader": Reader(),
        "piped": make_pipeline(StandardScaler(), Reader()),
        "Bayes": GaussianNB(),
    }
    ranges = {"reader": {"num_reads": [1, 4, 50]}, "piped": {"reader__num_reads": (2, 8)}}
    return cost_curve(
        estimators, X, Y, param_ranges=ranges, scoring=["accuracy", "f1_macro"], random_state=0
    )


def test_points_are_those_of_a_comparison(curve):
    rows = curve.summary()
    assert [(row["estimator"], row["parameter"], row["value"]) for row in rows] == [
        ("reader", "num_reads", 1),
        ("reader", "num_reads", 4),
        ("reader", "num_reads", 50),
        ("piped", "reader__num_reads", 2),
        ("piped", "reader__num_reads", 8),
        ("Bayes", None, None),
    ]
    alone = {"four": Reader(num_reads=4), "Bayes": GaussianNB()}
    alone = compare(alone, X, Y, scoring=["accuracy", "f1_macro"], random_state=0)
    for scorer in ("accuracy", "f1_macro"):
        expected = {row["estimator"]: row for row in alone.summary(scorer)}
        found = curve.summary(scorer)
        for row, name in ((found[1], "four"), (found[5], "Bayes")):
            assert row["scoring"] == scorer and row["n_folds"] == 5
            for key in ("mean", "standard_error", "half_width"):
                assert row[key] == pytest.approx(expected[name][key], abs=1e-12)
    assert curve.scorers == ("accuracy", "f1_macro") == curve.result.scorers
    assert rows[0]["mean"] < rows[2]["mean"]


def test_costs_of_fits_and_predictions(curve):
    rows = curve.summary()
    assert [row["reads"] for row in rows[:5]] == [10, 40, 500, 20, 80]
    assert [row["qpu_seconds"] for row in rows[:3]] == [2, 8, 100]
    # A test fold has 30 rows; in a pipeline it is the last step that is asked.
    assert [row["predict_reads"] for row in rows[:5]] == [30, 120, 1500, 60, 240]
    assert rows[0]["predict_qpu_seconds"] == 0.5 and rows[0]["predict_calls"] == 1
    assert math.isnan(rows[0]["predict_queries"]) and math.isnan(rows[0]["sweeps"])
    assert [row["total_reads"] for row in rows[:2]] == [40, 160]
    assert rows[0]["total_qpu_seconds"] == 2.5
    for key in ("reads", "qpu_seconds", "predict_reads", "total_reads", "oracle_queries"):
        assert math.isnan(rows[5][key])
    assert all(row["fit_seconds"] > 0 and row["score_seconds"] > 0 for row in rows)


def test_an_estimate_that_fails_loses_no_score():
    class Silent(Reader):
        def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
            raise RuntimeError("the device's timing is not known")

    ranges = {"reader": {"num_reads": [4]}, "silent": {"num_reads": [4]}}
    estimators = {"reader": Reader(), "silent": Silent()}
    found = cost_curve(estimators, X, Y, param_ranges=ranges, random_state=0)
    reader, silent = found.summary()
    assert silent["mean"] == reader["mean"] and silent["reads"] == reader["reads"]
    assert reader["predict_reads"] > 0 and math.isnan(silent["predict_reads"])


def test_frame_and_text(curve):
    frame = curve.to_frame("f1_macro")
    assert len(frame) == 6 and set(frame["scoring"]) == {"f1_macro"}
    assert frame["mean"].tolist() == [row["mean"] for row in curve.summary("f1_macro")]
    assert repr(curve) == "<CostCurve of 3 estimators at 6 points on 5 folds: reader, piped, Bayes>"
    with pytest.raises(ValueError, match="Got 'auc' instead"):
        curve.summary("auc")
    means = [row["mean"] for row in pickle.loads(pickle.dumps(curve)).summary()]
    assert means == [row["mean"] for row in curve.summary()]


def test_estimators_stay_as_they_are():
    reader = Reader()
    cost_curve({"reader": reader}, X, Y, param_ranges={"reader": {"num_reads": [3]}}, cv=2)
    assert reader.num_reads == 1 and not hasattr(reader, "means_")


@pytest.mark.parametrize(
    "scoring, names",
    [
        (None, ("score",)),
        ("accuracy", ("accuracy",)),
        (lambda estimator, X, y: accuracy_score(y, estimator.predict(X)), ("score",)),
        (lambda estimator, X, y: {"a": estimator.score(X, y), "b": 1.0}, ("a", "b")),
        ({"mine": "accuracy", "other": "balanced_accuracy"}, ("mine", "other")),
    ],
)
def test_all_forms_of_scoring(scoring, names):
    folds = KFold(3, shuffle=True, random_state=1)
    found = cost_curve({"tree": GaussianNB()}, X, Y, param_ranges={}, cv=folds, scoring=scoring)
    assert found.scorers == names
    expected = cross_val_score(GaussianNB(), X, Y, cv=folds)
    np.testing.assert_array_equal(found.result.scores[names[0]]["tree"], expected)


def test_workers_change_nothing():
    ranges = {"tree": {"max_depth": [1, 2, None]}}
    trees = {"tree": DecisionTreeClassifier(random_state=0)}
    with parallel_config("threading"):
        one, two = (
            cost_curve(trees, X, Y, param_ranges=ranges, random_state=3, cv=3, n_jobs=n)
            for n in (1, 2)
        )
    assert [row["mean"] for row in one.summary()] == [row["mean"] for row in two.summary()]
    assert [point.value for point in two.points] == [1, 2, None]


@unconverged
def test_parameters_of_samplers():
    sampler = SimulatedAnnealingSampler(num_reads=2)
    networks = {"annealed": SpinGlassAnnealedNetwork(sampler=sampler, max_iter=2, random_state=0)}
    ranges = {"annealed": {"sampler__num_sweeps": [3, 12]}}
    found = cost_curve(networks, X, Y, param_ranges=ranges, cv=2)
    few, many = found.summary()
    assert few["reads"] == many["reads"] > 0 and many["sweeps"] == 4 * few["sweeps"] > 0
    assert few["predict_reads"] == 0 and few["total_reads"] == few["reads"]


@unconverged
def test_transfer_pays_when_it_predicts():
    transfer = QUBOTransferClassifier(LogisticRegression(), sampler=GibbsSampler(num_sweeps=5))
    found = cost_curve(
        {"transfer": transfer}, X, Y, param_ranges={"transfer": {"num_reads": [2, 6]}}, cv=3
    )
    report = transfer.set_params(num_reads=6).fit(X, Y).sampling_report(X[:50])
    few, many = found.summary()
    assert few["reads"] == many["reads"] == 0
    assert (few["predict_reads"], many["predict_reads"]) == (100, 300)
    assert many["total_reads"] == report["reads"] == 300


def test_best_within_a_budget():
    low, high = [0.5, 0.6, 0.5, 0.6, 0.5], [0.8, 0.9, 0.7, 0.9, 0.8]
    twin = [0.7, 0.7, 0.8, 0.7, 0.6]
    found = tables({"twin": [(None, twin)], "sampled": [(10, low), (1000, high), (9, high[::-1])]})
    rows = found.at_equal_cost("reads", budgets=[9, 999, 1e9, 3])
    assert [(row["budget"], row["estimator"]) for row in rows[:3]] == [
        (9, "twin"), (9, "sampled"), (999, "twin"),
    ]  # fmt: skip
    sampled = rows[1::2]
    assert [row["cost"] for row in sampled[:3]] == [9, 9, 1000]  # the first of equals
    assert sampled[0]["parameter"] == "table" and sampled[0]["value"].price == 9
    assert sampled[2]["mean"] == pytest.approx(np.mean(high))
    # The test is that of the comparison of all points.
    labels = {point.value.price: point.label for point in found.points}
    tests = found.result.paired_tests(labels[None])
    expected = {test["estimator"]: test for test in tests}[labels[1000]]
    for key in ("difference", "ci_low", "ci_high", "p_value", "note"):
        assert sampled[2][key] == expected[key]
    assert sampled[2]["baseline"] == "twin" and math.isnan(rows[0]["difference"])
    # A twin that draws nothing is within every budget, and what is dearer within none.
    assert [row["mean"] for row in rows[::2]] == [pytest.approx(0.7)] * 4
    assert sampled[3]["value"] is None and math.isnan(sampled[3]["mean"])
    assert "no point of sampled that finished is within the budget" in sampled[3]["note"]
    backwards = found.at_equal_cost("reads", "sampled", budgets=1e9)
    assert backwards[0]["difference"] == pytest.approx(-expected["difference"])


def test_budgets_are_the_costs_themselves():
    found = tables({"a": [(7, [0.5] * 5), (3, [0.4] * 5)], "b": [(3, [0.2] * 5)]})
    assert [row["budget"] for row in found.at_equal_cost()] == [3, 3, 7, 7]
    assert [row["cost"] for row in found.at_equal_cost()] == [3, 3, 7, 3]


@pytest.mark.parametrize("price", [None, 0])
def test_a_cost_that_nobody_has_is_refused(price):
    found = tables({"a": [(price, [0.5] * 5)], "b": [(None, [0.2] * 5)]})
    with pytest.raises(ValueError, match=r"one that a contender has \(a: fit_seconds, .*; b: fit_"):
        found.at_equal_cost("reads")
    assert len(found.at_equal_cost("fit_seconds", budgets=60)) == 2


def test_numbers_of_numpy_are_plain():
    ranges = {"reader": {"num_reads": np.array([1, 2])}}
    found = cost_curve({"reader": Reader()}, X, Y, param_ranges=ranges, cv=2)
    assert [p.label for p in found.points] == ["reader [num_reads=1]", "reader [num_reads=2]"]
    assert [type(point.value) for point in found.points] == [int, int]


def test_choice_on_other_folds_is_that_of_a_plain_loop():
    rng = np.random.default_rng(5)
    values = rng.uniform(size=(4, N_FOLDS))
    found = tables({"twin": [(None, [0.5] * 5)], "many": [(n, values[n]) for n in range(4)]})
    (_, row) = found.at_equal_cost(budgets=[3], choose_on="other folds")
    expected = []
    for fold in range(N_FOLDS):
        others = [i for i in range(N_FOLDS) if i != fold]
        best = max(range(4), key=lambda n: values[n][others].mean())
        expected.append(values[best][fold])
    assert row["mean"] == pytest.approx(np.mean(expected))
    assert row["difference"] == pytest.approx(np.mean(expected) - 0.5)
    # The point itself is the one that is best on all folds.
    assert row["cost"] == values.mean(axis=1).argmax()


def test_choice_on_the_same_folds_flatters():
    """Points that differ by chance only have the mean 0; the best of them looks better."""
    rng = np.random.default_rng(0)
    found = tables({"chance": [(n, [0.0] * N_FOLDS) for n in range(12)]})
    same, other = [], []
    for _ in range(200):
        scores = {point.label: rng.normal(size=N_FOLDS) for point in found.points}
        result = dataclasses.replace(found.result, scores={"score": scores})
        drawn = dataclasses.replace(found, result=result)
        for means, choose_on in ((same, "same folds"), (other, "other folds")):
            means.append(drawn.at_equal_cost(budgets=[99], choose_on=choose_on)[0]["mean"])
    # Expected maximum of 12 means of 5 normal numbers: 1.63 / sqrt(5) = 0.73.
    assert np.mean(same) == pytest.approx(1.63 / math.sqrt(5), abs=4 * 0.25 / math.sqrt(200))
    spread = np.std(other, ddof=1) / math.sqrt(200)
    assert abs(np.mean(other)) < 4 * spread < np.mean(same)


def test_a_failed_point_is_not_chosen():
    estimators = {"reader": Reader(), "guess": DummyClassifier()}
    with pytest.warns(FitFailedWarning, match="5 of 15 fits"):
        found = cost_curve(
            estimators, X, Y, param_ranges={"reader": {"fails": [True, False]}}, random_state=0
        )
    failed, worked, _ = found.summary()
    assert failed["n_folds"] == 0 and math.isnan(failed["mean"]) and math.isnan(failed["reads"])
    assert found.at_equal_cost(budgets=[10])[0]["value"] is False
    assert worked["reads"] == 10
    with pytest.raises(ValueError, match="All 5 fits of compare failed.*no reads today"):
        cost_curve({"reader": Reader(fails=True)}, X, Y, param_ranges={}, scoring=["accuracy"])


def test_values_that_look_the_same_stay_apart():
    class Quiet(Reader):
        def __repr__(self):
            return "Quiet()"

    steps = {"a": make_pipeline(Reader()), "a [reader=Quiet()]": DummyClassifier()}
    ranges = {"a": {"reader": [Quiet(1), Quiet(2)]}}
    found = cost_curve(steps, X, Y, param_ranges=ranges, cv=2)
    assert [row["reads"] for row in found.summary()[:2]] == [10, 20]
    assert len({point.label for point in found.points}) == 3
    assert [row["estimator"] for row in found.at_equal_cost(budgets=[9e9])] == list(steps)


@pytest.mark.parametrize(
    "ranges, message",
    [
        ({"raeder": {"num_reads": [1]}}, r"among \['reader'\]. Got 'raeder' instead"),
        ({"reader": {"num_reads": [1], "fails": [True]}}, "one parameter and a list"),
        ({"reader": {"num_reads": []}}, "not empty"),
        ({"reader": {"num_reads": "12"}}, "Got {'num_reads': '12'} for 'reader'"),
        ({"reader": {"num_reads": 3}}, "one parameter and a list"),
        ({"reader": [1, 2]}, "one parameter and a list"),
        ({"reader": {"reads": [1]}}, "Got 'reads' for 'reader' instead"),
        ({"reader": {"num_reads__x": [1]}}, "A nested name needs an object, such as a sampler"),
        ([1], "must be dicts by the names"),
    ],
)
def test_ranges_that_are_none(ranges, message):
    with pytest.raises(ValueError, match=message):
        cost_curve({"reader": Reader()}, X, Y, param_ranges=ranges)


@pytest.mark.parametrize(
    "scoring, error, message",
    [
        ("acuracy", ValueError, "acuracy"),
        ({}, ValueError, "one score or more"),
        (["accuracy", "nonsense"], ValueError, "nonsense"),
        (None, TypeError, "score"),
    ],
)
def test_scoring_is_checked_before_anything_is_fitted(scoring, error, message):
    class Scoreless(BaseEstimator):
        def fit(self, X, y):
            raise AssertionError("fitted")

    with pytest.raises(error, match=message):
        cost_curve({"one": Scoreless()}, X, Y, param_ranges={}, scoring=scoring)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"cost": "euros"}, r"'cost' parameter of CostCurve.at_equal_cost .* Got 'euros'"),
        ({"baseline": "nobody"}, "Got 'nobody' instead"),
        ({"cost": "sweeps"}, "reader: .*reads.* Got 'sweeps' instead"),
        ({"choose_on": "no folds"}, "Got 'no folds' instead"),
        ({"budgets": []}, "one or more"),
        ({"budgets": [1, -1]}, ">= 0"),
        ({"budgets": "cheap"}, "Got 'cheap' instead"),
        ({"budgets": [math.nan]}, ">= 0"),
        ({"scoring": "auc"}, "Got 'auc' instead"),
    ],
)
def test_wrong_questions(curve, parameters, message):
    with pytest.raises(ValueError, match=message):
        curve.at_equal_cost(**parameters)
