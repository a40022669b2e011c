# Two commands set everything up on a machine with Python 3.11, make and a package index: `make demo`, `make test`.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test test-all check format clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip -c constraints.txt
	# torch first and pinned: a newer one would pull several gigabytes of GPU libraries.
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e '.[offline]'
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet -c constraints.txt --group test
	touch $@

.venv/installed-check: .venv/installed-test
	$(BIN)/pip install --quiet -c constraints.txt --group check
	touch $@

demo: .venv/installed
	$(BIN)/unfreeze compare --model minilm --data sample:emotion --seeds 1 --output demo --overwrite

test: .venv/installed-test
	$(BIN)/python -m pytest -q

test-all: .venv/installed-test
	$(BIN)/python -m pytest -q -m "slow or not slow"

check: .venv/installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv demo
