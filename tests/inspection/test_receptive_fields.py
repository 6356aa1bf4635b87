import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from qsklearn import QuantumSampledMLPClassifier, QUBOTransferClassifier, SpinGlassAnnealedNetwork
from qsklearn.inspection import ReceptiveFieldDisplay
from qsklearn.neural_network.layers import Convolution, FittedLayer, Linear


class Perceptron(BaseEstimator):
    """Weights by hand: 6 pixels, 3 units, 2 classes."""

    image_shape = None

    def fit(self, X=None, y=None):
        self.coefs_ = [np.arange(18.0).reshape(6, 3) - 8.0, np.arange(6.0).reshape(3, 2)]
        self.classes_ = np.array(["no", "yes"])
        return self


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200] / 16.0, y[:200]


def drawn(display):
    return [[np.asarray(image.get_array()) for image in row] for row in display.images_]


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_every_weight_is_drawn():
    estimator = Perceptron().fit()
    display = ReceptiveFieldDisplay.from_estimator(estimator, image_shape=(2, 3))
    assert isinstance(display.figure_, Figure) and display.images_.shape == (3, 1)
    for unit, (image,) in enumerate(drawn(display)):
        np.testing.assert_array_equal(image, estimator.coefs_[0][:, unit].reshape(2, 3))
    assert texts(display) == ["0", "1", "2"]
    # Symmetric about zero, by the largest weight of all: 17 - 8.
    assert {image.get_clim() for image in display.images_.ravel()} == {(-9.0, 9.0)}
    assert display.colorbar_.ax.get_ylim() == (-9.0, 9.0)


def test_the_colours_tell_signs_without_colour():
    display = ReceptiveFieldDisplay([[[-1.0, 0.0, 1.0]]]).plot()
    image = display.images_[0, 0]
    colours = image.cmap(image.norm(np.linspace(-1.0, 1.0, 21)))[:, :3]
    assert (np.diff(colours @ [0.2126, 0.7152, 0.0722]) > 0).all()  # brighter and brighter
    assert np.ptp(colours[10]) < 0.05  # zero is grey
    assert colours[0, 2] > colours[0, 0] and colours[-1, 0] > colours[-1, 2]


def test_the_last_layer_is_named_after_the_classes():
    display = ReceptiveFieldDisplay.from_estimator(Perceptron().fit(), layer=1, image_shape=(1, 3))
    assert texts(display) == ["no", "yes"]
    X, y = load_digits(n_class=2, return_X_y=True)
    two = LogisticRegression().fit(X, y)
    assert texts(ReceptiveFieldDisplay.from_estimator(two)) == ["1"]


def test_units_with_the_largest_weights_are_chosen():
    estimator = Perceptron().fit()
    estimator.coefs_[0][:, 1] = 0.1
    display = ReceptiveFieldDisplay.from_estimator(estimator, image_shape=(2, 3), n_units=2)
    assert display.unit_names == ["0", "2"]
    estimator.coefs_ = [np.ones((4, 50))]
    assert len(ReceptiveFieldDisplay.from_estimator(estimator).weights) == 36
    assert len(ReceptiveFieldDisplay.from_estimator(estimator, n_units=50).weights) == 50


def test_kernels_of_a_convolution():
    """Of layers of this package and of one that holds weights of four axes."""
    rng = np.random.default_rng(0)
    layer = FittedLayer(Convolution(3, 2), (2, 5, 5)).with_weights(rng.normal(size=(8, 3)))
    display = ReceptiveFieldDisplay.from_estimator(SimpleNamespace(layers_=[layer]))
    assert display.images_.shape == (3, 2)
    # The kernel's answer to an image of one bright pixel is the kernel turned round.
    for channel in range(2):
        point = np.zeros((1, 2, 5, 5))
        point[0, channel, 2, 2] = 1.0
        answer = layer.forward(point)[0]
        for unit in range(3):
            kernel = drawn(display)[unit][channel]
            np.testing.assert_allclose(answer[unit, 1:3, 1:3], kernel[::-1, ::-1])
    assert display.ax_.get_title() == "units by input channels"
    assert texts(display) == ["0", "1", "2", "0", "1"]
    other = SimpleNamespace(layers_=[SimpleNamespace(weights=display.weights)])
    np.testing.assert_array_equal(
        ReceptiveFieldDisplay.from_estimator(other).weights, display.weights
    )


