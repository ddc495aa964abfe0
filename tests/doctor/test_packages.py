"""Which packages the doctor looks at."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from vgpipe.doctor import packages
from vgpipe.doctor.lines import Status
from vgpipe.doctor.packages import HEAVY, LIGHT, torch_line
from vgpipe.doctor.probes import Answer
from vgpipe.doctor.versions import normalized

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_package_that_vgpipe_requires_is_imported():
    required = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]
    names = {normalized(re.match(r"[\w.-]+", requirement)[0]) for requirement in required}
    assert names <= {normalized(name) for name in HEAVY | LIGHT}


TORCH = {"version": "2.8.0", "build": "CUDA 12.8", "device": "cuda", "reason": "", "gpus": [], "numpy": ""}


def test_a_driver_that_is_too_old_for_the_build_is_told_in_torchs_words():
    answer = Answer(ok=True, value=TORCH | {"reason": "The NVIDIA driver on your system is too old (found 11040)."})
    line = torch_line(answer)[0]
    assert line.status is Status.WARNING and "too old (found 11040)" in line.found and "driver" in line.remedy


def test_torch_without_numpy_is_broken():
    line = torch_line(Answer(ok=True, value=TORCH | {"numpy": "Numpy is not available"}))[0]
    assert line.status is Status.BROKEN and "numpy" in line.remedy


def test_a_plugin_beside_a_library_that_it_does_not_take_is_a_warning(monkeypatch):
    wanted = {"hydra-optuna-sweeper": ["optuna<3.0.0,>=2.10.0"]}
    monkeypatch.setattr(packages, "_requires", lambda name: wanted.get(name, []))
    monkeypatch.setattr(packages, "installed", lambda names: {"optuna": "5.0.0"} if "optuna" in names else {})
    (line,) = [one for one in packages.version_lines(Answer(ok=True)) if one.name == "hydra-optuna-sweeper"]
    assert line.status is Status.WARNING and line.remedy == 'pip install "optuna<3.0.0,>=2.10.0"'
