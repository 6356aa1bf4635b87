"""A layer's Hamiltonian: squared error, both forms of J, Ising models, and its optimum."""

from itertools import product

import dimod
import numpy as np
import pytest

from qsklearn import _memory
from qsklearn.hamiltonians import LayerHamiltonian, WeightEncoding

N_ROWS, N_WEIGHTS, N_OUTPUTS = 7, 3, 2
KINDS = {
    "plain": (False, False),
    "gains": (True, False),
    "weights": (False, True),
    "gains and weights": (True, True),
}


class Problem:
    """Random rows and targets, and their squared error by loops."""

    def __init__(self, gained=False, weighted=False, seed=0, shape=(N_ROWS, N_WEIGHTS, N_OUTPUTS)):
        rng = np.random.default_rng(seed)
        n_rows, n_weights, n_outputs = shape
        self.rows = rng.normal(size=(n_rows, n_weights))
        self.targets = rng.normal(size=(n_rows, n_outputs))
        self.gains = rng.choice([0.1, 1.0], (n_rows, n_outputs)) if gained else None
        self.weights = rng.uniform(0, 2, n_rows) if weighted else None
        self.penalty = rng.uniform(0, 1, n_weights)

    def build(self, **options):
        return LayerHamiltonian.from_rows(
            self.rows, self.targets, gains=self.gains, weights=self.weights, **options
        )

    def error(self, output, weights):
        total = 0.0
        n_rows = len(self.rows)
        divisor = n_rows if self.weights is None else self.weights.sum()
        for row in range(n_rows):
            gain = 1.0 if self.gains is None else self.gains[row, output]
            factor = 1.0 if self.weights is None else self.weights[row]
            value = gain * sum(a * s for a, s in zip(self.rows[row], weights, strict=True))
            total += factor * (value - self.targets[row, output]) ** 2
        return total / divisor


@pytest.fixture(params=KINDS)
def problem(request):
    return Problem(*KINDS[request.param])


@pytest.fixture(params=[False, True], ids=["matrices", "rows"])
def keep_rows(request):
    return request.param


def make_encoding(n_bits, n_outputs=N_OUTPUTS, n_weights=N_WEIGHTS):
    rng = np.random.default_rng(5)
    base = rng.normal(size=(n_outputs, n_weights))
    return WeightEncoding(base, rng.uniform(0.2, 1.5, n_weights), n_bits)


def every_state(n_spins):
    return np.array(list(product((-1, 1), repeat=n_spins)), np.int8)


