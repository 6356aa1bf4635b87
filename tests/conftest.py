"""What several rooms' tests share: exact laws of small models, draws tested against them, data."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chi2


def _all_states(n_spins, one_hot=None):
    bits = (np.arange(2**n_spins)[:, np.newaxis] >> np.arange(n_spins)) & 1
    states = (2 * bits - 1).astype(np.int8)
    if one_hot is not None:
        states = states[(states[:, slice(*one_hot)] == 1).sum(axis=1) == 1]
    return states


def _energies(h, J, states):
    states = states.astype(float)
    return states @ h + 0.5 * np.einsum("...i,ij,...j", states, J, states)


def _enumerate(h, J, beta, one_hot=None):
    """States, probabilities, log Z and energies of a small model."""
    states = _all_states(len(h), one_hot)
    energies = _energies(h, J, states)
    log_z = logsumexp(-beta * energies)
    return SimpleNamespace(
        states=states,
        energies=energies,
        probabilities=np.exp(-beta * energies - log_z),
        log_z=log_z,
    )


def _ground_law(h, J, one_hot=None):
    """The uniform law of the ground states."""
    law = _enumerate(h, J, 0.0, one_hot)
    tied = law.energies <= law.energies.min() + 1e-9 * np.abs(law.energies).max()
    law.probabilities = tied / tied.sum()
    return law


def _p_value(states, law):
    """Chi-square test of draws against a law; rare states are pooled to an expected count of 10.

    Draws that the law forbids give 0.
    """
    code = 1 << np.arange(states.shape[1])
    counts = np.bincount((states > 0) @ code, minlength=2 ** states.shape[1])
    counts = counts[(law.states > 0) @ code]
    if counts.sum() < len(states) or counts[law.probabilities == 0].any():
        return 0.0
    expected = law.probabilities * len(states)
    order = np.argsort(expected)
    pooled = order[: max(np.searchsorted(np.cumsum(expected[order]), 10.0) + 1, 0)]
    rest = np.setdiff1d(order, pooled)
    got = np.append(counts[rest], counts[pooled].sum())
    wanted = np.append(expected[rest], expected[pooled].sum())
    if len(wanted) < 2:
        return 1.0
    return chi2.sf(((got - wanted) ** 2 / wanted).sum(), len(wanted) - 1)


def _symmetric(n_spins, rng, density=1.0):
    upper = np.triu(rng.normal(size=(n_spins, n_spins)) * (rng.random((n_spins,) * 2) < density), 1)
    return upper + upper.T


def _bipartite(n_left, n_right, rng):
    J = np.zeros((n_left + n_right,) * 2)
    J[:n_left, n_left:] = rng.normal(size=(n_left, n_right)) / np.sqrt(n_left)
    return J + J.T


@pytest.fixture(scope="session")
def ising():
    """Small Ising models E = h·s + ½ sᵀJs, their exact laws, and draws tested against them."""
    return SimpleNamespace(
        all_states=_all_states,
        energies=_energies,
        enumerate=_enumerate,
        ground_law=_ground_law,
        p_value=_p_value,
        symmetric=_symmetric,
        bipartite=_bipartite,
    )


@pytest.fixture(scope="session")
def fawaz():
    """The two problems of Fawaz et al. (2019), all patterns of three inputs, by number."""
    rows = np.array(list(product([-1, 1], repeat=3)))
    x1, x2, x3 = rows.T
    return SimpleNamespace(
        rows=rows,
        labels={
            1: np.where(x3 * x1 + x2 >= 0, 1, -1),
            2: np.where(x1 + x2 + x3 >= 0, 1, -1),
        },
        # How many of 256 settings of two units without bias classify so many patterns correctly.
        histograms={1: [0, 0, 8, 0, 120, 0, 120, 0, 8], 2: [4, 0, 48, 0, 152, 0, 48, 0, 4]},
    )
