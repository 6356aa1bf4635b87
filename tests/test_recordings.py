"""The store of recorded calls: exact, canonical, for many writers, and never wrong when damaged."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsklearn import _recordings
from qsklearn._recordings import (
    Answer,
    Recording,
    RecordingError,
    RecordingStore,
    _store,
    canonical,
    key_of,
    new_session,
    on_grid,
    pack,
    plain,
    unpack,
)
from qsklearn._recordings import _modes as modes

NUMBERS = ["|b1", "|i1", "|u1", "<i2", "<i4", "<i8", "<u8", "<f4", "<f8"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def arrays(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return (rng.normal(size=shape) * 100).astype(draw(st.sampled_from(NUMBERS)))


def answer_of(number, size=40):
    rng = np.random.default_rng(number)
    found = {"bits": rng.integers(0, 256, size, np.uint8), "energy": rng.normal(size=5)}
    return Answer("sample", "device", {"number": number, "asked": {}}, found)


def key(number):
    return key_of(number, {})


def same(one, other):
    return (
        (one.kind, one.source, one.facts) == (other.kind, other.source, other.facts)
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(one.arrays[n], other.arrays[n]) for n in one.arrays)
    )


@pytest.fixture
def store(tmp_path):
    """Of 20 calls in two sessions."""
    store = RecordingStore(tmp_path / "calls.recording")
    about = {"versions": {"numpy": "1"}, "started": "2026-01-01"}
    for session in ("first", "second"):
        store.put_parts({f"session:{session}": (about, {})}, session)
    store.put_parts({"source:device": ({"chip": [1, 2]}, {"nodes": np.arange(50)})}, "first")
    for number in range(20):
        store.put(key(number), answer_of(number), "first" if number < 10 else "second")
    return store


# --- what is packed, and named --------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(JSON, st.dictionaries(st.text(), arrays(), max_size=3))
def test_json_and_arrays_come_back(facts, found):
    facts_again, arrays_again = unpack(pack(facts, found))
    assert facts_again == json.loads(json.dumps(facts))
    assert arrays_again.keys() == found.keys()
    for name, array in found.items():
        assert arrays_again[name].dtype == array.dtype and arrays_again[name].shape == array.shape
        assert arrays_again[name].tobytes() == array.tobytes()


def test_equal_content_is_equal_bytes():
    found = {"a": np.arange(6.0).reshape(2, 3)}
    assert pack({"x": 1}, found) == pack({"x": 1}, {"a": np.asfortranarray(found["a"])})


@pytest.mark.parametrize(
    "wrong",
    [b"", b"no zlib", pack({}, {})[:-3], pack({}, {}) + b"x", pack({}, {"a": np.arange(9)})[:20]],
)
def test_what_is_no_packed_thing_is_refused(wrong):
    with pytest.raises((ValueError, TypeError, _store.zlib.error)):
        unpack(wrong)


@pytest.mark.parametrize(
    ("kind", "n_bytes", "message"),
    [
        ("|O", 8, "'a' is no array of numbers"),
        ("<f8", 7, "'a' is cut short"),
        ("<f8", 9, "it has more in it than it says"),
    ],
)
def test_arrays_are_numbers_and_as_long_as_they_say(kind, n_bytes, message):
    head = json.dumps([{}, {"a": [kind, [1]]}]).encode()
    packed = zlib.compress(len(head).to_bytes(4, "little") + head + bytes(n_bytes))
    with pytest.raises(ValueError, match=message):
        unpack(packed)


def test_names_are_of_numbers_not_of_how_they_are_stored():
    array = np.arange(6.0).reshape(2, 3)
    expected = key_of({"b": 1, "a": [True]}, {"x": array})
    for other in (
        np.asfortranarray(array),
        array.astype(">f8"),
        array.astype(np.float32),
        np.where(array == 0, -0.0, array),
    ):
        assert key_of({"a": [True], "b": 1}, {"x": other}) == expected
    whole = key_of({}, {"x": np.arange(3)})
    for kind in (np.int8, np.uint8, np.uint64, ">u8"):
        assert key_of({}, {"x": np.arange(3, dtype=kind)}) == whole
    flags = np.array([[True, False], [False, True]])
    assert key_of({}, {"x": np.asfortranarray(flags)}) == key_of({}, {"x": flags})


def test_names_differ_where_something_does():
    array = np.arange(6)
    names = [
        key_of({"a": 1}, {"x": array}),
        key_of({"a": 2}, {"x": array}),
        key_of({"b": 1}, {"x": array}),
        key_of({"a": 1}, {"y": array}),
        key_of({"a": 1}, {"x": array.reshape(2, 3)}),
        key_of({"a": 1}, {"x": array.astype(float)}),
        key_of({"a": 1}, {"x": array[::-1]}),
        key_of({"a": 1}, {"x": array, "y": array}),
        key_of({"a": 1}, {"x": array > 2}),
        key_of({"a": 1}, {"x": array < 2}),
        key_of({"a": 1}, {"x": (array < 2).astype(int)}),
        key_of({"a": 1}, {}),
    ]
    assert len(set(names)) == len(names)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.integers(-250, 250),
    st.integers(0, 2**31),
)
def test_last_digits_do_not_decide(values, exponent, seed):
    values = np.ldexp(np.array(values), exponent)
    noise = 1 + 1e-15 * np.random.default_rng(seed).choice([-1, 1], len(values))
    one, other = on_grid({"h": values})["h"], on_grid({"h": values * noise})["h"]
    # A number may still be next to a step; chance alone puts few there.
    assert np.count_nonzero(one != other) <= 1
    assert (one == on_grid({"h": values})["h"]).all()


@pytest.mark.parametrize("round_number", [1.0, 2.0, 0.5, 4.0, 0.25, 1e-3, 3.0, 100.0])
def test_round_numbers_are_not_next_to_a_step(round_number):
    values = round_number * np.array([1.0, 0.5, 0.25, 0.75, -1.0, 0.0, 1 / 1024])
    for noise in (1 - 1e-13, 1 + 1e-13):
        assert (on_grid({"h": values})["h"] == on_grid({"h": values * noise})["h"]).all()


def test_other_numbers_are_told_apart_at_any_size():
    for size in (1e-300, 1e-9, 1.0, 1e90):
        values = size * np.array([1.0, 0.3, -0.2])
        changed = values + size * np.array([0, 1e-4, 0])
        assert (on_grid({"h": values})["h"] != on_grid({"h": changed})["h"]).sum() == 1
    for odd in ([np.nan, 1.0], [np.inf], [0.0], []):
        on_grid({"h": np.array(odd, float)})


class Colour(Enum):
    RED = 1


@dataclass
class Pause:
    start: float
    token: str = "hidden"


def test_arguments_have_one_form():
    one = {"a": (1.0, np.float32(2)), "b": {"y": np.arange(2), "x": None}, "c": {3, 1}}
    other = {"c": {1, 3}, "b": {"x": None, "y": [0, 1]}, "a": [1, 2]}
    assert canonical(one) == canonical(other)
    assert canonical({(0, 4): 1, (0, 3): 2.0}) == canonical({(0, 3): 2, (0, 4): 1})
    assert canonical(np.sum) != canonical(np.prod)
    assert canonical(True) is True and canonical(np.bool_(False)) is False
    assert canonical(Colour.RED) == "RED" and canonical(PurePosixPath("a/b")) == "a/b"
    assert canonical([Pause(2.0)]) == [{"class": "Pause", "start": 2}]
    for odd in (object(), lambda: 0, np.random.default_rng()):
        with pytest.raises(TypeError, match="no fixed form"):
            canonical({"x": odd})


@pytest.mark.parametrize(
    "name", ["token", "API_KEY", "sapi-token", "apikey", "Password", "secret", "Authorization"]
)
def test_secrets_are_left_out(name):
    holder = {"kept": 1, name: "hidden", "inner": [{name: "hidden", "also": 2}]}
    for found in (plain(holder), canonical(holder)):
        assert found == {"kept": 1, "inner": [{"also": 2}]}


# --- the file -------------------------------------------------------------------------------------


def test_answers_come_back(store):
    for number in range(20):
        assert same(store.get(key(number)), answer_of(number))
    assert store.get(key(99)) is None
    assert store.sources() == ["device"] and sorted(store.sessions()) == ["first", "second"]
    assert store.source("device")[0] == {"chip": [1, 2]}
    assert store.count("device") == 20 and store.count("other") == 0
    assert len(list(store.answers())) == 20 and store.damaged() == []


def test_the_first_answer_stays(store):
    assert same(store.put(key(0), answer_of(55), "second"), answer_of(0))
    assert same(store.get(key(0)), answer_of(0))


def test_a_new_recording_replaces_those_of_others_only(store):
    assert store.get(key(0), "second") is None
    assert same(store.put(key(0), answer_of(55), "second", renew=True), answer_of(55))
    assert same(store.put(key(0), answer_of(66), "second", renew=True), answer_of(55))
    assert same(store.get(key(0), "second"), answer_of(55))


def test_parts_are_kept_once(store):
    before = store.digest_of_part("source:device")
    store.put_parts({"source:device": ({"chip": [3]}, {})}, "second")
    assert store.digest_of_part("source:device") == before
    store.put_parts({"source:device": ({"chip": [3]}, {})}, "second", renew=True)
    assert store.source("device")[0] == {"chip": [3]}
    assert store.part("nothing") is None and store.digest_of_part("nothing") is None


def test_there_is_no_file_before_the_first_call(tmp_path):
    store = RecordingStore(tmp_path / "new")
    assert store.get(key(0)) is None and store.sources() == [] and list(store.answers()) == []
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_new_one(tmp_path):
    path = tmp_path / "new"
    path.touch()
    store = RecordingStore(path)
    assert store.get(key(0)) is None
    store.put(key(0), answer_of(0), "first")
    assert same(store.get(key(0)), answer_of(0))


def foreign(kind, path):
    if kind == "text":
        path.write_text("qubits,energy\n" * 500)
    elif kind == "folder":
        path.mkdir()
    else:
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE answers (key BLOB)")
        if kind == "application":
            database.execute("PRAGMA application_id = 77")
        if kind == "format":
            database.execute(f"PRAGMA application_id = {_store._APPLICATION}")
            database.execute("PRAGMA user_version = 99")
        database.commit()
        database.close()
    return RecordingStore(path)


@pytest.mark.parametrize("kind", ["text", "folder", "tables", "application", "format"])
def test_foreign_files_are_refused_by_name(kind, tmp_path):
    store = foreign(kind, tmp_path / "foreign")
    before = None if kind == "folder" else store.path.read_bytes()
    for act in (
        lambda: store.get(key(0)),
        lambda: store.put(key(0), answer_of(0), "first"),
        lambda: store.put_parts({}, "first"),
        lambda: store.sources(),
        lambda: list(store.answers()),
    ):
        with pytest.raises(RecordingError, match="foreign"):
            act()
    if kind == "format":
        with pytest.raises(RecordingError, match="the format 99"):
            store.get(key(0))
    assert before is None or store.path.read_bytes() == before


def test_what_is_no_file_is_refused_rather_than_called_damaged(tmp_path):
    with pytest.raises(RecordingError, match="foreign"):
        foreign("folder", tmp_path / "foreign").damaged()


def test_a_file_in_the_place_of_the_folder_is_refused(store):
    within = RecordingStore(store.path / "calls.recording")
    with pytest.raises(RecordingError, match="in a folder that is there"):
        within.get(key(0))


def test_a_file_that_another_process_holds_is_refused(store, monkeypatch):
    monkeypatch.setattr(_store, "_PATIENCE", 0.01)
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordingError, match="database is locked"):
            store.get(key(0))
    assert same(store.get(key(0)), answer_of(0))


def test_a_missing_folder_is_refused(tmp_path):
    store = RecordingStore(tmp_path / "absent" / "new")
    assert store.get(key(0)) is None
    with pytest.raises(RecordingError, match="in a folder that is there"):
        store.put_parts({}, "first")


def test_a_file_that_may_only_be_read(store, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    connection = _store._connection
    modes_used = []

    def noted(path, mode):
        modes_used.append(mode)
        return connection(path, "ro")  # whoever runs this test may be allowed to write to all

    monkeypatch.setattr(_store, "_connection", noted)
    assert same(store.get(key(3)), answer_of(3)) and set(modes_used) == {"ro"}
    with pytest.raises(RecordingError, match="readonly"):
        store.put(key(99), answer_of(99), "first")


# --- many writers ---------------------------------------------------------------------------------

WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_recordings import *
store = RecordingStore({path!r})
number = int(sys.argv[1])
for step in range(12):
    own = 100 * (number + 1) + step
    store.put(key(own), answer_of(own), "first")
    shared = store.put(key(step), answer_of(1000 * number + step), "first")
    print(step, shared.facts["number"])
"""


