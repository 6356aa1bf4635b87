"""Simulated quantum annealing against exact diagonalisation, and its searches.

Chi-squares have a fixed seed and the significance below, intervals K = 4 standard deviations.
Should one fail after a change of the streams, take another seed; should it fail again, the law is
broken. The transition itself is tested from exact starts, in tests/_kernels.
"""

import time
from functools import reduce
from types import SimpleNamespace

import dimod
import numpy as np
import pytest
from scipy.linalg import expm

from qsklearn.neural_network import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    GibbsSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
    check_sampler,
)
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._path_integral import typical_biases

SIGNIFICANCE = 6e-5
K = 4
MODELS = ("glass", "fields only", "ferromagnet", "frustrated", "disconnected", "one spin")


def make_model(name, ising):
    """Fields and couplings of up to 6 spins, tame enough for chains to mix at beta = 3."""
    rng = np.random.default_rng(11)
    if name == "glass":
        return rng.normal(size=5) * 0.3, ising.symmetric(5, rng) * 0.4
    if name == "fields only":
        return rng.normal(size=4), np.zeros((4, 4))
    if name == "ferromagnet":
        return np.zeros(4), 0.3 * (np.eye(4) - 1.0)
    if name == "frustrated":
        return np.array([0.1, 0.0, 0.0]), 1.0 - np.eye(3)
    if name == "disconnected":
        J = np.zeros((6, 6))
        J[:3, :3], J[3:5, 3:5] = ising.symmetric(3, rng) * 0.5, ising.symmetric(2, rng)
        return rng.normal(size=6) * 0.3, J
    return np.array([0.6]), np.zeros((1, 1))


def quantum_law(h, J, beta, gamma, ising):
    """Diagonal of exp(-beta H) over its trace, by exact diagonalisation."""
    states = ising.all_states(len(h))
    hamiltonian = np.diag(ising.energies(h, J, states)) - gamma * (count_flips(states) == 1)
    values, vectors = np.linalg.eigh(hamiltonian)
    weights = np.exp(-beta * (values - values.min()))
    diagonal = vectors**2 @ weights
    return SimpleNamespace(states=states, probabilities=diagonal / diagonal.sum())


def trotter_law(h, J, beta, gamma, num_slices, ising):
    """The same in slices: the law of one slice, of ((exp(-beta E / P) tanh^flips)^P."""
    states = ising.all_states(len(h))
    energies = ising.energies(h, J, states)
    matrix = np.tanh(beta * gamma / num_slices) ** count_flips(states)
    matrix = np.exp(-beta / num_slices * (energies - energies.min()))[:, np.newaxis] * matrix
    diagonal = np.diag(np.linalg.matrix_power(matrix, num_slices))
    return SimpleNamespace(states=states, probabilities=diagonal / diagonal.sum())


def count_flips(states):
    return (states[:, np.newaxis] != states[np.newaxis]).sum(axis=2)


def correlations(states, weights):
    """Means of s_i and of s_i s_j under weights."""
    states = states.astype(float)
    upper = np.triu_indices(states.shape[1], 1)
    pairs = states[:, upper[0]] * states[:, upper[1]]
    return weights @ np.concatenate([states, pairs], axis=1)


def test_references_agree_with_the_matrix_exponential(ising):
    """H written with Pauli matrices; state bit i is spin i."""
    h, J = make_model("frustrated", ising)
    z, x = np.diag([-1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])

    def at(site, matrix):
        return reduce(np.kron, [matrix if i == site else np.eye(2) for i in (2, 1, 0)])

    H = sum(h[i] * at(i, z) - 0.7 * at(i, x) for i in range(3))
    H = H + sum(J[i, j] * at(i, z) @ at(j, z) for i in range(3) for j in range(i))
    diagonal = np.diag(expm(-1.3 * H))
    exact = quantum_law(h, J, 1.3, 0.7, ising).probabilities
    np.testing.assert_allclose(exact, diagonal / diagonal.sum(), rtol=1e-10)
    sliced = trotter_law(h, J, 1.3, 0.7, 4096, ising).probabilities
    np.testing.assert_allclose(sliced, exact, rtol=1e-6)


