"""The estimator: what goes wrong around it, and what it then says and keeps."""

import pickle
import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


# --- faults --------------------------------------------------------------------------------------


class NoSample:
    parameters = {}


class NoParameters:
    def sample(self, bqm):
        return None


BAD_PARAMETERS = [
    ({"sampler": "gibs"}, ValueError, "must be one of .*Got 'gibs' instead.*'gibbs'"),
    ({"sampler": NoSample()}, ValueError, "NoSample, which misses `sample`"),
    ({"sampler": NoParameters()}, ValueError, "NoParameters, which misses `parameters`"),
    ({"sampler": ExactSampler}, ValueError, r"write ExactSampler\(\) instead"),
    ({"num_reads": 0}, ValueError, "'num_reads' parameter of Quantum.*Got 0"),
    ({"num_reads": 2.5}, ValueError, "'num_reads' parameter of Quantum.*Got 2.5"),
    ({"n_hidden": 0}, ValueError, "'n_hidden' parameter"),
    ({"n_hidden": True}, ValueError, r"'n_hidden' parameter of Quantum.* an int .*Got True"),
    ({"tol": True}, ValueError, "'tol' parameter of Quantum.* a float .*Got True"),
    ({"nudge": 10**400}, ValueError, "'nudge' parameter of Quantum.* a float .*Got 1000"),
    ({"beta_eff": 0.0}, ValueError, "'beta_eff' parameter"),
    ({"beta_eff": np.nan}, ValueError, "'beta_eff' parameter"),
    ({"beta_eff": np.inf}, ValueError, "'beta_eff' parameter"),
    ({"beta_eff": "best"}, ValueError, "'beta_eff' parameter"),
    ({"gradient": "newton"}, ValueError, "'gradient' parameter"),
    ({"learning_rate_init": 0.0}, ValueError, "'learning_rate_init' parameter"),
    ({"max_iter": 0}, ValueError, "'max_iter' parameter"),
    ({"tol": -1.0}, ValueError, "'tol' parameter"),
    ({"batch_size": 0}, ValueError, "'batch_size' parameter"),
    ({"validation_fraction": 1.0}, ValueError, "'validation_fraction' parameter"),
    ({"predict_with": "qubits"}, ValueError, "'predict_with' parameter"),
    ({"class_weight": "equal"}, ValueError, "'class_weight' parameter"),
    ({"n_jobs": 1.5}, ValueError, "'n_jobs' parameter"),
]


def changed(X, value):
    X = X.copy()
    X[3, 1] = value
    return X


BAD_DATA = [
    (lambda X, y: (changed(X, np.nan), y), "Input X contains NaN"),
    (lambda X, y: (changed(X, np.inf), y), "Input X contains infinity"),
    (lambda X, y: (X, np.zeros(len(y))), "at least 2 classes.*only one class"),
    (lambda X, y: (X, np.where(y, np.nan, 0.0)), "contains NaN"),
    (lambda X, y: (X, np.linspace(0, 1, len(y))), "Unknown label type"),
    (lambda X, y: (X[:-1], y), "inconsistent numbers of samples"),
    (lambda X, y: (X[:, 0], y), "Expected 2D array"),
    (lambda X, y: (X[:0], y[:0]), "0 sample"),
    (
        lambda X, y: (X, np.column_stack([y, 2 * y, y])),
        r"'y' parameter of QuantumSampledMLPClassifier must be labels of shape \(n_samples,\), or "
        r"0 and 1 of shape \(n_samples, n_labels\)\. Got shape \(\d+, 3\) with other values",
    ),
    (lambda X, y: (X, None), "requires y to be passed"),
]


def kept(network):
    return {
        name: pickle.dumps(value) if name != "sampler" else id(value)
        for name, value in vars(network).items()
        if name.endswith("_") or name.startswith("_")
    }


@pytest.mark.parametrize(("parameters", "error", "message"), BAD_PARAMETERS)
def test_bad_parameters(helpers, parameters, error, message):
    X, y = helpers.make_data("binary")
    network = helpers.make_network().fit(X, y)
    before, predicted = kept(network), network.predict_proba(X)
    with pytest.raises(error, match=message):
        network.set_params(**parameters).fit(X, y)
    assert kept(network) == before
    network.set_params(**{name: getattr(helpers.make_network(), name) for name in parameters})
    np.testing.assert_array_equal(network.predict_proba(X), predicted)


@pytest.mark.parametrize(("spoil", "message"), BAD_DATA)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_data(helpers, method, spoil, message):
    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match=message):
        getattr(helpers.make_network(), method)(*spoil(X, y))
    network = helpers.make_network().fit(X, y)
    before, predicted = kept(network), network.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        network.fit(*spoil(X, y))
    assert kept(network) == before
    np.testing.assert_array_equal(network.predict_proba(X), predicted)


def test_a_failed_refit_on_other_data_leaves_shapes_and_classes(helpers):
    """The sampler fails after the data have been taken in: all of it is taken back."""
    X, y = helpers.make_data("binary")
    network = helpers.make_network().fit(X, y)

    def fail(device, bqm, num_reads, seed):
        raise OSError("gone")

    before, predicted = kept(network), network.predict_proba(X)
    wide, labels = helpers.make_data("categorical", n_features=5)
    network.set_params(sampler=DimodSampler(helpers.Device(fail)), n_hidden=7)
    with pytest.raises(RuntimeError, match="OSError: gone"):
        network.fit(pd.DataFrame(wide, columns=list("abcde")), labels)
    assert kept(network) == before
    np.testing.assert_array_equal(network.predict_proba(X), predicted)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "sampling_report"])
