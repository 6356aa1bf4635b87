"""
Few labels, many images
=======================

An autoencoder needs no labels. Are its latent bits better features than pixels where labels are
few?
"""

# %%
# Forty labels
# ------------
#
# All images may be looked at, 40 of them have labels: four a class. The autoencoder is trained on
# all training images, then a logistic regression on the bits of those with labels.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.inspection import ComparisonDisplay, PairedDifferenceDisplay
from qsklearn.model_selection import compare

X, y = load_digits(return_X_y=True)
X = X / 16
train, test = train_test_split(np.arange(len(X)), stratify=y, random_state=0)
vae = QuantumBoltzmannPriorVAE(
    32, hidden_layer_sizes=(64,), likelihood="bernoulli", max_iter=20, n_chains=200, random_state=0
)
transformers = {
    "pixels": None,
    "bits, Boltzmann prior": vae,
    "bits, independent": vae.classical_twin(),
    "Gaussian prior": vae.ablations()["Gaussian prior"],
    "principal components": PCA(32, random_state=0),
}

# %%
# ``FrozenEstimator`` keeps a pipeline from training the autoencoder again on the few.

classifiers = {}
for name, transformer in transformers.items():
    steps = [StandardScaler(), LogisticRegression(max_iter=1000)]
    if transformer is not None:
        steps.insert(0, FrozenEstimator(transformer.fit(X[train])))
    classifiers[name] = make_pipeline(*steps)

# %%
# Which images have labels makes more of a difference than most methods do. So it is drawn twenty
# times, the same for all.

draws = StratifiedShuffleSplit(n_splits=20, train_size=40, random_state=0)
folds = [(train[rows], test) for rows, _ in draws.split(X[train], y[train])]
result = compare(classifiers, X, y, cv=folds, scoring="accuracy", baseline="pixels", random_state=0)
ComparisonDisplay.from_result(result).figure_

# %%
# What is paired should be compared in pairs: the differences to pixels, on the same labels.

PairedDifferenceDisplay.from_result(result).figure_

# %%
# The intervals are far wider than the circles lie apart, since the test allows for training sets
# that share rows, in proportion to test rows per training row, and here these are more than ten to
# one. Taken as independent the draws of labels would tell too much: they share the test images, and
# one training of each autoencoder.

for row in result.paired_tests():
    print(f"{row['estimator']:22s} {row['difference']:+.3f}, p = {row['p_value']:.2f}")

# %%
# What not to conclude
# --------------------
#
# Anything about other data or other seeds of the autoencoders. And ask what did it: where bits of
# an independent prior or a Gaussian autoencoder do as well as the Boltzmann machine, it was not the
# Boltzmann machine. Where pixels do, it was not the autoencoder.
