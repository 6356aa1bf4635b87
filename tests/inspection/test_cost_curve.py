import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from qsklearn.inspection import CostCurveDisplay

LONG = "a pipeline whose name nobody has thought to shorten, number {}"


def point(name, value, mean, half_width=0.05, *, parameter="num_reads", **costs):
    return {
        "estimator": name,
        "parameter": parameter,
        "value": value,
        "scoring": "f1_macro",
        "n_folds": 5,
        "mean": mean,
        "standard_error": half_width / 2,
        "half_width": half_width,
        **{"reads": math.nan, "oracle_queries": math.nan, "fit_seconds": 0.1} | costs,
    }


ROWS = [
    point("sampled", 1, 0.7, reads=100.0, fit_seconds=0.5),
    point("sampled", 10, 0.8, reads=10_000.0, fit_seconds=0.3),
    point("annealed", 5, 0.75, reads=2000.0, parameter="max_iter", fit_seconds=2.0),
    point("twin", 20, 0.85, parameter="max_iter"),
    point("twin", 50, 0.9, 0.02, parameter="max_iter"),
    point("logistic regression", None, 0.88, math.nan, parameter=None),
    point("lost", 3, math.nan, math.nan, reads=math.nan, fit_seconds=math.nan),
]


def bars(display):
    """Ends of all vertical error bars, as (cost, low, high)."""
    return sorted(
        (segment[0, 0], segment[0, 1], segment[1, 1])
        for container in display.ax_.containers
        for segment in container.lines[2][0].get_segments()
        if len(segment)
    )


def test_curves_and_levels():
    display = CostCurveDisplay(ROWS).plot()
    assert isinstance(display.figure_, Figure) and display.ax_.figure is display.figure_
    sampled, annealed, twin, logistic, lost = display.lines_
    np.testing.assert_array_equal(sampled.get_xdata(), [100, 10_000])
    np.testing.assert_array_equal(sampled.get_ydata(), [0.7, 0.8])
    np.testing.assert_array_equal(annealed.get_xydata(), [[2000, 0.75]])
    # Without reads: the best point, all across, whatever the limits.
    assert set(twin.get_ydata()) == {0.9} and list(twin.get_xdata()) == [0, 1]
    assert set(logistic.get_ydata()) == {0.88}
    assert len(lost.get_xdata()) == 0
    assert [line.get_label() for line in display.lines_] == [
        "sampled, num_reads 1 to 10",
        "annealed, max_iter 5",
        "twin, max_iter 50 (no reads to fit)",
        "logistic regression (no reads to fit)",
        "lost (no fold finished)",
    ]
    expected = [(100, 0.65, 0.75), (2000, 0.7, 0.8), (10_000, 0.75, 0.85)]
    np.testing.assert_allclose(bars(display), expected)
    [band] = display.ax_.patches  # nothing is claimed where the interval is not known
    ends = band.get_y(), band.get_y() + band.get_height()
    np.testing.assert_allclose(ends, [0.88, 0.92])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "reads drawn per fit"
    assert display.ax_.get_ylabel() == "f1 macro"


def test_all_marks_are_within_the_axes():
    for rows in (ROWS, [point("a", 1, 0.5, reads=50.0), point("b", 1, 0.6, reads=50.0)]):
        display = CostCurveDisplay(rows).plot()
        low, high = display.ax_.get_xlim()
        bottom, top = display.ax_.get_ylim()
        for cost, down, up in bars(display):
            assert low < cost < high and bottom < down < up < top


def test_legible_without_colour():
    display = CostCurveDisplay(ROWS).plot(cost="fit_seconds")
    lines = display.lines_[:4]
    assert len({line.get_marker() for line in lines}) == 4
    assert len({str(line.get_linestyle()) for line in lines[:3]}) == 3
    levels = CostCurveDisplay(ROWS).plot().lines_[2:4]
    assert len({str(line._dash_pattern) for line in levels}) == 2


def test_points_are_joined_by_cost_and_named_by_value():
    display = CostCurveDisplay(ROWS).plot(cost="fit_seconds")
    assert display.lines_[0].get_xdata().tolist() == [0.3, 0.5]
    assert display.lines_[0].get_label() == "sampled, num_reads 1 to 10"
    assert display.ax_.get_xlabel() == "seconds per fit"


