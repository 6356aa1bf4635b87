"""Images side by side within one axes: their shape, their places, their names."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np

from qsklearn._checks import count_axes
from qsklearn.inspection._drawing import GREY, check_axis, escape, make_axes

_GAP = 0.14  # between images, in their larger side
_NAME_GAP = 0.28  # above an image with a name
_FONT, _LEAST_FONT = 8.0, 4.0  # points
_LETTER, _LINE = 4.9, 12.0  # points that a letter and a line of text take
_BAR, _BAR_GAP, _BAR_WIDTH = 46.0, 2.0, 9.0  # points: a colour bar with its numbers, and parts
_LARGEST_SHARE = 0.3  # of the width, for names of rows
_TILE = 0.75  # inches, of the larger side of an image, in a figure of ours
_LEAST_SIDE, _LARGEST_SIDE = 2.6, 9.0  # inches, of a figure of ours


def find_image_shape(estimator, image_shape, n_features, caller):
    """The shape of the images that rows of features hold.

    Parameters
    ----------
    estimator : object
        Its attribute ``image_shape`` counts where it fits the features.
    image_shape : tuple of int or None
        What the reader says: (height, width) or (channels, height, width).
    n_features : int
        Pixels of a row.
    caller : str
        The public method, for the error.

    Returns
    -------
    shape : tuple of (channels, height, width)

    Raises
    ------
    ValueError
        If the shape does not fit, or there is none and the features make no square.
    """
    if image_shape is not None:
        return check_image_shape(image_shape, n_features, caller)
    own = getattr(estimator, "image_shape", None)
    if own is not None and np.prod(own) == n_features:
        return check_image_shape(own, n_features, caller)
    side = math.isqrt(n_features)
    if side**2 != n_features:
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must be (height, width) or (channels, "
            f"height, width) where {n_features} features make no square. Got None instead."
        )
    return (1, side, side)


def check_image_shape(image_shape, n_features, caller):
    """Raise ValueError unless a shape holds so many pixels; return it with its channels."""
    sizes = tuple(image_shape) if count_axes(image_shape) == 1 else ()
    is_shape = len(sizes) in (2, 3) and all(isinstance(n, Integral) and n > 0 for n in sizes)
    if not is_shape or math.prod(sizes) != n_features:
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must be (height, width) or (channels, "
            f"height, width) of {n_features} pixels in all. Got {image_shape!r} instead."
        )
    return (1, *sizes)[-3:] if len(sizes) == 2 else tuple(map(int, sizes))


def to_pictures(rows, shape, caller):
    """Rows of features as pictures that matplotlib draws.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        Channel by channel.
    shape : tuple of (channels, height, width)
        One channel, or three: red, green and blue.
    caller : str
        The public method, for the error.

    Returns
    -------
    pictures : ndarray of shape (n, height, width) or (n, height, width, 3)

    Raises
    ------
    ValueError
        If there is another number of channels.
    """
    if shape[0] not in (1, 3):
        raise ValueError(
            f"The 'image_shape' parameter of {caller} must have 1 channel, or 3 for colours. Got "
            f"{shape} instead."
        )
    images = np.asarray(rows, dtype=float).reshape(-1, *shape)
    return images[:, 0] if shape[0] == 1 else np.moveaxis(images, 1, -1)


def check_pictures(pictures, name, caller, n_leading=1):
    """Raise ValueError unless there are finite pictures, grey or of three colours in [0, 1].

    Parameters
    ----------
    pictures : array-like
        What was given.
    name : str
        The parameter, for the error.
    caller : str
        The public class, for the error.
    n_leading : int, default=1
        Axes before those of the picture.

    Returns
    -------
    pictures : ndarray of float64

    Raises
    ------
    ValueError
        If they are something else.
    """
    rule = (
        f"The '{name}' parameter of {caller} must hold pictures of shape (height, width), or "
        "(height, width, 3) with values from 0 to 1"
    )
    try:
        array = np.asarray(pictures, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}. Got {type(pictures).__name__} instead: {error}") from None
    has_colours = array.ndim == n_leading + 3 and array.shape[-1] == 3
    if not (array.ndim == n_leading + 2 or has_colours) or not array.size:
        raise ValueError(f"{rule}. Got an array of shape {array.shape} instead.")
    if not np.isfinite(array).all():
        raise ValueError(f"{rule}. Got {array[~np.isfinite(array)][0]} among them instead.")
    if has_colours and (array.min() < 0 or array.max() > 1):
        raise ValueError(
            f"{rule}. Got colours from {array.min():g} to {array.max():g} instead; scale them."
        )
    return array


class ImageGrid:
    """Images at the places of a grid, with names and a colour bar, all within one axes.

    Nothing stands outside of the axes, so that nothing runs into a neighbour where no engine lays
    out the figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; a figure of fitting size is made when None.
    n_rows, n_columns : int
        Of the grid.
    size : tuple of (height, width)
        Of each image, in pixels.
    caller : str
        The public class, for errors.
    has_names : bool, default=False
        Whether there is room above each image for its name.
    row_names : dict of float to str, default=None
        By the row beside which they stand; 0.5 is between the first two.
    column_names : list of str, default=()
        Over the columns.
    has_bar : bool, default=False
        Whether there is room for a colour bar.
    breaks : sequence of int, default=()
        Rows with more room above them.
    """

    def __init__(
        self,
        ax,
        n_rows,
        n_columns,
        size,
        caller,
        *,
        has_names=False,
        row_names=None,
        column_names=(),
        has_bar=False,
        breaks=(),
    ):
        self.size = size
        larger = max(size)
        self.gap = _GAP * larger
        self.head = _NAME_GAP * larger if has_names else 0.0
        heights = np.full(n_rows, size[0] + self.gap + self.head)
        heights[list(breaks)] += 2.0 * self.gap
        self.bottoms = np.cumsum(heights)
        self.width = n_columns * (size[1] + self.gap) + self.gap
        self.height = self.bottoms[-1] + self.gap
        row_names = row_names or {}
        longest = max(map(len, row_names.values()), default=0)
        # In points: at the left, at the right and at the top of the images.
        self._margins = (_LETTER * longest, _BAR if has_bar else 0.0, _LINE * bool(column_names))
        self.ax = self._make_axes(caller) if ax is None else check_axis(ax, caller)
        self._prepare()
        for row, name in row_names.items():
            self._name_row(row, name)
        for column, name in enumerate(column_names):
            middle = np.mean(self.place(0, column)[:2])
            font = min(_FONT, 0.9 * self._points * (size[1] + self.gap) / (0.6 * len(name)))
            self.ax.text(middle, 0.4 * self.gap, name, ha="center", va="bottom", fontsize=font)

    def _make_axes(self, caller):
        left, right, top = self._margins
        scale = min(_TILE / max(self.size), _LARGEST_SIDE / max(self.width, self.height))
        sides = (scale * self.width + (left + right) / 72.0, scale * self.height + top / 72.0)
        return make_axes(caller, tuple(max(side, _LEAST_SIDE) for side in sides))[0]

    def _prepare(self):
        """Limits that leave room for what stands beside the images."""
        left, right, top = self._margins
        box = self.ax.get_window_extent()
        width, height = (side * 72.0 / self.ax.figure.dpi for side in (box.width, box.height))
        self._row_font = _FONT * min(1.0, _LARGEST_SHARE * width / max(left, 1.0))
        left *= self._row_font / _FONT
        scale = min((width - left - right) / self.width, (height - top) / self.height)
        # Where there is hardly any room the images take a third of it.
        scale = max(scale, min(width / self.width, height / self.height) / 3.0)
        self._points = scale  # a pixel
        self._limits = (-left / scale, self.width + right / scale, self.height, -top / scale)
        self.ax.set_aspect("equal")
        self._set_limits()
        self.ax.set_xticks([])
        self.ax.set_yticks([])
        self.ax.spines[:].set_visible(False)

    def _set_limits(self):
        self.ax.set_xlim(self._limits[:2])
        self.ax.set_ylim(self._limits[2:])

    def _name_row(self, row, name):
        first, last = (self.bottoms[int(round_(row))] for round_ in (np.floor, np.ceil))
        middle = (first + last - self.size[0]) / 2.0
        self.ax.text(0.0, middle, escape(name), ha="right", va="center", fontsize=self._row_font)

    def place(self, row, column):
        """Left, right, bottom and top of an image, in the data coordinates of the axes."""
        left = self.gap + column * (self.size[1] + self.gap)
        bottom = self.bottoms[row]
        return left, left + self.size[1], bottom, bottom - self.size[0]

    def draw(self, image, row, column, *, frame=GREY, frame_width=0.5, **style):
        """Draw one image with a frame around it, or none; returns the artist of the image."""
        left, right, bottom, top = self.place(row, column)
        artist = self.ax.imshow(image, extent=(left, right, bottom, top), **style)
        if frame is not None:
            corners = [left, right, right, left, left], [top, top, bottom, bottom, top]
            self.ax.plot(*corners, color=frame, lw=frame_width, solid_joinstyle="miter", zorder=3)
        self._set_limits()  # an image sets them to its own edges
        return artist

    def name(self, text, row, column):
        """Write a name over an image, unless it would be too small to read."""
        left, right, _, top = self.place(row, column)
        wide = (self.size[1] + self.gap) * self._points / (0.62 * max(len(text), 1))
        font = min(0.8 * self.head * self._points, wide, _FONT)
        if font >= _LEAST_FONT:
            middle, foot = (left + right) / 2.0, top - 0.12 * self.head
            self.ax.text(middle, foot, escape(text), ha="center", va="bottom", fontsize=font)

    def add_colorbar(self, artist, label):
        """A colour bar at the right of the images, as high as they are."""
        left, right, bottom, top = self._limits
        width, height = right - left, bottom - top
        start = self.width + _BAR_GAP / self._points
        place = [
            (start - left) / width,
            self.gap / height,
            _BAR_WIDTH / self._points / width,
            (self.height - 2.0 * self.gap) / height,
        ]
        bar = self.ax.figure.colorbar(artist, cax=self.ax.inset_axes(place))
        limit = artist.get_clim()[1]
        bar.set_ticks([-limit, 0.0, limit], labels=[f"−{limit:.2g}", "0", f"{limit:.2g}"])
        # Back beside the short 0, as the numbers stand at the ends only.
        bar.set_label(label, fontsize=_FONT, labelpad=-10.0)
        bar.ax.tick_params(labelsize=_FONT, pad=2.0, length=2.5)
        bar.outline.set_visible(False)
        return bar


def near_square(n_images):
    """Rows and columns of a grid about as wide as high."""
    n_columns = math.ceil(math.sqrt(n_images))
    return math.ceil(n_images / n_columns), n_columns
