import numpy as np
import pytest

from qsklearn.datasets import subset_indices

TARGET = np.repeat([0, 1, 2], [60, 30, 10])


def test_everything_is_kept_by_default():
    np.testing.assert_array_equal(subset_indices(TARGET), np.arange(100))


def test_classes_are_kept_in_order():
    rows = subset_indices(TARGET, classes=[2, 0])
    np.testing.assert_array_equal(rows, np.r_[0:60, 90:100])


def test_a_sample_has_the_proportions_of_the_whole():
    rows = subset_indices(TARGET, n_samples=20, random_state=0)
    assert np.bincount(TARGET[rows]).tolist() == [12, 6, 2]
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("n_samples", [3, 4, 7, 50, 99, 100])
def test_every_class_is_present_and_the_size_is_exact(n_samples):
    rows = subset_indices(TARGET, n_samples=n_samples, random_state=1)
    counts = np.bincount(TARGET[rows], minlength=3)
    assert len(rows) == n_samples
    assert (counts >= 1).all() and (counts <= [60, 30, 10]).all()


def test_rare_classes_are_paid_for_by_the_common_one():
    target = np.repeat(np.arange(6), [95, 1, 1, 1, 1, 1])
    rows = subset_indices(target, n_samples=7, random_state=0)
    assert np.bincount(target[rows]).tolist() == [2, 1, 1, 1, 1, 1]


def test_the_seed_decides():
    one, same, other = (subset_indices(TARGET, n_samples=20, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_string_labels():
    assert subset_indices(["b", "a", "b"], classes=["b"]).tolist() == [0, 2]


@pytest.mark.parametrize("classes", [[3], [], ["0"]])
def test_unknown_classes_get_the_choices(classes):
    with pytest.raises(ValueError, match=r"'classes' parameter must be labels among \{0, 1, 2\}"):
        subset_indices(TARGET, classes=classes)


@pytest.mark.parametrize("n_samples", [2, 101, 0, -1, 5.0, True])
def test_impossible_sizes(n_samples):
    with pytest.raises(ValueError, match=r"'n_samples' parameter must be .* \[3, 100\]"):
        subset_indices(TARGET, n_samples=n_samples)
