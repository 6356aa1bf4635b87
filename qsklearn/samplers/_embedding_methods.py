"""How to embed: stars by growth, cliques and bicliques by busclique, all else by minorminer.

A star is grown (`_star_embedding`), a clique or a biclique laid along the device's lines
(minorminer's busclique: Boothby, King and Roy, Quantum Inf. Process. 15 (2016) 495,
arXiv:1507.04774), and anything else searched for by minorminer (Cai, Macready and Roy,
arXiv:1406.2741).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from qsklearn._optional import import_optional
from qsklearn._private_api import busgraph_in_memory
from qsklearn.samplers._embedding_patches import patches_of
from qsklearn.samplers._star_embedding import grow_star
from qsklearn.samplers._target_graph import EmbeddingError

# Where couplers between working qubits are missing, busclique weighs which qubits to leave out, and
# unless bounded that explodes: 19 missing of 40302 made a P16's tables of cliques take 53 s. With 0
# they take 0.8 s and hold cliques of 175 spins; with 4 3.3 s and 176.
_MASK_BOUND = 0

# Chains of the coupled spins of a problem by qubits' labels, or None where it does not fit.
Found = list[Sequence[int]] | None


def embed_star(problem, target, seed, usable) -> Found:
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


def _embed_clique(problem, target, seed, deadline) -> Found:
    n_spins = len(problem.coupled)
    # busclique's way to a single size eats all memory for 3 to 8 spins on Zephyr (0.2.22).
    return _lay(
        target, n_spins, lambda tables: list(tables.find_clique_embedding(n_spins).values())
    )


def _embed_biclique(problem, target, seed, deadline) -> Found:
    if problem.sides is None:
        raise EmbeddingError(
            "method='biclique' needs a problem of two sides without edges inside. Use 'auto' "
            "instead."
        )

    def find(tables):
        found = tables.find_biclique_embedding(*problem.sides)
        return [found[spin] for spin in problem.coupled.tolist()] if found else None

    return _lay(target, max(map(len, problem.sides)), find)


def _lay(target, n_abreast, find) -> Found:
    """Chains from busclique's tables of a patch of the device, or of all of it if none will do."""
    if not target.family:
        return None
    try:
        for patch in patches_of(target, n_abreast):
            if found := find(busgraph_of(patch.target)):
                return [[patch.qubits[qubit] for qubit in chain] for chain in found]
        return find(busgraph_of(target)) or None
    except NotImplementedError:  # tiles that busclique does not know
        return None


def _embed_by_minorminer(problem, target, seed, deadline) -> Found:
    remaining = deadline - time.perf_counter()
    if remaining <= 0:
        return None
    minorminer = import_optional("minorminer", "find_embedding")
    found = minorminer.find_embedding(
        problem.edges.tolist(), target.graph, random_seed=seed % 2**32,
        timeout=max(1, round(remaining)),
    )  # fmt: skip
    return [found[spin] for spin in problem.coupled.tolist()] if found else None


EMBEDDERS: dict[str, Callable[..., Found]] = {
    "clique": _embed_clique,
    "biclique": _embed_biclique,
    "minorminer": _embed_by_minorminer,
}


@lru_cache(maxsize=8)
def busgraph_of(target):
    """All cliques and bicliques of a device; our own cache holds what comes of them."""
    return busgraph_in_memory(target.graph, _MASK_BOUND)
