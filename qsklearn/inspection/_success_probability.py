"""The figure of a search's success by the number of amplifications, predicted and measured.

It asks a classifier trained by search by method, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import count_axes
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import COLOURS, add_legend, check_axis, dress, escape, make_axes
from qsklearn.inspection._numbers import check_probabilities, check_whole
from qsklearn.inspection._searched_estimator import check_estimator_has, find_angle, find_problem

_CALLER = "SuccessProbabilityDisplay"
_DEVIATIONS = 1.959964  # of a normal law, that hold 95 % of it
_LEAST, _MOST = 10, 100_000  # amplifications shown when the reader leaves it open
_MANY_POINTS = 60  # from here on their marks would run into one another


class SuccessProbabilityDisplay(Display):
    """Probability that k amplifications find an optimal weight setting, for each number k.

    Black dots are the prediction, one for each k; the thin line only guides the eye from one to the
    next. Open circles are the shares of runs that succeeded, their bars the 95 % intervals after
    Wilson, which stay within 0 and 1 and do not vanish where all runs succeed.

    Parameters
    ----------
    iterations : array-like of int of shape (n_points,)
        Numbers of amplifications, ascending.
    probabilities : array-like of shape (n_points,)
        Predicted probabilities of success.
    runs : int, array-like of int of shape (n_points,), or None, default=None
        How many runs each number of amplifications had; where 0, nothing was measured.
    successes : array-like of int of shape (n_points,) or None, default=None
        How many of these found an optimal setting. With `runs` or not at all.
    name : str or None, default=None
        Of the problem; stands above the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If the shapes do not fit, the numbers k do not ascend, a probability lies outside of 0 and
        1, there are more successes than runs, or one of the two is missing.

    Notes
    -----
    With a share p of optimal settings the probability is sin²((2k+1)θ), where p = sin²θ: it
    falls again beyond its maximum. Figure 4 of Fawaz et al. is such a picture.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.inspection import SuccessProbabilityDisplay
    >>> iterations = np.arange(7)
    >>> probabilities = np.sin((2 * iterations + 1) * np.arcsin(np.sqrt(8 / 256))) ** 2
    >>> display = SuccessProbabilityDisplay(iterations, probabilities, name="problem 1").plot()
    >>> display.ax_.get_ylabel()
    'probability of success'
    """

    def __init__(self, iterations, probabilities, *, runs=None, successes=None, name=None):
        self.iterations = _check_ascending(
            check_whole(iterations, "iterations", _CALLER, ("n_points",))
        )
        shape = (len(self.iterations),)
        self.probabilities = check_probabilities(probabilities, "probabilities", _CALLER, shape)
        self.runs, self.successes = _check_runs(runs, successes, shape)
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, max_iterations=None, label=None, ax=None):
        """Plot the prediction for a fitted estimator's search.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute ``classes_`` and the method ``success_probability``.
        max_iterations : int or None, default=None
            The largest number of amplifications; when None two periods of the probability, and
            from 10 to 100,000.
        label : object, default=None
            The class that is told from the rest; it may be None where there are two.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : SuccessProbabilityDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks an attribute or the method, the label is no class, or the number of
            amplifications is negative.
        ImportError
            If matplotlib is not installed.
        """
        estimator = check_estimator_has(estimator, ("classes_", "success_probability"), _CALLER)
        find_problem(estimator, label, _CALLER)
        if max_iterations is None:
            max_iterations = _find_range(find_angle(estimator, label))
        last = check_whole(max_iterations, "max_iterations", f"{_CALLER}.from_estimator", ())
        iterations = np.arange(int(last) + 1)
        probabilities = estimator.success_probability(iterations, label=label)
        name = None if label is None else str(label)
        return cls(iterations, probabilities, name=name).plot(ax)

    def plot(self, ax=None):
        """Draw the prediction, and what was measured.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.

        Returns
        -------
        display : SuccessProbabilityDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(_CALLER, (6.0, 4.0))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        self._draw_prediction()
        if self.runs is not None:
            self._draw_measured()
        self.ax_.set_xlabel("amplifications k")
        self.ax_.set_ylabel("probability of success")
        self.ax_.set_ylim(-0.03, 1.03)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        dress(self.ax_)
        title = self.name if self.name is None else escape(self.name)
        add_legend(self.ax_, outside=ax is None, title=title)
        return self

    def _draw_prediction(self):
        few = len(self.iterations) <= _MANY_POINTS
        self.ax_.plot(
            self.iterations,
            self.probabilities,
            "-o",
            color="0.6",
            lw=0.8,
            mfc="black",
            mec="black",
            ms=3.5 if few else 1.5,
            label="predicted",
        )

    def _draw_measured(self):
        tried = self.runs > 0
        runs, shares = self.runs[tried], self.successes[tried] / self.runs[tried]
        low, high = _wilson(shares, runs)
        counts = (
            f"{runs.min():,}" if runs.min() == runs.max() else f"{runs.min():,} to {runs.max():,}"
        )
        self.ax_.errorbar(
            self.iterations[tried],
            shares,
            # Rounding may put a bound past the share at 0 and 1.
            yerr=np.maximum([shares - low, high - shares], 0.0),
            fmt="o",
            color=COLOURS[0],
            mfc="none",
            ms=7,
            capsize=3,
            lw=1.2,
            label=f"measured ({counts} runs), 95 % interval",
        )


def _wilson(shares, runs):
    """The 95 % interval of a probability, from the share of so many runs."""
    squared = _DEVIATIONS**2 / runs
    centre = (shares + squared / 2.0) / (1.0 + squared)
    half = np.sqrt(squared * (shares * (1.0 - shares) + squared / 4.0)) / (1.0 + squared)
    return centre - half, centre + half


def _find_range(angle):
    """Two periods of sin²((2k+1)angle)."""
    periods = np.pi / angle if angle > 0.0 else 0.0
    return int(np.clip(np.ceil(periods), _LEAST, _MOST))


def _check_ascending(iterations):
    if (np.diff(iterations) <= 0).any():
        raise ValueError(
            f"The 'iterations' parameter of {_CALLER} must ascend. Got {iterations.tolist()} "
            "instead."
        )
    return iterations


def _check_runs(runs, successes, shape):
    if runs is None and successes is None:
        return None, None
    if runs is None or successes is None:
        missing = "runs" if runs is None else "successes"
        raise ValueError(
            f"The 'runs' and 'successes' parameters of {_CALLER} must be given together. Got None "
            f"for '{missing}' instead."
        )
    if count_axes(runs) == 0:
        runs = np.full(shape, runs)
    runs = check_whole(runs, "runs", _CALLER, shape)
    successes = check_whole(successes, "successes", _CALLER, shape)
    if runs.max() == 0:
        raise ValueError(f"The 'runs' parameter of {_CALLER} must hold a number > 0. Got none.")
    if (successes > runs).any():
        worst = np.argmax(successes - runs)
        raise ValueError(
            f"The 'successes' parameter of {_CALLER} must not be more than the runs. Got "
            f"{successes[worst]} of {runs[worst]} instead."
        )
    return runs, successes
