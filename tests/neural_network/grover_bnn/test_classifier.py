"""GroverBNNClassifier: the paper's problems, real tables, invariances, budgets, errors."""

import pickle
import warnings

import dwave.samplers
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qsklearn import GroverBNNClassifier
from qsklearn.circuits import BinaryNetwork
from qsklearn.neural_network._grover_bnn import _classifier
from qsklearn.samplers import GibbsSampler

IRIS = load_iris(return_X_y=True)


def paper_network(**changes):
    settings = {"n_bits": 3, "binary": True, "fit_bias": False, "random_state": 0}
    return GroverBNNClassifier(2, **{**settings, **changes})


def quick_network(**changes):
    return GroverBNNClassifier(
        **{"n_hidden": 2, "n_bits": 5, "n_solutions": 7, "random_state": 0, **changes}
    )


def assert_same_fit(one, other):
    assert one.n_queries_.tolist() == other.n_queries_.tolist()
    assert one.accuracy_.tolist() == other.accuracy_.tolist()
    for first, second in zip(one.weights_, other.weights_, strict=True):
        assert np.array_equal(first, second)


# --- the paper's problems -----------------------------------------------------------------------


@pytest.mark.parametrize(("number", "n_optimal"), [(1, 8), (2, 4)])
def test_the_papers_problems(fawaz, number, n_optimal):
    network = paper_network().fit(fawaz.rows, fawaz.labels[number])
    assert network.histogram_.tolist() == [fawaz.histograms[number]]
    assert network.n_optimal_.tolist() == [n_optimal]
    assert network.score(fawaz.rows, fawaz.labels[number]) == 1.0
    assert len(network.weights_[0]) == n_optimal  # all there are
    assert network.stop_reason_ == "perfect"


@pytest.mark.parametrize("number", [1, 2])
def test_swapped_labels_are_the_same_problem(fawaz, number):
    """Ties of two units go to +1: the heavier label is, whatever it is called."""
    plain = paper_network().fit(fawaz.rows, fawaz.labels[number])
    turned = paper_network().fit(fawaz.rows, -fawaz.labels[number])
    assert_same_fit(plain, turned)
    assert np.array_equal(plain.histogram_, turned.histogram_)
    assert np.array_equal(plain.predict(fawaz.rows), -turned.predict(fawaz.rows))


def test_success_probability_is_the_sine(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[1])
    theta = np.arcsin(np.sqrt(8 / 256))
    iterations = np.arange(12)
    expected = np.sin((2 * iterations + 1) * theta) ** 2
    assert np.abs(network.success_probability(iterations) - expected).max() < 1e-12
    assert network.success_probability(4) == pytest.approx(0.9992, abs=1e-4)


def test_landscape_and_probabilities_of_weights(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[1])
    accuracies = network.landscape()
    spins = network.network_.spins(np.arange(256))
    outputs = network.network_.outputs(spins, fawaz.rows)
    assert np.allclose(accuracies, (outputs == fawaz.labels[1]).mean(axis=1))
    probabilities = network.weight_probabilities(4)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[accuracies == 1].sum() == pytest.approx(network.success_probability(4))


def test_meta_training_finds_the_wirings(fawaz):
    network = paper_network(connections="search", n_solutions=24).fit(fawaz.rows, fawaz.labels[1])
    assert network.n_optimal_.tolist() == [24]
    assert network.success_probability([16, 18, 20]).round(3).tolist() == [0.908, 0.976, 1.0]
    hidden, _ = network.network_.unpack(network.weights_[0])
    wirings = {tuple(sorted(map(tuple, (setting != 0).tolist()))) for setting in hidden}
    # One unit reads x1 and x3, the other all three; or both read all three.
    full = (True, True, True)
    assert wirings == {((True, False, True), full), (full, full)}


def test_sparse_wirings_come_first(fawaz):
    network = paper_network(connections="search", n_solutions=5).fit(fawaz.rows, fawaz.labels[2])
    hidden, _ = network.network_.unpack(network.weights_[0])
    n_links = (hidden != 0).sum(axis=(1, 2))
    assert (np.diff(n_links) >= 0).all()
    assert len(n_links) == 5
    assert n_links[0] == 3  # one unit alone


