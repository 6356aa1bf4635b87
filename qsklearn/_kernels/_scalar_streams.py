"""One random stream at a time: xoshiro128++ (Blackman and Vigna 2021), for kernels without lanes.

Editing this file does not renew numba's caches of the kernels that use it; delete ``__pycache__``.
"""

import numpy as np
from numba import njit

# Words of a generator's state.
STATE = 4


@njit(cache=True, nogil=True, inline="always")
def mix(z):
    """Finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def seed_stream(key_0, key_1, read, generator):
    """State for one read of one model, into four words."""
    a = mix(mix(key_0 + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1)) ^ key_1)
    b = mix(a + np.uint64(0x9E3779B97F4A7C15))
    generator[0] = np.uint32(a)
    generator[1] = np.uint32(a >> np.uint64(32))
    generator[2] = np.uint32(b)
    generator[3] = np.uint32(b >> np.uint64(32)) | np.uint32(1)


@njit(cache=True, nogil=True, inline="always")
def draw_word(generator):
    """One step: 32 bits."""
    s0 = generator[0]
    s1 = generator[1]
    s2 = generator[2]
    s3 = generator[3]
    r = np.uint32(s0 + s3)
    r = np.uint32(np.uint32(r << np.uint32(7)) | np.uint32(r >> np.uint32(25)))
    r = np.uint32(r + s0)
    t = np.uint32(s1 << np.uint32(9))
    s2 = np.uint32(s2 ^ s0)
    s3 = np.uint32(s3 ^ s1)
    generator[1] = np.uint32(s1 ^ s2)
    generator[0] = np.uint32(s0 ^ s3)
    generator[2] = np.uint32(s2 ^ t)
    generator[3] = np.uint32(np.uint32(s3 << np.uint32(11)) | np.uint32(s3 >> np.uint32(21)))
    return r


@njit(cache=True, nogil=True, inline="always")
def draw_uniform(generator):
    """Uniform in [0, 1) with 53 bits."""
    high = np.uint64(draw_word(generator))
    low = np.uint64(draw_word(generator))
    return float(((high << np.uint64(32)) | low) >> np.uint64(11)) * 2.0**-53
