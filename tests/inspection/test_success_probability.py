import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from qsklearn.inspection import SuccessProbabilityDisplay

ITERATIONS = np.arange(7)
PROBABILITIES = np.sin((2 * ITERATIONS + 1) * np.arcsin(np.sqrt(8 / 256))) ** 2


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_the_prediction_is_drawn(searched):
    display = SuccessProbabilityDisplay.from_estimator(searched.two)
    assert isinstance(display.figure_, Figure)
    (line,) = display.ax_.get_lines()
    # Two periods of sin²((2k+1) asin(sqrt(8/256))).
    np.testing.assert_array_equal(line.get_xdata(), np.arange(19))
    np.testing.assert_allclose(line.get_ydata(), searched.two.success_probability(np.arange(19)))
    np.testing.assert_allclose(
        line.get_ydata()[:5], [0.03125, 0.258, 0.602, 0.897, 0.999], atol=1e-3
    )
    assert line.get_marker() == "o"
    assert texts(display.figure_.legends[0]) == ["predicted"]


def test_a_class_of_several(searched):
    display = SuccessProbabilityDisplay.from_estimator(
        searched.three, label="setosa", max_iterations=3
    )
    (line,) = display.ax_.get_lines()
    expected = searched.three.success_probability(np.arange(4), "setosa")
    np.testing.assert_allclose(line.get_ydata(), expected)
    assert display.figure_.legends[0].get_title().get_text() == "setosa"
    with pytest.raises(ValueError, match=r"'label' .* \['setosa', .*\]. Got None instead"):
        SuccessProbabilityDisplay.from_estimator(searched.three)


@pytest.mark.parametrize(
    ("share", "last"), [(0.0, 10), (1.0, 10), (8 / 2**20, 1138), (1e-12, 10**5)]
)
def test_the_range_follows_the_share(searched, share, last):
    class Shares(searched.Classifier):
        def success_probability(self, iterations, label=None):
            return np.sin((2 * np.asarray(iterations) + 1) * np.arcsin(np.sqrt(share))) ** 2

    display = SuccessProbabilityDisplay.from_estimator(Shares().fit())
    assert display.iterations[-1] == last
    display.figure_.draw_without_rendering()


def test_what_was_measured_is_drawn_with_its_interval():
    successes = np.array([0, 12, 30, 44, 50, 43, 28])
    runs = np.array([50, 50, 50, 50, 50, 50, 0])
    successes[-1] = 0
    display = SuccessProbabilityDisplay(
        ITERATIONS, PROBABILITIES, runs=runs, successes=successes, name="problem 1"
    ).plot()
    (bars,) = display.ax_.containers
    points, _, (stems,) = bars.lines
    # Nothing was measured where there was no run.
    np.testing.assert_array_equal(points.get_xdata(), ITERATIONS[:-1])
    np.testing.assert_allclose(points.get_ydata(), successes[:-1] / 50)
    low, high = np.array([segment[:, 1] for segment in stems.get_segments()]).T
    # After Wilson: 50 of 50 and 0 of 50 leave z²/(n + z²) open; 12 of 50 worked out by hand.
    z2 = 1.959964**2
    assert (low[0], high[0]) == pytest.approx((0.0, z2 / (50 + z2)))
    assert (low[4], high[4]) == pytest.approx((50 / (50 + z2), 1.0))
    assert (low[1], high[1]) == pytest.approx((0.1430, 0.3741), abs=1e-4)
    legend = display.figure_.legends[0]
    assert texts(legend) == ["predicted", "measured (50 runs), 95 % interval"]
    assert legend.get_title().get_text() == "problem 1"


def test_runs_may_be_one_number_or_differ():
    successes = np.full(7, 3)
    display = SuccessProbabilityDisplay(ITERATIONS, PROBABILITIES, runs=20, successes=successes)
    assert display.runs.tolist() == [20] * 7
    runs = np.arange(10, 17)
    display = SuccessProbabilityDisplay(ITERATIONS, PROBABILITIES, runs=runs, successes=successes)
    assert texts(display.plot().figure_.legends[0])[1].startswith("measured (10 to 16 runs)")


