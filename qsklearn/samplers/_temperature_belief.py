"""What is believed of a device's effective inverse temperature from call to call."""

from __future__ import annotations

import math

# Standard errors that an estimate must exceed. One that its error drowns would rescale the next
# call's program by chance, and that call's estimate the one after it.
SIGNIFICANT = 3.0
_MAX_HISTORY = 1000
# Two estimates of an error below this are the same: no belief is surer of the sixth digit.
_SMALLEST_ERROR = 1e-6


class TemperatureBelief:
    r"""A log-normal belief about a device's β_eff, updated by an estimate a call.

    A Kalman filter on m = log β_eff, whose variance is v. Between calls the device drifts, so
    that v grows by the squared ``drift``; an estimate b ± e, of relative variance r = (e / b)²,
    moves the belief by the gain K,

    .. math::

        v' = v + \text{drift}^2, \quad K = \frac{v'}{v' + r}, \quad
        m \leftarrow m + K (\log b - m), \quad v \leftarrow (1 - K) v'.

    One call alone moves a settled belief by ``max_change`` at most, because a bad call would
    spoil the next one's program. What is cut off goes into the belief's variance, so that a
    second call that agrees is taken: the limit is twice the belief's own error where that is more
    than ``max_change``. Without a prior the first estimate is taken as it is.

    Parameters
    ----------
    prior : tuple of (mean, standard deviation), or None
        What is known before the first call, such as the device's published profile.
    drift : float, default=0.01
        Standard deviation of the relative change of β_eff from a call to the next.
    max_change : float, default=0.1
        Relative change by one call that is always allowed.

    Attributes
    ----------
    history : list of (estimate, stderr)
        All estimates of the calls, also those that were not believed; the last 1000.

    Raises
    ------
    ValueError
        If the prior is not a pair of positive, finite numbers.

    Examples
    --------
    >>> from qsklearn.samplers._temperature_belief import TemperatureBelief
    >>> belief = TemperatureBelief(prior=(3.0, 0.3), drift=0.0)
    >>> belief.update(2.7, 0.27)
    True
    >>> round(belief.beta_eff, 2), round(belief.stderr, 2)  # half way, in the logarithm
    (2.85, 0.2)
    """

    def __init__(self, prior=None, *, drift: float = 0.01, max_change: float = 0.1):
        self.drift = drift
        self.max_change = max_change
        self.history: list[tuple[float, float]] = []
        self._log_mean = 0.0
        self._variance = math.inf
        if prior is not None:
            mean, deviation = _check_prior(prior)
            self._log_mean = math.log(mean)
            self._variance = (deviation / mean) ** 2

    @property
    def is_calibrated(self) -> bool:
        """Whether anything is known: a prior, or an estimate that was believed."""
        return math.isfinite(self._variance)

    @property
    def beta_eff(self) -> float:
        """The belief's median; 1 where nothing is known."""
        return math.exp(self._log_mean)

    @property
    def stderr(self) -> float:
        """The belief's standard deviation; NaN where nothing is known."""
        return self.beta_eff * math.sqrt(self._variance) if self.is_calibrated else math.nan

    def copy(self) -> TemperatureBelief:
        """A belief to go on from, which leaves this one as it is."""
        other = TemperatureBelief(drift=self.drift, max_change=self.max_change)
        other._log_mean, other._variance = self._log_mean, self._variance
        other.history = list(self.history)
        return other

    def agrees_with(self, estimate: float, stderr: float) -> bool:
        """Whether an estimate is within 3 standard errors of the belief, both errors counted.

        False where nothing is known, and for estimates without a standard error.
        """
        error = math.hypot(stderr, self.stderr)
        return math.isfinite(estimate) and abs(estimate - self.beta_eff) <= SIGNIFICANT * error

    def update(self, estimate: float, stderr: float) -> bool:
        """Take note of a call's estimate.

        Parameters
        ----------
        estimate, stderr : float
            β_eff of a call's draws, and its standard error.

        Returns
        -------
        is_believed : bool
            False for an estimate that is not finite, or not above 3 standard errors; it leaves
            the belief as it was, but for the drift.
        """
        estimate, stderr = float(estimate), float(stderr)
        self.history = [*self.history[1 - _MAX_HISTORY :], (estimate, stderr)]
        self._variance += self.drift**2
        # A comparison with NaN is false.
        if not (math.isfinite(estimate) and estimate > SIGNIFICANT * stderr and estimate > 0):
            return False
        noise = max(stderr / estimate, _SMALLEST_ERROR) ** 2
        surprise = math.log(estimate) - self._log_mean
        if not self.is_calibrated:
            self._log_mean, self._variance = math.log(estimate), noise
            return True
        gain = self._variance / (self._variance + noise)
        limit = max(math.log1p(self.max_change), 2.0 * math.sqrt(self._variance))
        step = min(max(gain * surprise, -limit), limit)
        self._log_mean += step
        self._variance = (1.0 - gain) * self._variance + (gain * surprise - step) ** 2
        return True


def _check_prior(prior) -> tuple[float, float]:
    try:
        mean, deviation = map(float, prior)
    except (TypeError, ValueError):
        mean, deviation = math.nan, math.nan
    if not (0 < mean < math.inf and 0 < deviation < math.inf):
        raise ValueError(
            "A prior of beta_eff (a sampler's property 'beta_eff_prior') must be a pair (mean, "
            f"standard deviation) of positive, finite numbers. Got {prior!r} instead."
        )
    return mean, deviation
