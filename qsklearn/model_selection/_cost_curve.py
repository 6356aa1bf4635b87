"""Scores against what they cost: one parameter of each contender varied, all on the same folds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring, get_scorer

from qsklearn._checks import check_instance
from qsklearn._optional import import_optional
from qsklearn.model_selection._compare import compare
from qsklearn.model_selection._fitted import plain

# Counts of a fit, by the name that they have in ``cost_``.
_COUNTS = ("calls", "reads", "sweeps", "queries", "oracle_queries")
# What ``estimate_cost(..., method="predict")`` says of a test fold.
_PREDICTED = ("calls", "reads", "queries", "qpu_access_time")
_OF_BOTH = ("calls", "reads", "queries", "qpu_seconds")
_COSTS = (
    *_COUNTS,
    "qpu_seconds",
    "fit_seconds",
    "score_seconds",
    *(f"predict_{name}" for name in _OF_BOTH),
    *(f"total_{name}" for name in _OF_BOTH),
)
_CHOICES = ("same folds", "other folds")
_ROUNDING = 1e-9  # of a mean of costs


class CurvePoint(NamedTuple):
    """One contender with one value of its parameter; both None where nothing is varied."""

    estimator: str
    parameter: str | None
    value: Any
    label: str  # its name in the comparison


def cost_curve(
    estimators,
    X,
    y,
    *,
    param_ranges,
    cv=5,
    scoring=None,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Scores of contenders at several prices, all on the same folds.

    Two samplers that reach the same accuracy are not equal if one draws ten times as often. Each
    contender may vary one parameter that sets what it spends, such as ``num_reads``,
    ``sampler__num_sweeps`` or ``max_iter``, and each value is one point of its curve.

    Parameters
    ----------
    estimators : dict of str to estimator
        The contenders by name; they stay as they are.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    param_ranges : dict of str to (dict of str to list)
        For a contender the name of one parameter, nested names allowed, and its values. A
        contender that is left out is a single point.
    cv : int, cross-validation generator or iterable of (train, test), default=5
        As for :func:`compare`, which runs all points in one call, so that all see the same folds
        and seeds.
    scoring : str, callable, list of str, dict of str to (str or callable), or None, default=None
        As for :func:`compare`. More is better, as everywhere in scikit-learn.
    n_jobs : int or None, default=None
        Processes over (point, fold). Seconds are comparable where the machine has a core for each.
    random_state : int, RandomState instance or None, default=None
        As for :func:`compare`.
    verbose : int, default=0
        If positive, show a progress bar on standard error.

    Returns
    -------
    curve : CostCurve
        Scores and mean costs of every point.

    Raises
    ------
    ValueError
        If `param_ranges` names something unknown, varies more than one parameter or has no
        values, or as :func:`compare` does.
    TypeError
        As :func:`compare` does.

    Warns
    -----
    FitFailedWarning
        If folds failed; their point has fewer scores.

    See Also
    --------
    qsklearn.inspection.CostCurveDisplay : Its figure.
    sklearn.model_selection.ValidationCurveDisplay : One estimator's score over a parameter.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from qsklearn import SpinGlassAnnealedNetwork
    >>> from qsklearn.model_selection import cost_curve
    >>> contenders = {"annealed": SpinGlassAnnealedNetwork(), "Bayes": GaussianNB()}
    >>> curve = cost_curve(
    ...     contenders,
    ...     *load_iris(return_X_y=True),
    ...     param_ranges={"annealed": {"max_iter": [1, 4]}},
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> [(row["estimator"], row["value"], row["reads"]) for row in curve.summary()]
    [('annealed', 1, 3.0), ('annealed', 4, 12.0), ('Bayes', None, nan)]
    """
    points, contenders = _lay_out(estimators, param_ranges)
    scorer = _ScoresAndPredictions(_check_scoring(scoring, estimators), scoring)
    result = compare(
        contenders,
        X,
        y,
        cv=cv,
        scoring=scorer,
        n_jobs=n_jobs,
        random_state=random_state,
        verbose=verbose,
    )
    scores, predicted = _take_apart(result)
    result = dataclasses.replace(result, scorers=tuple(scores), scores=scores)
    return CostCurve(tuple(estimators), tuple(points), result, predicted)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CostCurve:
    """Scores of contenders at several prices.

    Returned by :func:`cost_curve`.

    Parameters
    ----------
    names : tuple of str
        The contenders, in the order given.
    points : tuple of CurvePoint
        ``estimator``, ``parameter``, ``value`` and ``label`` of each point, contender by
        contender, in the order of the values given.
    result : ComparisonResult
        The comparison of all points, each a contender under its ``label``: scores, costs, seconds
        and errors per fold.
    predicted_costs : dict of str to (dict of str to float)
        By label what predicting a test fold asks of a sampler, mean over the folds:
        ``calls``, ``reads``, ``queries`` and ``qpu_access_time`` in microseconds, as the fitted
        estimator's ``estimate_cost(n_samples, n_features, method="predict")`` says; NaN without it.

    Notes
    -----
    ``cost_`` is of the fit. Estimators that draw when they predict, such as
    :class:`~qsklearn.QUBOTransferClassifier`, spend there what ``predict_reads`` and its like say:
    one prediction of the rows of a test fold; ``total_reads`` and its like count it in. Scores that
    need both classes and probabilities may ask for two.

    The first fit of a process loads compiled kernels, or compiles them: where seconds matter, fit
    once before.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from qsklearn.model_selection import cost_curve
    >>> contenders = {"guess": DummyClassifier(), "forest": RandomForestClassifier()}
    >>> curve = cost_curve(
    ...     contenders,
    ...     *load_iris(return_X_y=True),
    ...     param_ranges={"forest": {"n_estimators": [1, 5]}},
    ...     random_state=0,
    ... )
    >>> curve
    <CostCurve of 2 estimators at 3 points on 5 folds: guess, forest>
    >>> guess, forest = curve.at_equal_cost("fit_seconds", budgets=[60.0])
    >>> forest["value"] in (1, 5), forest["difference"] > 0.5
    (True, True)
    """

    names: tuple
    points: tuple
    result: Any
    predicted_costs: dict

    def __repr__(self):
        return (
            f"<CostCurve of {len(self.names)} estimators at {len(self.points)} points on "
            f"{self.result.n_folds} folds: {', '.join(self.names)}>"
        )

    @property
    def scorers(self):
        """Names of the scores."""
        return self.result.scorers

    def summary(self, scoring=None):
        """One row per point.

        Parameters
        ----------
        scoring : str or None, default=None
            Which score; the first when None.

        Returns
        -------
        rows : list of dict
            Keys ``estimator``, ``parameter``, ``value``, ``scoring``, ``n_folds`` (finished),
            ``mean``, ``standard_error`` and ``half_width`` (of the 95 % interval), both corrected
            as in :meth:`ComparisonResult.summary`. Then means over the folds, NaN where unknown. Of
            a fit: ``calls``, ``reads``, ``sweeps``, ``queries`` of devices, ``oracle_queries``,
            ``qpu_seconds`` and ``fit_seconds``. Of a test fold: ``score_seconds``, and
            ``predict_calls``, ``predict_reads``, ``predict_queries`` and ``predict_qpu_seconds`` of
            one prediction. Of both together: ``total_calls``, ``total_reads``, ``total_queries``
            and ``total_qpu_seconds``.

        Raises
        ------
        ValueError
            If `scoring` names something unknown.
        """
        summaries = {row["estimator"]: row for row in self.result.summary(scoring)}
        return [self._row(point, summaries[point.label]) for point in self.points]

    def _row(self, point, summary):
        taken = ("scoring", "n_folds", "mean", "standard_error", "half_width")
        fitting, predicting = summary["cost"], self.predicted_costs[point.label]
        fit, predict = (
            {name: cost.get(name, math.nan) for name in _COUNTS}
            | {"qpu_seconds": cost.get("qpu_access_time", math.nan) / 1e6}
            for cost in (fitting, predicting)
        )
        return {
            "estimator": point.estimator,
            "parameter": point.parameter,
            "value": point.value,
            **{key: summary[key] for key in taken},
            **fit,
            "fit_seconds": summary["fit_seconds"],
            "score_seconds": summary["score_seconds"],
            **{f"predict_{name}": predict[name] for name in _OF_BOTH},
            **{f"total_{name}": _add(fit[name], predict[name]) for name in _OF_BOTH},
        }

    def to_frame(self, scoring=None):
        """The rows of :meth:`summary` as a pandas frame.

        Parameters
        ----------
        scoring : str or None, default=None
            Which score; the first when None.

        Returns
        -------
        frame : pandas.DataFrame
            A row per point.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If `scoring` names something unknown.
        """
        pandas = import_optional("pandas", "CostCurve.to_frame")
        return pandas.DataFrame(self.summary(scoring))

    def at_equal_cost(
        self, cost="reads", baseline=None, *, budgets=None, scoring=None, choose_on="same folds"
    ):
        """The best that each contender reaches within a budget, and how it differs from one.

        Parameters
        ----------
        cost : str, default="reads"
            A cost of :meth:`summary`, such as ``"reads"`` or ``"fit_seconds"``.
        baseline : str or None, default=None
            The contender to compare with; the first when None.
        budgets : float, sequence of float, or None, default=None
            The most that a point may cost, mean over the folds. None: what each point costs, in
            ascending order, as nothing changes in between. Without such a cost (a classical twin
            draws no reads) a point is within every budget.
        scoring : str or None, default=None
            Which score, of which more is better; the first when None.
        choose_on : {"same folds", "other folds"}, default="same folds"
            Where the best point is looked for. With "same folds" it has the highest mean over all
            folds, the mean that is then reported: the highest of several noisy means is too high,
            by more the more points there are, so a contender with many points is flattered.
            With "other folds" each fold is scored with the point that was best on the others, which
            takes away most of this (not all: rows of a fold are trained on in the other folds).

        Returns
        -------
        rows : list of dict
            One per budget and contender. Keys ``budget``, ``estimator``; ``parameter`` and
            ``value`` of the best point over all folds, and its ``cost``; ``scoring``, ``mean`` and
            ``standard_error``; ``baseline`` and of the corrected paired t-test against it
            ``difference``, ``ci_low``, ``ci_high`` (95 %) and ``p_value``, NaN for the baseline;
            ``note``, which is empty or says what is missing. A point that failed on a fold is not
            chosen.

        Raises
        ------
        ValueError
            If a parameter names something unknown or is out of range, or if no contender has the
            cost.
        """
        baseline = self.names[0] if baseline is None else baseline
        _check_choice("cost", cost, _COSTS)
        _check_choice("baseline", baseline, self.names)
        _check_choice("choose_on", choose_on, _CHOICES)
        rows = self.summary(scoring)
        _check_cost(cost, rows)
        prices = np.array([row[cost] for row in rows])
        return [
            row
            for budget in _check_budgets(budgets, prices)
            for row in self._at_budget(budget, prices, baseline, rows[0]["scoring"], choose_on)
        ]

    def _at_budget(self, budget, prices, baseline, scoring, choose_on):
        best, per_fold = {}, {}
        for name in self.names:
            within = [
                number
                for number, (point, price) in enumerate(zip(self.points, prices, strict=True))
                if point.estimator == name and not price > budget * (1 + _ROUNDING)
            ]
            values = np.array([self._scores(number, scoring) for number in within])
            within, values = _without_failures(within, values)
            if within:
                best[name] = within[int(np.argmax(values.mean(axis=1)))]
                per_fold[name] = _choose(values, choose_on)
        means, tests = self._judge(per_fold, baseline, scoring)
        return [
            {
                "budget": budget,
                "estimator": name,
                **self._describe(best.get(name), prices),
                "scoring": scoring,
                "mean": means[name]["mean"],
                "standard_error": means[name]["standard_error"],
                "baseline": baseline,
                **_difference(name, baseline, tests, best),
            }
            for name in self.names
        ]

    def _scores(self, number, scoring):
        return self.result.scores[scoring][self.points[number].label]

    def _describe(self, number, prices):
        if number is None:
            return {"parameter": None, "value": None, "cost": math.nan}
        point = self.points[number]
        return {
            "parameter": point.parameter,
            "value": point.value,
            "cost": float(prices[number]),
        }

    def _judge(self, per_fold, baseline, scoring):
        """Means and paired tests of one series of scores for each contender."""
        unknown = np.full(self.result.n_folds, math.nan)
        chosen = dataclasses.replace(
            self.result,
            names=self.names,
            baseline=baseline,
            scorers=(scoring,),
            scores={scoring: {name: per_fold.get(name, unknown) for name in self.names}},
            # A contender is another point on every fold, so that only the scores have a meaning.
            fit_seconds=dict.fromkeys(self.names, unknown),
            score_seconds=dict.fromkeys(self.names, unknown),
            costs=dict.fromkeys(self.names, (None,) * len(unknown)),
            errors=dict.fromkeys(self.names, (None,) * len(unknown)),
        )
        means = {row["estimator"]: row for row in chosen.summary()}
        return means, {test["estimator"]: test for test in chosen.paired_tests()}


