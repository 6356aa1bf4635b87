"""The temperature of class probabilities that held-out data support best.

Labels are smoothed as Platt's are (Advances in Large Margin Classifiers, 1999): n that are all
right speak for one error in n + 2, and not for certainty, whose temperature would be zero.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# Powers of two within which the inverse temperature is looked for.
_LOWEST, _HIGHEST = -4.0, 4.0
_DRAWN_POINTS = 13


def smoothed_loss(log_probabilities, codes, weights):
    """Cross-entropy of smoothed labels: (n + 1) / (n + 2), and the rest for all other classes.

    Parameters
    ----------
    log_probabilities : ndarray of shape (n_samples, n_classes)
    codes : ndarray of int of shape (n_samples,)
        Labels.
    weights : ndarray of shape (n_samples,)

    Returns
    -------
    loss : float
    """
    n, n_classes = weights.sum(), log_probabilities.shape[1]
    of_label = log_probabilities[np.arange(len(codes)), codes]
    of_others = (log_probabilities.sum(axis=1) - of_label) / (n_classes - 1)
    return -np.average((n + 1) * of_label + of_others, weights=weights) / (n + 2)


def calibrate_exactly(log_weights, codes, weights):
    """The inverse temperature of largest likelihood, of a law that is known.

    Parameters
    ----------
    log_weights : callable
        β to unnormalised log P(class), shape (n_samples, n_classes).
    codes : ndarray of int of shape (n_samples,)
        Classes.
    weights : ndarray of shape (n_samples,)

    Returns
    -------
    beta : float
        Within [1/16, 16].
    """

    def loss(exponent):
        return smoothed_loss(log_softmax(log_weights(2.0**exponent), axis=1), codes, weights)

    best = minimize_scalar(loss, bounds=(_LOWEST, _HIGHEST), method="bounded")
    return float(2.0**best.x)


def calibrate_by_draws(probabilities, codes, weights):
    """The same for a law that is only drawn from.

    Frequencies are noisy, so that a parabola through the losses around the best of a few
    temperatures tells more than the best itself.

    Parameters
    ----------
    probabilities : callable
        β to smoothed frequencies, shape (n_samples, n_classes).
    codes, weights
        As above.

    Returns
    -------
    beta : float
        Within [1/4, 4].
    """
    exponents = np.linspace(_LOWEST / 2, _HIGHEST / 2, _DRAWN_POINTS)
    losses = np.array(
        [
            smoothed_loss(np.log(probabilities(2.0**exponent)), codes, weights)
            for exponent in exponents
        ]
    )
    at = int(np.clip(losses.argmin(), 2, len(exponents) - 3))
    near = slice(at - 2, at + 3)
    curvature, slope, _ = np.polyfit(exponents[near], losses[near], 2)
    if curvature <= 0:
        return float(2.0 ** exponents[losses.argmin()])
    best = np.clip(-slope / (2 * curvature), exponents[near][0], exponents[near][-1])
    return float(2.0**best)
