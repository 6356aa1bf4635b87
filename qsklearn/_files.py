"""Files that are whole or not there. For every room."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

_HOUR = 3600.0  # seconds; nobody writes a file for longer


def replace_file(path: str | os.PathLike, parts: Iterable[bytes]) -> int:
    """Write a file in one step: a process killed at any moment leaves the old or the new one.

    The content is on the disk before the name points at it, so that this also holds where the
    machine itself stops.

    Parameters
    ----------
    path : str or path-like
        Its folder has to be there.
    parts : iterable of bytes
        The content, one part after the other.

    Returns
    -------
    n_parts : int

    Raises
    ------
    OSError
        If it cannot be written; what was there stays, as after whatever the parts raise. It names
        ``path``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        n_parts = 0
        with temporary.open("xb") as file:
            for part in parts:
                file.write(part)
                n_parts += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _settle(path.parent)
    except OSError as error:  # the user has never heard of the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return n_parts


def sweep_up(path: str | os.PathLike) -> None:
    """Delete what killed processes had begun to write in the place of a file.

    Parameters
    ----------
    path : str or path-like
    """
    path = Path(path)
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(OSError):  # another process may delete it meanwhile
            if temporary.stat().st_mtime < time.time() - _HOUR:
                temporary.unlink()


def _settle(folder: Path) -> None:
    """Let the folder know its new name for good, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
