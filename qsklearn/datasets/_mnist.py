"""MNIST and Fashion-MNIST, from scikit-learn's OpenML cache or from a file of the user's."""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
import zlib

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home
from sklearn.utils import Bunch

from qsklearn._checks import check_flag
from qsklearn.datasets._npz import bad_file, read_labelled_npz
from qsklearn.datasets._subset import subset_indices

_SIDE = 28
_N_TRAIN = 60_000  # OpenML keeps the training images first
# Training rows of each class, and the SHA-256 of the training images and labels, as bytes.
_COUNTS = {
    "mnist_784": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "Fashion-MNIST": [6000] * 10,
}
_DIGESTS = {"mnist_784": "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b"}
_SUBSETS = ("all", "train", "test")
_DIGITS = tuple("0123456789")
_GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def fetch_mnist(
    *,
    path=None,
    data_home=None,
    subset="all",
    classes=None,
    n_samples=None,
    random_state=None,
    return_X_y=False,
):
    """Load MNIST: 28 x 28 grey images of handwritten digits.

    Parameters
    ----------
    path : str, path-like or None, default=None
        An ``.npz`` with ``X_train``, ``y_train``, ``X_test``, ``y_test`` (Keras' names in lower
        case will do) or with ``X`` and ``y``. When None, scikit-learn's OpenML cache is used,
        and filled from the network when it is empty (some 15 MB).
    data_home : str, path-like or None, default=None
        Folder of that cache; scikit-learn's own when None. Without effect when `path` is given.
    subset : {"all", "train", "test"}, default="all"
        Which part to load.
    classes : sequence of int or None, default=None
        Digits to keep, for example ``[3, 8]``; all when None.
    n_samples : int or None, default=None
        Size of a stratified random sample; all rows when None.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are drawn when `n_samples` is given.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (n_samples, 784), float64 in [0, 1], rows of pixels from the
        top), `target` (ndarray of shape (n_samples,), int64), `image_shape` (1, 28, 28),
        `feature_names`, `target_names` and `DESCR`.

    Raises
    ------
    OSError
        If `path` is None, the cache is empty and the download fails.
    FileNotFoundError
        If `path` names no file.
    ValueError
        If the file is damaged or not MNIST-like, or another parameter is out of range.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from qsklearn.datasets import fetch_mnist
    >>> path = os.path.join(tempfile.mkdtemp(), "mine.npz")
    >>> np.savez(path, X=np.zeros((4, 28, 28), dtype=np.uint8), y=np.array([3, 8, 3, 1]))
    >>> fetch_mnist(path=path, classes=[3, 8]).data.shape
    (3, 784)
    """
    parts = _load_parts("fetch_mnist", "mnist_784", path, data_home)
    chosen = subset, classes, n_samples, random_state
    return _bunch("MNIST", _DIGITS, parts, chosen, path, return_X_y)


def fetch_fashion_mnist(
    *,
    path=None,
    data_home=None,
    subset="all",
    classes=None,
    n_samples=None,
    random_state=None,
    return_X_y=False,
):
    """Load Fashion-MNIST: 28 x 28 grey images of ten kinds of garment.

    Parameters
    ----------
    path : str, path-like or None, default=None
        An ``.npz`` with ``X_train``, ``y_train``, ``X_test``, ``y_test`` (Keras' names in lower
        case will do) or with ``X`` and ``y``. When None, scikit-learn's OpenML cache is used,
        and filled from the network when it is empty (some 35 MB).
    data_home : str, path-like or None, default=None
        Folder of that cache; scikit-learn's own when None. Without effect when `path` is given.
    subset : {"all", "train", "test"}, default="all"
        Which part to load.
    classes : sequence of int or None, default=None
        Labels to keep, from 0 (T-shirt/top) to 9 (Ankle boot); all when None.
    n_samples : int or None, default=None
        Size of a stratified random sample; all rows when None.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are drawn when `n_samples` is given.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (n_samples, 784), float64 in [0, 1], rows of pixels from the
        top), `target` (ndarray of shape (n_samples,), int64), `image_shape` (1, 28, 28),
        `feature_names`, `target_names` and `DESCR`.

    Raises
    ------
    OSError
        If `path` is None, the cache is empty and the download fails.
    FileNotFoundError
        If `path` names no file.
    ValueError
        If the file is damaged or not MNIST-like, or another parameter is out of range.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from qsklearn.datasets import fetch_fashion_mnist
    >>> path = os.path.join(tempfile.mkdtemp(), "mine.npz")
    >>> np.savez(path, X=np.zeros((2, 784)), y=np.array([0, 9]))
    >>> print(fetch_fashion_mnist(path=path).target_names[9])
    Ankle boot
    """
    parts = _load_parts("fetch_fashion_mnist", "Fashion-MNIST", path, data_home)
    chosen = subset, classes, n_samples, random_state
    return _bunch("Fashion-MNIST", _GARMENTS, parts, chosen, path, return_X_y)


