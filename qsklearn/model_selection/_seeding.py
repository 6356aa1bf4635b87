"""One seed for every part of an estimator that has none."""

from __future__ import annotations

from sklearn.base import clone


def seeded_clone(estimator, seed):
    """A clone whose ``random_state`` parameters that were None, at any depth, are `seed`."""
    copy = clone(estimator)
    if seed is not None:
        unseeded = [
            name
            for name, value in copy.get_params(deep=True).items()
            if value is None and (name == "random_state" or name.endswith("__random_state"))
        ]
        copy.set_params(**dict.fromkeys(unseeded, seed))
    return copy
