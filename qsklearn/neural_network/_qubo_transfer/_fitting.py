"""What is trained before a network is transferred: the network itself, or one made for it."""

import sys
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from qsklearn._warnings import warn
from qsklearn.neural_network._qubo_transfer._compilation import (
    compile_clamped,
    compile_floating,
    compile_hidden,
    compile_layers,
)
from qsklearn.neural_network._qubo_transfer._convolutional_classifier import ConvolutionalClassifier
from qsklearn.neural_network._qubo_transfer._module_classifier import ModuleClassifier
from qsklearn.neural_network._qubo_transfer._network import read_network
from qsklearn.neural_network._sampled_mlp._classifier import QuantumSampledMLPClassifier
from qsklearn.neural_network._sampled_mlp._conversion import write_mlp
from qsklearn.neural_network._targets import Targets

_OBJECTIVES = {"drbm": "drbm", "network": "mean_field"}
_HEAD = {"gradient": "exact", "predict_with": "ebm", "learning_rate_init": 0.01, "max_iter": 200}


@dataclass
class TrainingData:
    """Data of a fit.

    Attributes
    ----------
    X : ndarray or csr_matrix of shape (n_samples, n_features)
    codes : ndarray of int of shape (n_samples,)
        Number of each label in ``classes``.
    classes : ndarray of shape (n_classes,)
    weights : ndarray of shape (n_samples,), or None
    """

    X: object
    codes: np.ndarray
    classes: np.ndarray
    weights: np.ndarray | None

    @property
    def labels(self):
        return self.classes[self.codes]

    def take(self, rows):
        weights = None if self.weights is None else self.weights[rows]
        return TrainingData(self.X[rows], self.codes[rows], self.classes, weights)


def is_module(estimator):
    """Whether this is a PyTorch module; does not import PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(estimator, torch.nn.Module)


def is_frozen(estimator):
    """Whether what was given stays as it is."""
    return isinstance(estimator, FrozenEstimator) or is_module(estimator)


def thawed(estimator):
    """What a FrozenEstimator holds; anything else as it is."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def check_given(estimator, caller):
    """Refuse what is neither an estimator nor a module.

    Raises
    ------
    TypeError
        If it is a class, or has no ``fit`` and ``get_params``.
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"The 'estimator' parameter of {caller} must be an object, not a class. Got "
            f"{estimator.__name__}; write {estimator.__name__}(...) instead."
        )
    is_estimator = hasattr(estimator, "fit") and hasattr(estimator, "get_params")
    if not (estimator is None or is_estimator or is_module(estimator)):
        raise TypeError(
            f"The 'estimator' parameter of {caller} must be a classifier of scikit-learn, a "
            f"torch.nn.Sequential or None. Got {estimator!r} instead."
        )


def is_read_densely(transfer):
    """Whether the network is PyTorch's, which takes no sparse rows."""
    return _is_trained_by_torch(transfer) or is_module(thawed(transfer.estimator))


def own_estimator(transfer, mode, random_state):
    """The network of a transfer that was given none, unfitted."""
    sizes = hidden_sizes(transfer.n_hidden, type(transfer).__name__)
    if transfer.image_shape is not None:
        return ConvolutionalClassifier(
            sizes,
            image_shape=transfer.image_shape,
            mode=mode,
            verbose=transfer.verbose,
            random_state=random_state,
            checkpoint=transfer.checkpoint,
            checkpoint_interval=transfer.checkpoint_interval,
        )
    if mode == "clamped":
        return LogisticRegression(max_iter=1000)
    return MLPClassifier(
        sizes,
        activation="logistic",
        learning_rate_init=0.01,
        max_iter=500,
        random_state=random_state,
    )


