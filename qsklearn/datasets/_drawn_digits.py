"""The digits 0 to 4, drawn on 5 x 5 pixels: a problem small enough to be looked at whole."""

from __future__ import annotations

import numbers

import numpy as np
from sklearn.utils import Bunch, check_random_state

from qsklearn._checks import check_flag
from qsklearn._memory import check_memory

_DRAWINGS = (
    """
    .###.
    #...#
    #...#
    #...#
    .###.
    """,
    """
    ..#..
    .##..
    ..#..
    ..#..
    .###.
    """,
    """
    .##..
    #..#.
    ..#..
    .#...
    ####.
    """,
    """
    ####.
    ....#
    .###.
    ....#
    ####.
    """,
    """
    #..#.
    #..#.
    #####
    ...#.
    ...#.
    """,
)
_SIDE = 5
_DESCRIPTION = """\
Drawings of the digits 0 to 4 as binary images of 5 x 5 pixels

Instances: {n_images}, of each digit {n_copies}; pixels flipped with probability {flip_probability}
Attributes: 25, 0 (paper) or 1 (ink), row by row from the top
Classes: 5; any two drawings differ in at least 8 pixels

Drawn for qsklearn after the example of Higham, C. F. and Bedford, A., Quantum deep learning by
sampling neural nets with a quantum annealer (2021), whose drawings they are not.
"""


def load_drawn_digits(*, n_copies=1, flip_probability=0.0, random_state=None, return_X_y=False):
    """Load drawings of the digits 0 to 4 as binary images of 5 x 5 pixels.

    There is one drawing of each digit, and any two differ in at least 8 pixels. Copies with flipped
    pixels give a network more than five images to learn from or to be tested on.

    Parameters
    ----------
    n_copies : int, default=1
        Images of each digit. They come in rounds of 0, 1, 2, 3, 4.
    flip_probability : float, default=0.0
        Probability in [0, 1] with which each pixel of each image is flipped.
    random_state : int, RandomState instance or None, default=None
        Decides the flips.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (5 * n_copies, 25), float64, 0 or 1, rows of pixels from the
        top), `target` (ndarray of shape (5 * n_copies,), int64), `image_shape` (1, 5, 5),
        `feature_names`, `target_names` and `DESCR`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from qsklearn.datasets import load_drawn_digits
    >>> digits = load_drawn_digits()
    >>> digits.data[4].reshape(5, 5).astype(int)
    array([[1, 0, 0, 1, 0],
           [1, 0, 0, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 0, 1, 0],
           [0, 0, 0, 1, 0]])
    >>> load_drawn_digits(n_copies=20, flip_probability=0.05, random_state=0).data.shape
    (100, 25)
    """
    _check_parameters(n_copies, flip_probability)
    check_flag(return_X_y, "return_X_y", "load_drawn_digits")
    images = np.array([[dot == "#" for dot in "".join(d.split())] for d in _DRAWINGS], dtype=float)
    data = np.tile(images, (n_copies, 1))
    target = np.tile(np.arange(len(images), dtype=np.int64), n_copies)
    flips = check_random_state(random_state).uniform(size=data.shape) < flip_probability
    data = np.where(flips, 1.0 - data, data)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        image_shape=(1, _SIDE, _SIDE),
        feature_names=[f"pixel_{i}_{j}" for i in range(_SIDE) for j in range(_SIDE)],
        target_names=np.arange(len(images)).astype(str),
        DESCR=_DESCRIPTION.format(
            n_images=len(data), n_copies=n_copies, flip_probability=flip_probability
        ),
    )


def _check_parameters(n_copies, flip_probability):
    is_int = isinstance(n_copies, numbers.Integral) and not isinstance(n_copies, bool)
    if not is_int or n_copies < 1:
        raise ValueError(
            "The 'n_copies' parameter of load_drawn_digits must be an int in the range [1, inf). "
            f"Got {n_copies!r} instead."
        )
    check_memory(200 * 5 * int(n_copies), f"{5 * int(n_copies)} drawings", "Ask for fewer copies.")
    if not isinstance(flip_probability, numbers.Real) or not 0 <= flip_probability <= 1:
        raise ValueError(
            "The 'flip_probability' parameter of load_drawn_digits must be a float in the range "
            f"[0, 1]. Got {flip_probability!r} instead."
        )
