# Arrears, from nothing: python3 (3.11 or newer), make and git are assumed, nothing else.
# Everything is stamped: what is up to date is not made again.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The first of these that runs and is new enough; PYTHON=... chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo "$$p" && break; done)
endif

BIN := .venv/bin
TOOLS := .venv-tools/bin
UV := uv==0.13.9
PYTEST := $(BIN)/python -m pytest

# None of the tools phones home or asks for a newer version of itself.
export SAM_CLI_TELEMETRY := 0
export AWS_EC2_METADATA_DISABLED := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# uv is quick; where it cannot be had, pip does the same. The lock files are complete, so nothing is resolved.
define install
	if $(BIN)/uv --version >/dev/null 2>&1; then \
		$(BIN)/uv pip install --quiet --python $(1)/bin/python --no-deps $(2); \
	else \
		$(BIN)/python -m pip --python $(1)/bin/python install --quiet --no-deps $(2); \
	fi
endef

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: .venv/.made ## .venv with Arrears, editable, and what its tests need

.venv/.made: pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Arrears needs python3, 3.11 or newer" >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' >/dev/null 2>&1 || { echo "making .venv"; "$(PYTHON)" -m venv --clear .venv; }
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet '$(UV)' \
		|| echo "no uv to be had: pip does it, more slowly"
	@echo "installing requirements/dev.txt"
	@$(call install,.venv,-r requirements/dev.txt)
	@$(call install,.venv,--editable .)
	@touch $@

.PHONY: tools
tools: .venv-tools/.made ## .venv-tools with sam, ministack, cfn-lint, checkov and statelint

.venv-tools/.made: requirements/tools.txt | .venv/.made
	@$(TOOLS)/python -c '$(NEW_ENOUGH)' >/dev/null 2>&1 \
		|| { echo "making .venv-tools"; "$(PYTHON)" -m venv --clear --without-pip .venv-tools; }
	@echo "installing requirements/tools.txt"
	@$(call install,.venv-tools,-r requirements/tools.txt)
	@touch $@

.PHONY: lock
lock: venv ## compile requirements/*.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(BIN)/python tools/lock.py $(ARGS)

.PHONY: up
up: venv tools ## the embedded stack: ministack on loopback, built and deployed; writes .local/stack.json
	@$(BIN)/python infra/local/stack.py up

.PHONY: down
down: ## stop the embedded stack
	@if [ -x $(BIN)/python ]; then $(BIN)/python infra/local/stack.py down; fi

.PHONY: demo
demo: venv tools ## more than a year of collection on the embedded stack, with real accounts
	@$(BIN)/python infra/local/demo.py $(ARGS)

.PHONY: agree
agree: venv tools ## the fullest policy on the embedded stack and in the simulator, row by row
	@$(BIN)/python -m infra.local.agree $(ARGS)

.PHONY: chaos
chaos: venv tools ## the embedded stack with workers killed, then stopped and started: the same timeline; see docs/operations.md
	@$(BIN)/python -m infra.local.chaos $(ARGS)

.PHONY: test
test: lint ## every check and every test: what needs a stack on one core, the rest on the other
	@mkdir -p .local; fast=0; stack=0; \
	$(PYTEST) tests/workflow tests/e2e tests/rie >.local/test-stack.log 2>&1 & other=$$!; \
	$(PYTEST) tests/unit tests/tools tests/aws tests/faults || fast=$$?; \
	wait $$other || stack=$$?; \
	cat .local/test-stack.log; \
	exit $$((fast ? fast : stack))

.PHONY: unit
unit: venv ## the tests that need nothing but Python
	@$(PYTEST) -m 'not (aws or workflow or e2e or rie)'

.PHONY: faults
faults: venv ## SEEDS worlds in which everything goes wrong (2000), FIRST being the first seed; see docs/operations.md
	@$(BIN)/python -m tests.faults.run --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),0)

.PHONY: bench
bench: venv ## what it takes and costs beside the obvious ways, written to docs/performance.md and docs/scale.md
	@$(BIN)/python -m bench $(ARGS)

.PHONY: lint
lint: venv tools ## every linter and check of the code, the template, the workflows and the policies
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/$(TOOLS):$$PATH" $(BIN)/python tools/lint.py $(ARGS)

.PHONY: format
format: venv ## let ruff put the code in order
	@$(BIN)/ruff check --quiet --fix-only . || true
	@$(BIN)/ruff format .

.PHONY: build
build: venv tools ## what `sam deploy` sends to AWS, in .aws-sam/build, for the runtime and architecture the template names
	@$(BIN)/python tools/build.py aws

.PHONY: build-local
build-local: venv tools ## the same for this machine's Python, in .aws-sam/local: for the embedded stack and the tests
	@$(BIN)/python tools/build.py local

.PHONY: clean
clean: down ## remove what make made
	@rm -rf .venv .venv-tools .local .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
