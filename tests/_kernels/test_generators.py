"""The random generators: xoshiro128+ along the lanes of vectors, xoshiro128++ of one stream."""

import inspect

import numpy as np
import pytest
from numba import njit

from qsklearn._kernels import _scalar_streams, _streams
from qsklearn._kernels._vectors import LANES, store
from qsklearn.samplers import _seeds

MASK = 0xFFFFFFFF


def source(function):
    return inspect.getsource(getattr(function, "py_func", function))


def test_all_mix_alike():
    """Along lanes, one stream at a time, and the samplers' on arrays: the same lines."""
    body = source(_streams.mix).split("\n")[-4:]
    assert source(_scalar_streams.mix).split("\n")[-4:] == body
    assert source(_seeds._mix).split("\n")[-4:] == body


def step(state, scrambler):
    """Reference xoshiro128 (Blackman and Vigna) with + or ++, one step; changes the state."""

    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & MASK

    result = (state[0] + state[3]) & MASK
    if scrambler == "++":
        result = (rotate(result, 7) + state[0]) & MASK
    shifted = (state[1] << 9) & MASK
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotate(state[3], 11)
    return result


def mix(z):
    mask = (1 << 64) - 1
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def seed_state(key_0, key_1, read):
    mask, golden = (1 << 64) - 1, 0x9E3779B97F4A7C15
    a = mix(mix((key_0 + golden * (read + 1)) & mask) ^ key_1)
    b = mix((a + golden) & mask)
    return [a & MASK, a >> 32, b & MASK, (b >> 32) | 1]


def test_reference_generator_gives_the_published_numbers():
    """First outputs of xoshiro128++ from the state (1, 2, 3, 4); + has the same states."""
    state = [1, 2, 3, 4]
    published = [641, 1573767, 3222811527, 3517856514, 836907274]
    assert [step(state, "++") for _ in published] == published


KEYS = (2**64 - 5, 123456789)


@pytest.mark.parametrize("read", [0, 1, 77])
def test_streams_along_lanes_match_the_reference(read):
    @njit
    def draw(generator, words):
        state = _streams.load_generator(generator, 0, np.empty(0, np.uint64))
        for at in range(0, len(words), LANES):
            bits, state = _streams.draw_bits(state)
            store(words, at, bits)
        _streams.store_generator(generator, 0, state)

    generator = np.zeros(4 * LANES, np.uint32)
    _streams.seed_lane(np.uint64(KEYS[0]), np.uint64(KEYS[1]), read, generator, 5)
    expected = seed_state(*KEYS, read)
    assert generator.reshape(4, LANES)[:, 5].tolist() == expected
    words = np.empty(50 * LANES, np.uint32)
    draw(generator, words)
    assert words.reshape(50, LANES)[:, 5].tolist() == [step(expected, "+") for _ in range(50)]
    assert generator.reshape(4, LANES)[:, 5].tolist() == expected


@pytest.mark.parametrize("read", [0, 1, 77])
def test_single_streams_match_the_reference(read):
    generator = np.zeros(_scalar_streams.STATE, np.uint32)
    _scalar_streams.seed_stream(np.uint64(KEYS[0]), np.uint64(KEYS[1]), read, generator)
    assert generator.tolist() == seed_state(*KEYS, read)
    expected = seed_state(*KEYS, read)
    words = [step(expected, "++") for _ in range(50)]
    assert [int(_scalar_streams.draw_word(generator)) for _ in words] == words


def test_uniforms_of_single_streams_have_53_bits():
    generator = np.array([1, 2, 3, 4], np.uint32)
    high, low = 641, 1573767
    assert _scalar_streams.draw_uniform(generator) == (((high << 32) | low) >> 11) * 2.0**-53
