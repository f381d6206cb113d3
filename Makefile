# `make train` and `make test` set up all they need in .venv; a changed requirements file sets it up again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS ?=
# PyPI's PyTorch for Linux brings CUDA, gigabytes that a machine without an NVIDIA card never uses.
# make train TORCH=pypi takes it all the same, TORCH=cpu the small one beside a card.
TORCH ?= $(if $(filter Linux,$(shell uname -s)),$(if $(shell command -v nvidia-smi),pypi,cpu),pypi)
SIZE := $(if $(filter cpu,$(TORCH)),for the CPU: 200 MB,from PyPI: 2 to 3 GB with CUDA on Linux and 100 MB on macOS)

.PHONY: train test coverage soak results docs lint audit clean

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
	seed=$${SEED:-$$(date +%s)}; echo "property tests, SEED=$$seed"; SEQLAB_PROPERTIES=soak \
		$(BIN)/python -m pytest -m '' -k _properties --hypothesis-seed=$$seed
	$(BIN)/python tests/soak/kill_and_resume.py --kills 20 --seed 0

# DATA=FOLDER holds the real files; ARGS=--record-only runs nothing
results: $(VENV)/ready
	$(BIN)/python benchmarks/results.py $(if $(DATA),--data "$(DATA)") $(ARGS)

# build/site/index.html; search needs a web server: $(BIN)/mkdocs serve
docs: $(VENV)/ready-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "build/site/index.html; with search: $(BIN)/mkdocs serve"

lint: $(VENV)/ready-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --strict: a package that the advisory database cannot be asked about is a failure, not a blank
audit: $(VENV)/ready
	$(PIP) pip-audit==2.10.1
	grep -v '^-e' requirements.txt > $(VENV)/pinned.txt
	$(BIN)/pip-audit --strict --requirement $(VENV)/pinned.txt

clean:
	rm -rf $(VENV)

$(VENV)/ready: requirements.txt pyproject.toml
	@echo "First time here: three steps of a minute or two each."
	@echo "1/3 a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/3 PyTorch $(SIZE)"
ifeq ($(TORCH),cpu)
	@$(PIP) --no-deps --index-url https://download.pytorch.org/whl/cpu --timeout 30 --retries 1 \
		$$(grep '^torch==' requirements.txt) 2>$(VENV)/torch.log || \
		echo "    download.pytorch.org did not give it ($(VENV)/torch.log): step 3 takes your index's, 2 to 3 GB on PyPI"
endif
	@echo "3/3 Lightning, Hydra and the rest: 300 MB"
	@$(PIP) -r requirements.txt
	@touch $@

# without the package itself: the API is read from the source, so that no torch is needed
$(VENV)/ready-docs: pyproject.toml
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "what builds the pages: 30 MB"
	@$(PIP) $$(sed -n '/^docs = \[/,/^]/s/.*"\(.*\)",.*/\1/p' pyproject.toml)
	@touch $@

$(VENV)/ready-test: $(VENV)/ready
	@echo "what the tests need: 300 MB"
	@$(PIP) -e '.[test]'
	@# it pins cachetools 4, mlflow wants 5 or newer: without its dependencies pip can install both
	@$(PIP) --no-deps drain3==0.9.11
	@touch $@
