"""ExactSampler: partition functions, core and rim, ties of ground states, tree decomposition."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from qsklearn.samplers import ExactSampler

SIGNIFICANCE = 1e-4  # of chi-squares; should one fail, take another seed, and see test_law.py
K = 4  # standard deviations of other intervals, likewise


def log_2cosh(x):
    return np.logaddexp(x, -x)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
def test_log_partition_function_against_enumeration(density, beta, ising):
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=(4, 9)), ising.symmetric(9, rng, density)
    _, _, info = ExactSampler().sample_arrays(h, J, beta=beta)
    expected = [ising.enumerate(fields, J, beta).log_z for fields in h]
    np.testing.assert_allclose(info["log_partition_function"], expected, rtol=1e-12)


def test_log_partition_function_of_a_one_hot_unit(ising):
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=(2, 8)), np.zeros((8, 8))
    J[2:5, [0, 1, 5, 6, 7]] = rng.normal(size=(3, 5))
    J += J.T
    _, _, info = ExactSampler().sample_arrays(h, J, beta=0.8, one_hot=(2, 5))
    expected = [ising.enumerate(fields, J, 0.8, (2, 5)).log_z for fields in h]
    np.testing.assert_allclose(info["log_partition_function"], expected, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.8])
@pytest.mark.parametrize("unit", [(0, 3), (2, 5), (4, 7)])
def test_spins_beside_a_one_hot_unit_may_couple_among_themselves(unit, beta, ising):
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=(2, 7)), ising.symmetric(7, rng)
    J[slice(*unit), slice(*unit)] = 0
    arguments = {"beta": beta, "one_hot": unit, "seed": 2}
    states, energies, info = ExactSampler(20_000).sample_arrays(h, J, **arguments)
    for model, fields in enumerate(h):
        law = ising.enumerate(fields, J, beta, unit)
        assert info["log_partition_function"][model] == pytest.approx(law.log_z, rel=1e-12)
        assert ising.p_value(states[model], law) > SIGNIFICANCE
        np.testing.assert_allclose(energies[model], ising.energies(fields, J, states[model]))
    fewer, _, _ = ExactSampler(50).sample_arrays(h, J, keep=[6, 1], **arguments)
    np.testing.assert_array_equal(fewer, states[:, :50, [6, 1]])
    seeds = {**arguments, "seed": np.array([7, 8])}
    both, _, _ = ExactSampler(50).sample_arrays(h, J, **seeds)
    seeds["seed"] = np.array([8])
    alone, _, _ = ExactSampler(50).sample_arrays(h[1:], J, **seeds)
    np.testing.assert_array_equal(alone[0], both[1])


def test_ground_states_beside_a_one_hot_unit_are_drawn_uniformly(ising):
    """Of a frustrated triangle under two states of the unit; a third one moves it."""
    h, J = np.zeros(6), np.zeros((6, 6))
    J[:3, :3] = 1 - np.eye(3)
    J[3:, :3] = [[0.0] * 3, [0.0] * 3, [5.0] * 3]
    J[:3, 3:] = J[3:, :3].T
    h[3:] = [0.0, 0.0, 12.0]
    law = ising.ground_law(h, J, (3, 6))
    assert (law.probabilities > 0).sum() > 1
    states, energies, _ = ExactSampler(20_000, seed=3).sample_arrays(h, J, one_hot=(3, 6))
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies, law.energies.min())


@pytest.mark.parametrize("order", ["core first", "rim first", "shuffled"])
def test_a_core_and_a_large_rim(order, ising):
    """3 core spins that couple among themselves and 1200 rim spins, against the closed form."""
    rng = np.random.default_rng(4)
    n_core, n_rim = 3, 1200
    n_spins = n_core + n_rim
    h = rng.normal(size=n_spins)
    J = np.zeros((n_spins, n_spins))
    J[:n_core, n_core:] = rng.normal(size=(n_core, n_rim)) * 0.05
    J[:n_core, :n_core] = np.triu(rng.normal(size=(n_core, n_core)), 1)
    J += J.T
    place = {
        "core first": np.arange(n_spins),
        "rim first": np.roll(np.arange(n_spins), n_rim),
        "shuffled": rng.permutation(n_spins),
    }[order]
    core, rim = place[:n_core], place[n_core:]
    placed_h, placed_J = np.empty_like(h), np.empty_like(J)
    placed_h[place], placed_J[np.ix_(place, place)] = h, J
    sampler = ExactSampler(num_reads=20_000, beta=0.7, seed=1)
    states, energies, info = sampler.sample_arrays(placed_h, placed_J)

    patterns = ising.all_states(n_core)
    fields = h[n_core:] + patterns @ J[:n_core, n_core:]
    scores = log_2cosh(0.7 * fields).sum(axis=1)
    scores -= 0.7 * ising.energies(h[:n_core], J[:n_core, :n_core], patterns)
    np.testing.assert_allclose(info["log_partition_function"], logsumexp(scores), rtol=1e-12)

    law = ising.enumerate(np.zeros(n_core), np.zeros((n_core, n_core)), 0.0)
    law.probabilities = np.exp(scores - logsumexp(scores))
    assert ising.p_value(states[0][:, core], law) > SIGNIFICANCE
    drawn = placed_h[rim] + states[0][:, core] @ placed_J[np.ix_(core, rim)]
    excess = states[0][:, rim] + np.tanh(0.7 * drawn)
    spread = np.sqrt((1 - np.tanh(0.7 * drawn) ** 2).sum(axis=0))
    # 1200 spins at once: the largest of so many passes 5 once in 1500 seeds.
    assert (np.abs(excess.sum(axis=0)) < 5 * spread).all()
    np.testing.assert_allclose(
        energies[0][:50], ising.energies(placed_h, placed_J, states[0][:50]), atol=1e-8
    )


def test_keep_the_core_sums_the_rim_out(ising):
    """The core's spins are the same draws as with the rim, at less cost and without energies."""
    rng = np.random.default_rng(5)
    h, J = rng.normal(size=(3, 40)), ising.bipartite(4, 36, rng)
    arguments = {"num_reads": 200, "beta": 1.0, "seed": 2}
    states, energies, _ = ExactSampler().sample_arrays(h, J, **arguments)
    core, none, _ = ExactSampler().sample_arrays(h, J, keep=[0, 1, 2, 3], **arguments)
    np.testing.assert_array_equal(core, states[:, :, :4])
    assert none is None
    mixed, all_energies, _ = ExactSampler().sample_arrays(h, J, keep=[2, 39], **arguments)
    np.testing.assert_array_equal(mixed, states[:, :, [2, 39]])
    np.testing.assert_array_equal(all_energies, energies)


