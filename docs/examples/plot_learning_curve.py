"""
Does it learn from fewer rows?
==============================

A hope that is often heard: models trained by sampling need less data. A learning curve of the
network beside its classical twin shows it, if it is so.
"""

# %%
# scikit-learn's display draws both, on the same splits.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import LearningCurveDisplay, StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier

X, y = load_digits(n_class=4, return_X_y=True)
network = QuantumSampledMLPClassifier(
    n_hidden=16,
    sampler="exact",
    num_reads=5,
    learning_rate_init=0.03,
    batch_size=20,
    max_iter=20,
    random_state=0,
)
sizes = [20, 40, 80, 160]
twin = network.classical_twin()  # the same rate, batches and passes
splits = StratifiedShuffleSplit(n_splits=6, test_size=0.5, random_state=0)
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
curves = {
    name: LearningCurveDisplay.from_estimator(
        make_pipeline(MinMaxScaler(), estimator),
        X,
        y,
        train_sizes=sizes,
        cv=splits,
        score_type="test",
        score_name="accuracy",
        ax=ax,
    )
    for name, estimator in {"sampled": network, "twin": twin}.items()
}
ax.legend(ax.get_lines(), curves)
ax.set_xscale("log", base=2)
ax.set(title="Digits 0 to 3, six splits", xticks=sizes, xticklabels=sizes)
fig

# %%
# The bands are standard deviations over the splits, which share hard and easy rows: they overlap
# whatever the difference is. The difference on the same split is what counts.

difference = curves["sampled"].test_scores - curves["twin"].test_scores
for size, values in zip(curves["twin"].train_sizes, difference, strict=True):
    # Splits share rows: Nadeau and Bengio's correction of the variance.
    error = np.sqrt((1 / len(values) + len(X) / 2 / size) * values.var(ddof=1))
    print(f"{size:4d} rows: {values.mean():+.3f} ± {error:.3f}")

# %%
# What not to conclude
# --------------------
#
# That sampling needs more data, where the network is behind on the fewest rows: with the same
# number of passes over fewer rows come fewer steps, and a step of few draws is noisier than one of
# backpropagation. What the sampled network lacks may be steps and not rows. More draws, or more
# passes, tell:

variants = {
    "sampled": network,
    "100 draws": clone(network).set_params(num_reads=100),
    "200 passes": clone(network).set_params(max_iter=200),
    "twin": twin,
}
few = StratifiedShuffleSplit(n_splits=6, train_size=20, test_size=0.5, random_state=0)
for name, estimator in variants.items():
    scores = cross_val_score(make_pipeline(MinMaxScaler(), estimator), X, y, cv=few)
    print(f"20 rows, {name:10s} {scores.mean():.3f}")

# %%
# These twenty rows hold five of each class, those of the curve whatever came first: which rows they
# are matters, too.
