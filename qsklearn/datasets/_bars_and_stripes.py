"""Bars and stripes: the small picture problem of the Boltzmann machine literature."""

from __future__ import annotations

import numbers

import numpy as np
from sklearn.utils import Bunch, check_random_state

from qsklearn._checks import check_flag
from qsklearn._memory import check_memory

_LARGEST_SIDE = 16  # 2**16 patterns of each class when all are wanted


def make_bars_and_stripes(
    n_samples=None, *, image_size=(4, 4), noise=0.0, random_state=None, return_X_y=False
):
    """Make images whose columns (bars) or whose rows (stripes) are each all on or all off.

    The two pictures that are both, all on and all off, are left out.

    Parameters
    ----------
    n_samples : int or None, default=None
        Number of images, drawn uniformly with replacement within each class, the classes as equal
        in number as can be. When None every pattern comes once: ``2**width - 2`` bars, then
        ``2**height - 2`` stripes.
    image_size : int or (int, int), default=(4, 4)
        Height and width in pixels, each from 2 to 16.
    noise : float, default=0.0
        Probability in [0, 1] with which each pixel is flipped.
    random_state : int, RandomState instance or None, default=None
        Decides patterns, order and flips.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (n_samples, height * width), float64, 0 or 1), `target`
        (ndarray of shape (n_samples,), int64; 0 bars, 1 stripes), `image_shape`
        (1, height, width), `feature_names`, `target_names` and `DESCR`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from qsklearn.datasets import make_bars_and_stripes
    >>> pictures = make_bars_and_stripes(image_size=2)
    >>> pictures.data.astype(int)
    array([[1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 1, 0, 0],
           [0, 0, 1, 1]])
    >>> pictures.target
    array([0, 0, 1, 1])
    """
    height, width = _check_image_size(image_size)
    if not isinstance(noise, numbers.Real) or not 0 <= noise <= 1:
        raise ValueError(
            "The 'noise' parameter of make_bars_and_stripes must be a float in the range [0, 1]. "
            f"Got {noise!r} instead."
        )
    check_flag(return_X_y, "return_X_y", "make_bars_and_stripes")
    rng = check_random_state(random_state)
    codes, target = _draw_codes(n_samples, height, width, rng)
    data = _paint(codes, target, height, width)
    data = np.where(rng.uniform(size=data.shape) < noise, 1.0 - data, data)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        image_shape=(1, height, width),
        feature_names=[f"pixel_{i}_{j}" for i in range(height) for j in range(width)],
        target_names=np.array(["bars", "stripes"]),
        DESCR=f"Bars and stripes of {height} x {width} pixels, flipped with probability {noise}.",
    )


def _check_image_size(image_size):
    sizes = (image_size, image_size) if isinstance(image_size, numbers.Integral) else image_size
    valid = np.shape(sizes) == (2,) and all(
        isinstance(side, numbers.Integral) and 2 <= side <= _LARGEST_SIDE for side in sizes
    )
    if not valid:
        raise ValueError(
            "The 'image_size' parameter of make_bars_and_stripes must be one or two ints in the "
            f"range [2, {_LARGEST_SIDE}]. Got {image_size!r} instead."
        )
    return int(sizes[0]), int(sizes[1])


def _draw_codes(n_samples, height, width, rng):
    """Pattern numbers, whose bits say which columns or rows are on, and classes."""
    n_bars, n_stripes = 2**width - 2, 2**height - 2
    if n_samples is None:
        codes = np.concatenate([np.arange(n_bars), np.arange(n_stripes)]) + 1
        return codes, np.repeat([0, 1], [n_bars, n_stripes]).astype(np.int64)
    if not isinstance(n_samples, numbers.Integral) or n_samples < 1:
        raise ValueError(
            "The 'n_samples' parameter of make_bars_and_stripes must be None or an int in the "
            f"range [1, inf). Got {n_samples!r} instead."
        )
    n_bytes = 24 * int(n_samples) * height * width
    check_memory(n_bytes, f"{int(n_samples)} pictures", "Ask for fewer.")
    target = rng.permutation(np.arange(n_samples, dtype=np.int64) % 2)
    return rng.randint(1, np.where(target == 0, n_bars, n_stripes) + 1), target


def _paint(codes, target, height, width):
    bits = (codes[:, None] >> np.arange(max(height, width))) & 1
    bars = np.broadcast_to(bits[:, None, :width], (len(codes), height, width))
    stripes = np.broadcast_to(bits[:, :height, None], (len(codes), height, width))
    images = np.where(target[:, None, None] == 0, bars, stripes)
    return images.reshape(len(codes), -1).astype(np.float64)
