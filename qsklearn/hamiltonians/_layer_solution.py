"""Exact optima and condition numbers of a layer's quadratic forms."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def rounding_level(n: int) -> float:
    """Eigenvalues of sums of products below this, relative to the largest, may be rounding.

    Not n eps alone: estimates of the condition of small singular matrices lie above it.
    """
    return max(n, 500) * float(np.finfo(float).eps)


def solve_dense(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Minimum-norm solution of K X = R for a symmetric positive semidefinite K.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    right : ndarray of shape (n, k)

    Returns
    -------
    solution : ndarray of shape (n, k)
    """
    try:
        factor, lower = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return _solve_singular(matrix, right)
    norm = np.abs(matrix).sum(axis=0).max(initial=0.0)
    reciprocal, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    if reciprocal < rounding_level(len(matrix)):  # the factor is of rounding errors
        return _solve_singular(matrix, right)
    return scipy.linalg.cho_solve((factor, lower), right, check_finite=False)


def _solve_singular(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    values, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    live = values > values.max(initial=0.0) * rounding_level(len(values))
    basis = vectors[:, live]
    return basis @ ((basis.T @ right) / values[live, np.newaxis])


def solve_rows(rows: np.ndarray, penalty: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solution of (BᵀB + diag p) X = R for fewer rows than weights, without the large matrix.

    Where all penalties are zero it is the one of minimum norm, for R in the range of Bᵀ.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n)
        B, whose number of rows is below n.
    penalty : ndarray of shape (n,)
    right : ndarray of shape (n, k)

    Returns
    -------
    solution : ndarray of shape (n, k)
    """
    free = penalty == 0
    if free.all():
        gram = rows @ rows.T
        return rows.T @ _solve_singular(gram, _solve_singular(gram, rows @ right))
    held = ~free
    solve_held = _woodbury(rows[:, held], penalty[held])
    if not free.any():
        return solve_held(right)
    coupling = rows[:, held].T @ rows[:, free]
    return _eliminate(rows[:, free], coupling, solve_held, held, right)


def _woodbury(rows: np.ndarray, penalty: np.ndarray):
    """Solver of (BᵀB + P) x = v through the small matrix 1 + B P⁻¹ Bᵀ."""
    shrunk = rows / penalty
    factor = scipy.linalg.cho_factor(np.eye(len(rows)) + shrunk @ rows.T, check_finite=False)

    def solve(right):
        direct = right / penalty[:, np.newaxis]
        inner = scipy.linalg.cho_solve(factor, rows @ direct, check_finite=False)
        return direct - shrunk.T @ inner

    return solve


def _eliminate(free_rows, coupling, solve_held, held, right) -> np.ndarray:
    """Block elimination: weights without a penalty (intercepts) after those with one."""
    reached = solve_held(coupling)
    reduced = solve_held(right[held])
    schur = free_rows.T @ free_rows - coupling.T @ reached
    solution = np.empty_like(right)
    solution[~held] = solve_dense((schur + schur.T) / 2, right[~held] - coupling.T @ reduced)
    solution[held] = reduced - reached @ solution[~held]
    return solution
