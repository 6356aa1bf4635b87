"""The figure of paired differences from a baseline, one line per contender."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from qsklearn._checks import check_choice, check_instance
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    add_legend,
    check_axis,
    dress,
    escape,
    make_axes,
    shorten,
)
from qsklearn.inspection._results import check_result

_CALLER = "PairedDifferenceDisplay"
_NAME_WIDTH = 26  # characters before a name is broken into lines
_LABEL_WIDTH = 52  # of the axis of the differences
_LETTERS_PER_INCH = 11.0  # of the font of an axis
_LINE = 0.2  # inches that a line of a name takes
_INCHES_OF_LEGEND = 4.5  # in one row
_KIND = "a ComparisonResult, as qsklearn.model_selection.compare returns it"


class PairedDifferenceDisplay(Display):
    """How much contenders differ from a baseline on the same folds.

    One line per contender, from the top in the order given: a black diamond for the mean
    difference with a bar for its corrected 95 % interval, below it an open circle for each fold,
    and at the right the p-value where there is one. Right of the dashed line at zero the contender
    has the higher score. Long names are broken into lines, or cut in their middle where the axes
    given have no room for lines. Two intervals of scores may overlap widely while the difference is
    clear, because folds that are hard are hard for both: this figure shows what the test sees.

    Parameters
    ----------
    tests : dict of str to (list of dict)
        By score the rows of :meth:`qsklearn.model_selection.ComparisonResult.paired_tests`:
        ``estimator``, ``difference``, ``ci_low``, ``ci_high`` and ``p_value``.
    differences : dict of str to (dict of str to array-like of shape (n_folds,))
        ``differences[scoring][name]``, contender minus baseline; NaN where a fold failed.
    baseline : str
        The contender that the others are compared with.
    rope : float, (float, float) or None, default=None
        Region of practical equivalence, shaded: the ends in the unit of the score, or one number
        for as much to either side of zero.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If `rope` is no such region.

    Notes
    -----
    Whether a difference matters is for the reader to say, beforehand, by `rope`: an interval that
    lies in it shows the contenders to be as good as equal, which no p-value does. The intervals
    and p-values are Nadeau and Bengio's, each for one contender by itself.

    References
    ----------
    Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52.

    Kruschke, J. K. (2018). Rejecting or accepting parameter values in Bayesian estimation. Advances
    in Methods and Practices in Psychological Science 1.

    Examples
    --------
    >>> from qsklearn.inspection import PairedDifferenceDisplay
    >>> test = {"estimator": "sampled", "difference": 0.02, "ci_low": -0.01, "ci_high": 0.05}
    >>> display = PairedDifferenceDisplay(
    ...     {"accuracy": [test | {"p_value": 0.12}]},
    ...     {"accuracy": {"sampled": [0.01, 0.03, 0.02]}},
    ...     baseline="twin",
    ...     rope=0.01,
    ... )
    >>> display.plot().ax_.get_xlabel()
    'difference in accuracy from twin'
    """

    def __init__(self, tests, differences, *, baseline, rope=None):
        for name, given in (("tests", tests), ("differences", differences)):
            check_instance(given, Mapping, name, _CALLER)
        if not tests:
            raise ValueError(f"The 'tests' parameter of {_CALLER} must hold a score. Got none.")
        for rows in tests.values():
            check_instance(rows, (list, tuple), "tests", _CALLER)
        self.tests = tests
        self.differences = differences
        self.baseline = baseline
        self.rope = _check_rope(rope)

    @classmethod
    def from_result(cls, result, *, ax=None, scoring=None, rope=None, controls=False):
        """Plot the result of a comparison.

        Parameters
        ----------
        result : ComparisonResult
            As :func:`qsklearn.model_selection.compare` returns it, of two contenders or more.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        scoring : str or None, default=None
            As for :meth:`plot`; a further call of that draws another score.
        rope : float, (float, float) or None, default=None
            As for the class.
        controls : bool, default=False
            Whether to draw the differences of each contender from each of its own controls
            (``control_tests``) instead of those of all from the baseline.

        Returns
        -------
        display : PairedDifferenceDisplay

        Raises
        ------
        ValueError
            If `scoring` is unknown, `rope` is no region, `result` is no result of a comparison, or
            there is nothing to compare with: a single contender, or `controls` that are not there.
        ImportError
            If matplotlib is not installed.
        """
        caller, method = f"{_CALLER}.from_result", "control_tests" if controls else "paired_tests"
        check_result(result, ("scores", "baseline", method), "result", caller, _KIND)
        baseline = "its control" if controls else result.baseline
        tests, differences = {}, {}
        for scorer, values in result.scores.items():
            rows = getattr(result, method)(scoring=scorer)
            if controls and not rows:
                raise ValueError(
                    f"The 'controls' parameter of {caller} must be False where contenders have no "
                    f"controls. Got True, with the contenders {list(values)} alone; give compare "
                    "what qsklearn.model_selection.with_controls returns."
                )
            labels = [_label(row, controls) for row in rows]
            tests[scorer] = [
                row | {"estimator": label} for row, label in zip(rows, labels, strict=True)
            ]
            differences[scorer] = {
                label: values[row["estimator"]] - values[row["baseline"]]
                for row, label in zip(rows, labels, strict=True)
            }
        return cls(tests, differences, baseline=baseline, rope=rope).plot(ax, scoring=scoring)

    def plot(self, ax=None, *, scoring=None):
        """Draw the differences in one score.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        scoring : str or None, default=None
            A key of `tests`; the first when None.

        Returns
        -------
        display : PairedDifferenceDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `scoring` is unknown, there is no test, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        tests = self._choose_tests(scoring)
        scoring = next(iter(self.tests)) if scoring is None else scoring
        labels = _break_names([test["estimator"] for test in tests], ax)
        # Each contender takes the room of its name's lines, so that none runs into the next.
        heights = np.array([_count_lines(label) for label in labels])
        positions = heights / 2 - np.cumsum(heights)
        size = 6.0, 1.7 + 0.24 * heights.sum()
        self.ax_ = make_axes(_CALLER, size)[0] if ax is None else ax  # checked
        self.figure_ = self.ax_.figure
        self._mark_equality()
        for position, test in zip(positions, tests, strict=True):
            self._draw(position, test, self.differences[scoring][test["estimator"]])
        self._dress(positions, labels, heights.sum(), scoring)
        if any(np.isfinite(test["p_value"]) for test in tests):
            style = {"transform": self.ax_.get_yaxis_transform(), "fontsize": "small"}
            self.ax_.text(1.01, 0.0, "p", va="bottom", style="italic", **style)
        self._add_legend(outside=ax is None)
        return self

    def _choose_tests(self, scoring):
        if scoring is not None:
            check_choice(scoring, self.tests, "scoring", f"{_CALLER}.plot")
        tests = self.tests[next(iter(self.tests)) if scoring is None else scoring]
        if not tests:
            raise ValueError(
                f"{_CALLER} needs a contender beside the baseline {self.baseline!r}, and there is "
                "none. Give compare two estimators or more."
            )
        return tests

    def _mark_equality(self):
        if self.rope is not None:
            low, high = self.rope
            ends = f"±{high:g}" if low == -high else f"{low:g} to {high:g}"
            self.ax_.axvspan(
                low, high, color="0.87", lw=0, zorder=0, label=f"practically equal ({ends})"
            )
        self.ax_.axvline(0.0, ls="--", color=GREY, lw=1.3, zorder=1.5)

    def _draw(self, position, test, differences):
        # A legend names each mark once.
        label = "_" if any(line.get_label() == _MEAN for line in self.ax_.get_lines()) else ""
        values = np.asarray(differences, dtype=float)
        finished = values[np.isfinite(values)]
        across = self.ax_.get_yaxis_transform()
        if finished.size == 0:
            style = {"ha": "center", "va": "center", "style": "italic"}
            self.ax_.text(0.5, position, "no fold finished", transform=across, **style)
            return
        mean, above = test["difference"], position + 0.2
        if np.isfinite(test["ci_low"]):
            span = [test["ci_low"], test["ci_high"]]
            bars = np.abs(np.subtract(span, mean)).reshape(2, 1)
            self.ax_.errorbar(mean, above, xerr=bars, color="black", capsize=4, lw=1.6)
        self.ax_.plot(mean, above, "D", color="black", ms=6, label=label + _MEAN)
        # The folds lie below the mean, each a little aside: equal ones would hide one another.
        aside = 0.35 + np.linspace(-0.15, 0.15, finished.size)
        folds = {"mfc": "none", "mec": COLOURS[0], "ms": 4.5}
        self.ax_.plot(finished, position - aside, "o", label=label + _FOLD, **folds)
        if np.isfinite(test["p_value"]):
            style = {"transform": across, "va": "center", "fontsize": "small"}
            self.ax_.text(1.01, position, _format_p(test["p_value"]), **style)

    def _dress(self, positions, labels, height, scoring):
        self.ax_.set_yticks(positions, [escape(label) for label in labels])
        self.ax_.set_ylim(-height, 0.0)
        if self._inches()[1] < _LINE * height:
            self.ax_.tick_params(axis="y", labelsize="small")
        what = f"difference in {scoring.replace('_', ' ')} from {self.baseline}"
        n_letters = int(_LETTERS_PER_INCH * self._inches()[0])
        lines = textwrap.fill(what, int(np.clip(n_letters, 16, _LABEL_WIDTH)))
        self.ax_.set_xlabel(escape(lines))
        dress(self.ax_)
        self.ax_.grid(visible=False, axis="y")
        self.ax_.spines["left"].set_visible(False)
        self.ax_.tick_params(axis="y", length=0)

    def _inches(self):
        """Width and height of the axes, before anything lays out the figure."""
        box = self.ax_.get_window_extent()
        return box.width / self.figure_.dpi, box.height / self.figure_.dpi

    def _add_legend(self, outside):
        handles, names = self.ax_.get_legend_handles_labels()
        is_free = self.ax_.get_title() or self.figure_.get_layout_engine() is None
        if handles and (outside or is_free):
            add_legend(self.ax_, outside=outside)
        elif handles:
            # Flush right, so that it reaches over the names and not over the edge.
            place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
            n_columns = len(names) if self._inches()[0] > _INCHES_OF_LEGEND else 1
            style = {"fontsize": "small", "frameon": False, "columnspacing": 1.2}
            self.ax_.legend(handles, names, ncols=n_columns, **place, **style)


