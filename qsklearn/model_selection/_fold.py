"""One estimator on one fold: cloned, fitted, scored, and told apart from its failures."""

from __future__ import annotations

import contextlib
import threading
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from threadpoolctl import threadpool_limits


def run_fold(task, estimator, X, y, split, scoring, seed, error_score):
    """Fit and score one clone.

    Parameters
    ----------
    task : object
        Handed back, so that results may come in any order.
    estimator : estimator
        Left as it is.
    X, y : array-like
        All rows.
    split : (ndarray, ndarray)
        Training and test rows.
    scoring : str, callable, dict of scorers or None
        As for :func:`~sklearn.model_selection.cross_validate`.
    seed : int or None
        For every ``random_state`` of the estimator that is None.
    error_score : "raise" or float
        With "raise" exceptions pass through; else they are reported.

    Returns
    -------
    task : object
    outcome : dict
        ``scores`` (dict of name to float), ``fit_seconds``, ``score_seconds``, ``cost``, ``error``,
        ``stopped_early``, ``sampler`` and ``warnings``, a list of (category, text).
    """
    with _recorded_warnings() as recorded:
        try:
            outcome = _fit_and_score(seeded_clone(estimator, seed), X, y, split, scoring)
        except Exception as caught:
            error = _original(caught)
            if error_score == "raise":
                raise error from error.__cause__
            # A failed fold is a result, not the end of the others.
            outcome = {"error": f"{type(error).__name__}: {error}"}
    outcome["warnings"] = [(w.category, str(w.message)) for w in recorded]
    return task, outcome


def _fit_and_score(estimator, X, y, split, scoring):
    # One BLAS thread each: the seconds are comparable and the sums do not depend on n_jobs.
    with threadpool_limits(1, user_api="blas"):
        result = cross_validate(
            estimator,
            X,
            y,
            cv=[split],
            scoring=scoring,
            return_estimator=True,
            error_score="raise",
        )
    (fitted,) = result["estimator"]
    stop_reason = _find(fitted, "stop_reason_")
    if stop_reason == "interrupted":
        # An estimator that keeps its best weights on Ctrl-C has hidden it from the comparison.
        raise KeyboardInterrupt
    return {
        "scores": {
            key.removeprefix("test_"): float(value[0])
            for key, value in result.items()
            if key.startswith("test_")
        },
        "fit_seconds": float(result["fit_time"][0]),
        "score_seconds": float(result["score_time"][0]),
        "cost": find_cost(fitted),
        "error": None,
        "stopped_early": stop_reason if _is_failure(stop_reason) else None,
        "sampler": _sampler_name(fitted),
    }


def _is_failure(stop_reason):
    # An estimator that keeps its best weights has hidden the failure behind scores.
    return isinstance(stop_reason, str) and stop_reason.startswith("sampler:")


def _sampler_name(fitted):
    sampler = _find(fitted, "sampler_")
    return None if sampler is None else type(sampler).__name__


def _original(error):
    """The estimator's own error: cross_validate puts its name in the place of the estimator's."""
    cause = error.__cause__
    renamed = type(error).__name__ == "InvalidParameterError" and type(cause) is type(error)
    return cause if renamed else error


def seeded_clone(estimator, seed):
    """A clone whose ``random_state`` parameters that were None, at any depth, are `seed`."""
    copy = clone(estimator)
    if seed is not None:
        unseeded = [
            name
            for name, value in copy.get_params(deep=True).items()
            if value is None and (name == "random_state" or name.endswith("__random_state"))
        ]
        copy.set_params(**dict.fromkeys(unseeded, seed))
    return copy


def find_cost(estimator):
    """What a fitted estimator says that its training cost, or None."""
    cost = _find(estimator, "cost_")
    return {key: _plain(value) for key, value in cost.items()} if isinstance(cost, dict) else None


def _find(estimator, attribute):
    """An attribute of a fitted estimator or of the one that it wraps, or None."""
    if (value := getattr(estimator, attribute, None)) is not None:
        return value
    steps = getattr(estimator, "steps", None)
    inner = steps[-1][1] if steps else None
    for name in ("best_estimator_", "estimator_"):
        inner = getattr(estimator, name, inner)
    return None if inner is None else _find(inner, attribute)


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _recorded_warnings():
    # catch_warnings is not safe in threads: there warnings go their own way.
    if threading.current_thread() is threading.main_thread():
        return warnings.catch_warnings(record=True)
    return contextlib.nullcontext([])
