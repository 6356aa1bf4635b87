"""Weights on a grid of n bits: the grid shrinks around the best weights so far."""

import numpy as np
from drawing import ANSWER, DATA, INK, MODEL, SIZE, arrow, box, canvas, label

MINIMUM = 0.35


def energy(weights):
    """The squared error as a function of one weight."""
    return 0.3 + 0.8 * (weights - MINIMUM) ** 2


def grid_of_two_bits(centre, half_width):
    """The four values that two bits can give."""
    return centre + half_width / 3 * np.array([-3, -1, 1, 3])


def draw_epoch(axes, bottom, centre, half_width, title):
    """The error's parabola, the grid of an epoch, and its best point."""
    panel = axes.inset_axes((0.13, bottom, 0.74, 0.2))
    curve = np.linspace(-1.3, 1.3, 200)
    panel.plot(curve, energy(curve), color=INK, linewidth=1.4)
    grid = grid_of_two_bits(centre, half_width)
    best = grid[np.argmin(energy(grid))]
    panel.vlines(grid, 0, energy(grid), color=INK, linewidth=0.9, linestyle=":")
    panel.plot(grid, energy(grid), "o", markersize=8, color=MODEL, markeredgecolor=INK)
    panel.plot(best, energy(best), "o", markersize=11, color=ANSWER, markeredgecolor=INK)
    panel.set(xlim=(-1.35, 1.35), ylim=(0, 3.0), xticks=[], yticks=[])
    panel.set_ylabel("error", fontsize=10.5)
    panel.set_xlabel("a weight", fontsize=10.5)
    panel.text(
        0.5, 1.0, title, transform=panel.transAxes, ha="center", va="top", fontsize=SIZE - 0.5
    )
    panel.spines[["top", "right"]].set_visible(False)
    return best


def draw():
    """Draw the picture."""
    axes = canvas(5.0, 7.0)
    box(axes, 2.5, 6.62, 4.6, 0.56, "inputs and targets of one layer", fill=DATA)
    arrow(axes, (2.5, 6.34), (2.5, 5.98))
    box(
        axes,
        2.5,
        5.56,
        4.6,
        0.84,
        "squared error: a quadratic form\nof its weights, spins by n bits each",
        fill=MODEL,
    )
    arrow(axes, (2.5, 5.14), (2.5, 4.80))
    best = draw_epoch(axes, 0.48, -0.15, 1.0, "first epoch: coarse grid, 2 bits")
    arrow(axes, (2.5, 3.03), (2.5, 2.70))
    label(axes, 2.68, 2.87, "anneal; next layer; again", size=10.5, ha="left")
    draw_epoch(axes, 0.18, best, 0.36, "later: a finer grid around the best")
    arrow(axes, (2.5, 0.93), (2.5, 0.62))
    box(axes, 2.5, 0.34, 4.6, 0.5, "weights of any precision, no gradient", fill=ANSWER)


if __name__ == "__main__":
    draw()
