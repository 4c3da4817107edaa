# Two commands do everything: `make run` and `make test`. The rest is for those who work on hatoba.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
DATA ?= data

.PHONY: run test check bench conformance docs crash faults simulate chaos cluster clean

run: $(VENV)/.installed
	HATOBA_DATA=$(DATA) $(BIN)/hatoba quickstart

test: $(VENV)/.installed-dev
	$(PYTEST) -n 2 $(PYTEST_ARGS)
	$(MAKE) --no-print-directory check

check: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests tools bench
	$(BIN)/ruff format --check src tests tools bench
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python tools/sizes.py
	$(BIN)/python tools/rfc.py --quiet
	$(BIN)/python tools/changelog.py --check
	$(BIN)/python -m hatoba.app.reference --check docs/settings.md docs/cli.md

# Against Debian's Postfix and Dovecot on this machine, as root: BENCH_ARGS="--sizes 10 --rounds 5",
# MAILBENCH_ARGS="--meters lmtp,fetch"
bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench.run $(BENCH_ARGS)
	$(BIN)/python -m bench.signatures
	$(BIN)/python -m bench.search
	$(BIN)/python -m bench.mailboxes $(MAILBENCH_ARGS)

# 50 rounds of kill -9 under load; the tests run a short form of it
crash: $(VENV)/.installed-dev
	HATOBA_CRASH_ROUNDS=$${HATOBA_CRASH_ROUNDS:-50} $(PYTEST) tests/crash $(PYTEST_ARGS)

# Every test of several nodes, those that take minutes too
cluster: $(VENV)/.installed-dev
	$(PYTEST) tests/cluster tests/story/test_rolling_restart.py -m "long or not long" $(PYTEST_ARGS)

# Three nodes on one PostgreSQL database, killed at random under load: CHAOS_ARGS="--letters 20000 --minutes 10"
chaos: $(VENV)/.installed-dev
	$(BIN)/python -m tests.cluster.chaos $(CHAOS_ARGS)

# Histories of the queue under simulated time, disk and hosts, with fresh seeds, for HATOBA_SIM_MINUTES (5)
simulate: $(VENV)/.installed-dev
	PYTHONPATH=src $(BIN)/python -m tests.simulation $(SIMULATE_ARGS)

# Power cuts, failing disks, clocks, peers and a million letters, with their figures (docs/reliability.md); as root:
# some mount file systems of their own. HATOBA_FAULTS_SEED repeats a history; the tests run a short form of all
faults: $(VENV)/.installed-dev
	HATOBA_FAULTS=long $(PYTEST) -s tests/faults $(PYTEST_ARGS)

conformance: $(VENV)/.installed-dev
	$(BIN)/python tools/conformance.py $(CONFORMANCE_ARGS)

docs: $(VENV)/.installed-dev
	$(BIN)/python -m hatoba.app.reference docs/settings.md docs/cli.md

$(VENV)/bin/python:
	sh tools/venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
