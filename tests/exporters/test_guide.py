"""The exporter of docs/adding-an-exporter.md works as it is written there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
import yaml

from tests.exporters.clips import decoded, encoders, smooth
from vgpipe.config.exporter_schema import VideoConfig
from vgpipe.config.limits import record
from vgpipe.config.validate import validate_as
from vgpipe.exporters.encoder_chain import chain_of
from vgpipe.exporters.reading import read_recipe

GUIDE = (Path(__file__).parents[2] / "docs" / "adding-an-exporter.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def guide(monkeypatch):
    """A module with the classes of the guide."""
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # where dataclasses look for their names
    exporter, options = blocks("python")
    exec(compile(exporter, "adding-an-exporter.md", "exec"), module.__dict__)
    module.__dict__.update({"record": record, "VideoConfig": VideoConfig, "Literal": Literal})
    exec(compile(options, "adding-an-exporter.md", "exec"), module.__dict__)
    return module


@pytest.mark.skipif("utvideo" not in encoders(), reason="the bundled ffmpeg has no utvideo")
def test_its_file_holds_the_frames_and_the_recipe(guide, tmp_path):
    frames, recipe = smooth(height=67, width=65), {"vgpipe": 1, "clip": {"prompt": "a fox"}}
    made = chain_of(guide.UtVideoExporter()).export(frames, fps=8.0, folder=tmp_path, recipe=recipe)
    assert made.kind == "utvideo" and made.degradation is None and made.files == ("video.mkv",)
    assert np.array_equal(decoded(tmp_path / "video.mkv")[0], frames)
    assert read_recipe(tmp_path / "video.mkv") == recipe


def test_its_yaml_holds_every_option(guide):
    (written,) = blocks("yaml")
    options = yaml.safe_load(written)
    checked = validate_as(guide.UtVideoConfig, options)
    assert {name: getattr(checked, name) for name in options} == options
    assert set(options) == set(guide.UtVideoConfig.__dataclass_fields__)
