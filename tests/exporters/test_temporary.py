"""Temporary folders of exports, those of killed processes among them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from vgpipe.errors import ExportError
from vgpipe.exporters.temporary import (
    sweep_temporary_folders,
    temporary_file,
    temporary_folder,
    temporary_root,
)
from vgpipe.owners import LEASE_S

KILLED = (
    "import os, signal\n"
    "from vgpipe.exporters.temporary import temporary_folder\n"
    "with temporary_folder() as folder:\n"
    "    (folder / 'recipe').touch()\n"
    "    os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_folder_of_a_killed_process_is_removed_and_nothing_else(root):
    environment = {**os.environ, "TMPDIR": str(root), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False)
    (killed,) = root.iterdir()
    old, users = root / "vgpipe-a1b2c3d4", root / "vgpipe-my_video"
    for folder, name in ((old, "recipe"), (users, "red.mp4")):
        folder.mkdir()
        for path in (folder / name, folder):
            path.touch()
            os.utime(path, (time.time() - 2 * LEASE_S,) * 2)
    (root / "vgpipe-link").symlink_to(users)
    with temporary_folder() as ours:
        sweep_temporary_folders()
        assert ours.is_dir() and not killed.exists() and not old.exists()
    assert sorted(path.name for path in root.iterdir()) == ["vgpipe-link", "vgpipe-my_video"]


def test_a_folder_that_has_gone_is_replaced(root, tmp_path, monkeypatch):
    shutil.rmtree(root)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with temporary_folder() as folder, temporary_file() as file:
        assert folder.parent == tmp_path == temporary_root() and file.write(b"x") == 1


def test_without_any_folder_the_user_is_told_what_to_set(monkeypatch):
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(ExportError, match="set TMPDIR"), temporary_folder():
        pass
    sweep_temporary_folders()
