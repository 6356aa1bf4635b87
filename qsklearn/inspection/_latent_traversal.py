"""The picture of what latent bits stand for: images decoded with one bit flipped.

It asks a model with bits by method (``transform``, ``inverse_transform``, ``sample_latent``), and
knows none by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import check_flag, count_axes
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import GREY
from qsklearn.inspection._fitted_estimator import check_count, check_has
from qsklearn.inspection._image_grid import (
    ImageGrid,
    check_pictures,
    find_image_shape,
    to_pictures,
)
from qsklearn.inspection._numbers import check_between, check_whole

_CALLER = "LatentTraversalDisplay"
_FEW_UNITS = 6  # shown when the reader leaves it open
_COLUMNS = ("0", "1", "1 − 0")


class LatentTraversalDisplay(Display):
    """Images decoded from one latent state with single bits at 0 and at 1.

    One row a bit: the image with the bit at 0, the image with the bit at 1, and the second less
    the first. All other bits stay as they are in the state. A thick black frame marks the value
    that the bit has there, so that the framed images are all the same one. Differences share a
    scale symmetric about 0, which is grey: bright where the bit adds, dark where it takes away.

    Parameters
    ----------
    images : array-like of shape (n_units, 2, height, width) or (n_units, 2, height, width, 3)
        Decoded with the bit at 0 and at 1.
    units : array-like of int of shape (n_units,)
        Numbers of the bits.
    values : array-like of int of shape (n_units,)
        0 or 1, what the bits are in the state itself.

    Attributes
    ----------
    differences : ndarray of shape (n_units, height, width)
        Of the two images; of colours the mean over them.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.
    images_ : ndarray of matplotlib.image.AxesImage of shape (n_units, 3)
        After :meth:`plot`.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        After :meth:`plot`, that of the differences.

    Raises
    ------
    ValueError
        If these are no images, or the shapes do not fit one another.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.inspection import LatentTraversalDisplay
    >>> images = np.zeros((1, 2, 4, 4))
    >>> images[0, 1, :, 0] = 1.0  # the bit makes a bar
    >>> display = LatentTraversalDisplay(images, units=[5], values=[1]).plot()
    >>> [text.get_text() for text in display.ax_.texts]
    ['bit 5', '0', '1', '1 − 0']
    """

    def __init__(self, images, units, values):
        self.images = check_pictures(images, "images", _CALLER, n_leading=2)
        n_units = len(self.images)
        if self.images.shape[1] != 2:
            raise ValueError(
                f"The 'images' parameter of {_CALLER} must hold two pictures a unit, with the bit "
                f"at 0 and at 1. Got {self.images.shape[1]} instead."
            )
        self.units = check_whole(units, "units", _CALLER, (n_units,))
        values = check_whole(values, "values", _CALLER, (n_units,))
        self.values = check_between(values, "values", _CALLER, 0, 1)
        differences = self.images[:, 1] - self.images[:, 0]
        self.differences = differences if differences.ndim == 3 else differences.mean(axis=-1)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        units=None,
        image_shape=None,
        random_state=None,
        ax=None,
        cmap="gray_r",
        colorbar=True,
    ):
        """Flip latent bits of a fitted estimator, and plot what it decodes.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the methods ``transform``, of probabilities of bits, and
            ``inverse_transform``; without `X` instead of the first ``sample_latent(n)``.
        X : array-like of shape (n_features,) or (1, n_features), or None, default=None
            The row whose most probable bits are the state. A draw from the prior when None.
        units : int, array-like of int, or None, default=None
            Which bits to flip, or how many: those that change the image the most, in root mean
            square, the largest change first. The 6 of these when None.
        image_shape : tuple of int or None, default=None
            (height, width) or (channels, height, width). When None, that of the estimator where it
            fits, else a square.
        random_state : int, RandomState instance or None, default=None
            Handed to ``sample_latent`` unless it is None.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cmap : str or matplotlib.colors.Colormap, default="gray_r"
            As for :meth:`plot`.
        colorbar : bool, default=True
            As for :meth:`plot`.

        Returns
        -------
        display : LatentTraversalDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks a method, its latent values are no probabilities of bits, there are no such
            bits, or its features make no images of this shape.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_estimator"
        first = "sample_latent" if X is None else "transform"
        kind = "models with latent bits have"
        needed = (first, "inverse_transform")
        estimator = check_has(estimator, needed, _CALLER, kind, steps=X is None)
        bits = _find_state(estimator, X, random_state, caller)
        is_choice = count_axes(units) > 0
        chosen = _check_units(units, len(bits), caller) if is_choice else np.arange(len(bits))
        rows = _decode_flipped(estimator, bits, chosen)
        if not is_choice:
            n_shown = min(_FEW_UNITS, len(bits))
            if units is not None:
                n_shown = check_count(units, "units", caller, 1, len(bits))
            best = _most_active(rows, n_shown)
            chosen, rows = chosen[best], rows[best]
        shape = find_image_shape(estimator, image_shape, rows.shape[2], caller)
        pictures = to_pictures(rows.reshape(-1, rows.shape[2]), shape, caller)
        images = pictures.reshape(len(chosen), 2, *pictures.shape[1:])
        return cls(images, chosen, bits[chosen]).plot(ax, cmap=cmap, colorbar=colorbar)

    def plot(self, ax=None, *, cmap="gray_r", colorbar=True):
        """Draw one row of images a bit.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        cmap : str or matplotlib.colors.Colormap, default="gray_r"
            Of the decoded images, if these have no colours of their own.
        colorbar : bool, default=True
            Whether to draw the colour bar of the differences.

        Returns
        -------
        display : LatentTraversalDisplay
            Itself, with `ax_`, `figure_`, `images_` and `colorbar_`.

        Raises
        ------
        ValueError
            If `colorbar` is no bool, or `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        check_flag(colorbar, "colorbar", f"{_CALLER}.plot")
        n_units, size = len(self.units), self.images.shape[2:4]
        grid = ImageGrid(
            ax,
            n_units,
            3,
            size,
            _CALLER,
            row_names={row: f"bit {unit}" for row, unit in enumerate(self.units)},
            column_names=_COLUMNS,
            has_bar=colorbar,
        )
        self.ax_, self.figure_ = grid.ax, grid.ax.figure
        low, high = min(0.0, self.images.min()), max(1.0, self.images.max())
        limit = float(np.abs(self.differences).max()) or 1.0
        self.images_ = np.empty((n_units, 3), dtype=object)
        for row, value in enumerate(self.values):
            for bit, image in enumerate(self.images[row]):
                frame = ("black", 2.0) if bit == value else (GREY, 0.5)
                style = {"frame": frame[0], "frame_width": frame[1], "vmin": low, "vmax": high}
                self.images_[row, bit] = grid.draw(image, row, bit, cmap=cmap, **style)
            style = {"cmap": "cividis", "vmin": -limit, "vmax": limit, "frame": None}
            self.images_[row, 2] = grid.draw(self.differences[row], row, 2, **style)
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = grid.add_colorbar(self.images_[0, 2], "difference")
        return self


def _find_state(estimator, X, random_state, caller):
    """Latent bits of a row, or drawn."""
    if X is None:
        asked = {} if random_state is None else {"random_state": random_state}
        latent = estimator.sample_latent(1, **asked)
    else:
        row = np.atleast_2d(np.asarray(X))
        if row.ndim != 2 or len(row) != 1:
            raise ValueError(
                f"The 'X' parameter of {caller} must be one row of features, or None. Got the "
                f"shape {np.shape(X)} instead."
            )
        latent = estimator.transform(row)
    latent = np.asarray(latent, dtype=float)[0]
    if latent.min() < 0 or latent.max() > 1:
        raise ValueError(
            f"The 'estimator' parameter of {caller} must have latent bits: values from 0 to 1. Got "
            f"{type(estimator).__name__} with values from {latent.min():.3g} to {latent.max():.3g} "
            "instead."
        )
    return (latent > 0.5).astype(np.int64)


def _check_units(units, n_latent, caller):
    units = check_whole(units, "units", caller, ("n_units",))
    return check_between(units, "units", caller, 0, n_latent - 1)


def _decode_flipped(estimator, bits, units):
    """Features with each unit at 0 and at 1, of shape (n_units, 2, n_features)."""
    states = np.broadcast_to(bits, (len(units), 2, len(bits))).astype(np.float32)
    states[np.arange(len(units)), 0, units] = 0.0
    states[np.arange(len(units)), 1, units] = 1.0
    rows = np.asarray(estimator.inverse_transform(states.reshape(-1, len(bits))), dtype=float)
    return rows.reshape(len(units), 2, -1)


def _most_active(rows, n_units):
    """Units whose flip changes the features the most, the largest change first."""
    change = np.square(rows[:, 1] - rows[:, 0]).mean(axis=1)
    return np.argsort(-change, kind="stable")[:n_units]
