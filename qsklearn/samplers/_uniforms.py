"""Random numbers in Python from the keys of models: the same for any thread and any batch."""

from __future__ import annotations

import numpy as np

from qsklearn.samplers._seeds import _GOLDEN, _mix

_MANTISSA = 2.0**-53


def draw_uniforms(keys: np.ndarray, stream: int, n_uniforms: int) -> np.ndarray:
    """Uniform numbers in [0, 1), of which a longer list begins with the shorter one.

    Parameters
    ----------
    keys : ndarray of shape (n_models, 2), uint64
    stream : int
        A number of the caller's own, which no call of ``run_chains`` takes.
    n_uniforms : int

    Returns
    -------
    uniforms : ndarray of shape (n_models, n_uniforms)
    """
    counters = np.arange(1, n_uniforms + 1, dtype=np.uint64) * _GOLDEN
    bits = _mix(keys[:, :1] + counters) ^ (keys[:, 1:] + np.uint64(stream))
    return (_mix(_mix(bits) + _GOLDEN) >> np.uint64(11)) * _MANTISSA


def split_keys(keys: np.ndarray, n_parts: int) -> np.ndarray:
    """Keys of parts of each model, such as its temperatures.

    Returns
    -------
    keys : ndarray of shape (n_models, n_parts, 2), uint64
    """
    counters = np.arange(1, n_parts + 1, dtype=np.uint64) * _GOLDEN
    first = _mix(_mix(keys[:, :1] + counters) ^ keys[:, 1:])
    return np.stack([first, np.broadcast_to(keys[:, 1:], first.shape)], axis=-1)
