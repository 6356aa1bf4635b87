"""The family of Ising models: energies, scaling, BQMs."""

from dataclasses import replace

import dimod
import numpy as np
import pytest
import scipy.sparse

from qsklearn.hamiltonians import IsingFamily


@pytest.fixture
def family():
    rng = np.random.default_rng(1)
    upper = np.triu(rng.normal(size=(4, 4)), 1)
    upper[0, 3] = 0.0
    return IsingFamily(
        rng.normal(size=(3, 4)), upper + upper.T, rng.normal(size=3), ("d", ("a", 1), 0, "b")
    )


def every_state(n_spins):
    return 2 * ((np.arange(2**n_spins)[:, np.newaxis] >> np.arange(n_spins)) & 1) - 1


def test_energies_are_the_sum_over_fields_and_pairs(family):
    states = every_state(4)
    energies = family.energies(np.broadcast_to(states, (3, 16, 4)))
    for model, row in enumerate(energies):
        for state, energy in zip(states, row, strict=True):
            pairs = sum(
                family.couplings[i, j] * state[i] * state[j] for i in range(4) for j in range(i)
            )
            expected = family.fields[model] @ state + pairs + family.offsets[model]
            assert energy == pytest.approx(expected, abs=1e-12)


def test_sizes(family):
    assert (family.n_models, family.n_spins) == (3, 4)


@pytest.mark.parametrize("model", range(3))
def test_bqm_has_the_same_energies_by_label(family, model):
    bqm = family.to_bqm(model)
    assert bqm.vartype is dimod.SPIN
    assert set(bqm.variables) == set(family.labels)
    assert bqm.num_interactions == 5  # a zero coupling makes no edge
    states = every_state(4)
    energies = family.energies(np.broadcast_to(states, (3, 16, 4)))[model]
    np.testing.assert_allclose(bqm.energies((states, family.labels)), energies, atol=1e-12)


def test_bqm_without_couplings_keeps_all_spins():
    family = IsingFamily(np.zeros((1, 2)), np.zeros((2, 2)), np.zeros(1), ("a", "b"))
    assert list(family.to_bqm().variables) == ["a", "b"]


def test_scaling_scales_all_energies_and_leaves_the_original(family):
    states = np.broadcast_to(every_state(4), (3, 16, 4))
    before = family.energies(states)
    scaled = family.scaled(0.4)
    np.testing.assert_allclose(scaled.energies(states), 0.4 * before, atol=1e-12)
    np.testing.assert_array_equal(family.energies(states), before)
    assert (scaled.labels, scaled.one_hot) == (family.labels, family.one_hot)


def test_states_of_int8_do_not_overflow():
    n_spins = 300  # J sums to 300² / 2, far beyond int8
    couplings = np.ones((n_spins, n_spins)) - np.eye(n_spins)
    family = IsingFamily(np.ones((1, n_spins)), couplings, np.zeros(1), tuple(range(n_spins)))
    up = np.ones((1, 1, n_spins), np.int8)
    assert family.energies(up)[0, 0] == n_spins + n_spins * (n_spins - 1) / 2


def test_sparse_couplings_are_the_same(family):
    sparse = IsingFamily(
        family.fields, scipy.sparse.csr_array(family.couplings), family.offsets, family.labels
    )
    states = np.broadcast_to(every_state(4), (3, 16, 4))
    energies = sparse.energies(states)
    assert isinstance(energies, np.ndarray) and energies.shape == (3, 16)
    np.testing.assert_allclose(energies, family.energies(states), atol=1e-12)
    scaled = sparse.scaled(0.4)
    assert isinstance(scaled.couplings, scipy.sparse.csr_array)
    np.testing.assert_allclose(scaled.energies(states), 0.4 * energies, atol=1e-12)
    assert sparse.energies(states[:, :0]).shape == (3, 0)
    for model in range(3):
        assert sparse.to_bqm(model) == family.to_bqm(model)
        assert list(sparse.to_bqm(model).variables) == list(family.labels)


def test_stored_zeros_of_sparse_couplings_make_no_edges():
    couplings = scipy.sparse.csr_array(np.ones((3, 3)) - np.eye(3))
    couplings.data[couplings.indices == 2] = 0.0  # (0, 2) and (1, 2)
    couplings.data[couplings.indptr[2] :] = 0.0
    family = IsingFamily(np.zeros((1, 3)), couplings, np.zeros(1), ("a", "b", "c"))
    ((edge, bias),) = family.to_bqm().quadratic.items()
    assert (set(edge), bias) == ({"a", "b"}, 1.0)
    assert couplings.nnz == 6  # looked at, not changed


def test_families_can_be_compared_and_hashed(family):
    assert family == family
    assert family != family.scaled(2.0)
    assert len({family, family}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"couplings": scipy.sparse.csr_array((3, 4))}, r"of shape \(4, 4\), .* Got \(3, 4\)"),
        ({"labels": ("a", "b")}, r"a tuple of 4 names, one a spin. Got \('a', 'b'\)"),
        ({"labels": list("abcd")}, "a tuple of 4 names"),
    ],
)
def test_what_does_not_fit_the_fields_is_refused(family, changes, message):
    with pytest.raises(ValueError, match=f"parameter of IsingFamily must be {message}"):
        replace(family, **changes)