def hidden_sizes(n_hidden, caller):
    """Numbers of hidden units as a tuple.

    Raises
    ------
    ValueError
        If they are not ints >= 1, or there are none.
    """
    sizes = tuple(n_hidden) if isinstance(n_hidden, tuple | list) else (n_hidden,)
    if not sizes or not all(_is_count(size) for size in sizes):
        raise ValueError(
            f"The 'n_hidden' parameter of {caller} must be an int >= 1, or a tuple of such ints, "
            f"one a layer. Got {n_hidden!r} instead."
        )
    return sizes


def _is_count(size):
    return isinstance(size, Integral) and not isinstance(size, bool) and size >= 1


def fit_and_compile(transfer, data, entropy, following):
    """Train what is to be trained, and compile it.

    Parameters
    ----------
    transfer : QUBOTransferClassifier
        Its parameters are read, nothing is changed.
    data : TrainingData
    entropy : int
        Seeds the training of what the transfer makes itself.
    following : Following
        Of compiled networks.

    Returns
    -------
    CompiledNetwork
    """
    return _FIT[transfer.mode](transfer, data, entropy, following)


def _fit_clamped(transfer, data, entropy, following):
    def compiled(fitted):
        return compile_clamped(_read(transfer, fitted, data), fitted)

    return _fit_given(transfer, data, entropy, following, compiled)


def _fit_floating(transfer, data, entropy, following):
    def compiled(fitted):
        return compile_floating(
            _read(transfer, fitted, data),
            fitted,
            data.X,
            transfer.feature_bias,
            transfer.clip,
            type(transfer).__name__,
        )

    return _fit_given(transfer, data, entropy, following, compiled)


def _fit_given(transfer, data, entropy, following, compiled):
    """The network as it is given or made, fitted and compiled."""
    if transfer.estimator is not None or transfer.image_shape is None:
        return compiled(_fitted(transfer, data, entropy))
    own = own_estimator(transfer, transfer.mode, entropy)
    own.train(data.X, data.labels, data.weights, following.of(lambda own: compiled(own.module_)))
    return replace(compiled(own.module_), stop_reason=own.stop_reason_)


def _fit_hidden(transfer, data, entropy, following):
    if _is_trained_by_torch(transfer):

        def compiled(module):
            return _compile_hidden(_read(transfer, module, data), module)

        return _train_module(transfer, data, entropy, following, compiled)
    if transfer.estimator is None:
        return _train_head(transfer, data, entropy, None, None, following)
    fitted = _fitted(transfer, data, entropy)
    network = _read(transfer, fitted, data)
    if not is_frozen(transfer.estimator):
        start = network if network.has_hidden_layer else None
        features = network.hidden_inputs if start else network.output_features
        return _train_head(transfer, data, entropy, features, start, following)
    if not network.has_hidden_layer:
        raise ValueError(
            f"mode='drbm' of {type(transfer).__name__} compiles the last hidden layer of a frozen "
            f"network. {type(fitted).__name__} has none. Use mode='clamped', or a network with "
            "hidden units; a scikit-learn classifier that is not frozen gets some on its features."
        )
    return _compile_hidden(network, fitted)


def _fit_layers(transfer, data, entropy, following):
    if _is_trained_by_torch(transfer):
        if transfer.estimator is not None:
            _stack_of(transfer, _read(transfer, transfer.estimator, data), transfer.estimator)

        def compiled_module(module):
            network = _read(transfer, module, data)
            return compile_layers(network.inputs, *network.layer_stack(), module)

        return _train_module(transfer, data, entropy, following, compiled_module)
    fitted = _fitted(transfer, data, entropy)
    network = _read(transfer, fitted, data)
    weights, biases = _stack_of(transfer, network, fitted)
    if is_frozen(transfer.estimator):
        return compile_layers(network.inputs, weights, biases, fitted)
    inputs = TrainingData(network.inputs(data.X), data.codes, data.classes, data.weights)

    def compiled(module):
        return compile_layers(
            network.inputs, *_read(transfer, module, inputs).layer_stack(), module
        )

    module = _import_training(transfer).sequential_of_mlp(weights, biases)
    return _train(transfer, module, inputs, entropy, None, following, compiled)


