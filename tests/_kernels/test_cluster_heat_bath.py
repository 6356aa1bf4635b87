"""Clusters of spins tied by bonds: what is tied, what an update leaves invariant, lanes and blocks.

Chi-square tests have fixed seeds and a significance of 1e-4.
"""

import numpy as np
import pytest
import scipy.sparse
from numba import njit

from qsklearn._kernels import _cluster_heat_bath as kernel
from qsklearn._kernels._scalar_streams import STATE, seed_stream
from qsklearn.samplers._cluster_chains import _members
from qsklearn.samplers._kernel_arrays import pad_rows

SIGNIFICANCE = 1e-4


def make_members(h, J, is_bond):
    couplings = scipy.sparse.csr_array(J)
    chosen = is_bond[np.repeat(np.arange(len(h)), np.diff(couplings.indptr)), couplings.indices]
    return _members(couplings, chosen).rows(h)


@njit(nogil=True)
def update_clusters(
    states, beta, seed, without, members, indptr, indices, locals_, ranks, J, h, bonds, strengths
):
    """One update of the clusters of each state, as lane 5 of its words, without the last bonds."""
    lane = 5
    n_bonds = len(bonds) - without
    n_members = members.shape[0]
    values = np.empty(n_members)
    parents, firsts, nexts = np.empty((3, n_members), np.int64)
    generator = np.empty(STATE, np.uint32)
    spins = np.zeros(states.shape[1], np.uint64)
    broken = np.exp(-2.0 * beta * np.abs(strengths))
    for read in range(states.shape[0]):
        seed_stream(np.uint64(seed), np.uint64(1), read, generator)
        for i in range(states.shape[1]):
            spins[i] = np.uint64(states[read, i] > 0) << np.uint64(lane)
        kernel._read_members(lane, members, spins, values)
        kernel._tie(n_bonds, bonds, strengths, broken, values, parents, generator)
        kernel._link(parents, firsts, nexts)
        kernel._flip_clusters(
            lane, firsts, nexts, parents, n_bonds, indptr, indices, locals_, ranks, J, h, beta,
            values, spins, generator,
        )  # fmt: skip
        kernel._write_members(lane, members, values, spins)
        for i in range(states.shape[1]):
            states[read, i] = 1 if (spins[i] >> np.uint64(lane)) & np.uint64(1) else -1


def models(ising):
    """Fields, couplings, which of them are bonds."""
    rng = np.random.default_rng(3)
    dense = ising.symmetric(6, rng)
    chain = np.diag(np.full(5, -1.0), 1)
    ring = chain.copy()
    ring[0, 5] = 1.0  # frustrated: an odd number of couplings against the rest
    strong = np.abs(dense) > 0.8
    h = rng.normal(size=6) * 0.5
    return {
        "bonds of both signs": (h, dense, strong),
        "only bonds": (h, dense, dense != 0),
        "chain with fields": (h, chain + chain.T, (chain + chain.T) != 0),
        "frustrated ring": (0.3 * h, ring + ring.T, (ring + ring.T) != 0),
        "chain among weak couplings": (h, 0.3 * dense + 2 * (chain + chain.T), chain + chain.T < 0),
        "one bond": (h, dense, np.abs(dense) == np.abs(dense).max()),
    }


@pytest.mark.parametrize(
    "name",
    ["bonds of both signs", "only bonds", "chain with fields", "frustrated ring",
     "chain among weak couplings", "one bond"],
)  # fmt: skip
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("without", [0, 1])
def test_exact_states_stay_exact(name, beta, without, ising):
    """Any choice of bonds leaves exp(-βE) invariant: 10⁶ states, of which enough move."""
    h, J, is_bond = models(ising)[name]
    law = ising.enumerate(h, J, beta)
    rng = np.random.default_rng(1)
    states = law.states[rng.choice(len(law.states), size=1_000_000, p=law.probabilities)]
    before = states.copy()
    update_clusters(states, beta, 17, without, *make_members(h, J, is_bond))
    assert (states != before).any(axis=1).mean() > 0.002
    assert ising.p_value(states, law) > SIGNIFICANCE


