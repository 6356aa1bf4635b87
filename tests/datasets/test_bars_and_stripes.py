import numpy as np
import pytest

from qsklearn.datasets import make_bars_and_stripes


@pytest.mark.parametrize("image_size, n", [((4, 4), 28), ((2, 3), 8), (3, 12), ((16, 2), 65536)])
def test_every_pattern_once(image_size, n):
    bunch = make_bars_and_stripes(image_size=image_size)
    assert len(np.unique(bunch.data, axis=0)) == len(bunch.data) == n
    images = bunch.data.reshape(-1, *bunch.image_shape[1:])
    bars = (images == images[:, :1, :]).all(axis=(1, 2))
    stripes = (images == images[:, :, :1]).all(axis=(1, 2))
    np.testing.assert_array_equal(bars, bunch.target == 0)
    np.testing.assert_array_equal(stripes, bunch.target == 1)


def test_a_sample_is_balanced_and_covers_the_patterns():
    bunch = make_bars_and_stripes(2001, image_size=(3, 4), random_state=0)
    assert np.bincount(bunch.target).tolist() == [1001, 1000]
    assert len(np.unique(bunch.data, axis=0)) == 2**3 - 2 + 2**4 - 2
    assert bunch.image_shape == (1, 3, 4) and len(bunch.feature_names) == 12


def test_noise_flips_pixels_at_its_rate():
    clean, y = make_bars_and_stripes(5000, random_state=1, return_X_y=True)
    noisy, same = make_bars_and_stripes(5000, noise=0.1, random_state=1, return_X_y=True)
    np.testing.assert_array_equal(y, same)
    flipped = np.mean(clean != noisy)
    # 80 000 pixels: 4 standard errors; should this fail after a change of draws, look at the law.
    assert abs(flipped - 0.1) < 4 * np.sqrt(0.1 * 0.9 / clean.size)
    everything, _ = make_bars_and_stripes(5000, noise=1, random_state=1, return_X_y=True)
    np.testing.assert_array_equal(everything, 1 - clean)


@pytest.mark.parametrize(
    "params",
    [dict(image_size=1), dict(image_size=(4, 17)), dict(image_size=(4, 4, 4)), dict(image_size=2.5)]
    + [dict(noise=-0.1), dict(noise=1.1), dict(noise="a")]
    + [dict(n_samples=0), dict(n_samples=2.5)],
)
def test_bad_parameters(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of make_bars_and_stripes must"):
        make_bars_and_stripes(**params)
