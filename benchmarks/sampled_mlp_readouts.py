"""Which of the sampled MLP's two models predicts better when training went far.

A minute or two of one core, without data sets of one's own::

    python benchmarks/sampled_mlp_readouts.py

Both have the same weights: those that the energy-based model was trained for. A table
(reStructuredText) goes to ``--output``.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from reports import Report
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier

ROOT = Path(__file__).parents[1]
TABLES = {"breast cancer": load_breast_cancer, "digits": load_digits}
READOUTS = {"ebm": "the energy-based model", "mlp": "the MLP with its weights"}
N_FOLDS, BATCH_SIZE = 5, 32


def scores_of(X, y, rate, max_iter):
    """Accuracy and cross-entropy (nats) of each fold, by readout."""
    scores = {readout: [] for readout in READOUTS}
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    for number, (train, test) in enumerate(folds.split(X, y)):
        scaler = MinMaxScaler().fit(X[train])
        network = QuantumSampledMLPClassifier(
            learning_rate_init=rate, batch_size=BATCH_SIZE, max_iter=max_iter, random_state=number
        ).fit(scaler.transform(X[train]), y[train])
        for readout in READOUTS:
            network.set_params(predict_with=readout)
            probabilities = network.predict_proba(scaler.transform(X[test]))
            predicted = network.classes_[probabilities.argmax(axis=1)]
            loss = log_loss(y[test], probabilities, labels=network.classes_)
            scores[readout].append([np.mean(predicted == y[test]), loss])
    return {readout: np.array(rows) for readout, rows in scores.items()}


def run(args, report):
    report.heading(f"Which model predicts, {args.max_iter} passes in batches of {BATCH_SIZE}")
    rows = []
    for name, load in TABLES.items():
        X, y = load(return_X_y=True)
        for rate in args.rates:
            for readout, found in scores_of(X, y, rate, args.max_iter).items():
                rows.append([name, rate, READOUTS[readout], *map(with_error, found.T)])
                print(rows[-1], flush=True)
    report.table(["data", "learning rate", "predicted by", "accuracy", "cross-entropy"], rows)
    report.line(
        f"{N_FOLDS} folds, 64 hidden bits; ± is a standard error corrected for the overlap of "
        "training sets (Nadeau and Bengio). Nats a row."
    )


def with_error(values):
    """Mean and corrected standard error: test sets are N_FOLDS - 1 times smaller than training."""
    error = np.sqrt((1 / len(values) + 1 / (N_FOLDS - 1)) * values.var(ddof=1))
    return f"{values.mean():.3f} ± {error:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.003])
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "sampled_mlp"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", ConvergenceWarning)
    run(args, Report(args.output / "readouts.rst", "sampled_mlp_readouts.py"))


if __name__ == "__main__":
    main()
