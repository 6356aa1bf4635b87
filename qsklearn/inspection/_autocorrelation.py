"""The figure of how long a chain of draws remembers."""

from __future__ import annotations

import numpy as np

from qsklearn._checks import count_axes
from qsklearn.inspection._autocorrelation_time import (
    autocorrelate,
    find_geyer_window,
    find_sokal_window,
    integrate,
    n_effective_components,
)
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import COLOURS, add_legend, check_axis, dress, make_axes
from qsklearn.inspection._numbers import check_array

_CALLER = "AutocorrelationDisplay"
_METHODS = {"sokal": find_sokal_window, "geyer": find_geyer_window}
_MAX_STEMS = 60  # lags that have a stem each; more become a line
_MIN_LAGS = 20  # shown, where the chain has them
_MIN_TIMES = 50  # tau that a chain should be long


class AutocorrelationDisplay(Display):
    r"""Autocorrelation of chains of draws by lag, and how many independent draws they are worth.

    The integrated autocorrelation time is :math:`\tau = 1 + 2 \sum_{t=1}^{W} \rho(t)`: N draws
    tell as much of a mean as N / tau independent ones. A dotted line marks the window W, which
    weighs noise against what is left out; a grey band is where 95 % of the lags would lie if the
    draws were independent. Both numbers stand in the legend, with a warning where the chains are
    shorter than 50 tau, too short to trust them.

    Parameters
    ----------
    autocorrelation : array-like of shape (n_lags,)
        At the lags 0, 1, ...; 1 at the first. All NaN for chains that do not vary.
    window : int
        W, at most the last lag.
    n_chains, n_draws : int
        How many chains, and how many draws each.
    n_components : float, default=1
        Independent components of a draw, which narrow the band: see the notes.

    Attributes
    ----------
    integrated_time_, integrated_time_stderr_ : float
        After :meth:`plot`: tau, in draws, and its standard error; NaN for constant chains.
    effective_sample_size_ : float
        After :meth:`plot`: all draws over tau, or NaN. More than the draws where neighbours are
        anticorrelated.
    band_width_ : float
        After :meth:`plot`: half the height of the band.
    line_ : matplotlib.lines.Line2D or matplotlib.collections.LineCollection or None
        After :meth:`plot`: the function; stems where lags are few, None for constant chains.
    band_ : matplotlib.patches.Patch or None
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If the function does not begin with 1, has a NaN in part, or a number is out of range.

    Notes
    -----
    Deviations are from the mean over all chains, so chains that stay apart show it: their function
    does not fall. For draws of several components (the spins of a state) covariances are summed
    over these. Under independence :math:`\rho(t)` then has the variance
    :math:`\mathrm{tr}(C^2) / (\mathrm{tr}\,C)^2 / N` of N draws with the covariance C; its inverse
    but for N is `n_components`.

    Sokal's automatic window is the least W with W >= 5 tau(W); his own time is tau / 2. Here W is
    also at least 5 / tau(W), because draws that alternate would end it at once. Geyer's initial
    positive sequence ends before the first pair of lags (2k, 2k + 1) whose sum is not positive,
    which for reversible chains is noise. The standard error is
    :math:`\tau \sqrt{2 (2W + 1) / N}` (Madras and Sokal).

    References
    ----------
    Geyer, C. J. Practical Markov chain Monte Carlo. Statistical Science 7, 473-483 (1992).

    Madras, N., Sokal, A. D. The pivot algorithm. Journal of Statistical Physics 50, 109-186 (1988).

    Sokal, A. Monte Carlo methods in statistical mechanics: foundations and new algorithms. In:
    Functional Integration, NATO ASI Series 361, 131-192 (1997).

    Examples
    --------
    Independent draws, whose tau is 1:

    >>> import numpy as np
    >>> from qsklearn.inspection import AutocorrelationDisplay
    >>> chains = np.random.default_rng(0).normal(size=(4, 1000))
    >>> display = AutocorrelationDisplay.from_chains(chains)
    >>> bool(abs(display.integrated_time_ - 1) < 4 * display.integrated_time_stderr_)
    True
    """

    def __init__(self, autocorrelation, *, window, n_chains, n_draws, n_components=1):
        self.autocorrelation = _check_function(autocorrelation)
        self.window = _check_number(window, "window", 0, len(self.autocorrelation) - 1)
        self.n_chains = _check_number(n_chains, "n_chains", 1)
        self.n_draws = _check_number(n_draws, "n_draws", 1)
        self.n_components = float(check_array(n_components, "n_components", _CALLER, ()))
        if self.n_components <= 0:
            raise ValueError(
                f"The 'n_components' parameter of {_CALLER} must be over 0. Got "
                f"{self.n_components:g} instead."
            )

    @classmethod
    def from_chains(cls, chains, *, method="sokal", max_lag=None, ax=None):
        """Plot chains of numbers or of states.

        Parameters
        ----------
        chains : array-like of shape (n_chains, n_draws) or (n_chains, n_draws, n_spins)
            Draws in the order in which they were made: energies, say, or spins.
        method : {"sokal", "geyer"}, default="sokal"
            How the window is chosen.
        max_lag : int, default=None
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : AutocorrelationDisplay

        Raises
        ------
        ValueError
            If the chains are of another shape, shorter than two draws or not finite, or an
            argument is wrong.
        ImportError
            If matplotlib is not installed.
        """
        if not (isinstance(method, str) and method in _METHODS):
            raise ValueError(
                f"The 'method' parameter of {_CALLER}.from_chains must be one of "
                f"{list(_METHODS)}. Got {method!r} instead."
            )
        chains = _check_chains(chains)
        function = autocorrelate(chains)
        is_constant = np.isnan(function[0])
        display = cls(
            function,
            window=0 if is_constant else _METHODS[method](function),
            n_chains=chains.shape[0],
            n_draws=chains.shape[1],
            n_components=1 if is_constant else n_effective_components(chains),
        )
        return display.plot(ax, max_lag=max_lag)

    def plot(self, ax=None, *, max_lag=None):
        """Draw the function.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.
        max_lag : int, default=None
            The last lag that is shown; None for what shows the window.

        Returns
        -------
        display : AutocorrelationDisplay
            Itself, with the attributes above.

        Raises
        ------
        ValueError
            If `ax` is no axes, or `max_lag` is out of range.
        ImportError
            If matplotlib is not installed.
        """
        last = self._choose_last_lag(max_lag)
        self.ax_ = make_axes(_CALLER, (6.0, 3.8))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        n_all = self.n_chains * self.n_draws
        time, stderr = integrate(self.autocorrelation, self.window, n_all)
        self.integrated_time_, self.integrated_time_stderr_ = time, stderr
        self.effective_sample_size_ = n_all / time if time > 0 else np.nan
        self.band_width_ = 2.0 / np.sqrt(n_all * self.n_components)
        self.line_ = self.band_ = None
        self.ax_.set_xlabel("lag (draws)")
        self.ax_.set_ylabel("autocorrelation")
        dress(self.ax_)
        if np.isnan(self.autocorrelation[0]):
            self._say_constant()
        else:
            self._draw(last)
            add_legend(self.ax_, outside=ax is None)
        return self

    def _choose_last_lag(self, max_lag):
        n_lags = len(self.autocorrelation)
        if max_lag is not None:
            return _check_number(max_lag, "max_lag", 1, n_lags - 1)
        return min(n_lags - 1, max(_MIN_LAGS, int(1.2 * self.window) + 1))

    def _draw(self, last):
        lags, values = np.arange(last + 1), self.autocorrelation[: last + 1]
        name = "95 % if independent"
        width = self.band_width_
        self.band_ = self.ax_.axhspan(-width, width, fc="0.8", lw=0, label=name)
        self.ax_.axhline(0.0, color="0.3", lw=0.8)
        name = self._describe()
        if last <= _MAX_STEMS:
            self.line_ = self.ax_.vlines(lags, 0.0, values, colors=COLOURS[0], lw=1.6)
            self.ax_.plot(lags, values, "o", color=COLOURS[0], ms=3.5, label=name)
        else:
            self.line_ = self.ax_.plot(lags, values, color=COLOURS[0], lw=1.5, label=name)[0]
        name = f"window {self.window}"
        if self.window <= last:
            # Up to 1 only: a legend may stand above.
            ends = [min(-width, values.min()), 1.0]
            self.ax_.plot([self.window] * 2, ends, ls=":", color="black", lw=1.3, label=name)
        self.ax_.set_xlim(-0.02 * last, 1.02 * last)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)

    def _describe(self):
        time, size = self.integrated_time_, self.effective_sample_size_
        text = f"{self.n_chains:,} × {self.n_draws:,} draws worth "
        text += f"{size:,.0f}" if np.isfinite(size) else "an unknown number"
        text += f", tau = {time:.3g} ± {self.integrated_time_stderr_:.2g}"
        if not self.n_draws >= _MIN_TIMES * time > 0:
            text += f" (not to be trusted: chains under {_MIN_TIMES} tau)"
        return text

    def _say_constant(self):
        self.ax_.set_xticks([])
        self.ax_.set_yticks([])
        self.ax_.text(
            0.5,
            0.5,
            "the chains are constant:\nno autocorrelation",
            transform=self.ax_.transAxes,
            ha="center",
            va="center",
            style="italic",
        )


