"""log_partition_function: every method against enumeration, and the errors that it states.

Intervals of k standard deviations have fixed seeds. Should one fail after a change of the random
streams, take another seed; should it fail again, an estimate or its error is wrong.
"""

import dataclasses

import dimod
import numpy as np
import pytest
import scipy.sparse
from scipy.special import logsumexp

from qsklearn.samplers import LogPartitionFunction, log_partition_function
from qsklearn.samplers import _partition_function as module
from qsklearn.samplers._annealed_importance import log_mean, make_path
from qsklearn.samplers._elimination import order_by_degree
from qsklearn.samplers._models import SpinModels, check_couplings

K = 4
EXACT = ("enumeration", "bipartite", "tree-decomposition")
ESTIMATES = ("population", "annealed-importance")
MODELS = (
    "dense", "fields only", "disconnected", "zero", "one spin", "ferromagnet", "frustrated", "ring",
)  # fmt: skip


def make_model(name, ising):
    rng = np.random.default_rng(11)
    n_spins = 1 if name == "one spin" else 10
    h, J = rng.normal(size=n_spins), np.zeros((n_spins, n_spins))
    if name == "dense":
        J = ising.symmetric(10, rng) * 0.5
    elif name == "disconnected":
        J[:4, :4] = ising.symmetric(4, rng)
        J[6:8, 6:8] = ising.symmetric(2, rng)
    elif name == "zero":
        h[:] = 0.0
    elif name == "ferromagnet":
        h[:] = 0.0
        J = 0.3 * (np.eye(10) - np.ones((10, 10)))
    elif name == "frustrated":
        h[:] = 0.0
        J = np.sign(ising.symmetric(10, rng, density=0.6))
    elif name == "ring":
        h[:] = 0.0
        J = np.roll(np.eye(10), 1, axis=0)
        J += J.T
    return h, J


def chimera(m, rng):
    """Fields and ±1 couplings on a Chimera graph."""
    graph = pytest.importorskip("dwave.graphs").chimera_graph(m)
    J = np.zeros((len(graph), len(graph)))
    for a, b in graph.edges:
        J[a, b] = J[b, a] = rng.choice([-1.0, 1.0])
    return rng.normal(size=len(graph)) * 0.3, J


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", [*EXACT, "auto"])
def test_exact_methods_against_enumeration(method, model, beta, ising):
    h, J = make_model(model, ising)
    result = log_partition_function(h, J, beta=beta, method=method)
    np.testing.assert_allclose(result.value, [ising.enumerate(h, J, beta).log_z], rtol=1e-10)
    np.testing.assert_array_equal(result.standard_error, [0.0])
    np.testing.assert_array_equal(result.lower, result.value)
    np.testing.assert_array_equal(result.upper, result.value)
    assert result.method == ("enumeration" if method == "auto" else method)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", ESTIMATES)
def test_estimates_against_enumeration(method, model, beta, ising):
    h, J = make_model(model, ising)
    exact = ising.enumerate(h, J, beta).log_z
    result = log_partition_function(
        h, J, beta=beta, method=method, seed=1, population_size=3000, num_temperatures=100
    )
    error = result.standard_error[0]
    assert abs(result.value[0] - exact) <= K * error + 1e-12
    assert error < 0.1
    assert result.lower[0] <= result.value[0] <= result.upper[0]
    assert result.method == method


def check_calibration(method, num_runs, ising):
    """60 models alike: z-scores have mean 0 ± 4 / sqrt(60) and a deviation near 1."""
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=12), 0.7 * ising.symmetric(12, rng)
    exact = ising.enumerate(h, J, 1.0).log_z
    result = log_partition_function(
        np.tile(h, (60, 1)), J, method=method, seed=5, num_runs=num_runs, num_temperatures=60
    )
    z = (result.value - exact) / result.standard_error
    assert abs(z.mean()) < K / np.sqrt(60)
    assert 0.7 < z.std() < 1.4
    # An interval of two standard errors: 95 %, or 60 ± 4 sqrt(60 · 0.05 · 0.95) of them.
    inside = (result.lower <= exact) & (exact <= result.upper)
    assert inside.sum() >= 57 - K * np.sqrt(60 * 0.05 * 0.95)
    assert len(np.unique(result.value)) == 60


