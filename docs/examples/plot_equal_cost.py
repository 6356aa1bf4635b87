"""
Accuracy at equal cost
======================

Two samplers that reach the same accuracy are not equal if one of them draws ten times as often.
What does the network reach for a given number of draws?
"""

# %%
# One parameter that sets the cost
# --------------------------------
#
# :func:`~qsklearn.model_selection.cost_curve` lets each contender vary one parameter, on the same
# folds. Here it is the number of draws a row, of two samplers: one that sums the law exactly and
# draws from it independently, and block Gibbs sampling of a few sweeps. Logistic regression draws
# nothing. (``predict_with="ebm"``: predictions are those of the law that was trained, by an exact
# sum, and not those of the perceptron with its weights.)

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import CostCurveDisplay
from qsklearn.model_selection import cost_curve
from qsklearn.samplers import GibbsSampler


def scaled(sampler):
    network = QuantumSampledMLPClassifier(
        n_hidden=8,
        sampler=sampler,
        batch_size=64,
        max_iter=8,
        learning_rate_init=0.1,
        predict_with="ebm",
    )
    return Pipeline([("scale", MinMaxScaler()), ("mlp", network)])


X, y = load_breast_cancer(return_X_y=True)
num_reads = {"mlp__num_reads": [1, 3, 10, 30]}
curve = cost_curve(
    {
        "exact draws": scaled("exact"),
        "Gibbs, 5 sweeps": scaled(GibbsSampler(num_sweeps=5)),
        "logistic regression": make_pipeline(MinMaxScaler(), LogisticRegression()),
    },
    X,
    y,
    param_ranges={"exact draws": num_reads, "Gibbs, 5 sweeps": num_reads},
    cv=5,
    scoring=["accuracy", "neg_log_loss"],
    random_state=0,
)
CostCurveDisplay.from_curve(curve).figure_

# %%
# The horizontal band is the contender without draws. The likelihood of what happened, rather than
# the share of hits, often separates what accuracy does not:

CostCurveDisplay.from_curve(curve, scoring="neg_log_loss").figure_

# %%
# Cost is what you say it is. The same fits over the seconds that they took on this machine (which
# depend on it; the scores do not):

CostCurveDisplay.from_curve(curve, cost="fit_seconds").figure_

# %%
# The best within a budget
# ------------------------
#
# For each budget the best point of each contender. It is chosen on the other folds: the best of
# many noisy means, taken on the folds that it is reported for, is too good.

rows = curve.at_equal_cost("reads", baseline="logistic regression", choose_on="other folds")
for row in rows[-3:-1]:  # the last one is the baseline itself
    print(
        f"up to {row['budget']:.0f} reads: {row['estimator']:20s} {row['mean']:.3f}, "
        f"difference {row['difference']:+.3f}"
    )

# %%
# What not to conclude
# --------------------
#
# That a read of one sampler is worth a read of another: a sweep of Gibbs sampling and an exact sum
# are different work, and on a device the time of a read depends on its schedule. Where a device
# answers, take ``cost="qpu_seconds"``. And where a curve is flat, further draws are wasted,
# whatever draws them.
