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
