"""Values of parameters, inside and just outside of what classes declare in their constraints."""

import math
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

# What would cost time; a valid call takes few.
FEW = {
    "num_reads": 6,
    "num_sweeps": 12,
    "population_size": 40,
    "num_slices": 4,
    "num_runs": 20,
    "num_temperatures": 4,
    "num_sweeps_per_exchange": 4,
    "max_iter": 2,
    "n_hidden": 4,
    "n_latent": 6,
    "n_chains": 8,
    "n_bits": 4,
    "n_levels": 5,
    "batch_size": 8,
    "n_solutions": 5,
    "max_queries": 40,
    "n_iter_no_change": 3,
    "checkpoint_interval": 3,
    "max_weight_qubits": 14,
    "num_spin_reversal_transforms": 2,
    "max_parallel": 3,
    "chip": 3,
}


def inside(source, name, constraints):
    """A value that a parameter's constraints allow; None where there is none to be made up."""
    if isinstance(constraints, str):
        return None
    values = [value for each in constraints for value in _inside(source, name, each)]
    return source.choice(*values) if values else None


def outside(source, constraints):
    """A value that is just outside, as a list of one; empty where there is none."""
    if isinstance(constraints, str) or any(isinstance(each, str) for each in constraints):
        constraints = [] if isinstance(constraints, str) else constraints
    found = [value for each in constraints for value in _beside(source, each)]
    found += [] if None in constraints else [None]
    found += [object(), {"a", "b"}]
    fine = [value for value in found if not any(_allows(each, value) for each in constraints)]
    return [source.choice(*fine)] if fine else []


def _inside(source, name, constraint):
    if name == "num_threads":  # any but 0, which the constraint does not tell
        return [1, 2, -1]
    if isinstance(constraint, Interval):
        return [_of_interval(source, name, constraint)]
    if isinstance(constraint, Options):
        return sorted(constraint.options, key=str)
    if constraint is None:
        return [None]
    if constraint == "boolean":
        return [True, False, np.bool_(True)]
    if constraint == "random_state":
        return [None, 0, 2**32 - 1, np.random.RandomState(0)]
    if constraint == "verbose":
        return [0, 1, True]
    if constraint is Integral:
        return [1, 2]
    return []


def _of_interval(source, name, interval):
    low = -10.0 if interval.left is None else float(interval.left)
    high = low + 10.0 if interval.right is None else float(interval.right)
    if interval.type is Integral:
        first = math.ceil(low) + (interval.closed in ("right", "neither") and low == math.ceil(low))
        last = min(max(FEW.get(name, 6), first), math.floor(high))
        return source.choice(first, last, source.integer(first, max(first, last)), np.int8(first))
    inner = low + (high - low) * source.choice(0.5, 1e-9, 0.9)
    if interval.left is not None and interval.closed in ("left", "both"):
        return source.choice(low, inner, np.float32(inner))
    return source.choice(inner, np.float64(inner))


def _beside(source, constraint):
    if isinstance(constraint, Interval):
        step = 1 if constraint.type is Integral else 1e-3
        found = [math.nan, "3"]
        if constraint.left is not None:
            found += [constraint.left - step]
            found += [constraint.left] if constraint.closed in ("right", "neither") else []
        if constraint.right is not None:
            found += [constraint.right + step]
            found += [constraint.right] if constraint.closed in ("left", "neither") else []
        return found + ([2.5] if constraint.type is Integral else [])
    if isinstance(constraint, StrOptions):
        return ["nonsense", "", sorted(constraint.options)[0].upper() + "_"]
    return []


def _allows(constraint, value):
    if isinstance(constraint, Interval):
        is_number = isinstance(value, constraint.type) and not isinstance(value, bool)
        return is_number and value in constraint
    if isinstance(constraint, Options):
        return isinstance(value, constraint.type) and value in constraint.options
    if isinstance(constraint, HasMethods):
        return constraint.is_satisfied_by(value)
    if isinstance(constraint, type):
        return isinstance(value, constraint)
    if constraint in ("boolean", "verbose"):
        return isinstance(value, bool | np.bool_ | int)
    if constraint == "random_state":
        return value is None or isinstance(value, Integral)
    if constraint == "array-like":
        return hasattr(value, "__len__")
    if constraint is callable:
        return callable(value)
    return constraint is value or value is None and constraint is None


def is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)
