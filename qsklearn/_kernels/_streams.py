"""Random streams side by side, one a lane, and the functions that make thresholds of their bits.

For kernels on :mod:`qsklearn._kernels._vectors`; as there, delete the kernels' ``__pycache__``
after an edit.
"""

import numpy as np
from numba import njit

from qsklearn._kernels._vectors import (
    LANES,
    bits_of,
    broadcast_like,
    floats_of,
    floor,
    load_like,
    maximum,
    minimum,
    rotate_left,
    shift_left,
    shift_right,
    store,
    to_floats,
    to_integers,
)


@njit(cache=True, nogil=True, inline="always")
def mix(z):
    """Finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def seed_lane(key_0, key_1, read, generator, at):
    """State of xoshiro128+ for one read of one model, its words LANES apart."""
    a = mix(mix(key_0 + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1)) ^ key_1)
    b = mix(a + np.uint64(0x9E3779B97F4A7C15))
    generator[at] = np.uint32(a)
    generator[at + LANES] = np.uint32(a >> np.uint64(32))
    generator[at + 2 * LANES] = np.uint32(b)
    generator[at + 3 * LANES] = np.uint32(b >> np.uint64(32)) | np.uint32(1)


@njit(cache=True, nogil=True)
def load_generator(generator, at, words):
    return (
        load_like(generator, at, words),
        load_like(generator, at + LANES, words),
        load_like(generator, at + 2 * LANES, words),
        load_like(generator, at + 3 * LANES, words),
    )


@njit(cache=True, nogil=True)
def store_generator(generator, at, state):
    store(generator, at, state[0])
    store(generator, at + LANES, state[1])
    store(generator, at + 2 * LANES, state[2])
    store(generator, at + 3 * LANES, state[3])


@njit(cache=True, nogil=True, inline="always")
def draw_bits(state):
    """One step of xoshiro128+ per lane; its weak lowest bit is for the caller to drop."""
    s0, s1, s2, s3 = state
    bits = s0 + s3
    shifted = shift_left(s1, 9)
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ shifted
    s3 = rotate_left(s3, 11)
    return bits, (s0, s1, s2, s3)


@njit(cache=True, nogil=True, inline="always")
def make_odd(bits):
    """Odd numbers n below 2^31: n / 2^31 is a uniform of 30 bits that is neither 0 nor 1."""
    return shift_right(bits, 1) | broadcast_like(np.uint32(1), bits)


@njit(cache=True, nogil=True, inline="always")
def log_uniform(odd):
    """log(odd / 2^31) to 7e-6, never above 0: exponent and mantissa apart, and a polynomial.

    With the bits of a float read as a number, bits 2^-23 = exponent + m - 1 for the mantissa m, so
    only log m - (m - 1) log 2 is left to the polynomial; 3.4e-6 is its error, taken off the end.
    """
    bits = bits_of(to_floats(odd))
    m = floats_of(
        (bits & broadcast_like(np.uint32(0x007FFFFF), odd))
        | broadcast_like(np.uint32(0x3F800000), odd)
    )
    whole = to_floats(bits - broadcast_like(np.uint32((127 + 31) << 23), odd))
    p = broadcast_like(np.float32(-0.01780779720452343), odd)
    p = p * m + broadcast_like(np.float32(0.19071949439300878), odd)
    p = p * m + broadcast_like(np.float32(-0.8781644531299437), odd)
    p = p * m + broadcast_like(np.float32(2.278055855498614), odd)
    p = p * m + broadcast_like(np.float32(-3.7027938046113293), odd)
    p = p * m + broadcast_like(np.float32(3.5440415622873576), odd)
    p = p * m + broadcast_like(np.float32(-1.4140495784921148 - 3.4e-6), odd)
    return whole * broadcast_like(np.float32(0.6931471805599453 * 2.0**-23), odd) + p


@njit(cache=True, nogil=True, inline="always")
def exponential(x):
    """exp(x) to 5e-6 relative, clipped to |x| <= 87."""
    clipped = maximum(
        minimum(x, broadcast_like(np.float32(87.0), x)), broadcast_like(np.float32(-87.0), x)
    )
    t = clipped * broadcast_like(np.float32(1.4426950408889634), x)
    whole = floor(t + broadcast_like(np.float32(0.5), x))
    f = t - whole
    p = broadcast_like(np.float32(1.535336188319500e-4), x)
    p = p * f + broadcast_like(np.float32(1.339887440266574e-3), x)
    p = p * f + broadcast_like(np.float32(9.618437357674640e-3), x)
    p = p * f + broadcast_like(np.float32(5.550332471162809e-2), x)
    p = p * f + broadcast_like(np.float32(2.402264791363012e-1), x)
    p = p * f + broadcast_like(np.float32(6.931472028550421e-1), x)
    p = p * f + broadcast_like(np.float32(1.0), x)
    return p * floats_of(shift_left(to_integers(whole) + broadcast_like(np.uint32(127), x), 23))
