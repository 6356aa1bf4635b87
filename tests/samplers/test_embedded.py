"""EmbeddedSampler: a device of fixed structure as a sampler of any model.

Laws are tested against enumeration on a device without errors whose inverse temperature is known:
programmed with E / beta, it draws exp(-E). Each chi-square test has a fixed seed.
"""

import copy
import itertools
import os
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import dimod
import dimod.testing
import joblib
import networkx
import numpy as np
import pytest
from dwave.cloud.exceptions import RequestTimeout
from dwave.system import FixedEmbeddingComposite
from dwave.system.testing import MockDWaveSampler
from scipy.stats import binom
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from qsklearn.neural_network import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    EmbeddedSampler,
    EmbeddingError,
    GibbsSampler,
    MockQPUSampler,
    StaticOffsets,
    find_embedding,
    working_graph,
)
from qsklearn.samplers import _embedding_cache as cache
from qsklearn.samplers._check import check_sampler

SIGNIFICANCE = 1e-4
BETA = 2.0
TRIANGLE = {("a", "b"): -0.3, ("b", "c"): 0.4, ("a", "c"): -0.5}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_memory", cache.OrderedDict())
    monkeypatch.setattr(cache, "_counts", dict.fromkeys(cache._counts, 0))


def make_device(topology="chimera", profile="ideal", **parameters):
    shape = {"chimera": [4, 4, 4], "pegasus": [3], "zephyr": [2]}[topology]
    given = {"device_beta": BETA, **parameters}
    return MockQPUSampler(profile, topology_type=topology, topology_shape=shape, **given)


def make_sampler(**parameters):
    return EmbeddedSampler(make_device(), **{"seed": 1, **parameters})


def make_model(name, ising):
    """Fields, couplings, one-hot unit."""
    rng = np.random.default_rng(11)
    one_hot = None
    if name == "triangle":
        J = ising.symmetric(3, rng) * 0.6
    elif name == "K5":
        J = ising.symmetric(5, rng) * 0.4
    elif name == "K7":
        J = ising.symmetric(7, rng) * 0.3
    elif name == "biclique":
        J = ising.bipartite(3, 4, rng)
    elif name == "star":
        J = np.zeros((9, 9))
        J[0, 1:] = J[1:, 0] = rng.normal(size=8) * 0.5
    elif name == "isolated spins":
        J = np.zeros((5, 5))
        J[1, 3] = J[3, 1] = -0.7
    elif name == "one-hot":
        J = np.zeros((6, 6))
        J[:3, 3:] = rng.normal(size=(3, 3)) * 0.5
        J, one_hot = J + J.T, (0, 3)
    return rng.normal(size=len(J)) * 0.4, J, one_hot


MODELS = ("triangle", "K5", "K7", "biclique", "star", "isolated spins", "one-hot")


# --- law ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["chimera", "pegasus", "zephyr"])
@pytest.mark.parametrize("name", MODELS)
def test_draws_the_law_at_the_devices_temperature(name, topology, ising):
    h, J, one_hot = make_model(name, ising)
    # A penalty makes barriers, over which the simulated device takes its time.
    num_sweeps = 100 if one_hot is None else 300
    sampler = EmbeddedSampler(make_device(topology, num_sweeps=num_sweeps), seed=3)
    states, energies, info = sampler.sample_arrays(
        h / BETA, J / BETA, beta=1.0, num_reads=10_000, one_hot=one_hot
    )
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.0, one_hot)) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]) / BETA, atol=1e-12)
    assert (info["scale"], info["clipped_fraction"]) == (1.0, 0.0)
    assert abs(info["beta_eff"] - BETA) < 4 * info["beta_eff_stderr"]


def test_long_chains_draw_the_law(ising):
    """Chains of 4 and 8 qubits, given."""
    device = make_device()
    graph = device.to_networkx_graph()
    # Vertical qubit 0 of three cells of a column, and horizontal ones of the first three rows.
    chains = {"a": [0, 32, 64, 96], "b": [4, 12, 20, 28], "c": [68, 76, 1, 5]}
    chains["c"] = [1, 33, 5, 13, 21, 29, 37, 45]
    assert all(networkx.is_connected(graph.subgraph(chain)) for chain in chains.values())
    fields = {"a": 0.3 / BETA, "b": -0.2 / BETA, "c": 0.1 / BETA}
    couplings = {pair: value / BETA for pair, value in TRIANGLE.items()}
    sampler = EmbeddedSampler(device, embedding=chains, seed=5)
    answer = sampler.sample_ising(fields, couplings, beta=1.0, num_reads=10_000)
    states = answer.record.sample[:, [answer.variables.index(label) for label in "abc"]]
    J = np.array([[0.0, -0.3, -0.5], [-0.3, 0.0, 0.4], [-0.5, 0.4, 0.0]])
    law = ising.enumerate(np.array([0.3, -0.2, 0.1]), J, 1.0)
    assert answer.info["max_chain_length"] == 8
    assert ising.p_value(states, law) > SIGNIFICANCE


def test_beta_multiplies_the_energies(ising):
    h, J, _ = make_model("triangle", ising)
    states, _, info = make_sampler().sample_arrays(h, J, beta=0.4, num_reads=10_000)
    assert ising.p_value(states[0], ising.enumerate(h, J, 0.4 * BETA)) > SIGNIFICANCE
    assert abs(info["beta_eff"] - BETA) < 4 * info["beta_eff_stderr"]  # relative to 0.4 E


