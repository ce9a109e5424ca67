# Every target makes its own environment. Another interpreter: make test PYTHON=python3.13 VENV=.venv313
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n 2 --dist loadfile

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready

.DEFAULT_GOAL := help
.PHONY: help run demo test test-hass check format schema bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --constraint constraints.txt --editable '.[all,nats-server]' --group dev
	@touch $@

$(BENCH_READY): $(READY)
	$(PIP) install --constraint constraints.txt --group bench
	@touch $@

run: $(READY) ## run the example apps until Ctrl-C, with all they write below examples/data
	cd examples && $(abspath $(BIN))/duly run

demo: $(READY) ## show an embedded scheduler at work, about 20 seconds
	$(BIN)/python examples/embedded_demo.py

test: $(READY) ## run the tests; more examples: DULY_HYPOTHESIS_PROFILE=thorough
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-hass: $(READY) ## run the tests against a real Home Assistant, which the first call installs below ~/.cache
	$(BIN)/python -m pytest $(PYTEST_ARGS) tests/hass_core

check: $(READY) ## format, lint, types, layers, size limits, links in the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_source_limits.py tests/test_docs_links.py

format: $(READY) ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(READY) ## write the JSON Schemas of duly.toml and of files of schedules anew
	$(BIN)/python -m duly.config.schema
	$(BIN)/python -m duly.dispatch.models

bench: $(BENCH_READY) ## measure beside the peers
	$(BIN)/python -m benchmarks

clean: ## remove environments, caches and outputs
	rm -rf .venv* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis artifacts dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
