import sys
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import EffectiveBetaDisplay
from qsklearn.samplers import EmbeddedSampler, MockQPUSampler

TRACE = np.array([2.0, 2.4, 2.5, 2.45])
ERRORS = np.array([0.4, 0.2, 0.1, 0.1])


class Kept(BaseEstimator):
    """Fitted, with whatever attributes are given."""

    def __init__(self, attributes=None, report=None):
        self.attributes = attributes
        self.report = report

    def fit(self):
        self.is_fitted_ = True
        for name, value in (self.attributes or {}).items():
            setattr(self, name, value)
        return self

    def sampling_report(self, X):
        return dict(self.report or {})


def ends_of_band(band):
    """Lowest and highest point by iteration."""
    points = band.get_paths()[0].vertices
    places = np.unique(points[:, 0])
    ends = [
        (points[points[:, 0] == x, 1].min(), points[points[:, 0] == x, 1].max()) for x in places
    ]
    return places, np.array(ends)


def test_every_number_is_drawn():
    display = EffectiveBetaDisplay(TRACE, ERRORS, beta_true=2.5).plot()
    assert isinstance(display.figure_, Figure)
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(display.line_.get_ydata(), TRACE)
    places, ends = ends_of_band(display.band_)
    np.testing.assert_array_equal(places, [1, 2, 3, 4])
    np.testing.assert_allclose(ends, np.stack([TRACE - 2 * ERRORS, TRACE + 2 * ERRORS], axis=1))
    assert set(display.true_line_.get_ydata()) == {2.5}
    assert display.true_line_.get_linestyle() == "--" and display.line_.get_linestyle() == "-"


def test_without_errors_or_truth():
    display = EffectiveBetaDisplay(TRACE).plot()
    assert display.band_ is None and display.true_line_ is None
    # A temperature that was known has the error 0.
    assert EffectiveBetaDisplay(TRACE, np.zeros(4)).plot().band_ is None


def test_a_temperature_that_the_sampler_hits_is_no_estimate():
    rng = np.random.default_rng(0)
    X = rng.random((20, 2))
    network = QuantumSampledMLPClassifier(n_hidden=2, max_iter=2, tol=0.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of two iterations
        network.fit(X, X[:, 0] > 0.5)
    display = EffectiveBetaDisplay.from_estimator(network)
    assert display.line_.get_label() == "known (the sampler hits it)"
    assert EffectiveBetaDisplay(TRACE, ERRORS).plot().line_.get_label() == "estimate"
    assert EffectiveBetaDisplay(TRACE).plot().line_.get_label() == "estimate"


def test_what_is_not_finite_leaves_gaps():
    trace = np.array([2.0, np.inf, 2.5, np.nan, 2.4])
    display = EffectiveBetaDisplay(trace, [0.1, np.nan, 0.1, np.inf, 0.1]).plot()
    np.testing.assert_array_equal(display.line_.get_ydata(), [2.0, np.nan, 2.5, np.nan, 2.4])
    display.figure_.draw_without_rendering()
    long = np.where(np.arange(100) % 2, 2.0, np.nan)
    # Points between gaps would have no line.
    assert EffectiveBetaDisplay(long).plot().line_.get_marker() == "."
    assert EffectiveBetaDisplay(np.full(100, 2.0)).plot().line_.get_marker() in ("", "None")


def test_a_wild_first_error_does_not_hide_the_trace():
    trace, errors = np.full(50, 2.5), np.full(50, 0.1)
    errors[0] = 40.0
    low, high = EffectiveBetaDisplay(trace, errors).plot().ax_.get_ylim()
    assert low < 2.5 - 0.2 < 2.5 + 0.2 < high and high - low < 3
    # All of it is shown where no error is out of line.
    low, high = EffectiveBetaDisplay(TRACE, ERRORS).plot().ax_.get_ylim()
    assert low < (TRACE - 2 * ERRORS).min() and high > (TRACE + 2 * ERRORS).max()


def test_a_single_number():
    display = EffectiveBetaDisplay([2.0], [0.1]).plot()
    places, ends = ends_of_band(display.band_)
    assert places.mean() == pytest.approx(1.0) and ends[0] == pytest.approx([1.8, 2.2])
    assert display.ax_.get_xticks().tolist() == [1]


@pytest.mark.parametrize(
    "attributes",
    [
        {"beta_eff_": TRACE, "beta_eff_stderr_": ERRORS},
        {"history_": {"beta_eff": TRACE.tolist(), "beta_eff_stderr": ERRORS.tolist()}},
        {"beta_eff_": np.array([]), "history_": {"beta_eff": TRACE, "beta_eff_stderr": ERRORS}},
    ],
)
def test_estimators_are_read_by_attribute(attributes):
    display = EffectiveBetaDisplay.from_estimator(Kept(attributes).fit(), beta_true=2.5)
    np.testing.assert_array_equal(display.line_.get_ydata(), TRACE)
    np.testing.assert_array_equal(display.stderr, ERRORS)
    assert display.beta_true == 2.5


def test_estimators_that_only_report():
    estimator = Kept(report={"beta_eff": 2.2, "beta_eff_stderr": 0.1}).fit()
    display = EffectiveBetaDisplay.from_estimator(estimator, np.ones((2, 2)))
    assert display.line_.get_ydata().tolist() == [2.2]
    assert EffectiveBetaDisplay.from_estimator(Kept({"beta_eff_": TRACE}).fit()).band_ is None
    with pytest.raises(ValueError, match="Kept instead, which has none. Give X, which its 'samp"):
        EffectiveBetaDisplay.from_estimator(estimator)
    with pytest.raises(ValueError, match="Kept instead, which has none.$"):
        EffectiveBetaDisplay.from_estimator(Kept().fit(), np.ones((2, 2)))


def test_a_network_trained_on_a_device():
    rng = np.random.default_rng(0)
    X = rng.random((20, 2))
    device = MockQPUSampler("advantage", topology_shape=[2], seed=0)
    network = QuantumSampledMLPClassifier(
        n_hidden=2, sampler=EmbeddedSampler(device, seed=0), max_iter=2, tol=0.0, random_state=0
    )
    with warnings.catch_warnings():
        # It trains too little to converge, or to tell a temperature.
        warnings.simplefilter("ignore", UserWarning)
        network.fit(X, X[:, 0] > 0.5)
    display = EffectiveBetaDisplay.from_estimator(network)
    np.testing.assert_array_equal(display.line_.get_ydata(), network.beta_eff_)
    assert len(network.beta_eff_) == 2 and display.band_ is not None


def test_estimators_that_cannot_be_drawn():
    with pytest.raises(NotFittedError, match="Kept"):
        EffectiveBetaDisplay.from_estimator(Kept())
    regression = LinearRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"'beta_eff_' or history_\['beta_eff'\].* LinearRegress"):
        EffectiveBetaDisplay.from_estimator(regression)


