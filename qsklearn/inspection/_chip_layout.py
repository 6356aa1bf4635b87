"""Where the qubits of a chip's graph are drawn, and which of them do not work."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from qsklearn._optional import import_optional

_FAMILIES = ("chimera", "pegasus", "zephyr")
_OF_NEIGHBOUR, _OF_SHARE = 0.95, 0.4
_MAX_KAMADA_KAWAI = 200  # nodes of an unknown graph; the method's time grows with their cube


def read_graph(target, caller):
    """The graph of a chip, or of a sampler that has one.

    Parameters
    ----------
    target : networkx.Graph or dimod.Sampler
        A structured sampler, with ``to_networkx_graph`` or with ``nodelist`` and ``edgelist``.
    caller : str
        The public method, for the error.

    Returns
    -------
    graph : networkx.Graph

    Raises
    ------
    ValueError
        If it is neither, or has no qubit.
    """
    networkx = import_optional("networkx", caller)
    graph = target
    if not isinstance(target, networkx.Graph):
        if hasattr(target, "to_networkx_graph"):
            graph = target.to_networkx_graph()
        elif hasattr(target, "nodelist") and hasattr(target, "edgelist"):
            graph = networkx.Graph()
            graph.add_nodes_from(target.nodelist)
            graph.add_edges_from(target.edgelist)
    if not isinstance(graph, networkx.Graph) or len(graph) == 0:
        got = "a graph without qubits" if isinstance(graph, networkx.Graph) else type(target)
        raise ValueError(
            f"The 'target_graph' parameter of {caller} must be a networkx.Graph with qubits, or a "
            f"structured dimod.Sampler. Got {getattr(got, '__name__', got)} instead."
        )
    return graph


def lay_out(graph, caller):
    """Places of the qubits, and those that a whole chip would have besides.

    Parameters
    ----------
    graph : networkx.Graph
        Of dwave-graphs, whose attributes tell its family, else any other.
    caller : str
        The public method, for the error.

    Returns
    -------
    positions : dict of qubit to ndarray of shape (2,)
        Of the qubits of the graph and of the dead ones.
    dead : list
        Qubits of the whole chip that the graph lacks; none of an unknown family.
    """
    family = graph.graph.get("family")
    if family not in _FAMILIES:
        return _lay_out_unknown(graph, caller), []
    graphs = import_optional("dwave.graphs", caller)
    whole = _make_whole(graphs, graph, family)
    dead = [qubit for qubit in whole if qubit not in graph]
    if family == "pegasus" and any(qubit not in whole for qubit in graph):
        # Its graph may have qubits at the rim that are coupled to few others, and on no chip.
        whole = _make_whole(graphs, graph, family, fabric_only=False)
    if any(qubit not in whole for qubit in graph):
        return _lay_out_unknown(graph, caller), []
    return getattr(graphs, f"{family}_layout")(whole), dead


def _make_whole(graphs, graph, family, **arguments):
    """The chip with nothing missing, by the labels of the graph."""
    about, labels = graph.graph, graph.graph.get("labels")
    if labels == "nice":
        return graphs.pegasus_graph(about["rows"], nice_coordinates=True)
    arguments["coordinates"] = labels == "coordinate"
    if family == "chimera":
        return graphs.chimera_graph(about["rows"], about["columns"], about["tile"], **arguments)
    if family == "zephyr":
        return graphs.zephyr_graph(about["rows"], about["tile"], **arguments)
    offsets = list(about["vertical_offsets"]), list(about["horizontal_offsets"])
    return graphs.pegasus_graph(about["rows"], offset_lists=offsets, **arguments)


def _lay_out_unknown(graph, caller):
    networkx = import_optional("networkx", caller)
    if len(graph) <= _MAX_KAMADA_KAWAI:
        return networkx.kamada_kawai_layout(graph)
    return networkx.spring_layout(graph, seed=0)


def find_room(places):
    """The width that each qubit may take: less than to its neighbour, and than its share of all.

    Parameters
    ----------
    places : ndarray of shape (n_qubits, 2)

    Returns
    -------
    room : float
        In the units of the places.
    """
    if len(places) == 1:
        return 0.5
    nearest = np.median(cKDTree(places).query(places, k=2)[0][:, 1])
    share = np.ptp(places, axis=0).max() / np.sqrt(len(places))
    return float(min(_OF_NEIGHBOUR * nearest, _OF_SHARE * share))
