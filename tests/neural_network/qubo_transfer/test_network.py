"""Trained classifiers of scikit-learn, read layer by layer against what they say themselves."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from qsklearn.neural_network._qubo_transfer._network import read_network

LINEAR = [
    LogisticRegression(),
    LinearSVC(),
    LinearSVC(fit_intercept=False),
    RidgeClassifier(),
    RidgeClassifier(fit_intercept=False),
    SGDClassifier(random_state=0),
    Perceptron(random_state=0),
    LinearDiscriminantAnalysis(),
]


def make_data(n_classes, n_samples=60, n_features=5, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, n_features)) + rng.normal(size=(n_classes, n_features))[y]
    return X, np.array(["ant", "bee", "cat", "dog"])[y]


def read(estimator, X, n_classes=None, image_shape=None):
    n_classes = len(estimator.classes_) if n_classes is None else n_classes
    return read_network(estimator, X, image_shape, n_classes, "Reader")


def fit_mlp(X, y, **parameters):
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 30, "random_state": 0, **parameters}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier(**parameters).fit(X, y)


def forward(weights, biases, inputs):
    """Means of the classes' fields, layer by layer, with means in place of samples."""
    for layer_weights, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs = expit(inputs @ layer_weights + bias)
    return inputs @ weights[-1] + biases[-1]


def assert_consistent(network, X):
    """The scores are those of the features, and these those of the hidden inputs."""
    logits = network.logits(X)
    assert logits.dtype == np.float64
    features = network.output_features(X)
    np.testing.assert_allclose(
        features @ network.output_weights + network.output_bias, logits, atol=1e-9
    )
    assert network.n_classes == logits.shape[1] == network.output_weights.shape[1]
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again.logits(X), logits)


# --- linear classifiers ------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("estimator", LINEAR, ids=repr)
def test_linear_classifiers(estimator, n_classes):
    X, y = make_data(n_classes)
    estimator.fit(X, y)
    network = read(estimator, X)
    scores = estimator.decision_function(X)
    if n_classes == 2:
        scores = np.column_stack([-scores / 2, scores / 2])
    np.testing.assert_allclose(network.logits(X), scores, atol=1e-12)
    predicted = network.classes[network.logits(X).argmax(axis=1)]
    np.testing.assert_array_equal(predicted, estimator.predict(X))
    assert network.feature_reading == "data"
    assert network.hidden_activation is None and not network.has_hidden_layer
    np.testing.assert_array_equal(network.output_features(X), X)
    np.testing.assert_array_equal(network.inputs(X), X)
    weights, biases = network.layer_stack()
    assert len(weights) == len(biases) == 1
    np.testing.assert_allclose(forward(weights, biases, X), scores, atol=1e-12)
    assert_consistent(network, X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_softmax_is_the_classifiers_own_law(n_classes):
    X, y = make_data(n_classes)
    for fitted in (LogisticRegression().fit(X, y), fit_mlp(X, y)):
        np.testing.assert_allclose(
            softmax(read(fitted, X).logits(X), axis=1), fitted.predict_proba(X), atol=1e-12
        )


def test_sparse_data_and_sparse_weights():
    X, y = make_data(3)
    X[X < 0.3] = 0.0
    estimators = [
        LogisticRegression().fit(sparse.csr_matrix(X), y),
        SGDClassifier(random_state=0).fit(X, y).sparsify(),
        LinearSVC().fit(X, y),
        fit_mlp(sparse.csr_matrix(X), y),
    ]
    for fitted in estimators:
        network = read(fitted, X)
        for container in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array):
            of_sparse = read(fitted, container(X))
            assert isinstance(of_sparse.logits(container(X)), np.ndarray)
            np.testing.assert_allclose(of_sparse.logits(container(X)), network.logits(X))
            assert isinstance(of_sparse.output_features(container(X)), np.ndarray)
            np.testing.assert_array_equal(of_sparse.inputs(container(X)), X)


def test_sparse_data_that_do_not_fit_into_the_machine_densely(monkeypatch):
    X, y = make_data(3)
    network = read(LogisticRegression().fit(X, y), X)
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2000)
    with pytest.raises(MemoryError, match="sparse inputs of Reader .* 2,400 bytes"):
        network.inputs(sparse.csr_matrix(X))
    assert network.logits(sparse.csr_matrix(X)).shape == (60, 3)


