"""docs/pipelines.md says of every video pipeline of the installed diffusers how it is treated."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "pipeline_classes.py"
REMEDY = "python benchmarks/pipeline_classes.py makes it again"


@pytest.fixture(scope="module")
def classes():
    spec = importlib.util.spec_from_file_location("pipeline_classes", SCRIPT)
    made = importlib.util.module_from_spec(spec)
    sys.modules["pipeline_classes"] = made
    spec.loader.exec_module(made)
    yield made
    del sys.modules["pipeline_classes"]


def test_the_page_is_true_of_the_installed_diffusers(classes):
    written, version = classes.PAGE.read_text("utf-8"), importlib.metadata.version("diffusers")
    assert f"diffusers {version} exports" in written, f"the page is of another diffusers than {version}: {REMEDY}"
    made = classes.page()
    other = [line for line in made.splitlines() if line not in written.splitlines()]
    assert written == made, f"the page is not true of {other[:3]}: {REMEDY}"
