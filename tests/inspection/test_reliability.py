import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from qsklearn.inspection import ReliabilityDisplay


@pytest.fixture
def three():
    """Labels drawn from the very probabilities: a perfectly calibrated model of three classes."""
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 3000)
    y = (proba.cumsum(axis=1) < rng.random((3000, 1))).sum(axis=1)
    return y, proba


def test_bins_by_hand():
    confidences = [0.35, 0.38, 0.55, 0.58, 0.95, 1.0]
    display = ReliabilityDisplay(confidences, [1, 0, 1, 1, 1, 0], n_bins=10).plot()
    assert display.counts.tolist() == [0, 0, 0, 2, 0, 2, 0, 0, 0, 2]
    np.testing.assert_allclose(display.edges, np.linspace(0, 1, 11))
    np.testing.assert_allclose(display.accuracies, [0.5, 1.0, 0.5])
    np.testing.assert_allclose(display.mean_confidences, [0.365, 0.565, 0.975])
    expected = (2 * 0.135 + 2 * 0.435 + 2 * 0.475) / 6
    np.testing.assert_allclose(display.expected_calibration_error, expected)
    assert isinstance(display.figure_, Figure) and display.axes_.shape == (2,)
    np.testing.assert_array_equal(display.line_.get_xdata(), display.mean_confidences)
    np.testing.assert_array_equal(display.line_.get_ydata(), display.accuracies)
    (shares,) = display.axes_[1].patches
    np.testing.assert_allclose(shares.get_data().values, display.counts / 6)
    np.testing.assert_allclose(shares.get_data().edges, display.edges)
    (name,) = display.axes_[0].get_legend().get_texts()
    assert name.get_text() == f"ECE {expected:.3f}"


def test_intervals_are_wilsons(three):
    y, proba = three
    display = ReliabilityDisplay.from_predictions(y, proba)
    n = display.counts[display.counts > 0]
    z, p = norm.ppf(0.975), display.accuracies
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    np.testing.assert_allclose(
        display.intervals, np.column_stack([centre - half, centre + half]), rtol=1e-9
    )
    (bars,) = display.errorbar_.lines[2]
    ends = np.array(bars.get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, display.intervals)
    # Rounding puts no bound past the share where all are right.
    sure = ReliabilityDisplay(np.ones(5), np.ones(5)).plot()
    assert sure.intervals[0, 1] == pytest.approx(1.0) and 0.5 < sure.intervals[0, 0] < 0.7


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_it_agrees_with_scikit_learn(three, strategy):
    """Among several classes of being right; among two also of the second, where that is chosen."""
    y, proba = three
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=7, strategy=strategy)
    right = proba.argmax(axis=1) == y
    expected = calibration_curve(right, proba.max(axis=1), n_bins=7, strategy=strategy)
    np.testing.assert_array_equal((display.accuracies, display.mean_confidences), expected)
    assert display.counts.sum() == 3000

    rng = np.random.default_rng(1)
    second = rng.uniform(0.51, 1.0, 500)
    labels = np.where(rng.random(500) < second**2, "yes", "no")
    binary = ReliabilityDisplay.from_predictions(labels, second, n_bins=8, strategy=strategy)
    expected = calibration_curve(labels == "yes", second, n_bins=8, strategy=strategy)
    np.testing.assert_allclose((binary.accuracies, binary.mean_confidences), expected)
    both = np.column_stack([1 - second, second])
    again = ReliabilityDisplay.from_predictions(labels, both, n_bins=8, strategy=strategy)
    np.testing.assert_array_equal(again.accuracies, binary.accuracies)


def test_a_calibrated_model_stays_near_the_diagonal(three):
    display = ReliabilityDisplay.from_predictions(*three)
    filled = display.counts[display.counts > 0]
    deviation = np.sqrt(display.mean_confidences * (1 - display.mean_confidences) / filled)
    # A seeded draw: each bin within four standard deviations.
    assert (np.abs(display.accuracies - display.mean_confidences) < 4 * deviation).all()
    sharper = three[1] ** 4
    sharper /= sharper.sum(axis=1, keepdims=True)
    overconfident = ReliabilityDisplay.from_predictions(three[0], sharper)
    assert overconfident.expected_calibration_error > 0.2 > display.expected_calibration_error
    top = overconfident.counts[overconfident.counts > 0] > 100
    assert (overconfident.accuracies < overconfident.mean_confidences)[top].all()


def test_estimators_are_asked():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    codes = np.searchsorted([-0.5, 0.5], X[:, 0] + 0.5 * rng.normal(size=300))
    y = np.array(["a", "b", "c"])[codes]
    model = LogisticRegression().fit(X, y)
    display = ReliabilityDisplay.from_estimator(model, X, y, n_bins=5, strategy="quantile")
    assert display.name == "LogisticRegression" and len(display.accuracies) == 5
    right = model.predict(X) == y
    share = display.accuracies @ display.counts / 300
    np.testing.assert_allclose(share, right.mean())
    # Not all classes need be among the labels.
    part = ReliabilityDisplay.from_estimator(model, X[y != "b"], y[y != "b"], name="part")
    share = part.accuracies @ part.counts[part.counts > 0] / (y != "b").sum()
    np.testing.assert_allclose(share, right[y != "b"].mean())
    assert part.name == "part"


