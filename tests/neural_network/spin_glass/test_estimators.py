"""The annealed networks as estimators: samplers, repeats, faults, and what they say of them."""

import os
import pickle
import re
import tracemalloc
import warnings

import dimod
import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.validation import check_is_fitted

from qsklearn import SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor
from qsklearn.inspection import AnnealedTrainingDisplay
from qsklearn.model_selection import compare
from qsklearn.neural_network._spin_glass._warnings import warn_of_training
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    Flatten,
    Linear,
)
from qsklearn.samplers import (
    DimodSampler,
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    ImaginaryTimeCircuitSampler,
    MockQPUSampler,
    NealSampler,
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    PopulationAnnealingSampler,
    SimulatedAnnealingSampler,
    get_sampler_status,
)

NETWORKS = [SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor]


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.fixture(scope="module")
def small(iris):
    """Three features and three classes, few enough for any sampler."""
    X, y = iris
    chosen = np.random.default_rng(0).permutation(len(X))[:60]
    return X[chosen, 1:], y[chosen]


def make_network(layers=(4,), *, kind=SpinGlassAnnealedNetwork, **changes):
    return kind(layers, **{"max_iter": 4, "random_state": 0, **changes})


def outputs_of(network, X):
    is_classifier = isinstance(network, SpinGlassAnnealedNetwork)
    return network.decision_function(X) if is_classifier else network.predict(X)


# --- samplers -------------------------------------------------------------------------------------

CHIP = {"topology_type": "zephyr", "topology_shape": [2, 4], "num_sweeps": 20, "seed": 0}
SAMPLERS = {
    "annealing": "annealing",
    "bits": SimulatedAnnealingSampler(level_moves="bit"),
    "several reads": SimulatedAnnealingSampler(num_reads=3),
    "least-squares": "least-squares",
    "exact": "exact",
    "exact object": ExactSampler(num_reads=2),
    "path-integral": PathIntegralAnnealingSampler(num_sweeps=50),
    "population": PopulationAnnealingSampler(num_reads=20),
    "tempering": ParallelTemperingSampler(num_sweeps=50),
    "neal": NealSampler(num_sweeps=100),
    "mock-dwave": EmbeddedSampler(MockQPUSampler("ideal", **CHIP), num_reads=10),
    "aer": ImaginaryTimeCircuitSampler(num_reads=50),
    "solver": dimod.ExactSolver(),
    "wrapped solver": DimodSampler(dimod.ExactSolver()),
}
NEEDS = {"neal": "neal", "mock-dwave": "mock-dwave", "aer": "aer"}


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_trains_a_linear_layer(name, small):
    """Eight spins an output; equal accuracy is no evidence of quality, but failure would show."""
    if name in NEEDS and get_sampler_status()[NEEDS[name]]:
        pytest.skip(get_sampler_status()[NEEDS[name]])
    X, y = small
    network = make_network(None, n_bits=2, max_iter=6, sampler=SAMPLERS[name])
    network.fit(X, y)
    assert network.score(X, y) > 0.7
    start = 2 / 3  # the error of the means of three classes alone
    assert network.loss_curve_[-1] < 0.75 * start
    assert network.stop_reason_ == "max_iter"
    if name == "least-squares":
        assert network.sampler_ is None and network.cost_["calls"] == 0
    else:
        assert network.cost_["calls"] == 6 and network.cost_["reads"] >= 18


def test_gibbs_is_refused_with_the_reason(small):
    with pytest.raises(ValueError, match="ground draw. GibbsSampler can do: thermal"):
        make_network(sampler="gibbs").fit(*small)


def test_num_sweeps_and_n_jobs_reach_the_sampler(small):
    network = make_network(None, num_sweeps=9, n_jobs=2).fit(*small)
    assert network.cost_["sweeps"] == 9 * network.cost_["reads"] > 0
    with pytest.warns(UserWarning, match="num_sweeps=9 is left out, because ExactSampler"):
        make_network(None, num_sweeps=9, n_bits=1, sampler="exact").fit(*small)


def test_explicit_models_beyond_memory_are_refused_in_bytes(monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 2**17)  # 16 GiB
    X = np.random.default_rng(0).normal(size=(20, 3000))
    with pytest.raises(MemoryError, match="48,016 spins for .* need 110,6.* bytes.*fewer bits"):
        make_network(None, sampler="tempering", n_bits=16).fit(X, np.arange(20) % 2)


