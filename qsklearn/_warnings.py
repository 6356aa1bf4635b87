"""Warnings that point at the user's own line. For every room."""

from __future__ import annotations

import inspect
import warnings

# A warning of a fit inside a search or a pipeline is still of the line that began it.
_INNER = ("qsklearn", "sklearn", "joblib")


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line of code outside the package, and outside scikit-learn, that led here.

    Counting frames by hand goes wrong whenever a decorator or a function comes between.

    Parameters
    ----------
    text : str
    category : type of Warning, default=UserWarning
    """
    level, frame = 2, inspect.currentframe().f_back
    while frame.f_back is not None and _is_inner(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def _is_inner(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in _INNER
