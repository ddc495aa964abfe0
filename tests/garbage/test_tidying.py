from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest

from tests.garbage.scene import DAY_S, OLD_S, Scene
from vgpipe.errors import UsageError
from vgpipe.garbage import tidying as module
from vgpipe.garbage.choice import Beyond
from vgpipe.garbage.removal import AnotherAtWork, alone
from vgpipe.garbage.tidying import Tidying, freeable_bytes, tidy
from vgpipe.garbage.wording import outlook_lines
from vgpipe.store.rundir import RunDir

ALL = ("encode", "denoise", "decode", "tail", "export", "checkpoint")
STAYS = [True] * len(ALL)


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Scene(tmp_path)


def test_a_deleted_run_leaves_nothing_and_a_kept_one_its_finished_files(scene):
    scene.make("gone", *ALL)
    scene.make("kept", *ALL)
    scene.make("left", "encode", "checkpoint", "decode", "tail")
    gone = scene.run("film/1", {"gone": "done"})
    scene.run("film/2", {"kept": "done", "left": "stopped"})
    shutil.rmtree(gone.root)
    before = freeable_bytes(scene.store.root)
    _, freed = tidy(Tidying(scene.store.root))
    assert freed.own_bytes == before > 0
    assert scene.has("gone", *ALL) == [False] * len(ALL)
    assert scene.has("kept", *ALL) == [False, False, False, False, True, False]
    assert scene.has("left", "encode", "checkpoint", "decode", "tail") == [True] * 4
    assert freeable_bytes(scene.store.root) == 0


@pytest.mark.parametrize("state", ["pending", "stopped", "failed"])
@pytest.mark.parametrize("is_old_version", [False, True])
def test_what_an_unfinished_clip_needs_stays_also_where_an_older_version_began_it(scene, state, is_old_version):
    scene.make("clip", *ALL[:-1])
    scene.run("film/1", {"clip": state}, is_old_version=is_old_version)
    tidy(Tidying(scene.store.root))
    assert scene.has("clip", *ALL[:-1]) == [True] * 5


def test_a_draft_keeps_what_continues_it_and_nothing_of_that_stays_once_it_is_finished(scene):
    kept = ("encode", "preview", "score", "checkpoint", "export")
    scene.make("clip", *kept)
    run = scene.run("film/1", {"clip": "drafted"})
    outlook, _ = tidy(Tidying(scene.store.root))
    assert scene.has("clip", *kept) == [True] * 5
    assert "1 with drafts" in "\n".join(outlook_lines(outlook))
    run.write_clips([scene._record("clip", "done", False)])
    scene.age(run.clips, OLD_S)
    tidy(Tidying(scene.store.root))
    assert scene.has("clip", *kept) == [False] * 4 + [True]


def test_a_finished_file_that_a_run_elsewhere_has_linked_stays(scene, tmp_path):
    scene.make("moved", "denoise", "export")
    run = scene.run("film/1", {"moved": "done"})
    shutil.move(run.root, tmp_path / "elsewhere")
    tidy(Tidying(scene.store.root))
    assert scene.has("moved", "denoise", "export") == [False, True]


def test_a_run_elsewhere_is_found_by_the_list_of_the_store(scene, tmp_path):
    scene.make("far", "denoise")
    scene.run(str(tmp_path / "far away"), {"far": "stopped"})
    tidy(Tidying(scene.store.root))
    assert scene.has("far", "denoise") == [True]


def test_nothing_that_is_young_or_lately_used_goes(scene):
    scene.make("young", "denoise", age_s=3600)
    scene.make("used", "denoise", age_s=30 * DAY_S)
    scene.make("old", "denoise", "export", age_s=30 * DAY_S)
    scene.run("film/1", {"used": "done"} if scene.make("used", "export") else {}, age_s=2 * DAY_S)
    tidy(Tidying(scene.store.root, keep_s=5 * DAY_S))
    assert scene.has("young", "denoise") + scene.has("used", "denoise") == [True, True]
    assert scene.has("old", "denoise", "export") == [False, False]
    tidy(Tidying(scene.store.root))
    assert scene.has("young", "denoise") + scene.has("used", "denoise") == [True, False]


