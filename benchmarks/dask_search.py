"""A search on a dask cluster of two processes, beside the same search in one process.

Run it from anywhere; needs the extra ``dask``::

    python benchmarks/dask_search.py
    python benchmarks/dask_search.py --short

The scores of all candidates must be equal, to the last bit. Each of the two ways is timed in turn,
after one search of each for what is compiled and loaded once.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from reports import Report, is_short
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from qsklearn import QuantumSampledMLPClassifier

GRID = {
    "n_hidden": [8, 16, 32],
    "learning_rate_init": [0.003, 0.01, 0.03, 0.1],
    "beta_eff": [0.7, 1.0],
}
ROWS, FOLDS, WORKERS = 800, 3, 2


def search(X, y, max_iter):
    model = QuantumSampledMLPClassifier(max_iter=max_iter, num_reads=20, random_state=0)
    started = time.perf_counter()
    found = GridSearchCV(model, GRID, cv=FOLDS, refit=False).fit(X, y)
    return time.perf_counter() - started, found.cv_results_["mean_test_score"]


def on_the_cluster(*arguments):
    with joblib.parallel_config(backend="dask", n_jobs=-1):
        return search(*arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "reliability"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_rounds, max_iter = (1, 2) if is_short() else (3, 10)
    X, y = load_digits(return_X_y=True)
    X, y = X[:ROWS] / 16.0, y[:ROWS]
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        search(X, y, 1)
        on_the_cluster(X, y, 1)
        rounds = [
            (*search(X, y, max_iter), *on_the_cluster(X, y, max_iter)) for _ in range(n_rounds)
        ]
    report = Report(args.output / "dask_search.rst", Path(__file__).name)
    n_candidates = len(rounds[0][1])
    report.line(
        f"\n{n_candidates} candidates on {FOLDS} folds of {ROWS} digits: {n_candidates * FOLDS} "
        f"fits of {max_iter} iterations, in one process and on a dask cluster of {WORKERS} "
        f"workers with one thread each, in turn.\n"
    )
    report.table(
        ["round", "one process", "cluster", "ratio", "same scores"],
        [
            [
                number,
                f"{alone:.1f} s",
                f"{shared:.1f} s",
                f"{alone / shared:.2f}",
                "yes" if np.array_equal(scores, others) else "no",
            ]
            for number, (alone, scores, shared, others) in enumerate(rounds, start=1)
        ],
    )
    ratio = statistics.median(alone / shared for alone, _, shared, _ in rounds)
    report.line(f"Median ratio: {ratio:.2f}.")


if __name__ == "__main__":
    main()
