import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

from qsklearn.inspection import GeneratedImagesDisplay


class Model(BaseEstimator):
    """Draws numbered images, and takes a tenth from all that it reconstructs."""

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def fit(self, X=None, y=None):
        self.fitted_ = True
        return self

    def sample(self, n_samples=1, y=None, random_state=0):
        first = np.zeros(n_samples) if y is None else np.broadcast_to(y, n_samples) / 10
        values = np.linspace(0.0, 1.0, 6 * n_samples).reshape(n_samples, 6)
        values[:, 0], values[:, 1] = first, random_state / 100
        return values

    def sample_latent(self, n_samples=1, random_state=0):
        return np.full((n_samples, 2), random_state / 10)

    def transform(self, X):
        return X[:, :2]

    def inverse_transform(self, Z):
        return np.repeat(Z[:, :1], 6, axis=1) * 0.9


@pytest.fixture
def model():
    return Model(image_shape=(1, 2, 3)).fit()


def drawn(artists):
    return np.array([np.asarray(artist.get_array()) for artist in np.ravel(artists)])


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_every_image_is_drawn_in_its_place(model):
    display = GeneratedImagesDisplay.from_estimator(model, n_images=5)
    assert isinstance(display.figure_, Figure) and display.images_.shape == (5,)
    np.testing.assert_array_equal(drawn(display.images_), model.sample(5).reshape(5, 2, 3))
    lefts, _, bottoms, _ = np.transpose([image.get_extent() for image in display.images_])
    # Three columns, from the left, the second row below the first.
    assert (np.diff(lefts) > 0).tolist() == [True, True, False, True]
    assert len(set(lefts)) == 3 and len(set(bottoms)) == 2 and bottoms[3] > bottoms[0]
    assert {image.get_clim() for image in display.images_} == {(0.0, 1.0)}
    assert display.pairs_ is None and not texts(display)
    # Upright: the first row of pixels at the top of the axes, whose y grows downward.
    low, high = display.ax_.get_ylim()
    assert low > high and bottoms[0] > display.images_[0].get_extent()[3]


def test_what_is_asked_of_the_model(model):
    display = GeneratedImagesDisplay.from_estimator(model, n_images=3, y=[1, 2, 3], random_state=7)
    assert display.images[:, 0, 0].tolist() == [0.1, 0.2, 0.3]
    assert set(display.images[:, 0, 1]) == {0.07}
    assert display.names == texts(display) == ["1", "2", "3"]
    one = GeneratedImagesDisplay.from_estimator(model, n_images=3, y=2)
    assert one.names == ["2"] * 3
    means = GeneratedImagesDisplay.from_estimator(model, n_images=2, random_state=5, means=True)
    np.testing.assert_allclose(means.images, 0.45)


def test_originals_and_reconstructions(model):
    X = np.random.default_rng(0).random((10, 6))
    display = GeneratedImagesDisplay.from_estimator(model, n_images=16, X=X)
    assert display.pairs_.shape == (2, 4)  # as many as there are columns
    np.testing.assert_array_equal(drawn(display.pairs_[0]), X[:4].reshape(4, 2, 3))
    expected = np.broadcast_to(0.9 * X[:4, 0, np.newaxis, np.newaxis], (4, 2, 3))
    np.testing.assert_allclose(drawn(display.pairs_[1]), expected)
    assert texts(display) == ["drawn", "original", "reconstructed"]
    heights = [text.get_position()[1] for text in display.ax_.texts]
    assert heights == sorted(heights)
    last = display.images_[-1].get_extent()[2]
    assert display.pairs_[0, 0].get_extent()[3] > last  # below all that were drawn


def test_the_scale_is_one_for_all():
    images = np.zeros((2, 2, 2))
    images[1, 0, 0] = 16.0
    display = GeneratedImagesDisplay(images, originals=-images, reconstructions=images).plot()
    artists = [*display.images_, *display.pairs_.ravel()]
    assert {artist.get_clim() for artist in artists} == {(-16.0, 16.0)}
    flat = GeneratedImagesDisplay(np.full((1, 2, 2), 3.0)).plot()
    assert np.diff(flat.images_[0].get_clim()) > 0


def test_colours():
    rows = np.random.default_rng(0).random((4, 12))

    class Colours(Model):
        def sample(self, n_samples=1):
            return rows[:n_samples]

    display = GeneratedImagesDisplay.from_estimator(
        Colours().fit(), n_images=4, image_shape=(3, 2, 2)
    )
    for image, row in zip(drawn(display.images_), rows, strict=True):
        for channel in range(3):
            np.testing.assert_array_equal(image[..., channel].ravel(), row.reshape(3, 4)[channel])
    with pytest.raises(ValueError, match="must have 1 channel, or 3 for colours"):
        GeneratedImagesDisplay.from_estimator(Colours().fit(), image_shape=(2, 2, 3), n_images=4)
    with pytest.raises(ValueError, match="Got colours from 0 to 2 instead; scale them"):
        GeneratedImagesDisplay(np.linspace(0, 2, 12).reshape(1, 2, 2, 3))


