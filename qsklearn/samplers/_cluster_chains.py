"""Draws of a device's law, whose strong couplings tie qubits to chains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from qsklearn._kernels._cluster_heat_bath import anneal
from qsklearn._kernels._threads import run_blocks
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._chains import order_of_updates, pad_rows, run_chains, scale_of
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys

# Couplings of this many temperatures are bonds: a single flip against one has odds of exp(-2).
_BOND = 1.0
_STREAM = 13


def draw_thermal(
    models: SpinModels,
    beta: float,
    *,
    freeze_out: float,
    num_reads: int,
    num_sweeps: int,
    seed,
    num_threads: int,
) -> np.ndarray:
    """Draws at an inverse temperature, of models with bonds of many temperatures.

    The temperature falls over the first half of the sweeps and stays. Until ``freeze_out`` β all
    degrees of freedom move, chains as wholes; from there on single spins only, so that chains keep
    the direction which they took at the higher temperature.

    Parameters
    ----------
    models : SpinModels
    beta : float
    freeze_out : float
        In (0, 1]. 1 draws the law of ``beta`` itself.
    num_reads, num_sweeps : int
    seed : int or None
    num_threads : int

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8
    """
    frozen_beta = freeze_out * beta
    ramp = np.linspace(0.0, 1.0, num_sweeps // 2, endpoint=False)
    betas = frozen_beta * np.append(ramp, np.ones(num_sweeps - len(ramp)))
    is_bonded = bool((np.abs(models.couplings.data) * frozen_beta >= _BOND).any())
    if is_bonded:
        states = _run_clusters(models, betas, frozen_beta, num_reads, seed, num_threads)
        if freeze_out == 1:
            return states
        betas = np.linspace(frozen_beta, beta, num_sweeps)
    states, _ = run_chains(
        models,
        np.broadcast_to(betas, (models.n_models, len(betas))),
        rule="heat_bath",
        num_reads=num_reads,
        seed=seed,
        stream=_STREAM,
        keep=np.arange(models.n_spins),
        num_threads=num_threads,
        initial_states=states if is_bonded else None,
    )
    return states


def _run_clusters(models, betas, beta, num_reads, seed, num_threads) -> np.ndarray:
    """Reads of each model by clusters and single spins, from random states."""
    couplings = models.couplings
    is_bond = np.abs(couplings.data) * beta >= _BOND
    keys = make_keys(seed, models.n_models) + np.array([0, _STREAM + 1], np.uint64)
    states = np.empty((models.n_models, num_reads, models.n_spins), np.int8)
    members = _members(couplings, is_bond)
    indptr, indices, doubled, scale = _scaled_rows(models, betas)
    for model, fields in enumerate(models.fields):
        base = np.append(fields - couplings.sum(axis=1), np.zeros(LANES)) / scale
        run_blocks(
            anneal,
            -(-num_reads // LANES),
            num_threads,
            np.empty(0, np.uint64),
            indptr,
            indices,
            doubled,
            base.astype(np.float32),
            scale,
            order_of_updates(models),
            *members.rows(fields),
            betas,
            keys[model : model + 1],
            states[model],
            np.zeros(1, np.uint8),
        )
    return states


def _scaled_rows(models: SpinModels, betas: np.ndarray):
    """Padded rows of couplings as the sparse kernel takes them: doubled, over a scale, float32."""
    scale = scale_of(models, betas)
    indptr, indices, values = pad_rows(models.couplings)
    return indptr, indices, (2 * values / scale).astype(np.float32), scale


@dataclass(frozen=True, eq=False)
class _Members:
    """Spins with bonds, and their couplings as the cluster kernel takes them."""

    spins: np.ndarray
    free: scipy.sparse.csr_array
    locals: np.ndarray
    bonds: np.ndarray
    strengths: np.ndarray

    def rows(self, fields: np.ndarray) -> tuple[np.ndarray, ...]:
        indptr, indices = self.free.indptr.astype(np.int64), self.free.indices.astype(np.int64)
        rows = (self.spins, indptr, indices, self.locals, self.free.data)
        return (*rows, fields[self.spins], self.bonds, self.strengths)


def _members(couplings: scipy.sparse.csr_array, is_bond: np.ndarray) -> _Members:
    def some(chosen):
        parts = (np.where(chosen, couplings.data, 0.0), couplings.indices, couplings.indptr)
        matrix = scipy.sparse.csr_array(parts, shape=couplings.shape, copy=True)
        matrix.eliminate_zeros()
        return matrix

    tied = scipy.sparse.coo_array(scipy.sparse.triu(some(is_bond)))
    spins = np.unique(np.concatenate([tied.row, tied.col])).astype(np.int64)
    place = np.full(couplings.shape[0], -1)
    place[spins] = np.arange(len(spins))
    bonds = np.column_stack([place[tied.row], place[tied.col]])
    free = some(~is_bond)[spins]
    return _Members(spins, free, place[free.indices], bonds, tied.data)
