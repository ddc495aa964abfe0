"""Whether the process that made a temporary file still needs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from vgpipe import owners
from vgpipe.owners import LEASE_S, age_s, is_left_over, owner_name


def aged(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)
    return path


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "made"
    path.mkdir()
    return path


def test_what_a_process_made_is_its_own_until_it_ends(made):
    assert not is_left_over(aged(made, 10 * LEASE_S), owner_name())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = owner_name().replace(f"-{os.getpid()}", f"-{process.pid}")
    assert not is_left_over(aged(made, 0), owner)
    process.communicate(b"\n")
    assert is_left_over(made, owner)


def test_a_number_that_another_process_has_by_now_keeps_nothing(made):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = owner_name().replace(f"-{os.getpid()}", f"-{process.pid}")
    assert is_left_over(aged(made, 2 * owners.REUSED_AFTER_S), owner)
    process.communicate(b"\n")


@pytest.mark.parametrize("owner", ["0123456789ab-1", "nonsense"])
def test_of_a_process_that_is_not_visible_the_age_decides(made, owner):
    assert not is_left_over(aged(made, LEASE_S - 60), owner)
    assert is_left_over(aged(made, LEASE_S + 60), owner)


def test_a_folder_is_as_old_as_what_was_changed_last_in_it(made):
    (made / "video.mp4").touch()
    assert age_s(aged(made, 1000)) < 60
    aged(made / "video.mp4", 500)
    aged(made, 1000)
    assert 400 < age_s(made) < 600 and age_s(made / "absent") == 0.0
