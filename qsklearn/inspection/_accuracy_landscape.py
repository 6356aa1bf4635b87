"""The figure of a landscape: how many weight settings reach which training accuracy.

It reads what a classifier trained by search leaves behind, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import check_instance, count_axes
from qsklearn._memory import check_memory
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    add_legend,
    check_axes,
    dress,
    escape,
    label_outer,
    make_axes,
    shorten,
)
from qsklearn.inspection._numbers import (
    check_array,
    check_between,
    check_probabilities,
    check_whole,
)
from qsklearn.inspection._searched_estimator import (
    check_estimator_has,
    find_best_iterations,
    find_problem,
)

_CALLER = "AccuracyLandscapeDisplay"
_FLOOR = 0.5  # where the bars begin, so that a single setting has one
_MAX_COLUMNS = 5
_NAME_LENGTH = 24
_MANY_LEVELS = 60  # from here on marks of probabilities would run into one another
_SCALED = "settings × probability"
_ROUNDING = 1e-3  # how far from 1 the probabilities of all accuracies may sum
_ASKED = ("landscape", "weight_probabilities", "success_probability")
_BYTES_PER_SETTING = 32  # accuracies, their levels, probabilities, and a copy


class AccuracyLandscapeDisplay(Display):
    """Number of weight settings by training accuracy, for each problem of a classifier.

    One panel a problem, all with the same axes. A black bar under a diamond marks the best
    accuracy that any setting attains; the title says how many settings do, of all there are. The
    axis of the numbers is logarithmic, and an accuracy that no setting has leaves a gap, if the
    levels are further apart than a pixel.

    With `probabilities`, marks over the bars show what a search makes of the landscape: the
    probability of measuring each accuracy, times the number of all settings. Before a search that
    is the height of the bar itself; a line joins the two of the best accuracy. Less than half a
    setting is not shown. Where there are many accuracies, the marks become an outline. The title
    gives the probability of the best. Each of the n settings of an accuracy has the amplitude
    √(probability / n), but for its sign.

    Parameters
    ----------
    histogram : array-like of int of shape (n_problems, n_levels)
        ``histogram[p, i]`` settings have the accuracy ``i / (n_levels - 1)`` on problem p.
    class_names : list of n_problems str or None, default=None
        What each problem tells from the rest; long names are cut.
    probabilities : array-like of shape (n_problems, n_levels) or None, default=None
        Of measuring each accuracy after some amplifications.
    iterations : int, array-like of int of shape (n_problems,), or None, default=None
        How many amplifications these were. With `probabilities` or not at all.

    Attributes
    ----------
    axes_ : ndarray of n_problems matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If the numbers are negative, a problem has no setting or there is but one level, the names
        are not as many as the problems, or a row of probabilities is no law of the accuracies that
        there are.

    Examples
    --------
    >>> from qsklearn.inspection import AccuracyLandscapeDisplay
    >>> display = AccuracyLandscapeDisplay([[0, 0, 8, 0, 120, 0, 120, 0, 8]]).plot()
    >>> display.axes_[0].get_title()
    'best 1: 8 of 256'
    """

    def __init__(self, histogram, *, class_names=None, probabilities=None, iterations=None):
        self.histogram = _check_histogram(histogram)
        self.class_names = _check_names(class_names, len(self.histogram))
        self.probabilities, self.iterations = _check_search(
            probabilities, iterations, self.histogram
        )

    @classmethod
    def from_estimator(cls, estimator, *, label=None, n_iterations=None, ax=None):
        """Plot the landscapes of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attributes ``histogram_`` and ``classes_``; with `n_iterations` also
            the methods ``landscape``, ``weight_probabilities`` and ``success_probability``.
        label : object, default=None
            The class whose problem alone is shown; all of them when None.
        n_iterations : int, "best" or None, default=None
            Amplifications after which probabilities are shown; "best" for each problem the first
            number with the largest probability of success. No probabilities when None.
        ax : matplotlib.axes.Axes, array-like of them, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : AccuracyLandscapeDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks an attribute, its settings were not all enumerated, the label is no class,
            `n_iterations` is no number of amplifications, or `ax` does not hold one axes a problem.
        MemoryError
            If the probabilities of all settings do not fit into memory.
        ImportError
            If matplotlib is not installed.
        """
        asked = () if n_iterations is None else _ASKED
        estimator = check_estimator_has(estimator, ("classes_", "histogram_", *asked), _CALLER)
        # Two classes make one problem, which needs no name.
        names = None if len(estimator.classes_) == 2 else [str(c) for c in estimator.classes_]
        if estimator.histogram_ is None:
            raise ValueError(
                f"{_CALLER}.from_estimator needs the accuracies of all weight settings. "
                f"{type(estimator).__name__} has histogram_=None: it was searched in blocks."
            )
        chosen = slice(None)
        if label is not None:
            problem = find_problem(estimator, label, _CALLER)
            chosen = slice(problem, problem + 1)
        histogram = np.asarray(estimator.histogram_)[chosen]
        names = names and names[chosen]
        search = {}
        if n_iterations is not None:
            labels = [label] if label is not None else _labels(estimator)
            search = _ask_search(estimator, labels, histogram, n_iterations)
        return cls(histogram, class_names=names, **search).plot(ax)

    def plot(self, ax=None):
        """Draw one panel a problem.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of n_problems of them, or None, default=None
            Where to draw, each some 2 inches wide or more; a figure of fitting size is made when
            None, apart from pyplot's.

        Returns
        -------
        display : AccuracyLandscapeDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` does not hold one axes a problem.
        ImportError
            If matplotlib is not installed.
        """
        n_problems = len(self.histogram)
        self.axes_ = _make_panels(n_problems) if ax is None else check_axes(ax, n_problems, _CALLER)
        self.figure_ = self.axes_[0].figure
        for problem, panel in enumerate(self.axes_):
            self._draw(panel, self.histogram[problem])
            if self.probabilities is not None:
                self._draw_probabilities(panel, problem)
            panel.set_title(self._describe(problem), fontsize="small")
        label_outer(self.axes_, "training accuracy", "weight settings")
        if self.probabilities is not None:
            add_legend(self.axes_[0], outside=ax is None)
        return self

    def _draw(self, panel, counts):
        n_steps = len(counts) - 1
        edges = (np.arange(len(counts) + 1) - 0.5) / n_steps
        best = np.flatnonzero(counts)[-1]
        shown = np.where(counts > 0, counts, np.nan)
        # The thin edge keeps bars visible that are narrower than a pixel.
        style = {"baseline": _FLOOR, "fill": True, "linewidth": 0.8, "snap": False}
        panel.stairs(shown[:best], edges[: best + 1], fc=COLOURS[4], ec=COLOURS[4], **style)
        panel.stairs(shown[[best]], edges[best : best + 2], fc="black", ec="black", **style)
        panel.plot(best / n_steps, counts[best], "D", mfc="black", mec="white", ms=7, clip_on=False)
        panel.set_yscale("log")
        panel.set_ylim(_FLOOR, 3.0 * max(self.histogram.max(), self._expected().max()))
        panel.set_xlim(edges[0], edges[-1])
        dress(panel)

    def _expected(self):
        """Probabilities in units of the bars; zeros where there are none."""
        if self.probabilities is None:
            return np.zeros(1)
        return self.probabilities * self.histogram.sum(axis=1, keepdims=True)

    def _draw_probabilities(self, panel, problem):
        counts, expected = self.histogram[problem], self._expected()[problem]
        n_steps = len(counts) - 1
        shown = np.where((counts > 0) & (expected >= _FLOOR), expected, np.nan)
        best = np.flatnonzero(counts)[-1]
        if len(counts) <= _MANY_LEVELS:
            places = np.arange(len(counts)) / n_steps
            panel.plot(places, shown, "o", color=COLOURS[1], ms=6, clip_on=False, label=_SCALED)
        else:
            edges = (np.arange(len(counts) + 1) - 0.5) / n_steps
            panel.stairs(shown, edges, baseline=None, color=COLOURS[1], lw=1.0, label=_SCALED)
            panel.plot(best / n_steps, shown[best], "o", color=COLOURS[1], ms=6, clip_on=False)
        tops = max(expected[best], _FLOOR)
        panel.vlines(best / n_steps, counts[best], tops, color=COLOURS[1], lw=1.2, clip_on=False)

    def _describe(self, problem):
        counts = self.histogram[problem]
        best = np.flatnonzero(counts)[-1]
        accuracy = best / (len(counts) - 1)
        lines = [f"best {accuracy:.4g}: {counts[best]:,.0f} of {counts.sum():,.0f}"]
        if self.probabilities is not None:
            chance = self.probabilities[problem, best]
            lines.append(f"p(best) = {chance:.3g}, k = {self.iterations[problem]}")
        if self.class_names is not None:
            lines.insert(0, escape(shorten(self.class_names[problem], _NAME_LENGTH)))
        return "\n".join(lines)


def _check_histogram(histogram):
    counts = check_array(histogram, "histogram", _CALLER, ("n_problems", "n_levels"))
    check_between(counts, "histogram", _CALLER, 0)
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        got = "one level" if counts.shape[1] < 2 else "a problem with none"
        raise ValueError(
            f"The 'histogram' parameter of {_CALLER} must have two levels or more, and a weight "
            f"setting in each problem. Got {got} instead."
        )
    return counts


def _check_names(names, n_problems):
    check_instance(names, (list, tuple, np.ndarray, type(None)), "class_names", _CALLER)
    if names is not None and len(names) != n_problems:
        raise ValueError(
            f"The 'class_names' parameter of {_CALLER} must be {n_problems} names, one a problem, "
            f"or None. Got {len(names)} instead."
        )
    return names if names is None else list(names)


def _check_search(probabilities, iterations, histogram):
    if probabilities is None and iterations is None:
        return None, None
    if probabilities is None or iterations is None:
        missing = "probabilities" if probabilities is None else "iterations"
        raise ValueError(
            f"The 'probabilities' and 'iterations' parameters of {_CALLER} must be given together. "
            f"Got None for '{missing}' instead."
        )
    laws = check_probabilities(probabilities, "probabilities", _CALLER, histogram.shape)
    sums = np.where(histogram > 0, laws, 0.0).sum(axis=1)
    wrong = sums[np.abs(sums - 1.0) > _ROUNDING]
    if wrong.size:
        raise ValueError(
            f"The 'probabilities' parameter of {_CALLER} must sum to 1 in each row over the "
            f"accuracies that settings have. Got a row with the sum {wrong[0]:.6g} instead."
        )
    n_problems = len(histogram)
    if count_axes(iterations) == 0:
        iterations = np.full(n_problems, iterations)
    return laws, check_whole(iterations, "iterations", _CALLER, (n_problems,))


def _labels(estimator):
    """What to call each problem when asking for it."""
    return [None] if len(estimator.classes_) == 2 else list(estimator.classes_)


def _ask_search(estimator, labels, histogram, n_iterations):
    """Probabilities of the accuracies after the amplifications, for each problem."""
    n_settings = int(histogram[0].sum())
    check_memory(
        _BYTES_PER_SETTING * n_settings,
        f"The probabilities of {n_settings:,} weight settings",
        "Leave n_iterations at None.",
    )
    if isinstance(n_iterations, str) and n_iterations == "best":
        numbers = [find_best_iterations(estimator, label) for label in labels]
    else:
        caller = f"{_CALLER}.from_estimator"
        numbers = [int(check_whole(n_iterations, "n_iterations", caller, ()))] * len(labels)
    laws = np.empty(histogram.shape)
    for row, (label, k) in enumerate(zip(labels, numbers, strict=True)):
        n_steps = histogram.shape[1] - 1
        levels = np.rint(n_steps * np.asarray(estimator.landscape(label=label), dtype=float))
        law = estimator.weight_probabilities(k, label=label)
        laws[row] = np.bincount(levels.astype(np.int64), weights=law, minlength=n_steps + 1)
    return {"probabilities": laws, "iterations": numbers}


def _make_panels(n_problems):
    """Rows of equal length as far as they go."""
    n_rows = -(-n_problems // _MAX_COLUMNS)
    n_columns = -(-n_problems // n_rows)
    size = (max(5.5, 2.3 * n_columns + 0.7), 4.0 if n_problems == 1 else 2.6 * n_rows + 0.2)
    axes = make_axes(_CALLER, size, (n_rows, n_columns))
    for spare in axes[n_problems:]:
        spare.remove()
    return axes[:n_problems]
