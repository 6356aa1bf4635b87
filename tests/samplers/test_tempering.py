"""ParallelTemperingSampler: its law where chains alone fail, exchanges, temperatures, seeds.

Chi-squares and k-sigma intervals have fixed seeds. Should one fail after a change of the random
streams, take another seed; should it fail again, the law is broken.
"""

import dimod
import numpy as np
import pytest

from qsklearn.samplers import GibbsSampler, ParallelTemperingSampler
from qsklearn.samplers import _tempering as module
from qsklearn.samplers._streams import Stream, stream_of

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


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("model", MODELS)
def test_law_against_enumeration(model, beta, ising):
    h, J, one_hot = make_model(model, ising)
    law = ising.enumerate(h, J, beta, one_hot)
    sampler = ParallelTemperingSampler(4000, 200, beta=beta, num_temperatures=8, seed=2)
    states, energies, info = sampler.sample_arrays(h, J, one_hot=one_hot)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)
    assert info["beta"] == beta
    assert (info["betas"][:, -1] == beta).all()


def test_two_wells_that_gibbs_cannot_leave(ising):
    """A ferromagnet in a weak field: chains fall into either well alike, the law prefers one."""
    h, J = np.full(8, 0.08), np.eye(8) - np.ones((8, 8))
    law = ising.enumerate(h, J, 1.0)
    budget = {"beta": 1.0, "num_reads": 2000, "seed": 1}
    # The chains have as many sweeps as all replicas of a read together.
    stuck, _, _ = GibbsSampler(num_sweeps=500 * 16).sample_arrays(h, J, **budget)
    assert ising.p_value(stuck[0], law) < 1e-12
    states, _, info = ParallelTemperingSampler().sample_arrays(h, J, **budget)
    assert ising.p_value(states[0], law) > SIGNIFICANCE
    assert info["round_trips"][0] > 1
    assert (info["exchange_rates"] > 0.2).all()


def test_families_with_groups_draw_each_models_law(ising):
    rng = np.random.default_rng(5)
    h = rng.normal(size=(4, 5))
    J = np.stack([ising.symmetric(5, rng), -ising.symmetric(5, rng)])
    groups = [1, 0, 1, 0]
    sampler = ParallelTemperingSampler(5000, 300, beta=1.2, num_temperatures=6, seed=8)
    states, energies, info = sampler.sample_arrays(h, J, groups=groups)
    assert info["betas"].shape == (4, 6)
    assert info["exchange_rates"].shape == (4, 5)
    for m in range(4):
        law = ising.enumerate(h[m], J[groups[m]], 1.2)
        assert ising.p_value(states[m], law) > SIGNIFICANCE
        expected = ising.energies(h[m], J[groups[m]], states[m])
        np.testing.assert_allclose(energies[m], expected, atol=1e-9)


def exact_replicas(h, J, betas, num_reads, ising):
    """Independent exact draws at each temperature, and the laws."""
    rng = np.random.default_rng(3)
    laws = [ising.enumerate(h, J, beta) for beta in betas]
    chosen = [rng.choice(len(law.states), num_reads, p=law.probabilities) for law in laws]
    shape = (1, len(betas), num_reads)
    return laws, module._Replicas(
        np.stack([laws[0].states[some] for some in chosen])[np.newaxis],
        np.stack([laws[0].energies[some] for some in chosen])[np.newaxis],
        np.zeros(shape, np.int8),
        np.zeros((1, num_reads), np.int64),
        np.zeros(len(betas) - 1, np.int64),
        np.zeros((1, len(betas) - 1), np.int64),
    )


