"""Stars: the figures of issue 4, defects, and small devices by enumeration."""

import itertools
import time

import dwave.graphs
import networkx as nx
import numpy as np
import pytest

from qsklearn.samplers._star_embedding import grow_star, largest_star
from qsklearn.samplers._target_graph import as_target


def with_defects(graph, fraction, seed=0):
    rng = np.random.default_rng(seed)
    graph = graph.copy()
    dead = rng.choice(sorted(graph), int(fraction * len(graph)), replace=False)
    graph.remove_nodes_from(dead.tolist())
    graph.remove_edges_from([edge for edge in list(graph.edges) if rng.random() < fraction / 4])
    return graph


def check(target, chain, leaves):
    """A connected chain, and leaves that are distinct, beside it and not in it."""
    graph = nx.relabel_nodes(target.graph, {q: i for i, q in enumerate(target.qubits.tolist())})
    members = set(chain.tolist())
    assert nx.is_connected(graph.subgraph(members))
    assert len(set(leaves.tolist())) == len(leaves)
    assert members.isdisjoint(leaves.tolist())
    assert all(members.intersection(graph[leaf]) for leaf in leaves.tolist())


PEGASUS, ZEPHYR = (
    as_target(dwave.graphs.pegasus_graph(16)),
    as_target(dwave.graphs.zephyr_graph(15)),
)


@pytest.mark.parametrize(
    ("target", "n_rays", "longest"),
    [(PEGASUS, 548, 43), (PEGASUS, 654, 52), (ZEPHYR, 834, 50)],
    ids=["P16-548", "P16-654", "Z15-834"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_stars_of_the_paper(target, n_rays, longest, seed):
    chain, leaves = grow_star(target, n_rays, seed=seed)
    check(target, chain, leaves)
    assert len(leaves) == n_rays
    assert len(chain) <= longest


@pytest.mark.parametrize(("target", "least"), [(PEGASUS, 5000), (ZEPHYR, 6900)], ids=["P16", "Z15"])
def test_largest_stars(target, least):
    begin = time.process_time()
    chain, leaves = grow_star(target, target.n_qubits)
    assert time.process_time() - begin < 10  # seconds; 2 where it was written
    check(target, chain, leaves)
    assert len(leaves) >= least


def test_defects():
    target = as_target(with_defects(dwave.graphs.pegasus_graph(16), 0.02))
    chain, leaves = grow_star(target, 654)
    check(target, chain, leaves)
    # A qubit has 15 couplers and loses 2 % of neighbours and 0.5 % of couplers.
    assert len(chain) <= 60


def test_seed_decides():
    target = as_target(dwave.graphs.pegasus_graph(6))
    first, again, other = (grow_star(target, 300, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_only_usable_qubits_are_used():
    target = as_target(dwave.graphs.chimera_graph(4))
    usable = np.arange(target.n_qubits) % 3 > 0
    chain, leaves = grow_star(target, 12, usable=usable)
    check(target, chain, leaves)
    assert len(leaves) == 12
    assert usable[chain].all() and usable[leaves].all()


def test_a_smaller_part_is_taken_if_the_star_fits_there_only():
    graph = nx.disjoint_union(nx.path_graph(30), nx.star_graph(8))
    target = as_target(graph)
    chain, leaves = grow_star(target, 8)
    assert chain.tolist() == [30]
    assert leaves.tolist() == list(range(31, 39))


def test_leaves_beside_most_of_the_chain_are_taken():
    # The chain is 0-1; leaf 6 touches both, and eight others one each.
    graph = nx.Graph([(0, 1), (0, 6), (1, 6)])
    graph.add_edges_from([(0, leaf) for leaf in (2, 3, 4, 5)])
    graph.add_edges_from([(1, leaf) for leaf in (7, 8, 9, 10)])
    chain, leaves = grow_star(as_target(graph), 8)
    assert chain.tolist() == [0, 1]
    assert 6 in leaves.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_shortest_chain_and_largest_star_of_small_devices(seed):
    graph = nx.gnp_random_graph(11, 0.3, seed=seed)
    shortest = {}
    for size in range(1, 11):
        for members in itertools.combinations(graph, size):
            if nx.is_connected(graph.subgraph(members)):
                around = {j for i in members for j in graph[i]}.difference(members)
                for n_rays in range(1, len(around) + 1):
                    shortest.setdefault(n_rays, size)
    assert largest_star(graph) == max(shortest)
    for n_rays, size in shortest.items():
        chain, leaves = grow_star(as_target(graph), n_rays)
        assert (len(chain), len(leaves)) == (size, n_rays)


def test_a_device_without_couplers_has_no_star():
    graph = nx.empty_graph(4)
    assert largest_star(graph) == 0
