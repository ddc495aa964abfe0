"""Runs that were killed in a stage: what the next one says, and what it takes."""

from __future__ import annotations

import itertools
import json
import os

import pytest

from tests.fallback.test_memory_ladder import kinds, ladder
from vgpipe.fallback.killed import KilledWork
from vgpipe.hardware import host
from vgpipe.store.work_marks import FOLDER, WorkMark

QUICK = ("run.plan=off", "executor.canary=false", "hardware=cpu")
COPIES = itertools.count()


@pytest.fixture
def machine(monkeypatch):
    """A machine whose kernel counts the processes it kills for want of memory."""
    state = {"kills": 3, "boot": "a"}
    monkeypatch.setattr(host, "memory_kills", lambda: state["kills"])
    monkeypatch.setattr(host, "boot_id", lambda: state["boot"])
    return state


def work_of(tmp_path, *typed):
    memory, segment = ladder(tmp_path, *typed)
    return KilledWork(memory, tmp_path, tmp_path / "run"), memory, segment


def killed_in_decode(tmp_path, work, segment, machine, **since):
    """Leaves the mark that a process leaves which is killed in the middle of decode."""
    with work, work.at_work(segment, "decode"):
        (mark,) = (tmp_path / FOLDER).glob("*.json")
        text = mark.read_text()
    (tmp_path / FOLDER / f"machine-1-{next(COPIES)}.json").write_text(text)
    machine.update(since)
    return json.loads(text)


def resumed(tmp_path, *typed):
    work, memory, segment = work_of(tmp_path, *typed)
    failed = list(work.take_up([segment.parent]))
    memory.prepare(segment.parent)
    return work, segment, failed


def test_each_kill_for_memory_takes_the_stage_one_step_further_down(tmp_path, machine, caplog):
    work, _, segment = work_of(tmp_path)
    got = []
    for number in range(2):
        killed_in_decode(tmp_path, work, segment, machine, kills=4 + number)
        work, segment, failed = resumed(tmp_path)
        assert not failed and kinds(segment) == ["vae_tiling"]
        got.append(segment.degradations[0].got)
        assert "killed an earlier run" in segment.degradations[0].reason
    assert got == ["tiles of the VAE's own size", "tiles of 128 pixels"]
    assert caplog.text.count("was killed in decode of") == 2 and not list((tmp_path / FOLDER).iterdir())


def test_a_plain_kill_is_said_and_changes_nothing_however_often(tmp_path, machine, caplog):
    work, _, segment = work_of(tmp_path)
    for _ in range(4):
        killed_in_decode(tmp_path, work, segment, machine)
        work, segment, failed = resumed(tmp_path)
        assert not failed and not kinds(segment)
    assert caplog.text.count("not for want of memory): continuing as before") == 4


def test_where_nothing_tells_why_the_second_in_a_row_counts_and_later_runs_begin_as_asked(tmp_path, machine):
    work, _, segment = work_of(tmp_path)
    killed_in_decode(tmp_path, work, segment, machine, boot="b")
    work, segment, _ = resumed(tmp_path)
    assert not kinds(segment)
    killed_in_decode(tmp_path, work, segment, machine, boot="c")
    work, segment, _ = resumed(tmp_path)
    assert kinds(segment) == ["vae_tiling"]
    with work, work.at_work(segment, "decode"):
        pass
    work._ladder.remember(segment, "decode")
    assert not kinds(resumed(tmp_path)[1])


def test_a_piece_that_succeeds_begins_the_count_anew(tmp_path, machine):
    work, _, segment = work_of(tmp_path)
    killed_in_decode(tmp_path, work, segment, machine, boot="b")
    work, segment, _ = resumed(tmp_path)
    with work, work.at_work(segment, "decode"):
        pass
    assert killed_in_decode(tmp_path, work, segment, machine)["killed_before"] == 0


def test_where_no_step_is_left_the_clip_fails_rather_than_the_run_for_ever(tmp_path, machine):
    work, _, segment = work_of(tmp_path, "run.degrade=strict", "memory.strategy=staged")
    killed_in_decode(tmp_path, work, segment, machine, kills=4)
    _, segment, ((state, error),) = resumed(tmp_path, "run.degrade=strict", "memory.strategy=staged")
    assert state is segment.parent and "no step down is left" in str(error) and "->" in str(error)


def test_a_mark_of_another_size_is_for_another_run(tmp_path, machine):
    work, _, segment = work_of(tmp_path)
    killed_in_decode(tmp_path, work, segment, machine, kills=4)
    mark = next((tmp_path / FOLDER).iterdir())
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "place": "0" * 64, "run": "elsewhere"}))
    assert not kinds(resumed(tmp_path)[1]) and mark.exists()


def test_the_next_run_of_a_job_says_so_and_takes_the_step(render, workdir, machine, monkeypatch):
    """A mark stays where the process that made it was killed."""
    with monkeypatch.context() as patch:
        patch.setattr(WorkMark, "end", lambda self: None)
        patch.setattr(WorkMark, "__exit__", lambda self, *_: os.close(self._file))
        assert render("clip.prompt=a red circle", *QUICK).code == 0
    machine["kills"] += 1
    ran = render("clip.prompt=a blue square", *QUICK)
    assert ran.code == 0, ran.err
    assert "was killed in decode of a-red-circle" in ran.err and "decode takes one step down" in ran.err
    assert "trying again with leaf_offload" in ran.err and ran.records()[0]["degradations"] == []
    assert not list((workdir / "outputs/.store" / FOLDER).iterdir())
