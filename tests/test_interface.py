"""`import vgpipe` costs nothing, and offers what its type stub declares."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vgpipe

STUB = Path(vgpipe.__file__).with_name("__init__.pyi")


def test_importing_it_imports_no_library_and_nothing_of_itself():
    program = (
        "import sys; before = set(sys.modules); import vgpipe; dir(vgpipe); vgpipe.__all__; "
        "print(sorted(set(sys.modules) - before))"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert shown.strip() == "['vgpipe']"


def test_results_are_read_without_hydra_or_a_model_library(tmp_path):
    program = "import sys, vgpipe; vgpipe.read_run; print([n for n in ('hydra', 'torch', 'numpy') if n in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_the_stub_declares_what_is_there():
    tree = ast.parse(STUB.read_text())
    imported = {name.asname for one in tree.body if isinstance(one, ast.ImportFrom) for name in one.names}
    assigned = {one.target.id for one in tree.body if isinstance(one, ast.AnnAssign)}
    assert imported | assigned - {"__all__"} == set(vgpipe.__all__) <= set(dir(vgpipe))
    assert STUB.with_name("py.typed").exists()


@pytest.mark.parametrize("name", vgpipe.__all__)
def test_every_name_is_there(name):
    assert getattr(vgpipe, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        vgpipe.rum  # noqa: B018
