"""Training of torch modules that will be transferred to an Ising machine.

One loop serves all objectives: the cross-entropy of class scores, which differ in what they let
the network know of its later life (:mod:`~qsklearn.neural_network._qubo_transfer._scores`). Imports
PyTorch at module level; it is itself imported inside functions only.
"""

import math
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from qsklearn._warnings import warn
from qsklearn.neural_network._qubo_transfer._following import Following
from qsklearn.neural_network._qubo_transfer._modules import (
    ELEMENTWISE,
    build_network,
    flat_layers,
    linear_layers,
    sequential_of_mlp,
)
from qsklearn.neural_network._qubo_transfer._rows import blocks, check_rows, through
from qsklearn.neural_network._qubo_transfer._scores import SCORES
from qsklearn.neural_network._torch_state import (
    generators_to_arrays,
    optimiser_to_arrays,
    set_generators,
    set_optimiser,
    torch_to_itself,
)

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
# Reasons to stop after which what comes next is trained.
_WHOLE = ("max_iter", "converged", "early_stopping")
# Of half the squared weights, over the number of rows, where LogisticRegression's C=1 has 1. It
# holds the weights of small tables, which many epochs would let grow, and is nothing for MNIST.
_WEIGHT_DECAY = 0.3


@dataclass
class _Progress:
    """What a training has come to."""

    loss_curve: list = field(default_factory=list)
    validation_curve: list = field(default_factory=list)
    best: dict | None = None  # weights of the lowest validation loss
    lowest: float = math.inf  # of what is watched
    n_bad: int = 0
    stop_reason: str | None = None

    def to_dict(self):
        """All of it, as numbers and arrays."""
        return {**vars(self), "best": self.best and _to_arrays(self.best)}

    @classmethod
    def from_dict(cls, saved):
        """The other way round."""
        return cls(**{**saved, "best": saved["best"] and _to_tensors(saved["best"])})


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
    following=None,
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
    following : Following, default=None
        Who keeps the state of the training, and is told of its epochs; it gets copies of the
        module. None: nobody.

    Returns
    -------
    history : dict
        ``loss_curve`` and ``validation_curve`` (one value an epoch; the mean loss during it),
        ``n_iter`` (epochs), ``stop_reason``: "converged", "early_stopping" (by the validation
        rows), "max_iter" (all planned epochs: the rate has fallen to zero), "callback" (one asked
        to stop), "interrupted" (Ctrl-C; the weights so far are kept) or "diverged" (with a warning;
        those before are kept), and ``start_loss_curve``, of the ordinary epochs that "mean_field"
        begins with.

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
    _check_objective(module, objective, trainable)
    shape = (np.shape(X)[1],) if image_shape is None else tuple(image_shape)
    n_classes = flat_layers(module)[-1].out_features
    data = check_rows(module, (X, classes, weights), n_classes, shape, "X")
    held_out = None
    if validation is not None:
        held_out = check_rows(module, validation, n_classes, shape, "validation")
    before = _copy_of(module)
    following = Following() if following is None else following
    start = {"weights": _to_arrays(before), "seed": seed, "trainable": trainable}
    rows = [*data.arrays(), *(() if held_out is None else held_out.arrays())]
    checkpoint = following.checkpoint({**start, "objective": objective}, *rows)
    phases = [*([_START[objective]] if objective in _START else []), objective]
    course = _Course(module, phases, data, held_out, seed, trainable)
    with torch_to_itself(1):  # the sums of such small networks take longer on several threads
        torch.default_generator.manual_seed(seed)
        try:
            course.run(checkpoint, following)
        except BaseException:
            module.load_state_dict(before)
            raise
        finally:
            module.eval()
    course.tell()
    return course.history()


