"""The spin-glass network of spin_glass_network.txt as a regressor."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from qsklearn._checks import check_reals
from qsklearn._private_api import fit_context, with_callbacks
from qsklearn.neural_network._base import kept_on_error
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._spin_glass._base import BaseSpinGlassNetwork

# Of equal targets that were calculated, relative to the largest.
_ROUNDING = 1e-14


class SpinGlassAnnealedRegressor(RegressorMixin, BaseSpinGlassNetwork):
    """Regressor whose layers are trained by annealing n-bit weights as spin glasses.

    As :class:`SpinGlassAnnealedNetwork`, which says how, for targets that are numbers. They are
    centred and scaled for the training, and predictions scaled back.

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
    target_mean_, target_scale_ : ndarrays of shape (n_outputs,)
        What the targets were centred by and, after that, divided by: means and standard
        deviations. The deviation of a constant output is 0, and its constant predicted.
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
    SpinGlassAnnealedNetwork : For classes.
    qsklearn.neural_network.BackpropagationNetworkRegressor : The classical twin.

    References
    ----------
    Sorba, F. Training convolutional neural networks by simulated/quantum annealing (2025).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from qsklearn import SpinGlassAnnealedRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = SpinGlassAnnealedRegressor(random_state=0).fit(X, y)
    >>> bool(network.score(X, y) > 0.45)
    True
    """

    _kind = "regressor"

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Images stay flat, ``image_shape`` tells theirs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : SpinGlassAnnealedRegressor

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
            inputs, numbers = validate_data(
                self,
                X,
                y,
                dtype=np.float64,
                multi_output=True,
                y_numeric=True,
                reset=not going_on,
            )
            weights = self._check_weights(sample_weight, inputs)
            targets = check_reals(numbers, "y", type(self).__name__).reshape(len(inputs), -1)
            if not going_on:
                self.target_mean_, self.target_scale_ = _mean_and_scale(targets, weights)
                self._is_vector = np.ndim(numbers) == 1
            elif targets.shape[1] != len(self.target_mean_):
                raise ValueError(
                    f"y must have {len(self.target_mean_)} outputs, as in the earlier fit. Got "
                    f"{targets.shape[1]} instead."
                )
            varies = self.target_scale_ > 0
            scales = np.where(varies, self.target_scale_, 1.0)
            standard = np.where(varies, (targets - self.target_mean_) / scales, 0.0)
            with progress.telling(X, y, sample_weight):
                self._fit_arrays(inputs, standard, weights, progress)
        return self

    def predict(self, X):
        """Predict numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), as the targets were
        """
        outputs = self._outputs(X) * self.target_scale_ + self.target_mean_
        return outputs[:, 0] if self._is_vector else outputs

    def _n_targets(self):
        return len(self.target_mean_) if hasattr(self, "target_mean_") else 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _mean_and_scale(targets, weights):
    """Means and standard deviations of targets, exactly 0 where all are equal.

    Squares are taken of numbers of order 1, so that no scale of the targets overflows.
    """
    sizes = np.abs(targets).max(axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    means = np.average(targets / sizes, axis=0, weights=weights)
    deviations = np.sqrt(np.average((targets / sizes - means) ** 2, axis=0, weights=weights))
    is_constant = np.ptp(targets, axis=0) <= _ROUNDING * sizes
    means = np.where(is_constant, targets[0], means * sizes)
    return means, np.where(is_constant, 0.0, deviations * sizes)
