"""The random generator, whose lines repeat in each kernel file by design."""

import inspect
import re

import numpy as np
import pytest

from qsklearn._kernels import _closed_form, _dense_annealing, _sparse_annealing
from qsklearn.samplers import _seeds

FILES = (_closed_form, _dense_annealing, _sparse_annealing)
MASK = 0xFFFFFFFF


def source(function):
    return inspect.getsource(getattr(function, "py_func", function))


def xoshiro_step(module):
    """The lines of one step of xoshiro128++, dedented, as a file has them."""
    text = inspect.getsource(module)
    step = re.search(r"^( *)s0 = generator\[lane\]\n.*?\n\1\)\n", text, re.M | re.S)
    assert step, f"{module.__name__} has no xoshiro128++ step"
    return inspect.cleandoc(step.group())


def test_repeated_lines_are_the_same():
    for name in ("_mix", "_seed_lane"):
        assert len({source(getattr(module, name)) for module in FILES}) == 1, name
    assert len({xoshiro_step(module) for module in FILES}) == 1
    # The samplers' own mix works on arrays, with the same lines.
    body = source(_closed_form._mix).split("\n")[-4:]
    assert source(_seeds._mix).split("\n")[-4:] == body


def step(state):
    """Reference xoshiro128++ (Blackman and Vigna), one step; changes the state."""

    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & MASK

    result = (rotate((state[0] + state[3]) & MASK, 7) + state[0]) & MASK
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
    """First outputs of xoshiro128++ from the state (1, 2, 3, 4)."""
    state = [1, 2, 3, 4]
    published = [641, 1573767, 3222811527, 3517856514, 836907274]
    assert [step(state) for _ in published] == published


@pytest.mark.parametrize("read", [0, 1, 77])
def test_streams_match_the_reference(read):
    key_0, key_1 = 2**64 - 5, 123456789
    for module in FILES:
        generator = np.zeros(4 * 3, np.uint32)
        module._seed_lane(np.uint64(key_0), np.uint64(key_1), read, generator, 1, 3)
        assert generator.reshape(4, 3)[:, 1].tolist() == seed_state(key_0, key_1, read)
    expected = seed_state(key_0, key_1, read)
    words = [step(expected) for _ in range(50)]

    generator = np.array(seed_state(key_0, key_1, read), np.uint32)
    assert [int(_closed_form._draw_word(generator, 0, 1)) for _ in words] == words

    generator = np.array(seed_state(key_0, key_1, read), np.uint32)
    drawn = [_dense_annealing._draw_uniform(generator, 0, 1) for _ in words]
    assert drawn == [((word >> 1) + 0.5) * 2.0**-31 for word in words]

    generator = np.array(seed_state(key_0, key_1, read), np.uint32)
    uniforms = np.empty(1, np.float32)
    for word in words:
        _sparse_annealing._draw_uniforms(generator, 1, uniforms)
        rounded = np.float32(word >> 1) + np.float32(0.5)  # rounds twice
        assert uniforms[0] == rounded * np.float32(2.0**-31)


def test_uniforms_of_the_closed_form_have_53_bits():
    generator = np.array([1, 2, 3, 4], np.uint32)
    high, low = 641, 1573767
    assert _closed_form._draw_uniform(generator) == (((high << 32) | low) >> 11) * 2.0**-53