def test_a_limit_takes_the_oldest_of_the_first_kind_and_no_more_than_it_must(scene):
    scene.make("a", "denoise", "decode", age_s=9 * DAY_S)
    scene.make("b", "denoise", "encode", age_s=8 * DAY_S)
    scene.run("film/1", {})
    size = Tidying(scene.store.root).outlook().inventory.own_bytes
    limited = Tidying(scene.store.root, max_bytes=size - 5000)
    tidy(limited)  # the frames of one, and the latents of the older one
    assert scene.has("a", "denoise", "decode") + scene.has("b", "denoise", "encode") == [False, False, True, True]


def test_a_limit_goes_further_only_where_it_is_asked_to_and_never_into_a_running_run(scene):
    scene.make("left", "encode", "checkpoint", "decode")
    scene.make("busy", "encode", "checkpoint", "decode")
    scene.run("film/1", {"left": "stopped"})
    busy = scene.run("film/2", {"busy": "pending"})
    tidy(Tidying(scene.store.root, max_bytes=0))
    assert scene.has("left", "encode", "checkpoint", "decode") == [True] * 3
    with busy:
        outlook, _ = tidy(Tidying(scene.store.root, max_bytes=0, beyond=Beyond.UNFINISHED))
    assert [item.kind.value for item in outlook.choice.beyond] == ["frames", "embeds", "checkpoints"]
    assert scene.has("left", "encode", "checkpoint", "decode") == [False] * 3
    assert scene.has("busy", "encode", "checkpoint", "decode") == [True] * 3


def test_what_a_killed_run_made_under_keys_that_it_had_not_recorded_stays(scene):
    run = scene.run("film/1", {}, age_s=10 * DAY_S)
    scene.make("clip", age_s=0)
    scene.make("with other tiles", "denoise", "checkpoint", age_s=5 * DAY_S)
    run.write_clips([scene._record("clip", "pending", False)])
    scene.age(run.clips, 4 * DAY_S)
    tidy(Tidying(scene.store.root))
    assert scene.has("with other tiles", "denoise", "checkpoint") == [True, True]
    run.write_clips([scene._record("clip", "done", False)])
    scene.age(run.clips, 4 * DAY_S)
    tidy(Tidying(scene.store.root))
    assert scene.has("with other tiles", "denoise", "checkpoint") == [False, False]


def test_a_store_from_before_the_list_keeps_what_nobody_lists_for_a_month(scene):
    scene.make("unknown", "denoise", "export", age_s=5 * DAY_S)
    scene.make("ancient", "denoise", age_s=40 * DAY_S)
    outlook, _ = tidy(Tidying(scene.store.root))
    assert [item.digest for item in outlook.choice.unlisted] == [scene.keys["unknown"]["denoise"].digest]
    assert scene.has("unknown", "denoise", "export") == [True, False]  # its file would be linked by its run
    assert scene.has("ancient", "denoise") == [False]


def test_nothing_but_leftovers_goes_while_a_run_cannot_be_read_or_is_just_starting(scene):
    scene.make("gone", "denoise")
    run = scene.run("film/1", {})
    run.clips.unlink()
    draft = scene.store.root / "denoise" / "aa" / ".tmp-0123456789ab-1-abcd-x"
    draft.mkdir(parents=True)
    scene.age(draft, 9 * DAY_S)
    with run:
        outlook, freed = tidy(Tidying(scene.store.root))
    assert list(outlook.needs.unreadable.values()) == ["it is just starting"]
    assert scene.has("gone", "denoise") == [True] and dict(freed.count) == {"leftovers": 1}
    tidy(Tidying(scene.store.root))
    assert scene.has("gone", "denoise") == [False]


def test_a_run_that_begins_after_the_choice_keeps_what_it_needs(scene):
    scene.make("again", "encode", "denoise", "export")
    scene.make("gone", "denoise")
    scene.run("film/1", {})
    tidying = Tidying(scene.store.root)
    outlook = tidying.outlook()
    scene.run("film/2", {"again": "pending"})
    tidying.free(outlook)
    assert scene.has("again", "encode", "denoise", "export") == [True] * 3 and scene.has("gone", "denoise") == [False]


