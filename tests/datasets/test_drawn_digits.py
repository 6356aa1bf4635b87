import numpy as np
import pytest

from qsklearn.datasets import load_drawn_digits


def test_one_drawing_of_each_digit():
    bunch = load_drawn_digits()
    assert bunch.data.shape == (5, 25) and bunch.data.dtype == np.float64
    assert bunch.target.tolist() == [0, 1, 2, 3, 4] and bunch.target.dtype == np.int64
    assert set(np.unique(bunch.data)) == {0.0, 1.0}
    assert bunch.image_shape == (1, 5, 5) and len(bunch.feature_names) == 25
    assert bunch.target_names.tolist() == list("01234")
    assert "flipped with probability 0.0" in bunch.DESCR
    x, y = load_drawn_digits(return_X_y=True)
    np.testing.assert_array_equal(x, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_the_drawings_look_as_digits_do():
    images = load_drawn_digits().data.reshape(5, 5, 5)
    zero, one, two, three, four = images
    np.testing.assert_array_equal(zero, zero[::-1])
    np.testing.assert_array_equal(zero, zero[:, ::-1])
    assert zero[1:-1, 1:-1].sum() == 0  # a hole
    assert one[:, 2].all() and one.sum() == 8
    np.testing.assert_array_equal(three, three[::-1])
    assert four[:, 3].all() and four[2].all()
    assert two[-1, :4].all() and not two[0, 3] and two[1, 3] and not two[3, 2:].any()


def test_drawings_are_far_apart():
    images = load_drawn_digits().data
    distances = (images[:, None] != images).sum(axis=2)
    assert distances[~np.eye(5, dtype=bool)].min() == 8  # as its DESCR says


def test_copies_are_flipped_at_their_rate():
    clean = load_drawn_digits().data
    bunch = load_drawn_digits(n_copies=2000, flip_probability=0.1, random_state=0)
    assert bunch.data.shape == (10_000, 25) and set(np.unique(bunch.data)) == {0.0, 1.0}
    assert bunch.target[:7].tolist() == [0, 1, 2, 3, 4, 0, 1]
    flipped = bunch.data != clean[bunch.target]
    # Of all pixels, and of each of the 25 in 10 000 images: 4 standard errors.
    assert abs(flipped.mean() - 0.1) < 4 * np.sqrt(0.09 / flipped.size)
    assert np.abs(flipped.mean(axis=0) - 0.1).max() < 4 * np.sqrt(0.09 / len(flipped))
    everything, y = load_drawn_digits(n_copies=3, flip_probability=1, return_X_y=True)
    np.testing.assert_array_equal(everything, 1 - clean[y])


def test_flips_are_repeatable():
    def draw(seed):
        return load_drawn_digits(n_copies=2, flip_probability=0.5, random_state=seed).data

    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()
    assert (draw(np.random.RandomState(3)) == draw(3)).all()


@pytest.mark.parametrize(
    "params",
    [dict(n_copies=0), dict(n_copies=2.5), dict(n_copies=True), dict(n_copies="2")]
    + [dict(flip_probability=-0.1), dict(flip_probability=1.1), dict(flip_probability="a")]
    + [dict(flip_probability=np.nan)],
)
def test_bad_parameters(params):
    ((name, value),) = params.items()
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of load_drawn_digits must .* Got {value!r} instead"
    ):
        load_drawn_digits(**params)
