"""A call to a device until it is answered: passing faults, waits, and what it costs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dimod

from qsklearn._optional import import_optional
from qsklearn.samplers._budget import Budget, BudgetSpent

_LONGEST_WAIT = 60.0  # seconds
_ACCESS_TIME = "qpu_access_time"
_CALLER = "DWaveQPUSampler"
# Names in dwave.cloud.exceptions. Of some nobody knows whether the problem ran.
_UNDELIVERED = ("SolverOfflineError",)
# The client's RequestTimeout is also one of waiting for the answer to a problem that was delivered.
_UNKNOWN = (
    "RequestTimeout",
    "PollingTimeout",
    "Timeout",
    "InternalServerError",
    "InvalidAPIResponseError",
)
# Of HTTP, which the client passes on in other errors.
_BUSY = (429, 503)
_SERVER_FAULTS = (500, 502, 504)


class DeviceCallFailed(RuntimeError):
    """A device did not answer, after the retries that could help.

    Parameters
    ----------
    message : str
    num_faults : int, default=0
        Attempts that failed.
    timing : dict of str to float, optional
        Microseconds that answers of no use took, under D-Wave's names.

    Examples
    --------
    >>> from qsklearn.samplers import DWaveQPUSampler, MockQPUSampler
    >>> broken = MockQPUSampler("ideal", faults={0: "offline"})
    >>> DWaveQPUSampler(device=broken, max_retries=0).sample_ising({broken.nodelist[0]: 1.0}, {})
    Traceback (most recent call last):
        ...
    qsklearn.samplers._device_attempts.DeviceCallFailed: A call of 1 qubits, 0 couplers and 1 ...
    """

    def __init__(self, message: str, num_faults: int = 0, timing: dict[str, float] | None = None):
        super().__init__(message)
        self.num_faults = num_faults
        self.timing = timing or {}

    def __reduce__(self):
        return type(self), (str(self), self.num_faults, self.timing)


class _WrongAnswer(Exception):
    """An answer to another problem, with the time that it took."""

    def __init__(self, answer: dimod.SampleSet):
        super().__init__("the answer is one to another problem")
        self.timing = answer.info.get("timing", {})


def describe_call(bqm: dimod.BinaryQuadraticModel, num_reads: int) -> str:
    """What a call asks for, in words."""
    return (
        f"{bqm.num_variables} qubits, {bqm.num_interactions} couplers and {num_reads} "
        f"read{'s' * (num_reads != 1)}"
    )


@dataclass
class Attempts:
    """Sends a call until it is answered.

    Attributes
    ----------
    max_retries : int
    retry_wait : float
        Seconds before the first; doubled before each further one.
    budget : Budget or None
    solver : str
        For errors.
    """

    max_retries: int
    retry_wait: float
    budget: Budget | None
    solver: str

    def run(
        self,
        send: Callable[[], dimod.SampleSet],
        variables: list[Any],
        num_reads: int,
        estimate: float,
        size: str,
    ) -> dimod.SampleSet:
        """Send it, and again after a passing fault.

        Parameters
        ----------
        send : callable
        variables : list
            That the answer must have.
        num_reads : int
        estimate : float
            Microseconds of QPU access time.
        size : str
            For errors.

        Returns
        -------
        answer : dimod.SampleSet
            Its ``info`` has ``num_faults``.

        Raises
        ------
        DeviceCallFailed, BudgetSpent
            With ``num_faults`` of this call.
        ValueError
            What is wrong with the call, with a note of its size and solver.
        """
        num_faults: int = 0
        wasted: dict[str, float] = {}
        while True:
            number = self._open(estimate, num_faults, wasted, size)
            try:
                answer = send()
                answer.resolve()
                if set(answer.variables) != set(variables):
                    raise _WrongAnswer(answer)
            except ValueError as error:  # a mistake of ours: the program was refused
                self._close(number, 0.0, "refused")
                error.add_note(f"The call was one of {size}, to {self.solver}.")
                raise
            except KeyboardInterrupt:
                self._close(number, None, "interrupted")  # it may run all the same
                raise
            except Exception as error:
                num_faults += 1
                self._close(number, _time_of(error), type(error).__name__.lstrip("_"))
                _add_times(wasted, getattr(error, "timing", {}))
                if not _is_passing(error) or num_faults > self.max_retries:
                    raise self._failure(error, num_faults, wasted, size) from error
            else:
                is_short = answer.record.num_occurrences.sum() < num_reads
                took = float(answer.info.get("timing", {}).get(_ACCESS_TIME, 0.0))
                self._close(number, took, "fewer reads" if is_short else None)
                answer.info.update(
                    num_queries=num_faults + 1,
                    num_faults=num_faults + int(is_short),
                    wasted_timing=wasted,
                )
                return answer
            time.sleep(self._wait(num_faults))

    def _wait(self, num_faults: int) -> float:
        """Doubled each time, and not the same for all that wait at once."""
        longest = min(self.retry_wait * 2 ** (num_faults - 1), _LONGEST_WAIT)
        return longest * random.uniform(0.5, 1.0)

    def _open(self, estimate: float, num_faults: int, wasted: dict[str, float], size: str) -> int:
        if self.budget is None:
            return 0
        try:
            return self.budget.open_call(estimate)
        except BudgetSpent as error:
            error.num_faults, error.timing = num_faults, wasted
            error.add_note(f"The call was one of {size}, to {self.solver}.")
            raise

    def _close(self, number: int, qpu_time: float | None, fault: str | None) -> None:
        if self.budget is not None:
            self.budget.close_call(number, qpu_time, fault)

    def _failure(
        self, error: Exception, num_faults: int, wasted: dict[str, float], size: str
    ) -> DeviceCallFailed:
        times = "once" if num_faults == 1 else f"{num_faults} times"
        return DeviceCallFailed(
            f"A call of {size} to {self.solver} failed {times}; the last time by "
            f"{type(error).__name__.lstrip('_')}: {error}",
            num_faults,
            wasted,
        )


def _is_passing(error: Exception) -> bool:
    """Whether the same call may well succeed a little later."""
    kinds = (*_library_errors(_UNDELIVERED + _UNKNOWN), *_connection_errors(), _WrongAnswer)
    code = getattr(error, "error_code", None)
    return isinstance(error, (ConnectionError, *kinds)) or code in _BUSY + _SERVER_FAULTS


def _time_of(error: Exception) -> float | None:
    """Microseconds that a failed call took; None where nobody knows whether it ran."""
    if isinstance(error, _WrongAnswer):
        return float(error.timing.get(_ACCESS_TIME, 0.0))
    if isinstance(error, (*_library_errors(_UNDELIVERED), *_connection_errors("ConnectTimeout"))):
        return 0.0
    unknown = (*_library_errors(_UNKNOWN), *_connection_errors(), ConnectionError)
    is_fault = getattr(error, "error_code", None) in _SERVER_FAULTS
    return None if is_fault or isinstance(error, unknown) else 0.0


def _add_times(wasted: dict[str, float], timing: Mapping[str, float]) -> None:
    for name, value in timing.items():
        wasted[name] = wasted.get(name, 0.0) + float(value)


def _library_errors(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    try:
        exceptions = import_optional("dwave.cloud.exceptions", _CALLER)
    except ImportError:  # a device of somebody else's, whose errors are others
        return ()
    return tuple(getattr(exceptions, name) for name in names if hasattr(exceptions, name))


def _connection_errors(*names: str) -> tuple[type[Exception], ...]:
    try:
        requests = import_optional("requests.exceptions", _CALLER)
    except ImportError:
        return ()
    return tuple(getattr(requests, name) for name in names or ("ConnectionError", "Timeout"))
