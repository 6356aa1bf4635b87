"""The figure of amplified weights: how likely each weight setting is after k amplifications.

It asks a classifier trained by search by method, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn._memory import check_memory
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    add_legend,
    check_axes,
    dress,
    label_outer,
    make_axes,
    make_room,
)
from qsklearn.inspection._numbers import check_between, check_probabilities, check_whole
from qsklearn.inspection._searched_estimator import (
    check_estimator_has,
    find_best_iterations,
    find_optimal,
    find_problem,
)

_CALLER = "AmplifiedWeightsDisplay"
_MANY_SETTINGS = 1024  # from here on they are drawn as two sums
_ROUNDING = 1e-3  # how far from 1 the probabilities of all settings may sum
_BYTES_PER_SETTING, _COPIES = 8, 4  # of each row: as asked, together, checked, compared
_READ = ("classes_", "n_optimal_", "network_")
_ASKED = ("landscape", "success_probability", "weight_probabilities")


class AmplifiedWeightsDisplay(Display):
    """Probabilities of the weight settings after several numbers of amplifications.

    One panel a number of amplifications k, all with the same axes. Optimal settings are black
    diamonds on a stem, the others open circles; a thin dashed line marks the uniform probability,
    with which the search begins. The title says k and the probability of the optimal ones together.

    Of more than 1024 settings a few optimal ones could not be seen, nor a probability of one in a
    million: then two bars show the probabilities summed over the optimal settings and over the
    others, with a dashed line at what each sum would be were all settings equally likely. Within
    either group an ideal search leaves all settings alike; what noise makes of that, the bars do
    not show.

    Parameters
    ----------
    probabilities : array-like of shape (n_panels, n_settings)
        Row by row the probabilities of all settings, or the measured shares.
    is_optimal : array-like of bool of shape (n_settings,)
        Which settings the search looks for.
    iterations : array-like of int of shape (n_panels,)
        The number of amplifications of each row.

    Attributes
    ----------
    axes_ : ndarray of n_panels matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If the shapes do not fit one another, or a row is no law of probability.

    Notes
    -----
    Figure 3 of Fawaz et al. is such a picture.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019).

    Examples
    --------
    >>> from qsklearn.inspection import AmplifiedWeightsDisplay
    >>> probabilities = [[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]]
    >>> is_optimal = [False, True, False, False]
    >>> display = AmplifiedWeightsDisplay(probabilities, is_optimal, [0, 1]).plot()
    >>> [panel.get_title() for panel in display.axes_]
    ['k = 0\\noptimal: 0.25', 'k = 1\\noptimal: 1']
    """

    def __init__(self, probabilities, is_optimal, iterations):
        shape = ("n_panels", "n_settings")
        self.probabilities = _check_laws(
            check_probabilities(probabilities, "probabilities", _CALLER, shape)
        )
        n_panels, n_settings = self.probabilities.shape
        flags = check_whole(is_optimal, "is_optimal", _CALLER, (n_settings,))
        self.is_optimal = check_between(flags, "is_optimal", _CALLER, 0, 1).astype(bool)
        self.iterations = check_whole(iterations, "iterations", _CALLER, (n_panels,))

    @classmethod
    def from_estimator(cls, estimator, *, iterations=None, label=None, ax=None):
        """Plot how a fitted estimator's search amplifies its weights.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attributes ``classes_``, ``n_optimal_`` and ``network_.n_qubits``, and
            the methods ``landscape``, ``success_probability`` and ``weight_probabilities``.
        iterations : array-like of int or None, default=None
            Numbers of amplifications. When None: none, about half of the best number, and the best
            one (the first maximum of the probability of success).
        label : object, default=None
            The class that is told from the rest; it may be None where there are two.
        ax : matplotlib.axes.Axes, array-like of them, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : AmplifiedWeightsDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks an attribute or a method, the label is no class, or `ax` does not hold one
            axes a number of amplifications.
        MemoryError
            If the probabilities do not fit into memory.
        ImportError
            If matplotlib is not installed.
        """
        estimator = check_estimator_has(estimator, _READ + _ASKED, _CALLER)
        problem = find_problem(estimator, label, _CALLER)
        if iterations is None:
            best = find_best_iterations(estimator, label)
            iterations = np.unique([0, best // 2, best])
        iterations = check_whole(iterations, "iterations", f"{_CALLER}.from_estimator", ("n",))
        n_settings = 2 ** int(estimator.network_.n_qubits)
        check_memory(
            _BYTES_PER_SETTING * n_settings * (_COPIES * len(iterations) + 3),
            f"The probabilities of {n_settings:,} weight settings",
            "Plot the probability of success instead.",
        )
        rows = [estimator.weight_probabilities(int(k), label=label) for k in iterations]
        return cls(rows, find_optimal(estimator, problem, label), iterations).plot(ax)

    def plot(self, ax=None):
        """Draw one panel a number of amplifications.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of n_panels of them, or None, default=None
            Where to draw, each some 2 inches wide or more; a figure of fitting size is made when
            None, apart from pyplot's.

        Returns
        -------
        display : AmplifiedWeightsDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` does not hold one axes a number of amplifications.
        ImportError
            If matplotlib is not installed.
        """
        n_panels, n_settings = self.probabilities.shape
        if ax is None:
            self.axes_ = make_axes(_CALLER, (max(5.0, 2.6 * n_panels + 0.6), 3.4), (1, n_panels))
        else:
            self.axes_ = check_axes(ax, n_panels, _CALLER)
        self.figure_ = self.axes_[0].figure
        draw = self._draw_sums if n_settings > _MANY_SETTINGS else self._draw_settings
        for panel, k, law in zip(self.axes_, self.iterations, self.probabilities, strict=True):
            dress(panel)
            draw(panel, law)
            panel.set_title(f"k = {k}\noptimal: {law[self.is_optimal].sum():.3g}", fontsize="small")
        label_outer(self.axes_, "weight settings", "probability")
        if ax is not None:
            self._make_room()
        add_legend(self.axes_[0], outside=ax is None)
        return self

    def _make_room(self):
        """For the legend, which stands in the first panel; the others share its scale."""
        first, *others = self.axes_
        make_room(first, len(first.get_legend_handles_labels()[1]))
        ticks, limits = first.get_yticks(), first.get_ylim()
        for panel in others:
            panel.set_yticks(ticks)
            panel.set_ylim(limits)

    def _draw_settings(self, panel, law):
        """Each setting at its place, the bits of its weights read as a number."""
        best, rest = np.flatnonzero(self.is_optimal), np.flatnonzero(~self.is_optimal)
        panel.plot(
            rest, law[rest], "o", mfc="none", mec=COLOURS[0], mew=0.6, ms=2.5, label="others"
        )
        panel.vlines(best, 0.0, law[best], color="black", linewidth=1.0)
        panel.plot(best, law[best], "D", color="black", ms=4, label=f"optimal ({len(best)})")
        panel.axhline(1.0 / len(law), color=GREY, ls="--", lw=0.9, label="uniform")
        panel.set_ylim(0.0, 1.08 * self.probabilities.max())

    def _draw_sums(self, panel, law):
        sums = [law[self.is_optimal].sum(), law[~self.is_optimal].sum()]
        sizes = np.array([self.is_optimal.sum(), (~self.is_optimal).sum()])
        panel.bar(0, sums[0], width=0.6, color="black")
        panel.bar(1, sums[1], width=0.6, fc="white", ec=COLOURS[0], hatch="///", lw=1.0)
        # Wider than the bars, so that it shows beside them.
        lefts, rights = np.array([0, 1]) - 0.42, np.array([0, 1]) + 0.42
        panel.hlines(sizes / len(law), lefts, rights, color=GREY, ls="--", lw=0.9, label="uniform")
        panel.set_ylim(0.0, 1.05)
        panel.set_xlim(-0.6, 1.6)
        panel.grid(visible=False, axis="x")
        names = [f"{sizes[0]:,}\noptimal", f"{sizes[1]:,}\nothers"]
        panel.set_xticks([0, 1], names, fontsize="small")


def _check_laws(probabilities):
    sums = probabilities.sum(axis=1)
    wrong = sums[np.abs(sums - 1.0) > _ROUNDING]
    if wrong.size:
        raise ValueError(
            f"The 'probabilities' parameter of {_CALLER} must sum to 1 in each row. Got a row with "
            f"the sum {wrong[0]:.6g} instead."
        )
    return probabilities
