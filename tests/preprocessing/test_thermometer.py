import pickle
import tracemalloc
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from qsklearn.preprocessing import ThermometerEncoder, _bit_selection, _thresholds

CANCER = load_breast_cancer()
IRIS = load_iris()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([ThermometerEncoder(), ThermometerEncoder(n_bits=3)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def column(*values, dtype=None):
    return np.array(values, dtype=dtype)[:, None]


def thresholds_of(X, **parameters):
    return ThermometerEncoder(**parameters).fit(X).thresholds_.tolist()


def state(encoder):
    return encoder.feature_indices_.tolist(), encoder.thresholds_.tolist()


# Thresholds


def thresholds_by_definition(x, weight, n_levels):
    """The documented words, value by value."""
    x, weight = x[weight > 0], weight[weight > 0]
    values = np.unique(x)
    if len(values) <= n_levels + 1:
        return ((values[:-1] + values[1:]) / 2).tolist()
    below = []
    for i in range(1, n_levels + 1):
        share = np.array([weight[x <= v].sum() for v in values])
        at = np.flatnonzero(share * (n_levels + 1) >= i * weight.sum())[0]
        if at < len(values) - 1 and at not in below:
            below.append(at)
    below = below or [len(values) - 2]
    return [(values[at] + values[at + 1]) / 2 for at in below]


@pytest.mark.parametrize("n_levels", [1, 2, 5, 17, 1000])
@pytest.mark.parametrize("spread", [0.3, 1, 4, 30])
def test_thresholds_follow_the_definition(n_levels, spread):
    rng = np.random.default_rng(n_levels)
    X = np.round(rng.normal(scale=spread, size=(60, 12)))
    weight = rng.integers(0, 4, size=60).astype(float)
    encoder = ThermometerEncoder(n_levels).fit(X, sample_weight=weight)
    expected = [thresholds_by_definition(x, weight, n_levels) for x in X.T]
    assert encoder.thresholds_.tolist() == sum(expected, [])
    assert (
        encoder.feature_indices_.tolist() == np.repeat(range(12), list(map(len, expected))).tolist()
    )


@pytest.mark.parametrize("n_levels", [1, 4, 9])
@pytest.mark.parametrize("n_samples", [20, 61, 100])
def test_thresholds_lie_right_above_numpys_quantiles(n_levels, n_samples):
    X = np.random.default_rng(0).normal(size=(n_samples, 5))
    quantiles = np.quantile(
        X, np.arange(1, n_levels + 1) / (n_levels + 1), axis=0, method="inverted_cdf"
    )
    next_values = np.array(
        [[min(x[x > v]) for v in q] for x, q in zip(X.T, quantiles.T, strict=True)]
    )
    expected = (quantiles.T + next_values) / 2
    assert thresholds_of(X, n_levels=n_levels) == expected.ravel().tolist()


def test_one_level_is_the_median():
    assert thresholds_of(column(5, 1, 2, 9, 3), n_levels=1) == [4.0]
    assert thresholds_of(column(4, 1, 2, 3), n_levels=1) == [2.5]


def test_few_values_have_a_threshold_between_any_two():
    # The quantiles would all be 0.
    assert thresholds_of(column(*[0] * 100, 1, 2, 3), n_levels=3) == [0.5, 1.5, 2.5]
    assert thresholds_of(column(*[0] * 100, 1, 2, 3), n_levels=2) == [0.5]


def test_two_values_are_one_bit_for_any_number_of_levels():
    for n_levels in (1, 2, 50, 10**400):
        assert thresholds_of(column(3, 7, 3), n_levels=n_levels) == [5.0]


def test_constant_columns_have_no_bits():
    X = np.array([[1, 5, 2, 0], [1, 6, 2, 1]])
    encoder = ThermometerEncoder().fit(X)
    assert encoder.feature_indices_.tolist() == [1, 3] and encoder.n_bits_ == 2
    assert encoder.transform(X).tolist() == [[0, 0], [1, 1]]


def test_a_column_whose_quantiles_are_its_largest_value_has_one_bit():
    x = column(*[0] * 95, -1, -2, -3, -4, -5)
    assert thresholds_of(x, n_levels=1) == [-0.5]
    assert thresholds_of(-x, n_levels=1) == [0.5]


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, 5e-324, 1e308, -1.7e308])
def test_adjacent_floats_are_told_apart(value):
    for dtype in (np.float64, np.float32):
        lower = dtype(np.clip(value, np.finfo(dtype).min, np.finfo(dtype).max / 2))
        X = column(lower, np.nextafter(lower, dtype(np.inf)), dtype=dtype)
        assert X[0] < X[1]
        assert ThermometerEncoder().fit_transform(X).ravel().tolist() == [0, 1]


