"""Who answers a recorded call: told without a connection, and without secrets."""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np
from sklearn.base import BaseEstimator

from qsklearn._recordings import canonical, key_of
from qsklearn.samplers._device_calls import device_properties
from qsklearn.samplers._mock_qpu import MockQPUSampler
from qsklearn.samplers._models import sort_labels

# Parameters that change nothing about the draws that come back.
_IDLE = {"num_threads", "label"}
_IDLE_OF_MOCK = {*_IDLE, "faults", "quota", "latency"}


def tells_identity(sampler: Any) -> bool:
    """Whether a sampler's identity is known without asking its device."""
    return hasattr(type(sampler), "recording_identity") or isinstance(sampler, BaseEstimator)


def identity_of(sampler: Any) -> dict[str, Any]:
    """What a recording knows a sampler by.

    That is what its method ``recording_identity`` says, if it has one; of a parameter object its
    class and parameters; of another its class, and the ``chip_id`` of its device.

    Raises
    ------
    TypeError
        If a parameter has no fixed form.
    """
    name = type(sampler).__name__
    try:
        if hasattr(sampler, "recording_identity"):
            told = dict(sampler.recording_identity())
            # A rehearsal is not to be taken for the processor's own calls.
            if getattr(sampler, "device", None) is not None:
                told["device"] = sampler.device
            kept = {n: value for n, value in told.items() if n not in _IDLE}
            return {"class": name, **canonical(kept, describe)}
        if isinstance(sampler, BaseEstimator):
            idle = _IDLE_OF_MOCK if isinstance(sampler, MockQPUSampler) else _IDLE
            own = {n: v for n, v in sampler.get_params(deep=False).items() if n not in idle}
            return {"class": name, **canonical(own, describe)}
    except TypeError as error:
        raise TypeError(
            f"The parameters of {name} must be numbers, texts, or collections of them to be "
            f"recorded. {error}"
        ) from error
    return _identity_of_stranger(sampler, name)


def _identity_of_stranger(sampler: Any, name: str) -> dict[str, Any]:
    children = getattr(sampler, "children", None) or []
    if children:
        return {"class": name, "children": [identity_of(child) for child in children]}
    chip = device_properties(sampler).get("chip_id")
    return {"class": name} if chip is None else {"class": name, "chip_id": str(chip)}


def name_of(identity: dict[str, Any]) -> str:
    """A short name, which an identity has to itself."""
    return f"{identity['class']}-{key_of(identity, {}).hex()[:12]}"


def describe(value: Any) -> Any:
    """What stands for things of dimod's, and for samplers within samplers; None for others."""
    if isinstance(value, dimod.SampleSet):
        return _describe_sampleset(value)
    if hasattr(value, "sample") and hasattr(value, "parameters") and not isinstance(value, type):
        return identity_of(value)
    if isinstance(value, BaseEstimator):
        return {"class": type(value).__name__, **value.get_params(deep=False)}
    return None


def _describe_sampleset(samples: dimod.SampleSet) -> dict[str, Any]:
    labels = sort_labels(samples.variables)
    order = [samples.variables.index(label) for label in labels]
    return {
        "labels": labels,
        "values": samples.record.sample[:, order].tolist(),
        "counts": np.asarray(samples.record.num_occurrences).tolist(),
    }