def test_beta_of_zero_draws_uniformly(ising):
    h, J, _ = make_model("triangle", ising)
    states, _, info = make_sampler().sample_arrays(h, J, beta=0.0, num_reads=4000)
    assert ising.p_value(states[0], ising.enumerate(h, J, 0.0)) > SIGNIFICANCE
    assert np.isnan(info["beta_eff"])


@pytest.mark.parametrize("gauges", [0, 5])
@pytest.mark.parametrize("n_models", [1, 3, 30])
def test_families_share_calls_and_draw_each_models_law(n_models, gauges, ising):
    rng = np.random.default_rng(2)
    J = ising.symmetric(4, rng) * 0.4
    h = rng.normal(size=(n_models, 4)) * 0.5
    sampler = make_sampler(max_parallel=12, num_spin_reversal_transforms=gauges)
    num_reads = 3000
    states, _, info = sampler.sample_arrays(h / BETA, J / BETA, beta=1.0, num_reads=num_reads)
    for model in range(n_models):
        assert ising.p_value(states[model], ising.enumerate(h[model], J, 1.0)) > SIGNIFICANCE
    assert info["num_parallel"] == min(n_models, 12)
    assert info["num_calls"] == -(-n_models // 12) * max(gauges, 1)


def test_one_by_one_draws_the_same_law(ising):
    h, J, _ = make_model("K5", ising)
    sampler = make_sampler(max_parallel=1)
    states, _, info = sampler.sample_arrays(np.stack([h, -h]) / BETA, J / BETA, beta=1.0,
                                            num_reads=3000)  # fmt: skip
    assert (info["num_parallel"], info["num_calls"]) == (1, 2)
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.0)) > SIGNIFICANCE
    assert ising.p_value(states[1], ising.enumerate(-h, J, 1.0)) > SIGNIFICANCE


def test_groups_draw_each_models_law(ising):
    rng = np.random.default_rng(5)
    h = rng.normal(size=(5, 4)) * 0.5
    J = np.stack([ising.symmetric(4, rng) * 0.4, ising.bipartite(2, 2, rng) * 0.5])
    groups = [1, 0, 1, 0, 1]
    states, energies, _ = make_sampler().sample_arrays(
        h / BETA, J / BETA, groups=groups, beta=1.0, num_reads=3000
    )
    for m, group in enumerate(groups):
        assert ising.p_value(states[m], ising.enumerate(h[m], J[group], 1.0)) > SIGNIFICANCE
        np.testing.assert_allclose(energies[m] * BETA, ising.energies(h[m], J[group], states[m]))


def test_keep_returns_those_spins_of_the_same_draws(ising):
    h, J, _ = make_model("biclique", ising)
    arguments = {"beta": 1.0, "num_reads": 50}
    states, energies, _ = make_sampler().sample_arrays(h, J, **arguments)
    some, some_energies, _ = make_sampler().sample_arrays(h, J, keep=[5, 0], **arguments)
    np.testing.assert_array_equal(some, states[:, :, [5, 0]])
    np.testing.assert_array_equal(some_energies, energies)


def test_one_hot_of_many_states(ising):
    """A unit of 8, whose penalty has to be weakened to fit."""
    rng = np.random.default_rng(3)
    J = np.zeros((10, 10))
    J[:8, 8:] = rng.normal(size=(8, 2)) * 0.6
    J += J.T
    h = rng.normal(size=10)
    sampler = EmbeddedSampler(make_device("pegasus", num_sweeps=200), seed=3)
    states, _, info = sampler.sample_arrays(h / BETA, J / BETA, beta=1.0, num_reads=4000,
                                            one_hot=(0, 8))  # fmt: skip
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.0, (0, 8))) > SIGNIFICANCE
    assert info["clipped_fraction"] == 0.0
    assert abs(info["beta_eff"] - BETA) < 4 * info["beta_eff_stderr"]


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_sample_draws_the_law_of_a_bqm(vartype, ising):
    h, J, _ = make_model("triangle", ising)
    bqm = dimod.BinaryQuadraticModel(h / BETA, J / 2 / BETA, 7.5, "SPIN")
    labels = [("x", 1), "y", 3]
    bqm.relabel_variables(dict(enumerate(labels)))
    bqm.change_vartype(vartype, inplace=True)
    answer = make_sampler().sample(bqm, beta=1.0, num_reads=10_000)
    assert answer.vartype is bqm.vartype
    np.testing.assert_allclose(answer.record.energy, bqm.energies(answer), atol=1e-9)
    drawn = answer.change_vartype("SPIN", inplace=False)
    columns = [drawn.variables.index(label) for label in labels]
    assert ising.p_value(drawn.record.sample[:, columns], ising.enumerate(h, J, 1.0)) > SIGNIFICANCE


# --- gauges ---------------------------------------------------------------------------------------


