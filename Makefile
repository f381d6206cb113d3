# `make train` and `make test` set up all they need in .venv; a changed requirements file sets it up again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: train test coverage soak results lint audit clean

train: $(VENV)/ready
	$(BIN)/python train.py $(ARGS)

test: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

# A target of its own: tracing costs more than a few per cent before Python 3.12
coverage: $(VENV)/ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal --cov

soak: $(VENV)/ready-test
	$(BIN)/python -m pytest -m soak
	$(BIN)/python tests/soak/kill_and_resume.py --kills 20 --seed 0

# DATA=FOLDER holds the real files; ARGS=--record-only runs nothing
results: $(VENV)/ready
	$(BIN)/python benchmarks/results.py $(if $(DATA),--data "$(DATA)") $(ARGS)

lint: $(VENV)/ready-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --strict: a package that the advisory database cannot be asked about is a failure, not a blank
audit: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	grep -v '^-e' requirements.txt > $(VENV)/pinned.txt
	$(BIN)/pip-audit --strict --requirement $(VENV)/pinned.txt

clean:
	rm -rf $(VENV)

$(VENV)/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/ready-test: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	# it pins cachetools 4, mlflow wants 5 or newer: without its dependencies pip can install both
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps drain3==0.9.11
	touch $@
