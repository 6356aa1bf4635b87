"""What every estimator, transformer and sampler of the package is. For every room."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

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

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), _KEY: _version()}

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
        super().__setstate__(state)


@cache
def _version() -> str:
    return str(versions_of(["qsklearn"])["qsklearn"])
