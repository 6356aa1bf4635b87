import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from qsklearn.inspection import LatentTraversalDisplay

# Of a decoder that adds a pattern a bit: the third does nothing, the second does the most.
PATTERNS = np.array([[0.2, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0] * 4, [0.0, 0.0, 0.0, -0.3]])


class Model(BaseEstimator):
    def fit(self, X=None, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.where(X > 0, 0.9, 0.2)

    def inverse_transform(self, Z):
        return 0.3 + np.asarray(Z) @ PATTERNS

    def sample_latent(self, n_samples=1, random_state=0):
        return np.tile(np.arange(4) == random_state, (n_samples, 1)).astype(np.float32)


@pytest.fixture
def model():
    return Model().fit()


def drawn(display, column):
    return np.array([np.asarray(image.get_array()) for image in display.images_[:, column]])


def test_every_image_is_drawn(model):
    row = [1.0, -1.0, -1.0, 1.0]
    display = LatentTraversalDisplay.from_estimator(model, row, units=[3, 0])
    assert isinstance(display.figure_, Figure) and display.images_.shape == (2, 3)
    assert display.units.tolist() == [3, 0] and display.values.tolist() == [1, 1]
    for place, unit in enumerate([3, 0]):
        for bit in (0, 1):
            state = np.array([1.0, 0.0, 0.0, 1.0])
            state[unit] = bit
            expected = model.inverse_transform(state).reshape(2, 2)
            np.testing.assert_allclose(drawn(display, bit)[place], expected)
        difference = PATTERNS[unit].reshape(2, 2)
        np.testing.assert_allclose(drawn(display, 2)[place], difference, atol=1e-12)
    np.testing.assert_allclose(display.differences, drawn(display, 2))
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == ["bit 3", "bit 0", "0", "1", "1 − 0"]
    assert {image.get_clim() for image in display.images_[:, :2].ravel()} == {(0.0, 1.0)}
    np.testing.assert_allclose([i.get_clim() for i in display.images_[:, 2]], [(-0.3, 0.3)] * 2)


def test_the_most_active_bits_come_first(model):
    display = LatentTraversalDisplay.from_estimator(model, np.ones((1, 4)))
    assert display.units.tolist() == [1, 3, 0, 2]
    assert LatentTraversalDisplay.from_estimator(model, np.ones(4), units=2).units.tolist() == [
        1,
        3,
    ]


def test_the_value_of_the_state_is_framed(model):
    display = LatentTraversalDisplay.from_estimator(model, [1.0, -1.0, -1.0, 1.0], units=[0, 1])
    thick = [line for line in display.ax_.get_lines() if line.get_linewidth() > 1]
    lefts = [line.get_xdata().min() for line in thick]
    expected = [display.images_[0, 1].get_extent()[0], display.images_[1, 0].get_extent()[0]]
    np.testing.assert_allclose(lefts, expected)
    # Framed images are all the decoded state.
    np.testing.assert_allclose(drawn(display, 1)[0], drawn(display, 0)[1])


def test_states_from_the_prior(model):
    display = LatentTraversalDisplay.from_estimator(model, random_state=2, units=[0, 1, 2, 3])
    assert display.values.tolist() == [0, 0, 1, 0]
    assert LatentTraversalDisplay.from_estimator(model, units=[0]).values.tolist() == [1]


def test_a_discrete_autoencoder():
    pytest.importorskip("torch")
    from qsklearn import QuantumBoltzmannPriorVAE
    from qsklearn.datasets import make_bars_and_stripes

    X = make_bars_and_stripes(80, random_state=0).data
    vae = QuantumBoltzmannPriorVAE(
        8, topology="rbm", hidden_layer_sizes=(8,), max_iter=1, n_chains=16, random_state=0
    ).fit(X)
    display = LatentTraversalDisplay.from_estimator(vae, X[5])
    assert display.units.shape == (6,) and display.images.shape == (6, 2, 4, 4)
    bits = (vae.transform(X[5:6]) > 0.5).astype(np.float32)
    decoded = vae.inverse_transform(bits)[0].reshape(4, 4)
    for unit, value, pair in zip(display.units, display.values, display.images, strict=True):
        assert value == bits[0, unit]
        np.testing.assert_allclose(pair[value], decoded, atol=1e-6)
    sizes = np.square(display.differences).sum(axis=(1, 2))
    assert (np.diff(sizes) <= 0).all() and sizes[0] > 0
    drawn_state = vae.sample_latent(1, random_state=4)[0]
    prior = LatentTraversalDisplay.from_estimator(vae, random_state=4, units=range(8))
    np.testing.assert_array_equal(prior.values, drawn_state)


def test_colours_have_grey_differences():
    images = np.random.default_rng(0).random((2, 2, 4, 4, 3))
    display = LatentTraversalDisplay(images, [0, 1], [0, 1]).plot()
    np.testing.assert_array_equal(drawn(display, 1), images[:, 1])
    np.testing.assert_allclose(drawn(display, 2), (images[:, 1] - images[:, 0]).mean(axis=-1))


def test_own_axes_are_used(model):
    ax = Figure().subplots()
    display = LatentTraversalDisplay.from_estimator(
        model, np.ones(4), ax=ax, cmap="gray", colorbar=False, image_shape=(1, 4)
    )
    assert display.ax_ is ax and display.figure_ is ax.figure and display.colorbar_ is None
    assert display.images_[0, 0].cmap.name == "gray" and display.images.shape[2:] == (1, 4)
    assert display.plot() is display and display.figure_ is not ax.figure
    assert display.colorbar_ is not None


@pytest.mark.parametrize("size", [(3.0, 2.4), (6.0, 6.0), (12.0, 9.0)])
def test_texts_stay_apart_and_in_the_axes(size):
    images = np.random.default_rng(0).random((6, 2, 28, 28))
    ax = Figure(figsize=size).subplots()
    slot = ax.get_window_extent()
    display = LatentTraversalDisplay(images, range(100, 106), np.zeros(6)).plot(ax)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    boxes.append(display.colorbar_.ax.get_tightbbox())
    assert all(box.x0 >= slot.x0 - 1 and box.x1 <= slot.x1 + 4 for box in boxes)


def test_models_that_cannot_be_asked(model):
    with pytest.raises(NotFittedError, match="Model"):
        LatentTraversalDisplay.from_estimator(Model(), np.ones(4))
    pca = PCA(2).fit(np.random.default_rng(0).normal(size=(9, 4)))
    with pytest.raises(ValueError, match="which lacks 'sample_latent'"):
        LatentTraversalDisplay.from_estimator(pca)
    with pytest.raises(ValueError, match="must have latent bits: .* Got PCA with values from"):
        LatentTraversalDisplay.from_estimator(pca, np.full(4, 5.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.ones((2, 4))}, r"'X' .* one row of features, .* Got the shape \(2, 4\)"),
        ({"units": [4]}, "'units' .* from 0 to 3. Got 4"),
        ({"units": [0.5]}, "'units' .* must hold whole numbers. Got 0.5"),
        ({"units": 5}, "'units' .* int from 1 to 4. Got 5"),
        ({"units": "all"}, "'units' .* int from 1 to 4. Got 'all'"),
        ({"image_shape": (3, 3)}, "'image_shape' .* of 4 pixels in all"),
    ],
)
def test_arguments_that_do_not_fit(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        LatentTraversalDisplay.from_estimator(model, **{"X": np.ones(4), **arguments})


@pytest.mark.parametrize(
    ("images", "units", "values", "message"),
    [
        (np.ones((1, 3, 2, 2)), [0], [0], "two pictures a unit, .* Got 3 instead"),
        (np.ones((2, 2, 2)), [0], [0], "'images' .* Got an array of shape"),
        (np.ones((1, 2, 2, 2)), [0, 1], [0], "'units' .* Got the shape"),
        (np.ones((1, 2, 2, 2)), [0], [2], "'values' .* from 0 to 1. Got 2"),
    ],
)
def test_images_that_do_not_fit(images, units, values, message):
    with pytest.raises(ValueError, match=message):
        LatentTraversalDisplay(images, units, values)


@pytest.mark.parametrize("colorbar", [np.array([1.0, 2.0]), "no", 1])
def test_a_colorbar_is_asked_for_or_not(colorbar):
    display = LatentTraversalDisplay(np.ones((1, 2, 2, 2)), [0], [0])
    with pytest.raises(ValueError, match="'colorbar' parameter of Latent.* must be True or False"):
        display.plot(colorbar=colorbar)


def test_pyplot_is_left_alone(model):
    before = "matplotlib.pyplot" in sys.modules
    LatentTraversalDisplay.from_estimator(model, np.ones(4))
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"LatentTraversalDisplay.plot needs .*\[plot\]"):
        LatentTraversalDisplay.from_estimator(model, np.ones(4))