class _ScoresAndPredictions:
    """A scorer that adds what predicting costs to the scores asked for."""

    def __init__(self, names, scoring):
        self.names, self.scoring = names, scoring

    def __call__(self, estimator, X, y):
        scores = check_scoring(estimator, scoring=self.scoring)(estimator, X, y)
        scores = scores if isinstance(scores, Mapping) else {self.names[0]: scores}
        cost = _predicted_cost(estimator, X)
        return {**scores, **{_key(name): cost.get(name, math.nan) for name in _PREDICTED}}


def _predicted_cost(estimator, X):
    """What the estimator that a pipeline or a search ends in says of predicting these rows."""
    while (inner := _inside(estimator)) is not None:
        estimator = inner
    if not (hasattr(estimator, "estimate_cost") and hasattr(estimator, "n_features_in_")):
        return {}
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    try:
        return estimator.estimate_cost(n_samples, estimator.n_features_in_, method="predict")
    except Exception:
        # The fold has its scores; that an estimate is missing is no reason to lose them.
        return {}


def _inside(estimator):
    steps = getattr(estimator, "steps", None)
    inner = steps[-1][1] if steps else None
    for name in ("best_estimator_", "estimator_"):
        # One that wraps another and speaks for both is asked itself.
        if not hasattr(estimator, "estimate_cost"):
            inner = getattr(estimator, name, inner)
    return None if isinstance(inner, str) else inner