@pytest.mark.parametrize("method", ESTIMATES)
def test_stated_errors_are_calibrated(method, ising):
    check_calibration(method, 300, ising)


def test_bad_runs_bracket_the_truth(ising):
    """Few runs over few temperatures: below on the mean going forward, above in reverse."""
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=14), ising.symmetric(14, rng)
    exact = ising.enumerate(h, J, 2.0).log_z
    result = log_partition_function(
        np.tile(h, (200, 1)), J, beta=2.0, method="annealed-importance", seed=1, num_runs=2,
        num_temperatures=10,
    )  # fmt: skip
    gap = 2 * result.standard_error  # the statistical error of two runs is the smaller
    below, above = result.value - gap / 2, result.value + gap / 2
    assert below.mean() < exact - K * below.std() / np.sqrt(200)
    assert above.mean() > exact + K * above.std() / np.sqrt(200)
    inside = (result.lower <= exact) & (exact <= result.upper)
    assert inside.mean() > 0.9


def test_reverse_runs_without_exact_starts(ising, monkeypatch):
    """Long runs of tempering start them where no exact draws are to be had."""
    monkeypatch.setattr(module, "_has_cheap_draws", lambda models: False)
    monkeypatch.setattr(module, "_SWEEPS_TO_START", 300)
    check_calibration("annealed-importance", 100, ising)


@pytest.mark.parametrize(("model", "expected"), [("small", True), ("tree", True), ("dense", False)])
def test_which_models_have_exact_starts(model, expected, ising):
    pytest.importorskip("dwave.samplers")
    n_spins = 10 if model == "small" else 60
    J = np.eye(n_spins, k=1) + np.eye(n_spins, k=2) if model == "tree" else np.ones((n_spins,) * 2)
    couplings = check_couplings(np.triu(J, 1) + np.triu(J, 1).T, n_spins, "test")
    models = SpinModels(np.zeros((1, n_spins)), couplings)
    assert module._has_cheap_draws(models) is expected


@pytest.mark.parametrize("method", ESTIMATES)
def test_a_chimera_graph_against_tree_decomposition(method):
    h, J = chimera(3, np.random.default_rng(0))
    exact = log_partition_function(h, J)
    assert exact.method == "tree-decomposition"
    result = log_partition_function(h, J, method=method, seed=1, population_size=3000)
    assert abs(result.value - exact.value) < K * result.standard_error
    assert result.standard_error < 0.2
    assert result.lower < exact.value < result.upper


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_a_larger_chimera_graph_against_tree_decomposition(beta):
    h, J = chimera(4, np.random.default_rng(1))
    exact = log_partition_function(h, J, beta=beta, method="tree-decomposition")
    result = log_partition_function(
        h, J, beta=beta, method="annealed-importance", seed=1, num_runs=2000, num_temperatures=500
    )
    assert abs(result.value - exact.value) < K * result.standard_error < 1.0
    assert result.lower < exact.value < result.upper


def test_auto_takes_the_cheapest_exact_method(ising):
    rng = np.random.default_rng(0)
    assert log_partition_function(np.zeros(24), np.zeros((24, 24))).method == "enumeration"
    bipartite = ising.bipartite(12, 40, rng)
    wide = log_partition_function(np.zeros(52), bipartite)
    assert wide.method == "bipartite"
    forward = log_partition_function(np.zeros(52), bipartite, method="population", seed=1)
    assert abs(wide.value - forward.value) < K * forward.standard_error
    dense = log_partition_function(np.zeros(50), ising.symmetric(50, rng) / 10, seed=1)
    assert dense.method == "population"
    pytest.importorskip("dwave.samplers")
    chain = np.eye(60, k=1) + np.eye(60, k=2)
    assert log_partition_function(np.zeros(60), chain + chain.T).method == "tree-decomposition"


def test_auto_without_dwave_samplers(monkeypatch):
    def missing(name, caller):
        raise ImportError(f"{caller} needs {name}")

    monkeypatch.setattr(module, "import_optional", missing)
    monkeypatch.setattr("qsklearn.samplers._tree.import_optional", missing)
    chain = np.eye(60, k=1) + np.eye(60, k=2)
    chain += chain.T
    assert log_partition_function(np.zeros(60), chain, seed=1).method == "population"
    with pytest.raises(ImportError, match="log_partition_function needs dwave.samplers"):
        log_partition_function(np.zeros(60), chain, method="tree-decomposition")