CONVOLUTION = [Convolution(10**6, kernel_size=3), Flatten(), Linear(4)]


@pytest.mark.parametrize(
    ("layers", "image_shape"),
    [((10**9,), None), ((50_000, 50_000), None), (CONVOLUTION, (1, 8, 8))],
)
@pytest.mark.parametrize("warm_start", [False, True])
def test_layers_beyond_memory_are_refused_before_they_are_made(
    layers, image_shape, warm_start, monkeypatch
):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    X, y = np.random.default_rng(0).random((200, 64)), np.arange(200) % 4
    network = make_network(layers, image_shape=image_shape, warm_start=warm_start)
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError, match=r"of Spin.* weights .* need [\d,]* bytes.*fewer"):
            network.fit(X, y)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("layers", "shape", "image_shape"),
    [
        ((700, 700), (8, 4), None),  # weights
        ((100,), (4000, 4), None),  # values
        (None, (1200, 900), None),  # products
        (None, (60, 5000), None),  # rows
        ([Convolution(100, kernel_size=3), Flatten(), Linear(3)], (20, 64), (1, 8, 8)),
    ],
)
def test_bytes_that_are_counted_are_those_that_are_taken(layers, shape, image_shape, monkeypatch):
    X, y = np.random.default_rng(0).random(shape), np.arange(shape[0]) % 3
    network = make_network(layers, image_shape=image_shape, max_iter=2, num_sweeps=1)
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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_histories_are_pythons_floats_as_they_are_from_a_checkpoint(iris):
    history = make_network((4,), max_iter=2).fit(*iris)._state.history
    flat = [np.ravel(np.array(epochs, dtype=object)) for epochs in history.values()]
    assert {type(number) for numbers in flat for number in numbers} == {float}


# --- repeats, copies, searches --------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("layers", [None, (5, 4)])
def test_results_repeat_to_the_bit(kind, layers, iris):
    X, y = iris
    networks = [make_network(layers, kind=kind, n_jobs=n).fit(X, y) for n in (None, 1, 2)]
    expected = outputs_of(networks[0], X)
    for network in networks[1:]:
        np.testing.assert_array_equal(outputs_of(network, X), expected)
        assert network.loss_curve_ == networks[0].loss_curve_
    np.testing.assert_array_equal(outputs_of(networks[0].fit(X, y), X), expected)
    other = make_network(layers, kind=kind, random_state=1).fit(X, y)
    assert (outputs_of(other, X) != expected).any()


@pytest.mark.parametrize("kind", NETWORKS)
def test_copies_are_alike(kind, iris, tmp_path):
    X, y = iris
    network = make_network(kind=kind, warm_start=True).fit(X, y)
    expected = outputs_of(network, X)
    joblib.dump(network, tmp_path / "network")
    copies = [pickle.loads(pickle.dumps(network)), joblib.load(tmp_path / "network")]
    further = outputs_of(network.fit(X, y), X)
    for copy in copies:
        np.testing.assert_array_equal(outputs_of(copy, X), expected)
        np.testing.assert_array_equal(outputs_of(copy.fit(X, y), X), further)
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(network))
    np.testing.assert_array_equal(outputs_of(clone(network).fit(X, y), X), expected)


def test_skops_keeps_a_network(iris):
    sio = pytest.importorskip("skops.io")
    X, y = iris
    network = make_network().fit(X, y)
    stored = sio.dumps(network)
    types = sio.get_untrusted_types(data=stored)
    assert types and all(name.startswith("qsklearn.") for name in types)
    loaded = sio.loads(stored, trusted=types)
    np.testing.assert_array_equal(loaded.decision_function(X), network.decision_function(X))


