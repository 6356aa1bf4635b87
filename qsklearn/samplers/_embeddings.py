"""Minor embeddings: each spin of a problem as a connected chain of qubits of a device's graph.

Which method suits follows from the problem. A star is grown (`_star_embedding`), a clique or a
biclique laid along the device's lines (minorminer's busclique: Boothby, King and Roy, Quantum Inf.
Process. 15 (2016) 495, arXiv:1507.04774), and anything else searched for by minorminer (Cai,
Macready and Roy, arXiv:1406.2741). What is found is kept (`_embedding_cache`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from qsklearn._kernels._colouring import colour
from qsklearn._optional import import_optional
from qsklearn.samplers._embedding_cache import Chains, Entry, cached_entry, compute_entry
from qsklearn.samplers._star_embedding import grow_star
from qsklearn.samplers._target_graph import EmbeddingError, as_target, working_graph

__all__ = [
    "Embedding",
    "EmbeddingError",
    "check_embedding",
    "find_embedding",
    "find_parallel_embeddings",
    "working_graph",
]

_ALGORITHM = 1  # part of the cache's key; to be raised when other chains may come out
_METHODS = ("auto", "native", "star", "clique", "biclique", "minorminer")
_DENSE = 0.75  # of the edges of a clique or biclique, from which it is embedded as one

# Chains of the coupled spins of a problem by qubits' labels, or None where it does not fit.
_Found = list[Sequence[int]] | None


@dataclass(frozen=True)
class Embedding:
    """Chains of qubits that stand for the spins of a problem.

    Attributes
    ----------
    chains : tuple of tuple of int
        The qubits of spin i, rising, at position i.
    embedding_id : str
        Hash of the chains, 16 hexadecimal digits.
    source : str
        ``"native"`` (each spin is a qubit), ``"cache"``, ``"star"``, ``"clique"``,
        ``"biclique"``, ``"minorminer"``, or ``"given"`` by the user.
    seconds : float
        Wall time of finding it just now; 0 where nothing was searched for.

    Examples
    --------
    >>> from qsklearn.samplers._embeddings import Embedding
    >>> embedding = Embedding.from_chains([[0], [2, 1]], "given")
    >>> embedding.chains, embedding.n_qubits, embedding.max_chain_length
    (((0,), (1, 2)), 3, 2)
    """

    chains: Chains
    embedding_id: str
    source: str
    seconds: float

    @classmethod
    def from_chains(
        cls, chains: Iterable[Iterable[int]], source: str, seconds: float = 0.0
    ) -> Embedding:
        """Sort the chains and hash them.

        Parameters
        ----------
        chains : iterable of iterable of int
        source : str
        seconds : float, default=0.0

        Returns
        -------
        embedding : Embedding
        """
        ordered = tuple(tuple(sorted(map(int, chain))) for chain in chains)
        name = blake2b(repr(ordered).encode(), digest_size=8).hexdigest()
        return cls(ordered, name, source, float(seconds))

    @property
    def max_chain_length(self) -> int:
        """Qubits of the longest chain."""
        return max(map(len, self.chains), default=0)

    @property
    def n_qubits(self) -> int:
        """Qubits of all chains."""
        return sum(map(len, self.chains))

    def to_dict(self) -> dict[int, tuple[int, ...]]:
        """Chains by spin, as dwave-system and minorminer want them.

        Returns
        -------
        chains : dict
        """
        return dict(enumerate(self.chains))


def find_embedding(
    n_spins: int,
    edges: Any,
    target: Any,
    *,
    method: str = "auto",
    seed: int = 0,
    timeout: float = 60.0,
    cache: bool = True,
    labels: Sequence[int] | None = None,
) -> Embedding:
    """Embed a problem in a device's graph.

    Parameters
    ----------
    n_spins : int
    edges : array-like of shape (n_edges, 2)
        Pairs of spins in ``range(n_spins)`` that are coupled.
    target : networkx.Graph or Target
        The qubits that work, labelled by integers; see `working_graph`. Cliques and bicliques need
        a graph of dwave-graphs.
    method : str, default="auto"
        ``"star"``, ``"clique"``, ``"biclique"``, ``"minorminer"``, ``"native"`` (each spin is
        the qubit of its label), or what suits: native where `labels` allow it, a star as such,
        problems with three quarters of the edges of a clique or biclique as these, others by
        minorminer, and by a clique or biclique should that fail.
    seed : int, default=0
        Of the searches; cliques and bicliques do not depend on it.
    timeout : float, default=60.0
        Seconds for minorminer, whose result is reproducible where it ends before.
    cache : bool, default=True
        Whether to look in the cache and to keep what is found.
    labels : sequence of int, default=None
        Qubits that the spins are named after, if they are.

    Returns
    -------
    embedding : Embedding

    Raises
    ------
    EmbeddingError
        If no embedding was found; the text says what would fit and what to try.
    ValueError
        If an argument is wrong.

    Examples
    --------
    >>> import dwave.graphs
    >>> from qsklearn.samplers._embeddings import find_embedding
    >>> device = dwave.graphs.chimera_graph(2)
    >>> star = [(0, ray) for ray in range(1, 9)]
    >>> embedding = find_embedding(9, star, device, cache=False)
    >>> embedding.source, len(embedding.chains[0]), embedding.n_qubits
    ('star', 2, 10)
    """
    problem, target = _Problem(n_spins, edges), as_target(target)
    _check_arguments(method, seed, timeout)
    if (native := _find_native(problem, target, method, labels)) is not None:
        return native
    return _find_copies(problem, target, 1, method, seed, timeout, cache)[0]


def find_parallel_embeddings(
    n_spins: int,
    edges: Any,
    target: Any,
    *,
    max_embeddings: int | None = None,
    method: str = "auto",
    seed: int = 0,
    timeout: float = 60.0,
    cache: bool = True,
) -> list[Embedding]:
    """Embed a problem several times on qubits of their own, so that one call runs several.

    Parameters
    ----------
    n_spins : int
    edges : array-like of shape (n_edges, 2)
    target : networkx.Graph or Target
    max_embeddings : int, default=None
        Where to stop; None for as many as are found.
    method : str, default="auto"
        As for `find_embedding`, but ``"native"``.
    seed : int, default=0
    timeout : float, default=60.0
        Seconds after which no further copy is looked for.
    cache : bool, default=True

    Returns
    -------
    embeddings : list of Embedding
        Disjoint, at least one; `seconds` of each is its share of the time.

    Raises
    ------
    EmbeddingError
        If not even one fits.
    ValueError
        If an argument is wrong.

    Examples
    --------
    >>> import dwave.graphs
    >>> from qsklearn.samplers._embeddings import find_parallel_embeddings
    >>> device = dwave.graphs.chimera_graph(2)
    >>> square = [(0, 1), (1, 2), (2, 3), (0, 3)]
    >>> len(find_parallel_embeddings(4, square, device, max_embeddings=3, cache=False))
    3
    """
    problem, target = _Problem(n_spins, edges), as_target(target)
    _check_arguments(method, seed, timeout)
    if method == "native":
        raise ValueError("A native problem has one place only; use find_embedding.")
    if max_embeddings is not None and not _is_integer(max_embeddings, 1):
        raise ValueError(
            "The 'max_embeddings' parameter of find_parallel_embeddings must be an int of at "
            f"least 1 or None. Got {max_embeddings!r} instead."
        )
    most = target.n_qubits // problem.n_spins if problem.n_spins else 1
    n_copies = max(1, most if max_embeddings is None else min(most, max_embeddings))
    return _find_copies(problem, target, n_copies, method, seed, timeout, cache)


def check_embedding(chains: Any, n_spins: int, edges: Any, target: Any) -> Embedding:
    """Take chains given by a user, if they embed the problem.

    Parameters
    ----------
    chains : mapping or sequence of iterable of int
        Qubits of each spin in ``range(n_spins)``.
    n_spins : int
    edges : array-like of shape (n_edges, 2)
    target : networkx.Graph or Target

    Returns
    -------
    embedding : Embedding
        With source ``"given"``.

    Raises
    ------
    EmbeddingError
        If a chain is missing, empty or not connected, two share a qubit, a qubit does not work, or
        two coupled spins have no coupler between their chains.

    Examples
    --------
    >>> import networkx as nx
    >>> from qsklearn.samplers._embeddings import check_embedding
    >>> check_embedding([[0], [2]], 2, [(0, 1)], nx.path_graph(3))
    Traceback (most recent call last):
        ...
    qsklearn.samplers._target_graph.EmbeddingError: The chains given do not embed the problem:
    there is no coupler between the chains of spins 0 and 1. ...
    """
    problem, target = _Problem(n_spins, edges), as_target(target)
    try:
        rows = [tuple(chains[spin]) for spin in range(problem.n_spins)]
        if len(chains) > len(rows):
            raise KeyError(f"{len(chains)} chains for {len(rows)} spins")
        fault = _find_fault(rows, problem, target)
    except (KeyError, IndexError, TypeError) as error:
        fault = f"each spin from 0 to {n_spins - 1} needs a chain of integers ({error})"
    if fault:
        raise EmbeddingError(
            f"The chains given do not embed the problem: {fault}. Leave the chains out to have "
            "them found."
        )
    return Embedding.from_chains(rows, "given")


# --- problems -----------------------------------------------------------------------------------


class _Problem:
    """Coupled pairs of spins, each once and sorted, and what sort of graph they are."""

    def __init__(self, n_spins, edges):
        if not _is_integer(n_spins, 0):
            raise ValueError(f"'n_spins' must be an int of at least 0. Got {n_spins!r} instead.")
        self.n_spins = int(n_spins)
        edges = np.asarray(edges)
        if edges.size == 0:
            edges = np.empty((0, 2), np.int64)
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
            raise ValueError(
                "'edges' must be integers of shape (n_edges, 2). Got shape "
                f"{edges.shape} of {edges.dtype} instead."
            )
        if edges.size and not (0 <= edges.min() and edges.max() < self.n_spins):
            raise ValueError(f"'edges' must name spins in range({n_spins}).")
        if (edges[:, 0] == edges[:, 1]).any():
            raise ValueError("'edges' must couple different spins.")
        low, high = np.sort(edges.astype(np.int64), axis=1).T
        codes = np.unique(low * max(self.n_spins, 1) + high)
        self.edges = np.stack(np.divmod(codes, max(self.n_spins, 1)), axis=1)

    @property
    def n_edges(self):
        return len(self.edges)

    @cached_property
    def coupled(self):
        """Spins that have a neighbour; the others may sit anywhere."""
        return np.unique(self.edges)

    @cached_property
    def hub(self):
        """The spin that all edges meet, or None."""
        if not self.n_edges:
            return None
        degrees = np.bincount(self.edges.ravel())
        return int(degrees.argmax()) if degrees.max() == self.n_edges else None

    @cached_property
    def density(self):
        """Fraction of the pairs of coupled spins that are edges."""
        n_coupled = len(self.coupled)
        return self.n_edges / max(1, n_coupled * (n_coupled - 1) // 2)

    @cached_property
    def sides(self):
        """The coupled spins in two sides without edges inside, or None."""
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        graph = scipy.sparse.csr_array(
            (np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(self.n_spins,) * 2
        )
        colours = colour(graph.indptr.astype(np.int32), graph.indices.astype(np.int32))
        if colours.max(initial=0) > 1:
            return None
        return [self.coupled[colours[self.coupled] == side].tolist() for side in (0, 1)]

    def key(self, target, method, seed, n_copies):
        """What decides the embeddings, hashed."""
        facts = (_ALGORITHM, target.key, self.n_spins, self.n_edges, method, int(seed), n_copies)
        digest = blake2b(repr(facts).encode(), digest_size=20)
        digest.update(self.edges.astype("<i8").tobytes())
        return digest.hexdigest()


def _is_integer(value, low):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= low


def _check_arguments(method, seed, timeout):
    if method not in _METHODS:
        raise ValueError(f"'method' must be one of {_METHODS}. Got {method!r} instead.")
    if not _is_integer(seed, 0):
        raise ValueError(f"'seed' must be an int of at least 0. Got {seed!r} instead.")
    if not (isinstance(timeout, Real) and timeout > 0):
        raise ValueError(f"'timeout' must be seconds, more than 0. Got {timeout!r} instead.")


# --- from a problem to its copies ---------------------------------------------------------------


def _find_native(problem, target, method, labels):
    """Chains of one qubit each where the spins are named after qubits, else None."""
    if method not in ("auto", "native"):
        return None
    if labels is None:
        fault = "the 'labels' of its spins were not given"
    elif len(labels) != problem.n_spins:
        fault = f"{len(labels)} labels were given for {problem.n_spins} spins"
    else:
        fault = _find_fault([(label,) for label in labels], problem, target)
    if not fault:
        return Embedding.from_chains([(label,) for label in labels], "native")
    if method == "native":
        raise EmbeddingError(f"The problem is not native to the device: {fault}. Use 'auto'.")
    return None


def _find_copies(problem, target, n_copies, method, seed, timeout, cache):
    begin = time.perf_counter()

    def compute():
        return _compute(problem, target, n_copies, method, int(seed), begin + timeout)

    def is_valid(entry):
        return _are_copies(entry.copies, problem, target)

    if cache:
        names = (target.topology, target.key[:16], problem.key(target, method, seed, n_copies))
        entry, was_there = cached_entry(names, compute, is_valid, patience=2 * timeout)
    else:
        entry, was_there = compute_entry(compute), False
    seconds = 0.0 if was_there else (time.perf_counter() - begin) / len(entry.copies)
    source = "cache" if was_there else entry.source
    return [Embedding.from_chains(chains, source, seconds) for chains in entry.copies]


def _compute(problem, target, n_copies, method, seed, deadline):
    if not _may_fit(problem, target):
        raise EmbeddingError(_misfit(problem, target, _suitable_methods(problem), False))
    methods = _suitable_methods(problem) if method == "auto" else (method,)
    for name in methods:
        first = _embed(name, problem, target, seed, deadline)
        if first is None:
            continue
        copies = [first]
        if n_copies > 1:
            copies = _repeat(name, first, problem, target, n_copies, seed, deadline)
        return Entry(tuple(copies), name)
    raise EmbeddingError(_misfit(problem, target, methods))


def _may_fit(problem, target):
    """Necessary: qubits enough for the spins' degrees, and couplers enough.

    A chain of L qubits with d couplers each reaches (d - 2) L + 2 others at most.
    """
    degrees = np.bincount(problem.edges.ravel(), minlength=problem.n_spins)
    most = int(np.diff(target.indptr).max(initial=0))
    if most <= 2:
        lengths = np.ones_like(degrees)
    else:
        lengths = np.maximum(1, -(-(degrees - 2) // (most - 2)))
        lengths[degrees <= most] = 1
    # A chain takes as many couplers as it has qubits, less one.
    n_couplers = problem.n_edges + lengths.sum() - problem.n_spins
    return lengths.sum() <= target.n_qubits and n_couplers <= target.n_couplers


def _suitable_methods(problem):
    """In the order in which they are tried."""
    if problem.hub is not None or not problem.n_edges:
        return ("star",)
    if problem.sides is not None:
        n_pairs = len(problem.sides[0]) * len(problem.sides[1])
        if problem.n_edges >= _DENSE * n_pairs:
            return ("biclique", "minorminer", "clique")
        return ("minorminer", "biclique", "clique")
    if problem.density >= _DENSE:
        return ("clique", "minorminer")
    return ("minorminer", "clique")


def _embed(name, problem, target, seed, deadline, usable=None) -> Chains | None:
    """Chains of all spins by one method, checked; None where it finds none."""
    if name == "star":
        found = _embed_star(problem, target, seed, usable)
    else:
        found = _EMBEDDERS[name](problem, target, seed, deadline)
    if found is None:
        return None
    chains: list[Sequence[int]] = [()] * problem.n_spins
    for spin, chain in zip(problem.coupled.tolist(), found, strict=True):
        chains[spin] = tuple(sorted(map(int, chain)))
    if not _place_uncoupled(chains, target, usable) or _find_fault(chains, problem, target):
        return None
    return tuple(tuple(chain) for chain in chains)


def _place_uncoupled(chains, target, usable):
    """Give spins without a chain a qubit each, in rising order; tells whether there are enough."""
    missing = [spin for spin, chain in enumerate(chains) if not chain]
    taken = {qubit for chain in chains for qubit in chain}
    qubits = target.qubits if usable is None else target.qubits[usable]
    free = [qubit for qubit in qubits.tolist() if qubit not in taken] if missing else []
    for spin, qubit in zip(missing, free, strict=False):
        chains[spin] = (qubit,)
    return len(free) >= len(missing)


def _repeat(name, first, problem, target, n_copies, seed, deadline):
    """Disjoint copies, the first among them unless tiles hold more."""
    if name == "star":
        return _repeat_star(first, problem, target, n_copies, seed, deadline)
    tiled = _repeat_on_tiles(name, problem, target, n_copies, seed, deadline)
    if len(tiled) > 1 or len(tiled) == n_copies:
        return tiled
    return _repeat_on_the_rest(name, first, problem, target, n_copies, seed, deadline)


def _repeat_star(first, problem, target, n_copies, seed, deadline):
    copies, usable = [first], np.ones(target.n_qubits, bool)
    while len(copies) < n_copies and time.perf_counter() < deadline:
        usable[np.searchsorted(target.qubits, np.concatenate(copies[-1]))] = False
        chains = _embed("star", problem, target, seed, deadline, usable)
        if chains is None:
            break
        copies.append(chains)
    return copies


def _repeat_on_the_rest(name, first, problem, target, n_copies, seed, deadline):
    copies, rest = [first], target
    while len(copies) < n_copies and time.perf_counter() < deadline:
        taken = np.concatenate(copies[-1]).tolist()
        if rest.n_qubits - len(taken) < problem.n_spins:
            break
        rest = rest.without(taken)
        chains = _embed(name, problem, rest, seed, deadline)
        if chains is None:
            break
        copies.append(chains)
    return copies


def _repeat_on_tiles(name, problem, target, n_copies, seed, deadline):
    """Shift an embedding in the smallest tile of the topology that holds it over the device."""
    if not target.family:
        return []
    parallel = import_optional("minorminer.utils.parallel_embeddings", "find_parallel_embeddings")
    first_size = 2 if target.family == "pegasus" else 1  # P1 has no qubit
    for size in range(first_size, min(target.shape[:2])):
        tile = _make_tile(target, size)
        if len(tile) < problem.n_spins or time.perf_counter() > deadline:
            continue
        chains = _embed(name, problem, as_target(tile), seed, deadline)
        if chains is not None:
            found = parallel.find_sublattice_embeddings(
                _networkx_graph(problem), target.graph, tile=tile, max_num_emb=n_copies,
                use_filter=False, use_tile_embedding=True,
                tile_embedding=dict(enumerate(chains)), one_to_iterable=True,
                timeout=max(deadline - time.perf_counter(), 1.0),
            )  # fmt: skip
            copies = [
                tuple(tuple(sorted(map(int, copy[spin]))) for spin in range(problem.n_spins))
                for copy in found
            ]
            return [copy for copy in copies if _find_fault(copy, problem, target) is None]
    return []


def _make_tile(target, size):
    graphs = import_optional("dwave.graphs", "find_parallel_embeddings")
    width = target.shape[-1]
    if target.family == "chimera":
        return graphs.chimera_graph(size, size, width)
    if target.family == "zephyr":
        return graphs.zephyr_graph(size, width)
    return graphs.pegasus_graph(size)


def _networkx_graph(problem):
    networkx = import_optional("networkx", "find_parallel_embeddings")
    graph = networkx.Graph()
    graph.add_nodes_from(range(problem.n_spins))
    graph.add_edges_from(problem.edges.tolist())
    return graph


# --- the methods --------------------------------------------------------------------------------


def _embed_star(problem, target, seed, usable) -> _Found:
    if not problem.n_edges:
        return []
    if problem.hub is None:
        raise EmbeddingError(
            "method='star' needs a problem whose edges all meet one spin. Use 'auto' instead."
        )
    chain, leaves = grow_star(target, problem.n_edges, seed=seed, usable=usable)
    if len(leaves) < problem.n_edges:
        return None
    found: list[Sequence[int]] = [[qubit] for qubit in target.qubits[leaves].tolist()]
    found.insert(problem.coupled.tolist().index(problem.hub), target.qubits[chain].tolist())
    return found


def _embed_clique(problem, target, seed, deadline) -> _Found:
    if not target.family:
        return None
    try:
        # busclique's way to a single size eats all memory for 3 to 8 spins on Zephyr (0.2.22).
        found = _busgraph(target).find_clique_embedding(len(problem.coupled))
    except NotImplementedError:  # tiles that busclique does not know
        return None
    return list(found.values()) or None


def _embed_biclique(problem, target, seed, deadline) -> _Found:
    if problem.sides is None:
        raise EmbeddingError(
            "method='biclique' needs a problem of two sides without edges inside. Use 'auto' "
            "instead."
        )
    if not target.family:
        return None
    try:
        found = _busgraph(target).find_biclique_embedding(*problem.sides)
    except NotImplementedError:
        return None
    return [found[spin] for spin in problem.coupled.tolist()] if found else None


def _embed_by_minorminer(problem, target, seed, deadline) -> _Found:
    remaining = deadline - time.perf_counter()
    if remaining <= 0:
        return None
    minorminer = import_optional("minorminer", "find_embedding")
    found = minorminer.find_embedding(
        problem.edges.tolist(), target.graph, random_seed=seed % 2**32,
        timeout=max(1, round(remaining)),
    )  # fmt: skip
    return [found[spin] for spin in problem.coupled.tolist()] if found else None


_EMBEDDERS: dict[str, Callable[..., _Found]] = {
    "clique": _embed_clique,
    "biclique": _embed_biclique,
    "minorminer": _embed_by_minorminer,
}


@lru_cache(maxsize=2)
def _busgraph(target):
    """All cliques and bicliques of a device, computed when asked for (seconds on the largest).

    minorminer keeps them as a pickle in the user's folder for data or in the environment's, under a
    name without the seed. Ours stay in memory: our own cache holds what comes of them.
    """
    busclique = import_optional("minorminer.busclique", "find_embedding")

    class InMemory(busclique.busgraph_cache):
        def _fetch_cache(self, dirname, compute, force_write=False):
            return compute()

    return InMemory(target.graph, seed=0)


# --- checks -------------------------------------------------------------------------------------


def _find_fault(chains, problem, target):
    """What is wrong with chains, in words; None if they embed the problem."""
    lengths = np.array([len(chain) for chain in chains], dtype=np.int64)
    if len(chains) != problem.n_spins:
        return f"there are {len(chains)} chains for {problem.n_spins} spins"
    if not lengths.all():
        return f"the chain of spin {lengths.argmin()} is empty"
    flat = [qubit for chain in chains for qubit in chain]
    if not all(isinstance(qubit, Integral) and abs(qubit) < 2**62 for qubit in flat):
        return "a qubit is not an integer, or a huge one"
    qubits = np.array(flat, dtype=np.int64)
    at = np.searchsorted(target.qubits, qubits).clip(max=target.n_qubits - 1)
    if (unknown := target.qubits[at] != qubits).any():
        return f"qubit {qubits[unknown][0]} is not on the device or does not work"
    spins = np.repeat(np.arange(len(chains)), lengths)
    if len(np.unique(at)) < len(at):
        values, counts = np.unique(qubits, return_counts=True)
        return f"qubit {values[counts.argmax()]} is taken twice"
    owner = np.full(target.n_qubits, -1)
    owner[at] = spins
    return _find_gap(owner, problem, target)


def _find_gap(owner, problem, target):
    """Chains in pieces and missing couplers, from the spin that has each qubit (or -1)."""
    from_qubits = np.repeat(np.arange(target.n_qubits), np.diff(target.indptr))
    rows, columns = owner[from_qubits], owner[target.indices]
    inside = (rows == columns) & (rows >= 0)
    graph = scipy.sparse.csr_array(
        (inside[inside], (from_qubits[inside], target.indices[inside])),
        shape=(target.n_qubits,) * 2,
    )
    pieces = connected_components(graph, directed=False)[1][owner >= 0]
    _, first = np.unique(pieces, return_index=True)
    n_pieces = np.bincount(owner[owner >= 0][first], minlength=problem.n_spins)
    if n_pieces.max(initial=1) > 1:
        return f"the chain of spin {n_pieces.argmax()} is not connected"
    between = (rows >= 0) & (rows < columns)
    codes = rows[between] * problem.n_spins + columns[between]
    low, high = problem.edges.T
    missing = ~np.isin(low * problem.n_spins + high, codes)
    if missing.any():
        i, j = problem.edges[missing][0]
        return f"there is no coupler between the chains of spins {i} and {j}"
    return None


def _are_copies(copies, problem, target):
    flat = [qubit for chains in copies for chain in chains for qubit in chain]
    disjoint = len(set(flat)) == len(flat)
    return disjoint and all(_find_fault(chains, problem, target) is None for chains in copies)


def _misfit(problem, target, methods, were_tried=True):
    """Why nothing was found, what would fit as far as that is quickly told, and what to do."""
    device = f"{target.n_qubits} qubits and {target.n_couplers} couplers"
    tried = (
        f"Tried: {', '.join(methods)}."
        if were_tried
        else "That is too few for it, whatever the method."
    )
    return (
        f"A problem of {problem.n_spins} spins and {problem.n_edges} edges was not embedded in a "
        f"device of {device} ({target.topology}). {tried}{_largest(problem, target, methods)} "
        "Try fewer spins (hidden units, say), a larger device, more time or another seed if "
        "'minorminer' was tried, or a sampler without a graph, such as 'gibbs' or 'annealing'."
    )


def _largest(problem, target, methods):
    text = ""
    if problem.hub is not None:
        n_rays = len(grow_star(target, target.n_qubits)[1])
        text += f" The largest star found there has {n_rays} rays."
    if not target.family:
        return text
    try:
        if "clique" in methods:
            text += f" The largest clique has {len(_busgraph(target).largest_clique())} spins."
        if "biclique" in methods:
            few, many = sorted(map(len, problem.sides))
            n_most = _largest_beside(few, many, target)
            text += f" Beside {few} spins of one side fit at most {n_most} of the other."
    except NotImplementedError:
        pass
    return text


def _largest_beside(few, many, target):
    """The largest other side of a biclique, by bisection."""
    low, high = 0, many  # the problem itself does not fit
    while high - low > 1:
        middle = (low + high) // 2
        if _busgraph(target).find_biclique_embedding(few, middle):
            low = middle
        else:
            high = middle
    return low
