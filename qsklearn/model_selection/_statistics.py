"""Inference from cross-validation scores, whose folds share training data.

The folds are not independent, so the plain variance of a mean is too small; Nadeau and Bengio,
"Inference for the generalization error", Machine Learning 52 (2003), replace 1/k by
1/k + n_test/n_train.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

# Scores are of order one; a spread below this is rounding.
_ROUNDING = 1e-12


def corrected_interval(values, test_over_train, confidence=0.95):
    """Mean of per-fold values with its corrected standard error and half width.

    Parameters
    ----------
    values : array-like of shape (n_folds,)
        One value per fold; NaN where a fold failed, which leaves the fold out.
    test_over_train : array-like of shape (n_folds,)
        Rows tested over rows trained on, per fold.
    confidence : float, default=0.95
        Level of the interval, in (0, 1).

    Returns
    -------
    mean, standard_error, half_width : float
        Student's interval with n - 1 degrees of freedom is mean ± half_width; NaN where too few
        folds are left (one for the mean, two for the errors).
    """
    values = np.asarray(values, dtype=float)
    used = np.isfinite(values)
    n = int(used.sum())
    if n == 0:
        return math.nan, math.nan, math.nan
    mean = float(values[used].mean())
    if n == 1:
        return mean, math.nan, math.nan
    scale = 1 / n + float(np.mean(np.asarray(test_over_train, dtype=float)[used]))
    error = math.sqrt(scale * values[used].var(ddof=1))
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
        Level of the interval, in (0, 1).

    Returns
    -------
    test : dict
        Keys ``n_folds``, ``difference`` (mean of contender minus baseline), ``standard_error``,
        ``t``, ``p_value`` (two-sided), ``ci_low``, ``ci_high`` and ``note``: empty, or why there
        is no p-value.
    """
    difference = np.asarray(values, dtype=float) - np.asarray(baseline, dtype=float)
    mean, error, half_width = corrected_interval(difference, test_over_train, confidence)
    used = difference[np.isfinite(difference)]
    t, p_value, note = _judge(used, mean, error)
    return {
        "n_folds": len(used),
        "difference": mean,
        "standard_error": error,
        "t": t,
        "p_value": p_value,
        "ci_low": mean - half_width,
        "ci_high": mean + half_width,
        "note": note,
    }


def _judge(difference, mean, error):
    if len(difference) < 2:
        return (
            math.nan,
            math.nan,
            f"no test: it needs 2 folds that both finished, found {len(difference)}",
        )
    if np.abs(difference).max() <= _ROUNDING:
        return 0.0, 1.0, "all differences are zero"
    if np.ptp(difference) <= _ROUNDING * np.abs(difference).max():
        # The formula would give p = 0, from no more than a coincidence of few test rows.
        return math.nan, math.nan, "all differences are equal, so their spread is unknown"
    t = mean / error
    return t, float(2 * stats.t.sf(abs(t), len(difference) - 1)), ""
