"""Long clips of the real families by the command line, on tiny checkpoints: exact lengths, each continuation method."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests import tiny

# option, method, size, segment, frames asked for, frames that condition a later segment
CASES = [
    ("wan22_ti2v_5b", "image", 64, 9, 14, 1),
    ("wan22_ti2v_5b", "window", 32, 9, 14, 0),
    ("wan21_t2v_1_3b", "window", 32, 9, 20, 0),
    ("wan21_vace_1_3b", "frames", 32, 13, 18, 5),
    ("cogvideox_5b", "window", 32, 9, 14, 0),
    ("cogvideox_5b_i2v", "image", (48, 32), None, 52, 1),
    ("ltx_video_2b", "image", 64, 17, 22, 1),
    ("ltx_video_distilled", "frames", 64, 17, 22, 9),
    ("text_to_video_ms", "window", 16, 4, 9, 0),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    known = {}

    def folder(option):
        if option not in known:
            known[option] = tiny.build(option, tmp_path_factory.mktemp(option) / "model")
        return known[option]

    return folder


@pytest.mark.parametrize(("option", "method", "side", "segment", "frames", "given"), CASES)
def test_a_long_clip_is_exactly_as_long_as_asked(vgpipe, folders, option, method, side, segment, frames, given):
    Image.fromarray(np.full((64, 64, 3), 90, "uint8")).save("first.png")
    width, height = side if isinstance(side, tuple) else (side, side)
    sizes = [f"clip.width={width}", f"clip.height={height}", "model.rules.min_side=16", "model.rules.side_multiple=16"]
    length = [f"clip.segment_num_frames={segment}", "model.rules.min_segment_num_frames=null"] if segment else []
    image = ["clip.image=first.png"] if option.endswith("i2v") else []
    typed = [
        f"model={option}",
        f"model.id={folders(option)}",
        "checks=off",
        "model.dtype=float32",
        "model.scheduler.name=null",
    ]
    quick = ["quality.num_inference_steps=2", "run.plan=off", "executor.canary=false", "exporter=frames"]
    ran = vgpipe(
        "clip.prompt=red circle", f"clip.num_frames={frames}", f"clip.continuation={method}",
        *sizes, *length, *image, *typed, *quick,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    record = ran.records()[0]
    assert record["state"] == "done" and len(list((ran.root / record["files"]["frames"]).iterdir())) == frames
    assert len(record["segments"]) > 1
    assert {part["given_num_frames"] for part in record["segments"][1:]} == {given}
