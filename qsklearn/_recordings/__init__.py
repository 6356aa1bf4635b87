"""Recorded calls in a file: for samplers and circuits alike, which know nothing of each other."""

from qsklearn._recordings._canonical import canonical, plain
from qsklearn._recordings._modes import MODES, Recording, new_session
from qsklearn._recordings._packing import (
    join,
    key_of,
    on_grid,
    pack,
    pack_bits,
    split,
    unpack,
    unpack_bits,
)
from qsklearn._recordings._store import Answer, RecordingError, RecordingStore

__all__ = [
    "Answer",
    "MODES",
    "Recording",
    "RecordingError",
    "RecordingStore",
    "canonical",
    "join",
    "key_of",
    "new_session",
    "on_grid",
    "pack",
    "pack_bits",
    "plain",
    "split",
    "unpack",
    "unpack_bits",
]
