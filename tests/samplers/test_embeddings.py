"""Embeddings of all sorts of problems, checked by dwave-system's own verification."""

import itertools
import re
from types import SimpleNamespace

import dimod
import dwave.graphs
import networkx as nx
import numpy as np
import pytest
from dwave.embedding import verify_embedding
from dwave.system.testing import MockDWaveSampler

from qsklearn.samplers import _embedding_cache
from qsklearn.samplers._embeddings import (
    Embedding,
    check_embedding,
    find_embedding,
    find_parallel_embeddings,
)
from qsklearn.samplers._target_graph import EmbeddingError, as_target, working_graph


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_embedding_cache, "_memory", _embedding_cache.OrderedDict())
    return tmp_path / "embeddings"


def with_defects(graph, seed=1):
    rng = np.random.default_rng(seed)
    graph = graph.copy()
    graph.remove_nodes_from(rng.choice(sorted(graph), len(graph) // 30, replace=False).tolist())
    graph.remove_edges_from([edge for edge in list(graph.edges) if rng.random() < 0.01])
    return graph


DEVICES = {
    "chimera": nx.freeze(dwave.graphs.chimera_graph(6)),
    "pegasus": nx.freeze(dwave.graphs.pegasus_graph(4)),
    "zephyr": nx.freeze(dwave.graphs.zephyr_graph(3)),
    "chimera-defects": nx.freeze(with_defects(dwave.graphs.chimera_graph(6))),
    "pegasus-defects": nx.freeze(with_defects(dwave.graphs.pegasus_graph(4))),
    "zephyr-defects": nx.freeze(with_defects(dwave.graphs.zephyr_graph(3))),
    # With diagonals, because nothing but planar graphs fits a planar one.
    "grid": nx.freeze(
        nx.convert_node_labels_to_integers(
            nx.strong_product(nx.path_graph(12), nx.path_graph(12)), 1000
        )
    ),
}


LEAVES = [(0, 6), (0, 7), (5, 8), (5, 9)]  # two at each end of a path


def biclique(n_left, n_right):
    return [(i, n_left + j) for i in range(n_left) for j in range(n_right)]


def clique(n_spins):
    return list(itertools.combinations(range(n_spins), 2))


PROBLEMS = {
    "no spin": (0, []),
    "no edge": (5, []),
    "pair": (2, [(1, 0)]),
    "star": (20, [(3, ray) for ray in range(4, 20)]),
    "triangle": (3, clique(3)),
    "K5 and three loose": (8, [(a + 1, b + 1) for a, b in clique(5)]),
    "K(8,3)": (11, biclique(8, 3)),
    "cycle": (24, [(i, (i + 1) % 24) for i in range(24)]),
    "two stars": (14, [(0, j) for j in range(1, 7)] + [(7, j) for j in range(8, 14)]),
    "twice the same edge": (3, [(0, 1), (1, 0), (1, 2)]),
}


def source_of(n_spins, edges):
    graph = nx.empty_graph(n_spins)
    graph.add_edges_from(edges)
    return graph


def verify(embedding, n_spins, edges, device):
    assert len(embedding.chains) == n_spins
    assert n_spins == 0 or verify_embedding(embedding.to_dict(), source_of(n_spins, edges), device)
    assert all(list(chain) == sorted(chain) for chain in embedding.chains)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("device", DEVICES)
def test_every_problem_on_every_device(problem, device):
    (n_spins, edges), device = PROBLEMS[problem], DEVICES[device]
    embedding = find_embedding(n_spins, edges, device)
    verify(embedding, n_spins, edges, device)
    assert embedding.seconds > 0
    again = find_embedding(n_spins, edges, device)
    assert again == Embedding(embedding.chains, embedding.embedding_id, "cache", 0.0)
    anew = find_embedding(n_spins, edges, device, cache=False)
    assert anew.chains == embedding.chains


@pytest.mark.parametrize(
    "problem", ["no spin", "no edge", "star", "triangle", "K(8,3)", "cycle", "two stars"]
)
@pytest.mark.parametrize("device", ["chimera-defects", "pegasus", "zephyr", "grid"])
def test_parallel_embeddings_are_disjoint(problem, device):
    (n_spins, edges), device = PROBLEMS[problem], DEVICES[device]
    embeddings = find_parallel_embeddings(n_spins, edges, device)
    for embedding in embeddings:
        verify(embedding, n_spins, edges, device)
    taken = [qubit for e in embeddings for chain in e.chains for qubit in chain]
    assert len(set(taken)) == len(taken)
    assert len({e.embedding_id for e in embeddings}) == len(embeddings)
    again = find_parallel_embeddings(n_spins, edges, device)
    assert [e.chains for e in again] == [e.chains for e in embeddings]
    assert {e.source for e in again} == {"cache"}


@pytest.mark.parametrize(
    ("problem", "source", "at_least"),
    [("star", "star", 8), ("triangle", "clique", 15), ("cycle", "minorminer", 4)],
)
def test_how_many_fit_beside_each_other(problem, source, at_least):
    # 264 qubits; at least half of what the numbers of spins alone would allow for the star.
    n_spins, edges = PROBLEMS[problem]
    embeddings = find_parallel_embeddings(n_spins, edges, DEVICES["pegasus"])
    assert {e.source for e in embeddings} == {source}
    assert len(embeddings) >= at_least
    few = find_parallel_embeddings(n_spins, edges, DEVICES["pegasus"], max_embeddings=2)
    assert len(few) == 2


@pytest.mark.parametrize(
    ("problem", "source"),
    [
        ("pair", "star"),
        ("star", "star"),
        ("no edge", "star"),
        ("triangle", "clique"),
        ("K(8,3)", "biclique"),
        ("cycle", "minorminer"),
        ("two stars", "minorminer"),
    ],
)
def test_the_method_follows_from_the_problem(problem, source):
    assert find_embedding(*PROBLEMS[problem], DEVICES["pegasus"]).source == source


@pytest.mark.parametrize("method", ["star", "clique", "biclique", "minorminer"])
def test_a_method_asked_for_is_used(method):
    embedding = find_embedding(5, [(2, j) for j in (0, 1, 3, 4)], DEVICES["zephyr"], method=method)
    assert embedding.source == method


@pytest.mark.parametrize("n_spins", range(2, 11))
def test_small_cliques_on_zephyr(n_spins):
    # minorminer 0.2.22 runs out of memory here if asked for one size alone.
    embedding = find_embedding(n_spins, clique(n_spins), DEVICES["zephyr"], method="clique")
    verify(embedding, n_spins, clique(n_spins), DEVICES["zephyr"])


def test_minorminer_is_reproducible_by_seed():
    edges = list(nx.random_regular_graph(3, 30, seed=1).edges)
    found = [
        find_embedding(30, edges, DEVICES["pegasus"], seed=seed, cache=False).chains
        for seed in (4, 4, 5)
    ]
    assert found[0] == found[1] != found[2]


def test_native_problems_need_no_chains():
    device = DEVICES["zephyr"]
    labels = sorted(device)[:40]
    inside = device.subgraph(labels).edges
    edges = [(labels.index(a), labels.index(b)) for a, b in inside]
    embedding = find_embedding(40, edges, device, labels=labels)
    assert (embedding.source, embedding.seconds) == ("native", 0.0)
    assert embedding.chains == tuple((label,) for label in labels)


@pytest.mark.parametrize("labels", [[0, 1], ["a", "b"], [0, 10**30], [0.0, 4.0], [0], None])
def test_labels_that_are_not_the_devices_are_embedded(labels):
    device = dwave.graphs.chimera_graph(1)  # 0 to 3 are coupled to 4 to 7
    assert find_embedding(2, [(0, 1)], device, labels=labels).source == "star"
    with pytest.raises(EmbeddingError, match="not native"):
        find_embedding(2, [(0, 1)], device, labels=labels, method="native")


@pytest.mark.parametrize("method", ["auto", "native", "star"])
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", "a", "b"], "name each spin differently. Got 'a' for 2 spins"),
        ([4, 0, 4], "name each spin differently. Got 4 for 2 spins"),
        (np.array([4, 0, 4]), "name each spin differently"),
        ([[4], [0], [1]], "hashable labels"),
    ],
)
def test_labels_that_collide(labels, says, method):
    device = dwave.graphs.chimera_graph(1)
    with pytest.raises(ValueError, match=f"'labels' parameter of find_embedding must.*{says}"):
        find_embedding(3, [(0, 1), (0, 2)], device, labels=labels, method=method)


