"""Landscapes: scores of all settings against the outputs of each, histograms, places."""

from itertools import product

import numpy as np
import pytest

from qsklearn._kernels import _binary_network as kernels
from qsklearn.circuits import (
    BinaryNetwork,
    LabelledPatterns,
    Landscape,
    _landscape,
    accuracy_landscape,
)
from qsklearn.circuits._landscape import NetworkScorer

NETWORKS = [
    BinaryNetwork(n_inputs, n_hidden, fit_bias, searched, absent, output_weights)
    for (n_inputs, n_hidden), fit_bias, searched, absent, output_weights in product(
        [(3, 1), (5, 1), (2, 2), (1, 3), (1, 4)],
        [False, True],
        [False, True],
        ["nothing", "nothing_or_off", "against"],
        [False, True],
    )
    if searched or absent == "nothing"
]


def random_data(n_inputs, seed, n_rows=150, largest=5):
    rng = np.random.default_rng(seed)
    rows, labels = rng.choice([-1, 1], (n_rows, n_inputs)), rng.choice([-1, 1], n_rows)
    weights = rng.integers(0, largest + 1, n_rows)
    return LabelledPatterns.from_rows(rows, labels, weights)


def scores_by_outputs(network, data):
    spins = network.spins(np.arange(network.n_states))
    return data.score(network.outputs(spins, data.patterns))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_scores_are_those_of_each_setting(network):
    data = random_data(network.n_inputs, 0)
    landscape = accuracy_landscape(network, data)
    expected = scores_by_outputs(network, data)
    assert np.array_equal(landscape.scores, expected)
    assert np.array_equal(landscape.histogram, np.bincount(expected, minlength=data.total + 1))


@pytest.mark.parametrize("n_hidden", [1, 2, 3, 4, 5])
def test_wide_data_and_weights(n_hidden):
    """Several words of data, of several weights."""
    n_inputs = {1: 12, 2: 5, 3: 3, 4: 2, 5: 1}[n_hidden]
    network = BinaryNetwork(n_inputs, n_hidden, fit_bias=True)
    data = random_data(n_inputs, n_hidden, n_rows=2000, largest=50)
    chosen = np.random.default_rng(0).permutation(network.n_states)[:2000]
    expected = data.score(network.outputs(network.spins(chosen), data.patterns))
    assert np.array_equal(accuracy_landscape(network, data).scores[chosen], expected)


@pytest.mark.parametrize("number", [1, 2])
def test_the_papers_counts(fawaz, number):
    data = LabelledPatterns.from_rows(fawaz.rows, fawaz.labels[number])
    landscape = accuracy_landscape(BinaryNetwork(3, 2), data)
    assert landscape.histogram.tolist() == fawaz.histograms[number]
    assert landscape.n_at_least(8) == {1: 8, 2: 4}[number]


@pytest.mark.parametrize(
    ("absent", "output_weights", "counts"),
    [
        ("nothing", True, (24, 60)),
        ("nothing_or_off", True, (24, 60)),
        ("against", True, (24, 156)),
        ("against", False, (10, 77)),
    ],
)
def test_the_counts_of_meta_training(fawaz, absent, output_weights, counts):
    """Of 2^14 settings of weights and connections, or 2^12 where output weights are +1."""
    network = BinaryNetwork(
        3, 2, search_connections=True, absent=absent, output_weights=output_weights
    )
    found = [
        accuracy_landscape(network, LabelledPatterns.from_rows(fawaz.rows, labels)).n_at_least(8)
        for labels in fawaz.labels.values()
    ]
    assert tuple(found) == counts


def test_parity_needs_three_units(fawaz):
    parity = LabelledPatterns.from_rows(fawaz.rows, fawaz.rows.prod(axis=1))
    two = accuracy_landscape(BinaryNetwork(3, 2), parity)
    three = accuracy_landscape(BinaryNetwork(3, 3), parity)
    assert (two.best, three.best, three.n_at_least(8)) == (6, 8, 192)


@pytest.mark.parametrize("network", [BinaryNetwork(14, 1), BinaryNetwork(4, 3)], ids=str)
def test_threads_do_not_matter(network):
    data = random_data(network.n_inputs, 3, 500)
    one, two = (accuracy_landscape(network, data, n_threads=n) for n in (1, 2))
    assert np.array_equal(one.scores, two.scores)
    assert np.array_equal(one.histogram, two.histogram)


@pytest.mark.parametrize("n_hidden", [1, 3])
def test_only_a_histogram(n_hidden):
    network, data = BinaryNetwork(3, n_hidden, fit_bias=True), random_data(3, 4)
    whole = accuracy_landscape(network, data)
    counted = accuracy_landscape(network, data, keep_scores=False)
    assert len(counted.scores) == 0
    assert np.array_equal(counted.histogram, whole.histogram)


def test_one_large_unit_goes_by_segments(monkeypatch):
    network, data = BinaryNetwork(8, 1, search_connections=True), random_data(8, 5, 300)
    whole = accuracy_landscape(network, data)
    monkeypatch.setattr(_landscape, "_TABLE_BYTES", 0)
    monkeypatch.setattr(_landscape, "_SEGMENT_BYTES", 2**9 * 8 * 5)
    parts = accuracy_landscape(network, data, n_threads=2)
    assert np.array_equal(whole.scores, parts.scores)
    assert np.array_equal(whole.histogram, parts.histogram)