def test_exchanges_leave_each_temperatures_law(ising):
    """100 000 exact draws at four temperatures stay exact, though most of them move."""
    h, J, _ = make_model("dense", ising)
    betas = np.array([[0.3, 0.6, 1.0, 1.5]])
    laws, replicas = exact_replicas(h, J, betas[0], 100_000, ising)
    before = replicas.states.copy()
    for step in range(4):
        uniforms = np.random.default_rng(step).random((1, 100_000, 4))
        module._exchange(replicas, betas, uniforms, step % 2)
        for at, law in enumerate(laws):
            assert ising.p_value(replicas.states[0, at], law) > SIGNIFICANCE
    np.testing.assert_allclose(
        replicas.energies[0], [ising.energies(h, J, states) for states in replicas.states[0]]
    )
    assert (replicas.states != before).any(axis=3).mean() > 0.5


def test_exchange_rates_against_enumeration(ising):
    """E min(1, exp((b - b')(E - E'))) over both laws, within 4 standard errors."""
    h, J, _ = make_model("dense", ising)
    betas = [0.2, 1.0, 1.3]
    sampler = ParallelTemperingSampler(4000, 200, 20, beta=1.3, betas=betas, seed=1)
    _, _, info = sampler.sample_arrays(h, J)
    np.testing.assert_array_equal(info["betas"], [betas])
    laws = [ising.enumerate(h, J, beta) for beta in betas]
    for pair in range(2):
        hot, cold = laws[pair], laws[pair + 1]
        gaps = (betas[pair] - betas[pair + 1]) * (hot.energies[:, np.newaxis] - cold.energies)
        expected = hot.probabilities @ np.exp(np.minimum(gaps, 0)) @ cold.probabilities
        assert 0.05 < expected < 0.95
        # Ten rounds, five exchanges of each pair, of which the chains are nearly independent.
        error = np.sqrt(expected * (1 - expected) / (4000 * 5))
        assert abs(info["exchange_rates"][0, pair] - expected) < K * error


def test_round_trips_where_every_exchange_is_made():
    """At β = 0 two replicas change places in every second round: there, and then back."""
    sampler = ParallelTemperingSampler(3, 20, 1, beta=0.0, num_temperatures=2, seed=1)
    _, _, info = sampler.sample_arrays([0.5], [[0.0]])
    np.testing.assert_array_equal(info["exchange_rates"], [[1.0]])
    np.testing.assert_array_equal(info["round_trips"], [8.0])  # the first two marked the ends


def test_one_temperature_is_a_chain(ising):
    h, J, _ = make_model("dense", ising)
    sampler = ParallelTemperingSampler(5000, 100, beta=0.7, num_temperatures=1, seed=4)
    states, _, info = sampler.sample_arrays(h, J)
    assert ising.p_value(states[0], ising.enumerate(h, J, 0.7)) > SIGNIFICANCE
    assert info["exchange_rates"].shape == (1, 0)
    assert info["round_trips"] == 0


def test_neighbours_that_never_met_have_no_rate():
    sampler = ParallelTemperingSampler(2, num_sweeps=1, beta=1.0, num_temperatures=3, seed=1)
    _, _, info = sampler.sample_arrays([0.5], [[0.0]])
    assert np.isfinite(info["exchange_rates"][0, 0])
    assert np.isnan(info["exchange_rates"][0, 1])


@pytest.mark.parametrize(("num_sweeps", "expected"), [(1, [1]), (5, [5]), (12, [5, 5, 2])])
def test_sweeps_are_those_asked_for(num_sweeps, expected, monkeypatch):
    sweep_at, seen = module.sweep_at, []

    def note(models, betas, sweeps, **options):
        seen.append((sweeps, options["stream"], options["initial_states"] is None))
        return sweep_at(models, betas, sweeps, **options)

    monkeypatch.setattr(module, "sweep_at", note)
    ParallelTemperingSampler(num_sweeps=num_sweeps, seed=1).sample_arrays([0.5], [[0.0]])
    assert [sweeps for sweeps, _, _ in seen] == expected
    assert len({stream for _, stream, _ in seen}) == len(seen)
    assert [fresh for _, _, fresh in seen] == [True] + [False] * (len(seen) - 1)


