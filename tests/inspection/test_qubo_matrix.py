import re
import sys
from collections import Counter

import dimod
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from qsklearn.inspection import QUBOMatrixDisplay

PAPER = [("visible", 196), ("hidden1", 128), ("hidden2", 24), ("class", 10)]


def make_matrix(n_units=9, density=0.7, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n_units, n_units))
    return np.triu(np.where(rng.random(matrix.shape) < density, matrix, 0.0))


def make_pooling_model(vartype="BINARY"):
    """20 visible units in 5 pools, 5 pool units, 5 classes; labels in no order at all."""
    rng = np.random.default_rng(1)
    bqm = dimod.BinaryQuadraticModel(dimod.BINARY)
    for layer, size in (("visible", 20), ("pool", 5), ("class", 5)):
        for unit in rng.permutation(size):
            bqm.add_linear((layer, int(unit)), rng.normal())
    for unit in range(20):
        bqm.add_quadratic(("pool", unit // 4), ("visible", unit), -1.0)
    for first in range(5):
        for second in range(5):
            bqm.add_quadratic(("pool", first), ("class", second), rng.normal())
            if first < second:
                bqm.add_quadratic(("class", second), ("class", first), 2.0)
    bqm.offset = 7.0
    return bqm.change_vartype(vartype, inplace=False)


class Classifier(BaseEstimator):
    def fit(self, X=None, y=None):
        self.model_ = make_pooling_model()
        return self

    def to_bqm(self, x):
        check_is_fitted(self)
        bqm = self.model_.copy()
        bqm.add_linear(("visible", 0), x[0])
        return bqm


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.coo_matrix])
def test_every_coefficient_is_drawn(kind):
    matrix = make_matrix()
    display = QUBOMatrixDisplay(kind(matrix), layers=[("hidden", 6), ("class", 3)])
    assert display.plot() is display
    drawn = display.im_.get_array()
    np.testing.assert_array_equal(drawn.filled(0.0), matrix)
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), matrix == 0)  # zeros are blank
    assert isinstance(display.figure_, Figure) and display.ax_.figure is display.figure_
    assert display.ax_.yaxis_inverted()  # the first row is at the top
    assert names(display.ax_.xaxis) == names(display.ax_.yaxis) == ["hidden (6)", "class (3)"]
    np.testing.assert_array_equal(display.ax_.get_xticks(), [2.5, 7.0])
    assert display.colorbar_.mappable is display.im_


def test_rows_and_columns_are_numbered_within_their_layers():
    display = QUBOMatrixDisplay(make_matrix(), layers=[("hidden", 6), ("class", 3)]).plot()
    numbers = [*"012345", *"012"]
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels(minor=True)] == numbers
        assert len(axis.get_minorticklocs()) == 9  # also where the name of a layer stands
    many = QUBOMatrixDisplay(make_matrix(41)).plot()
    assert not many.ax_.get_xticklabels(minor=True) and not many.ax_.get_yticklabels(minor=True)
    small = Figure(figsize=(1, 1)).subplots()
    QUBOMatrixDisplay(make_matrix(40)).plot(small)
    assert not small.get_xticklabels(minor=True)


def test_lines_part_the_blocks_of_the_upper_triangle():
    display = QUBOMatrixDisplay(
        make_matrix(), layers={"c": slice(6, None), "a": slice(2), "b": slice(2, 6)}
    ).plot()
    assert list(display.layers) == ["a", "b", "c"]  # in the order of their units
    corners = [line.get_xydata().tolist() for line in display.ax_.get_lines()]
    assert corners == [[[x, -0.5], [x, x], [8.5, x]] for x in (1.5, 5.5)]
    assert display.ax_.get_xlim() == (-0.5, 8.5)


def test_colours_are_centred_at_zero():
    matrix = np.triu([[1.0, -3.0], [0.0, 0.5]])
    display = QUBOMatrixDisplay(matrix).plot()
    assert display.im_.get_clim() == (-3.0, 3.0) and display.colorbar_.extend == "neither"
    assert display.colorbar_.ax.get_title(loc="left") == "coefficient"
    lowers, _, raises = display.im_.cmap(display.im_.norm([-3.0, 0.0, 3.0]))
    assert lowers[2] > lowers[0] and raises[0] > raises[2]  # blue and red