def test_huge_values():
    largest = np.finfo(float).max
    X = column(-largest, -1e308, 0.0, 1e308, 1.5e308, largest)
    encoder = ThermometerEncoder(n_levels=5).fit(X)
    # A sum that overflows leaves the lower value itself.
    assert encoder.thresholds_.tolist() == [-largest, -5e307, 5e307, 1e308, 1.5e308]
    assert encoder.transform(X).sum(axis=1).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32])
def test_types_of_data(dtype):
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype=dtype)
    encoder = ThermometerEncoder().fit(X)
    assert encoder.thresholds_.tolist() == [0.5, 0.5] and encoder.thresholds_.dtype == np.float64
    np.testing.assert_array_equal(encoder.transform(X), X.astype(int))
    np.testing.assert_array_equal(encoder.transform(X.astype(object)), X.astype(int))


def test_integers_below_zero():
    assert thresholds_of(column(-7, -4, 100, dtype=np.int16)) == [-5.5, 48.0]


# Bits


def test_a_bit_says_that_its_feature_exceeds_its_threshold():
    encoder = ThermometerEncoder(3).fit(CANCER.data)
    new = np.random.default_rng(0).permuted(CANCER.data, axis=0)
    bits = encoder.transform(new)
    assert bits.shape == (len(new), encoder.n_bits_) and bits.dtype == np.int8
    for b, (feature, threshold) in enumerate(zip(*state(encoder), strict=True)):
        np.testing.assert_array_equal(bits[:, b], new[:, feature] > threshold)


def test_bits_are_ordered_as_thermometers():
    encoder = ThermometerEncoder(9, n_bits=40).fit(CANCER.data, CANCER.target)
    pairs = list(zip(*state(encoder), strict=True))
    assert pairs == sorted(set(pairs)) and len(pairs) == 40


def test_the_threshold_itself_is_not_above_it():
    encoder = ThermometerEncoder().fit(column(0, 1))
    assert encoder.transform(column(0.5, np.nextafter(0.5, 1))).ravel().tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.int8, bool, float, "uint16"])
def test_the_type_of_the_bits(dtype):
    bits = ThermometerEncoder(dtype=dtype).fit_transform(IRIS.data)
    assert bits.dtype == dtype and set(np.unique(bits)) == {0, 1}


def test_binary():
    X = np.array([[1, -3, 4], [2, 7, 4], [1, 7, 4]])
    encoder = ThermometerEncoder(binary=True).fit(X)
    assert encoder.transform(X).tolist() == [[0, 0], [1, 1], [0, 1]]
    # Values that were not seen are compared as any.
    assert encoder.transform([[9, 1.9, 0], [1.5, 2.1, 0]]).tolist() == [[1, 0], [0, 1]]


# The choice of bits


def best_by_definition(bits, y, n_bits):
    """Peng, Long and Ding's difference form with scikit-learn's mutual information."""
    relevance = [mutual_info_score(b, y) for b in bits.T]
    chosen = []
    while len(chosen) < n_bits:
        best, highest = None, -np.inf
        for j, b in enumerate(bits.T):
            repeats = any(len({*zip(b, bits[:, s], strict=True)}) == 2 for s in chosen)
            redundancy = np.mean([mutual_info_score(b, bits[:, s]) for s in chosen] or [0])
            score = relevance[j] - redundancy
            if j not in chosen and not repeats and score > highest + 1e-10:
                best, highest = j, score
        chosen.append(best)
    return sorted(chosen)


