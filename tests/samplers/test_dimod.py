"""DimodSampler: cloning by reference, pickling, keywords, and distrust of what comes back."""

import copy
import pickle
import sys
import threading

import dimod
import dimod.testing
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler, SteepestDescentSampler
from sklearn.base import clone

from qsklearn.samplers import DimodSampler, GibbsSampler

H = np.array([[0.5, -1.0, 0.25]])
J = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, -0.5], [0.0, -0.5, 0.0]])


class Replay(dimod.Sampler):
    """Returns what it is told, and remembers how it was called."""

    parameters = {"num_reads": [], "seed": [], "annealing_time": []}
    properties = {"topology": "none"}

    def __init__(self, answer, parameters=None):
        self.answer = answer
        self.calls = []
        if parameters is not None:
            self.parameters = parameters

    def sample(self, bqm, **parameters):
        self.calls.append(parameters)
        return self.answer(bqm, **parameters)


def all_down(bqm, num_reads=1, **parameters):
    return dimod.SampleSet.from_samples_bqm(
        (-np.ones((num_reads, bqm.num_variables), np.int8), list(bqm.variables)), bqm
    )


def test_parameters_and_properties_are_the_childs():
    wrapped = DimodSampler(Replay(all_down))
    assert set(wrapped.parameters) == {"num_reads", "seed", "annealing_time"}
    assert wrapped.properties == {"topology": "none"}
    assert set(wrapped.get_params(deep=False)) == {"sampler", "params"}


def test_clone_keeps_the_sampler_by_reference_and_copies_params():
    child, params = SimulatedAnnealingSampler(), {"num_reads": 3}
    wrapped = DimodSampler(child, params)
    cloned = clone(wrapped)
    assert cloned.sampler is child
    assert cloned.params == params and cloned.params is not params
    assert clone(DimodSampler(child)).params is None
    wrapped.set_params(params={"num_reads": 4})
    assert len(wrapped.sample_ising({"a": 1}, {})) == 4


class Embedding(dimod.ComposedSampler):
    """Holds a local function, as dwave-system's EmbeddingComposite does; pickle refuses it."""

    parameters = {"num_reads": [], "seed": []}
    properties = {}

    def __init__(self):
        self.find_embedding = lambda source: {node: [node] for node in source}

    @property
    def children(self):
        return [dimod.RandomSampler()]

    def sample(self, bqm, **parameters):
        self.find_embedding(bqm.variables)
        return self.child.sample(bqm, **parameters)


def test_what_plain_pickle_refuses_goes_through_cloudpickle():
    wrapped = DimodSampler(Embedding(), {"num_reads": 5})
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(wrapped.sampler)
    child = wrapped.sampler
    loaded = pickle.loads(pickle.dumps(wrapped))
    assert wrapped.sampler is child  # pickling does not touch the object itself
    assert loaded.params == {"num_reads": 5}
    assert len(loaded.sample_ising({"a": 1}, {})) == 5
    assert len(pickle.loads(pickle.dumps(loaded)).sample_ising({"a": 1}, {})) == 5
    assert copy.deepcopy(DimodSampler(SteepestDescentSampler())).params is None


def test_pickles_do_without_composites_that_nobody_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "dwave.embedding.transforms", raising=False)
    loaded = pickle.loads(pickle.dumps(DimodSampler(dimod.RandomSampler())))
    assert isinstance(loaded.sampler, dimod.RandomSampler)


def test_what_nothing_pickles_is_named_with_a_remedy():
    child = Replay(all_down)
    child.connection = threading.Lock()
    with pytest.raises(TypeError, match="Replay cannot be pickled .*sampler='gibbs'"):
        pickle.dumps(DimodSampler(child))
    assert DimodSampler(child).sample_arrays(H, J, num_reads=2)[0].shape == (1, 2, 3)


