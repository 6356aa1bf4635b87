"""Seeds to streams: one key a model, from which kernels make one stream a read."""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: np.ndarray) -> np.ndarray:
    """Finaliser of splitmix64, element by element."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def make_keys(seed, n_models: int) -> np.ndarray:
    """Keys of the models' random streams.

    Parameters
    ----------
    seed : int, array of int of shape (n_models,), keys, or None
        An int seeds the family: model m gets stream m. An array seeds each model for itself, so
        that a model's draws do not depend on its place. Keys, as returned, are passed on. None
        takes fresh entropy.
    n_models : int

    Returns
    -------
    keys : ndarray of shape (n_models, 2), uint64
    """
    if np.ndim(seed) == 2:
        return seed
    keys = np.empty((n_models, 2), np.uint64)
    if np.ndim(seed) == 1:
        keys[:, 0] = _mix(np.asarray(seed).astype(np.uint64) + _GOLDEN)
        keys[:, 1] = _mix(keys[:, 0] + _GOLDEN)
        return keys
    base, other = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    keys[:, 0] = _mix(base + np.arange(n_models, dtype=np.uint64) * _GOLDEN)
    keys[:, 1] = other
    return keys


def check_seed(seed, n_models: int, caller: str):
    """A seed as :func:`make_keys` takes it.

    Raises
    ------
    ValueError
        If an array is not one integer >= 0 for each model.
    """
    if not isinstance(seed, np.ndarray):
        return seed
    is_integer = np.issubdtype(seed.dtype, np.integer)
    if seed.shape != (n_models,) or not is_integer or (seed < 0).any():
        raise ValueError(
            f"The 'seed' parameter of {caller} must be an integer >= 0, or an array of one for "
            f"each of the {n_models} models. Got an array of shape {seed.shape} and type "
            f"{seed.dtype} instead."
        )
    return seed


def make_call_seeds(seed, n_models: int) -> np.ndarray:
    """One seed below 2³¹ a model, for samplers that are called model by model."""
    return (make_keys(seed, n_models)[:, 0] >> np.uint64(33)).astype(np.int64)
