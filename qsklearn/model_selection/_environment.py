"""Versions of what a result depends on, without importing it."""

from __future__ import annotations

import platform

from qsklearn._versions import versions_of

_PACKAGES = (
    "qsklearn",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "joblib",
    "dimod",
    "dwave-samplers",
    "dwave-system",
    "qiskit",
    "qiskit-aer",
    "torch",
    "dask",
    "matplotlib",
    "pandas",
)


def package_versions():
    """Version of Python and of each package that qsklearn can use.

    Returns
    -------
    versions : dict of str to (str or None)
        None for a package that is not installed.
    """
    return {"python": platform.python_version(), **versions_of(_PACKAGES)}
