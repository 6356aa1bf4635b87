"""RecordedSampler: exact answers from a file, found by what was asked, without the sampler."""

import copy
import itertools
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import dimod
import dimod.testing
import numpy as np
import pytest
import scipy.sparse
from dwave.samplers import SimulatedAnnealingSampler as DWaveAnnealer
from dwave.system import EmbeddingComposite
from dwave.system.testing import MockDWaveSampler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_validate

from qsklearn import QuantumSampledMLPClassifier, SpinGlassAnnealedNetwork
from qsklearn._recordings import RecordingStore
from qsklearn.samplers import (
    Budget,
    DimodSampler,
    DWaveQPUSampler,
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    MockQPUSampler,
    RecordedSampler,
    RecordingError,
    SimulatedAnnealingSampler,
    UncoupledComposite,
    check_sampler,
    working_graph,
)
from qsklearn.samplers._own_parameters import own_parameters

MODEL = {0: 0.3, 4: -0.1}, {(0, 4): -0.5, (0, 5): 0.2}


def make_device(**parameters):
    given = {"topology_type": "chimera", "topology_shape": [2, 2, 4], **parameters}
    return MockQPUSampler("ideal", **given)


class Refusing(dimod.Sampler):
    """Whatever is asked of it fails, as without a connection."""

    def _refuse(self, *_, **__):
        raise AssertionError("it was asked")

    properties = parameters = property(_refuse)
    nodelist = edgelist = property(_refuse)
    sample = sample_ising = sample_qubo = _refuse


class Counting(dimod.Sampler):
    """Draws at random by a generator of its own, declares no seed, and counts its calls."""

    parameters = {"num_reads": [], "label": [], "api_token": [], "state": []}
    properties = {"chip_id": "noise-1", "category": "test"}

    def __init__(self, **changes):
        self.rng = np.random.default_rng(5)
        self.num_calls = 0
        self.changes = changes

    def sample(self, bqm, num_reads=4, **_):
        self.num_calls += 1
        states = self.rng.choice([-1, 1], (num_reads, len(bqm.variables))).astype(np.int8)
        if bqm.vartype is dimod.BINARY:
            states = (states + 1) // 2
        found = dimod.SampleSet.from_samples_bqm((states, list(bqm.variables)), bqm)
        vectors = {"chain_break_fraction": self.rng.random(num_reads), **self.changes}
        return dimod.append_data_vectors(found, **vectors)


