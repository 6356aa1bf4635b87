"""``qsklearn recordings``: what a file holds, whether it is whole, and its calls for pandas."""

import json
import sqlite3

import dimod
import numpy as np
import pandas as pd
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from qsklearn._cli import main
from qsklearn._recordings import RecordingStore
from qsklearn.circuits import RecordedPrimitive
from qsklearn.samplers import (
    GibbsSampler,
    MockQPUSampler,
    RecordedSampler,
    SimulatedAnnealingSampler,
)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """A file with each kind of call, and what was answered."""
    path = tmp_path_factory.mktemp("recordings") / "all.recording"
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[1, 1, 4])
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=(2, 3)), np.zeros((3, 3))
    words = {"num_reads": 4, "seed": 0}
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.measure_all()
    model = dimod.BinaryQuadraticModel({0: 0.1, 4: 0.2}, {(0, 4): -3.0}, "SPIN")
    found = {
        "sample": RecordedSampler(device, path).sample(model, **words),
        "sample_arrays": RecordedSampler(GibbsSampler(), path).sample_arrays(
            h, J, beta=1.0, keep=[0, 2], **words
        ),
        "sample_levels": RecordedSampler(SimulatedAnnealingSampler(), path).sample_levels(
            h, np.eye(3), np.zeros(3), np.ones(3), 2, **words
        ),
        "circuit": RecordedPrimitive(StatevectorSampler(), path).run([circuit], shots=5).result(),
    }
    return path, found


@pytest.fixture
def path(contents, tmp_path):
    copy = tmp_path / "all.recording"
    copy.write_bytes(contents[0].read_bytes())
    return copy


