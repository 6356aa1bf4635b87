"""A damaged or foreign archive is refused by name, whichever loader meets it."""

import re
import zipfile

import numpy as np
import pytest

from qsklearn.datasets import fetch_mnist, load_table
from qsklearn.datasets._npz import read_labelled_npz

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 0, 1])

WRONG = {
    "other keys": (dict(a=X, b=Y), r"it holds \['a', 'b'\]; expected arrays 'X' and 'y'"),
    "half of four": (dict(X_train=X, y_train=Y), "expected arrays"),
    "objects": (dict(X=X.astype(object), y=Y), r"array 'X' holds Python objects.*X\.astype"),
    "object labels": (dict(X=X, y=Y.astype(object)), r"array 'y' holds .*y\.astype\(str\)"),
    "lengths": (dict(X=X, y=Y[:3]), "arrays 'X' and 'y' have 4 rows and 3 labels"),
    "nan": (dict(X=np.where(X == 5, np.nan, X), y=Y), "'X' holds NaN or infinity"),
    "inf": (dict(X=np.where(X == 5, np.inf, X), y=Y), "'X' holds NaN or infinity"),
    "nan label": (dict(X=X, y=np.where(Y, np.nan, 0.0)), "'y' holds NaN or infinity"),
    "lower case": (dict(x=X * 1j, y=Y), "array 'x' has dtype complex128"),
    "other case": (dict(A=X, y=Y), r"it holds \['A', 'y'\]"),
    "text": (dict(X=X.astype(str), y=Y), "expected real numbers"),
    "complex": (dict(X=X * 1j, y=Y), "expected real numbers"),
    "flat": (dict(X=X.ravel(), y=np.zeros(12)), "expected real numbers of shape"),
    "empty": (dict(X=X[:0], y=Y[:0]), "expected real numbers of shape"),
    "square labels": (dict(X=X, y=np.eye(4)), "expected labels of shape"),
    "parts differ": (
        dict(X_train=X, y_train=Y, X_test=X[:, :2], y_test=Y),
        "training and test rows differ in shape",
    ),
}


@pytest.mark.parametrize("loader", [load_table, lambda path: fetch_mnist(path=path)])
@pytest.mark.parametrize("arrays, reason", WRONG.values(), ids=WRONG)
def test_wrong_content_is_refused_by_name(arrays, reason, loader, tmp_path):
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"wrong\.npz' cannot be used: .*" + reason):
        loader(path)


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.npz"
    np.savez_compressed(path, X=np.random.default_rng(0).uniform(size=(50, 40)), y=np.arange(50))
    return path


def test_truncated(good):
    good.write_bytes(good.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"good\.npz' cannot be used: it is no complete"):
        load_table(good)


def test_flipped_bytes(good):
    damaged = bytearray(good.read_bytes())
    damaged[2000:2010] = bytes(10)
    good.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"good\.npz' cannot be used: it does not read"):
        load_table(good)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY"])
def test_no_archive_at_all(content, tmp_path):
    path = tmp_path / "fake.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"fake\.npz' cannot be used: it is no complete"):
        load_table(path)


def test_members_that_are_no_arrays(tmp_path):
    path = tmp_path / "zip.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X", "text")
        archive.writestr("y", "text")
    with pytest.raises(ValueError, match=r"zip\.npz' cannot be used: array 'X' has dtype"):
        load_table(path)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.npz"):
        fetch_mnist(path=tmp_path / "absent.npz")


def test_a_column_of_labels_and_whole_floats_are_taken(tmp_path):
    path = tmp_path / "keras.npz"
    np.savez(path, X=X, y=Y[:, None].astype(float))
    target = load_table(path).target
    assert target.dtype == np.int64 and target.tolist() == Y.tolist()
    halves = Y / 2  # labels as good as others
    np.savez(path, X=X, y=halves)
    target = load_table(path).target
    assert target.dtype == np.float64 and target.tolist() == halves.tolist()


def test_a_header_that_is_no_python_is_refused_by_name(tmp_path):
    """Found by fuzzing: NumPy reads the headers of arrays as Python, whose errors came through."""
    path = tmp_path / "damaged.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, ' }".ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", member)
        archive.writestr("y.npy", member)
    with pytest.raises(ValueError, match=re.escape(f"{str(path)!r} cannot be used: it does not")):
        read_labelled_npz(path)
