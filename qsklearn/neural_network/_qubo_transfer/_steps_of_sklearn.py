"""Linear classifiers and MLPs of scikit-learn, and Pipelines that end in one, read as steps."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from qsklearn._memory import check_memory
from qsklearn.neural_network._qubo_transfer._steps import Activation, Linear, halved

USABLE = (
    "a linear classifier (one whose decision_function is X @ coef_.T + intercept_, such as "
    "LogisticRegression), an MLPClassifier, a Pipeline that ends in one of these, or a "
    "torch.nn.Sequential that ends in a Linear layer"
)

_ROWS_CHECKED = 8
# Of a score, relative to the sum of the sizes of its terms: float32 data rounds at 1e-7 of them.
_ROUNDING = 1e-4


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
        if not sparse.issparse(values):
            return values
        check_memory(
            8 * values.shape[0] * values.shape[1],
            f"The sparse inputs of {self.caller} as a dense array",
            "Use fewer features, or mode='clamped', which needs the class scores alone.",
        )
        return values.toarray()

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


def read_classifier(estimator, X, n_classes, caller):
    """Read a fitted classifier.

    Parameters
    ----------
    estimator : fitted classifier
    X : array-like or sparse matrix of shape (n_samples, n_features)
    n_classes : int
    caller : str
        The estimator that reads it, for errors.

    Returns
    -------
    evaluate : callable
        As of :class:`~qsklearn.neural_network._qubo_transfer._network.TransferredNetwork`.
    steps : tuple of Step
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it has no usable weights, or they are not finite, or do not fit X or n_classes.
    """
    check_is_fitted(estimator)
    fronts, model = _split(estimator)
    rows = _transformed(fronts, _first_rows(X))
    is_mlp = isinstance(model, MLPClassifier)
    steps = _read_mlp(model) if is_mlp else (_read_linear(model, rows, caller),)
    for step in steps:
        _check_finite(step, model, caller)
    steps = (*steps[:-1], _expanded(steps[-1], n_classes, model, rows, caller))
    return _ArrayEvaluator(fronts, steps, caller), steps, np.asarray(model.classes_)


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
