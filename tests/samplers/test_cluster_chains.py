"""Draws of a device's law, against exact enumeration; with chains that freeze, step by step.

Chi-square tests have fixed seeds and a significance of 1e-4.
"""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit

from qsklearn.samplers import _cluster_chains
from qsklearn.samplers._cluster_chains import draw_reversed, draw_thermal
from qsklearn.samplers._kernel_arrays import order_of_updates
from qsklearn.samplers._mock_reverse_anneal import Stretch
from qsklearn.samplers._models import SpinModels

SIGNIFICANCE = 1e-4
NUM_READS = 20_000


def as_models(h, J):
    return SpinModels(np.atleast_2d(np.asarray(h, float)), scipy.sparse.csr_array(J))


def draw(h, J, beta, freeze_out=1.0, num_reads=NUM_READS, num_sweeps=60, seed=5, num_threads=1):
    return draw_thermal(
        as_models(h, J), beta, freeze_out=freeze_out, num_reads=num_reads, num_sweeps=num_sweeps,
        seed=seed, num_threads=num_threads,
    )  # fmt: skip


def make_model(name, ising):
    """Models that mix in 60 sweeps at β up to 6, by clusters or without a need for them."""
    rng = np.random.default_rng(8)
    h = rng.normal(size=7) * 0.3
    chain = np.zeros((7, 7))
    chain[range(3), range(1, 4)] = -1.0
    if name == "chain with fields":
        J = chain
    elif name == "chain of both signs":
        J = chain * np.array([1, -1, 1, 1, 1, 1, 1])[:, np.newaxis]
        h = h * 0.2  # stronger ones make states with a broken bond, which take long to reach
    elif name == "two chains, weakly coupled":
        J = chain.copy()
        J[4, 5] = J[5, 6] = 1.0
        J[1, 5], J[0, 6] = 0.15, -0.1
    elif name == "star on a chain":
        J = chain.copy()
        J[0, 4], J[2, 5], J[3, 6] = 0.2, -0.3, 0.1
    elif name == "frustrated ring":
        J = chain.copy()
        J[0, 3] = 1.0
        h = h * 0.2
    elif name == "weak":
        J = 0.05 * np.triu(ising.symmetric(7, rng), 1)
    elif name == "none":
        J = np.zeros((7, 7))
    return h, J + J.T


NAMES = (
    "chain with fields",
    "chain of both signs",
    "two chains, weakly coupled",
    "star on a chain",
    "frustrated ring",
    "weak",
    "none",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beta", [0.2, 1.5, 6.0])
def test_law(name, beta, ising):
    h, J = make_model(name, ising)
    states = draw(h, J, beta)
    assert states.shape == (1, NUM_READS, 7)
    assert states.dtype == np.int8
    assert ising.p_value(states[0], ising.enumerate(h, J, beta)) > SIGNIFICANCE


def test_law_does_not_depend_on_what_counts_as_a_bond(ising, monkeypatch):
    rng = np.random.default_rng(4)
    h, J = rng.normal(size=5) * 0.5, ising.symmetric(5, rng)
    for bond in (0.0, 0.5, 1e9):
        monkeypatch.setattr(_cluster_chains, "_BOND", bond)
        states = draw(h, J, 0.8)
        assert ising.p_value(states[0], ising.enumerate(h, J, 0.8)) > SIGNIFICANCE


def test_one_spin_none_and_no_reads():
    up = (draw([0.4], [[0.0]], 2.0)[0] > 0).mean()
    expected = expit(-2 * 2.0 * 0.4)
    assert abs(up - expected) < 4 * np.sqrt(expected * (1 - expected) / NUM_READS)
    for freeze_out in (1.0, 0.5):
        assert draw([], np.zeros((0, 0)), 2.0, freeze_out, num_reads=3).shape == (1, 3, 0)


@pytest.mark.parametrize("num_sweeps", [1, 2, 3])
def test_few_sweeps_are_those_that_end_at_the_temperature(num_sweeps):
    """A spin without neighbours is drawn anew in each sweep, so that its last one decides."""
    states = draw([0.4, 0.0, 0.0], np.array([[0, 0, 0], [0, 0, -9], [0, -9, 0]]), 2.0,
                  num_sweeps=num_sweeps)  # fmt: skip
    expected = expit(-2 * 2.0 * 0.4)
    up = (states[0, :, 0] > 0).mean()
    assert abs(up - expected) < 4 * np.sqrt(expected * (1 - expected) / NUM_READS)


def test_each_model_of_a_family_has_its_law(ising):
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=(3, 4)) * 0.4, ising.symmetric(4, rng)
    states = draw(h, J, 1.2)
    for model in range(3):
        law = ising.enumerate(h[model], J, 1.2)
        assert ising.p_value(states[model], law) > SIGNIFICANCE
    assert ising.p_value(states[0], ising.enumerate(h[1], J, 1.2)) < 1e-6