def test_costs_of_quantum_and_classical_search_are_counted_alike(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[1])
    cost = network.search_cost()
    assert cost["quantum_evaluations"] == 19
    assert cost["classical_evaluations"] == 73
    assert cost["classical_evaluations_not_repeating"] == 64
    curves = network.search_curves()
    assert len(curves) == 4
    # What a fit spent: two evaluations a query, one a measurement.
    spent = network.cost_
    assert spent["oracle_queries"] == network.n_queries_.sum()
    assert spent["reads"] == network.n_measurements_.sum()
    assert spent["evaluations"] == 2 * spent["oracle_queries"] + spent["reads"]


def test_the_path_of_accuracy_ends_at_the_best(fawaz):
    network = paper_network().fit(fawaz.rows, fawaz.labels[2])
    (path,) = network.accuracy_path_
    assert (np.diff(path[:, 1]) > 0).all()
    assert path[-1].tolist() == [network.n_queries_to_best_[0], network.accuracy_[0]]


# --- real tables --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "settings", "least"),
    [
        (load_iris, {"n_hidden": 3, "n_bits": 5, "n_levels": 9}, 0.92),
        (load_wine, {"n_hidden": 2, "n_bits": 8, "n_levels": 9}, 0.92),
        (load_breast_cancer, {"n_hidden": 2, "n_bits": 8, "n_levels": 9}, 0.94),
        (load_iris, {"n_hidden": 5, "n_bits": 8, "n_levels": 9, "search": "block"}, 0.92),
        (load_wine, {"n_bits": 8, "n_levels": 9, "n_hidden": 5, "connections": "search"}, 0.92),
    ],
)
def test_real_tables_are_learned(load, settings, least):
    """One 5-fold cross-validation; the benchmark has the repeated and nested one."""
    X, y = load(return_X_y=True)
    network = GroverBNNClassifier(**settings, random_state=0)
    assert cross_val_score(network, X, y, cv=5).mean() > least


def test_an_ensemble_is_better_than_one_solution():
    X, y = load_wine(return_X_y=True)
    network = GroverBNNClassifier(2, n_bits=8, random_state=0)
    one = network.ablations()["one solution"]
    scores = [cross_val_score(each, X, y, cv=5).mean() for each in (network, one)]
    assert scores[0] > scores[1]


def test_amplification_beats_random_settings_at_equal_budgets():
    X, y = load_breast_cancer(return_X_y=True)
    network = GroverBNNClassifier(2, n_bits=7, max_queries=2000, random_state=0)
    random = network.ablations()["random settings"]
    found = [clone(each).fit(X, y).accuracy_[0] for each in (network, random)]
    assert found[0] > found[1]


def test_in_a_search_over_its_parameters():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quick_network()),
        {"groverbnnclassifier__n_bits": [2, 5], "groverbnnclassifier__n_hidden": [1, 2]},
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_params_["groverbnnclassifier__n_bits"] == 5


def test_the_classical_twin_reads_the_same_bits():
    X, y = load_wine(return_X_y=True)
    network = quick_network(n_levels=7)
    twin = network.classical_twin().fit(X, y)
    assert np.array_equal(twin[0].thresholds_, network.fit(X, y).encoder_.thresholds_)
    assert cross_val_score(network.classical_twin(), X, y, cv=3).mean() > 0.85


# --- votes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_votes_are_counted(load):
    X, y = load(return_X_y=True)
    network = quick_network().fit(X, y)
    decision = network.decision_function(X).reshape(len(X), -1)
    inputs = 2 * network.encoder_.transform(X) - 1
    for number, spins in enumerate(network.weights_):
        outputs = network.network_.outputs(spins, inputs).mean(axis=0)
        votes = outputs * network._problems.signs[number]
        # Margins decide less than one vote of two.
        assert np.abs(decision[:, number] - votes).max() < 1 / len(spins)
    predicted = network.predict(X)
    if decision.shape[1] == 1:
        assert np.array_equal(predicted, network.classes_[(decision[:, 0] > 0).astype(int)])
    else:
        assert np.array_equal(predicted, network.classes_[decision.argmax(axis=1)])


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_shares_of_votes_agree_with_the_decision(load):
    X, y = load(return_X_y=True)
    network = quick_network().fit(X, y)
    shares = network.predict_proba(X)
    assert np.allclose(shares.sum(axis=1), 1)
    assert shares.min() > 0
    assert np.array_equal(network.classes_[shares.argmax(axis=1)], network.predict(X))


