import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from qsklearn.inspection import AnnealedTrainingDisplay

NAMES = ["Convolution(6, 5)", "Linear(32)", "Linear(10)"]


def make_diagnostics(n_epochs=6, names=NAMES):
    rng = np.random.default_rng(0)
    shape = (n_epochs, len(names))
    optimum = rng.uniform(0.1, 1.0, shape)
    return {
        "loss": rng.uniform(0.1, 1.0, n_epochs),
        "energy": optimum + rng.uniform(1e-4, 1e-1, shape),
        "optimum": optimum,
        "target_rms": rng.uniform(0.5, 1.5, shape),
        "condition_number": 10 ** rng.uniform(1, 8, shape),
        "layer_names": list(names),
        "weight_range": rng.random(n_epochs),  # of no concern to the display
    }


class Network(BaseEstimator):
    def fit(self, X=None, y=None):
        self.diagnostics_ = make_diagnostics()
        return self


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def test_every_number_is_drawn():
    network = Network().fit()
    display = AnnealedTrainingDisplay.from_estimator(network)
    assert isinstance(display.figure_, Figure) and display.axes_.shape == (4,)
    diagnostics = network.diagnostics_
    panels = [
        diagnostics["energy"] - diagnostics["optimum"],
        diagnostics["target_rms"],
        diagnostics["condition_number"],
    ]
    for panel, values in zip(display.axes_[1:], panels, strict=True):
        assert panel.get_yscale() == "log"
        drawn = lines(panel)
        assert list(drawn) == NAMES
        for name, column in zip(NAMES, values.T, strict=True):
            np.testing.assert_array_equal(drawn[name].get_xdata(), np.arange(1, 7))
            np.testing.assert_array_equal(drawn[name].get_ydata(), column)
        # Legible without colour.
        assert len({line.get_marker() for line in panel.get_lines()}) == 3
    loss = lines(display.axes_[0])
    np.testing.assert_array_equal(loss["loss"].get_ydata(), diagnostics["loss"])
    best = np.argmin(diagnostics["loss"])
    assert loss["best"].get_xdata()[0] == best + 1
    assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == NAMES


def test_plot_returns_the_display_and_draws_anew():
    display = AnnealedTrainingDisplay.from_estimator(Network().fit())
    figure = display.figure_
    assert display.plot() is display and display.figure_ is not figure


def test_nothing_fitted_is_changed():
    network = Network().fit()
    before = {name: np.copy(value) for name, value in network.diagnostics_.items()}
    AnnealedTrainingDisplay.from_estimator(network)
    for name, value in before.items():
        np.testing.assert_array_equal(network.diagnostics_[name], value)


def test_numbers_that_a_logarithm_cannot_show_are_left_out():
    diagnostics = make_diagnostics()
    # At the optimum to the last digits, below it by rounding, and unknown.
    diagnostics["energy"][:, 0] = diagnostics["optimum"][:, 0] * (1 + 1e-15)
    diagnostics["energy"][2, 1] = diagnostics["optimum"][2, 1] - 1e-16
    diagnostics["energy"][3, 2] = np.nan
    diagnostics["target_rms"][4, 1] = 0.0
    diagnostics["condition_number"][:] = np.inf
    display = AnnealedTrainingDisplay(diagnostics).plot()
    drawn = lines(display.axes_[1])
    unknown = [np.flatnonzero(np.isnan(drawn[name].get_ydata())).tolist() for name in NAMES]
    assert unknown == [[0, 1, 2, 3, 4, 5], [2], [3]]
    assert np.isnan(lines(display.axes_[2])[NAMES[1]].get_ydata()).sum() == 1
    assert display.axes_[3].texts[0].get_text() == "none above zero is known"
    display.figure_.draw_without_rendering()


