"""Steepest descent against a plain loop and exact enumeration."""

import numpy as np
import pytest
import scipy.sparse

from qsklearn.samplers import steepest_descent


def glass(n_models, n_spins, seed, one_hot=None):
    rng = np.random.default_rng(seed)
    J = np.triu(rng.normal(size=(n_spins, n_spins)), 1)
    J += J.T
    if one_hot is not None:
        J[slice(*one_hot), slice(*one_hot)] = 0.0
    return rng.normal(size=(n_models, n_spins)), J


def energy(h, J, state):
    return h @ state + 0.5 * state @ J @ state


def neighbours(state, one_hot):
    """States one move away: a spin flipped, or the unit moved."""
    start, stop = one_hot or (0, 0)
    for i in range(len(state)):
        other = state.copy()
        if start <= i < stop:
            if state[i] > 0:
                continue
            other[start:stop] = -1
        other[i] = -state[i]
        yield other


def descend_plainly(h, J, state, one_hot=None):
    while True:
        best = min(neighbours(state, one_hot), key=lambda other: energy(h, J, other))
        if energy(h, J, best) >= energy(h, J, state) - 1e-10:
            return state
        state = best


def starts(n_models, num_reads, n_spins, seed, one_hot=None):
    rng = np.random.default_rng(seed)
    states = rng.choice([-1, 1], size=(n_models, num_reads, n_spins))
    if one_hot is not None:
        start, stop = one_hot
        up = rng.integers(start, stop, size=(n_models, num_reads, 1))
        states[..., start:stop] = np.where(np.arange(start, stop) == up, 1, -1)
    return states


@pytest.mark.parametrize("one_hot", [None, (0, 4), (5, 9)])
def test_takes_the_steepest_way(one_hot):
    h, J = glass(6, 9, 0, one_hot)
    before = starts(6, 5, 9, 1, one_hot)
    kept = before.copy()
    after, energies = steepest_descent(h, J, before, one_hot=one_hot)
    np.testing.assert_array_equal(before, kept)
    for model in range(6):
        for read in range(5):
            plain = descend_plainly(h[model], J, before[model, read], one_hot)
            np.testing.assert_array_equal(after[model, read], plain)
            assert energies[model, read] == pytest.approx(energy(h[model], J, plain), abs=1e-9)


def test_local_minima_stay_and_threads_do_not_matter():
    h, J = glass(8, 30, 2)
    after, energies = steepest_descent(h, J, starts(8, 7, 30, 3))
    again, same = steepest_descent(h, J, after)
    np.testing.assert_array_equal(after, again)
    np.testing.assert_allclose(energies, same, atol=1e-9)
    threaded, _ = steepest_descent(h, scipy.sparse.csr_array(J), starts(8, 7, 30, 3), num_threads=2)
    np.testing.assert_array_equal(after, threaded)


def test_ties_and_flat_models_end():
    states = starts(2, 3, 5, 4)
    after, energies = steepest_descent(np.zeros((2, 5)), np.zeros((5, 5)), states)
    np.testing.assert_array_equal(after, states)
    assert not energies.any()
    # All couplings equal: many ties, and huge ones, of which rounding would never end.
    J = 1e20 * (np.ones((5, 5)) - np.eye(5)) / 3.0
    after, _ = steepest_descent(np.full((2, 5), 0.1), J, states)
    assert (np.abs(after.sum(axis=-1)) == 1).all()


def test_no_models_and_no_spins():
    states, energies = steepest_descent(np.empty((0, 3)), np.zeros((3, 3)), np.empty((0, 4, 3)))
    assert states.shape == (0, 4, 3) and energies.shape == (0, 4)
    states, energies = steepest_descent(np.empty((2, 0)), np.zeros((0, 0)), np.empty((2, 4, 0)))
    assert states.shape == (2, 4, 0) and not energies.any()


def test_says_what_is_wrong():
    h, J = glass(2, 4, 5)
    with pytest.raises(ValueError, match="'initial_states' parameter of steepest_descent"):
        steepest_descent(h, J, np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="'initial_states' parameter of steepest_descent"):
        steepest_descent(h, J, np.ones((2, 4)))
    J[:2, :2] = 0.0
    with pytest.raises(ValueError, match="exactly one spin of the `one_hot` unit up"):
        steepest_descent(h, J, np.ones((2, 3, 4)), one_hot=(0, 2))


def test_ragged_states_are_refused_by_name():
    with pytest.raises(ValueError, match="'initial_states' parameter of steepest_descent must be"):
        steepest_descent([[0.5, 0.0]], np.zeros((2, 2)), [[[1, -1], [1]]])