def test_outputs_of_large_units_are_made_once_for_all_networks(monkeypatch):
    network, data = BinaryNetwork(4, 2, fit_bias=True), random_data(4, 5, 300)
    whole = accuracy_landscape(network, data)
    monkeypatch.setattr(_landscape, "_TABLE_BYTES", 0)
    assert np.array_equal(accuracy_landscape(network, data).scores, whole.scores)


def test_scores_beyond_16_bits():
    network, data = BinaryNetwork(2, 2), random_data(2, 6, largest=100_000)
    assert data.total > 2**16
    landscape = accuracy_landscape(network, data)
    assert landscape.scores.dtype == np.uint32
    assert np.array_equal(landscape.scores, scores_by_outputs(network, data))


def test_accuracies_are_shares_of_the_weight():
    network, data = BinaryNetwork(2, 1), random_data(2, 7)
    landscape = accuracy_landscape(network, data)
    expected = scores_by_outputs(network, data) / data.total
    assert np.allclose(landscape.accuracies, expected, atol=1e-7)


@pytest.mark.parametrize("n_hidden", [2, 3, 4, 5])
def test_one_unit_beside_others_that_stay(n_hidden):
    network, data = BinaryNetwork(2, n_hidden, fit_bias=True), random_data(2, 8)
    rng = np.random.default_rng(0)
    scorer = NetworkScorer(network, data)
    others = rng.integers(scorer.n_settings, size=n_hidden - 1)
    landscape = scorer.unit_settings(others)
    spins = np.concatenate([network.unit_spins(others).reshape(1, -1)] * scorer.n_settings)
    spins = np.concatenate([network.unit_spins(np.arange(scorer.n_settings)), spins], axis=1)
    expected = data.score(network.outputs(spins, data.patterns))
    assert np.array_equal(landscape.scores, expected)


def test_settings_are_located_by_rank(monkeypatch):
    monkeypatch.setattr(_landscape, "_SCAN_BLOCK", 1000)
    network, data = BinaryNetwork(4, 2, fit_bias=True), random_data(4, 9)
    landscape = accuracy_landscape(network, data, n_threads=2)
    for least in (landscape.best, landscape.best - 5, 0):
        places = np.flatnonzero(landscape.scores >= least)
        ranks = np.random.default_rng(0).permutation(len(places))[:50]
        assert np.array_equal(landscape.locate(least, ranks), places[ranks])
    some = np.flatnonzero((landscape.scores >= 40) & (landscape.scores <= 50))
    assert np.array_equal(landscape.locate(40, np.arange(len(some)), most=50), some)


def test_random_settings_of_a_score_are_uniform():
    network, data = BinaryNetwork(3, 1), random_data(3, 11)
    landscape = accuracy_landscape(network, data)
    score = int(np.argmax(landscape.histogram))
    rng = np.random.default_rng(0)
    drawn = np.bincount([landscape.draw(score, rng) for _ in range(4000)], minlength=16)
    expected = 4000 / landscape.histogram[score]
    is_allowed = landscape.scores == score
    assert drawn[~is_allowed].sum() == 0
    assert np.abs(drawn[is_allowed] - expected).max() < 4.5 * np.sqrt(expected)


def test_data_of_other_inputs_are_refused():
    with pytest.raises(ValueError, match="the 3 inputs of the network. Got 2 instead"):
        accuracy_landscape(BinaryNetwork(3, 2), random_data(2, 0))


@pytest.mark.parametrize(
    ("scores", "histogram", "message"),
    [
        ([0, 1], np.array([1, 1]), "The 'scores' parameter of Landscape must .*n_states.*Got list"),
        (np.zeros(2), np.array([2]), "The 'scores' parameter of Landscape must be an ndarray of"),
        (np.array([0]), np.ones((1, 1), int), "The 'histogram' parameter of Landscape .*n_levels"),
        (np.array([0]), np.zeros(3, int), "The 'histogram' parameter of Landscape must count a"),
    ],
)
def test_what_is_no_landscape_is_refused(scores, histogram, message):
    with pytest.raises(ValueError, match=message):
        Landscape(scores, histogram)


def test_settings_that_are_not_there_are_refused():
    network, data = BinaryNetwork(2, 1), LabelledPatterns.from_rows([[1, 1], [1, -1]], [1, 1])
    landscape = accuracy_landscape(network, data, keep_scores=False)
    with pytest.raises(ValueError, match="without scores.*Make it with keep_scores=True"):
        landscape.locate(1, [0])
    landscape = Landscape(np.array([0, 2, 2]), np.array([1, 0, 2]))
    with pytest.raises(ValueError, match="one that some setting has. Got 1 instead"):
        landscape.draw(1, np.random.default_rng(0))


def test_what_does_not_fit_is_refused_before_it_is_made():
    network, data = BinaryNetwork(10, 5), random_data(10, 0)
    message = r"all 2\^55 settings .* would need 72,057,594,037,927,936 bytes, and the machine has"
    with pytest.raises(MemoryError, match=message):
        accuracy_landscape(network, data)


def test_kernels_are_compiled_once_for_each_kind_of_score():
    data, heavy = random_data(2, 10), random_data(2, 10, largest=100_000)
    for scored in (data, heavy):
        for n_hidden in (1, 2):
            landscape = accuracy_landscape(BinaryNetwork(2, n_hidden), scored)
            landscape.locate(landscape.best, [0])
    assert len(kernels.unit_outputs.signatures) == 1
    assert len(kernels.decide.signatures) == 1
    for kernel in (kernels.score_networks, kernels.score_unit, kernels.count_between):
        assert len(kernel.signatures) == 2
