"""The page of all benchmarks: machines, costs, tables and figures, and where the README's are from.

In the documentation a report that another page includes is linked, not repeated. Elsewhere
the page stands alone, as ``index.html``.
"""

import io
import os
import re
from pathlib import Path

from run_claims import CLAIMS, is_in_source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
BUILT = ("_build", "generated", "auto_examples")  # folders of docs that are made, not written
USED = re.compile(r"^\.\. (?:include|figure|image):: \S*benchmarks/results/(\S+)", re.MULTILINE)
SHORT = (
    "**The short setting: small sizes, which show that everything runs. No figure of this page is "
    "to be quoted;** those of the documentation come from ``make bench-full``."
)
BEFORE = "made before the runner; see the report's own header"


def write_page(entries, known, output, setting, logs):
    """Write ``summary.rst`` and, outside of the documentation, ``index.html``; the last's path.

    Parameters
    ----------
    entries : sequence of Entry
    known : dict of dict
        Records by the entries' names.
    output : Path
        The folder of all results.
    setting : {"short", "full"}
    logs : Path
        The folder of the logs of failed runs.
    """
    is_in_docs = output.resolve() == RESULTS.resolve()
    prefix = f"{os.path.relpath(RESULTS, DOCS)}/" if is_in_docs else ""
    pages = pages_of_docs() if is_in_docs else {}
    text = page_of(entries, known, output, setting, prefix=prefix, pages=pages, logs=logs)
    output.mkdir(parents=True, exist_ok=True)
    summary = output / "summary.rst"
    if is_in_docs:
        summary.write_text(text, encoding="utf-8")
        return summary
    title = f"Benchmarks of qsklearn, {setting} setting"
    summary.write_text(f"{heading(title, '=')}\n{text}", encoding="utf-8")
    return write_html(summary)


def page_of(entries, known, output, setting, *, prefix, pages, logs):
    """The page's text, from below its title on."""
    parts = [SHORT] if setting == "short" else []
    parts += [heading("Runs", "-"), runs_table(entries, known, output)]
    parts += [heading("Machines and versions", "-"), machines(entries, known)]
    if setting == "full":
        parts += [heading("What the README quotes", "-"), claims_table(pages)]
    parts.append(heading("Results", "-"))
    for entry in entries:
        record = known.get(entry.name) or {}
        parts.append(section(entry, record, output, prefix=prefix, pages=pages, logs=logs))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


# --- pieces of reStructuredText -------------------------------------------------------------------


def heading(text, mark):
    return f"{text}\n{mark * len(text)}"


