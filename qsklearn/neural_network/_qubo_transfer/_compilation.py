"""From a trained network to a layered Hamiltonian and to what feeds it."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.special import expit, logit

from qsklearn.hamiltonians import LayeredHamiltonian

# Beyond this, logits of features are as good as infinite.
_MAX_LOGIT = 30.0
# Raw inputs may leave [0, 1] by rounding, as those of a MinMaxScaler do.
_ROUNDING = 1e-6


@dataclass
class CompiledNetwork:
    """A network as one family of models.

    Attributes
    ----------
    front : callable
        X to the fields of the first layer of units, shape (n_samples, n_0): all that stays
        classical.
    hamiltonian : LayeredHamiltonian
        Without a penalty on the class unit.
    visible : LayeredHamiltonian, or None
        The same with the inputs as units, where these can be units.
    estimator : object
        The fitted network that was compiled.
    stop_reason : str, or None
        How its training for the QUBO ended; None where there was none.
    """

    front: object
    hamiltonian: LayeredHamiltonian
    visible: LayeredHamiltonian | None
    estimator: object
    stop_reason: str | None = None


class FeatureFields:
    """Fields of features that float: units of their own, up with the probability that they say.

    Parameters
    ----------
    features : callable
        X to features.
    reading : {"probability", "spin", "data", "none"}
        How they are read as units.
    feature_bias : {"logit", "signed", "raw"}
        Field of a feature f in [0, 1]: log(f / (1 - f)), with which the free unit has the mean f;
        2f - 1; or f, the paper's, with which all units are up in the ground state.
    clip : float or None
        Largest logit.
    """

    def __init__(self, features, reading, feature_bias, clip):
        self.features, self.reading = features, reading
        self.feature_bias = feature_bias
        self.clip = _MAX_LOGIT if clip is None else min(clip, _MAX_LOGIT)

    def __call__(self, X):
        features = _dense(self.features(X))
        if self.feature_bias == "raw":
            return features
        if self.reading == "spin":
            features = (features + 1.0) / 2.0
        if self.feature_bias == "signed":
            return 2.0 * features - 1.0
        least = expit(-self.clip)
        return logit(np.clip(features, least, 1.0 - least))


class AffineFields:
    """Fields of hidden units, Wᵀz + b, of features z.

    Parameters
    ----------
    features : callable, or None
        X to z; None where z is X.
    weights : ndarray or sparse matrix of shape (n_features, n_units)
    biases : ndarray of shape (n_units,)
    """

    def __init__(self, features, weights, biases):
        self.features = features
        self.weights = weights
        self.biases = biases

    def __call__(self, X):
        features = X if self.features is None else self.features(X)
        return _dense(features @ self.weights) + self.biases


def compile_clamped(network, estimator):
    """The class unit alone, with the network's class scores as its fields."""
    n_classes = network.output_weights.shape[1]
    hamiltonian = LayeredHamiltonian((), (np.zeros(n_classes),))
    return CompiledNetwork(network.logits, hamiltonian, None, estimator)


def compile_floating(network, estimator, X, feature_bias, clip, caller):
    """Features of the last layer as units, and the class unit.

    Raises
    ------
    ValueError
        If the features have no reading as bits.
    """
    _check_reading(network, X, feature_bias, caller)
    weights, biases = np.asarray(network.output_weights), np.asarray(network.output_bias)
    if network.feature_reading == "spin":  # f = 2q - 1
        weights, biases = 2.0 * weights, biases - weights.sum(axis=0)
    hamiltonian = LayeredHamiltonian(
        (weights,), (np.zeros(len(weights)), biases), names=("features", "class")
    )
    front = FeatureFields(network.output_features, network.feature_reading, feature_bias, clip)
    return CompiledNetwork(front, hamiltonian.centred(), None, estimator)


def compile_hidden(features, weights, biases, estimator):
    """Hidden units, summed out in training, and the class unit.

    Parameters
    ----------
    features : callable, or None
        As of :class:`AffineFields`.
    weights, biases : pairs of ndarray
        Of the hidden layer and of the class unit.
    estimator : object
    """
    hamiltonian = LayeredHamiltonian(
        (weights[1],), (np.zeros(len(biases[0])), biases[1]), names=("hidden", "class")
    )
    front = AffineFields(features, weights[0], biases[0])
    return CompiledNetwork(front, hamiltonian.centred(), None, estimator)


def compile_layers(features, weights, biases, estimator):
    """All layers behind the inputs as units."""
    names = tuple(f"hidden{layer}" for layer in range(1, len(weights)))
    names = ("hidden",) if len(names) == 1 else names
    above = LayeredHamiltonian(
        tuple(weights[1:]),
        (np.zeros(weights[0].shape[1]), *biases[1:]),
        names=(*names, "class"),
    )
    visible = LayeredHamiltonian(
        tuple(weights),
        (np.zeros(weights[0].shape[0]), *biases),
        names=("visible", *names, "class"),
    )
    front = AffineFields(features, weights[0], biases[0])
    return CompiledNetwork(front, above.centred(), visible.centred(), estimator)


def _check_reading(network, X, feature_bias, caller):
    if feature_bias == "raw":
        return
    if network.feature_reading == "none":
        raise ValueError(
            f"mode='float' of {caller} turns the features before the last layer into bits, which "
            f"those of activation {network.hidden_activation!r} are not: they are no probability. "
            "Train the network with logistic or tanh units, use mode='clamped', which sums such "
            "features classically, or feature_bias='raw', the paper's."
        )
    if network.feature_reading == "data":
        features = _dense(network.output_features(X))
        low, high = features.min(initial=0.0), features.max(initial=1.0)
        if low < -_ROUNDING or high > 1.0 + _ROUNDING:
            raise ValueError(
                f"mode='float' of {caller} turns the inputs of a linear classifier into bits, so "
                f"they must be within [0, 1]. Got values from {low:.3g} to {high:.3g} instead; put "
                "a MinMaxScaler before it, or use mode='clamped'."
            )


def _dense(array):
    return np.asarray(array.toarray() if scipy.sparse.issparse(array) else array, dtype=float)
