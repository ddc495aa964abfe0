"""Disk space, write access and the content of the hub cache."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vgpipe.doctor import places
from vgpipe.doctor.lines import Status
from vgpipe.doctor.places import hub_cache, place_lines


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_the_hub_cache_is_where_huggingface_hub_has_it(environment, expected):
    assert hub_cache(environment).as_posix() == expected


def test_the_hub_cache_agrees_with_huggingface_hub():
    import os

    from huggingface_hub.constants import HF_HUB_CACHE

    assert str(hub_cache(os.environ)) == HF_HUB_CACHE


def _places(tmp_path):
    return {line.name: line for line in place_lines(tmp_path / "outputs", tmp_path / "outputs/.store")}


def test_the_cache_is_counted_once_and_unfinished_downloads_are_told(tmp_path, monkeypatch):
    blobs = tmp_path / "hub/models--a--b/blobs"
    snapshot = tmp_path / "hub/models--a--b/snapshots/1"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    with (blobs / "x").open("wb") as file:
        file.truncate(3 << 29)
    (snapshot / "model.safetensors").symlink_to(blobs / "x")
    (blobs / "y.incomplete").write_bytes(b"1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = _places(tmp_path)["hub cache: content"].found
    assert found.startswith("1 models, 1.5 GiB") and "1 unfinished downloads" in found


def test_offline_with_an_empty_cache_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert _places(tmp_path)["hub: network"].status is Status.WARNING
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert _places(tmp_path)["hub: network"].status is Status.OK


@pytest.mark.parametrize(("free_gb", "status"), [(0.5, Status.BROKEN), (5, Status.WARNING), (50, Status.OK)])
def test_little_room_is_told(tmp_path, monkeypatch, free_gb, status):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: SimpleNamespace(free=int(free_gb * (1 << 30))))
    assert _places(tmp_path)["outputs: disk"].status is status


def test_a_folder_that_may_not_be_written_is_broken(tmp_path, monkeypatch):
    def refuse(**where):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places.tempfile, "TemporaryFile", refuse)
    line = _places(tmp_path)["outputs: write"]
    assert line.status is Status.BROKEN and "Permission denied" in line.found and "hydra.run.dir" in line.remedy
