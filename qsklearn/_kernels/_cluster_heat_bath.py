"""Heat bath on clusters: spins tied by strong couplings flip together, and part as they should.

A chain of qubits with a coupling of many temperatures never turns over by single flips. Here the
strong couplings, *bonds*, are treated as Swendsen and Wang (1987) treat all of them: a satisfied
bond of strength |J| holds with probability 1 - exp(-2 beta |J|); those that hold tie clusters, and
one that does not hold exerts no force. All other energy stays, and given the clusters each of them
is flipped or not with its heat-bath probability. That leaves exp(-beta E) invariant for any choice
of bonds, and sweeps take turns: where all strong couplings are bonds, frustrated ones tie the whole
into one cluster; where only the strongest are, chains flip one by one. After the clusters each spin
is updated for itself, on 64 reads at once as in :mod:`~qsklearn._kernels._sparse_annealing`: where
bonds contradict each other, clusters alone mix slowly.
"""

import math

import numpy as np
from numba import njit

from qsklearn._kernels._blocks import ALL, count_lanes, draw_spins, seed_block
from qsklearn._kernels._scalar_streams import STATE, draw_word, seed_stream
from qsklearn._kernels._sparse_annealing import sweep_heat_bath
from qsklearn._kernels._vectors import LANES

_UNIFORM = 2.0**-32


@njit(cache=True, nogil=True)
def _draw(generator):
    """Uniform in (0, 1) with 32 bits."""
    return (draw_word(generator) + 0.5) * _UNIFORM


@njit(cache=True, nogil=True)
def _find(member, parents):
    """The member that stands for the cluster of one; halves the way there."""
    while parents[member] != member:
        parents[member] = parents[parents[member]]
        member = parents[member]
    return member


@njit(cache=True, nogil=True)
def _tie(n_bonds, bonds, strengths, broken, values, parents, generator):
    """Clusters of members whose bonds, the first ones, are satisfied and hold."""
    for member in range(parents.shape[0]):
        parents[member] = member
    for bond in range(n_bonds):
        a, b = bonds[bond, 0], bonds[bond, 1]
        if strengths[bond] * values[a] * values[b] < 0.0 and _draw(generator) >= broken[bond]:
            parents[_find(a, parents)] = _find(b, parents)


@njit(cache=True, nogil=True)
def _link(parents, firsts, nexts):
    """Lists of each cluster's members: ``firsts`` of those that stand for it, then ``nexts``."""
    n_members = parents.shape[0]
    for member in range(n_members):
        parents[member] = _find(member, parents)
        firsts[member] = -1
    for member in range(n_members - 1, -1, -1):
        nexts[member] = firsts[parents[member]]
        firsts[parents[member]] = member


@njit(cache=True, nogil=True)
def _cluster_energy(
    member, lane, nexts, parents, n_bonds, indptr, indices, locals_, ranks, couplings, fields,
    values, spins,
):  # fmt: skip
    """The energy that changes sign when a cluster flips."""
    energy = 0.0
    while member >= 0:
        field = fields[member]
        for at in range(indptr[member], indptr[member + 1]):
            other = locals_[at]
            if ranks[at] < n_bonds:
                continue
            if other < 0:
                up = (np.uint64(spins[indices[at]]) >> np.uint64(lane)) & np.uint64(1)
                field += couplings[at] if up else -couplings[at]
            elif parents[other] != parents[member]:
                field += couplings[at] * values[other]
        energy += values[member] * field
        member = nexts[member]
    return energy


@njit(cache=True, nogil=True)
def _flip_clusters(
    lane, firsts, nexts, parents, n_bonds, indptr, indices, locals_, ranks, couplings, fields,
    beta, values, spins, generator,
):  # fmt: skip
    for cluster in range(firsts.shape[0]):
        member = firsts[cluster]
        if member < 0:
            continue
        energy = _cluster_energy(
            member, lane, nexts, parents, n_bonds, indptr, indices, locals_, ranks, couplings,
            fields, values, spins,
        )  # fmt: skip
        # P = 1 / (1 + exp(-2 beta energy)), with an exp that cannot overflow.
        odds = math.exp(min(-2.0 * beta * energy, 700.0))
        if _draw(generator) * (1.0 + odds) < 1.0:
            while member >= 0:
                values[member] = -values[member]
                member = nexts[member]


