"""Labels of classifiers as output bits, and back."""

import numpy as np
import scipy.sparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target


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
        if class_weight is None:
            return weights
        if self.is_multilabel:
            weights = weights * compute_sample_weight(class_weight, y)
        else:
            # A dict may name classes that these data lack; "balanced" goes by those there are.
            present = self.classes if isinstance(class_weight, dict) else np.unique(y)
            of_class = compute_class_weight(
                class_weight, classes=present, y=y, sample_weight=weights
            )
            weights = weights * of_class[np.searchsorted(present, y)]
        if weights.min() < 0 or weights.sum() <= 0:
            raise ValueError(
                f"The 'class_weight' parameter of {caller} must leave the samples weights >= 0 "
                f"with a positive sum. Got {class_weight!r} instead."
            )
        return weights
