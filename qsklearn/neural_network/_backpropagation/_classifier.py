"""The classifier that backpropagation trains: the classical twin of the annealed network."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from qsklearn._private_api import StrOptions
from qsklearn.neural_network._backpropagation._base import BackpropagationNetwork


def _has_probabilities(estimator):
    if estimator.loss != "cross_entropy":
        raise AttributeError(
            "predict_proba needs loss='cross_entropy'; for a network trained on squared errors "
            "wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    return True


class BackpropagationNetworkClassifier(ClassifierMixin, BackpropagationNetwork):
    """Classifier of the annealed network's layers, trained by backpropagation with Adam.

    The classical twin of the spin-glass network: the same layers, targets (one-hot, 0 and 1, for
    two classes as well) and squared error, so that the way of training is all that differs.
    Training needs PyTorch (the extra ``torch``); what is fitted predicts without. It trains in
    single precision; scale features to the order of 1.

    Parameters
    ----------
    layers : None, sequence of int, or sequence of layers, default=None
        None: one linear layer. ``(64, 32)``: a multilayer perceptron of those hidden sizes, each
        followed by ``Activation("leaky_relu", 0.01)``. Layer objects of
        :mod:`qsklearn.neural_network.layers` are taken as they are, and must end with one output a
        class; an image is flattened where a ``Linear``, or the output, needs it.
    image_shape : tuple of int (channels, height, width), or None, default=None
        Shape of the images that the rows of X hold.
    loss : {"squared_error", "cross_entropy"}, default="squared_error"
        Of a data point: the sum over the outputs of their squared errors, as the annealed network
        has it, or the cross-entropy of their softmax, the usual choice.
    fit_intercept : bool, default=True
        Whether outputs of layers have intercepts.
    learning_rate_init : float, default=0.003
        Step size of Adam.
    batch_size : int, default=32
        Data points in a step, at most all.
    max_iter : int, default=200
        Passes over the data.
    tol : float, default=1e-4
        An iteration that lowers the loss by less makes no progress.
    n_iter_no_change : int, default=10
        Iterations without progress after which training has converged.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights at hand. Two fits of 10 iterations give what one
        of 20 does.
    verbose : int, default=0
        Show a progress bar. Where scikit-learn has callbacks (from 1.9 on), ``set_callbacks`` shows
        and scores iterations within pipelines and searches, too.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights and the order of the data. A fit repeats bit for bit on one
        machine and number of PyTorch's threads.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed and is started again, with the same
        parameters and data, goes on from there, and ends as one that was not. Many fits, of a
        search for instance, may share the folder; a finished one is found again. Needs an int as
        ``random_state``.
    checkpoint_interval : int, default=10
        Iterations from one saved state to the next.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    layers_ : list of FittedLayer
        The layers with their weights, and those that were put in between.
    loss_ : float
        The last of ``loss_curve_``.
    loss_curve_ : list of float
        Average loss of each iteration, of each step before its update.
    n_iter_ : int
        Iterations run, over all fits that went on from each other.
    stop_reason_ : str
        ``"converged"``, ``"max_iter"``, ``"callback"`` (one asked to stop), ``"interrupted"`` or
        ``"diverged"``; after the last two the weights of the last complete iteration are kept.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    BackpropagationNetworkRegressor : For real targets.
    sklearn.neural_network.MLPClassifier : Multilayer perceptrons without PyTorch.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from qsklearn.neural_network import BackpropagationNetworkClassifier
    >>> from qsklearn.neural_network.layers import Activation, AveragePool, Convolution, Linear
    >>> X, y = load_digits(return_X_y=True)
    >>> layers = [Convolution(6, 3), Activation("relu"), AveragePool(2), Linear(10)]
    >>> network = BackpropagationNetworkClassifier(
    ...     layers, image_shape=(1, 8, 8), learning_rate_init=0.01, max_iter=5, random_state=0
    ... )
    >>> bool(network.fit(X / 16, y).score(X / 16, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BackpropagationNetwork._parameter_constraints,
        "loss": [StrOptions({"squared_error", "cross_entropy"})],
    }
    _y_numeric = False

    def __init__(
        self,
        layers=None,
        *,
        image_shape=None,
        loss="squared_error",
        fit_intercept=True,
        learning_rate_init=0.003,
        batch_size=32,
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        warm_start=False,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=10,
    ):
        super().__init__(
            layers,
            image_shape=image_shape,
            fit_intercept=fit_intercept,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
            checkpoint=checkpoint,
            checkpoint_interval=checkpoint_interval,
        )
        self.loss = loss

    @property
    def _loss(self):
        return self.loss

    def _encode(self, y, *, reset):
        """One-hot targets of shape (n_samples, n_classes)."""
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if reset:
            self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                "A classifier needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_[0]}."
            )
        if not np.isin(y, self.classes_).all():
            raise ValueError(
                f"y holds labels that are not among those of the earlier fit, {self.classes_}: "
                f"{np.setdiff1d(y, self.classes_)}. Set warm_start=False to start anew."
            )
        return np.eye(len(self.classes_))[np.searchsorted(self.classes_, y)]

    def predict(self, X):
        """Predict labels: those of the largest outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        outputs = self._outputs(X)  # raises where nothing is fitted
        return self.classes_[outputs.argmax(axis=1)]

    def decision_function(self, X):
        """Raw outputs of the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples, n_classes)
            For two classes of shape (n_samples,): the second output less the first.
        """
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Predict probabilities: the softmax of the outputs, with ``loss="cross_entropy"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return softmax(self._outputs(X), axis=1)