def test_grid_search(iris):
    X, y = iris
    grid = {
        "n_bits": [1, 4],
        "ridge": [0.01, 0.1],
        "layers": [None, (4,), [Linear(4), Activation("relu"), Linear(3)]],
        "sampler__num_sweeps": [5, 30],
    }
    network = make_network(sampler=SimulatedAnnealingSampler(), max_iter=3)
    search = GridSearchCV(network, grid, cv=2, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.8


def test_pipelines_frames_and_calibration():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["a", "b", "c"])[y]
    network = make_network(max_iter=10).fit(frame, names)
    assert list(network.feature_names_in_) == list(frame.columns) and network.n_features_in_ == 4
    assert set(network.predict(frame)) <= {"a", "b", "c"}
    with pytest.raises(ValueError, match="feature names should match"):
        network.predict(frame[frame.columns[::-1]])
    pipeline = make_pipeline(StandardScaler(), network)
    assert cross_val_score(pipeline, frame, names, cv=3).mean() > 0.85
    calibrated = CalibratedClassifierCV(pipeline, cv=3).fit(frame, names)
    probabilities = calibrated.predict_proba(frame)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert calibrated.score(frame, names) > 0.85
    assert not hasattr(network, "predict_proba")


def test_two_classes_have_one_decision():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="has not trained"):  # 4 epochs, features unscaled
        network = make_network().fit(X, y)
    decision = network.decision_function(X)
    assert decision.shape == (len(X),)
    np.testing.assert_array_equal(network.predict(X), (decision > 0).astype(int))


def test_regressor_shapes_and_units():
    X, y = load_diabetes(return_X_y=True)
    one = make_network(None, kind=SpinGlassAnnealedRegressor).fit(X, y)
    assert one.predict(X).shape == y.shape
    column = make_network(None, kind=SpinGlassAnnealedRegressor).fit(X, y[:, np.newaxis])
    np.testing.assert_array_equal(column.predict(X)[:, 0], one.predict(X))
    two = make_network(None, kind=SpinGlassAnnealedRegressor).fit(X, np.column_stack([y, -1e9 * y]))
    assert two.predict(X).shape == (len(X), 2)
    assert two.score(X, np.column_stack([y, -1e9 * y])) == pytest.approx(one.score(X, y), abs=0.01)


@pytest.mark.parametrize("size", [1e-200, 1e-8, 1e8, 1e200])
def test_the_scale_of_targets_does_not_matter(size):
    X, y = load_diabetes(return_X_y=True)
    network = make_network(kind=SpinGlassAnnealedRegressor)
    expected = network.fit(X, y).predict(X)
    np.testing.assert_allclose(network.fit(X, size * y).predict(X) / size, expected, rtol=1e-6)


@pytest.mark.parametrize("power", [-90, -27, 27, 90])
@pytest.mark.parametrize("layers", [None, (4,)])
def test_the_scale_of_features_does_not_matter(power, layers, iris):
    """Powers of two, with which nothing is rounded otherwise: the same network to the bit."""
    X, y = iris
    expected = make_network(layers).fit(X, y).score(X, y)
    size = 2.0**power
    assert make_network(layers).fit(size * X, y).score(size * X, y) == pytest.approx(
        expected, abs=0.01
    )


# --- data of little use ---------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [None, (4,)])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 1e100])
def test_a_constant_target_is_predicted(layers, value):
    X, _ = load_diabetes(return_X_y=True)
    network = make_network(layers, kind=SpinGlassAnnealedRegressor).fit(X, np.full(len(X), value))
    np.testing.assert_allclose(network.predict(X), value, rtol=1e-12, atol=0)


@pytest.mark.parametrize("layers", [None, (4,)])
def test_features_of_no_use(layers, iris):
    X, y = iris
    nothing = make_network(layers, max_iter=20).fit(np.zeros((len(X), 2)), y)
    np.testing.assert_allclose(nothing.decision_function(np.zeros((1, 2))), 1 / 3, atol=1e-3)
    equal = make_network(layers, max_iter=40).fit(np.full((len(X), 2), 5.0), y)
    np.testing.assert_allclose(equal.decision_function(np.full((1, 2), 5.0)), 1 / 3, atol=0.1)
    single = make_network(layers, max_iter=20).fit(X[:, 2:3], y)
    assert single.score(X[:, 2:3], y) > (0.6 if layers is None else 0.9)
    constant = np.column_stack([X, np.full(len(X), 7.0), np.zeros(len(X))])
    network = make_network(layers, max_iter=20).fit(constant, y)
    assert (network.layers_[0].weights[-2:] == 0).all()
    assert (
        network.score(constant, y) >= make_network(layers, max_iter=20).fit(X, y).score(X, y) - 0.05
    )


