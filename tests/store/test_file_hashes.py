"""Large files are hashed once, and again as soon as they may have changed."""

from __future__ import annotations

import os

import pytest

from vgpipe.store import file_hashes
from vgpipe.store.digest import file_sha256
from vgpipe.store.file_hashes import FileHashes


@pytest.fixture
def hashed(monkeypatch):
    """The files that were really read."""
    seen: list = []

    def spy(path):
        seen.append(path)
        return file_sha256(path)

    monkeypatch.setattr(file_hashes, "file_sha256", spy)
    monkeypatch.setattr(file_hashes, "LARGE_BYTES", 4)
    return seen


def test_a_large_file_is_read_once_across_runs(tmp_path, hashed):
    weights, memory = tmp_path / "weights", tmp_path / "store" / "hashes.jsonl"
    weights.write_bytes(b"12345")
    first = FileHashes(memory).sha256(weights)
    assert first == file_sha256(weights) == FileHashes(memory).sha256(weights)
    assert hashed == [weights]


@pytest.mark.parametrize("change", ["content", "replaced"])
def test_a_file_that_may_have_changed_is_read_again(tmp_path, hashed, change):
    weights, memory = tmp_path / "weights", tmp_path / "hashes.jsonl"
    weights.write_bytes(b"12345")
    before, times = FileHashes(memory).sha256(weights), (weights.stat().st_atime_ns, weights.stat().st_mtime_ns)
    if change == "content":
        weights.write_bytes(b"54321")
    else:
        (tmp_path / "other").write_bytes(b"54321")
        (tmp_path / "other").replace(weights)
    os.utime(weights, ns=times)  # same size and mtime: ctime and inode still tell
    assert FileHashes(memory).sha256(weights) == file_sha256(weights) != before


def test_small_files_are_not_remembered_on_disk(tmp_path, hashed):
    small, memory = tmp_path / "config.json", tmp_path / "hashes.jsonl"
    small.write_bytes(b"{}")
    FileHashes(memory).sha256(small)
    assert not memory.exists()


@pytest.mark.parametrize("torn", ['["/a|1', "[]", '"x"', "\xff", "null"])
def test_a_torn_memory_costs_only_a_hash(tmp_path, hashed, torn):
    weights, memory = tmp_path / "weights", tmp_path / "hashes.jsonl"
    weights.write_bytes(b"12345")
    memory.write_text(torn + "\n", encoding="latin-1")
    assert FileHashes(memory).sha256(weights) == file_sha256(weights)


def test_a_memory_that_cannot_be_written_is_no_error(tmp_path, hashed):
    weights = tmp_path / "weights"
    weights.write_bytes(b"12345")
    (tmp_path / "file").write_text("")
    assert FileHashes(tmp_path / "file" / "hashes.jsonl").sha256(weights) == file_sha256(weights)


def test_reading_what_takes_long_is_said_once(tmp_path, hashed, monkeypatch, caplog):
    monkeypatch.setattr(file_hashes, "LOGGED_BYTES", 5)
    weights, memory = tmp_path / "weights", tmp_path / "hashes.jsonl"
    weights.write_bytes(b"12345")
    with caplog.at_level("INFO"):
        FileHashes(memory).sha256(weights)
        FileHashes(memory).sha256(weights)
    assert [record.message.startswith(f"reading {weights} once") for record in caplog.records] == [True]
