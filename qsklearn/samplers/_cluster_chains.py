"""Draws of a device's law, whose strong couplings tie qubits to chains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import scipy.sparse

from qsklearn._kernels._cluster_heat_bath import anneal
from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn._kernels._vectors import LANES
from qsklearn._memory import check_memory
from qsklearn.samplers._chains import run_chains
from qsklearn.samplers._kernel_arrays import order_of_updates, scale_of, sparse_graph
from qsklearn.samplers._mock_reverse_anneal import Stretch
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._streams import Stream, make_stream_keys, stream_of

# Couplings of this many temperatures are bonds: a single flip against one has odds of exp(-2).
_BOND = 1.0
# Sweeps take, in turn, bonds of at least these parts of the strongest.
_LEVELS = (0.95, 0.7, 0.4, 0.0)


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
    degrees of freedom move, chains as wholes. With ``freeze_out`` < 1 as many sweeps follow, in
    which the temperature falls to β in the same way and only single spins move: chains keep the
    direction which they took at the higher temperature, and all else follows the law of β, given
    that.

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

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, within a sweep.
    """
    frozen_beta = freeze_out * beta
    betas = _cool(0.0, frozen_beta, num_sweeps)
    later = _cool(frozen_beta, beta, num_sweeps) if freeze_out < 1 else np.empty(0)
    is_bond = np.abs(models.couplings.data) * frozen_beta >= _BOND
    watch = Watch()
    run = partial(
        run_chains,
        models,
        rule="heat_bath",
        num_reads=num_reads,
        seed=seed,
        stream=Stream.DEVICE_SPINS,
        num_threads=num_threads,
        watch=watch,
    )
    if not is_bond.any():
        states, _ = run(_for_all(models, np.append(betas, later)))
    else:
        states = _run_clusters(
            models, is_bond, betas, num_reads, seed, Stream.DEVICE_CLUSTERS, num_threads, watch
        )
        if len(later):
            states, _ = run(_for_all(models, later), initial_states=states)
    if watch.reason is not None:
        raise KeyboardInterrupt
    return states


def draw_reversed(
    models: SpinModels,
    beta: float,
    stretches: list[Stretch],
    starts: np.ndarray,
    *,
    freeze_out: float,
    goes_on: bool,
    seed,
    num_threads: int,
) -> np.ndarray:
    """States that reverse anneals end in.

    Parameters
    ----------
    models : SpinModels
    beta : float
        The device's inverse temperature.
    stretches : list of Stretch
        What happens to each read.
    starts : ndarray of shape (n_models, num_reads, n_spins), int8
    freeze_out : float
        As of :func:`draw_thermal`.
    goes_on : bool
        Whether each read but the first starts from the read before, instead.
    seed : int or None
    num_threads : int

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, within a sweep.
    """
    watch = Watch()
    is_bond = np.abs(models.couplings.data) * freeze_out * beta >= _BOND
    seed = make_keys(seed, models.n_models)  # steps of one call
    steps = count(1)

    def anneal_back(states):
        for stretch in stretches:
            betas, step = beta * stretch.parts, next(steps)
            if stretch.moves_chains and is_bond.any():
                stream = stream_of(Stream.DEVICE_CLUSTERS, step)
                where = states.shape[1], seed, stream, num_threads, watch
                states = _run_clusters(models, is_bond, betas, *where, starts=states)
                continue
            states, _ = run_chains(
                models,
                _for_all(models, betas),
                rule="heat_bath",
                num_reads=states.shape[1],
                seed=seed,
                stream=stream_of(Stream.DEVICE_SPINS, step),
                initial_states=states,
                num_threads=num_threads,
                watch=watch,
            )
        if watch.reason is not None:
            raise KeyboardInterrupt
        return states

    if not goes_on:
        return anneal_back(starts)
    states, last = np.empty_like(starts), starts[:, :1]
    for read in range(starts.shape[1]):
        states[:, read : read + 1] = last = anneal_back(last)
    return states


def _for_all(models: SpinModels, betas: np.ndarray) -> np.ndarray:
    return np.broadcast_to(betas, (models.n_models, len(betas)))


