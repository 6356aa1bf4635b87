"""What the benchmarks write."""

import os
import re
import sys

# Of a command, they say nothing of what was measured.
PLACES = ("--output", "--mnist", "--fashion", "--data", "--cache", "--state", "--pictures")
SHORT_OPTIONS = {"--short", "--quick"}
SHORT = (
    "**In the short setting: small sizes, which show that it runs. No figure of this report is to "
    "be quoted.**"
)


class Report:
    """Lines to the screen and to a reStructuredText file, which the documentation includes.

    Parameters
    ----------
    path : Path
    script : str
        Its name, with the options that make this report. Those that it was called with besides,
        sizes above all, are added.
    """

    def __init__(self, path, script):
        self.path = path
        path.write_text("")
        words = [script, *sizes_of(sys.argv[1:])]
        self.line(f"Made by ``benchmarks/{' '.join(words)}`` on {os.cpu_count()} cores.")
        if is_short():
            self.line(f"{SHORT}\n")

    def line(self, text):
        print(text, flush=True)
        with self.path.open("a") as file:
            file.write(f"{text}\n")

    def heading(self, text):
        self.line(f"\n{text}\n{'~' * len(text)}\n")

    def table(self, header, rows):
        """A reST simple table, aligned for the eye."""
        cells = [[escape(cell) for cell in row] for row in [header, *rows]]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        rule = "  ".join("=" * width for width in widths)
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        self.line("\n".join([rule, lines[0], rule, *lines[1:], rule, ""]))


def escape(cell):
    """Text of a cell, which must not begin as an item of a numbered list: "(32) ..."."""
    return re.sub(r"^\((?=\w+\) )", r"\\(", str(cell))


def is_short():
    """By an option of the script, or because ``run.py`` says so."""
    told = os.environ.get("QSKLEARN_BENCHMARK_SETTING") == "short"
    return told or bool(SHORT_OPTIONS & set(sys.argv))


def sizes_of(arguments):
    """Options of a command but sections and paths, with their values."""
    words, kept = [], True
    for place, word in enumerate(arguments):
        if word.startswith("--"):
            option, _, value = word.partition("=")
            value = value or "".join(arguments[place + 1 : place + 2])
            kept = option not in (*PLACES, "--only")
            kept |= option == "--data" and not value.endswith(".npz")  # names of data sets
        if kept:
            words.append(word)
    return words