def test_single_precision_and_large_offsets():
    X, y = make_data(3)
    X = (X + 1e4).astype(np.float32)
    fitted = SGDClassifier(random_state=0).fit(X, y)
    assert read(fitted, X).logits(X).dtype == np.float64


def test_the_weights_are_copies():
    X, y = make_data(3)
    for fitted in (LogisticRegression().fit(X, y), fit_mlp(X, y)):
        network = read(fitted, X)
        before = network.logits(X)
        for array in [fitted.coef_] if hasattr(fitted, "coef_") else fitted.coefs_:
            array += 1.0
        np.testing.assert_array_equal(network.logits(X), before)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_support_vector_machine_is_linear_for_two_classes_only(n_classes):
    X, y = make_data(n_classes)
    fitted = SVC(kernel="linear").fit(X, y)
    if n_classes == 2:
        scores = fitted.decision_function(X)
        np.testing.assert_allclose(read(fitted, X).logits(X)[:, 1], scores / 2)
    else:  # three pairs of classes and three scores; six pairs and four scores
        with pytest.raises(ValueError, match="Got SVC instead, whose decision_function is not"):
            read(fitted, X)


class Doubled(LogisticRegression):
    def decision_function(self, X):
        return 2.0 * super().decision_function(X)


def test_scores_that_the_weights_do_not_explain_are_refused():
    X, y = make_data(3)
    with pytest.raises(ValueError, match="Got Doubled instead"):
        read(Doubled().fit(X, y), X)


# --- multilayer perceptrons --------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("sizes", [(6,), (7, 4)], ids=str)
def test_multilayer_perceptrons(activation, sizes, n_classes):
    X, y = make_data(n_classes)
    fitted = fit_mlp(X, y, activation=activation, hidden_layer_sizes=sizes)
    network = read(fitted, X)
    np.testing.assert_allclose(
        softmax(network.logits(X), axis=1), fitted.predict_proba(X), atol=1e-10
    )
    reading = {"logistic": "probability", "tanh": "spin"}.get(activation, "none")
    assert (network.feature_reading, network.hidden_activation) == (reading, activation)
    assert network.has_hidden_layer == (activation != "identity")
    assert network.output_features(X).shape == (60, sizes[-1])
    assert_consistent(network, X)
    if activation != "identity":
        function = {"logistic": expit, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
        hidden = network.hidden_inputs(X) @ network.hidden_weights + network.hidden_bias
        np.testing.assert_allclose(function[activation](hidden), network.output_features(X))
        assert network.hidden_inputs(X).shape[1] == (5, *sizes)[-2]
    if activation == "relu":
        with pytest.raises(ValueError, match="Got activation='relu' .* no reading in binary"):
            network.layer_stack()
        with pytest.raises(ValueError, match="use mode='clamped'"):
            network.hidden_stack()
        return
    weights, biases = network.layer_stack()
    assert len(weights) == (1 if activation == "identity" else len(sizes) + 1)
    np.testing.assert_allclose(forward(weights, biases, X), network.logits(X), atol=1e-10)
    if activation != "identity":
        weights, biases = network.hidden_stack()
        assert len(weights) == 2
        through = forward(weights, biases, network.hidden_inputs(X))
        np.testing.assert_allclose(through, network.logits(X), atol=1e-10)


def test_no_hidden_layer_is_an_error_where_one_is_asked_for():
    X, y = make_data(3)
    network = read(LogisticRegression().fit(X, y), X)
    for ask in (
        lambda: network.hidden_weights,
        lambda: network.hidden_bias,
        lambda: network.hidden_inputs(X),
        network.hidden_stack,
    ):
        with pytest.raises(ValueError, match="must have a hidden layer .* mode='clamped'"):
            ask()


# --- pipelines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [LogisticRegression(), "mlp"], ids=str)
def test_steps_of_a_pipeline_come_first(last):
    X, y = make_data(3)
    X[::7, 1] = np.nan
    last = MLPClassifier(6, activation="logistic", max_iter=500, tol=0.1) if last == "mlp" else last
    pipeline = make_pipeline(SimpleImputer(), make_pipeline(StandardScaler(), "passthrough", last))
    pipeline.fit(X, y)
    network = read(pipeline, X)
    np.testing.assert_allclose(softmax(network.logits(X), axis=1), pipeline.predict_proba(X))
    seen = pipeline[1][:-1].transform(pipeline[:-1].transform(X))
    np.testing.assert_allclose(network.inputs(X), seen)
    weights, biases = network.layer_stack()
    np.testing.assert_allclose(forward(weights, biases, seen), network.logits(X), atol=1e-9)
    assert_consistent(network, X)
    for frozen in (
        FrozenEstimator(make_pipeline(FrozenEstimator(pipeline[0]), pipeline[1])),
        make_pipeline(pipeline[0], FrozenEstimator(pipeline[1])),
    ):
        np.testing.assert_array_equal(
            read_network(frozen, X, None, 3, "Reader").logits(X), network.logits(X)
        )


def test_columns_by_name():
    pandas = pytest.importorskip("pandas")
    X, y = make_data(3)
    table = pandas.DataFrame(X, columns=list("abcde"))
    columns = ColumnTransformer([("some", StandardScaler(), ["a", "d"])])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(table, y)
    np.testing.assert_allclose(
        softmax(read(pipeline, table).logits(table), axis=1), pipeline.predict_proba(table)
    )
    # Data that the caller has checked and turned into an array warn of no names.
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, y)
    network = read(scaled, X)
    np.testing.assert_array_equal(network.logits(X), network.logits(table))
    plain = LogisticRegression().fit(table, y)
    np.testing.assert_array_equal(read(plain, X).logits(X), read(plain, table).logits(table))


