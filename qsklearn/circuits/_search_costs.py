"""Searches by circuits and by random settings, side by side and in the same unit."""

from __future__ import annotations

import numpy as np

from qsklearn.circuits._amplification import (
    best_iterations,
    binned_search_law,
    check_confidence,
    check_counts,
    classical_draws,
    missed_without_replacement,
    success_probability,
)

_ALMOST_SURE = 0.999
_POINTS = 2000  # of a curve that would have more
_MOST_STATES = 2**40
_MOST_BINS = 2**12


def search_curves(n_states: int, n_marked: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities of having found a marked state, by evaluations.

    Parameters
    ----------
    n_states, n_marked : int
        All states, and the marked ones; at least one.

    Returns
    -------
    curves : dict of str to (evaluations, probability)
        Arrays of shape (n_points,) each: of amplitude amplification by the schedules ``"linear"``
        and ``"bbht"``, which evaluate twice for an iteration and once for a measurement, and of
        random states with and without repetition, up to a probability of 0.999.

    Examples
    --------
    >>> from qsklearn.circuits import search_curves
    >>> for name, (evaluations, probability) in search_curves(256, 8).items():
    ...     print(name, int(evaluations[(probability >= 0.9).argmax()]))
    quantum (linear schedule) 19
    quantum (BBHT) 23
    classical (repeating) 73
    classical (not repeating) 64
    """
    check_counts(n_states, n_marked, "search_curves")
    _check_ratio(n_states, n_marked, "search_curves")
    curves = {
        "quantum (linear schedule)": _follow(n_states, n_marked, "linear", _ALMOST_SURE),
        "quantum (BBHT)": _follow(n_states, n_marked, "bbht", _ALMOST_SURE),
    }
    draws = _grid(classical_draws(n_states, n_marked, _ALMOST_SURE))
    missed = (1 - n_marked / n_states) ** draws
    curves["classical (repeating)"] = draws, 1 - missed
    draws = _grid(classical_draws(n_states, n_marked, _ALMOST_SURE, replacement=False))
    missed = missed_without_replacement(n_states, n_marked, draws)
    curves["classical (not repeating)"] = draws, 1 - missed
    return curves


def compare_search_costs(n_states: int, n_marked: int, confidence: float = 0.9) -> dict:
    """Evaluations until a marked state is found with some probability.

    Parameters
    ----------
    n_states, n_marked : int
    confidence : float, default=0.9
        Above 0, and at most 1 - 1e-9.

    Returns
    -------
    cost : dict
        ``n_states``, ``n_marked``; ``best_iterations`` of one attempt and their
        ``success_probability``; ``quantum_evaluations`` by the schedule ``"linear"`` and
        ``quantum_evaluations_bbht``; ``classical_evaluations`` with repetition and
        ``classical_evaluations_not_repeating``.

    Examples
    --------
    >>> from qsklearn.circuits import compare_search_costs
    >>> cost = compare_search_costs(256, 4)
    >>> cost["quantum_evaluations"], cost["classical_evaluations"]
    (29, 147)
    """
    check_counts(n_states, n_marked, "compare_search_costs")
    _check_ratio(n_states, n_marked, "compare_search_costs")
    check_confidence(confidence, "compare_search_costs")
    iterations = best_iterations(n_marked / n_states)
    return {
        "n_states": n_states,
        "n_marked": n_marked,
        "best_iterations": iterations,
        "success_probability": float(success_probability(n_marked / n_states, iterations)),
        "quantum_evaluations": _first(n_states, n_marked, "linear", confidence),
        "quantum_evaluations_bbht": _first(n_states, n_marked, "bbht", confidence),
        "classical_evaluations": classical_draws(n_states, n_marked, confidence),
        "classical_evaluations_not_repeating": classical_draws(
            n_states, n_marked, confidence, replacement=False
        ),
    }


def _check_ratio(n_states: int, n_marked: int, caller: str) -> None:
    if n_states > _MOST_STATES * n_marked:
        raise ValueError(
            f"{caller} follows searches among up to 2^{_MOST_STATES.bit_length() - 1} states for a "
            f"marked one, which take seconds. Got n_marked={n_marked!r}, n_states={n_states!r} "
            "instead; classical_draws and best_iterations have formulas for more."
        )


def _follow(n_states: int, n_marked: int, schedule: str, until: float):
    """The law of a search's evaluations, as far as the probability ``until``.

    Exact up to some thousand evaluations, then in steps of a part in some thousand.
    """
    n_bins, width = 64, 1
    while True:
        evaluations, probability = binned_search_law(n_states, n_marked, schedule, n_bins, width)
        if probability[-1] >= until:
            last = int((probability >= until).argmax()) + 1
            return evaluations[:last], probability[:last]
        n_bins, width = (2 * n_bins, 1) if n_bins < _MOST_BINS else (n_bins, 2 * width)


def _first(n_states: int, n_marked: int, schedule: str, confidence: float) -> int:
    return int(_follow(n_states, n_marked, schedule, confidence)[0][-1])


def _grid(last: int) -> np.ndarray:
    """Numbers from 1 to the last one, all of them or evenly spread over the scales."""
    if last <= _POINTS:
        return np.arange(1, last + 1)
    return np.unique(np.rint(np.geomspace(1, last, _POINTS)).astype(np.int64))
