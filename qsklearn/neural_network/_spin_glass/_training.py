"""Training of a layered network, layer by layer, as spin_glass_network.txt does, section 4.

An epoch carries the targets backward through the network's inverse, and then goes forward: each
layer with weights sees what the layers below it, already updated, put out, its squared error
becomes a Hamiltonian, and weights of low energy take the place of those at hand.
"""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from qsklearn._base_estimator import as_arrays, as_lists
from qsklearn._memory import check_memory
from qsklearn.neural_network._base import SamplerFailure, stop_reason
from qsklearn.neural_network._iterations import iterate
from qsklearn.neural_network._spin_glass._layer_step import LayerStep, TargetsDiverged
from qsklearn.neural_network._spin_glass._layer_targets import propagate_targets, root_mean_square

# Outputs at the start that vary less than this, relative to their size, are centred; below the
# other number they do not vary at all.
_HARDLY, _ROUNDING = 1e-3, 1e-12
# Reasons to stop that are the training's own, or a callback's.
WHOLE = ("max_iter", "callback")


@dataclass
class NetworkState:
    """What training changes.

    Parameters
    ----------
    layers : list of FittedLayer
        With weights.
    entropy : int
        Seeds the samplers' calls.
    n_iter : int
        Epochs so far, over all fits that went on from each other.
    history : dict of str to list
        One entry an epoch; those of the layers with weights are lists themselves.
    constant_loss : float
        The squared error of the best constant outputs.
    """

    layers: list
    entropy: int
    n_iter: int = 0
    history: dict = field(default_factory=dict)
    constant_loss: float = np.inf

    def __getstate__(self):
        return {**vars(self), "history": as_arrays(self.history)}

    def __setstate__(self, state):
        vars(self).update(state, history=as_lists(state["history"]))

    def copy(self):
        """One whose training leaves this one as it is."""
        history = {name: list(values) for name, values in self.history.items()}
        return NetworkState(list(self.layers), self.entropy, self.n_iter, history)

    def to_dict(self):
        """All of it that is not known from the data, as numbers and arrays."""
        return {
            "coefficients": _coefficients_of(self.layers),
            "entropy": self.entropy,
            "n_iter": self.n_iter,
            "history": self.history,
        }

    def go_on_from(self, saved):
        """Go on where another training was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        self.layers = _with_coefficients(self.layers, saved["coefficients"])
        self.n_iter, self.history = saved["n_iter"], saved["history"]

    @property
    def trainable(self):
        """Indices of the layers with weights."""
        return [index for index, layer in enumerate(self.layers) if layer.is_trainable]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    max_iter : int
    weight_range : tuple of (first, last)
    ridge : float
    keep_best, fit_intercept : bool
    rule : TargetRule
    """

    max_iter: int
    weight_range: tuple
    ridge: float
    keep_best: bool
    fit_intercept: bool
    rule: object

    def ranges(self):
        """Relative half width of the grids in each epoch, geometric from first to last."""
        first, last = self.weight_range
        check_memory(16 * int(self.max_iter), "The ranges of all epochs", "Lower max_iter.")
        at = np.linspace(0.0, 1.0, self.max_iter) if self.max_iter > 1 else np.zeros(1)
        return first * (last / first) ** at


def forward(layers, inputs):
    """Input of each layer, and the output of the last at the end.

    Parameters
    ----------
    layers : list of FittedLayer
    inputs : ndarray of shape (n_samples, *input_shape)

    Returns
    -------
    activity : list of ndarray
    """
    activity = [inputs]
    for layer in layers:
        activity.append(layer.forward(activity[-1]))
    return activity


