"""Inference from cross-validation scores, whose folds share training data.

The folds are not independent, so the plain variance of a mean is too small; Nadeau and Bengio,
"Inference for the generalization error", Machine Learning 52 (2003), replace 1/k by
1/k + n_test/n_train.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, stats

# Scores are of order one; a spread below this is rounding.
_ROUNDING = 1e-12
# The note of two contenders whose scores are equal wherever both finished.
SAME = "the same in every fold"
# scipy's noncentral law ends somewhere above; here its normal part is nothing beside t.
_LARGE_T = 1e5


def corrected_interval(values, test_over_train, confidence=0.95):
    """Mean of per-fold values with its corrected standard error and half width.

    Parameters
    ----------
    values : array-like of shape (n_folds,)
        One value per fold; NaN where a fold failed, which leaves the fold out. An infinite value,
        as a logarithm of 0 is, stays in.
    test_over_train : array-like of shape (n_folds,)
        Rows tested over rows trained on, per fold.
    confidence : float, default=0.95
        Level of the interval, in (0, 1).

    Returns
    -------
    mean, standard_error, half_width : float
        Student's interval with n - 1 degrees of freedom is mean ± half_width; NaN where too few
        folds are left (one for the mean, two for the errors). With an infinite value the mean is
        infinite, or NaN if it has both signs, and the errors are NaN.
    """
    values = np.asarray(values, dtype=float)
    used = ~np.isnan(values)
    return _interval(values[used], np.asarray(test_over_train, dtype=float)[used], confidence)


def _interval(values, test_over_train, confidence):
    n = len(values)
    if n == 0:
        return math.nan, math.nan, math.nan
    with np.errstate(invalid="ignore"):  # the sum of infinities of both signs
        mean = float(values.mean())
    if n == 1 or not np.isfinite(values).all():
        return mean, math.nan, math.nan
    scale = 1 / n + float(np.mean(test_over_train))
    error = math.sqrt(scale * values.var(ddof=1))
    return mean, error, error * float(stats.t.ppf((1 + confidence) / 2, n - 1))


def corrected_paired_test(values, baseline, test_over_train, confidence=0.95):
    """Corrected resampled paired t-test (Nadeau and Bengio 2003) of per-fold values.

    Parameters
    ----------
    values, baseline : array-like of shape (n_folds,)
        Scores of the contender and of the baseline on the same folds. A fold that either failed
        (NaN) is left out for both.
    test_over_train : array-like of shape (n_folds,)
        Rows tested over rows trained on, per fold.
    confidence : float, default=0.95
        Level of the intervals, in (0, 1).

    Returns
    -------
    test : dict
        Keys ``n_folds``, ``difference`` (mean of contender minus baseline), ``standard_error``,
        ``t``, ``p_value`` (two-sided), ``ci_low``, ``ci_high``, ``effect_size``, ``effect_low``,
        ``effect_high`` (see :func:`effect_interval`) and ``note``: empty, or why there is no
        p-value, as where a score is infinite.
    """
    values, baseline = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    finished = ~(np.isnan(values) | np.isnan(baseline))
    with np.errstate(invalid="ignore"):  # two that are infinite alike differ by no number
        used = values[finished] - baseline[finished]
    ratios = np.asarray(test_over_train, dtype=float)[finished]
    mean, error, half_width = _interval(used, ratios, confidence)
    t, p_value, note = _judge(used, mean, error)
    size = t  # 0 where all differences are, else not a number, unless there is a spread
    low = high = math.nan
    if not note:
        spread = float(used.std(ddof=1))
        size = mean / spread
        low, high = effect_interval(t, error / spread, len(used), confidence)
    return {
        "n_folds": len(used),
        "difference": mean,
        "standard_error": error,
        "t": t,
        "p_value": p_value,
        "ci_low": mean - half_width,
        "ci_high": mean + half_width,
        "effect_size": size,
        "effect_low": low,
        "effect_high": high,
        "note": note,
    }


def effect_interval(t, scale, n, confidence=0.95):
    """Interval of the standardised mean difference behind a corrected t statistic.

    With δ = mean / sd of the differences, t is δ / scale in the noncentral Student law of n - 1
    degrees of freedom, where scale² = 1/n + n_test/n_train. That holds exactly for normal
    differences whose correlation is the one that the correction assumes, the sd being that among
    the folds of one comparison. The bounds are the δ at which t lies at either end of its law
    (Steiger and Fouladi, "Noncentrality interval estimation", 1997).

    Parameters
    ----------
    t : float
        The statistic.
    scale : float
        Standard error over standard deviation of the differences.
    n : int
        Number of differences.
    confidence : float, default=0.95
        In (0, 1).

    Returns
    -------
    low, high : float
    """
    tails = (1 + confidence) / 2, (1 - confidence) / 2
    return tuple(scale * _noncentrality(t, n - 1, tail) for tail in tails)


def _noncentrality(t, df, tail):
    """The noncentrality at which the law's distribution function is `tail` at `t`."""
    if t < 0:  # the law mirrored: scipy is more exact on this side
        return -_noncentrality(-t, df, 1 - tail)
    # It is the quantile of t·sqrt(χ²/df) + z, which lies between sums of these two's quantiles.
    if t > _LARGE_T:
        return float(t * np.sqrt(stats.chi2.ppf(1 - tail, df) / df))
    ends = np.array([(1 - tail) / 2, 1 - tail / 2])
    low, high = t * np.sqrt(stats.chi2.ppf(ends, df) / df) + stats.norm.ppf(ends)
    return float(optimize.brentq(lambda nc: stats.nct.cdf(t, df, nc) - tail, low, high, xtol=1e-10))


