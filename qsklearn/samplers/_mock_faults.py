"""Calls of a mock device that fail, on demand."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import dimod

from qsklearn._optional import import_optional

# Without an answer.
UNANSWERED = ("timeout", "connection", "offline")
FAULTS = (*UNANSWERED, "wrong problem", "fewer reads")


def check_faults(faults: Mapping[int, str], caller: str) -> None:
    """Refuse faults that do not exist, or calls that are no number.

    Raises
    ------
    ValueError
    """
    for call, fault in faults.items():
        is_number = isinstance(call, Integral) and not isinstance(call, bool) and call >= 0
        if not is_number or not isinstance(fault, str) or fault not in FAULTS:
            raise ValueError(
                f"The 'faults' parameter of {caller} must map numbers of calls, from 0, to "
                f"{', '.join(map(repr, FAULTS))}. Got {{{call!r}: {fault!r}}} instead."
            )


def strike(fault: str | None) -> None:
    """Raise what D-Wave's client raises, if the fault is that no answer comes."""
    if fault == "timeout":
        exceptions = import_optional("dwave.cloud.exceptions", "MockQPUSampler")
        raise exceptions.RequestTimeout("The request timed out (a fault that was asked for).")
    if fault == "connection":
        requests = import_optional("requests.exceptions", "MockQPUSampler")
        raise requests.ConnectionError("The connection was dropped (a fault that was asked for).")
    if fault == "offline":
        exceptions = import_optional("dwave.cloud.exceptions", "MockQPUSampler")
        raise exceptions.SolverOfflineError("The solver is offline (a fault that was asked for).")


def alter(fault: str | None, answer: dimod.SampleSet) -> dimod.SampleSet:
    """The answer, or one to another problem."""
    if fault != "wrong problem":
        return answer
    others = {label: ("another", label) for label in answer.variables}
    return answer.relabel_variables(others, inplace=False)
