"""The contract of all samplers: the protocols of dimod and scikit-learn, parameters, errors."""

import inspect
import io
import pickle
import unittest

import dimod
import dimod.testing
import joblib
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    PopulationAnnealingSampler,
    SimulatedAnnealingSampler,
    UncoupledComposite,
    get_sampler_names,
)
from qsklearn.samplers._check import _SAMPLERS

OWN = (
    SimulatedAnnealingSampler,
    GibbsSampler,
    ExactSampler,
    NealSampler,
    PathIntegralAnnealingSampler,
    PopulationAnnealingSampler,
    ParallelTemperingSampler,
)
# Of fixed structure, and without an array door: tests/samplers/test_mock_qpu.py.
DEVICES = {"DWaveQPUSampler", "MockQPUSampler"}
# Does not hit a temperature, so that its contract differs: tests/samplers/test_imaginary_time.py.
DEVICES |= {"ImaginaryTimeCircuitSampler"}
CHAINS = (SimulatedAnnealingSampler, GibbsSampler, PathIntegralAnnealingSampler)
ALL = (*OWN, lambda: DimodSampler(dimod.RandomSampler()), UncoupledComposite)
PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])
H = np.array([[0.3, -0.2]])


def ring_of_three():
    return dimod.BinaryQuadraticModel.from_ising({"a": 0.2}, {"ab": 1, "bc": -1, "ca": 0.5})


class RandomSampler(dimod.RandomSampler):
    """Its name in the tests' ids must not hold an address: they differ between processes."""

    def __repr__(self):
        return "RandomSampler()"


@dimod.testing.load_sampler_bqm_tests(SimulatedAnnealingSampler)
@dimod.testing.load_sampler_bqm_tests(GibbsSampler)
@dimod.testing.load_sampler_bqm_tests(ExactSampler)
@dimod.testing.load_sampler_bqm_tests(NealSampler)
@dimod.testing.load_sampler_bqm_tests(PathIntegralAnnealingSampler)
@dimod.testing.load_sampler_bqm_tests(PopulationAnnealingSampler)
@dimod.testing.load_sampler_bqm_tests(ParallelTemperingSampler)
@dimod.testing.load_sampler_bqm_tests(DimodSampler(RandomSampler()))
@dimod.testing.load_sampler_bqm_tests(UncoupledComposite)
class TestGeneratedByDimod(unittest.TestCase):
    """Empty, one-variable and path models, all vartypes and BQM classes."""


def test_dimod_generated_tests_for_every_class():
    names = [name for name in dir(TestGeneratedByDimod) if name.startswith("test_sample")]
    for sampler in (*(kind.__name__ for kind in OWN), "DimodSampler", "UncoupledComposite"):
        assert sum(sampler in name for name in names) >= 30


def test_every_name_has_a_class_tested_here_or_is_a_device():
    named = {name for _, name, _, _ in _SAMPLERS.values()}
    assert named - {kind.__name__ for kind in OWN} == DEVICES
    assert get_sampler_names() == sorted(_SAMPLERS)


@pytest.mark.parametrize("make", ALL)
def test_dimod_sampler_api(make):
    dimod.testing.assert_sampler_api(make())


@pytest.mark.parametrize("kind", OWN)
def test_parameters_are_the_constructors_and_the_calls(kind):
    constructor = set(inspect.signature(kind).parameters)
    expected = constructor | ({"initial_states"} if kind in CHAINS else set())
    expected |= {"clamped"} if kind is GibbsSampler else set()
    assert set(kind().parameters) == expected
    assert set(kind._parameter_constraints) == constructor
    assert set(kind().properties["intents"]) <= {"thermal", "ground"}


