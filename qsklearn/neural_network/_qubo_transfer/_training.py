"""Training of torch modules that will be transferred to an Ising machine.

One loop serves all objectives: the cross-entropy of class scores, which differ in what they let
the network know of its later life (:mod:`~qsklearn.neural_network._qubo_transfer._scores`). Imports
PyTorch at module level; it is itself imported inside functions only.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from torch import nn
from tqdm.auto import tqdm

from qsklearn._warnings import warn
from qsklearn.neural_network._qubo_transfer._modules import (
    ELEMENTWISE,
    build_network,
    flat_layers,
    linear_layers,
    sequential_of_mlp,
)
from qsklearn.neural_network._qubo_transfer._rows import blocks, check_rows, through
from qsklearn.neural_network._qubo_transfer._scores import SCORES

__all__ = ["OBJECTIVES", "build_network", "linear_layers", "sequential_of_mlp", "train"]

OBJECTIVES = tuple(SCORES)
# Batches of 128 where there are data for many; small tables still get some sixteen steps an epoch.
_LARGEST_BATCH, _SMALLEST_BATCH, _BATCHES_OF_SMALL_DATA = 128, 16, 16
# A loss that falls by less counts as no improvement; so does an epoch without a better validation.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Plan:
    """How long and how fast one objective is trained.

    The rate falls linearly to zero over the epochs planned: the last steps average the noise of
    batches, and of units that are drawn, out.
    """

    learning_rate: float
    n_epochs: int  # enough for MNIST
    n_steps: int  # at least, so that small tables get more epochs

    def epochs(self, n_batches):
        return max(self.n_epochs, math.ceil(self.n_steps / n_batches))


# Logistic layers need a rate from which convolutions with unbounded activations may diverge.
_PLANS = {
    "cross_entropy": Plan(0.01, 6, 1500),
    "drbm": Plan(0.01, 6, 1500),
    # Drawn units blur the gradient: a large rate, and more epochs.
    "mean_field": Plan(0.02, 20, 600),
}
_CONVOLUTION_RATE = 0.002
# Ordinary epochs before the mean-field steps: from PyTorch's initial weights the units above feed
# back so little that training begins slowly (MNIST, 14x14: .943 without, .952 with them).
_START = {"mean_field": "cross_entropy"}
# Losses of drawn units are noisy, so that patience must be a good part of the plan.
_SHARE_OF_PATIENCE, _LEAST_PATIENCE = 0.25, 5
# Of half the squared weights, over the number of rows, where LogisticRegression's C=1 has 1. It
# holds the weights of small tables, which many epochs would let grow, and is nothing for MNIST.
_WEIGHT_DECAY = 0.3


@dataclass
class _Progress:
    """What a training has come to."""

    loss_curve: list = field(default_factory=list)
    validation_curve: list = field(default_factory=list)
    best: dict | None = None  # weights of the lowest validation loss
    stop_reason: str = "max_iter"


def train(
    module,
    X,
    classes,
    weights=None,
    *,
    objective="cross_entropy",
    image_shape=None,
    validation=None,
    seed=0,
    trainable="all",
    verbose=False,
):
    r"""Train a module in place, by Adam, to be run as an Ising model.

    Parameters
    ----------
    module : torch.nn.Sequential
        Ends in a Linear with one output a class. It is left in evaluation mode.
    X : ndarray of shape (n_samples, n_features)
    classes : ndarray of int of shape (n_samples,)
        From 0 to the number of outputs - 1.
    weights : ndarray of shape (n_samples,), default=None
        Only their ratios matter; a row of weight 0 is as if it were absent.
    objective : {"cross_entropy", "drbm", "mean_field"}, default="cross_entropy"
        The loss is the cross-entropy of class scores: those of the network itself; those with the
        last hidden layer's binary units summed out exactly; or those after six mean-field steps of
        the joint energy of all units, which are drawn at each step.
    image_shape : tuple of (channels, height, width), default=None
        Of the rows, where the module begins with a convolution.
    validation : tuple of (X, classes, weights), default=None
        The weights with the lowest loss on these rows are kept, and training stops when it has not
        fallen for a while. Without it training stops when its own loss no longer falls.
    seed : int, default=0
        Of the order of rows, of drawn units and of Dropout. PyTorch's global generator is left as
        it was; for a given number of threads the weights are the same to the last bit.
    trainable : {"all", "head"}, default="all"
        "head" leaves the front end as it is to the last bit, and evaluates it once. The head is the
        last Linear, for "drbm" the last two.
    verbose : bool, default=False
        Show a progress bar.

    Returns
    -------
    history : dict
        ``loss_curve`` and ``validation_curve`` (one value an epoch; the mean loss during it),
        ``n_iter`` (epochs), ``stop_reason``: "converged", "early_stopping" (by the validation
        rows), "max_iter" (all planned epochs: the rate has fallen to zero), "interrupted" (Ctrl-C;
        the weights so far are kept) or "diverged" (with a warning; those before are kept), and
        ``start_loss_curve``, of the ordinary epochs that "mean_field" begins with.

    Raises
    ------
    ValueError
        If the module, the data or an argument do not fit the objective, or if training diverges
        in its first epoch; the module is then as it was.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network._qubo_transfer._training import build_network, train
    >>> X, classes = np.repeat(np.eye(3), 10, axis=0), np.repeat([0, 1, 2], 10)
    >>> module = build_network(3, None, (4,), 3, "drbm", generator=0)
    >>> history = train(module, X, classes, objective="drbm")
    >>> history["loss_curve"][-1] < 0.3 < history["loss_curve"][0]
    True
    """
    scores = _check_scores(module, objective, trainable)
    shape = (np.shape(X)[1],) if image_shape is None else tuple(image_shape)
    n_classes = flat_layers(module)[-1].out_features
    data = check_rows(module, (X, classes, weights), n_classes, shape, "X")
    held_out = None
    if validation is not None:
        held_out = check_rows(module, validation, n_classes, shape, "validation")
    before = _copy_of(module)
    start = _Progress()
    bar = tqdm(disable=not verbose, desc="transfer")
    with torch.random.fork_rng(devices=[]), _one_thread(), bar:
        torch.default_generator.manual_seed(seed)
        try:
            if objective in _START:
                first = SCORES[_START[objective]](module)
                start = _run(_START[objective], first, data, held_out, seed, trainable, module, bar)
            progress = _Progress(stop_reason=start.stop_reason)
            if start.stop_reason not in ("interrupted", "diverged"):
                progress = _run(objective, scores, data, held_out, seed, trainable, module, bar)
        except BaseException:
            module.load_state_dict(before)
            raise
        finally:
            module.eval()
    if progress.stop_reason == "interrupted":
        warn("Training was interrupted; the weights so far are kept.")
    return {
        "loss_curve": progress.loss_curve,
        "validation_curve": progress.validation_curve,
        "n_iter": len(progress.loss_curve),
        "stop_reason": progress.stop_reason,
        "start_loss_curve": start.loss_curve,
    }


@contextmanager
def _one_thread():
    """PyTorch on one thread: the sums of such small networks take longer on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(objective, scores, data, held_out, seed, trainable, module, bar):
    """Train by one objective until a stopping rule holds."""
    front = nn.Sequential(*scores.front)
    if objective == "mean_field":
        front = nn.Sequential()  # the units below the head are drawn, too
    if trainable == "head":
        module.eval()
        if objective != "mean_field":
            data, held_out = through(front, data), held_out and through(front, held_out)
            front = nn.Sequential()
        layers = scores.head
    else:
        module.train()
        layers = flat_layers(module)
    parameters = [p for layer in layers for p in layer.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(
            "Nothing of the network can be trained: all its weights have requires_grad=False."
        )
    loop = _Loop(objective, front, scores, module, parameters, data, held_out, seed)
    return loop.run(bar)


class _Loop:
    """Epochs of Adam on one objective."""

    def __init__(self, objective, front, scores, module, parameters, data, held_out, seed):
        self.front, self.scores, self.module = front, scores, module
        self.parameters, self.data, self.held_out = parameters, data, held_out
        plan = _PLANS[objective]
        self.batch_size = int(
            np.clip(len(data) // _BATCHES_OF_SMALL_DATA, _SMALLEST_BATCH, _LARGEST_BATCH)
        )
        self.n_batches = math.ceil(len(data) / self.batch_size)
        self.n_epochs = plan.epochs(self.n_batches)
        self.rate = plan.learning_rate
        if any(isinstance(a, nn.Conv2d) for a in front) and not _is_logistic(front):
            self.rate = _CONVOLUTION_RATE
        self.patience = max(_LEAST_PATIENCE, round(_SHARE_OF_PATIENCE * self.n_epochs))
        self.rng = np.random.default_rng(seed)
        self.noise = torch.Generator().manual_seed(seed)
        self.seed = seed
        self.decay = _WEIGHT_DECAY / len(data)
        self.optimizer = torch.optim.Adam(
            [
                {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.decay},
                {"params": [p for p in parameters if p.ndim == 1]},
            ],
            self.rate,
        )
        self.n_steps_done = 0

    def run(self, bar):
        """Train; the weights that are kept are in the module afterwards."""
        progress = _Progress()
        bar.reset(total=self.n_epochs)
        lowest, n_bad = math.inf, 0
        good = None
        try:
            for _ in range(self.n_epochs):
                loss = self._epoch()
                watched = loss if self.held_out is None else self._validate()
                if not (np.isfinite(loss) and self._is_finite()):
                    self._tell_divergence(good, progress)
                    break
                good = _copy_of(self.module)
                progress.loss_curve.append(loss)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}")
                if self.held_out is not None:
                    progress.validation_curve.append(watched)
                    if watched < min(progress.validation_curve[:-1], default=math.inf):
                        progress.best = good
                n_bad = 0 if watched < lowest - _TOLERANCE else n_bad + 1
                lowest = min(lowest, watched)
                if n_bad >= self.patience:
                    by_validation = self.held_out is not None
                    progress.stop_reason = "early_stopping" if by_validation else "converged"
                    break
        except KeyboardInterrupt:
            progress.stop_reason = "interrupted"
            if good is not None and not self._is_finite():
                self.module.load_state_dict(good)
        if progress.best is not None:
            self.module.load_state_dict(progress.best)
        self.module.zero_grad(set_to_none=True)  # a layer that is not trained may have some, too
        return progress

    def _epoch(self):
        order = self.rng.permutation(len(self.data))
        total, total_weight = 0.0, 0.0
        for rows in np.array_split(order, self.n_batches):
            done = self.n_steps_done / (self.n_epochs * self.n_batches)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * (1 - done)
            loss, penalty = self._losses(self.data, rows, self.noise)
            self.optimizer.zero_grad(set_to_none=True)
            (loss + penalty).div(len(rows)).backward()
            self.optimizer.step()
            self.n_steps_done += 1
            total += float(loss.detach())
            total_weight += float(self.data.weights[rows].sum())
        return total / total_weight

    def _validate(self):
        """Loss of the rows held out; with the same draws of the units at every call."""
        noise = torch.Generator().manual_seed(self.seed)
        was_training = self.module.training
        self.module.eval()
        with torch.no_grad():
            total = sum(
                float(self._losses(self.held_out, rows, noise)[0]) for rows in blocks(self.held_out)
            )
        self.module.train(was_training)
        return total / float(self.held_out.weights.sum())

    def _losses(self, data, rows, noise):
        """Sums of weighted losses and of weighted penalties."""
        scores, penalties = self.scores.scores(self.front(data.inputs(rows)), noise)
        losses = F.cross_entropy(scores, data.classes[rows], reduction="none")
        weights = data.weights[rows]
        penalty = 0.0 if penalties is None else (weights * penalties).sum()
        return (weights * losses).sum(), penalty

    def _is_finite(self):
        return all(bool(torch.isfinite(p).all()) for p in self.parameters)

    def _tell_divergence(self, good, progress):
        if good is None:
            raise ValueError(
                "Training diverged in its first epoch: the loss is not finite. Scale X to the "
                "order of 1, for example by a StandardScaler or MinMaxScaler."
            )
        self.module.load_state_dict(good)
        progress.stop_reason = "diverged"
        warn(
            "Training diverged: the loss is not finite. The weights of the epoch before are kept. "
            "Scale X to the order of 1.",
            ConvergenceWarning,
        )


def _is_logistic(front):
    """Whether all activations are logistic."""
    kinds = {type(layer) for layer in front if isinstance(layer, ELEMENTWISE)}
    return kinds <= {nn.Sigmoid}


def _check_scores(module, objective, trainable):
    """The scores of the objective, which check that the module fits."""
    if not isinstance(module, nn.Sequential):
        raise ValueError(
            f"The network must be a torch.nn.Sequential. Got a {type(module).__name__} instead."
        )
    for name, value, known in [
        ("objective", objective, OBJECTIVES),
        ("trainable", trainable, ("all", "head")),
    ]:
        if value not in known:
            raise ValueError(f"The {name!r} parameter must be one of {known}. Got {value!r}.")
    return SCORES[objective](module)


def _copy_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}
