"""Budgets: kept by threads and processes, shared by copies, on disk."""

import copy
import gc
import math
import multiprocessing
import os
import pickle
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pytest
from sklearn.base import clone

from qsklearn.samplers import Budget, BudgetSpent, DWaveQPUSampler


def test_it_counts_and_refuses():
    budget = Budget(max_qpu_seconds=1.0, max_queries=3)
    assert budget.remaining() == {"queries": 3, "qpu_seconds": 1.0}
    budget.close_call(budget.open_call(4e5), 5e5)
    assert budget.spent() == {"queries": 1, "qpu_seconds": 0.5, "faults": 0}
    with pytest.raises(BudgetSpent, match="0.5 of 1 QPU seconds are spent, and after it 1.1 would"):
        budget.open_call(6e5)
    assert budget.spent()["queries"] == 1
    budget.close_call(budget.open_call(4e5), None, "timeout")  # nobody knows: the estimate stays
    budget.close_call(budget.open_call(1e5), 0.0, "offline")
    assert budget.spent() == {"queries": 3, "qpu_seconds": 0.9, "faults": 2}
    with pytest.raises(BudgetSpent, match="3 of 3 queries are spent. Nothing more is sent"):
        budget.open_call(0.0)
    assert budget.remaining()["queries"] == 0


def test_without_limits_it_only_counts():
    budget = Budget()
    for _ in range(3):
        budget.close_call(budget.open_call(1e12), 1e12)
    assert budget.spent()["qpu_seconds"] == 3e6
    assert budget.remaining() == {"queries": math.inf, "qpu_seconds": math.inf}


def test_an_open_call_counts_by_its_estimate():
    budget = Budget(max_qpu_seconds=1.0)
    budget.open_call(7e5)
    with pytest.raises(BudgetSpent):
        budget.open_call(7e5)


def test_copies_are_the_same_budget():
    budget = Budget(max_queries=10)
    sampler = DWaveQPUSampler(budget=budget)
    copies = [
        copy.copy(budget),
        copy.deepcopy(budget),
        pickle.loads(pickle.dumps(budget)),
        clone(sampler).budget,
        clone(DWaveQPUSampler(budget=copy.deepcopy(budget))).budget,
    ]
    for each in copies:
        each.open_call(0.0)
    assert budget.spent()["queries"] == len(copies)
    assert all(each.max_queries == 10 for each in copies)


def test_the_account_goes_with_the_budget_unless_it_has_a_path(tmp_path):
    budget = Budget()
    path = budget.path
    assert path.exists()
    pickle.loads(pickle.dumps(budget))  # a copy that goes takes nothing with it
    gc.collect()
    assert path.exists()
    del budget
    gc.collect()
    assert not path.exists() and not path.parent.exists()
    kept = Budget(max_queries=5, path=tmp_path / "account")
    kept.open_call(1e6)
    del kept
    gc.collect()
    assert Budget(max_queries=5, path=tmp_path / "account").spent()["queries"] == 1


def test_a_fork_that_ends_leaves_the_account():
    budget = Budget(max_queries=3)
    budget.open_call(1.0)
    if not (child := os.fork()):
        del budget
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert budget.spent()["queries"] == 1


def test_an_account_that_is_gone_does_not_begin_anew(tmp_path):
    budget = Budget(max_queries=1, path=tmp_path / "account")
    budget.open_call(1.0)
    budget.path.unlink()
    with pytest.raises(ValueError, match="is gone: the file is not there any more; restore it"):
        budget.open_call(1.0)
    copied = pickle.dumps(Budget(max_queries=1))
    gc.collect()
    with pytest.raises(ValueError, match="it was a temporary one.*give path="):
        pickle.loads(copied).spent()


def test_a_path_is_of_the_folder_where_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    budget = Budget(max_queries=1, path="account")
    budget.open_call(1.0)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(BudgetSpent):
        pickle.loads(pickle.dumps(budget)).open_call(1.0)


def _spend(budget, n):
    sent = 0
    for _ in range(n):
        try:
            number = budget.open_call(1e4)
        except BudgetSpent:
            continue
        sent += 1
        budget.close_call(number, 1e4)
    return sent


def test_threads_and_processes_keep_the_limit():
    budget = Budget(max_qpu_seconds=0.5)
    with ThreadPoolExecutor(4) as pool:
        threads = sum(pool.map(lambda _: _spend(budget, 10), range(4)))
    assert threads == 40
    processes = sum(joblib.Parallel(2)(joblib.delayed(_spend)(budget, 20) for _ in range(4)))
    assert processes == 10 and budget.spent()["qpu_seconds"] == pytest.approx(0.5)


def _hold(budget, ready):
    budget.open_call(3e5)
    ready.set()
    time.sleep(60)


