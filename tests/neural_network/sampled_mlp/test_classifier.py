"""The estimator: what scikit-learn's users do with it, conversions, records."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops.io
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.class_weight import compute_class_weight

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    SimulatedAnnealingSampler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def data(helpers, kind):
    return helpers.make_data(kind)


@pytest.fixture
def network(helpers):
    return helpers.make_network()


def make_wide(helpers, **changes):
    """A network on 17 labels, whose law can only be sampled, and its data."""
    rng = np.random.default_rng(0)
    X = rng.random((24, 17))
    y = (X > 0.5).astype(int)
    settings = dict(n_hidden=5, sampler=GibbsSampler(num_sweeps=10), max_iter=3)
    return helpers.make_network(**{**settings, **changes}).fit(X, y), X, y


def learnt(network):
    return [*network.coefs_, *network.intercepts_]


def assert_close(one, other, atol):
    for a, b in zip(learnt(one), learnt(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


# --- what a fit leaves behind --------------------------------------------------------------------


def test_attributes(helpers, kind, data):
    X, y = data
    network = helpers.make_network().fit(X, y)
    n_outputs = {"binary": 1, "categorical": 3, "multilabel": 3}[kind]
    assert network.n_outputs_ == n_outputs
    assert [weight.shape for weight in network.coefs_] == [(3, 4), (4, n_outputs)]
    assert [bias.shape for bias in network.intercepts_] == [(4,), (n_outputs,)]
    assert network.n_iter_ == len(network.loss_curve_) == 5
    assert network.n_features_in_ == 3
    assert isinstance(network.sampler_, ExactSampler)
    assert network.validation_scores_ is None
    np.testing.assert_array_equal(network.classes_, np.arange(2 if kind == "binary" else 3))


@pytest.mark.parametrize(
    ("gradient", "predict_with"), [("sampled", "ebm"), ("exact", "ebm"), ("backprop", "mlp")]
)
def test_it_learns(helpers, data, gradient, predict_with):
    """Four hidden bits need large weights, where law and MLP differ: predict as trained."""
    X, y = data
    network = helpers.make_network(
        gradient=gradient,
        predict_with=predict_with,
        max_iter=200,
        num_reads=100,
        n_iter_no_change=200,
        learning_rate_init=0.1,
    )
    assert network.fit(X, y).score(X, y) > 0.9


def test_many_labels_default_to_gibbs(helpers):
    network, _, _ = make_wide(helpers, sampler=None)
    assert isinstance(network.sampler_, GibbsSampler)


def test_inputs_are_left_alone(helpers, data):
    X, y = data
    weight = np.linspace(0.5, 1.5, len(X))
    before = X.copy(), y.copy(), weight.copy()
    network = helpers.make_network(class_weight="balanced", early_stopping=True)
    network.fit(X, y, sample_weight=weight)
    network.predict(X), network.log_likelihood(X, y), network.sampling_report(X)
    for array, copy in zip((X, y, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_prediction_sets_nothing(helpers, data):
    X, y = data
    network = helpers.make_network(predict_with="ebm").fit(X, y)
    before = pickle.dumps(vars(network))
    for method in ("predict", "predict_proba", "decision_function", "sampling_report"):
        getattr(network, method)(X)
    for method in ("score", "log_likelihood", "energy"):
        getattr(network, method)(X, y)
    assert pickle.dumps(vars(network)) == before


def test_sampled_prediction_sets_nothing(helpers):
    network, X, y = make_wide(helpers, predict_with="ebm")
    before = pickle.dumps(vars(network))
    network.predict(X), network.score(X, y), network.sampling_report(X)
    assert pickle.dumps(vars(network)) == before


def test_before_fit(network):
    for method in ("predict", "predict_proba", "decision_function", "sampling_report", "to_mlp"):
        with pytest.raises(NotFittedError):
            getattr(network, method)(*([] if method == "to_mlp" else [np.zeros((1, 3))]))


# --- data of all kinds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rename",
    [lambda y: np.array(["no", "yes"])[y], lambda y: y.astype(bool), lambda y: 5 - 8 * y],
)
def test_labels_of_any_type(helpers, rename):
    X, y = helpers.make_data("binary")
    labels = rename(y)
    network = helpers.make_network().fit(X, labels)
    np.testing.assert_array_equal(network.classes_, np.unique(labels))
    predicted = network.predict(X)
    assert predicted.dtype == network.classes_.dtype
    right = (network.predict_proba(X)[:, 1] > 0.5).astype(int)
    np.testing.assert_array_equal(predicted, network.classes_[right])


def test_string_classes(helpers):
    X, y = helpers.make_data("categorical")
    network = helpers.make_network().fit(X, np.array(["a", "b", "c"])[y])
    helpers.assert_same_fit(network, helpers.make_network().fit(X, y))
    assert set(network.predict(X)) <= {"a", "b", "c"}


def test_pandas_with_feature_names(helpers):
    X, y = helpers.make_data("categorical")
    frame = pd.DataFrame(X, columns=["one", "two", "three"])
    labels = pd.Series(np.array(["a", "b", "c"])[y])
    network = helpers.make_network().fit(frame, labels)
    np.testing.assert_array_equal(network.feature_names_in_, frame.columns)
    classes = network.predict_proba(frame).argmax(axis=1)
    np.testing.assert_array_equal(network.predict(frame), network.classes_[classes])
    with pytest.raises(ValueError, match="feature names"):
        network.predict(frame[["two", "one", "three"]])
    with pytest.warns(UserWarning, match="feature names"):
        network.predict(X)


@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
@pytest.mark.parametrize("gradient", ["exact", "backprop"])
def test_sparse_is_dense(helpers, data, container, gradient):
    X, y = data
    X = np.where(X > 0.3, X, 0.0)
    dense = helpers.make_network(gradient=gradient).fit(X, y)
    sparse = helpers.make_network(gradient=gradient).fit(container(X), y)
    assert_close(dense, sparse, 1e-12)
    np.testing.assert_allclose(
        sparse.predict_proba(container(X)), dense.predict_proba(X), atol=1e-12
    )


def test_sparse_draws_are_dense_draws(helpers, data):
    X, y = data
    dense = helpers.make_network().fit(X, y)
    assert_close(dense, helpers.make_network().fit(scipy.sparse.csr_array(X), y), 1e-12)


def test_sparse_multilabel_targets(helpers):
    X, y = helpers.make_data("multilabel")
    network = helpers.make_network().fit(X, scipy.sparse.csr_matrix(y))
    dense = helpers.make_network().fit(X, y)
    helpers.assert_same_fit(network, dense)
    np.testing.assert_array_equal(network.predict(X).toarray(), dense.predict(X))
    np.testing.assert_array_equal(
        network.log_likelihood(X, scipy.sparse.csr_matrix(y)), dense.log_likelihood(X, y)
    )


def test_column_vectors_warn(helpers):
    X, y = helpers.make_data("binary")
    with pytest.warns(DataConversionWarning):
        column = helpers.make_network().fit(X, y[:, np.newaxis])
    helpers.assert_same_fit(column, helpers.make_network().fit(X, y))


@pytest.mark.parametrize("size", [1e6, 1e200, 1e308])
@pytest.mark.parametrize("gradient", ["sampled", "exact", "backprop"])
def test_enormous_features_stay_finite(helpers, data, gradient, size):
    X, y = data
    network = helpers.make_network(gradient=gradient, max_iter=30).fit(X * size, y)
    assert all(np.isfinite(weight).all() for weight in learnt(network))
    assert np.isfinite(network.loss_curve_).all()
    for predict_with in ("mlp", "ebm"):
        network.set_params(predict_with=predict_with)
        probabilities = network.predict_proba(X * size)
        assert np.isfinite(probabilities).all()
        assert ((probabilities >= 0) & (probabilities <= 1 + 1e-12)).all()


@pytest.mark.parametrize(
    "X", [np.linspace(0, 1, 12)[:, np.newaxis], np.ones((12, 3)), np.zeros((12, 2))]
)
def test_one_feature_and_constant_ones(helpers, X):
    y = np.repeat([0, 1], 6)
    network = helpers.make_network().fit(X, y)
    assert np.isfinite(network.predict_proba(X)).all()


def test_fewer_samples_than_a_batch(helpers):
    X, y = helpers.make_data("binary", n_samples=7)
    automatic = helpers.make_network().fit(X, y)  # "auto" fits itself to the data
    with pytest.warns(UserWarning, match="batch_size=50 is clipped to the 7 samples"):
        clipped = helpers.make_network(batch_size=50).fit(X, y)
    helpers.assert_same_fit(automatic, clipped)


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 3.0}])
@pytest.mark.parametrize("gradient", ["exact", "backprop"])
def test_weighting_is_repeating_in_a_full_batch(helpers, gradient, class_weight):
    X, y = helpers.make_data("binary", n_samples=20)
    times = np.random.default_rng(0).integers(0, 4, 20)
    X_twice, y_twice = np.repeat(X, times, axis=0), np.repeat(y, times)
    settings = dict(gradient=gradient, class_weight=class_weight, max_iter=20)
    one = helpers.make_network(batch_size=20, **settings).fit(X, y, sample_weight=times)
    other = helpers.make_network(batch_size=len(X_twice), **settings).fit(X_twice, y_twice)
    assert_close(one, other, 1e-10)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, atol=1e-10)


def test_class_weights_are_sample_weights(helpers):
    X, y = helpers.make_data("categorical")
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=y)
    by_hand = helpers.make_network().fit(X, y, sample_weight=balanced[y])
    for class_weight in ("balanced", dict(enumerate(balanced))):
        network = helpers.make_network(class_weight=class_weight).fit(X, y)
        helpers.assert_same_fit(network, by_hand)


def test_class_weights_of_labels(helpers):
    X, y = helpers.make_data("multilabel")
    weights = [{0: 1.0, 1: 2.0}, {0: 1.0, 1: 1.0}, {0: 3.0, 1: 1.0}]
    product = np.prod(
        [[w[v] for v in column] for w, column in zip(weights, y.T, strict=True)], axis=0
    )
    by_hand = helpers.make_network().fit(X, y, sample_weight=product)
    network = helpers.make_network(class_weight=weights).fit(X, y)
    for a, b in zip(learnt(network), learnt(by_hand), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_class_weights_matter(helpers):
    X, y = helpers.make_data("binary")
    shares = [
        helpers.make_network(class_weight={0: 1.0, 1: weight}, max_iter=20)
        .fit(X, y)
        .predict_proba(X)[:, 1]
        .mean()
        for weight in (0.2, 1.0, 5.0)
    ]
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize("class_weight", [{0: 0.0, 1: 0.0}, {0: -1.0, 1: 1.0}])
def test_class_weights_must_leave_something(helpers, class_weight):
    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match="The 'class_weight' parameter of Quantum.* must leave"):
        helpers.make_network(class_weight=class_weight).fit(X, y)


def test_early_stopping_needs_weight_in_both_parts(helpers):
    X, y = helpers.make_data("binary")
    weight = np.r_[1.0, np.zeros(len(X) - 1)]
    with pytest.raises(ValueError, match="early_stopping needs samples of positive weight"):
        helpers.make_network(early_stopping=True).fit(X, y, sample_weight=weight)


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", ["sampled", "exact", "backprop"])
def test_warm_start_goes_on_exactly(helpers, data, gradient):
    X, y = data
    at_once = helpers.make_network(max_iter=5, gradient=gradient).fit(X, y)
    in_parts = helpers.make_network(max_iter=3, gradient=gradient, warm_start=True).fit(X, y)
    in_parts.set_params(max_iter=2).fit(X, y)
    helpers.assert_same_fit(at_once, in_parts)
    assert in_parts.n_iter_ == 5
    np.testing.assert_array_equal(at_once.beta_eff_, in_parts.beta_eff_)


def test_without_warm_start_a_fit_begins_anew(helpers, data):
    X, y = data
    network = helpers.make_network().fit(X, y)
    first = pickle.loads(pickle.dumps(network))
    helpers.assert_same_fit(network.fit(X, y), first)


def test_a_warm_start_leaves_no_trace_in_earlier_weights(helpers):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(warm_start=True).fit(X, y)
    coefs = network.coefs_
    copies = [weight.copy() for weight in coefs]
    network.fit(X, y)
    for weight, copy in zip(coefs, copies, strict=True):
        np.testing.assert_array_equal(weight, copy)


def test_partial_fit_is_an_iteration(helpers, data):
    X, y = data
    network = helpers.make_network()
    for _ in range(5):
        network.partial_fit(X, y)
    helpers.assert_same_fit(network, helpers.make_network(max_iter=5).fit(X, y))
    assert network.n_iter_ == 5


def test_partial_fit_by_parts_takes_a_step_a_batch(helpers):
    """As documented, each call goes through its data once: the order of batches is the caller's."""
    X, y = helpers.make_data("binary", n_samples=64)
    network = helpers.make_network(learning_rate_init=0.1, predict_with="ebm")
    for _ in range(20):
        for part in range(4):
            rows = slice(part, None, 4)
            network.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert network.n_iter_ == 80
    assert network.score(X, y) > 0.9


