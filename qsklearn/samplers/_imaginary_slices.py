"""Partition functions of spins in a transverse field: exact, in slices, and along worldlines.

Suzuki's formula makes of Tr exp(-βH), H = E(σz) - Γ Σ σx, a classical sum over P slices of
imaginary time, with β E / P in each and couplings K = -½ log tanh(βΓ / P) between neighbours in
time. Here are the trace by diagonalisation, the model that is so stretched, and annealed importance
sampling of whole worldlines, which grows E from nothing while K stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse
from scipy.special import logsumexp

from qsklearn._kernels import _blocks, _path_integral
from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._annealed_importance import FORWARD, REVERSE
from qsklearn.samplers._kernel_arrays import (
    order_of_updates,
    pad_rows,
    scale_of,
    sparse_graph,
    to_float32,
)
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._streams import make_stream_keys
from qsklearn.samplers._worldlines import _bonds

MAX_DIAGONALIZED = 10  # spins, and so matrices of 1024 rows
# An anneal stays at its end for so many times its own length, before its states count as draws.
_STAY = 5
_NOTHING = np.empty(0, np.int64)


def diagonalize(models: SpinModels, beta: float, transverse_field: float) -> np.ndarray:
    """log Tr exp(-βH) of each model, by the eigenvalues of H."""
    states = np.arange(2**models.n_spins)
    flips = 1 << np.arange(models.n_spins)
    spins = 2 * ((states[:, np.newaxis] & flips) > 0).astype(np.int8) - 1
    hamiltonian = np.zeros((len(states), len(states)))
    hamiltonian[states[:, np.newaxis], states[:, np.newaxis] ^ flips] = -transverse_field
    log_z = np.empty(models.n_models)
    for model in range(models.n_models):
        np.fill_diagonal(hamiltonian, models.energies(model, spins))
        log_z[model] = logsumexp(-beta * np.linalg.eigvalsh(hamiltonian))
    return log_z


def stretch(
    models: SpinModels, beta: float, transverse_field: float, num_slices: int
) -> tuple[SpinModels, float]:
    """The classical models of all slices, at an inverse temperature of 1.

    Returns
    -------
    stretched : SpinModels
        Spin i in slice k is number ``i * num_slices + k``.
    log_factor : float
        What their log Z lacks: ½ n P log(½ sinh 2βΓ/P).
    """
    thickness = beta * transverse_field / num_slices
    # tanh and sinh by exp(-2a), which neither overflows nor loses small a.
    log_sinh = thickness + np.log(-np.expm1(-2 * thickness) / 2)
    log_cosh = thickness + np.log1p(np.exp(-2 * thickness)) - np.log(2)
    coupling = (log_cosh - log_sinh) / 2
    times = np.arange(num_slices)
    following = np.roll(times, -1)
    ends = np.concatenate([times, following]), np.concatenate([following, times])
    ring = scipy.sparse.coo_array((np.full(2 * num_slices, -coupling), ends))  # sums duplicates
    graph = _in_slices(models, num_slices)
    in_time = scipy.sparse.kron(scipy.sparse.eye_array(models.n_spins), ring)
    couplings = scipy.sparse.csr_array(beta * graph.couplings + in_time)
    couplings.sort_indices()
    log_factor = models.n_spins * num_slices * (log_sinh + log_cosh) / 2
    return SpinModels(beta * graph.fields, couplings), float(log_factor)


def _in_slices(models: SpinModels, num_slices: int) -> SpinModels:
    """The same model in each slice, uncoupled in time: its energy is the mean of E over slices."""
    each = scipy.sparse.eye_array(num_slices) / num_slices
    couplings = scipy.sparse.csr_array(scipy.sparse.kron(models.couplings, each))
    couplings.sort_indices()
    return SpinModels(np.repeat(models.fields / num_slices, num_slices, axis=1), couplings)


def log_of_free_spins(n_spins: int, beta: float, transverse_field: float) -> float:
    """log Tr exp(βΓ Σ σx), for any number of slices."""
    field = beta * transverse_field
    return float(n_spins * (field + np.log1p(np.exp(-2 * field))))


def weigh_worldlines(
    models: SpinModels,
    betas: np.ndarray,
    transverse_field: float,
    *,
    num_slices: int,
    num_runs: int,
    num_sweeps: int,
    keys: np.ndarray,
    num_threads: int,
    watch: Watch,
) -> tuple[np.ndarray, np.ndarray]:
    """Log weights of runs in which E, and not the transverse field, is switched on, and off.

    Each slice has weight exp(-b E / P), where b goes through ``betas`` from 0 to β while worldlines
    keep their couplings of β in time. At b = 0 a sweep draws them exactly, as each sweep draws each
    worldline from its law given the others.

    Parameters
    ----------
    models : SpinModels
    betas : ndarray of shape (n_models, num_temperatures + 1)
        The values of b.
    transverse_field : float
    num_slices, num_runs, num_sweeps : int
        Slices; runs a direction; sweeps at each b.
    keys, num_threads, watch
        As of :func:`~qsklearn.samplers._annealed_importance.weigh_forward`.

    Returns
    -------
    forward, reverse : ndarrays of shape (n_models, num_runs)
        The mean weight estimates the ratio of the partition functions at β and at 0; so does the
        inverse of the mean of inverse weights in reverse.
    """
    setting = _Setting(models, betas, transverse_field, num_slices, num_runs, num_sweeps)
    log_weights = np.zeros((2, models.n_models * num_runs))
    for work, stream, out in (
        (_run_forward, FORWARD, log_weights[0]),
        (_run_in_reverse, REVERSE, log_weights[1]),
    ):
        run_blocks(
            _run_all,
            -(-out.size // LANES),
            num_threads,
            work,
            setting,
            make_stream_keys(keys, models.n_models, stream),
            out,
            watch=watch,
        )
    forward, reverse = log_weights.reshape(2, models.n_models, num_runs)
    return forward, reverse


class _Setting:
    """What all blocks share: the models as the kernels' arrays."""

    def __init__(self, models, betas, transverse_field, num_slices, num_runs, num_sweeps):
        scale = scale_of(models, betas)
        indptr, indices, doubled, _, scaled_fields, _ = sparse_graph(models, scale)
        self.order = order_of_updates(models)
        self.graph = indptr, indices * np.uint32(num_slices), doubled
        self.scaled_fields = scaled_fields
        self.num_slices, self.num_runs, self.num_sweeps = num_slices, num_runs, num_sweeps
        self.shape = models.fields.shape
        self.gaps = np.diff(betas, axis=1)
        self.double_betas = 2 * to_float32(betas, scale / num_slices)
        self.bonds = _bonds(betas[:, -1], np.float64(transverse_field), num_slices)
        in_slices = _in_slices(models, num_slices)
        self.energy_graph = pad_rows(in_slices.couplings)
        self.energy_fields = in_slices.fields
        self.energies = np.empty((models.n_models, num_runs))  # blocks write to their own part
        self.no_states = np.empty((models.n_models, num_runs, 0), np.int8)


