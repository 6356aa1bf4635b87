"""Programs within a device's ranges: exact on models made by hand, and never refused."""

import numpy as np
import pytest
import scipy.sparse

from qsklearn.samplers._embedded_program import Problem, Programmer
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._program_ranges import ProgramRanges, total_couplings

RANGES = ProgramRanges((-4, 4), (-2, 1), (-18, 15))


def make_models(fields, couplings, one_hot=None):
    fields = np.atleast_2d(np.asarray(fields, float))
    J = np.zeros((fields.shape[1],) * 2)
    for (i, j), value in couplings.items():
        J[i, j] = J[j, i] = value
    return SpinModels(fields, check_couplings(J, len(J), "test"), one_hot)


def complete_layout(chains, pairs):
    """On a device all of whose qubits couple."""
    couplers = np.argwhere(np.triu(np.ones((12, 12)), 1))
    return Layout.of_chains(chains, pairs, couplers)


def write(models, chains=None, scaling="clip", strength=None, ranges=RANGES, any_sign=False):
    problem = Problem.of_models(models)
    chains = chains or [(spin,) for spin in range(models.n_spins)]
    layouts = [complete_layout(chains, problem.pairs)]
    chain_strength = None if strength is None else (lambda model: strength)
    programmer = Programmer(problem, layouts, ranges, scaling, chain_strength, any_sign)
    return programmer, [programmer.write(model) for model in range(models.n_models)]


def test_what_fits_is_programmed_as_it_is():
    models = make_models([0.5, -3.0, 0.0], {(0, 1): -1.5, (1, 2): 1.0})
    for scaling in ("clip", "scale", "raise"):
        programmer, (program,) = write(models, scaling=scaling)
        assert programmer.scale == 1.0
        assert program.fields.tolist() == [0.5, -3.0, 0.0]
        assert program.couplings.tolist() == [-1.5, 1.0]
        assert (program.n_clipped, program.n_biases, program.chain_strength) == (0, 4, 0.0)


def test_clip_moves_to_the_edge_and_counts():
    models = make_models([5.0, -3.0, 0.0], {(0, 1): -3.0, (1, 2): 1.5})
    programmer, (program,) = write(models, scaling="clip")
    assert programmer.scale == 1.0
    assert program.fields.tolist() == [4.0, -3.0, 0.0]
    assert program.couplings.tolist() == [-2.0, 1.0]
    assert (program.n_clipped, program.n_biases) == (3, 4)
    assert [part.tolist() for part in program.model] == [[4.0, -3.0, 0.0], [-2.0, 1.0]]


def test_scale_is_one_factor_for_the_family():
    models = make_models([[5.0, 0.0], [1.0, 8.0]], {(0, 1): -3.0})
    programmer, programs = write(models, scaling="scale")
    assert programmer.scale == 0.5  # 8 is twice what fits
    assert [program.fields.tolist() for program in programs] == [[2.5, 0.0], [0.5, 4.0]]
    assert all(program.couplings.tolist() == [-1.5] for program in programs)
    assert not any(program.n_clipped for program in programs)


def test_fill_scales_up_what_leaves_room():
    programmer, (program,) = write(make_models([0.5, 0.0], {(0, 1): 0.25}), scaling="fill")
    assert programmer.scale == 4.0 and program.couplings.tolist() == [1.0]
    assert write(make_models([5.0, 0.0], {(0, 1): 2.0}), scaling="fill")[0].scale == 0.5
    assert write(make_models([0.0, 0.0], {}), scaling="fill")[0].scale == 1.0
    assert write(make_models([3.0], {}), scaling="fill", ranges=ProgramRanges())[0].scale == 1.0


def test_raise_says_by_how_much():
    with pytest.raises(ValueError, match=r"h in \[-4.*scaling='raise'.*3 times too large"):
        write(make_models([12.0], {}), scaling="raise")


def test_shares_of_a_chain_count_each():
    """8 on two qubits is 4 on each; the couplings of the pair are shared by two couplers."""
    models = make_models([8.0, 0.0], {(0, 1): 2.0})
    programmer, (program,) = write(models, [(0, 1), (2,)], scaling="raise")
    assert program.fields.tolist() == [4.0, 4.0, 0.0]
    np.testing.assert_array_equal(program.couplings, [-2.0, 1.0, 1.0])
    assert program.n_clipped == 0 and program.chain_strength == 2.0


