"""The training loop of the networks that backpropagation trains: passes, stopping, what is kept."""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from qsklearn._base_estimator import as_arrays, as_lists
from qsklearn._private_api import AdamOptimizer
from qsklearn.neural_network._iterations import iterate


@dataclass
class TrainingState:
    """What a training leaves behind, and what the next one continues from."""

    layers: tuple  # of (layer, input_shape)
    parameters: list  # float32: weights and intercepts of each trainable layer
    optimizer: AdamOptimizer
    entropy: int  # of all seeds of this training
    loss_curve: list = field(default_factory=list)

    def __getstate__(self):
        # What is saved is to hold no class of scikit-learn's private modules.
        plain = {"optimizer": vars(self.optimizer), "loss_curve": as_arrays(self.loss_curve)}
        return {**vars(self), **plain}

    def __setstate__(self, state):
        vars(self).update(state, loss_curve=as_lists(state["loss_curve"]))
        self.optimizer = AdamOptimizer.__new__(AdamOptimizer)
        vars(self.optimizer).update(state["optimizer"])

    def to_dict(self):
        """All of it but the layers, which parameters of the estimator tell, as plain arrays."""
        optimizer = {name: getattr(self.optimizer, name) for name in ("ms", "vs", "t")}
        return {
            "parameters": self.parameters,
            "optimizer": optimizer,
            "entropy": self.entropy,
            "loss_curve": self.loss_curve,
        }

    def go_on_from(self, saved):
        """Go on where another training was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        for array, values in zip(self.parameters, saved["parameters"], strict=True):
            array[...] = values  # PyTorch's tensors share this memory
        vars(self.optimizer).update(saved["optimizer"])
        self.loss_curve = saved["loss_curve"]


class DivergedAtOnce(FloatingPointError):
    """Training has left the finite numbers in its first iteration."""


class BackpropagationTraining:
    """A training that can be left and taken up again.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    network : TorchNetwork
        Over the arrays of the state's parameters.
    data : tuple of (X, targets, weights)
        float32, of shapes (n_samples, n_features), (n_samples, n_outputs) and (n_samples,).
    batch_size : int
    max_iter : int
    tol : float
    n_iter_no_change : int

    Attributes
    ----------
    n_run : int
        Iterations of this fit.
    last : TrainingState or None
        A copy of the state after the last iteration that ended well; None before the first.
    stop_reason : str or None
    """

    def __init__(self, state, network, data, *, batch_size, max_iter, tol, n_iter_no_change):
        self.state, self._network = state, network
        self._data, self._batch_size = data, batch_size
        self._max_iter, self._tol, self._n_iter_no_change = max_iter, tol, n_iter_no_change
        self._lowest, self._n_bad, self.n_run = np.inf, 0, 0
        self.last = self.stop_reason = None

    def to_dict(self):
        """All that the rest of the training depends on, once an iteration has ended well."""
        return {
            "state": self.last.to_dict(),
            "lowest": self._lowest,
            "n_bad": self._n_bad,
            "n_run": self.n_run,
            "stop_reason": self.stop_reason,
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        self.state.go_on_from(saved["state"])
        self.last = deepcopy(self.state)
        self._lowest, self._n_bad = saved["lowest"], saved["n_bad"]
        self.n_run, self.stop_reason = saved["n_run"], saved["stop_reason"]

    def run(self, checkpoint, progress, attributes):
        """Train until a stopping rule, an interruption or divergence.

        Parameters
        ----------
        checkpoint : Checkpoint
        progress : Progress
        attributes : callable
            What makes the estimator a fitted one, as of now.

        Returns
        -------
        stop_reason : str

        Raises
        ------
        DivergedAtOnce
            In the first iteration, which leaves nothing worth keeping.
        """
        try:
            iterate(self, checkpoint, progress, attributes)
        except KeyboardInterrupt:
            if self.last is None:
                raise  # nothing was learnt: there is nothing to keep
            self.stop_reason = "interrupted"
        return self.stop_reason

    def iterate(self):
        """One pass over the data; its loss. A copy of the state is kept if it is good."""
        state = self.state
        loss = _run_epoch(self._network, state, *self._data, self._batch_size)
        if not np.isfinite([loss, *(np.abs(array).max() for array in state.parameters)]).all():
            if self.last is None:
                raise DivergedAtOnce
            self.stop_reason = "diverged"
            return {"loss": loss}
        state.loss_curve.append(loss)
        self.last = deepcopy(state)
        self.n_run += 1
        self._n_bad = 0 if loss < self._lowest - self._tol else self._n_bad + 1
        self._lowest = min(self._lowest, loss)
        if self._n_bad >= self._n_iter_no_change:
            self.stop_reason = "converged"
        elif self.n_run >= self._max_iter:
            self.stop_reason = "max_iter"
        return {"loss": loss}


def _run_epoch(network, state, X, targets, weights, batch_size):
    """One pass over the data in a fresh order; returns the loss, each step's before its update."""
    n_samples = len(X)
    seeds = np.random.SeedSequence(state.entropy, spawn_key=(len(state.loss_curve),))
    order = np.random.default_rng(seeds).permutation(n_samples)
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # of a diverging training, told after it
        for start in range(0, n_samples, batch_size):
            rows = order[start : start + batch_size]
            loss, gradient = network.loss_and_gradient(X[rows], targets[rows], weights[rows])
            state.optimizer.update_params(state.parameters, gradient)
            total += loss * len(rows)
    return total / n_samples
