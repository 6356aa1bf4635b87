"""The runner's files are no package: their folder is on the path while a module's tests run."""

import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
FILES = ("run", "run_entries", "run_machine", "run_page", "run_claims", "reports")


@pytest.fixture(scope="module")
def bench():
    """Modules of the folder by name, and the folder."""
    if not FOLDER.is_dir():
        pytest.skip("the benchmarks are not there")
    sys.path.insert(0, str(FOLDER))
    try:
        modules = {name: import_module(name) for name in FILES}
        yield SimpleNamespace(folder=FOLDER, **modules)
    finally:
        sys.path.remove(str(FOLDER))
        for name in FILES:
            sys.modules.pop(name, None)
