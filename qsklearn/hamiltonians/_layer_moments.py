"""Sums over rows that make a layer's Hamiltonian: Gram matrices, fields and constants."""

from __future__ import annotations

import numpy as np

from qsklearn._memory import check_memory
from qsklearn.hamiltonians._quadratic_form import MatrixForm, RowsForm

# Rows multiplied at once, so that scaled copies stay small beside the data.
_CHUNK_BYTES = 2**25


class Moments:
    """Running sums Aᵀdiag(w γ²)A, -2 Aᵀ(w γ T) and ΣwT² over batches of rows.

    Parameters
    ----------
    keep_rows : bool
        Whether to keep the rows in place of the first sum.
    """

    def __init__(self, keep_rows: bool):
        self._keep_rows = keep_rows
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []
        self._quadratic = np.empty((0, 0, 0))
        self._linear = np.empty((0, 0))
        self._constant = np.empty(0)
        self.is_empty = True

    def add(self, rows, targets, gains, weights) -> None:
        """Add a batch: (R, N), (R, M), (R, M) or None, (R,) or None."""
        if self.is_empty:
            self._allocate(rows.shape[1], targets.shape[1], gains is not None)
        weighted = targets if weights is None else targets * weights[:, np.newaxis]
        self._constant += np.einsum("ri,ri->i", weighted, targets)
        self._linear -= 2 * (weighted if gains is None else weighted * gains).T @ rows
        if self._keep_rows:
            self._kept.append((rows, _row_weights(gains, weights, len(rows))))
        else:
            add_grams(self._quadratic, rows, gains, weights)

    def finish(self, normaliser: float) -> tuple[np.ndarray, np.ndarray, MatrixForm | RowsForm]:
        """Fields, constants and the form of J, divided by the normaliser; to be called once."""
        form: MatrixForm | RowsForm
        if self._keep_rows:
            form = RowsForm(*self._join_rows(normaliser))
        else:
            self._quadratic /= normaliser
            form = MatrixForm(self._quadratic)
        return self._linear / normaliser, self._constant / normaliser, form

    def _allocate(self, n_weights: int, n_outputs: int, has_gains: bool) -> None:
        self._linear = np.zeros((n_outputs, n_weights))
        self._constant = np.zeros(n_outputs)
        if not self._keep_rows:
            n_groups = n_outputs if has_gains else 1
            check_memory(
                8 * n_groups * n_weights**2,
                f"The matrices of {n_groups:,} groups of {n_weights:,} weights",
                "Keep the rows in their place (keep_rows=True), or take fewer weights.",
            )
            self._quadratic = np.zeros((n_groups, n_weights, n_weights))
        self.is_empty = False

    def _join_rows(self, normaliser: float) -> tuple[np.ndarray, np.ndarray]:
        rows, weights = zip(*self._kept, strict=True)
        joined = rows[0] if len(rows) == 1 else np.concatenate(rows)
        return joined, np.concatenate(weights, axis=1) / normaliser


def _row_weights(gains, weights, n_rows: int) -> np.ndarray:
    if gains is None:
        return np.ones((1, n_rows)) if weights is None else weights[np.newaxis].copy()
    squares = np.square(gains.T)
    return squares if weights is None else squares * weights


def add_grams(total: np.ndarray, rows, gains, weights) -> None:
    """Add Aᵀdiag(w γᵢ²)A to each group's matrix.

    Parameters
    ----------
    total : ndarray of shape (n_groups, n_weights, n_weights), changed in place
    rows : ndarray of shape (n_rows, n_weights)
    gains : ndarray of shape (n_rows, n_groups), or None for one group without gains
    weights : ndarray of shape (n_rows,), or None
    """
    length = max(_CHUNK_BYTES // (8 * rows.shape[1]), 1)
    for start in range(0, len(rows), length):
        part = slice(start, start + length)
        chunk = np.ascontiguousarray(rows[part])
        if weights is not None:
            chunk = chunk * np.sqrt(weights[part])[:, np.newaxis]
        if gains is None:
            total[0] += chunk.T @ chunk
        else:
            _add_gained(total, chunk, np.square(gains[part]))


def _add_gained(total, rows, squares) -> None:
    low, high = squares.min(), squares.max()
    is_high = squares == high
    if (is_high | (squares == low)).all():
        _add_two_valued(total, rows, is_high, low, high)
        return
    for group, column in enumerate(squares.T):
        scaled = rows * np.sqrt(column)[:, np.newaxis]
        total[group] += scaled.T @ scaled


def _add_two_valued(total, rows, is_high, low, high) -> None:
    """Squares of a piecewise-linear activation: low G + (high - low) A₊ᵀA₊, or from A₋ if fewer."""
    gram = rows.T @ rows
    for group, mask in enumerate(is_high.T):
        from_high = 2 * np.count_nonzero(mask) <= len(mask)
        fewer = rows[mask if from_high else ~mask]
        part = fewer.T @ fewer
        total[group] += low * gram + (high - low) * (part if from_high else gram - part)
