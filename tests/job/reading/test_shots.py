"""Clips that are told in shots."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vgpipe.errors import JobError
from vgpipe.job.clip import Clip, Shot
from vgpipe.job.reading.parse import read_job
from vgpipe.job.resolving.continuations import LONG_MODELS
from vgpipe.job.rules import ShapeRules
from vgpipe.job.segments import segments_of

SHORT = ShapeRules(max_side=256, max_num_frames=17)
LONG = replace(SHORT, continuations=("image", "window"))
STORY = """
prompts:
- id: story
  shots:
  - a cat sleeps
  - {prompt: "it wakes: up", seconds: 3}
  - prompt: a dog runs
    num_frames: 20
    cut: true
"""


@pytest.fixture
def clip_of(clips_of):
    """Gives the one clip of a job, of a model that can go on."""

    def found(content: str, name: str = "a.yaml", **given: object) -> Clip:
        (clip,) = clips_of(content, name, **{"rules": LONG, **given}).clips
        return clip

    return found


@pytest.fixture
def told(faults_of):
    """Gives the faults of a list of shots, and of what follows it."""

    def faults(shots: str, more: str = "", **given: object) -> list[str]:
        return faults_of(f"prompts:\n- shots: {shots}\n{more}", **{"rules": LONG, **given})

    return faults


def in_shots(clip: Clip) -> list[tuple[str, int]]:
    return [(shot.prompt, shot.num_frames) for shot in clip.shots]


def test_shots_are_texts_or_mappings(clip_of) -> None:
    clip = clip_of(STORY)
    assert clip.shots == (
        Shot(prompt="a cat sleeps", num_frames=17),
        Shot(prompt="it wakes: up", num_frames=24),
        Shot(prompt="a dog runs", num_frames=20, cut=True),
    )
    assert (clip.prompt, clip.num_frames, clip.continuation.method) == ("a cat sleeps", 61, "image")
    assert clip.id.startswith("story-")
    assert [one.shot for one in segments_of(clip)] == [0, 1, 1, 2, 2]


def test_every_shot_knows_its_line(write) -> None:
    (entry,) = read_job(write(STORY)).entries
    assert (entry.line, entry.prompt, [shot.line for shot in entry.shots]) == (3, "a cat sleeps", [5, 6, 7])
    assert [dict(shot.length.lines) for shot in entry.shots] == [{}, {"seconds": 6}, {"num_frames": 8}]


def test_a_line_of_json_may_hold_shots(clip_of) -> None:
    line = {"shots": ["a", {"prompt": "b", "seconds": 1, "cut": True}], "seed": 7, "num_frames": 30}
    clip = clip_of(json.dumps(line) + "\n", "a.jsonl")
    assert clip.shots == (Shot(prompt="a", num_frames=30), Shot(prompt="b", num_frames=8, cut=True))
    assert clip.seed == 7


def test_the_first_shot_has_nothing_to_be_cut_from(clip_of) -> None:
    cut, plain = (clip_of(f"prompts: [{{shots: [{{prompt: a, cut: {cut}}}, b]}}]") for cut in ("true", "false"))
    assert cut == plain and not any(shot.cut for shot in cut.shots)


def test_a_shot_lasts_what_it_says_else_what_the_entry_the_job_and_the_model_say(clip_of) -> None:
    def lengths(entry: str = "", defaults: str = "{}", **given: object) -> list[int]:
        content = f"defaults: {defaults}\nprompts: [{{shots: [{{prompt: a, seconds: 4}}, b]{entry}}}]"
        return [shot.num_frames for shot in clip_of(content, **given).shots]

    assert lengths() == [32, 17]
    assert lengths(defaults="{seconds: 3}") == [32, 24]
    assert lengths(", num_frames: 50", "{seconds: 3}") == [32, 50]
    assert lengths(", num_frames: 50", seconds=1) == [8, 8]
    assert lengths(num_frames=5) == [5, 5]
    assert lengths(fps=16) == [64, 17]


def test_the_command_lines_prompt_is_literal_and_for_every_shot(clip_of) -> None:
    content = "prompts: [{shots: ['a {c}', {prompt: b, seconds: 3}], matrix: {c: [x]}}]"
    assert in_shots(clip_of(content, prompt="{c}")) == [("{c}", 17), ("{c}", 24)]


def test_other_settings_are_of_the_whole_clip(clip_of) -> None:
    clip = clip_of("prompts: [{shots: [a, b], seed: 3, negative_prompt: dull, continuation: window, width: 128}]")
    assert (clip.seed, clip.negative_prompt, clip.width, clip.continuation.method) == (3, "dull", 128, "window")


@pytest.mark.parametrize(("seconds", "count"), [(0.3, 10), (0.7, 7), (1.0625, 16), (0.1, 1000)])
def test_odd_lengths_add_up_to_the_exact_whole(clip_of, seconds: float, count: int) -> None:
    clip = clip_of(f"prompts: [{{seconds: {seconds}, shots: [{', '.join(['a'] * count)}]}}]", fps=24)
    assert clip.num_frames == sum(shot.num_frames for shot in clip.shots) == round(seconds * count * 24)
    assert {shot.num_frames for shot in clip.shots} <= {int(seconds * 24), int(seconds * 24) + 1}


def test_the_shortest_shot_has_a_frame(clip_of) -> None:
    assert in_shots(clip_of("prompts: [{seconds: 0.01, shots: [a, b]}]")) == [("a", 1), ("b", 1)]


@pytest.mark.parametrize("length", ["seconds: 10", "num_frames: 80", "seconds: 1", "num_frames: 17"])
def test_one_shot_is_a_plain_prompt(clips_of, length: str) -> None:
    content = f"prompts:\n- {{shots: [{{prompt: x, {length}}}]}}\n- {{shots: [x], {length}}}\n- {{prompt: x, {length}}}"
    expansion = clips_of(content, rules=LONG)
    assert [clip.shots for clip in expansion.clips] == [()]
    assert [note.split(" (")[0] for note in expansion.notes] == ["line 3 repeats line 2", "line 4 repeats line 2"]
    assert clips_of(f"prompts: [{{prompt: x, {length}}}]", rules=LONG).clips == expansion.clips


def test_one_shot_needs_no_model_that_goes_on(clip_of) -> None:
    assert clip_of("prompts: [{shots: [{prompt: x, seconds: 1}]}]", rules=SHORT).num_frames == 9


def test_the_id_hangs_on_every_shot(clip_of) -> None:
    def name(shots: str) -> str:
        return clip_of(f"prompts: [{{id: x, shots: [{shots}], seconds: 1}}]").id

    shots = ["a, b", "a, c", "b, a", "a, b, b", "a, {prompt: b, seconds: 2}", "a, {prompt: b, cut: true}"]
    assert len(set(map(name, shots))) == len(shots)
    assert name("a, b") == name("{prompt: a}, {prompt: b, num_frames: 8, cut: false}")


def test_equal_shots_are_rendered_once(clips_of) -> None:
    made = clips_of("prompts:\n- shots: [a, b]\n- {shots: [a, b], seed: 0}\n- shots: [a, c]\n", rules=LONG)
    assert [clip.shots[1].prompt for clip in made.clips] == ["b", "c"]
    assert made.notes == ("line 3 repeats line 2 (same prompt, seed and settings): rendered once",)


def test_places_in_shots_are_filled_from_the_matrix(clips_of) -> None:
    content = (
        "prompts:\n- shots: ['a {c} ball', {prompt: '{{it}} is {c} and {s}'}]\n  seeds: [1, 2]\n"
        "  matrix: {c: [red, blue], s: [big]}\n"
    )
    clips = clips_of(content, rules=LONG).clips
    assert [tuple(shot.prompt for shot in clip.shots) for clip in clips] == [
        (f"a {colour} ball", f"{{it}} is {colour} and big") for colour in ("red", "blue") for _ in range(2)
    ]
    assert [clip.prompt for clip in clips] == [clip.shots[0].prompt for clip in clips]
    assert clips[0].id.startswith("a-red-ball-") and len({clip.id for clip in clips}) == 4


@pytest.mark.parametrize(
    ("shots", "more", "expected"),
    [
        ("['a {d}', b]", "", "a.yaml:2: the prompt of shot 1 has the place {d}, but there is no matrix to fill it -> "),
        ("[a, '{colr}']", "  matrix: {colour: [red]}", "a.yaml:2: the prompt of shot 2 has the place {colr}; the matrix"
         " has colour -> did you mean {colour}?"),
        ("[a, b]", "  matrix: {c: [red]}", 'a.yaml:3: no text uses "c" of the matrix -> '),
        ("[a, '{c}']", "  matrix: {c: ['', red]}", "a.yaml:2: places and choices make a shot's prompt empty -> "),
    ],
)  # fmt: skip
def test_places_and_matrix_must_fit_each_other(told, shots: str, more: str, expected: str) -> None:
    found = told(shots, more)
    assert any(fault.startswith(expected) for fault in found), found


@pytest.mark.parametrize("entry", ["prompt: x\n  shots: [a, b]", "shots: [a, b]\n  prompt: x"])
def test_a_prompt_beside_shots_is_one_fault(faults_of, entry: str) -> None:
    assert faults_of(f"prompts:\n- {entry}\n", rules=LONG) == [
        "a.yaml:3: both prompt and shots are given -> make the prompt the first shot"
    ]


@pytest.mark.parametrize("shots", ["[]", "a cat", "", "{prompt: a}", "3"])
def test_shots_are_a_list(told, shots: str) -> None:
    assert told(shots) == [
        'a.yaml:2: shots is not a list of prompts -> write shots: and under it `- {prompt: "...", seconds: 3}` for each'
    ]


def test_a_clip_has_so_many_shots_at_most(told, clip_of) -> None:
    assert told("[" + "a, " * 1001 + "]") == [
        "a.yaml:2: 1,001 shots; at most 1,000 are allowed in one clip -> split the clip"
    ]
    assert len(clip_of("prompts: [{shots: [" + "a, " * 1000 + "]}]").shots) == 1000


@pytest.mark.parametrize(
    ("shot", "words"),
    [
        ("{promt: a}", ['unknown key "promt"; known: prompt, cut, num_frames, seconds', "did you mean `prompt`?"]),
        ("{prompt: a, secnds: 3}", ["did you mean `seconds`?"]),
        ("{prompt: a, seed: 3}", ['unknown key "seed"', "remove it"]),
        ("{seconds: 3}", ["`prompt` is missing"]),
        ("{prompt: ' '}", ["prompt is empty"]),
        ("{prompt: 5}", ["prompt is 5 without quotes", 'quote it: "5"']),
        ("{prompt: a, seconds: 0}", ["seconds is 0", "must be above 0"]),
        ("{prompt: a, num_frames: 1.5}", ["num_frames is 1.5", "a whole number from 1"]),
        ("{prompt: a, num_frames: 3, seconds: 1}", ["both num_frames and seconds are given"]),
        ("{prompt: a, cut: maybe}", ['cut is the text "maybe"', "true or false"]),
        ("3", ["the prompt of a shot is 3 without quotes", 'quote it: "3"']),
        ("[a]", ["this shot is a list"]),
        ("", ["the prompt of a shot is empty"]),
    ],
)  # fmt: skip
def test_a_faulty_shot_is_named_at_its_line(told, shot: str, words: list[str]) -> None:
    (found,) = told(f"\n  - a\n  - {shot}")
    assert found.startswith("a.yaml:4: ") and all(word in found for word in words), found


def test_all_faults_of_shots_come_at_once(told) -> None:
    found = told(
        "\n  - {prompt: a, sed: 1}\n  - {prompt: ''}\n  - {prompt: '{c}'}\n  width: 60\n- {prompt: x, fsp: 3}\n"
    )
    assert [fault.split(": ")[0] for fault in found] == [f"a.yaml:{line}" for line in range(3, 8)]


def test_a_list_under_a_misspelt_key_is_told_of_shots(faults_of) -> None:
    found = faults_of("prompts:\n- shot: [a, b]\n", rules=LONG)
    assert any("did you mean `shots`?" in fault for fault in found)


@pytest.mark.parametrize("content", ["defaults: {shots: [a]}\nprompts: [x]", "shots: [a, b]\nprompts: [x]"])
def test_shots_are_of_an_entry(faults_of, content: str) -> None:
    (found,) = faults_of(content, rules=LONG)
    assert found.startswith('a.yaml:1: unknown key "shots"; known: ')


def test_a_table_has_no_shots(faults_of) -> None:
    (found,) = faults_of("prompt,shots\nx,y\n", "a.csv", rules=LONG)
    assert found.startswith('a.csv:1: the column "shots"') and found.endswith("-> shots need a .yaml job")


def test_a_model_that_makes_clips_at_once_only_has_one_prompt(told) -> None:
    assert told("[a, b]", rules=SHORT) == [
        "a.yaml:2: 2 shots; the model shapes makes clips of one prompt, 1, 5, 9, ... 17 frames -> " + LONG_MODELS
    ]


def test_a_model_that_needs_an_image_makes_no_cut(told, clip_of) -> None:
    Image.new("RGB", (64, 64)).save("a.png")
    rules = replace(LONG, image="required")
    shots = "\n  - {prompt: a, cut: true}\n  - b\n  - {prompt: c, cut: true}\n  image: a.png\n"
    assert told(shots, rules=rules) == [
        "a.yaml:5: cut: the model shapes begins with an image, and after a cut there is none"
        " -> remove the cut, or make the shot a clip of its own with an image"
    ]
    clip = clip_of(f"prompts:\n- shots: {shots.replace('c, cut: true', 'c')}", rules=rules)
    assert Path(clip.image).name == "a.png" and len(clip.shots) == 3
    assert clip_of(f"prompts:\n- shots: {shots}", rules=replace(rules, image="optional")).shots[2].cut


def test_shots_that_make_too_many_segments_are_refused_first(told) -> None:
    long = "[" + "{prompt: a, seconds: 100}, " * 1000 + "]"
    (found,) = told(long, "  seeds: [1, 2, 3, 4, 5]\n")
    assert found.startswith("a.yaml:2: clips up to here have 250,000 segments; at most 200,000 are allowed -> ")


def test_shots_too_long_when_written_out_are_refused_first(told) -> None:
    wide, long = ",".join(f"v{n}" for n in range(300)), "z" * 19_000
    found = told(f"['{long}{{a}}', '{long}{{b}}']", f"  matrix: {{a: &l [{wide}], b: *l}}\n", seconds=1)
    assert "at most 200,000,000 are allowed" in found[0]


ODD = st.sampled_from([None, True, 0, 5, 1.5, 2**40, "", "x", "{c}", "\ud800", [], ["x"], {}])
ODD_SHOT = ODD | st.dictionaries(st.sampled_from(["prompt", "prompt", "seconds", "num_frames", "cut", "sed"]), ODD)
ODD_ENTRY = st.fixed_dictionaries(
    {"shots": st.lists(ODD_SHOT | st.just("x"), max_size=4) | ODD},
    optional={
        "prompt": ODD,
        "seconds": st.sampled_from([0.01, 3, 1e5, "x"]),
        "matrix": st.just({"c": ["red", ""]}),
        "continuation": st.sampled_from(["auto", "image", "window", "frames", 3]),
        "segment_num_frames": st.sampled_from([1, 5, 16, 17, 81]),
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD_ENTRY, min_size=1, max_size=2))
def test_odd_shots_give_clips_or_a_job_error(clips_of, entries) -> None:
    try:
        made = clips_of("\n".join(map(json.dumps, entries)), "a.jsonl", rules=LONG)
    except JobError as error:
        assert error.faults
        str(error).encode()
    else:
        for clip in made.clips:
            assert sum(one.stop - one.start for one in segments_of(clip)) == clip.num_frames


def test_a_shot_whose_prompt_no_window_would_have_is_refused(faults_of) -> None:
    rules = ShapeRules(max_num_frames=81, segment_num_frames=81, continuations=("window",))
    shots = "[{prompt: a, seconds: 20}, {prompt: b, seconds: 1}, {prompt: c, seconds: 20}]"
    (found,) = faults_of(f"defaults: {{fps: 16, continuation: window}}\nprompts:\n- shots: {shots}\n", rules=rules)
    assert "shot 2 has 16 frames, too few" in found and found.endswith("begin it and the next with cut: true")
