"""
Over several data sets
======================

Folds of one table tell about that table. What can be said about two methods at large, from a
handful of tables?
"""

# %%
# One comparison a data set
# -------------------------
#
# The sampled network, its twin and logistic regression, on four data sets and with the same
# parameters. (Nobody tuned any of them; a study would, as in :doc:`plot_fair_comparison`.)

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import PairedDifferenceDisplay
from qsklearn.model_selection import compare, signed_rank_tests

network = QuantumSampledMLPClassifier(
    n_hidden=8,
    sampler="exact",
    num_reads=10,
    learning_rate_init=0.03,
    batch_size=32,
    max_iter=20,
    predict_with="ebm",
)
contenders = {
    "sampled": make_pipeline(MinMaxScaler(), network),
    "twin": make_pipeline(MinMaxScaler(), network.classical_twin()),
    "logistic": make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=1000)),
}
loaders = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
results = {}
for name, load in loaders.items():
    X, y = load(return_X_y=True)
    results[name] = compare(
        contenders,
        X[:300],
        y[:300],
        cv=5,
        scoring=["accuracy", "neg_log_loss"],
        baseline="twin",
        random_state=0,
    )
for name, result in results.items():
    print(f"{name:14s}", *(f"{row['estimator']} {row['mean']:.3f} " for row in result.summary()))

# %%
# Accuracy is the first score, and so the one that is shown. On one table the differences look like
# this:

PairedDifferenceDisplay.from_result(results["digits"]).figure_

# %%
# The tables as the sample
# ------------------------
#
# Now each data set counts once, by its mean difference, and only the ranks of the differences are
# used: a percent is not worth the same on different tables.

for row in signed_rank_tests(results):
    print(
        f"{row['estimator']} less {row['baseline']}: median {row['median_difference']:+.3f}, "
        f"p = {row['p_value']:.3f}; {row['note']}"
    )

# %%
# What not to conclude
# --------------------
#
# With four tables the smallest p-value that there can be is 1/8: even a method that wins everywhere
# gets no smaller one, and the note says so. It takes six tables for 0.05, and tables that were
# chosen before anything was known of the outcome. These four are what scikit-learn has.
