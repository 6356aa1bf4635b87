"""The runner of the benchmarks: its table, what it does with good and bad scripts, its page."""

import io
import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

# Parses an entry's arguments by its script's own parser, and stops there. All in one process, as
# the scripts import the same large packages.
PARSE = """
import argparse, json, os, runpy, sys

class Parsed(BaseException):
    pass

def parse(self, *args, **words):
    raise Parsed(parse_known(self, *args, **words))

parse_known = argparse.ArgumentParser.parse_args
argparse.ArgumentParser.parse_args = parse
sys.path.insert(0, {folder!r})
for name, script, words in json.loads(sys.stdin.read()):
    sys.argv = [script, *words]
    try:
        runpy.run_path(os.path.join({folder!r}, script), run_name="__main__")
    except Parsed:
        print("parsed", name)
    except SystemExit as stop:
        print("stopped", name, stop.code)
"""


@pytest.fixture
def scripts(tmp_path):
    """Write a script into a folder of scripts, and make an entry of it."""
    folder = tmp_path / "scripts"
    folder.mkdir()

    def make(bench, name, body, **changes):
        (folder / f"{name}.py").write_text(body)
        fields = {
            "name": name, "script": f"{name}.py", "measures": f"What {name} has in it, 50 % of a*b",
            "folder": name, "short": "{output} small", "full": "{output} large", "minutes": (1, 60),
        }  # fmt: skip
        return bench.run_entries.Entry(**{**fields, **changes})

    make.folder = folder
    return make


@pytest.fixture
def run_of(tmp_path, scripts):
    def make(bench, setting="short", **data):
        return bench.run.Run(
            setting, tmp_path / "results", data, scripts=scripts.folder, work=tmp_path / "work"
        )

    return make


GOOD = """
import os, sys
from pathlib import Path
folder, size = Path(sys.argv[1]), sys.argv[2]
title = f"Sizes: {size}"
threads = os.environ["OMP_NUM_THREADS"]
told = os.environ["QSKLEARN_BENCHMARK_SETTING"]
(folder / "table.rst").write_text(f"{title}\\n{'~' * len(title)}\\n\\n{threads} thread, {told}\\n")
(folder / "figure.png").write_bytes(b"")
print("all went well", sys.argv[3:])
"""


# --- the table ------------------------------------------------------------------------------------


def test_every_script_stands_in_the_table(bench):
    scripts = {
        path.name
        for path in bench.folder.glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8") and path.name != "run.py"
    }
    assert scripts == {entry.script for entry in bench.run_entries.ENTRIES}


def test_names_and_results_of_entries_are_their_own(bench):
    entries = bench.run_entries.ENTRIES
    assert len({entry.name for entry in entries}) == len(entries)
    results = bench.run.RESULTS
    owners = {}
    for entry in entries:
        for name in bench.run_page.reports_of(entry, {}, results):
            owners.setdefault(name, []).append(entry.name)
    assert {name: some for name, some in owners.items() if len(some) > 1} == {}


def test_every_report_in_the_repository_belongs_to_an_entry(bench):
    results = bench.run.RESULTS
    if not results.is_dir():
        pytest.skip("no results in this distribution")
    shown = {
        name
        for entry in bench.run_entries.ENTRIES
        for name in bench.run_page.reports_of(entry, {}, results)
    }
    there = {
        str(path.relative_to(results))
        for path in results.rglob("*.rst")
        if path.parent != results and "short" not in path.relative_to(results).parts
    }
    assert there - shown == set()


def test_arguments_of_entries_pass_their_scripts_parsers(bench, tmp_path):
    data = {"mnist": Path("mnist.npz"), "fashion": Path("fashion_mnist_900.npz")}
    entries = [
        entry
        for entry in bench.run_entries.ENTRIES
        if all(bench.run.is_installed(package) for package in entry.packages)
    ]
    calls = []
    for setting in ("short", "full"):
        run = bench.run.Run(setting, tmp_path, data, work=tmp_path)
        for entry in entries:
            words = bench.run.command_of(entry, run)
            calls.append((f"{entry.name}, {setting}", entry.script, words))
    done = subprocess.run(
        [sys.executable, "-c", PARSE.format(folder=str(bench.folder))],
        input=json.dumps(calls), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("parsed", "stopped"))]
    assert lines == [f"parsed {name}" for name, _, _ in calls], done.stderr


