"""The two forms of a layer's matrices J: the matrices, or the rows whose products they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsklearn.hamiltonians._layer_solution import solve_dense, solve_rows


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """J as matrices, one a group.

    Parameters
    ----------
    quadratic : ndarray of shape (n_groups, n_weights, n_weights)
    """

    quadratic: np.ndarray

    @property
    def n_groups(self) -> int:
        return len(self.quadratic)

    def diagonal(self) -> np.ndarray:
        return np.einsum("gjj->gj", self.quadratic)

    def matrix(self, group: int) -> np.ndarray:
        """A copy of one group's J."""
        return self.quadratic[group].copy()

    def squares(self, weights: np.ndarray, group: int) -> np.ndarray:
        """SᵀJS of weights of shape (n_reads, n_weights)."""
        return np.einsum("rj,rj->r", weights @ self.quadratic[group], weights)

    def solve(self, group: int, penalty: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Solution of (J + diag p) X = R, of minimum norm."""
        matrix = self.matrix(group)
        matrix[np.diag_indices(len(penalty))] += penalty
        return solve_dense(matrix, right)


@dataclass(frozen=True, eq=False)
class RowsForm:
    """J = Aᵀ diag(r) A by its rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_weights)
    row_weights : ndarray of shape (n_groups, n_rows)
    """

    rows: np.ndarray
    row_weights: np.ndarray

    @property
    def n_groups(self) -> int:
        return len(self.row_weights)

    def diagonal(self) -> np.ndarray:
        return self.row_weights @ np.square(self.rows)

    def matrix(self, group: int) -> np.ndarray:
        """One group's J."""
        scaled = self._scaled(group)
        return scaled.T @ scaled

    def squares(self, weights: np.ndarray, group: int) -> np.ndarray:
        """SᵀJS of weights of shape (n_reads, n_weights)."""
        return np.square(weights @ self.rows.T) @ self.row_weights[group]

    def solve(self, group: int, penalty: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Solution of (J + diag p) X = R, of minimum norm."""
        if len(self.rows) < len(penalty):
            return solve_rows(self._scaled(group), penalty, right)
        return MatrixForm(self.matrix(group)[np.newaxis]).solve(0, penalty, right)

    def _scaled(self, group: int) -> np.ndarray:
        return self.rows * np.sqrt(self.row_weights[group])[:, np.newaxis]
