"""Every kind of video, read back by the bundled ffmpeg."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.exporters.clips import BARS, bars, decoded, encoders, psnr_db, smooth
from vgpipe.exporters.base import exporter

KINDS = {  # kind -> its encoder, and the least PSNR of a smooth clip, dB
    "mp4": ("libx264", 38),
    "mp4_hevc": ("libx265", 36),
    "webm": ("libvpx-vp9", 36),
    "av1": ("libsvtav1", 36),
    "mov_prores": ("prores_ks", 38),
    "ffv1": ("ffv1", np.inf),
    "gif": ("gif", 25),
    "webp": ("libwebp", 34),
    "apng": ("apng", np.inf),
}


@pytest.fixture(params=KINDS)
def kind(request):
    encoder, _ = KINDS[request.param]
    if encoder not in encoders():
        pytest.skip(f"the bundled ffmpeg has no {encoder}")
    return request.param


def export(kind, frames, folder, *, fps=8.0, **settings):
    made = exporter({"name": kind, **settings}).export(frames, fps=fps, folder=folder)
    assert made.degradation is None and made.kind == kind and len(made.files) == 1
    assert [path.name for path in folder.iterdir()] == list(made.files)
    return made, folder / made.files[0]


def shown_fps(shown_line):
    return float(re.search(r"([\d.]+) fps", shown_line)[1])


def test_frame_count_size_rate_and_colours_are_kept(kind, tmp_path):
    original = smooth(height=64, width=96)
    made, path = export(kind, original, tmp_path, fps=24.0)
    got, shown_line = decoded(path)
    assert got.shape == original.shape
    assert psnr_db(got, original) >= KINDS[kind][1]
    rounded = {"gif": 1.0, "webp": 0.1}  # delays in 1/100 and 1/1000 s
    assert shown_fps(shown_line) == pytest.approx(24, abs=rounded.get(kind, 0.01))
    assert made.facts == {"width": 96, "height": 64, "num_frames": 9, "fps": "24"}


def test_saturated_colours_come_back(kind, tmp_path):
    _, path = export(kind, bars(), tmp_path)
    got, _ = decoded(path)
    for number, colour in enumerate(BARS.astype(int)):
        middle = got[:, 16:-16, 32 * number + 12 : 32 * number + 20]
        assert np.abs(middle - colour).max() <= 3, colour


def test_odd_sides_are_kept_or_padded_by_one_pixel(kind, tmp_path):
    original = smooth(height=67, width=65)
    made, path = export(kind, original, tmp_path)
    got, _ = decoded(path)
    if "padded" in made.facts:
        assert made.facts["padded"] == [1, 1] and got.shape[1:3] == (68, 66)
    else:
        assert got.shape == original.shape
    assert psnr_db(got[:, :67, :65], original) > 26
    assert len(got) == 9


def test_equal_frames_give_equal_bytes(kind, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, two = (export(kind, smooth(4, 64, 64), tmp_path / name)[1] for name in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()


def test_a_single_frame_is_enough(kind, tmp_path):
    _, path = export(kind, smooth(1, 64, 64), tmp_path)
    assert decoded(path)[0].shape == (1, 64, 64, 3)


@pytest.mark.parametrize("fps", [23.976, 30000 / 1001, 12.5])
def test_rates_are_exact_fractions(tmp_path, fps):
    made, path = export("mp4", smooth(), tmp_path, fps=fps)
    assert Fraction(made.facts["fps"]) == Fraction(fps).limit_denominator(1001)
    assert shown_fps(decoded(path)[1]) == pytest.approx(fps, abs=0.01)


def test_a_gif_lasts_as_long_as_the_clip(tmp_path):
    _, path = export("gif", smooth(12), tmp_path, fps=24.0)
    with Image.open(path) as gif:
        durations = [gif.seek(index) or gif.info["duration"] for index in range(gif.n_frames)]
    assert gif.n_frames == 12 and sum(durations) == pytest.approx(500, abs=20)


def test_tags_say_what_it_is(tmp_path):
    for name, pattern in {
        "mp4_hevc": r"hevc.*hvc1.*yuv420p\(tv, bt709[,)]",
        "mov_prores": r"prores \(HQ\).*yuv422p10le\(tv, bt709[,)]",
        "webm": r"vp9.*yuv420p\(tv, bt709[,)]",
        "av1": r"av1.*yuv420p\(tv, bt709[,)]",
    }.items():
        if KINDS[name][0] in encoders():
            (tmp_path / name).mkdir()
            _, path = export(name, smooth(3, 64, 64), tmp_path / name)
            assert re.search(pattern, decoded(path)[1]), name


@pytest.mark.parametrize("interpolate", [None, "minterpolate"])
@pytest.mark.parametrize(("source", "target", "count"), [(8.0, 24.0, 48), (8.0, 30.0, 60), (24.0, 8.0, 5)])
def test_another_rate_keeps_the_length(tmp_path, interpolate, source, target, count):
    original = smooth(16, 64, 64)
    changed = exporter({"name": "mp4", "fps": target, "interpolate": interpolate})
    made = changed.export(original, fps=source, folder=tmp_path)
    got, shown_line = decoded(tmp_path / "video.mp4")
    assert made.facts["num_frames"] == count
    assert len(got) == count and shown_fps(shown_line) == pytest.approx(target, abs=0.01)
    assert psnr_db(got[0], original[0]) > 34 and psnr_db(got[-1], original[int((count - 1) * source / target)]) > 25


def test_frames_between_are_made(tmp_path):
    made = exporter({"name": "ffv1", "fps": 16.0, "interpolate": "minterpolate"})
    made.export(smooth(9, 64, 64), fps=8.0, folder=tmp_path)
    got, _ = decoded(tmp_path / "video.mkv")
    assert len(got) == 18 and all((a != b).any() for a, b in pairwise(got[:17]))


@pytest.mark.parametrize(
    ("settings", "size"),
    [({"upscale_height": 96}, (128, 96)), ({"upscale_factor": 1.5}, (96, 72)), ({"upscale_factor": 0.5}, (32, 24))],
)
@pytest.mark.parametrize("name", ["mp4", "gif"])
def test_another_size(tmp_path, name, settings, size):
    _, path = export(name, smooth(), tmp_path, **settings)
    got, _ = decoded(path)
    assert got.shape == (9, size[1], size[0], 3)
    wanted = np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)) for frame in smooth()])
    assert psnr_db(got, wanted) > (34 if name == "mp4" else 25)


def test_frames_as_jpeg(tmp_path):
    made = exporter({"name": "frames", "image_format": "jpg"}).export(smooth(3), fps=8.0, folder=tmp_path)
    assert made.files == ("000000.jpg", "000001.jpg", "000002.jpg") and made.kind == "frames"
    got = np.stack([np.asarray(Image.open(tmp_path / name)) for name in made.files])
    assert psnr_db(got, smooth(3)) > 38


@pytest.mark.parametrize(("count", "size"), [(1, (64, 48)), (3, (192, 48)), (9, (256, 144)), (100, (256, 192))])
def test_a_sheet_has_the_first_and_the_last_frame(tmp_path, count, size):
    frames = smooth(count)
    made = exporter({"name": "sheet"}).export(frames, fps=8.0, folder=tmp_path)
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.size == size and made.files == ("sheet.png", "poster.jpg")
    assert np.array_equal(np.asarray(sheet)[:48, :64], frames[0])
    last = (min(count, 16) - 1) % 4
    assert np.array_equal(np.asarray(sheet)[-48:, 64 * last : 64 * (last + 1)], frames[-1])


def test_a_long_gif_does_not_make_ffmpeg_hold_the_clip():
    from vgpipe.exporters.video import Picture
    from vgpipe.exporters.videos import GifExporter

    def filters(count):
        return GifExporter().filters(Picture(1024, 1024, Fraction(8), count), [])[1]

    assert "single" not in filters(256) and "stats_mode=single" in filters(257) and "new=1" in filters(257)


def test_a_moving_edge_leaves_no_trail_in_a_webp(tmp_path):
    """Decoded by libwebp itself, through Pillow: ffmpeg's own decoder shows less of it."""
    frames = np.zeros((16, 64, 96, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[16:48, 4 + 4 * number : 28 + 4 * number] = (230, 20, 240)
    _, path = export("webp", frames, tmp_path)
    with Image.open(path) as image:
        got = np.stack([np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(image)])
    found = [psnr_db(one, original) for one, original in zip(got, frames, strict=True)]
    assert min(found) > found[0] - 0.5


@pytest.mark.parametrize(("kind", "fps", "kept"), [("gif", 60.0, 50), ("webp", 120.0, 90), ("apng", 120.0, 90)])
def test_delays_that_browsers_would_lengthen_are_avoided(tmp_path, kind, fps, kept):
    made = exporter({"name": kind, "fps": fps}).export(smooth(36, 64, 64), fps=8.0, folder=tmp_path)
    path = tmp_path / made.files[0]
    with Image.open(path) as image:
        delays_ms = [frame.info["duration"] for frame in ImageSequence.Iterator(image) if frame.load()]
    assert made.facts["fps"] == str(kept) and len(delays_ms) == made.facts["num_frames"] == round(36 / 8 * kept)
    assert min(delays_ms) > 10 and sum(delays_ms) == pytest.approx(4500, abs=30)
