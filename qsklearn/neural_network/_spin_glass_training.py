"""Training of a layered network, layer by layer, as spin_glass_network.txt does, section 4.

An epoch carries the targets backward through the network's inverse, and then goes forward: each
layer with weights sees what the layers below it, already updated, put out, its squared error
becomes a Hamiltonian, and weights of low energy take the place of those at hand.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from tqdm import tqdm

from qsklearn.hamiltonians import CentredLayer
from qsklearn.neural_network._base import SamplerFailure
from qsklearn.neural_network._layer_targets import (
    end_of_block,
    propagate_targets,
    root_mean_square,
)
from qsklearn.neural_network.layers import Linear

# Couplings of outputs whose activation factors differ are made for as many at a time as fit here.
_COUPLING_BYTES = 2**28
# What diagnosing a layer may cost, in multiplications; beyond it its optimum is not known.
_DIAGNOSIS_COST = 3e8
# Inputs of a variance below this, relative to their mean square, are centred before they are
# multiplied, where the sums of products have lost too many digits.
_LOST_DIGITS = 1e-8
# Outputs at the start that vary less than this, relative to their size, are centred; below the
# other number they do not vary at all.
_HARDLY, _ROUNDING = 1e-3, 1e-12
# Products of a few such numbers are what kernels calculate with.
_LARGEST_NUMBER = 1e40
# Of a layer's record, summed over its outputs.
_SUMS = ("energy", "base_energy", "annealed_energy", "optimum", "ridge", "base_ridge")


class TargetsDiverged(ValueError):
    """The targets or the inputs of a hidden layer have grown beyond what can be reckoned with."""


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
    """

    layers: list
    entropy: int
    n_iter: int = 0
    history: dict = field(default_factory=dict)

    def copy(self):
        """One whose training leaves this one as it is."""
        history = {name: list(values) for name, values in self.history.items()}
        return NetworkState(list(self.layers), self.entropy, self.n_iter, history)

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
    verbose : bool
    """

    max_iter: int
    weight_range: tuple
    ridge: float
    keep_best: bool
    fit_intercept: bool
    rule: object
    verbose: bool

    def ranges(self):
        """Relative half width of the grids in each epoch, geometric from first to last."""
        first, last = self.weight_range
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


def train(state, solver, inputs, outputs, sample_weight, settings):
    """Train until the last epoch, an interruption or a failure of the sampler.

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

    Returns
    -------
    stop_reason : str
    """
    started = time.perf_counter()
    best = _Best(settings.keep_best)
    epoch = _Epoch(state, solver, inputs, outputs, sample_weight, settings)
    reason = "max_iter"
    bar = tqdm(settings.ranges(), disable=not settings.verbose, desc="annealing", unit="epoch")
    try:
        for weight_range in bar:
            start = list(state.layers)
            with np.errstate(over="ignore", invalid="ignore"):  # what explodes is told of
                before, after = epoch.run(weight_range)
            if epoch.n_run == 1:
                best.update(start, before, state.n_iter - 1)
            best.update(state.layers, after, state.n_iter)
            bar.set_postfix(loss=f"{state.history['loss'][-1]:.4g}")
    except (KeyboardInterrupt, SamplerFailure, TargetsDiverged) as error:
        if not epoch.n_run:
            raise  # nothing was learnt: there is nothing to keep
        reason = _reason(error)
    finally:
        bar.close()
        elapsed = time.perf_counter() - started
        cost = solver.cost
        cost["update_seconds"] += elapsed - cost["compile_seconds"] - cost["sample_seconds"]
    state.layers, state.best_iter = best.layers, best.n_iter
    return reason


def _reason(error):
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"sampler: {error}" if isinstance(error, SamplerFailure) else f"diverged: {error}"


class _Best:
    """The weights to keep: those of the lowest loss, or the last."""

    def __init__(self, keep_best):
        self.keep_best = keep_best
        self.loss = np.inf
        self.layers = None
        self.n_iter = 0

    def update(self, layers, loss, n_iter):
        if not self.keep_best or self.layers is None or loss < self.loss:
            self.layers, self.loss, self.n_iter = list(layers), loss, n_iter


class _Epoch:
    """One pass over the layers, repeated."""

    def __init__(self, state, solver, inputs, outputs, sample_weight, settings):
        self.state, self.solver, self.settings = state, solver, settings
        self.inputs, self.outputs, self.sample_weight = inputs, outputs, sample_weight
        self.is_deep = len(state.trainable) > 1
        self.known_optima = {}
        self.offsets = {}
        self.n_run = 0

    def _loss(self, result):
        """Mean over samples of the squared error, summed over outputs."""
        errors = np.square(result - self.outputs).reshape(len(result), -1).sum(axis=1)
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
        before = self._loss(activity[-1])
        rule = self.settings.rule
        targets = propagate_targets(layers, activity, self.outputs, rule, self.sample_weight)
        records = []
        value = self.inputs
        for index in range(len(layers)):
            if index in targets:
                records.append(self._fit_layer(index, value, targets[index], weight_range))
            value = layers[index].forward(value)
        loss = self._loss(value)
        self._record(loss, records)
        self.state.n_iter += 1
        self.n_run += 1
        if self.is_deep:
            return before, loss
        return before + records[0]["base_ridge"], loss + records[0]["ridge"]

    def _record(self, loss, records):
        history = self.state.history
        history.setdefault("loss", []).append(loss)
        for name in records[0]:
            if name not in ("ridge", "base_ridge"):
                history.setdefault(name, []).append([record[name] for record in records])

    def _fit_layer(self, index, inputs, target, weight_range):
        """Give a layer weights of lower energy; returns its diagnostics."""
        layer = self.state.layers[index]
        gains = self._gains(index, layer, inputs, target.factors)
        values = target.values
        if target.factors is not None:
            values = values * target.factors
        entropy = np.random.SeedSequence(self.state.entropy, spawn_key=(self.state.n_iter, index))
        size = root_mean_square(values, self.sample_weight)
        if not max(size, np.abs(inputs).max()) <= _LARGEST_NUMBER:
            raise TargetsDiverged(
                f"The targets or inputs of layer {index}, {layer.layer!r}, have grown beyond "
                f"{_LARGEST_NUMBER:g}. Take target='difference', target_scale='unit' or "
                "activation_in_target=False."
            )
        base = layer.coefficients.T
        chosen = np.empty_like(base)
        sums = dict.fromkeys(_SUMS, 0.0)
        conditions = []
        chunks = self._chunks(layer, gains)
        for chunk, seed in zip(chunks, entropy.generate_state(len(chunks)), strict=True):
            hamiltonian, to_grid, to_layer = self._hamiltonian(index, inputs, values, gains, chunk)
            old = to_grid(base[chunk])
            before = hamiltonian.energies(old)
            ranges = weight_range * _scale_of_weights(hamiltonian, before)
            annealed = self.solver.solve(hamiltonian, old, ranges, int(seed >> 1))
            after = hamiltonian.energies(annealed)
            is_kept = (before < after) & (self.settings.keep_best and not self.is_deep)
            new = np.where(is_kept[:, np.newaxis], old, annealed)
            chosen[chunk] = to_layer(new)
            optimum, condition = self._diagnose(index, gains, hamiltonian)
            sums["base_energy"] += before.sum()
            sums["annealed_energy"] += after.sum()
            sums["energy"] += np.where(is_kept, before, after).sum()
            sums["optimum"] += optimum
            sums["ridge"] += float((np.square(new) @ hamiltonian.penalty).sum())
            sums["base_ridge"] += float((np.square(old) @ hamiltonian.penalty).sum())
            conditions.append(condition)
        self.state.layers[index] = layer.with_weights(chosen.T)
        return {**sums, "target_rms": size, "condition_number": float(np.max(conditions))}

    def _gains(self, index, layer, inputs, factors):
        """Activation factors of a layer's outputs at the weights at hand, times those of eq. 29."""
        end = end_of_block(self.state.layers, index)
        if end == index:
            return factors
        slopes = self.state.layers[end].layer.slopes(layer.forward(inputs))
        if factors is None:
            return None if (slopes == 1.0).all() else slopes
        return slopes * factors

    def _chunks(self, layer, gains):
        """Outputs whose couplings are in memory at once."""
        n_outputs = layer.n_outputs
        if gains is None:
            return [np.arange(n_outputs)]
        per_output = 8 * (layer.n_weights + 1) ** 2
        n_chunks = min(n_outputs, -(-n_outputs * per_output // _COUPLING_BYTES))
        return np.array_split(np.arange(n_outputs), n_chunks)

    def _hamiltonian(self, index, inputs, values, gains, chunk):
        """What to minimise, with its ridge, and the ways to its coordinates and back."""
        settings = self.settings
        arguments = {
            "gains": gains,
            "sample_weight": self.sample_weight,
            "fit_intercept": settings.fit_intercept,
            "outputs": chunk,
        }
        to_grid = to_layer = np.asarray
        if settings.fit_intercept:
            centred = self._centred(index, inputs, values, arguments)
            hamiltonian = centred.hamiltonian
            to_grid, to_layer = centred.from_layer, centred.to_layer
        else:
            layer = self.state.layers[index]
            hamiltonian = layer.hamiltonian(inputs, values, **arguments)
        inputs_only = slice(None, -1 if settings.fit_intercept else None)
        penalty = np.zeros(hamiltonian.n_weights)  # an intercept is free, as in ridge regression
        penalty[inputs_only] = settings.ridge * _mean_of_live(hamiltonian.diagonal[:, inputs_only])
        return hamiltonian.with_penalty(penalty), to_grid, to_layer

    def _centred(self, index, inputs, values, arguments):
        """The layer in centred coordinates; of centred inputs, where products lose digits."""
        layer, offset = self.state.layers[index], self.offsets.get(index)
        if offset is None:
            hamiltonian = layer.hamiltonian(inputs, values, **arguments)
            centred = CentredLayer.from_hamiltonian(hamiltonian)
            lost = centred.hamiltonian.diagonal < _LOST_DIGITS * hamiltonian.diagonal
            lost = lost.any(axis=0)[:-1]
            if not isinstance(layer.layer, Linear) or not np.ptp(inputs[:, lost], axis=0).any():
                return centred
            offset = np.average(inputs, axis=0, weights=self.sample_weight)
            self.offsets[index] = offset
        hamiltonian = layer.hamiltonian(inputs - offset, values, **arguments)
        centred = CentredLayer.from_hamiltonian(hamiltonian)
        return replace(centred, means=centred.means + offset)

    def _diagnose(self, index, gains, hamiltonian):
        """Energy of the exact optimum, and the condition number; NaN where they cost too much.

        Those of a first layer without activation are those of the epoch before.
        """
        is_constant = gains is None and index == self.state.trainable[0] and not self.is_deep
        if is_constant and index in self.known_optima:
            return self.known_optima[index]
        cost = hamiltonian.n_groups * float(hamiltonian.n_weights) ** 3
        if cost > _DIAGNOSIS_COST:
            return np.nan, np.nan
        live = (hamiltonian.diagonal > 0).any(axis=0)
        part = hamiltonian.restricted(live)
        known = (
            float(part.energies(part.minimise()).sum()),
            float(part.condition_number().max(initial=1.0)),
        )
        self.known_optima[index] = known
        return known


def _mean_of_live(diagonal):
    """Mean J_jj of the inputs that are not always 0."""
    live = diagonal > 0
    return float(diagonal[live].mean()) if live.any() else 0.0


def _scale_of_weights(hamiltonian, energies):
    """The weight with which each input alone would be as large as the targets: √(E⁰ / J_jj).

    Or as what the weights at hand put out, where that is larger than the targets: what the layers
    below put out has changed much then, and all of it has to be undone.
    """
    size = np.sqrt(np.maximum(hamiltonian.constant, energies).mean())
    diagonal = hamiltonian.diagonal.mean(axis=0)
    return np.divide(size, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