# --- what cannot be read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (DecisionTreeClassifier(), "which has no coef_. Fit one of those"),
        (GaussianNB(), "which has no coef_"),
        (KNeighborsClassifier(), "which has no coef_"),
        (VotingClassifier([("one", LogisticRegression())]), "which has no coef_"),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}), "Pass its best_estimator_ instead"),
        (make_pipeline(StandardScaler(), GaussianNB()), "Got GaussianNB instead"),
        (make_pipeline(StandardScaler(), "passthrough"), "Got 'passthrough' instead"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_estimators_without_weights_are_refused(estimator, reason):
    X, y = make_data(3)
    estimator.fit(X, y)
    with pytest.raises(ValueError, match="'estimator' parameter of Reader must be a linear") as got:
        read_network(estimator, X, None, 3, "Reader")
    assert reason in str(got.value)
    assert "torch.nn.Sequential" in str(got.value)


def test_a_regressor_is_refused():
    X, y = make_data(2)
    with pytest.raises(ValueError, match="LinearRegression instead, which has no decision_functi"):
        read_network(LinearRegression().fit(X, y == "ant"), X, None, 2, "Reader")


@pytest.mark.parametrize(
    "estimator", [RidgeClassifier(), MLPClassifier(3, max_iter=500, tol=1.0)], ids=str
)
def test_several_labels_are_refused(estimator):
    X, y = make_data(3)
    labels = np.column_stack([y == "ant", y != "bee", X[:, 0] > 0]).astype(int)
    with pytest.raises(ValueError, match="predicts several labels"):
        read_network(estimator.fit(X, labels), X, None, 3, "Reader")


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        MLPClassifier(),
        DecisionTreeClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        FrozenEstimator(LogisticRegression()),
    ],
    ids=repr,
)
def test_unfitted(estimator):
    X, _ = make_data(3)
    with pytest.raises(NotFittedError):
        read_network(estimator, X, None, 3, "Reader")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(value):
    X, y = make_data(3)
    linear, mlp = LogisticRegression().fit(X, y), fit_mlp(X, y)
    linear.coef_[1, 2] = value
    mlp.intercepts_[0][1] = value
    for fitted, where in ((linear, "the LogisticRegression"), (mlp, "layer 1 of the MLPClassi")):
        with pytest.raises(ValueError, match=f"must have finite weights. .* in {where}"):
            read(fitted, X)


def test_shapes_that_do_not_fit():
    X, y = make_data(3)
    for fitted in (LogisticRegression().fit(X, y), fit_mlp(X, y)):
        with pytest.raises(ValueError, match="tell the 4 classes of y .* has 3 class scores"):
            read(fitted, X, n_classes=4)
        network = read(fitted, X)
        with pytest.raises(ValueError, match="X has 4 features, but .* Reader .* expecting 5"):
            network.logits(X[:, :4])
        with pytest.raises(ValueError, match="contains NaN"):
            network.logits(np.full((1, 5), np.nan))
