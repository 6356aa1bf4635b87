"""Heat bath on clusters: spins tied by strong couplings flip together, and come apart as they should.

A chain of qubits with a coupling of many temperatures never turns over by single flips. Here the
strong couplings, *bonds*, are treated as Swendsen and Wang (1987) treat all of them: a satisfied bond
of strength |J| holds with probability 1 - exp(-2 beta |J|); those that hold tie clusters, and a bond
that does not hold exerts no force. All other energy stays, and given the clusters each of them is
flipped or not with its heat-bath probability. That leaves exp(-beta E) invariant for any choice of
bonds. Each sweep over clusters is followed by one of single spins, which feel all couplings: where
bonds contradict each other, clusters alone mix slowly.
"""

import math

import numpy as np
from numba import njit

from qsklearn._kernels._scalar_streams import STATE, draw_uniform, seed_stream


@njit(cache=True, nogil=True)
def _find(spin, parents):
    """The spin that stands for the cluster of a spin; halves the way there."""
    while parents[spin] != spin:
        parents[spin] = parents[parents[spin]]
        spin = parents[spin]
    return spin


@njit(cache=True, nogil=True)
def _tie(bonds, strengths, beta, spins, parents, generator):
    """Clusters of spins whose bonds are satisfied and hold."""
    for spin in range(parents.shape[0]):
        parents[spin] = spin
    for bond in range(bonds.shape[0]):
        a, b = bonds[bond, 0], bonds[bond, 1]
        if strengths[bond] * spins[a] * spins[b] < 0.0:
            broken = math.exp(-2.0 * beta * abs(strengths[bond]))
            if draw_uniform(generator) >= broken:
                parents[_find(a, parents)] = _find(b, parents)


@njit(cache=True, nogil=True)
def _link(parents, firsts, nexts):
    """Lists of each cluster's spins: ``firsts`` of those that stand for it, then ``nexts``."""
    n_spins = parents.shape[0]
    for spin in range(n_spins):
        parents[spin] = _find(spin, parents)
        firsts[spin] = -1
    for spin in range(n_spins - 1, -1, -1):
        nexts[spin] = firsts[parents[spin]]
        firsts[parents[spin]] = spin


@njit(cache=True, nogil=True)
def _cluster_energy(first, nexts, parents, indptr, indices, couplings, fields, spins):
    """The energy that changes sign when a cluster flips."""
    energy = 0.0
    spin = first
    while spin >= 0:
        field = fields[spin]
        for at in range(indptr[spin], indptr[spin + 1]):
            other = indices[at]
            if parents[other] != parents[spin]:
                field += couplings[at] * spins[other]
        energy += spins[spin] * field
        spin = nexts[spin]
    return energy


@njit(cache=True, nogil=True)
def _flips(energy, beta, generator):
    """Whether the heat bath turns over what has an energy that would change sign."""
    # P = 1 / (1 + exp(-2 beta energy)), with an exp that cannot overflow.
    odds = math.exp(min(-2.0 * beta * energy, 700.0))
    return draw_uniform(generator) * (1.0 + odds) < 1.0


@njit(cache=True, nogil=True)
def _sweep_clusters(
    firsts, nexts, parents, indptr, indices, couplings, fields, beta, spins, generator
):
    for cluster in range(firsts.shape[0]):
        first = firsts[cluster]
        if first < 0:
            continue
        energy = _cluster_energy(first, nexts, parents, indptr, indices, couplings, fields, spins)
        if _flips(energy, beta, generator):
            while first >= 0:
                spins[first] = -spins[first]
                first = nexts[first]


@njit(cache=True, nogil=True)
def _sweep_spins(indptr, indices, couplings, fields, beta, spins, generator):
    for spin in range(spins.shape[0]):
        field = fields[spin]
        for at in range(indptr[spin], indptr[spin + 1]):
            field += couplings[at] * spins[indices[at]]
        if _flips(spins[spin] * field, beta, generator):
            spins[spin] = -spins[spin]


@njit(cache=True, nogil=True)
def sweep(
    indptr, indices, couplings,  # IN: compressed rows of all couplings, float64
    free_couplings,  # IN: the same with zeros in place of bonds
    bonds, strengths,  # IN: (n_bonds, 2), (n_bonds,)
    fields,  # IN: (n_models, n_spins)
    betas,  # IN: (num_sweeps,)
    keys,  # IN: (n_models, 2)
    states,  # IN, OUT: (n_models, num_reads, n_spins), int8
    stop,  # IN: (1,); set to end at the next sweep
    first, last,  # IN: range of reads, those of all models one after the other
):  # fmt: skip
    """Sweeps over the clusters, then the spins, of each read."""
    num_reads, n_spins = states.shape[1:]
    generator = np.empty(STATE, np.uint32)
    spins = np.empty(n_spins)
    parents = np.empty(n_spins, np.int64)
    firsts = np.empty(n_spins, np.int64)
    nexts = np.empty(n_spins, np.int64)
    for lane in range(first, last):
        model, read = lane // num_reads, lane % num_reads
        seed_stream(keys[model, 0], keys[model, 1], read, generator)
        for spin in range(n_spins):
            spins[spin] = states[model, read, spin]
        for beta in betas:
            if stop[0]:
                break
            _tie(bonds, strengths, beta, spins, parents, generator)
            _link(parents, firsts, nexts)
            _sweep_clusters(
                firsts, nexts, parents, indptr, indices, free_couplings, fields[model], beta,
                spins, generator,
            )  # fmt: skip
            _sweep_spins(indptr, indices, couplings, fields[model], beta, spins, generator)
        for spin in range(n_spins):
            states[model, read, spin] = np.int8(spins[spin])
