"""What can go wrong with a device: faults, no device any more, a budget that is spent."""

import time
import warnings
from itertools import cycle

import numpy as np
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qsklearn import (
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.model_selection import estimate_search_cost
from qsklearn.samplers import (
    Budget,
    DWaveQPUSampler,
    EmbeddedSampler,
    MockQPUSampler,
    RecordedSampler,
)

# "fewer reads" apart: these are answered again with the same seed, so nothing may differ.
PASSING = ("timeout", "connection", "offline", "wrong problem")
X, Y = load_iris(return_X_y=True)
TWO = Y < 2


def small(faults=None, budget=None, **parameters):
    """A processor of 2 x 2 cells behind the handle."""
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[4, 4, 4], seed=0, num_sweeps=10,
        faults=faults,
    )  # fmt: skip
    return DWaveQPUSampler(device=device, budget=budget, retry_wait=0.0, **parameters)


def large(budget):
    device = MockQPUSampler("advantage2", seed=0, num_sweeps=10)
    return DWaveQPUSampler(device=device, budget=budget, retry_wait=0.0)


def make_mlp(sampler, **changes):
    own = {"n_hidden": 4, "num_reads": 20, "max_iter": 5, "tol": 0.0, "beta_eff": 6.1}
    mlp = QuantumSampledMLPClassifier(sampler=sampler, random_state=0, **{**own, **changes})
    return make_pipeline(StandardScaler(), mlp)


# --- faults ---------------------------------------------------------------------------------------


def every_third(kinds, n_faults):
    """As many as are wanted, and some for what a fit or search has begun by then."""
    return dict(zip(range(0, 3 * (n_faults + 100), 3), cycle(kinds), strict=False))


def run_faults(args, report):
    """Fits and a search while every third call goes wrong."""
    report.heading(f"{args.n_faults} faults, every third call")
    reference = make_mlp(small()).fit(X[TWO], Y[TWO])[-1]
    budget, n_fits, counted, n_equal, queries = Budget(), 0, 0, 0, 0
    n_wanted = 7 * args.n_faults // 10
    sampler = small(every_third(PASSING, n_wanted), budget)
    while budget.spent()["faults"] < n_wanted:
        mlp = make_mlp(sampler).fit(X[TWO], Y[TWO])[-1]
        n_fits, counted = n_fits + 1, counted + mlp.cost_["faults"]
        queries += mlp.cost_["queries"]
        n_equal += all(
            np.array_equal(own, other)
            for own, other in zip(mlp.coefs_, reference.coefs_, strict=True)
        )
    spent = budget.spent()
    report.table(
        ["", "fits", "faults", "in cost_", "queries sent", "in cost_", "weights as without"],
        [["fits", n_fits, spent["faults"], counted, spent["queries"], queries,
          f"{n_equal} of {n_fits}"]],
    )  # fmt: skip
    search_faults(args, report, args.n_faults - spent["faults"])


def search_faults(args, report, n_wanted):
    """The rest of them in searches, lost reads among them."""
    grid = {"quantumsampledmlpclassifier__learning_rate_init": [0.01, 0.1]}
    plain = GridSearchCV(make_mlp(small()), grid, cv=3).fit(X[TWO], Y[TWO])
    budget, n_searches, counted, n_equal = Budget(), 0, 0, 0
    faulty = small(every_third((*PASSING, "fewer reads"), n_wanted), budget)
    while budget.spent()["faults"] < n_wanted:
        scoring = {"accuracy": "accuracy", "faults": faults_of}
        search = GridSearchCV(make_mlp(faulty), grid, cv=3, scoring=scoring, refit="accuracy")
        search.fit(X[TWO], Y[TWO])
        n_searches += 1
        counted += search.best_estimator_[-1].cost_["faults"] + sum(
            search.cv_results_[f"split{i}_test_faults"].sum() for i in range(3)
        )
        n_equal += np.array_equal(
            search.cv_results_["mean_test_accuracy"], plain.cv_results_["mean_test_score"]
        )
    spent = budget.spent()
    report.table(
        ["", "searches", "faults injected", "in cost_", "accuracies as without"],
        [["searches", n_searches, spent["faults"], int(counted), f"{n_equal} of {n_searches}"]],
    )
    report.line(
        "Faults: timeouts, broken connections, an offline solver, answers to another problem; in "
        "the searches also answers with half the reads, after which the rest is drawn anew."
    )


def faults_of(estimator, X, y):
    return estimator[-1].cost_["faults"]


# --- replay ---------------------------------------------------------------------------------------