@pytest.mark.parametrize("kind", OWN)
def test_every_parameter_is_taken_by_both_doors(kind):
    """A call's value overrides the constructor's, and one left out keeps it."""
    values = {
        "num_reads": 7, "num_sweeps": 3, "beta": 0.5, "beta_range": (0.1, 2.0),
        "beta_schedule_type": "linear", "seed": 3, "num_threads": 2, "beta_schedule": None,
        "max_seconds": 60.0, "num_slices": 4, "transverse_field": 0.3, "search_beta": 2.0,
        "transverse_field_range": (2.0, 0.1), "transverse_field_schedule_type": "geometric",
        "population_size": 50, "overlap": 0.7, "num_sweeps_per_exchange": 2, "num_temperatures": 3,
        "betas": None, "level_moves": "bit",
    }  # fmt: skip
    values = {name: value for name, value in values.items() if name in kind._parameter_constraints}
    assert set(values) == set(kind._parameter_constraints)
    stored = kind(**values).sample_arrays(H, PAIR)[0]
    given = kind().sample_arrays(H, PAIR, **values)[0]
    np.testing.assert_array_equal(stored, given)
    assert stored.shape == (1, 7, 2)
    assert len(kind(**values).sample(ring_of_three())) == 7
    assert kind(**values).sample_arrays(H, PAIR, num_reads=2)[0].shape == (1, 2, 2)


@pytest.mark.parametrize("kind", OWN)
def test_both_doors_draw_the_same(kind):
    bqm = dimod.BinaryQuadraticModel.from_ising({0: 0.3, 1: -0.2}, {(0, 1): 1.0})
    arguments = {"beta": 1.0, "seed": 11, "num_reads": 40}
    states, energies, info = kind().sample_arrays(H, PAIR, **arguments)
    sampleset = kind().sample(bqm, **arguments)
    np.testing.assert_array_equal(sampleset.record.sample, states[0])
    np.testing.assert_allclose(sampleset.record.energy, energies[0])
    assert set(info) == set(sampleset.info)
    assert set(info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    assert sampleset.info["timing"]["sampling_ns"] > 0
    assert info["beta"] == 1.0


@pytest.mark.parametrize("make", OWN)
def test_parameter_object(make):
    sampler = make()
    before = sampler.get_params()
    sampler.set_params(num_reads=12, seed=5)
    assert clone(sampler).get_params() == {**before, "num_reads": 12, "seed": 5}
    buffer = io.BytesIO()
    joblib.dump(sampler, buffer)
    buffer.seek(0)
    expected = sampler.sample_arrays(H, PAIR)[0]
    for copy in (pickle.loads(pickle.dumps(sampler)), joblib.load(buffer), clone(sampler)):
        assert copy.get_params() == sampler.get_params()
        np.testing.assert_array_equal(copy.sample_arrays(H, PAIR)[0], expected)
    assert vars(sampler) == sampler.get_params()  # sampling stored nothing


@pytest.mark.parametrize("make", OWN)
def test_inputs_are_not_changed_and_may_be_read_only(make):
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=(3, 2)), np.stack([PAIR, -PAIR])
    given = {"groups": np.array([0, 1, 0]), "keep": np.array([1, 0]), "seed": np.array([4, 5, 6])}
    if make in CHAINS:
        given["initial_states"] = np.ones((3, 5, 2), np.int8)
    arrays = [h, J, *given.values()]
    before = [array.copy() for array in arrays]
    writable = make().sample_arrays(h, J, num_reads=5, beta=1.0, **given)
    for array in arrays:
        array.flags.writeable = False
    frozen = make().sample_arrays(h, J, num_reads=5, beta=1.0, **given)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(writable[0], frozen[0])
    bqm = ring_of_three()
    copy = bqm.copy()
    make().sample(bqm)
    assert bqm == copy


@pytest.mark.parametrize("make", OWN)
def test_sparse_couplings_are_the_dense_ones(make):
    arguments = {"beta": 1.0, "num_reads": 30, "seed": 2}
    dense = make().sample_arrays(H, PAIR, **arguments)[0]
    for sparse in (scipy.sparse.csr_matrix, scipy.sparse.coo_array, scipy.sparse.csc_array):
        np.testing.assert_array_equal(make().sample_arrays(H, sparse(PAIR), **arguments)[0], dense)


@pytest.mark.parametrize("make", OWN)
def test_empty_families_and_models(make):
    states, energies, _ = make().sample_arrays(np.empty((0, 2)), PAIR, num_reads=3)
    assert states.shape == (0, 3, 2)
    assert energies.shape == (0, 3)
    states, _, _ = make().sample_arrays(np.empty((2, 0)), np.empty((0, 0)), num_reads=3)
    assert states.shape == (2, 3, 0)
    states, _, _ = make().sample_arrays([0.5], [[0.0]], num_reads=3)  # one model as a vector
    assert states.shape == (1, 3, 1)


