"""A trained network, read layer by layer: its class scores, its features, its layers of units.

Linear classifiers and MLPs of scikit-learn are read here, PyTorch's modules in
`_transferred_torch`. Nothing of the estimator that is read changes.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from qsklearn.neural_network._transferred_steps import (
    Activation,
    AveragePool,
    Convolution,
    Linear,
    MaxPool,
    Reshape,
    Scaling,
    composed,
    halved,
    layer_stack,
)

USABLE = (
    "a linear classifier (one whose decision_function is X @ coef_.T + intercept_, such as "
    "LogisticRegression), an MLPClassifier, a Pipeline that ends in one of these, or a "
    "torch.nn.Sequential that ends in a Linear layer"
)

_ROWS_CHECKED = 8
# Of a score, relative to the sum of the sizes of its terms: float32 data rounds at 1e-7 of them.
_ROUNDING = 1e-4


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
    >>> from qsklearn.neural_network._transferred_network import read_network
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

    def logits(self, X):
        """The network's own class scores before the softmax.

        Two classes with one score l between them have the scores (-l/2, l/2), whose softmax is
        the network's own.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            What the estimator takes, flat images included.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes)
        """
        return self.evaluate(X, len(self.steps))

    def inputs(self, X):
        """Inputs of the first layer: X, behind the steps of a Pipeline that come before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_inputs)
        """
        return self.evaluate(X, 0)

    def output_features(self, X):
        """Inputs of the last linear layer, the features.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray of shape (n_samples, n_last)
        """
        return self.evaluate(X, self._output_start)

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

    def hidden_inputs(self, X):
        """Inputs of the last hidden layer, the one whose activations are the features.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_hidden_inputs)

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        self._check_hidden()
        return self.evaluate(X, self._hidden_start)

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


@dataclass(frozen=True, eq=False)
class _ArrayEvaluator:
    """Values of a network of numpy arrays.

    Parameters
    ----------
    fronts : tuple of transformers
        Applied before the first step.
    steps : tuple of Step
        Linear layers and activations.
    caller : str
    """

    fronts: tuple
    steps: tuple
    caller: str

    def __call__(self, X, n_steps):
        values = self._inputs(X)
        for step in self.steps[:n_steps]:
            if isinstance(step, Linear):
                values = values @ step.weights + step.bias
            else:
                values = _FUNCTIONS[step.kind](values)
        return values.toarray() if sparse.issparse(values) else values

    def _inputs(self, X):
        values = check_array(
            _transformed(self.fronts, X), accept_sparse="csr", dtype=np.float64,
            input_name="the inputs of the network",
        )  # fmt: skip
        n_inputs = len(self.steps[0].weights)
        if values.shape[1] != n_inputs:
            raise ValueError(
                f"X has {values.shape[1]} features, but the network that {self.caller} reads is "
                f"expecting {n_inputs} features as input."
            )
        return values


_FUNCTIONS = {
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0.0),
}


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
        from qsklearn.neural_network._transferred_torch import read_module

        evaluate, steps = read_module(estimator, X, image_shape, n_classes, caller)
        return TransferredNetwork(evaluate, steps, None, caller)
    check_is_fitted(estimator)
    fronts, model = _split(estimator)
    if _is_module(model):
        raise _refusal(model, caller, "PyTorch's modules cannot be the last step of a Pipeline")
    rows = _transformed(fronts, _first_rows(X))
    is_mlp = isinstance(model, MLPClassifier)
    steps = _read_mlp(model) if is_mlp else (_read_linear(model, rows, caller),)
    for step in steps:
        _check_finite(step, model, caller)
    steps = (*steps[:-1], _expanded(steps[-1], n_classes, model, rows, caller))
    classes = np.asarray(model.classes_)
    return TransferredNetwork(_ArrayEvaluator(fronts, steps, caller), steps, classes, caller)


def _is_module(estimator):
    """Whether it is a torch.nn.Module, asked without importing PyTorch."""
    return any(
        base.__module__.partition(".")[0] == "torch" and base.__name__ == "Module"
        for base in type(estimator).__mro__
    )


