"""Amplitude amplification in closed form: success, amplitudes, and what searches cost."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import convolve
from scipy.stats import hypergeom

_NEGLIGIBLE = 1e-12  # probability of searches that are not followed any further
_ROUNDING = 1e-12


def success_probability(fraction, iterations) -> np.ndarray:
    r"""Probability of measuring a marked state after some iterations (eq. 3, with its brackets).

    .. math:: P(k) = \sin^2\big( (2k + 1) \theta \big), \qquad \sin^2 \theta = p.

    Parameters
    ----------
    fraction : float, or array-like that broadcasts against ``iterations``
        p, the share of marked states in the uniform superposition.
    iterations : int or array-like of int
        k.

    Returns
    -------
    probability : ndarray

    References
    ----------
    Brassard, G. et al. Quantum amplitude amplification and estimation (2002). Fawaz et al. (2019),
    eq. 3.

    Examples
    --------
    >>> from qsklearn.circuits import success_probability
    >>> success_probability(8 / 256, [0, 1, 2, 3, 4, 5]).round(3)
    array([0.031, 0.258, 0.602, 0.897, 0.999, 0.86 ])
    """
    theta = np.arcsin(np.sqrt(np.asarray(fraction, dtype=float)))
    return np.sin((2 * np.asarray(iterations) + 1) * theta) ** 2


def best_iterations(fraction: float) -> int:
    r"""Number of iterations at the first maximum of the success probability.

    Parameters
    ----------
    fraction : float
        Share of marked states, in (0, 1].

    Returns
    -------
    iterations : int
        :math:`\pi / 4\theta - 1/2`, rounded. It grows as one over the root of the share, however
        many states there are.

    Raises
    ------
    ValueError
        If nothing is marked.

    Examples
    --------
    >>> from qsklearn.circuits import best_iterations
    >>> best_iterations(8 / 256), best_iterations(4 / 256), best_iterations(0.75)
    (4, 6, 0)
    """
    if not 0 < fraction <= 1:
        raise ValueError(
            f"The 'fraction' parameter of best_iterations must be in (0, 1]. Got {fraction!r} "
            "instead; where no state is marked, no number of iterations finds one."
        )
    return max(0, round(math.pi / (4 * math.asin(math.sqrt(fraction))) - 0.5))


def amplified_probabilities(is_marked, iterations: int) -> np.ndarray:
    r"""Probabilities of all states after some iterations.

    After k iterations each of M marked states has the amplitude
    :math:`\sin((2k + 1)\theta) / \sqrt M`, each other one
    :math:`\cos((2k + 1)\theta) / \sqrt{N - M}`.

    Parameters
    ----------
    is_marked : array-like of bool of shape (n_states,)
    iterations : int

    Returns
    -------
    probabilities : ndarray of shape (n_states,)

    Examples
    --------
    >>> from qsklearn.circuits import amplified_probabilities
    >>> amplified_probabilities([True, False, False, False], 1).round(12)
    array([1., 0., 0., 0.])
    """
    is_marked = np.asarray(is_marked, dtype=bool)
    n_states, n_marked = len(is_marked), int(is_marked.sum())
    success = float(success_probability(n_marked / n_states, iterations))
    marked = success / max(1, n_marked)
    other = (1 - success) / max(1, n_states - n_marked)
    return np.where(is_marked, marked, other)


def classical_draws(
    n_states: int, n_marked: int, confidence: float = 0.9, *, replacement: bool = True
) -> int:
    """Random settings to try until a marked one is among them with some probability.

    Parameters
    ----------
    n_states, n_marked : int
        All states, and the marked ones; at least one.
    confidence : float, default=0.9
        In (0, 1).
    replacement : bool, default=True
        Whether a state may be drawn again.

    Returns
    -------
    n_draws : int

    Examples
    --------
    What the 28 and 57 of Fawaz et al. should have been:

    >>> from qsklearn.circuits import classical_draws
    >>> [classical_draws(256, marked) for marked in (8, 4)]
    [73, 147]
    >>> [classical_draws(256, marked, replacement=False) for marked in (8, 4)]
    [64, 112]
    """
    if not 0 < n_marked <= n_states or not 0 < confidence < 1:
        raise ValueError(
            "classical_draws needs 0 < n_marked <= n_states and a confidence in (0, 1). Got "
            f"n_marked={n_marked}, n_states={n_states}, confidence={confidence} instead."
        )
    if n_marked == n_states:
        return 1
    if replacement:
        draws = math.log1p(-confidence) / math.log1p(-n_marked / n_states)
        return math.ceil(draws - _ROUNDING)
    low, high = 1, n_states - n_marked + 1
    while low < high:
        middle = (low + high) // 2
        if missed_without_replacement(n_states, n_marked, middle) <= 1 - confidence + _ROUNDING:
            high = middle
        else:
            low = middle + 1
    return low


def missed_without_replacement(n_states: int, n_marked: int, n_draws) -> np.ndarray:
    """Probability that no marked state is among distinct draws.

    Parameters
    ----------
    n_states, n_marked : int
    n_draws : int or array-like of int

    Returns
    -------
    probability : ndarray
    """
    return hypergeom.pmf(0, n_states, n_marked, n_draws)


def iteration_ranges(schedule, n_states: int):
    """The ranges that the numbers of iterations of a search's attempts are drawn from.

    Parameters
    ----------
    schedule : {"bbht", "maximum", "linear"} or int
        ``"bbht"`` (and ``"maximum"``, which draws so too): from 0 to m, exclusive, where m grows
        by a fifth with each failure up to the root of the number of states. ``"linear"``: from 0
        to the number of attempts before, inclusive. A number: always this one.
    n_states : int

    Yields
    ------
    low, high : int
        Both inclusive.

    References
    ----------
    Boyer, M. et al. Tight bounds on quantum searching (1998). Fawaz et al. (2019), section 5.
    """
    if not isinstance(schedule, str):
        while True:
            yield schedule, schedule
    attempt, largest = 0, 1.0
    while True:
        yield 0, attempt if schedule == "linear" else math.ceil(largest) - 1
        attempt += 1
        largest = min(1.2 * largest, math.sqrt(n_states))


def search_law(n_states: int, n_marked: int, schedule, max_evaluations: int):
    """Law of the number of evaluations that a search for a marked state takes.

    An attempt of k iterations evaluates the network 2k times, forward and back, and once more
    to make the state that is measured.

    Parameters
    ----------
    n_states, n_marked : int
    schedule : {"bbht", "linear"} or int
        See :func:`iteration_ranges`.
    max_evaluations : int
        How far to follow it.

    Returns
    -------
    evaluations : ndarray of shape (max_evaluations,), int64
        1, 2, ...
    success : ndarray of shape (max_evaluations,)
        Probability that so many evaluations are enough.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.circuits import search_law
    >>> evaluations, success = search_law(256, 8, "linear", 60)
    >>> int(evaluations[np.argmax(success >= 0.9)])
    19
    """
    # Probability to be still searching after so many evaluations, at the start of an attempt.
    searching = np.zeros(max_evaluations + 1)
    searching[0] = 1.0
    found = np.zeros(max_evaluations + 1)
    for low, high in iteration_ranges(schedule, n_states):
        iterations = np.arange(low, min(high, (max_evaluations - 1) // 2) + 1)
        success, failure = np.zeros((2, max_evaluations + 1))
        success[2 * iterations + 1] = success_probability(n_marked / n_states, iterations)
        failure[2 * iterations + 1] = 1 - success[2 * iterations + 1]
        searching /= high - low + 1
        found += convolve(searching, success)[: max_evaluations + 1]
        searching = np.maximum(convolve(searching, failure)[: max_evaluations + 1], 0.0)
        if searching.sum() < _NEGLIGIBLE:
            break
    return np.arange(1, max_evaluations + 1), np.cumsum(found)[1:]
