import importlib
import pickle
import warnings

import dimod
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from qsklearn.model_selection import ComparisonResult, compare
from qsklearn.samplers import (
    DimodSampler,
    DWaveQPUSampler,
    EmbeddedSampler,
    ExactSampler,
    MockQPUSampler,
    UncoupledComposite,
)
from qsklearn.samplers._check import _SAMPLERS

X, Y = load_iris(return_X_y=True)


class Costly(ClassifierMixin, BaseEstimator):
    """Predicts the first class, says what it cost, and can be made to fail or to warn."""

    def __init__(self, fail_on=None, warn=False, random_state=None):
        self.fail_on = fail_on
        self.warn = warn
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.fail_on is not None and not (np.asarray(X) == self.fail_on).all(axis=1).any():
            raise RuntimeError("the row to fail on is being tested on")
        if self.warn:
            warnings.warn("not there yet", ConvergenceWarning, stacklevel=2)
        self.cost_ = {
            "reads": np.int64(10 * len(X)),
            "sample_seconds": 0.5,
            "seed": self.random_state,
        }
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def contenders():
    return {
        "logistic": make_pipeline(MinMaxScaler(), LogisticRegression()),
        "tree": DecisionTreeClassifier(),
        "Bayes": GaussianNB(),
    }


def same(one, other):
    return all(
        np.array_equal(one.scores[scorer][name], other.scores[scorer][name], equal_nan=True)
        for scorer in one.scorers
        for name in one.names
    )


def test_scores_are_those_of_cross_validate():
    cv = KFold(4, shuffle=True, random_state=3)
    result = compare(contenders(), X, Y, cv=cv, scoring=["accuracy", "f1_macro"], random_state=0)
    theirs = cross_validate(contenders()["logistic"], X, Y, cv=cv, scoring=["accuracy", "f1_macro"])
    for scorer in ("accuracy", "f1_macro"):
        np.testing.assert_array_equal(
            result.scores[scorer]["logistic"], theirs[f"test_{scorer}"], strict=True
        )
    assert result.names == ("logistic", "tree", "Bayes") and result.baseline == "logistic"
    assert result.scorers == ("accuracy", "f1_macro")
    assert result.test_sizes == (38, 38, 37, 37) and result.train_sizes == (112, 112, 113, 113)
    assert all((seconds > 0).all() for seconds in result.fit_seconds.values())


