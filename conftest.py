"""Settings of all tests: those under tests/, and the examples in docstrings and documentation."""

from pathlib import Path

import pytest
from _pytest.doctest import DoctestItem

KERNELS = Path(__file__).parent / "qsklearn" / "_kernels"
SHARED = ("_vectors.py", "_streams.py", "_scalar_streams.py")  # code of theirs is in the caches of other files' kernels


def pytest_configure():
    """Delete compiled kernels that are older than what they share, which numba does not see."""
    newest = max((KERNELS / name).stat().st_mtime for name in SHARED)
    for cached in KERNELS.glob("__pycache__/*.nb?"):
        if cached.stat().st_mtime < newest:
            cached.unlink(missing_ok=True)


def pytest_collection_modifyitems(items):
    """Let examples stop before convergence: they are short so that readers can run them."""
    mark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    for item in items:
        if isinstance(item, DoctestItem):
            item.add_marker(mark)
