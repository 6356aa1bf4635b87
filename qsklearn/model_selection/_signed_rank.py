"""Contenders over several data sets: Wilcoxon's signed-rank test of their mean differences."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from qsklearn.model_selection._controls import pairs_of_controls
from qsklearn.model_selection._statistics import corrected_paired_test
from qsklearn.model_selection._validation import check_choice, check_confidence

_CALLER = "signed_rank_tests"
# Scores are of order one; differences that agree to this many decimals are ties.
_DECIMALS = 12
# With more data sets than this the smallest possible p-value is no limit worth telling.
_FEW = 10


def signed_rank_tests(results, baseline=None, *, scoring=None, confidence=0.95, controls=False):
    """Wilcoxon signed-rank test of every contender against one, over data sets.

    Folds of one data set tell about that data set. Whether a contender is better on data sets at
    large is asked of its mean differences, one a data set, which are independent (Demšar,
    "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006). Their sizes
    count by rank only, as scores of different data sets are not commensurable. Zeros are split
    between the two sides, as Demšar advises.

    Parameters
    ----------
    results : dict of str to ComparisonResult
        By the name of the data set; all of the same contenders.
    baseline : str or None, default=None
        Name of a contender; the baseline of the results when None.
    scoring : str or None, default=None
        Which score; the first of the first result when None.
    confidence : float, default=0.95
        Level of the interval, in (0, 1).
    controls : bool, default=False
        Whether each contender is tested against each of its own controls (see
        :func:`with_controls`) instead of all against one.

    Returns
    -------
    rows : list of dict
        Keys ``estimator``, ``baseline``, ``scoring``, ``n_data_sets`` (with folds that both
        finished), ``median_difference`` (Hodges and Lehmann's pseudo-median, the median of the
        means of all pairs of differences, estimator minus baseline), ``ci_low``, ``ci_high``,
        ``level`` (that the interval reaches, by the exact law), ``effect_size`` (matched-pairs
        rank-biserial correlation: share of the ranks for less share against, in [-1, 1]),
        ``p_value`` (two-sided, exact for few data sets; not corrected for the number of
        contenders) and ``note``, which tells the smallest p-value that so few data sets can give,
        and where there are too few for an interval.

    Raises
    ------
    ValueError
        If the results differ in their contenders, or a parameter names something unknown or is out
        of range.

    See Also
    --------
    ComparisonResult.paired_tests : On one data set.
    write_report : Shows these rows.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer, load_iris, load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from qsklearn.model_selection import compare, signed_rank_tests
    >>> contenders = {"Bayes": GaussianNB(), "tree": DecisionTreeClassifier(max_depth=1)}
    >>> data = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
    >>> results = {
    ...     name: compare(contenders, *load(return_X_y=True), random_state=0)
    ...     for name, load in data.items()
    ... }
    >>> [row] = signed_rank_tests(results)
    >>> row["p_value"], row["effect_size"]
    (0.25, -1.0)
    """
    check_results(results, _CALLER)
    check_confidence(_CALLER, confidence)
    first = next(iter(results.values()))
    for name, result in results.items():
        if set(result.names) != set(first.names):
            raise ValueError(
                f"The 'results' parameter of {_CALLER} must hold comparisons of the same "
                f"contenders, {list(first.names)}. Got {list(result.names)} for {name!r} instead."
            )
    pairs = pairs_of_controls(first.names)
    if not controls:
        baseline = _find_baseline(results, baseline)
        check_choice(_CALLER, "baseline", baseline, first.names)
        pairs = [(name, baseline) for name in first.names if name != baseline]
    scoring = first.scorers[0] if scoring is None else scoring
    for result in results.values():
        check_choice(_CALLER, "scoring", scoring, result.scorers)
    return [
        {"estimator": name, "baseline": other, "scoring": scoring}
        | signed_rank_test(_mean_differences(results, name, other, scoring), confidence)
        for name, other in pairs
    ]


def check_results(results, caller):
    """Raise ValueError unless `results` is a dict, not empty, of names to results."""
    valid = isinstance(results, dict) and results and all(isinstance(name, str) for name in results)
    if not valid or not all(hasattr(result, "paired_tests") for result in results.values()):
        raise ValueError(
            f"The 'results' parameter of {caller} must be a dict, not empty, of data sets' names "
            f"to results of compare. Got {results!r} instead."
        )


def _find_baseline(results, baseline):
    own = list(dict.fromkeys(result.baseline for result in results.values()))
    if baseline is None and len(own) > 1:
        raise ValueError(
            f"The 'baseline' parameter of {_CALLER} must be given where the results differ in "
            f"theirs. Got None for {own} instead."
        )
    return own[0] if baseline is None else baseline


def _mean_differences(results, name, baseline, scoring):
    """Mean over the folds that both finished, for each data set; not finite where a score is
    infinite or there are none."""
    means = []
    for result in results.values():
        scores = result.scores[scoring]
        test = corrected_paired_test(scores[name], scores[baseline], np.zeros(result.n_folds))
        means.append(test["difference"])
    return np.array(means)


def signed_rank_test(differences, confidence=0.95):
    """The test of some differences; see :func:`signed_rank_tests`.

    Parameters
    ----------
    differences : ndarray of shape (n_data_sets,)
        What is not finite is left out.
    confidence : float, default=0.95

    Returns
    -------
    test : dict
    """
    used = np.round(differences[np.isfinite(differences)], _DECIMALS)
    n = len(used)
    pairs = np.sort(np.add.outer(used, used)[np.triu_indices(n)] / 2)
    low, high, level = _interval(pairs, n, confidence)
    return {
        "n_data_sets": n,
        "median_difference": float(np.median(pairs)) if n else math.nan,
        "ci_low": low,
        "ci_high": high,
        "level": level,
        "effect_size": _rank_biserial(used),
        "p_value": _p_value(used),
        "note": "; ".join(_notes(used, len(differences) - n, level, confidence)),
    }


def signed_rank_law(n):
    """Law of the sum of the positive ranks where signs are a fair coin's.

    Parameters
    ----------
    n : int
        Differences, none of them zero or tied.

    Returns
    -------
    law : ndarray of shape (n * (n + 1) / 2 + 1,)
        Probability of each sum.
    """
    law = np.ones(1)
    for rank in range(1, n + 1):
        law = (np.pad(law, (0, rank)) + np.pad(law, (rank, 0))) / 2
    return law


def _interval(pairs, n, confidence):
    """The means of pairs that leave out no more of the law than `confidence` allows.

    The k-th smallest and the k-th largest bound the median with probability 1 - 2 P(sum < k).
    """
    below = np.cumsum(signed_rank_law(n))
    k = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
    if n == 0 or k == 0:
        return math.nan, math.nan, math.nan
    return float(pairs[k - 1]), float(pairs[-k]), float(1 - 2 * below[k - 1])


def _rank_biserial(used):
    if not np.any(used):
        return 0.0 if len(used) else math.nan
    ranks = stats.rankdata(np.abs(used))
    return float(np.sum(np.sign(used) * ranks) / ranks.sum())


def _p_value(used):
    if not np.any(used):
        return 1.0 if len(used) else math.nan
    return float(stats.wilcoxon(used, zero_method="zsplit").pvalue)


def _notes(used, n_lost, level, confidence):
    n = np.count_nonzero(used)
    if n_lost:
        reason = "no fold of both finished or a score is infinite"
        yield f"{n_lost} data sets are left out, where {reason}"
    if len(used) and not n:
        yield "all differences are zero"
    elif 0 < n <= _FEW:
        smallest = 2.0 ** (1 - n)
        reach = "" if smallest <= 1 - confidence else f", so none is below {1 - confidence:.2g}"
        yield f"the smallest p-value that {n} differences can give is {smallest:.2g}{reach}"
    if math.isnan(level):
        wanted = math.ceil(1 - math.log2(1 - confidence))
        yield f"no interval of {confidence:.0%}: it takes {wanted} data sets"
