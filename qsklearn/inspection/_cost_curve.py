"""The figure of scores against what they cost, one curve per contender."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np

from qsklearn._checks import check_instance, is_among
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    MARKERS,
    add_legend,
    check_axis,
    dress,
    escape,
    make_axes,
    shorten,
)
from qsklearn.inspection._results import check_result

_CALLER = "CostCurveDisplay"
_STYLES = ("-", "--", "-.", (0, (4, 1.5, 1, 1.5, 1, 1.5)), ":")
_N_LETTERS = 24  # of a value in the legend, which may be an object
_LONG = 2e5  # costs beyond this, or below its inverse, are written as powers of ten
_ONE_COST = 0.01  # decades: what differs by less would be drawn at the width of a rounding error
_ASIDE = 3.0  # points between marks that would hide one another
_INCHES_OF_NUMBER = 0.75  # on the axis of the costs
_CLOSE = 0.015  # of the axis: marks nearer than this hide one another
_NEEDED = ("estimator", "parameter", "value", "scoring", "mean", "half_width")
_NOT_COSTS = ("estimator", "parameter", "value", "scoring", "n_folds")
_NOT_COSTS += ("mean", "standard_error", "half_width")
# Costs that do not say by themselves what they are of.
_AXES = {
    "calls": "calls of the sampler per fit",
    "reads": "reads drawn per fit",
    "sweeps": "sweeps per fit",
    "queries": "queries of the device per fit",
    "oracle_queries": "oracle queries per fit",
    "qpu_seconds": "QPU seconds per fit",
    "fit_seconds": "seconds per fit",
    "score_seconds": "seconds per scored fold",
    "predict_calls": "calls of the sampler per predicted fold",
    "predict_reads": "reads drawn per predicted fold",
    "predict_queries": "queries of the device per predicted fold",
    "predict_qpu_seconds": "QPU seconds per predicted fold",
    "total_calls": "calls of the sampler per fit and predicted fold",
    "total_reads": "reads drawn per fit and predicted fold",
    "total_queries": "queries of the device per fit and predicted fold",
    "total_qpu_seconds": "QPU seconds per fit and predicted fold",
}


class CostCurveDisplay(Display):
    """Scores of contenders against what they cost.

    A line for each contender joins its points in the order of their costs, on a logarithmic axis;
    bars are 95 % intervals. Contenders without such a cost, as a classical twin that draws no
    reads, are horizontal lines across the figure, with their interval as a band; where they have
    several points, the best. Lines differ in marker and dashes as well as in colour. Where marks
    of several contenders would hide one another, they are moved aside by a few points of the page.

    Parameters
    ----------
    rows : list of dict
        As of :meth:`qsklearn.model_selection.CostCurve.summary`: ``estimator``, ``parameter``,
        ``value``, ``scoring``, ``mean``, ``half_width``, and costs by any names, NaN where unknown.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        After :meth:`plot`: one per contender, in the order of the rows.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If there is no row.

    Notes
    -----
    A logarithmic axis shows no zero: a point whose cost is zero, among others of its contender that
    have one, is left out, as is a point of which no fold finished.

    Examples
    --------
    >>> import math
    >>> from qsklearn.inspection import CostCurveDisplay
    >>> shared = {"scoring": "accuracy", "half_width": 0.02}
    >>> rows = [
    ...     {"estimator": "sampled", "parameter": "num_reads", "value": n, "mean": mean, "reads": r}
    ...     | shared
    ...     for n, mean, r in [(1, 0.8, 100), (10, 0.9, 1000)]
    ... ]
    >>> twin = {"estimator": "twin", "parameter": None, "value": None, "mean": 0.91}
    >>> display = CostCurveDisplay([*rows, twin | {"reads": math.nan} | shared]).plot()
    >>> [line.get_label() for line in display.lines_]
    ['sampled, num_reads 1 to 10', 'twin (no reads to fit)']
    """

    def __init__(self, rows):
        check_instance(rows, Iterable, "rows", _CALLER)
        self.rows = list(rows)
        if not self.rows:
            raise ValueError(f"The 'rows' parameter of {_CALLER} must hold a row. Got none.")
        for row in self.rows:
            check_instance(row, Mapping, "rows", _CALLER)
            missing = [name for name in _NEEDED if name not in row]
            if missing:
                raise ValueError(
                    f"The 'rows' parameter of {_CALLER} must be rows with {', '.join(_NEEDED)}. "
                    f"One lacks {', '.join(missing)}."
                )

    @classmethod
    def from_curve(cls, curve, *, ax=None, cost="reads", scoring=None):
        """Plot a cost curve.

        Parameters
        ----------
        curve : CostCurve
            As :func:`qsklearn.model_selection.cost_curve` returns it.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cost : str, default="reads"
            As for :meth:`plot`; a further call of that draws another cost.
        scoring : str or None, default=None
            Which score; the first when None.

        Returns
        -------
        display : CostCurveDisplay

        Raises
        ------
        ValueError
            If `curve` is no cost curve, `scoring` is unknown, no contender has the cost, or `ax` is
            no axes.
        ImportError
            If matplotlib is not installed.
        """
        kind = "a CostCurve, as qsklearn.model_selection.cost_curve returns it"
        check_result(curve, ("points", "summary"), "curve", f"{_CALLER}.from_curve", kind)
        return cls(curve.summary(scoring)).plot(ax, cost=cost)

    def plot(self, ax=None, *, cost="reads"):
        """Draw the scores against one cost.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.
        cost : str, default="reads"
            Name of a cost in the rows, such as ``"reads"``, ``"sweeps"``, ``"qpu_seconds"``,
            ``"fit_seconds"`` or ``"total_reads"``.

        Returns
        -------
        display : CostCurveDisplay
            Itself, with `lines_`, `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If no contender has the cost, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        self._check_cost(cost)
        self.ax_ = make_axes(_CALLER, (6.0, 4.2))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        self.ax_.set_xscale("log")
        costs = self._draw(cost)
        self._scale(costs)
        self.ax_.set_xlabel(_AXES.get(cost, escape(cost.replace("_", " "))))
        self.ax_.set_ylabel(escape(self.rows[0]["scoring"]).replace("_", " "))
        dress(self.ax_)
        add_legend(self.ax_, outside=ax is None)
        return self

    def _check_cost(self, cost):
        known = [
            name
            for name in dict.fromkeys(key for row in self.rows for key in row)
            if name not in _NOT_COSTS and any(_is_shown(row, name) for row in self.rows)
        ]
        if not is_among(cost, known):
            raise ValueError(
                f"The 'cost' parameter of {_CALLER}.plot must be one that a contender has: "
                f"{', '.join(map(repr, known)) or 'none was found'}. Got {cost!r} instead."
            )

    def _draw(self, cost):
        """Draw all contenders; return the costs of all marks."""
        curves = {row["estimator"]: [] for row in self.rows}
        for row in self.rows:
            if _is_shown(row, cost):
                curves[row["estimator"]].append(row)
        costs = [[row[cost] for row in curve] for curve in curves.values() if curve]
        everything = np.concatenate(costs)
        if np.ptp(np.log10(everything)) < _ONE_COST:
            # Before anything is drawn: matplotlib's own limits would have nothing between them.
            self.ax_.set_xlim(min(everything) / 2, max(everything) * 2)
        shifts = iter(_find_shifts(costs))
        self.lines_ = [
            self._draw_curve(name, number, curve, cost, next(shifts))
            if curve
            else self._draw_level(name, number, cost)
            for number, (name, curve) in enumerate(curves.items())
        ]
        self._set_limits([row for curve in curves.values() for row in curve], cost)
        return everything

    def _draw_curve(self, name, number, curve, cost, shift):
        style = {"color": COLOURS[number % len(COLOURS)], "transform": self._move_aside(shift)}
        ordered = sorted(curve, key=lambda row: row[cost])
        costs, means, bars = (
            np.array([row[key] for row in ordered], dtype=float)
            for key in (cost, "mean", "half_width")
        )
        self.ax_.errorbar(costs, means, yerr=bars, fmt="none", elinewidth=1.0, capsize=3, **style)
        line = self.ax_.plot(
            costs,
            means,
            marker=MARKERS[number % len(MARKERS)],
            markerfacecolor="white",
            markersize=6,
            linestyle=_STYLES[number % len(_STYLES)],
            linewidth=1.5,
            label=escape(_describe(name, curve)),
            **style,
        )[0]
        return line

    def _set_limits(self, rows, cost):
        # What is moved aside does not count by itself, and before matplotlib 3.11 bars on a
        # logarithmic axis count at the logarithm of their place.
        self.ax_.relim()
        for row in rows:
            bar = np.nan_to_num(row["half_width"])
            ends = row["mean"] - bar, row["mean"] + bar
            self.ax_.update_datalim([(row[cost], end) for end in ends])
        self.ax_.autoscale_view()

    def _move_aside(self, shift):
        if shift == 0:
            return self.ax_.transData
        transforms = import_optional("matplotlib.transforms", f"{_CALLER}.plot")
        inches = self.figure_.dpi_scale_trans
        return self.ax_.transData + transforms.ScaledTranslation(shift / 72, 0.0, inches)

    def _draw_level(self, name, number, cost):
        """A contender without this cost: the same score wherever one looks."""
        own = [row for row in self.rows if row["estimator"] == name and np.isfinite(row["mean"])]
        style = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": _STYLES[number % len(_STYLES)],
            "zorder": 1,
        }
        if not own:
            return self.ax_.plot(
                [], [], label=escape(f"{name} (no fold finished)"), lw=1.5, **style
            )[0]
        best = max(own, key=lambda row: row["mean"])
        mean, half_width = best["mean"], best["half_width"]
        if np.isfinite(half_width):
            ends = mean - half_width, mean + half_width
            self.ax_.axhspan(*ends, color=style["color"], alpha=0.1, lw=0, zorder=0.5)
            # Bands overlap: in grey only the dashes of their ends tell whose they are.
            for end in ends:
                self.ax_.axhline(end, lw=0.6, **style)
        what = name if len(own) == 1 else f"{name}, {_setting(best)}"
        label = escape(f"{what} ({_say_none(cost)})")
        return self.ax_.axhline(mean, label=label, lw=1.5, **style)

    def _scale(self, costs):
        """Ticks whose numbers do not run into one another, as many as there is room for."""
        ticker = import_optional("matplotlib.ticker", f"{_CALLER}.plot")
        axis = self.ax_.xaxis
        width = self.ax_.get_window_extent().width / self.figure_.dpi
        n_ticks = int(np.clip(width / _INCHES_OF_NUMBER, 2, 7))
        decades = np.log10(max(costs) / min(costs))
        if decades < 1:
            # Between two powers of ten a logarithmic axis may have no round number at all.
            axis.set_major_locator(ticker.MaxNLocator(n_ticks, steps=[1, 2, 5, 10]))
        else:
            subs = (1.0, 3.0) if decades < 2 else (1.0,)
            subs = (1.0, 2.0, 5.0) if 3 * decades < n_ticks else subs
            axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=n_ticks))
        style = _group_digits if max(costs) < _LONG and min(costs) > 1 / _LONG else _write_power
        axis.set_major_formatter(ticker.FuncFormatter(lambda number, _: style(number)))
        axis.set_minor_formatter(ticker.NullFormatter())


def _is_shown(row, cost):
    """Whether a logarithmic axis can show a row."""
    price = row.get(cost, np.nan)
    is_number = isinstance(price, (int, float, np.number))
    return bool(is_number and np.isfinite(price) and price > 0 and np.isfinite(row["mean"]))


def _find_shifts(costs_of_curves):
    """How far the marks of each curve are moved aside, in points of the page."""
    places = [np.log(costs) for costs in costs_of_curves]
    span = np.ptp(np.concatenate(places)) or 1.0
    hides = any(
        np.abs(np.subtract.outer(a, b)).min() < _CLOSE * span
        for a, b in itertools.combinations(places, 2)
    )
    return (_ASIDE * hides) * (np.arange(len(places)) - (len(places) - 1) / 2)


def _describe(name, curve):
    """A contender's name, and what is varied."""
    if curve[0]["parameter"] is None:
        return name
    first, *others = dict.fromkeys(shorten(row["value"], _N_LETTERS) for row in curve)
    return f"{name}, {curve[0]['parameter']} {first}" + (f" to {others[-1]}" if others else "")


def _say_none(cost):
    """That there is no such cost, and in what."""
    word = cost.removeprefix("predict_").removeprefix("total_").replace("_", " ")
    part = " to predict" if cost.startswith("predict_") else ""
    return f"no {word}{part or (' to fit' if cost in _AXES and word == cost else '')}"


def _setting(row):
    return f"{row['parameter']} {shorten(row['value'], _N_LETTERS)}"


def _group_digits(number):
    return f"{number:,.6g}" if number < _LONG else f"{number:,.0f}"


def _write_power(number):
    mantissa, exponent = f"{number:.3e}".split("e")
    factor = "" if float(mantissa) == 1 else f"{float(mantissa):g}·"
    return f"{factor}$10^{{{int(exponent)}}}$"
