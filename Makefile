# Everything a developer or a pipeline does here. `make` alone lists it.
# A second call installs nothing: the files .venv/.*-ready and .venv-*/.ready say what is already there.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK := pip compile --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# A python3 that is too old need not stop anyone who has a newer one beside it. A PYTHON that was asked for is taken at its word.
ifeq ($(origin PYTHON),file)
PYTHONS := $(PYTHON) python3.13 python3.12 python3.11
else
PYTHONS = '$(PYTHON)'
endif
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test integration fhir-server check audit bench soak picture docs dist lock clean environment gone

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "HOST=::1 PORT=9000 make run       serve on another loopback address"
	@echo "PYTHON=python3.12 make setup      make .venv with another Python"
	@echo "make test ARGS='-k iron'          hand arguments to pytest (make bench: to the benchmarks)"
	@echo "make lock UPGRADE=1               take the newest releases"

setup: .venv/.runtime-ready ## Install what the service needs into .venv

run: .venv/.runtime-ready ## Serve on HOST:PORT (127.0.0.1:8000)
	$(BIN)/legwork serve --host '$(HOST)' --port '$(PORT)'

test: .venv/.dev-ready fhir-server ## Run the tests, on up to four cores
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

fhir-server: .venv-fhir/.ready ## Install the FHIR server that tests fetch from into .venv-fhir

integration: .venv/.dev-ready fhir-server ## Look at real FHIR servers (FHIR_SERVERS="https://... https://...")
	FHIR_SERVERS="$(FHIR_SERVERS)" $(BIN)/python -m pytest -rs tests/integration $(ARGS)

check: .venv/.dev-ready ## Check format, lint, types, import directions, spelling, Dockerfile and manifests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/*/*.yaml))

audit: .venv/.dev-ready ## Hold what is locked against the published advisories, where they can be reached
	$(BIN)/python requirements/audit.py

bench: .venv/.dev-ready ## Measure the service
	$(BIN)/python -m benchmarks $(ARGS)

picture: .venv/.dev-ready ## Take the picture of a card anew (needs Chromium)
	$(BIN)/python -m tests.browser.picture docs/pictures/cards.png

soak: .venv/.dev-ready ## Ten thousand calls, fifty at a time: are all answered, and does memory stay flat?
	$(BIN)/python -m benchmarks.soak $(ARGS)

docs: .venv-docs/.ready ## Build the documentation into build/docs; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet --site-dir build/docs

dist: .venv/.dev-ready ## Build wheel and sdist, see that they run elsewhere, list their parts, sum them up
	rm -rf build/elsewhere dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/uv build --quiet --offline --no-build-isolation --python $(BIN)/python
	$(BIN)/python -m venv --without-pip build/elsewhere
	$(PIP) --python build/elsewhere install --quiet --require-hashes -r requirements/runtime.txt
	$(PIP) --python build/elsewhere install --quiet --no-deps dist/*.whl
	root=$$PWD; cd build && elsewhere/bin/legwork discovery >/dev/null && \
		elsewhere/bin/legwork advise $$root/fixtures/patients/rls-iron-epic/bundle.json --today 2026-05-15 | grep -q ferritin
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file dist/legwork-cds.cdx.json build/elsewhere
	cp requirements/runtime.txt dist/requirements.txt
	cd dist && sha256sum * >SHA256SUMS && cat SHA256SUMS

lock: ## Pin the dependencies anew in requirements/*.txt
	@uv=$(BIN)/uv; test -x $$uv || uv=$$(command -v uv) || { $(MAKE) --no-print-directory .venv/.dev-ready && uv=$(BIN)/uv; }; \
	set -ex; \
	"$$uv" $(LOCK) --quiet --output-file requirements/runtime.txt pyproject.toml; \
	"$$uv" $(LOCK) --quiet --output-file requirements/build.txt requirements/build.in; \
	"$$uv" $(LOCK) --quiet --output-file requirements/dev.txt --constraints requirements/runtime.txt \
		--constraints requirements/build.txt pyproject.toml requirements/build.in requirements/dev.in; \
	"$$uv" $(LOCK) --quiet --output-file requirements/docs.txt requirements/docs.in; \
	"$$uv" $(LOCK) --quiet --output-file requirements/fhir-server.txt requirements/fhir-server.in

clean: ## Remove the environment, the caches and what was built
	rm -rf .venv .venv-docs .venv-fhir build dist *.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@found=; for python in $(PYTHONS); do \
		if "$$python" -c '$(NEW_ENOUGH)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Legwork needs Python 3.11 or newer; none found as: $(PYTHONS)." >&2; \
		echo "Name one with: make PYTHON=/path/to/python3.11 setup" >&2; \
		exit 1; \
	fi; \
	echo "Creating .venv with $$("$$found" --version)"; \
	"$$found" -m venv --clear .venv || { rm -rf .venv; exit 1; }

# A Python that has left the machine leaves a dead link, and stamps that no longer hold.
GONE := $(shell test -x $(BIN)/python || echo gone)

.venv/.runtime-ready: $(GONE) requirements/runtime.txt requirements/build.txt pyproject.toml
	@test -x $(BIN)/python || $(MAKE) --no-print-directory environment
	@$(BIN)/python -c '$(NEW_ENOUGH)' || { echo "The Python in .venv is older than 3.11: make clean, then try again." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip  # other tools make environments without pip
	@echo "Installing the pinned runtime into .venv"
	$(PIP) install --require-hashes -r requirements/runtime.txt
	@echo "Linking this checkout into .venv, with the pinned build backend"
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev-ready: .venv/.runtime-ready requirements/dev.txt
	@echo "Installing the pinned tools for tests and checks into .venv"
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.venv-docs/.ready: .venv/.runtime-ready requirements/docs.txt
	@echo "Installing the pinned maker of documentation into .venv-docs"
	@$(BIN)/python -m venv --clear --without-pip .venv-docs
	$(PIP) --python .venv-docs install --require-hashes -r requirements/docs.txt
	@touch $@

.venv-fhir/.ready: .venv/.runtime-ready requirements/fhir-server.txt
	@echo "Installing the pinned FHIR server into .venv-fhir"
	@$(BIN)/python -m venv --clear .venv-fhir
	.venv-fhir/bin/python -m pip --disable-pip-version-check --no-input install --require-hashes -r requirements/fhir-server.txt
	@touch $@
