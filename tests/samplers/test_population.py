"""PopulationAnnealingSampler: its law, its partition function and error, families, schedules.

Chi-squares and k-sigma intervals have fixed seeds. Should one fail after a change of the random
streams, take another seed; should it fail again, the law is broken.
"""

import dimod
import numpy as np
import pytest

from qsklearn.samplers import PopulationAnnealingSampler, log_partition_function
from qsklearn.samplers import _population as module
from qsklearn.samplers._resampling import (
    _overlaps,
    choose_betas,
    choose_parents,
    count_families,
    estimate_log_error,
    grow_blocks,
    log_mean_exp,
)
from qsklearn.samplers._streams import Stream, stream_of
from qsklearn.samplers._uniforms import draw_uniforms, split_keys

SIGNIFICANCE = 1e-4
K = 4
MODELS = ("dense", "two wells", "frustrated", "disconnected", "no couplings", "one spin", "one-hot")


def make_model(name, ising):
    """Fields, couplings, one-hot unit."""
    rng = np.random.default_rng(7)
    n_spins = 1 if name == "one spin" else 6
    h, J, one_hot = rng.normal(size=n_spins) * 0.5, np.zeros((n_spins, n_spins)), None
    if name == "dense":
        J = ising.symmetric(6, rng) * 0.6
    elif name == "two wells":
        h[:] = 0.05
        J = np.eye(6) - np.ones((6, 6))
    elif name == "frustrated":
        h[:] = 0.0
        J = np.ones((6, 6)) - np.eye(6)
    elif name == "disconnected":
        J[:3, :3] = ising.symmetric(3, rng)
    elif name == "one-hot":
        J[1:4, [0, 4, 5]] = rng.normal(size=(3, 3))
        J += J.T
        one_hot = (1, 4)
    return h, J, one_hot


def chimera(m, rng):
    """Fields and ±1 couplings on a Chimera graph."""
    graph = pytest.importorskip("dwave.graphs").chimera_graph(m)
    J = np.zeros((len(graph), len(graph)))
    for a, b in graph.edges:
        J[a, b] = J[b, a] = rng.choice([-1.0, 1.0])
    return rng.normal(size=len(graph)) * 0.3, J


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("model", MODELS)
def test_law_and_partition_function_against_enumeration(model, beta, ising):
    """Few reads of a large population: within it, replicas of one family are alike."""
    h, J, one_hot = make_model(model, ising)
    law = ising.enumerate(h, J, beta, one_hot)
    sampler = PopulationAnnealingSampler(2000, 20_000, beta=beta, seed=3)
    states, energies, info = sampler.sample_arrays(h, J, one_hot=one_hot)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)
    error = info["log_partition_function_stderr"][0]
    assert abs(info["log_partition_function"][0] - law.log_z) <= K * error + 1e-12
    assert error < 0.02
    if beta == 0:
        assert error == 0
        np.testing.assert_allclose(info["log_partition_function"][0], np.log(len(law.states)))


@pytest.mark.parametrize("model", ["dense", "two wells", "one-hot", "glass"])
def test_the_stated_error_is_calibrated(model, ising):
    """60 runs as a family: z-scores have mean 0 ± 4 / sqrt(60) and a deviation near 1."""
    if model == "glass":
        rng = np.random.default_rng(1)
        h, J, one_hot = rng.normal(size=14), ising.symmetric(14, rng), None
    else:
        h, J, one_hot = make_model(model, ising)
    exact = ising.enumerate(h, J, 1.5, one_hot).log_z
    sampler = PopulationAnnealingSampler(population_size=600, beta=1.5, seed=4)
    _, _, info = sampler.sample_arrays(np.tile(h, (60, 1)), J, one_hot=one_hot, keep=[])
    z = (info["log_partition_function"] - exact) / info["log_partition_function_stderr"]
    assert abs(z.mean()) < K / np.sqrt(60)
    assert 0.7 < z.std() < 1.4
    assert info["log_partition_function_stderr"].max() < 0.15