def test_only_declared_keywords_reach_the_child():
    child = Replay(all_down)
    DimodSampler(child, {"annealing_time": 20}).sample_arrays(H, J, num_reads=2, beta=1.0, seed=1)
    (call,) = child.calls
    assert set(call) == {"num_reads", "seed", "annealing_time"}
    assert call["num_reads"] == 2 and 0 <= call["seed"] < 2**31
    unaware = Replay(all_down, parameters={"num_reads": []})
    DimodSampler(unaware).sample_arrays(H, J, num_reads=2, seed=1)
    assert unaware.calls == [{"num_reads": 2}]
    thermal = Replay(all_down, parameters={"num_reads": [], "beta": []})
    _, _, info = DimodSampler(thermal).sample_arrays(H, J, beta=0.3)
    assert thermal.calls == [{"num_reads": 1, "beta": 0.3}]
    assert info["beta"] == 0.3 and "beta_eff" not in info


def test_a_child_that_does_not_tell_its_signature_gets_no_seed():
    class Untold(Replay):
        def sample(self, bqm, **parameters):
            return super().sample(bqm, **parameters)

        sample.__signature__ = "none"  # as of a compiled method: inspect raises

    child = Untold(all_down, {"num_reads": []})
    DimodSampler(child).sample_arrays(H, J, num_reads=2, seed=1)
    assert child.calls == [{"num_reads": 2}]


def test_a_seed_reaches_a_child_that_takes_it_and_does_not_declare_it():
    # dimod's random sampler: unseeded, an ablation with it could not be repeated.
    wrapped = DimodSampler(dimod.RandomSampler())
    fields, couplings = np.zeros((2, 20)), np.zeros((20, 20))
    first, again, other = (
        wrapped.sample_arrays(fields, couplings, num_reads=5, seed=seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and (first[0] != first[1]).any()


def test_a_calls_own_keywords_reach_the_child_and_unknown_ones_warn():
    child = Replay(all_down)
    wrapped = DimodSampler(child, {"annealing_time": 20, "num_reads": 4, "seed": 3})
    wrapped.sample_arrays(H, J, annealing_time=7)
    assert child.calls[-1]["annealing_time"] == 7
    assert child.calls[-1]["num_reads"] == 4
    first = child.calls[-1]["seed"]
    wrapped.sample_arrays(H, J)
    assert child.calls[-1]["seed"] == first  # params' seed seeds families, too
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="anneal_time"):
        wrapped.sample_arrays(H, J, anneal_time=7)
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="anneal_time"):
        wrapped.sample_ising({"a": 1}, {}, anneal_time=7)
    assert "anneal_time" not in child.calls[-1]
    with pytest.raises(ValueError, match="takes no 'initial_states'"):
        DimodSampler(SimulatedAnnealingSampler()).sample_arrays(
            H, J, initial_states=np.ones((1, 1, 3))
        )


