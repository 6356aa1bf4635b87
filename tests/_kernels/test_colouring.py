"""Colours: neighbours differ, bipartite graphs take two, and isolated spins one."""

import numpy as np
import pytest
import scipy.sparse

from qsklearn._kernels._colouring import colour


def colours_of(J):
    graph = scipy.sparse.csr_array(J)
    return colour(graph.indptr.astype(np.int32), graph.indices.astype(np.int32))


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.5, 1.0])
def test_neighbours_differ(density, ising):
    J = ising.symmetric(60, np.random.default_rng(1), density)
    colours = colours_of(J)
    row, column = np.nonzero(J)
    assert (colours >= 0).all()
    assert (colours[row] != colours[column]).all()
    # Greedy: never more colours than the largest degree and one.
    assert colours.max() <= np.count_nonzero(J, axis=1).max()


def test_bipartite_graphs_take_two_colours_however_the_spins_are_ordered():
    rng = np.random.default_rng(2)
    for n_parts in (1, 3):
        side = rng.integers(2, size=90)
        part = rng.integers(n_parts, size=90)
        J = (side[:, None] != side) & (part[:, None] == part)
        J &= np.triu(rng.random((90, 90)) < 0.15, 1)
        assert colours_of((J | J.T).astype(float)).max() == 1


def test_degenerate_graphs():
    assert colours_of(np.zeros((1, 1))).tolist() == [0]
    assert colours_of(np.zeros((0, 0))).shape == (0,)