def identical(one, other):
    """Whether two SampleSets are the same in all but that one was given back."""
    info = {name: value for name, value in other.info.items() if name != "replayed"}
    first = {name: value for name, value in one.info.items() if name != "replayed"}
    return (
        one.record.dtype == other.record.dtype
        and one.record.tobytes() == other.record.tobytes()
        and list(one.variables) == list(other.variables)
        and list(map(type, one.variables)) == list(map(type, other.variables))
        and one.vartype is other.vartype
        and first == info
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.recording"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


# --- SampleSets come back exactly -----------------------------------------------------------------

LABELS = st.one_of(
    st.integers(-5, 50), st.text(max_size=3), st.tuples(st.integers(0, 3), st.text(max_size=2))
)


class Telling(dimod.Sampler):
    """Answers what it was given."""

    parameters: dict = {}
    properties: dict = {}

    def __init__(self, answer):
        self.answer = answer

    def sample(self, bqm):
        return self.answer


@st.composite
def answers(draw):
    """A model, and a SampleSet of its variables in any order, with any vectors."""
    labels = draw(st.lists(LABELS, min_size=1, max_size=6, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    vartype = draw(st.sampled_from(["SPIN", "BINARY"]))
    bqm = dimod.BinaryQuadraticModel(vartype)
    for label in labels:
        bqm.add_variable(label, rng.normal())
    for a, b in itertools.combinations(labels, 2):
        if rng.random() < 0.5:
            bqm.add_quadratic(a, b, rng.normal())
    bqm.offset = rng.normal()
    n_rows = draw(st.integers(0, 20))
    low = -1 if vartype == "SPIN" else 0
    dtype = draw(st.sampled_from([np.int8, np.int32, np.float32]))
    states = rng.choice([low, 1], (n_rows, len(labels))).astype(dtype)
    order = draw(st.permutations(labels))
    energies = bqm.energies((states, order)) if n_rows else np.empty(0)
    energies = draw(st.sampled_from([energies, energies + rng.normal(size=n_rows)]))
    energies = energies.astype(draw(st.sampled_from([np.float64, np.float32])))
    vectors = {
        "chain_break_fraction": rng.random(n_rows),
        "pair": rng.integers(9, size=(n_rows, 2)),
    }
    counts = draw(st.sampled_from([None, rng.integers(1, 9, n_rows)]))
    info = {
        "timing": {"qpu_access_time": float(rng.random())},
        "list": [1, None, "x"],
        "nan": 1e300,
    }
    samples = dimod.SampleSet.from_samples(
        (states, order), energy=energies, vartype=vartype, num_occurrences=counts, info=info,
        sort_labels=False, **draw(st.sampled_from([{}, vectors])),
    )  # fmt: skip
    return bqm, samples


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers())
def test_any_answer_comes_back_bit_for_bit(tmp_path_factory, answer):
    bqm, samples = answer
    path = tmp_path_factory.mktemp("any") / "calls"
    first = RecordedSampler(Telling(samples), path).sample(bqm)
    assert identical(samples, first) and "replayed" not in first.info
    again = RecordedSampler(None, path, "replay").sample(bqm)
    assert identical(samples, again) and again.info["replayed"] is True


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("answer_mode", ["raw", "histogram"])
def test_a_devices_answer_comes_back(vartype, answer_mode, path):
    device = make_device(seed=0)
    bqm = dimod.BinaryQuadraticModel(*MODEL, 0.7, "SPIN").change_vartype(vartype, inplace=False)
    words = {"num_reads": 30, "answer_mode": answer_mode, "auto_scale": False}
    direct = device.sample(bqm, **words)
    recorded = RecordedSampler(device, path).sample(bqm, **words)
    again = RecordedSampler(None, path, "replay").sample(bqm, **words)
    assert recorded.record.tobytes() == direct.record.tobytes()
    assert identical(recorded, again)
    assert again.info["timing"] == recorded.info["timing"] != {}


def test_answers_of_another_vartype_and_values_that_are_no_bits(path):
    bqm = dimod.BinaryQuadraticModel(*MODEL, "SPIN")
    odd = dimod.SampleSet.from_samples(
        (np.array([[7, 1, 0]], np.int16), [4, 0, 5]), energy=[np.nan], vartype="BINARY"
    )
    RecordedSampler(Telling(odd), path).sample(bqm)
    again = RecordedSampler(None, path, "replay").sample(bqm)
    assert again.record.tobytes() == odd.record.tobytes() and again.vartype is dimod.BINARY


def test_a_model_without_variables(path):
    empty = dimod.BinaryQuadraticModel("SPIN")
    first = RecordedSampler(dimod.RandomSampler(), path).sample(empty, num_reads=2)
    assert identical(first, RecordedSampler(None, path, "replay").sample(empty, num_reads=2))


def test_futures_are_resolved(path):
    bqm = dimod.BinaryQuadraticModel(*MODEL, "SPIN")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(dimod.RandomSampler().sample, bqm)
        waiting = dimod.SampleSet.from_future(future, lambda done: done.result())
        first = RecordedSampler(Telling(waiting), path).sample(bqm)
    assert identical(first, RecordedSampler(None, path, "replay").sample(bqm))


def test_info_keeps_what_json_holds(path):
    bqm = dimod.BinaryQuadraticModel(*MODEL, "SPIN")
    samples = dimod.RandomSampler().sample(bqm)
    samples.info.update(
        embedding={0: (1, 2)}, thing=object(), number=np.float64(2.5), row=np.arange(3), pair=(1, 2)
    )
    info = RecordedSampler(Telling(samples), path).sample(bqm).info
    assert info.pop("row").tolist() == [0, 1, 2]
    assert info == {"embedding": {}, "number": 2.5, "pair": [1, 2]}


def test_vectors_that_are_no_numbers_are_left_out(path):
    words = {"number": np.arange(4), "text": np.array(list("abcd"))}
    recorded = RecordedSampler(Counting(**words), path)
    for answer in (recorded.sample_ising(*MODEL), recorded.sample_ising(*MODEL)):
        assert answer.record.number.tolist() == [0, 1, 2, 3]
        assert "text" not in answer.record.dtype.names


@pytest.mark.parametrize(
    "label", [1.5, ("a", 2.5), frozenset({"a", 1})], ids=["real", "pair", "set"]
)
def test_labels_of_any_kind_come_back(label, path):
    first = RecordedSampler(Counting(), path).sample_ising({label: 1.0}, {})
    there = RecordedSampler(None, path, "replay")
    assert identical(first, there.sample_ising({label: 1.0}, {}))
    with pytest.raises(RecordingError, match="some of that size but with other"):
        there.sample_ising({2.5: 1.0}, {})


def test_answers_of_other_variables_are_not_kept(path):
    bqm = dimod.BinaryQuadraticModel(*MODEL, "SPIN")
    other = dimod.RandomSampler().sample_ising({99: 1.0}, {})
    assert RecordedSampler(Telling(other), path).sample(bqm) is other
    with pytest.raises(RecordingError, match="0 calls of it"):
        RecordedSampler(None, path, "replay").sample(bqm)


def test_errors_go_through_and_nothing_is_kept(path):
    device = make_device(faults={0: "connection"})
    recorded = RecordedSampler(device, path)
    with pytest.raises(OSError):
        recorded.sample_ising(*MODEL)
    with pytest.raises(ValueError, match="must return a dimod.SampleSet"):
        RecordedSampler(Telling("nothing"), path).sample_ising(*MODEL)
    assert len(list(RecordingStore(path).answers())) == 0
    recorded.sample_ising(*MODEL)
    assert len(list(RecordingStore(path).answers())) == 1


# --- what finds an answer -------------------------------------------------------------------------


def key(bqm=None, sampler=None, **arguments):
    from qsklearn.samplers._recorded_calls import call_of_model
    from qsklearn.samplers._recorded_identity import identity_of, name_of

    bqm = dimod.BinaryQuadraticModel(*MODEL, 0.5, "SPIN") if bqm is None else bqm
    source = name_of(identity_of(make_device() if sampler is None else sampler))
    return call_of_model(bqm, arguments).key(source)


def test_the_order_in_which_a_model_was_put_together_does_not_matter():
    labels = [3, "a", ("x", 1), -2, frozenset({1, 2})]
    rng = np.random.default_rng(0)
    linear = {label: rng.normal() for label in labels}
    pairs = {pair: rng.normal() for pair in itertools.combinations(labels, 2)}
    keys = set()
    for seed in range(12):
        order = np.random.default_rng(seed)
        bqm = dimod.BinaryQuadraticModel("SPIN")
        for at in order.permutation(len(labels)):
            bqm.add_linear(labels[at], linear[labels[at]])
        for at in order.permutation(len(pairs)):
            (a, b), bias = list(pairs.items())[at]
            bqm.add_quadratic(*((a, b) if order.random() < 0.5 else (b, a)), bias)
        keys.add(key(bqm, num_reads=3, seed=np.int64(4)))
    assert len(keys) == 1
    assert key(bqm, seed=4, num_reads=3.0) in keys
    assert key(dimod.BQM(bqm, dtype=object), seed=4, num_reads=3) in keys


def test_everything_that_matters_makes_another_call():
    base = dimod.BinaryQuadraticModel(*MODEL, 0.5, "SPIN")
    linear, quadratic, offset, relabelled, coupled = (base.copy() for _ in range(5))
    linear.add_linear(0, 0.001)
    quadratic.add_quadratic(0, 4, 0.001)
    offset.offset += 0.01
    relabelled.relabel_variables({0: "0"})
    coupled.add_quadratic(4, 5, 0.0)  # a coupler that is programmed
    calls = {
        "base": key(base),
        "linear": key(linear),
        "quadratic": key(quadratic),
        "offset": key(offset),
        "labels": key(relabelled),
        "couplers": key(coupled),
        "vartype": key(dimod.BinaryQuadraticModel(*MODEL, 0.5, "BINARY")),
        "reads": key(num_reads=5),
        "other reads": key(num_reads=6),
        "seed": key(seed=1),
        "other seed": key(seed=2),
        "time": key(annealing_time=20),
        "other time": key(annealing_time=20.5),
        "schedule": key(anneal_schedule=[(0, 0), (20, 1)]),
        "state": key(initial_state={0: 1, 4: -1}),
        "other state": key(initial_state={0: -1, 4: 1}),
        "chip": key(sampler=make_device(chip=1)),
        "its seed": key(sampler=make_device(seed=1)),
        "its temperature": key(sampler=make_device(device_beta=2.0)),
        "profile": key(sampler=MockQPUSampler("advantage")),
        "sampler": key(sampler=GibbsSampler()),
        "parameter": key(sampler=GibbsSampler(num_sweeps=7)),
        "within": key(sampler=EmbeddedSampler(make_device())),
        "within it": key(sampler=EmbeddedSampler(make_device(chip=2))),
        "stranger": key(sampler=Counting()),
        "composite": key(sampler=EmbeddingComposite(MockDWaveSampler())),
        "none": key(sampler=dimod.RandomSampler()),
    }
    assert len(set(calls.values())) == len(calls)


def test_what_does_not_matter_makes_none():
    assert key() == key(num_threads=3) == key(label="mine") == key(api_token="x")
    idle = make_device(faults={0: "timeout"}, quota=9.0, latency=1.0, num_threads=2)
    assert key() == key(sampler=idle)
    assert key(sampler=GibbsSampler()) == key(sampler=GibbsSampler(num_threads=2))
    noisy = dimod.BinaryQuadraticModel(*MODEL, 0.5, "SPIN")
    noisy.scale(1 + 1e-15)
    assert key() == key(noisy)
    recorded = RecordedSampler(make_device(), "anywhere")
    assert key() == key(sampler=recorded)


def test_arguments_without_a_fixed_form_are_refused(path):
    recorded = RecordedSampler(Counting(), path)
    with pytest.raises(TypeError, match="arguments of a call that is recorded"):
        recorded.sample_ising(*MODEL, state=np.random.default_rng())
    with pytest.raises(TypeError, match="parameters of EmbeddedSampler .* to be recorded"):
        RecordedSampler(
            EmbeddedSampler(make_device(), chain_strength=lambda *_: 1.0), path
        ).sample_ising(*MODEL)
    with pytest.raises(TypeError, match="must be a dimod.BinaryQuadraticModel"):
        recorded.sample({"a": 1.0})


def test_ragged_lists_are_refused_by_the_sampler(path):
    with pytest.raises(ValueError, match="'keep' parameter of GibbsSampler"):
        RecordedSampler(GibbsSampler(), path).sample_arrays(*make_family(), keep=[[0], [0, 1]])


def test_samplesets_and_estimators_are_arguments_by_what_they_hold(path):
    sampler = Counting()
    recorded = RecordedSampler(sampler, path)

    def states(order, values):
        return dimod.SampleSet.from_samples(([values], order), "SPIN", energy=0.0)

    same = [{"initial_states": states("ab", [1, -1])}, {"initial_states": states("ba", [-1, 1])}]
    for arguments in (*same, {"state": Ridge(2.0)}, {"state": Ridge(alpha=2)}):
        recorded.sample_ising({"a": 1.0, "b": 0.5}, {}, **arguments)
    assert sampler.num_calls == 2
    for arguments in ({"initial_states": states("ab", [-1, 1])}, {"state": Ridge(3.0)}):
        recorded.sample_ising({"a": 1.0, "b": 0.5}, {}, **arguments)
    assert sampler.num_calls == 4


def test_samplers_without_a_seed_are_told_apart_by_the_callers(path):
    sampler = Counting()
    recorded = RecordedSampler(sampler, path)
    one, other = (recorded.sample_ising(*MODEL, seed=seed) for seed in (1, 2))
    assert one.record.tobytes() != other.record.tobytes() and sampler.num_calls == 2
    again = recorded.sample_ising(*MODEL, seed=1)
    assert identical(one, again) and sampler.num_calls == 2
    # In another order, as in another process.
    there = RecordedSampler(None, path, "replay")
    assert identical(other, there.sample_ising(*MODEL, seed=2))
    assert identical(one, there.sample_ising(*MODEL, seed=1))


def test_a_seed_is_handed_on_where_it_is_declared(path):
    device = make_device()
    words = {"num_reads": 50, "answer_mode": "raw"}
    recorded = RecordedSampler(device, path).sample_ising(*MODEL, seed=3, **words)
    direct = device.sample_ising(*MODEL, seed=3, **words)
    assert (recorded.record.sample == direct.record.sample).all()


# --- array doors ----------------------------------------------------------------------------------


def make_family(n_models=4, n_spins=6):
    rng = np.random.default_rng(0)
    J = np.triu(rng.normal(size=(n_spins, n_spins)), 1) * 0.3
    return rng.normal(size=(n_models, n_spins)), J + J.T


def same_arrays(one, other):
    assert one[0].dtype == other[0].dtype and np.array_equal(one[0], other[0])
    assert (one[1] is None) == (other[1] is None)
    if one[1] is not None:
        assert one[1].dtype == other[1].dtype and one[1].tobytes() == other[1].tobytes()
    info, again = dict(one[2]), dict(other[2])
    assert again.pop("replayed", None) in (None, True)
    info.pop("replayed", None)
    assert info.keys() == again.keys()
    for name, value in info.items():
        np.testing.assert_array_equal(value, again[name])


ARGUMENTS = [
    {},
    {"keep": [3, 1]},
    {"keep": np.arange(6)},
    {"one_hot": (1, 4)},
    {"seed": np.arange(4)},
    {"num_reads": 1},
    {"beta": None},
    {"num_reads": 0 + 17, "num_threads": 2},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("kind", ["dense", "sparse", "groups"])
def test_families_come_back(arguments, kind, path):
    h, J = make_family()
    if "one_hot" in arguments:
        J[1:4, 1:4] = 0.0
    arguments = {"beta": 1.0, "num_reads": 9, "seed": 3, **arguments}
    if kind == "sparse":
        J = scipy.sparse.csr_array(J)
    if kind == "groups":
        J, arguments["groups"] = np.stack([J, 0.5 * J]), [0, 1, 1, 0]
    sampler = SimulatedAnnealingSampler() if arguments["beta"] is None else GibbsSampler()
    direct = sampler.sample_arrays(h, J, **arguments)
    recorded = RecordedSampler(sampler, path).sample_arrays(h, J, **arguments)
    assert np.array_equal(direct[0], recorded[0])
    assert direct[1] is None or direct[1].tobytes() == recorded[1].tobytes()
    there = RecordedSampler(None, path, "replay")
    same_arrays(recorded, there.sample_arrays(h, J, **arguments))
    with pytest.raises(RecordingError, match="other arguments: seed is"):
        there.sample_arrays(h, J, **{**arguments, "seed": 99})


def test_forms_of_one_family_are_one_call(path):
    h, J = make_family()
    recorded = RecordedSampler(GibbsSampler(), path)
    words = {"beta": 1.0, "num_reads": 3, "seed": 1}
    first = recorded.sample_arrays(h, J, keep=[0, 1], groups=[0, 0, 0, 0], **words)
    there = RecordedSampler(None, path, "replay")
    for other_h, other_J in ((h.tolist(), J.tolist()), (np.asfortranarray(h), [J])):
        again = there.sample_arrays(
            other_h, other_J, keep=np.array([0, 1], np.int16), groups=np.zeros(4, int),
            initial_states=None, one_hot=None, **words,
        )  # fmt: skip
        same_arrays(first, again)
    for missing in ({"keep": [1, 0]}, {"keep": None}, {"beta": 2.0}, {"num_reads": 4}):
        with pytest.raises(RecordingError):
            there.sample_arrays(h, J, **{"keep": [0, 1], "groups": [0] * 4, **words, **missing})


def test_energies_that_are_summed_out_come_back_as_none(path):
    h, J = make_family()
    J[:4, :4] = J[4:, 4:] = 0.0
    words = {"beta": 1.0, "num_reads": 3, "seed": 1, "keep": [4, 5]}
    first = RecordedSampler(ExactSampler(), path).sample_arrays(h, J, **words)
    assert first[1] is None
    same_arrays(first, RecordedSampler(None, path, "replay").sample_arrays(h, J, **words))


@pytest.mark.parametrize("factors", [False, True])
@pytest.mark.parametrize("scale", [1 / 7, 0.0])
def test_levels_come_back(factors, scale, path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 3))
    h = rng.normal(size=(2, 3))
    J = np.full(3, 0.1) if factors else rows.T @ rows
    words = {"base": rng.normal(size=3), "scale": [scale, 0.3, 0.1], "n_bits": 3, "num_reads": 4}
    words |= {"seed": 1, "num_sweeps": 5}
    if factors:
        words["factors"] = (rows, np.ones((1, 5)))
    sampler = SimulatedAnnealingSampler()
    direct = sampler.sample_levels(h, J, **words)
    recorded = RecordedSampler(sampler, path).sample_levels(h, J, **words)
    assert direct[0].tobytes() == recorded[0].tobytes()
    assert direct[1].tobytes() == recorded[1].tobytes()
    there = RecordedSampler(None, path, "replay")
    same_arrays(recorded, there.sample_levels(h, J, **words))
    with pytest.raises(RecordingError):
        there.sample_levels(h, J, **{**words, "n_bits": 2})


def test_weights_beside_the_grid_come_back(path):
    class Averaging(SimulatedAnnealingSampler):
        def sample_levels(self, *arguments, **words):
            weights, energies, info = super().sample_levels(*arguments, **words)
            return weights / 3, energies, info

    words = {"base": np.zeros(3), "scale": np.ones(3), "n_bits": 2, "num_reads": 4, "seed": 1}
    first = RecordedSampler(Averaging(), path).sample_levels(np.eye(2, 3), np.eye(3), **words)
    there = RecordedSampler(None, path, "replay")
    same_arrays(first, there.sample_levels(np.eye(2, 3), np.eye(3), **words))
    assert abs(first[0]).min() == pytest.approx(1 / 3)


def test_interrupted_draws_are_not_kept(path, monkeypatch):
    h, J = make_family()
    sampler = GibbsSampler()

    def interrupted(*_, **__):
        return np.ones((4, 1, 6), np.int8), np.zeros((4, 1)), {"stop_reason": "KeyboardInterrupt"}

    monkeypatch.setattr(GibbsSampler, "sample_arrays", interrupted)
    RecordedSampler(sampler, path).sample_arrays(h, J, beta=1.0, num_reads=1)
    assert list(RecordingStore(path).answers()) == []


# --- in the place of the sampler ------------------------------------------------------------------


def test_it_is_what_it_wraps(path):
    device = make_device()
    recorded = RecordedSampler(device, path)
    dimod.testing.assert_sampler_api(recorded)
    assert recorded.nodelist == device.nodelist
    assert set(map(frozenset, recorded.edgelist)) == set(map(frozenset, device.edgelist))
    assert {n: set(m) for n, m in device.adjacency.items()} == recorded.adjacency
    assert recorded.parameters.keys() == device.parameters.keys()
    assert recorded.properties == json.loads(json.dumps(device.properties))
    assert not hasattr(recorded, "sample_arrays") and not hasattr(recorded, "intents")
    assert not hasattr(recorded, "sample_levels")
    graph, own = recorded.to_networkx_graph(), device.to_networkx_graph()
    assert graph.graph == json.loads(json.dumps(own.graph))
    assert set(graph) == set(own) and set(map(frozenset, graph.edges)) == set(
        map(frozenset, own.edges)
    )
    assert recorded.nodelist is recorded.nodelist  # EmbeddedSampler compares by identity first


def test_a_sampler_of_ours_keeps_its_doors(path):
    recorded = RecordedSampler(SimulatedAnnealingSampler(num_sweeps=10), path)
    dimod.testing.assert_sampler_api(recorded)
    assert hasattr(recorded, "sample_arrays") and hasattr(recorded, "sample_levels")
    assert not hasattr(RecordedSampler(GibbsSampler(), path), "sample_levels")
    assert RecordedSampler(GibbsSampler(), path).intents == {"thermal"}
    assert recorded.draws_one_hot and recorded.properties == {"intents": ["ground", "thermal"]}
    for name in ("nodelist", "edgelist", "adjacency", "to_networkx_graph"):
        assert not hasattr(recorded, name)
    assert check_sampler(recorded) is recorded
    assert recorded.parameters.keys() == SimulatedAnnealingSampler().parameters.keys()


def test_check_sampler_wraps_it_as_what_is_inside(path):
    around = check_sampler(RecordedSampler(make_device(), path))
    assert isinstance(around, EmbeddedSampler) and isinstance(around.sampler, RecordedSampler)
    stranger = check_sampler(RecordedSampler(Counting(), path))
    assert isinstance(stranger, DimodSampler)
    embedded = RecordedSampler(EmbeddedSampler(make_device()), path)
    assert check_sampler(embedded) is embedded and not embedded.draws_one_hot
    assert "seed" in RecordedSampler(Counting(), path).parameters
    with pytest.raises(ValueError, match="can do a ground draw"):
        check_sampler(RecordedSampler(GibbsSampler(), path), intent="ground")


def test_check_sampler_looks_through_it(path):
    with pytest.raises(ValueError, match="ExactSolver enumerates"):
        check_sampler(RecordedSampler(dimod.ExactSolver(), path))
    driven = check_sampler(RecordedSampler(DWaveAnnealer(), path))
    assert isinstance(driven, RecordedSampler) and type(driven.sampler).__name__ == "NealSampler"
    assert "beta" in driven.parameters


def test_its_file_stands_in_for_it(path):
    device = make_device()
    RecordedSampler(device, path).sample_ising(*MODEL)
    there = RecordedSampler(None, path, "replay")
    here = RecordedSampler(device, path)
    for name in ("nodelist", "edgelist", "adjacency", "parameters", "properties"):
        assert getattr(there, name) == getattr(here, name)
    assert not hasattr(there, "sample_arrays")
    assert isinstance(check_sampler(there), EmbeddedSampler)
    assert working_graph(there).graph == working_graph(device).graph


def test_a_handle_of_a_processor(path):
    device, budget = make_device(), Budget(max_queries=1)
    handle = DWaveQPUSampler(device=device, budget=budget, label="mine", max_retries=0)
    recorded = RecordedSampler(handle, path)
    assert recorded.estimate_access_time(2, 10) == handle.estimate_access_time(2, 10)
    first = recorded.sample_ising(*MODEL, num_reads=10)
    again = recorded.sample_ising(*MODEL, num_reads=10)
    assert identical(first, again) and budget.spent()["queries"] == 1
    other = DWaveQPUSampler(device=device, label="other", max_retries=9)
    there = RecordedSampler(other, path, "replay")
    assert identical(first, there.sample_ising(*MODEL, num_reads=10))
    assert not hasattr(there, "estimate_access_time")
    # What was rehearsed is not the processor's.
    with pytest.raises(RecordingError, match="device is .*MockQPUSampler.* there and None here"):
        RecordedSampler(DWaveQPUSampler(), path, "replay").sample_ising(*MODEL, num_reads=10)


def test_what_it_does_of_its_own_accord_is_known(path):
    gibbs = RecordedSampler(GibbsSampler(num_reads=7), path)
    gibbs.sample_arrays(*make_family(), beta=1.0)
    strangers = RecordedSampler(DimodSampler(Counting(), {"num_reads": 5}), path)
    assert [own_parameters(sampler)["num_reads"] for sampler in (gibbs, strangers)] == [7, 5]
    assert own_parameters(RecordedSampler(None, path, "replay"))["num_reads"] == 7
    assert own_parameters(EmbeddedSampler(gibbs, {"annealing_time": 2}))["num_reads"] == 100


def test_a_composite_of_another_package(path):
    composite = EmbeddingComposite(MockDWaveSampler(topology_type="chimera"))
    words = {"num_reads": 5, "seed": 1}
    triangle = {("a", "b"): -1.0, ("b", "c"): 1.0, ("a", "c"): 0.5}
    first = RecordedSampler(composite, path).sample_ising({}, triangle, **words)
    assert "chain_break_fraction" in first.record.dtype.names
    again = RecordedSampler(None, path, "replay").sample_ising({}, triangle, **words)
    assert identical(first, again)


def test_as_a_child_of_a_composite(path):
    control = UncoupledComposite(RecordedSampler(GibbsSampler(), path))
    words = {"beta": 1.0, "num_reads": 5, "seed": 0}
    first = control.sample_arrays(*make_family(), **words)
    there = UncoupledComposite(RecordedSampler(None, path, "replay"))
    assert np.array_equal(first[0], there.sample_arrays(*make_family(), **words)[0])


# --- modes ----------------------------------------------------------------------------------------


def test_auto_asks_only_for_what_is_missing(path):
    sampler = Counting()
    for n_calls in (1, 1, 2, 2):
        RecordedSampler(sampler, path).sample_ising(*MODEL, num_reads=3 + (n_calls == 2))
        assert sampler.num_calls == n_calls


def test_record_replaces_what_others_recorded(path):
    old = RecordedSampler(Counting(), path).sample_ising(*MODEL, seed=1)
    sampler = Counting()
    sampler.rng = np.random.default_rng(77)
    anew = RecordedSampler(sampler, path, "record")
    new = anew.sample_ising(*MODEL, seed=1)
    assert sampler.num_calls == 1 and new.record.tobytes() != old.record.tobytes()
    # Clones and copies are part of the same recording.
    for other in (anew, clone(anew), copy.deepcopy(anew), pickle.loads(pickle.dumps(anew))):
        assert identical(new, other.sample_ising(*MODEL, seed=1))
    assert sampler.num_calls == 1
    assert identical(new, RecordedSampler(None, path, "replay").sample_ising(*MODEL, seed=1))
    # Another one begins anew.
    RecordedSampler(sampler, path, "record").sample_ising(*MODEL, seed=1)
    assert sampler.num_calls == 2


@pytest.mark.parametrize(
    "mode", [np.array([1, 2]), ["auto"], "again"], ids=["array", "list", "str"]
)
def test_a_wrong_mode_is_refused(mode, path):
    with pytest.raises(ValueError, match="'mode' parameter of RecordedSampler must be a str among"):
        RecordedSampler(Counting(), path, mode).sample_ising(*MODEL)
    assert not hasattr(RecordedSampler(Counting(), path, mode), "estimate_access_time")


@pytest.mark.parametrize("mode", ["replay", "strict"])
def test_a_replay_never_touches_the_sampler(mode, path):
    class Stranger(Counting):
        pass

    first = RecordedSampler(Stranger(), path).sample_ising(*MODEL)
    unreachable = type("Stranger", (Refusing,), {})()
    there = RecordedSampler(unreachable, path, mode)
    assert identical(first, there.sample_ising(*MODEL))
    assert there.parameters and there.properties["chip_id"] == "noise-1"
    assert isinstance(check_sampler(there), DimodSampler)
    with pytest.raises(RecordingError, match="no answer to this call"):
        there.sample_ising(*MODEL, num_reads=9)


@pytest.mark.parametrize("mode", ["replay", "strict"])
def test_a_replayed_device_is_not_opened(mode, path, monkeypatch):
    first = RecordedSampler(make_device(), path).sample_ising(*MODEL)

    def refuse(*_, **__):
        raise AssertionError("it was opened")

    for name in ("_chip", "sample"):
        monkeypatch.setattr(MockQPUSampler, name, refuse)
    there = RecordedSampler(make_device(), path, mode)
    assert identical(first, there.sample_ising(*MODEL)) and len(there.nodelist) == 32
    auto = RecordedSampler(make_device(), path)  # nor where all is recorded
    assert identical(first, auto.sample_ising(*MODEL)) and len(auto.nodelist) == 32


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"num_reads": 7}, r"of the same model with other arguments: num_reads is 3 there"),
        ({"seed": 2}, r"other arguments: seed is 1 there"),
        ({"bias": 1.0}, r"some of that size but with other biases: data, random_state"),
        ({"more": True}, r"none of that size: the architecture"),
    ],
    ids=str,
)
def test_a_missing_call_says_what_likely_changed(change, text, path):
    h, J = MODEL
    RecordedSampler(Counting(), path).sample_ising(h, J, num_reads=3, seed=1)
    words = {"num_reads": 3, "seed": 1, **change}
    h = {**h, 0: words.pop("bias", h[0])}
    h |= {99: 1.0} if words.pop("more", False) else {}
    there = RecordedSampler(None, path, "replay")
    with pytest.raises(RecordingError, match=text) as caught:
        there.sample_ising(h, J, **words)
    message = str(caught.value)
    assert isinstance(caught.value, ValueError) and "calls.recording" in message
    assert f"{len(h) + 1} variables, 2 interactions" in message and "has 1 calls of it" in message
    assert f"num_reads={words['num_reads']}" in message and "mode='auto'" in message


