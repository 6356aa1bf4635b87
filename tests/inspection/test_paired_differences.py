import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from qsklearn.inspection import PairedDifferenceDisplay

LONG = "a pipeline whose name nobody has thought to shorten, number {}"
MEAN, FOLD = "mean and 95 % interval", "one fold"


def row(name, difference, half_width=0.05, p_value=0.25):
    return {
        "estimator": name,
        "baseline": "twin",
        "difference": difference,
        "ci_low": difference - half_width,
        "ci_high": difference + half_width,
        "p_value": p_value,
    }


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    names = ("sampled", "twin", "even", "broken")
    accuracy = {name: rng.uniform(0.8, 0.9, 5) for name in names}
    accuracy["even"] = accuracy["twin"] + 0.02
    accuracy["broken"] = np.full(5, np.nan)
    accuracy["sampled"][3] = np.nan
    scores = {"accuracy": accuracy, "f1": {name: values / 2 for name, values in accuracy.items()}}

    def paired_tests(scoring):
        given = scores[scoring]
        differences = {name: given[name] - given["twin"] for name in ("sampled", "even")}
        return [
            row("sampled", np.nanmean(differences["sampled"])),
            row("even", np.mean(differences["even"]), math.nan, math.nan),
            row("broken", math.nan, math.nan, math.nan),
        ]

    return SimpleNamespace(scores=scores, baseline="twin", paired_tests=paired_tests)


def lines(display, marker):
    return [line for line in display.ax_.get_lines() if line.get_marker() == marker]


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_means_folds_and_intervals(result):
    display = PairedDifferenceDisplay.from_result(result)
    assert isinstance(display.figure_, Figure) and display.ax_.figure is display.figure_
    means, folds = lines(display, "D"), lines(display, "o")
    accuracy = result.scores["accuracy"]
    differences = accuracy["sampled"] - accuracy["twin"]
    assert means[0].get_xdata()[0] == pytest.approx(np.nanmean(differences))
    np.testing.assert_allclose(folds[0].get_xdata(), differences[np.isfinite(differences)])
    assert len(means) == len(folds) == 2  # none for what never finished
    assert len(set(folds[1].get_ydata())) == 5  # equal differences do not hide one another
    assert folds[0].get_markerfacecolor() == "none" and folds[0].get_markersize() < 6
    # The even differences have no interval, and so none is drawn.
    [container] = display.ax_.containers
    [bar] = container.lines[2][0].get_segments()
    np.testing.assert_allclose(bar[:, 0], np.nanmean(differences) + np.array([-0.05, 0.05]))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["sampled", "even", "broken"]
    assert np.all(np.diff(display.ax_.get_yticks()) < 0)  # from the top
    assert "no fold finished" in texts(display)
    assert display.ax_.get_xlabel() == "difference in accuracy from twin"


def test_p_values_stand_beside_or_nothing(result):
    display = PairedDifferenceDisplay.from_result(result)
    assert sorted(texts(display)) == ["0.250", "no fold finished", "p"]
    small = PairedDifferenceDisplay(
        {"a": [row("x", 0.1, p_value=0.0004)]}, {"a": {"x": [0.1, 0.2]}}, baseline="y"
    )
    assert sorted(texts(small.plot())) == ["<0.001", "p"]
    none = PairedDifferenceDisplay(
        {"a": [row("x", 0.1, math.nan, math.nan)]}, {"a": {"x": [0.1]}}, baseline="y"
    )
    assert texts(none.plot()) == []


@pytest.mark.parametrize(
    "rope, ends, said",
    [(0.01, (-0.01, 0.01), "±0.01"), ((-0.01, 0.03), (-0.01, 0.03), "-0.01 to 0.03")],
)
def test_zero_and_the_region_of_equivalence(result, rope, ends, said):
    display = PairedDifferenceDisplay.from_result(result, rope=rope)
    [shade] = display.ax_.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx(ends)
    assert shade.get_label() == f"practically equal ({said})"
    low, high = display.ax_.get_xlim()
    assert low < 0 < high
    assert any(list(line.get_xdata()) == [0, 0] for line in display.ax_.get_lines())
    assert not PairedDifferenceDisplay.from_result(result).ax_.patches


@pytest.mark.parametrize("rope", [0, -0.1, (0.1, 0.0), (0.1,), "wide", math.nan, (0, math.inf)])
def test_regions_that_are_none(result, rope):
    with pytest.raises(ValueError, match="'rope' parameter of PairedDifferenceDisplay must be"):
        PairedDifferenceDisplay.from_result(result, rope=rope)


def test_choice_of_score_and_axes(result):
    ax = Figure().subplots()
    display = PairedDifferenceDisplay.from_result(result, ax=ax, scoring="f1")
    assert display.ax_ is ax and ax.get_xlabel() == "difference in f1 from twin"
    other = Figure(layout="constrained").subplots()
    assert display.plot(other, scoring="accuracy") is display and display.ax_ is other
    with pytest.raises(ValueError, match=r"one of \['accuracy', 'f1'\]. Got 'auc' instead"):
        display.plot(scoring="auc")
    with pytest.raises(ValueError, match="'ax' parameter of PairedDifferenceDisplay.plot"):
        display.plot("here")


