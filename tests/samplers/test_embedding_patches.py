"""Small cliques and bicliques are laid in patches of a large device."""

import itertools
import time

import dwave.graphs
import networkx as nx
import numpy as np
import pytest
from dwave.embedding import verify_embedding

from qsklearn.samplers._embedding_methods import busgraph_of
from qsklearn.samplers._embedding_patches import _best_patches, make_tile, patches_of, tile_sizes
from qsklearn.samplers._embeddings import find_embedding, find_parallel_embeddings
from qsklearn.samplers._target_graph import EmbeddingError, as_target


def with_defects(graph, seed=3):
    """Qubits missing, and couplers between qubits that work."""
    rng = np.random.default_rng(seed)
    graph = graph.copy()
    graph.remove_nodes_from(rng.choice(sorted(graph), len(graph) // 200, replace=False).tolist())
    graph.remove_edges_from([edge for edge in list(graph.edges) if rng.random() < 0.0005])
    return nx.freeze(graph)


DEVICES = {
    "chimera": with_defects(dwave.graphs.chimera_graph(16)),
    "wide chimera": with_defects(dwave.graphs.chimera_graph(8, 12, 4)),
    "pegasus": with_defects(dwave.graphs.pegasus_graph(16)),
    "zephyr": with_defects(dwave.graphs.zephyr_graph(12)),
}
BICLIQUES = [(3, 4), (8, 8), (10, 20)]
CLIQUES = [4, 12, 30]


def source_of(problem):
    if isinstance(problem, tuple):
        return nx.complete_bipartite_graph(*problem)
    return nx.complete_graph(problem)


@pytest.fixture
def cold():
    busgraph_of.cache_clear()
    _best_patches.cache_clear()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [2, 3])
def test_a_patch_is_a_device_of_its_own(device, size):
    target = as_target(DEVICES[device])
    patches = _best_patches(target, size)
    assert len(patches) == 3
    for patch in patches:
        part = nx.relabel_nodes(patch.target.graph, patch.qubits)
        assert nx.utils.edges_equal(part.edges, target.graph.subgraph(part).edges)
        assert (patch.target.family, patch.target.shape[0]) == (target.family, size)
        # A place askew would lose most couplers, a few defects lose few.
        assert len(part.edges) > 0.98 * make_tile(target, size).number_of_edges()


def test_the_best_places_come_first():
    graph = dwave.graphs.pegasus_graph(8)
    corner = sorted(graph)[:600]
    target = as_target(nx.freeze(graph.subgraph(sorted(set(graph) - set(corner))).copy()))
    n_couplers = [patch.target.n_couplers for patch in _best_patches(target, 4)]
    assert n_couplers == sorted(n_couplers, reverse=True)
    assert n_couplers[-1] > 0


def test_sizes_rise_and_hold_the_chains_side_by_side():
    target = as_target(DEVICES["pegasus"])
    sizes = [patch.target.shape[0] for patch in patches_of(target, 30)]
    assert sizes[0] == 4  # 12 (4 - 1) = 36 lines
    assert sizes == sorted(sizes)
    assert max(sizes) < 16
    assert list(tile_sizes(target)) == list(range(2, 16))


@pytest.mark.parametrize("graph", [dwave.graphs.pegasus_graph(4), nx.path_graph(2000)])
def test_small_and_unknown_devices_have_no_patches(graph):
    assert list(patches_of(as_target(graph), 2)) == []


@pytest.mark.parametrize("problem", BICLIQUES + CLIQUES, ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_small_problems_on_large_devices_are_quick(device, problem, cold):
    source, graph = source_of(problem), DEVICES[device]
    as_target(graph)
    begin = time.process_time()
    embedding = find_embedding(len(source), list(source.edges), graph, cache=False)
    seconds = time.process_time() - begin
    assert embedding.source == ("biclique" if isinstance(problem, tuple) else "clique")
    assert verify_embedding(embedding.to_dict(), source, graph)
    # Measured: 0.5 s at most on an idle core; it was 157 s by tables of the whole device.
    assert seconds < 3


@pytest.mark.parametrize("device", ["pegasus", "zephyr"])
def test_copies_of_small_problems_are_quick(device, cold):
    source, graph = source_of((3, 4)), DEVICES[device]
    as_target(graph)
    begin = time.process_time()
    found = find_parallel_embeddings(7, list(source.edges), graph, cache=False, max_embeddings=50)
    assert time.process_time() - begin < 3
    assert len(found) == 50
    taken = [qubit for embedding in found for chain in embedding.chains for qubit in chain]
    assert len(set(taken)) == len(taken)


def test_chains_of_a_patch_are_as_short_as_the_topology_allows():
    # Tables of a perfect P16, where K(n) may lie anywhere, against patches of one with defects.
    for n_spins in (12, 30):
        edges = list(itertools.combinations(range(n_spins), 2))
        best = busgraph_of(as_target(dwave.graphs.pegasus_graph(16))).find_clique_embedding(n_spins)
        embedding = find_embedding(n_spins, edges, DEVICES["pegasus"], cache=False)
        assert embedding.max_chain_length == max(map(len, best.values()))


def test_what_no_patch_holds_is_laid_on_all_of_the_device():
    graph = with_defects(dwave.graphs.chimera_graph(12))
    n_most = len(busgraph_of(as_target(graph)).largest_clique())
    edges = list(itertools.combinations(range(n_most), 2))
    embedding = find_embedding(n_most, edges, graph, cache=False, method="clique")
    assert verify_embedding(embedding.to_dict(), nx.complete_graph(n_most), graph)
    assert n_most > 4 * 10  # what the largest patch but one could hold
    with pytest.raises(EmbeddingError, match=rf"largest clique has {n_most} spins"):
        n_spins = n_most + 2
        edges = list(itertools.combinations(range(n_spins), 2))
        find_embedding(n_spins, edges, graph, cache=False, method="clique")


@pytest.mark.slow
@pytest.mark.parametrize("problem", [(64, 10), 100], ids=str)
def test_large_ones_take_seconds(problem, cold):
    source, graph = source_of(problem), DEVICES["pegasus"]
    begin = time.process_time()
    embedding = find_embedding(len(source), list(source.edges), graph, cache=False)
    seconds = time.process_time() - begin
    assert verify_embedding(embedding.to_dict(), source, graph)
    assert seconds < 20
