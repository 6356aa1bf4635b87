"""Settings of all tests: those under tests/, and the examples in docstrings and documentation."""

import pytest
from _pytest.doctest import DoctestItem


def pytest_collection_modifyitems(items):
    """Let examples stop before convergence: they are short so that readers can run them."""
    mark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    for item in items:
        if isinstance(item, DoctestItem):
            item.add_marker(mark)
