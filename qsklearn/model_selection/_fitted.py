"""What a fitted estimator says about its fit, also from inside a pipeline or a search."""

from __future__ import annotations

import numpy as np


def find_attribute(estimator, attribute):
    """An attribute of a fitted estimator or of the one that it wraps, or None."""
    if (value := getattr(estimator, attribute, None)) is not None:
        return value
    steps = getattr(estimator, "steps", None)
    inner = steps[-1][1] if steps else None
    for name in ("best_estimator_", "estimator_"):
        inner = getattr(estimator, name, inner)
    return None if inner is None else find_attribute(inner, attribute)


def find_cost(estimator):
    """What a fitted estimator says that its training cost, or None."""
    cost = find_attribute(estimator, "cost_")
    return {key: plain(value) for key, value in cost.items()} if isinstance(cost, dict) else None


def plain(value):
    """A Python scalar for numpy's; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value
