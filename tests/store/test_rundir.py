from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vgpipe.errors import StoreError, UsageError
from vgpipe.store.placed_files import Among
from vgpipe.store.rundir import RunDir

if sys.platform != "win32":
    import fcntl


def test_the_last_line_of_a_clip_counts_and_order_is_the_jobs(tmp_path):
    with RunDir(tmp_path / "run") as run:
        run.write_clips([{"clip": "a", "state": "pending"}, {"clip": "b", "state": "pending"}])
        run.append_clip({"clip": "b", "state": "done"})
        records = run.read_clips()
    assert [(record["clip"], record["state"], record["schema"]) for record in records] == [
        ("a", "pending", 1),
        ("b", "done", 1),
    ]


def test_a_line_torn_by_a_crash_costs_nothing_but_itself(tmp_path):
    with RunDir(tmp_path) as run:
        run.write_clips([{"clip": "a", "state": "pending"}])
        with run.clips.open("ab") as file:
            file.write(b'{"clip": "a", "sta')
        run.append_clip({"clip": "a", "state": "done"})
        assert [record["state"] for record in run.read_clips()] == ["done"]


def test_a_directory_without_a_run_is_refused(tmp_path):
    with RunDir(tmp_path) as run, pytest.raises(UsageError, match="holds no run"):
        run.read_clips()


def test_two_processes_cannot_write_one_run(tmp_path):
    with RunDir(tmp_path), pytest.raises(UsageError, match="in use"), RunDir(tmp_path):
        pass
    with RunDir(tmp_path):
        pass


HOLD = """
import sys, time
from pathlib import Path
from vgpipe.store.placed_files import Among
from vgpipe.store.rundir import RunDir
with RunDir(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
OLDER = """
import fcntl, sys, time
with open(sys.argv[1] + "/.lock", "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("program", [HOLD, pytest.param(OLDER, id="older version")])
@pytest.mark.skipif(sys.platform == "win32", reason="fcntl")
def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path, program):
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(UsageError, match="in use by another vgpipe process; nothing was started"):
                RunDir(tmp_path).__enter__()
        finally:
            holder.kill()
    with RunDir(tmp_path), pytest.raises(BlockingIOError), (tmp_path / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as an older version tries it


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        OSError(errno.EACCES, "Permission denied"),
        OSError(errno.ENOLCK, "No locks available"),
    ],
    ids=str,
)
def test_a_directory_that_cannot_be_locked_is_named_with_its_remedy(tmp_path, monkeypatch, error):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    message = rf"{re.escape(str(tmp_path))} cannot be written: .*{error.strerror} -> hydra.run.dir=DIR"
    with pytest.raises(StoreError, match=message):
        RunDir(tmp_path).__enter__()


def test_a_file_in_place_of_the_directory_is_named_with_its_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written: .* -> hydra.run.dir=DIR"):
        RunDir(tmp_path / "file").__enter__()


def test_a_video_is_the_same_file_as_in_the_store(tmp_path):
    source = tmp_path / "video.mp4"
    source.write_bytes(b"x")
    with RunDir(tmp_path / "run") as run:
        assert run.place("mp4", "clip-1", [source]) == "videos/clip-1.mp4"
        assert run.place("mp4", "clip-1", [source]) == "videos/clip-1.mp4"  # again is no error
        placed = run.root / "videos/clip-1.mp4"
        assert placed.samefile(source) and run.has("videos/clip-1.mp4")
        assert [path.name for path in placed.parent.iterdir()] == ["clip-1.mp4"]


