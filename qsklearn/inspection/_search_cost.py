"""The figure of what a search costs: its success by the number of evaluations of the network.

It asks a classifier trained by search by method, and knows no estimator by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qsklearn._checks import check_instance
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    MARKERS,
    add_legend,
    check_axis,
    dress,
    escape,
    make_axes,
)
from qsklearn.inspection._numbers import check_array, check_between, check_probabilities
from qsklearn.inspection._searched_estimator import check_estimator_has, find_problem

_CALLER = "SearchCostDisplay"
_DASHES = ((0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1, 2)))  # of the classical curves, in turn
_N_MARKS = 15  # of a quantum curve with many points
_ROUNDING = 1e-12


class SearchCostDisplay(Display):
    """Probability that searches have succeeded, by the evaluations of the network spent so far.

    Quantum curves are solid and bear markers, classical ones (their names begin with "classical")
    are dashed. All count the same thing, an evaluation of the network on the training data: a run
    of the circuit with k amplifications takes 2k + 1 of them, which counting runs would hide. A
    dotted line marks the confidence that is asked for; the legend says after how many evaluations
    each curve first reaches it. The axis of the evaluations is logarithmic, so the
    distance between two curves is the factor between their costs.

    Parameters
    ----------
    curves : dict of str to (array-like of shape (m,), array-like of shape (m,))
        By the name of a search the numbers of evaluations, which ascend, and the probability of
        success up to each, which does not fall.
    confidence : float, default=0.9
        The probability of success that is asked for, over 0 and under 1.

    Attributes
    ----------
    evaluations_ : dict of str to (int or None)
        After :meth:`plot`: when each curve first reaches the confidence; None where it does not.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If there is no curve, a curve is not as described, or the confidence is out of range.

    Notes
    -----
    Figure 5 of Fawaz et al. compares by steps, of which a quantum one holds several evaluations.
    A logarithmic axis shows no zero: what was known before the first evaluation is not drawn.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.inspection import SearchCostDisplay
    >>> draws = np.arange(1, 101)
    >>> curves = {
    ...     "quantum": ([1, 4, 9, 16], [0.03, 0.28, 0.71, 0.97]),
    ...     "classical": (draws, 1 - (1 - 8 / 256) ** draws),
    ... }
    >>> SearchCostDisplay(curves).plot().evaluations_
    {'quantum': 16, 'classical': 73}
    """

    def __init__(self, curves, *, confidence=0.9):
        self.curves = _check_curves(curves)
        self.confidence = _check_confidence(confidence)

    @classmethod
    def from_estimator(cls, estimator, *, label=None, confidence=0.9, ax=None):
        """Plot the searches that a fitted estimator compares.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute ``classes_`` and the method ``search_curves``.
        label : object, default=None
            The class that is told from the rest; it may be None where there are two.
        confidence : float, default=0.9
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : SearchCostDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks the attribute or the method, the label is no class, or the confidence is
            out of range.
        ImportError
            If matplotlib is not installed.
        """
        estimator = check_estimator_has(estimator, ("classes_", "search_curves"), _CALLER)
        find_problem(estimator, label, _CALLER)
        return cls(estimator.search_curves(label=label), confidence=confidence).plot(ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.

        Returns
        -------
        display : SearchCostDisplay
            Itself, with `evaluations_`, `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(_CALLER, (6.0, 4.2))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        self.evaluations_ = {name: self._find_evaluations(name) for name in self.curves}
        n_classical = 0
        for number, name in enumerate(self.curves):
            is_classical = name.startswith("classical")
            self._draw(name, number, _DASHES[n_classical % len(_DASHES)] if is_classical else "-")
            n_classical += is_classical
        self.ax_.axhline(self.confidence, color=GREY, lw=0.9, ls=":")
        self.ax_.set_xscale("log")
        self.ax_.set_ylim(-0.03, 1.03)
        self.ax_.set_xlabel("evaluations of the network")
        self.ax_.set_ylabel("probability of success")
        dress(self.ax_)
        title = f"evaluations to reach {100 * self.confidence:g} % (dotted line)"
        add_legend(self.ax_, outside=ax is None, title=title)
        return self

    def _find_evaluations(self, name):
        evaluations, chances = self.curves[name]
        reached = np.flatnonzero(chances >= self.confidence - _ROUNDING)
        return int(evaluations[reached[0]]) if reached.size else None

    def _draw(self, name, number, dashes):
        evaluations, chances = self.curves[name]
        is_shown = evaluations > 0
        needed = self.evaluations_[name]
        found = f"not within {evaluations[-1]:,.0f}" if needed is None else f"{needed:,}"
        # What a search has found it knows at the end of an evaluation, and not in between.
        line = self.ax_.step(
            evaluations[is_shown],
            chances[is_shown],
            where="post",
            color=COLOURS[number % len(COLOURS)],
            ls=dashes,
            lw=1.5,
            label=f"{escape(name)}: {found}",
        )[0]
        if dashes == "-":
            line.set(marker=MARKERS[number % len(MARKERS)], markerfacecolor="white", markersize=5)
            line.set_markevery(_spread_marks(evaluations[is_shown]))


def _spread_marks(evaluations):
    """Points about evenly spaced on a logarithmic axis; all where they are few."""
    if len(evaluations) <= _N_MARKS:
        return list(range(len(evaluations)))
    wanted = np.geomspace(evaluations[0], evaluations[-1], _N_MARKS)
    places = np.searchsorted(evaluations, wanted).clip(max=len(evaluations) - 1)
    return np.unique(places).tolist()


def _check_curves(curves):
    check_instance(curves, Mapping, "curves", _CALLER)
    if not curves:
        raise ValueError(f"The 'curves' parameter of {_CALLER} must hold a curve. Got none.")
    return {str(name): _check_curve(name, curve) for name, curve in curves.items()}


def _check_curve(name, curve):
    what = f"curves[{name!r}]"
    if not isinstance(curve, tuple | list | np.ndarray) or len(curve) != 2:
        raise ValueError(
            f"The '{what}' parameter of {_CALLER} must be a pair of arrays. Got "
            f"{type(curve).__name__} of another length instead."
        )
    evaluations = check_array(curve[0], what, _CALLER, ("m",))
    check_between(evaluations, what, _CALLER, 0)
    chances = check_probabilities(curve[1], what, _CALLER, evaluations.shape)
    ascends = (np.diff(evaluations) > 0).all() and evaluations[-1] > 0
    if not ascends or (np.diff(chances) < -_ROUNDING).any():
        got = "probabilities that fall" if ascends else evaluations.tolist()[:5]
        raise ValueError(
            f"The '{what}' parameter of {_CALLER} must have evaluations that ascend beyond 0, and "
            f"probabilities that do not fall. Got {got} instead."
        )
    return evaluations, chances


def _check_confidence(confidence):
    value = float(check_array(confidence, "confidence", _CALLER, ()))
    if not 0.0 < value < 1.0:
        raise ValueError(
            f"The 'confidence' parameter of {_CALLER} must be over 0 and under 1. Got {value:g} "
            "instead."
        )
    return value
