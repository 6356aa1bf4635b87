"""Wrapped samplers in pickles."""

from __future__ import annotations

import copyreg
import pickle
import sys
from typing import Any

import joblib


def make_picklable(sampler, caller: str):
    """The sampler, or a wrapper of it which pickle takes and which unpickles to it.

    Raises
    ------
    TypeError
        If it cannot be pickled at all; the text says what to use instead.
    """
    _teach_pickle()
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


def _teach_pickle() -> None:
    """Make pickles of dwave-system's composites that can be loaded again.

    The embedding that they hold is a dict that refuses changes, by which pickle fills a dict
    (dwave-system 1.36).
    """
    transforms = sys.modules.get("dwave.embedding.transforms")
    if transforms is not None:
        copyreg.pickle(transforms.EmbeddedStructure, _take_apart)


def _take_apart(structure) -> tuple[Any, tuple]:
    return _put_together, (type(structure), dict(structure), dict(vars(structure)))


def _put_together(kind: type[dict], chains: dict, attributes: dict) -> Any:
    structure: Any = dict.__new__(kind)
    dict.update(structure, chains)
    vars(structure).update(attributes)
    return structure