def test_a_file_that_a_run_links_after_the_choice_stays(scene, tmp_path):
    keys = scene.make("again", "export")
    tidying = Tidying(scene.store.root)
    outlook = tidying.outlook()
    os.link(scene.store.folder(keys["export"]) / "data", tmp_path / "linked")
    assert tidying.free(outlook).count == {}
    assert scene.has("again", "export") == [True]


def test_bytes_that_a_run_shares_are_not_counted_as_the_stores(scene):
    scene.make("kept", "export")
    before = Tidying(scene.store.root).outlook().inventory
    scene.run("film/1", {"kept": "done"})
    after = Tidying(scene.store.root).outlook().inventory
    assert (before.shared_bytes, after.shared_bytes) == (0, 900)
    kinds = [sum(item.own_bytes for item in found.items) for found in (before, after)]
    assert kinds[0] - kinds[1] == 900


def test_two_do_not_tidy_one_store_at_once(scene):
    scene.make("gone", "denoise")
    with alone(scene.store.root), pytest.raises(AnotherAtWork, match="nothing was removed"):
        tidy(Tidying(scene.store.root))
    assert issubclass(AnotherAtWork, UsageError)


def test_a_kill_at_any_moment_leaves_whole_artifacts(scene, monkeypatch):
    for number in range(6):
        scene.make(f"clip {number}", "denoise", "decode")
    scene.run("film/1", {})
    calls = []

    class Killed(BaseException):
        pass

    def killed(path, **_):
        calls.append(path)
        (path / "data").unlink()
        raise Killed

    monkeypatch.setattr("vgpipe.garbage.removal.shutil.rmtree", killed)
    with pytest.raises(Killed):
        tidy(Tidying(scene.store.root))
    monkeypatch.undo()
    states = [scene.store.find(scene.keys[f"clip {number}"]["decode"]) for number in range(6)]
    assert sum(state is None for state in states) == 1 and not list(scene.store.root.glob("*/*/bad-*"))
    assert calls[0].name.startswith(".tmp-")


def test_settled_clips_of_the_run_that_asks_need_nothing_but_their_files(scene):
    scene.make("mine", "encode", "denoise", "export", age_s=60)
    scene.make("other", "encode", "denoise", "export", age_s=60)
    mine = scene.run("film/1", {"mine": "done"}, age_s=0)
    scene.run("film/2", {"other": "done"}, age_s=0)
    tidy(Tidying(scene.store.root, max_bytes=0), settled_in=mine.root)
    assert scene.has("mine", "encode", "denoise", "export") == [False, False, True]
    assert scene.has("other", "encode", "denoise", "export") == [True, True, True]


def test_a_damaged_line_counts_as_an_unfinished_clip(scene):
    scene.make("clip", "denoise", "export")
    run = scene.run("film/1", {"clip": "done"})
    run.clips.write_bytes(run.clips.read_bytes().replace(b'"done"', b'"dOne"'))
    scene.age(run.clips, 3 * DAY_S)
    tidy(Tidying(scene.store.root))
    assert scene.has("clip", "denoise", "export") == [True, True]


def test_an_artifact_takes_well_under_a_millisecond_to_look_at(scene, monkeypatch):
    monkeypatch.setattr(module, "OUTPUTS", scene.outputs)
    scene.make("one", "denoise")
    template = scene.path("one", "denoise")
    for number in range(300):
        shutil.copytree(template, template.parents[1] / f"{number % 256:02x}" / f"{number:064x}")
    started = time.process_time()
    assert len(Tidying(scene.store.root).outlook().inventory.items) == 301
    assert time.process_time() - started < 0.5


def test_it_imports_no_model_library():
    code = (
        "import sys, vgpipe.garbage.wording, vgpipe.commands.gc; print({'torch', 'numpy', 'hydra'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_an_empty_run_directory_needs_nothing(scene):
    scene.make("gone", "denoise")
    RunDir(scene.outputs / "film" / "1").root.mkdir(parents=True)
    scene.run("film/2", {})
    tidy(Tidying(scene.store.root))
    assert scene.has("gone", "denoise") == [False]