_FIT = {
    "clamped": _fit_clamped,
    "float": _fit_floating,
    "drbm": _fit_hidden,
    "network": _fit_layers,
}


def _compile_hidden(network, fitted):
    return compile_hidden(network.hidden_inputs, *network.hidden_stack(), fitted)


def _stack_of(transfer, network, fitted):
    """Weights and biases of all layers of units."""
    weights, biases = network.layer_stack()
    if len(weights) < 2:
        raise ValueError(
            f"mode='network' of {type(transfer).__name__} samples hidden layers, of which "
            f"{type(fitted).__name__} has none. Use mode='clamped'."
        )
    return weights, biases


def _read(transfer, fitted, data):
    caller = type(transfer).__name__
    network = read_network(fitted, data.X, transfer.image_shape, len(data.classes), caller)
    if network.classes is not None and not np.array_equal(network.classes, data.classes):
        raise ValueError(
            f"The 'estimator' parameter of {caller} must be trained on the classes of y, "
            f"{data.classes.tolist()}. Got a network of {np.asarray(network.classes).tolist()} "
            "instead; fit it on the same labels, or give it unfrozen."
        )
    return network


def _fitted(transfer, data, entropy):
    """The given network, fitted: a clone of it, unless it is frozen."""
    if is_frozen(transfer.estimator):
        fitted = thawed(transfer.estimator)
        if not is_module(fitted):
            check_is_fitted(fitted)
        return fitted
    estimator = transfer.estimator
    if estimator is None:
        estimator = own_estimator(transfer, transfer.mode, entropy)
    estimator = clone(estimator)
    estimator.fit(data.X, data.labels, **_weights_for(estimator, data, transfer))
    return getattr(estimator, "module_", estimator)


def _weights_for(estimator, data, transfer):
    """The fit parameter that carries the samples' weights, if there are any."""
    if data.weights is None:
        return {}
    last, prefix = estimator, ""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        prefix = f"{name}__"
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"The samples have weights (sample_weight or class_weight of {type(transfer).__name__})"
            f", but {type(last).__name__}.fit takes none. Leave them out, or use an estimator that "
            "takes them."
        )
    return {f"{prefix}sample_weight": data.weights}


def _train_head(transfer, data, entropy, features, start, following):
    """Hidden units and class unit on some features, trained by the exact likelihood."""
    n_hidden = hidden_sizes(transfer.n_hidden, type(transfer).__name__)
    if start is None and len(n_hidden) != 1:
        raise ValueError(
            f"The 'n_hidden' parameter of {type(transfer).__name__} must be one number for "
            f"mode='drbm', which has one layer of hidden units. Got {transfer.n_hidden!r} instead."
        )
    Z = data.X if features is None else features(data.X)
    settings = {**_HEAD, "random_state": entropy}
    if start is None:
        head = QuantumSampledMLPClassifier(n_hidden[0], **settings)
    else:
        head = QuantumSampledMLPClassifier.from_mlp(
            _as_mlp(start, data), warm_start=True, **settings
        )

    def compiled(attributes):
        trained = copy(head)
        vars(trained).update(attributes)
        return _compile_head(trained, features)

    _fit_head(head, Z, data, type(transfer).__name__, following.of(compiled))
    return replace(_compile_head(head, features), stop_reason=head.stop_reason_)


def _compile_head(head, features):
    weights, biases = list(head.coefs_), list(head.intercepts_)
    if weights[1].shape[1] == 1:  # one bit of two classes: the first class has no weights
        weights[1] = np.hstack([np.zeros_like(weights[1]), weights[1]])
        biases[1] = np.append(0.0, biases[1])
    return compile_hidden(features, weights, biases, head)


