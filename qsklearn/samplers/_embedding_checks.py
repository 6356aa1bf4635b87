"""Whether chains embed a problem, and what is wrong with those that do not."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components


def find_fault(chains, problem, target):
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


def are_copies(copies, problem, target):
    flat = [qubit for chains in copies for chain in chains for qubit in chain]
    disjoint = len(set(flat)) == len(flat)
    return disjoint and all(find_fault(chains, problem, target) is None for chains in copies)
