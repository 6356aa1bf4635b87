"""Reading a classifier whose weights were found by search over all their settings.

Several classes make one problem each, one against the rest; two classes make a single one.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import is_among
from qsklearn.inspection._fitted_estimator import check_has

_MAX_CANDIDATES = 200_000  # amplifications looked through for the best number of them


def check_estimator_has(estimator, names, caller):
    """Raise unless an estimator is fitted and has all attributes and methods that are read.

    Parameters
    ----------
    estimator : object
        What was given, or a search or a Pipeline of it.
    names : sequence of str
        What it must have.
    caller : str
        The public class, for the error.

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
    return check_has(estimator, names, caller, "networks trained by search have after fit")


def find_problem(estimator, label, caller):
    """The number of the problem that tells one class from the rest.

    Parameters
    ----------
    estimator : estimator
        Fitted, with ``classes_``.
    label : object
        The class; None where there are two.
    caller : str
        The public class, for the error.

    Returns
    -------
    problem : int

    Raises
    ------
    ValueError
        If the label is no class, or None where there are more than two.
    """
    classes = np.asarray(estimator.classes_).tolist()
    is_single = len(classes) == 2
    if not is_among(label, classes) and not (label is None and is_single):
        raise ValueError(
            f"The 'label' parameter of {caller}.from_estimator must be one of {classes}"
            f"{', or None' if is_single else ''}. Got {label!r} instead."
        )
    return 0 if is_single else classes.index(label)


def find_angle(estimator, label):
    """theta of the probability sin²((2k+1)theta) that k amplifications succeed; 0 if none can."""
    share = np.ravel(estimator.success_probability(np.arange(1), label=label))[0]
    return float(np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))))


def find_best_iterations(estimator, label):
    """The least number of amplifications that is best up to the first maximum."""
    angle = find_angle(estimator, label)
    if angle == 0.0:
        return 0
    iterations = np.arange(min(int(np.ceil(np.pi / (4.0 * angle))), _MAX_CANDIDATES) + 1)
    chances = np.ravel(estimator.success_probability(iterations, label=label))
    # At a share of 1/2 all are equal, but for rounding.
    return int(np.flatnonzero(chances >= chances.max() - 1e-12)[0])


def find_optimal(estimator, problem, label):
    """Which weight settings are among the ``n_optimal_[problem]`` most accurate ones."""
    accuracies = np.asarray(estimator.landscape(label=label))
    n_optimal = int(estimator.n_optimal_[problem])
    if n_optimal == 0:
        return np.zeros(len(accuracies), dtype=bool)
    return accuracies >= np.partition(accuracies, -n_optimal)[-n_optimal]
