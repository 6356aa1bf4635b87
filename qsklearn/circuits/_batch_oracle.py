"""Amplification under oracles that see a mini-batch each, by arithmetic."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qsklearn._checks import check_instance, check_integers, check_reals


def amplify_with_batches(correct, batches) -> np.ndarray:
    """Probabilities of settings when each iteration marks what is right on a batch of its own.

    Parameters
    ----------
    correct : array-like of bool of shape (n_states, n_slots)
        Whether each setting is right at each slot.
    batches : sequence of n_iterations array-likes of int
        Slots of each batch.

    Returns
    -------
    probabilities : ndarray of shape (n_iterations + 1, n_states)
        Before the first iteration and after each.

    References
    ----------
    Fawaz et al. (2019), section 5, who expect good settings to be amplified still.

    Examples
    --------
    Two batches that one of four settings gets right, whatever the other slot:

    >>> from qsklearn.circuits import amplify_with_batches
    >>> correct = [[True, True], [True, False], [False, False], [False, True]]
    >>> amplify_with_batches(correct, [[0, 1], [0, 1]])
    array([[0.25, 0.25, 0.25, 0.25],
           [1.  , 0.  , 0.  , 0.  ],
           [0.25, 0.25, 0.25, 0.25]])
    """
    caller = "amplify_with_batches"
    correct = check_reals(correct, "correct", caller, "n_states", "n_slots").astype(bool)
    check_instance(batches, Iterable, "batches", caller)
    if not len(correct):
        raise ValueError(f"The 'correct' parameter of {caller} has no state.")
    amplitudes = np.full(len(correct), len(correct) ** -0.5)
    probabilities = [amplitudes**2]
    for batch in batches:
        limits = {"low": 0, "high": correct.shape[1]}
        slots = check_integers(batch, "batches", caller, "n_slots", **limits)
        marked = correct[:, slots].all(axis=1)
        turned = np.where(marked, -amplitudes, amplitudes)
        amplitudes = 2 * turned.mean() - turned
        probabilities.append(amplitudes**2)
    return np.stack(probabilities)
