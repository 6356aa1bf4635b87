"""The picture of a QUBO: its matrix Q, block by block of the layers that its units belong to.

It reads a matrix or a binary quadratic model, or asks an estimator for the latter by method.
"""

from __future__ import annotations

import numbers

import numpy as np
from scipy import sparse

from qsklearn._checks import check_flag
from qsklearn._memory import check_memory
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import check_axis, escape
from qsklearn.inspection._fitted_estimator import find_with_rows
from qsklearn.inspection._quadratic_matrix import check_layers, check_matrix, read_bqm

_CALLER = "QUBOMatrixDisplay"
_BYTES_PER_CELL = 40  # the dense matrix, its mask and matplotlib's copies of both
_MANY_UNITS = 40  # from here on their numbers would run into one another
_TYPICAL = 95.0  # per cent of the coefficients that the colours must tell apart
_OUTLYING = 3.0  # how far beyond these the largest one may be before it is clipped
_BORDER = "0.45"
_LINE, _SMALL = 13.0, 6.0  # points that a line of text takes, and the size of unit numbers


class QUBOMatrixDisplay(Display):
    """The matrix Q of the energy x'Qx of binary units, by blocks of layers.

    Linear coefficients stand on the diagonal, couplings above it: a block of couplings lies in the
    rows of one layer and the columns of another, and the energy counts each of them once. Blue
    coefficients lower the energy, red ones raise it, zeros are left blank. Lines part the blocks;
    nothing lies below the diagonal, so the colour bar stands there.

    Parameters
    ----------
    matrix : {array-like, sparse matrix} of shape (n_units, n_units)
        Upper triangular, in the unit of the energy.
    layers : dict of str to slice, list of (str, int), or None, default=None
        The units of each layer, or the sizes of the layers from the first unit on. They must hold
        all units. One layer "units" when None.

    Attributes
    ----------
    matrix : ndarray or csr_array of shape (n_units, n_units)
        What was given, as float64.
    layers : dict of str to slice
        In the order of their units.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.
    im_ : matplotlib.image.AxesImage
        After :meth:`plot`.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        After :meth:`plot`.

    Raises
    ------
    ValueError
        If the matrix is not square, finite and upper triangular, or the layers do not fit it.

    Notes
    -----
    A constant of the energy has no place in Q. Figures 1b and 2 of Higham and Bedford are such
    pictures.

    References
    ----------
    Higham, C. F. and Bedford, A. Quantum deep learning by sampling neural nets with a quantum
    annealer (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.inspection import QUBOMatrixDisplay
    >>> matrix = np.triu([[-1.0, 0.5, 0.2], [0.0, 0.3, 2.0], [0.0, 0.0, 0.4]])
    >>> display = QUBOMatrixDisplay(matrix, layers=[("hidden", 1), ("class", 2)]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['hidden (1)', 'class (2)']
    """

    def __init__(self, matrix, *, layers=None):
        self.matrix = check_matrix(matrix)
        self.layers = check_layers(layers, self.matrix.shape[0])

    @classmethod
    def from_bqm(cls, bqm, *, layers=None, ax=None, cmap="RdBu_r", colorbar=True, vmax=None):
        """Plot a binary quadratic model, in units of 0 and 1.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            Of either vartype. Its offset is left out.
        layers : dict of str to slice, list of (str, int), or None, default=None
            As for the class, of the variables in the model's order. When None and each label is a
            pair (name of a layer, number), the layers follow in the order in which the model names
            them, their units by number; otherwise there is one layer.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cmap : str or matplotlib.colors.Colormap, default="RdBu_r"
            As for :meth:`plot`.
        colorbar : bool, default=True
            As for :meth:`plot`.
        vmax : float or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : QUBOMatrixDisplay

        Raises
        ------
        ValueError
            If it is no model, or the layers do not fit it.
        """
        matrix, layers = read_bqm(bqm, layers)
        return cls(matrix, layers=layers).plot(ax, cmap=cmap, colorbar=colorbar, vmax=vmax)

    @classmethod
    def from_estimator(
        cls, estimator, x, *, layers=None, ax=None, cmap="RdBu_r", colorbar=True, vmax=None
    ):
        """Plot the model in which a fitted estimator classifies one row.

        Parameters
        ----------
        estimator : estimator
            Fitted, with a method ``to_bqm(x)``, or a search or a Pipeline of it.
        x : array-like of shape (n_features,)
            The row, of a Pipeline's own features.
        layers : dict of str to slice, list of (str, int), or None, default=None
            As for :meth:`from_bqm`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cmap : str or matplotlib.colors.Colormap, default="RdBu_r"
            As for :meth:`plot`.
        colorbar : bool, default=True
            As for :meth:`plot`.
        vmax : float or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : QUBOMatrixDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no such method.
        """
        estimator, x = _find(estimator, x)
        if not hasattr(estimator, "to_bqm"):
            raise ValueError(
                f"The 'estimator' parameter of {_CALLER}.from_estimator must have the method "
                f"'to_bqm', as QUBOTransferClassifier has. Got {type(estimator).__name__} instead, "
                "which has none."
            )
        bqm = estimator.to_bqm(x)
        return cls.from_bqm(bqm, layers=layers, ax=ax, cmap=cmap, colorbar=colorbar, vmax=vmax)

    def plot(self, ax=None, *, cmap="RdBu_r", colorbar=True, vmax=None):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        cmap : str or matplotlib.colors.Colormap, default="RdBu_r"
            A diverging one; its middle is zero.
        colorbar : bool, default=True
            Whether to draw a colour bar, inside of the empty triangle.
        vmax : float or None, default=None
            The colours reach from ``-vmax`` to ``vmax``. When None this is the largest absolute
            coefficient or, if that is more than three times what 95 % of the coefficients (zeros
            apart) keep within, this limit. What lies beyond has the last colour; the colour bar is
            then pointed at that end, and says over what range the coefficients go.

        Returns
        -------
        display : QUBOMatrixDisplay
            Itself, with `ax_`, `figure_`, `im_` and `colorbar_`.

        Raises
        ------
        ValueError
            If `colorbar` is no bool, `vmax` not a positive number, or `ax` is no axes.
        MemoryError
            If the dense matrix does not fit into memory.
        ImportError
            If matplotlib is not installed.
        """
        check_flag(colorbar, "colorbar", f"{_CALLER}.plot")
        n_units = self.matrix.shape[0]
        check_memory(
            _BYTES_PER_CELL * n_units**2,
            f"A picture of {n_units:,} units",
            "Plot a part of the matrix.",
        )
        limit = self._find_limit() if vmax is None else _check_vmax(vmax)
        self.ax_ = _make_axes(n_units) if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        dense = self.matrix.toarray() if sparse.issparse(self.matrix) else self.matrix
        points_per_unit = self._points_per_unit()
        has_pixels = points_per_unit * self.figure_.dpi >= 72.0
        self.im_ = self.ax_.imshow(
            np.ma.masked_equal(dense, 0.0),
            cmap=cmap,
            vmin=-limit,
            vmax=limit,
            # Crisp where each unit has its pixel, averaged where several share one.
            interpolation="nearest" if has_pixels else "antialiased",
        )
        self._draw_borders()
        has_numbers = n_units <= _MANY_UNITS and points_per_unit >= self._width_of_numbers()
        self._label_layers(points_per_unit, pad=12 if has_numbers else 3)
        if has_numbers:
            self._label_units()
        self.colorbar_ = self._add_colorbar(limit) if colorbar else None
        return self

    def _values(self):
        """All coefficients other than zero; a zero where there are none."""
        values = self.matrix.data if sparse.issparse(self.matrix) else self.matrix
        values = values[values != 0.0]
        return values if values.size else np.zeros(1)

    def _find_limit(self):
        sizes = np.abs(self._values())
        largest, typical = sizes.max(), np.percentile(sizes, _TYPICAL, method="lower")
        return float(typical if largest > _OUTLYING * typical else largest) or 1.0

    def _draw_borders(self):
        """Lines between the blocks of the upper triangle, and a frame at its top and right."""
        end = self.matrix.shape[0] - 0.5
        # From the top down to the diagonal, and from there to the right.
        for stop in [span.stop - 0.5 for span in self.layers.values()][:-1]:
            self.ax_.plot(
                [stop, stop, end],
                [-0.5, stop, stop],
                color=_BORDER,
                linewidth=0.8,
                scalex=False,
                scaley=False,
            )
        self.ax_.spines[["left", "bottom"]].set_visible(False)
        self.ax_.spines[["top", "right"]].set(color=_BORDER, linewidth=0.8)

    def _label_layers(self, points_per_unit, pad):
        """Names at the top and at the right, where rows and columns of the triangle end."""
        spans = self.layers.values()
        names = [f"{name} ({span.stop - span.start})" for name, span in self.layers.items()]
        centres = np.array([(span.start + span.stop - 1) / 2 for span in spans])
        line = _LINE / points_per_unit
        places = _spread(centres, line, self.matrix.shape[0])
        widths = [0.5 * line * len(name) for name in names]
        fits = all(
            width < span.stop - span.start for width, span in zip(widths, spans, strict=True)
        )
        self.ax_.yaxis.tick_right()
        self.ax_.xaxis.tick_top()
        names = [escape(name) for name in names]
        self.ax_.set_yticks(places, names)
        self.ax_.set_xticks(centres if fits else places, names, rotation=0 if fits else 90)
        self.ax_.tick_params(length=0, pad=pad)

    def _label_units(self):
        """The number of each unit within its layer."""
        numbers = np.concatenate([np.arange(s.stop - s.start) for s in self.layers.values()])
        for axis in (self.ax_.xaxis, self.ax_.yaxis):
            axis.remove_overlapping_locs = False  # a name may stand where a unit does
            axis.set_ticks(np.arange(len(numbers)), numbers, minor=True)
        self.ax_.tick_params(which="minor", length=0, pad=2, labelsize=_SMALL, labelcolor=_BORDER)

    def _width_of_numbers(self):
        digits = max(len(str(span.stop - span.start - 1)) for span in self.layers.values())
        return 1.0 + 0.6 * _SMALL * digits

    def _points_per_unit(self):
        box = self.ax_.get_window_extent()
        return min(box.width, box.height) / self.figure_.dpi * 72.0 / self.matrix.shape[0]

    def _add_colorbar(self, limit):
        lowest, highest = self._values().min(), self._values().max()
        is_below, is_above = lowest < -limit, highest > limit
        extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
        place = self.ax_.inset_axes([0.05, 0.06, 0.035, 0.36])
        bar = self.figure_.colorbar(self.im_, cax=place, extend=extend[is_below, is_above])
        bar.ax.set_title(
            "coefficient" + (f"\n{lowest:.3g} to {highest:.3g}" if is_below or is_above else ""),
            loc="left",
            fontsize="small",
        )
        bar.ax.tick_params(labelsize="small")
        bar.outline.set_visible(False)
        return bar


def _find(estimator, x):
    """The estimator, in a search or a Pipeline, and the row as it reaches it."""
    rows = x.to_frame().T if hasattr(x, "to_frame") else np.reshape(x, (1, -1))
    found, rows_there = find_with_rows(estimator, ("to_bqm",), rows)
    return found, x if rows_there is rows else getattr(rows_there, "iloc", rows_there)[0]


def _check_vmax(vmax):
    if not isinstance(vmax, numbers.Real) or not 0 < vmax < np.inf:
        raise ValueError(
            f"The 'vmax' parameter of {_CALLER}.plot must be a finite number > 0, or None. Got "
            f"{vmax!r} instead."
        )
    return float(vmax)


def _make_axes(n_units):
    """Two pixels a unit, within what a page takes."""
    figure_module = import_optional("matplotlib.figure", f"{_CALLER}.plot")
    side = np.clip(n_units / 45.0, 5.5, 9.0)
    figure = figure_module.Figure(figsize=(side + 1.0, side + 0.6), layout="constrained")
    return figure.subplots()


def _spread(centres, least, n_units):
    """Places near the centres, in their order and within the axis, no two closer than `least`."""
    least = min(least, (n_units - 1) / max(len(centres) - 1, 1))
    steps = least * np.arange(len(centres))
    places = np.maximum.accumulate(centres - steps) + steps
    # Those pushed over the end go back, and push the ones before them.
    last = n_units - 1 - steps[::-1]
    return np.minimum(places, last)
