"""The kernel for weights of n bits: its moves beside explicit spins, its draws beside sums."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from qsklearn._kernels import _level_annealing as kernel
from qsklearn._kernels._scalar_streams import STATE, draw_word, seed_stream
from qsklearn._kernels._streams import mix, seed_lane
from qsklearn._kernels._vectors import LANES

N_DRAWS = 100_000
SMALLEST_P = 1e-4  # of a chi-square, with fixed seeds; some 40 of them are made here


@njit
def draw_many(level, top, slope, curvature, step, beta, seed, levels):
    generator, window = np.empty(4, np.uint32), np.empty(48)
    seed_stream(np.uint64(seed), np.uint64(5), 0, generator)
    for draw in range(levels.shape[0]):
        levels[draw] = kernel.draw_level(
            level, top, slope, curvature, step, beta, generator, window
        )


def exact_law(level, top, slope, curvature, step, beta):
    change = step * (np.arange(top + 1) - level)
    costs = change * (slope + curvature * change)
    weights = np.exp(-beta * (costs - costs.min()))
    return weights / weights.sum()


def p_value(levels, law):
    """Of a chi-square over runs of levels that are expected 20 times or more."""
    expected, counts = law * len(levels), np.bincount(levels, minlength=len(law))
    assert len(counts) == len(law)
    bins = np.minimum(np.cumsum(expected) // max(20.0, len(levels) / 300), 1e6).astype(int)
    bins = np.unique(bins, return_inverse=True)[1]
    expected, counts = np.bincount(bins, expected), np.bincount(bins, counts)
    kept = expected >= 5
    assert counts[~kept].sum() < 40
    if kept.sum() == 1:
        return 1.0
    expected, counts = expected[kept], counts[kept]
    return stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue


# Mode, top, and how much a step of a level away from it costs at least, times beta.
CASES = {
    "one bit": (0.3, 1, 0.8),
    "two bits": (1.7, 3, 0.2),
    "window": (30.2, 63, 0.3),
    "window at the edge": (0.3, 255, 0.2),
    "window outside": (-3.0, 255, 0.1),
    "window beyond the top": (258.0, 255, 0.2),
    "tie, cold": (5.5, 15, 30.0),
    "nearly a tie, cold": (5.51, 255, 60.0),
    "normal": (100.3, 255, 0.01),
    "normal, widest bend": (100.3, 255, 0.06),
    "normal at the edge": (0.0, 255, 0.01),
    "normal, a little outside": (-1.0, 255, 0.01),
    "normal, beyond the top": (256.0, 255, 0.005),
    "normal, many levels": (40_000.3, 65_535, 1e-7),
    "normal, narrow among many": (40_000.3, 65_535, 1e-2),
    "normal, the grid is as wide": (128.0, 255, 2e-4),
    "uniform": (120.0, 255, 1e-5),
    "uniform, tilted": (-60.0, 255, 1e-5),
    "uniform, many levels": (60_000.0, 65_535, 1e-10),
    "geometric": (-100.0, 255, 1e-3),
    "geometric, bent": (-20.0, 255, 5e-3),
    "geometric at the top": (400.0, 255, 5e-4),
    "geometric, many levels": (-100_000.0, 65_535, 1e-9),
    "geometric, steep": (-1000.0, 65_535, 5e-4),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("start", [0.2, 0.9])
def test_levels_follow_their_law(case, start):
    """Wherever the weight is when its level is drawn."""
    mode, top, bend = CASES[case]
    level, step, beta = int(start * top), 0.37, 1.9
    curvature = bend / (beta * step**2)
    slope = 2.0 * curvature * step * (level - mode)
    levels = np.empty(N_DRAWS, np.int64)
    draw_many(level, top, slope, curvature, step, beta, len(case), levels)
    law = exact_law(level, top, slope, curvature, step, beta)
    assert p_value(levels, law) > SMALLEST_P


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("window", ["one bit", "window", "window outside", "tie, cold"]),
        ("normally", [case for case in CASES if case.startswith("normal")]),
        ("uniformly", [case for case in CASES if case.startswith("uniform")]),
        ("geometrically", [case for case in CASES if case.startswith("geometric")]),
    ],
)
def test_every_way_to_draw_is_taken(name, cases, monkeypatch):
    """By the pure Python of the choice; the cases above are named for the way that they take."""
    taken = []
    for way in ("from_window", "normally", "uniformly", "geometrically", "between_edges"):
        monkeypatch.setattr(kernel, f"_draw_{way}", lambda *_, way=way: taken.append(way) or 0)
    for case in cases:
        mode, top, bend = CASES[case]
        slope = -2.0 * bend * mode
        kernel.draw_level.py_func(0, top, slope, bend, 1.0, 1.0, np.ones(4, np.uint32), None)
    assert taken == [name if name != "window" else "from_window"] * len(cases)


@pytest.mark.parametrize("bend", [1e-9, 1e-4, 0.01, 0.07])
def test_the_envelope_of_the_rounded_normal_is_tight(bend):
    """No pair of a level and what was rounded off has a larger ratio, and one comes close."""
    wide, bound = kernel._find_envelope(bend)
    away = np.linspace(0, 5 / np.sqrt(bend), 100_001)
    largest = (wide * (away + 0.5) ** 2 - bend * away**2).max()
    assert largest == pytest.approx(bound, rel=1e-6)
    assert largest <= bound * (1 + 1e-9)


@pytest.mark.parametrize("top", [1, 15, 255])
@pytest.mark.parametrize("slope", [-0.3, 0.0, 0.02, 50.0])
def test_levels_without_curvature(slope, top):
    """A law that only tilts: from uniform to one level."""
    levels = np.empty(N_DRAWS, np.int64)
    draw_many(1, top, slope, 0.0, 1.0, 1.0, 3, levels)
    assert p_value(levels, exact_law(1, top, slope, 0.0, 1.0, 1.0)) > SMALLEST_P


@pytest.mark.parametrize("curvature", [-1e-4, -0.02, -3.0])
def test_levels_of_a_negative_curvature(curvature):
    levels = np.empty(N_DRAWS // 4, np.int64)
    slope = -curvature * 12.0
    draw_many(3, 15, slope, curvature, 1.0, 0.7, 4, levels)
    assert p_value(levels, exact_law(3, 15, slope, curvature, 1.0, 0.7)) > SMALLEST_P


@pytest.mark.parametrize("top", [1, 255, 65_535])
@pytest.mark.parametrize("beta", [1e6, 1e100, 1e308])
@pytest.mark.parametrize("curvature", [1e-300, 1e-3, 1.0, 1e100])
def test_an_endless_beta_takes_the_nearest_level(curvature, beta, top):
    levels = np.empty(50, np.int64)
    for mode in (-1e9, -0.7, 0.4, 0.49 * top, top + 0.3):
        slope = -2.0 * curvature * mode
        if not beta * curvature > 1e5:
            continue
        draw_many(0, top, slope, curvature, 1.0, beta, 5, levels)
        nearest = int(np.clip(np.floor(mode + 0.5), 0, top))
        assert (levels == nearest).all()
    draw_many(0, top, 0.0, 0.0, 1.0, beta, 5, levels)
    assert levels.min() >= 0 and levels.max() <= top and len(np.unique(levels)) > 1


@pytest.mark.parametrize("curvature", [-1e100, 0.0, 1e-300, 1e100])
@pytest.mark.parametrize("slope", [-1e150, 0.0, 1e-300, 1e150])
@pytest.mark.parametrize("beta", [0.0, 1e-300, 1e308])
def test_extremes_stay_on_the_grid(slope, curvature, beta):
    levels = np.empty(20, np.int64)
    draw_many(7, 255, slope, curvature, 1e50, beta, 6, levels)
    assert levels.min() >= 0 and levels.max() <= 255


# --- whole chains --------------------------------------------------------------------------------


def make_problem(rng, n_models=3, n_weights=5, n_groups=2, n_rows=9):
    """Models in both forms: J of each group, and the rows of which it is made."""
    rows = rng.normal(size=(n_rows, n_weights))
    row_weights = rng.uniform(0.2, 1.0, size=(n_groups, n_rows))
    ridge = rng.uniform(0.0, 0.5, n_weights)
    J = np.einsum("rj,gr,rk->gjk", rows, row_weights, rows) + np.diag(ridge)
    return {
        "h": rng.normal(size=(n_models, n_weights)),
        "J": J, "rows": rows, "row_weights": row_weights, "ridge": ridge,
        "base": rng.normal(size=(n_models, n_weights)),
        "scale": rng.uniform(0.05, 0.3, size=(n_models, n_weights)),
        "groups": np.arange(n_models, dtype=np.int64) % n_groups,
    }  # fmt: skip


def run(
    problem, n_bits, betas, rule, *, form="couplings", num_reads=2, per_block=4, seed=3,
    last_sweeps=0, stop=0, start=None,
):  # fmt: skip
    n_models, n_weights = problem["h"].shape
    if form == "couplings":
        matrix, row_weights = problem["J"], np.empty((0, 0))
    else:
        matrix = np.ascontiguousarray(problem["rows"].T)[np.newaxis]
        row_weights = problem["row_weights"]
    chains = np.array([(m, r) for m in range(n_models) for r in range(num_reads)], np.int64)
    weights = np.empty((n_models, num_reads, n_weights))
    energies = np.empty((n_models, num_reads))
    betas = np.repeat(np.atleast_2d(np.asarray(betas, float)), n_models, axis=0)
    keys = np.array([[seed, 17 + m] for m in range(n_models)], np.uint64)
    kernel.anneal(
        matrix, row_weights, np.ascontiguousarray(np.diagonal(problem["J"], axis1=1, axis2=2)),
        problem["ridge"], problem["h"], problem["base"], problem["scale"], problem["groups"],
        chains, n_bits, *(start or (0, 2**n_bits - 1)), betas, last_sweeps, per_block, keys, rule,
        weights, energies, np.full(1, stop, np.uint8), 0, -(-len(chains) // per_block),
    )  # fmt: skip
    return weights, energies


def energy(problem, model, weights):
    J = problem["J"][problem["groups"][model]]
    return weights @ J @ weights + problem["h"][model] @ weights


def start_of(model, read, n_weights, top, seed=3):
    """A chain's first levels, and its stream after them."""
    generator = np.empty(STATE, np.uint32)
    seed_stream(np.uint64(seed), np.uint64(17 + model), read, generator)
    levels = [int(draw_word(generator) >> np.uint32(16)) & top for _ in range(n_weights)]
    return np.array(levels), generator


