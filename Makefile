# xmetra: `make demo` shows it, `make test` checks it, `make serve` runs it. `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
PYTEST_DATA := $(if $(DATA),--data=$(abspath $(DATA)),)

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint types imports pytest install format clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed  ## learn Spanish and Thai utterances, and Swahili questions
	@$(BIN)/xmetra demo

serve: $(VENV)/.installed  ## run the same stack and keep it running
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
	$(BIN)/python -m pytest tests $(PYTEST_DATA)

format: $(VENV)/.installed-dev  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed  ## .venv with all that runs

clean:  ## remove .venv and the demo's data
	rm -rf $(VENV) .data

# Each stamp is renewed when what it stands for changes.
$(VENV)/.installed: requirements.txt build-constraints.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "xmetra needs Python 3.11: install it, or name yours: make PYTHON=python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (a few minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# learn2learn 0.2.0 builds on Python 3.11 only when its extensions are generated anew, and the
	@# packages it names are for parts that xmetra does not use.
	PIP_CONSTRAINT=build-constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --use-pep517 --config-settings="--build-option=build_ext" learn2learn==0.2.0
	PIP_CONSTRAINT=build-constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-s3.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
