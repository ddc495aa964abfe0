"""Reading a job file's bytes."""

import os
from pathlib import Path

import pytest

from vgpipe.errors import JobError
from vgpipe.job import source
from vgpipe.job.reading.parse import read_job
from vgpipe.job.source import read_text


def test_bom_and_line_ends_do_not_matter(write) -> None:
    assert read_text(write(b"\xef\xbb\xbfprompts:\r\n- a\r- b\n")) == "prompts:\n- a\n- b\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\t\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        ("prompts: [x]".encode("utf-16"), "UTF-16"),
        (b"prompts:\n- caf\xe9\n", "a.yaml:2: byte 0xe9 is not UTF-8"),
    ],
)
def test_what_cannot_be_decoded(write, content: bytes, words: str) -> None:
    with pytest.raises(JobError, match=words):
        read_text(write(content))


def test_what_is_no_job_file(write, tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "gone.yaml", "no such file"),
        (tmp_path, "directory"),
        (write("x", "a.toml"), "a job file ends in one of"),
        (write("x", "a"), "no suffix"),
        (write("x", "b.yaml") / "c.yaml", "cannot be read"),
        (Path("a\0.yaml"), "cannot be read"),
    ):
        with pytest.raises(JobError, match=words):
            read_job(path)


def test_a_pipe_is_not_waited_for(write, tmp_path: Path) -> None:
    write("x")
    os.mkfifo(tmp_path / "p.yaml")
    with pytest.raises(JobError, match="regular file"):
        read_text(tmp_path / "p.yaml")


def test_a_file_that_may_not_be_read(write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(JobError, match="Permission denied"):
        read_text(path)


def test_a_file_too_large(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_FILE_MIB", 1)
    assert read_text(write(b"a" * 2**20))
    with pytest.raises(JobError, match="larger than 1 MiB"):
        read_text(write(b"a" * (2**20 + 1)))
