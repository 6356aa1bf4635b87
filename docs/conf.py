"""Configuration of the documentation: ``make docs``."""

import os
import re
import sys
import warnings
from pathlib import Path

# Pictures and examples must not depend on how many threads the machine that builds them has.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.exceptions import ConvergenceWarning
from sphinx.errors import ExtensionError

import qsklearn

matplotlib.use("agg")
sys.path.insert(0, str(Path(__file__).parent))  # for gallery.py
# Examples are short so that readers can run them, and stop before convergence.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

project = "qsklearn"
author = "The qsklearn developers"
copyright = "2026, The qsklearn developers"
release = version = qsklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "generated/README*", "examples", "pictures", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
highlight_language = "python3"

# The API's pages.
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say the types, with shapes
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# Links. `sklearn` and `dimod` are links to pages outside, so that a build needs no network.
nitpicky = True
_OTHERS = "dimod|dwave|joblib|matplotlib|networkx|np|numpy|pandas|qiskit|scipy|sklearn|torch"
nitpick_ignore_regex = [(r"py:.*", rf"({_OTHERS})\b.*")]
extlinks = {
    "sklearn": ("https://scikit-learn.org/stable/modules/generated/%s.html", "%s"),
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
    "doi": ("https://doi.org/%s", "doi:%s"),
}
# Docstrings inherited from scikit-learn refer to labels of its own documentation.
suppress_warnings = ["ref.ref"]
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False  # many sites make their anchors by scripts
linkcheck_allowed_redirects = {r"https://doi\.org/.*": r".*"}

# Pictures of the chapters: `.. plot:: pictures/NAME.py`, from this folder in any page.
plot_basedir = None
plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = ["svg", ("png", 200)]
plot_rcparams = {"savefig.bbox": "tight", "font.size": 10, "svg.hashsalt": "qsklearn"}
plot_apply_rcparams = True

# The gallery: `examples/plot_*.py` run, and what they print and draw goes to `auto_examples`.
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib",),
    "image_scrapers": ("gallery.scrape_figures",),
    "ignore_repr_types": r"matplotlib\.figure",
    "image_srcset": ["2x"],
    "capture_repr": ("_repr_html_", "__repr__"),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 5,
    "download_all_examples": False,
    "write_computation_times": False,
    "doc_module": ("qsklearn",),
    "reference_url": {"qsklearn": None},
    "backreferences_dir": "auto_examples/backreferences",
    # Not every public name is in an example.
    "log_level": {"backreference_missing": "info"},
}

# Prompts are not copied, and neither is what a command prints.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"qsklearn {release}"
html_static_path = ["_static"]
html_css_files = ["qsklearn.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": f"qsklearn {release}"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "show_nav_level": 1,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
# Pages without pages below them need no empty sidebar.
html_sidebars = {
    name: []
    for name in (
        "index",
        "quick_start",
        "comparison",
        "benchmarks",
        "glossary",
        "design",
        "changelog",
    )
}


def add_changelog(app, docname, source):
    """The page `changelog` is CHANGELOG.md: its headings, lists and code as reStructuredText."""
    if docname != "changelog":
        return
    file = Path(app.srcdir).parent / "CHANGELOG.md"
    app.env.note_dependency(file)
    body = file.read_text(encoding="utf-8").partition("# Changelog")[2]
    body = re.sub(r"`([^`\n]+)`", r"``\1``", body)
    source[0] += re.sub(r"^## (.+)$", underline, body, flags=re.MULTILINE)


def underline(match):
    """A heading of the second level."""
    return f"{match[1]}\n{'-' * len(match[1])}"


def skip_routing(app, what, name, thing, skip, options):
    """scikit-learn gives these methods to every estimator, and documents them itself."""
    return skip or bool(re.fullmatch(r"set_\w+_request|get_metadata_routing", name))


def escape_stars(app, what, name, thing, options, lines):
    """A shape such as (n_samples, *input_shape) is no emphasis."""
    lines[:] = [re.sub(r", \*(\w+)\)", r", \\*\1)", line) for line in lines]


def mathml(node, as_block):
    """A formula in the browsers' own markup, which needs no script from the network."""
    formula = node.astext().replace(r"\dots", r"\ldots")
    # Between a function and its argument the converter leaves no space.
    formula = re.sub(r"\\(log|exp|tanh|sin|cos|arcsin)\s+(?=[A-Za-z\\])", r"\\\1\\, ", formula)
    # The converter wants to know which side of a formula a large bracket stands on.
    formula = re.sub(r"\\([bB]igg?)\s*([(\[])", r"\\\1l\2", formula)
    formula = re.sub(r"\\([bB]igg?)\s*([)\]])", r"\\\1r\2", formula)
    try:
        return tex2mathml(formula, as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{error} in the formula {node.astext()!r}") from error


def visit_math(writer, node):
    """A formula within a sentence."""
    writer.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_math_block(writer, node):
    """A formula on lines of its own."""
    writer.body.append(f'<div class="math">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def remove_gone_examples(app):
    """Pages of examples that are gone or renamed would stay in the gallery's folder."""
    gallery, examples = (Path(app.srcdir) / name for name in ("auto_examples", "examples"))
    for page in gallery.rglob("plot_*.rst"):
        if not (examples / page.relative_to(gallery).with_suffix(".py")).exists():
            page.unlink()


def setup(app):
    """Called by Sphinx."""
    remove_gone_examples(app)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("autodoc-process-docstring", escape_stars)
    app.connect("autodoc-skip-member", skip_routing)
    app.connect("source-read", add_changelog)