def test_partial_fit_learns_of_classes_at_first(helpers):
    X, y = helpers.make_data("categorical")
    some = y < 2
    network = helpers.make_network().partial_fit(X[some], y[some], classes=[2, 0, 1])
    np.testing.assert_array_equal(network.classes_, [0, 1, 2])
    network.partial_fit(X[~some], y[~some])
    assert network.predict_proba(X).shape == (40, 3)
    unaware = helpers.make_network().partial_fit(X[some], y[some])
    with pytest.raises(ValueError, match=r"not among those of the training data, \[0 1\]: \[2\]"):
        unaware.partial_fit(X, y)


def test_partial_fit_keeps_to_its_classes(helpers, network):
    X, y = helpers.make_data("binary")
    network.partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[1, 0])
    with pytest.raises(ValueError, match="classes=.* is not what the data and earlier calls"):
        network.partial_fit(X, y, classes=[0, 1, 2])


def test_partial_fit_of_labels_with_classes(helpers, network):
    X, y = helpers.make_data("multilabel")
    network.partial_fit(X, y, classes=[0, 1, 2])
    assert network.coefs_[1].shape == (4, 3)


def test_partial_fit_takes_class_weights_of_absent_classes(helpers):
    X, y = helpers.make_data("categorical")
    some = y < 2
    network = helpers.make_network(class_weight={0: 1.0, 2: 2.0})
    network.partial_fit(X[some], y[some], classes=[0, 1, 2])
    assert network.n_iter_ == 1


