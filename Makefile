# Thin: each target is one line that a person could type. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
ARGS ?=
ONLY ?=
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export SQUAWK_DISABLE_UPDATE_CHECK := 1

SOURCES := src tests tools examples
GENERATORS = $(or $(sort $(wildcard tools/generate_*.py)),$(error no generator found))
MIGRATIONS := src/central/adapters/postgres/migrations
PYTEST := $(BIN)/python -m pytest

.PHONY: help demo demo-messages up test check lint types imports migrations generated rules unit acceptance bench bench-pacing soak lock docs fix clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 14

# -------------------------------------------------------------------------------------------------------- set-up
.venv/.central-runtime: requirements/runtime.txt requirements/uv.txt pyproject.toml
	@tools/make_venv.sh runtime
.venv/.central-dev: requirements/dev.txt requirements/uv.txt pyproject.toml
	@tools/make_venv.sh dev
.PHONY: system farends judges
system:
	@tools/install_system.sh
farends: .venv/.central-runtime  # into the cache folder, outside of the checkout; nothing is done twice
	@$(BIN)/python -m examples.carrier install
judges: farends .venv/.central-dev
	@$(BIN)/python -m tests.far_ends.judges

# ----------------------------------------------------------------------------------------------------------- run
demo: .venv/.central-runtime system  ## a thousand contacts called on this machine (ARGS=--exit ends after the report)
	@$(BIN)/python -m examples.demo $(ARGS)
demo-messages: .venv/.central-runtime system farends  ## 2,000 SMS and 2,000 e-mails over a real SMSC and a real Postfix
	@$(BIN)/python -m examples.demo.messages $(ARGS)
up: .venv/.central-runtime system  ## everything on this machine, in the foreground
	@$(BIN)/central voice install
	@$(BIN)/central up $(ARGS)

# ---------------------------------------------------------------------------------------------------------- test
test: check system judges  ## every check and every test: what CI runs
	$(PYTEST) --durations=15 $(ARGS)
unit: .venv/.central-dev  ## the quick half: unit and property tests, cases of flows
	$(PYTEST) -q -n 2 tests/unit tests/property tests/cases/flows $(ARGS)
acceptance: .venv/.central-dev system judges  ## real calls through the API; writes build/status-atlas.json
	$(PYTEST) tests/acceptance $(ARGS)
soak: .venv/.central-dev system judges  ## 200 seeds of kills under load
	CENTRAL_TEST_SEEDS=200 $(PYTEST) tests/resilience --timeout=3600 $(ARGS)
bench: .venv/.central-dev system judges  ## ratios against bare tools; writes build/bench.json (ONLY=id,id)
	@$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY)) $(ARGS)
bench-pacing: .venv/.central-dev  ## the predictive dialer against its rivals, simulated (FULL=1 plays the rival's grid anew)
	@$(BIN)/python -m tests.benchmarks.pacing $(if $(FULL),--full) $(ARGS)

# --------------------------------------------------------------------------------------------------------- check
check: lint types imports migrations generated rules  ## everything that needs no run of the product
lint: .venv/.central-dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
types: .venv/.central-dev
	$(BIN)/mypy --no-error-summary src tests tools $(if $(shell find examples -name "*.py"),examples)
	$(BIN)/pyright --warnings
imports: .venv/.central-dev
	$(BIN)/lint-imports --no-cache
migrations: .venv/.central-dev
	$(BIN)/squawk --config .squawk.toml $(MIGRATIONS)/*.sql
generated: .venv/.central-dev
	@for one in $(GENERATORS); do echo "$$one --check"; $(BIN)/python "$$one" --check; done
rules: .venv/.central-dev
	$(BIN)/python -m tools.lint_paths
	$(BIN)/python -m tools.lint_shape
	$(BIN)/python -m tools.lint_statuses
	$(BIN)/python -m tools.lint_tenancy

# ---------------------------------------------------------------------------------------------------------- mend
fix: .venv/.central-dev  ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
docs: .venv/.central-dev  ## write the generated files anew
	@for one in $(GENERATORS); do echo "$$one"; $(BIN)/python "$$one"; done
LOCK = $(BIN)/uv --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
lock: .venv/.central-dev  ## compile the lock files from pyproject.toml (UPGRADE=1 takes newer versions)
	$(LOCK) pyproject.toml --extra embedded --group build -o requirements/runtime.txt
	$(LOCK) pyproject.toml --extra embedded --extra s3 --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) --group pyproject.toml:lock -o requirements/uv.txt
	$(LOCK) --group pyproject.toml:jasmin -o requirements/jasmin.txt
clean:  ## remove caches and build results; data in var/ stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