@pytest.mark.parametrize(
    ("outliers", "extend"), [([90.0], "max"), ([-90.0], "min"), ([-70.0, 90.0], "both")]
)
def test_outliers_do_not_wash_out_the_rest(outliers, extend):
    matrix = np.triu(np.full((30, 30), 0.25))
    matrix[range(len(outliers)), range(len(outliers))] = outliers
    display = QUBOMatrixDisplay(matrix).plot()
    assert display.im_.get_clim() == (-0.25, 0.25) and display.colorbar_.extend == extend
    title = display.colorbar_.ax.get_title(loc="left")
    assert title == f"coefficient\n{min(*outliers, 0.25):.3g} to {max(*outliers, 0.25):.3g}"
    given = QUBOMatrixDisplay(matrix).plot(vmax=80)
    assert given.im_.get_clim() == (-80.0, 80.0)
    assert given.colorbar_.extend == ("max" if max(outliers) > 80 else "min")
    assert QUBOMatrixDisplay(matrix).plot(vmax=90).colorbar_.extend == "neither"


def test_what_is_not_far_out_is_not_clipped():
    matrix = np.triu(np.full((30, 30), 0.25))
    matrix[0, 1] = -0.75
    assert QUBOMatrixDisplay(matrix).plot().im_.get_clim() == (-0.75, 0.75)
    matrix[0, 1] = -0.76
    assert QUBOMatrixDisplay(matrix).plot().im_.get_clim() == (-0.25, 0.25)
    # A sixth of the coefficients is no outlier: the constraint on five classes of 30 units.
    matrix[25:, 25:] = np.triu(np.full((5, 5), 40.0))
    matrix[:25, 5:] = 0.0
    assert QUBOMatrixDisplay(matrix).plot().im_.get_clim() == (-40.0, 40.0)


def test_normal_coefficients_are_not_clipped():
    matrix = make_matrix(40, density=1.0)
    display = QUBOMatrixDisplay(matrix).plot()
    assert display.im_.get_clim()[1] == np.abs(matrix).max()


def test_options():
    ax = Figure().subplots()
    display = QUBOMatrixDisplay(make_matrix()).plot(ax, cmap="PuOr", colorbar=False)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert display.im_.cmap.name == "PuOr" and display.colorbar_ is None and not ax.child_axes
    assert names(ax.yaxis) == ["units (9)"]


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), sparse.csr_array((4, 4)), [[2.0]], [[True]]])
def test_trivial_matrices(matrix):
    display = QUBOMatrixDisplay(matrix).plot()
    assert display.im_.get_clim()[1] > 0 and display.colorbar_.extend == "neither"
    display.figure_.draw_without_rendering()


def overlaps(boxes, low, high):
    edges = sorted((getattr(box, low), getattr(box, high)) for box in boxes)
    return any(a[1] > b[0] + 0.5 for a, b in zip(edges, edges[1:], strict=False))


@pytest.mark.parametrize(
    "layers",
    [
        [("visible", 20), ("pool", 5), ("class", 5)],
        PAPER,
        [("visible", 784), ("hidden", 40), ("class", 10)],
        [("one", 1), ("two", 2), ("long", 400), ("three", 3), ("four", 4), ("a longer name", 1)],
        [("visible", 400), ("a", 1), ("b", 1), ("c", 1), ("d", 1)],
        [(f"layer number {i}", 2) for i in range(15)],
    ],
)
def test_names_do_not_collide_or_leave_the_figure(layers):
    n_units = sum(size for _, size in layers)
    display = QUBOMatrixDisplay(sparse.eye_array(n_units), layers=layers).plot()
    figure, ax = display.figure_, display.ax_
    figure.draw_without_rendering()
    columns = [label.get_window_extent() for label in ax.get_xticklabels()]
    rows = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert len(columns) == len(rows) == len(layers)
    assert not overlaps(columns, "x0", "x1") and not overlaps(rows, "y0", "y1")
    for box in columns + rows:
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    # Names stay in the order of their layers, and beside the matrix.
    assert (np.diff(ax.get_yticks()) > 0).all()
    assert ax.get_yticks()[0] >= 0 and ax.get_yticks()[-1] <= n_units - 1
    bar = display.colorbar_.ax.get_tightbbox().transformed(ax.transData.inverted())
    assert bar.x1 < min(bar.y0, bar.y1)  # inside of the empty triangle