def test_long_arguments_are_told_apart_in_few_letters(path):
    state = list(range(1000))
    RecordedSampler(Counting(), path).sample_ising(*MODEL, state=state, num_reads=3)
    there = RecordedSampler(None, path, "replay")
    with pytest.raises(RecordingError, match="with other arguments: num_reads is 3 there[.]"):
        there.sample_ising(*MODEL, state=state, num_reads=4)
    with pytest.raises(RecordingError, match=r"with other arguments: state is .*4890 letters, "):
        there.sample_ising(*MODEL, state=state[::-1], num_reads=3)


def test_calls_of_another_kind_are_not_compared(path):
    recorded = RecordedSampler(GibbsSampler(), path)
    recorded.sample_arrays([[0.3]], [[0.0]], beta=1.0)  # of as many variables
    recorded.sample_ising(*MODEL, beta=1.0)
    with pytest.raises(RecordingError, match="has 2 calls of it, none of that size"):
        RecordedSampler(None, path, "replay").sample_ising({0: 1.0}, {}, beta=1.0)


def test_a_fit_raises_what_is_missing(path):
    X, y = load_digits(n_class=2, return_X_y=True)
    network = QuantumSampledMLPClassifier(
        n_hidden=2, sampler=RecordedSampler(Counting(), path), num_reads=5, max_iter=1,
        random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit(X[:30], y[:30])
    network.set_params(sampler=RecordedSampler(None, path, "replay"), random_state=1)
    with pytest.raises(RecordingError, match="no answer to this call"):
        network.fit(X[:30], y[:30])


def test_which_sampler_of_a_file(path):
    for chip in (0, 1):
        RecordedSampler(make_device(chip=chip), path).sample_ising(*MODEL)
    RecordedSampler(Counting(), path).sample_ising(*MODEL)
    with pytest.raises(RecordingError, match="must be of one sampler. It is of Counting-.*Mock"):
        RecordedSampler(None, path, "replay").sample_ising(*MODEL)
    RecordedSampler(make_device(chip=1), path, "replay").sample_ising(*MODEL)
    RecordedSampler(Counting(), path, "replay").sample_ising(*MODEL)
    with pytest.raises(RecordingError, match="other parameters: chip is .* there and 2 here"):
        RecordedSampler(make_device(chip=2), path, "replay").sample_ising(*MODEL)
    with pytest.raises(RecordingError, match="no calls of this GibbsSampler"):
        RecordedSampler(GibbsSampler(), path, "replay").sample_ising(*MODEL)
    with pytest.raises(RecordingError, match="no calls of this RandomSampler"):
        RecordedSampler(dimod.RandomSampler(), path, "replay").sample_ising(*MODEL)


def test_what_is_wrong_is_said(path, tmp_path):
    def ask(*arguments):
        RecordedSampler(*arguments).sample_ising(*MODEL)

    device = make_device()
    with pytest.raises(ValueError, match="The 'mode' parameter of RecordedSampler must be .* Got"):
        ask(device, path, "rewind")
    with pytest.raises(ValueError, match="The 'path' parameter of RecordedSampler must be .* Got"):
        ask(device, None)
    for wrong in (None, "gibbs", MockQPUSampler, 3):
        with pytest.raises(ValueError, match="The 'sampler' parameter of RecordedSampler must be"):
            ask(wrong, path)
    with pytest.raises(RecordingError, match="There is no recording"):
        ask(None, path, "replay")
    with pytest.raises(RecordingError, match="There is no recording"):
        check_sampler(RecordedSampler(device, path, "replay"))
    with pytest.raises(RecordingError, match="in a folder that is there"):
        ask(device, tmp_path / "absent" / "calls")
    assert not path.exists()


def test_a_file_that_cannot_be_kept_is_said_before_the_device_is_asked(path, tmp_path):
    sampler = Counting()
    path.write_text("qubits,energy\n" * 100)
    for where in (path, tmp_path / "absent" / "calls"):
        with pytest.raises(RecordingError):
            RecordedSampler(sampler, where).sample_ising(*MODEL)
    assert sampler.num_calls == 0


def test_a_changed_device_is_not_mixed_with_what_is_recorded(path):
    class Changed(Counting):
        nodelist, edgelist = [0, 4, 5], [(0, 4), (0, 5)]

    RecordedSampler(Changed(), path).sample_ising(*MODEL)
    changed = Changed()
    changed.nodelist, changed.edgelist = [0, 4, 5, 6], [(0, 4), (0, 5)]
    recorded = RecordedSampler(changed, path)
    recorded.sample_ising(*MODEL)
    assert recorded.nodelist == [0, 4, 5]
    with pytest.raises(RecordingError, match="working graph .* is not what it was"):
        recorded.sample_ising(*MODEL, seed=1)
    anew = RecordedSampler(changed, path, "record")
    anew.sample_ising(*MODEL, seed=1)
    assert anew.nodelist == RecordedSampler(changed, path, "replay").nodelist == [0, 4, 5, 6]


@pytest.mark.parametrize("labels", [("a", "b"), (0, (1, 0)), ((0, 0), (1, 0)), ((0,), (1, 0))])
def test_labels_of_qubits_that_are_no_integers_are_refused(labels, path):
    named = dimod.StructureComposite(dimod.RandomSampler(), list(labels), [labels])
    with pytest.raises(ValueError, match="labelled by integers to be recorded"):
        RecordedSampler(named, path).sample_ising({labels[0]: 1.0}, {})


# --- as a parameter object ------------------------------------------------------------------------


def test_clones_keep_strangers_and_clone_ours(path):
    stranger = Counting()
    recorded = RecordedSampler(stranger, path, "record")
    cloned = clone(recorded)
    assert cloned.sampler is stranger and cloned.get_params(deep=False) == {
        "sampler": stranger, "path": path, "mode": "record",
    }  # fmt: skip
    device = make_device()
    cloned = clone(EmbeddedSampler(RecordedSampler(device, path)))
    assert cloned.sampler.sampler is not device
    assert cloned.get_params()["sampler__sampler__topology_type"] == "chimera"
    assert clone(RecordedSampler(None, path, "replay")).sampler is None


def test_copies_and_pickles_work(path):
    recorded = EmbeddedSampler(RecordedSampler(make_device(), path), seed=0)
    first = recorded.sample_ising({}, {("a", "b"): -1.0}, beta=1.0)
    for other in (copy.deepcopy(recorded), pickle.loads(pickle.dumps(recorded)), clone(recorded)):
        again = other.sample_ising({}, {("a", "b"): -1.0}, beta=1.0)
        assert again.record.tobytes() == first.record.tobytes()
    composite = RecordedSampler(EmbeddingComposite(MockDWaveSampler()), path)
    composite.sample_ising(*MODEL)
    pickle.loads(pickle.dumps(composite)).sample_ising(*MODEL)
    assert len(pickle.dumps(recorded)) < 3000  # without the device's structure


def test_parameters_may_be_set(path, tmp_path):
    recorded = RecordedSampler(make_device(), path)
    recorded.sample_ising(*MODEL, seed=1)
    recorded.set_params(path=tmp_path / "other", sampler__chip=3).sample_ising(*MODEL, seed=2)
    assert len(list(RecordingStore(path).answers())) == 1
    assert len(list(RecordingStore(tmp_path / "other").answers())) == 1
    assert "chip=3" in repr(recorded)


# --- secrets --------------------------------------------------------------------------------------


class Careless(Counting):
    """Tells its token wherever it can."""

    properties = {
        "chip_id": "noise-1",
        "client": {"token": "SEKRIT", "endpoint": "x", "Authorization": ["SEKRIT"]},
        "API_KEY": "SEKRIT",
    }

    def sample(self, bqm, **parameters):
        found = super().sample(bqm)
        found.info.update(password="SEKRIT", request={"api-key": "SEKRIT", "kept": 1})
        return found

    def recording_identity(self):
        return {"solver": "x", "token": "SEKRIT", "inner": [{"secret": "SEKRIT"}]}


def test_no_secret_is_stored(path):
    recorded = RecordedSampler(Careless(), path)
    answer = recorded.sample_ising(*MODEL, api_token="SEKRIT")
    assert answer.info == {"request": {"kept": 1}}
    with sqlite3.connect(path) as database:
        cells = [cell for row in database.iterdump() for cell in [row]]
    database.close()
    store = RecordingStore(path)
    everything = [repr(cells), repr(path.read_bytes()), repr(list(store.answers()))]
    everything += [repr(store.source(source)) for source in store.sources()]
    everything += [repr(store.sessions()), repr(recorded.properties)]
    assert not any("SEKRIT" in text for text in everything)
    assert recorded.properties["client"] == {"endpoint": "x"}


# --- estimators -----------------------------------------------------------------------------------


def make_network(sampler, **parameters):
    given = {"n_hidden": 4, "num_reads": 20, "batch_size": 20, "max_iter": 3, **parameters}
    return QuantumSampledMLPClassifier(
        sampler=sampler, learning_rate_init=0.1, random_state=0, **given
    )


@pytest.fixture
def digits():
    X, y = load_digits(n_class=2, return_X_y=True)
    return X[:60] / 16, y[:60]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        yield


def large_device():
    return make_device(topology_shape=[6, 6, 4], seed=0)


def scores_of(result):
    return {n: v.tolist() for n, v in result.items() if n.endswith("score")}


@pytest.mark.parametrize("wrapped", [True, False], ids=["embedded", "bare"])
def test_a_cross_validation_is_repeated(wrapped, path, digits, monkeypatch):
    def run(sampler, mode):
        recorded = RecordedSampler(sampler, path, mode)
        network = make_network(EmbeddedSampler(recorded) if wrapped else recorded)
        return cross_validate(
            network, *digits, cv=3, return_train_score=True, return_estimator=True
        )

    first = run(large_device(), "auto")
    assert first["test_score"].max() > 0.8
    monkeypatch.setattr(MockQPUSampler, "_chip", lambda self: pytest.fail("it was opened"))
    for sampler in (large_device(), None):
        again = run(sampler, "replay")
        assert scores_of(again) == scores_of(first)
        for one, other in zip(first["estimator"], again["estimator"], strict=True):
            assert all(
                a.tobytes() == b.tobytes() for a, b in zip(one.coefs_, other.coefs_, strict=True)
            )
            assert one.cost_["qpu_access_time"] == other.cost_["qpu_access_time"] > 0
            assert one.cost_["calls"] == other.cost_["calls"]


SEARCH = """
import sys, warnings, json
warnings.simplefilter("ignore")
sys.path.insert(0, {tests!r})
from test_recorded import *
MockQPUSampler._chip = Refusing()._refuse
X, y = load_digits(n_class=2, return_X_y=True)
print(json.dumps(search({path!r}, large_device(), "replay", 1, X[:60] / 16, y[:60])))
"""


def search(path, sampler, mode, n_jobs, X, y):
    recorded = RecordedSampler(sampler, path, mode)
    grid = {"learning_rate_init": [0.03, 0.1, 0.3]}
    found = GridSearchCV(make_network(EmbeddedSampler(recorded)), grid, cv=3, n_jobs=n_jobs)
    results = found.fit(X, y).cv_results_
    return [results[f"split{fold}_test_score"].tolist() for fold in range(3)]


def test_a_search_in_two_processes_is_repeated_in_another(path, digits):
    first = search(path, large_device(), "auto", 2, *digits)
    assert np.max(first) > 0.8
    assert os.path.getsize(path) < 500_000
    assert len(RecordingStore(path).sessions()) == 1 and RecordingStore(path).damaged() == []
    code = SEARCH.format(tests=os.path.dirname(__file__), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == first


def test_a_sampler_of_ours_in_an_estimator(path, digits):
    first = make_network(RecordedSampler(GibbsSampler(num_sweeps=20), path)).fit(*digits)
    again = make_network(RecordedSampler(None, path, "replay")).fit(*digits)
    direct = make_network(GibbsSampler(num_sweeps=20)).fit(*digits)
    for one, other, third in zip(first.coefs_, again.coefs_, direct.coefs_, strict=True):
        assert one.tobytes() == other.tobytes() == third.tobytes()


def test_levels_in_an_estimator(path, digits):
    def fit(sampler):
        network = SpinGlassAnnealedNetwork(sampler=sampler, max_iter=2, random_state=0)
        return network.fit(*digits).predict(digits[0])

    sampler = SimulatedAnnealingSampler(num_sweeps=10)
    first = fit(RecordedSampler(sampler, path))
    assert {a.kind for _, _, a in RecordingStore(path).answers()} == {"sample_levels"}
    assert (first == fit(RecordedSampler(None, path, "replay"))).all()
    assert (first == fit(sampler)).all()


OTHER_MACHINE = """
import sys, warnings, json
warnings.simplefilter("ignore")
sys.path.insert(0, {tests!r})
from test_recorded import *
X, y = load_digits(n_class=2, return_X_y=True)
network = make_network(EmbeddedSampler(RecordedSampler(None, {path!r}, "replay")))
network.fit(X[:60] / 16, y[:60])
print(json.dumps([network.score(X[:60] / 16, y[:60]), network.coefs_[0].tolist()]))
"""


def test_another_machine_finds_the_calls_though_it_adds_up_in_another_order(path, digits):
    """OpenBLAS and NumPy as on an old processor: without its wide instructions."""
    live = make_network(EmbeddedSampler(RecordedSampler(large_device(), path))).fit(*digits)
    score = live.score(*digits)
    code = OTHER_MACHINE.format(tests=os.path.dirname(__file__), path=str(path))
    settings = {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
        "NUMBA_CPU_NAME": "generic",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600,
        env={**os.environ, **settings},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there, coefs = json.loads(done.stdout)
    assert there == score
    np.testing.assert_allclose(coefs, live.coefs_[0], rtol=1e-9, atol=1e-12)
