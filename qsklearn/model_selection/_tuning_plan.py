"""Who is tuned over what, with one budget for all: decided before anything is fitted."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.model_selection import ParameterSampler

from qsklearn._checks import closest_names
from qsklearn.model_selection._controls import contenders_of
from qsklearn.model_selection._fitted import find_attribute, plain


@dataclass(frozen=True)
class TuningPlan:
    """Who is tuned, over what and how often: the part that is the same in every fold."""

    spaces: dict  # name -> list of dicts; only of those that are tuned
    n_candidates: dict  # name -> candidates that will be tried
    n_asked: int
    inner_cv: object
    scorer: object
    scoring: str
    notes: tuple


@dataclass(frozen=True)
class TuningScorer:
    """The score to tune by: the scorer's, the first of several, or the estimator's own."""

    scorer: object

    def __call__(self, estimator, X, y=None) -> float:
        if find_attribute(estimator, "stop_reason_") == "interrupted":
            # An estimator that keeps its best weights on Ctrl-C has hidden it from the search.
            raise KeyboardInterrupt
        score = estimator.score(X, y) if self.scorer is None else self.scorer(estimator, X, y)
        return float(next(iter(score.values())) if isinstance(score, Mapping) else score)


def make_plan(estimators, param_distributions, n_candidates, inner_cv, tuning_scoring, scoring):
    """Check what :func:`compare` was given for tuning, and decide who is tuned over what.

    Parameters
    ----------
    estimators : dict of str to estimator
    param_distributions : dict or None
    n_candidates : int
    inner_cv : int or splitter
    tuning_scoring : str, callable or None
    scoring : tuple of (names, scoring)
        As ``compare`` has resolved it.

    Returns
    -------
    plan : TuningPlan

    Raises
    ------
    ValueError
        If a parameter is out of range or names something unknown.
    """
    _check_number("n_candidates", n_candidates, 1)
    _check_inner_cv(inner_cv)
    scorer, scoring_name = _check_tuning_scoring(tuning_scoring, *scoring)
    given = _check_distributions(param_distributions, estimators)
    spaces, notes = {}, []
    for name, estimator in estimators.items():
        space = given.get(name)
        # Variants that share a control have one space, so that it is that of the first.
        origins = contenders_of(name, given) if space is None else []
        for origin in origins[:1]:
            space, note = inherit(name, estimator, origin, estimators[origin], given[origin])
            notes.extend(note)
        if space:
            spaces[name] = space
    tried = {name: _n_tried(space, n_candidates) for name, space in spaces.items()}
    notes += [
        f"{name}: {n} candidates only, the whole of its space."
        for name, n in tried.items()
        if n < n_candidates
    ]
    return TuningPlan(
        spaces, tried, n_candidates, inner_cv, TuningScorer(scorer), scoring_name, tuple(notes)
    )


def _check_number(name, value, lowest):
    valid = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not valid or value < lowest:
        raise ValueError(
            f"The {name!r} parameter of compare must be an int of {lowest} or more. "
            f"Got {value!r} instead."
        )


def _check_inner_cv(inner_cv):
    if hasattr(inner_cv, "split"):
        return
    if not isinstance(inner_cv, numbers.Integral):
        raise ValueError(
            "The 'inner_cv' parameter of compare must be an int or a splitter with 'split', as the "
            f"rows that it splits differ from fold to fold. Got {inner_cv!r} instead."
        )
    _check_number("inner_cv", inner_cv, 2)


def _check_tuning_scoring(tuning_scoring, names, scoring):
    """Scorer, None for the estimator's own, and what to call it."""
    if tuning_scoring is None:
        return scoring[names[0]] if isinstance(scoring, dict) else scoring, names[0]
    if callable(tuning_scoring):
        return tuning_scoring, getattr(tuning_scoring, "__name__", repr(tuning_scoring))
    try:
        return get_scorer(tuning_scoring), tuning_scoring
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The 'tuning_scoring' parameter of compare must be None, a callable or the name of one "
            f"of scikit-learn's scorers. Got {tuning_scoring!r} instead."
        ) from error


def _check_distributions(param_distributions, estimators):
    """Spaces as lists of dicts, by the names that have an entry."""
    if param_distributions is None:
        return {}
    if not isinstance(param_distributions, dict):
        raise ValueError(
            "The 'param_distributions' parameter of compare must be None or a dict of contenders' "
            f"names to spaces. Got {param_distributions!r} instead."
        )
    for name in param_distributions:
        if name not in estimators:
            raise ValueError(
                "The 'param_distributions' parameter of compare must have names among "
                f"{list(estimators)}. Got {name!r} instead."
            )
    return {
        name: _check_space(name, space, estimators[name])
        for name, space in param_distributions.items()
    }


