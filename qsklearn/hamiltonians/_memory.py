"""Refusing what does not fit into the machine before it is allocated."""

from __future__ import annotations

import os


def check_memory(n_bytes: int, thing: str, remedy: str) -> None:
    """Compare what a thing needs with what the machine has.

    Raises
    ------
    MemoryError
        If it needs more.
    """
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system: let it try
        return
    if n_bytes > available:
        raise MemoryError(
            f"{thing} would need {n_bytes:,} bytes, and the machine has {available:,}. {remedy}"
        )