@pytest.mark.parametrize("beta", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("model", MODELS)
def test_draws_follow_the_law_in_slices(model, gamma, beta, ising):
    h, J = make_model(model, ising)
    sampler = PathIntegralAnnealingSampler(20_000, 400, beta=beta, seed=3)
    states, energies, info = sampler.sample_arrays(h, J, transverse_field=gamma)
    assert ising.p_value(states[0], trotter_law(h, J, beta, gamma, 8, ising)) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)
    assert info["beta"] == beta and info["num_slices"] == 8
    assert info["transverse_field_range"][1] == gamma


@pytest.mark.parametrize(("beta", "gamma"), [(0.3, 2.0), (1.0, 0.5), (1.0, 2.0), (3.0, 0.5)])
@pytest.mark.parametrize("model", MODELS)
def test_draws_in_many_slices_follow_the_quantum_law(model, beta, gamma, ising):
    """At P = 64 the error of the slices is below what 5000 draws can tell."""
    h, J = make_model(model, ising)
    law = quantum_law(h, J, beta, gamma, ising)
    sampler = PathIntegralAnnealingSampler(5000, 100, beta=beta, num_slices=64, seed=2)
    states, _, _ = sampler.sample_arrays(h, J, transverse_field=gamma)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    means = correlations(states[0], np.full(5000, 1 / 5000))
    expected = correlations(law.states, law.probabilities)
    deviations = np.sqrt((1 - expected**2) / 5000)
    assert (np.abs(means - expected) < K * deviations).all()


def test_slices_err_by_the_square_of_their_thickness(ising):
    """Means of the draws at P = 4, 8, 16 are those of exact sums, whose error falls by 4 each.

    Richardson's extrapolation of the draws at 4 and 8 is nearer to the truth than those at 8.
    """
    h, J = make_model("glass", ising)
    beta, gamma, n_reads = 2.0, 1.0, 300_000
    exact = quantum_law(h, J, beta, gamma, ising)
    truth = correlations(exact.states, exact.probabilities)
    sampler = PathIntegralAnnealingSampler(n_reads, 40, beta=beta, seed=4)
    drawn, errors = {}, {}
    for num_slices in (4, 8, 16):
        states = sampler.sample_arrays(h, J, transverse_field=gamma, num_slices=num_slices)[0]
        drawn[num_slices] = correlations(states[0], np.full(n_reads, 1 / n_reads))
        law = trotter_law(h, J, beta, gamma, num_slices, ising)
        sliced = correlations(law.states, law.probabilities)
        deviations = np.sqrt((1 - sliced**2) / n_reads)
        assert (np.abs(drawn[num_slices] - sliced) < K * deviations).all()
        errors[num_slices] = np.abs(sliced - truth).max()
    assert 3.5 < errors[4] / errors[8] < 4.5 and 3.8 < errors[8] / errors[16] < 4.2
    noise = 1 / np.sqrt(n_reads)
    drawn_error = {P: np.abs(means - truth).max() for P, means in drawn.items()}
    assert drawn_error[4] > drawn_error[16] + K * noise
    extrapolated = np.abs((4 * drawn[8] - drawn[4]) / 3 - truth).max()
    assert extrapolated < drawn_error[8] - K * noise


@pytest.mark.parametrize("gamma", [1e-60, 1e-9])
def test_a_faint_field_draws_the_classical_law(gamma, ising):
    """All slices of a worldline stay equal: 1e-60 underflows, and 1e-9 makes no kink."""
    h, J = make_model("glass", ising)
    sampler = PathIntegralAnnealingSampler(20_000, 400, transverse_field=gamma, seed=6)
    states, _, _ = sampler.sample_arrays(h, J, beta=1.0)
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.0)) > SIGNIFICANCE


def test_a_field_flattens_the_law(ising):
    """What beta does not describe: the docs say that estimators get the law only at field 0."""
    h, J = make_model("glass", ising)
    sampler = PathIntegralAnnealingSampler(20_000, beta=1.0, seed=6)
    energies = [
        sampler.sample_arrays(h, J, transverse_field=gamma)[1].mean() for gamma in (0.0, 1.0, 4.0)
    ]
    assert energies[0] < energies[1] - 0.1 < energies[2] - 0.2