_MEAN, _FOLD = "mean and 95 % interval", "one fold"


def _break_names(names, ax):
    """Names in lines, or cut short where axes that are given have no room for lines."""
    if ax is None:
        return [textwrap.fill(name, _NAME_WIDTH) for name in names]
    box = check_axis(ax, _CALLER).get_window_extent()
    width, height = box.width / ax.figure.dpi, box.height / ax.figure.dpi
    n_letters = int(np.clip(_LETTERS_PER_INCH / 2 * width, 12, _NAME_WIDTH))
    labels = [textwrap.fill(name, n_letters) for name in names]
    if sum(map(_count_lines, labels)) * _LINE > height:
        return [shorten(name, n_letters) for name in names]
    return labels


def _count_lines(label):
    return max(1.6, 1.0 + label.count("\n"))


def _format_p(p_value):
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _label(row, controls):
    name, other = row["estimator"], row["baseline"]
    if not controls:
        return name
    # Variants "NAME (...)" may share a control "NAME: ...".
    for owner in (name, name.rpartition(" (")[0]):
        other = other.removeprefix(f"{owner}: ")
    return f"{name} minus {other}"


def _check_rope(rope):
    if rope is None:
        return None
    try:
        ends = np.asarray(rope, dtype=float)
    except (TypeError, ValueError):
        ends = np.array(np.nan)
    low, high = (-ends, ends) if ends.ndim == 0 else ends if ends.shape == (2,) else (1.0, 0.0)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            f"The 'rope' parameter of {_CALLER} must be a number over 0, a pair of numbers that "
            f"ascend, or None. Got {rope!r} instead."
        )
    return float(low), float(high)
