import numpy as np
import pytest
from PIL import Image

from vgpipe.bench.scores import StoredFrames, scores
from vgpipe.bench.vmaf import lacking, vmaf


@pytest.fixture
def folders(tmp_path):
    draw = np.random.default_rng(5)
    frames = draw.integers(0, 200, (3, 64, 64, 3), dtype=np.uint8)
    made = []
    for name, added in (("full", 0), ("near", 2), ("far", 50)):
        made.append(tmp_path / f"it's [{name}], a: b")
        made[-1].mkdir()
        for number, frame_HWC in enumerate(frames):
            Image.fromarray(frame_HWC + np.uint8(added)).save(made[-1] / f"{number:06d}.png")
    return made


def test_a_clip_is_compared_by_every_measure(folders):
    full, near, far = folders
    same, close, other = (scores(one, full) for one in (full, near, far))
    assert same["ssim"] == pytest.approx(1) and same["psnr_db"] == 100
    assert same["ssim"] > close["ssim"] > other["ssim"]
    assert close["psnr_db"] > other["psnr_db"] >= other["worst_psnr_db"]
    if not lacking():
        assert same["vmaf"] > 90 and same["worst_vmaf"] <= same["vmaf"]


@pytest.mark.skipif(bool(lacking()), reason="this ffmpeg has no libvmaf")
def test_vmaf_falls_where_the_picture_is_blurred(tmp_path, folders):
    frames = StoredFrames(folders[0])
    blurred = np.stack([(frame.astype(int) + np.roll(frame, 2, 0) + np.roll(frame, 2, 1)) // 3 for frame in frames])
    assert vmaf(blurred.astype(np.uint8), frames)[0] < 60


def test_missing_damaged_or_other_frames_are_not_compared(tmp_path, folders):
    full, near, _ = folders
    assert scores(tmp_path / "none", full) == {}
    (near / "000002.png").unlink()
    assert scores(near, full) == {}
    (near / "000002.png").write_bytes(b"no picture")
    assert scores(near, full) == {}
