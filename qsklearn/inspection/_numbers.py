"""Checks of the arrays that a display is given."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-9  # of a probability


def check_array(values, name, caller, shape):
    """Turn what a display is given into an array of numbers.

    Parameters
    ----------
    values : array-like
        What was given.
    name : str
        The parameter, for the error.
    caller : str
        The public class or method, for the error.
    shape : tuple of (str or int)
        Of each axis the length, or a word for a length that is free but not zero.

    Returns
    -------
    array : ndarray of float64

    Raises
    ------
    ValueError
        If it is not of numbers, not of this shape, or not finite.
    """
    rule = f"The '{name}' parameter of {caller} must be {_describe(shape)}"
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}. Got {type(values).__name__} instead: {error}") from None
    fits = len(array.shape) == len(shape) and all(
        length > 0 if isinstance(word, str) else length == word
        for length, word in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{rule}. Got the shape {array.shape} instead.")
    if not np.isfinite(array).all():
        raise ValueError(f"{rule}. Got {array[~np.isfinite(array)][0]} among them instead.")
    return array


def _describe(shape):
    if not shape:
        return "a finite number"
    lengths = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    free = any(isinstance(word, str) for word in shape)
    return f"finite numbers of shape {lengths}{', not empty' if free else ''}"


def check_between(array, name, caller, low, high=np.inf):
    """Raise ValueError unless all numbers lie in a closed range; return the array."""
    wrong = array[(array < low) | (array > high)]
    if wrong.size:
        span = f"from {low} to {high}" if np.isfinite(high) else f">= {low}"
        raise ValueError(
            f"The '{name}' parameter of {caller} must hold numbers {span}. Got {wrong[0]:g} among "
            "them instead."
        )
    return array


def check_probabilities(values, name, caller, shape):
    """As :func:`check_array`, of numbers from 0 to 1; what rounding put beyond is put back."""
    array = check_array(values, name, caller, shape)
    clipped = np.clip(array, 0.0, 1.0)
    check_between(array[np.abs(array - clipped) > _ROUNDING], name, caller, 0, 1)
    return clipped


def check_whole(values, name, caller, shape):
    """As :func:`check_array`, of whole numbers of 0 or more; of integer type."""
    array = check_between(check_array(values, name, caller, shape), name, caller, 0)
    if (array != np.round(array)).any() or (array >= 2.0**63).any():
        raise ValueError(
            f"The '{name}' parameter of {caller} must hold whole numbers. Got "
            f"{array[(array != np.round(array)) | (array >= 2.0**63)][0]:g} among them instead."
        )
    return array.astype(np.int64)
