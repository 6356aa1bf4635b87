"""The picture of a layer's weights: what each of its units looks for in an image.

It reads weights by attribute (``coefs_``, ``layers_``, ``coef_``, ``components_``, or those of a
PyTorch network's modules) and knows no estimator by name.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable

import numpy as np

from qsklearn._checks import check_flag, check_instance, check_reals
from qsklearn.inspection._display import Display
from qsklearn.inspection._fitted_estimator import check_count, check_has
from qsklearn.inspection._image_grid import ImageGrid, find_image_shape, near_square
from qsklearn.inspection._layer_weights import read_layers
from qsklearn.inspection._numbers import check_array

_CALLER = "ReceptiveFieldDisplay"
_MANY_UNITS = 36  # shown when the reader leaves it open


class ReceptiveFieldDisplay(Display):
    """Incoming weights of a layer's units as images, or a convolution's kernels.

    One image a unit; of several channels one row a unit, one image a channel. All share one scale,
    symmetric about 0. Its colours go from dark blue through grey, at 0, to bright yellow, so that
    the sign can be read without colour as well: darker than the grey around is negative.

    Parameters
    ----------
    weights : array-like of shape (n_units, height, width) or (n_units, channels, height, width)
        Finite numbers.
    unit_names : list of n_units str or None, default=None
        Numbers from 0 when None.

    Attributes
    ----------
    weights : ndarray of shape (n_units, channels, height, width)
    unit_names : list of str
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.
    images_ : ndarray of matplotlib.image.AxesImage of shape (n_units, channels)
        After :meth:`plot`.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        After :meth:`plot`.

    Raises
    ------
    ValueError
        If the weights have another shape or are not finite, or the names are not as many.

    Notes
    -----
    Units of a deeper layer see units and not pixels: an image of their weights has neighbours that
    may have nothing to do with one another, but for a convolution's.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from qsklearn.inspection import ReceptiveFieldDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> linear = LogisticRegression(max_iter=200, tol=0.1).fit(X / 16, y)
    >>> display = ReceptiveFieldDisplay.from_estimator(linear)
    >>> display.images_.shape, display.weights.shape
    ((10, 1), (10, 1, 8, 8))
    """

    def __init__(self, weights, *, unit_names=None):
        self.weights = _check_weights(weights)
        if unit_names is None:
            unit_names = range(len(self.weights))
        check_instance(unit_names, Iterable, "unit_names", _CALLER)
        if isinstance(unit_names, np.ndarray):  # one without an axis is iterable by its class alone
            unit_names = np.atleast_1d(unit_names)
        self.unit_names = [str(name) for name in unit_names]
        if len(self.unit_names) != len(self.weights):
            raise ValueError(
                f"The 'unit_names' parameter of {_CALLER} must be {len(self.weights)} names, one a "
                f"unit, or None. Got {len(self.unit_names)} instead."
            )

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        layer=0,
        image_shape=None,
        n_units=None,
        ax=None,
        cmap="cividis",
        colorbar=True,
        vmax=None,
    ):
        """Plot the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``coefs_`` (multilayer perceptrons), ``layers_`` (networks of layers with
            ``weights``), ``coef_`` (linear models) or ``components_`` (of decompositions); or with
            such an estimator, or a ``torch.nn.Module``, as ``module_`` or ``estimator_``; or a
            Pipeline, of which the last step with weights is taken.
        layer : int, default=0
            Among those with weights, from the inputs on.
        image_shape : tuple of int or None, default=None
            (height, width) or (channels, height, width) of what the layer's units see. When None,
            that of the estimator where it fits, else a square. A convolution has its own.
        n_units : int or None, default=None
            How many units to show: those with the largest norm of weights. Up to 36 when None.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            As for :meth:`plot`.
        colorbar : bool, default=True
            As for :meth:`plot`.
        vmax : float or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ReceptiveFieldDisplay
            Units in their order, with their numbers; those of the last layer are named after the
            classes where there are as many.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no weights to read, there is no such layer or not so many units, or the
            weights make no images of this shape.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_estimator"
        check_has(estimator, (), _CALLER, "estimators have")
        estimator, layers = read_layers(estimator, caller)
        number = check_count(layer, "layer", caller, 0, len(layers) - 1)
        found = layers[number]
        chosen = _choose(found.weights, n_units, caller)
        names = _name_units(estimator, len(found.weights), is_last=number == len(layers) - 1)
        weights = found.weights
        if weights.ndim == 2:
            own = found.image_shape if image_shape is None else image_shape
            shape = find_image_shape(estimator, own, weights.shape[1], caller)
            weights = weights.reshape(-1, *shape)
        display = cls(weights[chosen], unit_names=[names[unit] for unit in chosen])
        return display.plot(ax, cmap=cmap, colorbar=colorbar, vmax=vmax)

    def plot(self, ax=None, *, cmap="cividis", colorbar=True, vmax=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            Its middle is 0. One that is as dark at both ends needs colour to be read.
        colorbar : bool, default=True
            Whether to draw a colour bar.
        vmax : float or None, default=None
            The colours reach from ``-vmax`` to ``vmax``; the largest absolute weight when None.

        Returns
        -------
        display : ReceptiveFieldDisplay
            Itself, with `ax_`, `figure_`, `images_` and `colorbar_`.

        Raises
        ------
        ValueError
            If `colorbar` is no bool, `vmax` not a positive number, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        check_flag(colorbar, "colorbar", f"{_CALLER}.plot")
        limit = self._find_limit(vmax)
        n_units, n_channels = self.weights.shape[:2]
        is_wide = n_channels > 1
        n_rows, n_columns = (n_units, n_channels) if is_wide else near_square(n_units)
        grid = ImageGrid(
            ax,
            n_rows,
            n_columns,
            self.weights.shape[2:],
            _CALLER,
            has_names=not is_wide,
            row_names=dict(enumerate(self.unit_names)) if is_wide else None,
            column_names=[str(channel) for channel in range(n_channels)] if is_wide else (),
            has_bar=colorbar,
        )
        self.ax_, self.figure_ = grid.ax, grid.ax.figure
        self.images_ = np.empty((n_units, n_channels), dtype=object)
        style = {"cmap": cmap, "vmin": -limit, "vmax": limit, "frame": None}
        for unit, channels in enumerate(self.weights):
            for channel, image in enumerate(channels):
                place = (unit, channel) if is_wide else divmod(unit, n_columns)
                self.images_[unit, channel] = grid.draw(image, *place, **style)
            if not is_wide:
                grid.name(self.unit_names[unit], *place)
        self.colorbar_ = grid.add_colorbar(self.images_[0, 0], "weight") if colorbar else None
        if is_wide:
            self.ax_.set_title("units by input channels", fontsize="small")
        return self

    def _find_limit(self, vmax):
        if vmax is None:
            return float(np.abs(self.weights).max()) or 1.0
        if not isinstance(vmax, numbers.Real) or not 0 < vmax < np.inf:
            raise ValueError(
                f"The 'vmax' parameter of {_CALLER}.plot must be a finite number > 0, or None. Got "
                f"{vmax!r} instead."
            )
        return float(vmax)


def _check_weights(weights):
    weights = check_reals(weights, "weights", _CALLER)
    n_axes = weights.ndim
    shape = ("n_units", "channels", "height", "width")
    if n_axes == 3:
        shape = ("n_units", "height", "width")
    array = check_array(weights, "weights", _CALLER, shape)
    return array[:, np.newaxis] if n_axes == 3 else array


def _choose(weights, n_units, caller):
    """Numbers of the units with the largest norms, in their order."""
    total = len(weights)
    n_shown = min(total, _MANY_UNITS)
    if n_units is not None:
        n_shown = check_count(n_units, "n_units", caller, 1, total)
    norms = np.linalg.norm(weights.reshape(total, -1), axis=1)
    return np.sort(np.argsort(-norms, kind="stable")[:n_shown])


def _name_units(estimator, n_units, *, is_last):
    classes = getattr(estimator, "classes_", None)
    if is_last and classes is not None and len(classes) == n_units:
        return [str(name) for name in classes]
    if is_last and classes is not None and len(classes) == 2 and n_units == 1:
        return [str(classes[1])]  # a single score speaks for the second class
    return [str(number) for number in range(n_units)]
