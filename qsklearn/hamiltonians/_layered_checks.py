"""Checks of what a LayeredHamiltonian is given."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from qsklearn._checks import check_reals, is_number

_NAME = "LayeredHamiltonian"
# Inputs beyond this mean the same, and samplers take biases of up to 1e100.
_MAX_INPUT = 1e90


def check_layers(weights, biases) -> tuple[tuple, tuple]:
    """Weights as ndarrays or csr arrays and biases as vectors of float64, shapes chained."""
    for name, arrays in (("weights", weights), ("biases", biases)):
        if not isinstance(arrays, list | tuple):
            raise TypeError(
                f"The '{name}' parameter of {_NAME} must be a tuple of arrays. Got "
                f"{type(arrays).__name__} instead."
            )
    biases = tuple(check_reals(bias, "biases", _NAME) for bias in biases)
    weights = tuple(_to_matrix(matrix) for matrix in weights)
    if any(bias.ndim != 1 or bias.size == 0 for bias in biases) or not biases:
        raise ValueError(
            f"The 'biases' parameter of {_NAME} must be one vector a layer, each of at least one "
            f"unit. Got shapes {[bias.shape for bias in biases]} instead."
        )
    expected = [(len(low), len(high)) for low, high in zip(biases[:-1], biases[1:], strict=True)]
    shapes = [matrix.shape for matrix in weights]
    if shapes != expected:
        raise ValueError(
            f"The 'weights' parameter of {_NAME} must be matrices of shapes {expected}, as the "
            f"biases are of layers of {[len(bias) for bias in biases]} units. Got shapes {shapes} "
            "instead."
        )
    for name, arrays in (("weights", weights), ("biases", biases)):
        for layer, array in enumerate(arrays):
            values = array if isinstance(array, np.ndarray) else array.data
            if not np.isfinite(values).all():
                raise ValueError(
                    f"The '{name}' parameter of {_NAME} must be finite. Got NaN or infinity in "
                    f"{name}[{layer}]."
                )
    return weights, biases


def check_names(names, n_layers: int) -> tuple[str, ...]:
    """Distinct names of the layers; by default "hidden…" and "class"."""
    if names is None:
        if n_layers == 2:
            return ("hidden", "class")
        return (*(f"hidden{layer}" for layer in range(1, n_layers)), "class")
    checked = tuple(names) if isinstance(names, list | tuple) else ()
    are_texts = all(isinstance(name, str) for name in checked)
    if not are_texts or len(set(checked)) != n_layers or len(checked) != n_layers:
        raise ValueError(
            f"The 'names' parameter of {_NAME} must be {n_layers} distinct names, one a layer. "
            f"Got {names!r} instead."
        )
    return checked


def check_penalty(penalty) -> float | None:
    """A positive, finite penalty, or None."""
    if penalty is None:
        return None
    if not is_number(penalty) or not 0 < penalty < np.inf:
        raise ValueError(
            f"The 'penalty' parameter of {_NAME} must be a positive number or None. Got "
            f"{penalty!r} instead."
        )
    return float(penalty)


def check_beta(beta) -> float:
    """A positive, finite inverse temperature."""
    if not is_number(beta) or not 0 < beta < np.inf:
        raise ValueError(
            f"The 'beta' parameter of {_NAME} must be a positive number. Got {beta!r} instead."
        )
    return float(beta)


def check_inputs(inputs, n_units: int) -> np.ndarray:
    """Inputs as (n_samples, n_units) of float64, cut at ±1e90 so that all have a law."""
    inputs = check_reals(inputs, "inputs", _NAME)
    if inputs.ndim != 2 or inputs.shape[1] != n_units:
        raise ValueError(
            f"The 'inputs' to {_NAME} must have one value for each of the {n_units} units of its "
            f"first layer, shape (n_samples, {n_units}). Got shape {inputs.shape} instead."
        )
    ends = inputs.min(initial=0.0), inputs.max(initial=0.0)
    if np.isnan(ends).any():
        raise ValueError(f"The 'inputs' to {_NAME} must be numbers. Got NaN.")
    if ends[0] < -_MAX_INPUT or ends[1] > _MAX_INPUT:
        inputs = np.clip(inputs, -_MAX_INPUT, _MAX_INPUT)
    return inputs


def check_shifts(shifts, n_samples: int) -> np.ndarray | None:
    """Shifts as a vector of float64, one a sample, or None."""
    if shifts is None:
        return None
    shifts = check_reals(shifts, "shifts", _NAME)
    if shifts.shape != (n_samples,) or not np.isfinite(shifts).all():
        raise ValueError(
            f"The shifts of {_NAME} must be finite numbers, one for each of the {n_samples} "
            f"samples. Got shape {shifts.shape} instead."
            if shifts.shape != (n_samples,)
            else f"The shifts of {_NAME} must be finite. Got NaN or infinity."
        )
    return shifts


def _to_matrix(matrix) -> np.ndarray | scipy.sparse.csr_array:
    if scipy.sparse.issparse(matrix):
        return scipy.sparse.csr_array(matrix, dtype=float)
    matrix = check_reals(matrix, "weights", _NAME)
    if matrix.ndim != 2:
        raise ValueError(
            f"The 'weights' parameter of {_NAME} must be matrices. Got shape {matrix.shape}."
        )
    return matrix
