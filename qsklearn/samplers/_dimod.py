"""Any dimod sampler as a sampler of this package."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import dimod
import numpy as np

from qsklearn._private_api import validate_parameter_constraints
from qsklearn._warnings import warn
from qsklearn.samplers._arguments import check_request
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, ArraySampler
from qsklearn.samplers._models import SpinModels, check_bqm
from qsklearn.samplers._one_by_one import draw_one_by_one
from qsklearn.samplers._pickling import make_picklable
from qsklearn.samplers._temperature import estimate_beta


class DimodSampler(ArraySampler):
    """A dimod sampler with its arguments, safe to clone.

    ``sklearn.base.clone`` keeps the wrapped sampler by reference: no deep copy, no new embedding.
    Only keywords that the wrapped sampler declares in its ``parameters`` are passed on, and a seed
    where its ``sample`` names one. Where it declares no ``beta``, the temperature of draws is
    estimated and returned in ``info`` as ``beta_eff`` with ``beta_eff_stderr``.

    Parameters
    ----------
    sampler : dimod.Sampler
        Any object with ``sample`` and ``parameters``.
    params : dict, default=None
        Arguments of each call of ``sampler.sample``, for example ``{"annealing_time": 20}``.

    Examples
    --------
    >>> import dimod
    >>> from sklearn.base import clone
    >>> from qsklearn.samplers import DimodSampler
    >>> wrapped = DimodSampler(dimod.RandomSampler(), {"num_reads": 3})
    >>> len(wrapped.sample_ising({"a": 1.0}, {}))
    3
    >>> clone(wrapped).sampler is wrapped.sampler
    True
    """

    draws_one_hot = False

    _parameter_constraints = {
        "num_reads": [COUNT],
        "beta": [BETA, None],
        "seed": SEED_CONSTRAINTS,
    }

    def __init__(self, sampler, params=None):
        self.sampler = sampler
        self.params = params

    def __sklearn_clone__(self):
        return DimodSampler(self.sampler, None if self.params is None else dict(self.params))

    def __getstate__(self):
        state = dict(super().__getstate__())  # else it is the object's own __dict__
        state["sampler"] = make_picklable(self.sampler, type(self).__name__)
        return state

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords that the wrapped sampler declares."""
        return dict(self.sampler.parameters)

    @property
    def properties(self) -> dict[str, Any]:
        """The wrapped sampler's properties."""
        return dict(getattr(self.sampler, "properties", {}))

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Draw states of a binary quadratic model by the wrapped sampler.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
        **parameters
            Override ``params``; those that the sampler does not declare are left out with a
            warning.

        Returns
        -------
        dimod.SampleSet
        """
        check_bqm(bqm)
        self._check_wrapped()
        arguments = {**self._own_params(), **self.remove_unknown_kwargs(**parameters)}
        if arguments.get("num_reads") is not None:
            reads = self._check_reads(arguments["num_reads"], bqm.num_variables)
            arguments["num_reads"] = reads
        return self.sampler.sample(bqm, **arguments)

    def _check_wrapped(self) -> None:
        caller = type(self).__name__
        missing = [name for name in ("sample", "parameters") if not hasattr(self.sampler, name)]
        if isinstance(self.sampler, (str, type)) or missing:
            raise ValueError(
                f"The 'sampler' parameter of {caller} must be an object with `sample` and "
                f"`parameters`, such as dimod.RandomSampler(). Got {self.sampler!r} instead."
            )
        if not isinstance(self.params, (dict, type(None))):
            raise ValueError(
                f"The 'params' parameter of {caller} must be a dict of arguments or None. "
                f"Got {self.params!r} instead."
            )

    def _check_reads(self, num_reads, n_variables: int) -> int:
        """Refuse reads that are no count, or that no memory holds, and make them an int.

        Foreign samplers pass them on to code in C, whose errors tell nothing.
        """
        caller = type(self).__name__
        validate_parameter_constraints({"num_reads": [COUNT]}, {"num_reads": num_reads}, caller)
        check_request(int(num_reads) * (n_variables + 8), caller)
        return int(num_reads)

    def _own_params(self) -> dict[str, Any]:
        """``params`` without those that the sampler does not declare, of which it warns."""
        given = self.params or {}
        for name in sorted(set(given) - set(self.parameters)):
            close = get_close_matches(name, self.parameters, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            warn(
                f"{type(self.sampler).__name__} does not declare {name!r}, so this entry of "
                f"'params' is left out.{hint}",
                dimod.exceptions.SamplerUnknownArgWarning,
            )
        return {name: value for name, value in given.items() if name in self.parameters}

    def _accept(self, parameters: dict[str, Any]) -> dict[str, Any]:
        self._check_wrapped()
        # The words of the array door, which the sampler hears if it declares them, and its own.
        words = {
            name: parameters.pop(name) for name in self._parameter_constraints if name in parameters
        }
        return {**words, **self.remove_unknown_kwargs(**parameters)}

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        given = self._own_params()
        defaults = {
            name: given.get(name, default)
            for name, default in (("num_reads", 1), ("beta", None), ("seed", None))
        }
        values = {**defaults, **overrides}
        validate_parameter_constraints(self._parameter_constraints, values, type(self).__name__)
        own = {**given, **{name: overrides[name] for name in overrides if name not in defaults}}
        return SimpleNamespace(**{name: values[name] for name in defaults}, own=own)

    def _arguments(self, own: dict[str, Any], **wanted) -> dict[str, Any]:
        if wanted.get("beta") is not None:
            # A device would fill its ranges, whatever E / beta_eff it is handed.
            wanted["auto_scale"] = own.get("auto_scale", False)
        declared = {name: value for name, value in wanted.items() if name in self.parameters}
        # Some samplers take a seed and do not declare it, as dimod.RandomSampler; without it no
        # run could be repeated.
        if "seed" in wanted and _names_seed(self.sampler):
            declared["seed"] = wanted["seed"]
        return {**own, **declared}

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        thermal = settings.beta is not None
        tempered = thermal and "beta" not in self.parameters
        # A device without a temperature to set is handed beta E, and takes its own beta_eff to it.
        programmed = models.programmed(settings.beta, type(self).__name__) if tempered else models

        def sample(model, bqm, num_reads, seed):
            arguments = self._arguments(
                settings.own, num_reads=num_reads, seed=seed, beta=settings.beta
            )
            sampleset = self.sampler.sample(bqm, **arguments)
            _pass_on_stop(sampleset, settings.watch)
            return sampleset

        states, energies, infos = draw_one_by_one(
            sample,
            programmed,
            settings.num_reads,
            settings.seed,
            np.arange(models.n_spins),
            type(self.sampler).__name__,
            fewer_allowed=not thermal,
        )
        info = _summarise_calls(infos)
        if tempered:
            info["beta_eff"], info["beta_eff_stderr"] = estimate_beta(programmed, states)
            energies = np.stack(
                [models.energies(model, drawn) for model, drawn in enumerate(states)]
            )
        else:
            info["beta"] = settings.beta
        return states[:, :, keep], energies, info


def _names_seed(sampler) -> bool:
    try:
        return "seed" in inspect.signature(sampler.sample).parameters
    except (TypeError, ValueError):
        return False  # a compiled method that does not tell


def _pass_on_stop(sampleset, watch) -> None:
    """A wrapped sampler of ours says in ``info`` that it was stopped; Ctrl-C ends all calls."""
    reason = getattr(sampleset, "info", {}).get("stop_reason")
    if reason == "KeyboardInterrupt":
        raise KeyboardInterrupt
    if reason is not None:
        watch.interrupt(reason)


def _summarise_calls(infos: list[dict[str, Any]]) -> dict[str, Any]:
    """What hardware reports of its calls, added up or averaged."""
    summary: dict[str, Any] = {}
    timings = [info.get("timing", {}) for info in infos]
    if any("qpu_access_time" in timing for timing in timings):
        summary["qpu_access_time"] = sum(timing.get("qpu_access_time", 0.0) for timing in timings)
    broken = [info["chain_break_fraction"] for info in infos if "chain_break_fraction" in info]
    if broken:
        summary["chain_break_fraction"] = float(np.mean(broken))
    return summary
