"""Refusing what does not fit into the machine, before it is allocated. For every room."""

from __future__ import annotations

import os


def physical_memory() -> int | None:
    """Bytes of memory that the machine has, or None where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None


def check_memory(n_bytes: int, thing: str, remedy: str) -> None:
    """Compare what a thing needs with what the machine has.

    Parameters
    ----------
    n_bytes : int
        What it needs.
    thing : str
        The beginning of the error: what it is.
    remedy : str
        A sentence: what to do.

    Raises
    ------
    MemoryError
        If it needs more.
    """
    available = physical_memory()
    if available is not None and n_bytes > available:
        raise MemoryError(
            f"{thing} would need {n_bytes:,} bytes, and the machine has {available:,}. {remedy}"
        )