def writer(path, number, code=WRITER):
    code = code.format(tests=os.path.dirname(__file__), path=str(path))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(number)], stdout=subprocess.PIPE, text=True
    )


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "shared"
    writers = [writer(path, number) for number in range(4)]
    told = [process.communicate(timeout=300)[0] for process in writers]
    assert [process.returncode for process in writers] == [0] * 4
    assert len(set(told)) == 1  # all got the answers of those who were first
    store = RecordingStore(path)
    for number in range(4):
        for step in range(12):
            own = 100 * (number + 1) + step
            assert same(store.get(key(own)), answer_of(own))
    for line in told[0].splitlines():
        step, number = map(int, line.split())
        assert same(store.get(key(step)), answer_of(number))
    assert store.damaged() == []


def test_threads_that_write_at_once_lose_nothing(tmp_path):
    store, found = RecordingStore(tmp_path / "shared"), {}

    def write(number):
        for step in range(8):
            store.put(key(100 * (number + 1) + step), answer_of(number), "first")
            shared = store.put(key(step), answer_of(1000 * number + step), "first")
            found[number, step] = shared.facts["number"]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(store.answers())) == 8 + 4 * 8 and store.damaged() == []
    for step in range(8):
        assert len({found[number, step] for number in range(4)}) == 1