def test_a_baseline_alone_has_no_differences():
    alone = SimpleNamespace(
        scores={"a": {"twin": np.ones(3)}}, baseline="twin", paired_tests=lambda scoring: []
    )
    with pytest.raises(ValueError, match="needs a contender beside the baseline 'twin'"):
        PairedDifferenceDisplay.from_result(alone)


def test_each_mark_is_named_once(result):
    display = PairedDifferenceDisplay.from_result(result, rope=0.01)
    [legend] = display.figure_.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["practically equal (±0.01)", MEAN, FOLD]
    broken = PairedDifferenceDisplay(
        {"a": [row("x", math.nan, p_value=math.nan)]}, {"a": {"x": [math.nan]}}, baseline="y"
    ).plot()
    assert broken.figure_.legends == [] and texts(broken) == ["no fold finished"]


def make(n, name):
    rng = np.random.default_rng(1)
    names = [name.format(i) for i in range(n)]
    return PairedDifferenceDisplay(
        {"accuracy": [row(one, 0.1 * i) for i, one in enumerate(names)]},
        {"accuracy": {one: rng.uniform(-0.1, 0.3, 5) for one in names}},
        baseline="the classical twin",
        rope=0.02,
    )


def check_layout(display):
    figure = display.figure_
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    boxes.sort(key=lambda box: box.y0)
    assert not any(low.y1 > high.y0 for low, high in zip(boxes, boxes[1:], strict=False))
    legend = display.ax_.get_legend() or figure.legends[0]
    for box in (*boxes, legend.get_window_extent(), display.ax_.xaxis.label.get_window_extent()):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    for text in display.ax_.texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.parametrize("n, name", [(1, "short {}"), (25, LONG), (2, LONG)])
def test_names_do_not_collide_or_leave_the_figure(n, name):
    display = make(n, name).plot()
    check_layout(display)
    assert display.ax_.get_position().width > 0.45


@pytest.mark.parametrize("size", [(3.4, 2.8), (6.0, 4.0), (11.0, 7.0)])
@pytest.mark.parametrize("name", ["short {}", LONG])
def test_axes_of_any_size(size, name):
    display = make(4, name).plot(Figure(figsize=size, layout="constrained").subplots())
    check_layout(display)


@pytest.mark.parametrize("title", ["", "all folds"])
def test_axes_that_nothing_lays_out_keep_their_names(title):
    display = make(3, "short {}")
    ax = Figure(figsize=(6.0, 4.0)).subplots()
    ax.set_title(title)
    display.plot(ax).figure_.draw_without_rendering()
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"short {i}" for i in range(3)]
    means = [line.get_ydata()[0] for line in lines(display, "D")]
    assert all(abs(mean - tick) < 0.5 for mean, tick in zip(means, ax.get_yticks(), strict=True))
    legend = ax.get_legend().get_window_extent()
    assert ax.get_window_extent().y0 <= legend.y0 and legend.y1 <= ax.figure.bbox.y1


def test_small_axes_cut_names_in_their_middle():
    ax = Figure(figsize=(3.4, 2.2), layout="constrained").subplots()
    names = [label.get_text() for label in make(4, LONG).plot(ax).ax_.get_yticklabels()]
    assert all("…" in name and "\n" not in name for name in names)
    assert len(set(names)) == 4  # told apart by their ends
    # Where their lines would touch, names are written smaller.
    for height, size in ((4.0, "medium"), (1.0, "small")):
        ax = Figure(figsize=(3.4, height), layout="constrained").subplots()
        (label, *_) = make(6, "name {}").plot(ax).ax_.get_yticklabels()
        assert label.get_fontsize() == FontProperties(size=size).get_size_in_points()


def test_pyplot_is_left_alone(result):
    before = "matplotlib.pyplot" in sys.modules
    PairedDifferenceDisplay.from_result(result)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"PairedDifferenceDisplay.plot needs .*qsklearn\[plot\]"):
        make(1, "short {}").plot()


def test_each_contender_from_its_own_controls(result):
    result.control_tests = lambda scoring: [row("even", 0.02), row("sampled", 0.01)]
    display = PairedDifferenceDisplay.from_result(result, controls=True)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["even minus twin", "sampled minus twin"]
    assert display.ax_.get_xlabel() == "difference in accuracy from its control"
    even = min(lines(display, "o"), key=lambda line: np.ptp(line.get_xdata()))
    np.testing.assert_allclose(even.get_xdata(), 0.02)


def test_what_is_no_result(result):
    for other in ({"accuracy": [0.5]}, None):
        message = f"'result' .* must be a ComparisonResult, .* Got {type(other).__name__} instead"
        with pytest.raises(ValueError, match=message):
            PairedDifferenceDisplay.from_result(other)
    with pytest.raises(ValueError, match="'tests' .* must hold a score. Got none"):
        PairedDifferenceDisplay({}, {}, baseline="a")
    result.control_tests = lambda scoring: []
    message = "'controls' .* contenders have no controls. Got True, .*'sampled'.*with_controls"
    with pytest.raises(ValueError, match=message):
        PairedDifferenceDisplay.from_result(result, controls=True)
