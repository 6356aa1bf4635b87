"""The figure of a training by annealing: loss, gaps, targets and conditioning, epoch by epoch.

It reads the dictionary of arrays that such an estimator leaves in ``diagnostics_`` and knows no
estimator by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qsklearn._checks import check_instance
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import COLOURS, MARKERS, check_axes, dress, escape, make_axes
from qsklearn.inspection._fitted_estimator import check_has

_CALLER = "AnnealedTrainingDisplay"
_ROUNDING = 1e-12  # of the energies; a gap below this is their last digits
_BY_LAYER = ("energy", "optimum", "target_rms", "condition_number")
# diagnostic -> name of its panel's axis
_PANELS = {
    "gap": "energy above the optimum",
    "target_rms": "rms of the targets",
    "condition_number": "condition number",
}


class AnnealedTrainingDisplay(Display):
    """Diagnostics of a network whose layers are trained by annealing, over the epochs.

    Four panels: the loss, with a diamond at its lowest; and for each layer, on logarithmic axes,
    the energy that the sampler reached above the exact optimum of the layer's problem (what better
    sampling could still gain), the root mean square of the layer's targets (zero or enormous ones
    teach nothing), and the condition number of the layer's quadratic form (large ones need a
    ridge). Layers differ in marker as well as in colour.

    Parameters
    ----------
    diagnostics : dict
        ``"loss"``: array-like of shape (n_epochs,); ``"energy"``, ``"optimum"``, ``"target_rms"``
        and ``"condition_number"``: array-like of shape (n_epochs, n_layers), NaN where a number is
        not known; ``"layer_names"``: list of n_layers str. Further keys are ignored.

    Attributes
    ----------
    axes_ : ndarray of 4 matplotlib.axes.Axes
        After :meth:`plot`, in the order above.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If a diagnostic is missing, has another shape, or there is no epoch.

    Notes
    -----
    A logarithmic axis shows no zero: a layer that sits at its optimum, to rounding, leaves the
    panel of the gaps empty.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.inspection import AnnealedTrainingDisplay
    >>> diagnostics = {
    ...     "loss": [0.3, 0.2],
    ...     "energy": [[0.31, 0.5], [0.21, 0.4]],
    ...     "optimum": [[0.30, 0.4], [0.20, 0.39]],
    ...     "target_rms": [[1.0, 0.3], [1.0, 0.3]],
    ...     "condition_number": [[1e3, np.nan], [1e3, np.nan]],
    ...     "layer_names": ["hidden", "output"],
    ... }
    >>> display = AnnealedTrainingDisplay(diagnostics).plot()
    >>> [ax.get_ylabel() for ax in display.axes_][:2]
    ['loss', 'energy above the optimum']
    """

    def __init__(self, diagnostics):
        _check(diagnostics)
        self.diagnostics = diagnostics

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the diagnostics of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute ``diagnostics_``.
        ax : array-like of 4 matplotlib.axes.Axes, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : AnnealedTrainingDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no diagnostics, or not those that are shown, or `ax` does not hold four axes.
        ImportError
            If matplotlib is not installed.
        """
        kind = "networks trained by annealing have after fit"
        estimator = check_has(estimator, ("diagnostics_",), _CALLER, kind)
        return cls(estimator.diagnostics_).plot(ax)

    def plot(self, ax=None):
        """Draw the four panels.

        Parameters
        ----------
        ax : array-like of 4 matplotlib.axes.Axes, or None, default=None
            Where to draw, for example what ``Figure.subplots(2, 2)`` returns; a figure is made
            when None, apart from pyplot's.

        Returns
        -------
        display : AnnealedTrainingDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If `ax` does not hold four axes.
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            self.axes_ = make_axes(_CALLER, (8.0, 6.0), (2, 2))
        else:
            self.axes_ = check_axes(ax, 1 + len(_PANELS), _CALLER)
        self.figure_ = self.axes_[0].figure
        self._draw_loss(self.axes_[0])
        for panel, (name, label) in zip(self.axes_[1:], _PANELS.items(), strict=True):
            self._draw_layers(panel, self._values(name))
            panel.set_ylabel(label)
        for panel in self.axes_:
            _dress(panel)
        self._add_legend(apart=ax is None)
        return self

    def _values(self, name):
        """A diagnostic of shape (n_epochs, n_layers), NaN where a logarithm cannot show it."""
        if name == "gap":
            energy, optimum = self._values("energy"), self._values("optimum")
            values = energy - optimum
            values[values <= _ROUNDING * np.abs(energy)] = np.nan
            return values
        values = np.array(self.diagnostics[name], dtype=float)
        values[~np.isfinite(values)] = np.nan
        return values

    def _draw_loss(self, panel):
        loss = self._values("loss")
        epochs = np.arange(1, len(loss) + 1)
        panel.plot(epochs, loss, "-", color="black", marker=".", label="loss")
        panel.set_ylabel("loss")
        if np.isfinite(loss).any():
            best = np.nanargmin(loss)
            panel.plot(epochs[best], loss[best], "D", mfc="none", mec="black", ms=9, label="best")
        else:
            _say(panel, "not known")

    def _draw_layers(self, panel, values):
        values[values <= 0] = np.nan
        epochs = np.arange(1, len(values) + 1)
        for layer, name in enumerate(self.diagnostics["layer_names"]):
            style = {
                "color": COLOURS[layer % len(COLOURS)],
                "marker": MARKERS[layer % len(MARKERS)],
            }
            panel.plot(epochs, values[:, layer], "-", mfc="none", ms=5, label=escape(name), **style)
        if np.isfinite(values).any():
            panel.set_yscale("log")
        else:
            _say(panel, "none above zero is known")

    def _add_legend(self, *, apart):
        """One legend of the layers: outside of the panels where the figure is ours."""
        handles, names = self.axes_[1].get_legend_handles_labels()
        if apart:
            self.figure_.legend(
                handles,
                names,
                loc="outside upper center",
                # Names may be long, such as a convolution's with its parameters.
                ncols=min(len(names), max(1, 90 // (6 + max(map(len, names))))),
                frameon=False,
                fontsize="small",
            )
        else:
            self.axes_[1].legend(handles, names, frameon=False, fontsize="small")


def _check(diagnostics):
    """Raise ValueError unless the diagnostics are complete and of fitting shapes."""
    check_instance(diagnostics, Mapping, "diagnostics", _CALLER)
    missing = [name for name in ("loss", *_BY_LAYER, "layer_names") if name not in diagnostics]
    if missing:
        raise ValueError(
            f"The 'diagnostics' parameter of {_CALLER} must have the keys 'loss', "
            f"{', '.join(map(repr, _BY_LAYER))} and 'layer_names'. It lacks "
            f"{', '.join(map(repr, missing))}."
        )
    loss_shape = np.shape(diagnostics["loss"])
    if len(loss_shape) != 1 or loss_shape[0] == 0:
        raise ValueError(
            f"The diagnostic 'loss' of {_CALLER} must have the shape (n_epochs,) with at least one "
            f"epoch. Got {loss_shape} instead."
        )
    expected = (*loss_shape, len(diagnostics["layer_names"]))
    if expected[1] == 0:
        raise ValueError(f"The diagnostic 'layer_names' of {_CALLER} must name a layer. Got none.")
    for name in _BY_LAYER:
        if np.shape(diagnostics[name]) != expected:
            raise ValueError(
                f"The diagnostic {name!r} of {_CALLER} must have the shape (n_epochs, n_layers) = "
                f"{expected}. Got {np.shape(diagnostics[name])} instead."
            )


def _dress(panel):
    panel.set_xlabel("epoch")
    panel.xaxis.get_major_locator().set_params(integer=True)
    dress(panel)


def _say(panel, text):
    panel.set_yticks([])
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", style="italic")