def _fit_head(head, Z, data, caller, following):
    """Train a head as its own ``fit`` does, but kept and told of as the transfer's."""
    checked = head._check_data(Z, data.labels, data.weights, reset=not head.warm_start)
    state = head._continue_state() if head.warm_start else head._initial_state(*checked)
    checkpoint = following.checkpoint(state.to_dict(), *checked)
    head._train(state, checked, data.labels, head.max_iter, following, checkpoint)
    if head.stop_reason_ == "max_iter":
        warn(
            f"The hidden units of {caller} had not converged after {head.max_iter} passes through "
            "the data, which is all that they get. Scale the features, or give an 'estimator' "
            "with a hidden layer, from whose weights training starts.",
            ConvergenceWarning,
        )


def _as_mlp(network, data):
    """A fitted MLP of the last hidden layer and the outputs, a start for training."""
    if network.feature_reading == "none":  # of such units weights are no more than a start
        hidden, weights = network.hidden_weights, network.output_weights
        hidden_bias, bias = network.hidden_bias, network.output_bias
    else:
        (hidden, weights), (hidden_bias, bias) = network.hidden_stack()
    if len(data.classes) == 2:
        weights, bias = weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    return write_mlp(
        MLPClassifier((len(hidden_bias),), activation="logistic"),
        [_dense(hidden), weights],
        [hidden_bias, bias],
        Targets(data.classes),
        0,
        [],
    )


def _is_trained_by_torch(transfer):
    if transfer.estimator is None:
        return transfer.image_shape is not None or transfer.mode == "network"
    return is_module(transfer.estimator)


def _import_training(transfer):
    from qsklearn._optional import import_optional

    import_optional("torch", f"{type(transfer).__name__}(mode={transfer.mode!r})")
    from qsklearn.neural_network._qubo_transfer import _training

    return _training


def _train_module(transfer, data, entropy, following, compiled):
    """A module, made or copied, trained to be run as a QUBO, and compiled."""
    training = _import_training(transfer)
    if transfer.estimator is None:
        module = training.build_network(
            data.X.shape[1],
            transfer.image_shape,
            hidden_sizes(transfer.n_hidden, type(transfer).__name__),
            len(data.classes),
            transfer.mode,
            entropy,
        )
    else:
        module = _copy_to_train(transfer, data)
    return _train(transfer, module, data, entropy, transfer.image_shape, following, compiled)


def _copy_to_train(transfer, data):
    """A copy of a module, which is refused here rather than after its training."""
    from qsklearn.neural_network._qubo_transfer import _modules

    module = deepcopy(transfer.estimator)
    _read(transfer, module, data)
    if transfer.mode == "drbm":
        module = _modules.with_binary_units(module)
    return _modules.with_an_output_per_class(module)


def _train(transfer, module, data, entropy, image_shape, following, compiled):
    weights = np.ones(len(data.codes)) if data.weights is None else data.weights
    history = _import_training(transfer).train(
        module,
        _dense(data.X),
        data.codes,
        weights,
        objective=_OBJECTIVES[transfer.mode],
        image_shape=image_shape,
        seed=entropy,
        trainable="head" if transfer.mode == "drbm" and transfer.estimator is not None else "all",
        following=following.of(compiled),
    )
    return replace(compiled(module), stop_reason=history["stop_reason"])


def _dense(X):
    return X.toarray() if scipy.sparse.issparse(X) else X


def twin_of(transfer):
    """The unfitted classical estimator of the same architecture; a frozen one as it is."""
    estimator = transfer.estimator
    if estimator is None:
        is_layered = transfer.mode in ("drbm", "network") and transfer.image_shape is None
        mode = "float" if is_layered else transfer.mode
        return own_estimator(transfer, mode, transfer.random_state)
    if is_module(thawed(estimator)):
        return ModuleClassifier(thawed(estimator), image_shape=transfer.image_shape)
    return estimator if is_frozen(estimator) else clone(estimator)
