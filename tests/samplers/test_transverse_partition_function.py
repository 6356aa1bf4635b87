"""log_partition_function in a transverse field: against diagonalisation, and exact sums of slices.

Intervals of k standard deviations have fixed seeds, as in test_partition_function. That draws of
PathIntegralAnnealingSampler have the means and correlations of exact diagonalisation is tested in
test_path_integral.
"""

import dataclasses
from functools import reduce

import numpy as np
import pytest
from scipy.linalg import expm

from qsklearn.samplers import LogPartitionFunction, log_partition_function
from qsklearn.samplers import _imaginary_slices as slices
from qsklearn.samplers import _partition_function as module
from qsklearn.samplers._models import SpinModels, check_couplings

K = 4
SUMS = ("enumeration", "bipartite", "tree-decomposition")
QUICK = {"num_runs": 256, "num_temperatures": 60}


def make_model(n_spins, seed, ising, n_models=None):
    rng = np.random.default_rng(seed)
    shape = n_spins if n_models is None else (n_models, n_spins)
    return rng.normal(size=shape) * 0.5, ising.symmetric(n_spins, rng) * 0.5


def estimate(h, J, gamma, **options):
    options = {"method": "annealed-importance", "seed": 1, **QUICK, **options}
    return log_partition_function(h, J, transverse_field=gamma, **options)


def diagonalize(h, J, gamma, **options):
    result = log_partition_function(
        h, J, transverse_field=gamma, method="diagonalization", **options
    )
    np.testing.assert_array_equal(result.standard_error, 0.0)
    np.testing.assert_array_equal([result.lower, result.upper], [result.value] * 2)
    return result.value


def trace_of_slices(h, J, beta, gamma, num_slices, ising):
    """log Tr (exp(-βE/P) exp(βΓ Σσx / P))^P, by its matrices."""
    one = expm(beta * gamma / num_slices * np.array([[0.0, 1.0], [1.0, 0.0]]))
    energies = ising.energies(h, J, ising.all_states(len(h)))
    lowest = energies.min()
    weights = np.exp(-beta / num_slices * (energies - lowest))
    matrix = weights[:, np.newaxis] * reduce(np.kron, [one] * len(h))
    return np.log(np.trace(np.linalg.matrix_power(matrix, num_slices))) - beta * lowest


@pytest.mark.parametrize("beta", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("gamma", [0.0, 1e-9, 0.7, 40.0])
def test_one_spin_in_closed_form(gamma, beta):
    """Z = 2 cosh β√(h² + Γ²)."""
    h = np.array([[0.0], [0.6], [-2.0]])
    result = log_partition_function(h, [[0.0]], beta=beta, transverse_field=gamma)
    assert result.method == ("diagonalization" if beta * gamma else "enumeration")
    size = beta * np.hypot(h[:, 0], gamma)
    np.testing.assert_allclose(result.value, size + np.log1p(np.exp(-2 * size)), rtol=1e-12)
    np.testing.assert_allclose(diagonalize(h, [[0.0]], gamma, beta=beta), result.value, rtol=1e-12)


def test_diagonalization_against_the_matrix_exponential(ising):
    """H written with Pauli matrices."""
    h, J = make_model(4, 0, ising)
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])

    def at(site, matrix):
        return reduce(np.kron, [matrix if i == site else np.eye(2) for i in range(4)])

    H = sum(h[i] * at(i, z) - 0.7 * at(i, x) for i in range(4))
    H = H + sum(J[i, j] * at(i, z) @ at(j, z) for i in range(4) for j in range(i))
    expected = np.log(np.trace(expm(-1.3 * H)))
    np.testing.assert_allclose(diagonalize(h, J, 0.7, beta=1.3), expected, rtol=1e-12)


def test_spins_without_couplings_in_closed_form():
    h = np.linspace(-1, 1, 8)
    size = np.hypot(h, 0.9)
    expected = np.log(2 * np.cosh(size)).sum()
    np.testing.assert_allclose(diagonalize(h, np.zeros((8, 8)), 0.9), expected, rtol=1e-12)
    result = estimate(h, np.zeros((8, 8)), 0.9, num_slices=16)
    assert abs(result.value - expected) < K * result.standard_error < 0.1


