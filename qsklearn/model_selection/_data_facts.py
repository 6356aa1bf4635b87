"""What the data of a comparison were: rows, features, classes, and what guessing would score."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.multiclass import type_of_target

_N_CLASSES = 20  # that are listed


def check_labels(y, estimators, caller):
    """Raise ValueError where classifiers get no labels, or some are missing.

    Parameters
    ----------
    y : array-like or None
    estimators : dict of str to estimator
    caller : str
        Whose parameter it is.
    """
    classifiers = [name for name, one in estimators.items() if is_classifier(one)]
    if not classifiers:
        return
    if y is None:
        raise ValueError(
            f"The 'y' parameter of {caller} must be the labels, as classifiers such as "
            f"{classifiers[0]!r} need them. Got None instead."
        )
    missing = np.flatnonzero(_is_missing(y))
    if len(missing):
        raise ValueError(
            f"The 'y' parameter of {caller} must hold a label for every row. {len(missing)} of "
            f"{len(y)} are missing (None or NaN), the first of them in row {missing[0]}; leave out "
            "such rows."
        )


def _is_missing(y):
    if hasattr(y, "isna"):
        return np.asarray(y.isna())
    # As objects, so that rows of unequal length are left to who checks targets.
    labels = y if isinstance(y, np.ndarray) else np.asarray(y, dtype=object)
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype != object:
        return np.zeros(labels.shape, dtype=bool)
    missing = [label is None or (isinstance(label, float) and label != label) for label in labels]
    return np.array(missing, dtype=bool)


def describe_data(X, y):
    """Facts about data.

    Parameters
    ----------
    X : array-like or sparse matrix
    y : array-like or None

    Returns
    -------
    facts : dict
        ``n_samples``, ``n_features`` (None where X does not say), and ``classes``: rows by the
        label as a text, or None where y holds no classes.
    """
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    return {
        "n_samples": int(shape[0]),
        "n_features": int(shape[1]) if len(shape) > 1 else None,
        "classes": None if y is None else _count_classes(y),
    }


def _count_classes(y):
    if type_of_target(y) not in ("binary", "multiclass"):
        return None
    labels, counts = np.unique(np.asarray(y), return_counts=True)
    return {str(label): int(n) for label, n in zip(labels.tolist(), counts, strict=True)}


def format_classes(classes):
    """Classes with their rows, in one line.

    Parameters
    ----------
    classes : dict of str to int

    Returns
    -------
    text : str
    """
    listed = [f"{label}: {n:,}" for label, n in classes.items()]
    more = [f"and {len(listed) - _N_CLASSES} more"] if len(listed) > _N_CLASSES else []
    return ", ".join(listed[:_N_CLASSES] + more)


def chance_level(classes):
    """Accuracy of always saying the largest class.

    Parameters
    ----------
    classes : dict of str to int

    Returns
    -------
    accuracy : float
    """
    return max(classes.values()) / sum(classes.values())
