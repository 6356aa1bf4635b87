"""Real numbers as bits that say which thresholds they exceed."""

from __future__ import annotations

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from qsklearn._base_estimator import BaseEstimator
from qsklearn._memory import check_memory
from qsklearn._private_api import Integral, Interval, check_sample_weight, fit_context
from qsklearn.preprocessing._bit_selection import select_bits
from qsklearn.preprocessing._thresholds import bit_blocks, find_thresholds

_NUMBERS = {"accept_sparse": "csc", "dtype": [np.float64, np.float32]}


class ThermometerEncoder(TransformerMixin, BaseEstimator):
    r"""Encode features as bits, each of which says whether a feature exceeds a threshold.

    The bits of a feature are a thermometer: those of the thresholds below the value are 1. For
    models that read bits or spins, of which there may only be a few: with `n_bits`, the encoder
    keeps those that say most about the labels and least about each other.

    Parameters
    ----------
    n_levels : int, default=5
        How many thresholds a feature has at most: the quantiles :math:`i / (n + 1)` of its
        training values, :math:`i = 1, \ldots, n`, of which equal ones count once. A feature of up
        to `n_levels` + 1 distinct values has a threshold between any two neighbours instead, so
        one of two values is one bit. With 1, it is the median. Not used with `binary`.
    n_bits : int or None, default=None
        How many bits to keep at most, chosen by their information on `y`; None keeps all.
    binary : bool, default=False
        Whether to take every feature for one of two values, and to refuse those of more. The
        larger value is 1.
    dtype : dtype, default=numpy.int8
        Type of the bits 0 and 1.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_bits,), float64
        Thresholds of the bits, in the units of their features.
    feature_indices_ : ndarray of shape (n_bits,), int
        Index of the feature of every bit. Bits are ordered by feature, then by threshold.
    n_bits_ : int
        How many bits there are.
    n_features_in_ : int
        How many features were seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all of them are strings.

    See Also
    --------
    sklearn.preprocessing.KBinsDiscretizer : Bins in place of thresholds, without labels.

    Notes
    -----
    Bit :math:`b` is 1 where :math:`x_{f(b)} > t_b`. A threshold lies midway between the quantile,
    which is the smallest value with at least the given share of the weight at it or below, and the
    next value. No threshold is at the largest value or above: a feature whose quantiles all are
    that value has one threshold right below it, and a feature of a single value has none.

    With `n_bits`, bits are chosen one by one by minimum redundancy and maximum relevance [1]_: the
    next one has, of all that are left, the largest

    .. math:: I(b; y) - \frac{1}{|S|} \sum_{s \in S} I(b; s),

    where :math:`S` are the bits that are chosen already, :math:`y` the labels, and

    .. math:: I(b; y) = \sum_{u \in \{0, 1\}} \sum_k P(b = u, y = k)
        \ln \frac{P(b = u, y = k)}{P(b = u) P(y = k)}

    is the mutual information in nats under the weights of the training rows. Scores within 1e-10
    are equal, and of equal ones the first bit is chosen: neither the order of the rows nor that of
    the classes matters, and a row of weight 2 is as good as two rows. A bit that repeats another
    one, or its complement, is chosen only if there are no others left. Of more than 1024 bits the
    1024 that have the largest :math:`I(b; y)` take part; with an `n_bits` above that, the choice
    is by :math:`I(b; y)` alone.

    Sparse matrices are read by blocks of columns, and zeros that are not stored are values as any
    others. The bits are dense.

    References
    ----------
    .. [1] H. Peng, F. Long and C. Ding, "Feature selection based on mutual information: criteria
       of max-dependency, max-relevance, and min-redundancy", IEEE Transactions on Pattern Analysis
       and Machine Intelligence 27 (2005), 1226-1238.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from qsklearn.preprocessing import ThermometerEncoder
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> encoder = ThermometerEncoder(n_bits=3).fit(X, y)
    >>> encoder.get_feature_names_out().tolist()
    ['petal length (cm) > 2.45', 'petal length (cm) > 4.95', 'petal width (cm) > 1.65']
    >>> encoder.transform(X.iloc[[0, 50, 100]])
    array([[0, 0, 0],
           [1, 0, 0],
           [1, 1, 1]], dtype=int8)
    """

    _parameter_constraints = {
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "n_bits": [Interval(Integral, 1, None, closed="left"), None],
        "binary": ["boolean"],
        "dtype": "no_validation",
    }

    def __init__(self, n_levels=5, *, n_bits=None, binary=False, dtype=np.int8):
        self.n_levels = n_levels
        self.n_bits = n_bits
        self.binary = binary
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the thresholds, and choose among them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, finite numbers.
        y : array-like of shape (n_samples,), default=None
            Class labels. Used, and needed, if `n_bits` is set.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, 1 when None. Rows of weight 0 count as absent.

        Returns
        -------
        self : ThermometerEncoder
            Fitted.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights do not fit, `n_bits` is set without
            labels, a feature has more than two values with `binary`, or all features are constant.
        """
        _check_dtype(self.dtype)
        X, y = self._validate(X, y)
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if sample_weight is not None:
            present = weight > 0
            X, weight = X[present], weight[present]
            y = None if y is None else y[present]
        features, thresholds, n_values = find_thresholds(X, weight, self.n_levels)
        self._check_values(n_values)
        if self.n_bits is not None:
            # As in all our fits: more threads gain nothing here, and wait where cores are shared.
            with threadpool_limits(1, user_api="blas"):
                chosen = select_bits(X, y, weight, features, thresholds, self.n_bits)
            features, thresholds = features[chosen], thresholds[chosen]
        self.feature_indices_, self.thresholds_ = features, thresholds
        self.n_bits_ = len(thresholds)
        return self

    def transform(self, X):
        """Compare the features with the thresholds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        bits : ndarray of shape (n_samples, n_bits)
            0 and 1 of the type `dtype`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the encoder is not fitted.
        ValueError
            If the data do not fit.
        MemoryError
            If the bits need more memory than the machine has.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_NUMBERS)
        shape, dtype = (X.shape[0], self.n_bits_), _check_dtype(self.dtype)
        check_memory(
            shape[0] * shape[1] * dtype.itemsize,
            f"The bits of ThermometerEncoder, of shape {shape},",
            "Keep fewer by 'n_bits' or 'n_levels', or transform fewer rows at a time.",
        )
        encoded = np.empty(shape, dtype)
        for block, bits in bit_blocks(X, self.feature_indices_, self.thresholds_):
            encoded[:, block] = bits
        return encoded

    def get_feature_names_out(self, input_features=None):
        """Names of the bits, such as ``"petal length (cm) > 2.45"``.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features; those seen in fit, or x0, x1, ... when None.

        Returns
        -------
        names : ndarray of shape (n_bits,), object
            The thresholds have six digits, or as many more as tell a feature's bits apart.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the encoder is not fitted.
        ValueError
            If the names are not those seen in fit, or not as many.
        """
        names = self._input_names(input_features)
        starts = np.flatnonzero(np.diff(self.feature_indices_)) + 1
        return np.array(
            [
                f"{names[feature]} > {text}"
                for feature, thresholds in zip(
                    self.feature_indices_[np.r_[0, starts]],
                    np.split(self.thresholds_, starts),
                    strict=True,
                )
                for text in _distinct_texts(thresholds)
            ],
            dtype=object,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = self.n_bits is not None
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _validate(self, X, y):
        """The data, and the labels if they are used."""
        # One row has no two values.
        if self.n_bits is None:
            return validate_data(self, X, ensure_min_samples=2, **_NUMBERS), None
        if y is None:
            raise ValueError(
                f"ThermometerEncoder with n_bits={self.n_bits} requires y to be passed, but the "
                "target y is None. Pass class labels, or keep all bits by n_bits=None."
            )
        X, y = validate_data(self, X, y, ensure_min_samples=2, **_NUMBERS)
        check_classification_targets(y)
        return X, y

    def _check_values(self, n_values):
        """Refuse features of more values than 'binary' allows, and data of which nothing varies."""
        if self.binary and n_values.max() > 2:
            feature = np.flatnonzero(n_values > 2)[0]
            raise ValueError(
                "ThermometerEncoder with binary=True needs features of at most two distinct "
                f"values. Feature {self._input_names()[feature]!r} has {n_values[feature]}; give "
                "it more than one bit by binary=False."
            )
        if n_values.max() < 2:
            raise ValueError(
                "ThermometerEncoder found nothing to encode: all features are constant, in the "
                "rows of positive weight. Pass data in which a feature has two or more values."
            )

    def _input_names(self, input_features=None):
        # scikit-learn's check of names is private but for this mixin, whose name does not fit us.
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)


def _check_dtype(dtype):
    """Return the type of the bits as a numpy.dtype, if it has a 0 and a 1."""
    try:
        checked = np.dtype(dtype)
    except TypeError:  # nothing that NumPy knows
        checked = np.dtype(object)
    if checked.kind not in "biuf":
        raise ValueError(
            "The 'dtype' parameter of ThermometerEncoder must be a type of bool, int or float. Got "
            f"{dtype!r} instead."
        )
    return checked


def _distinct_texts(thresholds):
    """Distinct numbers in as few digits as they are distinct in, but six or more."""
    tried = (
        [f"{threshold:.{n_digits}g}" for threshold in thresholds]
        for n_digits in range(6, 18)  # 17 digits tell any two floats apart
    )
    return next(texts for texts in tried if len(set(texts)) == len(texts))
