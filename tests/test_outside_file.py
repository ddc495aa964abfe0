"""What is read of a path that anybody may have named, and what is refused without a wait."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from vgpipe.outside_file import OutsideFileError, Refusal, expanded, open_outside, read_outside

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def refusal(path: Path) -> Refusal:
    with pytest.raises(OutsideFileError) as caught:
        read_outside(path, max_bytes=100)
    return caught.value.refusal


def test_a_regular_file_is_read_up_to_its_limit(tmp_path):
    (file := tmp_path / "a").write_bytes(b"x" * 100)
    assert read_outside(file, max_bytes=100) == b"x" * 100
    (file.parent / "link").symlink_to(file)
    assert read_outside(file.parent / "link", max_bytes=100) == b"x" * 100
    file.write_bytes(b"x" * 101)
    assert refusal(file) is Refusal.TOO_LARGE
    with open_outside(file) as opened:
        assert opened.read(2) == b"xx"


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    (file := tmp_path / "a").write_bytes(b"x" * 1000)
    monkeypatch.setattr("vgpipe.outside_file._check", lambda status, max_bytes: None)
    assert refusal(file) is Refusal.TOO_LARGE


@posix
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/kmsg", "/sys/kernel/mm"])
def test_devices_and_files_of_the_kernel_are_refused(path):
    if not os.path.exists(path):
        pytest.skip("this system has none")
    assert refusal(Path(path)) in (Refusal.NO_REGULAR_FILE, Refusal.FOLDER)


@posix
def test_a_pipe_or_a_socket_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        assert refusal(tmp_path / "pipe") is refusal(tmp_path / "s") is Refusal.NO_REGULAR_FILE


@posix
def test_a_file_that_becomes_a_pipe_between_two_looks_does_not_hang(tmp_path, monkeypatch):
    os.mkfifo(pipe := tmp_path / "pipe")
    (file := tmp_path / "a").write_bytes(b"x")
    status, real = os.stat(file), os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: status if path == pipe else real(path, **options))
    assert refusal(pipe) is Refusal.NO_REGULAR_FILE


def test_a_folder_a_missing_file_and_impossible_names(tmp_path):
    assert refusal(tmp_path) is Refusal.FOLDER
    assert refusal(tmp_path / "none") is Refusal.MISSING
    assert refusal(Path("a\0b")) is Refusal.UNREADABLE
    assert refusal(tmp_path / ("x" * 5000)) is Refusal.UNREADABLE
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refusal(tmp_path / "loop") is Refusal.UNREADABLE


def test_the_home_of_nobody_stays_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert expanded("~nosuchuser/a") == Path("~nosuchuser/a")
