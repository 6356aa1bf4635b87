"""Searches and draws from states: reverse anneals of devices, and restarts of the annealer."""

import dimod
import numpy as np
import pytest

pytest.importorskip("dwave.system")

from dwave.system.testing import MockDWaveSampler

from qsklearn.samplers import (
    DimodSampler,
    DWaveQPUSampler,
    EmbeddedSampler,
    GibbsSampler,
    MockQPUSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
    UncoupledComposite,
)
from qsklearn.samplers._embedded_program import Problem
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._reverse_annealing import (
    continues_chains,
    default_reverse_schedule,
    restart_arguments,
)

FROZEN = [[0, 1], [5, 0.9], [10, 1]]
DEEP = [[0, 1], [20, 0], [40, 1]]
TRIANGLE = np.array([[0.0, -0.3, 0.2], [-0.3, 0.0, 0.4], [0.2, 0.4, 0.0]])
PAIR = np.array([[0.0, -0.3], [-0.3, 0.0]])


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("QSKLEARN_CACHE_DIR", str(tmp_path))


class Spy(MockQPUSampler):
    """Writes down what it is asked; for clones, on the class."""

    calls = []

    def sample(self, bqm, **parameters):
        Spy.calls.append((bqm, parameters))
        return super().sample(bqm, **parameters)


@pytest.fixture
def device():
    Spy.calls.clear()
    return Spy("ideal", topology_type="chimera", topology_shape=[3, 3, 4], device_beta=3.0, seed=0)


def make_sampler(device, **parameters):
    return EmbeddedSampler(device, **{"seed": 1, "num_reads": 20, **parameters})


# --- from states to qubits -----------------------------------------------------------------------


@pytest.mark.parametrize("gauges", [0, 4])
@pytest.mark.parametrize("couplings", [PAIR, TRIANGLE], ids=["native", "embedded"])
def test_states_go_to_the_device_and_return(device, couplings, gauges):
    """In a reverse anneal that goes nowhere, models of a family return from their states."""
    n_spins = len(couplings)
    rng = np.random.default_rng(0)
    starts = rng.choice([-1, 1], (5, n_spins))
    h = 0.3 * rng.normal(size=(5, n_spins))
    sampler = make_sampler(device, num_spin_reversal_transforms=gauges)
    states, energies, info = sampler.sample_arrays(
        h, couplings, initial_states=np.repeat(starts[:, np.newaxis], 20, axis=1),
        anneal_schedule=FROZEN,
    )  # fmt: skip
    np.testing.assert_array_equal(states, np.repeat(starts[:, np.newaxis], 20, axis=1))
    assert energies.shape == (5, 20) and info["num_calls"] == max(gauges, 1)
    assert (info["num_parallel"], info["max_chain_length"]) == (5, 1 if n_spins == 2 else 2)
    given = [parameters["initial_state"] for _, parameters in Spy.calls]
    assert all(
        set(state) == set(bqm.variables) for state, (bqm, _) in zip(given, Spy.calls, strict=True)
    )
    assert all(parameters["reinitialize_state"] is True for _, parameters in Spy.calls)
    if gauges:  # each turns other spins
        assert len({tuple(state.values()) for state in given}) > 1


def test_native_states_are_given_by_qubit(device):
    sampler = make_sampler(device, params={"anneal_schedule": FROZEN}, embedding_method="native")
    model = dimod.BinaryQuadraticModel.from_ising({0: 0.5, 4: -0.5, 5: 0.1}, {(0, 4): 0.2})
    start = {5: -1, 0: 1, 4: 1}
    answer = sampler.sample(model, initial_states=[start] * 7)
    assert len(answer) == 7 and all(dict(sample) == start for sample in answer.samples())
    assert Spy.calls[0][1]["initial_state"] == start and Spy.calls[0][1]["num_reads"] == 7


def test_binary_models_start_from_binary_states(device):
    sampler = make_sampler(device, params={"anneal_schedule": FROZEN})
    model = dimod.BinaryQuadraticModel(
        {"a": 1.0, "b": -1.0, "c": 0.3}, {"ab": 1, "bc": 1}, "BINARY"
    )
    start = {"a": 1, "b": 0, "c": 1}
    answer = sampler.sample(model, initial_states=[start] * 20)
    assert all(dict(sample) == start for sample in answer.samples())


@pytest.mark.parametrize("gauges", [0, 3])
def test_a_deep_reverse_anneal_draws_the_law(device, ising, gauges):
    """Chi-square at 1e-4, through chains; the start is forgotten."""
    h = np.array([0.2, -0.3, 0.1])
    sampler = make_sampler(device, num_spin_reversal_transforms=gauges)
    states, _, info = sampler.sample_arrays(
        h / 3, TRIANGLE / 3, beta=1.0, num_reads=8000,
        initial_states=np.ones((1, 8000, 3)), anneal_schedule=DEEP,
    )  # fmt: skip
    assert ising.p_value(states[0], ising.enumerate(h, TRIANGLE, 1.0)) > 1e-4
    assert abs(info["beta_eff"] - 3.0) < 4 * info["beta_eff_stderr"]