def _cool(first: float, last: float, num_sweeps: int) -> np.ndarray:
    """Inverse temperatures that rise over the first half of the sweeps, and then stay."""
    check_memory(24 * num_sweeps, "The temperatures of the sweeps", "Take fewer sweeps.")
    n_rising = num_sweeps // 2
    rising = np.linspace(first, last, n_rising, endpoint=False)
    return np.append(rising, np.full(num_sweeps - n_rising, last))


def _run_clusters(
    models, is_bond, betas, num_reads, seed, stream, num_threads, watch, starts=None
) -> np.ndarray:
    """Reads of each model by clusters and single spins, from random or given states."""
    couplings = models.couplings
    keys = make_stream_keys(seed, models.n_models, stream)
    nowhere = np.empty((0, models.n_spins), np.int8)
    states = np.empty((models.n_models, num_reads, models.n_spins), np.int8)
    members = _members(couplings, is_bond)
    scale = scale_of(models, betas)
    indptr, indices, doubled, _, scaled_fields, _ = sparse_graph(models, scale)
    order = order_of_updates(models)
    counts = _take_turns(np.abs(members.strengths), len(betas))
    for model, fields in enumerate(models.fields):
        # The kernel reads past the last field.
        base = np.append(scaled_fields[model], np.zeros(LANES, np.float32))
        run_blocks(
            anneal,
            -(-num_reads // LANES),
            num_threads,
            np.empty(0, np.uint64),
            indptr,
            indices,
            doubled,
            base,
            scale,
            order,
            *members.rows(fields),
            betas,
            counts,
            keys[model : model + 1],
            nowhere if starts is None else starts[model],
            states[model],
            watch=watch,
        )
    return states


def _take_turns(sizes: np.ndarray, num_sweeps: int) -> np.ndarray:
    """How many bonds, of falling size, each sweep takes: the strongest, or also weaker ones."""
    levels = [np.count_nonzero(sizes >= level * sizes.max(initial=0.0)) for level in _LEVELS]
    return np.resize(levels, num_sweeps)


@dataclass(frozen=True, eq=False)
class _Members:
    """Spins with bonds, and their couplings as the cluster kernel takes them.

    Attributes
    ----------
    spins : ndarray of shape (n_members,)
    indptr, indices, couplings : ndarray
        Compressed rows of all couplings of the members.
    locals, ranks : ndarray
        Of each of these couplings: the other spin's place among the members, or -1; the number of
        the bond, or one beyond all.
    bonds : ndarray of shape (n_bonds, 2)
        Places among the members, by falling size.
    strengths : ndarray of shape (n_bonds,)
    """

    spins: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    locals: np.ndarray
    ranks: np.ndarray
    couplings: np.ndarray
    bonds: np.ndarray
    strengths: np.ndarray

    def rows(self, fields: np.ndarray) -> tuple[np.ndarray, ...]:
        """The kernel's arguments, for a model of these fields."""
        graph = (self.spins, self.indptr, self.indices, self.locals, self.ranks, self.couplings)
        return (*graph, fields[self.spins], self.bonds, self.strengths)


def _members(couplings: scipy.sparse.csr_array, is_bond: np.ndarray) -> _Members:
    n_spins = couplings.shape[0]
    rows = np.repeat(np.arange(n_spins), np.diff(couplings.indptr))
    once = np.flatnonzero(is_bond & (rows < couplings.indices))
    once = once[np.argsort(-np.abs(couplings.data[once]), kind="stable")]
    ends = np.column_stack([rows[once], couplings.indices[once]]).astype(np.int64)
    # The number of each bond, at both of its places in the symmetric matrix.
    ranks = np.full(couplings.nnz, len(once))
    ranks[once] = np.arange(len(once))
    codes = rows * n_spins + couplings.indices
    ranks[np.searchsorted(codes, ends[:, 1] * n_spins + ends[:, 0])] = np.arange(len(once))
    spins = np.unique(ends)
    place = np.full(n_spins, -1)
    place[spins] = np.arange(len(spins))
    chosen = np.isin(rows, spins)
    indptr = np.append(0, np.cumsum(np.diff(couplings.indptr)[spins]))
    others = couplings.indices[chosen].astype(np.int64)
    return _Members(
        spins,
        indptr.astype(np.int64),
        others,
        place[others],
        ranks[chosen],
        couplings.data[chosen],
        place[ends],
        couplings.data[once],
    )