def test_own_axes_are_used(searched):
    for layout in (None, "constrained"):
        ax = Figure(figsize=(3.5, 2.6), layout=layout).subplots()
        display = SuccessProbabilityDisplay.from_estimator(searched.two, ax=ax)
        assert display.ax_ is ax and display.figure_ is ax.figure
        assert texts(ax.get_legend()) == ["predicted"] and not ax.figure.legends
        ax.figure.draw_without_rendering()
        # Above the curve: over the panel, or where the axis has grown for it.
        top = ax.transData.transform((0.0, 1.0))[1]
        box = ax.get_legend().get_window_extent()
        assert box.y0 >= top and box.y1 <= ax.figure.bbox.y1 and box.x1 <= ax.figure.bbox.x1
        low, high = ax.get_ylim()
        assert max(tick for tick in ax.get_yticks() if low <= tick <= high) < 1.01


@pytest.mark.parametrize("ax", [Figure(), [Figure().subplots()], "ax"])
def test_wrong_axes(ax):
    display = SuccessProbabilityDisplay(ITERATIONS, PROBABILITIES)
    with pytest.raises(ValueError, match=f"must be a matplotlib axes.* Got {type(ax).__name__} "):
        display.plot(ax)


def test_plot_returns_the_display_and_draws_anew():
    display = SuccessProbabilityDisplay(ITERATIONS, PROBABILITIES)
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure


def test_estimators_that_cannot_be_drawn(searched):
    with pytest.raises(NotFittedError, match="SearchedClassifier"):
        SuccessProbabilityDisplay.from_estimator(searched.Classifier())
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"LogisticRegression .* lacks 'success_probability'\."):
        SuccessProbabilityDisplay.from_estimator(other)
    with pytest.raises(ValueError, match="'max_iterations' .*from_estimator .* >= 0. Got -1"):
        SuccessProbabilityDisplay.from_estimator(searched.two, max_iterations=-1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": [0, 1, 1, 2, 3, 4, 5]}, "'iterations' .* must ascend"),
        ({"iterations": [0, 1]}, r"'probabilities' .* shape \(2,\). Got the shape \(7,\)"),
        ({"iterations": []}, r"'iterations' .* not empty. Got the shape \(0,\)"),
        ({"probabilities": np.full(7, 1.2)}, "from 0 to 1. Got 1.2"),
        ({"runs": 50}, "given together. Got None for 'successes'"),
        ({"successes": [1] * 7}, "given together. Got None for 'runs'"),
        ({"runs": 50, "successes": [51] + [0] * 6}, "'successes' .* runs. Got 51 of 50 instead"),
        ({"runs": 0, "successes": [0] * 7}, "must hold a number > 0. Got none"),
        ({"runs": 1.5, "successes": [0] * 7}, "whole numbers. Got 1.5"),
        ({"runs": [5, 5], "successes": [0] * 7}, r"'runs' .* shape \(7,\)"),
    ],
)
def test_what_does_not_fit(changes, message):
    arguments = {"iterations": ITERATIONS, "probabilities": PROBABILITIES} | changes
    with pytest.raises(ValueError, match=message):
        SuccessProbabilityDisplay(**arguments)


def test_probabilities_past_the_ends_by_rounding():
    probabilities = PROBABILITIES.copy()
    probabilities[[0, 4]] = -1e-17, 1.0 + 1e-15
    display = SuccessProbabilityDisplay(ITERATIONS, probabilities)
    assert display.probabilities[[0, 4]].tolist() == [0.0, 1.0]


def test_pyplot_is_left_alone(searched):
    before = "matplotlib.pyplot" in sys.modules
    SuccessProbabilityDisplay.from_estimator(searched.two)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"SuccessProbabilityDisplay.plot needs .*\[plot\]"):
        SuccessProbabilityDisplay(ITERATIONS, PROBABILITIES).plot()
