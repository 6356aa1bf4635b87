"""What of the documentation is no test: code that its build runs, and what the build makes."""

# A doctest run imports every Python file that it finds, and to import an example is to run it.
collect_ignore_glob = [
    "conf.py",
    "gallery.py",
    "examples/*",
    "pictures/*",
    "auto_examples/*",
    "generated/*",
    "_build/*",
]
