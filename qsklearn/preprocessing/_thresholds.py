"""Thresholds of columns of numbers, and the bits that they make.

Data are dense or sparse; never more than a block of them is unpacked at a time.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

_BLOCK_SIZE = 2**20  # numbers that are unpacked at a time; one column or row is the least
_ROUNDING = 1e-10  # of the total weight: what sums of it may miss


def batches(n_items, item_size):
    """Slices of `n_items` things of `item_size` numbers each, a block at a time."""
    return gen_batches(n_items, max(1, _BLOCK_SIZE // max(1, item_size)))


def dense(X):
    """The block as an ndarray."""
    return X.toarray() if issparse(X) else X


def find_thresholds(X, weight, n_levels):
    """Thresholds between the values of every column.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Finite numbers; sparse ones as CSC.
    weight : ndarray of shape (n_samples,)
        Positive weights of the rows.
    n_levels : int
        How many quantiles. A column of up to `n_levels` + 1 distinct values has a threshold between
        any two neighbours instead. No threshold is at the largest value or above; a column whose
        quantiles all are that value has one right below it.

    Returns
    -------
    features : ndarray of shape (n_thresholds,)
        The column of every threshold, in increasing order.
    thresholds : ndarray of shape (n_thresholds,), float64
        Increasing within a column.
    n_values : ndarray of shape (n_features,)
        How many distinct values every column has.
    """
    features, thresholds, n_values = [], [], []
    n_levels = min(n_levels, X.shape[0])  # more make no difference, but floats may not hold them
    for block in batches(X.shape[1], len(weight)):
        columns = np.ascontiguousarray(dense(X[:, block]).T, dtype=np.float64)
        column, values, share = _distinct_values(columns, weight)
        n_values.append(np.bincount(column, minlength=len(columns)))
        below = _cuts(column, share, n_values[-1], n_levels)
        features.append(block.start + column[below])
        thresholds.append(_midway(values[below], values[below + 1]))
    return np.concatenate(features), np.concatenate(thresholds), np.concatenate(n_values)


def _distinct_values(columns, weight):
    """Distinct values, column by column in increasing order.

    Returns the column, the value and the share of the weight that is at it or below, all of shape
    (n_distinct,).
    """
    order = np.argsort(columns, axis=1)
    values = np.take_along_axis(columns, order, axis=1)
    is_last = np.ones(values.shape, dtype=bool)
    is_last[:, :-1] = values[:, :-1] < values[:, 1:]
    # Weights are summed as they are: whole numbers then give the sums of repeated rows exactly.
    share = np.cumsum(weight[order], axis=1)[is_last] / weight.sum()
    return np.nonzero(is_last)[0], values[is_last], share


def _cuts(column, share, n_values, n_levels):
    """Indices of the distinct values with a threshold right above them."""
    # How many of the quantiles i / (n_levels + 1) lie at the value or below; a value is a quantile
    # if they are more than at the value before it.
    passed = np.floor((share + _ROUNDING) * (n_levels + 1))
    is_smallest = np.diff(column, prepend=-1) > 0
    is_quantile = passed > np.where(is_smallest, 0, np.roll(passed, 1))
    is_largest = np.roll(is_smallest, -1)
    # Where all quantiles are the largest value, it is told from the others.
    is_last_resort = (passed == 0) & np.roll(is_largest, -1)
    is_one_of_few = n_values[column] <= n_levels + 1
    return np.flatnonzero((is_quantile | is_last_resort | is_one_of_few) & ~is_largest)


def _midway(lower, upper):
    """A threshold that `upper` exceeds and `lower` does not."""
    with np.errstate(over="ignore"):
        middle = (lower + upper) / 2
    # Of two adjacent floats the middle may be the upper one, and the sum of huge ones is infinite.
    return np.where((lower <= middle) & (middle < upper), middle, lower)


def bit_blocks(X, features, thresholds):
    """Yield slices of the bits and their values, bool of shape (n_samples, n_bits of the slice)."""
    for block in batches(len(features), X.shape[0]):
        yield block, dense(X[:, features[block]]) > thresholds[block]