KILLED = """
import sqlite3, sys, time
database = sqlite3.connect({path!r}, isolation_level=None)
database.execute("PRAGMA cache_size = 2")
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE answers SET payload = zeroblob(3000)")
for number in range(200):
    row = (bytes([number]) * 16, "k", "s", "x", bytes(2000), b"")
    database.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
print("half", flush=True)
time.sleep(600)
"""


def kill_in_the_middle(path):
    """Leave a file that a writer had changed in place, and the journal of how it was."""
    process = writer(path, 0, KILLED)
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    journal = path.with_name(f"{path.name}-journal")
    assert journal.stat().st_size > 0
    return journal


def test_a_killed_writer_leaves_what_was_there(store):
    kill_in_the_middle(store.path)
    assert all(same(store.get(key(number)), answer_of(number)) for number in range(20))
    assert len(list(store.answers())) == 20 and store.damaged() == []
    store.put(key(50), answer_of(50), "first")
    assert same(store.get(key(50)), answer_of(50))


def test_a_reader_without_permission_reads_what_a_killed_writer_left(store, monkeypatch):
    journal = kill_in_the_middle(store.path)
    before = store.path.read_bytes(), journal.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert all(same(store.get(key(number)), answer_of(number)) for number in range(20))
    assert len(list(store.answers())) == 20 and store.damaged() == []
    assert (store.path.read_bytes(), journal.read_bytes()) == before