def bayesian_correlated_test(values, baseline, test_over_train, rope, confidence=0.95):
    """Bayesian correlated t-test (Corani and Benavoli 2015) of per-fold values.

    Parameters
    ----------
    values, baseline, test_over_train : array-like of shape (n_folds,)
        As for :func:`corrected_paired_test`.
    rope : float
        Differences of this size or less are no difference that matters.
    confidence : float, default=0.95
        Probability of the interval, in (0, 1).

    Returns
    -------
    test : dict
        Keys ``n_folds``, ``difference``, ``p_worse``, ``p_equivalent``, ``p_better``, ``ci_low``,
        ``ci_high``, ``rope`` and ``note``. With all differences zero ``p_equivalent`` is 1.
    """
    test = corrected_paired_test(values, baseline, test_over_train, confidence)
    mean, error = test["difference"], test["standard_error"]
    if test["note"] == SAME:
        worse, better = 0.0, 0.0
    elif test["note"]:
        worse = better = math.nan
    else:
        law = stats.t(test["n_folds"] - 1, loc=mean, scale=error)
        worse, better = float(law.cdf(-rope)), float(law.sf(rope))
    return {
        "n_folds": test["n_folds"],
        "difference": mean,
        "p_worse": worse,
        "p_equivalent": max(0.0, 1 - worse - better) if math.isfinite(worse) else math.nan,
        "p_better": better,
        "ci_low": test["ci_low"],
        "ci_high": test["ci_high"],
        "rope": rope,
        "note": test["note"].replace("no test", "no posterior"),
    }


def _judge(difference, mean, error):
    if len(difference) < 2:
        return (
            math.nan,
            math.nan,
            f"no test: it needs 2 folds that both finished, found {len(difference)}",
        )
    if not np.isfinite(difference).all():
        return math.nan, math.nan, "no test: a score is infinite on a fold"
    if np.abs(difference).max() <= _ROUNDING:
        return 0.0, 1.0, SAME
    if np.ptp(difference) <= _ROUNDING * np.abs(difference).max():
        # The formula would give p = 0, from no more than a coincidence of few test rows.
        return math.nan, math.nan, "all differences are equal, so their spread is unknown"
    t = mean / error
    return t, float(2 * stats.t.sf(abs(t), len(difference) - 1)), ""


def mean_of_finished(values):
    """Mean of what is finite; NaN where nothing is."""
    finished = values[np.isfinite(values)]
    return float(finished.mean()) if finished.size else math.nan


def mean_cost(costs):
    """Mean over the folds of every number in the costs; a split of seconds, say, is passed over."""
    known = [cost for cost in costs if cost]
    keys = dict.fromkeys(key for cost in known for key in cost)
    numbers = {key: [c[key] for c in known if isinstance(c.get(key), (int, float))] for key in keys}
    return {key: float(np.mean(values)) for key, values in numbers.items() if values}
