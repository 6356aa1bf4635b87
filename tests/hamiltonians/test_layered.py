"""Layered Hamiltonians: energies against dimod and term by term, one-hot states, clipping."""

import pickle
from itertools import product

import dimod
import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit, softmax

from qsklearn.hamiltonians import LayeredHamiltonian, has_one_hot_ground_state

SIZES = {
    "class unit": (4,),
    "one hidden layer": (5, 3),
    "two": (4, 3, 3),
    "three": (3, 4, 2, 3),
}


def make(sizes, seed=0, scale=1.5, penalty=None, sparse=False, names=None):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, scale, shape) for shape in zip(sizes[:-1], sizes[1:], strict=True)]
    if sparse:
        kept = [rng.random(matrix.shape) < 0.5 for matrix in weights]
        pairs = zip(weights, kept, strict=True)
        weights = [scipy.sparse.csr_array(matrix * some) for matrix, some in pairs]
    biases = [rng.normal(0, scale, size) for size in sizes]
    return LayeredHamiltonian(tuple(weights), tuple(biases), penalty, names)


def dense(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def energy_by_terms(hamiltonian, inputs, q, shift=0.0, penalty=None):
    """The class docstring's energy of one state, layer by layer."""
    ends = np.cumsum([0, *hamiltonian.layer_sizes])
    layers = [q[start:stop] for start, stop in zip(ends[:-1], ends[1:], strict=True)]
    energy = -inputs @ layers[0] + shift * layers[-1].sum()
    for bias, layer in zip(hamiltonian.biases, layers, strict=True):
        energy -= bias @ layer
    for weights, low, high in zip(hamiltonian.weights, layers[:-1], layers[1:], strict=True):
        energy -= low @ dense(weights) @ high
    if penalty is not None:
        energy += penalty * (layers[-1].sum() - 1) ** 2
    return energy


def all_bits(n):
    return (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1


@pytest.fixture(params=SIZES)
def sizes(request):
    return SIZES[request.param]


# --- energies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [None, 0.7, 5.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_family_energies_are_the_sum_of_the_terms(sizes, penalty, sparse):
    hamiltonian = make(sizes, penalty=penalty, sparse=sparse)
    rng = np.random.default_rng(3)
    inputs, shifts = rng.normal(0, 3, (4, sizes[0])), rng.normal(0, 3, 4)
    bits = rng.integers(0, 2, (4, 20, hamiltonian.n_units))
    for with_shifts in (shifts, None):
        family = hamiltonian.build(inputs, with_shifts)
        found = family.energies(2 * bits - 1)
        for i, j in product(range(4), range(20)):
            shift = 0.0 if with_shifts is None else shifts[i]
            expected = energy_by_terms(hamiltonian, inputs[i], bits[i, j], shift, penalty)
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("penalty", [None, 2.0])
def test_bqm_matrix_and_family_agree_on_random_states(sizes, penalty):
    hamiltonian = make(sizes, seed=1, penalty=penalty)
    rng = np.random.default_rng(4)
    inputs = rng.normal(0, 3, sizes[0])
    bits = rng.integers(0, 2, (200, hamiltonian.n_units))
    bqm = hamiltonian.to_bqm(inputs, 1.5)
    matrix, offset = hamiltonian.to_matrix(inputs, 1.5)
    assert bqm.vartype is dimod.BINARY
    assert list(bqm.variables) == list(hamiltonian.labels)
    np.testing.assert_array_equal(matrix, np.triu(matrix))
    energies = bqm.energies((bits, hamiltonian.labels))
    np.testing.assert_allclose(((bits @ matrix) * bits).sum(axis=1) + offset, energies, atol=1e-9)
    used = penalty if penalty is not None else offset
    expected = [energy_by_terms(hamiltonian, inputs, q, 1.5, used) for q in bits]
    np.testing.assert_allclose(energies, expected, atol=1e-9)
    family = hamiltonian.with_penalty(used).build([inputs], [1.5])
    np.testing.assert_allclose(family.energies(2 * bits[np.newaxis] - 1)[0], energies, atol=1e-9)
    np.testing.assert_allclose(
        family.to_bqm().energies((2 * bits - 1, hamiltonian.labels)), energies, atol=1e-9
    )


def test_family_describes_its_units():
    hamiltonian = make((2, 2, 3))
    labels = [("hidden1", 0), ("hidden1", 1), ("hidden2", 0), ("hidden2", 1)]
    labels += [("class", k) for k in range(3)]
    family = hamiltonian.build(np.zeros((1, 2)))
    assert family.labels == hamiltonian.labels == tuple(labels)
    assert family.one_hot == (4, 7)
    assert hamiltonian.with_penalty(1.0).build(np.zeros((1, 2))).one_hot is None
    np.testing.assert_array_equal(family.couplings, family.couplings.T)
    assert not family.couplings[4:, 4:].any()  # as a one-hot unit must be
    assert not family.couplings[:2, 4:].any()  # layers couple to neighbours only


def test_sizes_and_names():
    hamiltonian = make((2, 4, 3))
    assert hamiltonian.layer_sizes == (2, 4, 3)
    assert (hamiltonian.n_units, hamiltonian.n_classes) == (9, 3)
    assert hamiltonian.layers == {
        "hidden1": slice(0, 2),
        "hidden2": slice(2, 6),
        "class": slice(6, 9),
    }
    assert hamiltonian.class_units.tolist() == [6, 7, 8]
    assert hamiltonian.hidden_units.tolist() == [0, 1, 2, 3, 4, 5]
    assert make((4,)).names == ("class",)
    assert make((4, 2)).names == ("hidden", "class")
    named = make((4, 2), names=["pixel", "digit"])
    assert named.labels[-1] == ("digit", 1) and list(named.layers) == ["pixel", "digit"]


def test_one_sample_of_a_batch_is_that_sample():
    hamiltonian = make((5, 3), penalty=2.0)
    inputs = np.random.default_rng(0).normal(size=(6, 5))
    batch, alone = hamiltonian.build(inputs, np.arange(6.0)), hamiltonian.build(inputs[2:3], [2.0])
    np.testing.assert_array_equal(batch.fields[2:3], alone.fields)
    np.testing.assert_array_equal(batch.couplings, alone.couplings)
    np.testing.assert_array_equal(batch.offsets[2:3], alone.offsets)


def test_large_models_have_sparse_couplings():
    rng = np.random.default_rng(0)
    kept = rng.random((3000, 40)) < 0.02
    weights = scipy.sparse.csr_array(rng.normal(size=kept.shape) * kept)
    class_weights = rng.normal(size=(40, 10))
    biases = (rng.normal(size=3000), rng.normal(size=40), rng.normal(size=10))
    hamiltonian = LayeredHamiltonian((weights, class_weights), biases, penalty=3.0)
    inputs = rng.normal(size=(2, 3000))
    family = hamiltonian.build(inputs)
    assert isinstance(family.couplings, scipy.sparse.csr_array)
    assert family.couplings.nnz == 2 * (weights.nnz + 400 + 45)
    bits = rng.integers(0, 2, (2, 3, 3050))
    found = family.energies(2 * bits - 1)
    for i, j in product(range(2), range(3)):
        expected = energy_by_terms(hamiltonian, inputs[i], bits[i, j], penalty=3.0)
        assert found[i, j] == pytest.approx(expected, abs=1e-9)
    assert isinstance(make((1990, 10)).build(np.zeros((1, 1990))).couplings, np.ndarray)
    assert scipy.sparse.issparse(make((1991, 10)).build(np.zeros((1, 1991))).couplings)


def test_enormous_matrices_are_refused_before_they_are_made():
    hamiltonian = LayeredHamiltonian(
        (scipy.sparse.csr_array((30_000, 2)),), (np.zeros(30_000), np.zeros(2))
    )
    with pytest.raises(MemoryError, match="7200960032 bytes.*to_bqm"):
        hamiltonian.to_matrix(np.zeros(30_000))
    assert hamiltonian.to_bqm(np.zeros(30_000)).num_variables == 30_002


# --- one-hot states ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shift", [0.0, -7.0, 9.0])
def test_ground_states_of_a_bqm_are_one_hot_without_a_penalty_of_ones_own(sizes, seed, shift):
    hamiltonian = make(sizes, seed=seed, scale=2.0)
    inputs = np.random.default_rng(seed).normal(0, 4, sizes[0])
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(inputs, shift)).lowest(atol=1e-9)
    bits = hamiltonian.decode(ground)
    assert LayeredHamiltonian.one_hot_mask(bits).all()
    states = all_bits(hamiltonian.n_units)
    states = states[states[:, hamiltonian.class_units].sum(axis=1) == 1]
    energies = [energy_by_terms(hamiltonian, inputs, q) for q in states]
    best = states[np.argmin(energies)][hamiltonian.class_units]
    np.testing.assert_array_equal(bits[0], best)


@pytest.mark.parametrize("field", [-1.0, 0.0, 1.0])
def test_equal_classes_tie_and_stay_one_hot(field):
    for hamiltonian, inputs in (
        (LayeredHamiltonian((), (np.zeros(3),)), np.full(3, field)),
        (LayeredHamiltonian((np.zeros((2, 3)),), (np.zeros(2), np.full(3, field))), np.ones(2)),
    ):
        ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(inputs)).lowest(atol=1e-9)
        bits = hamiltonian.decode(ground)
        assert (bits.sum(axis=1) == 1).all() and len(np.unique(bits, axis=0)) == 3