TIES = {
    "zero": (np.zeros(3), np.zeros((3, 3))),
    "frustrated triangle": (np.zeros(3), np.ones((3, 3)) - np.eye(3)),
    # One core state has a free rim spin, the other none: three ground states, not two and one.
    "unequal degeneracy": (np.ones(2), np.array([[0.0, 1.0], [1.0, 0.0]])),
    # 0.1 + 0.2 - 0.3 is not 0 in floating point, but a tie all the same.
    "rounded": (np.array([-9, -9, 0.3]), np.array([[0, 0, -0.1], [0, 0, -0.2], [-0.1, -0.2, 0]])),
    # Both at once: the core pair up leaves one ground state, the pair down leaves four.
    "rounded and unequal": (
        np.full(4, 0.3),
        np.array([[0, -9, 0.1, 0.1], [-9, 0, 0.2, 0.2], [0.1, 0.2, 0, 0], [0.1, 0.2, 0, 0]]),
    ),
    "rounded rim": (
        np.array([-9, -9, 0.3, 1.5, 0.5]),
        np.array(
            [
                [0, 0, -0.1, 1.0, 0],
                [0, 0, -0.2, 0, 1.0],
                [-0.1, -0.2, 0, 0, 0],
                [1.0, 0, 0, 0, 0],
                [0, 1.0, 0, 0, 0],
            ]
        ),
    ),
}


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("name", TIES)
def test_ground_states_are_drawn_uniformly(name, scale, ising):
    h, J = TIES[name]
    law = ising.ground_law(h, J)
    assert (law.probabilities > 0).sum() > 1
    states, energies, info = ExactSampler(num_reads=20_000, seed=3).sample_arrays(
        scale * h, scale * J
    )
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies, scale * law.energies.min(), atol=1e-9 * scale)
    assert info["beta"] is None


def test_ground_states_of_random_models_and_one_hot_units(ising):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        h, J = rng.normal(size=7), ising.symmetric(7, rng, 0.5)
        states, _, _ = ExactSampler(seed=0).sample_arrays(h, J)
        law = ising.ground_law(h, J)
        np.testing.assert_array_equal(states[0, 0], law.states[law.probabilities.argmax()])
        J[:3, :3] = J[3:, 3:] = 0.0
        states, _, _ = ExactSampler(seed=0).sample_arrays(h, J, one_hot=(0, 3))
        law = ising.ground_law(h, J, (0, 3))
        np.testing.assert_array_equal(states[0, 0], law.states[law.probabilities.argmax()])


