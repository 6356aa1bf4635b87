"""The paper's convolutional network as a classifier of scikit-learn, trained by PyTorch."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from qsklearn._optional import import_optional
from qsklearn._sklearn import check_sample_weight
from qsklearn.neural_network._qubo_transfer._module_classifier import ModuleClassifier
from qsklearn.neural_network._qubo_transfer._network import read_network


class ConvolutionalClassifier(ModuleClassifier):
    """A convolution, hidden layers and a softmax, trained by cross-entropy.

    What a transfer trains of its own where it is given images and no network; its classical twin.

    Parameters
    ----------
    n_hidden : tuple of int
        Hidden units behind the convolution.
    image_shape : tuple of int
        (channels, height, width) of the images whose pixels are the rows of X.
    mode : str, default="clamped"
        Of the transfer: where its convolution is to become units, it is the coarser one.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    module_ : torch.nn.Sequential
    network_ : TransferredNetwork
    n_features_in_ : int
    """

    def __init__(self, n_hidden, *, image_shape, mode="clamped", random_state=None):
        self.n_hidden = n_hidden
        self.image_shape = image_shape
        self.mode = mode
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : ConvolutionalClassifier

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        """
        caller = type(self).__name__
        import_optional("torch", caller)
        from qsklearn.neural_network._qubo_transfer import _training as training

        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        seed = int(check_random_state(self.random_state).randint(2**31, dtype=np.int64))
        module = training.build_network(
            X.shape[1], self.image_shape, self.n_hidden, len(classes), self.mode, seed
        )
        training.train(
            module,
            X,
            codes,
            weights,
            objective="cross_entropy",
            image_shape=self.image_shape,
            seed=seed,
        )
        self.network_ = read_network(module, X, self.image_shape, len(classes), caller)
        self.module_, self.classes_ = module, classes
        return self