def test_a_killed_process_keeps_what_it_had_put(tmp_path):
    path = tmp_path / "shared"
    code = WRITER.replace("print(", "print(flush=True, *(").replace('["number"])', '["number"]))')
    process = writer(path, 0, code)
    lines = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    store = RecordingStore(path)
    for line in lines:
        step, number = map(int, line.split())
        assert same(store.get(key(step)), answer_of(number))
    assert store.damaged() == []


# --- damage ---------------------------------------------------------------------------------------


def never_wrong(store):
    """Each answer is right, refused by name, or not there; how many are right."""
    n_right = 0
    for number in range(20):
        try:
            found = store.get(key(number))
        except RecordingError as error:
            assert store.path.name in str(error)
            continue
        assert found is None or same(found, answer_of(number))
        n_right += found is not None
    for act in (store.sources, store.sessions, lambda: store.source("device"), store.damaged):
        try:
            act()
        except RecordingError as error:
            assert store.path.name in str(error)
    return n_right


def positions(n_bytes, n_wanted, seed):
    rng = np.random.default_rng(seed)
    return sorted({*range(0, 110), *rng.integers(0, n_bytes, n_wanted).tolist()})


def test_flipped_bytes_are_never_wrong_answers(store):
    whole = store.path.read_bytes()
    outcomes = []
    rng = np.random.default_rng(1)
    for at in positions(len(whole), 350, 0):
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        store.path.write_bytes(bytes(damaged))
        n_right = never_wrong(store)
        outcomes.append(n_right)
        if n_right < 20:
            try:
                assert store.damaged()
            except RecordingError as error:
                assert at < 100 and "calls.recording" in str(error)
    assert min(outcomes) == 0 and outcomes.count(20) > 10
    assert outcomes.count(19) > 100  # one answer each