@pytest.mark.parametrize("freeze_out", [1.0, 0.4])
@pytest.mark.parametrize("name", ["star on a chain", "weak"])
def test_draws_depend_on_the_seed_and_not_on_threads(name, freeze_out, ising):
    h, J = make_model(name, ising)
    runs = [draw(h, J, 6.0, freeze_out, 1000, num_threads=threads) for threads in (1, 2, 5)]
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])
    assert (runs[0] != draw(h, J, 6.0, freeze_out, 1000, seed=6)).any()
    unseeded = [draw(h, J, 6.0, freeze_out, 200, seed=None) for _ in range(2)]
    assert (unseeded[0] != unseeded[1]).any()


def test_biases_of_any_size_end_in_states(ising):
    for size in (1e-30, 1e8, 1e30):
        h, J = make_model("star on a chain", ising)
        for freeze_out in (1.0, 0.5):
            states = draw(size * h, size * J, 5.0, freeze_out, 200)
            assert np.isin(states, [-1, 1]).all()


# --- chains that freeze --------------------------------------------------------------------------


def propagate(probabilities, h, J, order, betas, states):
    """The law after heat-bath sweeps of single spins, state by state."""
    index = {tuple(state): at for at, state in enumerate(states.tolist())}
    for beta in betas:
        for i in order:
            field = h[i] + states @ J[i]
            turned = states.copy()
            turned[:, i] *= -1
            partner = np.array([index[tuple(state)] for state in turned.tolist()])
            both = probabilities + probabilities[partner]
            probabilities = both * expit(-2 * beta * field * states[:, i])
    return probabilities


@pytest.mark.parametrize("freeze_out", [0.6, 0.25])
def test_frozen_chains_have_the_law_of_the_whole_course(freeze_out, ising):
    """The law at the frozen β, carried through the sweeps of single spins by their matrices."""
    beta, num_sweeps = 6.0, 40
    h, J = make_model("star on a chain", ising)
    h = h * 0.2
    law = ising.enumerate(h, J, freeze_out * beta)
    betas = [
        *np.linspace(freeze_out * beta, beta, num_sweeps // 2, endpoint=False),
        *[beta] * (num_sweeps // 2),
    ]
    order = order_of_updates(as_models(h, J))
    law.probabilities = propagate(law.probabilities, h, J, order, betas, law.states)
    # The first part begins at random, so that it takes its time to the frozen law.
    states = draw(h, J, beta, freeze_out, num_reads=50_000, num_sweeps=num_sweeps)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    for other in (beta, freeze_out * beta):
        assert ising.p_value(states[0], ising.enumerate(h, J, other)) < 1e-6


def test_chains_keep_the_warm_direction_and_single_spins_go_on_to_the_cold():
    """In the limit of unbreakable chains: P(chain) at the frozen β, P(spin | chain) at β."""
    beta, freeze_out = 6.0, 0.25
    h = np.array([0.08, 0.02, 0.06, 0.1])
    J = np.zeros((4, 4))
    J[0, 1] = J[1, 2] = -8.0
    J[2, 3] = 0.15
    states = draw(h, J + J.T, beta, freeze_out, num_reads=50_000)[0]
    chain, spin = states[:, 0], states[:, 3]
    assert (states[:, :3] == chain[:, np.newaxis]).all()
    frozen = freeze_out * beta
    # The chain's weight, summed over the spin.
    weights = {
        c: np.exp(-frozen * c * h[:3].sum()) * np.cosh(frozen * (h[3] + 0.15 * c)) for c in (1, -1)
    }
    expected = weights[1] / sum(weights.values())
    sigma = np.sqrt(expected * (1 - expected) / len(states))
    assert abs((chain > 0).mean() - expected) < 4 * sigma
    assert 0.1 < expected < 0.9
    for c in (1, -1):
        given = spin[chain == c] > 0
        expected = expit(-2 * beta * (h[3] + 0.15 * c))
        assert abs(given.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / len(given))


def test_what_has_no_bonds_does_not_freeze(ising):
    h, J = make_model("weak", ising)
    states = draw(h, J, 6.0, 0.25)
    assert ising.p_value(states[0], ising.enumerate(h, J, 6.0)) > SIGNIFICANCE
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.5)) < 1e-6


