# Every target sets up what it needs: a virtual environment beside the sources, nothing else, no root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := $(shell find sniperforge -name '*.c' -o -name '*.h') pyproject.toml constraints.txt setup.py

.PHONY: demo test check fmt lint types house cover fuzz bench binary setup clean

setup: $(STAMP)

$(STAMP): $(SOURCES)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/sniperforge demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: fmt lint types house test

fmt: setup
	$(BIN)/ruff format --check .

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

house: setup
	$(BIN)/lint-imports

cover: setup
	$(BIN)/python scripts/cover.py

fuzz: setup
	$(BIN)/python scripts/fuzz.py

bench: setup
	$(BIN)/sniperforge bench decide
	$(BIN)/sniperforge bench path
	$(BIN)/sniperforge bench ring

binary: setup
	$(BIN)/python scripts/build_binary.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find sniperforge/shm -name '*.so' -delete
