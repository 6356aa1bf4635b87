"""The seed contract: what draws depend on, and what they do not.

Correlations are tested at k = 5 standard deviations with fixed seeds. Should one fail after a
change of the streams, take another seed; should it fail again, streams are correlated.
"""

import dimod
import numpy as np
import pytest

from qsklearn.samplers import (
    ExactSampler,
    GibbsSampler,
    NealSampler,
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    PopulationAnnealingSampler,
    SimulatedAnnealingSampler,
)
from qsklearn.samplers._seeds import make_call_seeds, make_keys

K = 5
THREADED = (
    SimulatedAnnealingSampler,
    GibbsSampler,
    ExactSampler,
    PathIntegralAnnealingSampler,
    ParallelTemperingSampler,
    PopulationAnnealingSampler,
)
OWN = (*THREADED, NealSampler)
THERMAL_AND_GROUND = [
    (kind, beta) for kind in OWN for beta in (0.7, None) if beta or kind is not GibbsSampler
]
# The members of a population depend on all of it.
PREFIX_STABLE = [pair for pair in THERMAL_AND_GROUND if pair[0] is not PopulationAnnealingSampler]


def glass(n_models, n_spins, ising, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_models, n_spins)), ising.symmetric(n_spins, rng, density=0.6)


@pytest.mark.parametrize(("kind", "beta"), THERMAL_AND_GROUND)
def test_a_seed_repeats_and_another_differs(kind, beta, ising):
    h, J = glass(3, 9, ising)
    h *= 0.0 if beta is None else 1.0  # degenerate, so that ground states differ
    J *= 0.0 if beta is None else 1.0
    sampler = kind(beta=beta, num_reads=20)
    first, again, other = (sampler.sample_arrays(h, J, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("kind", OWN)
def test_no_seed_takes_fresh_entropy(kind):
    draws = [kind(num_reads=64).sample_arrays(np.zeros(10), np.zeros((10, 10)))[0] for _ in "ab"]
    assert (draws[0] != draws[1]).any()  # equal once in 2^640


@pytest.mark.parametrize("beta", [0.7, None])
@pytest.mark.parametrize("kind", THREADED)
def test_threads_change_nothing(kind, beta, ising):
    if kind is GibbsSampler and beta is None:
        pytest.skip("thermal only")
    h, J = glass(7, 12, ising)
    sampler = kind(beta=beta, num_reads=70, seed=5)
    one = sampler.sample_arrays(h, J, num_threads=1)
    for num_threads in (2, 3):
        many = sampler.sample_arrays(h, J, num_threads=num_threads)
        np.testing.assert_array_equal(one[0], many[0])
        np.testing.assert_array_equal(one[1], many[1])


@pytest.mark.parametrize("kind", THREADED)
def test_threads_change_nothing_in_dense_models(kind, ising, monkeypatch):
    monkeypatch.setattr("qsklearn.samplers._chains._DENSE_DEGREE", 0)
    monkeypatch.setattr("qsklearn.samplers._chains._DENSE_FRACTION", 0)
    test_threads_change_nothing(kind, 0.7, ising)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(("kind", "beta"), PREFIX_STABLE)
def test_first_reads_of_a_longer_run(kind, beta, dense, ising, monkeypatch):
    if dense:
        monkeypatch.setattr("qsklearn.samplers._chains._DENSE_DEGREE", 0)
        monkeypatch.setattr("qsklearn.samplers._chains._DENSE_FRACTION", 0)
    h, J = glass(3, 10, ising)
    sampler = kind(beta=beta, seed=8)
    long = sampler.sample_arrays(h, J, num_reads=100)[0]
    for num_reads in (1, 16, 17, 63, 64, 65):
        short = sampler.sample_arrays(h, J, num_reads=num_reads)[0]
        np.testing.assert_array_equal(short, long[:, :num_reads])


LABELS = {
    "strings": list("hgfedcba"),
    "integers": [7, 3, 5, 1, 0, 2, 4, 6],
    "mixed": ["b", 3, (1, 2), 1, "a", (("c", 0), 5), 2.5, ("x",)],
    "sets": [frozenset(pair) for pair in ("ab", "cd", "a", "b", "abc", "d", "ef", "xy")],
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(("kind", "beta"), THERMAL_AND_GROUND)
def test_insertion_order_changes_nothing(kind, beta, labels, ising):
    """dwave-samplers' annealer gives other samples for another order; ours does not."""
    names = LABELS[labels]
    h, J = glass(1, 8, ising, seed=4)
    samplesets = []
    for order in (range(8), reversed(range(8)), (3, 1, 4, 0, 5, 2, 6, 7)):
        order = list(order)
        bqm = dimod.BinaryQuadraticModel("SPIN")
        for i in order:
            bqm.add_linear(names[i], h[0, i])
            for j in order[: order.index(i)]:
                if J[i, j]:
                    bqm.add_quadratic(names[i], names[j], J[i, j])
        samplesets.append(kind(beta=beta, num_reads=30, seed=2).sample(bqm))
    columns = [
        sampleset.record.sample[:, [sampleset.variables.index(name) for name in names]]
        for sampleset in samplesets
    ]
    assert len(np.unique(columns[0], axis=0)) > 1 or beta is None
    np.testing.assert_array_equal(columns[0], columns[1])
    np.testing.assert_array_equal(columns[0], columns[2])


def test_labels_that_cannot_be_sorted_keep_their_place():
    h = {object(): 1.0, object(): -1.0, object(): 0.1}
    by_place, _, _ = GibbsSampler(num_reads=20, seed=3).sample_arrays(
        list(h.values()), np.zeros((3, 3))
    )
    sampleset = GibbsSampler(num_reads=20, seed=3).sample_ising(h, {})
    columns = [sampleset.variables.index(label) for label in h]
    np.testing.assert_array_equal(sampleset.record.sample[:, columns], by_place[0])


@pytest.mark.parametrize("kind", OWN)
def test_twenty_reads_are_not_one(kind):
    """OpenJij 0.12.2 returns one distinct state of twenty reads where a seed is given."""
    states, _, _ = kind().sample_arrays(np.zeros(30), np.zeros((30, 30)), num_reads=20, seed=7)
    assert len(np.unique(states[0], axis=0)) == 20


@pytest.mark.parametrize("kind", OWN)
def test_models_and_reads_of_a_family_are_uncorrelated(kind):
    """Identical models, identical reads but for their streams: all correlations vanish."""
    n_models, num_reads, n_spins = 6, 400, 25
    arguments = {"num_reads": num_reads, "beta": 1.0, "seed": 3}
    if kind is not ExactSampler:
        arguments["num_sweeps"] = 2
    states, _, _ = kind().sample_arrays(
        np.zeros((n_models, n_spins)), np.zeros((n_spins, n_spins)), **arguments
    )
    flat = states.astype(float)
    for a in range(n_models):
        for b in range(a):
            assert abs((flat[a] * flat[b]).mean()) < K / np.sqrt(num_reads * n_spins)
            assert abs((flat[a, 1:] * flat[b, :-1]).mean()) < K / np.sqrt(num_reads * n_spins)
    for lag in (1, 2, 16, 64):
        n_terms = n_models * (num_reads - lag) * n_spins
        assert abs((flat[:, lag:] * flat[:, :-lag]).mean()) < K / np.sqrt(n_terms)
    assert abs(flat.mean()) < K / np.sqrt(flat.size)
    assert len(np.unique(states.reshape(-1, n_spins), axis=0)) > 0.99 * n_models * num_reads


@pytest.mark.parametrize("kind", OWN)
def test_seeds_next_to_each_other_are_uncorrelated(kind):
    draw = kind().sample_arrays
    h, J = np.zeros(50), np.zeros((50, 50))
    draws = [draw(h, J, num_reads=200, seed=seed, beta=1.0)[0].astype(float) for seed in range(5)]
    for a in range(5):
        for b in range(a):
            assert abs((draws[a] * draws[b]).mean()) < K / np.sqrt(200 * 50)


@pytest.mark.parametrize(("kind", "beta"), THERMAL_AND_GROUND)
def test_array_seeds_draw_a_model_alike_in_any_batch(kind, beta, ising):
    """Neither place nor company counts, also for the schedule's ends and the fields' scale."""
    h, J = glass(4, 8, ising)
    h[3] *= 1e6
    sampler = kind(beta=beta, num_reads=15)
    seeds = np.array([11, 12, 13, 14])
    batch, energies, _ = sampler.sample_arrays(h, J, seed=seeds)
    order = [2, 0, 3, 1]
    shuffled, _, _ = sampler.sample_arrays(h[order], J, seed=seeds[order])
    np.testing.assert_array_equal(shuffled, batch[order])
    for model in range(4):
        alone, _, _ = sampler.sample_arrays(h[model], J, seed=seeds[[model]])
        np.testing.assert_array_equal(alone[0], batch[model])


@pytest.mark.parametrize(("kind", "beta"), THERMAL_AND_GROUND)
def test_array_seeds_without_couplings(kind, beta):
    h = np.array([[1e-3, -2e-3, 0.0], [5.0, 1.0, -2.0]])
    sampler = kind(beta=beta, num_reads=15)
    batch, _, _ = sampler.sample_arrays(h, np.zeros((3, 3)), seed=np.array([1, 2]))
    alone, _, _ = sampler.sample_arrays(h[0], np.zeros((3, 3)), seed=np.array([1]))
    np.testing.assert_array_equal(alone[0], batch[0])


@pytest.mark.parametrize("seed", [5, np.array([5, 6, 7, 8])])
@pytest.mark.parametrize("kind", OWN)
def test_groups_do_not_change_streams(kind, seed, ising):
    """A family on one J equals the same family on copies of it, however grouped."""
    h, J = glass(4, 6, ising)
    arguments = {"beta": 0.7, "num_reads": 12, "seed": seed}
    plain, _, _ = kind().sample_arrays(h, J, **arguments)
    for groups in ([0, 0, 0, 0], [0, 1, 0, 1], [2, 1, 0, 0], [2, 2, 2, 2]):
        grouped, _, _ = kind().sample_arrays(h, np.stack([J] * 3), groups=groups, **arguments)
        np.testing.assert_array_equal(grouped, plain)


def test_keys():
    keys = make_keys(3, 1000)
    assert keys.dtype == np.uint64
    assert len(np.unique(keys[:, 0])) == 1000
    np.testing.assert_array_equal(make_keys(3, 10), keys[:10])
    assert make_keys(keys, 1000) is keys
    assert (make_keys(None, 2) != make_keys(None, 2)).any()
    assert (make_keys(2**100, 2) != make_keys(2**100 + 1, 2)).any()
    calls = make_call_seeds(3, 1000)
    assert calls.min() >= 0 and calls.max() < 2**31
    assert len(np.unique(calls)) == 1000