@pytest.mark.parametrize("n_bits", [1, 2, 3])
def test_energies_are_the_squared_error_of_all_states(problem, keep_rows, n_bits):
    hamiltonian = problem.build(keep_rows=keep_rows).with_penalty(problem.penalty)
    encoding = make_encoding(n_bits)
    states = every_state(N_WEIGHTS * n_bits)
    weights = encoding.decode(np.stack([states] * N_OUTPUTS))
    plain = hamiltonian.energies(weights, with_penalty=False)
    energies = hamiltonian.energies(weights)
    for output in range(N_OUTPUTS):
        expected = [problem.error(output, row) for row in weights[output]]
        np.testing.assert_allclose(plain[output], expected, rtol=0, atol=1e-9)
        ridge = np.square(weights[output]) @ problem.penalty
        np.testing.assert_allclose(energies[output], expected + ridge, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_bits", [1, 2, 3])
def test_families_and_bqms_have_these_energies_for_all_states(problem, keep_rows, n_bits):
    hamiltonian = problem.build(keep_rows=keep_rows).with_penalty(problem.penalty)
    encoding = make_encoding(n_bits)
    states = every_state(N_WEIGHTS * n_bits)
    expected = hamiltonian.energies(encoding.decode(np.stack([states] * N_OUTPUTS)))
    seen = []
    for outputs, family in hamiltonian.families(encoding):
        np.testing.assert_array_equal(family.couplings, family.couplings.T)
        assert not np.diagonal(family.couplings).any()
        energies = family.energies(np.stack([states] * len(outputs)))
        np.testing.assert_allclose(energies, expected[outputs], rtol=0, atol=1e-9)
        seen.extend(outputs.tolist())
    assert sorted(seen) == list(range(N_OUTPUTS))
    for output in range(N_OUTPUTS):
        samples = dimod.ExactSolver().sample(hamiltonian.to_bqm(output, encoding))
        assert len(samples) == len(states)
        weights = encoding.decode(samples, output)
        by_weights = hamiltonian.energies(np.stack([weights] * N_OUTPUTS))[output]
        np.testing.assert_allclose(samples.record.energy, by_weights, rtol=0, atol=1e-9)


def test_the_bqm_has_the_papers_coefficients():
    problem = Problem()
    hamiltonian, encoding = problem.build(), make_encoding(2)
    bqm = hamiltonian.to_bqm(1, encoding)
    J = problem.rows.T @ problem.rows / N_ROWS
    h = -2 * problem.rows.T @ problem.targets[:, 1] / N_ROWS
    slopes = encoding.scale * (h + 2 * J @ encoding.base[1])
    assert bqm.vartype is dimod.SPIN
    for j, a in product(range(N_WEIGHTS), range(2)):
        assert bqm.linear["w", j, a] == pytest.approx(slopes[j] * 2**a, abs=1e-12)
        for k, b in product(range(N_WEIGHTS), range(2)):
            if (j, a) < (k, b):
                entry = J[j, k] * encoding.scale[j] * encoding.scale[k] * 2 ** (a + b)
                got = bqm.quadratic[("w", j, a), ("w", k, b)]
                assert got == pytest.approx(2 * entry, abs=1e-12)


def test_groups_share_their_matrix():
    plain, gained = Problem().build(), Problem(gained=True).build()
    assert (plain.n_groups, plain.n_outputs, plain.n_weights) == (1, N_OUTPUTS, N_WEIGHTS)
    assert plain.groups.tolist() == [0, 0]
    assert gained.n_groups == N_OUTPUTS and gained.groups.tolist() == [0, 1]


def test_both_forms_are_the_same(problem):
    matrices, rows = (problem.build(keep_rows=k).with_penalty(0.3) for k in (False, True))
    assert matrices.rows is None and rows.quadratic is None
    np.testing.assert_allclose(matrices.diagonal, rows.diagonal, atol=1e-12)
    np.testing.assert_allclose(matrices.linear, rows.linear, atol=1e-12)
    np.testing.assert_allclose(matrices.constant, rows.constant, atol=1e-12)
    for group in range(matrices.n_groups):
        np.testing.assert_allclose(matrices.couplings(group), rows.couplings(group), atol=1e-12)
        np.testing.assert_allclose(np.diag(rows.couplings(group)), rows.diagonal[group])
    np.testing.assert_allclose(matrices.minimise(), rows.minimise(), atol=1e-10)
    np.testing.assert_allclose(matrices.condition_number(), rows.condition_number())


@pytest.mark.parametrize("values", [[0.1, 1.0], [0.0, 1.0], [1.0], [0.2, 0.5, 1.0], None])
def test_gram_matrices_of_any_gains(values, monkeypatch):
    # Two values take a short cut, in chunks of rows.
    monkeypatch.setattr("qsklearn.hamiltonians._layer_moments._CHUNK_BYTES", 8 * 4 * 16)
    rng = np.random.default_rng(3)
    rows, targets, weights = rng.normal(size=(50, 4)), rng.normal(size=(50, 3)), rng.random(50)
    shape = (50, 3)
    gains = rng.normal(size=shape) if values is None else rng.choice(values, shape)
    hamiltonian = LayerHamiltonian.from_rows(
        rows, targets, gains=gains, weights=weights, normaliser=1.0
    )
    for output in range(3):
        expected = rows.T @ np.diag(weights * gains[:, output] ** 2) @ rows
        np.testing.assert_allclose(hamiltonian.couplings(output), expected, atol=1e-12)


def test_batches_add_up(problem, keep_rows):
    whole = problem.build(keep_rows=keep_rows)
    parts = [slice(0, 3), slice(3, 4), slice(4, N_ROWS)]
    batches = [
        (
            problem.rows[part],
            problem.targets[part],
            None if problem.gains is None else problem.gains[part],
            None if problem.weights is None else problem.weights[part],
        )
        for part in parts
    ]
    divisor = N_ROWS if problem.weights is None else problem.weights.sum()
    summed = LayerHamiltonian.from_batches(iter(batches), normaliser=divisor, keep_rows=keep_rows)
    weights = np.random.default_rng(1).normal(size=(N_OUTPUTS, 5, N_WEIGHTS))
    np.testing.assert_allclose(summed.energies(weights), whole.energies(weights), atol=1e-12)
    np.testing.assert_allclose(summed.minimise(), whole.minimise(), atol=1e-10)


@pytest.mark.parametrize("shape", [(20, 3, 2), (4, 9, 2)], ids=["overdetermined", "wide"])
@pytest.mark.parametrize("ridge", ["none", "all", "all but the last"])
@pytest.mark.parametrize("gained", [False, True])
def test_the_optimum_is_ridge_regression_by_least_squares(shape, ridge, gained, keep_rows):
    problem = Problem(gained, seed=2, shape=shape)
    n_rows, n_weights, n_outputs = shape
    penalty = {"none": 0.0, "all": 0.2, "all but the last": 0.2}[ridge] * np.ones(n_weights)
    if ridge == "all but the last":
        penalty[-1] = 0.0
    weights = problem.build(keep_rows=keep_rows).with_penalty(penalty).minimise()
    for output in range(n_outputs):
        gains = np.ones(n_rows) if problem.gains is None else problem.gains[:, output]
        left = np.vstack([problem.rows * gains[:, np.newaxis], np.diag(np.sqrt(n_rows * penalty))])
        right = np.concatenate([problem.targets[:, output], np.zeros(n_weights)])
        expected = np.linalg.lstsq(left, right, rcond=None)[0]  # of minimum norm
        np.testing.assert_allclose(weights[output], expected, atol=1e-8)


def test_dead_and_repeated_inputs_have_a_minimum_norm_optimum(keep_rows):
    rng = np.random.default_rng(4)
    column = rng.normal(size=(30, 1))
    rows = np.hstack([column, column, np.zeros((30, 1))])
    hamiltonian = LayerHamiltonian.from_rows(rows, 4.0 * column, keep_rows=keep_rows)
    np.testing.assert_allclose(hamiltonian.minimise(), [[2.0, 2.0, 0.0]], atol=1e-9)
    assert hamiltonian.rank().tolist() == [1]
    assert hamiltonian.condition_number().tolist() == [np.inf]
    ridged = hamiltonian.with_penalty(0.1)
    assert ridged.rank().tolist() == [3]
    values = np.linalg.eigvalsh(rows.T @ rows / 30 + 0.1 * np.eye(3))
    np.testing.assert_allclose(ridged.condition_number(), values[-1] / values[0])


@pytest.mark.parametrize("seed", range(20))
def test_a_rank_that_rounding_hides_is_seen(seed):
    # Rounding makes some of these matrices positive definite, with a factor of rounding errors.
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 4))
    targets = rng.normal(size=(30, 1))
    hamiltonian = LayerHamiltonian.from_rows(rows, targets)
    expected = np.linalg.lstsq(rows, targets, rcond=1e-12)[0].T
    np.testing.assert_allclose(hamiltonian.minimise(), expected, atol=1e-9)
    assert hamiltonian.rank().tolist() == [2]


