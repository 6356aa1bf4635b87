"""Equilibrium propagation: its rule against derivatives, its draws, and the estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.hamiltonians import SampledMLPHamiltonian
from qsklearn.neural_network._sampled_mlp._equilibrium_draws import EquilibriumDraws
from qsklearn.neural_network._sampled_mlp._equilibrium_gradient import (
    contrast,
    equilibrium_gradient,
    ground_decision,
    lowest_states,
)
from qsklearn.samplers import (
    EmbeddedSampler,
    ExactSampler,
    MockQPUSampler,
    NealSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = SimulatedAnnealingSampler(num_sweeps=20)


def make_network(helpers, **changes):
    settings = dict(gradient="equilibrium", sampler=QUICK, num_reads=5, learning_rate_init=0.01)
    return helpers.make_network(**{**settings, **changes})


def parameters_of(hamiltonian):
    return [
        hamiltonian.hidden_weights,
        hamiltonian.output_weights,
        hamiltonian.hidden_bias,
        hamiltonian.output_bias,
    ]


def finite_differences(objective, hamiltonian, step=1e-5):
    gradient = []
    for at, parameter in enumerate(parameters_of(hamiltonian)):
        part = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            values = []
            for sign in (1, -1):
                moved = [some.copy() for some in parameters_of(hamiltonian)]
                moved[at][index] += sign * step
                values.append(objective(SampledMLPHamiltonian(*moved, hamiltonian.categorical)))
            part[index] = (values[0] - values[1]) / (2 * step)
        gradient.append(part)
    return gradient


def flat(gradient):
    return np.concatenate([part.ravel() for part in gradient])


def all_states(hamiltonian):
    """Every state of hidden and output spins, (n_states, n_spins)."""
    numbers = np.arange(2**hamiltonian.n_hidden)
    hidden = (numbers[:, np.newaxis] >> np.arange(hamiltonian.n_hidden)) & 1
    states = [np.hstack([hidden, np.tile(y, (len(hidden), 1))]) for y in hamiltonian.patterns]
    return 2 * np.concatenate(states).astype(int) - 1


def nudged_law(problem, hamiltonian, states, beta, nudge):
    """Probabilities (n_samples, n_states) of exp(-beta (E + nudge C)), by enumeration."""
    family = hamiltonian.nudge(hamiltonian.build(problem.X), problem.outputs, nudge)
    energies = family.energies(np.broadcast_to(states, (len(problem.X), *states.shape)))
    weights = np.exp(-beta * (energies - energies.min(axis=1, keepdims=True)))
    return weights / weights.sum(axis=1, keepdims=True)


def costs_of(problem, hamiltonian, states):
    drawn = hamiltonian.decode(states[:, hamiltonian.output_spins])
    return hamiltonian.costs(drawn, problem.outputs[:, np.newaxis])


# --- the rule ------------------------------------------------------------------------------------


def test_the_nudge_adds_the_cost_to_the_energy(problem):
    hamiltonian, states = problem.hamiltonian, all_states(problem.hamiltonian)
    many = np.broadcast_to(states, (len(problem.X), *states.shape))
    family = hamiltonian.build(problem.X)
    strengths = np.linspace(-2.0, 3.0, len(problem.X))
    nudged = hamiltonian.nudge(family, problem.outputs, strengths)
    added = nudged.energies(many) - family.energies(many)
    costs = costs_of(problem, hamiltonian, states)
    np.testing.assert_allclose(added, strengths[:, np.newaxis] * costs, atol=1e-12)
    largest = 1 if hamiltonian.categorical else hamiltonian.n_outputs
    assert (costs.min(), costs.max()) == (0, largest)


@pytest.mark.parametrize("beta", [0.7, 2.0])
def test_thermal_contrast_is_the_derivative_of_the_mean_cost(problem, beta):
    """The rule does not contain beta: at any it is the derivative of the mean cost at that beta."""
    hamiltonian, states, nudge = problem.hamiltonian, all_states(problem.hamiltonian), 1e-4
    share = problem.weights / problem.weights.sum()

    def mean_cost(moved):
        law = nudged_law(problem, moved, states, beta, 0.0)
        return (share[:, np.newaxis] * law * costs_of(problem, moved, states)).sum()

    X = np.repeat(problem.X, len(states), axis=0)
    many = np.tile(states, (len(problem.X), 1))
    shares = [
        (
            share[:, np.newaxis] * nudged_law(problem, hamiltonian, states, beta, sign * nudge)
        ).ravel()
        for sign in (1, -1)
    ]
    found = [
        (up - down) / (2 * nudge)
        for up, down in zip(*(contrast(hamiltonian, X, many, p) for p in shares), strict=True)
    ]
    expected = finite_differences(mean_cost, hamiltonian)
    np.testing.assert_allclose(flat(found), -flat(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
def test_ground_state_contrast_is_the_derivative_of_a_loss(problem, symmetric):
    """Of [min(E + ν C) - min E] / ν, and of its two-sided twin, wherever the minima are unique."""
    hamiltonian, nudge = problem.hamiltonian, 3.0
    lower = -nudge if symmetric else 0.0
    span = nudge - lower

    def loss(moved):
        costs = moved.costs(moved.patterns, problem.outputs[:, np.newaxis])
        energies = moved.lowest_energies(problem.X)
        ends = [(energies + some * costs).min(axis=1) for some in (nudge, lower)]
        return np.average((ends[0] - ends[1]) / span, weights=problem.weights)

    states = [
        lowest_states(hamiltonian, problem.X, problem.outputs, some) for some in (nudge, lower)
    ]
    found = equilibrium_gradient(hamiltonian, problem.X, *states, problem.weights, span)
    expected = finite_differences(loss, hamiltonian)
    assert np.abs(flat(expected)).max() > 0.01
    np.testing.assert_allclose(flat(found), -flat(expected), rtol=0, atol=1e-8)


def test_lowest_states_are_the_lowest_of_all(problem):
    hamiltonian, states = problem.hamiltonian, all_states(problem.hamiltonian)
    for strength in (0.0, 2.0, -2.0):
        family = hamiltonian.nudge(hamiltonian.build(problem.X), problem.outputs, strength)
        energies = family.energies(np.broadcast_to(states, (len(problem.X), *states.shape)))
        found = lowest_states(hamiltonian, problem.X, problem.outputs, strength)
        np.testing.assert_array_equal(found, states[energies.argmin(axis=1)])
        np.testing.assert_allclose(
            family.energies(found[:, np.newaxis])[:, 0], energies.min(axis=1), atol=1e-12
        )


def test_the_readout_is_the_lowest_state(problem):
    hamiltonian = problem.hamiltonian
    lowest = lowest_states(hamiltonian, problem.X, problem.outputs, 0.0)
    expected = hamiltonian.decode(lowest[:, hamiltonian.output_spins])
    decision = ground_decision(hamiltonian, problem.X)
    if hamiltonian.categorical:
        found = np.eye(hamiltonian.n_outputs)[decision.argmax(axis=1)]
    else:
        found = decision > 0
    np.testing.assert_array_equal(found, expected)


def test_right_states_teach_nothing(problem):
    """As of a perceptron: the data's outputs replaced by the network's own."""
    hamiltonian = problem.hamiltonian
    free = lowest_states(hamiltonian, problem.X, problem.outputs, 0.0)
    right = hamiltonian.decode(free[:, hamiltonian.output_spins]).astype(float)
    nudged = lowest_states(hamiltonian, problem.X, right, 100.0)
    np.testing.assert_array_equal(nudged, free)
    gradient = equilibrium_gradient(
        hamiltonian, problem.X, nudged, free, problem.weights, span=100.0
    )
    assert not flat(gradient).any()


# --- draws ---------------------------------------------------------------------------------------


def make_draws(sampler=QUICK, num_reads=20, **words):
    return EquilibriumDraws(sampler, num_reads, None, **words)


@pytest.mark.parametrize(
    "sampler",
    [
        SimulatedAnnealingSampler(num_sweeps=100),
        PathIntegralAnnealingSampler(),
        NealSampler(),
        ExactSampler(),
    ],
)
@pytest.mark.parametrize("symmetric", [False, True])
def test_searches_find_the_lowest_states(problem, sampler, symmetric):
    draws = make_draws(sampler, nudge=3.0, symmetric=symmetric)
    low, high = draws.draw_phases(problem.hamiltonian, problem.X, problem.outputs, seed=0)
    expected = lowest_states(problem.hamiltonian, problem.X, problem.outputs, 3.0)
    np.testing.assert_array_equal(low, expected)
    lower = -3.0 if symmetric else 0.0
    expected = lowest_states(problem.hamiltonian, problem.X, problem.outputs, lower)
    np.testing.assert_array_equal(high, expected)
    assert draws.span == 3.0 - lower


def test_right_free_states_are_not_nudged(problem):
    hamiltonian = problem.hamiltonian
    free = lowest_states(hamiltonian, problem.X, problem.outputs, 0.0)
    outputs = hamiltonian.decode(free[:, hamiltonian.output_spins]).astype(float)
    draws = make_draws()
    low, high = draws.draw_phases(hamiltonian, problem.X, outputs, seed=0)
    np.testing.assert_array_equal(low, high)
    assert (draws.cost["calls"], draws.cost["reads"]) == (1, 20 * len(outputs))
    outputs[0] = np.roll(outputs[0], 1) if hamiltonian.categorical else 1 - outputs[0]
    draws.draw_phases(hamiltonian, problem.X, outputs, seed=0)
    assert (draws.cost["calls"], draws.cost["reads"]) == (3, 20 * (2 * len(outputs) + 1))


class Spy(SimulatedAnnealingSampler):
    """Writes down from where its searches start, and loses its way in those."""

    starts = []

    def sample_arrays(self, h, J, *, initial_states=None, **parameters):
        Spy.starts.append(initial_states)
        words = {**parameters, "initial_states": initial_states}
        states, energies, info = super().sample_arrays(h, J, **words)
        return (states if initial_states is None else -states), energies, info


def test_the_nudged_search_starts_from_the_free_state_and_ends_no_higher(helpers):
    problem = helpers.make_problem("binary")
    Spy.starts.clear()
    draws = make_draws(Spy(num_sweeps=50), nudge=0.5)
    low, high = draws.draw_phases(problem.hamiltonian, problem.X, problem.outputs, seed=0)
    costs = problem.hamiltonian.costs(
        problem.hamiltonian.decode(high[:, problem.hamiltonian.output_spins]), problem.outputs
    )
    wrong = costs > 0
    assert Spy.starts[0] is None and 0 < wrong.sum() < len(costs)
    np.testing.assert_array_equal(Spy.starts[1], np.repeat(high[wrong][:, np.newaxis], 20, axis=1))
    family = problem.hamiltonian.build(problem.X)
    nudged = problem.hamiltonian.nudge(family, problem.outputs, 0.5)
    lower, higher = (nudged.energies(states[:, np.newaxis]) for states in (low, high))
    assert (lower <= higher + 1e-12).all()


# --- the estimator -------------------------------------------------------------------------------


@pytest.mark.parametrize("symmetric", [False, True])
def test_it_learns(helpers, kind, symmetric):
    X, y = helpers.make_data(kind, n_samples=80)
    network = make_network(
        helpers, n_hidden=16, max_iter=60, num_reads=10, n_iter_no_change=60,
        symmetric_nudge=symmetric, nudge=1.0 if symmetric else 5.0,
    )  # fmt: skip
    network.fit(X, y)
    assert network.score(X, y) > {"binary": 0.9, "categorical": 0.8, "multilabel": 0.7}[kind]
    assert network.loss_curve_[-1] < 0.5 * network.loss_curve_[0]
    assert len(network.beta_eff_) == len(network.beta_eff_stderr_) == 0
    report = network.sampling_report(X)
    assert 0.5 < report["ground_fraction"] <= 1.0 and "beta_eff" not in report


def test_the_loss_is_the_share_of_wrong_free_states(helpers):
    X, y = helpers.make_data("categorical")
    network = make_network(helpers, batch_size=len(X), max_iter=1, num_reads=50)
    wrong = clone(network).set_params(learning_rate_init=1e-12).fit(X, y).score(X, y)
    assert network.fit(X, y).loss_curve_ == [pytest.approx(1 - wrong)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fits_repeat(helpers, kind, n_jobs):
    X, y = helpers.make_data(kind)
    one = make_network(helpers).fit(X, y)
    helpers.assert_same_fit(one, make_network(helpers, n_jobs=n_jobs).fit(X, y))
    other = make_network(helpers, random_state=1).fit(X, y)
    assert (one.coefs_[0] != other.coefs_[0]).any()


def test_trainings_go_on(helpers):
    X, y = helpers.make_data("binary")
    whole = make_network(helpers, max_iter=4).fit(X, y)
    warm = make_network(helpers, max_iter=2, warm_start=True).fit(X, y)
    helpers.assert_same_fit(whole, warm.fit(X, y))
    parts = make_network(helpers)
    for _ in range(4):
        parts.partial_fit(X, y)
    helpers.assert_same_fit(whole, parts)


def test_data_points_without_weight_do_not_count(helpers):
    X, y = helpers.make_data("categorical")
    weights = np.ones(len(X))
    weights[::2] = 0.0
    broken = y.copy()
    broken[::2] = (broken[::2] + 1) % 3
    settings = dict(batch_size=len(X), num_reads=30)
    fits = [
        make_network(helpers, **settings).fit(X, labels, sample_weight=weights)
        for labels in (y, broken)
    ]
    for one, other in zip(*(fit.coefs_ + fit.intercepts_ for fit in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    weighted = make_network(helpers, class_weight="balanced", **settings).fit(X, y)
    assert (weighted.coefs_[0] != fits[0].coefs_[0]).any()


def test_early_stopping_scores_the_lowest_states(helpers):
    X, y = helpers.make_data("categorical", n_samples=80)
    network = make_network(helpers, early_stopping=True, validation_fraction=0.25, max_iter=20)
    network.fit(X, y)
    assert len(network.validation_scores_) == network.n_iter_
    assert network.best_loss_ is None


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_estimated_cost_is_an_upper_bound(helpers, kind, symmetric):
    X, y = helpers.make_data(kind)
    network = make_network(helpers, max_iter=3, batch_size=16, symmetric_nudge=symmetric)
    network.fit(X, y)
    bound = network.estimate_cost(*X.shape)
    assert network.cost_["calls"] <= bound["calls"] == 18
    assert network.cost_["reads"] <= bound["reads"]
    per_point = 3 if symmetric and kind == "multilabel" else 2
    assert bound["reads"] == 3 * len(X) * per_point * 5
    # The free searches alone, and some nudged ones.
    assert network.cost_["reads"] > 3 * len(X) * 5
    assert network.estimate_cost(*X.shape, method="predict")["calls"] == 0


def test_probabilities_agree_with_predictions(helpers, kind):
    X, y = helpers.make_data(kind)
    network = make_network(helpers).fit(X, y)
    probabilities = network.predict_proba(X)
    decision = network.decision_function(X)
    if kind == "multilabel":
        np.testing.assert_array_equal(network.predict(X), probabilities > 0.5)
        np.testing.assert_array_equal(network.predict(X), decision > 0)
    else:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        chosen = network.classes_[probabilities.argmax(axis=1)]
        np.testing.assert_array_equal(network.predict(X), chosen)
    hamiltonian = network._hamiltonian()
    lowest = hamiltonian.patterns[hamiltonian.lowest_energies(X).argmin(axis=1)]
    np.testing.assert_array_equal(network.predict(X), network._targets.decode(lowest))


def test_the_readout_is_a_choice(helpers):
    X, y = helpers.make_data("binary")
    network = make_network(helpers, max_iter=20).fit(X, y)
    found = {}
    for readout in ("auto", "ground", "mlp", "ebm"):
        found[readout] = network.set_params(predict_with=readout).predict_proba(X)
    np.testing.assert_array_equal(found["auto"], found["ground"])
    assert (found["mlp"] != found["ground"]).any() and (found["ebm"] != found["ground"]).any()
    likelihood = helpers.make_network(gradient="exact").fit(X, y)
    auto = likelihood.predict_proba(X)
    np.testing.assert_array_equal(auto, likelihood.set_params(predict_with="mlp").predict_proba(X))
    grounded = likelihood.set_params(predict_with="ground")
    assert grounded.sampling_report(X)["ground_fraction"] > 0.5


def test_many_labels_are_read_out_by_searches(helpers):
    """Too many to enumerate: reads vote, keyed by the content of rows."""
    rng = np.random.default_rng(0)
    X = rng.random((30, 4))
    y = (X @ rng.normal(size=(4, 18)) > 0).astype(int)
    network = make_network(helpers, max_iter=10).fit(X, y)
    probabilities = network.predict_proba(X)
    votes = probabilities * 5
    np.testing.assert_allclose(votes, votes.round(), atol=1e-12)
    np.testing.assert_array_equal(network.predict_proba(X[::-1])[::-1], probabilities)
    np.testing.assert_array_equal(network.predict(X), probabilities > 0.5)
    assert network.sampling_report(X)["ground_fraction"] is None


def test_diagnostics_compare_with_the_lowest_states_of_all(helpers, kind):
    X, y = helpers.make_data(kind)
    good = make_network(helpers, diagnostics=True, num_reads=20, max_iter=3).fit(X, y)
    assert len(good.gradient_cosine_) == 3 and np.nanmean(good.gradient_cosine_) > 0.9


def test_controls(helpers):
    X, y = helpers.make_data("binary")
    controls = make_network(helpers, sampler=None).ablations()
    names = ["exact draws", "exact gradient", "backpropagation", "zero couplings", "lowest states"]
    assert list(controls) == names
    for control in controls.values():
        control.set_params(max_iter=2).fit(X, y).predict(X)
    assert controls["exact draws"].gradient == "sampled"
    lowest = controls["lowest states"].set_params(diagnostics=True, num_reads=1).fit(X, y)
    assert np.nanmin(lowest.gradient_cosine_) > 1 - 1e-12


def test_an_interruption_keeps_the_best_weights(helpers):
    class Failing(SimulatedAnnealingSampler):
        n_calls = 0

        def sample_arrays(self, h, J, **parameters):
            Failing.n_calls += 1
            if Failing.n_calls == 12:
                raise ConnectionError("gone")
            return super().sample_arrays(h, J, **parameters)

    X, y = helpers.make_data("binary")
    network = make_network(helpers, sampler=Failing(num_sweeps=20), max_iter=20)
    with pytest.warns(UserWarning, match="stopped early .* best weights"):
        network.fit(X, y)
    assert network.stop_reason_ == "sampler: ConnectionError: gone"
    network.predict(X)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"nudge": 0.0}, "'nudge' parameter of QuantumSampledMLPClassifier must be a float"),
        ({"symmetric_nudge": 2}, "'symmetric_nudge' parameter"),
        ({"sampler": "gibbs"}, "must be one that can do a ground draw. GibbsSampler can do: therm"),
        ({"weight_scale": "big"}, "'weight_scale' parameter"),
    ],
)
def test_what_cannot_be_is_refused(helpers, changes, text):
    X, y = helpers.make_data("binary")
    with pytest.raises(ValueError, match=text):
        make_network(helpers, **changes).fit(X, y)


@parametrize_with_checks(
    [
        QuantumSampledMLPClassifier(
            8,
            gradient="equilibrium",
            sampler=QUICK,
            num_reads=3,
            learning_rate_init=0.02,
            max_iter=20,
            random_state=0,
        )  # fmt: skip
    ],
    expected_failed_checks=lambda estimator: {
        f"check_sample_weight_equivalence_on_{kind}_data": "batches go through the data in random "
        "order, and searches are random, so that a weighted data point is not a repeated one"
        for kind in ("dense", "sparse")
    },
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# --- devices -------------------------------------------------------------------------------------


class SpyDevice(MockQPUSampler):
    """Writes down the words of its calls; they are the class's, for clones."""

    calls = []

    def sample(self, bqm, **parameters):
        SpyDevice.calls.append(parameters)
        return super().sample(bqm, **parameters)


