"""Examples of the gallery: they teach, use what is public, show every display, and run."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qsklearn import inspection

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
DATA_SETS = {"load_iris", "load_wine", "load_breast_cancer", "load_digits"}

# As in the build of the documentation: short examples stop before convergence.
BEFORE = """
import runpy, sys, warnings
from sklearn.exceptions import ConvergenceWarning
warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def tree_of(script):
    return ast.parse(script.read_text(encoding="utf-8"), script.name)


def imports_of(script):
    """Module and name of each thing that an example imports; no name for a whole module."""
    for node in ast.walk(tree_of(script)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def cells_of(script):
    """Text and code of each cell after the first."""
    for cell in script.read_text(encoding="utf-8").split("\n# %%\n")[1:]:
        lines = cell.splitlines()
        length = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        yield "\n".join(line[2:] for line in lines[:length]), "\n".join(lines[length:])


def test_there_are_examples():
    assert len(SCRIPTS) >= 13
    assert [script.name for script in SCRIPTS if not script.name.startswith("plot_")] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_has_a_title_and_text(script):
    title, underline, *rest = ast.get_docstring(tree_of(script)).splitlines()
    assert re.fullmatch(r"=+", underline), script.name
    assert len(underline) == len(title)
    assert "\n".join(rest).strip()
    cells = list(cells_of(script))
    assert len(cells) >= 4
    assert all(text.strip() for text, _ in cells)
    assert any("What not to conclude" in text for text, _ in cells)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_imports_public_names_only(script):
    ours = [(module, name) for module, name in imports_of(script) if module.startswith("qsklearn")]
    assert ours
    for module, name in ours:
        assert not any(part.startswith("_") for part in module.split(".")), module
        assert name in importlib.import_module(module).__all__, (module, name)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_takes_data_that_come_with_scikit_learn(script):
    loaded = {name for module, name in imports_of(script) if module == "sklearn.datasets"}
    assert loaded <= DATA_SETS
    assert not re.search(r"shared|https?://|fetch_", script.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_links_between_examples_lead_somewhere(script):
    text = script.read_text(encoding="utf-8")
    linked = re.findall(r":doc:`(?:[^`<]*<)?([^`>]+)>?`", text)
    for target in linked:
        if target.startswith("/"):
            assert (EXAMPLES.parent / f"{target[1:]}.rst").is_file(), target
        else:
            assert (EXAMPLES / f"{target}.py").is_file(), target


def test_every_display_is_shown():
    shown = {name for script in SCRIPTS for _, name in imports_of(script)}
    assert set(inspection.__all__) - shown == set()


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_runs_without_a_warning(script, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", BEFORE, script],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stderr == ""
