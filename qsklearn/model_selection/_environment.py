"""What a result depends on: versions of packages, without importing them, and the machine."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

import joblib

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
    return dict(_versions())


@functools.cache
def _versions():
    # Read from files, which takes longer than a fit of a small estimator.
    return {"python": platform.python_version(), **versions_of(_PACKAGES)}


def describe_environment():
    """The machine, without names of it or of its user, and the versions of the packages.

    Returns
    -------
    facts : dict of str to (str or None)
        ``platform``, ``processor``, ``cores`` (those that this process may use), and the versions.
    """
    machine = {
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(joblib.cpu_count()),
    }
    return machine | package_versions()


@functools.cache
def _processor():
    """The CPU's model where the system tells it, else its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine()
