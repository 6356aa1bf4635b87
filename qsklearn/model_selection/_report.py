"""Comparisons as one HTML page: on one data set, or on several with what they say together."""

from __future__ import annotations

import datetime
from html import escape

from qsklearn._checks import check_instance
from qsklearn.model_selection._controls import name_of_control
from qsklearn.model_selection._page import contents, note, section, table, write_page
from qsklearn.model_selection._report_sections import TIMINGS, result_sections
from qsklearn.model_selection._signed_rank import check_results, signed_rank_tests
from qsklearn.model_selection._text import (
    format_difference,
    format_effect,
    format_error,
    format_interval,
    format_p,
    format_test,
)
from qsklearn.model_selection._validation import check_choice

_TITLE = "Comparison of estimators"
_N_DIGITS = 12  # of a fingerprint in the overview; it is whole in the part of its data set


def write_html(result, path, *, title, command, overwrite):
    """Write the page of one comparison; see :meth:`ComparisonResult.to_html`."""

    def body():
        parts = [*result_sections(result, 2), *_ending({"": result}, command)]
        return "\n".join(parts)

    return write_page(path, title, body, overwrite)


def write_report(results, path, *, title=None, command=None, notes=None, overwrite=False):
    """Write comparisons on several data sets as one page that needs no network.

    The page has a list of contents, every mean with its difference from the baseline, the
    signed-rank tests over the data sets, then for each data set what
    :meth:`ComparisonResult.to_html` shows: tables and figures of scores, paired tests, tuning,
    cost, folds, settings, seeds and timings. For one data set it has only these. It ends with the
    command and the environment. Two runs that find the same give the same page but for its
    ``<section class="timings">`` and the date.

    Parameters
    ----------
    results : dict of str to ComparisonResult
        By the name of the data set. The signed-rank tests want the same contenders in all, and are
        left out with a word where they differ.
    path : str or path-like
        The file to write; its folder exists.
    title : str or None, default=None
        Heading of the page.
    command : str or None, default=None
        What to type to repeat the comparisons, for the page.
    notes : dict of str to (list of str), or None, default=None
        What else a reader should know of the data, by the name of the data set.
    overwrite : bool, default=False
        Whether an existing file may be replaced.

    Returns
    -------
    path : pathlib.Path
        The file written.

    Raises
    ------
    ValueError
        If `results` is no dict of results, or `notes` has other names.
    FileExistsError
        If the file exists and `overwrite` is False.
    FileNotFoundError
        If its folder does not exist.
    IsADirectoryError
        If it is a folder.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    signed_rank_tests : The rows over data sets.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from qsklearn.model_selection import compare, write_report
    >>> contenders = {"guess": DummyClassifier(), "Bayes": GaussianNB()}
    >>> results = {
    ...     name: compare(contenders, *load(return_X_y=True), cv=3, random_state=0)
    ...     for name, load in {"iris": load_iris, "wine": load_wine}.items()
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(results, Path(folder) / "report.html")
    ...     "Over 2 data sets" in page.read_text(encoding="utf-8")
    True
    """
    check_results(results, "write_report")
    notes = {} if notes is None else notes
    for name in notes:
        check_choice("write_report", "notes", name, results)

    def body():
        parts = {}
        if len(results) > 1:
            parts["overview"] = "Overview", [_overview(results)]
            parts["over-data-sets"] = f"Over {len(results)} data sets", _signed_ranks(results)
        for i, (name, result) in enumerate(results.items()):
            parts[f"data-{i}"] = (name, result_sections(result, 3, notes.get(name, ())))
        made = [section(head, *inner, anchor=anchor) for anchor, (head, inner) in parts.items()]
        headings = {anchor: heading for anchor, (heading, _) in parts.items()}
        listed = [contents(headings)] if len(headings) > 1 else []
        return "\n".join([*listed, *made, *_ending(results, command)])

    return write_page(path, _TITLE if title is None else title, body, overwrite)


