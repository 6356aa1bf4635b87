"""From what a circuit measures to spins, in one place.

Measured bit 1, the state |1>, is the binary q = 1 and the spin s = +1, so that Z = -s. Qubit 0 is
the lowest bit of an outcome: Qiskit's bit strings are little-endian, written with qubit 0 last.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import check_integer, check_integers


def spins_of_bytes(packed, n_qubits: int) -> np.ndarray:
    """Spins of measured outcomes.

    Parameters
    ----------
    packed : array-like of uint8 of shape (..., n_bytes)
        Outcomes as integers in bytes, the highest byte first, as ``array`` of Qiskit's
        ``BitArray`` is.
    n_qubits : int
        Bits to read, at most 8 n_bytes.

    Returns
    -------
    spins : ndarray of shape (..., n_qubits), int8
        Spin of qubit 0 first.

    Raises
    ------
    ValueError
        If there are fewer bits than qubits.

    Examples
    --------
    >>> from qsklearn.circuits import spins_of_bytes
    >>> spins_of_bytes([[0b00000001], [0b00000110]], 3)  # qubit 0 alone, qubits 1 and 2
    array([[ 1, -1, -1],
           [-1,  1,  1]], dtype=int8)
    """
    n_qubits = check_integer(n_qubits, "n_qubits", "spins_of_bytes", 0)
    packed = check_integers(packed, "packed", "spins_of_bytes", dtype=np.uint8)
    if packed.ndim < 1 or 8 * packed.shape[-1] < n_qubits:
        raise ValueError(
            f"The 'packed' outcomes must have a bit for each of the {n_qubits} qubits. Got an "
            f"array of bytes of shape {packed.shape} instead."
        )
    bits = np.unpackbits(packed[..., ::-1], axis=-1, count=n_qubits, bitorder="little")
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def bytes_of_indices(indices) -> np.ndarray:
    """Places in a statevector as outcomes in bytes, for :func:`spins_of_bytes`.

    Parameters
    ----------
    indices : array-like of int of shape (...), below 2**63

    Returns
    -------
    packed : ndarray of shape (..., 8), uint8

    Examples
    --------
    >>> from qsklearn.circuits import bytes_of_indices, spins_of_bytes
    >>> spins_of_bytes(bytes_of_indices([4]), 3)
    array([[-1, -1,  1]], dtype=int8)
    """
    indices = check_integers(indices, "indices", "bytes_of_indices", low=0)
    places = np.asarray(indices, dtype=">u8", order="C")
    return np.atleast_1d(places).view(np.uint8).reshape(*places.shape, 8)