def _split(estimator):
    """The transformers before the classifier, and the classifier."""
    if isinstance(estimator, FrozenEstimator):
        return _split(estimator.estimator)
    if isinstance(estimator, Pipeline):
        before, model = _split(estimator.steps[-1][1])
        own = (estimator[:-1],) if len(estimator.steps) > 1 else ()
        return (*own, *before), model
    return (), estimator


def _transformed(fronts, X):
    """X behind the fronts, which may know the names of columns that the caller has checked."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        for front in fronts:
            X = front.transform(X)
    return X


def _first_rows(X):
    if hasattr(X, "iloc"):
        return X.iloc[:_ROWS_CHECKED]
    return X.tocsr()[:_ROWS_CHECKED] if sparse.issparse(X) else np.asarray(X)[:_ROWS_CHECKED]


def _read_mlp(model):
    steps = []
    for layer, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True), 1):
        name = f"layer {layer} of the {type(model).__name__}"
        steps.append(Linear(name, np.array(weights, dtype=float), np.array(bias, dtype=float)))
        if layer < len(model.coefs_) and model.activation != "identity":
            activation = f"activation={model.activation!r} of the {type(model).__name__}"
            steps.append(Activation(activation, model.activation))
    return tuple(steps)


def _read_linear(model, rows, caller):
    """The one layer of a linear classifier, which is checked to say what its scores are."""
    needed = ("coef_", "intercept_", "decision_function", "classes_")
    missing = [name for name in needed if not hasattr(model, name)]
    if missing:
        raise _refusal(model, caller, f"which has no {missing[0]}")
    coef = model.coef_.toarray() if sparse.issparse(model.coef_) else model.coef_
    weights = np.atleast_2d(np.array(coef, dtype=float)).T
    intercept = model.intercept_
    intercept = intercept.toarray() if sparse.issparse(intercept) else intercept
    bias = np.resize(np.asarray(intercept, dtype=float).ravel(), weights.shape[1])
    if not _explains(model, weights, bias, rows):
        raise _refusal(model, caller, "whose decision_function is not X @ coef_.T + intercept_")
    return Linear(f"the {type(model).__name__}", weights, bias)


def _explains(model, weights, bias, rows):
    """Whether weights and bias give the classifier's scores of some rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        scores = np.asarray(model.decision_function(rows))
    values = check_array(rows, accept_sparse="csr", dtype=np.float64, ensure_all_finite=False)
    scores = scores.reshape(len(scores), -1)
    if values.shape[1] != len(weights) or scores.shape[1] != weights.shape[1]:
        return False
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return True  # refused later, with its own words
    sizes = abs(values) @ np.abs(weights) + np.abs(bias)
    return bool((np.abs(values @ weights + bias - scores) <= _ROUNDING * sizes).all())


def _expanded(step, n_classes, model, rows, caller):
    """The last layer with one output per class: one score l of two classes is (-l/2, l/2)."""
    n_outputs = len(step.bias)
    classes = getattr(model, "classes_", ())
    if isinstance(classes, list) or _predicts_several_labels(model, rows):
        raise _refusal(model, caller, "which predicts several labels of a row, not one class")
    if len(classes) == 2 and n_outputs == 1:
        step = halved(step)
    if len(step.bias) != n_classes:
        raise ValueError(
            f"The 'estimator' parameter of {caller} must tell the {n_classes} classes of y apart. "
            f"Got {type(model).__name__}, which has {len(step.bias)} class scores. Fit it on "
            "the same classes."
        )
    return step


def _predicts_several_labels(model, rows):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return np.ndim(model.predict(rows)) > 1


def _check_finite(step, model, caller):
    if isinstance(step, Linear) and not (
        np.isfinite(step.weights).all() and np.isfinite(step.bias).all()
    ):
        raise ValueError(
            f"The 'estimator' parameter of {caller} must have finite weights. Got "
            f"{type(model).__name__} with NaN or infinity in {step.name}. Fit it again, on scaled "
            "data or with a smaller learning rate."
        )


def _refusal(model, caller, reason):
    name = repr(model) if isinstance(model, str) else type(model).__name__  # "passthrough"
    remedy = "Fit one of those on the same data."
    if hasattr(model, "best_estimator_"):
        remedy = "Pass its best_estimator_ instead."
    return ValueError(
        f"The 'estimator' parameter of {caller} must be {USABLE}. "
        f"Got {name} instead, {reason}. {remedy}"
    )
