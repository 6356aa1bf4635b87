"""A step of the sampled multilayer perceptron: a star, draws of its output, a difference."""

from drawing import ANSWER, DATA, arrow, box, canvas, label, line, unit


def draw():
    """Draw the picture."""
    axes = canvas(5.0, 6.3)
    middle = 2.7
    box(axes, middle, 5.95, 3.9, 0.5, "data point: features x, label y")
    arrow(axes, (middle, 5.70), (middle, 5.34))
    label(axes, middle + 0.2, 5.52, "x becomes fields", size=10.5, ha="left")

    hidden = [(0.98 + 0.86 * j, 4.95) for j in range(5)]
    output = (middle, 3.98)
    for place in hidden:
        line(axes, place, output)
        unit(axes, *place, "$k$")
    unit(axes, *output, "$y$", fill=ANSWER)
    label(axes, 0.78, 4.13, "hidden bits,\na star", size=10.5, ha="left")
    label(axes, 3.35, 4.05, "output bit", size=10.5, ha="left")

    arrow(axes, (middle, 3.79), (middle, 3.36))
    label(axes, middle + 0.2, 3.58, "sampler draws", size=10.5, ha="left")
    box(
        axes,
        middle,
        3.08,
        3.9,
        0.52,
        r"the model's own labels  $\tilde y_1, \tilde y_2, \ldots$",
        fill=ANSWER,
    )
    arrow(axes, (middle, 2.82), (middle, 2.42))
    box(
        axes,
        middle,
        1.98,
        3.9,
        0.86,
        "hidden means with the right y,\nless those with the drawn labels",
    )
    arrow(axes, (middle, 1.55), (middle, 1.15))
    box(axes, middle, 0.85, 3.9, 0.56, "step of Adam: new weights", fill=DATA)
    arrow(axes, (0.75, 0.85), (0.30, 0.85), (0.30, 4.95), (0.77, 4.95))
    label(axes, middle, 0.28, "for each batch of data points, over and over", size=10.5)


if __name__ == "__main__":
    draw()
