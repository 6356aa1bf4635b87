"""JSON and arrays as bytes, and the names of calls.

Nothing that is unpacked is executed: JSON and plain arrays of numbers are all there is.
"""

from __future__ import annotations

import json
import zlib
from hashlib import blake2b
from typing import Any

import numpy as np

_KINDS = "biuf"  # of numbers, in numpy's letters
_LARGEST = 2**31  # bytes of an answer, unpacked
# Steps of numbers in keys, in units of the largest: beyond any device's precision.
_STEP = 2.0**-16
# Where steps begin, and where the largest falls into the next octave: not at round numbers.
_PHASE = 0.3719
_OCTAVE = 0.7391
_SMALLEST = float(np.finfo(float).smallest_subnormal)

Arrays = dict[str, np.ndarray]


def pack(facts: Any, arrays: Arrays) -> bytes:
    """JSON and arrays of numbers as compressed bytes, the same for equal content."""
    return zlib.compress(join(facts, arrays), 9)


def join(facts: Any, arrays: Arrays) -> bytes:
    """JSON and arrays of numbers as bytes, the same for equal content."""
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in plain.items()}
    head = json.dumps([facts, shapes], separators=(",", ":"), allow_nan=True).encode()
    parts = [len(head).to_bytes(4, "little"), head, *(array.tobytes() for array in plain.values())]
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[Any, Arrays]:
    """The other way round.

    Raises
    ------
    ValueError, TypeError, zlib.error
        If the bytes are no such thing.
    """
    reader = zlib.decompressobj()
    whole = reader.decompress(packed, _LARGEST)
    if not reader.eof or reader.unused_data:
        raise ValueError("it is cut short, or too large")
    return split(whole)


def split(whole: bytes) -> tuple[Any, Arrays]:
    """What :func:`join` has joined.

    Raises
    ------
    ValueError, TypeError
        If the bytes are no such thing.
    """
    at = 4 + int.from_bytes(whole[:4], "little")
    facts, shapes = json.loads(whole[4:at])
    arrays = {}
    for name, (code, shape) in shapes.items():
        kind = np.dtype(code)
        if kind.kind not in _KINDS or min(shape, default=0) < 0:
            raise ValueError(f"{name!r} is no array of numbers")
        size = int(np.prod(shape, dtype=object))
        if at + size * kind.itemsize > len(whole):
            raise ValueError(f"{name!r} is cut short")
        arrays[name] = np.frombuffer(whole, kind, size, at).reshape(shape).copy()
        at += size * kind.itemsize
    if at != len(whole):
        raise ValueError("it has more in it than it says")
    return facts, arrays


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """Bits as bytes, along the last axis, (..., n) to (..., ceil(n / 8))."""
    return np.packbits(bits.astype(bool), axis=-1)


def unpack_bits(packed: np.ndarray, n_bits: int | None) -> np.ndarray:
    """The other way round, as uint8; None for all bits."""
    return np.unpackbits(packed, axis=-1, count=n_bits)


def key_of(facts: Any, arrays: Arrays) -> bytes:
    """Name of a call by its content: equal for equal numbers, whatever their order of bytes.

    Raises
    ------
    TypeError
        If there is something else than JSON in the facts.
    """
    hashed = blake2b(digest_size=16)
    hashed.update(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(arrays):
        array = _by_value(arrays[name])
        head = json.dumps([name, array.dtype.str, list(array.shape)])
        hashed.update(head.encode() + array.tobytes())
    return hashed.digest()


def on_grid(arrays: Arrays) -> Arrays:
    """Numbers in steps of 2⁻¹⁶ of the largest of all, for keys.

    Another machine adds up in another order, and the last digits of what it computes differ. They
    must not decide whether a recorded call is found.
    """
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arrays.values()), default=0.0)
    if not 0.0 < largest < np.inf:
        return dict(arrays)
    octave = int(np.ceil(np.log2(largest) + np.log2(_OCTAVE)))
    step = max(float(np.ldexp(_STEP, octave)), _SMALLEST)
    return {name: np.floor(array / step + _PHASE) for name, array in arrays.items()}


def digest(*parts: bytes | str) -> bytes:
    """Of all the parts, and of where one ends and the next begins.

    Raises
    ------
    TypeError
        If a part is neither bytes nor text.
    """
    hashed = blake2b(digest_size=16)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        hashed.update(len(content).to_bytes(8, "little") + content)
    return hashed.digest()


def _by_value(array: np.ndarray) -> np.ndarray:
    """Equal numbers as equal bytes."""
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, "<f8") + 0.0  # -0.0 is 0.0
    if array.dtype.kind == "b":
        return np.ascontiguousarray(array, "|u1")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        return np.ascontiguousarray(array, "<u8").view("<i8")
    return np.ascontiguousarray(array, "<i8")