# --- what does not fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_spins", "edges", "says"),
    [
        (300, clique(300), r"300 spins and 44850 edges.*264 qubits and \d+ couplers.*"
         r"The largest clique has \d+ spins"),
        (260, [(0, ray) for ray in range(1, 260)], r"The largest star found there has \d+ rays"),
        (140, biclique(120, 20), r"Beside 20 spins of one side fit at most \d+ of the other"),
        (265, [], r"265 spins and 0 edges.*264 qubits"),
    ],
)  # fmt: skip
def test_what_does_not_fit(n_spins, edges, says, folder):
    with pytest.raises(EmbeddingError, match=says) as caught:
        find_embedding(n_spins, edges, DEVICES["pegasus"], timeout=2)
    assert "Try fewer spins" in str(caught.value)
    assert not folder.exists() or list(folder.iterdir()) == []
    with pytest.raises(EmbeddingError):
        find_parallel_embeddings(n_spins, edges, DEVICES["pegasus"], timeout=2)


def test_what_the_error_says_would_fit_does():
    device = DEVICES["pegasus-defects"]
    with pytest.raises(EmbeddingError) as caught:
        find_embedding(250, [(0, ray) for ray in range(1, 250)], device)
    n_rays = int(re.search(r"has (\d+) rays", str(caught.value)).group(1))
    find_embedding(n_rays + 1, [(0, ray) for ray in range(1, n_rays + 1)], device)
    with pytest.raises(EmbeddingError) as caught:
        find_embedding(100, clique(100), device, timeout=1)
    n_most = int(re.search(r"clique has (\d+) spins", str(caught.value)).group(1))
    assert find_embedding(n_most, clique(n_most), device).source == "clique"


