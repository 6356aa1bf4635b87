"""The search of one contender inside the training rows of one fold."""

from __future__ import annotations

import numbers
import time
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import RandomizedSearchCV, check_cv
from sklearn.utils import check_random_state

from qsklearn.model_selection._cost_scorers import COST_NAMES
from qsklearn.model_selection._fitted import find_cost, plain
from qsklearn.model_selection._seeding import seeded_clone

_SCORE = "tuning"


@dataclass(frozen=True)
class FoldTuning:
    """The search of one contender in one fold."""

    space: list
    n_candidates: int
    splits: list = field(repr=False)  # rows of the whole data, so that test rows cannot be met
    scorer: object
    seed: int


@dataclass(frozen=True)
class _Spent:
    """What a fit cost, and 0 where it does not say: the search warns of what is not a number."""

    name: str

    def __call__(self, estimator, X, y=None) -> float:
        spent = (find_cost(estimator) or {}).get(self.name)
        return float(np.nan_to_num(spent)) if isinstance(spent, int | float) else 0.0


def make_inner_splits(plan, X, y, groups, splits, estimators, rng):
    """For each fold its inner splits, as rows of the whole data, and the seed of its candidates.

    The same for all contenders. A space that two of them share gives them the same candidates.

    Parameters
    ----------
    plan : TuningPlan
    X, y, groups : array-like
        All rows.
    splits : list of (ndarray, ndarray)
        The outer splits.
    estimators : dict of str to estimator
    rng : RandomState or None
        None leaves the inner folds in the order of the rows.

    Returns
    -------
    inner : list of (list of (ndarray, ndarray), int)
        Empty pairs where nobody is tuned.
    """
    if not plan.spaces:
        return [([], None)] * len(splits)
    classifier = all(is_classifier(estimator) for estimator in estimators.values())
    source = check_random_state(None) if rng is None else rng
    inner = []
    for train, _ in splits:
        seed = int(source.randint(2**31 - 1))
        part = [_rows(a, train) for a in (X, y, groups)]
        splitter = check_cv(plan.inner_cv, part[1], classifier=classifier)
        if isinstance(plan.inner_cv, numbers.Integral) and rng is not None:
            splitter = type(splitter)(splitter.n_splits, shuffle=True, random_state=seed)
        inner.append(([(train[a], train[b]) for a, b in splitter.split(*part)], seed))
    return inner


def _rows(array, rows):
    """Some rows of what :func:`sklearn.utils.indexable` has made indexable."""
    if array is None:
        return None
    if hasattr(array, "iloc"):
        return array.iloc[rows]
    return array[rows] if hasattr(array, "shape") else [array[row] for row in rows]


def tune(estimator, X, y, tuning, seed, error_score):
    """Search the best parameters on the inner splits.

    Parameters
    ----------
    estimator : estimator
        With its seeds set; left as it is.
    X, y : array-like
        All rows; those of the inner splits are used.
    tuning : FoldTuning
    seed : int or None
        For parts that the space puts in.
    error_score : "raise" or float

    Returns
    -------
    outcome : dict
        ``best_params``, ``tuning_seconds`` and ``tuning_cost``, the sums of ``cost_`` over the fits
        that finished, or None.

    Raises
    ------
    ValueError
        If no candidate has a score.
    """
    started = time.perf_counter()
    search = RandomizedSearchCV(
        estimator,
        [{key: _seeded(values, seed) for key, values in part.items()} for part in tuning.space],
        n_iter=tuning.n_candidates,
        scoring={_SCORE: tuning.scorer, **{k: _Spent(k) for k in COST_NAMES}},
        refit=False,
        cv=tuning.splits,
        random_state=tuning.seed,
        n_jobs=1,
        error_score=error_score,
    ).fit(X, y)
    found = search.cv_results_
    if not np.isfinite(found[f"mean_test_{_SCORE}"]).any():
        raise ValueError(
            f"none of the {tuning.n_candidates} candidates of the tuning has a score; the space "
            "holds none that works"
        )
    # The first of equals, as scikit-learn's searches choose.
    best = found["params"][int(np.argmin(found[f"rank_test_{_SCORE}"]))]
    return {
        "best_params": {key: plain(value) for key, value in best.items()},
        "tuning_seconds": time.perf_counter() - started,
        "tuning_cost": _sum_costs(found, len(tuning.splits)),
    }


def _seeded(values, seed):
    """Estimators among the values get the seed, as the one that is tuned has got it."""
    if hasattr(values, "rvs"):
        return values
    return [
        seeded_clone(v, seed) if hasattr(v, "get_params") and not isinstance(v, type) else v
        for v in values
    ]


def _sum_costs(found, n_splits):
    sums = {}
    for name in COST_NAMES:
        values = np.concatenate([found[f"split{i}_test_{name}"] for i in range(n_splits)])
        if total := float(np.nansum(values)):
            sums[name] = total
    return sums or None


def with_params(estimator, params, seed):
    """A clone with the parameters found, seeded again, as they may have brought new parts."""
    return seeded_clone(clone(estimator).set_params(**clone(params, safe=False)), seed)
