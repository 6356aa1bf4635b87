"""Fits on a device that fails, or whose budget is spent: nothing lost, all of it counted."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from qsklearn import (
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.samplers import Budget, DWaveQPUSampler, EmbeddedSampler, MockQPUSampler

X, y = load_iris(return_X_y=True)
X, y = (X[:60] - X[:60].mean(axis=0)), y[:60]
PASSING = ("timeout", "connection", "offline", "wrong problem")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def handle(faults=None, **parameters):
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[4, 4, 4], seed=0, num_sweeps=5,
        faults=faults,
    )  # fmt: skip
    return DWaveQPUSampler(device=device, **{"retry_wait": 0.0, **parameters})


def mlp(sampler):
    return QuantumSampledMLPClassifier(
        n_hidden=3, sampler=sampler, num_reads=10, beta_eff=6.1, max_iter=4, tol=0.0,
        random_state=0,
    )  # fmt: skip


def spin_glass(sampler):
    sampler = EmbeddedSampler(sampler, num_reads=10)
    return SpinGlassAnnealedNetwork(sampler=sampler, n_bits=1, max_iter=4, random_state=0)


def vae(sampler):
    return QuantumBoltzmannPriorVAE(
        8, topology="chimera", hidden_layer_sizes=(4,), sampler=sampler, n_chains=20, max_iter=4,
        batch_size=20, likelihood="gaussian", beta_eff=6.1, random_state=0,
    )  # fmt: skip


def weights_of(estimator):
    if isinstance(estimator, QuantumBoltzmannPriorVAE):
        return [estimator.prior_.h, estimator.prior_.weights]
    if isinstance(estimator, SpinGlassAnnealedNetwork):
        return [layer.weights for layer in estimator.layers_]
    return estimator.coefs_


def every_other(n_calls=2000):
    return {2 * i: PASSING[i % len(PASSING)] for i in range(n_calls)}


@pytest.mark.parametrize("make", [mlp, spin_glass, vae])
def test_passing_faults_change_nothing_and_are_counted(make):
    plain = make(handle()).fit(X, y)
    budget = Budget()
    faulty = make(handle(every_other(), budget=budget)).fit(X, y)
    for own, other in zip(weights_of(faulty), weights_of(plain), strict=True):
        np.testing.assert_array_equal(own, other)
    spent = budget.spent()
    assert faulty.cost_["faults"] == spent["faults"] == plain.cost_["queries"] > 3
    assert faulty.cost_["queries"] == spent["queries"]
    # Nobody knows whether calls ran whose connection broke: the budget takes it that they did.
    paid = plain.cost_["qpu_access_time"], faulty.cost_["qpu_access_time"]
    assert paid[0] < paid[1] < 1e6 * spent["qpu_seconds"]
    assert faulty.stop_reason_ == plain.stop_reason_


@pytest.mark.parametrize("make", [mlp, spin_glass, vae])
def test_a_spent_budget_ends_a_fit_with_its_best_weights(make):
    whole = make(handle()).fit(X, y)
    n_calls = 3 * whole.cost_["queries"] // 4
    budget = Budget(max_queries=n_calls)
    with pytest.warns(UserWarning) as told:
        part = make(handle(budget=budget)).fit(X, y)
    assert any(w.category is not ConvergenceWarning for w in told)
    assert part.stop_reason_.startswith("sampler: BudgetSpent: The budget does not cover")
    assert 0 < part.n_iter_ < whole.n_iter_
    assert part.cost_["queries"] == n_calls == budget.spent()["queries"]
    assert all(np.isfinite(array).all() for array in weights_of(part))


@pytest.mark.parametrize("make", [mlp, spin_glass, vae])
def test_a_fit_that_cannot_begin_is_raised_and_keeps_what_was(make):
    estimator = make(handle()).fit(X, y)
    before = [np.array(array) for array in weights_of(estimator)]
    estimator.set_params(sampler=make(handle(budget=Budget(max_queries=0))).sampler)
    with pytest.raises(RuntimeError, match="does not cover a further call"):
        estimator.fit(X, y)
    for own, other in zip(weights_of(estimator), before, strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_device_that_stays_away_ends_a_fit_and_says_who_and_what():
    away = dict.fromkeys(range(8, 2000), "offline")
    with pytest.warns(UserWarning):
        part = mlp(handle(away, max_retries=2)).fit(X, y)
    assert "SolverOfflineError" in part.stop_reason_ and "mock-ideal failed 3 times" in (
        part.stop_reason_
    )
    assert "qubits" in part.stop_reason_ and part.cost_["faults"] == 3
    # A device that is there again: training goes on from the weights that were kept.
    kept = [np.array(array) for array in part.coefs_]
    part.set_params(sampler=handle(), warm_start=True).fit(X, y)
    assert part.stop_reason_ in ("max_iter", "converged")
    assert not np.array_equal(part.coefs_[0], kept[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore::UserWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_stops_at_its_budget(n_jobs):
    grid = {"learning_rate_init": [0.01, 0.1], "random_state": [0, 1]}
    whole = Budget()
    GridSearchCV(mlp(handle(budget=whole)), grid, cv=2, refit=False).fit(X, y)
    spent = whole.spent()
    budget = Budget(max_qpu_seconds=spent["qpu_seconds"] / 2)
    search = GridSearchCV(
        mlp(handle(budget=budget)), grid, cv=2, refit=False, error_score=np.nan, n_jobs=n_jobs
    ).fit(X, y)
    scores = np.array([search.cv_results_[f"split{i}_test_score"] for i in range(2)])
    assert np.isnan(scores).any() and np.isfinite(scores).any()
    # No call more than the budget covers, and none less than it would have covered.
    a_call = spent["qpu_seconds"] / spent["queries"]
    left = budget.max_qpu_seconds - budget.spent()["qpu_seconds"]
    assert 0 <= left < 2 * a_call
