import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.signal import lfilter

from qsklearn.inspection import AutocorrelationDisplay
from qsklearn.inspection._autocorrelation_time import (
    autocorrelate,
    find_geyer_window,
    find_sokal_window,
    integrate,
    n_effective_components,
)


def autoregressive(rho, n_chains, n_draws, seed=0):
    """x_t = rho x_{t-1} + noise, from its stationary law: its tau is (1 + rho) / (1 - rho)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_chains, n_draws))
    noise[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise, axis=1)


def texts(legend):
    return [" ".join(text.get_text().split()) for text in legend.get_texts()]


@pytest.mark.parametrize("method", ["sokal", "geyer"])
@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.5, 0.9])
def test_tau_of_autoregressive_chains(rho, method):
    tau = (1 + rho) / (1 - rho)
    chains = autoregressive(rho, 4, 50_000)
    display = AutocorrelationDisplay.from_chains(chains, method=method)
    assert abs(display.integrated_time_ - tau) < 4 * display.integrated_time_stderr_ < 0.4 * tau
    size = display.effective_sample_size_
    assert size == pytest.approx(chains.size / display.integrated_time_)


def test_the_error_of_tau_is_that_of_experiments():
    taus, errors = [], []
    for seed in range(100):
        chains = autoregressive(0.5, 1, 4000, seed)
        function = autocorrelate(chains[..., np.newaxis])
        tau, error = integrate(function, find_sokal_window(function), 4000)
        taus.append(tau)
        errors.append(error)
    # The deviation of 100 experiments has an error of 7 %.
    assert np.std(taus) / np.mean(errors) == pytest.approx(1.0, abs=0.28)
    assert abs(np.mean(taus) - 3.0) < 4 * np.std(taus) / 10


def test_the_function_is_the_sum_over_pairs():
    rng = np.random.default_rng(1)
    chains = rng.normal(size=(3, 17, 2)).cumsum(axis=1)
    deviations = chains - chains.mean(axis=(0, 1))
    by_hand = np.array(
        [(deviations[:, : 17 - lag] * deviations[:, lag:]).sum() for lag in range(17)]
    )
    np.testing.assert_allclose(autocorrelate(chains), by_hand / by_hand[0], atol=1e-12)


def test_blocks_of_components_give_the_same(monkeypatch):
    chains = np.random.default_rng(2).choice([-1, 1], size=(2, 50, 7))
    whole = autocorrelate(chains)
    monkeypatch.setattr("qsklearn.inspection._autocorrelation_time._BLOCK_BYTES", 1.0)
    np.testing.assert_allclose(autocorrelate(chains), whole, atol=1e-12)


def test_states_of_spins_that_flip_together_or_apart():
    rng = np.random.default_rng(3)
    flips = np.where(rng.random((2, 20_000, 5)) < 0.2, -1, 1)
    apart = np.cumprod(flips, axis=1)  # rho = 0.6 each, by 1 - 2 · 0.2: tau = 4
    display = AutocorrelationDisplay.from_chains(apart)
    assert abs(display.integrated_time_ - 4.0) < 4 * display.integrated_time_stderr_
    # Correlated draws: fewer than five components, but not by much.
    assert display.n_components == pytest.approx(5.0, rel=0.01)
    together = np.repeat(apart[..., :1], 5, axis=2)
    assert AutocorrelationDisplay.from_chains(together).n_components == pytest.approx(1.0)
    one = AutocorrelationDisplay.from_chains(apart[..., 0])
    several = AutocorrelationDisplay.from_chains(together)
    np.testing.assert_allclose(one.autocorrelation, several.autocorrelation)


@pytest.mark.parametrize("n_components", [1, 6])
def test_the_band_holds_most_lags_of_independent_draws(n_components):
    rng = np.random.default_rng(4)
    chains = rng.normal(size=(5, 4000, n_components)) * np.arange(1, n_components + 1)
    display = AutocorrelationDisplay.from_chains(chains)
    outside = np.abs(display.autocorrelation[1:1001]) > display.band_width_
    # 4.6 % of 1,000 lags, within 4 sigma.
    assert abs(outside.mean() - 0.0455) < 4 * np.sqrt(0.0455 * 0.9545 / 1000)
    covariances = np.arange(1, n_components + 1) ** 2
    wanted = covariances.sum() ** 2 / (covariances**2).sum()
    assert n_effective_components(chains) == pytest.approx(wanted, rel=0.05)


def test_the_numbers_that_are_drawn():
    display = AutocorrelationDisplay.from_chains(autoregressive(0.5, 2, 5000))
    assert isinstance(display.figure_, Figure) and isinstance(display.line_, LineCollection)
    stems = np.array(display.line_.get_segments())
    np.testing.assert_allclose(stems[:, 1, 1], display.autocorrelation[: len(stems)])
    np.testing.assert_array_equal(stems[:, 0, 1], 0.0)
    low, high = display.band_.get_y(), display.band_.get_y() + display.band_.get_height()
    assert (low, high) == pytest.approx((-2 / 100, 2 / 100))
    window = display.ax_.get_lines()[-1]
    assert set(window.get_xdata()) == {display.window} and window.get_linestyle() == ":"
    names = texts(display.figure_.legends[0])
    assert f"window {display.window}" in names
    tau, size = display.integrated_time_, display.effective_sample_size_
    assert any(n.startswith(f"2 × 5,000 draws worth {size:,.0f}, tau = {tau:.3g}") for n in names)
    assert not any("not to be trusted" in name for name in names)
    display.plot(max_lag=7)
    assert len(display.line_.get_segments()) == 8
    display.plot(max_lag=200)
    np.testing.assert_allclose(display.line_.get_ydata(), display.autocorrelation[:201])


def test_windows_by_hand():
    function = 0.5 ** np.arange(50)  # tau(W) = 3 - 2 · 0.5^W
    assert find_sokal_window(function) == 15
    # Sums of pairs: 1.5, 0.1, -0.1
    assert find_geyer_window(np.array([1.0, 0.5, 0.2, -0.1, -0.2, 0.1, 0.3, 0.3])) == 3
    assert find_geyer_window(np.array([1.0, -1.0, 0.9, -0.9])) == 0
    # Never far enough: all of it.
    assert find_sokal_window(np.ones(10)) == 9 and find_geyer_window(np.ones(10)) == 9


def test_chains_too_short_are_called_so():
    display = AutocorrelationDisplay.from_chains(autoregressive(0.95, 4, 500))
    assert any("not to be trusted" in name for name in texts(display.figure_.legends[0]))


def test_chains_that_stay_apart_are_worth_one_draw_each():
    chains = np.repeat([[0.0], [1.0], [5.0]], 100, axis=1)
    display = AutocorrelationDisplay.from_chains(chains)
    np.testing.assert_allclose(display.autocorrelation, 1 - np.arange(100) / 100)
    assert display.effective_sample_size_ == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e9])
@pytest.mark.parametrize("shape", [(2, 50), (1, 20, 3)])
def test_constant_chains_say_so(value, shape):
    display = AutocorrelationDisplay.from_chains(np.full(shape, value))
    assert np.isnan(display.integrated_time_) and np.isnan(display.effective_sample_size_)
    assert display.line_ is None and display.band_ is None
    assert "constant" in display.ax_.texts[0].get_text() and not display.figure_.legends
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    ("width", "layout"), [(3.0, "constrained"), (6.4, "constrained"), (6.4, None)]
)
def test_own_axes_are_used(width, layout):
    ax = Figure(figsize=(width, 3.0), layout=layout).subplots()
    display = AutocorrelationDisplay.from_chains(autoregressive(0.9, 2, 500), ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and not ax.figure.legends
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1 and box.y1 <= ax.figure.bbox.y1
    assert box.y0 >= ax.transData.transform((0.0, 1.0))[1]


def test_plot_returns_the_display_and_draws_anew():
    display = AutocorrelationDisplay([1.0, 0.5, 0.1], window=1, n_chains=1, n_draws=100)
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure
    assert display.integrated_time_ == pytest.approx(2.0)
    figure = display.figure_
    for wrong in ({"ax": Figure()}, {"max_lag": 3}, {"max_lag": 0}):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
            display.plot(**wrong)
    assert display.figure_ is figure


@pytest.mark.parametrize(
    ("chains", "given", "message"),
    [
        (np.ones(5), {}, r"shape \(n_chains, n_draws\).* Got the shape \(5,\)"),
        (np.ones((5, 1)), {}, "two draws or more in a chain. Got 1 .*order of the axes"),
        (np.ones((0, 5)), {}, "not empty"),
        ([[1.0, np.nan]], {}, "'chains' .* Got nan among them"),
        ([["a", "b"]], {}, "'chains' .* Got list instead"),
        (np.ones((2, 5)), {"method": "batch"}, r"one of \['sokal', 'geyer'\]. Got 'batch'"),
        (np.ones((2, 5)), {"method": []}, r"Got \[\] instead"),
    ],
)
def test_chains_that_do_not_fit(chains, given, message):
    with pytest.raises(ValueError, match=message):
        AutocorrelationDisplay.from_chains(chains, **given)


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        ([0.5, 0.1], {}, "beginning with 1, or all NaN. Got .0.5, 0.1"),
        ([1.0, np.nan], {}, "finite and beginning with 1"),
        ([1.0], {}, "two numbers or more"),
        ("rho", {}, "'autocorrelation'"),
        ([1.0, 0.1], {"window": 2}, "'window' .* a whole number from 0 to 1. Got 2"),
        ([1.0, 0.1], {"n_draws": 1.5}, "'n_draws' .* of at least 1. Got 1.5"),
        ([1.0, 0.1], {"n_components": 0}, "'n_components' .* over 0. Got 0"),
    ],
)
def test_functions_that_do_not_fit(function, given, message):
    with pytest.raises(ValueError, match=message):
        AutocorrelationDisplay(function, **({"window": 1, "n_chains": 1, "n_draws": 9} | given))


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    AutocorrelationDisplay.from_chains(autoregressive(0.5, 1, 50))
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"AutocorrelationDisplay.plot needs .*\[plot\]"):
        AutocorrelationDisplay.from_chains(autoregressive(0.5, 1, 50))


def test_ragged_chains_are_refused_by_name():
    with pytest.raises(ValueError, match="'chains' parameter of AutocorrelationDisplay.from"):
        AutocorrelationDisplay.from_chains([[1.0, 2.0], [1.0]])
