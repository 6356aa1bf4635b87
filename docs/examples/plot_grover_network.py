"""
Grover's search for the weights of a network
============================================

A network of a few binary weights can be trained by looking at all settings. How often must a
quantum computer evaluate the network to find the best one, and how often one that guesses?
"""

# %%
# Four thousand settings
# ----------------------
#
# :class:`~qsklearn.GroverBNNClassifier` learns majority units of weights ±1 on bits. The two kinds
# of iris that are hard to tell apart, each feature compared with thresholds, make four bits a row;
# with a bias, two hidden units and the output have twelve weights. Since the search is simulated,
# the accuracies of all settings are known.

from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score

from qsklearn import GroverBNNClassifier
from qsklearn.inspection import (
    AccuracyLandscapeDisplay,
    AmplifiedWeightsDisplay,
    BinaryNetworkDisplay,
    SearchCostDisplay,
    SuccessProbabilityDisplay,
)

X, y = load_iris(return_X_y=True)
X, y = X[50:], y[50:]
network = GroverBNNClassifier(2, n_bits=4, n_levels=5, random_state=0).fit(X, y)
print(f"{network.network_.n_qubits} weights, best training accuracy {network.accuracy_[0]:.2f}")
AccuracyLandscapeDisplay.from_estimator(network).figure_

# %%
# Amplification
# -------------
#
# All settings begin equally likely. Each amplification turns amplitude towards the best ones, and
# after the best number of them it would turn away again:

AmplifiedWeightsDisplay.from_estimator(network).figure_

# %%
# The probability of measuring a best setting goes up and down as the square of a sine. To stop at
# the right time one must know how many best settings there are, which nobody does beforehand; the
# search therefore guesses and tries again.

SuccessProbabilityDisplay.from_estimator(network).figure_

# %%
# What it costs
# -------------
#
# The common currency is an evaluation of the network on the training data. A run with k
# amplifications takes 2k + 1 of them.

SearchCostDisplay.from_estimator(network).figure_

# %%
# In numbers, for a probability of success of 0.9:

cost = network.search_cost(confidence=0.9)
print(f"quantum {cost['quantum_evaluations']}, random search {cost['classical_evaluations']}")

# %%
# The network that was found
# --------------------------
#
# Solid lines are weights of +1, dashed ones of -1.

BinaryNetworkDisplay.from_estimator(network).figure_

# %%
# What not to conclude
# --------------------
#
# That the network generalises: the search finds what fits best, and several settings fit equally.

folds = cross_val_score(network, X, y, cv=5)
twin = cross_val_score(network.classical_twin(), X, y, cv=5)
print(f"cross-validated: {folds.mean():.3f}, its classical twin: {twin.mean():.3f}")

# %%
# Nor that the search is fast. The count is of evaluations, against *random* search; the simulation
# enumerates everything, and the circuit that a quantum computer would have to run holds all
# training data:

for row in network.resources():
    print(f"{row['operator']:10s} {row['qubits']} qubits, depth {row['depth']}")