@pytest.mark.parametrize("gamma", [0.0, 0.8])
@pytest.mark.parametrize("one_hot", [(0, 3), (2, 5)])
def test_one_hot_units_are_classical(one_hot, gamma, ising):
    """A unit's spins feel no transverse field; the law is that of slices that share its state."""
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=6) * 0.5, ising.symmetric(6, rng) * 0.5
    unit = slice(*one_hot)
    J[unit, unit] = 0.0
    law = trotter_law_of_one_hot(h, J, 1.0, gamma, 8, one_hot, ising)
    if gamma == 0.0:
        classical = ising.enumerate(h, J, 1.0, one_hot)
        np.testing.assert_allclose(law.probabilities, classical.probabilities, atol=1e-12)
    sampler = PathIntegralAnnealingSampler(20_000, 200, beta=1.0, seed=5)
    states, energies, _ = sampler.sample_arrays(h, J, one_hot=one_hot, transverse_field=gamma)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)


def trotter_law_of_one_hot(h, J, beta, gamma, num_slices, one_hot, ising):
    """As ``trotter_law``, where no flips of the unit's spins are allowed."""
    states = ising.all_states(len(h), one_hot)
    energies = ising.energies(h, J, states)
    unit = states[:, slice(*one_hot)]
    same = (unit[:, np.newaxis] == unit[np.newaxis]).all(axis=2)
    matrix = same * np.tanh(beta * gamma / num_slices) ** count_flips(states)
    matrix = np.exp(-beta / num_slices * (energies - energies.min()))[:, np.newaxis] * matrix
    diagonal = np.diag(np.linalg.matrix_power(matrix, num_slices))
    return SimpleNamespace(states=states, probabilities=diagonal / diagonal.sum())


def test_families_with_groups_draw_each_models_law(ising):
    rng = np.random.default_rng(5)
    h = rng.normal(size=(5, 4)) * 0.5
    J = np.stack([ising.symmetric(4, rng) * 0.5, ising.bipartite(2, 2, rng)])
    groups = [1, 0, 1, 0, 1]
    sampler = PathIntegralAnnealingSampler(10_000, 200, beta=0.8, transverse_field=0.6, seed=3)
    states, energies, _ = sampler.sample_arrays(h, J, groups=groups)
    for m in range(5):
        law = trotter_law(h[m], J[groups[m]], 0.8, 0.6, 8, ising)
        assert ising.p_value(states[m], law) > SIGNIFICANCE
        np.testing.assert_allclose(energies[m], ising.energies(h[m], J[groups[m]], states[m]))


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_sample_draws_the_law_of_a_model_with_labels(vartype, ising):
    h, J = make_model("glass", ising)
    bqm = dimod.BinaryQuadraticModel(h, J / 2, 7.5, "SPIN")
    bqm.relabel_variables(dict(enumerate("edcba")), inplace=True)
    bqm.change_vartype(vartype, inplace=True)
    sampler = PathIntegralAnnealingSampler(20_000, 200, beta=1.0, transverse_field=0.7, seed=1)
    sampleset = sampler.sample(bqm)
    assert sampleset.vartype is bqm.vartype
    drawn = sampleset.change_vartype("SPIN", inplace=False)
    states = drawn.record.sample[:, [drawn.variables.index(label) for label in "edcba"]]
    assert ising.p_value(states, trotter_law(h, J, 1.0, 0.7, 8, ising)) > SIGNIFICANCE
    np.testing.assert_allclose(sampleset.record.energy, bqm.energies(sampleset), atol=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.9])
