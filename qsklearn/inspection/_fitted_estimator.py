"""Checks of the estimator that a display reads, by attribute and by method."""

from __future__ import annotations

from numbers import Integral

from sklearn.utils.validation import check_is_fitted


def check_has(estimator, names, caller, kind):
    """Raise unless an estimator is fitted and has all attributes and methods that are read.

    Parameters
    ----------
    estimator : object
        What was given.
    names : sequence of str
        What it must have.
    caller : str
        The public class, for the error.
    kind : str
        Which estimators have them, such as "generative models have".

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If something is missing.
    """
    missing = [name for name in names if not hasattr(estimator, name)]
    if missing or hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    if missing:
        raise ValueError(
            f"The 'estimator' parameter of {caller}.from_estimator must have "
            f"{', '.join(map(repr, names))}, as {kind}. Got {type(estimator).__name__} instead, "
            f"which lacks {', '.join(map(repr, missing))}."
        )


def check_count(value, name, caller, least=1, most=None):
    """Raise ValueError unless a number of things is whole and within bounds; return it."""
    fits = isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and value > most):
        bounds = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(
            f"The '{name}' parameter of {caller} must be an int {bounds}. Got {value!r} instead."
        )
    return int(value)
