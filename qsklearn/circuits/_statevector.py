"""Real statevectors of a family of circuits, and the exact imaginary time evolution.

All amplitudes of the circuit are real, and a model's are one row of an array of shape (n_models,
2**n_qubits), whose column is the outcome with qubit 0 as its lowest bit.
"""

from __future__ import annotations

import numpy as np

from qsklearn._memory import check_memory
from qsklearn.circuits._evolution_checks import check_evolution


def product_state(angles: np.ndarray) -> np.ndarray:
    """Amplitudes of RY(angle)|+> on each qubit.

    Parameters
    ----------
    angles : ndarray of shape (n_models, n_qubits)

    Returns
    -------
    state : ndarray of shape (n_models, 2**n_qubits)
    """
    n_models, n_qubits = angles.shape
    cosines, sines = np.cos(angles / 2), np.sin(angles / 2)
    down, up = (cosines - sines) / np.sqrt(2), (cosines + sines) / np.sqrt(2)
    state = np.empty((n_models, 2**n_qubits))
    state[:, 0] = 1.0
    for qubit in range(n_qubits):
        size = 2**qubit
        np.multiply(state[:, :size], up[:, [qubit]], out=state[:, size : 2 * size])
        state[:, :size] *= down[:, [qubit]]
    return state


def rotate_pair(state: np.ndarray, first: int, second: int, angles: np.ndarray) -> None:
    r"""Apply :math:`e^{-\frac{i}{2}(\theta^1 Z Y + \theta^0 Y Z)}` (eq. 43) in place.

    Z Y and Y Z commute. Of the four amplitudes of the pair, the sums of the equal (00, 11) and of
    the different outcomes (01, 10) rotate into each other by (θ¹ + θ⁰) / 2, their differences by
    (θ¹ - θ⁰) / 2, which is less work than a matrix of 4 x 4.

    Parameters
    ----------
    state : ndarray of shape (n_models, 2**n_qubits)
        C-contiguous; changed.
    first, second : int
        Qubits μ and ν: θ¹ belongs to Z_μ Y_ν, θ⁰ to Y_μ Z_ν.
    angles : ndarray of shape (n_models, 2)
        θ¹ and θ⁰.
    """
    theta_1, theta_0 = angles.T
    if first < second:  # the higher qubit is the outer axis
        first, second = second, first
        theta_1, theta_0 = theta_0, theta_1
    n_models, size = state.shape
    shape = (n_models, size >> (first + 1), 2, 1 << (first - second - 1), 2, 1 << second)
    view = state.reshape(shape)
    s00, s01, s10, s11 = (view[:, :, a, :, b] for a in (0, 1) for b in (0, 1))
    sum_equal, sum_different = s00 + s11, s01 + s10
    _rotate(sum_equal, sum_different, (theta_1 + theta_0) / 2)
    np.subtract(s00, s11, out=s00)
    np.subtract(s01, s10, out=s01)
    _rotate(s00, s01, (theta_1 - theta_0) / 2)
    np.subtract(sum_equal, s00, out=s11)
    s00 += sum_equal
    np.subtract(sum_different, s01, out=s10)
    s01 += sum_different


def _rotate(x: np.ndarray, y: np.ndarray, angles: np.ndarray) -> None:
    """(x, y) <- (cos x - sin y, sin x + cos y) / 2, in place."""
    cosines = (0.5 * np.cos(angles)).reshape(-1, 1, 1, 1)
    sines = (0.5 * np.sin(angles)).reshape(-1, 1, 1, 1)
    old = x.copy()
    x *= cosines
    x -= sines * y
    y *= cosines
    old *= sines
    y += old


def evolve_imaginary_time(h, J, imaginary_time) -> np.ndarray:
    r"""Amplitudes of the exact imaginary time evolution (eq. 41), for reference.

    .. math:: \psi(s) \propto e^{-\tau E(s)}, \qquad
        E(s) = \sum_i h_i s_i + \tfrac12 \sum_{ij} J_{ij} s_i s_j,

    from the uniform superposition, so that measuring it draws from the Boltzmann law at
    :math:`\beta = 2\tau`.

    Parameters
    ----------
    h : array-like of shape (n_models, n_qubits), or (n_qubits,)
    J : array-like of shape (n_qubits, n_qubits)
        Symmetric with a zero diagonal.
    imaginary_time : float, or array-like of shape (n_models,)
        τ, in units of 1 / E.

    Returns
    -------
    amplitudes : ndarray of shape (n_models, 2**n_qubits)
        Real and normalised; the column is the outcome, with qubit 0 as its lowest bit.

    References
    ----------
    Spin-glass networks, section 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.circuits import evolve_imaginary_time
    >>> amplitudes = evolve_imaginary_time([0.5], [[0.0]], 1.0)  # of s = -1 and s = +1
    >>> np.round(amplitudes[0, 0] / amplitudes[0, 1], 6) == np.round(np.exp(2 * 0.5), 6)
    np.True_
    """
    fields, couplings, times = check_evolution(h, J, imaginary_time, "evolve_imaginary_time")
    n_bytes = 16 * fields.shape[0] * 2 ** fields.shape[1]
    check_memory(n_bytes, f"The amplitudes of {fields.shape[1]} qubits", "Take fewer qubits.")
    exponents = all_energies(fields, couplings)
    exponents *= -times[:, np.newaxis]
    exponents -= exponents.max(axis=1, keepdims=True)
    amplitudes = np.exp(exponents, out=exponents)
    amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
    return amplitudes


def all_energies(fields: np.ndarray, couplings: np.ndarray) -> np.ndarray:
    """Energies of all states, of shape (n_models, 2**n_qubits), by doubling.

    A further spin up or down adds ± its field within the states of the spins before it.
    """
    n_models, n_qubits = fields.shape
    energies = np.zeros((n_models, 2**n_qubits))
    for spin in range(n_qubits):
        size = 2**spin
        local = all_energies(couplings[[spin], :spin], np.zeros((spin, spin)))
        local = local + fields[:, [spin]]
        np.add(energies[:, :size], local, out=energies[:, size : 2 * size])
        energies[:, :size] -= local
    return energies
