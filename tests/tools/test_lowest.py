"""Constraints for the lowest versions that pyproject.toml allows."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "lowest.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("lowest", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROJECT = {
    "name": "thing",
    "dependencies": ["numpy>=2.0", "joblib>=1.3"],
    "optional-dependencies": {
        "plot": ["matplotlib>=3.9"],
        "torch": ["torch>=2.4"],
        "dev": ["thing[plot,torch]", "pytest>=8", "numpy>=2.0"],
        "docs": ["sphinx>=9"],
    },
}


def test_bounds_of_an_extra_and_of_its_extras(tool):
    assert tool.lowest(PROJECT, "plot", "") == ["numpy==2.0", "joblib==1.3", "matplotlib==3.9"]
    lines = tool.lowest(PROJECT, "dev", "# Why.\ntorch==2.13.0\n")
    assert lines[0] == "torch==2.13.0"
    assert sorted(lines[1:]) == ["joblib==1.3", "matplotlib==3.9", "numpy==2.0", "pytest==8"]


def test_what_is_no_lower_bound_is_refused(tool):
    project = PROJECT | {"dependencies": ["numpy<3"]}
    with pytest.raises(ValueError, match="numpy<3"):
        tool.lowest(project, "plot", "")


def test_every_package_of_ours_has_one_lower_bound(tool):
    project = tomllib.loads((TOOL.parents[1] / "pyproject.toml").read_text())["project"]
    pins = (TOOL.parents[1] / "constraints.txt").read_text()
    names = [line.partition("==")[0] for line in tool.lowest(project, "dev", pins)]
    assert {"numpy", "torch", "skops", "dask", "qiskit-aer"} <= set(names)
    assert len(names) == len(set(names))
