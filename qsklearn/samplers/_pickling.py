"""Wrapped samplers in pickles."""

from __future__ import annotations

import pickle

import joblib


def make_picklable(sampler, caller: str):
    """The sampler, or a wrapper of it which pickle takes and which unpickles to it.

    Raises
    ------
    TypeError
        If it cannot be pickled at all; the text says what to use instead.
    """
    try:
        pickle.dumps(sampler)
        return sampler
    except Exception as error:
        # Composites hold functions, which cloudpickle takes and pickle does not.
        wrapped = joblib.wrap_non_picklable_objects(sampler, keep_wrapper=False)
        try:
            pickle.dumps(wrapped)
        except Exception:
            raise TypeError(
                f"{type(sampler).__name__} cannot be pickled ({error}), so neither can {caller}. "
                "Give the estimator a sampler by name (sampler='gibbs', say), which is opened anew "
                "in each process."
            ) from error
        return wrapped
