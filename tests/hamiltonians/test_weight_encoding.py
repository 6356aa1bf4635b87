"""Weights as n-bit levels: the grid, its spins, and back."""

from itertools import product

import dimod
import numpy as np
import pytest

from qsklearn.hamiltonians import WeightEncoding

BASE = np.array([[0.5, -1.0, 0.0], [2.0, 0.25, -3.0]])
RANGES = np.array([0.3, 2.0, 0.7])


def make(n_bits=2):
    return WeightEncoding(BASE, RANGES, n_bits)


def every_state(n_spins):
    return np.array(list(product((-1, 1), repeat=n_spins)), np.int8)


@pytest.mark.parametrize("n_bits", [1, 2, 3])
def test_decode_is_the_papers_sum_for_all_states(n_bits):
    encoding = make(n_bits)
    states = every_state(3 * n_bits)
    weights = encoding.decode(np.stack([states, states]))
    for output, (state, row) in product(range(2), enumerate(weights[0])):
        for j in range(3):
            spins = states[state, j * n_bits : (j + 1) * n_bits]
            level = sum(2**a * int(spin) for a, spin in enumerate(spins))
            expected = BASE[output, j] + RANGES[j] / (2**n_bits - 1) * level
            assert weights[output, state, j] == pytest.approx(expected, abs=1e-12)
        assert row.shape == (3,)


@pytest.mark.parametrize("n_bits", [1, 2, 5])
def test_a_grid_reaches_its_range_in_equal_steps_and_leaves_out_the_base(n_bits):
    encoding = WeightEncoding(np.array([[1.0]]), np.array([0.5]), n_bits)
    values = np.unique(encoding.decode(every_state(n_bits)[np.newaxis]))
    assert len(values) == 2**n_bits
    np.testing.assert_allclose(values, np.linspace(0.5, 1.5, 2**n_bits), atol=1e-12)
    assert np.abs(values - 1.0).min() == pytest.approx(encoding.scale[0])


def test_levels_and_states_are_inverses_of_each_other():
    encoding = make(3)
    states = every_state(9)[np.newaxis].repeat(2, axis=0)
    weights = encoding.decode(states)
    levels = encoding.levels_of(weights)
    assert levels.dtype == np.int64 and set(np.unique(levels)) == set(range(-7, 8, 2))
    np.testing.assert_array_equal(encoding.states_of(levels), states)
    np.testing.assert_allclose(encoding.decode_levels(levels), weights, atol=1e-12)


def test_levels_of_weights_off_the_grid_are_the_nearest():
    encoding = WeightEncoding(np.zeros((1, 1)), np.array([7.0]), 3)  # levels are the weights
    weights = np.random.default_rng(0).uniform(-9, 9, (1, 500, 1))
    grid = np.arange(-7, 8, 2)
    nearest = grid[np.abs(weights - grid).argmin(axis=-1)]
    np.testing.assert_array_equal(encoding.levels_of(weights)[..., 0], nearest)


def test_levels_of_huge_weights_and_of_ranges_of_zero():
    encoding = WeightEncoding(np.zeros((1, 2)), np.array([1.0, 0.0]), 16)
    assert encoding.levels_of(np.array([[1e300, 5.0]])).tolist() == [[65535, 1]]
    assert encoding.levels_of(np.array([[-1e300, -5.0]])).tolist() == [[-65535, 1]]


def test_some_outputs_are_decoded_with_their_own_base():
    states = np.ones((1, 1, 6))
    np.testing.assert_allclose(make().decode(states, [1])[0, 0], BASE[1] + RANGES)
    levels = make().levels_of(np.array([BASE[1] + RANGES]), [1])
    assert levels.tolist() == [[3, 3, 3]]


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_a_sampleset_is_read_by_label_whatever_its_order(vartype):
    encoding, rng = make(), np.random.default_rng(1)
    states = rng.choice([-1, 1], (4, 6)).astype(np.int8)
    order = rng.permutation(6)
    labels = [encoding.labels[i] for i in order]
    samples = dimod.SampleSet.from_samples(
        (states[:, order], labels), "SPIN", energy=np.zeros(4), num_occurrences=[1, 2, 1, 1]
    )
    samples = samples.change_vartype(vartype, inplace=False)
    expected = encoding.decode(states[np.newaxis, [0, 1, 1, 2, 3]], [1])[0]
    np.testing.assert_allclose(encoding.decode(samples, 1), expected, atol=1e-12)


def test_a_sampleset_needs_its_output_and_all_labels():
    samples = dimod.SampleSet.from_samples([{("w", 0, 0): 1}], "SPIN", energy=0)
    with pytest.raises(ValueError, match=r"must be its number, an int in \[0, 2\)"):
        make().decode(samples)
    with pytest.raises(ValueError, match=r"5 of 6 are missing, \('w', 0, 1\) for one"):
        make().decode(samples, 0)
    single = WeightEncoding(np.zeros((1, 1)), np.ones(1), 1)
    assert single.decode(samples).tolist() == [[1.0]]


@pytest.mark.parametrize("n_bits", [0, 17, 2.0, "2", None, True])
def test_bad_numbers_of_bits(n_bits):
    rule = r"The 'n_bits' parameter of WeightEncoding must be an int in the range \[1, 16\]."
    with pytest.raises(ValueError, match=rf"{rule} Got {n_bits!r} instead."):
        make(n_bits)


@pytest.mark.parametrize(
    ("base", "ranges", "message"),
    [
        (np.zeros(3), RANGES, r"'base' .* of shape \(n_outputs, n_weights\). Got shape \(3,\)"),
        (np.full((1, 3), np.nan), RANGES, "'base' .* with NaN or infinite values"),
        (BASE, np.ones(2), r"'ranges' .* must be 3 finite numbers >= 0.* Got shape \(2,\)"),
        (BASE, np.array([0.1, -0.2, 0.1]), "with a smallest value of -0.2 instead"),
        (BASE, np.array([0.1, np.inf, 0.1]), "'ranges' .* with NaN or infinite values"),
    ],
)
def test_bad_arrays(base, ranges, message):
    with pytest.raises(ValueError, match=message):
        WeightEncoding(base, ranges, 2)


@pytest.mark.parametrize("shape", [(2, 6), (1, 4, 6), (2, 4, 5)])
def test_states_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(2, num_reads, 6\): 3 weights of 2 bits"):
        make().decode(np.ones(shape))


def test_what_is_no_spin_or_no_level_of_each_weight_is_refused():
    with pytest.raises(ValueError, match="-1 or .1. Got other values; binary ones are 2 . states"):
        make().decode(np.zeros((2, 4, 6)))
    for ask, name in ((make().decode_levels, "levels"), (make().levels_of, "weights")):
        message = rf"'{name}' parameter .* of shape \(2, ..., 3\). Got \(1, 5, 3\) instead"
        with pytest.raises(ValueError, match=message):
            ask(np.ones((1, 5, 3)))


def test_sizes_and_labels():
    encoding = WeightEncoding(BASE, RANGES, np.int64(2))
    assert (encoding.n_outputs, encoding.n_weights, encoding.n_spins) == (2, 3, 6)
    assert encoding.labels[:3] == (("w", 0, 0), ("w", 0, 1), ("w", 1, 0))