@njit(cache=True, nogil=True)
def _read_members(lane, members, spins, values):
    for member in range(members.shape[0]):
        up = (np.uint64(spins[members[member]]) >> np.uint64(lane)) & np.uint64(1)
        values[member] = 1.0 if up else -1.0


@njit(cache=True, nogil=True)
def _write_members(lane, members, values, spins):
    bit = np.uint64(1) << np.uint64(lane)
    for member in range(members.shape[0]):
        word = np.uint64(spins[members[member]]) & ~bit
        spins[members[member]] = (word | bit) if values[member] > 0.0 else word


@njit(cache=True, nogil=True)
def _start(starts, first, lanes, spins):
    """Spins of a block's reads as given; of lanes without a read those of the last."""
    num_reads, n_spins = starts.shape
    for spin in range(n_spins):
        word = np.uint64(0)
        for lane in range(lanes):
            if starts[min(first + lane, num_reads - 1), spin] > 0:
                word |= np.uint64(1) << np.uint64(lane)
        spins[spin] = word


@njit(cache=True, nogil=True)
def anneal(
    words,  # IN: empty, uint64: 64 reads a block
    indptr, indices,  # IN: uint32, rows of neighbours, padded as the sparse kernel's
    couplings,  # IN: 2 J, scaled float32
    fields,  # IN: (n_spins + LANES,), h - sum_j J scaled alike, then anything
    scale,  # IN: what couplings and fields were divided by
    order,  # IN: uint32, of the updates of single spins
    members,  # IN: spins with bonds
    member_indptr, member_indices, member_locals, member_ranks, member_couplings,
    # IN: rows of couplings of the members: neighbours, their places among the members or -1, the
    # number of the bond or one beyond all, J in float64
    member_fields,  # IN: h of the members
    bonds, strengths,  # IN: (n_bonds, 2) places among the members; J
    betas, counts,  # IN: (num_sweeps,); how many of the bonds, from the first, a sweep takes
    key,  # IN: (1, 2)
    starts,  # IN: (num_reads, n_spins), int8, or of no reads for random ones
    states,  # OUT: (num_reads, n_spins), int8
    stop,  # IN: (1,); set to end at the next sweep
    first, last,  # IN: range of blocks
):  # fmt: skip
    """Reads of one model, from random or given spins."""
    num_reads, n_spins = states.shape
    lanes, n_members = count_lanes(words), members.shape[0]
    spins = np.empty(n_spins, words.dtype)
    free = np.full(n_spins, ALL)
    generator = np.empty(4 * LANES, np.uint32)
    streams = np.empty((lanes, STATE), np.uint32)
    double_betas = np.empty(LANES, np.float32)
    values = np.empty(n_members)
    parents = np.empty(n_members, np.int64)
    firsts = np.empty(n_members, np.int64)
    nexts = np.empty(n_members, np.int64)
    broken = np.empty(strengths.shape[0])
    for block in range(first, last):
        seed_block(block * lanes, lanes, num_reads, num_reads, key, generator)
        for lane in range(lanes):
            seed_stream(key[0, 0], key[0, 1] + np.uint64(1), block * lanes + lane, streams[lane])
        draw_spins(generator, spins)
        if starts.shape[0]:
            _start(starts, block * lanes, lanes, spins)
        for sweep in range(betas.shape[0]):
            if stop[0]:
                break
            beta, n_bonds = betas[sweep], counts[sweep]
            for bond in range(n_bonds):
                broken[bond] = math.exp(-2.0 * beta * abs(strengths[bond]))
            for lane in range(min(lanes, num_reads - block * lanes)):
                _read_members(lane, members, spins, values)
                _tie(n_bonds, bonds, strengths, broken, values, parents, streams[lane])
                _link(parents, firsts, nexts)
                _flip_clusters(
                    lane, firsts, nexts, parents, n_bonds, member_indptr, member_indices,
                    member_locals, member_ranks, member_couplings, member_fields, beta, values,
                    spins, streams[lane],
                )  # fmt: skip
                _write_members(lane, members, values, spins)
            double_betas[:] = np.float32(2.0 * beta * scale)
            sweep_heat_bath(
                order, indptr, indices, couplings, fields, ALL, double_betas, generator, spins,
                free,
            )  # fmt: skip
        for lane in range(min(lanes, num_reads - block * lanes)):
            for spin in range(n_spins):
                up = (np.uint64(spins[spin]) >> np.uint64(lane)) & np.uint64(1)
                states[block * lanes + lane, spin] = np.int8(2 * np.int8(up) - 1)
