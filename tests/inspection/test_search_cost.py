import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from qsklearn.inspection import SearchCostDisplay

DRAWS = np.arange(1, 257)
QUANTUM = ([1, 3, 6, 10, 15, 21], [0.03, 0.17, 0.42, 0.68, 0.86, 0.94])
CURVES = {
    "quantum": QUANTUM,
    "classical": (DRAWS, 1 - (1 - 8 / 256) ** DRAWS),
    "classical, without replacement": (DRAWS, 1 - np.cumprod(1 - 8 / np.maximum(257 - DRAWS, 8))),
}


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_every_point_is_drawn(searched):
    display = SearchCostDisplay.from_estimator(searched.two)
    assert isinstance(display.figure_, Figure) and display.ax_.get_xscale() == "log"
    quantum, classical, confidence = display.ax_.get_lines()
    curves = searched.two.search_curves()
    for line, (evaluations, chances) in zip((quantum, classical), curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), evaluations)
        np.testing.assert_allclose(line.get_ydata(), chances)
        # Between two evaluations nothing is found.
        assert line.get_drawstyle() == "steps-post"
    assert list(confidence.get_ydata()) == [0.9, 0.9]
    # Legible without colour.
    assert quantum.get_linestyle() == "-" and quantum.get_marker() == "o"
    assert classical.get_linestyle() == "--" and classical.get_marker() == "None"


def test_the_legend_holds_when_the_confidence_is_reached():
    display = SearchCostDisplay(CURVES).plot()
    assert display.evaluations_ == {
        "quantum": 21,
        "classical": 73,
        "classical, without replacement": 64,
    }
    legend = display.figure_.legends[0]
    assert texts(legend) == [
        "quantum: 21",
        "classical: 73",
        "classical, without replacement: 64",
    ]
    assert legend.get_title().get_text() == "evaluations to reach 90 % (dotted line)"
    dashes = [line._dash_pattern for line in display.ax_.get_lines()[1:3]]
    assert dashes[0] != dashes[1]


def test_another_confidence_that_not_all_reach():
    display = SearchCostDisplay(CURVES, confidence=0.955).plot()
    assert display.evaluations_["quantum"] is None
    legend = display.figure_.legends[0]
    assert texts(legend)[0] == "quantum: not within 21"
    assert "95.5 %" in legend.get_title().get_text()
    # Reached exactly, but for rounding.
    assert SearchCostDisplay(CURVES, confidence=0.94 + 1e-15).plot().evaluations_["quantum"] == 21


def test_marks_are_spread_over_long_curves():
    evaluations = np.arange(1, 100_001)
    curve = (evaluations, 1 - np.exp(-evaluations / 9000))
    line = SearchCostDisplay({"quantum": curve}).plot().ax_.get_lines()[0]
    marks = np.asarray(line.get_markevery())
    assert 10 <= len(marks) <= 15 and marks[0] == 0 and marks[-1] == 99_999


def test_no_evaluation_is_not_drawn():
    display = SearchCostDisplay({"quantum": ([0, 1, 2], [0.0, 0.5, 0.95])}).plot()
    np.testing.assert_array_equal(display.ax_.get_lines()[0].get_xdata(), [1, 2])
    assert display.evaluations_ == {"quantum": 2}


def test_a_class_of_several(searched):
    display = SearchCostDisplay.from_estimator(searched.three, label="virginica", confidence=0.5)
    evaluations, chances = searched.three.search_curves("virginica")["classical"]
    assert display.evaluations_["classical"] == evaluations[chances >= 0.5][0]
    with pytest.raises(ValueError, match=r"'label' .* \['setosa', .*\]. Got None instead"):
        SearchCostDisplay.from_estimator(searched.three)


@pytest.mark.parametrize(
    ("width", "layout"), [(3.5, "constrained"), (6.4, "constrained"), (6.4, None)]
)
def test_own_axes_are_used(width, layout):
    ax = Figure(figsize=(width, 3.2), layout=layout).subplots()
    display = SearchCostDisplay(CURVES).plot(ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and not ax.figure.legends
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    # The legend is whole, and above the curves.
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1 and box.y1 <= ax.figure.bbox.y1
    assert box.y0 >= ax.transData.transform((1.0, 1.0))[1]
    low, high = ax.get_ylim()
    assert max(tick for tick in ax.get_yticks() if low <= tick <= high) == pytest.approx(1.0)


def test_wrong_axes():
    with pytest.raises(ValueError, match="must be a matplotlib axes.* Got Figure instead"):
        SearchCostDisplay(CURVES).plot(Figure())


def test_plot_returns_the_display_and_draws_anew():
    display = SearchCostDisplay(CURVES)
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure


def test_estimators_that_cannot_be_drawn(searched):
    with pytest.raises(NotFittedError, match="SearchedClassifier"):
        SearchCostDisplay.from_estimator(searched.Classifier())
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"LogisticRegression .* lacks 'search_curves'\."):
        SearchCostDisplay.from_estimator(other)


@pytest.mark.parametrize(
    ("curves", "confidence", "message"),
    [
        ({}, 0.9, "'curves' .* must hold a curve. Got none"),
        ({"a": [1, 2, 3]}, 0.9, r"'curves\['a'\]' .* a pair of arrays. Got list of another length"),
        ({"a": ([1, 2], [0.1])}, 0.9, r"shape \(2,\). Got the shape \(1,\)"),
        ({"a": ([1, 1], [0.1, 0.2])}, 0.9, r"ascend .* Got \[1.0, 1.0\] instead"),
        ({"a": ([0], [0.1])}, 0.9, "ascend beyond 0"),
        ({"a": ([1, 2], [0.3, 0.2])}, 0.9, "do not fall. Got probabilities that fall"),
        ({"a": ([1, 2], [0.3, 1.2])}, 0.9, "from 0 to 1. Got 1.2"),
        (CURVES, 1.0, "'confidence' .* over 0 and under 1. Got 1 instead"),
        (CURVES, "high", "'confidence' .* a finite number. Got str instead"),
    ],
)
def test_what_does_not_fit(curves, confidence, message):
    with pytest.raises(ValueError, match=message):
        SearchCostDisplay(curves, confidence=confidence)


def test_pyplot_is_left_alone(searched):
    before = "matplotlib.pyplot" in sys.modules
    SearchCostDisplay.from_estimator(searched.two)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"SearchCostDisplay.plot needs .*\[plot\]"):
        SearchCostDisplay(CURVES).plot()