@pytest.mark.parametrize(
    ("load", "kind"),
    [
        (load_iris, SpinGlassAnnealedNetwork),
        (load_digits, SpinGlassAnnealedNetwork),
        (load_breast_cancer, SpinGlassAnnealedNetwork),
        (load_diabetes, SpinGlassAnnealedRegressor),
    ],
)
@pytest.mark.parametrize("layers", [None, (16,)])
def test_the_defaults_train_without_a_warning(load, kind, layers):
    X, y = load(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = kind(layers, random_state=0).fit(X[:600], y[:600])
    assert network.loss_curve_[-1] < network.loss_curve_[0]


# --- warnings -------------------------------------------------------------------------------------


def test_singular_problems_without_a_ridge_are_told_of(iris):
    X, y = iris
    doubled = np.column_stack([X, X[:, 0]])
    with pytest.warns(ConvergenceWarning, match="squared error of layer 0, Linear.* many optima"):
        make_network(None, ridge=0).fit(doubled, y)
    make_network(None, ridge=0).fit(X, y)
    make_network(None, ridge=1e-3).fit(doubled, y)
    # Inputs that are always 0 have no weights: fewer samples than inputs are no reason alone.
    padded = np.column_stack([X, np.zeros((len(X), 200))])
    make_network(None, ridge=0).fit(padded, y)


def test_fewer_data_than_weights_are_told_of_where_the_problem_is_too_large_to_look_at():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 800)), np.arange(900) % 2
    network = make_network(None, ridge=0, sampler="least-squares", max_iter=1)
    with pytest.warns(ConvergenceWarning, match="many optima: fewer data than"):
        network.fit(X[:100], y[:100])
    assert np.isnan(network.diagnostics_["condition_number"]).all()
    network.fit(X, y)


def test_a_sampler_that_finds_nothing_is_told_of():
    X, y = load_digits(return_X_y=True)
    random = SimulatedAnnealingSampler(num_sweeps=1, beta=0.0)  # dimod's takes no seed of ours
    network = SpinGlassAnnealedNetwork(sampler=random, n_bits=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"In \d+ of 20 epochs the annealed weights of l"):
        network.fit(X[:200], y[:200])
    energy, base = (network.diagnostics_[name] for name in ("energy", "base_energy"))
    assert (energy <= base + 1e-12).all()  # what was at hand has been kept
    assert (network.diagnostics_["annealed_energy"] > 1.01 * base).mean() > 0.5


@pytest.mark.parametrize(
    ("scale_of_targets", "word"), [(1e-6, "collapse"), (1e6, "explode")], ids=["small", "large"]
)
def test_targets_that_lose_their_scale_are_told_of(iris, scale_of_targets, word):
    X, y = iris
    network = make_network(target="pseudo_inverse", target_scale=scale_of_targets)
    with pytest.warns(ConvergenceWarning, match=f"targets of layer 0, .* {word}: .* Take target="):
        network.fit(X, y)


