"""A trained network, read layer by layer: its class scores, its features, its layers of units.

Nothing of the estimator that is read changes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.frozen import FrozenEstimator

from qsklearn.neural_network._qubo_transfer._steps import (
    Activation,
    AveragePool,
    Convolution,
    Linear,
    MaxPool,
    Reshape,
    Scaling,
    composed,
    layer_stack,
)
from qsklearn.neural_network._qubo_transfer._steps_of_sklearn import read_classifier


@dataclass(frozen=True, eq=False)
class ValuesOfNetwork:
    """Values of a network after some of its steps; all that is kept of it where no more is needed.

    Parameters
    ----------
    evaluate : callable
        As of :class:`TransferredNetwork`.
    n_steps : int
    """

    evaluate: object
    n_steps: int

    def __call__(self, X):
        """Values of data points.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        values : ndarray of shape (n_samples, n_values)
        """
        return self.evaluate(X, self.n_steps)


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class TransferredNetwork:
    """A trained network and what it is made of.

    :func:`read_network` makes one. It is picklable and holds copies of the weights, but no copies
    of the steps of a Pipeline that come before them.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(X, n_steps)`` gives the values after the first steps, flat, float64, one row
        per row of X.
    steps : tuple of Step
        The last one is the linear layer whose outputs are the class scores.
    classes : ndarray of shape (n_classes,) or None
        Class labels in the order of the scores; None where the network does not know them, as
        PyTorch's.
    caller : str
        The estimator that reads the network, for errors.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from qsklearn.neural_network._qubo_transfer._network import read_network
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = LogisticRegression(max_iter=500).fit(X, y)
    >>> network = read_network(fitted, X, None, 3, "this example")
    >>> network.logits(X).shape, network.feature_reading, network.has_hidden_layer
    ((150, 3), 'data', False)
    >>> bool((network.logits(X).argmax(axis=1) == fitted.predict(X)).all())
    True
    """

    evaluate: object
    steps: tuple
    classes: np.ndarray | None
    caller: str

    @property
    def logits(self):
        """The network's own class scores before the softmax.

        Two classes with one score l between them have the scores (-l/2, l/2), whose softmax is
        the network's own.

        Returns
        -------
        logits : ValuesOfNetwork
            ``logits(X)``, of what the estimator takes, flat images included, has the shape
            (n_samples, n_classes).
        """
        return ValuesOfNetwork(self.evaluate, len(self.steps))

    @property
    def inputs(self):
        """Inputs of the first layer: X, behind the steps of a Pipeline that come before.

        Returns
        -------
        inputs : ValuesOfNetwork
        """
        return ValuesOfNetwork(self.evaluate, 0)

    @property
    def output_features(self):
        """Inputs of the last linear layer, the features.

        Returns
        -------
        features : ValuesOfNetwork
        """
        return ValuesOfNetwork(self.evaluate, self._output_start)

    @property
    def output_weights(self):
        """Weights from the features to the scores, an ndarray of shape (n_last, n_classes)."""
        return self._output_map[0]

    @property
    def output_bias(self):
        """Intercepts of the scores, an ndarray of shape (n_classes,)."""
        return self._output_map[1]

    @property
    def n_classes(self):
        """Number of class scores."""
        return len(self.steps[-1].bias)

    @property
    def feature_reading(self):
        """How the features are read as units.

        Returns
        -------
        reading : {"probability", "spin", "data", "none"}
            In (0, 1), behind logistic units; in (-1, 1), behind tanh; the inputs themselves, where
            there is no hidden layer; or values without a reading, such as relu's.
        """
        source = self._source_of_features
        if source is None:
            return "data"
        return source.reading if isinstance(source, Activation) else "none"

    @property
    def hidden_activation(self):
        """Name of the activation that makes the features, or None where there is no hidden layer.

        Nothing between two layers is ``"identity"``.
        """
        source = self._source_of_features
        if source is None:
            return None
        if isinstance(source, Activation):
            return source.kind
        return "identity" if isinstance(source, Linear | Convolution) else source.name

    @property
    def has_hidden_layer(self):
        """Whether the features are activations of a layer with weights, without pools between."""
        return self._hidden_start is not None

    @property
    def hidden_inputs(self):
        """Inputs of the last hidden layer, the one whose activations are the features.

        Returns
        -------
        inputs : ValuesOfNetwork

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        self._check_hidden()
        return ValuesOfNetwork(self.evaluate, self._hidden_start)

    @property
    def hidden_weights(self):
        """Weights of the last hidden layer, (n_hidden_inputs, n_hidden); csr of a convolution."""
        return self._hidden_map[0]

    @property
    def hidden_bias(self):
        """Intercepts of the last hidden layer, an ndarray of shape (n_hidden,)."""
        return self._hidden_map[1]

    def hidden_stack(self):
        """The last hidden layer and the classes as layers of binary units.

        The end of `layer_stack`: layers below stay classical, and `hidden_inputs` are its inputs.

        Returns
        -------
        weights : list of (n_hidden_inputs, n_hidden) and (n_hidden, n_classes) arrays
        biases : list of (n_hidden,) and (n_classes,) ndarrays

        Raises
        ------
        ValueError
            If there is no hidden layer, or its units are neither logistic nor tanh.
        """
        self._check_hidden()
        return self._stack(self.steps[self._hidden_start :], 10.0, 5.0)

    def layer_stack(self, *, pool_strength=10.0, pool_cost=5.0):
        """All layers as binary units, from the inputs (`inputs`) to the classes.

        Affine steps (average pools, batch normalisation) are folded into the weights; a layer of
        tanh is written with units q in {0, 1}, t = 2q - 1 and tanh(z) = 2 sigmoid(2z) - 1; a
        maximum is a layer of pools, each the OR of its units.

        Parameters
        ----------
        pool_strength, pool_cost : float
            A and eps of :func:`~qsklearn.hamiltonians.or_pooling`, with 0 < eps < A.

        Returns
        -------
        weights : list of ndarray or csr_array, of shapes (n_l, n_{l+1})
        biases : list of ndarray, of shapes (n_{l+1},)
            Of the units that the weights lead to.

        Raises
        ------
        ValueError
            If a layer has no reading in binary units; the text names it.
        MemoryError
            If the weights do not fit into the machine.
        """
        return self._stack(self.steps, pool_strength, pool_cost)

    def _stack(self, steps, pool_strength, pool_cost):
        return layer_stack(
            steps, pool_strength=pool_strength, pool_cost=pool_cost, caller=self.caller
        )

    @cached_property
    def _output_start(self):
        return _block_start(self.steps, len(self.steps))

    @cached_property
    def _output_map(self):
        return composed(self.steps[self._output_start :])

    @cached_property
    def _source_of_features(self):
        """The step that makes the features, or None if they are the inputs."""
        for step in reversed(self.steps[: self._output_start]):
            if not isinstance(step, Reshape | AveragePool | MaxPool):
                return step
        return None

    @cached_property
    def _hidden_start(self):
        """Index of the first step of the hidden layer, or None."""
        end = self._output_start
        if end == 0 or not isinstance(self.steps[end - 1], Activation):
            return None
        last = end - 2
        while last >= 0 and isinstance(self.steps[last], Reshape | Scaling):
            last -= 1
        if last < 0 or not isinstance(self.steps[last], Linear | Convolution):
            return None
        return _block_start(self.steps, last + 1)

    @cached_property
    def _hidden_map(self):
        self._check_hidden()
        return composed(self.steps[self._hidden_start : self._output_start - 1])

    def _check_hidden(self):
        if not self.has_hidden_layer:
            raise ValueError(
                f"The 'estimator' parameter of {self.caller} must have a hidden layer whose "
                "activations feed the classes without pools between (Linear, activation, Linear). "
                "This one has none. Use mode='clamped', or train a network with such a layer."
            )


