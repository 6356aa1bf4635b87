"""What a recording keeps of a sampler itself, so that it can stand in for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from qsklearn._optional import import_optional
from qsklearn._recordings import RecordingError, RecordingStore, pack, plain, unpack
from qsklearn.samplers._recorded_identity import identity_of, name_of

_ROOM = "samplers"
DOORS = ("sample", "sample_arrays", "sample_levels")
# Lists of a device that repeat its structure.
_QUBITS, _COUPLERS = "qubits", "couplers"


@dataclass(frozen=True, eq=False)
class SourceFacts:
    """What estimators and composites ask a sampler about itself.

    Attributes
    ----------
    identity : dict
    doors : list of str
        Its methods, of those that are recorded.
    parameters, properties : dict
    intents : list of str or None
    draws_one_hot : bool or None
    nodes : ndarray of int of shape (n_qubits,), or None
    edges : ndarray of int of shape (n_couplers, 2), or None
    graph : dict or None
        Attributes of its graph.
    """

    identity: dict[str, Any]
    doors: list[str]
    parameters: dict[str, Any]
    properties: dict[str, Any]
    intents: list[str] | None
    draws_one_hot: bool | None
    nodes: np.ndarray | None
    edges: np.ndarray | None
    graph: dict[str, Any] | None

    @classmethod
    def of_sampler(cls, sampler: Any, identity: dict[str, Any]) -> SourceFacts:
        """Of one that is here, in the form that a recording gives back.

        Raises
        ------
        ValueError
            If its qubits are no integers.
        """
        nodes, edges = _structure(sampler)
        properties = dict(getattr(sampler, "properties", {}))
        graph = None
        if nodes is not None and hasattr(sampler, "to_networkx_graph"):
            graph = plain(dict(sampler.to_networkx_graph().graph))
        intents = getattr(sampler, "intents", None)
        facts = cls(
            identity=plain(identity),
            doors=[name for name in DOORS if hasattr(sampler, name)],
            parameters=plain(dict(sampler.parameters)),
            properties=_without_structure(properties, nodes, edges),
            intents=None if intents is None else sorted(intents),
            draws_one_hot=getattr(sampler, "draws_one_hot", None),
            nodes=nodes,
            edges=edges,
            graph=graph,
        )
        return cls.from_part(*unpack(pack(*facts.to_part())))

    def to_part(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """JSON and arrays."""
        arrays = {}
        if self.nodes is not None and self.edges is not None:
            # Differences of neighbours in the lists are small, and so compress.
            arrays = {
                "nodes": np.diff(self.nodes, prepend=0).astype(np.int32),
                "edges": np.diff(self.edges, axis=0, prepend=0).T.astype(np.int32),
            }
        names = ("identity", "doors", "parameters", "properties", "intents", "draws_one_hot")
        facts = {name: getattr(self, name) for name in names}
        return {"room": _ROOM, **facts, "graph": self.graph}, arrays

    @classmethod
    def from_part(cls, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> SourceFacts:
        """The other way round."""
        own = {name: value for name, value in facts.items() if name != "room"}
        if "nodes" not in arrays:
            return cls(**own, nodes=None, edges=None)
        nodes = np.cumsum(arrays["nodes"], dtype=np.int64)
        edges = np.cumsum(arrays["edges"].T, axis=0, dtype=np.int64)
        return cls(**own, nodes=nodes, edges=edges)

    def has_structure_of(self, other: SourceFacts) -> bool:
        """Whether the same qubits and couplers work."""
        return all(
            (mine is None and its is None)
            or (mine is not None and its is not None and np.array_equal(mine, its))
            for mine, its in ((self.nodes, other.nodes), (self.edges, other.edges))
        )

    @cached_property
    def nodelist(self) -> list[int] | None:
        return None if self.nodes is None else self.nodes.tolist()

    @cached_property
    def edgelist(self) -> list[tuple[int, int]] | None:
        return None if self.edges is None else [(a, b) for a, b in self.edges.tolist()]

    @cached_property
    def adjacency(self) -> dict[int, set[int]]:
        neighbours: dict[int, set[int]] = {node: set() for node in self.nodelist or []}
        for a, b in self.edgelist or []:
            neighbours[a].add(b)
            neighbours[b].add(a)
        return neighbours

    @cached_property
    def networkx_graph(self) -> Any:
        """Frozen, so that embeddings know it again."""
        networkx = import_optional("networkx", "RecordedSampler")
        graph = networkx.Graph(**(self.graph or {}))
        graph.add_nodes_from(self.nodelist or [])
        graph.add_edges_from(self.edgelist or [])
        return networkx.freeze(graph)

    @cached_property
    def all_properties(self) -> dict[str, Any]:
        """Properties, with the lists that repeat the structure."""
        lists = {_QUBITS: self.nodelist, _COUPLERS: [list(edge) for edge in self.edgelist or []]}
        return {n: lists[n] if value == [n] else value for n, value in self.properties.items()}


def _structure(sampler: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    nodes, edges = getattr(sampler, "nodelist", None), getattr(sampler, "edgelist", None)
    if nodes is None or edges is None:
        return None, None
    try:
        found = np.array(list(nodes)), np.array([tuple(edge) for edge in edges]).reshape(-1, 2)
    except ValueError:
        found = np.array([""]), np.empty((0, 2), int)
    is_pairs = found[0].ndim > 1  # labels such as (0, 1), all of one length
    if is_pairs or any(array.size and array.dtype.kind not in "iu" for array in found):
        raise ValueError(
            f"The qubits of {type(sampler).__name__} must be labelled by integers to be recorded. "
            "Got others; relabel them, or record a composite that embeds, which takes any model."
        )
    return found[0].astype(np.int64), found[1].astype(np.int64)


def _without_structure(properties: dict[str, Any], nodes, edges) -> dict[str, Any]:
    """Properties as JSON, where [name] stands for a list that the structure repeats."""
    kept = dict(properties)
    for name, array in ((_QUBITS, nodes), (_COUPLERS, edges)):
        given = kept.get(name)
        if array is not None and given is not None and np.array_equal(given, array):
            kept[name] = [name]
    return plain(kept)


def facts_in_file(store: RecordingStore, source: str) -> SourceFacts | None:
    """What a file knows of a sampler; None if nothing. Read once, as long as it is the same."""
    code = store.digest_of_part(f"source:{source}")
    return None if code is None else _read_facts(str(store.path), source, code)


@lru_cache(maxsize=16)
def _read_facts(path: str, source: str, code: bytes) -> SourceFacts | None:
    part = RecordingStore(path).source(source)
    if part is None or part[0]["room"] != _ROOM:
        return None
    return SourceFacts.from_part(*part)


def find_source(
    store: RecordingStore, sampler: Any, identity: dict[str, Any] | None
) -> tuple[str, SourceFacts]:
    """The sampler of a file that is to be replayed.

    Parameters
    ----------
    store : RecordingStore
    sampler : dimod.Sampler or None
    identity : dict or None
        The sampler's, where it is known without asking its device.

    Raises
    ------
    RecordingError
        If it is not there, or not clear which it is.
    """
    found = {source: facts_in_file(store, source) for source in store.sources()}
    known = {source: facts for source, facts in found.items() if facts is not None}
    if identity is None and sampler is not None:
        name = type(sampler).__name__
        alike = [source for source, facts in known.items() if facts.identity["class"] == name]
        if len(alike) == 1:
            return alike[0], known[alike[0]]
        identity = identity_of(sampler) if alike else {"class": name}
    if identity is None:
        if len(known) == 1:
            return next(iter(known.items()))
        wanted = "one sampler" if known else "a sampler"
        raise RecordingError(
            f"With sampler=None the recording {str(store.path)!r} must be of {wanted}. It is of "
            f"{', '.join(known) or 'none'}. Give the one whose calls are to be replayed."
        )
    if name_of(identity) not in known:
        raise RecordingError(_explain_absence(store, identity, known))
    return name_of(identity), known[name_of(identity)]


def _explain_absence(store: RecordingStore, identity: dict[str, Any], known: dict) -> str:
    text = f"The recording {str(store.path)!r} has no calls of this {identity['class']}. "
    alike = [facts.identity for facts in known.values()]
    alike = [other for other in alike if other["class"] == identity["class"]]
    if not alike:
        return f"{text}It is of {', '.join(known) or 'no sampler'}; give that one."
    names = sorted({*identity, *alike[0]})
    other = [
        f"{name} is {alike[0].get(name)!r} there and {identity.get(name)!r} here"
        for name in names
        if alike[0].get(name) != identity.get(name)
    ]
    return f"{text}It has those of one with other parameters: {'; '.join(other)}."
