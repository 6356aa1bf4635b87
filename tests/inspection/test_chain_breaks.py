import sys
import warnings

import dimod
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import ChainBreakDisplay
from qsklearn.samplers import EmbeddedSampler, Embedding, MockQPUSampler

CHAINS = {"a": (3,), "b": (1, 7), "c": (2, 9), "d": (4, 5, 6)}


def make_samples(rng, n_reads, probability):
    """Qubits of which each flips at random, read in an order of their own."""
    labels = [9, 7, 6, 5, 4, 3, 2, 1, 0]
    states = np.where(rng.random((n_reads, 9)) < probability, -1, 1).astype(np.int8)
    counts = rng.integers(1, 4, n_reads)
    return dimod.SampleSet.from_samples(
        (states, labels), energy=np.zeros(n_reads), num_occurrences=counts, vartype="SPIN"
    )


def breaks_by_hand(samples):
    """For each draw, and each of its chains, whether it is broken."""
    rows = []
    for sample, count in samples.data(["sample", "num_occurrences"], sorted_by=None):
        broken = [len({sample[qubit] for qubit in chain}) > 1 for chain in CHAINS.values()]
        rows += [broken] * count
    return np.array(rows)


class Reporting(BaseEstimator):
    """Reports a fraction that tells how many rows it was given."""

    def __init__(self, history=None, reports=True):
        self.history = history
        self.reports = reports

    def fit(self):
        self.is_fitted_ = True
        if self.history is not None:
            self.history_ = self.history
        return self

    def sampling_report(self, X):
        return {"chain_break_fraction": len(X) / 100} if self.reports else {"num_reads": 3}


@pytest.fixture(scope="module")
def calls():
    rng = np.random.default_rng(0)
    return [make_samples(rng, 40, probability) for probability in (0.1, 0.3, 0.0)]


@pytest.mark.parametrize("as_embedding", [False, True])
def test_every_number_is_drawn(calls, as_embedding):
    embedding = Embedding.from_chains(CHAINS.values(), "given") if as_embedding else CHAINS
    display = ChainBreakDisplay.from_qubits(calls, embedding)
    assert isinstance(display.figure_, Figure) and display.axes_.shape == (2,)
    by_call = [breaks_by_hand(samples) for samples in calls]
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(display.line_.get_ydata(), [rows.mean() for rows in by_call])
    mean = np.mean([rows.mean() for rows in by_call])
    np.testing.assert_allclose(display.mean_line_.get_ydata(), mean)
    by_chain = np.concatenate(by_call).mean(axis=0)
    np.testing.assert_allclose(display.circles_.get_ydata(), by_chain)
    # Each right of its length, and none upon another.
    places = display.circles_.get_xdata()
    np.testing.assert_array_equal(np.floor(places), [1, 2, 2, 3])
    assert len(set(places)) == 4
    middle, caps, (bar,) = display.bars_
    np.testing.assert_array_equal(middle.get_xdata(), [1, 2, 3])
    by_length = [by_chain[0], by_chain[1:3].mean(), by_chain[3]]
    np.testing.assert_allclose(middle.get_ydata(), by_length)
    assert middle.get_marker() != display.circles_.get_marker()
    low, high = np.array([segment[:, 1] for segment in bar.get_segments()]).T
    n = sum(len(rows) for rows in by_call) * np.array([1, 2, 1])
    # Wilson's interval at two standard deviations, which goes on where no break was seen.
    centre = (np.array(by_length) + 2 / n) / (1 + 4 / n)
    half = np.sqrt(by_length * (1 - np.array(by_length)) / n + 1 / n**2) * 2 / (1 + 4 / n)
    np.testing.assert_allclose(low, centre - half, atol=1e-4)
    np.testing.assert_allclose(high, centre + half, atol=1e-4)
    assert high[0] > 0 == by_length[0]


