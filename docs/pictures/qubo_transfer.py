"""A trained network's scores as fields of class bits, of which a penalty keeps one up."""

from itertools import combinations

import numpy as np
from drawing import ANSWER, DATA, INK, MODEL, arrow, box, canvas, label, line, unit

SCORES = (0.2, 2.1, 0.9, -0.4)


def draw_class_unit(axes, height):
    """Four class bits, all coupled with each other; the one with the largest score is up."""
    places = [(1.15 + 0.9 * c, height + 0.26 * (c in (1, 2))) for c in range(4)]
    for start, end in combinations(places, 2):
        line(axes, start, end, linewidth=0.9, color="#777777")
    for c, place in enumerate(places):
        unit(axes, *place, f"{int(c == 1)}", fill=ANSWER if c == 1 else MODEL)


def draw_frequencies(axes):
    """Shares of the draws: softmax of the scores, exactly."""
    shares = np.exp(SCORES) / np.exp(SCORES).sum()
    panel = axes.inset_axes((0.2, 0.085, 0.6, 0.15))
    fills = [ANSWER if c == 1 else MODEL for c in range(4)]
    panel.bar(range(4), shares, color=fills, edgecolor=INK, width=0.62)
    panel.set(xticks=range(4), yticks=[], ylim=(0, 0.8))
    panel.set_xticklabels([f"class {c}" for c in range(4)], fontsize=10.5)
    panel.spines[["top", "right", "left"]].set_visible(False)


def draw():
    """Draw the picture."""
    axes = canvas(5.0, 6.4)
    middle = 2.5
    box(axes, middle, 6.05, 4.2, 0.5, "image or table row x", fill=DATA)
    arrow(axes, (middle, 5.80), (middle, 5.50))
    box(axes, middle, 5.22, 4.2, 0.54, "network, trained classically", fill=DATA)
    arrow(axes, (middle, 4.95), (middle, 4.52))
    label(axes, middle + 0.2, 4.74, "scores $l$ become fields", size=10.5, ha="left")
    draw_class_unit(axes, 3.95)
    label(axes, middle, 3.55, "class bits; penalty A: exactly one is up", size=10.5)
    arrow(axes, (middle, 3.36), (middle, 2.92))
    label(axes, middle + 0.2, 3.15, "sampler draws", size=10.5, ha="left")
    box(axes, middle, 2.64, 4.2, 0.54, "0100   0100   0010   0100   1000  …", fill=MODEL)
    arrow(axes, (middle, 2.37), (middle, 2.06))
    label(axes, middle, 1.82, "their frequencies: the class probabilities", size=10.5)
    draw_frequencies(axes)


if __name__ == "__main__":
    draw()
