"""What an estimator will ask of a sampler, and of the device behind it."""

import numpy as np

from qsklearn._checks import check_integer
from qsklearn.samplers._reverse_annealing import restart_arguments

_MOST = 2**48  # of rows and features, far beyond any memory
_NOTHING = {"calls": 0, "models": 0, "reads": 0, "queries": 0, "qpu_access_time": 0.0}


def no_cost():
    """The cost of asking nothing.

    Returns
    -------
    cost : dict
        ``calls`` of the sampler, ``models``, ``reads``; ``queries`` of a device and their
        ``qpu_access_time`` in microseconds.
    """
    return dict(_NOTHING)


def cost_of_family(sampler, n_models, pattern, num_reads, *, one_hot=None, **anneal):
    """What drawing one family asks.

    Parameters
    ----------
    sampler : object with ``sample_arrays``
    n_models : int
    pattern : array-like or sparse matrix of shape (n_spins, n_spins)
        Not 0 where spins are coupled.
    num_reads : int
    one_hot : tuple of (start, stop), default=None
    **anneal
        Of a device's calls, as of :func:`cost_of_restart`.

    Returns
    -------
    cost : dict
        As of :func:`no_cost`.
    """
    cost = {**_NOTHING, "calls": 1, "models": n_models, "reads": n_models * num_reads}
    if n_models and hasattr(sampler, "estimate_cost"):
        fields = np.zeros((n_models, pattern.shape[0]))
        words = {"one_hot": one_hot, "num_reads": num_reads, **anneal}
        device = sampler.estimate_cost(fields, pattern, **words)
        cost |= {"queries": device["num_calls"], "qpu_access_time": device["qpu_access_time"]}
    return cost


def cost_of_restart(sampler):
    """What makes a device's calls start from states, as arguments of its cost."""
    arguments = restart_arguments(sampler)
    is_reverse = arguments is not None and "anneal_schedule" in sampler.parameters
    return {"is_reverse": True, **arguments} if is_reverse else {}


def add_costs(*parts):
    """The sum of some costs, each a cost or a pair (number of times, cost)."""
    total = no_cost()
    for part in parts:
        times, cost = part if isinstance(part, tuple) else (1, part)
        for name in total:
            total[name] += times * cost[name]
    return total


def complete_pattern(n_spins):
    """All pairs coupled.

    Returns
    -------
    pattern : ndarray of shape (n_spins, n_spins)
    """
    return 1.0 - np.eye(n_spins)


def bipartite_pattern(n_first, n_second):
    """Each of the first spins coupled to each of the second.

    Returns
    -------
    pattern : ndarray of shape (n_first + n_second, n_first + n_second)
    """
    is_first = np.arange(n_first + n_second) < n_first
    return (is_first[:, np.newaxis] != is_first).astype(float)


def check_asked(n_samples, n_features, n_outputs, method, caller):
    """Refuse numbers that are none, and what is no step of an estimator that costs something.

    Raises
    ------
    ValueError
    """
    caller = f"{caller}.estimate_cost"
    check_integer(n_samples, "n_samples", caller, 0, _MOST)
    check_integer(n_features, "n_features", caller, 1, _MOST)
    if n_outputs is not None:
        check_integer(n_outputs, "n_outputs", caller, 1, _MOST)
    if not isinstance(method, str) or method not in ("fit", "predict"):
        raise ValueError(
            f"The 'method' parameter of {caller} must be 'fit' or 'predict'. Got {method!r} "
            "instead."
        )