def test_loose_spins_need_qubits_too():
    device = nx.star_graph(4)
    assert find_embedding(5, [(0, 1)], device).n_qubits == 5
    with pytest.raises(EmbeddingError, match="6 spins"):
        find_embedding(6, [(0, 1)], device)


@pytest.mark.parametrize("n_spins", [0, 1, 3])
@pytest.mark.parametrize("method", ["auto", "star", "clique", "biclique", "minorminer"])
@pytest.mark.parametrize("device", ["pegasus", "grid"])
def test_spins_without_edges_get_a_qubit_each_by_any_method(n_spins, method, device):
    embedding = find_embedding(n_spins, [], DEVICES[device], method=method)
    verify(embedding, n_spins, [], DEVICES[device])
    assert embedding.n_qubits == n_spins
    copies = find_parallel_embeddings(n_spins, [], DEVICES[device], method=method, max_embeddings=2)
    assert len(copies) == (2 if n_spins else 1)


def test_methods_that_do_not_suit():
    with pytest.raises(EmbeddingError, match="method='star' needs"):
        find_embedding(4, [(0, 1), (2, 3)], DEVICES["pegasus"], method="star")
    with pytest.raises(EmbeddingError, match="method='biclique' needs"):
        find_embedding(3, clique(3), DEVICES["pegasus"], method="biclique")
    with pytest.raises(EmbeddingError, match="Tried: clique"):
        find_embedding(3, clique(3), DEVICES["grid"], method="clique")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n_spins": -1}, "'n_spins'"),
        ({"n_spins": 2.0}, "'n_spins'"),
        ({"n_spins": 2**25}, "'n_spins' must be at most 16777216. Got 33554432"),
        ({"edges": [(0, 1, 2)]}, "'edges' must be integers of shape"),
        ({"edges": [(0, 1), (2,)]}, "'edges' must be integers of shape"),
        ({"edges": [(0.0, 1.0)]}, "'edges' must be integers of shape"),
        ({"edges": [(0, 3)]}, r"range\(3\)"),
        ({"edges": [(-1, 0)]}, r"range\(3\)"),
        ({"edges": [(1, 1)]}, "different spins"),
        ({"method": "magic"}, "'method' must be one of"),
        ({"seed": -1}, "'seed'"),
        ({"seed": None}, "'seed'"),
        ({"timeout": 0}, "'timeout'"),
    ],
)
def test_wrong_arguments(arguments, says):
    arguments = {"n_spins": 3, "edges": [(0, 1)], "target": nx.path_graph(3), **arguments}
    with pytest.raises(ValueError, match=says):
        find_embedding(**arguments)
    with pytest.raises(ValueError, match=says):
        find_parallel_embeddings(**arguments)


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_wrong_numbers_of_copies(value):
    with pytest.raises(ValueError, match="'max_embeddings'"):
        find_parallel_embeddings(2, [(0, 1)], nx.path_graph(3), max_embeddings=value)