def test_chains_continue_from_where_they_were(gamma, ising):
    """Given states, all sweeps are in the field of the draws, and the start is not forgotten."""
    sampler = PathIntegralAnnealingSampler(
        500, 1, beta=60.0, transverse_field=gamma, transverse_field_range=(50.0, 0.0), seed=1
    )
    h, J = np.array([[2.0, -2.0, 2.0]]), np.zeros((3, 3))
    starts = np.tile(np.array([-1, 1, -1], np.int8), (1, 500, 1))
    states, _, info = sampler.sample_arrays(h, J, initial_states=starts)
    if gamma == 0.0:
        np.testing.assert_array_equal(states, starts)
    assert info["transverse_field_range"] == (gamma, gamma)
    law = ising.enumerate(*make_model("glass", ising), 3.0)
    rng = np.random.default_rng(6)
    starts = law.states[rng.choice(len(law.states), size=50_000, p=law.probabilities)][None]
    h, J = make_model("glass", ising)
    sampler = PathIntegralAnnealingSampler(50_000, 2, beta=3.0, seed=1)
    states, _, _ = sampler.sample_arrays(h, J, initial_states=starts)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    assert (states != starts).any()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_ground_energies_at_any_scale_and_vartype(scale, ising):
    sampler = PathIntegralAnnealingSampler(20, 100, seed=1)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        h, J = rng.normal(size=12), ising.symmetric(12, rng, 0.5)
        lowest = ising.enumerate(h, J, 0.0).energies.min()
        bqm = dimod.BinaryQuadraticModel(scale * h, scale * J / 2, 0.0, "SPIN")
        for vartype in ("SPIN", "BINARY"):
            found = sampler.sample(bqm.change_vartype(vartype, inplace=False)).first.energy
            np.testing.assert_allclose(found / scale, lowest, rtol=1e-9)


@pytest.mark.parametrize("beta", [None, 2.0])
@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_powers_of_two_change_no_bit(scale, beta, ising):
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=(2, 30)), ising.symmetric(30, rng, 0.3)
    sampler = PathIntegralAnnealingSampler(10, 20, transverse_field=0.5, seed=3)
    states, energies, info = sampler.sample_arrays(h, J, beta=beta)
    beta = None if beta is None else beta / scale
    sampler.set_params(transverse_field=0.5 * scale)
    scaled, scaled_energies, scaled_info = sampler.sample_arrays(scale * h, scale * J, beta=beta)
    np.testing.assert_array_equal(states, scaled)
    np.testing.assert_array_equal(scale * energies, scaled_energies)
    for name, power in (("beta_range", -1), ("transverse_field_range", 1)):
        np.testing.assert_allclose(scaled_info[name], np.multiply(info[name], scale**power))


@pytest.mark.parametrize("one_hot", [(0, 4), (3, 7)])
def test_ground_states_of_one_hot_units(one_hot, ising):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        h, J = rng.normal(size=9), ising.symmetric(9, rng)
        J[slice(*one_hot), slice(*one_hot)] = 0.0
        lowest = ising.enumerate(h, J, 0.0, one_hot).energies.min()
        states, energies, _ = PathIntegralAnnealingSampler(20, 100, seed=1).sample_arrays(
            h, J, one_hot=one_hot
        )
        assert ((states[0, :, slice(*one_hot)] == 1).sum(axis=1) == 1).all()
        np.testing.assert_allclose(energies.min(), lowest, rtol=1e-9)


def sparse_glass(n_spins, ising, seed):
    return np.zeros(n_spins), ising.symmetric(n_spins, np.random.default_rng(seed), 6 / n_spins)


def test_searches_better_than_simulated_annealing(ising):
    """100 spins with 6 neighbours each: mean energies at the defaults, 5 glasses of 64 reads.

    They are below those of simulated annealing by 4 standard errors of the difference: by 1 %, at
    five times its cost.
    """
    differences = []
    for seed in range(5):
        h, J = sparse_glass(100, ising, seed)
        quantum = PathIntegralAnnealingSampler(64, seed=1).sample_arrays(h, J)[1]
        thermal = SimulatedAnnealingSampler(64, seed=1).sample_arrays(h, J)[1]
        differences.append((quantum[0] - thermal[0]) / abs(thermal.mean()))
    differences = np.concatenate(differences)
    assert differences.mean() + K * differences.std() / np.sqrt(differences.size) < 0


