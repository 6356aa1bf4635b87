import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.model_selection import compare, with_controls
from qsklearn.model_selection._controls import contenders_of, name_of_control, pairs_of_controls

X, Y = load_iris(return_X_y=True)


class Offers(ClassifierMixin, BaseEstimator):
    """Offers a twin and two ablations, or fails to."""

    def __init__(self, size=1, noise=False, fails=None):
        self.size = size
        self.noise = noise
        self.fails = fails

    def fit(self, X, y):
        return self

    def classical_twin(self):
        if self.fails:
            raise self.fails
        return DummyClassifier(constant=self.size, strategy="constant")

    def ablations(self):
        return {"noise": Offers(self.size, True), "small": Offers(0, self.noise)}


class Features(TransformerMixin, BaseEstimator):
    """A transformer with a twin, and no ablations."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def classical_twin(self):
        return PCA(2)


def test_each_contender_is_followed_by_its_controls():
    estimators = {"a": Offers(3), "plain": LogisticRegression(), "b": Offers(4)}
    found = with_controls(estimators)
    assert list(found) == [
        *("a", "a: classical twin", "a: noise", "a: small", "plain"),
        *("b", "b: classical twin", "b: noise", "b: small"),
    ]
    assert found["a"] is estimators["a"] and found["a: classical twin"].constant == 3
    assert found["b: noise"].noise and found["b: noise"].size == 4 and found["b: small"].size == 0
    assert list(estimators) == ["a", "plain", "b"]


@pytest.mark.parametrize(
    "options, names",
    [
        (dict(twins=False), ["a", "a: noise", "a: small"]),
        (dict(ablations=False), ["a", "a: classical twin"]),
        (dict(twins=False, ablations=False), ["a"]),
    ],
)
def test_kinds_of_controls(options, names):
    assert list(with_controls({"a": Offers()}, **options)) == names


def test_the_last_step_of_a_pipeline_is_asked():
    pipeline = Pipeline([("scale", MinMaxScaler()), ("net", Offers(5))])
    found = with_controls({"a": pipeline})
    twin = found["a: classical twin"]
    assert [name for name, _ in twin.steps] == ["scale", "net"]
    assert twin["net"].constant == 5 and isinstance(twin["scale"], MinMaxScaler)
    assert twin["scale"] is not pipeline["scale"]
    assert found["a: noise"]["net"].noise
    assert isinstance(pipeline["net"], Offers) and not pipeline["net"].noise


def test_failing_that_the_last_step_that_has_the_method():
    pipeline = make_pipeline(Features(), MinMaxScaler(), LogisticRegression())
    found = with_controls({"a": pipeline})
    assert list(found) == ["a", "a: classical twin"]
    twin = found["a: classical twin"]
    assert [name for name, _ in twin.steps] == [name for name, _ in pipeline.steps]
    assert isinstance(twin["features"], PCA) and isinstance(twin[-1], LogisticRegression)
    assert compare({"twin": twin}, X, Y, cv=2).scores["score"]["twin"].mean() > 0.8


def test_twin_and_ablations_come_from_different_steps():
    found = with_controls({"a": make_pipeline(Offers(), Features(), "passthrough")})
    assert isinstance(found["a: classical twin"]["features"], PCA)
    assert found["a: noise"]["offers"].noise


def test_pipelines_in_pipelines():
    found = with_controls({"a": make_pipeline(make_pipeline(Offers(6)))}, ablations=False)
    assert found["a: classical twin"]["pipeline"]["offers"].constant == 6


@pytest.mark.parametrize(
    "wrapped",
    [
        GridSearchCV(Offers(), {"size": [1]}),
        CalibratedClassifierCV(make_pipeline(MinMaxScaler(), Offers())),
        make_pipeline(MinMaxScaler(), GridSearchCV(CalibratedClassifierCV(Offers()), {})),
    ],
)
def test_what_is_wrapped_is_not_asked_and_that_is_said(wrapped):
    with pytest.warns(UserWarning, match="'a' stays without controls: .* param_distributions"):
        assert list(with_controls({"a": wrapped})) == ["a"]


@pytest.mark.parametrize(
    "estimator, options",
    [
        (GridSearchCV(LogisticRegression(), {"C": [1]}), {}),
        (GridSearchCV(Features(), {}), {"twins": False}),
        (GridSearchCV(Offers(), {}), {"twins": False, "ablations": False}),
    ],
)
def test_nothing_is_said_where_nothing_is_missed(estimator, options):
    assert list(with_controls({"a": estimator}, **options)) == ["a"]


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: make_pipeline(MinMaxScaler(), e)])
def test_an_estimator_that_cannot_make_its_controls_is_named(wrap):
    broken = wrap(Offers(fails=ImportError("no torch")))
    text = r"'estimators' parameter of with_controls .* 'b' cannot: classical_twin\(\) raised "
    with pytest.raises(ValueError, match=text + "ImportError: no torch") as caught:
        with_controls({"a": Offers(), "b": broken})
    assert isinstance(caught.value.__cause__, ImportError)
    assert "b: noise" in with_controls({"b": broken}, twins=False)


def test_ablations_must_be_a_dict():
    class Lists(Offers):
        def ablations(self):
            return [self]

    with pytest.raises(ValueError, match="returns a dict. Got .* from 'a' instead"):
        with_controls({"a": Lists()})


class TwoTwins(Offers):
    def ablations(self):
        return {"classical twin": Offers()}


@pytest.mark.parametrize(
    "estimators, name",
    [
        ({"a": Offers(), "a: noise": LogisticRegression()}, "a: noise"),
        ({"a: noise": LogisticRegression(), "a": Offers()}, "a: noise"),
        ({"a": TwoTwins()}, "a: classical twin"),
    ],
)
def test_names_that_collide(estimators, name):
    with pytest.raises(ValueError, match=f"must hold names that differ .* Got '{name}' twice"):
        with_controls(estimators)


@pytest.mark.parametrize(
    "estimators, error, text",
    [
        ([], ValueError, "'estimators' parameter of with_controls must be a dict, not empty"),
        ({}, ValueError, "must be a dict, not empty"),
        ({1: Offers()}, ValueError, "names to estimators"),
        ({"a": Offers}, TypeError, "must hold estimators, objects with 'fit'"),
    ],
)
def test_bad_estimators(estimators, error, text):
    with pytest.raises(error, match=text):
        with_controls(estimators)


@pytest.mark.parametrize(
    "name, expected",
    [("a: twin", ["a"]), ("a: b: twin", ["a: b"]), ("a", []), ("ab: twin", []), ("c: a: x", [])],
)
def test_a_control_is_known_by_its_name(name, expected):
    assert contenders_of(name, ["a", "a: b"]) == expected


def test_variants_share_a_control():
    names = ["a (x)", "a (y)", "a (x): small", "a: twin", "b (y)", "c"]
    assert contenders_of("a: twin", names) == ["a (x)", "a (y)"]
    # An own contender goes before variants.
    assert contenders_of("a: twin", [*names, "a"]) == ["a"]
    assert contenders_of(": twin", names) == [] == contenders_of("c (z): twin", names)
    pairs = pairs_of_controls(names)
    assert pairs == [("a (x)", "a (x): small"), ("a (x)", "a: twin"), ("a (y)", "a: twin")]
    assert [name_of_control(*pair) for pair in pairs] == ["small", "twin", "twin"]


def test_an_estimator_of_ours():
    network = QuantumSampledMLPClassifier(n_hidden=7)
    found = with_controls({"MLP": make_pipeline(MinMaxScaler(), network)})
    assert found["MLP: classical twin"][-1].hidden_layer_sizes == (7,)
    assert found["MLP: exact gradient"][-1].gradient == "exact"
    assert set(found) == {"MLP", "MLP: classical twin"} | {f"MLP: {k}" for k in network.ablations()}
