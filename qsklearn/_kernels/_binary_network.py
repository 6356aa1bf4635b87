"""Binary networks on packed data: outputs of units, scores of all weight settings, their places.

A word holds one bit for each of 64 *slots*: labelled data points, all of the same weight. A unit's
outputs on the data are then a few words, and a network of such units is a few logical operations on
words, whose score is the number of slots with the right output: a count of bits.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

# What an absent connection does: it counts for nothing; the same, but a unit without any is off;
# or it votes against.
ABSENT_NOTHING, ABSENT_OR_OFF, ABSENT_AGAINST = 0, 1, 2

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE = np.uint64(0)
_STATES_AT_ONCE = 4096  # of the innermost unit: their scores stay in a core's cache


@intrinsic
def _count_bits(typing_context, word):
    """Number of bits that are set, in a form that LLVM vectorises."""

    def codegen(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen


@njit(cache=True, nogil=True)
def unit_outputs(
    inputs, n_maskable, absent, has_output_weight, first_state, n_low, outputs, first, last
):
    """Outputs of one unit for a range of its weight settings, times the output weight.

    The bits of a setting, the lowest first: the weight of each input (up is +1); of the first
    ``n_maskable`` inputs whether they are connected; the output weight. Settings that differ in
    the lowest weights only make a block: their sums branch from one another, weight by weight.

    Parameters
    ----------
    inputs : uint64 (n_inputs, n_words)
        Inputs at all slots; up is +1.
    n_maskable : int
        0 where no connection can be absent.
    absent : int
        One of the rules above.
    has_output_weight : bool
    first_state : int
        Setting of the first column of ``outputs``; a multiple of the block's size.
    n_low : int
        A block has 2**n_low settings; at most n_inputs.
    outputs : uint64 (n_words, n_settings)
        Written.
    first, last : int
        Range of blocks.
    """
    n_inputs, n_words = inputs.shape
    size = 1 << n_low
    planes = np.empty((_bits_of(n_inputs), size), np.uint64)
    carries = np.empty((2, size), np.uint64)
    for block in range(first, last):
        state = first_state + block * size
        masks = state >> n_inputs
        n_present = n_inputs
        for j in range(n_maskable):
            n_present -= 1 - ((masks >> j) & 1)
        threshold = ((n_inputs if absent == ABSENT_AGAINST else n_present) + 1) // 2
        off = absent == ABSENT_OR_OFF and n_present == 0
        turned = has_output_weight and not (state >> (n_inputs + n_maskable)) & 1
        for word in range(n_words):
            results = outputs[word, block * size : (block + 1) * size]
            if threshold == 0:
                results[:] = _NONE if off else _ALL
            else:
                results[0] = _NONE
                _start_counter(planes[:, 0], threshold)
                for j in range(n_low, n_inputs):
                    if j >= n_maskable or (masks >> j) & 1:
                        value = inputs[j, word]
                        up = (state >> j) & 1
                        results[0] |= _add_bits(planes[:, 0], value if up else ~value)
                for j in range(n_low):
                    present = j >= n_maskable or (masks >> j) & 1
                    _branch(planes, results, carries, 1 << j, inputs[j, word], present)
            if turned:
                for i in range(size):
                    results[i] = ~results[i]


@njit(cache=True, nogil=True)
def _branch(planes, results, carries, n, value, present):
    """From counters of n settings to those of 2n, by the sign of one more weight."""
    down, up = carries[0], carries[1]
    for i in range(n):
        down[i] = ~value if present else _NONE
        up[i] = value if present else _NONE
    for p in range(len(planes)):
        plane = planes[p]
        for i in range(n):
            old = plane[i]
            plane[n + i] = old ^ up[i]
            up[i] &= old
            plane[i] = old ^ down[i]
            down[i] &= old
    for i in range(n):
        results[n + i] = results[i] | up[i]
        results[i] |= down[i]


@njit(cache=True, nogil=True)
def _start_counter(planes, threshold):
    """Bit-sliced counters of all slots, such that the threshold-th bit overflows them."""
    start = (1 << len(planes)) - threshold
    for p in range(len(planes)):
        planes[p] = _ALL if (start >> p) & 1 else _NONE


@njit(cache=True, nogil=True)
def _add_bits(planes, bits):
    """Add one bit to each counter; returns what overflows."""
    for p in range(len(planes)):
        carry = planes[p] & bits
        planes[p] ^= bits
        bits = carry
        if bits == 0:
            break
    return bits


@njit(cache=True, nogil=True)
def _bits_of(number):
    bits = 1
    while number >> bits:
        bits += 1
    return bits


@njit(cache=True, nogil=True)
def score_networks(
    table, n_outer_units, labels, is_slot, word_weights, base, scores, histograms, edges, first,
    last,
):  # fmt: skip
    """Scores of all settings of a network of two units or more, with their histogram.

    The output is up where at least half of the units are. One unit, the lowest in a setting's
    number, is the *inner* one; a row has one setting of each of the others.

    Parameters
    ----------
    table : uint64 (n_words, n_settings)
        Outputs of a unit.
    n_outer_units : int
    labels, is_slot : uint64 (n_words,)
        Right outputs, and which bits count at all.
    word_weights : int32 (n_words,)
        What a right output at a slot of this word is worth.
    base : int
        Added to all scores.
    scores : uint16 or uint32 (n_settings ** n_outer_units, n_settings)
        Written. With no rows only the histogram is made.
    histograms : int64 (n_blocks, n_levels)
        Added to, one row a block.
    edges : int64 (n_blocks + 1,)
        Rows between which each block lies.
    first, last : int
        Range of blocks.
    """
    n_words, n_settings = table.shape
    agreement = np.empty(n_words, np.uint64)
    decided = np.empty(n_words, np.uint64)
    counts = np.empty(_STATES_AT_ONCE, np.int32)
    outer = np.empty((n_words, n_outer_units), np.uint64)
    for block in range(first, last):
        for row in range(edges[block], edges[block + 1]):
            rest = row
            for unit in range(n_outer_units):
                for word in range(n_words):
                    outer[word, unit] = table[word, rest % n_settings]
                rest //= n_settings
            decide(outer, labels, is_slot, agreement, decided)
            for start in range(0, n_settings, _STATES_AT_ONCE):
                stop = min(start + _STATES_AT_ONCE, n_settings)
                _score(table, agreement, decided, word_weights, base, start, stop, counts)
                if scores.shape[0]:
                    for i in range(stop - start):
                        scores[row, start + i] = counts[i]
                for i in range(stop - start):
                    histograms[block, counts[i]] += 1


@njit(cache=True, nogil=True)
def score_unit(
    table, agreement, decided, word_weights, base, scores, histograms, edges, first, last
):
    """Scores of all settings of one unit beside others that stay, with their histogram.

    Parameters
    ----------
    table : uint64 (n_words, n_settings)
        Outputs of the unit.
    agreement, decided : uint64 (n_words,)
        From :func:`decide`.
    word_weights : int32 (n_words,)
    base : int
    scores : uint16 or uint32 (n_settings,)
        Written; of no length if only the histogram is wanted.
    histograms : int64 (n_blocks, n_levels)
        Added to.
    edges : int64 (n_blocks + 1,)
        Settings between which each block lies.
    first, last : int
        Range of blocks.
    """
    counts = np.empty(_STATES_AT_ONCE, np.int32)
    for block in range(first, last):
        for start in range(edges[block], edges[block + 1], _STATES_AT_ONCE):
            stop = min(start + _STATES_AT_ONCE, edges[block + 1])
            _score(table, agreement, decided, word_weights, base, start, stop, counts)
            if scores.shape[0]:
                for i in range(stop - start):
                    scores[start + i] = counts[i]
            for i in range(stop - start):
                histograms[block, counts[i]] += 1


@njit(cache=True, nogil=True)
def decide(outer, labels, is_slot, agreement, decided):
    """Where one more unit decides the output, and what agrees with the labels if it is down.

    Parameters
    ----------
    outer : uint64 (n_words, n_units)
        Outputs of the other units.
    labels, is_slot : uint64 (n_words,)
    agreement, decided : uint64 (n_words,)
        Written.
    """
    n_words, n_units = outer.shape
    threshold = (n_units + 2) // 2  # half of all units, rounded up
    planes = np.empty(_bits_of(n_units + 1), np.uint64)
    for word in range(n_words):
        sure = _count(outer[word], threshold, planes)
        open_to = _count(outer[word], threshold - 1, planes)
        agreement[word] = ~(sure ^ labels[word]) & is_slot[word]
        decided[word] = open_to & ~sure & is_slot[word]


@njit(cache=True, nogil=True)
def _count(bits, threshold, planes):
    """Slots at which at least so many bits are up."""
    if threshold == 0:
        return _ALL
    result = _NONE
    _start_counter(planes, threshold)
    for i in range(len(bits)):
        result |= _add_bits(planes, bits[i])
    return result


@njit(cache=True, nogil=True)
def _score(table, agreement, decided, word_weights, base, start, stop, counts):
    for i in range(stop - start):
        counts[i] = base
    for word in range(len(agreement)):
        agree, decides, weight = agreement[word], decided[word], word_weights[word]
        outputs = table[word, start:stop]
        for i in range(stop - start):
            counts[i] += weight * np.int32(_count_bits(agree ^ (decides & outputs[i])))


@njit(cache=True, nogil=True)
def count_between(scores, least, most, counts, edges, first, last):
    """Numbers of scores, by block, within some range.

    Parameters
    ----------
    scores : uint16 or uint32 (n_states,)
    least, most : int
        Both inclusive.
    counts : int64 (n_blocks,)
        Written.
    edges : int64 (n_blocks + 1,)
    first, last : int
        Range of blocks.
    """
    for block in range(first, last):
        total = 0
        for i in range(edges[block], edges[block + 1]):
            total += least <= scores[i] <= most
        counts[block] = total


@njit(cache=True, nogil=True)
def locate_ranks(scores, least, most, ranks, first, places):
    """Places of some of the scores within some range.

    Parameters
    ----------
    scores : uint16 or uint32 (n_states,)
    least, most : int
        Both inclusive.
    ranks : int64 (n_ranks,)
        Which of them, counted from 0 from ``first`` on; increasing.
    first : int
        Where to begin.
    places : int64 (n_ranks,)
        Written.
    """
    found, wanted = 0, 0
    for i in range(first, len(scores)):
        if least <= scores[i] <= most:
            while wanted < len(ranks) and ranks[wanted] == found:
                places[wanted] = i
                wanted += 1
            if wanted == len(ranks):
                return
            found += 1
