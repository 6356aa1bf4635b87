"""
A trained classifier as a QUBO
==============================

Can an annealer run a classifier that was trained without one? Here a logistic regression becomes a
quadratic model of class bits, and its probabilities become frequencies of draws.
"""

# %%
# The model of one data point
# ---------------------------
#
# :class:`~qsklearn.QUBOTransferClassifier` fits what it is given and compiles it. For each row
# there is one bit a class. Scores are their linear coefficients; a penalty couples all of them, so
# that exactly one is up in all likely states.

import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from qsklearn import QUBOTransferClassifier
from qsklearn.inspection import QUBOMatrixDisplay, ReliabilityDisplay

X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X[:, :4], y, test_size=0.5, stratify=y, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
transfer = QUBOTransferClassifier(
    LogisticRegression(), sampler="annealing", num_reads=100, random_state=0
)
transfer.fit(X_train, y_train)
QUBOMatrixDisplay.from_estimator(transfer, X_test[0]).figure_

# %%
# Reading the draws
# -----------------
#
# The draws' frequencies are softmax of the scores, but for counting: 100 draws leave an error of up
# to 0.05.

logistic = transfer.estimator_
print("draws:              ", transfer.predict_proba(X_test[:1]).round(2))
print("logistic regression:", logistic.predict_proba(X_test[:1]).round(2))
same = (transfer.predict(X_test) == logistic.predict(X_test)).mean()
print(f"the same class in {same:.1%} of the test rows")

# %%
# How many draws does a prediction take? Fewer for the class than for its probability, whose error
# of counting falls as the root of their number only:

for num_reads in (1, 10, 100, 1000):
    transfer.set_params(num_reads=num_reads).fit(X_train, y_train)
    same = (transfer.predict(X_test) == logistic.predict(X_test)).mean()
    error = np.abs(transfer.predict_proba(X_test) - logistic.predict_proba(X_test)).mean()
    print(f"{num_reads:4d} draws: same class {same:6.1%}, mean error of a probability {error:.3f}")

# %%
# Are the probabilities calibrated?
# ---------------------------------
#
# Of the rows that are predicted with 80 % confidence, four out of five should be right. Frequencies
# of ten draws inherit the calibration of the network, with noise added:

transfer.set_params(num_reads=10).fit(X_train, y_train)
display = ReliabilityDisplay.from_estimator(logistic, X_test, y_test, n_bins=5)
ReliabilityDisplay.from_estimator(
    transfer, X_test, y_test, n_bins=5, name="10 draws", ax=display.axes_
)
display.figure_

# %%
# Hidden units to be found
# ------------------------
#
# With ``mode="drbm"`` the model has hidden bits, and is trained so as to be run by sampling. Now
# there is something to sample: hidden bits are coupled with classes.

hidden = QUBOTransferClassifier(mode="drbm", n_hidden=8, sampler="gibbs", random_state=0)
hidden.fit(X_train, y_train)
print(f"accuracy {hidden.score(X_test, y_test):.3f}")
QUBOMatrixDisplay.from_estimator(hidden, X_test[0]).figure_

# %%
# What not to conclude
# --------------------
#
# That the annealer classifies better or faster. The law that it draws is softmax, which the first
# model writes down in a line and the second one sums exactly: how far the draws are from it is what
# a report shows.

report = hidden.sampling_report(X_test)
print(f"total variation between draws and exact law: {report['total_variation']:.3f}")
print(f"classes that agree: {report['agreement']:.1%}")