def test_spins_without_biases_beside_a_tree():
    """dwave-samplers' tree drops them: log 2 each, and the draws are never up."""
    chain = np.zeros((64, 64))
    chain[:60, :60] = np.eye(60, k=1) + np.eye(60, k=2)
    chain += chain.T
    h = np.zeros((2, 64))
    h[1, :2] = h[1, 62:] = 0.5
    small = log_partition_function(h[:, :60], chain[:60, :60], method="tree-decomposition")
    result = log_partition_function(h, chain, method="tree-decomposition")
    free = np.array([4 * np.log(2), 2 * np.log(2) + 2 * np.log(2 * np.cosh(0.5))])
    np.testing.assert_allclose(result.value, small.value + free, rtol=1e-12)
    estimate = log_partition_function(h, chain, method="annealed-importance", seed=1, num_runs=300)
    assert (np.abs(estimate.value - result.value) < K * estimate.standard_error).all()
    assert estimate.standard_error.max() < 0.5


@pytest.mark.parametrize("graph", ["path", "grid", "complete", "no couplings"])
def test_orders_of_elimination(graph):
    J = {
        "path": np.eye(9, k=1),
        "grid": np.kron(np.eye(3), np.eye(3, k=1)) + np.kron(np.eye(3, k=1), np.eye(3)),
        "complete": np.triu(np.ones((9, 9)), 1),
        "no couplings": np.zeros((9, 9)),
    }[graph]
    couplings = check_couplings(J + J.T, 9, "test")
    width = {"path": 1, "grid": 3, "complete": 8, "no couplings": 0}[graph]
    assert sorted(order_by_degree(couplings, width)) == list(range(9))
    assert width == 0 or order_by_degree(couplings, width - 1) is None


def test_a_ring_in_closed_form():
    """Z = (2 cosh β)^n + (2 sinh β)^n on a ring of n spins."""
    ring = np.roll(np.eye(200), 1, axis=0)
    ring = scipy.sparse.csr_array(-(ring + ring.T))
    expected = 200 * np.log(2 * np.cosh(0.7)) + np.log1p(np.tanh(0.7) ** 200)
    for method in ("auto", "tree-decomposition"):
        result = log_partition_function(np.zeros(200), ring, beta=0.7, method=method)
        assert result.method == "tree-decomposition"
        np.testing.assert_allclose(result.value, expected, rtol=1e-12)
    for method in ESTIMATES:
        result = log_partition_function(np.zeros(200), ring, beta=0.7, method=method, seed=1)
        assert abs(result.value - expected) < K * result.standard_error < 1.0


@pytest.mark.parametrize("method", [*EXACT, *ESTIMATES])
def test_a_one_hot_unit(method, ising):
    """Also with couplings among the spins beside it, for which ExactSampler has no closed form."""
    rng = np.random.default_rng(4)
    h, J = rng.normal(size=(3, 7)), ising.symmetric(7, rng)
    J[2:5, 2:5] = 0.0
    options = {"beta": 0.8, "method": method, "seed": 1, "num_runs": 200}
    result = log_partition_function(h, J, one_hot=(2, 5), **options)
    for m in range(3):
        exact = ising.enumerate(h[m], J, 0.8, (2, 5)).log_z
        assert abs(result.value[m] - exact) <= K * result.standard_error[m] + 1e-9
        assert result.standard_error[m] < 0.1
    alone = log_partition_function(h[:, 2:5], J[2:5, 2:5], one_hot=(0, 3), **options)
    exact = [ising.enumerate(fields, np.zeros((3, 3)), 0.8, (0, 3)).log_z for fields in h[:, 2:5]]
    assert (np.abs(alone.value - exact) <= K * alone.standard_error + 1e-9).all()


@pytest.mark.parametrize("method", ["auto", *EXACT, *ESTIMATES])
def test_families_with_groups(method, ising):
    rng = np.random.default_rng(6)
    h = rng.normal(size=(4, 6))
    J = np.stack([ising.symmetric(6, rng), ising.symmetric(6, rng), ising.bipartite(2, 4, rng)])
    groups = [2, 0, 2, 0]
    result = log_partition_function(h, J, beta=0.6, method=method, groups=groups, seed=2)
    exact = [ising.enumerate(h[m], J[groups[m]], 0.6).log_z for m in range(4)]
    assert (np.abs(result.value - exact) <= K * result.standard_error + 1e-9).all()
    assert all(getattr(result, name).shape == (4,) for name in ("lower", "upper"))


