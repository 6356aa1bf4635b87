"""The mock device: structure, ranges, errors, temperature, timing, limits, faults, and its manners.

Stochastic tests have fixed seeds and intervals of 4 sigma where not said otherwise.
"""

import copy
import io
import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import dimod
import dimod.testing
import dwave.graphs
import joblib
import numpy as np
import pytest
import requests
from dwave.cloud.api.exceptions import ResourceLimitsExceededError
from dwave.cloud.exceptions import InvalidProblemError, RequestTimeout, SolverOfflineError
from dwave.preprocessing import SpinReversalTransformComposite
from dwave.system import (
    AutoEmbeddingComposite,
    DWaveCliqueSampler,
    EmbeddingComposite,
    FixedEmbeddingComposite,
    LazyFixedEmbeddingComposite,
    ParallelEmbeddingComposite,
)
from dwave.system.coupling_groups import coupling_groups
from dwave.system.temperatures import (
    fast_effective_temperature,
    maximum_pseudolikelihood_temperature,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from minorminer import find_embedding
from sklearn.base import clone

from qsklearn.samplers import MockQPUSampler, _mock_qpu
from qsklearn.samplers._mock_chip import make_chip
from qsklearn.samplers._mock_errors import misread
from qsklearn.samplers._mock_qpu import _METERS
from qsklearn.samplers._qpu_profiles import PROFILES
from qsklearn.samplers._qpu_timing import largest_num_reads, qpu_timing

CHIMERA = {"topology_type": "chimera", "topology_shape": [2, 2, 4]}
PEGASUS = {"topology_type": "pegasus", "topology_shape": [2]}
ZEPHYR = {"topology_type": "zephyr", "topology_shape": [2, 4]}
TOPOLOGIES = [CHIMERA, PEGASUS, ZEPHYR]
PAIR = {(0, 4): -0.5}


def ideal(topology=CHIMERA, **changes):
    return MockQPUSampler("ideal", **{**topology, "seed": 0, **changes})


def unit_range(device):
    """A model with a bias on every qubit and coupler, far inside all ranges."""
    rng = np.random.default_rng(0)
    return dimod.BinaryQuadraticModel.from_ising(
        {qubit: 0.1 * rng.normal() for qubit in device.nodelist},
        {edge: 0.1 * rng.normal() for edge in device.edgelist},
    )


@pytest.fixture
def programmed(monkeypatch):
    """What the device is made to draw from, call by call; it answers +1 everywhere."""
    calls = []

    def draw(models, beta, *, freeze_out, num_reads, num_sweeps, seed, num_threads):
        calls.append(
            SimpleNamespace(
                h=models.fields[0], J=models.couplings.toarray(), beta=beta, freeze_out=freeze_out
            )
        )
        return np.ones((1, num_reads, models.n_spins), np.int8)

    monkeypatch.setattr(_mock_qpu, "draw_thermal", draw)
    return calls


# --- structure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("profile", ["ideal", "2000q-baseline", "advantage", "advantage2"])
def test_dimods_contract(topology, profile):
    device = MockQPUSampler(profile, **topology)
    dimod.testing.assert_sampler_api(device)
    dimod.testing.assert_structured_api(device)
    # Zephyr's halves are asked of any topology here, too.
    answer = device.sample(unit_range(device), num_reads=2, auto_scale=False, answer_mode="raw")
    dimod.testing.assert_response_energies(answer, unit_range(device), precision=5)
    assert answer.record.sample.shape == (2, len(device.nodelist))


@pytest.mark.parametrize(
    "topology, make",
    [
        (CHIMERA, lambda: dwave.graphs.chimera_graph(2, 2, 4)),
        (PEGASUS, lambda: dwave.graphs.pegasus_graph(2)),
        (ZEPHYR, lambda: dwave.graphs.zephyr_graph(2, 4)),
    ],
)
def test_whole_graphs_and_named_defects(topology, make):
    graph = make()
    device = ideal(topology)
    assert device.nodelist == sorted(graph)
    assert device.edgelist == sorted(tuple(sorted(edge)) for edge in graph.edges)
    assert device.adjacency == {node: set(graph[node]) for node in graph}
    copy = device.to_networkx_graph()
    assert dict(copy.graph) == dict(graph.graph)
    assert set(copy.nodes) == set(graph) and copy.number_of_edges() == graph.number_of_edges()
    with pytest.raises(Exception, match="Frozen graph"):
        copy.remove_node(device.nodelist[0])
    node, (a, b) = device.nodelist[3], device.edgelist[-1]
    broken = ideal(topology, broken_nodes=np.array([node]), broken_edges=[(b, a)])
    assert set(broken.nodelist) == set(graph) - {node}
    gone = {(a, b)} | {edge for edge in device.edgelist if node in edge}
    assert set(broken.edgelist) == set(device.edgelist) - gone
    assert broken.properties["qubits"] == broken.nodelist
    assert broken.properties["couplers"] == broken.edgelist
    assert broken.properties["topology"] == {
        "type": topology["topology_type"],
        "shape": topology["topology_shape"],
    }


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_yields_of_the_profiles(name):
    profile = PROFILES[name]
    device = MockQPUSampler(name)
    assert len(device.nodelist) == profile.n_qubits
    graph = device.to_networkx_graph()
    whole = dwave.graphs.__dict__[f"{profile.topology_type}_graph"](*profile.topology_shape)
    possible = whole.subgraph(graph).number_of_edges()
    assert len(device.edgelist) == round(possible * profile.coupler_yield)
    other = MockQPUSampler(name, chip=1)
    assert len(other.nodelist) == profile.n_qubits
    if profile.n_qubits < len(whole):
        assert other.nodelist != device.nodelist
    assert MockQPUSampler(name).nodelist == device.nodelist


def test_nobody_can_change_a_chip_that_others_share():
    device = ideal()
    device.nodelist.clear()
    device.edgelist.clear()
    for name in ("qubits", "couplers", "anneal_offset_ranges"):
        device.properties[name].clear()
    device.properties["problem_timing_data"].clear()
    device.properties["h_range"][0] = 0
    device.properties["topology"]["shape"].clear()
    device.properties["parameters"].clear()
    device.parameters.clear()
    assert len(ideal().nodelist) == 32
    assert len(ideal().properties["couplers"]) == 80
    assert ideal().properties["topology"]["shape"] == [2, 2, 4]
    assert "num_reads" in ideal().parameters and ideal().properties["parameters"]
    assert ideal().sample_ising({0: -3.0}, {}, auto_scale=False).info["timing"]["qpu_access_time"]


def test_models_off_the_graph_are_refused():
    for device, couplings in (
        (ideal(), {(0, 1): 0.1}),
        (ideal(), {("a", 0): 0.1}),
        (ideal(broken_nodes=[0]), PAIR),
        (ideal(broken_edges=[(0, 4)]), PAIR),
    ):
        with pytest.raises(dimod.exceptions.BinaryQuadraticModelStructureError):
            device.sample_ising({}, couplings)
        assert device not in _METERS
    ideal().sample_ising({}, PAIR)
    with pytest.raises(TypeError, match="must be a dimod.BinaryQuadraticModel"):
        ideal().sample({0: 1})


def test_properties_have_d_waves_names_and_keep_the_temperature_secret():
    device = MockQPUSampler("advantage", device_beta=3.21987, drift=0.123, **PEGASUS)
    properties = device.properties
    assert properties["h_range"] == [-4.0, 4.0]
    assert properties["num_reads_range"] == [1, 10_000]
    assert properties["category"] == "qpu"
    assert "per_qubit_coupling_range" in properties
    assert "3.2198" not in repr(properties) and "0.123" not in repr(properties)
    assert not any("beta" in name or "temperature" in name for name in properties)
    assert "per_group_coupling_range" in MockQPUSampler("advantage2", **ZEPHYR).properties
    assert "per_qubit_coupling_range" not in MockQPUSampler("advantage2", **ZEPHYR).properties
    assert "fast_anneal_time_range" not in MockQPUSampler("2000q-baseline", **CHIMERA).properties


# --- dwave-system on it --------------------------------------------------------------------------

TRIANGLE = dimod.BinaryQuadraticModel.from_ising({"a": -0.3}, {"ab": -0.4, "bc": 0.5, "ac": 0.3})


def fixed(device):
    embedding = find_embedding(list(TRIANGLE.quadratic), device.edgelist, random_seed=0)
    return FixedEmbeddingComposite(device, embedding)


@pytest.mark.parametrize(
    "make",
    [
        EmbeddingComposite,
        AutoEmbeddingComposite,
        LazyFixedEmbeddingComposite,
        fixed,
        lambda device: SpinReversalTransformComposite(fixed(device)),
    ],
)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_composites_find_ground_states(make, topology):
    device = ideal(topology, device_beta=20.0)
    answer = make(device).sample(TRIANGLE, num_reads=50)
    assert set(answer.variables) == set("abc")
    assert answer.record.num_occurrences.sum() == 50
    lowest = dimod.ExactSolver().sample(TRIANGLE).first.energy
    assert answer.first.energy == pytest.approx(lowest)
    dimod.testing.assert_response_energies(answer, TRIANGLE, precision=5)


def test_parallel_embeddings_share_a_call():
    embeddings = [
        {0: [8 * cell], 1: [8 * cell + 4], 2: [8 * cell + 1], 3: [8 * cell + 5]}
        for cell in range(4)
    ]
    device = ideal(device_beta=20.0)
    ring = dimod.BinaryQuadraticModel.from_ising(
        {0: 0.2}, {(0, 1): 1, (1, 2): -1, (2, 3): 1, (0, 3): -1}
    )
    composite = ParallelEmbeddingComposite(device, embeddings=embeddings)
    answer = composite.sample(ring, num_reads=25)
    assert answer.record.num_occurrences.sum() == 4 * 25
    assert _METERS[device].num_calls == 1
    lowest = dimod.ExactSolver().sample(ring).first.energy
    assert answer.first.energy == pytest.approx(lowest)


class CliqueSampler(DWaveCliqueSampler):
    """D-Wave's, which only opens a real processor, on a device that is given."""

    def __init__(self, child):
        self.child = child


@pytest.mark.parametrize("topology, profile", [(CHIMERA, "ideal"), (ZEPHYR, "advantage2")])
def test_clique_sampler(topology, profile):
    device = MockQPUSampler(profile, **topology, seed=0, device_beta=30.0)
    clique = dimod.BinaryQuadraticModel.from_ising(
        {}, {(i, j): 1.0 for i in range(5) for j in range(i)}
    )
    answer = CliqueSampler(device).sample(clique, num_reads=30)
    assert answer.record.num_occurrences.sum() == 30
    assert answer.first.energy == pytest.approx(-2.0)


@pytest.mark.parametrize("device_beta", [2.0, 6.1])
def test_d_waves_estimators_find_the_temperature(device_beta):
    """Means over 16 calls, within 4 of their standard errors. (D-Wave's bootstrap cannot serve: it
    loses its bracket after the first of its samples.)"""
    device = ideal(device_beta=device_beta)
    bqm = unit_range(device)
    fields, models = [], []
    for seed in range(16):
        words = {"seed": seed, "auto_scale": False}
        fields.append(fast_effective_temperature(device, seed=seed, sampler_params=words)[0])
        answer = device.sample(bqm, num_reads=1000, **words)
        models.append(maximum_pseudolikelihood_temperature(bqm, answer)[0])
    for temperatures in (fields, models):
        stderr = np.std(temperatures, ddof=1) / 4
        assert stderr < 0.01 / device_beta
        assert abs(np.mean(temperatures) - 1 / device_beta) < 4 * stderr


def test_all_doors_give_the_energies_of_the_submitted_problem(programmed):
    device = ideal()
    qubo = {(0, 0): 0.4, (4, 4): -0.8, (0, 4): 0.6}
    bqm = dimod.BinaryQuadraticModel.from_qubo(qubo, offset=1.5)
    for answer in (
        device.sample(bqm, num_reads=3, auto_scale=False),
        device.sample_qubo(qubo, num_reads=3, auto_scale=False),
        device.sample(bqm.change_vartype("SPIN", inplace=False), num_reads=3, auto_scale=False),
    ):
        assert answer.record.num_occurrences.sum() == 3
    dimod.testing.assert_response_energies(device.sample(bqm), bqm)
    for call in programmed[:3]:
        np.testing.assert_allclose(call.h, [0.4 / 2 + 0.6 / 4, -0.8 / 2 + 0.6 / 4])
        np.testing.assert_allclose(call.J, [[0, 0.15], [0.15, 0]])


def test_ranges_count_in_ising_form():
    """D-Wave's documented example: no bias of the QUBO exceeds 2, but a field does."""
    device = MockQPUSampler("2000q-baseline", **CHIMERA, broken_nodes=[])
    edges = [(0, 4), (0, 5), (0, 6)]
    qubo = {(0, 0): 2.0, (0, 4): 2.0, (0, 5): 1.5, (0, 6): 2.0}
    assert max(qubo.values()) <= 2.0 and set(edges) < set(device.edgelist)
    with pytest.raises(InvalidProblemError, match="1.188 times too large"):  # 2.375 / 2
        device.sample_qubo(qubo, auto_scale=False)
    device.sample_qubo(qubo)


def test_histograms_and_raw_answers():
    device = ideal()
    arguments = {"num_reads": 200, "auto_scale": False, "seed": 4}
    raw = device.sample_ising({0: 0.1}, {(0, 4): -0.1}, answer_mode="raw", **arguments)
    assert len(raw) == 200 and (raw.record.num_occurrences == 1).all()
    histogram = device.sample_ising({0: 0.1}, {(0, 4): -0.1}, **arguments)
    assert len(histogram) == 4 and histogram.record.num_occurrences.sum() == 200
    assert (np.diff(histogram.record.energy) >= 0).all()
    counted = raw.aggregate().slice(sorted_by="energy")
    np.testing.assert_array_equal(counted.record.sample, histogram.record.sample)
    np.testing.assert_array_equal(counted.record.num_occurrences, histogram.record.num_occurrences)
    assert histogram.info["problem_id"] != raw.info["problem_id"]
    named = device.sample_ising({0: 0.1}, {}, label="mine")
    assert named.info["problem_label"] == "mine" and "problem_label" not in raw.info
    reverse = {"anneal_schedule": [[0, 1], [5, 0.5], [10, 1]], "initial_state": {0: 1}}
    assert len(device.sample_ising({0: 0.1}, {}, num_reads=9, **reverse)) == 9
    assert len(device.sample(dimod.BinaryQuadraticModel("SPIN"), num_reads=4)) <= 4


# --- ranges --------------------------------------------------------------------------------------


def total_by_group(device, couplings):
    graph = device.to_networkx_graph()
    if "per_group_coupling_range" in device.properties:
        groups = [[tuple(sorted(edge)) for edge in group] for group in coupling_groups(graph)]
    else:
        groups = [[tuple(sorted((node, other))) for other in graph[node]] for node in graph]
    return [sum(couplings.get(edge, 0.0) for edge in group) for group in groups]


def documented_factor(device, fields, couplings):
    """What D-Wave's documentation of auto_scale divides a program by."""
    properties = device.properties
    totals = properties.get("per_group_coupling_range") or properties["per_qubit_coupling_range"]
    return max(
        max(value / limits[1], value / limits[0], 0.0)
        for values, limits in (
            (fields.values(), properties["h_range"]),
            (couplings.values(), properties["extended_j_range"]),
            (total_by_group(device, couplings), totals),
        )
        for value in (0.0, *values)
    )


@pytest.mark.parametrize(
    "profile, topology",
    [("2000q-baseline", CHIMERA), ("advantage", PEGASUS), ("advantage2", ZEPHYR)],
)
def test_programs_out_of_range_are_refused_or_scaled(profile, topology, programmed):
    """100 random programs: on the side of a range, of a sum, inside; scaled up or down to fit."""
    clean = replace(PROFILES[profile], h_quantisation=0.0, j_quantisation=0.0)
    device = MockQPUSampler(
        clean, **topology, broken_nodes=[], h_noise=0.0, j_noise=0.0, h_offset=0.0, j_offset=0.0
    )
    rng = np.random.default_rng(5)
    nodes, edges = device.nodelist, device.edgelist
    outcomes = []
    for case in range(100):
        lean = rng.choice([-1.0, 0.0, 1.0])  # of one sign, so that sums exceed first
        size = rng.choice([0.01, 0.4, 0.8, 3.0])
        h = {q: 4 * size * rng.uniform(-1, 1) for q in nodes if rng.random() < 0.5}
        J = {e: size * (lean + 0.3 * rng.normal()) for e in edges if rng.random() < 0.95}
        factor = documented_factor(device, h, J)
        if factor > 1:
            with pytest.raises(InvalidProblemError, match=r"auto_scale=True"):
                device.sample_ising(h, J, auto_scale=False)
        else:
            device.sample_ising(h, J, auto_scale=False)
        outcomes.append(factor > 1)
        answer = device.sample_ising(h, J)  # auto_scale is D-Wave's default
        order = sorted({*h, *(node for edge in J for node in edge)})
        expected = np.array([h.get(node, 0.0) for node in order]) / factor
        np.testing.assert_allclose(programmed[-1].h, expected, rtol=1e-9, atol=1e-12)
        if case % 30 == 0:
            dimod.testing.assert_response_energies(
                answer, dimod.BinaryQuadraticModel.from_ising(h, J), precision=4
            )
    assert 20 < sum(outcomes) < 90


@pytest.mark.parametrize(
    "profile, topology, name",
    [
        ("advantage", PEGASUS, "per_qubit_coupling_range"),
        ("advantage2", ZEPHYR, "per_group_coupling_range"),
    ],
)
def test_sums_bind_by_halves_on_zephyr_and_by_qubits_elsewhere(profile, topology, name):
    """Sums that nothing else limits, a little below and a little above their range."""
    tight = replace(PROFILES[profile], **{name: (-3.0, 2.0)})
    device = MockQPUSampler(tight, **topology, broken_nodes=[])
    node = device.nodelist[0]
    couplings = {tuple(sorted((node, other))): 0.1 for other in device.adjacency[node]}
    for sign, limit in ((1, 2.0), (-1, 3.0)):
        factor = sign * limit / max(total_by_group(device, couplings))
        just = {edge: 0.999 * factor * value for edge, value in couplings.items()}
        assert max(map(abs, just.values())) < 1
        device.sample_ising({}, just, auto_scale=False)
        over = {edge: 1.001 * factor * value for edge, value in couplings.items()}
        with pytest.raises(InvalidProblemError, match="sum of the couplings"):
            device.sample_ising({}, over, auto_scale=False)


def test_programs_of_next_to_nothing_and_of_nothing(programmed):
    device = ideal()
    for size in (0.0, 5e-324, 1e-308, 1e-30):
        device.sample_ising({0: size}, {(0, 4): size})
        assert np.isfinite(programmed[-1].h).all() and np.isfinite(programmed[-1].J).all()
    assert programmed[-1].J[0, 1] == pytest.approx(1.0)
    device.sample_ising({0: 1e90}, {(0, 4): -1e90})
    assert programmed[-1].J[0, 1] == pytest.approx(-2.0)
    for bad in (np.nan, np.inf, 1e200):
        with pytest.raises(ValueError, match="linear biases of the model must be"):
            device.sample_ising({0: bad}, {})


# --- errors --------------------------------------------------------------------------------------


def test_controls_are_rounded_to_their_steps(programmed):
    coarse = replace(PROFILES["ideal"], h_quantisation=0.25, j_quantisation=0.1)
    device = MockQPUSampler(coarse, **CHIMERA)
    device.sample_ising({0: 0.3, 4: -0.1}, {(0, 4): -0.27}, auto_scale=False)
    np.testing.assert_allclose(programmed[0].h, [0.25, 0.0])
    assert programmed[0].J[0, 1] == pytest.approx(-0.3)


def errors_of(calls, h=0.2, J=-0.3):
    fields = np.array([call.h - h for call in calls])
    upper = [call.J[np.triu_indices_from(call.J, 1)] for call in calls]
    couplings = np.array([values[values != 0] - J for values in upper])
    return fields, couplings


def constant(device):
    """0.2 on each qubit, -0.3 on each coupler."""
    return dict.fromkeys(device.nodelist, 0.2), dict.fromkeys(device.edgelist, -0.3)


def assert_normal(values, sigma):
    """Mean and standard deviation of independent errors."""
    values = values.ravel()
    assert abs(values.mean()) < 4 * sigma / np.sqrt(len(values))
    assert abs(values.std() / sigma - 1) < 4 / np.sqrt(2 * len(values))


def test_fresh_noise_is_new_in_each_call(programmed):
    device = ideal(h_noise=0.05, j_noise=0.02)
    for seed in range(60):
        device.sample_ising(*constant(device), auto_scale=False, seed=seed)
    fields, couplings = errors_of(programmed)
    assert_normal(fields, 0.05)
    assert_normal(couplings, 0.02)
    # No part of it stays: means over the calls are as small as those of independent errors.
    assert_normal(fields.mean(axis=0), 0.05 / np.sqrt(60))
    assert_normal(couplings.mean(axis=0), 0.02 / np.sqrt(60))
    device.sample_ising(*constant(device), auto_scale=False, seed=0)
    np.testing.assert_array_equal(programmed[-1].h, programmed[0].h)
    for _ in range(2):
        device.set_params(seed=None).sample_ising(*constant(device), auto_scale=False)
    assert (programmed[-1].h != programmed[-2].h).all()


def test_fresh_noise_is_seen_in_the_magnetisation():
    """Without fields <m²> over calls is <tanh²(β noise)> and the variance of the reads."""
    device = ideal(h_noise=0.1, device_beta=2.0)
    squares = []
    for seed in range(20):
        h = dict.fromkeys(device.nodelist, 0.0)
        answer = device.sample_ising(h, {}, num_reads=500, answer_mode="raw", seed=seed)
        squares.append(answer.record.sample.mean(axis=0) ** 2)
    squares = np.ravel(squares)
    noise = np.random.default_rng(0).normal(size=1_000_000)
    expected = (np.tanh(2.0 * 0.1 * noise) ** 2).mean()
    expected += (1 - expected) / 500
    assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(len(squares))
    assert expected > 10 / 500  # far beyond the reads' own variance


def test_static_offsets_stay_with_the_chip(programmed):
    device = ideal(h_offset=0.05, j_offset=0.02, seed=None)
    other = clone(device).set_params(chip=1)
    for one in (device, device, clone(device), pickle.loads(pickle.dumps(device)), other):
        one.sample_ising(*constant(device), auto_scale=False)
    fields, couplings = errors_of(programmed)
    assert_normal(fields[0], 0.05)
    assert_normal(couplings[0], 0.02)
    for call in (1, 2, 3):
        np.testing.assert_array_equal(fields[call], fields[0])
        np.testing.assert_array_equal(couplings[call], couplings[0])
    assert abs(np.corrcoef(fields[0], fields[4])[0, 1]) < 4 / np.sqrt(len(fields[0]))
    # A part of the program meets the same offsets, in whatever order it comes.
    device.sample_ising({7: 0.2, 2: 0.2}, {(7, 2): -0.3}, auto_scale=False)
    np.testing.assert_allclose(programmed[-1].h - 0.2, fields[0][[2, 7]])
    at = device.edgelist.index((2, 7))
    np.testing.assert_allclose(programmed[-1].J[0, 1] + 0.3, couplings[0][at])


def test_readout_errors_have_the_stated_probability():
    """Of qubits in fields that no draw goes against."""
    for error in (0.02, 0.5):
        device = ideal(readout_error=error, device_beta=20.0)
        h = dict.fromkeys(device.nodelist, -4.0)
        answer = device.sample_ising(h, {}, num_reads=2000, answer_mode="raw")
        wrong = answer.record.sample < 0
        n = wrong.size
        sigma = np.sqrt(error * (1 - error))
        assert abs(wrong.mean() - error) < 4 * sigma / np.sqrt(n)
        # Each qubit and each read alike: spread as binomial numbers.
        for axis in (0, 1):
            counts = wrong.sum(axis=axis)
            z = (counts - error * wrong.shape[axis]) / (sigma * np.sqrt(wrong.shape[axis]))
            assert abs(z.var() - 1) < 4 * np.sqrt(2 / len(z)) + 0.05
    assert (
        ideal(device_beta=20.0).sample_ising({0: -4.0}, {}, num_reads=2000).record.sample > 0
    ).all()


def test_reads_are_wrong_anywhere_and_never_twice():
    states = np.ones((50, 40), np.int8)
    wrong = misread(states.copy(), 0.5, np.random.default_rng(0)) < 0
    assert abs(wrong.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert wrong.any(axis=0).all() and wrong.any(axis=1).all()
    np.testing.assert_array_equal(misread(states.copy(), 0.0, np.random.default_rng(0)), states)
    assert misread(np.ones((3, 0), np.int8), 0.4, np.random.default_rng(0)).shape == (3, 0)


# --- temperature ---------------------------------------------------------------------------------


def betas(device, n_calls, programmed):
    first = len(programmed)
    for _ in range(n_calls):
        device.sample_ising({0: 0.1}, {})
    return np.array([call.beta for call in programmed[first:]])


def test_drift_has_its_size_and_belongs_to_the_chip(programmed):
    short = replace(PROFILES["ideal"], drift_period=20)
    device = MockQPUSampler(short, **CHIMERA, drift=0.1)
    course = betas(device, 600, programmed) / 6.1
    # Three waves of incommensurate periods: over many of them, the standard deviation is theirs.
    assert np.log(course).std() == pytest.approx(0.1, rel=0.05)
    assert abs(np.log(course).mean()) < 0.01
    # It comes and goes: neighbours are alike, and half a period later they are not.
    centred = np.log(course) - np.log(course).mean()
    assert (centred[1:] * centred[:-1]).mean() > 0.4 * 0.01
    np.testing.assert_array_equal(betas(clone(device), 50, programmed) / 6.1, course[:50])
    other = betas(clone(device).set_params(chip=1, seed=3), 50, programmed) / 6.1
    assert np.abs(other - course[:50]).max() > 0.02
    still = betas(device.set_params(drift=0.0), 5, programmed)
    np.testing.assert_array_equal(still, np.full(5, 6.1))


def test_copies_begin_at_call_0_and_calls_leave_the_parameter_object_as_it_was(programmed):
    device = ideal(drift=0.1)
    before = joblib.hash(device)
    course = betas(device, 6, programmed)
    assert joblib.hash(device) == before
    for copied in (pickle.loads(pickle.dumps(device)), copy.deepcopy(device), clone(device)):
        np.testing.assert_array_equal(betas(copied, 3, programmed), course[:3])
    later = betas(device, 2, programmed)
    np.testing.assert_array_equal(later, betas(clone(device), 8, programmed)[6:])


def test_a_specimen_has_a_temperature_of_its_own(programmed):
    profile = replace(PROFILES["advantage"], drift=0.0)
    topology = {"topology_type": "chimera", "topology_shape": [1, 1, 1]}
    got = [
        betas(MockQPUSampler(profile, **topology, chip=chip), 1, programmed)[0]
        for chip in range(200)
    ]
    z = np.log(np.array(got) / profile.device_beta)
    assert_normal(z, profile.device_beta_stderr / profile.device_beta)
    told = MockQPUSampler(profile, **topology, device_beta=3.0)
    np.testing.assert_array_equal(betas(told, 2, programmed), [3.0, 3.0])
    assert betas(MockQPUSampler("ideal", **topology), 1, programmed) == 6.1
    assert programmed[0].freeze_out == 0.25 and programmed[-1].freeze_out == 1.0


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_draws_follow_the_law_of_the_program(topology, ising):
    """Chi-square at 1e-4 of a small program with a chain."""
    device = ideal(topology, device_beta=3.0)
    graph = device.to_networkx_graph()
    nodes = [device.nodelist[0]]
    while len(nodes) < 6:
        nodes.append(min(set(graph[nodes[-1]]) - set(nodes)))
    rng = np.random.default_rng(1)
    h = 0.3 * rng.normal(size=6)
    J = np.zeros((6, 6))
    for k, strength in enumerate((-1.5, -1.5, 0.3, -0.2, 0.1)):
        J[k, k + 1] = J[k + 1, k] = strength
    answer = device.sample_ising(
        dict(zip(nodes, h, strict=True)),
        {(nodes[k], nodes[k + 1]): J[k, k + 1] for k in range(5)},
        num_reads=10_000,
        auto_scale=False,
        answer_mode="raw",
    )
    at = [list(answer.variables).index(node) for node in nodes]
    states = answer.record.sample[:, at]
    assert ising.p_value(states, ising.enumerate(h, J, 3.0)) > 1e-4
    scaled = device.sample_ising(
        dict(zip(nodes, h, strict=True)), {}, num_reads=10_000, answer_mode="raw"
    )
    factor = 4.0 / np.abs(h).max()
    expected = np.tanh(-3.0 * factor * h)
    got = scaled.record.sample[:, [list(scaled.variables).index(node) for node in nodes]]
    sigma = np.sqrt((1 - expected**2) / 10_000)
    assert (np.abs(got.mean(axis=0) - expected) <= 4 * sigma + 1e-3).all()


# --- timing, limits, quota, faults ---------------------------------------------------------------

# Keys of an answer's timing, by D-Wave's documentation (operation_timing.rst).
KEYS = {
    "qpu_sampling_time", "qpu_anneal_time_per_sample", "qpu_readout_time_per_sample",
    "qpu_access_time", "qpu_access_overhead_time", "qpu_programming_time",
    "qpu_delay_time_per_sample", "total_post_processing_time", "post_processing_overhead_time",
}  # fmt: skip
REVERSE = {"anneal_schedule": [[0, 1], [5, 0.5], [10, 1]], "initial_state": {0: 1, 4: -1}}


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize(
    "words",
    [
        {},
        {"num_reads": 100},
        {"annealing_time": 50.0},
        {"anneal_schedule": np.array([[0, 0], [10, 0.5], [30, 0.5], [40, 1]]), "num_reads": 3},
        REVERSE,
        {**REVERSE, "reinitialize_state": False, "num_reads": 7},
        {"programming_thermalization": 20, "readout_thermalization": 30.0},
        {"reduce_intersample_correlation": True, "num_reads": 2},
    ],
)
def test_timing_is_that_of_the_model(profile, words, programmed):
    device = MockQPUSampler(profile, **CHIMERA, broken_nodes=[])
    timing = device.sample_ising({0: 0.1, 4: 0.1}, {}, **words).info["timing"]
    data = PROFILES[profile].problem_timing_data
    expected = qpu_timing(
        data,
        2,
        qpu_access_overhead_time=PROFILES[profile].qpu_access_overhead_time,
        post_processing_time=PROFILES[profile].post_processing_time,
        **{"reinitialize_state": True, **words},
    )
    assert timing == expected
    assert set(timing) == KEYS
    if "annealing_time" in words:
        assert timing["qpu_anneal_time_per_sample"] == 50.0
    if "anneal_schedule" in words:
        assert timing["qpu_anneal_time_per_sample"] == words["anneal_schedule"][-1][0]


def test_fast_anneals_have_their_own_range_and_no_fields(programmed):
    device = ideal(PEGASUS)
    edge = device.edgelist[0]
    fast = {"fast_anneal": True, "annealing_time": 0.01}
    answer = device.sample_ising({}, {edge: 1.0}, **fast)
    assert answer.info["timing"]["qpu_anneal_time_per_sample"] == 0.01
    with pytest.raises(InvalidProblemError, match=r"'annealing_time'.*\[0.5, 2000"):
        device.sample_ising({}, {edge: 1.0}, annealing_time=0.01)
    with pytest.raises(InvalidProblemError, match="must have no fields"):
        device.sample_ising({edge[0]: 0.1}, {edge: 1.0}, **fast)
    with pytest.raises(InvalidProblemError, match="no fast anneal"):
        MockQPUSampler("2000q-baseline", **CHIMERA).sample_ising({}, {}, fast_anneal=True)
    three = [[0, 0], [1, 0.5], [2, 1]]
    with pytest.raises(InvalidProblemError, match="at most 2 points"):
        device.sample_ising({}, {edge: 1.0}, fast_anneal=True, anneal_schedule=three)


REFUSED = [
    *(
        ({"num_reads": bad}, r"'num_reads'.*\[1, 10000\]")
        for bad in (0, -1, 10_001, 1.5, "a", True)
    ),
    *(
        ({"annealing_time": bad}, r"'annealing_time'.*\[0.5, 2000.0\]")
        for bad in (0, 0.4, 2000.1, -1, np.nan, np.inf, "long", [1])
    ),
    *(({"programming_thermalization": bad}, "'programming_therm") for bad in (-1, 10_001, "a")),
    *(({"readout_thermalization": bad}, "'readout_therm") for bad in (-1, 10_001, [])),
    ({"num_reads": 600, "annealing_time": 2000}, "'num_reads'.*at most 49"),
    ({"num_reads": 10_000, "readout_thermalization": 1000}, "'num_reads'.*at most 9"),
    *(
        ({"anneal_schedule": bad}, "'anneal_schedule'.*" + message)
        for bad, message in (
            ("fast", "pairs"),
            ([[0, 0]], "pairs"),
            ([[0, 0], [1]], "pairs"),
            ([[0, 0], [np.nan, 1]], "pairs"),
            ([[1, 0], [20, 1]], "begin at 0 and increase"),
            ([[0, 0], [5, 0.5], [5, 1]], "begin at 0 and increase"),
            ([[0, 0], [20, 0.5]], "end at 1"),
            ([[0, 0.5], [20, 1]], "begin at 0, or in reverse at 1"),
            ([[0, 0], [10, 1.5], [20, 1]], r"in \[0, 1\]"),
            ([[0, 0], [3000, 1]], r"\[0.5, 2000.0\]"),
            ([[0, 0], [10, 0.1], [10.1, 0.9], [20, 1]], "no steeper than 2"),
            ([[t, t / 20] for t in range(21)], "at most 12 points"),
        )
    ),
    ({"anneal_schedule": [[0, 0], [9, 1]], "annealing_time": 9}, "exclude each other"),
    ({"anneal_schedule": REVERSE["anneal_schedule"]}, "'initial_state'.*given"),
    ({"initial_state": [1, 1]}, "'initial_state'.*dict"),
    ({"auto_scale": "no"}, "'auto_scale'.*True or False"),
    ({"reduce_intersample_correlation": 2}, "'reduce_intersample_correlation'.*True or False"),
    ({"answer_mode": "rows"}, "'answer_mode'.*'histogram' or 'raw'"),
    *(({"seed": bad}, "'seed'.*whole number") for bad in (-1, 0.5, "a", np.arange(2))),
    ({"label": 3}, "'label'.*a str"),
]


@pytest.mark.parametrize("words, message", REFUSED)
def test_calls_out_of_range_are_refused_and_not_counted(words, message):
    device = ideal(PEGASUS, quota=1e9)
    with pytest.raises(InvalidProblemError, match=message):
        device.sample_ising({device.nodelist[0]: 0.1}, {}, **words)
    assert vars(device) == device.get_params()  # neither counted nor charged


def test_the_run_duration_counts_the_qubits_that_are_read(programmed):
    device = ideal(PEGASUS)
    times = {"annealing_time": 2000.0}
    few, all_ = (largest_num_reads(device.properties, n, **times) for n in (1, 40))
    assert all_ < few
    h = dict.fromkeys(device.nodelist, 0.1)
    with pytest.raises(InvalidProblemError, match=f"at most {all_}"):
        device.sample_ising(h, {}, num_reads=few, **times)
    device.sample_ising(h, {}, num_reads=all_, **times)
    device.sample_ising({device.nodelist[0]: 0.1}, {}, num_reads=few, **times)


def test_the_quota_is_used_by_answers_only():
    cost = ideal().sample_ising({0: 0.1}, {}).info["timing"]["qpu_access_time"]
    device = ideal(quota=2.5 * cost, faults={1: "timeout", 2: "wrong problem"})
    for attempt in range(3):  # refused ones are free
        with pytest.raises(InvalidProblemError):
            device.sample_ising({0: 9.0 + attempt}, {}, auto_scale=False)
    device.sample_ising({0: 0.1}, {})
    with pytest.raises(RequestTimeout):
        device.sample_ising({0: 0.1}, {})
    device.sample_ising({0: 0.1}, {})
    for _ in range(2):
        with pytest.raises(ResourceLimitsExceededError, match="quota of .* does not cover"):
            device.sample_ising({0: 0.1}, {})
    device.set_params(quota=None).sample_ising({0: 0.1}, {})
    with pytest.raises(ResourceLimitsExceededError):
        clone(device).set_params(quota=0.9 * cost, faults=None).sample_ising({0: 0.1}, {})
    clone(device).set_params(quota=1.1 * cost, faults=None).sample_ising({0: 0.1}, {})


def test_latency_may_be_any_number():
    device = ideal(latency=np.float32(0.01))
    assert len(device.sample_ising({0: 0.1}, {}).record) == 1


def test_latency_is_waited_in_answered_calls():
    device = ideal(latency=0.2)
    started = time.perf_counter()
    device.sample_ising({0: 0.1}, {})
    assert time.perf_counter() - started >= 0.2
    with pytest.raises(ValueError, match="num_read_s"):
        started = time.perf_counter()
        device.sample_ising({0: 0.1}, {}, num_read_s=3)
    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize(
    "fault, error",
    [
        ("timeout", RequestTimeout),
        ("connection", requests.ConnectionError),
        ("offline", SolverOfflineError),
    ],
)
def test_faults_without_an_answer(fault, error):
    device = ideal(faults={1: fault})
    before = device.sample_ising({0: 0.1}, PAIR, num_reads=20)
    with pytest.raises(error, match="a fault that was asked for"):
        device.sample_ising({0: 0.1}, PAIR, num_reads=20)
    after = device.sample_ising({0: 0.1}, PAIR, num_reads=20)
    np.testing.assert_array_equal(before.record, after.record)


def test_faults_of_answers():
    device = ideal(faults={1: "wrong problem", 2: "fewer reads", 3: "fewer reads"})
    variables, counts = [], []
    for num_reads in (20, 20, 20, 1, 20):
        answer = device.sample_ising({0: -1.0}, {}, num_reads=num_reads, auto_scale=False)
        variables.append(list(answer.variables))
        counts.append(int(answer.record.num_occurrences.sum()))
        assert answer.info["timing"]
    assert variables == [[0], [("another", 0)], [0], [0], [0]]
    assert counts == [20, 20, 10, 0, 20]


# --- a parameter object --------------------------------------------------------------------------


def test_parameter_object(programmed):
    profile = replace(PROFILES["advantage"], name="mine", h_range=(-1.0, 1.0))
    device = MockQPUSampler(profile, **CHIMERA, chip=2, seed=5)
    assert clone(device).get_params() == device.get_params()
    assert device.set_params(num_sweeps=7) is device and device.num_sweeps == 7
    with pytest.raises(InvalidProblemError, match=r"h in \[-1.0, 1.0\]"):
        device.sample_ising({device.nodelist[0]: 1.1}, {}, auto_scale=False)
    buffer = io.BytesIO()
    joblib.dump(device, buffer)
    buffer.seek(0)
    for copied in (pickle.loads(pickle.dumps(device)), joblib.load(buffer), clone(device)):
        assert copied.get_params() == device.get_params()
        assert copied.nodelist == device.nodelist
        for one in (copied, device):
            one.sample_ising({device.nodelist[0]: 0.5}, {}, auto_scale=False)
        np.testing.assert_array_equal(programmed[-1].h, programmed[-2].h)
    assert repr(ideal()) == (
        "MockQPUSampler(profile='ideal', seed=0, topology_shape=[2, 2, 4],\n"
        "               topology_type='chimera')"
    )
    assert len("".join(repr(device).split())) < 800  # a profile of one's own is cut short


def test_changed_parameters_are_validated_and_take_effect_after_use():
    device = ideal()
    assert (len(device.nodelist), len(device.sample_ising({0: 0.1}, {}).record)) == (32, 1)
    device.set_params(topology_shape=[1, 1, 4])
    assert len(device.nodelist) == 8
    device.topology_shape = [1, 2, 4]  # as an attribute, and then within it
    assert len(device.nodelist) == 16
    device.topology_shape[1] = 0
    with pytest.raises(ValueError, match="The 'topology_shape' parameter"):
        device.nodelist  # noqa: B018
    device.set_params(topology_shape=[2, 2, 4], num_threads=0)
    for _ in range(2):  # what is wrong stays wrong
        with pytest.raises(ValueError, match="The 'num_threads' parameter"):
            device.nodelist  # noqa: B018
    with pytest.raises(ValueError, match="The 'faults' parameter"):
        device.set_params(num_threads=None, faults={0: "fire"}).sample_ising({0: 0.1}, {})
    assert len(device.set_params(faults=None).nodelist) == 32


def test_parameters_are_validated_once(monkeypatch):
    device, validated = ideal(), []
    monkeypatch.setattr(_mock_qpu, "check_faults", lambda *_: validated.append(1))
    for _ in range(3):
        device.nodelist, device.edgelist, device.properties  # noqa: B018
        device.sample_ising({0: 0.1}, {})
    assert len(validated) == 1
    clone(device).nodelist  # noqa: B018
    device.set_params(seed=1).nodelist  # noqa: B018
    assert len(validated) == 3


def test_a_fault_that_is_put_into_the_dict_after_use_happens_and_is_checked():
    device = ideal(faults={0: "fewer reads"})
    device.sample_ising({0: 0.1}, {}, num_reads=2)
    device.faults[1] = "fire"
    for _ in range(2):  # a refused call is not counted
        with pytest.raises(ValueError, match="The 'faults' parameter .* Got {1: 'fire'} instead"):
            device.sample_ising({0: 0.1}, {})
    device.faults[1] = "timeout"
    with pytest.raises(RequestTimeout):
        device.sample_ising({0: 0.1}, {})
    assert len(device.sample_ising({0: 0.1}, {}).record) == 1


def test_seeds_repeat_draws_for_any_threads():
    answers = [
        ideal(num_threads=threads).sample_ising(
            {0: 0.1}, {(0, 4): -1.0, (1, 4): 0.1}, num_reads=300, auto_scale=False, seed=seed
        )
        for threads, seed in ((1, 3), (2, 3), (7, 3), (1, 4))
    ]
    np.testing.assert_array_equal(answers[0].record, answers[1].record)
    np.testing.assert_array_equal(answers[0].record, answers[2].record)
    assert (answers[0].record.num_occurrences != answers[3].record.num_occurrences).any()


WRONG = {
    "profile": ["adventage", 3, None],
    "topology_type": ["kagome", 1],
    "topology_shape": ["ab", [2], [2, 2], [0, 2, 4], [2.5, 2, 4], 3, [], [[1], [2, 3]]],
    "broken_nodes": ["ab", 3, [0.5], [99], [[0]], [[0], [1, 2]], iter([1])],
    "broken_edges": [
        "ab",
        3,
        [0],
        [(0, 4, 5)],
        [(0, 1)],
        [(0.5, 4)],
        [(0, 4), (1, 2, 3)],
        iter([]),
    ],
    "device_beta": [0.0, -1.0, np.nan, np.inf, "cold"],
    "drift": [-0.1, 1.5, np.nan, True],
    "h_noise": [-0.1, np.nan, np.inf, True],
    "j_noise": [-0.1, "a"],
    "h_offset": [-0.1],
    "j_offset": [-0.1],
    "readout_error": [-0.1, 0.6, np.nan],
    "freeze_out": [0.0, 1.1, np.nan],
    "chip": [-1, 0.5, None, True],
    "latency": [-1.0, np.inf, 1e300],
    "quota": [-1.0, np.nan, True, np.False_],
    "faults": ["timeout", {0: "fire"}, {-1: "timeout"}, {0.5: "timeout"}, {0: ["timeout"]}],
    "num_sweeps": [0, 1.5, None],
    "seed": [-1, 0.5, np.arange(2), "a"],
    "num_threads": [0, 1.5, "all", True],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused_by_name(name):
    assert set(WRONG) == set(MockQPUSampler().get_params())
    for bad in WRONG[name]:
        device = MockQPUSampler("ideal", **CHIMERA).set_params(**{name: bad})
        message = f"The '{name}' parameter of MockQPUSampler must (be|map)"
        with pytest.raises(ValueError, match=message):
            device.sample_ising({0: 0.1}, {})
        with pytest.raises(ValueError, match=message):
            device.nodelist  # noqa: B018
        assert device not in _METERS


def test_a_shape_is_needed_for_another_topology():
    with pytest.raises(ValueError, match="'topology_shape' parameter of .* must be given with"):
        MockQPUSampler("ideal", topology_type="zephyr").sample_ising({}, {})
    assert len(MockQPUSampler("ideal", topology_type="zephyr", topology_shape=[1]).nodelist) == 48
    assert len(MockQPUSampler("ideal", topology_shape=np.array([3])).nodelist) == 128


def test_words_that_are_unknown_or_not_modelled():
    with pytest.raises(
        ValueError, match="'num_read' is not a parameter .* Did you mean 'num_reads'?"
    ):
        ideal().sample_ising({0: 0.1}, {}, num_read=3)
    with pytest.warns(UserWarning, match="does not model 'flux_biases'") as caught:
        ideal().sample(dimod.BinaryQuadraticModel({0: 0.1}, {}, "SPIN"), flux_biases=[0.0] * 32)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ideal().sample_ising({0: 0.1}, {}, flux_biases=None, label=None, warnings="ignore")
    assert set(ideal().parameters) >= {"num_reads", "auto_scale", "annealing_time", "seed"}


def test_two_threads_may_use_one_device():
    device = ideal(drift=0.1, quota=1e9, num_threads=1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda seed: device.sample_ising({0: 0.1}, PAIR, num_reads=30, seed=seed), range(40)
            )
        )
    assert _METERS[device].num_calls == 40
    used = sum(answer.info["timing"]["qpu_access_time"] for answer in answers)
    assert _METERS[device].access_time == pytest.approx(used)
    assert all(answer.record.num_occurrences.sum() == 30 for answer in answers)


def test_chips_are_made_once():
    arguments = ("chimera", [2, 2, 4], 1.0, 1.0, None, None, 0)
    assert make_chip(*arguments) is make_chip(*arguments)
    assert make_chip(*arguments[:-1], 1) is not make_chip(*arguments)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3000),
    st.sampled_from([10**9, 2**64, "histogram", "raw", "x", object(), (), [[0, 0], [20, 1]]]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.lists(st.lists(st.floats(-1, 30), min_size=2, max_size=2), max_size=4),
    st.dictionaries(st.integers(0, 8), st.sampled_from([-1, 1]), max_size=3),
)
WORDS = [
    "num_reads", "answer_mode", "auto_scale", "annealing_time", "anneal_schedule", "fast_anneal",
    "initial_state", "programming_thermalization", "readout_thermalization", "label",
    "reduce_intersample_correlation", "reinitialize_state", "seed", "warnings", "flux_biases",
    "anneal_offsets", "h_gain_schedule", "flux_drift_compensation",
]  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    words=st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=4),
    h=st.dictionaries(st.integers(0, 8), st.floats(allow_nan=True, width=64), max_size=3),
    J=st.floats(allow_nan=True),
)
def test_whatever_is_said_draws_or_is_refused(words, h, J):
    device = ideal(num_sweeps=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="MockQPUSampler does not model")
        try:
            answer = device.sample_ising(h, {(0, 4): J}, **words)
        except ValueError as error:  # InvalidProblemError is one
            assert isinstance(error, InvalidProblemError) or "must be" in str(error)
        except dimod.exceptions.BinaryQuadraticModelStructureError:
            pytest.fail("all of 0 to 8 are on the graph")
        else:
            num_reads = words.get("num_reads")
            expected = 1 if num_reads is None else num_reads
            assert answer.record.num_occurrences.sum() == expected
            assert np.isin(answer.record.sample, [-1, 1]).all()


def test_couplers_that_are_programmed_with_0_have_their_errors():
    """The offset of a coupler without a coupling shows in the correlation of its qubits."""
    device = ideal(j_offset=0.2, num_threads=1)
    pairs = device.edgelist[:40:10]
    answer = device.sample_ising({}, dict.fromkeys(pairs, 0.0), num_reads=10_000, auto_scale=False)
    for a, b in pairs:
        found = np.average(
            answer.samples()[:, [a, b]].prod(axis=1), weights=answer.record.num_occurrences
        )
        offset = 0.2 * device._chip().coupler_errors[a, b]
        assert abs(found + np.tanh(6.1 * offset)) < 4 / np.sqrt(10_000)
