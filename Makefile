# Two commands for a newcomer: `make demo` and `make test`. Each prepares .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-slow lint docs dist clean help

help:
	@echo "make demo       compare the sampled MLP with its classical twin; writes demo/"
	@echo "make test       run the tests"
	@echo "make test-slow  run the tests that take minutes"
	@echo "make lint       ruff and mypy"
	@echo "make docs       build the documentation"
	@echo "make dist       build the sdist and the wheel"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "qsklearn needs Python 3.11 or later, and this is %d.%d. Name another one: make PYTHON=python3.12 demo" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

# 10 reads and 40 passes over the data: enough for digits, and under three minutes on 2 cores.
demo: $(INSTALLED)
	$(BIN)/qsklearn compare --data digits --sampler exact,gibbs,annealing --param num_reads=10 --param max_iter=40 --n-jobs 2 --output demo --overwrite

test: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

dist: $(INSTALLED)
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) demo dist docs/_build .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
