"""Every kind carries its recipe, and is otherwise as without."""

from __future__ import annotations

import errno
import os
import re

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.exporters.clips import decoded, encoders, ffmpeg_without, smooth
from tests.exporters.recipes import HOSTILE, IN_FOLDER, KINDS, LARGE, exported, remuxed
from tests.exporters.test_kinds import KINDS as ENCODERS
from vgpipe.errors import ExportError
from vgpipe.exporters.base import exporter, exporters
from vgpipe.exporters.joined_frames import JoinedFrames, Span
from vgpipe.exporters.reading import NONE, read_recipe
from vgpipe.exporters.recipe import to_text
from vgpipe.exporters.watermark import watermark

CLIP = smooth(3, 33, 47)


@pytest.fixture(params=KINDS)
def kind(request):
    if ENCODERS.get(request.param, ("libx264",))[0] not in encoders():
        pytest.skip("the bundled ffmpeg lacks its encoder")
    return request.param


def shown(path):
    """Returns the pixels, and what ffmpeg says of the video."""
    if path.is_dir():
        return np.stack([np.asarray(Image.open(one)) for one in sorted(path.iterdir())]), ""
    pixels, shown_text = decoded(path)
    return pixels, re.sub(r"\d+ kb/s, ", "", re.search(r"Stream #0.*?Video: .*", shown_text)[0])


def data(path):
    return b"".join(one.read_bytes() for one in sorted(path.iterdir())) if path.is_dir() else path.read_bytes()


def test_it_comes_back_and_changes_nothing_else(kind, tmp_path):
    plain = exported(kind, CLIP, tmp_path / "plain")
    path = exported(kind, CLIP, tmp_path / "a", LARGE)
    assert read_recipe(path) == LARGE
    with pytest.raises(ValueError, match=re.escape(NONE)):
        read_recipe(plain)
    (pixels, stream), (same, other_stream) = shown(plain), shown(path)
    assert np.array_equal(pixels, same) and stream == other_stream
    assert to_text(LARGE).encode() not in data(plain) and len(to_text(LARGE)) > 49_000


def test_equal_frames_and_recipes_give_equal_bytes(kind, tmp_path):
    one = exported(kind, CLIP, tmp_path / "a", HOSTILE)
    two = exported(kind, CLIP, tmp_path / "b", dict(reversed(HOSTILE.items())))
    assert data(one) == data(two)


@pytest.mark.parametrize("kind", ["gif", "webp", "apng"])
@pytest.mark.parametrize("count", [1, 2])
def test_pillow_agrees_about_animations(kind, count, tmp_path):
    with Image.open(exported(kind, smooth(count, 33, 47), tmp_path / "a", HOSTILE)) as image:
        shown_text = {"gif": "comment", "webp": "xmp", "apng": "vgpipe"}[kind]
        text = image.text[shown_text] if kind == "apng" else image.info[shown_text]
        assert sum(1 for _ in ImageSequence.Iterator(image)) == count and image.size == (47, 33)
    if kind == "webp":
        assert b"<vgpipe:recipe>" in text
    else:
        assert (text.decode() if kind == "gif" else text) == to_text(HOSTILE)


def test_a_webp_says_its_own_length(tmp_path):
    for count in (1, 3):
        whole = exported("webp", smooth(count, 33, 47), tmp_path / str(count), HOSTILE).read_bytes()
        assert int.from_bytes(whole[4:8], "little") == len(whole) - 8 and whole[12:16] == b"VP8X" and whole[20] & 4


def test_every_file_of_a_folder_has_it(tmp_path):
    for path in exported("sheet", CLIP, tmp_path / "sheet", HOSTILE).parent.iterdir():
        assert read_recipe(path) == HOSTILE
    for kind in IN_FOLDER:
        folder = exported(kind, CLIP, tmp_path / kind, HOSTILE)
        assert [read_recipe(path) for path in sorted(folder.iterdir())] == [HOSTILE] * 3


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("mp4", ["mp4"]),
        ("mp4", ["mkv", "mp4"]),
        ("mp4", ["mov", "mp4"]),
        ("mp4_hevc", ["mkv", "mov"]),
        ("av1", ["webm", "mp4"]),
        ("webm", ["webm"]),
        ("webm", ["mkv", "mp4"]),
        ("mov_prores", ["mov", "mkv"]),
        ("ffv1", ["mkv"]),
    ],
)
def test_a_copy_in_another_container_keeps_it(kind, ways, tmp_path):
    path = exported(kind, CLIP, tmp_path / "a", LARGE)
    for number, suffix in enumerate(ways):
        path = remuxed(path, tmp_path / f"{number}.{suffix}")
        assert read_recipe(path) == LARGE