def test_partial_fit_refuses_balanced_weights(helpers):
    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        helpers.make_network(class_weight="balanced").partial_fit(X, y)


def test_partial_fit_is_hidden_with_early_stopping(helpers):
    assert not hasattr(helpers.make_network(early_stopping=True), "partial_fit")


@pytest.mark.parametrize("change", ["size", "labels"])
def test_going_on_with_another_shape_is_refused(helpers, change):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(warm_start=True).fit(X, y)
    if change == "size":
        network.set_params(n_hidden=9)
        message = "'n_hidden' parameter of Quantum.* must stay 4"
    else:
        y, message = y + 1, r"not among those of the training data, \[0 1\]: \[2\]"
    with pytest.raises(ValueError, match=message):
        network.fit(X, y)


def test_early_stopping_keeps_the_best_weights(helpers, data):
    X, y = data
    network = helpers.make_network(
        early_stopping=True, validation_fraction=0.3, max_iter=30, learning_rate_init=0.5
    ).fit(X, y)
    scores = network.validation_scores_
    assert len(scores) == network.n_iter_
    assert network.best_loss_ is None
    best = int(np.argmax(scores)) + 1
    assert best < network.n_iter_
    short = clone(network).set_params(max_iter=best).fit(X, y)
    for a, b in zip(learnt(network), learnt(short), strict=True):
        np.testing.assert_array_equal(a, b)


