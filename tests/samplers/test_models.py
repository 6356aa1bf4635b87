"""Models as arrays: conversions between vartypes, canonical order, labels."""

import dimod
import numpy as np
import pytest
import scipy.sparse

from qsklearn.samplers._models import (
    SpinModels,
    check_couplings,
    check_fields,
    models_from_bqm,
    sort_labels,
)


@pytest.mark.parametrize("bqm_class", [dimod.Float64BQM, dimod.Float32BQM, dimod.DictBQM])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_energies_of_a_bqm_up_to_its_offset(bqm_class, vartype, ising):
    rng = np.random.default_rng(0)
    bqm = bqm_class(vartype)
    for i in range(6):
        bqm.add_linear("fedcba"[i], rng.normal())
    for _ in range(8):
        i, j = rng.choice(6, 2, replace=False)
        bqm.add_quadratic("abcdef"[i], "abcdef"[j], rng.normal())
    models, labels = models_from_bqm(bqm)
    assert labels == list("abcdef")
    spins = ising.all_states(6)
    values = spins if vartype == "SPIN" else (spins + 1) // 2
    given = bqm.energies((values, labels))
    ours = models.energies(0, spins)
    np.testing.assert_allclose(given - given[0], ours - ours[0], atol=1e-5)
    np.testing.assert_allclose(ours, models.to_bqm(0).energies((spins, range(6))), atol=1e-12)
    assert (models.couplings != models.couplings.T).nnz == 0
    assert not models.couplings.diagonal().any()


def test_zero_couplings_are_dropped():
    bqm = dimod.BinaryQuadraticModel({}, {"ab": 0.0, "bc": 1.0}, 0.0, "SPIN")
    assert models_from_bqm(bqm)[0].couplings.nnz == 2
    assert check_couplings(np.zeros((3, 3)), 3, "test").nnz == 0
    explicit = scipy.sparse.csr_array((np.zeros(2), ([0, 1], [1, 0])), shape=(2, 2))
    assert check_couplings(explicit, 2, "test").nnz == 0


def test_couplings_are_a_canonical_copy():
    J = scipy.sparse.coo_array((np.array([0.5, 0.5, 1.0]), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    couplings = check_couplings(J, 2, "test")
    assert couplings.toarray().tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert couplings.has_canonical_format
    dense = np.array([[0.0, 1.0], [1.0, 0.0]])
    check_couplings(dense, 2, "test").data[:] = 7.0
    assert dense[0, 1] == 1.0


def test_scaled_and_local_fields():
    models = SpinModels(
        np.array([[1.0, -2.0]]), check_couplings([[0.0, 3.0], [3.0, 0.0]], 2, "test"), (0, 1)
    )
    states = np.array([[1, -1], [1, 1]])
    np.testing.assert_array_equal(models.local_fields(0, states), [[-2.0, 1.0], [4.0, 1.0]])
    np.testing.assert_array_equal(models.energies(0, states), [0.0, 2.0])
    half = models.scaled(0.5)
    np.testing.assert_array_equal(half.energies(0, states), [0.0, 1.0])
    assert half.one_hot == (0, 1)


def test_fields_of_any_real_type():
    for fields in ([1, 2], [[1, 2]], np.array([1, 2], np.float32), [True, False]):
        checked = check_fields(fields, "test")
        assert checked.dtype == np.float64 and checked.shape == (1, 2)


def test_sorted_labels():
    labels = ["b", 3, (1, "x"), 1, "a", ((0, 1), 5), (1, 2), frozenset("ba"), frozenset("ac")]
    expected = [frozenset("ab"), frozenset("ac"), 1, 3, "a", "b"]
    for given in (labels, labels[::-1]):
        assert sort_labels(given)[:6] == expected
        assert sort_labels(given) == sort_labels(labels)
    unsortable = [object(), object()]
    assert sort_labels(unsortable) == unsortable


@pytest.mark.parametrize("J", [None, 0.0, {(0, 1): 1.0}, [["a", "b"], ["c", "d"]]])
def test_couplings_that_are_no_matrix(J):
    with pytest.raises(ValueError, match="The 'J' parameter of test must be"):
        check_couplings(J, 2, "test")


@pytest.mark.parametrize("h", [["a", "b"], {0: 1.0}, [[1.0], [1.0, 2.0]], object()])
def test_fields_that_are_no_array(h):
    with pytest.raises(ValueError, match="The 'h' parameter of test must be an array"):
        check_fields(h, "test")
