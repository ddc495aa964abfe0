"""The file by which another process asks a run to pause."""

from __future__ import annotations

import pytest

from vgpipe.errors import StoreError
from vgpipe.store.pause_file import NAME, Pause, PauseFile


def test_it_is_there_for_as_long_as_the_pause_lasts(tmp_path):
    file = PauseFile(tmp_path)
    assert (file.is_there, file.read()) == (False, Pause.NONE)
    file.ask()
    assert (file.is_there, file.read()) == (True, Pause.ASKED)
    file.note_reached()
    assert file.read() is Pause.REACHED
    assert (file.remove(), file.remove(), file.is_there) == (True, False, False)


def test_a_pause_that_ends_while_it_is_reached_stays_ended(tmp_path):
    PauseFile(tmp_path).note_reached()
    assert not PauseFile(tmp_path).is_there


def test_a_file_of_other_content_asks_for_a_pause(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff" * 999)
    assert PauseFile(tmp_path).read() is Pause.ASKED


def test_a_directory_in_its_place_is_an_error_of_the_store(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(StoreError, match="cannot be removed"):
        PauseFile(tmp_path).remove()
