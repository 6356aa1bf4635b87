"""From the ``sampler=`` parameter of a search to what makes its measurements."""

from qsklearn._optional import import_optional
from qsklearn._private_api import Integral
from qsklearn._warnings import warn
from qsklearn.samplers import get_sampler_names


def check_circuit_sampler(sampler, caller):
    """Resolve what measures: the landscape, or a backend of circuits.

    Parameters
    ----------
    sampler : {"landscape", "aer"}, qiskit BackendV2 or V2 sampler primitive
    caller : str
        The estimator's name, for errors.

    Returns
    -------
    sampler : "landscape", None (for Aer's statevector simulator), or the object

    Raises
    ------
    ImportError
        If Qiskit is needed and not installed.
    ValueError
        If it is none of these. Samplers of energies are told why.
    """
    expected = (
        f"The 'sampler' parameter of {caller} must be 'landscape', 'aer', a Qiskit BackendV2 or a "
        f"V2 sampler primitive."
    )
    if isinstance(sampler, str) and sampler in ("landscape", "aer"):
        if sampler == "aer":
            import_optional("qiskit_aer", f"sampler='aer' of {caller}")
        return None if sampler == "aer" else sampler
    if isinstance(sampler, type):
        raise ValueError(f"{expected} Got the class {sampler.__name__} instead of an object.")
    is_annealer = sampler in get_sampler_names() if isinstance(sampler, str) else False
    if is_annealer or (hasattr(sampler, "sample") and hasattr(sampler, "parameters")):
        name = repr(sampler) if isinstance(sampler, str) else type(sampler).__name__
        raise ValueError(
            f"{expected} Got {name} instead, which draws states of an energy; amplitude "
            "amplification is a search, of a function that is no energy of pairs."
        )
    if isinstance(sampler, str) or sampler is None:
        raise ValueError(f"{expected} Got {sampler!r} instead.")
    _warn_of_seed(sampler, caller)
    _check_backend(sampler, expected, caller)
    return sampler


def _warn_of_seed(sampler, caller):
    """A search whose attempts all draw the same random number finds nothing, or the same."""
    options = getattr(sampler, "options", None)
    seeds = (getattr(sampler, "seed", None), getattr(options, "seed_simulator", None))
    if any(isinstance(seed, Integral) for seed in seeds):
        warn(
            f"The primitive {type(sampler).__name__} begins each of its calls with the same seed, "
            f"so that the attempts of {caller} are not independent, and may all miss. Use one "
            "without a seed, or with a numpy Generator where it takes one, or sampler='aer', which "
            "is seeded by 'random_state'."
        )


def _check_backend(sampler, expected, caller):
    primitives = import_optional("qiskit.primitives", f"sampler= of {caller}")
    providers = import_optional("qiskit.providers", f"sampler= of {caller}")
    if not isinstance(sampler, primitives.BaseSamplerV2 | providers.BackendV2):
        raise ValueError(f"{expected} Got {sampler!r} instead.")
