"""Settings of all tests: those under tests/, and the examples in docstrings and documentation."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from _pytest.doctest import DoctestItem

KERNELS = Path(__file__).parent / "qsklearn" / "_kernels"
IMPORTED = re.compile(r"^from qsklearn\._kernels\.(\w+) import", re.MULTILINE)


def shared_kernel_files():
    """Files of kernels that others import: their code is in the caches of these, too."""
    sources = [file.read_text(encoding="utf-8") for file in KERNELS.glob("*.py")]
    names = {name for source in sources for name in IMPORTED.findall(source)}
    return [KERNELS / f"{name}.py" for name in sorted(names)]


def pytest_configure(config):
    """Delete compiled kernels that are older than what they share, which numba does not see."""
    if hasattr(config, "workerinput"):
        return  # done by the process that started this one
    newest = max(file.stat().st_mtime for file in shared_kernel_files())
    for cached in KERNELS.glob("__pycache__/*.nb?"):
        if cached.stat().st_mtime < newest:
            cached.unlink(missing_ok=True)


def pytest_collection_modifyitems(items):
    """Let examples stop before convergence: they are short so that readers can run them.

    And leave out those of callbacks where scikit-learn has none yet.
    """
    mark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    without = pytest.mark.skipif(
        find_spec("sklearn.callback") is None, reason="scikit-learn has callbacks from 1.9 on"
    )
    for item in items:
        if isinstance(item, DoctestItem):
            item.add_marker(mark)
            if any("sklearn.callback" in example.source for example in item.dtest.examples):
                item.add_marker(without)