def test_the_size_of_the_paper_is_legible():
    matrix = sparse.random_array((358, 358), density=0.05, random_state=0)
    display = QUBOMatrixDisplay(sparse.triu(matrix), layers=PAPER).plot()
    display.figure_.draw_without_rendering()
    assert display.ax_.get_window_extent().width >= 2 * 358  # pixels
    assert display.im_.get_interpolation() == "nearest"
    stamp = Figure(figsize=(2, 2)).subplots()
    assert display.plot(stamp).im_.get_interpolation() == "antialiased"


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
def test_a_model_is_drawn_as_its_energy(vartype):
    bqm = make_pooling_model(vartype)
    before = bqm.copy()
    display = QUBOMatrixDisplay.from_bqm(bqm)
    assert bqm == before and bqm.vartype is dimod.as_vartype(vartype)
    sizes = {name: span.stop - span.start for name, span in display.layers.items()}
    assert sizes == Counter(name for name, _ in bqm.variables)
    labels = [(name, unit) for name, size in sizes.items() for unit in range(size)]
    states = np.random.default_rng(2).integers(0, 2, (50, 30))
    matrix = display.im_.get_array().filled(0.0)
    spins = states if vartype == "BINARY" else 2 * states - 1
    expected = bqm.energies((spins, labels)) - make_pooling_model().offset
    np.testing.assert_allclose(np.einsum("ri,ij,rj->r", states, matrix, states), expected)
    np.testing.assert_array_equal(np.tril(matrix, -1), 0.0)


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [("a", 1), ("a", 0), "c"], [("a", 1, 2), 3, 4]]
)
def test_labels_without_layers_keep_their_order(labels):
    bqm = dimod.BinaryQuadraticModel(dict(zip(labels, [1.0, 2.0, 3.0], strict=True)), {}, "BINARY")
    bqm.add_quadratic(labels[2], labels[0], -4.0)
    display = QUBOMatrixDisplay.from_bqm(bqm)
    matrix = [[1.0, 0.0, -4.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]
    np.testing.assert_array_equal(display.matrix.toarray(), matrix)
    assert display.layers == {"units": slice(0, 3)}
    own = QUBOMatrixDisplay.from_bqm(bqm, layers=[("first", 1), ("rest", 2)])
    assert own.layers == {"first": slice(0, 1), "rest": slice(1, 3)}
    np.testing.assert_array_equal(own.matrix.toarray(), matrix)


def test_an_estimator_is_asked_for_its_model():
    ax = Figure().subplots()
    estimator = Classifier().fit()
    display = QUBOMatrixDisplay.from_estimator(
        estimator, [100.0], ax=ax, cmap="PuOr", colorbar=False, vmax=2.0
    )
    assert display.ax_ is ax and display.im_.cmap.name == "PuOr" and display.colorbar_ is None
    assert display.im_.get_clim() == (-2.0, 2.0)
    change = display.matrix - QUBOMatrixDisplay.from_bqm(estimator.model_).matrix
    assert change.sum() == change[[0], [0]][0] == 100.0
    rearranged = QUBOMatrixDisplay.from_estimator(estimator, [0.0], layers=[("all", 30)])
    assert list(rearranged.layers) == ["all"]


def test_estimators_that_cannot_be_asked():
    with pytest.raises(NotFittedError, match="Classifier"):
        QUBOMatrixDisplay.from_estimator(Classifier(), [0.0])
    with pytest.raises(ValueError, match=r"must have the method 'to_bqm'.*Got BaseEstimator"):
        QUBOMatrixDisplay.from_estimator(BaseEstimator(), [0.0])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 3)), "must be square with at least one unit. Got the shape (2, 3) instead"),
        (np.zeros(4), "Got the shape (4,) instead"),
        (np.zeros((0, 0)), "at least one unit. Got the shape (0, 0) instead"),
        (sparse.csr_array((2, 3)), "Got the shape (2, 3) instead"),
        ([[np.nan, np.inf], [0, 1]], "must be finite. Got 2 numbers that are NaN or infinite"),
        (sparse.csr_array([[np.nan]]), "Got 1 numbers that are NaN"),
        ([[1, 0], [2, 1]], "must be upper triangular. Got 1 numbers other than zero below"),
        (sparse.coo_array([[1, 0], [2, 1]]), "must be upper triangular. Got 1 numbers"),
        ([["a"]], "must be an array of real numbers. Got <U1 values instead"),
        ([[1j]], "must be an array of real numbers. Got complex128 values instead"),
        (sparse.csr_array([[1j]]), "must hold real numbers. Got the dtype complex128 instead"),
    ],
)
def test_bad_matrices(matrix, message):
    with pytest.raises(ValueError, match=f"The 'matrix' parameter of QUBO.*{re.escape(message)}"):
        QUBOMatrixDisplay(matrix)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([("a", 2)], "hold all 4 units of the matrix. Got 2 instead"),
        ([("a", 2), ("b", 3)], "hold all 4 units of the matrix. Got 5 instead"),
        ([], "hold all 4 units of the matrix. Got 0 instead"),
        ([("a", 2), ("a", 2)], "differ in their names. Got 'a' twice"),
        ([("a", 4), ("b", 0)], "with a size of at least 1, or a dict of name to slice. Got ('b'"),
        ([("a", 4.0)], "be pairs (name, size)"),
        (["ab"], "be pairs (name, size) with a size of at least 1, or a dict of name to slice. Go"),
        ({"a": slice(0, 2), "b": slice(3, 4)}, "Got units 3 to 4 for 'b' after the first 2"),
        ({"a": slice(0, 3), "b": slice(2, 4)}, "Got units 2 to 4 for 'b' after the first 3"),
        ({"a": slice(0, 2), "b": slice(2, 2)}, "Got units 2 to 2 for 'b' after the first 2"),
        ({"a": slice(0, 9)}, "hold the 4 units of the matrix. Got slice(0, 9, None) for 'a'"),
        ({"a": slice(0, 4, 2)}, "be slices of step 1 where it is a dict. Got slice(0, 4, 2)"),
        ({"a": 4}, "be slices of step 1 where it is a dict. Got 4 for 'a'"),
    ],
)
def test_layers_that_do_not_fit(layers, message):
    with pytest.raises(ValueError, match=f"'layers' of QUBO.* must .*{re.escape(message)}"):
        QUBOMatrixDisplay(np.zeros((4, 4)), layers=layers)