def _key(name):
    return f"_predict_{name}"


def _check_scoring(scoring, estimators):
    """Names of the scores as far as they are known; what cannot score is refused beforehand."""
    if scoring is None:
        for estimator in estimators.values():
            check_scoring(estimator)
    if scoring is None or callable(scoring):
        return ("score",)
    scorers = [scoring] if isinstance(scoring, str) else scoring
    check_instance(scorers, (list, tuple, set, Mapping), "scoring", "cost_curve")
    for scorer in scorers.values() if isinstance(scorers, Mapping) else scorers:
        get_scorer(scorer)
    if not scorers:
        raise ValueError(
            "The 'scoring' parameter of cost_curve must name one score or more. "
            f"Got {scoring!r} instead."
        )
    return tuple(scorers)


def _take_apart(result):
    """The scores that were asked for, and by label what predicting costs."""
    added = {_key(name): name for name in _PREDICTED}
    scores = {name: values for name, values in result.scores.items() if name not in added}
    predicted = {
        label: {name: _mean(result.scores[key][label]) for key, name in added.items()}
        for label in result.names
    }
    return scores, predicted


def _lay_out(estimators, param_ranges):
    """Points, and the contenders of the comparison by the points' labels."""
    _check_ranges(estimators, param_ranges)
    points, contenders = [], {}
    for name, estimator in estimators.items():
        [(parameter, values)] = param_ranges.get(name, {None: [None]}).items()
        for value in map(plain, values):
            label = _free_label(_label(name, parameter, value), contenders)
            points.append(CurvePoint(name, parameter, value, label))
            contenders[label] = _with_value(name, estimator, parameter, value)
    return points, contenders


