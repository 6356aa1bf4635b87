"""HTML of a page that stands alone: inline style, no network, for phones, paper and one colour."""

from __future__ import annotations

import errno
from html import escape

from qsklearn._checks import check_flag, check_instance, check_path
from qsklearn._files import replace_file

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff;
       max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.3rem; margin-top: 2.2rem; }
h3 { font-size: 1.1rem; margin-top: 1.8rem; }
h1, h2, h3, li { overflow-wrap: anywhere; }
a { color: #111; }
nav ul { padding-left: 1.2rem; } nav li { padding: .25rem 0; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid #ccc; text-align: right;
         vertical-align: top; }
th { border-bottom: 2px solid #111; }
th:first-child, td:first-child { text-align: left; min-width: 8rem; overflow-wrap: break-word;
                                 position: sticky; left: 0; background: #fff; }
th.text, td.text { text-align: left; }
td.text { overflow-wrap: anywhere; min-width: 14rem; }
td.number { white-space: nowrap; }
img { max-width: 100%; height: auto; }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; white-space: pre-wrap;
      overflow-wrap: anywhere; }
.note { color: #444; font-size: .9rem; overflow-wrap: anywhere; }
.error { color: #111; border-left: 4px solid #b00; padding-left: .7rem; overflow-wrap: anywhere; }
@media screen and (max-width: 40rem) {
  .scroll { overflow: visible; }
  table, tbody, tr { display: block; } thead { display: none; }
  tr { border: 1px solid #767676; border-radius: .3rem; padding: .4rem .7rem; margin: .7rem 0; }
  td, td.number, td.text { display: flow-root; padding: .2rem 0 .2rem 8.6rem; border: 0;
                           min-width: 0; text-align: left; white-space: normal;
                           overflow-wrap: anywhere; }
  td::before { content: attr(data-label); float: left; width: 8.2rem; margin-left: -8.6rem;
               color: #444; font-size: .9rem; }
  td:first-child { position: static; padding-left: 0; font-weight: bold; }
  td.text { padding-left: 0; } td:empty { display: none; }
  td:first-child::before, td.text::before { float: none; display: block; width: auto; margin: 0;
                                            font-weight: normal; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, h3 { break-after: avoid; } tr, img { break-inside: avoid; }
  .scroll { overflow: visible; } table { font-size: 7.5pt; }
  th, td { padding: .2rem .35rem; }
  td.text { min-width: 0; } td.number { white-space: normal; }
  th:first-child, td:first-child { min-width: 0; position: static; }
}
"""

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


def write_page(path, title, body, overwrite):
    """Write a page, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    title : str
    body : function without parameters
        Gives the HTML; called once it is known that the page may be written.
    overwrite : bool

    Returns
    -------
    path : pathlib.Path
    """
    path = check_path(path, "path", "a page")
    check_instance(title, str, "title", "a page")
    check_flag(overwrite, "overwrite", "a page")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(path.parent)!r} does not exist. Make it first.")
    if path.is_dir():
        reason = "This is a folder. Give the name of a file, in it or elsewhere"
        raise IsADirectoryError(errno.EISDIR, reason, str(path))
    if path.exists() and not overwrite:
        raise FileExistsError(f"The file {str(path)!r} exists. Pass overwrite=True to replace it.")
    page = _PAGE.format(title=escape(title), style=_STYLE, body=body())
    replace_file(path, [page.encode()])
    return path


def section(heading, *parts, level=2, anchor=None, kind=None):
    """A heading with what belongs to it; its class is `kind`."""
    attributes = f' id="{anchor}"' if anchor else ""
    attributes += f' class="{kind}"' if kind else ""
    inside = "\n".join(parts)
    return f"<section{attributes}>\n<h{level}>{escape(heading)}</h{level}>\n{inside}\n</section>"


def contents(headings):
    """Links to anchors, by anchor."""
    items = "\n".join(
        f'<li><a href="#{anchor}">{escape(heading)}</a></li>'
        for anchor, heading in headings.items()
    )
    return f'<nav aria-label="Contents">\n<ul>\n{items}\n</ul>\n</nav>'


def table(header, rows, text_columns=()):
    """A table whose rows are cards where the screen is narrow; line breaks stay."""

    def cell(tag, j, value):
        kind = "text" if j in text_columns else "number" if j and tag == "td" else ""
        attributes = f' class="{kind}"' if kind else ""
        if tag == "td":
            attributes += f' data-label="{escape(str(header[j]))}"'
        return f"<{tag}{attributes}>{escape(str(value)).replace(chr(10), '<br>')}</{tag}>"

    head = "".join(cell("th", j, name) for j, name in enumerate(header))
    body = "\n".join(
        "<tr>" + "".join(cell("td", j, value) for j, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def note(text):
    """A paragraph in small type."""
    return f'<p class="note">{escape(text)}</p>'
