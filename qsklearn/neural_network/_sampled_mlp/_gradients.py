"""Gradients of the sampled MLP's objectives: pure functions of weights, data and draws.

Hidden bits never need to be drawn: their means given y are known in closed form
(Rao-Blackwellisation), k̄(y) = σ(a + W₂y). All gradients are those of an average over a batch,
in the order of scikit-learn's ``coefs_ + intercepts_``: W₁, W₂, b, c.
"""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax


def pattern_frequencies(hamiltonian, outputs):
    """Frequencies of the outputs' patterns among draws.

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    outputs : ndarray of shape (n_samples, num_reads, n_outputs), values 0 or 1

    Returns
    -------
    frequencies : ndarray of shape (n_samples, n_patterns)
    """
    numbers = hamiltonian.pattern_of(outputs)
    n_samples, num_reads = numbers.shape
    n_patterns = len(hamiltonian.patterns)
    flat = numbers + n_patterns * np.arange(n_samples)[:, np.newaxis]
    counts = np.bincount(flat.ravel(), minlength=n_samples * n_patterns)
    return counts.reshape(n_samples, n_patterns) / num_reads


def likelihood_gradient(hamiltonian, X, outputs, weights, probabilities):
    r"""Gradient of the average log P(y|x), given the law of the model's own outputs.

    .. math:: \partial_{W_1} = \langle x\, \bar k(y)^\top \rangle_\mathrm{data}
        - \langle x\, \bar k(\tilde y)^\top \rangle_{\tilde y \sim P(y|x)},

    likewise for the other weights.

    Parameters
    ----------
    hamiltonian : SampledMLPHamiltonian
    X : array-like or sparse matrix of shape (n_samples, n_features)
    outputs : ndarray of shape (n_samples, n_outputs)
        The data's y, values 0 or 1.
    weights : ndarray of shape (n_samples,)
        Weights of the data points, with a positive sum.
    probabilities : ndarray of shape (n_samples, n_patterns)
        P(y|x), exact or as frequencies of draws.

    Returns
    -------
    gradient : list of ndarray
    """
    differences = -probabilities
    differences[np.arange(len(outputs)), hamiltonian.pattern_of(outputs)] += 1.0
    differences *= (weights / weights.sum())[:, np.newaxis]
    activations = hamiltonian.activations(X)
    hidden = np.zeros_like(activations)
    output_gradient = np.zeros_like(hamiltonian.output_weights)
    for pattern, difference in zip(hamiltonian.patterns, differences.T, strict=True):
        means = expit(activations + hamiltonian.output_weights @ pattern)
        hidden += difference[:, np.newaxis] * means
        output_gradient += np.outer(difference @ means, pattern)
    bias_gradient = differences.sum(axis=0) @ hamiltonian.patterns
    return [X.T @ hidden, output_gradient, hidden.sum(axis=0), bias_gradient]


def likelihood_gradient_from_reads(hamiltonian, X, outputs, weights, drawn):
    """As :func:`likelihood_gradient`, read by read, for outputs with too many patterns to list.

    Parameters
    ----------
    hamiltonian, X, outputs, weights
        As there.
    drawn : ndarray of shape (n_samples, num_reads, n_outputs), values 0 or 1

    Returns
    -------
    gradient : list of ndarray
    """
    share = (weights / weights.sum())[:, np.newaxis]
    activations = hamiltonian.activations(X)
    num_reads = drawn.shape[1]
    hidden = np.zeros_like(activations)
    output_gradient = np.zeros_like(hamiltonian.output_weights)
    phases = [(outputs, share)]
    phases += [(drawn[:, read].astype(float), -share / num_reads) for read in range(num_reads)]
    for visible, phase_share in phases:
        means = phase_share * expit(activations + visible @ hamiltonian.output_weights.T)
        hidden += means
        output_gradient += means.T @ visible
    bias_gradient = (share * (outputs - drawn.mean(axis=1))).sum(axis=0)
    return [X.T @ hidden, output_gradient, hidden.sum(axis=0), bias_gradient]


def mlp_outputs(hamiltonian, X):
    """Raw outputs of the MLP with the same weights, W₂ᵀσ(W₁ᵀx + b) + c.

    Returns
    -------
    raw : ndarray of shape (n_samples, n_outputs)
    """
    hidden = expit(hamiltonian.activations(X))
    return hidden @ hamiltonian.output_weights + hamiltonian.output_bias


def mlp_losses(hamiltonian, X, outputs):
    """Cross-entropy of the MLP, one a data point.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
    """
    raw = mlp_outputs(hamiltonian, X)
    if hamiltonian.categorical:
        return -(outputs * log_softmax(raw, axis=1)).sum(axis=1)
    return -(outputs * log_expit(raw) + (1 - outputs) * log_expit(-raw)).sum(axis=1)


def backprop_gradient(hamiltonian, X, outputs, weights):
    """Gradient of minus the MLP's average cross-entropy, by backpropagation.

    To first order in the weights this loss equals the negative log-likelihood: the paper's
    equivalence.

    Returns
    -------
    gradient : list of ndarray
    """
    hidden = expit(hamiltonian.activations(X))
    raw = hidden @ hamiltonian.output_weights + hamiltonian.output_bias
    predicted = softmax(raw, axis=1) if hamiltonian.categorical else expit(raw)
    error = (weights / weights.sum())[:, np.newaxis] * (outputs - predicted)
    back = (error @ hamiltonian.output_weights.T) * hidden * (1 - hidden)
    return [X.T @ back, hidden.T @ error, back.sum(axis=0), error.sum(axis=0)]


def cosine(gradient, other):
    """Cosine of the angle between two gradients, all weights taken together.

    Returns
    -------
    cosine : float
        NaN where one of them vanishes.
    """
    dot = sum(np.vdot(a, b) for a, b in zip(gradient, other, strict=True))
    norms = [np.sqrt(sum(np.vdot(a, a) for a in some)) for some in (gradient, other)]
    return float(dot / (norms[0] * norms[1])) if all(norms) else float("nan")
