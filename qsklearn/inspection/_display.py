"""What every display offers to a notebook: the figure that it drew last, as a picture."""

from __future__ import annotations

import io


class Display:
    """Base of the displays, which leave their figure in ``figure_`` after ``plot``.

    Their figures are made apart from pyplot, so that a notebook does not show them by itself. A
    cell that ends with a display shows its figure instead.
    """

    def _repr_png_(self):
        """The figure as the bytes of a PNG file; None before ``plot``, or where pyplot shows it."""
        figure = getattr(self, "figure_", None)
        if figure is None:
            return None
        whole = figure.figure  # of a subfigure what it is in
        if getattr(whole.canvas, "manager", None) is not None:
            return None
        buffer = io.BytesIO()
        whole.savefig(buffer, format="png")
        return buffer.getvalue()