@pytest.mark.parametrize("vmax", [0, -1.0, np.nan, np.inf, "large"])
def test_bad_limits(vmax):
    with pytest.raises(ValueError, match=f"'vmax' .* finite number > 0, .* Got {vmax!r} instead"):
        QUBOMatrixDisplay(np.zeros((4, 4))).plot(vmax=vmax)


@pytest.mark.parametrize("colorbar", [np.array([1.0, 2.0]), "no", 1])
def test_a_colorbar_is_asked_for_or_not(colorbar):
    with pytest.raises(ValueError, match="'colorbar' parameter of QUBO.* must be True or False"):
        QUBOMatrixDisplay(np.zeros((4, 4))).plot(colorbar=colorbar)


def test_what_is_no_model():
    with pytest.raises(ValueError, match=r"must be a dimod\.BinaryQuadraticModel\. Got ndarray"):
        QUBOMatrixDisplay.from_bqm(np.eye(2))
    with pytest.raises(ValueError, match="at least one unit"):
        QUBOMatrixDisplay.from_bqm(dimod.BinaryQuadraticModel("SPIN"))


def test_a_picture_too_large_for_the_machine():
    display = QUBOMatrixDisplay(sparse.csr_array((2_000_000, 2_000_000)))
    with pytest.raises(MemoryError, match=r"2,000,000 units would need 160,000,000,000,000 bytes"):
        display.plot()


def test_figures_are_neither_shown_nor_kept_by_pyplot():
    before = "matplotlib.pyplot" in sys.modules
    QUBOMatrixDisplay.from_bqm(make_pooling_model())
    assert ("matplotlib.pyplot" in sys.modules) == before
    pyplot = pytest.importorskip("matplotlib.pyplot")
    open_figures = pyplot.get_fignums()
    QUBOMatrixDisplay.from_bqm(make_pooling_model())
    assert pyplot.get_fignums() == open_figures


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"QUBOMatrixDisplay.plot needs .*qsklearn\[plot\]"):
        QUBOMatrixDisplay.from_bqm(make_pooling_model())