@pytest.mark.parametrize("model", ["dense", "two wells", "frustrated", "one-hot"])
def test_a_ground_search_finds_the_ground_states(model, ising):
    h, J, one_hot = make_model(model, ising)
    states, energies, info = ParallelTemperingSampler(20, seed=1).sample_arrays(
        h, J, one_hot=one_hot
    )
    np.testing.assert_allclose(energies, ising.enumerate(h, J, 1.0, one_hot).energies.min())
    np.testing.assert_allclose(energies[0], ising.energies(h, J, states[0]), atol=1e-9)
    assert info["beta"] is None


def test_a_ground_read_is_the_lowest_of_its_replicas(monkeypatch, ising):
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=30), ising.symmetric(30, rng)
    lowest = []
    sweep = module._sweep

    def note(replicas, *arguments):
        sweep(replicas, *arguments)
        lowest.append(replicas.energies.min(axis=1))

    monkeypatch.setattr(module, "_sweep", note)
    _, energies, _ = ParallelTemperingSampler(40, 20, seed=1).sample_arrays(h, J)
    np.testing.assert_array_equal(energies, np.min(lowest, axis=0))
    assert (energies < lowest[-1]).any()


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("beta", [0.8, None])
def test_seeds_threads_prefixes_and_batches(beta, dense, ising, monkeypatch):
    if dense:
        monkeypatch.setattr("qsklearn.samplers._chains._DENSE_DEGREE", 0)
    rng = np.random.default_rng(6)
    h, J = rng.normal(size=(3, 9)), ising.symmetric(9, rng, density=0.6)
    h[2] *= 1e6
    sampler = ParallelTemperingSampler(70, 30, beta=beta, seed=np.array([5, 6, 7]))
    states, energies, info = sampler.sample_arrays(h, J)
    again = sampler.sample_arrays(h, J, num_threads=3)
    np.testing.assert_array_equal(again[0], states)
    np.testing.assert_array_equal(again[1], energies)
    np.testing.assert_array_equal(again[2]["exchange_rates"], info["exchange_rates"])
    for num_reads in (1, 16, 17, 63, 64, 65):
        shorter, _, _ = sampler.sample_arrays(h, J, num_reads=num_reads)
        np.testing.assert_array_equal(shorter, states[:, :num_reads])
    for model in (0, 2):
        alone = sampler.sample_arrays(h[model], J, seed=np.array([5 + model]))
        np.testing.assert_array_equal(alone[0][0], states[model])
        np.testing.assert_array_equal(alone[2]["round_trips"][0], info["round_trips"][model])
    kept, kept_energies, _ = sampler.sample_arrays(h, J, keep=[8, 0])
    np.testing.assert_array_equal(kept, states[:, :, [8, 0]])
    np.testing.assert_array_equal(kept_energies, energies)
    if beta is not None:  # ground states have no choice
        other, _, _ = sampler.sample_arrays(h, J, seed=9)
        assert (other != states).any()


def test_variable_order_changes_nothing():
    biases = [({"a": 0.3, "c": -0.2}, {"ab": 1.0, "bc": -0.7, "ca": 0.4})]
    biases.append((dict(reversed(biases[0][0].items())), {"ac": 0.4, "cb": -0.7, "ba": 1.0}))
    sampler = ParallelTemperingSampler(20, 30, beta=1.0, seed=1)
    columns = []
    for given in biases:
        sampleset = sampler.sample_ising(*given)
        order = [sampleset.variables.index(label) for label in "abc"]
        columns.append(sampleset.record.sample[:, order])
    np.testing.assert_array_equal(*columns)


def test_reads_and_models_are_independent():
    """Reads of free spins share no exchange: correlations vanish within 5 standard errors."""
    sampler = ParallelTemperingSampler(400, 4, 1, beta=1.0, num_temperatures=4, seed=3)
    states, _, _ = sampler.sample_arrays(np.zeros((3, 25)), np.zeros((25, 25)))
    flat = states.astype(float)
    for a in range(3):
        for b in range(a):
            assert abs((flat[a] * flat[b]).mean()) < 5 / np.sqrt(400 * 25)
    for lag in (1, 2, 4, 16, 64):
        n_terms = 3 * (400 - lag) * 25
        assert abs((flat[:, lag:] * flat[:, :-lag]).mean()) < 5 / np.sqrt(n_terms)


