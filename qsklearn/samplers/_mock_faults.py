"""Calls of a mock device that fail, on demand."""

from __future__ import annotations

from collections.abc import Mapping

import dimod

from qsklearn._optional import import_optional

FAULTS = ("timeout", "connection", "offline", "wrong problem", "fewer reads")


def check_faults(faults: Mapping[int, str], caller: str) -> None:
    """Refuse faults that do not exist, or calls that are no number.

    Raises
    ------
    ValueError
    """
    for call, fault in faults.items():
        if isinstance(call, bool) or not isinstance(call, int) or call < 0 or fault not in FAULTS:
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
    """The answer, or one to another problem, or one with half of its rows."""
    if fault == "wrong problem":
        others = {label: ("another", label) for label in answer.variables}
        return answer.relabel_variables(others, inplace=False)
    if fault == "fewer reads":
        half = answer.slice(len(answer) // 2, sorted_by=None)
        half.info.update(answer.info)
        return half
    return answer
