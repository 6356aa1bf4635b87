"""Configuration of the documentation: ``make docs``."""

import qsklearn

project = "qsklearn"
author = "The qsklearn developers"
copyright = "2026, The qsklearn developers"
release = version = qsklearn.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build", "generated/README*"]
autosummary_generate = True
numpydoc_show_class_members = False
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = "qsklearn"
html_show_sourcelink = False
# Docstrings inherited from scikit-learn refer to labels of its own documentation.
suppress_warnings = ["ref.ref"]
