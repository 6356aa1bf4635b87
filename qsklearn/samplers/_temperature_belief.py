"""What is believed of a device's effective inverse temperature from call to call."""

from __future__ import annotations

import math

# Standard errors that the first estimate must exceed, and by which an estimate is certainly wrong.
SIGNIFICANT = 3.0
_MAX_HISTORY = 1000
# Relative error below which two estimates are the same: no belief is surer of the sixth digit.
_SMALLEST_ERROR = 1e-6
# Part of the belief that estimates below SIGNIFICANT leave of it at least, all together.
_SMALLEST_REST = 0.5


class TemperatureBelief:
    r"""A normal belief about a device's β_eff, updated by an estimate a call.

    A Kalman filter on β_eff itself, in which estimates are about normal. Of the mean m and the
    variance v, v grows between calls, as the device drifts by the part ``drift`` of m; an
    estimate b ± e moves them by the gain K,

    .. math::

        v' = v + (\text{drift} \cdot m)^2, \quad K = \frac{v'}{v' + e^2}, \quad
        m \leftarrow m + K (b - m), \quad v \leftarrow (1 - K) v'.

    Estimates that their errors drown count too, by their little weight: to believe only those
    that stand out would believe only high ones. Without a prior the first estimate is taken as it
    is, and so must stand out: one that its error drowns would rescale the next call's program by
    chance, and that call's estimate the one after it.

    One call alone moves a settled belief by the part ``max_change`` at most, because a bad call
    would spoil the next one's program. What is cut off goes into the belief's variance, so that a
    second call that agrees is taken: the limit is twice the belief's own error where that is more
    than ``max_change``.

    Estimates that their errors drown take away no more than half of what the last one that stood
    out, or the prior, made of the belief. Draws without any temperature, of which each estimate
    is noise about 0, would halve it again and again otherwise.

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
    >>> round(belief.beta_eff, 2), round(belief.stderr, 2)  # nearly half way
    (2.83, 0.2)
    """

    def __init__(self, prior=None, *, drift: float = 0.01, max_change: float = 0.1):
        self.drift = drift
        self.max_change = max_change
        self.history: list[tuple[float, float]] = []
        self._mean = 1.0
        self._variance = math.inf
        if prior is not None:
            self._mean, deviation = _check_prior(prior)
            self._variance = deviation**2
        self._anchor = self._mean  # after the last estimate that stood out

    @property
    def is_calibrated(self) -> bool:
        """Whether anything is known: a prior, or an estimate that was believed."""
        return math.isfinite(self._variance)

    @property
    def beta_eff(self) -> float:
        """The belief's mean; 1 where nothing is known."""
        return self._mean

    @property
    def stderr(self) -> float:
        """The belief's standard deviation; NaN where nothing is known."""
        return math.sqrt(self._variance) if self.is_calibrated else math.nan

    def copy(self) -> TemperatureBelief:
        """A belief to go on from, which leaves this one as it is."""
        other = TemperatureBelief(drift=self.drift, max_change=self.max_change)
        other._mean, other._variance, other._anchor = self._mean, self._variance, self._anchor
        other.history = list(self.history)
        return other

    def to_dict(self) -> dict:
        """All of it, as numbers."""
        return {**vars(self), "history": [list(pair) for pair in self.history]}

    @classmethod
    def from_dict(cls, numbers: dict) -> TemperatureBelief:
        """The other way round."""
        belief = cls()
        vars(belief).update(numbers)
        belief.history = [(estimate, stderr) for estimate, stderr in numbers["history"]]
        return belief

    def update(self, estimate: float, stderr: float) -> bool:
        """Take note of a call's estimate.

        Parameters
        ----------
        estimate, stderr : float
            β_eff of a call's draws, and its standard error.

        Returns
        -------
        is_believed : bool
            False for an estimate that is not finite, has no finite error, is below -3 standard
            errors, or, below +3, is the first one or would take too much away (see above). It
            leaves the belief as it was, but for the drift.
        """
        estimate, stderr = float(estimate), float(stderr)
        self.history = [*self.history[1 - _MAX_HISTORY :], (estimate, stderr)]
        self._variance += (self.drift * self._mean) ** 2
        lowest = -SIGNIFICANT * stderr  # comparisons with NaN are false
        if not (math.isfinite(estimate) and 0 <= stderr < math.inf and estimate > lowest):
            return False
        return self._move(estimate, stderr, stands_out=estimate > SIGNIFICANT * stderr)

    # Low estimates come with smaller errors where draws are cold, and so with too much weight. That
    # is left as it is: 300 beliefs after 20 calls of one model of 6 spins ended 4.5 (1.8) % below
    # the truth for 10 (30) reads with biases that freeze most spins, and within 1 % for weak ones.
    # Errors scaled from the estimate to the belief mend the one, and put the other 3 to 12 % too
    # high.
    def _move(self, estimate: float, stderr: float, stands_out: bool) -> bool:
        """Kalman's step, as far as one call may go; returns whether it was taken."""
        mean, variance = estimate, max(stderr, _SMALLEST_ERROR * abs(estimate)) ** 2
        if self.is_calibrated:
            noise = max(stderr, _SMALLEST_ERROR * self._mean) ** 2
            gain = self._variance / (self._variance + noise)
            wanted = gain * (estimate - self._mean)
            limit = max(self.max_change * self._mean, 2.0 * math.sqrt(self._variance))
            step = min(max(wanted, -limit), limit)
            mean = self._mean + step
            variance = (1.0 - gain) * self._variance + (wanted - step) ** 2
        if stands_out:
            self._anchor = mean
        elif not self.is_calibrated or mean < _SMALLEST_REST * self._anchor:
            return False
        self._mean, self._variance = mean, variance
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
