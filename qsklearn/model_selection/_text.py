"""Cells of the summary table, for the terminal and for the HTML page alike."""

from __future__ import annotations

import math
import textwrap
from collections import Counter

from qsklearn.model_selection._controls import name_of_control
from qsklearn.model_selection._statistics import SAME

_WIDTH = 120
_NAME_WIDTH = 34
_NARROWEST_NAME = 12
_TITLE_WIDTH = 25
_PROBABILITIES = "worse / same / better"


def table_cells(result, scoring, *, seconds=True):
    """Header, rows of text and footnotes of the summary table.

    Parameters
    ----------
    result : ComparisonResult
    scoring : str
    seconds : bool, default=True
        Whether there is a column of seconds, which no second run repeats.

    Returns
    -------
    header : list of str
    rows : list of list of str
    notes : list of str
    """
    tests = {test["estimator"]: test for test in result.paired_tests(scoring=scoring)}
    beliefs = {test["estimator"]: test for test in result.bayesian_tests(scoring=scoring)}
    header = [
        "estimator",
        f"{scoring} ± error",
        f"difference from {result.baseline}",
        "effect",
        "p",
        _PROBABILITIES,
        *(["fit seconds"] if seconds else []),
        "reads drawn",
    ]
    rows = [
        _cells(row, tests.get(row["estimator"]), beliefs.get(row["estimator"]), seconds)
        for row in result.summary(scoring)
    ]
    return header, rows, _notes(result, tests, beliefs, seconds)


def control_cells(result, scoring):
    """Header and rows of text of what contenders add to their controls.

    Parameters
    ----------
    result : ComparisonResult
    scoring : str

    Returns
    -------
    header : list of str
    rows : list of list of str
        Empty where there are no controls.
    """
    header = ["contender", f"{scoring} minus that of its control", "effect", "p", _PROBABILITIES]
    rows = [
        [f"{test['estimator']} minus {_control(test)}", *_differences(test, test)]
        for test in result.control_tests(scoring=scoring)
    ]
    return header, rows


def _control(test):
    return name_of_control(test["estimator"], test["baseline"])


def _cells(row, test, belief, seconds):
    against = ["baseline", "", "", ""] if test is None else _differences(test, belief)
    return [
        row["estimator"],
        format_error(row["mean"], row["standard_error"]),
        *against,
        *([format_amount(row["fit_seconds"])] if seconds else []),
        format_count(row["cost"].get("reads", math.nan)),
    ]


def _differences(test, belief):
    if math.isnan(test["difference"]):
        return ["n/a"] * 4
    if test["note"] == SAME:
        return [SAME, "", "", ""]
    return [
        format_test(test),
        format_effect(test["effect_size"]),
        format_p(test["p_value"]),
        format_probabilities(belief),
    ]


def _notes(result, tests, beliefs, seconds):
    notes = [
        f"Means over {result.n_folds} folds; ± one standard error, corrected for the overlap of "
        f"the training sets (Nadeau and Bengio 2003). {'Seconds and reads' if seconds else 'Reads'}"
        " are per fit."
    ]
    if tests:
        rope = next(iter(beliefs.values()))["rope"]
        notes.append(
            f"Differences from {result.baseline} have 95 % intervals, for each estimator alone. "
            "effect: mean over standard deviation of the folds' differences. p: corrected "
            f"resampled paired t-test, two-sided. {_PROBABILITIES}: posterior probabilities of a "
            f"Bayesian correlated t-test (Corani and Benavoli 2015); within ±{rope:g} is the same."
        )
    for test in tests.values():
        if test["note"] not in ("", SAME):
            notes.append(f"{test['estimator']}: {test['note']}.")
    for name in result.names:
        failed = [(i, error) for i, error in enumerate(result.errors[name]) if error]
        if failed:
            folds = ", ".join(str(fold) for fold, _ in failed)
            notes.append(f"{name}: failed on fold {folds}. {' '.join(failed[0][1].split())}")
    return [*notes, *tuning_notes(result), *_stops(result), *_samplers(result)]


