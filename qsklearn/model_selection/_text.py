"""Cells of the summary table, for the terminal and for the HTML page alike."""

from __future__ import annotations

import math
import textwrap
from collections import Counter

_NAME_WIDTH = 34


def table_cells(result, scoring):
    """Header, rows of text and footnotes of the summary table.

    Parameters
    ----------
    result : ComparisonResult
    scoring : str

    Returns
    -------
    header : list of str
    rows : list of list of str
    notes : list of str
    """
    tests = {test["estimator"]: test for test in result.paired_tests(scoring=scoring)}
    header = [
        "estimator",
        f"{scoring} ± error",
        f"difference from {result.baseline}",
        "p",
        "fit seconds",
        "reads drawn",
    ]
    rows = [_cells(row, tests.get(row["estimator"])) for row in result.summary(scoring)]
    return header, rows, _notes(result, tests)


def _cells(row, test):
    difference, p_value = ("baseline", "") if test is None else _difference(test)
    return [
        row["estimator"],
        format_error(row["mean"], row["standard_error"]),
        difference,
        p_value,
        format_amount(row["fit_seconds"]),
        format_count(row["cost"].get("reads", math.nan)),
    ]


def _difference(test):
    if math.isnan(test["difference"]):
        return "n/a", "n/a"
    difference = format_error(test["difference"], test["standard_error"], sign="+")
    return difference, format_p(test["p_value"])


def _notes(result, tests):
    notes = [
        f"Means over {result.n_folds} folds; ± one standard error, corrected for the overlap of "
        "the training sets (Nadeau and Bengio 2003). p: corrected resampled paired t-test against "
        f"{result.baseline}, two-sided, for each estimator alone. Seconds and reads are per fit."
    ]
    for test in tests.values():
        if test["note"]:
            notes.append(f"{test['estimator']}: {test['note']}.")
    for name in result.names:
        failed = [(i, error) for i, error in enumerate(result.errors[name]) if error]
        if failed:
            folds = ", ".join(str(fold) for fold, _ in failed)
            notes.append(f"{name}: failed on fold {folds}. {' '.join(failed[0][1].split())}")
    return [*notes, *_stops(result), *_samplers(result)]


def _stops(result):
    """A note for each contender and failure at which fits stopped that have scores."""
    return [
        f"{n} of {result.n_folds} fits of {name} stopped early: {reason}"
        for name in result.names
        for reason, n in Counter(
            " ".join(reason.split()) for reason in result.stopped_early[name] if reason
        ).items()
    ]


def _samplers(result):
    """A note with the samplers in use, as a default is not to be seen in the settings."""
    used = {name: dict.fromkeys(filter(None, result.samplers[name])) for name in result.names}
    listed = [f"{name}: {', '.join(classes)}" for name, classes in used.items() if classes]
    return [f"Samplers in use: {'; '.join(listed)}."] if listed else []


def render_text(result, scoring):
    """The summary table for a terminal, with long names wrapped."""
    header, rows, notes = table_cells(result, scoring)
    blocks = [[textwrap.wrap(cell, _NAME_WIDTH) or [""] for cell in row] for row in [header, *rows]]
    widths = [max(len(line) for block in blocks for line in block[j]) for j in range(len(header))]
    lines = []
    for block in blocks:
        for i in range(max(map(len, block))):
            cells = [cell[i] if i < len(cell) else "" for cell in block]
            aligned = [cells[0].ljust(widths[0])]
            aligned += [cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True)]
            lines.append("  ".join(aligned).rstrip())
        if block is blocks[0]:
            lines.append("  ".join("-" * width for width in widths))
    folded = [textwrap.fill(note, 100, subsequent_indent="  ") for note in notes]
    return "\n".join([*lines, "", *folded])


def format_error(mean, error, sign=""):
    """``mean ± error`` with three decimals, or three figures where the numbers are large."""
    if math.isnan(mean):
        return "n/a"
    largest = max(abs(mean), 0.0 if math.isnan(error) else error)
    style = ".3f" if largest < 1000 else ".3g"
    return f"{mean:{sign}{style}} ± " + ("n/a" if math.isnan(error) else f"{error:{style}}")


def format_number(value):
    """Three significant figures."""
    if math.isnan(value):
        return "n/a"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def format_amount(value):
    """Seconds or another amount: large and whole ones in groups of three digits."""
    grouped = float(value).is_integer() or abs(value) >= 100
    return format_count(value) if grouped else format_number(value)


def format_count(value):
    """A whole number in groups of three digits, or a dash where nothing was counted."""
    return "-" if math.isnan(value) else f"{value:,.0f}"


def format_p(value):
    """A p-value; below 0.001 only that it is so."""
    if math.isnan(value):
        return "n/a"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
