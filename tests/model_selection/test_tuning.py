"""Nested cross-validation with one budget for all, against scikit-learn's own search."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from qsklearn.model_selection import compare, with_controls
from qsklearn.model_selection._tuning_plan import inherit

X, Y = load_iris(return_X_y=True)
SPACES = {"tree": {"max_depth": [1, 2, 3], "min_samples_leaf": [1, 5, 10]}}


class Sized(ClassifierMixin, BaseEstimator):
    """Right on a share of the rows that grows with `size`; notes what it is given."""

    seen = []

    def __init__(self, size=1, flavour="quantum", warn=False, fail_below=0, random_state=None):
        self.size = size
        self.flavour = flavour
        self.warn = warn
        self.fail_below = fail_below
        self.random_state = random_state

    def fit(self, X, y):
        Sized.seen.append((self.flavour, self.size, self.random_state, np.asarray(X)[:, 0].copy()))
        if self.size < self.fail_below:
            raise RuntimeError("too small")
        if self.warn and self.size == 1:
            warnings.warn("not there yet", ConvergenceWarning, stacklevel=2)
        self.classes_ = np.unique(y)
        self.cost_ = {"reads": 10 * self.size, "sample_seconds": 0.5}
        return self

    def predict(self, X):
        return self.classes_[np.minimum(np.arange(len(X)) % 10 // max(self.size, 1), 2)]

    def score(self, X, y):
        return self.size / 10

    def classical_twin(self):
        return Sized(self.size, "classical", random_state=self.random_state)

    def ablations(self):
        return {"size fixed": Sized(3, self.flavour), "other": GaussianNB()}


@pytest.fixture(autouse=True)
def forget():
    Sized.seen = []


def test_it_is_scikit_learns_search_on_each_training_set():
    outer, inner = StratifiedKFold(3), StratifiedKFold(4)
    estimators = {"tree": DecisionTreeClassifier(random_state=0), "Bayes": GaussianNB()}
    result = compare(
        estimators, X, Y, cv=outer, inner_cv=inner, n_candidates=9, param_distributions=SPACES,
        scoring=["accuracy", "f1_macro"], random_state=0,
    )  # fmt: skip
    for fold, (train, test) in enumerate(outer.split(X, Y)):
        # All 9 of 9 combinations: their order, and so the choice among equals, is by chance.
        search = GridSearchCV(
            clone(estimators["tree"]), SPACES["tree"], cv=inner, scoring="accuracy"
        ).fit(X[train], Y[train])
        best = result.best_params["tree"][fold]
        tried = search.cv_results_["params"].index(best)
        assert search.cv_results_["mean_test_score"][tried] == pytest.approx(search.best_score_)
        tree = clone(estimators["tree"]).set_params(**best).fit(X[train], Y[train])
        assert result.scores["accuracy"]["tree"][fold] == tree.score(X[test], Y[test])
    assert result.n_candidates == {"tree": 9, "Bayes": 0}
    assert result.best_params["Bayes"] == (None,) * 3
    assert result.tuning["scoring"] == "accuracy" and result.tuning["n_inner_folds"] == (4,) * 3


def test_candidates_are_those_of_the_randomised_search():
    space = {"C": loguniform(1e-3, 1e3)}
    outer, inner = KFold(2, shuffle=True, random_state=1), KFold(2)
    result = compare(
        {"line": LogisticRegression(max_iter=1000)}, X, Y, cv=outer, inner_cv=inner, n_candidates=4,
        param_distributions={"line": space}, random_state=7,
    )  # fmt: skip
    rng = np.random.RandomState(7)
    rng.randint(2**31 - 1, size=2)  # the seeds of the estimators in 2 folds
    for fold, (train, _) in enumerate(outer.split(X, Y)):
        search = RandomizedSearchCV(
            LogisticRegression(max_iter=1000), space, n_iter=4, cv=inner,
            random_state=rng.randint(2**31 - 1),
        ).fit(X[train], Y[train])  # fmt: skip
        assert search.best_params_ == result.best_params["line"][fold]


def test_the_rows_tested_on_are_not_seen_and_inner_folds_are_the_same_for_all():
    # Of the first column as identity: its values would repeat, so number the rows.
    numbered = np.c_[np.arange(150.0), X]
    contenders = with_controls({"a": Sized()}, ablations=False)
    splits = list(StratifiedKFold(3).split(X, Y))
    compare(
        contenders, numbered, Y, cv=splits, param_distributions={"a": {"size": [1, 2, 3, 4]}},
        n_candidates=3, random_state=0,
    )  # fmt: skip
    seen = {k: [s for s in Sized.seen if s[0] == k] for k in ("quantum", "classical")}
    # 3 folds of 3 candidates on 3 inner folds, and a refit.
    assert [len(rows) for rows in seen.values()] == [30, 30]
    for (_, *mine), (_, *twins) in zip(*seen.values(), strict=True):
        assert mine[:2] == twins[:2]
        np.testing.assert_array_equal(mine[2], twins[2])
    for fold, (train, _) in enumerate(splits):
        for *_, rows in seen["quantum"][10 * fold : 10 * fold + 9]:
            assert set(rows) < set(train) and len(rows) in (66, 67)
        np.testing.assert_array_equal(seen["quantum"][10 * fold + 9][3], train)


def test_seconds_and_costs_are_of_the_refit_and_the_tuning_stands_apart():
    result = compare(
        {"a": Sized(), "plain": Sized(2)}, X, Y, cv=2,
        param_distributions={"a": {"size": [1, 2, 4]}}, inner_cv=2,
    )  # fmt: skip
    assert result.best_params["a"] == ({"size": 4},) * 2
    assert result.costs["a"] == ({"reads": 40, "sample_seconds": 0.5},) * 2
    # 2 inner folds of sizes 1, 2 and 4 at 10 reads each, half a second each.
    assert result.tuning_costs["a"] == ({"reads": 140.0, "sample_seconds": 3.0},) * 2
    assert result.tuning_costs["plain"] == (None, None)
    assert (result.tuning_seconds["a"] > result.fit_seconds["a"]).all()
    assert result.tuning_seconds["plain"].tolist() == [0.0, 0.0]
    frame = result.to_frame()
    assert frame["best_params"].tolist() == [{"size": 4}, {"size": 4}, None, None]


def test_a_small_space_is_searched_whole_and_said_so():
    result = compare(
        {"a": Sized(), "b": Sized()}, X, Y, cv=2, n_candidates=5,
        param_distributions={"a": {"size": [1, 2, 4]}, "b": {"size": list(range(1, 9))}},
    )  # fmt: skip
    assert result.n_candidates == {"a": 3, "b": 5}
    text = " ".join(result.to_text().split())
    assert "a: 3 candidates only, the whole of its space." in text
    assert "Tuned in every fold by 5 random candidates on 3 inner folds, for score: a, b." in text
    assert result.tuning["spaces"]["a"] == "size: 1, 2, 4"


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(3)])
def test_bit_repeatable_for_any_n_jobs(random_state):
    contenders = {
        "tree": ExtraTreeClassifier(), "bags": BaggingClassifier(n_estimators=2),
        "line": make_pipeline(MinMaxScaler(), LogisticRegression()),
    }  # fmt: skip
    spaces = {
        "tree": {"max_depth": [1, 2, 3], "min_weight_fraction_leaf": loguniform(1e-3, 0.3)},
        # Parts without a seed of their own get that of the fold.
        "bags": {"estimator": [ExtraTreeClassifier(max_depth=1), ExtraTreeClassifier()]},
        "line": [{"logisticregression__C": [0.1, 1.0]}, {"minmaxscaler__clip": [True]}],
    }
    start = pickle.dumps(random_state)
    one, two, again = (
        compare(
            contenders, X, Y, cv=3, random_state=pickle.loads(start), n_jobs=n_jobs,
            param_distributions=spaces, n_candidates=3,
        )
        for n_jobs in (1, 2, 1)
    )  # fmt: skip
    assert one.fingerprint() == two.fingerprint() == again.fingerprint()
    for name in contenders:
        np.testing.assert_array_equal(one.scores["score"][name], two.scores["score"][name])
        assert list(map(str, one.best_params[name])) == list(map(str, two.best_params[name]))
    other = compare(contenders, X, Y, cv=3, random_state=99, param_distributions=spaces)
    assert other.fingerprint() != one.fingerprint()


def test_tuning_leaves_the_folds_and_seeds_of_others_as_they_were():
    contenders = {"tree": DecisionTreeClassifier(), "other": ExtraTreeClassifier()}
    plain = compare(contenders, X, Y, random_state=4)
    tuned = compare(contenders, X, Y, random_state=4, param_distributions=SPACES, n_candidates=2)
    assert tuned.seeds == plain.seeds and plain.tuning is None
    np.testing.assert_array_equal(tuned.scores["score"]["other"], plain.scores["score"]["other"])


@pytest.mark.parametrize(
    "scoring, tuning_scoring, name",
    [
        (None, None, "score"),
        ("f1_macro", None, "f1_macro"),
        ("accuracy", "neg_log_loss", "neg_log_loss"),
        (["neg_log_loss", "accuracy"], None, "neg_log_loss"),
        (lambda e, X, y: {"b": e.score(X, y), "a": 0.0}, None, "score"),
        ("accuracy", make_scorer(accuracy_score), None),
    ],
)
def test_what_candidates_are_chosen_by(scoring, tuning_scoring, name):
    # A slope of almost nothing is the worse of the two by any score.
    result = compare(
        {"line": LogisticRegression(max_iter=1000)}, X, Y, cv=3, scoring=scoring,
        tuning_scoring=tuning_scoring, param_distributions={"line": {"C": [1e-5, 10.0]}},
        random_state=0,
    )  # fmt: skip
    assert result.best_params["line"] == ({"C": 10.0},) * 3
    assert name is None or result.tuning["scoring"] == name


def test_the_tuning_scoring_decides_and_not_the_score_reported():
    def small(estimator, X, y):
        return -estimator.size

    space = {"a": {"size": [1, 2, 4]}}
    for tuning_scoring, size in ((None, 4), (small, 1)):
        result = compare(
            {"a": Sized()}, X, Y, cv=2, tuning_scoring=tuning_scoring, param_distributions=space
        )
        assert result.best_params["a"] == ({"size": size},) * 2
        assert result.scores["score"]["a"].tolist() == [size / 10] * 2
    assert result.tuning["scoring"] == "small"


def test_groups_reach_the_inner_splitter():
    groups = np.arange(150) % 10
    result = compare(
        {"tree": DecisionTreeClassifier()}, X, Y, groups=groups, cv=GroupKFold(2), random_state=0,
        inner_cv=GroupKFold(5), param_distributions=SPACES, n_candidates=2,
    )  # fmt: skip
    assert result.tuning["n_inner_folds"] == (5, 5)
    with pytest.raises(ValueError, match="number of splits|number of groups"):
        compare(
            {"tree": DecisionTreeClassifier()}, X, Y, groups=groups, cv=GroupKFold(2),
            inner_cv=GroupKFold(6), param_distributions=SPACES,
        )  # fmt: skip


def test_frames_and_regressors():
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    space = {"alpha": [0.01, 1e4], "tol": loguniform(1e-5, 1e-4)}
    result = compare(
        {"ridge": Ridge()}, frame, y, cv=2, param_distributions={"ridge": space}, random_state=0
    )
    assert [found["alpha"] for found in result.best_params["ridge"]] == [0.01, 0.01]
    assert (result.scores["score"]["ridge"] > 0.3).all()
    text = "alpha: 0.01, 10000.0; tol: loguniform(1e-05, 0.0001)"
    assert result.tuning["spaces"]["ridge"] == text


def test_contenders_that_are_searches_work_as_before():
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2)
    result = compare({"search": make_pipeline(MinMaxScaler(), search)}, X, Y, random_state=0)
    assert result.best_params["search"] == ({"max_depth": 2},) * 5
    assert result.n_candidates == {"search": 2} and result.tuning is None
    assert "Tuned" not in result.to_text()


def test_controls_take_the_space_of_their_contender():
    contenders = with_controls({"a": make_pipeline(MinMaxScaler(), Sized())})
    space = {"sized__size": [1, 2, 5], "sized__warn": [False], "minmaxscaler__clip": [False]}
    result = compare(contenders, X, Y, cv=2, param_distributions={"a": space}, random_state=0)
    assert result.best_params["a"][0]["sized__size"] == 5
    assert result.best_params["a: classical twin"][0]["sized__size"] == 5
    # Its size of 3 is what makes it this control, so it must not be tuned.
    assert result.best_params["a: size fixed"][0] == {
        "sized__warn": False, "minmaxscaler__clip": False,
    }  # fmt: skip
    assert result.costs["a: size fixed"][0]["reads"] == 30
    assert result.best_params["a: other"][0] == {"minmaxscaler__clip": False}
    notes = "\n".join(result.tuning["notes"])
    assert (
        "a: size fixed: tuned over what is left of the space of a, as it sets its own sized__size."
    ) in notes
    assert "a: other: tuned over what is left" in notes and "it has no sized__size, sized" in notes
    assert "a: classical twin: t" not in notes


def test_a_control_with_nothing_left_is_not_tuned():
    contenders = {"a": Sized(), "a: other": GaussianNB(), "a: own": Sized(2), "a: not": Sized(4)}
    spaces = {"a": {"size": [1, 2]}, "a: own": {"size": [3]}, "a: not": {}}
    result = compare(contenders, X, Y, cv=2, param_distributions=spaces)
    assert result.n_candidates == {"a": 2, "a: other": 0, "a: own": 1, "a: not": 0}
    assert result.best_params["a: own"] == ({"size": 3},) * 2
    assert result.tuning["notes"][0] == "a: other: not tuned, as it has no size."
    assert "not tuned, as it has no size" in " ".join(str(result).split())


def test_a_twin_of_another_class_is_tuned_over_what_it_has():
    twin = MLPClassifier(max_iter=200)
    space = [{"size": [1, 2], "random_state": [0, 1]}, {"size": [3]}]
    left, notes = inherit("a: twin", twin, "a", Sized(random_state=5), space)
    assert left == [{"random_state": [0, 1]}]
    assert notes == ["a: twin: tuned over what is left of the space of a, as it has no size."]


def test_parts_that_the_space_brings():
    space = {"bags": {"estimator": [GaussianNB()], "estimator__var_smoothing": [1e-9, 1e-3]}}
    result = compare(
        {"bags": BaggingClassifier(n_estimators=2)}, X, Y, cv=2, param_distributions=space
    )
    assert set(result.best_params["bags"][0]) == {"estimator", "estimator__var_smoothing"}


def test_candidates_that_fail_lose():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        result = compare(
            {"a": Sized(fail_below=2)}, X, Y, cv=2, param_distributions={"a": {"size": [1, 2]}}
        )
    assert result.best_params["a"] == ({"size": 2},) * 2 and result.errors["a"] == (None, None)
    (one,) = heard
    assert one.category is FitFailedWarning
    assert str(one.message).startswith("'a', while tuning in 2 folds: \n3 fits failed out of")


def test_where_all_candidates_fail_the_fold_fails():
    def run(**options):
        return compare(
            {"a": Sized(fail_below=9), "b": GaussianNB()}, X, Y, cv=2,
            param_distributions={"a": {"size": [1, 2]}}, **options,
        )  # fmt: skip

    with pytest.warns(FitFailedWarning, match="2 of 4 fits of compare failed.*'a' on fold 0"):
        result = run()
    assert "too small" in result.errors["a"][0] and result.best_params["a"] == (None, None)
    assert np.isnan(result.tuning_seconds["a"]).all() and result.n_candidates["a"] == 2
    with pytest.raises(RuntimeError, match="too small"):
        run(error_score="raise")


@pytest.mark.filterwarnings("ignore:.*Scoring failed:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_where_no_candidate_has_a_score_the_fold_fails():
    def broken(estimator, X, y):
        raise ZeroDivisionError("no score")

    with pytest.raises(ValueError, match="none of the 2 candidates of the tuning has a score"):
        compare(
            {"a": Sized()}, X, Y, cv=2, tuning_scoring=broken,
            param_distributions={"a": {"size": [1, 2]}},
        )  # fmt: skip


def test_warnings_of_the_tuning_stand_apart():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        result = compare(
            {"a": Sized(warn=True)}, X, Y, cv=2, param_distributions={"a": {"size": [1, 2]}}
        )
    assert result.warnings["a"] == ([], [])
    assert result.tuning_warnings["a"] == ([(ConvergenceWarning, "not there yet")],) * 2
    assert [str(w.message) for w in heard] == ["'a', while tuning in 2 folds: not there yet"]


def test_ctrl_c_ends_the_tuning_even_where_an_estimator_keeps_what_it_has():
    class Keeper(DummyClassifier):
        def fit(self, X, y):
            self.stop_reason_ = "interrupted"
            return super().fit(X, y)

    space = {"keeper": {"strategy": ["prior", "uniform"]}}
    with pytest.raises(KeyboardInterrupt):
        compare({"keeper": Keeper()}, X, Y, param_distributions=space)


@pytest.mark.parametrize(
    "options, text",
    [
        (
            dict(param_distributions=[]),
            "'param_distributions' parameter of compare must be None or",
        ),
        (dict(param_distributions={"b": {}}), r"must have names among \['a'\]. Got 'b' instead"),
        (dict(param_distributions={"a": 3}), "must hold dicts of parameters .* Got 3 for 'a'"),
        (dict(param_distributions={"a": [3]}), r"must hold dicts of parameters .* Got \[3\]"),
        (dict(param_distributions={"a": {"sise": [1]}}), "must hold parameters .* Got 'sise'"),
        (dict(param_distributions={"a": {"size": []}}), r"not empty.* Got \[\] for 'size' of 'a'"),
        (dict(param_distributions={"a": {"size": 3}}), "sequences of values.* Got 3 for 'size'"),
        (dict(param_distributions={"a": {"size": "12"}}), "sequences of values.* Got '12'"),
        (dict(param_distributions={"a": {"size": np.ones((2, 2))}}), "sequences of values"),
        (dict(n_candidates=0), "'n_candidates' parameter of compare must be an int of 1 or more"),
        (dict(n_candidates=2.0), "'n_candidates' parameter .* Got 2.0 instead"),
        (dict(n_candidates=True), "'n_candidates' parameter .* Got True instead"),
        (dict(inner_cv=1), "'inner_cv' parameter of compare must be an int of 2 or more. Got 1"),
        (dict(inner_cv=[([0], [1])]), "'inner_cv' parameter of compare must be an int or a split"),
        (dict(tuning_scoring="accuraccy"), "'tuning_scoring' parameter .* Got 'accuraccy'"),
        (dict(tuning_scoring=["accuracy"]), r"'tuning_scoring' parameter .* Got \['accuracy'\]"),
        (dict(inner_cv=60), "n_splits=60"),
    ],
)
def test_bad_parameters_are_found_before_anything_is_fitted(options, text):
    arguments = dict(param_distributions={"a": {"size": [1, 2]}}) | options
    with pytest.raises(ValueError, match=text):
        compare({"a": Sized()}, X, Y, cv=2, **arguments)
    assert Sized.seen == []


def test_a_parameter_that_is_not_there_names_the_nearest():
    pipeline = make_pipeline(MinMaxScaler(), LogisticRegression())
    with pytest.raises(ValueError, match="Got 'C' instead") as caught:
        compare({"line": pipeline}, X, Y, param_distributions={"line": {"C": [1.0]}})
    text = str(caught.value)
    assert "Nearest to it: 'logisticregression__C'" in text and len(text) < 350


def test_a_control_of_variants_takes_the_space_of_the_first():
    contenders = {"net (a)": Sized(1), "net (b)": Sized(2), "net: small": Sized(0)}
    spaces = {"net (a)": {"warn": [False]}, "net (b)": {"fail_below": [0]}}
    result = compare(contenders, X, Y, cv=2, n_candidates=1, param_distributions=spaces)
    assert result.tuning["spaces"]["net: small"] == "warn: False"
