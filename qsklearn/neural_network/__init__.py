"""Neural networks trained, run or sampled by annealers and quantum circuits."""

from qsklearn.neural_network import layers
from qsklearn.neural_network._backpropagation_classifier import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation_regressor import BackpropagationNetworkRegressor
from qsklearn.neural_network._boltzmann_prior_vae import QuantumBoltzmannPriorVAE
from qsklearn.neural_network._grover_bnn import GroverBNNClassifier
from qsklearn.neural_network._qubo_transfer import QUBOTransferClassifier
from qsklearn.neural_network._sampled_mlp import QuantumSampledMLPClassifier
from qsklearn.neural_network._spin_glass_network import SpinGlassAnnealedNetwork
from qsklearn.neural_network._spin_glass_regressor import SpinGlassAnnealedRegressor

__all__ = [
    "BackpropagationNetworkClassifier",
    "BackpropagationNetworkRegressor",
    "GroverBNNClassifier",
    "QUBOTransferClassifier",
    "QuantumBoltzmannPriorVAE",
    "QuantumSampledMLPClassifier",
    "SpinGlassAnnealedNetwork",
    "SpinGlassAnnealedRegressor",
    "layers",
]
