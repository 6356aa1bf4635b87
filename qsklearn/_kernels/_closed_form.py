"""Exact draws: a few visible spins are enumerated, the others summed in closed form.

The spins are split into a small *core*, all of whose patterns are visited, and a *rim* whose spins
do not couple among themselves. Given the core, the rim factorises, so that

    log weight(core) = -beta E_core + sum_j log 2 cosh(beta (h_j + sum_m J_jm s_m)).

With an empty rim this is plain enumeration; with a one-hot core of C spins only C patterns count.
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from qsklearn._kernels._scalar_streams import STATE, draw_uniform, seed_stream

# A factor 1 + exp(-2|x|) is at most 2, so the product of this many cannot overflow a float64.
_FACTORS_PER_LOG = 512
# Ground states are those within this of the lowest energy, relative to it.
_TIE = 1e-9


@intrinsic
def _float64_from_bits(typing_context, bits):
    """Reinterpret the bits of an int64 as a float64."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


@njit(cache=True, nogil=True, inline="always")
def _exp_of_negative(x):
    """exp(x) for x <= 0 to 2e-13 relative, 0 below -700; a polynomial, so that it vectorises."""
    t = max(x, -700.0) * 1.4426950408889634
    whole = np.floor(t + 0.5)
    f = (t - whole) * 0.6931471805599453
    p = 1.0 / 39916800.0
    p = p * f + 1.0 / 3628800.0
    p = p * f + 1.0 / 362880.0
    p = p * f + 1.0 / 40320.0
    p = p * f + 1.0 / 5040.0
    p = p * f + 1.0 / 720.0
    p = p * f + 1.0 / 120.0
    p = p * f + 1.0 / 24.0
    p = p * f + 1.0 / 6.0
    p = p * f + 0.5
    p = p * f + 1.0
    p = p * f + 1.0
    return p * _float64_from_bits((np.int64(np.int32(whole)) + np.int64(1023)) << np.int64(52))


@njit(cache=True, nogil=True)
def _sum_log_2cosh(fields, beta):
    """Sum over j of log 2 cosh(beta f_j), with one logarithm per 512 spins."""
    total = 0.0
    n_spins = fields.shape[0]
    for start in range(0, n_spins, _FACTORS_PER_LOG):
        product = 1.0
        for j in range(start, min(start + _FACTORS_PER_LOG, n_spins)):
            size = abs(beta * fields[j])
            total += size
            product *= 1.0 + _exp_of_negative(-2.0 * size)
        total += math.log(product)
    return total


@njit(cache=True, nogil=True)
def _sum_abs(fields):
    total = 0.0
    for j in range(fields.shape[0]):
        total += abs(fields[j])
    return total


@njit(cache=True, nogil=True, inline="always")
def _core_spin(pattern, m, one_hot):
    """Spin m of the core in a pattern: bit m of it, or whether m is the one that is hot."""
    if one_hot:
        return 1.0 if pattern == m else -1.0
    return 1.0 if (pattern >> m) & 1 else -1.0


@njit(cache=True, nogil=True)
def _score_pattern(pattern, core_spins, core_fields, core_couplings, rim, beta, ground):
    """Log weight of a pattern; for a ground search, minus its energy."""
    energy = 0.0
    for m in range(core_spins.shape[0]):
        field = core_fields[m]
        for other in range(m):
            field += core_couplings[m, other] * core_spins[other]
        energy += core_spins[m] * field
    if ground:
        return _sum_abs(rim) - energy
    return _sum_log_2cosh(rim, beta) - beta * energy


@njit(cache=True, nogil=True)
def _set_pattern(pattern, one_hot, core_spins, rim_fields, couplings, rim):
    """Set the core to a pattern and the rim's fields to match, from nothing."""
    for j in range(rim.shape[0]):
        rim[j] = rim_fields[j]
    for m in range(core_spins.shape[0]):
        core_spins[m] = _core_spin(pattern, m, one_hot)
        for j in range(rim.shape[0]):
            rim[j] += core_spins[m] * couplings[m, j]


@njit(cache=True, nogil=True)
def _flip(m, core_spins, couplings, rim):
    core_spins[m] = -core_spins[m]
    change = 2.0 * core_spins[m]
    for j in range(rim.shape[0]):
        rim[j] += change * couplings[m, j]


@njit(cache=True, nogil=True)
def _score_patterns(
    core_fields, rim_fields, core_couplings, couplings, beta, ground, one_hot, core_spins, rim,
    scores,
):  # fmt: skip
    """Scores of all patterns, neighbours visited one flip apart (two where one is hot)."""
    n_patterns = scores.shape[0]
    _set_pattern(0, one_hot, core_spins, rim_fields, couplings, rim)
    scores[0] = _score_pattern(0, core_spins, core_fields, core_couplings, rim, beta, ground)
    for step in range(1, n_patterns):
        if one_hot:
            pattern = step
            _flip(step - 1, core_spins, couplings, rim)
            _flip(step, core_spins, couplings, rim)
        else:
            pattern = step ^ (step >> 1)  # Gray code
            flipped = 0
            while not (step >> flipped) & 1:
                flipped += 1
            _flip(flipped, core_spins, couplings, rim)
        scores[pattern] = _score_pattern(
            pattern, core_spins, core_fields, core_couplings, rim, beta, ground
        )