def test_one_call_need_not_be_a_list(calls):
    display = ChainBreakDisplay.from_qubits(calls[0], CHAINS)
    assert display.fractions.shape == (1,)
    display = ChainBreakDisplay.from_qubits(iter(calls), CHAINS)
    assert display.fractions.shape == (3,)


def test_fractions_that_calls_tell():
    device = MockQPUSampler("advantage", topology_type="chimera", topology_shape=[2, 2, 4], seed=0)
    sampler = EmbeddedSampler(device, seed=0, chain_strength=0.05)
    triangle = {("a", "b"): 0.4, ("b", "c"): 0.4, ("a", "c"): 0.4}
    answers = [sampler.sample_ising({}, triangle, num_reads=50) for _ in range(3)]
    display = ChainBreakDisplay.from_samplesets(answers)
    told = [answer.info["chain_break_fraction"] for answer in answers]
    np.testing.assert_array_equal(display.line_.get_ydata(), told)
    assert max(told) > 0 and display.axes_.shape == (1,) and display.circles_ is None


def test_fractions_by_row_count_as_often_as_they_were_drawn():
    samples = dimod.SampleSet.from_samples(
        [[1], [-1]], energy=[0, 0], num_occurrences=[3, 1], vartype="SPIN",
        chain_break_fraction=[0.0, 0.5],
    )  # fmt: skip
    assert ChainBreakDisplay.from_samplesets(samples).fractions.tolist() == [0.125]


@pytest.mark.parametrize("kind", [np.array, list, pd.DataFrame])
def test_estimators_are_asked_part_by_part(kind):
    X = kind(np.ones((10, 2)).tolist())
    display = ChainBreakDisplay.from_estimator(Reporting().fit(), X, n_calls=3)
    np.testing.assert_allclose(display.fractions, [0.03, 0.03, 0.04])
    assert ChainBreakDisplay.from_estimator(Reporting().fit(), X).fractions.tolist() == [0.1]


def test_what_an_estimator_kept_goes_first():
    estimator = Reporting({"chain_break_fraction": [0.2, 0.1]}).fit()
    display = ChainBreakDisplay.from_estimator(estimator, np.ones((3, 1)))
    assert display.fractions.tolist() == [0.2, 0.1]


def test_a_network_on_a_device():
    rng = np.random.default_rng(0)
    X = rng.random((20, 2))
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4], seed=0)
    network = QuantumSampledMLPClassifier(
        n_hidden=2, sampler=EmbeddedSampler(device, seed=0), max_iter=1, random_state=0
    )
    with warnings.catch_warnings():
        # It trains too little to converge, or to tell a temperature.
        warnings.simplefilter("ignore", UserWarning)
        network.fit(X, X[:, 0] > 0.5)
        display = ChainBreakDisplay.from_estimator(network, X, n_calls=2)
        told = network.sampling_report(X[:10])["chain_break_fraction"]
    assert display.fractions.shape == (2,) and 0 <= told <= 1


def test_estimators_that_cannot_be_drawn():
    from_estimator = ChainBreakDisplay.from_estimator
    with pytest.raises(NotFittedError, match="Reporting"):
        from_estimator(Reporting())
    with pytest.raises(ValueError, match="Give X, which its 'sampling_report' draws from"):
        from_estimator(Reporting().fit())
    with pytest.raises(ValueError, match="which does not. Was it fitted with a device"):
        from_estimator(Reporting(reports=False).fit(), np.ones((3, 1)))
    for n_calls in (0, 4, 1.5):
        with pytest.raises(ValueError, match=f"from 1 to 3, the rows of X. Got {n_calls}"):
            from_estimator(Reporting().fit(), np.ones((3, 1)), n_calls=n_calls)


def test_no_break_at_all():
    display = ChainBreakDisplay(np.zeros(3)).plot()
    low, high = display.axes_[0].get_ylim()
    assert low < 0 < high
    long = ChainBreakDisplay(np.full(100, 0.1)).plot()
    assert long.line_.get_marker() in ("", "None")


