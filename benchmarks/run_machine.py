"""The facts of a run: the machine, the versions of packages, the commit, what a process took."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from qsklearn._versions import versions_of

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "qsklearn", "numpy", "scipy", "scikit-learn", "numba", "dimod", "dwave-samplers",
    "dwave-system", "qiskit", "qiskit-aer", "torch",
)  # fmt: skip


def facts():
    """What results depend on and a script doesn't say, by name, as text."""
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": memory(),
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: version or "not installed" for name, version in versions_of(PACKAGES).items()},
        "commit": commit(),
    }


def today():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def processor():
    """The model's name, which :mod:`platform` doesn't know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def memory():
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def commit():
    """The commit's short name, and whether files differ from it."""
    name = _git("rev-parse", "--short", "HEAD")
    if name is None:
        return "unknown"
    changed = _git("status", "--porcelain", "--", "qsklearn", "benchmarks/*.py")
    return f"{name}, with changes" if changed else name


def _git(*words):
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
