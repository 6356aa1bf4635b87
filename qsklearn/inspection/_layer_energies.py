"""The figure of the energies of a network's layers, before and after each annealing.

It reads the dictionary of arrays that a network trained by annealing leaves in ``diagnostics_`` and
knows no estimator by name.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from qsklearn._checks import check_instance
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    add_legend,
    check_axes,
    dress,
    escape,
    make_axes,
    shorten,
)
from qsklearn.inspection._fitted_estimator import check_has

_CALLER = "LayerEnergyDisplay"
_ENERGIES = ("base_energy", "annealed_energy", "energy", "optimum")
_MAX_COLUMNS = 3
_DECADE = 10.0  # from this ratio on the axis is logarithmic
_ROUNDING = 1e-12
_LETTERS_PER_INCH = 13.0
_MANY_LINES, _HIGH = 3, 1.8  # of a title, where a panel is higher than so many inches
_MANY_EPOCHS = 40  # from here on the marks shrink


class LayerEnergyDisplay(Display):
    """Energies of each layer's spin glass over the epochs: before, after, and the least.

    One panel a layer, in the order of the network. In each epoch an open circle is the energy of
    the weights at hand, a filled one that of the weights which the epoch left, and a line joins
    them: its length is what the annealing gained. A cross is the energy that was drawn, where this
    was not what was kept. A dashed line is the exact optimum of the epoch's problem, where it is
    known.

    The problem of a hidden layer changes from epoch to epoch, with its targets and inputs: the
    energy of the same weights may jump between two epochs. In a network of one layer it stays, and
    the circles follow on each other.

    Parameters
    ----------
    diagnostics : dict
        ``"base_energy"``, ``"annealed_energy"``, ``"energy"`` and ``"optimum"``: array-like of
        shape (n_epochs, n_layers), NaN where a number is not known; ``"layer_names"``: list of
        n_layers str. Further keys are ignored.

    Attributes
    ----------
    axes_ : ndarray of n_layers matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If a diagnostic is missing, has another shape, or there is no epoch or no layer.

    See Also
    --------
    AnnealedTrainingDisplay : Loss, gaps above the optimum, targets and conditioning.

    Notes
    -----
    The energy of a layer is its squared error as a quadratic form of its weights, with the ridge,
    summed over its outputs. Axes are logarithmic where energies are positive, and those of a layer
    differ tenfold or more.

    References
    ----------
    Sorba, F. Training convolutional neural networks by simulated/quantum annealing (2025).

    Examples
    --------
    >>> from qsklearn.inspection import LayerEnergyDisplay
    >>> diagnostics = {
    ...     "base_energy": [[1.0], [0.31]],
    ...     "annealed_energy": [[0.31], [0.33]],
    ...     "energy": [[0.31], [0.31]],
    ...     "optimum": [[0.29], [0.29]],
    ...     "layer_names": ["0: Linear(10)"],
    ... }
    >>> display = LayerEnergyDisplay(diagnostics).plot()
    >>> display.axes_[0].get_title()
    '0: Linear(10)'
    """

    def __init__(self, diagnostics):
        _check(diagnostics)
        self.diagnostics = diagnostics

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the energies of a fitted estimator's layers.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute ``diagnostics_``.
        ax : matplotlib.axes.Axes, array-like of them, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : LayerEnergyDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no diagnostics, or not those that are shown, or `ax` does not hold one axes a
            layer.
        ImportError
            If matplotlib is not installed.
        """
        kind = "networks trained by annealing have after fit"
        estimator = check_has(estimator, ("diagnostics_",), _CALLER, kind)
        return cls(estimator.diagnostics_).plot(ax)

    def plot(self, ax=None):
        """Draw one panel a layer.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of n_layers of them, or None, default=None
            Where to draw, each some 2 inches wide or more; a figure of fitting size is made when
            None, apart from pyplot's.

        Returns
        -------
        display : LayerEnergyDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` does not hold one axes a layer.
        ImportError
            If matplotlib is not installed.
        """
        names = list(self.diagnostics["layer_names"])
        self.axes_ = _make_panels(len(names)) if ax is None else check_axes(ax, len(names), _CALLER)
        self.figure_ = self.axes_[0].figure
        energies = {name: self._values(name) for name in _ENERGIES}
        for layer, (panel, name) in enumerate(zip(self.axes_, names, strict=True)):
            dress(panel)
            self._draw(panel, {key: values[:, layer] for key, values in energies.items()})
            panel.set_title(escape(_fit(name, panel)), fontsize="small")
            panel.set_xlabel("epoch")
            panel.xaxis.get_major_locator().set_params(integer=True)
        if _needs_logarithm(energies):
            for panel in self.axes_:
                _scale_logarithmically(panel)
        self.axes_[0].set_ylabel("energy")
        self._add_legend(outside=ax is None)
        return self

    def _values(self, name):
        values = np.array(self.diagnostics[name], dtype=float)
        values[~np.isfinite(values)] = np.nan
        return values

    def _draw(self, panel, energies):
        before, drawn, after = (energies[name] for name in _ENERGIES[:3])
        epochs = np.arange(1, len(after) + 1)
        size = 5.0 if len(after) <= _MANY_EPOCHS else 3.0
        panel.vlines(epochs, after, before, color=COLOURS[4], lw=1.2)
        open_circle = {"mfc": "white", "mec": COLOURS[0], "mew": 0.9, "ms": 1.3 * size}
        panel.plot(epochs, before, "o", label="before", **open_circle)
        panel.plot(epochs, energies["optimum"], "--", color=GREY, lw=1.0, label="optimum")
        panel.plot(epochs, after, "o", color="black", ms=0.8 * size, label="after")
        is_lost = np.abs(drawn - after) > _ROUNDING * np.abs(after)
        if is_lost.any():
            lost = np.where(is_lost, drawn, np.nan)
            panel.plot(epochs, lost, "x", color=COLOURS[1], ms=size, label="drawn, not kept")

    def _add_legend(self, *, outside):
        """Of the panel that shows the most."""
        counts = [len(panel.get_legend_handles_labels()[1]) for panel in self.axes_]
        panel = self.axes_[int(np.argmax(counts))]
        if outside:
            add_legend(panel, outside=True)
        else:
            panel.legend(frameon=True, fontsize="small", loc="best")


