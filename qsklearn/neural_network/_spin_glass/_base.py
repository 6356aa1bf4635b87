"""What the annealed classifier and regressor share: parameters, and fit from arrays of targets."""

import math
from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from qsklearn._base_estimator import BaseEstimator
from qsklearn._memory import check_memory
from qsklearn._private_api import (
    CallbackSupportMixin,
    Integral,
    Interval,
    StrOptions,
    check_sample_weight,
)
from qsklearn._warnings import warn
from qsklearn.neural_network._architecture import outputs_of, resolve_layers
from qsklearn.neural_network._base import N_JOBS, draw_entropy
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._sampling_costs import (
    add_costs,
    check_asked,
    complete_pattern,
    cost_of_family,
    no_cost,
)
from qsklearn.neural_network._spin_glass._classical_twin import classical_twin_of
from qsklearn.neural_network._spin_glass._layer_solver import LEAST_SQUARES, LayerSolver
from qsklearn.neural_network._spin_glass._layer_targets import RULES, TargetRule
from qsklearn.neural_network._spin_glass._training import (
    WHOLE,
    NetworkState,
    Settings,
    SpinGlassTraining,
    initialise,
)
from qsklearn.neural_network._spin_glass._warnings import warn_of_training
from qsklearn.neural_network.layers import Activation, FittedLayer, Linear
from qsklearn.samplers import SimulatedAnnealingSampler, UncoupledComposite, check_sampler
from qsklearn.samplers._own_parameters import own_parameters

# Squares of values of X, and weights that bring them to order 1, have to stay within what
# kernels calculate with.
_SMALLEST_INPUT, _LARGEST_INPUT = 1e-40, 1e40
# Times the largest of those weights, the grids do as well.
_LARGEST_RANGE = 1e10
# Of a weight: those at hand, before, found and best, and a copy at work. Of an output of a layer
# for a sample: its value and its target; as much again while targets are carried backward.
_BYTES_OF_WEIGHT, _BYTES_OF_VALUE = 40, 16
# Of a product of two inputs, and of an input in a row: those of the layer, centred, restricted, and
# what the sampler gets.
_BYTES_OF_PRODUCT, _BYTES_OF_INPUT = 32, 24


