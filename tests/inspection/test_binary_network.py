import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from qsklearn.inspection import BinaryNetworkDisplay

HIDDEN = np.array([[1, 0, -1, 1], [-1, 1, 1, 0]])
OUTPUT = np.array([1, -1])


def random_network(n_inputs, n_hidden):
    rng = np.random.default_rng(0)
    hidden = rng.choice([-1, 0, 1], (n_hidden, n_inputs + 1))
    names = [f"standard error of the radius > {i / 10:.2f}" for i in range(n_inputs)]
    return BinaryNetworkDisplay(
        hidden, rng.choice([-1, 1], n_hidden), input_names=names, fit_bias=True
    )


def names_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def wires(display):
    """The weights that the lines stand for: of the inputs by (unit, input), of the output."""
    heights = {round(float(y), 9): place for place, y in enumerate(display.ax_.get_yticks())}
    units = [text.xy[1] for text in display.ax_.texts]
    hidden = np.zeros(display.hidden_weights.shape, dtype=int)
    output = np.zeros(len(units), dtype=int)
    for lines, weight in zip(display.ax_.collections, (1, -1), strict=True):
        assert f"{weight:+d}" in lines.get_label()
        for start, stop in lines.get_segments():
            if start[0] == 0.0:
                hidden[units.index(stop[1]), heights[round(float(start[1]), 9)]] = weight
            else:
                output[units.index(start[1])] = weight
                assert stop[1] == 0.5
    return hidden, output


def test_every_connection_is_drawn():
    display = BinaryNetworkDisplay(HIDDEN, OUTPUT, fit_bias=True).plot()
    assert isinstance(display.figure_, Figure)
    hidden, output = wires(display)
    np.testing.assert_array_equal(hidden, HIDDEN)
    np.testing.assert_array_equal(output, OUTPUT)
    assert names_of(display.ax_) == ["x1", "x2", "x3", "bias"]
    assert [text.get_text() for text in display.ax_.texts] == ["1", "2"]
    # Legible without colour.
    plus, minus = display.ax_.collections
    assert plus.get_linestyle() != minus.get_linestyle()
    assert not np.array_equal(plus.get_color(), minus.get_color())
    bias = display.ax_.get_lines()[1]
    assert bias.get_marker() == "s" and bias.get_ydata() == display.ax_.get_yticks()[-1]
    texts = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert texts == ["weight +1 (5)", "weight -1 (3)"]


def test_a_solution_of_an_estimator(searched):
    estimator = searched.two
    for solution in (0, 7):
        display = BinaryNetworkDisplay.from_estimator(estimator, solution=solution)
        weights = estimator.weights_[0][solution]
        np.testing.assert_array_equal(display.hidden_weights.ravel(), weights[:6])
        np.testing.assert_array_equal(display.output_weights, weights[6:])
        np.testing.assert_array_equal(wires(display)[0].ravel(), weights[:6])
    assert names_of(display.ax_) == estimator.bit_names_
    for solution in (8, -1):
        with pytest.raises(ValueError, match=f"'solution' .*0, 8.* Got {solution} instead"):
            BinaryNetworkDisplay.from_estimator(estimator, solution=solution)
    with pytest.raises(ValueError, match="must be an int"):
        BinaryNetworkDisplay.from_estimator(estimator, solution="best")


def test_a_class_of_several(searched):
    estimator = searched.three
    display = BinaryNetworkDisplay.from_estimator(estimator, label="virginica", solution=1)
    np.testing.assert_array_equal(display.output_weights, estimator.weights_[2][1][6:])
    with pytest.raises(ValueError, match=r"'label' .* \['setosa', .*\]. Got None instead"):
        BinaryNetworkDisplay.from_estimator(estimator)


def test_the_bias_of_an_estimator(searched):
    network = searched.two.network_
    network.fit_bias = True
    searched.two.bit_names_ = ["x1", "x2"]
    display = BinaryNetworkDisplay.from_estimator(searched.two)
    assert names_of(display.ax_) == ["x1", "x2", "bias"]


