# `make demo` renders the demo job; `make test` runs every check. Both work from a clean clone.
PYTHON ?= python3
PY := .venv/bin/python
INSTALL = @$(PY) tools/pip_install.py

.PHONY: demo test lint types layers pytest clean

demo: .venv/installed
	$(PY) -m vgpipe job=jobs/demo.yaml
	@echo
	@echo "Open the report in a browser. Next:"
	@echo "  $(PY) -m vgpipe job=prompts.txt         your own prompts, one per line"
	@echo "  $(PY) -m vgpipe plan model=ltx_video_2b hardware=all"
	@echo "  $(PY) -m vgpipe --help                  every command, model and setting"

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
	@echo "creating .venv"
	@$(PYTHON) -m venv .venv

# torch first and on its own: an unpinned torch pulls several gigabytes of CUDA.
.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) torch --constraint constraints.txt torch
	$(INSTALL) vgpipe --constraint constraints.txt --editable .
	@touch $@

.venv/test-installed: .venv/installed
	$(INSTALL) "the tests' packages" --constraint constraints.txt --editable '.[test]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
