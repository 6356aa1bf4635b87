"""The graph of a Boltzmann machine prior: which latent units are coupled, and how they are grouped.

Patches of a chip's graph are found in a way that is the same in every process, and are stored with
the model: labels of qubits, edges and groups.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from qsklearn._memory import check_memory
from qsklearn._optional import import_optional

CHIPS = ("chimera", "pegasus", "zephyr")
TOPOLOGIES = (*CHIPS, "rbm", "full", "bernoulli")
MAPPINGS = ("chains", "bipartite")
# Qubits of a chip by its size, and the smallest size that has any.
_QUBITS = {
    "chimera": lambda size: 8 * size**2,
    "pegasus": lambda size: 8 * (3 * size - 1) * (size - 1),
    "zephyr": lambda size: 16 * size * (2 * size + 1),
}
_SMALLEST = {"chimera": 1, "pegasus": 2, "zephyr": 1}
# A coupling's positions, both its directions in programs, its weight with Adam's moments; and a
# qubit with its couplers in networkx.
_BYTES_OF_COUPLING, _BYTES_OF_QUBIT = 100, 4000

_CALLER = "QuantumBoltzmannPriorVAE"


@dataclass(frozen=True, eq=False)
class LatentGraph:
    """Latent units with their couplings and the two groups of a hierarchical posterior.

    Parameters
    ----------
    nodes : ndarray of shape (n_latent,)
        Labels: of a chip's graph its qubits, in rising order.
    edges : ndarray of shape (n_edges, 2), int64
        Positions in ``nodes``, the lower one first.
    groups : ndarray of shape (n_latent,), int64
        0 for the units whose posterior knows the data alone, 1 for those that know the former too.
    topology : str
        The name of it, or "graph".
    mapping : {"chains", "bipartite"}, default="chains"
        How groups of a chip's qubits were made.
    """

    nodes: np.ndarray
    edges: np.ndarray
    groups: np.ndarray
    topology: str
    mapping: str = "chains"

    @property
    def n_latent(self):
        """Number of latent units."""
        return len(self.nodes)

    @property
    def n_edges(self):
        """Number of couplings."""
        return len(self.edges)


def make_latent_graph(topology, n_latent, mapping="chains", chip=None):
    """The graph that a name, or a graph itself, stands for.

    Parameters
    ----------
    topology : str, networkx.Graph or LatentGraph
        ``"chimera"``, ``"pegasus"``, ``"zephyr"``: a patch of a chip's graph; ``"rbm"``: two halves
        that are all coupled with each other; ``"full"``: all pairs; ``"bernoulli"``: none; or the
        graph itself, of which directions, repeated edges, loops and weights do not count. A
        LatentGraph, of an earlier training, is returned as it is.
    n_latent : int
        Units; of a graph its nodes.
    mapping : {"chains", "bipartite"}, default="chains"
        Groups by the orientation of a chip's qubits, or by the parity of their coordinates, which
        on Chimera leaves no coupling within a group. Other graphs have the two sides of their
        bipartition where there is one, else the first and the second half of their units.
    chip : networkx.Graph, default=None
        Working graph of a device. A patch of the topology that it says it has is taken of it, so
        that each unit is one of its qubits.

    Returns
    -------
    graph : LatentGraph

    Raises
    ------
    ImportError
        If a chip's graph is asked for without dwave-graphs.
    MemoryError
        If there are more couplings than the machine can hold.
    ValueError
        If the name is unknown, a graph has another number of nodes, or a device too few qubits.
    """
    if isinstance(topology, LatentGraph):
        return topology
    if not isinstance(topology, str):
        return _from_networkx(topology, n_latent, mapping)
    if topology not in TOPOLOGIES:
        raise ValueError(
            f"The 'topology' parameter of {_CALLER} must be one of {list(TOPOLOGIES)} or a "
            f"networkx graph. Got {topology!r} instead."
        )
    if topology in CHIPS:
        return _from_chip(topology, n_latent, mapping, chip)
    nodes = np.arange(n_latent)
    groups = (nodes >= (n_latent + 1) // 2).astype(np.int64)
    return LatentGraph(nodes, _pairs(topology, groups), groups, topology, mapping)


def is_graph_of(topology, graph):
    """Whether a graph is what a topology stands for, whatever qubits of a device have gone since.

    Parameters
    ----------
    topology : object
    graph : LatentGraph

    Returns
    -------
    is_graph_of : bool
    """
    if isinstance(topology, str):
        return topology == graph.topology
    try:
        given = make_latent_graph(topology, graph.n_latent)
    except ValueError:
        return False
    same_nodes = given.nodes.tolist() == graph.nodes.tolist()
    return same_nodes and np.array_equal(given.edges, graph.edges)


def _pairs(topology, groups):
    """Edges of a graph that is no chip's, as rising pairs in rising order."""
    n_latent, n_first = len(groups), int((groups == 0).sum())
    if topology == "bernoulli":
        return np.empty((0, 2), dtype=np.int64)
    n_edges = n_latent * (n_latent - 1) // 2
    if topology == "rbm":
        n_edges = n_first * (n_latent - n_first)
    _check_size(n_edges * _BYTES_OF_COUPLING, topology, n_latent)
    if topology == "full":
        return np.column_stack(np.triu_indices(n_latent, 1)).astype(np.int64)
    first, second = np.arange(n_first), np.arange(n_first, n_latent)
    pairs = [np.repeat(first, len(second)), np.tile(second, n_first)]
    return np.column_stack(pairs).astype(np.int64)


