"""Cross-validation of several estimators on the same folds."""

from __future__ import annotations

import math
import numbers
from collections import Counter

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed
from tqdm import tqdm

from qsklearn._checks import check_instance
from qsklearn._warnings import warn
from qsklearn.model_selection._data_facts import check_labels, describe_data
from qsklearn.model_selection._environment import describe_environment
from qsklearn.model_selection._fingerprint import stable_repr
from qsklearn.model_selection._fold import run_fold
from qsklearn.model_selection._result import ComparisonResult
from qsklearn.model_selection._tuning import FoldTuning, make_inner_splits
from qsklearn.model_selection._tuning_plan import describe_plan, make_plan
from qsklearn.model_selection._validation import check_choice, check_estimators

# What the result keeps of every fold as it is: field -> key of the fold's outcome.
_FIELDS = {
    "costs": "cost",
    "errors": "error",
    "stopped_early": "stopped_early",
    "samplers": "sampler",
    "drawn_by": "drawn_by",
    "warnings": "warnings",
    "best_params": "best_params",
    "tuning_costs": "tuning_cost",
    "tuning_warnings": "tuning_warnings",
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
    param_distributions=None,
    n_candidates=10,
    inner_cv=3,
    tuning_scoring=None,
):
    """Compare estimators by cross-validation on the same folds.

    Contenders with a space in `param_distributions` are tuned in every fold, inside its training
    rows, by as many candidates on the same inner folds: nested cross-validation with one budget
    for all.

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
        With nan a fold that fails is reported with its error, and the rest go on, unless all fail;
        of several scores one that fails is nan by itself. With "raise" the exception ends the
        comparison.
    verbose : int, default=0
        If positive, show a progress bar on standard error.
    param_distributions : dict of str to (dict or list of dict), or None, default=None
        Spaces by the contenders' names, each as
        :class:`~sklearn.model_selection.RandomizedSearchCV` takes it. A control of
        :func:`with_controls` (named ``"NAME: ..."``) without an entry takes the space of
        ``"NAME"``, less the parameters that it does not have or that make it the control: those
        that an estimator of the same class sets otherwise. An empty dict keeps it, as any
        contender without a space, at the parameters that it has.
    n_candidates : int, default=10
        Candidates for every contender that is tuned. A space of lists with fewer combinations is
        searched whole, which the result says.
    inner_cv : int or cross-validation generator, default=3
        As `cv`, for the training rows of a fold; it is asked once a fold. A generator gets the
        `groups` of these rows.
    tuning_scoring : str, callable or None, default=None
        What the candidates are chosen by; the first of `scoring` when None.

    Returns
    -------
    result : ComparisonResult
        Scores, seconds, costs and errors per fold; tuning; paired tests; frame; HTML.

    Raises
    ------
    ValueError
        If a parameter is out of range or names something unknown, if `cv` gives no split, or if
        all fits of all contenders failed.
    TypeError
        If an estimator has no ``fit``, or no ``score`` while `scoring` is None.

    Warns
    -----
    FitFailedWarning
        If folds failed.
    UserWarning
        If one of several scores failed. Warnings of the fits are passed on. Each comes once per
        contender and text, with the number of folds that gave it.

    Notes
    -----
    Each fold runs with one BLAS thread, so that seconds are comparable between contenders. Seconds
    and costs of a tuned contender are those of the fit with its best parameters; those of the
    tuning stand apart. A contender that is a search itself is fitted as it is, so that its seconds
    hold its search. Contenders with the same space try the same candidates.

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

    With a depth that is chosen in every fold:

    >>> spaces = {"tree": {"max_depth": [1, 2, 3]}}
    >>> result = compare(contenders, X, y, param_distributions=spaces, random_state=0)
    >>> [params["max_depth"] for params in result.best_params["tree"]]
    [2, 3, 2, 2, 2]
    """
    check_estimators(estimators, "compare")
    _check_own_scores(estimators, scoring)
    names = tuple(estimators)
    baseline = names[0] if baseline is None else baseline
    check_choice("compare", "baseline", baseline, names)
    _check_error_score(error_score)
    scorers, scoring = _check_scoring(scoring)
    plan = make_plan(
        estimators, param_distributions, n_candidates, inner_cv, tuning_scoring, (scorers, scoring)
    )
    check_labels(y, estimators, "compare")
    X, y, groups = indexable(X, y, groups)
    rng = None if random_state is None else check_random_state(random_state)
    splits = _make_splits(cv, X, y, groups, estimators, rng)
    seeds = [None if rng is None else int(rng.randint(2**31 - 1)) for _ in splits]
    inner = make_inner_splits(plan, X, y, groups, splits, estimators, rng)
    tasks = [
        delayed(run_fold)(
            (name, fold), estimator, X, y, split, scoring, seed, error_score,
            _tuning_of(name, plan, *inner[fold]),
        )
        for fold, (split, seed) in enumerate(zip(splits, seeds, strict=True))
        for name, estimator in estimators.items()
    ]  # fmt: skip
    outcomes = _run(tasks, n_jobs, verbose)
    _check_any_finished(outcomes, names)
    _warn(outcomes, names)
    return ComparisonResult(
        names=names,
        baseline=baseline,
        **_gather(outcomes, names, scorers),
        n_candidates=_count_candidates(outcomes, names, plan),
        tuning=describe_plan(plan, [len(splits) for splits, _ in inner]),
        train_sizes=tuple(len(train) for train, _ in splits),
        test_sizes=tuple(len(test) for _, test in splits),
        settings={name: stable_repr(estimator) for name, estimator in estimators.items()},
        seeds=tuple(seeds),
        random_state=random_state,
        environment=describe_environment(),
        data=describe_data(X, y if all(map(is_classifier, estimators.values())) else None),
    )


