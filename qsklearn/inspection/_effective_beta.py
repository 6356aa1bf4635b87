"""The figure of a sampler's temperature over a training.

It reads what an estimator leaves behind by attribute, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    add_legend,
    check_axis,
    dress,
    make_axes,
)
from qsklearn.inspection._fitted_estimator import find_with_rows, look_inside
from qsklearn.inspection._numbers import check_array

_CALLER = "EffectiveBetaDisplay"
_TYPICAL_ERRORS = 6.0  # twice the median error, that the axes show beyond the estimates
_MAX_MARKS = 40  # iterations that bear a marker each


class EffectiveBetaDisplay(Display):
    """Effective inverse temperature of a sampler, iteration by iteration.

    A line for the estimate within a band of two standard errors, or for the known value of a
    sampler that hits its temperature, whose errors are 0, and a dashed line for the true
    value where it is known. Numbers that are not finite leave gaps: draws that are all local
    minima have an infinite one. Errors that are far larger than most, as of a first call, are cut
    off by the edge of the axes.

    Parameters
    ----------
    beta_eff : array-like of shape (n_iterations,)
        Estimates of the inverse temperature, in units of 1 / energy.
    stderr : array-like of shape (n_iterations,), default=None
        Their standard errors, 0 where the value was known; None for no band.
    beta_true : float, default=None
        The true value.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        After :meth:`plot`: the estimates.
    band_ : matplotlib.collections.FillBetweenPolyCollection or None
        After :meth:`plot`: two standard errors; None where there are none.
    true_line_ : matplotlib.lines.Line2D or None
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If no estimate is finite, the errors are negative or of another number, or `beta_true` is
        not finite.

    Notes
    -----
    Estimates of one training are smoothed over its calls, so that neighbours are not independent.

    Examples
    --------
    >>> from qsklearn.inspection import EffectiveBetaDisplay
    >>> display = EffectiveBetaDisplay([2.0, 2.4, 2.5], [0.4, 0.2, 0.1], beta_true=2.5).plot()
    >>> display.line_.get_ydata().tolist(), display.ax_.get_xlabel()
    ([2.0, 2.4, 2.5], 'iteration')
    """

    def __init__(self, beta_eff, stderr=None, *, beta_true=None):
        self.beta_eff = _check_estimates(beta_eff)
        self.stderr = None if stderr is None else _check_errors(stderr, self.beta_eff.shape)
        self.beta_true = beta_true
        if beta_true is not None:
            self.beta_true = float(check_array(beta_true, "beta_true", _CALLER, ()))

    @classmethod
    def from_estimator(cls, estimator, X=None, *, beta_true=None, ax=None):
        """Plot the temperatures that a fitted estimator kept.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attributes ``beta_eff_`` and ``beta_eff_stderr_``, or with
            ``history_``, a dict that has the keys ``"beta_eff"`` and ``"beta_eff_stderr"``; or
            with the method ``sampling_report``.
        X : array-like of shape (n_samples, n_features), default=None
            Data for ``sampling_report``, which draws anew: a trace of one number; of a Pipeline's
            own features. It is used where the estimator has kept none.
        beta_true : float, default=None
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EffectiveBetaDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has kept no temperature and reports none, or an argument is wrong.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        beta_eff, stderr = _read_estimator(estimator, X)
        return cls(beta_eff, stderr, beta_true=beta_true).plot(ax)

    def plot(self, ax=None):
        """Draw the trace.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.

        Returns
        -------
        display : EffectiveBetaDisplay
            Itself, with the attributes above.

        Raises
        ------
        ValueError
            If `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(_CALLER, (6.0, 3.8))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        iterations = np.arange(1, len(self.beta_eff) + 1)
        self._draw_band(iterations)
        marker = "o" if len(iterations) <= _MAX_MARKS else _marker_of_singles(self.beta_eff)
        style = {"color": COLOURS[0], "marker": marker, "ms": 4, "lw": 1.5}
        self.line_ = self.ax_.plot(iterations, self.beta_eff, label=self._name(), **style)[0]
        self.true_line_ = None
        if self.beta_true is not None:
            name = f"true value {self.beta_true:g}"
            self.true_line_ = self.ax_.axhline(
                self.beta_true, color="black", lw=1.2, ls="--", label=name
            )
        self.ax_.set_ylim(self._choose_limits())
        if len(iterations) == 1:
            self.ax_.set_xlim(0.5, 1.5)
            self.ax_.set_xticks(iterations)
        self.ax_.set_xlabel("iteration")
        self.ax_.set_ylabel("effective inverse\ntemperature")
        if len(iterations) > 1:
            self.ax_.xaxis.get_major_locator().set_params(integer=True)
        dress(self.ax_)
        add_legend(self.ax_, outside=ax is None)
        return self

    def _name(self):
        """What the line is; a sampler that hits its temperature leaves nothing to estimate."""
        is_known = self.stderr is not None and (self.stderr == 0).all()
        return "known (the sampler hits it)" if is_known else "estimate"

    def _choose_limits(self):
        """All estimates with typical errors, not the errors of a first call that tells nothing."""
        wanted = [np.nanmin(self.beta_eff), np.nanmax(self.beta_eff)]
        if self.beta_true is not None:
            wanted = [min(wanted[0], self.beta_true), max(wanted[1], self.beta_true)]
        low, high = self.ax_.get_ylim()
        if self.band_ is None:
            return low, high
        typical = 2.0 * np.nanmedian(self.stderr)
        margin = max(0.25 * (wanted[1] - wanted[0]), _TYPICAL_ERRORS * typical)
        return max(low, wanted[0] - margin), min(high, wanted[1] + margin)

    def _draw_band(self, iterations):
        self.band_ = None
        if self.stderr is None or not (self.stderr > 0).any():
            return
        low, high = self.beta_eff - 2.0 * self.stderr, self.beta_eff + 2.0 * self.stderr
        if len(iterations) == 1:
            # A band of one point has no area.
            iterations = iterations + np.array([-0.03, 0.03])
            low, high = np.repeat(low, 2), np.repeat(high, 2)
        style = {"color": COLOURS[4], "alpha": 0.45, "lw": 0}
        name = "two standard errors"
        self.band_ = self.ax_.fill_between(iterations, low, high, label=name, **style)


def _marker_of_singles(values):
    """A dot where a number between two gaps would leave no line, else none."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    is_single = known[1:-1] & ~known[:-2] & ~known[2:]
    return "." if is_single.any() else ""


