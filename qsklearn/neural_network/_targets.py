"""Labels of classifiers as output bits, and back."""

import numpy as np
import scipy.sparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target


def check_labels(y, caller):
    """Refuse what are neither labels nor columns of 0 and 1.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
    caller : str

    Raises
    ------
    ValueError
        If they are numbers without end, or columns of more than two labels.
    """
    check_classification_targets(y)
    if type_of_target(y) == "multiclass-multioutput":
        raise ValueError(
            f"The 'y' parameter of {caller} must be labels of shape (n_samples,), or 0 and 1 of "
            f"shape (n_samples, n_labels). Got shape {y.shape} with other values instead."
        )


class Targets:
    """Two classes as one bit, more as a one-hot unit, multilabel targets as independent bits.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or (n_samples, n_labels) of 0 and 1
    classes : array-like of shape (n_classes,), default=None
        All labels, where ``y`` may lack some.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    is_multilabel, is_categorical : bool

    Raises
    ------
    ValueError
        If there is only one class.
    """

    def __init__(self, y, classes=None):
        self.is_multilabel = type_of_target(y).startswith("multilabel")
        labels = y if classes is None or self.is_multilabel else classes
        self._binarizer = LabelBinarizer().fit(labels)
        self.classes = self._binarizer.classes_
        if not self.is_multilabel and len(self.classes) < 2:
            raise ValueError(
                "A classifier needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes[0]}."
            )

    @property
    def is_categorical(self):
        """Whether the outputs form one one-hot unit."""
        return not self.is_multilabel and len(self.classes) > 2

    def check_classes(self, classes):
        """Raise ValueError if ``classes`` of a later call contradict what is known."""
        if classes is not None and not np.array_equal(self.classes, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not what the data and earlier calls of partial_fit "
                f"say: {self.classes!r}."
            )

    def encode(self, y):
        """Outputs 0 or 1, float of shape (n_samples, n_outputs).

        Raises
        ------
        ValueError
            If ``y`` holds unknown labels, or has the wrong shape.
        """
        if self.is_multilabel:
            if np.ndim(y) != 2 and not scipy.sparse.issparse(y):
                raise ValueError(
                    f"y must hold a column of 0 and 1 for each of the {len(self.classes)} labels "
                    f"of the training data. Got {np.ndim(y)} dimensions instead."
                )
        elif not np.isin(y, self.classes).all():
            raise ValueError(
                f"y holds labels that are not among those of the training data, {self.classes}: "
                f"{np.setdiff1d(y, self.classes)}. Labels that are to come later are named in the "
                "first call of partial_fit (`classes`)."
            )
        return self._binarizer.transform(y).astype(float)

    def decode(self, outputs):
        """Labels of outputs 0 or 1 of shape (n_samples, n_outputs)."""
        return self._binarizer.inverse_transform(outputs)

    def weigh(self, weights, y, class_weight, caller):
        """Weights of samples, times those of their classes.

        Raises
        ------
        ValueError
            If that leaves negative weights or none.
        """
        if not self.is_multilabel:
            return with_class_weights(weights, y, class_weight, caller, self.classes)
        if class_weight is not None:
            weights = weights * compute_sample_weight(class_weight, y)
        return _check_weights(weights, class_weight, caller)


def with_class_weights(weights, y, class_weight, caller, classes=None):
    """Weights of samples, times those of their classes.

    By "balanced" all classes weigh the same: a sample of weight 2 is as good as two of weight 1.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
    y : ndarray of shape (n_samples,)
    class_weight : dict, "balanced" or None
    caller : str
    classes : ndarray of shape (n_classes,), default=None
        Those that a dict may name, if ``y`` may lack some.

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a weight is negative or all are 0.
    """
    weights = _check_weights(weights, class_weight, caller)
    if class_weight is None:
        return weights
    counts = weights > 0  # "balanced" goes by the classes there are
    y_counted, present = y[counts], classes
    if classes is None or not isinstance(class_weight, dict):
        present = np.unique(y_counted)
    of_class = compute_class_weight(
        class_weight, classes=present, y=y_counted, sample_weight=weights[counts]
    )
    weights = weights.copy()
    weights[counts] *= of_class[np.searchsorted(present, y_counted)]
    return _check_weights(weights, class_weight, caller)


def _check_weights(weights, class_weight, caller):
    if weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(
            f"The 'class_weight' parameter of {caller}, times sample_weight, must leave weights "
            f">= 0 with a positive sum. Got class_weight={class_weight!r} and weights from "
            f"{weights.min():.4g} to {weights.max():.4g} instead."
        )
    return weights