def test_a_native_problem_has_no_copies():
    with pytest.raises(ValueError, match="has one place only; use find_embedding"):
        find_parallel_embeddings(2, [(0, 1)], nx.path_graph(3), method="native")


def test_no_time_is_not_enough():
    with pytest.raises(EmbeddingError, match="Tried: minorminer"):
        find_embedding(*PROBLEMS["cycle"], DEVICES["grid"], method="minorminer", timeout=1e-9)


@pytest.mark.parametrize(
    ("n_spins", "edges", "device", "n_copies"),
    [
        # A triangle takes a whole square; the two leave a qubit, and the two triangles none.
        (3, clique(3), nx.disjoint_union_all([nx.cycle_graph(4)] * 2 + [nx.path_graph(1)]), 2),
        (3, clique(3), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)), 2),
        # The first star takes all ten qubits, which are enough for two of another form.
        (5, biclique(1, 4), nx.Graph([*nx.path_graph(6).edges, *LEAVES]), 1),
        # No smaller tile of the device holds it.
        (6, clique(6), dwave.graphs.chimera_graph(2), 1),
    ],
)
def test_copies_end_where_the_device_does(n_spins, edges, device, n_copies):
    found = find_parallel_embeddings(n_spins, edges, device)
    assert len(found) == n_copies
    for embedding in found:
        check_embedding(embedding.chains, n_spins, edges, device)


@pytest.mark.parametrize("method", ["clique", "biclique"])
def test_a_tile_that_the_methods_do_not_know_is_no_fault_of_theirs(method):
    """Of dwave-graphs' busclique, which knows tiles of up to five lines."""
    wide = dwave.graphs.zephyr_graph(1, 6)
    with pytest.raises(EmbeddingError, match=rf"Tried: {method}[.] Try fewer spins"):
        find_embedding(4, biclique(2, 2), wide, method=method)
    assert find_embedding(4, biclique(2, 2), wide, method="minorminer").chains


# --- given chains, graphs of samplers -----------------------------------------------------------


def test_given_chains():
    embedding = check_embedding({1: [3, 2], 0: [1]}, 2, [(0, 1)], nx.path_graph(4))
    assert embedding.source == "given"
    assert embedding.chains == ((1,), (2, 3))
    assert (embedding.max_chain_length, embedding.n_qubits) == (2, 3)
    assert embedding.embedding_id == Embedding.from_chains([(1,), (2, 3)], "x").embedding_id
    assert re.fullmatch("[0-9a-f]{16}", embedding.embedding_id)