@pytest.mark.parametrize("kind", ["linear", "geometric"])
def test_a_search_follows_its_schedule(kind, ising):
    h, J = sparse_glass(100, ising, 1)
    sampler = PathIntegralAnnealingSampler(
        64, transverse_field_schedule_type=kind, transverse_field_range=(3.0, 0.01), seed=1
    )
    _, energies, info = sampler.sample_arrays(h, J, search_beta=4.0)
    assert info["transverse_field_range"] == (3.0, 0.0)  # at the end there is none
    assert info["num_sweeps"] == 400
    assert info["beta"] is None
    assert info["beta_range"][0] == 4.0 < info["beta_range"][1]
    _, quenched, _ = sampler.sample_arrays(h, J, num_sweeps=3)
    assert energies.mean() < 1.1 * quenched.mean() < 0


def test_more_sweeps_find_lower_energies(ising):
    h, J = sparse_glass(100, ising, 2)
    sampler = PathIntegralAnnealingSampler(64, seed=1)
    energies = [sampler.sample_arrays(h, J, num_sweeps=n)[1].mean() for n in (1, 10, 100, 400)]
    assert (np.diff(energies) < 0).all()


def test_typical_biases_are_medians(ising):
    """One huge field does not tell where the other spins freeze; nor do spins without biases."""
    h = np.array([[0.0, 0.0, 3.0, 4.0, 1e9], [0.0, 0.0, 0.0, 0.0, 0.0]])
    J = np.zeros((5, 5))
    assert typical_biases(SpinModels(h, check_couplings(J, 5, "x"))).tolist() == [4.0, 1.0]
    J[3, 4] = J[4, 3] = 3.0
    models = SpinModels(h[:1], check_couplings(J, 5, "x"))
    assert typical_biases(models).tolist() == [5.0]


@pytest.mark.parametrize("beta", [None, 0.0, 1.0, 1e200])
@pytest.mark.parametrize("gamma", [0.0, 1e-200, 1.0, 1e200])
def test_huge_and_tiny_numbers_stay_finite(gamma, beta):
    """Biases underflow, dwarf one another, and beta times them overflows float32."""
    J = np.zeros((3, 3))
    sampler = PathIntegralAnnealingSampler(400, 6, beta=beta, transverse_field=gamma, seed=2)
    for coupling in (0.0, 1e-12, 1e60, 1e-200):
        J[0, 1] = J[1, 0] = coupling
        for field in (0.0, 1e-320, 1e-12, 1e12, 1e60):
            states, energies, _ = sampler.sample_arrays([field, -field, 0.0], J)
            assert np.isfinite(energies).all()
            assert abs(states[0, :, 2].mean()) < 5 / np.sqrt(400)  # no field: a fair coin
            if beta == 1.0 and coupling <= 1e-12 and field == 1e12 and gamma <= 1.0:
                assert (states[0, :, :2] == (-1, 1)).all()


@pytest.mark.parametrize("beta", [None, 1.0])
def test_first_reads_threads_and_models_do_not_matter(beta, ising):
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=(3, 10)), ising.symmetric(10, rng, 0.6)
    sampler = PathIntegralAnnealingSampler(100, 8, beta=beta, transverse_field=0.5, seed=8)
    states, energies, _ = sampler.sample_arrays(h, J)
    for num_reads in (1, 63, 64, 65):
        for num_threads in (1, 2, 3):
            fewer = sampler.sample_arrays(h, J, num_reads=num_reads, num_threads=num_threads)
            np.testing.assert_array_equal(fewer[0], states[:, :num_reads])
            np.testing.assert_array_equal(fewer[1], energies[:, :num_reads])
    first, _, _ = sampler.sample_arrays(h[:1], J)
    np.testing.assert_array_equal(first, states[:1])
    other, _, _ = sampler.sample_arrays(h, J, seed=9)
    assert (other != states).any()


@pytest.mark.parametrize("beta", [None, 1.0])
def test_it_stops_when_time_is_up(beta, ising):
    h, J = sparse_glass(100, ising, 1)
    sampler = PathIntegralAnnealingSampler(64, 300_000, beta=beta, transverse_field=1.0, seed=1)
    started = time.perf_counter()
    with pytest.warns(RuntimeWarning, match="stopped by max_seconds"):
        states, energies, info = sampler.sample_arrays(h, J, max_seconds=0.2)
    assert time.perf_counter() - started < 5.0
    assert info["stop_reason"] == "max_seconds"
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)


