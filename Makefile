# Everything a developer or CI types. `make demo` and `make test` need Python >= 3.11, make and git, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 6
SEEDS ?= 20
MARKS ?= not soak and not ci
# Hundreds of interpreters are started here: each must find its modules compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test again ci bench simulate mutants fuzz check lint types contracts peers screenshots cov soak load wheel clean

help: ## These targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort | expand -t 14

setup: $(READY) ## The virtual environment with everything pinned

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "wsmon needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "This Python cannot make virtual environments. Install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade -c constraints.txt pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@$(BIN)/python -m compileall -q wsmon tui
	@touch $@

demo: setup ## The live TUI over real running work
	@$(BIN)/wsmon demo

peers: setup ## The wire peers for DynamoDB, as far as they can be had here
	@$(BIN)/python -m tests.peers --install

test: setup peers ## The whole suite, in under 3 minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "$(MARKS)"

again: setup peers ## What failed in the last run, once more and alone
	$(BIN)/python -m pytest -n 0 -m "$(MARKS)" --last-failed --last-failed-no-failures none

check: lint types contracts ## What needs no test run

lint: setup ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Types
	$(BIN)/mypy

contracts: setup ## Who may import whom
	$(BIN)/lint-imports

cov: setup peers ## Branches of domain and services that no test takes
	$(BIN)/coverage erase
	WSMON_TESTS_COLD=1 $(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: setup peers ## Ratios and counts, side by side
	$(BIN)/python -m tests.bench

simulate: setup ## SEEDS=N of the services on virtual time, under every fault; SEED=S for one again
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

mutants: setup ## Deliberate breakages of the core, each caught by the simulation
	$(BIN)/python -m tests.simulation.mutants

soak: setup peers ## The full figures
	WSMON_NOTIFY_FAILURES=500 WSMON_RACE_ROUNDS=1000 WSMON_WIRE_ROUNDS=1000 $(BIN)/python -m pytest -n 0 -m "" tests/race tests/storm tests/channels tests/wire --timeout 1800
	WSMON_PLAN_EXAMPLES=2000 WSMON_POOL_WORKSETS=1000 WSMON_S3_FOLDERS=2000 WSMON_SSH_WORKSETS=20 WSMON_SSH_CUT_SECONDS=20 \
		$(BIN)/python -m pytest -n 0 -m "" tests/scheduling tests/s3 tests/ssh tests/pool --timeout 1800
	WSMON_API_CASES=150 WSMON_API_CLIENTS=200 WSMON_API_SECONDS=60 WSMON_REGISTER_LINES=10000 \
		$(BIN)/python -m pytest -n 0 -m "" tests/api/test_schema.py tests/api/test_crowd.py tests/cli/test_killed.py --timeout 3600

load: setup peers ## Everybody on one store at once; LOAD=--full for the full figure
	$(BIN)/python -m tests.load $(LOAD)

fuzz: setup ## 10,000 cases of whatever may come in
	WSMON_FUZZ_CASES=10000 $(BIN)/python -m pytest -n $(WORKERS) tests/fuzz --timeout 3600

screenshots: setup ## The pictures of the README and docs
	$(BIN)/python -m tests.tui.screenshots

wheel: setup ## Build the wheel and try it in an empty environment, from another folder
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .
	$(BIN)/python -m tests.project.try_wheel dist

# A test that waits for real processes may miss its time in a crowd on a small machine: then it must pass alone. Both runs
# are printed, and what fails alone fails.
ci: export WSMON_REQUIRE_PEERS = 1
ci: CI_FIGURES := WSMON_TESTS_COLD=1 WSMON_SCENES=all WSMON_PLAN_EXAMPLES=200 WSMON_RACE_ROUNDS=300 WSMON_API_CASES=20 \
	WSMON_STORM_WORKSETS=30 WSMON_WIRE_ROUNDS=150
ci: ## What CI runs
	$(MAKE) check
	$(MAKE) peers
	$(MAKE) wheel
	$(CI_FIGURES) $(MAKE) test MARKS="not soak" || $(CI_FIGURES) $(MAKE) again MARKS="not soak"
	$(MAKE) simulate SEEDS=200
	$(MAKE) mutants

clean: ## Everything that was made
	rm -rf $(VENV) .peers dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
