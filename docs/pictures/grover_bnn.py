"""One iteration of amplitude amplification on 16 settings, two of them good: true numbers."""

import numpy as np
from drawing import ANSWER, INK, MODEL, arrow, box, canvas, label

GOOD = (5, 11)
N_SETTINGS = 16


def amplitudes():
    """Of all settings: at the start, after the oracle, and after the inversion about the mean."""
    start = np.full(N_SETTINGS, N_SETTINGS**-0.5)
    marked = start.copy()
    marked[list(GOOD)] *= -1
    return start, marked, 2 * marked.mean() - marked


def draw_amplitudes(axes, bottom, values):
    """A bar for each setting."""
    panel = axes.inset_axes((0.08, bottom, 0.84, 0.135))
    fills = [ANSWER if setting in GOOD else MODEL for setting in range(N_SETTINGS)]
    panel.bar(range(N_SETTINGS), values, color=fills, edgecolor=INK, width=0.75)
    panel.axhline(0, color=INK, linewidth=1)
    panel.set(ylim=(-0.34, 0.72), xticks=[], yticks=[])
    panel.axis("off")


def draw():
    """Draw the picture."""
    axes = canvas(5.0, 7.1)
    start, marked, amplified = amplitudes()
    box(axes, 2.5, 6.74, 4.6, 0.56, "all settings of the weights at once", fill=MODEL)
    draw_amplitudes(axes, 0.755, start)
    arrow(axes, (2.5, 5.60), (2.5, 5.22))
    box(axes, 2.5, 4.94, 4.6, 0.56, "oracle: signs of good settings turn", fill=MODEL)
    draw_amplitudes(axes, 0.515, marked)
    arrow(axes, (2.5, 3.72), (2.5, 3.34))
    box(axes, 2.5, 3.06, 4.6, 0.56, "all are mirrored about their mean", fill=MODEL)
    draw_amplitudes(axes, 0.25, amplified)
    arrow(axes, (2.5, 1.98), (2.5, 1.60))
    label(axes, 2.68, 1.79, "k times; then measure", size=10.5, ha="left")
    before, after = (float((values[list(GOOD)] ** 2).sum()) for values in (start, amplified))
    text = (
        f"a good setting, with probability\n{before:.2f} before and {after:.2f} after one iteration"
    )
    box(axes, 2.5, 1.17, 4.6, 0.84, text, fill=ANSWER)
    label(
        axes,
        2.5,
        0.45,
        "Bars: amplitudes, whose squares are\nprobabilities; orange: good settings.",
        size=10.5,
    )


if __name__ == "__main__":
    draw()
