"""Chains of stars: connected, counted rightly, and as short as enumeration says on small graphs."""

import itertools

import networkx as nx
import numpy as np
import pytest

from qsklearn._kernels._star_growth import _find_cuts, grow, prune


def rows_of(graph):
    matrix = nx.to_scipy_sparse_array(graph, nodelist=range(len(graph)), format="csr")
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)


def leaves_of(graph, chain, usable):
    members = set(np.flatnonzero(chain).tolist())
    around = {j for i in members for j in graph[i]} - members
    return {j for j in around if usable[j]}


def random_graph(seed, n_qubits=40, density=0.12):
    return nx.gnp_random_graph(n_qubits, density, seed=seed)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_grown_and_pruned_is_connected_and_counted(seed):
    graph = random_graph(seed)
    rng = np.random.default_rng(seed)
    usable = rng.random(len(graph)) < 0.8
    chain = np.zeros(len(graph), bool)
    priority = rng.permutation(len(graph))
    arguments = (*rows_of(graph), usable, priority, chain)
    wanted = 12
    n_leaves = grow(*arguments, wanted)
    assert n_leaves == len(leaves_of(graph, chain, usable)) > 0
    assert not (chain & ~usable).any()
    assert nx.is_connected(graph.subgraph(np.flatnonzero(chain).tolist()))
    before = chain.sum()
    n_left = prune(*arguments, min(wanted, n_leaves))
    assert n_left == len(leaves_of(graph, chain, usable)) >= min(wanted, n_leaves)
    assert chain.sum() <= before
    assert nx.is_connected(graph.subgraph(np.flatnonzero(chain).tolist()))


def test_pruning_shortens_a_chain_that_is_too_long():
    graph = nx.star_graph(6)  # the hub is 0
    usable, chain = np.ones(7, bool), np.zeros(7, bool)
    chain[[0, 1, 2]] = True
    assert prune(*rows_of(graph), usable, np.arange(7), chain, 6) == 6
    assert np.flatnonzero(chain).tolist() == [0]


def test_growth_goes_on_from_a_chain():
    graph = nx.path_graph(8)
    usable, chain = np.ones(8, bool), np.zeros(8, bool)
    chain[[0, 1]] = True
    # On a path it reaches one leaf only, and never needs more qubits for it.
    assert grow(*rows_of(graph), usable, np.arange(8), chain, 5) == 1
    assert np.flatnonzero(chain).tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_largest_growth_against_enumeration(seed):
    graph = random_graph(seed, n_qubits=11, density=0.3)
    graph = nx.convert_node_labels_to_integers(
        graph.subgraph(max(nx.connected_components(graph), key=len))
    )
    usable = np.ones(len(graph), bool)
    largest = 0
    for size in range(1, len(graph)):
        for members in itertools.combinations(range(len(graph)), size):
            if nx.is_connected(graph.subgraph(members)):
                mask = np.isin(np.arange(len(graph)), members)
                largest = max(largest, len(leaves_of(graph, mask, usable)))
    reached = 0
    for start in range(10):
        chain = np.zeros(len(graph), bool)
        priority = np.random.default_rng(start).permutation(len(graph))
        reached = max(reached, grow(*rows_of(graph), usable, priority, chain, len(graph)))
    # Greedy: at most one short here, and never above the truth.
    assert largest - 1 <= reached <= largest


@pytest.mark.parametrize("seed", range(30))
def test_cut_qubits_are_networkxs_articulation_points(seed):
    graph = random_graph(seed, n_qubits=25, density=0.09)
    members = max(nx.connected_components(graph), key=len)
    chain = np.isin(np.arange(25), list(members))
    cut = np.ones(25, bool)
    _find_cuts(*rows_of(graph), chain, cut)
    expected = set(nx.articulation_points(graph.subgraph(members)))
    assert set(np.flatnonzero(cut).tolist()) == expected


def test_nothing_usable():
    graph = nx.path_graph(3)
    chain = np.zeros(3, bool)
    assert grow(*rows_of(graph), np.zeros(3, bool), np.arange(3), chain, 1) == 0
    assert not chain.any()