def escaped(text):
    """Text in which nothing is markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", str(text))


def list_table(header, rows, widths=None):
    """Cells are markup already."""
    lines = [".. list-table::", "   :header-rows: 1"]
    if widths is not None:
        lines.append(f"   :widths: {' '.join(map(str, widths))}")
    lines.append("")
    for row in (header, *rows):
        for place, cell in enumerate(row):
            lines.append(f"   {'* -' if place == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines)


def literal(text):
    lines = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    return f"::\n\n{lines}" if lines.strip() else ""


# --- runs and machines ----------------------------------------------------------------------------


def state_of(record):
    """What became of the last run, and whether older results stand."""
    last, made = record.get("last"), record.get("made")
    if last is None:
        return "not run"
    text = last["state"]
    if last["reason"]:
        text += f": {escaped(last['reason'])}"
    if last["left_out"] and text == "done":
        text += f"; without {escaped(', '.join(last['left_out']))}"
    if text.startswith("done") and last["without_data"]:
        text += f"; without the data of {', '.join(last['without_data'])}"
    if last["state"] != "done" and made:
        text += f" (results: of {made['date']})"
    return text


def runs_table(entries, known, output):
    rows = []
    for entry in entries:
        record = known.get(entry.name) or {}
        costs = record.get("made") or record.get("last") or {}
        state = state_of(record)
        if not record and reports_of(entry, record, output):
            state = BEFORE
        rows.append(
            [
                f"`{entry.name} <{label_of(entry)}_>`__", escaped(entry.measures), state,
                costs.get("date", ""),
                *(rounded(costs.get(key)) for key in ("seconds", "cpu_seconds", "peak_memory")),
            ]
        )  # fmt: skip
    header = ["benchmark", "what it measures", "state", "date", "s", "CPU s", "peak, MiB"]
    return list_table(header, rows, widths=(12, 34, 22, 12, 6, 7, 7))


def rounded(value):
    return "" if value is None else f"{value:,.0f}"


def machines(entries, known):
    """Facts by different machines, and which benchmarks ran on each."""
    runs = [(entry.name, (known.get(entry.name) or {}).get("made")) for entry in entries]
    groups = {}
    for name, made in runs:
        if made:
            groups.setdefault(tuple(made["machine"].items()), []).append(name)
    if not groups:
        return "No result of this page has been made by the runner yet."
    texts = []
    for machine, names in groups.items():
        told = list_table(["", ""], [[name, escaped(value)] for name, value in machine])
        told = told.replace("   :header-rows: 1\n", "").replace("   * -\n     -\n", "")
        texts.append(f"Of {', '.join(names)}:\n\n{told}")
    return "\n\n".join(texts)


# --- what the README quotes -----------------------------------------------------------------------


def claims_table(pages):
    rows = []
    for claim in CLAIMS:
        source = f"``{claim.source}``" if claim.source else "no report yet"
        if claim.source in pages:
            source += f", in :doc:`/{pages[claim.source]}`"
        is_there = {True: "yes", False: "**no**", None: ""}[is_in_source(claim, RESULTS)]
        rows.append([escaped(claim.quote), source, f"``{claim.script}``", is_there])
    header = ["quoted", "report", "made by", "stands there"]
    return list_table(header, rows) if rows else "No figures."


# --- a benchmark ----------------------------------------------------------------------------------


def reports_of(entry, record, output):
    """Reports and figures that are there, relative to the folder of all results."""
    folder, made = output / entry.folder, record.get("made")
    if made:
        paths = [folder / name for name in made["files"]]
    else:
        paths = [path for pattern in entry.files for path in sorted(folder.glob(pattern))]
    names = [str(path.relative_to(output)) for path in paths if path.is_file()]
    return [name for name in names if name.endswith((".rst", ".png", ".html"))]


def section(entry, record, output, *, prefix, pages, logs):
    """Title, command and facts, then links, tables and figures."""
    parts = [f".. _{label_of(entry)}:", heading(entry.name, "^"), f"{escaped(entry.measures)}."]
    made, last = record.get("made"), record.get("last")
    if made:
        parts.append(f"``{made['command']}``, {made['date']}.")
    elif last:
        parts.append(f"{state_of(record).capitalize()}.")
    if last and last["state"] == "failed":
        parts.append(failure(logs / entry.name / "log.txt"))
    names = reports_of(entry, record, output)
    if names and not made:
        parts.append(f"{BEFORE.capitalize()}.")
    parts += links([name for name in names if name in pages], pages)
    for name in names:
        if name not in pages:
            parts.append(shown(name, prefix))
    return "\n\n".join(part for part in parts if part)


def label_of(entry):
    """A report may have a heading like the entry's name."""
    return f"benchmark-{entry.name}"


def failure(log):
    """The end of a log."""
    if not log.is_file():
        return ""
    return literal("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]))


def links(names, pages):
    """A line for each page of the documentation that has some of the tables and figures."""
    by_page = {}
    for name in names:  # a dictionary keeps the order, and a table and its figure share a stem
        by_page.setdefault(pages[name], {})[f"``{Path(name).stem}``"] = None
    return [f"In :doc:`/{page}`: {', '.join(some)}." for page, some in by_page.items()]


def shown(name, prefix):
    if name.endswith(".rst"):
        return f".. include:: {prefix}{name}"
    if name.endswith(".html"):
        return (
            f"A page of its own: ``benchmarks/results/{name}``."
            if prefix
            else f"`{name} <{name}>`__"
        )
    return f".. figure:: {prefix}{name}\n   :alt: {name}\n   :width: 90%\n\n   ``{name}``"


def pages_of_docs(docs=DOCS):
    """Page of the documentation, without its ending, by the result that it includes."""
    pages = {}
    for path in sorted(docs.rglob("*.rst")):
        inside = path.relative_to(docs)
        if inside.parts[0] in BUILT or inside.stem == "benchmarks":
            continue
        for name in USED.findall(path.read_text(encoding="utf-8")):
            pages.setdefault(name, inside.with_suffix("").as_posix())
    return pages


# --- a page of its own ----------------------------------------------------------------------------


def write_html(summary):
    """The page beside its source; the source alone where docutils is not installed."""
    try:
        from docutils.core import publish_string
        from docutils.writers import get_writer_class
    except ImportError:
        return summary
    complaints = io.StringIO()
    html = publish_string(
        summary.read_text(encoding="utf-8"),
        source_path=str(summary),
        writer=get_writer_class("html5")(),
        settings_overrides={"output_encoding": "unicode", "warning_stream": complaints},
    )
    if complaints.getvalue():
        print(f"The page's source has errors:\n{complaints.getvalue()}")
    path = summary.with_name("index.html")
    path.write_text(html, encoding="utf-8")
    return path
