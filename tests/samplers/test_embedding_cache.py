"""The cache of embeddings: memory, disk, damage, other processes, folders that cannot be used."""

import contextlib
import json
import os
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networkx as nx
import pytest

from qsklearn.samplers import _embedding_cache as cache
from qsklearn.samplers._embeddings import find_embedding

ENTRY = cache.Entry((((0,), (1, 2)),), "star")
NAMES = ("chimera-2-2-4", "ab12", "cd34")


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_has_warned", False)
    forget(monkeypatch)
    return tmp_path / "embeddings"


def forget(monkeypatch):
    """As another process would begin."""
    monkeypatch.setattr(cache, "_memory", cache.OrderedDict())
    monkeypatch.setattr(cache, "_counts", dict.fromkeys(cache._counts, 0))


def get(compute=lambda: ENTRY, is_valid=lambda entry: True, names=NAMES):
    return cache.cached_entry(names, compute, is_valid)


def fail():
    raise AssertionError("not to be computed")


def test_computed_then_from_memory_then_from_disk(monkeypatch, folder):
    assert get() == (ENTRY, False)
    assert get(fail) == (ENTRY, True)
    assert cache.embedding_counts() == {"computed": 1, "memory": 1, "disk": 0}
    assert [file.name for file in folder.iterdir()] == ["chimera-2-2-4-ab12-cd34.json"]
    forget(monkeypatch)
    assert get(fail) == (ENTRY, True)
    assert cache.embedding_counts() == {"computed": 0, "memory": 0, "disk": 1}


def test_the_memory_keeps_what_was_used_last(monkeypatch):
    monkeypatch.setattr(cache, "_ENTRIES_IN_MEMORY", 2)
    for key in ("a", "b", "a", "c"):
        get(names=("graph", "ab12", key))
    assert list(cache._memory) == ["a", "c"]


CONTENT = json.loads(cache._encode("cd34", ENTRY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "\x00\xff",
        "[" * 100_000,
        json.dumps(CONTENT)[:-10],
        json.dumps({**CONTENT, "format": 0}),
        json.dumps({**CONTENT, "key": "other"}),
        json.dumps({**CONTENT, "copies": [[["0"]]]}),
        json.dumps({**CONTENT, "copies": [[[True]]]}),
        json.dumps({**CONTENT, "copies": [[0]]}),
        json.dumps({**CONTENT, "copies": []}),
        json.dumps({**CONTENT, "copies": None}),
        json.dumps({**CONTENT, "source": 7}),
        json.dumps({"format": 2, "key": "cd34"}),
        json.dumps({**CONTENT, "copies": [[[0], [1, 3]]]}),  # which may solve the problem as well
        json.dumps({**CONTENT, "source": "stas"}),
        json.dumps({**CONTENT, "digest": "0" * 32}),
        json.dumps({name: CONTENT[name] for name in CONTENT if name != "digest"}),
    ],
)
def test_damaged_entries_are_computed_again_and_replaced(text, monkeypatch, folder):
    folder.mkdir()
    file = folder / "chimera-2-2-4-ab12-cd34.json"
    file.write_bytes(text.encode("latin-1"))
    assert get() == (ENTRY, False)
    assert json.loads(file.read_text()) == CONTENT
    forget(monkeypatch)
    assert get(fail) == (ENTRY, True)


@pytest.mark.parametrize("chains", [[[0], [1], [3]], [[0], [1]]], ids=["wrong", "too few"])
def test_an_entry_that_does_not_solve_the_problem_is_computed_again(chains, monkeypatch, folder):
    graph = nx.path_graph(4)
    first = find_embedding(3, [(0, 1), (1, 2)], graph)
    (file,) = folder.iterdir()
    entry = cache.Entry((tuple(map(tuple, chains)),), "star")
    file.write_bytes(cache._encode(json.loads(file.read_text())["key"], entry))  # digest and all
    forget(monkeypatch)
    again = find_embedding(3, [(0, 1), (1, 2)], graph)
    assert (again.source, again.chains) == ("star", first.chains)
    assert json.loads(file.read_text())["copies"] == [[list(chain) for chain in first.chains]]


def test_another_working_graph_or_problem_has_another_key(folder):
    device = nx.cycle_graph(6)
    find_embedding(2, [(0, 1)], device)
    find_embedding(3, [(0, 1)], device)
    find_embedding(2, [(0, 1)], device, seed=1)
    find_embedding(2, [(0, 1)], device, method="star")
    device.remove_node(0)  # not frozen, so it is read anew
    assert 0 not in sum(find_embedding(2, [(0, 1)], device).chains, ())
    assert cache.cache_facts()["entries"] == 5
    assert cache.embedding_counts()["computed"] == 5


def test_stale_working_graphs_of_the_topology_go(folder):
    old, used, other = (
        ("chimera-2-2-4", "old1", "k1"),
        ("chimera-2-2-4", "old2", "k2"),
        ("chimera-2-2", "old1", "k3"),
    )
    for names in (old, used, other):
        get(names=names)
    before = time.time() - 40 * 24 * 3600
    for names in (old, other):
        os.utime(folder / f"{'-'.join(names)}.json", (before, before))
    get()
    left = {file.stem for file in folder.iterdir()}
    assert left == {"-".join(names) for names in (used, other, NAMES)}


