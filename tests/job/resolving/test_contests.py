"""Which clips compete, with which seeds, and after which steps they are judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.job.conftest import PRESET
from vgpipe.clips.clip_record import clip_of_record
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import ConfigError, JobError
from vgpipe.job.faults import Faults
from vgpipe.job.resolving.contests import BestOf, contest_rules
from vgpipe.job.resolving.picks import name_of
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource
from vgpipe.provenance.recipe import clip_facts

OF_PRESET = {**PRESET, "best_of": 3}


def _contests(expansion) -> list[tuple[int, ...] | None]:
    return [clip.contest and (clip.contest.best_of, clip.contest.keep, *clip.contest.at) for clip in expansion.clips]


@pytest.mark.parametrize(
    ("job", "overrides", "seeds", "contests"),
    [
        ("prompts: [{prompt: a, seed: 5, best_of: 2}]", {}, [5, 6], [(2, 1, 2, 3)] * 2),
        ("prompts: [{prompt: a, best_of: 2}, b]", {}, [0, 1, 0], [(2, 1, 2, 3)] * 2 + [None]),
        ("defaults: {takes: 4}\nprompts: [{prompt: a, best_of: 2}]", {}, [0, 1], [(2, 1, 2, 3)] * 2),
        ("defaults: {best_of: 4}\nprompts: [{prompt: a, takes: 2}]", {}, [0, 1], [None, None]),
        ("prompts: [{prompt: a, best_of: 4}]", {"best_of": 1}, [0], [None]),
        ("prompts: [{prompt: a, seeds: [7]}]", {"best_of": 2, "seed": 1}, [1, 2], [(2, 1, 2, 3)] * 2),
        ("prompts: [{prompt: a, best_of: 4, best_of_at: [4]}]", {"best_of": 2}, [0, 1], [(2, 1, 4)] * 2),
        ("prompts: [{prompt: a, best_of: 2, num_inference_steps: 2}]", {}, [0, 1], [(2, 1, 1)] * 2),
    ],
)
def test_a_contest_takes_seeds_as_takes_do(clips_of, job, overrides, seeds, contests):
    expansion = clips_of(job, **overrides)
    assert [clip.seed for clip in expansion.clips] == seeds and _contests(expansion) == contests


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("best_of: 4, best_of_keep: 4", "4 of 4 clips are to be kept, so that none competes -> keep at most 3"),
        ("best_of: 4, best_of_keep: 9", "9 of 4 clips are to be kept"),
        (
            "best_of: 4, best_of_at: [4, 8]",
            "judged after step 8, but they have 8 -> name steps below 8",
        ),
        ("best_of: 4, best_of_at: [4, 2]", "do not increase: 4, 2 -> sort them"),
        ("best_of: 4, best_of_at: [4, 4]", "do not increase: 4, 4"),
        ("best_of: 4, best_of_at: [50%, 2]", "do not increase: 50%, 2"),
        ("best_of: 4, seeds: [1, 2]", "best_of is 4, but `seeds` says which seeds are rendered -> keep one of them"),
        ("best_of: 4, takes: 2", "best_of is 4, but `takes` says which seeds are rendered -> keep one of them"),
        ("best_of: 4, num_inference_steps: 1", "the clip has a single step, after which it is finished"),
        ("best_of_keep: 2", "best_of_keep has no effect without best_of -> add best_of: 8, or remove it"),
        ("best_of: 4, seed: 18446744073709551615", "best_of is 4, and the seeds from 18446744073709551615 on"),
    ],
)
def test_a_contest_without_sense_is_refused_with_its_line(faults_of, entry, words):
    (fault,) = faults_of(f"prompts:\n- {{prompt: a, {entry}}}\n")
    assert fault.startswith("a.yaml:2: ") and words in fault


def test_a_list_of_seeds_is_not_overridden_without_a_first_seed(faults_of):
    (fault,) = faults_of("prompts: [{prompt: a, seeds: [1, 2]}]", best_of=4)
    assert fault.endswith("-> add clip.seed=1, or leave clip.best_of out") and fault.startswith("clip.best_of: ")


def test_what_a_preset_asks_for_gives_way_to_seeds_and_takes_of_the_job_and_says_so(clips_of):
    expansion = clips_of("prompts: [a, {prompt: b, seeds: [4]}, {prompt: c, takes: 2}]", preset=OF_PRESET)
    assert [clip.contest is not None for clip in expansion.clips] == [True] * 3 + [False] * 3
    assert [note for note in expansion.notes if "no best of 3" in note] == [
        "a.yaml:1: no best of 3: seeds says which seeds are rendered",
        "a.yaml:1: no best of 3: takes says which seeds are rendered",
    ]


def test_clips_that_compete_have_the_same_words_and_each_combination_is_a_contest_of_its_own(clips_of):
    clips = clips_of("prompts: [{prompt: 'a {c} {d|e|f|g|h|i}', best_of: 5, matrix: {c: [x, y]}}]")
    first, second = clips.clips[:5], clips.clips[5:]
    assert len({clip.prompt for clip in first}) == len({clip.prompt for clip in second}) == 1
    assert {clip.contest.name for clip in first} == {first[0].id} and second[0].contest.name == second[0].id


def test_a_clip_competes_in_one_place_only(clips_of, faults_of, write):
    assert len(clips_of("prompts: [{prompt: a, best_of: 3}, {prompt: a, best_of: 3}]").clips) == 3
    for other in ("{prompt: a, seed: 2}", "{prompt: a, seed: 2, best_of: 2}", "{prompt: a, best_of: 2}"):
        (fault,) = faults_of(f"prompts:\n- {{prompt: a, best_of: 3}}\n- {other}\n")
        assert fault.startswith("a.yaml:3: line 2 makes a clip of the same prompt, seed and settings"), other
    write("prompts: [{prompt: a, best_of: 3}]")
    write("prompts: [{prompt: a, seed: 1}]", "b.yaml")
    with pytest.raises(JobError, match=r"is one of a\.yaml too, outside of its contest"):
        request(load(["job=[a.yaml,b.yaml]"]))


def test_a_clip_has_the_id_and_recipe_that_it_has_alone_and_its_record_keeps_the_contest(clips_of):
    (alone,), (clip, _) = clips_of("prompts: [a]").clips, clips_of("prompts: [{prompt: a, best_of: 2}]").clips
    assert clip == replace(alone, contest=clip.contest)
    assert clip_facts(clip) == clip_facts(alone)
    record = {**clip_facts(clip), "contest": {"name": clip.id, "best_of": 2, "keep": 1, "at": [2, 3]}}
    assert clip_of_record(record) == clip
    for wrong in ({"at": []}, {"at": [3, 2]}, {"at": [8]}, {"keep": 2}, {"keep": 0}):
        with pytest.raises(ValueError, match="contest: "):
            clip_of_record({**record, "contest": {**record["contest"], **wrong}})


def test_drafts_and_contests_exclude_each_other_and_picked_clips_compete_with_none(write):
    write("prompts: [{prompt: a, best_of: 3}]")
    with pytest.raises(ConfigError, match="wait for a pick after 40% steps, and the best of 3") as caught:
        request(load(["job=a.yaml", "draft=40%"]))
    assert "add clip.best_of=1" in str(caught.value)
    clips = request(load(["job=a.yaml"])).clips
    (picked,) = request(load(["job=a.yaml", f"pick=[{name_of(clips[2])}]"])).clips
    assert picked == replace(clips[2], contest=None)


@pytest.mark.parametrize("value", ["4", "[200%]", "[0]", "{a: 1}"])
def test_steps_that_are_none_are_refused_with_what_to_type(value):
    with pytest.raises(ConfigError, match=r"type '?clip\.best_of_at=\[4, 8\]"):
        load(["clip.prompt=a", "clip.best_of=3", f"clip.best_of_at={value}"])


MARKS = st.one_of(st.integers(1, 40), st.integers(1, 99).map(lambda share: f"{share}%"))


@given(
    num=st.integers(2, 40),
    keep=st.integers(1, 45),
    at=st.lists(MARKS, min_size=1, max_size=5),
    steps=st.integers(1, 40),
)
def test_whatever_is_asked_for_comes_to_an_end_or_is_refused(num, keep, at, steps):
    source = SettingSource({}, "", {})
    names = {"best_of": num, "best_of_keep": keep, "best_of_at": at}
    faults = Faults("a.yaml")
    wanted = BestOf(*(ResolvedSetting(name, value, source) for name, value in names.items()))
    contest = contest_rules(wanted, steps, faults)
    assert (contest is None) == bool(len(faults))
    if contest is not None:
        assert contest.at and list(contest.at) == sorted(set(contest.at))
        assert contest.at[0] > 0 and contest.at[-1] < steps and 0 < contest.keep < contest.best_of