def test_a_killed_process_leaves_its_call_counted():
    context = multiprocessing.get_context("spawn")
    budget, ready = Budget(max_qpu_seconds=1.0), context.Event()
    process = context.Process(target=_hold, args=(budget, ready))
    process.start()
    assert ready.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert budget.spent() == {"queries": 1, "qpu_seconds": 0.3, "faults": 0}


@pytest.mark.parametrize(
    "parameters, text",
    [
        ({"max_qpu_seconds": -1}, "'max_qpu_seconds' parameter of Budget must be"),
        ({"max_queries": 1.5}, "'max_queries' parameter of Budget must be"),
        ({"path": 3}, "'path' parameter of Budget must be"),
    ],
)
def test_wrong_parameters(parameters, text):
    with pytest.raises(ValueError, match=text):
        Budget(**parameters)


def test_files_that_are_no_account_stay_as_they_are(tmp_path):
    text = tmp_path / "text"
    text.write_text("not a database, and long enough to have a header of one hundred bytes" * 3)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE calls (name TEXT)")
    database.close()
    for path in (text, other, tmp_path / "no folder" / "account"):
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(ValueError, match="'path' parameter of Budget must be a file that a"):
            Budget(path=path)
        assert (path.read_bytes() if path.exists() else None) == before


def test_repr_and_attributes(tmp_path):
    budget = Budget(max_qpu_seconds=2.0, path=str(tmp_path / "account"))
    assert repr(budget).startswith("Budget(max_qpu_seconds=2.0, max_queries=None, path=")
    assert isinstance(budget.path, Path)


def _change(path, command):
    with sqlite3.connect(path) as database:
        database.execute(command)
    database.close()


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE calls SET qpu_time = 1e5 WHERE number = 1",
        "DELETE FROM calls WHERE number = 2",
        "UPDATE calls SET number = 7 WHERE number = 2",
        "UPDATE calls SET fault = NULL",
        "PRAGMA user_version = 12345",
    ],
)
def test_an_account_that_was_changed_is_refused(tmp_path, command):
    budget = Budget(max_queries=9, path=tmp_path / "account")
    for _ in range(2):
        budget.close_call(budget.open_call(4e5), 4e5, "timeout")
    _change(budget.path, command)
    for act in (lambda: Budget(path=budget.path), budget.spent, lambda: budget.open_call(1.0)):
        with pytest.raises(ValueError, match="account': it is damaged: its digest does not fit"):
            act()


def test_a_flipped_bit_is_refused_or_met_nothing(tmp_path):
    budget = Budget(path=tmp_path / "account")
    for number in range(3):
        budget.open_call(1e5 + number)
    spent, whole = budget.spent(), budget.path.read_bytes()
    n_refused = 0
    places = [*range(100), *range(len(whole) - 60, len(whole))]  # the head, and the calls
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 4
        budget.path.write_bytes(damaged)
        try:
            assert Budget(path=budget.path).spent() == spent
        except ValueError as error:
            assert str(budget.path) in str(error)
            n_refused += 1
    assert n_refused > 0


def test_an_account_without_a_digest_is_read_and_gets_one(tmp_path):
    budget = Budget(path=tmp_path / "account")
    budget.open_call(4e5)
    _change(budget.path, "PRAGMA user_version = 0")  # as it was written before there were digests
    old = Budget(path=budget.path)
    assert old.spent()["qpu_seconds"] == 0.4
    old.open_call(1e5)
    _change(budget.path, "UPDATE calls SET qpu_time = 0.0")
    with pytest.raises(ValueError, match="digest does not fit"):
        old.spent()


def test_an_account_that_is_empty_does_not_begin_anew(tmp_path):
    budget = Budget(max_queries=1, path=tmp_path / "account")
    budget.open_call(1.0)
    budget.path.write_bytes(b"")
    with pytest.raises(ValueError, match="it is empty now; restore it"):
        budget.open_call(1.0)


def test_names_that_are_no_text_in_a_damaged_account(tmp_path):
    """sqlite3 stumbles over its own error then, which names a table."""
    budget = Budget(path=tmp_path / "account")
    budget.open_call(1.0)
    whole = budget.path.read_bytes()
    assert whole.count(b"tablecallscalls") == 1
    budget.path.write_bytes(whole.replace(b"tablecallscalls", b"tablecal\xffscalls"))
    with pytest.raises(ValueError, match="'path' parameter of Budget must be a file that a Budget"):
        budget.spent()


def test_a_path_is_of_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Budget(path="~/account").path == tmp_path / "account"
    with pytest.raises(ValueError, match="'path' parameter of Budget must be the path of a file"):
        Budget(path="a\0b")
