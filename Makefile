# Every target sets up .venv by itself when it is missing or older than requirements.lock.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PYTHON ?= python3.11
TORCH := torch==2.13.0
STAMP := .venv/.installed
LOG := .venv/install.log
DATA ?= ../shared/data/coffee_orders
SPLIT ?= --split train=dmohazab/a --split val=dmohazab/b --split test=TheCamNelson
RECIPE ?= recipes/coffee_orders.yaml
TABLE ?= ../shared/data/fingerspelling/fingerspelling.parquet
TOKENS_RECIPE ?= recipes/fingerspelling.yaml
WORKLOAD ?= sign
MLFLOW_PORT ?= 5000
PREFECT_PORT ?= 4200
PIP := python -m pip --quiet --disable-pip-version-check --no-input install

.PHONY: help run test test-all real real-tokens results clone bench ui lint types gpu clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

run: $(STAMP)  ## synthetic data, the nine stages, a promoted model; only what changed runs again; WORKLOAD=name
	@python -m flows.pipeline "$(WORKLOAD)"

test: lint types  ## lint, types and the test suite without the slow tests
	@python -m pytest -n 2 --dist loadfile -m "not slow" tests

test-all: lint types  ## the same with the slow tests
	@python -m pytest -n 2 --dist loadfile tests

real: clone  ## sign on real clips, in a clone under build/real; DATA=dir SPLIT=options RECIPE=file
	@data=$$(realpath "$(DATA)") && recipe=$$(realpath "$(RECIPE)") && cd build/real && \
		python -m kinetrace import landmarks "$$data/words.parquet" --manifest "$$data/sentences.csv" \
			$(SPLIT) && \
		python -m kinetrace configure "$$recipe" && \
		python -m flows.pipeline sign && \
		python -m kinetrace metrics sign

real-tokens: clone  ## tokens on real clips, in the same clone; TABLE=file TOKENS_RECIPE=file
	@table=$$(realpath "$(TABLE)") && recipe=$$(realpath "$(TOKENS_RECIPE)") && cd build/real && \
		python -m kinetrace import landmarks "$$table" --workload tokens && \
		python -m kinetrace configure "$$recipe" && \
		python -m flows.pipeline tokens && \
		python -m kinetrace metrics tokens

results: $(STAMP)  ## what docs/results.md reports: hours of trainings on real clips, then the page
	@python -m experiments

clone: $(STAMP)
	@git diff --quiet HEAD || echo "note: build/real is a clone of the last commit; uncommitted changes are not in it"
	@mkdir -p build
	@if [ -d build/real/.git ]; then cd build/real && git fetch -q origin HEAD && git reset -q --hard FETCH_HEAD; \
		else git clone -q . build/real; fi

bench: $(STAMP)  ## ratios against named peers, measured in the same run
	@python -m bench

ui: $(STAMP)  ## MLflow and Prefect in the browser, on this workspace's databases
	@python -m flows.ui --mlflow $(MLFLOW_PORT) --prefect $(PREFECT_PORT)

lint: $(STAMP)  ## ruff: mistakes and format
	@ruff check . && ruff format --check .

types: $(STAMP)  ## mypy, strict
	@mypy

gpu: $(STAMP)  ## the tests that need a CUDA device
	@python -m pytest tests/gpu

clean:  ## remove the environment, caches and build folders; data, models and the registry stay
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info .kinetrace/cache

# torch stands apart from the lock: a build for CPU and one for CUDA differ in their hashes.
# The stamp comes last, so that an interrupted installation is repeated.
$(STAMP): requirements.lock
	@echo "setting up .venv (once, 2 to 4 minutes)"
	@rm -f $(STAMP); [ -x .venv/bin/python ] || $(PYTHON) -m venv --clear .venv
	@{ $(PIP) --no-deps --require-hashes -r requirements.lock && $(PIP) $(TORCH) && \
		$(PIP) --no-deps --no-build-isolation -e .; } > $(LOG) 2>&1 || \
		{ cat $(LOG) >&2; echo "setting up .venv failed: its messages are above; the same command tries again" >&2; exit 1; }
	@touch $(STAMP)