@pytest.mark.parametrize("method", ["auto", *EXACT, *ESTIMATES])
def test_nothing_to_sum(method):
    result = log_partition_function(np.empty((2, 0)), np.empty((0, 0)), method=method)
    np.testing.assert_array_equal(result.value, [0.0, 0.0])  # one state, of energy 0
    result = log_partition_function(np.empty((0, 3)), np.zeros((3, 3)), method=method)
    assert result.value.shape == result.upper.shape == (0,)


@pytest.mark.parametrize("method", ESTIMATES)
def test_seeds_and_threads(method, ising):
    rng = np.random.default_rng(8)
    h, J = rng.normal(size=(3, 9)), ising.symmetric(9, rng)
    arguments = {"method": method, "num_runs": 80, "num_temperatures": 20, "population_size": 100}
    first = log_partition_function(h, J, seed=np.array([4, 5, 6]), **arguments)
    again = log_partition_function(h, J, seed=np.array([4, 5, 6]), num_threads=2, **arguments)
    for field in dataclasses.fields(LogPartitionFunction)[:4]:
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    alone = log_partition_function(h[1], J, seed=np.array([5]), **arguments)
    assert alone.value[0] == first.value[1]
    other = log_partition_function(h, J, seed=7, **arguments)
    assert (other.value != first.value).all()
    fresh = [log_partition_function(h, J, **arguments).value for _ in "ab"]
    assert (fresh[0] != fresh[1]).all()


def test_biases_of_any_size(ising):
    """Only β E counts."""
    rng = np.random.default_rng(9)
    h, J = rng.normal(size=8), ising.symmetric(8, rng)
    exact = ising.enumerate(h, J, 1.0).log_z
    for method in (*EXACT, *ESTIMATES):
        for scale in (2.0**-60, 2.0**60):
            result = log_partition_function(
                h * scale, J * scale, beta=1 / scale, method=method, seed=1
            )
            assert abs(result.value - exact) <= K * result.standard_error + 1e-9


def test_log_mean_by_the_delta_method():
    value, error = log_mean(np.log([[1.0, 3.0], [2.0, 2.0]]) + 800)
    np.testing.assert_allclose(value, np.log(2.0) + 800)
    np.testing.assert_allclose(error, [np.sqrt(2) / 2 / np.sqrt(2), 0.0], atol=1e-12)
    assert np.isnan(log_mean(np.zeros((1, 1)))[1])


def test_paths_are_even_while_hot_and_geometric_when_cold(ising):
    models = SpinModels(np.array([[1.0], [100.0]]), check_couplings([[0.0]], 1, "test"))
    betas = make_path(models, 50.0, 100)
    assert (betas[:, 0] == 0).all() and (betas[:, -1] == 50.0).all()
    steps = np.diff(betas, axis=1)
    assert (steps > 0).all()
    np.testing.assert_allclose(steps[:, 1], steps[:, 0], rtol=0.02)
    ratios = betas[:, 1:] / np.maximum(betas[:, :-1], 1e-9)
    np.testing.assert_allclose(ratios[:, -1], ratios[:, -2], rtol=0.02)
    np.testing.assert_array_equal(make_path(models, 0.0, 3), np.zeros((2, 4)))


@pytest.mark.parametrize("method", ESTIMATES)
def test_ctrl_c_is_raised(method, monkeypatch):
    """A partition function that is half done is none."""
    target = {
        "population": "qsklearn.samplers._population.sweep_at",
        "annealed-importance": "qsklearn.samplers._annealed_importance.sweep_at",
    }[method]

    def interrupted(models, betas, num_sweeps, *, num_reads, watch, **_):
        watch.interrupt("KeyboardInterrupt")
        shape = (models.n_models, num_reads)
        return np.ones((*shape, models.n_spins), np.int8), np.zeros(shape)

    monkeypatch.setattr(target, interrupted)
    with pytest.raises(KeyboardInterrupt):
        log_partition_function([0.5], [[0.0]], method=method)


