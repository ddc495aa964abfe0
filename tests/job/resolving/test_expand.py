"""From the job to its clips."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vgpipe.errors import JobError
from vgpipe.job.clip import Clip
from vgpipe.job.declared import OF_CLIP, names_set_by
from vgpipe.job.naming import clip_id
from vgpipe.job.reading.parse import read_job
from vgpipe.job.resolving import expand as expand_module
from vgpipe.job.resolving.expand import expand
from vgpipe.job.rules import ShapeRules
from vgpipe.job.settings import SetBy

OVERRIDES = names_set_by(SetBy.COMMAND_LINE)
MATRIX_JOB = """
prompts:
  - prompt: a {c} {s} ${oc.env:HOME} {{x}}
    negative_prompt: no {c}
    id: Shots/../{s} {c}
    seeds: [1, 2]
    matrix: {c: [red, 1.50], s: [disc, square]}
"""


def test_matrix_and_seeds_are_written_out_in_order(clips_of) -> None:
    clips = clips_of(MATRIX_JOB).clips
    assert [clip.seed for clip in clips] == [1, 2] * 4
    assert [clip.prompt for clip in clips[::2]] == [
        f"a {c} {s} ${{oc.env:HOME}} {{x}}" for c in ("red", "1.50") for s in ("disc", "square")
    ]
    assert clips[4].negative_prompt == "no 1.50"
    assert clips[4].id.startswith("shots-disc-1-50-")
    assert len({clip.id for clip in clips}) == 8


def test_without_a_job_there_is_one_clip(clips_of) -> None:
    (clip,) = clips_of(None, prompt="a {c} ball", seed=5).clips
    expected = Clip(
        id=clip.id, prompt="a {c} ball", negative_prompt="", seed=5, width=64, height=64, num_frames=17,
        fps=8.0, num_inference_steps=8, guidance_scale=5.0, model="shapes",
    )  # fmt: skip
    assert clip == expected and clip.id.startswith("a-c-ball-") and isinstance(clip.fps, float)


def test_without_a_job_or_a_prompt_nothing_can_be_made(faults_of) -> None:
    (fault,) = faults_of(None)
    assert fault.startswith("clip.prompt: no prompt given -> ")


def test_an_override_of_the_prompt_is_literal_and_for_all(clips_of) -> None:
    expansion = clips_of(MATRIX_JOB, prompt="{c} ${x}", negative_prompt="")
    assert [clip.prompt for clip in expansion.clips] == ["{c} ${x}"] * 2
    assert expansion.notes == ("line 3 makes the same clip more than once: rendered once",)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"width": 60}, ["clip.width: width is 60", "64"]),
        ({"seconds": 60.0}, ["clip.seconds: seconds is 60"]),
        ({"num_frames": 5, "seconds": 1.0}, ["clip.seconds: both clip.num_frames and clip.seconds"]),
        ({"seed": -1, "fps": 0.0}, ["clip.seed: seed is -1", "clip.fps: fps is 0"]),
        ({"sed": 1}, ['clip.sed: unknown key "sed"', "did you mean `seed`"]),
        ({"prompt": " "}, ["clip.prompt: prompt is empty"]),
    ],
)
@pytest.mark.parametrize("job", [None, "prompts: [x]"])
def test_a_faulty_override_is_named_by_its_key(faults_of, job, overrides, words: list[str]) -> None:
    given = overrides if job else {"prompt": "x", **overrides}
    found = faults_of(job, **given)
    for word in words:
        assert word in "\n".join(found)
    assert all(fault.startswith("clip.") for fault in found) and len(found) <= 2


def test_an_override_mends_a_size_that_the_model_cannot_make(clips_of) -> None:
    assert clips_of("prompts: [{prompt: x, width: 60}]", width=64).clips[0].width == 64


def test_sizes_that_the_config_asks_for_in_vain_are_named_there() -> None:
    with pytest.raises(JobError) as caught:
        expand(
            None,
            overrides={"prompt": "x"},
            preset={"width": 60, "num_inference_steps": 1, "guidance_scale": 1.0},
            reference={"height": 50, "num_frames": 5, "fps": 8.0},
            rules=ShapeRules(),
            model="m",
        )
    first, second = map(str, caught.value.faults)
    assert first.startswith("quality.width: width is 60") and second.startswith("model.height: height is 50")


ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        5,
        64,
        8.0,
        1.5,
        2**63,
        10**30,
        1e308,
        float("nan"),
        "",
        "x",
        "{c}",
        "{d} {{",
        "\ud800",
        "3",
    ]
)
ODD_ENTRY = st.dictionaries(
    st.sampled_from([*OVERRIDES, "id", "seeds", "matrix", "shots", "prompt", "prompt", "sed", "<<"]),
    ODD | st.lists(ODD, max_size=3) | st.dictionaries(st.sampled_from("cd"), st.lists(ODD, max_size=3), max_size=2),
    max_size=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD_ENTRY, min_size=1, max_size=3), st.dictionaries(st.sampled_from(OVERRIDES), ODD, max_size=2))
def test_odd_values_give_clips_or_a_job_error(clips_of, entries, overrides) -> None:
    try:
        made = clips_of("\n".join(map(json.dumps, entries)), "a.jsonl", **overrides)
    except JobError as error:
        assert error.faults
        str(error).encode()
    else:
        assert made.clips


def test_equal_clips_are_rendered_once(clips_of) -> None:
    expansion = clips_of("prompts:\n- x\n- y\n- {prompt: x, id: other, seed: 0, seconds: 2}\n- {prompt: x, seed: 1}\n")
    assert [(clip.prompt, clip.seed) for clip in expansion.clips] == [("x", 0), ("y", 0), ("x", 1)]
    assert expansion.notes == ("line 4 repeats line 2 (same prompt, seed and settings): rendered once",)


def test_many_notes_are_counted_not_shown(clips_of) -> None:
    notes = clips_of("prompts:\n" + "- x\n" * 50).notes
    assert len(notes) == 21 and notes[-1] == "and 29 more lines repeat others"


def test_clips_that_would_share_a_name_get_other_digests(clips_of, monkeypatch) -> None:
    def colliding(stem: str, settings: dict, attempt: int = 0) -> str:
        return clip_id(stem, settings if attempt else {})

    monkeypatch.setattr(expand_module, "clip_id", colliding)
    first, second = clips_of("prompts: [{prompt: x, seeds: [1, 2]}]").clips
    assert first.id != second.id and first.seed != second.seed


PROMPTS = st.sampled_from(["x", "X", "x ", "x!", "é", "e\u0301", "É", "ß", "ss", "con", "日本", "a" * 90, "a" * 91])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PROMPTS, st.integers(0, 2)), min_size=1, max_size=12))
def test_ids_differ_on_any_file_system_and_settings_differ_too(clips_of, pairs) -> None:
    lines = [f"- {{prompt: '{prompt}', seed: {seed}}}" for prompt, seed in pairs]
    clips = clips_of("prompts:\n" + "\n".join(lines)).clips
    assert len({clip.id.casefold() for clip in clips}) == len(clips)
    made = {tuple(getattr(clip, name) for name in OF_CLIP) for clip in clips}
    assert len(made) == len(clips) == len({(prompt.strip(), seed) for prompt, seed in pairs})
    assert all(len(clip.id.encode()) <= 80 for clip in clips)


def test_an_id_changes_with_every_setting() -> None:
    base = dict(
        prompt="x", negative_prompt="", seed=0, width=64, height=64, num_frames=5, fps=8.0,
        num_inference_steps=2, guidance_scale=1.0,
    )  # fmt: skip
    other = dict(
        prompt="X", negative_prompt="y", seed=1, width=80, height=80, num_frames=9, fps=9.0,
        num_inference_steps=3, guidance_scale=2.0,
    )  # fmt: skip

    def name(model: str = "m", **changed: object) -> str:
        made = expand(None, overrides={**base, **changed}, preset={}, reference={}, rules=ShapeRules(), model=model)
        return made.clips[0].id

    names = [name(), name("n"), *(name(**{key: value}) for key, value in other.items())]
    assert len(set(names)) == len(base) + 2


VALUES = ",".join(f"v{n}" for n in range(99))
SEEDS = ",".join(map(str, range(2000)))


@pytest.mark.parametrize(
    "job",
    [
        f"prompts:\n- prompt: '{{a}}{{b}}{{c}}'\n  matrix: {{a: &l [{VALUES}], b: *l, c: *l}}\n",
        f"defaults: {{seeds: [{SEEDS}]}}\nprompts:\n" + "- x\n" * 60,
    ],
    ids=["matrix", "seeds"],
)
def test_a_job_that_would_fill_the_memory_is_refused_first(faults_of, job: str) -> None:
    start = time.perf_counter()
    (fault,) = faults_of(job)
    assert "at most 100,000 are allowed" in fault
    assert time.perf_counter() - start < 2


def test_prompts_too_long_when_written_out_are_refused_first(faults_of) -> None:
    value = "y" * 15_000
    found = faults_of(f"prompts:\n- {{prompt: '{{a}}{{a}}', matrix: {{a: [{value}]}}}}\n")
    assert "with its places filled has up to 30,006 characters" in found[0]
    long, wide = "z" * 19_000, ",".join(f"v{n}" for n in range(300))
    found = faults_of(f"prompts:\n- {{prompt: '{long}{{a}}{{b}}', matrix: {{a: &l [{wide}], b: *l}}}}\n")
    assert "at most 200,000,000 are allowed" in found[0]


def test_ten_thousand_prompts_take_seconds(write) -> None:
    lines = [
        f"  - {{prompt: 'a red {{c}} {n}', seed: {n}, width: 64, seconds: 1, matrix: {{c: [disc]}}}}\n"
        for n in range(10_000)
    ]
    path = write("prompts:\n" + "".join(lines))
    start = time.process_time()
    reference = dict(height=64, num_frames=17, fps=8, num_inference_steps=8, guidance_scale=5.0)
    made = expand(read_job(path), overrides={}, preset={}, reference=reference, rules=ShapeRules(), model="m")
    assert len(made.clips) == 10_000
    # Takes 1.2 s on one core of a laptop; the rest is for slow machines.
    assert time.process_time() - start < 10


def test_clips_are_frozen(clips_of) -> None:
    clip = clips_of("prompts: [x]").clips[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        clip.seed = 3
