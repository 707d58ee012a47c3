# The one door. Every target sets up `.venv` by itself on a machine with CPython 3.11, git, make and gcc.
#   make run    set up and open the terminal UI          make demo   the main job, headless, exits 0 when it held
#   make test   set up and pass the tests                make check  format, lint, types, tidy, unit, short simulation

PYTHON ?= python3.11
PYTHON := $(shell command -v $(PYTHON) || command -v python3)
BIN := .venv/bin

.PHONY: setup run demo test check format lint types tidy unit fuzz sim sim-long bench lock clean

setup: .venv/.runtime

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(f"neurond needs CPython 3.11 or newer; this is {sys.version.split()[0]}. Run: make PYTHON=/path/to/python3.11 setup") if sys.version_info < (3, 11) else None'
	@echo "neurond: making a virtual environment in .venv"
	@$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@echo "neurond: installing pinned packages (about 500 MB the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -rf .venv/lib/python3*/site-packages/trio-stubs  # of trio-typing: out of date, they hide trio's own types
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "neurond: installing pinned development packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

run: setup
	@$(BIN)/neurond

demo: setup
	@$(BIN)/neurond demo

# Whole networks of processes are tested one after another, since they have deadlines; all else on every core.
ALONE := tests/e2e tests/crash tests/netns tests/interop tests/conformance

test: .venv/.dev
	@$(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile tests $(addprefix --ignore=,$(ALONE))
	@$(BIN)/pytest -q $(ALONE)

check: lint types tidy unit sim

format: .venv/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: .venv/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/.dev
	@$(BIN)/mypy
	@$(BIN)/basedpyright

tidy: .venv/.dev
	@$(BIN)/pytest -q tests/tidy

unit: .venv/.dev
	@$(BIN)/pytest -q tests/unit

# 300 simulated hours of faults, 10 controls that must break; `sim-long` is the night's run (about three CPU-hours).
sim: .venv/.dev
	@$(BIN)/pytest -q tests/simulation
	@$(BIN)/python -m tests.simulation.long --hours 300 --controls 10 --traces 5

sim-long: .venv/.dev
	@$(BIN)/python -m tests.simulation.long --hours 10000 --controls 100 --traces 100 --jobs 2

.venv/.fuzz: requirements-fuzz.lock .venv/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-fuzz.lock
	@touch $@

# Every decoder of bytes from outside, FUZZ_SECONDS each, guided by coverage; what crashes one is kept in build/fuzz.
FUZZ_SECONDS ?= 10
fuzz: .venv/.fuzz
	@$(BIN)/python -m tests.fuzz.run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: .venv/.dev
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# Needs the `uv` command; writes versions and hashes for every platform, and no index address.
lock:
	@printf 'hatchling\neditables\n' > .venv/build.in
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links pyproject.toml .venv/build.in -o requirements.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra dev pyproject.toml .venv/build.in -c requirements.lock -o requirements-dev.lock

clean:
	@rm -rf .venv dist build
