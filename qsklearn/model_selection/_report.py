"""The comparison as one HTML page: inline style, embedded figures, no network, fit for a phone."""

from __future__ import annotations

import base64
import datetime
import io
import os
from html import escape
from pathlib import Path

from qsklearn.inspection import ComparisonDisplay
from qsklearn.model_selection._text import (
    format_amount,
    format_number,
    format_p,
    table_cells,
)

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff;
       max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid #ccc; text-align: right;
         vertical-align: top; }
th { border-bottom: 2px solid #111; }
th:first-child, td:first-child { text-align: left; min-width: 9rem; overflow-wrap: anywhere; }
td.text { text-align: left; overflow-wrap: anywhere; min-width: 14rem; }
img { max-width: 100%; height: auto; }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; white-space: pre-wrap;
      overflow-wrap: anywhere; }
.note { color: #444; font-size: .9rem; }
.error { color: #111; border-left: 4px solid #b00; padding-left: .7rem; overflow-wrap: anywhere; }
"""

# The names of seconds say so themselves.
_UNITS = {"qpu_access_time": "microseconds"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def write_html(result, path, *, title, command, overwrite):
    """Write the page; see :meth:`ComparisonResult.to_html`."""
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(path.parent)!r} does not exist. Make it first.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"The file {str(path)!r} exists. Pass overwrite=True to replace it.")
    body = "\n".join(_sections(result, command))
    page = _PAGE.format(title=escape(title), style=_STYLE, body=body)
    _write_whole(path, page)
    return path


def _write_whole(path, page):
    """Replace the file in one step, so that an interrupted run leaves no half of a page."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(page, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        # The user has never heard of the temporary file.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sections(result, command):
    for scoring in result.scorers:
        yield _section(scoring, _summary(result, scoring), _figure(result, scoring))
        yield _section(f"Paired tests: {scoring}", _paired_tests(result, scoring))
    yield _section("Cost", _figure(result, "fit_seconds"), _costs(result))
    yield _section("Scores per fold", *(_fold_scores(result, s) for s in result.scorers))
    if any(any(errors) for errors in result.errors.values()):
        yield _section("Folds that failed", _errors(result.errors))
    if any(any(reasons) for reasons in result.stopped_early.values()):
        yield _section("Fits that stopped early", _errors(result.stopped_early))
    if any(any(heard) for heard in result.warnings.values()):
        yield _section("Warnings", _warnings(result))
    yield _section("Settings", _settings(result))
    if command:
        yield _section("To repeat this", f"<pre>{escape(command)}</pre>")
    yield _section("Environment", _environment(result))


def _section(heading, *parts):
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"


def _table(header, rows, text_columns=()):
    def cell(tag, j, value):
        kind = ' class="text"' if tag == "td" and j in text_columns else ""
        return f"<{tag}{kind}>{escape(str(value))}</{tag}>"

    head = "".join(cell("th", j, name) for j, name in enumerate(header))
    body = "\n".join(
        "<tr>" + "".join(cell("td", j, value) for j, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _summary(result, scoring):
    header, rows, notes = table_cells(result, scoring)
    return _table(header, rows) + "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _paired_tests(result, scoring):
    rows = [
        [
            test["estimator"],
            test["n_folds"],
            format_number(test["difference"]),
            f"[{format_number(test['ci_low'])}, {format_number(test['ci_high'])}]",
            format_number(test["t"]),
            format_p(test["p_value"]),
            test["note"],
        ]
        for test in result.paired_tests(scoring=scoring)
    ]
    header = ["estimator", "folds", f"minus {result.baseline}", "95 % interval", "t", "p", "note"]
    return _table(header, rows, text_columns=[6]) if rows else "<p>There is one estimator.</p>"


def _costs(result):
    rows = result.summary()
    keys = sorted({key for row in rows for key in row["cost"]})
    header = ["estimator", "fit seconds", "score seconds", *map(_cost_name, keys)]
    cells = [
        [
            row["estimator"],
            format_amount(row["fit_seconds"]),
            format_amount(row["score_seconds"]),
            *(format_amount(row["cost"][key]) if key in row["cost"] else "-" for key in keys),
        ]
        for row in rows
    ]
    return _table(header, cells) + '<p class="note">Means per fit.</p>'


def _cost_name(key):
    unit = f" ({_UNITS[key]})" if key in _UNITS else ""
    return key.replace("_", " ") + unit


def _fold_scores(result, scoring):
    header = [scoring, *(f"fold {fold}" for fold in range(result.n_folds))]
    scores = result.scores[scoring]
    rows = [[name, *(format_number(score) for score in scores[name])] for name in result.names]
    return _table(header, rows)


def _errors(texts):
    return "".join(
        f'<p class="error">{escape(name)}, fold {fold}: {escape(error)}</p>'
        for name, errors in texts.items()
        for fold, error in enumerate(errors)
        if error
    )


def _warnings(result):
    rows = {}
    for name in result.names:
        for heard in result.warnings[name]:
            for category, text in heard:
                key = name, category.__name__, text
                rows[key] = rows.get(key, 0) + 1
    cells = [[name, n, f"{kind}: {text}"] for (name, kind, text), n in rows.items()]
    return _table(["estimator", "times", "warning"], cells, text_columns=[2])


def _settings(result):
    rows = [[name, setting] for name, setting in result.settings.items()]
    return _table(["estimator", "as scikit-learn prints it"], rows, text_columns=[1])


def _environment(result):
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = [
        ["written", now],
        ["random_state", result.random_state],
        ["seed of each fold", ", ".join(map(str, result.seeds))],
        ["rows trained on", ", ".join(map(str, result.train_sizes))],
        ["rows tested on", ", ".join(map(str, result.test_sizes))],
    ]
    versions = [
        [package, version or "not installed"] for package, version in result.environment.items()
    ]
    return _table(["item", "value"], facts + versions, text_columns=[1])


def _figure(result, quantity):
    display = ComparisonDisplay.from_result(result, scoring=quantity)
    buffer = io.BytesIO()
    display.figure_.savefig(buffer, format="png", dpi=120)
    image = base64.b64encode(buffer.getvalue()).decode("ascii")
    alt = escape(f"{quantity} of every estimator on every fold; the numbers are in the tables")
    return f'<img alt="{alt}" src="data:image/png;base64,{image}">'