def test_several_models_share_axes(three):
    y, proba = three
    first = ReliabilityDisplay.from_predictions(y, proba, name="first")
    second = ReliabilityDisplay.from_predictions(y, proba**2 / (proba**2).sum(1)[:, None])
    second.plot(first.axes_, name="second")
    panel, shares = first.axes_
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    errors = [display.expected_calibration_error for display in (first, second)]
    assert names == [f"{n} (ECE {e:.3f})" for n, e in zip(("first", "second"), errors, strict=True)]
    lines = first.line_, second.line_
    assert len({line.get_color() for line in lines}) == 2
    assert len({line.get_marker() for line in lines}) == 2  # legible without colour
    assert len({line.get_linestyle() for line in lines}) == 2
    assert len(shares.patches) == 2
    highest = max(patch.get_data().values.max() for patch in shares.patches)
    assert shares.get_ylim()[1] >= highest
    diagonals = [line for line in panel.get_lines() if line.get_xdata().tolist() == [0.0, 1.0]]
    assert len(diagonals) == 1


def test_one_axes_shows_the_curve_alone(three):
    ax = Figure().subplots()
    display = ReliabilityDisplay.from_predictions(*three, ax=ax)
    assert display.axes_.tolist() == [ax] and display.figure_ is ax.figure and not ax.patches
    for _ in range(3):  # each legend makes room anew
        ReliabilityDisplay.from_predictions(*three, name="model", ax=ax)
    assert ax.get_ylim()[0] == -0.02 and ax.get_ylim()[1] < 2.1
    assert len(ax.get_legend().get_texts()) == 4
    axes = Figure().subplots(2)
    assert ReliabilityDisplay.from_predictions(*three, ax=axes).axes_[1] is axes[1]
    with pytest.raises(ValueError, match="must be 2 matplotlib axes, .* Got 3 of type Axes"):
        display.plot(Figure().subplots(3))
    with pytest.raises(ValueError, match="must be a matplotlib axes, or None. Got str instead"):
        display.plot("axes")


def test_the_legend_stays_in_the_figure(three):
    display = ReliabilityDisplay.from_predictions(*three, name="a model with a rather long name")
    for number in range(3):
        ReliabilityDisplay.from_predictions(*three, name=f"model {number}", ax=display.axes_)
    figure = display.figure_
    figure.draw_without_rendering()
    box = display.axes_[0].get_legend().get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert box.y0 > display.axes_[0].get_window_extent().y1 - 1


def test_estimators_that_cannot_be_asked():
    with pytest.raises(NotFittedError, match="LogisticRegression"):
        ReliabilityDisplay.from_estimator(LogisticRegression(), [[0.0]], [0])
    machine = LinearSVC().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="Got LinearSVC instead, which lacks 'predict_proba'"):
        ReliabilityDisplay.from_estimator(machine, [[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"proba": [[0.5, 0.6], [0.5, 0.5]]}, r"sum to 1 in each row. Got a row with the sum 1.1"),
        ({"proba": [[1.5, -0.5], [0.5, 0.5]]}, "numbers from 0 to 1. Got"),
        ({"proba": [0.5, np.nan]}, "Got nan among them"),
        ({"proba": np.ones((2, 1, 1))}, "'proba' .* Got the shape"),
        ({"y_true": [0, 1, 1]}, "inconsistent numbers of samples"),
        ({"y_true": [0, 0]}, "must name the 2 columns .* Got 1 classes instead"),
        ({"classes": [0, 1, 2]}, "must name the 2 columns .* Got 3 classes"),
        ({"n_bins": 0}, "'n_bins' .* int from 1 to 100000. Got 0"),
        ({"strategy": "equal"}, r"one of \['quantile', 'uniform'\]. Got 'equal'"),
    ],
)
def test_predictions_that_do_not_fit(changes, message):
    arguments = {"y_true": [0, 1], "proba": [[0.3, 0.7], [0.2, 0.8]], **changes}
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(**arguments)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    ReliabilityDisplay([0.5], [1]).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"ReliabilityDisplay.plot needs .*\[plot\]"):
        ReliabilityDisplay([0.5], [1]).plot()


def test_labels_that_the_classifier_never_saw():
    X, y = np.array([[0.0], [1.0], [0.2], [0.9]]), np.array([0, 1, 0, 1])
    estimator = LogisticRegression().fit(X, y)
    message = r"'y' .*from_estimator must hold labels of the classes \[0, 1\]. Got 10, 11 among"
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_estimator(estimator, X, y + 10)
    with pytest.raises(ValueError, match="'y' .* Got 2 among them"):
        ReliabilityDisplay.from_estimator(estimator, X, [0, 1, 2, 1])
    with pytest.raises(ValueError, match="'y' .* Got '0', '1' among them"):
        ReliabilityDisplay.from_estimator(estimator, X, y.astype(str))
    with pytest.raises(ValueError, match="'y_true' .*from_predictions .* Got 12, 13, 14, 15, 16, "):
        ReliabilityDisplay.from_predictions(range(12, 18), np.full(6, 0.5), classes=[0, 1])
    # Not all classes need occur, and 1.0 is 1.
    assert ReliabilityDisplay.from_estimator(estimator, X, np.ones(4)).counts.sum() == 4