def test_gauges_average_static_offsets_out():
    """Strong offsets of h bias single spins; over 200 gauges of 20 reads little is left.

    A gauge leaves tanh(beta δ) with a random sign, so the mean over gauges has a deviation of
    tanh / sqrt(200) beside that of 4000 reads: 4 sigma.
    """
    device = make_device(h_offset=0.3)
    sampler = EmbeddedSampler(device, seed=1, num_reads=4000)
    fields, couplings = np.zeros((1, 20)), np.zeros((20, 20))
    plain, _, _ = sampler.sample_arrays(fields, couplings, beta=1.0)
    biases = plain[0].mean(axis=0)
    assert np.abs(biases).max() > 0.7
    sampler.set_params(num_spin_reversal_transforms=200)
    turned, _, info = sampler.sample_arrays(fields, couplings, beta=1.0)
    deviations = np.sqrt(biases**2 / 200 + 1 / 4000)
    assert info["num_calls"] == 200
    assert (np.abs(turned[0].mean(axis=0)) < 4 * deviations).all()


def test_known_offsets_are_compensated(ising):
    device = make_device(h_offset=0.3)
    qubits = device.nodelist[:6]
    magnetisations = EmbeddedSampler(device, num_reads=20_000, seed=0).sample_ising(
        dict.fromkeys(qubits, 0.0), {}, beta=1.0
    )
    measured = {
        qubit: float(-np.arctanh(magnetisations.record.sample[:, at].mean()) / BETA)
        for at, qubit in enumerate(magnetisations.variables)
    }
    assert max(map(abs, measured.values())) > 0.3
    sampler = EmbeddedSampler(device, offsets=StaticOffsets(measured, {}, {}, {}, 0, 0), seed=1)
    answer = sampler.sample_ising(dict.fromkeys(qubits, 0.0), {}, beta=1.0, num_reads=4000)
    assert np.abs(answer.record.sample.mean(axis=0)).max() < 5 / np.sqrt(4000)


# --- ranges ---------------------------------------------------------------------------------------


def test_what_fits_is_neither_scaled_nor_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = make_sampler().sample_ising({"a": 1.0}, TRIANGLE, beta=1.0)
    assert (answer.info["scale"], answer.info["clipped_fraction"]) == (1.0, 0.0)


def test_thermal_draws_are_clipped_with_a_warning(ising):
    """Fields of 8 where 4 is the most, one coupling of two: half of the biases is wrong."""
    h, J = np.array([8.0, 0.0]), np.array([[0.0, -0.5], [-0.5, 0.0]])
    sampler = EmbeddedSampler(make_device(device_beta=0.3), seed=2)
    with pytest.warns(RuntimeWarning, match=r"moved biases to the edge.*scaling='scale'"):
        states, _, info = sampler.sample_arrays(h, J, beta=1.0, num_reads=10_000)
    assert (info["scale"], info["clipped_fraction"]) == (1.0, 0.5)
    law = ising.enumerate(np.array([4.0, 0.0]), J, 0.3)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    assert abs(info["beta_eff"] - 0.3) < 4 * info["beta_eff_stderr"]


def test_scaled_draws_are_hotter_by_the_scale(ising):
    h, J = np.array([8.0, 0.0]), np.array([[0.0, -0.5], [-0.5, 0.0]])
    sampler = EmbeddedSampler(make_device(device_beta=0.3), scaling="scale", seed=2)
    states, _, info = sampler.sample_arrays(h, J, beta=1.0, num_reads=10_000)
    assert (info["scale"], info["clipped_fraction"]) == (0.5, 0.0)
    assert ising.p_value(states[0], ising.enumerate(h, J, 0.15)) > SIGNIFICANCE
    assert abs(info["beta_eff"] - 0.15) < 4 * info["beta_eff_stderr"]
    assert info["beta_eff"] == 0.5 * info["beta_eff_device"]
    assert info["beta_eff_stderr"] == 0.5 * info["beta_eff_device_stderr"]


def test_raise_refuses():
    sampler = make_sampler(scaling="raise")
    with pytest.raises(ValueError, match=r"scaling='raise'. Got biases that are 2 times too large"):
        sampler.sample_ising({"a": 8.0}, {}, beta=1.0)
    assert sampler.sample_ising({"a": 8.0}, {}, beta=0.5).info["scale"] == 1.0


def test_a_search_fills_the_ranges_and_finds_the_ground_state(ising):
    rng = np.random.default_rng(0)
    J = ising.symmetric(8, rng) * 0.01
    h = rng.normal(size=8) * 0.01
    states, energies, info = make_sampler().sample_arrays(h, J, num_reads=100)
    assert info["beta"] is None and "beta_eff" not in info and info["scale"] > 1
    assert energies.min() == pytest.approx(ising.enumerate(h, J, 1.0).energies.min())
    assert make_sampler(scaling="clip").sample_arrays(h, J)[2]["scale"] == 1.0
    assert make_sampler(scaling="raise").sample_arrays(h, J)[2]["scale"] == 1.0
    assert make_sampler(chain_strength=1.0).sample_ising({"a": 8.0}, {}).info["scale"] == 0.5


