"""Choosing some classes and a stratified number of samples: one way for every loader."""

from __future__ import annotations

import numbers

import numpy as np
from sklearn.utils import check_random_state


def subset_indices(target, *, classes=None, n_samples=None, random_state=None):
    """Choose the rows of some classes, and of these a stratified random sample.

    Parameters
    ----------
    target : array-like of shape (n_rows,)
        Class label of every row.
    classes : sequence of labels or None, default=None
        Labels to keep; all when None.
    n_samples : int or None, default=None
        Number of rows to keep, drawn without replacement with the classes in the proportions they
        have in `target` and at least one row of each class; all when None.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are drawn. Without effect when `n_samples` is None.

    Returns
    -------
    indices : ndarray of shape (n_samples,), int64
        Increasing row numbers, so the order of the rows is kept.

    Raises
    ------
    ValueError
        If a class does not occur, or `n_samples` is below the number of classes or above the
        number of rows.

    Examples
    --------
    >>> from qsklearn.datasets import subset_indices
    >>> subset_indices(["a", "b", "a", "c", "b"], classes=["a", "c"])
    array([0, 2, 3])
    """
    target = _as_vector(target, "target")
    kept = np.flatnonzero(_is_wanted(target, classes))
    if n_samples is None:
        return kept
    labels, counts = np.unique(target[kept], return_counts=True)
    _check_n_samples(n_samples, len(labels), len(kept))
    rng = check_random_state(random_state)
    drawn = [
        rng.choice(kept[target[kept] == label], size=share, replace=False)
        for label, share in zip(labels, _shares(counts, n_samples), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def _is_wanted(target, classes):
    if classes is None:
        return np.ones(len(target), dtype=bool)
    known = np.unique(target)
    wanted = np.unique(_as_vector(classes, "classes"))
    if wanted.size == 0 or not set(wanted.tolist()) <= set(known.tolist()):
        choices = ", ".join(map(str, known.tolist()))
        raise ValueError(
            f"The 'classes' parameter must be labels among {{{choices}}}. Got {classes!r} instead."
        )
    return np.isin(target, wanted)


def _as_vector(values, name):
    """Labels as an array of one axis."""
    try:
        array = np.asarray(values)
        np.unique(array)  # None and numbers, say, have no order
    except (TypeError, ValueError):
        array = np.array(None)
    if array.dtype.kind not in "biufUSO" or array.ndim != 1:
        raise ValueError(
            f"The {name!r} parameter must be labels of one kind, numbers or texts, in an array of "
            f"shape (n,). Got {type(values).__name__} instead."
        )
    return array


def _check_n_samples(n_samples, n_classes, n_rows):
    whole = isinstance(n_samples, numbers.Integral) and not isinstance(n_samples, bool)
    if not whole or not n_classes <= n_samples <= n_rows:
        raise ValueError(
            "The 'n_samples' parameter must be None or an int in the range "
            f"[{n_classes}, {n_rows}] (one row of each class; all rows). Got {n_samples!r} instead."
        )


def _shares(counts, n_samples):
    """Whole numbers proportional to `counts`, summing to `n_samples`, each in [1, count]."""
    ideal = counts * (n_samples / counts.sum())
    shares = np.clip(np.floor(ideal).astype(np.int64), 1, counts)
    # Largest remainders first; rounding a rare class up to 1 may have to be paid back by others.
    while (missing := n_samples - shares.sum()) != 0:
        step = 1 if missing > 0 else -1
        movable = shares < counts if step > 0 else shares > 1
        gain = np.where(movable, step * (ideal - shares), -np.inf)
        shares[np.argmax(gain)] += step
    return shares
