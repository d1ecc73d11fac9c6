# Needs python3 (3.10 or later, with the venv module) and make; everything else is installed here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Where fal's fixed directory has to be this machine's, whatever runs beside an app in it goes there, too.
ALONE := $(shell unshare --mount true 2>/dev/null || echo tests/loopback tests/test_remote.py)
# Files side by side, two on each core, in the order that tests/spreading.py gives them.
# A test that is stuck ends its process (see pyproject.toml), and is not begun again for ever.
PYTEST = $(BIN)/python -m pytest -n auto --no-loadscope-reorder --max-worker-restart 1 $(ALONE:%=--ignore=%)
# What fails beside other tests is run once more by itself, in one process.
AGAIN = $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m "long or not long"

# Each of the many Pythons that the tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# What runs in the model's own Python, and the names of newer ones that it looks for before using them.
IN_THE_MODEL := $(addprefix src/cogfal/,__init__.py errors.py fal_errors.py spec.py cog guest)
GUARDED := importlib.metadata typing.Final typing.TypeAlias sys.unraisablehook

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "$(PYTHON) is older than 3.10; name a newer one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo "$(PYTHON) lacks the venv module; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"

$(VENV)/complete: $(UV) pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --editable . --group test --group check --group docs
	@touch $@

environment: $(VENV)/complete  ## create .venv with cogfal and the tools

system-packages:  ## install Chromium and its driver, for the browser tests, where they are missing
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq chromium chromium-driver; } \
	  || echo "Chromium could not be installed; the browser tests will be skipped."; \
	else \
	  echo "Chromium is missing; the browser tests will be skipped. As root: make system-packages"; \
	fi

lint: environment  ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --quiet --no-tips --target=3.7- --violations $(GUARDED:%=--exclude %) $(IN_THE_MODEL)

test: environment system-packages  ## everything that has to pass
	$(MAKE) --no-print-directory --jobs 2 lint pytest

test-all: environment system-packages  ## everything, what takes long included
	$(MAKE) --no-print-directory --jobs 2 lint pytest MARKS='-m "long or not long"'

pytest: environment
	$(if $(ALONE),$(BIN)/python -m pytest $(ALONE) $(MARKS))
	$(PYTEST) $(MARKS) || $(AGAIN)

test-lowest: $(UV)  ## the core tests with the oldest dependencies that are allowed
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .lowest
	$(UV) pip install --quiet --python .lowest/bin/python --resolution lowest-direct \
	  --editable . --group test
	.lowest/bin/python -m pytest tests/cog tests/schema tests/server/test_fal_api.py \
	  tests/server/test_middleware.py tests/test_app.py tests/test_source_bundle.py \
	  tests/test_fal_files.py tests/test_local_run.py

lock: $(UV)  ## write down the versions that development is checked with
	$(UV) pip compile --quiet --universal --python-version 3.10 --no-annotate \
	  --custom-compile-command "make lock" --output-file requirements-dev.lock \
	  pyproject.toml --group test --group check

audit: $(UV)  ## look for known vulnerabilities in what development is locked to
	$(UV) tool run pip-audit --strict --disable-pip --no-deps --requirement requirements-dev.lock

format: environment  ## put the sources in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: $(UV)  ## serve three examples on this machine and call each once
	$(UV) venv --quiet --allow-existing --python $(BIN)/python .demo/venv
	$(UV) pip install --quiet --python .demo/venv/bin/python --editable .
	.demo/venv/bin/python examples/demo.py

bench: environment  ## measure everything, for about 20 minutes; torch needs COGFAL_TORCH_PYTHON=python
	$(UV) pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m benchmarks

bench-quick: environment  ## measure less of everything, for about 6 minutes
	$(UV) pip install --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m benchmarks --quick --out .bench

fuzz: environment  ## search for texts and requests that break a reader or a route (CASES=200000)
	$(BIN)/python -m tests.fuzz --cases $(or $(CASES),200000)
	COGFAL_EXAMPLES=500 $(BIN)/python -m pytest tests/hostile/test_described_requests.py

load: environment  ## let many callers ask at once, at every door (CALLERS=200 SECONDS=600 OWN=1)
	$(BIN)/python -m tests.load load --callers $(or $(CALLERS),200) --seconds $(or $(SECONDS),600) $(if $(OWN),--own)

soak: environment  ## make many predictions and measure what grows (PREDICTIONS=50000 OWN=1)
	$(BIN)/python -m tests.load soak --predictions $(or $(PREDICTIONS),50000) $(if $(OWN),--own)

pieces: environment  ## make predictions of very many pieces, one at each door (PIECES=1000000)
	$(BIN)/python -m tests.load pieces --pieces $(or $(PIECES),1000000)

docs: environment  ## build the documentation into site/; a broken link or reference fails
	$(BIN)/python -m sphinx -q -W --keep-going docs site

clean:  ## remove what was built here
	rm -rf $(VENV) .lowest .demo .bench .load .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache dist build site
	find src tests examples -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help environment system-packages lint test test-all pytest test-lowest lock audit format demo bench bench-quick fuzz load soak pieces docs clean
