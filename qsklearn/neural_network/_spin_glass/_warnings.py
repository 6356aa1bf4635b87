"""What a training that went wrong shows in its diagnostics, said in words."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from qsklearn._warnings import warn

_SMALLEST_TARGET, _LARGEST_TARGET = 1e-3, 1e3
# The annealed weights of an epoch are worse if their energy is higher by this share of the energy
# at hand, plus this share of that of zero weights, below which it is the spacing of the grid.
_WORSE, _SPACING = 1e-2, 1e-3
# A last epoch that lowers the squared error by more than the rest of this is not to be the last.
_STILL_FALLING = 0.9
# A squared error above this share of the best constant's is no better, but for rounding.
_NO_BETTER = 1.001
_REMEDY = "Take more epochs (max_iter), or a weight_range that begins or ends larger."


def warn_of_training(estimator, state, n_before, n_samples):
    """Warn of targets that collapse or explode, of singular problems, and of failed anneals.

    Parameters
    ----------
    estimator : estimator
        For its name and parameters.
    state : NetworkState
    n_before : int
        Epochs of earlier fits, which had their warnings.
    n_samples : int
    """
    if state.constant_loss == 0:
        return  # constant targets: whatever they ask of hidden layers, intercepts are enough
    complaints = list(_complaints(estimator, state, n_before, n_samples))
    # What has a reason already needs no other words.
    for text in complaints or _shortfalls(estimator, state, n_before):
        warn(text, ConvergenceWarning)


def _complaints(estimator, state, n_before, n_samples):
    history = {name: np.array(values[n_before:]) for name, values in state.history.items()}
    names = [f"layer {index}, {state.layers[index].layer!r}" for index in state.trainable]
    caller = type(estimator).__name__
    for place, name in enumerate(names):
        sizes = history["target_rms"][:, place]
        is_hidden = place < len(names) - 1
        if is_hidden and (sizes.min() < _SMALLEST_TARGET or sizes.max() > _LARGEST_TARGET):
            yield (
                f"The targets of {name}, of {caller} {_went(sizes)}: root mean squares from "
                f"{sizes.min():.3g} to {sizes.max():.3g}. {_remedy_of_targets(estimator)}"
            )
        if estimator.ridge == 0 and _is_singular(state, place, history, n_samples):
            yield (
                f"The squared error of {name}, of {caller} has many optima: fewer data than "
                "weights, or inputs that depend on each other. Their weights are noise on new "
                "data; take ridge > 0."
            )
        before = history["base_energy"][:, place]
        n_values = int(np.prod(state.layers[state.trainable[place]].output_shape))
        margin = _WORSE * np.abs(before) + _SPACING * n_values * np.square(sizes)
        worse = history["annealed_energy"][:, place] > before + margin
        if 2 * worse.sum() > len(worse):
            yield (
                f"In {worse.sum()} of {len(worse)} epochs the annealed weights of {name}, of "
                f"{caller} were worse than those at hand. Take more sweeps or reads, another "
                "weight_range, or another sampler."
            )


def _shortfalls(estimator, state, n_before):
    """What is wrong with the loss that was reached."""
    caller, losses = type(estimator).__name__, state.history["loss"]
    reached = min(losses)
    if reached > _NO_BETTER * state.constant_loss:
        yield (
            f"{caller} has not trained: its squared error, {reached:.3g}, is above that of a "
            f"constant, {state.constant_loss:.3g}. {_REMEDY}"
        )
    is_whole = estimator.stop_reason_ == "max_iter" and len(losses) > n_before + 1
    if is_whole and losses[-1] == reached < _STILL_FALLING * losses[-2]:
        yield (
            f"{caller} stopped at max_iter={estimator.max_iter} while its squared error was still "
            f"falling, from {losses[-2]:.3g} to {losses[-1]:.3g} in the last epoch. {_REMEDY}"
        )


def _remedy_of_targets(estimator):
    wanted = {"target": "difference", "target_scale": "unit", "activation_in_target": False}
    missing = [
        f"{name}={value!r}" for name, value in wanted.items() if getattr(estimator, name) != value
    ]
    return f"Take {' or '.join(missing or ['a larger inverse_ridge'])}."


def _went(sizes):
    return "collapse" if sizes.min() < _SMALLEST_TARGET else "explode"


def _is_singular(state, place, history, n_samples):
    layer = state.layers[state.trainable[place]]
    n_rows = n_samples * int(np.prod(layer.output_shape[1:]))
    numbers = history["condition_number"][:, place]
    if np.isnan(numbers).all():  # not calculated
        return n_rows < layer.n_weights
    return bool(np.isinf(numbers).any())