def test_the_error_grows_where_sweeps_do_not_mix(ising):
    """Replicas of a family that never moves apart carry one piece of information."""
    rng = np.random.default_rng(2)
    h, J = rng.normal(size=12), ising.symmetric(12, rng)
    exact = ising.enumerate(h, J, 3.0).log_z
    schedule = np.linspace(0.1, 3.0, 30)
    sampler = PopulationAnnealingSampler(
        population_size=400, beta=3.0, beta_schedule=schedule, num_sweeps=1, seed=1
    )
    infos = [
        sampler.sample_arrays(np.tile(h, (60, 1)), J, num_sweeps=num_sweeps)[2]
        for num_sweeps in (1, 30)
    ]
    stuck, mixing = (info["log_partition_function_stderr"].mean() for info in infos)
    assert stuck > 1.1 * mixing
    assert infos[0]["rho_t"].mean() > 2
    for info in infos:
        z = (info["log_partition_function"] - exact) / info["log_partition_function_stderr"]
        assert 0.7 < z.std() < 1.4


def test_families_of_models_with_groups(ising):
    rng = np.random.default_rng(5)
    h = rng.normal(size=(4, 5)) * np.array([[0.1], [1.0], [3.0], [1.0]])
    J = np.stack([ising.symmetric(5, rng), 0.3 * ising.symmetric(5, rng)])
    groups = [1, 0, 1, 0]
    sampler = PopulationAnnealingSampler(2000, 20_000, beta=0.9, seed=8)
    states, energies, info = sampler.sample_arrays(h, J, groups=groups)
    assert len(np.unique(info["num_temperatures"])) > 1  # each model goes its own way
    for m in range(4):
        law = ising.enumerate(h[m], J[groups[m]], 0.9)
        assert ising.p_value(states[m], law) > SIGNIFICANCE
        error = info["log_partition_function_stderr"][m]
        assert abs(info["log_partition_function"][m] - law.log_z) < K * error
        np.testing.assert_allclose(
            energies[m], ising.energies(h[m], J[groups[m]], states[m]), atol=1e-9
        )


def test_a_given_schedule(ising):
    h, J, _ = make_model("dense", ising)
    law = ising.enumerate(h, J, 1.0)
    sampler = PopulationAnnealingSampler(
        2000, 20_000, beta=1.0, beta_schedule=[0.2, 0.5, 1.0], seed=2
    )
    states, _, info = sampler.sample_arrays(h, J)
    assert info["num_temperatures"] == 3
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    error = info["log_partition_function_stderr"][0]
    assert abs(info["log_partition_function"][0] - law.log_z) < K * error < 0.1


@pytest.mark.parametrize("model", ["dense", "frustrated", "one-hot"])
def test_a_ground_search_finds_the_ground_states(model, ising):
    h, J, one_hot = make_model(model, ising)
    sampler = PopulationAnnealingSampler(20, seed=1)
    _, energies, info = sampler.sample_arrays(h, J, one_hot=one_hot)
    np.testing.assert_allclose(energies, ising.enumerate(h, J, 1.0, one_hot).energies.min())
    assert info["beta"] is None
    assert info["beta_range"][1] > 3
    assert "log_partition_function" not in info


def test_a_chimera_graph_against_tree_decomposition():
    h, J = chimera(3, np.random.default_rng(0))
    exact = log_partition_function(h, J, beta=1.0, method="tree-decomposition").value[0]
    sampler = PopulationAnnealingSampler(population_size=3000, beta=1.0, seed=1)
    _, _, info = sampler.sample_arrays(h, J)
    error = info["log_partition_function_stderr"][0]
    assert abs(info["log_partition_function"][0] - exact) < K * error < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_a_larger_chimera_graph_against_tree_decomposition(beta):
    h, J = chimera(4, np.random.default_rng(1))
    exact = log_partition_function(h, J, beta=beta, method="tree-decomposition").value[0]
    sampler = PopulationAnnealingSampler(population_size=10_000, num_sweeps=20, beta=beta, seed=1)
    _, _, info = sampler.sample_arrays(h, J)
    error = info["log_partition_function_stderr"][0]
    assert abs(info["log_partition_function"][0] - exact) < K * error < 0.2


