"""What every estimator, transformer and sampler of the package is. For every room."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, ClassVar

import numpy as np
from sklearn import base

from qsklearn._versions import InconsistentVersionWarning, versions_of

_KEY = "_qsklearn_version"


class BaseEstimator(base.BaseEstimator):
    """scikit-learn's, with the package's version in what is saved.

    Pickle, joblib and skops save it, and loading warns where the versions differ. scikit-learn does
    so for its own classes alone.

    Examples
    --------
    >>> from qsklearn.preprocessing import ThermometerEncoder
    >>> sorted(ThermometerEncoder().__getstate__())[0]
    '_qsklearn_version'
    """

    # Attributes that are lists of numbers, one an iteration, or dicts of such lists.
    _histories: ClassVar[tuple[str, ...]] = ()

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), _KEY: _version()}
        return state | {name: as_arrays(state[name]) for name in self._histories if name in state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        original, current = state.pop(_KEY, "unknown"), _version()
        if original != current:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=current,
                    original_version=original,
                ),
                stacklevel=2,
            )
        lists = {name: as_lists(state[name]) for name in self._histories if name in state}
        super().__setstate__(state | lists)


def as_arrays(history: Any) -> Any:
    """A history as files hold it: skops writes some 300 bytes for each number of a list.

    Parameters
    ----------
    history : list of numbers, dict of such lists, or None

    Returns
    -------
    arrays : ndarray, dict of ndarray, or None
    """
    if isinstance(history, dict):
        return {name: as_arrays(values) for name, values in history.items()}
    return None if history is None else np.array(history)


def as_lists(arrays: Any) -> Any:
    """The history that :func:`as_arrays` took; lists, as older files hold them, stay lists."""
    if isinstance(arrays, dict):
        return {name: as_lists(values) for name, values in arrays.items()}
    return None if arrays is None else np.asarray(arrays).tolist()


@cache
def _version() -> str:
    return str(versions_of(["qsklearn"])["qsklearn"])
