"""From a problem to its embedding, or to several on qubits of their own."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._embedding_cache import Chains, Entry
from qsklearn.samplers._embedding_checks import find_fault
from qsklearn.samplers._embedding_methods import EMBEDDERS, busgraph_of, embed_star
from qsklearn.samplers._embedding_patches import make_tile, tile_sizes
from qsklearn.samplers._star_embedding import grow_star
from qsklearn.samplers._target_graph import EmbeddingError, as_target

_DENSE = 0.75  # of the edges of a clique or biclique, from which it is embedded as one


def search(problem, target, n_copies, method, seed, deadline):
    if not _may_fit(problem, target):
        raise EmbeddingError(_misfit(problem, target, _suitable_methods(problem), False))
    # Without edges every method is the same: each spin gets a qubit.
    is_free = method == "auto" or not problem.n_edges
    methods = _suitable_methods(problem) if is_free else (method,)
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
        found = embed_star(problem, target, seed, usable)
    else:
        found = EMBEDDERS[name](problem, target, seed, deadline)
    if found is None:
        return None
    chains: list[Sequence[int]] = [()] * problem.n_spins
    for spin, chain in zip(problem.coupled.tolist(), found, strict=True):
        chains[spin] = tuple(sorted(map(int, chain)))
    if not _place_uncoupled(chains, target, usable) or find_fault(chains, problem, target):
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
    for size in tile_sizes(target):
        tile = make_tile(target, size)
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
            return [copy for copy in copies if find_fault(copy, problem, target) is None]
    return []


def _networkx_graph(problem):
    networkx = import_optional("networkx", "find_parallel_embeddings")
    graph = networkx.Graph()
    graph.add_nodes_from(range(problem.n_spins))
    graph.add_edges_from(problem.edges.tolist())
    return graph


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
            text += f" The largest clique has {len(busgraph_of(target).largest_clique())} spins."
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
        if busgraph_of(target).find_biclique_embedding(few, middle):
            low = middle
        else:
            high = middle
    return low
