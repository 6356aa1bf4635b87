import sys

import dimod
import numpy as np
import pytest
from matplotlib.figure import Figure

from qsklearn.inspection import EnergyHistogramDisplay
from qsklearn.inspection._energy_law import (
    distance_by_chance,
    enumerate_energies,
    estimate_beta,
    find_levels,
)
from qsklearn.samplers import EmbeddedSampler, ExactSampler, MockQPUSampler

BETA = 0.5


@pytest.fixture(scope="module")
def ring():
    """Ten spins whose energies are -10, -6, ..., 10, with 2 C(10, 2k) states each."""
    return dimod.BinaryQuadraticModel({}, {(i, (i + 1) % 10): -1.0 for i in range(10)}, 0.0, "SPIN")


@pytest.fixture(scope="module")
def glass():
    rng = np.random.default_rng(0)
    couplings = {(i, j): rng.normal() for i in range(9) for j in range(i)}
    return dimod.BinaryQuadraticModel({i: rng.normal() for i in range(9)}, couplings, 0.3, "SPIN")


def law_of_ring(beta):
    levels = np.array([-10, -6, -2, 2, 6, 10.0])
    weights = np.array([2, 90, 420, 420, 90, 2]) * np.exp(-beta * levels)
    return levels, weights / weights.sum()


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def texts(legend):
    return [" ".join(text.get_text().split()) for text in legend.get_texts()]


def test_levels_and_degeneracies_are_those_of_dimods_solver(ring, glass):
    for bqm in (ring, glass, glass.change_vartype("BINARY", inplace=False)):
        exact = np.sort(dimod.ExactSolver().sample(bqm).record.energy)
        np.testing.assert_allclose(np.sort(enumerate_energies(bqm)), exact, atol=1e-9)
    levels, degeneracies = find_levels(enumerate_energies(ring), np.ones(1024))
    np.testing.assert_allclose(levels, law_of_ring(0)[0])
    np.testing.assert_array_equal(degeneracies, [2, 90, 420, 420, 90, 2])


def test_bars_lines_and_band_by_level(ring):
    samples = ExactSampler().sample(ring, beta=BETA, num_reads=1000, seed=1)
    display = EnergyHistogramDisplay.from_samples(samples, ring, beta=BETA)
    assert isinstance(display.figure_, Figure)
    levels, law = law_of_ring(BETA)
    shown = len(display.bars_)
    drawn = np.array([(samples.record.energy == level).sum() for level in levels])
    assert drawn.sum() == 1000
    np.testing.assert_array_equal(heights(display.bars_), drawn[:shown])
    centres = [bar.get_x() + bar.get_width() / 2 for bar in display.bars_]
    np.testing.assert_allclose(centres, levels[:shown])
    lines = np.array(display.law_.get_segments())
    np.testing.assert_allclose(lines[:, 0, 1], 1000 * law[:shown])
    deviation = np.sqrt(1000 * law * (1 - law))[:shown]
    low = np.maximum(1000 * law[:shown] - 2 * deviation, 0)
    np.testing.assert_allclose([bar.get_y() for bar in display.band_], low)
    np.testing.assert_allclose(heights(display.band_) + low, 1000 * law[:shown] + 2 * deviation)
    # No level that is left out was drawn, or would be in one of two such experiments.
    assert not drawn[shown:].any() and (1000 * law[shown:] < 0.5).all()


def test_total_variation_and_what_chance_does(ring):
    levels, law = law_of_ring(BETA)
    samples = ExactSampler().sample(ring, beta=BETA, num_reads=1000, seed=1)
    display = EnergyHistogramDisplay.from_samples(samples, ring, beta=BETA)
    frequencies = np.array([(samples.record.energy == level).mean() for level in levels])
    by_hand = 0.5 * np.abs(frequencies - law).sum()
    # Levels that are not shown are one bar more, in which no draw is.
    assert display.total_variation_ == pytest.approx(by_hand, abs=1e-3)
    assert texts(display.figure_.legends[0])[0].endswith(
        f"total variation {display.total_variation_:.2g} "
        f"({display.total_variation_of_draws_:.2g} by chance)"
    )


