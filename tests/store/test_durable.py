"""Writes that are complete or do not happen."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import nullcontext

import pytest

from vgpipe.errors import StoreError
from vgpipe.store.durable import (
    flush_folder,
    link_or_copy,
    make_folder,
    owner_is_gone,
    replace_file,
    temporary_path,
    write_atomically,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vgpipe.store.durable.flush_file", full)
    with pytest.raises(StoreError, match=r"file cannot be written: .*No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("number", "is_told"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_disk_that_cannot_flush_folders_is_no_failure_and_one_that_fails_is(tmp_path, monkeypatch, number, is_told):
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError) if is_told else nullcontext():
        flush_folder(tmp_path)


def test_a_folder_is_made_with_those_above_it_and_may_be_there(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr("vgpipe.store.durable.flush_folder", flushed.append)
    make_folder(tmp_path / "a/b")
    make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir() and flushed == [tmp_path, tmp_path / "a"]


def test_a_temporary_name_tells_whether_its_process_lives(tmp_path):
    assert not owner_is_gone(temporary_path(tmp_path / "x"))
    code = "import sys; from pathlib import Path; from vgpipe.store.durable import temporary_path;"
    code += "print(temporary_path(Path(sys.argv[1])), end='')"
    printed = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True, check=True)
    ended = tmp_path / os.path.basename(printed.stdout)
    assert ended.name.startswith(".tmp-") and owner_is_gone(ended)
    machine = ended.name.split("-")[1]
    assert not owner_is_gone(ended.with_name(ended.name.replace(machine, "0" * len(machine))))


def test_names_that_are_not_temporary_have_no_ended_owner(tmp_path):
    assert not owner_is_gone(tmp_path / ".tmp-x") and not owner_is_gone(tmp_path / "artifact")


def test_a_link_replaces_what_is_there_and_leaves_no_temporary_name(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    for _ in range(2):  # POSIX keeps both names where they are links to one file already
        link_or_copy(source, target)
    assert target.samefile(source) and sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_a_link_that_is_there_already_is_left_alone(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    link_or_copy(source, target)
    before = target.stat().st_ctime_ns
    link_or_copy(source, target)
    assert target.stat().st_ctime_ns == before


def test_without_links_a_copy_replaces_what_is_there(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links")))
    link_or_copy(source, target)
    assert target.read_bytes() == b"new" and sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_a_folder_in_the_place_of_a_link_is_set_aside(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x")
    (target / "kept").mkdir(parents=True)
    link_or_copy(source, target)
    [aside] = tmp_path.glob("bad-*-target")
    assert target.read_bytes() == b"x" and (aside / "kept").is_dir()