def test_occurrences_are_unfolded():
    def aggregated(bqm, num_reads, **parameters):
        return dimod.SampleSet.from_samples_bqm(
            ([[1, 1, 1], [-1, 1, -1]], [0, 1, 2]), bqm, num_occurrences=[num_reads - 2, 2]
        )

    states, energies, _ = DimodSampler(Replay(aggregated)).sample_arrays(
        H, J, num_reads=10, beta=1.0
    )
    assert (states[0] == 1).all(axis=1).sum() == 8
    assert energies.shape == (1, 10)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_reordered_columns_are_decoded_by_label(vartype, ising):
    def shuffled(bqm, num_reads, **parameters):
        state = {2: 1, 0: -1, 1: 1}
        if vartype == "BINARY":
            state = {label: (spin + 1) // 2 for label, spin in state.items()}
            bqm = bqm.change_vartype("BINARY", inplace=False)
        values = [[state[label] for label in (2, 0, 1)]] * num_reads
        return dimod.SampleSet.from_samples_bqm((values, [2, 0, 1]), bqm, sort_labels=False)

    states, energies, _ = DimodSampler(Replay(shuffled)).sample_arrays(H, J, num_reads=3)
    np.testing.assert_array_equal(states, [[[-1, 1, 1]] * 3])
    np.testing.assert_allclose(energies, ising.energies(H[0], J, states[0])[None])
    kept, _, _ = DimodSampler(Replay(shuffled)).sample_arrays(H, J, keep=[2, 0])
    np.testing.assert_array_equal(kept, [[[1, -1]]])


def shorter(bqm, num_reads, **parameters):
    return all_down(bqm, max(num_reads // 2, 1))


def test_fewer_reads_fail_a_thermal_draw_and_serve_a_ground_search():
    wrapped = DimodSampler(Replay(shorter))
    with pytest.raises(ValueError, match="Replay returned 5 reads where 10 were asked for"):
        wrapped.sample_arrays(H, J, num_reads=10, beta=1.0)
    states, energies, info = wrapped.sample_arrays(H, J, num_reads=10)
    assert states.shape == (1, 10, 3) and info["beta"] is None
    with pytest.raises(ValueError, match="returned no states where 3 were asked for"):
        DimodSampler(Replay(lambda bqm, **_: all_down(bqm, 0))).sample_arrays(H, J, num_reads=3)


def test_a_ground_search_takes_the_best_of_more_and_repeats_the_best_of_fewer(ising):
    law = ising.enumerate(H[0], J, 0.0)
    ordered = np.sort(law.energies)
    solver = DimodSampler(dimod.ExactSolver())  # 8 states, in no order of energy
    _, energies, _ = solver.sample_arrays(H, J, num_reads=3)
    np.testing.assert_allclose(energies[0], ordered[:3])
    _, energies, _ = solver.sample_arrays(H, J, num_reads=10)
    np.testing.assert_allclose(energies[0], [*ordered, *ordered[:2]])


def broken(energy=None, values=None, variables=None):
    def answer(bqm, num_reads, **parameters):
        labels = list(bqm.variables) if variables is None else variables
        states = np.ones((num_reads, len(labels)), np.int8)
        if values is not None:
            states[:] = values
        return dimod.SampleSet.from_samples(
            (states, labels), energy=np.full(num_reads, 1.0 if energy is None else energy),
            vartype="SPIN",
        )  # fmt: skip

    return answer


def lie(bqm, num_reads, **parameters):
    sampleset = all_down(bqm, num_reads)
    sampleset.record.sample[:] = 0  # no spin
    return sampleset


@pytest.mark.parametrize("beta", [1.0, None])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (broken(energy=np.nan), "Replay must return finite energies"),
        (broken(energy=np.inf), "Replay must return finite energies"),
        (broken(variables=[0, 1]), "a value for each of the 3 variables"),
        (broken(variables=[0, 1, 2, 3]), "a value for each of the 3 variables"),
        (broken(variables=["a", "b", "c"]), "a value for each of the 3 variables"),
        (lie, r"Replay must return spins -1 or \+1"),
        (lambda bqm, **_: [[1, 1, 1]], "Replay must return a dimod.SampleSet. Got list"),
        (lambda bqm, **_: None, "Replay must return a dimod.SampleSet. Got NoneType"),
    ],
)
def test_wrong_answers_are_named(answer, message, beta):
    with pytest.raises(ValueError, match=message):
        DimodSampler(Replay(answer)).sample_arrays(H, J, num_reads=2, beta=beta)


def test_a_sampler_without_temperature_is_handed_beta_times_the_energy():
    seen = []

    def answer(bqm, num_reads, **parameters):
        seen.append(bqm.copy())
        return GibbsSampler(seed=1).sample(bqm, num_reads=num_reads)

    states, energies, info = DimodSampler(Replay(answer)).sample_arrays(
        H, J, num_reads=5000, beta=0.5
    )
    assert seen[0].get_linear(0) == pytest.approx(0.25)
    assert seen[0].get_quadratic(0, 1) == pytest.approx(0.5)
    # The child draws at 1, so beta_eff is 1: 4 standard errors, else another seed.
    assert abs(info["beta_eff"] - 1.0) < 4 * info["beta_eff_stderr"] < 0.3
    assert "beta" not in info


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_energies_are_the_models_and_not_the_programmed_ones(beta, ising):
    states, energies, _ = DimodSampler(dimod.RandomSampler()).sample_arrays(
        H, J, num_reads=20, beta=beta, seed=1
    )
    np.testing.assert_allclose(energies[0], ising.energies(H[0], J, states[0]))


def test_costs_and_temperatures_of_groups_are_put_together():
    def answer(bqm, num_reads, **parameters):
        sampleset = GibbsSampler(seed=1).sample(bqm, num_reads=num_reads)
        sampleset.info["timing"] = {"qpu_access_time": 10.0}
        return sampleset

    wrapped = DimodSampler(Replay(answer))
    h = np.repeat(H, 5, axis=0)
    _, _, info = wrapped.sample_arrays(
        h, np.stack([J, 2 * J, J]), groups=[0, 1, 0, 1, 1], num_reads=1000, beta=1.0
    )
    assert info["qpu_access_time"] == 50.0
    assert abs(info["beta_eff"] - 1.0) < 4 * info["beta_eff_stderr"] < 0.3


@pytest.fixture
def pair():
    return dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})