@njit(cache=True, nogil=True)
def _count_ground_states(rim_fields, couplings, one_hot, tie, core_spins, rim, scores):
    """Scores to the log number of ground states with each pattern, in place; -inf if it has none.

    Each rim spin without a field doubles the number.
    """
    lowest = scores.max() - tie
    for pattern in range(scores.shape[0]):
        if scores[pattern] < lowest:
            scores[pattern] = -np.inf
            continue
        _set_pattern(pattern, one_hot, core_spins, rim_fields, couplings, rim)
        scores[pattern] = 0.0
        for j in range(rim.shape[0]):
            if 2.0 * abs(rim[j]) <= tie:
                scores[pattern] += math.log(2.0)


@njit(cache=True, nogil=True)
def _accumulate(scores):
    """Log weights to cumulative probabilities, in place; returns the log of their sum."""
    highest = scores.max()
    total = 0.0
    for pattern in range(scores.shape[0]):
        total += _exp_of_negative(scores[pattern] - highest)
        scores[pattern] = total
    for pattern in range(scores.shape[0]):
        scores[pattern] /= total
    return highest + math.log(total)


@njit(cache=True, nogil=True)
def _draw_rim(rim, beta, ground, tie, generator, spins):
    """Rim spins given their fields: independent, or each against its field."""
    for j in range(rim.shape[0]):
        uniform = draw_uniform(generator)
        if not ground:
            up = uniform * (1.0 + math.exp(min(2.0 * beta * rim[j], 700.0))) < 1.0
        elif 2.0 * abs(rim[j]) <= tie:
            up = uniform < 0.5
        else:
            up = rim[j] < 0.0
        spins[j] = 1.0 if up else -1.0


@njit(cache=True, nogil=True)
def draw(
    core_fields, rim_fields,  # IN: (n_models, n_core), (n_models, n_rim)
    core_couplings,  # IN: (n_core, n_core) symmetric, zero diagonal
    couplings,  # IN: (n_core, n_rim)
    betas, ground,  # IN: (n_models,); True draws among the ground states instead
    one_hot, n_patterns,  # IN: whether the core is a one-hot unit; 2^n_core, or n_core then
    keys,  # IN: (n_models, 2)
    core_out, rim_out,  # IN: columns of states, or -1, for the core and (n_rim or 0,) the rim
    states, energies,  # OUT: (n_models, num_reads, n_keep); (n_models, num_reads or 0)
    log_z,  # OUT: (n_models,); the log of their number where ground states are drawn
    first, last,  # IN: range of models
):  # fmt: skip
    """Independent draws of the Boltzmann law, or of the ground states, of each model.

    Energies are written only where all spins are drawn (``rim_out`` has ``n_rim`` entries).
    """
    n_core, n_rim = couplings.shape
    scores = np.empty(n_patterns)
    core_spins = np.empty(n_core)
    rim = np.empty(n_rim)
    rim_spins = np.empty(n_rim)
    generator = np.empty(STATE, np.uint32)
    for model in range(first, last):
        beta = betas[model]
        _score_patterns(
            core_fields[model], rim_fields[model], core_couplings, couplings, beta, ground,
            one_hot, core_spins, rim, scores,
        )  # fmt: skip
        tie = _TIE * abs(scores.max())
        if ground:
            _count_ground_states(
                rim_fields[model], couplings, one_hot, tie, core_spins, rim, scores
            )
        log_z[model] = _accumulate(scores)
        for read in range(states.shape[1]):
            seed_stream(keys[model, 0], keys[model, 1], read, generator)
            uniform = draw_uniform(generator)
            pattern = min(np.searchsorted(scores, uniform, side="right"), n_patterns - 1)
            for m in range(n_core):
                if core_out[m] >= 0:
                    states[model, read, core_out[m]] = np.int8(_core_spin(pattern, m, one_hot))
            if rim_out.shape[0] < n_rim:
                continue
            _set_pattern(pattern, one_hot, core_spins, rim_fields[model], couplings, rim)
            _draw_rim(rim, beta, ground, tie, generator, rim_spins)
            energy = -_score_pattern(
                pattern, core_spins, core_fields[model], core_couplings, rim[:0], 1.0, True
            )
            for j in range(n_rim):
                energy += rim_spins[j] * rim[j]
                if rim_out[j] >= 0:
                    states[model, read, rim_out[j]] = np.int8(rim_spins[j])
            energies[model, read] = energy
