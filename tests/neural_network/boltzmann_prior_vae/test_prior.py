"""The discrete VAE's prior as a model of its own: energies, programs, partition function."""

import copy
import pickle

import dimod
import numpy as np
import pytest
import scipy.sparse
from scipy.special import logsumexp, softmax

from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.neural_network._boltzmann_prior_vae._prior import (
    BoltzmannPrior,
    ProgramLayout,
    _without_trotter_error,
)
from qsklearn.samplers import GibbsSampler, LogPartitionFunction, log_partition_function

N_LATENT = 5


def make_prior(topology="rbm", n_latent=N_LATENT, n_classes=0, transverse_field=0.0, seed=0):
    graph, rng = make_latent_graph(topology, n_latent), np.random.default_rng(seed)
    return BoltzmannPrior(
        h=0.5 * rng.normal(size=n_latent),
        weights=0.7 * rng.normal(size=graph.n_edges),
        graph=graph,
        class_biases=rng.normal(size=n_classes),
        class_weights=rng.normal(size=(n_latent, n_classes)),
        transverse_field=transverse_field,
    )


def all_bits(n_bits):
    return (np.arange(2**n_bits)[:, None] >> np.arange(n_bits)) & 1


def energies_by_loops(prior, bits):
    """Classes are left out."""
    values = []
    for spins in 2 * bits - 1:
        value = sum(field * spin for field, spin in zip(prior.h, spins, strict=True))
        for (a, b), weight in zip(prior.graph.edges, prior.weights, strict=True):
            value += weight * spins[a] * spins[b]
        values.append(value)
    return np.array(values)


@pytest.mark.parametrize("topology", ["rbm", "full", "chimera", "pegasus", "zephyr", "bernoulli"])
def test_energies_are_those_of_the_ising_model(topology):
    prior = make_prior(topology)
    bits = all_bits(N_LATENT)
    np.testing.assert_allclose(prior.energies(bits), energies_by_loops(prior, bits), atol=1e-12)
    assert (prior.n_latent, prior.n_classes) == (N_LATENT, 0)


def test_energies_of_a_sparse_and_of_a_dense_graph_are_found_alike():
    """128 units of Chimera are kept sparse, those of an RBM dense."""
    rng = np.random.default_rng(0)
    for topology, kind in (("chimera", scipy.sparse.csr_array), ("rbm", np.ndarray)):
        prior = make_prior(topology, 128)
        bits = rng.integers(0, 2, (6, 128))
        assert isinstance(prior._matrix, kind)
        np.testing.assert_allclose(prior.energies(bits), energies_by_loops(prior, bits), atol=1e-9)


def test_couplings_are_a_symmetric_matrix():
    prior = make_prior("chimera", 12)
    J = prior.J.toarray()
    np.testing.assert_array_equal(J, J.T)
    assert not J.diagonal().any()
    first, second = prior.graph.edges.T
    np.testing.assert_array_equal(J[first, second], prior.weights)
    assert np.count_nonzero(J) == 2 * prior.graph.n_edges
    assert make_prior("bernoulli").J.nnz == 0


def test_classes_are_summed_out_of_energies():
    prior = make_prior(n_classes=3)
    bits = all_bits(N_LATENT)
    logits = prior.class_biases + (2 * bits - 1) @ prior.class_weights
    np.testing.assert_allclose(prior.class_logits(bits), logits)
    expected = energies_by_loops(prior, bits) - logsumexp(logits, axis=1)
    np.testing.assert_allclose(prior.energies(bits), expected, atol=1e-12)


def test_the_law_given_a_class_is_bayes_rule():
    """p(z | y) from p(z) P(y | z)."""
    prior, bits = make_prior(n_classes=3), all_bits(N_LATENT)
    joint = softmax(-prior.energies(bits))[:, None] * softmax(prior.class_logits(bits), axis=1)
    for label in range(3):
        given = prior.given_class(label)
        assert given.n_classes == 0 and given.graph is prior.graph
        expected = joint[:, label] / joint[:, label].sum()
        np.testing.assert_allclose(softmax(-given.energies(bits)), expected, atol=1e-12)
    np.testing.assert_array_equal(given.weights, prior.weights)


