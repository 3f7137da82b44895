# Everything a person does with the repository. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --no-deps --require-hashes
SAM    := .venv-sam/bin/sam
ARGS   ?=
SEEDS  ?= 300
SEED   ?= 1
COUNT  ?= 500

LAYER    := layers/pumpwatch/pumpwatch
DEPLOYED := $(LAYER)/domain/* $(LAYER)/usecases/* $(LAYER)/adapters/* $(LAYER)/bootstrap/* $(LAYER)/*.py \
            functions/*

RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
MUTATION_STAMP := $(VENV)/.installed-mutation
SAM_STAMP := .venv-sam/.installed
DOCS_STAMP := .venv-docs/.installed
MKDOCS := NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs
CHECKOV_STAMP := .venv-checkov/.installed

.PHONY: help run test campaign scale check lint format typecheck imports spelling template coverage coverage-report \
        mutation bench artefact build deploy dashboards monitoring pages docs docs-serve requirements setup clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_STAMP) ## Play three hours of a simulated market and trade its pumps (ARGS="--symbols 200 ...")
	@$(BIN)/pumpwatch run $(ARGS)

test: $(DEV_STAMP) ## Run the tests (ARGS="tests/unit -k ewma" for some of them)
	$(BIN)/pytest -n auto $(ARGS)

campaign: $(RUN_STAMP) ## Trade in SEEDS=300 seeded worlds full of faults and check the promise
	@$(BIN)/pumpwatch campaign --seeds $(SEEDS) $(ARGS)

scale: $(RUN_STAMP) ## Measure what a tick costs as the market grows (ARGS="--symbols 200,600 --check 1200")
	@$(BIN)/pumpwatch scale $(ARGS)

check: lint typecheck imports spelling template docs test ## Everything that must be green before a change lands

lint: $(DEV_STAMP) ## Look for mistakes and unformatted code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV_STAMP) ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

typecheck: $(DEV_STAMP) ## Check the types
	$(BIN)/mypy

imports: $(DEV_STAMP) ## Check which package may import which
	$(BIN)/lint-imports

spelling: $(DEV_STAMP) ## Look for misspelt words
	$(BIN)/codespell

template: $(DEV_STAMP) $(SAM_STAMP) $(CHECKOV_STAMP) ## Validate template.yaml; exceptions stand in it, with their reason
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} SAM_CLI_TELEMETRY=0 \
		$(SAM) validate --lint --template-file template.yaml
	LOG_LEVEL=CRITICAL .venv-checkov/bin/checkov --file template.yaml --framework cloudformation --quiet --compact

build: $(RUN_STAMP) $(SAM_STAMP) ## Build what `make deploy` uploads, without Docker (ARGS="--no-cached ...")
	PYTHON="$(abspath $(BIN))/python" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} \
		$(SAM) build $(ARGS)

artefact: $(DEV_STAMP) ## Build everything for Lambda twice and compare it byte for byte
	$(BIN)/pytest -m slow tests/infrastructure $(ARGS)

deploy: build ## Deploy what was built; asks what it needs to know (ARGS="--no-confirm-changeset ...")
	SAM_CLI_TELEMETRY=0 $(SAM) deploy --guided $(ARGS)

coverage: $(DEV_STAMP) ## Run the tests and show what they do not reach; 95 % of each deployed part must be
	$(BIN)/pytest -n auto --cov --cov-report= --cov-fail-under=0 $(ARGS)
	@$(MAKE) --no-print-directory coverage-report

coverage-report: $(DEV_STAMP) ## Judge the last `make coverage` part by part
	@set -f; status=0; for part in $(DEPLOYED); do \
		echo "$$part"; $(BIN)/coverage report --include="$$part" || status=1; \
	done; \
	echo "pumpwatch_workbench/*"; $(BIN)/coverage report --include="pumpwatch_workbench/*" --fail-under=90 || status=1; \
	exit $$status

mutation: $(MUTATION_STAMP) ## Plant COUNT=500 small faults in domain/, chosen by SEED=1; tests must notice (half an hour)
	$(BIN)/python -m tools.mutation --seed $(SEED) --count $(COUNT)

dashboards: $(DEV_STAMP) ## Build Grafana's dashboards anew from tools/dashboards
	$(BIN)/python -m tools.dashboards.dashboards

pages: $(DEV_STAMP) ## Write anew the pages of docs/ that are made from the code
	$(BIN)/python -m tools.documentation.pages

docs: $(RUN_STAMP) $(DOCS_STAMP) ## Build the documentation site into build/site; a warning fails
	@$(BIN)/python -m tools.documentation.source
	$(MKDOCS) build --strict --clean $(ARGS)
	@$(BIN)/python -m tools.documentation.site

docs-serve: $(RUN_STAMP) $(DOCS_STAMP) ## Read the site on this machine while you write (ARGS="-a 127.0.0.1:9000")
	@$(BIN)/python -m tools.documentation.source
	$(MKDOCS) serve --no-strict $(ARGS)

monitoring: $(RUN_STAMP) ## Install or upgrade the monitoring cluster with Helm (ARGS="-f my-values.yaml")
	@$(BIN)/python -m pumpwatch_workbench.operations.monitoring $(ARGS)

bench: $(DEV_STAMP) ## Measure speed and memory, write benchmarks/results.json (ARGS="tick detector run")
	$(BIN)/python -m benchmarks $(ARGS)

requirements: ## Resolve requirements/*.in anew and pin them with hashes (needs uv)
	@for name in lambda run dev mutation ray train sam checkov docs; do \
		uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
			--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
			requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done
	uv pip compile --python-platform aarch64-manylinux_2_28 --python-version 3.13 --generate-hashes --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make requirements" \
		--constraints requirements/lambda.txt requirements/lambda.in \
		--output-file layers/dependencies/requirements.txt

setup: $(DEV_STAMP) ## Make the virtual environment with everything in it

clean: ## Remove what was built (the virtual environments stay)
	rm -rf build .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Pumpwatch needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Pumpwatch needs into $(VENV) (once, about a minute) ..."
	@$(INSTALL) --requirement requirements/run.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@echo "Installing what the tests need into $(VENV) (once, about a minute) ..."
	@$(INSTALL) --no-compile --requirement requirements/dev.txt
	@touch $@

$(MUTATION_STAMP): requirements/mutation.txt $(DEV_STAMP)
	@$(INSTALL) --requirement requirements/mutation.txt
	@touch $@

$(CHECKOV_STAMP): requirements/checkov.txt
	@echo "Installing checkov into .venv-checkov (once) ..."
	@$(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
		--require-hashes --requirement requirements/checkov.txt
	@touch $@

$(DOCS_STAMP): requirements/docs.txt
	@echo "Installing what the documentation needs into .venv-docs (once) ..."
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
		--require-hashes --requirement requirements/docs.txt
	@touch $@

$(SAM_STAMP): requirements/sam.txt
	@echo "Installing the SAM command line into .venv-sam (once) ..."
	@$(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
		--require-hashes --requirement requirements/sam.txt
	@touch $@
