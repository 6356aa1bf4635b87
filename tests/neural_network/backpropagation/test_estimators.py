"""The networks trained by backpropagation, against numpy, finite differences and exact optima."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from qsklearn.neural_network._architecture import resolve_layers
from qsklearn.neural_network._backpropagation import _base
from qsklearn.neural_network._backpropagation._classifier import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation._regressor import BackpropagationNetworkRegressor
from qsklearn.neural_network._backpropagation._torch_network import TorchNetwork
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    FittedLayer,
    Flatten,
    Linear,
    SpectralPool,
)

torch = pytest.importorskip("torch")

# Trainings of a few passes over small data.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORKS = [BackpropagationNetworkClassifier, BackpropagationNetworkRegressor]
LENET = [
    SpectralPool((12, 11)),
    Convolution(4, kernel_size=3),
    Activation("leaky_relu", 0.1),
    AveragePool(2),
    Convolution(5, kernel_size=4, padding="same"),
    Activation("relu"),
    AveragePool((2, 1)),
    Flatten(),
    Linear(12),
    Activation("identity"),
    Linear(3),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More threads than free cores make steps on tiny data many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_regression(n_samples=60, n_outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    return X, X @ rng.normal(size=(4, n_outputs)) + 0.5 + 0.1 * rng.normal(size=(n_samples, 1))


def make_network(layers, image_shape, n_outputs, *, dtype=np.float64, **settings):
    """A TorchNetwork with random parameters, these, and the same network in numpy."""
    settings = {"fit_intercept": True, "loss": "squared_error", "caller": "Test", **settings}
    chain = resolve_layers(layers, image_shape, int(np.prod(image_shape)), n_outputs, "Test")
    rng = np.random.default_rng(1)
    parameters, fitted = [], []
    for layer, shape in chain:
        arrays = []
        if layer.is_trainable:
            arrays = [rng.normal(size=(layer.n_weights(shape), layer.n_outputs)) / 3]
            arrays += [rng.normal(size=layer.n_outputs)] if settings["fit_intercept"] else []
        parameters += [array.astype(dtype) for array in arrays]
        fitted.append(FittedLayer(layer, shape, *arrays))
    return TorchNetwork(chain, parameters, **settings), parameters, fitted


# --- torch's network is numpy's ------------------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_outputs_are_those_of_the_fitted_layers(dtype, error, fit_intercept):
    network, _, fitted = make_network(
        LENET, (2, 14, 13), 3, dtype=dtype, fit_intercept=fit_intercept
    )
    X = np.random.default_rng(2).normal(size=(6, 2 * 14 * 13))
    outputs = network.outputs(X.astype(dtype)).detach().numpy()
    expected = _base.outputs_of(fitted, X)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(outputs, expected, atol=error * np.abs(expected).max())


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_gradient_is_that_of_the_loss(loss):
    network, parameters, fitted = make_network(LENET, (2, 14, 13), 3, loss=loss)
    rng = np.random.default_rng(3)
    X = rng.normal(size=(5, 2 * 14 * 13))
    targets, weights = np.eye(3)[[0, 1, 2, 1, 0]], rng.uniform(0.5, 2.0, 5)

    def value():
        outputs = network.outputs(X).detach().numpy()
        if loss == "squared_error":
            losses = ((outputs - targets) ** 2).sum(axis=1)
        else:
            losses = logsumexp(outputs, axis=1) - (outputs * targets).sum(axis=1)
        return (weights * losses).sum() / len(X)

    total, gradient = network.loss_and_gradient(X, targets, weights)
    assert total == pytest.approx(value(), rel=1e-12)
    for array, part in zip(parameters, gradient, strict=True):
        assert part.shape == array.shape
        for index in rng.integers(array.size, size=4):
            at = np.unravel_index(index, array.shape)
            before, step = array[at], 1e-6
            array[at] = before + step  # the network sees changes in place
            above = value()
            array[at] = before - step
            below = value()
            array[at] = before
            assert part[at] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)


def test_a_layer_of_someone_else_is_refused():
    class Doubling:
        is_trainable = False

        def output_shape(self, input_shape):
            return input_shape

        def forward(self, inputs, weights=None, intercepts=None):
            return 2 * inputs

        def __repr__(self):
            return "Doubling()"

    with pytest.raises(TypeError, match=r"qsklearn.neural_network.layers.*Got Doubling\(\)"):
        BackpropagationNetworkClassifier([Doubling(), Linear(3)]).fit(*load_iris(return_X_y=True))


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_one_layer_converges_to_least_squares(fit_intercept, weighted):
    X, y = make_regression()
    weights = np.random.default_rng(1).uniform(0.1, 2.0, len(X)) if weighted else np.ones(len(X))
    network = BackpropagationNetworkRegressor(
        fit_intercept=fit_intercept,
        batch_size=len(X),
        learning_rate_init=0.05,
        max_iter=800,
        n_iter_no_change=800,
        random_state=0,
    )
    network.fit(X, y, sample_weight=weights if weighted else None)
    rows = np.hstack([X, np.ones((len(X), 1))]) if fit_intercept else X
    roots = np.sqrt(weights)[:, np.newaxis]
    optimum = np.linalg.lstsq(rows * roots, y * roots, rcond=None)[0]
    np.testing.assert_allclose(network.layers_[0].coefficients, optimum, atol=2e-4)
    error = (weights[:, np.newaxis] * (rows @ optimum - y) ** 2).sum() / weights.sum()
    assert network.loss_ == pytest.approx(error, rel=1e-4)
    np.testing.assert_allclose(network.predict(X), rows @ optimum, atol=1e-3)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_learns_images(loss):
    X, y = load_digits(return_X_y=True)
    network = BackpropagationNetworkClassifier(
        [Convolution(6, 3), Activation("leaky_relu", 0.1), AveragePool(2), Linear(10)],
        image_shape=(1, 8, 8),
        loss=loss,
        learning_rate_init=0.01,
        max_iter=4,
        random_state=0,
    ).fit(X[:1200] / 16, y[:1200])
    assert network.score(X[1200:] / 16, y[1200:]) > 0.85
    assert [type(fitted.layer) for fitted in network.layers_] == [
        Convolution, Activation, AveragePool, Flatten, Linear,
    ]  # fmt: skip
    assert network.loss_curve_ == sorted(network.loss_curve_, reverse=True)
    assert network.n_iter_ == len(network.loss_curve_) == 4
    assert network.loss_ == network.loss_curve_[-1] and network.stop_reason_ == "max_iter"


def test_decisions_of_the_classifier():
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    network = BackpropagationNetworkClassifier((8,), learning_rate_init=0.02, random_state=0)
    decision = network.fit(X, names).decision_function(X)
    np.testing.assert_array_equal(network.predict(X), network.classes_[decision.argmax(axis=1)])
    np.testing.assert_array_equal(decision, _base.outputs_of(network.layers_, X))
    assert np.mean(network.predict(X) == names) > 0.9
    two = network.fit(X[y < 2], names[y < 2])
    decision = two.decision_function(X)
    outputs = _base.outputs_of(two.layers_, X)
    assert outputs.shape == (150, 2)  # one-hot for two classes as well
    np.testing.assert_array_equal(decision, outputs[:, 1] - outputs[:, 0])
    np.testing.assert_array_equal(two.predict(X), two.classes_[(decision > 0).astype(int)])


def test_probabilities_are_there_for_the_cross_entropy():
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier(random_state=0, learning_rate_init=0.02).fit(X, y)
    with pytest.raises(AttributeError) as caught:
        _ = network.predict_proba
    assert "CalibratedClassifierCV" in str(caught.value.__cause__)
    network.set_params(loss="cross_entropy").fit(X, y)
    probabilities = network.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(network.predict(X), probabilities.argmax(axis=1))
    # Probabilities of the data's own labels are what the loss averages.
    own = -np.log(probabilities[np.arange(len(y)), y]).mean()
    assert own == pytest.approx(network.loss_, rel=0.1)


def test_shapes_of_targets():
    X, y = make_regression()
    network = BackpropagationNetworkRegressor(max_iter=2, random_state=0)
    assert network.fit(X, y).predict(X).shape == (60, 2)
    assert network.fit(X, y[:, :1]).predict(X).shape == (60, 1)
    assert network.fit(X, y[:, 0]).predict(X).shape == (60,)


# --- randomness, weights of samples, going on ----------------------------------------------------


def assert_same(one, other):
    for a, b in zip(one.layers_, other.layers_, strict=True):
        if a.is_trainable:
            np.testing.assert_array_equal(a.weights, b.weights)
            np.testing.assert_array_equal(a.intercepts, b.intercepts)
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("network", NETWORKS)
def test_seeds(network):
    X, y = load_iris(return_X_y=True)
    fits = [network((5,), max_iter=3, random_state=s).fit(X, y) for s in (0, 0, 1)]
    assert_same(fits[0], fits[1])
    assert np.abs(fits[0].layers_[0].weights - fits[2].layers_[0].weights).max() > 0.1


def test_start_and_order_of_the_data(monkeypatch):
    X = np.arange(40.0).reshape(40, 1) / 40
    seen = []

    def record(self, X, targets, weights):
        seen.append(X.ravel())
        return 0.0, [np.zeros_like(array) for array in self.parameters]

    plain = TorchNetwork.__init__

    def remember(self, layers, parameters, **settings):
        self.parameters = parameters
        plain(self, layers, parameters, **settings)

    monkeypatch.setattr(TorchNetwork, "__init__", remember)
    monkeypatch.setattr(TorchNetwork, "loss_and_gradient", record)
    network = BackpropagationNetworkRegressor((500,), max_iter=2, batch_size=15, random_state=0)
    network.fit(X, X.ravel())
    assert [len(rows) for rows in seen] == [15, 15, 10] * 2
    passes = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    for rows in passes:
        np.testing.assert_array_equal(np.sort(rows), X.ravel().astype(np.float32))
    assert not np.array_equal(passes[0], np.sort(passes[0]))
    assert not np.array_equal(*passes)  # each pass in a fresh order
    # Glorot and Bengio's uniform law on +-sqrt(6 / (1 + 500)), four standard errors.
    weights, bound = network.layers_[0].weights, np.sqrt(6 / 501)
    assert bound > np.abs(weights).max() > 0.95 * bound
    assert abs(weights.mean()) < 4 * bound / np.sqrt(3 * 500)
    assert not network.layers_[0].intercepts.any()


def test_nothing_global_is_touched():
    X, y = load_iris(return_X_y=True)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    settings = torch.get_num_threads(), torch.get_default_dtype()
    with torch.no_grad():  # of the caller: training needs gradients all the same
        BackpropagationNetworkClassifier((5,), max_iter=2, random_state=0).fit(X, y)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before)
    assert settings == (torch.get_num_threads(), torch.get_default_dtype())


def test_weight_zero_is_absence_and_scale_does_not_matter():
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    network = BackpropagationNetworkClassifier((5,), max_iter=3, random_state=0)
    one = clone(network).fit(X, y, sample_weight=weights)
    present = weights > 0
    assert_same(one, clone(network).fit(X[present], y[present], weights[present]))
    assert_same(one, clone(network).fit(X, y, sample_weight=4 * weights))


def test_weighting_is_repeating_in_a_full_batch():
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    network = BackpropagationNetworkClassifier(
        (5,), batch_size=1000, learning_rate_init=0.01, random_state=0
    )
    one = clone(network).fit(X, y, sample_weight=weights)
    other = clone(network).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    # Sums in another order, in single precision.
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=2e-3)


def test_going_on_is_one_long_fit():
    X, y = load_iris(return_X_y=True)
    settings = dict(layers=(5,), learning_rate_init=0.01, random_state=0)
    once = BackpropagationNetworkClassifier(max_iter=5, **settings).fit(X, y)
    network = BackpropagationNetworkClassifier(max_iter=3, warm_start=True, **settings).fit(X, y)
    again = pickle.loads(pickle.dumps(network)).set_params(max_iter=2).fit(X, y)
    assert_same(once, again)
    assert again.n_iter_ == 5 and network.n_iter_ == 3
    with pytest.raises(ValueError, match=r"must stay as they were .*Got \(6,\), None and True"):
        again.set_params(layers=(6,)).fit(X, y)
    with pytest.raises(ValueError, match="and False instead, which make another network"):
        again.set_params(layers=(5,), fit_intercept=False).fit(X, y)
    with pytest.raises(ValueError, match=r"earlier fit, \[0 1 2\]: \[7\]"):
        again.set_params(fit_intercept=True).fit(X, np.where(y == 2, 7, y))
    assert_same(once, again)  # failed fits have changed nothing


class Fault:
    """Let one call for a gradient fail; five make a pass over the iris data."""

    def __init__(self, monkeypatch, at, happen):
        self.calls, self.at, self.happen = 0, at, happen
        self.plain = TorchNetwork.loss_and_gradient
        monkeypatch.setattr(TorchNetwork, "loss_and_gradient", lambda *data: self(*data))

    def __call__(self, *data):
        self.calls += 1
        loss, gradient = self.plain(*data)
        return self.happen(loss, gradient) if self.calls == self.at else (loss, gradient)


def interrupt(loss, gradient):
    raise KeyboardInterrupt


def explode(loss, gradient):
    return loss, [np.full_like(part, np.inf) for part in gradient]


@pytest.mark.parametrize(("reason", "happen"), [("interrupted", interrupt), ("diverged", explode)])
def test_a_broken_fit_keeps_complete_iterations(monkeypatch, reason, happen):
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier((5,), max_iter=3, random_state=0)
    three, going_on = clone(network).fit(X, y), clone(network).set_params(warm_start=True)
    Fault(monkeypatch, 3 * 5 + 2, happen)  # in the fourth pass
    with pytest.warns(UserWarning, match=rf"\({reason}\); the weights after 3 iter") as caught:
        network.set_params(max_iter=6).fit(X, y)
    assert caught[0].filename == __file__
    assert_same(network, three)
    assert network.stop_reason_ == reason and network.n_iter_ == 3
    # The moments of Adam are those of the third iteration as well.
    monkeypatch.undo()
    going_on.fit(X, y).fit(X, y)
    assert_same(network.set_params(warm_start=True, max_iter=3).fit(X, y), going_on)


@pytest.mark.parametrize(
    ("error", "happen"), [(KeyboardInterrupt, interrupt), (ValueError, explode)]
)
def test_a_fit_that_breaks_at_once_changes_nothing(monkeypatch, error, happen):
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier((5,), max_iter=2, random_state=0).fit(X, y)
    before = dict(vars(network))
    going_on = clone(network).set_params(warm_start=True).fit(X, y).fit(X, y)
    for warm_start in (False, True):
        with monkeypatch.context() as patch:
            Fault(patch, 2, happen)
            network.set_params(warm_start=warm_start)
            with pytest.raises(error):
                network.fit(X, y)
        assert vars(network) == {**before, "warm_start": warm_start}
    assert_same(network.fit(X, y), going_on)  # nor have the kept weights and moments moved


def test_enormous_features_are_told():
    X, y = make_regression()
    for factor in (1e30, 1e300):  # too large to square, and to store in single precision
        network = BackpropagationNetworkRegressor(random_state=0)
        with pytest.raises(ValueError, match="diverged in its first .* order of 1, or lower"):
            network.fit(X * factor, y)
        assert not hasattr(network, "layers_")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "hinge"}, "'loss' parameter of BackpropagationNetworkClassifier"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' parameter"),
        ({"layers": [Linear(4)]}, "BackpropagationNetworkClassifier must end with .* 3"),
        ({"image_shape": (1, 3, 3)}, r"'image_shape' .* 4\. Got \(1, 3, 3\)"),
    ],
)
def test_bad_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        BackpropagationNetworkClassifier(**changes).fit(*load_iris(return_X_y=True))


@pytest.mark.parametrize("network", NETWORKS)
def test_bad_data(network):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="NaN"):
        network().fit(X, np.where(y == 1, np.nan, y))
    with pytest.raises(ValueError, match="(?i)sample.weight"):
        network().fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match="[Nn]egative"):
        network().fit(X, y, sample_weight=-np.ones(len(y)))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class: 3"):
        BackpropagationNetworkClassifier().fit([[0.0], [1.0]], [3, 3])


@pytest.mark.parametrize(
    ("layers", "image_shape"),
    [
        ((10**9,), None),
        ((10**5, 10**5), None),
        ([Convolution(10**6, kernel_size=3), Flatten(), Linear(4)], (1, 8, 8)),
    ],
)
def test_layers_beyond_memory_are_refused_before_they_are_made(layers, image_shape, monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    monkeypatch.setattr(_base, "_initial_parameters", None)
    network = BackpropagationNetworkClassifier(layers, image_shape=image_shape)
    with pytest.raises(MemoryError, match=r"of Backprop.* weights .* need [\d,]* bytes.* smaller"):
        network.fit(np.random.default_rng(0).random((100, 64)), np.arange(100) % 4)


def test_a_large_batch_counts(monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**20)
    X, y = np.random.default_rng(0).random((1000, 2)), np.arange(1000) % 2
    settings = dict(max_iter=1, n_iter_no_change=1, tol=1e9)
    BackpropagationNetworkClassifier((100,), batch_size=100, **settings).fit(X, y)
    # (2 + 1) 100 + (100 + 1) 2 weights, (100 + 100 + 2) 1000 outputs
    with pytest.raises(MemoryError, match="502 weights and 202,000 outputs .* need 2,042,088 byt"):
        BackpropagationNetworkClassifier((100,), batch_size=5000, **settings).fit(X, y)


def test_progress_is_shown(capsys):
    X, y = load_iris(return_X_y=True)
    BackpropagationNetworkClassifier(max_iter=2, verbose=1, random_state=0).fit(X, y)
    assert "2/2" in capsys.readouterr().err


# --- among others --------------------------------------------------------------------------------


def test_predicts_without_torch(tmp_path):
    X, y = load_digits(return_X_y=True)
    layers = [Convolution(3, 3), Activation("relu"), Linear(10)]
    network = BackpropagationNetworkClassifier(
        layers, image_shape=(1, 8, 8), max_iter=1, random_state=0
    ).fit(X[:200] / 16, y[:200])
    (tmp_path / "network.pickle").write_bytes(pickle.dumps((network, X[:9] / 16)))
    code = (
        "import importlib.abc, pickle, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *others):\n"
        "        if name.partition('.')[0] == 'torch':\n"
        "            raise ImportError('no torch here')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "network, X = pickle.load(open('network.pickle', 'rb'))\n"
        "print(*network.predict(X))\n"
        "try:\n    network.fit(X, network.predict(X))\n"
        "except ImportError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    labels, error = run.stdout.strip().splitlines()
    assert labels == " ".join(map(str, network.predict(X[:9] / 16)))
    assert error.startswith("BackpropagationNetworkClassifier needs the package 'torch'")
    assert "qsklearn[torch]" in error


def test_many_rows_are_predicted_as_few_are():
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier((5,), max_iter=2, random_state=0).fit(X, y)
    many = np.tile(X, (14, 1))  # more than go through the layers at once
    np.testing.assert_allclose(
        network.decision_function(many),
        np.tile(network.decision_function(X), (14, 1)),
        rtol=1e-12,
        atol=1e-12,
    )


def test_a_grid_varies_whole_layers():
    X, y = load_iris(return_X_y=True)
    grid = {"layers": [None, (4,), [Linear(4), Activation("relu"), Linear(3)]]}
    network = BackpropagationNetworkClassifier(learning_rate_init=0.02, random_state=0, max_iter=5)
    search = GridSearchCV(network, grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


BATCHES = (
    "batches go through the data in random order, so that a weighted data point is not a repeated "
    "one; in a full batch it is (test_weighting_is_repeating_in_a_full_batch)"
)
# The checks' data are few: larger batches would hold them all.
SETTINGS = dict(learning_rate_init=0.04, batch_size=8, max_iter=15, random_state=0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        BackpropagationNetworkClassifier((8,), **SETTINGS),
        BackpropagationNetworkClassifier(loss="cross_entropy", **SETTINGS),
        BackpropagationNetworkRegressor((8,), **SETTINGS),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": BATCHES
    },
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_training_ends_where_the_loss_stays():
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier(max_iter=500, tol=1e-2, n_iter_no_change=3)
    network.fit(X / X.max(), y)
    assert network.stop_reason_ == "converged" and network.n_iter_ < 500
    assert np.all(np.diff(network.loss_curve_[-3:]) > -1e-2)
    with pytest.warns(ConvergenceWarning, match="stopped at max_iter=2 before it had converged"):
        network.set_params(max_iter=2).fit(X, y)


def test_defaults_train():
    X, y = load_iris(return_X_y=True)
    network = BackpropagationNetworkClassifier((8,), random_state=0).fit(X / X.max(), y)
    assert network.score(X / X.max(), y) > 0.85
