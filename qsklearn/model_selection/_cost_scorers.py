"""What fits cost, as columns of ``cv_results_``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qsklearn._checks import check_instance, is_among
from qsklearn.model_selection._fitted import find_cost

COST_NAMES = (
    "calls",
    "reads",
    "sweeps",
    "queries",
    "faults",
    "qpu_access_time",
    "compile_seconds",
    "sample_seconds",
    "update_seconds",
    "oracle_queries",
)


@dataclass(frozen=True)
class CostScorer:
    """An entry of a fitted estimator's ``cost_``, in the form of a scorer."""

    name: str

    @property
    def __name__(self):
        # What the displays of scikit-learn call a score by.
        return self.name

    def __call__(self, estimator, X=None, y=None) -> float:
        cost = find_cost(estimator) or {}
        return float(cost.get(self.name, math.nan))


def cost_scorers(names=("qpu_access_time", "queries", "reads")) -> dict[str, CostScorer]:
    """Scorers that put what a fit cost beside its scores.

    Parameters
    ----------
    names : str or sequence of str, default=("qpu_access_time", "queries", "reads")
        Entries of ``cost_``: also ``"calls"``, ``"faults"``, ``"sweeps"``, ``"sample_seconds"``,
        ``"compile_seconds"``, ``"update_seconds"``, and ``"oracle_queries"`` of a search by
        circuits.

    Returns
    -------
    scorers : dict of str to callable
        For ``scoring`` of ``cross_validate`` and searches, among others. Not a number for an
        estimator without a ``cost_``, or without that entry. More is not better: rank by another.
        They are of the fit. What predicting asks of a sampler, as that of a QUBOTransferClassifier
        does, is in its ``sampling_report``, and in the account of a ``Budget``.

    Raises
    ------
    ValueError
        If there is no such entry.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_validate
    >>> from qsklearn import SpinGlassAnnealedNetwork
    >>> from qsklearn.model_selection import cost_scorers
    >>> found = cross_validate(
    ...     SpinGlassAnnealedNetwork(max_iter=3, random_state=0),
    ...     *load_iris(return_X_y=True),
    ...     cv=3,
    ...     scoring={"accuracy": "accuracy", **cost_scorers(["reads"])},
    ... )
    >>> found["test_reads"]
    array([9., 9., 9.])
    """
    check_instance(names, (str, list, tuple), "names", "cost_scorers")
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if not is_among(name, COST_NAMES)]
    if unknown:
        raise ValueError(
            "The 'names' parameter of cost_scorers must be among "
            f"{', '.join(map(repr, COST_NAMES))}. Got {unknown[0]!r} instead."
        )
    return {name: CostScorer(name) for name in names}