@pytest.mark.parametrize("make", OWN)
def test_an_empty_group_changes_nothing(make):
    arguments = {"beta": 1.0, "num_reads": 20, "seed": 2}
    h = np.array([[0.3, -0.2], [0.1, 0.4]])
    one, energies, info = make().sample_arrays(h, PAIR, **arguments)
    J = np.stack([5 * PAIR, PAIR, -PAIR])
    other, other_energies, other_info = make().sample_arrays(h, J, groups=[1, 1], **arguments)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(energies, other_energies)
    assert info.keys() == other_info.keys()


NOT_A_NUMBER = (np.nan, np.inf, -np.inf)
BAD_ARRAYS = {
    "h": [
        *(({"h": [[0.3, bad]]}, "'h' parameter of .* must be finite") for bad in NOT_A_NUMBER),
        ({"h": [[1e101, 0.0]]}, "must be at most 1e\\+100 in size"),
        ({"h": np.zeros((1, 2, 2))}, r"must be an array of shape \(n_models, n_spins\)"),
        ({"h": [[0.1, 0.2, 0.3]]}, r"'J' parameter of .* shape \(3, 3\)"),
    ],
    "J": [
        *(
            ({"J": [[0, bad], [bad, 0]]}, "'J' parameter of .* must be finite")
            for bad in (np.inf, -np.inf)
        ),
        ({"J": [[0, np.nan], [np.nan, 0]]}, "must be finite"),
        ({"J": [[0, 1.0], [0.5, 0]]}, "must be a symmetric matrix"),
        ({"J": [[0, 1.0], [0, 0]]}, "must be a symmetric matrix"),
        ({"J": np.eye(2)}, "must have a zero diagonal"),
        ({"J": np.zeros((2, 3))}, r"shape \(2, 2\)"),
        ({"J": np.zeros((3, 3))}, r"shape \(2, 2\)"),
        ({"J": np.stack([PAIR, PAIR])}, "'groups' parameter of .* must say which"),
    ],
    "groups": [
        ({"J": PAIR[None], "groups": groups}, "'groups' parameter of .* must be 1 integers")
        for groups in ([1], [-1], [0.5], [0, 0], [[0]], ["a"])
    ],
    "keep": [
        ({"keep": keep}, "'keep' parameter of .* must be a list of different spins")
        for keep in ([2], [-1], [0, 0], [0.5], [True, False], [[0]])
    ],
    "one_hot": [
        ({"J": 0 * PAIR, "one_hot": one_hot}, "'one_hot' parameter of .* must be a range")
        for one_hot in ((0, 3), (1, 1), (-1, 1), 1, (0, 1, 2), (0.0, 1.5))
    ]
    + [({"one_hot": (0, 2)}, "spins that do not couple among")],
    "seed": [
        ({"seed": seed}, "'seed' parameter of .* must be")
        for seed in (-1, 1.5, "a", np.array([1, 2]), np.array([-1]), np.array([0.5]))
    ],
    "num_reads": [({"num_reads": bad}, "'num_reads' parameter of") for bad in (0, -3, 1.5, None)],
    "beta": [({"beta": bad}, "'beta' parameter of") for bad in (-1.0, *NOT_A_NUMBER, "hot")],
}


@pytest.mark.parametrize("make", OWN)
@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_bad_arrays_are_refused_by_name(make, what):
    for bad, message in BAD_ARRAYS[what]:
        with pytest.raises(ValueError, match=message):
            make().sample_arrays(**{"h": H, "J": PAIR, **bad})


@pytest.mark.parametrize("make", [DimodSampler(dimod.RandomSampler())], ids=["wrapped"])
@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_bad_arrays_are_refused_before_a_foreign_sampler_sees_them(make, what):
    for bad, message in BAD_ARRAYS[what]:
        with pytest.raises(ValueError, match=message):
            make.sample_arrays(**{"h": H, "J": PAIR, **bad})


