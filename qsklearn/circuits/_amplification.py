"""Amplitude amplification in closed form: success, amplitudes, and what searches cost."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from scipy.signal import convolve
from scipy.stats import hypergeom

from qsklearn._checks import check_flag, check_integer, check_reals, is_number
from qsklearn._memory import check_memory

_NEGLIGIBLE = 1e-12  # probability of searches that are not followed any further
_ROUNDING = 1e-12
_MOST_CONFIDENT = 1 - 1e-9


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

    Raises
    ------
    ValueError
        If a share is not within [0, 1], or a number of iterations no integer >= 0.

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
    fraction = check_reals(fraction, "fraction", "success_probability")
    check_reals(iterations, "iterations", "success_probability")
    iterations = np.asarray(iterations)
    if not ((fraction >= 0) & (fraction <= 1)).all():
        raise ValueError(
            "The 'fraction' parameter of success_probability must be in [0, 1]. Got "
            f"{fraction} instead."
        )
    if not np.issubdtype(iterations.dtype, np.integer) or (iterations < 0).any():
        raise ValueError(
            "The 'iterations' parameter of success_probability must be integers >= 0. Got "
            f"{iterations} instead."
        )
    try:
        np.broadcast_shapes(fraction.shape, iterations.shape)
    except ValueError as error:
        raise ValueError(
            "The 'fraction' and 'iterations' parameters of success_probability must be of shapes "
            f"that go together. Got {fraction.shape} and {iterations.shape} instead."
        ) from error
    return np.sin((2 * iterations + 1) * np.arcsin(np.sqrt(fraction))) ** 2


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
    if not is_number(fraction) or not 0 < fraction <= 1:
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
    caller = "amplified_probabilities"
    is_marked = check_reals(is_marked, "is_marked", caller, "n_states").astype(bool)
    iterations = check_integer(iterations, "iterations", caller, 0)
    n_states, n_marked = len(is_marked), int(is_marked.sum())
    if n_states == 0:
        raise ValueError("The 'is_marked' parameter of amplified_probabilities has no state.")
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
        Above 0, and at most 1 - 1e-9.
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
    check_counts(n_states, n_marked, "classical_draws")
    check_confidence(confidence, "classical_draws")
    check_flag(replacement, "replacement", "classical_draws")
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
    if n_states >= 2**63:
        raise ValueError(
            "Draws that do not repeat are followed for 'n_states' below 2^63. Got "
            f"{n_states} instead."
        )
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
    is_word = isinstance(schedule, str) and schedule in ("bbht", "maximum", "linear")
    if not is_word and (not isinstance(schedule, Integral) or schedule < 0):
        raise ValueError(
            "The 'schedule' parameter must be 'bbht', 'maximum', 'linear' or an int >= 0. Got "
            f"{schedule!r} instead."
        )
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
        See ``iteration_ranges``.
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
    check_counts(n_states, n_marked, "search_law")
    max_evaluations = check_integer(max_evaluations, "max_evaluations", "search_law", 1)
    check_memory(40 * max_evaluations, "The law of a search", "Follow it less far.")
    return binned_search_law(n_states, n_marked, schedule, max_evaluations, 1)


def binned_search_law(n_states: int, n_marked: int, schedule, n_bins: int, width: int):
    """The law of :func:`search_law` in steps of several evaluations.

    What an attempt takes is shared between the two nearest steps, so that means stay exact.

    Parameters
    ----------
    n_states, n_marked : int
    schedule : {"bbht", "linear"} or int
    n_bins, width : int
        Number of steps, and evaluations of each.

    Returns
    -------
    evaluations : ndarray of shape (n_bins,), int64
    success : ndarray of shape (n_bins,)
    """
    # Probability to be still searching after so many steps, at the start of an attempt.
    searching = np.zeros(n_bins + 1)
    searching[0] = 1.0
    found = np.zeros(n_bins + 1)
    for low, high in iteration_ranges(schedule, n_states):
        largest = min(high, (n_bins * width - 1) // 2)
        if largest < low:
            break
        iterations = np.arange(low, largest + 1)
        chance = success_probability(n_marked / n_states, iterations) / (high - low + 1)
        success = _spread(iterations, chance, n_bins, width)
        failure = _spread(iterations, 1 / (high - low + 1) - chance, n_bins, width)
        found += convolve(searching, success)[: n_bins + 1]
        searching = np.maximum(convolve(searching, failure)[: n_bins + 1], 0.0)
        if searching.sum() < _NEGLIGIBLE:
            break
    return width * np.arange(1, n_bins + 1), np.cumsum(found)[1:]


def _spread(iterations, chances, n_bins, width):
    """Chances of attempts by the steps that they take."""
    steps = (2 * iterations + 1) / width
    below = np.floor(steps).astype(np.int64)
    above = steps - below
    by_step = np.bincount(below, chances * (1 - above), n_bins + 2)
    by_step += np.bincount(below + 1, chances * above, n_bins + 2)[: n_bins + 2]
    return by_step[: n_bins + 1]


def check_counts(n_states, n_marked, caller: str) -> None:
    """Raise ValueError unless there are so many marked states, and at least one."""
    are_integers = isinstance(n_states, Integral) and isinstance(n_marked, Integral)
    if not are_integers or not 0 < n_marked <= n_states:
        raise ValueError(
            f"{caller} needs integers 0 < n_marked <= n_states. Got n_marked={n_marked!r}, "
            f"n_states={n_states!r} instead."
        )


def check_confidence(confidence: float, caller: str) -> None:
    """Raise ValueError for a probability that no search, or every one, has."""
    if not is_number(confidence) or not 0 < confidence <= _MOST_CONFIDENT:
        raise ValueError(
            f"The 'confidence' parameter of {caller} must be above 0 and at most {_MOST_CONFIDENT}."
            f" Got {confidence!r} instead."
        )
