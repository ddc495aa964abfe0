"""The commands by name, and what the overview says of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import vgpipe.commands
from vgpipe.commands.overview import overview
from vgpipe.commands.registry import COMMANDS, DEFAULT, command

HELPERS = (
    *("__init__", "closing", "overview", "registry", "render_task", "search"),
    *("sweep_closing", "sweep_result", "sweep_told"),
)
STORE = ("chosen_store", "verify_store")
WORKERS = ("worker", "worker_signals")


def test_every_module_of_the_package_is_a_registered_command():
    modules = {path.stem for path in Path(vgpipe.commands.__path__[0]).glob("*.py")}
    assert modules - {*HELPERS, *STORE, *WORKERS} == {entry.module or name for name, entry in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_one_function_and_its_help(name):
    module = command(name)
    assert callable(module.main)
    if name != DEFAULT:
        assert f"usage: python -m vgpipe {name}" in module.HELP and "exit codes" in module.HELP
        assert max(map(len, module.HELP.splitlines())) <= 100


def test_the_overview_lists_every_command():
    text = overview()
    for name, entry in COMMANDS.items():
        assert entry.summary in text and (name == DEFAULT or f"\n  {name} " in text)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_no_model_library(name, workdir):
    code = (
        "import sys; from vgpipe.cli import main; code = main([sys.argv[1], '--help']);"
        "sys.exit(code or len({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, name], cwd=workdir, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "usage" in ran.stdout, ran.stderr
