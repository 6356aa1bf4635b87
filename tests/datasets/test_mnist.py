import gzip
import hashlib
import os
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from qsklearn.datasets import _mnist, fetch_fashion_mnist, fetch_mnist

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "mnist.npz").exists(), reason="../shared/data is not here"
)
FETCHERS = [fetch_mnist, fetch_fashion_mnist]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, size=(30, 28, 28), dtype=np.uint8), np.arange(30) % 10


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("fetch", FETCHERS)
def test_a_file_of_four_arrays(fetch, images, tmp_path):
    X, y = images
    path = write(tmp_path / "a.npz", x_train=X[:20], y_train=y[:20], x_test=X[20:], y_test=y[20:])
    bunch = fetch(path=path)
    np.testing.assert_array_equal(bunch.data, X.reshape(30, 784) / 255.0)
    np.testing.assert_array_equal(bunch.target, y)
    assert bunch.data.dtype == np.float64 and bunch.target.dtype == np.int64
    assert bunch.image_shape == (1, 28, 28)
    assert len(bunch.feature_names) == 784 and len(bunch.target_names) == 10
    assert "a.npz" in bunch.DESCR
    np.testing.assert_array_equal(fetch(path=path, subset="train").target, y[:20])
    np.testing.assert_array_equal(fetch(path=path, subset="test").target, y[20:])


@pytest.mark.parametrize(
    "change",
    [lambda X: X, lambda X: X.reshape(30, 784), lambda X: X / 255.0, lambda X: X.astype(float)],
    ids=["images", "flat", "floats in [0, 1]", "floats in [0, 255]"],
)
def test_shapes_and_scales(change, images, tmp_path):
    X, y = images
    path = write(tmp_path / "a.npz", X=change(X), y=y)
    data, target = fetch_mnist(path=path, return_X_y=True)
    np.testing.assert_allclose(data, X.reshape(30, 784) / 255.0, rtol=1e-15)
    np.testing.assert_array_equal(target, y)


def test_classes_and_sample(images, tmp_path):
    X, y = images
    path = write(tmp_path / "a.npz", X=X, y=y)
    bunch = fetch_mnist(path=path, classes=[3, 8], n_samples=4, random_state=0)
    assert np.bincount(bunch.target)[[3, 8]].tolist() == [2, 2]
    again = fetch_mnist(path=path, classes=[3, 8], n_samples=4, random_state=0)
    np.testing.assert_array_equal(bunch.data, again.data)


@pytest.mark.parametrize(
    "arrays, reason",
    [
        (dict(X=np.zeros((3, 8, 8)), y=np.arange(3)), r"a row has shape \(8, 8\)"),
        (dict(X=np.zeros((3, 783)), y=np.arange(3)), r"a row has shape \(783,\)"),
        (dict(X=np.full((3, 784), 256.0), y=np.arange(3)), r"pixels range over \[256.0"),
        (dict(X=np.full((3, 784), -1), y=np.arange(3)), r"expected \[0, 255\]"),
        (dict(X=np.zeros((3, 784)), y=np.array([0, 1, 10])), "whole numbers from 0 to 9"),
        (dict(X=np.zeros((3, 784)), y=np.array(["a", "b", "c"])), "whole numbers from 0 to 9"),
    ],
)
def test_files_that_are_not_mnist(arrays, reason, tmp_path):
    with pytest.raises(ValueError, match=r"a\.npz' cannot be used: .*" + reason):
        fetch_mnist(path=write(tmp_path / "a.npz", **arrays))


def test_subset_is_checked(images, tmp_path):
    path = write(tmp_path / "a.npz", X=images[0], y=images[1])
    with pytest.raises(ValueError, match="'subset' parameter must be one of"):
        fetch_mnist(path=path, subset="both")
    with pytest.raises(ValueError, match="'subset' parameter must be 'all' for a file"):
        fetch_mnist(path=path, subset="test")


@pytest.mark.parametrize(
    "fetch, name", [(fetch_mnist, "mnist_784"), (fetch_fashion_mnist, "Fashion-MNIST")]
)
def test_the_cache_of_scikit_learn(fetch, name, images, tmp_path, monkeypatch):
    calls = []

    def fetch_openml(*args, **kwargs):
        calls.append((args, kwargs))
        return Bunch(data=images[0].reshape(30, 784).astype(float), target=images[1].astype(str))

    monkeypatch.setattr(_mnist, "fetch_openml", fetch_openml)
    monkeypatch.setattr(_mnist, "_N_TRAIN", 20)
    with pytest.raises(OSError, match=f"as '{name}' is not that data set"):
        fetch(data_home=tmp_path)
    calls.clear()
    content = images[0][:20].tobytes() + images[1][:20].astype(np.uint8).tobytes()
    monkeypatch.setitem(_mnist._DIGESTS, name, hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(_mnist._COUNTS, name, np.bincount(images[1][:20]).tolist())
    bunch = fetch(data_home=tmp_path, subset="test")
    np.testing.assert_array_equal(bunch.target, images[1][20:])
    assert bunch.data.max() <= 1.0
    ((args, kwargs),) = calls
    assert args == (name,) and kwargs["as_frame"] is False and kwargs["data_home"] == tmp_path


@pytest.mark.parametrize("failure", [URLError("no network"), ValueError("md5 differs"), EOFError()])
def test_offline_says_what_was_tried_and_what_to_do(failure, tmp_path, monkeypatch):
    def fetch_openml(*args, **kwargs):
        raise failure

    monkeypatch.setattr(_mnist, "fetch_openml", fetch_openml)
    with pytest.raises(OSError, match="'mnist_784'") as caught:
        fetch_mnist(data_home=tmp_path)
    for part in ("fetch_mnist", os.fspath(tmp_path), "openml.org", "path=", type(failure).__name__):
        assert part in str(caught.value)


def test_a_damaged_cache_is_not_read(tmp_path, monkeypatch):
    def fetch_openml(*args, **kwargs):
        raise gzip.BadGzipFile("CRC check failed")

    monkeypatch.setattr(_mnist, "fetch_openml", fetch_openml)
    with pytest.raises(OSError, match="no usable copy.*CRC check failed"):
        fetch_fashion_mnist(data_home=tmp_path)


@needs_data
def test_the_digest_of_a_download_is_that_of_the_real_file():
    with np.load(DATA / "mnist.npz") as parts:
        x, y = parts["X_train"].reshape(-1, 784), parts["y_train"].astype(np.int64)
    _mnist._check_download("fetch_mnist", "mnist_784", x.astype(float), y)
    x[5000, 300] ^= 1
    with pytest.raises(OSError, match="'mnist_784' is not that data set"):
        _mnist._check_download("fetch_mnist", "mnist_784", x, y)


@needs_data
def test_the_real_files():
    digits = fetch_mnist(path=DATA / "mnist.npz", subset="test", classes=[3, 8], n_samples=100)
    assert digits.data.shape == (100, 784) and set(digits.target) == {3, 8}
    garments = fetch_fashion_mnist(path=DATA / "fashion_mnist_900.npz")
    assert garments.data.shape == (900, 784)
    assert np.bincount(garments.target).tolist() == [90] * 10
    assert 0.0 == garments.data.min() and garments.data.max() == 1.0
