"""Independent draws of the exact law, where it can be had."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import scipy.sparse

from qsklearn._kernels import _closed_form, _colouring
from qsklearn._kernels._threads import run_blocks
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, THREADS, ArraySampler
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._tree import draw_by_tree

MAX_CORE = 16
MAX_SPINS = 24


class ExactSampler(ArraySampler):
    r"""Independent draws of the Boltzmann law, without a chain.

    The spins are split into a core, all of whose patterns are enumerated, and a rim of spins that
    do not couple among themselves, which is summed in closed form:

    .. math::

        P(\text{core}) \propto e^{-\beta E_\text{core}}
        \prod_j 2 \cosh \beta (h_j + \sum_m J_{jm} s_m).

    This serves all models of up to 24 spins, and larger ones (bipartite, stars) whose core has up
    to 16 spins or is one categorical unit. Other models of low treewidth go to dwave-samplers'
    tree decomposition.

    Parameters
    ----------
    num_reads : int, default=1
        Independent draws.
    beta : float, default=None
        Inverse temperature, multiplying E. None draws uniformly among the ground states.
    seed : int, default=None
        Draws are the same for any ``num_threads`` and any order of the variables, and the first
        reads stay the same when ``num_reads`` grows. None: fresh entropy.
    num_threads : int, default=None
        Threads over models; None means 1, -1 all cores.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import ExactSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})
    >>> float(ExactSampler(num_reads=4, beta=None, seed=0).sample(pair).first.energy)
    -1.0
    """

    _parameter_constraints = {
        "num_reads": [COUNT],
        "beta": [BETA, None],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
    }

    def __init__(self, num_reads=1, *, beta=None, seed=None, num_threads=None):
        self.num_reads = num_reads
        self.beta = beta
        self.seed = seed
        self.num_threads = num_threads

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        core, rim = _split(models)
        if not _is_small(models, core):
            return _decompose(models, settings, keep)
        one_hot = models.one_hot is not None
        place = np.full(models.n_spins, -1, np.int64)
        place[keep] = np.arange(len(keep))
        all_drawn = bool((place[rim] >= 0).any()) or len(keep) == models.n_spins
        rim_out = place[rim] if all_drawn else np.empty(0, np.int64)
        shape = (models.n_models, settings.num_reads)
        states = np.empty((*shape, len(keep)), np.int8)
        energies = np.empty(shape if all_drawn or not len(rim) else (models.n_models, 0))
        log_z = np.empty(models.n_models)
        rows = models.couplings[core].toarray()
        run_blocks(
            _closed_form.draw,
            models.n_models,
            settings.num_threads,
            np.ascontiguousarray(models.fields[:, core]),
            np.ascontiguousarray(models.fields[:, rim]),
            np.ascontiguousarray(rows[:, core]),
            np.ascontiguousarray(rows[:, rim]),
            np.full(models.n_models, 1.0 if settings.beta is None else float(settings.beta)),
            settings.beta is None,
            one_hot,
            len(core) if one_hot else 2 ** len(core),
            make_keys(settings.seed, models.n_models),
            place[core],
            rim_out,
            states,
            energies,
            log_z,
        )
        info = {"beta": settings.beta}
        if settings.beta is not None:
            info["log_partition_function"] = log_z
        return states, energies if energies.size else None, info


def _split(models: SpinModels) -> tuple[np.ndarray, np.ndarray]:
    """Core and rim: in each connected part, the largest colour is the rim."""
    if models.one_hot is not None:
        core = np.arange(*models.one_hot)
        return core, np.setdiff1d(np.arange(models.n_spins), core)
    couplings = models.couplings
    colours = _colouring.colour(
        couplings.indptr.astype(np.int32), couplings.indices.astype(np.int32)
    )
    n_parts, parts = scipy.sparse.csgraph.connected_components(couplings, directed=False)
    sizes = np.zeros((n_parts, colours.max() + 1), np.int64)
    np.add.at(sizes, (parts, colours), 1)
    in_rim = colours == sizes.argmax(axis=1)[parts]
    return np.flatnonzero(~in_rim), np.flatnonzero(in_rim)


def _is_small(models: SpinModels, core: np.ndarray) -> bool:
    if models.one_hot is None:
        return len(core) <= MAX_CORE or models.n_spins <= MAX_SPINS
    # The unit's spins do not couple among themselves, so all else is within the rim.
    return models.couplings.nnz == 2 * models.couplings[core].nnz


def _decompose(models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
    """Draws by dwave-samplers' tree decomposition, model by model."""
    too_large = (
        f"ExactSampler cannot enumerate a model of {models.n_spins} spins and "
        f"{models.couplings.nnz // 2} couplings: it takes up to {MAX_SPINS} spins, or models whose "
        f"spins but {MAX_CORE} (or one one-hot unit) do not couple among themselves."
    )
    remedy = "Use sampler='annealing' for it, or 'gibbs' where draws at a temperature are wanted."
    if settings.beta is None or models.one_hot is not None:
        raise ValueError(f"{too_large} {remedy}")
    try:
        states, log_z = draw_by_tree(
            models, settings.beta, settings.num_reads, settings.seed, "ExactSampler"
        )
    except ImportError as error:
        raise ValueError(f"{too_large} The tree decomposition is not there: {error}") from error
    except ValueError as error:
        raise ValueError(f"{too_large} Tree decomposition: {error} {remedy}") from error
    energies = np.stack([models.energies(model, states[model]) for model in range(len(states))])
    return (
        states[:, :, keep],
        energies,
        {"beta": settings.beta, "log_partition_function": log_z},
    )
