"""What the benchmarks write."""

import os


class Report:
    """Lines to the screen and to a reStructuredText file, which the documentation includes."""

    def __init__(self, path, script):
        self.path = path
        path.write_text("")
        self.line(f"Made by ``benchmarks/{script}`` on {os.cpu_count()} cores.")

    def line(self, text):
        print(text, flush=True)
        with self.path.open("a") as file:
            file.write(f"{text}\n")

    def heading(self, text):
        self.line(f"\n{text}\n{'~' * len(text)}\n")

    def table(self, header, rows):
        """A reST simple table, aligned for the eye."""
        cells = [header, *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        rule = "  ".join("=" * width for width in widths)
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        self.line("\n".join([rule, lines[0], rule, *lines[1:], rule, ""]))