@pytest.mark.parametrize("num_slices", [2, 3, 4])
@pytest.mark.parametrize("gamma", [1e-4, 0.4, 3.0])
@pytest.mark.parametrize("method", [*SUMS, "annealed-importance"])
def test_finite_numbers_of_slices_exactly(method, gamma, num_slices, ising):
    """The stretched model of up to 20 spins, with its factor, is the trace of the slices."""
    if method == "tree-decomposition":
        pytest.importorskip("dwave.samplers")
    h, J = make_model(5, 1, ising, n_models=2)
    expected = [trace_of_slices(row, J, 1.2, gamma, num_slices, ising) for row in h]
    options = {"num_slices": num_slices, "method": method, "beta": 1.2}
    result = estimate(h, J, gamma, **options)
    assert result.method == method
    if method in SUMS:
        np.testing.assert_allclose(result.value, expected, rtol=1e-10)
    else:
        assert (np.abs(result.value - expected) < K * result.standard_error).all()
        assert result.standard_error.max() < 0.1


@pytest.mark.parametrize("gamma", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("n_spins", [6, 7, 8])
def test_estimates_against_diagonalization(n_spins, gamma, ising):
    """At P = 32 the error of the slices is 0.007 or less here, which the exact trace tells."""
    h, J = make_model(n_spins, n_spins, ising)
    exact = diagonalize(h, J, gamma)
    trotter = trace_of_slices(h, J, 1.0, gamma, 32, ising) - exact
    assert 0 <= trotter < 0.007
    result = estimate(h, J, gamma, num_slices=32)
    error = result.standard_error[0]
    assert abs(result.value[0] - exact) < K * error + 0.007
    assert error < 0.06
    assert result.lower[0] - 0.007 < exact < result.upper[0]


def test_errors_of_slices_fall_by_their_square(ising):
    """They are from above, and what two numbers of slices tell together is better by far."""
    h, J = make_model(5, 3, ising)
    exact = diagonalize(h, J, 1.0)[0]
    two, four = (
        log_partition_function(
            h, J, transverse_field=1.0, num_slices=P, method="enumeration"
        ).value[0]
        for P in (2, 4)
    )
    sixteen = trace_of_slices(h, J, 1.0, 1.0, 16, ising)
    assert exact < sixteen < four < two
    assert 3 < (two - exact) / (four - exact) < 4.2
    assert 12 < (four - exact) / (sixteen - exact) < 16.5
    assert abs((4 * four - two) / 3 - exact) < 0.2 * (four - exact)


@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_stated_errors_are_calibrated(gamma, ising):
    """60 models alike: z-scores have mean 0 ± 4 / sqrt(60) and a deviation near 1."""
    h, J = make_model(6, 2, ising)
    expected = trace_of_slices(h, J, 1.0, gamma, 4, ising)
    result = estimate(
        np.tile(h, (60, 1)), J, gamma, num_slices=4, num_runs=100, num_temperatures=40
    )
    z = (result.value - expected) / result.standard_error
    assert abs(z.mean()) < K / np.sqrt(60)
    assert 0.7 < z.std() < 1.4
    inside = (result.lower <= expected) & (expected <= result.upper)
    assert inside.sum() >= 57 - K * np.sqrt(60 * 0.05 * 0.95)
    assert len(np.unique(result.value)) == 60


@pytest.mark.parametrize("method", [*SUMS, "diagonalization", "annealed-importance"])
def test_weak_fields_lead_to_the_classical_value(method, ising):
    if method == "tree-decomposition":
        pytest.importorskip("dwave.samplers")
    h, J = make_model(6, 4, ising)
    classical = log_partition_function(h, J).value
    for gamma in (0.0, 1e-300, 1e-40, 1e-20, 1e-8):
        result = estimate(h, J, gamma, method=method, num_slices=3)
        tolerance = K * result.standard_error + 1e-9
        assert abs(result.value - classical) < tolerance < 0.2


@pytest.mark.parametrize("method", ["enumeration", "diagonalization", "annealed-importance"])
@pytest.mark.parametrize("gamma", [1e4, 1e80])
def test_strong_fields_are_spins_of_their_own(method, gamma, ising):
    """All that is left of Z is (2 cosh βΓ)^n, and E is seen in its slices only."""
    h, J = make_model(4, 5, ising)
    result = estimate(h, J, gamma, method=method, num_slices=4)
    np.testing.assert_allclose(result.value, 4 * gamma, rtol=1e-3)


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_units_do_not_matter(scale, ising):
    """Only β H counts."""
    h, J = make_model(5, 6, ising)
    for method in ("enumeration", "diagonalization", "annealed-importance"):
        expected = estimate(h, J, 0.8, method=method, num_slices=4)
        result = estimate(
            scale * h, scale * J, scale * 0.8, beta=1 / scale, method=method, num_slices=4
        )
        np.testing.assert_allclose(result.value, expected.value, rtol=1e-9)


def test_a_glass_on_a_chimera_graph_in_a_weak_field():
    """72 spins whose classical sum is exact: where updates of single spins freeze."""
    pytest.importorskip("dwave.samplers")
    graph = pytest.importorskip("dwave.graphs").chimera_graph(3)
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=72) * 0.5, np.zeros((72, 72))
    for a, b in graph.edges:
        J[a, b] = J[b, a] = rng.normal() * 0.5
    exact = log_partition_function(h, J, method="tree-decomposition").value
    result = estimate(h, J, 1e-6, num_slices=8)
    assert abs(result.value - exact) < K * result.standard_error < 0.8
    assert result.lower < exact < result.upper


