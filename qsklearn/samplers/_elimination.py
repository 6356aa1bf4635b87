"""Orders in which the spins of a sparse graph are summed out one by one."""

from __future__ import annotations

import heapq

import numpy as np
import scipy.sparse


def order_by_degree(couplings: scipy.sparse.csr_array, max_width: int) -> list[int] | None:
    """Minimum-degree elimination order, or None where it is wider than is allowed.

    Summing a spin out couples its neighbours among themselves. Taking the spin with the fewest
    neighbours each time is a quick bound of the treewidth, and gives up early on wide graphs.

    Parameters
    ----------
    couplings : csr_array of shape (n_spins, n_spins)
    max_width : int
        Most neighbours that a spin may have when its turn comes.

    Returns
    -------
    order : list of int, or None
    """
    rows = np.split(couplings.indices, couplings.indptr[1:-1])
    neighbours = {spin: set(row.tolist()) for spin, row in enumerate(rows)}
    heap = [(len(around), spin) for spin, around in neighbours.items()]
    heapq.heapify(heap)
    order = []
    while heap:
        degree, spin = heapq.heappop(heap)
        if spin not in neighbours or degree != len(neighbours[spin]):
            continue  # an entry from before its neighbourhood changed
        if degree > max_width:
            return None
        around = neighbours.pop(spin)
        order.append(spin)
        for other in around:
            neighbours[other] |= around
            neighbours[other] -= {spin, other}
            heapq.heappush(heap, (len(neighbours[other]), other))
    return order
