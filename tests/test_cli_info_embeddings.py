"""`qsklearn info` shows the cache of embeddings and clears it."""

import re
from pathlib import Path

import networkx as nx
import pytest

from qsklearn._cli import main
from qsklearn.samplers import _embedding_cache
from qsklearn.samplers._embeddings import find_embedding


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_embedding_cache, "_memory", _embedding_cache.OrderedDict())
    return tmp_path / "embeddings"


def test_info_shows_folder_entries_and_size(folder, capsys):
    for n_spins in (2, 3):
        find_embedding(n_spins, [(0, 1)], nx.path_graph(4))
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert main(["info"]) == 0
    out = "".join(capsys.readouterr().out.split())
    assert f"embeddings{folder}(2entries,{size / 1e3:.0f}kB)" in out


def test_clearing_says_how_many(folder, capsys):
    find_embedding(2, [(0, 1)], nx.path_graph(4))
    other = folder / "notes.txt"
    other.write_text("not ours")
    assert main(["info", "--clear-embeddings"]) == 0
    assert capsys.readouterr().out == f"Deleted 1 embedding from {folder}\n"
    assert [file.name for file in folder.iterdir()] == [other.name]
    assert main(["info", "--clear-embeddings"]) == 0
    assert capsys.readouterr().out.startswith("Deleted 0 embeddings from")


def test_a_folder_is_left_and_no_entry(folder, capsys):
    (folder / "a-folder.json").mkdir(parents=True)
    find_embedding(2, [(0, 1)], nx.path_graph(4))
    assert main(["info", "--clear-embeddings"]) == 0
    assert capsys.readouterr().out == f"Deleted 1 embedding from {folder}\n"
    assert [file.name for file in folder.iterdir()] == ["a-folder.json"]


def test_what_cannot_be_deleted_is_one_line_and_the_rest_goes(folder, capsys, monkeypatch):
    for n_spins in (2, 3, 4):
        find_embedding(n_spins, [(0, 1)], nx.path_graph(4))
    stuck = sorted(folder.iterdir())[0]
    unlink = Path.unlink

    def refuse(file, *arguments, **options):
        if file == stuck:
            raise PermissionError(13, "Permission denied", str(file))
        unlink(file, *arguments, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert main(["info", "--clear-embeddings"]) == 2
    error = capsys.readouterr().err
    name = re.escape(stuck.name)
    assert re.fullmatch(rf"qsklearn: error: --clear-embeddings: .*{name}.*\n", error)
    assert list(folder.iterdir()) == [stuck]
