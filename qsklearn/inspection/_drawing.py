"""What the displays share: a palette, axes made or checked, their dress and their legend."""

from __future__ import annotations

import textwrap

import numpy as np

from qsklearn._optional import import_optional

# Okabe and Ito's palette without its yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vP*X"
GREY = "0.45"
_LETTERS_PER_INCH = 14.5  # of a small font
_HANDLE, _GAP = 4, 4  # letters that the line before a name takes, and the room between columns
_LINE = 0.18  # inches that a line of a small font takes


def make_axes(caller, size, shape=(1, 1)):
    """The axes of a new figure, apart from pyplot's.

    Parameters
    ----------
    caller : str
        The public class, for the error where matplotlib is missing.
    size : tuple of 2 float
        Width and height of the figure, in inches.
    shape : tuple of 2 int, default=(1, 1)
        Rows and columns of panels.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes of shape (n_panels,)
        Row by row.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure_module = import_optional("matplotlib.figure", f"{caller}.plot")
    figure = figure_module.Figure(figsize=size, layout="constrained")
    return figure.subplots(*shape, squeeze=False).ravel()


def check_axis(ax, caller):
    """Raise ValueError unless `ax` is one matplotlib axes, plane and in a figure; return it."""
    fault = _find_fault(ax)
    if fault is not None:
        raise ValueError(
            f"The 'ax' parameter of {caller}.plot must be a matplotlib axes, or None. Got {fault} "
            "instead."
        )
    return ax


def _find_fault(ax):
    """What `ax` is where nothing can be drawn in it, else None."""
    if not hasattr(ax, "get_xaxis"):
        return type(ax).__name__
    if ax.figure is None:
        return "one that was removed from its figure"
    return None if ax.name == "rectilinear" else f"one with {ax.name} coordinates"


def check_axes(ax, n_panels, caller):
    """Raise ValueError unless `ax` holds as many matplotlib axes as panels; return them in a row.

    Parameters
    ----------
    ax : object
        One axes, or an array-like of them of any shape.
    n_panels : int
        How many there must be.
    caller : str
        The public class, for the error.

    Returns
    -------
    axes : ndarray of matplotlib.axes.Axes of shape (n_panels,)

    Raises
    ------
    ValueError
        If they are of another number or type, were removed, or are not plane.
    """
    axes = np.asarray(ax, dtype=object).ravel()
    faults = [fault for fault in map(_find_fault, axes) if fault is not None]
    if axes.size != n_panels or faults:
        several = f"{n_panels} matplotlib axes, one a panel"
        got = f"{axes.size} of type {type(axes[0]).__name__}" if axes.size else "none"
        raise ValueError(
            f"The 'ax' parameter of {caller}.plot must be "
            f"{'a matplotlib axes' if n_panels == 1 else several}, or None. Got "
            f"{faults[0] if axes.size == n_panels else got} instead."
        )
    return axes


def dress(panel):
    """A pale grid behind the data, and no frame above and at the right."""
    panel.grid(color="0.9")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def label_outer(axes, xlabel, ylabel):
    """Name the axes of panels that share their scales, once a row and once a column.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        Row by row, with equal limits.
    xlabel : str
        Goes below the last panel of each column.
    ylabel : str
        Goes beside the first panel of each row; only this one keeps the numbers.
    """
    places = [panel.get_position().bounds[:2] for panel in axes]
    for number, (panel, (left, bottom)) in enumerate(zip(axes, places, strict=True)):
        if number > 0 and places[number - 1][1] == bottom:
            panel.tick_params(labelleft=False)
        else:
            panel.set_ylabel(ylabel)
        if not any(x == left and y < bottom for x, y in places):
            panel.set_xlabel(xlabel)


def add_legend(panel, *, outside, title=None):
    """The legend of a panel: over the whole figure where that is ours, else over the panel.

    Where nothing lays out the figure, the panel's own axis grows to make room for it; where a title
    stands over the panel, it goes to the emptiest corner. Names are broken into lines that fit.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Its labelled artists are named. Its axis of y is linear.
    outside : bool
        Whether the figure is ours.
    title : str or None, default=None
        Stands above the names; broken into lines like them.
    """
    handles, names = panel.get_legend_handles_labels()
    box = panel.figure.bbox if outside else panel.get_window_extent()
    n_letters = int(_LETTERS_PER_INCH * box.width / panel.figure.dpi)
    names = [textwrap.fill(name, max(n_letters - _HANDLE, 8)) for name in names]
    title = title and textwrap.fill(title, max(n_letters, 8))
    n_columns = min(len(names), max(1, n_letters // (_HANDLE + _GAP + max(map(len, names)))))
    style = {"fontsize": "small", "title": title, "title_fontsize": "small", "frameon": False}
    if outside:
        place = {"loc": "outside upper center", "ncols": n_columns}
        panel.figure.legend(handles, names, **place, **style)
    elif panel.get_title():
        panel.legend(handles, names, loc="best", **style | {"frameon": True})
    elif panel.figure.get_layout_engine() is None:
        texts = names + [title] * (title is not None)
        make_room(panel, sum(text.count("\n") + 1 for text in texts))
        panel.legend(handles, names, loc="upper left", borderaxespad=0.0, **style)
    else:
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
        panel.legend(handles, names, ncols=n_columns, **place, **style)


def make_room(panel, n_lines):
    """Extend the axis of y for lines of text above the data; its ticks stay where they are."""
    low, high = panel.get_ylim()
    height = panel.get_window_extent().height / panel.figure.dpi
    share = min(0.5, (n_lines + 1) * _LINE / height)
    panel.set_yticks([tick for tick in panel.get_yticks() if low <= tick <= high])
    panel.set_ylim(low, low + (high - low) / (1.0 - share))


def escape(name):
    """A name given by a user, as matplotlib draws it letter by letter: a $ begins no formula."""
    return str(name).replace("$", r"\$")


def shorten(name, n_letters):
    """A name cut to a number of letters in its middle: its end is often what sets it apart."""
    name = str(name)
    if len(name) <= n_letters:
        return name
    n_last = (n_letters - 1) // 2
    return f"{name[: n_letters - 1 - n_last].rstrip()}…{name[len(name) - n_last :].lstrip()}"