def _check_function(autocorrelation):
    try:
        function = np.array(autocorrelation, dtype=float)
    except (TypeError, ValueError):
        function = np.array(np.nan)
    is_constant = function.size > 0 and np.isnan(function).all()
    is_right = function.ndim == 1 and function.size > 1
    if is_right and not is_constant:
        is_right = np.isfinite(function).all() and abs(function[0] - 1.0) < 1e-9
    if not is_right:
        raise ValueError(
            f"The 'autocorrelation' parameter of {_CALLER} must be two numbers or more of shape "
            "(n_lags,), finite and beginning with 1, or all NaN. Got "
            f"{function.ravel()[:5].tolist()} instead, or no numbers."
        )
    return function


def _check_number(value, name, low, high=np.inf):
    number = check_array(value, name, _CALLER, ())
    if number != np.round(number) or not low <= number <= high:
        span = f"from {low} to {high}" if np.isfinite(high) else f"of at least {low}"
        raise ValueError(
            f"The '{name}' parameter of {_CALLER} must be a whole number {span}. Got {value!r} "
            "instead."
        )
    return int(number)


def _check_chains(chains):
    caller = f"{_CALLER}.from_chains"
    if count_axes(chains) == 3:
        chains = check_array(chains, "chains", caller, ("n_chains", "n_draws", "n_spins"))
    else:
        chains = check_array(chains, "chains", caller, ("n_chains", "n_draws"))[..., np.newaxis]
    if chains.shape[1] < 2:
        raise ValueError(
            f"The 'chains' parameter of {caller} must have two draws or more in a chain. Got "
            "1 instead. Is the order of the axes (n_chains, n_draws)?"
        )
    return chains
