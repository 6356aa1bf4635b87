"""What a search will cost, against what a device then charges; and costs as scores."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from qsklearn import (
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
    SpinGlassAnnealedRegressor,
)
from qsklearn.model_selection import cost_scorers, estimate_search_cost
from qsklearn.samplers import Budget, DWaveQPUSampler, EmbeddedSampler, MockQPUSampler

X, y = load_iris(return_X_y=True)
TWO = y < 2
COUNTS = ("calls", "models", "reads", "queries", "qpu_access_time")
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
quiet = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore:.*:RuntimeWarning")


def handle():
    device = MockQPUSampler(
        "ideal", topology_type="pegasus", topology_shape=[4], seed=0, num_sweeps=5
    )
    return DWaveQPUSampler(device=device, budget=Budget(), retry_wait=0.0)


def mlp(sampler, **parameters):
    own = {"n_hidden": 3, "num_reads": 10, "beta_eff": 6.0, "max_iter": 2, "tol": 0.0}
    return QuantumSampledMLPClassifier(sampler=sampler, random_state=0, **{**own, **parameters})


def spin_glass(sampler):
    sampler = EmbeddedSampler(sampler, num_reads=10)
    return SpinGlassAnnealedNetwork(sampler=sampler, n_bits=1, max_iter=2, random_state=0)


def transfer(sampler):
    return QUBOTransferClassifier(sampler=sampler, num_reads=10, beta_eff=6.0, random_state=0)


def vae(sampler):
    return QuantumBoltzmannPriorVAE(
        8, topology="pegasus", hidden_layer_sizes=(4,), sampler=sampler, n_chains=10, max_iter=2,
        batch_size=20, likelihood="gaussian", random_state=0,
    )  # fmt: skip


def charged(search, X, y, sampler):
    """Estimated and charged, (queries, microseconds) each; nothing is sent by the estimate."""
    cost = estimate_search_cost(search, X, y)
    assert sampler.budget.spent()["queries"] == 0
    search.fit(X, y)
    spent = sampler.budget.spent()
    assert spent["faults"] == 0
    estimated = cost["queries"], cost["qpu_access_time"]
    return estimated, (spent["queries"], 1e6 * spent["qpu_seconds"])


@unconverged
@quiet
@pytest.mark.parametrize("make", [mlp, spin_glass, transfer, vae])
def test_the_estimate_is_what_is_charged(make):
    sampler = handle()
    estimator = make(sampler)
    bits = {"random_state": [0, 1]}
    search = GridSearchCV(make_pipeline(StandardScaler(), estimator), {
        f"{type(estimator).__name__.lower()}__{name}": values for name, values in bits.items()
    }, cv=2)  # fmt: skip
    labels = None if make is vae else y[TWO]
    estimated, actual = charged(search, X[TWO], labels, sampler)
    assert estimated == pytest.approx(actual, rel=0.02)


@unconverged
@quiet
def test_a_categorical_unit_loses_reads_that_are_reckoned_with():
    sampler = handle()
    search = GridSearchCV(mlp(sampler, num_reads=40), {"random_state": [0]}, cv=2)
    estimated, actual = charged(search, X, y, sampler)
    assert estimated == pytest.approx(actual, rel=0.1)


def test_counts_add_up():
    search = GridSearchCV(mlp("gibbs"), {"num_reads": [10, 30]}, cv=KFold(5), refit=False)
    cost = estimate_search_cost(search, X, y)
    assert cost["fits"] == 10 and [c["fits"] for c in cost["candidates"]] == [5, 5]
    for name in COUNTS:
        assert cost[name] == sum(candidate[name] for candidate in cost["candidates"])
    assert cost["reads"] == 5 * 2 * 120 * (10 + 30) and cost["queries"] == 0
    assert [c["params"]["num_reads"] for c in cost["candidates"]] == [10, 30]
    with_refit = estimate_search_cost(search.set_params(refit=True), X, y)
    assert with_refit["fits"] == 11 and with_refit["reads"] - cost["reads"] == 2 * 150 * 30


def test_predictions_count():
    model = QUBOTransferClassifier(
        LogisticRegression(), sampler="gibbs", num_reads=7, readout="onehot"
    )
    search = GridSearchCV(model, {"beta": [1.0, 2.0]}, cv=3, refit=False)
    assert estimate_search_cost(search, X, y)["reads"] == 2 * 150 * 7
    search.set_params(return_train_score=True)
    assert estimate_search_cost(search, X, y)["reads"] == 2 * (150 + 300) * 7


def spy_on(base, sizes):
    """An estimator of one read that notes what is asked of it."""

    class Spy(base):
        def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
            sizes.append((n_samples, n_features, n_outputs, method))
            return {"reads": 1}

    return Spy()


def test_features_after_transformers_count():
    sizes = []
    pipeline = make_pipeline(PolynomialFeatures(2), spy_on(QuantumSampledMLPClassifier, sizes))
    cost = estimate_search_cost(GridSearchCV(pipeline, {"spy__n_hidden": [2]}, cv=3), X, y)
    assert cost["reads"] == 7 and set(sizes) == {
        (100, 15, 3, "fit"), (50, 15, 3, "predict"), (150, 15, 3, "fit")
    }  # fmt: skip


@pytest.mark.parametrize(
    "base, targets, n_outputs",
    [
        (QuantumSampledMLPClassifier, y[:, np.newaxis] == [0, 1], 2),
        (SpinGlassAnnealedRegressor, X[:, 0], 1),
        (SpinGlassAnnealedRegressor, X[:, :3], 3),
        (QuantumBoltzmannPriorVAE, None, None),
    ],
    ids=["labels", "number", "numbers", "none"],
)
def test_outputs_are_those_of_the_targets(base, targets, n_outputs):
    sizes = []
    search = GridSearchCV(spy_on(base, sizes), {"random_state": [0]}, cv=2)
    estimate_search_cost(search, X, targets)
    assert {n for _, _, n, _ in sizes} == {n_outputs}


@pytest.mark.parametrize("scale", [False, True])
def test_classical_estimators_cost_nothing(scale):
    model = LogisticRegression()
    pipeline = make_pipeline(StandardScaler(), model) if scale else model
    name = "logisticregression__C" if scale else "C"
    search = GridSearchCV(pipeline, {name: [1, 2]}, cv=2)
    assert all(estimate_search_cost(search, X, y)[name] == 0 for name in COUNTS)


def test_randomised_searches():
    search = RandomizedSearchCV(
        mlp("gibbs"), {"num_reads": [10, 20, 30]}, n_iter=2, cv=2, random_state=0, refit=False
    )
    cost = estimate_search_cost(search, X, y)
    search.estimator.max_iter = 2
    drawn = {candidate["params"]["num_reads"] for candidate in cost["candidates"]}
    assert len(cost["candidates"]) == 2 and len(drawn) == 2


def test_what_is_no_search_is_refused():
    with pytest.raises(ValueError, match="'search' parameter .* Got LogisticRegression instead"):
        estimate_search_cost(LogisticRegression(), X, y)
    halving = HalvingGridSearchCV(mlp("gibbs"), {"num_reads": [1]})
    with pytest.raises(ValueError, match="which decides as it goes"):
        estimate_search_cost(halving, X, y)
    inner = make_pipeline(vae("gibbs"), LogisticRegression())
    with pytest.raises(ValueError, match="ask samplers in its last step only"):
        estimate_search_cost(GridSearchCV(inner, {"logisticregression__C": [1.0]}), X, y)


@pytest.mark.parametrize("make", [mlp, spin_glass, transfer, vae])
def test_methods_are_checked(make):
    with pytest.raises(ValueError, match="'method' parameter .* must be 'fit' or 'predict'"):
        make("annealing" if make is spin_glass else "gibbs").estimate_cost(10, 4, method="score")


@unconverged
def test_costs_are_columns_of_a_search():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), mlp("gibbs")),
        {"quantumsampledmlpclassifier__num_reads": [10, 20]},
        cv=2,
        scoring={"accuracy": "accuracy", **cost_scorers(["reads", "queries"])},
        refit="accuracy",
    ).fit(X, y)
    found = search.cv_results_
    assert found["mean_test_reads"].tolist() == [2 * 75 * 10, 2 * 75 * 20]
    assert found["mean_test_queries"].tolist() == [0, 0]


def test_costs_of_estimators_without_any():
    found = cross_validate(LogisticRegression(), X[TWO], y[TWO], scoring=cost_scorers(), cv=2)
    assert np.isnan(found["test_qpu_access_time"]).all()


def test_names_of_costs_are_checked():
    assert list(cost_scorers("queries")) == ["queries"]
    with pytest.raises(ValueError, match="'names' parameter of cost_scorers must be among 'calls'"):
        cost_scorers(["qpu_time"])


def test_what_is_not_known_is_told():
    model = QUBOTransferClassifier(mode="network", n_hidden=3, sampler=handle(), num_reads=10)
    search = GridSearchCV(model, {"num_reads": [10]}, cv=2)
    with pytest.warns(UserWarning, match="does not know what a device takes for some candidates"):
        assert np.isnan(estimate_search_cost(search, X, y)["queries"])


@quiet
def test_hidden_units_of_ones_own_are_known():
    sampler = handle()
    model = QUBOTransferClassifier(
        mode="drbm", n_hidden=3, sampler=sampler, num_reads=10, beta_eff=6.0, random_state=0
    )
    search = GridSearchCV(model, {"num_reads": [10]}, cv=2)
    estimated, actual = charged(search, X[TWO], y[TWO], sampler)
    assert estimated == pytest.approx(actual, rel=0.02)
