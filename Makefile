# Everything one does with this repository, by name. A fresh machine needs only make and Python >= 3.11.
# Each slow step leaves a stamp in .venv, so the second time is quick.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python setup`.
ifndef PYTHON
PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
endif

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
PIP := $(RUN) pip --disable-pip-version-check --quiet
LOCKS := requirements.lock requirements-build.lock requirements-dev.lock
KERNELS := $(wildcard connectors/*.py connectors/*/*.py detectors/*.py detectors/*/*.py rules/*.py pipeline/*/*.py)

UV_VERSION := 0.13.9

# What each lock is resolved from: the product alone, what builds its wheel, everything for work on it.
INPUT_requirements.lock := pyproject.toml
INPUT_requirements-build.lock := --group pyproject.toml:build
INPUT_requirements-dev.lock := pyproject.toml --extra demo --extra dev --constraints requirements.lock

.PHONY: help setup demo test check prove bench lock warm clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-7s %s\n", $$1, $$2}'

setup: $(VENV)/.stamp-warm  ## create .venv, install the locked packages and fengsui, compile the kernels

demo: setup  ## a simulated district with its broker, pipeline and live alarms, in this terminal
	$(BIN)/fengsui demo

test: setup  ## every quick test (REQUIRE_REAL=1: a missing server fails instead of being skipped)
	$(RUN) pytest

check: setup  ## format, lint, types, floors, domain packs, links in the documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/fengsui check gas pipeline fire water plant series --config deploy/fengsui/fengsui.yaml
	$(RUN) pytest --quiet tests/house/test_documents.py

prove: setup  ## the long proofs: kills, soaks, whole recordings
	$(RUN) pytest -m prove --timeout=3600

bench: setup  ## measure the claims of bench/README.md on this machine
	$(RUN) bench

lock: $(VENV)/.stamp-python  ## resolve the dependencies anew (make lock UPGRADE=--upgrade takes the newest)
	$(PIP) install 'uv==$(UV_VERSION)'
	@for lock in $(LOCKS); do $(MAKE) "lock-$$lock"; done

lock-%:
	$(BIN)/uv pip compile $(INPUT_$*) $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file $*

warm: $(VENV)/.stamp-install  ## compile the kernels again
	$(BIN)/fengsui warm
	@touch $(VENV)/.stamp-warm

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stamp-python:
	@test -n '$(PYTHON)' || { echo 'No Python >= 3.11 found; name one: make PYTHON=/path/to/python3.11 setup' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo '$(PYTHON) has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-requirements: requirements-dev.lock $(VENV)/.stamp-python
	@echo 'Installing the locked packages into $(VENV); this takes a minute or two the first time.'
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/.stamp-install: pyproject.toml $(VENV)/.stamp-requirements
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-warm: $(KERNELS) $(VENV)/.stamp-install
	$(BIN)/fengsui warm
	@touch $@