def _tuning_of(name, plan, inner_splits, seed):
    if name not in plan.spaces:
        return None
    return FoldTuning(plan.spaces[name], plan.n_candidates[name], inner_splits, plan.scorer, seed)


def _count_candidates(outcomes, names, plan):
    """Candidates tried by each, those of a contender that is a search itself included."""
    own = dict.fromkeys(names, 0)
    for (name, _), one in outcomes.items():
        own[name] = max(own[name], one.get("n_tried", 0))
    return own | plan.n_candidates


def _check_error_score(error_score):
    is_nan = isinstance(error_score, float) and math.isnan(error_score)
    if not is_nan and error_score != "raise":
        raise ValueError(
            f"The 'error_score' parameter of compare must be 'raise' or nan. "
            f"Got {error_score!r} instead."
        )


def _check_own_scores(estimators, scoring):
    if scoring is None:
        for estimator in estimators.values():
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
    check_instance(verbose, (int, float, np.number, np.bool_), "verbose", "compare")
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
        "tuning_seconds": _collect(folds, lambda one: one["tuning_seconds"]),
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


def _check_any_finished(outcomes, names):
    if all(one["error"] for one in outcomes.values()):
        # As cross_validate does: what fails everywhere is mostly the data or the scoring.
        raise ValueError(
            f"All {len(outcomes)} fits of compare failed, so there is nothing to compare; "
            "error_score='raise' shows where they fail. "
            f"{_first_failure(outcomes, names)}"
        )


def _first_failure(outcomes, names):
    failed = [task for task, one in outcomes.items() if one["error"]]
    name, fold = min(failed, key=lambda task: (names.index(task[0]), task[1]))
    reason = " ".join(outcomes[name, fold]["error"].split())
    return f"The first, of {name!r} on fold {fold}: {reason}"


def _warn(outcomes, names):
    n_failed = sum(one["error"] is not None for one in outcomes.values())
    if n_failed:
        warn(
            f"{n_failed} of {len(outcomes)} fits of compare failed; their scores are nan. "
            f"{_first_failure(outcomes, names)}",
            FitFailedWarning,
        )
    for key, when in (("warnings", ""), ("tuning_warnings", " while tuning")):
        heard = Counter(
            (name, category, text)
            for (name, _), one in outcomes.items()
            for category, text in dict.fromkeys(one[key])
        )
        for (name, category, text), n in heard.items():
            warn(f"{name!r},{when} in {n} folds: {text}", category)
