"""What `make demo` shows of pip."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[1] / "tools" / "pip_install.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pip_install", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Collecting torch>=2.6 (from -c constraints.txt (line 90))", ("looking up torch", False)),
        (
            "  Downloading https://host/whl/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl (190.2 MB)",
            ("downloading torch (190.2 MB)", True),
        ),
        ("  Downloading rich-15.0.0-py3-none-any.whl (243 kB)", ("downloading rich (243 kB)", False)),
        ("Installing collected packages: a, b, c", ("installing 3 packages", True)),
        ("Requirement already satisfied: rich", None),
        ("", None),
    ],
)
def test_what_pip_is_doing(tool, line, step):
    assert tool.doing(line) == step


def test_where_pip_fails_its_words_are_shown(tool, capfd):
    assert tool.main(["it", "--no-index", "no-such-package-as-this"]) == 1
    shown = capfd.readouterr()
    assert shown.out.startswith("installing it ...\n") and "installing it: failed, " in shown.out
    assert "no-such-package-as-this" in shown.err and shown.err.endswith("pip failed (exit code 1)\n")