def test_more_rows_than_a_batch(monkeypatch):
    X, y = load_iris(return_X_y=True)
    network = quick_network().fit(X, y)
    whole = network.decision_function(X)
    monkeypatch.setattr(_classifier, "_AT_ONCE", 40 * 14)
    assert np.array_equal(network.decision_function(X), whole)


# --- invariances --------------------------------------------------------------------------------

SEARCHES = [
    {},
    {"search": "block", "n_hidden": 3},
    {"connections": "search", "n_bits": 3},
    {"target": 0.9, "schedule": "bbht"},
]


@pytest.mark.parametrize("settings", SEARCHES, ids=str)
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_order_names_and_repeats_do_not_matter(load, settings):
    X, y = load(return_X_y=True)
    network = quick_network(**settings)
    plain = clone(network).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    assert_same_fit(plain, clone(network).fit(X[order], y[order]))
    twice = clone(network).fit(np.vstack([X, X]), np.tile(y, 2))
    assert_same_fit(plain, twice)
    assert_same_fit(plain, clone(network).fit(X, y, sample_weight=np.full(len(X), 2.5)))
    if plain.histogram_ is not None:
        assert np.array_equal(plain.histogram_, twice.histogram_)


@pytest.mark.parametrize("settings", SEARCHES, ids=str)
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_names_of_classes_do_not_matter(load, settings):
    X, y = load(return_X_y=True)
    names = np.array(["z", "m", "a"])
    network = quick_network(**settings)
    plain, renamed = clone(network).fit(X, y), clone(network).fit(X, names[y])
    assert np.array_equal(names[plain.predict(X)], renamed.predict(X))
    assert sorted(plain.n_queries_) == sorted(renamed.n_queries_)
    assert np.allclose(
        plain.predict_proba(X),
        renamed.predict_proba(X)[:, np.argsort(np.argsort(names[: y.max() + 1]))],
    )


def test_threads_do_not_matter():
    X, y = load_iris(return_X_y=True)
    one, two = (quick_network(n_hidden=3, n_jobs=n).fit(X, y) for n in (1, 2))
    assert_same_fit(one, two)


def test_seeds():
    X, y = load_wine(return_X_y=True)
    first, again, other = (quick_network(random_state=seed).fit(X, y) for seed in (1, 1, 2))
    assert_same_fit(first, again)
    assert first.n_queries_.tolist() != other.n_queries_.tolist()


def test_sparse_inputs_are_dense_ones():
    X, y = load_iris(return_X_y=True)
    X = np.where(X > 3, X, 0)
    dense, sparse = quick_network().fit(X, y), quick_network().fit(scipy.sparse.csr_array(X), y)
    assert_same_fit(dense, sparse)
    assert np.array_equal(dense.predict(X), sparse.predict(scipy.sparse.csc_array(X)))


def test_wide_inputs():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 5000)), rng.integers(2, size=150)
    X[:, 4321] += 3 * y
    network = quick_network(n_bits=3).fit(X, y)
    assert 4321 in network.encoder_.feature_indices_
    assert network.score(X, y) > 0.9


def test_two_valued_inputs():
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(200, 6)) * 5.0 - 1
    y = (X[:, :3] > 0).sum(axis=1) >= 2
    for binary in (False, True):
        network = quick_network(
            binary=binary,
            n_bits=6,
            n_hidden=1,
            connections="search",  # three bits say nothing
        ).fit(X, y)
        assert network.score(X, y) == 1.0


