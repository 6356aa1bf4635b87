"""Checks of what several functions of the room are given."""

from __future__ import annotations

import numbers

from qsklearn._checks import is_among


def check_estimators(estimators, caller):
    """Raise unless `estimators` is a dict of names to objects with ``fit``."""
    valid = (
        isinstance(estimators, dict) and estimators and all(isinstance(n, str) for n in estimators)
    )
    if not valid:
        raise ValueError(
            f"The 'estimators' parameter of {caller} must be a dict, not empty, of names to "
            f"estimators. Got {estimators!r} instead."
        )
    for name, estimator in estimators.items():
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise TypeError(
                f"The 'estimators' parameter of {caller} must hold estimators, objects with 'fit'. "
                f"Got {estimator!r} as {name!r} instead."
            )


def check_choice(caller, name, value, choices):
    """Raise ValueError unless `value` is among `choices`."""
    if not is_among(value, choices):
        raise ValueError(
            f"The {name!r} parameter of {caller} must be one of {list(choices)}. "
            f"Got {value!r} instead."
        )


def is_real(value):
    """Whether `value` is a real number, which True and False are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_confidence(caller, confidence):
    """Raise ValueError unless `confidence` is in (0, 1)."""
    if not (is_real(confidence) and 0 < confidence < 1):
        raise ValueError(
            f"The 'confidence' parameter of {caller} must be a float in the range (0, 1). "
            f"Got {confidence!r} instead."
        )
