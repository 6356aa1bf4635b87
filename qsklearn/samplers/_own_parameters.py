"""What a sampler does where nothing is said."""

from __future__ import annotations

from typing import Any

from qsklearn.samplers._recorded import RecordedSampler


def own_parameters(sampler: Any) -> dict[str, Any]:
    """Arguments of calls that a sampler object brings itself, also one within a recording.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import DimodSampler
    >>> from qsklearn.samplers._own_parameters import own_parameters
    >>> own_parameters(DimodSampler(dimod.RandomSampler(), {"num_reads": 7}))["num_reads"]
    7
    """
    if isinstance(sampler, RecordedSampler):
        own = sampler.recording_identity()
    else:
        own = sampler.get_params(deep=False)
    return {**own, **(own.get("params") or {})}