class BaseSpinGlassNetwork(CallbackSupportMixin, BaseEstimator):
    """Base of the networks whose layers are trained as spin glasses."""

    _parameter_constraints = {
        "layers": "no_validation",  # resolve_layers explains better what does not fit
        "image_shape": "no_validation",
        "n_bits": [Interval(Integral, 1, 16, closed="both")],
        "weight_range": "no_validation",
        "ridge": [Interval(Real, 0, None, closed="left")],
        "sampler": "no_validation",  # check_sampler explains better what is missing
        "num_sweeps": [Interval(Integral, 1, None, closed="left"), None],
        "target": [StrOptions(set(RULES))],
        "activation_in_target": ["boolean"],
        "target_scale": [StrOptions({"unit"}), Interval(Real, 0, None, closed="neither"), None],
        "inverse": [StrOptions({"exact", "fourier"})],
        "inverse_ridge": [Interval(Real, 0, None, closed="left")],
        "keep_best": ["boolean"],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_jobs": N_JOBS,
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
        n_bits=4,
        weight_range=(0.3, 0.003),
        ridge=0.1,
        sampler=None,
        num_sweeps=None,
        target="difference",
        activation_in_target=False,
        target_scale="unit",
        inverse="exact",
        inverse_ridge=0.01,
        keep_best=True,
        fit_intercept=True,
        max_iter=20,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=1,  # an epoch takes seconds, where training is worth a checkpoint
    ):
        self.layers = layers
        self.image_shape = image_shape
        self.n_bits = n_bits
        self.weight_range = weight_range
        self.ridge = ridge
        self.sampler = sampler
        self.num_sweeps = num_sweeps
        self.target = target
        self.activation_in_target = activation_in_target
        self.target_scale = target_scale
        self.inverse = inverse
        self.inverse_ridge = inverse_ridge
        self.keep_best = keep_best
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    def _check_weights(self, sample_weight, X):
        if sample_weight is None:
            return None
        return check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)

    def _fit_arrays(self, X, outputs, sample_weight, progress):
        """Train on checked data; sets all fitted attributes but those of the targets."""
        self._check_size(X)
        if sample_weight is not None and not sample_weight.all():
            counted = sample_weight > 0  # so that the others have no say anywhere
            X, outputs, sample_weight = X[counted], outputs[counted], sample_weight[counted]
        settings = self._make_settings()
        going_on = self.warm_start and hasattr(self, "layers_")
        resolved = resolve_layers(
            self.layers, self.image_shape, X.shape[1], outputs.shape[1], type(self).__name__
        )
        self._check_slopes(resolved)
        self._check_memory(resolved, len(X))
        solver = LayerSolver(self._check_sampler(), self.n_bits, self.num_sweeps, self.n_jobs)
        inputs = X.reshape(len(X), *resolved[0][1])
        with threadpool_limits(1, user_api="blas"):
            if going_on:
                state = self._continue_state(resolved)
            else:
                state = self._start_state(resolved, inputs, sample_weight)
            n_before = state.n_iter
            checkpoint = Checkpoint(self, state.to_dict(), X, outputs, sample_weight)
            training = SpinGlassTraining(state, solver, inputs, outputs, sample_weight, settings)
            reason = training.run(
                checkpoint, progress, lambda: {"layers_": list(training.best_layers)}
            )
        self._take_over(state, solver, reason)
        warn_of_training(self, state, n_before, len(X))

    def _make_settings(self):
        rule = TargetRule(
            self.target,
            self.activation_in_target,
            self.target_scale,
            self.inverse,
            self.inverse_ridge,
        )
        return Settings(
            self.max_iter,
            check_weight_range(self.weight_range, type(self).__name__),
            self.ridge,
            self.keep_best,
            self.fit_intercept,
            rule,
        )

    def _check_size(self, X):
        """Refuse numbers whose squares, or those of their weights, leave what can be reckoned."""
        largest = np.abs(X).max(initial=0.0)
        if largest and not _SMALLEST_INPUT <= largest <= _LARGEST_INPUT:
            raise ValueError(
                f"The largest absolute value in the X of {type(self).__name__} must lie between "
                f"{_SMALLEST_INPUT:g} and {_LARGEST_INPUT:g}, or be 0. Got {largest:g} instead; "
                "divide X by it."
            )

    def _check_memory(self, resolved, n_samples):
        """Refuse what an epoch holds at once, if that is more than the machine has."""
        n_weights = n_values = largest = 0
        for fitted in (FittedLayer(layer, shape) for layer, shape in resolved):
            width, n_sites = fitted.n_weights + 1, math.prod(fitted.output_shape[1:])
            n_weights += width * fitted.n_outputs
            n_values += n_samples * math.prod(fitted.output_shape)
            if fitted.is_trainable:  # it is solved from products or from rows
                products = _BYTES_OF_PRODUCT * width**2
                rows = _BYTES_OF_INPUT * n_samples * n_sites * width
                largest = max(largest, min(products, rows))
        of_values = _BYTES_OF_VALUE * n_values
        check_memory(
            _BYTES_OF_WEIGHT * n_weights + of_values + max(of_values, largest),
            f"The training of {type(self).__name__}, {n_weights:,} weights and {n_values:,} "
            "outputs of layers for all samples,",
            "Take fewer or smaller layers, or fewer samples.",
        )

    def _check_slopes(self, resolved):
        """Refuse a division by slopes of zero before anything is trained."""
        if not self.activation_in_target:
            return
        for position, (layer, _) in enumerate(resolved):
            if isinstance(layer, Activation) and layer.negative_slope == 0:
                raise ValueError(
                    f"The 'activation_in_target' parameter of {type(self).__name__} must be False "
                    f"where an activation has a slope of 0, by which targets cannot be divided. "
                    f"Got layer {position}, {layer!r}; give it a negative slope > 0 instead."
                )

    def _check_sampler(self):
        """The sampler, or None for the least-squares solution."""
        if isinstance(self.sampler, str) and self.sampler == LEAST_SQUARES:
            return None
        try:
            return check_sampler(
                self.sampler, default="annealing", intent="ground", caller=type(self).__name__
            )
        except ValueError as error:
            if not isinstance(self.sampler, str):
                raise
            raise ValueError(f"{error} {LEAST_SQUARES!r} finds the exact optimum.") from None

    def _start_state(self, resolved, inputs, sample_weight):
        entropy = draw_entropy(self.random_state)
        layers = [FittedLayer(layer, shape) for layer, shape in resolved]
        rng = np.random.default_rng(entropy)
        layers = initialise(layers, inputs, sample_weight, self.fit_intercept, rng)
        return NetworkState(layers, entropy)

    def _continue_state(self, resolved):
        fitted = [(layer.layer, layer.input_shape) for layer in self.layers_]
        has_intercepts = self._state.trainable and (
            self.layers_[self._state.trainable[0]].intercepts is not None
        )
        if fitted != list(resolved) or has_intercepts != self.fit_intercept:
            raise ValueError(
                f"The layers of {type(self).__name__}, and 'fit_intercept', must stay as they are "
                "where training goes on (warm_start=True). Fit a clone to start anew."
            )
        return self._state.copy()

    def _take_over(self, state, solver, reason):
        self._state = state
        self.layers_ = list(state.layers)
        self.sampler_ = solver.sampler
        self.n_iter_ = state.n_iter
        self.best_iter_ = state.best_iter
        self.loss_curve_ = list(state.history.get("loss", []))
        self.diagnostics_ = self._diagnostics(state)
        self.cost_ = solver.cost
        self.stop_reason_ = reason
        if reason not in WHOLE:
            warn(
                f"Training stopped early ({reason}); the best weights of {self.n_iter_} epochs are "
                "kept."
            )

    def _diagnostics(self, state):
        arrays = {name: np.array(values, float) for name, values in state.history.items()}
        names = [f"{index}: {state.layers[index].layer!r}" for index in state.trainable]
        return {**arrays, "layer_names": names}

    def _outputs(self, X):
        """Raw outputs of the network, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return outputs_of(self.layers_, X)

    def classical_twin(self):
        """The network of the same layers, trained by backpropagation, unfitted.

        Its passes over the data are its own, as they are not epochs of annealing, and so is their
        ``checkpoint_interval``; and it wants features of the order of 1, which annealing does not.

        Returns
        -------
        estimator
            A ``BackpropagationNetworkClassifier`` or ``...Regressor`` where PyTorch is
            installed, else scikit-learn's MLP.

        Raises
        ------
        ImportError
            If PyTorch is missing and scikit-learn's MLP cannot express the network.
        """
        return classical_twin_of(
            self.layers,
            kind=self._kind,
            caller=f"{type(self).__name__}.classical_twin",
            image_shape=self.image_shape,
            fit_intercept=self.fit_intercept,
            warm_start=self.warm_start,
            verbose=self.verbose,
            random_state=self.random_state,
            checkpoint=self.checkpoint,
        )

    def ablations(self):
        """Controls: the same estimator with the annealing replaced.

        Returns
        -------
        ablations : dict of str to estimator
            ``"least squares"``: the exact optimum of each layer; ``"random weights"``: random
            points of the n-bit grids, as many reads; ``"zero couplings"``: a sampler that sees
            each bit alone, which needs the explicit Ising models.
        """
        parameters = self.get_params(deep=False)
        sampler = self._check_sampler() or SimulatedAnnealingSampler()
        num_reads = self._reads_of(sampler)
        random = SimulatedAnnealingSampler(num_reads=num_reads, num_sweeps=1, beta=0.0)
        controls = {
            "least squares": {"sampler": LEAST_SQUARES},
            "random weights": {"sampler": random, "num_sweeps": None},
            "zero couplings": {"sampler": UncoupledComposite(self.sampler or "annealing")},
        }
        if self._check_sampler() is None:
            del controls["zero couplings"]
        return {name: type(self)(**{**parameters, **changes}) for name, changes in controls.items()}

    def _reads_of(self, sampler):
        return int(own_parameters(sampler).get("num_reads") or 1)

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
        """What a full fit asks of the sampler.

        Parameters
        ----------
        n_samples, n_features : int
            Of the training data. The number of samples does not matter.
        n_outputs : int, default=None
            Classes, or columns of the targets; by default those of the last fit, or before it two
            for a classifier and one for a regressor.
        method : {"fit", "predict"}, default="fit"
            What is to be done. Predicting asks nothing of a sampler.

        Returns
        -------
        cost : dict
            ``calls``, ``models`` (programs, one an output or output channel, layer and epoch) and
            ``reads``; ``queries`` of a device, and their ``qpu_access_time`` in microseconds by its
            own timing model. A sampler of explicit Ising models, as a device is, gets one call for
            each of the groups of outputs that share couplings. Weights whose inputs are always 0
            are left out of the models, which may make them smaller.
        """
        check_asked(n_samples, n_features, n_outputs, method, type(self).__name__)
        sampler = self._check_sampler()
        if sampler is None or method == "predict":
            return no_cost()
        n_outputs = self._n_outputs(n_features, n_outputs or self._n_targets())
        resolved = resolve_layers(
            self.layers, self.image_shape, n_features, n_outputs, type(self).__name__
        )
        epoch = add_costs(
            *(
                self._cost_of_layer(sampler, FittedLayer(layer, shape), *following)
                for (layer, shape), *following in zip(resolved, [*resolved[1:], None], strict=True)
                if layer.is_trainable
            )
        )
        return add_costs((self.max_iter, epoch))

    def _cost_of_layer(self, sampler, fitted, following):
        """Of one layer in one epoch; its outputs share couplings where they are not rectified."""
        reads = self._reads_of(sampler)
        if hasattr(sampler, "sample_levels"):
            return {
                **no_cost(),
                "calls": 1,
                "models": fitted.n_outputs,
                "reads": fitted.n_outputs * reads,
            }
        pattern = complete_pattern((fitted.n_weights + self.fit_intercept) * self.n_bits)
        is_shared = following is None or not isinstance(following[0], Activation)
        n_calls, n_models = (1, fitted.n_outputs) if is_shared else (fitted.n_outputs, 1)
        return add_costs((n_calls, cost_of_family(sampler, n_models, pattern, reads)))

    def _n_outputs(self, n_features, n_targets):
        """Outputs that the layers name, where they do, else those of the targets."""
        are_layers = isinstance(self.layers, list | tuple) and all(
            hasattr(layer, "output_shape") for layer in self.layers
        )
        if not are_layers or not self.layers:
            return n_targets
        try:
            shape = (n_features,) if self.image_shape is None else tuple(self.image_shape)
            for layer in self.layers:
                flat = isinstance(layer, Linear)
                shape = layer.output_shape((int(np.prod(shape)),) if flat else shape)
        except (TypeError, ValueError):  # resolve_layers explains it
            return n_targets
        return int(np.prod(shape))


def check_weight_range(weight_range, caller):
    """Ends of the geometric schedule of half widths.

    Raises
    ------
    ValueError
        If they are not two numbers > 0, or one, or too large to calculate with.
    """
    try:
        ends = np.asarray(weight_range, dtype=float)
    except (TypeError, ValueError, OverflowError):  # words, ragged, or beyond floats
        ends = np.empty(0)
    ends = np.repeat(ends, 2) if ends.ndim == 0 else ends
    if ends.shape != (2,) or not ((ends > 0) & (ends <= _LARGEST_RANGE)).all():
        raise ValueError(
            f"The 'weight_range' parameter of {caller} must be two finite numbers > 0 and at "
            f"most {_LARGEST_RANGE:g}, for the first and the last epoch, or one for all. Got "
            f"{weight_range!r} instead."
        )
    if ends[0] < ends[1]:
        raise ValueError(
            f"The 'weight_range' parameter of {caller} must not grow from the first epoch to the "
            f"last. Got {weight_range!r} instead."
        )
    return float(ends[0]), float(ends[1])