def _check_space(name, space, estimator):
    parts = [space] if isinstance(space, Mapping) else space
    if not isinstance(parts, list | tuple) or not all(isinstance(p, Mapping) for p in parts):
        raise ValueError(
            "The 'param_distributions' parameter of compare must hold dicts of parameters to "
            f"values, or lists of such dicts. Got {space!r} for {name!r} instead."
        )
    known = _params_of(estimator)
    for part in parts:
        for key, values in part.items():
            if not _is_known(key, known, part):
                closest = ", ".join(map(repr, closest_names(key, known, n=3)))
                raise ValueError(
                    "The 'param_distributions' parameter of compare must hold parameters of their "
                    f"contenders, of {name!r} those of its get_params(). Got {key!r} instead."
                    + (f" Nearest to it: {closest}." if closest else "")
                )
            if not _is_distribution(values):
                raise ValueError(
                    "The 'param_distributions' parameter of compare must hold sequences of values, "
                    "not empty, or distributions with 'rvs'. "
                    f"Got {values!r} for {key!r} of {name!r} instead."
                )
    return [dict(part) for part in parts if part]


def _params_of(estimator):
    return estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}


def _is_known(key, known, part):
    # A part that the space itself puts in brings parameters that are not there yet.
    brought = any(other != key and str(key).startswith(f"{other}__") for other in part)
    return key in known or brought


def _is_distribution(values):
    if hasattr(values, "rvs"):
        return True
    listed = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str | bytes)
    # numpy's scalars count as arrays of no dimension, which have no length.
    return listed and getattr(values, "ndim", 1) == 1 and len(values) > 0


def _n_tried(space, n_candidates):
    return len(ParameterSampler(space, n_candidates))


def inherit(name, control, origin, contender, space):
    """The part of a contender's space that its control can be tuned over.

    Left out is what the control does not have, and, where it is the same kind of estimator, what it
    sets to another value than the contender: that is what makes it the control.

    Parameters
    ----------
    name, origin : str
        Of the control and the contender.
    control, contender : estimator
    space : list of dict
        The contender's.

    Returns
    -------
    space : list of dict
        Empty where nothing is left.
    notes : list of str
    """
    theirs, ours = _params_of(contender), _params_of(control)
    keys = list(dict.fromkeys(key for part in space for key in part))
    lacking = {k for k in keys if not _is_known(k, ours, {p for p in keys if p in ours})}
    fixed = {k for k in keys if k in ours and _is_fixed(k, control, ours, contender, theirs)}
    fixed |= {k for k in keys if any(k.startswith(f"{other}__") for other in fixed)}
    left = [{k: v for k, v in part.items() if k not in lacking | fixed} for part in space]
    left = [part for part in left if part]
    reasons = [
        f"{verb} {', '.join(k for k in keys if k in group)}"
        for verb, group in (("has no", lacking - fixed), ("sets its own", fixed))
        if group
    ]
    if not reasons:
        return left, []
    how = f"tuned over what is left of the space of {origin}" if left else "not tuned"
    return left, [f"{name}: {how}, as it {' and '.join(reasons)}."]


def _is_fixed(key, control, ours, contender, theirs):
    holder = key.rpartition("__")[0]
    mine, other = (ours[holder], theirs.get(holder)) if holder else (control, contender)
    same_kind = type(mine) is type(other) and key in theirs
    # Parts are cloned with their pipeline, so that they are told apart by what they print.
    return same_kind and repr(ours[key]) != repr(theirs[key])


def describe_plan(plan, n_inner_folds):
    """What the result keeps of the plan, as numbers and texts; None where nobody is tuned.

    Parameters
    ----------
    plan : TuningPlan
    n_inner_folds : list of int
        For each outer fold.

    Returns
    -------
    tuning : dict or None
        ``n_candidates`` that were asked for, ``n_inner_folds`` (of every fold), ``inner_cv`` and
        ``scoring`` as texts, ``spaces`` (name to text) and ``notes``.
    """
    if not plan.spaces and not plan.notes:
        return None
    return {
        "n_candidates": int(plan.n_asked),
        "n_inner_folds": tuple(n_inner_folds),
        "inner_cv": repr(plan.inner_cv),
        "scoring": plan.scoring,
        "spaces": {name: _describe_space(space) for name, space in plan.spaces.items()},
        "notes": plan.notes,
    }


def _describe_space(space):
    """A space in one line."""
    return " or ".join(
        "; ".join(f"{key}: {_describe(values)}" for key, values in part.items()) for part in space
    )


def _describe(values):
    # Distributions by name and arguments, as they print no more than their address.
    if not hasattr(values, "rvs"):
        return ", ".join(map(repr, map(plain, values)))
    name = getattr(getattr(values, "dist", values), "name", type(values).__name__)
    arguments = [f"{plain(v)!r}" for v in getattr(values, "args", ())]
    arguments += [f"{k}={plain(v)!r}" for k, v in getattr(values, "kwds", {}).items()]
    return f"{name}({', '.join(arguments)})"
