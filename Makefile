# Every job of the project; `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?= ../shared/data
OUT    ?= demo-report
export DATA

.DEFAULT_GOAL := help
.PHONY: help demo test check conformance validate bench docs system

help:  ## List the jobs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/.run: pyproject.toml  # what running needs
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[pdf]'
	@touch $@

$(VENV)/.test: pyproject.toml  # what the tests need, a browser included
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[develop]'
	@sh curation/system_packages.sh
	@touch $(VENV)/.run $@

demo: $(VENV)/.run  ## Install, report on the example patient, say where the report is
	@sh curation/system_packages.sh pdf
	@$(BIN)/sartor report examples/patient --out $(OUT) --knowledge dpwg=packs/dpwg --pdf
	@echo "Open $(abspath $(OUT))/report.html in a browser."

test: $(VENV)/.test check  ## Everything that must hold: lint, types, layers, tests (needs nothing outside the repository)
	@$(BIN)/python -m pytest

check: $(VENV)/.test  ## Lint, format, types (no cache), layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --no-incremental
	@$(BIN)/lint-imports --no-cache

conformance: $(VENV)/.test  ## The quick part of validation/, on $(DATA)
	@$(BIN)/python validation/run.py --quick

validate: $(VENV)/.test  ## The whole of validation/, on $(DATA); long
	@$(BIN)/python validation/run.py

bench: $(VENV)/.test  ## Every benchmark, side by side with its peer; long
	@$(BIN)/python benchmarks/run.py

docs: $(VENV)/.run  ## Write the generated parts of docs/reference
	@$(BIN)/python docs/generate.py
