import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from qsklearn.inspection import AccuracyLandscapeDisplay

PROBLEM_1 = [0, 0, 8, 0, 120, 0, 120, 0, 8]


def drawn(panel):
    """Height of the bar at each level; the levels above the best one have none."""
    bars = [patch.get_data() for patch in panel.patches]
    return np.concatenate([data.values for data in bars]), np.unique([d.edges[0] for d in bars])


def marked(panel):
    (diamond,) = panel.get_lines()
    return float(diamond.get_xdata()[0]), float(diamond.get_ydata()[0])


def test_every_number_is_drawn(searched):
    display = AccuracyLandscapeDisplay.from_estimator(searched.two)
    assert isinstance(display.figure_, Figure) and display.axes_.shape == (1,)
    panel = display.axes_[0]
    heights, starts = drawn(panel)
    np.testing.assert_array_equal(np.nan_to_num(heights), PROBLEM_1)
    # Nothing is drawn where no setting is, and the bar of the best stands about its accuracy.
    assert np.isnan(heights[[0, 1, 3, 5, 7]]).all()
    np.testing.assert_allclose(starts, [-1 / 16, 15 / 16])
    assert panel.get_yscale() == "log" and panel.get_ylim()[0] < 1
    assert marked(panel) == (1.0, 8.0)
    assert panel.get_title() == "best 1: 8 of 256"
    assert panel.get_xlabel() == "training accuracy" and panel.get_ylabel() == "weight settings"


def test_one_panel_a_class(searched):
    estimator = searched.three
    display = AccuracyLandscapeDisplay.from_estimator(estimator)
    assert len(display.figure_.axes) == 3
    for row, panel, name in zip(
        estimator.histogram_, display.axes_, estimator.classes_, strict=True
    ):
        best = np.flatnonzero(row)[-1]
        assert marked(panel) == (best / 8, row[best])
        assert panel.get_title() == f"{name}\nbest {best / 8:.4g}: {row[best]} of 256"
    # On one scale, so that the panels can be compared.
    assert len({panel.get_ylim() for panel in display.axes_}) == 1
    assert [panel.get_ylabel() for panel in display.axes_] == ["weight settings", "", ""]


@pytest.mark.parametrize("n_problems", [1, 2, 5, 7, 10])
def test_titles_stay_apart(n_problems):
    histogram = [[0, 2**25, 2**25 - 3, 3]] * n_problems
    names = ["a rather long name of a class"] * n_problems
    display = AccuracyLandscapeDisplay(histogram, class_names=names).plot()
    figure = display.figure_
    figure.draw_without_rendering()
    assert len(figure.axes) == n_problems
    boxes = [panel.title.get_window_extent() for panel in display.axes_]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:number])
    assert "3 of 67,108,864" in display.axes_[0].get_title()


def test_the_lowest_level_may_be_the_best():
    display = AccuracyLandscapeDisplay([[4, 0]]).plot()
    assert marked(display.axes_[0]) == (0.0, 4.0)
    display.figure_.draw_without_rendering()


def test_numbers_that_are_almost_one_are_not_called_one():
    histogram = np.zeros((1, 2001), dtype=int)
    histogram[0, [1000, 1999]] = 255, 1
    assert (
        AccuracyLandscapeDisplay(histogram).plot().axes_[0].get_title() == "best 0.9995: 1 of 256"
    )


def test_own_axes_are_used(searched):
    ax = Figure().subplots()
    display = AccuracyLandscapeDisplay.from_estimator(searched.two, ax=ax)
    assert display.axes_[0] is ax and display.figure_ is ax.figure
    axes = Figure().subplots(2, 2)
    display = AccuracyLandscapeDisplay([PROBLEM_1] * 4).plot(axes)
    assert list(display.axes_) == list(axes.ravel())
    assert [bool(panel.get_xlabel()) for panel in display.axes_] == [False, False, True, True]
    assert [bool(panel.get_ylabel()) for panel in display.axes_] == [True, False, True, False]