def _check_size(n_bytes, topology, n_latent):
    check_memory(
        n_bytes,
        f"A prior of {_CALLER} with n_latent={n_latent} and topology={topology!r}",
        "Lower n_latent, or take a topology of fewer couplings.",
    )


def _from_chip(topology, n_latent, mapping, chip):
    graphs = import_optional("dwave.graphs", f"topology={topology!r} of {_CALLER}")
    if chip is None or chip.graph.get("family") != topology:
        size = _SMALLEST[topology]
        while _QUBITS[topology](size) < n_latent:
            size += 1
        _check_size(_QUBITS[topology](size) * _BYTES_OF_QUBIT, topology, n_latent)
        chip = getattr(graphs, f"{topology}_graph")(size)
    if len(chip) < n_latent:
        raise ValueError(
            f"The 'n_latent' parameter of {_CALLER} must be at most {len(chip)}, the qubits that "
            f"work on the device. Got {n_latent} instead."
        )
    nodes = np.array(sorted(_densest_patch(chip, n_latent)), dtype=np.int64)
    edges = _edges_between(nodes.tolist(), chip.edges)
    to_coordinates = _coordinates(graphs, topology, chip.graph)
    groups = [_group(topology, to_coordinates(node), mapping) for node in nodes.tolist()]
    return LatentGraph(nodes, edges, np.array(groups, dtype=np.int64), topology, mapping)


def _coordinates(graphs, topology, sizes):
    """From a qubit's number to its coordinates."""
    shape = {
        "chimera": ("rows", "columns", "tile"),
        "pegasus": ("rows",),
        "zephyr": ("rows", "tile"),
    }[topology]
    coordinates = getattr(graphs, f"{topology}_coordinates")(*(sizes[name] for name in shape))
    return getattr(coordinates, f"linear_to_{topology}")


def _densest_patch(graph, n_nodes):
    """Nodes that are left when those of the fewest neighbours go, of equal ones the last label."""
    degrees = dict(graph.degree())
    queue = [(degree, -node) for node, degree in degrees.items()]
    heapq.heapify(queue)
    while len(degrees) > n_nodes:
        degree, node = heapq.heappop(queue)
        if degrees.get(-node) != degree:
            continue  # it is gone already, or has lost a neighbour since
        del degrees[-node]
        for neighbour in graph[-node]:
            if neighbour in degrees:
                degrees[neighbour] -= 1
                heapq.heappush(queue, (degrees[neighbour], -neighbour))
    return degrees


def _edges_between(nodes, edges):
    """Edges within some nodes, as rising pairs of their positions."""
    place = {node: at for at, node in enumerate(nodes)}
    # A set, as directed graphs may have both directions, and multigraphs an edge several times.
    pairs = {
        (min(place[a], place[b]), max(place[a], place[b]))
        for a, b, *_ in edges
        if a in place and b in place and a != b
    }
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _group(topology, coordinates, mapping):
    if topology == "chimera":
        row, column, orientation, _ = coordinates
        return orientation if mapping == "chains" else (row + column + orientation) % 2
    orientation, *rest = coordinates
    return orientation if mapping == "chains" else (orientation + sum(rest)) % 2


def _from_networkx(graph, n_latent, mapping):
    if isinstance(graph, type):
        raise ValueError(
            f"The 'topology' parameter of {_CALLER} must be a graph, not a class. Got "
            f"{graph.__name__} instead; give one with {n_latent} nodes, such as "
            f"networkx.path_graph({n_latent})."
        )
    if not hasattr(graph, "nodes") or not hasattr(graph, "edges"):
        raise ValueError(
            f"The 'topology' parameter of {_CALLER} must be one of {list(TOPOLOGIES)} or a "
            f"networkx graph. Got {graph!r} instead."
        )
    nodes = list(graph.nodes)
    if len(nodes) != n_latent:
        raise ValueError(
            f"The 'n_latent' parameter of {_CALLER} must be the number of nodes of the graph given "
            f"as 'topology', {len(nodes)}. Got {n_latent} instead."
        )
    edges = _edges_between(nodes, graph.edges)
    labels = np.empty(len(nodes), dtype=object)
    labels[:] = nodes
    return LatentGraph(labels, edges, _two_sides(len(nodes), edges), "graph", mapping)


def _two_sides(n_nodes, edges):
    """The sides of a bipartite graph, the first unit of each part on side 0; else two halves."""
    neighbours = [[] for _ in range(n_nodes)]
    for a, b in edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    sides = np.full(n_nodes, -1, dtype=np.int64)
    for start in range(n_nodes):
        if sides[start] >= 0:
            continue
        sides[start], open_nodes = 0, [start]
        while open_nodes:
            node = open_nodes.pop()
            for neighbour in neighbours[node]:
                if sides[neighbour] < 0:
                    sides[neighbour] = 1 - sides[node]
                    open_nodes.append(neighbour)
                elif sides[neighbour] == sides[node]:
                    return (np.arange(n_nodes) >= (n_nodes + 1) // 2).astype(np.int64)
    return sides
