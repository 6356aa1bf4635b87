"""A classifier that searches its weights as the displays' readers do, small and exact."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator


def _signs(n_bits):
    return 2 * ((np.arange(2**n_bits)[:, np.newaxis] >> np.arange(n_bits)) & 1) - 1


class _Network:
    """Two hidden majority units and one output, of 3 inputs: 8 weights. A tie gives +1."""

    n_qubits, fit_bias = 8, False

    def unpack(self, weights):
        weights = np.asarray(weights)
        return weights[:, :6].reshape(-1, 2, 3), weights[:, 6:]

    def accuracies(self, X, y):
        hidden_weights, output_weights = self.unpack(_signs(self.n_qubits))
        hidden = np.where(np.einsum("shi,ni->snh", hidden_weights, X) >= 0, 1, -1)
        outputs = np.where(np.einsum("snh,sh->sn", hidden, output_weights) >= 0, 1, -1)
        return (outputs == y).mean(axis=1)


class SearchedClassifier(BaseEstimator):
    """Problem 1 of the paper where there are two classes, else problems of random labels."""

    def __init__(self, classes=("no", "yes")):
        self.classes = classes

    def fit(self, X=None, y=None):
        rng = np.random.default_rng(1)
        self.classes_ = np.array(self.classes)
        self.network_ = _Network()
        self.bit_names_ = ["x1", "x2", "x3"]
        inputs = _signs(3)
        targets = [np.where(inputs[:, 0] * inputs[:, 2] + inputs[:, 1] >= 0, 1, -1)]
        if len(self.classes_) > 2:
            targets = rng.choice([-1, 1], (len(self.classes_), 8))
        self._accuracies = np.array([self.network_.accuracies(inputs, y) for y in targets])
        levels = np.rint(8 * self._accuracies).astype(int)
        self.histogram_ = np.array([np.bincount(row, minlength=9) for row in levels])
        best = self._accuracies.max(axis=1, keepdims=True)
        self.n_optimal_ = (self._accuracies == best).sum(axis=1)
        self.weights_ = [_signs(8)[row == row.max()].astype(np.int8) for row in self._accuracies]
        return self

    def _problem(self, label):
        return 0 if len(self.classes_) == 2 else self.classes_.tolist().index(label)

    def landscape(self, label=None):
        return self._accuracies[self._problem(label)]

    def success_probability(self, iterations, label=None):
        theta = np.arcsin(np.sqrt(self.n_optimal_[self._problem(label)] / 256))
        return np.sin((2 * np.asarray(iterations) + 1) * theta) ** 2

    def weight_probabilities(self, iterations, label=None):
        accuracies = self.landscape(label)
        is_best = accuracies == accuracies.max()
        chance = self.success_probability(iterations, label)
        return np.where(is_best, chance / is_best.sum(), (1 - chance) / (~is_best).sum())

    def search_curves(self, label=None):
        share = self.n_optimal_[self._problem(label)] / 256
        draws = np.arange(1, 257)
        attempts = np.arange(9)
        failure = [1 - self.success_probability(np.arange(n + 1), label).mean() for n in attempts]
        return {
            "quantum": (np.cumsum(attempts + 1), 1 - np.cumprod(failure)),
            "classical": (draws, 1 - (1 - share) ** draws),
        }


@pytest.fixture
def searched():
    """The class of a classifier trained by search, and two fitted ones."""
    return SimpleNamespace(
        Classifier=SearchedClassifier,
        two=SearchedClassifier().fit(),
        three=SearchedClassifier(("setosa", "versicolor", "virginica")).fit(),
    )
