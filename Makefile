# Two commands for a newcomer: `make demo` and `make test`. Each prepares .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOWEST := .venv-lowest
AUDIT := .venv-audit

.PHONY: demo test test-slow test-lowest coverage audit bench bench-full lint docs docs-links docs-links-outside docs-tools dist clean help

help:
	@echo "make demo       compare the sampled MLP with its classical twin; writes demo/"
	@echo "make test       run the tests"
	@echo "make test-slow  run the tests that take minutes"
	@echo "make test-lowest  run them with the lowest versions of all that qsklearn needs"
	@echo "make coverage   run them under coverage.py; writes a page of what they miss"
	@echo "make audit      ask PyPI for known vulnerabilities of what is installed"
	@echo "make bench      run the benchmarks, small: half an hour; writes a page of results"
	@echo "make bench-full run them in the documentation's sizes: some eight hours"
	@echo "make lint       ruff and mypy"
	@echo "make docs       build the documentation, which runs the gallery's examples"
	@echo "make docs-links check the documentation's links to itself"
	@echo "make docs-links-outside  check its links to other sites, which needs a network"
	@echo "make dist       build the sdist and the wheel"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "qsklearn needs Python 3.11 or later, and this is %d.%d. Name another one: make PYTHON=python3.12 demo" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

# 10 reads, 40 passes over the data and no ablations: enough for digits, and a few minutes on 2 cores.
demo: $(INSTALLED)
	$(BIN)/qsklearn compare --data digits --sampler exact,gibbs,annealing --controls twins --param num_reads=10 --param max_iter=40 --n-jobs 2 --output demo --overwrite

test: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

$(LOWEST)/.installed: pyproject.toml constraints.txt tools/lowest.py
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) tools/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt --editable ".[dev]"
	@touch $@

# Old packages use what newer ones deprecate. Kernels have a cache of their own, since another numba
# would discard the one beside them; it is empty at first, as numba does not see what kernels share.
test-lowest: $(LOWEST)/.installed
	rm -rf $(LOWEST)/numba
	NUMBA_CACHE_DIR=$(CURDIR)/$(LOWEST)/numba $(LOWEST)/bin/python -m pytest -m "not slow" -n 2 --dist loadfile -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning

coverage: $(INSTALLED)
	$(BIN)/python benchmarks/missed_lines.py

$(AUDIT)/.installed:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@touch $@

# PyPI knows PyTorch's CPU build by its version alone. Strict, so that a version about which the
# service says nothing fails rather than passes.
audit: $(INSTALLED) $(AUDIT)/.installed
	$(BIN)/python -m pip freeze --all --exclude-editable | sed 's/+cpu$$//' > $(AUDIT)/audited.txt
	$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement $(AUDIT)/audited.txt

# Data sets that some of them need: QSKLEARN_BENCHMARK_DATA=FOLDER make bench
bench: $(INSTALLED)
	$(BIN)/python benchmarks/run.py --keep-going

bench-full: $(INSTALLED)
	$(BIN)/python benchmarks/run.py --full --keep-going

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs-tools: $(INSTALLED)
	@$(BIN)/python -c 'import numpydoc, pydata_sphinx_theme, sphinx_copybutton, sphinx_gallery' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"

# Pages of names that are gone would stay behind in docs/generated.
docs: docs-tools
	rm -rf docs/generated
	$(BIN)/python -m sphinx -W -n -b html docs docs/_build/html

# The gallery's examples are not run, so that this says of links alone whether they lead somewhere.
docs-links: docs-tools
	$(BIN)/python -m sphinx -W -n -b dummy -D plot_gallery=0 -d docs/_build/doctrees-links docs docs/_build/links

docs-links-outside: docs-tools
	$(BIN)/python -m sphinx -b linkcheck -D plot_gallery=0 -d docs/_build/doctrees-links docs docs/_build/linkcheck

dist: $(INSTALLED)
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) $(LOWEST) $(AUDIT) .coverage* coverage.json demo dist benchmarks/results/short docs/_build docs/generated docs/auto_examples .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
