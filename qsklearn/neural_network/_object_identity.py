"""What stands for an object among the parameters that decide a fit."""

import site
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FunctionType

from joblib.hashing import NumpyHasher

from qsklearn._warnings import warn

# Of a class, what is Python's own, or says nothing of what it does.
_NOT_OF_A_CLASS = {
    "__abstractmethods__", "__annotations__", "__dict__", "__doc__", "__firstlineno__",
    "__module__", "__slotnames__", "__static_attributes__", "__weakref__", "_abc_impl",
}  # fmt: skip


def describe(thing, caller):
    """An object's class, parameters, what it was fitted to, and the code of what is no library's.

    Of an object that cannot be pickled nothing is known but its class, which is told by a warning.

    Parameters
    ----------
    thing : object
    caller : str

    Returns
    -------
    facts : str or dict
        The same for equal objects, also in another process with the same Python.
    """
    try:
        return _facts(thing)
    except Exception as error:  # whatever a foreign object's own pickling raises
        kind = type(thing)
        warn(
            f"A {kind.__name__} among the parameters of {caller} cannot be pickled "
            f"({type(error).__name__}: {error}), so that a checkpoint cannot tell it from another "
            "one of its class. Delete the folder, or give another one, when its settings change."
        )
        return f"{kind.__module__}.{kind.__qualname__}"


def _facts(thing):
    if isinstance(thing, type) or hasattr(thing, "__name__"):
        return _hash(thing)
    facts = {"class": _hash(type(thing))}
    if hasattr(thing, "get_params"):
        fitted = {
            key: _hash(value)
            for key, value in vars(thing).items()
            if key.endswith("_") and not key.startswith("_")
        }
        return {**facts, **thing.get_params(deep=False), "fitted": fitted}
    if hasattr(thing, "state_dict"):
        weights = {key: value.numpy(force=True) for key, value in thing.state_dict().items()}
        return {**facts, "is": repr(thing), "weights": _hash(weights)}
    return {**facts, "content": _hash(thing)}


def _hash(thing):
    return _Hasher("md5").hash(thing)


class _Hasher(NumpyHasher):
    """joblib's, but for functions and classes that are no library's, which are what they do.

    To a pickle they are names alone: what is behind a name can be edited between two runs, and two
    functions that were made by one may have one name.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._open = set()  # functions and classes within which this one stands

    def reducer_override(self, thing):
        """What a function, a class or a part of one is made of; anything else as joblib has it."""
        if isinstance(thing, property):
            return list, ([thing.fget, thing.fset, thing.fdel],)
        if isinstance(thing, staticmethod | classmethod):
            return list, ([type(thing).__name__, thing.__func__],)
        if isinstance(thing, frozenset):
            return list, (["frozenset", set(thing)],)  # which joblib brings into an order
        if not isinstance(thing, type | FunctionType) or _is_of_a_library(thing):
            return NotImplemented
        if id(thing) in self._open:  # it calls itself
            return str, (thing.__qualname__,)
        self._open.add(id(thing))
        return list, ([thing.__module__, thing.__qualname__, *_parts(thing)],)


def _is_of_a_library(thing):
    """Whether its name says all of it: it stands in an installed package or Python's own."""
    if "<locals>" in thing.__qualname__:
        return False
    package = str(thing.__module__).partition(".")[0]
    if package in {*sys.stdlib_module_names, __name__.partition(".")[0]}:
        return True
    file = getattr(sys.modules.get(thing.__module__), "__file__", None)
    return file is not None and any(folder in Path(file).parents for folder in _library_folders())


def _library_folders():
    paths = sysconfig.get_paths()
    shared = [*site.getsitepackages(), site.getusersitepackages()]
    return {Path(folder) for folder in [paths["purelib"], paths["platlib"], *shared]}


def _parts(thing):
    if isinstance(thing, type):
        own = {name: part for name, part in vars(thing).items() if name not in _NOT_OF_A_CLASS}
        return [thing.__bases__, own]
    cells = [_content(cell) for cell in thing.__closure__ or ()]
    return [_code(thing.__code__), thing.__defaults__, thing.__kwdefaults__, cells]


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # it is still empty
        return None


def _code(code):
    """Without names of files and numbers of lines, which do nothing."""
    constants = [_code(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return [code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars]
