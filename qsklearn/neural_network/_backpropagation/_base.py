"""What the two networks trained by backpropagation share: parameters, training, outputs.

Gradients are PyTorch's, steps are those of scikit-learn's Adam, and the fitted network is a list
of numpy layers, which predicts, and is pickled, without PyTorch.
"""

import math
from copy import deepcopy

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from qsklearn._base_estimator import BaseEstimator
from qsklearn._memory import check_memory
from qsklearn._optional import import_optional
from qsklearn._private_api import (
    AdamOptimizer,
    CallbackSupportMixin,
    Integral,
    Interval,
    Real,
    check_sample_weight,
    fit_context,
    with_callbacks,
)
from qsklearn._warnings import warn
from qsklearn.neural_network._architecture import outputs_of, resolve_layers
from qsklearn.neural_network._backpropagation._torch_network import TorchNetwork
from qsklearn.neural_network._backpropagation._training import (
    BackpropagationTraining,
    DivergedAtOnce,
    TrainingState,
)
from qsklearn.neural_network._base import draw_entropy, kept_on_error
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network.layers import FittedLayer

# In single precision. Of a weight: itself and Adam's moments, all that twice more, as kept of the
# last iteration and as copied for the next, its gradient and its step. Of an output of a layer for
# a data point of a batch: its value, and for most a gradient beside it.
_BYTES_OF_WEIGHT, _BYTES_OF_VALUE = 44, 10


