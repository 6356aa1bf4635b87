"""The graph of a device, with what the embeddings need of it made once."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from hashlib import blake2b
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse

from qsklearn._optional import import_optional

_FAMILIES = ("chimera", "pegasus", "zephyr")
_TARGETS: weakref.WeakKeyDictionary[Any, Target] = weakref.WeakKeyDictionary()
_TARGETS_LOCK = threading.Lock()


class EmbeddingError(ValueError):
    """A problem does not fit a device's graph, or chains given for it are wrong.

    Examples
    --------
    >>> import networkx as nx
    >>> from qsklearn.samplers import find_embedding
    >>> triangle = [(0, 1), (1, 2), (0, 2)]
    >>> find_embedding(3, triangle, nx.path_graph(4))
    Traceback (most recent call last):
        ...
    qsklearn.samplers._target_graph.EmbeddingError: A problem of 3 spins and 3 edges was not ...
    """


@dataclass(frozen=True, eq=False)
class Target:
    """A device's graph as arrays, and its key in the cache.

    Attributes
    ----------
    graph : networkx.Graph
    qubits : ndarray of shape (n_qubits,), int64
        Labels in rising order; the arrays below count positions in it.
    indptr, indices : ndarray of int32
        Compressed rows of the symmetric adjacency, each row sorted.
    family : str
        ``"chimera"``, ``"pegasus"`` or ``"zephyr"`` with its integer labels, else ``""``.
    shape : tuple of int
        Rows, columns and tile of a known family.
    key : str
        Hash of family, shape, qubits and couplers.
    """

    graph: Any = field(repr=False)
    qubits: np.ndarray = field(repr=False)
    indptr: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)
    family: str
    shape: tuple[int, ...]
    key: str

    @property
    def n_qubits(self):
        """Qubits that work."""
        return len(self.qubits)

    @property
    def n_couplers(self):
        """Couplers that work."""
        return len(self.indices) // 2

    @property
    def topology(self):
        """Family and shape in a form for file names; working graphs of one topology share it."""
        return "-".join([self.family or "graph", *map(str, self.shape)])

    def without(self, qubits):
        """The target less some qubits, given by their labels."""
        rest = set(self.qubits.tolist()).difference(qubits)
        networkx = import_optional("networkx", "Target")
        return _make_target(networkx.freeze(self.graph.subgraph(rest).copy()))


def as_target(graph: Any) -> Target:
    """Arrays and key of a graph, made once for a frozen one.

    Parameters
    ----------
    graph : networkx.Graph, Target or dimod.Sampler
        With integer labels; of a structured sampler, what `working_graph` makes of it. A graph
        that ``networkx.freeze`` made unchangeable, as `working_graph` does, is read once; another
        one is read at each call (tens of milliseconds for 40 000 couplers).

    Returns
    -------
    target : Target

    Raises
    ------
    EmbeddingError
        If a label is not an integer, or the graph has no qubit.
    TypeError
        If `graph` is none of these.

    Examples
    --------
    >>> import networkx as nx
    >>> from qsklearn.samplers._target_graph import as_target
    >>> as_target(nx.path_graph(3)).n_couplers
    2
    """
    if isinstance(graph, Target):
        return graph
    networkx = import_optional("networkx", "find_embedding")
    if not isinstance(graph, networkx.Graph):
        graph = _graph_of_sampler(graph)
    if not networkx.is_frozen(graph):
        return _make_target(graph)
    with _TARGETS_LOCK:
        if graph not in _TARGETS:
            # A copy, because a value that held its own key would never be let go.
            _TARGETS[graph] = _make_target(networkx.freeze(graph.copy()))
        return _TARGETS[graph]


def _graph_of_sampler(sampler):
    try:
        return working_graph(sampler)
    except TypeError as error:
        raise TypeError(
            "The 'target' parameter must be a networkx.Graph, a Target or a structured sampler. "
            f"Got {type(sampler).__name__} instead."
        ) from error


def _make_target(graph):
    _check_labels(graph)
    qubits = np.array(sorted(graph), dtype=np.int64)
    couplers = np.array([(a, b) for a, b in graph.edges if a != b], dtype=np.int64)
    ends = np.searchsorted(qubits, couplers.reshape(-1, 2))
    rows, columns = np.concatenate([ends, ends[:, ::-1]]).T
    adjacency = scipy.sparse.csr_array(
        (np.ones(len(rows), np.int8), (rows, columns)), shape=(len(qubits),) * 2
    )
    adjacency.sum_duplicates()  # sorts the rows too, so equal graphs have equal arrays
    indptr, indices = adjacency.indptr.astype(np.int32), adjacency.indices.astype(np.int32)
    for array in (qubits, indptr, indices):
        array.setflags(write=False)
    family, shape = _family_and_shape(graph.graph)
    digest = blake2b(repr((family, shape, len(qubits))).encode(), digest_size=16)
    for array in (qubits, indptr, indices):
        digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
    return Target(graph, qubits, indptr, indices, family, shape, digest.hexdigest())


def _check_labels(graph):
    wrong = [q for q in graph if not isinstance(q, Integral) or isinstance(q, bool)]
    if wrong:
        raise EmbeddingError(
            "The qubits of a device's graph must be labelled by integers. Got "
            f"{wrong[0]!r} instead. Make the graph with coordinates=False, or relabel it by "
            "networkx.convert_node_labels_to_integers."
        )
    if not len(graph):
        raise EmbeddingError("The device's graph has no qubit, so nothing can be embedded.")


def _family_and_shape(attributes):
    if attributes.get("family") not in _FAMILIES or attributes.get("labels") != "int":
        return "", ()
    return attributes["family"], tuple(int(attributes[k]) for k in ("rows", "columns", "tile"))


def working_graph(sampler: Any) -> Any:
    """Graph of the qubits and couplers that work on a structured sampler.

    Call it once for a sampler and keep the graph: embeddings recognise it.

    Parameters
    ----------
    sampler : dimod.Sampler
        Structured: has ``nodelist`` and ``edgelist``, or ``to_networkx_graph`` (D-Wave's samplers
        and their mock, whose graphs carry the topology that cliques and bicliques need).

    Returns
    -------
    graph : networkx.Graph
        Frozen, with the topology among its attributes where it is known.

    Raises
    ------
    TypeError
        If the sampler has no graph.
    EmbeddingError
        If a qubit's label is not an integer, or there is none.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import working_graph
    >>> device = dimod.StructureComposite(dimod.NullSampler(), [0, 1, 2], [(0, 1), (1, 2)])
    >>> working_graph(device).number_of_edges()
    2
    """
    networkx = import_optional("networkx", "working_graph")
    if hasattr(sampler, "to_networkx_graph"):
        graph = sampler.to_networkx_graph()
    elif hasattr(sampler, "nodelist") and hasattr(sampler, "edgelist"):
        graph = networkx.Graph()
        graph.add_nodes_from(sampler.nodelist)
        graph.add_edges_from(sampler.edgelist)
    else:
        raise TypeError(
            "The 'sampler' parameter of working_graph must be a structured sampler, with a "
            f"nodelist and an edgelist. Got {type(sampler).__name__} instead."
        )
    _check_labels(graph)
    return networkx.freeze(graph)
