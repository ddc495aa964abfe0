"""Two runs never get one directory, unless the user named it."""

from __future__ import annotations

import pytest

from vgpipe.store import unused_directory as names
from vgpipe.store.run_lock import DirectoryInUse
from vgpipe.store.rundir import RunDir
from vgpipe.store.unused_directory import unused_directory, unused_run


def test_two_runs_of_the_same_second_get_two_directories(tmp_path):
    root = tmp_path / "2026-01-01_00-00-00"
    for name in ("2026-01-01_00-00-00", "2026-01-01_00-00-00-2", "2026-01-01_00-00-00-3"):
        assert unused_directory(root).name == name
        with RunDir(unused_directory(root)) as run:
            run.write_config("job: {}")


def test_a_directory_that_another_process_takes_meanwhile_is_left_to_it(tmp_path, monkeypatch):
    root = tmp_path / "2026-01-01_00-00-00"
    looked, original = [], names._holds_run

    def looks(candidate):
        looked.append(candidate)
        return len(looked) > 1 and original(candidate)  # the first look is just before the other process begins

    monkeypatch.setattr(names, "_holds_run", looks)
    with RunDir(root), unused_run(root) as ours:
        assert ours.root.name == "2026-01-01_00-00-00-2"
    looked.clear()
    root = tmp_path / "2026-01-01_00-00-01"
    with RunDir(root) as other:
        other.write_config("job: {}")
    with unused_run(root) as ours:  # the other run began and ended since the look
        assert ours.root.name == "2026-01-01_00-00-01-2"
    with RunDir(tmp_path / "mine"), pytest.raises(DirectoryInUse), unused_run(tmp_path / "mine"):
        pass


def test_a_directory_that_the_user_chose_is_used_again(tmp_path):
    with RunDir(tmp_path / "mine"):
        pass
    assert unused_directory(tmp_path / "mine") == tmp_path / "mine"


def test_a_run_without_its_lock_file_keeps_its_directory(tmp_path):
    root = tmp_path / "2026-01-01_00-00-00"
    with RunDir(root) as run:
        run.write_config("job: {}")
    (root / ".lock").unlink(missing_ok=True)
    assert unused_directory(root).name == "2026-01-01_00-00-00-2"
