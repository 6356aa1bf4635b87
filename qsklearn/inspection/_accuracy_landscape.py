"""The figure of a landscape: how many weight settings reach which training accuracy.

It reads what a classifier trained by search leaves behind, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn.inspection._drawing import COLOURS, check_axes, dress, label_outer, make_axes, shorten
from qsklearn.inspection._numbers import check_array, check_between
from qsklearn.inspection._searched_estimator import check_estimator_has, find_problem

_CALLER = "AccuracyLandscapeDisplay"
_FLOOR = 0.5  # where the bars begin, so that a single setting has one
_MAX_COLUMNS = 5
_NAME_LENGTH = 24


class AccuracyLandscapeDisplay:
    """Number of weight settings by training accuracy, for each problem of a classifier.

    One panel a problem, all with the same axes. A black bar under a diamond marks the best
    accuracy that any setting attains; the title says how many settings do, of all there are. The
    axis of the numbers is logarithmic, and an accuracy that no setting has leaves a gap, if the
    levels are further apart than a pixel.

    Parameters
    ----------
    histogram : array-like of int of shape (n_problems, n_levels)
        ``histogram[p, i]`` settings have the accuracy ``i / (n_levels - 1)`` on problem p.
    class_names : list of n_problems str or None, default=None
        What each problem tells from the rest; long names are cut.

    Attributes
    ----------
    axes_ : ndarray of n_problems matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If the numbers are negative, a problem has no setting or there is but one level, or the
        names are not as many as the problems.

    Examples
    --------
    >>> from qsklearn.inspection import AccuracyLandscapeDisplay
    >>> display = AccuracyLandscapeDisplay([[0, 0, 8, 0, 120, 0, 120, 0, 8]]).plot()
    >>> display.axes_[0].get_title()
    'best 1: 8 of 256'
    """

    def __init__(self, histogram, *, class_names=None):
        self.histogram = _check_histogram(histogram)
        self.class_names = _check_names(class_names, len(self.histogram))

    @classmethod
    def from_estimator(cls, estimator, *, label=None, ax=None):
        """Plot the landscapes of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attributes ``histogram_`` and ``classes_``.
        label : object, default=None
            The class whose problem alone is shown; all of them when None.
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
            or `ax` does not hold one axes a problem.
        ImportError
            If matplotlib is not installed.
        """
        check_estimator_has(estimator, ("classes_", "histogram_"), _CALLER)
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
        names = names and names[chosen]
        return cls(estimator.histogram_[chosen], class_names=names).plot(ax)

    def plot(self, ax=None):
        """Draw one panel a problem.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of n_problems of them, or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.

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
            panel.set_title(self._describe(problem), fontsize="small")
        label_outer(self.axes_, "training accuracy", "weight settings")
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
        panel.set_ylim(_FLOOR, 3.0 * self.histogram.max())
        panel.set_xlim(edges[0], edges[-1])
        dress(panel)

    def _describe(self, problem):
        counts = self.histogram[problem]
        best = np.flatnonzero(counts)[-1]
        accuracy = best / (len(counts) - 1)
        lines = [f"best {accuracy:.4g}: {counts[best]:,.0f} of {counts.sum():,.0f}"]
        if self.class_names is not None:
            lines.insert(0, shorten(self.class_names[problem], _NAME_LENGTH))
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
    if names is not None and len(names) != n_problems:
        raise ValueError(
            f"The 'class_names' parameter of {_CALLER} must be {n_problems} names, one a problem, "
            f"or None. Got {len(names)} instead."
        )
    return names if names is None else list(names)


def _make_panels(n_problems):
    """Rows of equal length as far as they go."""
    n_rows = -(-n_problems // _MAX_COLUMNS)
    n_columns = -(-n_problems // n_rows)
    size = (max(5.5, 2.3 * n_columns + 0.7), 4.0 if n_problems == 1 else 2.6 * n_rows + 0.2)
    axes = make_axes(_CALLER, size, (n_rows, n_columns))
    for spare in axes[n_problems:]:
        spare.remove()
    return axes[:n_problems]