def initialise(layers, inputs, sample_weight, fit_intercept, rng):
    """Layers with weights to start from.

    A single layer with weights starts from zero: its problem is convex. Deeper networks start from
    normal weights, scaled so that each layer puts out values of order 1 whatever the scale of X,
    and intercepts of zero; or such that centre the outputs, where these hardly vary beside their
    means, as they do for data far from zero.

    Parameters
    ----------
    layers : list of FittedLayer
    inputs : ndarray of shape (n_samples, *input_shape)
        The data, which tell the scale of the weights.
    sample_weight : ndarray of shape (n_samples,) or None
    fit_intercept : bool
    rng : numpy.random.Generator

    Returns
    -------
    layers : list of FittedLayer
    """
    is_deep = sum(layer.is_trainable for layer in layers) > 1
    started = []
    for layer in layers:
        if layer.is_trainable:
            coefficients = np.zeros((layer.n_weights + fit_intercept, layer.n_outputs))
            if is_deep:
                coefficients[: layer.n_weights] = rng.normal(
                    size=(layer.n_weights, layer.n_outputs)
                )
            layer = layer.with_weights(coefficients)
            if is_deep:
                layer = _scaled(layer, inputs, sample_weight)
        started.append(layer)
        inputs = layer.forward(inputs)
    return started


def _scaled(layer, inputs, sample_weight):
    """The layer with its outputs brought to order 1, and centred where they hardly vary."""
    reached = layer.forward(inputs)
    size = root_mean_square(reached, sample_weight)
    coefficients = layer.coefficients
    if layer.intercepts is not None:
        by_sample = reached.reshape(*reached.shape[:2], -1).mean(axis=2)
        means = np.average(by_sample, axis=0, weights=sample_weight)
        reached -= means.reshape(-1, *[1] * (reached.ndim - 2))
        spread = root_mean_square(reached, sample_weight)
        if _ROUNDING * size < spread < _HARDLY * size:
            coefficients[-1], size = -means, spread
    return layer.with_weights(coefficients / size) if 0 < size < np.inf else layer


