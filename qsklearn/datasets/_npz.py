"""Reading labelled arrays from a NumPy archive, whole or not at all.

Every fault of the file ends in a ValueError that names the file, says what is wrong with it and
what was expected. Nothing is unpickled.
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

import numpy as np

from qsklearn._checks import check_path

_EXPECTED = "expected arrays 'X' and 'y', or 'X_train', 'y_train', 'X_test' and 'y_test'"
_OBJECTS = (
    "holds Python objects, which are not loaded; save labels as strings, with y.astype(str), and "
    "features as numbers, with X.astype(float)"
)
# Of damaged archives, of members compressed in ways that there are not, and of the headers of
# arrays, which NumPy reads as Python.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def bad_file(path, reason):
    """The exception for a file that cannot be used."""
    return ValueError(f"The file {str(path)!r} cannot be used: {reason}.")


def read_labelled_npz(path):
    """Read features and labels, in one or two parts.

    Parameters
    ----------
    path : str or path-like
        An ``.npz`` with ``X`` and ``y``, or ``X_train``, ``y_train``, ``X_test``, ``y_test``
        (in upper or lower case, as Keras has them).

    Returns
    -------
    parts : dict of str to (X, y)
        Keys ``"all"``, or ``"train"`` and ``"test"``. X is numeric, real and finite with shape
        (n_rows, ...); y is an array of ints or strings of shape (n_rows,).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or holds something else.
    """
    path = check_path(path, "path", "read_labelled_npz")
    arrays = _read_arrays(path)
    pairs = _find_pairs(path, arrays)
    parts = {
        part: (_check_features(path, x, arrays[x]), _check_labels(path, y, arrays[y]))
        for part, (x, y) in pairs.items()
    }
    for part, (x, y) in parts.items():
        if len(x) != len(y):
            names = " and ".join(map(repr, pairs[part]))
            raise bad_file(path, f"arrays {names} have {len(x)} rows and {len(y)} labels")
    if len({x.shape[1:] for x, _ in parts.values()}) > 1:
        raise bad_file(path, "training and test rows differ in shape")
    return parts


def _read_arrays(path):
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if not zipfile.is_zipfile(path):
        raise bad_file(path, f"it is no complete .npz archive; {_EXPECTED}")
    arrays = {}
    try:
        # A damaged member shows only when it is read, so all are read here.
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                # A member that is no array comes as bytes.
                arrays[name] = np.asarray(archive[name])
    except _UNREADABLE as error:
        if "Object arrays" in str(error):
            raise bad_file(path, f"array {name!r} {_OBJECTS}") from error
        raise bad_file(path, f"it does not read as an .npz archive ({error})") from error
    return arrays


def _find_pairs(path, arrays):
    """Names of features and labels as the file spells them, for each part."""
    names = {name.lower(): name for name in arrays}
    if {"x", "y"} <= names.keys():
        return {"all": (names["x"], names["y"])}
    if {"x_train", "y_train", "x_test", "y_test"} <= names.keys():
        return {part: (names[f"x_{part}"], names[f"y_{part}"]) for part in ("train", "test")}
    raise bad_file(path, f"it holds {sorted(arrays)}; {_EXPECTED}")


def _check_features(path, name, array):
    if array.dtype.kind not in "buif" or array.ndim < 2 or array.size == 0:
        raise bad_file(
            path,
            f"array {name!r} has dtype {array.dtype} and shape {array.shape}; "
            "expected real numbers of shape (n_rows, ...)",
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise bad_file(path, f"array {name!r} holds NaN or infinity; expected finite numbers")
    return array


def _check_labels(path, name, array):
    array = array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.dtype.kind not in "buifU":
        raise bad_file(
            path,
            f"array {name!r} has dtype {array.dtype} and shape {array.shape}; "
            "expected labels of shape (n_rows,)",
        )
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise bad_file(path, f"array {name!r} holds NaN or infinity; expected labels")
        if (array == np.round(array)).all():
            array = array.astype(np.int64)
    return array.astype(np.int64) if array.dtype.kind in "bui" else array