def test_reads_are_chosen_without_replacement():
    """At β = 0 all replicas of 60 free spins differ, and so do all reads."""
    sampler = PopulationAnnealingSampler(population_size=300, beta=0.0, seed=1)
    h, J = np.zeros(60), np.zeros((60, 60))
    for num_reads in (10, 300, 400):  # the population grows to the last
        states, _, info = sampler.sample_arrays(h, J, num_reads=num_reads)
        assert len(np.unique(states[0], axis=0)) == num_reads
        assert info["num_families"] == max(num_reads, 300)


def test_reads_are_not_in_the_order_of_families():
    """Neighbours in the population descend from one replica; neighbouring reads seldom do."""
    h, J = np.zeros(12), np.eye(12) - np.ones((12, 12))
    sampler = PopulationAnnealingSampler(1000, num_sweeps=1, beta=3.0, seed=1)
    magnetisation = np.sign(sampler.sample_arrays(h, J)[0][0].sum(axis=1).astype(float))
    product = magnetisation[1:] * magnetisation[:-1]
    assert abs(product.mean() - magnetisation.mean() ** 2) < K / np.sqrt(999)


def test_family_statistics():
    families = np.array([[0, 0, 2, 2], [0, 1, 2, 3]])
    np.testing.assert_array_equal(count_families(families), [[2, 0, 2, 0], [1] * 4])
    population = module._Population(
        np.ones((2, 4, 1), np.int8), np.zeros((2, 4)), families, np.ones((2, 2)), np.ones(2),
        np.zeros(2), np.ones(2, int),
    )  # fmt: skip
    info = module._describe(population, np.array([1.0, 2.0]), thermal=True)
    np.testing.assert_array_equal(info["num_families"], [2, 4])
    np.testing.assert_allclose(info["rho_t"], [2.0, 1.0])
    np.testing.assert_allclose(info["entropic_family_size"], [2.0, 1.0])
    np.testing.assert_array_equal(info["log_partition_function"], [0.0, np.nan])


def test_families_are_those_that_descend_from_one_replica(monkeypatch):
    """Where nothing moves, the families are the states that are left of those at the start."""
    h = np.random.default_rng(0).normal(size=50)
    sweep_at = module.sweep_at

    def stay(*arguments, initial_states=None, **options):
        if initial_states is None:
            return sweep_at(*arguments, **options)
        return initial_states.copy(), initial_states @ h

    monkeypatch.setattr(module, "sweep_at", stay)
    sampler = PopulationAnnealingSampler(200, 200, beta=1.0, seed=1)
    states, _, info = sampler.sample_arrays(h, np.zeros((50, 50)))
    _, sizes = np.unique(states[0], axis=0, return_counts=True)
    assert 2 < len(sizes) < 100
    assert info["num_families"] == len(sizes)
    np.testing.assert_allclose(info["rho_t"], (sizes**2).sum() / 200)
    entropy = -(sizes / 200 * np.log(sizes / 200)).sum()
    np.testing.assert_allclose(info["entropic_family_size"], 200 / np.exp(entropy))


