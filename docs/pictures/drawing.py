"""What the pictures of the user guide are drawn with: boxes, units and arrows, in inches.

Pictures are tall rather than wide and their letters large, so that they can be read on a telephone.
Fills differ in how light they are, so that nothing is lost in grey.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import Circle, FancyBboxPatch

INK = "#222222"
DATA = "#f2efe6"  # what is given
MODEL = "#cfe0ef"  # what is computed or drawn
ANSWER = "#f0b35a"  # what comes out
SIZE = 11.5


def canvas(width, height):
    """Axes without ticks, one unit an inch, the origin below on the left."""
    figure = plt.figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return axes


def box(axes, x, y, width, height, text, fill=DATA):
    """A box around (x, y), its centre."""
    corner = (x - width / 2 + 0.06, y - height / 2 + 0.06)
    axes.add_patch(
        FancyBboxPatch(
            corner, width - 0.12, height - 0.12, boxstyle="round,pad=0.06", facecolor=fill,
            edgecolor=INK, linewidth=1.1, zorder=2,
        )
    )  # fmt: skip
    label(axes, x, y, text)


def unit(axes, x, y, text="", fill=MODEL, radius=0.19):
    """A unit of a network."""
    axes.add_patch(Circle((x, y), radius, facecolor=fill, edgecolor=INK, linewidth=1.1, zorder=3))
    label(axes, x, y, text)


def label(axes, x, y, text, size=SIZE, **kwargs):
    """Letters centred at (x, y), unless told otherwise."""
    kwargs = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.25} | kwargs
    axes.text(x, y, text, fontsize=size, zorder=5, **kwargs)


def line(axes, start, end, **kwargs):
    """A coupling."""
    kwargs = {"color": INK, "linewidth": 1.1, "zorder": 1} | kwargs
    axes.plot(*zip(start, end, strict=True), **kwargs)


def arrow(axes, *points):
    """An arrow along points, straight from each to the next."""
    for start, end in zip(points[:-2], points[1:-1], strict=True):
        line(axes, start, end, linewidth=1.4, solid_capstyle="round")
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", points[-1], points[-2], zorder=1, arrowprops=style)