def test_early_stopping_by_draws_repeats(helpers):
    """17 labels predicted by draws: with this training's seed and sampler, not an earlier one's."""
    settings = dict(
        early_stopping=True, predict_with="ebm", validation_fraction=0.5, learning_rate_init=0.5
    )
    first, X, y = make_wide(helpers, max_iter=12, **settings)
    y = y.copy()
    y[:, 1:] = 0  # a task that draws get right now and then
    first.fit(X, y)
    scores = first.validation_scores_
    assert len(set(scores)) > 1
    other = clone(first).set_params(random_state=9).fit(X, y)
    other.set_params(random_state=0).fit(X, y)  # a refit after another seed
    assert other.validation_scores_ == scores
    np.testing.assert_array_equal(other.coefs_[0], first.coefs_[0])


# --- copies, pipelines, searches -----------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler", [None, "gibbs", GibbsSampler(num_sweeps=3), DimodSampler(NealSampler(num_sweeps=3))]
)
def test_copies(helpers, sampler):
    X, y = helpers.make_data("binary", n_samples=10)
    network = helpers.make_network(sampler=sampler, max_iter=2).fit(X, y)
    buffer = io.BytesIO()
    joblib.dump(network, buffer)
    buffer.seek(0)
    for copy in (pickle.loads(pickle.dumps(network)), joblib.load(buffer)):
        np.testing.assert_array_equal(copy.predict_proba(X), network.predict_proba(X))
        assert (
            copy.sampling_report(X)["total_variation"]
            == network.sampling_report(X)["total_variation"]
        )
        copy.set_params(warm_start=True).fit(X, y)
        assert copy.n_iter_ == 4
    fresh = clone(network)
    assert not hasattr(fresh, "coefs_")
    helpers.assert_same_fit(fresh.fit(X, y), network)