def test_the_result_is_frozen():
    result = log_partition_function([0.5], [[0.0]])
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.value = np.zeros(1)


BAD = [
    ({"method": "magic"}, "'method' parameter of log_partition_function"),
    *(
        ({"beta": bad}, "'beta' parameter of log_partition_function")
        for bad in (-1, np.nan, np.inf, None)
    ),
    ({"beta": 1e300}, r"'beta' parameter of log_partition_function must be at most 3.33e\+290 for"),
    ({"seed": -1}, "'seed' parameter of log_partition_function"),
    ({"seed": np.array([1, 2])}, "'seed' parameter of log_partition_function"),
    ({"num_threads": 0}, "'num_threads' parameter of log_partition_function"),
    ({"population_size": 0}, "'population_size' parameter of log_partition_function"),
    ({"num_runs": 0}, "'num_runs' parameter of log_partition_function"),
    ({"num_temperatures": 0.5}, "'num_temperatures' parameter of log_partition_function"),
    ({"num_sweeps": 0}, "'num_sweeps' parameter of log_partition_function"),
    ({"h": [np.nan, 0.0]}, "'h' parameter of log_partition_function must be finite"),
    ({"J": np.eye(2)}, "'J' parameter of log_partition_function must have a zero diagonal"),
    ({"J": np.zeros((3, 3))}, "'J' parameter of log_partition_function"),
    ({"J": np.zeros((2, 2, 2))}, "'groups' parameter of log_partition_function"),
    ({"one_hot": (0, 5)}, "'one_hot' parameter of log_partition_function"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_arguments_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        log_partition_function(**{"h": [0.1, 0.2], "J": np.zeros((2, 2)), **bad})


def test_methods_that_do_not_serve_a_model_say_why(ising):
    J = ising.symmetric(60, np.random.default_rng(0))
    for method, message in (
        ("enumeration", "'enumeration' of log_partition_function takes up to 24 spins, and got 60"),
        (
            "bipartite",
            "all spins but 16 do not couple among themselves, and got one with 59 others",
        ),
        ("tree-decomposition", "does not serve this model of 60 spins: its graph has a treewidth"),
    ):
        if method == "tree-decomposition":
            pytest.importorskip("dwave.samplers")
        with pytest.raises(ValueError, match=message):
            log_partition_function(np.zeros(60), J, method=method)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_a_binary_quadratic_model_counts_with_its_offset(vartype):
    linear, quadratic = {"a": 0.3, "b": -1.0, "c": 0.0}, {"ab": 0.7, "bc": -0.4}
    bqm = dimod.BinaryQuadraticModel(linear, quadratic, 5.0, vartype)
    energies = dimod.ExactSolver().sample(bqm).record.energy
    result = log_partition_function(bqm, beta=0.8)
    expected = logsumexp(-0.8 * energies)
    np.testing.assert_allclose([result.value, result.lower, result.upper], expected, rtol=1e-12)


@pytest.mark.parametrize("words", [({"a": 1.0}, {"ab": 1.0}), ([0.1],), ([0.1], {})])
def test_dictionaries_are_told_what_is_taken(words):
    with pytest.raises(TypeError, match="as arrays, or one dimod.BinaryQuadraticModel. Got"):
        log_partition_function(*words)


@pytest.mark.parametrize("name", ["num_temperatures", "num_runs", "num_sweeps"])
@pytest.mark.parametrize("transverse_field", [0.0, 0.5])
def test_annealed_importance_beyond_memory_is_refused(name, transverse_field):
    words = {"method": "annealed-importance", "transverse_field": transverse_field, name: 2**63}
    with pytest.raises(MemoryError, match="log_partition_function would need"):
        log_partition_function([0.1, 0.2], np.zeros((2, 2)), **words)


def test_counts_may_be_short_integers():
    """One overflowed when 1 was added."""
    count = np.int8(127)
    words = {"num_runs": count, "num_temperatures": count, "num_sweeps": np.int8(1)}
    same = {name: int(value) for name, value in words.items()}
    h, J, method = [0.1, 0.2], np.zeros((2, 2)), "annealed-importance"
    found = log_partition_function(h, J, method=method, seed=0, **words)
    expected = log_partition_function(h, J, method=method, seed=0, **same)
    assert found.value == expected.value
