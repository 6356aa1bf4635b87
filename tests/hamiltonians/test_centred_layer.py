"""A layer in centred coordinates is the same layer, with less between intercept and weights."""

import numpy as np
import pytest

from qsklearn.hamiltonians import CentredLayer, LayerHamiltonian

N_ROWS, N_INPUTS, N_OUTPUTS = 40, 5, 3


def make_layer(*, gains=False, weights=False, keep_rows=False, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.column_stack([rng.normal(3.0, 1.0, (N_ROWS, N_INPUTS)), np.ones(N_ROWS)])
    return LayerHamiltonian.from_rows(
        rows,
        rng.normal(size=(N_ROWS, N_OUTPUTS)),
        gains=rng.uniform(0.1, 1.0, (N_ROWS, N_OUTPUTS)) if gains else None,
        weights=rng.uniform(0.5, 2.0, N_ROWS) if weights else None,
        keep_rows=keep_rows,
    )


@pytest.fixture
def candidates():
    return np.random.default_rng(9).normal(size=(N_OUTPUTS, N_INPUTS + 1))


@pytest.mark.parametrize("gains", [False, True])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("keep_rows", [False, True])
def test_energies_are_the_layers(gains, weights, keep_rows, candidates):
    layer = make_layer(gains=gains, weights=weights, keep_rows=keep_rows)
    centred = CentredLayer.from_hamiltonian(layer)
    inside = centred.from_layer(candidates)
    assert np.abs(inside - candidates).max() > 1.0
    np.testing.assert_allclose(centred.to_layer(inside), candidates, atol=1e-12)
    np.testing.assert_allclose(
        centred.hamiltonian.energies(inside), layer.energies(candidates), rtol=1e-10
    )


@pytest.mark.parametrize("keep_rows", [False, True])
def test_the_intercept_is_apart_and_couplings_are_covariances(keep_rows):
    layer = make_layer(weights=True, keep_rows=keep_rows)
    matrix = CentredLayer.from_hamiltonian(layer).hamiltonian.couplings(0)
    np.testing.assert_allclose(matrix[-1, :-1], 0.0, atol=1e-12)
    before = layer.couplings(0)
    means = before[-1, :-1] / before[-1, -1]
    covariance = before[:-1, :-1] - before[-1, -1] * np.outer(means, means)
    np.testing.assert_allclose(matrix[:-1, :-1], covariance, atol=1e-10)
    assert np.abs(before[-1, :-1]).min() > 1.0


def test_both_forms_with_factors_agree():
    """The mean that both subtract may differ; the problem in the layer's coordinates may not."""
    optima = []
    for keep_rows in (False, True):
        centred = CentredLayer.from_hamiltonian(make_layer(gains=True, keep_rows=keep_rows))
        optima.append(centred.to_layer(centred.hamiltonian.minimise()))
    np.testing.assert_allclose(optima[0], optima[1], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(optima[0], make_layer(gains=True).minimise(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("keep_rows", [False, True])
def test_inputs_that_never_change_are_exactly_zero(keep_rows):
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=30), np.full(30, 0.1), np.zeros(30), np.ones(30)])
    layer = LayerHamiltonian.from_rows(rows, rng.normal(size=(30, 2)), keep_rows=keep_rows)
    hamiltonian = CentredLayer.from_hamiltonian(layer).hamiltonian
    assert (hamiltonian.diagonal[:, 1:3] == 0).all() and (hamiltonian.linear[:, 1:3] == 0).all()
    assert (hamiltonian.couplings(0)[1:3] == 0).all()
    assert (hamiltonian.diagonal[:, [0, 3]] > 0.1).all()


def test_the_penalty_of_weights_is_added_afterwards(candidates):
    """A ridge on the weights means the same in both coordinates, the intercept being free."""
    layer = make_layer()
    penalty = np.append(np.full(N_INPUTS, 0.3), 0.0)
    centred = CentredLayer.from_hamiltonian(layer).hamiltonian.with_penalty(penalty)
    to_layer = CentredLayer.from_hamiltonian(layer).to_layer
    np.testing.assert_allclose(
        to_layer(centred.minimise()), layer.with_penalty(penalty).minimise(), rtol=1e-8, atol=1e-10
    )
