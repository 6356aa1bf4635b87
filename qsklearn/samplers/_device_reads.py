"""Reads of a family's models on a device, drawn until there are enough valid ones."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from qsklearn.samplers._device_calls import DeviceCalls
from qsklearn.samplers._embedded_program import Program
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_call_seeds

_MAX_ROUNDS = 20
_MAX_EXCESS = 10  # times the reads wanted, in one round


def draw_reads(
    calls: DeviceCalls,
    programs: list[Program],
    n_layouts: int,
    models: SpinModels,
    settings: SimpleNamespace,
    *,
    fewer_allowed: bool,
    starts: np.ndarray | None = None,
) -> np.ndarray:
    """States of each model; reads that the device lost, or that are not valid, are drawn again.

    Parameters
    ----------
    calls : DeviceCalls
    programs : list of Program
        One a model; m is on layout ``m % n_layouts``, and those on different ones share calls.
    n_layouts : int
    models : SpinModels
    settings : SimpleNamespace
        With ``num_reads``, and ``seed`` as in :func:`make_call_seeds`.
    fewer_allowed : bool
        Whether one round is enough, whatever it yields: the best are repeated.
    starts : ndarray of shape (n_models, n_spins), optional
        What all reads of each model start from, in a reverse anneal.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8

    Raises
    ------
    RuntimeError
        If too few are valid.
    """
    drawn: list[list[np.ndarray]] = [[] for _ in programs]
    n_valid, n_asked = np.zeros((2, len(programs)), int)
    num_reads = settings.num_reads
    seeds = make_call_seeds(settings.seed, len(programs)).tolist()
    for attempt in range(_MAX_ROUNDS):
        for batch in batches(np.flatnonzero(n_valid < num_reads), n_layouts):
            reads = _reads_to_ask_for(num_reads, n_valid[batch], n_asked[batch])
            some = [programs[model] for model in batch]
            begin = None if starts is None else starts[batch]
            states = calls.draw(some, reads, [seeds[batch[0]], attempt], begin)
            n_asked[batch] += reads
            for model, found in zip(batch, states, strict=True):
                drawn[model].append(_valid(found, models.one_hot))
                n_valid[model] += len(drawn[model][-1])
        if (n_valid >= num_reads).all() or (fewer_allowed and n_valid.all()):
            joined = [np.concatenate(parts) for parts in drawn]
            return np.stack(
                [_choose(models, m, joined[m], num_reads, s) for m, s in enumerate(seeds)]
            )
    raise RuntimeError(_complaint(type(calls.sampler).__name__, n_valid, n_asked, num_reads))


def batches(pending: np.ndarray, n_layouts: int) -> Iterator[list[int]]:
    """Models that go into one call: each layout has those of one remainder, one at a time."""
    turns = np.zeros(n_layouts, int)
    batches: list[list[int]] = []
    for model in pending.tolist():
        turn = turns[model % n_layouts]
        turns[model % n_layouts] += 1
        if turn == len(batches):
            batches.append([])
        batches[turn].append(model)
    yield from batches


def _reads_to_ask_for(num_reads: int, n_valid: np.ndarray, n_asked: np.ndarray) -> int:
    """What is missing to the model that lacks most, and more where many were lost before."""
    lost = np.maximum(n_asked / np.maximum(n_valid, 1), 1.0)
    wanted = ((num_reads - n_valid) * lost).max()
    return min(int(np.ceil(wanted)), _MAX_EXCESS * num_reads)


def _valid(states: np.ndarray, one_hot) -> np.ndarray:
    if one_hot is None:
        return states
    return states[(states[:, slice(*one_hot)] == 1).sum(axis=1) == 1]


def _choose(models, model: int, states: np.ndarray, num_reads: int, seed: int) -> np.ndarray:
    """As many reads as wanted: at random, for devices may list them by energy."""
    if len(states) < num_reads:
        order = np.argsort(models.energies(model, states), kind="stable")
        return states[np.resize(order, num_reads)]
    chosen = np.arange(num_reads)
    if len(states) > num_reads:
        generator = np.random.default_rng(seed)
        chosen = np.sort(generator.choice(len(states), num_reads, replace=False))
    return states[chosen]


def _complaint(name: str, n_valid: np.ndarray, n_asked: np.ndarray, num_reads: int) -> str:
    worst = int(n_valid.argmin())
    return (
        f"EmbeddedSampler got {n_valid[worst]} usable reads, where {num_reads} are needed, in "
        f"{n_asked[worst]} that it asked {name} for. Either its draws break chains or one-hot "
        "units: try a stronger 'chain_strength', chain_break_method='majority_vote', or smaller "
        "weights. Or it returns fewer reads than asked for: then use another sampler."
    )