def test_a_call_that_its_index_does_not_find_is_named(store):
    """SQLite keeps keys twice: in the table, which a digest guards, and in the index."""
    whole, name = store.path.read_bytes(), sorted(map(key, range(20)))[7]
    changed = bytes([name[0] ^ 0x80]) + name[1:]
    outcomes = []
    for at in (at for at in range(len(whole)) if whole.startswith(name, at)):
        store.path.write_bytes(whole[:at] + changed + whole[at + len(name) :])
        try:
            outcomes.append(len(list(store.answers())))
        except RecordingError as error:
            outcomes.append(str(error))
    assert len(outcomes) == 2 and 20 in outcomes
    assert f"is damaged at {changed.hex()}: it is listed" in str(outcomes)


def test_files_that_are_cut_short_are_never_wrong_answers(store):
    whole = store.path.read_bytes()
    for length in positions(len(whole), 100, 2):
        store.path.write_bytes(whole[:length])
        n_right = never_wrong(store)
        assert length == 0 or n_right < 20


def test_a_damaged_file_is_written_to_or_refused(store):
    whole = store.path.read_bytes()
    for at in positions(len(whole), 40, 3)[::4]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        store.path.write_bytes(bytes(damaged))
        try:
            store.put(key(99), answer_of(99), "first")
            assert same(store.get(key(99)), answer_of(99))
        except RecordingError as error:
            assert "calls.recording" in str(error)
        never_wrong(store)


# --- modes ----------------------------------------------------------------------------------------


def test_what_is_wrong_with_parameters():
    with pytest.raises(ValueError, match="The 'mode' parameter of X must be .* Got 'read' instead"):
        Recording.open("path", "read", "s", "X")
    with pytest.raises(ValueError, match="The 'path' parameter of X must be .* Got None instead"):
        Recording.open(None, "auto", "s", "X")


def test_strict_names_both_versions(tmp_path, monkeypatch):
    path = str(tmp_path / "calls")
    here = {"numpy": "2.0", "dimod": "0.12", "qiskit": None}
    monkeypatch.setattr(modes, "versions_here", lambda: here)
    session = new_session()
    Recording.open(path, "auto", session, "X").prepare({})
    strict = Recording.open(path, "strict", session, "X")
    strict.check_versions()
    monkeypatch.setattr(modes, "versions_here", lambda: {**here, "numpy": "2.1"})
    with pytest.raises(RecordingError, match=r"numpy 2.0 \(here 2.1\)"):
        strict.check_versions()
    Recording.open(path, "replay", session, "X").check_versions()


def test_public_names_are_sorted_and_there():
    assert list(_recordings.__all__) == sorted(_recordings.__all__)
    assert all(hasattr(_recordings, name) for name in _recordings.__all__)