# --- targets, budgets, schedules ----------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["maximum", "bbht", "linear", 3])
def test_a_target_ends_the_search(schedule):
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network(target=0.93, schedule=schedule, n_hidden=1).fit(X, y)
    assert network.stop_reason_ == "target"
    assert network.accuracy_[0] >= 0.93
    inputs = 2 * network.encoder_.transform(X) - 1
    outputs = network.network_.outputs(network.weights_[0], inputs) * network._problems.signs[0]
    assert ((outputs == np.where(y == 1, 1, -1)).mean(axis=1) >= 0.93).all()
    assert network.n_optimal_[0] == (network.landscape() >= np.float32(0.93)).sum()


@pytest.mark.parametrize("schedule", ["maximum", "bbht", "linear", 0, 3])
def test_a_target_out_of_reach_ends_with_the_best_and_a_warning(schedule):
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network(target=1.0, schedule=schedule, n_hidden=1, n_bits=3)
    with pytest.warns(ConvergenceWarning, match="The target accuracy of 1.0 was not reached"):
        network.fit(X, y)
    assert network.stop_reason_ == "max_queries"
    assert network.score(X, y) > 0.7
    assert network.n_optimal_.tolist() == [0]
    for method in (network.search_cost, network.search_curves):
        with pytest.raises(ValueError, match=r"needs an optimal setting. None has .* of 1\."):
            method()


def test_a_missed_target_names_the_classes():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    with pytest.warns(ConvergenceWarning, match=r"for \['versicolor', 'virginica'\] within"):
        quick_network(target=1.0).fit(X, names)


def test_a_target_that_constants_reach_is_warned_of():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(UserWarning, match="no more than the share of the larger class, 0.627"):
        quick_network(target=0.6, n_hidden=1).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "budget"), [({"schedule": 1000}, 1440), ({"schedule": 100, "max_queries": 1}, 1)]
)
@pytest.mark.parametrize("target", ["max", 0.9])
def test_more_iterations_than_the_budget_are_refused(settings, budget, target):
    network = quick_network(target=target, n_bits=4, **settings)
    if budget > settings["schedule"]:
        network.set_params(schedule=2000)
    with pytest.raises(ValueError, match=f"at most the budget of {budget} oracle queries"):
        network.fit(*IRIS)


def test_the_score_of_a_search_in_blocks_is_that_of_its_weights():
    X, y = load_breast_cancer(return_X_y=True)
    for settings in ({"schedule": 0, "max_queries": 1}, {"schedule": 50}, {"max_queries": 3}, {}):
        network = quick_network(search="block", n_bits=6, **settings).fit(X, y)
        data = network._problems.data(0)
        outputs = network.network_.outputs(network.weights_[0], data.patterns)
        assert data.score(outputs).max() / data.total == network.accuracy_[0]


def test_budgets_count_evaluations():
    X, y = load_breast_cancer(return_X_y=True)
    for settings in ({"schedule": 0}, {"schedule": "maximum"}, {"schedule": 3}):
        network = quick_network(max_queries=20, n_hidden=1, **settings).fit(X, y)
        assert network.n_queries_[0] <= 40
        assert network.n_measurements_[0] <= 80


def test_parameters_set_later_change_nothing_that_is_fitted():
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network(n_hidden=3, n_bits=4).fit(X, y)
    before = network.predict_proba(X), network.weight_probabilities(3), network.search_cost()
    network.set_params(n_hidden=1, target=0.9, n_bits=2)
    assert np.array_equal(network.predict_proba(X), before[0])
    assert np.array_equal(network.weight_probabilities(3), before[1])
    assert network.search_cost() == before[2]


@pytest.mark.parametrize(("fraction", "classes"), [(0.001, IRIS[1]), (0.3, np.r_[3, IRIS[1][1:]])])
def test_a_share_that_cannot_be_held_out(fraction, classes):
    with pytest.raises(ValueError, match="'validation_fraction' parameter .* so many rows: {0: "):
        quick_network(validation_fraction=fraction).fit(IRIS[0], classes)


