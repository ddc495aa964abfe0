"""Failures that a folder causes, where no other encoder would help."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from vgpipe.errors import ExportError
from vgpipe.exporters.folder import empty, raise_if_unwritable, trial_folder, write_error


def test_a_folder_that_can_be_written_is_not_to_blame(tmp_path):
    assert write_error(tmp_path, "x264 failed") is None and list(tmp_path.iterdir()) == []
    raise_if_unwritable(tmp_path, "x264 failed")


@pytest.mark.parametrize(
    ("output", "number"),
    [
        ("av_interleaved_write_frame(): No space left on device", errno.ENOSPC),
        ("Disk quota exceeded", errno.EDQUOT),
        ("video.mp4: Read-only file system", errno.EROFS),
    ],
)
def test_the_encoders_output_names_the_folders_fault(tmp_path, output, number):
    assert write_error(tmp_path, output).errno == number
    with pytest.raises(ExportError, match="cannot be written") as caught:
        raise_if_unwritable(tmp_path, f"{output}\nConversion failed!")
    assert caught.value.__cause__.errno == number and "Conversion failed" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ExportError, match="absent is missing"):
        raise_if_unwritable(tmp_path / "absent", "failed")
    with pytest.raises(ExportError, match="cannot be written"), trial_folder(tmp_path / "absent"):
        pass


def test_a_trial_and_what_an_encoder_left_are_removed(tmp_path):
    with trial_folder(tmp_path) as trial:
        (trial / "file").touch()
    assert list(tmp_path.iterdir()) == []
    Path(tmp_path / "half.mp4").touch()
    empty(tmp_path)
    assert list(tmp_path.iterdir()) == []
