from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.exporters.frames import FramesExporter


def test_every_frame_comes_back_bit_for_bit(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (3, 17, 33, 3), dtype="uint8")
    FramesExporter().export(frames, fps=8.0, folder=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]
    assert np.array_equal(np.stack([np.asarray(Image.open(tmp_path / name)) for name in names]), frames)


def test_a_missing_folder_is_an_export_error(tmp_path):
    with pytest.raises(ExportError, match="frame 0"):
        FramesExporter().export(np.zeros((1, 4, 4, 3), "uint8"), fps=8.0, folder=tmp_path / "missing")
