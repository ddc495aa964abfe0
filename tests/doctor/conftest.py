"""Environments that are really broken: a venv of links to this one's packages, without or with false ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SITE = Path(sysconfig.get_paths()["purelib"])


@dataclass(frozen=True)
class Ran:
    """A finished `doctor --json`."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    def line(self, section: str, name: str) -> dict[str, str]:
        found = [line for line in self.report["lines"] if (line["section"], line["name"]) == (section, name)]
        assert len(found) == 1, f"{section}/{name} in {self.out}{self.err}"
        return found[0]


def make_environment(folder: Path, *, without: Sequence[str] = (), false: Mapping[str, str] | None = None) -> Path:
    """Makes a venv that has what this one has.

    Args:
        folder: of the venv; made.
        without: prefixes of what is left out of site-packages.
        false: module -> replacement source; the metadata of the real one stay.

    Returns:
        Its python.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    false = false or {}
    for path in SITE.iterdir():
        if path.name not in false and not path.name.startswith(tuple(without)):
            (site / path.name).symlink_to(path)
    for module, source in false.items():
        (site / module).mkdir()
        (site / module / "__init__.py").write_text(source)
    return folder / "bin/python"


def run_doctor(python: Path | str, folder: Path, *arguments: str, **environment: str) -> Ran:
    """Runs `python -m vgpipe doctor` in `folder`, with a hub cache of its own."""
    known = os.environ | {"HF_HOME": str(folder / "hf"), "OMP_NUM_THREADS": "1"} | environment
    command = [str(python), "-m", "vgpipe", "doctor", *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=known, timeout=240, check=False)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment without torch; nothing in it takes long to import."""
    if os.name == "nt":
        pytest.skip("links need rights there")
    return make_environment(tmp_path_factory.mktemp("environment") / "env", without=("torch",))


@pytest.fixture
def with_false(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Makes an environment with false modules; gives its python."""
    if os.name == "nt":
        pytest.skip("links need rights there")
    return lambda false: make_environment(tmp_path / "env", false=false)
