"""The figure of calibration of several classes: how often a prediction of some confidence is right.

It asks a classifier by method, and knows none by name.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.utils import check_consistent_length, column_or_1d

from qsklearn._checks import count_axes
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    MARKERS,
    add_legend,
    check_axes,
    dress,
    escape,
)
from qsklearn.inspection._fitted_estimator import check_count, check_has
from qsklearn.inspection._numbers import check_probabilities

_CALLER = "ReliabilityDisplay"
_ROUNDING = 1e-3  # how far from 1 the probabilities of a row may sum
_STRATEGIES = ("quantile", "uniform")
_LINES = ("-", "--", "-.", ":")
_LEVEL = 0.95
_MOST_BINS = 100_000
_HIGH = 1.7  # inches, from which on the axis of accuracies has all its ticks


class ReliabilityDisplay(Display):
    r"""Accuracy of predictions by their confidence, for any number of classes.

    Above, one mark a bin of confidences, the largest probability of each row: the share of right
    predictions in it over their mean confidence, with the 95 % interval after Wilson. Marks below
    the dashed diagonal are overconfident, marks above it underconfident. Below, the shares of all
    rows in the bins. Models differ in colour, mark and line. The legend gives the expected
    calibration error of each,

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n}
        |\mathrm{accuracy}_b - \mathrm{confidence}_b| .

    Parameters
    ----------
    confidences : array-like of shape (n_samples,)
        Between 0 and 1, of the predicted classes.
    is_right : array-like of bool of shape (n_samples,)
        Whether the predicted classes are the true ones.
    n_bins : int, default=10
        Bins, of which those without a row are left out.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width between 0 and 1, or of equally many rows.
    name : str or None, default=None
        Of the model, for the legend.

    Attributes
    ----------
    accuracies, mean_confidences : ndarray of shape (n_filled_bins,)
        Of the bins with rows.
    counts : ndarray of int of shape (n_bins,)
        Rows in each bin.
    edges : ndarray of shape (n_bins + 1,)
        Of the bins.
    intervals : ndarray of shape (n_filled_bins, 2)
        Lower and upper bound of each accuracy.
    expected_calibration_error : float
    axes_ : ndarray of matplotlib.axes.Axes
        After :meth:`plot`: that of the accuracies and, if there is one, that of the shares.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.
    line_ : matplotlib.lines.Line2D
        After :meth:`plot`, the marks.
    errorbar_ : matplotlib.container.ErrorbarContainer
        After :meth:`plot`.

    Raises
    ------
    ValueError
        If the shapes do not fit, a confidence lies outside of 0 and 1, or the bins are none.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The probability of one of two classes.

    Notes
    -----
    The error depends on the bins, and is biased upwards where they hold few rows. Bins are those of
    :func:`sklearn.calibration.calibration_curve`. Between two classes a confidence is never below
    1/2, among K classes never below 1/K.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. On calibration of modern neural networks. ICML
    (2017).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from qsklearn.inspection import ReliabilityDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GaussianNB().fit(X[:1000], y[:1000])
    >>> display = ReliabilityDisplay.from_estimator(model, X[1000:], y[1000:])
    >>> bool(display.expected_calibration_error > 0.1)  # it is far too sure of itself
    True
    """

    def __init__(self, confidences, is_right, *, n_bins=10, strategy="uniform", name=None):
        sure = check_probabilities(confidences, "confidences", _CALLER, ("n_samples",))
        right = check_probabilities(is_right, "is_right", _CALLER, sure.shape) > 0.5
        self.n_bins = check_count(n_bins, "n_bins", _CALLER, 1, _MOST_BINS)
        self.strategy, self.name = _check_strategy(strategy), name
        self.accuracies, self.mean_confidences = calibration_curve(
            right, sure, n_bins=self.n_bins, strategy=strategy, pos_label=True
        )
        self.edges = _find_edges(sure, self.n_bins, strategy)
        bins = np.searchsorted(self.edges[1:-1], sure)
        self.counts = np.bincount(bins, minlength=self.n_bins)
        filled = self.counts[self.counts > 0]
        self.intervals = _find_intervals(np.rint(self.accuracies * filled), filled)
        gaps = np.abs(self.accuracies - self.mean_confidences)
        self.expected_calibration_error = float(filled @ gaps / filled.sum())

    @classmethod
    def from_estimator(cls, estimator, X, y, *, n_bins=10, strategy="uniform", name=None, ax=None):
        """Plot the reliability of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``classes_`` and ``predict_proba``.
        X : array-like of shape (n_samples, n_features)
            Data that it was not fitted to.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=10
            As for the class.
        strategy : {"uniform", "quantile"}, default="uniform"
            As for the class.
        name : str or None, default=None
            As for the class; the estimator's class when None.
        ax : matplotlib.axes.Axes, array-like of 2 of them, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it gives no probabilities, `y` has labels that it never saw, or a parameter does not
            fit.
        ImportError
            If matplotlib is not installed.
        """
        needed = ("classes_", "predict_proba")
        check_has(estimator, needed, _CALLER, "classifiers with probabilities have")
        _check_labels(column_or_1d(y), estimator.classes_, "y", f"{_CALLER}.from_estimator")
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_bins=n_bins,
            strategy=strategy,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls, y_true, proba, *, classes=None, n_bins=10, strategy="uniform", name=None, ax=None
    ):
        """Plot the reliability of given probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities of the classes; one column is that of the second of two.
        classes : array-like of shape (n_classes,) or None, default=None
            In the order of the columns. The sorted labels of `y_true` when None, which must then
            be as many as the columns.
        n_bins : int, default=10
            As for the class.
        strategy : {"uniform", "quantile"}, default="uniform"
            As for the class.
        name : str or None, default=None
            As for the class.
        ax : matplotlib.axes.Axes, array-like of 2 of them, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If the rows of `proba` are no laws of probability, the numbers of rows or classes do not
            fit, `y_true` has labels that are not among `classes`, or a parameter does not fit.
        ImportError
            If matplotlib is not installed.
        """
        proba = _check_laws(proba)
        y_true = column_or_1d(y_true)
        check_consistent_length(y_true, proba)
        classes = _check_classes(np.unique(y_true) if classes is None else classes, proba.shape[1])
        _check_labels(y_true, classes, "y_true", f"{_CALLER}.from_predictions")
        is_right = classes[proba.argmax(axis=1)] == y_true
        display = cls(proba.max(axis=1), is_right, n_bins=n_bins, strategy=strategy, name=name)
        return display.plot(ax)

    def plot(self, ax=None, *, name=None):
        """Draw the curve, and the shares of the bins below it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of 2 of them, or None, default=None
            Where to draw: the axes of the curve, and that of the shares if they are to be shown.
            ``axes_`` of another display puts this one beside it. A figure of both is made when
            None, apart from pyplot's.
        name : str or None, default=None
            For the legend; that of the display when None.

        Returns
        -------
        display : ReliabilityDisplay
            Itself, with `axes_`, `figure_`, `line_` and `errorbar_`.

        Raises
        ------
        ValueError
            If `ax` holds neither one nor two axes.
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            self.axes_ = _make_panels()
        else:
            self.axes_ = check_axes(ax, 1 if np.size(ax) == 1 else 2, _CALLER)
        self.figure_ = self.axes_[0].figure
        number = sum(line.get_gid() == _CALLER for line in self.axes_[0].get_lines())
        self._draw_curve(self.axes_[0], number, self.name if name is None else name)
        if len(self.axes_) == 2:
            self._draw_shares(self.axes_[1], number)
        self.axes_[-1].set_xlabel("confidence")
        add_legend(self.axes_[0], outside=False)
        return self

    def _draw_curve(self, panel, number, name):
        if number == 0:
            dress(panel)
            panel.set_xlim(0.0, 1.0)
            panel.set_ylabel("accuracy")
            panel.plot([0.0, 1.0], [0.0, 1.0], "--", color=GREY, lw=1.0)
        # Anew each time, as the legend of the model before may have made room for itself.
        height = panel.get_window_extent().height / panel.figure.dpi
        panel.set_yticks(np.linspace(0.0, 1.0, 6 if height > _HIGH else 3))
        panel.set_ylim(-0.02, 1.02)
        error = f"ECE {self.expected_calibration_error:.3f}"
        bounds = np.abs(self.intervals - self.accuracies[:, np.newaxis]).T
        self.errorbar_ = panel.errorbar(
            self.mean_confidences,
            self.accuracies,
            yerr=bounds,
            color=COLOURS[number % len(COLOURS)],
            fmt=MARKERS[number % len(MARKERS)],
            linestyle=_LINES[number % len(_LINES)],
            mfc="none" if number % 2 else None,
            ms=5,
            lw=1.2,
            elinewidth=0.9,
            capsize=2.5,
            clip_on=False,
            label=error if name is None else f"{escape(name)} ({error})",
        )
        self.line_ = self.errorbar_.lines[0]
        self.line_.set_gid(_CALLER)

    def _draw_shares(self, panel, number):
        if number == 0:
            dress(panel)
            panel.set_xlim(0.0, 1.0)
            panel.set_ylabel("share")
        style = {"color": COLOURS[number % len(COLOURS)], "linestyle": _LINES[number % len(_LINES)]}
        shares = self.counts / self.counts.sum()
        panel.stairs(shares, self.edges, baseline=0.0, lw=1.4, **style)
        panel.set_ylim(0.0, max(panel.get_ylim()[1] if number else 0.0, 1.08 * shares.max()))