def make_device(**changes):
    settings = dict(topology_type="zephyr", topology_shape=[2, 4], num_sweeps=20, seed=0)
    return SpyDevice("ideal", **{**settings, **changes})


@pytest.mark.parametrize("own", [False, True])
def test_a_device_is_nudged_by_reverse_anneals(helpers, kind, own):
    X, y = helpers.make_data(kind)
    SpyDevice.calls.clear()
    schedule = [[0, 1], [5, 0.2], [10, 1]]
    params = {"anneal_schedule": schedule, "readout_thermalization": 3.0} if own else None
    sampler = EmbeddedSampler(make_device(), params, seed=0)
    network = make_network(helpers, sampler=sampler, num_reads=5, max_iter=3, batch_size=20)
    network.fit(X, y)
    reverse = [words for words in SpyDevice.calls if "initial_state" in words]
    forward = [words for words in SpyDevice.calls if "initial_state" not in words]
    assert reverse and forward
    expected = schedule if own else [[0.0, 1.0], [1.0, 0.35], [9.0, 0.35], [10.0, 1.0]]
    assert all(words["anneal_schedule"] == expected for words in reverse)
    assert not any("anneal_schedule" in words for words in forward)
    assert network.cost_["queries"] == len(SpyDevice.calls)
    assert not np.array_equal(network.beta_eff_, [1.0])
    assert network.predict(X).shape == np.shape(y)


def test_it_trains_on_a_device(helpers):
    X, y = helpers.make_data("binary", n_samples=60)
    sampler = EmbeddedSampler(make_device(device_beta=3.0, num_sweeps=50), seed=0)
    network = make_network(
        helpers, sampler=sampler, n_hidden=8, num_reads=10, max_iter=25, n_iter_no_change=25,
        batch_size=30, learning_rate_init=0.02,
    )  # fmt: skip
    assert network.fit(X, y).score(X, y) > 0.85
    bound = network.estimate_cost(*X.shape)
    assert network.cost_["queries"] <= bound["queries"]
    assert network.cost_["qpu_access_time"] <= bound["qpu_access_time"] * (1 + 1e-9)