def test_auto_takes_the_cheapest_that_serves(ising):
    def chosen(n_spins, J, num_slices=16):
        result = log_partition_function(
            np.zeros(n_spins), J, transverse_field=0.5, num_slices=num_slices, seed=1,
            num_runs=10, num_temperatures=5,
        )  # fmt: skip
        return result.method

    h, J = make_model(12, 7, ising)
    assert chosen(10, J[:10, :10]) == "diagonalization"
    assert chosen(11, J[:11, :11], 2) == "enumeration"
    assert chosen(12, J) == "annealed-importance"
    pytest.importorskip("dwave.samplers")
    chain = np.eye(40, k=1) + np.eye(40, k=-1)
    assert chosen(40, chain, 4) == "tree-decomposition"


def test_a_chain_by_its_tree():
    pytest.importorskip("dwave.samplers")
    chain = 0.7 * (np.eye(40, k=1) + np.eye(40, k=-1))
    h = np.random.default_rng(8).normal(size=40) * 0.5
    exact = log_partition_function(h, chain, transverse_field=0.8, num_slices=6).value
    result = estimate(h, chain, 0.8, num_slices=6)
    assert abs(result.value - exact) < K * result.standard_error < 0.3


@pytest.mark.parametrize("method", ["enumeration", "diagonalization", "auto"])
def test_one_hot_units_feel_no_field(method, ising):
    """The unit is classical: H is a block for each of its states."""
    h, J = make_model(6, 9, ising)
    J[1:4, 1:4] = 0.0
    options = {"transverse_field": 0.6, "num_slices": 5, "method": method}
    result = log_partition_function(h, J, one_hot=(1, 4), **options)
    rest, parts = [0, 4, 5], []
    for up in range(3):
        unit = np.where(np.arange(3) == up, 1.0, -1.0)
        given = h[rest] + J[rest, 1:4] @ unit
        part = log_partition_function(given, J[np.ix_(rest, rest)], **options)
        parts.append(part.value - h[1:4] @ unit)
    np.testing.assert_allclose(result.value, np.logaddexp.reduce(parts), rtol=1e-12)
    with pytest.raises(ValueError, match="takes no one_hot unit with a transverse_field > 0"):
        estimate(h, J, 0.6, one_hot=(1, 4))


def test_families_with_groups_and_a_model_with_an_offset(ising):
    h, _ = make_model(5, 10, ising, n_models=3)
    J = np.stack([make_model(5, seed, ising)[1] for seed in (11, 12)])
    groups = [1, 0, 1]
    exact = diagonalize(h, J, 0.7, groups=groups)
    alone = [diagonalize(h[m], J[groups[m]], 0.7)[0] for m in range(3)]
    np.testing.assert_allclose(exact, alone, rtol=1e-12)
    result = estimate(h, J, 0.7, groups=groups, num_slices=32)
    assert (np.abs(result.value - exact) < K * result.standard_error + 0.005).all()
    bqm = SpinModels(h[:1], check_couplings(J[0], 5, "x")).to_bqm(0)
    bqm.offset = 3.0
    with_offset = log_partition_function(bqm, beta=0.5, transverse_field=0.7).value
    expected = diagonalize(h[0], J[0], 0.7, beta=0.5) - 1.5
    np.testing.assert_allclose(with_offset, expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["auto", *SUMS, "diagonalization", "annealed-importance"])
def test_nothing_to_sum(method):
    result = estimate(np.empty((2, 0)), np.empty((0, 0)), 0.5, method=method)
    np.testing.assert_array_equal(result.value, [0.0, 0.0])
    result = estimate(np.empty((0, 3)), np.zeros((3, 3)), 0.5, method=method, num_slices=2)
    assert result.value.shape == (0,)


