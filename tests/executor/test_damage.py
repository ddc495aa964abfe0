"""What is damaged in the store while a run needs it is found by whoever reads it, and made again in the same run."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.stage_loop import StageLoop

JOB = "prompts: [a red circle, a blue square, a large circle, a small square, a square moving left]\n"
OPTIONS = ("exporter=frames", "executor.canary=false", "hydra.run.dir=run")


def hidden_flip(path: Path) -> None:
    """Changes a bit as a failing disk does: size and times stay."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path) if sys.platform != "win32" else path.mkdir()


def lose_all(path: Path) -> None:
    shutil.rmtree(path.parent)


DAMAGES = (hidden_flip, cut, pipe, lose_all, Path.unlink)
STAGES = {
    "encode": ("embeds.safetensors", StageLoop, "denoise"),
    "denoise": ("latents.safetensors", StageLoop, "decode"),
    "decode": ("frames.npy", ExportDelivery, "export"),
}


def pictures(root: Path) -> dict[str, str]:
    """Returns the digest of every frame of a run."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.glob("frames/*/*.png"))
    }


@pytest.fixture(scope="module")
def undamaged() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("stage", STAGES)
def test_damage_between_two_stages_is_made_again_in_the_same_run(render, workdir, monkeypatch, undamaged, stage):
    (workdir / "job.yaml").write_text(JOB)
    if not undamaged:
        assert render("job=job.yaml", *OPTIONS).code == 0
        undamaged.update(pictures(workdir / "run"))
        shutil.rmtree(workdir / "outputs")
        shutil.rmtree(workdir / "run")
    name, owner, method = STAGES[stage]
    untouched = getattr(owner, method)
    damaged: list[Path] = []

    def after_damage(self, *arguments):
        for path in sorted(workdir.glob(f"outputs/.store/{stage}/??/[0-9a-f]*/{name}")):
            if path not in damaged:  # once each
                DAMAGES[len(damaged) % len(DAMAGES)](path)
                damaged.append(path)
        return untouched(self, *arguments)

    monkeypatch.setattr(owner, method, after_damage)
    ran = render("job=job.yaml", *OPTIONS)
    assert ran.code == 0 and "Traceback" not in ran.err
    assert pictures(workdir / "run") == undamaged
    log = (workdir / "run/run.log").read_text()
    assert len(damaged) >= 5 and log.count("set aside") >= 4  # one is gone altogether
    assert "ValueError" not in log and "failed" not in log
