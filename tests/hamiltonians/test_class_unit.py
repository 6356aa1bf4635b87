"""The ground-state rule of penalised class units, against all their states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from qsklearn.hamiltonians import (
    class_shifts,
    has_one_hot_ground_state,
    shift_logits,
    smallest_penalty,
)


def all_bits(n_classes):
    return (np.arange(2**n_classes)[:, np.newaxis] >> np.arange(n_classes)) & 1


def energies(logits, penalty, bits):
    return -bits @ logits + penalty * (bits.sum(axis=1) - 1) ** 2


def ground_states_are_one_hot(logits, penalty):
    """By brute force: no broken state is as low as the lowest one-hot state."""
    bits = all_bits(len(logits))
    energy = energies(logits, penalty, bits)
    is_one_hot = bits.sum(axis=1) == 1
    return energy[is_one_hot].min() < energy[~is_one_hot].min()


# Quarters are exact in binary, so that ties are ties.
quarters = st.integers(-40, 40).map(lambda number: number / 4)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(quarters, min_size=1, max_size=6), st.integers(1, 40).map(lambda n: n / 4))
def test_rule_is_brute_force(logits, penalty):
    found = has_one_hot_ground_state([logits], penalty)
    assert found.dtype == bool and found.shape == (1,)
    assert found[0] == ground_states_are_one_hot(np.array(logits), penalty)


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
def test_rule_on_random_logits_and_a_grid_of_penalties(n_classes, scale):
    rng = np.random.default_rng(n_classes)
    logits = rng.normal(0, scale, (40, n_classes))
    seen = set()
    for penalty in (0.1, 0.5, 1.0, 3.0, 10.0):
        expected = [ground_states_are_one_hot(row, penalty) for row in logits]
        np.testing.assert_array_equal(has_one_hot_ground_state(logits, penalty), expected)
        seen |= set(expected)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("logits", "boundary"),
    [([5.0, 2.0, -1.0], 2.0), ([-3.0, -4.0, -9.0], 3.0), ([1.5, 1.5], 1.5), ([-0.5], 0.5)],
)
def test_at_the_boundary_a_broken_state_ties(logits, boundary):
    logits = np.array(logits)
    assert smallest_penalty([logits]).tolist() == [boundary]
    for penalty, holds in ((boundary, False), (boundary * (1 + 1e-9), True)):
        assert has_one_hot_ground_state([logits], penalty).tolist() == [holds]
        assert ground_states_are_one_hot(logits, penalty) == holds


def test_one_class_has_only_to_be_on():
    assert smallest_penalty([[4.0], [-4.0]]).tolist() == [-4.0, 4.0]


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6])
def test_the_mth_bit_joins_above_its_threshold(m):
    """Bits beyond the first join one by one, bit m when l(m) > (2m - 3) A."""
    penalty, bits = 0.75, all_bits(6)
    threshold = (2 * m - 3) * penalty
    for step, n_on in ((0.125, m), (-0.125, m - 1)):
        logits = np.full(6, -50.0)
        logits[: m - 1] = 40.0
        logits[m - 1] = threshold + step
        ground = bits[np.argmin(energies(logits, penalty, bits))]
        assert ground.sum() == n_on


def test_smallest_penalty_needs_no_order_of_classes():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, 7))
    ordered = np.sort(logits, axis=1)
    np.testing.assert_array_equal(
        smallest_penalty(logits), np.maximum(ordered[:, -2], -ordered[:, -1])
    )


# --- shifts --------------------------------------------------------------------------------------

LOGITS = np.random.default_rng(1).normal(0, 6, (30, 5))


@pytest.mark.parametrize("shift", ["max", "center", None])
def test_shifts_leave_softmax_alone(shift):
    shifted = shift_logits(LOGITS, shift)
    np.testing.assert_allclose(softmax(shifted, axis=1), softmax(LOGITS, axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        LOGITS - shifted, class_shifts(LOGITS, shift)[:, np.newaxis] + 0 * LOGITS
    )


def test_shifts_are_of_the_largest_and_the_mean():
    assert (shift_logits(LOGITS, "max").max(axis=1) == 0).all()
    np.testing.assert_allclose(shift_logits(LOGITS, "center").mean(axis=1), 0, atol=1e-14)
    np.testing.assert_array_equal(shift_logits(LOGITS, None), LOGITS)


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_after_a_shift_by_the_largest_any_penalty_will_do(penalty):
    assert has_one_hot_ground_state(shift_logits(LOGITS), penalty).all()
    assert not has_one_hot_ground_state(LOGITS, penalty).all()


@pytest.mark.parametrize("shift", ["max", "center", None])
@pytest.mark.parametrize("clip", [2.0, 8.0])
def test_clip_raises_what_is_far_below_the_largest(shift, clip):
    clipped, unclipped = shift_logits(LOGITS, shift, clip), shift_logits(LOGITS, shift)
    top = unclipped.max(axis=1, keepdims=True)
    np.testing.assert_allclose(clipped, np.maximum(unclipped, top - clip), atol=1e-12)
    assert (clipped > unclipped).any()
    moved = np.abs(softmax(clipped, axis=1) - softmax(LOGITS, axis=1)).sum(axis=1)
    assert moved.max() < 2 * LOGITS.shape[1] * np.exp(-clip)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: shift_logits(LOGITS, "mean"), "'shift' parameter must be 'max', 'center' or None"),
        (lambda: shift_logits(LOGITS, clip=0.0), "'clip' parameter must be a positive number"),
        (lambda: shift_logits(LOGITS, clip=np.nan), "'clip' parameter must be a positive number"),
        (lambda: smallest_penalty([1.0, 2.0]), r"shape \(n_samples, n_classes\).*shape \(2,\)"),
        (lambda: smallest_penalty(np.empty((3, 0))), "at least one class"),
        (lambda: smallest_penalty([[np.nan, 1.0]]), "NaN"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