def test_the_error_of_blocks():
    """Four replicas in two blocks; the first block's mean weight is 3/2 of the population's."""
    growths = np.ones((2, 2))
    families = np.array([[0, 1, 2, 3], [0, 0, 0, 0]])
    weights = np.array([[5.0, 1.0, 2.0, 0.0], [2.0, 1.0, 1.0, 4.0]])
    growths = grow_blocks(growths, families, np.log(np.maximum(weights, 1e-300)))
    np.testing.assert_allclose(growths, [[1.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(estimate_log_error(growths), [0.5, np.sqrt(0.5)])
    assert np.isnan(estimate_log_error(np.ones((1, 1)))).all()


def test_parents_have_their_expected_number_of_offspring():
    rng = np.random.default_rng(0)
    log_weights = rng.normal(size=(5, 50)) + 700 * np.arange(5)[:, np.newaxis]
    expected = np.exp(log_weights - log_mean_exp(log_weights)[:, np.newaxis])
    total = np.zeros((5, 50))
    for _ in range(400):
        parents = choose_parents(log_weights, rng.random((5, 1)))
        assert (np.diff(parents, axis=1) >= 0).all()
        counts = np.stack([np.bincount(row, minlength=50) for row in parents])
        assert (np.abs(counts - expected) < 1 + 1e-9).all()
        total += counts
    # A rounded number has a variance of at most 1/4.
    assert np.abs(total / 400 - expected).max() < 5 * 0.5 / np.sqrt(400)
    edge = choose_parents(np.zeros((1, 7)), np.array([[1 - 2.0**-53]]))
    assert edge.shape == (1, 7)  # though rounding makes 8 of its last edge
    np.testing.assert_array_equal(
        choose_parents(np.full((1, 7), 3.3), np.zeros((1, 1)))[0], range(7)
    )


@pytest.mark.parametrize("overlap", [0.5, 0.85, 0.99])
@pytest.mark.parametrize("scale", [1e-90, 1.0, 1e90])
def test_steps_have_the_overlap_asked_for(overlap, scale):
    energies = np.random.default_rng(0).normal(size=(3, 2000)) * scale
    targets = np.array([1e3, 1e3, 1e-3]) / scale
    betas = choose_betas(energies, np.zeros(3), targets, overlap, 5)
    assert betas[2] == targets[2]  # near enough to be reached at once
    np.testing.assert_allclose(_overlaps(energies, betas)[:2], overlap, atol=1e-3)
    equal = choose_betas(np.ones((1, 5)) * scale, np.zeros(1), targets[:1], overlap, 5)
    assert equal == targets[0]


def test_energies_that_hardly_differ_are_one_step():
    assert choose_betas(np.array([[0.0, 5e-324]]), np.zeros(1), np.array([3.0]), 0.9, 1) == 3.0


def test_a_step_is_never_swallowed_by_rounding():
    one, two = np.array([1.0]), np.array([2.0])
    # Steps that were swallowed, before there was a least one out of equilibrium.
    assert choose_betas(np.array([[0.0, 1e30]]), one, 3 * one, 0.9, 1) == 2.0
    assert choose_betas(np.array([[0.0, 1e30]]), one, 1.5 * one, 0.9, 1) == 1.5
    assert choose_betas(np.array([[0.0, 10.0]]), one, two, 1 - 2**-53, 1) > 1.0


def test_closer_overlap_takes_more_temperatures_and_errs_less(ising):
    rng = np.random.default_rng(3)
    h, J = rng.normal(size=16), ising.symmetric(16, rng)
    infos = [
        PopulationAnnealingSampler(beta=2.0, overlap=overlap, seed=1).sample_arrays(h, J)[2]
        for overlap in (0.6, 0.95)
    ]
    few, many = (info["num_temperatures"][0] for info in infos)
    assert many > 3 * few
    coarse, fine = (info["log_partition_function_stderr"][0] for info in infos)
    assert fine < coarse


def test_uniforms():
    """Mean and lag correlations within 5 standard errors, streams and models unlike, prefixes."""
    keys = np.array([[1, 2], [3, 2]], np.uint64)
    first, other = draw_uniforms(keys, 4, 40_000), draw_uniforms(keys, 20, 40_000)
    assert 0 <= first.min() and first.max() < 1
    centred = (np.array([*first, *other]) - 0.5) * np.sqrt(12)
    assert np.abs(centred.mean(axis=1)).max() < 5 / np.sqrt(40_000)
    assert np.abs(centred @ centred.T / 40_000 - np.eye(4)).max() < 5 * 1.4 / np.sqrt(40_000)
    for lag in (1, 2, 16, 64):
        product = centred[:, lag:] * centred[:, :-lag]
        assert np.abs(product.mean(axis=1)).max() < 5 / np.sqrt(40_000 - lag)
    np.testing.assert_array_equal(draw_uniforms(keys, 4, 10), first[:, :10])
    parts = split_keys(keys, 3)
    assert len(np.unique(parts[..., 0])) == 6
    np.testing.assert_array_equal(split_keys(keys, 2), parts[:, :2])


@pytest.mark.parametrize("beta", [0.8, None])
def test_seeds_threads_and_batches(beta, ising):
    rng = np.random.default_rng(6)
    h, J = rng.normal(size=(4, 9)), ising.symmetric(9, rng, density=0.6)
    h[2] *= 1e6
    sampler = PopulationAnnealingSampler(30, 150, beta=beta, seed=np.array([5, 6, 7, 8]))
    states, energies, info = sampler.sample_arrays(h, J)
    for num_threads in (2, 3):
        again = sampler.sample_arrays(h, J, num_threads=num_threads)
        np.testing.assert_array_equal(again[0], states)
        np.testing.assert_array_equal(again[1], energies)
    for model in (0, 2, 3):
        alone = sampler.sample_arrays(h[model], J, seed=np.array([5 + model]))
        np.testing.assert_array_equal(alone[0][0], states[model])
        for key in ("log_partition_function", "num_temperatures", "rho_t"):
            if key in info:
                assert alone[2][key][0] == info[key][model]
    kept, kept_energies, _ = sampler.sample_arrays(h, J, keep=[8, 0])
    np.testing.assert_array_equal(kept, states[:, :, [8, 0]])
    np.testing.assert_array_equal(kept_energies, energies)
    fewer, _, _ = sampler.sample_arrays(h, J, num_reads=7)
    np.testing.assert_array_equal(fewer, states[:, :7])
    other, _, _ = sampler.sample_arrays(h, J, seed=9)
    assert (other != states).any()


def test_variable_order_changes_nothing():
    biases = [({"a": 0.3, "c": -0.2}, {"ab": 1.0, "bc": -0.7, "ca": 0.4})]
    biases.append((dict(reversed(biases[0][0].items())), {"ac": 0.4, "cb": -0.7, "ba": 1.0}))
    sampler = PopulationAnnealingSampler(20, 100, beta=1.0, seed=1)
    samplesets = [sampler.sample_ising(*given) for given in biases]
    columns = [
        sampleset.record.sample[:, [sampleset.variables.index(label) for label in "abc"]]
        for sampleset in samplesets
    ]
    np.testing.assert_array_equal(*columns)
    z, other_z = (sampleset.info["log_partition_function"] for sampleset in samplesets)
    assert z == other_z


def test_a_stopped_run_returns_the_population_and_no_partition_function(monkeypatch, ising):
    """Stopped by hand within the third temperature; the model that is there already has its Z."""
    h, J, _ = make_model("dense", ising)
    sweep_at, calls = module.sweep_at, []

    def stop_after_a_while(*arguments, watch, **options):
        calls.append(options["stream"])
        if len(calls) == 4:
            watch.interrupt("KeyboardInterrupt")
        return sweep_at(*arguments, watch=watch, **options)

    monkeypatch.setattr(module, "sweep_at", stop_after_a_while)
    sampler = PopulationAnnealingSampler(10, 100, beta=1.0, seed=1)
    with pytest.warns(RuntimeWarning, match="stopped by KeyboardInterrupt"):
        states, energies, info = sampler.sample_arrays(np.stack([100 * h, 0 * h]), 0 * J)
    assert info["stop_reason"] == "KeyboardInterrupt"
    assert calls == [stream_of(Stream.POPULATION, step) for step in range(4)]
    np.testing.assert_allclose(energies[0], 100 * states[0] @ h)
    assert np.isnan(info["log_partition_function"][0])
    assert np.isnan(info["log_partition_function_stderr"][0])
    np.testing.assert_allclose(info["log_partition_function"][1], 6 * np.log(2))
    np.testing.assert_array_equal(info["num_temperatures"], [3, 1])


def test_no_time_at_all():
    with pytest.warns(RuntimeWarning, match="stopped by max_seconds"):
        sampleset = PopulationAnnealingSampler(5, beta=1.0, max_seconds=1e-9).sample_ising(
            {"a": 1.0}, {"ab": 1.0}
        )
    assert len(sampleset) == 5
    assert sampleset.info["num_temperatures"] == 0
    assert np.isnan(sampleset.info["log_partition_function"]).all()


BAD = [
    ({"population_size": 0}, "'population_size' parameter of PopulationAnnealingSampler"),
    ({"overlap": 1.0}, "'overlap' parameter of PopulationAnnealingSampler"),
    ({"overlap": 0.0}, "'overlap' parameter of PopulationAnnealingSampler"),
    ({"num_sweeps": None}, "'num_sweeps' parameter of PopulationAnnealingSampler"),
    ({"max_seconds": 0}, "'max_seconds' parameter of PopulationAnnealingSampler"),
    ({"beta": 2.0, "beta_schedule": [1.0]}, "'beta_schedule' parameter must end at beta=2.0"),
    *(
        ({"beta_schedule": bad}, "'beta_schedule' parameter must be a list of finite numbers > 0")
        for bad in ([], [0.0], [2.0, 1.0], [1.0, 1.0], [np.nan], [np.inf], ["a"], [[1.0]])
    ),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_parameters_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        PopulationAnnealingSampler(**bad).sample(dimod.BQM.from_ising({"a": 1.0}, {}))


@pytest.mark.parametrize("what", ["population_size", "num_reads", "num_sweeps"])
def test_a_population_beyond_memory_is_refused(what):
    with pytest.raises(MemoryError, match="PopulationAnnealingSampler would need"):
        PopulationAnnealingSampler(**{what: 10**15}).sample_ising({"a": 1.0}, {})


def test_a_schedule_may_begin_at_zero_and_end_within_rounding():
    model, words = ([0.3, -0.2], [[0.0, 0.5], [0.5, 0.0]]), {"seed": 1, "num_sweeps": 1}
    plain = PopulationAnnealingSampler(beta=0.3, beta_schedule=[0.1, 0.2, 0.3], **words)
    loose = PopulationAnnealingSampler(beta=0.3, beta_schedule=np.arange(4) * 0.1, **words)
    assert np.arange(4)[-1] * 0.1 != 0.3
    expected, _, info = plain.sample_arrays(*model)
    states, _, other = loose.sample_arrays(*model)
    np.testing.assert_array_equal(states, expected)
    assert info["beta_range"] == other["beta_range"] == (0.0, 0.3)


def test_no_partition_function_where_its_logarithm_overflows():
    sampler = PopulationAnnealingSampler(4, 20, beta=1e308, seed=0)
    states, _, info = sampler.sample_arrays([[1e9, -1e9]], np.zeros((2, 2)))
    np.testing.assert_array_equal(states, np.broadcast_to([-1, 1], states.shape))
    assert np.isnan(info["log_partition_function"]).all()
    faint = [[1e-100, -1e-100]]  # that of which does not
    _, _, info = sampler.sample_arrays(faint, np.zeros((2, 2)))
    assert info["log_partition_function"] == pytest.approx(2e208)


def test_a_ragged_schedule_is_refused_by_name():
    with pytest.raises(ValueError, match="'beta_schedule' parameter must be a list"):
        PopulationAnnealingSampler(beta_schedule=[[1.0], [1.0, 2.0]]).sample_arrays([0.1], [[0.0]])


def test_differences_that_sweeps_do_not_see_do_not_keep_it_from_arriving():
    # In single precision a field of 3 beside couplings of 6e16 is none, but energies have it.
    couplings = 6e16 * (np.ones((5, 5)) - np.eye(5))
    sampler = PopulationAnnealingSampler(num_sweeps=3, population_size=50)
    fields = np.array([[0.0, 0.0, 0.0, 3.0, -1.2]])
    states, energies, info = sampler.sample_arrays(fields, couplings, beta=4e16, seed=0)
    assert np.all(np.abs(states.sum(axis=-1)) == 1)  # the couplings' ground states
    assert np.isfinite(energies).all() and max(info["num_temperatures"]) < 10_000
