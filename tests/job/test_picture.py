"""One image file."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vgpipe.job import picture
from vgpipe.job.picture import Picture, PictureFault, format_path, load_picture


def encoded(kind: str, size: tuple[int, int] = (24, 16), **options: object) -> bytes:
    """Gives the bytes of an image with some texture."""
    image = Image.frombytes("RGB", size, bytes((7 * n * n) % 251 for n in range(3 * size[0] * size[1])))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Gives a PNG that says how large it is and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], Path]:
    """Writes a file in the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return write


def flaw_of(given: str, folder: Path) -> str:
    found = load_picture(given, folder)
    assert isinstance(found, PictureFault)
    return f"{found.what} -> {found.remedy}"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("name", ["a.png", "a.txt", "no suffix", "日本.jpg"])
def test_the_content_decides_not_the_name(put, tmp_path: Path, kind: str, name: str) -> None:
    data = encoded(kind)
    path = put(name, data)
    assert load_picture(name, tmp_path) == Picture(str(path), hashlib.sha256(data).hexdigest(), 24, 16)


def test_paths_are_relative_to_the_folder_or_absolute_or_at_home(put, tmp_path: Path, monkeypatch) -> None:
    path = put("pics/a.png", encoded("PNG"))
    monkeypatch.setenv("HOME", str(tmp_path / "pics"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "pics"))
    root = Path("/")
    for typed, folder in (("a.png", path.parent), (str(path), root), ("~/a.png", root), ("pics/a.png", Path())):
        found = load_picture(typed, folder)
        assert isinstance(found, Picture) and found.path == str(path)
    (tmp_path / "jobs").mkdir()
    found = load_picture("../pics/a.png", tmp_path / "jobs")
    assert isinstance(found, Picture) and os.path.isabs(found.path) and os.path.samefile(found.path, path)


def test_a_photo_held_upright_is_measured_as_it_is_shown(put, tmp_path: Path) -> None:
    for orientation, size in ((1, (24, 16)), (3, (24, 16)), (6, (16, 24)), (8, (16, 24))):
        exif = Image.Exif()
        exif[0x0112] = orientation
        put("a.jpg", encoded("JPEG", exif=exif))
        found = load_picture("a.jpg", tmp_path)
        assert isinstance(found, Picture) and (found.width, found.height) == size


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("https://x.org/a.png", 'image "https://x.org/a.png" is a URL -> download it first, then name the file'),
        ("S3://bucket/a.png", 'image "S3://bucket/a.png" is a URL -> download it first, then name the file'),
        ("data:image/png;base64,AAAA", 'image "data:image/png;base64,AAAA" is a URL -> download it first'),
        ("file:///a.png", 'image "file:///a.png" is a URL -> write the path alone, without file://'),
        (" ", "image is empty -> write the path of an image file there"),
        ("cta.png", 'image "cta.png" is not there; looked for cta.png -> did you mean image: cat.png?'),
        ("CAT.PNG", "did you mean image: cat.png?"),
        ("pics/red-dog.png", "looked for pics/red-dog.png -> did you mean image: pics/Red dog.png?"),
        ("pics/zzzzzz", "not there; looked for pics/zzzzzz -> there is image: pics/Red dog.png"),
        ("gone/a.png", "looked for gone/a.png -> name an image file; relative paths start at the job file's folder"),
        ("~nobody-of-this-name/a.png", "is not there; looked for ~nobody-of-this-name/a.png"),
        ("pics", 'image "pics" is a folder -> there is image: pics/Red dog.png'),
        ("empty", 'image "empty" is a folder -> name an image file'),
        ("void.png", 'image "void.png" is an empty file -> save the image again'),
        ("cat.png/a.png", 'image "cat.png/a.png" cannot be read: Not a directory -> check the path'),
        ("a\0b", "cannot be read: "),
        ("x" * 5000, "cannot be read: File name too long"),
        ("text.png", 'image "text.png" is not an image that can be read, whatever its name -> save it as PNG, JPEG'),
        ("anim.gif", 'image "anim.gif" is not an image that can be read'),
        ("bomb.png", 'is too large: 10000x8000, 80,000,000 pixels; at most 64,000,000 pixels are allowed -> scale'),
        ("megabomb.png", 'image "megabomb.png" is too large: more than Pillow\'s limit; at most 64,000,000 pixels'),
        ("hollow.png", 'image "hollow.png" is damaged: '),
    ],
)  # fmt: skip
def test_every_flaw_has_its_words(put, tmp_path: Path, given: str, message: str) -> None:
    put("cat.png", encoded("PNG"))
    put("pics/Red dog.png", encoded("PNG"))
    put("void.png", b"")
    put("text.png", b"a cat\n" * 100)
    put("anim.gif", encoded("GIF"))
    put("bomb.png", png_header(10_000, 8_000))
    put("megabomb.png", png_header(60_000, 60_000))
    put("hollow.png", png_header(64, 64))
    (tmp_path / "empty").mkdir()
    assert message in flaw_of(given, tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_file_cut_short_is_found_before_the_night(put, tmp_path: Path, kind: str) -> None:
    data = encoded(kind, (64, 64))
    put("a", data[: len(data) * 2 // 3])
    assert 'image "a" is damaged: ' in flaw_of("a", tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.png")
    assert flaw_of("p.png", tmp_path) == 'image "p.png" is not a regular file -> save the image as a file'


def test_a_file_that_may_not_be_read(put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.png", encoded("PNG"))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    expected = 'image "a.png" cannot be read: Permission denied -> check the path and the file\'s permissions'
    assert flaw_of("a.png", tmp_path) == expected


def test_a_file_too_large_is_not_read(put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("a.png", b"")
    os.truncate(path, (picture.MAX_FILE_MIB + 1) * 2**20)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("read"))
    assert flaw_of("a.png", tmp_path).startswith('image "a.png" is larger than 256 MiB -> ')


def test_bombs_are_refused_without_being_decoded(put, tmp_path: Path) -> None:
    put("a.png", png_header(10_000, 8_000))
    load_picture("a.png", tmp_path)
    start = time.perf_counter()
    assert isinstance(load_picture("a.png", tmp_path), PictureFault)
    assert time.perf_counter() - start < 0.5


def test_a_long_path_is_shown_by_its_end_with_nothing_a_terminal_would_obey(tmp_path: Path) -> None:
    assert format_path("x" * 100 + "/cat.png") == '"...' + "x" * 49 + '/cat.png"'
    flaw = flaw_of("\x1b[2J\ud800\u202e/" + "y" * 70, tmp_path)
    assert flaw.isprintable()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), cut=st.integers(0, 10_000))
def test_a_damaged_file_gives_a_picture_or_a_flaw(put, tmp_path: Path, kind: str, damage, cut) -> None:
    data = bytearray(encoded(kind))
    for place, value in damage:
        data[place % len(data)] = value
    put("a", bytes(data[: max(cut % (2 * len(data)), 1)]))
    found = load_picture("a", tmp_path)
    assert isinstance(found, Picture) or (found.what.startswith('image "a" ') and found.remedy)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80) | st.binary(max_size=60).map(os.fsdecode))
def test_any_text_gives_a_picture_or_a_flaw(tmp_path: Path, given: str) -> None:
    found = load_picture(given, tmp_path / "none")
    assert isinstance(found, PictureFault) and found.what.isprintable() and found.remedy.isprintable()
