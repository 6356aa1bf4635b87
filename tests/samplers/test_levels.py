"""The door for weights of n bits: its law, ground states, seeds, and what it refuses."""

import itertools
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from scipy import stats

from qsklearn._kernels import _level_annealing
from qsklearn.samplers import SimulatedAnnealingSampler
from qsklearn.samplers._levels import check_level_models, default_level_range

SMALLEST_P = 1e-4  # of a chi-square, with fixed seeds; some 40 of them are made here
MOVES = ["level", "bit"]
FORMS = ["couplings", "factors"]


def make_problem(seed=0, n_models=3, n_weights=3, n_rows=6, n_groups=2):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, n_weights))
    row_weights = rng.uniform(0.2, 1.0, size=(n_groups, n_rows))
    ridge = rng.uniform(0.0, 0.3, n_weights)
    return {
        "h": rng.normal(size=(n_models, n_weights)),
        "rows": rows,
        "row_weights": row_weights,
        "ridge": ridge,
        "J": np.einsum("rj,gr,rk->gjk", rows, row_weights, rows) + np.diag(ridge),
        "base": rng.normal(size=(n_models, n_weights)),
        "scale": rng.uniform(0.1, 0.4, size=(n_models, n_weights)),
        "groups": np.arange(n_models) % n_groups,
    }


def sample(problem, n_bits, form="couplings", **words):
    sampler = SimulatedAnnealingSampler()
    arguments = problem["base"], problem["scale"], n_bits
    if form == "couplings":
        arguments = problem["h"], problem["J"], *arguments
    else:
        arguments = problem["h"], problem["ridge"], *arguments
        words["factors"] = problem["rows"], problem["row_weights"]
    return sampler.sample_levels(*arguments, groups=problem["groups"], **words)


def energies_of(problem, model, weights):
    J = problem["J"][problem["groups"][model]]
    return np.einsum("...j,jk,...k", weights, J, weights) + weights @ problem["h"][model]


def all_weights(problem, model, n_bits):
    """Weights of all levels, the last weight's fastest."""
    top = 2**n_bits - 1
    n_weights = problem["h"].shape[1]
    odd = np.array(list(itertools.product(range(-top, top + 1, 2), repeat=n_weights)))
    return problem["base"][model] + problem["scale"][model] * odd


def numbers_of(problem, model, weights, n_bits):
    """Places of weights in the list of all."""
    top = 2**n_bits - 1
    odd = (weights - problem["base"][model]) / problem["scale"][model]
    levels = ((odd + top) / 2).round().astype(int)
    return levels @ (2**n_bits) ** np.arange(levels.shape[-1])[::-1]


def p_value(counts, law):
    expected = law * counts.sum()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    if expected[-1] < 5:
        assert counts[-1] <= 20
        counts, expected = counts[:-1], expected[:-1] * counts[:-1].sum() / expected[:-1].sum()
    return stats.chisquare(counts, expected).pvalue if len(counts) > 1 else 1.0


# --- law ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize(("beta", "n_bits"), [(0.0, 2), (0.7, 2), (4.0, 2), (0.4, 3), (2.0, 1)])
def test_draws_follow_the_boltzmann_law(beta, n_bits, moves, form):
    """All weights jointly; groups, bases and scales differ by model."""
    problem = make_problem()
    weights, energies, info = sample(
        problem, n_bits, form, beta=beta, num_reads=5000, num_sweeps=120, seed=1, level_moves=moves
    )
    for model in range(3):
        costs = energies_of(problem, model, all_weights(problem, model, n_bits))
        law = np.exp(-beta * (costs - costs.min()))
        numbers = numbers_of(problem, model, weights[model], n_bits)
        counts = np.bincount(numbers, minlength=len(law))
        assert p_value(counts, law / law.sum()) > SMALLEST_P
        np.testing.assert_allclose(energies[model], costs[numbers], rtol=1e-9, atol=1e-9)
    assert info["beta"] == beta and info["num_sweeps"] == 120


