"""Choosing bits by minimum redundancy and maximum relevance."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.special import entr

from qsklearn.preprocessing._thresholds import batches, bit_blocks, dense

POOL_SIZE = 1024  # how many of the most relevant bits are weighed against each other
# Scores nearer than this are equal: the order of rows and classes changes their last digits only.
_ROUNDING = 1e-10


def select_bits(X, y, weight, features, thresholds, n_bits):
    """Choose the bits that say most about the labels and least about each other.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Finite numbers; sparse ones as CSC.
    y : ndarray of shape (n_samples,)
        Class labels.
    weight : ndarray of shape (n_samples,)
        Positive weights of the rows.
    features, thresholds : ndarray of shape (n_candidates,)
        Bit ``b`` is ``X[:, features[b]] > thresholds[b]``.
    n_bits : int
        How many to choose.

    Returns
    -------
    chosen : ndarray of shape (min(n_bits, n_candidates),)
        Indices of the chosen bits in increasing order. Bits that repeat another one, or its
        complement, are among them only if there are no others left.
    """
    relevance, distinct = _survey(X, y, weight, features, thresholds)
    pool = distinct[_highest(relevance[distinct], max(POOL_SIZE, n_bits))]
    if n_bits < len(pool):
        together = _weight_of_pairs(X, weight, features[pool], thresholds[pool])
        return np.sort(pool[_trade_off(relevance[pool], together, weight.sum(), n_bits)])
    repeats = np.setdiff1d(np.arange(len(features)), distinct)
    filling = repeats[_highest(relevance[repeats], n_bits - len(pool))]
    return np.sort(np.concatenate([pool, filling]))


def _survey(X, y, weight, features, thresholds):
    """Every bit's information on the labels, and the indices of the bits that repeat no other."""
    classes, codes = np.unique(y, return_inverse=True)
    n_samples = len(weight)
    by_class = csr_array((weight, (codes, np.arange(n_samples))), (len(classes), n_samples))
    relevance = np.empty(len(features))
    total = np.bincount(codes, weights=weight)
    first_seen = {}
    for block, bits in bit_blocks(X, features, thresholds):
        up = (by_class @ bits.astype(np.float64)).T
        relevance[block] = mutual_information(up, total)
        for index, pattern in enumerate(_patterns(bits), start=block.start):
            first_seen.setdefault(pattern, index)
    return relevance, np.fromiter(first_seen.values(), dtype=np.intp)


def _patterns(bits):
    """A digest of every column that is the same for equal and for complementary columns."""
    packed = np.packbits(bits ^ bits[0], axis=0)
    return (blake2b(column, digest_size=16).digest() for column in np.ascontiguousarray(packed.T))


def mutual_information(up, total):
    """Mutual information of bits and classes.

    Parameters
    ----------
    up : ndarray of shape (n_bits, n_classes)
        Weight of the samples of the class whose bit is 1.
    total : ndarray of shape (n_classes,)
        Weight of the samples of the class.

    Returns
    -------
    information : ndarray of shape (n_bits,)
        In nats.
    """
    tables = np.stack([up, total - up], axis=1) / total.sum()
    tables = np.maximum(tables, 0)  # differences of sums may miss zero
    of_bits = entr(tables.sum(axis=2)).sum(axis=1)
    of_classes = entr(tables.sum(axis=1)).sum(axis=1)
    return of_bits + of_classes - entr(tables).sum(axis=(1, 2))


def _weight_of_pairs(X, weight, features, thresholds):
    """Weight of the samples in which both bits are 1, of shape (n_bits, n_bits)."""
    X = X.tocsr() if issparse(X) else X
    together = np.zeros((len(features), len(features)))
    for rows in batches(len(weight), len(features)):
        bits = (dense(X[rows][:, features]) > thresholds).astype(np.float64)
        together += (bits.T * weight[rows]) @ bits
    return together


def _trade_off(relevance, together, total, n_bits):
    """Indices of bits, each the most informative less its mean information on those before it."""
    up = np.diag(together)
    redundancy = np.zeros(len(up))
    chosen = []
    for n_chosen in range(n_bits):
        score = relevance - redundancy / max(n_chosen, 1)
        score[chosen] = -np.inf
        best = _highest(score, 1)[0]
        chosen.append(best)
        both = together[:, best]
        redundancy += mutual_information(
            np.column_stack([both, up - both]), np.array([up[best], total - up[best]])
        )
    return chosen


def _highest(scores, n_highest):
    """Indices of the highest scores; of equal ones the first."""
    if n_highest >= len(scores):
        return np.arange(len(scores))
    if n_highest == 0:
        return np.arange(0)
    last = np.partition(scores, -n_highest)[-n_highest]
    higher = np.flatnonzero(scores > last + _ROUNDING)
    equal = np.flatnonzero(np.abs(scores - last) <= _ROUNDING)
    return np.concatenate([higher, equal[: n_highest - len(higher)]])
