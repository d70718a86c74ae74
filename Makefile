# Every target sets up what it needs: a Python of at least 3.11, a virtual environment, the package itself.
# `make VENV=/somewhere/else test` uses another environment; `make PYTHON=python3.13 test` another interpreter.

VENV ?= .venv
PYTHON ?=
WORKERS ?= 2
CANDIDATES := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DELETE_ON_ERROR:
.PHONY: help demo test lint format bench fuzz clean python

help:
	@echo 'make demo    the whole story on sample data, in a temporary directory'
	@echo 'make test    lint, types, import contracts, and the tests with their coverage'
	@echo 'make lint    the first three of these'
	@echo 'make format  format the code and mend what ruff can mend'
	@echo 'make bench   the benchmarks, one after the other'
	@echo 'make fuzz    the slow tests and long searches that make test leaves out'
	@echo 'make clean   remove the virtual environment and what the tools left'

demo: $(VENV)/.installed
	@$(BIN)/gateway demo

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term

lint: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.installed-test
	@set -e; for file in $$(grep -l __main__ benchmarks/*.py); do \
	    name=$${file#benchmarks/}; echo "== $${name%.py}"; $(BIN)/python -m "benchmarks.$${name%.py}"; \
	done

fuzz: $(VENV)/.installed-test
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n $(WORKERS) -m 'fuzz or slow' --timeout=3600

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
	    .ruff_cache .schemathesis
	find gateway migrations tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Prints the interpreter that the virtual environment is made with.
python:
	@for candidate in $(CANDIDATES); do \
	    if "$$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "$$candidate"; exit 0; \
	    fi; \
	done; \
	echo 'Python 3.11 or newer with venv is needed (Debian: apt-get install python3 python3-venv)' >&2; exit 1

$(BIN)/python:
	@interpreter=$$($(MAKE) --no-print-directory --silent python) && echo "$$interpreter -> $(VENV)" && \
	    "$$interpreter" -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[test]'
	@touch $(VENV)/.installed $@
