"""The training loop of the sampled MLP: iterations, stopping, histories.

It works on copies, so that an estimator takes over weights only when a training has ended well.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from qsklearn._base_estimator import as_arrays, as_lists
from qsklearn.hamiltonians import SampledMLPHamiltonian
from qsklearn.neural_network._base import SamplerFailure, stop_reason
from qsklearn.neural_network._iterations import iterate
from qsklearn.neural_network._sampled_mlp._equilibrium_gradient import (
    equilibrium_gradient,
    lowest_states,
)
from qsklearn.neural_network._sampled_mlp._gradients import (
    backprop_gradient,
    cosine,
    likelihood_gradient,
    likelihood_gradient_from_reads,
    mlp_losses,
    pattern_frequencies,
)
from qsklearn.samplers._temperature_belief import TemperatureBelief

_MAX_GRADIENT = 1e150
_MAX_PATTERNS_OF_LOSS = 256
# Reasons to stop that are the training's own; after any other the best weights are kept.
WHOLE = ("max_iter", "converged", "callback")
_HISTORIES = ("loss_curve", "beta_eff", "beta_eff_stderr", "gradient_cosine")


@dataclass
class TrainingState:
    """What a training leaves behind, and what the next one continues from."""

    parameters: list | None  # W1, W2, b, c: scikit-learn's coefs_ + intercepts_
    optimizer: object  # of a state that is kept only what it remembers, a dict, or None
    entropy: int  # of all seeds of this training
    categorical: bool
    n_iter: int = 0
    loss_curve: list = field(default_factory=list)
    beta_eff: list = field(default_factory=list)
    beta_eff_stderr: list = field(default_factory=list)
    gradient_cosine: list = field(default_factory=list)
    belief: TemperatureBelief | None = None  # about the sampler's beta_eff, where it is estimated

    def __getstate__(self):
        return vars(self) | {name: as_arrays(getattr(self, name)) for name in _HISTORIES}

    def __setstate__(self, state):
        vars(self).update(state | {name: as_lists(state[name]) for name in _HISTORIES})

    @property
    def hamiltonian(self):
        """The energy with the present weights."""
        return SampledMLPHamiltonian(*self.parameters, self.categorical)

    def copy(self, parameters, optimizer):
        """A copy of a kept state, to go on from with given weights and a new optimizer."""
        if self.optimizer is not None:
            optimizer.ms = [moment.copy() for moment in self.optimizer["ms"]]
            optimizer.vs = [moment.copy() for moment in self.optimizer["vs"]]
            optimizer.t = self.optimizer["t"]
        return replace(
            self,
            parameters=[parameter.copy() for parameter in parameters],
            optimizer=optimizer,
            **{name: list(getattr(self, name)) for name in _HISTORIES},
        )

    def kept(self):
        """What an estimator keeps: without the weights, which it has itself."""
        return replace(self, parameters=None, optimizer=self._moments())

    def _moments(self):
        return {"ms": self.optimizer.ms, "vs": self.optimizer.vs, "t": self.optimizer.t}

    def to_dict(self):
        """All of it, as numbers and arrays."""
        plain = (*_HISTORIES, "parameters", "entropy", "categorical", "n_iter")
        return {
            **{name: getattr(self, name) for name in plain},
            "optimizer": self._moments(),
            "belief": None if self.belief is None else self.belief.to_dict(),
        }

    def go_on_from(self, saved):
        """Go on where another training was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        for name in (*_HISTORIES, "n_iter", "parameters"):
            setattr(self, name, saved[name])
        self.optimizer.ms, self.optimizer.vs = saved["optimizer"]["ms"], saved["optimizer"]["vs"]
        self.optimizer.t = saved["optimizer"]["t"]


@dataclass
class Stopping:
    """When to stop, and which weights to keep, as scikit-learn's MLPs do.

    ``score`` (a function of the Hamiltonian) is maximised where it is given, else the loss is
    minimised.
    """

    max_iter: int
    tol: float
    n_iter_no_change: int
    score: object = None
    best: float = -np.inf
    best_parameters: list = None
    n_bad: int = 0
    n_run: int = 0  # iterations of this fit
    validation_scores: list = field(default_factory=list)

    def to_dict(self):
        """What it has seen."""
        names = ("best", "best_parameters", "n_bad", "n_run", "validation_scores")
        return {name: getattr(self, name) for name in names}

    def go_on_from(self, saved):
        """Go on where another one was, from what :meth:`to_dict` returned."""
        for name, value in saved.items():
            setattr(self, name, value)

    def update(self, state, loss):
        """Take note of an iteration; returns whether training has converged."""
        merit = -loss
        if self.score is not None:
            merit = self.score(state.hamiltonian)
            self.validation_scores.append(merit)
        # Comparisons as in scikit-learn: an iteration is bad if it gains less than tol.
        self.n_run += 1
        self.n_bad = self.n_bad + 1 if merit < self.best + self.tol else 0
        if merit > self.best or self.best_parameters is None:
            self.best = merit
            self.best_parameters = [parameter.copy() for parameter in state.parameters]
        return self.n_bad > self.n_iter_no_change


