from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vgpipe.exporters.base import exporter
from vgpipe.exporters.joined_frames import JoinedFrames, Span
from vgpipe.job.picture import Picture, load_picture
from vgpipe.store.rundir import RunDir


@pytest.mark.parametrize("count", [1, 5])
def test_the_last_frame_begins_the_next_clip_bit_for_bit(tmp_path, count):
    frames = np.random.default_rng(0).integers(0, 256, (count, 17, 33, 3), dtype="uint8")
    joined = JoinedFrames([Span(lambda: frames, 0, count)])
    made = exporter({"name": "last_frame"}).export(joined, fps=8.0, folder=tmp_path, recipe={"vgpipe": 1})
    placed = RunDir(tmp_path / "run").place(made.kind, "a-cat", [tmp_path / made.files[0]])
    assert placed == "last_frames/a-cat.png"
    picture = load_picture(f"run/{placed}", tmp_path)
    assert isinstance(picture, Picture) and (picture.width, picture.height) == (33, 17)
    assert np.array_equal(np.asarray(Image.open(picture.path)), frames[-1])
