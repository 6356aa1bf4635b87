"""Size and power of the tests of ``compare``: how often they err, and what they can find.

Run all of it (some 10 minutes on one core), or some sections::

    python benchmarks/comparison_tests.py
    python benchmarks/comparison_tests.py --only size --simulations 100

Writes a table (reStructuredText) a section to ``--output``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from reports import Report
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification

from qsklearn.model_selection import compare

LEVEL = 0.05
GOAL = 0.07
SURE = 0.95
ROPE = 0.01
TRUE_DIFFERENCE = 0.02
N_FEATURES = 12


class RandomisedBayes(ClassifierMixin, BaseEstimator):
    """Gaussian naive Bayes on a bootstrap, or on half of the features; may flip some predictions.

    For classes 0 and 1, and in plain numpy: scikit-learn's checks would take most of the time.

    Parameters
    ----------
    salt : int
        Of the contender: two of them draw independently, though ``compare`` gives both one seed.
    half : bool
        Half of the features, the same in all folds, in place of a bootstrap anew in each.
    flipped : float
        Share of the predictions of two classes that is turned round.
    random_state : int
        Of the fold.
    """

    def __init__(self, salt=0, half=False, flipped=0.0, random_state=None):
        self.salt = salt
        self.half = half
        self.flipped = flipped
        self.random_state = random_state

    def fit(self, X, y):
        self.rng_ = np.random.default_rng([self.salt, 0 if self.half else self.random_state])
        n_rows, n_features = X.shape
        self.columns_, rows = np.arange(n_features), np.arange(n_rows)
        if self.half:
            self.columns_ = self.rng_.permutation(n_features)[: n_features // 2]
        else:
            rows = self.rng_.integers(n_rows, size=n_rows)
        parts = [X[np.ix_(rows[y[rows] == label], self.columns_)] for label in (0, 1)]
        self.means_ = np.array([part.mean(axis=0) for part in parts])
        self.variances_ = np.array([part.var(axis=0) for part in parts])
        self.classes_ = np.arange(2)
        return self

    def predict(self, X):
        z = (X[:, np.newaxis, self.columns_] - self.means_) ** 2 / self.variances_
        predicted = (z + np.log(self.variances_)).sum(axis=2).argmin(axis=1)
        # Keyed by fold and rows, so that predicting changes nothing.
        rng = np.random.default_rng([self.salt, self.random_state, len(X)])
        turned = rng.random(len(X)) < self.flipped
        return np.where(turned, 1 - predicted, predicted)

    def score(self, X, y):
        return np.mean(self.predict(X) == y)


def draw_classification(n_rows, rng):
    """A population of its own for every simulation: what a bootstrap does is the same in all."""
    return make_classification(
        n_rows, N_FEATURES, n_informative=6, n_redundant=2, class_sep=1.0,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip


def draw_exchangeable(n_rows, rng):
    """Features that tell equally much and are independent: no half of them is better."""
    y = rng.integers(2, size=n_rows)
    return rng.normal(size=(n_rows, N_FEATURES)) + 0.6 * (y[:, np.newaxis] - 0.5), y


def simulate(draw, n_rows, n_folds, n_simulations, *, half=False, flipped=0.0, seed=0):
    """Rows of (difference, p, uncorrected p, worse, equivalent, better), one a comparison."""
    rows = []
    for i in range(n_simulations):
        rng = np.random.default_rng([seed, n_rows, n_folds, i])
        X, y = draw(n_rows, rng)
        salts = [int(salt) for salt in rng.integers(2**31, size=2)]
        contenders = {
            "one": RandomisedBayes(salts[0], half),
            "other": RandomisedBayes(salts[1], half, flipped),
        }
        result = compare(contenders, X, y, cv=n_folds, random_state=int(rng.integers(2**31)))
        rows.append(read(result))
    return np.array(rows)


def read(result):
    (test,), (belief,) = result.paired_tests(), result.bayesian_tests(rope=ROPE)
    scores = result.scores["score"]
    difference = scores["other"] - scores["one"]
    # All equal: the test of either kind has nothing to reject, or no spread to judge by.
    uncorrected = stats.ttest_1samp(difference, 0).pvalue if np.ptp(difference) > 1e-12 else 1.0
    return [
        test["difference"], test["p_value"], uncorrected, belief["p_worse"],
        belief["p_equivalent"], belief["p_better"],
    ]  # fmt: skip


def share(hits):
    """A share with its binomial standard error, in percent; NaN counts as no hit."""
    p = np.mean(hits)
    return f"{100 * p:.1f} ± {100 * np.sqrt(p * (1 - p) / len(hits)):.1f}"


def run_size(args, report):
    """Comparisons of a classifier with itself."""
    report.heading("A classifier against itself")
    report.line(
        f"{args.simulations} comparisons, 200 rows, new data in each; shares in percent with their "
        f"binomial error. p < {LEVEL} is an error, and the goal is {100 * GOAL:.0f} % or less. "
        f"Better, worse: the Bayesian test is {100 * SURE:.0f} % sure beyond ±{ROPE}.\n"
    )
    kinds = {
        "bootstrap anew in each fold": (draw_classification, False),
        "half of the features, the same in all folds": (draw_exchangeable, True),
    }
    rows = []
    for kind, (draw, half) in kinds.items():
        for n_folds in (5, 10):
            found = simulate(draw, 200, n_folds, args.simulations, half=half)
            _, p, uncorrected, worse, equivalent, better = found.T
            rows.append(
                [kind, n_folds, share(p < LEVEL), share(uncorrected < LEVEL), share(better > SURE),
                 share(worse > SURE), share(equivalent > SURE)]
            )  # fmt: skip
    report.table(
        ["what is random", "folds", "p < .05, corrected", "p < .05, uncorrected", "better", "worse",
         "equivalent"], rows,
    )  # fmt: skip


def flips_for(n_rows, n_folds, seed=1, n_pilot=200):
    """The share of flips that costs the true difference: f (2 a - 1) of an accuracy a is lost."""
    found = []
    for i in range(n_pilot):
        rng = np.random.default_rng([seed, n_rows, i])
        n_train = n_rows * (n_folds - 1) // n_folds
        X, y = draw_exchangeable(n_train + 1000, rng)
        model = RandomisedBayes(int(rng.integers(2**31)), random_state=i)
        found.append(model.fit(X[:n_train], y[:n_train]).score(X[n_train:], y[n_train:]))
    return TRUE_DIFFERENCE / (2 * np.mean(found) - 1)


def run_power(args, report):
    """A contender that is worse by a known amount."""
    report.heading(f"A true difference of {TRUE_DIFFERENCE} in accuracy")
    n_simulations = max(20, args.simulations // 5)
    report.line(
        f"One of two equal classifiers has some predictions flipped, so that it is worse by "
        f"{TRUE_DIFFERENCE} in expectation; {n_simulations} comparisons, new data in each. Found: "
        f"p < {LEVEL} on the right side.\n"
    )
    rows = []
    for n_rows in (200, 1000, 2000, 5000):
        for n_folds in (5, 10):
            found = simulate(
                draw_exchangeable, n_rows, n_folds, n_simulations,
                flipped=flips_for(n_rows, n_folds), seed=2,
            )  # fmt: skip
            difference, p, uncorrected, worse, equivalent, better = found.T
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            rows.append(
                [n_rows, n_folds, f"{difference.mean():+.4f} ± {error:.4f}",
                 share((p < LEVEL) & (difference < 0)),
                 share((uncorrected < LEVEL) & (difference < 0)), share(worse > SURE),
                 share(equivalent > SURE), share(better > SURE)]
            )  # fmt: skip
    report.table(
        ["rows", "folds", "mean difference", "found, corrected", "found, uncorrected", "worse",
         "equivalent", "better"], rows,
    )  # fmt: skip


SECTIONS = {"size": run_size, "power": run_power}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "comparison_tests"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        report = Report(args.output / f"{name}.rst", Path(__file__).name)
        started = time.process_time()
        SECTIONS[name](args, report)
        report.line(f"{time.process_time() - started:.0f} seconds of CPU time.")


if __name__ == "__main__":
    main()
