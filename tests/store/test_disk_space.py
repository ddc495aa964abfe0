"""What to do about a disk that takes no more."""

from __future__ import annotations

import errno
from collections import namedtuple

import pytest

from vgpipe.store import disk_space
from vgpipe.store.disk_space import what_to_free

Usage = namedtuple("Usage", "total used free")
Statvfs = namedtuple("Statvfs", "f_files f_favail f_bavail f_frsize f_blocks f_bfree")


def full(number=errno.ENOSPC):
    return OSError(number, "no")


def test_the_disk_that_is_full_is_named_with_what_is_left(tmp_path, monkeypatch):
    free = {tmp_path: 1 << 40, tmp_path / "store": 3 << 20}
    (tmp_path / "store").mkdir()
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: Usage(0, 0, free[path]))
    told = what_to_free(full(), (tmp_path / "run" / "not" / "there", tmp_path / "store"))
    assert (
        told == f"free space on the disk of {tmp_path / 'store'} (3.0 MiB left), for example with python -m vgpipe gc"
    )


def test_a_disk_without_room_for_a_name_lacks_no_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(
        disk_space.os, "statvfs", lambda _: Statvfs(100, 0, 1 << 30, 4096, 1 << 30, 1 << 30), raising=False
    )
    assert "no room for another file" in what_to_free(full(), (tmp_path,))


@pytest.mark.parametrize(
    ("number", "word"), [(errno.EFBIG, "ulimit -f unlimited"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only")]
)
def test_other_reasons_have_remedies_of_their_own(tmp_path, number, word):
    assert word in what_to_free(full(number), (tmp_path,))
