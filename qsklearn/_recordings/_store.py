"""Recorded calls in one file: found by what was asked, given back as it was answered.

The file is an SQLite database, so that many processes may write to it at once, a process that is
killed leaves it whole, and one file is all that has to be handed on. Each row has a digest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsklearn._recordings._packing import Arrays, digest, pack, unpack

_APPLICATION = 0x71736B6C  # "qskl", in the header of the file
_APPLICATION_AT = slice(68, 72)  # bytes of the header, by SQLite's format
_FORMAT = 1
_PATIENCE = 120.0  # seconds to wait for other writers
# Small pages: answers of a kilobyte leave little of them empty.
_PAGE = 512
_TABLES = (
    "CREATE TABLE answers (key BLOB PRIMARY KEY, kind TEXT, source TEXT, session TEXT, "
    "payload BLOB, digest BLOB)",
    "CREATE TABLE parts (name TEXT PRIMARY KEY, session TEXT, payload BLOB, digest BLOB)",
)
_COLUMNS = "kind, source, session, payload, digest"
_SOURCE = "source:"
_SESSION = "session:"


class RecordingError(ValueError):
    """A file of recorded calls is not what it should be, or lacks a call.

    Examples
    --------
    >>> from qsklearn._recordings import RecordingStore
    >>> RecordingStore(__file__).sources()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    qsklearn._recordings._store.RecordingError: The recording ... cannot be used: ...
    """


@dataclass(frozen=True)
class Answer:
    """What came of a call.

    Attributes
    ----------
    kind : str
        What sort of call it was.
    source : str
        Who answered: a key of the file's sources.
    facts : dict
        JSON.
    arrays : dict of str to ndarray
        Of numbers or booleans.
    """

    kind: str
    source: str
    facts: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)


class RecordingStore:
    """A file of recorded calls.

    Parameters
    ----------
    path : str or path-like
        Made when something is first put in; its folder has to be there.
    """

    def __init__(self, path):
        self.path = Path(path)

    def get(self, key: bytes, session: str | None = None) -> Answer | None:
        """The answer to a call; None if there is none, or none of that session.

        Raises
        ------
        RecordingError
            If the file is damaged or none of ours.
        """
        if self._is_new():
            return None
        with self._open() as database:
            return self._find(database, key, session)

    def put(self, key: bytes, answer: Answer, session: str, *, renew: bool = False) -> Answer:
        """Keep an answer, and return what the file has now.

        That is this answer, or the one that somebody else kept first: of any session, or with
        ``renew`` of the same one.
        """
        packed = pack(answer.facts, answer.arrays)
        names = (answer.kind, answer.source, session)
        with self._open(writable=True) as database:
            first = self._find(database, key, session if renew else None)
            if first is not None:
                return first
            database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (key, *names, packed, digest(key, *names, packed)),
            )
        return answer

    def part(self, name: str) -> tuple[Any, Arrays] | None:
        """What many calls share, by its name: JSON and arrays."""
        if self._is_new():
            return None
        with self._open() as database:
            row = database.execute(
                "SELECT session, payload, digest FROM parts WHERE name = ?", (name,)
            ).fetchone()
            return None if row is None else self._unpack(row[1], row[2], name, row[0])

    def digest_of_part(self, name: str) -> bytes | None:
        """Equal for equal parts; None if there is none."""
        if self._is_new():
            return None
        with self._open() as database:
            row = database.execute("SELECT digest FROM parts WHERE name = ?", (name,)).fetchone()
            return None if row is None else row[0]

    def put_parts(
        self, parts: Mapping[str, tuple[Any, Arrays]], session: str, *, renew: bool = False
    ) -> None:
        """Keep parts, unless they are there; or, with ``renew``, in the place of other sessions'.

        Raises
        ------
        RecordingError
            If the file cannot be written to, also where nothing has to be.
        """
        packed = {name: pack(*part) for name, part in parts.items()}
        with self._open(writable=True) as database:
            for name, payload in packed.items():
                row = database.execute(
                    "SELECT session FROM parts WHERE name = ?", (name,)
                ).fetchone()
                if row is None or (renew and row[0] != session):
                    database.execute(
                        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)",
                        (name, session, payload, digest(name, session, payload)),
                    )

    def sources(self) -> list[str]:
        """Those who answered, sorted."""
        return self._names(_SOURCE)

    def sessions(self) -> dict[str, dict[str, Any]]:
        """Recordings that made the file, by their names, with what is known of each."""
        names = self._names(_SESSION)
        found = {name: self.part(f"{_SESSION}{name}") for name in names}
        return {name: part[0] for name, part in found.items() if part is not None}

    def source(self, source: str) -> tuple[dict[str, Any], Arrays] | None:
        """What is known of who answered."""
        return self.part(f"{_SOURCE}{source}")

    def count(self, source: str) -> int:
        """Calls that somebody answered."""
        with self._open() as database:
            return int(
                database.execute(
                    "SELECT count(*) FROM answers WHERE source = ?", (source,)
                ).fetchone()[0]
            )

    def answers(self) -> Iterator[tuple[bytes, str, Answer]]:
        """Key, session and answer of each call, by key.

        Raises
        ------
        RecordingError
            At the first that is damaged.
        """
        if self._is_new():
            return
        with self._open() as database:
            rows = database.execute("SELECT key, session FROM answers ORDER BY key").fetchall()
            for key, session in rows:
                answer = self._find(database, key, None)
                if answer is None:
                    raise self._damaged_at(key, "it is listed, and not where it should be")
                yield key, session, answer

    def damaged(self) -> list[str]:
        """What is wrong with a file of ours: nothing, or a line for each damaged part.

        Raises
        ------
        RecordingError
            If it is none of ours.
        """
        found: list[str] = []
        try:
            with self._open() as database:
                self._check_all(database, found)
        except RecordingError as error:
            if not self._has_mark():
                raise
            found.append(str(error))
        return found

    def _check_all(self, database: sqlite3.Connection, found: list[str]) -> None:
        for (text,) in database.execute("PRAGMA integrity_check"):
            if text != "ok":
                found.append(f"The recording {str(self.path)!r} is damaged: {text}.")
        for (key,) in database.execute("SELECT key FROM answers ORDER BY key").fetchall():
            try:
                self._find(database, key, None)
            except RecordingError as error:
                found.append(str(error))
        rows = database.execute("SELECT name, session, payload, digest FROM parts").fetchall()
        for name, session, payload, code in rows:
            try:
                self._unpack(payload, code, name, session)
            except RecordingError as error:
                found.append(str(error))

    def _names(self, prefix: str) -> list[str]:
        if self._is_new():
            return []
        with self._open() as database:
            names = [str(name) for (name,) in database.execute("SELECT name FROM parts")]
        return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    def _find(self, database, key: bytes, session: str | None) -> Answer | None:
        row = database.execute(f"SELECT {_COLUMNS} FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or session not in (None, row[2]):
            return None
        facts, arrays = self._unpack(row[3], row[4], key, *row[:3])
        return Answer(row[0], row[1], facts, arrays)

    def _unpack(self, packed, code, *names) -> tuple[Any, Arrays]:
        try:
            if code != digest(*names, packed):
                raise ValueError("its digest does not fit")
            return unpack(packed)
        except (ValueError, TypeError, zlib.error) as error:
            raise self._damaged_at(names[0], error) from error

    def _damaged_at(self, name: object, reason: object) -> RecordingError:
        name = name.hex() if isinstance(name, bytes) else name
        return RecordingError(
            f"The recording {str(self.path)!r} is damaged at {name}: {reason}. Use another copy "
            "of the file, or record anew."
        )

    def _is_new(self) -> bool:
        """Whether there is nothing yet; an empty file is one that is being made."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True
        except OSError as error:
            raise self._unusable(error) from error

    def _has_mark(self) -> bool:
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            return file.read(100)[_APPLICATION_AT] == _APPLICATION.to_bytes(4, "big")
        return False

    @contextlib.contextmanager
    def _open(self, writable: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction; none is kept, so that processes may fork."""
        try:
            with self._connect(writable) as database:
                if writable:
                    database.execute(f"PRAGMA page_size = {_PAGE}")  # of a new file
                    database.execute("BEGIN IMMEDIATE")
                self._check_kind(database, writable)
                with database:  # commits, or rolls back
                    yield database
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            # The last: of a damaged file SQLite's own messages may be no text.
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> RecordingError:
        return RecordingError(
            f"The recording {str(self.path)!r} cannot be used: {error}. Give a file of recorded "
            "calls, in a folder that is there, or a new name in one that can be written to."
        )

    @contextlib.contextmanager
    def _connect(self, writable: bool) -> Iterator[sqlite3.Connection]:
        if writable:
            with contextlib.closing(_connection(self.path, "rwc")) as database:
                yield database
            return
        with contextlib.ExitStack() as stack:
            # What a killed process left half written is only rolled back where one may write.
            mode = "rw" if os.access(self.path, os.W_OK) else "ro"
            database = stack.enter_context(contextlib.closing(_connection(self.path, mode)))
            try:
                database.execute("PRAGMA application_id")
            except sqlite3.OperationalError:
                if not self._journal.exists():
                    raise
                copy = self._copy(stack.enter_context(tempfile.TemporaryDirectory()))
                database = stack.enter_context(contextlib.closing(_connection(copy, "rw")))
            yield database

    @property
    def _journal(self) -> Path:
        return self.path.with_name(f"{self.path.name}-journal")

    def _copy(self, folder: str) -> Path:
        """The file with what a killed process left of it, where it can be rolled back."""
        copy = Path(folder) / "recording"
        shutil.copyfile(self.path, copy)
        shutil.copyfile(self._journal, copy.with_name("recording-journal"))
        return copy

    def _check_kind(self, database: sqlite3.Connection, writable: bool) -> None:
        kind = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if (kind, version) == (_APPLICATION, _FORMAT):
            return
        is_new = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if writable and is_new and (kind, version) == (0, 0):
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_FORMAT}")
            for table in _TABLES:
                database.execute(table)
            return
        if kind == _APPLICATION:
            reason = f"has the format {version}, and this version of qsklearn reads {_FORMAT}"
        else:
            reason = "is not a file of recorded calls"
        raise RecordingError(f"The recording {str(self.path)!r} {reason}. Give another path.")


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
    )
    # Damaged text is read all the same, and fails by its digest, which names what is damaged.
    database.text_factory = lambda text: text.decode(errors="replace")
    return database