@pytest.mark.parametrize("gauges", [0, 2])
@pytest.mark.parametrize(
    "topology, profile",
    [("chimera", "2000q-baseline"), ("pegasus", "advantage"), ("zephyr", "advantage2")],
)
def test_the_device_never_refuses(topology, profile, gauges):
    rng = np.random.default_rng(4)
    device = make_device(topology, profile, device_beta=None, num_sweeps=2)
    if profile == "advantage2":
        assert "per_group_coupling_range" in device.properties
    sampler = EmbeddedSampler(device, num_reads=2, num_spin_reversal_transforms=gauges, seed=0)
    problems = [list(itertools.combinations(range(n), 2)) for n in (3, 6, 9)]
    problems += [[(0, ray) for ray in range(1, 25)], []]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for attempt in range(60):
            pairs = problems[attempt % len(problems)]
            n_spins = max(itertools.chain(*pairs), default=2) + 1
            sign = rng.choice([-1.0, 1.0, 0.0])
            values = (rng.normal(size=len(pairs)) + 3 * sign) * 10 ** rng.uniform(-2, 2)
            J = np.zeros((n_spins, n_spins))
            for (i, j), value in zip(pairs, values, strict=True):
                J[i, j] = J[j, i] = value
            h = rng.normal(size=(1, n_spins)) * 10 ** rng.uniform(-2, 2)
            scaling = ("clip", "scale")[attempt % 2]
            for beta in (1.0, None):
                _, _, info = sampler.sample_arrays(h, J, beta=beta, scaling=scaling)
                assert info["scale"] > 0 and 0 <= info["clipped_fraction"] <= 1


@pytest.mark.parametrize(
    "strength, expected",
    [
        (None, 2.0),
        (1.25, 1.25),
        ("scaled", 0.5),
        # 1.414 sqrt(mean of squares) sqrt(mean degree)
        ("uniform_torque_compensation", 1.414 * np.sqrt((0.09 + 0.16 + 0.25) / 3) * np.sqrt(2)),
        (lambda bqm, embedding: 0.1 * len(embedding) + bqm.get_quadratic(0, 1), 0.3 - 0.3 + 0.0),
    ],
    ids=["None", "number", "scaled", "torque", "callable"],
)
def test_chain_strengths_are_recorded(strength, expected):
    info = make_sampler(chain_strength=strength).sample_ising({}, TRIANGLE, beta=1.0).info
    assert info["chain_strength"] == pytest.approx(expected, abs=1e-12)


def test_too_strong_chains_are_refused_or_scaled():
    with pytest.raises(ValueError, match=r"'chain_strength'.*Got 2.5.*scaling='scale'"):
        make_sampler(chain_strength=2.5).sample_ising({}, TRIANGLE, beta=1.0)
    sampler = make_sampler(chain_strength=2.5, scaling="scale")
    info = sampler.sample_ising({}, TRIANGLE, beta=1.0).info
    assert info["scale"] == pytest.approx(0.8) and info["chain_strength"] == pytest.approx(2.0)


# --- native problems ------------------------------------------------------------------------------


class Spy(dimod.Sampler, dimod.Structured):
    """Passes on to a device, and remembers what it was asked."""

    parameters = properties = nodelist = edgelist = None

    def __init__(self, device):
        self.device = device
        self.parameters, self.properties = device.parameters, device.properties
        self.nodelist, self.edgelist = device.nodelist, device.edgelist
        self.asked = []

    def to_networkx_graph(self):
        return self.device.to_networkx_graph()

    def sample(self, bqm, **parameters):
        self.asked.append((bqm.copy(), parameters))
        return self.device.sample(bqm, **parameters)


def test_sums_by_halves_are_those_of_a_zephyr_that_says_so():
    told = Spy(make_device("zephyr", profile="advantage2"))
    assert np.isfinite(EmbeddedSampler(told)._ranges().total_couplings).all()
    untold = Spy(told.device)
    untold.to_networkx_graph = lambda: networkx.Graph(told.device.edgelist)
    ranges = EmbeddedSampler(untold)._ranges()
    assert np.isinf(ranges.total_couplings).all() and not ranges.by_halves
    assert ranges.couplings == EmbeddedSampler(told)._ranges().couplings


def test_native_models_are_programmed_unchanged():
    spy = Spy(make_device())
    bqm = dimod.BinaryQuadraticModel({5: 0.5, 0: -0.25, 127: 0.0}, {(0, 5): -0.75}, 0.0, "SPIN")
    answer = EmbeddedSampler(spy).sample(bqm, beta=1.0)
    ((programmed, arguments),) = spy.asked
    assert programmed == bqm
    assert arguments["auto_scale"] is False
    assert answer.info["max_chain_length"] == 1
    assert cache.embedding_counts()["computed"] == 0


def test_labels_that_are_others_qubits_do_not_confuse():
    """A triangle on 0, 4 and 1 is not native, though 0-4 is a coupler: its chains are others."""
    answer = make_sampler().sample_ising(
        {0: 5.0, 4: -5.0, 1: 5.0}, {(0, 4): 0.1, (1, 4): 0.1, (0, 1): 0.1}, beta=0.8
    )
    assert answer.first.sample == {0: -1, 4: 1, 1: -1}


# --- reads ----------------------------------------------------------------------------------------


def test_many_reads_are_split():
    answer = make_sampler().sample_ising({0: 0.1}, {}, beta=1.0, num_reads=10_003)
    assert len(answer) == 10_003 and answer.info["num_calls"] == 2
    slow = make_sampler(params={"annealing_time": 1000.0}).sample_ising(
        {0: 0.1}, {}, num_reads=1001
    )
    assert len(slow) == 1001 and slow.info["num_calls"] == 2


