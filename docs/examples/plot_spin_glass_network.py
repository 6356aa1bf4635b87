"""
Weights of a few bits, annealed
===============================

Can a network be trained without gradients, by an annealer that searches for the weights? How many
bits must a weight have, and what does each layer's annealing gain?
"""

# %%
# Two layers whose weights are spins
# ----------------------------------
#
# In :class:`~qsklearn.SpinGlassAnnealedNetwork` each layer's least-squares problem is a spin glass:
# a weight is a sum of ``n_bits`` spins of falling size, around the weight of the epoch before.
# Targets for the hidden layer are carried back from the output.

from sklearn.datasets import load_digits
from sklearn.model_selection import ValidationCurveDisplay, train_test_split

from qsklearn import SpinGlassAnnealedNetwork
from qsklearn.inspection import AnnealedTrainingDisplay, LayerEnergyDisplay

X, y = load_digits(return_X_y=True)
X, y = X[:1000], y[:1000]
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
network = SpinGlassAnnealedNetwork((32,), n_bits=4, max_iter=20, random_state=0)
network.fit(X_train, y_train)
print(f"accuracy on rows that were not trained on: {network.score(X_test, y_test):.3f}")

# %%
# What each layer gains
# ---------------------
#
# Open circles are the energies of the weights that an epoch finds, filled ones those that it
# leaves. A line between them is what the annealing gained; the dashed line is the exact optimum of
# this epoch's problem.

LayerEnergyDisplay.from_estimator(network).figure_

# %%
# The same training from further away: the loss, how far the energies stay above the optimum, the
# size of the targets, and how badly conditioned the layers' problems are.

AnnealedTrainingDisplay.from_estimator(network).figure_

# %%
# How many bits?
# --------------
#
# An ordinary validation curve. The range of the weights shrinks from epoch to epoch, so that even
# weights of one bit are refined.

bits = [1, 2, 4]
display = ValidationCurveDisplay.from_estimator(
    SpinGlassAnnealedNetwork((32,), max_iter=8, random_state=0),
    X_train,
    y_train,
    param_name="n_bits",
    param_range=bits,
    cv=3,
    score_name="accuracy",
)
display.ax_.set(xscale="log", xticks=bits, xticklabels=bits, xlabel="bits of a weight")
display.ax_.minorticks_off()
display.figure_

# %%
# What not to conclude
# --------------------
#
# That annealing trains better than gradients, or that it is needed. The classical twin is the same
# network trained by backpropagation; and since every layer is a least-squares problem,
# ``sampler="least-squares"`` solves it exactly, without bits:

contenders = {
    "annealed": network,
    "exact solutions": SpinGlassAnnealedNetwork(
        (32,), sampler="least-squares", max_iter=20, random_state=0
    ),
    "backpropagation": network.classical_twin(),
    "random weights": network.ablations()["random weights"],
}
for name, contender in contenders.items():
    print(f"{name:28s} {contender.fit(X_train, y_train).score(X_test, y_test):.3f}")
