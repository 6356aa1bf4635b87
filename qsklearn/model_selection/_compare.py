"""Cross-validation of several estimators on the same folds."""

from __future__ import annotations

import math
import numbers
import warnings
from collections import Counter

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed
from tqdm import tqdm

from qsklearn.model_selection._environment import package_versions
from qsklearn.model_selection._fold import run_fold
from qsklearn.model_selection._result import ComparisonResult

# What the result keeps of every fold as it is: field -> key of the fold's outcome.
_FIELDS = {
    "costs": "cost",
    "errors": "error",
    "stopped_early": "stopped_early",
    "samplers": "sampler",
    "warnings": "warnings",
}


def compare(
    estimators,
    X,
    y,
    *,
    groups=None,
    cv=5,
    scoring=None,
    baseline=None,
    n_jobs=None,
    random_state=None,
    error_score=math.nan,
    verbose=0,
):
    """Compare estimators by cross-validation on the same folds.

    Parameters
    ----------
    estimators : dict of str to estimator
        The contenders by name. Each is cloned for every fold and stays as it is.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features, given to the estimators as they are.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    groups : array-like of shape (n_samples,) or None, default=None
        Group of each row, for a `cv` that keeps groups together such as
        :class:`~sklearn.model_selection.GroupKFold`. The estimators do not see it.
    cv : int, cross-validation generator or iterable of (train, test), default=5
        As in scikit-learn; an int means stratified folds when all contenders are classifiers. It
        is asked once, and every contender sees the same splits.
    scoring : str, callable, list of str, dict of str to (str or callable), or None, default=None
        As for :func:`~sklearn.model_selection.cross_validate`; None takes each estimator's own
        ``score``, under the name ``"score"``.
    baseline : str or None, default=None
        The contender that the paired tests compare with; the first when None.
    n_jobs : int or None, default=None
        Processes over (estimator, fold), through joblib, so other backends may be chosen with
        :func:`joblib.parallel_config`. The scores do not depend on it.
    random_state : int, RandomState instance or None, default=None
        When given, folds that are made from an int are shuffled, and every ``random_state`` of an
        estimator that is None gets a seed, one for each fold and the same for all contenders.
    error_score : "raise" or nan, default=nan
        With nan a fold that fails is reported with its error, and the rest go on; with "raise"
        its exception ends the comparison.
    verbose : int, default=0
        If positive, show a progress bar on standard error.

    Returns
    -------
    result : ComparisonResult
        Scores, seconds, costs and errors per fold; paired tests; frame; HTML.

    Raises
    ------
    ValueError
        If a parameter is out of range or names something unknown, or if `cv` gives no split.
    TypeError
        If an estimator has no ``fit``, or no ``score`` while `scoring` is None.

    Warns
    -----
    FitFailedWarning
        If folds failed. Warnings of the fits are passed on once per contender and text, with the
        number of folds that gave them.

    Notes
    -----
    Each fold runs with one BLAS thread, so that seconds are comparable between contenders.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from qsklearn.model_selection import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> contenders = {"guess": DummyClassifier(), "tree": DecisionTreeClassifier(max_depth=2)}
    >>> result = compare(contenders, X, y, scoring="accuracy", random_state=0)
    >>> [round(row["mean"], 2) for row in result.summary()]
    [0.33, 0.93]
    >>> result.paired_tests()[0]["p_value"] < 0.001
    True
    """
    _check_estimators(estimators, scoring)
    names = tuple(estimators)
    baseline = names[0] if baseline is None else baseline
    _check_choice("baseline", baseline, names)
    _check_error_score(error_score)
    scorers, scoring = _check_scoring(scoring)
    X, y, groups = indexable(X, y, groups)
    rng = None if random_state is None else check_random_state(random_state)
    splits = _make_splits(cv, X, y, groups, estimators, rng)
    seeds = [None if rng is None else int(rng.randint(2**31 - 1)) for _ in splits]
    tasks = [
        delayed(run_fold)((name, fold), estimator, X, y, split, scoring, seed, error_score)
        for fold, (split, seed) in enumerate(zip(splits, seeds, strict=True))
        for name, estimator in estimators.items()
    ]
    outcomes = _run(tasks, n_jobs, verbose)
    _warn(outcomes, names)
    return ComparisonResult(
        names=names,
        baseline=baseline,
        **_gather(outcomes, names, scorers),
        train_sizes=tuple(len(train) for train, _ in splits),
        test_sizes=tuple(len(test) for _, test in splits),
        settings={name: repr(estimator) for name, estimator in estimators.items()},
        seeds=tuple(seeds),
        random_state=random_state,
        environment=package_versions(),
    )


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"The {name!r} parameter of compare must be one of {list(choices)}. "
            f"Got {value!r} instead."
        )