class SpinGlassTraining:
    """A training that can be left and taken up again.

    Parameters
    ----------
    state : NetworkState
        Changed in place.
    solver : LayerSolver
    inputs : ndarray of shape (n_samples, *input_shape)
    outputs : ndarray of shape (n_samples, *output_shape)
        What the network should put out.
    sample_weight : ndarray of shape (n_samples,) or None
    settings : Settings

    Attributes
    ----------
    n_run : int
        Epochs of this fit.
    best_layers : list of FittedLayer
        What would be kept if the training stopped now; None before the first epoch has ended.
    stop_reason : str or None
    """

    def __init__(self, state, solver, inputs, outputs, sample_weight, settings):
        self.state, self.solver, self.settings = state, solver, settings
        self._best = _Best(settings.keep_best)
        self._epoch = _Epoch(state, solver, inputs, outputs, sample_weight, settings)
        self.n_run = 0
        self.stop_reason = None
        state.constant_loss = self._epoch.loss(np.average(outputs, axis=0, weights=sample_weight))

    @property
    def best_layers(self):
        """The layers to keep."""
        return self._best.layers

    def to_dict(self):
        """All that the rest of the training depends on."""
        return {
            "state": self.state.to_dict(),
            "best": self._best.to_dict(),
            "step": self._epoch.step.to_dict(),
            "cost": self.solver.cost,
            "n_run": self.n_run,
            "stop_reason": self.stop_reason,
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        self.state.go_on_from(saved["state"])
        self._best.go_on_from(saved["best"], self.state.layers)
        self._epoch.step.go_on_from(saved["step"])
        self.solver.cost = saved["cost"]
        self.n_run, self.stop_reason = saved["n_run"], saved["stop_reason"]

    def run(self, checkpoint, progress, attributes):
        """Train until the last epoch, an interruption or a failure of the sampler.

        Parameters
        ----------
        checkpoint : Checkpoint
        progress : Progress
        attributes : callable
            What makes the estimator a fitted one, as of now.

        Returns
        -------
        stop_reason : str
        """
        state, best = self.state, self._best
        try:
            iterate(self, checkpoint, progress, attributes)
        except (KeyboardInterrupt, SamplerFailure, TargetsDiverged) as error:
            if best.layers is None:
                raise  # nothing was learnt: there is nothing to keep
            self.stop_reason = _reason(error)
            if isinstance(error, TargetsDiverged):  # as it will be each time
                checkpoint.save(self.to_dict)
        state.layers, state.best_iter = best.layers, best.n_iter
        return self.stop_reason

    def iterate(self):
        """An epoch; its loss."""
        state, best = self.state, self._best
        start = list(state.layers)
        # What explodes is told of.
        with _counted(self.solver.cost), np.errstate(over="ignore", invalid="ignore"):
            before, after = self._epoch.run(self.settings.ranges()[self.n_run])
        if self.n_run == 0:
            best.update(start, before, state.n_iter - 1)
        best.update(state.layers, after, state.n_iter)
        self.n_run += 1
        if self.n_run >= self.settings.max_iter:
            self.stop_reason = "max_iter"
        return {"loss": state.history["loss"][-1]}


@contextmanager
def _counted(cost):
    """Add the seconds that are not spent on calls of the sampler to the costs."""
    asked = cost["compile_seconds"] + cost["sample_seconds"]
    started = time.perf_counter()
    try:
        yield
    finally:
        asked -= cost["compile_seconds"] + cost["sample_seconds"]
        cost["update_seconds"] += time.perf_counter() - started + asked


def _reason(error):
    return f"diverged: {error}" if isinstance(error, TargetsDiverged) else stop_reason(error)


def _coefficients_of(layers):
    return [layer.coefficients for layer in layers if layer.is_trainable]


def _with_coefficients(layers, coefficients):
    arrays = iter(coefficients)
    return [layer.with_weights(next(arrays)) if layer.is_trainable else layer for layer in layers]


class _Best:
    """The weights to keep: those of the lowest loss, or the last."""

    def __init__(self, keep_best):
        self.keep_best = keep_best
        self.loss = np.inf
        self.layers = None
        self.n_iter = 0

    def to_dict(self):
        """The weights, after an epoch at least."""
        coefficients = _coefficients_of(self.layers)
        return {"coefficients": coefficients, "loss": self.loss, "n_iter": self.n_iter}

    def go_on_from(self, saved, layers):
        """Go on where another one was, from what :meth:`to_dict` returned."""
        self.layers = _with_coefficients(layers, saved["coefficients"])
        self.loss, self.n_iter = saved["loss"], saved["n_iter"]

    def update(self, layers, loss, n_iter):
        if not self.keep_best or self.layers is None or loss < self.loss:
            self.layers, self.loss, self.n_iter = list(layers), loss, n_iter


class _Epoch:
    """One pass over the layers, repeated."""

    def __init__(self, state, solver, inputs, outputs, sample_weight, settings):
        self.state, self.settings = state, settings
        self.inputs, self.outputs, self.sample_weight = inputs, outputs, sample_weight
        self.is_deep = len(state.trainable) > 1
        keeps_better = settings.keep_best and not self.is_deep
        self.step = LayerStep(solver, settings, sample_weight, keeps_better, not self.is_deep)

    def loss(self, result):
        """Mean over samples of the squared error, summed over outputs."""
        errors = np.square(result - self.outputs).reshape(len(self.outputs), -1).sum(axis=1)
        loss = float(np.average(errors, weights=self.sample_weight))
        return loss if np.isfinite(loss) else np.inf

    def run(self, weight_range):
        """Train each layer once.

        Parameters
        ----------
        weight_range : float

        Returns
        -------
        before, after : float
            What to keep the lowest of, at the weights before and after: the squared error, in a
            network of one layer with weights its ridge too, which then is what training minimises.
        """
        layers = self.state.layers
        activity = forward(layers, self.inputs)
        before = self.loss(activity[-1])
        rule = self.settings.rule
        targets = propagate_targets(layers, activity, self.outputs, rule, self.sample_weight)
        records = []
        value = self.inputs
        for index in range(len(layers)):
            if index in targets:
                seeds = np.random.SeedSequence(
                    self.state.entropy, spawn_key=(self.state.n_iter, index)
                )
                layers[index], record = self.step.run(
                    layers, index, value, targets[index], weight_range, seeds
                )
                records.append(record)
            value = layers[index].forward(value)
        loss = self.loss(value)
        self._record(loss, records)
        self.state.n_iter += 1
        if self.is_deep:
            return before, loss
        return before + records[0]["base_ridge"], loss + records[0]["ridge"]

    def _record(self, loss, records):
        history = self.state.history
        history.setdefault("loss", []).append(loss)
        for name in records[0]:
            if name not in ("ridge", "base_ridge"):
                history.setdefault(name, []).append([float(record[name]) for record in records])