class BackpropagationNetwork(CallbackSupportMixin, BaseEstimator):
    """Training and outputs; the subclasses say what targets and predictions are."""

    _parameter_constraints = {
        "layers": "no_validation",  # resolve_layers explains better what does not fit
        "image_shape": "no_validation",
        "fit_intercept": ["boolean"],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        **CHECKPOINT_CONSTRAINTS,
    }
    _histories = ("loss_curve_",)

    def __init__(
        self,
        layers=None,
        *,
        image_shape=None,
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
        self.layers = layers
        self.image_shape = image_shape
        self.fit_intercept = fit_intercept
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), for a regressor also (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Only their ratios matter; a data point of weight 0 is left out.

        Returns
        -------
        self : estimator

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        MemoryError
            If a step needs more memory than the machine has.
        ValueError
            If a parameter or the data are not what they must be, or the first iteration diverges;
            what was fitted before stays as it was.
        """
        caller = type(self).__name__
        going_on = self.warm_start and hasattr(self, "layers_")
        progress = Progress(self, self.max_iter)
        import_optional("torch", caller)
        with kept_on_error(self):
            inputs, targets, weights = self._check_data(X, y, sample_weight, reset=not going_on)
            layers = resolve_layers(
                self.layers, self.image_shape, inputs.shape[1], targets.shape[1], caller
            )
            self._check_memory(layers, len(inputs))
            state = self._continue_state(layers) if going_on else self._initial_state(layers)
            checkpoint = Checkpoint(self, state.to_dict(), inputs, targets, weights)
            with progress.telling(X, y, sample_weight):
                self._train(state, inputs, targets, weights, progress, checkpoint)
        return self

    def _check_data(self, X, y, sample_weight, *, reset):
        """X, targets and weights in single precision, without the data points of weight 0."""
        X, y = validate_data(
            self, X, y, dtype=np.float64, reset=reset, multi_output=True, y_numeric=self._y_numeric
        )
        targets = self._encode(y, reset=reset)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        counts = weights > 0
        if not counts.all():
            X, targets, weights = X[counts], targets[counts], weights[counts]
        # PyTorch's convolutions take ten times as long in double precision.
        arrays = [X, targets, weights / weights.mean()]
        with np.errstate(over="ignore"):  # the loss is not finite then, which training tells
            return [array.astype(np.float32) for array in arrays]

    def _check_memory(self, layers, n_samples):
        """Refuse what a step holds at once, if that is more than the machine has."""
        n_weights = n_values = 0
        for layer, shape in layers:
            n_values += math.prod(layer.output_shape(shape))
            if layer.is_trainable:
                n_weights += (layer.n_weights(shape) + 1) * layer.n_outputs
        n_values *= min(int(self.batch_size), n_samples)
        check_memory(
            _BYTES_OF_WEIGHT * n_weights + _BYTES_OF_VALUE * n_values,
            f"A step of {type(self).__name__}, {n_weights:,} weights and {n_values:,} outputs of "
            "layers for a batch,",
            "Take fewer or smaller layers, or a lower batch_size.",
        )

    def _initial_state(self, layers):
        entropy = draw_entropy(self.random_state)
        rng = np.random.default_rng(entropy)
        parameters = [
            array
            for layer, input_shape in layers
            if layer.is_trainable
            for array in _initial_parameters(layer, input_shape, self.fit_intercept, rng)
        ]
        optimizer = AdamOptimizer(parameters, self.learning_rate_init)
        return TrainingState(layers, parameters, optimizer, entropy)

    def _continue_state(self, layers):
        """A copy of what the last training left, so that a failed one changes nothing."""
        n_arrays = sum(layer.is_trainable for layer, _ in layers) * (1 + self.fit_intercept)
        if layers != self._state.layers or n_arrays != len(self._state.parameters):
            raise ValueError(
                "The 'layers', 'image_shape' and 'fit_intercept' parameters of "
                f"{type(self).__name__}, and the number of targets, must stay as they were where "
                f"training goes on (warm_start=True). Got {self.layers!r}, {self.image_shape!r} "
                f"and {self.fit_intercept!r} instead, which make another network."
            )
        state = deepcopy(self._state)
        state.optimizer.learning_rate_init = self.learning_rate_init
        return state

    def _train(self, state, X, targets, weights, progress, checkpoint):
        """Train, and take over the last good state."""
        network = TorchNetwork(
            state.layers,
            state.parameters,
            fit_intercept=self.fit_intercept,
            loss=self._loss,
            caller=type(self).__name__,
        )
        training = BackpropagationTraining(
            state,
            network,
            (X, targets, weights),
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )

        def attributes():
            return {"layers_": _fitted_layers(training.last, self.fit_intercept)}

        try:
            reason = training.run(checkpoint, progress, attributes)
        except DivergedAtOnce:
            raise ValueError(
                f"{type(self).__name__} diverged in its first iteration: the loss is not finite. "
                f"Scale X and y to the order of 1, or lower learning_rate_init="
                f"{self.learning_rate_init}."
            ) from None
        self._tell(training.last, reason)
        self._take_over(training.last, reason)

    def _tell(self, last, reason):
        if reason == "max_iter":
            warn(
                f"{type(self).__name__} stopped at max_iter={self.max_iter} before it had "
                "converged. Raise max_iter, learning_rate_init or tol; features should be of the "
                "order of 1.",
                ConvergenceWarning,
            )
        elif reason not in ("converged", "callback"):
            warn(
                f"{type(self).__name__} stopped early ({reason}); the weights after "
                f"{len(last.loss_curve)} iterations are kept."
            )

    def _take_over(self, state, reason):
        """Fitted attributes from a training that has ended well."""
        self._state = state
        self.layers_ = _fitted_layers(state, self.fit_intercept)
        self.loss_curve_ = list(state.loss_curve)
        self.loss_ = state.loss_curve[-1]
        self.n_iter_ = len(state.loss_curve)
        self.stop_reason_ = reason

    def _outputs(self, X):
        """Raw outputs (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return outputs_of(self.layers_, X)


def _initial_parameters(layer, input_shape, fit_intercept, rng):
    """Weights of Glorot and Bengio's uniform law, as in scikit-learn's MLPs; intercepts are 0."""
    n_weights = layer.n_weights(input_shape)
    # Each weight of a convolution's kernel acts on as many outputs as the kernel has pixels.
    fan_out = layer.n_outputs * (n_weights // input_shape[0])
    bound = np.sqrt(6.0 / (n_weights + fan_out))
    weights = rng.uniform(-bound, bound, (n_weights, layer.n_outputs)).astype(np.float32)
    intercepts = [np.zeros(layer.n_outputs, np.float32)] if fit_intercept else []
    return [weights, *intercepts]


def _fitted_layers(state, fit_intercept):
    arrays = iter([array.astype(np.float64) for array in state.parameters])
    return [
        FittedLayer(layer, shape, next(arrays), next(arrays) if fit_intercept else None)
        if layer.is_trainable
        else FittedLayer(layer, shape)
        for layer, shape in state.layers
    ]