@pytest.mark.filterwarnings("ignore:SpinGlassAnnealedNetwork has not trained")
def test_a_network_of_layers(digits):
    network = SpinGlassAnnealedNetwork(
        [Convolution(4, 3), Linear(10)], image_shape=(1, 8, 8), max_iter=1, random_state=0
    ).fit(*digits)
    first = ReceptiveFieldDisplay.from_estimator(network)
    kernels = network.layers_[0].weights.T.reshape(4, 1, 3, 3)
    np.testing.assert_array_equal(first.weights, kernels)
    second = ReceptiveFieldDisplay.from_estimator(network, layer=1, image_shape=(4, 6, 6))
    assert second.images_.shape == (10, 4) and second.unit_names == list("0123456789")


@pytest.mark.filterwarnings("ignore:QuantumSampledMLPClassifier stopped")
@pytest.mark.parametrize(
    "kind", ["sampled", "qubo", "linear", "pipeline", "selection", "components", "mlp"]
)
def test_estimators_that_can_be_read(kind, digits):
    mlp = MLPClassifier((5,), activation="logistic", max_iter=300, tol=1e-2, random_state=0)
    linear = LogisticRegression(max_iter=300)
    estimator = {
        "sampled": lambda: QuantumSampledMLPClassifier(
            5, gradient="backprop", max_iter=1, random_state=0
        ),
        "qubo": lambda: QUBOTransferClassifier(mlp, mode="float", random_state=0),
        "linear": lambda: linear,
        "pipeline": lambda: make_pipeline(StandardScaler(), linear),
        # Its estimator_ ends in a step without weights.
        "selection": lambda: SelectFromModel(
            make_pipeline(PCA(4), FunctionTransformer()), importance_getter=lambda _: np.ones(64)
        ),
        "components": lambda: PCA(4),
        "mlp": lambda: mlp,
    }[kind]().fit(*digits)
    display = ReceptiveFieldDisplay.from_estimator(estimator)
    expected = {
        "sampled": lambda: estimator.coefs_[0].T,
        "qubo": lambda: estimator.estimator_.coefs_[0].T,
        "linear": lambda: estimator.coef_,
        "pipeline": lambda: estimator[-1].coef_,
        "selection": lambda: estimator.estimator_[0].components_,
        "components": lambda: estimator.components_,
        "mlp": lambda: estimator.coefs_[0].T,
    }[kind]()
    np.testing.assert_array_equal(display.weights, expected.reshape(-1, 1, 8, 8))


def test_modules_of_pytorch():
    nn = pytest.importorskip("torch").nn
    module = nn.Sequential(
        nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 2), nn.ReLU()
    )
    estimator = SimpleNamespace(estimator_=module, image_shape=(1, 4, 4))
    first = ReceptiveFieldDisplay.from_estimator(estimator)
    np.testing.assert_allclose(first.weights, module[0].weight.detach().numpy())
    second = ReceptiveFieldDisplay.from_estimator(estimator, layer=1, image_shape=(3, 3, 3))
    np.testing.assert_allclose(
        second.weights.reshape(2, 27), module[3].weight.detach().numpy(), rtol=1e-6
    )
    with pytest.raises(ValueError, match="'layer' .* int from 0 to 1. Got 2 instead"):
        ReceptiveFieldDisplay.from_estimator(estimator, layer=2)


def test_the_shape_of_images():
    estimator = Perceptron().fit()
    estimator.image_shape = (1, 3, 2)
    assert ReceptiveFieldDisplay.from_estimator(estimator).weights.shape == (3, 1, 3, 2)
    colours = ReceptiveFieldDisplay.from_estimator(estimator, image_shape=(3, 1, 2))
    assert colours.images_.shape == (3, 3)
    # The estimator's own does not fit the second layer.
    with pytest.raises(ValueError, match="where 3 features make no square. Got None"):
        ReceptiveFieldDisplay.from_estimator(estimator, layer=1)


@pytest.mark.parametrize("shape", [(2, 2), 6, (6,), (1, 1, 2, 3), (2.0, 3.0), (-2, -3), "ab"])
def test_shapes_that_do_not_fit(shape):
    with pytest.raises(ValueError, match="'image_shape' .* of 6 pixels in all. Got"):
        ReceptiveFieldDisplay.from_estimator(Perceptron().fit(), image_shape=shape)