def test_too_many_bits_for_a_unit():
    X = np.random.default_rng(0).normal(size=(100, 80))
    with pytest.raises(ValueError, match="'n_bits' parameter .* at most 60 .* Got 70 instead"):
        GroverBNNClassifier(n_bits=70).fit(X, X[:, 0] > 0)


def test_one_class_fewer_after_weights_of_zero_keeps_the_shape():
    network = quick_network().fit(*IRIS, sample_weight=(IRIS[1] != 1).astype(float))
    assert network.decision_function(IRIS[0]).shape == (150, 3)


@pytest.mark.parametrize("settings", [{}, {"schedule": 0}, {"search": "block"}], ids=str)
def test_a_budget_of_one_query_still_gives_a_network(settings):
    X, y = load_iris(return_X_y=True)
    network = quick_network(max_queries=1, **settings).fit(X, y)
    assert all(len(spins) >= 1 for spins in network.weights_)
    assert network.predict(X).shape == (150,)


def test_the_default_budget_is_that_of_duerr_and_hoeyer():
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network(n_hidden=1, n_bits=7).fit(X, y)
    budget = int(22.5 * 2 ** (network.network_.n_qubits / 2))
    assert network.n_queries_[0] <= 2 * budget
    assert network.estimate_cost(*X.shape)["oracle_queries"] == 2 * budget


def test_blocks_are_picked_where_there_are_many_weights():
    X, y = load_iris(return_X_y=True)
    network = quick_network(n_hidden=9, n_bits=10).fit(X, y)
    assert network.network_.n_qubits == 108
    assert network.histogram_ is None and network.n_optimal_ is None
    assert network.stop_reason_ in ("converged", "perfect")
    assert network.score(X, y) > 0.93
    small = quick_network(max_weight_qubits=7).fit(X, y)
    assert small.histogram_ is None


def test_balanced_weights_make_the_accuracy_the_mean_of_recalls():
    X, y = load_breast_cancer(return_X_y=True)
    one = quick_network(n_bits=3, class_weight="balanced", n_solutions=1).fit(X, y)
    recalls = [(one.predict(X)[y == k] == k).mean() for k in (0, 1)]
    assert np.mean(recalls) == pytest.approx(one.accuracy_[0], abs=1e-9)
    plain = quick_network(n_bits=3, n_solutions=1).fit(X, y)
    assert plain.score(X, y) == pytest.approx(plain.accuracy_[0], abs=1e-9)


def test_a_heavy_class_is_recalled():
    X, y = load_breast_cancer(return_X_y=True)
    heavy = quick_network(class_weight={0: 100, 1: 1}).fit(X, y)
    assert (heavy.predict(X)[y == 0] == 0).mean() > 0.99


def test_a_class_of_weight_zero_is_ignored():
    X, y = load_iris(return_X_y=True)
    network = quick_network().fit(X, y, sample_weight=(y != 2).astype(float))
    assert (network.predict(X[y != 2]) == y[y != 2]).mean() > 0.95


# --- validation ---------------------------------------------------------------------------------


def noise(n_rows, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, 20)), rng.integers(2, size=n_rows)


def test_solutions_that_fail_validation_are_deselected():
    X, y = noise(80, 0)
    network = quick_network(n_bits=6, validation_fraction=0.4, n_solutions=15).fit(X, y)
    assert network.n_deselected_[0] > 0
    # All have learned noise by heart: those least bad on the held-out data are left.
    assert 1 <= len(network.weights_[0]) <= 15
    assert network.accuracy_[0] > 0.75


def test_solutions_that_generalise_pass_validation():
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network(validation_fraction=0.3).fit(X, y)
    assert network.n_deselected_.tolist() == [0]
    assert len(network.weights_[0]) == min(7, network.n_optimal_[0])


def test_held_out_rows_do_not_choose_bits():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, np.zeros(150)])
    network = quick_network(validation_fraction=0.3).fit(X, y)
    total = network.histogram_.shape[1] - 1
    assert 105 % total == 0  # all of the other rows, in units of their common divisor


# --- interruption -------------------------------------------------------------------------------