def test_n_jobs_changes_nothing():
    one, two = (
        compare(contenders(), X, Y, cv=3, random_state=0, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert same(one, two) and one.seeds == two.seeds


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_backends(backend):
    with parallel_config(backend=backend):
        other = compare(contenders(), X, Y, cv=3, random_state=0, n_jobs=2)
    assert same(other, compare(contenders(), X, Y, cv=3, random_state=0))


def test_the_contenders_stay_as_they_are():
    estimators = contenders()
    compare(estimators, X, Y, cv=3, random_state=0)
    assert not hasattr(estimators["tree"], "tree_")
    assert estimators["tree"].random_state is None


def test_the_splitter_is_asked_once():
    class Counting(KFold):
        calls = 0

        def split(self, X, y=None, groups=None):
            Counting.calls += 1
            return super().split(X, y, groups)

    # Unseeded: asked twice it would give two sets of folds, and the twins would differ.
    twins = {"a": LogisticRegression(max_iter=1000), "b": LogisticRegression(max_iter=1000)}
    result = compare(twins, X, Y, cv=Counting(3, shuffle=True))
    assert Counting.calls == 1
    np.testing.assert_array_equal(result.scores["score"]["a"], result.scores["score"]["b"])


def test_seeds_reach_unset_random_states_and_no_others():
    estimators = {"free": Costly(), "in a pipe": make_pipeline(Costly()), "set": Costly(None, 0, 7)}
    result = compare(estimators, X, Y, cv=3, random_state=5)
    seen = {name: tuple(cost["seed"] for cost in result.costs[name]) for name in result.names}
    assert seen["free"] == seen["in a pipe"] == result.seeds and len(set(result.seeds)) == 3
    assert seen["set"] == (7, 7, 7)
    assert compare(estimators, X, Y, cv=3, random_state=5).seeds == result.seeds
    unseeded = compare(estimators, X, Y, cv=3)
    assert unseeded.seeds == (None,) * 3 and unseeded.costs["free"][0]["seed"] is None


def test_folds_from_an_int():
    def own(**kwargs):
        return cross_validate(GaussianNB(), X, Y, **kwargs)["test_score"]

    result = compare({"Bayes": GaussianNB()}, X, Y, cv=4)
    np.testing.assert_array_equal(result.scores["score"]["Bayes"], own(cv=StratifiedKFold(4)))
    shuffled = compare({"Bayes": GaussianNB()}, X, Y, cv=4, random_state=1)
    assert not np.array_equal(shuffled.scores["score"]["Bayes"], own(cv=StratifiedKFold(4)))
    given = compare({"Bayes": GaussianNB()}, X, Y, cv=StratifiedKFold(4), random_state=1)
    np.testing.assert_array_equal(given.scores["score"]["Bayes"], own(cv=StratifiedKFold(4)))


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_groups_stay_together(kind):
    groups = np.arange(150) % 7
    cv = GroupKFold(3)
    result = compare({"Bayes": GaussianNB()}, X, Y, groups=kind(groups), cv=cv)
    theirs = cross_validate(GaussianNB(), X, Y, groups=groups, cv=cv)["test_score"]
    np.testing.assert_array_equal(result.scores["score"]["Bayes"], theirs)
    assert result.test_sizes == tuple(len(test) for _, test in cv.split(X, Y, groups))


def test_a_fold_that_fails_is_reported_and_the_rest_go_on():
    estimators = {"Bayes": GaussianNB(), "frail": Costly(fail_on=X[0])}
    with pytest.warns(FitFailedWarning, match="1 of 8 fits of compare failed.*'frail' on fold 0"):
        result = compare(estimators, X, Y, cv=4)
    assert np.isnan(result.scores["score"]["frail"]).tolist() == [True, False, False, False]
    assert result.errors["frail"][0].startswith("RuntimeError: the row to fail on")
    assert result.errors["frail"][1:] == (None,) * 3 == result.errors["Bayes"][1:]
    assert np.isfinite(result.scores["score"]["Bayes"]).all()
    assert result.costs["frail"][0] is None and np.isnan(result.fit_seconds["frail"][0])
    (test,) = result.paired_tests()
    assert test["n_folds"] == 3


def test_all_folds_of_a_contender_fail_even_in_its_constructor():
    estimators = {"wrong": LogisticRegression(C=-1.0), "guess": DummyClassifier()}
    with pytest.warns(FitFailedWarning, match="5 of 10"):
        result = compare(estimators, X, Y)
    row = result.summary()[0]
    assert row["n_failed"] == 5 and row["n_folds"] == 0 and np.isnan(row["mean"])
    assert result.errors["wrong"][0].startswith(
        "InvalidParameterError: The 'C' parameter of LogisticRegression must be"
    )
    with pytest.raises(ValueError, match="The 'C' parameter of LogisticRegression must be"):
        compare(estimators, X, Y, error_score="raise")
    assert np.isnan(result.paired_tests()[0]["p_value"])
    assert "n/a" in str(result)


def test_a_scorer_that_fails_fails_the_fold():
    def broken(y_true, y_pred):
        raise ZeroDivisionError("no such score")

    def of_trees(estimator, X, y):
        return broken(y, y) if isinstance(estimator, DecisionTreeClassifier) else 1.0

    estimators = {"guess": DummyClassifier(), "tree": DecisionTreeClassifier()}
    for scoring in (of_trees, {"one": of_trees, "two": of_trees}):
        with pytest.warns(FitFailedWarning, match="5 of 10 .* 'tree' on fold 0: ZeroDivisionError"):
            result = compare(estimators, X, Y, scoring=scoring)
        assert result.errors["tree"] == ("ZeroDivisionError: no such score",) * 5
        assert result.warnings["tree"] == ([],) * 5
    with pytest.raises(ValueError, match="All 5 fits of compare failed.*ZeroDivisionError"):
        compare({"guess": DummyClassifier()}, X, Y, scoring=make_scorer(broken))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_of_several_scorers_fails_alone(n_jobs, tmp_path):
    estimators = {"svc": LinearSVC(), "Bayes": GaussianNB()}
    scoring = ["accuracy", "neg_log_loss"]
    with pytest.warns(UserWarning, match="'svc', in 3 folds: the score 'neg_log_loss' is nan") as w:
        result = compare(estimators, X, Y, cv=3, scoring=scoring, n_jobs=n_jobs)
    assert len(w) == 1 and "AttributeError: LinearSVC has none of" in str(w[0].message)
    assert (
        result.errors["svc"] == (None,) * 3 and np.isnan(result.scores["neg_log_loss"]["svc"]).all()
    )
    theirs = cross_validate(LinearSVC(), X, Y, cv=3)["test_score"]
    np.testing.assert_array_equal(result.scores["accuracy"]["svc"], theirs)
    assert result.paired_tests()[0]["n_folds"] == 3
    assert "no test" in result.paired_tests(scoring="neg_log_loss")[0]["note"]
    assert "neg_log_loss" in result.to_html(tmp_path / "r.html").read_text("utf-8")
    with pytest.raises(AttributeError, match="predict_proba"):
        compare(estimators, X, Y, scoring=scoring, error_score="raise")


def test_labels_of_words_lose_only_the_score_that_cannot_take_them():
    y = np.where(Y == 0, "yes", "no")
    with pytest.warns(
        UserWarning, match="'f1' is nan, as its scorer failed: ValueError: pos_label"
    ):
        result = compare({"Bayes": GaussianNB()}, X, y, scoring=["f1", "accuracy"])
    assert (result.scores["accuracy"]["Bayes"] == 1.0).all()
    assert np.isnan(result.scores["f1"]["Bayes"]).all()


@pytest.mark.parametrize(
    "x, y, reason",
    [(X, np.zeros(150, int), "class"), (np.full_like(X, np.nan), Y, "NaN"), (X[:, 0], Y, "2D")],
    ids=["one class", "not a number", "one dimension"],
)
def test_where_everything_fails_there_is_no_result(x, y, reason):
    estimators = {"a": LogisticRegression(), "b": LinearSVC()}
    text = f"All 6 fits of compare failed.* of 'a' on fold 0: ValueError: .*{reason}"
    with pytest.raises(ValueError, match=text):
        compare(estimators, x, y, cv=KFold(3, shuffle=True, random_state=0))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_raise_passes_the_exception_through(n_jobs):
    with pytest.raises(RuntimeError, match="the row to fail on"):
        compare({"frail": Costly(fail_on=X[0])}, X, Y, error_score="raise", n_jobs=n_jobs)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warnings_come_once_with_their_count(n_jobs):
    with warnings.catch_warnings(record=True) as heard:
        # Under "error" a warning would be a failed fold, as anywhere in scikit-learn.
        warnings.simplefilter("always")
        result = compare({"slow": Costly(warn=True)}, X, Y, n_jobs=n_jobs)
    (one,) = heard
    assert one.category is ConvergenceWarning
    assert str(one.message) == "'slow', in 5 folds: not there yet"
    assert one.filename == __file__
    assert result.warnings["slow"] == ([(ConvergenceWarning, "not there yet")],) * 5
    assert result.errors["slow"] == (None,) * 5


def test_ctrl_c_ends_the_comparison_even_where_an_estimator_keeps_what_it_has():
    class Keeper(DummyClassifier):
        def fit(self, X, y):
            self.stop_reason_ = "interrupted"
            return super().fit(X, y)

    with pytest.raises(KeyboardInterrupt):
        compare({"keeper": make_pipeline(Keeper())}, X, Y)


def test_a_fit_that_its_sampler_ended_keeps_its_scores_and_is_told():
    class Keeper(DummyClassifier):
        def fit(self, X, y):
            self.sampler_ = np.random.default_rng()
            self.stop_reason_ = "converged" if (X[0] == load_iris().data[0]).all() else REASON
            return super().fit(X, y)

    REASON = "sampler: the annealer\nwent away"
    estimators = {"keeper": make_pipeline(Keeper()), "Bayes": GaussianNB()}
    result = compare(estimators, X, Y, cv=KFold(3))
    assert result.stopped_early["keeper"] == (REASON, None, None)
    assert result.stopped_early["Bayes"] == result.samplers["Bayes"] == (None,) * 3
    assert result.samplers["keeper"] == ("Generator",) * 3
    assert np.isfinite(result.scores["score"]["keeper"]).all()
    text = " ".join(result.to_text().split())
    assert "1 of 3 fits of keeper stopped early: sampler: the annealer went away" in text
    assert "Samplers in use: keeper: Generator." in text


def test_costs_are_plain_and_found_inside_wrappers():
    search = GridSearchCV(make_pipeline(Costly()), {"costly__warn": [False]}, cv=2)
    estimators = {"bare": Costly(), "wrapped": search, "free": GaussianNB()}
    result = compare(estimators, X, Y, cv=5)
    expected = {"reads": 1200, "sample_seconds": 0.5, "seed": None}
    assert result.costs["bare"] == result.costs["wrapped"] == (expected,) * 5
    assert type(result.costs["bare"][0]["reads"]) is int
    assert result.costs["free"] == (None,) * 5
    assert result.summary()[0]["cost"] == {"reads": 1200.0, "sample_seconds": 0.5}


@pytest.mark.parametrize(
    "scoring, names",
    [
        (None, ("score",)),
        ("accuracy", ("accuracy",)),
        (make_scorer(accuracy_score), ("score",)),
        (["accuracy", "f1_macro"], ("accuracy", "f1_macro")),
        ({"mine": make_scorer(accuracy_score), "log": "neg_log_loss"}, ("mine", "log")),
        (lambda e, X, y: {"a": e.score(X, y), "b": 0.5}, ("a", "b")),
    ],
    ids=["none", "name", "scorer", "list", "dict", "callable of several"],
)
def test_scorings(scoring, names):
    result = compare({"Bayes": GaussianNB()}, X, Y, cv=3, scoring=scoring)
    assert result.scorers == names == tuple(result.scores)
    assert result.scores[names[0]]["Bayes"].mean() > 0.9


def test_frames_regressors_and_iterables_of_splits():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    splits = iter([(np.arange(100, 442), np.arange(100)), (np.arange(342), np.arange(342, 442))])
    result = compare({"line": LinearRegression()}, X, y, cv=splits, random_state=0)
    assert result.test_sizes == (100, 100) and (result.scores["score"]["line"] > 0.3).all()


def test_progress(capsys):
    compare({"Bayes": GaussianNB()}, X, Y, verbose=1)
    captured = capsys.readouterr()
    assert "5/5" in captured.err and captured.out == ""
    compare({"Bayes": GaussianNB()}, X, Y)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "changes, error, text",
    [
        (dict(estimators={}), ValueError, "'estimators' parameter of compare must be a dict"),
        (dict(estimators=[GaussianNB()]), ValueError, "'estimators' parameter of compare must be"),
        (dict(estimators={1: GaussianNB()}), ValueError, "'estimators' parameter of compare must"),
        (dict(estimators={"a": GaussianNB}), TypeError, "must hold estimators, objects with 'fit'"),
        (dict(estimators={"a": 3}), TypeError, "Got 3 as 'a' instead"),
        (dict(estimators={"a": MinMaxScaler()}), TypeError, "score"),
        (dict(baseline="z"), ValueError, r"'baseline' parameter .* one of \['Bayes'\]. Got 'z'"),
        (dict(scoring="accuraccy"), ValueError, "'accuraccy'"),
        (dict(scoring=[]), ValueError, "'scoring' parameter of compare must be"),
        (dict(scoring=3), ValueError, "'scoring' parameter of compare must be"),
        (dict(error_score=0), ValueError, "'error_score' parameter of compare must be"),
        (dict(cv=1), ValueError, "n_splits=1"),
        (dict(cv=51), ValueError, "n_splits=51"),
        (dict(cv=[]), ValueError, r"'cv' parameter of compare must give one split .* Got \[\]"),
        (dict(groups=Y[:-1], cv=GroupKFold(3)), ValueError, "inconsistent numbers of samples"),
        (dict(cv=GroupKFold(3)), ValueError, "'groups' parameter should not be None"),
        (dict(y=Y[:-1]), ValueError, "inconsistent numbers of samples"),
        (dict(random_state="a"), ValueError, "seed"),
    ],
)
def test_bad_parameters(changes, error, text):
    arguments = dict(estimators={"Bayes": GaussianNB()}, X=X, y=Y) | changes
    with pytest.raises(error, match=text):
        compare(arguments.pop("estimators"), arguments.pop("X"), arguments.pop("y"), **arguments)


def test_the_result_is_frozen_and_travels():
    result = compare({"Bayes": GaussianNB()}, X, Y)
    assert isinstance(result, ComparisonResult)
    with pytest.raises(AttributeError):
        result.names = ()
    with pytest.raises(ValueError, match="read-only"):
        result.scores["score"]["Bayes"][0] = 1.0
    assert same(result, pickle.loads(pickle.dumps(result)))


def test_pandas_labels():
    frame = pd.DataFrame(X, columns=list("abcd"))
    result = compare({"Bayes": GaussianNB()}, frame, pd.Series(Y).map(str), cv=3)
    assert result.scores["score"]["Bayes"].mean() > 0.9


@pytest.mark.parametrize(
    "y, text",
    [
        (None, "must be the labels, as classifiers such as 'Bayes' need them. Got None instead"),
        (["a", None] * 75, "75 of 150 are missing .* the first of them in row 1; leave out such"),
        ([0.0, np.nan, 1.0] * 50, "50 of 150 are missing .* in row 1"),
    ],
)
def test_missing_labels_are_named(y, text):
    X, _ = load_iris(return_X_y=True)
    # Also as objects, and as the numbers that they may be.
    for labels in (y, y and np.array(y, dtype=object), y and np.array(y)):
        with pytest.raises(ValueError, match=f"'y' parameter of compare .*{text}"):
            compare({"Bayes": GaussianNB()}, X, labels)


def test_what_the_data_were():
    X, y = load_iris(return_X_y=True)
    result = compare({"Bayes": GaussianNB()}, X[:, :3], y > 0, cv=2)
    classes = {"False": 50, "True": 100}
    assert result.data == {"n_samples": 150, "n_features": 3, "classes": classes}
    regression = compare({"mean": DummyRegressor()}, X.tolist(), y * 0.5, cv=2)
    assert regression.data == {"n_samples": 150, "n_features": 4, "classes": None}
    labels = compare({"near": KNeighborsClassifier()}, X, y[:, np.newaxis] == [0, 1], cv=2)
    assert labels.data["classes"] is None


def test_what_drew_the_states():
    class Drawing(GaussianNB):
        def __init__(self, sampler=None):
            super().__init__()
            self.sampler = sampler

        def fit(self, X, y):
            self.sampler_ = self.sampler
            return super().fit(X, y)

    samplers = {
        "exact": ExactSampler(),
        "uncoupled": UncoupledComposite("exact"),
        "mock": EmbeddedSampler(MockQPUSampler("ideal")),
        "device": EmbeddedSampler(DWaveQPUSampler()),
        "foreign": DimodSampler(dimod.RandomSampler()),
    }
    estimators = {name: Drawing(sampler) for name, sampler in samplers.items()}
    result = compare(estimators | {"none": GaussianNB()}, *load_iris(return_X_y=True), cv=2)
    said = {name: set(texts) for name, texts in result.drawn_by.items()}
    exact = "exact sums on this machine; no quantum device"
    assert said == {
        "exact": {exact},
        "uncoupled": {exact},
        "mock": {"a simulation of a D-Wave device on this machine; no quantum device"},
        "device": {"a quantum device of D-Wave's"},
        "foreign": {None},
        "none": {None},
    }
    assert f"ExactSampler: {exact}." in result.to_text()


def test_every_sampler_says_what_draws():
    for module, name, *_ in _SAMPLERS.values():
        sampler = getattr(importlib.import_module(f"qsklearn.samplers.{module}"), name)
        assert isinstance(sampler.drawn_by, str)
