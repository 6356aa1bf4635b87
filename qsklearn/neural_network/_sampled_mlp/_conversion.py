"""Weights between the sampled MLP and scikit-learn's MLPClassifier."""

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.utils.validation import check_is_fitted

from qsklearn._private_api import forget_optimizer
from qsklearn.neural_network._targets import Targets


def read_mlp(mlp):
    """Weights and targets of a fitted MLPClassifier.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier

    Returns
    -------
    weights : list of ndarray
        W1, W2, b, c: copies.
    targets : Targets

    Raises
    ------
    ValueError
        If it has not one hidden layer of logistic units.
    """
    if not isinstance(mlp, MLPClassifier):
        raise ValueError(
            "The 'mlp' parameter of from_mlp must be a fitted MLPClassifier. "
            f"Got {type(mlp).__name__} instead."
        )
    check_is_fitted(mlp, "coefs_")
    if len(mlp.coefs_) != 2 or mlp.activation != "logistic":
        raise ValueError(
            "The 'mlp' parameter of from_mlp must have one hidden layer and "
            f"activation='logistic'. Got {len(mlp.coefs_) - 1} hidden layers and "
            f"activation={mlp.activation!r} instead."
        )
    n_outputs = mlp.coefs_[1].shape[1]
    is_multilabel = mlp.out_activation_ == "logistic" and n_outputs > 1
    labels = np.eye(n_outputs, dtype=int) if is_multilabel else np.asarray(mlp.classes_)
    weights = [np.array(weight, dtype=float) for weight in (*mlp.coefs_, *mlp.intercepts_)]
    return weights, Targets(labels)


def write_mlp(mlp, coefs, intercepts, targets, n_iter, loss_curve):
    """Make an unfitted MLPClassifier a fitted one with given weights.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier
        Changed in place; its parameters stay but for the number of hidden units.
    coefs, intercepts : list of ndarray
    targets : Targets
    n_iter : int
    loss_curve : list of float

    Returns
    -------
    mlp : sklearn.neural_network.MLPClassifier
    """
    parameters = mlp.get_params()
    parameters["hidden_layer_sizes"] = (coefs[0].shape[1],)
    # One step on a made-up batch lets scikit-learn set up all that a fitted MLP holds. Its own
    # seed, as a shared RandomState would move on.
    mlp.set_params(early_stopping=False, batch_size="auto", random_state=0)
    y = targets.classes
    if targets.is_multilabel:
        y = np.vstack([np.zeros(len(y)), np.ones(len(y))]).astype(int)
    mlp.partial_fit(np.zeros((len(y), coefs[0].shape[0])), y, classes=targets.classes)
    forget_optimizer(mlp)  # that step's
    mlp.coefs_ = [weight.copy() for weight in coefs]
    mlp.intercepts_ = [weight.copy() for weight in intercepts]
    mlp.n_iter_, mlp.loss_curve_ = n_iter, list(loss_curve)
    return mlp.set_params(**parameters)