def test_options():
    ax = Figure().subplots()
    display = ReceptiveFieldDisplay(np.ones((5, 2, 2)), unit_names="abcde")
    assert display.plot(ax, cmap="gray", colorbar=False, vmax=3) is display
    assert display.ax_ is ax and display.figure_ is ax.figure and display.colorbar_ is None
    image = display.images_[0, 0]
    assert image.cmap.name == "gray" and image.get_clim() == (-3.0, 3.0)
    assert texts(display) == list("abcde") and not ax.child_axes
    assert ReceptiveFieldDisplay(np.zeros((1, 2, 2))).plot().images_[0, 0].get_clim() == (-1, 1)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("shape", [(36, 1, 28, 28), (8, 6, 3, 3), (3, 1, 4, 20)])
def test_nothing_runs_into_a_neighbour(shape, layout):
    figure = Figure(figsize=(9, 3), layout=layout)
    axes = figure.subplots(1, 3)
    slots = [ax.get_position() for ax in axes]
    display = ReceptiveFieldDisplay(np.random.default_rng(0).normal(size=shape)).plot(axes[1])
    figure.draw_without_rendering()
    box = axes[1].get_tightbbox().transformed(figure.transFigure.inverted())
    if layout is None:
        assert box.x0 >= slots[1].x0 - 0.005 and box.x1 <= slots[1].x1 + 0.015
    others = [axes[place].get_window_extent() for place in (0, 2)]
    assert not any(box.transformed(figure.transFigure).overlaps(other) for other in others)
    tiles = [image.get_window_extent() for image in display.images_.ravel()]
    assert not any(a.overlaps(b) for n, a in enumerate(tiles) for b in tiles[:n])


@pytest.mark.parametrize("colorbar", [np.array([1.0, 2.0]), "no", 1])
def test_a_colorbar_is_asked_for_or_not(colorbar):
    with pytest.raises(ValueError, match="'colorbar' parameter of Rece.* must be True or False"):
        ReceptiveFieldDisplay(np.ones((1, 2, 2))).plot(colorbar=colorbar)


def test_shapes_and_names_that_are_none():
    with pytest.raises(ValueError, match="'image_shape' parameter of ReceptiveFieldDisplay"):
        ReceptiveFieldDisplay.from_estimator(Perceptron().fit(), image_shape=(2, [3, 3]))
    with pytest.raises(ValueError, match="must be 3 names, one a unit, or None. Got 1 instead"):
        ReceptiveFieldDisplay(np.ones((3, 2, 2)), unit_names=np.array(2))


def test_what_cannot_be_read():
    with pytest.raises(NotFittedError, match="Perceptron"):
        ReceptiveFieldDisplay.from_estimator(Perceptron())
    with pytest.raises(ValueError, match="must have weights of pixels: .* Got StandardScaler"):
        ReceptiveFieldDisplay.from_estimator(StandardScaler().fit([[0.0], [1.0]]))
    for n_units in (0, 4, 1.5, True):
        with pytest.raises(ValueError, match="'n_units' .* int from 1 to 3. Got"):
            ReceptiveFieldDisplay.from_estimator(
                Perceptron().fit(), image_shape=(2, 3), n_units=n_units
            )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((2, 3)), r"'weights' .* Got the shape \(2, 3\) instead"),
        (np.ones((0, 3, 3)), "not empty"),
        ([[[np.nan]]], "Got nan among them"),
        ([[["a"]]], "an array of real numbers. Got <U1 values instead"),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    with pytest.raises(ValueError, match=message):
        ReceptiveFieldDisplay(weights)


def test_names_axes_and_limits_that_do_not_fit():
    with pytest.raises(ValueError, match="'unit_names' .* must be 2 names, .* Got 1 instead"):
        ReceptiveFieldDisplay(np.ones((2, 2, 2)), unit_names=["a"])
    with pytest.raises(ValueError, match="must be a matplotlib axes, or None. Got Figure"):
        ReceptiveFieldDisplay(np.ones((2, 2, 2))).plot(Figure())
    for vmax in (0, np.inf, "large"):
        with pytest.raises(ValueError, match="'vmax' .* finite number > 0"):
            ReceptiveFieldDisplay(np.ones((2, 2, 2))).plot(vmax=vmax)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    ReceptiveFieldDisplay(np.ones((2, 2, 2))).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"ReceptiveFieldDisplay.plot needs .*\[plot\]"):
        ReceptiveFieldDisplay(np.ones((2, 2, 2))).plot()