def test_a_prior_without_couplings_has_the_same_fields():
    prior = make_prior(n_classes=2)
    bare = prior.without_couplings()
    assert not bare.weights.any() and prior.weights.all()
    for name in ("h", "class_biases", "class_weights"):
        np.testing.assert_array_equal(getattr(bare, name), getattr(prior, name))
    assert bare.graph.n_edges == prior.graph.n_edges


def test_log_z_of_a_prior_without_couplings_is_its_own():
    """Nothing of the first one's is kept."""
    prior = make_prior()
    assert prior.log_partition.value[0] > 0
    bare = prior.without_couplings()
    expected = np.log(2 * np.cosh(prior.h)).sum()
    assert bare.log_partition.value[0] == pytest.approx(expected, abs=1e-9)


# --- programs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["rbm", "chimera", "bernoulli"])
def test_the_bqm_has_the_priors_energies(topology):
    prior = make_prior(topology)
    bqm = prior.to_bqm()
    assert bqm.vartype is dimod.SPIN
    assert set(bqm.variables) == set(prior.graph.nodes.tolist())
    assert bqm.num_interactions == prior.graph.n_edges
    bits = all_bits(N_LATENT)
    energies = bqm.energies((2 * bits - 1, prior.graph.nodes.tolist()))
    np.testing.assert_allclose(energies, prior.energies(bits), atol=1e-12)


def test_the_bqm_with_a_class_unit_has_the_law_of_bits_and_class():
    """Over states with one class up: joint energies, and the marginal of the bits."""
    prior, bits = make_prior(n_classes=3), all_bits(N_LATENT)
    bqm = prior.to_bqm()
    names = [*prior.graph.nodes.tolist(), *(("class", k) for k in range(3))]
    assert set(bqm.variables) == set(names)
    joint = np.column_stack(
        [
            bqm.energies((np.hstack([2 * bits - 1, np.tile(unit, (len(bits), 1))]), names))
            for unit in 2 * np.eye(3, dtype=int) - 1
        ]
    )
    expected = energies_by_loops(prior, bits)[:, None] - prior.class_logits(bits)
    np.testing.assert_allclose(joint, expected, atol=1e-12)
    np.testing.assert_allclose(-logsumexp(-joint, axis=1), prior.energies(bits), atol=1e-12)


