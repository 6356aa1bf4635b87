"""The laws that the samplers draw from, against exact enumeration.

Every chi-square test has a fixed seed and the significance below: some 200 tests then fail once
in fifty choices of the seeds. Should one fail after a change of the random streams, take another
seed; should it fail again, the law is broken.
"""

import dimod
import numpy as np
import pytest

from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
)
from qsklearn.samplers._kernel_arrays import order_of_updates
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._one_by_one import penalise

SIGNIFICANCE = 1e-4
BETAS = (0.0, 0.3, 1.0, 3.0)
# sampler, reads (those of neal cost ten times as much)
THERMAL = {
    "exact": (ExactSampler(), 20_000),
    "gibbs": (GibbsSampler(), 20_000),
    "annealing": (SimulatedAnnealingSampler(), 20_000),
    "path-integral": (PathIntegralAnnealingSampler(), 20_000),
    "tempering": (ParallelTemperingSampler(num_temperatures=3), 5_000),
    "neal": (NealSampler(), 3_000),
    "wrapped": (DimodSampler(GibbsSampler()), 5_000),
}
MAX_SWEEPS = 2000
HALF = ("annealing", "path-integral", "neal")  # at beta for the second half of their sweeps


def make_model(name, ising):
    """Fields, couplings, one-hot unit of a model on 6 spins."""
    rng = np.random.default_rng(20)
    h = rng.normal(size=6) * 0.5
    J = np.zeros((6, 6))
    one_hot = None
    if name == "dense":
        J = ising.symmetric(6, rng) * 0.5
    elif name == "sparse":
        J = ising.symmetric(6, rng, density=0.4)
    elif name == "bipartite":
        J = ising.bipartite(2, 4, rng)
    elif name == "star":
        J[0, 1:] = J[1:, 0] = rng.normal(size=5)
    elif name == "disconnected":
        J[:3, :3] = ising.symmetric(3, rng)
        J[3:5, 3:5] = ising.symmetric(2, rng)
    elif name == "one-hot":
        J[:3, 3:] = rng.normal(size=(3, 3)) * 0.5
        J += J.T
        one_hot = (0, 3)
    elif name == "one-hot in a middle":
        J[2:5, [0, 1, 5]] = rng.normal(size=(3, 3)) * 0.5
        J += J.T
        one_hot = (2, 5)
    elif name == "no couplings":
        pass
    elif name == "one-hot of integers":
        h = np.round(2 * h)
        J[0, 2:5], J[1, 2:5], J[5, 2:5] = [-1.0, 2.0, 1.0], [-1.0, 1.0, 1.0], [2.0, 0.0, -1.0]
        J += J.T
        one_hot = (2, 5)
    elif name == "degenerate":
        h[:] = 0.0
        J = np.sign(ising.symmetric(6, rng, density=0.6))
    elif name == "zero":
        h[:] = 0.0
    return h, J, one_hot


MODELS = (
    "dense",
    "sparse",
    "bipartite",
    "star",
    "disconnected",
    "one-hot",
    "one-hot in a middle",
    "one-hot of integers",
    "no couplings",
    "degenerate",
    "zero",
)


def order_of_a_sweep(name, h, J, one_hot):
    """The order in which a sampler's sweep visits the spins."""
    if name == "neal":
        return range(len(h))
    models = SpinModels(h[np.newaxis], check_couplings(J, len(h), "test"), one_hot)
    unit = [] if one_hot is None else [-1]  # the last of a sweep
    return [*order_of_updates(models), *unit]


def transition_matrix(order, law, beta, one_hot):
    """One heat-bath sweep over the states of a law."""
    sweep = np.eye(len(law.states))
    for spin in order:
        updated = np.arange(*one_hot) if spin < 0 else np.array([spin])
        others = np.delete(law.states, updated, axis=1)
        same = (others[:, np.newaxis] == others[np.newaxis]).all(axis=2)
        step = same * np.exp(-beta * (law.energies - law.energies.min()))
        sweep = sweep @ (step / step.sum(axis=1, keepdims=True))
    return sweep


def count_sweeps(name, h, J, beta, one_hot, ising, tolerance=1e-5):
    """Sweeps after which every start is within a total variation of the law, a power of two.

    Samplers that take one model at a time see a one-hot unit as a penalty, and mix more slowly.
    """
    if one_hot is not None and name in ("neal", "wrapped"):
        models = SpinModels(h[np.newaxis], check_couplings(J, len(h), "test"), one_hot)
        h, (rows, columns, biases), _ = penalise(models.to_bqm(0), one_hot).to_numpy_vectors(
            range(len(h))
        )
        J, one_hot = np.zeros_like(J), None
        J[rows, columns] = biases
        J += J.T
    law = ising.enumerate(h, J, beta, one_hot)
    sweep = transition_matrix(order_of_a_sweep(name, h, J, one_hot), law, beta, one_hot)
    assert np.allclose(law.probabilities @ sweep, law.probabilities)  # the matrix is right
    num_sweeps = 1
    while np.abs(sweep - law.probabilities).sum(axis=1).max() / 2 > tolerance:
        sweep = sweep @ sweep
        num_sweeps *= 2
        if num_sweeps > MAX_SWEEPS:
            break
    return num_sweeps


