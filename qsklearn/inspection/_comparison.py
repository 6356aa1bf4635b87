"""The figure of a comparison: every fold, the mean and its interval, one line per contender."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from qsklearn._checks import check_choice, check_instance, check_reals
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import check_axis, escape
from qsklearn.inspection._results import check_result

_NAME_WIDTH = 26  # characters before a name is broken into lines
_BLUE = "#0072B2"  # of Okabe and Ito's palette, told apart by colour-blind readers
_SECONDS = ("fit_seconds", "score_seconds")
_CALLER = "ComparisonDisplay"
_READ = ("scores", "baseline", "summary", *_SECONDS)
_KIND = "a ComparisonResult, as qsklearn.model_selection.compare returns it"


class ComparisonDisplay(Display):
    """Scores of several estimators over the same folds.

    One line per estimator, from the top in the order given: a black diamond for the mean with a
    bar for its interval, and below it an open circle for each fold. A dashed line marks the
    baseline's mean. Marks differ in shape, so nothing hangs on colour.

    Parameters
    ----------
    values : dict of str to (dict of str to array-like of shape (n_folds,))
        ``values[scoring][name]``, NaN where a fold failed.
    half_widths : dict of str to (dict of str to float)
        Half widths of the 95 % intervals around the means, in the unit of the score. A scoring
        that is left out has no bars.
    baseline : str or None, default=None
        The estimator whose mean is marked.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Examples
    --------
    >>> from qsklearn.inspection import ComparisonDisplay
    >>> values = {"accuracy": {"twin": [0.91, 0.93], "guess": [0.5, 0.48]}}
    >>> display = ComparisonDisplay(values, {"accuracy": {"twin": 0.02, "guess": 0.03}})
    >>> display.plot().ax_.get_xlabel()
    'accuracy'
    """

    def __init__(self, values, half_widths, *, baseline=None):
        for name, given in (("values", values), ("half_widths", half_widths)):
            check_instance(given, Mapping, name, "ComparisonDisplay")
            for by_name in given.values():
                check_instance(by_name, Mapping, name, "ComparisonDisplay")
        if not values:
            raise ValueError("The 'values' parameter of ComparisonDisplay must hold a score.")
        self.values = values
        self.half_widths = half_widths
        self.baseline = baseline

    @classmethod
    def from_result(cls, result, *, ax=None, scoring=None):
        """Plot the result of a comparison.

        Parameters
        ----------
        result : ComparisonResult
            As :func:`qsklearn.model_selection.compare` returns it.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        scoring : str or None, default=None
            As for :meth:`plot`; a further call of that draws another score.

        Returns
        -------
        display : ComparisonDisplay
            With the scores and ``"fit_seconds"`` and ``"score_seconds"``; the intervals are the
            corrected 95 % intervals of ``ComparisonResult.summary``.

        Raises
        ------
        ValueError
            If `scoring` is unknown, `result` is no result of a comparison, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        check_result(result, _READ, "result", f"{_CALLER}.from_result", _KIND)
        values = dict(result.scores) | {name: getattr(result, name) for name in _SECONDS}
        half_widths = {
            scorer: {row["estimator"]: row["half_width"] for row in result.summary(scorer)}
            for scorer in result.scores
        }
        display = cls(values, half_widths, baseline=result.baseline)
        return display.plot(ax, scoring=scoring)

    def plot(self, ax=None, *, scoring=None):
        """Draw one score, or the seconds.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        scoring : str or None, default=None
            A key of `values`; the first when None. Seconds get a logarithmic axis.

        Returns
        -------
        display : ComparisonDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `scoring` is unknown, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        scoring = next(iter(self.values)) if scoring is None else scoring
        check_choice(scoring, self.values, "scoring", "ComparisonDisplay.plot")
        labels = [textwrap.fill(name, _NAME_WIDTH) for name in self.values[scoring]]
        # Each contender takes the room of its name's lines, so that none runs into the next.
        heights = np.array([max(1.6, 1.0 + label.count("\n")) for label in labels])
        positions = np.cumsum(heights) - heights / 2
        self.ax_ = self._make_axes(heights.sum()) if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        for position, name in zip(positions, self.values[scoring], strict=True):
            self._draw(position, name, scoring)
        self._dress(positions, labels, heights.sum(), scoring)
        return self

    def _make_axes(self, lines):
        import_optional("matplotlib", "ComparisonDisplay.plot")
        figure_module = import_optional("matplotlib.figure", "ComparisonDisplay.plot")
        figure = figure_module.Figure(figsize=(6.0, 1.5 + 0.24 * lines), layout="constrained")
        return figure.subplots()

    def _draw(self, position, name, scoring):
        values = check_reals(self.values[scoring][name], "values", "ComparisonDisplay", "n_folds")
        finished = values[np.isfinite(values)]
        if finished.size == 0:
            self.ax_.text(
                0.5,
                position,
                "no fold finished",
                transform=self.ax_.get_yaxis_transform(),
                ha="center",
                va="center",
                style="italic",
            )
            return
        # The folds lie below the mean, each a little aside: equal scores would hide one another.
        aside = 0.35 + np.linspace(-0.15, 0.15, finished.size)
        self.ax_.plot(
            finished, position + aside, "o", mfc="none", mec=_BLUE, ms=5, label="one fold"
        )
        half_width = self.half_widths.get(scoring, {}).get(name, np.nan)
        mean, above = finished.mean(), position - 0.2
        if np.isfinite(half_width):
            self.ax_.errorbar(mean, above, xerr=half_width, color="black", capsize=4, lw=1.6)
        self.ax_.plot(mean, above, "D", color="black", ms=6, label="mean")
        if name == self.baseline:
            self.ax_.axvline(mean, ls="--", color="0.45", lw=1, zorder=0, label="baseline's mean")

    def _dress(self, positions, labels, height, scoring):
        self.ax_.set_yticks(positions, [escape(label) for label in labels])
        self.ax_.set_ylim(height, 0.0)
        self.ax_.set_xlabel(escape(scoring.replace("_", " ")))
        if scoring in _SECONDS:
            self._scale_seconds(scoring)
        self.ax_.grid(axis="x", color="0.9")
        self.ax_.set_axisbelow(True)
        self.ax_.spines[["top", "right", "left"]].set_visible(False)
        self.ax_.tick_params(axis="y", length=0)
        self._add_legend(scoring in self.half_widths)

    def _scale_seconds(self, scoring):
        """A logarithmic axis where the seconds differ tenfold, else one from zero."""
        seconds = np.concatenate([np.ravel(v) for v in self.values[scoring].values()])
        seconds = seconds[np.isfinite(seconds) & (seconds > 0)]
        if seconds.size == 0:
            return
        decades = np.log10(seconds.max() / seconds.min())
        if decades < 1:
            self.ax_.set_xlim(left=0.0)
            return
        ticker = import_optional("matplotlib.ticker", "ComparisonDisplay.plot")
        self.ax_.set_xscale("log")
        # matplotlib's own labels of the minor ticks run into one another.
        subs = (1.0, 2.0, 5.0) if decades < 2 else (1.0,)
        self.ax_.xaxis.set_major_locator(ticker.LogLocator(subs=subs))
        self.ax_.xaxis.set_major_formatter("{x:g}")
        self.ax_.xaxis.set_minor_formatter(ticker.NullFormatter())

    def _add_legend(self, with_intervals):
        handles, names = self.ax_.get_legend_handles_labels()
        chosen = dict(zip(names, handles, strict=True))
        if not chosen:
            return
        texts = ["mean and 95 % interval" if with_intervals and n == "mean" else n for n in chosen]
        self.ax_.legend(
            chosen.values(),
            texts,
            # Flush right, so that it reaches over the names and not over the edge.
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            columnspacing=1.2,
            ncols=len(chosen),
            frameon=False,
            fontsize="small",
        )
