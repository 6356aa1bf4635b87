"""Graphs of latent units: the chips' patches, other graphs, groups."""

import subprocess
import sys

import dwave.graphs
import networkx as nx
import numpy as np
import pytest

from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import (
    _QUBITS,
    _SMALLEST,
    MAPPINGS,
    TOPOLOGIES,
    is_graph_of,
    make_latent_graph,
)
from qsklearn.samplers import MockQPUSampler, working_graph

CHIPS = {"chimera": ([2, 3, 4], 48), "pegasus": ([2], 40), "zephyr": ([1, 4], 48)}


@pytest.mark.parametrize(
    ("topology", "n_latent", "n_edges"),
    [
        ("chimera", 128, 352),  # C4, all of it
        ("chimera", 288, 816),  # the paper's C6
        ("pegasus", 128, 704),  # P3
        ("zephyr", 160, 1224),  # Z2
        ("rbm", 128, 4096),
        ("full", 10, 45),
        ("bernoulli", 5, 0),
    ],
)
def test_sizes(topology, n_latent, n_edges):
    graph = make_latent_graph(topology, n_latent)
    assert (graph.n_latent, graph.n_edges) == (n_latent, n_edges)
    assert graph.topology == topology


@pytest.mark.parametrize("topology", ["chimera", "pegasus", "zephyr"])
@pytest.mark.parametrize("n_latent", [1, 5, 30, 100, 150])
def test_patches_are_parts_of_the_chip(topology, n_latent):
    graph = make_latent_graph(topology, n_latent)
    sizes = range(1 if topology != "pegasus" else 2, 6)
    chips = (getattr(dwave.graphs, f"{topology}_graph")(size) for size in sizes)
    chip = next(chip for chip in chips if len(chip) >= n_latent)
    part = chip.subgraph(graph.nodes.tolist())
    assert part.number_of_nodes() == n_latent
    assert {frozenset(graph.nodes[edge].tolist()) for edge in graph.edges} == {
        frozenset(edge) for edge in part.edges
    }
    assert (np.diff(graph.nodes) > 0).all()
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()


def test_patches_are_dense():
    graph = make_latent_graph("zephyr", 128)
    assert graph.n_edges > 950  # the notes' greedy patch has 968
    assert nx.is_connected(nx.Graph(graph.edges.tolist()))


def test_patches_are_the_same_in_every_process():
    script = (
        "from qsklearn.neural_network._boltzmann_prior_vae import _latent_graph\n"
        "graph = _latent_graph.make_latent_graph('zephyr', 100)\n"
        "print(graph.nodes.sum(), (graph.edges * [1, 3]).sum(), graph.groups.sum())"
    )
    graph = make_latent_graph("zephyr", 100)
    expected = [graph.nodes.sum(), (graph.edges * [1, 3]).sum(), graph.groups.sum()]
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "77", "PATH": ""},
    )  # fmt: skip
    assert [int(number) for number in run.stdout.split()] == expected


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_groups_are_two_of_about_equal_size(topology, mapping):
    graph = make_latent_graph(topology, 64, mapping)
    assert set(graph.groups.tolist()) == {0, 1}
    assert 24 <= graph.groups.sum() <= 40


def test_chimeras_bipartition_and_chains():
    bipartite, chains = (make_latent_graph("chimera", 128, mapping) for mapping in MAPPINGS[::-1])
    first, second = bipartite.edges.T
    assert (bipartite.groups[first] != bipartite.groups[second]).all()
    # Couplers between cells run along qubits of one orientation: 4 x 4 cells, 24 x 4 of them.
    assert (chains.groups[first] == chains.groups[second]).sum() == 96


def test_a_graph_keeps_its_labels_and_its_bipartition():
    given = nx.Graph([("b", "x"), ("a", "x"), ("a", "y")])
    graph = make_latent_graph(given, 4)
    assert graph.nodes.tolist() == list(given.nodes)
    sides = dict(zip(graph.nodes, graph.groups.tolist(), strict=True))
    assert sides["a"] == sides["b"] != sides["x"] == sides["y"]


def test_a_graph_that_is_not_bipartite_has_halves_and_isolated_nodes_are_fine():
    triangle = nx.complete_graph(3)
    triangle.add_node(7)
    graph = make_latent_graph(triangle, 4)
    assert graph.groups.tolist() == [0, 0, 1, 1]
    assert graph.n_edges == 3


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_directions_and_repeated_edges_and_loops_do_not_count(kind):
    given = kind([(0, 1), (1, 0), (0, 1), (2, 1), (2, 2), (3, 0)])
    graph = make_latent_graph(given, 4)
    assert graph.edges.tolist() == [[0, 1], [0, 3], [1, 2]]
    simple = make_latent_graph(nx.Graph(given), 4)
    np.testing.assert_array_equal(graph.edges, simple.edges)
    np.testing.assert_array_equal(graph.groups, simple.groups)


def test_independent_units_take_no_pairs():
    graph = make_latent_graph("bernoulli", 1_000_000)
    assert graph.edges.shape == (0, 2) and graph.groups.sum() == 500_000


