"""What a mock device makes of a program: its errors, its temperature, its readout."""

from __future__ import annotations

import dimod
import numpy as np
import scipy.sparse

from qsklearn.samplers._mock_chip import Chip
from qsklearn.samplers._models import SpinModels, couplings_between
from qsklearn.samplers._qpu_profiles import QPUProfile

# Periods of the parts of a drift, relative to the slowest: no two ever meet again.
_PERIODS = np.array([1.0, 0.5 * (np.sqrt(5.0) - 1.0), np.sqrt(2.0) - 1.0])


def couplers_of(bqm: dimod.BinaryQuadraticModel, qubits: list[int]) -> np.ndarray:
    """Couplers that a program names, also with 0, as sorted pairs of places among the qubits."""
    rows, columns = bqm.to_numpy_vectors(variable_order=qubits)[1][:2]
    ends = np.sort(np.column_stack([rows, columns]).astype(int).reshape(-1, 2), axis=1)
    return ends[np.lexsort((ends[:, 1], ends[:, 0]))]


def with_errors(models, qubits, edges, profile: QPUProfile, chip: Chip, rng) -> SpinModels:
    """What the device does in place of a program: rounded, with errors of this call and its own.

    Every coupler that the program names has its errors, also those set to 0.
    """
    rows, columns = edges.T
    values = couplings_between(models.couplings, rows, columns)
    fields = _round(models.fields[0], profile.h_quantisation)
    values = _round(values, profile.j_quantisation)
    fields = fields + profile.h_noise * rng.standard_normal(len(fields))
    values = values + profile.j_noise * rng.standard_normal(len(values))
    if profile.h_offset > 0 or profile.j_offset > 0:
        of_qubits, of_couplers = chip.errors_of(qubits, edges)
        fields = fields + profile.h_offset * of_qubits
        values = values + profile.j_offset * of_couplers
    upper = scipy.sparse.coo_array((values, (rows, columns)), shape=(len(qubits),) * 2)
    couplings = scipy.sparse.csr_array(upper + upper.T)
    couplings.sort_indices()
    return SpinModels(fields[np.newaxis], couplings)


def _round(values: np.ndarray, step: float) -> np.ndarray:
    return np.rint(values / step) * step if step > 0 else values


def beta_at(call: int, beta: float, profile: QPUProfile, chip: Chip) -> float:
    """The device's inverse temperature in a call: three waves of incommensurate periods."""
    turns = call / (profile.drift_period * _PERIODS) + chip.phases
    # A sine has a variance of 1/2.
    course = np.sin(2 * np.pi * turns).sum() * np.sqrt(2 / len(_PERIODS))
    return beta * float(np.exp(profile.drift * course))


def misread(states: np.ndarray, probability: float, rng: np.random.Generator) -> np.ndarray:
    """States in which each qubit is wrong with a probability."""
    # They are few: it pays to draw where they are, and not of each whether it is one.
    n_wrong = rng.binomial(states.size, probability)
    wrong = rng.choice(max(states.size, 1), n_wrong, replace=False, shuffle=False)
    flat = states.ravel()
    flat[wrong] *= -1
    return flat.reshape(states.shape)
