import math

import networkx as nx
import numpy as np
import pytest
from matplotlib.figure import Figure

from qsklearn.inspection import (
    AccuracyLandscapeDisplay,
    AnnealedTrainingDisplay,
    BinaryNetworkDisplay,
    ComparisonDisplay,
    CostCurveDisplay,
    EmbeddingDisplay,
    GeneratedImagesDisplay,
    LayerEnergyDisplay,
    PairedDifferenceDisplay,
    QUBOMatrixDisplay,
    ReceptiveFieldDisplay,
    ReliabilityDisplay,
    SearchCostDisplay,
    SuccessProbabilityDisplay,
)
from qsklearn.inspection._drawing import add_legend, check_axes, check_axis, escape

NAME = "a $x_1^$"  # no formula that matplotlib can read


def removed():
    ax = Figure().subplots()
    ax.remove()
    return ax


def projected(projection):
    return Figure().add_subplot(projection=projection)


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: "a", "str"),
        (Figure, "Figure"),
        (removed, "one that was removed from its figure"),
        (lambda: projected("polar"), "one with polar coordinates"),
        (lambda: projected("3d"), "one with 3d coordinates"),
    ],
)
def test_axes_that_nothing_can_be_drawn_in(make, got):
    one = f"ax' parameter of A.plot must be a matplotlib axes, or None. Got {got} instead"
    with pytest.raises(ValueError, match=one):
        check_axis(make(), "A")
    with pytest.raises(ValueError, match=one):
        check_axes([make()], 1, "A")
    with pytest.raises(ValueError, match=f"2 matplotlib axes, one a panel, .* Got {got} instead"):
        check_axes([Figure().subplots(), make()], 2, "A")
    comparison = ComparisonDisplay({"f1": {"a": [0.5]}}, {})
    for display in (comparison, QUBOMatrixDisplay(np.ones((1, 1)))):
        with pytest.raises(ValueError, match=f"must be a matplotlib axes.*Got {got} instead"):
            display.plot(make())


def test_axes_in_a_row():
    axes = Figure().subplots(2, 2)
    assert check_axis(axes[0, 0], "A") is axes[0, 0]
    assert list(check_axes(axes, 4, "A")) == list(axes.ravel())
    with pytest.raises(ValueError, match="must be a matplotlib axes, or None. Got 4 of type Axes"):
        check_axes(axes, 1, "A")


def test_escaped_names_are_drawn_letter_by_letter():
    drawn = []
    for name in ("plain", "2 $", NAME, r"\$5 and $6"):
        text = Figure().text(0.5, 0.5, escape(name))
        assert text.get_text() == name.replace("$", r"\$")
        drawn.append(text._preprocess_math(text.get_text()))
    assert drawn[:3] == [("plain", False), ("2 $", False), (NAME, False)]
    assert escape(5) == "5"


def cost_rows():
    row = {"estimator": NAME, "parameter": NAME, "value": NAME, "scoring": NAME, "mean": 0.5}
    row |= {"half_width": 0.1, "reads": 10.0}
    twin = row | {"estimator": "twin " + NAME, "reads": math.nan}
    return [row, twin, twin | {"estimator": "broken " + NAME, "mean": math.nan}]


def diagnostics():
    energies = dict.fromkeys(("base_energy", "annealed_energy", "energy", "optimum"), [[1.0]])
    others = {"target_rms": [[1.0]], "condition_number": [[1.0]], "loss": [1.0]}
    return energies | others | {"layer_names": [NAME]}


def paired():
    test = {"estimator": NAME, "difference": 0.1, "ci_low": 0.0, "ci_high": 0.2, "p_value": 0.5}
    return PairedDifferenceDisplay({NAME: [test]}, {NAME: {NAME: [0.1]}}, baseline=NAME)


MAKERS = {
    "landscape": lambda: AccuracyLandscapeDisplay([[1, 2], [1, 2]], class_names=[NAME, "b"]),
    "training": lambda: AnnealedTrainingDisplay(diagnostics()),
    "energies": lambda: LayerEnergyDisplay(diagnostics()),
    "network": lambda: BinaryNetworkDisplay([[1, -1]], [1], input_names=[NAME, "b"]),
    "comparison": lambda: ComparisonDisplay({NAME: {NAME: [0.5]}}, {}),
    "cost": lambda: CostCurveDisplay(cost_rows()),
    "embedding": lambda: EmbeddingDisplay({NAME: [0], "b": [1]}, nx.path_graph(2)),
    "images": lambda: GeneratedImagesDisplay(np.ones((1, 4, 4)), names=[NAME]),
    "differences": paired,
    "matrix": lambda: QUBOMatrixDisplay(np.eye(2), layers=[(NAME, 2)]),
    "fields": lambda: ReceptiveFieldDisplay(np.ones((1, 4, 4)), unit_names=[NAME]),
    "kernels": lambda: ReceptiveFieldDisplay(np.ones((1, 2, 4, 4)), unit_names=[NAME]),
    "reliability": lambda: ReliabilityDisplay([0.5, 0.9], [0, 1], name=NAME),
    "search": lambda: SearchCostDisplay({NAME: ([1, 2], [0.5, 1.0])}),
    "success": lambda: SuccessProbabilityDisplay([0, 1], [0.1, 0.5], name=NAME),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("own", [False, True])
def test_names_with_dollars_are_no_formulas(kind, own):
    display = MAKERS[kind]()
    n_panels = {"training": 4, "landscape": 2}.get(kind, 1)
    axes = None if not own else Figure(figsize=(6.0, 5.0)).subplots(n_panels)
    if kind == "embedding":
        display.plot(axes, labels=True)
    else:
        display.plot(axes)
    display.figure_.draw_without_rendering()
    texts = [text.get_text() for text in display.figure_.findobj(lambda a: hasattr(a, "get_text"))]
    assert any(r"\$x_1^\$" in text for text in texts)


@pytest.mark.parametrize("layout", ["ours", None, "constrained"])
def test_long_titles_of_legends_are_broken_into_lines(layout):
    figure = Figure(figsize=(3.0, 3.0), layout="constrained" if layout == "ours" else layout)
    ax = figure.subplots()
    ax.plot([0.0, 1.0], label="short")
    title = "a title that nobody has thought to shorten, nor to break into lines"
    add_legend(ax, outside=layout == "ours", title=title)
    figure.draw_without_rendering()
    legend = figure.legends[0] if layout == "ours" else ax.get_legend()
    assert legend.get_title().get_text().replace("\n", " ") == title
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    if layout is None:
        # The line stays below what the legend takes.
        assert ax.transData.transform((0.0, 1.0))[1] < box.y0


def test_a_legend_without_title_has_none():
    ax = Figure().subplots()
    ax.plot([0.0, 1.0], label="short")
    add_legend(ax, outside=False)
    assert ax.get_legend().get_title().get_text() == ""
