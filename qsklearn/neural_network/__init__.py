"""Neural networks trained, run or sampled by annealers and quantum circuits."""

from qsklearn.neural_network._sampled_mlp import QuantumSampledMLPClassifier

__all__ = ["QuantumSampledMLPClassifier"]