@pytest.mark.parametrize("moves", MOVES)
def test_draws_agree_with_those_of_the_explicit_spins(moves):
    """The Ising model of the bits, by the sampler's other door: the same law."""
    n_bits, problem = 3, make_problem(1, n_models=1, n_weights=2, n_groups=1)
    problem["scale"] /= 2
    planes = problem["scale"][0][:, np.newaxis] * 2.0 ** np.arange(n_bits)
    planes = planes.ravel()
    of_weight = np.repeat(np.arange(2), n_bits)
    J = problem["J"][0]
    couplings = 2 * J[np.ix_(of_weight, of_weight)] * np.outer(planes, planes)
    couplings = (couplings + couplings.T) / 2  # exactly symmetric, as that door wants it
    np.fill_diagonal(couplings, 0.0)
    fields = planes * (problem["h"][0] + 2 * J @ problem["base"][0])[of_weight]
    words = {"beta": 1.0, "num_reads": 6000, "num_sweeps": 200}
    states, _, _ = SimulatedAnnealingSampler().sample_arrays(fields, couplings, seed=1, **words)
    of_spins = problem["base"][0] + (states[0] * planes).reshape(-1, 2, n_bits).sum(axis=2)
    weights, _, _ = sample(problem, n_bits, seed=2, level_moves=moves, **words)
    counts = np.array(
        [
            np.bincount(numbers_of(problem, 0, some, n_bits), minlength=64)
            for some in (of_spins, weights[0])
        ]
    )
    table = counts[:, counts.sum(axis=0) >= 20]
    assert table.shape[1] > 10
    assert stats.chi2_contingency(table).pvalue > SMALLEST_P


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize(("n_weights", "n_bits"), [(4, 3), (6, 2), (12, 1), (2, 6)])
def test_ground_states_are_found(n_weights, n_bits, moves, form):
    problem = make_problem(n_weights, n_weights=n_weights, n_rows=2 * n_weights)
    _, energies, info = sample(
        problem, n_bits, form, num_reads=60, num_sweeps=100, seed=2, level_moves=moves
    )
    for model in range(3):
        lowest = energies_of(problem, model, all_weights(problem, model, n_bits)).min()
        assert energies[model].min() == pytest.approx(lowest, rel=1e-9)
    assert info["beta"] is None and info["stop_reason"] is None


