"""The fuzzing's files are shared with benchmarks/fuzz.py: their folder is on the path."""

import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

# What hypothesis notes of the sources is of no use here, and would lie in the user's folder.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "qsklearn-hypothesis")
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Embeddings of this folder's tests stay apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