def weights_of(problem, model, levels, top):
    return problem["base"][model] + problem["scale"][model] * (2 * levels - top)


def thresholds_of(model, read, by_metropolis, n_vectors, n_bits, seed=3):
    """Thresholds of a chain in the order in which it takes them."""
    generators, out = np.empty(4 * LANES, np.uint32), np.empty(LANES, np.float32)
    with np.errstate(over="ignore"):
        key = mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1))
    for lane in range(LANES):
        seed_lane(np.uint64(key), np.uint64(17 + model), lane, generators, lane)
    for _ in range(n_vectors):
        kernel._fill_thresholds(0, by_metropolis, generators, np.empty(0, np.uint64), out)
        yield from out[: LANES // n_bits * n_bits].astype(float)


@pytest.mark.parametrize("form", ["couplings", "rows"])
@pytest.mark.parametrize("rule", [kernel.METROPOLIS_BITS, kernel.HEAT_BATH_BITS])
@pytest.mark.parametrize("n_bits", [1, 3, 5])
def test_bit_moves_are_flips_of_the_spins(n_bits, rule, form):
    """Step by step those of a sweep over the Ising model, by differences of whole energies."""
    problem = make_problem(np.random.default_rng(n_bits))
    betas, top = np.geomspace(0.1, 30.0, 70), 2**n_bits - 1  # 70: beyond an exact refresh
    weights, energies = run(problem, n_bits, betas, rule, form=form)
    for model, read in ((0, 0), (1, 1), (2, 0)):
        levels, _ = start_of(model, read, 5, top)
        thresholds = thresholds_of(model, read, rule == kernel.METROPOLIS_BITS, 1000, n_bits)
        for beta in betas:
            for j in range(5):
                for bit in range(n_bits):
                    flipped = levels.copy()
                    flipped[j] ^= 1 << bit
                    before, after = (
                        energy(problem, model, weights_of(problem, model, some, top))
                        for some in (levels, flipped)
                    )
                    if -beta * (after - before) >= next(thresholds):
                        levels = flipped
        expected = weights_of(problem, model, levels, top)
        np.testing.assert_array_equal(weights[model, read], expected)
        assert energies[model, read] == pytest.approx(energy(problem, model, expected), rel=1e-12)


@pytest.mark.parametrize("form", ["couplings", "rows"])
@pytest.mark.parametrize("n_bits", [1, 4, 9])
def test_level_moves_take_exact_slopes(n_bits, form):
    """Step by step those of a sweep that calculates each slope from all weights anew."""
    problem = make_problem(np.random.default_rng(n_bits))
    betas, top = np.geomspace(0.1, 30.0, 70), 2**n_bits - 1
    weights, energies = run(problem, n_bits, betas, kernel.LEVELS, form=form)
    window = np.empty(48)
    for model, read in ((0, 1), (2, 0)):
        levels, generator = start_of(model, read, 5, top)
        J = problem["J"][problem["groups"][model]]
        for beta in betas:
            for j in range(5):
                S = weights_of(problem, model, levels, top)
                slope = 2.0 * J[j] @ S + problem["h"][model, j]
                step = 2.0 * problem["scale"][model, j]
                levels[j] = kernel.draw_level(
                    levels[j], top, slope, J[j, j], step, beta, generator, window
                )
        expected = weights_of(problem, model, levels, top)
        np.testing.assert_array_equal(weights[model, read], expected)
        assert energies[model, read] == pytest.approx(energy(problem, model, expected), rel=1e-12)


def test_slopes_stay_exact_where_j_is_ill_conditioned():
    """Condition 1e10, far from the origin: 60 sweeps without a refresh, as with slopes anew."""
    rng = np.random.default_rng(5)
    problem, n_bits, top = make_problem(rng, n_models=1, n_weights=30), 10, 1023
    basis, _ = np.linalg.qr(rng.normal(size=(30, 30)))
    J = (basis * np.geomspace(1e-10, 1.0, 30)) @ basis.T
    problem["J"][:] = (J + J.T) / 2
    problem["base"] *= 1e3
    betas = np.geomspace(1e-2, 1e5, 60)
    weights, energies = run(problem, n_bits, betas, kernel.LEVELS)
    levels, generator = start_of(0, 0, 30, top)
    J, window = problem["J"][0], np.empty(48)
    for beta in betas:
        for j in range(30):
            S = weights_of(problem, 0, levels, top)
            slope, step = 2.0 * J[j] @ S + problem["h"][0, j], 2.0 * problem["scale"][0, j]
            levels[j] = kernel.draw_level(
                levels[j], top, slope, J[j, j], step, beta, generator, window
            )
    expected = weights_of(problem, 0, levels, top)
    np.testing.assert_array_equal(weights[0, 0], expected)
    assert energies[0, 0] == pytest.approx(energy(problem, 0, expected), rel=1e-12)


RULES = [kernel.METROPOLIS_BITS, kernel.HEAT_BATH_BITS, kernel.LEVELS]


@pytest.mark.parametrize("form", ["couplings", "rows"])
@pytest.mark.parametrize("rule", RULES)
def test_draws_do_not_depend_on_blocks(rule, form):
    problem = make_problem(np.random.default_rng(0))
    reference = run(problem, 4, np.geomspace(0.1, 10, 20), rule, form=form, num_reads=5)
    for per_block in (1, 3, 100):
        other = run(
            problem, 4, np.geomspace(0.1, 10, 20), rule, form=form, num_reads=5,
            per_block=per_block,
        )  # fmt: skip
        np.testing.assert_array_equal(reference[0], other[0])
        np.testing.assert_array_equal(reference[1], other[1])


@pytest.mark.parametrize("rule", RULES)
def test_a_stop_leaves_the_last_sweeps(rule):
    problem = make_problem(np.random.default_rng(1))
    betas = np.geomspace(0.1, 10, 20)
    stopped = run(problem, 4, betas, rule, stop=1, last_sweeps=5)
    np.testing.assert_array_equal(stopped[0], run(problem, 4, betas[-5:], rule)[0])
    at_once = run(problem, 4, betas, rule, stop=1)[0]
    np.testing.assert_array_equal(
        at_once[2, 1], weights_of(problem, 2, start_of(2, 1, 5, 15)[0], 15)
    )


@pytest.mark.parametrize("n_bits", [1, 4, 16])
def test_a_start_at_the_base(n_bits):
    """On one of the two levels beside it, as the base itself is none."""
    problem, top = make_problem(np.random.default_rng(1)), 2**n_bits - 1
    weights, _ = run(
        problem, n_bits, [1.0], kernel.LEVELS, num_reads=20, stop=1, start=(top // 2, 1)
    )
    odd = (weights - problem["base"][:, np.newaxis]) / problem["scale"][:, np.newaxis]
    assert set(odd.round(6).ravel()) == {-1.0, 1.0}


@pytest.mark.parametrize("rule", RULES)
def test_a_weight_of_scale_0_stays_at_its_base(rule):
    problem = make_problem(np.random.default_rng(2))
    problem["scale"][:, 2] = 0.0
    weights, _ = run(problem, 3, np.full(10, 0.1), rule)
    np.testing.assert_array_equal(weights[:, :, 2], problem["base"][:, [2, 2]])
    assert len(np.unique(weights[:, :, 1])) > 3


@pytest.mark.parametrize("rule", RULES)
def test_beta_0_in_all_rules(rule):
    """At beta = 0 the heat bath draws from all levels alike, and Metropolis flips all bits."""
    problem = make_problem(np.random.default_rng(3))
    weights, _ = run(problem, 2, np.zeros(3), rule, num_reads=2000)
    levels = (weights - problem["base"][:, np.newaxis]) / problem["scale"][:, np.newaxis]
    counts = np.bincount(((levels.round().astype(int) + 3) // 2).ravel(), minlength=4)
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def test_one_compiled_signature():
    run(make_problem(np.random.default_rng(4)), 2, np.ones(2), kernel.LEVELS)
    run(make_problem(np.random.default_rng(4)), 2, np.ones(2), kernel.LEVELS, form="rows")
    assert len(kernel.anneal.signatures) == 1