def _overview(results):
    tables = [_means(results, scoring) for scoring in _common_scorers(results)]
    rows = [
        [name, r.train_sizes[0] + r.test_sizes[0], r.n_folds, r.fingerprint()[:_N_DIGITS]]
        for name, r in results.items()
    ]
    facts = table(["data set", "rows", "folds", "fingerprint"], rows, text_columns=[3])
    return "\n".join([*tables, facts])


def _common_scorers(results):
    first = next(iter(results.values()))
    return [s for s in first.scorers if all(s in result.scorers for result in results.values())]


def _means(results, scoring):
    names = list(dict.fromkeys(name for result in results.values() for name in result.names))
    rows = []
    for data, result in results.items():
        cells = _mean_cells(result, scoring)
        rows.append([data, *(cells.get(name, "-") for name in names)])
    return table([scoring, *names], rows) + note(
        "Mean over the folds ± one standard error, corrected for the overlap of the training sets; "
        "below it the difference from the baseline with its 95 % interval."
    )


def _mean_cells(result, scoring):
    tests = {test["estimator"]: test for test in result.paired_tests(scoring=scoring)}
    cells = {}
    for row in result.summary(scoring):
        test = tests.get(row["estimator"])
        against = "baseline" if test is None else format_test(test)
        mean = format_error(row["mean"], row["standard_error"])
        cells[row["estimator"]] = f"{mean}\n{against}"
    return cells


def _signed_ranks(results):
    for scoring in _common_scorers(results):
        try:
            rows = signed_rank_tests(results, scoring=scoring)
        except ValueError as error:
            # The page is for whatever was compared, and this part wants the same of all.
            yield note(f"No signed-rank tests. {error}")
            return
        yield _signed_rank_table(rows, scoring) if rows else "<p>There is one estimator.</p>"
        own = signed_rank_tests(results, scoring=scoring, controls=True)
        yield _own_control_table(results, own, scoring) if own else ""
    yield note(
        "Wilcoxon's signed-rank test of the mean differences, one a data set (Demšar 2006), "
        "two-sided, for each estimator alone. Pseudo-median: the median of the means of all pairs "
        "(Hodges and Lehmann). Effect: matched-pairs rank-biserial correlation, from -1 (worse on "
        "all) to 1 (better on all)."
    )


def _signed_rank_table(rows, scoring):
    header = [scoring, "data sets", f"pseudo-median of differences from {rows[0]['baseline']}"]
    header += ["level", "effect", "p", "note"]
    cells = [
        [
            row["estimator"],
            row["n_data_sets"],
            format_interval(row["median_difference"], row["ci_low"], row["ci_high"]),
            "n/a" if row["level"] != row["level"] else f"{100 * row['level']:.1f} %",
            format_effect(row["effect_size"]),
            format_p(row["p_value"]),
            row["note"],
        ]
        for row in rows
    ]
    return table(header, cells, text_columns=[6])


def _own_control_table(results, rows, scoring):
    """Each contender minus each of its controls: on every data set, and over them."""
    header = [f"{scoring}, contender minus its control", *results, "pseudo-median", "p"]
    on_data = [result.control_tests(scoring=scoring) for result in results.values()]
    cells = [
        [
            f"{row['estimator']} minus {name_of_control(row['estimator'], row['baseline'])}",
            *map(format_test, tests),
            format_difference(row["median_difference"]),
            format_p(row["p_value"]),
        ]
        for row, *tests in zip(rows, *on_data, strict=True)
    ]
    return table(header, cells) + note(
        "What the replaced part adds, with corrected 95 % intervals on each data set."
    )


def _ending(results, command):
    check_instance(command, (str, type(None)), "command", "a page")
    if command:
        yield section("To repeat this", f"<pre>{escape(command)}</pre>")
    yield from _environments(results)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f'<p class="note {TIMINGS}">Written <time>{now}</time>.</p>'


def _environments(results):
    """One table where all results come from one machine, as they mostly do."""
    groups = {}
    for name, result in results.items():
        groups.setdefault(tuple(result.environment.items()), []).append(name)
    for facts, names in groups.items():
        rows = [[item, value or "not installed"] for item, value in facts]
        heading = "Environment" if len(groups) == 1 else f"Environment of {', '.join(names)}"
        yield section(heading, table(["item", "value"], rows, text_columns=[1]))