def test_chains_are_as_strong_as_asked_for():
    models = make_models([1.0, 0.0], {(0, 1): -0.5})
    _, (program,) = write(models, [(0, 1), (2,)], strength=1.25)
    assert program.couplings.tolist() == [-1.25, -0.25, -0.25]
    # Scaled with all else, where they are what does not fit.
    programmer, (program,) = write(models, [(0, 1), (2,)], scaling="scale", strength=4.0)
    assert programmer.scale == 0.5 and program.chain_strength == 2.0
    assert program.couplings.tolist() == [-2.0, -0.125, -0.125]


@pytest.mark.parametrize("scaling", ["clip", "raise"])
def test_too_strong_chains_are_refused(scaling):
    models = make_models([1.0, 0.0], {(0, 1): -0.5})
    with pytest.raises(ValueError, match=r"Got 2\.5.*None|1\.25 times.*'chain_strength'"):
        write(models, [(0, 1), (2,)], scaling=scaling, strength=2.5)


def test_strength_beyond_a_chainless_program_does_not_matter():
    _, (program,) = write(make_models([1.0, 0.0], {(0, 1): -0.5}), strength=99.0)
    assert program.chain_strength == 0.0


def test_clipped_sums_leave_room_for_chains():
    """Ten rays of -2 at one qubit take all of its -18; the chain gets as much as a ray."""
    n_rays = 10
    models = make_models(np.zeros(n_rays + 1), {(0, ray): -2.0 for ray in range(1, n_rays + 1)})
    problem = Problem.of_models(models)
    # Qubit 11 ends the chain and couples to nothing else.
    couplers = np.array([[0, 11], *([0, ray] for ray in range(1, n_rays + 1))])
    chains = [(0, 11), *((ray,) for ray in range(1, n_rays + 1))]
    layout = Layout.of_chains(chains, problem.pairs, couplers)
    program = Programmer(problem, [layout], RANGES, "clip", None).write(0)
    assert program.chain_strength == pytest.approx(2.0)
    np.testing.assert_allclose(program.couplings[~layout.is_chain], -1.6)
    assert (program.n_clipped, program.n_biases) == (10, 10)
    # Scaled, with room for a chain as strong as they are: 11 of them have -18.
    programmer = Programmer(problem, [layout], RANGES, "scale", None)
    assert programmer.scale == pytest.approx(18 / 22)
    assert programmer.write(0).n_clipped == 0
    # As strong as is left, where all fits.
    weak = Programmer(Problem.of_models(models.scaled(0.81)), [layout], RANGES, "clip", None).write(
        0
    )
    assert weak.n_clipped == 0 and weak.chain_strength == pytest.approx(18 - 16.2)


def test_in_all_gauges_couplings_keep_to_the_symmetric_part():
    models = make_models([0.0, 5.0, 0.0], {(0, 1): -1.5, (1, 2): 0.5})
    _, (program,) = write(models, any_sign=True)
    assert program.couplings.tolist() == [-1.0, 0.5] and program.n_clipped == 2
    programmer, (program,) = write(models, scaling="scale", any_sign=True)
    assert programmer.scale == pytest.approx(1 / 1.5)
    assert not program.n_clipped


@pytest.mark.parametrize("any_sign", [False, True])
@pytest.mark.parametrize("scaling", ["clip", "scale", "fill"])
def test_random_models_fit_in_all_gauges(scaling, any_sign):
    rng = np.random.default_rng(7)
    for _ in range(40):
        n_spins = int(rng.integers(2, 7))
        J = np.triu(rng.normal(size=(n_spins, n_spins)) * 10 ** rng.uniform(-1, 1.5), 1)
        models = SpinModels(rng.normal(size=(1, n_spins)) * 6, scipy.sparse.csr_array(J + J.T))
        chains = np.split(np.arange(12), np.sort(rng.permutation(11)[: n_spins - 1] + 1))
        programmer, (program,) = write(models, chains, scaling, any_sign=any_sign)
        layout = program.layout
        gauges = rng.choice([-1.0, 1.0], (20, n_spins)) if any_sign else np.ones((1, n_spins))
        for gauge in gauges[:, layout.spin_of]:
            couplings = program.couplings * gauge[layout.edges].prod(axis=1)
            totals = total_couplings(couplings, layout.groups)
            assert np.abs(program.fields).max() <= 4 + 1e-8
            assert -2 - 1e-8 <= couplings.min() and couplings.max() <= 1 + 1e-8
            assert -18 - 1e-7 <= totals.min() and totals.max() <= 15 + 1e-7
        if scaling != "clip":
            assert program.n_clipped == 0
            fields, couplings = program.model
            np.testing.assert_allclose(fields, programmer.scale * models.fields[0])
            np.testing.assert_allclose(
                couplings, programmer.scale * scipy.sparse.triu(models.couplings).data
            )
        if layout.is_chain.any():
            assert program.chain_strength > 0.3


