"""Exact draws and log Z of sparse models, by dwave-samplers' tree decomposition.

It drops spins that nothing acts on: they would come back as -1, always, and be missing in log Z. So
spins without couplings are drawn and summed here. The order of elimination is ours as well, because
its own search for one takes minutes on a large graph before it finds that there is none.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from qsklearn._optional import import_optional
from qsklearn.samplers._elimination import order_by_degree
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._one_by_one import draw_one_by_one
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._streams import Stream
from qsklearn.samplers._uniforms import draw_uniforms


def draw_by_tree(
    models: SpinModels, beta: float, num_reads: int, seed, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    """Independent draws at ``beta``, and log Z.

    Parameters
    ----------
    models : SpinModels
        Without a one-hot unit.
    beta : float
    num_reads : int
    seed : int, array or keys
        As :func:`make_keys` takes it.
    caller : str
        Named in errors.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8
    log_z : ndarray of shape (n_models,)

    Raises
    ------
    ImportError
        Without dwave-samplers.
    ValueError
        If the graph is too wide for the decomposition.
    """
    sampler = import_optional("dwave.samplers", caller).TreeDecompositionSampler()
    is_coupled = np.diff(models.couplings.indptr) > 0
    states = np.empty((models.n_models, num_reads, models.n_spins), np.int8)
    lone = models.fields[:, ~is_coupled]
    states[:, :, ~is_coupled] = _draw_lone(beta * lone, num_reads, seed)
    log_z = np.logaddexp(beta * lone, -beta * lone).sum(axis=1)
    if not is_coupled.any():
        return states, log_z
    graph = models.couplings[is_coupled][:, is_coupled]
    max_width = sampler.properties["max_treewidth"]
    order = order_by_degree(graph, max_width)
    if order is None:
        raise ValueError(f"its graph has a treewidth of more than {max_width}.")

    def sample(model, bqm, num_reads, seed):
        return sampler.sample(
            bqm,
            num_reads=num_reads,
            beta=beta,
            seed=seed,
            elimination_order=order,
            marginals=False,
        )

    coupled = SpinModels(models.fields[:, is_coupled], graph)
    states[:, :, is_coupled], _, infos = draw_one_by_one(
        sample, coupled, num_reads, seed, np.arange(coupled.n_spins), caller
    )
    return states, log_z + np.array([info["log_partition_function"] for info in infos])


def _draw_lone(exponents: np.ndarray, num_reads: int, seed) -> np.ndarray:
    """Spins without couplings, P(s = +1) = 1 / (1 + exp(2 beta h)); (n_models, num_reads, ...)."""
    n_models, n_lone = exponents.shape
    keys = make_keys(seed, n_models)
    uniforms = draw_uniforms(keys, Stream.LONE_SPINS, num_reads * n_lone)
    ups = uniforms.reshape(n_models, num_reads, n_lone) < expit(-2 * exponents)[:, np.newaxis]
    return np.where(ups, 1, -1)
