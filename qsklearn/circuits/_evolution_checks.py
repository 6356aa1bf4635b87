"""Checks of what an imaginary time evolution is given: models, and times."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from qsklearn._checks import check_reals


def check_evolution(h, J, imaginary_time, caller: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fields (n_models, n_qubits), couplings (n_qubits, n_qubits) and times (n_models,).

    Raises
    ------
    ValueError
        If an array does not fit, J is not symmetric with a zero diagonal, or a number not finite.
    """
    fields = np.atleast_2d(check_finite_reals(h, "h", caller))
    dense = J.toarray() if scipy.sparse.issparse(J) else J
    couplings = check_finite_reals(dense, "J", caller)
    n_qubits = fields.shape[-1]
    if fields.ndim != 2 or couplings.shape != (n_qubits, n_qubits):
        raise ValueError(
            f"{caller} needs 'h' of shape (n_models, n_qubits) and 'J' of shape (n_qubits, "
            f"n_qubits). Got {fields.shape} and {couplings.shape} instead."
        )
    if (couplings != couplings.T).any() or couplings.diagonal().any():
        raise ValueError(
            f"The 'J' parameter of {caller} must be symmetric with a zero diagonal. Got another "
            "matrix; symmetrise it with (J + J.T) / 2, without its diagonal."
        )
    times = check_finite_reals(imaginary_time, "imaginary_time", caller)
    if times.shape not in ((), (1,), fields.shape[:1]):
        raise ValueError(
            f"The 'imaginary_time' parameter of {caller} must be one number, or one for each of "
            f"the {len(fields)} models. Got shape {times.shape} instead."
        )
    return fields, couplings, np.broadcast_to(times, fields.shape[:1])


def check_finite_reals(values, name: str, caller: str) -> np.ndarray:
    """Finite real numbers as float64, of any shape."""
    array = check_reals(values, name, caller)
    if not np.isfinite(array).all():
        raise ValueError(f"The {name!r} parameter of {caller} must be finite. Got NaN or infinity.")
    return array


def check_shapes(shapes: list[tuple[int, ...]], names: str, caller: str) -> None:
    """Refuse shapes that do not broadcast."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ValueError(
            f"The {names} of {caller} must be of shapes that go together. Got "
            f"{', '.join(map(str, shapes))} instead."
        ) from error