def test_mixtures_of_scikit_learn():
    X = np.random.default_rng(0).random((30, 4))
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = GeneratedImagesDisplay.from_estimator(mixture, n_images=3)
    assert display.images.shape == (3, 2, 2)  # four features make a square


def test_a_discrete_autoencoder():
    pytest.importorskip("torch")
    from qsklearn import QuantumBoltzmannPriorVAE
    from qsklearn.datasets import make_bars_and_stripes

    X = make_bars_and_stripes(80, random_state=0).data
    vae = QuantumBoltzmannPriorVAE(
        6, topology="rbm", hidden_layer_sizes=(8,), max_iter=1, n_chains=16, random_state=0
    ).fit(X)
    display = GeneratedImagesDisplay.from_estimator(vae, n_images=4, X=X, random_state=3)
    np.testing.assert_array_equal(
        drawn(display.images_).reshape(4, -1), vae.sample(4, random_state=3)
    )
    expected = vae.inverse_transform(vae.transform(X[:2]))
    np.testing.assert_array_equal(drawn(display.pairs_[1]).reshape(2, -1), expected)
    means = GeneratedImagesDisplay.from_estimator(vae, n_images=4, random_state=3, means=True)
    expected = vae.inverse_transform(vae.sample_latent(4, random_state=3))
    np.testing.assert_array_equal(drawn(means.images_).reshape(4, -1), expected)


def test_own_axes_are_used(model):
    ax = Figure().subplots()
    display = GeneratedImagesDisplay.from_estimator(model, n_images=4, ax=ax, cmap="gray")
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert display.images_[0].cmap.name == "gray"
    assert display.plot() is display and display.figure_ is not ax.figure
    with pytest.raises(ValueError, match="must be a matplotlib axes, or None. Got Figure"):
        display.plot(Figure())


@pytest.mark.parametrize("size", [(3.0, 2.4), (5.0, 5.0), (12.0, 9.0)])
def test_names_stay_in_the_axes(model, size):
    X = np.random.default_rng(0).random((10, 6))
    ax = Figure(figsize=size).subplots()
    slot = ax.get_window_extent()
    GeneratedImagesDisplay.from_estimator(model, n_images=9, X=X, ax=ax)
    ax.figure.draw_without_rendering()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x0 >= slot.x0 - 1 and box.x1 <= slot.x1 + 1
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


def test_models_that_cannot_be_asked(model):
    with pytest.raises(NotFittedError, match="Model"):
        GeneratedImagesDisplay.from_estimator(Model())
    with pytest.raises(ValueError, match=r"must have 'sample', .*Got PCA instead, which lacks"):
        GeneratedImagesDisplay.from_estimator(PCA().fit(np.eye(4)))
    mixture = GaussianMixture(1).fit(np.random.default_rng(0).random((9, 4)))
    with pytest.raises(ValueError, match="which lacks 'transform', 'inverse_transform'"):
        GeneratedImagesDisplay.from_estimator(mixture, X=np.eye(4))
    for n_images in (0, 2.5, True):
        with pytest.raises(ValueError, match="'n_images' .* must be an int >= 1. Got"):
            GeneratedImagesDisplay.from_estimator(model, n_images=n_images)
    with pytest.raises(ValueError, match="where 6 features make no square"):
        GeneratedImagesDisplay.from_estimator(Model().fit())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.ones((2, 3))}, r"'images' .* Got an array of shape \(2, 3\)"),
        ({"images": [[["a"]]]}, "'images' .* Got list instead"),
        ({"images": [[[np.inf]]]}, "Got inf among them"),
        ({"names": ["a"]}, "'names' .* must be 2 names, .* Got 1 instead"),
        ({"originals": np.ones((1, 2, 2))}, "together. Got None for 'reconstructions'"),
        ({"reconstructions": np.ones((1, 2, 2))}, "together. Got None for 'originals'"),
        (
            {"originals": np.ones((1, 2, 2)), "reconstructions": np.ones((2, 2, 2))},
            r"Got the shapes \(1, 2, 2\) and \(2, 2, 2\)",
        ),
        (
            {"originals": np.ones((1, 2, 3)), "reconstructions": np.ones((1, 2, 3))},
            r"the drawn ones' shape \(2, 2\)",
        ),
    ],
)
def test_images_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        GeneratedImagesDisplay(**{"images": np.ones((2, 2, 2)), **arguments})


def test_pyplot_is_left_alone(model):
    before = "matplotlib.pyplot" in sys.modules
    GeneratedImagesDisplay.from_estimator(model)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"GeneratedImagesDisplay.plot needs .*\[plot\]"):
        GeneratedImagesDisplay.from_estimator(model)