def test_marks_that_would_hide_one_another_are_moved_aside():
    rows = [point(name, 1, 0.8, reads=500.0) for name in "abc"]
    display = CostCurveDisplay(rows).plot()
    display.figure_.draw_without_rendering()
    places = [line.get_transform().transform(line.get_xydata())[0, 0] for line in display.lines_]
    shifts = np.diff(places) * 72 / display.figure_.dpi
    np.testing.assert_allclose(shifts, 3.0, rtol=1e-6)
    assert all(line.get_xdata()[0] == 500 for line in display.lines_)  # the data stay
    apart = CostCurveDisplay([*rows[:1], point("b", 1, 0.8, reads=5000.0)]).plot()
    assert all(line.get_transform() == apart.ax_.transData for line in apart.lines_)


def test_costs_that_none_has():
    with pytest.raises(ValueError, match=r"must be .*'reads', 'fit_seconds'. Got 'oracle_queries'"):
        CostCurveDisplay(ROWS).plot(cost="oracle_queries")
    with pytest.raises(ValueError, match="Got 'mean' instead"):
        CostCurveDisplay(ROWS).plot(cost="mean")
    with pytest.raises(ValueError, match="none was found. Got 'reads' instead"):
        CostCurveDisplay(ROWS[6:]).plot()
    with pytest.raises(ValueError, match="must hold a row"):
        CostCurveDisplay([])
    with pytest.raises(ValueError, match="'ax' parameter of CostCurveDisplay.plot"):
        CostCurveDisplay(ROWS).plot("here")


@pytest.mark.parametrize(
    "cost, said",
    [
        ("predict_reads", "no reads to predict"),
        ("total_qpu_seconds", "no qpu seconds"),
        ("joules", "no joules"),
    ],
)
def test_what_is_missing_is_said(cost, said):
    rows = [point("a", 1, 0.5, **{cost: 3.0}), point("b", 1, 0.5, **{cost: 0.0})]
    display = CostCurveDisplay(rows).plot(cost=cost)
    assert display.lines_[1].get_label() == f"b ({said})"


def test_from_curve():
    curve = SimpleNamespace(points=())
    curve.summary = lambda scoring: [{**row, "scoring": scoring} for row in ROWS]
    ax = Figure().subplots()
    display = CostCurveDisplay.from_curve(curve, ax=ax, cost="fit_seconds", scoring="auc")
    assert display.ax_ is ax and ax.get_ylabel() == "auc"
    other = Figure().subplots()
    assert display.plot(other) is display and display.ax_ is other


def texts(labels):
    return [label for label in labels if label.get_text() and label.get_visible()]


@pytest.mark.parametrize("low, high", [(2100, 2900), (3, 40), (20, 9e5), (1e-5, 3.0), (7, 7)])
@pytest.mark.parametrize("size", [(3.0, 2.4), (6.0, 4.2)])
def test_numbers_of_the_costs_do_not_collide(low, high, size):
    rows = [point("a", 1, 0.5, reads=float(low)), point("a", 2, 0.7, reads=float(high))]
    figure = Figure(figsize=size, layout="constrained")
    display = CostCurveDisplay(rows).plot(figure.subplots())
    figure.draw_without_rendering()
    left, right = display.ax_.get_xlim()
    ticks = zip(display.ax_.get_xticks(), display.ax_.get_xticklabels(), strict=True)
    shown = [label for place, label in ticks if left <= place <= right and label.get_text()]
    boxes = sorted((label.get_window_extent() for label in shown), key=lambda box: box.x0)
    assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False))
    assert len(shown) >= (1 if low == high else 2)
    assert not texts(display.ax_.get_xticklabels(which="minor"))


@pytest.mark.parametrize("n, name", [(2, "short {}"), (7, "short {}"), (4, LONG)])
def test_the_legend_stays_in_the_figure(n, name):
    rows = [point(name.format(i), v, 0.5, reads=10.0 * v) for i in range(n) for v in (1, 9)]
    display = CostCurveDisplay(rows).plot()
    display.figure_.draw_without_rendering()
    [legend] = display.figure_.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= display.figure_.bbox.x1
    assert box.y0 >= display.ax_.get_window_extent().y1
    assert display.ax_.get_position().height > 0.4


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    CostCurveDisplay(ROWS).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"CostCurveDisplay.plot needs .*qsklearn\[plot\]"):
        CostCurveDisplay(ROWS).plot()


def test_what_is_no_curve():
    for other in ({"reads": 1}, ROWS, SimpleNamespace(summary=lambda scoring: [])):
        message = f"'curve' .* must be a CostCurve, .* Got {type(other).__name__} instead"
        with pytest.raises(ValueError, match=message):
            CostCurveDisplay.from_curve(other)
    lacking = {name: value for name, value in ROWS[1].items() if name != "mean"}
    with pytest.raises(ValueError, match=r"must be rows with .*mean.*\. One lacks mean\."):
        CostCurveDisplay([ROWS[0], lacking])
