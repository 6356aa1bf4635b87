"""Which random stream is whose: chains of the same law that share their random numbers meet.

Two samplers with one seed would then return the same draws. So each use of random numbers has a
number of its own here, and samplers that go on step by step take a stream a step.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from qsklearn.samplers._seeds import make_keys

# Streams of one residue are one use's. A larger modulus, for more uses, changes all draws that take
# more than one step.
MODULUS = 16


class Stream(IntEnum):
    """A use of random numbers. Draws depend on the numbers: add new ones, and leave the others."""

    ANNEALING = 1
    GIBBS = 2
    POPULATION = 3
    RESAMPLING = 4
    TEMPERING = 5
    EXCHANGES = 6
    IMPORTANCE_FORWARD = 7
    IMPORTANCE_REVERSE = 8
    LONE_SPINS = 9
    POPULATION_DESCENT = 10
    WORLDLINES = 11
    WORLDLINES_WITHOUT_FIELD = 12
    DEVICE_SPINS = 13
    DEVICE_CLUSTERS = 14
    LEVELS = 15


def stream_of(use: Stream, step: int) -> int:
    """Number of a step's stream; that of step 0 is the use's own."""
    return use + MODULUS * step


def make_stream_keys(seed, n_models: int, stream: int) -> np.ndarray:
    """Keys of one stream of each model, as kernels take them.

    Parameters
    ----------
    seed, n_models
        As :func:`make_keys` takes them.
    stream : int
        A :class:`Stream`, or what :func:`stream_of` makes of one.

    Returns
    -------
    keys : ndarray of shape (n_models, 2), uint64
    """
    return make_keys(seed, n_models) + np.array([0, stream], np.uint64)