def test_groups_keep_their_states(device):
    starts = np.array([[1, -1], [-1, -1], [1, 1]])
    states, _, _ = make_sampler(device).sample_arrays(
        np.zeros((3, 2)), [PAIR, -PAIR], groups=[1, 0, 1],
        initial_states=np.repeat(starts[:, np.newaxis], 20, axis=1), anneal_schedule=FROZEN,
    )  # fmt: skip
    np.testing.assert_array_equal(states[:, 0], starts)


# --- which calls are which -----------------------------------------------------------------------


def test_one_sampler_serves_forward_and_reverse_calls(device):
    params = {"anneal_schedule": FROZEN, "annealing_time": 50, "readout_thermalization": 2.0}
    sampler = make_sampler(device, params=params)
    sampler.sample_arrays([[0.1, 0.2]], PAIR)
    sampler.sample_arrays([[0.1, 0.2]], PAIR, initial_states=np.ones((1, 20, 2)))
    forward, reverse = (parameters for _, parameters in Spy.calls)
    assert forward["annealing_time"] == 50 and "anneal_schedule" not in forward
    assert reverse["anneal_schedule"] == FROZEN and "annealing_time" not in reverse
    assert forward["readout_thermalization"] == reverse["readout_thermalization"] == 2.0
    assert sampler.params is params and params["anneal_schedule"] == FROZEN


def test_reads_may_go_on_from_each_other(device):
    params = {"anneal_schedule": FROZEN, "reinitialize_state": False}
    sampler = make_sampler(device, params=params)
    sampler.sample_arrays([[0.1, 0.2]], PAIR, initial_states=np.ones((1, 20, 2)))
    sampler.sample_arrays([[0.1, 0.2]], PAIR)
    assert Spy.calls[0][1]["reinitialize_state"] is False
    assert "reinitialize_state" not in Spy.calls[1][1]


@pytest.mark.parametrize("schedule", [None, [[0, 0], [20, 1]], "fast"])
def test_states_without_a_reverse_schedule_are_refused(device, schedule):
    sampler = make_sampler(device, params=schedule and {"anneal_schedule": schedule})
    with pytest.raises(
        ValueError, match="'initial_states' parameter of EmbeddedSampler needs a re"
    ):
        sampler.sample_arrays([[0.1, 0.2]], PAIR, initial_states=np.ones((1, 20, 2)))


def test_a_reverse_schedule_without_states_is_refused(device):
    with pytest.raises(
        ValueError, match="reverse anneal, for which EmbeddedSampler needs 'initial"
    ):
        make_sampler(device).sample_arrays([[0.1, 0.2]], PAIR, anneal_schedule=FROZEN)


def test_different_states_of_a_model_are_refused(device):
    starts = np.ones((2, 20, 2))
    starts[1, 3:5] = [[1, -1], [-1, -1]]
    with pytest.raises(ValueError, match="same for all reads .* Got 3 different ones for model 1"):
        make_sampler(device).sample_arrays(
            [[0.1, 0.2]] * 2, PAIR, initial_states=starts, anneal_schedule=FROZEN
        )


def test_a_device_without_reverse_anneals_takes_no_states():
    simple = MockDWaveSampler(topology_type="chimera", topology_shape=[2, 2, 4])
    del simple.parameters["initial_state"]
    sampler = EmbeddedSampler(simple)
    assert "initial_states" not in sampler.parameters
    with pytest.raises(ValueError, match="EmbeddedSampler takes no 'initial_states'"):
        sampler.sample_arrays([[0.1, 0.2]], PAIR, initial_states=np.ones((1, 100, 2)))


def test_the_cost_of_reverse_anneals_is_told(device):
    sampler = make_sampler(device)
    words = {"anneal_schedule": FROZEN, "num_reads": 20}
    told = sampler.estimate_cost(np.zeros((5, 3)), TRIANGLE, is_reverse=True, **words)
    _, _, info = sampler.sample_arrays(
        np.zeros((5, 3)), TRIANGLE, initial_states=np.ones((5, 20, 3)), **words
    )
    assert told["num_calls"] == info["num_calls"]
    assert told["qpu_access_time"] == pytest.approx(info["qpu_access_time"])
    forward = sampler.estimate_cost(np.zeros((5, 3)), TRIANGLE, num_reads=20)
    assert forward["qpu_access_time"] != told["qpu_access_time"]


def test_a_handle_reverses_through_its_own_annealing_time(device):
    """The time of forward anneals and the schedule of a reverse one exclude each other."""
    sampler = make_sampler(DWaveQPUSampler(device=device, annealing_time=40.0))
    sampler.sample_arrays([[0.1, 0.2]], PAIR)
    states, _, _ = sampler.sample_arrays(
        [[0.1, 0.2]], PAIR, initial_states=np.ones((1, 20, 2)), anneal_schedule=FROZEN
    )
    assert (states == 1).all()
    forward, reverse = (parameters for _, parameters in Spy.calls)
    assert forward["annealing_time"] == 40.0 and "annealing_time" not in reverse