def interrupt_after(monkeypatch, n_calls, resume=False):
    """Let the starts of a search in blocks be interrupted after some, for once or for ever."""
    from qsklearn.circuits._block_search import BlockSearch

    run, calls = BlockSearch.run, []

    def stop(self):
        calls.append(1)
        if len(calls) == n_calls + 1 or (len(calls) > n_calls and not resume):
            raise KeyboardInterrupt
        return run(self)

    monkeypatch.setattr(BlockSearch, "run", stop)


def test_an_interrupted_search_in_blocks_keeps_what_it_has(monkeypatch):
    X, y = load_breast_cancer(return_X_y=True)
    interrupt_after(monkeypatch, 3)
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        network = quick_network(search="block").fit(X, y)
    assert network.stop_reason_ == "interrupted"
    assert len(network.weights_[0]) == 3
    assert network.score(X, y) > 0.9


def test_after_an_interruption_the_other_classes_get_one_start_each(monkeypatch):
    X, y = load_iris(return_X_y=True)
    interrupt_after(monkeypatch, 2, resume=True)
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        network = quick_network(search="block").fit(X, y)
    assert [len(spins) for spins in network.weights_] == [2, 1, 1]
    assert network.score(X, y) > 0.8


def test_a_fit_that_fails_leaves_what_was_fitted(monkeypatch):
    X, y = load_iris(return_X_y=True)
    network = quick_network().fit(X, y)
    before = network.predict(X)
    interrupt_after(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        network.set_params(search="block").fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="NaN"):
        network.fit(np.full((10, 4), np.nan), np.arange(10) % 2)
    assert np.array_equal(network.predict(X), before)


# --- persistence --------------------------------------------------------------------------------


def test_pickles_predict_the_same_and_hold_no_rows():
    X, y = load_breast_cancer(return_X_y=True)
    network = quick_network().fit(X, y)
    copy = pickle.dumps(network)
    assert len(copy) < 20_000
    assert np.array_equal(pickle.loads(copy).predict(X), network.predict(X))
    assert np.array_equal(pickle.loads(copy).landscape(), network.landscape())


def test_predicting_changes_nothing():
    X, y = load_iris(return_X_y=True)
    network = quick_network().fit(X, y)
    before = pickle.dumps(network)
    network.predict(X), network.score(X, y), network.landscape(1), network.search_cost(label=2)
    assert pickle.dumps(network) == before


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_hidden": 0}, "'n_hidden' parameter of GroverBNNClassifier must be an int"),
        ({"n_hidden": True}, "'n_hidden' parameter of GroverBNNClassifier .*Got True"),
        ({"n_hidden": 10**30}, r"'n_hidden' parameter of GroverBNN.* \[1, 100001\). Got 1000"),
        ({"n_bits": 0}, "'n_bits' parameter"),
        ({"target": 0.0}, "'target' parameter"),
        ({"target": 1.1}, "'target' parameter"),
        ({"target": "best"}, "'target' parameter"),
        ({"schedule": -1}, "'schedule' parameter"),
        ({"schedule": "fast"}, "'schedule' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"max_queries": 0}, "'max_queries' parameter"),
        ({"connections": "some"}, "'connections' parameter"),
        (
            {"n_hidden": 5, "n_bits": 6, "search": "exhaustive"},
            r"must be at least 40, as the network has 40 weight qubits, and 2\^40 settings to "
            r"enumerate in 2,199,023,255,552 bytes. Got 26 instead. Use search='block'",
        ),
        (
            {"n_hidden": 2, "n_bits": 6, "search": "block", "max_weight_qubits": 7},
            "must be at least 8, as each unit alone has 8 weight qubits",
        ),
        ({"binary": True}, "binary=False"),
    ],
)
def test_bad_parameters(settings, message):
    with pytest.raises(ValueError, match=message):
        GroverBNNClassifier(**settings).fit(*IRIS)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0), "0 sample"),
        (np.ones((6, 2)), np.arange(6) % 2, "all features are constant"),
        (np.eye(4), np.zeros(4), "at least 2 classes in the data, but the data contains only one"),
        (np.eye(4), np.array([0.1, 0.2, 0.3, 0.4]), "Unknown label type"),
        (np.array([[np.inf], [0.0]]), [0, 1], "infinity"),
    ],
)
def test_bad_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        GroverBNNClassifier().fit(X, y)


