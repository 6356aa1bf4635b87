"""Which network backpropagation trains in place of an annealed one, with and without PyTorch."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from qsklearn.neural_network._backpropagation._classifier import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation._regressor import BackpropagationNetworkRegressor
from qsklearn.neural_network._spin_glass import _classical_twin
from qsklearn.neural_network._spin_glass._classical_twin import classical_twin_of
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    Flatten,
    Linear,
)

# Trainings of a few passes over small data.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RELU, IDENTITY = Activation("relu"), Activation("identity")


def twin_of(layers, kind="classifier", **settings):
    return classical_twin_of(layers, kind=kind, caller="Network.classical_twin", **settings)


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(_classical_twin, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        ("classifier", BackpropagationNetworkClassifier),
        ("regressor", BackpropagationNetworkRegressor),
    ],
)
def test_ours_where_torch_is_installed(kind, network):
    pytest.importorskip("torch")
    settings = dict(
        image_shape=(1, 2, 2),
        fit_intercept=False,
        learning_rate_init=0.1,
        batch_size=16,
        max_iter=7,
        warm_start=True,
        verbose=1,
        random_state=3,
        checkpoint="folder",
    )
    layers = [Convolution(3, 2)]
    twin = twin_of(layers, kind, **settings)
    assert type(twin) is network and not hasattr(twin, "layers_")
    parameters = twin.get_params()
    assert parameters.pop("layers") is layers
    assert parameters.pop("loss", "squared_error") == "squared_error"
    own = {"tol": 1e-4, "n_iter_no_change": 10, "checkpoint_interval": 10}
    assert parameters == {**settings, **own}


@pytest.mark.parametrize(
    ("layers", "sizes", "activation"),
    [
        (None, (), "identity"),
        ((), (), "identity"),
        (np.array([], int), (), "identity"),
        ([Linear(3)], (), "identity"),
        ([Flatten(), Linear(3)], (), "identity"),
        ([Linear(8), RELU, Linear(3)], (8,), "relu"),
        ([Linear(8), RELU, Linear(4), Activation("leaky_relu", 0.0), Linear(3)], (8, 4), "relu"),
        ([Linear(8), Linear(4), IDENTITY, Linear(3)], (8, 4), "identity"),
        ([Linear(8), Activation("leaky_relu", 1.0), Linear(3)], (8,), "identity"),
    ],
)
def test_scikit_learns_where_it_is_not(without_torch, layers, sizes, activation):
    twin = twin_of(layers, max_iter=7, random_state=3, learning_rate_init=0.1, warm_start=True)
    assert type(twin) is MLPClassifier
    expected = dict(
        hidden_layer_sizes=sizes, activation=activation, alpha=0.0, max_iter=7, random_state=3,
        learning_rate_init=0.1, warm_start=True, verbose=False,
    )  # fmt: skip
    assert {name: twin.get_params()[name] for name in expected} == expected
    assert type(twin_of(layers, "regressor")) is MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("layers", [None, [Linear(8), RELU, Linear(3)]])
def test_scikit_learns_has_the_same_weights(without_torch, layers):
    X, y = load_iris(return_X_y=True)
    twin = twin_of(layers, max_iter=2, random_state=0).fit(X, y)
    shapes = [(4, 3)] if layers is None else [(4, 8), (8, 3)]
    assert [coef.shape for coef in twin.coefs_] == shapes
    assert np.isfinite(twin.loss_)


@pytest.mark.parametrize(
    "layers",
    [
        (8,),  # its activation is a leaky one
        [Linear(8), RELU, Linear(4), Linear(3)],  # relu and identity
        [Linear(8), Activation("leaky_relu", 0.1), Linear(3)],
        [Linear(3), RELU],
        [RELU, Linear(3)],
        [Linear(8), RELU, RELU, Linear(3)],
        [Convolution(3, 4)],
        [AveragePool(2), Linear(3)],
        [Flatten()],
    ],
)
def test_what_scikit_learn_cannot_express_needs_torch(without_torch, layers):
    with pytest.raises(ImportError, match=r"Network.classical_twin needs .*qsklearn\[torch\]"):
        twin_of(layers)


def test_scikit_learn_always_has_intercepts(without_torch):
    with pytest.raises(ImportError, match="only linear layers with intercepts"):
        twin_of(None, fit_intercept=False)