@pytest.mark.parametrize("shift", [-9.0, 9.0])
def test_penalty_of_a_bqm_holds_against_the_shifted_logits(shift):
    hamiltonian = LayeredHamiltonian((), (np.zeros(3),))
    inputs = -shift + np.array([0.5, -0.5, 0.0])  # logits of 18 in size
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm(inputs, shift)).lowest(atol=1e-9)
    np.testing.assert_array_equal(hamiltonian.decode(ground), [[1, 0, 0]])


@pytest.mark.parametrize("penalty", [0.25, 1.0, 4.0, 8.0])
def test_penalised_class_unit_obeys_the_ground_state_rule(penalty):
    rng = np.random.default_rng(8)
    hamiltonian = LayeredHamiltonian((), (rng.normal(size=5),), penalty)
    inputs, shifts = rng.normal(0, 5, (60, 5)), rng.normal(0, 2, 60)
    states = all_bits(5)
    spins = np.broadcast_to(2 * states - 1, (60, 32, 5))
    energies = hamiltonian.build(inputs, shifts).energies(spins)
    is_one_hot = states.sum(axis=1) == 1
    found = energies[:, is_one_hot].min(axis=1) < energies[:, ~is_one_hot].min(axis=1)
    logits = hamiltonian.class_fields(inputs) - shifts[:, np.newaxis]
    np.testing.assert_array_equal(found, has_one_hot_ground_state(logits, penalty))
    assert 0 < found.sum() < 60