def test_plot_returns_the_display_and_draws_anew():
    display = AccuracyLandscapeDisplay([PROBLEM_1])
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure


def test_wrong_axes(searched):
    with pytest.raises(
        ValueError, match="'ax' parameter .* must be a matplotlib axes, .* Got Figure"
    ):
        AccuracyLandscapeDisplay([PROBLEM_1]).plot(Figure())
    with pytest.raises(ValueError, match="must be 3 matplotlib axes.* Got 1 of type Axes instead"):
        AccuracyLandscapeDisplay.from_estimator(searched.three, ax=Figure().subplots())


def test_one_class_alone(searched):
    display = AccuracyLandscapeDisplay.from_estimator(
        searched.three, label=searched.three.classes_[1]
    )
    assert len(display.axes_) == 1
    assert np.array_equal(display.histogram, searched.three.histogram_[1:2])
    assert str(searched.three.classes_[1]) in display.axes_[0].get_title()
    with pytest.raises(ValueError, match="'label' parameter of AccuracyLandscapeDisplay"):
        AccuracyLandscapeDisplay.from_estimator(searched.three, label="unknown")


def test_a_search_in_blocks_has_no_landscape(searched):
    estimator = searched.Classifier().fit()
    estimator.histogram_ = None
    with pytest.raises(ValueError, match="histogram_=None: it was searched in blocks"):
        AccuracyLandscapeDisplay.from_estimator(estimator)


def test_estimators_that_cannot_be_drawn(searched):
    with pytest.raises(NotFittedError, match="SearchedClassifier"):
        AccuracyLandscapeDisplay.from_estimator(searched.Classifier())
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"Got LogisticRegression instead, .* 'histogram_'\."):
        AccuracyLandscapeDisplay.from_estimator(other)


@pytest.mark.parametrize(
    ("histogram", "names", "message"),
    [
        (PROBLEM_1, None, r"shape \(n_problems, n_levels\), not empty. Got the shape \(9,\)"),
        ([[1, -2]], None, "must hold numbers >= 0. Got -2 among them"),
        ([[1, np.nan]], None, "finite numbers .* Got nan among them"),
        ([["a", "b"]], None, "finite numbers .* Got list instead"),
        ([[4]], None, "two levels or more.* Got one level"),
        ([[1, 2], [0, 0]], None, "Got a problem with none"),
        ([PROBLEM_1], ["a", "b"], "'class_names' .* 1 names, .* Got 2 instead"),
    ],
)
def test_what_does_not_fit(histogram, names, message):
    with pytest.raises(ValueError, match=f"AccuracyLandscapeDisplay.*{message}|{message}"):
        AccuracyLandscapeDisplay(histogram, class_names=names)


def test_pyplot_is_left_alone(searched):
    before = "matplotlib.pyplot" in sys.modules
    AccuracyLandscapeDisplay.from_estimator(searched.two)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"AccuracyLandscapeDisplay.plot needs .*\[plot\]"):
        AccuracyLandscapeDisplay([PROBLEM_1]).plot()


def test_probabilities_after_a_search(searched):
    """Problem 1 has 8 best settings of 256: sin²(5θ) with sin²θ = 1/32 after two steps."""
    estimator = searched.two
    display = AccuracyLandscapeDisplay.from_estimator(estimator, n_iterations=2)
    best = np.sin(5 * np.arcsin(np.sqrt(1 / 32))) ** 2
    expected = np.where(np.array(PROBLEM_1) > 0, np.array(PROBLEM_1) / 248 * (1 - best), 0.0)
    expected[8] = best
    np.testing.assert_allclose(display.probabilities, [expected])
    panel = display.axes_[0]
    (marks,) = [line for line in panel.get_lines() if line.get_marker() == "o"]
    shown = np.where(expected * 256 >= 0.5, expected * 256, np.nan)
    np.testing.assert_allclose(marks.get_ydata(), shown)
    np.testing.assert_allclose(marks.get_xdata(), np.arange(9) / 8)
    (stem,) = panel.collections[-1].get_segments()
    np.testing.assert_allclose(stem, [[1.0, 8.0], [1.0, 256 * best]])
    assert panel.get_ylim()[1] > 256 * best
    assert panel.get_title() == f"best 1: 8 of 256\np(best) = {best:.3g}, k = 2"
    (text,) = display.figure_.legends[0].get_texts()
    assert text.get_text() == "settings × probability"