def test_nothing_known_at_all():
    diagnostics = make_diagnostics(n_epochs=1, names=["Linear(10)"])
    for name in ("loss", "energy", "optimum", "target_rms", "condition_number"):
        diagnostics[name] = np.full(np.shape(diagnostics[name]), np.nan)
    display = AnnealedTrainingDisplay(diagnostics).plot()
    assert all(len(panel.texts) == 1 for panel in display.axes_)
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("n_layers", [1, 5, 12])
def test_labels_stay_in_the_figure(n_layers):
    names = [f"{i}: Convolution(16, kernel_size=5, padding='same')" for i in range(n_layers)]
    display = AnnealedTrainingDisplay(make_diagnostics(names=names)).plot()
    figure = display.figure_
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1 and legend.y1 <= figure.bbox.y1
    assert all(legend.y0 > panel.get_window_extent().y1 for panel in display.axes_)
    # The legend leaves a fair part of the figure to the data.
    assert min(panel.get_position().height for panel in display.axes_) > 0.15


def test_own_axes_are_used():
    axes = Figure().subplots(2, 2)
    display = AnnealedTrainingDisplay(make_diagnostics()).plot(axes)
    assert list(display.axes_) == list(axes.ravel())
    assert display.figure_ is axes[0, 0].figure and not display.figure_.legends
    assert len(axes[0, 1].get_legend().get_texts()) == 3
    again = AnnealedTrainingDisplay(make_diagnostics()).plot(list(axes.flat))
    assert again.axes_[3] is axes[1, 1]
    other = Figure().subplots(2, 2)
    given = AnnealedTrainingDisplay.from_estimator(Network().fit(), ax=other)
    assert given.axes_[3] is other[1, 1] and len(lines(other[1, 1])) == 3


@pytest.mark.parametrize("n, got", [(0, "none"), (1, "1 of type Axes"), (3, "3 of type Axes")])
def test_wrong_axes(n, got):
    axes = [Figure().subplots() for _ in range(n)]
    with pytest.raises(ValueError, match=f"'ax' parameter .* must be 4 .* Got {got} instead"):
        AnnealedTrainingDisplay(make_diagnostics()).plot(axes)
    with pytest.raises(ValueError, match="must be 4 .* Got str instead"):
        AnnealedTrainingDisplay(make_diagnostics()).plot(list("abcd"))


def test_estimators_without_diagnostics():
    with pytest.raises(NotFittedError, match="Network"):
        AnnealedTrainingDisplay.from_estimator(Network())
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"must have .*'diagnostics_'.*Got LinearRegression"):
        AnnealedTrainingDisplay.from_estimator(fitted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": None}, r"It lacks 'energy'\."),
        ({"loss": None, "layer_names": None}, "It lacks 'loss', 'layer_names'"),
        ({"loss": []}, r"'loss' .* at least one epoch\. Got \(0,\) instead"),
        ({"loss": [[0.1]]}, r"'loss' .* Got \(1, 1\) instead"),
        ({"layer_names": []}, "'layer_names' .* must name a layer"),
        ({"target_rms": np.ones((6, 2))}, r"'target_rms' .* = \(6, 3\)\. Got \(6, 2\) instead"),
        ({"optimum": np.ones((5, 3))}, r"'optimum' .* = \(6, 3\)\. Got \(5, 3\) instead"),
    ],
)
def test_diagnostics_that_do_not_fit(changes, message):
    diagnostics = {**make_diagnostics(), **changes}
    diagnostics = {name: value for name, value in diagnostics.items() if value is not None}
    network = SimpleNamespace(diagnostics_=diagnostics)
    with pytest.raises(ValueError, match=message):
        AnnealedTrainingDisplay.from_estimator(network)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    AnnealedTrainingDisplay(make_diagnostics()).plot()
    AnnealedTrainingDisplay.from_estimator(Network().fit())
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"AnnealedTrainingDisplay.plot needs .*qsklearn\[plot\]"):
        AnnealedTrainingDisplay.from_estimator(Network().fit())
