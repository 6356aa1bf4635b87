"""How a file of recorded calls is used: asked first, asked alone, or written anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from qsklearn._checks import is_among
from qsklearn._recordings._packing import Arrays
from qsklearn._recordings._store import Answer, RecordingError, RecordingStore
from qsklearn._versions import versions_of

MODES = ("auto", "record", "replay", "strict")
# What a run's numbers depend on; compared in the mode "strict".
_PACKAGES = ("qsklearn", "dimod", "dwave-system", "numpy", "scikit-learn", "qiskit")


def new_session() -> str:
    """Name of a recording that begins."""
    return uuid4().hex


def versions_here() -> dict[str, str | None]:
    """Versions of packages at work; None for one that is not installed."""
    return versions_of(_PACKAGES)


@dataclass(frozen=True)
class Recording:
    """A file in one of the modes.

    Attributes
    ----------
    path : path-like
    mode : {"auto", "record", "replay", "strict"}
    session : str
        The recording that is being made, maybe by many processes.
    """

    path: str | Path
    mode: str
    session: str

    @classmethod
    def open(cls, path: Any, mode: Any, session: str, caller: str) -> Recording:
        """Of checked parameters.

        Raises
        ------
        ValueError
            If one is none.
        """
        if not is_among(mode, MODES):
            raise ValueError(
                f"The 'mode' parameter of {caller} must be a str among {set(MODES)}. Got "
                f"{mode!r} instead."
            )
        if not isinstance(path, str | Path) or "\0" in str(path):
            raise ValueError(
                f"The 'path' parameter of {caller} must be a str or a path of a file. Got "
                f"{path!r} instead."
            )
        return cls(path, mode, session)

    @property
    def store(self) -> RecordingStore:
        return RecordingStore(self.path)

    @property
    def may_ask(self) -> bool:
        """Whether calls that are not recorded are made."""
        return self.mode in ("auto", "record")

    @property
    def begins_anew(self) -> bool:
        """Whether only answers of this recording count."""
        return self.mode == "record"

    def find(self, key: bytes) -> Answer | None:
        """The recorded answer to a call."""
        return self.store.get(key, self.session if self.begins_anew else None)

    def prepare(self, parts: Mapping[str, tuple[Any, Arrays]]) -> None:
        """Before a call is made: what answers will refer to, and whether they can be kept."""
        about = {
            "versions": versions_here(),
            "started": datetime.now(UTC).isoformat("T", "seconds"),
        }
        session = {f"session:{self.session}": (about, {})}
        self.store.put_parts({**session, **parts}, self.session, renew=self.begins_anew)

    def keep(self, key: bytes, answer: Answer) -> Answer:
        """What the file has now: this answer, or that of whoever was first."""
        return self.store.put(key, answer, self.session, renew=self.begins_anew)

    def check_versions(self) -> None:
        """In the mode "strict": whether the file was made with the versions that are here.

        Raises
        ------
        RecordingError
            If not.
        """
        if self.mode != "strict":
            return
        here = versions_here()
        for session, about in self.store.sessions().items():
            there = about.get("versions", {})
            other = [
                f"{package} {there.get(package)} (here {version})"
                for package, version in here.items()
                if there.get(package) != version
            ]
            if other:
                raise RecordingError(
                    f"The recording {str(self.path)!r} was made, in the session {session[:8]}, "
                    f"with {', '.join(other)}. Install those versions, or use mode='replay', which "
                    "does not compare them."
                )

    def check_there(self) -> None:
        """Whether there is a file to be replayed.

        Raises
        ------
        RecordingError
            If not.
        """
        if not Path(self.path).exists():
            raise RecordingError(
                f"There is no recording {str(self.path)!r} to replay. Give the path of one, or "
                "make one with mode='auto'."
            )