def run(capsys, *argv):
    code = main(["recordings", *map(str, argv)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *argv):
    """The one line of an error."""
    code, out, err = run(capsys, *argv)
    assert code == 2 and out == ""
    assert err.startswith("qsklearn: error: ") and err.count("\n") == 1
    return err


def test_list(path, capsys):
    code, out, _ = run(capsys, "list", path)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    sources = {line[0].partition("-")[0]: " ".join(line[1:]) for line in lines if "calls," in line}
    assert f"({path.stat().st_size / 1e3:,.0f} kB)" in out
    assert sources["MockQPUSampler"].startswith("1 calls, 4 reads, 0.0")
    assert sources["MockQPUSampler"].endswith("s of QPU access time")
    assert sources["GibbsSampler"] == sources["SimulatedAnnealingSampler"] == "1 calls, 8 reads"
    assert sources["StatevectorSampler"] == "1 calls, 5 reads"
    sessions = out.partition("Sessions\n")[2].splitlines()
    assert len(sessions) == 4 and all(f"numpy {np.__version__}" in line for line in sessions)


def test_verify(path, capsys):
    assert run(capsys, "verify", path)[:2] == (0, f"{path}: 4 calls of 4 sources, all whole\n")


def damage(path, where):
    database = sqlite3.connect(path)
    (row,) = database.execute(f"SELECT rowid FROM {where} LIMIT 1").fetchone()
    database.execute(f"UPDATE {where} SET payload = x'00' || payload WHERE rowid = ?", (row,))
    database.commit()
    database.close()


@pytest.mark.parametrize("where", ["answers", "parts"])
def test_verify_names_what_is_damaged(path, where, capsys):
    damage(path, where)
    code, out, err = run(capsys, "verify", path)
    assert code == 1 and err == "" and out.count("\n") == 1
    assert "its digest does not fit" in out and "all.recording" in out


def test_verify_of_a_file_that_is_cut_short(path, capsys):
    path.write_bytes(path.read_bytes()[:3000])
    code, out, err = run(capsys, "verify", path)
    assert code == 1 and err == "" and "all.recording" in out


@pytest.mark.parametrize("action", ["list", "verify", "export"])
def test_other_files_are_refused(action, path, tmp_path, capsys):
    words = ["--output", tmp_path / "out.json"] if action == "export" else []
    text = tmp_path / "notes.txt"
    text.write_text("not a recording\n" * 100)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    assert "There is no file" in refused(capsys, action, tmp_path / "absent", *words)
    assert "There is no file" in refused(capsys, action, tmp_path, *words)
    assert "notes.txt' cannot be used" in refused(capsys, action, text, *words)
    assert "is not a file of recorded calls" in refused(capsys, action, other, *words)
    if action != "verify":
        damage(path, "answers")
        assert "is damaged at" in refused(capsys, action, path, *words)
    assert not (tmp_path / "out.json").exists()


def test_export_is_read_by_pandas(path, contents, tmp_path, capsys):
    output = tmp_path / "calls.json"
    assert run(capsys, "export", path, "--output", output)[:2] == (
        0,
        f"Wrote 4 calls to {output}\n",
    )
    frame = pd.read_json(output, lines=True).set_index("kind")
    found = contents[1]
    assert list(frame.reads[["sample", "sample_arrays", "sample_levels", "circuit"]]) == [
        4,
        8,
        8,
        5,
    ]
    assert frame.arguments["sample"] == {"num_reads": 4, "seed": 0}
    assert frame.variables["sample"] == [0, 4] and frame.qpu_access_time["sample"] > 0
    record = found["sample"].record
    texts = ["".join("1" if spin > 0 else "0" for spin in row) for row in record.sample]
    assert frame.states["sample"] == texts
    counts = frame.num_occurrences["sample"]
    assert (record.num_occurrences == (1 if counts is None else counts)).all()
    states = found["sample_arrays"][0]
    texts = [["".join("01"[int(spin > 0)] for spin in row) for row in model] for model in states]
    assert frame.states["sample_arrays"] == texts
    assert frame.states["sample_levels"] == found["sample_levels"][0].tolist()
    assert frame.states["circuit"] == [["010"] * 5]
    keys = {key.hex() for key, _, _ in RecordingStore(path).answers()}
    assert set(frame.key) == keys


def test_export_overwrites_only_when_asked(path, tmp_path, capsys):
    output = tmp_path / "calls.json"
    output.write_text("mine")
    assert "already there" in refused(capsys, "export", path, "--output", output)
    assert output.read_text() == "mine"
    assert run(capsys, "export", path, "--output", output, "--overwrite")[0] == 0
    assert len(output.read_text().splitlines()) == 4
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all.recording", "calls.json"]
    error = refused(capsys, "export", path, "--output", path, "--overwrite")
    assert "is the recording itself" in error
    absent = refused(capsys, "export", path, "--output", tmp_path / "absent" / "calls.json")
    assert f"--output {tmp_path / 'absent'}" in absent


def test_what_is_no_json_elsewhere_is_null(path, tmp_path, capsys):
    from qsklearn._recordings import Answer

    odd = {"asked": {"model": "m", "arguments": {}}, "info": {"x": [float("nan"), 1.0]}}
    facts = {**odd, "vartype": "SPIN", "fields": [["sample", "|i1", [2]]], "rows": 1}
    arrays = {"values": np.array([[[3, -1]]], np.int8)}
    RecordingStore(path).put(b"odd", Answer("sample", "someone", facts, arrays), "s")
    output = tmp_path / "calls.json"
    assert run(capsys, "export", path, "--output", output)[0] == 0
    lines = [
        json.loads(line, parse_constant=pytest.fail) for line in output.read_text().splitlines()
    ]
    (row,) = [line for line in lines if line["source"] == "someone"]
    assert row["info"] == {"x": [None, 1.0]} and row["states"] == [[[3, -1]]]
    assert run(capsys, "list", path)[0] == 0


def test_mistakes_get_one_line(path, capsys):
    assert "action" in refused(capsys)
    assert "--output" in refused(capsys, "export", path)
    assert "invalid choice" in refused(capsys, "delete", path)
    assert "no null character" in refused(capsys, "export", path, "--output", "a\0b")