def test_grid_search_over_the_samplers_own_parameters(helpers):
    X, y = helpers.make_data("binary")
    search = GridSearchCV(
        helpers.make_network(sampler=SimulatedAnnealingSampler(), max_iter=10),
        {"beta_eff": ["auto", 2.0], "n_hidden": [2, 3], "sampler__num_sweeps": [2, 4]},
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    with joblib.parallel_backend("loky"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    best = search.best_params_
    again = helpers.make_network(
        sampler=SimulatedAnnealingSampler(num_sweeps=best["sampler__num_sweeps"]),
        max_iter=10,
        n_hidden=best["n_hidden"],
        beta_eff=best["beta_eff"],
    ).fit(X, y)
    helpers.assert_same_fit(search.best_estimator_, again)


def test_a_name_has_no_parameters_to_search(helpers):
    with pytest.raises((ValueError, AttributeError)):
        helpers.make_network(sampler="gibbs").set_params(sampler__num_sweeps=3)


def test_pipeline_and_cross_validation(helpers, data):
    X, y = data
    model = make_pipeline(MinMaxScaler(), helpers.make_network(max_iter=60, learning_rate_init=0.1))
    scores = cross_validate(model, 100 * X, y, cv=3, error_score="raise")["test_score"]
    assert scores.mean() > (0.3 if y.ndim == 2 else 0.7)  # chance: 0.125 and at most 0.5


def test_skops_stores_it_with_no_foreign_type(helpers):
    X, y = helpers.make_data("categorical")
    network = helpers.make_network(sampler=GibbsSampler(num_sweeps=5), max_iter=2).fit(X, y)
    stored = skops.io.dumps(network)
    trusted = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("qsklearn.") for name in trusted)
    loaded = skops.io.loads(stored, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    for some in (loaded, network):
        some.set_params(warm_start=True).fit(X, y)
    np.testing.assert_array_equal(loaded.coefs_[0], network.coefs_[0])


# --- prediction ----------------------------------------------------------------------------------


@pytest.mark.parametrize("predict_with", ["mlp", "ebm"])
def test_predictions_agree_with_each_other(helpers, kind, data, predict_with):
    X, y = data
    network = helpers.make_network(predict_with=predict_with, max_iter=30).fit(X, y)
    probabilities, decision = network.predict_proba(X), network.decision_function(X)
    predicted = network.predict(X)
    if kind == "binary":
        assert probabilities.shape == (40, 2) and decision.shape == (40,)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        np.testing.assert_allclose(decision, np.log(probabilities[:, 1] / probabilities[:, 0]))
        np.testing.assert_array_equal(predicted, decision > 0)
    elif kind == "categorical":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        logs = decision - logsumexp(decision, axis=1, keepdims=True)
        np.testing.assert_allclose(logs, np.log(probabilities), atol=1e-12)
        np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    else:
        np.testing.assert_allclose(decision, np.log(probabilities / (1 - probabilities)), atol=1e-9)
        np.testing.assert_array_equal(predicted, probabilities > 0.5)
    assert network.score(X, y) == pytest.approx(accuracy_score(y, predicted))


def test_the_energy_based_models_probabilities_are_the_likelihood(helpers, kind, data):
    X, y = data
    network = helpers.make_network(predict_with="ebm").fit(X, y)
    probabilities = network.predict_proba(X)
    if kind == "multilabel":
        patterns = (np.arange(8)[:, np.newaxis] >> np.arange(3)) & 1
        law = np.exp([network.log_likelihood(X, np.broadcast_to(p, (40, 3))) for p in patterns])
        np.testing.assert_allclose(law.sum(axis=0), 1.0)
        np.testing.assert_allclose(law.T @ patterns, probabilities, atol=1e-12)
    else:
        law = np.exp([network.log_likelihood(X, np.full(40, c)) for c in network.classes_])
        np.testing.assert_allclose(law.T, probabilities, atol=1e-12)


def test_log_likelihood_is_minus_energy_and_log_z(helpers, kind, data):
    X, y = data
    network = helpers.make_network().fit(X, y)
    if kind == "multilabel":
        every = [np.broadcast_to(p, (40, 3)) for p in (np.arange(8)[:, None] >> np.arange(3)) & 1]
    else:
        every = [np.full(40, c) for c in network.classes_]
    log_z = logsumexp([-network.energy(X, some) for some in every], axis=0)
    np.testing.assert_allclose(
        network.log_likelihood(X, y), -network.energy(X, y) - log_z, atol=1e-12
    )


@pytest.mark.parametrize("method", ["log_likelihood", "energy"])
def test_likelihood_of_unknown_labels_is_refused(helpers, method):
    X, y = helpers.make_data("binary")
    network = helpers.make_network().fit(X, y)
    with pytest.raises(ValueError, match=r"not among those of the training data, \[0 1\]: \[7\]"):
        getattr(network, method)(X, np.full(40, 7))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        getattr(network, method)(X, y[:3])
    X, y = helpers.make_data("multilabel")
    network = helpers.make_network().fit(X, y)
    with pytest.raises(ValueError, match="a column of 0 and 1 for each of the 3 labels"):
        getattr(network, method)(X, y[:, 0])


@pytest.mark.parametrize("predict_with", ["mlp", "ebm"])
def test_predictions_do_not_depend_on_order_or_batch(helpers, data, predict_with):
    X, y = data
    network = helpers.make_network(predict_with=predict_with).fit(X, y)
    order = np.random.default_rng(1).permutation(len(X))
    whole = network.predict_proba(X)
    np.testing.assert_allclose(network.predict_proba(X[order]), whole[order], atol=1e-14)
    by_row = np.vstack([network.predict_proba(X[[row]]) for row in range(len(X))])
    np.testing.assert_allclose(by_row, whole, atol=1e-14)


@pytest.mark.parametrize("sampler", [GibbsSampler(num_sweeps=10), NealSampler(num_sweeps=4)])
def test_sampled_predictions_do_not_depend_on_order_or_batch(helpers, sampler):
    network, X, _ = make_wide(helpers, predict_with="ebm", sampler=sampler, max_iter=1)
    whole = network.predict_proba(X)
    assert len(np.unique(whole)) <= 11  # shares of 10 draws
    np.testing.assert_array_equal(network.predict_proba(X), whole)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(network.predict_proba(X[order]), whole[order])
    np.testing.assert_array_equal(network.predict_proba(X[5:6]), whole[5:6])
    np.testing.assert_array_equal(network.predict_proba(X[3:9]), whole[3:9])
    np.testing.assert_array_equal(network.predict_proba(scipy.sparse.csr_array(X)), whole)


def test_predictions_through_a_device_do_not_depend_on_the_batch(helpers):
    """β is that of the training: an estimate from the rows at hand would make them depend."""

    def at_secret_beta(device, bqm, num_reads, seed):
        return GibbsSampler().sample(bqm, num_reads=num_reads, seed=seed, num_sweeps=5, beta=2.5)

    device = DimodSampler(helpers.Device(at_secret_beta))
    network, X, _ = make_wide(
        helpers, predict_with="ebm", sampler=device, max_iter=1, weight_scale=0.3
    )
    whole = network.predict_proba(X)
    calls = device.sampler.n_calls
    np.testing.assert_array_equal(network.predict_proba(X[3:9]), whole[3:9])
    assert device.sampler.n_calls == calls + 6  # a call a row, none to calibrate


# --- reports and costs ---------------------------------------------------------------------------


def test_sampling_report_of_exact_draws(helpers, data):
    """The mean distance of 40 rows to its expectation: within 4 sigma of the rows' own spread."""
    X, y = data
    network = helpers.make_network(num_reads=500, weight_scale=1.0).fit(X, y)
    report = network.sampling_report(X)
    chance = report["total_variation_of_draws"]
    # For a bit the distance's standard deviation is 0.76 of its mean, and less for more outcomes.
    assert abs(report["total_variation"] - chance) < 4 * 0.76 * chance / np.sqrt(len(X))
    assert report["num_reads"] == 500
    assert report["reads"] == 500 * 40
    assert (report["beta_eff"], report["beta_eff_stderr"]) == (1.0, 0.0)
    assert report["seconds"] >= report["sample_seconds"] > 0


def test_sampling_report_sees_a_wrong_law(helpers):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(num_reads=500, weight_scale=2.0).fit(X, y)
    report = network.set_params(beta_eff=5.0).sampling_report(X)
    assert report["total_variation"] > 5 * report["total_variation_of_draws"]


def test_sampling_report_where_the_law_is_not_known(helpers):
    network, X, _ = make_wide(helpers)
    report = network.sampling_report(X)
    assert report["total_variation"] is report["total_variation_of_draws"] is None
    assert report["reads"] == 240


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("batch_size", ["auto", 7])
def test_estimated_costs_are_those_of_a_fit(helpers, early_stopping, batch_size):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(
        early_stopping=early_stopping, batch_size=batch_size, n_iter_no_change=99
    )
    estimate = network.estimate_cost(*X.shape)
    network.fit(X, y)
    assert network.stop_reason_ == "max_iter"
    assert estimate["reads"] == network.cost_["reads"] == 5 * (36 if early_stopping else 40) * 10
    assert estimate["models"] * 10 == estimate["reads"]
    n_samples = 36 if early_stopping else 40
    assert estimate["calls"] == 5 * int(np.ceil(n_samples / (32 if batch_size == "auto" else 7)))


def test_estimated_costs_count_the_calibration(helpers):
    X, y = helpers.make_data("binary")

    def at_secret_beta(device, bqm, num_reads, seed):
        return ExactSampler().sample(bqm, num_reads=num_reads, seed=seed, beta=2.5)

    device = DimodSampler(helpers.Device(at_secret_beta))
    network = helpers.make_network(sampler=device, batch_size=10, weight_scale=0.5, max_iter=2)
    estimate = network.estimate_cost(*X.shape)
    network.fit(X, y)
    assert estimate["reads"] == network.cost_["reads"] == (2 * 40 + 10) * 10
    assert estimate["models"] == device.sampler.n_calls
    assert estimate["calls"] == 9


def test_estimated_costs_take_the_samplers_own_reads(helpers):
    X, y = helpers.make_data("binary")
    for sampler in (GibbsSampler(num_reads=6), DimodSampler(NealSampler(), {"num_reads": 6})):
        network = helpers.make_network(sampler=sampler, num_reads=None, max_iter=1, beta_eff=1.0)
        estimate = network.estimate_cost(*X.shape)["reads"]
        assert estimate == network.fit(X, y).cost_["reads"] == 240


@pytest.mark.parametrize("gradient", ["exact", "backprop"])
def test_no_draws_no_cost(helpers, gradient):
    estimate = helpers.make_network(gradient=gradient).estimate_cost(40, 3)
    assert set(estimate.values()) == {0}


@pytest.mark.parametrize("n_samples", [0, 1])
def test_nothing_to_learn_from_no_cost(helpers, n_samples):
    """The one row is held out."""
    network = helpers.make_network(gradient="sampled", early_stopping=True)
    assert set(network.estimate_cost(n_samples, 3).values()) == {0}
    assert network.estimate_cost(2, 3)["reads"] > 0


# --- twins ---------------------------------------------------------------------------------------


def fitted_mlp(X, y):
    return MLPClassifier((4,), activation="logistic", max_iter=30, random_state=0).fit(X, y)


def test_weights_go_from_an_mlp_and_back(helpers, data):
    X, y = data
    mlp = fitted_mlp(X, y)
    network = QuantumSampledMLPClassifier.from_mlp(mlp, max_iter=3, random_state=0)
    np.testing.assert_array_equal(network.predict(X), mlp.predict(X))
    np.testing.assert_allclose(network.predict_proba(X), mlp.predict_proba(X), rtol=1e-12)
    back = network.to_mlp()
    for one, other in zip(
        back.coefs_ + back.intercepts_, mlp.coefs_ + mlp.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(back.predict(X), mlp.predict(X))
    np.testing.assert_array_equal(back.predict_proba(X), mlp.predict_proba(X))
    np.testing.assert_array_equal(back.classes_, mlp.classes_)


def test_from_mlp_can_do_all_that_a_fitted_network_can(helpers, data):
    X, y = data
    mlp = fitted_mlp(X, y)
    weights = [weight.copy() for weight in mlp.coefs_]
    network = QuantumSampledMLPClassifier.from_mlp(
        mlp, warm_start=True, random_state=0, num_reads=10, max_iter=2
    )
    assert network.log_likelihood(X, y).shape == (40,)
    assert network.sampling_report(X)["reads"] == 400
    pickle.loads(pickle.dumps(network)).partial_fit(X, y)
    network.fit(X, y)
    assert network.n_iter_ == 2
    for one, other in zip(mlp.coefs_, weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_from_mlp_takes_names_and_labels(helpers):
    X, y = helpers.make_data("categorical")
    frame = pd.DataFrame(X, columns=list("abc"))
    mlp = fitted_mlp(frame, np.array(["x", "y", "z"])[y])
    network = QuantumSampledMLPClassifier.from_mlp(mlp)
    np.testing.assert_array_equal(network.feature_names_in_, list("abc"))
    np.testing.assert_array_equal(network.predict(frame), mlp.predict(frame))
    np.testing.assert_array_equal(network.to_mlp().predict(frame), mlp.predict(frame))


@pytest.mark.parametrize("change", [{"activation": "relu"}, {"hidden_layer_sizes": (3, 3)}])
def test_other_mlps_are_refused(helpers, change):
    X, y = helpers.make_data("binary")
    settings = {"hidden_layer_sizes": (3,), "activation": "logistic", "max_iter": 1, **change}
    with pytest.raises(ValueError, match="'mlp' parameter of from_mlp must have one hidden layer"):
        QuantumSampledMLPClassifier.from_mlp(MLPClassifier(**settings).fit(X, y))
    with pytest.raises(NotFittedError):
        QuantumSampledMLPClassifier.from_mlp(MLPClassifier())


def test_to_mlp_predicts_the_same(helpers, data):
    X, y = data
    network = helpers.make_network(max_iter=30).fit(X, y)
    mlp = network.to_mlp()
    np.testing.assert_array_equal(mlp.predict(X), network.predict(X))
    np.testing.assert_allclose(mlp.predict_proba(X), network.predict_proba(X), rtol=1e-12)
    mlp.partial_fit(X, y)  # and goes on
    for one, other in zip(network.coefs_, mlp.coefs_, strict=True):
        assert not np.shares_memory(one, other)


def test_to_mlp_leaves_no_trace_of_its_making(helpers):
    X, y = helpers.make_data("binary")
    shared = np.random.RandomState(0)
    network = helpers.make_network(random_state=shared).fit(X, y)
    state = shared.get_state()[1].copy()
    mlp = network.set_params(n_hidden=9, batch_size=10, early_stopping=False).to_mlp()
    np.testing.assert_array_equal(shared.get_state()[1], state)
    assert mlp.hidden_layer_sizes == (4,)  # of the weights, whatever the parameter says now
    assert mlp.batch_size == 10
    # The next step is Adam's first: lr times the gradient's sign.
    before = [weight.copy() for weight in mlp.coefs_]
    mlp.set_params(batch_size=40, random_state=0).partial_fit(X, y)
    step = np.abs(mlp.coefs_[0] - before[0])
    np.testing.assert_allclose(step, mlp.learning_rate_init, rtol=1e-3)


def test_the_classical_twin_is_of_the_same_size(helpers, data):
    X, y = data
    network = helpers.make_network(tol=1e-3, n_iter_no_change=4).fit(X, y)
    twin = network.classical_twin()
    assert not hasattr(twin, "coefs_")
    twin.fit(X, y)
    for one, other in zip(twin.coefs_ + twin.intercepts_, learnt(network), strict=True):
        assert one.shape == other.shape
    for name in ("max_iter", "tol", "n_iter_no_change", "learning_rate_init", "random_state"):
        assert getattr(twin, name) == getattr(network, name)
    assert (twin.alpha, twin.batch_size, twin.activation) == (0.0, 32, "logistic")


def test_ablations_fit_and_differ(helpers, data):
    X, y = data
    network = helpers.make_network(sampler=GibbsSampler(num_sweeps=5), weight_scale=1.0)
    controls = network.ablations()
    assert set(controls) == {
        "exact draws",
        "exact gradient",
        "backpropagation",
        "zero couplings",
    }
    fits = {name: control.fit(X, y) for name, control in controls.items()}
    helpers.assert_same_fit(
        fits["exact gradient"], helpers.make_network(gradient="exact", weight_scale=1.0).fit(X, y)
    )
    distinct = {fit.coefs_[1].tobytes() for fit in [network.fit(X, y), *fits.values()]}
    assert len(distinct) == 5
