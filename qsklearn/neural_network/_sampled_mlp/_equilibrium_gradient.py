"""Equilibrium propagation in the sampled MLP: pure functions of weights, data and states.

Scellier and Bengio's rule for the energy E of this package. With the cost C of the outputs and a
nudge ν, states s_ν of low E + ν C, and s_0 of low E,

    -∂C/∂W ~ (1/ν) [ ∂E/∂W (s_0) - ∂E/∂W (s_ν) ],    ∂E/∂W1 = -x kᵀ, ∂E/∂W2 = -k yᵀ, ...

Gradients are in the order of scikit-learn's ``coefs_ + intercepts_``: W₁, W₂, b, c.
"""

import numpy as np


def contrast(hamiltonian, X, states, weights):
    r"""Average over the data of :math:`-\partial E / \partial W`, one state a data point.

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    X : array-like or sparse matrix of shape (n_samples, n_features)
    states : ndarray of shape (n_samples, n_spins)
        Spins -1 or +1.
    weights : ndarray of shape (n_samples,)
        Of the average; they may have both signs.

    Returns
    -------
    gradient : list of ndarray
    """
    bits = (np.asarray(states, dtype=float) + 1.0) / 2.0
    hidden, outputs = np.split(bits, [hamiltonian.n_hidden], axis=1)
    share = weights[:, np.newaxis]
    return [
        X.T @ (share * hidden),
        hidden.T @ (share * outputs),
        (share * hidden).sum(axis=0),
        (share * outputs).sum(axis=0),
    ]


def equilibrium_gradient(hamiltonian, X, low, high, weights, span):
    r"""Direction in which the average cost falls, from two states of each data point.

    .. math:: \frac{1}{\nu_1 - \nu_2} \left[ \frac{\partial E}{\partial W}(s_{\nu_2})
        - \frac{\partial E}{\partial W}(s_{\nu_1}) \right]

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    X : array-like or sparse matrix of shape (n_samples, n_features)
    low, high : ndarrays of shape (n_samples, n_spins)
        Spins -1 or +1 of the state that is nudged more towards the right outputs, s_ν₁, and of the
        one that is nudged less, or away, s_ν₂.
    weights : ndarray of shape (n_samples,)
        Weights of the data points, with a positive sum.
    span : float
        The difference ν₁ - ν₂ of the nudges.

    Returns
    -------
    gradient : list of ndarray
    """
    moved = np.flatnonzero((low != high).any(axis=1))  # the others have no gradient
    share = weights[moved] / (weights.sum() * span)
    up = contrast(hamiltonian, X[moved], low[moved], share)
    down = contrast(hamiltonian, X[moved], high[moved], share)
    return [a - b for a, b in zip(up, down, strict=True)]


def lowest_states(hamiltonian, X, outputs, strengths):
    """States of the lowest E + ν C, by enumeration of the outputs.

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    X : array-like or sparse matrix of shape (n_samples, n_features)
    outputs : ndarray of shape (n_samples, n_outputs), values 0 or 1
        What the cost C compares with.
    strengths : float or ndarray of shape (n_samples,)
        The ν.

    Returns
    -------
    states : ndarray of shape (n_samples, n_spins), int8
        Spins -1 or +1; of states of the same energy the first.
    """
    costs = hamiltonian.costs(hamiltonian.patterns, np.asarray(outputs)[:, np.newaxis])
    nudged = hamiltonian.lowest_energies(X) + np.reshape(strengths, (-1, 1)) * costs
    chosen = hamiltonian.patterns[nudged.argmin(axis=1)]
    hidden = hamiltonian.activations(X) + chosen @ hamiltonian.output_weights.T > 0
    return np.where(np.hstack([hidden, chosen > 0]), 1, -1).astype(np.int8)


def ground_decision(hamiltonian, X):
    """How much lower the lowest state with an output is than the lowest one without.

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    X : array-like or sparse matrix of shape (n_samples, n_features)

    Returns
    -------
    decision : ndarray of shape (n_samples, n_outputs)
        Of a categorical unit minus the lowest energy with each class. The lowest state of all has
        the largest, or of independent bits those above 0.
    """
    energies = hamiltonian.lowest_energies(X)
    if hamiltonian.categorical:
        return -energies
    ups = hamiltonian.patterns.T > 0
    return np.stack(
        [energies[:, ~up].min(axis=1) - energies[:, up].min(axis=1) for up in ups], axis=1
    )