def test_the_test_of_invariance_sees_a_wrong_temperature(ising):
    h, J, is_bond = models(ising)["bonds of both signs"]
    law = ising.enumerate(h, J, 1.0)
    rng = np.random.default_rng(1)
    states = law.states[rng.choice(len(law.states), size=1_000_000, p=law.probabilities)]
    update_clusters(states, 1.02, 17, 0, *make_members(h, J, is_bond))
    assert ising.p_value(states, law) < 1e-6


def test_members_that_are_tied_are_listed_together():
    parents = np.array([2, 1, 2, 5, 1, 5, 0])  # 6 -> 0 -> 2; {0, 2, 6}, {1, 4}, {3, 5}
    firsts, nexts = np.empty((2, 7), np.int64)
    kernel._link(parents, firsts, nexts)
    clusters = []
    for member in firsts[firsts >= 0]:
        cluster = []
        while member >= 0:
            cluster.append(int(member))
            member = nexts[member]
        clusters.append(cluster)
    assert sorted(clusters) == [[0, 2, 6], [1, 4], [3, 5]]
    assert parents.tolist() == [2, 1, 2, 5, 1, 5, 2]


def run(h, J, is_bond, betas, num_reads, stop=0, blocks=None, seed=3, starts=None):
    states = np.zeros((num_reads, len(h)), np.int8)
    starts = np.empty((0, len(h)), np.int8) if starts is None else starts
    indptr, indices, values = pad_rows(scipy.sparse.csr_array(J))
    base = np.append(h - J.sum(axis=1), np.zeros(64)).astype(np.float32)
    order = np.arange(len(h), dtype=np.uint32)
    for first, last in blocks or [(0, -(-num_reads // 64))]:
        kernel.anneal(
            np.empty(0, np.uint64), indptr, indices, (2 * values).astype(np.float32), base, 1.0,
            order, *make_members(h, J, is_bond), np.asarray(betas, float),
            np.full(len(betas), np.triu(is_bond).sum()),
            np.array([[seed, 1]], np.uint64), starts, states, np.full(1, stop, np.uint8), first,
            last,
        )  # fmt: skip
    return states


def test_annealing_into_a_temperature_draws_its_law(ising):
    h, J, is_bond = models(ising)["chain among weak couplings"]
    betas = [*np.linspace(0, 1, 50), *[1] * 50]
    states = run(h, J, is_bond, betas, 50_000)
    assert ising.p_value(states, ising.enumerate(h, J, 1.0)) > SIGNIFICANCE


def test_chains_turn_over_where_single_spins_never_would():
    """40 sweeps from +, at odds of exp(-40) against one flip: half of the reads, within 4 sigma."""
    chain = np.diag(np.full(7, -1.0), 1)
    J = chain + chain.T
    states = run(np.zeros(8), J, J != 0, np.full(40, 20.0), 10_000)
    assert (states == states[:, :1]).all()
    assert abs((states[:, 0] > 0).mean() - 0.5) < 4 * 0.5 / 100


def test_blocks_may_run_in_any_order_and_reads_do_not_depend_on_their_number(ising):
    h, J, is_bond = models(ising)["bonds of both signs"]
    whole = run(h, J, is_bond, np.full(6, 1.0), 200)
    parts = run(h, J, is_bond, np.full(6, 1.0), 200, blocks=[(2, 4), (0, 1), (1, 2)])
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(run(h, J, is_bond, np.full(6, 1.0), 70), whole[:70])
    assert (run(h, J, is_bond, np.full(6, 1.0), 200, seed=4) != whole).any()
    assert (whole[:64] != whole[64:128]).any()
    assert np.isin(whole, [-1, 1]).all()


def test_it_stops_when_told_to(ising):
    """No sweep is run: spins are as they were drawn, though β would tie all of them."""
    h, J, is_bond = models(ising)["chain with fields"]
    states = run(h, 50 * J, is_bond, np.full(20, 20.0), 2_000, stop=1)
    assert np.isin(states, [-1, 1]).all()
    assert abs((states[:, 0] == states[:, 1]).mean() - 0.5) < 4 * 0.5 / np.sqrt(2_000)


def test_reads_begin_where_they_are_told_to(ising):
    h, J, is_bond = models(ising)["bonds of both signs"]
    starts = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (130, len(h)))
    # Without a sweep what is given comes back.
    np.testing.assert_array_equal(run(h, J, is_bond, [], 130, starts=starts), starts)
    hot = run(h, J, is_bond, [1e-6] * 3, 130, starts=starts)
    assert (hot != starts).any()
