"""scikit-learn's digits with their image shape."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from qsklearn.datasets._subset import subset_indices

_WHITEST = 16.0  # load_digits counts dark pixels in blocks of 4 x 4


def load_image_digits(*, classes=None, n_samples=None, random_state=None, return_X_y=False):
    """Load scikit-learn's 8 x 8 images of handwritten digits, scaled to [0, 1].

    Parameters
    ----------
    classes : sequence of int or None, default=None
        Digits to keep, for example ``[3, 8]``; all when None.
    n_samples : int or None, default=None
        Size of a stratified random sample; all 1797 rows when None.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are drawn when `n_samples` is given.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (n_samples, 64), float64 in [0, 1]), `target` (ndarray of
        shape (n_samples,), int64), `image_shape` (1, 8, 8), `feature_names`, `target_names` and
        `DESCR`.

    Raises
    ------
    ValueError
        If a class does not occur, or `n_samples` is out of range.

    Examples
    --------
    >>> from qsklearn.datasets import load_image_digits
    >>> digits = load_image_digits(classes=[3, 8])
    >>> digits.data.shape, digits.image_shape
    ((357, 64), (1, 8, 8))
    """
    raw = load_digits()
    rows = subset_indices(
        raw.target, classes=classes, n_samples=n_samples, random_state=random_state
    )
    data, target = raw.data[rows] / _WHITEST, raw.target[rows].astype(np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        image_shape=(1, 8, 8),
        feature_names=raw.feature_names,
        target_names=raw.target_names.astype(str),
        DESCR=raw.DESCR,
    )
