"""``qsklearn info``: what is installed, what can be used, where caches lie."""

from __future__ import annotations

import os
import textwrap
from importlib.util import find_spec
from pathlib import Path

from joblib import cpu_count
from sklearn.datasets import get_data_home

from qsklearn._cli_errors import CommandError
from qsklearn.model_selection._environment import package_versions


def show_info(args):
    """Print the facts, or clear the embeddings if asked to. Returns the exit code."""
    if args.clear_embeddings:
        return _clear_embeddings()
    sections = {
        "Versions": {k: v or "not installed" for k, v in package_versions().items()},
        "Machine": {"CPU cores usable": str(cpu_count())},
        "Samplers": _sampler_facts(),
        "Caches": {
            "data sets (scikit-learn)": get_data_home(),
            "compiled kernels (numba)": _kernel_cache(),
            "embeddings": _embedding_facts(),
        },
    }
    if args.qpu:
        sections["D-Wave processors"] = _processor_facts()
    for heading, facts in sections.items():
        print(heading)
        width = max(map(len, facts))
        for name, fact in facts.items():
            indent = " " * (width + 4)
            line = f"  {name:<{width}}  {' '.join(fact.split())}"
            print(textwrap.fill(line, 100, subsequent_indent=indent, break_on_hyphens=False))
        print()
    return 0


def _sampler_facts():
    from qsklearn.samplers import get_sampler_names, get_sampler_status

    status = get_sampler_status()
    facts = {
        name: f"not usable: {status[name]}" if status.get(name) else "usable"
        for name in get_sampler_names()
    }
    if facts.get("dwave") == "usable":
        facts["dwave"] = _token_facts()
    return facts


def _token_facts():
    from qsklearn.samplers._device_connection import has_token

    if has_token():
        return "usable, if the token that is configured is valid (--qpu asks D-Wave)"
    return "needs a token (none is configured): DWAVE_API_TOKEN, or a file by `dwave config create`"


def _processor_facts():
    from qsklearn.samplers import DeviceCallFailed
    from qsklearn.samplers._device_connection import reachable_devices

    try:
        devices = reachable_devices("qsklearn info --qpu")
    except (DeviceCallFailed, ImportError) as error:
        raise CommandError(str(error)) from error
    facts = {}
    for device in devices:
        load = "" if device["load"] is None else f", load {100 * device['load']:.0f} %"
        facts[device["name"]] = (
            f"{device['topology']}, {device['qubits']} qubits, {device['couplers']} couplers{load}"
        )
    return facts or {"none": "this account has access to no quantum processor that is online"}


def _kernel_cache():
    """numba's order: its variable, else beside the kernels, else a folder of the user's."""
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return folder
    kernels = Path(find_spec("qsklearn._kernels").origin).parent
    if os.access(kernels, os.W_OK):
        return str(kernels / "__pycache__")
    return "numba's folder in the user's cache (the package's own cannot be written)"


def _embedding_facts():
    from qsklearn.samplers._embedding_cache import cache_facts

    facts = cache_facts()
    return f"{facts['folder']} ({facts['entries']} entries, {facts['bytes'] / 1e3:.0f} kB)"


def _clear_embeddings():
    from qsklearn.samplers._embedding_cache import cache_folder, clear_embedding_cache

    try:
        n_entries = clear_embedding_cache()
    except OSError as error:
        raise CommandError(f"--clear-embeddings: {error}") from error
    print(f"Deleted {n_entries} embedding{'s' * (n_entries != 1)} from {cache_folder()}")
    return 0