def test_lost_reads_are_drawn_again(ising):
    h, J, _ = make_model("triangle", ising)
    device = make_device(faults={0: "fewer reads", 1: "fewer reads"})
    states, _, info = EmbeddedSampler(device, seed=1).sample_arrays(
        h / BETA, J / BETA, beta=1.0, num_reads=5000
    )
    assert states.shape == (1, 5000, 3) and info["num_calls"] > 1
    assert ising.p_value(states[0], ising.enumerate(h, J, 1.0)) > SIGNIFICANCE


def test_faults_of_the_device():
    with pytest.raises(RuntimeError, match="must return a value for each"):
        EmbeddedSampler(make_device(faults={0: "wrong problem"})).sample_ising({}, TRIANGLE)
    with pytest.raises(RequestTimeout):
        EmbeddedSampler(make_device(faults={0: "timeout"})).sample_ising({}, TRIANGLE)
    with pytest.raises(OSError, match="dropped"):
        EmbeddedSampler(make_device(faults={0: "connection"})).sample_ising({}, TRIANGLE)


def test_discarded_reads_are_drawn_again():
    """Weak chains break often; what is left are the draws in which none did."""
    sampler = make_sampler(chain_strength=0.2, chain_break_method="discard")
    answer = sampler.sample_ising({}, TRIANGLE, beta=1.0, num_reads=300)
    assert len(answer) == 300
    assert answer.info["chain_break_fraction"] > 0.1 and answer.info["num_calls"] > 1


class Breaker(Spy):
    """All chains break: it gives neighbouring qubits opposite spins."""

    def sample(self, bqm, num_reads=1, **parameters):
        graph = self.device.to_networkx_graph()
        side = [1 if q % 8 < 4 else -1 for q in bqm.variables]
        assert graph is not None
        return dimod.SampleSet.from_samples_bqm(
            (np.tile(side, (num_reads, 1)), list(bqm.variables)), bqm
        )


def test_a_device_that_always_breaks_is_given_up():
    sampler = EmbeddedSampler(Breaker(make_device()), chain_break_method="discard", num_reads=5)
    with pytest.raises(RuntimeError, match=r"got 0 usable reads, where 5.*stronger 'chain_str"):
        sampler.sample_ising({}, TRIANGLE, beta=1.0)


def test_a_search_takes_what_an_enumerator_gives():
    device = make_device()
    child = dimod.StructureComposite(dimod.ExactSolver(), device.nodelist, device.edgelist)
    answer = EmbeddedSampler(child).sample_ising({}, TRIANGLE, num_reads=200)
    assert len(answer) == 200 and answer.info["num_calls"] == 1
    assert answer.first.energy == pytest.approx(-0.6)


# --- temperature ----------------------------------------------------------------------------------


def count_hits(method, n_calls, ising):
    """Calls whose estimate is within 3 standard errors of the device's."""
    rng = np.random.default_rng(8)
    hits = 0
    for seed in range(n_calls):
        beta = float(rng.uniform(2.0, 5.0))
        h = rng.normal(size=(3, 5)) * 0.4 / beta
        J = ising.symmetric(5, rng) * 0.4 / beta
        sampler = EmbeddedSampler(
            make_device(device_beta=beta), temperature_method=method, seed=seed, max_parallel=3
        )
        _, _, info = sampler.sample_arrays(h, J, beta=1.0, num_reads=200)
        hits += abs(info["beta_eff"] - beta) < 3 * info["beta_eff_stderr"]
    return hits