# --- what samplers take --------------------------------------------------------------------------


def test_restarts_of_samplers(device):
    embedded = make_sampler(device)
    schedule = {"anneal_schedule": default_reverse_schedule(device.properties)}
    assert (
        restart_arguments(embedded) == restart_arguments(UncoupledComposite(embedded)) == schedule
    )
    own = make_sampler(device, params={"anneal_schedule": FROZEN})
    assert restart_arguments(own) == restart_arguments(UncoupledComposite(own)) == {}
    forward = make_sampler(device, params={"anneal_schedule": [[0, 0], [9, 1]]})
    assert restart_arguments(forward) == schedule
    assert restart_arguments(SimulatedAnnealingSampler()) == {}
    assert restart_arguments(PathIntegralAnnealingSampler()) == {}
    assert restart_arguments(DimodSampler(dimod.RandomSampler())) is None


def test_only_chains_continue(device):
    assert continues_chains(GibbsSampler()) and continues_chains(SimulatedAnnealingSampler())
    assert not continues_chains(make_sampler(device))
    assert not continues_chains(DimodSampler(dimod.RandomSampler()))


@pytest.mark.parametrize("profile", ["2000q-baseline", "advantage", "advantage2"])
def test_the_default_schedule_is_within_the_devices_ranges(profile):
    device = MockQPUSampler(profile, topology_type="chimera", topology_shape=[2, 2, 4])
    schedule = default_reverse_schedule(device.properties)
    device.sample_ising({8: 0.1}, {}, anneal_schedule=schedule, initial_state={8: 1})
    slow = default_reverse_schedule({"annealing_time_range": [4.0, 100.0]})
    slopes = np.abs(np.diff(np.array(slow)[:, 1])) / np.diff(np.array(slow)[:, 0])
    assert slopes.max() == pytest.approx(1 / 4.0)


def test_the_annealers_restart_is_warm_and_not_hot():
    h, J = np.array([[0.3, -0.2]]), PAIR
    sampler = SimulatedAnnealingSampler(num_sweeps=5)
    _, _, anew = sampler.sample_arrays(h, J)
    starts = np.ones((1, 1, 2))
    _, _, again = sampler.sample_arrays(h, J, initial_states=starts)
    hot, cold = anew["beta_range"]
    assert again["beta_range"] == pytest.approx((np.sqrt(hot * cold), cold))
    given = sampler.sample_arrays(h, J, initial_states=starts, beta_range=(0.1, 3.0))[2]
    assert given["beta_range"] == pytest.approx((0.1, 3.0))


# --- searches with a one-hot unit ----------------------------------------------------------------


def unit_models(seed, size=1.0):
    """A unit of 3 and 4 other spins, with fields like those of a nudge."""
    rng = np.random.default_rng(seed)
    J = np.zeros((7, 7))
    J[:3, 3:] = size * rng.normal(size=(3, 4))
    h = size * rng.normal(size=(6, 7))
    h[:, :3] += size * rng.choice([-2.0, 0.0, 2.0], (6, 1))
    return SpinModels(h, check_couplings(J + J.T, 7, "test"), (0, 3))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [0.01, 1.0])
def test_a_searchs_penalty_is_kept_by_all_lowest_states(seed, size):
    models = unit_models(seed, size)
    problem = Problem.of_models(models, is_search=True)
    states = 1 - 2 * ((np.arange(128)[:, np.newaxis] >> np.arange(7)) & 1)
    ups = (states[:, :3] == 1).sum(axis=1)
    for model in range(models.n_models):
        energies = models.energies(model, states) + problem.penalties[model] * (ups - 1.0) ** 2
        lowest = energies.argmin()
        assert ups[lowest] == 1
        whole = models.energies(model, states[ups == 1])
        assert energies[lowest] == pytest.approx(whole.min())
    # No larger than a bound by the largest pull, of which it is a part.
    assert (problem.penalties < 2.2 * Problem.of_models(unit_models(seed)).penalties * size).all()


def test_a_device_finds_the_lowest_states_of_units(device):
    models = unit_models(0)
    states, energies, info = make_sampler(device, num_reads=30).sample_arrays(
        models.fields, models.couplings.toarray(), one_hot=(0, 3)
    )
    assert ((states[:, :, :3] == 1).sum(axis=2) == 1).all()
    every = 1 - 2 * ((np.arange(128)[:, np.newaxis] >> np.arange(7)) & 1)
    every = every[(every[:, :3] == 1).sum(axis=1) == 1]
    expected = [models.energies(model, every).min() for model in range(6)]
    np.testing.assert_allclose(energies.min(axis=1), expected)
    assert info["num_queries"] <= 8  # few reads are lost