def _check_strategy(strategy):
    if strategy not in _STRATEGIES:
        raise ValueError(
            f"The 'strategy' parameter of {_CALLER} must be one of {list(_STRATEGIES)}. Got "
            f"{strategy!r} instead."
        )
    return strategy


def _check_laws(proba):
    if count_axes(proba) == 1:
        second = check_probabilities(proba, "proba", _CALLER, ("n_samples",))
        return np.column_stack([1.0 - second, second])
    proba = check_probabilities(proba, "proba", _CALLER, ("n_samples", "n_classes"))
    sums = proba.sum(axis=1)
    wrong = sums[np.abs(sums - 1.0) > _ROUNDING]
    if wrong.size:
        raise ValueError(
            f"The 'proba' parameter of {_CALLER} must sum to 1 in each row. Got a row with the sum "
            f"{wrong[0]:.6g} instead."
        )
    return proba


def _check_classes(classes, n_columns):
    classes = np.asarray(classes)
    if classes.shape != (n_columns,):
        raise ValueError(
            f"The 'classes' parameter of {_CALLER}.from_predictions must name the {n_columns} "
            f"columns of 'proba'; when None, 'y_true' must hold as many labels. Got "
            f"{classes.size} classes instead."
        )
    return classes


def _check_labels(labels, classes, name, caller):
    """Raise ValueError where a label is no class: no prediction of it could ever be right."""
    known = np.asarray(classes).tolist()
    unseen = [label for label in dict.fromkeys(labels.tolist()) if label not in known]
    if unseen:
        got = ", ".join(map(repr, unseen[:5])) + ", ..." * (len(unseen) > 5)
        raise ValueError(
            f"The '{name}' parameter of {caller} must hold labels of the classes {known}. Got "
            f"{got} among them instead."
        )


def _find_edges(confidences, n_bins, strategy):
    """As calibration_curve has them, which does not tell."""
    places = np.linspace(0.0, 1.0, n_bins + 1)
    return places if strategy == "uniform" else np.percentile(confidences, 100.0 * places)


def _find_intervals(n_right, n_rows):
    tests = [binomtest(int(k), int(n)) for k, n in zip(n_right, n_rows, strict=True)]
    bounds = [test.proportion_ci(_LEVEL, method="wilson") for test in tests]
    return np.array([[bound.low, bound.high] for bound in bounds])


def _make_panels():
    figure_module = import_optional("matplotlib.figure", f"{_CALLER}.plot")
    figure = figure_module.Figure(figsize=(5.0, 5.2), layout="constrained")
    heights = {"height_ratios": [3, 1]}
    return figure.subplots(2, 1, sharex=True, gridspec_kw=heights).ravel()
