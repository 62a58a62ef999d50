# make demo | make test | make up | make lint | make bench | make mutants | make fuzz | make format | make lock
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
SIDE_BY_SIDE ?= 3

.PHONY: demo test up lint types layers bench mutants fuzz format lock clean
.DEFAULT_GOAL := demo

$(VENV)/.run: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
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

lock: $(VENV)/.dev  ## newest versions within the ranges of pyproject.toml
	$(BIN)/pip install --quiet "uv>=0.8"
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --upgrade -c requirements.lock --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