@pytest.mark.parametrize("topology", ["rbm", "full", *CHIPS])
def test_a_graph_beyond_the_memory_is_refused_before_it_is_made(topology):
    n_latent = 10_000_000 if topology in ("rbm", "full") else 10**9
    with pytest.raises(MemoryError, match=f"n_latent={n_latent} and topology='{topology}' would"):
        make_latent_graph(topology, n_latent)


@pytest.mark.parametrize("topology", CHIPS)
def test_sizes_of_chips_are_known_before_they_are_made(topology):
    make = getattr(dwave.graphs, f"{topology}_graph")
    for size in range(_SMALLEST[topology], 6):
        assert len(make(size)) == _QUBITS[topology](size)
    assert topology != "pegasus" or _QUBITS[topology](1) == 0


@pytest.mark.parametrize(
    "topology", [*TOPOLOGIES, nx.path_graph(20), nx.DiGraph(nx.cycle_graph(20))]
)
def test_a_graph_is_known_again(topology):
    graph = make_latent_graph(topology, 20)
    assert is_graph_of(topology, graph)
    others = [*TOPOLOGIES, "ring", None, nx.path_graph(19), nx.star_graph(19), nx.Graph]
    assert not any(is_graph_of(other, graph) for other in others if other is not topology)


def make_chip(topology):
    """A device's working graph with three qubits and five couplers broken, and the whole one."""
    shape, n_qubits = CHIPS[topology]
    whole = MockQPUSampler(
        "ideal", topology_type=topology, topology_shape=shape, broken_nodes=(), broken_edges=()
    )
    assert len(whole.nodelist) == n_qubits
    broken_nodes = [whole.nodelist[at] for at in (0, 9, 21)]
    couplers = [edge for edge in whole.edgelist if not set(edge) & set(broken_nodes)]
    defect = MockQPUSampler(
        "ideal", topology_type=topology, topology_shape=shape,
        broken_nodes=broken_nodes, broken_edges=couplers[::13][:5],
    )  # fmt: skip
    return working_graph(defect), working_graph(whole)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("topology", CHIPS)
def test_patches_of_a_device_are_of_its_working_qubits_and_couplers(topology, mapping):
    chip, whole = make_chip(topology)
    n_working = len(whole) - 3
    for n_latent in (1, 8, 20, n_working):
        graph = make_latent_graph(topology, n_latent, mapping, chip)
        nodes = graph.nodes.tolist()
        assert nodes == sorted(set(nodes)) and len(nodes) == n_latent
        assert {frozenset(graph.nodes[edge].tolist()) for edge in graph.edges} == {
            frozenset(edge) for edge in chip.subgraph(nodes).edges
        }
        # Groups go by the qubit alone, whatever is broken.
        size = len(whole)
        perfect = make_latent_graph(topology, size, mapping, whole)
        sides = dict(zip(perfect.nodes.tolist(), perfect.groups.tolist(), strict=True))
        assert graph.groups.tolist() == [sides[node] for node in nodes]
    assert set(nodes) == set(chip.nodes)


@pytest.mark.parametrize("topology", CHIPS)
def test_a_device_with_fewer_working_qubits_than_units_is_refused(topology):
    chip, whole = make_chip(topology)
    n_working = len(whole) - 3
    message = f"'n_latent' parameter .* at most {n_working}, .* Got {n_working + 1} instead"
    with pytest.raises(ValueError, match=message):
        make_latent_graph(topology, n_working + 1, chip=chip)


def test_a_device_of_another_topology_leaves_the_patch_as_it_is():
    chip, _ = make_chip("pegasus")
    plain = make_latent_graph("chimera", 20)
    for topology, other in (("chimera", chip), ("rbm", chip), ("bernoulli", chip)):
        on_device = make_latent_graph(topology, 20, chip=other)
        np.testing.assert_array_equal(on_device.edges, make_latent_graph(topology, 20).edges)
    np.testing.assert_array_equal(make_latent_graph("chimera", 20, chip=chip).nodes, plain.nodes)


def test_qubits_without_working_couplers_are_units_without_couplings():
    chip = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[1, 1, 4], broken_nodes=(),
        broken_edges=[(0, 4), (0, 5), (0, 6), (0, 7)],
    )  # fmt: skip
    graph = make_latent_graph("chimera", 8, chip=working_graph(chip))
    assert graph.nodes.tolist() == list(range(8))
    assert graph.n_edges == 12 and 0 not in graph.edges


@pytest.mark.parametrize(
    ("topology", "n_latent", "message"),
    [
        ("ring", 4, "'topology' parameter .* Got 'ring' instead"),
        (7, 4, "or a networkx graph. Got 7 instead"),
        (nx.Graph, 4, "must be a graph, not a class. Got Graph instead; give .*path_graph.4"),
        (nx.path_graph(3), 4, "'n_latent' parameter .* must be the number of nodes .* 3. Got 4"),
    ],
)
def test_what_is_no_topology_is_refused(topology, n_latent, message):
    with pytest.raises(ValueError, match=message):
        make_latent_graph(topology, n_latent)