@pytest.mark.parametrize(
    "settings",
    [{"fps": 12.0, "interpolate": "minterpolate", "upscale_factor": 1.5}, {"fps": 4.0, "upscale_height": 64}],
)
@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_filters_and_watermarks_go_with_it(kind, settings, tmp_path):
    frames = JoinedFrames([Span(lambda: CLIP, 0, 3)], watermark("DRAFT", width=47, height=33))
    plain, path = (exported(kind, frames, tmp_path / str(one), one, **settings) for one in (None, {"vgpipe": 1}))
    assert np.array_equal(decoded(plain)[0], decoded(path)[0]) and read_recipe(path) == {"vgpipe": 1}


def test_ffmpegs_command_line_does_not_tell_it(tmp_path, monkeypatch):
    seen = []

    def pipe(arguments, *_, target, **__):
        seen.extend(arguments)
        target.touch()

    monkeypatch.setattr("vgpipe.exporters.video.pipe", pipe)
    exporter({"name": "mp4"}).export(CLIP, fps=8.0, folder=tmp_path, recipe=HOSTILE)
    assert sum(map(len, seen)) < 1000 and "-map_metadata" in seen
    assert not os.path.exists(seen[seen.index("ffmetadata") + 2])


@pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")
@pytest.mark.parametrize(
    ("missing", "got"),
    [
        (["libx264"], "mp4 (libopenh264)"),
        (["libx264", "libopenh264", "mpeg4"], "gif"),
        (["libx264", "libopenh264", "mpeg4", "gif"], "frames"),
    ],
)
def test_a_fallback_is_recorded_in_the_file(missing, got, tmp_path, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(tmp_path, *missing)))
    earlier = {"kind": "tiling", "asked": "off", "got": "on", "reason": "memory", "stage": "decode"}
    recipe, out = {**HOSTILE, "degradations": [earlier]}, tmp_path / "out"
    out.mkdir()
    made = exporter({"name": "mp4"}).export(CLIP, fps=8.0, folder=out, recipe=recipe)
    monkeypatch.delenv("VGPIPE_FFMPEG")
    shown_text = {
        "kind": "exporter",
        "asked": "mp4 (libx264)",
        "got": got,
        "reason": made.degradation.reason,
        "stage": None,
    }
    assert read_recipe(out / made.files[0]) == {**recipe, "degradations": [earlier, shown_text]}
    assert recipe["degradations"] == [earlier] and made.degradation.got == got


@pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")
def test_exporters_of_a_run_share_what_failed(tmp_path, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(tmp_path, "libx264", "libvpx-vp9")))
    made = []
    for number, one in enumerate(exporters([{"name": "mp4"}, {"name": "webm"}, {"name": "frames"}, {"name": "gif"}])):
        (tmp_path / str(number)).mkdir()
        made.append(one.export(CLIP, fps=8.0, folder=tmp_path / str(number)))
    assert (tmp_path / "calls").read_text().split() == ["libx264", "libopenh264", "libvpx-vp9", "libopenh264", "gif"]
    assert [one.kind for one in made] == ["mp4", "mp4", "frames", "gif"]
    assert made[1].degradation.asked == "webm (libvpx-vp9)" and "libvpx-vp9" in made[1].degradation.reason


@pytest.mark.parametrize("kind", ["gif", "webp", "apng"])
def test_a_disk_that_is_full_in_the_end_is_reported(kind, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vgpipe.exporters.embed.shutil.copyfileobj", full)
    with pytest.raises(ExportError, match="No space left") as caught:
        exported(kind, CLIP, tmp_path / "a", HOSTILE)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_no_place_for_temporary_files_is_reported(tmp_path, monkeypatch):
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(ExportError, match="temporary file") as caught:
        exported("mp4", CLIP, tmp_path / "a", HOSTILE)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")
def test_an_ffmpeg_that_writes_rubbish_is_an_encoder_that_failed(tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text('#!/bin/sh\ncat >/dev/null\nfor last in "$@"; do :; done\necho rubbish >"$last"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    (tmp_path / "out").mkdir()
    made = exporter({"name": "apng"}).export(CLIP, fps=8.0, folder=tmp_path / "out", recipe=HOSTILE)
    assert made.degradation.reason == "ffmpeg wrote no apng: the file ends too early"
