"""What a discrete VAE makes of its data before it trains."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

_CALLER = "QuantumBoltzmannPriorVAE"
_UNLABELLED = -1
# Bits of a row are the same for all models and all seeds, so that models can be compared by pairs.
BINARIZATION_SEED = 0
# Of the posterior mean of a unit in use, over the data (Burda et al. 2016).
ACTIVE_VARIANCE = 0.01


@dataclass
class TrainingData:
    """Checked data.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32
    labels : ndarray of int64 of shape (n_samples,), or None
        Positions in the classes, -1 where unknown.
    classes : ndarray of shape (n_classes,), or None
    """

    X: np.ndarray
    labels: np.ndarray | None = None
    classes: np.ndarray | None = None


def choose_likelihood(likelihood, X):
    """The likelihood that "auto" stands for, and whether data suit the one that was asked for.

    Parameters
    ----------
    likelihood : {"auto", "bernoulli", "gaussian"}
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    likelihood : {"bernoulli", "gaussian"}

    Raises
    ------
    ValueError
        If features of a Bernoulli likelihood are not between 0 and 1.
    """
    if likelihood == "gaussian":
        return likelihood
    low, high = float(X.min()), float(X.max())
    is_between = low >= 0 and high <= 1
    if likelihood == "auto":
        return "bernoulli" if is_between else "gaussian"
    if not is_between:
        raise ValueError(
            f"X must be between 0 and 1 with likelihood='bernoulli' of {_CALLER}. Got values from "
            f"{low:g} to {high:g} instead; scale them, for example by MinMaxScaler(clip=True), or "
            "use likelihood='gaussian'."
        )
    return likelihood


def location_and_scale(X):
    """Means and deviations of features, 1 for those that are constant.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    location, scale : ndarray of shape (n_features,), float32
    """
    location = X.mean(axis=0, dtype=np.float64)
    scale = X.std(axis=0, dtype=np.float64)
    # Of equal numbers the deviation may be a rounding error of their mean.
    scale[scale <= 1e-6 * np.abs(location)] = 1.0
    return location.astype(np.float32), scale.astype(np.float32)


def encode_labels(y, classes=None):
    """Labels as positions in the classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        -1 where unknown.
    classes : ndarray of shape (n_classes,), default=None
        Of an earlier call.

    Returns
    -------
    labels : ndarray of int64 of shape (n_samples,)
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If labels are missing, no classes, fewer than two or other ones than before, or -1 a text.
    """
    missing = [label for label in y.tolist() if _is_missing(label)]
    if missing:
        raise ValueError(
            f"y must hold classes, or -1 where unknown. Got {missing[0]} instead; put -1 there."
        )
    known = np.array([label != _UNLABELLED for label in y.tolist()], dtype=bool)
    if y.dtype.kind in "US" and str(_UNLABELLED) in y:
        raise ValueError(
            "y must be an array of dtype object where classes are text, so that -1, for rows "
            "without a label, stays a number. Got the text '-1' instead."
        )
    _check_discrete(y[known])
    given = np.unique(y[known])
    if classes is None:
        classes = given
        if len(classes) < 2:
            raise ValueError(
                f"y must have labels of at least 2 classes with label_units=True of {_CALLER}, "
                f"besides -1 for rows without a label. Got {classes.tolist()} instead."
            )
    unknown = np.setdiff1d(given, classes)
    if len(unknown):
        raise ValueError(
            f"y must hold the classes of the first call, {classes.tolist()}, or -1. Got "
            f"{unknown.tolist()} as well."
        )
    labels = np.full(len(y), _UNLABELLED, dtype=np.int64)
    labels[known] = np.searchsorted(classes, y[known])
    return labels, classes


def _is_missing(label):
    """Whether a label is None, NaN, or pandas' NA, which answers no question but with itself."""
    try:
        return label is None or bool(label != label)
    except TypeError:
        return True


def _check_discrete(labels):
    """Refuse numbers that are no classes, in scikit-learn's words."""
    # It is asked only where it will refuse: of few labels it would warn that they are few.
    numbers = [label for label in labels.tolist() if isinstance(label, float)]
    if not all(number.is_integer() for number in numbers):
        check_classification_targets(np.array(numbers))