def test_no_entry_overwrites_the_documentation_in_the_short_setting(bench, tmp_path):
    """What it writes goes to the folders that it is given."""
    run = bench.run.Run("short", tmp_path, {}, work=tmp_path)
    for entry in bench.run_entries.ENTRIES:
        words = bench.run.command_of(entry, run)
        assert any(word.startswith(str(tmp_path)) for word in words), entry.name
        if entry.script.startswith("device") and "pictures" in words:
            assert "--pictures" in words, entry.name
        assert "_static" not in shlex.join(words), entry.name


# --- running --------------------------------------------------------------------------------------


def test_results_facts_and_log_of_a_good_run(bench, scripts, run_of, tmp_path):
    entry, run = scripts(bench, "good", GOOD), run_of(bench)
    records = bench.run.run_all([entry], run)
    assert records[0]["state"] == "done"
    assert records[0]["files"] == ["figure.png", "table.rst"]
    assert records[0]["exit_code"] == 0
    assert records[0]["command"] == "good.py OUTPUT small"
    assert set(records[0]["machine"]) >= {"processor", "cores", "memory", "Python", "numpy"}
    text = (tmp_path / "results" / "good" / "table.rst").read_text()
    assert "Sizes: small" in text
    assert "1 thread, short" in text
    assert bench.run.log_of(entry, run).read_text() == "all went well []\n"
    kept = json.loads((tmp_path / "results" / "good" / "good.json").read_text())
    assert kept["last"] == kept["made"] == records[0]


@pytest.mark.skipif(sys.platform == "win32", reason="no wait4")
def test_cpu_seconds_and_memory_are_the_process_own(bench):
    # By a process of its own, as the runner is: Linux counts a child's peak from its parent's size
    # on, and this one holds whatever the tests before have loaded.
    code = (
        "import json, subprocess, sys; sys.path.insert(0, sys.argv[1]); import run\n"
        "heavy = [sys.executable, '-c', 'block = bytearray(300 * 2**20)']\n"
        "print(json.dumps(run.wait_for(subprocess.Popen(heavy))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bench.folder], capture_output=True, text=True, check=True
    )
    used = json.loads(done.stdout)
    assert used["exit_code"] == 0 and 300 <= used["peak_memory"] < 600
    assert 0 < used["cpu_seconds"] < 60


def test_data_goes_to_the_option_that_takes_it(bench, scripts, run_of):
    entry = scripts(
        bench, "images", GOOD, data={"--mnist": "mnist"}, more_data={"--fashion": "fashion"}
    )
    run = run_of(bench, mnist=Path("/some/mnist.npz"))
    record = bench.run.run_entry(entry, run)
    assert "'--mnist', '/some/mnist.npz'" in bench.run.log_of(entry, run).read_text()
    assert record["command"] == "images.py OUTPUT small --mnist mnist.npz"  # no folder of here
    assert record["without_data"] == ["fashion"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"packages": ("no_such_package",)}, "not installed: no_such_package"),
        ({"packages": ("no_such.inner.package",)}, "not installed: no_such.inner.package"),
        ({"data": {"--mnist": "mnist"}}, "needs mnist.npz"),
    ],
)
def test_what_is_missing_is_said(bench, scripts, run_of, capsys, changes, reason):
    records = bench.run.run_all([scripts(bench, "absent", GOOD, **changes)], run_of(bench))
    assert records[0]["state"] == "skipped"
    assert records[0]["reason"].startswith(reason)
    assert f"skipped: {reason}" in capsys.readouterr().out
    assert bench.run.summarise(records, 1) == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('so far'); raise ValueError('a bad size')", "exit code 1"),
        ("import os; os._exit(3)", "exit code 3"),
        ("print('Skipped: no peer')", "it wrote no report"),
    ],
)
def test_failures_are_told_and_keep_older_results(
    bench, scripts, run_of, tmp_path, capsys, body, reason
):
    run = run_of(bench)
    good = bench.run.run_all([scripts(bench, "one", GOOD)], run)[0]
    bad = scripts(bench, "one", body)
    records = bench.run.run_all([bad, scripts(bench, "two", GOOD)], run, keep_going=True)
    assert [record["state"] for record in records] == ["failed", "done"]
    assert records[0]["reason"] == reason
    assert bench.run.summarise(records, 2) == 1
    out = capsys.readouterr().out
    assert "failed: 1 (one)" in out
    assert f"failed ({reason})" in out
    kept = bench.run.read_record(bad, run.output)
    assert kept["last"]["state"] == "failed"
    assert kept["made"] == good
    assert "Sizes: small" in (tmp_path / "results" / "one" / "table.rst").read_text()