def least_squares(n_weights=60, n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.maximum(rng.normal(size=(n_rows, n_weights)) + 0.5, 0)
    solution = rng.uniform(-0.8, 0.8, n_weights)
    return rows, rows @ solution, solution


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("n_bits", [1, 4, 8, 16])
def test_a_layer_is_fitted_as_well_as_its_bits_allow(n_bits, moves, form):
    rows, targets, solution = least_squares()
    n_weights = rows.shape[1]
    h = -2 * rows.T @ targets
    scale = np.full(n_weights, 1 / (2**n_bits - 1))
    arguments = (rows.T @ rows,) if form == "couplings" else (np.zeros(n_weights),)
    factors = None if form == "couplings" else (rows, np.ones(len(rows)).reshape(1, -1))
    weights, energies, _ = SimulatedAnnealingSampler(level_moves=moves).sample_levels(
        h, *arguments, np.zeros(n_weights), scale, n_bits, factors=factors, num_sweeps=300, seed=1,
        num_reads=3,
    )  # fmt: skip
    residuals = ((weights[0] @ rows.T - targets) ** 2).sum(axis=1)
    np.testing.assert_allclose(
        energies[0] + targets @ targets, residuals, rtol=1e-9, atol=1e-9 * (targets @ targets)
    )
    # No worse than the solution rounded to the grid, up to a rest that bits leave more of: a weight
    # of 0111 gets to 1000 by worse ones only.
    odd = np.clip(2 * np.round((solution / scale - 1) / 2) + 1, 1 - 2**n_bits, 2**n_bits - 1)
    rounded = ((rows @ (scale * odd) - targets) ** 2).sum()
    spread = ((rows @ solution) ** 2).sum()
    rest = 3e-3 if moves == "level" else 3e-2
    assert residuals.min() <= max(rounded, rest * spread)


# --- schedules ----------------------------------------------------------------------------------


def models_of(h, J, scale, n_bits=3, factors=None, groups=None):
    base = np.zeros_like(scale)
    return check_level_models(h, J, base, scale, n_bits, factors, groups, "Sampler")


def test_default_temperatures():
    """The rule of the docstring, which leaves out weights that cost nothing."""
    J = np.diag([1.0, 2.0, 8.0, 0.0, 5.0])
    scale = np.array([0.1, 0.1, 0.1, 0.1, 0.0])
    hot, cold = default_level_range(models_of(np.ones((1, 5)), J, scale))
    assert cold[0] == pytest.approx(10 / (4 * 0.02))
    assert hot[0] == pytest.approx(cold[0] / 100)
    hot, cold = default_level_range(models_of(np.ones((1, 5)), J, scale, n_bits=8))
    assert hot[0] == pytest.approx(1000 / (255**2 * 0.08 * 3))
    assert hot[0] < cold[0] / 100


def test_default_temperatures_differ_by_model_and_scale_with_energy():
    J = np.stack([np.eye(3), 4 * np.eye(3)])
    models = models_of(np.ones((3, 3)), J, np.array([0.1, 0.1, 0.1]), groups=[0, 1, 0])
    hot, cold = default_level_range(models)
    np.testing.assert_allclose(cold, cold[0] * np.array([1, 0.25, 1]))
    np.testing.assert_allclose(hot, cold / 100)
    nothing = models_of(np.zeros((1, 3)), np.zeros((3, 3)), np.ones(3))
    assert default_level_range(nothing) == (1.0, 1.0)
    tilted = models_of(np.full((1, 3), 2.0), np.zeros((3, 3)), np.ones(3))
    hot, cold = default_level_range(tilted)
    assert 0 < hot < cold / 50 and cold == pytest.approx(10 / 8)
    faint = models_of(np.full((1, 3), 5e-324), np.eye(3) * 5e-324, np.ones(3))
    assert default_level_range(faint) == (1.0, 1.0)


def test_both_forms_have_the_same_diagonal():
    problem = make_problem(n_weights=7)
    factors = problem["rows"], problem["row_weights"]
    words = {"groups": problem["groups"]}
    by_rows = models_of(problem["h"], problem["ridge"], problem["scale"], factors=factors, **words)
    by_couplings = models_of(problem["h"], problem["J"], problem["scale"], **words)
    np.testing.assert_allclose(by_rows.curvatures, by_couplings.curvatures, rtol=1e-12)


def test_schedules_of_the_constructor_apply():
    problem = make_problem()
    info = sample(problem, 3, beta_range=(0.5, 20.0), seed=1)[2]
    assert info["beta_range"] == (0.5, 20.0) and info["num_sweeps"] == 30
    info = sample(problem, 3, beta_schedule_type="custom", beta_schedule=[0.5, 1, 2], seed=1)[2]
    assert info["beta_range"] == (0.5, 2.0) and info["num_sweeps"] == 3
    info = sample(problem, 3, beta=2.0)[2]
    assert info["num_sweeps"] == 100 and info["beta_range"][1] == 2.0
    assert set(info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    with pytest.raises(ValueError, match="is for searches"):
        sample(problem, 3, beta=2.0, beta_schedule_type="custom", beta_schedule=[1.0])


# --- seeds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("beta", [None, 2.0])
def test_draws_are_those_of_the_seed_alone(beta, moves, form):
    problem = make_problem(2, n_models=5, n_weights=20, n_rows=30)
    words = {"beta": beta, "level_moves": moves, "form": form, "num_sweeps": 20}
    weights, energies, _ = sample(problem, 4, num_reads=40, seed=3, **words)
    for other in ({"num_threads": 2}, {"num_threads": 5}, {"num_reads": 17}, {"num_reads": 1}):
        some = sample(problem, 4, **{"num_reads": 40, "seed": 3, **words, **other})
        num_reads = other.get("num_reads", 40)
        np.testing.assert_array_equal(some[0], weights[:, :num_reads])
        np.testing.assert_array_equal(some[1], energies[:, :num_reads])
    assert (sample(problem, 4, num_reads=40, seed=4, **words)[0] != weights).any()
    assert (weights[:, 0] != weights[:, 1]).any()
    assert len(np.unique(weights[0, :, 0])) > 1 or beta is None


def test_seeds_by_model_do_not_depend_on_the_family():
    problem = make_problem(3, n_models=4, n_groups=2)
    seeds = np.array([5, 6, 7, 8])
    weights, _, _ = sample(problem, 4, num_reads=3, seed=seeds)
    alone = SimulatedAnnealingSampler().sample_levels(
        problem["h"][2:3], problem["J"][0], problem["base"][2:3], problem["scale"][2], 4,
        num_reads=3, seed=seeds[2:3],
    )[0]  # fmt: skip
    np.testing.assert_array_equal(weights[2], alone[0])


def test_the_moves_are_those_asked_for():
    """Twice at beta = 0: Metropolis flips all bits and back, the heat bath draws them anew."""
    problem = make_problem(n_weights=10)
    words = {"num_reads": 5, "seed": 1, "start": "base"}
    search = {"beta_schedule_type": "custom", "beta_schedule": [0.0, 0.0], **words}
    bits, levels = (
        sample(problem, 4, level_moves=moves, **search)[0] for moves in ("bit", "level")
    )
    odd = np.abs((bits - problem["base"][:, np.newaxis]) / problem["scale"][:, np.newaxis])
    np.testing.assert_allclose(odd, 1.0)
    assert (levels != bits).any()
    drawn = [
        sample(problem, 4, level_moves=moves, beta=0.0, num_sweeps=2, **words)[0] for moves in MOVES
    ]
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[1] != bits).any()


@pytest.mark.parametrize("moves", MOVES)
def test_a_cold_search_refines_its_base(moves):
    """From weights near the best ones it goes on downhill; from anywhere it begins anew."""
    rows, targets, solution = least_squares()
    base = solution + np.random.default_rng(1).normal(scale=0.02, size=60)
    arguments = (-2 * rows.T @ targets, rows.T @ rows, base, np.full(60, 0.5 / 255), 8)
    sampler = SimulatedAnnealingSampler(
        level_moves=moves, num_sweeps=10, beta_range=(1e5, 1e6), seed=0, num_reads=3
    )
    errors = {
        start: sampler.sample_levels(*arguments, start=start)[1] + targets @ targets
        for start in (None, "base", "random")
    }
    np.testing.assert_array_equal(errors[None], errors["base"])
    assert (errors["base"] < ((rows @ base - targets) ** 2).sum()).all()
    assert errors["base"].max() < 0.1 * errors["random"].min()
    thermal = [sampler.sample_levels(*arguments, beta=1.0, start=some)[0] for some in errors]
    np.testing.assert_array_equal(thermal[0], thermal[2])


# --- input --------------------------------------------------------------------------------------


def test_arrays_of_any_kind_give_the_same():
    problem = make_problem(4, n_models=2, n_groups=1)
    arguments = [problem["h"], problem["J"][0], problem["base"], problem["scale"]]
    expected = SimulatedAnnealingSampler(seed=1).sample_levels(*arguments, 3)[0]
    fixed = [array.copy() for array in arguments]
    for array in fixed:
        array.flags.writeable = False
    for others in (
        [array.tolist() for array in arguments],
        [np.asfortranarray(array) for array in arguments],
        fixed,
    ):
        weights = SimulatedAnnealingSampler(seed=1).sample_levels(*others, np.int8(3))[0]
        np.testing.assert_array_equal(weights, expected)
    one_weight = [[0.5]], [[1.0]], [0.0], [0.1]
    SimulatedAnnealingSampler(seed=1).sample_levels(*one_weight, 3)
    assert len(_level_annealing.anneal.signatures) == 1


def test_large_arrays_are_not_copied():
    J = np.eye(50)
    models = models_of(np.ones((4, 50)), J, np.ones(50))
    assert np.shares_memory(models.matrix, J)
    columns = np.ones((50, 70))
    factors = (columns.T, np.ones((1, 70)))
    models = models_of(np.ones((4, 50)), np.zeros(50), np.ones(50), factors=factors)
    assert np.shares_memory(models.matrix, columns)


@pytest.mark.parametrize(("n_models", "n_weights"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_draw(n_models, n_weights):
    weights, energies, info = SimulatedAnnealingSampler(num_reads=4).sample_levels(
        np.zeros((n_models, n_weights)), np.eye(n_weights), np.zeros(n_weights),
        np.ones(n_weights), 2,
    )  # fmt: skip
    assert weights.shape == (n_models, 4, n_weights)
    assert energies.shape == (n_models, 4) and not energies.any()
    assert info["stop_reason"] is None


@pytest.mark.parametrize("moves", MOVES)
def test_dead_weights_are_free_and_those_of_scale_0_are_not(moves):
    """A weight that costs nothing takes all levels; the others do not notice."""
    J, h = np.diag([1.0, 0.0, 0.0]), np.array([[0.3, 0.0, 5.0]])
    weights, energies, _ = SimulatedAnnealingSampler(level_moves=moves).sample_levels(
        h, J, [0.0, 0.0, 2.0], [0.5, 0.5, 0.0], 2, num_reads=2000, seed=0, beta=1.0
    )
    counts = np.unique(weights[0, :, 1], return_counts=True)[1]
    assert len(counts) == 4 and stats.chisquare(counts).pvalue > SMALLEST_P
    assert (weights[0, :, 2] == 2.0).all()
    np.testing.assert_allclose(
        energies[0], weights[0, :, 0] ** 2 + 0.3 * weights[0, :, 0] + 10.0, rtol=1e-12
    )


GOOD = {
    "h": np.zeros((2, 3)), "J": np.eye(3), "base": np.zeros(3), "scale": np.ones(3), "n_bits": 2,
}  # fmt: skip
NAN = np.array([0.0, np.nan, 0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_bits": 0}, r"'n_bits' .* must be an int in the range \[1, 16\]. Got 0 instead"),
        ({"n_bits": 17}, "Got 17 instead"),
        ({"n_bits": 2.0}, "Got 2.0 instead"),
        ({"n_bits": True}, "Got True instead"),
        ({"scale": -np.ones(3)}, r"'scale' .* must be >= 0, .* Got -1.0 instead"),
        ({"scale": np.ones(2)}, r"'scale' .* shape \(3,\) or \(2, 3\). Got \(2,\) instead"),
        ({"scale": NAN}, "'scale' .* must be finite"),
        ({"scale": np.full(3, 1e60)}, "'scale' .* at most 1e\\+50 in size. Got 1e\\+60"),
        ({"base": NAN}, "'base' .* must be finite"),
        ({"base": np.zeros((3, 3))}, r"'base' .* Got \(3, 3\) instead"),
        ({"base": ["a", 1, 2]}, "'base' .* real numbers"),
        ({"h": NAN}, "'h' .* must be finite"),
        ({"h": np.zeros((1, 2, 3))}, "'h' .* Got 3 dimensions"),
        ({"J": np.eye(2)}, r"'J' .* shape \(3, 3\) or \(1, 3, 3\). Got \(2, 2\) instead"),
        ({"J": np.diag([np.inf, 1, 1])}, "'J' .* must be finite"),
        ({"J": np.diag([-np.inf, 1, 1])}, "'J' .* must be finite"),
        ({"J": np.eye(3) * 1e120}, "'J' .* at most 1e\\+100"),
        ({"J": [[1.0], [1.0, 2.0]]}, "'J' .* real numbers"),
        ({"J": np.triu(np.ones((3, 3)))}, "'J' .* must be symmetric.* symmetrise"),
        ({"J": np.stack([np.eye(3)] * 2)}, "'groups' .* which of the 2 matrices"),
        ({"J": np.stack([np.eye(3)] * 2), "groups": [0, 2]}, r"'groups' .* integers in \[0, 2\)"),
        ({"groups": [0]}, "'groups' .* must be 2 integers"),
        ({"factors": np.ones((4, 3))}, r"'factors' .* a pair \(rows, row_weights\)"),
        ({"factors": (np.ones((4, 3)), np.ones((1, 4)))}, r"'J' .* shape \(3,\). Got \(3, 3\)"),
        (
            {"factors": (np.ones((4, 2)), np.ones((1, 4))), "J": np.zeros(3)},
            r"'rows' .* shape \(4, 3\). Got \(4, 2\)",
        ),
        (
            {"factors": (np.ones((4, 3)), np.ones(4)), "J": np.zeros(3)},
            r"'row_weights' .* shape \(1, 4\). Got \(4,\)",
        ),
        (
            {"factors": (np.ones((0, 3)), np.ones((1, 0))), "J": np.zeros(3)},
            "must hold a row and a group at least",
        ),
        (
            {"factors": (np.full((4, 3), np.nan), np.ones((1, 4))), "J": np.zeros(3)},
            "'rows' .* must be finite",
        ),
        ({"level_moves": "levels"}, "'level_moves' parameter of SimulatedAnnealingSampler"),
        ({"num_reads": 0}, "'num_reads'"),
        ({"beta": -1.0}, "'beta'"),
        ({"beta": np.inf}, "'beta' .* Got inf instead"),
        ({"seed": np.array([1])}, "'seed'"),
        ({"initial_states": np.ones((2, 1, 3))}, "takes no 'initial_states'"),
        ({"clamped": True}, "takes no 'clamped'"),
        ({"start": "zero"}, "'start' .* must be 'base', 'random' or None. Got 'zero' instead"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        SimulatedAnnealingSampler().sample_levels(**{**GOOD, **change})


def test_what_does_not_fit_is_refused_with_bytes():
    with pytest.raises(MemoryError, match=r"would need [\d,]+ bytes.* machine has [\d,]+"):
        SimulatedAnnealingSampler().sample_levels(**GOOD, num_reads=10**12)
    with pytest.raises(MemoryError, match="bytes"):
        SimulatedAnnealingSampler().sample_levels(**GOOD, num_sweeps=10**13)


# --- interruption -------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [None, 1.0])
@pytest.mark.parametrize("moves", MOVES)
def test_a_time_limit_returns_what_was_reached(moves, beta):
    rows, targets, _ = least_squares()
    arguments = (-2 * rows.T @ targets, rows.T @ rows, np.zeros(60), np.full(60, 1 / 15), 4)
    sampler = SimulatedAnnealingSampler(num_reads=3, seed=1, level_moves=moves, beta=beta)
    sampler.sample_levels(*arguments, num_sweeps=2)  # compiled
    started = time.monotonic()
    with pytest.warns(RuntimeWarning, match="was stopped by max_seconds") as caught:
        weights, energies, info = sampler.sample_levels(
            *arguments, num_sweeps=10**7, max_seconds=0.05
        )
    assert caught[0].filename == __file__
    assert time.monotonic() - started < 20  # minutes without the limit
    assert info["stop_reason"] == "max_seconds"
    np.testing.assert_allclose(
        energies[0] + targets @ targets, ((weights[0] @ rows.T - targets) ** 2).sum(axis=1)
    )
    if beta is None:  # the last and coldest ten sweeps were run: downhill from random weights
        assert (energies[0] < -0.5 * (targets @ targets)).all()


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
def test_ctrl_c_returns_what_was_reached():
    sampler = SimulatedAnnealingSampler(num_sweeps=10**7)
    sampler.sample_levels(**GOOD, num_sweeps=1)  # compiled
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.warns(RuntimeWarning, match="was stopped by KeyboardInterrupt"):
        weights, _, info = sampler.sample_levels(**GOOD)
    timer.join()
    assert info["stop_reason"] == "KeyboardInterrupt"
    assert np.isin(weights, (-3, -1, 1, 3)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
