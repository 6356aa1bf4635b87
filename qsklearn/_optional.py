"""The only way to an optional package.

Each such import happens inside the function that needs it, so that importing qsklearn stays cheap
and works without the extras. The error names the package, the extra that brings it and the caller.
"""

from __future__ import annotations

import importlib
from types import ModuleType

_EXTRA_OF_PACKAGE = {
    "dwave": "dwave",
    "minorminer": "dwave",
    "networkx": "dwave",
    "requests": "dwave",
    "qiskit": "aer",
    "qiskit_aer": "aer",
    "torch": "torch",
    "matplotlib": "plot",
    "pandas": "plot",
    "dask": "dask",
}


def import_optional(module: str, caller: str) -> ModuleType:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Dotted name, for example ``"dwave.samplers"`` or ``"matplotlib.pyplot"``.
    caller : str
        The public name that needs it, for the error message.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the package is missing; the text names package, extra and caller.

    Examples
    --------
    >>> from qsklearn._optional import import_optional
    >>> import_optional("no_such_package", "this example")
    Traceback (most recent call last):
        ...
    ImportError: this example needs the package 'no_such_package', which is not installed...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra = next(
            (
                extra
                for name, extra in _EXTRA_OF_PACKAGE.items()
                if f"{module}.".startswith(f"{name}.")
            ),
            None,
        )
        remedy = f"pip install 'qsklearn[{extra}]'" if extra else f"pip install {module}"
        raise ImportError(
            f"{caller} needs the package {module!r}, which is not installed or does not import "
            f"({error}). Install it with: {remedy}"
        ) from error
