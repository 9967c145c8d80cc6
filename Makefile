# Two commands: `make demo` and `make test`. Each sets itself up in .venv from the pinned lock.
PYTHON ?= python3
DATA ?= ../shared/data
EXTRA ?= ocr
DEMO := demo-data
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCLEDGER := $(BIN)/docledger --data-dir $(DEMO)/ledger
# Programs of other people that judge what we publish; tests name the package that they miss.
DEBIAN := golang-go golang-golang-x-mod-dev chromium hledger

.DEFAULT_GOAL := help
.PHONY: help setup demo test e2e outside check lint type imports unused audit-packages infra bench soak drill eval docs image lock clean

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(STAMP) ## make .venv from the lock file

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "docledger needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## run all of the examples; ends with a table, the trial balance and a verified log
	rm -rf $(DEMO)
	$(BIN)/python -m examples.generate $(DEMO)/examples
	$(DOCLEDGER) run $(DEMO)/examples
	$(DOCLEDGER) balance
	$(DOCLEDGER) audit
	$(DOCLEDGER) verify

test: $(STAMP) outside ## every test but the long counts, with branch coverage
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term -m "not soak"

e2e: $(STAMP) ## the services over the emulators, part of test (needs a Pub/Sub emulator)
	$(BIN)/pytest tests/e2e -k pubsub -m "not soak"

outside: ## install the Debian packages of the outside verifiers (needs root)
	@sh tests/outside/install.sh $(DEBIAN)

check: lint type imports unused test ## what CI runs

lint: $(STAMP) ## ruff, with every rule on
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(STAMP) ## mypy, strict
	$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

unused: $(STAMP) ## dependencies and code that nothing uses
	$(BIN)/deptry .
	$(BIN)/vulture

audit-packages: $(STAMP) ## known vulnerabilities in what the lock pins (needs the network)
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements/dev.lock

infra: ## what checkov says of our Terraform, from an environment of its own (needs the network once)
	$(PYTHON) -m venv $(VENV)/infra
	$(VENV)/infra/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/infra.lock
	$(VENV)/infra/bin/checkov --config-file infra/terraform/.checkov.yaml

bench: $(STAMP) ## speed and memory, each figure beside its library limit in the same run
	$(BIN)/python -m tests.bench $(DATA)

soak: $(STAMP) ## the long counts: 200 kills, 600 failovers, 10,000 simulated seeds
	$(BIN)/pytest -m soak --timeout 7200

drill: $(STAMP) ## lose a PostgreSQL and restore it, migrate back and forth; evidence in docs/drills/
	$(BIN)/python -m tests.drills

eval: $(STAMP) ## reading quality on labelled documents: make eval DATA=folder
	$(BIN)/python -m tests.eval.run_eval $(DATA)

docs: $(STAMP) ## write the generated documents again
	$(BIN)/python -m shared.events.schemas
	$(BIN)/python -m shared.bus.drawing
	$(BIN)/python -m shared.telemetry.vocabulary
	$(BIN)/python -m deploy.cloudrun.api_documents
	$(BIN)/python -m deploy.iam.drawing

image: $(STAMP) ## the files of an image, without a container engine: make image EXTRA=ocr
	rm -rf build/image-$(EXTRA)
	$(BIN)/python -m deploy.cloudrun.image.tree $(EXTRA) build/image-$(EXTRA) $(if $(filter cli,$(EXTRA)),--target operator)

lock: ## resolve requirements/*.lock again (needs uv)
	for extra in ingest ocr summarize ledger cli dev; do \
	  case $$extra in \
	    cli) extras="--extra all --extra cloud --extra api" ;; dev) extras="--extra dev" ;; \
	    ingest|ledger) extras="--extra $$extra --extra cloud --extra api" ;; \
	    ocr) extras="--extra $$extra --extra cloud --extra documentai" ;; \
	    summarize) extras="--extra $$extra --extra cloud --extra vertex" ;; \
	    *) extras="--extra $$extra --extra cloud" ;; \
	  esac; \
	  uv pip compile pyproject.toml $$extras --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet \
	    --output-file requirements/$$extra.lock; done
	uv pip compile requirements/infra.in --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet \
	  --output-file requirements/infra.lock

clean: ## remove what was made here
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
