"""What may be spent on a device, counted over threads and processes."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import sqlite3
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qsklearn._checks import check_instance, check_integer, check_number, check_path
from qsklearn._private_api import Integral, Interval, Real, validate_parameter_constraints

_CALLER = "Budget"
_APPLICATION = 0x71736262  # "qsbb", in the header of the file
_PATIENCE = 120.0  # seconds to wait for other processes
_MICRO = 1e6
_DIGEST_SIZE = 4  # bytes of the number that SQLite leaves to the user of a file
_TABLE = (
    "CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, qpu_time REAL NOT NULL, "
    "is_settled INTEGER NOT NULL, fault TEXT)"
)


class BudgetSpent(RuntimeError):
    """A call was not sent, because the budget does not cover it.

    Attributes
    ----------
    num_faults : int
        Attempts of the same call that had failed before.
    timing : dict of str to float
        Microseconds that answers of no use took, under D-Wave's names.

    Examples
    --------
    >>> from qsklearn.samplers import Budget
    >>> Budget(max_queries=0).open_call(0.0)
    Traceback (most recent call last):
        ...
    qsklearn.samplers._budget.BudgetSpent: The budget does not cover a further call: 0 of 0 ...
    """

    num_faults: int = 0
    timing: dict[str, float] = {}


class Budget:
    """Limits on what calls to a device may cost, shared by all that carry it.

    A call is counted by the solver's own estimate of its time before it is sent, and by what the
    solver says that it took once it is answered; one that the budget does not cover is not sent.
    So the limit is kept by any number of threads and processes at once. Copies, clones and pickles
    of a budget are the same budget: its account is a file.

    Parameters
    ----------
    max_qpu_seconds : float, optional
        Seconds of QPU access time, which is what D-Wave charges. None for no limit.
    max_queries : int, optional
        Calls that are sent, also those that fail.
    path : str or path-like, optional
        File of the account, made with the first call. Given one, what was spent stays spent in
        later sessions, and processes on other machines may share it. By default a temporary file,
        which goes with this object: copies of it, as in a saved model, cannot be used after that.

    Raises
    ------
    ValueError
        If a limit is out of range, or the file is no account, or a damaged one.

    See Also
    --------
    DWaveQPUSampler : Carries a budget.

    Notes
    -----
    Calls without an answer count as queries. Their time counts, by the estimate, where they may
    have run: not if the solver was offline or busy or took no connection, but if the connection
    broke or the answer did not come in time. A process that is killed leaves its open call counted
    by the estimate.

    The account is an SQLite file. What is in it stands behind a digest, so that one that was
    damaged is refused and not read as another sum; what earlier versions wrote without a digest is
    read as it is, and gets one with the next call.

    In a search the refit needs its part too (:func:`~qsklearn.model_selection.estimate_search_cost`
    reckons with it): if it finds the budget spent, scikit-learn raises, and the scores of the folds
    are lost. Where a budget may end a search, use ``refit=False``.

    Examples
    --------
    >>> from qsklearn.samplers import Budget, DWaveQPUSampler, MockQPUSampler
    >>> budget = Budget(max_queries=1)
    >>> sampler = DWaveQPUSampler(budget=budget, device=MockQPUSampler("ideal", seed=0))
    >>> answer = sampler.sample_ising({sampler.nodelist[0]: 1.0}, {}, num_reads=10)
    >>> budget.spent()["queries"]
    1
    >>> sampler.sample_ising({sampler.nodelist[0]: 1.0}, {}, num_reads=10)
    Traceback (most recent call last):
        ...
    qsklearn.samplers._budget.BudgetSpent: The budget does not cover a further call: ...
    """

    _parameter_constraints = {
        "max_qpu_seconds": [Interval(Real, 0, None, closed="left"), None],
        "max_queries": [Interval(Integral, 0, None, closed="left"), None],
        "path": [str, Path, None],
    }

    def __init__(self, max_qpu_seconds=None, max_queries=None, path=None):
        values = {"max_qpu_seconds": max_qpu_seconds, "max_queries": max_queries, "path": path}
        validate_parameter_constraints(self._parameter_constraints, values, _CALLER)
        self.max_qpu_seconds = max_qpu_seconds
        self.max_queries = max_queries
        self._is_temporary = path is None
        # Absolute, as copies of it may be used in another folder.
        self.path = (
            _temporary(self) if path is None else check_path(path, "path", _CALLER).absolute()
        )
        with self._open(is_new=True):
            pass

    def __getstate__(self) -> dict[str, Any]:
        # The class of a path depends on the operating system, and skops asks about it.
        return {**vars(self), "path": str(self.path)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, path=Path(state["path"]))

    def __repr__(self) -> str:
        limits = f"max_qpu_seconds={self.max_qpu_seconds!r}, max_queries={self.max_queries!r}"
        return f"Budget({limits}, path={str(self.path)!r})"

    def __deepcopy__(self, memo) -> Budget:
        return self

    def __copy__(self) -> Budget:
        return self

    def spent(self) -> dict[str, Any]:
        """What was spent.

        Returns
        -------
        spent : dict
            ``queries`` that were sent, ``qpu_seconds`` that they took, with the estimates of those
            that are under way or of unknown end, and ``faults``, those without an answer.
        """
        with self._open() as account:
            queries, seconds = self._sums(account)
            faults = account.execute("SELECT count(fault) FROM calls").fetchone()[0]
        return {"queries": queries, "qpu_seconds": seconds, "faults": faults}

    def remaining(self) -> dict[str, float]:
        """What is left of both limits, infinite where there is none.

        Returns
        -------
        remaining : dict
            ``queries`` and ``qpu_seconds``.
        """
        spent = self.spent()
        limits = {"queries": self.max_queries, "qpu_seconds": self.max_qpu_seconds}
        return {
            name: math.inf if limit is None else max(limit - spent[name], 0)
            for name, limit in limits.items()
        }

    def open_call(self, qpu_time: float) -> int:
        """Count a call before it is sent.

        Parameters
        ----------
        qpu_time : float
            Microseconds of QPU access time that it will take, by estimate.

        Returns
        -------
        number : int
            For :meth:`close_call`.

        Raises
        ------
        BudgetSpent
            If the budget does not cover it; nothing is counted then.
        """
        qpu_time = check_number(qpu_time, "qpu_time", f"{_CALLER}.open_call")
        with self._open() as account:
            queries, seconds = self._sums(account)
            short = []
            if self.max_queries is not None and queries + 1 > self.max_queries:
                short.append(f"{queries} of {self.max_queries} queries are spent")
            if self.max_qpu_seconds is not None:
                after = seconds + qpu_time / _MICRO
                if after > self.max_qpu_seconds:
                    short.append(
                        f"{seconds:.6g} of {self.max_qpu_seconds:g} QPU seconds are spent, and "
                        f"after it {after:.6g} would be"
                    )
            if short:
                raise BudgetSpent(
                    f"The budget does not cover a further call: {'; '.join(short)}. Nothing more "
                    "is sent; raise the limits of a new Budget to go on."
                )
            row = account.execute(
                "INSERT INTO calls (qpu_time, is_settled) VALUES (?, 0)", (qpu_time,)
            )
            return int(row.lastrowid or 0)

    def close_call(self, number: int, qpu_time: float | None, fault: str | None = None) -> None:
        """Count what a call took in the end.

        Parameters
        ----------
        number : int
        qpu_time : float or None
            Microseconds; None leaves the estimate, where nobody knows.
        fault : str, optional
            Why there was no answer.
        """
        caller = f"{_CALLER}.close_call"
        number = check_integer(number, "number", caller, 1, 2**63)
        qpu_time = None if qpu_time is None else check_number(qpu_time, "qpu_time", caller)
        check_instance(fault, (str, type(None)), "fault", caller)
        with self._open() as account:
            account.execute(
                "UPDATE calls SET is_settled = 1, fault = ?, qpu_time = coalesce(?, qpu_time) "
                "WHERE number = ?",
                (fault, qpu_time, number),
            )

    def _sums(self, account: sqlite3.Connection) -> tuple[int, float]:
        queries, time = account.execute("SELECT count(*), total(qpu_time) FROM calls").fetchone()
        return queries, time / _MICRO

    @contextlib.contextmanager
    def _open(self, is_new: bool = False) -> Iterator[sqlite3.Connection]:
        """The account, for one transaction, which no other process divides."""
        if not is_new and not self.path.exists():
            why = (
                "it was a temporary one, which went with the budget that made it; give path="
                if self._is_temporary
                else "the file is not there any more; restore it"
            )
            raise ValueError(
                f"The account {str(self.path)!r} of a Budget is gone: {why}, or take a new Budget. "
                "Nothing is sent without an account."
            )
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            ) as account:
                account.execute("BEGIN IMMEDIATE")
                with account:
                    self._check_kind(account, is_new)
                    _check_digest(account)
                    yield account
                    if account.total_changes:
                        account.execute(f"PRAGMA user_version = {_digest(account)}")
        except (sqlite3.Error, UnicodeError) as error:  # of names in a damaged file, the latter
            raise ValueError(
                f"The 'path' parameter of {_CALLER} must be a file that a Budget made, or a new "
                f"name in a folder that can be written to. Got {str(self.path)!r}: {error}."
            ) from error

    def _check_kind(self, account: sqlite3.Connection, is_new: bool) -> None:
        if account.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION:
            return
        if account.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("it is another application's")
        if not is_new:
            raise sqlite3.DatabaseError("it is empty now; restore it, or take a new Budget")
        account.execute(f"PRAGMA application_id = {_APPLICATION}")
        account.execute(_TABLE)


def _check_digest(account: sqlite3.Connection) -> None:
    """Refuse calls of another digest than the file's; 0 is none, as earlier versions wrote."""
    if account.execute("PRAGMA user_version").fetchone()[0] not in (0, _digest(account)):
        raise sqlite3.DatabaseError(
            "it is damaged: its digest does not fit; restore it from a copy, or take a new path "
            "with limits that are lower by what was spent"
        )


def _digest(account: sqlite3.Connection) -> int:
    calls = account.execute(
        "SELECT number, qpu_time, is_settled, fault FROM calls ORDER BY number"
    ).fetchall()
    digest = hashlib.blake2b(repr(calls).encode(), digest_size=_DIGEST_SIZE).digest()
    return int.from_bytes(digest, signed=True) or 1


def _temporary(budget: Budget) -> Path:
    """A file that goes with the budget, or with the process that made it."""
    folder = tempfile.mkdtemp(prefix="qsklearn-budget-")
    path = Path(folder) / "account.sqlite"
    weakref.finalize(budget, _remove, path, os.getpid())
    return path


def _remove(path: Path, maker: int) -> None:
    if os.getpid() != maker:  # a fork, whose end is not the budget's
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()
