"""Checks of arguments, whose errors say which one is wrong. For every room.

Arrays come in as whatever NumPy makes arrays of numbers of; what comes out has one type.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np
import scipy.sparse

# Lengths of axes: a number, the name of one that is free, or, first, any axes.
Axis = int | str | EllipsisType


def check_reals(values: Any, name: str, caller: str, *shape: Axis) -> np.ndarray:
    """Real numbers as float64, which may be infinite or NaN.

    Parameters
    ----------
    values : array-like
    name : str
        Of the parameter.
    caller : str
        Whose it is.
    *shape : int, str or ...
        Lengths of the axes; a text is the name of one that may have any, and a first ``...`` stands
        for any axes. No shape is asked for where none is given.

    Returns
    -------
    array : ndarray
        The values themselves where they are such an array.

    Raises
    ------
    ValueError
        If they are something else.

    Examples
    --------
    >>> from qsklearn._checks import check_reals
    >>> check_reals([[1, 2]], "h", "this", "n_models", 2)
    array([[1., 2.]])
    >>> check_reals([1, 2], "h", "this", "n_models", 2)
    Traceback (most recent call last):
        ...
    ValueError: The 'h' parameter of this must be an array of real numbers of shape (n_models, 2)...
    """
    array = _to_array(values, "real numbers", name, caller, shape)
    return array.astype(np.float64, copy=False)


def check_integers(
    values: Any,
    name: str,
    caller: str,
    *shape: Axis,
    low: int | None = None,
    high=None,
    dtype: Any = np.int64,
) -> np.ndarray:
    """Integers; floats will do that are whole.

    Parameters
    ----------
    values : array-like
    name, caller : str
    *shape : int, str or ...
        As for :func:`check_reals`.
    low, high : int, optional
        The least, and the first that is too large.
    dtype : type of integers, default=int64
        Of the result.

    Returns
    -------
    array : ndarray

    Raises
    ------
    ValueError
        If they are something else.

    Examples
    --------
    >>> from qsklearn._checks import check_integers
    >>> check_integers([0, 1.0], "groups", "this", "n_models", low=0)
    array([0, 1])
    """
    kind = f"integers{_range(low, high)}"
    array = _to_array(values, kind, name, caller, shape)
    if array.size:
        limits = np.iinfo(dtype)
        least, most = array.min().item(), array.max().item()  # NaN if there is one
        is_within = max(limits.min, -math.inf if low is None else low) <= least
        is_within &= most < min(limits.max + 1, math.inf if high is None else high)
        if not is_within or (array.dtype.kind == "f" and (array % 1 != 0).any()):
            raise _refusal(name, caller, _wanted(kind, shape), "other numbers")
    return array.astype(dtype, copy=False)


def check_bools(values: Any, name: str, caller: str, *shape: Axis) -> np.ndarray:
    """An array of bool; nothing else counts as true.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> from qsklearn._checks import check_bools
    >>> check_bools([True, False], "live", "this", 2)
    array([ True, False])
    """
    array = _to_array(values, "booleans", name, caller, shape)
    if array.dtype != bool and array.size:
        raise _refusal(name, caller, _wanted("booleans", shape), f"{array.dtype} values")
    return array.astype(bool, copy=False)


def check_flag(value: Any, name: str, caller: str) -> bool:
    """True or False.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> from qsklearn._checks import check_flag
    >>> check_flag("no", "measure", "this")
    Traceback (most recent call last):
        ...
    ValueError: The 'measure' parameter of this must be True or False. Got 'no' instead.
    """
    if not isinstance(value, bool | np.bool_):
        raise _refusal(name, caller, "True or False", repr(value))
    return bool(value)


def check_integer(value: Any, name: str, caller: str, low: int | None = None, high=None) -> int:
    """An int within [low, high).

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> from qsklearn._checks import check_integer
    >>> check_integer(-1, "model", "this", 0, 5)
    Traceback (most recent call last):
        ...
    ValueError: The 'model' parameter of this must be an int in the range [0, 5). Got -1 instead.
    """
    is_int = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
    if not is_int or not (low is None or low <= value) or not (high is None or value < high):
        raise _refusal(name, caller, f"an int{_range(low, high)}", repr(value))
    return int(value)


def check_number(value: Any, name: str, caller: str) -> float:
    """A finite float.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> from qsklearn._checks import check_number
    >>> check_number(float("nan"), "factor", "this")
    Traceback (most recent call last):
        ...
    ValueError: The 'factor' parameter of this must be a finite number. Got nan instead.
    """
    if not is_number(value) or not -math.inf < value < math.inf:
        raise _refusal(name, caller, "a finite number", repr(value))
    try:
        return float(value)
    except OverflowError as error:
        raise _refusal(name, caller, "a finite number", "one that no float holds") from error


def check_path(path: Any, name: str, caller: str) -> Path:
    """A path, with the user's folder for ``~``.

    Raises
    ------
    TypeError, ValueError
        If it is none.

    Examples
    --------
    >>> from qsklearn._checks import check_path
    >>> check_path("a.npz", "path", "this").suffix
    '.npz'
    """
    check_instance(path, (str, os.PathLike), name, caller)
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise _refusal(name, caller, "the path of a file", repr(path))
    return Path(text).expanduser()


def check_choice(value: Any, choices: Iterable, name: str, caller: str) -> None:
    """Refuse what is not among the choices, also where it cannot be compared with them.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> from qsklearn._checks import check_choice
    >>> check_choice([], ["a", "b"], "scoring", "this")
    Traceback (most recent call last):
        ...
    ValueError: The 'scoring' parameter of this must be one of ['a', 'b']. Got [] instead.
    """
    if not is_among(value, choices):
        raise _refusal(name, caller, f"one of {list(choices)}", repr(value))


def is_among(value: Any, choices: Iterable) -> bool:
    """Whether a value is one of some; one that cannot be hashed, as an array, is none.

    Examples
    --------
    >>> from qsklearn._checks import is_among
    >>> is_among("a", ["a", "b"]), is_among([], ["a", "b"])
    (True, False)
    """
    return isinstance(value, Hashable) and value in choices


def is_number(value: Any) -> bool:
    """Whether a value is a real number, which may be infinite or NaN; no bool.

    Examples
    --------
    >>> from qsklearn._checks import is_number
    >>> is_number(2.5), is_number("2.5"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def count_axes(values: Any) -> int:
    """How many axes values have, as ``numpy.ndim`` tells; -1 for ragged lists, which are no array.

    Examples
    --------
    >>> from qsklearn._checks import count_axes
    >>> count_axes(3), count_axes([[1, 2]]), count_axes([[1], [1, 2]])
    (0, 2, -1)
    """
    try:
        return np.ndim(values)
    except ValueError:
        return -1


def check_instance(value: Any, kind: type | tuple[type, ...], name: str, caller: str) -> None:
    """Refuse what is no object of a class.

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> from qsklearn._checks import check_instance
    >>> check_instance(3, str, "name", "this")
    Traceback (most recent call last):
        ...
    TypeError: The 'name' parameter of this must be a str. Got int instead.
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(f"{_article(each.__name__)} {each.__name__}" for each in kinds)
        text = f"The {name!r} parameter of {caller} must be {names}. Got"
        raise TypeError(f"{text} {type(value).__name__} instead.")


def closest_names(name: str, choices: Iterable[str], n: int = 1) -> list[str]:
    """The choices that a wrong name probably meant.

    Parameters
    ----------
    name : str
    choices : iterable of str
    n : int, default=1
        How many at most.

    Returns
    -------
    names : list of str
        First those that end in the name behind two underscores, as parameters of nested estimators
        do, then those that begin so, then the nearest by letters; capitals do not count.

    Examples
    --------
    >>> from qsklearn._checks import closest_names
    >>> closest_names("acc", ["roc_auc", "accuracy"]), closest_names("ID", ["id", "age"])
    (['accuracy'], ['id'])
    >>> closest_names("C", ["scale", "model__C"])
    ['model__C']
    """
    text = str(name).lower()
    by_text = {choice.lower(): choice for choice in choices}
    nested = [other for other in by_text if other.endswith(f"__{text}")]
    begun = sorted((other for other in by_text if text and other.startswith(text)), key=len)
    near = [*nested, *begun, *get_close_matches(text, by_text, n)]
    return [by_text[other] for other in dict.fromkeys(near)][:n]


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeio" else "a"


def _to_array(values: Any, kind: str, name: str, caller: str, shape: tuple) -> np.ndarray:
    def refusal(got: str) -> ValueError:
        return _refusal(name, caller, _wanted(kind, shape), got)

    if values is None:  # which NumPy takes for NaN
        raise refusal("NoneType")
    if scipy.sparse.issparse(values):
        raise refusal("a sparse matrix; see its method toarray")
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise refusal(type(values).__name__) from error
    if array.dtype.kind not in "biuf":
        raise refusal(f"{array.dtype} values" if array.size else type(values).__name__)
    if shape and not _fits(array.shape, shape):
        raise refusal(f"shape {array.shape}")
    return array


def _fits(got: tuple[int, ...], shape: tuple) -> bool:
    if shape[0] is Ellipsis:
        shape = shape[1:]
        got = got[len(got) - len(shape) :] if len(got) >= len(shape) else ()
    lengths = zip(got, shape, strict=False)
    return len(got) == len(shape) and all(
        isinstance(n, str) or length == n for length, n in lengths
    )


def _wanted(kind: str, shape: tuple) -> str:
    axes = ", ".join("..." if axis is Ellipsis else str(axis) for axis in shape)
    of_shape = f" of shape ({axes}{',' * (len(shape) == 1)})" if shape else ""
    return f"an array of {kind}{of_shape}"


def _range(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    left = "(-inf" if low is None else f"[{low}"
    return f" in the range {left}, {'inf' if high is None else high})"


def _refusal(name: str, caller: str, wanted: str, got: str) -> ValueError:
    return ValueError(f"The {name!r} parameter of {caller} must be {wanted}. Got {got} instead.")
