"""Marks of what a process is at work on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vgpipe.store.work_marks import FOLDER, KEPT_S, WorkMark, left_marks

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and flock")
PROGRAM = (
    "import sys; from pathlib import Path; from vgpipe.store.work_marks import WorkMark\n"
    "mark = WorkMark(Path(sys.argv[1])); mark.begin({'stage': 'decode'})\n"
    "if sys.argv[2:]: mark.end()\n"
    "print('at work', flush=True); input()"
)


def killed(store: Path, *more: str) -> None:
    """Lets a process be killed at work; while it lives its mark is no left one."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        process.stdout.readline()
        assert list(left_marks(store)) == []
        process.send_signal(signal.SIGKILL)


def test_the_mark_of_a_killed_process_is_found_until_it_is_removed(tmp_path):
    killed(tmp_path)
    (left,) = left_marks(tmp_path)
    assert left.facts == {"stage": "decode"}
    left.remove()
    assert list(left_marks(tmp_path)) == [] and os.listdir(tmp_path / FOLDER) == []


def test_a_process_killed_between_two_pieces_was_not_at_work(tmp_path):
    killed(tmp_path, "ended")
    assert list(left_marks(tmp_path)) == [] and os.listdir(tmp_path / FOLDER) == []


def test_torn_and_old_marks_are_removed(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "machine-1-a.json").write_text('{"stage": "dec')
    old = tmp_path / FOLDER / "machine-1-b.json"
    old.write_text('{"stage": "decode"}')
    os.utime(old, (time.time() - 2 * KEPT_S,) * 2)
    assert list(left_marks(tmp_path)) == [] and os.listdir(tmp_path / FOLDER) == []


def test_a_process_that_ends_in_order_leaves_nothing(tmp_path):
    with WorkMark(tmp_path) as mark:
        mark.begin({"stage": "denoise", "clip": "x" * 300})
        mark.begin({"stage": "decode"})
        assert list(left_marks(tmp_path)) == []
    assert os.listdir(tmp_path / FOLDER) == []


def test_a_store_that_cannot_be_written_has_no_mark(tmp_path):
    (tmp_path / "store").write_text("")
    with WorkMark(tmp_path / "store") as mark:
        mark.begin({"stage": "denoise"})
        mark.end()
