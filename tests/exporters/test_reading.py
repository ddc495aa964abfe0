"""Reading recipes out of files that anybody may have made."""

from __future__ import annotations

import os
import re
import shutil
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.exporters.clips import smooth
from tests.exporters.recipes import HOSTILE, KINDS, exported
from vgpipe.exporters.embed import embed_text
from vgpipe.exporters.reading import NONE, read_recipe
from vgpipe.exporters.recipe import to_text

CLIP = smooth(2, 32, 32)
IMAGES = ("gif", "webp", "apng", "jpg", "last_frame", "sheet")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of every kind, with a recipe."""
    folder = tmp_path_factory.mktemp("files")
    made = {kind: exported(kind, CLIP, folder / kind, HOSTILE) for kind in KINDS}
    return {kind: path / f"000000.{kind}" if path.is_dir() else path for kind, path in made.items()}


def refused(path, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_reported(tmp_path):
    refused(tmp_path / "missing.mp4", "^no such file$")
    refused(tmp_path, "has no PNG or JPEG in it")
    (tmp_path / "000.png").symlink_to(tmp_path)
    refused(tmp_path, "has no PNG or JPEG in it")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        refused(tmp_path / "pipe.mp4", "^is not a file$")


@pytest.mark.parametrize("content", [b"", b"hello\n" * 99, b"\0" * 5000, b"RIFF\x24\0\0\0WAVEfmt "])
def test_what_is_no_video_is_reported(content, tmp_path):
    (tmp_path / "a.mp4").write_bytes(content)
    refused(tmp_path / "a.mp4", "^its recipe cannot be read: .")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_cut_off_does_no_harm(files, kind, tmp_path):
    whole = files[kind].read_bytes()
    ends = [0.02, 0.3, 0.97] if kind not in IMAGES else [share / 50 for share in range(50)]
    for share in ends:
        (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
        try:
            assert read_recipe(tmp_path / "cut") == HOSTILE
        except ValueError as error:
            assert str(error) == NONE or str(error).startswith("its recipe cannot be read: ")


@pytest.mark.parametrize("kind", IMAGES)
def test_damaged_images_do_no_harm(files, kind, tmp_path):
    whole, path = files[kind].read_bytes(), tmp_path / "damaged"

    @settings(max_examples=100)
    @given(st.lists(st.tuples(st.integers(12, len(whole) - 1) | st.integers(12, 80), st.integers(0, 255)), min_size=1))
    def damaged(changes):
        broken = bytearray(whole)
        for at, value in changes:
            broken[at] = value
        path.write_bytes(broken)
        try:
            read_recipe(path)
        except ValueError as error:
            assert str(error) == NONE or str(error).startswith("its recipe cannot be read: ")

    damaged()


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a:b.mp4", "http:x.mp4", "%03d.mp4", "a'b \"c\\n.mp4", "🐈.mp4", "concat:a|b"]
)
def test_strange_names_are_only_names(files, name, tmp_path, monkeypatch):
    shutil.copy(files["mp4"], tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert read_recipe(type(tmp_path)(name)) == HOSTILE


def test_nothing_that_a_playlist_names_is_opened(files, tmp_path):
    shutil.copy(files["mp4"], tmp_path / "other.mp4")
    for pattern in ("#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile other.mp4\n"):
        (tmp_path / "a.mp4").write_text(pattern)
        refused(tmp_path / "a.mp4", "its recipe cannot be read")


def test_a_stuck_ffmpeg_is_ended(files, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    monkeypatch.setattr("vgpipe.exporters.reading.TIMEOUT_S", 0.2)
    started = time.monotonic()
    refused(files["mp4"], "its recipe cannot be read")
    assert time.monotonic() - started < 10


def test_a_flood_of_words_is_ended(files, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\nexec yes\n")
    fake.chmod(0o755)
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    refused(files["mp4"], "its recipe cannot be read")


def test_without_ffmpeg_images_are_read_and_videos_say_why(files, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", "/nowhere/ffmpeg")
    refused(files["mp4"], "its recipe cannot be read: ffmpeg cannot be started")
    assert read_recipe(files["gif"]) == read_recipe(files["webp"]) == read_recipe(files["jpg"]) == HOSTILE


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_only_files_of_the_kind_are_changed(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    for content in (b"", b"GIF89a", b"x" * 99):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            embed_text(path, "x")
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_reading_ends_after_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("vgpipe.exporters.image_texts.TIMEOUT_S", -1)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 1000)
    refused(tmp_path / "a.png", "too many parts")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs a device")
def test_what_only_points_to_a_device_is_not_read(tmp_path):
    (tmp_path / "a.png").symlink_to("/dev/zero")
    refused(tmp_path / "a.png", "^is not a file$")
    (tmp_path / "b.png").symlink_to("/proc/self/environ")
    refused(tmp_path / "b.png", "^it is not a regular file$")


def test_other_programs_comments_are_passed_over(tmp_path):
    image = Image.new("RGB", (8, 8))
    image.save(tmp_path / "a.jpg", comment=b"Created with a program")
    refused(tmp_path / "a.jpg", re.escape(NONE))
    image.save(tmp_path / "a.gif", comment=b"Created with a program")
    embed_text(tmp_path / "a.gif", to_text(HOSTILE))
    assert read_recipe(tmp_path / "a.gif") == HOSTILE


def test_a_bomb_in_a_png_is_not_unpacked(tmp_path):
    info = PngImagePlugin.PngInfo()
    packed = zlib.compress(b'"vgpipe"' + b" " * 50_000_000, 9)
    info.add(b"iTXt", b"vgpipe\0\1\0\0\0" + packed)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    refused(tmp_path / "a.png", "its recipe cannot be read: it is not")


@pytest.mark.parametrize(("text", "pattern"), [('{"vgpipe":0}', "schema number"), ('{"vgpipe":1,"zlib":', "not JSON")])
def test_a_damaged_recipe_is_reported(text, pattern, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", comment=text.encode())
    refused(tmp_path / "a.jpg", f"^its recipe cannot be read: .*{pattern}")
