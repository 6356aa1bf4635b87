"""Checks of the results of other rooms that a display reads, by attribute and by method."""

from __future__ import annotations


def check_result(result, names, parameter, caller, kind):
    """Raise ValueError unless a result has all attributes and methods that are read.

    Parameters
    ----------
    result : object
        What was given.
    names : sequence of str
        What it must have.
    parameter : str
        Its name among the parameters.
    caller : str
        The public method, for the error.
    kind : str
        What is expected, such as "a ComparisonResult, as qsklearn.model_selection.compare returns".

    Raises
    ------
    ValueError
        If something is missing.
    """
    if not all(hasattr(result, name) for name in names):
        raise ValueError(
            f"The '{parameter}' parameter of {caller} must be {kind}. Got "
            f"{type(result).__name__} instead."
        )
