"""The fuzzing's files are shared with benchmarks/fuzz.py: their folder is on the path."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Embeddings of this folder's tests stay apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