class _Block:
    """Runs of 64 lanes: their worldlines, streams, and models."""

    def __init__(self, setting: _Setting, block: int, keys: np.ndarray):
        self.setting = setting
        self.first = block * LANES
        n_models, n_spins = setting.shape
        self.n_lanes = n_models * setting.num_runs
        lanes = np.minimum(np.arange(self.first, self.first + LANES), self.n_lanes - 1)
        self.models = lanes // setting.num_runs
        self.generator = np.empty(4 * LANES, np.uint32)
        _blocks.seed_block(self.first, LANES, self.n_lanes, setting.num_runs, keys, self.generator)
        fields, shared = _blocks.lay_out(
            self.first, LANES, self.n_lanes, setting.num_runs, setting.scaled_fields
        )
        # An int above 2^63 would take numba's slow way at each call.
        self.fields = fields, np.uint64(shared)
        self.spins = np.zeros(n_spins * setting.num_slices, np.uint64)
        self.bonds = setting.bonds[self.models]
        self.weights = np.empty(4 * setting.num_slices * LANES, np.float32)
        self.rows = slice(self.first, min(self.first + LANES, self.n_lanes))

    def sweep(self, step: int) -> None:
        setting = self.setting
        arguments = (
            setting.order, np.uint32(setting.num_slices), *setting.graph, *self.fields,
            setting.double_betas[self.models, step], self.bonds, self.generator, self.spins,
            self.weights,
        )  # fmt: skip
        for _ in range(setting.num_sweeps):
            _path_integral._sweep(*arguments)

    def log_weights(self, step: int) -> np.ndarray:
        """Of the way from one b to the next: minus its length times the mean E of all slices."""
        indptr, places, couplings = self.setting.energy_graph
        _blocks.finish_block(
            self.first, self.setting.num_runs, 1, 1, indptr, places, couplings,
            self.setting.energy_fields, _NOTHING, self.spins, self.setting.no_states,
            self.setting.energies,
        )  # fmt: skip
        energies = self.setting.energies.reshape(-1)[self.rows]
        return -self.setting.gaps[self.models[: len(energies)], step] * energies


def _run_all(work, setting, keys, out, stop, first, last) -> None:
    """Blocks of runs, as :func:`run_blocks` calls it; their kernels let other threads run."""
    for number in range(first, last):
        block = _Block(setting, number, keys)
        for log_weights in work(block, setting.gaps.shape[1]):
            if stop[0]:
                return
            out[block.rows] += log_weights


def _run_forward(block: _Block, num_steps: int) -> Iterator[np.ndarray | float]:
    """Log weights of one step after the other, from exact draws at b = 0."""
    block.sweep(0)
    for step in range(num_steps):
        yield block.log_weights(step)
        if step + 1 < num_steps:
            block.sweep(step + 1)


def _run_in_reverse(block: _Block, num_steps: int) -> Iterator[np.ndarray | float]:
    """The same from the law at β, for which other runs go forward first, and stay."""
    for step in range((1 + _STAY) * num_steps):
        block.sweep(min(step, num_steps))
        yield 0.0
    for step in range(num_steps, 0, -1):
        block.sweep(step)
        yield block.log_weights(step - 1)
