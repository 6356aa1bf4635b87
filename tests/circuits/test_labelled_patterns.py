"""Data points merged to patterns with integer weights, and packed in words."""

import numpy as np
import pytest

from qsklearn.circuits import BinaryNetwork, LabelledPatterns, accuracy_landscape
from qsklearn.circuits._labelled_patterns import integer_weights, merge_rows


def random_rows(seed, n_rows=200, n_inputs=4):
    rng = np.random.default_rng(seed)
    return rng.choice([-1, 1], (n_rows, n_inputs)), rng.choice([-1, 1], n_rows), rng


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("patterns", "up", "down")
    )


def test_rows_are_counted_by_pattern_and_label():
    data = LabelledPatterns.from_rows([[1, 1], [-1, 1], [1, 1], [1, 1]], [1, -1, 1, -1])
    assert data.patterns.tolist() == [[-1, 1], [1, 1]]
    assert data.up.tolist() == [0, 2]
    assert data.down.tolist() == [1, 1]
    assert (data.total, data.base, data.best_conceivable) == (4, 1, 3)


def test_order_repeats_and_a_common_factor_of_weights_do_not_matter():
    rows, labels, rng = random_rows(0)
    data = LabelledPatterns.from_rows(rows, labels)
    order = rng.permutation(len(rows))
    assert same(data, LabelledPatterns.from_rows(rows[order], labels[order]))
    assert same(data, LabelledPatterns.from_rows(np.tile(rows, (3, 1)), np.tile(labels, 3)))
    assert same(data, LabelledPatterns.from_rows(rows, labels, np.full(len(rows), 0.1)))


def test_a_weight_is_so_many_rows_and_weight_zero_is_none():
    rows, labels, rng = random_rows(1)
    weights = rng.integers(0, 4, len(rows))
    weighted = LabelledPatterns.from_rows(rows, labels, weights)
    repeated = LabelledPatterns.from_rows(np.repeat(rows, weights, axis=0), labels.repeat(weights))
    assert same(weighted, repeated)
    alone = LabelledPatterns.from_rows([[1], [-1]], [1, 1], [1, 0])
    assert alone.patterns.tolist() == [[1]]


def test_balanced_weights_stay_exact():
    # 212 and 357 of 569, as scikit-learn's "balanced" weighs them.
    weights = np.array([212.0, 357.0]) * (569 / 2 / np.array([212, 357]))
    assert integer_weights(weights).tolist() == [1, 1]
    assert integer_weights(np.array([569 / 424, 569 / 714])).tolist() == [357, 212]


def test_weights_without_a_common_unit_are_rounded_to_some_millionths():
    weights = np.random.default_rng(2).random(50)
    shares = integer_weights(weights)
    assert np.abs(shares / shares.sum() - weights / weights.sum()).max() < 4e-6


def test_huge_counts_are_rounded_so_that_histograms_stay_small():
    shares = integer_weights(np.array([30_000_001.0, 10_000_000.0]))
    assert shares.sum() <= 2**20
    assert shares[0] / shares.sum() == pytest.approx(0.75, abs=4e-6)


def test_no_weight_at_all_is_nothing():
    assert integer_weights(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 0]], [1]), r"'inputs' parameter .* of -1 and \+1"),
        (([[1.7, 1]], [1]), "'inputs' parameter"),
        (([1, -1], [1, 1]), "'inputs' parameter .* 2 dimension"),
        (([["a"]], [1]), "'inputs' parameter"),
        (([[1]], [0]), "'labels' parameter"),
        (([[1]], [1, 1]), "a label for each of 1 rows. Got 2"),
        (([[1]], [1], [-1.0]), "'sample_weight' .* finite number >= 0"),
        (([[1]], [1], [np.nan]), "'sample_weight'"),
        (([[1]], [1], [1.0, 2.0]), "'sample_weight'"),
    ],
)
def test_what_is_no_labelled_pattern_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LabelledPatterns.from_rows(*arguments)


def test_slots_add_up_to_the_net_weights():
    for seed, factor in ((3, 1), (4, 37), (5, 1000)):
        rows, labels, rng = random_rows(seed)
        weights = rng.integers(1, factor + 1, len(rows))
        data = LabelledPatterns.from_rows(rows, labels, weights)
        slots, is_up, slot_weights = data.slots
        net = np.bincount(slots, np.where(is_up, slot_weights, -slot_weights), len(data.up))
        assert np.array_equal(net, data.up - data.down)
        assert (np.diff(slot_weights) >= 0).all()
        assert (np.log2(slot_weights) % 1 == 0).all()


def test_packing_uses_few_words():
    rows, labels, rng = random_rows(6, 100_000)
    data = LabelledPatterns.from_rows(rows, labels)
    _, _, is_slot, word_weights = data.packed()
    # 16 patterns of net weights up to some hundreds, against 1563 words of single points.
    assert len(is_slot) <= 10
    n_slots = sum(int(word).bit_count() for word in is_slot)
    assert n_slots == len(data.slots[0])


def test_packed_bits_are_the_slots():
    rows, labels, rng = random_rows(7)
    data = LabelledPatterns.from_rows(rows, labels, rng.integers(1, 40, len(rows)))
    inputs, ups, is_slot, word_weights = data.packed()

    def points(word, bit):
        pattern = tuple(1 if (int(row[word]) >> bit) & 1 else -1 for row in inputs)
        return pattern, (int(ups[word]) >> bit) & 1, int(word_weights[word])

    packed = sorted(
        points(word, bit)
        for word in range(len(is_slot))
        for bit in range(64)
        if (int(is_slot[word]) >> bit) & 1
    )
    slots, is_up, weights = data.slots
    expected = sorted(
        (tuple(data.patterns[row].tolist()), int(up), int(weight))
        for row, up, weight in zip(slots, is_up, weights, strict=True)
    )
    assert packed == expected


def test_the_heavier_label_is_the_majority_and_ties_go_by_the_data():
    rows, labels, _ = random_rows(8, 201)
    data = LabelledPatterns.from_rows(rows, labels)
    assert data.is_majority_up == (data.up.sum() > data.down.sum())
    assert data.turned().is_majority_up != data.is_majority_up
    tied = LabelledPatterns.from_rows([[-1], [1]], [-1, 1])
    assert tied.is_majority_up
    assert not tied.turned().is_majority_up


def test_scores_of_outputs():
    rows, labels, rng = random_rows(9)
    weights = rng.integers(1, 5, len(rows))
    data = LabelledPatterns.from_rows(rows, labels, weights)
    outputs = rng.choice([-1, 1], (5, len(data.patterns)))
    place = {tuple(pattern): at for at, pattern in enumerate(data.patterns.tolist())}
    at = [place[tuple(row)] for row in rows.tolist()]
    expected = ((outputs[:, at] == labels) * weights).sum(axis=1)
    unit = weights.sum() / data.total
    assert np.allclose(data.score(outputs) * unit, expected)


def test_classes_are_counted_in_one_table():
    patterns, table = merge_rows([[1], [-1], [1], [1]], [0, 2, 2, 0], 3)
    assert patterns.tolist() == [[-1], [1]]
    assert table.tolist() == [[0, 0, 1], [2, 0, 1]]


def test_labels_that_say_nothing_make_a_flat_landscape():
    data = LabelledPatterns.from_rows([[1], [1], [-1], [-1]], [1, -1, 1, -1])
    landscape = accuracy_landscape(BinaryNetwork(1, 1), data)
    assert landscape.histogram.tolist() == [0, 0, 4, 0, 0]
