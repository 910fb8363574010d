# make demo | test | lint | bench: each sets up what it needs in .venv the first time and is quick the second.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test test-quick lint bench screenshots system scripts clean

demo: .venv/.demo
	$(BIN)/gatehouse demo $(DEMO)

test: .venv/.dev system scripts lint
	$(BIN)/python -m pytest $(TESTS)

test-quick: .venv/.dev
	$(BIN)/python -m pytest -m "not system and not browser and not bench" $(TESTS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev .venv-peer/.ready
	$(BIN)/python tests/bench/mot_compare.py

screenshots: .venv/.dev system
	$(BIN)/python tests/browser/screenshots.py

# Real parts that tests drive: mosquitto, PostgreSQL, Chromium, GStreamer. Installs only what is missing.
system:
	@sh tests/system_packages.sh

# TypeScript, which checks the types of the pages' scripts. Where npm's registry can't be reached, that test is skipped.
scripts: .venv/.dev
	@[ -e .venv/.scripts ] || sh tests/typescript.sh && touch .venv/.scripts || true

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Gatehouse needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@echo "making .venv ..."
	@$(PYTHON) -m venv .venv \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; rm -rf .venv; exit 1; }

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing Gatehouse (a minute the first time) ..."
	@$(PIP) -e '.[demo]'
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing Gatehouse and its test tools (a minute the first time) ..."
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/.demo

# The trackers that ours is compared with live apart: they bring another OpenCV.
.venv-peer/.ready:
	@echo "installing the trackers to compare with ..."
	@$(PYTHON) -m venv .venv-peer
	@.venv-peer/bin/python -m pip --disable-pip-version-check install --quiet trackers==2.6.1
	@touch $@

clean:
	rm -rf .venv .venv-peer var .pytest_cache .mypy_cache .ruff_cache .hypothesis