@pytest.mark.parametrize("method", ["pseudo-likelihood", "moment-matching"])
def test_temperature_is_within_three_errors(method, ising):
    """At least 95 % of calls; a law of 95 % gives fewer than this in one of 10 000 runs."""
    assert count_hits(method, 60, ising) >= binom.ppf(1e-4, 60, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pseudo-likelihood", "moment-matching"])
def test_temperature_is_within_three_errors_in_95_percent_of_200_calls(method, ising):
    assert count_hits(method, 200, ising) >= 190


def test_no_beta_is_declared_and_the_prior_is_told():
    sampler = make_sampler()
    assert "beta" not in sampler.parameters
    assert {"num_reads", "seed", "scaling", "annealing_time"} <= set(sampler.parameters)
    mean, deviation = EmbeddedSampler(MockQPUSampler("advantage")).properties["beta_eff_prior"]
    assert mean > deviation > 0
    assert "beta_eff_prior" not in EmbeddedSampler(MockDWaveSampler()).properties


def test_a_childs_own_beta_is_the_devices_temperature(ising):
    h, J, _ = make_model("star", ising)
    device = make_device()
    child = dimod.StructureComposite(GibbsSampler(num_sweeps=300), device.nodelist, device.edgelist)
    sampler = EmbeddedSampler(child, {"beta": BETA}, num_reads=2000, seed=1)
    assert "beta" not in sampler.parameters
    info = sampler.sample_arrays(h / BETA, J / BETA, beta=1.0)[2]
    assert abs(info["beta_eff"] - BETA) < 4 * info["beta_eff_stderr"] < 0.5


# --- use of embeddings ----------------------------------------------------------------------------


def test_one_embedding_for_many_calls_and_clones():
    sampler = make_sampler()
    ids = set()
    for beta in (0.5, 1.0, 2.0):
        ids.add(sampler.sample_ising({"a": beta}, TRIANGLE, beta=beta).info["embedding_id"])
        ids.add(clone(sampler).sample_ising({}, TRIANGLE).info["embedding_id"])
    assert len(ids) == 1
    assert cache.embedding_counts()["computed"] == 1


def test_another_working_graph_gets_another_embedding():
    sampler = make_sampler()
    before = sampler.sample_ising({}, TRIANGLE, beta=1.0).info["embedding_id"]
    broken = sampler._arrangement[1][0].chains[0]
    sampler.set_params(sampler__broken_nodes=list(broken))
    after = sampler.sample_ising({}, TRIANGLE, beta=1.0).info["embedding_id"]
    assert after != before and cache.embedding_counts()["computed"] == 2
    sampler.set_params(sampler__broken_nodes=None)
    assert sampler.sample_ising({}, TRIANGLE, beta=1.0).info["embedding_id"] == before
    assert cache.embedding_counts()["computed"] == 2


def test_given_chains_are_used_and_checked():
    spy = Spy(make_device())
    chains = {"a": [0, 4], "b": (1, 5), "c": [6], "unused": [9]}
    sampler = EmbeddedSampler(spy, embedding=chains)
    sampler.sample_ising({}, {"ab": 0.1, "bc": 0.2}, beta=1.0)
    assert set(spy.asked[0][0].variables) == {0, 4, 1, 5, 6}
    sampler.set_params(embedding={"a": [0, 1], "b": [5], "c": [6]})
    with pytest.raises(EmbeddingError, match="not connected"):
        sampler.sample_ising({}, {"ab": 0.1}, beta=1.0)
    with pytest.raises(EmbeddingError, match=r"must have a chain for each variable.*'z'"):
        sampler.sample_ising({"z": 1.0}, {}, beta=1.0)
    sampler.set_params(embedding=[[0, 4], [1, 5]])
    with pytest.raises(ValueError, match="'embedding' parameter of EmbeddedSampler must be"):
        sampler.sample_ising({}, {"ab": 0.1}, beta=1.0)


def test_what_does_not_fit_is_told_with_sizes_and_advice():
    pairs = dict.fromkeys(itertools.combinations(range(20), 2), 0.1)
    with pytest.raises(EmbeddingError) as caught:
        make_sampler().sample_ising({}, pairs, beta=1.0)
    text = str(caught.value)
    assert "20 spins and 190 edges" in text and "128 qubits" in text
    assert "largest clique has 16" in text and "'gibbs'" in text


def test_a_large_family_is_native_where_it_can_be():
    device = make_device()
    rng = np.random.default_rng(0)
    J = np.zeros((128, 128))
    for a, b in device.edgelist:
        J[a, b] = J[b, a] = 0.1 * rng.normal()
    _, _, info = EmbeddedSampler(device, seed=1).sample_arrays(np.zeros((2, 128)), J, beta=1.0)
    assert info["max_chain_length"] == 1 and info["num_calls"] == 2


# --- parameter object -----------------------------------------------------------------------------


def test_parameters_reach_the_device():
    sampler = make_sampler()
    assert sampler.get_params()["sampler__device_beta"] == BETA
    sampler.set_params(sampler__device_beta=0.7, scaling="raise")
    assert sampler.sampler.device_beta == 0.7
    assert len(repr(EmbeddedSampler(MockQPUSampler()))) < 60


def test_clone_copies_our_device_and_keeps_a_foreign_one():
    ours = make_sampler(params={"annealing_time": 5.0})
    cloned = clone(ours)
    assert cloned.sampler is not ours.sampler
    assert cloned.sampler.get_params() == ours.sampler.get_params()
    assert cloned.params == ours.params and cloned.params is not ours.params
    foreign = MockDWaveSampler(topology_type="chimera", topology_shape=[2, 2, 4])
    assert clone(EmbeddedSampler(foreign)).sampler is foreign


def test_the_constructor_only_stores():
    sampler = EmbeddedSampler("no sampler", num_reads=-1, scaling=None, embedding_method=3)
    assert clone(sampler).get_params() == sampler.get_params()


def fixed():
    return FixedEmbeddingComposite(make_device(), {0: [0], 1: [4], 2: [1, 5]})


@pytest.mark.parametrize("make_child", [make_device, fixed])
@pytest.mark.parametrize("tool", [pickle, cloudpickle, "joblib", "deepcopy"])
def test_round_trips(tool, make_child, tmp_path):
    sampler = EmbeddedSampler(make_child(), seed=4)
    pairs = {(0, 1): -0.1, (1, 2): 0.2, (0, 2): 0.1}
    expected = sampler.sample_ising({}, pairs, beta=1.0)
    if tool == "joblib":
        joblib.dump(sampler, tmp_path / "sampler")
        loaded = joblib.load(tmp_path / "sampler")
    elif tool == "deepcopy":
        loaded = copy.deepcopy(sampler)
    else:
        loaded = tool.loads(tool.dumps(sampler))
    assert type(loaded.sampler) is type(sampler.sampler)
    answer = loaded.sample_ising({}, pairs, beta=1.0)
    np.testing.assert_array_equal(answer.record.sample, expected.record.sample)


def test_a_composite_that_embeds_is_a_device_too():
    """Its graph is what it embedded: a triangle."""
    answer = EmbeddedSampler(fixed(), seed=1).sample_ising(
        {}, {(0, 1): -0.1, (1, 2): 0.2, (0, 2): 0.1}, beta=1.0, num_reads=2000
    )
    assert answer.info["max_chain_length"] == 1
    assert abs(answer.info["beta_eff"] - BETA) < 4 * answer.info["beta_eff_stderr"]


@pytest.mark.parametrize(
    "parameters, text",
    [
        ({"num_reads": 0}, "'num_reads' parameter of EmbeddedSampler must be"),
        ({"scaling": "auto_scale"}, "'scaling' parameter"),
        ({"chain_strength": 0}, "'chain_strength' parameter"),
        ({"chain_strength": "strong"}, "'chain_strength' parameter"),
        ({"chain_strength": lambda: 0}, "'chain_strength' parameter of EmbeddedSampler .* of two"),
        (
            {"chain_strength": lambda bqm, embedding: "a"},
            "'chain_strength' parameter of EmbeddedSampler .* Got one that returns 'a' instead",
        ),
        ({"chain_strength": lambda bqm, embedding: np.nan}, "Got one that returns nan instead"),
        ({"params": {"anneal_schedule": np.array([1, 2])}}, "'anneal_schedule' parameter .*pairs"),
        ({"chain_break_method": "none"}, "'chain_break_method' parameter"),
        ({"num_spin_reversal_transforms": -1}, "'num_spin_reversal_transforms' parameter"),
        ({"embedding_method": "magic"}, "'embedding_method' parameter"),
        ({"max_parallel": 0}, "'max_parallel' parameter"),
        ({"temperature_method": "guess"}, "'temperature_method' parameter"),
        ({"offsets": 0.1}, "'offsets' parameter of EmbeddedSampler must be StaticOffsets"),
        ({"params": {"num_reads": 5}}, "device must not have"),
        ({"params": ["num_reads"]}, "'params' parameter"),
        ({"seed": -1}, "'seed' parameter"),
        ({"sampler": "mock-dwave"}, "'sampler' parameter of EmbeddedSampler must be a structured"),
        ({"sampler": dimod.ExactSolver()}, "'sampler' parameter of EmbeddedSampler must be a str"),
        ({"sampler": MockQPUSampler}, "'sampler' parameter of EmbeddedSampler must be a struct"),
        ({"embedding_method": "native"}, "not native"),
    ],
)
def test_wrong_parameters_are_refused(parameters, text):
    with pytest.raises(ValueError, match=text):
        make_sampler().set_params(**parameters).sample_ising({}, TRIANGLE, beta=1.0)


@pytest.mark.parametrize("beta", [-1.0, np.nan, np.inf, "hot"])
def test_wrong_betas_are_refused(beta):
    with pytest.raises(ValueError, match="'beta' parameter of EmbeddedSampler must be"):
        make_sampler().sample_ising({}, TRIANGLE, beta=beta)


def test_words_of_calls():
    spy = Spy(make_device())
    sampler = EmbeddedSampler(spy, {"annealing_time": 5.0})
    sampler.sample_ising({}, TRIANGLE, label="a call", num_reads=3)
    assert spy.asked[-1][1]["label"] == "a call" and spy.asked[-1][1]["annealing_time"] == 5.0
    sampler.sample_ising({}, TRIANGLE, annealing_time=7.0)
    assert spy.asked[-1][1]["annealing_time"] == 7.0
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="num_sweps"):
        sampler.sample_ising({}, TRIANGLE, num_sweps=7)
    sampler.set_params(params={"anneal": 3})
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="anneal"):
        sampler.sample_ising({}, TRIANGLE)
    assert "anneal" not in spy.asked[-1][1]
    with pytest.raises(ValueError, match="takes no 'clamped'"):
        sampler.sample_ising({}, TRIANGLE, clamped=["a"])


