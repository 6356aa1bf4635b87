"""Embeddings kept in memory and on disk, so that one problem on one device is embedded once.

An entry is a JSON file named after the topology, the working graph and the key, which is a hash of
all that decides the embedding. A working graph that changed has other keys; what was kept for an
earlier one of the same topology goes when nobody has used it for a month (a laboratory may well
have two devices of one topology, so not at once).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from qsklearn._files import replace_file
from qsklearn._optional import import_optional
from qsklearn._warnings import warn

Chains = tuple[tuple[int, ...], ...]

_FORMAT = 2
_ENTRIES_IN_MEMORY = 64
_MONTH = 30 * 24 * 3600.0  # seconds
_SUFFIX = ".json"

_lock = threading.Lock()  # of the four below
_memory: OrderedDict[str, Entry] = OrderedDict()
_counts = {"computed": 0, "memory": 0, "disk": 0}
_key_locks: weakref.WeakValueDictionary[str, _KeyLock] = weakref.WeakValueDictionary()
_has_warned = False


class _KeyLock:
    """A lock that can be referred to weakly."""

    def __init__(self):
        self.lock = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """What is kept: one or several disjoint embeddings of one problem.

    Attributes
    ----------
    copies : tuple of tuple of tuple of int
        Chains of each.
    source : str
        The method that found them.
    """

    copies: tuple[Chains, ...]
    source: str


def cache_folder() -> Path:
    """Folder of the embeddings on disk; it need not be there.

    Returns
    -------
    folder : pathlib.Path
        ``QSKLEARN_CACHE_DIR`` where that is set, else ``qsklearn`` in the user's folder for caches;
        in it ``embeddings``.

    Examples
    --------
    >>> from qsklearn.samplers._embedding_cache import cache_folder
    >>> cache_folder().name
    'embeddings'
    """
    if folder := os.environ.get("QSKLEARN_CACHE_DIR"):
        return Path(folder).expanduser() / "embeddings"
    return _user_cache() / "qsklearn" / "embeddings"


def _user_cache():
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cache_facts() -> dict:
    """What is on disk.

    Returns
    -------
    facts : dict
        ``folder`` (str), ``entries`` and ``bytes`` (int).

    Examples
    --------
    >>> from qsklearn.samplers._embedding_cache import cache_facts
    >>> sorted(cache_facts())
    ['bytes', 'entries', 'folder']
    """
    sizes = []
    for file in _files():
        with contextlib.suppress(OSError):  # another process may delete it meanwhile
            sizes.append(file.stat().st_size)
    return {"folder": str(cache_folder()), "entries": len(sizes), "bytes": sum(sizes)}


def clear_embedding_cache() -> int:
    """Forget all embeddings, in memory and on disk, even if one cannot be deleted.

    Returns
    -------
    n_entries : int
        Files deleted.

    Raises
    ------
    OSError
        If a file is there and cannot be deleted; the others are.

    Examples
    --------
    >>> from qsklearn.samplers._embedding_cache import clear_embedding_cache
    >>> clear_embedding_cache()  # doctest: +SKIP
    3
    """
    with _lock:
        _memory.clear()
    n_entries, fault = 0, None
    for file in _files():
        try:
            file.unlink()
            n_entries += 1
        except FileNotFoundError:
            pass
        except OSError as error:
            fault = fault or error
    for leftover in [*_files(".lock"), *_files(".tmp")]:
        with contextlib.suppress(OSError):
            leftover.unlink()
    if fault:
        raise fault
    return n_entries


def embedding_counts() -> dict:
    """How embeddings were come by in this process.

    Returns
    -------
    counts : dict
        ``computed``, ``memory`` and ``disk``; embeddings that need none (native ones, or given by
        the user) are not counted.

    Examples
    --------
    >>> from qsklearn.samplers._embedding_cache import embedding_counts
    >>> sorted(embedding_counts())
    ['computed', 'disk', 'memory']
    """
    with _lock:
        return dict(_counts)


def cached_entry(
    names: tuple[str, str, str],
    compute: Callable[[], Entry],
    is_valid: Callable[[Entry], bool],
    *,
    patience: float = 120.0,
) -> tuple[Entry, bool]:
    """Entry from memory, else from disk, else computed and kept.

    Threads and processes that want the same entry wait for the first to compute it. Files are only
    ever replaced whole. One that is damaged or not valid is computed again and replaced; where the
    folder cannot be used the work goes on without it, with one warning a process.

    Parameters
    ----------
    names : tuple of str
        Topology, working graph and key, as in the file's name.
    compute : callable
        Returns the entry; its errors go through, and nothing is kept.
    is_valid : callable
        Tells whether an entry read from disk solves the problem.
    patience : float, default=120.0
        Seconds to wait for another process before computing all the same.

    Returns
    -------
    entry : Entry
    was_there : bool
    """
    key = names[-1]
    if entry := _recall(key):
        return entry, True
    with _lock:
        key_lock = _key_locks.setdefault(key, _KeyLock())
    with key_lock.lock:
        if entry := _recall(key):
            return entry, True
        file = cache_folder() / f"{'-'.join(names)}{_SUFFIX}"
        if entry := _read_valid(file, key, is_valid):
            return _keep(key, entry, "disk"), True
        with _process_lock(file, patience):
            # It may have been written while this process waited.
            if entry := _read_valid(file, key, is_valid):
                return _keep(key, entry, "disk"), True
            entry = compute_entry(compute)
            _keep(key, entry)
            _write(file, key, entry)
            _prune(names)
    return entry, False


def compute_entry(compute: Callable[[], Entry]) -> Entry:
    """Compute without any cache, and count it."""
    entry = compute()
    with _lock:
        _counts["computed"] += 1
    return entry


def _recall(key):
    with _lock:
        if key not in _memory:
            return None
        _memory.move_to_end(key)
        _counts["memory"] += 1
        return _memory[key]


def _keep(key, entry, counted=None):
    with _lock:
        if counted:
            _counts[counted] += 1
        _memory[key] = entry
        if len(_memory) > _ENTRIES_IN_MEMORY:
            _memory.popitem(last=False)
    return entry


def _files(suffix=_SUFFIX):
    try:
        return sorted(file for file in cache_folder().glob(f"*{suffix}") if file.is_file())
    except OSError:
        return []


@contextlib.contextmanager
def _process_lock(file, patience):
    """Hold a lock on a file beside `file`; without it where that cannot be had.

    The lock only saves work: what is computed twice is written twice, each time whole.
    """
    path = file.with_suffix(".lock")
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = import_optional("fasteners", "The cache of embeddings").InterProcessLock(path)
        if not lock.acquire(timeout=patience):
            lock = None
    except ImportError:
        pass
    except OSError as error:
        lock = None
        _warn(error)
    try:
        yield
    finally:
        if lock is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            lock.release()


def _read_valid(file, key, is_valid):
    entry = _read(file, key)
    if entry is None or not is_valid(entry):
        return None
    with contextlib.suppress(OSError):
        os.utime(file)  # used now, for _prune
    return entry


def _read(file, key):
    """The entry of a file; None if there is none or it is damaged."""
    try:
        written = file.read_bytes()
        content = json.loads(written)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _warn(error)
        return None
    except (ValueError, RecursionError):
        return None
    try:
        if (content["format"], content["key"]) != (_FORMAT, key):
            return None
        copies = tuple(tuple(map(tuple, chains)) for chains in content["copies"])
        source = content["source"]
    except (KeyError, TypeError):
        return None
    is_whole = all(type(q) is int for chains in copies for chain in chains for q in chain)
    if not (is_whole and copies and isinstance(source, str)):
        return None
    # Other chains may solve the problem as well, but nobody found these.
    entry = Entry(copies, source)
    return entry if _encode(key, entry) == written else None


def _encode(key, entry):
    """The content of a file, with a digest of all the rest."""
    content = {"format": _FORMAT, "key": key, "source": entry.source, "copies": entry.copies}
    digest = blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
    return json.dumps({**content, "digest": digest}, separators=(",", ":")).encode()


def _write(file, key, entry):
    try:
        replace_file(file, [_encode(key, entry)])
    except OSError as error:
        _warn(error)


def _prune(names):
    """Delete what other working graphs of the same topology left, unused for a month."""
    topology, working_graph, _ = names
    before = time.time() - _MONTH
    for file in _files():
        # Keys and working graphs have no hyphen, topologies may.
        *other, other_graph, _ = file.stem.split("-")
        if "-".join(other) == topology and other_graph != working_graph:
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < before:
                    file.unlink()


def _warn(error):
    global _has_warned
    with _lock:
        has_warned, _has_warned = _has_warned, True
    if not has_warned:
        warn(
            f"Embeddings cannot be kept in {str(cache_folder())!r} ({error}), so each process "
            "computes its own. Set QSKLEARN_CACHE_DIR to a folder that can be written to.",
            RuntimeWarning,
        )