def test_the_distance_by_chance_is_the_mean_of_experiments():
    law = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
    rng = np.random.default_rng(0)
    counts = rng.multinomial(100, law, size=20_000)
    distances = 0.5 * np.abs(counts / 100 - law).sum(axis=1)
    error = distances.std() / np.sqrt(len(distances))
    assert abs(distances.mean() - distance_by_chance(law, 100)) < 4 * error < 1e-3
    assert distance_by_chance(np.array([1.0, 0.0]), 50) == 0.0


def test_effective_beta_of_draws_at_another_temperature(glass):
    samples = ExactSampler().sample(glass, beta=0.8, num_reads=5000, seed=3)
    display = EnergyHistogramDisplay.from_samples(samples, glass, beta=0.4, show_beta_eff=True)
    assert 0 < display.beta_eff_stderr_ < 0.05
    assert abs(display.beta_eff_ - 0.8) < 4 * display.beta_eff_stderr_
    assert display.total_variation_ > 5 * display.total_variation_of_draws_
    names = texts(display.figure_.legends[0])
    assert any(f"effective beta {display.beta_eff_:.4g} ±" in name for name in names)
    # At that temperature the exact mean energy is that of the draws.
    energies = enumerate_energies(glass)
    weights = np.exp(-display.beta_eff_ * (energies - energies.min()))
    assert weights @ energies / weights.sum() == pytest.approx(samples.record.energy.mean())


def test_the_standard_error_of_the_effective_beta(ring):
    levels, law = law_of_ring(BETA)
    rng = np.random.default_rng(0)
    degeneracies = [2, 90, 420, 420, 90, 2]
    scores = []
    for counts in rng.multinomial(500, law, size=400):
        beta, stderr = estimate_beta(levels, degeneracies, counts @ levels / 500, 500)
        scores.append((beta - BETA) / stderr)
    # Mean 0 and deviation 1, within 4 sigma of 400 experiments.
    assert abs(np.mean(scores)) < 4 / 20 and abs(np.std(scores) - 1) < 4 / np.sqrt(800)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([7, 0, 0], np.inf), ([0, 0, 7], -np.inf), ([1, 2, 1], 0.0)],
)
def test_temperatures_at_the_edge(counts, expected):
    levels = [-1.0, 0.0, 1.0]
    display = EnergyHistogramDisplay(
        levels, counts, levels=levels, degeneracies=[1, 2, 1], beta=1.0
    ).plot(show_beta_eff=True)
    assert display.beta_eff_ == pytest.approx(expected, abs=1e-9)
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("bins", ["auto", "levels", 4])
def test_a_model_of_one_level_has_no_temperature(bins):
    flat = dimod.BinaryQuadraticModel({"a": 0.0, "b": 0.0}, {}, 2.5, "SPIN")
    display = EnergyHistogramDisplay.from_sampler(
        ExactSampler(), flat, beta=1.0, num_reads=30, seed=0, bins=bins
    )
    (bar,) = display.bars_
    assert bar.get_height() == 30 and bar.get_x() + bar.get_width() / 2 == pytest.approx(2.5)
    assert np.isnan(display.beta_eff_) and np.isnan(display.beta_eff_stderr_)
    assert display.total_variation_ == 0.0


def test_occurrences_count_and_variables_go_by_name():
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 0.0}, {"ab": 0.5}, 0.0, "SPIN")
    rows = [{"b": 1, "a": -1, "z": 1}, {"b": -1, "a": 1, "z": 1}]
    samples = dimod.SampleSet.from_samples(
        rows, energy=[99, 99], num_occurrences=[5, 2], vartype="SPIN"
    )
    for given in (samples, samples.change_vartype("BINARY", inplace=False)):
        display = EnergyHistogramDisplay.from_samples(given, bqm, beta=1.0)
        # Energies -1.5, -0.5, 0.5, 1.5; the samples' own ones are not looked at.
        np.testing.assert_array_equal(heights(display.bars_), [5, 0, 2, 0][: len(display.bars_)])


