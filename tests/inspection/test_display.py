import io

import pytest
from matplotlib import image
from matplotlib.figure import Figure

import qsklearn.inspection as room
from qsklearn.inspection import EffectiveBetaDisplay
from qsklearn.inspection._display import Display


@pytest.mark.parametrize("name", room.__all__)
def test_every_display_shows_itself_in_a_notebook(name):
    assert issubclass(getattr(room, name), Display)


def test_the_picture_is_that_of_the_last_figure():
    display = EffectiveBetaDisplay([1.0, 2.0])
    assert display._repr_png_() is None
    for size in [(6.0, 4.0), (3.0, 2.0)]:
        figure = Figure(figsize=size, dpi=50)
        picture = display.plot(figure.subplots())._repr_png_()
        height, width = image.imread(io.BytesIO(picture)).shape[:2]
        assert (width, height) == (50 * size[0], 50 * size[1])


def test_of_a_subfigure_the_whole_is_shown():
    figure = Figure(figsize=(6.0, 2.0), dpi=50)
    left, _ = figure.subfigures(1, 2)
    picture = EffectiveBetaDisplay([1.0, 2.0]).plot(left.subplots())._repr_png_()
    assert image.imread(io.BytesIO(picture)).shape[:2] == (100, 300)


def test_what_pyplot_shows_is_not_shown_twice():
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    try:
        assert EffectiveBetaDisplay([1.0, 2.0]).plot(ax)._repr_png_() is None
    finally:
        plt.close(figure)
