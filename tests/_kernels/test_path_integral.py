"""The heat bath of whole worldlines: its transition against enumeration of all slices.

Chi-squares have a fixed seed and the significance below, that of 4 standard deviations. Should one
fail after a change of the streams, take another seed; should it fail again, the kernel is wrong.
"""

from itertools import pairwise, product

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit
from scipy.stats import chi2

from qsklearn._kernels import _path_integral
from qsklearn._kernels._path_integral import _sweep
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._kernel_arrays import pad_rows

SIGNIFICANCE = 6e-5
K = 4


def run_sweeps(h, J, beta, gamma, worldlines, seed, order=None, num_sweeps=1):
    """Sweeps over worldlines (num_reads, n_spins, n_slices), 64 reads a call."""
    num_reads, n_spins, n_slices = worldlines.shape
    assert num_reads % LANES == 0
    indptr, indices, couplings = pad_rows(scipy.sparse.csr_array(J))
    fields = np.append(h - J.sum(axis=1), np.zeros(LANES)).astype(np.float32)
    order = np.arange(n_spins) if order is None else np.array(order)
    double_betas = np.full(LANES, 2 * beta / n_slices, np.float32)
    bonds = np.full(LANES, np.tanh(beta * gamma / n_slices), np.float32)
    weights = np.empty(4 * n_slices * LANES, np.float32)
    generators = np.random.default_rng(seed).integers(
        2**32, size=(num_reads // LANES, 4 * LANES), dtype=np.uint32
    )
    drawn = np.empty_like(worldlines)
    for block, generator in enumerate(generators):
        lanes = slice(block * LANES, (block + 1) * LANES)
        spins = pack(worldlines[lanes])
        for _ in range(num_sweeps):
            _sweep(
                order.astype(np.uint32), np.uint32(n_slices), indptr,
                indices * np.uint32(n_slices), (2 * couplings).astype(np.float32), fields,
                np.uint64(2**64 - 1), double_betas, bonds, generator, spins, weights,
            )  # fmt: skip
        drawn[lanes] = unpack(spins).reshape(LANES, n_spins, n_slices)
    return drawn


def pack(lanes):
    """Spins (64, ...) as words of 64 lanes."""
    bits = (lanes.reshape(LANES, -1).T > 0).astype(np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view(np.uint64).ravel()


def unpack(words):
    bits = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    return 2 * bits.T.astype(np.int8) - 1


def law_of_worldlines(h, J, beta, gamma, n_slices, ising):
    """All worldlines (n, n_spins, n_slices) and their probabilities, without any trick."""
    n_spins = len(h)
    all_lines = np.array(list(product((-1, 1), repeat=n_spins * n_slices)), np.int8)
    all_lines = all_lines.reshape(-1, n_spins, n_slices)
    energies = sum(ising.energies(h, J, all_lines[:, :, k]) for k in range(n_slices))
    kinks = (all_lines != np.roll(all_lines, -1, axis=2)).sum(axis=(1, 2))
    weights = np.exp(-beta / n_slices * (energies - energies.min()))
    weights *= np.tanh(beta * gamma / n_slices) ** kinks
    return all_lines, weights / weights.sum()


def p_value(drawn, probabilities):
    """Chi-square of worldlines against the law of all, in the order of ``law_of_worldlines``."""
    flat = drawn.reshape(len(drawn), -1)
    code = (flat > 0) @ (1 << np.arange(flat.shape[1])[::-1])
    return p_value_of_counts(np.bincount(code, minlength=len(probabilities)), probabilities)


def p_value_of_counts(counts, probabilities):
    expected = probabilities * counts.sum()
    if counts[probabilities == 0].any():
        return 0.0
    often = expected >= 10
    got = np.append(counts[often], counts[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum())
    kept = wanted > 1e-9
    statistic = ((got[kept] - wanted[kept]) ** 2 / wanted[kept]).sum()
    return chi2.sf(statistic, kept.sum() - 1)


def small_model(name, ising):
    rng = np.random.default_rng(3)
    if name == "glass":
        return rng.normal(size=3) * 0.5, ising.symmetric(3, rng)
    if name == "ferromagnet":
        return np.zeros(3), np.eye(3) - 1.0
    if name == "frustrated":
        return np.full(3, 0.1), 1.0 - np.eye(3)
    return rng.normal(size=3), np.zeros((3, 3))


@pytest.mark.parametrize("n_slices", [1, 2, 4])
@pytest.mark.parametrize("beta", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("model", ["glass", "ferromagnet", "frustrated", "uncoupled"])
def test_exact_starts_stay_exactly_distributed(model, gamma, beta, n_slices, ising):
    """The joint law of all slices, at any mixing: starts are drawn by enumeration."""
    h, J = small_model(model, ising)
    lines, probabilities = law_of_worldlines(h, J, beta, gamma, n_slices, ising)
    rng = np.random.default_rng(8)
    starts = lines[rng.choice(len(lines), size=64 * 1000, p=probabilities)]
    drawn = run_sweeps(h, J, beta, gamma, starts, seed=5, num_sweeps=2)
    assert p_value(drawn, probabilities) > SIGNIFICANCE
    assert (drawn != starts).any()


@pytest.mark.parametrize("n_slices", [1, 2, 3, 8])
@pytest.mark.parametrize(("beta", "gamma"), [(1.0, 0.0), (0.5, 0.7), (2.0, 0.3), (3.0, 2.0)])
def test_one_draw_of_a_worldline_is_exact_from_any_start(n_slices, beta, gamma, ising):
    """Given a neighbour with kinks, whatever the worldline was before."""
    rng = np.random.default_rng(1)
    h, J = np.array([0.3, 0.0]), np.array([[0.0, 0.9], [0.9, 0.0]])
    neighbour = rng.choice(np.array([-1, 1], np.int8), size=n_slices)
    starts = np.ones((64 * 1000, 2, n_slices), np.int8)
    starts[:, 0] = rng.choice(np.array([-1, 1], np.int8), size=starts[:, 0].shape)
    starts[:, 1] = neighbour
    drawn = run_sweeps(h, J, beta, gamma, starts, seed=2, order=[0])
    np.testing.assert_array_equal(drawn[:, 1], starts[:, 1])
    lines = np.array(list(product((-1, 1), repeat=n_slices)))
    kinks = (lines != np.roll(lines, -1, axis=1)).sum(axis=1)
    weights = np.exp(-beta / n_slices * lines @ (0.3 + 0.9 * neighbour))
    weights = weights * np.tanh(beta * gamma / n_slices) ** kinks
    assert p_value(drawn[:, 0], weights / weights.sum()) > SIGNIFICANCE


@pytest.mark.parametrize("gamma", [0.0, 1e-28, 1e-12])
@pytest.mark.parametrize("turned", [False, True])
def test_slices_that_outweigh_each_other_by_more_than_a_float_holds(turned, gamma):
    """Four slices pull up by e^200, four down by e^199; two kinks in the faintest field cost less.

    Without kinks only the difference counts, which is lost where both are summed up as floats.
    """
    h, J = np.array([-0.25, 0.0]), np.array([[0.0, 100.0], [100.0, 0.0]])
    starts = np.ones((64 * 1000, 2, 8), np.int8)
    starts[:, 1, :4] = -1
    starts = starts[:, :, ::-1].copy() if turned else starts
    drawn = run_sweeps(h, J, 2.0, gamma, starts, seed=3, order=[0])
    lines = drawn[:, 0]
    if gamma > 0:
        np.testing.assert_array_equal(lines, -starts[:, 1])
        return
    assert (lines == lines[:, :1]).all()
    probability = expit(2 * 2.0 * 0.25)
    deviation = np.sqrt(probability * (1 - probability) / len(lines))
    assert abs((lines[:, 0] > 0).mean() - probability) < K * deviation


@pytest.mark.parametrize("n_slices", [1, 4])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("probability", [0.3, 1e-2, 1e-4])
def test_far_tails_of_either_sign(probability, sign, n_slices):
    """A spin against its field has probability 1 / (1 + exp(2 beta)), without a transverse one."""
    beta = np.log(1 / probability - 1) / 2
    starts = np.ones((64 * 500, 32, n_slices), np.int8)
    h, J = np.full(32, float(sign)), np.zeros((32, 32))
    drawn = run_sweeps(h, J, beta, 0.0, starts, seed=7)
    expected = 64 * 500 * 32 * probability
    count = (drawn[:, :, 0] == sign).sum()
    assert abs(count - expected) < K * np.sqrt(expected * (1 - probability))


@pytest.mark.parametrize("beta", [0.0, 1e30])
@pytest.mark.parametrize("gamma", [0.0, 1e-30, 1.0])
def test_extreme_temperatures_draw_spins(beta, gamma):
    """Hot spins are coins; cold ones obey their fields, in however many slices."""
    starts = np.ones((64 * 100, 2, 8), np.int8)
    drawn = run_sweeps(np.array([1.0, -1.0]), np.zeros((2, 2)), beta, gamma, starts, seed=1)
    if beta == 0.0:
        assert np.abs(drawn[:, :, 0].mean(axis=0)).max() < K / np.sqrt(len(drawn))
        assert (drawn == drawn[:, :, :1]).all()
    else:
        assert (drawn[:, 0] == -1).all() and (drawn[:, 1] == 1).all()


def call_kernel(h, J, beta, gamma, n_slices, n_seen, num_reads, num_sweeps=3, stop=0, starts=None):
    n_models, n_spins = h.shape
    indptr, indices, couplings = pad_rows(scipy.sparse.csr_array(J))
    states = np.empty((n_models, num_reads, n_spins), np.int8)
    energies = np.empty((n_models, num_reads))
    shape = (n_models, num_sweeps)
    _path_integral.draw_worldlines(
        indptr, indices * np.uint32(n_slices), (2 * couplings).astype(np.float32), couplings,
        (h - J.sum(axis=1)).astype(np.float32), h, np.full(shape, beta / n_slices, np.float32),
        np.full(shape, np.tanh(beta * gamma / n_slices), np.float32),
        np.arange(n_spins, dtype=np.uint32), np.array((0, 0)), n_slices, n_seen,
        np.array([[m, 9] for m in range(n_models)], np.uint64),
        np.empty((0, num_reads, n_spins), np.int8) if starts is None else starts,
        np.arange(n_spins), states, energies, np.array([stop], np.uint8), 0,
        -(-n_models * num_reads // LANES),
    )  # fmt: skip
    return states, energies


def test_energies_are_those_of_the_states(ising):
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=(3, 9)), ising.symmetric(9, rng, 0.6)
    for n_seen in (1, 6):
        states, energies = call_kernel(h, J, 0.5, 1.0, 6, n_seen, 50)
        for m in range(3):
            np.testing.assert_allclose(energies[m], ising.energies(h[m], J, states[m]), atol=1e-12)


def test_the_lowest_of_more_slices_is_lower(ising):
    """Chains are the same however many slices are looked at; the first is one of them."""
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=(2, 9)), ising.symmetric(9, rng, 0.6)
    seen = [call_kernel(h, J, 0.5, 2.0, 6, n_seen, 50)[1] for n_seen in (1, 2, 4, 6)]
    for fewer, more in pairwise(seen):
        assert (more <= fewer).all() and (more < fewer).any()


def test_a_stop_ends_before_the_next_sweep(ising):
    h, J = np.zeros((1, 5)), np.zeros((5, 5))
    starts = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(1, 70, 5))
    stopped, _ = call_kernel(h, J, 1.0, 1.0, 4, 1, 70, stop=1, starts=starts)
    np.testing.assert_array_equal(stopped, starts)
    running, _ = call_kernel(h, J, 1.0, 1.0, 4, 1, 70, starts=starts)
    assert (running != starts).any()


def test_one_signature():
    call_kernel(np.zeros((1, 2)), np.zeros((2, 2)), 1.0, 1.0, 4, 1, 2)
    call_kernel(np.ones((3, 4)), np.ones((4, 4)) - np.eye(4), 1.0, 1.0, 8, 8, 70)
    assert len(_path_integral.draw_worldlines.signatures) == 1
