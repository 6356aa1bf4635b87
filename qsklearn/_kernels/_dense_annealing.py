"""Annealing on dense graphs with cached local fields.

Spins of a read lie together with their local fields; an accepted flip adds one row of J to the
fields, a rejected one costs nothing but its random number. A row of J serves all reads of a block
while it is in cache. Each read owns its random stream, so draws do not depend on the blocks.
"""

import math

import numpy as np
from numba import njit

READS = 16  # a block; few, so that their fields stay in the second-level cache
_REFRESH = 64  # sweeps between exact refreshes of the float32 fields


@njit(cache=True, nogil=True, inline="always")
def _mix(z):
    """Finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _seed_lane(key_0, key_1, read, generator, lane, lanes):
    """State of xoshiro128++ for one read of one model, words lane-minor."""
    a = _mix(_mix(key_0 + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1)) ^ key_1)
    b = _mix(a + np.uint64(0x9E3779B97F4A7C15))
    generator[lane] = np.uint32(a)
    generator[lanes + lane] = np.uint32(a >> np.uint64(32))
    generator[2 * lanes + lane] = np.uint32(b)
    generator[3 * lanes + lane] = np.uint32(b >> np.uint64(32)) | np.uint32(1)


@njit(cache=True, nogil=True, inline="always")
def _draw_uniform(generator, lane, lanes):
    """One step of xoshiro128++ of one lane; uniform in (0, 1) with 2^-31 resolution."""
    s0 = generator[lane]
    s1 = generator[lanes + lane]
    s2 = generator[2 * lanes + lane]
    s3 = generator[3 * lanes + lane]
    r = np.uint32(s0 + s3)
    r = np.uint32(np.uint32(r << np.uint32(7)) | np.uint32(r >> np.uint32(25)))
    r = np.uint32(r + s0)
    t = np.uint32(s1 << np.uint32(9))
    s2 = np.uint32(s2 ^ s0)
    s3 = np.uint32(s3 ^ s1)
    generator[lanes + lane] = np.uint32(s1 ^ s2)
    generator[lane] = np.uint32(s0 ^ s3)
    generator[2 * lanes + lane] = np.uint32(s2 ^ t)
    generator[3 * lanes + lane] = np.uint32(
        np.uint32(s3 << np.uint32(11)) | np.uint32(s3 >> np.uint32(21))
    )
    return (float(r >> np.uint32(1)) + 0.5) * 2.0**-31


@njit(cache=True, nogil=True)
def _start_read(
    model, read, lane, n_lanes, fields, keys, initial_states, couplings, generator, spins, local
):
    """Seed one read, and set its spins and local fields."""
    n_spins = fields.shape[1]
    _seed_lane(keys[model, 0], keys[model, 1], read, generator, lane, n_lanes)
    for i in range(n_spins):
        if initial_states.shape[0] > 0:
            spins[lane, i] = initial_states[model, read, i]
        else:
            up = _draw_uniform(generator, lane, n_lanes) < 0.5
            spins[lane, i] = np.float32(1.0) if up else np.float32(-1.0)
    _refresh(model, lane, fields, couplings, spins, local)


@njit(cache=True, nogil=True)
def _refresh(model, lane, fields, couplings, spins, local):
    """Local fields f_i = h_i + sum_j J_ij s_j of one read, anew."""
    n_spins = fields.shape[1]
    for i in range(n_spins):
        local[lane, i] = fields[model, i]
    for j in range(n_spins):
        s = spins[lane, j]
        for i in range(n_spins):
            local[lane, i] += s * couplings[j, i]


@njit(cache=True, nogil=True)
def _finish_read(model, read, lane, exact_couplings, exact_fields, keep, spins, states, energies):
    """Write the kept spins and the exact energy of one read."""
    n_spins = exact_fields.shape[1]
    for k in range(keep.shape[0]):
        states[model, read, k] = np.int8(spins[lane, keep[k]])
    energy = 0.0
    for i in range(n_spins):
        field = 0.0
        for j in range(i):
            field += exact_couplings[i, j] * spins[lane, j]
        energy += spins[lane, i] * (exact_fields[model, i] + field)
    energies[model, read] = energy


@njit(cache=True, nogil=True)
def _anneal(
    couplings, exact_couplings, fields, exact_fields, betas, keys, initial_states, keep, states,
    energies, first, last, accept_by_metropolis,
):  # fmt: skip
    num_reads, n_spins = states.shape[1], fields.shape[1]
    blocks_per_model = (num_reads + READS - 1) // READS
    spins = np.empty((READS, n_spins), np.float32)
    local = np.empty((READS, n_spins), np.float32)
    generator = np.empty(4 * READS, np.uint32)
    for block in range(first, last):
        model = block // blocks_per_model
        first_read = (block - model * blocks_per_model) * READS
        reads = min(READS, num_reads - first_read)
        for lane in range(reads):
            _start_read(
                model, first_read + lane, lane, READS, fields, keys, initial_states, couplings,
                generator, spins, local,
            )  # fmt: skip
        for sweep in range(betas.shape[1]):
            double_beta = 2.0 * betas[model, sweep]
            if sweep % _REFRESH == _REFRESH - 1:
                for lane in range(reads):
                    _refresh(model, lane, fields, couplings, spins, local)
            for i in range(n_spins):
                for lane in range(reads):
                    s = spins[lane, i]
                    uniform = _draw_uniform(generator, lane, READS)
                    drive = double_beta * s * local[lane, i]
                    # Both rules flip s; exp(drive) is the ratio of the weights after and before.
                    if accept_by_metropolis:
                        flip = drive >= 0.0 or uniform < math.exp(drive)
                    else:
                        flip = uniform * (1.0 + math.exp(-drive)) < 1.0
                    if flip:
                        spins[lane, i] = -s
                        change = np.float32(-2.0) * s
                        for j in range(n_spins):
                            local[lane, j] += change * couplings[i, j]
        for lane in range(reads):
            _finish_read(
                model, first_read + lane, lane, exact_couplings, exact_fields, keep, spins, states,
                energies,
            )  # fmt: skip


@njit(cache=True, nogil=True)
def metropolis(
    couplings, exact_couplings,  # IN: (n_spins, n_spins) symmetric, zero diagonal; float32, float64
    fields, exact_fields,  # IN: (n_models, n_spins), scaled float32 and exact float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    keys, initial_states, keep,  # IN: (n_models, 2); (n_models or 0, num_reads, n_spins); (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    first, last,  # IN: range of blocks; ceil(num_reads / READS) blocks a model
):  # fmt: skip
    """Single-spin Metropolis: flip with probability min(1, exp(-beta dE)), dE = -2 s f."""
    _anneal(
        couplings, exact_couplings, fields, exact_fields, betas, keys, initial_states, keep,
        states, energies, first, last, True,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def heat_bath(
    couplings, exact_couplings,  # IN: (n_spins, n_spins) symmetric, zero diagonal; float32, float64
    fields, exact_fields,  # IN: (n_models, n_spins), scaled float32 and exact float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    keys, initial_states, keep,  # IN: (n_models, 2); (n_models or 0, num_reads, n_spins); (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    first, last,  # IN: range of blocks; ceil(num_reads / READS) blocks a model
):  # fmt: skip
    """Heat bath (Gibbs): flip with probability 1 / (1 + exp(beta dE)), dE = -2 s f."""
    _anneal(
        couplings, exact_couplings, fields, exact_fields, betas, keys, initial_states, keep,
        states, energies, first, last, False,
    )  # fmt: skip