class SampledTraining:
    """A training that can be left and taken up again.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    draws : OutputDraws or EquilibriumDraws
    stopping : Stopping
    data : tuple of (X, outputs, weights)
        X, ndarray or csr matrix of shape (n_samples, n_features); outputs, of values 0 or 1, of
        shape (n_samples, n_outputs); weights of shape (n_samples,).
    batch_size : int
    gradient : {"sampled", "equilibrium", "exact", "backprop"}
    diagnostics : bool
        Whether to compare each sampled gradient with the exact one.
    """

    def __init__(self, state, draws, stopping, data, *, batch_size, gradient, diagnostics):
        self.state, self.draws, self.stopping = state, draws, stopping
        self.data, self.batch_size = data, batch_size
        self.step = GradientStep(state, draws, gradient, diagnostics)
        self.stop_reason = None

    def to_dict(self):
        """All that the rest of the training depends on."""
        return {
            "state": self.state.to_dict(),
            "draws": self.draws.to_dict(),
            "stopping": self.stopping.to_dict(),
            "stop_reason": self.stop_reason,
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        for name in ("state", "draws", "stopping"):
            getattr(self, name).go_on_from(saved[name])
        self.stop_reason = saved["stop_reason"]

    def run(self, checkpoint, progress, attributes):
        """Train until a stopping rule, an interruption or a failure of the sampler.

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
        state, stopping = self.state, self.stopping
        try:
            iterate(self, checkpoint, progress, attributes)
        except (KeyboardInterrupt, SamplerFailure) as error:
            if stopping.best_parameters is None:
                raise  # nothing was learnt: there is nothing to keep
            self.stop_reason = stop_reason(error)
        finally:
            self.step.count_seconds()
        if stopping.score is not None or self.stop_reason not in WHOLE:
            state.parameters = stopping.best_parameters
        return self.stop_reason

    def iterate(self):
        """One pass over the data; its loss."""
        loss = _run_iteration(self.state, self.step, *self.data, self.batch_size)
        self.stop_reason = self._end_reason(self.stopping.update(self.state, loss))
        return {"loss": loss}

    @property
    def n_run(self):
        """Iterations of this fit."""
        return self.stopping.n_run

    def _end_reason(self, has_converged):
        if has_converged:
            return "converged"
        return "max_iter" if self.stopping.n_run >= self.stopping.max_iter else None


def _run_iteration(state, step, X, outputs, weights, batch_size):
    """One pass over the data in a fresh order; returns the average loss."""
    n_samples = X.shape[0]
    seeds = np.random.SeedSequence(state.entropy, spawn_key=(state.n_iter,))
    order = np.random.default_rng(seeds).permutation(n_samples)
    n_batches = -(-n_samples // batch_size)
    call_seeds = seeds.generate_state(n_batches, np.uint64) >> np.uint64(1)
    step.start_iteration()
    total_loss = total_weight = 0.0
    for batch in range(n_batches):
        rows = order[batch * batch_size : (batch + 1) * batch_size]
        weight = weights[rows].sum()
        if weight <= 0:
            continue  # no data point of this batch counts
        loss = step.run(X[rows], outputs[rows], weights[rows], int(call_seeds[batch]))
        total_loss += loss * weight
        total_weight += weight
    loss = float(total_loss / total_weight)
    state.n_iter += 1
    state.loss_curve.append(loss)
    step.end_iteration()
    return loss


class GradientStep:
    """One update of the weights on one batch, by any of the gradients.

    Parameters
    ----------
    state : TrainingState
    draws : OutputDraws or EquilibriumDraws
    gradient : {"sampled", "equilibrium", "exact", "backprop"}
    diagnostics : bool
    """

    def __init__(self, state, draws, gradient, diagnostics):
        self.state = state
        self.draws = draws
        self.gradient = gradient
        self.diagnostics = diagnostics
        self.update_seconds = 0.0

    def count_seconds(self):
        """Add the time that was spent on updates to the costs."""
        self.draws.cost["update_seconds"] += self.update_seconds
        self.update_seconds = 0.0

    def start_iteration(self):
        """Forget the steps of the last iteration."""
        self.beliefs, self.errors, self.cosines = [], [], []

    def end_iteration(self):
        """Add the iteration's averages to the histories."""
        self.count_seconds()
        if self.gradient == "sampled":
            self.state.beta_eff.append(float(np.mean(self.beliefs)))
            # A belief rests on the calls before it too, so that errors do not average out.
            self.state.beta_eff_stderr.append(float(np.mean(self.errors)))
        if self.cosines:
            # Few reads may agree with the data to the last one: such a gradient has no direction.
            pointing = [value for value in self.cosines if not np.isnan(value)]
            mean = float(np.mean(pointing)) if pointing else float("nan")
            self.state.gradient_cosine.append(mean)

    def run(self, X, outputs, weights, seed):
        """Update the weights; returns the loss before the update."""
        started = time.perf_counter()
        sampling = self.draws.cost["sample_seconds"] + self.draws.cost["compile_seconds"]
        hamiltonian = self.state.hamiltonian
        with np.errstate(over="ignore", invalid="ignore"):  # of enormous features, cut below
            gradient, loss = getattr(self, f"_{self.gradient}")(
                hamiltonian, X, outputs, weights, seed
            )
        self.state.optimizer.update_params(self.state.parameters, [-_cut(g) for g in gradient])
        sampling -= self.draws.cost["sample_seconds"] + self.draws.cost["compile_seconds"]
        self.update_seconds += time.perf_counter() - started + sampling
        return loss

    def _backprop(self, hamiltonian, X, outputs, weights, seed):
        loss = np.average(mlp_losses(hamiltonian, X, outputs), weights=weights)
        return backprop_gradient(hamiltonian, X, outputs, weights), loss

    def _exact(self, hamiltonian, X, outputs, weights, seed):
        log_probabilities = hamiltonian.log_probabilities(X)
        loss = _negative_log_likelihood(hamiltonian, log_probabilities, outputs, weights)
        gradient = likelihood_gradient(hamiltonian, X, outputs, weights, np.exp(log_probabilities))
        return gradient, loss

    def _equilibrium(self, hamiltonian, X, outputs, weights, seed):
        draws = self.draws
        low, high = draws.draw_phases(hamiltonian, X, outputs, seed)
        gradient = equilibrium_gradient(hamiltonian, X, low, high, weights, draws.span)
        if self.diagnostics:
            exact_low = lowest_states(hamiltonian, X, outputs, draws.nudge)
            exact_high = lowest_states(hamiltonian, X, outputs, draws.nudge - draws.span)
            exact = equilibrium_gradient(hamiltonian, X, exact_low, exact_high, weights, draws.span)
            self.cosines.append(cosine(gradient, exact))
        drawn = hamiltonian.decode(high[:, hamiltonian.output_spins])
        return gradient, np.average(hamiltonian.costs(drawn, outputs), weights=weights)

    def _sampled(self, hamiltonian, X, outputs, weights, seed):
        drawn = self.draws.draw(hamiltonian, X, seed)
        self.beliefs.append(self.draws.beta_eff)
        self.errors.append(self.draws.beta_eff_stderr)
        if hamiltonian.is_enumerable and hamiltonian.n_patterns <= 2 * drawn.shape[1]:
            frequencies = pattern_frequencies(hamiltonian, drawn)
            gradient = likelihood_gradient(hamiltonian, X, outputs, weights, frequencies)
        else:  # fewer reads than patterns
            gradient = likelihood_gradient_from_reads(hamiltonian, X, outputs, weights, drawn)
        if self.diagnostics and hamiltonian.is_enumerable:
            exact, _ = self._exact(hamiltonian, X, outputs, weights, seed)
            self.cosines.append(cosine(gradient, exact))
        if hamiltonian.n_patterns > _MAX_PATTERNS_OF_LOSS:
            # The law's own loss would cost more than the step; the MLP's is close to it.
            return gradient, np.average(mlp_losses(hamiltonian, X, outputs), weights=weights)
        log_probabilities = hamiltonian.log_probabilities(X)
        loss = _negative_log_likelihood(hamiltonian, log_probabilities, outputs, weights)
        return gradient, loss


def _cut(gradient):
    """A gradient small enough for Adam to square; only enormous features make larger ones."""
    return np.clip(np.nan_to_num(gradient), -_MAX_GRADIENT, _MAX_GRADIENT)


def _negative_log_likelihood(hamiltonian, log_probabilities, outputs, weights):
    chosen = log_probabilities[np.arange(len(outputs)), hamiltonian.pattern_of(outputs)]
    return -np.average(chosen, weights=weights)