def _label(name, parameter, value):
    return name if parameter is None else f"{name} [{parameter}={value!r}]"


def _free_label(label, taken):
    """Values may look the same, as two samplers do that differ in a hidden setting."""
    number, free = 1, label
    while free in taken:
        number += 1
        free = f"{label} #{number}"
    return free


def _with_value(name, estimator, parameter, value):
    if parameter is None:
        return estimator
    try:
        return clone(estimator).set_params(**{parameter: clone(value, safe=False)})
    except (ValueError, AttributeError) as error:
        hint = ""
        if "__" in parameter:
            hint = " A nested name needs an object, such as a sampler and not its name."
        raise ValueError(
            f"The 'param_ranges' parameter of cost_curve must name parameters of the estimators. "
            f"Got {parameter!r} for {name!r} instead: {error}.{hint}"
        ) from error


def _check_ranges(estimators, param_ranges):
    if not isinstance(estimators, Mapping) or not isinstance(param_ranges, Mapping):
        raise ValueError(
            "The 'estimators' and 'param_ranges' parameters of cost_curve must be dicts by the "
            f"names of contenders. Got {type(estimators).__name__} and "
            f"{type(param_ranges).__name__} instead."
        )
    for name, ranges in param_ranges.items():
        if name not in estimators:
            raise ValueError(
                f"The 'param_ranges' parameter of cost_curve must name contenders among "
                f"{list(estimators)}. Got {name!r} instead."
            )
        is_one = isinstance(ranges, Mapping) and len(ranges) == 1
        values = next(iter(ranges.values())) if is_one else ()
        if isinstance(values, str) or not hasattr(values, "__len__") or len(values) == 0:
            raise ValueError(
                "The 'param_ranges' parameter of cost_curve must hold for each contender one "
                f"parameter and a list, not empty, of its values. Got {ranges!r} for {name!r} "
                "instead."
            )


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"The {name!r} parameter of CostCurve.at_equal_cost must be one of {list(choices)}. "
            f"Got {value!r} instead."
        )