def test_a_network_without_connections():
    display = BinaryNetworkDisplay([[0, 0], [0, 0]], [1, 1]).plot()
    assert [len(lines.get_segments()) for lines in display.ax_.collections] == [2, 0]
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("size", [None, (3.5, 4.0), (6.4, 4.8)])
@pytest.mark.parametrize(("n_inputs", "n_hidden"), [(3, 1), (12, 20), (30, 15)])
def test_names_stay_apart_and_in_the_figure(n_inputs, n_hidden, size):
    ax = None if size is None else Figure(figsize=size, layout="constrained").subplots()
    display = random_network(n_inputs, n_hidden).plot(ax)
    figure = display.figure_
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert min(box.x0 for box in boxes) >= 0
    assert all(above.y0 >= below.y1 for above, below in zip(boxes, boxes[1:], strict=False))
    # What sets the names apart is kept, and the wires have most of the width.
    assert names_of(display.ax_)[:2] != names_of(display.ax_)[1:3]
    assert names_of(display.ax_)[1].endswith("> 0.10")
    assert display.ax_.get_position().width > 0.4
    legend = figure.legends[0] if size is None else display.ax_.get_legend()
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1


def test_units_are_numbered_where_numbers_can_be_read():
    def numbers(size):
        ax = Figure(figsize=size).subplots()
        return [text.get_text() for text in random_network(3, 30).plot(ax).ax_.texts]

    assert numbers((6.0, 8.0)) == [str(number) for number in range(1, 31)]
    assert numbers((6.0, 2.5)) == []


def test_own_axes_are_used(searched):
    ax = Figure().subplots()
    display = BinaryNetworkDisplay.from_estimator(searched.two, ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert len(ax.get_legend().get_texts()) == 2 and not ax.figure.legends
    with pytest.raises(ValueError, match="must be a matplotlib axes.* Got Figure instead"):
        BinaryNetworkDisplay.from_estimator(searched.two, ax=Figure())


def test_plot_returns_the_display_and_draws_anew():
    display = BinaryNetworkDisplay(HIDDEN, OUTPUT)
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure


def test_estimators_that_cannot_be_drawn(searched):
    with pytest.raises(NotFittedError, match="SearchedClassifier"):
        BinaryNetworkDisplay.from_estimator(searched.Classifier())
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="lacks 'bit_names_', 'network_', 'weights_'"):
        BinaryNetworkDisplay.from_estimator(other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_weights": [1, -1]}, r"shape \(n_hidden, n_inputs\), not empty. Got the shape"),
        ({"hidden_weights": [[2, 1], [1, 1]]}, "'hidden_weights' .* -1, 0, 1. Got 2 among"),
        ({"output_weights": [0, 1]}, "'output_weights' .* hold -1, 1. Got 0 among"),
        ({"output_weights": [1, 1, 1]}, r"'output_weights' .* shape \(2,\)"),
        ({"input_names": ["a"]}, "'input_names' .* 4 names, or None. Got 1 instead"),
        ({"input_names": list("abcd"), "fit_bias": True}, "3 names, or None. Got 4 instead"),
        ({"hidden_weights": [[1], [1]], "fit_bias": True}, "a column beside the bias"),
    ],
)
def test_what_does_not_fit(changes, message):
    arguments = {"hidden_weights": HIDDEN, "output_weights": OUTPUT} | changes
    with pytest.raises(ValueError, match=message):
        BinaryNetworkDisplay(**arguments)


def test_pyplot_is_left_alone(searched):
    before = "matplotlib.pyplot" in sys.modules
    BinaryNetworkDisplay.from_estimator(searched.two)
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize("module", ["matplotlib.figure", "matplotlib.collections"])
def test_without_matplotlib(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"BinaryNetworkDisplay.plot needs .*\[plot\]"):
        BinaryNetworkDisplay(HIDDEN, OUTPUT).plot()
