"""The table of entry points, and the public names that have to be in it."""

import importlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fuzzing.oracle import Verdict, judge
from fuzzing.strategies import Source, mutate

ROOMS = (
    "circuits",
    "datasets",
    "hamiltonians",
    "inspection",
    "model_selection",
    "neural_network",
    "neural_network.layers",
    "preprocessing",
    "samplers",
)
ENTRIES = {}
# What dimod and scikit-learn add, and what runs code of this package.
_INHERITED = (
    "sample_ising",
    "sample_qubo",
    "close",
    "score",
    "fit_transform",
    "get_feature_names_out",
)


@dataclass
class Case:
    """A call that is valid as it is.

    Attributes
    ----------
    call : callable
        Takes the arguments by name.
    arguments : dict
        What may be changed.
    check : callable, optional
        Takes the answer to the call as it is, and raises AssertionError where that is wrong.
    may_refuse : bool
        Whether it may be refused all the same, as the recipe took values from beyond the edge.
    """

    call: Callable
    arguments: dict
    check: Callable | None = None
    may_refuse: bool = False


@dataclass(frozen=True)
class Entry:
    """A public entry point.

    Attributes
    ----------
    name : str
        Such as ``"samplers.GibbsSampler.sample"``.
    recipe : callable
        Makes a Case of a Source.
    weight : float
        Its share of the cases.
    seconds : float
        The bound of a call.
    """

    name: str
    recipe: Callable
    weight: float = 1.0
    seconds: float = 20.0

    def run(self, source: Source, report=None) -> tuple[Verdict, str]:
        """Draw a case and judge it; ``report`` is told of it before."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is fitted for the case
            case = self.recipe(source)
        arguments, kind, what = mutate(source, case.arguments)
        described = f"{self.name} ({kind}{', extreme' if source.is_extreme else ''}) {what}"
        if report is not None:
            report(described)
        is_valid = kind != "odd" and not case.may_refuse and not source.is_extreme
        check = None if kind == "odd" else case.check
        verdict = judge(
            case.call, arguments, seconds=self.seconds, check=check, must_answer=is_valid
        )
        return verdict, described


def entry(*names, weight=1.0, seconds=20.0):
    """Put a recipe into the table under one or several names; of several it gets the name."""

    def put(recipe):
        for name in names:
            one = recipe if len(names) == 1 else _named(recipe, name)
            if name in ENTRIES:
                raise ValueError(f"{name} is there twice")
            ENTRIES[name] = Entry(name, one, weight, seconds)
        return recipe

    return put


def _named(recipe, name):
    return lambda source: recipe(source, name)


class Public:
    """Public names of the package, by code."""

    @cached_property
    def names(self):
        """Names of all entry points: functions, classes and their own public methods."""
        found = ["_cli.main"]
        for room in ROOMS:
            module = importlib.import_module(f"qsklearn.{room}")
            for name in module.__all__:
                thing = getattr(module, name)
                if inspect.ismodule(thing):
                    continue
                found.append(f"{room}.{name}")
                if inspect.isclass(thing):
                    found += [f"{room}.{name}.{method}" for method in methods_of(thing)]
        return sorted(found)


def methods_of(kind: type) -> list[str]:
    """Public methods that a class has from this package, or that dimod adds to its samplers."""
    found = []
    for name in dir(kind):
        static = inspect.getattr_static(kind, name)
        if name.startswith("_") or isinstance(static, property | cached_property):
            continue
        method = getattr(kind, name)
        home = getattr(method, "__module__", None) or ""
        if callable(method) and (home.startswith("qsklearn") or name in _INHERITED):
            found.append(name)
    return found


def read_properties(thing: Any) -> None:
    """Read all public properties of an object."""
    for name in dir(type(thing)):
        static = inspect.getattr_static(type(thing), name)
        if not name.startswith("_") and isinstance(static, property | cached_property):
            getattr(thing, name)
