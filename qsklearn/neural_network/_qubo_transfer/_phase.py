"""One objective that a torch module is trained for.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from qsklearn.neural_network._qubo_transfer._modules import ELEMENTWISE, flat_layers
from qsklearn.neural_network._qubo_transfer._rows import blocks, through
from qsklearn.neural_network._qubo_transfer._scores import SCORES
from qsklearn.neural_network._torch_state import optimiser_to_arrays, set_optimiser

# Batches of 128 where there are data for many; small tables still get some sixteen steps an epoch.
_LARGEST_BATCH, _SMALLEST_BATCH, _BATCHES_OF_SMALL_DATA = 128, 16, 16
# A loss that falls by less counts as no improvement; so does an epoch without a better validation.
_TOLERANCE = 1e-4
# Losses of drawn units are noisy, so that patience must be a good part of the plan.
_SHARE_OF_PATIENCE, _LEAST_PATIENCE = 0.25, 5
# Of half the squared weights, over the number of rows, where LogisticRegression's C=1 has 1. It
# holds the weights of small tables, which many epochs would let grow, and is nothing for MNIST.
_WEIGHT_DECAY = 0.3


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
PLANS = {
    "cross_entropy": Plan(0.01, 6, 1500),
    "drbm": Plan(0.01, 6, 1500),
    # Drawn units blur the gradient: a large rate, and more epochs.
    "mean_field": Plan(0.02, 20, 600),
}
_CONVOLUTION_RATE = 0.002


@dataclass
class Outcome:
    """What the training for an objective has come to."""

    loss_curve: list = field(default_factory=list)
    validation_curve: list = field(default_factory=list)
    best: dict | None = None  # weights of the lowest validation loss
    lowest: float = math.inf  # of what is watched
    n_bad: int = 0
    stop_reason: str | None = None

    def to_dict(self):
        """All of it, as numbers and arrays."""
        return {**vars(self), "best": self.best and to_arrays(self.best)}

    @classmethod
    def from_dict(cls, saved):
        """The other way round."""
        return cls(**{**saved, "best": saved["best"] and to_tensors(saved["best"])})


class Phase:
    """Epochs of Adam on one objective.

    Parameters
    ----------
    objective : str
    module : torch.nn.Sequential
        Trained in place.
    data, held_out : TrainingRows
        What is trained on, and what is watched instead of its loss, which may be None.
    seed : int
    trainable : {"all", "head"}

    Attributes
    ----------
    outcome : Outcome

    Raises
    ------
    ValueError
        If no weight of what is trained may be changed.
    """

    def __init__(self, objective, module, data, held_out, seed, trainable):
        self.module, self.seed = module, seed
        layers = self._divide(objective, data, held_out, trainable)
        self.parameters = [p for layer in layers for p in layer.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError(
                "Nothing of the network can be trained: all its weights have requires_grad=False."
            )
        self._plan(PLANS[objective])
        self.rng = np.random.default_rng(seed)
        self.noise = torch.Generator().manual_seed(seed)
        decay = _WEIGHT_DECAY / len(data)
        self.optimizer = torch.optim.Adam(
            [
                {"params": [p for p in self.parameters if p.ndim > 1], "weight_decay": decay},
                {"params": [p for p in self.parameters if p.ndim == 1]},
            ],
            self.rate,
        )
        self.n_steps_done = 0
        self.outcome = Outcome()
        self.good = None  # the weights after the last whole epoch

    def _divide(self, objective, data, held_out, trainable):
        """A front end, which rows pass first, and the rest; returns the layers that are trained."""
        scores = SCORES[objective](self.module)
        front = nn.Sequential(*scores.front)
        if objective == "mean_field":
            front = nn.Sequential()  # the units below the head are drawn, too
        if trainable == "head":
            self.module.eval()
            if objective != "mean_field":
                data, held_out = through(front, data), held_out and through(front, held_out)
                front = nn.Sequential()
            layers = scores.head
        else:
            self.module.train()
            layers = flat_layers(self.module)
        self.front, self.scores, self.data, self.held_out = front, scores, data, held_out
        return layers

    def _plan(self, plan):
        n_rows = len(self.data)
        batch_size = int(np.clip(n_rows // _BATCHES_OF_SMALL_DATA, _SMALLEST_BATCH, _LARGEST_BATCH))
        self.n_batches = math.ceil(n_rows / batch_size)
        self.n_epochs = plan.epochs(self.n_batches)
        self.rate = plan.learning_rate
        if any(isinstance(a, nn.Conv2d) for a in self.front) and not _is_logistic(self.front):
            self.rate = _CONVOLUTION_RATE
        self.patience = max(_LEAST_PATIENCE, round(_SHARE_OF_PATIENCE * self.n_epochs))

    def to_dict(self):
        """All that later epochs depend on but for the module and PyTorch's own generators."""
        return {
            "outcome": self.outcome.to_dict(),
            "optimizer": optimiser_to_arrays(self.optimizer),
            "rng": self.rng.bit_generator.state,
            "noise": self.noise.get_state().numpy(),
            "n_steps_done": self.n_steps_done,
        }

    def go_on_from(self, saved, weights):
        """Go on where another one was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        weights : dict of str to torch.Tensor
            The module's state then.
        """
        self.good = weights
        self.module.load_state_dict(weights)
        self.outcome = Outcome.from_dict(saved["outcome"])
        set_optimiser(self.optimizer, saved["optimizer"])
        self.rng.bit_generator.state = saved["rng"]
        self.noise.set_state(torch.from_numpy(saved["noise"]))
        self.n_steps_done = saved["n_steps_done"]

    def run_epoch(self):
        """An epoch, and whether training ends after it; its loss."""
        outcome = self.outcome
        loss = self._epoch()
        watched = loss if self.held_out is None else self._validate()
        if not (np.isfinite(loss) and self._is_finite()):
            self._take_back()
            return loss
        self.good = copy_of(self.module)
        outcome.loss_curve.append(loss)
        if self.held_out is not None:
            outcome.validation_curve.append(watched)
            if watched < min(outcome.validation_curve[:-1], default=math.inf):
                outcome.best = self.good
        outcome.n_bad = 0 if watched < outcome.lowest - _TOLERANCE else outcome.n_bad + 1
        outcome.lowest = min(outcome.lowest, watched)
        if outcome.n_bad >= self.patience:
            by_validation = self.held_out is not None
            outcome.stop_reason = "early_stopping" if by_validation else "converged"
        elif len(outcome.loss_curve) == self.n_epochs:
            outcome.stop_reason = "max_iter"
        return loss

    def leave(self):
        """Put what is kept into the module: after all epochs, or in the middle of one."""
        if self.outcome.best is not None:
            self.module.load_state_dict(self.outcome.best)
        elif self.good is not None and not self._is_finite():
            self.module.load_state_dict(self.good)
        self.module.zero_grad(set_to_none=True)  # a layer that is not trained may have some, too

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

    def _take_back(self):
        """After a divergence: the weights before it."""
        if self.good is None:
            raise ValueError(
                "Training diverged in its first epoch: the loss is not finite. Scale X to the "
                "order of 1, for example by a StandardScaler or MinMaxScaler."
            )
        self.module.load_state_dict(self.good)
        self.outcome.stop_reason = "diverged"


def _is_logistic(front):
    """Whether all activations are logistic."""
    kinds = {type(layer) for layer in front if isinstance(layer, ELEMENTWISE)}
    return kinds <= {nn.Sigmoid}


def copy_of(module):
    """Weights of a module, which training does not change."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def to_arrays(state):
    """A module's state, for a checkpoint."""
    return {name: value.cpu().numpy().copy() for name, value in state.items()}


def to_tensors(arrays):
    """The other way round."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
