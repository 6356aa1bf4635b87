"""Minor embeddings: each spin of a problem as a connected chain of qubits of a device's graph."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from numbers import Real
from typing import Any

from qsklearn._checks import check_flag, check_instance, check_number
from qsklearn.samplers._embedding_cache import Chains, cached_entry, compute_entry
from qsklearn.samplers._embedding_checks import are_copies, find_fault
from qsklearn.samplers._embedding_problem import EmbeddingProblem, is_integer
from qsklearn.samplers._embedding_search import search
from qsklearn.samplers._target_graph import EmbeddingError, as_target

METHODS = ("auto", "native", "star", "clique", "biclique", "minorminer")


@dataclass(frozen=True)
class Embedding:
    """Chains of qubits that stand for the spins of a problem.

    Parameters
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
    >>> from qsklearn.samplers import Embedding
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
        try:
            ordered = tuple(tuple(sorted(map(int, chain))) for chain in chains)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                "The 'chains' parameter of Embedding.from_chains must be a list of lists of "
                f"qubits, which are integers. Got {chains!r} instead."
            ) from error
        check_instance(source, str, "source", "Embedding.from_chains")
        seconds = check_number(seconds, "seconds", "Embedding.from_chains")
        name = blake2b(repr(ordered).encode(), digest_size=8).hexdigest()
        return cls(ordered, name, source, seconds)

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
    target : networkx.Graph, Target or dimod.Sampler
        The qubits that work, labelled by integers. Cliques and bicliques need a graph of
        dwave-graphs. Of a structured sampler the `working_graph` is made at each call: make it
        yourself for several.
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
    labels : sequence of hashable, default=None
        Names of the spins, all different; those that are named after qubits may be native.

    Returns
    -------
    embedding : Embedding

    Raises
    ------
    EmbeddingError
        If no embedding was found; the text says what would fit and what to try.
    ValueError
        If an argument is wrong.
    TypeError
        If `target` is neither a graph nor a sampler that has one.

    Examples
    --------
    >>> import dwave.graphs
    >>> from qsklearn.samplers import find_embedding
    >>> device = dwave.graphs.chimera_graph(2)
    >>> star = [(0, ray) for ray in range(1, 9)]
    >>> embedding = find_embedding(9, star, device, cache=False)
    >>> embedding.source, len(embedding.chains[0]), embedding.n_qubits
    ('star', 2, 10)
    """
    problem, target = EmbeddingProblem(n_spins, edges), as_target(target)
    _check_arguments(method, seed, timeout, cache)
    _check_labels(labels)
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
    target : networkx.Graph, Target or dimod.Sampler
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
    TypeError
        If `target` is neither a graph nor a sampler that has one.

    Examples
    --------
    >>> import dwave.graphs
    >>> from qsklearn.samplers._embeddings import find_parallel_embeddings
    >>> device = dwave.graphs.chimera_graph(2)
    >>> square = [(0, 1), (1, 2), (2, 3), (0, 3)]
    >>> len(find_parallel_embeddings(4, square, device, max_embeddings=3, cache=False))
    3
    """
    problem, target = EmbeddingProblem(n_spins, edges), as_target(target)
    _check_arguments(method, seed, timeout, cache)
    if method == "native":
        raise ValueError("A native problem has one place only; use find_embedding.")
    if max_embeddings is not None and not is_integer(max_embeddings, 1):
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
    target : networkx.Graph, Target or dimod.Sampler

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
    problem, target = EmbeddingProblem(n_spins, edges), as_target(target)
    try:
        rows = [tuple(chains[spin]) for spin in range(problem.n_spins)]
        if len(chains) > len(rows):
            raise KeyError(f"{len(chains)} chains for {len(rows)} spins")
        fault = find_fault(rows, problem, target)
    except (KeyError, IndexError, TypeError) as error:
        fault = f"each spin from 0 to {n_spins - 1} needs a chain of integers ({error})"
    if fault:
        raise EmbeddingError(
            f"The chains given do not embed the problem: {fault}. Leave the chains out to have "
            "them found."
        )
    return Embedding.from_chains(rows, "given")


def _check_arguments(method, seed, timeout, cache):
    check_flag(cache, "cache", "find_embedding")
    if method not in METHODS:
        raise ValueError(f"'method' must be one of {METHODS}. Got {method!r} instead.")
    if not is_integer(seed, 0):
        raise ValueError(f"'seed' must be an int of at least 0. Got {seed!r} instead.")
    if not (isinstance(timeout, Real) and timeout > 0):
        raise ValueError(f"'timeout' must be seconds, more than 0. Got {timeout!r} instead.")


def _check_labels(labels):
    try:
        counts = Counter(() if labels is None else labels)
    except TypeError as error:
        raise ValueError(
            f"The 'labels' parameter of find_embedding must be hashable labels, or None ({error})."
        ) from error
    for label, n_spins in counts.most_common(1):
        if n_spins > 1:
            raise ValueError(
                "The 'labels' parameter of find_embedding must name each spin differently. Got "
                f"{label!r} for {n_spins} spins instead. Give each its own, or None for all."
            )


def _find_native(problem, target, method, labels):
    """Chains of one qubit each where the spins are named after qubits, else None."""
    if method not in ("auto", "native"):
        return None
    if labels is None:
        fault = "the 'labels' of its spins were not given"
    elif len(labels) != problem.n_spins:
        fault = f"{len(labels)} labels were given for {problem.n_spins} spins"
    else:
        fault = find_fault([(label,) for label in labels], problem, target)
    if not fault:
        return Embedding.from_chains([(label,) for label in labels], "native")
    if method == "native":
        raise EmbeddingError(f"The problem is not native to the device: {fault}. Use 'auto'.")
    return None


def _find_copies(problem, target, n_copies, method, seed, timeout, cache):
    begin = time.perf_counter()

    def compute():
        return search(problem, target, n_copies, method, int(seed), begin + timeout)

    def is_valid(entry):
        return are_copies(entry.copies, problem, target)

    if cache:
        names = (target.topology, target.key[:16], problem.key(target, method, seed, n_copies))
        entry, was_there = cached_entry(names, compute, is_valid, patience=2 * timeout)
    else:
        entry, was_there = compute_entry(compute), False
    seconds = 0.0 if was_there else (time.perf_counter() - begin) / len(entry.copies)
    source = "cache" if was_there else entry.source
    return [Embedding.from_chains(chains, source, seconds) for chains in entry.copies]
