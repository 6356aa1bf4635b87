"""Binary networks on real tables: nested cross-validation, and what the parts are worth."""

import time
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qsklearn import GroverBNNClassifier
from qsklearn.model_selection import compare
from qsklearn.preprocessing import ThermometerEncoder

TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
# Units and bits; a candidate's weights are searched at once up to 2^24 settings, else in blocks.
SHAPES = ((1, 16), (2, 8), (2, 10), (3, 6), (3, 12))
LEVELS = (7, 9)


def grid(shapes):
    return [{"n_hidden": [h], "n_bits": [d], "n_levels": list(LEVELS)} for h, d in shapes]


def twin_grid(shapes):
    return [
        {
            "thermometerencoder__n_bits": [d],
            "thermometerencoder__n_levels": list(LEVELS),
            "onevsrestclassifier__estimator__hidden_layer_sizes": [(h,)],
        }
        for h, d in shapes
    ]


SHORT_SHAPES = ((2, 8), (2, 10))
BITS_GRID = {
    "thermometerencoder__n_bits": [6, 8, 10, 12, 16],
    "thermometerencoder__n_levels": list(LEVELS),
}


def run_accuracy(args, report):
    """Repeated 5-fold cross-validation, with the configuration chosen inside each fold."""
    report.heading(f"Accuracy, {args.repeats} times 5-fold cross-validation, configurations nested")
    warnings.filterwarnings("ignore")  # of the twin's convergence
    shapes, n_folds = (SHORT_SHAPES, 2) if args.short else (SHAPES, 10)
    rows = []
    for name, load in TABLES.items():
        X, y = load(return_X_y=True)
        result = compare(
            _contenders(shapes, n_folds),
            X,
            y,
            cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=args.repeats, random_state=0),
            baseline="binary network",
            n_jobs=2,
            random_state=0,
        )
        tests = {test["estimator"]: test for test in result.paired_tests()}
        for row in result.summary():
            test = tests.get(row["estimator"])
            difference = (
                f"{test['difference']:+.3f} ± {test['standard_error']:.3f}" if test else "-"
            )
            rows.append(
                [name, row["estimator"], f"{row['mean']:.3f}", f"{row['standard_error']:.3f}",
                 difference]
            )  # fmt: skip
    report.table(
        ["data", "estimator", "accuracy", "standard error", "difference from the first"], rows
    )
    report.line(
        "Standard errors are corrected for the overlap of training sets (Nadeau and Bengio). "
        f"Network and twin choose among the same {len(shapes) * len(LEVELS)} configurations of "
        f"units, bits and levels: {list(shapes)} and {list(LEVELS)}; logistic regression on bits "
        f"among 10 of bits and levels; each by {n_folds}-fold cross-validation within the training "
        "folds."
    )
    _run_fits(report, shapes)


def _contenders(shapes, n_folds):
    network = GroverBNNClassifier(random_state=0)
    bits = make_pipeline(ThermometerEncoder(), LogisticRegression(max_iter=1000))
    return {
        "binary network": GridSearchCV(network, grid(shapes), cv=n_folds),
        "classical twin": GridSearchCV(network.classical_twin(), twin_grid(shapes), cv=n_folds),
        "logistic regression on bits": GridSearchCV(bits, BITS_GRID, cv=n_folds),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }


def _run_fits(report, shapes):
    report.heading("One fit of each configuration, 2 threads")
    rows = []
    for (n_hidden, n_bits), (name, load) in ((s, t) for s in shapes for t in TABLES.items()):
        X, y = load(return_X_y=True)
        network = GroverBNNClassifier(n_hidden, n_bits=n_bits, n_levels=9, n_jobs=2, random_state=0)
        started = time.perf_counter()
        network.fit(X, y)
        seconds = time.perf_counter() - started
        rows.append(
            [
                name, n_hidden, n_bits, network.network_.n_qubits,
                "blocks" if network.histogram_ is None else "at once", f"{seconds:.2f}",
                f"{network.n_queries_to_best_.sum():,}", f"{network.n_queries_.sum():,}",
                f"{network.score(X, y):.3f}",
            ]
        )  # fmt: skip
    report.table(
        ["data", "units", "bits", "W", "searched", "seconds", "queries to the best", "in all",
         "training accuracy"], rows,
    )  # fmt: skip


CONTROLS = {
    "default": {},
    "one solution": {"n_solutions": 1},
    "random settings": {"schedule": 0},
    "in blocks": {"search": "block"},
    "connections searched": {"connections": "search"},
    "a fifth held out": {"validation_fraction": 0.2},
    "medians only": {"n_levels": 1},
}


def run_controls(args, report):
    """What each part is worth, one configuration for all."""
    report.heading(
        f"Controls: 3 units, 6 bits, 9 levels, {args.repeats} times 5-fold cross-validation"
    )
    network = GroverBNNClassifier(n_levels=9, random_state=0)
    contenders = {name: clone(network).set_params(**changes) for name, changes in CONTROLS.items()}
    rows = {name: [name] for name in contenders}
    for load in TABLES.values():
        X, y = load(return_X_y=True)
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=args.repeats, random_state=0)
        result = compare(contenders, X, y, cv=cv, baseline="default", n_jobs=2)
        for row in result.summary():
            rows[row["estimator"]].append(f"{row['mean']:.3f} ± {row['standard_error']:.3f}")
    report.table(["network", *TABLES], rows.values())


def run_random(args, report):
    """The best accuracy that amplification and random settings find with equal evaluations."""
    n_seeds = 3 if args.short else 20
    report.heading("Training accuracy at equal evaluations, breast cancer, 2 units, 8 bits")
    X, y = load_breast_cancer(return_X_y=True)
    rows = []
    for budget in (30, 100, 300, 1000, 3000):
        found = []
        for changes in ({"max_queries": budget}, {"max_queries": budget, "schedule": 0}):
            network = GroverBNNClassifier(2, n_bits=8, n_levels=9, n_solutions=1, **changes)
            fits = [clone(network).set_params(random_state=s).fit(X, y) for s in range(n_seeds)]
            accuracies = [fit.accuracy_[0] for fit in fits]
            found.append(f"{np.mean(accuracies):.4f} ± {np.std(accuracies) / n_seeds**0.5:.4f}")
        rows.append([2 * budget, *found])
    report.table(["evaluations", "amplification", "random settings"], rows)
