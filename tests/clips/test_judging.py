from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.judging import Judge, facts_of, failed, frames_of, numbers_of, worst
from vgpipe.clips.same_frames import SameFrames
from vgpipe.config.load import load
from vgpipe.quality.verdict import Result, Verdict
from vgpipe.store.artifacts import Artifact
from vgpipe.store.digest import Key

JUDGE = Judge(load(["clip.prompt=a", "checks=standard"]).checks.limits)
OFF = Judge(load(["clip.prompt=a", "checks=off"]).checks.limits)
NAN = float("nan")


def artifact(files=(), **info) -> Artifact:
    return Artifact(Key("export", {}), Path(), {name: {"bytes": 1, "sha256": name} for name in files}, info)


def test_a_clip_is_judged_by_its_worst_segment():
    files = [artifact(checks=[{"uniform": 60.0}, {"uniform": 0.0}])]
    verdict = failed(JUDGE.clip(["a", "b"], files))
    assert verdict is not None and (verdict.check, verdict.number) == ("uniform", 0.0)
    assert failed(JUDGE.clip(["a"], files)) is None  # it ended after its first segment
    assert OFF.clip(["a", "b"], files) == () and OFF.is_off and not JUDGE.is_off


def test_files_of_older_versions_are_not_judged():
    assert JUDGE.clip(["a"], [artifact()]) is None and numbers_of([artifact(checks="?")]) is None


def test_what_a_stranger_wrote_in_place_of_numbers_is_left_out():
    assert numbers_of([artifact(checks=[{"uniform": "x", "frozen": 1}, 7])]) == [{"frozen": 1.0}, {}]


def test_the_first_of_equal_verdicts_counts():
    found = [Verdict("a", number, 1.0, result) for number, result in ((5, Result.PASSED), (6, Result.WARNED))]
    assert worst([*found, replace(found[1], number=7)]) == (found[1],)


def test_a_file_keeps_what_was_measured_of_its_frames():
    frames = [artifact(["x"], checks={"uniform": 3.0}, measures={"motion": 1.0}), artifact(["y"], checks={})]
    assert facts_of(frames) == {"checks": [{"uniform": 3.0}, {}], "frames_sha256": ["x", "y"]}
    assert facts_of(frames[:1])["measures"] == {"motion": 1.0}
    assert facts_of([artifact(["z"])]) == {} and frames_of([artifact(frames_sha256=["x"])]) == ("x",)


def test_equal_frames_of_another_seed_are_found_and_those_of_another_speed_are_not():
    def verdict(known: SameFrames, judge: Judge = JUDGE, **other):
        return known.verdict(ClipState(replace(PLAIN, **other), [None]), ("x",), judge)

    known = SameFrames()
    first = verdict(known, id="first", seed=1)
    assert first is not None and first.result is Result.PASSED
    assert verdict(known, id="faster", seed=1, fps=30.0).result is Result.PASSED
    assert verdict(known, id="prompt", seed=2, prompt="another").result is Result.PASSED
    second = verdict(known, id="second", seed=2)
    assert second.result is Result.FAILED and "first" in second.says
    assert verdict(SameFrames(), OFF) is None
