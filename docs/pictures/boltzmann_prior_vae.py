"""Bits between an encoder and a decoder; a sampler draws their prior on an annealer's graph."""

from drawing import ANSWER, DATA, MODEL, arrow, box, canvas, label, line, unit

LEFT, RIGHT = 1.28, 3.92


def draw_bits(axes, left, top, couplings):
    """Six bits in two columns, as in a chip's unit cell."""
    places = [(left + 0.9 * column, top - 0.5 * row) for row in range(3) for column in range(2)]
    for a in range(0, 6, 2):
        for b in range(1, 6, 2):
            if couplings:
                line(axes, places[a], places[b], linewidth=0.9, color="#777777")
    for number, place in enumerate(places):
        unit(axes, *place, str((number * 5 // 3 + couplings) % 2), fill=MODEL)


def draw():
    """Draw the picture."""
    axes = canvas(5.2, 6.6)
    box(axes, LEFT, 6.25, 2.3, 0.5, "data x", fill=DATA)
    arrow(axes, (LEFT, 6.0), (LEFT, 5.72))
    box(axes, LEFT, 5.45, 2.3, 0.5, "encoder", fill=DATA)
    arrow(axes, (LEFT, 5.2), (LEFT, 4.86))
    draw_bits(axes, LEFT - 0.45, 4.6, couplings=0)
    label(axes, LEFT, 3.24, "bits that stand for x", size=10.5)

    box(axes, RIGHT, 6.25, 2.3, 0.5, "prior: fields, couplings", fill=ANSWER)
    arrow(axes, (RIGHT, 6.0), (RIGHT, 4.86))
    label(axes, RIGHT + 0.12, 5.42, "sampler\ndraws", size=10.5, ha="left")
    draw_bits(axes, RIGHT - 0.45, 4.6, couplings=1)
    label(axes, RIGHT, 3.24, "bits of the prior itself", size=10.5)

    arrow(axes, (LEFT, 3.06), (LEFT, 2.68))
    arrow(axes, (RIGHT, 3.06), (RIGHT, 2.68))
    box(
        axes,
        2.6,
        2.28,
        4.94,
        0.76,
        "difference of the two means of the bits:\nthe prior's gradient",
        fill=MODEL,
    )
    arrow(axes, (2.6, 1.90), (2.6, 1.58))
    box(
        axes,
        2.6,
        1.18,
        4.94,
        0.76,
        "decoder: makes data of either bits;\nits error trains both networks",
        fill=DATA,
    )
    arrow(axes, (1.5, 0.80), (1.5, 0.56))
    arrow(axes, (3.7, 0.80), (3.7, 0.56))
    label(axes, 1.5, 0.36, "x again", size=10.5)
    label(axes, 3.7, 0.36, "new data", size=10.5)


if __name__ == "__main__":
    draw()
