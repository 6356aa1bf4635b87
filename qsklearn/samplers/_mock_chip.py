"""Specimens of a processor: which qubits and couplers work, and what is wrong with them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NoReturn

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._program_ranges import halves_of_couplers

_NAME = "MockQPUSampler"
_GRAPHS = {"chimera": "chimera_graph", "pegasus": "pegasus_graph", "zephyr": "zephyr_graph"}
# How many sizes a shape has, the smallest that makes a graph, and what they are called.
_SHAPES = {
    "chimera": ((3,), 1, "[m, n, t]"),
    "pegasus": ((1,), 2, "[m]"),
    "zephyr": ((1, 2), 1, "[m] or [m, t]"),
}


@dataclass(frozen=True, eq=False)
class Chip:
    """One specimen of a processor.

    Attributes
    ----------
    device : dwave.system.testing.MockDWaveSampler
        D-Wave's mock of its structure and interface.
    graph : networkx.Graph
        What works, frozen.
    qubit_errors, coupler_errors : dict
        Static errors of each qubit, and of each coupler (a, b) with a < b, in units of their
        standard deviation.
    temperature_error : float
        Of its inverse temperature's logarithm, in units of its standard deviation.
    phases : ndarray of shape (3,)
        Where the course of its temperature begins, in turns.
    """

    device: Any
    graph: Any
    qubit_errors: dict[int, float]
    coupler_errors: dict[tuple[int, int], float]
    temperature_error: float
    phases: np.ndarray

    def errors_of(self, qubits: list[int], edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Static errors of a program's qubits, and of couplers between places in that list."""
        ends = np.sort(np.asarray(qubits, int)[edges], axis=1).tolist()
        return (
            np.array([self.qubit_errors[qubit] for qubit in qubits]),
            np.array([self.coupler_errors[a, b] for a, b in ends]),
        )

    def halves_of(self, qubits: list[int], edges: np.ndarray) -> np.ndarray:
        """The halves of its qubits, 0 or 1, that each coupler is on."""
        halves = self._halves
        ends = np.asarray(qubits, int)[edges].tolist()
        found = [halves[min(a, b), max(a, b)][:: 1 if a < b else -1] for a, b in ends]
        return np.array(found, int).reshape(-1, 2)

    @cached_property
    def _halves(self) -> dict[tuple[int, int], list[int]]:
        couplers = np.array(self.device.edgelist, int).reshape(-1, 2)
        halves = halves_of_couplers(self.graph, couplers).tolist()
        return dict(zip(self.device.edgelist, halves, strict=True))


def make_chip(
    topology_type: str,
    topology_shape,
    qubit_yield: float,
    coupler_yield: float,
    broken_nodes,
    broken_edges,
    number: int,
) -> Chip:
    """The specimen of that number; made once in a process, and not to be changed.

    Parameters
    ----------
    topology_type : {"chimera", "pegasus", "zephyr"}
    topology_shape : sequence of int
    qubit_yield, coupler_yield : float
        Fractions that work; which ones do not is random.
    broken_nodes, broken_edges : iterable or None
        Given, these are all that is broken.
    number : int

    Raises
    ------
    ValueError
        If there is no such graph, or what is broken is not on it.
    """
    named = broken_nodes is not None or broken_edges is not None
    return _make_chip(
        topology_type,
        _check_shape(topology_type, topology_shape),
        1.0 if named else qubit_yield,
        1.0 if named else coupler_yield,
        _list_nodes(broken_nodes),
        _list_edges(broken_edges),
        number,
    )


def _check_shape(topology_type: str, shape) -> tuple[int, ...]:
    lengths, smallest, words = _SHAPES[topology_type]
    sizes = _as_integers(shape)
    if sizes is None or sizes.ndim != 1 or len(sizes) not in lengths or sizes.min() < smallest:
        _refuse(
            "topology_shape",
            f"{words} with topology_type={topology_type!r}, whole numbers from {smallest} on",
            shape,
        )
    return tuple(sizes.tolist())


def _list_nodes(nodes) -> tuple[int, ...]:
    """Qubits in order, of any collection that can be read again in the next call."""
    if nodes is None:
        return ()
    numbers = _as_integers([*_reread(nodes, "broken_nodes")])
    if numbers is None or numbers.ndim != 1:
        _refuse("broken_nodes", "a list of qubits, which are numbers", nodes)
    return tuple(sorted(set(numbers.tolist())))


def _list_edges(edges) -> tuple[tuple[int, int], ...]:
    if edges is None:
        return ()
    pairs = _as_integers([*_reread(edges, "broken_edges")])
    if pairs is None or (len(pairs) and pairs.shape != (len(pairs), 2)):
        _refuse("broken_edges", "a list of pairs of qubits", edges)
    return tuple(sorted({(min(pair), max(pair)) for pair in pairs.tolist()}))


def _as_integers(values) -> np.ndarray | None:
    """An array of them, also of none; None if these are no integers, or ragged."""
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    if array.size == 0:
        return array.astype(int)
    return array if np.issubdtype(array.dtype, np.integer) else None


def _reread(collection, name: str):
    if isinstance(collection, str) or not isinstance(collection, Iterable):
        _refuse(name, "a list", collection)
    if isinstance(collection, Iterator):
        _refuse(name, "a list, which each call can read again", collection)
    return collection


def _refuse(name: str, expected: str, got) -> NoReturn:
    raise ValueError(
        f"The {name!r} parameter of {_NAME} must be {expected}. Got {reprlib.repr(got)} instead."
    )


@lru_cache(maxsize=8)
def _make_chip(type_, shape, qubit_yield, coupler_yield, nodes, edges, number) -> Chip:
    testing = import_optional("dwave.system.testing", _NAME)
    graphs = import_optional("dwave.graphs", _NAME)
    networkx = import_optional("networkx", _NAME)
    rng = np.random.default_rng([number, 1])
    whole = getattr(graphs, _GRAPHS[type_])(*shape)
    if strangers := [node for node in nodes if node not in whole]:
        _refuse("broken_nodes", f"qubits of the {type_} graph {list(shape)}", strangers)
    if strangers := [edge for edge in edges if not whole.has_edge(*edge)]:
        _refuse("broken_edges", f"couplers of the {type_} graph {list(shape)}", strangers)
    n_broken = round(len(whole) * (1 - qubit_yield))
    nodes += tuple(rng.choice(sorted(whole), n_broken, replace=False).tolist())
    whole.remove_nodes_from(nodes)
    couplers = sorted(tuple(sorted(edge)) for edge in whole.edges)
    n_broken = round(len(couplers) * (1 - coupler_yield))
    edges += tuple(couplers[at] for at in rng.choice(len(couplers), n_broken, replace=False))
    device = testing.MockDWaveSampler(
        topology_type=type_,
        topology_shape=list(shape),
        broken_nodes=nodes,
        broken_edges=set(edges),
        parameter_warnings=False,
        exact_solver_cutoff=0,
    )
    qubits = rng.standard_normal(len(device.nodelist)).tolist()
    couplers = rng.standard_normal(len(device.edgelist)).tolist()
    return Chip(
        device,
        networkx.freeze(device.to_networkx_graph()),
        dict(zip(device.nodelist, qubits, strict=True)),
        dict(zip(device.edgelist, couplers, strict=True)),
        float(rng.standard_normal()),
        rng.random(3),
    )
