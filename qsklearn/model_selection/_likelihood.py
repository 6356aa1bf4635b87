"""Likelihoods as scores: of data under generative models, of classes under classifiers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import log_loss
from sklearn.utils import get_tags
from sklearn.utils.multiclass import type_of_target

from qsklearn._checks import check_instance, is_among

_NAMES = ("log_likelihood", "log_likelihood_error", "elbo", "class_log_likelihood")


@dataclass(frozen=True)
class LikelihoodScorer:
    """A likelihood of held-out rows, in the form of a scorer."""

    name: str
    n_importance: int | None = None

    @property
    def __name__(self):
        # What the displays of scikit-learn call a score by.
        return self.name

    def __call__(self, estimator, X, y=None) -> float:
        if self.name == "class_log_likelihood":
            return _class_log_likelihood(estimator, X, y)
        model, X = _reach_model(estimator, X)
        if not _is_generative(model):
            return math.nan
        return float(_OF_GENERATIVE[self.name](model, X, self._parameters(model)))

    def _parameters(self, model):
        # A classical density has a closed form, without draws to set a number of.
        is_drawn = self.n_importance is not None and hasattr(model, "elbo")
        return {"n_importance": self.n_importance} if is_drawn else {}


def log_likelihood_scorers(n_importance=None, *, names=_NAMES) -> dict[str, LikelihoodScorer]:
    r"""Scorers of the likelihood that an estimator gives to held-out data.

    An accuracy asks only which class is on top, and a generative model has none. A likelihood asks
    how probable the model finds what was seen.

    Parameters
    ----------
    n_importance : int or None, default=None
        Draws a row of the importance-weighted likelihood; the estimator's own number when None.
    names : str or sequence of str, default=all four
        Which scorers. A search refits by one, and warns of those that are not a number.

    Returns
    -------
    scorers : dict of str to callable
        For ``scoring`` of ``cross_validate``, :func:`compare` and searches; they can be pickled.
        Of generative models, in nats per row:

        - ``"log_likelihood"``: mean of ``score_samples``, log p(x);
        - ``"log_likelihood_error"``: its standard error, that over the rows and that of log Z
          added in squares. Less is better: do not rank by it;
        - ``"elbo"``: mean of the evidence lower bound, ``elbo(X)["elbo"]``.

        Of classifiers with ``predict_proba``:

        - ``"class_log_likelihood"``: mean of log P(y | x) in nats, -log_loss of scikit-learn.
          A class that has probability 0, or that training has not seen, gives minus infinity,
          where scikit-learn puts in a smallest number.

        Not a number for an estimator that has no such thing.

    Raises
    ------
    ValueError
        If there is no such name, or `n_importance` is no int >= 1. From a scorer of classes, if
        rows have several labels.

    Notes
    -----
    Estimators are asked by method. Generative is what has ``score_samples`` and ``elbo``, as
    :class:`~qsklearn.QuantumBoltzmannPriorVAE`, or is a density estimator by scikit-learn's tags,
    as its mixtures are. In a pipeline the likelihood is of what the last step sees: those of models
    behind different transformers cannot be compared, nor that of bits with a density.

    The standard error of log Z is ``log_partition_stderr`` of ``sampling_report``; where the report
    has only ``log_partition_lower`` and ``log_partition_upper``, half the distance between them,
    which is rather too large. It is common to all rows, and no number of rows makes it less.

    Every scorer evaluates for itself. ``"log_likelihood"`` and its error each draw `n_importance`
    times a row, the same draws where these come from the content of the rows: name only what is
    needed. A contender of :func:`compare` that
    has minus infinity on a fold has it as its mean, without an error or a test.

    References
    ----------
    Burda, Y., Grosse, R., Salakhutdinov, R. (2016). Importance weighted autoencoders.
    arXiv:1509.00519.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from qsklearn.model_selection import log_likelihood_scorers
    >>> scorers = log_likelihood_scorers(names="class_log_likelihood")
    >>> found = cross_validate(GaussianNB(), *load_iris(return_X_y=True), scoring=scorers)
    >>> round(float(found["test_class_log_likelihood"].mean()), 2)
    -0.14
    """
    check_instance(names, (str, list, tuple), "names", "log_likelihood_scorers")
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if not is_among(name, _NAMES)]
    if unknown:
        raise ValueError(
            f"The 'names' parameter of log_likelihood_scorers must be among "
            f"{', '.join(map(repr, _NAMES))}. Got {unknown[0]!r} instead."
        )
    is_count = isinstance(n_importance, (int, np.integer)) and not isinstance(n_importance, bool)
    if n_importance is not None and not (is_count and n_importance >= 1):
        raise ValueError(
            "The 'n_importance' parameter of log_likelihood_scorers must be an int >= 1, or None. "
            f"Got {n_importance!r} instead."
        )
    return {name: LikelihoodScorer(name, n_importance) for name in names}


def _reach_model(estimator, X):
    """The estimator that a search or a pipeline ends in, and the rows as it sees them."""
    while not hasattr(estimator, "elbo"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            before, estimator = estimator[:-1], estimator[-1]
            X = before.transform(X) if len(before) else X
        else:
            break
    return estimator, X


def _is_generative(model):
    if not hasattr(model, "score_samples"):
        return False
    # Detectors of outliers have score_samples too, and theirs are no likelihoods.
    return hasattr(model, "elbo") or get_tags(model).estimator_type == "density_estimator"


def _log_likelihood(model, X, parameters):
    return np.mean(model.score_samples(X, **parameters))


def _log_likelihood_error(model, X, parameters):
    if hasattr(model, "sampling_report"):
        report = model.sampling_report(X, **parameters)
        return math.hypot(report["log_likelihood_stderr"], _log_partition_error(report))
    values = np.asarray(model.score_samples(X, **parameters))
    return values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _log_partition_error(report):
    if "log_partition_stderr" in report:
        return report["log_partition_stderr"]
    return abs(report["log_partition_upper"] - report["log_partition_lower"]) / 2


def _elbo(model, X, parameters):
    return np.mean(model.elbo(X)["elbo"]) if hasattr(model, "elbo") else math.nan


_OF_GENERATIVE = {
    "log_likelihood": _log_likelihood,
    "log_likelihood_error": _log_likelihood_error,
    "elbo": _elbo,
}


def _class_log_likelihood(estimator, X, y):
    if not (is_classifier(estimator) and hasattr(estimator, "predict_proba")):
        return math.nan
    kind = type_of_target(y)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            "The scorer 'class_log_likelihood' needs targets of one class a row: the joint "
            f"probability of several labels is not in predict_proba. Got {kind!r} instead."
        )
    probabilities = np.asarray(estimator.predict_proba(X))
    classes, y = np.asarray(estimator.classes_), np.ravel(y)
    columns = y.reshape(-1, 1) == classes
    chosen = np.where(columns, probabilities, 0).sum(axis=1)
    # log_loss raises small probabilities to this, and with them the likelihood.
    if chosen.min() < np.finfo(probabilities.dtype).eps:
        with np.errstate(divide="ignore"):
            return float(np.log(chosen.astype(float)).mean())
    if len(classes) == 1:  # log_loss wants two; then all that is seen is certain
        return float(np.log(chosen.astype(float)).mean())
    return -float(log_loss(y, probabilities, labels=classes))
