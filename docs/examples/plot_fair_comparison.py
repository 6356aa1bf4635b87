"""
A fair comparison
=================

Is a network better because a sampler trained it? To answer that takes the same network without the
sampler, as much tuning for both, the same folds, and a test that knows that folds share rows.
"""

# %%
# Contenders and controls
# -----------------------
#
# :func:`~qsklearn.model_selection.with_controls` asks the network for its classical twin and for
# its ablations: the same network with another source of its steps. A strong simple model stands
# beside all.

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import ComparisonDisplay, PairedDifferenceDisplay
from qsklearn.model_selection import compare, with_controls

X, y = load_wine(return_X_y=True)
network = QuantumSampledMLPClassifier(
    n_hidden=8, sampler="gibbs", num_reads=5, batch_size=32, max_iter=12
)
contenders = with_controls({"MLP": make_pipeline(MinMaxScaler(), network)})
contenders["logistic regression"] = make_pipeline(MinMaxScaler(), LogisticRegression())
print(*contenders, sep="\n")

# %%
# The same budget of tuning
# -------------------------
#
# Each contender that has a space is tuned within the training rows of each fold, by two candidates
# on the same inner folds. The controls take the space of their network. Real studies take more
# candidates; what counts is that all have as many.

spaces = {
    "MLP": {"quantumsampledmlpclassifier__learning_rate_init": [0.03, 0.1]},
    "logistic regression": {"logisticregression__C": [1.0, 10.0]},
}
result = compare(
    contenders,
    X,
    y,
    cv=5,
    scoring=["accuracy", "neg_log_loss"],
    baseline="MLP: classical twin",
    param_distributions=spaces,
    n_candidates=2,
    inner_cv=2,
    random_state=0,
)
ComparisonDisplay.from_result(result).figure_

# %%
# Differences on the same folds
# -----------------------------
#
# Intervals of scores overlap even where one contender wins on each fold, since hard folds are hard
# for all. The test looks at the differences to the twin:

PairedDifferenceDisplay.from_result(result, rope=0.02).figure_

# %%
# One ablation should lose, and this is what it is for: where draws cannot see the hidden units,
# nothing can train them. If it were level with the rest, these data would not need the hidden
# layer.
#
# A large p-value does not say that two contenders are equal. The Bayesian test does say something
# of that kind: how probable it is that the difference lies within a region that was chosen
# beforehand to mean "the same", here two percent of accuracy.

for row in result.bayesian_tests(rope=0.02):
    print(
        f"{row['estimator']:22s} worse {row['p_worse']:.2f}, "
        f"the same {row['p_equivalent']:.2f}, better {row['p_better']:.2f}"
    )

# %%
# Accuracy is coarse: of some 36 test rows, each is 3 %. The probabilities that were predicted tell
# more, and here the picture need not be the same.

PairedDifferenceDisplay.from_result(result, scoring="neg_log_loss").figure_

# %%
# What not to conclude
# --------------------
#
# Anything about data beyond this table: 178 wines and five folds. For a claim about methods compare
# on several data sets (:doc:`plot_several_data_sets`), and name what each side spent
# (:doc:`plot_equal_cost`).

for row in result.summary():
    reads = row["cost"].get("reads", 0)
    print(f"{row['estimator']:22s} {row['fit_seconds']:6.2f} s, {reads:8.0f} reads")
