"""Readouts of a class unit, on draws small enough to count by hand."""

import numpy as np
import pytest

from qsklearn.neural_network._qubo_transfer._class_readout import ClassCounts, count_classes

# One data point, five reads of three classes, the second and the last not one-hot.
BITS = np.array([[[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]])
ENERGIES = np.array([[-3.0, -5.0, -1.0, -2.0, 0.0]])


def count(readout, fraction=0.4, bits=BITS, energies=ENERGIES):
    return count_classes(bits, energies, readout, fraction)


def test_onehot_counts_intact_reads():
    counts = count("onehot")
    np.testing.assert_array_equal(counts.counts, [[1, 0, 2]])
    np.testing.assert_array_equal(counts.lowest, [[-3.0, np.inf, -2.0]])
    assert counts.winners() == [2]
    assert counts.one_hot == pytest.approx([0.6])
    assert counts.class_bits_up == pytest.approx([1.0])
    np.testing.assert_allclose(counts.probabilities(), [[4 / 12, 1 / 12, 7 / 12]])


def test_lowest_takes_the_best_intact_read():
    counts = count("lowest")
    np.testing.assert_array_equal(counts.counts, [[3, 0, 0]])
    assert counts.winners() == [0]


def test_marginal_counts_all_bits():
    counts = count("marginal")
    np.testing.assert_array_equal(counts.counts, [[2, 1, 2]])
    # A tie: the first class was in the lower read.
    assert counts.winners() == [0]


def test_lowest_fraction_counts_the_reads_lowest_in_energy():
    np.testing.assert_array_equal(count("lowest_fraction", 0.4).counts, [[2, 1, 0]])
    np.testing.assert_array_equal(count("lowest_fraction", 1e-6).counts, [[1, 1, 0]])
    np.testing.assert_array_equal(count("lowest_fraction", 1.0).counts, count("marginal").counts)


def test_ties_go_to_the_lower_energy_never_to_the_first():
    bits = np.array([[[1, 0], [0, 1]], [[1, 0], [0, 1]]])
    counts = count("onehot", bits=bits, energies=np.array([[0.0, -1.0], [-1.0, 0.0]]))
    assert counts.winners().tolist() == [1, 0]


def test_data_points_without_a_read_that_counts():
    bits = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 0]]])
    counts = count("onehot", bits=bits, energies=np.zeros((2, 2)))
    assert counts.is_empty.tolist() == [True, False]
    np.testing.assert_allclose(counts.probabilities()[0], [0.5, 0.5])
    other = ClassCounts(np.array([[0.0, 3.0]]), np.array([[np.inf, -1.0]]), None, None)
    counts.replace(np.array([0]), other)
    assert counts.winners().tolist() == [1, 0]
    # Probabilities in the place of counts, without any energy.
    counts.counts[0], counts.lowest[0] = [0.2, 0.8], np.inf
    assert counts.winners().tolist() == [1, 0]


def test_parts_are_joined_in_order():
    joined = ClassCounts.concatenate([count("onehot"), count("marginal")])
    np.testing.assert_array_equal(joined.counts, [[1, 0, 2], [2, 1, 2]])
    assert len(joined.one_hot) == len(joined.class_bits_up) == 2