def test_the_optimum_is_stationary(problem, keep_rows):
    hamiltonian = problem.build(keep_rows=keep_rows).with_penalty(problem.penalty)
    best = hamiltonian.minimise()
    lowest = hamiltonian.energies(best)
    for j, step in product(range(N_WEIGHTS), (-1e-3, 1e-3)):
        moved = best.copy()
        moved[:, j] += step
        rise = hamiltonian.energies(moved) - lowest
        curvature = hamiltonian.diagonal[hamiltonian.groups, j]
        np.testing.assert_allclose(rise, curvature * step**2, rtol=1e-5)


def test_a_restriction_holds_the_others_at_zero(problem, keep_rows):
    hamiltonian = problem.build(keep_rows=keep_rows).with_penalty(problem.penalty)
    live = np.array([True, False, True])
    part = hamiltonian.restricted(live)
    weights = np.random.default_rng(1).normal(size=(N_OUTPUTS, 4, 2))
    full = np.zeros((N_OUTPUTS, 4, 3))
    full[..., live] = weights
    np.testing.assert_allclose(part.energies(weights), hamiltonian.energies(full), atol=1e-12)
    assert part.n_weights == 2 and part.n_groups == hamiltonian.n_groups


def test_the_hamiltonian_of_weights_of_two_axes():
    hamiltonian = Problem().build()
    weights = np.random.default_rng(1).normal(size=(N_OUTPUTS, N_WEIGHTS))
    single = hamiltonian.energies(weights)
    assert single.shape == (N_OUTPUTS,)
    np.testing.assert_allclose(hamiltonian.energies(weights[:, np.newaxis])[:, 0], single)


