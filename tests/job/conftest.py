"""What the tests of the job floor share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vgpipe.errors import JobError
from vgpipe.job.reading.parse import read_job
from vgpipe.job.resolving.expand import Expansion, expand
from vgpipe.job.rules import ShapeRules

RULES = ShapeRules(max_side=256)
REFERENCE = {"seed": 0, "negative_prompt": "", "width": 64, "height": 64, "num_frames": 17, "fps": 8}
PRESET = {"num_inference_steps": 8, "guidance_scale": 5.0}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a job file in the working directory, so that messages name it by its bare name."""
    monkeypatch.chdir(tmp_path)

    def write_file(content: str | bytes, name: str = "a.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def clips_of(write: Callable[..., Path]) -> Callable[..., Expansion]:
    """Writes, reads and expands a job with the reference settings of the shapes model."""

    def make(
        content: str | None,
        name: str = "a.yaml",
        *,
        rules: ShapeRules = RULES,
        preset: Mapping[str, object] = PRESET,
        **overrides: object,
    ) -> Expansion:
        job = None if content is None else read_job(write(content, name), rules=rules)
        return expand(job, overrides=overrides, preset=preset, reference=REFERENCE, rules=rules, model="shapes")

    return make


@pytest.fixture
def faults_of(clips_of: Callable[..., Expansion]) -> Callable[..., list[str]]:
    """Gives the lines of the error that a job raises."""

    def faults(content: str | None, name: str = "a.yaml", **overrides: object) -> list[str]:
        with pytest.raises(JobError) as caught:
            clips_of(content, name, **overrides)
        return [str(fault) for fault in caught.value.faults]

    return faults