def overrides(name, num_sweeps):
    """Keywords that give a sampler the sweeps to mix."""
    if name == "exact":
        return {}
    return {"num_sweeps": 2 * num_sweeps if name in HALF else num_sweeps}


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", THERMAL)
def test_sample_arrays_draws_the_law(name, model, beta, ising):
    sampler, num_reads = THERMAL[name]
    h, J, one_hot = make_model(model, ising)
    law = ising.enumerate(h, J, beta, one_hot)
    num_sweeps = count_sweeps(name, h, J, beta, one_hot, ising)
    if name != "exact" and num_sweeps > MAX_SWEEPS:
        pytest.skip("the exact transition matrix says that it does not mix from random starts")
    states, energies, info = sampler.sample_arrays(
        h[np.newaxis], J, one_hot=one_hot, beta=beta, num_reads=num_reads, seed=4,
        **overrides(name, num_sweeps),
    )  # fmt: skip
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)
    assert info["beta"] == beta


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("model", ["dense", "star", "no couplings"])
@pytest.mark.parametrize("name", THERMAL)
def test_sample_draws_the_law(name, model, beta, vartype, ising):
    sampler, num_reads = THERMAL[name]
    h, J, _ = make_model(model, ising)
    law = ising.enumerate(h, J, beta)
    num_sweeps = count_sweeps(name, h, J, beta, None, ising)
    if name != "exact" and num_sweeps > MAX_SWEEPS:
        pytest.skip("the exact transition matrix says that it does not mix from random starts")
    bqm = dimod.BinaryQuadraticModel(h, J / 2, 7.5, "SPIN")
    bqm.relabel_variables(dict(enumerate("fedcba")), inplace=True)
    bqm.change_vartype(vartype, inplace=True)
    sampleset = sampler.sample(
        bqm, beta=beta, num_reads=num_reads, seed=9, **overrides(name, num_sweeps)
    )
    drawn = sampleset.change_vartype("SPIN", inplace=False)
    columns = [drawn.variables.index(label) for label in "fedcba"]
    states = np.repeat(drawn.record.sample[:, columns], drawn.record.num_occurrences, axis=0)
    assert len(states) == num_reads
    assert sampleset.vartype is bqm.vartype
    assert ising.p_value(states, law) > SIGNIFICANCE
    np.testing.assert_allclose(sampleset.record.energy, bqm.energies(sampleset), atol=1e-9)


@pytest.mark.parametrize("name", THERMAL)
def test_families_with_groups_draw_each_models_law(name, ising):
    sampler, num_reads = THERMAL[name]
    rng = np.random.default_rng(5)
    h = rng.normal(size=(5, 4)) * 0.5
    J = np.stack([ising.symmetric(4, rng) * 0.5, ising.bipartite(2, 2, rng)])
    groups = [1, 0, 1, 0, 1]
    laws = [ising.enumerate(h[m], J[groups[m]], 0.8) for m in range(5)]
    num_sweeps = max(count_sweeps(name, h[m], J[groups[m]], 0.8, None, ising) for m in range(5))
    states, energies, _ = sampler.sample_arrays(
        h, J, groups=groups, beta=0.8, num_reads=num_reads, seed=3, **overrides(name, num_sweeps)
    )
    for m in range(5):
        assert ising.p_value(states[m], laws[m]) > SIGNIFICANCE
        np.testing.assert_allclose(
            energies[m], ising.energies(h[m], J[groups[m]], states[m]), atol=1e-9
        )


@pytest.mark.parametrize("name", THERMAL)
def test_keep_returns_those_spins_of_the_same_draws(name, ising):
    sampler, _ = THERMAL[name]
    h, J, _ = make_model("bipartite", ising)
    arguments = {"beta": 1.0, "num_reads": 50, "seed": 3}
    states, energies, _ = sampler.sample_arrays(h[np.newaxis], J, **arguments)
    some, some_energies, _ = sampler.sample_arrays(h[np.newaxis], J, keep=[5, 0, 2], **arguments)
    np.testing.assert_array_equal(some, states[:, :, [5, 0, 2]])
    np.testing.assert_array_equal(some_energies, energies)
    none, _, _ = sampler.sample_arrays(h[np.newaxis], J, keep=[], **arguments)
    assert none.shape == (1, 50, 0)


@pytest.mark.parametrize("name", ["gibbs", "annealing"])
def test_dense_kernel_draws_the_law(name, monkeypatch, ising):
    """The dense kernels serve large models; here small ones are sent to them."""
    monkeypatch.setattr("qsklearn.samplers._chains._DENSE_DEGREE", 0)
    monkeypatch.setattr("qsklearn.samplers._chains._DENSE_FRACTION", 0)
    sampler, num_reads = THERMAL[name]
    h, J, _ = make_model("dense", ising)
    for beta in BETAS[:3]:
        law = ising.enumerate(h, J, beta)
        num_sweeps = count_sweeps(name, h, J, beta, None, ising)
        states, energies, _ = sampler.sample_arrays(
            np.stack([h, -h]), J, beta=beta, num_reads=num_reads, seed=8,
            **overrides(name, num_sweeps),
        )  # fmt: skip
        assert ising.p_value(states[0], law) > SIGNIFICANCE
        assert ising.p_value(states[1], ising.enumerate(-h, J, beta)) > SIGNIFICANCE
        np.testing.assert_allclose(energies[1], ising.energies(-h, J, states[1]), atol=1e-9)
