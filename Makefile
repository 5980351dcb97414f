# make run: the whole pipeline; make test: the tests; make lint: the checks; make audit: those of security;
# make bench: the benchmarks;
# make tables: those of docs/results.md; make chaos: kill -9 of a live desk at 500 random points, on paper and by FIX,
# 200 with two brokers and a router, 200 with its journal in PostgreSQL, and 30 times while it follows a venue's stream.
# Each sets up .venv first, make bench also .bench for the peers.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
PEERS := .bench
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock

.PHONY: run test lint audit bench tables chaos

run: $(VENV)/run.stamp
	$(BIN)/hedge run spx-daily

test: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile  # a core for each worker

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/lint.stamp
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml pipeline flows
	$(BIN)/python .ci/audit.py

chaos: $(VENV)/test.stamp
	$(BIN)/python -m tests.live.chaos 500
	$(BIN)/python -m tests.live.chaos 500 --kind routed
	$(BIN)/python -m tests.live.chaos 200 --postgres
	$(BIN)/python -m tests.live.fix.chaos 500
	$(BIN)/python -m tests.live.fix.chaos 200 --routed
	STREAM_KILLS=30 $(BIN)/python -m pytest -q -p no:cacheprovider tests/live/test_killed_desk.py

bench: $(VENV)/bench.stamp $(PEERS)/stamp
	$(BIN)/python -m benchmarks.run $(BENCH)

tables: $(VENV)/bench.stamp $(PEERS)/stamp
	$(BIN)/hedge map
	-$(BIN)/python -m benchmarks.run optimum deep_hedging deep_regimes deep_heston deep_lookback deep_frictions \
		deep_history deep_guarantee deep_quotes deep_traps deep_speed reinforcement agent_traps
	$(BIN)/python docs/refresh_results.py

$(VENV)/run.stamp: EXTRAS :=
$(VENV)/test.stamp: EXTRAS := [test]
$(VENV)/lint.stamp: EXTRAS := [test,lint]
$(VENV)/bench.stamp: EXTRAS := [dask,databento,deep,rl]
$(VENV)/%.stamp: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes a few minutes"
	$(INSTALL) -e ".$(EXTRAS)"
	@touch $@

$(PEERS)/stamp: benchmarks/peers.txt benchmarks/peers-without-dependencies.txt | $(BIN)/python
	@echo "Installing the benchmarks' peers into $(PEERS); torch is large"
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		-r benchmarks/peers-without-dependencies.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "regime-hedge needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