def test_before_a_search_the_probabilities_are_the_bars(searched):
    display = AccuracyLandscapeDisplay.from_estimator(searched.three, n_iterations=0)
    np.testing.assert_allclose(display.probabilities * 256, searched.three.histogram_)
    assert display.iterations.tolist() == [0, 0, 0] and len(display.axes_) == 3


def test_the_best_number_of_each_problem(searched):
    estimator = searched.three
    display = AccuracyLandscapeDisplay.from_estimator(estimator, n_iterations="best")
    for problem, label in enumerate(estimator.classes_):
        chances = estimator.success_probability(np.arange(20), label)
        assert display.iterations[problem] == np.argmax(np.diff(chances) < 0)
        level = np.flatnonzero(estimator.histogram_[problem])[-1]
        chance = chances[display.iterations[problem]]
        np.testing.assert_allclose(display.probabilities[problem, level], chance)
    one = AccuracyLandscapeDisplay.from_estimator(
        estimator, label=estimator.classes_[1], n_iterations="best"
    )
    np.testing.assert_array_equal(one.probabilities, display.probabilities[1:2])


def test_many_accuracies_get_an_outline():
    counts = np.arange(101)
    law = counts / counts.sum()
    law[100] = 0.0
    law /= law.sum() / 0.5
    law[100] = 0.5
    display = AccuracyLandscapeDisplay([counts], probabilities=[law], iterations=3).plot()
    outline = display.axes_[0].patches[-1].get_data()
    expected = law * counts.sum()
    np.testing.assert_allclose(outline.values, np.where(expected >= 0.5, expected, np.nan))
    display.figure_.draw_without_rendering()


def test_an_overshot_search_marks_nothing_that_cannot_be_shown():
    law = [[0.0, 1.0, 0.0]]
    display = AccuracyLandscapeDisplay([[1, 6, 1]], probabilities=law, iterations=[4]).plot()
    (marks,) = [line for line in display.axes_[0].get_lines() if line.get_marker() == "o"]
    np.testing.assert_array_equal(marks.get_ydata(), [np.nan, 8.0, np.nan])
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    ("probabilities", "iterations", "message"),
    [
        ([[0.5, 0.5]], None, "together. Got None for 'iterations'"),
        (None, 3, "together. Got None for 'probabilities'"),
        ([[0.5, 0.4]], 3, "sum to 1 in each row .* sum 0.9"),
        ([[0.5, 0.5, 0.0]], 3, "'probabilities' .* Got the shape"),
        ([[0.5, 0.5]], [1, 2], "'iterations' .* Got the shape"),
        ([[0.5, 0.5]], 1.5, "'iterations' .* whole numbers. Got 1.5"),
    ],
)
def test_probabilities_that_do_not_fit(probabilities, iterations, message):
    with pytest.raises(ValueError, match=message):
        AccuracyLandscapeDisplay([[3, 1]], probabilities=probabilities, iterations=iterations)


def test_what_cannot_be_asked_of_a_search(searched):
    with pytest.raises(ValueError, match="'n_iterations' .* finite number"):
        AccuracyLandscapeDisplay.from_estimator(searched.two, n_iterations="most")
    with pytest.raises(ValueError, match="'n_iterations' .* numbers >= 0. Got -1"):
        AccuracyLandscapeDisplay.from_estimator(searched.two, n_iterations=-1)
    # Probabilities of accuracies that no setting has are none.
    with pytest.raises(ValueError, match="accuracies that settings have. Got a row .* 0.5"):
        AccuracyLandscapeDisplay([[4, 0]], probabilities=[[0.5, 0.5]], iterations=1)