@pytest.mark.parametrize(
    "sampler", ["gibbs", "exact", "mock-dwave", GibbsSampler(), dwave.samplers.RandomSampler()],
    ids=lambda sampler: sampler if isinstance(sampler, str) else type(sampler).__name__,
)  # fmt: skip
def test_annealers_are_refused_with_the_reason(sampler):
    with pytest.raises(ValueError, match="draws states of an energy; amplitude amplification is"):
        GroverBNNClassifier(sampler=sampler).fit(*IRIS)


@pytest.mark.parametrize("sampler", ["qpu", None, 3, GibbsSampler])
def test_other_things_are_no_samplers(sampler):
    with pytest.raises(ValueError, match="must be 'landscape', 'aer', a Qiskit BackendV2 or a V2"):
        GroverBNNClassifier(sampler=sampler).fit(*IRIS)


def test_a_class_must_be_named_where_there_are_several():
    network = quick_network().fit(*IRIS)
    with pytest.raises(ValueError, match=r"one of the classes \[0, 1, 2\]. Got None instead"):
        network.success_probability(3)
    share = network.n_optimal_[1] / 2**network.network_.n_qubits
    assert network.success_probability(0, label=1) == pytest.approx(share)


def test_blocks_have_no_whole_landscape():
    network = quick_network(search="block").fit(*IRIS)
    for ask in (network.landscape, network.search_cost, network.search_curves):
        with pytest.raises(ValueError, match=r"searched in blocks, and has 2\^14 of them"):
            ask(label=0)
    with pytest.raises(ValueError, match="in blocks"):
        network.success_probability(1, label=0)


def test_not_fitted():
    for ask in ("landscape", "search_cost", "search_curves"):
        with pytest.raises(NotFittedError):
            getattr(GroverBNNClassifier(), ask)()


def test_estimated_costs():
    cost = GroverBNNClassifier().estimate_cost(150, 4)
    assert cost["weight_qubits"] == cost["searched_qubits"] == 24
    assert cost["settings"] == 2**24 and cost["bytes"] == 2**25
    blocks = GroverBNNClassifier(9, n_bits=10).estimate_cost(150, 4)
    assert (blocks["weight_qubits"], blocks["searched_qubits"]) == (108, 12)


def test_no_warning_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = GroverBNNClassifier(random_state=0).fit(*IRIS)
    assert network.score(*IRIS) > 0.95


def test_the_layout_is_public():
    network = quick_network(connections="search").fit(*IRIS)
    assert isinstance(network.network_, BinaryNetwork)
    hidden, output = network.network_.unpack(network.weights_[0])
    assert hidden.shape == (len(network.weights_[0]), 2, 6)
    assert set(np.unique(hidden)) <= {-1, 0, 1} and set(np.unique(output)) == {-1, 1}
    assert len(network.bit_names_) == 5


def test_skops_keeps_a_network():
    sio = pytest.importorskip("skops.io")
    network = quick_network().fit(*IRIS)
    stored = sio.dumps(network)
    trusted = sio.get_untrusted_types(data=stored)
    assert all(name.startswith("qsklearn.") for name in trusted)
    loaded = sio.loads(stored, trusted=trusted)
    assert np.array_equal(loaded.predict(IRIS[0]), network.predict(IRIS[0]))
    assert np.array_equal(loaded.landscape(2), network.landscape(2))


def test_predicting_costs_nothing():
    network = GroverBNNClassifier()
    assert set(network.estimate_cost(150, 4, method="predict").values()) == {0}
    assert network.estimate_cost(150, 4, 3) == network.estimate_cost(150, 4)
    with pytest.raises(ValueError, match="'method' parameter of GroverBNNClassifier.estimate_cost"):
        network.estimate_cost(150, 4, method="score")
