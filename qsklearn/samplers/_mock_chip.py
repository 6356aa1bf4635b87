"""Specimens of a processor: which qubits and couplers work, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._program_ranges import halves_of_couplers

_GRAPHS = {"chimera": "chimera_graph", "pegasus": "pegasus_graph", "zephyr": "zephyr_graph"}


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
        return np.array([halves[min(a, b), max(a, b)][:: 1 if a < b else -1] for a, b in ends])

    @cached_property
    def _halves(self) -> dict[tuple[int, int], list[int]]:
        couplers = np.array(self.device.edgelist)
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
    """The specimen of that number; made once in a process.

    Parameters
    ----------
    topology_type : {"chimera", "pegasus", "zephyr"}
    topology_shape : sequence of int
    qubit_yield, coupler_yield : float
        Fractions that work; which ones do not is random.
    broken_nodes, broken_edges : iterable or None
        Given, these are all that is broken.
    number : int
    """
    named = broken_nodes is not None or broken_edges is not None
    return _make_chip(
        topology_type,
        tuple(topology_shape),
        1.0 if named else qubit_yield,
        1.0 if named else coupler_yield,
        tuple(broken_nodes or ()),
        tuple(tuple(edge) for edge in broken_edges or ()),
        number,
    )


@lru_cache(maxsize=8)
def _make_chip(type_, shape, qubit_yield, coupler_yield, nodes, edges, number) -> Chip:
    testing = import_optional("dwave.system.testing", "MockQPUSampler")
    graphs = import_optional("dwave.graphs", "MockQPUSampler")
    networkx = import_optional("networkx", "MockQPUSampler")
    rng = np.random.default_rng([number, 1])
    whole = getattr(graphs, _GRAPHS[type_])(*shape)
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