def test_the_law_does_not_jump_where_a_coupling_becomes_a_bond(monkeypatch):
    """A chain below and above: the same direction but for 2 % (its mixing), and 4 sigma."""
    h, J = np.array([0.05, 0.05, 0.05]), np.zeros((3, 3))
    J[0, 1] = J[1, 2] = -1.0
    ups = []
    for bond in (0.5, 10.0):
        monkeypatch.setattr(_cluster_chains, "_BOND", bond)
        states = draw(h, J + J.T, 5.0, 0.2, num_reads=50_000, num_sweeps=100)[0]
        ups.append((states[:, 1] > 0).mean())
    assert abs(ups[0] - ups[1]) < 4 * np.sqrt(2 * 0.25 / 50_000) + 0.02


def test_ctrl_c_is_raised(monkeypatch):
    original = _cluster_chains.Watch.__init__

    def pressed(self, *arguments):
        original(self, *arguments)
        self.interrupt("KeyboardInterrupt")

    monkeypatch.setattr(_cluster_chains.Watch, "__init__", pressed)
    for size in (9.0, 0.01):
        with pytest.raises(KeyboardInterrupt):
            draw([0.0, 0.0], size * np.array([[0, -1], [-1, 0]]), 1.0, 0.5)
    with pytest.raises(KeyboardInterrupt):
        draw_reversed(
            as_models([0.0, 0.0], np.zeros((2, 2))), 1.0, [Stretch(np.ones(5), False)],
            np.ones((1, 3, 2), np.int8), freeze_out=1.0, goes_on=False, seed=0, num_threads=1,
        )  # fmt: skip


@pytest.mark.parametrize("beta", [2.8, 3.0, 6.1])
def test_frustrated_couplings_of_more_and_less_than_a_temperature(beta, ising):
    """A clique of ±0.35 on chains of 2: beta |J| is below 1, above 1, and far above it.

    500 sweeps, because this does not mix in the default 100: 20 000 reads after those fail the
    test at 1e-10, by a total variation of about 1 %.
    """
    rng = np.random.default_rng(3)
    logical = np.triu(rng.choice([-0.35, 0.35], (8, 8)), 1)
    h, J = np.repeat(rng.normal(0, 0.2, 8), 2), np.zeros((16, 16))
    for a, b in zip(*np.nonzero(logical), strict=True):
        J[2 * a + b % 2, 2 * b + a % 2] = logical[a, b]
    J[np.arange(0, 16, 2), np.arange(1, 16, 2)] = -2.0
    J += J.T
    couplings = scipy.sparse.csr_array(J)
    states = draw_thermal(
        SpinModels(h[np.newaxis], couplings), beta, freeze_out=1.0, num_reads=5_000,
        num_sweeps=500, seed=1, num_threads=1,
    )[0]  # fmt: skip
    law = ising.enumerate(h.reshape(8, 2).sum(axis=1), logical + logical.T, beta)
    whole = (states[:, ::2] == states[:, 1::2]).all(axis=1)
    assert whole.mean() > 0.99
    assert ising.p_value(states[whole][:, ::2], law) > 1e-4