def _block_start(steps, end):
    """Where the block of a linear layer at steps[end - 1] begins: scalings before it belong to it,
    as they fold into its weights.
    """
    start = end - 1
    while start > 0 and isinstance(steps[start - 1], Scaling | Reshape):
        start -= 1
    return start


def read_network(estimator, X, image_shape, n_classes, caller):
    """Read a trained classifier.

    Parameters
    ----------
    estimator : fitted classifier of scikit-learn, or torch.nn.Sequential
        In a FrozenEstimator or not.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Some data, for its shape and to check that the weights say what the classifier does.
    image_shape : tuple of int or None
        (channels, height, width) of the images whose pixels are the rows of X; PyTorch's
        convolutions need it.
    n_classes : int
        Number of classes that the network must tell apart.
    caller : str
        The estimator that reads it, for errors.

    Returns
    -------
    network : TransferredNetwork

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If it has no usable weights, or they are not finite, or do not fit X or n_classes. The
        text says which, and what is usable.
    """
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    if _is_module(estimator):
        # Only here, as the file imports PyTorch.
        from qsklearn.neural_network._qubo_transfer._steps_of_torch import read_module

        evaluate, steps = read_module(estimator, X, image_shape, n_classes, caller)
        return TransferredNetwork(evaluate, steps, None, caller)
    evaluate, steps, classes = read_classifier(estimator, X, n_classes, caller)
    return TransferredNetwork(evaluate, steps, classes, caller)


def _is_module(estimator):
    """Whether it is a torch.nn.Module, asked without importing PyTorch."""
    return any(
        base.__module__.partition(".")[0] == "torch" and base.__name__ == "Module"
        for base in type(estimator).__mro__
    )
