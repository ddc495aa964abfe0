"""Which files of a record are shown, how, and in what order."""

from __future__ import annotations

import os

import pytest

from vgpipe.report.media import Media


def a_run(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return Media(root)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_numbered_frames_play_one_by_one(tmp_path, suffix):
    media = a_run(tmp_path, *(f"frames/a b/{number:06}{suffix}" for number in (1, 0, 2, 4)), "frames/a b/notes.txt")
    first = {"kind": "frames", "show": "frames", "url": f"./frames/a%20b/000000{suffix}"}
    assert media.files({"frames": "frames/a b"}) == [
        {**first, "folder": "./frames/a%20b/", "suffix": suffix, "count": 3}
    ]


def test_other_images_are_shown_by_the_first(tmp_path):
    media = a_run(tmp_path, "frames/a/z.png", "frames/a/b.png", "frames/empty/notes.txt")
    shown = media.files({"frames": "frames/a", "more": "frames/empty"})
    assert shown == [{"kind": "frames", "show": "still", "url": "./frames/a/b.png"}]


def test_linked_frames_are_left_out(tmp_path):
    media = a_run(tmp_path / "run", "frames/a/000000.png", "frames/a/000002.png", "frames/b/notes.txt")
    (tmp_path / "secret.png").touch()
    for path in ("frames/a/000001.png", "frames/b/000000.png"):
        os.symlink(tmp_path / "secret.png", tmp_path / "run" / path)
    assert [entry["count"] for entry in media.files({"frames": "frames/a", "more": "frames/b"})] == [1]
    assert media.first_image("frames/b") is None


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng"])
def test_moving_images_move(tmp_path, suffix):
    media = a_run(tmp_path, f"videos/a.{suffix}")
    assert media.files({suffix: f"videos/a.{suffix}"})[0]["show"] == "moving"


def test_an_apng_is_known_by_its_kind(tmp_path):
    media = a_run(tmp_path, "videos/a.png")
    assert media.files({"apng": "videos/a.png"})[0]["show"] == "moving"


def test_the_best_to_look_at_comes_first(tmp_path):
    files = {
        "mov_prores": "videos/a.mov",
        "poster": "sheets/a.poster.jpg",
        "sheet": "sheets/a.png",
        "gif": "videos/a.gif",
        "mp4": "videos/a.mp4",
    }
    shown = a_run(tmp_path, *files.values()).files(files)
    assert [file["kind"] for file in shown] == ["mp4", "gif", "sheet", "poster", "mov_prores"]
    assert [file["show"] for file in shown] == ["video", "moving", "still", "poster", "link"]


def test_a_poster_that_is_no_image_is_no_poster(tmp_path):
    media = a_run(tmp_path, "videos/a.mp4", "a.html")
    assert media.files({"poster": "videos/a.mp4"})[0]["show"] == "video"
    assert media.files({"poster": "a.html"})[0]["show"] == "link"


@pytest.mark.parametrize("path", ["../x.png", "/x.png", "", ".", "C:\\x.png", 7, None, "gone.png", "a.html"], ids=repr)
def test_what_is_no_image_of_the_run_is_no_first_image(tmp_path, path):
    assert a_run(tmp_path, "a.html").first_image(path) is None
