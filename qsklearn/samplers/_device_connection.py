"""Connections to D-Wave's service, one a process and processor, and nothing of their secrets."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from qsklearn._optional import import_optional
from qsklearn.samplers._device_attempts import DeviceCallFailed

_SECRETS = ("token", "password", "secret", "api_key", "authorization")
_LOCK = threading.Lock()
# (process, description) -> the open device. Connections do not survive a fork, nor a pickle.
_DEVICES: dict[tuple[int, str], Any] = {}


def open_device(source: dict[str, Any], caller: str, validate: Callable[[], None]) -> Any:
    """The connection of this process to a processor, opened with the first call.

    Parameters
    ----------
    source : dict
        ``solver``, ``topology_type``, ``region``, ``profile``, ``config_file``; None is left to
        D-Wave's configuration.
    caller : str
    validate : callable
        Called before a connection is opened.

    Returns
    -------
    device : dwave.system.DWaveSampler

    Raises
    ------
    DeviceCallFailed
        If no connection comes about.
    ImportError
        Without dwave-system.
    """
    key = os.getpid(), json.dumps(source, sort_keys=True, default=str)
    with _LOCK:
        if key not in _DEVICES:
            validate()
            _DEVICES[key] = _connect(_arguments(source), caller)
        return _DEVICES[key]


def close_devices() -> None:
    """Close this process's connections; they open anew when they are needed."""
    with _LOCK:
        for key in [key for key in _DEVICES if key[0] == os.getpid()]:
            _DEVICES.pop(key).close()


def check_no_secret(given: Any, name: str, caller: str) -> None:
    """Refuse a token among parameters, where it would be printed and pickled.

    Raises
    ------
    ValueError
        Without the secret's value.
    """
    for key in given if isinstance(given, dict) else ():
        if any(secret in str(key).lower() for secret in _SECRETS):
            raise ValueError(
                f"The {name!r} parameter of {caller} must not have {key!r}: parameters are printed "
                "and pickled. Set the environment variable DWAVE_API_TOKEN, or write the token to "
                "D-Wave's configuration file (`dwave config create`)."
            )


def _arguments(source: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in source.items() if value is not None}
    topology = given.pop("topology_type", None)
    if topology is not None:
        solver = given.get("solver", {})
        features = {"name": solver} if isinstance(solver, str) else dict(solver)
        given["solver"] = {**features, "topology__type": topology}
    if "config_file" in given:
        given["config_file"] = str(given["config_file"])
    return given


def reachable_devices(caller: str) -> list[dict[str, Any]]:
    """Processors that D-Wave's configuration gives access to, largest first.

    Parameters
    ----------
    caller : str

    Returns
    -------
    devices : list of dict
        ``name``, ``topology``, ``qubits`` and ``couplers`` that work, ``load`` in [0, 1] or None.

    Raises
    ------
    DeviceCallFailed
        If there is no connection.
    ImportError
        Without dwave-system.
    """
    cloud = import_optional("dwave.cloud", caller)
    with _telling_no_secret(caller, "any"), cloud.Client.from_config(client="qpu") as client:
        solvers = client.get_solvers(order_by="-num_active_qubits")
        return [
            {
                "name": solver.name,
                "topology": solver.properties.get("topology", {}).get("type"),
                "qubits": solver.num_active_qubits,
                "couplers": len(solver.undirected_edges),
                "load": solver.avg_load,
            }
            for solver in solvers
        ]


def _connect(arguments: dict[str, Any], caller: str) -> Any:
    system = import_optional("dwave.system", caller)
    asked = ", ".join(f"{name}={value!r}" for name, value in arguments.items()) or "any"
    with _telling_no_secret(caller, asked):
        return system.DWaveSampler(**arguments)


@contextlib.contextmanager
def _telling_no_secret(caller: str, asked: str) -> Iterator[None]:
    """What goes wrong in connecting as an error of ours, without the token."""
    try:
        with _without_debugging():
            yield
    except Exception as error:
        # The cause is left out on purpose: its text, and the frames' variables, may have the token.
        raise DeviceCallFailed(
            f"{caller} got no connection to a D-Wave processor ({asked}): {type(error).__name__}: "
            f"{without_token(str(error))}. Check `dwave ping`, the names of solver and region, and "
            "that DWAVE_API_TOKEN or D-Wave's configuration file has a valid token."
        ) from None


def without_token(text: str) -> str:
    """A text with the token of the environment or the configuration file struck out."""
    for token in _tokens():
        text = text.replace(token, "***")
    return text


def has_token() -> bool:
    """Whether the environment or the configuration file has a token; nothing is connected."""
    with _without_debugging():
        return next(_tokens(), None) is not None


def _tokens() -> Iterator[str]:
    if token := os.environ.get("DWAVE_API_TOKEN"):
        yield token
    with contextlib.suppress(Exception):
        config = import_optional("dwave.cloud.config", "DWaveQPUSampler")
        if token := config.load_config().get("token"):
            yield token
    for device in list(_DEVICES.values()):
        configuration = getattr(getattr(device, "client", None), "config", None)
        if token := getattr(configuration, "token", None):
            yield str(token)


@contextlib.contextmanager
def _without_debugging() -> Iterator[None]:
    """D-Wave's client writes its whole configuration, token and all, to the debugging log."""
    logger = logging.getLogger("dwave.cloud")
    children = [
        logging.getLogger(name)
        for name in logging.root.manager.loggerDict
        if name == "dwave.cloud" or name.startswith("dwave.cloud.")
    ]
    levels = [(each, each.level) for each in {logger, *children}]
    try:
        for each, level in levels:
            each.setLevel(max(level, logging.INFO))
        yield
    finally:
        for each, level in levels:
            each.setLevel(level)
