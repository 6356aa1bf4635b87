"""Answers of samplers as JSON and small arrays, and back, bit for bit."""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np

from qsklearn._recordings import pack_bits, plain, unpack_bits
from qsklearn.samplers._recorded_calls import Call

Packed = tuple[dict[str, Any], dict[str, np.ndarray]]
_FIELDS = ("sample", "energy", "num_occurrences")
_INFO = "info:"
_INTEGERS = (np.int8, np.int16, np.int32, np.int64)


def pack_sampleset(samples: dimod.SampleSet, call: Call) -> Packed | None:
    """A SampleSet of the call's variables; None for one of other variables, which is no answer."""
    place = {label: number for number, label in enumerate(call.labels)}
    if set(samples.variables) != place.keys():
        return None
    record = samples.record
    order = np.array([place[label] for label in samples.variables], np.int64)
    facts, arrays = _pack_info(samples.info)
    facts |= {"vartype": samples.vartype.name, "fields": _fields(record), "rows": len(record)}
    if (np.diff(order) < 0).any():
        arrays["order"] = order.astype(np.uint32)
    values = np.empty_like(record.sample)
    values[:, order] = record.sample
    computed = _pack_values(values[np.newaxis], samples.vartype, call, arrays)
    _pack_energies(record.energy[np.newaxis], computed, arrays)
    if (record.num_occurrences != 1).any():
        arrays["num_occurrences"] = record.num_occurrences
    arrays |= {name: record[name] for name, *_ in facts["fields"] if name not in _FIELDS}
    return facts, arrays


def unpack_sampleset(facts: dict[str, Any], arrays: dict[str, np.ndarray], call: Call):
    """The SampleSet again, with the labels of who asks now."""
    vartype = dimod.as_vartype(facts["vartype"], extended=True)
    n_rows, n_variables = facts["rows"], len(call.labels)
    shape = (1, n_rows, n_variables)
    dtypes = [(name, dtype, tuple(tail)) for name, dtype, tail in facts["fields"]]
    record = np.rec.array(np.zeros(n_rows, dtype=dtypes))
    values = _unpack_values(arrays, vartype, shape)
    order = arrays.get("order", np.arange(n_variables))
    record["sample"] = values[0][:, order]
    record["energy"] = _unpack_energies(arrays, values, call)[0]
    record["num_occurrences"] = arrays.get("num_occurrences", 1)
    for name, *_ in dtypes:
        if name not in _FIELDS:
            record[name] = arrays[name]
    variables = [call.labels[place] for place in order.tolist()]
    return dimod.SampleSet(record, variables, _unpack_info(facts, arrays), vartype)


def pack_states(states: np.ndarray, energies, info: dict[str, Any], call: Call) -> Packed:
    """What ``sample_arrays`` returns."""
    facts, arrays = _pack_info(info)
    states = np.asarray(states)
    facts |= {"shape": list(states.shape), "dtype": states.dtype.str}
    computed = _pack_values(states, dimod.SPIN, call, arrays)
    if energies is not None:
        _pack_energies(np.asarray(energies), computed, arrays)
    facts["has_energies"] = energies is not None
    return facts, arrays


def unpack_states(facts: dict[str, Any], arrays: dict[str, np.ndarray], call: Call) -> tuple:
    """States, energies and info again."""
    values = _unpack_values(arrays, dimod.SPIN, tuple(facts["shape"]))
    energies = _unpack_energies(arrays, values, call) if facts["has_energies"] else None
    return values.astype(facts["dtype"]), energies, _unpack_info(facts, arrays)


def pack_levels(weights: np.ndarray, energies: np.ndarray, info: dict[str, Any], call: Call):
    """What ``sample_levels`` returns: levels, where these make the weights bit for bit."""
    facts, arrays = _pack_info(info)
    base, scale = _grid(call)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.where(scale > 0, (weights - base) / scale, 0.0)
    levels = np.nan_to_num(np.rint(levels)).astype(np.int32)
    if np.array_equal(base + scale * levels, weights):
        arrays["levels"] = levels
    else:
        arrays["weights"] = weights
    arrays["energy"] = energies
    return facts, arrays


