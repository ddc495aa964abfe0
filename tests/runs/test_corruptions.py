"""Damage anywhere in a store and a run: remade or refused by name, never another video, never a traceback.

`benchmarks/corruptions.py` does the same two hundred times, also to runs that were killed.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.corruptions import DAMAGES, changed, files_below, names_of


def pictures(root: Path) -> dict[str, bytes]:
    """Returns the pixels of each frame: the recipe in the files may lack what was lost."""
    found = {}
    for path in sorted(root.glob("frames/*/*.png")):
        with Image.open(path) as picture:
            found[path.relative_to(root).as_posix()] = picture.tobytes()
    return found


@pytest.fixture
def whole(render, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    assert render("job=job.yaml", "exporter=frames", "executor.canary=false", "hydra.run.dir=run").code == 0
    for name in ("run", "outputs"):
        shutil.copytree(workdir / name, workdir / "whole" / name, symlinks=True)
    return workdir / "whole"


def test_whatever_is_damaged_is_made_again_or_refused_by_name(whole, render, vgpipe, workdir):
    right, dice = pictures(whole / "run"), random.Random(7)
    for number, damage in enumerate(DAMAGES):
        for name in ("run", "outputs"):
            shutil.rmtree(workdir / name, ignore_errors=True)
            shutil.copytree(whole / name, workdir / name, symlinks=True)
        files = files_below(workdir / ("outputs/.store" if number % 2 else "run"))
        path = next((one for one in dice.sample(files, len(files)) if damage(one, dice, files)), None)
        told = f"{damage.__name__} {path}"
        ran = vgpipe("resume", "run")
        assert path is not None and "Traceback" not in ran.err, told
        if ran.code:
            names = names_of(changed(whole, workdir))
            assert ran.code == 2 and any(name in ran.err for name in names), (told, ran.err)
            ran = render("job=job.yaml", "exporter=frames", "executor.canary=false", "hydra.run.dir=run")
        assert ran.code == 0 and pictures(workdir / "run") == right, (told, ran.err)