@pytest.mark.parametrize(
    ("width", "layout"), [(3.0, "constrained"), (6.4, "constrained"), (6.4, None)]
)
def test_own_axes_are_used(width, layout):
    ax = Figure(figsize=(width, 3.0), layout=layout).subplots()
    display = EffectiveBetaDisplay(TRACE, ERRORS, beta_true=2.5).plot(ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and not ax.figure.legends
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1 and box.y1 <= ax.figure.bbox.y1
    assert box.y0 >= ax.transData.transform((1.0, (TRACE + 2 * ERRORS).max()))[1]


def test_plot_returns_the_display_and_draws_anew():
    display = EffectiveBetaDisplay(TRACE)
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure
    figure = display.figure_
    with pytest.raises(ValueError, match="must be a matplotlib axes.* Got Figure"):
        display.plot(Figure())
    assert display.figure_ is figure


def test_what_is_given_is_not_changed():
    trace = np.array([2.0, np.inf])
    EffectiveBetaDisplay(trace, [0.1, np.inf]).plot()
    np.testing.assert_array_equal(trace, [2.0, np.inf])


@pytest.mark.parametrize(
    ("beta_eff", "given", "message"),
    [
        ([], {}, "some of them finite. Got none that is finite"),
        ([np.nan], {}, "Got none that is finite"),
        ([[1.0]], {}, r"Got the shape \(1, 1\)"),
        ("cold", {}, "'beta_eff' .* must be numbers. Got str"),
        ([1.0], {"stderr": [0.1, 0.1]}, r"'stderr' .* of shape \(1,\).* Got the shape \(2,\)"),
        ([1.0], {"stderr": [-0.1]}, "at least 0.* Got -0.1"),
        ([1.0], {"beta_true": np.nan}, "'beta_true' .* a finite number. Got nan"),
    ],
)
def test_what_does_not_fit(beta_eff, given, message):
    with pytest.raises(ValueError, match=message):
        EffectiveBetaDisplay(beta_eff, **given)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    EffectiveBetaDisplay(TRACE).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"EffectiveBetaDisplay.plot needs .*\[plot\]"):
        EffectiveBetaDisplay(TRACE).plot()
