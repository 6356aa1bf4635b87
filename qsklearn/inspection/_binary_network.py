"""The picture of a binary network: which inputs its hidden units weigh with +1 and which with -1.

It reads the weights of a classifier trained by search, and knows no estimator by name.
"""

from __future__ import annotations

import numpy as np

from qsklearn._checks import check_flag, check_instance, check_integer
from qsklearn._optional import import_optional
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import COLOURS, add_legend, check_axis, escape, make_axes, shorten
from qsklearn.inspection._numbers import check_array
from qsklearn.inspection._searched_estimator import check_estimator_has, find_problem

_CALLER = "BinaryNetworkDisplay"
_READ = ("bit_names_", "classes_", "network_", "weights_")
_NAME_LENGTH = 28
_LETTERS_PER_INCH = 6.0  # of the width of the axes, for the longest name
_LEAST_FONT = 4.0
_FEW_WIRES = 60  # up to here they are drawn bold
_HIDDEN, _OUTPUT = 1.5, 2.2  # places of the layers; most wires run from the inputs, at 0


class BinaryNetworkDisplay(Display):
    """The wiring of a network with one layer of hidden majority units and one output.

    Inputs stand at the left, hidden units in the middle, the output at the right. A connection of
    weight +1 is a solid line and one of weight -1 a dashed one, of another colour; an absent one is
    not drawn. The bias, an input that is always +1, is a square at the bottom.

    Parameters
    ----------
    hidden_weights : array-like of shape (n_hidden, n_inputs) or (n_hidden, n_inputs + 1)
        -1, +1, or 0 where there is no connection; the last column is the bias if there is one.
    output_weights : array-like of shape (n_hidden,)
        -1 or +1.
    input_names : list of n_inputs str or None, default=None
        From the top down; long ones are cut. ``x1``, ``x2``, and so on when None.
    fit_bias : bool, default=False
        Whether the last column of `hidden_weights` is the bias.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If a weight is none of these numbers, or the shapes or the names do not fit.

    Notes
    -----
    Figure 6 of Fawaz et al. is such a picture.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019).

    Examples
    --------
    >>> from qsklearn.inspection import BinaryNetworkDisplay
    >>> display = BinaryNetworkDisplay([[1, 0, -1], [1, 1, 1]], [1, -1]).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['x1', 'x2', 'x3']
    """

    def __init__(self, hidden_weights, output_weights, *, input_names=None, fit_bias=False):
        shape = ("n_hidden", "n_inputs")
        hidden = check_array(hidden_weights, "hidden_weights", _CALLER, shape)
        output = check_array(output_weights, "output_weights", _CALLER, (len(hidden),))
        self.hidden_weights = _check_weights(hidden, "hidden_weights", (-1, 0, 1))
        self.output_weights = _check_weights(output, "output_weights", (-1, 1))
        self.fit_bias = check_flag(fit_bias, "fit_bias", _CALLER)
        self.input_names = _check_names(input_names, hidden.shape[1] - self.fit_bias)

    @classmethod
    def from_estimator(cls, estimator, *, label=None, solution=0, ax=None):
        """Plot one of the networks that a fitted estimator found.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attributes ``bit_names_``, ``classes_``, ``weights_`` and ``network_``,
            which unpacks the weights.
        label : object, default=None
            The class that is told from the rest; it may be None where there are two.
        solution : int, default=0
            The number of the network among those found for the class.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : BinaryNetworkDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it lacks an attribute, the label is no class, or there is no such solution.
        ImportError
            If matplotlib is not installed.
        """
        estimator = check_estimator_has(estimator, _READ, _CALLER)
        found = np.asarray(estimator.weights_[find_problem(estimator, label, _CALLER)])
        method = f"{_CALLER}.from_estimator"
        number = check_integer(solution, "solution", method, 0, len(found))
        hidden, output = estimator.network_.unpack(found[number : number + 1])
        names, fit_bias = list(estimator.bit_names_), estimator.network_.fit_bias
        return cls(hidden[0], output[0], input_names=names, fit_bias=fit_bias).plot(ax)

    def plot(self, ax=None):
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.

        Returns
        -------
        display : BinaryNetworkDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` is no axes.
        ImportError
            If matplotlib is not installed.
        """
        n_hidden, n_columns = self.hidden_weights.shape
        n_units = max(n_hidden, n_columns)
        size = (6.0 if n_units <= 12 else 8.0, 1.4 + max(1.6, 0.24 * n_units))
        self.ax_ = make_axes(_CALLER, size)[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        # All layers take the same height, the first unit on top.
        self._inputs = np.column_stack([np.zeros(n_columns), _spread(n_columns)])
        self._hidden = np.column_stack([np.full(n_hidden, _HIDDEN), _spread(n_hidden)])
        self._draw_wires(1, "+1", color=COLOURS[0], linestyle="-")
        self._draw_wires(-1, "-1", color=COLOURS[1], linestyle=(0, (4, 2)))
        self._draw_units()
        self._dress()
        add_legend(self.ax_, outside=ax is None)
        return self

    def _draw_wires(self, weight, name, **style):
        """All connections of one weight."""
        unit, column = np.nonzero(self.hidden_weights == weight)
        wires = np.stack([self._inputs[column], self._hidden[unit]], axis=1)
        last = self._hidden[self.output_weights == weight]
        wires = np.concatenate(
            [wires, np.stack([last, np.full_like(last, [_OUTPUT, 0.5])], axis=1)]
        )
        n_wires = np.count_nonzero(self.hidden_weights) + len(self.output_weights)
        collections = import_optional("matplotlib.collections", f"{_CALLER}.plot")
        width = 1.5 if n_wires <= _FEW_WIRES else 0.8
        lines = collections.LineCollection(
            wires, linewidth=width, label=f"weight {name} ({len(wires)})", zorder=1, **style
        )
        self.ax_.add_collection(lines)

    def _draw_units(self):
        n_inputs, n_hidden = len(self.input_names), len(self._hidden)
        small = min(6.0, 0.6 * self._points_per_unit(len(self._inputs)))
        large = min(13.0, 0.8 * self._points_per_unit(n_hidden))
        style = {"mfc": "white", "mec": "black", "ls": "none", "zorder": 2, "clip_on": False}
        self.ax_.plot(*self._inputs[:n_inputs].T, marker="o", ms=small, **style)
        if self.fit_bias:
            self.ax_.plot(*self._inputs[n_inputs:].T, marker="s", ms=small, **style)
        self.ax_.plot(*self._hidden.T, marker="o", ms=large, **style)
        self.ax_.plot(_OUTPUT, 0.5, marker="o", ms=large, **style)
        if 0.55 * large >= _LEAST_FONT:
            number_style = {"ha": "center", "va": "center", "fontsize": 0.55 * large, "zorder": 3}
            for number, place in enumerate(self._hidden, start=1):
                self.ax_.annotate(str(number), place, **number_style)

    def _points_per_unit(self, n_units):
        return self.ax_.get_window_extent().height / self.figure_.dpi * 72.0 / n_units

    def _dress(self):
        """Names are labels of ticks, for which any layout of the figure makes room."""
        width = self.ax_.get_window_extent().width / self.figure_.dpi
        n_letters = int(np.clip(_LETTERS_PER_INCH * width, 8, _NAME_LENGTH))
        names = [escape(shorten(name, n_letters)) for name in self.input_names]
        names += ["bias"] if self.fit_bias else []
        font = np.clip(0.75 * self._points_per_unit(len(names)), _LEAST_FONT, 8.5)
        self.ax_.set_yticks(self._inputs[:, 1], names, fontsize=font)
        self.ax_.set_xticks([0.0, _HIDDEN, _OUTPUT], ["inputs", "hidden", "output"])
        self.ax_.tick_params(length=0, pad=8)
        self.ax_.spines[:].set_visible(False)
        self.ax_.set_xlim(-0.05, _OUTPUT + 0.1)
        self.ax_.set_ylim(0.0, 1.0)


def _spread(n_units):
    """Heights of units within 0 and 1, from the top down."""
    return 1.0 - (np.arange(n_units) + 0.5) / n_units


def _check_weights(weights, name, allowed):
    wrong = weights[~np.isin(weights, allowed)]
    if wrong.size:
        raise ValueError(
            f"The '{name}' parameter of {_CALLER} must hold {', '.join(map(str, allowed))}. Got "
            f"{wrong[0]:g} among them instead."
        )
    return weights.astype(np.int8)


def _check_names(names, n_inputs):
    if n_inputs == 0:
        raise ValueError(
            f"The 'hidden_weights' parameter of {_CALLER} must have a column beside the bias. Got "
            "the bias alone."
        )
    if names is None:
        return [f"x{number}" for number in range(1, n_inputs + 1)]
    check_instance(names, (list, tuple, np.ndarray), "input_names", _CALLER)
    if len(names) != n_inputs:
        raise ValueError(
            f"The 'input_names' parameter of {_CALLER} must be {n_inputs} names, or None. Got "
            f"{len(names)} instead."
        )
    return [str(name) for name in names]
