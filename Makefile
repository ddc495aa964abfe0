# `make demo` renders the demo job; `make test` runs every check. Both work from a clean clone.
PYTHON ?= python3
PY := .venv/bin/python

.PHONY: demo test lint types layers pytest clean

demo: .venv/installed
	$(PY) -m vgpipe job=jobs/demo.yaml
	@echo "The videos are in $$(ls -d outputs/demo/*/videos | tail -n 1)"

test: lint types layers pytest

lint: .venv/test-installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/test-installed
	$(PY) -m mypy

layers: .venv/test-installed
	.venv/bin/lint-imports

pytest: .venv/test-installed
	$(PY) -m pytest -n 2 --dist worksteal

.venv/bin/python:
	$(PYTHON) -m venv .venv

# torch first and on its own: an unpinned torch pulls several gigabytes of CUDA.
.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PY) -m pip install --quiet --constraint constraints.txt torch
	$(PY) -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/test-installed: .venv/installed
	$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