def test_a_stopped_run_returns_the_replicas_as_they_are(monkeypatch):
    sweep_at, calls = module.sweep_at, []

    def stop_after_a_while(*arguments, watch, **options):
        calls.append(options["stream"])
        if len(calls) == 3:
            watch.interrupt("KeyboardInterrupt")
        return sweep_at(*arguments, watch=watch, **options)

    monkeypatch.setattr(module, "sweep_at", stop_after_a_while)
    h = np.array([[1.0, -2.0]])
    with pytest.warns(RuntimeWarning, match="stopped by KeyboardInterrupt"):
        states, energies, info = ParallelTemperingSampler(10, seed=1).sample_arrays(
            h, np.zeros((2, 2)), beta=1.0
        )
    assert calls == [stream_of(Stream.TEMPERING, step) for step in range(3)]
    assert info["stop_reason"] == "KeyboardInterrupt"
    np.testing.assert_allclose(energies[0], states[0] @ h[0])


@pytest.mark.parametrize("beta", [1.0, None])
def test_no_time_at_all(beta):
    sampler = ParallelTemperingSampler(5, beta=beta, max_seconds=1e-9)
    with pytest.warns(RuntimeWarning, match="stopped by max_seconds"):
        states, energies, _ = sampler.sample_arrays([1.0, 2.0], np.zeros((2, 2)))
    np.testing.assert_allclose(energies[0], states[0] @ [1.0, 2.0])


BAD = [
    ({"num_sweeps_per_exchange": 0}, "'num_sweeps_per_exchange' parameter of ParallelTempering"),
    ({"num_temperatures": 0}, "'num_temperatures' parameter of ParallelTemperingSampler"),
    ({"max_seconds": 0}, "'max_seconds' parameter of ParallelTemperingSampler"),
    ({"beta": 2.0, "betas": [1.0]}, "'betas' parameter must end at beta=2.0"),
    ({"betas": [1.0, 2.0], "num_temperatures": 3}, "'num_temperatures' .* must be None or 2"),
    *(
        ({"betas": bad}, "'betas' parameter must be a list of finite numbers > 0, increasing")
        for bad in ([], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [np.nan], [np.inf], ["a"], [[1.0]])
    ),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_parameters_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        ParallelTemperingSampler(**bad).sample(dimod.BQM.from_ising({"a": 1.0}, {}))


def test_initial_states_are_refused_by_name():
    with pytest.raises(ValueError, match="ParallelTemperingSampler.* takes no 'initial_states'"):
        ParallelTemperingSampler().sample_arrays([1.0], [[0.0]], initial_states=np.ones((1, 1, 1)))


@pytest.mark.parametrize("what", ["num_temperatures", "num_reads", "num_sweeps"])
def test_replicas_beyond_memory_are_refused(what):
    with pytest.raises(MemoryError, match="ParallelTemperingSampler would need"):
        ParallelTemperingSampler(**{what: 10**15}).sample_ising({"a": 1.0}, {})


@pytest.mark.parametrize("betas", [None, [1e306, 1e307, 1e308]])
def test_the_coldest_beta_there_is(betas):
    """βE overflows, which decides exchanges rightly and without a warning."""
    sampler = ParallelTemperingSampler(8, 50, beta=1e308, betas=betas, seed=1)
    states, energies, info = sampler.sample_arrays([[1e9, 3.0, -2.0]], np.zeros((3, 3)))
    np.testing.assert_array_equal(states, np.broadcast_to([-1, -1, 1], states.shape))
    assert np.isfinite(info["betas"]).all() and info["betas"][0, -1] == 1e308
    assert (energies == -1e9 - 5).all()
