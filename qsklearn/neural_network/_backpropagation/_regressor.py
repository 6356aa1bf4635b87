"""The regressor that backpropagation trains: the classical twin of the annealed regressor."""

from sklearn.base import RegressorMixin

from qsklearn._checks import check_reals
from qsklearn.neural_network._backpropagation._base import BackpropagationNetwork


class BackpropagationNetworkRegressor(RegressorMixin, BackpropagationNetwork):
    """Regressor of the annealed network's layers, trained by backpropagation with Adam.

    The classical twin of the spin-glass regressor: the same layers and squared error, so that the
    way of training is all that differs. Training needs PyTorch (the extra ``torch``); what is
    fitted predicts without. It trains in single precision; scale features and targets to the
    order of 1.

    Parameters
    ----------
    layers : None, sequence of int, or sequence of layers, default=None
        None: one linear layer. ``(64, 32)``: a multilayer perceptron of those hidden sizes, each
        followed by ``Activation("leaky_relu", 0.01)``. Layer objects of
        :mod:`qsklearn.neural_network.layers` are taken as they are, and must end with one output a
        target; an image is flattened where a ``Linear``, or the output, needs it.
    image_shape : tuple of int (channels, height, width), or None, default=None
        Shape of the images that the rows of X hold.
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
    layers_ : list of FittedLayer
        The layers with their weights, and those that were put in between.
    loss_ : float
        The last of ``loss_curve_``.
    loss_curve_ : list of float
        Average over the data points of the sum over the targets of squared errors, in each
        iteration, of each step before its update.
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
    BackpropagationNetworkClassifier : For labels.
    sklearn.neural_network.MLPRegressor : Multilayer perceptrons without PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network import BackpropagationNetworkRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    >>> network = BackpropagationNetworkRegressor(
    ...     (16,), learning_rate_init=0.01, max_iter=60, random_state=0
    ... )
    >>> bool(network.fit(X, X[:, 0] * X[:, 1]).score(X, X[:, 0] * X[:, 1]) > 0.9)
    True
    """

    _y_numeric = True
    _loss = "squared_error"

    def _encode(self, y, *, reset):
        """Targets of shape (n_samples, n_outputs)."""
        self._y_is_flat = y.ndim == 1
        return check_reals(y, "y", type(self).__name__).reshape(len(y), -1)

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        targets : ndarray of shape (n_samples,), or (n_samples, n_outputs) where y had columns
        """
        outputs = self._outputs(X)
        return outputs.ravel() if self._y_is_flat else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
