"""The rule by which a penalised class unit has one class in its ground state.

A class unit of K bits with logits l and penalty A has the energy
E(q) = -l·q + A (Σq - 1)², the paper's class layer with its signs put right.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import check_number, check_reals, is_number

_SHIFTS = ("max", "center")


def has_one_hot_ground_state(logits, penalty: float) -> np.ndarray:
    r"""Whether the ground state of each class unit is one class, and no tie with a broken state.

    With the logits sorted, :math:`l_{(1)} \ge l_{(2)} \ge \dots`, the ground state of
    :math:`-l \cdot q + A (\sum_k q_k - 1)^2` has exactly one bit if and only if

    .. math::

        l_{(2)} < A \quad\text{and}\quad l_{(1)} > -A,

    because the m-th bit joins when :math:`l_{(m)} > (2 m - 3) A`. Several classes of the same,
    largest logit are several ground states, each with one bit.

    Parameters
    ----------
    logits : array-like of shape (n_samples, n_classes)
    penalty : float
        The penalty A.

    Returns
    -------
    is_one_hot : ndarray of bool, of shape (n_samples,)

    References
    ----------
    See :class:`LayeredHamiltonian` for the paper; its A = 1 breaks this rule on most images.

    Examples
    --------
    >>> from qsklearn.hamiltonians import has_one_hot_ground_state
    >>> logits = [[8.0, 2.0, -5.0], [0.5, -3.0, -4.0], [-2.0, -2.5, -7.0]]
    >>> has_one_hot_ground_state(logits, 1.0)
    array([False,  True, False])
    """
    return smallest_penalty(logits) < check_number(penalty, "penalty", "has_one_hot_ground_state")


def smallest_penalty(logits) -> np.ndarray:
    """The penalty that a class unit's one-hot ground state needs: any larger one will do.

    That is max(l₍₂₎, -l₍₁₎), see :func:`has_one_hot_ground_state`. It is negative where any
    penalty, even none, gives one class.

    Parameters
    ----------
    logits : array-like of shape (n_samples, n_classes)

    Returns
    -------
    penalties : ndarray of shape (n_samples,)

    Examples
    --------
    >>> from qsklearn.hamiltonians import smallest_penalty
    >>> smallest_penalty([[8.0, 2.0, -5.0], [-2.0, -2.5, -7.0]]).tolist()
    [2.0, 2.0]
    """
    logits = _check_logits(logits)
    largest = logits.max(axis=1)
    if logits.shape[1] == 1:
        return -largest
    return np.maximum(np.partition(logits, -2, axis=1)[:, -2], -largest)


def class_shifts(logits, shift: str | None) -> np.ndarray:
    """What ``shift`` takes from the logits of each sample; softmax does not see it.

    Parameters
    ----------
    logits : array-like of shape (n_samples, n_classes)
    shift : {"max", "center"} or None
        The largest logit of the sample, its mean logit, or nothing.

    Returns
    -------
    shifts : ndarray of shape (n_samples,)
        What :meth:`LayeredHamiltonian.build` takes.

    Raises
    ------
    ValueError
        For another ``shift``.

    Examples
    --------
    >>> from qsklearn.hamiltonians import class_shifts
    >>> class_shifts([[8.0, 2.0, -1.0]], "max"), class_shifts([[8.0, 2.0, -1.0]], "center")
    (array([8.]), array([3.]))
    """
    logits = _check_logits(logits)
    if shift is None:
        return np.zeros(logits.shape[0])
    if not isinstance(shift, str) or shift not in _SHIFTS:
        raise ValueError(
            f"The 'shift' parameter must be 'max', 'center' or None. Got {shift!r} instead."
        )
    return logits.max(axis=1) if shift == "max" else logits.mean(axis=1)


def shift_logits(logits, shift: str | None = "max", clip: float | None = None) -> np.ndarray:
    """Logits moved to where a small penalty is enough, and cut to a device's range.

    Parameters
    ----------
    logits : array-like of shape (n_samples, n_classes)
    shift : {"max", "center"} or None, default="max"
        What is taken from all logits of a sample: the largest of them, after which every positive
        penalty gives a one-hot ground state; their mean; or nothing.
    clip : float, optional
        Logits more than this below the largest of their sample are raised to that. The softmax of
        the logits changes by less than ``n_classes * exp(-clip)``.

    Returns
    -------
    shifted : ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        For another ``shift``, or a ``clip`` that is not positive.

    Examples
    --------
    >>> from qsklearn.hamiltonians import shift_logits
    >>> shift_logits([[8.0, 2.0, -5.0]], "max", clip=8.0).tolist()
    [[0.0, -6.0, -8.0]]
    """
    logits = _check_logits(logits)
    shifts = class_shifts(logits, shift)
    if clip is not None:
        check_clip(clip)
        logits = np.maximum(logits, logits.max(axis=1, keepdims=True) - clip)
    return logits - shifts[:, np.newaxis]


def check_clip(clip: float) -> None:
    """Refuse a clip that is not a positive number."""
    if not is_number(clip) or not clip > 0:
        raise ValueError(f"The 'clip' parameter must be a positive number. Got {clip!r} instead.")


def _check_logits(logits) -> np.ndarray:
    logits = check_reals(logits, "logits", "a class unit")
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError(
            "The 'logits' parameter must be of shape (n_samples, n_classes) with at least one "
            f"class. Got shape {logits.shape} instead."
        )
    if np.isnan(logits).any():
        raise ValueError("The 'logits' parameter must hold numbers. Got NaN.")
    return logits