@pytest.mark.parametrize("n_bits", [1, 2, 5, 10])
@pytest.mark.parametrize(("data", "n_levels"), [(CANCER, 1), (IRIS, 3)], ids=["cancer", "iris"])
def test_the_choice_follows_the_definition(data, n_levels, n_bits):
    every = ThermometerEncoder(n_levels).fit(data.data)
    expected = best_by_definition(every.transform(data.data), data.target, n_bits)
    encoder = ThermometerEncoder(n_levels, n_bits=n_bits).fit(data.data, data.target)
    assert state(encoder) == (
        every.feature_indices_[expected].tolist(),
        every.thresholds_[expected].tolist(),
    )


@pytest.mark.parametrize("n_classes", [2, 5])
def test_mutual_information_is_scikit_learns(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=50)
    bits = np.c_[rng.integers(2, size=(50, 6)), y > 0, y == 0, np.ones(50, int)]
    one_hot = np.eye(n_classes)[y]
    np.testing.assert_allclose(
        _bit_selection.mutual_information(bits.T @ one_hot, one_hot.sum(axis=0)),
        [mutual_info_score(b, y) for b in bits.T],
        atol=1e-14,
    )


def discrete_data(seed, n_samples=40):
    """Small whole numbers, of which many bits tie."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, size=(n_samples, 8))
    X[:, 4:6] = X[:, :2]
    y = (X[:, 0] + rng.integers(0, 3, size=n_samples)) % 3
    return X, y, rng


SEEDS = range(10)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_does_not_matter(seed):
    X, y, rng = discrete_data(seed)
    weight = rng.random(len(y))
    encoder = ThermometerEncoder(n_bits=6)
    expected = state(encoder.fit(X, y, weight))
    for _ in range(5):
        order = rng.permutation(len(y))
        assert state(encoder.fit(X[order], y[order], weight[order])) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_classes_do_not_matter(seed):
    X, y, _ = discrete_data(seed)
    encoder = ThermometerEncoder(n_bits=6)
    expected = state(encoder.fit(X, y))
    for names in ([2, 0, 1], ["b", "c", "a"], [1.0, -1.0, 7.0], np.array(["x", "z", "y"], object)):
        assert state(encoder.fit(X, np.asarray(names)[y])) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_repeating_all_rows_does_not_matter(seed):
    X, y, _ = discrete_data(seed)
    encoder = ThermometerEncoder(n_bits=6)
    expected = state(encoder.fit(X, y))
    for n_times in (2, 3, 7):
        assert state(encoder.fit(np.tile(X, (n_times, 1)), np.tile(y, n_times))) == expected


@pytest.mark.parametrize("n_bits", [None, 6])
@pytest.mark.parametrize("seed", SEEDS)
def test_weights_are_repeated_rows(seed, n_bits):
    X, y, rng = discrete_data(seed)
    X = X + (rng.random(X.shape) < 0.3)
    weight = rng.integers(0, 4, size=len(y))
    encoder = ThermometerEncoder(3, n_bits=n_bits)
    expected = state(encoder.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight)))
    assert state(encoder.fit(X, y, weight)) == expected
    # Nor does the unit of the weights matter.
    assert state(encoder.fit(X, y, weight * 0.1)) == expected
    assert state(encoder.fit(X, y, weight / 3e7)) == expected


def test_rows_of_weight_zero_are_absent():
    X = np.array([[0.0, 1], [1, 1], [100, 5], [0, 1]])
    y = np.array(["a", "b", "c", "a"])
    encoder = ThermometerEncoder(n_bits=2).fit(X, y, [1, 1, 0, 1])
    assert state(encoder) == ([0], [0.5])


def test_weights_change_the_choice():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    encoder = ThermometerEncoder(n_bits=1)
    y = [0, 1, 0, 1]
    assert encoder.fit(X, y).feature_indices_.tolist() == [1]
    y = [0, 1, 1, 1]  # both say as much, unless one of the errors weighs less
    assert encoder.fit(X, y, [2, 2, 1, 2]).feature_indices_.tolist() == [1]
    assert encoder.fit(X, y, [2, 1, 2, 2]).feature_indices_.tolist() == [0]


def test_of_equal_bits_the_first_is_chosen():
    rng = np.random.default_rng(0)
    bits = rng.integers(2, size=(60, 4))
    y = bits[:, 2]
    X = np.c_[bits[:, 0], 1 - y, y, y + 5]
    assert ThermometerEncoder(n_bits=1).fit(X, y).feature_indices_.tolist() == [1]


@pytest.mark.parametrize("counts", [(3, 7, 13), (1, 2, 19), (5, 11, 12)])
def test_rounding_breaks_no_ties(counts):
    # The same table up to the order of its classes, which are as many: sums of it differ by digits.
    X = np.stack(
        [np.concatenate([np.arange(20) < c for c in order]) for order in permutations(counts)],
        axis=1,
    )
    y = np.repeat([0, 1, 2], 20)
    for names in permutations("abc"):
        encoder = ThermometerEncoder(n_bits=1).fit(X, np.array(names)[y])
        assert encoder.feature_indices_.tolist() == [0]


@pytest.mark.parametrize("pool_size", [1, 2, 1024])
def test_repeated_bits_are_chosen_last(pool_size, monkeypatch):
    monkeypatch.setattr(_bit_selection, "POOL_SIZE", pool_size)
    rng = np.random.default_rng(1)
    y = rng.integers(2, size=200)
    useful = y ^ (rng.random(200) < 0.1)
    useless = rng.integers(2, size=(200, 2))
    X = np.c_[useless[:, 0], *[useful, 1 - useful] * 3, useless[:, 1], useless[:, 0]]

    def chosen(n_bits):
        return ThermometerEncoder(n_bits=n_bits).fit(X, y).feature_indices_.tolist()

    assert chosen(1) == [1]
    assert chosen(2) in ([0, 1], [1, 7])
    assert chosen(3) == [0, 1, 7]
    assert chosen(4) == [0, 1, 2, 7]
    assert chosen(6) == [0, 1, 2, 3, 4, 7]
    assert chosen(9) == chosen(100) == list(range(9))


def test_fewer_candidates_than_bits_are_all_kept():
    every = ThermometerEncoder(2).fit(IRIS.data)
    for n_bits in (8, 9, 10**9):
        encoder = ThermometerEncoder(2, n_bits=n_bits).fit(IRIS.data, IRIS.target)
        assert state(encoder) == state(every)


def test_one_class_is_no_reason_to_fail():
    encoder = ThermometerEncoder(n_bits=2).fit(IRIS.data, np.zeros(150))
    assert encoder.n_bits_ == 2


def test_the_pool_holds_the_most_informative_bits(monkeypatch):
    every = ThermometerEncoder(9).fit(CANCER.data)
    bits = every.transform(CANCER.data)
    relevance = np.array([mutual_info_score(b, CANCER.target) for b in bits.T])
    pool = np.sort(np.argsort(-relevance, kind="stable")[:40])
    monkeypatch.setattr(_bit_selection, "POOL_SIZE", 40)
    encoder = ThermometerEncoder(9, n_bits=7).fit(CANCER.data, CANCER.target)
    expected = pool[best_by_definition(bits[:, pool], CANCER.target, 7)]
    assert encoder.thresholds_.tolist() == every.thresholds_[expected].tolist()
    # More bits than it holds are chosen by their information on the labels alone.
    encoder = ThermometerEncoder(9, n_bits=60).fit(CANCER.data, CANCER.target)
    expected = np.sort(np.argsort(-relevance, kind="stable")[:60])
    assert encoder.thresholds_.tolist() == every.thresholds_[expected].tolist()


def test_a_regression_on_eight_bits():
    X, X_test, y, y_test = train_test_split(
        CANCER.data, CANCER.target, test_size=0.5, stratify=CANCER.target, random_state=0
    )
    model = make_pipeline(ThermometerEncoder(n_bits=8), LogisticRegression()).fit(X, y)
    assert model.score(X_test, y_test) > 0.93
    assert len(set(model[0].feature_indices_)) > 4


# Sparse and wide


def sparse_data(n_samples, n_features, density=0.2):
    X = sparse.random(n_samples, n_features, density, format="csr", random_state=0)
    X.data = np.round(X.data * 10 - 5)  # negative ones, and zeros that are stored
    return X, np.random.default_rng(0).integers(3, size=n_samples)


@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("n_bits", [None, 7])
@pytest.mark.parametrize("block_size", [1, 100, 2**20])
def test_sparse_is_dense(convert, n_bits, block_size, monkeypatch):
    X, y = sparse_data(50, 30)
    weight = np.arange(50) % 4
    expected = ThermometerEncoder(3, n_bits=n_bits).fit(X.toarray(), y, weight)
    bits = expected.transform(X.toarray())
    monkeypatch.setattr(_thresholds, "_BLOCK_SIZE", block_size)
    for data in (convert(X), X.toarray()):
        encoder = ThermometerEncoder(3, n_bits=n_bits).fit(data, y, weight)
        assert state(encoder) == state(expected)
        encoded = encoder.transform(data)
        assert isinstance(encoded, np.ndarray)
        np.testing.assert_array_equal(encoded, bits)


def test_sparse_data_are_never_unpacked_as_a_whole():
    X, y = sparse_data(1000, 40_000, density=0.001)
    tracemalloc.start()
    try:
        bits = ThermometerEncoder(n_bits=5).fit(X, y).transform(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bits.shape == (1000, 5)
    assert peak < 160e6  # half of what X takes when dense


def test_wide_data():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(200, 100_000), dtype=np.uint8).astype(np.float32)
    y = rng.integers(2, size=200)
    X[:, 70_000] = 100 * y + rng.random(200)
    encoder = ThermometerEncoder(1, n_bits=16).fit(X, y)
    assert encoder.n_bits_ == 16 and 70_000 in encoder.feature_indices_
    assert encoder.transform(X).shape == (200, 16)


# A transformer among others


def test_names():
    X = pd.DataFrame(IRIS.data, columns=IRIS.feature_names)
    encoder = ThermometerEncoder(1).set_output(transform="pandas")
    bits = encoder.fit_transform(X)
    assert bits.columns.tolist() == encoder.get_feature_names_out().tolist() == [
        "sepal length (cm) > 5.85",
        "sepal width (cm) > 3.05",
        "petal length (cm) > 4.35",
        "petal width (cm) > 1.35",
    ]  # fmt: skip
    assert bits.index.equals(X.index) and (bits.dtypes == np.int8).all()
    assert encoder.feature_names_in_.tolist() == IRIS.feature_names


def test_names_without_names():
    encoder = ThermometerEncoder(1).fit(IRIS.data)
    assert encoder.get_feature_names_out()[0] == "x0 > 5.85"
    assert encoder.get_feature_names_out(list("abcd"))[3] == "d > 1.35"
    with pytest.raises(ValueError, match="input_features should have length equal"):
        encoder.get_feature_names_out(["a"])


def test_names_have_the_digits_that_tell_them_apart():
    X = np.c_[1e9 + np.arange(3.0), [1 / 3, 2 / 3, 1], [0, 5e-324, 1e-323]]
    names = ThermometerEncoder().fit(X).get_feature_names_out().tolist()
    assert names[:4] == ["x0 > 1000000000", "x0 > 1000000002", "x1 > 0.5", "x1 > 0.833333"]
    assert len(set(names)) == 6


def test_in_a_column_transformer():
    X = pd.DataFrame(IRIS.data, columns=list("abcd")).assign(e=["p", "q"] * 75)
    union = ColumnTransformer(
        [("bits", ThermometerEncoder(1, n_bits=2), ["c", "d", "a"])], remainder="drop"
    )
    union.set_output(transform="pandas")
    assert union.fit_transform(X, IRIS.target).columns.tolist() == [
        "bits__d > 1.35",
        "bits__a > 5.85",
    ]


def test_in_a_grid_search():
    search = GridSearchCV(
        make_pipeline(ThermometerEncoder(), LogisticRegression()),
        {"thermometerencoder__n_bits": [1, 6]},
    ).fit(IRIS.data, np.array(["i", "j", "k"])[IRIS.target])
    assert search.best_params_ == {"thermometerencoder__n_bits": 6} and search.best_score_ > 0.9


def test_clone_and_pickle():
    encoder = ThermometerEncoder(2, n_bits=3, dtype=float).fit(IRIS.data, IRIS.target)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(IRIS.data), encoder.transform(IRIS.data))
    assert clone(encoder).get_params() == encoder.get_params()
    assert not hasattr(clone(encoder), "thresholds_")


def test_labels_are_not_looked_at_without_n_bits():
    assert state(ThermometerEncoder().fit(IRIS.data, object())) == state(
        ThermometerEncoder().fit(IRIS.data)
    )


# Refusals


def refusal(X=IRIS.data, y=IRIS.target, sample_weight=None, **parameters):
    with pytest.raises(ValueError) as error:
        ThermometerEncoder(**parameters).fit(X, y, sample_weight)
    return str(error.value)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"n_levels": 0},
            "The 'n_levels' parameter of ThermometerEncoder must be an int in the range [1, inf). "
            "Got 0 instead.",
        ),
        ({"n_levels": 2.0}, "an int in the range [1, inf). Got 2.0 instead."),
        (
            {"n_bits": 0},
            "The 'n_bits' parameter of ThermometerEncoder must be an int in the range [1, inf) or "
            "None. Got 0 instead.",
        ),
        ({"binary": "yes"}, "The 'binary' parameter of ThermometerEncoder must be"),
        (
            {"dtype": "U3"},
            "The 'dtype' parameter of ThermometerEncoder must be a type of bool, int or float. Got "
            "'U3' instead.",
        ),
        ({"dtype": "no type"}, "must be a type of bool, int or float. Got 'no type' instead."),
    ],
)
def test_parameters_are_checked(parameters, text):
    assert text in refusal(**parameters)


def test_features_of_more_than_two_values_are_refused_with_binary():
    text = (
        "ThermometerEncoder with binary=True needs features of at most two distinct values. "
        "Feature {!r} has 3; give it more than one bit by binary=False."
    )
    X = np.array([[0, 1, 7], [1, 2, 8], [1, 3, 9]])
    assert refusal(X, binary=True) == text.format("x1")
    X = pd.DataFrame(X, columns=["a", "b", "c"])
    assert refusal(X, binary=True) == text.format("b")
    assert refusal(sparse.csr_array(X.to_numpy()), binary=True) == text.format("x1")


def test_n_bits_needs_labels():
    assert refusal(y=None, n_bits=4) == (
        "ThermometerEncoder with n_bits=4 requires y to be passed, but the target y is None. Pass "
        "class labels, or keep all bits by n_bits=None."
    )
    assert "Unknown label type: continuous" in refusal(y=np.linspace(0, 1, 150), n_bits=4)
    assert "inconsistent numbers of samples" in refusal(y=[0, 1], n_bits=4)


def test_constant_data_are_refused():
    text = "found nothing to encode: all features are constant"
    assert text in refusal([[1, 2], [1, 2]], y=None)
    assert text in refusal(sparse.csr_array((3, 2)), y=[0, 1, 1], n_bits=1)
    assert text in refusal([[1], [2], [1]], y=None, sample_weight=[1, 0, 1])


def test_weights_are_checked():
    assert "Sample weights must be finite" in refusal(sample_weight=np.inf)
    assert "Negative values in data passed to `sample_weight`" in refusal(
        sample_weight=np.full(150, -1.0)
    )
    assert "sample_weight.shape == (2,)" in refusal(sample_weight=[1, 1])
    assert refusal(sample_weight=np.zeros(150))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_data_must_be_finite(value):
    X = IRIS.data.copy()
    encoder = ThermometerEncoder().fit(X)
    X[3, 1] = value
    assert "contains" in refusal(X) and "contains" in refusal(sparse.csr_array(X))
    with pytest.raises(ValueError, match="contains"):
        encoder.transform(X)


def test_strings_are_refused():
    assert "could not convert string to float" in refusal(np.array([["a"], ["b"]], dtype=object))


def test_transform_needs_a_fit_and_the_same_features():
    with pytest.raises(NotFittedError):
        ThermometerEncoder().transform(IRIS.data)
    with pytest.raises(NotFittedError):
        ThermometerEncoder().get_feature_names_out()
    with pytest.raises(ValueError, match="X has 3 features, but ThermometerEncoder is expecting 4"):
        ThermometerEncoder().fit(IRIS.data).transform(IRIS.data[:, :3])


def test_more_bits_than_memory_are_refused(monkeypatch):
    encoder = ThermometerEncoder().fit(IRIS.data)
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2000)
    with pytest.raises(
        MemoryError, match="The bits of ThermometerEncoder, of shape \\(150, 20\\),"
    ):
        encoder.transform(IRIS.data)
    assert encoder.transform(IRIS.data[:100]).nbytes == 2000
