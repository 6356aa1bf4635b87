"""What is said in a call, as JSON: to be kept, without secrets, or to be named by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

_SECRETS = ("token", "apikey", "password", "passwd", "secret", "authorization", "credential")


class _Left:
    """What is left out."""


_LEFT = _Left()


def is_secret(name: Any) -> bool:
    """Whether something of that name is not to be kept."""
    letters = str(name).lower().replace("_", "").replace("-", "")
    return any(word in letters for word in _SECRETS)


def plain(value: Any) -> Any:
    """The part of a value that JSON can hold, without secrets; numbers and arrays of numpy as its.

    Entries that are nothing of the kind are left out, also within others.

    Examples
    --------
    >>> from qsklearn._recordings import plain
    >>> plain({"beta": 1.0, "api_token": "x", "embedding": {0: (1, 2)}, "range": (0, object())})
    {'beta': 1.0, 'embedding': {}, 'range': [0]}
    """
    found = _plain(value)
    return None if found is _LEFT else found


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        kept = {name: _plain(entry) for name, entry in value.items() if isinstance(name, str)}
        return {n: entry for n, entry in kept.items() if entry is not _LEFT and not is_secret(n)}
    if isinstance(value, list | tuple):
        return [entry for entry in map(_plain, value) if entry is not _LEFT]
    return value if value is None or isinstance(value, str | bool | int | float) else _LEFT


def canonical(value: Any, describe: Callable[[Any], Any] | None = None) -> Any:
    """All of a value, as JSON that is equal for equal values.

    Whole numbers are integers, also those of floating point; lists and tuples are the same, sets
    and mappings have no order, secrets are left out.

    Parameters
    ----------
    value : object
    describe : callable, optional
        What stands for an object of no kind that is known here, or None.

    Raises
    ------
    TypeError
        If nothing stands for it.

    Examples
    --------
    >>> from qsklearn._recordings import canonical
    >>> canonical({"beta": 1.0, "schedule": ((0, 0.0), (20.5, 1)), "token": "x"})
    {'beta': 1, 'schedule': [[0, 0], [20.5, 1]]}
    """

    def again(entry: Any) -> Any:
        return canonical(entry, describe)

    if value is None or isinstance(value, str | bool | np.bool_):
        return value.item() if isinstance(value, np.bool_) else value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int | float | np.integer | np.floating):
        return _number(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, np.ndarray):
        return again(value.tolist())
    if isinstance(value, Mapping):
        return _mapping(value, again)
    if isinstance(value, list | tuple):
        return [again(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(map(again, value), key=_order)
    if isinstance(value, PurePath):
        return str(value)
    return _thing(value, again, describe)


def _number(value: int | float) -> int | float:
    is_whole = isinstance(value, float) and math.isfinite(value) and value.is_integer()
    return int(value) if is_whole else value


def _mapping(value: Mapping, again: Callable[[Any], Any]) -> Any:
    if all(isinstance(name, str) for name in value):
        return {name: again(entry) for name, entry in value.items() if not is_secret(name)}
    pairs = [[again(name), again(entry)] for name, entry in value.items() if not is_secret(name)]
    return sorted(pairs, key=_order)


def _order(entry: Any) -> tuple[str, str]:
    return type(entry).__name__, repr(entry)


def _thing(value: Any, again: Callable[[Any], Any], describe) -> Any:
    described = describe(value) if describe is not None else None
    if described is not None:
        return again(described)
    name = type(value).__name__
    if is_dataclass(value) and not isinstance(value, type):
        return {"class": name, **again({f.name: getattr(value, f.name) for f in fields(value)})}
    path = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '<')}"
    if callable(value) and "<" not in path:
        return path
    raise TypeError(f"Got {value!r}, of the class {name}, which has no fixed form.")