def test_papers_penalty_breaks_the_class_unit_of_a_confident_network():
    # Logits as its network has them: the second class joins the first at A = 1.
    hamiltonian = LayeredHamiltonian((), (np.zeros(3),), penalty=1.0)
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm([8.0, 2.0, -5.0])).first.sample
    assert [ground["class", k] for k in range(3)] == [1, 1, 0]
    ground = dimod.ExactSolver().sample(hamiltonian.to_bqm([8.0, 2.0, -5.0], 8.0)).first.sample
    assert [ground["class", k] for k in range(3)] == [1, 0, 0]


def test_decode_takes_spins_bits_and_samplesets():
    hamiltonian = make((2, 3))
    bits = np.array([[[0, 1, 0, 1, 0], [1, 1, 1, 1, 0]]])
    expected = [[[0, 1, 0], [1, 1, 0]]]
    for states in (bits, (2 * bits - 1).astype(np.int8)):
        decoded = hamiltonian.decode(states)
        assert decoded.dtype == np.int8
        np.testing.assert_array_equal(decoded, expected)
    np.testing.assert_array_equal(hamiltonian.one_hot_mask(decoded), [[True, False]])
    with pytest.raises(ValueError, match=r"whole states, of shape \(..., 5\).*shape \(2, 3\)"):
        hamiltonian.decode(np.ones((2, 3)))


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_decode_of_samplesets_goes_by_label_and_unfolds(vartype):
    hamiltonian = make((2, 3))
    labels = [("class", 2), ("hidden", 1), ("class", 0), ("hidden", 0), ("class", 1)]
    low = -1 if vartype == "SPIN" else 0
    rows = np.array([[1, 1, low, 1, low], [low, low, 1, low, 1]])
    drawn = dimod.SampleSet.from_samples(
        (rows, labels), vartype, energy=[0.0, 1.0], num_occurrences=[2, 1]
    )
    np.testing.assert_array_equal(hamiltonian.decode(drawn), [[0, 0, 1], [0, 0, 1], [1, 1, 0]])


def test_masks_of_many_classes_do_not_overflow():
    assert not LayeredHamiltonian.one_hot_mask(np.ones(257, np.int8))


# --- mean field, centring, clipping --------------------------------------------------------------