def test_a_penalty_leaves_the_original_alone():
    hamiltonian = Problem().build()
    assert hamiltonian.with_penalty(2.0).penalty.tolist() == [2.0] * N_WEIGHTS
    assert not hamiltonian.penalty.any()


def test_a_penalty_counts_or_not():
    weights = np.zeros((N_OUTPUTS, N_WEIGHTS))
    with pytest.raises(ValueError, match="'with_penalty' parameter of .*energies must be True or"):
        Problem().build().energies(weights, with_penalty=np.ones(2))


@pytest.mark.parametrize("penalty", [-1.0, np.nan, [0.1, 0.1], [0.1, -0.1, 0.1]])
def test_bad_penalties(penalty):
    with pytest.raises(ValueError, match="must be a finite number >= 0, or 3 of them"):
        Problem().build().with_penalty(penalty)


def test_what_does_not_fit_in_memory_is_refused_with_bytes(monkeypatch):
    hamiltonian = LayerHamiltonian.from_rows(np.ones((1, 10**5)), np.ones((1, 1)), keep_rows=True)
    encoding = WeightEncoding(np.zeros((1, 10**5)), np.ones(10**5), 16)
    message = "An Ising model of 1,600,000 spins would need 20,480,000,000,000 bytes"
    with pytest.raises(MemoryError, match=message):
        hamiltonian.families(encoding)
    with pytest.raises(MemoryError, match="A BQM of 1,600,000 spins would need"):
        hamiltonian.to_bqm(0, encoding)
    with pytest.raises(MemoryError, match="1 groups of 1,000,000 weights would need 8,000,000,"):
        LayerHamiltonian.from_rows(np.ones((1, 10**6)), np.ones((1, 1)))

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(_memory.os, "sysconf", unknown)
    _memory.check_memory(10**30, "It", "")  # nothing is known of the machine: it may try


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda h: h.energies(np.zeros((1, 3))),
            r"must have the shape \(2, ..., 3\). Got \(1, 3\)",
        ),
        (lambda h: h.energies(np.zeros(3)), r"must have the shape \(2, ..., 3\)"),
        (lambda h: h.restricted([0, 1, 2]), r"must be an array of booleans of shape \(3,\)"),
        (lambda h: h.restricted([True]), r"must be an array of booleans of shape \(3,\)"),
        (lambda h: h.to_bqm(2, make_encoding(1)), r"'output' .* \[0, 2\). Got 2 instead"),
        (lambda h: h.to_bqm(0, make_encoding(1, 2, 4)), r"= \(2, 3\). Got \(2, 4\) instead"),
        (lambda h: h.families(make_encoding(1, 1)), r"= \(2, 3\). Got \(1, 3\) instead"),
    ],
)
def test_bad_requests(call, message):
    with pytest.raises(ValueError, match=message):
        call(Problem().build())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones((2, 3)), np.ones((3, 1))),
            r"must be as many. Got the shapes \(2, 3\) and \(3, 1",
        ),
        ((np.ones(2), np.ones((2, 1))), "must be as many"),
        ((np.ones((2, 3)), np.ones((2, 1)), np.ones((2, 2))), r"gains .* the shape \(2, 1\)"),
        ((np.ones((2, 3)), np.ones((2, 1)), None, np.ones(3)), r"weights .* the shape \(2,\)"),
        ((np.ones((2, 3)), np.ones((2, 1)), None, np.array([1.0, -1.0])), "numbers >= 0"),
        ((np.ones((2, 3)), np.ones((2, 1)), None, np.array([1.0, np.nan])), "numbers >= 0"),
    ],
)
def test_bad_batches(arguments, message):
    arguments = arguments + (None,) * (4 - len(arguments))
    with pytest.raises(ValueError, match=message):
        LayerHamiltonian.from_batches([arguments], normaliser=1.0)