@pytest.mark.parametrize("make", OWN)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_biases_of_a_bqm_are_refused(make, bad):
    with pytest.raises(ValueError, match="The linear biases of the model must be finite"):
        make().sample(dimod.BinaryQuadraticModel({"a": bad}, {}, 0.0, "SPIN"))
    with pytest.raises(ValueError, match="The quadratic biases of the model must be finite"):
        make().sample(dimod.BinaryQuadraticModel({}, {"ab": bad}, 0.0, "BINARY"))
    with pytest.raises(ValueError, match="must be at most 1e\\+100 in size"):
        make().sample(dimod.BinaryQuadraticModel({}, {"ab": 1e200}, 0.0, "SPIN"))


@pytest.mark.parametrize("make", [kind for kind in OWN if kind is not ExactSampler])
def test_bad_sweeps_are_refused(make):
    for bad in (0, -1, 2.5):
        with pytest.raises(ValueError, match=f"'num_sweeps' parameter of {make.__name__}"):
            make(num_sweeps=bad).sample(ring_of_three())


@pytest.mark.parametrize("make", [kind for kind in OWN if kind is not NealSampler])
def test_bad_threads_are_refused(make):
    for bad in (0, 1.5, "all"):
        with pytest.raises(ValueError, match=f"'num_threads' parameter of {make.__name__}"):
            make().sample(ring_of_three(), num_threads=bad)
    make().sample(ring_of_three(), num_threads=-1)


@pytest.mark.parametrize("make", [SimulatedAnnealingSampler, NealSampler])
def test_malformed_beta_ranges_are_refused(make):
    for bad in ((1.0,), (1, 2, 3), (0.0, 1.0), (-1, 1), (1, np.nan), (1, np.inf), ("a", "b"), 3.0):
        with pytest.raises(ValueError, match="'beta_range' parameter"):
            make(beta_range=bad).sample(ring_of_three())


@pytest.mark.parametrize("make", OWN)
def test_unknown_keywords_warn_by_name(make):
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="num_sweep_s"):
        make().sample(ring_of_three(), num_sweep_s=3)
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="num_sweep_s"):
        make().sample_arrays(H, PAIR, num_sweep_s=3)


@pytest.mark.parametrize("make", [kind for kind in OWN if kind not in CHAINS])
def test_initial_states_where_there_are_no_chains(make):
    with pytest.raises(ValueError, match=f"{make.__name__}.* takes no 'initial_states'"):
        make().sample_arrays(H, PAIR, initial_states=np.ones((1, 1, 2)))
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="initial_states"):
        make().sample(ring_of_three(), initial_states={"a": 1, "b": 1, "c": 1})


@pytest.mark.parametrize("make", CHAINS)
def test_bad_initial_states_are_refused(make):
    for bad in (
        np.ones((1, 2, 2)), np.ones((1, 1, 3)), np.ones((2, 1, 2)), np.ones(2), np.zeros((1, 1, 2)),
        np.full((1, 1, 2), np.nan), np.full((1, 1, 2), 0.5), [[["a", "b"]]],
    ):  # fmt: skip
        with pytest.raises(ValueError, match="'initial_states' parameter of .* must be spins"):
            make().sample_arrays(H, PAIR, initial_states=bad)
    with pytest.raises(ValueError, match="'initial_states' must give a value to each of the 3"):
        make().sample(ring_of_three(), initial_states={"a": 1, "b": 1})
    with pytest.raises(ValueError, match="'initial_states' parameter of .* must be spins"):
        make().sample(ring_of_three(), initial_states={"a": 1, "b": 0, "c": 1})
    with pytest.raises(ValueError, match="'initial_states' parameter of .* must be spins"):
        make().sample(ring_of_three(), initial_states={"a": 1, "b": 1, "c": 1}, num_reads=2)