def test_many_levels_get_bins(glass):
    display = EnergyHistogramDisplay.from_sampler(
        ExactSampler(), glass, beta=0.7, num_reads=2000, seed=0
    )
    left = np.array([bar.get_x() for bar in display.bars_])
    edges = np.append(left, left[-1] + display.bars_[-1].get_width())
    assert heights(display.bars_).sum() == 2000
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])
    energies = enumerate_energies(glass)
    law = np.exp(-0.7 * (energies - energies.min()))
    within = np.histogram(energies, edges, weights=law / law.sum())[0]
    drawn = np.array(display.law_.get_segments())[:, 0, 1]
    np.testing.assert_allclose(drawn, 2000 * within, atol=1e-9)
    assert len(display.plot(bins=7).bars_) == 7
    assert len(display.plot(bins="levels").bars_) > 30


def test_bins_hold_whole_levels_of_a_lattice():
    levels = np.arange(100.0)
    display = EnergyHistogramDisplay(levels, np.full(100, 3)).plot(bins=30)
    np.testing.assert_array_equal(heights(display.bars_), 12.0)  # 4 levels each
    # A last bar of fewer levels does not lose any.
    assert heights(display.plot(bins=40).bars_).sum() == 300


def test_without_the_law(glass):
    samples = ExactSampler().sample(glass, beta=1.0, num_reads=50, seed=0)
    display = EnergyHistogramDisplay.from_samples(samples, glass, beta=None)
    assert display.law_ is None and display.band_ is None and display.total_variation_ is None
    assert heights(display.bars_).sum() == 50
    large = dimod.BinaryQuadraticModel({i: 1.0 for i in range(21)}, {}, 0.0, "SPIN")
    rows = dimod.SampleSet.from_samples_bqm(np.ones((3, 21)), large)
    assert len(EnergyHistogramDisplay.from_samples(rows, large, beta=None).bars_) == 1
    with pytest.raises(ValueError, match=r"at most 20 .* Got 21 .* 1.68e\+07 bytes. Give beta=Non"):
        EnergyHistogramDisplay.from_samples(rows, large, beta=1.0)


class Foreign(dimod.Sampler):
    """Takes no beta, and keeps what it was given."""

    properties = None
    parameters = {"num_reads": []}

    def sample(self, bqm, **given):
        self.given = given
        return dimod.RandomSampler().sample(bqm, num_reads=given["num_reads"])


def test_samplers_are_given_what_they_take(ring):
    foreign = Foreign()
    display = EnergyHistogramDisplay.from_sampler(foreign, ring, beta=1.0, num_reads=40, seed=3)
    assert foreign.given == {"num_reads": 40} and heights(display.bars_).sum() == 40
    one, two = (
        EnergyHistogramDisplay.from_sampler(ExactSampler(), ring, beta=1.0, num_reads=99, seed=3)
        for _ in range(2)
    )
    np.testing.assert_array_equal(heights(one.bars_), heights(two.bars_))


def test_a_device_behind_an_embedding_draws_at_its_own_temperature():
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4], seed=0)
    bqm = dimod.BinaryQuadraticModel({}, {"ab": -0.2, "bc": -0.2, "ac": -0.2}, 0.0, "SPIN")
    display = EnergyHistogramDisplay.from_sampler(
        EmbeddedSampler(device, seed=0), bqm, beta=1.0, num_reads=1000, seed=0
    )
    # Its documented 6.1: see EmbeddedSampler.
    assert abs(display.beta_eff_ - 6.1) < 4 * display.beta_eff_stderr_ < 4