def test_what_was_told_is_not_told_again(iris):
    X, y = iris
    network = make_network(target="pseudo_inverse", target_scale=1e6)
    with pytest.warns(ConvergenceWarning, match="explode"):
        network.fit(X, y)
    state = network._state.copy()
    for name, values in state.history.items():
        values.append([1.0, 1.0] if name == "target_rms" else values[-1])
    with pytest.warns(ConvergenceWarning, match="explode"):
        warn_of_training(network, state, 0, len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_training(network, state, 4, len(X))


# --- bad input ------------------------------------------------------------------------------------

FOUR = [Linear(4), AveragePool(2), Linear(3)]
BAD_PARAMETERS = [
    ({"n_bits": 0}, ValueError, r"'n_bits' parameter of Spin.* range \[1, 16\]. Got 0 instead"),
    ({"n_bits": 17}, ValueError, r"\[1, 16\]. Got 17 instead"),
    ({"n_bits": 2.5}, ValueError, r"\[1, 16\]. Got 2.5 instead"),
    ({"n_bits": True}, ValueError, r"'n_bits' parameter of Spin.*\[1, 16\]. Got True instead"),
    ({"weight_range": 10**29}, ValueError, r"'weight_range' parameter of Spin.* at most 1e\+10,"),
    ({"weight_range": 10**400}, ValueError, r"'weight_range' parameter of Spin.* at most 1e\+10,"),
    ({"weight_range": (0, 1)}, ValueError, r"two finite numbers > 0.*Got \(0, 1\)"),
    ({"weight_range": (1, 2, 3)}, ValueError, "two finite numbers > 0"),
    ({"weight_range": np.nan}, ValueError, "two finite numbers > 0"),
    ({"weight_range": "wide"}, ValueError, "two finite numbers > 0.*Got 'wide'"),
    ({"weight_range": (1, 2)}, ValueError, r"must not grow from the first .* Got \(1, 2\)"),
    ({"ridge": -0.1}, ValueError, "'ridge' parameter"),
    ({"target": "pinv"}, ValueError, "'target' parameter"),
    ({"target_scale": 0.0}, ValueError, "'target_scale' parameter"),
    ({"inverse": "cg"}, ValueError, "'inverse' parameter"),
    ({"max_iter": 0}, ValueError, "'max_iter' parameter"),
    ({"n_jobs": 0}, ValueError, "'n_jobs' parameter"),
    ({"sampler": "anealing"}, ValueError, "Did you mean 'annealing'.*'least-squares' finds"),
    ({"sampler": GibbsSampler()}, ValueError, "do a ground draw. GibbsSampler can do: thermal.$"),
    ({"image_shape": (1, 2, 3)}, ValueError, r"as X has features, 4. Got \(1, 2, 3\) .* holds 6"),
    ({"layers": 5}, TypeError, "a single entry stands in a list"),
    ({"layers": [Linear(4)]}, ValueError, r"targets need, 3. Layer 0, .* shape \(4,\) instead"),
    ({"layers": FOUR}, ValueError, r"Layer 1, AveragePool.* input of shape \(4,\)"),
    (
        {"layers": [Convolution(2, 3), Linear(3)], "image_shape": (1, 2, 2)},
        ValueError,
        r"Layer 0, Convolution.* shape \(1, 2, 2\)",
    ),
    ({"layers": [Convolution(2, 2), Linear(3)]}, ValueError, "tell the shape of its images"),
    (
        {"layers": [Linear(4), Activation("relu"), Linear(3)], "activation_in_target": True},
        ValueError,
        "'activation_in_target' .* slope of 0, .* Got layer 1, Activation.*'relu'",
    ),
]


@pytest.mark.parametrize("sampler", [None, "neal"])
def test_weights_beyond_numbers_are_refused_before_they_are_sampled(sampler, iris):
    """The sampler's own refusal would speak of its arguments."""
    X, y = iris
    network = make_network(None, weight_range=1e10, n_bits=1, num_sweeps=3, sampler=sampler)
    with pytest.raises(ValueError, match="weights of a layer have grown .* smaller weight_range"):
        network.fit(X / np.abs(X).max() * 1.1e-40, y)


def kept(network):
    return {name: value for name, value in vars(network).items() if name[-1] == "_"}


@pytest.mark.parametrize(("parameters", "error", "message"), BAD_PARAMETERS)
def test_bad_parameters(parameters, error, message, iris):
    X, y = iris
    network = make_network(max_iter=1).fit(X, y)
    before = kept(network)
    with pytest.raises(error, match=message):
        network.set_params(**parameters).fit(X, y)
    assert kept(network) == before


def spoilt(values, value):
    values = np.array(values, dtype=float)
    values.flat[3] = value
    return values


BAD_DATA = [
    (lambda X, y: (spoilt(X, np.nan), y), "Input X contains NaN"),
    (lambda X, y: (spoilt(X, np.inf), y), "Input X contains infinity"),
    (lambda X, y: (spoilt(X, 1e50), y), r"between 1e-40 and 1e\+40, or be 0. Got 1e\+50"),
    (lambda X, y: (1e-60 * X, y), "largest absolute value in the X of Spin.* divide X by it"),
    (lambda X, y: (X, spoilt(y, np.nan)), "contains NaN"),
    (lambda X, y: (X, y, np.zeros(len(y))), "at least one non-zero"),
    (lambda X, y: (X, y, spoilt(np.ones(len(y)), -1)), "[Nn]egative"),
    (lambda X, y: (X, y, np.ones(3)), "inconsistent|sample_weight.shape"),
    (lambda X, y: (X[:-1], y), "inconsistent numbers of samples"),
]


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(("spoil", "message"), BAD_DATA)
def test_bad_data(kind, spoil, message, iris):
    X, y = iris
    network = make_network(max_iter=1, kind=kind).fit(X, y)
    before = kept(network)
    with pytest.raises(ValueError, match=message):
        network.fit(*spoil(X, y))
    assert kept(network) == before


def test_bad_labels(iris):
    X, y = iris
    with pytest.raises(ValueError, match="only one class"):
        make_network().fit(X, np.zeros(len(y)))
    network = make_network(warm_start=True, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match=r"not among those of the earlier fit.*\[3\]"):
        network.fit(X, y + 1)
    regressor = make_network(kind=SpinGlassAnnealedRegressor, warm_start=True, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="must have 1 outputs, as in the earlier fit. Got 2"):
        regressor.fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("method", ["predict", "decision_function"])
def test_predictions_before_a_fit_and_of_other_features(method, iris):
    X, y = iris
    with pytest.raises(NotFittedError):
        getattr(make_network(), method)(X)
    with pytest.raises(ValueError, match="X has 3 features, but Spin.* is expecting 4"):
        getattr(make_network(max_iter=1).fit(X, y), method)(X[:, :3])


def test_samples_without_weight_have_no_say(iris):
    X, y = iris
    weights = np.ones(len(X))
    weights[::3] = 0
    with_others = np.where(weights[:, np.newaxis] > 0, X, 1e30)
    one = make_network().fit(with_others, y, weights)
    other = make_network().fit(X[weights > 0], y[weights > 0])
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))


