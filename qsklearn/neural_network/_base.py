"""What the estimators share."""

from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from qsklearn._private_api import Integral, Interval, check_sample_weight
from qsklearn.neural_network._targets import with_class_weights

# What ``n_jobs`` of an estimator may be: as many threads, or all cores but some.
N_JOBS = [
    Interval(Integral, 1, None, closed="left"),
    Interval(Integral, None, -1, closed="right"),
    None,
]


class SamplerFailure(RuntimeError):
    """A sampler's call failed for a reason of its own, after it was called correctly."""


def draw_entropy(random_state):
    """What seeds all of a fit, which is an int of its own for each if ``random_state`` is none.

    Parameters
    ----------
    random_state : int, RandomState instance or None

    Returns
    -------
    entropy : int
    """
    return int(check_random_state(random_state).randint(2**31, dtype=np.int64))


@contextmanager
def kept_on_error(estimator):
    """Put an estimator's attributes back if what follows fails.

    Parameters
    ----------
    estimator : estimator
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def empty_cost():
    """An estimator's ``cost_`` before anything was done."""
    return {
        "calls": 0,
        "reads": 0,
        "sweeps": 0,
        "compile_seconds": 0.0,
        "sample_seconds": 0.0,
        "update_seconds": 0.0,
        "qpu_access_time": 0.0,
        "queries": 0,
        "faults": 0,
    }


def add_call(cost, states, info, seconds):
    """Count a call of a sampler.

    Parameters
    ----------
    cost : dict
        Changed in place.
    states : ndarray of shape (n_models, num_reads, ...)
    info : dict
        What the sampler said of the call.
    seconds : float
    """
    reads = states.shape[0] * states.shape[1]
    cost["calls"] += 1
    cost["reads"] += reads
    cost["sweeps"] += reads * info.get("num_sweeps", 0)
    cost["sample_seconds"] += seconds
    _add_device(cost, info)


def add_failed_call(cost, error, seconds):
    """Count a call of a sampler that failed: what a device had done by then.

    Parameters
    ----------
    cost : dict
        Changed in place.
    error : Exception
        With ``call_info``, if a device was called.
    seconds : float
    """
    cost["sample_seconds"] += seconds
    _add_device(cost, getattr(error, "call_info", {}))


def _add_device(cost, info):
    cost["qpu_access_time"] += info.get("qpu_access_time", 0.0)
    cost["queries"] += info.get("num_queries", 0)
    cost["faults"] += info.get("num_faults", 0)


def stop_reason(error):
    """What a fit that ended so says of it, in ``stop_reason_``.

    Parameters
    ----------
    error : KeyboardInterrupt or SamplerFailure

    Returns
    -------
    reason : str
    """
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"sampler: {error}"


def check_classes(y):
    """Labels as numbers of classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)

    Returns
    -------
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of shape (n_samples,), int64

    Raises
    ------
    ValueError
        If these are no classes, or fewer than two.
    """
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            "A classifier needs samples of at least 2 classes in the data, but the data "
            f"contains only one class: {classes[0]}."
        )
    return y, classes, codes


def weigh(estimator, sample_weight, X, y):
    """Weights of samples times those of their classes.

    Parameters
    ----------
    estimator : classifier
        With a parameter ``class_weight``.
    sample_weight : array-like of shape (n_samples,), or None
    X : array-like of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)

    Returns
    -------
    weights : ndarray of shape (n_samples,), or None where neither is given

    Raises
    ------
    ValueError
        If a weight is negative or all are 0.
    """
    if sample_weight is None and estimator.class_weight is None:
        return None
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    return with_class_weights(weights, y, estimator.class_weight, type(estimator).__name__)
