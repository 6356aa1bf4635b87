"""Weights of samples and of their classes."""

import numpy as np
import pytest
from sklearn.utils import compute_class_weight

from qsklearn.neural_network._targets import with_class_weights

y = np.array(["a", "b", "b", "a", "b", "c"])


def test_a_weight_is_as_good_as_repetition():
    times = np.array([3, 1, 2, 0, 1, 2])
    repeated = np.repeat(y, times)
    one = with_class_weights(times.astype(float), y, "balanced", "Network")
    other = with_class_weights(np.ones(len(repeated)), repeated, "balanced", "Network")
    for label in "abc":
        np.testing.assert_allclose(one[y == label].sum(), other[repeated == label].sum())
    by_sklearn = compute_class_weight("balanced", classes=np.array(list("abc")), y=repeated)
    np.testing.assert_allclose(one, times * by_sklearn[np.searchsorted(list("abc"), y)])


def test_a_class_of_which_nothing_counts_is_as_if_it_were_absent():
    weights = np.where(y == "a", 0.0, 1.0)
    balanced = with_class_weights(weights, y, "balanced", "Network")
    np.testing.assert_allclose(balanced, [0, 2 / 3, 2 / 3, 0, 2 / 3, 2])
    assert weights.sum() == 4  # what is given stays


@pytest.mark.parametrize("classes", [None, np.array(list("abcd"))])
def test_weights_by_name(classes):
    named = {"a": 2.0, "c": 0.5} if classes is None else {"a": 2.0, "c": 0.5, "d": 3.0}
    weights = with_class_weights(np.full(6, 3.0), y, named, "Network", classes)
    np.testing.assert_array_equal(weights, [6, 3, 3, 6, 3, 1.5])


@pytest.mark.parametrize(
    "weights, class_weight",
    [(np.zeros(6), None), (np.zeros(6), "balanced"), (np.ones(6), {"a": -1.0}),
     (np.ones(6), {"a": 0.0, "b": 0.0, "c": 0.0})],
)  # fmt: skip
def test_what_leaves_no_weights_is_refused(weights, class_weight):
    with pytest.raises(ValueError, match=r"class_weight' parameter of Network.*>= 0.*weights from"):
        with_class_weights(weights, y, class_weight, "Network")
