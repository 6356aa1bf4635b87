"""A D-Wave processor by its description: opened where and when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dimod

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import check_integer
from qsklearn._private_api import (
    Integral,
    Interval,
    Real,
    StrOptions,
    validate_parameter_constraints,
)
from qsklearn.samplers._bias_doors import BiasDoors
from qsklearn.samplers._budget import Budget
from qsklearn.samplers._device_attempts import Attempts, describe_call
from qsklearn.samplers._device_calls import device_properties
from qsklearn.samplers._device_connection import check_no_secret, open_device
from qsklearn.samplers._models import check_bqm
from qsklearn.samplers._qpu_timing import are_points, estimate_access_time

_NAME = "DWaveQPUSampler"
# Parameters of a call that have a name of their own here; None leaves them to the processor.
_CALL = ("annealing_time", "anneal_schedule", "fast_anneal", "label")
# What whoever calls decides.
_PER_CALL = ("num_reads", "seed", "initial_state")
# What says which processor; the rest does not change who answers.
_SOURCE = ("solver", "topology_type", "region")


class DWaveQPUSampler(BaseEstimator, BiasDoors, dimod.Structured):
    """A D-Wave quantum processor, as a description that connects when it is used.

    It may be cloned, pickled and sent to other processes: each of them opens its own connection,
    once, with the first use. Passing faults are met by trying again, a budget is kept, and a call
    that fails for good says what was asked of whom. Estimators wrap it in :class:`EmbeddedSampler`,
    which embeds, splits reads, gauges, and estimates the temperature.

    The token comes from D-Wave's own configuration file or environment (``DWAVE_API_TOKEN``), and
    is not kept by this object.

    Parameters
    ----------
    solver : str or dict, optional
        The processor's name, such as ``"Advantage2_system1.6"``, or features that it must have, as
        ``dwave.cloud.Client.get_solvers`` takes them. By default the largest that is online.
    topology_type : {"chimera", "pegasus", "zephyr"}, optional
        A further feature.
    region : str, optional
        D-Wave's region, such as ``"eu-central-1"``.
    profile : str, optional
        Section of D-Wave's configuration file.
    config_file : str or path-like, optional
        By default D-Wave's own.
    annealing_time : float, optional
        Microseconds of an anneal.
    anneal_schedule : list of (time, anneal fraction), optional
        In its place. One that begins at the fraction 1 is a reverse anneal, which needs a state to
        begin from: estimators give none but in equilibrium propagation.
    fast_anneal : bool, optional
        D-Wave's fast-anneal protocol, whose programs have no fields.
    label : str, optional
        By which the calls are found in Leap.
    params : dict, optional
        Further arguments of each call, for example ``{"readout_thermalization": 5}``.
    budget : Budget, optional
        What may be spent, shared by all copies.
    max_retries : int, default=5
        How often a call is tried again after a passing fault: a timeout, a connection that broke,
        a processor that is offline, an answer to another problem. None of ours (a program that is
        refused) is tried again.
    retry_wait : float, default=1.0
        Seconds before the first of these; twice as long before each further one, at most a minute.
    device : structured dimod.Sampler, optional
        Takes the connection's place, such as :class:`MockQPUSampler`: for a rehearsal, in which all
        else is as it will be.

    See Also
    --------
    EmbeddedSampler : What makes a sampler for any model of it.
    RecordedSampler : Repeats its calls without it.
    MockQPUSampler

    Notes
    -----
    ``info`` of an answer has D-Wave's own entries, and ``num_queries``, the attempts of this call;
    ``num_faults``, those of them that failed; ``wasted_timing``, what answers of no use took. An
    answer with fewer reads than asked for is handed on, and counts as a fault.

    References
    ----------
    D-Wave documentation, "Configuring Access to Leap's Solvers".

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from qsklearn.samplers import DWaveQPUSampler, MockQPUSampler
    >>> sampler = DWaveQPUSampler(topology_type="zephyr", annealing_time=50)
    >>> clone(sampler)  # nothing was opened
    DWaveQPUSampler(annealing_time=50, topology_type='zephyr')
    >>> rehearsal = DWaveQPUSampler(annealing_time=50, device=MockQPUSampler("ideal", seed=0))
    >>> answer = rehearsal.sample_ising({rehearsal.nodelist[0]: 1.0}, {}, num_reads=100)
    >>> answer.info["timing"]["qpu_anneal_time_per_sample"], answer.info["num_faults"]
    (50.0, 0)
    """

    #: What draws, for reports.
    drawn_by = "a quantum device of D-Wave's"

    _parameter_constraints = {
        "solver": [str, dict, None],
        "topology_type": [StrOptions({"chimera", "pegasus", "zephyr"}), None],
        "region": [str, None],
        "profile": [str, None],
        "config_file": [str, Path, None],
        "annealing_time": [Interval(Real, 0, None, closed="neither"), None],
        "anneal_schedule": ["array-like", None],
        "fast_anneal": ["boolean", None],
        "label": [str, None],
        "params": [dict, None],
        "budget": [Budget, None],
        "max_retries": [Interval(Integral, 0, None, closed="left")],
        "retry_wait": [Interval(Real, 0, None, closed="left")],
        "device": "no_validation",
    }

    def __init__(
        self,
        solver=None,
        *,
        topology_type=None,
        region=None,
        profile=None,
        config_file=None,
        annealing_time=None,
        anneal_schedule=None,
        fast_anneal=None,
        label=None,
        params=None,
        budget=None,
        max_retries=5,
        retry_wait=1.0,
        device=None,
    ):
        # At once, and not where it is used: parameters are printed and pickled before that.
        check_no_secret(solver, "solver", _NAME)
        check_no_secret(params, "params", _NAME)
        self.solver = solver
        self.topology_type = topology_type
        self.region = region
        self.profile = profile
        self.config_file = config_file
        self.annealing_time = annealing_time
        self.anneal_schedule = anneal_schedule
        self.fast_anneal = fast_anneal
        self.label = label
        self.params = params
        self.budget = budget
        self.max_retries = max_retries
        self.retry_wait = retry_wait
        self.device = device

    def __sklearn_clone__(self):
        # A device in the connection's place is kept, as the connection is.
        return type(self)(**self.get_params(deep=False))

    @property
    def nodelist(self) -> list[Any]:
        """Qubits that work."""
        return self._open().nodelist

    @property
    def edgelist(self) -> list[tuple[Any, Any]]:
        """Couplers that work."""
        return self._open().edgelist

    @property
    def adjacency(self) -> dict[Any, set[Any]]:
        """Qubits to those that they couple to."""
        return self._open().adjacency

    @property
    def parameters(self) -> dict[str, Any]:
        """Keywords of ``sample``: the processor's."""
        return dict(self._open().parameters)

    @property
    def properties(self) -> dict[str, Any]:
        """What the processor says of itself, under D-Wave's names."""
        return dict(self._open().properties)

    def to_networkx_graph(self):
        """The working graph, with the attributes of its topology.

        Returns
        -------
        networkx.Graph
        """
        return self._open().to_networkx_graph()

    def recording_identity(self) -> dict[str, Any]:
        """What a recording knows it by: the processor and how it anneals; opens nothing.

        Returns
        -------
        identity : dict
            JSON.
        """
        own = {name: getattr(self, name) for name in _SOURCE}
        return {"class": _NAME, **own, **self._call_defaults()}

    def estimate_access_time(self, num_qubits: int, num_reads: int = 1, **parameters) -> float:
        """Microseconds of QPU access time that a call takes, by the processor's timing model.

        Parameters
        ----------
        num_qubits : int
            That the program uses.
        num_reads : int, default=1
        **parameters
            Of the call; one left out has the constructor's value.

        Returns
        -------
        time : float
            0 for a device without timing data.

        Raises
        ------
        ValueError
            If parameters contradict each other.
        """
        caller = f"{_NAME}.estimate_access_time"
        num_qubits = check_integer(num_qubits, "num_qubits", caller, 0, 2**31)
        num_reads = check_integer(num_reads, "num_reads", caller, 1, 2**31)
        given = self._arguments(parameters)
        properties = device_properties(self._open())
        return estimate_access_time(properties, num_qubits, num_reads, **given)

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Program the processor and read it.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            On qubits and couplers that work.
        **parameters
            Any of :attr:`parameters`; one left out has the constructor's value, or the processor's.

        Returns
        -------
        dimod.SampleSet
            The answer, which is there: this waits for it.

        Raises
        ------
        BudgetSpent
            If the budget does not cover the call, which is not sent then.
        DeviceCallFailed
            If the call failed, after its retries where these can help.
        ValueError
            If the processor refuses the program or a parameter, as it is after that.
        """
        check_bqm(bqm)
        self._validate()
        device = self._open()
        arguments = self._arguments(parameters)
        given = arguments.get("num_reads")
        num_reads = 1 if given is None else check_integer(given, "num_reads", _NAME, 1)
        arguments["num_reads"] = num_reads
        attempts = Attempts(self.max_retries, self.retry_wait, self.budget, _name_of(device))
        return attempts.run(
            lambda: device.sample(bqm, **arguments),
            list(bqm.variables),
            num_reads,
            self.estimate_access_time(bqm.num_variables, **arguments),
            describe_call(bqm, num_reads),
        )

    def _arguments(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """A call's own parameters and the constructor's; times of one anneal exclude each other."""
        defaults = self._call_defaults()
        if parameters.get("anneal_schedule") is not None:
            defaults.pop("annealing_time", None)
        if parameters.get("annealing_time") is not None:
            defaults.pop("anneal_schedule", None)
        arguments = {**defaults, **parameters}
        schedule = arguments.get("anneal_schedule")
        if schedule is not None and not are_points(schedule):
            raise ValueError(
                f"The 'anneal_schedule' parameter of {_NAME} must be a list of two or more pairs "
                f"(time, anneal fraction). Got {schedule!r} instead."
            )
        return arguments

    def _call_defaults(self) -> dict[str, Any]:
        for name in _PER_CALL:
            if name in (self.params or {}):
                raise ValueError(
                    f"The 'params' parameter of {_NAME} must not have {name!r}, which differs from "
                    "call to call; give it to the estimator, or to EmbeddedSampler."
                )
        named = {name: getattr(self, name) for name in _CALL}
        both = sorted(set(self.params or {}) & {k for k, v in named.items() if v is not None})
        if both:
            raise ValueError(
                f"The 'params' parameter of {_NAME} must not have {both[0]!r}, which is given as a "
                "parameter of its own. Give it once."
            )
        return {k: v for k, v in {**named, **(self.params or {})}.items() if v is not None}

    def _open(self) -> Any:
        """The device: this process's connection, or what takes its place."""
        if self.device is None:
            names = (*_SOURCE, "profile", "config_file")
            source = {name: getattr(self, name) for name in names}
            return open_device(source, _NAME, self._validate)
        if isinstance(self.device, str | type) or not hasattr(self.device, "sample"):
            raise ValueError(
                f"The 'device' parameter of {_NAME} must be a structured sampler, such as "
                f"MockQPUSampler(), or None. Got {self.device!r} instead."
            )
        return self.device

    def _validate(self) -> None:
        values = self.get_params(deep=False)
        validate_parameter_constraints(self._parameter_constraints, values, _NAME)
        for name in ("solver", "params"):
            check_no_secret(values[name], name, _NAME)


def _name_of(device: Any) -> str:
    properties: Mapping[str, Any] = device_properties(device)
    return str(properties.get("chip_id") or type(device).__name__)