def _check_estimates(beta_eff):
    beta_eff = _as_floats(beta_eff, "beta_eff")
    if beta_eff.ndim != 1 or not np.isfinite(beta_eff).any():
        got = "none that is finite" if beta_eff.ndim == 1 else f"the shape {beta_eff.shape}"
        raise ValueError(
            f"The 'beta_eff' parameter of {_CALLER} must be numbers of shape (n_iterations,), "
            f"some of them finite. Got {got} instead."
        )
    return np.where(np.isfinite(beta_eff), beta_eff, np.nan)


def _check_errors(stderr, shape):
    stderr = _as_floats(stderr, "stderr")
    if stderr.shape != shape or (stderr < 0).any():
        got = f"the shape {stderr.shape}" if stderr.shape != shape else f"{np.nanmin(stderr):g}"
        raise ValueError(
            f"The 'stderr' parameter of {_CALLER} must be numbers of shape {shape}, at least 0, as "
            f"many as estimates. Got {got} instead."
        )
    return np.where(np.isfinite(stderr), stderr, np.nan)


def _as_floats(values, name):
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The '{name}' parameter of {_CALLER} must be numbers. Got {type(values).__name__} "
            f"instead: {error}"
        ) from None


def _read_estimator(estimator, X):
    """The trace that it kept, else what it reports of some data."""
    for candidate in look_inside(estimator):
        history = getattr(candidate, "history_", None)
        if np.size(getattr(candidate, "beta_eff_", ())):
            return candidate.beta_eff_, getattr(candidate, "beta_eff_stderr_", None)
        if hasattr(history, "get") and np.size(history.get("beta_eff", ())):
            return history["beta_eff"], history.get("beta_eff_stderr")
    if X is not None:
        estimator, X = find_with_rows(estimator, ("sampling_report",), X)
    report = {}
    if X is not None and hasattr(estimator, "sampling_report"):
        report = estimator.sampling_report(X)
    if report.get("beta_eff") is not None:
        stderr = report.get("beta_eff_stderr")
        return [report["beta_eff"]], None if stderr is None else [stderr]
    advice = " Give X, which its 'sampling_report' draws from." if X is None else ""
    raise ValueError(
        f"The 'estimator' parameter of {_CALLER}.from_estimator must have temperatures in "
        "'beta_eff_' or history_['beta_eff'], as networks trained by sampling have after fit. Got "
        f"{type(estimator).__name__} instead, which has none.{advice}"
    )
