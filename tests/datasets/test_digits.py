import numpy as np
from sklearn.datasets import load_digits

from qsklearn.datasets import load_image_digits


def test_the_whole_set_is_scaled():
    bunch, raw = load_image_digits(), load_digits()
    np.testing.assert_array_equal(bunch.data * 16, raw.data)
    np.testing.assert_array_equal(bunch.target, raw.target)
    assert bunch.image_shape == (1, 8, 8) and bunch.data.shape == (1797, 64)
    assert bunch.target.dtype == np.int64
    assert list(bunch.target_names) == list("0123456789")
    assert len(bunch.feature_names) == 64 and bunch.DESCR


def test_classes_sample_and_pair():
    X, y = load_image_digits(classes=[0, 1], n_samples=40, random_state=3, return_X_y=True)
    assert X.shape == (40, 64) and np.bincount(y).tolist() == [20, 20]
