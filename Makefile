# Everything is installed into this folder, from locked requirements, by the target that needs it. The second time is instant.
# Needed: make, and Python 3.11 or newer with pip.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# A name on PATH is not enough: a version manager's shim may exist for a Python that does not. So each is run.
PYTHON = $(or $(firstword $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)),\
	$(error peoplesync needs Python 3.11 or newer, and found none on PATH))

# The Python that Lambda runs, by its own path: SAM does not accept a shim, nor a Python of another name.
PYTHON_313 := $(shell for p in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do \
	"$$p" -c 'import sys; print(sys.base_prefix + "/bin/python3.13")' 2>/dev/null && break; done)

PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --no-compile --no-deps
SAM = SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .sam-venv/bin/sam
# These need no stack and nothing of each other, so they use all cores; those on the emulator share one, in turn, and wait a
# good part of their time.
PURE_TESTS = tests/unit tests/properties tests/contract tests/infra
SETUP = .venv/.ready .local/emulator-venv/.ready

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Start the local stack, connect a simulated company, import its 2,000 customers, follow one
	@.venv/bin/peoplesync demo

.PHONY: down
down: ## Stop the local stack
	@if [ -x .venv/bin/peoplesync ]; then .venv/bin/peoplesync local down; else echo "The local stack was not up."; fi

# Tests start many processes: each would compile all that it imports, were no bytecode kept (here, apart from the sources).
test test-long: export PYTHONDONTWRITEBYTECODE =
test test-long: export PYTHONPYCACHEPREFIX = $(CURDIR)/.local/bytecode

.PHONY: test
test: setup ## Run the tests that take minutes at most (one file: make test ARGS=tests/unit/test_money.py)
ifdef ARGS
	@.venv/bin/python -m pytest -m "not long" $(ARGS)
else
	@echo "The pure tests run beside those on the emulator; what they say comes at the end."
	@pure=.local/pure-tests.log; \
	nice -n 5 .venv/bin/python -m pytest -m "not long" -n auto $(PURE_TESTS) >$$pure 2>&1 & beside=$$!; \
	trap 'kill $$beside 2>/dev/null' INT TERM; \
	.venv/bin/python -m pytest -m "not long" tests/integration; emulator=$$?; \
	wait $$beside; pure_ones=$$?; cat $$pure; exit $$((emulator + pure_ones))
endif

.PHONY: test-long
test-long: setup ## Run the long tests, and the pure ones on Lambda's Python too
ifdef ARGS
	@.venv/bin/python -m pytest -m long $(ARGS)
else
	@.venv/bin/python -m pytest -m long -n auto $(PURE_TESTS)
	@.venv/bin/python -m pytest -m long tests/integration
endif
ifeq ($(PYTHON_313),)
	@echo "Not run on Python 3.13: there is none on this machine."
else
	@$(MAKE) --silent .venv-3.13/.ready
	@.venv-3.13/bin/python -m pytest -m "not long" -n auto tests/unit tests/properties
endif

.PHONY: bench
bench: setup ## Measure what an event, a webhook and a cold start cost (bench/README.md)
	@.venv/bin/python -m bench.worker
	@.venv/bin/python -m bench.importing
	@.venv/bin/python -m bench.webhook
	@.venv/bin/python -m bench.cold_start

.PHONY: lint
lint: setup .sam-venv/.ready .checkov-venv/.ready ## Check style, types, layering and the template
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/cfn-lint
	$(SAM) validate --lint
	.checkov-venv/bin/checkov --config-file infra/checkov.yaml

.PHONY: fmt
fmt: setup ## Format the code and fix what can be fixed by itself
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.PHONY: build
build: .sam-venv/.ready ## Build for AWS with sam, without containers (sam deploy takes it from there)
ifeq ($(PYTHON_313),)
	@echo "sam builds for Lambda's runtime, so install Python 3.13 first (your package manager, or: pyenv install 3.13)."; exit 1
else
	@PATH="$(dir $(PYTHON_313)):$$PATH" $(SAM) build
endif

.PHONY: setup
setup: ## Install what demo and tests need
	@$(MAKE) --silent -j 2 $(SETUP)

.PHONY: lock
lock: .lock-venv/.ready ## Lock the requirements anew after changing a .in file
	@set -e; for file in layers/core/requirements functions/api/requirements requirements/dev requirements/stripe-spec requirements/emulator requirements/sam requirements/checkov; do \
		case $$file in layers/*|functions/*|*/sam|*/checkov) how= ;; */stripe-spec) how=--no-deps ;; *) how="--constraint layers/core/requirements.txt" ;; esac; \
		.lock-venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-emit-index-url --no-emit-find-links --no-header $$how $$file.in --output-file $$file.locking; \
		{ echo "# Locked with hashes, for Python 3.11 and newer, by \`make lock\` from $${file##*/}.in."; cat $$file.locking; } >$$file.txt; \
		rm $$file.locking; \
	done

.PHONY: clean
clean: down ## Stop the local stack and remove all that was installed or built here
	rm -rf .venv .venv-3.13 .sam-venv .checkov-venv .lock-venv .local .aws-sam *.egg-info

# ── Environments: a `.ready` file stands for a complete one ──────────────────────────────────────────────────────────────

.venv/.ready: .venv/.requirements pyproject.toml
	@.venv/bin/python $(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/.requirements: requirements/dev.txt requirements/stripe-spec.txt
	@echo "Installing the tools into .venv" >&2
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python $(PIP_INSTALL) --require-hashes $(foreach file,$^,--requirement $(file))
	@touch $@

.venv-3.13/.ready: requirements/dev.txt requirements/stripe-spec.txt pyproject.toml
	@echo "Installing the tools into .venv-3.13" >&2
	@$(PYTHON_313) -m venv --clear .venv-3.13
	@.venv-3.13/bin/python $(PIP_INSTALL) --require-hashes $(foreach file,$(filter %.txt,$^),--requirement $(file))
	@.venv-3.13/bin/python $(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

.local/emulator-venv/.ready: requirements/emulator.txt
	@echo "Installing the emulator of AWS into .local/emulator-venv" >&2
	@$(PYTHON) -m venv --clear .local/emulator-venv
	@.local/emulator-venv/bin/python $(PIP_INSTALL) --require-hashes --requirement $<
	@touch $@

.sam-venv/.ready: requirements/sam.txt
	@echo "Installing the SAM CLI into .sam-venv" >&2
	@$(PYTHON) -m venv --clear .sam-venv
	@.sam-venv/bin/python $(PIP_INSTALL) --require-hashes --requirement $<
	@touch $@

.checkov-venv/.ready: requirements/checkov.txt
	@echo "Installing checkov into .checkov-venv" >&2
	@$(PYTHON) -m venv --clear .checkov-venv
	@.checkov-venv/bin/python $(PIP_INSTALL) --require-hashes --requirement $<
	@touch $@

.lock-venv/.ready: Makefile
	@$(PYTHON) -m venv --clear .lock-venv
	@.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