@pytest.mark.parametrize(
    ("chains", "says"),
    [
        ([[0], [2]], "no coupler between the chains of spins 0 and 1"),
        ([[0, 2], [1]], "chain of spin 0 is not connected"),
        ([[0, 1], [1]], "qubit 1 is taken twice"),
        ([[0, 0], [1]], "qubit 0 is taken twice"),
        ([[0], []], "chain of spin 1 is empty"),
        ([[0], [7]], "qubit 7 is not on the device"),
        ([[0]], "each spin from 0 to 1"),
        ([[0], [1], [2]], "each spin from 0 to 1"),
        ({0: [0], 2: [1]}, "each spin from 0 to 1"),
        ([[0], ["a"]], "not an integer"),
        ([0, 1], "each spin from 0 to 1"),
    ],
)
def test_given_chains_that_are_wrong(chains, says):
    with pytest.raises(EmbeddingError, match=says):
        check_embedding(chains, 2, [(0, 1)], nx.path_graph(4))


@pytest.mark.parametrize("chains", [[["a"]], [[np.inf]], [0], None])
def test_chains_that_are_no_lists_of_integers(chains):
    with pytest.raises(ValueError, match=r"'chains' parameter of Embedding.from_chains .* Got"):
        Embedding.from_chains(chains, "x")


def test_working_graph_of_lists_alone():
    device = SimpleNamespace(nodelist=[0, 2, 5], edgelist=[(0, 2)])
    graph = working_graph(device)
    assert (sorted(graph), sorted(graph.edges)) == ([0, 2, 5], [(0, 2)])


def test_working_graph_of_samplers():
    mock = MockDWaveSampler(topology_type="pegasus", topology_shape=[3])
    graph = working_graph(mock)
    assert (graph.graph["family"], set(graph)) == ("pegasus", set(mock.nodelist))
    assert find_embedding(6, clique(6), graph).source == "clique"
    assert as_target(mock).key == as_target(graph).key
    device = dimod.StructureComposite(dimod.NullSampler(), [0, 2, 5], [(0, 2)])
    assert sorted(working_graph(device).edges) == [(0, 2)]
    with pytest.raises(TypeError, match="structured sampler.*NullSampler"):
        working_graph(dimod.NullSampler())
    lettered = dimod.StructureComposite(dimod.NullSampler(), ["a", "b"], [("a", "b")])
    with pytest.raises(EmbeddingError, match="labelled by integers. Got 'a'"):
        working_graph(lettered)


def test_a_sampler_in_place_of_its_graph():
    device = dimod.StructureComposite(dimod.NullSampler(), [0, 2, 5], [(0, 2), (2, 5)])
    graph = working_graph(device)
    path = 3, [(0, 1), (1, 2)]
    expected = find_embedding(*path, graph, cache=False).chains
    assert find_embedding(*path, device, cache=False).chains == expected
    assert [e.chains for e in find_parallel_embeddings(*path, device)] == [expected]
    assert check_embedding(expected, *path, device).chains == expected
    for wrong in (dimod.NullSampler(), [(0, 1)], None):
        with pytest.raises(TypeError, match="'target' parameter must be a networkx.Graph.*Got"):
            find_embedding(*path, wrong)


def test_graphs_that_are_equal_share_a_key():
    graph = dwave.graphs.chimera_graph(2)
    shuffled = nx.Graph(**graph.graph)
    shuffled.add_edges_from([(b, a) for a, b in reversed(list(graph.edges))])
    assert as_target(graph).key == as_target(shuffled).key
    plain = nx.Graph(graph.edges)
    assert as_target(plain).key != as_target(graph).key  # cliques need to know the topology
    frozen = nx.freeze(graph.copy())
    assert as_target(frozen) is as_target(frozen)
    with pytest.raises(EmbeddingError, match="no qubit"):
        as_target(nx.Graph())


def test_a_cache_is_used_or_not():
    for find in (find_embedding, find_parallel_embeddings):
        with pytest.raises(ValueError, match="'cache' parameter of find_embedding must be True or"):
            find(2, [(0, 1)], DEVICES["grid"], cache=np.ones(2))
