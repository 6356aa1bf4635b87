"""The paper's convolutional network as a classifier of scikit-learn, trained by PyTorch."""

from copy import copy

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from qsklearn._optional import import_optional
from qsklearn._private_api import CallbackSupportMixin, check_sample_weight, with_callbacks
from qsklearn.neural_network._base import draw_entropy, kept_on_error
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._qubo_transfer._following import Following
from qsklearn.neural_network._qubo_transfer._module_classifier import ModuleClassifier
from qsklearn.neural_network._qubo_transfer._network import read_network


class ConvolutionalClassifier(CallbackSupportMixin, ModuleClassifier):
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
    verbose : int, default=0
    random_state : int, RandomState instance or None, default=None
    checkpoint, checkpoint_interval
        As of :class:`QUBOTransferClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    stop_reason_ : str
    module_ : torch.nn.Sequential
    logits_ : ValuesOfNetwork
    n_features_in_ : int
    """

    def __init__(
        self,
        n_hidden,
        *,
        image_shape,
        mode="clamped",
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=1,
    ):
        self.n_hidden = n_hidden
        self.image_shape = image_shape
        self.mode = mode
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
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
        progress = Progress(self, None, "epoch")
        following = Following(self, progress, lambda own: vars(own))
        with kept_on_error(self), progress.telling(X, y, sample_weight):
            self.train(X, y, sample_weight, following)
        return self

    def train(self, X, y, sample_weight, following):
        """Train within another fit.

        Parameters
        ----------
        X, y, sample_weight
            As of :meth:`fit`.
        following : Following
            Of classifiers such as this one.
        """
        caller = type(self).__name__
        import_optional("torch", caller)
        from qsklearn.neural_network._qubo_transfer import _training as training

        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        seed = draw_entropy(self.random_state)
        n_classes = len(self.classes_)
        module = training.build_network(
            X.shape[1], self.image_shape, self.n_hidden, n_classes, self.mode, seed
        )

        def fitted(module):
            network = read_network(module, X, self.image_shape, n_classes, caller)
            own = copy(self)
            own.module_, own.logits_ = module, network.logits
            return own

        history = training.train(
            module,
            X,
            codes,
            weights,
            objective="cross_entropy",
            image_shape=self.image_shape,
            seed=seed,
            following=following.of(fitted),
        )
        vars(self).update(vars(fitted(module)), stop_reason_=history["stop_reason"])