def test_it_is_a_dimod_sampler():
    dimod.testing.assert_sampler_api(make_sampler())


def test_check_sampler_embeds_structured_ones():
    assert isinstance(check_sampler("mock-dwave"), EmbeddedSampler)
    device = MockDWaveSampler(topology_type="chimera", topology_shape=[2, 2, 4])
    assert check_sampler(device).sampler is device
    assert isinstance(check_sampler(make_device()), EmbeddedSampler)


def test_an_optimiser_finds_ground_states():
    device = MockDWaveSampler(
        topology_type="chimera", topology_shape=[2, 2, 4], parameter_warnings=False
    )
    answer = EmbeddedSampler(device).sample_ising({}, TRIANGLE)
    assert answer.first.energy == pytest.approx(-0.6)


@pytest.mark.parametrize(
    "bqm",
    [
        dimod.BinaryQuadraticModel("SPIN"),
        dimod.BinaryQuadraticModel({"a": 0.5}, {}, 0.0, "SPIN"),
        dimod.BinaryQuadraticModel({"a": 0.5, 3: 0.1, ("t", 1): 0.0, 2.5: 0}, {}, 1.0, "BINARY"),
        dimod.BinaryQuadraticModel({}, {("a", 3): 0.5, (("t",), "b"): -0.1}, 0.0, "BINARY"),
    ],
    ids=["empty", "one spin", "no couplings", "mixed labels"],
)
def test_odd_models(bqm):
    for beta in (1.0, None):
        answer = make_sampler().sample(bqm, beta=beta, num_reads=7)
        assert len(answer) == 7 and set(answer.variables) == set(bqm.variables)
        np.testing.assert_allclose(answer.record.energy, bqm.energies(answer))


