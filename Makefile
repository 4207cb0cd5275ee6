# `make demo` runs the demo, `make test` the tests, `make serve` the service. `make help` lists all targets.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
# Processes that run the files of tests side by side: one for each core.
WORKERS ?= auto
PYTEST_DATA := $(if $(DATA),--data=$(abspath $(DATA)),)

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint types imports pytest install format openapi clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed  ## adapt to Spanish and Thai utterances, and Swahili questions
	@$(BIN)/xmetra demo

serve: $(VENV)/.installed  ## run the service until Ctrl-C
	@$(BIN)/xmetra up

test: check  ## everything CI runs

check: lint types imports pytest  ## lint, types, import contracts, tests

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

pytest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests -n $(WORKERS) --dist loadfile $(PYTEST_DATA)

format: $(VENV)/.installed-dev  ## fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(VENV)/.installed-dev  ## export the description of the API, and generate the client's models from it
	$(BIN)/python -m app.openapi_export > docs/reference/openapi.json.new
	mv docs/reference/openapi.json.new docs/reference/openapi.json
	$(BIN)/python client/generate_models.py

install: $(VENV)/.installed  ## install into .venv

clean:  ## remove .venv and the demo's data
	rm -rf $(VENV) .data

# Stamp files, renewed when their prerequisites change.
$(VENV)/.installed: requirements.txt build-constraints.txt pyproject.toml client/pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "xmetra needs Python 3.11: install it, or or set PYTHON: make PYTHON=python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (a few minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# learn2learn 0.2.0 builds on Python 3.11 only if its extensions are regenerated; its dependencies are
	@# for parts that xmetra does not use.
	PIP_CONSTRAINT=build-constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --use-pep517 --config-settings="--build-option=build_ext" learn2learn==0.2.0
	PIP_CONSTRAINT=build-constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --editable client --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-s3.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
