"""The network of the same architecture that backpropagation trains: ours, or scikit-learn's."""

from importlib.util import find_spec

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from qsklearn.neural_network._architecture import hidden_activation
from qsklearn.neural_network._backpropagation._classifier import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation._regressor import BackpropagationNetworkRegressor
from qsklearn.neural_network.layers import Activation, Flatten, Linear

_NETWORKS = {
    "classifier": (BackpropagationNetworkClassifier, MLPClassifier),
    "regressor": (BackpropagationNetworkRegressor, MLPRegressor),
}


def classical_twin_of(
    layers,
    *,
    kind,
    caller,
    image_shape=None,
    fit_intercept=True,
    warm_start=False,
    verbose=0,
    random_state=None,
    checkpoint=None,
    **training,
):
    """The unfitted network of the same layers that backpropagation trains.

    Parameters
    ----------
    layers, image_shape, fit_intercept, warm_start, verbose, random_state, checkpoint
        As of :class:`~qsklearn.neural_network.BackpropagationNetworkClassifier`; scikit-learn's
        have no checkpoints.
    kind : {"classifier", "regressor"}
    caller : str
        The method that asks, for errors.
    **training
        ``max_iter``, ``learning_rate_init`` and ``batch_size``, where they are not to be the
        twin's own.

    Returns
    -------
    twin : estimator
        ``BackpropagationNetworkClassifier`` or ``...Regressor`` where PyTorch is installed. Else
        scikit-learn's ``MLPClassifier`` or ``MLPRegressor``, if the network is linear layers with
        relu, or nothing, between all of them, with intercepts: the same architecture, but the
        classifier has one output for two classes, and minimises the cross-entropy.

    Raises
    ------
    ImportError
        If PyTorch is missing and scikit-learn's MLP cannot express the network.

    Examples
    --------
    >>> from qsklearn.neural_network._spin_glass._classical_twin import classical_twin_of
    >>> twin = classical_twin_of(None, kind="regressor", caller="this example", max_iter=5)
    >>> twin.max_iter
    5
    """
    ours, sklearns = _NETWORKS[kind]
    common = {
        "warm_start": warm_start,
        "random_state": random_state,
        **training,
    }
    if find_spec("torch") is not None:
        return ours(
            layers,
            image_shape=image_shape,
            fit_intercept=fit_intercept,
            verbose=verbose,
            checkpoint=checkpoint,
            **common,
        )
    hidden = _as_sklearns_mlp(layers) if fit_intercept else None
    if hidden is None:
        raise ImportError(
            f"{caller} needs the package 'torch' for this network, as scikit-learn's MLP has "
            "only linear layers with intercepts and relu, or nothing, between all of them. "
            "Install it with: pip install 'qsklearn[torch]'"
        )
    sizes, activation = hidden
    return sklearns(sizes, activation=activation, alpha=0.0, verbose=bool(verbose), **common)


def _as_sklearns_mlp(layers):
    """Hidden sizes and activation of scikit-learn's MLP for these layers, or None."""
    chain = _chain(layers)
    is_linear = [isinstance(layer, Linear) for layer in chain]
    if not chain or not is_linear[0] or not is_linear[-1]:
        return None
    sizes, slopes = [], []
    for layer, following in zip(chain, [*chain[1:], None], strict=True):
        if isinstance(layer, Linear):
            sizes.append(layer.n_outputs)
            if isinstance(following, Linear):
                slopes.append(1.0)  # nothing between two linear layers is the identity
        elif isinstance(layer, Activation) and isinstance(following, Linear):
            slopes.append(float(layer.slopes(np.array([[-1.0]]))[0, 0]))
        else:
            return None
    for activation, slope in (("identity", 1.0), ("relu", 0.0)):
        if all(found == slope for found in slopes):
            return tuple(sizes[:-1]), activation
    return None


def _chain(layers):
    """Layers of a network, less those that only reshape; the last size does not matter here."""
    layers = () if layers is None else layers
    if all(isinstance(entry, int | np.integer) for entry in layers):
        hidden = [(Linear(int(size)), hidden_activation()) for size in layers]
        return [*(part for pair in hidden for part in pair), Linear(1)]
    return [layer for layer in layers if not isinstance(layer, Flatten)]