def test_a_failure_ends_the_run_unless_told(bench, scripts, run_of, capsys):
    entries = [scripts(bench, "bad", "raise SystemExit(2)"), scripts(bench, "good", GOOD)]
    records = bench.run.run_all(entries, run_of(bench))
    assert [record["state"] for record in records] == ["failed"]
    assert bench.run.summarise(records, 2) == 1
    assert "not run: 1" in capsys.readouterr().out


def test_an_interrupted_run_stops_the_process_and_the_rest(bench, scripts, run_of, monkeypatch):
    entry, run = scripts(bench, "long", "import time; time.sleep(600)"), run_of(bench)
    wait, calls = bench.run.wait_for, []

    def interrupt_once(process):
        calls.append(process)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return wait(process)

    monkeypatch.setattr(bench.run, "wait_for", interrupt_once)
    records = bench.run.run_all([entry, scripts(bench, "good", GOOD)], run, keep_going=True)
    assert [record["state"] for record in records] == ["interrupted"]
    assert calls[0].returncode not in (None, 0)
    assert bench.run.summarise(records, 2) == 1


def test_results_that_are_not_made_any_more_go(bench, scripts, run_of, tmp_path):
    run = run_of(bench)
    entry = scripts(bench, "one", GOOD)
    bench.run.run_all([entry], run)
    place = tmp_path / "results" / "one"
    (place / "other.rst").write_text("of an entry that shares the folder")
    scripts(bench, "one", GOOD.replace("figure.png", "curve.png"))
    bench.run.run_all([entry], run)
    assert {path.name for path in place.iterdir()} == {
        "curve.png", "one.json", "other.rst", "table.rst",
    }  # fmt: skip


def test_caches_of_older_code_are_not_taken_up_unless_told(bench, scripts, run_of):
    body = GOOD + "\nprint('cached', (Path(sys.argv[3]) / 'it').exists())"
    body += "\n(Path(sys.argv[3]) / 'it').touch()"
    entry, run = scripts(bench, "slow", body, short="{output} small {work}"), run_of(bench)
    told = []
    for resume in (False, False, True):
        bench.run.run_all([entry], replace(run, resume=resume))
        told.append(bench.run.log_of(entry, run).read_text().split()[-1])
    assert told == ["False", "False", "True"]


def test_find_data(bench, tmp_path):
    assert bench.run.find_data(None) == {}
    (tmp_path / "fashion_mnist_900.npz").touch()
    assert bench.run.find_data(tmp_path) == {"fashion": tmp_path / "fashion_mnist_900.npz"}


def test_reports_say_what_sizes_they_are_of(bench, tmp_path, monkeypatch):
    monkeypatch.delenv("QSKLEARN_BENCHMARK_SETTING", raising=False)
    words = (
        "--output out --only a b --runs 2 --mnist=some/mnist.npz --data m.npz --seeds 0 1".split()
    )
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    report = bench.reports.Report(tmp_path / "a.rst", "script.py --only a")
    assert "``benchmarks/script.py --only a --runs 2 --seeds 0 1``" in report.path.read_text()
    assert "short setting" not in report.path.read_text()
    assert bench.reports.sizes_of("--data iris,wine --output out".split()) == [
        "--data",
        "iris,wine",
    ]
    monkeypatch.setenv("QSKLEARN_BENCHMARK_SETTING", "short")
    assert "short setting" in bench.reports.Report(report.path, "script.py").path.read_text()
    monkeypatch.setenv("QSKLEARN_BENCHMARK_SETTING", "full")
    assert "short setting" not in bench.reports.Report(report.path, "script.py").path.read_text()


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def known(bench, scripts, run_of):
    """Entries of all states, their records, and the run."""
    pytest.importorskip("docutils")
    run = run_of(bench)
    entries = [
        scripts(bench, "good", GOOD, peers=("no_such_peer",)),
        scripts(bench, "bad_one", "print('|odd* `words_'); raise SystemExit(4)"),
        scripts(bench, "absent", GOOD, packages=("no_such_package",)),
        scripts(bench, "older", GOOD),
        scripts(bench, "never", GOOD),
    ]
    bench.run.run_all(entries[:3], run, keep_going=True)
    (run.output / "older").mkdir()
    (run.output / "older" / "table.rst").write_text("Made by ``older.py`` on 2 cores.\n")
    return entries, {e.name: bench.run.read_record(e, run.output) for e in entries}, run


