"""A layer's squared error in coordinates in which intercepts and weights hardly feel each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qsklearn._checks import check_instance, check_reals
from qsklearn.hamiltonians._layer import LayerHamiltonian

# Of a variance, relative to the mean square that it was calculated from.
_ROUNDING = 1e-13
_NAME = "CentredLayer"


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class CentredLayer:
    r"""A layer's Hamiltonian over its weights w and the output b' for the mean input.

    With intercepts b the output is :math:`w \cdot q + b = w \cdot (q - m) + b'`, where
    :math:`b' = b + w \cdot m`. For the mean m of the inputs q the couplings between w and b' are
    zero without activation factors and small with them, and J of the w is a covariance. In the
    coordinates w and b, all weights are tied to each other through the intercept and the mean, and
    single moves of any sampler get slow.

    Parameters
    ----------
    hamiltonian : LayerHamiltonian
        Over (w, b').
    means : ndarray of shape (n_weights - 1,)
        The mean m.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import CentredLayer, LayerHamiltonian
    >>> rows, targets = np.array([[1.0, 1.0], [3.0, 1.0]]), np.array([[2.0], [6.0]])
    >>> centred = CentredLayer.from_hamiltonian(LayerHamiltonian.from_rows(rows, targets))
    >>> centred.hamiltonian.couplings(0).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> centred.to_layer(centred.hamiltonian.minimise()).round(6).tolist()
    [[2.0, 0.0]]
    """

    hamiltonian: LayerHamiltonian
    means: np.ndarray

    def __post_init__(self) -> None:
        check_instance(self.hamiltonian, LayerHamiltonian, "hamiltonian", _NAME)
        means = check_reals(self.means, "means", _NAME, self.hamiltonian.n_weights - 1)
        object.__setattr__(self, "means", means)

    @classmethod
    def from_hamiltonian(cls, hamiltonian: LayerHamiltonian) -> CentredLayer:
        """Centre a Hamiltonian whose last weight is the intercept.

        Parameters
        ----------
        hamiltonian : LayerHamiltonian
            Over (w, b), without a penalty on b; others have to be added afterwards.

        Returns
        -------
        CentredLayer
        """
        check_instance(hamiltonian, LayerHamiltonian, "hamiltonian", _NAME)
        if hamiltonian.rows is not None and hamiltonian.row_weights is not None:
            weights = hamiltonian.row_weights.mean(axis=0)
            means = weights @ hamiltonian.rows[:, :-1] / weights.sum()
            rows = hamiltonian.rows.copy()
            rows[:, :-1] -= means
            centred = replace(hamiltonian, rows=rows)
        else:
            assert hamiltonian.quadratic is not None
            last = hamiltonian.quadratic[:, -1].mean(axis=0)
            means = last[:-1] / last[-1]
            centred = replace(hamiltonian, quadratic=_centre(hamiltonian.quadratic, means))
        linear = centred.linear.copy()
        linear[:, :-1] -= linear[:, -1:] * means
        centred = replace(centred, linear=linear)
        return cls(_without_constant_inputs(centred, hamiltonian.diagonal), means)

    def to_layer(self, weights: np.ndarray) -> np.ndarray:
        """Weights (w, b) from (w, b').

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_weights)

        Returns
        -------
        weights : ndarray of shape (n_outputs, n_weights)
        """
        return _shift(weights, -self.means)

    def from_layer(self, weights: np.ndarray) -> np.ndarray:
        """Weights (w, b') from (w, b).

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_weights)

        Returns
        -------
        weights : ndarray of shape (n_outputs, n_weights)
        """
        return _shift(weights, self.means)


def _shift(weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    shifted = check_reals(weights, "weights", _NAME, "n_outputs", len(means) + 1).copy()
    shifted[:, -1] += shifted[:, :-1] @ means
    return shifted


def _centre(quadratic: np.ndarray, means: np.ndarray) -> np.ndarray:
    """J of inputs less their means, whatever the constant input beside them is weighted with."""
    centred = quadratic.copy()
    for matrix in centred:
        ties = matrix[-1, :-1] - 0.5 * matrix[-1, -1] * means
        matrix[:-1, :-1] -= np.outer(means, ties) + np.outer(ties, means)
        matrix[-1, :-1] -= matrix[-1, -1] * means
        matrix[:-1, -1] = matrix[-1, :-1]
    return centred


def _without_constant_inputs(centred: LayerHamiltonian, before: np.ndarray) -> LayerHamiltonian:
    """The Hamiltonian with inputs that never change at exactly 0, where rounding leaves noise."""
    constant = (centred.diagonal <= _ROUNDING * before).all(axis=0)
    if not constant.any():
        return centred
    linear = np.where(constant, 0.0, centred.linear)
    if centred.rows is not None:
        return replace(centred, linear=linear, rows=np.where(constant, 0.0, centred.rows))
    assert centred.quadratic is not None
    quadratic = np.where(constant, 0.0, centred.quadratic)
    quadratic[:, constant] = 0.0
    return replace(centred, linear=linear, quadratic=quadratic)
