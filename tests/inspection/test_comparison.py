import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from qsklearn.inspection import ComparisonDisplay

LONG = "a pipeline whose name nobody has thought to shorten, number {}"


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    names = ("twin", "sampled", "broken")
    scores = {name: rng.uniform(0.8, 0.9, 5) for name in names}
    scores["broken"] = np.full(5, np.nan)
    return SimpleNamespace(
        scores={"accuracy": scores, "f1": {name: values / 2 for name, values in scores.items()}},
        fit_seconds={
            "twin": np.full(5, 0.01),
            "sampled": np.full(5, 2.0),
            "broken": scores["broken"],
        },
        score_seconds={
            "twin": np.full(5, 0.2),
            "sampled": np.full(5, 0.3),
            "broken": scores["broken"],
        },
        baseline="twin",
        summary=lambda scorer: [{"estimator": name, "half_width": 0.02} for name in names],
    )


def lines(display, label):
    return [line for line in display.ax_.get_lines() if line.get_label() == label]


def test_every_fold_and_mean_is_drawn(result):
    display = ComparisonDisplay.from_result(result)
    assert isinstance(display.figure_, Figure) and display.ax_.figure is display.figure_
    folds, means = lines(display, "one fold"), lines(display, "mean")
    assert len(folds) == len(means) == 2
    for fold, mean, name in zip(folds, means, ["twin", "sampled"], strict=True):
        values = result.scores["accuracy"][name]
        np.testing.assert_array_equal(fold.get_xdata(), values)
        assert len(set(fold.get_ydata())) == 5  # none hides another
        assert mean.get_xdata()[0] == pytest.approx(values.mean())
        assert mean.get_marker() != fold.get_marker()  # legible without colour
    (mark,) = lines(display, "baseline's mean")
    assert mark.get_xdata()[0] == pytest.approx(result.scores["accuracy"]["twin"].mean())
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list(result.fit_seconds)
    assert "no fold finished" in [text.get_text() for text in display.ax_.texts]
    assert display.ax_.yaxis_inverted()


def test_interval_and_choice_of_score(result):
    display = ComparisonDisplay.from_result(result, scoring="f1")
    assert display.ax_.get_xlabel() == "f1"
    bar = display.ax_.containers[0].get_children()[-1].get_segments()[0]
    assert bar[1, 0] - bar[0, 0] == pytest.approx(0.04)
    with pytest.raises(ValueError, match=r"one of \['accuracy', 'f1', 'fit_seconds'.*Got 'auc'"):
        display.plot(scoring="auc")
    with pytest.raises(ValueError, match="Got 'auc' instead"):
        ComparisonDisplay.from_result(result, scoring="auc")


def test_seconds_get_a_fitting_axis(result):
    display = ComparisonDisplay.from_result(result, scoring="fit_seconds")
    assert display.ax_.get_xscale() == "log" and display.ax_.get_xlabel() == "fit seconds"
    assert not display.ax_.containers  # no interval is claimed for seconds
    display.plot(scoring="score_seconds")
    assert display.ax_.get_xscale() == "linear" and display.ax_.get_xlim()[0] == 0


def test_own_axes_are_used(result):
    ax = Figure().subplots()
    display = ComparisonDisplay.from_result(result, ax=ax)
    assert display.ax_ is ax and lines(display, "mean")
    other = Figure().subplots()
    assert display.plot(other) is display and display.ax_ is other


def overlaps(boxes):
    boxes = sorted(boxes, key=lambda box: box.y0)
    return any(low.y1 > high.y0 for low, high in zip(boxes, boxes[1:], strict=False))


@pytest.mark.parametrize("n, name", [(3, "short {}"), (25, LONG), (2, LONG)])
def test_names_do_not_collide_or_leave_the_figure(n, name):
    rng = np.random.default_rng(1)
    values = {"accuracy": {name.format(i): rng.uniform(size=5) for i in range(n)}}
    half_widths = {"accuracy": dict.fromkeys(values["accuracy"], 0.1)}
    baseline = name.format(0)
    display = ComparisonDisplay(values, half_widths, baseline=baseline).plot()
    figure = display.figure_
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert not overlaps(boxes)
    assert min(box.x0 for box in boxes) >= 0
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1
    # The names leave more than half of the width to the data.
    assert display.ax_.get_position().width > 0.5


def test_time_labels_do_not_collide():
    seconds = {"a": [0.0003, 0.0005], "b": [0.004, 0.008], "c": [30.0, 40.0]}
    for names in ("ab", "abc"):
        values = {"fit_seconds": {name: seconds[name] for name in names}}
        display = ComparisonDisplay(values, {}).plot()
        display.figure_.draw_without_rendering()
        low, high = display.ax_.get_xlim()
        labels = display.ax_.get_xticklabels(which="both")
        boxes = [label.get_window_extent() for label in labels if label.get_text()]
        inside = sorted((box for box in boxes), key=lambda box: box.x0)
        assert all(a.x1 < b.x0 for a, b in zip(inside, inside[1:], strict=False))
        assert sum(low <= t <= high for t in display.ax_.get_xticks()) >= 2


def test_pyplot_is_left_alone(result):
    before = "matplotlib.pyplot" in sys.modules
    ComparisonDisplay.from_result(result)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_nothing_at_all_to_draw():
    display = ComparisonDisplay({"fit_seconds": {"a": [np.nan]}}, {}).plot()
    assert display.ax_.get_legend() is None
    with pytest.raises(ValueError, match="'values' parameter of ComparisonDisplay must hold a sc"):
        ComparisonDisplay({}, {})


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"ComparisonDisplay.plot needs .*qsklearn\[plot\]"):
        ComparisonDisplay({"a": {"b": [0.5]}}, {}).plot()


@pytest.mark.parametrize("other", [{"accuracy": [0.5]}, [0.5], None])
def test_what_is_no_result(other):
    expected = "'result' parameter of ComparisonDisplay.from_result must be a ComparisonResult, "
    with pytest.raises(ValueError, match=f"{expected}.* Got {type(other).__name__} instead"):
        ComparisonDisplay.from_result(other)
