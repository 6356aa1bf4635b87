"""Training of torch modules that will be transferred to an Ising machine.

One loop serves all objectives: the cross-entropy of class scores, which differ in what they let
the network know of its later life (:mod:`~qsklearn.neural_network._qubo_transfer._scores`). Imports
PyTorch at module level; it is itself imported inside functions only.
"""

from copy import deepcopy

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from qsklearn._warnings import warn
from qsklearn.neural_network._iterations import iterate
from qsklearn.neural_network._qubo_transfer._following import Following
from qsklearn.neural_network._qubo_transfer._modules import (
    build_network,
    flat_layers,
    linear_layers,
    sequential_of_mlp,
)
from qsklearn.neural_network._qubo_transfer._phase import (
    Outcome,
    Phase,
    copy_of,
    to_arrays,
    to_tensors,
)
from qsklearn.neural_network._qubo_transfer._rows import check_rows
from qsklearn.neural_network._qubo_transfer._scores import SCORES
from qsklearn.neural_network._torch_state import (
    generators_to_arrays,
    set_generators,
    torch_to_itself,
)

__all__ = ["OBJECTIVES", "build_network", "linear_layers", "sequential_of_mlp", "train"]

OBJECTIVES = tuple(SCORES)
# Ordinary epochs before the mean-field steps: from PyTorch's initial weights the units above feed
# back so little that training begins slowly (MNIST, 14x14: .943 without, .952 with them).
_START = {"mean_field": "cross_entropy"}
# Reasons to stop after which what comes next is trained.
_WHOLE = ("max_iter", "converged", "early_stopping")


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
    before = copy_of(module)
    following = Following() if following is None else following
    start = {"weights": to_arrays(before), "seed": seed, "trainable": trainable}
    rows = [*data.arrays(), *(() if held_out is None else held_out.arrays())]
    checkpoint = following.checkpoint({**start, "objective": objective}, *rows)
    objectives = [*([_START[objective]] if objective in _START else []), objective]
    with torch_to_itself(1):  # the sums of such small networks take longer on several threads
        torch.default_generator.manual_seed(seed)
        try:
            training = _ModuleTraining(module, objectives, data, held_out, seed, trainable)
            training.run(checkpoint, following)
        except BaseException:
            module.load_state_dict(before)
            raise
        finally:
            module.eval()
    training.tell()
    return training.history()


class _ModuleTraining:
    """A training for one objective after the other, which can be left and taken up again.

    Parameters
    ----------
    module : torch.nn.Sequential
    objectives : list of str
    *rest
        Of a :class:`Phase`.
    """

    def __init__(self, module, objectives, *rest):
        self.module, self.objectives, self.rest = module, objectives, rest
        self.done = []  # what the phases before this one have come to
        self.phase = self._next_phase()
        self.stop_reason = None

    def _next_phase(self):
        return Phase(self.objectives[len(self.done)], self.module, *self.rest)

    @property
    def outcomes(self):
        """Of the phases that have begun."""
        return [*self.done, self.phase.outcome]

    @property
    def n_run(self):
        """Epochs so far."""
        return sum(len(outcome.loss_curve) for outcome in self.outcomes)

    def to_dict(self):
        """All that the rest of the training depends on."""
        return {
            "done": [outcome.to_dict() for outcome in self.done],
            "phase": self.phase.to_dict(),
            "stop_reason": self.stop_reason,
            "module": to_arrays(self.module.state_dict()),
            "generators": generators_to_arrays(),
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        self.done = [Outcome.from_dict(outcome) for outcome in saved["done"]]
        self.phase = self._next_phase()
        self.phase.go_on_from(saved["phase"], to_tensors(saved["module"]))
        self.stop_reason = saved["stop_reason"]
        set_generators(saved["generators"])

    def run(self, checkpoint, following):
        """Train until the last objective's stopping rule holds, or something else ends it.

        Parameters
        ----------
        checkpoint : Checkpoint
        following : Following
        """
        try:
            iterate(self, checkpoint, following, lambda: deepcopy(self.module).eval())
        except KeyboardInterrupt:
            self.stop_reason = "interrupted"
        self.phase.leave()

    def iterate(self):
        """One epoch, of the next objective where the one before is done; its loss."""
        if self.phase.outcome.stop_reason is not None:
            self.phase.leave()
            self.done.append(self.phase.outcome)
            self.phase = self._next_phase()
        loss = self.phase.run_epoch()
        reason = self.phase.outcome.stop_reason
        if len(self.outcomes) == len(self.objectives) or reason not in _WHOLE:
            self.stop_reason = reason
        return {"loss": loss}

    def tell(self):
        """Warn of what has ended it."""
        if self.stop_reason == "interrupted":
            warn("Training was interrupted; the weights so far are kept.")
        elif self.stop_reason == "diverged":
            warn(
                "Training diverged: the loss is not finite. The weights of the epoch before are "
                "kept. Scale X to the order of 1.",
                ConvergenceWarning,
            )

    def history(self):
        """What :func:`train` returns."""
        *before, last = self.outcomes
        if len(self.outcomes) < len(self.objectives):  # the objective itself was never trained
            before, last = self.outcomes, Outcome()
        return {
            "loss_curve": last.loss_curve,
            "validation_curve": last.validation_curve,
            "n_iter": len(last.loss_curve),
            "stop_reason": self.stop_reason,
            "start_loss_curve": before[0].loss_curve if before else [],
        }


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
