"""Clips and files that are too large are refused before anything starts, with what to type instead."""

from __future__ import annotations

import pytest

from vgpipe.clips.requested import request
from vgpipe.clips.totals import refuse_too_large
from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.exporters.bounds import OF_STRANGERS

CLIP = ("model=shapes", "clip.prompt=a circle", "clip.width=64", "clip.height=64", "clip.num_frames=5")
SQUARE = ("clip.width=1024", "clip.height=1024", "model.rules.max_side=1024")


def check(*typed, **bounds):
    config = load([*CLIP, *typed])
    refuse_too_large(config, request(config).clips, **bounds)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        (["exporter.upscale_height=8640", "exporter.fps=240"], "exporter.upscale_height"),
        (["exporter=gif+webm", "also.webm.upscale_height=8640"], "also.webm.upscale_height"),
        ([*SQUARE, "exporter=mp4", "exporter.upscale_factor=8"], "exporter.upscale_factor"),
    ],
)
def test_a_file_too_large_is_refused_and_the_remedy_can_be_typed(typed, key):
    with pytest.raises(ConfigError, match="nothing was started") as caught:
        check(*typed)
    (fault,) = caught.value.faults
    assert fault.where == key and "pixels" in fault.what and "at most" in fault.what
    check(*[word for word in typed if not word.startswith(key)], fault.remedy)


def test_a_clip_too_large_is_refused_by_itself():
    huge = ("model.rules.max_side=16384", "clip.width=16384", "clip.height=16384", "exporter.upscale_factor=0.01")
    with pytest.raises(ConfigError, match="268,435,456 pixels a frame"):
        check(*huge)
    with pytest.raises(ConfigError, match="at most 8,847,360"):
        check("exporter.upscale_height=4320", of_files=OF_STRANGERS)
    check("exporter.upscale_height=4320")
