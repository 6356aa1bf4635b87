import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import qsklearn._memory
from qsklearn.inspection import AmplifiedWeightsDisplay


def laws(n_settings, n_optimal, iterations):
    """The probabilities of an ideal search, and which settings it looks for."""
    is_optimal = np.zeros(n_settings, dtype=bool)
    is_optimal[np.random.default_rng(0).choice(n_settings, n_optimal, replace=False)] = True
    angle = np.arcsin(np.sqrt(n_optimal / n_settings))
    chances = np.sin((2 * np.asarray(iterations)[:, np.newaxis] + 1) * angle) ** 2
    rest = (1 - chances) / (n_settings - n_optimal)
    return np.where(is_optimal, chances / n_optimal, rest), is_optimal


def points(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def test_every_probability_is_drawn(searched):
    estimator = searched.two
    display = AmplifiedWeightsDisplay.from_estimator(estimator)
    # None, half of the best number, and the best one: the first maximum.
    assert display.iterations.tolist() == [0, 2, 4]
    best = np.flatnonzero(estimator.landscape() == 1.0)
    for panel, k in zip(display.axes_, [0, 2, 4], strict=True):
        law = estimator.weight_probabilities(k)
        drawn = points(panel)
        np.testing.assert_array_equal(drawn["optimal (8)"].get_xdata(), best)
        np.testing.assert_allclose(drawn["optimal (8)"].get_ydata(), law[best])
        np.testing.assert_allclose(drawn["others"].get_ydata(), np.delete(law, best))
        assert drawn["others"].get_xdata().size == 248
        assert drawn["uniform"].get_ydata() == pytest.approx([1 / 256] * 2)
        assert panel.get_title() == f"k = {k}\noptimal: {law[best].sum():.3g}"
        # Legible without colour.
        assert drawn["optimal (8)"].get_marker() != drawn["others"].get_marker()
    assert display.axes_[2].get_title() == "k = 4\noptimal: 0.999"
    assert len({panel.get_ylim() for panel in display.axes_}) == 1
    assert [panel.get_ylabel() for panel in display.axes_] == ["probability", "", ""]
    texts = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert sorted(texts) == ["optimal (8)", "others", "uniform"]


def test_many_settings_are_summed():
    probabilities, is_optimal = laws(2**20, 8, [0, 142, 284])
    display = AmplifiedWeightsDisplay(probabilities, is_optimal, [0, 142, 284]).plot()
    for panel, law in zip(display.axes_, probabilities, strict=True):
        heights = [bar.get_height() for bar in panel.patches]
        np.testing.assert_allclose(heights, [law[is_optimal].sum(), law[~is_optimal].sum()])
        (uniform,) = panel.collections
        shares = [segment[0, 1] for segment in uniform.get_segments()]
        np.testing.assert_allclose(shares, [2**-17, 1 - 2**-17])
        names = [label.get_text() for label in panel.get_xticklabels()]
        assert names == ["8\noptimal", "1,048,568\nothers"]
        assert panel.patches[0].get_hatch() != panel.patches[1].get_hatch()
    assert [panel.get_title().split()[-1] for panel in display.axes_] == ["7.63e-06", "0.502", "1"]


@pytest.mark.parametrize(("n_settings", "n_bars"), [(1024, 0), (2048, 2)])
def test_where_the_picture_changes(n_settings, n_bars):
    display = AmplifiedWeightsDisplay(*laws(n_settings, 8, [1]), [1]).plot()
    assert len(display.axes_[0].patches) == n_bars


def test_a_class_of_several(searched):
    estimator = searched.three
    for problem, name in enumerate(estimator.classes_):
        display = AmplifiedWeightsDisplay.from_estimator(estimator, label=name, iterations=[1])
        assert display.is_optimal.sum() == estimator.n_optimal_[problem]
        np.testing.assert_array_equal(
            display.probabilities[0], estimator.weight_probabilities(1, name)
        )
    with pytest.raises(ValueError, match=r"'label' .* one of \['setosa', .*\]. Got None instead"):
        AmplifiedWeightsDisplay.from_estimator(estimator)
    with pytest.raises(ValueError, match="Got 'rosa' instead"):
        AmplifiedWeightsDisplay.from_estimator(estimator, label="rosa")


@pytest.mark.parametrize(
    ("n_optimal", "expected"), [(0, [0]), (128, [0]), (256, [0]), (60, [0, 1])]
)
def test_the_best_number_may_be_small(searched, n_optimal, expected):
    class Shares(searched.Classifier):
        def success_probability(self, iterations, label=None):
            angle = np.arcsin(np.sqrt(n_optimal / 256))
            return np.sin((2 * np.asarray(iterations) + 1) * angle) ** 2

    display = AmplifiedWeightsDisplay.from_estimator(Shares().fit())
    assert display.iterations.tolist() == expected


def test_a_target_that_no_setting_reaches(searched):
    searched.two.n_optimal_ = np.array([0])
    display = AmplifiedWeightsDisplay.from_estimator(searched.two, iterations=[0])
    assert not display.is_optimal.any()
    assert display.axes_[0].get_title() == "k = 0\noptimal: 0"
    display.figure_.draw_without_rendering()


def test_all_settings_at_or_above_a_target_are_optimal(searched):
    accuracies = searched.two.landscape()
    searched.two.n_optimal_ = np.array([(accuracies >= 0.75).sum()])
    display = AmplifiedWeightsDisplay.from_estimator(searched.two, iterations=[0])
    np.testing.assert_array_equal(display.is_optimal, accuracies >= 0.75)


def test_too_many_settings_for_the_memory(searched, monkeypatch):
    monkeypatch.setattr(qsklearn._memory, "physical_memory", lambda: 2**30)
    searched.two.network_ = SimpleNamespace(n_qubits=30)
    with pytest.raises(MemoryError, match="1,073,741,824 weight settings"):
        AmplifiedWeightsDisplay.from_estimator(searched.two)


def test_own_axes_are_used(searched):
    axes = Figure().subplots(3)
    display = AmplifiedWeightsDisplay.from_estimator(searched.two, ax=axes)
    assert list(display.axes_) == list(axes) and display.figure_ is axes[0].figure
    assert len(axes[0].get_legend().get_texts()) == 3 and not display.figure_.legends
    # One below the other, each has its axis.
    assert all(panel.get_ylabel() == "probability" for panel in axes)
    assert [panel.get_xlabel() for panel in axes] == ["", "", "weight settings"]
    with pytest.raises(
        ValueError, match="must be 3 matplotlib axes.* Got 1 of type Figure instead"
    ):
        AmplifiedWeightsDisplay.from_estimator(searched.two, ax=Figure())


def test_estimators_that_cannot_be_drawn(searched):
    with pytest.raises(NotFittedError, match="SearchedClassifier"):
        AmplifiedWeightsDisplay.from_estimator(searched.Classifier())
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="lacks 'n_optimal_', 'network_', 'landscape', "):
        AmplifiedWeightsDisplay.from_estimator(other)