def test_seeds_and_threads(ising):
    h, J = make_model(7, 13, ising, n_models=3)
    options = {"num_runs": 80, "num_temperatures": 10, "num_slices": 5}
    first = estimate(h, J, 0.7, seed=np.array([4, 5, 6]), **options)
    for num_threads in (2, 3):
        again = estimate(h, J, 0.7, seed=np.array([4, 5, 6]), num_threads=num_threads, **options)
        for field in dataclasses.fields(LogPartitionFunction)[:4]:
            np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    alone = estimate(h[1], J, 0.7, seed=np.array([5]), **options)
    np.testing.assert_allclose(alone.value, first.value[1], rtol=1e-12)
    assert (estimate(h, J, 0.7, seed=7, **options).value != first.value).all()
    fresh = [estimate(h, J, 0.7, seed=None, **options).value for _ in "ab"]
    assert (fresh[0] != fresh[1]).all()


def test_more_sweeps_and_a_single_run(ising):
    h, J = make_model(6, 14, ising)
    exact = trace_of_slices(h, J, 1.0, 0.5, 4, ising)
    result = estimate(h, J, 0.5, num_slices=4, num_sweeps=3, num_temperatures=20)
    assert abs(result.value - exact) < K * result.standard_error < 0.2
    single = estimate(h, J, 0.5, num_slices=4, num_runs=1)
    assert np.isfinite(single.value).all() and np.isnan(single.standard_error).all()


def test_ctrl_c_is_raised(monkeypatch):
    """A block that is told to stop ends; a partition function that is half done is none."""
    blocks = []

    class Stopped(slices._Block):
        def log_weights(self, step):
            blocks.append(step)
            self.setting.watch.interrupt("KeyboardInterrupt")
            return super().log_weights(step)

    def interrupted(*arguments, watch, **options):
        monkeypatch.setattr(slices._Setting, "watch", watch, raising=False)
        return weigh(*arguments, watch=watch, **options)

    weigh = module.weigh_worldlines
    monkeypatch.setattr(slices, "_Block", Stopped)
    monkeypatch.setattr(module, "weigh_worldlines", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimate([0.5], [[0.0]], 0.5, num_runs=10)
    assert blocks == [0]


BAD = [
    *(
        ({"transverse_field": bad}, "'transverse_field' parameter of log_partition_function must")
        for bad in (-1.0, np.nan, np.inf, "a", None)
    ),
    ({"transverse_field": 1e200, "beta": 1e200}, "must be finite, also times beta. Got 1e\\+200"),
    *(
        ({"num_slices": bad}, "'num_slices' parameter of log_partition_function must")
        for bad in (0, -1, 1.5, None)
    ),
    (
        {"num_slices": 1},
        "'num_slices' .* must be at least 2 with a transverse_field of 0.5.* Got 1",
    ),
    ({"num_slices": 2**31}, "fewer than 2\\^32 spins. Got 2147483648 slices of 2 spins instead."),
    ({"method": "population"}, "'population' of log_partition_function does not serve a transvers"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_arguments_are_refused(bad, message):
    arguments = {"h": [0.1, 0.2], "J": np.zeros((2, 2)), "transverse_field": 0.5, **bad}
    with pytest.raises(ValueError, match=message):
        log_partition_function(**arguments)


def test_slices_do_not_matter_without_a_field():
    for options in (
        {},
        {"transverse_field": 0.5, "beta": 0.0},
        {"transverse_field": 0.5, "method": "diagonalization"},
    ):
        one, two = (
            log_partition_function([0.1, 0.2], np.zeros((2, 2)), num_slices=P, **options).value
            for P in (1, 2)
        )
        np.testing.assert_array_equal(one, two)


def test_methods_that_do_not_serve_a_model_say_why(ising):
    h, J = make_model(12, 15, ising)
    for method, message in (
        ("enumeration", "takes up to 24 spins, and got 192. Use method='auto', 'annealed-importan"),
        ("bipartite", "all spins but 16 do not couple among themselves, and got one with"),
        ("diagonalization", "takes up to 10 spins, and got 12"),
    ):
        with pytest.raises(ValueError, match=message):
            log_partition_function(h, J, transverse_field=0.5, method=method)
    with pytest.raises(ValueError, match="takes up to 10 spins.* 'population' or 'annealed-imp"):
        log_partition_function(h, J, method="diagonalization")
