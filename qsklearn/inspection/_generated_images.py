"""The picture of what a generative model makes: images drawn, and images made anew.

It asks a model by method (``sample``, ``transform``, ``inverse_transform``), and knows none by
name.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_array

from qsklearn._checks import check_instance
from qsklearn.inspection._display import Display
from qsklearn.inspection._fitted_estimator import check_count, check_has
from qsklearn.inspection._image_grid import (
    ImageGrid,
    check_pictures,
    find_image_shape,
    near_square,
    to_pictures,
)

_CALLER = "GeneratedImagesDisplay"


class GeneratedImagesDisplay(Display):
    """Images that a generative model drew, and below them originals and their reconstructions.

    All images share one scale: from 0 to 1 where all values are within, else from the least to the
    largest value. With the default colours large values are dark, as ink on paper.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width) or (n_images, height, width, 3)
        What was drawn.
    names : list of n_images str or None, default=None
        Written over the images, such as the classes they were drawn from.
    originals : array-like of shape (n_rows, height, width) or (n_rows, height, width, 3), or None
        Given images.
    reconstructions : array-like of the same shape, or None, default=None
        What the model makes of these. With `originals` or not at all.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.
    images_ : ndarray of n_images matplotlib.image.AxesImage
        After :meth:`plot`, those of the drawn images.
    pairs_ : ndarray of matplotlib.image.AxesImage of shape (2, n_shown), or None
        After :meth:`plot`, originals and reconstructions.

    Raises
    ------
    ValueError
        If these are no images, or the shapes or numbers do not fit one another.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neighbors import KernelDensity
    >>> from qsklearn.inspection import GeneratedImagesDisplay
    >>> X = load_digits().data / 16
    >>> density = KernelDensity(bandwidth=0.05).fit(X[:100])
    >>> display = GeneratedImagesDisplay.from_estimator(density, n_images=9, random_state=0)
    >>> display.images.shape, len(display.images_)
    ((9, 8, 8), 9)
    """

    def __init__(self, images, *, names=None, originals=None, reconstructions=None):
        self.images = check_pictures(images, "images", _CALLER)
        self.names = _check_names(names, len(self.images))
        self.originals, self.reconstructions = _check_pairs(
            originals, reconstructions, self.images.shape[1:]
        )

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        n_images=25,
        X=None,
        y=None,
        means=False,
        image_shape=None,
        random_state=None,
        ax=None,
        cmap="gray_r",
    ):
        """Draw images from a fitted estimator, and plot them.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the method ``sample(n)``; with `X` also ``transform`` and
            ``inverse_transform``; with `means` instead of the first ``sample_latent(n)`` and
            ``inverse_transform``.
        n_images : int, default=25
            How many to draw.
        X : array-like of shape (n_rows, n_features) or None, default=None
            Images to reconstruct, of which as many are shown as the grid has columns. A
            reconstruction is ``inverse_transform(transform(X))``.
        y : label, array-like of shape (n_images,), or None, default=None
            Classes to draw from, for models whose ``sample`` takes ``y``; written over the images.
        means : bool, default=False
            Whether to draw latent values only, and to show the means of the features given them, as
            papers often do, instead of draws: ``inverse_transform(sample_latent(n))``.
        image_shape : tuple of int or None, default=None
            (height, width) or (channels, height, width). When None, that of the estimator where it
            fits, else a square.
        random_state : int, RandomState instance or None, default=None
            Handed to the draw unless it is None.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.
        cmap : str or matplotlib.colors.Colormap, default="gray_r"
            As for :meth:`plot`.

        Returns
        -------
        display : GeneratedImagesDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks a method, or its features make no images of this shape.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_estimator"
        needed = ["sample_latent", "inverse_transform"] if means else ["sample"]
        if X is not None:
            needed = list(dict.fromkeys([*needed, "transform", "inverse_transform"]))
        kind = "generative models have"
        estimator = check_has(estimator, needed, _CALLER, kind, steps=X is None)
        n_images = check_count(n_images, "n_images", caller)
        draw = estimator.sample_latent if means else estimator.sample
        drawn = _draw(draw, n_images, y, random_state)
        if means:
            drawn = np.asarray(estimator.inverse_transform(drawn), dtype=float)
        shape = find_image_shape(estimator, image_shape, drawn.shape[1], caller)
        names = None if y is None else np.broadcast_to(np.asarray(y), (n_images,)).astype(str)
        pairs = {}
        if X is not None:
            rows = check_array(X, dtype=np.float64)[: near_square(n_images)[1]]
            made = estimator.inverse_transform(estimator.transform(rows))
            pairs = {"originals": rows, "reconstructions": np.asarray(made, dtype=float)}
        pairs = {name: to_pictures(rows, shape, caller) for name, rows in pairs.items()}
        display = cls(to_pictures(drawn, shape, caller), names=names, **pairs)
        return display.plot(ax, cmap=cmap)

    def plot(self, ax=None, *, cmap="gray_r"):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        cmap : str or matplotlib.colors.Colormap, default="gray_r"
            Of images without colours of their own.

        Returns
        -------
        display : GeneratedImagesDisplay
            Itself, with `ax_`, `figure_`, `images_` and `pairs_`.

        Raises
        ------
        ValueError
            If `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        n_rows, n_columns = near_square(len(self.images))
        has_pairs = self.originals is not None
        grid = ImageGrid(
            ax,
            n_rows + 2 * has_pairs,
            n_columns,
            self.images.shape[1:3],
            _CALLER,
            has_names=self.names is not None,
            row_names=_name_rows(n_rows) if has_pairs else None,
            breaks=(n_rows,) if has_pairs else (),
        )
        self.ax_, self.figure_ = grid.ax, grid.ax.figure
        style = self._style(cmap)
        self.images_ = np.empty(len(self.images), dtype=object)
        for number, image in enumerate(self.images):
            place = divmod(number, n_columns)
            self.images_[number] = grid.draw(image, *place, **style)
            if self.names is not None:
                grid.name(self.names[number], *place)
        self.pairs_ = self._draw_pairs(grid, n_rows, n_columns, style) if has_pairs else None
        return self

    def _style(self, cmap):
        values = [self.images]
        if self.originals is not None:
            values += [self.originals, self.reconstructions]
        low, high = min(map(np.min, values)), max(map(np.max, values))
        if low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
        return {"cmap": cmap, "vmin": low, "vmax": high if high > low else low + 1.0}

    def _draw_pairs(self, grid, n_rows, n_columns, style):
        n_shown = min(len(self.originals), n_columns)
        artists = np.empty((2, n_shown), dtype=object)
        for kind, rows in enumerate((self.originals, self.reconstructions)):
            for column in range(n_shown):
                artists[kind, column] = grid.draw(rows[column], n_rows + kind, column, **style)
        return artists


def _draw(draw, n_images, y, random_state):
    """Rows that a model draws; mixtures give the components as well."""
    asked = {"y": y, "random_state": random_state}
    drawn = draw(n_images, **{name: value for name, value in asked.items() if value is not None})
    rows = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)
    return rows.reshape(len(rows), -1)


def _name_rows(n_rows):
    """Names beside the middle of the drawn images, and beside the two rows below."""
    return {(n_rows - 1) / 2.0: "drawn", n_rows: "original", n_rows + 1: "reconstructed"}


def _check_names(names, n_images):
    check_instance(names, (list, tuple, np.ndarray, type(None)), "names", _CALLER)
    if names is not None and len(names) != n_images:
        raise ValueError(
            f"The 'names' parameter of {_CALLER} must be {n_images} names, one an image, or None. "
            f"Got {len(names)} instead."
        )
    return names if names is None else [str(name) for name in names]


def _check_pairs(originals, reconstructions, size):
    if originals is None and reconstructions is None:
        return None, None
    if originals is None or reconstructions is None:
        missing = "originals" if originals is None else "reconstructions"
        raise ValueError(
            f"The 'originals' and 'reconstructions' parameters of {_CALLER} must be given together."
            f" Got None for '{missing}' instead."
        )
    originals = check_pictures(originals, "originals", _CALLER)
    made = check_pictures(reconstructions, "reconstructions", _CALLER)
    if originals.shape[1:] != size or made.shape != originals.shape:
        raise ValueError(
            f"The 'originals' and 'reconstructions' parameters of {_CALLER} must be as many "
            f"pictures, of the drawn ones' shape {size}. Got the shapes {originals.shape} and "
            f"{made.shape} instead."
        )
    return originals, made
