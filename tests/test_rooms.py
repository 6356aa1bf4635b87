"""DESIGN's table of rooms, enforced: who imports whom, what is lazy, and what an import loads.

The table is read by an ast walk. An import counts as lazy where it stands inside a function.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import qsklearn

PACKAGE = Path(qsklearn.__file__).parent

# room -> (rooms it may import anywhere, rooms it may import inside functions only)
_SHARED = frozenset(
    {
        "_base_estimator",
        "_checks",
        "_files",
        "_memory",
        "_private_api",
        "_recordings",
        "_versions",
        "_warnings",
    }
)  # importable by every room
TABLE = {
    "_kernels": (set(), set()),
    "hamiltonians": (set(), set()),
    "datasets": (set(), set()),
    "preprocessing": (set(), set()),
    "circuits": ({"_optional", "_kernels"}, set()),
    "samplers": ({"_optional", "_kernels"}, {"circuits"}),
    "inspection": ({"_optional"}, set()),
    "model_selection": ({"_optional", "inspection"}, set()),
    "neural_network": ({"hamiltonians", "samplers", "preprocessing", "_optional"}, {"circuits"}),
    "_optional": (set(), set()),
    "_base_estimator": (set(), set()),
    "_checks": (set(), set()),
    "_files": (set(), set()),
    "_memory": (set(), set()),
    "_versions": (set(), set()),
    "_warnings": (set(), set()),
    "_private_api": ({"_optional"}, set()),
    "_recordings": (set(), set()),
}
EVERYTHING = {"_cli", "__init__", "__main__"}

# Optional packages are imported through _optional; these would also be too dear at import.
OPTIONAL = {"torch", "qiskit", "qiskit_aer", "matplotlib", "pandas", "dask", "distributed", "dwave"}
OPTIONAL |= {"minorminer"}


def imports_of(source):
    """Imported modules, dotted, each with whether a function defers it, and its line."""
    found = []

    def visit(node, lazy):
        if isinstance(node, ast.Import):
            found.extend((alias.name, lazy, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            # `from qsklearn import samplers` names the room after the import.
            found.extend((f"{node.module}.{alias.name}", lazy, node.lineno) for alias in node.names)
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, lazy or is_function)

    visit(ast.parse(source), False)
    return found


def room_of(path):
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "_cli" if name.startswith("_cli_") else name


def complaints(room, source):
    """What a file of a room imports against the table."""
    if room in EVERYTHING:
        return []
    always, lazily = TABLE[room]
    wrong = []
    for module, lazy, line in imports_of(source):
        parts = module.split(".")
        if parts[0] == "qsklearn":
            target = parts[1] if len(parts) > 1 else "__init__"
            allowed = always | _SHARED | {room} | (lazily if lazy else set())
            if target not in allowed:
                wrong.append(f"line {line}: {room} imports {target}{' lazily' if lazy else ''}")
        if (
            parts[0] in OPTIONAL
            and not lazy
            and not (room, parts[0]) == ("neural_network", "torch")
        ):
            wrong.append(f"line {line}: {parts[0]} is optional, and imported at the top")
    return wrong


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_table(path):
    assert complaints(room_of(path), path.read_text(encoding="utf-8")) == []


def test_every_room_stands_in_the_table():
    assert {room_of(path) for path in FILES} <= TABLE.keys() | EVERYTHING


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("_kernels", "from qsklearn.samplers import GibbsSampler"),
        ("_kernels", "def f():\n    import qsklearn.samplers._base"),
        ("samplers", "import qsklearn.neural_network"),
        ("samplers", "from qsklearn import neural_network"),
        ("samplers", "from qsklearn import circuits"),
        ("samplers", "class A:\n    from qsklearn.circuits import b"),
        ("hamiltonians", "from qsklearn.samplers._models import SpinModels"),
        ("model_selection", "def f():\n    from qsklearn.neural_network import x"),
        ("inspection", "import matplotlib.pyplot as plt"),
        ("samplers", "if True:\n    from dwave.samplers import TreeDecompositionSampler"),
        ("datasets", "from qsklearn import QuantumSampledMLPClassifier"),
    ],
)
def test_a_planted_import_is_caught(room, source):
    assert len(complaints(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("samplers", "def f():\n    from qsklearn.circuits import b"),
        ("samplers", "from qsklearn._kernels import _threads\nfrom qsklearn._optional import a"),
        ("samplers", "from qsklearn._private_api import Interval\nfrom sklearn.base import clone"),
        ("_cli", "from qsklearn.neural_network import x"),
        ("hamiltonians", "from qsklearn.hamiltonians._family import Family"),
    ],
)
def test_what_the_table_allows_passes(room, source):
    assert complaints(room, source) == []


def modules_after(statement):
    result = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name.split(".")[0] for name in result.stdout.split()}


def test_import_qsklearn_is_cheap():
    loaded = modules_after("import qsklearn; dir(qsklearn)")
    assert loaded.isdisjoint({"numba", "torch", "qiskit", "matplotlib", "pandas", "sklearn"})


def test_rooms_load_no_optional_package():
    loaded = modules_after("import qsklearn.samplers, qsklearn._kernels, qsklearn.hamiltonians")
    # scikit-learn itself loads pandas where it is installed.
    assert (loaded & OPTIONAL) <= modules_after("import sklearn.base, dimod, numba")


_PRIVATE = {"_kernels", "_recordings"}


@pytest.mark.parametrize(
    "room", sorted(room for room in TABLE if (PACKAGE / room).is_dir() and room not in _PRIVATE)
)
def test_public_names_exist(room):
    module = getattr(qsklearn, room)
    assert all(isinstance(name, str) and hasattr(module, name) for name in module.__all__)
    assert list(module.__all__) == sorted(module.__all__)