def test_mean_field_steps_by_hand():
    hamiltonian = make((3, 4, 2), seed=2)
    inputs = np.random.default_rng(1).normal(size=(5, 3))
    (W0, W1), (b0, b1, b2), beta = hamiltonian.weights, hamiltonian.biases, 0.8
    m0 = expit(beta * (b0 + inputs))
    m1 = expit(beta * (b1 + m0 @ W0))
    m2 = softmax(beta * (b2 + m1 @ W1), axis=1)
    for steps in range(4):
        for found, expected in zip(
            hamiltonian.mean_field(inputs, steps, beta), (m0, m1, m2), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-13)
        m0 = expit(beta * (b0 + inputs + m1 @ W0.T))
        m1 = expit(beta * (b1 + m0 @ W0 + m2 @ W1.T))
        m2 = softmax(beta * (b2 + m1 @ W1), axis=1)
    m1 = hamiltonian.mean_field(inputs)[1]
    np.testing.assert_allclose(hamiltonian.class_fields(inputs), b2 + m1 @ W1, rtol=1e-13)


def test_mean_field_of_sparse_weights_is_the_same(sizes):
    hamiltonian = make(sizes, sparse=True)
    plain = LayeredHamiltonian(tuple(map(dense, hamiltonian.weights)), hamiltonian.biases)
    inputs = np.random.default_rng(1).normal(size=(5, sizes[0]))
    laws = hamiltonian.mean_field(inputs), plain.mean_field(inputs)
    for found, expected in zip(*laws, strict=True):
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(hamiltonian.class_fields(inputs), plain.class_fields(inputs))


def test_class_unit_alone_needs_no_mean_field():
    hamiltonian = make((4,))
    inputs = np.random.default_rng(1).normal(size=(5, 4))
    logits = inputs + hamiltonian.biases[0]
    np.testing.assert_allclose(hamiltonian.class_fields(inputs), logits)
    np.testing.assert_allclose(hamiltonian.mean_field(inputs)[0], softmax(logits, axis=1))


@pytest.mark.parametrize("size", [1e6, 1e90, 1e308])
def test_mean_field_of_enormous_inputs_is_saturated(size):
    hamiltonian = make((3, 4, 2))
    means = hamiltonian.mean_field(np.array([[size, -size, size]]), beta=2.0)
    np.testing.assert_array_equal(means[0], [[1.0, 0.0, 1.0]])
    assert all(np.isfinite(layer).all() for layer in means)


def test_centred_rows_have_no_mean():
    for sparse in (False, True):
        hamiltonian = make((4, 3, 3), sparse=sparse, penalty=2.0)
        centred = hamiltonian.centred()
        np.testing.assert_allclose(centred.weights[-1].sum(axis=1), 0, atol=1e-14)
        assert centred.penalty == 2.0 and centred.names == hamiltonian.names
        np.testing.assert_array_equal(dense(centred.weights[0]), dense(hamiltonian.weights[0]))
    alone = make((4,))
    assert alone.centred() is alone


def test_centring_keeps_the_energies_of_one_hot_states_and_no_others(sizes):
    hamiltonian = make(sizes, seed=5)
    centred, inputs = hamiltonian.centred(), np.random.default_rng(0).normal(size=(1, sizes[0]))
    states = 2 * all_bits(hamiltonian.n_units)[np.newaxis] - 1
    before = hamiltonian.build(inputs).energies(states)
    after = centred.build(inputs).energies(states)
    is_one_hot = hamiltonian.one_hot_mask(hamiltonian.decode(states))
    np.testing.assert_allclose(after[is_one_hot], before[is_one_hot], atol=1e-12)
    assert np.allclose(after, before) == (len(sizes) == 1)


