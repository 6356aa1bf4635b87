"""All five estimators on three data sets, beside their classical twins and ablations.

It types the command line's own command, so that a reader can::

    python benchmarks/comparison_page.py
    python benchmarks/comparison_page.py --short
    python benchmarks/comparison_page.py --again   # a second run, which must repeat the first

The page (``report.html``), its figures and ``scores.csv`` go to ``--output``, with a table in
reStructuredText. ``--again`` compares the fingerprints of all scores with those of the run that is
there, bit for bit. Nothing is tuned: five estimators with thirteen ablations on five folds are
some 400 fits.
"""

import argparse
import csv
import statistics
import sys
import tempfile
import time
from pathlib import Path

from reports import Report

from qsklearn._cli import main as qsklearn

DATA = "iris,breast_cancer,digits"
SETTINGS = [
    "sampled-mlp:predict_with=ebm",
    "qubo-transfer:mode=drbm",
    "grover-bnn:n_solutions=11",
    "boltzmann-vae:n_latent=32",
    "boltzmann-vae:likelihood=bernoulli",
]
FULL, SHORT = ["--cv", "5"], ["--cv", "3", "--n-samples", "120"]


def command(data, sizes, folder):
    options = [option for setting in SETTINGS for option in ("--param", setting)]
    return [
        *("compare", "--data", data, "--estimator", "all", *sizes, *options),
        *("--n-jobs", "2", "--output", str(folder), "--overwrite"),
    ]


def run(arguments):
    started = time.perf_counter()
    if code := qsklearn(arguments):
        sys.exit(f"qsklearn {' '.join(arguments)} ended with {code}")
    return time.perf_counter() - started


def read_scores(folder):
    """Accuracies of all folds, as text: every digit that there is."""
    scores = {}
    with (folder / "scores.csv").open() as file:
        for row in csv.DictReader(file):
            scores.setdefault((row["data"], row["estimator"]), []).append(row["accuracy"])
    return scores


def write_table(scores, seconds, sizes, folder):
    report = Report(folder / "accuracy.rst", "comparison_page.py")
    report.line(
        f"\n{len(next(iter(scores.values())))} folds ({' '.join(sizes)}), mean accuracy; "
        f"{sum(map(len, scores.values()))} fits in {seconds:.0f} s of wall clock, two at a time.\n"
    )
    data = list(dict.fromkeys(name for name, _ in scores))
    contenders = list(dict.fromkeys(name for _, name in scores))
    means = {key: statistics.fmean(map(float, values)) for key, values in scores.items()}
    rows = [[name, *(f"{means[d, name]:.3f}" for d in data)] for name in contenders]
    report.table(["contender", *data], rows)


def check_again(arguments, folder):
    first = read_scores(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        again = [elsewhere if part == str(folder) else part for part in arguments]
        seconds = run(again)
        second = read_scores(Path(elsewhere))
    different = [key for key in first if first[key] != second[key]]
    report = Report(folder / "again.rst", "comparison_page.py")
    report.line(
        f"\nA second run of {seconds:.0f} s: of {len(first)} contenders on their data sets "
        f"{len(first) - len(different)} have the same score on every fold, to the last digit"
        + (f"; others: {different}" if different else ".")
    )
    return int(bool(different))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/comparison_page"))
    parser.add_argument("--data", default=DATA, help="as of qsklearn compare")
    parser.add_argument("--short", action="store_true", help="3 folds of 120 rows")
    parser.add_argument("--again", action="store_true", help="repeat the run that is there")
    args = parser.parse_args()
    sizes = SHORT if args.short else FULL
    arguments = command(args.data, sizes, args.output)
    if args.again:
        return check_again(arguments, args.output)
    args.output.mkdir(parents=True, exist_ok=True)
    seconds = run(arguments)
    write_table(read_scores(args.output), seconds, sizes, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
