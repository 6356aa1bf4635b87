"""What the estimators share."""

from contextlib import contextmanager


class SamplerFailure(RuntimeError):
    """A sampler's call failed for a reason of its own, after it was called correctly."""


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
    cost["qpu_access_time"] += info.get("qpu_access_time", 0.0)