# --- costs, controls, figures ---------------------------------------------------------------------

COSTS = [
    ([Linear(4), Linear(3)], {}, None),
    ((5, 4), {}, None),
    (None, {"sampler": SimulatedAnnealingSampler(num_reads=3)}, None),
    ((4,), {"sampler": "least-squares"}, None),
    ([Convolution(2, 2), AveragePool(2), Linear(3)], {}, (1, 3, 3)),
]


@pytest.mark.parametrize(("layers", "changes", "image_shape"), COSTS)
def test_costs_are_as_estimated(layers, changes, image_shape, iris):
    X, y = iris
    X = X if image_shape is None else np.column_stack([X, X, X[:, 0]])
    network = make_network(layers, image_shape=image_shape, **changes)
    network.fit(X, y)
    cost = network.estimate_cost(*X.shape)
    assert cost["calls"] == network.cost_["calls"]
    assert cost["reads"] == network.cost_["reads"]
    if isinstance(layers, list):  # which tell all sizes by themselves
        assert clone(network).estimate_cost(*X.shape) == cost
    assert network.cost_["sample_seconds"] >= 0 and network.cost_["update_seconds"] > 0


def test_costs_of_unknown_outputs():
    assert make_network(None).estimate_cost(10, 3)["models"] == 4 * 2
    assert make_network(None, kind=SpinGlassAnnealedRegressor).estimate_cost(10, 3)["models"] == 4
    images = SpinGlassAnnealedRegressor([Convolution(1, 2)], image_shape=(1, 3, 3), max_iter=1)
    cost = images.estimate_cost(10, 9)
    assert cost == {"calls": 1, "models": 1, "reads": 1, "queries": 0, "qpu_access_time": 0.0}
    with pytest.raises(TypeError, match="'layers' parameter"):
        make_network(5).estimate_cost(10, 3)
    with pytest.raises(ValueError, match="'image_shape' parameter"):
        make_network([Convolution(3, 2)], image_shape=4).estimate_cost(10, 4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_sweeps": 20, "n_jobs": 2, "sampler": SimulatedAnnealingSampler(num_reads=2)},
        {"sampler": "exact", "n_bits": 1},
        {"sampler": "least-squares"},
    ],
)
def test_ablations_are_fitted(kind, changes, small):
    network = make_network((3,), kind=kind, **changes)
    ablations = network.ablations()
    names = {"least squares", "random weights", "zero couplings"}
    exact = changes.get("sampler") == "least-squares"
    assert set(ablations) == (names - {"zero couplings"} if exact else names)
    for ablation in ablations.values():
        assert ablation.fit(*small).n_iter_ == 4
        assert ablation.get_params(deep=False)["layers"] == (3,)
    assert ablations["least squares"].loss_curve_[-1] < ablations["random weights"].loss_curve_[-1]
    reads = {name: ablation.cost_["reads"] for name, ablation in ablations.items()}
    if not exact:
        assert (
            reads["random weights"] == reads["zero couplings"] == network.fit(*small).cost_["reads"]
        )


