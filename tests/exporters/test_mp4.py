from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs, get_ffmpeg_exe, read_frames

from vgpipe.errors import ExportError
from vgpipe.exporters.mp4 import Mp4Exporter


def frames(count=9, height=48, width=64):
    """Smooth colours that move, so that chroma subsampling costs little."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    red, green, blue = 128 + 100 * np.sin((x + 4 * t) / 19), 255 * y / height, 255 - 200 * x / width
    return np.stack([red, green, blue], -1).clip(0, 255).astype("uint8")


def decoded(path: Path):
    reader = read_frames(str(path))
    meta = next(reader)
    width, height = meta["source_size"]
    return meta, np.stack([np.frombuffer(frame, "uint8").reshape(height, width, 3) for frame in reader])


def psnr_db(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


@pytest.mark.parametrize("fps", [8.0, 23.976, 24.0, 60.0])
def test_frame_count_size_rate_and_colours_are_kept(tmp_path, fps):
    original = frames()
    Mp4Exporter(crf=8).export(original, fps=fps, folder=tmp_path)
    meta, got = decoded(tmp_path / "video.mp4")
    assert got.shape == original.shape
    assert meta["fps"] == pytest.approx(fps, abs=0.01)
    assert count_frames_and_secs(str(tmp_path / "video.mp4"))[0] == 9
    assert psnr_db(got, original) > 38  # a matrix or range slip costs over 10 dB
    assert abs((got.astype(float) - original).mean(axis=(0, 1, 2))).max() < 1.5


def test_it_is_tagged_and_starts_with_its_index(tmp_path):
    Mp4Exporter().export(frames(), fps=8.0, folder=tmp_path)
    data = (tmp_path / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    printed = subprocess.run([get_ffmpeg_exe(), "-i", tmp_path / "video.mp4"], capture_output=True, text=True).stderr
    assert re.search(r"h264.*yuv420p\(tv, bt709[,)]", printed)


def test_equal_frames_give_equal_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Mp4Exporter().export(frames(), fps=8.0, folder=tmp_path / name)
    assert (tmp_path / "a/video.mp4").read_bytes() == (tmp_path / "b/video.mp4").read_bytes()


def test_odd_sides_are_padded_by_the_last_row_and_nothing_is_scaled(tmp_path):
    original = frames(height=47)
    made = Mp4Exporter(crf=4).export(original, fps=8.0, folder=tmp_path)
    _, got = decoded(tmp_path / "video.mp4")
    assert made.facts["padded"] == [0, 1] and made.facts["height"] == 48
    assert psnr_db(got[:, :47], original) > 38 and psnr_db(got[:, 47], original[:, 46]) > 35


def test_the_command_is_the_one_that_made_the_artifacts_there_are(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("vgpipe.exporters.video.pipe", lambda arguments, *_, **__: seen.append(arguments))
    Mp4Exporter().export(frames(), fps=8.0, folder=tmp_path)
    assert " ".join(seen[0]) == (
        "-f rawvideo -pix_fmt rgb24 -s 64x48 -r 8 -i - "
        "-vf scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,"
        "setparams=color_primaries=bt709:color_trc=bt709 "
        "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv "
        "-c:v libx264 -crf 16 -preset medium -pix_fmt yuv420p -movflags +faststart -an -y"
    )


def test_ffmpegs_own_words_are_in_the_error(tmp_path):
    with pytest.raises(ExportError, match="No such file"):
        Mp4Exporter().export(frames(), fps=8.0, folder=tmp_path / "missing")


def test_an_ffmpeg_that_dies_in_the_middle_is_an_error(tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nhead -c 1000 >/dev/null\necho 'disk on fire' >&2\nexit 7\n")
    fake.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(fake))
    with pytest.raises(ExportError, match=r"exit 7.*disk on fire"):
        Mp4Exporter().export(frames(200), fps=8.0, folder=tmp_path)


def test_an_error_while_reading_frames_ends_ffmpeg(tmp_path):
    class Broken:
        shape = (3, 48, 64, 3)

        def __iter__(self):
            yield frames(1)[0]
            raise ValueError("bad frame")

    with pytest.raises(ValueError, match="bad frame"):
        Mp4Exporter().export(Broken(), fps=8.0, folder=tmp_path)
