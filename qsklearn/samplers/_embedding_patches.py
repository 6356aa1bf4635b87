"""Patches of a large device that are small devices of its topology.

A clique or a biclique of few spins needs a corner of the device only, and the tables of what can be
laid where (minorminer's busclique) take milliseconds for a corner, minutes for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._target_graph import Target, as_target

_SMALL = 700  # qubits of a device whose tables take less than half a second
_TRIED = 3  # patches of one size
_COMPARED = 16  # places of one size, of which the patches tried have the most couplers
_GROWTH = 1.2  # from one size to the next, at least by one


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of a device as a device of its own.

    Attributes
    ----------
    target : Target
        With the labels of a perfect small device.
    qubits : dict of int to int
        Label on the whole device of each perfect label.
    """

    target: Target
    qubits: dict[int, int]


def patches_of(target, n_abreast):
    """Yield patches in rising size that may hold `n_abreast` chains side by side.

    Small devices, and those of no known topology, have none.
    """
    if not target.family or target.n_qubits <= _SMALL:
        return
    smallest = 0
    for size in tile_sizes(target):
        if size >= smallest and _n_lines(target, size) >= n_abreast:
            yield from _best_patches(target, size)
            smallest = _GROWTH * size


def tile_sizes(target):
    """Sizes of the topology's devices that are smaller than this one."""
    first_size = 2 if target.family == "pegasus" else 1  # P1 has no qubit
    return range(first_size, min(target.shape[:2]))


def make_tile(target, size):
    """A perfect device of the target's topology."""
    graphs = import_optional("dwave.graphs", "find_embedding")
    width = target.shape[-1]
    if target.family == "chimera":
        return graphs.chimera_graph(size, size, width)
    if target.family == "zephyr":
        return graphs.zephyr_graph(size, width)
    return graphs.pegasus_graph(size)


def _n_lines(target, size):
    """Straight lines of qubits in one direction, each of which makes one chain at most."""
    width = target.shape[-1]
    if target.family == "pegasus":
        return 12 * (size - 1)
    return width * size * (4 if target.family == "zephyr" else 1)


@lru_cache(maxsize=16)
def _best_patches(target, size):
    graphs = import_optional("dwave.graphs", "find_embedding")
    tile = make_tile(target, size)
    mappings = getattr(graphs, f"{target.family}_sublattice_mappings")
    places = list(mappings(tile, target.graph))
    places = places[:: -(-len(places) // _COMPARED)]
    labels = [[place(label) for label in tile] for place in places]
    n_couplers = np.array([_count_couplers(target, row) for row in labels])
    best = np.argsort(-n_couplers, kind="stable")[:_TRIED]
    return tuple(_make_patch(target, tile, labels[i]) for i in best if n_couplers[i])


def _count_couplers(target, labels):
    inside = np.isin(target.qubits, labels)
    from_qubits = np.repeat(np.arange(target.n_qubits), np.diff(target.indptr))
    return np.count_nonzero(inside[from_qubits] & inside[target.indices])


def _make_patch(target, tile, labels):
    """What of a tile works at one place, by the tile's labels."""
    qubits = dict(zip(tile, labels, strict=True))
    patch = tile.copy()
    patch.remove_nodes_from([label for label in tile if qubits[label] not in target.graph])
    patch.remove_edges_from(
        [(a, b) for a, b in patch.edges if not target.graph.has_edge(qubits[a], qubits[b])]
    )
    return Patch(as_target(patch), qubits)