def test_params_that_the_sampler_does_not_declare_are_left_out_with_a_hint(pair):
    wrapped = DimodSampler(SimulatedAnnealingSampler(), {"num_sweps": 50, "num_reads": 3})
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="mean 'num_sweeps'"):
        assert len(wrapped.sample(pair)) == 3


@pytest.mark.parametrize(
    ("sampler", "params", "message"),
    [
        ("neal", None, "'sampler' parameter of DimodSampler must be an object.*Got 'neal'"),
        (dimod.RandomSampler, None, "'sampler' parameter of DimodSampler must be an object"),
        (object(), None, "'sampler' parameter of DimodSampler must be an object"),
        (dimod.RandomSampler(), [3], r"'params' parameter of DimodSampler must be a dict.*\[3\]"),
    ],
)
def test_what_cannot_be_wrapped_is_named(pair, sampler, params, message):
    wrapped = DimodSampler(sampler, params)
    with pytest.raises(ValueError, match=message):
        wrapped.sample(pair)
    with pytest.raises(ValueError, match=message):
        wrapped.sample_arrays([[0.0, 1.0]], np.zeros((2, 2)), beta=1.0, num_reads=2)


def test_devices_are_told_not_to_scale_draws_at_a_temperature():
    """Else beta_eff would have no effect: a device fills its ranges, whatever it is handed."""

    class Device(dimod.RandomSampler):
        def __init__(self):
            super().__init__()
            self.parameters["auto_scale"] = []

        def sample(self, bqm, **arguments):
            calls.append(arguments)
            return super().sample(bqm, num_reads=arguments["num_reads"])

    calls = []
    model = [[0.1, 0.2]], [[0, 0.1], [0.1, 0]]
    DimodSampler(Device()).sample_arrays(*model, beta=1.0, num_reads=5)
    DimodSampler(Device()).sample_arrays(*model, beta=None, num_reads=5)
    DimodSampler(Device(), {"auto_scale": True}).sample_arrays(*model, beta=1.0, num_reads=5)
    assert [arguments.get("auto_scale") for arguments in calls] == [False, None, True]


@pytest.mark.parametrize("reads", [2**40, 2**63, 2**64])
@pytest.mark.parametrize("in_params", [True, False])
def test_reads_that_no_memory_holds_are_refused_before_the_call(pair, reads, in_params):
    """A foreign sampler hands them on to code in C."""
    child = Replay(all_down)
    wrapped = DimodSampler(child, {"num_reads": reads if in_params else 2})
    with pytest.raises(MemoryError, match=r"request to DimodSampler would need [\d,]+ bytes"):
        wrapped.sample(pair, **({} if in_params else {"num_reads": reads}))
    assert not child.calls


@pytest.mark.parametrize("reads", [0, -1, 2.5, "3", True])
def test_reads_that_are_none_are_refused_by_name(pair, reads):
    message = "'num_reads' parameter of DimodSampler must be an int in the range"
    with pytest.raises(ValueError, match=message):
        DimodSampler(dimod.RandomSampler()).sample(pair, num_reads=reads)
    annealer = DimodSampler(SimulatedAnnealingSampler())
    assert [len(annealer.sample(pair, num_reads=n)) for n in (None, np.int8(3))] == [1, 3]


def test_a_beta_that_makes_energies_infinite_is_refused_by_name():
    child = Replay(all_down)
    with pytest.raises(ValueError, match="'beta' parameter of DimodSampler must .* Got 1e.308"):
        DimodSampler(child).sample_arrays(H, J, beta=1e308)
    assert not child.calls
