"""Private API of other packages is used in one file, ``_private_api.py``; and nothing runs data.

Both are read by an ast walk. Whose an attribute is cannot be told from the source: a private name
is foreign where nothing in qsklearn defines it.
"""

import ast
import importlib
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import qsklearn
from qsklearn._private_api import (
    Integral,
    Interval,
    InvalidParameterError,
    Real,
    validate_parameter_constraints,
)

PACKAGE = Path(qsklearn.__file__).parent
THE_FILE = PACKAGE / "_private_api.py"
PRIVATE = re.compile(r"_[A-Za-z]\w*")

# Protocols of others that one implements by a private name, as their documentation says.
PROTOCOLS = {
    "_repr_html_",  # IPython
    "_repr_pretty_",  # IPython
    "_get_doc_link",  # scikit-learn: where the link of an estimator's picture leads
}

# Calls that take an attribute's name as a string.
ATTRIBUTE_BY_WORD = {"getattr", "hasattr", "setattr", "delattr", "attrgetter", "pop", "get"}

# Calls that run what they read, or hand it to a shell.
RUNNING = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "joblib.load", "torch.load", "yaml.load", "dill.load", "dill.loads", "cloudpickle.load",
    "cloudpickle.loads", "marshal.load", "marshal.loads", "shelve.open", "os.system", "os.popen",
    "pandas.read_pickle",
}  # fmt: skip
TRUE_IS_UNSAFE = {"allow_pickle", "shell"}


def is_private(name):
    return PRIVATE.fullmatch(name) is not None and not name.startswith("__")


def names_defined_in(tree):
    """Names that a file gives: its functions, classes, arguments, variables and attributes."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
            # Slots and fields are named in words.
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
                names |= {text.value for text in ast.walk(value) if isinstance(text, ast.Constant)}
    return names


def foreign_names(tree, own):
    """Private names of other packages that a file uses, each with its line."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                modules, names = [alias.name for alias in aliases], []
            case ast.ImportFrom(module=module, names=aliases):
                modules, names = [f"{module}.{alias.name}" for alias in aliases], []
            case ast.Attribute(attr=name):
                modules, names = [], [name]
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=given):
                modules, names = [], words(given) if called in ATTRIBUTE_BY_WORD else []
            case ast.Subscript(slice=word):  # vars(estimator)["_name"]
                modules, names = [], words([word])
            case _:
                continue
        names = [name for name in names if is_private(name) and name not in own]
        names += [
            module
            for module in modules
            if module.split(".")[0] != "qsklearn" and any(map(is_private, module.split(".")))
        ]
        found += [(node.lineno, name) for name in names]
    return found


def words(expressions):
    """The strings among expressions."""
    return [
        expression.value
        for expression in expressions
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str)
    ]