def _load_parts(caller, openml_name, path, data_home):
    if path is None:
        return _fetch_openml(caller, openml_name, data_home)
    parts = read_labelled_npz(path)
    for x, y in parts.values():
        if x[0].size != _SIDE * _SIDE or x.shape[1] not in (_SIDE, _SIDE * _SIDE):
            raise bad_file(path, f"a row has shape {x.shape[1:]}; expected (28, 28) or (784,)")
        if x.min() < 0 or x.max() > 255:
            raise bad_file(path, f"pixels range over [{x.min()}, {x.max()}]; expected [0, 255]")
        if y.dtype.kind != "i" or y.min() < 0 or y.max() > 9:
            raise bad_file(path, "its labels are not all whole numbers from 0 to 9")
    return parts


def _fetch_openml(caller, name, data_home):
    # Without pandas scikit-learn reads the same file with its slower parser.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        with warnings.catch_warnings():
            # It warns before each further try; the error below says all that matters, once.
            warnings.filterwarnings("ignore", message="A network error occurred")
            bunch = fetch_openml(
                name, version=1, as_frame=False, data_home=data_home, parser=parser
            )
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise OSError(
            f"{caller} found no usable copy of {name!r} in scikit-learn's cache "
            f"({get_data_home(data_home)!r}) and could not download one from openml.org "
            f"({type(error).__name__}: {error}). Without a network, pass path=... with an .npz "
            "that holds X_train, y_train, X_test and y_test, or X and y."
        ) from error
    x, y = bunch.data, np.asarray(bunch.target).astype(np.int64)
    _check_download(caller, name, x[:_N_TRAIN], y[:_N_TRAIN])
    return {"train": (x[:_N_TRAIN], y[:_N_TRAIN]), "test": (x[_N_TRAIN:], y[_N_TRAIN:])}


def _check_download(caller, name, x, y):
    """Refuse training rows that are not the ones that everybody means.

    scikit-learn has compared the file with a checksum, which comes from where the file comes from.
    """
    content = x.astype(np.uint8).tobytes() + y.astype(np.uint8).tobytes()
    is_other = name in _DIGESTS and hashlib.sha256(content).hexdigest() != _DIGESTS[name]
    if is_other or np.bincount(y).tolist() != _COUNTS[name]:
        raise OSError(
            f"What {caller} got from openml.org as {name!r} is not that data set: its images or "
            "labels are others. Delete it from scikit-learn's cache and try again, or pass "
            "path=... with an .npz that holds X_train, y_train, X_test and y_test, or X and y."
        )


def _bunch(title, names, parts, chosen, path, return_X_y):
    subset, classes, n_samples, random_state = chosen
    check_flag(return_X_y, "return_X_y", f"the loader of {title}")
    x, y = _select_part(parts, subset)
    rows = subset_indices(y, classes=classes, n_samples=n_samples, random_state=random_state)
    # Thin out first: all of MNIST in float64 takes 440 MB.
    data = x[rows].reshape(len(rows), -1).astype(np.float64)
    if x.dtype.kind in "iu" or x.max() > 1:
        data /= 255.0
    if return_X_y:
        return data, y[rows]
    return Bunch(
        data=data,
        target=y[rows],
        image_shape=(1, _SIDE, _SIDE),
        feature_names=[f"pixel_{i}_{j}" for i in range(_SIDE) for j in range(_SIDE)],
        target_names=np.array(names),
        DESCR=f"{title}, {subset} rows, from {path if path is not None else 'openml.org'}.",
    )


def _select_part(parts, subset):
    if subset not in _SUBSETS:
        raise ValueError(
            f"The 'subset' parameter must be one of {list(_SUBSETS)}. Got {subset!r} instead."
        )
    if subset in parts:
        return parts[subset]
    if subset != "all":
        raise ValueError(
            f"The 'subset' parameter must be 'all' for a file that holds only X and y. "
            f"Got {subset!r} instead."
        )
    return tuple(np.concatenate(arrays) for arrays in zip(*parts.values(), strict=True))
