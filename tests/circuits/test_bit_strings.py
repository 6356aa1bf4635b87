"""Measured outcomes to spins: little-endian, bit 1 is spin up."""

import numpy as np
import pytest
from qiskit.primitives import BitArray

from qsklearn.circuits import bytes_of_indices, spins_of_bytes


@pytest.mark.parametrize("n_qubits", [1, 3, 8, 9, 17])
def test_bit_arrays_and_indices_agree_with_qiskits_strings(n_qubits):
    rng = np.random.default_rng(n_qubits)
    outcomes = rng.integers(0, 2**n_qubits, 20)
    strings = [format(outcome, f"0{n_qubits}b") for outcome in outcomes]
    # Qiskit writes the qubit 0 last.
    expected = [[1 if bit == "1" else -1 for bit in reversed(string)] for string in strings]
    measured = BitArray.from_samples(strings, num_bits=n_qubits)
    np.testing.assert_array_equal(spins_of_bytes(measured.array, n_qubits), expected)
    np.testing.assert_array_equal(spins_of_bytes(bytes_of_indices(outcomes), n_qubits), expected)


def test_shapes_are_kept():
    spins = spins_of_bytes(bytes_of_indices(np.arange(6).reshape(2, 3)), 4)
    assert spins.shape == (2, 3, 4)
    assert spins.dtype == np.int8
    assert spins[1, 2].tolist() == [1, -1, 1, -1]  # 5


@pytest.mark.parametrize("packed", [np.zeros((3, 1), np.uint8), np.uint8(3)])
def test_fewer_bits_than_qubits_are_refused(packed):
    with pytest.raises(ValueError, match="a bit for each of the 9 qubits"):
        spins_of_bytes(packed, 9)
