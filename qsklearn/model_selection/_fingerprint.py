"""A short number that two comparisons share when they found the same, bit for bit."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Mapping

import numpy as np

_NAN = struct.pack("<d", math.nan)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def fingerprint_of(value):
    """SHA-256 of nested dicts, sequences, arrays, numbers and texts.

    Parameters
    ----------
    value : object
        Floats count by their eight bytes, so that 0.1 + 0.2 is not 0.3; all NaN are one. The order
        of a dict does not matter. What is none of the kinds above counts by what it prints, less
        addresses in memory.

    Returns
    -------
    digest : str
        64 hexadecimal digits.
    """
    return hashlib.sha256(_encode(value)).hexdigest()


def stable_repr(value):
    """What a value prints, less addresses in memory, which no second run repeats."""
    return _ADDRESS.sub("", repr(value))


def _encode(value):
    """Bytes that no value of another kind or shape shares: kind, length, content."""
    kind, content = _content(value)
    return kind + struct.pack("<q", len(content)) + content


def _content(value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return b"f", _NAN if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, Mapping):
        return b"d", b"".join(sorted(_encode(k) + _encode(v) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return b"l", b"".join(map(_encode, value))
    if isinstance(value, str):
        return b"s", value.encode()
    # Whole numbers, truth values and None print what they are.
    return type(value).__name__.encode() + b":", stable_repr(value).encode()
