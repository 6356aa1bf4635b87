"""The spin-glass network of spin_glass_network.txt as a classifier."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import validate_data

from qsklearn._private_api import fit_context, with_callbacks
from qsklearn.neural_network._base import check_classes, kept_on_error
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._spin_glass._base import BaseSpinGlassNetwork


class SpinGlassAnnealedNetwork(ClassifierMixin, BaseSpinGlassNetwork):
    r"""Classifier whose layers are trained by annealing n-bit weights as spin glasses.

    No gradients: the squared error of each output i of a layer is a quadratic form of its weights,

    .. math::

        H_i(S) = S^\top J^i S + h^i \cdot S + E_0^i, \qquad
        S_j = S^0_j + \frac{L_j}{2^n - 1} \sum_{a=0}^{n-1} 2^a \sigma_{ja},

    a spin glass in the bits σ = ±1 of the weights, whose low energies any sampler finds: eqs.
    (4)-(9) for linear layers, (15)-(19) for convolutions, (21) with an activation behind them. The
    targets of hidden layers come backward through the pseudo-inverses of the layers above, and the
    layers take turns for some epochs with ever finer grids. Classes are one-hot targets 0 and 1.

    Parameters
    ----------
    layers : None, sequence of int, or sequence of layer objects, default=None
        None: one linear layer. Sizes of hidden layers, each followed by a leaky ReLU of slope 0.01,
        as in ``(64, 32)``. Or the objects of :mod:`qsklearn.neural_network.layers`, the last with
        as many outputs as the targets need; an image is flattened where a linear layer or the
        output needs it. A grid search varies the whole of it.
    image_shape : tuple of (channels, height, width), default=None
        Of the images that the rows of X hold flat, where ``layers`` needs images.
    n_bits : int, default=4
        Bits of a weight in each epoch, 1 to 16. The grid shrinks over the epochs, so that few bits
        reach any precision.
    weight_range : tuple of (first, last), or float, default=(0.3, 0.003)
        Half width L of the grid around each weight, from the first epoch to the last in geometric
        steps; one number stays for all epochs. It is relative: L_j is this times √(E⁰ / J_jj), the
        weight with which input j alone would be as large as the layer's targets, in the first
        layer and in deep ones. So neither a common factor of all features nor the scale of the
        targets matters.
    ridge : float, default=0.1
        Penalty on squared weights, relative to the mean J_jj of the layer's inputs that are not
        constant. Intercepts are free. The first parameter to search over. As in ridge regression,
        features of small variance beside others of a large one are shrunk the most: scale them.
    sampler : str, sampler object or None, default=None
        Finds weights of low energy; see :func:`qsklearn.samplers.get_sampler_names`. None:
        ``"annealing"``, on the levels of the weights; other samplers get explicit Ising models
        with a spin a bit. ``"least-squares"`` is no sampler but the exact optimum of each layer,
        off the grid: what it reaches, and an annealer does not, is lost to annealing; what neither
        reaches is lost to the targets of the hidden layers. It takes no part in ``n_bits``,
        ``weight_range``, ``num_sweeps`` and ``n_jobs``. To search over a sampler's own parameters
        pass an object: ``sampler=SimulatedAnnealingSampler()`` and ``sampler__num_sweeps``.
    num_sweeps : int or None, default=None
        Sweeps of each call of the sampler. None leaves it to the sampler.
    target : {"difference", "pseudo_inverse", "weighted"}, default="difference"
        What a hidden layer should put out, with the pseudo-inverse W⁺ of the layer above, its
        input x and its own target t: x + W⁺(t - Wx), or W⁺t as in the paper's eq. (24), or the
        latter with the factors β of eqs. (26)-(29).
    activation_in_target : bool, default=False
        Whether targets are divided by the slopes of the activations on their way back, as the
        paper does. That multiplies them by 1/α where activity is negative, and does not train
        networks of small α; an α of 0 is refused.
    target_scale : "unit", float or None, default="unit"
        ``"unit"`` brings the targets of each hidden layer to a root mean square of 1, but leaves
        those of ``target="difference"``, which have the scale of the activity; a number amplifies
        them at the inverse of each layer with weights, as the paper does above convolutions; None
        leaves them.
    inverse : {"exact", "fourier"}, default="exact"
        How convolutions are inverted: by least squares (the operator's matrix, or conjugate
        gradients where that would be too large), or in Fourier space as the paper does, which
        loses amplitude at the borders.
    inverse_ridge : float, default=0.01
        Damping of the inverses, relative to the mean square of the rows of a layer's matrix.
    keep_best : bool, default=True
        Whether to keep the weights of the epoch with the lowest loss, or those at the start; in a
        network with one layer of weights its ridge counts as loss, and each output also keeps its
        weights where annealing did not find better ones. Else those of the last epoch are kept.
    fit_intercept : bool, default=True
        Whether outputs and output channels have an intercept, a weight whose input is 1.
    max_iter : int, default=20
        Epochs. All of them are run.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights at hand, with all epochs of ``weight_range``; the
        layers must stay the same.
    n_jobs : int or None, default=None
        Threads of the sampler's kernels; -1 means all cores. Results do not depend on it.
    verbose : int, default=0
        Show a progress bar. Where scikit-learn has callbacks (from 1.9 on), ``set_callbacks`` shows
        and scores epochs within pipelines and searches, too.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights and the sampler's calls.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed and is started again, with the same
        parameters and data, goes on from there, and ends as one that was not (on a device, whose
        draws nobody can repeat, as such a one might have). Many fits, of a search for instance, may
        share the folder; a finished one is found again. Needs an int as ``random_state``.
    checkpoint_interval : int, default=1
        Epochs from one saved state to the next.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    layers_ : list of FittedLayer
        All layers with their input shapes, ``weights`` and ``intercepts``.
    sampler_ : object
        The sampler in use; None for ``"least-squares"``.
    n_iter_, best_iter_ : int
        Epochs run, over all fits that went on from each other, and the one whose weights are kept;
        0 stands for the weights at the start.
    loss_curve_ : list of float
        Mean over samples of the squared error, summed over outputs, after each epoch.
    diagnostics_ : dict
        ``"loss"`` of shape (n_epochs,), and of shape (n_epochs, n_layers with weights)
        ``"energy"`` (sum over outputs of H with its ridge, at the weights that the epoch left),
        ``"base_energy"`` and ``"annealed_energy"`` (at the weights before, and those drawn),
        ``"optimum"`` (the least H; NaN where it would cost too much), ``"target_rms"`` and
        ``"condition_number"`` of J; and ``"layer_names"``.
        :class:`qsklearn.inspection.AnnealedTrainingDisplay` plots them.
    cost_ : dict
        ``calls``, ``reads``, ``sweeps``, ``compile_seconds``, ``sample_seconds``,
        ``update_seconds`` and ``qpu_access_time`` (microseconds) of the last fit.
    stop_reason_ : str
        ``"max_iter"``, ``"callback"`` (one asked to stop), ``"interrupted"``, ``"sampler: "`` and
        its failure, or ``"diverged: "`` where targets grew beyond 1e40. Unless that happened in the
        first epoch, which raises, the best weights so far are kept.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    SpinGlassAnnealedRegressor : For targets that are numbers.
    qsklearn.neural_network.BackpropagationNetworkClassifier : The classical twin.

    Notes
    -----
    Outputs are fitted to 0 and 1 by least squares and are no probabilities, so there is no
    ``predict_proba``: :class:`sklearn.calibration.CalibratedClassifierCV` makes some. An epoch
    needs all data, so there is no ``partial_fit``.

    References
    ----------
    Sorba, F. Training convolutional neural networks by simulated/quantum annealing (2025).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from qsklearn import SpinGlassAnnealedNetwork
    >>> X, y = load_digits(return_X_y=True)
    >>> network = SpinGlassAnnealedNetwork(random_state=0).fit(X[:1000], y[:1000])
    >>> bool(network.score(X[1000:], y[1000:]) > 0.85)
    True
    """

    _kind = "classifier"

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Images stay flat, ``image_shape`` tells theirs.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : SpinGlassAnnealedNetwork

        Raises
        ------
        ValueError
            If a parameter, the data or the sampler's answers are not what they must be.
        MemoryError
            If an epoch, or the spins of explicit Ising models, need more memory than there is.
        RuntimeError
            If the sampler fails in the first epoch. After any error what was fitted before stays
            as it was.
        """
        going_on = self.warm_start and hasattr(self, "layers_")
        progress = Progress(self, self.max_iter, "epoch")
        with kept_on_error(self):
            inputs, labels = validate_data(self, X, y, dtype=np.float64, reset=not going_on)
            weights = self._check_weights(sample_weight, inputs)
            labels, classes, codes = check_classes(labels)
            if going_on:
                codes = self._places_of(labels)
            else:
                self.classes_ = classes
            with progress.telling(X, y, sample_weight):
                self._fit_arrays(inputs, np.eye(len(self.classes_))[codes], weights, progress)
        return self

    def _places_of(self, y):
        """Columns of labels that are known from an earlier fit."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds labels that are not among those of the earlier fit, {self.classes_}: "
                f"{unknown}. Fit a clone, or with warm_start=False, to start anew."
            )
        return np.searchsorted(self.classes_, y)

    def decision_function(self, X):
        """Raw outputs of the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples, n_classes)
            For two classes the difference of the two outputs, of shape (n_samples,).
        """
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def predict(self, X):
        """Predict the class with the largest output.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def _n_targets(self):
        return len(self.classes_) if hasattr(self, "classes_") else 2
