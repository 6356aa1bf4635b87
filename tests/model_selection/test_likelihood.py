import math
import pickle

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GridSearchCV,
    LearningCurveDisplay,
    cross_validate,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from qsklearn import (
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.model_selection import (
    compare,
    cost_scorers,
    log_likelihood_scorers,
    signed_rank_tests,
)
from qsklearn.model_selection._likelihood import LikelihoodScorer

X, Y = load_iris(return_X_y=True)
OF_CLASSES = "class_log_likelihood"


class Told(ClassifierMixin, BaseEstimator):
    """Probabilities that are given."""

    def __init__(self, probabilities=None, classes=(0, 1)):
        self.probabilities, self.classes = probabilities, classes

    def fit(self, X, y=None):
        self.classes_ = np.array(self.classes)
        return self

    def predict_proba(self, X):
        return np.asarray(self.probabilities)


class Lattice(TransformerMixin, BaseEstimator):
    """Bits of one weight, whose law is exact: p(x) = exp(w n_up) / (1 + exp(w))^n."""

    def __init__(self, weight=1.0, reported=True):
        self.weight, self.reported = weight, reported

    def fit(self, X, y=None):
        self.asked_ = []
        return self

    def transform(self, X):
        return X

    def score_samples(self, X, n_importance=7):
        self.asked_.append(n_importance)
        return self.weight * X.sum(axis=1) - X.shape[1] * np.log1p(np.exp(self.weight))

    def elbo(self, X):
        return {"elbo": self.score_samples(X) - 0.25}

    def __getattribute__(self, name):
        if name == "sampling_report" and not self.reported:
            raise AttributeError(name)
        return super().__getattribute__(name)

    def sampling_report(self, X, n_importance=7):
        values = self.score_samples(X, n_importance)
        return {
            "log_likelihood_stderr": values.std(ddof=1) / math.sqrt(len(values)),
            "log_partition_lower": 3.0,
            "log_partition_upper": 3.4,
        }


def scores(estimator, X, y=None, **parameters):
    scorers = log_likelihood_scorers(**parameters)
    return {name: scorer(estimator, X, y) for name, scorer in scorers.items()}


def of_classes(estimator, X, y):
    return scores(estimator, X, y, names=OF_CLASSES)[OF_CLASSES]


@pytest.mark.parametrize("labels", [Y, np.array(["c", "a", "b"])[Y], Y == 1])
def test_classes_are_scored_as_by_log_loss(labels):
    train, test, y_train, y_test = train_test_split(X, labels, random_state=0)
    model = LogisticRegression(C=0.05, max_iter=1000).fit(train, y_train)
    assert of_classes(model, test, y_test) == -log_loss(y_test, model.predict_proba(test))
    assert of_classes(model, test, y_test[:, np.newaxis]) == of_classes(model, test, y_test)
    # Rows of some classes only.
    few = y_test == y_test[0]
    expected = -log_loss(y_test[few], model.predict_proba(test[few]), labels=model.classes_)
    assert of_classes(model, test[few], y_test[few]) == expected


def test_classes_of_the_sampled_network():
    model = QuantumSampledMLPClassifier(n_hidden=3, max_iter=3, tol=0.0, random_state=0)
    with pytest.warns(match="onverge"):
        model.fit(X, Y)
    expected = -log_loss(Y, model.predict_proba(X))
    assert of_classes(model, X, Y) == pytest.approx(expected, abs=1e-12)


def test_no_chance_is_minus_infinity():
    certain = Told([[1.0, 0.0], [0.5, 0.5]]).fit(X)
    assert of_classes(certain, X[:2], [1, 0]) == -math.inf
    assert of_classes(certain, X[:2], [0, 1]) == pytest.approx(math.log(0.5) / 2)
    # scikit-learn would say 36 nats instead, silently.
    assert log_loss([1, 0], certain.predict_proba(X)) < 40


def test_small_chances_are_not_rounded_up():
    tiny = Told([[1.0, 1e-300], [0.5, 0.5]]).fit(X)
    expected = (math.log(1e-300) + math.log(0.5)) / 2
    assert of_classes(tiny, X[:2], [1, 0]) == pytest.approx(expected)
    single = Told(np.array([[1.0, 1e-20], [0.5, 0.5]], dtype=np.float32)).fit(X)
    expected = (math.log(1e-20) + math.log(0.5)) / 2
    assert of_classes(single, X[:2], [1, 0]) == pytest.approx(expected, rel=1e-6)


def test_a_class_that_training_has_not_seen():
    model = GaussianNB().fit(X[Y < 2], Y[Y < 2])
    assert of_classes(model, X, Y) == -math.inf
    assert of_classes(Told([[1.0]] * 3, classes=(1,)).fit(X), X[:3], [1, 1, 1]) == 0.0


def test_several_labels_are_refused():
    several = Told([[0.5, 0.5]] * 2).fit(X)
    with pytest.raises(ValueError, match="one class a row.*Got 'multilabel-indicator' instead"):
        of_classes(several, X[:2], np.array([[0, 1], [1, 1]]))


@pytest.mark.parametrize("make", [LinearSVC, LinearRegression, IsolationForest])
def test_what_has_no_likelihood_is_not_a_number(make):
    found = scores(make().fit(X, Y), X, Y)
    assert list(found) == ["log_likelihood", "log_likelihood_error", "elbo", OF_CLASSES]
    assert all(math.isnan(value) for value in found.values())


BITS = np.random.default_rng(0).integers(0, 2, (40, 5)).astype(float)


def test_likelihoods_of_an_exact_law():
    model = Lattice(weight=0.7).fit(BITS)
    # Against the sum over all states.
    states = (np.arange(32)[:, np.newaxis] >> np.arange(5)) & 1
    log_z = logsumexp(0.7 * states.sum(axis=1))
    exact = 0.7 * BITS.sum(axis=1) - log_z
    found = scores(model, BITS)
    assert found["log_likelihood"] == pytest.approx(exact.mean())
    assert found["elbo"] == pytest.approx(exact.mean() - 0.25)
    rows = exact.std(ddof=1) / math.sqrt(40)
    assert found["log_likelihood_error"] == pytest.approx(math.hypot(rows, 0.2))
    assert math.isnan(found[OF_CLASSES])


def test_number_of_draws_is_passed_on():
    model = Lattice().fit(BITS)
    scores(model, BITS, n_importance=3, names=["log_likelihood", "log_likelihood_error"])
    assert model.asked_ == [3, 3]
    scores(model, BITS, names="log_likelihood")
    assert model.asked_[-1] == 7


def test_error_without_a_report_is_that_of_the_rows():
    model = Lattice(reported=False).fit(BITS)
    values = model.score_samples(BITS)
    error = scores(model, BITS, names="log_likelihood_error")["log_likelihood_error"]
    assert error == pytest.approx(values.std(ddof=1) / math.sqrt(40))
    assert math.isnan(scores(model, BITS[:1])["log_likelihood_error"])


def test_error_of_log_z_that_is_told():
    class Precise(Lattice):
        def sampling_report(self, X, n_importance=7):
            return super().sampling_report(X) | {"log_partition_stderr": 0.05}

    error = scores(Precise().fit(BITS), BITS)["log_likelihood_error"]
    rows = Precise().fit(BITS).sampling_report(BITS)["log_likelihood_stderr"]
    assert error == pytest.approx(math.hypot(rows, 0.05))


def test_density_estimators_of_scikit_learn():
    mixture = GaussianMixture(2, random_state=0).fit(X)
    found = scores(mixture, X, n_importance=5)
    assert found["log_likelihood"] == pytest.approx(mixture.score(X))
    assert found["log_likelihood_error"] > 0 and math.isnan(found["elbo"])


def test_likelihood_behind_a_pipeline_and_a_search():
    lattice = make_pipeline(MinMaxScaler((0, 1)), Lattice())
    scorers = log_likelihood_scorers(names=["log_likelihood", "elbo"])
    search = GridSearchCV(
        lattice, {"lattice__weight": [-3.0, 0.0, 3.0]}, scoring=scorers, refit="log_likelihood"
    )
    search.fit(2 * BITS)
    assert search.best_params_ == {"lattice__weight": 0.0}  # half of the bits are up
    found = scores(search, 2 * BITS)
    assert found["log_likelihood"] == pytest.approx(-5 * math.log(2))
    assert found["elbo"] == pytest.approx(-5 * math.log(2) - 0.25)


@pytest.fixture(scope="module")
def vae():
    pytest.importorskip("torch")
    model = QuantumBoltzmannPriorVAE(
        6, hidden_layer_sizes=(4,), n_chains=10, max_iter=1, batch_size=20, likelihood="bernoulli",
        random_state=0,
    )  # fmt: skip
    return model.fit(BITS)


def test_boltzmann_prior_vae(vae):
    found = scores(vae, BITS, n_importance=60)
    assert found["log_likelihood"] == pytest.approx(vae.score_samples(BITS, 60).mean())
    assert found["elbo"] == pytest.approx(vae.elbo(BITS)["elbo"].mean())
    # Jensen's inequality, beyond the noise of 16 draws a row.
    assert found["elbo"] < found["log_likelihood"]
    report = vae.sampling_report(BITS, 60)
    width = report["log_partition_upper"] - report["log_partition_lower"]
    rows = report["log_likelihood_stderr"]
    assert rows <= found["log_likelihood_error"] <= math.hypot(rows, width / 2)


def test_in_cross_validation_and_comparison(vae):
    pair = {
        "vae": vae,
        "mixture": GaussianMixture(1, reg_covar=0.1, random_state=0),
    }
    scoring = log_likelihood_scorers(20, names=["log_likelihood", "log_likelihood_error"])
    result = compare(pair, BITS, None, scoring=scoring, cv=2, baseline="mixture")
    assert np.isfinite(result.scores["log_likelihood"]["vae"]).all()
    assert (result.scores["log_likelihood_error"]["vae"] > 0).all()
    folds = cross_validate(vae, BITS, scoring=scoring, cv=2)
    found = result.scores["log_likelihood"]["vae"]
    np.testing.assert_allclose(folds["test_log_likelihood"], found)


def test_scorers_can_be_pickled():
    scorers = log_likelihood_scorers(12)
    copies = pickle.loads(pickle.dumps(scorers))
    assert copies == scorers and copies["elbo"].n_importance == 12


def test_a_class_without_a_chance_is_seen_in_the_summary(tmp_path):
    contenders = {
        "tree": DecisionTreeClassifier(),
        "Bayes": GaussianNB(),
        "guess": DummyClassifier(),
    }
    result = compare(contenders, X, Y, cv=3, scoring=log_likelihood_scorers(names=OF_CLASSES))
    summary = {row["estimator"]: row for row in result.summary()}
    assert summary["tree"]["mean"] == -math.inf and summary["Bayes"]["mean"] > -1
    assert result.paired_tests()[0]["difference"] == math.inf
    assert "-inf ± n/a" in result.to_text() and "a score is infinite" in result.to_text()
    assert "-inf" in result.to_html(tmp_path / "r.html").read_text("utf-8")
    (row, *_) = signed_rank_tests({"iris": result})
    assert row["n_data_sets"] == 0 and "a score is infinite" in row["note"]


def test_displays_of_scikit_learn_name_the_scores():
    of_bayes, of_network = log_likelihood_scorers(names=OF_CLASSES), cost_scorers("reads")
    network = SpinGlassAnnealedNetwork(max_iter=2, random_state=0)
    for estimator, (name, scorer) in (
        *((GaussianNB(), item) for item in of_bayes.items()),
        *((network, item) for item in of_network.items()),
    ):
        display = LearningCurveDisplay.from_estimator(
            estimator, X, Y, cv=2, train_sizes=[0.5, 1.0], shuffle=True, scoring=scorer,
            random_state=0,
        )  # fmt: skip
        assert scorer.__name__ == name
        assert display.score_name == name.replace("_", " ").capitalize()
        assert np.isfinite(display.test_scores).all()
    assert LikelihoodScorer.__name__ == "LikelihoodScorer"


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"names": "likelihood"}, "must be among 'log_likelihood', .* Got 'likelihood' instead"),
        ({"n_importance": 0}, "an int >= 1, or None. Got 0 instead"),
        ({"n_importance": 1.5}, "Got 1.5 instead"),
        ({"n_importance": True}, "Got True instead"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        log_likelihood_scorers(**parameters)
