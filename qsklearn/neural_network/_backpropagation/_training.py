"""The training loop of the networks that backpropagation trains: passes, stopping, what is kept."""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from qsklearn._private_api import AdamOptimizer


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
        return {**vars(self), "optimizer": vars(self.optimizer)}

    def __setstate__(self, state):
        vars(self).update(state)
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


class BackpropagationTraining:
    """A training that can be left and taken up again.

    Parameters
    ----------
    state : TrainingState
        Changed in place.
    network : TorchNetwork
        Over the arrays of the state's parameters.
    max_iter : int
    tol : float
    n_iter_no_change : int

    Attributes
    ----------
    last : TrainingState or None
        A copy of the state after the last iteration that ended well; None before the first.
    stop_reason : str or None
    """

    def __init__(self, state, network, *, max_iter, tol, n_iter_no_change):
        self.state, self._network = state, network
        self._max_iter, self._tol, self._n_iter_no_change = max_iter, tol, n_iter_no_change
        self._lowest, self._n_bad, self._n_run = np.inf, 0, 0
        self.last = self.stop_reason = None

    def to_dict(self):
        """All that the rest of the training depends on, once an iteration has ended well."""
        return {
            "state": self.last.to_dict(),
            "lowest": self._lowest,
            "n_bad": self._n_bad,
            "n_run": self._n_run,
            "stop_reason": self.stop_reason,
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        self.state.go_on_from(saved["state"])
        self.last = deepcopy(self.state)
        self._lowest, self._n_bad = saved["lowest"], saved["n_bad"]
        self._n_run, self.stop_reason = saved["n_run"], saved["stop_reason"]

    def run(self, X, targets, weights, *, batch_size, checkpoint, progress, attributes):
        """Train until a stopping rule, an interruption or divergence.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
        targets : ndarray of shape (n_samples, n_outputs), float32
        weights : ndarray of shape (n_samples,), float32
        batch_size : int
        checkpoint : Checkpoint
        progress : Progress
        attributes : callable
            What makes the estimator a fitted one, as of now.

        Returns
        -------
        stop_reason : str
        """
        if (saved := checkpoint.load()) is not None:
            self.go_on_from(saved)
        try:
            while self.stop_reason is None:
                progress.start_iteration()
                loss = _run_epoch(self._network, self.state, X, targets, weights, batch_size)
                self._take_note(loss)
                if self.last is None:
                    break  # diverged at once
                checkpoint.save(self.to_dict, self._n_run if self.stop_reason is None else None)
                asked = progress.end_iteration(attributes, loss=loss)
                if asked and self.stop_reason is None:
                    self.stop_reason = "callback"
        except KeyboardInterrupt:
            if self.last is None:
                raise  # nothing was learnt: there is nothing to keep
            self.stop_reason = "interrupted"
        return self.stop_reason

    def _take_note(self, loss):
        """Of an iteration's end: whether it is the last, and a copy of the state if it is good."""
        state = self.state
        if not np.isfinite([loss, *(np.abs(array).max() for array in state.parameters)]).all():
            self.stop_reason = "diverged"
            return
        state.loss_curve.append(loss)
        self.last = deepcopy(state)
        self._n_run += 1
        self._n_bad = 0 if loss < self._lowest - self._tol else self._n_bad + 1
        self._lowest = min(self._lowest, loss)
        if self._n_bad >= self._n_iter_no_change:
            self.stop_reason = "converged"
        elif self._n_run >= self._max_iter:
            self.stop_reason = "max_iter"


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
