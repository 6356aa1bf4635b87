"""Independent draws of the exact law, where it can be had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import logsumexp

from qsklearn._kernels import _closed_form, _colouring
from qsklearn._kernels._threads import run_blocks
from qsklearn.samplers._arguments import check_request
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, THREADS, ArraySampler
from qsklearn.samplers._exact_unit import draw_unit, given_unit, seeds_given_unit, weigh_states
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._tree import draw_by_tree

MAX_CORE = 16
MAX_SPINS = 24
_REMEDY = "Use sampler='annealing' for it, or 'gibbs' where draws at a temperature are wanted."


class ExactSampler(ArraySampler):
    r"""Independent draws of the Boltzmann law, without a chain.

    The spins are split into a core, all of whose patterns are enumerated, and a rim of spins that
    do not couple among themselves, which is summed in closed form:

    .. math::

        P(\text{core}) \propto e^{-\beta E_\text{core}}
        \prod_j 2 \cosh \beta (h_j + \sum_m J_{jm} s_m).

    This serves all models of up to 24 spins, and larger ones (bipartite, stars) whose core has up
    to 16 spins or is one categorical unit. Beside a categorical unit whose other spins couple among
    themselves, these may be of either kind: they are enumerated given each state of the unit. Other
    models of low treewidth, without a unit, go to dwave-samplers' tree decomposition.

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

    #: What draws, for reports.
    drawn_by = "exact sums on this machine; no quantum device"

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
            draw = _decompose if models.one_hot is None else _draw_with_unit
            return draw(models, settings, keep)
        states, energies, log_z = _enumerate(models, settings, keep, core, rim)
        return states, energies, _info(settings, log_z)


def _info(settings: SimpleNamespace, log_z: np.ndarray) -> dict[str, Any]:
    info: dict[str, Any] = {"beta": settings.beta}
    if settings.beta is not None:
        info["log_partition_function"] = log_z
    return info


def _enumerate(models: SpinModels, settings: SimpleNamespace, keep, core, rim):
    """Draws by core and rim; log Z, or with ``beta`` None that of the number of ground states."""
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
    return states, energies if energies.size else None, log_z


def _draw_with_unit(models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
    """Draws of a one-hot unit, and of other spins that couple among themselves given it."""
    given, own = given_unit(models)
    core, rim = _split(given)
    if not _is_small(given, core):
        raise ValueError(f"{_too_large(models)} {_REMEDY}")
    shape = (*own.shape, settings.num_reads)
    check_request(int(np.prod(shape)) * (given.n_spins + 8), "ExactSampler")
    seed = seeds_given_unit(settings.seed, *own.shape)
    part = SimpleNamespace(**{**vars(settings), "seed": seed})
    states, energies, log_z = _enumerate(given, part, np.arange(given.n_spins), core, rim)
    states, energies = states.reshape(*shape, -1), energies.reshape(shape)
    log_weights = weigh_states(own, energies[:, :, 0], log_z.reshape(own.shape), settings.beta)
    chosen = draw_unit(log_weights, settings.num_reads, settings.seed)
    at = np.arange(len(own))[:, np.newaxis], chosen, np.arange(settings.num_reads)
    start, _ = models.one_hot or (0, 0)
    unit = np.where(np.arange(own.shape[1]) == chosen[:, :, np.newaxis], 1, -1).astype(np.int8)
    rest = states[at]
    whole = np.concatenate([rest[:, :, :start], unit, rest[:, :, start:]], axis=2)
    energies = energies[at] + np.take_along_axis(own, chosen, axis=1)
    return whole[:, :, keep], energies, _info(settings, logsumexp(log_weights, axis=1))


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


def _too_large(models: SpinModels) -> str:
    beside, unit = "", ""
    if models.one_hot is not None:
        start, stop = models.one_hot
        beside, unit = " beside a one-hot unit", f" with a one-hot unit of {stop - start}"
    return (
        f"ExactSampler cannot enumerate a model of {models.n_spins} spins{unit} and "
        f"{models.couplings.nnz // 2} couplings: it takes up to {MAX_SPINS} spins{beside}, or "
        f"models whose spins{beside} but {MAX_CORE} do not couple among themselves."
    )


def _decompose(models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
    """Draws by dwave-samplers' tree decomposition, model by model."""
    too_large = _too_large(models)
    if settings.beta is None:
        raise ValueError(f"{too_large} {_REMEDY}")
    try:
        states, log_z = draw_by_tree(
            models, settings.beta, settings.num_reads, settings.seed, "ExactSampler"
        )
    except ImportError as error:
        raise ValueError(f"{too_large} The tree decomposition is not there: {error}") from error
    except ValueError as error:
        raise ValueError(f"{too_large} Tree decomposition: {error} {_REMEDY}") from error
    energies = np.stack([models.energies(model, states[model]) for model in range(len(states))])
    return (
        states[:, :, keep],
        energies,
        {"beta": settings.beta, "log_partition_function": log_z},
    )