def _check_error_score(error_score):
    is_nan = isinstance(error_score, float) and math.isnan(error_score)
    if not is_nan and error_score != "raise":
        raise ValueError(
            f"The 'error_score' parameter of compare must be 'raise' or nan. "
            f"Got {error_score!r} instead."
        )


def _check_estimators(estimators, scoring):
    valid = (
        isinstance(estimators, dict) and estimators and all(isinstance(n, str) for n in estimators)
    )
    if not valid:
        raise ValueError(
            "The 'estimators' parameter of compare must be a dict, not empty, of names to "
            f"estimators. Got {estimators!r} instead."
        )
    for name, estimator in estimators.items():
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise TypeError(
                "The 'estimators' parameter of compare must hold estimators, objects with 'fit'. "
                f"Got {estimator!r} as {name!r} instead."
            )
        if scoring is None:
            check_scoring(estimator)


def _check_scoring(scoring):
    """Names of the scorers, and the scoring as cross_validate takes it under those names."""
    if scoring is None or callable(scoring):
        return ("score",), scoring
    if isinstance(scoring, str):
        return (scoring,), {scoring: get_scorer(scoring)}
    if isinstance(scoring, (list, tuple, set)) and all(isinstance(s, str) for s in scoring):
        scoring = {name: name for name in scoring}
    if not isinstance(scoring, dict) or not scoring:
        raise ValueError(
            "The 'scoring' parameter of compare must be None, a str, a callable, a list of str or "
            f"a dict, not empty, of str to scorers. Got {scoring!r} instead."
        )
    return tuple(scoring), {name: get_scorer(scorer) for name, scorer in scoring.items()}


def _make_splits(cv, X, y, groups, estimators, rng):
    from_number = cv is None or isinstance(cv, numbers.Integral)
    classifier = all(is_classifier(estimator) for estimator in estimators.values())
    splitter = check_cv(cv, y, classifier=classifier)
    # check_cv never shuffles; rows in the order of a file may drift from fold to fold.
    if from_number and rng is not None:
        seed = rng.randint(2**31 - 1)
        splitter = type(splitter)(splitter.n_splits, shuffle=True, random_state=seed)
    splits = list(splitter.split(X, y, groups))
    if not splits:
        raise ValueError(
            "The 'cv' parameter of compare must give one split or more, and it gave none. "
            f"Got {cv!r} instead."
        )
    return [(np.asarray(train), np.asarray(test)) for train, test in splits]


def _run(tasks, n_jobs, verbose):
    outcomes = {}
    bar = tqdm(total=len(tasks), desc="compare", unit="fold", disable=not verbose)
    with bar:
        for task, outcome in _make_parallel(n_jobs)(tasks):
            outcomes[task] = outcome
            bar.set_postfix_str(task[0], refresh=False)
            bar.update()
    return outcomes


def _make_parallel(n_jobs):
    try:
        return Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:
        # Some joblib backends cannot hand out results as they come; the bar then jumps.
        return Parallel(n_jobs=n_jobs)


def _gather(outcomes, names, scorers):
    """The fields of the result that come from the folds."""
    folds = {
        name: [outcomes[task] for task in sorted(outcomes) if task[0] == name] for name in names
    }
    done = next((one for one in outcomes.values() if not one["error"]), {})
    # A callable may return several scores under names that only a finished fold tells.
    scorers = tuple(done.get("scores", scorers))
    return {
        "scorers": scorers,
        "scores": {
            scorer: _collect(folds, lambda one, key=scorer: one["scores"][key])
            for scorer in scorers
        },
        "fit_seconds": _collect(folds, lambda one: one["fit_seconds"]),
        "score_seconds": _collect(folds, lambda one: one["score_seconds"]),
        **{
            field: {name: tuple(one.get(key) for one in folds[name]) for name in names}
            for field, key in _FIELDS.items()
        },
    }


def _collect(folds, read):
    arrays = {}
    for name, outcomes in folds.items():
        arrays[name] = np.array([math.nan if one["error"] else read(one) for one in outcomes])
        arrays[name].flags.writeable = False
    return arrays


def _warn(outcomes, names):
    failed = [task for task, one in outcomes.items() if one["error"]]
    if failed:
        name, fold = min(failed, key=lambda task: (names.index(task[0]), task[1]))
        reason = " ".join(outcomes[name, fold]["error"].split())
        warnings.warn(
            f"{len(failed)} of {len(outcomes)} fits of compare failed; their scores are nan. "
            f"The first, of {name!r} on fold {fold}: {reason}",
            FitFailedWarning,
            stacklevel=3,
        )
    heard = Counter(
        (name, category, text)
        for (name, _), one in outcomes.items()
        for category, text in dict.fromkeys(one["warnings"])
    )
    for (name, category, text), n in heard.items():
        warnings.warn(f"{name!r}, in {n} folds: {text}", category, stacklevel=3)