def unpack_levels(facts: dict[str, Any], arrays: dict[str, np.ndarray], call: Call) -> tuple:
    """Weights, energies and info again."""
    base, scale = _grid(call)
    weights = arrays["weights"] if "weights" in arrays else base + scale * arrays["levels"]
    return weights, arrays["energy"], _unpack_info(facts, arrays)


def states_of(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    """States (n_models, n_reads, n_variables) of an answer without its call, for people.

    Variables in canonical order. Of ``sample_levels`` the levels, or the weights.
    """
    for name in ("levels", "weights", "values"):
        if name in arrays:
            return arrays[name]
    if "shape" in facts:
        return _unpack_values(arrays, dimod.SPIN, tuple(facts["shape"]))
    vartype = dimod.as_vartype(facts["vartype"], extended=True)
    (n_variables,) = next(tail for name, _, tail in facts["fields"] if name == "sample")
    return _unpack_values(arrays, vartype, (1, facts["rows"], n_variables))


def _fields(record: np.recarray) -> list[list[Any]]:
    """Names, types and shapes of a record's vectors of numbers, the samples' among them."""
    found = []
    for name in record.dtype.names or ():
        dtype, shape = record.dtype[name].base, record.dtype[name].shape
        if dtype.kind in "biuf":
            found.append([name, dtype.str, list(shape)])
    return found


def _pack_info(info: dict[str, Any]) -> Packed:
    """Arrays of numbers apart, and what of the rest is JSON."""
    is_array = {n: isinstance(v, np.ndarray) and v.dtype.kind in "biuf" for n, v in info.items()}
    arrays = {f"{_INFO}{name}": info[name] for name in info if is_array[name]}
    return {"info": plain({n: v for n, v in info.items() if not is_array[n]})}, arrays


def _unpack_info(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    found = {n.removeprefix(_INFO): v for n, v in arrays.items() if n.startswith(_INFO)}
    return {**facts["info"], **found}


def _pack_values(values: np.ndarray, vartype, call: Call, arrays) -> np.ndarray | None:
    """Values (n_models, n_reads, n_variables) as bits; returns energies computed from them."""
    low = {dimod.SPIN: -1, dimod.BINARY: 0}.get(vartype)
    if low is None or not ((values == 1) | (values == low)).all():
        arrays["values"] = values
        return None
    bits = values == 1
    # Along the longer of reads and variables, so that little of the last bytes is empty.
    arrays["bits"] = pack_bits(bits.swapaxes(1, 2) if _by_reads(values.shape) else bits)
    is_whole = values.shape[-1] == len(call.labels) and vartype is call.vartype
    return call.energies(values) if is_whole and call.is_small(values) else None


def _unpack_values(arrays, vartype, shape: tuple[int, int, int]) -> np.ndarray:
    if "values" in arrays:
        return arrays["values"]
    by_reads = _by_reads(shape)
    bits = unpack_bits(arrays["bits"], shape[1] if by_reads else shape[2])
    bits = bits.swapaxes(1, 2) if by_reads else bits
    states = bits.astype(np.int8)
    return states if vartype is dimod.BINARY else 2 * states - 1


def _by_reads(shape: tuple[int, ...]) -> bool:
    return shape[1] > shape[2]


def _pack_energies(energies: np.ndarray, computed: np.ndarray | None, arrays) -> None:
    """Energies as they are, or as what the last digits of computed ones lack."""
    if computed is None or energies.dtype != np.float64 or energies.shape != computed.shape:
        arrays["energy"] = energies
        return
    lack = np.ascontiguousarray(energies).view(np.int64) - computed.view(np.int64)
    if lack.any():
        low, high = int(lack.min()), int(lack.max())
        fitting = (k for k in _INTEGERS if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
        arrays["lack"] = lack.astype(next(fitting))


def _unpack_energies(arrays, values: np.ndarray, call: Call) -> np.ndarray:
    if "energy" in arrays:
        return arrays["energy"]
    computed = call.energies(values)
    lack = arrays.get("lack", np.zeros((), np.int8)).astype(np.int64)
    return (computed.view(np.int64) + lack).view(np.float64)


def _grid(call: Call) -> tuple[np.ndarray, np.ndarray]:
    """Base and scale of weights (n_models, num_reads, n_weights), to be broadcast."""
    shape = call.fields.shape
    base, scale = (np.broadcast_to(call.graded[name], shape) for name in ("base", "scale"))
    return base[:, np.newaxis], scale[:, np.newaxis]
