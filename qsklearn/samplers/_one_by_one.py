"""Families on samplers that take one binary quadratic model at a time.

Each model becomes a BQM, its SampleSet is checked and read by label, and counts are unfolded. A
one-hot unit, which such samplers do not know, becomes a penalty; states that break it are dropped
(post-selection, which leaves the law of the others as it is) and drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import dimod
import numpy as np

from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_call_seeds

_MAX_ROUNDS = 20


def draw_one_by_one(
    sample: Callable[[int, dimod.BinaryQuadraticModel, int, int], dimod.SampleSet],
    models: SpinModels,
    num_reads: int,
    seed,
    keep: np.ndarray,
    caller: str,
    *,
    fewer_allowed: bool = False,
) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    """Draw states of each model of a family by calls of ``sample``.

    Parameters
    ----------
    sample : callable (model, bqm, num_reads, seed) -> SampleSet
        The first argument is the model's place in the family.
    models, num_reads, seed, keep
        As in ``ArraySampler.sample_arrays``, checked.
    caller : str
        Who is to blame in errors: the sampler's name.
    fewer_allowed : bool
        For a ground search a sampler may return fewer reads than asked, or more: its best are
        repeated, or taken.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_kept), int8
    energies : ndarray of shape (n_models, num_reads)
        Without the penalty of a one-hot unit.
    infos : list of dict
        The ``info`` of each call.

    Raises
    ------
    ValueError
        If the sampler returns wrong variables, values, NaN energies, or fewer reads than asked.
    RuntimeError
        If too few of its states have an intact one-hot unit.
    """
    states = np.empty((models.n_models, num_reads, len(keep)), np.int8)
    energies = np.empty((models.n_models, num_reads))
    infos: list[dict[str, Any]] = []
    for model, call_seed in enumerate(make_call_seeds(seed, models.n_models)):
        bqm = models.to_bqm(model)
        drawn = _draw_model(
            partial(sample, model),
            bqm,
            models.one_hot,
            num_reads,
            int(call_seed),
            caller,
            fewer_allowed,
            infos,
        )
        states[model] = drawn[:, keep]
        energies[model] = bqm.energies((drawn, range(models.n_spins)))
    return states, energies, infos


def _draw_model(sample, bqm, one_hot, num_reads, seed, caller, fewer_allowed, infos) -> np.ndarray:
    """Spins (num_reads, n_spins) of one model, its one-hot unit intact."""
    if one_hot is not None:
        bqm = penalise(bqm, one_hot)
    valid: list[np.ndarray] = []
    n_valid = asked = 0
    for attempt in range(_MAX_ROUNDS):
        # Ask for what is missing, and more where many were lost.
        missing = num_reads - n_valid
        reads = missing if not asked else int(np.ceil(missing * asked / max(n_valid, 1)))
        reads = min(reads, 10 * num_reads)
        sampleset = sample(bqm, reads, (seed + attempt) % 2**31)
        drawn = unfold(sampleset, range(bqm.num_variables), caller)
        infos.append(_info_of_call(sampleset))
        if len(drawn) < reads and not fewer_allowed:
            raise ValueError(
                f"{caller} returned {len(drawn)} reads where {reads} were asked for. Draws from a "
                "law need them all: use a sampler that gives them, or a smaller num_reads."
            )
        asked += len(drawn)
        if one_hot is not None:
            drawn = drawn[(drawn[:, slice(*one_hot)] == 1).sum(axis=1) == 1]
        valid.append(drawn)
        n_valid += len(drawn)
        if n_valid >= num_reads or (fewer_allowed and n_valid):
            states = np.concatenate(valid)
            if fewer_allowed and n_valid != num_reads:
                energies = bqm.energies((states, range(bqm.num_variables)))
                states = states[np.argsort(energies, kind="stable")]
            elif n_valid > num_reads:
                # Devices list their draws by energy: the first of them are no fair choice.
                chosen = np.random.default_rng(seed).choice(n_valid, num_reads, replace=False)
                states = states[np.sort(chosen)]
            return np.resize(states, (num_reads, bqm.num_variables))
        if one_hot is None:
            raise ValueError(f"{caller} returned no states where {num_reads} were asked for.")
    raise RuntimeError(
        f"{caller} returned {n_valid} states with an intact one-hot unit in {asked} reads, where "
        f"{num_reads} were needed. Its draws break the penalty: give it more sweeps or a lower "
        "temperature, or use a sampler that draws one-hot units (such as 'gibbs')."
    )


def _info_of_call(sampleset: dimod.SampleSet) -> dict[str, Any]:
    info = dict(sampleset.info)
    if "chain_break_fraction" in (sampleset.record.dtype.names or ()):
        record = sampleset.record
        info["chain_break_fraction"] = np.average(
            record.chain_break_fraction, weights=record.num_occurrences
        )
    return info


def penalise(bqm: dimod.BinaryQuadraticModel, one_hot: tuple[int, int]):
    """A copy whose states with not exactly one unit up cost more than any field can give back.

    The penalty A (Σ q - 1)² has A = the largest field that acts on a unit, in terms of q.
    """
    penalised = bqm.copy()
    units = range(*one_hot)
    # Turning a unit on changes E by twice its field; |field| <= |h| + Σ|J|.
    strength = max(
        2 * abs(bqm.get_linear(unit))
        + 2 * sum(abs(bias) for _, bias in bqm.iter_neighborhood(unit))
        for unit in units
    )
    strength = max(strength, 1.0)
    # q = (s + 1) / 2: A (Σq - 1)² = A Σ_{a<b} s_a s_b / 2 + A (C - 2) Σ s_a / 2 + const.
    for a, b in combinations(units, 2):
        penalised.add_quadratic(a, b, strength / 2)
    for a in units:
        penalised.add_linear(a, strength * (len(units) - 2) / 2)
    return penalised


def unfold(sampleset: dimod.SampleSet, labels: Sequence, caller: str) -> np.ndarray:
    """Spins of a SampleSet in the order of the labels, one row an occurrence.

    Raises
    ------
    ValueError
        If variables, values or energies are not what a sampler has to return.
    """
    if not isinstance(sampleset, dimod.SampleSet):
        raise ValueError(
            f"{caller} must return a dimod.SampleSet. Got {type(sampleset).__name__} instead."
        )
    if set(sampleset.variables) != set(labels):
        missing = [label for label in labels if label not in sampleset.variables]
        without = f", none of them {missing[0]!r}" if missing else ""
        raise ValueError(
            f"{caller} must return a value for each of the {len(labels)} variables of the model. "
            f"Got {len(sampleset.variables)} variables instead{without}."
        )
    if not np.isfinite(sampleset.record.energy).all():
        raise ValueError(f"{caller} must return finite energies. Got NaN or infinity.")
    if sampleset.vartype is not dimod.SPIN:
        sampleset = sampleset.change_vartype(dimod.SPIN, inplace=False)
    # By label: a SampleSet may reorder its columns.
    order = [sampleset.variables.index(label) for label in labels]
    states = sampleset.record.sample[:, order]
    if not np.isin(states, (-1, 1)).all():
        raise ValueError(f"{caller} must return spins -1 or +1. Got other values.")
    return np.repeat(states, sampleset.record.num_occurrences, axis=0).astype(np.int8)
