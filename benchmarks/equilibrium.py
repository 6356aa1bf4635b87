"""Equilibrium propagation against the sampled gradient and the classical twin.

Run all of it (10 minutes of CPU time on one core), or some sections::

    python benchmarks/equilibrium.py
    python benchmarks/equilibrium.py --only device

Writes a table (reStructuredText) a section to ``--output``.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from reports import Report
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import resample

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    EmbeddedSampler,
    ExactSampler,
    MockQPUSampler,
    SimulatedAnnealingSampler,
)

RATES = (0.003, 0.03)
READS = 10  # of equilibrium propagation; the sampled gradient has its default of 100
SHORT_PASSES = 5


def load(name):
    loaders = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}
    if name in loaders:
        return loaders[name](return_X_y=True)
    X, y = load_digits(return_X_y=True)
    return resample(X, y, replace=False, n_samples=300, stratify=y, random_state=0)


def evaluate(args, model, X, y, n_repeats, n_splits=5):
    """Accuracy, reads a data point and CPU seconds of each fold, and the last fitted model."""
    if args.short and "max_iter" in model.get_params():
        model = clone(model).set_params(max_iter=SHORT_PASSES)
    folds = RepeatedStratifiedKFold(n_splits=n_splits, n_repeats=n_repeats, random_state=0)
    rows = []
    for number, (train, test) in enumerate(folds.split(X, y)):
        scaler = MinMaxScaler().fit(X[train])
        fitted = clone(model).set_params(random_state=number)
        started = time.process_time()
        fitted.fit(scaler.transform(X[train]), y[train])
        seconds = time.process_time() - started
        cost = getattr(fitted, "cost_", {})
        rows.append(
            [fitted.score(scaler.transform(X[test]), y[test]), cost.get("reads", 0) / len(train),
             cost.get("qpu_access_time", 0.0) * 1e-6, fitted.n_iter_, seconds]
        )  # fmt: skip
    return np.array(rows, float), fitted, scaler.transform(X[test])


def error_of(scores, n_splits=5):
    """Standard error over repeats and folds; folds that share data are not independent.

    Nadeau and Bengio's correction: test sets are n_splits - 1 times smaller than training sets.
    """
    return np.sqrt((1 / len(scores) + 1 / (n_splits - 1)) * scores.var(ddof=1))


def row_of(name, rows):
    scores = rows[:, 0]
    _, reads, _, n_iter, seconds = rows.mean(axis=0)
    return [
        name, f"{scores.mean():.3f} ± {error_of(scores):.3f}", f"{reads:.0f}", f"{n_iter:.0f}",
        f"{seconds:.1f}",
    ]  # fmt: skip


HEADER = ["method", "accuracy", "reads a data point", "passes", "CPU seconds a fit"]


def run_kernels(args, report):
    """Our kernels: 64 hidden bits, batches of 32, 100 passes at most."""
    equilibrium = QuantumSampledMLPClassifier(gradient="equilibrium", num_reads=READS)
    symmetric = clone(equilibrium).set_params(symmetric_nudge=True, nudge=2.0)
    sampled = QuantumSampledMLPClassifier(predict_with="ebm")
    methods = {
        "equilibrium": equilibrium,
        "equilibrium, symmetric": symmetric,
        "sampled likelihood": sampled,
        "classical twin": sampled.classical_twin(),
    }
    datasets = ("iris", "wine", "breast cancer", "digits")
    for dataset in datasets[:1] if args.short else datasets:
        X, y = load(dataset)
        rows = []
        for name, model in methods.items():
            for rate in RATES[:1] if name.startswith("equilibrium") else RATES:
                model.set_params(learning_rate_init=rate)
                found, _, _ = evaluate(args, model, X, y, args.repeats if len(X) < 200 else 1)
                rows.append(row_of(f"{name}, rate {rate}", found))
        report.line(f"\n{dataset.capitalize()}, {len(X)} data points\n")
        report.table(HEADER, rows)


class AnewSampler(SimulatedAnnealingSampler):
    """The annealer, but for searches that start from states."""

    def _call_parameters(self):
        return []


def run_restarts(args, report):
    """Whether the nudged search starts from the free state, and how many reads there are."""
    rows = []
    searchers = {
        "the free state": SimulatedAnnealingSampler(num_sweeps=100),
        "nowhere": AnewSampler(num_sweeps=100),
        "nowhere, never failing": ExactSampler(),
    }
    for dataset in ("iris",) if args.short else ("iris", "wine"):
        X, y = load(dataset)
        for reads in (1, READS):
            for name, sampler in searchers.items():
                model = QuantumSampledMLPClassifier(
                    gradient="equilibrium", num_reads=reads, sampler=sampler
                )
                found, fitted, held = evaluate(args, model, X, y, n_repeats=1)
                hits = fitted.sampling_report(held)["ground_fraction"]
                rows.append([dataset, *row_of(name, found)[:2], reads, f"{hits:.2f}"])
    report.table(
        ["data", "nudged search from", "accuracy", "reads a search", "reads in the lowest state"],
        rows,
    )


def make_device(seed=0):
    """The Advantage2 profile on a small chip, which is quicker to simulate."""
    device = MockQPUSampler(
        "advantage2", topology_type="zephyr", topology_shape=[6, 4], num_sweeps=30, seed=seed
    )
    return EmbeddedSampler(device, seed=seed)


def run_device(args, report):
    """Iris on the mock device, 8 hidden bits, 30 passes, 5 folds, 10 reads but where said."""
    X, y = load("iris")
    settings = dict(n_hidden=8, max_iter=30, learning_rate_init=0.02)
    equilibrium = dict(gradient="equilibrium", num_reads=READS, **settings)
    annealing = SimulatedAnnealingSampler(num_sweeps=100)
    methods = {"equilibrium, kernels": dict(sampler=annealing, **equilibrium)}
    for fraction in (None, 0.6):
        sampler = make_device()
        name = "equilibrium, device, back to s = 0.35"
        if fraction is not None:
            name = f"equilibrium, device, back to s = {fraction}"
            schedule = [[0, 1], [2, fraction], [8, fraction], [10, 1]]
            sampler.set_params(params={"anneal_schedule": schedule})
        methods[name] = dict(sampler=sampler, **equilibrium)
    for where, sampler, reads in (
        ("exact draws", "exact", READS),
        ("device", make_device(), READS),
        ("device", make_device(), 10 * READS),
    ):
        methods[f"sampled likelihood, {where}, {reads} reads"] = dict(
            sampler=sampler, num_reads=reads, predict_with="ebm", **settings
        )
    rows = []
    for name, parameters in methods.items():
        model = QuantumSampledMLPClassifier(**parameters)
        found, fitted, held = evaluate(args, model, X, y, n_repeats=1)
        hits = fitted.sampling_report(held).get("ground_fraction")
        access = found[:, 2].mean()
        rows.append(
            [*row_of(name, found), f"{access:.1f}" if access else "",
             "" if hits is None else f"{hits:.2f}"]
        )  # fmt: skip
    report.table([*HEADER, "QPU seconds a fit", "reads in the lowest state"], rows)


SECTIONS = {"kernels": run_kernels, "restarts": run_restarts, "device": run_device}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/equilibrium"))
    parser.add_argument("--repeats", type=int, default=2, help="of 5 folds, of iris and wine")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # few passes never converge, and say so
    for name in args.only:
        report = Report(args.output / f"{name}.rst", "equilibrium.py")
        report.heading(SECTIONS[name].__doc__.rstrip("."))
        started = time.process_time()
        if args.short:
            report.line(f"{SHORT_PASSES} passes at most.\n")
        SECTIONS[name](args, report)
        seconds = time.process_time() - started
        report.line(f"{seconds:.0f} seconds of CPU time. ± is a corrected standard error.")


if __name__ == "__main__":
    main()