@pytest.mark.parametrize(
    ("probabilities", "is_optimal", "iterations", "message"),
    [
        ([0.5, 0.5], [True, False], [0], r"shape \(n_panels, n_settings\).* the shape \(2,\)"),
        ([[0.5, 0.6]], [True, False], [0], "sum to 1 in each row. Got a row with the sum 1.1"),
        ([[1.5, -0.5]], [True, False], [0], "numbers from 0 to 1. Got 1.5 among them"),
        ([[0.5, 0.5]], [True], [0], r"'is_optimal' .* shape \(2,\). Got the shape \(1,\)"),
        ([[0.5, 0.5]], [3, 1], [0], "'is_optimal' .* from 0 to 1. Got 3 among them"),
        ([[0.5, 0.5]], [True, False], [0, 1], r"'iterations' .* shape \(1,\)"),
        ([[0.5, 0.5]], [True, False], [0.5], "'iterations' .* whole numbers. Got 0.5 among"),
        ([[0.5, 0.5]], [True, False], [-1], "'iterations' .* >= 0. Got -1 among"),
    ],
)
def test_what_does_not_fit(probabilities, is_optimal, iterations, message):
    with pytest.raises(ValueError, match=message):
        AmplifiedWeightsDisplay(probabilities, is_optimal, iterations)


def test_pyplot_is_left_alone(searched):
    before = "matplotlib.pyplot" in sys.modules
    AmplifiedWeightsDisplay.from_estimator(searched.two)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch, searched):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"AmplifiedWeightsDisplay.plot needs .*\[plot\]"):
        AmplifiedWeightsDisplay.from_estimator(searched.two)


@pytest.mark.parametrize("n_settings", [256, 2**12])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("layout", ["constrained", None])
def test_the_legend_covers_nothing_in_a_subfigure(n_settings, share, layout):
    probabilities, is_optimal = laws(n_settings, 8, [0, 2, 4])
    figure = Figure(figsize=(12.0, 3.0), layout=layout)
    axes = figure.subfigures(1, 2)[1].subplots(1, 3, sharey=share)
    AmplifiedWeightsDisplay(probabilities, is_optimal, [0, 2, 4]).plot(axes)
    figure.draw_without_rendering()
    legend = axes[0].get_legend().get_window_extent()
    drawn = probabilities.max() if n_settings == 256 else 1.0
    for panel in axes:
        assert panel.transData.transform((0.0, drawn))[1] < legend.y0
        assert panel.get_ylim() == axes[0].get_ylim()
    assert legend.y1 <= axes[0].get_window_extent().y1