def complaints_of(source, path):
    """What docutils has to say against a source, with Sphinx's role as text."""
    from docutils import nodes
    from docutils.core import publish_doctree
    from docutils.parsers.rst import roles

    def doc(name, rawtext, text, lineno, inliner, options=None, content=None):
        return [nodes.literal(rawtext, text)], []

    roles.register_local_role("doc", doc)
    said = io.StringIO()
    tree = publish_doctree(
        source, source_path=str(path), settings_overrides={"warning_stream": said}
    )
    return said.getvalue(), tree


def test_page_of_its_own(bench, known, capsys):
    entries, records, run = known
    path = bench.run_page.write_page(entries, records, run.output, "short", logs=run.work / "short")
    assert path == run.output / "index.html"
    assert "errors" not in capsys.readouterr().out
    html = path.read_text()
    for words in (
        "No figure of this page is to be quoted",
        "failed: exit code 4",
        "|odd* `words_",  # the log's end
        "skipped: not installed: no_such_package",
        "without no_such_peer",
        "made before the runner",
        "Sizes: small",
        'src="good/figure.png"',
        "not run",
    ):
        assert words in html, words


def test_page_of_the_documentation_links_what_other_pages_include(bench, known):
    entries, records, run = known
    text = bench.run_page.page_of(
        entries, records, run.output, "full", prefix="", pages={"good/table.rst": "guide/good"},
        logs=run.work / "short",
    )  # fmt: skip
    said, tree = complaints_of(text, run.output / "summary.rst")
    assert said == ""
    assert "In :doc:`/guide/good`: ``table``." in text
    assert "include:: good/table.rst" not in text
    assert "include:: older/table.rst" in text
    assert "figure:: good/figure.png" in text
    assert "to be quoted" not in text
    assert "What bad\\_one has in it, 50 % of a\\*b." in text
    assert "What bad_one has in it, 50 % of a*b." in tree.astext()


def test_the_repository_page_is_that_of_its_results(bench):
    """Else it wants writing anew: ``python benchmarks/run.py --full --page``."""
    results = bench.run.RESULTS
    if not (results / "summary.rst").is_file():
        pytest.skip("no results in this distribution")
    entries = bench.run_entries.ENTRIES
    records = {entry.name: bench.run.read_record(entry, results) for entry in entries}
    text = (results / "summary.rst").read_text(encoding="utf-8")
    for entry in entries:
        assert f"\n{entry.name}\n^" in text, entry.name
        names = bench.run_page.reports_of(entry, records[entry.name], results)
        for name in names:
            assert Path(name).stem in text, name


def test_pages_of_docs(bench, tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "page.rst").write_text(
        ".. include:: ../../benchmarks/results/a/b.rst\n\n"
        ".. figure:: ../../benchmarks/results/a/c.png\n   :alt: a figure\n"
    )
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build" / "copy.rst").write_text(".. include:: ../benchmarks/results/a/d.rst\n")
    pages = bench.run_page.pages_of_docs(tmp_path)
    assert pages == {"a/b.rst": "guide/page", "a/c.png": "guide/page"}


# --- what the README quotes -----------------------------------------------------------------------


def prose_of_readme(bench):
    """Without blocks of code, whose doctests check their figures, and with single spaces."""
    readme = bench.folder.parent / "README.md"
    text = re.sub(r"```.*?```", " ", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(text.split())


def test_quotations_stand_in_the_readme_and_in_their_reports(bench):
    prose = prose_of_readme(bench)
    for claim in bench.run_claims.CLAIMS:
        assert claim.quote in prose, claim.quote
        assert all(figure in claim.quote for figure in claim.figures)
        assert bench.run_claims.is_in_source(claim, bench.run.RESULTS) is not False, claim.quote


def test_every_figure_of_the_readme_is_accounted_for(bench):
    prose = prose_of_readme(bench)
    found = set(re.findall(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)", prose))
    found |= set(re.findall(r"\d[\d.]*(?= ?(?:%|×|times\b))", prose))
    accounted = {figure for claim in bench.run_claims.CLAIMS for figure in claim.figures}
    assert found - accounted - {"3.11"} == set()  # the least version of Python