def _needs_logarithm(energies):
    """Whether energies are positive, and those of some layer differ much."""
    values = np.concatenate(list(energies.values()))
    known = values[np.isfinite(values)]
    if not known.size or known.min() <= 0:
        return False
    columns = [column[np.isfinite(column)] for column in values.T]
    return any(c.size and c.max() >= _DECADE * c.min() for c in columns)


def _scale_logarithmically(panel):
    """With few ticks: matplotlib's own labels of the minor ones are long."""
    ticker = import_optional("matplotlib.ticker", f"{_CALLER}.plot")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(ticker.NullFormatter())


def _fit(name, panel):
    """A name in a few lines, or cut to one where the panel is small."""
    width, height = panel.get_window_extent().size / panel.figure.dpi
    n_letters = max(int(_LETTERS_PER_INCH * width), 10)
    lines = textwrap.wrap(name, n_letters, break_long_words=False)
    n_lines = _MANY_LINES if height > _HIGH else 1
    if len(lines) <= n_lines and max(map(len, lines), default=0) <= n_letters:
        return "\n".join(lines)
    return shorten(name, n_letters)


def _check(diagnostics):
    """Raise ValueError unless the diagnostics are complete and of fitting shapes."""
    check_instance(diagnostics, Mapping, "diagnostics", _CALLER)
    missing = [name for name in (*_ENERGIES, "layer_names") if name not in diagnostics]
    if missing:
        raise ValueError(
            f"The 'diagnostics' parameter of {_CALLER} must have the keys "
            f"{', '.join(map(repr, _ENERGIES))} and 'layer_names'. It lacks "
            f"{', '.join(map(repr, missing))}."
        )
    n_layers = len(diagnostics["layer_names"])
    if n_layers == 0:
        raise ValueError(f"The diagnostic 'layer_names' of {_CALLER} must name a layer. Got none.")
    n_epochs = len(diagnostics["energy"])
    for name in _ENERGIES:
        shape = np.shape(diagnostics[name])
        if n_epochs == 0 or shape != (n_epochs, n_layers):
            raise ValueError(
                f"The diagnostic {name!r} of {_CALLER} must have the shape (n_epochs, n_layers) = "
                f"({max(n_epochs, 1)}, {n_layers}), with at least one epoch. Got {shape} instead."
            )


def _make_panels(n_layers):
    n_rows = -(-n_layers // _MAX_COLUMNS)
    n_columns = -(-n_layers // n_rows)
    size = (max(5.5, 3.2 * n_columns), 3.6 if n_rows == 1 else 2.7 * n_rows + 0.4)
    axes = make_axes(_CALLER, size, (n_rows, n_columns))
    for spare in axes[n_layers:]:
        spare.remove()
    return axes[:n_layers]