def test_two_thousand_free_spins_do_not_overflow_the_count_of_ground_states():
    h, J = np.zeros(2001), np.zeros((2001, 2001))
    J[0, 1:] = J[1:, 0] = 1.0
    h[1:] = 1.0  # with the hub down every other spin is free
    h[0] = 2000.0
    states, energies, _ = ExactSampler(num_reads=500, seed=1).sample_arrays(h, J)
    # Hub down: 2^2000 states of energy -2000; hub up: one state of energy 2000 - 4000.
    assert (states[0, :, 0] == -1).all()
    np.testing.assert_array_equal(energies, -2000.0)
    assert abs(states[0, :, 1:].mean()) < K / math.sqrt(500 * 2000)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_tree_decomposition_of_a_ring(beta):
    """40 spins in a ring are too many to enumerate; the transfer matrix knows their energy."""
    n_spins, coupling = 40, -0.8
    J = np.zeros((n_spins, n_spins))
    at = np.arange(n_spins)
    J[at, (at + 1) % n_spins] = J[(at + 1) % n_spins, at] = coupling
    num_reads = 4000
    states, energies, info = ExactSampler(num_reads=num_reads, beta=beta, seed=4).sample_arrays(
        np.zeros((2, n_spins)), J
    )
    t = np.tanh(beta * -coupling)
    log_z = n_spins * np.log(2 * np.cosh(beta * coupling)) + np.log1p(t**n_spins)
    np.testing.assert_allclose(info["log_partition_function"], log_z, rtol=1e-9)
    mean = n_spins * coupling * (t + t ** (n_spins - 1)) / (1 + t**n_spins)
    # The bonds are independent but for the ring's closure.
    deviation = abs(coupling) * np.sqrt(n_spins * (1 - t**2) / num_reads)
    assert (np.abs(energies.mean(axis=1) - mean) < K * deviation).all()
    bonds = (states * np.roll(states, 1, axis=2)).sum(axis=2)
    np.testing.assert_allclose(energies, coupling * bonds, atol=1e-12)
    assert (states[0] != states[1]).any()


def test_lone_spins_beside_a_tree_are_drawn_and_summed():
    """dwave-samplers drops spins that nothing acts on, which then were always down."""
    n_spins, beta, num_reads = 46, 0.7, 5000
    ring = 40
    J = np.zeros((n_spins, n_spins))
    at = np.arange(ring)
    J[at, (at + 1) % ring] = J[(at + 1) % ring, at] = 0.5
    h = np.zeros((2, n_spins))
    h[:, ring:] = [[0.0, 0.0, 0.3, -0.3, 2.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, -400.0]]
    states, energies, info = ExactSampler(num_reads=num_reads, beta=beta, seed=2).sample_arrays(
        h, J
    )
    t = np.tanh(beta * 0.5)
    log_z = ring * np.log(2 * np.cosh(beta * 0.5)) + np.log1p(t**ring)
    lone = np.logaddexp(beta * h[:, ring:], -beta * h[:, ring:]).sum(axis=1)
    np.testing.assert_allclose(info["log_partition_function"], log_z + lone, rtol=1e-9)
    means = states[:, :, ring:].mean(axis=1)
    expected = -np.tanh(beta * h[:, ring:])
    assert (np.abs(means - expected) <= K * np.sqrt((1 - expected**2) / num_reads)).all()
    np.testing.assert_allclose(
        energies[1],
        0.5 * np.einsum("ri,ij,rj->r", states[1].astype(float), J, states[1]) + states[1] @ h[1],
    )
    fewer, _, _ = ExactSampler(num_reads=7, beta=beta, seed=2).sample_arrays(h, J)
    np.testing.assert_array_equal(fewer[:, :, ring:], states[:, :7, ring:])


def test_a_wide_graph_is_refused_at_once():
    """A random cubic graph of 2000 spins: a search for a good order would take minutes."""
    rng = np.random.default_rng(0)
    J = np.zeros((2000, 2000))
    for _ in range(3):
        left, right = rng.permutation(2000).reshape(2, 1000)
        J[left, right] = J[right, left] = 1.0
    with pytest.raises(ValueError, match="a treewidth of more than 25"):
        ExactSampler(beta=1.0).sample_arrays(np.zeros(2000), J)


def test_models_out_of_reach_are_refused_with_a_remedy(ising):
    rng = np.random.default_rng(6)
    dense = ising.symmetric(60, rng)
    with pytest.raises(ValueError, match="cannot enumerate a model of 60 spins and 1770 couplings"):
        ExactSampler(beta=1.0).sample_arrays(np.zeros(60), dense)
    with pytest.raises(ValueError, match="Use sampler='annealing' for it"):
        ExactSampler(beta=None).sample_arrays(np.zeros(60), dense)
    J = ising.symmetric(30, rng)
    J[:5, :5] = 0.0  # the unit is fine, but what is left couples
    with pytest.raises(ValueError, match="30 spins with a one-hot unit of 5 .* 24 spins beside"):
        ExactSampler(beta=1.0).sample_arrays(np.zeros(30), J, one_hot=(0, 5))


def test_tree_decomposition_is_optional(monkeypatch, ising):
    def missing(module, caller):
        raise ImportError(f"{caller} needs the package {module!r}")

    monkeypatch.setattr("qsklearn.samplers._tree.import_optional", missing)
    with pytest.raises(ValueError, match="tree decomposition is not there: .*dwave.samplers"):
        ExactSampler(beta=1.0).sample_arrays(np.zeros(60), ising.symmetric(60, np.random))
