"""From the ``sampler=`` parameter of an estimator to a sampler."""

from __future__ import annotations

import importlib
import importlib.util
from difflib import get_close_matches

import dimod
from sklearn.base import BaseEstimator

from qsklearn.samplers._base import ArraySampler
from qsklearn.samplers._dimod import DimodSampler
from qsklearn.samplers._recorded import RecordedSampler

# name -> (private module, class, packages that it needs, the extra that brings them)
_SAMPLERS = {
    "aer": ("_imaginary_time", "ImaginaryTimeCircuitSampler", ("qiskit", "qiskit_aer"), "aer"),
    "annealing": ("_annealing", "SimulatedAnnealingSampler", (), None),
    "dwave": ("_dwave_qpu", "DWaveQPUSampler", ("dwave.system",), "dwave"),
    "exact": ("_exact", "ExactSampler", (), None),
    "gibbs": ("_gibbs", "GibbsSampler", (), None),
    "mock-dwave": ("_mock_qpu", "MockQPUSampler", ("dwave.system",), "dwave"),
    "neal": ("_neal", "NealSampler", ("dwave.samplers",), "dwave"),
    "path-integral": ("_path_integral", "PathIntegralAnnealingSampler", (), None),
    "population": ("_population", "PopulationAnnealingSampler", (), None),
    "tempering": ("_tempering", "ParallelTemperingSampler", (), None),
}

# These list states, once each; their rows are not draws from a law.
_ENUMERATORS = {"ExactSolver", "ExactPolySolver", "ExactDQMSolver", "TreeDecompositionSolver"}


def get_sampler_names() -> list[str]:
    """Names that ``sampler=`` accepts.

    Returns
    -------
    names : list of str, sorted

    Examples
    --------
    >>> from qsklearn.samplers import get_sampler_names
    >>> "gibbs" in get_sampler_names()
    True
    """
    return sorted(_SAMPLERS)


def get_sampler_status() -> dict[str, str]:
    """Which samplers are usable here.

    Returns
    -------
    status : dict
        Name to an empty string where the sampler is usable, else to the reason why not.

    Examples
    --------
    >>> from qsklearn.samplers import get_sampler_status
    >>> get_sampler_status()["gibbs"]
    ''
    """
    status = {}
    for name, (_, _, packages, extra) in sorted(_SAMPLERS.items()):
        missing = [package for package in packages if not _is_installed(package)]
        status[name] = (
            f"needs {', '.join(missing)}: pip install 'qsklearn[{extra}]'" if missing else ""
        )
    return status


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False


def check_sampler(sampler, *, default="gibbs", intent="thermal", caller="check_sampler"):
    """Resolve the ``sampler`` parameter of an estimator.

    Parameters
    ----------
    sampler : str, sampler object or None
        A name of :func:`get_sampler_names`, a sampler of this package, or any dimod sampler: a
        structured one, such as a ``DWaveSampler``, is wrapped in :class:`EmbeddedSampler`, another
        one in :class:`DimodSampler` (dwave-samplers' annealer becomes :class:`NealSampler`, which
        drives it to the law).
    default : str, default="gibbs"
        The name that None stands for.
    intent : {"thermal", "ground"}, default="thermal"
        What the caller needs: draws at a temperature, or low energies.
    caller : str
        The estimator's name, for errors.

    Returns
    -------
    sampler : object with ``sample`` and ``sample_arrays``
        A new object for a name; a sampler of this package as it is.

    Raises
    ------
    ValueError
        If the name is unknown, or the object cannot do what is needed; the text names what is
        missing.

    Examples
    --------
    >>> from qsklearn.samplers import check_sampler
    >>> check_sampler("gibbs")
    GibbsSampler()
    """
    if sampler is None:
        sampler = default
    if isinstance(sampler, RecordedSampler) and _is_dwaves_annealer(sampler.sampler):
        sampler = sampler.around(_from_name("neal", caller))
    if isinstance(sampler, str):
        sampler = _from_name(sampler, caller)
    elif isinstance(sampler, type):
        raise ValueError(
            f"The 'sampler' parameter of {caller} must be a sampler object, not a class. Got "
            f"{sampler.__name__}; write {sampler.__name__}() instead."
        )
    else:
        _check_protocol(sampler, caller)
    if not hasattr(sampler, "sample_arrays"):
        sampler = _wrap(sampler, caller)
    _check_intent(sampler, intent, caller)
    return sampler


def _from_name(name: str, caller: str):
    if name not in _SAMPLERS:
        close = get_close_matches(name, _SAMPLERS, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"The 'sampler' parameter of {caller} must be one of {get_sampler_names()}, a sampler "
            f"object or None. Got {name!r} instead.{hint}"
        )
    reason = get_sampler_status()[name]
    if reason:
        raise ImportError(f"sampler={name!r} of {caller} {reason}")
    module, class_name, _, _ = _SAMPLERS[name]
    return getattr(importlib.import_module(f"qsklearn.samplers.{module}"), class_name)()


def _check_protocol(sampler, caller: str) -> None:
    missing = [name for name in ("sample", "parameters") if not hasattr(sampler, name)]
    if missing:
        raise ValueError(
            f"The 'sampler' parameter of {caller} must be one of {get_sampler_names()} or an "
            f"object that implements `sample` and `parameters`. Got {type(sampler).__name__}, "
            f"which misses {' and '.join(f'`{name}`' for name in missing)}."
        )


def _is_dwaves_annealer(sampler) -> bool:
    return type(sampler).__module__.startswith("dwave.samplers.sa")


def _wrap(sampler, caller: str) -> ArraySampler:
    if _is_dwaves_annealer(sampler):
        return _from_name("neal", caller)
    # A composite that embeds lazily has no structure before its first call, and takes any model.
    # A device of ours is known by its class: to ask it for its qubits would connect to it.
    is_ours = isinstance(sampler, BaseEstimator) and isinstance(sampler, dimod.Structured)
    if is_ours or (getattr(sampler, "nodelist", None) is not None and hasattr(sampler, "edgelist")):
        embedded = importlib.import_module("qsklearn.samplers._embedded")
        return embedded.EmbeddedSampler(sampler)
    return DimodSampler(sampler)


def _check_intent(sampler, intent: str, caller: str) -> None:
    if intent not in getattr(sampler, "intents", {intent}):
        raise ValueError(
            f"The 'sampler' parameter of {caller} must be one that can do a {intent} draw. "
            f"{type(sampler).__name__} can do: {', '.join(sorted(sampler.intents))}."
        )
    if intent != "thermal" or not isinstance(sampler, DimodSampler):
        return
    wrapped = sampler.sampler
    name = type(wrapped).__name__
    if isinstance(wrapped, RecordedSampler):
        name = wrapped.recording_identity()["class"]
    if name in _ENUMERATORS:
        raise ValueError(
            f"The 'sampler' parameter of {caller} must draw states from a law. {name} enumerates "
            "them, each once; use sampler='exact' instead."
        )
    if "num_reads" not in sampler.parameters:
        raise ValueError(
            f"The 'sampler' parameter of {caller} must draw as many reads as asked for. {name} "
            "does not declare `num_reads`."
        )