@pytest.mark.parametrize("clip", [3.0, 8.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_clipped_inputs_keep_the_law(sizes, clip, sparse):
    hamiltonian = make(sizes, seed=6, sparse=sparse)
    inputs = np.random.default_rng(2).normal(0, 30, (40, sizes[0]))
    clipped = hamiltonian.clipped_inputs(inputs, clip)
    moved = np.abs(hamiltonian.unit_means(clipped) - hamiltonian.unit_means(inputs))
    assert (clipped != inputs).any()
    assert moved.max() < sizes[0] * np.exp(-clip)
    np.testing.assert_array_equal(hamiltonian.clipped_inputs(clipped, clip), clipped)


def test_clipped_fields_are_just_saturated_whatever_is_above():
    for sizes in ((3, 4), (3, 4, 2)):
        hamiltonian = make(sizes, seed=7)
        weights, bias, clip = hamiltonian.weights[0], hamiltonian.biases[0], 5.0
        above = np.eye(4) if len(sizes) == 2 else all_bits(4)
        reach = above @ weights.T
        inputs = np.array([[100.0, -100.0, 0.1], [-1e6, 1e6, -0.1], [1e308, -1e308, 0.0]])
        clipped = hamiltonian.clipped_inputs(inputs, clip)
        fields = (clipped + bias)[:, np.newaxis] + reach
        weakest = np.abs(fields[:, :, :2]).min(axis=1)
        np.testing.assert_allclose(weakest, clip, rtol=1e-12)
        np.testing.assert_array_equal(clipped[:, 2], inputs[:, 2])
        assert (np.sign(clipped[:, :2] + bias[:2]) == np.sign(inputs[:, :2])).all()


def test_clipped_logits_of_the_class_unit():
    hamiltonian = LayeredHamiltonian((), (np.array([1.0, 0.0, -2.0]),))
    clipped = hamiltonian.clipped_inputs([[10.0, 1.0, 8.0], [0.0, 0.5, 0.0]], 4.0)
    np.testing.assert_allclose(clipped, [[10.0, 7.0, 9.0], [0.0, 0.5, 0.0]])


# --- the object ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: LayeredHamiltonian((np.ones((2, 3)),), (np.zeros(2), np.zeros(4))),
            r"shapes \[\(2, 4\)\].*layers of \[2, 4\] units. Got shapes \[\(2, 3\)\]",
        ),
        (lambda: LayeredHamiltonian((), (np.zeros(2), np.zeros(4))), r"Got shapes \[\]"),
        (lambda: LayeredHamiltonian((np.ones(3),), (np.zeros(3),)), r"matrices. Got shape \(3,\)"),
        (lambda: LayeredHamiltonian((), ()), "one vector a layer"),
        (lambda: LayeredHamiltonian((), (np.zeros((2, 2)),)), r"shapes \[\(2, 2\)\]"),
        (lambda: LayeredHamiltonian((), (np.zeros(0),)), "at least one unit"),
        (lambda: LayeredHamiltonian((), (np.array([np.nan, 1.0]),)), r"NaN .* in biases\[0\]"),
        (
            lambda: LayeredHamiltonian(
                (scipy.sparse.csr_array([[np.inf, 1.0]]),), (np.zeros(1), np.zeros(2))
            ),
            r"in weights\[0\]",
        ),
        (lambda: make((3,), penalty=0.0), "'penalty'.*positive number or None. Got 0.0"),
        (lambda: make((3,), penalty=np.nan), "'penalty'.*Got nan"),
        (lambda: make((3,)).with_penalty(-1.0), "'penalty'.*Got -1.0"),
        (lambda: make((3, 2), names=("a", "a")), "2 distinct names"),
        (lambda: make((3, 2), names=("a",)), "2 distinct names"),
        (lambda: make((3, 2)).build(np.ones((4, 2))), r"the 3 units.*Got shape \(4, 2\)"),
        (lambda: make((3, 2)).build(np.ones(3)), r"\(n_samples, 3\).*Got shape \(3,\)"),
        (lambda: make((3, 2)).to_bqm(np.ones((1, 3))), r"shape \(3,\). Got shape \(1, 3\)"),
        (lambda: make((3, 2)).build([[0.0, np.nan, 0.0]]), "numbers. Got NaN"),
        (lambda: make((3, 2)).build(np.ones((4, 3)), np.ones(3)), "4 samples. Got shape"),
        (lambda: make((3, 2)).build(np.ones((1, 3)), [np.inf]), "shifts .* finite"),
        (lambda: make((3, 2)).class_probabilities(np.ones((1, 3)), 0.0), "'beta'.*Got 0.0"),
        (lambda: make((3, 2)).class_probabilities(np.ones((1, 3)), None), "'beta'.*Got None"),
        (lambda: make((3, 2)).unit_means(np.ones((1, 3)), np.inf), "'beta'.*Got inf"),
        (lambda: make((3, 2)).mean_field(np.ones((1, 3)), -1), "'num_steps'.*Got -1"),
        (lambda: make((3, 2)).mean_field(np.ones((1, 3)), 1.5), "'num_steps'.*Got 1.5"),
        (lambda: make((3, 2)).clipped_inputs(np.ones((1, 3)), -2.0), "'clip'.*Got -2.0"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


@pytest.mark.parametrize(("weights", "biases", "name"), [(1.0, (), "weights"), ((), 1.0, "biases")])
def test_layers_are_given_in_tuples(weights, biases, name):
    with pytest.raises(
        TypeError, match=f"'{name}' .* must be a tuple of arrays. Got float instead"
    ):
        LayeredHamiltonian(weights, biases)


def test_enormous_inputs_build_models_that_samplers_take():
    family = make((3, 2)).build(np.array([[np.inf, -1e308, 0.0]]))
    assert np.isfinite(family.fields).all() and np.isfinite(family.offsets).all()
    assert np.abs(family.fields).max() <= 1e90


def test_penalty_can_be_exchanged():
    hamiltonian = make((3, 2))
    penalised = hamiltonian.with_penalty(3.0)
    assert (hamiltonian.penalty, penalised.penalty) == (None, 3.0)
    assert penalised.with_penalty(None).build(np.zeros((1, 3))).one_hot == (3, 5)
    nothing = dict.fromkeys(penalised.labels, 0)
    assert penalised.to_bqm(np.zeros(3)).energy(nothing) == 3.0


def test_frozen_comparable_and_picklable():
    hamiltonian = make((4, 3, 2), sparse=True, penalty=1.0)
    inputs = np.random.default_rng(0).normal(size=(2, 4))
    hamiltonian.build(inputs)
    with pytest.raises(AttributeError):
        hamiltonian.penalty = 2.0
    assert hamiltonian == hamiltonian and hamiltonian != hamiltonian.with_penalty(2.0)
    copy = pickle.loads(pickle.dumps(hamiltonian))
    np.testing.assert_array_equal(copy.build(inputs).fields, hamiltonian.build(inputs).fields)


@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_any_sparse_weights_are_taken(container):
    plain = make((4, 3, 3))
    hamiltonian = LayeredHamiltonian(tuple(map(container, plain.weights)), plain.biases)
    assert all(isinstance(weights, scipy.sparse.csr_array) for weights in hamiltonian.weights)
    inputs = np.random.default_rng(0).normal(size=(2, 4))
    np.testing.assert_allclose(hamiltonian.unit_means(inputs), plain.unit_means(inputs))
    for found, expected in (
        (hamiltonian.build(inputs).couplings, plain.build(inputs).couplings),
        (hamiltonian.centred().weights[1], plain.centred().weights[1]),
        (hamiltonian.clipped_inputs(9 * inputs, 2.0), plain.clipped_inputs(9 * inputs, 2.0)),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-14)


def test_lists_and_integers_are_taken():
    hamiltonian = LayeredHamiltonian([[[1, 2]]], [[0], [1, 1]], penalty=1)
    assert hamiltonian.class_free_energies([[0]]).dtype == float
    assert hamiltonian.build([[1]], [0]).n_spins == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_units_that_are_held_leave_the_law_of_clamped_ones(sparse):
    whole = make((5, 3, 4), seed=3, sparse=sparse)
    bits = np.random.default_rng(4).integers(2, size=(6, 5))
    above = LayeredHamiltonian(whole.weights[1:], whole.biases[1:])
    clamped = above.class_probabilities(bits @ dense(whole.weights[0]))
    for margin in (4.0, 12.0):
        inputs = whole.holding_inputs(bits, margin)
        np.testing.assert_allclose(
            whole.class_probabilities(inputs), clamped, atol=5 * 4 * np.exp(-margin)
        )
        assert np.abs(whole.unit_means(inputs)[:, :5] - bits).max() < np.exp(-margin)
    # No more than is needed: one unit is at the margin where all above is against it.
    against = whole.biases[0] + np.minimum(dense(whole.weights[0]), 0).sum(axis=1)
    np.testing.assert_allclose(whole.holding_inputs(np.ones((1, 5)), 4.0)[0] + against, 4.0)


def test_class_units_that_are_held_and_wrong_margins():
    unit = make((3,), seed=1)
    inputs = unit.holding_inputs([[0, 1, 0]], 20.0)
    np.testing.assert_allclose(unit.class_probabilities(inputs), [[0, 1, 0]], atol=1e-8)
    with pytest.raises(ValueError, match="must be a positive number"):
        unit.holding_inputs([[0, 1, 0]], 0.0)


def test_clipping_enormous_logits_leaves_the_largest():
    unit = LayeredHamiltonian((), (np.zeros(3),))
    clipped = unit.clipped_inputs([[1e18, 2e18, -1e300]], 8.0)
    assert clipped.argmax() == 1 and (np.sort(clipped[0])[:2] < clipped.max()).all()