def test_bad_construction():
    h, c, g, p = np.zeros((1, 2)), np.zeros(1), np.zeros(1, int), np.zeros(2)
    J, A, r = np.zeros((1, 2, 2)), np.zeros((3, 2)), np.zeros((1, 3))
    with pytest.raises(ValueError, match="Got both"):
        LayerHamiltonian(h, c, g, p, J, A, r)
    with pytest.raises(ValueError, match="as 'rows' and 'row_weights'"):
        LayerHamiltonian(h, c, g, p)
    with pytest.raises(ValueError, match="as 'rows' and 'row_weights'"):
        LayerHamiltonian(h, c, g, p, rows=A)
    with pytest.raises(ValueError, match=r"'quadratic' .* \(1, 2, 2\). Got \(1, 3, 3\)"):
        LayerHamiltonian(h, c, g, p, np.zeros((1, 3, 3)))
    with pytest.raises(ValueError, match=r"'groups' .* range \[0, 1\). Got 1 to 1"):
        LayerHamiltonian(h, c, g + 1, p, J)
    with pytest.raises(ValueError, match="'normaliser' .* > 0"):
        LayerHamiltonian.from_rows(A, np.zeros((3, 1)), weights=np.zeros(3))
    with pytest.raises(ValueError, match="at least one batch"):
        LayerHamiltonian.from_batches([], normaliser=1.0)
    with pytest.raises(ValueError, match=r"\(rows, targets, gains, weights\). Got ndarray instead"):
        LayerHamiltonian.from_batches([A], normaliser=1.0)


def test_a_group_of_no_output_has_no_family():
    pairs = np.array([[[9.0, 1.0], [1.0, 9.0]], [[2.0, 0.5], [0.5, 1.0]]])
    layer = LayerHamiltonian(np.ones((2, 2)), np.zeros(2), np.ones(2, int), np.zeros(2), pairs)
    encoding = WeightEncoding(np.zeros((2, 2)), np.ones(2), 1)
    ((outputs, family),) = layer.families(encoding)
    assert outputs.tolist() == [0, 1]
    np.testing.assert_allclose(family.couplings, [[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize("keep_rows", [False, True])
def test_no_weights_are_a_problem_with_one_answer(keep_rows):
    """As where all inputs of a layer are 0, which a network of ReLUs can come to."""
    whole = LayerHamiltonian.from_rows(np.zeros((5, 3)), np.ones((5, 2)), keep_rows=keep_rows)
    empty = whole.restricted(np.zeros(3, bool))
    weights = empty.minimise()
    assert weights.shape == (2, 0)
    np.testing.assert_array_equal(empty.energies(weights), [1.0, 1.0])
    np.testing.assert_array_equal(empty.condition_number(), [1.0])
    np.testing.assert_array_equal(empty.rank(), [0])
