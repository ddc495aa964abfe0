"""One picture of a run: its grid, its tiles, and what may lie where a poster should."""

from __future__ import annotations

import os
import struct
import time
import zlib

import pytest
from PIL import Image

from tests.report.browsing import write_image
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.errors import StoreError, UsageError
from vgpipe.report import contact_sheet, tiles
from vgpipe.report.contact_sheet import MAX_PIXELS, MAX_TILE_PX, grid_of, write_contact_sheet
from vgpipe.report.tiles import GREY, STRIP, tile
from vgpipe.store.rundir import RunDir

POSTER = "sheets/a.poster.jpg"


def a_run(root, count=1, **changes):
    changes = {"files": {"poster": POSTER}, "width": 64, "height": 64, **changes}
    return make_run(root, [record(f"clip-{number}", **changes) for number in range(count)])


def drawn(run_dir):
    path = write_contact_sheet(run_dir)
    assert path == run_dir.root / "contact-sheet.png"
    with Image.open(path) as sheet:
        return sheet.copy()


def middle(sheet, columns=1, number=0):
    width = sheet.width // columns
    return sheet.getpixel((width * (number % columns) + width // 2, width * (number // columns) + width // 2))[0]


def test_the_tile_of_a_draft_says_so_and_the_sheet_is_drawn_again_once_it_is_finished(tmp_path):
    run_dir = a_run(tmp_path, state="drafted", draft_steps=8)
    write_image(tmp_path / POSTER, 60, (640, 640))
    sheet = drawn(run_dir)
    assert sheet.getpixel((sheet.width - 3, sheet.height - 3)) == STRIP
    a_run(tmp_path)
    assert drawn(run_dir).getpixel((sheet.width - 3, sheet.height - 3)) != STRIP


def test_a_tile_a_finished_clip_in_a_grid(tmp_path):
    shades = (20, 60, 100, 140, 180)
    clips = [record(f"{n}", width=64, height=64, files={"poster": f"{n}.jpg"}) for n in range(5)]
    run_dir = make_run(tmp_path, [record("failed", state="failed", files={}), *clips])
    for number, shade in enumerate(shades):
        write_image(tmp_path / f"{number}.jpg", shade, (640, 640))
    sheet = drawn(run_dir)
    assert sheet.size == (3 * MAX_TILE_PX, 2 * MAX_TILE_PX)
    assert [middle(sheet, 3, number) for number in range(5)] == pytest.approx(shades, abs=3)


def test_a_sheet_gives_its_first_frame_and_frames_their_first(tmp_path):
    sheet = Image.new("RGB", (4 * 64, 4 * 64), (0, 0, 0))
    sheet.paste((210, 210, 210), (0, 0, 64, 64))
    (tmp_path / "sheets").mkdir()
    sheet.save(tmp_path / "sheets" / "a.png")
    for number, shade in enumerate((90, 0)):
        write_image(tmp_path / "frames" / "a" / f"{number:06}.png", shade, (64, 64))
    files = ({"sheet": "sheets/a.png"}, {"frames": "frames/a"}, {"frames": "frames/a", "sheet": "gone.png"})
    clips = [record(f"{n}", width=64, height=64, files=one) for n, one in enumerate(files)]
    found = drawn(make_run(tmp_path, clips))
    assert [middle(found, 2, number) for number in range(3)] == [210, 90, 90]


def test_another_layout_of_a_sheet_is_shown_whole(tmp_path):
    write_image(tmp_path / "a.png", 50, (100, 100))
    assert tile(tmp_path / "a.png", (50, 50), (4, 4, 64, 64)).size == (50, 50)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_clip_without_a_picture_is_grey(tmp_path, name):
    sheet = drawn(make_run(tmp_path, [record(name, width=64, height=64, files={"mp4": "videos/a.mp4"})]))
    assert sheet.getpixel((sheet.width - 3, sheet.height - 3)) == GREY
    assert len(sheet.getcolors(30_000)) > 2  # the clip's id


def header_of(width, height):
    """Returns a PNG that says it is large, and is a few bytes."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def torn(path):
    write_image(path, size=(640, 640))
    path.write_bytes(path.read_bytes()[:600])


DAMAGED = {
    "empty": lambda path: path.touch(),
    "torn": torn,
    "text": lambda path: path.write_text(HOSTILE["html"]),
    "huge": lambda path: path.write_bytes(header_of(60_000, 60_000)),
    "large": lambda path: path.write_bytes(header_of(12_000, 7_000)),
    "folder": lambda path: path.mkdir(),
    "queue": lambda path: os.mkfifo(path),
    "elsewhere": lambda path: os.symlink("/etc/hostname", path),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_poster_may_be_anything(tmp_path, make):
    (tmp_path / "sheets").mkdir()
    make(tmp_path / POSTER)
    sheet = drawn(a_run(tmp_path))
    assert sheet.getpixel((sheet.width - 3, sheet.height - 3)) == GREY


def test_a_large_picture_is_not_decoded(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", size=(200, 200))
    monkeypatch.setattr(tiles, "MAX_SOURCE_PIXELS", 39_999)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    assert tile(tmp_path / "a.png", (50, 50)) is None


def test_other_formats_are_not_opened(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.gif")
    assert tile(tmp_path / "a.gif", (50, 50)) is None


@pytest.mark.parametrize("aspect", [0.5, 1.0, 16 / 9, 2.0])
@pytest.mark.parametrize("count", [1, 2, 10, 2000, 100_000])
def test_the_grid_is_near_square_and_bounded(count, aspect):
    grid = grid_of(count, aspect)
    assert grid.columns * grid.rows >= count and 0 <= grid.columns - grid.rows <= 1
    assert grid.width <= MAX_TILE_PX and grid.size[0] * grid.size[1] <= MAX_PIXELS
    assert count > 2000 or min(grid.width, grid.height) > 50


@pytest.mark.parametrize("value", [None, -1, 0, "x", 10**12, float("nan"), True, [], {}], ids=repr)
def test_records_may_hold_anything(tmp_path, value):
    write_image(tmp_path / POSTER)
    changes = [{key: value} for key in ("width", "height", "num_frames", "files")]
    run_dir = make_run(tmp_path, [record(f"{n}", **{"files": {"poster": POSTER}, **c}) for n, c in enumerate(changes)])
    assert max(drawn(run_dir).size) <= 4 * MAX_TILE_PX


def test_what_would_take_too_long_is_blank(tmp_path, monkeypatch):
    write_image(tmp_path / POSTER)
    run_dir = a_run(tmp_path)
    monkeypatch.setattr(contact_sheet, "MAX_SECONDS", 0.0)
    assert GREY in [color for _, color in drawn(run_dir).getcolors(30_000)]
    monkeypatch.undo()
    assert GREY not in [color for _, color in drawn(run_dir).getcolors(30_000)]  # tried again


def test_it_is_written_at_once(tmp_path, monkeypatch):
    run_dir = a_run(tmp_path)
    before = write_contact_sheet(run_dir).read_bytes()
    write_image(tmp_path / POSTER)  # another picture, so that the sheet is drawn again
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StoreError, match="disk full"):
        write_contact_sheet(run_dir)
    assert (tmp_path / "contact-sheet.png").read_bytes() == before and not list(tmp_path.glob(".tmp-*"))


def test_no_clip_is_no_sheet(tmp_path):
    assert write_contact_sheet(a_run(tmp_path / "run", state="failed")) is None
    with pytest.raises(UsageError, match="holds no run"):
        write_contact_sheet(RunDir(tmp_path))


def test_a_hundred_posters_take_less_than_seconds(tmp_path):
    write_image(tmp_path / POSTER, size=(640, 360))
    run_dir = a_run(tmp_path, 100)
    start = time.process_time()
    write_contact_sheet(run_dir)
    assert time.process_time() - start < 5  # 0.2 by itself


def test_a_sheet_of_the_same_pictures_is_not_drawn_again(tmp_path, monkeypatch):
    run_dir = a_run(tmp_path, 2)
    write_image(tmp_path / POSTER, 40, (64, 64))
    before = drawn(run_dir)
    monkeypatch.setattr(contact_sheet, "_drawn", lambda *_: pytest.fail("drawn again"))
    assert write_contact_sheet(run_dir) is not None
    monkeypatch.undo()
    write_image(tmp_path / POSTER, 200, (80, 64))
    assert middle(drawn(run_dir), 2) != middle(before, 2)
