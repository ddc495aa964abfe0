"""Each module has a test file of its own, or docs/testing.md names the tests that cover it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([\w/]+\.py)` \| (.+) \|$", re.MULTILINE)
NO_LOGIC = ("__init__.py", "__main__.py")


def covered() -> dict[str, list[str]]:
    """Returns module -> test files, as docs/testing.md names them."""
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    return {module: re.findall(r"`([\w/]+\.py)`", tests) for module, tests in ROW.findall(page)}


def without_mirror() -> set[str]:
    package = ROOT / "vgpipe"
    modules = [path.relative_to(package) for path in package.rglob("*.py") if path.name not in NO_LOGIC]
    return {one.as_posix() for one in modules if not (ROOT / "tests" / one.with_name(f"test_{one.name}")).exists()}


def test_the_page_names_exactly_the_modules_without_a_mirror():
    assert set(covered()) == without_mirror()


def test_every_test_that_the_page_names_is_there():
    assert [one for tests in covered().values() for one in tests if not (ROOT / "tests" / one).is_file()] == []
    assert all(covered().values())
