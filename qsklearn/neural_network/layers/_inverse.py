"""Damped pseudo-inverses of linear operators given as matrices."""

import numpy as np
import scipy.linalg

# Normal equations of this reciprocal condition still give eight digits.
_SAFE_CONDITION = 1e-8


def tikhonov_inverse(operator, ridge):
    """Matrix P with x = t P, the minimum of |A x - t|² + λ |x|².

    Parameters
    ----------
    operator : ndarray of shape (n_outputs, n_inputs)
        A.
    ridge : float
        λ relative to the mean of the diagonal of A Aᵀ; 0 for the pseudo-inverse.

    Returns
    -------
    inverse : ndarray of shape (n_outputs, n_inputs)
        The transpose of Aᵀ (A Aᵀ + λ)⁻¹, from whichever Gram matrix is the smaller.
    """
    with np.errstate(over="ignore"):  # refused
        squares = np.square(operator).sum()
    if not np.isfinite(squares):  # LAPACK may look for the singular values of infinity for ever
        raise ValueError(
            "The weights of a layer must be finite, and their squares too, where it is inverted. "
            "Got NaN, infinity or weights that are too large."
        )
    if not squares > 0:  # a layer whose weights are all zero tells nothing of its inputs
        return np.zeros_like(operator)
    damping = ridge * squares / len(operator)
    is_wide = operator.shape[0] <= operator.shape[1]
    gram = operator @ operator.T if is_wide else operator.T @ operator
    gram[np.diag_indices(len(gram))] += damping
    solution = _solve(gram, operator if is_wide else operator.T)
    if solution is None:
        return _from_singular_values(operator, damping)
    return solution if is_wide else np.ascontiguousarray(solution.T)


def _solve(gram, right):
    """Solution of the normal equations, or None where they lose too many digits."""
    norm = np.abs(gram).sum(axis=0).max()
    try:
        factor, lower = scipy.linalg.cho_factor(gram, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    reciprocal, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    if reciprocal < _SAFE_CONDITION:
        return None
    return scipy.linalg.cho_solve((factor, lower), right, check_finite=False)


def _from_singular_values(operator, damping):
    left, values, right = np.linalg.svd(operator, full_matrices=False)
    live = values > values[0] * max(operator.shape) * np.finfo(float).eps
    factors = values[live] / (values[live] ** 2 + damping)
    return (left[:, live] * factors) @ right[live]