def _check_cost(cost, rows):
    """Raise ValueError unless a point has the cost; 0 is what a fit without it may report."""
    known = {}
    for row in rows:
        of_row = [name for name in _COSTS if row[name] > 0]
        known[row["estimator"]] = list(dict.fromkeys([*known.get(row["estimator"], ()), *of_row]))
    if not any(cost in names for names in known.values()):
        listed = "; ".join(f"{name}: {', '.join(names) or 'none'}" for name, names in known.items())
        raise ValueError(
            "The 'cost' parameter of CostCurve.at_equal_cost must be one that a contender has "
            f"({listed}). Got {cost!r} instead."
        )


def _check_budgets(budgets, prices):
    if budgets is None:
        return np.unique(prices[np.isfinite(prices)]).tolist() or [math.inf]
    try:
        found = np.atleast_1d(np.asarray(budgets, dtype=float))
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 1 or found.size == 0 or not (found >= 0).all():
        raise ValueError(
            "The 'budgets' parameter of CostCurve.at_equal_cost must be numbers >= 0, one or more. "
            f"Got {budgets!r} instead."
        )
    return found.tolist()


def _without_failures(within, values):
    finished = [not np.isnan(row).any() for row in values]
    kept = [number for number, is_finished in zip(within, finished, strict=True) if is_finished]
    return kept, values[np.array(finished, dtype=bool)]


def _choose(values, choose_on):
    """Scores per fold of the best of several points; values of shape (n_points, n_folds)."""
    if choose_on == "same folds" or values.shape[1] == 1:
        return values[np.argmax(values.mean(axis=1))]
    # Not the total less the fold: that of an infinite loss is not a number.
    others = [np.delete(values, fold, axis=1).mean(axis=1) for fold in range(values.shape[1])]
    return values[np.argmax(others, axis=1), np.arange(values.shape[1])]


def _difference(name, baseline, tests, best):
    keys = ("difference", "ci_low", "ci_high", "p_value")
    missing = [one for one in dict.fromkeys((name, baseline)) if one not in best]
    if missing:
        note = f"no point of {' and '.join(missing)} that finished is within the budget"
        return {**dict.fromkeys(keys, math.nan), "note": note}
    if name == baseline:
        return {**dict.fromkeys(keys, math.nan), "note": ""}
    return {key: tests[name][key] for key in (*keys, "note")}


def _add(fit, predict):
    """The sum of what is known; NaN where nothing is."""
    known = [cost for cost in (fit, predict) if not math.isnan(cost)]
    return sum(known) if known else math.nan


def _mean(values):
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