def test_the_family_is_drawn_by_a_sampler_as_the_prior_says(ising):
    prior = make_prior(n_classes=3)
    family = prior.to_family()
    states, _, _ = GibbsSampler(num_reads=10_000, num_sweeps=100).sample_arrays(
        family.fields, family.couplings, beta=1.0, seed=0, one_hot=family.one_hot
    )
    law = ising.enumerate(np.zeros(N_LATENT), np.zeros((N_LATENT,) * 2), 1.0)
    law.probabilities = softmax(-prior.energies((law.states + 1) // 2))
    assert family.one_hot == (N_LATENT, N_LATENT + 3)
    assert ising.p_value(states[0][:, :N_LATENT], law) > 1e-3


def test_a_layout_is_filled_again_and_again():
    prior = make_prior("chimera", 12)
    layout = ProgramLayout(prior.graph)
    for factor in (1.0, -2.0):
        family = layout.fill(factor * prior.h, factor * prior.weights)
        J = family.couplings
        np.testing.assert_allclose(J.toarray(), factor * prior.J.toarray())
        np.testing.assert_allclose(family.fields, factor * prior.h[None])


# --- partition function --------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("topology", ["rbm", "full", "chimera", "bernoulli"])
def test_log_z_is_enumerated(topology, n_classes):
    prior = make_prior(topology, 10, n_classes)
    result = prior.log_partition
    expected = logsumexp(-prior.energies(all_bits(10)))
    assert result.value[0] == pytest.approx(expected, abs=1e-9)
    assert result.lower[0] == result.value[0] == result.upper[0]


def test_log_z_in_a_transverse_field_is_that_of_the_matrix():
    prior = make_prior("rbm", 6, transverse_field=0.7)
    matrix = np.diag(prior.energies(all_bits(6)))
    numbers = np.arange(64)
    for unit in range(6):
        matrix[numbers, numbers ^ (1 << unit)] -= 0.7
    expected = logsumexp(-np.linalg.eigvalsh(matrix))
    assert prior.log_partition.value[0] == pytest.approx(expected, abs=1e-9)
    assert prior.log_partition.method == "diagonalization"


@pytest.mark.slow
def test_log_z_of_slices_is_that_of_the_matrix():
    """Twelve units are too many for the matrix by default; its error is taken off at the end."""
    prior = make_prior("chimera", 12, transverse_field=0.7)
    matrix = np.diag(prior.energies(all_bits(12)))
    numbers = np.arange(4096)
    for unit in range(12):
        matrix[numbers, numbers ^ (1 << unit)] -= 0.7
    expected = logsumexp(-np.linalg.eigvalsh(matrix))
    result = prior.log_partition
    assert result.method != "diagonalization"
    assert result.lower[0] <= result.value[0] <= result.upper[0]
    assert abs(result.value[0] - expected) < 0.02


def test_the_error_of_slices_is_taken_off():
    """It falls with the square of their number; the ends are the widest that both allow."""

    def estimate(value, below, above):
        ends = {"lower": np.array([value - below]), "upper": np.array([value + above])}
        return LogPartitionFunction(np.array([value]), np.array([0.03]), **ends, method="bracket")

    coarse, fine = estimate(5.4, 0.2, 0.1), estimate(5.1, 0.04, 0.03)
    result = _without_trotter_error(coarse, fine)
    assert result.value[0] == pytest.approx(5.0)
    assert result.lower[0] == pytest.approx((4 * fine.lower[0] - coarse.upper[0]) / 3)
    assert result.upper[0] == pytest.approx((4 * fine.upper[0] - coarse.lower[0]) / 3)
    assert (
        result.standard_error[0] == pytest.approx(0.01 * np.sqrt(17)) and result.method == "bracket"
    )


def test_a_pickle_keeps_log_z(monkeypatch):
    """Which may have taken long, but not what is made in no time."""
    prior = make_prior(n_classes=2)
    value, bits = prior.log_partition, all_bits(N_LATENT)
    energies, bqm = prior.energies(bits), prior.to_bqm()
    monkeypatch.setattr(BoltzmannPrior, "_log_partition", None)
    for copied in (pickle.loads(pickle.dumps(prior)), copy.deepcopy(prior)):
        assert copied.log_partition.value[0] == value.value[0]
        assert "_layout" not in vars(copied) and "_matrix" not in vars(copied)
        np.testing.assert_array_equal(copied.energies(bits), energies)
        assert copied.to_bqm().is_almost_equal(bqm)


@pytest.mark.parametrize("n_latent", [72, pytest.param(128, marks=pytest.mark.slow)])
def test_estimates_of_log_z_meet_the_tree_decomposition(n_latent):
    """On Chimera C3 and C4, with couplings of the size that trained priors have."""
    graph = make_latent_graph("chimera", n_latent)
    rng = np.random.default_rng(0)
    prior = BoltzmannPrior(
        0.7 * rng.normal(size=n_latent),
        0.45 * rng.normal(size=graph.n_edges),
        graph,
        np.empty(0),
        np.empty((n_latent, 0)),
    )
    family = prior.to_family()
    exact = log_partition_function(family.fields, family.couplings, method="tree-decomposition")
    estimate = log_partition_function(
        family.fields,
        family.couplings,
        method="annealed-importance",
        num_runs=1000,
        num_temperatures=1000,
        seed=0,
    )
    assert abs(estimate.value[0] - exact.value[0]) < 0.02
    assert estimate.lower[0] - 0.01 < exact.value[0] < estimate.upper[0] + 0.01