def test_both_intents_by_name():
    for intent in ("thermal", "ground"):
        sampler = check_sampler("path-integral", intent=intent)
        assert isinstance(sampler, PathIntegralAnnealingSampler)
    assert sampler.transverse_field == 0.0  # so that draws at beta are lawful


@pytest.mark.filterwarnings("ignore:.*stopped at max_iter")
def test_an_estimator_trains_without_a_field_as_with_gibbs():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])  # three classes: a one-hot unit
    scores = []
    for sampler in (PathIntegralAnnealingSampler(num_sweeps=20), GibbsSampler(num_sweeps=20)):
        network = QuantumSampledMLPClassifier(
            sampler=sampler, max_iter=15, learning_rate_init=0.05, random_state=0
        )
        scores.append(network.fit(X, y).score(X, y))
    assert min(scores) > 0.85
    assert abs(scores[0] - scores[1]) < 0.1


BAD = {
    "num_slices": (0, -1, 1.5, None),
    "transverse_field": (-1.0, np.nan, np.inf, "a", None),
    "search_beta": (0.0, -1.0, np.nan, np.inf, "a"),
    "transverse_field_range": ((1.0,), (0.0, 0.0), (1, -1), (1, np.nan), (np.inf, 1), ("a", 1)),
    "transverse_field_schedule_type": ("custom", None),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("beta", [None, 1.0])
def test_bad_parameters_are_refused_by_name(name, beta):
    for bad in BAD[name]:
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            PathIntegralAnnealingSampler(beta=beta, **{name: bad}).sample_arrays([0.1], [[0.0]])
    with pytest.raises(ValueError, match="must end > 0 with .*'geometric'"):
        PathIntegralAnnealingSampler(
            transverse_field_range=(1.0, 0.0), transverse_field_schedule_type="geometric"
        ).sample_arrays([0.1], [[0.0]])


def test_counts_may_be_small_integers_of_numpy():
    h, J = np.array([0.1, 0.2]), np.zeros((2, 2))
    for beta in (None, 1.0):
        expected = PathIntegralAnnealingSampler(5, 100, beta=beta, num_slices=100, seed=1)
        given = PathIntegralAnnealingSampler(
            5, np.int8(100), beta=beta, num_slices=np.int8(100), seed=1
        )
        states = given.sample_arrays(h, J)[0]
        np.testing.assert_array_equal(states, expected.sample_arrays(h, J)[0])


def test_too_many_slices_are_refused(monkeypatch):
    with pytest.raises((ValueError, MemoryError), match="2\\^32 spins|would need"):
        PathIntegralAnnealingSampler(num_slices=2**33).sample_arrays([0.1], [[0.0]])
    monkeypatch.setattr("qsklearn.samplers._path_integral._MAX_PLACES", 16)
    with pytest.raises(ValueError, match="Got 8 slices of 2 spins"):
        PathIntegralAnnealingSampler().sample_arrays([0.1, 0.1], np.zeros((2, 2)))


def test_one_slice_has_no_field():
    sampler = PathIntegralAnnealingSampler(beta=1.0, transverse_field=1.0, num_slices=1)
    with pytest.raises(ValueError, match="must be at least 2 with a transverse_field of 1.0"):
        sampler.sample_arrays([0.1], [[0.0]])


def test_temperatures_may_be_long_integers():
    words = {"beta": 10**30, "search_beta": 10**30, "num_sweeps": 5}
    _, energies, _ = PathIntegralAnnealingSampler(**words).sample_arrays([[1.0]], [[0.0]])
    assert energies == -1.0
    for name in ("search_beta", "transverse_field"):
        with pytest.raises(ValueError, match=f"'{name}' parameter of Path.* must be a f"):
            PathIntegralAnnealingSampler(**{name: np.inf}).sample_arrays([[1.0]], [[0.0]])