def test_wrong_feature_count(helpers, method):
    X, y = helpers.make_data("binary")
    network = helpers.make_network().fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but Quantum.* is expecting 3"):
        getattr(network, method)(X[:, :2])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(40), "at least one non-zero|sample_weight must be > 0"),
        (-np.ones(40), "[Nn]egative"),
        (np.ones(3), "sample_weight"),
        (np.full(40, np.nan), "NaN"),
    ],
)
def test_bad_sample_weights(helpers, weight, message):
    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match=message):
        helpers.make_network().fit(X, y, sample_weight=weight)


def test_the_exact_gradient_of_many_labels_is_refused(helpers):
    with pytest.raises(ValueError, match="17 output bits"):
        make_wide(helpers, gradient="exact")
    network, X, y = make_wide(helpers)
    with pytest.raises(ValueError, match="17 output bits"):
        network.log_likelihood(X, y)


def test_enumerators_are_refused(helpers):
    import dimod

    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match="ExactSolver enumerates"):
        helpers.make_network(sampler=dimod.ExactSolver()).fit(X, y)


# --- what is refused with a reason --------------------------------------------------------------


def test_from_mlp_refuses_other_sizes_and_other_things(helpers):
    X, y = helpers.make_data("binary")
    mlp = helpers.make_network(n_hidden=3, max_iter=2).fit(X, y).to_mlp()
    with pytest.raises(ValueError, match="'n_hidden' parameter of .* must be that of the MLP, 3"):
        QuantumSampledMLPClassifier.from_mlp(mlp, n_hidden=4)
    with pytest.raises(ValueError, match="'mlp' parameter of from_mlp must be a fitted MLPClass"):
        QuantumSampledMLPClassifier.from_mlp("mlp")


def test_partial_fit_says_why_it_is_not_there(helpers):
    X, y = helpers.make_data("binary")
    with pytest.raises(AttributeError, match="partial_fit"):
        helpers.make_network(early_stopping=True).partial_fit(X, y)
    assert not hasattr(helpers.make_network(early_stopping=True), "partial_fit")


def test_diagnostics_are_refused_where_there_is_no_exact_gradient():
    X, y = np.random.default_rng(0).random((5, 2)), np.eye(5, 17, dtype=int)
    network = QuantumSampledMLPClassifier(n_hidden=2, diagnostics=True, max_iter=1)
    with pytest.raises(ValueError, match="17 output bits"):
        network.fit(X, y)
    assert not hasattr(network, "coefs_")


HUGE = [
    {"n_hidden": 10**6},
    {"n_hidden": 10**5, "sampler": "gibbs"},
    {"n_hidden": 60_000, "sampler": "neal"},
    {"n_hidden": 10**5, "gradient": "equilibrium"},
    {"n_hidden": 10**9, "gradient": "backprop"},
    {"n_hidden": np.int32(10**9), "gradient": "exact"},
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("parameters", HUGE)
def test_networks_beyond_memory_are_refused_before_they_are_made(
    parameters, method, helpers, monkeypatch
):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    X, y = helpers.make_data("categorical")
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError, match=r"step of .* hidden bits would need [\d,]* bytes"):
            getattr(QuantumSampledMLPClassifier(**parameters), method)(X, y)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_couplings_are_counted_where_there_are_any(helpers, monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**20)
    X, y = helpers.make_data("binary")
    settings = dict(n_hidden=500, batch_size=8, max_iter=1)
    QuantumSampledMLPClassifier(gradient="exact", **settings).fit(X, y)
    with pytest.raises(MemoryError, match="500 hidden bits .* gradient='exact', which needs no"):
        QuantumSampledMLPClassifier(**settings).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "n_features"),
    [
        ({"n_hidden": 700, "num_reads": 2}, 3),  # couplings
        ({"n_hidden": 700, "num_reads": 2, "sampler": "gibbs"}, 3),
        ({"n_hidden": 700, "num_reads": 2, "gradient": "equilibrium"}, 3),
        ({"n_hidden": 200, "gradient": "exact"}, 2000),  # weights
        ({"n_hidden": 20_000, "gradient": "exact"}, 2),  # hidden bits of a batch
    ],
)
def test_bytes_that_are_counted_are_those_that_are_taken(
    parameters, n_features, helpers, monkeypatch
):
    X, y = helpers.make_data("categorical", n_features=n_features)
    network = QuantumSampledMLPClassifier(max_iter=1, random_state=0, **parameters)
    with monkeypatch.context() as patch, pytest.raises(MemoryError) as refusal:
        patch.setattr("qsklearn._memory.physical_memory", lambda: 0)
        network.fit(X, y)
    counted = int(re.search(r"need ([\d,]*) bytes", str(refusal.value))[1].replace(",", ""))
    network.fit(X, y)  # what is imported and compiled does not count
    tracemalloc.start()
    try:
        network.fit(X, y)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.7 < counted / taken < 1.3


def test_predictions_beyond_memory_are_refused(helpers, monkeypatch):
    X, y = helpers.make_data("categorical")
    network = QuantumSampledMLPClassifier(50, max_iter=1).fit(X, y)
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**15)
    network.predict(X)
    with pytest.raises(MemoryError, match="50 hidden bits for 400 data points .* at a time"):
        network.predict(np.tile(X, (10, 1)))
