"""One tiny run that the tests of the Python interface share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import vgpipe

CLIP = {"width": 32, "height": 32, "num_frames": 5, "num_inference_steps": 4}
PROMPTS = ("a small red circle", {"prompt": 'a <b>{size}</b> square, "${x}"', "matrix": {"size": ["large"]}, "seed": 3})


@pytest.fixture(scope="session")
def tiny(tiny_wan: Path) -> Mapping[str, Any]:
    """The arguments that make a clip in moments."""
    return {
        "clip": CLIP,
        "overrides": [f"model.id={tiny_wan}", "executor.canary=false", "checks=off"],
        "show_progress": False,
    }


@pytest.fixture(scope="session")
def made(tiny, tmp_path_factory) -> vgpipe.Run:
    """A finished run of two prompts, made where nothing else is."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("api"))
    try:
        return vgpipe.run(prompts=PROMPTS, exporter=["mp4", "gif"], **tiny)
    finally:
        os.chdir(before)
