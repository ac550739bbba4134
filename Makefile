# Everything a fresh clone needs is made here: Python 3.11 must be there; what needs Docker, minikube or kubectl needs them too.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# Arguments, or a bare run before, may leave a run without a test, which pytest calls 5.
NONE_LEFT := [ $$? -eq 5 -a -n '$(PYTEST_ARGS)$(TESTS_AFTER_BARE)' ]
# What renders the manifests. Where a cluster is required, its absence is no reason to leave the lint out.
KUSTOMIZE := $(or $(shell command -v kubectl || command -v minikube),$(SHELTERCTL_REQUIRE_CLUSTER))

.PHONY: docs docs-reference docs-record man help venv demo test test-bare unit lint lint-code lint-package lint-manifests bench dist sbom format lock clean

help: ## the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

# What the main job needs; the tools of tests and lint come with `make venv`.
$(VENV)/.runs: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Making $(VENV), once: a minute or two where the packages must be fetched"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv sync --frozen --quiet --compile-bytecode --inexact --no-default-groups --extra local
	@$(BIN)/python -m compileall -q shelterctl
	@touch $@

$(VENV)/.installed: $(VENV)/.runs
	@$(BIN)/uv sync --frozen --quiet --compile-bytecode --inexact --extra local
	@touch $@

venv: $(VENV)/.installed ## the virtual environment
	@# Compiled once here, so that a start costs no compilation where PYTHONDONTWRITEBYTECODE is set.
	@$(BIN)/python -m compileall -q shelterctl

.venv-manifests/.installed: pyproject.toml uv.lock $(VENV)/.installed
	@$(PYTHON) -m venv .venv-manifests
	@UV_PROJECT_ENVIRONMENT=.venv-manifests $(BIN)/uv sync --frozen --quiet --only-group manifests
	@touch $@

demo: $(VENV)/.runs ## the main job: it deploys, scales, keeps its data, resolves its names
	$(BIN)/shelterctl prove

test: venv lint ## everything that this machine can run: what needs no cluster side by side, then the cluster's tests, a profile each
	@# Each part runs, whatever the one before it showed. Many tests wait for processes: three at a time on two cores.
	@failed=0; \
	part() { echo "pytest $$*"; $(BIN)/pytest "$$@" $(PYTEST_ARGS) || $(NONE_LEFT) || failed=1; }; \
	part -n 3 --dist worksteal -m "not cluster and not alone"; \
	part -n 2 --dist loadgroup -m "cluster and not alone"; \
	part -m alone; \
	exit $$failed

test-bare: venv ## the tests as on a machine without Docker, minikube and kubectl
	@# They wait more than they reckon: two for each of two cores are done in half the time.
	tools/without_docker.sh $(BIN)/pytest -n 4 --dist worksteal -m "not alone" $(PYTEST_ARGS) || $(NONE_LEFT)
	tools/without_docker.sh $(BIN)/pytest -m alone $(PYTEST_ARGS) || $(NONE_LEFT)

unit: venv ## the tests that need no cluster
	$(BIN)/pytest -n auto -m "not cluster and not alone" $(PYTEST_ARGS)

lint: lint-code lint-package lint-manifests ## ruff, mypy, import-linter, the wheel, yamllint, checkov, kubernetes-validate

lint-code: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-package: venv
	$(BIN)/python -m tools.lint_package

ifneq ($(KUSTOMIZE),)
lint-manifests: venv .venv-manifests/.installed
	tools/lint_manifests.sh
else
lint-manifests:
	@echo "lint-manifests: left out, nothing renders the manifests: neither kubectl nor minikube is on the PATH"
endif

$(VENV)/.docs: pyproject.toml uv.lock $(VENV)/.installed
	@$(BIN)/uv sync --frozen --quiet --compile-bytecode --inexact --extra local --group docs
	@touch $@

docs: venv $(VENV)/.docs ## the site of docs/ in site/, every link checked; needs no network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-reference: venv ## writes docs/reference/ and the manual page anew, from the code
	$(BIN)/python -m tools.site.reference
	$(BIN)/python -m tools.site.schemas
	$(BIN)/python -m tools.site.manual

docs-record: docs-reference ## runs what the pages show, on this machine alone, and writes its output into them
	tools/without_docker.sh $(BIN)/python -m tools.site.record
	$(BIN)/python -m tools.site.readme

man: venv ## writes the manual page, shelterctl.1, from the parser
	$(BIN)/python -m tools.site.manual

bench: venv ## the figures of BENCHMARKS.md, as ratios within one run
	$(BIN)/python tools/bench.py

format: venv
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

dist: venv ## the wheel and the sdist in dist/, the same bytes wherever they are built
	$(BIN)/python -m tools.release.build

sbom: venv ## what an installed shelterctl consists of, as CycloneDX in dist/, from the lock file
	$(BIN)/python -m tools.release.sbom

lock: venv ## lock the dependencies anew
	$(BIN)/uv lock

clean:
	rm -rf $(VENV) .venv-manifests .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