@pytest.mark.parametrize(
    ("width", "layout"), [(3.5, "constrained"), (6.4, "constrained"), (6.4, None)]
)
def test_own_axes_are_used(ring, width, layout):
    ax = Figure(figsize=(width, 3.4), layout=layout).subplots()
    display = EnergyHistogramDisplay.from_sampler(ExactSampler(), ring, beta=BETA, seed=0, ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and not ax.figure.legends
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1 and box.y1 <= ax.figure.bbox.y1
    # Above everything that is drawn.
    top = max(bar.get_y() + bar.get_height() for bar in [*display.bars_, *display.band_])
    assert box.y0 >= ax.transData.transform((0.0, top))[1]


def test_plot_returns_the_display_and_draws_anew():
    display = EnergyHistogramDisplay([1.0, 2.0])
    figure = display.plot().figure_
    assert display.plot() is display and display.figure_ is not figure


LAW = {"levels": [0.0, 1.0], "degeneracies": [1, 1], "beta": 1.0}


@pytest.mark.parametrize(
    ("energies", "given", "message"),
    [
        ([], {}, r"'energies' .* not empty. Got the shape \(0,\)"),
        ([0.0], {"counts": [0]}, "'counts' .* must count a draw"),
        ([0.0], {"counts": [1.5]}, "whole numbers. Got 1.5"),
        ([0.0], {"beta": 1.0}, "lacks 'levels', 'degeneracies'"),
        ([0.0], LAW | {"levels": [1.0, 0.0]}, r"energies that rise. Got \[1.0, 0.0\]"),
        ([0.0], LAW | {"degeneracies": [1, 0]}, "over 0. Got 0 among them"),
        ([0.0], LAW | {"beta": np.inf}, "'beta' .* a finite number"),
        ([0.0, 0.5], LAW, "energies among 'levels'. Got 0.5, which is none"),
    ],
)
def test_what_does_not_fit(energies, given, message):
    with pytest.raises(ValueError, match=message):
        EnergyHistogramDisplay(energies, **given)


def test_wrong_models_samples_and_samplers(ring):
    samples = ExactSampler().sample(ring, beta=1.0, num_reads=5, seed=0)
    from_samples, from_sampler = (
        EnergyHistogramDisplay.from_samples,
        EnergyHistogramDisplay.from_sampler,
    )
    with pytest.raises(ValueError, match="'bqm' .*BinaryQuadraticModel. Got dict"):
        from_samples(samples, {}, beta=1.0)
    with pytest.raises(ValueError, match="must have a variable. Got none"):
        from_samples(samples, dimod.BinaryQuadraticModel("SPIN"), beta=1.0)
    with pytest.raises(ValueError, match="a dimod.SampleSet. Got ndarray"):
        from_samples(np.ones((2, 10)), ring, beta=1.0)
    with pytest.raises(ValueError, match="Got no row"):
        from_samples(samples.slice(0), ring, beta=1.0)
    other = dimod.BinaryQuadraticModel({"q": 1.0}, {}, 0.0, "SPIN")
    with pytest.raises(ValueError, match="Got none for 'q'"):
        from_samples(samples, other, beta=1.0)
    with pytest.raises(ValueError, match="'beta' .* a finite number. Got str"):
        from_samples(samples, ring, beta="cold")
    with pytest.raises(ValueError, match="a dimod.Sampler, such as .* Got str"):
        from_sampler("gibbs", ring, beta=1.0)
    with pytest.raises(ValueError, match="'bins' .* Got 0 instead"):
        from_samples(samples, ring, beta=1.0, bins=0)


def test_bad_input_is_found_before_anything_is_drawn(ring):
    foreign = Foreign()
    large = dimod.BinaryQuadraticModel({i: 1.0 for i in range(30)}, {}, 0.0, "SPIN")
    for bqm, given in [(large, {}), (ring, {"bins": "few"}), (ring, {"ax": Figure()})]:
        with pytest.raises(ValueError):
            EnergyHistogramDisplay.from_sampler(foreign, bqm, beta=1.0, **given)
        assert not hasattr(foreign, "given")
    display = EnergyHistogramDisplay([1.0, 2.0]).plot()
    ax = display.ax_
    with pytest.raises(ValueError, match="must be a matplotlib axes"):
        display.plot(Figure())
    assert display.ax_ is ax


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    EnergyHistogramDisplay([1.0, 2.0]).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"EnergyHistogramDisplay.plot needs .*\[plot\]"):
        EnergyHistogramDisplay([1.0]).plot()