def run_replay(args, report):
    """A cross-validation, and a search of 3 x 3, recorded and replayed without the device."""
    report.heading("Recorded and replayed")
    rows = []
    grid = {
        "quantumsampledmlpclassifier__learning_rate_init": [0.01, 0.03, 0.1],
        "quantumsampledmlpclassifier__num_reads": [10, 30, 50],
    }

    def validate(model):
        return cross_validate(model, X, Y, cv=10)["test_score"]

    def search(model):
        return GridSearchCV(model, grid, cv=3).fit(X, Y).cv_results_["mean_test_score"]

    tasks = {"cross-validation, 10 folds": validate, "search, 3 x 3, 3 folds": search}
    for number, (name, task) in enumerate(tasks.items()):
        path, budget = args.folder / f"recording{number}.qsr", Budget()
        started = time.perf_counter()
        recorded = task(make_mlp(RecordedSampler(small(budget=budget), path, mode="record")))
        took = time.perf_counter() - started
        n_before = budget.spent()["queries"]
        started = time.perf_counter()
        replayed = task(make_mlp(RecordedSampler(None, path, mode="replay")))
        again = time.perf_counter() - started
        rows.append([
            name, n_before, f"{path.stat().st_size / 1e6:.2f}", f"{took:.1f}", f"{again:.1f}",
            budget.spent()["queries"] - n_before, np.array_equal(recorded, replayed),
        ])  # fmt: skip
    report.table(
        ["task", "calls", "MB", "seconds", "replayed", "calls then", "scores bit for bit"], rows
    )


# --- estimates ------------------------------------------------------------------------------------


def searches(sampler):
    """Of four estimators, and their data."""
    mlp = {"quantumsampledmlpclassifier__num_reads": [20, 50]}
    two = X[TWO], Y[TWO]
    transfer = make_pipeline(
        StandardScaler(),
        QUBOTransferClassifier(sampler=sampler, num_reads=50, beta_eff=6.0, random_state=0),
    )
    glass = make_pipeline(
        StandardScaler(),
        SpinGlassAnnealedNetwork(
            sampler=EmbeddedSampler(sampler, num_reads=50), max_iter=5, n_bits=2, random_state=0
        ),
    )
    vae = QuantumBoltzmannPriorVAE(
        32, topology="zephyr", hidden_layer_sizes=(16,), sampler=sampler, n_chains=50, max_iter=3,
        batch_size=20, likelihood="gaussian", random_state=0,
    )  # fmt: skip
    yield "sampled MLP, 2 classes", GridSearchCV(make_mlp(sampler), mlp, cv=3), *two
    yield "sampled MLP, 3 classes", GridSearchCV(make_mlp(sampler), mlp, cv=3), X, Y
    yield (
        "QUBO transfer",
        GridSearchCV(transfer, {"qubotransferclassifier__num_reads": [50, 100]}, cv=3),
        X,
        Y,
    )
    yield (
        "spin-glass net",
        GridSearchCV(glass, {"spinglassannealednetwork__n_bits": [1, 2]}, cv=3),
        *two,
    )
    yield "VAE", GridSearchCV(vae, {"n_chains": [50, 100]}, cv=3), X, None


def run_estimates(args, report):
    """Before a search, and after it."""
    report.heading("estimate_search_cost, and what the device then charged")
    rows = []
    budget = Budget()
    sampler = large(budget)
    for name, search, data, labels in searches(sampler):
        before = budget.spent()
        cost = estimate_search_cost(search, data, labels)
        assert budget.spent() == before, "nothing may be sent"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(data, labels)
        after = budget.spent()
        charged = after["qpu_seconds"] - before["qpu_seconds"]
        estimated = 1e-6 * cost["qpu_access_time"]
        rows.append([
            name, cost["fits"], cost["queries"], after["queries"] - before["queries"],
            f"{estimated:.3f}", f"{charged:.3f}", f"{100 * (estimated / charged - 1):+.1f} %",
        ])  # fmt: skip
        print(rows[-1], flush=True)
    report.table(
        ["search", "fits", "queries, estimated", "sent", "QPU seconds, estimated", "charged",
         "difference"],
        rows,
    )  # fmt: skip


# --- budget ---------------------------------------------------------------------------------------


def run_budget(args, report):
    """Half of what a search needs, in two processes at once."""
    report.heading("A budget of half the cost, in two processes at once")
    rows = []
    for n_jobs in (1, 2):
        estimate = next(iter(searches(large(None))))
        cost = estimate_search_cost(*estimate[1:])
        limit = 0.5e-6 * cost["qpu_access_time"]
        budget = Budget(max_qpu_seconds=limit)
        name, search, data, labels = next(iter(searches(large(budget))))
        search.set_params(n_jobs=n_jobs, refit=False, error_score=np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitFailedWarning)
            warnings.simplefilter("ignore", UserWarning)
            started = time.perf_counter()
            search.fit(data, labels)
        spent = budget.spent()
        scores = np.concatenate([search.cv_results_[f"split{i}_test_score"] for i in range(3)])
        dearest = 1e-6 * search.estimator[-1].sampler.estimate_access_time(2000, 50)
        rows.append([
            n_jobs, f"{limit:.3f}", f"{spent['qpu_seconds']:.3f}", f"{dearest:.3f}",
            spent["queries"], int(np.isfinite(scores).sum()), int(np.isnan(scores).sum()),
            f"{time.perf_counter() - started:.0f}",
        ])  # fmt: skip
    report.table(
        ["processes", "budget, QPU s", "spent", "a call at most", "queries", "fits with a score",
         "failed at once", "seconds"],
        rows,
    )  # fmt: skip