def calls_that_run_data(tree):
    """Calls that execute what they read, each with its line."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        root, _, rest = ast.unparse(node.func).partition(".")
        name = modules.get(root, root) + (f".{rest}" if rest else "")
        if name in RUNNING:
            found.append((node.lineno, name))
        for keyword in node.keywords:
            is_false = isinstance(keyword.value, ast.Constant) and not keyword.value.value
            if keyword.arg in TRUE_IS_UNSAFE and not is_false:
                found.append((node.lineno, f"{name}({keyword.arg}=...)"))
    return found


def is_data(value):
    """Not a method: what a metaclass leaves in each class, say."""
    return not callable(getattr(value, "__func__", value)) and not isinstance(value, property)


def overridden_privates(module):
    """Private methods of other packages' classes that a module's classes override."""
    return {
        f"{owner.__name__}.{name}"
        for owner in vars(module).values()
        if inspect.isclass(owner) and owner.__module__ == module.__name__
        for name in vars(owner)
        if is_private(name) and name not in PROTOCOLS and not is_data(vars(owner)[name])
        for base in owner.__mro__[1:]
        if base.__module__.split(".")[0] not in {"qsklearn", *sys.stdlib_module_names}
        and name in vars(base)
    }


FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
OWN = set().union(
    PROTOCOLS,
    *map(names_defined_in, TREES.values()),
    *(path.with_suffix("").parts for path in FILES),
)
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


@EACH_FILE
def test_private_api_of_others_is_used_in_one_file(path):
    found = foreign_names(TREES[path], OWN)
    if path == THE_FILE:
        assert found
    else:
        assert found == [], "it belongs in _private_api.py"


@EACH_FILE
def test_no_private_method_of_others_is_overridden(path):
    if path.name == "__main__.py":
        return
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    assert overridden_privates(module) == set()


@EACH_FILE
def test_nothing_that_is_read_is_run(path):
    assert calls_that_run_data(TREES[path]) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sklearn.base import _fit_context",
        "from sklearn.utils._param_validation import Interval",
        "import matplotlib._mathtext",
        "def f():\n    from torch._C import x",
        "graph._adjacency",
        "graph._adjacency = 1; graph._nodes",
        "getattr(graph, '_adjacency')",
        "vars(graph).pop('_adjacency', None)",
        "vars(graph)['_adjacency']",
    ],
)
def test_a_planted_private_name_is_caught(source):
    assert len(foreign_names(ast.parse(source), {"_adjacency"} if "= 1" in source else set())) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._own",
        "from qsklearn._warnings import warn",
        "from __future__ import annotations",
        "self.__dict__",
        "text.replace('_', ' ')",
        "name.endswith('_suffix')",
        "_, value = pair",
    ],
)
def test_own_names_pass(source):
    assert foreign_names(ast.parse(source), {"_own"}) == []


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(text)",
        "import pickle\npickle.load(file)",
        "from pickle import loads as read\nread(data)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, allow_pickle=allowed)",
        "import torch\ntorch.load(path)",
        "from torch import load\nload(path)",
        "import joblib\njoblib.load(path)",
        "import os\nos.system(line)",
        "import subprocess as sub\nsub.run(line, shell=True)",
    ],
)
def test_a_planted_call_is_caught(source):
    assert len(calls_that_run_data(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import ast\nast.literal_eval(text)",
        "import re\nre.compile(text)",
        "model.eval()",
        "import json\njson.load(file)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import subprocess\nsubprocess.run(words, shell=False)",
    ],
)
def test_harmless_calls_pass(source):
    assert calls_that_run_data(ast.parse(source)) == []


def test_a_planted_override_is_caught(monkeypatch):
    module = importlib.import_module("qsklearn._versions")
    base = type("Base", (), {"_private": None, "__module__": "elsewhere"})
    heir = type("Heir", (base,), {"_private": print, "_own": print, "__module__": module.__name__})
    monkeypatch.setattr(module, "Heir", heir, raising=False)
    assert overridden_privates(module) == {"Heir._private"}


CONSTRAINED = [
    owner
    for room in ("neural_network", "preprocessing", "samplers")
    for owner in vars(importlib.import_module(f"qsklearn.{room}")).values()
    if hasattr(owner, "_parameter_constraints")
]
NUMBERS = [
    (owner, name)
    for owner in CONSTRAINED
    for name, constraints in owner._parameter_constraints.items()
    if any(isinstance(constraint, Interval) for constraint in constraints)
]


@pytest.mark.parametrize(
    ("owner", "name"), NUMBERS, ids=[f"{owner.__name__}-{name}" for owner, name in NUMBERS]
)
@pytest.mark.parametrize("value", [True, False])
def test_no_number_is_a_boolean(owner, name, value):
    """Python and NumPy take True for 1, and what is counted or drawn by it fails far from here."""
    message = f"The '{name}' parameter of it must be .* Got .* instead."
    with pytest.raises(InvalidParameterError, match=message):
        validate_parameter_constraints(owner._parameter_constraints, {name: value}, "it")


@pytest.mark.parametrize(
    ("kind", "value", "is_fine"),
    [
        (Integral, 3, True),
        (Integral, np.int8(3), True),
        (Integral, 10**400, True),
        (Integral, 3.0, False),
        (Real, 3, True),
        (Real, np.float32(3), True),
        (Real, 10**30, True),
        (Real, 10**400, False),  # which no float holds
        (Real, np.nan, False),
        (Real, "3", False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:5]),
)
def test_an_interval_holds_numbers(kind, value, is_fine):
    assert Interval(kind, 1, None, closed="left").is_satisfied_by(value) == is_fine
