"""Which paths lead to a run, and to a file of it."""

from __future__ import annotations

import pytest

from tests.report.runs import make_run, record
from vgpipe.serve.files import Folder, Place, is_media, is_plain


def test_the_run_is_the_first_folder_with_records(tmp_path):
    make_run(tmp_path / "videos" / "2026", [record()])
    folder = Folder(tmp_path)
    assert folder.place_of(["videos", "2026", "videos", "a.mp4"]) == Place(("videos", "2026"), ("videos", "a.mp4"))
    assert folder.place_of(["videos"]) is None and folder.place_of([]) is None


def test_the_folder_may_be_a_run_itself(tmp_path):
    make_run(tmp_path, [record()])
    assert Folder(tmp_path).place_of(["report.html"]) == Place((), ("report.html",))


def test_the_folder_may_be_a_link(tmp_path):
    make_run(tmp_path / "here" / "run", [record()])
    (tmp_path / "link").symlink_to(tmp_path / "here")
    folder = Folder(tmp_path / "link")
    place = folder.place_of(["run", "videos", "a.mp4"])
    assert place is not None and folder.open_media(place) is not None


@pytest.mark.parametrize("name", ["", ".", "..", ".store", "a/b", "a\\b", "a\0"])
def test_names_that_are_never_part_of_a_path(name):
    assert not is_plain(name)


@pytest.mark.parametrize(
    "path",
    [
        "videos/a.mp4",
        "videos/A.MP4",
        "frames/a/000000.png",
        "rejected/frames/a/0.png",
        "sheets/a.png",
        "contact-sheet.png",
    ],
)
def test_media(path):
    assert is_media(path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "a.mp4",
        "config.yaml",
        "videos",
        "videos/a",
        "videos/a.html",
        "videos/a.svg",
        "other/a.mp4",
        "videos/a/b/c/d.mp4",
        "sheets",
    ],
)
def test_no_media(path):
    assert not is_media(path.split("/"))
