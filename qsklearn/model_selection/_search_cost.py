"""What a search will ask of samplers and devices, before anything is sent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target

from qsklearn._warnings import warn

_NAMES = ("calls", "models", "reads", "queries", "qpu_access_time")


def estimate_search_cost(search, X, y=None, *, groups=None) -> dict[str, Any]:
    """What a whole search will cost: candidates times folds times what a fit asks.

    Nothing is fitted but transformers in front of the estimator, and nothing is sent. Estimators
    say what they will ask (``estimate_cost``), and devices by their own timing model how long it
    will take.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        Of an estimator of this package, or of a pipeline that ends in one. A randomised search
        without a ``random_state`` will try other candidates than those that are reckoned here.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
    groups : array-like of shape (n_samples,), optional
        For a ``cv`` that takes them.

    Returns
    -------
    cost : dict
        ``fits``, ``calls`` of samplers, ``models``, ``reads``, ``queries`` of devices and
        ``qpu_access_time`` in microseconds, for all of it, and ``candidates``: a list with
        ``params`` and the same counts for each, all folds together. A final refit counts as that
        of the dearest candidate. Not a number, with a warning, where an estimator does not know
        its units before it is fitted. Scores count as one prediction of each test fold, and of each
        training fold with ``return_train_score``.

    Raises
    ------
    ValueError
        If it is no such search.

    See Also
    --------
    cost_scorers : What it did cost, in ``cv_results_``.
    qsklearn.samplers.Budget : A limit that is kept.

    Notes
    -----
    A fit that converges before ``max_iter``, or is stopped early, costs less; faults and reads that
    have to be drawn again cost more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from qsklearn import QuantumSampledMLPClassifier
    >>> from qsklearn.model_selection import estimate_search_cost
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = QuantumSampledMLPClassifier(max_iter=10, sampler="gibbs", num_reads=20)
    >>> search = GridSearchCV(mlp, {"num_reads": [10, 20]}, cv=5)
    >>> cost = estimate_search_cost(search, X, y)
    >>> cost["fits"], cost["reads"]  # 5 folds of 120 rows, and a refit on 150
    (11, 210000)
    """
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(getattr(search, "cv", None), y, classifier=is_classifier(_estimator_of(search)))
    splits = [(len(train), len(test)) for train, test in cv.split(X, y, groups)]
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    candidates, refits = [], []
    for params in _candidates(search):
        estimator = clone(search.estimator).set_params(**clone(params, safe=False))
        step, n_features = _final_step(estimator, X, y)
        costs = _Costs(step, n_features, _n_outputs(step, y))
        parts = [costs.of_split(*split, bool(search.return_train_score)) for split in splits]
        candidates.append({"params": params, "fits": len(splits), **_sum(parts)})
        refits.append(costs.of("fit", n_samples))
    total = _sum(candidates)
    n_fits = sum(candidate["fits"] for candidate in candidates)
    if search.refit:
        dearest = max(refits, key=lambda cost: (cost["qpu_access_time"], cost["reads"]))
        total, n_fits = _sum([total, dearest]), n_fits + 1
    if math.isnan(total["qpu_access_time"]):
        unknown = next(c["params"] for c in candidates if math.isnan(c["qpu_access_time"]))
        warn(
            "estimate_search_cost does not know what a device takes for some candidates, such as "
            f"{unknown}, whose units are known only after a fit. Their queries are not a number; "
            "fit one by hand and ask its estimate_cost."
        )
    return {"fits": n_fits, **total, "candidates": candidates}


class _Costs:
    """An estimator's own estimates, each asked for once."""

    def __init__(self, estimator, n_features, n_outputs):
        self.estimator, self.n_features, self.n_outputs = estimator, n_features, n_outputs
        self._known: dict[tuple[str, int], dict[str, float]] = {}

    def of(self, method: str, n_samples: int) -> dict[str, float]:
        key = method, n_samples
        if key not in self._known:
            cost = {}
            if hasattr(self.estimator, "estimate_cost"):
                cost = self.estimator.estimate_cost(
                    n_samples, self.n_features, self.n_outputs, method=method
                )
            self._known[key] = {name: cost.get(name, 0) for name in _NAMES}
        return self._known[key]

    def of_split(self, n_train: int, n_test: int, scores_train: bool) -> dict[str, float]:
        parts = [self.of("fit", n_train), self.of("predict", n_test)]
        if scores_train:
            parts.append(self.of("predict", n_train))
        return _sum(parts)


def _sum(costs) -> dict[str, float]:
    return {name: sum(cost[name] for cost in costs) for name in _NAMES}


def _estimator_of(search):
    if not hasattr(search, "estimator") or not (
        hasattr(search, "param_grid") or hasattr(search, "param_distributions")
    ):
        raise ValueError(
            "The 'search' parameter of estimate_search_cost must be a GridSearchCV or a "
            f"RandomizedSearchCV, with estimator and grid. Got {type(search).__name__} instead."
        )
    return search.estimator


def _candidates(search) -> list[dict[str, Any]]:
    if hasattr(search, "min_resources"):
        raise ValueError(
            "The 'search' parameter of estimate_search_cost must be a GridSearchCV or a "
            f"RandomizedSearchCV, whose fits are known beforehand. Got {type(search).__name__} "
            "instead, which decides as it goes."
        )
    if hasattr(search, "param_grid"):
        return list(ParameterGrid(search.param_grid))
    drawn = search.param_distributions, search.n_iter
    return list(ParameterSampler(*drawn, random_state=search.random_state))


def _final_step(estimator, X, y):
    """The estimator at the end of a pipeline, and how many features reach it."""
    if not isinstance(estimator, Pipeline):
        return estimator, X.shape[1] if hasattr(X, "shape") else len(X[0])
    before = [step for _, step in estimator.steps[:-1] if step not in (None, "passthrough")]
    if any(hasattr(step, "estimate_cost") for step in before):
        raise ValueError(
            "A pipeline in a search of estimate_search_cost must ask samplers in its last step "
            "only: what an earlier one costs is not known before it is fitted. Call its "
            "estimate_cost(n_samples, n_features) by hand."
        )
    final = estimator.steps[-1][1]
    if not hasattr(final, "estimate_cost"):
        return final, 0
    transformed = estimator[:-1].fit_transform(X, y) if before else X
    return final, np.shape(transformed)[1]


def _n_outputs(estimator, y) -> int | None:
    if y is None:
        return None
    if not is_classifier(estimator):
        return np.shape(y)[1] if np.ndim(y) > 1 else 1
    if type_of_target(y).startswith("multilabel"):
        return np.shape(y)[1]
    return len(np.unique(y))
