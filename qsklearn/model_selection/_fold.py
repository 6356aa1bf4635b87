"""One estimator on one fold: cloned, tuned, fitted, scored, and told apart from its failures."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import warnings

from sklearn.metrics import check_scoring
from sklearn.model_selection import cross_validate
from threadpoolctl import threadpool_limits

from qsklearn.model_selection._fitted import find_attribute, find_cost, plain
from qsklearn.model_selection._seeding import seeded_clone
from qsklearn.model_selection._tuning import tune, with_params

# The search repeats so, once for each number that it keeps, that candidates failed.
_ECHO = "One or more of the test scores are non-finite"


def run_fold(task, estimator, X, y, split, scoring, seed, error_score, tuning=None):
    """Tune, fit and score one clone.

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
    scoring : callable, dict of scorers or None
        As for :func:`~sklearn.model_selection.cross_validate`. Of a dict each scorer fails by
        itself: its score is NaN, and a warning tells why. Where all fail the fold fails.
    seed : int or None
        For every ``random_state`` of the estimator that is None.
    error_score : "raise" or float
        With "raise" exceptions pass through; else they are reported.
    tuning : FoldTuning or None, default=None
        The search for parameters that comes first.

    Returns
    -------
    task : object
    outcome : dict
        ``scores`` (dict of name to float), ``fit_seconds``, ``score_seconds``, ``cost``, ``error``,
        ``stopped_early``, ``sampler``, ``drawn_by``, ``best_params``, ``n_tried``,
        ``tuning_seconds``, ``tuning_cost``, and ``warnings`` and ``tuning_warnings``, lists of
        (category, text).
    """
    in_tuning, recorded = [], []
    if isinstance(scoring, dict) and error_score != "raise":
        scoring = _ScorersApart(scoring)
    try:
        with _recorded_warnings(in_tuning):
            model, tuned = _tuned(estimator, X, y, seed, error_score, tuning)
        with _recorded_warnings(recorded):
            outcome = _fit_and_score(model, X, y, split, scoring) | tuned
    except Exception as caught:
        error = _original(caught)
        if error_score == "raise":
            raise error from error.__cause__
        # A failed fold is a result, not the end of the others.
        outcome = {"error": f"{type(error).__name__}: {error}"}
    # Not by warnings.warn, which a filter could turn into the failure of the fold.
    outcome["warnings"] = [*_texts(recorded), *getattr(scoring, "warnings", ())]
    heard = dict.fromkeys(_texts(in_tuning))
    outcome["tuning_warnings"] = [one for one in heard if not one[1].startswith(_ECHO)]
    return task, outcome


def _tuned(estimator, X, y, seed, error_score, tuning):
    """The seeded clone to fit, and what its tuning found."""
    model = seeded_clone(estimator, seed)
    if tuning is None:
        return model, {}
    with threadpool_limits(1, user_api="blas"):
        found = tune(model, X, y, tuning, seed, error_score)
    return with_params(model, found["best_params"], seed), found


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
    stop_reason = find_attribute(fitted, "stop_reason_")
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
        **_sampler_facts(fitted),
        **_own_search(fitted),
        "tuning_seconds": 0.0,
    }


class _ScorersApart:
    """Scorers that share predictions, as scikit-learn's do, and no failures."""

    def __init__(self, scorers):
        self.scorers, self.warnings = scorers, []

    def __call__(self, estimator, X, y=None):
        scores = self._score(estimator, X, y)
        failed = {name: text for name, text in scores.items() if isinstance(text, str)}
        if len(failed) == len(scores):
            # Only the error itself, not its text, can be what the fold fails with.
            return check_scoring(estimator, self.scorers)(estimator, X, y)
        self.warnings += [
            (UserWarning, f"the score {name!r} is nan, as its scorer failed: {_last_error(text)}")
            for name, text in failed.items()
        ]
        return scores | dict.fromkeys(failed, math.nan)

    def _score(self, estimator, X, y):
        """Scores by name, and a traceback for what failed."""
        try:
            return check_scoring(estimator, self.scorers, raise_exc=False)(estimator, X, y)
        except Exception:
            # Before it scores by any it asks for the methods that all need; one by one it does not.
            each = [{name: scorer} for name, scorer in self.scorers.items()]
        scores = [check_scoring(estimator, one, raise_exc=False)(estimator, X, y) for one in each]
        return {name: score for one in scores for name, score in one.items()}


def _last_error(traceback):
    """The error that a formatted traceback ends with, in one line."""
    lines = traceback.rpartition("Traceback (most recent call last):")[2].split("\n")
    # The frames are indented; the error comes first of what is not.
    frames = itertools.takewhile(lambda line: not line.strip() or line[0] == " ", lines)
    return " ".join(" ".join(lines[len(list(frames)) :]).split())


def _own_search(fitted):
    """What a contender found that is a search itself, or ends in one."""
    best = find_attribute(fitted, "best_params_")
    if not isinstance(best, dict):
        return {}
    results = find_attribute(fitted, "cv_results_") or {}
    return {
        "best_params": {key: plain(value) for key, value in best.items()},
        "n_tried": len(results.get("params", ())),
    }


def _is_failure(stop_reason):
    # An estimator that keeps its best weights has hidden the failure behind scores.
    return isinstance(stop_reason, str) and stop_reason.startswith("sampler:")


def _sampler_facts(fitted):
    """The sampler's class, and what it, or the one that it wraps, says of what draws."""
    sampler = find_attribute(fitted, "sampler_")
    if sampler is None:
        return {}
    return {"sampler": type(sampler).__name__, "drawn_by": _drawn_by(sampler)}


def _drawn_by(sampler):
    # Of the class, as a device's handle would connect where an attribute is not there.
    if isinstance(text := getattr(type(sampler), "drawn_by", None), str):
        return text
    if hasattr(type(sampler), "children"):
        return _drawn_by(next(iter(sampler.children)))
    inner = getattr(sampler, "__dict__", {}).get("sampler")
    return None if inner is None else _drawn_by(inner)


def _original(error):
    """The estimator's own error: cross_validate puts its name in the place of the estimator's."""
    cause = error.__cause__
    renamed = type(error).__name__ == "InvalidParameterError" and type(cause) is type(error)
    return cause if renamed else error


@contextlib.contextmanager
def _recorded_warnings(heard):
    """Put the warnings of the block into the list, also where it ends in an error."""
    # catch_warnings is not safe in threads: there warnings go their own way.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings(record=True) as recorded:
        try:
            yield
        finally:
            heard.extend(recorded)


def _texts(recorded):
    return [(w.category, str(w.message)) for w in recorded]