@pytest.mark.parametrize("make", CHAINS)
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_initial_states_go_in_by_label(make, vartype):
    """In a field that no heat bath climbs at beta = 50, chains stay where they are put."""
    bqm = dimod.BinaryQuadraticModel({"z": 2, "a": -2, (1, 2): 2, 5: -2}, {}, 0.0, "SPIN")
    ground = {5: 1, "a": 1, "z": -1, (1, 2): -1}
    bqm.change_vartype(vartype, inplace=True)
    if vartype == "BINARY":
        ground = {label: (spin + 1) // 2 for label, spin in ground.items()}
    sampleset = make(beta=50.0, num_sweeps=1).sample(bqm, initial_states=[ground] * 3)
    assert len(sampleset) == 3
    assert all(dict(sample) == ground for sample in sampleset.samples())


@pytest.mark.parametrize("make", CHAINS)
def test_chains_continue_from_where_they_were(make, ising):
    """Exact starts through the public door stay exact (chi-square at 1e-4; else another seed)."""
    rng = np.random.default_rng(6)
    h, J = rng.normal(size=5), ising.symmetric(5, rng)
    law = ising.enumerate(h, J, 3.0)
    states = law.states[rng.choice(len(law.states), size=100_000, p=law.probabilities)][None]
    sampler = make(beta=3.0, num_sweeps=2)
    for seed in range(3):
        states, _, _ = sampler.sample_arrays(
            h, J, initial_states=states, num_reads=100_000, seed=seed
        )
    assert ising.p_value(states[0], law) > 1e-4


def test_sparse_matrices_of_groups_come_as_a_list(ising):
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=(3, 4)), np.stack([ising.symmetric(4, rng) for _ in range(2)])
    arguments = {"groups": [1, 0, 1], "num_reads": 6, "seed": 1}
    dense = GibbsSampler().sample_arrays(h, J, **arguments)
    sparse = GibbsSampler().sample_arrays(h, list(map(scipy.sparse.csr_array, J)), **arguments)
    np.testing.assert_array_equal(dense[0], sparse[0])


def test_initial_states_of_other_labels_are_told_apart():
    with pytest.raises(ValueError, match="and none for 'a'; an array goes in as"):
        GibbsSampler().sample(pair_of_labels(), initial_states=np.ones((4, 2), int))
    with pytest.raises(ValueError, match="for 3 variables, some of which the model does not have"):
        GibbsSampler().sample(
            pair_of_labels(), initial_states=(np.ones((4, 3), int), ["a", "b", "c"])
        )


@pytest.mark.parametrize("states", [[[[None, 1]]], [[[1], [1, 1]]], "random", [[["a", "b"]]]])
def test_initial_states_that_are_no_spins(states):
    with pytest.raises(ValueError, match="The 'initial_states' parameter of GibbsSampler must be"):
        GibbsSampler().sample_arrays([[0.0, 0.0]], np.zeros((2, 2)), initial_states=states)


@pytest.mark.parametrize("clamped", [3, "a", None.__class__])
def test_clamped_variables_come_as_a_list(clamped):
    with pytest.raises(ValueError, match="must be a list of variables of the model"):
        GibbsSampler().sample(pair_of_labels(), initial_states={"a": 1, "b": 1}, clamped=clamped)


def test_clamped_is_refused_where_it_would_not_hold():
    with pytest.raises(ValueError, match="SimulatedAnnealingSampler takes no 'clamped'"):
        SimulatedAnnealingSampler().sample(pair_of_labels(), clamped=["a"])


def test_counts_may_be_short_integers_and_no_booleans():
    words = {"num_reads": np.int8(1), "num_sweeps": np.int8(1)}
    assert len(GibbsSampler(**words).sample(pair_of_labels())) == 1
    for name in words:
        with pytest.raises(ValueError, match=f"'{name}' parameter of GibbsSampler .* Got True"):
            GibbsSampler(**{name: True}).sample(pair_of_labels())


def pair_of_labels():
    return dimod.BinaryQuadraticModel({}, {"ab": 1.0}, "SPIN")


def test_ragged_groups_are_refused_by_name():
    message = r"'groups' parameter of GibbsSampler must be 1 integers .* Got \[\[0\], \[0, 1\]\]"
    with pytest.raises(ValueError, match=message):
        GibbsSampler().sample_arrays([[0.1, 0.2]], np.zeros((1, 2, 2)), groups=[[0], [0, 1]])
