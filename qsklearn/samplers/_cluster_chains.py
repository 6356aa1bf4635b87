"""Draws of a device's law, whose strong couplings tie qubits to chains."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from qsklearn._kernels._cluster_heat_bath import sweep
from qsklearn._kernels._threads import run_blocks
from qsklearn.samplers._chains import run_chains
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._uniforms import draw_uniforms

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
    couplings = models.couplings
    is_bond = np.abs(couplings.data) * beta >= _BOND
    upper = scipy.sparse.triu(
        scipy.sparse.csr_array(
            (np.where(is_bond, couplings.data, 0.0), couplings.indices, couplings.indptr),
            shape=couplings.shape,
        )
    ).tocoo()
    upper.eliminate_zeros()
    keys = make_keys(seed, models.n_models) + np.array([0, _STREAM + 1], np.uint64)
    uniforms = draw_uniforms(keys, _STREAM + 2, num_reads * models.n_spins)
    states = np.where(uniforms < 0.5, -1, 1).astype(np.int8)
    states = states.reshape(models.n_models, num_reads, models.n_spins)
    run_blocks(
        sweep,
        models.n_models * num_reads,
        num_threads,
        couplings.indptr.astype(np.int64),
        couplings.indices.astype(np.int64),
        couplings.data,
        np.where(is_bond, 0.0, couplings.data),
        np.column_stack([upper.row, upper.col]).astype(np.int64),
        upper.data,
        models.fields,
        betas,
        keys,
        states,
        np.zeros(1, np.uint8),
    )
    return states
