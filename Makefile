# Countinghouse. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
UV := .venv/bin/uv
LOCKED := .venv/.run
LOCKED_DEV := .venv/.dev

.PHONY: help run test check openapi bench chaos audit lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(LOCKED) ## Set up, and start the product on http://127.0.0.1:8000 (PORT, VAR, DATABASE_URL)
	@exec $(PY) -m deploy.laptop

test: $(LOCKED_DEV) ## Run all tests, on SQLite and PostgreSQL; T=path for some of them
	$(PY) -m pytest -n auto $(T)

check: $(LOCKED_DEV) ## Lint, types, import rules, descriptions
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@$(PY) -m deploy.openapi --check

openapi: $(LOCKED) ## Write the descriptions of the four dialects anew, from the code
	@$(PY) -m deploy.openapi

bench: $(LOCKED_DEV) ## Measure speed and memory against a bare Flask app, on PostgreSQL; DB=sqlite, SECONDS, ROUNDS, SLOW=1
	@$(PY) -m tests.bench

chaos: $(LOCKED_DEV) ## Let everything go wrong, and see whether every promise is kept; MINUTES, SEED, DB, POINTS
	@$(PY) -m tests.chaos

audit: $(LOCKED) ## Compare the locked packages with the public list of known faults
	$(UV) tool run pip-audit --disable-pip --require-hashes -r requirements.lock

lock: $(LOCKED_DEV) ## Pin the newest versions that fit pyproject.toml, with hashes
	$(UV) pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	$(UV) pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group dev -o requirements-dev.lock

clean: ## Remove what was set up, but never the data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(UV):
	python3 -m venv .venv
	$(PY) -m pip install -q --disable-pip-version-check uv==0.13.0

$(LOCKED): requirements.lock | $(UV)
	@if test -e $(LOCKED_DEV); then lock=requirements-dev.lock; else lock=requirements.lock; fi; \
		$(UV) pip sync -q --compile-bytecode --require-hashes $$lock
	@touch $@

$(LOCKED_DEV): requirements-dev.lock | $(UV)
	$(UV) pip sync -q --compile-bytecode --require-hashes requirements-dev.lock
	@touch $@
