"""What a training that went wrong shows in its diagnostics, said in words."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

_SMALLEST_TARGET, _LARGEST_TARGET = 1e-3, 1e3
# The annealed weights of an epoch are worse if their energy is higher by this share of the energy
# at hand, plus this share of that of zero weights, below which it is the spacing of the grid.
_WORSE, _SPACING = 1e-2, 1e-3


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
    for text in _complaints(estimator, state, n_before, n_samples):
        warnings.warn(text, ConvergenceWarning, stacklevel=5)


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
                f"{caller} were worse than those at hand. Take more sweeps or reads, a smaller "
                "weight_range, or another sampler."
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
