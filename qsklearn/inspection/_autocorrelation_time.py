"""Autocorrelation of chains of draws, and the times and sizes that follow from it."""

from __future__ import annotations

import numpy as np
from scipy import fft

_SOKAL_FACTOR = 5.0  # times tau that the window is at least; Sokal's c, of tau_int = tau / 2, is 10
_LEAST_TIME = 1e-9  # what is not above 0 cannot be a tau
_BLOCK_BYTES = 64e6  # that the transforms of some series take at once
_ROUNDING = 1e-12  # of the mean square; less variance is rounding


def autocorrelate(chains):
    """Normalised autocorrelation function of chains, pooled.

    rho(t) = c(t) / c(0) with c(t) = Σ (x_s - mean) (x_{s+t} - mean) / n, the mean over all chains
    (so that chains that have not mixed show it), summed over the components of a draw.

    Parameters
    ----------
    chains : ndarray of shape (n_chains, n_draws, n_components)

    Returns
    -------
    autocorrelation : ndarray of shape (n_draws,)
        NaN where nothing varies.
    """
    n_chains, n_draws, n_components = chains.shape
    means = chains.mean(axis=(0, 1), dtype=float)
    n_points = fft.next_fast_len(2 * n_draws, real=True)
    n_together = max(1, int(_BLOCK_BYTES / (32 * n_points)))
    powers = np.zeros(n_points // 2 + 1)
    for chain in chains:
        for start in range(0, n_components, n_together):
            part = slice(start, start + n_together)
            series = fft.rfft(chain[:, part] - means[part], n_points, axis=0)
            powers += (series.real**2 + series.imag**2).sum(axis=1)
    covariances = fft.irfft(powers, n_points)[:n_draws]
    square = np.square(chains, dtype=float).sum()
    if covariances[0] <= _ROUNDING * max(square, np.finfo(float).tiny):
        return np.full(n_draws, np.nan)
    return covariances / covariances[0]


def n_effective_components(chains):
    """(tr C)² / tr(C²) of the components' covariance C: 1 if all move together, at most all.

    The autocorrelation of N independent draws has the standard deviation 1 / sqrt(N) over the
    root of this number.
    """
    rows = chains.reshape(-1, chains.shape[-1]).astype(float)
    rows -= rows.mean(axis=0)
    product = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
    return float(np.trace(product) ** 2 / np.square(product).sum())


def find_sokal_window(autocorrelation):
    """The least window of at least five times its own tau, or 1 / tau if that is more.

    The second is for draws that alternate, whose tau is small though they remember for long. It is
    the last lag if there is none.
    """
    times = 2.0 * np.cumsum(autocorrelation) - 1.0
    times = np.maximum(times, _LEAST_TIME)
    reached = np.arange(len(times)) >= _SOKAL_FACTOR * np.maximum(times, 1.0 / times)
    return int(np.argmax(reached)) if reached.any() else len(times) - 1


def find_geyer_window(autocorrelation):
    """The last lag of the initial sequence of positive sums rho(2k) + rho(2k + 1)."""
    n_pairs = len(autocorrelation) // 2
    sums = autocorrelation[: 2 * n_pairs].reshape(n_pairs, 2).sum(axis=1)
    ends = np.flatnonzero(sums <= 0)
    n_positive = ends[0] if ends.size else n_pairs
    return max(2 * int(n_positive) - 1, 0)


def integrate(autocorrelation, window, n_draws):
    """tau = 1 + 2 Σ rho(t) up to the window, and Madras and Sokal's standard error of it."""
    time = 2.0 * autocorrelation[: window + 1].sum() - 1.0
    return float(time), float(abs(time) * np.sqrt(2.0 * (2.0 * window + 1.0) / n_draws))