def test_copies_where_links_are_not_to_be_had(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", no_links)
    (tmp_path / "video.mp4").write_bytes(b"x")
    with RunDir(tmp_path / "run") as run:
        run.place("mp4", "c", [tmp_path / "video.mp4"])
        assert (run.root / "videos/c.mp4").read_bytes() == b"x"


def test_frames_become_a_folder_and_replace_an_old_one(tmp_path):
    sources = [tmp_path / "000000.png", tmp_path / "000001.png"]
    for source in sources:
        source.write_bytes(b"p")
    with RunDir(tmp_path / "run") as run:
        run.place("frames", "c", sources)
        assert run.place("frames", "c", sources[:1]) == "frames/c"
        assert [path.name for path in (run.root / "frames/c").iterdir()] == ["000000.png"]
        second = run.place("frames_2", "c", sources, taken=["frames/c"])  # two exporters fell back on images
        assert second == "frames/c.frames_2" and len(list((run.root / second).iterdir())) == len(sources)
        assert run.path_of(second) == run.root / second


def test_a_sheet_lies_in_a_folder_of_its_own(tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"p")
    with RunDir(tmp_path / "run") as run:
        assert run.place("sheet", "c", [tmp_path / "sheet.png"]) == "sheets/c.png"
        assert run.place("apng", "c", [tmp_path / "sheet.png"]) == "videos/c.png"


@pytest.mark.parametrize("letter", ["x", "\u732b"])
def test_a_name_that_is_too_long_with_its_suffix_is_shortened(tmp_path, letter):
    (tmp_path / "poster.jpg").write_bytes(b"1")
    stem = letter * (250 // len(letter.encode()))
    run_dir = RunDir(tmp_path / "run")
    placed = {run_dir.place("poster", stem[:-1] + end, [tmp_path / "poster.jpg"]) for end in "ab"}
    assert len(placed) == 2
    for relative in placed:
        name = relative.removeprefix("sheets/")
        assert len(name.encode()) <= 255 and name.endswith(".poster.jpg") and (tmp_path / "run" / relative).is_file()


def test_half_placed_files_of_a_killed_process_are_swept(tmp_path):
    with RunDir(tmp_path) as run:
        (tmp_path / "frames").mkdir()
        (tmp_path / "frames/.tmp-1-2-3-c").mkdir()
        (tmp_path / ".tmp-1-2-3-clips.jsonl").write_text("")
        run.sweep_leftovers()
        assert not list(tmp_path.rglob(".tmp-*"))


def test_events_are_json_lines_with_a_time(tmp_path):
    with RunDir(tmp_path) as run:
        run.append_event("clip_done", clip="é", path=Path("x"))
        event = json.loads(run.events.read_text())
    assert event["event"] == "clip_done" and event["clip"] == "é" and event["time"] > 1e9


@pytest.mark.skipif(sys.platform == "win32", reason="mkfifo")
def test_pipes_in_place_of_files_are_no_wait(tmp_path):
    with RunDir(tmp_path) as run:
        for path in (run.plan, run.events, run.clips):
            os.mkfifo(path)
        assert run.read_plan() is None and run.read_events() == []
        with pytest.raises(UsageError, match=r"clips\.jsonl cannot be read: it is not a regular file"):
            run.read_clips()
        with pytest.raises(StoreError, match=r"events\.jsonl cannot be written"):
            run.append_event("x")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[]", "NaN", "9" * 5000])
def test_a_plan_that_is_none_and_events_that_are_none_are_left_out(tmp_path, text):
    run = RunDir(tmp_path)
    run.plan.write_text(text)
    run.events.write_text(text)
    assert run.read_plan() is None and run.read_events() == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a\0b", "videos/../x"])
def test_no_record_names_a_file_outside_the_run(tmp_path, name):
    (tmp_path / "x").write_text("")
    run = RunDir(tmp_path / "run")
    (run.root / "videos").mkdir(parents=True)
    run.discard(name)
    assert not run.has(name) and (tmp_path / "x").exists()


def test_previews_lie_together_in_a_folder_of_their_own(tmp_path):
    for name in ("v.mp4", "v.gif", "s.png", "s.jpg"):
        (tmp_path / name).write_bytes(b"x")
    with RunDir(tmp_path / "run") as run:
        finals = [run.place(kind, "c", [tmp_path / name]) for kind, name in (("mp4", "v.mp4"), ("sheet", "s.png"))]
        kinds = {"mp4": "v.mp4", "gif": "v.gif", "sheet": "s.png", "poster": "s.jpg", "last_frame": "s.png"}
        placed: dict[str, str] = {}
        for kind, name in kinds.items():
            placed[kind] = run.place(kind, "c", [tmp_path / name], placed.values(), among=Among.PREVIEWS)
        placed["mp4_2"] = run.place("mp4_2", "c", [tmp_path / "v.mp4"], placed.values(), among=Among.PREVIEWS)
        placed["frames"] = run.place("frames", "c", [tmp_path / "s.png"], placed.values(), among=Among.PREVIEWS)
        assert len(set(placed.values())) == len(placed) and all(run.has(one) for one in (*placed.values(), *finals))
        assert all(one.startswith("previews/c") for one in placed.values())
