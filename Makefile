# `make quickstart` runs the whole job; `make test` the fast suite. Both make the environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCE ?=
OUT ?= runs/quickstart

.PHONY: setup quickstart test test-slow check bench gpu-check build clean

setup: $(STAMP)

# uv resolves and installs in about half a minute what pip takes many minutes for. Compiled here, the
# stack loads in half the time from the first start on, and where nothing may be written later.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"Error: Python 3.11 or 3.12 is needed, $(PYTHON) is {v[0]}.{v[1]}; name one with `make PYTHON=python3.11 setup`.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "Installing the training stack into $(VENV) (a few GB on the first run) ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[dev]'
	@touch $@

# SOURCE=path/to/code for your own files, OUT=folder, SET="vocab_size=2048 batches=100".
quickstart: $(STAMP)
	@$(BIN)/foundry-plugins quickstart \
	  --out "$(if $(SOURCE),$(if $(filter default undefined file,$(origin OUT)),runs/$(notdir $(abspath $(SOURCE))),$(OUT)),$(OUT))" \
	  $(if $(SOURCE),--source "$(SOURCE)") $(foreach pair,$(SET),--set $(pair))

# Each worker takes a core and up to 3 GB. To look at one test: .venv/bin/python -m pytest PATH -k NAME
# Tests start many processes, which all would compile this project where it may not be kept compiled.
test: $(STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

test-slow: $(STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m "slow" --timeout 3600

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/yamllint --strict .

# Two hours on two cores, and idle ones: writes benchmarks/results/.
bench: $(STAMP)
	@for name in $$(grep -lx 'if __name__ == "__main__":' benchmarks/*.py | sort); do \
	  $(BIN)/python -m benchmarks.$$(basename $$name .py) || exit 1; \
	done
	@$(BIN)/python -m benchmarks.dynamics

# Tests and measures the kernels on the GPU that is here; without one it says so. It needs torch only,
# and takes the one of $(PYTHON) where there is no environment: the drivers may want a newer one.
gpu-check:
	@$(if $(wildcard $(STAMP)),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu_check

build: $(STAMP)
	@$(BIN)/python -m build --installer uv --outdir dist .

clean:
	@rm -rf dist .pytest_cache .ruff_cache .hypothesis