def test_no_models_at_all():
    states, energies, _ = make_sampler().sample_arrays(np.empty((0, 3)), np.zeros((3, 3)), beta=1)
    assert states.shape == (0, 100, 3) and energies.shape == (0, 100)


def test_seeds_are_reproducible():
    draws = [
        make_sampler(num_spin_reversal_transforms=3, chain_break_method="weighted_random")
        .sample_ising({}, TRIANGLE, beta=1.0, seed=seed)
        .record.sample
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_threads_share_a_sampler(ising):
    sampler = make_sampler(num_reads=50)
    models = [make_model(name, ising)[:2] for name in ("triangle", "K5", "star") * 4]

    def draw(model):
        return sampler.sample_arrays(*model, beta=1.0)[0]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw, models))
    for states, model in zip(together, models, strict=True):
        np.testing.assert_array_equal(states, draw(model))


def test_a_family_of_a_thousand_stars():
    rng = np.random.default_rng(0)
    J = np.zeros((65, 65))
    J[0, 1:] = J[1:, 0] = rng.normal(size=64) * 0.05
    device = MockQPUSampler("ideal", num_sweeps=2, device_beta=BETA)
    states, _, info = EmbeddedSampler(device, num_reads=10, seed=0).sample_arrays(
        rng.normal(size=(1000, 65)) * 0.1, J, beta=1.0
    )
    assert states.shape == (1000, 10, 65)
    assert info["num_calls"] == -(-1000 // info["num_parallel"]) < 40


# --- in an estimator ------------------------------------------------------------------------------


def make_data():
    rng = np.random.default_rng(0)
    X = rng.choice([0.0, 1.0], (60, 6))
    return X, (X[:, 0] + X[:, 1] > X[:, 2] + 0.5).astype(int)


def make_classifier(sampler, **parameters):
    # From weights that tell a temperature.
    given = {"n_hidden": 4, "max_iter": 4, "num_reads": 50, "weight_scale": 1.0, "random_state": 0}
    return QuantumSampledMLPClassifier(sampler=sampler, beta_eff="auto", **{**given, **parameters})


def test_a_classifier_trains_on_the_mock():
    X, y = make_data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = make_classifier("mock-dwave", predict_with="ebm").fit(X, y)
    assert isinstance(fitted.sampler_, EmbeddedSampler)
    report = fitted.sampling_report(X)
    assert {"scale", "clipped_fraction", "chain_break_fraction"} <= set(report)
    assert report["clipped_fraction"] == 0.0 and report["scale"] == 1.0
    assert fitted.predict(X).shape == y.shape


def count_in_grid_search(n_jobs, folder):
    """Embeddings computed by 3 x 3 fits, by process."""
    X, y = make_data()
    sampler = EmbeddedSampler(make_device(), seed=0)
    search = GridSearchCV(
        make_classifier(sampler, max_iter=1, batch_size=10), {"learning_rate_init": [0.01, 0.1, 1]},
        cv=3, n_jobs=n_jobs, scoring=CountingScorer(folder), error_score="raise",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no convergence, and a trial in ignorance of the device
        search.fit(X, y)
    return {file.name: int(file.read_text()) for file in folder.glob("count-*")}


class CountingScorer:
    """Writes how many embeddings its process has computed."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, estimator, X, y):
        count = cache.embedding_counts()["computed"]
        (self.folder / f"count-{os.getpid()}").write_text(str(count))
        return estimator.score(X, y)


def test_a_grid_search_computes_one_embedding(tmp_path):
    assert list(count_in_grid_search(1, tmp_path).values()) == [1]


@pytest.mark.slow
def test_processes_of_a_grid_search_compute_one_embedding(tmp_path):
    """cloudpickle takes this module's classes with it to the workers."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    counts = count_in_grid_search(2, tmp_path)
    assert sum(counts.values()) == 1 and len(counts) >= 1


@pytest.mark.parametrize("name", ["auto_scale", "answer_mode", "initial_state", "num_reads"])
def test_arguments_of_the_device_that_would_spoil_the_draws_are_refused(name):
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4])
    with pytest.raises(ValueError, match=f"device must not have '{name}'"):
        EmbeddedSampler(device, {name: 1}).sample_ising({0: 0.1}, {}, beta=1.0)
    if name != "num_reads":
        with pytest.raises(ValueError, match=f"device must not have '{name}'"):
            EmbeddedSampler(device).sample_ising({0: 0.1}, {}, beta=1.0, **{name: 1})


def test_an_answer_to_another_problem_is_the_devices_failure():
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[2, 2, 4], faults={0: "wrong problem"}
    )
    with pytest.raises(RuntimeError, match="must return a value for each of the 1 variables"):
        EmbeddedSampler(device).sample_ising({0: 0.1}, {}, beta=1.0)


def test_an_embedding_that_was_found_is_taken():
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4])
    found = find_embedding(3, [(0, 1), (1, 2), (0, 2)], working_graph(device), seed=3)
    triangle = {("a", "b"): -0.1, ("b", "c"): 0.1, ("a", "c"): 0.1}
    answer = EmbeddedSampler(device, embedding=found).sample_ising({}, triangle, beta=1.0)
    assert answer.info["embedding_id"] == found.embedding_id
    with pytest.raises(EmbeddingError, match="Got none for 'd'"):
        EmbeddedSampler(device, embedding=found).sample_ising({"d": 1.0}, triangle, beta=1.0)