def test_errors_go_through_and_leave_nothing(folder):
    with pytest.raises(AssertionError, match="not to be computed"):
        get(fail)
    assert list(folder.iterdir()) == []
    assert cache.embedding_counts()["computed"] == 0
    assert get() == (ENTRY, False)


def test_a_folder_that_cannot_be_used_warns_once(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="QSKLEARN_CACHE_DIR") as heard:
        assert get() == (ENTRY, False)
    assert len(heard) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get(fail) == (ENTRY, True)  # from memory
        assert get(names=("graph", "a", "b")) == (ENTRY, False)
        assert cache.cache_facts()["entries"] == cache.clear_embedding_cache() == 0


def test_a_full_disk_leaves_no_part(monkeypatch, folder):
    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qsklearn._files.os.fsync", no_space)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert get() == (ENTRY, False)
    assert list(folder.iterdir()) == []


def test_a_folder_in_place_of_an_entry_warns(folder):
    (folder / "chimera-2-2-4-ab12-cd34.json").mkdir(parents=True)
    with pytest.warns(RuntimeWarning, match="QSKLEARN_CACHE_DIR"):
        assert get() == (ENTRY, False)


def test_an_entry_that_another_wrote_meanwhile_is_taken(monkeypatch, folder):
    get()
    (file,) = folder.iterdir()
    written = file.read_bytes()
    file.unlink()
    forget(monkeypatch)

    @contextlib.contextmanager
    def wait(file, patience):
        file.write_bytes(written)
        yield

    monkeypatch.setattr(cache, "_process_lock", wait)
    assert get(fail) == (ENTRY, True)
    assert cache.embedding_counts() == {"computed": 0, "memory": 0, "disk": 1}


def test_without_fasteners_entries_are_kept_all_the_same(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "fasteners", None)
    assert get() == (ENTRY, False)
    forget(monkeypatch)
    assert get(fail) == (ENTRY, True)
    assert [file.suffix for file in folder.iterdir()] == [".json"]


def test_clearing_takes_what_is_left_over_and_misses_what_went(monkeypatch, folder):
    get()
    for suffix in (".lock", ".tmp"):
        (folder / f"left{suffix}").write_text("")
    listed = cache._files
    monkeypatch.setattr(cache, "_files", lambda *suffix: [folder / "gone.json", *listed(*suffix)])
    assert cache.clear_embedding_cache() == 1
    assert list(folder.iterdir()) == []


def test_a_folder_of_no_possible_name_has_no_entries(monkeypatch):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", "/" + "a" * 300)
    assert cache.clear_embedding_cache() == cache.cache_facts()["entries"] == 0


def test_who_waited_in_vain_computes_and_leaves_the_lock_to_its_holder(monkeypatch, folder):
    monkeypatch.setattr("fasteners.InterProcessLock.acquire", lambda self, timeout: False)
    folder.mkdir(parents=True)
    (folder / "chimera-2-2-4-ab12-cd34.lock").write_text("")
    assert get() == (ENTRY, False)
    assert {file.suffix for file in folder.iterdir()} == {".json", ".lock"}


def test_clearing(folder):
    get()
    (folder / "other.txt").write_text("")
    assert cache.clear_embedding_cache() == 1
    assert [file.name for file in folder.iterdir()] == ["other.txt"]
    assert get() == (ENTRY, False)  # the memory is cleared too
    assert cache.cache_facts() == {
        "folder": str(folder),
        "entries": 1,
        "bytes": (folder / "chimera-2-2-4-ab12-cd34.json").stat().st_size,
    }


def test_threads_compute_once(monkeypatch):
    n_computed = []

    def slow():
        n_computed.append(1)
        time.sleep(0.2)
        return ENTRY

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: get(slow), range(4)))
    assert [entry for entry, _ in found] == [ENTRY] * 4
    assert len(n_computed) == 1


def compute_slowly(log):
    def slow():
        with open(log, "a") as file:
            file.write("x")
        time.sleep(0.5)
        return ENTRY

    assert get(slow)[0] == ENTRY


def test_processes_compute_once(folder, tmp_path):
    log = tmp_path / "log"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_embedding_cache as t; "
        "t.compute_slowly(sys.argv[2])"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(log)])
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert log.read_text() == "x"
    assert [file.suffix for file in folder.iterdir()] == [".json"]


def test_the_folder_of_the_platform(monkeypatch):
    monkeypatch.delenv("QSKLEARN_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setattr(cache.sys, "platform", "linux")
    assert cache.cache_folder() == Path("/somewhere/qsklearn/embeddings")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache/qsklearn/embeddings"
    monkeypatch.setattr(cache.sys, "platform", "darwin")
    assert cache.cache_folder() == Path.home() / "Library/Caches/qsklearn/embeddings"
    monkeypatch.setattr(cache.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache.cache_folder() == Path("/local/qsklearn/embeddings")
