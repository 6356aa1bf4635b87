import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from qsklearn import SpinGlassAnnealedNetwork
from qsklearn.inspection import LayerEnergyDisplay

NAMES = ["0: Convolution(n_channels=6, kernel_size=3, padding='valid')", "2: Linear(10)"]


def make_diagnostics(n_epochs=5, names=NAMES):
    rng = np.random.default_rng(0)
    shape = (n_epochs, len(names))
    optimum = rng.uniform(0.1, 0.2, shape)
    after = optimum + rng.uniform(0.01, 0.1, shape)
    return {
        "base_energy": after + rng.uniform(0.01, 5.0, shape),
        "annealed_energy": after.copy(),
        "energy": after,
        "optimum": optimum,
        "layer_names": list(names),
        "loss": rng.random(n_epochs),  # of no concern to the display
    }


class Network(BaseEstimator):
    def fit(self, X=None, y=None):
        self.diagnostics_ = make_diagnostics()
        return self


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def test_every_number_is_drawn():
    diagnostics = make_diagnostics()
    display = LayerEnergyDisplay(diagnostics).plot()
    assert isinstance(display.figure_, Figure) and display.axes_.shape == (2,)
    shown = {"before": "base_energy", "after": "energy", "optimum": "optimum"}
    for layer, panel in enumerate(display.axes_):
        drawn = lines(panel)
        assert set(drawn) == set(shown)  # no draw was lost
        for label, name in shown.items():
            np.testing.assert_array_equal(drawn[label].get_xdata(), np.arange(1, 6))
            np.testing.assert_array_equal(drawn[label].get_ydata(), diagnostics[name][:, layer])
        (steps,) = panel.collections
        for epoch, step in enumerate(steps.get_segments()):
            ends = diagnostics["energy"][epoch, layer], diagnostics["base_energy"][epoch, layer]
            np.testing.assert_allclose(step, [[epoch + 1, ends[0]], [epoch + 1, ends[1]]])
        assert panel.get_yscale() == "log"
    names = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert names == ["before", "optimum", "after"]


def test_draws_that_were_not_kept_are_crossed():
    diagnostics = make_diagnostics()
    diagnostics["annealed_energy"][2, 1] += 0.5
    display = LayerEnergyDisplay(diagnostics).plot()
    assert "drawn, not kept" not in lines(display.axes_[0])
    lost = lines(display.axes_[1])["drawn, not kept"]
    assert lost.get_marker() == "x"
    expected = np.where(np.arange(5) == 2, diagnostics["annealed_energy"][:, 1], np.nan)
    np.testing.assert_array_equal(lost.get_ydata(), expected)
    assert len(display.figure_.legends[0].get_texts()) == 4


@pytest.mark.parametrize(
    ("energies", "scale"),
    [([1.0, 11.0], "log"), ([1.0, 9.0], "linear"), ([-1.0, 11.0], "linear"), ([0, 9], "linear")],
)
def test_the_axis_is_logarithmic_where_that_helps(energies, scale):
    column = np.reshape(energies, (2, 1))
    names = ("base_energy", "annealed_energy", "energy", "optimum")
    diagnostics = dict.fromkeys(names, column) | {"layer_names": ["0"]}
    panel = LayerEnergyDisplay(diagnostics).plot().axes_[0]
    assert panel.get_yscale() == scale


def test_unknown_numbers_are_left_out():
    diagnostics = make_diagnostics()
    diagnostics["optimum"][:] = np.nan
    diagnostics["energy"][3, 0] = np.inf
    display = LayerEnergyDisplay(diagnostics).plot()
    assert np.isnan(lines(display.axes_[0])["optimum"].get_ydata()).all()
    assert np.isnan(lines(display.axes_[0])["after"].get_ydata()[3])
    display.figure_.draw_without_rendering()


def test_what_a_network_of_one_layer_leaves():
    X, y = load_digits(return_X_y=True)
    network = SpinGlassAnnealedNetwork(max_iter=3, random_state=0).fit(X[:100], y[:100])
    (panel,) = LayerEnergyDisplay.from_estimator(network).axes_
    drawn = {name: line.get_ydata() for name, line in lines(panel).items()}
    # Its problem stays the same, so an epoch begins where the last one ended.
    np.testing.assert_allclose(drawn["before"][1:], drawn["after"][:-1], rtol=1e-9)
    assert (drawn["after"] >= drawn["optimum"] - 1e-9).all()
    np.testing.assert_array_equal(drawn["after"], network.diagnostics_["energy"][:, 0])


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4, 7])
def test_titles_stay_apart_and_in_the_figure(n_layers):
    names = [f"{i}: Convolution(16, kernel_size=5, padding='same')" for i in range(n_layers)]
    display = LayerEnergyDisplay(make_diagnostics(names=names)).plot()
    figure = display.figure_
    figure.draw_without_rendering()
    assert len(figure.axes) == n_layers
    boxes = [panel.title.get_window_extent() for panel in display.axes_]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:number])
    assert display.axes_[0].get_title().startswith("0: Conv")


def test_small_panels_cut_titles_to_one_line():
    axes = Figure(figsize=(5.0, 1.8)).subplots(1, 2)
    LayerEnergyDisplay(make_diagnostics()).plot(axes)
    first, second = (panel.get_title() for panel in axes)
    assert first.startswith("0: Conv") and "…" in first and "\n" not in first
    assert len(first) < len(NAMES[0]) and second == "2: Linear(10)"


def test_own_axes_are_used():
    axes = Figure().subplots(1, 2)
    display = LayerEnergyDisplay.from_estimator(Network().fit(), ax=axes)
    assert list(display.axes_) == list(axes) and display.figure_ is axes[0].figure
    assert not display.figure_.legends and len(axes[0].get_legend().get_texts()) == 3
    assert display.plot() is display and display.figure_ is not axes[0].figure
    with pytest.raises(ValueError, match="'ax' parameter .* must be 2 .* Got 1 of type Axes"):
        LayerEnergyDisplay(make_diagnostics()).plot(Figure().subplots())


def test_estimators_without_diagnostics():
    with pytest.raises(NotFittedError, match="Network"):
        LayerEnergyDisplay.from_estimator(Network())
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"must have 'diagnostics_'.*Got LinearRegression"):
        LayerEnergyDisplay.from_estimator(fitted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": None}, r"It lacks 'energy'\."),
        ({"layer_names": None, "optimum": None}, "It lacks 'optimum', 'layer_names'"),
        ({"layer_names": []}, "'layer_names' .* must name a layer"),
        ({"energy": np.empty((0, 2))}, r"at least one epoch\. Got"),
        ({"optimum": np.ones((4, 2))}, r"'optimum' .* = \(5, 2\), .* Got \(4, 2\) instead"),
    ],
)
def test_diagnostics_that_do_not_fit(changes, message):
    diagnostics = {**make_diagnostics(), **changes}
    diagnostics = {name: value for name, value in diagnostics.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        LayerEnergyDisplay(diagnostics)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    LayerEnergyDisplay(make_diagnostics()).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"LayerEnergyDisplay.plot needs .*qsklearn\[plot\]"):
        LayerEnergyDisplay(make_diagnostics()).plot()