@pytest.mark.filterwarnings("ignore:SpinGlassAnnealed:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_twin_has_the_same_layers(kind, small):
    pytest.importorskip("torch")
    X, y = small
    twin = make_network((3,), kind=kind, max_iter=7, random_state=3).classical_twin()
    assert (twin.layers, twin.random_state) == ((3,), 3)
    assert twin.max_iter == type(twin)().max_iter  # its passes are not epochs of annealing
    with pytest.warns(ConvergenceWarning, match="stopped at max_iter=200"):  # noise, as data
        twin.fit(X, y)
    shapes = [layer.output_shape for layer in twin.layers_]
    assert shapes == [
        layer.output_shape for layer in make_network((3,), kind=kind).fit(X, y).layers_
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_compare_with_the_twin_and_the_ablations(iris):
    X, y = iris
    network = make_network(None, max_iter=8)
    contenders = {"network": network, "twin": network.classical_twin(), **network.ablations()}
    result = compare(contenders, X, y, cv=3, baseline="least squares", random_state=0)
    tests = {test["estimator"]: test for test in result.paired_tests()}
    assert set(tests) == set(contenders) - {"least squares"}
    assert abs(tests["network"]["difference"]) < 0.03
    assert tests["random weights"]["difference"] < 0.05


@pytest.mark.parametrize(("layers", "n_layers"), [(None, 1), ((5, 4), 3)])
def test_diagnostics(layers, n_layers, iris):
    X, y = iris
    network = make_network(layers, max_iter=6).fit(X, y)
    diagnostics = network.diagnostics_
    assert diagnostics["loss"].shape == (6,)
    names = {"energy", "base_energy", "annealed_energy", "optimum", "target_rms"}
    names |= {"condition_number"}
    assert set(diagnostics) == names | {"loss", "layer_names"}
    for name in names:
        assert diagnostics[name].shape == (6, n_layers) and np.isfinite(diagnostics[name]).all()
    assert len(diagnostics["layer_names"]) == n_layers
    slack = 1e-9 * diagnostics["energy"]
    for name in ("energy", "base_energy", "annealed_energy"):
        assert (diagnostics["optimum"] <= diagnostics[name] + slack).all()
    assert (diagnostics["condition_number"] >= 1).all()
    assert diagnostics["target_rms"][:, -1] == pytest.approx(np.sqrt(1 / 3))


def test_the_figure_of_a_training(iris):
    pytest.importorskip("matplotlib")
    network = make_network((5,)).fit(*iris)
    display = AnnealedTrainingDisplay.from_estimator(network)
    loss = display.axes_[0].lines[0].get_ydata()
    np.testing.assert_array_equal(loss, network.loss_curve_)
    assert len(display.axes_[1].lines) == 2


def test_verbose_shows_a_bar(iris, capsys):
    make_network(verbose=1).fit(*iris)
    assert "SpinGlassAnnealedNetwork: 100%" in capsys.readouterr().err
    make_network().fit(*iris)
    assert capsys.readouterr().err == ""


def test_parameters_are_left_alone(iris):
    layers = [Linear(4), Activation(), Linear(3)]
    network = make_network(layers, sampler=SimulatedAnnealingSampler(), random_state=5)
    before = pickle.dumps(network.get_params())
    network.fit(*iris)
    assert pickle.dumps(network.get_params()) == before and network.layers is layers


# --- losses that tell of a training that did not end well ----------------------------------------


def test_a_training_that_got_nowhere_is_told_of(iris):
    X, y = iris
    network = make_network((8,), weight_range=1e-4, max_iter=3)
    with pytest.warns(ConvergenceWarning, match=r"has not trained: .* above that of a constant"):
        network.fit(X, y)
    assert min(network.loss_curve_) > 1.001 * 2 / 3  # of three classes alike


def test_a_training_that_was_still_falling_is_told_of(iris):
    X, y = iris
    with pytest.warns(ConvergenceWarning, match="max_iter=2 while its squared error was still"):
        network = make_network((16, 8), weight_range=0.1, max_iter=2).fit(X, y)
    assert network.loss_curve_[1] < 0.9 * network.loss_curve_[0] and network.best_iter_ == 2
