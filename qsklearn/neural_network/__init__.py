"""Neural networks trained, run or sampled by annealers and quantum circuits."""

from qsklearn.neural_network import layers
from qsklearn.neural_network._backpropagation._classifier import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation._regressor import BackpropagationNetworkRegressor
from qsklearn.neural_network._boltzmann_prior_vae._autoencoder import QuantumBoltzmannPriorVAE
from qsklearn.neural_network._grover_bnn._classifier import GroverBNNClassifier
from qsklearn.neural_network._qubo_transfer._classifier import QUBOTransferClassifier
from qsklearn.neural_network._sampled_mlp._classifier import QuantumSampledMLPClassifier
from qsklearn.neural_network._spin_glass._classifier import SpinGlassAnnealedNetwork
from qsklearn.neural_network._spin_glass._regressor import SpinGlassAnnealedRegressor

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