def tuning_notes(result):
    """How contenders were tuned, and what of the budget was not used."""
    if result.tuning is None:
        return []
    tuning = result.tuning
    folds = "/".join(map(str, sorted(set(tuning["n_inner_folds"]))))
    names = ", ".join(tuning["spaces"]) or "nobody"
    return [
        f"Tuned in every fold by {tuning['n_candidates']} random candidates on {folds} inner "
        f"folds, for {tuning['scoring']}: {names}.",
        *tuning["notes"],
    ]


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
    """The samplers in use, as a default is not to be seen in the settings, and what they are."""
    used = {name: dict.fromkeys(filter(None, result.samplers[name])) for name in result.names}
    listed = [f"{name}: {', '.join(classes)}" for name, classes in used.items() if classes]
    told = dict.fromkeys(
        f"{sampler}: {text}."
        for name in result.names
        for sampler, text in zip(result.samplers[name], result.drawn_by[name], strict=True)
        if text
    )
    return [f"Samplers in use: {'; '.join(listed)}.", *told] if listed else []


def render_text(result, scoring):
    """The summary table for a terminal, and that of the controls, with long names wrapped."""
    header, rows, notes = table_cells(result, scoring)
    parts = [_render(header, rows)]
    header, rows = control_cells(result, scoring)
    if rows:
        parts.append(_render(header, rows))
    folded = [textwrap.fill(note, 100, subsequent_indent="  ") for note in notes]
    return "\n\n".join([*parts, "\n".join(folded)])


def _render(header, rows):
    """A table aligned for the eye, headers and names in as many lines as they need."""
    widths = _widths(header, rows)
    lines = []
    for row in [header, None, *rows]:
        if row is None:
            lines.append("  ".join("-" * width for width in widths))
            continue
        block = [
            textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)
        ]
        for i in range(max(map(len, block))):
            cells = [cell[i] if i < len(cell) else "" for cell in block]
            aligned = [cells[0].ljust(widths[0])]
            aligned += [cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True)]
            lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _widths(header, rows):
    """Numbers take the room that they need; names take what is left of the line."""
    columns = [[row[j] for row in rows] for j in range(len(header))]
    widths = [
        max(map(len, [*column, *title.split()]))
        for title, column in zip(header, columns, strict=True)
    ]
    # Broken, these titles would be hard to read.
    for j in (1, 2):
        widths[j] = max(widths[j], min(len(header[j]), _TITLE_WIDTH))
    room = _WIDTH - sum(widths[1:]) - 2 * len(widths[1:])
    longest = max(map(len, [header[0], *columns[0]]))
    widths[0] = max(_NARROWEST_NAME, min(longest, _NAME_WIDTH, room))
    return widths


def format_error(mean, error, sign=""):
    """``mean ± error`` with three decimals, or three figures where the numbers are large."""
    if math.isnan(mean):
        return "n/a"
    largest = max(abs(mean), 0.0 if math.isnan(error) else error)
    style = ".3f" if largest < 1000 else ".3g"
    return f"{mean:{sign}{style}} ± " + ("n/a" if math.isnan(error) else f"{error:{style}}")


def format_interval(value, low, high):
    """``value [low, high]`` with signs, with three decimals or three figures."""
    if math.isnan(value):
        return "n/a"
    if math.isnan(low):
        return f"{value:+{_style(value)}} [n/a]"
    style = _style(max(abs(low), abs(high)))
    return f"{value:+{style}} [{low:+{style}}, {high:+{style}}]"


def format_test(test):
    """The difference of a paired test with its interval, or that there is none at all."""
    if test["note"] == SAME:
        return SAME
    return format_interval(test["difference"], test["ci_low"], test["ci_high"])


def format_difference(value):
    """A difference with its sign, with three decimals or three figures."""
    return "n/a" if math.isnan(value) else f"{value:+{_style(value)}}"


def _style(largest):
    return ".3f" if abs(largest) < 1000 else ".3g"


def format_effect(value):
    """A standardised difference with its sign."""
    if math.isnan(value):
        return "n/a"
    return f"{value:+.2f}" if abs(value) < 100 else f"{value:+.3g}"


def format_probabilities(belief):
    """Percentages of worse, same and better."""
    values = [belief[key] for key in ("p_worse", "p_equivalent", "p_better")]
    if any(map(math.isnan, values)):
        return "n/a"
    return "/".join(f"{100 * value:.0f}" for value in values) + " %"


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
