"""`qsklearn info` shows the cache of embeddings and clears it."""

import re

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


def test_what_cannot_be_deleted_is_one_line(folder, capsys):
    (folder / "a-folder.json").mkdir(parents=True)
    assert main(["info", "--clear-embeddings"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"qsklearn: error: --clear-embeddings: .*a-folder\.json.*\n", error)
