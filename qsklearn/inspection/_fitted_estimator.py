"""The estimator that a display reads: found, and checked by attribute and by method."""

from __future__ import annotations

from numbers import Integral

from sklearn.utils.validation import check_is_fitted


def look_inside(estimator, *, steps=True):
    """An estimator, and those in it that a reader may mean.

    Of a search that is the best one, of a Pipeline each step, from the last to the first.

    Parameters
    ----------
    estimator : object
        What was given.
    steps : bool, default=True
        Whether to go into Pipelines. False where rows are given: they are of the Pipeline's own
        features, not of those of a later step.

    Yields
    ------
    estimator : object
        The given one first.
    """
    yield estimator
    inner = [estimator.best_estimator_] if hasattr(estimator, "best_estimator_") else []
    if steps and isinstance(getattr(estimator, "steps", None), list):
        inner += [step for _, step in reversed(estimator.steps)]
    for candidate in inner:
        yield from look_inside(candidate, steps=steps)


def find_having(estimator, names, *, steps=True):
    """The first that :func:`look_inside` gives with all these attributes; the given one if none."""
    for candidate in look_inside(estimator, steps=steps):
        if all(hasattr(candidate, name) for name in names):
            return candidate
    return estimator


def find_with_rows(estimator, names, X):
    """The one of :func:`find_having`, and rows of the given one's features as they reach it.

    Parameters
    ----------
    estimator : object
        Fitted; of a Pipeline the steps before transform the rows.
    names : sequence of str
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    estimator : object
        The given one if none has them all.
    X : array-like
    """
    if all(hasattr(estimator, name) for name in names):
        return estimator, X
    if hasattr(estimator, "best_estimator_"):
        return find_with_rows(estimator.best_estimator_, names, X)
    steps = getattr(estimator, "steps", None)
    for number in reversed(range(len(steps) if isinstance(steps, list) else 0)):
        inner = steps[number][1]
        if all(hasattr(find_having(inner, names), name) for name in names):
            return find_with_rows(inner, names, estimator[:number].transform(X) if number else X)
    return estimator, X


def check_has(estimator, names, caller, kind, *, steps=True):
    """Raise unless an estimator is fitted and has all attributes and methods that are read.

    Parameters
    ----------
    estimator : object
        What was given, or a search or a Pipeline of it.
    names : sequence of str
        What it must have.
    caller : str
        The public class, for the error.
    kind : str
        Which estimators have them, such as "generative models have".
    steps : bool, default=True
        As for :func:`look_inside`.

    Returns
    -------
    estimator : object
        The one that has them.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If something is missing.
    """
    estimator = find_having(estimator, names, steps=steps)
    missing = [name for name in names if not hasattr(estimator, name)]
    if missing or hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    if missing:
        raise ValueError(
            f"The 'estimator' parameter of {caller}.from_estimator must have "
            f"{', '.join(map(repr, names))}, as {kind}. Got {type(estimator).__name__} instead, "
            f"which lacks {', '.join(map(repr, missing))}."
        )
    return estimator


def check_count(value, name, caller, least=1, most=None):
    """Raise ValueError unless a number of things is whole and within bounds; return it."""
    fits = isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and value > most):
        bounds = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(
            f"The '{name}' parameter of {caller} must be an int {bounds}. Got {value!r} instead."
        )
    return int(value)