# --- one-hot units --------------------------------------------------------------------------------


def all_states(n_spins):
    return 2.0 * ((np.arange(2**n_spins)[:, np.newaxis] >> np.arange(n_spins)) & 1) - 1


@pytest.mark.parametrize("unit", [(0, 1), (0, 2), (1, 4)])
def test_penalty_is_a_times_the_square(unit):
    models = make_models(np.zeros(4), {}, unit)
    problem = Problem.of_models(models)
    states = all_states(4)
    energies = states @ problem.unit_fields + (
        states[:, problem.pairs[:, 0]] * states[:, problem.pairs[:, 1]] @ problem.unit_couplings
    )
    ups = (states[:, slice(*unit)] > 0).sum(axis=1)
    np.testing.assert_allclose(energies - energies[ups == 1][0], (ups - 1) ** 2)


def test_penalty_is_half_of_what_a_flip_gains():
    models = make_models([[0.3, -0.2, 0.1, 0.0], [9.0, 0.0, 0.0, 0.0]], {(2, 3): 0.5}, (0, 3))
    problem = Problem.of_models(models)
    np.testing.assert_allclose(problem.penalties, [0.6, 9.0])
    assert Problem.of_models(make_models(np.zeros(3), {}, (0, 2))).penalties.tolist() == [0.5]
    assert Problem.of_models(make_models(np.zeros(3), {})).penalties.tolist() == [0.0]


def test_penalty_that_does_not_fit_is_weakened_evenly_and_is_not_clipped():
    fields = [3.0, -2.0, 1.0, 0.5]
    models = make_models(fields, {(0, 3): 0.5}, (0, 3))
    _, (program,) = write(models)
    assert program.n_clipped == 0
    amount = 2 * program.couplings[[0, 1, 3]]  # couplings of 1 at most, half of A
    assert 0.5 < amount[0] <= 2 and np.ptp(amount) == 0
    expected = np.array(fields) + amount[0] * np.array([0.5, 0.5, 0.5, 0.0])
    np.testing.assert_allclose(program.fields, expected)
    np.testing.assert_allclose(program.model[0], fields)
    np.testing.assert_allclose(program.model[1], [0.0, 0.0, 0.5, 0.0])


def test_penalty_for_which_there_is_no_room_is_left_out():
    _, (program,) = write(make_models([4.5, 4.0, 4.0], {}, (0, 3)))
    assert program.fields.tolist() == [4.0, 4.0, 4.0] and not program.couplings.any()
    assert program.n_clipped == 1


def test_scaling_counts_the_penalty():
    models = make_models([3.0, -2.0, 1.0, 0.5], {(0, 3): 0.5}, (0, 3))
    programmer, (program,) = write(models, scaling="scale")
    assert programmer.scale == pytest.approx(1 / 1.75)  # A = 3.5, couplings of 1.75
    np.testing.assert_allclose(program.couplings[[0, 1, 3]], 1.0)


def test_penalty_pulls_no_chain_apart():
    """Unit spin 0 has two qubits: each has the tie, half of the field and 1 of 2 couplers."""
    models = make_models([6.0, 0.0, 0.0], {}, (0, 3))
    layout = complete_layout([(0, 1), (2,), (3,)], Problem.of_models(models).pairs)
    _, (program,) = write(models, [(0, 1), (2,), (3,)], strength=0.3)
    amount = 2 * program.couplings[-1]
    # |h| = A / 4, and two couplings of A / 4: 0.75 A is at most 0.3.
    assert len(layout.edges) == 6 and amount == pytest.approx(0.4)