@pytest.mark.parametrize(
    ("width", "layout"), [(6.0, "constrained"), (10.0, "constrained"), (10.0, None)]
)
def test_own_axes_are_used(calls, width, layout):
    axes = Figure(figsize=(width, 3.2), layout=layout).subplots(1, 2)
    display = ChainBreakDisplay.from_qubits(calls, CHAINS, ax=axes)
    assert list(display.axes_) == list(axes) and display.figure_ is axes[0].figure
    display.figure_.draw_without_rendering()
    for panel, top in zip(axes, (display.fractions, display.chain_fractions), strict=True):
        box = panel.get_legend().get_window_extent()
        assert box.x1 <= display.figure_.bbox.x1 and box.y1 <= display.figure_.bbox.y1
        assert box.y0 >= panel.transData.transform((1.0, top.max()))[1]


def test_plot_returns_the_display_and_draws_anew(calls):
    display = ChainBreakDisplay.from_qubits(calls, CHAINS)
    figure = display.figure_
    assert display.plot() is display and display.figure_ is not figure
    figure = display.figure_
    with pytest.raises(ValueError, match="must be 2 matplotlib axes"):
        display.plot(Figure().subplots())
    assert display.figure_ is figure


def test_one_axes_is_enough_for_one_panel():
    ax = Figure().subplots()
    assert ChainBreakDisplay([0.1, 0.2]).plot(ax).axes_[0] is ax


@pytest.mark.parametrize(
    ("fractions", "given", "message"),
    [
        ([], {}, "'fractions' .* not empty"),
        ([1.2], {}, "from 0 to 1. Got 1.2"),
        ([0.1], {"chain_lengths": [1]}, "lacks 'chain_fractions', 'n_draws'"),
        (
            [0.1],
            {"chain_lengths": [0], "chain_fractions": [0.0], "n_draws": 9},
            "'chain_lengths' .* >= 1. Got 0",
        ),
        (
            [0.1],
            {"chain_lengths": [1.5], "chain_fractions": [0.0], "n_draws": 9},
            "'chain_lengths' .* must be whole. Got 1.5",
        ),
        (
            [0.1],
            {"chain_lengths": [1, 2], "chain_fractions": [0.0], "n_draws": 9},
            r"'chain_fractions' .* shape \(2,\)",
        ),
    ],
)
def test_what_does_not_fit(fractions, given, message):
    with pytest.raises(ValueError, match=message):
        ChainBreakDisplay(fractions, **given)


def test_wrong_samples_and_embeddings(calls):
    from_samplesets, from_qubits = ChainBreakDisplay.from_samplesets, ChainBreakDisplay.from_qubits
    with pytest.raises(ValueError, match="dimod.SampleSets, one a call. Got none"):
        from_samplesets([])
    with pytest.raises(ValueError, match="Got dict instead"):
        from_samplesets([{}])
    with pytest.raises(ValueError, match="Got int instead"):
        from_samplesets(3)
    with pytest.raises(ValueError, match="Got none in that of call 1: .* go to from_qubits"):
        from_samplesets(calls)
    with pytest.raises(ValueError, match="Got none for qubit 77"):
        from_qubits(calls, {"a": [1, 77]})
    with pytest.raises(ValueError, match="Got no draw"):
        from_qubits(calls[0].slice(0), CHAINS)
    for embedding, message in [
        ({}, "Got no chain"),
        ([[0, 1]], "Got list instead"),
        ({"a": []}, "Got an empty chain for 'a'"),
        ({"a": 3}, "Got a chain that is none: 'int'"),
        ({"a": [1], "b": [2, 1]}, "the qubit 1 in the chains of 'a' and 'b'"),
    ]:
        with pytest.raises(ValueError, match=f"'embedding' parameter .* {message}"):
            from_qubits(calls, embedding)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    ChainBreakDisplay([0.1]).plot()
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"ChainBreakDisplay.plot needs .*\[plot\]"):
        ChainBreakDisplay([0.1]).plot()
