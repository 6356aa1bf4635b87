"""Every public name has a docstring that numpydoc's validator accepts."""

import importlib
import inspect

import pytest
from numpydoc.validate import validate

import qsklearn

# Of numpydoc's checks those that find a reader's troubles; the others are matters of taste.
CHECKS = {
    "GL01": "text should start on the first line or right after the quotes",
    "GL02": "closing quotes on their own line",
    "GL03": "no double blank lines",
    "GL08": "has a docstring",
    "SS01": "has a summary",
    "PR01": "documents all parameters",
    "PR02": "documents only parameters that there are",
    "PR03": "in their order",
    "PR04": "with their types",
    "RT01": "says what is returned",
    "EX01": "has an example",
}
# A method's example stands in its class.
CHECKS_OF_METHODS = set(CHECKS) - {"EX01"}


def public_names():
    modules = [f"qsklearn.{room}" for room in qsklearn._ROOMS]
    for path in modules:
        module = importlib.import_module(path)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                modules.append(f"{path}.{name}")
            else:
                yield f"{path}.{name}", thing


def public_methods():
    for path, thing in public_names():
        if inspect.isclass(thing):
            for name, member in vars(thing).items():
                is_method = inspect.isfunction(member) or isinstance(member, classmethod)
                if is_method and not name.startswith("_"):
                    yield f"{path}.{name}"


def faults(path, checks):
    result = validate(path)
    # **parameters stands for the names of `parameters`, which numpydoc takes for an unknown one.
    return [
        f"{code}: {text}"
        for code, text in result["errors"]
        if code in checks and not (code in ("PR01", "PR02") and "**" in text)
    ]


@pytest.mark.parametrize("path", [path for path, _ in public_names()])
def test_public_names_are_documented(path):
    assert faults(path, set(CHECKS)) == []


@pytest.mark.parametrize("path", list(public_methods()))
def test_public_methods_are_documented(path):
    assert faults(path, CHECKS_OF_METHODS) == []


def test_modules_of_a_room_are_gone_through():
    paths = [path for path, _ in public_names()]
    assert "qsklearn.neural_network.layers.Convolution" in paths
    assert "qsklearn.neural_network.layers" not in paths


def test_a_fault_is_found():
    # An undocumented function of the standard library.
    assert faults("bisect.bisect_left", {"PR01"})
