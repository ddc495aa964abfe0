"""The venvs that compat.py runs in: a row's versions, and what pip resolves to match them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from compat_table import Row, pip_refusal

ROOT = Path(__file__).parents[1]
FOLLOWING = ("huggingface_hub", "accelerate", "safetensors")  # as pip resolves them for a row


def build_wheel(folder: Path) -> Path:
    """Builds vgpipe's wheel below `folder` from a copy of its sources, so that the checkout stays as it is."""
    made, copy = folder / "wheel", folder / "sources"
    for place in (made, copy):
        shutil.rmtree(place, ignore_errors=True)
    for name in ("vgpipe", "conf"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", made, copy], check=True)
    return next(made.glob("*.whl"))


def make_venv(row: Row, venv: Path) -> str:
    """Makes a venv with a row's versions unless it is there; returns why pip refused, or nothing."""
    done, constraints = venv / "complete", venv / "constraints.txt"
    wanted = [*(f"{package}=={version}" for package, version in row.pins), *_own_packages()]
    if done.exists() and done.read_text().split() == wanted:
        return ""
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    constraints.write_text(_constraints(row))
    # torch alone and first: what is there is kept, so that no other build of it comes with the rest.
    torch = [text for text in wanted if text.startswith("torch==")]
    for some in (torch, wanted):
        ran = subprocess.run([*_pip(venv), "-c", constraints, *some], capture_output=True, text=True)
        if ran.returncode:
            return pip_refusal(ran.stdout + ran.stderr)
    done.write_text("\n".join(wanted))
    return ""


def install_wheel(venv: Path, wheel: Path) -> None:
    """Installs vgpipe without its requirements, whose ranges a row may lie outside."""
    subprocess.run([*_pip(venv), "-q", "--no-deps", "--force-reinstall", wheel], check=True)


def _pip(venv: Path) -> list[str | Path]:
    return [venv / "bin" / "python", "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]


def _constraints(row: Row) -> str:
    """Returns the lines of constraints.txt for what vgpipe asks for itself, but not for what a row decides."""
    decided = {_plain(name) for name in (*FOLLOWING, *(package for package, _ in row.pins))}
    held = {_plain(name) for name in _own_packages()} - decided
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if _plain(line.partition("==")[0]) in held]
    return "\n".join([*kept, *(f"{package}=={version}" for package, version in row.pins), ""])


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _own_packages() -> list[str]:
    """Returns the names of vgpipe's requirements, without their ranges: a row may lie outside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [re.split(r"[<>=!~;\[ ]", text, maxsplit=1)[0] for text in project["dependencies"]]


def installed(venv: Path) -> dict[str, str]:
    """Returns package -> version of a venv."""
    listed = json.loads(subprocess.check_output([venv / "bin" / "python", "-m", "pip", "list", "--format=json"]))
    return {one["name"].replace("-", "_"): one["version"] for one in listed}
