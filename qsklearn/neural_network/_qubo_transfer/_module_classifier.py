"""A trained PyTorch module as a classifier of scikit-learn."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qsklearn._base_estimator import BaseEstimator
from qsklearn.neural_network._qubo_transfer._module_states import with_modules, without_modules
from qsklearn.neural_network._qubo_transfer._network import read_network


class ModuleClassifier(ClassifierMixin, BaseEstimator):
    """A trained module that classifies by its own softmax.

    It is the classical twin of a transferred module: ``fit`` learns the class labels and nothing
    else.

    Parameters
    ----------
    module : torch.nn.Sequential
        Trained; one output per class in the order of the sorted labels, or one for two classes.
        It stays as it is.
    image_shape : tuple of int, default=None
        (channels, height, width) of the images whose pixels are the rows of X. A module that
        begins with a convolution needs it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    logits_ : ValuesOfNetwork
        Scores of data points by a copy of the module.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where X has names.
    """

    def __init__(self, module, image_shape=None):
        self.module = module
        self.image_shape = image_shape

    def __getstate__(self):
        return without_modules(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(with_modules(state))

    def fit(self, X, y):
        """Learn the class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        self : ModuleClassifier

        Raises
        ------
        ValueError
            If the module cannot be read, or does not fit X or the number of classes.
        """
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        classes = np.unique(y)
        network = read_network(self.module, X, self.image_shape, len(classes), type(self).__name__)
        self.logits_ = network.logits
        self.classes_ = classes
        return self

    def decision_function(self, X):
        """Class scores of the module before the softmax.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the score of the second over the first.
        """
        scores = self._logits(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X):
        """Softmax of the scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return softmax(self._logits(X), axis=1)

    def predict(self, X):
        """Classes with the largest scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    def _logits(self, X):
        check_is_fitted(self)
        return self.logits_(validate_data(self, X, reset=False))