class _Course:
    """A training of one objective after the other, which can be left and taken up again."""

    def __init__(self, module, phases, data, held_out, seed, trainable):
        self.module, self.phases, self.trainable = module, phases, trainable
        self.data, self.held_out, self.seed = data, held_out, seed
        self.done = []  # what the phases before this one have come to
        self.loop = None

    def to_dict(self):
        """All that the rest of the training depends on."""
        return {
            "done": [progress.to_dict() for progress in self.done],
            "loop": self.loop.to_dict(),
            "module": _to_arrays(self.module.state_dict()),
            "generators": generators_to_arrays(),
        }

    def run(self, checkpoint, following):
        """Train until the last objective's stopping rule holds, or something else ends it.

        Parameters
        ----------
        checkpoint : Checkpoint
        following : Following
        """
        saved = checkpoint.load()
        if saved is not None:
            self.done = [_Progress.from_dict(progress) for progress in saved["done"]]
        while len(self.done) < len(self.phases) and self._goes_on():
            self.loop = self._make_loop()
            if saved is not None:
                self.loop.go_on_from(saved["loop"], _to_tensors(saved["module"]))
                set_generators(saved["generators"])
                saved = None
            self.loop.run(self._keep_in(checkpoint), following)
            self.done.append(self.loop.progress)

    def _goes_on(self):
        return all(progress.stop_reason in _WHOLE for progress in self.done)

    def _make_loop(self):
        """Epochs of the phase that is to come."""
        objective = self.phases[len(self.done)]
        data, held_out, module = self.data, self.held_out, self.module
        scores = SCORES[objective](module)
        front = nn.Sequential(*scores.front)
        if objective == "mean_field":
            front = nn.Sequential()  # the units below the head are drawn, too
        if self.trainable == "head":
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
        return _Loop(objective, front, scores, module, parameters, data, held_out, self.seed)

    def _keep_in(self, checkpoint):
        """A function of the present phase's epochs and state that saves, if it is time."""
        n_before = sum(len(progress.loss_curve) for progress in self.done)

        def keep(progress):
            reason = progress.stop_reason
            is_last = len(self.done) == len(self.phases) - 1 or reason not in _WHOLE
            is_end = reason is not None and is_last
            checkpoint.save(self.to_dict, None if is_end else n_before + len(progress.loss_curve))

        return keep

    def tell(self):
        """Warn of what has ended it."""
        reason = self.done[-1].stop_reason
        if reason == "interrupted":
            warn("Training was interrupted; the weights so far are kept.")
        elif reason == "diverged":
            warn(
                "Training diverged: the loss is not finite. The weights of the epoch before are "
                "kept. Scale X to the order of 1.",
                ConvergenceWarning,
            )

    def history(self):
        """What :func:`train` returns."""
        *before, last = self.done
        if len(self.done) < len(self.phases):  # the objective itself was never trained
            before, last = self.done, _Progress(stop_reason=last.stop_reason)
        return {
            "loss_curve": last.loss_curve,
            "validation_curve": last.validation_curve,
            "n_iter": len(last.loss_curve),
            "stop_reason": last.stop_reason,
            "start_loss_curve": before[0].loss_curve if before else [],
        }


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
        self.progress = _Progress()
        self.good = None  # the weights after the last whole epoch

    def to_dict(self):
        """All that later epochs depend on but for the module and PyTorch's own generators."""
        return {
            "progress": self.progress.to_dict(),
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
        self.progress = _Progress.from_dict(saved["progress"])
        set_optimiser(self.optimizer, saved["optimizer"])
        self.rng.bit_generator.state = saved["rng"]
        self.noise.set_state(torch.from_numpy(saved["noise"]))
        self.n_steps_done = saved["n_steps_done"]

    def run(self, keep, following):
        """Train; the weights that are kept are in the module afterwards.

        Parameters
        ----------
        keep : callable
            Called with the progress after each epoch.
        following : Following
        """
        progress = self.progress
        try:
            while progress.stop_reason is None:
                following.start_iteration()
                self._run_epoch()
                keep(progress)
                if progress.stop_reason == "diverged":
                    break
                loss = progress.loss_curve[-1]
                asked = following.end_iteration(lambda: deepcopy(self.module).eval(), loss=loss)
                if asked and progress.stop_reason is None:
                    progress.stop_reason = "callback"
        except KeyboardInterrupt:
            progress.stop_reason = "interrupted"
            if self.good is not None and not self._is_finite():
                self.module.load_state_dict(self.good)
        if progress.best is not None:
            self.module.load_state_dict(progress.best)
        self.module.zero_grad(set_to_none=True)  # a layer that is not trained may have some, too

    def _run_epoch(self):
        """An epoch, and whether training ends after it."""
        progress = self.progress
        loss = self._epoch()
        watched = loss if self.held_out is None else self._validate()
        if not (np.isfinite(loss) and self._is_finite()):
            self._take_back()
            return
        self.good = _copy_of(self.module)
        progress.loss_curve.append(loss)
        if self.held_out is not None:
            progress.validation_curve.append(watched)
            if watched < min(progress.validation_curve[:-1], default=math.inf):
                progress.best = self.good
        progress.n_bad = 0 if watched < progress.lowest - _TOLERANCE else progress.n_bad + 1
        progress.lowest = min(progress.lowest, watched)
        if progress.n_bad >= self.patience:
            by_validation = self.held_out is not None
            progress.stop_reason = "early_stopping" if by_validation else "converged"
        elif len(progress.loss_curve) == self.n_epochs:
            progress.stop_reason = "max_iter"

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
        self.progress.stop_reason = "diverged"


def _is_logistic(front):
    """Whether all activations are logistic."""
    kinds = {type(layer) for layer in front if isinstance(layer, ELEMENTWISE)}
    return kinds <= {nn.Sigmoid}


def _check_objective(module, objective, trainable):
    """Refuse an objective that is none, or that the module does not fit."""
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
    SCORES[objective](module)  # raises


def _copy_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def _to_arrays(state):
    return {name: value.cpu().numpy().copy() for name, value in state.items()}


def _to_tensors(arrays):
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
